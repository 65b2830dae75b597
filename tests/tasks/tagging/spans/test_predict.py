"""Entities of whole texts, written in the form of INPUT so that an annotation tool reads them again."""

import json
import shutil
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from elmo_lite import ConfigError, CorpusError, Tokenization
from tasks.inputs.batch import Batch
from tasks.ner import NerConfig, NerTagger, read_tagged
from tasks.ner.commands import predict_command
from tasks.tagging import Tagger, TaggerConfig
from tasks.tagging.commands import predict_command as tag_predict
from tasks.tagging.model import Decoded
from tasks.tagging.spans.brat import spans_file
from tasks.tagging.spans.offsets import unit_offsets
from tasks.tagging.spans.prediction import tag_texts
from tasks.tagging.tags import entities_of

TEXT = "Anna Lee met 👍🏽 Bob.\r\nthen Cle\u0301o left. she saw New\u00a0York"
FOUND = ["Anna Lee", "Bob", "Cle\u0301o", "New\u00a0York"]
PLACES = [(TEXT.index(name), TEXT.index(name) + len(name)) for name in FOUND]


class Capitals(torch.nn.Module):
    """Stands for the network: runs of capitalised words are entities."""

    labels = ["O", "B-X", "I-X", "E-X", "S-X"]
    temperature = 1.0

    def decode(self, batch: Batch, **options: Any) -> list[Decoded]:
        found = []
        for words in batch.words:
            tags = ["I-X" if word[0].isupper() else "O" for word in words]
            probabilities = [[0.2] * len(self.labels) for _ in words]
            entities = entities_of(tags)
            found.append(Decoded(tags, entities, [0.75] * len(entities), probabilities))
        return found


@pytest.fixture
def tagger(monkeypatch: pytest.MonkeyPatch) -> NerTagger:
    made = NerTagger(Capitals(), NerConfig(), Tokenization())  # type: ignore[arg-type]
    monkeypatch.setattr(NerTagger, "from_pretrained", lambda *arguments: made)
    return made


def predict(source: Path, output: Path | None = None, **options: Any) -> None:
    predict_command("saved", [str(source), *([] if output is None else [str(output)])], **options)


def write(path: Path, *rows: Any) -> Path:
    if path.suffix == ".json":
        path.write_text(json.dumps(rows, indent=2))
    else:
        path.write_text("".join(json.dumps(row) + "\r\n" for row in rows))
    return path


def test_texts_from_python(tagger: NerTagger) -> None:
    (spans,) = tagger.predict_texts([TEXT])
    assert [(span.text, span.start, span.end, span.type, span.score) for span in spans] == [
        (name, *place, "X", 0.75) for name, place in zip(FOUND, PLACES, strict=True)
    ]
    words = tagger.tokenization.words(TEXT)
    joined = [" ".join(words[span.start_word : span.end_word]) for span in spans]
    assert joined == ["Anna Lee", "Bob", "Cl\u00e9o", "New York"]
    assert tagger.predict_texts(["", "no"]) == [[], []]
    assert tagger.predict_texts([TEXT], min_score=0.8) == [[]]
    with pytest.raises(CorpusError, match="expected a list of texts, found one string"):
        tagger.predict_texts(TEXT)
    with pytest.raises(CorpusError, match=r"text 1: expected a string, found \['a'\]"):
        tagger.predict_texts(["a", ["a"]])  # type: ignore[list-item]


@given(st.text(st.sampled_from("aAB. \n\r-é\u0301👍🏽中"), max_size=40))
@settings(deadline=None, max_examples=200)
def test_offsets_are_those_of_the_text(text: str) -> None:
    made = NerTagger(Capitals(), NerConfig(), Tokenization())  # type: ignore[arg-type]
    (tagged,) = tag_texts(made, [text])
    words = made.tokenization.words_with_offsets(text)
    for span in tagged.spans:
        assert text[span.start : span.end] == span.text
        assert (words[span.start_word][1], words[span.end_word - 1][2]) == (span.start, span.end)
    assert [word for sentence in tagged.sentences for word in sentence.words] == [word for word, _, _ in words]


