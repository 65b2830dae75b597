"""Signals: a request first, an end at once the second time; handlers are restored."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from elmo_lite.stopping import Stopped, StopRequest, stop_at_once, stop_on_request

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def ctrl_c() -> Iterator[None]:
    """Ctrl-C as at a terminal, also where the tests run in the background of a shell, which has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_a_request(number: int, capfd: pytest.CaptureFixture[str]) -> None:
    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    request = StopRequest()
    with stop_on_request(request):
        assert not request
        os.kill(os.getpid(), number)
        time.sleep(0.01)
        assert request and request.signal_number == number
    assert "stopping as soon as everything is saved" in capfd.readouterr().err
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


def test_an_ignored_signal_stays_ignored() -> None:
    """As in the background jobs of a script, which Ctrl-C is not meant for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    request = StopRequest()
    with stop_on_request(request):
        request.listen()
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
        assert not request
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


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


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
@pytest.mark.parametrize("redirection", ["2>/dev/full", "2>&-"])
def test_a_request_does_not_need_standard_error(redirection: str) -> None:
    code = (
        "import signal, os; from elmo_lite.stopping import *; request = StopRequest()\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "with stop_on_request(request):\n    os.kill(os.getpid(), signal.SIGINT); print(request.signal_number)"
    )
    line = f'"$0" -c "$1" {redirection}'
    command = ["bash", "-c", line, sys.executable, code]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "2\n")
