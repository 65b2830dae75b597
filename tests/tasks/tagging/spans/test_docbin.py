"""spaCy's DocBin; a clear line where spaCy is missing."""

import builtins
import zlib
from pathlib import Path
from typing import Any

import pytest

from elmo_lite import CorpusError
from tasks.ner import read_tagged
from tasks.tagging.spans.docbin import is_docbin
from tasks.tagging.tags import entities_of

TEXT = "Anna  Lee 👍🏽 met Ed in N.Y. She left."


def docbin(path: Path, *, with_entities: bool = True) -> Path:
    spacy = pytest.importorskip("spacy")
    from spacy.tokens import DocBin

    blank = spacy.blank("en")
    doc, other = blank(TEXT), blank("Nobody came.")
    if with_entities:
        doc.ents = [doc.char_span(0, 9, label="PERSON"), doc.char_span(17, 19, label="My label")]
        other.ents = []
    DocBin(docs=[doc, other]).to_disk(path)
    return path


def test_entities_of_docs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A label that spaCy knows has a number of its own there, another one a hash; the name of the file is free."""
    path = docbin(tmp_path / "train.bin")
    with caplog.at_level("INFO", logger="elmo_lite"):
        data = read_tagged(path)
    found = [[(" ".join(s.words[e.start : e.end]), e.type) for e in entities_of(s.tags)] for s in data.sentences]
    assert found == [[("Anna Lee", "PERSON"), ("Ed", "My label")], [], []]
    assert "read as spaCy's DocBin; texts: 2; BIOES; 3 sentences" in caplog.text


def test_docs_without_annotation_are_not_labelled(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"train\.spacy: expected labelled texts with words, found none"):
        read_tagged(docbin(tmp_path / "train.spacy", with_entities=False))


def test_a_damaged_file(tmp_path: Path) -> None:
    path = docbin(tmp_path / "train.spacy")
    whole = path.read_bytes()
    for size in range(120, len(whole), 41):
        path.write_bytes(whole[:size])
        with pytest.raises(CorpusError, match=r"train\.spacy: expected a DocBin of spaCy, found a damaged one"):
            read_tagged(path)
    content = zlib.decompress(whole)
    for size in range(120, len(content), 41):
        path.write_bytes(zlib.compress(content[:size]))
        with pytest.raises(CorpusError, match=r"train\.spacy: expected a DocBin of spaCy, found a damaged one"):
            read_tagged(path)


def test_a_small_file_that_expands_to_a_large_one_is_not_read(tmp_path: Path) -> None:
    path, stream = tmp_path / "train.spacy", zlib.compressobj()
    start = stream.compress(b"\x89\xa7version\xa30.1\xa5attrs")
    path.write_bytes(start + b"".join(stream.compress(bytes(1 << 20)) for _ in range(65)) + stream.flush())
    with pytest.raises(
        CorpusError, match=r"train\.spacy: expected at most 67,108,864 bytes in a DocBin of \d+,\d+, found"
    ):
        read_tagged(path)


def test_without_spacy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "train.spacy"
    path.write_bytes(zlib.compress(b"\x89\xa7version\xa30.1\xa5attrs" + b"\0" * 1000))
    assert is_docbin(path) and not is_docbin(tmp_path)
    load = builtins.__import__

    def without(name: str, *arguments: Any, **more: Any) -> Any:
        if name.partition(".")[0] == "spacy":
            raise ModuleNotFoundError("No module named 'spacy'", name="spacy")
        return load(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ModuleNotFoundError) as raised:
        read_tagged(path)
    found = "expected spaCy, found no such package; pip install 'elmo_lite[spacy]'"
    assert str(raised.value) == f"{path}: {found}"


def test_other_files_are_none(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for data in (b"", b"x\x9c", zlib.compress(b"version"), b"Anna left"):
        path.write_bytes(data)
        assert not is_docbin(path) or data == zlib.compress(b"version")
