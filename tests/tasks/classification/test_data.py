"""Labelled sentences: which reader a file gets, phrases, labels, and bad data."""

from pathlib import Path

import pytest

from elmo_lite import CorpusError
from tasks.classification.data import read_labelled, read_texts
from tasks.classification.one_label import OneLabel
from tasks.classification.readers import DataConfig, LabelledText

SST = Path(__file__).parents[4] / "shared" / "data" / "sentiment" / "sst"
TREES = "(3 (2 It) (4 works))\n\n(2 (2 It) (2 is))\n(1 (2 It) (4 works))\n"


@pytest.fixture
def trees(tmp_path: Path) -> Path:
    path = tmp_path / "trees.txt"
    path.write_text(TREES)
    return path


def seen(examples: list[LabelledText]) -> list[tuple[str, str, int]]:
    return [(" ".join(example.words), example.label, example.line) for example in examples]


def test_trees(trees: Path) -> None:
    expected = [("It works", "positive", 1), ("It is", "neutral", 3), ("It works", "negative", 4)]
    assert seen(read_labelled(trees, DataConfig(), str.split)) == expected
    binary = read_labelled(trees, DataConfig(classes=2), str.split)
    assert seen(binary) == [expected[0], expected[2]]


def test_phrases_are_added_once_and_in_training_alone(trees: Path) -> None:
    config = DataConfig(phrases=True)
    assert len(read_labelled(trees, config, str.split)) == 3
    assert seen(read_labelled(trees, config, str.split, training=True)) == [
        ("It", "neutral", 1),
        ("works", "very positive", 1),
        ("It works", "positive", 1),
        ("is", "neutral", 3),
        ("It is", "neutral", 3),
        ("It works", "negative", 4),
    ]


def test_equal_sentences_are_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "trees.txt"
    path.write_text("(4 Yes)\n(4 Yes)\n")
    assert len(read_labelled(path, DataConfig(phrases=True), str.split, training=True)) == 2


def test_tables_are_split_and_words_are_not(tmp_path: Path) -> None:
    table, lines = tmp_path / "a.tsv", tmp_path / "a.jsonl"
    table.write_text("text\tlabel\nSo good!\tyes\n")
    lines.write_text('{"words": ["So good", "!"], "label": "yes"}\n')
    (example,) = read_labelled(table, DataConfig(), lambda text: text.lower().split())
    assert example == LabelledText(("so", "good!"), "yes", "So good!", str(table), 2)
    (example,) = read_labelled(lines, DataConfig(), str.split)
    assert example.words == ("So good", "!")


def test_texts_need_no_labels(trees: Path, tmp_path: Path) -> None:
    plain = tmp_path / "a.txt"
    plain.write_text("one two\n\n  three\n")
    assert seen(read_texts(plain, DataConfig(), str.split)) == [("one two", "", 1), ("", "", 2), ("three", "", 3)]
    assert [example.text for example in read_texts(plain, DataConfig(), str.split)] == ["one two", "", "three"]
    assert [line for *_, line in seen(read_texts(trees, DataConfig(), str.split))] == [1, 3, 4]
    table = tmp_path / "a.csv"
    table.write_text("text\nhello\n")
    assert seen(read_texts(table, DataConfig(), str.split)) == [("hello", "", 2)]


def test_every_tree_is_predicted_with_two_classes(trees: Path) -> None:
    assert len(read_texts(trees, DataConfig(classes=2), str.split)) == 3


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        (
            "a.txt",
            "It works\n",
            "a.txt, line 1: expected labelled trees such as (3 (2 It) (4 works)), or a table, JSON or Parquet",
        ),
        ("a.txt", "(3 (2 It) (4 works))\n(3 (2 It)\n", "a.txt, line 2: expected balanced brackets, found 1 left open"),
        ("a.txt", "", "a.txt: expected labelled sentences, found none"),
        ("a.tsv", "", "a.tsv: expected labelled sentences, found none"),
        ("a.tsv", "text\tlabel\n", "a.tsv: expected labelled sentences, found none"),
        ("a.tsv", "text\tlabel\n  \tyes\n", "a.tsv: expected labelled sentences, found none"),
        ("a.jsonl", '{"words": [], "label": 1}\n', "a.jsonl: expected labelled sentences, found none"),
        ("a.jsonl", '{"words": ["a", ""], "label": 1}\n', "line 1: expected words that are not empty, found 'a '"),
    ],
)
def test_bad_files(tmp_path: Path, name: str, content: str, expected: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(CorpusError) as error:
        read_labelled(path, DataConfig(), str.split)
    assert expected in str(error.value)


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="none.tsv: expected a file, found nothing there"):
        read_labelled(tmp_path / "none.tsv", DataConfig(), str.split)
    with pytest.raises(CorpusError, match="expected a file, found a directory"):
        read_texts(tmp_path, DataConfig(), str.split)
    (tmp_path / "empty.txt").write_text("")
    with pytest.raises(CorpusError, match="empty.txt: expected texts, found none"):
        read_texts(tmp_path / "empty.txt", DataConfig(), str.split)


def labelled(*labels: str) -> list[LabelledText]:
    return [LabelledText(("a",), label, "a", "a.tsv", line) for line, label in enumerate(labels, 2)]


def test_labels_in_their_natural_order() -> None:
    assert OneLabel().label_set(labelled("very positive", "negative", "neutral")) == [
        "negative",
        "neutral",
        "very positive",
    ]
    assert OneLabel().label_set(labelled("10", "2", "-1", "2")) == ["-1", "2", "10"]
    assert OneLabel().label_set(labelled("no", "yes", "maybe")) == ["maybe", "no", "yes"]
    with pytest.raises(CorpusError, match="a.tsv: expected at least two labels in the training data, found only 'x'"):
        OneLabel().label_set(labelled("x", "x"))


def test_unknown_labels() -> None:
    OneLabel().check(labelled("a", "b"), ["a", "b", "c"])
    with pytest.raises(CorpusError, match=r"a.tsv, line 3: expected a label of the training data \(a, b\), found 'c'"):
        OneLabel().check(labelled("a", "c"), ["a", "b"])


@pytest.mark.skipif(not SST.is_dir(), reason="needs ../shared/data/sentiment/sst")
@pytest.mark.parametrize(("part", "five", "two"), [("train", 8544, 6920), ("dev", 1101, 872), ("test", 2210, 1821)])
def test_treebank(part: str, five: int, two: int) -> None:
    path = SST / f"{part}.txt"
    assert len(read_labelled(path, DataConfig(), str.split)) == five
    assert len(read_labelled(path, DataConfig(classes=2), str.split)) == two


@pytest.mark.parametrize("name", ["a.TSV", "a.JSONL"])
def test_suffixes_in_capitals(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("text\tlabel\nso good\tgood\n" if "TSV" in name else '{"text": "so good", "label": "good"}\n')
    for found in (read_labelled(path, DataConfig(), str.split), read_texts(path, DataConfig(), str.split)):
        assert [example.words for example in found] == [("so", "good")]
