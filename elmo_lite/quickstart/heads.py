"""Second part of the quickstart: task heads on a pretrained model, if a package that provides them is installed.

This library does not import such a package: it finds the commands by their entry points, and the files of labelled
samples by the name of the package that contains them.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from elmo_lite.extras import extra_of
from elmo_lite.quickstart.demonstration import run, title

SAMPLES = "tasks.samples"
"""Package that contains the samples."""
LAYERS = "layers"
"""Folder for the cached layers of the samples."""
TRAINING = "--finetune.batch_size 8 --finetune.learning_rate 0.003 --finetune.patience 10 --max_epochs 20".split()
"""Few sentences need small batches and a high learning rate; about twelve seconds per head on two CPU cores."""


@dataclass(frozen=True)
class Head:
    """A task with its samples, and sentences to try it on."""

    task: str
    """First word of the commands and of the samples' file names."""
    title: str
    suffix: str
    sentences: tuple[str, ...]
    """Sentences that neither occur in the samples nor share their names."""


HEADS = (
    Head(
        "ner",
        "Names: a tagger on the English model that the package carries, from a few hundred sentences of other names",
        ".iob2",
        (
            "Helena Kovacs flew from Oslo to Marrakesh yesterday.",
            "Silverton Paper has opened an office in Mexico, said its founder, Omar Reyes.",
            "With a heavy heart, Joy Ellington sold the farm.",
            "It was a joy to see the sun again.",
        ),
    ),
    Head(
        "sentiment",
        "Opinions: a classifier on the same model",
        ".tsv",
        (
            "The rooms are lovely and the staff are very kind.",
            "I was bored after ten minutes and left.",
            "It is not cheap, but I would go there again tomorrow.",
            "The actors are good, but they cannot save this awful script.",
        ),
    ),
)


def installed_heads() -> list[Head]:
    """The heads whose commands an installed package provides."""
    from elmo_lite.cli.main import all_commands

    commands = all_commands()
    return [head for head in HEADS if f"{head.task} train" in commands]


def train_heads(folder: Path, encoder: str | Path) -> None:
    """Train and try every installed head. A head whose libraries are missing is skipped with a message.

    Args:
        folder: Directory for the samples and the heads.
        encoder: Name or directory of a saved model.

    Raises:
        ModuleNotFoundError: A missing library belongs to no extra of this package.
    """
    for head in installed_heads():
        title(head.title)
        try:
            _train(head, folder, encoder)
        except ModuleNotFoundError as error:
            found = extra_of(error)
            if found is None:
                raise
            print(f"   left out: this needs the package {found[0]}: pip install 'elmo_lite[{found[1]}]'")


def _train(head: Head, folder: Path, encoder: str | Path) -> None:
    samples = folder / "samples"
    data: list[object] = []
    for part in ("train", "dev", "test"):
        data += [f"--{part}", _copy(f"{head.task}_{part}{head.suffix}", samples)]
    out = ("--out", folder / head.task, "--finetune.cache_dir", folder / LAYERS)
    run(f"{head.task} train", "--encoder", encoder, *data, *out, *TRAINING)
    new = samples / f"{head.task}_new.txt"
    new.write_text("\n".join(head.sentences) + "\n", encoding="utf-8", newline="\n")
    run(f"{head.task} predict", folder / head.task, new)


def _copy(name: str, folder: Path) -> Path:
    """Copy a sample to a folder, where it can be inspected; the package may be inside an archive."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / name
    target.write_bytes(files(SAMPLES).joinpath(name).read_bytes())
    return target
