"""A ladder of language models on one corpus (``elmo-lite ladder``)."""

from __future__ import annotations

import dataclasses
import logging
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from elmo_lite.corpus.corpus import Corpus
from elmo_lite.errors import CheckpointError, ConfigError, CorpusError
from elmo_lite.fields import from_settings, read_settings
from elmo_lite.ladder.climb import Texts, counted_rung, neural_rung
from elmo_lite.ladder.config import LadderConfig, RungName
from elmo_lite.ladder.pictures import draw_gradients, draw_perplexity
from elmo_lite.ladder.results import RungResult
from elmo_lite.ladder.rungs import order_of, title
from elmo_lite.ladder.whole_text import TextWords, WholeText
from elmo_lite.lm.evaluate import read_stream
from elmo_lite.locks import hold
from elmo_lite.metadata import write_json
from elmo_lite.nn.config import to_dict
from elmo_lite.pretraining.data_module import make_batches
from elmo_lite.pretraining.run import fingerprint
from elmo_lite.stopping import Stopped

log = logging.getLogger("elmo_lite")

SETTINGS, RESULTS, RUNGS = "settings.json", "ladder.json", "rungs"


@dataclasses.dataclass(frozen=True)
class _Ladder:
    """What ``settings.json`` holds; --resume continues with exactly these."""

    config: dict[str, Any]
    corpus: str
    """Fingerprint of the corpus."""
    test: str | None
    """The test text, as given."""
    corpus_name: str | None = None
    """The corpus, as given; None of an older version."""


def stored_config(out: Path) -> dict[str, Any]:
    """Settings of the ladder in a directory, as in YAML.

    Raises:
        CheckpointError: There is no ladder, or its file is damaged.
    """
    return _read(out).config


def climb(
    config: LadderConfig,
    corpus: str | Path,
    out: str | Path,
    *,
    test: str | None = None,
    resume: bool = False,
    progress: bool = True,
    corpus_name: str | None = None,
) -> list[RungResult]:
    """Train and measure all rungs of a ladder.

    Results go to ``out/ladder.json``, pictures to ``out/perplexity.png`` and ``out/gradients.png``, and the run of each
    neural rung to ``out/rungs``.

    Args:
        config: Settings of the ladder.
        corpus: Corpus directory, as written by ``elmo-lite corpus``.
        out: Output directory, absent or empty unless ``resume`` is true.
        test: Text to measure all rungs on once more, read with the tokenisation of the corpus. Defaults to none.
        resume: Continue the ladder in ``out`` at the rung where it was.
        progress: Whether to show progress bars on standard error. Defaults to True.
        corpus_name: What the command that repeats the ladder calls the corpus. Defaults to its directory.

    Raises:
        ConfigError: A setting does not fit, or ``out`` is in use.
        CorpusError: The corpus cannot be read, has no held-out part, or is smaller than one batch.
        CheckpointError: There is no ladder to resume, or a file of it is damaged.
        Stopped: SIGINT or SIGTERM has arrived, and the state of the rung is saved.
    """
    out = Path(out)
    texts = _texts(config, Corpus.open(corpus), test)
    with hold(out):
        begun = _Ladder(_plain(config), fingerprint(texts.corpus), test, corpus_name or str(corpus))
        _begin(out, begun, resume=resume)
        results = []
        for number, name in enumerate(config.rungs, start=1):
            path = out / RUNGS / f"{name}.json"
            result = RungResult.read(path) if resume else None
            if result is None:
                log.info("rung %d of %d: %s", number, len(config.rungs), title(name, config))
                result = _measure(name, config, texts, out, progress=progress)
                result.write(path)
            results.append(result)
        _write(out, config, texts, results)
    return results


def _plain(config: LadderConfig) -> dict[str, Any]:
    """Settings of JSON types but for the device, on which a ladder does not depend."""
    return {name: value for name, value in to_dict(config).items() if name != "device"}


