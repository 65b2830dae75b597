"""The command ``elmo-lite ladder``. PyTorch and Lightning are imported once it runs."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from elmo_lite.hardware import keep_freed_memory
from elmo_lite.ladder.config import LadderConfig


def default_settings(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Default settings of ``ladder_command``: those of the ladder to resume.

    Raises:
        CheckpointError: There is no such ladder.
    """
    if not arguments["resume"]:
        return {}
    from elmo_lite.ladder.ladder import stored_config

    return stored_config(Path(arguments["out"]))


def ladder_command(
    config: LadderConfig,
    corpus: str,
    out: str,
    *,
    test: str | None = None,
    resume: bool = False,
    quiet: bool = False,
) -> None:
    """Compare language models on one text: n-grams, feed-forward, RNN, GRU, LSTM, character CNN, biLM.

    Args:
        config: Settings of the ladder.
        corpus: Corpus directory, as written by "elmo-lite corpus"; or python, for the English prose that Python
            carries, of which a corpus is made in OUT_corpus.
        out: Output directory for results, pictures and models; absent or empty unless --resume is given.
        test: Text to measure all models on once more at the end, beside the held-out part of the corpus.
        resume: Continue the ladder in --out at the model where it was.
        quiet: Show no progress.
    """
    from elmo_lite.ladder.ladder import RESULTS, climb
    from elmo_lite.ladder.pictures import GRADIENTS, PERPLEXITY
    from elmo_lite.ladder.python_corpus import PYTHON, python_corpus
    from elmo_lite.ladder.results import order_found, sentences, table

    keep_freed_memory()
    directory = corpus
    if corpus == PYTHON and not Path(corpus).exists():
        directory = str(python_corpus(Path(f"{out}_corpus")))
    results = climb(config, directory, out, test=test, resume=resume, progress=not quiet, corpus_name=corpus)
    print(table(results))
    if found := order_found(results):
        print(f"\n{found}")
    print(f"\ngenerated, seed {config.seed}:\n{sentences(results)}\n")
    for name, label in ((RESULTS, "results"), (PERPLEXITY, "picture"), (GRADIENTS, "picture")):
        if (Path(out) / name).exists():
            print(f"{label:<10}{Path(out) / name}")
    print(f"report    elmo-lite report {shlex.quote(out)}")
