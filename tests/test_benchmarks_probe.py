"""The probe benchmark: its readers, its scores against seqeval and by hand, and what a probe can and cannot learn."""

from __future__ import annotations

import importlib.util
import json
import random
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from elmo_lite.errors import CorpusError
from elmo_lite.nn.bilm import BiLM
from elmo_lite.nn.config import BiLMConfig, CharCNNConfig
from elmo_lite.saved_model.checkpoint import save_model
from elmo_lite.text.tokenization import Tokenization

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "probe.py"

CONLLU = """# newdoc id = a
# text = don't # go
1-2\tdon't\t_\t_\t_\t_\t_\t_\t_\t_
1\tdo\tdo\tAUX\tVBP\t_\t0\troot\t_\t_
2\tn't\tnot\tPART\tRB\t_\t1\tadvmod\t_\t_
2.1\tleft\tleave\tVERB\tVB\t_\t_\t_\t_\t_
3\t#\t#\tSYM\tNN\t_\t1\tdep\t_\t_

# text = Go
1\tGo\tgo\tVERB\tVB\t_\t0\troot\t_\t_
"""
IOB2 = """# text = in Tampa Bay
1\tin\tO\t-\t-
2\tTampa\tB-LOC\t-\tann
3\tBay\tI-LOC\t-\tann

# text = Ann
1\tAnn\tB-PER\t-\tann

"""


@pytest.fixture(scope="module")
def script() -> ModuleType:
    specification = importlib.util.spec_from_file_location("benchmarks_probe", SCRIPT)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    paths = (tmp_path / "a.conllu", tmp_path / "a.iob2")
    for path, text in zip(paths, (CONLLU, IOB2), strict=True):
        path.write_text(text, encoding="utf-8")
    return paths


def test_conllu_without_multiword_and_empty_rows(script: ModuleType, files: tuple[Path, Path]) -> None:
    first, second = script.read_conllu(files[0])
    assert first.words == ("do", "n't", "#") and first.tags == ("AUX", "PART", "SYM")
    assert second.words == ("Go",) and second.tags == ("VERB",)


def test_iob2(script: ModuleType, files: tuple[Path, Path]) -> None:
    first, second = script.read_iob2(files[1])
    assert first.words == ("in", "Tampa", "Bay") and first.tags == ("O", "B-LOC", "I-LOC")
    assert second.words == ("Ann",) and second.tags == ("B-PER",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\tdo\tAUX\n", r"x\.conllu:1: expected 10 columns .* found 3"),
        ("# only\n\n", "expected sentences .* found none"),
    ],
)
def test_bad_files(script: ModuleType, tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "x.conllu"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CorpusError, match=message):
        script.read_conllu(path)


def test_selection_is_the_same_for_two_annotations(script: ModuleType) -> None:
    words = [(f"w{k}", "x") for k in range(50)]
    pos = [script.Tagged(w, ("NOUN", "X")) for w in words]
    ner = [script.Tagged(w, ("O", "O")) for w in words[1:]]
    chosen_pos, chosen_ner = script.select(pos, 10), script.select(ner, 10)
    assert len(chosen_pos) == len(chosen_ner) == 10
    assert len({s.words for s in chosen_pos} & {s.words for s in chosen_ner}) >= 9
    assert script.select(pos, 50) == pos
    assert [pos.index(s) for s in chosen_pos] == sorted(pos.index(s) for s in chosen_pos)


def test_entities_by_hand(script: ModuleType) -> None:
    assert script.entities(["B-PER", "I-PER", "B-PER", "O", "I-LOC"]) == {(0, 2, "PER"), (2, 3, "PER")}
    assert script.entities(["B-PER", "I-LOC", "I-PER"]) == {(0, 1, "PER")}
    assert script.entities([]) == set()


def test_entity_f1_equals_seqeval_strict(script: ModuleType) -> None:
    metrics = pytest.importorskip("seqeval.metrics")
    scheme = pytest.importorskip("seqeval.scheme")
    rng = random.Random(0)
    names = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
    for _ in range(20):
        gold = [[rng.choice(names) for _ in range(rng.randint(1, 8))] for _ in range(30)]
        guess = [[tag if rng.random() < 0.7 else rng.choice(names) for tag in row] for row in gold]
        dev = [script.Tagged(tuple("x" for _ in row), tuple(row)) for row in gold]
        expected = 100 * metrics.f1_score(gold, guess, mode="strict", scheme=scheme.IOB2)
        assert script.score("ner", dev, guess)["main"] == pytest.approx(expected)


