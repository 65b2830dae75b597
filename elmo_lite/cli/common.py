"""Options of every command: ``--quiet``, ``--threads``, ``--max_line_bytes``, ``--version`` and helps."""

from __future__ import annotations

import logging
import os
import sys
from argparse import SUPPRESS, Action
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from elmo_lite import __version__
from elmo_lite.cli.help import short_help
from elmo_lite.errors import require
from elmo_lite.text.lines import LineLimit

COMMON = "common options"
"""Title of their group in the help."""
QUIET = "quiet"
"""Parameter by which a function learns of ``--quiet``, if it has progress to show."""
_MAX_THREADS = 1024
_THREADS_VARIABLE = "OMP_NUM_THREADS"


class StandardErrorHandler(logging.StreamHandler[Any]):
    """Log handler that writes to the standard error of the moment."""

    def __init__(self) -> None:
        """Make a handler without a stream of its own."""
        logging.Handler.__init__(self)

    @property
    def stream(self) -> Any:
        """Standard error."""
        return sys.stderr


class _Print(Action):
    """Print a text and exit."""

    def __init__(self, option_strings: list[str], dest: str, *, what: str, help: str) -> None:
        """Make a flag without a value."""
        super().__init__(option_strings, SUPPRESS, nargs=0, default=SUPPRESS, help=help)
        self.what = what

    def __call__(self, parser: Any, *_: Any) -> None:
        """Print ``what``: the version, the short help or the whole help."""
        version = f"{parser.prog.split()[0]} {__version__}\n"
        sys.stdout.write(
            version if self.what == "version" else short_help(parser) if self.what == "help" else parser.format_help()
        )
        parser.exit()


def add_common_options(group: Any) -> None:
    """Add the options of every command to a group of a parser that was made with ``add_help=False``."""
    helps = {
        ("-h", "--help"): "Show the options that most users need, and exit.",
        ("--help_all",): "Show all options, rare ones and all settings included, and exit.",
        ("-V", "--version"): "Show the version and exit.",
    }
    for flags, text in helps.items():
        group.add_argument(*flags, action=_Print, what=flags[-1].removeprefix("--"), help=text)
    group.add_argument(f"--{QUIET}", action="store_true", help="Show results, warnings and errors alone, no progress.")
    group.add_argument(
        "--threads",
        type=int,
        default=None,
        help=f"Number of CPU threads, in 1..{_MAX_THREADS}. Defaults to the number of cores.",
    )
    group.add_argument(
        "--max_line_bytes",
        type=int,
        default=LineLimit.num_bytes,
        help="Maximum number of bytes of a line or record of an input, which bounds memory.",
    )


@contextmanager
def common_options(quiet: bool, threads: int | None, max_line_bytes: int = LineLimit.num_bytes) -> Iterator[None]:
    """Apply the options of every command to the process for the duration of the command.

    Raises:
        ConfigError: The number of threads or of bytes is out of range.
    """
    require(threads is None or 1 <= threads <= _MAX_THREADS, "--threads", f"a number in 1..{_MAX_THREADS}", threads)
    require(max_line_bytes >= 1, "--max_line_bytes", "1 or more", max_line_bytes)
    logger, limit = logging.getLogger("elmo_lite"), LineLimit.num_bytes
    level, variable = logger.level, os.environ.get(_THREADS_VARIABLE)
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch is not None else 0
    try:
        LineLimit.num_bytes = max_line_bytes
        if quiet:
            logger.setLevel(logging.WARNING)
        if threads is not None:
            os.environ[_THREADS_VARIABLE] = str(threads)  # of torch, if it is imported later, and of child processes
            if torch is not None:
                torch.set_num_threads(threads)
        yield
    finally:
        LineLimit.num_bytes = limit
        logger.setLevel(level)
        if threads is not None:
            if torch is not None:
                torch.set_num_threads(before)
            if variable is None:
                del os.environ[_THREADS_VARIABLE]
            else:
                os.environ[_THREADS_VARIABLE] = variable
