"""The command ``elmo-lite pretrain``. PyTorch and Lightning are imported once it runs, so that its help is fast."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elmo_lite.hardware import keep_freed_memory
from elmo_lite.pretraining.config import PretrainConfig

if TYPE_CHECKING:
    from elmo_lite.pretraining.initial_model import InitialModel

log = logging.getLogger("elmo_lite")

_found: dict[str, InitialModel] = {}
"""The initial model that ``default_settings`` resolved, by name, until ``pretrain_command`` takes it."""


def default_settings(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Default settings of ``pretrain_command``: those of the run to resume, or those that suit ``--init``.

    Args:
        arguments: Arguments of the command, by name.

    Raises:
        CheckpointError: There is no such run or model.
    """
    from elmo_lite.pretraining.initial_model import InitialModel
    from elmo_lite.pretraining.run import Run

    _found.clear()
    if arguments["resume"]:
        return Run.read(Path(arguments["out"])).config
    name = arguments["init"]
    if name is None:
        return {}
    _found[name] = InitialModel.find(name)
    settings = _found[name].default_settings()
    return {"model": settings["model"]} if arguments["config"] else settings


def pretrain_command(
    config: PretrainConfig,
    corpus: str,
    out: str,
    *,
    max_steps: int | None = None,
    max_time: str | None = None,
    resume: bool = False,
    init: str | None = None,
    dry_run: bool = False,
    quiet: bool = False,
) -> None:
    """Pretrain a language model on a corpus.

    Args:
        config: Settings of the run.
        corpus: Corpus directory, as written by "elmo-lite corpus".
        out: Output directory for model, checkpoints and logs; absent or empty unless --resume is given.
        max_steps: Number of optimizer steps. Defaults to --epochs passes over the corpus. With --resume, moves the end
            of the run.
        max_time: Duration such as 20m, 3h or 1h30m, instead of --max_steps. The run keeps to it, whatever else the
            machine does: its end, and the decay of the learning rate, move with the speed.
        resume: Continue the run in --out exactly from its last saved state.
        init: Saved model to start from: a directory, a packaged name or a hub name. The run takes over its encoder
            settings and, unless --config is given, the other settings of the preset adapt.
        dry_run: Print parameters, memory, measured speed and estimated time, without training.
        quiet: Show no progress.
    """
    from elmo_lite.corpus.corpus import Corpus
    from elmo_lite.pretraining import speed
    from elmo_lite.pretraining.initial_model import InitialModel
    from elmo_lite.pretraining.pretrain import on_processes, pretrain

    keep_freed_memory()
    initial = _found.pop(init, None) or InitialModel.find(init) if init is not None else None
    if initial is not None and not resume:
        initial.check_encoder(config)
    if dry_run:
        opened = Corpus.open(corpus)
        if initial is not None:
            initial.check_corpus(opened)
        report = on_processes(config, speed.dry_run, config, opened.directory, max_steps, max_time)
        _print_first(report)
        return
    if (hint := speed.load_hint()) is not None:
        log.info(hint)
    done = pretrain(
        config, corpus, out, max_steps=max_steps, max_time=max_time, resume=resume, init=initial, progress=not quiet
    )
    _print_first(_summary(done))


def _print_first(text: str) -> None:
    """Print in the first process of those that torchrun or srun has started."""
    from elmo_lite.distributed.place import environment_place

    if environment_place().rank == 0:
        print(text)


def _summary(done: dict[str, Any]) -> str:
    """What a run has made, how good it is, and what to do next, in lines."""
    best, model = done["best"], done["model"]
    since = f" since step {done['first_step']:,}" if done["first_step"] else ""
    lines = [
        f"model     {model}",
        f"trained   {done['steps']:,} steps, {done['words_seen']:,} words, {done['seconds'] / 60:.1f} minutes{since}",
    ]
    if best:
        lines.append(
            f"held-out  perplexity {best['forward_perplexity']:.1f} forward, {best['backward_perplexity']:.1f} "
            f"backward (full softmax, on a sample, at step {best['step']:,})"
        )
        known = best.get("perplexity_without_unknown")
        lines += [f"          {known:.1f} without unknown words"] if known is not None else []
    if done["curve"] is not None:
        lines.append(f"curve     {done['curve']}")
    lines.append(f"report    elmo-lite report {shlex.quote(str(Path(model).parent))}")
    lines.append(f"next      elmo-lite embed {shlex.quote(model)} TEXT OUTPUT.npz")
    return "\n".join(lines)
