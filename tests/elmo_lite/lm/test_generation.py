"""Generation against reading the whole prefix again for each word."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from elmo_lite.errors import ConfigError
from elmo_lite.lm import generation
from elmo_lite.lm.generation import GeneratedText
from elmo_lite.lm.language_model import LanguageModel
from elmo_lite.nn.bilm import DIRECTIONS, Direction
from tests.elmo_lite.lm.tiny import BOUNDARIES, VOCABULARY, language_model, plain

PROMPT = ["the", "Zoe", "sat"]


def plainly(
    lm: LanguageModel, prompt: list[str], num_words: int, seed: int, sample: int, direction: Direction, stateful: bool
) -> list[str | None]:
    """One sample, one word at a time, each from the whole text so far."""
    generator = np.random.default_rng([seed, sample])
    sentences, words, written = [prompt[:: 1 if direction == "forward" else -1]], [], 0
    while written < num_words:
        logits = plain(lm, sentences if stateful else sentences[-1:], direction)
        logits[1] = -torch.inf
        if not sentences[-1]:
            logits[0] = -torch.inf
        cumulative = torch.softmax(logits, dim=0).cumsum(dim=0)
        number = int(torch.searchsorted(cumulative, generator.random() * cumulative[-1], right=True))
        words.append(VOCABULARY.entries[number] if number else None)
        written += number > 0
        if number:
            sentences[-1].append(VOCABULARY.entries[number])
        else:
            sentences.append([])
    return words


@pytest.mark.parametrize("stateful", [False, True])
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("prompt", [[], PROMPT])
def test_states_are_carried(prompt: list[str], direction: Direction, stateful: bool) -> None:
    lm = language_model(std=0.9)
    with torch.no_grad():
        lm.head.bias[0] += 2
    texts = lm.generate(prompt, 12, num_samples=3, seed=5, direction=direction, stateful=stateful)
    assert any(None in text.words for text in texts), "a sentence ends"
    for sample, text in enumerate(texts):
        assert text.words == plainly(lm, list(prompt), 12, 5, sample, direction, stateful)


def test_a_sample_does_not_depend_on_the_number_of_samples() -> None:
    lm = language_model()
    many = [text.words for text in lm.generate(PROMPT, 8, num_samples=2 * generation.ROWS + 3, seed=1)]
    for number in (1, 8, generation.ROWS, generation.ROWS + 1):
        assert [text.words for text in lm.generate(PROMPT, 8, num_samples=number, seed=1)] == many[:number]
    assert len({tuple(words) for words in many}) > 50
    assert [text.words for text in lm.generate(PROMPT, 8, num_samples=3, seed=2)] != many[:3]


def test_without_a_seed_each_call_is_new() -> None:
    lm = language_model()
    assert lm.generate("", 30)[0].words != lm.generate("", 30)[0].words


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_greedy_is_repeated_next(direction: Direction) -> None:
    lm = language_model(std=0.9)
    (text,) = lm.generate(PROMPT, 25, temperature=0, direction=direction)
    sentence, expected = list(PROMPT), []
    while sum(word is not None for word in expected) < 25:
        left_out = {"<unk>"} if sentence else {"<unk>", "</S>"}
        word = next(one for one, _ in lm.next_words(sentence, None, direction) if one not in left_out)
        expected.append(None if word == "</S>" else word)
        if word == "</S>":
            sentence = []
        else:
            sentence = [*sentence, word] if direction == "forward" else [word, *sentence]
    assert text.words == expected


def test_backward_is_forward_of_the_mirrored_model() -> None:
    lm, mirrored = language_model(std=0.9), language_model(std=0.9)
    bilm = mirrored.bilm
    bilm.forward_lstm, bilm.backward_lstm = copy.deepcopy(bilm.backward_lstm), copy.deepcopy(bilm.forward_lstm)
    bilm.boundary_char_ids = bilm.boundary_char_ids.flip(0)
    mirrored = LanguageModel(bilm, mirrored.head, VOCABULARY, mirrored.tokenization)
    back = lm.generate(PROMPT, 20, num_samples=3, seed=3, direction="backward")
    ahead = mirrored.generate(PROMPT[::-1], 20, num_samples=3, seed=3)
    for one, other in zip(back, ahead, strict=True):
        assert one.words == other.words
        assert one.sentences == [sentence[::-1] for sentence in other.sentences[::-1]]
    assert dict(lm.next_words(PROMPT, None, "backward")) == dict(mirrored.next_words(PROMPT[::-1], None))
    assert BOUNDARIES == {"forward": 0, "backward": 1}


def test_the_unknown_word_comes_only_if_asked() -> None:
    lm = language_model()
    with torch.no_grad():
        lm.head.bias[1] += 4  # the most probable class
    words = [word for text in lm.generate("", 40, num_samples=5, seed=0) for word in text.words]
    assert "<unk>" not in words
    words = [word for text in lm.generate("", 40, num_samples=5, seed=0, unknown=True) for word in text.words]
    assert words.count("<unk>") > 100


def test_top_k_of_one_is_greedy() -> None:
    lm = language_model()
    assert lm.generate("the", 20, top_k=1, seed=9)[0].words == lm.generate("the", 20, temperature=0)[0].words


def test_words_are_counted_and_no_sentence_is_empty() -> None:
    lm = language_model()
    with torch.no_grad():
        lm.head.bias[0] += 3  # short sentences
    for text in lm.generate("", 30, num_samples=4, seed=0):
        assert sum(word is not None for word in text.words) == 30
        assert text.words[-1] is not None and text.words[0] is not None
        pairs = zip(text.words, text.words[1:], strict=False)
        assert (None, None) not in list(pairs) and text.words.count(None) > 3
        assert sum(map(len, text.sentences)) == 30 and all(text.sentences)


def test_words_are_told_as_they_are_drawn() -> None:
    told: list[tuple[int, str | None]] = []
    lm = language_model()
    texts = lm.generate("the", 10, num_samples=3, seed=4, on_word=lambda sample, word: told.append((sample, word)))
    for sample, text in enumerate(texts):
        assert [word for number, word in told if number == sample] == text.words
    assert [sample for sample, _ in told[:6]] == [0, 1, 2, 0, 1, 2]


def test_a_prompt_of_sentences() -> None:
    """The nearest sentence is read, unless states are carried; all are part of the text."""
    lm = language_model()
    one = lm.generate("a dog sat\nthe cat", 9, seed=1)[0]
    assert one.words == lm.generate("the cat", 9, seed=1)[0].words
    assert one.sentences[0] == ["a", "dog", "sat"] and one.sentences[1][:2] == ["the", "cat"]
    back = lm.generate("the cat\na dog sat", 9, seed=1, direction="backward")[0]
    assert back.words == lm.generate("the cat", 9, seed=1, direction="backward")[0].words
    assert back.sentences[-1] == ["a", "dog", "sat"] and back.sentences[-2][-2:] == ["the", "cat"]
    carried = lm.generate("a dog sat\nthe cat", 9, seed=1, stateful=True)[0]
    assert carried.words == plainly_after(lm, [["a", "dog", "sat"], ["the", "cat"]], 9)


def plainly_after(lm: LanguageModel, sentences: list[list[str]], num_words: int) -> list[str | None]:
    generator, words = np.random.default_rng([1, 0]), []
    while sum(word is not None for word in words) < num_words:
        logits = plain(lm, sentences)
        logits[1] = -torch.inf
        if not sentences[-1]:
            logits[0] = -torch.inf
        cumulative = torch.softmax(logits, dim=0).cumsum(dim=0)
        number = int(torch.searchsorted(cumulative, generator.random() * cumulative[-1], right=True))
        words.append(VOCABULARY.entries[number] if number else None)
        sentences = [*sentences[:-1], [*sentences[-1], words[-1]]] if number else [*sentences, []]
    return words


def test_text_is_prose() -> None:
    text = GeneratedText([["Hello", "."], ["It"]], "forward", ["'s", "me", ".", None, "Go", "!"])
    assert text.text == "Hello. It's me. Go!"
    back = GeneratedText([["it", "."], ["Yes", "."]], "backward", ["know", "I", None, ".", "No"])
    assert back.text == "No. I know it. Yes."


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_words": 0}, "num_words: expected 1 or more, found 0"),
        ({"num_samples": 0}, "num_samples: expected 1 or more, found 0"),
        ({"seed": -1}, "seed: expected a number in 0..4294967295, found -1"),
        ({"direction": "up"}, "direction: expected forward or backward, found 'up'"),
        ({"top_p": 2}, "top_p: expected a number above 0, at most 1, found 2"),
    ],
)
def test_settings_are_checked(settings: dict[str, Any], message: str) -> None:
    generate: Callable[..., Any] = language_model().generate
    with pytest.raises(ConfigError, match=message):
        generate("the", **settings)
