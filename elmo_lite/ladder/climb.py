"""One rung of a ladder, trained and measured: an n-gram model by counting, a neural one by the loop of pretraining."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elmo_lite.corpus.corpus import Corpus
from elmo_lite.errors import TrainingError
from elmo_lite.ladder.clock import Clock
from elmo_lite.ladder.config import LadderConfig, RungName
from elmo_lite.ladder.gradients import gradient_norms
from elmo_lite.ladder.kneser_ney import KneserNey, perplexity
from elmo_lite.ladder.results import RungResult
from elmo_lite.ladder.rungs import RECURRENT, parameters_of, title, training_config
from elmo_lite.ladder.sampler import NeuralNextWord, NextWord, generate
from elmo_lite.ladder.whole_text import WholeText, perplexities
from elmo_lite.pretraining.config import PretrainConfig
from elmo_lite.pretraining.fit import MODEL
from elmo_lite.pretraining.initial_model import build_model
from elmo_lite.pretraining.pretrain import pretrain
from elmo_lite.pretraining.run import RUN_FILE
from elmo_lite.pretraining.speed import training_device
from elmo_lite.pretraining.training_module import LanguageModel
from elmo_lite.saved_model.checkpoint import load_weights

log = logging.getLogger("elmo_lite")


@dataclass(frozen=True)
class Texts:
    """What the models of a ladder are trained on and measured on."""

    corpus: Corpus
    held_out: WholeText
    test: WholeText | None


def counted_rung(name: RungName, order: int, config: LadderConfig, texts: Texts) -> RungResult:
    """Count n-grams, and measure the model."""
    corpus, across = texts.corpus, config.carries_states
    train = WholeText(corpus, corpus.train, across).classes
    begun = time.perf_counter()
    model = KneserNey.fit(train, len(corpus.vocabulary), order, across)
    seconds = time.perf_counter() - begun
    return RungResult(
        name=name,
        title=title(name, config),
        parameters=model.num_ngrams,
        words=len(train) - 1,
        seconds=seconds,
        perplexity=perplexity(model.stream_probabilities(texts.held_out.classes, across)),
        test_perplexity=(
            None if texts.test is None else perplexity(model.stream_probabilities(texts.test.classes, across))
        ),
        sentence=_sentence(model.distribution, config, corpus),
    )


def neural_rung(name: RungName, config: LadderConfig, texts: Texts, run: Path, *, progress: bool) -> RungResult:
    """Train a neural model, or go on with its training, and measure the best one.

    Args:
        name: The rung.
        config: Settings of the ladder.
        texts: Its texts.
        run: Directory of the run; a run that is there is resumed.
        progress: Whether to show a progress bar.

    Raises:
        Stopped: SIGINT or SIGTERM has arrived, and the state is saved.
    """
    corpus, settings = texts.corpus, training_config(name, config, texts.corpus)
    clock = Clock()
    facts: dict[str, Any] = {
        "name": name,
        "title": title(name, config),
        "parameters": parameters_of(settings.model, len(corpus.vocabulary)),
        "dim": settings.model.dim,
    }
    try:
        done = pretrain(
            settings,
            corpus.directory,
            run,
            max_time=config.max_time if config.equal == "time" else None,
            resume=(run / RUN_FILE).exists(),
            progress=progress,
            callbacks=[clock],
            validated_words=config.validated_words,
        )
    except TrainingError as error:
        log.warning("%s: %s", name, error)
        return RungResult(**facts, words=0, seconds=clock.seconds, points=clock.points, failed=str(error))
    module = _best(settings, corpus, run).to(training_device(config.device))
    of_direction = perplexities(module, texts.held_out, progress=progress)
    of_test = {} if texts.test is None else perplexities(module, texts.test, progress=progress)
    module.to("cpu")
    return RungResult(
        **facts,
        words=done["words_seen"],
        seconds=clock.seconds,
        perplexity=of_direction["forward"],
        backward_perplexity=of_direction.get("backward"),
        test_perplexity=of_test.get("forward"),
        backward_test_perplexity=of_test.get("backward"),
        sentence=_sentence(NeuralNextWord(module, corpus.vocabulary), config, corpus),
        points=[point for point in clock.points if all(map(math.isfinite, point))],
        gradients=_gradients(settings, corpus, module, texts.held_out) if name in RECURRENT else {},
    )


def _best(settings: PretrainConfig, corpus: Corpus, run: Path) -> LanguageModel:
    """The saved model of a run."""
    module = build_model(settings, corpus, max_steps=1, init=None)
    load_weights(run / MODEL, module.bilm, module.head)
    return module.eval()


def _gradients(
    settings: PretrainConfig, corpus: Corpus, module: LanguageModel, text: WholeText
) -> dict[str, dict[str, list[float]]]:
    untrained = build_model(settings, corpus, max_steps=1, init=None)  # the one that the run began with
    return {"before": gradient_norms(untrained, text), "after": gradient_norms(module, text)}


def _sentence(next_word: NextWord, config: LadderConfig, corpus: Corpus) -> str:
    """A generated sentence, with spaces between its words."""
    return " ".join(corpus.vocabulary.entries[number] for number in generate(next_word, config.seed))
