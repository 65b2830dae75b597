"""Comparison of a training state with the run that resumes from it, before anything is restored."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from elmo_lite.errors import CheckpointError, one_line
from elmo_lite.pretraining.state import EXPECTED
from elmo_lite.pretraining.training_module import LanguageModel
from elmo_lite.saved_model.tensors import check_tensors

_BEST = {"step", "nats"}
"""Facts of the best model, beside a perplexity for each direction."""
_BEST_ALSO = {"perplexity_without_unknown"}
"""More of them, which older states lack."""
_MOMENTS = {"Muon": {"momentum_buffer"}}
_ADAM = {"step", "exp_avg", "exp_avg_sq"}
"""Values that an optimizer keeps for a parameter."""


def steps_done(path: Path, state: Mapping[str, Any] | None) -> int:
    """Number of steps of a state; 0 without one.

    Raises:
        CheckpointError: It is not a number of steps.
    """
    try:
        return 0 if state is None else _integer(state["global_step"], "global_step")
    except (KeyError, ValueError) as error:
        raise CheckpointError(f"{path}: {EXPECTED} {one_line(error)[:200]}") from None


def check_state(path: Path, state: Mapping[str, Any], module: LanguageModel, *, validates: bool) -> None:
    """Check that a state is one of a run with this module.

    Args:
        path: Source of the state, for the error message.
        state: Content of the file.
        module: Module of the run, untrained.
        validates: Whether the run measures perplexity.

    Raises:
        CheckpointError: A value is missing, of another type or shape, out of range or not finite.
    """
    try:
        step = _integer(state["global_step"], "global_step", module.schedule.end)
        _integer(state["epoch"], "epoch")
        _version(state["pytorch-lightning_version"])
        check_tensors(path, state["state_dict"], module.state_dict())
        _finite(state["state_dict"], "state_dict")
        configured = module.configure_optimizers()
        _optimizers(state["optimizer_states"], configured["optimizer"].optimizers, step)
        _schedule(state["lr_schedulers"], configured["lr_scheduler"]["scheduler"], step)
        _loops(state["loops"], step)
        _callbacks(state["callbacks"], module, validates)
        _carried(state["carried_states"], module, step)
    except CheckpointError:
        raise
    except KeyError as error:
        raise CheckpointError(f"{path}: {EXPECTED} none of its values {error}") from None
    except (TypeError, ValueError, AttributeError, IndexError, ArithmeticError, RuntimeError) as error:
        raise CheckpointError(f"{path}: {EXPECTED} {one_line(error)[:200]}") from None


def _require(condition: bool, name: str, found: Any) -> None:
    if not condition:
        raise ValueError(f"{name} {str(found)[:60]}")


def _integer(value: Any, name: str, largest: int = 2**53) -> int:
    _require(type(value) is int and 0 <= value <= largest, name, value)
    return int(value)


def _number(value: Any, name: str) -> None:
    _require(type(value) in (int, float) and math.isfinite(value), name, value)


def _finite(tensors: Mapping[str, Any], name: str) -> None:
    for key, tensor in tensors.items():
        _require(isinstance(tensor, Tensor) and bool(torch.isfinite(tensor).all()), f"{name}.{key}", "not finite")


def _version(value: Any) -> None:
    _require(isinstance(value, str) and value[:2] in ("1.", "2."), "pytorch-lightning_version", value)


def _optimizers(found: Any, optimizers: Sequence[torch.optim.Optimizer], step: int) -> None:
    """Each optimizer with its groups, and its values for each parameter."""
    states = found[0]["optimizers"]
    _require(len(found) == 1 and len(states) == len(optimizers), "optimizer_states of length", len(states))
    for state, optimizer in zip(states, optimizers, strict=True):
        expected = optimizer.state_dict()["param_groups"]
        _require(len(state["param_groups"]) == len(expected), "param_groups of length", len(state["param_groups"]))
        for group, like in zip(state["param_groups"], expected, strict=True):
            _number(group["lr"], "lr")
            _require(group["params"] == like["params"], "params", group["params"])
            for key in (group.keys() & like.keys()) - {"lr", "params"}:
                _require(_plain(group[key]) == _plain(like[key]), key, group[key])
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        _require(set(state["state"]) == (set(range(len(parameters))) if step else set()), "states of", "other weights")
        for index, values in state["state"].items():
            _moments(values, parameters[index], _MOMENTS.get(type(optimizer).__name__, _ADAM), step)


def _moments(values: Mapping[str, Any], parameter: Tensor, names: set[str], step: int) -> None:
    _require(set(values) == names, "optimizer values", sorted(values))
    for name, value in values.items():
        if name == "step":
            _require(float(value) == step, "optimizer step", value)
        else:
            _require(value.shape == parameter.shape and value.dtype == parameter.dtype, name, list(value.shape))
            _finite({name: value}, "optimizer")


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _schedule(found: Any, schedule: Any, step: int) -> None:
    """Loading sets any attribute of the schedule, so that no others may be there."""
    (state,) = found
    expected = schedule.state_dict()
    _require(set(state) <= set(expected), "lr_schedulers with", sorted(set(state) - set(expected)))
    _require(state["last_epoch"] == step and type(state["last_epoch"]) is int, "last_epoch", state["last_epoch"])
    _require(state["_step_count"] == step + 1, "_step_count", state["_step_count"])
    _require(_plain(state["base_lrs"]) == _plain(expected["base_lrs"]), "base_lrs", state["base_lrs"])
    _require(state["lr_lambdas"] == expected["lr_lambdas"], "lr_lambdas", state["lr_lambdas"])
    _require(len(state["_last_lr"]) == len(expected["_last_lr"]), "_last_lr", state["_last_lr"])
    for rate in state["_last_lr"]:
        _number(rate, "_last_lr")
    for key in set(state) - {"last_epoch", "_step_count", "base_lrs", "lr_lambdas", "_last_lr"}:
        _require(type(state[key]) is type(expected[key]), key, state[key])


def _loops(found: Any, step: int) -> None:
    """Counters, of which that of the optimizer's steps is the number of the step."""
    waiting = [("loops", found)]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(f"{name}.{key}", inner) for key, inner in value.items()]
        elif not isinstance(value, bool):
            _integer(value, name)
    progress = found["fit_loop"]["epoch_loop.automatic_optimization.optim_progress"]["optimizer"]
    _require(progress["step"]["total"]["completed"] == step, "steps of the optimizer", progress["step"]["total"])


