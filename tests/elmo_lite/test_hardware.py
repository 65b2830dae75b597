import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from elmo_lite.errors import ConfigError
from elmo_lite.hardware import (
    canonical_precision,
    check_device_name,
    choose_device,
    choose_precision,
    cpu_count,
    keep_freed_memory,
    lightning_device,
    lightning_precision,
)

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


@pytest.mark.parametrize(
    ("gpus", "has_mps", "expected"),
    [(2, True, "cuda"), (0, True, "mps"), (0, False, "cpu")],
    ids=["cuda", "mps", "cpu"],
)
def test_auto_is_the_first_device_there_is(
    monkeypatch: pytest.MonkeyPatch, gpus: int, has_mps: bool, expected: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: has_mps)
    assert choose_device("auto") == torch.device(expected)
    assert choose_device(expected) == torch.device(expected)
    assert lightning_device(choose_device("auto"))["accelerator"] == {"cuda": "gpu"}.get(expected, expected)
    if gpus:
        assert lightning_device(choose_device("cuda:1")) == {"accelerator": "gpu", "devices": [1]}
        with pytest.raises(ConfigError, match=r"found cuda:2 \(of 2 cuda devices\)"):
            choose_device("cuda:2")


def test_devices_that_are_unknown_or_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    for name in ("cuda", "cuda:0", "mps"):
        with pytest.raises(ConfigError, match=f"^device: expected one that torch can use, found {name} "):
            choose_device(name)
    with pytest.raises(ConfigError, match="^device: expected auto, cpu, cuda, cuda:N or mps, found abacus$"):
        choose_device("abacus")
    for name in ("tpu", "cuda:", "cpu:x", "AUTO", ""):
        with pytest.raises(ConfigError, match="^device: expected auto, cpu, cuda, cuda:N or mps, found"):
            check_device_name(name)
    for name in ("auto", "cpu", "cuda", "cuda:11", "mps"):
        check_device_name(name)


def test_an_apple_gpu_computes_in_float32_unless_told() -> None:
    assert choose_precision("auto", torch.device("mps")) == "float32"


def test_bfloat16_that_a_processor_lacks_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    with pytest.raises(ConfigError, match="^precision: expected float32 or auto, as this processor has no bfloat16"):
        choose_precision("bfloat16", torch.device("cpu"))
    assert choose_precision("float32", torch.device("cpu")) == "float32"
    assert choose_precision("bfloat16", torch.device("cuda")) == "bfloat16"


def test_cpu_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert cpu_count() == 3
    for value in ("", "0", "two"):
        monkeypatch.setenv("OMP_NUM_THREADS", value)
        assert 1 <= cpu_count() <= (os.cpu_count() or 1)
