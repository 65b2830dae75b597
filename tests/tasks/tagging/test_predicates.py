"""Marked predicates: read from brackets, tags and records, learned, and found again."""

import json
import lzma
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("seqeval")

from elmo_lite import ConfigError, CorpusError  # noqa: E402
from elmo_lite.cli.main import COMMANDS, Command, main  # noqa: E402
from tasks.inputs.batch import collate  # noqa: E402
from tasks.inputs.word_input_config import WordInputConfig  # noqa: E402
from tasks.tagging import Marked, TaggedSentence, Tagger, TaggerConfig, train  # noqa: E402
from tasks.tagging.data import read_tagged  # noqa: E402
from tasks.tagging.predicates import predicates_to_tag  # noqa: E402
from tasks.tagging.tagger import new_tagger  # noqa: E402
from tasks.training.config import FinetuneConfig  # noqa: E402

SHARED = Path(__file__).parents[4] / "shared" / "data" / "srl"
BRACKETS = """#begin document (a)
a 0 Al    -     -        (ARG0*  *
a 1 Zaman -     -        *)      *
a 2 said  say   say.01   (V*)    *
a 3 it    -     -        (ARG1*  (ARG1*)
a 4 left  leave leave.01 *)      (V*)

a 0 Rain  -     -

a 0 It    -     -        (ARG0*)
a 1 rains rain  rain.01  (V*)
#end document
"""
SAID = ("B-ARG0", "E-ARG0", "O", "B-ARG1", "E-ARG1")
LEFT = ("O", "O", "O", "S-ARG1", "O")


def file(folder: Path, text: str, name: str = "a.conll") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_brackets(tmp_path: Path) -> None:
    path = file(tmp_path, BRACKETS)
    found = read_tagged(path, 5, 2, 4)
    assert [(sentence.words[-1], sentence.marked, sentence.tags) for sentence in found.sentences] == [
        ("left", (2,), SAID),
        ("left", (4,), LEFT),
        ("rains", (1,), ("S-ARG0", "O")),
    ]
    assert [sentence.line for sentence in found.sentences] == [2, 2, 10]
    assert read_tagged(path, None, 2, 4).sentences == found.sentences  # arguments follow the predicates
    assert list(predicates_to_tag(str(path), 2, 4))[1][0] == Marked(("Al", "Zaman", "said", "it", "left"), (4,))


def test_tags_and_records(tmp_path: Path) -> None:
    text = "Al\t-\tB-A0\nsaid\tsay\tB-V\nso\t-\tB-A1\n\n"
    assert read_tagged(file(tmp_path, text), predicate_column=1).sentences[0].tags == ("S-A0", "O", "S-A1")
    row = {"words": ["Al", "said", "so"], "tags": ["B-A0", "B-V", "O"], "predicate": 1}
    rows = [row, {**row, "predicate": [1, 2]}]
    path = file(tmp_path, "".join(json.dumps(row) + "\n" for row in rows), "a.jsonl")
    found = read_tagged(path, predicate_column="predicate").sentences
    assert [sentence.marked for sentence in found] == [(1,), (1, 2)] and found[0].tags == ("S-A0", "O", "O")
    rows = [row for row, _ in predicates_to_tag(str(path), None, "predicate")]
    assert rows == [Marked(s.words, s.marked) for s in found]


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        (
            BRACKETS.replace("(V*)    *", "V       *"),
            (5, 2, 4),
            r"line 4: expected \(LABEL\*, \*, \*\) or a tag, found 'V'",
        ),
        (BRACKETS, (6, 2, 4), "line 2: expected 2 columns of arguments from column 6, one for each predicate, found 1"),
        ("a 0 Al\n", (None, 2, 4), "line 1: expected 5 columns or more, found 3 in 'a 0 Al'"),
        ("a 0 Al - -\n", (None, 2, 4), "expected labelled sentences, found none"),
        (BRACKETS, (5, 2, "say"), "predicate_column: expected the number of a column of"),
        (BRACKETS, (5, 2, -1), "predicate_column: expected columns of words and predicates from 0, found -1"),
        (
            '{"words": ["a"], "tags": ["O"]}',
            (None, None, "predicate"),
            "line 1: expected a field predicate, found words",
        ),
        (
            '{"words": ["a"], "tags": ["O"], "p": 1}',
            (None, None, "p"),
            "expected indices of words in 0..0 in 'p', found 1",
        ),
        (
            '{"words": ["a"], "tags": ["O"], "p": []}',
            (None, None, "p"),
            "expected indices of words in 0..0 in 'p', found",
        ),
        (
            '{"words": ["a"], "tags": ["O"], "p": 0}',
            (None, None, 1),
            "predicate_column: expected the name of a field of",
        ),
    ],
)
def test_other_files(tmp_path: Path, text: str, columns: Any, message: str) -> None:
    with pytest.raises((CorpusError, ConfigError), match=message):
        read_tagged(file(tmp_path, text, "a.jsonl" if text.startswith("{") else "a.conll"), *columns)


