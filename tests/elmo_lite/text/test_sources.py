"""Opening inputs: what they are, how they come in blocks, what bad ones get."""

import bz2
import gzip
import hashlib
import io
import json
import lzma
import random
import re
import sys
from pathlib import Path
from typing import Any

import pyarrow
import pytest
import zstandard
from pyarrow import parquet

from elmo_lite.errors import CorpusError
from elmo_lite.text.blocks import Block, block_records, decode
from elmo_lite.text.documents import Record
from elmo_lite.text.sources import find_sources

TEXT = "".join(f"line {number} of some text\n" for number in range(2000)).encode()


def read(path: Path | str, field: str = "text", block_size: int = 1 << 20) -> list[Block]:
    """All blocks of the one source that a name stands for."""
    (source,) = find_sources([str(path)])
    return list(source.blocks(field, block_size))


def write_records(path: Path, values: list[Any], field: str = "text") -> Path:
    """A JSONL file with one field."""
    path.write_text("".join(json.dumps({field: value}) + "\n" for value in values))
    return path


def records(path: Path, field: str = "text") -> list[Record]:
    """All records of a file."""
    return [record for block in read(path, field) for record in block_records(block, field)]


@pytest.mark.parametrize(
    ("suffix", "compress"),
    [
        ("", bytes),
        (".gz", gzip.compress),
        (".bz2", bz2.compress),
        (".xz", lzma.compress),
        (".zst", zstandard.compress),
    ],
)
def test_blocks_are_whole_lines(tmp_path: Path, suffix: str, compress: Any) -> None:
    """Blocks join to the file, end at line ends, know their place; the hash is of the file as stored."""
    path = tmp_path / f"a.txt{suffix}"
    path.write_bytes(compress(TEXT))
    (source,) = find_sources([str(path)])
    blocks = list(source.blocks("text", 1000))
    assert b"".join(block.data for block in blocks) == TEXT
    assert len(blocks) > 1
    line, offset = 1, 0
    for block in blocks:
        assert block.data.endswith(b"\n")
        assert (block.first_line, block.offset) == (line, offset)
        line, offset = line + block.data.count(b"\n"), offset + len(block.data)
    assert source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert source.position == source.stored_size


@pytest.mark.parametrize(
    "members",
    [(gzip.compress, ".gz"), (bz2.compress, ".bz2"), (lzma.compress, ".xz"), (zstandard.compress, ".zst")],
)
def test_joined_archives_are_read_to_the_end(tmp_path: Path, members: Any) -> None:
    """Concatenated compressed files are one."""
    compress, suffix = members
    path = tmp_path / f"a{suffix}"
    path.write_bytes(compress(b"one\n") + compress(b"two\n"))
    assert b"".join(block.data for block in read(path)) == b"one\ntwo\n"


def test_a_line_longer_than_a_block_stays_whole(tmp_path: Path) -> None:
    """A line is never divided, and the last needs no line break."""
    path = tmp_path / "a.txt"
    path.write_bytes(b"x" * 5000 + b"\nb\nlast")
    blocks = read(path, block_size=100)
    assert [block.data for block in blocks] == [b"x" * 5000 + b"\nb\n", b"last"]
    assert [block.first_line for block in blocks] == [1, 3]


def test_byte_order_mark_is_dropped_once(tmp_path: Path) -> None:
    """At the begin of the file only, and offsets still count it."""
    path = tmp_path / "a.txt"
    path.write_bytes("\ufeffone\n\ufefftwo\n".encode())
    (block,) = read(path)
    assert block.data.decode() == "one\n\ufefftwo\n"
    assert block.offset == 3


def test_globs_are_sorted_and_files_keep_their_order(tmp_path: Path) -> None:
    """Names of one glob come by name; a name that exists is no glob."""
    for name in ("b.txt", "a.txt", "[c].txt"):
        (tmp_path / name).write_text("x\n")
    found = find_sources([str(tmp_path / "b.txt"), str(tmp_path / "?.txt"), str(tmp_path / "[c].txt")])
    assert [Path(source.name).name for source in found] == ["b.txt", "a.txt", "b.txt", "[c].txt"]