def _callbacks(found: Mapping[str, Any], module: LanguageModel, validates: bool) -> None:
    """The patience, and the best model so far, which belong together."""
    patience = [value for name, value in found.items() if name.startswith("EarlyStopping")]
    best = found.get("SaveBest", {})
    _require(len(patience) == int(validates) and (validates or not best), "callbacks", sorted(found))
    expected = _BEST | {f"{direction}_perplexity" for direction in module.bilm.directions}
    _require(set(best) - _BEST_ALSO in (set(), expected), "the best model", sorted(best))
    for key, value in best.items():
        _number(value, f"the best model's {key}")
    _number(found.get("KeepTime", {}).get("seconds", 0.0), "seconds")
    for state in patience:
        _require(state["patience"] == module.config.patience, "patience", state["patience"])
        _integer(state["wait_count"], "wait_count")
        _integer(state["stopped_epoch"], "stopped_epoch")
        score = float(state["best_score"])
        _require(math.isclose(score, best.get("nats", math.inf), rel_tol=1e-5), "best_score", score)


def _carried(found: Mapping[str, Any], module: LanguageModel, step: int) -> None:
    """States of every layer and row in each direction, where windows follow one another."""
    expected = set(module.bilm.directions) if module.carries_states and step else set()
    _require(set(found) == expected, "carried_states", list(found))
    model, data = module.config.model, module.config.data
    for direction, layers in found.items():
        _require(len(layers) == model.num_layers, f"carried_states.{direction} of length", len(layers))
        for layer, expected_shapes in zip(layers, model.state_shapes(data.num_rows), strict=True):
            shapes = [list(part.shape) for part in layer]
            _require(shapes == expected_shapes, f"carried_states.{direction}", shapes)
            _finite({str(number): part for number, part in enumerate(layer)}, f"carried_states.{direction}")
