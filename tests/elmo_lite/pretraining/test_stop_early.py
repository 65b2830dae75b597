"""No run stops early before its learning rate has fallen."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from elmo_lite.pretraining.schedule import Schedule
from elmo_lite.pretraining.stop_early import LATE, StopEarly


def stopped_at(nats: list[float], patience: int = 3, max_steps: int = 40) -> tuple[int | None, StopEarly, Any]:
    """The step at which a run of one validation a step stops early, if any."""
    callback = StopEarly(patience, Schedule(1, max_steps))
    trainer: Any = SimpleNamespace(
        should_stop=False,
        fast_dev_run=False,
        current_epoch=3,
        world_size=1,
        callback_metrics={},
        global_step=0,
        state=SimpleNamespace(fn="fit"),
        sanity_checking=False,
        strategy=SimpleNamespace(reduce_boolean_decision=lambda value, all: value),
    )
    module: Any = None
    callback._check_on_train_epoch_end = False
    callback._should_skip_check = lambda trainer: False  # type: ignore[method-assign]
    for step, value in enumerate(nats, 1):
        trainer.global_step, trainer.callback_metrics = step, {"val/nats": torch.tensor(value)}
        callback.on_validation_end(trainer, module)
        if trainer.should_stop:
            return step, callback, trainer
    return None, callback, trainer


def test_the_rate_falls_first() -> None:
    """A plateau at a high rate is no end; the count of validations goes on."""
    step, callback, trainer = stopped_at([5.0, 4.0] + [4.5] * 38)
    assert step is not None and Schedule(1, 40).factor(step) < LATE <= Schedule(1, 40).factor(step - 1)
    assert callback.reason(trainer) == (
        f"no better held-out perplexity in {step - 2} validations (--patience), learning rate at 7.7 % of its peak"
    )


def test_what_falls_late_goes_on() -> None:
    """A run that gets better while its rate falls is never stopped."""
    step, callback, _ = stopped_at([5.0, 4.0] + [4.5] * 25 + [3.9 - 0.1 * k for k in range(13)])
    assert step is None and callback.stopped_epoch == 0, "its state says nothing of a stop"


def test_patience_counts_from_the_last_improvement() -> None:
    assert stopped_at([5.0] * 34 + [4.0] + [4.1] * 5)[0] == 38
    assert stopped_at([5.0] * 35 + [4.0, 4.1, 4.1, 3.9, 3.9])[0] is None


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_stops_at_once(value: float) -> None:
    step, callback, trainer = stopped_at([5.0, value, 4.0])
    assert step == 2 and callback.reason(trainer) == "the held-out perplexity is not finite"


def test_states_of_older_versions_fit() -> None:
    """They hold the key of Lightning's class."""
    assert StopEarly(3, Schedule(1, 10)).state_key.startswith("EarlyStopping{")
