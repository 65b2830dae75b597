"""Whole runs, killed at calls and lines of saving and at random moments, end with the bits of a run that was not.

``ELMO_LITE_SOAK``, a whole number, multiplies the number of kills. By default it is 1: two kills at calls, in seconds.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SOAK = int(os.environ.get("ELMO_LITE_SOAK", "1"))
NUMBERS = {"call": 2} if SOAK == 1 else {"call": 20 * SOAK, "line": 20 * SOAK, "random": 4 * SOAK}
"""Kills of each kind; at most all the calls and lines there are."""

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

work = Path(sys.argv[2])
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


train(work / "whole")  # not in a child, which inherits all that is imported here
whole = content(work / "whole")
out = work / "cut" / "out"
out.parent.mkdir()


def at_random(number):
    """Kills after random times, some of them one after the other before a run may end."""
    generator, kills, begun = random.Random(number), 0, time.monotonic()
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
        if not killed or kills == number or generator.random() < 0.4:
            check(out, whole, ("random", kills))
    return number, kills


def at_points(kind, number):
    """Kills at lines of the sources that save, or at calls on paths of the run; a sample of them, or all."""
    last = count_lines(lambda: train(out), SOURCES) if kind == "line" else count_calls(lambda: train(out), out.parent)
    shutil.rmtree(out)
    chosen = sorted(random.Random(0).sample(range(last), min(number, last)))
    for point in chosen:
        if kind == "line":
            assert kill_at_line(lambda: train(out), point, SOURCES), point
        else:
            assert kill_at_call(lambda: train(out), point, out.parent), point
        check(out, whole, (kind, point))
    return last, len(chosen)


for argument in sys.argv[3:]:
    kind, _, number = argument.partition("=")
    points, kills = at_random(int(number)) if kind == "random" else at_points(kind, int(number))
    print(f"{kind} points {points} kills {kills}", flush=True)
'''


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_run_that_was_killed_ends_as_if_it_was_not(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    arguments = [root, tmp_path, *(f"{kind}={number}" for kind, number in NUMBERS.items())]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600 * SOAK,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    for line, (kind, number) in zip(done.stdout.splitlines(), NUMBERS.items(), strict=True):
        words = line.split()
        assert words[0] == kind and int(words[4]) == min(int(words[2]), number)
