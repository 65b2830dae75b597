"""The corpus that every Python carries: English prose, as ``elmo-lite quickstart`` takes it."""

from __future__ import annotations

import logging
from pathlib import Path
from tempfile import TemporaryDirectory

from elmo_lite.corpus.builder import CorpusSettings, build_corpus
from elmo_lite.text.python_prose import HELD_OUT, TRAIN, write_parts

log = logging.getLogger("elmo_lite")

PYTHON = "python"
"""Name that stands for this corpus."""


def python_corpus(directory: Path) -> Path:
    """The corpus, built in a directory unless something is there already.

    Raises:
        CorpusError: This Python has neither the sources of the standard library nor language topics.
    """
    if not directory.exists():
        with TemporaryDirectory() as name:
            folder = Path(name)
            write_parts(folder)
            held_out = [str(folder / HELD_OUT)]
            build_corpus([str(folder / TRAIN)], directory, CorpusSettings(), held_out=held_out, progress=False)
        log.info("the prose that Python carries was written to %s", directory)
    return directory
