"""Five-minute demonstration on text that comes with Python: corpus, pretraining, perplexity, vectors and task heads."""

from __future__ import annotations

import contextlib
import io
import json
import platform
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from elmo_lite.errors import ConfigError
from elmo_lite.ladder.kneser_ney import KneserNey, perplexity
from elmo_lite.quickstart.demonstration import run, title
from elmo_lite.quickstart.heads import HEADS, LAYERS, installed_heads, train_heads
from elmo_lite.report.kinds import kind_of
from elmo_lite.text.python_prose import HELD_OUT, TRAIN, write_parts

if TYPE_CHECKING:
    from elmo_lite.corpus.corpus import Corpus

EXAMPLES = {
    "The file is closed when the block is left.": "file",
    "Return a new list with the elements in reverse order.": "list",
    "Exceptions are raised by the interpreter.": "interpreter",
}
"""Sentences, each with the word whose vector is shown."""
WORD = "set"
SENSES = (
    "This flag is set to true when the connection is closed.",
    "Return the set of all names that are used in the module.",
    "This method can be used to set the value of an option.",
)
NUM_NEIGHBORS = 4
ENGLISH = "en"
"""The packaged model, which the heads use."""


def quickstart_command(
    *, out: str = "quickstart", max_time: str = "3m", max_steps: int | None = None, overwrite: bool = False
) -> None:
    """Pretrain a tiny model on the English prose that Python carries, and use it; no network is needed.

    Args:
        out: Directory for the text, the corpus, the model and the heads.
        max_time: Duration of the training, such as 90s or 3m.
        max_steps: Number of training steps, instead of a duration.
        overwrite: Replace what an earlier quickstart left there.
    """
    started = time.monotonic()
    folder = Path(out)
    _prepare(folder, overwrite)
    print(f"elmo_lite quickstart: everything goes to {folder}/")
    _write_text(folder)
    corpus = _build_corpus(folder)
    _pretrain(folder, max_time, max_steps)
    _compare_perplexity(folder, corpus)
    _show_vectors(folder)
    _show_contexts(folder)
    train_heads(folder, ENGLISH)
    _report(folder)
    _say_what_next(folder, time.monotonic() - started)


