"""The perplexity of a saved model on text files and corpora, and the command."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from elmo_lite.corpus.builder import CorpusSettings, build_corpus
from elmo_lite.errors import CheckpointError, ConfigError, CorpusError
from elmo_lite.lm.evaluate import evaluate, evaluate_command, read_stream
from elmo_lite.lm.perplexity import stream_perplexity
from elmo_lite.nn.bilm import BiLM
from elmo_lite.nn.config import BiLMConfig, CharCNNConfig
from elmo_lite.nn.lm_head import LMHead
from elmo_lite.saved_model.checkpoint import SavedModel, load_model, save_model
from elmo_lite.text.characters import encode_words
from elmo_lite.text.tokenization import Tokenization
from elmo_lite.text.vocabulary import Vocabulary
from tests.segmenter_fakes import Segmenters

CONFIG = BiLMConfig(
    char_cnn=CharCNNConfig(embedding_dim=4, filters=((1, 8), (3, 8)), max_characters=10),
    dim=12,
    lstm_dim=12,
    dropout=0.5,
)
WORDS = ["the", "cat", "sat", "on", "mat", "longer-word-than-fits", "."]
VOCABULARY = Vocabulary(["the", "cat", "."])


def make() -> tuple[BiLM, LMHead]:
    torch.manual_seed(0)
    bilm, head = BiLM(CONFIG), LMHead(len(VOCABULARY), CONFIG.dim)
    with torch.no_grad():
        for parameter in [*bilm.parameters(), *head.parameters()]:
            parameter.normal_(std=0.5)
    return bilm.eval(), head


TEXT = " the cat sat . \n\nlonger-word-than-fits mat\n \nthe <unk>\n"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save_model(tmp_path / "model", make()[0], Tokenization(kind="whitespace"), VOCABULARY, make()[1])


@pytest.fixture
def text(tmp_path: Path) -> Path:
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")
    return tmp_path / "text.txt"


def test_read_stream(text: Path) -> None:
    words, stream = read_stream([str(text)], Tokenization(kind="whitespace"))
    assert words == ["the", "cat", "sat", ".", "longer-word-than-fits", "mat", "<unk>"]
    assert stream.tolist() == [0, 1, 2, 3, 4, 0, 5, 6, 0, 1, 7, 0]
    _, kept = read_stream([str(text)], Tokenization(kind="whitespace"), keep_empty=True)
    assert kept.tolist() == [0, 1, 2, 3, 4, 0, 0, 5, 6, 0, 0, 1, 7, 0]


def test_evaluate_counts_as_the_literature(model: Path, text: Path) -> None:
    saved = load_model(model, with_head=True)
    found = evaluate(saved, [str(text)], stateful=True, keep_empty_lines=True)
    assert (found["predictions"], found["words"], found["sentences"]) == (13, 8, 5)
    assert found["out_of_vocabulary_share"] == pytest.approx(4 / 8)  # sat, longer-word-than-fits, mat, <unk>
    assert evaluate(saved, [str(text)])["predictions"] == 11


def test_without_unknown_words(tmp_path: Path, model: Path) -> None:
    """The predictions of known words and boundaries alone, and bits per character of the words that are counted."""
    path = tmp_path / "one.txt"
    path.write_text("the cat sat .\nmat\n", encoding="utf-8")
    saved = load_model(model, with_head=True)
    found = evaluate(saved, [str(path)])
    known = found["without_unknown"]
    assert (found["predictions"], known["predictions"]) == (7, 5)  # without sat and mat
    bilm, head = make()
    chars = encode_words(["the", "cat", "sat", ".", "mat"], 10)
    nats = np.zeros(2)
    with torch.no_grad():
        for stream in ([0, 1, 2, 3, 4, 0], [0, 5, 0]):
            score = stream_perplexity(
                bilm, head, np.array(stream, dtype=np.int32), chars, np.array([0, 2, 3, 1, 4, 1]), stateful=False
            )
            assert score.known is not None
            nats += (
                score.mean_nats * score.num_predictions,
                score.known.mean_nats * score.known.num_predictions,
            )
    assert found["forward_nats"] + found["backward_nats"] == pytest.approx(2 * nats[0] / 7, rel=1e-5)
    assert known["forward_nats"] + known["backward_nats"] == pytest.approx(2 * nats[1] / 5, rel=1e-5)
    assert found["bits_per_character"] == pytest.approx(nats[0] / np.log(2) / len("the cat sat . mat "), rel=1e-5)
    assert known["bits_per_character"] == pytest.approx(nats[1] / np.log(2) / len("the cat . "), rel=1e-5)


def test_command_prints_json(model: Path, text: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evaluate_command(str(model), str(text), stateful=True, quiet=True)
    output = capsys.readouterr()
    found = json.loads(output.out)
    expected = evaluate(load_model(model, with_head=True), [str(text)], stateful=True)
    assert {key: found[key] for key in expected} == expected
    assert found["model"] == str(model) and output.err == ""
    evaluate_command(str(model), str(text), tokenizer="words")
    output = capsys.readouterr()
    assert json.loads(output.out)["words"] > 8 and "word" in output.err


def test_command_errors(model: Path, text: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "blank.txt").write_text("\n \n")
    (tmp_path / "latin.txt").write_bytes(b"the cat\nna\xefve\n")
    for name, match in [
        ("nothing.txt", "nothing.txt: expected a file"),
        ("empty.txt", "found an empty file"),
        ("blank.txt", "blank.txt: expected at least one sentence, found none"),
        ("latin.txt", "latin.txt, line 2, byte 10: expected UTF-8"),
        ("model", "expected a corpus directory"),
    ]:
        with pytest.raises(CorpusError, match=match):
            evaluate_command(str(model), str(tmp_path / name), quiet=True)
    with pytest.raises(ConfigError, match="device: expected auto, cpu, cuda, cuda:N or mps, found abacus"):
        evaluate_command(str(model), str(text), device="abacus")
    save_model(tmp_path / "bare", make()[0], Tokenization(kind="whitespace"))
    with pytest.raises(CheckpointError, match="lm_head.safetensors"):
        evaluate_command(str(tmp_path / "bare"), str(text))
    with pytest.raises(CheckpointError, match="found an encoder alone"):
        evaluate(SavedModel(make()[0], Tokenization(kind="whitespace")), [str(text)])


def test_held_out_part_of_a_corpus(model: Path, text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = CorpusSettings(tokenization=Tokenization(kind="whitespace"), vocabulary_size=4, max_characters=20)
    (tmp_path / "train.txt").write_text(text.read_text())
    build_corpus([str(tmp_path / "train.txt")], tmp_path / "corpus", settings, held_out=[str(text)])
    evaluate_command(str(model), str(tmp_path / "corpus"), quiet=True)
    on_corpus = json.loads(capsys.readouterr().out)
    on_text = evaluate(load_model(model, with_head=True), [str(text)])
    assert on_corpus["predictions"] == on_text["predictions"]
    for direction in ("forward", "backward"):
        assert on_corpus[f"{direction}_nats"] == pytest.approx(on_text[f"{direction}_nats"], abs=1e-6)
    (tmp_path / "one.txt").write_text("the cat sat\n")
    build_corpus([str(tmp_path / "one.txt")], tmp_path / "all", settings)
    with pytest.raises(CorpusError, match="expected a held-out part, found none"):
        evaluate_command(str(model), str(tmp_path / "all"), quiet=True)


@pytest.mark.parametrize(("tokenizer", "words"), [(None, 4), ("words", 4), ("whitespace", 1)])
def test_the_segmenter_of_the_model_is_used(
    tokenizer: Any, words: int, tmp_path: Path, segmenters: Segmenters, capsys: pytest.CaptureFixture[str]
) -> None:
    segmenters.install("jieba")
    save_model(tmp_path / "model", make()[0], Tokenization(segmenter="jieba"), VOCABULARY, make()[1])
    (tmp_path / "text.txt").write_text("我们今天学习。\n", encoding="utf-8")
    evaluate_command(str(tmp_path / "model"), str(tmp_path / "text.txt"), tokenizer=tokenizer, quiet=True)
    assert json.loads(capsys.readouterr().out)["words"] == words
