"""Words and sentences: samples of several languages, offsets, nothing lost."""

import string
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex
from tokenizers.pre_tokenizers import Split

from elmo_lite.errors import ConfigError
from elmo_lite.text.segmentation import _pattern, _rules
from elmo_lite.text.segmenters import SEGMENTERS
from elmo_lite.text.tokenization import Tokenization
from elmo_lite.text.unspaced import UNSPACED

RAW = Tokenization()
TOKENISED = Tokenization(kind="whitespace")

# Letters with marks, digits, stops, quotes, joiners, emoji and several kinds of blanks come together often.
LIKELY = "abN'’tsé e\u0301.!?。」\"-  \u00a0\u3000\t\r\n12,क्षि中ไ\u200d👩👍🏽@#_<>/:"
TEXT = st.text(st.one_of(st.sampled_from(LIKELY), st.characters(codec="utf-8")), max_size=60)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I don't think it's 1,000.", ["I", "do", "n't", "think", "it", "'s", "1,000", "."]),
        ("He can’t, O'Brien’s dog won't.", "He ca n’t , O'Brien ’s dog wo n't .".split()),
        ("self-made (3.14) 10:30 1990s 5th", "self - made ( 3.14 ) 10:30 1990s 5th".split()),
        ("Mr. J. Smith of the U.S., e.g. Dr. No...", "Mr. J. Smith of the U.S. , e.g. Dr. No ...".split()),
        ("see https://a.org/b?c=1, me@x.org @you #tag", "see https://a.org/b?c=1 , me@x.org @you #tag".split()),
        ("an <unk> word", ["an", "<unk>", "word"]),
        ("👨‍👩‍👧😀👍🏽 🇩🇪", ["👨‍👩‍👧", "😀", "👍🏽", "🇩🇪"]),
        ("Она жила в г. Туле, т.е. далеко.", "Она жила в г. Туле , т.е. далеко .".split()),
        ("क्षेत्र में हिन्दी।", ["क्षेत्र", "में", "हिन्दी", "।"]),
        ("我爱北京。", ["我", "爱", "北", "京", "。"]),
        ("كِتَابٌ جديد، أليس كذلك؟", ["كِتَابٌ", "جديد", "،", "أليس", "كذلك", "؟"]),
        ("می‌خواهم", ["می‌خواهم"]),
        ("สวัสดี", ["ส", "วั", "ส", "ดี"]),
    ],
)
def test_words_of_raw_text(text: str, expected: list[str]) -> None:
    """Punctuation apart; numbers, abbreviations, addresses, emoji and letters with their marks whole."""
    assert RAW.words(text) == expected


def test_whitespace_takes_a_sentence_a_line() -> None:
    """Nothing is split but at blanks; blank lines count only when asked."""
    text = "Don't split.  This !\r\n \nNext\n\n"
    assert TOKENISED.sentences(text) == [["Don't", "split.", "This", "!"], ["Next"]]
    assert TOKENISED.sentences(text, keep_empty=True) == [["Don't", "split.", "This", "!"], [], ["Next"], []]
    assert TOKENISED.words_with_offsets("ab  c") == [("ab", 0, 2), ("c", 4, 5)]
    assert RAW.sentences("A b.\n\nC", keep_empty=True) == [["A", "b", "."], [], ["C"]]


def test_normalisation_leaves_offsets_to_the_text_as_given() -> None:
    """A decomposed letter is one composed letter in the word, two characters in the text."""
    text = "un e\u0301te\u0301 ici"
    assert RAW.words_with_offsets(text) == [("un", 0, 2), ("été", 3, 8), ("ici", 9, 12)]
    assert Tokenization(normalization="none").words(text)[1] == "e\u0301te\u0301"
    assert TOKENISED.words("e\u0301") == ["e\u0301"]
    assert RAW.normalize("e\u0301") == "é"


def test_sentences_keep_the_offsets_of_their_words() -> None:
    """Offsets refer to the whole text, line ends of Windows and emoji included."""
    text = "Hi 👍🏽 é.\r\nAl left. Bo came."
    found = RAW.sentences_with_offsets(text)
    assert [[text[start:end] for _, start, end in sentence] for sentence in found] == [
        ["Hi", "👍🏽", "é", "."],
        ["Al", "left", "."],
        ["Bo", "came", "."],
    ]
    assert found[1][0] == ("Al", 10, 12)