def _prepare(folder: Path, overwrite: bool) -> None:
    """Create the folder, and remove the output of an earlier quickstart but nothing else.

    Raises:
        ConfigError: The path is a file, or there is earlier output and ``overwrite`` is false.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder}: expected a folder or nothing there, found a file")
    made = ("corpus", "pretrained", LAYERS, *(head.task for head in HEADS))
    left = [folder / name for name in made if (folder / name).exists()]
    if left and not overwrite:
        raise ConfigError(f"{left[0]}: exists already; add --overwrite to do the quickstart again")
    for path in left:
        shutil.rmtree(path)
    folder.mkdir(parents=True, exist_ok=True)


def _write_text(folder: Path) -> None:
    """Write the prose and its two parts."""
    title(f"Text: the English prose of Python {platform.python_version()} (help topics, docstrings of its library)")
    for name, (documents, words) in write_parts(folder).items():
        print(f"   {name:<13}{documents:>5} documents {words:>9,} words")


def _build_corpus(folder: Path) -> Corpus:
    from elmo_lite.corpus.corpus import Corpus

    title("Corpus: sentences and words as numbers")
    texts = (folder / TRAIN, "--held_out", folder / HELD_OUT)
    run("corpus", *texts, "--out", folder / "corpus")
    return Corpus.open(folder / "corpus")


def _pretrain(folder: Path, max_time: str, max_steps: int | None) -> None:
    title("Pretraining: one LSTM language model reads forward, one backward")
    limit = ("--max_time", max_time) if max_steps is None else ("--max_steps", max_steps)
    run("pretrain", "--config", "tiny", "--corpus", folder / "corpus", "--out", folder / "pretrained", *limit)


def _compare_perplexity(folder: Path, corpus: Corpus) -> None:
    """Print held-out perplexities of the model and of count-based baselines, over the same classes and positions."""
    title("Perplexity on the held-out text: among how many words, as it were, the model still hesitates")
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        run("evaluate", folder / "pretrained" / "model", folder / "held_out.txt")
    command, _, result = output.getvalue().partition("\n   {")
    measured = json.loads("{" + result)
    print(command)
    train, held_out = (corpus.class_of_word[part].astype(np.int64) for part in (corpus.train, corpus.held_out))
    size = len(corpus.vocabulary)

    def counted(order: int, step: int) -> float:
        return perplexity(KneserNey.fit(train[::step], size, order).stream_probabilities(held_out[::step]))

    rows = [
        ("words counted (unigram)", counted(1, 1), counted(1, -1)),
        ("pairs counted (bigram, Kneser-Ney)", counted(2, 1), counted(2, -1)),
        ("this model", _number(measured, "forward"), _number(measured, "backward")),
    ]
    print(f"   {'':<36}{'forward':>10}{'backward':>10}")
    for label, forward_perplexity, backward_perplexity in rows:
        print(f"   {label:<36}{forward_perplexity:>10.1f}{backward_perplexity:>10.1f}")
    print(f"   (full softmax over {size:,} classes, {len(held_out) - 1:,} predictions)")


def _number(measured: dict[str, Any], direction: str) -> float:
    return float(measured[f"{direction}_perplexity"])


def _show_vectors(folder: Path) -> None:
    """Print vectors of a few sentences."""
    from elmo_lite.embedding.elmo import Elmo

    elmo = Elmo.from_pretrained(folder / "pretrained" / "model")
    title("Vectors: every word gets one from each layer, made from its whole sentence")
    for (sentence, word), layers in zip(EXAMPLES.items(), elmo.embed(list(EXAMPLES), layers="all"), strict=True):
        num_layers, num_words, width = layers.shape
        first = " ".join(f"{number:+.2f}" for number in layers[-1, elmo.tokenize(sentence).index(word), :5])
        print(f"   {sentence}")
        print(f"      {num_layers} layers x {num_words} words x {width} numbers; {word!r}, top layer: {first} ...")


def _show_contexts(folder: Path) -> None:
    """Find the nearest occurrences of one word in several senses."""
    title(f"Contexts: where {WORD!r} has the nearest vectors in the text")
    senses = [argument for sentence in SENSES for argument in ("--context", sentence)]
    model, corpus, number = folder / "pretrained" / "model", folder / "corpus", str(NUM_NEIGHBORS)
    run("neighbors", model, corpus, "--word", WORD, *senses, "--top_k", number, "--distinct", "neighbors")


def _report(folder: Path) -> None:
    title("Report: what the trainings have left, in one page")
    runs = [folder / name for name in ("pretrained", *(head.task for head in HEADS))]
    run("report", *filter(kind_of, runs), "--out", folder / "report.html", "--overwrite")


def _say_what_next(folder: Path, seconds: float) -> None:
    title(f"Done in {seconds / 60:.1f} minutes. The same for your own text:")
    print(
        "   $ elmo-lite corpus my_text.txt --out my_corpus             # files, globs, .gz, JSONL, Parquet, hub names\n"
        "   $ elmo-lite pretrain --corpus my_corpus --out my_run --max_time 3h\n"
        f"   $ elmo-lite pretrain --init {ENGLISH} --corpus my_corpus --out my_run --max_time 20m\n"
        "   $ elmo-lite report my_run                                  # one HTML page of what the run has left\n"
        "   $ elmo-lite evaluate my_run/model other_text.txt\n"
        "   $ elmo-lite embed my_run/model sentences.txt vectors.h5    # one sentence a line\n"
        "   $ elmo-lite neighbors my_run/model my_corpus --word bank --output bank.png"
    )
    for head in installed_heads():
        print(
            f"   $ elmo-lite {head.task} train --encoder {ENGLISH} --train my_train{head.suffix}"
            f" --dev my_dev{head.suffix} --out my_{head.task}"
        )
    print(
        "   or in Python:\n"
        "   >>> from elmo_lite import Elmo\n"
        f"   >>> elmo = Elmo.from_pretrained({ENGLISH!r})    # the model that the package carries, or your own\n"
        f"   >>> elmo.embed([{next(iter(EXAMPLES))!r}])[0].shape"
    )
