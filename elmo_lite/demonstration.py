"""Commands run before the reader's eyes: a title, the command line, what it prints."""

from __future__ import annotations

import contextlib
import io
import shlex
from collections.abc import Iterator


def title(text: str) -> None:
    """Begin a step."""
    print(f"\n== {text}", flush=True)


def run(name: str, *arguments: object) -> None:
    """Show a command line and run it, so that what the reader sees is what was done.

    Args:
        name: of the command, as ``all_commands`` has it.
        arguments: whatever is wanted after the name, as ``str`` spells it.
    """
    from elmo_lite.cli import all_commands, run_command

    argv = [str(argument) for argument in arguments]
    print(f"   $ elmo-lite {name} {shlex.join(argv)}", flush=True)
    with _indented():
        run_command(name, all_commands()[name], argv)


@contextlib.contextmanager
def _indented() -> Iterator[None]:
    """Print what is printed inside three columns to the right, at the end."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        yield
    for line in output.getvalue().splitlines():
        print(f"   {line}".rstrip())
