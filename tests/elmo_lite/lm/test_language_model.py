"""Next words and blanks against the head's full softmax, and what is refused."""

import math
from pathlib import Path

import pytest
import torch

import elmo_lite
from elmo_lite.errors import CheckpointError, ConfigError, CorpusError
from elmo_lite.lm.language_model import LanguageModel
from elmo_lite.nn.bilm import DIRECTIONS, Direction
from elmo_lite.nn.lm_head import LMHead
from elmo_lite.saved_model.checkpoint import save_model
from elmo_lite.text.tokenization import Tokenization
from elmo_lite.text.vocabulary import Vocabulary
from tests.elmo_lite.lm.tiny import CONFIG, VOCABULARY, language_model, make, plain, saved


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("prompt", ["", "the cat", "Zoe sat on", ["a", "dog"], "the cat\nand a dog"])
def test_next_words_are_the_full_softmax(direction: Direction, prompt: str | list[str]) -> None:
    lm = language_model()
    sentences = [prompt] if isinstance(prompt, list) else [line.split() for line in prompt.split("\n")]
    read = sentences[-1] if direction == "forward" else sentences[0][::-1]
    expected = plain(lm, [read], direction)
    found = lm.next_words(prompt, None, direction)
    assert math.fsum(probability for _, probability in found) == pytest.approx(1, abs=1e-9)
    assert sorted(word for word, _ in found) == sorted(VOCABULARY)
    for word, probability in found:
        number = 0 if word == "</S>" else VOCABULARY.class_of(word)
        assert probability == pytest.approx(expected[number].exp().item(), rel=1e-4)
    assert found == sorted(found, key=lambda one: -one.probability)
    assert lm.next_words(prompt, 3, direction) == found[:3]
    assert lm.next_words(prompt, 1000, direction) == found


def test_a_blank_is_filled_by_both_directions() -> None:
    lm = language_model()
    found = lm.fill("the cat ___ on a mat .", None)
    forward, backward = plain(lm, [["the", "cat"]]), plain(lm, [[".", "mat", "a", "on"]], "backward")
    unigram = lm.head.bias.double().softmax(dim=0)
    weights = forward.exp() * backward.exp() / unigram
    weights[0] = 0  # a boundary cannot be inside of a sentence
    expected = dict(zip(VOCABULARY, (weights / weights.sum()).tolist(), strict=True))
    assert math.fsum(probability for _, probability in found) == pytest.approx(1, abs=1e-9)
    assert dict(found) == pytest.approx(expected, rel=1e-4)
    assert found[-1].word == "</S>" and lm.fill("the cat ___ on a mat .", 2) == found[:2]


def test_equal_biases_give_the_plain_product() -> None:
    bilm, head = make()
    torch.nn.init.constant_(head.bias.detach(), 3.0)
    lm = LanguageModel(bilm, head, VOCABULARY, Tokenization(kind="whitespace"))
    weights = (plain(lm, [["the"]]) + plain(lm, [["sat"]], "backward")).exp()
    weights[0] = 0
    expected = dict(zip(VOCABULARY, (weights / weights.sum()).tolist(), strict=True))
    assert dict(lm.fill("the ____ sat", None)) == pytest.approx(expected, rel=1e-4)


def test_a_blank_at_either_end_and_in_the_second_sentence() -> None:
    lm = language_model()
    for text in ("___ cat", "the ___", "___", "a dog\n___ cat"):
        assert math.fsum(p for _, p in lm.fill(text, None)) == pytest.approx(1, abs=1e-9)
    assert lm.fill("a dog\n___ cat") == lm.fill(["___", "cat"])


@pytest.mark.parametrize(("text", "number"), [("the cat", 0), ("the ___ and a ___", 2), ("the__cat __", 0)])
def test_one_blank_is_needed(text: str, number: int) -> None:
    with pytest.raises(ConfigError, match=f"text: expected one blank, the word ___, found {number}$"):
        language_model().fill(text)


def test_long_prompts_are_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    lm, prompt = language_model(), ["the", "cat", "sat", "on", "a", "mat", "and"] * 3
    expected = dict(lm.next_words(prompt, None))
    monkeypatch.setattr("elmo_lite.lm.predictor._CHUNK", 4)
    assert dict(lm.next_words(prompt, None)) == pytest.approx(expected, rel=1e-5)


def test_settings_are_checked() -> None:
    lm = language_model()
    with pytest.raises(ConfigError, match="top_k: expected 1 or more, found 0"):
        lm.next_words("the", 0)
    with pytest.raises(ConfigError, match="top_k: expected 1 or more, found 0"):
        lm.fill("the ___", 0)
    with pytest.raises(ConfigError, match="direction: expected forward or backward, found 'sideways'"):
        lm.next_words("the", direction="sideways")  # type: ignore[arg-type]
    with pytest.raises(CorpusError, match="word 1: expected a string, found int 3"):
        lm.next_words(["the", 3])  # type: ignore[list-item]


def test_from_pretrained(tmp_path: Path) -> None:
    lm = elmo_lite.LanguageModel.from_pretrained(saved(tmp_path / "model"))
    assert repr(lm).startswith(f"LanguageModel({tmp_path / 'model'}: 3 layers") and repr(lm).endswith("12 classes)")
    assert dict(lm.next_words("the")) == pytest.approx(dict(language_model().next_words("the")), rel=1e-5)
    assert not any(weight.requires_grad for weight in [*lm.bilm.parameters(), *lm.head.parameters()])


def test_without_a_head_it_says_how_to_get_one(tmp_path: Path) -> None:
    save_model(tmp_path / "bare", make()[0], Tokenization(kind="whitespace"), VOCABULARY)
    with pytest.raises(CheckpointError, match="bare: expected a model with its language model head.*pretrain --init"):
        LanguageModel.from_pretrained(tmp_path / "bare")


def test_head_and_vocabulary_agree() -> None:
    bilm, head = make()
    for vocabulary, rows in ((Vocabulary(["the"]), head), (Vocabulary([]), LMHead(2, CONFIG.dim))):
        with pytest.raises(CheckpointError, match="expected one class per head row, a word among them"):
            LanguageModel(bilm, rows, vocabulary, Tokenization())


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_weights_that_are_not_finite(value: float) -> None:
    lm = language_model()
    with torch.no_grad():
        lm.head.weight[3, 0] = value
    for call in (
        lambda: lm.next_words("the"),
        lambda: lm.fill("the ___"),
        lambda: lm.generate("the"),
        lambda: lm.score(["the cat"]),
    ):
        with pytest.raises(CheckpointError, match="expected finite weights, found infinite ones or NaN"):
            call()


def test_unknown_words() -> None:
    assert language_model().unknown_words(["the", "Zoe", "cat", "Zoe", "<unk>"]) == ["Zoe", "<unk>"]
