"""The hint that one thread may be faster, on a machine that other programs use."""

import os
from pathlib import Path

import pytest
import torch

from elmo_lite.pretraining import speed
from elmo_lite.pretraining.speed import load_hint


@pytest.mark.parametrize(
    ("running", "threads", "cores", "others"),
    [(1, 2, 2, None), (2, 2, 2, 1), (4, 2, 2, 3), (4, 1, 2, None), (3, 2, 4, None), (4, 2, 4, 3)],
)
def test_threads_that_would_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, running: int, threads: int, cores: int, others: int | None
) -> None:
    (tmp_path / "loadavg").write_text(f"9.50 9.20 9.10 {running}/321 4711\n")
    monkeypatch.setattr(speed, "_LOAD", tmp_path / "loadavg")
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    hint = load_hint()
    assert (hint is None) == (others is None)
    assert hint is None or hint.startswith(f"other programs use {others} of {cores} cores: --threads 1 may be faster")


@pytest.mark.parametrize("content", [None, "", "1.0 1.0 1.0", "1.0 1.0 1.0 x/y 3"])
def test_no_hint_where_the_system_does_not_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "loadavg").write_text(content)
    monkeypatch.setattr(speed, "_LOAD", tmp_path / "loadavg")
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    assert load_hint() is None
