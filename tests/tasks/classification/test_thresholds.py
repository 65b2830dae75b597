"""The threshold of several labels: chosen on dev, saved, obeyed."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from elmo_lite import CheckpointError  # noqa: E402
from tasks.classification import Classifier, ClassifierConfig, train  # noqa: E402
from tasks.classification.pooled_head import PooledConfig  # noqa: E402
from tasks.classification.several_labels import THRESHOLDS, SeveralLabels  # noqa: E402
from tasks.classification.training import Classification  # noqa: E402
from tasks.inputs.word_input_config import WordInputConfig  # noqa: E402
from tasks.saved_task.directory import save_scores  # noqa: E402
from tasks.training.config import FinetuneConfig  # noqa: E402
from tasks.training.summary import print_scores  # noqa: E402

CONFIG = ClassifierConfig(
    multi_label=True,
    inputs=WordInputConfig(word_dim=6, char_filters=3, dropout=0.0, unknown_rate=0.0),
    pooled=PooledConfig(hidden_dim=16, dropout=0.0),
    finetune=FinetuneConfig(max_epochs=1, batch_size=4, learning_rate=0.02, device="cpu", cache="off", pictures=False),
)
RARE: Any = (["good film"] * 9 + ["bad film"] * 2 + ["bad one"], [["x"]] * 9 + [["x", "y"], ["x"], ["y"]])
"""Texts of which no label but x is more probable than not."""


def test_the_threshold_is_chosen_on_dev_and_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    config = dataclasses.replace(CONFIG, max_epochs=4, choose_by="macro_f1")
    facts = train(config, RARE, RARE, tmp_path / "out", progress=False)
    threshold = facts["threshold"]
    print_scores(Classification(config), facts, tmp_path / "out", 1)
    assert f"labels of probability {threshold:.2f} or more are predicted" in caplog.text
    classifier = Classifier.from_pretrained(tmp_path / "out")
    rows = classifier.predict_proba(RARE[0])

    def macro_f1(least: float) -> float:
        guessed = [tuple(np.array(classifier.labels)[row >= least]) for row in rows]
        return SeveralLabels(None).score(RARE[1], guessed, classifier.labels)["macro_f1"]

    assert threshold != 0.5 and macro_f1(threshold) == max(map(macro_f1, THRESHOLDS)) > macro_f1(0.5)
    assert facts["dev"]["macro_f1"] == pytest.approx(macro_f1(threshold))
    found = [p.labels for p in classifier.predict(RARE[0])]
    assert found == [tuple(np.array(classifier.labels)[row >= threshold]) for row in rows]
    classifier.save(tmp_path / "copy")
    assert Classifier.from_pretrained(tmp_path / "copy").model.threshold == threshold
    given = train(dataclasses.replace(config, threshold=0.9), RARE, RARE, tmp_path / "given", progress=False)
    assert given["threshold"] == Classifier.from_pretrained(tmp_path / "given").model.threshold == 0.9


def test_few_of_many_texts_choose_the_threshold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    monkeypatch.setattr("tasks.classification.training.MAX_SCORES", 10)
    monkeypatch.setattr(SeveralLabels, "best_threshold", lambda *given: sizes.append(len(given[1])))
    train(CONFIG, RARE, RARE, tmp_path / "out", progress=False)
    assert sizes == [4]  # 12 texts of two labels


@pytest.mark.parametrize("threshold", [0, 1.0, "half"])
def test_thresholds_that_cannot_be(threshold: Any, tmp_path: Path) -> None:
    train(CONFIG, RARE, RARE, tmp_path, progress=False)
    save_scores(tmp_path, "classify", {}, {"threshold": threshold})
    with pytest.raises(CheckpointError, match=r"config.json: settings.threshold: expected a"):
        Classifier.from_pretrained(tmp_path)
