"""Where sentences end, by script and by version of the rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Regex
from tokenizers.pre_tokenizers import Split

from elmo_lite.text.sentence_ends import MARKS
from elmo_lite.text.tokenization import Tokenization

RAW = Tokenization()
FIRST_RULES = Tokenization(rules=1)
NEW = "".join(sorted(mark for marks in zip(*map(MARKS.get, (1, 2)), strict=True) for mark in marks[1] - marks[0]))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('He asked: "Why?" She left. 25 came.', ['He asked : " Why ? "', "She left .", "25 came ."]),
        ("Mr. Fox met J. R. Hare. It rained.", ["Mr. Fox met J. R. Hare .", "It rained ."]),
        ("Made by Foo Inc. The end.", ["Made by Foo Inc.", "The end ."]),
        ("Foo Inc. Berlin grew. so it did", ["Foo Inc. Berlin grew . so it did"]),
        ("It grew, i.e. Berlin grew! wow", ["It grew , i.e. Berlin grew ! wow"]),
        ("Привет! Как дела? В г. Туле хорошо.", ["Привет !", "Как дела ?", "В г. Туле хорошо ."]),
        ("यह एक वाक्य है। यह दूसरा है।", ["यह एक वाक्य है ।", "यह दूसरा है ।"]),
        ("你好吗？我很好。“走吧！”", ["你 好 吗 ？", "我 很 好 。", "“ 走 吧 ！ ”"]),
        ("كيف حالك؟ أنا بخير.", ["كيف حالك ؟", "أنا بخير ."]),
        ("a line\r\n\r\nbreak ends\n", ["a line", "break ends"]),
    ],
)
def test_sentences_of_raw_text(text: str, expected: list[str]) -> None:
    """A stop ends a sentence where what follows begins one; a line break always does."""
    assert [" ".join(words) for words in RAW.sentences(text)] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ខ្ញុំទៅផ្ទះ។គាត់មក។", ["ខ្ញុំទៅផ្ទះ។", "គាត់មក។"]),
        ("មាន បាយ ទឹក ។ល។ ហើយ។", ["មាន បាយ ទឹក ។ល។", "ហើយ។"]),
        ("သူလာ၊ သွား။ ကောင်းတယ်။", ["သူလာ၊ သွား။", "ကောင်းတယ်။"]),
        ("ᱚᱞ ᱪᱤᱠᱤ᱾ ᱱᱚᱣᱟ᱿", ["ᱚᱞ ᱪᱤᱠᱤ᱾", "ᱱᱚᱣᱟ᱿"]),
        ("ሰላም ነው። እንዴት ነህ፧ ደህና", ["ሰላም ነው።", "እንዴት ነህ፧", "ደህና"]),
        ("ᐃᓄᒃ ᐅᕗᖓ᙮ ᐋᒃᑲ", ["ᐃᓄᒃ ᐅᕗᖓ᙮", "ᐋᒃᑲ"]),
        ("ߒ ߓߘߊ߫ ߕߊ߯߹ ߌ ߣߌ߫", ["ߒ ߓߘߊ߫ ߕߊ߯߹", "ߌ ߣߌ߫"]),
        ("Ես գնացի։ Նա եկավ։", ["Ես գնացի։", "Նա եկավ։"]),
    ],
)
def test_sentences_in_other_scripts(text: str, expected: list[str]) -> None:
    """Khmer and Burmese need no space after a mark; their commas and Khmer "and so on" end nothing."""
    assert RAW.sentences(text) == [RAW.words(sentence) for sentence in expected]


@pytest.mark.parametrize("mark", NEW)
def test_the_marks_are_those_of_unicode_and_ended_nothing_before(mark: str) -> None:
    """Each is a Sentence_Terminal; a model of the first rules finds the sentences that it was trained on."""
    assert Split(Regex(r"\p{STerm}"), behavior="removed").pre_tokenize_str(mark) == []
    is_alone = mark in MARKS[2].alone
    for text, ends in ((f"中 {mark} 文", 2), (f"中{mark}文", 1 + is_alone)):
        assert len(RAW.sentences(text)) == ends
        assert FIRST_RULES.sentences(text) == [RAW.words(text)]


@given(st.text(st.one_of(st.sampled_from(f"ab A中កល.!?。 ”{NEW}"), st.characters(codec="utf-8")), max_size=40))
def test_versions_differ_in_sentences_only(text: str) -> None:
    """The later rules give the same words, and end at least the sentences that the first ones end."""
    assert FIRST_RULES.words(text) == RAW.words(text)
    first, later = ([len(sentence) for sentence in rules.sentences(text)] for rules in (FIRST_RULES, RAW))
    assert _ends(first) <= _ends(later)


def _ends(lengths: list[int]) -> set[int]:
    return {sum(lengths[: number + 1]) for number in range(len(lengths))}


def test_models_of_different_versions_fit_together() -> None:
    """The version is stored; settings without one are of the first; equality is that of the words."""
    assert RAW.to_dict()["rules"] == 2 and FIRST_RULES.to_dict()["rules"] == 1
    assert Tokenization.from_dict({"kind": "words"}).rules == 1
    assert Tokenization.from_dict(FIRST_RULES.to_dict()).sentences("中 ᱾ 文") == [["中", "᱾", "文"]]
    assert FIRST_RULES == RAW and hash(FIRST_RULES) == hash(RAW)
