"""Heads through files, in every precision."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from elmo_lite.errors import CheckpointError
from elmo_lite.nn.lm_head import LMHead
from elmo_lite.saved_model.head import HEAD_TYPES, read_head, write_head

CLASSES, DIM = 7, 6


def make() -> LMHead:
    torch.manual_seed(0)
    head = LMHead(CLASSES, DIM)
    with torch.no_grad():
        head.bias.normal_(std=10)
        head.weight[3] = 0
    return head


@pytest.mark.parametrize("dtype", [None, *HEAD_TYPES])
def test_round_trip(tmp_path: Path, dtype: str | None) -> None:
    head = make()
    assert write_head(tmp_path / "h", head, dtype) == (dtype or "float32")
    found = read_head(tmp_path / "h", CLASSES, DIM)
    assert not found.training and found.weight.dtype == found.bias.dtype == torch.float32
    assert found.weight.requires_grad and found.bias.requires_grad
    off = {"float16": 1e-3, "bfloat16": 8e-3, "int8": 0.5 / 127}.get(dtype or "", 0.0)
    assert (found.weight - head.weight).abs().max().item() <= off * head.weight.abs().max().item()
    assert not found.weight[3].any()
    if dtype in (None, "float32", "int8"):
        assert torch.equal(found.bias, head.bias)
    write_head(tmp_path / "again", found, dtype)
    if dtype != "int8":
        assert (tmp_path / "again").read_bytes() == (tmp_path / "h").read_bytes()


def test_8_bits_take_a_quarter(tmp_path: Path) -> None:
    head = LMHead(100, 64)
    for dtype in ("float32", "int8"):
        write_head(tmp_path / dtype, head, dtype)
    sizes = [(tmp_path / dtype).stat().st_size for dtype in ("float32", "int8")]
    assert sizes[1] < 0.3 * sizes[0]


def test_what_does_not_fit(tmp_path: Path) -> None:
    def fails(message: str, **changes: torch.Tensor | None) -> None:
        write_head(tmp_path / "h", make(), "int8")
        tensors = {**load_file(tmp_path / "h"), **changes}
        save_file({name: tensor for name, tensor in tensors.items() if tensor is not None}, tmp_path / "h")
        with pytest.raises(CheckpointError, match=f"h: {message}$"):
            read_head(tmp_path / "h", CLASSES, DIM)

    fails(r"weight: expected shape \[7, 6\], found shape \[7, 5\]", weight=torch.zeros(7, 5, dtype=torch.int8))
    fails(r"weight: expected torch.int8, found torch.float32", weight=torch.zeros(7, 6))
    fails(r"scale: expected shape \[7\], found shape \[6\]", scale=torch.zeros(6))
    fails(r"scale: expected torch.float32, found torch.int8", scale=torch.zeros(7, dtype=torch.int8))
    fails(r"bias: expected shape \[7\], found none", bias=None)
    fails(r"weight: expected torch.float32, found torch.int8", scale=None)
