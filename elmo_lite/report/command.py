"""The command ``elmo-lite report``."""

from __future__ import annotations

import sys
from pathlib import Path

from elmo_lite.errors import ConfigError
from elmo_lite.files import STANDARD_STREAM, write_text
from elmo_lite.paths import expanded
from elmo_lite.report.report import make_report


def report_command(runs: list[str], *, out: str = "report.html", overwrite: bool = False) -> None:
    """Show what runs have left, in one HTML page.

    Args:
        runs: Directories of runs: of "elmo-lite pretrain", of "elmo-lite ner train" and the like, of "elmo-lite
            ladder"; a run may be in progress. Runs of one kind are compared.
        out: File to write: one HTML page that needs no network and no other file; - for standard output.
        overwrite: Replace the file if it exists.
    """
    if out != STANDARD_STREAM:
        _check_out(expanded(out), overwrite)
    page, number = make_report(runs)
    if out == STANDARD_STREAM:
        sys.stdout.write(page)
        return
    write_text(expanded(out), page)
    size = f"{len(page.encode()) / 1000:,.0f} kB"
    print(f"report  {out} ({number} {'run' if number == 1 else 'runs'}, {size}): open it in a browser")


def _check_out(out: Path, overwrite: bool) -> None:
    """Check that the page can be written, before runs are read.

    Raises:
        ConfigError: There is a file, or no folder to write in.
    """
    if out.exists() and not out.is_file():
        found = "a directory" if out.is_dir() else "a device"
        raise ConfigError(f"{out}: expected a file to write, found {found}")
    if out.exists() and not overwrite:
        raise ConfigError(f"{out}: expected no such file (or --overwrite), found one")
    if not out.parent.is_dir():
        raise ConfigError(f"{out}: expected the directory {out.parent} to write in, found none")
