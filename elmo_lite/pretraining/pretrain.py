"""Pretraining of a language model on a corpus (``elmo-lite pretrain``)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pytorch_lightning import Callback

from elmo_lite.corpus.corpus import Corpus
from elmo_lite.distributed.group import is_first, place, wait_for_all
from elmo_lite.distributed.launch import run_processes
from elmo_lite.errors import require
from elmo_lite.extras import import_extras
from elmo_lite.files import remove_leftovers
from elmo_lite.locks import hold
from elmo_lite.nn.forward_config import ForwardLMConfig, encoder_config_from_dict
from elmo_lite.pretraining.best_model import check_best_model
from elmo_lite.pretraining.config import PretrainConfig
from elmo_lite.pretraining.data_module import make_batches
from elmo_lite.pretraining.fit import MODEL, Fit
from elmo_lite.pretraining.initial_model import InitialModel, build_model, check_corpus, with_encoder_of
from elmo_lite.pretraining.run import RUN_FILE, Run, begin_run, resume_run
from elmo_lite.pretraining.speed import training_device
from elmo_lite.pretraining.state import STATE_FILE, read_state
from elmo_lite.pretraining.state_check import check_state, steps_done
from elmo_lite.pretraining.suited import with_dropout_of
from elmo_lite.pretraining.training_module import LanguageModel
from elmo_lite.pretraining.word2vec import start_from_word2vec
from elmo_lite.quiet import quiet_libraries
from elmo_lite.saved_model.checkpoint import SavedModel

log = logging.getLogger("elmo_lite")

T = TypeVar("T")


def pretrain(
    config: PretrainConfig,
    corpus: str | Path,
    out: str | Path,
    *,
    max_steps: int | None = None,
    max_time: str | None = None,
    resume: bool = False,
    init: str | InitialModel | None = None,
    progress: bool = True,
    callbacks: Sequence[Callback] = (),
    validated_words: int | None = None,
) -> dict[str, Any]:
    """Pretrain a language model, on several processes if the settings say so or torchrun or srun has started them.

    The best model is written to ``out/model``, the training state to ``out/checkpoints``, and curves to ``out/logs``.

    Args:
        config: Settings of the run.
        corpus: Corpus directory, as written by ``elmo-lite corpus``.
        out: Output directory, absent or empty unless ``resume`` is true.
        max_steps: Number of optimizer steps. Defaults to ``config.epochs`` passes over the corpus.
        max_time: Duration such as "3h", instead of ``max_steps``. It is converted to steps by the measured speed; the
            end of the run moves if the machine gets faster or slower.
        resume: Continue the run in ``out`` exactly from its last saved state. Another ``max_steps`` moves its end,
            and with it the decay of the learning rate.
        init: Saved model to start from, by directory or name. Its encoder settings replace those of ``config.model``,
            except for dropout. Ignored if ``resume`` is true, as the run has its own.
        progress: Whether to show a progress bar on standard error. Defaults to True.
        callbacks: Further callbacks of the trainer; their states are part of that of the run. Processes that are
            started get a copy each.
        validated_words: Size of the held-out sample in words. Defaults to one that costs little time.

    Returns:
        Metadata of the run: steps, words seen, seconds, best validation, path of the model.

    Raises:
        ConfigError: A setting does not fit the corpus or the run, or ``out`` is in use, by another process too.
        CorpusError: The corpus cannot be read, or is smaller than one batch.
        CheckpointError: There is no run to resume, its state or model is damaged, or the initial model cannot be read
            or does not fit.
        TrainingError: A gradient is not finite, or one of several processes has died.
        Stopped: SIGINT or SIGTERM has arrived, and the state is saved.
    """
    limits = {"max_steps": max_steps, "max_time": max_time}
    rest = (resume, init, progress, callbacks, validated_words)
    return on_processes(config, _pretrain, config, corpus, Path(out), time.monotonic(), limits, *rest)


def on_processes(config: PretrainConfig, task: Callable[..., T], *arguments: Any) -> T:
    """Run a task on the processes of the settings; see ``run_processes``."""
    on_gpu = training_device(config.wanted_device).type == "cuda"
    return run_processes(task, *arguments, devices=config.devices, num_nodes=config.num_nodes, on_gpu=on_gpu)


def _pretrain(
    config: PretrainConfig,
    corpus: str | Path,
    out: Path,
    began: float,
    limits: dict[str, Any],
    resume: bool,
    init: str | InitialModel | None,
    progress: bool,
    callbacks: Sequence[Callback],
    validated_words: int | None,
) -> dict[str, Any]:
    """Pretrain in this process, one of several or the only one. Processes of one machine have one clock."""
    is_forward = isinstance(config.model, ForwardLMConfig)
    require(place().size == 1 or not is_forward, "devices", "1, as for all models of one direction", place().size)
    opened = Corpus.open(corpus)
    with hold(out), quiet_libraries():
        if is_first():
            for name in (RUN_FILE, STATE_FILE, MODEL):
                remove_leftovers(out / name)
        wait_for_all()
        if resume:
            fit = _resume(config, opened, out, began, **limits)
        else:
            fit = _begin(config, opened, out, began, init, validated_words=validated_words, **limits)
        wait_for_all()
        return fit.train(progress=progress, callbacks=callbacks)


def _begin(
    config: PretrainConfig, corpus: Corpus, out: Path, began: float, init: str | InitialModel | None, **limits: Any
) -> Fit:
    """Prepare a new run."""
    initial = InitialModel.find(init) if isinstance(init, str) else init
    weights = initial.load(corpus) if initial is not None else None
    if weights is not None:
        config = with_encoder_of(config, weights.bilm.config)
    check_corpus(config, corpus)
    if config.head.start == "word2vec":
        import_extras(["gensim"], "head.start word2vec")  # a missing one is an error before any work
    batches = make_batches(corpus, corpus.train, config.data, config.seed)
    run = begin_run(config, corpus, out, batches, initial=initial, **limits)
    config = with_dropout_of(config, run.config)
    return Fit(_new_module(config, corpus, run, weights), corpus, batches, out, run, None, began)


def _new_module(config: PretrainConfig, corpus: Corpus, run: Run, weights: SavedModel | None) -> LanguageModel:
    """The module of a run at its first step."""
    module = build_model(config, corpus, run.max_steps, weights)
    if config.head.start == "word2vec" and (weights is None or weights.lm_head is None):
        start_from_word2vec(module.head.weight, corpus, config.seed)
    return module


def _resume(config: PretrainConfig, corpus: Corpus, out: Path, began: float, **limits: Any) -> Fit:
    """Prepare a run to go on from its last state; without one, it starts again."""
    stored, state, weights = Run.read(out), read_state(out / STATE_FILE), None
    if state is not None:
        config = with_encoder_of(config, encoder_config_from_dict(stored.config["model"]))
    else:
        log.warning("%s: no state was saved, so the run starts at its first step", out)
        if stored.init is not None:
            initial = InitialModel.find(stored.init)
            stored.check_init(initial)
            weights = initial.load(corpus)
            config = with_encoder_of(config, weights.bilm.config)
    config = with_dropout_of(config, stored.config)
    check_corpus(config, corpus)
    batches = make_batches(corpus, corpus.train, config.data, config.seed)
    run = resume_run(stored, config, corpus, out, done=steps_done(out / STATE_FILE, state), **limits)
    if state is None:
        module = _new_module(config, corpus, run, weights)
    else:
        module = build_model(config, corpus, run.max_steps, init=None)
    module.schedule.moves = list(run.moves)
    fit = Fit(module, corpus, batches, out, run, state, began)
    if state is not None:
        check_state(out / STATE_FILE, state, fit.module, validates=len(fit.sample) > 0)
        check_best_model(out / MODEL, state)
    if run != stored and is_first():
        run.write(out)
    return fit
