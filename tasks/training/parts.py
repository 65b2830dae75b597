"""The labelled data of a training: train, dev and test, read and checked before anything is trained."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic

from elmo_lite import Tokenization
from tasks.files import warn_of_same_files
from tasks.inputs.in_memory import is_path
from tasks.training.split import Item, held_out_tenth, knows_documents
from tasks.training.task import ConfigT, DataT, ExampleT, ModelT, Task
from tasks.training.task_config import TaskConfig
from tasks.training.twins import warn_of_twins

log = logging.getLogger("elmo_lite")

HELD_OUT = "held out of train"
"""Name of a part that no file holds."""


@dataclass(frozen=True)
class Parts(Generic[DataT]):
    """Data that all runs of a training share."""

    train: DataT
    scored: dict[str, DataT]
    """"dev", and "test" if given."""
    classes: list[str]
    names: dict[str, str | None]
    """Path or name of each part that was given; None for data in memory."""
    flags: Mapping[str, str]
    """Other flags of the command that trains on these data, such as the number of folds."""
    pool: Sequence[Sequence[str]] = ()
    """Words of all sentences that the train given has, if parts of it are held out."""

    def all(self) -> dict[str, DataT]:
        """The data by part, "train" first."""
        return {"train": self.train, **self.scored}

    def without(self, part: str) -> Parts[DataT]:
        """The same data without a scored part."""
        scored = {name: data for name, data in self.scored.items() if name != part}
        return replace(self, scored=scored, names={name: at for name, at in self.names.items() if name != part})


def contents_of(task: Task[ConfigT, DataT, ExampleT, ModelT], parts: Mapping[str, DataT]) -> dict[str, list[Any]]:
    """Words and targets of each part, for ``seeds.identity_of``."""
    return {
        part: [(example.words, task.target(example)) for example in task.examples(data)] for part, data in parts.items()
    }


def read_parts(
    task: Task[ConfigT, DataT, ExampleT, ModelT],
    config: ConfigT,
    sources: Mapping[str, Any],
    tokenization: Tokenization,
    *,
    needs_dev: bool = True,
) -> Parts[DataT]:
    """Read and check all data before anything is trained.

    Args:
        task: The kind of task.
        config: Settings.
        sources: "train" and, if given, "dev" and "test", as ``task.read`` accepts them.
        tokenization: Tokenisation of strings.
        needs_dev: Hold out a tenth of train if there is no dev. Defaults to True.

    Raises:
        CorpusError: Data cannot be used, or train is too small to be split.
    """
    names = {part: str(source) if is_path(source) else part for part, source in sources.items()}
    parts = {part: task.read(source, part, config, tokenization) for part, source in sources.items()}
    warn_of_same_files({part: source for part, source in sources.items() if is_path(source)})
    train = parts.pop("train")
    pool = () if "dev" in parts else tuple(example.words for example in task.examples(train))
    if "dev" not in parts and needs_dev:
        train, dev = hold_out_dev(task, config, train)
        parts, names = {"dev": dev, **parts}, {"dev": f"{names['train']}, {HELD_OUT}", **names}
    classes = task.classes(train, names["train"])
    warn_of_twins(names["train"], classes)
    for part, data in parts.items():
        task.check(data, names[part], classes)
    lengths = {"train": len(task.examples(train)), **{part: len(task.examples(data)) for part, data in parts.items()}}
    sizes = ", ".join(f"{length:,} {part}" for part, length in lengths.items())
    unseen = _unseen_words(task, train, parts)
    log.info("sentences: %s; classes: %s; words unseen in training: %s", sizes, ", ".join(classes[:20]), unseen)
    given = {part: str(source) if is_path(source) else None for part, source in sources.items()}
    return Parts(train, parts, classes, given, {}, pool)


def _unseen_words(task: Task[ConfigT, DataT, ExampleT, ModelT], train: DataT, parts: Mapping[str, DataT]) -> str:
    """The share of the words of each scored part that train lacks."""
    known = {word for example in task.examples(train) for word in example.words}
    shares = []
    for part, data in parts.items():
        words = [word for example in task.examples(data) for word in example.words]
        shares.append(f"{part} {100 * sum(word not in known for word in words) / len(words):.1f} %")
    return ", ".join(shares) or "no part to compare"


def hold_out_dev(
    task: Task[ConfigT, DataT, ExampleT, ModelT], config: TaskConfig, train: DataT, *, quiet: bool = False
) -> tuple[DataT, DataT]:
    """Take a stratified tenth of train for dev, of whole documents where they are known, and say so in one line.

    Args:
        task: The kind of task.
        config: Settings, of which ``finetune.split_seed`` fixes the tenth.
        train: The training data.
        quiet: Do not say it. Defaults to False.

    Returns:
        The rest, and the tenth.

    Raises:
        CorpusError: The data are too small to be split.
    """
    seed, items = config.finetune.split_seed, items_of(task, train)
    dev = held_out_tenth(items, seed)
    if not quiet:
        log.info("dev: %s", described(items, dev, f"of train held out, stratified by label (split seed {seed})"))
    return split_at(task, train, dev)


def split_at(
    task: Task[ConfigT, DataT, ExampleT, ModelT], data: DataT, held_out: Collection[int]
) -> tuple[DataT, DataT]:
    """Split data into all sentences but some, and these without their phrases."""
    inside, items = set(held_out), items_of(task, data)
    rest = [index for index in range(len(items)) if index not in inside]
    return task.subset(data, rest), task.subset(data, [i for i in sorted(inside) if items[i].is_scored])


def items_of(task: Task[ConfigT, DataT, ExampleT, ModelT], data: DataT) -> list[Item]:
    """What a split needs to know of each sentence; a target that is a number has no label."""
    found = []
    for example in task.examples(data):
        target: Any = task.target(example)
        labels = (target,) if isinstance(target, str) else frozenset(target if isinstance(target, Iterable) else ())
        found.append(Item(labels, getattr(example, "document", 0), not getattr(example, "is_phrase", False)))
    return found


def described(items: Sequence[Item], chosen: Sequence[int], how: str) -> str:
    """The size of a part of the sentences, in documents too if these are whole."""
    number = sum(items[index].is_scored for index in chosen)
    size = f"{number:,} of {sum(item.is_scored for item in items):,} sentences {how}"
    if not knows_documents(items, min(10, len(items))):
        return size
    inside = {items[index].document for index in chosen}
    return f"{size}, {len(inside):,} of {len({item.document for item in items}):,} documents whole"
