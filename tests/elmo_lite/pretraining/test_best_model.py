"""The best model of a run and the state that knows it."""

from pathlib import Path
from typing import Any

import pytest
import torch

from elmo_lite.errors import CheckpointError
from elmo_lite.nn.bilm import BiLM
from elmo_lite.nn.config import BiLMConfig, CharCNNConfig
from elmo_lite.pretraining.best_model import check_best_model
from elmo_lite.saved_model.checkpoint import save_model
from elmo_lite.text.tokenization import Tokenization

SMALL = BiLMConfig(char_cnn=CharCNNConfig(embedding_dim=2, filters=((1, 2),), max_characters=8), dim=2, lstm_dim=2)


def best(step: int) -> dict[str, Any]:
    return {"step": step, "nats": 3.0}


def state() -> dict[str, Any]:
    """That of a run whose best model is that of step 4, two validations ago."""
    stopping = {"best_score": torch.tensor(3.0), "wait_count": 2, "patience": 5}
    return {"global_step": 6, "callbacks": {"SaveBest": best(4), "EarlyStopping{}": stopping}}


@pytest.mark.parametrize(("step", "fits"), [(4, True), (7, True), (2, False), (6, False)])
def test_the_model_is_that_of_the_state_or_newer(step: int, fits: bool, tmp_path: Path) -> None:
    """A run that was killed between saving the model and the state has a newer one, and repeats its steps."""
    model = save_model(tmp_path / "model", BiLM(SMALL), Tokenization(), training={"best": best(step)})
    found = state()
    if fits:
        check_best_model(model, found)
    else:
        with pytest.raises(CheckpointError, match="expected the run's model of step 4, found another one; move "):
            check_best_model(model, found)
    assert found == state()


def test_the_choice_starts_anew_without_a_model(tmp_path: Path) -> None:
    found = state()
    check_best_model(tmp_path / "model", found)
    stopping = {"best_score": torch.tensor(torch.inf), "wait_count": 0, "patience": 5}
    assert found == {"global_step": 6, "callbacks": {"EarlyStopping{}": stopping}}
