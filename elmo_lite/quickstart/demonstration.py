"""Commands that are shown as they run: title, command line and output."""

from __future__ import annotations

import contextlib
import io
import shlex
from collections.abc import Iterator, Sequence

LINE_LENGTH = 80
"""Number of characters after which a command line is broken before the next flag."""


def title(text: str) -> None:
    """Print the title of a step."""
    print(f"\n== {text}", flush=True)


def run(name: str, *arguments: object) -> None:
    """Print a command line and run exactly this command.

    Args:
        name: Name of the command, as in ``all_commands``.
        arguments: Arguments after the name, converted by ``str``.
    """
    from elmo_lite.cli.main import all_commands, run_command

    argv = [str(argument) for argument in arguments]
    print(f"   $ {_command_line(name, argv)}", flush=True)
    with _indented():
        run_command(name, all_commands()[name], argv)


def _command_line(name: str, argv: Sequence[str]) -> str:
    """Command line to copy into a shell; a long one is broken before a flag."""
    lines = [f"elmo-lite {name}"]
    for argument in argv:
        word = shlex.quote(argument)
        if argument.startswith("--") and len(lines[-1]) >= LINE_LENGTH:
            lines.append(f"    {word}")
        else:
            lines[-1] += f" {word}"
    return " \\\n   ".join(lines)


@contextlib.contextmanager
def _indented() -> Iterator[None]:
    """Capture standard output, and print it at the end, indented by three columns."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        yield
    for line in output.getvalue().splitlines():
        print(f"   {line}".rstrip())
