"""Cross-validation over train: K models, each scored on a part that it has not seen (``--folds K``).

Each fold is the test part of one model. The best epoch of a model is chosen on dev: the given one, or a tenth of the
other folds, never on the fold that it is scored on.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from elmo_lite import CorpusError
from elmo_lite.errors import require
from elmo_lite.metadata import write_json
from tasks.training.material import Material, TrainOne
from tasks.training.parts import Parts, contents_of, described, hold_out_dev, items_of, split_at
from tasks.training.seeds import complete, finished, identity_of, summarize
from tasks.training.split import ALWAYS_TRAIN, deal
from tasks.training.task import ConfigT, DataT, ExampleT, ModelT, Task

log = logging.getLogger("elmo_lite")

FOLD_FILE = "fold.json"
SUMMARY = "folds.json"


def run_folds(
    task: Task[ConfigT, DataT, ExampleT, ModelT],
    config: ConfigT,
    material: Material[DataT],
    train_one: TrainOne[ConfigT, DataT],
    folds: int,
    out: Path,
) -> dict[str, Any]:
    """Train a model for each fold in ``out/fold-1``, ...; complete ones are not repeated.

    Args:
        task: The kind of task.
        config: Settings; ``finetune.split_seed`` fixes the folds.
        material: Training data and, if given, "dev"; the encoder.
        train_one: Function that trains one model.
        folds: Number of folds, 2 or more.
        out: Directory of all folds; the result is also written to ``folds.json`` there.

    Returns:
        "folds", their number; "mean" and "deviation" (sample standard deviation) of every number by its dotted key,
        where "test" is the fold; "runs", the scores of each.

    Raises:
        CorpusError: There are too few sentences.
        ConfigError: ``out`` has folds with other settings.
        KeyboardInterrupt: A run is interrupted.
    """
    require(folds >= 2, "folds", "2 or more", folds)
    data = material.data
    identity = {**identity_of(config, contents_of(task, data.all()), material.encoder.hash), "folds": folds}
    identity["split_seed"] = config.finetune.split_seed
    directories = [out / f"fold-{number}" for number in range(1, folds + 1)]
    for directory in directories:  # other settings are an error before anything is trained
        finished(directory / FOLD_FILE, identity)
    items = items_of(task, data.train)
    dealt = deal(items, folds, config.finetune.split_seed)
    if never := dealt.count(ALWAYS_TRAIN):
        log.info("folds: %s sentences, whose labels one fold alone would have, are in train and never scored", never)
    pool = [example.words for example in task.examples(data.train)]
    data = replace(data, pool=pool, flags={"folds": str(folds), "out": str(out)})
    parts = [_fold(task, config, data, [i for i, part in enumerate(dealt) if part == fold]) for fold in range(folds)]
    runs = []
    for number, (directory, part) in enumerate(zip(directories, parts, strict=True), start=1):
        chosen = [index for index, fold in enumerate(dealt) if fold == number - 1]
        log.info("fold %d of %d: %s", number, folds, described(items, chosen, "of train"))
        runs.append(complete(partial(train_one, config, replace(material, data=part)), directory, FOLD_FILE, identity))
    summary = {"folds": folds, **summarize(runs), "runs": runs}
    write_json(out / SUMMARY, summary)
    return summary


def _fold(
    task: Task[ConfigT, DataT, ExampleT, ModelT], config: ConfigT, data: Parts[DataT], chosen: list[int]
) -> Parts[DataT]:
    """The data of one fold: train without it, dev, and the fold as test."""
    if not chosen:
        raise CorpusError("train: expected sentences for every fold, found a fold without any; use fewer folds")
    train, test = split_at(task, data.train, chosen)
    dev = data.scored.get("dev")
    if dev is None:
        train, dev = hold_out_dev(task, config, train, quiet=True)
    classes = task.classes(train, data.names["train"] or "train")
    task.check(dev, "dev", classes)
    return replace(data, train=train, scored={"dev": dev, "test": test}, classes=classes)
