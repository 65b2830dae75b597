"""Tensors through files, and modules that are made of shapes alone."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from elmo_lite.errors import CheckpointError
from elmo_lite.saved_model.tensors import (
    check_finite,
    check_tensors,
    dtype_name,
    fill,
    read_tensors,
    shapes_alone,
    write_tensors,
)


def test_round_trip(tmp_path: Path) -> None:
    tensors = {"a": torch.randn(3, 4).t(), "b": torch.arange(3), "c": nn.Parameter(torch.randn(2))}
    written = write_tensors(tmp_path / "t", tensors)
    found = read_tensors(tmp_path / "t")
    assert sorted(found) == ["a", "b", "c"]
    assert all(
        torch.equal(found[name], tensor) and torch.equal(written[name], tensor) for name, tensor in tensors.items()
    )


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_precision(tmp_path: Path, dtype: str) -> None:
    write_tensors(tmp_path / "t", {"a": torch.randn(3, dtype=torch.float64), "b": torch.arange(3)}, dtype)
    found = load_file(tmp_path / "t")
    assert dtype_name(found["a"]) == dtype and dtype_name(found["b"]) == "int64"


def test_numbers_too_large_for_float16(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="^a: expected numbers up to 65504, as float16 holds, found 70000$"):
        write_tensors(tmp_path / "t", {"a": torch.tensor([1.0, -70000.0])}, "float16")
    assert not (tmp_path / "t").exists()
    write_tensors(tmp_path / "t", {"a": torch.tensor([1.0, -70000.0])}, "bfloat16")


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("dtype", [None, "float16", "bfloat16"])
def test_numbers_that_are_not_finite_are_not_saved(tmp_path: Path, value: float, dtype: str | None) -> None:
    """A file with them would be refused when it is loaded."""
    with pytest.raises(CheckpointError, match="^a: expected finite numbers to save, found NaN or infinity$"):
        write_tensors(tmp_path / "t", {"b": torch.arange(3), "a": torch.tensor([1.0, value])}, dtype)
    assert not list(tmp_path.iterdir())


def test_usual_permissions(tmp_path: Path) -> None:
    write_tensors(tmp_path / "t", {"a": torch.zeros(1)})
    (tmp_path / "usual").write_text("")
    assert (tmp_path / "t").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_no_safetensors(tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes(b"\x80\x04pickle" * 9)
    with pytest.raises(CheckpointError, match="t: expected safetensors, found ") as caught:
        read_tensors(tmp_path / "t")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ({"a": torch.zeros(3)}, r"a: expected shape \[2\], found shape \[3\]"),
        ({}, r"a: expected shape \[2\], found none"),
        ({"a": torch.zeros(2), "b": torch.zeros(1)}, r"b: expected no such weight, found shape \[1\]"),
        ({"a": torch.zeros(2).int()}, r"a: expected torch.float32, found torch.int32"),
    ],
)
def test_what_does_not_fit(found: dict[str, torch.Tensor], message: str) -> None:
    expected = {"a": torch.zeros(2, device="meta")}
    check_tensors(Path("file"), {"a": torch.zeros(2).half()}, expected)
    with pytest.raises(CheckpointError, match=f"^file: {message}$"):
        check_tensors(Path("file"), found, expected)


class Everything(nn.Module):
    """Layers with each way of beginning that torch has for ours."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.linear = nn.LSTM(3, 3), nn.Linear(3, 2)
        self.embedding, self.convolution = nn.Embedding(5, 3), nn.Conv1d(3, 2, 1)
        self.lstm.bias_hh_l0.requires_grad_(False)


def test_a_module_of_shapes_is_filled(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = Everything()
    write_tensors(tmp_path / "t", module.state_dict(), "float16")
    before = torch.get_rng_state()
    with shapes_alone():
        empty = Everything()
    assert all(parameter.is_meta for parameter in empty.parameters())
    tensors = read_tensors(tmp_path / "t")
    fill(empty, tmp_path / "t", tensors)
    assert torch.equal(before, torch.get_rng_state())
    for name, parameter in empty.named_parameters():
        original = module.get_parameter(name)
        assert torch.equal(parameter, original.half().float()), name
        assert parameter.requires_grad == original.requires_grad, name
        original.data.copy_(parameter.data)
    inputs = torch.randn(4, 1, 3)
    assert torch.equal(empty.lstm(inputs)[0], module.lstm(inputs)[0])
    assert not nn.Linear(2, 2).weight.is_meta, "outside, modules are made as ever"


def test_filled_weights_are_not_the_file(tmp_path: Path) -> None:
    save_file({"weight": torch.ones(2, 2), "bias": torch.ones(2)}, tmp_path / "t")
    tensors = read_tensors(tmp_path / "t")
    module = nn.Linear(2, 2)
    fill(module, tmp_path / "t", tensors)
    with torch.no_grad():
        module.weight.zero_()
    assert torch.equal(tensors["weight"], torch.ones(2, 2))


def test_huge_numbers_are_finite(tmp_path: Path) -> None:
    """Though their sum is not."""
    huge = torch.full((4,), 3e38)
    check_finite(tmp_path, {"a": huge, "b": torch.arange(3)})
    with pytest.raises(CheckpointError, match="a: expected finite numbers, found 1 NaN or infinite values$"):
        check_finite(tmp_path, {"a": torch.cat([huge, torch.tensor([torch.nan])])})


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no devices")
def test_devices_are_not_read() -> None:
    with pytest.raises(CheckpointError, match="^/dev/zero: expected a regular file, found a pipe or device$"):
        read_tensors(Path("/dev/zero"))
