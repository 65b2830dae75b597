import subprocess
import sys
from pathlib import Path

import pytest

from elmo_lite.errors import ConfigError
from elmo_lite.hardware import canonical_precision, keep_freed_memory, lightning_precision

SCRIPT = """
import resource, sys
import numpy as np
from elmo_lite.hardware import keep_freed_memory
if sys.argv[1] == "kept" and not keep_freed_memory():
    sys.exit(77)
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        np.ones(2**23, dtype=np.int8) + np.ones(2**23, dtype=np.int8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(faults())
"""


def faults(mode: str) -> int:
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT, mode], capture_output=True, text=True, cwd=Path(__file__).parents[2]
    )
    if result.returncode == 77:
        pytest.skip("the C library is not glibc")
    assert result.returncode == 0, result.stderr
    return int(result.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="page faults are counted on Linux")
def test_freed_memory_is_used_again() -> None:
    assert faults("kept") < faults("default") / 4


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert keep_freed_memory() is False


def test_names_of_precisions() -> None:
    for name, expected in (
        ("32-true", "float32"),
        ("bf16-mixed", "bfloat16"),
        ("auto", "auto"),
        ("float32", "float32"),
    ):
        assert canonical_precision(name) == expected
    with pytest.raises(ConfigError, match="^precision: expected auto, float32 or bfloat16, found 'float16'$"):
        canonical_precision("float16")
    assert [lightning_precision(name) for name in ("float32", "bfloat16")] == ["32-true", "bf16-mixed"]
