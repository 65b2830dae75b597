"""Perplexity against a plain loop over words, and the command on text files."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from elmo_lite.corpus.builder import CorpusSettings, build_corpus
from elmo_lite.errors import CheckpointError, ConfigError, CorpusError
from elmo_lite.lm.perplexity import LMScore, _Words, evaluate, evaluate_command, read_stream, stream_perplexity
from elmo_lite.nn.bilm import BiLM
from elmo_lite.nn.config import BiLMConfig, CharCNNConfig
from elmo_lite.nn.lm_head import LMHead
from elmo_lite.saved_model.checkpoint import SavedModel, load_model, save_model
from elmo_lite.text.characters import encode_words
from elmo_lite.text.tokenization import Tokenization
from elmo_lite.text.vocabulary import Vocabulary

CONFIG = BiLMConfig(
    char_cnn=CharCNNConfig(embedding_dim=4, filters=((1, 8), (3, 8)), max_characters=10),
    dim=12,
    lstm_dim=12,
    dropout=0.5,
)
WORDS = ["the", "cat", "sat", "on", "mat", "longer-word-than-fits", "."]
VOCABULARY = Vocabulary(["the", "cat", "."])
CLASSES = np.array([0, *map(VOCABULARY.class_of, WORDS)])
CHAR_IDS = encode_words(WORDS, 10)


def make() -> tuple[BiLM, LMHead]:
    torch.manual_seed(0)
    bilm, head = BiLM(CONFIG), LMHead(len(VOCABULARY), CONFIG.dim)
    with torch.no_grad():
        for parameter in [*bilm.parameters(), *head.parameters()]:
            parameter.normal_(std=0.5)
    return bilm.eval(), head


def stream_of(sentences: list[list[int]]) -> np.ndarray:
    return np.array([0, *(i for sentence in sentences for i in [*sentence, 0])], dtype=np.int32)


@torch.no_grad()
def plain(bilm: BiLM, head: LMHead, stream: list[int], stateful: bool) -> tuple[float, float, int]:
    """One word at a time, each log probability from a softmax of its own."""
    totals, count = [], 0
    for direction, boundary in (("forward", 0), ("backward", 1)):
        ids = list(stream) if direction == "forward" else list(stream)[::-1]
        total, state, count = 0.0, None, 0
        for word, following in zip(ids[:-1], ids[1:], strict=True):
            if word == 0 and not stateful:
                state = None
            row = bilm.boundary_char_ids[boundary] if word == 0 else torch.from_numpy(CHAR_IDS[word - 1])
            outputs, state = bilm.run_direction(direction, bilm.token_vectors(row[None])[None], state)  # type: ignore[arg-type]
            logits = outputs[-1][0, 0] @ head.weight.T + head.bias
            total -= float(torch.log_softmax(logits, dim=0)[CLASSES[following]])
            count += 1
        totals.append(total / count)
    return totals[0], totals[1], count


SENTENCES = st.lists(st.lists(st.integers(1, len(WORDS)), max_size=9), min_size=1, max_size=8)


@settings(max_examples=20, deadline=None)
@given(SENTENCES, st.booleans(), st.integers(1, 40))
def test_score_is_the_plain_loop(sentences: list[list[int]], stateful: bool, batch_positions: int) -> None:
    bilm, head = make()
    stream = stream_of(sentences)
    score = stream_perplexity(bilm, head, stream, CHAR_IDS, CLASSES, stateful=stateful, batch_positions=batch_positions)
    forward, backward, count = plain(bilm, head, stream.tolist(), stateful)
    assert score.num_predictions == count == sum(len(sentence) + 1 for sentence in sentences)
    assert score.forward_nats == pytest.approx(forward, abs=1e-5)
    assert score.backward_nats == pytest.approx(backward, abs=1e-5)
    assert score.forward_perplexity == pytest.approx(math.exp(forward), rel=1e-4)


LONG = stream_of([[1, 2, 3, 4, 1, 5, 7], [], [6], [2, 2, 7], [1, 5, 3, 7]] * 9)


def score_long(**options: Any) -> LMScore:
    return stream_perplexity(*make(), LONG, CHAR_IDS, CLASSES, **options)


def test_rows_are_near_and_count_all() -> None:
    exact, rows = score_long(stateful=True), score_long(stateful=True, rows=4)
    assert rows.num_predictions == exact.num_predictions == len(LONG) - 1
    assert rows.forward_nats == pytest.approx(exact.forward_nats, rel=0.05)
    assert rows.forward_nats != exact.forward_nats
    assert score_long(stateful=True, rows=10_000).num_predictions == len(LONG) - 1
    assert score_long(stateful=False, rows=4) == score_long(stateful=False)


def test_max_words_ends_with_a_sentence() -> None:
    bilm, head = make()
    cut = score_long(stateful=True, max_words=30)
    assert cut.num_predictions == 29
    expected = stream_perplexity(bilm, head, LONG[:30], CHAR_IDS, CLASSES, stateful=True)
    assert cut == expected
    assert score_long(stateful=False, max_words=1).num_predictions == 8  # a whole sentence at least
    assert score_long(stateful=False, max_words=10**9) == score_long(stateful=False)


def test_mode_is_kept_and_dropout_is_off() -> None:
    bilm, head = make()
    bilm.train()
    first = stream_perplexity(bilm, head, LONG, CHAR_IDS, CLASSES, stateful=False)
    assert bilm.training and first == score_long(stateful=False)


def test_words_beyond_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [score_long(stateful=stateful) for stateful in (False, True)]
    monkeypatch.setattr(_Words, "MAX_REMEMBERED", 0)
    for stateful, one in zip((False, True), expected, strict=True):
        found = score_long(stateful=stateful)
        assert found.forward_nats == pytest.approx(one.forward_nats, abs=1e-6)
        assert found.backward_nats == pytest.approx(one.backward_nats, abs=1e-6)


def test_autocast_is_near() -> None:
    exact, half = score_long(stateful=True), score_long(stateful=True, autocast=torch.bfloat16)
    assert half.mean_nats == pytest.approx(exact.mean_nats, abs=0.05)


def test_no_sentence() -> None:
    with pytest.raises(CorpusError, match="expected at least one sentence, found 0 words"):
        stream_perplexity(*make(), np.zeros(1, dtype=np.int32), CHAR_IDS, CLASSES, stateful=False)


def test_mean_and_overflow() -> None:
    score = LMScore(2.0, 4.0, 7)
    assert score.mean_nats == 3 and score.mean_perplexity == pytest.approx(math.exp(3))
    assert LMScore(1e4, 1.0, 1).forward_perplexity == math.inf


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
    with pytest.raises(ConfigError, match="device: expected one that torch can use"):
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
