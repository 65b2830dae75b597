"""The segmenter that is taken for a text: by its script, and by what is installed."""

import logging

import pytest

from elmo_lite.text.segmenter_choice import choose_segmenter
from tests.segmenter_fakes import Segmenters

CHINESE, JAPANESE, THAI = "我们今天在北京学习中文。", "私は毎日サッカーの練習をします。", "ฉันเรียนภาษาไทยทุกวัน"
KHMER, LAO, BURMESE = "ខ្ញុំរៀនភាសាខ្មែរ", "ຂ້ອຍຮຽນພາສາລາວ", "ကျွန်တော်မြန်မာစာဖတ်သည်"
ENGLISH = "We learn a language every day, and then we read what we can find in it. "
ALL = ("jieba", "sudachi", "pythainlp", "icu")


@pytest.mark.parametrize(
    ("text", "installed", "chosen", "language"),
    [
        (CHINESE, ALL, "jieba", "Chinese"),
        (CHINESE, ("sudachi", "pythainlp", "icu"), "icu", "Chinese"),
        (CHINESE * 5 + "の", ALL, "jieba", "Chinese"),
        (JAPANESE, ALL, "sudachi", "Japanese"),
        (JAPANESE, ("jieba", "icu"), "icu", "Japanese"),
        (THAI, ALL, "pythainlp", "Thai"),
        (THAI, ("icu",), "icu", "Thai"),
        (KHMER, ALL, "icu", "Lao, Khmer or Burmese"),
        (LAO, ALL, "icu", "Lao, Khmer or Burmese"),
        (BURMESE, ALL, "icu", "Lao, Khmer or Burmese"),
        (THAI + CHINESE[:5], ALL, "pythainlp", "Thai"),
        (ENGLISH + CHINESE, ALL, "jieba", "Chinese"),
    ],
)
def test_the_script_decides(
    text: str,
    installed: tuple[str, ...],
    chosen: str,
    language: str,
    segmenters: Segmenters,
    caplog: pytest.LogCaptureFixture,
) -> None:
    segmenters.install(*installed)
    with caplog.at_level(logging.INFO, "elmo_lite"):
        assert choose_segmenter(text) == chosen
    assert caplog.messages == [f"{language} text: words are found by {chosen}, which using the model needs too"]


@pytest.mark.parametrize(
    ("text", "language", "extra"),
    [
        (CHINESE, "Chinese", "chinese"),
        (JAPANESE, "Japanese", "japanese"),
        (THAI, "Thai", "thai"),
        (LAO, "Lao, Khmer or Burmese", "icu"),
    ],
)
def test_without_a_package_a_warning_says_what_happens(
    text: str, language: str, extra: str, segmenters: Segmenters, caplog: pytest.LogCaptureFixture
) -> None:
    assert choose_segmenter(text) is None
    (message,) = caplog.messages
    assert message.startswith(f"{language} text: each character is a word, as no package that finds words")
    assert message.endswith(f"pip install 'elmo_lite[{extra}]'")
    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "12 , . !",
        ENGLISH,
        ENGLISH * 5 + "北京。",
        "한국어를 매일 열심히 공부하고 책을 많이 읽습니다 漢",
        "Она учит язык.",
        "\ud800",
        "。、",
    ],
)
def test_few_letters_are_no_reason(text: str, segmenters: Segmenters, caplog: pytest.LogCaptureFixture) -> None:
    """Below one letter in twenty, or none at all: no segmenter, and nothing to say."""
    segmenters.install(*ALL)
    with caplog.at_level(logging.INFO, "elmo_lite"):
        assert choose_segmenter(text) is None
    assert caplog.messages == []