@given(TEXT)
@settings(deadline=None, max_examples=300)
def test_nothing_but_blanks_is_lost(text: str) -> None:
    """Offsets rise, give the words, cover every character that is no blank; sentences have the same words."""
    for tokenization in (RAW, TOKENISED, Tokenization(normalization="none")):
        found = tokenization.words_with_offsets(text)
        assert [tokenization.normalize(text[start:end]) for _, start, end in found] == [word for word, _, _ in found]
        covered = [index for _, start, end in found for index in range(start, end)]
        assert covered == [index for index, character in enumerate(text) if not character.isspace()]
        words = [word for word, _, _ in found]
        assert tokenization.words(text) == words
        sentences = tokenization.sentences(text)
        assert all(sentences)
        assert [word for sentence in sentences for word in sentence] == words
        placed = tokenization.sentences_with_offsets(text)
        assert [[word for word, _, _ in sentence] for sentence in placed] == sentences
        assert [word for sentence in placed for word in sentence] == found
        assert all(word and not any(c.isspace() for c in word) for word in words)


@given(st.text(st.sampled_from(string.ascii_letters), min_size=1, max_size=12))
@settings(deadline=None, max_examples=200)
def test_the_short_way_for_ascii_letters_agrees_with_the_expression(word: str) -> None:
    """Words of ASCII letters skip the pre-tokeniser, which would find the same."""
    assert [piece for piece, _ in _rules(None).pre_tokenize_str(word)] == [word]
    assert RAW.words(word) == [word]


@given(TEXT)
@settings(deadline=None, max_examples=100)
def test_marks_never_stand_at_the_begin_of_a_word_after_a_letter(text: str) -> None:
    """A combining mark stays with the letter before it."""
    for _, start, _ in Tokenization(normalization="none").words_with_offsets(text):
        if start and unicodedata.category(text[start]) in ("Mn", "Mc"):
            assert not text[start - 1].isalpha()


@pytest.mark.parametrize(
    ("piece", "words", "sentences"),
    [
        ("a", 1, 1),
        ("a-", 200_000, 1),
        ("ab.", 133_332, 1),
        ("中", 200_000, 1),
        ("1,", 2, 1),
        ("!", 1, 1),
        ("a'", 2, 1),
        ("@a", 100_000, 1),
        ("👩\u200d", 1, 1),
        ("。", 200_000, 1),
        ("中。」", 199_998, 66_666),
        ("🇩", 100_000, 1),
        ("🇩\u0301🇪", 66_667, 1),
        ("-\u0301\u0323", 66_666, 1),
        ("http://a", 1, 1),
        ("a@b.", 150_000, 1),
        ("a\u00a0", 100_000, 1),
    ],
)
def test_long_chunks_take_time_that_grows_with_their_length_only(piece: str, words: int, sentences: int) -> None:
    """Text without blanks, 200,000 characters of it, is no trap (quadratic time would be minutes to hours)."""
    text = piece * (200_000 // len(piece))
    found = Tokenization(normalization="none").sentences(text)
    assert (sum(map(len, found)), len(found)) == (words, sentences)
    assert "".join(word for sentence in found for word in sentence) == "".join(text.split())


@given(st.text(st.sampled_from("🇩🇪🇫a-中\u0301\ufe0f\u200d\u0600\u0903👩👍🏽。"), max_size=40))
@settings(deadline=None, max_examples=300)
def test_flags_are_the_grapheme_clusters_of_the_expression(text: str) -> None:
    """The alternative for flags, which is fast in long rows of them, finds what the last alternative would find."""
    pattern = _pattern(UNSPACED)
    assert pattern.split("|")[-1] == r"\X"
    without = "|".join(part for part in pattern.split("|") if "1F1E6" not in part)
    plain = Split(Regex(without), behavior="isolated")
    assert _rules(None).pre_tokenize_str(text) == plain.pre_tokenize_str(text)


def test_a_lone_surrogate_is_a_word() -> None:
    """No UTF-8 has one, but a string may; encoded words keep it too."""
    assert RAW.words_with_offsets("a \ud800b 中\udfff.") == [
        ("a", 0, 1),
        ("\ud800", 2, 3),
        ("b", 3, 4),
        ("中", 5, 6),
        ("\udfff", 6, 7),
        (".", 7, 8),
    ]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        # Vietnamese puts a space between syllables, so each syllable is a word: two for "student".
        ("Sinh viên đọc sách. Trời đẹp!", ["Sinh viên đọc sách .", "Trời đẹp !"]),
        # Arabic writes "and", "with" and "the" with the next word: they stay there.
        ("وذهبت إلى المدينة بالسيارة. هل وصلت؟ نعم.", ["وذهبت إلى المدينة بالسيارة .", "هل وصلت ؟", "نعم ."]),
        ("वह घर गया। क्या वह आया? हाँ॥ ठीक", ["वह घर गया ।", "क्या वह आया ?", "हाँ ॥", "ठीक"]),
        ("وہ گھر گیا۔ کیا وہ آیا؟ جی۔", ["وہ گھر گیا ۔", "کیا وہ آیا ؟", "جی ۔"]),
        # Neither Thai nor Lao marks the end of a sentence.
        ("ไป มา\nดี", ["ไ ป ม า", "ดี"]),
        ("មក។ ទៅ។", ["ម ក ។", "ទៅ ។"]),
    ],
)
def test_languages(text: str, sentences: list[str]) -> None:
    """What the table of languages in docs/formats.md says."""
    assert [" ".join(words) for words in RAW.sentences(text)] == sentences


