"""Words in scripts without spaces: pieces stay whole, offsets exact, time linear; without a segmenter, characters."""

import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elmo_lite.text import unspaced
from elmo_lite.text.segmenters import SEGMENTERS, Segmenter
from elmo_lite.text.tokenization import Tokenization
from tests.segmenter_fakes import Segmenters

LIKELY = "中文字々〇かなが\u3099カナーｶﾞไทยก\u0e49ๆ๑ລາວខ្ញុំမြန်aB1ａé。、・「」!@#_.-' \u200b\u200d\U00020000\ud800"
TEXT = st.text(st.one_of(st.sampled_from(LIKELY), st.characters()), max_size=40)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("我爱北京。", "我 爱 北 京 。"),
        ("Tシャツを着る3月のサッカー選手", "Tシャツ を 着 る 3 月 の サッカー 選 手"),
        ("日々〆切、ｱﾊﾟｰﾄ㌔ゝ", "日 々 〆 切 、 ｱﾊﾟｰﾄ ㌔ ゝ"),
        ("สวัสดี ๒๕๖๘ทุกๆวัน", "ส วั ส ดี ๒ ๕ ๖ ๘ ทุ ก ๆ วั น"),
        ("ខ្ញុំ។ ລາວ မြန်မာ။", "ខ្ ញុំ ។ ລ າ ວ မြ န် မာ ။"),
        ("@中文 #文字 me@例.中国 www.例.cn", "@中文 #文字 me@例.中国 www.例.cn"),
    ],
)
def test_without_a_segmenter_each_character_is_a_word(text: str, words: str) -> None:
    """These results are those of version 1 of the rules; saved models depend on them."""
    assert " ".join(Tokenization().words(text)) == words


@pytest.mark.parametrize(
    ("segmenter", "text", "words"),
    [
        ("jieba", "我爱北京人。Ab中文字3月", "我爱 北京 人 。 Ab 中文 字 3 月"),
        ("jieba", "中文がカタカナ", "中文 が カタカナ"),
        ("jieba", "中文ไทย", "中文 ไ ท ย"),
        ("sudachi", "食べ物、サッカー選手々〆切", "食べ 物 、 サッ カー 選手 々〆 切"),
        ("sudachi", "Tシャツを3枚、NTTドコモ", "T シャ ツを 3 枚 、 NTT ドコ モ"),
        ("sudachi", "ｱﾊﾟｰﾄ・㌔", "ｱﾊ ﾟｰ ﾄ ・ ㌔"),
        ("pythainlp", "ทุกวัน๒๕ ab中文", "ทุ กวัน ๒๕ ab 中 文"),
        ("icu", "ລາວ中文カナ မာ။", "ລາ ວ中 文カ ナ မာ ။"),
        ("icu", "\U00020000\U00020001中", "\U00020000\U00020001 中"),
    ],
)
def test_a_segmenter_reads_the_runs_of_its_scripts(
    segmenter: Segmenter, text: str, words: str, segmenters: Segmenters
) -> None:
    """Punctuation, Latin letters, numbers and other scripts are left to the rules. The stand-ins find pairs."""
    segmenters.install(segmenter)
    assert " ".join(Tokenization(segmenter=segmenter).words(text)) == words


@pytest.mark.parametrize("text", ["@中文字", "#中文字", "me@例.中国人", "www.例例.cn", "<unk>", "\ud800"])
def test_addresses_stay_whole(text: str, segmenters: Segmenters) -> None:
    segmenters.install(*SEGMENTERS)
    for segmenter in SEGMENTERS:
        assert Tokenization(segmenter=segmenter).words(text) == [text]


def test_marks_stay_with_their_letter_and_the_text_is_read_composed(segmenters: Segmenters) -> None:
    """A decomposed letter is one character for the segmenter, two in the offsets."""
    segmenters.install("sudachi")
    text = "か\u3099く食か\u3099"
    found = Tokenization(segmenter="sudachi").words_with_offsets(text)
    assert found == [("がく", 0, 3), ("食が", 3, 6)]
    assert Tokenization(segmenter="sudachi", normalization="none").words_with_offsets(text)[0] == (text[:3], 0, 3)