def test_names_tell_what_an_input_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By suffix below the compression; hub names are owner/name where there is no such folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.jsonl.gz", "a.ndjson", "a.parquet", "a.txt.xz", "a"):
        (tmp_path / name).write_bytes(b"x")
    kinds = [source.kind for source in find_sources(["a.jsonl.gz", "a.ndjson", "a.parquet", "a.txt.xz", "a"])]
    assert kinds == ["jsonl", "jsonl", "parquet", "text", "text"]
    assert [s.kind for s in find_sources(["owner/name", "owner/name:en:test"])] == ["hub", "hub"]
    for missing in ("nothing.txt", "folder/nothing.txt", "nothing", str(tmp_path / "x")):
        with pytest.raises(CorpusError, match="expected a file, found nothing there"):
            find_sources([missing])


def test_records_of_jsonl_and_parquet(tmp_path: Path) -> None:
    """Text, words, and sentences of words; null is an empty text."""
    values: list[Any] = ["Some text.\nTwo lines.", "", "más"]
    assert records(write_records(tmp_path / "a.jsonl", values)) == values
    words = [["a", "b c"], []]
    assert records(write_records(tmp_path / "b.jsonl", words, "tokens"), "tokens") == words
    nested = [[["a"], ["b", "c"]]]
    assert records(write_records(tmp_path / "c.jsonl", nested, "tokens"), "tokens") == nested
    parquet.write_table(pyarrow.table({"text": ["one", None, "two"], "words": words + [["d"]]}), tmp_path / "a.parquet")
    assert records(tmp_path / "a.parquet") == ["one", "", "two"]
    assert records(tmp_path / "a.parquet", "words") == [*words, ["d"]]