def _texts(config: LadderConfig, corpus: Corpus, test: str | None) -> Texts:
    """The texts of a ladder, checked before any work."""
    if len(corpus.held_out) < 2:
        raise CorpusError(f"{corpus.directory}: expected a held-out part to measure perplexity on, found none")
    width = config.char_cnn.max_characters
    if corpus.max_characters != width:
        raise ConfigError(
            f"char_cnn.max_characters: expected {corpus.max_characters}, as the corpus {corpus.directory} has, found "
            f"{width}"
        )
    if (length := len(corpus.train) - 1) < config.data.batch_words:
        wanted = f"at least one batch of {config.data.batch_words} words (--data.batch_words)"
        raise CorpusError(f"training text: expected {wanted}, found {length}")
    make_batches(corpus, corpus.train, config.data, config.seed)  # an error if windows do not fit
    held_out = WholeText(corpus, corpus.held_out, config.carries_states)
    if test is None:
        return Texts(corpus, held_out, None)
    keeps_empty = bool(corpus.meta.get("keep_empty_lines", False))
    words, stream = read_stream([test], corpus.tokenization, keep_empty=keeps_empty)
    return Texts(corpus, held_out, WholeText(TextWords(words, corpus.vocabulary, width), stream, config.carries_states))


def _measure(name: RungName, config: LadderConfig, texts: Texts, out: Path, *, progress: bool) -> RungResult:
    """Train and measure one rung."""
    order = order_of(name, config)
    if order is not None:
        return counted_rung(name, order, config, texts)
    try:
        return neural_rung(name, config, texts, out / RUNGS / name, progress=progress)
    except KeyboardInterrupt as stop:
        where = str(stop).partition(";")[0] or "interrupted"
        number = stop.signal_number if isinstance(stop, Stopped) else signal.SIGINT
        raise Stopped(f"{name}: {where}; --resume continues the ladder in {out}", number) from None


def _begin(out: Path, ladder: _Ladder, *, resume: bool) -> None:
    """Begin a ladder, or check that the one to resume is this one."""
    if resume:
        stored = _read(out)
        if stored.corpus != ladder.corpus:
            raise CheckpointError(f"{out}: expected the corpus that the ladder began with, found another one")
        if stored.test != ladder.test:
            raise ConfigError(f"{out}: expected --test {stored.test}, as the ladder began with, found {ladder.test}")
        changed = [key for key, value in ladder.config.items() if stored.config.get(key) != value]
        if changed:
            raise ConfigError(f"{out}: expected the settings that the ladder began with, found others in {changed}")
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(f"{out}: expected no such directory or an empty one, found it in use; --resume continues it")
    write_json(out / SETTINGS, dataclasses.asdict(ladder), with_checksum=True)


def _read(out: Path) -> _Ladder:
    path = out / SETTINGS
    try:
        ladder = read_settings(path, _Ladder)
        from_settings(LadderConfig, ladder.config)
        return ladder
    except (FileNotFoundError, NotADirectoryError):
        raise CheckpointError(f"{out}: expected a ladder to resume, found no {SETTINGS}") from None
    except ConfigError as error:
        raise CheckpointError(f"{path}: {error}") from None


def _write(out: Path, config: LadderConfig, texts: Texts, results: Sequence[RungResult]) -> None:
    """Write the results of all rungs and the pictures."""
    corpus = texts.corpus
    content = {
        "settings": _plain(config),
        "classes": len(corpus.vocabulary),
        "training_words": corpus.meta["train"]["words"],
        "predictions": len(texts.held_out.stream) - 1,
        "test_predictions": None if texts.test is None else len(texts.test.stream) - 1,
        "rungs": [{**dataclasses.asdict(result), "words_per_second": result.words_per_second} for result in results],
    }
    write_json(out / RESULTS, content, "results")
    draw_perplexity(out, results)
    draw_gradients(out, results)
