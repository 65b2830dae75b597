"""A softmax that starts from word2vec vectors of the training text."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from elmo_lite.corpus.corpus import Corpus
from elmo_lite.pretraining import pretrain as pretraining
from elmo_lite.pretraining import word2vec
from elmo_lite.pretraining.config import HeadConfig
from elmo_lite.pretraining.pretrain import pretrain
from elmo_lite.pretraining.state import read_state
from elmo_lite.pretraining.word2vec import start_from_word2vec
from elmo_lite.text.vocabulary import BOUNDARY_CLASS
from tests.elmo_lite.pretraining.test_pretrain import build, sentences, settings

HEAD = HeadConfig(num_samples=12, start="word2vec")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("toy") / "it", sentences(0, 2000), sentences(1, 30))


def test_rows_of_the_text_are_vectors_of_length_one(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Always the same; other rows, such as that of the boundary, stay as they were."""
    pytest.importorskip("gensim")
    opened = Corpus.open(corpus)
    before = torch.full((len(opened.vocabulary) + 1, 16), 7.0)  # with one class that the text does not have
    one, two, other = before.clone(), before.clone(), before.clone()
    start_from_word2vec(one, opened, seed=3)
    start_from_word2vec(two, opened, seed=3)
    start_from_word2vec(other, opened, seed=4)
    assert torch.equal(one, two) and not torch.equal(one, other)
    kept = [BOUNDARY_CLASS, len(opened.vocabulary)]
    assert torch.equal(one[kept], before[kept])
    changed = (one != before).all(dim=1)
    assert changed.sum() == len(set(opened.class_of_word[opened.train].tolist()) - {BOUNDARY_CLASS})
    torch.testing.assert_close(one[changed].norm(dim=1), torch.ones(int(changed.sum())))
    monkeypatch.setattr(word2vec, "NUM_WORDS", 12)
    few = before.clone()
    start_from_word2vec(few, opened, seed=3)
    assert (few != before).all(dim=1).sum() == len(set(opened.class_of_word[opened.train[1:13]].tolist()) - {0})


def test_a_run_starts_from_it_once(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not again when it is resumed, and not where a saved model brings its own rows."""
    pytest.importorskip("gensim")
    calls: list[int] = []

    def start(weight: torch.Tensor, *arguments: Any) -> None:
        calls.append(len(weight))
        start_from_word2vec(weight, *arguments)

    monkeypatch.setattr(pretraining, "start_from_word2vec", start)
    config, out = settings(head=HEAD), tmp_path / "out"
    pretrain(config, corpus, out, max_steps=4)
    pretrain(config, corpus, out, max_steps=8, resume=True)
    assert len(calls) == 1
    assert json.loads((out / "run.json").read_text())["config"]["head"]["start"] == "word2vec"
    pretrain(config, corpus, tmp_path / "adapted", max_steps=2, init=str(out / "model"))
    assert len(calls) == 1
    (out / "checkpoints" / "last.ckpt").unlink()
    pretrain(config, corpus, out, resume=True)
    assert len(calls) == 2
    whole = tmp_path / "whole"
    pretrain(config, corpus, whole, max_steps=8)
    states = [read_state(path / "checkpoints" / "last.ckpt") for path in (out, whole)]
    assert states[0] is not None and states[1] is not None
    assert all(torch.equal(states[0]["state_dict"][name], value) for name, value in states[1]["state_dict"].items())


def test_a_missing_package_is_found_before_any_work(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "gensim", None)
    with pytest.raises(ModuleNotFoundError, match=r"^head.start word2vec: expected gensim.*elmo_lite\[vectors\]"):
        pretrain(settings(head=HEAD), corpus, tmp_path / "out", max_steps=4)
    assert not (tmp_path / "out" / "run.json").exists()