def test_doccano(tagger: NerTagger, tmp_path: Path) -> None:
    """Other fields are kept; texts without labels and empty ones too."""
    rows = [{"id": 5, "text": TEXT, "label": [[0, 4, "Y"]], "Comments": []}, {"id": 6, "text": "", "label": []}]
    source, output = write(tmp_path / "a.jsonl", *rows, {"text": "Al"}), tmp_path / "b.jsonl"
    predict(source, output)
    found = [json.loads(line) for line in output.read_text().splitlines()]
    assert found == [
        {"id": 5, "text": TEXT, "label": [[*place, "X"] for place in PLACES], "Comments": []},
        {"id": 6, "text": "", "label": []},
        {"text": "Al", "label": [[0, 2, "X"]]},
    ]
    assert [e.type for s in read_tagged(output).sentences for e in entities_of(s.tags)] == ["X"] * 5


def test_doccano_without_any_label(tagger: NerTagger, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is to be labelled has empty lists; standard output is in the same form."""
    predict(write(tmp_path / "a.json", {"text": "Al left", "label": []}, {"text": "so", "label": []}))
    assert json.loads(capsys.readouterr().out) == [
        {"text": "Al left", "label": [[0, 2, "X"]]},
        {"text": "so", "label": []},
    ]


def test_doccano_with_relations(tagger: NerTagger, tmp_path: Path) -> None:
    """Relations lead to entities that are gone."""
    entity = {"id": 9, "label": "Y", "start_offset": 0, "end_offset": 2}
    row = {"text": "Al met Bo", "entities": [entity], "relations": [{"id": 1, "from_id": 9, "to_id": 9, "type": "x"}]}
    predict(write(tmp_path / "a.jsonl", row), tmp_path / "b.jsonl")
    assert json.loads((tmp_path / "b.jsonl").read_text()) == {
        "text": "Al met Bo",
        "entities": [
            {"id": 0, "start_offset": 0, "end_offset": 2, "label": "X"},
            {"id": 1, "start_offset": 7, "end_offset": 9, "label": "X"},
        ],
        "relations": [],
    }


def test_prodigy(tagger: NerTagger, tmp_path: Path) -> None:
    row = {"text": "Al met", "spans": [{"start": 0, "end": 6, "label": "Y"}], "meta": {"by": 1}, "answer": "reject"}
    predict(write(tmp_path / "a.jsonl", row), tmp_path / "b.json")
    spans = [{"start": 0, "end": 2, "label": "X", "score": 0.75}]
    assert json.loads((tmp_path / "b.json").read_text()) == [{**row, "spans": spans}]


def test_the_unit_is_that_of_the_input(tagger: NerTagger, tmp_path: Path) -> None:
    """What counts as the browser does is written so, unless another unit is asked for."""
    wide = unit_offsets(TEXT, "utf16")
    labels = [[wide[start], wide[end], "X"] for start, end in PLACES]
    source = write(tmp_path / "a.jsonl", {"text": TEXT, "label": labels})
    for offsets, expected in (("auto", labels), ("utf16", labels), ("code_points", [[*p, "X"] for p in PLACES])):
        predict(source, tmp_path / "b.jsonl", offsets=offsets, overwrite=True)
        assert json.loads((tmp_path / "b.jsonl").read_text())["label"] == expected
    with pytest.raises(ConfigError, match="offsets: expected one of auto, code_points, utf16, found 'bytes'"):
        predict(source, tmp_path / "c.jsonl", offsets="bytes")


def test_label_studio(tagger: NerTagger, tmp_path: Path) -> None:
    """Tasks keep their annotations, and the predictions of other models."""
    result = {"from_name": "ner", "to_name": "essay", "type": "labels"}
    value = {"start": 0, "end": 4, "text": "Anna", "labels": ["Y"]}
    done = [{"result": [{**result, "value": value}]}]
    others = [{"model_version": "old", "result": []}, {"model_version": "elmo_lite", "result": []}]
    task = {"id": 1, "data": {"essay": TEXT, "by": "me"}, "annotations": done, "predictions": others}
    predict(write(tmp_path / "a.json", task, {"id": 2, "data": {"essay": "so", "by": "me"}}), tmp_path / "b.json")
    first, second = json.loads((tmp_path / "b.json").read_text())
    assert {**first, "predictions": others} == task
    assert first["predictions"][0] == others[0] and len(first["predictions"]) == 2
    assert first["predictions"][1] == {
        "model_version": "elmo_lite",
        "score": 0.75,
        "result": [
            {
                "id": f"elmo_lite-{number}",
                **result,
                "score": 0.75,
                "value": {"start": start, "end": end, "text": TEXT[start:end], "labels": ["X"]},
            }
            for number, (start, end) in enumerate(PLACES)
        ],
    }
    assert second["predictions"] == [{"model_version": "elmo_lite", "score": 1.0, "result": []}]


def test_json_min_becomes_tasks(tagger: NerTagger, tmp_path: Path) -> None:
    row = {"text": "Al met", "topic": "x", "ner": [{"start": 0, "end": 2, "labels": ["Y"]}], "id": 4, "annotator": 1}
    predict(write(tmp_path / "a.json", row), tmp_path / "b.jsonl")
    task = json.loads((tmp_path / "b.jsonl").read_text())
    assert task["data"] == {"text": "Al met", "topic": "x"}
    (result,) = task["predictions"][0]["result"]
    assert (result["from_name"], result["to_name"]) == ("ner", "text")


def test_brat(tagger: NerTagger, tmp_path: Path) -> None:
    """A copy of each text, byte for byte, with its spans beside it; they are read again as they were found."""
    source, output = tmp_path / "in", tmp_path / "out"
    (source / "part").mkdir(parents=True)
    text = "\ufeffAnna Lee\r\nmet 👍🏽 New\nYork."
    (source / "part" / "a.b.txt").write_bytes(text.encode())
    (source / "part" / "a.b.ann").write_bytes(b"T1\tY 1 5\tAnna\r\nR1\tmet Arg1:T1 Arg2:T1\r\n")
    (source / "c.txt").write_text("Al")
    predict(source, output, probabilities=True)
    names = sorted(str(path.relative_to(output)) for path in output.rglob("*") if path.is_file())
    assert names == ["c.ann", "c.txt", "part/a.b.ann", "part/a.b.txt"]
    assert (output / "part" / "a.b.txt").read_bytes() == text.encode()
    assert (output / "part" / "a.b.ann").read_text() == (
        "T1\tX 1 9\tAnna Lee\n#1\tAnnotatorNotes T1\tscore 0.7500\n"
        "T2\tX 18 21\tNew\n#2\tAnnotatorNotes T2\tscore 0.7500\n"
        "T3\tX 22 26\tYork\n#3\tAnnotatorNotes T3\tscore 0.7500\n"
    )
    found = [(s.words[e.start : e.end]) for s in read_tagged(output).sentences for e in entities_of(s.tags)]
    assert found == [("Al",), ("Anna", "Lee"), ("New",), ("York",)]
    (output / "mine.txt").write_text("kept")
    with pytest.raises(
        ConfigError, match=r"expected no such directory, or an empty one \(or --overwrite\), found files"
    ):
        predict(source, output)
    predict(source, output, overwrite=True)
    assert (output / "c.ann").read_text() == "T1\tX 0 2\tAl\n" and (output / "mine.txt").read_text() == "kept"
    with pytest.raises(ConfigError, match="expected another directory than that of INPUT, found the same"):
        predict(source, source, overwrite=True)
    with pytest.raises(ConfigError, match="expected a directory outside of INPUT, found one in"):
        predict(source, source / "out")
    with pytest.raises(ConfigError, match="expected the directory .*none to write in, found none"):
        predict(source, tmp_path / "none" / "out")
    assert not list(tmp_path.glob(".*"))


def test_a_directory_of_texts_that_nobody_has_labelled(tagger: NerTagger, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("Al met")
    with pytest.raises(CorpusError, match="in: expected labelled texts with words, found none"):
        read_tagged(tmp_path / "in")
    predict(tmp_path / "in", tmp_path / "out")
    assert (tmp_path / "out" / "a.ann").read_text() == "T1\tX 0 2\tAl\n"


def test_brat_writes_a_span_on_two_lines_in_parts(tagger: NerTagger) -> None:
    """The tokenisation ends a sentence there, so none comes from a tagger today."""
    (tagged,) = tagger.predict_texts(["New York"])
    assert spans_file("New\nYork", tagged, range(9), False) == "T1\tX 0 3;4 8\tNew York\n"


def test_a_failed_run_leaves_nothing(tagger: NerTagger, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in "ab":
        (tmp_path / "in" / f"{name}.txt").write_text("Al")
        (tmp_path / "in" / f"{name}.ann").write_text("")
    (tmp_path / "in" / "b.txt").write_bytes(b"\xff")
    with pytest.raises(CorpusError, match=r"b\.txt: expected UTF-8"):
        predict(tmp_path / "in", tmp_path / "out")
    rows = {"text": "Al", "label": []}, {"text": "Al", "label": 3}
    with pytest.raises(CorpusError, match=r"a\.jsonl, line 2: expected a list of spans in 'label', found 3"):
        predict(write(tmp_path / "a.jsonl", *rows), tmp_path / "b.jsonl")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl", "in"]


def test_docbin(tagger: NerTagger, tmp_path: Path) -> None:
    """Entities are extended to spaCy's own words."""
    spacy = pytest.importorskip("spacy")
    from spacy.tokens import DocBin

    docs = [spacy.blank("en")(text) for text in ("Al-Fa met Bo", "so")]
    DocBin(docs=docs).to_disk(tmp_path / "a.spacy")
    predict(tmp_path / "a.spacy", tmp_path / "b.spacy")
    found = list(DocBin().from_disk(tmp_path / "b.spacy").get_docs(spacy.blank("en").vocab))
    assert [[(ent.text, ent.label_) for ent in doc.ents] for doc in found] == [
        [("Al", "X"), ("Fa", "X"), ("Bo", "X")],
        [],
    ]
    assert [doc.text for doc in found] == ["Al-Fa met Bo", "so"]


@pytest.mark.parametrize("form", ["doccano", "spans", "label_studio"])
def test_a_chosen_form_for_texts_that_nobody_has_labelled(form: str, tagger: NerTagger, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"Al met\r\n\r\nBo\n")
    predict(tmp_path / "a.txt", tmp_path / "a.json", format=form)
    write(tmp_path / "b.jsonl", {"id": 3, "text": "Al met"}, {"text": ""}, {"text": "Bo"})
    predict(tmp_path / "b.jsonl", tmp_path / "b.json", format=form)
    of_text, of_records = (json.loads((tmp_path / name).read_text()) for name in ("a.json", "b.json"))
    assert len(of_text) == len(of_records) == 3
    if form == "label_studio":
        assert [row["data"] for row in of_text] == [{"text": "Al met"}, {"text": ""}, {"text": "Bo"}]
        assert of_records[0]["data"] == {"id": 3, "text": "Al met"}
        assert of_text[0]["predictions"][0]["result"][0]["value"]["end"] == 2
    else:
        field, span = {
            "doccano": ("label", [0, 2, "X"]),
            "spans": ("spans", {"start": 0, "end": 2, "label": "X", "score": 0.75}),
        }[form]
        assert of_text == [{"text": "Al met", field: [span]}, {"text": "", field: []}, {"text": "Bo", field: [span]}]
        assert of_records[0] == {"id": 3, "text": "Al met", field: [span]}
    source = write(tmp_path / "c.jsonl", {"text": "Al", "label": [[0, 1, "Y"]]})
    predict(source, tmp_path / "c.json", format=form)
    (row,) = json.loads((tmp_path / "c.json").read_text())
    assert {"doccano": "label", "spans": "spans", "label_studio": "data"}[form] in row


def test_other_fields_of_a_task_are_kept_in_another_form(tagger: NerTagger, tmp_path: Path) -> None:
    source = write(tmp_path / "a.json", {"id": 1, "data": {"essay": "Al met", "by": 3}})
    predict(source, tmp_path / "b.jsonl", format="doccano")
    assert json.loads((tmp_path / "b.jsonl").read_text()) == {"by": 3, "text": "Al met", "label": [[0, 2, "X"]]}


def test_standard_input_in_a_chosen_form(
    tagger: NerTagger,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    (tmp_path / "in").write_text("Al met\n")
    with (tmp_path / "in").open() as file:
        monkeypatch.setattr(sys, "stdin", file)
        with caplog.at_level("INFO", logger="elmo_lite"):
            predict_command("saved", ["-"], format="doccano")
    assert sum("read as" in message for message in caplog.messages) == 1
    assert capsys.readouterr().out == '{"text": "Al met", "label": [[0, 2, "X"]]}\n'
    words = write(tmp_path / "a.jsonl", {"tokens": ["Al"]})
    with pytest.raises(CorpusError, match=r"sentence 1: expected a text for --format, found a list of words"):
        predict(words, tmp_path / "b.jsonl", format="doccano")
    with pytest.raises(ConfigError, match="offsets: expected auto where OUTPUT is not for an annotation tool"):
        predict(words, offsets="utf16")


def test_other_formats_have_sentences(tagger: NerTagger, tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", {"text": "Al met Bo. She left.", "label": []})
    predict(source, tmp_path / "b.txt")
    assert (tmp_path / "b.txt").read_text() == "[X Al] met [X Bo] .\n[X She] left .\n"
    predict(source, tmp_path / "b.csv", probabilities=True)
    assert (tmp_path / "b.csv").read_text().splitlines()[:2] == ["sentence,token,tag,probability", "1,Al,B-X,0.2000"]
    with pytest.raises(ConfigError, match=r"b\.xlsx: expected a name that ends in \.txt, .*\.json, found \.xlsx"):
        predict(source, tmp_path / "b.xlsx")


def test_plain_is_as_without_labels(tagger: NerTagger, tmp_path: Path) -> None:
    """Records without labels have tokens, tags and entities, as always; --format jsonl gives them for others."""
    predict(write(tmp_path / "a.jsonl", {"text": "Al met", "id": 1}), tmp_path / "b.jsonl")
    row = json.loads((tmp_path / "b.jsonl").read_text())
    assert list(row) == ["text", "id", "tokens", "tags", "entities"]
    labelled = write(tmp_path / "c.jsonl", {"text": "Al met", "id": 1, "label": []})
    predict(labelled, tmp_path / "d.jsonl", format="jsonl")
    assert json.loads((tmp_path / "d.jsonl").read_text()) == {**row, "label": []}


def test_tag_predicts_spans_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spans = Tagger(Capitals(), TaggerConfig(labels="spans"), Tokenization())  # type: ignore[arg-type]
    source = write(tmp_path / "a.jsonl", {"text": "Al met", "label": []})
    monkeypatch.setattr(Tagger, "from_pretrained", lambda *arguments: spans)
    tag_predict("saved", [str(source), str(tmp_path / "b.jsonl")])
    assert json.loads((tmp_path / "b.jsonl").read_text()) == {"text": "Al met", "label": [[0, 2, "X"]]}


def test_memory_is_bounded(tagger: NerTagger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten times the records need no more memory."""
    monkeypatch.setattr("tasks.files.CHUNK", 5)
    peaks = []
    for size in (20, 20, 200):
        source = tmp_path / "a.jsonl"
        source.write_text(json.dumps({"text": "Al met 👍 Bo and then they left " * 5, "label": [[0, 2, "X"]]}) + "\n")
        with source.open("a") as file:
            for number in range(size):
                file.write(json.dumps({"text": f"Al met 👍 Bo {number} and then they left " * 5, "label": []}) + "\n")
        tracemalloc.start()
        predict(source, tmp_path / "b.jsonl", overwrite=True)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < 1.5 * peaks[1]
    shutil.rmtree(tmp_path)
