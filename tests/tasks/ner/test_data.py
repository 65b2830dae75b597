"""Labelled sentences from files, JSONL and data sets."""

import json
import logging
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from elmo_lite import CorpusError
from tasks.ner.data import read_tagged, unseen_types
from tasks.ner.readers import TaggedSentence

SHARED = Path(__file__).parents[4] / "shared" / "data" / "ner"
ROWS = [
    {"tokens": ["Anna", "works"], "ner_tags": ["B-PER", "O"]},
    {"tokens": ["New", "York", "City"], "ner_tags": ["B-LOC", "I-LOC", "I-LOC"]},
]


def jsonl(folder: Path, *rows: Any) -> Path:
    path = folder / "data.jsonl"
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows) + "\n")
    return path


def test_tags_come_as_bioes(tmp_path: Path) -> None:
    path = jsonl(tmp_path, *ROWS)
    data = read_tagged(path)
    assert (data.scheme, data.repaired) == ("IOB2", 0)
    assert data.sentences == [
        TaggedSentence(("Anna", "works"), ("S-PER", "O"), str(path), 1),
        TaggedSentence(("New", "York", "City"), ("B-LOC", "I-LOC", "E-LOC"), str(path), 2),
    ]
    assert data.types() == Counter(PER=1, LOC=1)


def test_repairs_are_counted_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "data.conll"
    path.write_text("a B-X\nb O\n\nc B-X\nd I-X\n\ne O\nf I-X\ng I-Y\n")
    with caplog.at_level(logging.INFO, logger="elmo_lite"):
        data = read_tagged(path)
    assert (data.scheme, data.repaired) == ("IOB2", 2)
    assert data.sentences[2].tags == ("O", "S-X", "S-Y")
    assert caplog.messages == [
        f"{path}: 2 tags are not well formed in IOB2 and repaired, first at line 7",
        f"{path}: read as blank-separated columns, words in column 0, tags in column 1 of 0..1; IOB2; "
        "3 sentences, 7 words; entities: X 3, Y 1",
    ]


@pytest.mark.parametrize("kind", ["ENT", "GENE"])
def test_tags_without_a_type(tmp_path: Path, kind: str) -> None:
    words, tags = ["gamma", "-", "ray"], ["B", "I", "O"]
    for source in (jsonl(tmp_path, {"tokens": words, "tags": tags}), ([words], [tags])):
        (found,) = read_tagged(source, entity_type=kind).sentences
        assert found.tags == (f"B-{kind}", f"E-{kind}", "O")


def test_records_without_words_are_skipped_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = jsonl(tmp_path, ROWS[0], {"tokens": [], "tags": []}, ROWS[1])
    with caplog.at_level(logging.INFO, logger="elmo_lite"):
        assert [sentence.line for sentence in read_tagged(path).sentences] == [1, 3]
    assert ", records without words skipped, first at 2; " in caplog.messages[-1]


def test_a_choice_of_two_columns_of_tags_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "germeval.tsv"
    path.write_text("FC\tB-ORG\tO\nBremen\tI-ORG\tB-LOC\nspielt\tO\tO\n")
    assert read_tagged(path).types() == Counter(ORG=1)
    assert caplog.messages == [
        f"{path}: columns 1, 2 hold tags, and those of column 1 are read (choose with --tag_column)"
    ]
    caplog.clear()
    assert read_tagged(path, tag_column=2).types() == Counter(LOC=1) and caplog.messages == []


def test_unseen_types(tmp_path: Path) -> None:
    data = read_tagged(jsonl(tmp_path, *ROWS, ROWS[1]))
    assert unseen_types(data, ["PER", "ORG"]) == Counter(LOC=2)
    assert not unseen_types(data, ["PER", "LOC"])


