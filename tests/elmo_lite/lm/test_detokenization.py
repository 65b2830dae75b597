"""Words back to prose, whole and word by word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elmo_lite.lm.detokenization import ProseStream, prose
from elmo_lite.text.tokenization import Tokenization

TEXTS = [
    "I don't know, she said (in 1990).",
    "It's a well-known fact: the cat's tail costs $5, or 5%.",
    '"Hello," he said, "and goodbye."',
    "He'd said 'yes' and 'no'.",
    'The students\' books were "new"; they cost 3,000 [sic].',
    "“Hello,” he said… “What?”",
    "„Ja“, sagte er; »nein« nicht.",
    "Il dit «oui». «Non.»",
    "and/or, 1990–1995, well – known, he—she",
    "They won’t, we’ll; U.S. law.",
    'It ended here."',
    "¿Qué? ¡No!",
    "我們去。",
    "ภาษาไทย and English",
    "- 5 and -",
    "a-",
    "The -ing form",
    "",
]


@pytest.mark.parametrize("text", TEXTS)
def test_tokenisation_is_undone(text: str) -> None:
    words = Tokenization().words(text)
    expected = {"- 5 and -": "- 5 and -", "a-": "a -", "The -ing form": "The-ing form"}.get(text, text)
    assert prose([words]) == expected


WORDS = st.lists(st.lists(st.sampled_from([*"\"'-–—/.,!?()“”„«»’a5", "n't", "'s", "the", "dogs", "去"]), max_size=8))


@given(WORDS)
def test_word_by_word_is_the_whole(sentences: list[list[str]]) -> None:
    stream, text = ProseStream(), ""
    for sentence in sentences:
        for word in (*sentence, None):
            text += stream.add(word)
    assert text + stream.end() == prose(sentences)
    assert "".join(text.split()) == "".join(word for sentence in sentences for word in sentence), "no word is lost"


def test_sentences_are_apart() -> None:
    assert prose([["Yes", "."], [], ['"', "No", "!", '"']]) == 'Yes. "No!"'


def test_a_hyphen_waits_for_what_follows() -> None:
    stream = ProseStream()
    assert [stream.add(word) for word in ("well", "-", "known", "-", None)] == ["well", "", "-known", "", " -"]
