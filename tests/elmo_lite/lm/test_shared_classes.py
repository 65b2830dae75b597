"""Two models over the classes they share, against a plain loop in float64; and ``elmo-lite evaluate --against``."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from elmo_lite.corpus.builder import CorpusSettings, build_corpus
from elmo_lite.errors import CheckpointError
from elmo_lite.lm.evaluate import evaluate, evaluate_command, read_stream
from elmo_lite.lm.shared_classes import SharedHead, compare, shared_score, shared_words
from elmo_lite.nn import sampled_softmax
from elmo_lite.nn.bilm import BiLM
from elmo_lite.nn.config import BiLMConfig, CharCNNConfig
from elmo_lite.nn.lm_head import LMHead
from elmo_lite.saved_model.checkpoint import SavedModel, load_model, save_model
from elmo_lite.text.characters import encode_words
from elmo_lite.text.tokenization import Tokenization
from elmo_lite.text.vocabulary import Vocabulary

WHITESPACE = Tokenization(kind="whitespace")
TEXT = "the cat sat .\nan owl saw the cat\n<unk> mat .\n"
WORDS = ["the", "cat", "sat", "mat", "on"]


def make(seed: int, words: list[str], dim: int = 12, tokenization: Tokenization = WHITESPACE) -> SavedModel:
    torch.manual_seed(seed)
    cnn = CharCNNConfig(embedding_dim=4, filters=((1, 8), (3, 8)), max_characters=10)
    bilm = BiLM(BiLMConfig(char_cnn=cnn, dim=dim, lstm_dim=dim))
    head = LMHead(len(words) + 2, dim)
    with torch.no_grad():
        for parameter in [*bilm.parameters(), *head.parameters()]:
            parameter.normal_(std=0.5)
    return SavedModel(bilm.eval(), tokenization, Vocabulary(words), head)


ONE = make(0, ["the", "cat", "sat", "."])
OTHER = make(1, ["cat", "owl", "the", "on", "."], dim=8)


@pytest.fixture
def text(tmp_path: Path) -> str:
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")
    return str(tmp_path / "text.txt")


@torch.no_grad()
def plain(model: SavedModel, shared: list[str], backward: bool) -> list[tuple[float, bool]]:
    """Nats of each prediction, and whether the target is shared: one full softmax in float64 after another."""
    assert model.lm_head is not None and model.vocabulary is not None
    bilm, found = model.bilm, []
    table, bias = model.lm_head.weight.double(), model.lm_head.bias.double()
    for line in TEXT.splitlines():
        words: list[str | None] = [None, *line.split(), None]  # None is the boundary token
        words = words[::-1] if backward else words
        state = None
        for word, target in zip(words[:-1], words[1:], strict=True):
            row = (
                bilm.boundary_char_ids[int(backward)] if word is None else torch.from_numpy(encode_words([word], 10)[0])
            )
            direction = "backward" if backward else "forward"
            outputs, state = bilm.run_direction(direction, bilm.token_vectors(row[None])[None], state)  # type: ignore[arg-type]
            probabilities = torch.softmax(table @ outputs[-1][0, 0].double() + bias, dim=0)
            kept = {None: float(probabilities[0])}
            kept |= {name: float(probabilities[model.vocabulary.class_of(name)]) for name in shared}
            is_shared = target in kept
            found.append((-math.log(kept[target] if is_shared else 1 - sum(kept.values())), is_shared))
    return found


@pytest.mark.parametrize("chunk", [1, 1 << 20])
def test_it_is_the_full_softmax_over_shared_classes(text: str, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(sampled_softmax, "CHUNK_NUMBERS", chunk)
    words, stream = read_stream([text], WHITESPACE)
    found = compare(ONE, OTHER, words, stream)
    for name, model in (("model", ONE), ("against", OTHER)):
        score = found["scores"][name]
        for direction in ("forward", "backward"):
            expected = plain(model, ["the", "cat", "."], backward=direction == "backward")
            with_unknown = np.mean([nats for nats, _ in expected])
            without = np.mean([nats for nats, is_shared in expected if is_shared])
            assert score[f"{direction}_nats"] == pytest.approx(with_unknown, abs=1e-5)
            assert score["without_unknown"][f"{direction}_nats"] == pytest.approx(without, abs=1e-5)
            assert score["without_unknown"][f"{direction}_perplexity"] == pytest.approx(math.exp(without), rel=1e-5)
    counts = {name: value for name, value in found.items() if name != "scores"}
    assert counts == {
        "predictions": 15,
        "predictions_without_unknown": 9,
        "words": 12,
        "sentences": 3,
        "out_of_vocabulary_share": 0.5,
        "classes": 5,
        "stateful": False,
    }


def test_a_model_against_itself_is_its_own_evaluation(text: str) -> None:
    words, stream = read_stream([text], WHITESPACE)
    found = compare(ONE, ONE, words, stream, stateful=True)
    alone = evaluate(ONE, [text], stateful=True)
    assert found["scores"]["model"] == found["scores"]["against"]
    for name in ("forward_nats", "backward_nats", "mean_perplexity"):
        assert found["scores"]["model"][name] == pytest.approx(alone[name], rel=1e-6)
    assert {name: found[name] for name in found if name in alone} == {
        name: alone[name] for name in found if name in alone
    }


def test_command(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, model in (("one", ONE), ("other", OTHER), ("raw", make(2, WORDS, tokenization=Tokenization()))):
        save_model(tmp_path / name, model.bilm, model.tokenization, model.vocabulary, model.lm_head)
    one, other = str(tmp_path / "one"), str(tmp_path / "other")
    evaluate_command(one, text, against=other, quiet=True)
    found = json.loads(capsys.readouterr().out)
    expected = compare(
        load_model(one, with_head=True), load_model(other, with_head=True), *read_stream([text], WHITESPACE)
    )
    assert found == {"model": one, "against": other, "text": text, **expected}
    build_corpus(
        [text], tmp_path / "corpus", CorpusSettings(tokenization=WHITESPACE, max_characters=10), held_out=[_copy(text)]
    )
    evaluate_command(one, str(tmp_path / "corpus"), against=other, quiet=True)
    held_out = json.loads(capsys.readouterr().out)
    expected_nats = found["scores"]["against"]["forward_nats"]
    assert held_out["scores"]["against"]["forward_nats"] == pytest.approx(expected_nats, abs=1e-6)
    with pytest.raises(CheckpointError, match="expected the other model's tokenization .*whitespace.*, found .*words"):
        evaluate_command(one, text, against=str(tmp_path / "raw"), quiet=True)
    save_model(tmp_path / "bare", ONE.bilm, WHITESPACE)
    with pytest.raises(CheckpointError, match=r"lm_head\.safetensors"):
        evaluate_command(one, text, against=str(tmp_path / "bare"), quiet=True)
    bare = SavedModel(ONE.bilm, WHITESPACE)
    with pytest.raises(CheckpointError, match="found an encoder alone"):
        compare(ONE, bare, *read_stream([text], WHITESPACE))
    with pytest.raises(CheckpointError, match="found an encoder alone"):
        shared_score(bare, [], *read_stream([text], WHITESPACE))


def _copy(text: str) -> str:
    path = Path(text).with_name("held_out.txt")
    path.write_bytes(Path(text).read_bytes())
    return str(path)


def all_probabilities(head: torch.nn.Module, states: torch.Tensor, num_classes: int) -> torch.Tensor:
    columns = [head.log_probabilities(states, torch.full((len(states),), k)).exp() for k in range(num_classes)]
    return torch.stack(columns, dim=1)


def test_with_all_words_it_is_the_softmax() -> None:
    states, head = torch.randn(6, 12), make(3, WORDS).lm_head
    assert head is not None
    shared = SharedHead(head, Vocabulary(WORDS), WORDS)
    torch.testing.assert_close(all_probabilities(shared, states, 7), all_probabilities(head, states, 7))


def test_other_words_count_as_unknown() -> None:
    states, head = torch.randn(6, 12), make(3, WORDS).lm_head
    assert head is not None
    full = all_probabilities(head, states, 7)
    shared = all_probabilities(SharedHead(head, Vocabulary(WORDS), ["sat", "cat"]), states, 4)
    torch.testing.assert_close(shared.sum(dim=1), torch.ones(6))
    torch.testing.assert_close(shared[:, [0, 2, 3]], full[:, [0, 4, 3]])
    torch.testing.assert_close(shared[:, 1], full[:, [1, 2, 5, 6]].sum(dim=1))


def test_shared_words_keep_the_first_order() -> None:
    assert shared_words([Vocabulary(["b", "a", "c"]), Vocabulary(["a", "d", "b"])]) == ["b", "a"]
