"""Commands run before the reader's eyes: a title, the command line, what it prints."""

from __future__ import annotations

import contextlib
import io
import shlex
from collections.abc import Iterator, Sequence

LINE_LENGTH = 80
"""Characters after which a command line goes on below."""


def title(text: str) -> None:
    """Begin a step."""
    print(f"\n== {text}", flush=True)


def run(name: str, *arguments: object) -> None:
    """Show a command line and run it, so that what the reader sees is what was done.

    Args:
        name: of the command, as ``all_commands`` has it.
        arguments: whatever is wanted after the name, as ``str`` spells it.
    """
    from elmo_lite.cli.main import all_commands, run_command

    argv = [str(argument) for argument in arguments]
    print(f"   $ {_command_line(name, argv)}", flush=True)
    with _indented():
        run_command(name, all_commands()[name], argv)


def _command_line(name: str, argv: Sequence[str]) -> str:
    """As one would type it: broken before a flag where it gets long, so that it can still be copied."""
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
    """Print what is printed inside three columns to the right, at the end."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        yield
    for line in output.getvalue().splitlines():
        print(f"   {line}".rstrip())