def test_scores_by_hand(script: ModuleType) -> None:
    dev = [script.Tagged(("a", "b", "c"), ("B-PER", "O", "B-LOC")), script.Tagged(("d",), ("B-PER",))]
    scores = script.score("ner", dev, [["B-PER", "B-LOC", "B-LOC"], ["O"]])
    assert scores["main"] == pytest.approx(100 * 2 * 2 / (3 + 3))
    assert scores["tag_micro_f1"] == pytest.approx(100 * 2 * 2 / (3 + 3))
    assert scores["tag_macro_f1"] == pytest.approx(100 * (2 / 3 + 2 / 3) / 2)
    scores = script.score("pos", dev, [["B-PER", "O", "O"], ["B-PER"]])
    assert scores["main"] == pytest.approx(75) and scores["error"] > 0
    assert script.score("pos", dev, [list(s.tags) for s in dev]) == {"main": pytest.approx(100), "error": 0}


def test_majority_baseline(script: ModuleType) -> None:
    train = [script.Tagged(("a", "a", "a", "b", "c"), ("X", "X", "Y", "Y", "Y"))]
    dev = [script.Tagged(("a", "b", "new", "a"), ("X", "Y", "Y", "Y"))]
    assert script.majority_baseline(script.Task("pos", train, dev))["main"] == pytest.approx(75)


def test_logistic_regression_is_at_its_minimum(script: ModuleType) -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(200, 6, generator=generator) @ torch.randn(6, 6, generator=generator)
    features[:, 5] = features[:, 4]  # as in the token layer, whose two halves are equal
    labels = (features[:, :3] + torch.randn(200, 3, generator=generator)).argmax(dim=1)
    linear = script.fit_logistic(features, labels, num_classes=3, l2=1e-2, max_iterations=100)
    loss = F.cross_entropy(linear(features), labels) + 1e-2 / 2 * linear.weight.square().sum()
    loss.backward()
    # At the start it is about 1; float32 features and L-BFGS's line search leave some 1e-4.
    assert linear.weight.grad.abs().max() < 1e-3 and linear.bias.grad.abs().max() < 1e-3
    assert (linear(features).argmax(dim=1) == labels).float().mean() > 0.6


def test_probe_reads_the_layer_it_is_told(script: ModuleType) -> None:
    words = tuple(f"w{k}" for k in range(40))
    tags = tuple("XY"[k % 2] for k in range(40))
    train, dev = script.Tagged(words, tags), script.Tagged(words[:20], tags[:20])
    layers = torch.randn(2, 60, 8)
    layers[1, :, 3] = torch.tensor([float(k % 2) for k in range(40)] + [float(k % 2) for k in range(20)])
    vectors = script.Vectors(layers, {train.words: 0, dev.words: 40})
    task = script.Task("pos", [train], [dev])
    scores = {name: script.probe(task, vectors, name, 1e-3, 50)["main"] for name in ("0", "1", "mean", "concat")}
    assert scores["1"] == 100 and scores["concat"] > scores["0"] and scores["0"] < 90
    assert vectors.features("concat", torch.arange(5)).shape == (5, 16)
    torch.testing.assert_close(vectors.features("mean", torch.arange(5)), layers.mean(dim=0)[:5])


@pytest.mark.parametrize("given", ["--pos", "--ner"])
def test_command_line(
    script: ModuleType, files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], given: str
) -> None:
    cnn = CharCNNConfig(embedding_dim=4, filters=((1, 4), (2, 4)), num_highway=1, max_characters=12)
    save_model(tmp_path / "model", BiLM(BiLMConfig(char_cnn=cnn, dim=6, lstm_dim=6)), Tokenization(kind="whitespace"))
    path = str(files[0] if given == "--pos" else files[1])
    out = tmp_path / "figures.json"
    arguments = [str(tmp_path / "model"), given, path, path, "--baseline", "--untrained", "1", "--threads", "1"]
    threads = torch.get_num_threads()
    try:
        assert script.main([*arguments, "--combine", "mean", "--json", str(out)]) == 0
    finally:
        torch.set_num_threads(threads)
    figures: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == figures
    assert [row["features"] for row in figures["results"]] == ["word"] + 2 * ["0", "1", "2", "mean"]
    mains = [row["scores"][given[2:]]["main"] for row in figures["results"]]
    assert np.isfinite(mains).all() and max(mains) == 100  # it is trained on what it is scored on


def test_command_line_needs_something_to_do(script: ModuleType) -> None:
    with pytest.raises(SystemExit):
        script.main(["model"])
    with pytest.raises(SystemExit):
        script.main(["--pos", "a", "b"])
