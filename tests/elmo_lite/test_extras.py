"""Missing optional packages are named with their extra, wherever they are needed."""

import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from elmo_lite.extras import named_extra
from tasks.classification.scoring import report, score_labels
from tasks.inputs.static_vectors import read_vectors
from tasks.ner.config import NerConfig
from tasks.ner.training import train as train_tagger
from tasks.sentiment.config import SentimentConfig
from tasks.sentiment.training import train as train_classifier
from tasks.tagging.span_scores import score_tags


@pytest.fixture
def block(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Make the import of a package and of its modules fail."""

    def block_package(package: str) -> None:
        for name in [package, *(name for name in sys.modules if name.startswith(f"{package}."))]:
            monkeypatch.setitem(sys.modules, name, None)

    return block_package


def fasttext_model(path: Path) -> Path:
    path.write_bytes(struct.pack("<i", 793712314))
    return path


def train(run: Callable[..., Any], config: Any, out: Path) -> None:
    run(config, (["a"], ["b"]), (["a"], ["b"]), out, progress=False)


@pytest.mark.parametrize(
    ("package", "use", "message"),
    [
        ("seqeval", lambda _: score_tags([["O"]], [["O"]]), "scores of tags: expected seqeval"),
        ("sklearn", lambda _: score_labels(["a"], ["a"], ["a"]), "scores of labels: expected scikit-learn"),
        ("sklearn", lambda _: report(["a"], ["a"], ["a"]), "scores of labels: expected scikit-learn"),
        ("seqeval", lambda out: train(train_tagger, NerConfig(), out), "ner train: expected seqeval"),
        ("sklearn", lambda out: train(train_classifier, SentimentConfig(), out), "sentiment train: expected scikit-"),
        ("gensim", lambda out: read_vectors(fasttext_model(out / "a.bin"), ["word"]), "a.bin: expected gensim"),
    ],
)
def test_the_extra_is_named(
    block: Callable[[str], None], tmp_path: Path, package: str, use: Callable[[Path], Any], message: str
) -> None:
    block(package)
    with pytest.raises(ModuleNotFoundError) as error:
        use(tmp_path)
    assert message in str(error.value) and "\n" not in str(error.value)
    extra = "vectors" if package == "gensim" else "tasks"
    assert str(error.value).endswith(f", found no such package; pip install 'elmo_lite[{extra}]'")
    assert (error.value.name or "").partition(".")[0] == package


def test_other_packages_are_no_extras(block: Callable[[str], None]) -> None:
    """A package that is missing inside an optional one is named as Python names it."""
    block("yaml")
    with pytest.raises(ModuleNotFoundError, match="^import of yaml halted"), named_extra("this"):
        import yaml  # noqa: F401