def test_the_segmenter_is_stored_only_where_there_is_one() -> None:
    """Corpora and models without one are stored as before there were any."""
    assert RAW.to_dict() == {"kind": "words", "normalization": "NFC", "rules": 2}
    assert list(TOKENISED.to_dict()) == ["kind", "normalization", "rules"]
    for segmenter in SEGMENTERS:
        tokenization = Tokenization(segmenter=segmenter)
        assert tokenization.to_dict() == {**RAW.to_dict(), "segmenter": segmenter}
        assert Tokenization.from_dict(tokenization.to_dict()) == tokenization != RAW
        assert str(tokenization) == f"words by {segmenter}" and str(RAW) == "words"


def test_a_segmenter_is_one_of_those_known_and_for_raw_text() -> None:
    with pytest.raises(ConfigError, match=r"tokenization\.segmenter: expected one of jieba, .*, icu, found 'mecab'"):
        Tokenization(segmenter="mecab")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"tokenization\.segmenter: expected none with whitespace, found 'icu'"):
        Tokenization(kind="whitespace", segmenter="icu")
    for wrong in ("mecab", 3, "", ["jieba"]):
        with pytest.raises(ConfigError, match=r"tokenization\.segmenter: expected one of jieba"):
            Tokenization.from_dict({"kind": "words", "segmenter": wrong})
    with pytest.raises(ConfigError, match="segmenter: expected none with whitespace"):
        Tokenization.from_dict({"kind": "whitespace", "segmenter": "icu"})


def test_the_kind_may_be_changed() -> None:
    """The kind it has already changes nothing."""
    tokenization = Tokenization(segmenter="jieba", normalization="none")
    assert tokenization.with_kind(None) is tokenization.with_kind("words") is tokenization
    assert tokenization.with_kind("whitespace") == TOKENISED and TOKENISED.with_kind("words") == RAW


def test_settings_round_trip_and_fail_by_name() -> None:
    """What is stored gives the same tokenisation; rules of the future and misspellings are refused."""
    for tokenization in (RAW, TOKENISED, Tokenization(normalization="none")):
        assert Tokenization.from_dict(tokenization.to_dict()) == tokenization
    with pytest.raises(ConfigError, match=r"tokenization\.kind.*'word'"):
        Tokenization(kind="word")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"normalization: expected none or NFC"):
        Tokenization(normalization="NFD")  # type: ignore[arg-type]
    for wrong in (0, 99, "1", True, None):
        with pytest.raises(ConfigError, match=r"tokenization\.rules: expected"):
            Tokenization.from_dict({"kind": "words", "normalization": "NFC", "rules": wrong})
    with pytest.raises(ConfigError, match="found"):
        Tokenization.from_dict({"kinds": "words"})
