"""Signals: a request first, an end at once the second time; handlers are restored."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from elmo_lite.stopping import Stopped, StopRequest, stop_at_once, stop_on_request

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_a_request(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    request = StopRequest()
    with stop_on_request(request):
        assert not request
        os.kill(os.getpid(), number)
        time.sleep(0.01)
        assert request and request.signal_number == number
    assert "stopping as soon as everything is saved" in capsys.readouterr().err
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_second_signal_ends_the_process(number: int) -> None:
    code = (
        "import os, sys, time; from elmo_lite.stopping import *; request = StopRequest()\n"
        "with stop_on_request(request):\n"
        f"    os.kill(os.getpid(), {int(number)}); os.kill(os.getpid(), {int(number)}); time.sleep(5); print('alive')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == -number and done.stdout == ""


def test_sigterm_is_an_error_that_cleans_up() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Stopped, match="^terminated$") as stopped, stop_at_once():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(1)
    assert stopped.value.exit_status == 143 and Stopped().exit_status == 130
    assert signal.getsignal(signal.SIGTERM) is before


def test_other_threads_have_no_handlers() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def run() -> None:
        request = StopRequest()
        with stop_on_request(request), stop_at_once():
            request.listen()
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [before]