@pytest.mark.parametrize("given", [[], ["中", "文", "x"], ["中文字 "], ["中文字中文字"]])
def test_a_segmenter_that_changes_the_text_gives_characters(given: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unspaced, "load_segmenter", lambda segmenter: lambda text: given)
    assert Tokenization(segmenter="jieba").words("中文字") == ["中", "文", "字"]


@given(text=TEXT)
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_is_lost_and_offsets_are_exact(text: str, segmenters: Segmenters) -> None:
    segmenters.install(*SEGMENTERS)
    for segmenter in SEGMENTERS:
        for tokenization in (
            Tokenization(segmenter=segmenter),
            Tokenization(segmenter=segmenter, normalization="none"),
        ):
            found = tokenization.words_with_offsets(text)
            words = [word for word, _, _ in found]
            assert [tokenization.normalize(text[start:end]) for _, start, end in found] == words
            assert "".join(text[start:end] for _, start, end in found) == "".join(text.split())
            assert tokenization.words(text) == words
            assert [word for sentence in tokenization.sentences(text) for word in sentence] == words
            for _, start, _ in found:
                if start and unicodedata.category(text[start]) in ("Mn", "Mc"):
                    assert not text[start - 1].isalpha()


@given(text=TEXT)
@settings(deadline=None, max_examples=100)
def test_text_without_such_scripts_needs_no_segmenter(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    spaced = "".join(c for c in text if not unspaced.runs_of(unspaced.UNSPACED + unspaced.KANA).pre_tokenize_str(c))
    spaced = spaced.translate({number: None for number in (0x3006, 0x30FC, 0xFF70, 0xFF9E, 0xFF9F)})
    for segmenter in SEGMENTERS:
        assert Tokenization(segmenter=segmenter).sentences(spaced) == Tokenization().sentences(spaced)


def test_a_long_run_is_read_in_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each window begins where a word may, and few characters are read twice."""
    seen: list[str] = []

    def threes(text: str) -> list[str]:
        seen.append(text)
        return [text[start : start + 3] for start in range(0, len(text), 3)]

    monkeypatch.setattr(unspaced, "load_segmenter", lambda segmenter: threes)
    for length in (511, 512, 513, 514, 200_000):
        seen.clear()
        words = Tokenization(segmenter="jieba").words("".join(chr(0x4E00 + n % 10_000) for n in range(length)))
        assert {len(word) for word in words[:-1]} == {3} and len(words) == -(-length // 3)
        assert max(map(len, seen)) <= 512 and sum(map(len, seen)) <= length * 1.1 + 512


def test_a_long_word_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """A segmenter that finds one word only makes progress by windows."""
    monkeypatch.setattr(unspaced, "load_segmenter", lambda segmenter: lambda text: [text[:1], text[1:]])
    words = Tokenization(segmenter="jieba").words("中" * 5_000)
    assert "".join(words) == "中" * 5_000 and len(words) < 30


@pytest.mark.parametrize("text", ["中", "ก\u0e49", "中\u0301\u0323\u0301", "が\u3099", "中a", "中。", "ー", "@中"])
def test_a_line_without_blanks_takes_linear_time(text: str, segmenters: Segmenters) -> None:
    """Quadratic time would be minutes to hours."""
    segmenters.install(*SEGMENTERS)
    for segmenter in SEGMENTERS:
        tokenization = Tokenization(segmenter=segmenter, normalization="none")
        assert "".join(tokenization.words(text * (50_000 // len(text)))) == text * (50_000 // len(text))
    assert len(Tokenization(segmenter="jieba").words("中" + "\u0301\u0323" * 100_000)) == 1


def test_words_of_one_segmenter_are_not_those_of_another(segmenters: Segmenters) -> None:
    """The cache of short chunks tells them apart."""
    segmenters.install("jieba")
    assert Tokenization(segmenter="jieba").words("我爱北京") == ["我爱", "北京"]
    assert Tokenization().words("我爱北京") == ["我", "爱", "北", "京"]
    assert Tokenization(segmenter="jieba", normalization="none").words("我爱北京") == ["我爱", "北京"]
    with pytest.raises(ModuleNotFoundError, match="expected PyICU"):
        Tokenization(segmenter="icu").words("我爱北京")
