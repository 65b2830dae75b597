"""A state that says anything but the truth is refused in one line, before anything is restored."""

import copy
import functools
import itertools
import operator
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from elmo_lite.corpus.corpus import Corpus
from elmo_lite.errors import CheckpointError
from elmo_lite.pretraining.initial_model import build_model
from elmo_lite.pretraining.pretrain import pretrain
from elmo_lite.pretraining.state import read_state
from elmo_lite.pretraining.state_check import check_state, steps_done
from elmo_lite.pretraining.training_module import LanguageModel
from tests.elmo_lite.pretraining.test_pretrain import MUON, WINDOWS, build, sentences, settings

PATH = Path("last.ckpt")
Saved = tuple[dict[str, Any], LanguageModel]


@pytest.fixture(scope="module", params=["adamw", "muon"])
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Saved:
    work = tmp_path_factory.mktemp("state")
    corpus = build(work / "toy", sentences(0, 60), sentences(1, 10))
    config = settings(data=WINDOWS, validations=2, **({"optimizer": MUON} if request.param == "muon" else {}))
    pretrain(config, corpus, work / "out", max_steps=4)
    state = read_state(work / "out" / "checkpoints" / "last.ckpt")
    assert state is not None
    return state, build_model(config, Corpus.open(corpus), 4, None)


def checked(state: Any, module: LanguageModel) -> str:
    """The line that refuses a state; empty if it is accepted."""
    try:
        check_state(PATH, state, module, validates=True)
    except CheckpointError as error:
        assert str(error).startswith("last.ckpt: ") and "\n" not in str(error) and len(str(error)) < 400
        return str(error)
    return ""


def leaves(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all values, and of the collections that hold them."""
    if place:
        yield place
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*place, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, (*place, index))


def changed(state: Any, place: tuple[Any, ...], value: Any) -> Any:
    """A copy of a state with another value at a place; all else is shared."""
    copied = copy.copy(state)
    copied[place[0]] = value if len(place) == 1 else changed(state[place[0]], place[1:], value)
    return copied


def test_a_true_state_is_accepted(saved: Saved) -> None:
    assert checked(*saved) == ""
    assert steps_done(PATH, saved[0]) == 4 and steps_done(PATH, None) == 0


OPTIMIZER_PROGRESS = ("loops", "fit_loop", "epoch_loop.automatic_optimization.optim_progress", "optimizer")
CASES: dict[str, tuple[tuple[Any, ...], Any]] = {
    "negative step": (("global_step",), -1),
    "step after the end": (("global_step",), 5),
    "huge step": (("global_step",), 10**400),
    "step is text": (("global_step",), "4"),
    "step is a bool": (("global_step",), True),
    "other step": (("global_step",), 3),
    "epoch": (("epoch",), None),
    "weights of another shape": (("state_dict", "head.bias"), torch.zeros(3)),
    "NaN weights": (("state_dict", "head.bias"), torch.full((25,), torch.nan)),
    "integer weights": (("state_dict", "head.bias"), torch.zeros(25, dtype=torch.int64)),
    "weights that are none": (("state_dict", "head.bias"), 3),
    "no optimizer": (("optimizer_states",), []),
    "two optimizers": (("optimizer_states",), [{}, {}]),
    "rate": (("optimizer_states", 0, "optimizers", 0, "param_groups", 0, "lr"), float("nan")),
    "decay": (("optimizer_states", 0, "optimizers", 0, "param_groups", 0, "weight_decay"), 7.0),
    "weights of the optimizer": (("optimizer_states", 0, "optimizers", 0, "param_groups", 0, "params"), [0]),
    "no moments": (("optimizer_states", 0, "optimizers", 1, "state"), {}),
    "moments of another shape": (("optimizer_states", 0, "optimizers", 1, "state", 0, "exp_avg"), torch.zeros(3)),
    "steps of a weight": (("optimizer_states", 0, "optimizers", 1, "state", 0, "step"), torch.tensor(3.0)),
    "schedule's step": (("lr_schedulers", 0, "last_epoch"), 2),
    "schedule's method": (("lr_schedulers", 0, "step"), 2),
    "schedule's rates": (("lr_schedulers", 0, "base_lrs"), [1.0]),
    "counters": (("loops", "fit_loop", "epoch_progress", "total", "ready"), -3),
    "steps of the optimizer": ((*OPTIMIZER_PROGRESS, "step", "total", "completed"), 3),
    "seconds": (("callbacks", "KeepTime"), {"seconds": float("nan")}),
    "patience": (("callbacks", "SaveBest", "nats"), -1.0),
    "best model": (("callbacks", "SaveBest", "forward_perplexity"), float("nan")),
    "states of no direction": (("carried_states",), {}),
    "states of one row": (("carried_states", "forward", 0), (torch.zeros(1, 16), torch.zeros(1, 16))),
    "infinite states": (("carried_states", "backward", 1), (torch.full((8, 16), torch.inf), torch.zeros(8, 16))),
}


@pytest.mark.parametrize("case", CASES)
def test_lies(case: str, saved: Saved) -> None:
    state, module = saved
    place, value = CASES[case]
    assert checked(changed(state, place, value), module)


def test_attributes_that_a_schedule_does_not_have_are_named(saved: Saved) -> None:
    state, module = saved
    message = "last.ckpt: expected a training state of elmo_lite, found lr_schedulers with ['step']"
    assert checked(changed(state, ("lr_schedulers", 0, "step"), 2), module) == message


def test_a_state_of_a_longer_run(saved: Saved, monkeypatch: pytest.MonkeyPatch) -> None:
    state, module = saved
    monkeypatch.setattr(module.schedule, "max_steps", 3)
    assert checked(state, module) == "last.ckpt: expected a training state of elmo_lite, found global_step 4"


def test_what_may_not_be_missing(saved: Saved) -> None:
    state, module = saved
    for place in leaves(state):
        owner = functools.reduce(operator.getitem, place[:-1], state)
        if place[0] in ("state_dict", "carried_states", "callbacks") and len(place) < 3 or len(place) == 1:
            without = changed(state, place, None)
            del functools.reduce(operator.getitem, place[:-1], without)[place[-1]]
            assert isinstance(owner, dict) and checked(without, module), place


def test_every_value_may_be_anything(saved: Saved) -> None:
    """Refused in one line, or accepted where it does not matter; never another error."""
    state, module = saved
    lies = (None, -1, 10**20, float("nan"), "x", [], {}, torch.zeros(2, 3), torch.tensor(torch.nan))
    step = 1 if "ELMO_LITE_SOAK" in os.environ else 29
    for place, value in list(itertools.product(leaves(state), lies))[::step]:
        accepted = not checked(changed(state, place, value), module)
        assert not (accepted and isinstance(value, torch.Tensor) and place[0] in ("state_dict", "carried_states")), (
            place
        )