def test_class_numbers_of_data_sets_become_tags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of those on the hub and of saved ones."""
    datasets = pytest.importorskip("datasets")
    names = ["O", "B-PER", "B-LOC", "I-LOC"]
    classes = datasets.Sequence(datasets.ClassLabel(names=names))
    features = datasets.Features({"tokens": datasets.Sequence(datasets.Value("string")), "ner_tags": classes})
    rows = [{**row, "ner_tags": [names.index(tag) for tag in row["ner_tags"]]} for row in ROWS]
    data_set = datasets.Dataset.from_list(rows, features=features)
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: data_set)
    data_set.save_to_disk(tmp_path / "saved")
    for name in ("owner/name", str(tmp_path / "saved")):
        found = read_tagged(name).sentences
        assert found[1] == TaggedSentence(("New", "York", "City"), ("B-LOC", "I-LOC", "E-LOC"), name, 2)


def test_hub_names_are_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    asked: list[Any] = []

    def load(*arguments: str, split: str, streaming: bool) -> Any:
        asked.append((*arguments, split))
        return datasets.Dataset.from_list(ROWS)

    monkeypatch.setattr(datasets, "load_dataset", load)
    for name in ("owner/name", "owner/name:test", "owner/name:en:test"):
        assert len(read_tagged(name).sentences) == 2
    assert asked == [("owner/name", "train"), ("owner/name", "test"), ("owner/name", "en", "test")]

    def fail(*_: str, **__: Any) -> None:
        raise ConnectionError("no\nnetwork")

    monkeypatch.setattr(datasets, "load_dataset", fail)
    with pytest.raises(CorpusError, match="owner/name: no such file, and no hub data set: no network"):
        read_tagged("owner/name")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{", "line 3: expected a JSON object, found none"),
        ("[1]", "line 3: expected a JSON object, found list"),
        ('{"tokens": ["\\ud800"], "tags": ["O"]}', "line 3: expected text, found .ud800, half of a surrogate pair"),
        ({"text": "a"}, "line 3: expected a field tokens or words, found text"),
        ({"tokens": ["a"]}, "line 3: expected a field ner_tags or tags or labels, found tokens"),
        ({"tokens": [], "tags": ["O"]}, "line 3: expected one tag for each of 0 words, found 1"),
        ({"tokens": ["a", " "], "tags": ["O", "O"]}, "line 3: expected words that are not empty, found ' '"),
        ({"tokens": ["a", 1], "tags": ["O", "O"]}, "line 3: expected words that are not empty, found 1"),
        ({"tokens": ["a", "b"], "tags": ["O"]}, "line 3: expected one tag for each of 2 words, found 1"),
        ({"tokens": ["a"], "tags": ["PER"]}, "line 3: expected O or B-, I-, E- or S- and a type, found 'PER'"),
        ({"tokens": ["a"], "tags": [3]}, "line 3: expected O or B-, I-, E- or S- and a type, found 3"),
        ({"tokens": "a", "tags": ["O"]}, "line 3: expected a list in 'tokens', found str"),
    ],
)
def test_broken_records(tmp_path: Path, row: Any, message: str) -> None:
    with pytest.raises(CorpusError, match=rf"data\.jsonl, {message}"):
        read_tagged(jsonl(tmp_path, ROWS[0], "", row))


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"absent\.conll: expected a file, found nothing there"):
        read_tagged(tmp_path / "absent.conll")
    with pytest.raises(CorpusError, match=r"data\.jsonl: expected labelled sentences, found none"):
        read_tagged(jsonl(tmp_path, ""))


@pytest.mark.skipif(not SHARED.exists(), reason="the data sets are not in ../shared/data")
@pytest.mark.parametrize(
    ("name", "sentences", "entities"),
    [
        ("uner-en-ewt/dev.iob2", 2001, {"LOC": 399, "PER": 343, "ORG": 224}),
        ("uner-en-ewt/test.iob2", 2077, {"PER": 449, "ORG": 322, "LOC": 317}),
        (
            "wnut17/train.conll",
            3394,
            {"person": 660, "location": 548, "group": 264, "corporation": 221, "product": 142, "creative-work": 140},
        ),
        ("wnut17/dev.conll", 1009, None),
        ("wnut17/test.conll", 1287, None),
    ],
)
def test_known_data_sets(name: str, sentences: int, entities: dict[str, int] | None) -> None:
    data = read_tagged(SHARED / name)
    assert (len(data.sentences), data.scheme, data.repaired) == (sentences, "IOB2", 0)
    assert entities is None or data.types() == Counter(entities)