def test_marks_are_needed_and_in_range() -> None:
    inputs = WordInputConfig(word_dim=3, chars=False)
    config = TaggerConfig(inputs=inputs, lstm_dim=2, predicate_column=1, labels="spans")
    tagger = new_tagger(config, ["A0"], None, [["a", "b"]])
    for sentence in (["a", "b"], "a b", Marked(["a"], [])):
        with pytest.raises(CorpusError, match="^sentence 0: expected Marked words, one a predicate, found "):
            tagger.tag([sentence])
    with pytest.raises(CorpusError, match=r"^sentence 1: expected marked words in 0\.\.1, found \[2\]"):
        tagger.tag([Marked(["a", "b"], [0]), Marked(["a", "b"], [2])])
    with pytest.raises(CorpusError, match="^data: expected sentences with marked predicates, found one without"):
        tagger.evaluate([TaggedSentence(("a",), ("O",))])


def test_a_batch_knows_its_marks() -> None:
    batch = collate([["a", "b", "c"], ["d"]], marks=[(0, 2), (0,)]).to("cpu")
    assert batch.marks is not None and batch.marks.tolist() == [[True, False, True], [True, False, False]]
    assert collate([["a"]]).marks is None and collate([["a"]], marks=[()]).marks is None


def test_the_predicate_decides(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same words have other labels for another predicate."""
    path = file(tmp_path, BRACKETS * 4)
    settings: dict[str, Any] = {"lstm_dim": 8, "dropout": 0.0, "column": 5, "word_column": 2, "predicate_column": 4}
    inputs = WordInputConfig(word_dim=8, chars=False, dropout=0.0, unknown_rate=0.0)
    finetune = FinetuneConfig(max_epochs=30, batch_size=4, learning_rate=0.02, pictures=False, device="cpu")
    config = TaggerConfig(**settings, inputs=inputs, finetune=finetune)
    facts = train(config, path, path, tmp_path / "out", progress=False)
    assert facts["dev"]["f1"] == 100 and set(facts["dev"]["types"]) == {"ARG0", "ARG1"}
    tagger = Tagger.from_pretrained(tmp_path / "out")
    words = ["Al", "Zaman", "said", "it", "left"]
    said, left = tagger.tag([Marked(words, [2]), Marked(words, [4])])
    assert said.tags == ["B-ARG0", "I-ARG0", "B-V", "B-ARG1", "I-ARG1"] and left.tags == [
        "O",
        "O",
        "O",
        "B-ARG1",
        "B-V",
    ]
    for name in ("evaluate", "predict"):
        monkeypatch.setitem(COMMANDS, f"tag {name}", Command(f"tasks.tagging.commands:{name}_command"))
    assert main(["tag", "evaluate", str(tmp_path / "out"), str(path)]) == 0
    assert json.loads(capsys.readouterr().out)["f1"] == 100
    assert main(["tag", "predict", str(tmp_path / "out"), str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [
        "[ARG0 Al Zaman] [V said] [ARG1 it left]",
        "Al Zaman said [ARG1 it] [V left]",
        "[ARG0 It] [V rains]",
    ]
    rows = file(tmp_path, json.dumps({"tokens": words, "p": 4}) + "\n", "b.jsonl")
    given = [str(tmp_path / "out"), str(rows), str(tmp_path / "p.jsonl"), "--predicate_column", "p"]
    assert main(["tag", "predict", *given]) == 0
    found = json.loads((tmp_path / "p.jsonl").read_text())
    assert found["predicate"] == [4] and found["tags"] == left.tags and len(found["entities"]) == 1


@pytest.mark.skipif(not SHARED.exists(), reason="the data set is not in ../shared/data")
def test_a_known_data_set(tmp_path: Path) -> None:
    path = file(tmp_path, lzma.open(SHARED / "dev.conll.xz", "rt", encoding="utf-8").read())
    data = read_tagged(path, None, 2, 6)
    assert (len(data.sentences), data.repaired, data.types()["ARG0"]) == (4963, 0, 1732)
