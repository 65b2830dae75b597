"""The kind of a file is that of its content, whatever its name."""

import gzip
import json
import tarfile
from pathlib import Path
from typing import Literal

import pyarrow
import pytest
from pyarrow import parquet

from elmo_lite.errors import CorpusError
from elmo_lite.text.kinds import kind_of
from elmo_lite.text.lines import sample_of
from elmo_lite.text.sources import find_sources

CONLL = "-DOCSTART- -X- -X- O\n\nLeyla NNP B-NP B-PER\nDemir NNP I-NP I-PER\nran VBD B-VP O\n. . O O\n"
CONLLU = "# text = Dogs bark\n" + "".join(f"{n}\t{w}\t_\tX\t_\t_\t0\t_\t_\t_\n" for n, w in ((1, "Dogs"), (2, "bark")))
RECORDS = [{"text": "one", "label": 1}, {"text": "two", "label": 2}]
JSONL = "".join(json.dumps(record) + "\n" for record in RECORDS)


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.txt", "Some text.\nMore.\n", "text"),
        ("a", "", "text"),
        ("eng.testb", CONLL, "columns"),
        ("a.txt", CONLL, "columns"),
        ("a", "gamma\tB\n-\tI\nwas\tO\n", "columns"),
        ("a.txt", CONLLU, "columns"),
        ("a.bio", "Anna\nworks\n", "columns"),
        ("review.json", JSONL, "jsonl"),
        ("a.txt", JSONL, "jsonl"),
        ("a.jsonl", "no JSON\n", "jsonl"),
        ("a.json", json.dumps(RECORDS), "json"),
        ("a.json", json.dumps(RECORDS, indent=2), "json"),
        ("a", "[\n" + ",\n".join(map(json.dumps, RECORDS)) + "\n]\n", "json"),
        ("a.json", '["one text", "another"]', "json"),
        ("a.txt", '["one", "sentence"]\n["another", "one"]\n', "jsonl"),
        ("a.json", "no JSON\n", "jsonl"),
        ("a.txt", "[1] A footnote.\n[2] Another.\n", "text"),
        ("a.txt", "[1]\n[2]\n", "text"),
        ("a.txt", "{{Infobox}}\n", "text"),
        ("a.txt", '"Quoted," she said.\n', "text"),
        ("a.csv", "text,label\na,b\n", "csv"),
        ("a.tsv", "text\tlabel\nso good\tyes\n", "tsv"),
        ("a.txt", "1\tThe first sentence.\n2\tThe second one.\n", "text"),
        ("a.txt", "Great place.\n(2 stars)\n", "text"),
        ("a.txt", "Yes O\nNo O\n" + "It rained all day .\nThen it was night , at last .\n", "text"),
        ("a.txt", '{"a":' * 5000 + "\n", "text"),
    ],
)
def test_kind(tmp_path: Path, name: str, content: str, kind: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    assert kind_of(path) == kind
    path.write_text("\ufeff" + content.replace("\n", "\r\n"))
    assert kind_of(path) == kind
    packed = tmp_path / f"{name}.gz"
    packed.write_bytes(gzip.compress(content.encode()))
    assert kind_of(packed) == kind
    packed.rename(tmp_path / "no_suffix")
    hinted = Path(name).suffix in (".jsonl", ".json", ".csv", ".tsv", ".bio")
    assert hinted or kind_of(tmp_path / "no_suffix") == kind


def test_parquet_by_content(tmp_path: Path) -> None:
    path = tmp_path / "a.data"
    parquet.write_table(pyarrow.table({"text": ["one"]}), path)
    assert kind_of(path) == "parquet"


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"PK\x03\x04\x14\0", "a ZIP archive"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"\xd0\xcf\x11\xe0\xa1", "an Office file"),
        (b"{\\rtf1\\ansi Text.}", "RTF"),
        ("\ufeffText.".encode("utf-16-le"), "UTF-16"),
        ("\ufeffText.".encode("utf-16-be"), "UTF-16"),
    ],
)
def test_documents_of_programs_are_refused(tmp_path: Path, content: bytes, found: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    with pytest.raises(CorpusError, match=f"a.txt: expected text, found {found}"):
        kind_of(path)


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_tar_archives_are_refused(tmp_path: Path, mode: Literal["w", "w:gz"]) -> None:
    (tmp_path / "a.txt").write_text("words\n")
    with tarfile.open(tmp_path / "texts", mode) as archive:
        archive.add(tmp_path / "a.txt")
    with pytest.raises(CorpusError, match="texts: expected text, found a tar archive$"):
        kind_of(tmp_path / "texts")


def test_long_lines_are_recognised_by_their_beginning(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(json.dumps([{"text": "word " * 30_000, "label": 1}] * 3))
    assert kind_of(path) == "json"
    path.write_text("word " * 30_000)
    assert kind_of(path) == "text"
    path.write_text(json.dumps({"text": "short"}) + "\n" + json.dumps({"text": "word " * 30_000}) + "\n")
    assert kind_of(path) == "jsonl"


def test_a_name_that_no_file_can_have() -> None:
    with pytest.raises(CorpusError, match="^a\0b: cannot be read: embedded null byte$"):
        kind_of("a\0b")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no devices")
def test_what_can_be_read_only_once_is_known_by_its_name() -> None:
    """A pipe would lose what is read to examine it, or wait."""
    assert sample_of("/dev/zero") == b""


@pytest.mark.parametrize("content", ["[]", "[\n]\n", " [ ] \n"])
def test_an_empty_array_is_no_text(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(content)
    (source,) = find_sources([str(tmp_path / "a.json")])
    assert source.kind == "json"
    with pytest.raises(CorpusError, match="expected records, found none"):
        list(source.blocks())
    (tmp_path / "a.txt").write_text(content)
    assert kind_of(str(tmp_path / "a.txt")) == "text"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("The B-52 landed .\n", "text"),
        ("Anna O Brien\nBob O Neil\n", "text"),
        ("Anna B-PER\nBrien I-PER\n. O\n", "columns"),
        ("Anna\tB-PER\n", "columns"),
        ("The B-52 landed .\n", "columns"),
    ],
)
def test_two_sentences_are_no_columns(tmp_path: Path, content: str, kind: str) -> None:
    """The name says otherwise in the last case."""
    path = tmp_path / ("a.conll" if kind == "columns" else "a.txt")
    path.write_text(content)
    assert kind_of(path) == kind
