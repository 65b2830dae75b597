"""Whole runs, killed at calls and lines of saving and at random moments, end with the bits of a run that was not.

``ELMO_LITE_SOAK``, a whole number, multiplies the number of kills; 1 by default, which takes seconds.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SOAK = int(os.environ.get("ELMO_LITE_SOAK", "1"))
NUMBERS = {"line": 20, "call": 20, "random": 4}
"""Kills of each kind, times the factor; one without a factor. At most all lines and calls there are."""

DRIVER = '''
import os, random, shutil, signal, sys, time
from pathlib import Path
import torch
sys.path.insert(0, sys.argv[1])
from tests.elmo_lite.pretraining import test_pretrain as toy
from tests.injection import count_calls, count_lines, in_child, kill_at_call, kill_at_line
from elmo_lite import atomic, files
from elmo_lite.pretraining import callbacks, run, state
from elmo_lite.saved_model import checkpoint

kind, number, work = sys.argv[2], int(sys.argv[3]), Path(sys.argv[4])
corpus = toy.build(work / "toy", toy.sentences(0, 60), toy.sentences(1, 10))
SOURCES = tuple(module.__file__ for module in (atomic, files, callbacks, run, state, checkpoint))


def train(out):
    """Start a run, or resume it, as someone does who repeats a command until it has ended."""
    config = toy.settings(data=toy.WINDOWS, validations=3, save_every_minutes=1e-9)
    begun = (out / "run.json").exists()
    toy.pretrain(config, corpus, out, max_steps=None if begun else 6, resume=begun)


def flat(value, place=""):
    """Bytes of all values by their place."""
    if isinstance(value, torch.Tensor):
        return {place: value.float().numpy().tobytes()}
    if isinstance(value, dict | list | tuple):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return {key: found for name, inner in items for key, found in flat(inner, f"{place}/{name}").items()}
    return {place: repr(value).encode()}


def content(out):
    """The files of the best model, and the values of the last state without the counters of repeated work."""
    saved = {path.name: path.read_bytes() for path in sorted((out / "model").iterdir())}
    last = state.read_state(out / "checkpoints" / "last.ckpt")
    return saved | flat({key: value for key, value in last.items() if key not in ("loops", "epoch")})


def check(out, whole, point):
    """Go on until the end, and compare."""
    assert not in_child(lambda: train(out)), point
    found = content(out)
    wrong = [name for name in whole if found.get(name) != whole[name]]
    assert not wrong and found.keys() == whole.keys(), (point, wrong)
    hidden = [path for path in (*out.rglob(".*"), *out.parent.glob(f".{out.name}*")) if path.suffix != ".lock"]
    assert not hidden, (point, hidden)
    shutil.rmtree(out)


assert not in_child(lambda: train(work / "whole"))
whole = content(work / "whole")
out = work / "cut" / "out"
out.parent.mkdir()
kills, last = 0, number
if kind == "random":
    generator = random.Random(number)
    begun = time.monotonic()
    assert not in_child(lambda: train(out))
    seconds = time.monotonic() - begun
    shutil.rmtree(out)
    while kills < number:
        child = os.fork()
        if child == 0:
            try:
                train(out)
            finally:
                os._exit(0)
        time.sleep(generator.uniform(0.0, seconds))
        os.kill(child, signal.SIGKILL)
        killed = os.waitpid(child, 0)[1] != 0
        kills += killed
        if not killed or generator.random() < 0.4:  # otherwise killed again
            check(out, whole, ("random", kills))
else:
    last = count_lines(lambda: train(out), SOURCES) if kind == "line" else count_calls(lambda: train(out), out.parent)
    shutil.rmtree(out)
    for point in range(last) if number >= last else sorted(random.Random(0).sample(range(last), number)):
        if kind == "line":
            assert kill_at_line(lambda: train(out), point, SOURCES), point
        else:
            assert kill_at_call(lambda: train(out), point, out.parent), point
        kills += 1
        check(out, whole, (kind, point))
print(f"{last} points {kills} kills")
'''


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.parametrize(
    ("kind", "number"), [(kind, 1 if SOAK == 1 else most * SOAK) for kind, most in NUMBERS.items()], ids=list(NUMBERS)
)
def test_a_run_that_was_killed_ends_as_if_it_was_not(kind: str, number: int, tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    arguments = [sys.executable, "-c", DRIVER, root, kind, number, tmp_path]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(root)}
    done = subprocess.run(
        list(map(str, arguments)), env=environment, capture_output=True, text=True, timeout=600 * SOAK, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    points, kills = (int(word) for word in done.stdout.split()[0::2][:2])
    assert kills == min(points, number)
