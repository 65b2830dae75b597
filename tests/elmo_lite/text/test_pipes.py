"""What can be read only once: its kind is recognised, and nothing of it is lost."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from elmo_lite.errors import CorpusError
from elmo_lite.text.lines import is_read_once
from elmo_lite.text.pipes import open_pipe, recognise
from elmo_lite.text.sources import find_sources

ROWS = [{"text": f"line {number} of a text"} for number in range(5000)]
CONTENTS = {
    "text": "".join(f"line {number} of a text\n" for number in range(5000)),
    "jsonl": "".join(json.dumps(row) + "\n" for row in ROWS),
    "json": json.dumps(ROWS, indent=1),
    "columns": "".join(f"line{number}\tB-X\n.\tO\n\n" for number in range(5000)),
}


def feed(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """Give standard input a content."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ('{"text": "a"}\n{"text": "b"}\nc', "jsonl"),
        ('\n \n{"text": "a"}', "jsonl"),
        ('{"text": "a"}\nb', "text"),
        ("{ a }", "text"),
        ('["a", "b"]\n["c"]', "jsonl"),
        ('[{"text": "a"},\n{"text": "b"}]', "json"),
        ("1\tA\t_\n2\tb\t_\n\n", "columns"),
        ("\ufeffAnna\tB-PER\n", "columns"),
        ('\ufeff{"text": "a"}', "jsonl"),
        ("The B-52 landed .\n", "text"),
        ("\n\n", "text"),
        ("", "text"),
    ],
)
def test_kinds(content: str, kind: str) -> None:
    pipe = recognise(io.BytesIO(content.encode()), "pipe")
    assert (pipe.kind, pipe.content.read().decode()) == (kind, content)


@given(st.binary(max_size=300).map(lambda data: b"a" + data), st.integers(1, 400), st.integers(1, 1000))
def test_nothing_is_lost(data: bytes, repeats: int, size: int) -> None:
    """Whatever is read at a time, before the first look ends and after it."""
    content = recognise(io.BytesIO(data * repeats), "pipe").content
    assert b"".join(iter(lambda: content.read(size), b"")) == data * repeats


@pytest.mark.parametrize("compress", [bytes, gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("kind", CONTENTS)
def test_standard_input_is_read_as_the_file(
    kind: str, compress: Callable[[bytes], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = compress(CONTENTS[kind].encode())
    (tmp_path / "file").write_bytes(stored)
    feed(monkeypatch, stored)
    (file,), (piped,) = find_sources([str(tmp_path / "file")]), find_sources(["-"])
    expected, found = list(file.blocks(block_size=10_000)), list(piped.blocks(block_size=10_000))
    assert len(expected) > 1
    assert [(b.kind, b.data, b.records) for b in found] == [(b.kind, b.data, b.records) for b in expected]
    assert (piped.kind, piped.sha256, piped.position) == (kind, file.sha256, len(stored))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize(("kind", "name"), [*((kind, "pipe") for kind in CONTENTS), ("columns", "pipe.conll")])
def test_a_named_pipe_is_read_as_the_file(kind: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    os.mkfifo(path)
    threading.Thread(target=path.write_text, args=(CONTENTS[kind],), daemon=True).start()
    (tmp_path / "file").write_text(CONTENTS[kind])
    (file,), (piped,) = find_sources([str(tmp_path / "file")]), find_sources([str(path)])
    assert [b.records or b.data for b in piped.blocks()] == [b.records or b.data for b in file.blocks()]


def test_numbers_are_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    feed(monkeypatch, b"1\ta b\n2\tc d\n")
    (source,) = find_sources(["-"], numbered_lines=True)
    assert [block.text() for block in source.blocks()] == ["a b\nc d\n"]


def test_what_needs_a_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parquet.write_table(pyarrow.table({"text": ["one"]}), tmp_path / "a.parquet")
    feed(monkeypatch, (tmp_path / "a.parquet").read_bytes())
    with (
        pytest.raises(CorpusError, match="^standard input: expected a file, as Parquet is not read in one go, found a"),
        open_pipe("-"),
    ):
        pass
    with pytest.raises(CorpusError, match="^x.csv: expected a file, as CSV is not read in one go, found a pipe"):
        recognise(io.BytesIO(b"text,label\na,b\n"), "x.csv")


def test_a_damaged_archive_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    feed(monkeypatch, gzip.compress(CONTENTS["text"].encode() * 9)[:-20])
    with pytest.raises(CorpusError, match="^standard input: cannot be read: "), open_pipe("-") as pipe:
        list(pipe.lines())


def test_standard_input_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    feed(monkeypatch, b"a\n")
    with open_pipe("-") as pipe:
        assert list(pipe.lines()) == [(1, "a\n")]
    del pipe
    assert sys.stdin.buffer.read() == b""


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="no files below /dev")
def test_a_file_below_dev_is_a_file(tmp_path: Path) -> None:
    """Only descriptors may not be read twice there."""
    assert not is_read_once("/dev/shm/file")
    assert is_read_once("/dev/stdin") and is_read_once("/dev/fd/3") and is_read_once("-") and is_read_once("/dev/null")