def test_hub_records_come_through_datasets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Name, config and split are passed on; what fails is one line."""
    import datasets

    asked: list[Any] = []

    def load(*args: Any, **options: Any) -> list[dict[str, str]]:
        asked.append((args, options))
        if args[0] == "no/such":
            raise ConnectionError("offline\nreally")
        return [{"text": "one"}, {"text": "two"}]

    monkeypatch.setattr(datasets, "load_dataset", load)
    (block,) = read("owner/name:en:test")
    assert block.records == ("one", "two")
    assert asked == [(("owner/name", "en"), {"split": "test", "streaming": True})]
    with pytest.raises(CorpusError, match=r"no/such: no such file, and no hub data set: offline really"):
        read("no/such")


def test_bytes_that_are_not_utf8_are_named_by_line_and_offset(tmp_path: Path) -> None:
    """The place is that of the (decompressed) file, whatever block it is in."""
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(b"good\n" * 300 + b"caf\xe9 au lait\n"))
    block = read(path, block_size=100)[-1]
    with pytest.raises(CorpusError, match=r"a\.txt\.gz, line 301, byte 1503: expected UTF-8, found byte 0xe9"):
        decode(block.data, block.name, block.first_line, block.offset)
    with pytest.raises(CorpusError, match=r"f, line 8, byte 14: expected UTF-8, found byte 0xe9"):
        decode(b"a\nb\xe9\n", "f", 7, 11)
    with pytest.raises(CorpusError, match=r"f, line 8, byte 14: expected text, found a NUL"):
        decode(b"a\nb\0\n", "f", 7, 11)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2: expected a JSON object, found none"),
        ("[1]", "line 2: expected a JSON object, found list"),
        (
            '{"body": "x"}',
            r"line 2: expected a field 'text', found body \(choose with --text_field\)",
        ),
        ('{"text": 3}', "line 2: expected text or words in 'text', found int"),
        ('{"text": ["a", ""]}', "line 2: expected words that are not empty"),
        ('{"text": ["a\\nb"]}', "line 2: expected words that are not empty and have no line break"),
        ('{"text": [["a"], "b"]}', "line 2: expected a list of words, found str"),
        ('{"text": "a\\u0000"}', "line 2: expected text, found a NUL"),
        ('{"text": ["\\ud800"]}', "line 2: expected text, found .ud800, half of a surrogate pair"),
        ("[" * 100_000, "line 2: expected a JSON object, found none"),
    ],
)
def test_bad_records_are_named_by_line(tmp_path: Path, line: str, message: str) -> None:
    """Each mistake in a JSONL file names file and line, in one line."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "fine"}\n' + line + "\n")
    with pytest.raises(CorpusError, match=f"a.jsonl, {message}") as caught:
        records(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"", "expected text, found an empty file"),
        ("a.jsonl", b"", "expected text, found an empty file"),
        ("a.gz", b"", "."),
        ("a.gz", gzip.compress(TEXT, mtime=0)[:-20], "cannot be read: "),
        ("a.gz", gzip.compress(b"", mtime=0)[:10] + b"\xff" * 20, "cannot be read: Error -3 while decompressing data"),
        ("a.xz", lzma.compress(TEXT)[:-20], "cannot be read: the compressed file ended before the end of a frame"),
        ("a.zst", zstandard.compress(TEXT)[:-5], "cannot be read: the compressed file ended"),
        ("a.bz2", bz2.compress(TEXT)[:-20], "cannot be read: Compressed file ended before"),
        ("a.docx", b"PK\x03\x04...", "expected text, found a ZIP archive"),
        ("a.parquet", b"plain text", "expected a Parquet file: "),
        ("a.csv", b"text,label\n", "expected records, found none"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    """Empty, truncated and foreign files are CorpusErrors of one line."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(CorpusError, match=f"{re.escape(str(path))}: {message}") as caught:
        read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress, zstandard.compress])
def test_damage_far_inside_a_file_is_named(tmp_path: Path, compress: Any) -> None:
    """Beyond the part by which its kind is recognised."""
    path = tmp_path / "a.txt"
    packed = compress("".join(f"{random.random()}\n" for _ in range(50_000)).encode())
    path.write_bytes(packed[: len(packed) * 3 // 4])
    with pytest.raises(CorpusError, match="a.txt: cannot be read: .* ended before"):
        read(path)


def test_the_hash_is_of_the_whole_file(tmp_path: Path) -> None:
    """Bytes that follow the end of a compressed file included."""
    path = tmp_path / "a.bz2"
    path.write_bytes(bz2.compress(TEXT) + b"x" * 300_000)
    (source,) = find_sources([str(path)])
    assert b"".join(block.data for block in source.blocks()) == TEXT
    assert source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest() and source.position == source.stored_size


def test_bad_columns_folders_and_globs_are_named(tmp_path: Path) -> None:
    """What was expected is in the message."""
    parquet.write_table(pyarrow.table({"body": ["one"]}), tmp_path / "a.parquet")
    with pytest.raises(CorpusError, match=r"a\.parquet: expected a column 'text', found body"):
        read(tmp_path / "a.parquet")
    with pytest.raises(CorpusError, match=r"found a directory \(give a glob such as .*\*\.txt\)"):
        find_sources([str(tmp_path)])
    with pytest.raises(CorpusError, match="expected files that match, found none"):
        find_sources([str(tmp_path / "*.txt")])
    with pytest.raises(CorpusError, match="inputs: expected at least one"):
        find_sources([])


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("\ufeffa naïve\nb\n".encode())))
    (source,) = find_sources(["-"])
    (block,) = source.blocks()
    assert (block.name, block.kind, block.data) == ("standard input", "text", "a naïve\nb\n".encode())
    assert source.sha256 == hashlib.sha256("\ufeffa naïve\nb\n".encode()).hexdigest()


def test_tables_and_column_files_are_records(tmp_path: Path) -> None:
    """The text column of a table, by name or number; the words of a column file, whatever its name."""
    (tmp_path / "a.csv").write_text('id,text\n1,"So good, really."\n')
    assert records(tmp_path / "a.csv", "text") == ["So good, really."]
    (tmp_path / "b.tsv").write_text("1\tNo header.\n2\tNone.\n")
    assert records(tmp_path / "b.tsv", "2") == ["No header.", "None."]
    with pytest.raises(CorpusError, match=r"b\.tsv, line 2: expected one field of text, words, tokens, found 1, No he"):
        list(find_sources([str(tmp_path / "b.tsv")])[0].blocks())
    (tmp_path / "eng.testb").write_text("-DOCSTART- -X- O O\n\nAnna NNP B-NP B-PER\nran VBD B-VP O\n\nHere RB O O\n")
    assert records(tmp_path / "eng.testb") == [["Anna", "ran"], ["Here"]]
    (tmp_path / "c.json").write_text(json.dumps([{"text": "one"}, {"text": "two"}]))
    assert records(tmp_path / "c.json", "text") == ["one", "two"]
