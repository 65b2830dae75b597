"""Labelled sentences of any kind of labels, from files, records and memory."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from elmo_lite import ConfigError, CorpusError
from tasks.tagging.data import read_tagged, unseen_labels
from tasks.tagging.sentences import TaggedSentence

CONLLU = "1\tthe\tthe\tDET\tDT\t_\t2\tdet\t_\t_\n2\tcat\tcat\tNOUN\tNN\t_\t0\troot\t_\t_\n\n"
CONLL2000 = "# # B-NP\n5 CD I-NP\n# SYM I-NP\n\nConfidence NN B-NP\nin IN B-PP\n. . O\n"


def file(folder: Path, text: str, name: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_conllu_by_name(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = file(tmp_path, CONLLU, "a.conllu")
    with caplog.at_level(logging.INFO, logger="elmo_lite"):
        data = read_tagged(path)
    assert data.sentences == [TaggedSentence(("the", "cat"), ("DET", "NOUN"), str(path), 1)]
    assert (data.scheme, data.has_spans) == (None, False)
    assert caplog.messages == [
        f"{path}: read as CoNLL-U, words in column FORM, labels in column UPOS; labels of tokens; "
        "1 sentences, 2 words; labels: DET 1, NOUN 1"
    ]
    for column, tags in {"xpos": ("DT", "NN"), "DEPREL": ("det", "root"), 6: ("2", "0")}.items():
        assert read_tagged(path, column).sentences[0].tags == tags
    assert read_tagged(path, "upos", "lemma").sentences[0].words == ("the", "cat")
    with pytest.raises(ConfigError, match="^column: expected one of id, form, .*, found 'tag'$"):
        read_tagged(path, "tag")


@pytest.mark.parametrize(("separator", "suffix"), [("\t", "tsv"), (" ", "txt"), ("\t", "conll")])
def test_column_files(tmp_path: Path, separator: str, suffix: str) -> None:
    path = file(tmp_path, "Le DET fra\nchat NOUN fra\n\nruns VERB eng\n".replace(" ", separator), f"a.{suffix}")
    assert [sentence.tags for sentence in read_tagged(path).sentences] == [("fra", "fra"), ("eng",)]
    assert [sentence.tags for sentence in read_tagged(path, 1).sentences] == [("DET", "NOUN"), ("VERB",)]
    with pytest.raises(ConfigError, match=r"^column: expected 0\.\.2 or negative for .*, found 3$"):
        read_tagged(path, 3)
    with pytest.raises(
        ConfigError, match="^column: expected the number of a column of .*, which names none, found 'u'"
    ):
        read_tagged(path, "u")


def test_a_column_of_tags_is_preferred_and_a_number_sign_is_a_word(tmp_path: Path) -> None:
    path = file(tmp_path, CONLL2000, "a.txt")
    data = read_tagged(path)
    assert data.types() == {"NP": 2, "PP": 1} and data.scheme == "IOB2"
    assert data.sentences[0].words == ("#", "5", "#")
    words = read_tagged(path, 1, labels="tokens")
    assert words.labels()["CD"] == 1 and words.labels()["NN"] == 1


def test_spans_are_detected_or_chosen(tmp_path: Path) -> None:
    spans = [["B-X", "I-X"], ["O"]]
    for tags, found in [(spans, True), ([["B", "I"], ["O"]], True), ([["E", "S"], ["E"]], False)]:
        assert read_tagged(([["a", "b"], ["c"]], tags)).has_spans is found
    assert read_tagged(([["a", "b"], ["c"]], spans), labels="tokens").labels() == {"B-X": 1, "I-X": 1, "O": 1}
    assert read_tagged(([["a", "b"]], [["B", "I"]]), entity_type="SEG").has_spans is False
    assert read_tagged(([["a", "b"]], [["B", "I"]]), labels="spans", entity_type="SEG").types() == {"SEG": 1}
    with pytest.raises(CorpusError, match="^dev, sentence at line 1: expected O or B-, .*, found 'NOUN'$"):
        read_tagged(([["a"]], [["NOUN"]]), labels="spans", name="dev")


def test_records(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows: list[Any] = [
        {"tokens": ["a", "b"], "tags": [0, 1], "upos": ["X", "Y"]},
        {"tokens": [], "tags": [], "upos": []},
    ]
    path = file(tmp_path, "".join(json.dumps(row) + "\n" for row in rows), "a.jsonl")
    with caplog.at_level(logging.INFO, logger="elmo_lite"):
        assert [sentence.tags for sentence in read_tagged(path).sentences] == [("0", "1")]
    assert "records without words skipped, first at 2" in caplog.messages[0]
    assert read_tagged(path, "upos").sentences[0].tags == ("X", "Y")
    with pytest.raises(CorpusError, match=r"a\.jsonl, line 1: expected a field xpos, found tokens, tags, upos"):
        read_tagged(path, "xpos")
    with pytest.raises(ConfigError, match="column: expected the name of a field of .*, found 1"):
        read_tagged(path, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected one word per line, found none"),
        ("word\n\nother\n", "expected the same number of columns, 2 or more, in each row, found 1 in 100% of the rows"),
        ("It is a text .\nOf lines .\nAll of another length .\n", "expected the same number of columns"),
        ("the\tDET\ncat\t \n", "line 2: expected labels that are not empty, found ''"),
    ],
)
def test_other_files(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        read_tagged(file(tmp_path, text, "a.txt"))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (([[]], [[]]), "data, sentence 1: expected a sentence with words, found none"),
        (([["a"]], [["X", "Y"]]), "data, sentence 1: expected one tag for each of 1 words, found 2"),
        (([["a"]], [[""]]), "data, sentence 1: expected labels that are not empty, found ''"),
        (([["a"]], [[None]]), "data, sentence 1: expected labels that are not empty, found None"),
        (([], []), "data: expected labelled sentences, found none"),
    ],
)
def test_wrong_data_in_memory(source: Any, message: str) -> None:
    with pytest.raises(CorpusError, match=f"^{message}"):
        read_tagged(source)


def test_unseen_labels_and_many(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = read_tagged(([["a", "b", "c"]], [["X", "Y", "Y"]]))
    assert unseen_labels(data, ["X"]) == {"Y": 2}
    path = file(tmp_path, "".join(f"w\tL{number}\n" for number in range(30)) + "w\tL7\n", "a.conll")
    with caplog.at_level(logging.INFO, logger="elmo_lite"):
        read_tagged(path)
    assert caplog.messages[0].endswith("and 10 others") and "labels: L7 2, L0 1, " in caplog.messages[0]


def test_an_empty_file_is_said_to_be_empty(tmp_path: Path) -> None:
    """Whatever column is asked for."""
    path = tmp_path / "empty.conllu"
    path.write_text("\n\n", encoding="utf-8")
    for column in (None, "upos", 2):
        with pytest.raises(CorpusError, match=r"empty\.conllu: expected one word per line, found none"):
            read_tagged(path, column)
