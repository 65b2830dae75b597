"""Sentences in, entities out."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from elmo_lite import CheckpointError, ConfigError, CorpusError, Tokenization
from tasks.inputs.batch import Batch
from tasks.inputs.word_input_config import WordInputConfig
from tasks.ner.commands import evaluate_command, predict_command
from tasks.ner.config import NerConfig
from tasks.ner.tagger import NerTagger, Span, new_tagger
from tasks.tagging import base_tagger as module
from tasks.tagging.model import Decoded
from tasks.tagging.tags import entities_of


class Capitals(torch.nn.Module):
    """Stands for the network: runs of capitalised words are entities."""

    labels = ["O", "B-X", "I-X", "E-X", "S-X"]

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[list[str]] = []

    def decode(self, batch: Batch, probabilities: bool = True) -> list[Decoded]:
        self.seen += batch.words
        found = []
        for words in batch.words:
            entities = entities_of(["I-X" if word[0].isupper() else "O" for word in words])
            zeros = [[0.0] * len(self.labels) for _ in words if probabilities]
            found.append(Decoded(["O"] * len(words), entities, [0.5 + end / 100 for _, end, _ in entities], zeros))
        return found


@pytest.fixture
def tagger() -> NerTagger:
    return NerTagger(Capitals(), NerConfig(), Tokenization(kind="words"))  # type: ignore[arg-type]


def test_strings_give_characters(tagger: NerTagger) -> None:
    text = "we saw  New  York's Anna."
    (spans,) = tagger.predict([text])
    assert spans == [
        Span("New  York", "X", 8, 17, 2, 4, 0.54),
        Span("Anna", "X", 20, 24, 5, 6, 0.56),
    ]
    assert all(text[span.start : span.end] == span.text for span in spans)


def test_words_give_numbers_of_words(tagger: NerTagger) -> None:
    expected = [Span("New York", "X", 1, 3, 1, 3, 0.53)]
    assert tagger.predict([["saw", "New", "York"], ("saw", "New", "York")]) == [expected, expected]


def test_order_and_empty_sentences(tagger: NerTagger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH_WORDS", 6)
    sentences: list[Any] = ["", "a b c D", [], "A", "   ", "x Y", "b", "a b c d e f g h i J"]
    found = tagger.predict(iter(sentences))
    assert [[span.text for span in spans] for spans in found] == [[], ["D"], [], ["A"], [], ["Y"], [], ["J"]]
    assert [tagged.words for tagged in tagger.tag(["", "a b"])] == [[], ["a", "b"]]
    assert tagger.predict([]) == []


def test_batches_are_bounded(tagger: NerTagger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH_WORDS", 9)
    shapes: list[tuple[int, ...]] = []
    decode = tagger.model.decode

    def counted(batch: Batch, **options: bool) -> list[Decoded]:
        assert options == {"probabilities": False}  # nobody asked for those of all labels
        shapes.append(tuple(batch.mask.shape))
        return decode(batch, **options)

    monkeypatch.setattr(tagger.model, "decode", counted)
    tagger.predict([["a"] * length for length in (2, 9, 0, 1, 3, 2)])
    assert shapes == [(3, 2), (1, 3), (1, 9)]


@pytest.mark.parametrize(
    ("sentences", "message"),
    [
        ("Anna works", "expected a list of sentences, found one string"),
        ({"tokens": [["Anna"]]}, "sentences: expected a list of sentences, found dict"),
        (np.zeros((2, 1)), r"expected one sentence per item, found ndarray of shape \(2, 1\): pass one column"),
        (["Anna", 3], "sentence 1: expected a string or a list of words, found 3"),
        ([["Anna", ""]], "sentence 0: expected a string or a list of words"),
        ([["Anna", None]], "sentence 0: expected a string or a list of words"),
        ([b""], "sentence 0: expected a string or a list of words, found b''"),
    ],
)
def test_wrong_sentences(tagger: NerTagger, sentences: Any, message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        tagger.predict(sentences)


def real_tagger(**settings: Any) -> NerTagger:
    inputs = WordInputConfig(word_dim=3, spelling=False, chars=False)
    config = NerConfig(inputs=inputs, lstm_dim=2, tokenizer="whitespace", **settings)
    return new_tagger(config, ["PER", "LOC"], None, [["Anna", "works"], ["in", "Rome"]])


def test_probabilities_of_every_word() -> None:
    tagger = real_tagger()
    sentences: list[Any] = ["Anna works in Rome", "", [], np.array(["Anna"])]
    found = tagger.predict_proba(sentences)
    assert [rows.shape for rows in found] == [(4, 9), (0, 9), (0, 9), (1, 9)]
    assert tagger.classes_.tolist() == tagger.labels == ["O", *(f"{p}-{t}" for t in ("LOC", "PER") for p in "BIES")]
    for rows, tagged in zip(found, tagger.tag(sentences), strict=True):
        np.testing.assert_allclose(rows.sum(axis=1), 1, atol=1e-5)
        assert rows.tolist() == tagged.decoded.probabilities
    assert found[3][0, tagger.labels.index("I-PER")] == 0  # no entity begins with I in BIOES
    assert tagger.predict_proba([]) == []


def test_evaluate_takes_files_and_data_in_memory(tmp_path: Path) -> None:
    pytest.importorskip("seqeval")
    tagger = real_tagger()
    words = [["Anna", "works"], ["in", "Rome"]]
    tags = [["B-PER", "O"], ["O", "B-LOC"]]
    path = tmp_path / "a.conll"
    path.write_text("Anna\tB-PER\nworks\tO\n\nin\tO\nRome\tB-LOC\n")
    in_memory, from_file = tagger.evaluate((words, tags)), tagger.evaluate(path)
    assert in_memory["words"] == 4 and in_memory["sentences"] == 2 and in_memory["types"]["PER"]["support"] == 1
    assert in_memory.pop("words_per_second") > 0 and from_file.pop("words_per_second") > 0
    assert in_memory == from_file
    assert tagger.evaluate((words, [["B-ORG", "O"], ["O", "O"]]))["unseen_types"] == {"ORG": 1}


def test_the_command_prints_what_evaluate_returns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("seqeval")
    real_tagger().save(tmp_path / "saved")
    path = tmp_path / "a.conll"
    path.write_text("Anna\tB-PER\nworks\tO\n")
    evaluate_command(str(tmp_path / "saved"), str(path))
    printed = json.loads(capsys.readouterr().out)
    scores = NerTagger.from_pretrained(tmp_path / "saved").evaluate(path)
    assert printed.keys() - scores.keys() == {"model", "data"}
    assert all(printed[name] == value for name, value in scores.items() if name != "words_per_second")


@pytest.mark.parametrize("suffix", ["txt", "jsonl", "conll", "csv"])
def test_prediction_in_chunks(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real_tagger().save(tmp_path / "saved")
    source = tmp_path / "in.jsonl"
    rows = [{"id": number, "text": f"Anna saw {number} cats ."} for number in range(7)]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    predict_command(str(tmp_path / "saved"), [str(source), str(tmp_path / f"whole.{suffix}")])
    sizes: list[int] = []
    tag = NerTagger.tag

    def count(tagger: NerTagger, sentences: Any, *arguments: Any, **named: Any) -> Any:
        found = tag(tagger, sentences, *arguments, **named)
        sizes.append(len(found))
        return found

    monkeypatch.setattr(NerTagger, "tag", count)
    monkeypatch.setattr("tasks.files.CHUNK", 3)
    target = tmp_path / f"chunks.{suffix}"
    predict_command(str(tmp_path / "saved"), [str(source), str(target)])
    assert sizes == [3, 3, 1]
    assert target.read_text() == (tmp_path / f"whole.{suffix}").read_text()
    if suffix == "jsonl":
        found = [json.loads(line) for line in target.read_text().splitlines()]
        assert [(row["id"], row["text"]) for row in found] == [(row["id"], row["text"]) for row in rows]
    source.write_text(source.read_text() + "{no json}\n")
    with pytest.raises(CorpusError, match=r"in.jsonl, line 8: "):
        predict_command(str(tmp_path / "saved"), [str(source), str(tmp_path / f"other.{suffix}")])
    assert not (tmp_path / f"other.{suffix}").exists()


def test_an_unknown_suffix_is_refused_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"pred.xlsx: expected a name that ends in \.txt, \.jsonl"):
        predict_command(str(tmp_path / "no model"), ["no input.txt", str(tmp_path / "pred.xlsx")])


def test_damaged_weights_give_no_tags() -> None:
    tagger = real_tagger()
    with torch.no_grad():
        tagger.model.tag_scores.bias[0] = torch.nan
    with pytest.raises(CheckpointError, match="weights: expected finite scores of tags, found NaN or infinity"):
        tagger.predict(["Anna works"])


def test_repr_is_one_line() -> None:
    assert repr(real_tagger()) == (
        "NerTagger(types=['LOC', 'PER'], num_types=2, encoder=None, num_word_vectors=4, spelling=False, chars=False, "
        "lstm_dim=2, lstm_layers=1, num_parameters=271, tokenization='whitespace', device='cpu')"
    )
