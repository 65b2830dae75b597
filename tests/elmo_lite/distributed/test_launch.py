"""What a run of several processes comes to, from what each of them sent or did not send."""

from __future__ import annotations

import signal
from typing import Any

import pytest
from torch.multiprocessing.spawn import ProcessExitedException

from elmo_lite.distributed.group import LOST, is_lost
from elmo_lite.distributed.launch import _outcome
from elmo_lite.errors import ConfigError, TrainingError
from elmo_lite.stopping import Stopped, StopRequest

KILLED = ProcessExitedException("", 1, 5, -9, "SIGKILL")
LOSS = TrainingError(f"process 1 of 2: {LOST} (Connection closed by peer)")
WRONG = ConfigError("seed: expected a number")


def request(number: int) -> StopRequest:
    found = StopRequest()
    found.signal_number = number
    return found


def test_the_result_of_the_first() -> None:
    assert _outcome({1: "other", 0: "own"}, None, request(0), 2) == "own"


@pytest.mark.parametrize(
    ("found", "dead", "error", "message"),
    [
        ({0: LOSS, 1: WRONG}, None, ConfigError, "seed: expected a number"),
        ({0: WRONG}, KILLED, ConfigError, "seed: expected a number"),
        (
            {0: LOSS},
            KILLED,
            TrainingError,
            "process 2 of 2: expected it to go on .*, found it ended by SIGKILL",
        ),
        ({0: LOSS}, ProcessExitedException("", 1, 5, 3), TrainingError, "found it ended by status 3"),
        ({0: LOSS, 1: LOSS}, None, TrainingError, "process 1 of 2: expected all processes of the run to go on"),
        ({1: "result"}, None, Stopped, "interrupted"),
    ],
)
def test_one_error_of_all(found: dict[int, Any], dead: Any, error: type[BaseException], message: str) -> None:
    with pytest.raises(error, match=message):
        _outcome(found, dead, request(0), 2)


@pytest.mark.parametrize(("number", "status"), [(0, 143), (signal.SIGINT, 130)])
def test_a_stop_has_the_signal_that_came(number: int, status: int) -> None:
    """Processes get SIGTERM, whatever the command got."""
    with pytest.raises(Stopped, match="at step 5") as stop:
        _outcome({0: Stopped("at step 5", signal.SIGTERM), 1: LOSS}, KILLED, request(number), 2)
    assert stop.value.exit_status == status
    with pytest.raises(Stopped, match="interrupted"):
        _outcome({}, KILLED, request(signal.SIGINT), 2)


def test_errors_of_a_lost_process() -> None:
    assert is_lost(RuntimeError("[/gloo/transport/tcp/pair.cc:537] Connection closed by peer"))
    assert not is_lost(RuntimeError("shapes differ")) and not is_lost(ValueError("gloo"))
