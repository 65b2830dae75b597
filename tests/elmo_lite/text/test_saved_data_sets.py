"""Directories that ``save_to_disk`` wrote: read like data sets of the hub, by every command."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from elmo_lite import CorpusError
from elmo_lite.corpus.builder import CorpusSettings, build_corpus
from elmo_lite.corpus.corpus import Corpus
from elmo_lite.lm.sentence_source import SentenceSource
from elmo_lite.neighbors.kept_index import IndexedText
from elmo_lite.text import is_data_set_name, kind_of, open_data_set
from elmo_lite.text.sources import find_sources
from elmo_lite.text.tokenization import Tokenization
from tasks.tagging.sentences import read_sentences

datasets = pytest.importorskip("datasets")
TEXTS = [f"Text number {number} is here." for number in range(1500)]


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    datasets.Dataset.from_dict({"text": TEXTS}).save_to_disk(tmp_path / "saved", num_shards=2)
    return tmp_path / "saved"


def edit(path: Path, **values: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_rows_are_those_that_were_saved(saved: Path) -> None:
    """All shards in order, more rows than are read at a time."""
    rows, features = open_data_set(str(saved))
    assert [row["text"] for row in rows] == TEXTS and list(features) == ["text"]


def test_it_is_an_input_of_records(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By absolute or relative path; a corpus and an ordinary directory are none."""
    monkeypatch.chdir(saved.parent)
    assert is_data_set_name("saved") and is_data_set_name(str(saved)) and not is_data_set_name(str(saved.parent))
    (source,) = find_sources(["saved"])
    assert source.kind == "hub" and list(source.records()) == TEXTS and source.sha256 is not None
    build_corpus(["saved"], Path("corpus"), CorpusSettings(), num_processes=1)
    corpus = Corpus.open("corpus")
    assert corpus.meta["train"]["documents"] + corpus.meta["held_out"]["documents"] == len(TEXTS)
    assert not is_data_set_name("corpus")
    with pytest.raises(CorpusError, match=r"\./saved: expected distinct inputs, found the same as saved"):
        build_corpus(["saved", "./saved"], Path("twice"), CorpusSettings())


def test_it_is_scored_searched_and_tagged_as_text(saved: Path) -> None:
    """Neither a corpus directory nor a pipe, which other directories and special files are."""
    assert SentenceSource(str(saved)).corpus is None
    assert IndexedText.open(str(saved), Tokenization()).corpus is None
    with pytest.raises(CorpusError, match="expected a corpus directory"):
        SentenceSource(str(saved.parent))
    assert read_sentences(str(saved)) == TEXTS


def test_one_split_is_asked_for(tmp_path: Path) -> None:
    """A default would take the training part for dev."""
    part = datasets.Dataset.from_dict({"text": TEXTS[:2]})
    datasets.DatasetDict({"train": part, "dev": part}).save_to_disk(tmp_path / "parts")
    with pytest.raises(CorpusError, match=r"parts: expected one split, found dev, train \(give one, as .*/train\)$"):
        open_data_set(str(tmp_path / "parts"))
    assert len(list(open_data_set(str(tmp_path / "parts" / "dev"))[0])) == 2


def test_images_are_not_decoded(tmp_path: Path) -> None:
    """Their paths may be those of any file."""
    text, data = ({"dtype": kind, "_type": "Value"} for kind in ("string", "binary"))
    features = datasets.Features.from_dict({"text": text, "image": {"bytes": data, "path": text}})
    rows = {"text": ["one"], "image": [{"bytes": None, "path": "/dev/zero"}]}
    datasets.Dataset.from_dict(rows, features=features).save_to_disk(tmp_path / "saved")
    edit(tmp_path / "saved" / "dataset_info.json", features={"text": text, "image": {"_type": "Image"}})
    assert isinstance(datasets.load_from_disk(str(tmp_path / "saved")).features["image"], datasets.Image)
    records, _ = open_data_set(str(tmp_path / "saved"))
    assert list(records) == [{"text": "one", "image": {"bytes": None, "path": "/dev/zero"}}]


@pytest.mark.parametrize("name", ["../other.arrow", "/etc/other.arrow", "sub/other.arrow", "state.json", 3, None])
def test_other_files_are_not_read(saved: Path, name: Any) -> None:
    edit(saved / "state.json", _data_files=[{"filename": name}])
    with pytest.raises(CorpusError, match=r"state\.json: expected names of Arrow files beside it, found"):
        open_data_set(str(saved))


@pytest.mark.parametrize("state", ["", "[]", "{}", *(f'{{"_data_files": {files}}}' for files in ("[]", "3", '["a"]'))])
def test_a_damaged_state_is_one_line(saved: Path, state: str) -> None:
    (saved / "state.json").write_text(state)
    with pytest.raises(CorpusError, match=r"^.*state\.json: [^\n]*$"):
        open_data_set(str(saved))


@pytest.mark.parametrize("content", [b"", b"\xff\xff\xff\xff\x10\0\0\0" + b"x" * 40, None])
def test_a_damaged_file_is_one_line(saved: Path, content: bytes | None) -> None:
    shard = saved / "data-00001-of-00002.arrow"
    shard.unlink() if content is None else shard.write_bytes(content)
    with pytest.raises(CorpusError, match=r"^.*saved: expected a data set that save_to_disk wrote: [^\n]*$"):
        list(open_data_set(str(saved))[0])


def test_arrow_files_alone_are_refused_by_name(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="expected text, found Arrow .give the directory that save_to_disk wrote"):
        kind_of(saved / "data-00000-of-00002.arrow")
    (tmp_path / "a.feather").write_bytes(b"ARROW1\0\0" + os.urandom(20))
    with pytest.raises(CorpusError, match="expected text, found Arrow or Feather .save it as Parquet"):
        kind_of(tmp_path / "a.feather")
