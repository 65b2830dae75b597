"""Packages that find words: how each is called, what is said without it. Stand-ins are always tested."""

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from elmo_lite.text.segmenters import _PACKAGES, SEGMENTERS, Segmenter, is_installed, load_segmenter
from tests.segmenter_fakes import Segmenters, pairs

EXTRA_OF = {"jieba": "chinese", "sudachi": "japanese", "pythainlp": "thai", "icu": "icu"}
ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("segmenter", SEGMENTERS)
def test_each_is_called_as_its_package_wants(segmenter: Segmenter, segmenters: Segmenters) -> None:
    segmenters.install(segmenter)
    assert is_installed(segmenter)
    text = "中文\U00020000字。"
    assert list(filter(None, load_segmenter(segmenter)(text))) == pairs(text)
    assert load_segmenter(segmenter) is load_segmenter(segmenter)


@pytest.mark.parametrize("segmenter", SEGMENTERS)
def test_a_missing_package_is_named_with_its_extra(segmenter: Segmenter, segmenters: Segmenters) -> None:
    assert not is_installed(segmenter)
    expected = rf"^tokenization\.segmenter {segmenter}: expected \w+, found no such package; "
    with pytest.raises(ModuleNotFoundError, match=expected + rf"pip install 'elmo_lite\[{EXTRA_OF[segmenter]}\]'$"):
        load_segmenter(segmenter)


def test_sudachi_needs_its_dictionary(segmenters: Segmenters, monkeypatch: pytest.MonkeyPatch) -> None:
    segmenters.install("sudachi")
    monkeypatch.setitem(sys.modules, "sudachidict_core", None)
    assert not is_installed("sudachi")
    with pytest.raises(ModuleNotFoundError, match="expected sudachidict_core"):
        load_segmenter("sudachi")


def test_a_package_that_misses_another_is_not_taken_for_it(
    segmenters: Segmenters, monkeypatch: pytest.MonkeyPatch
) -> None:
    segmenters.install("pythainlp")
    code = "def __getattr__(name): import a_package_that_is_not_there"
    exec(code, vars(sys.modules["pythainlp.tokenize"]))
    monkeypatch.delattr(sys.modules["pythainlp.tokenize"], "word_tokenize")
    with pytest.raises(ModuleNotFoundError, match="No module named 'a_package_that_is_not_there'"):
        load_segmenter("pythainlp")


@pytest.mark.parametrize("segmenter", SEGMENTERS)
def test_threads_split_at_the_same_time(
    segmenter: Segmenter, segmenters: Segmenters, in_threads: Callable[[Callable[[int], Any]], list[Any]]
) -> None:
    """The stand-ins of Sudachi and ICU refuse to work in another thread than their own."""
    segmenters.install(segmenter)
    texts = [chr(0x4E00 + number) * 9 for number in range(8)]
    found = in_threads(lambda number: list(filter(None, load_segmenter(segmenter)(texts[number]))))
    assert found == [pairs(text) for text in texts]


REAL = [
    ("jieba", "我来到北京清华大学", ["我", "来到", "北京", "清华大学"]),
    ("sudachi", "私は食べ物が好きなサッカー選手です", "私 は 食べ物 が 好き な サッカー 選手 です".split()),
    ("pythainlp", "ฉันรักภาษาไทย", ["ฉัน", "รัก", "ภาษาไทย"]),
    ("icu", "ຂ້ອຍຮັກປະເທດລາວ", ["ຂ້ອຍ", "ຮັກ", "ປະເທດ", "ລາວ"]),
    ("icu", "\U00020000我来到北京", ["\U00020000", "我", "来到", "北京"]),
]


def needs(segmenter: Segmenter) -> None:
    for module in _PACKAGES[segmenter].modules:
        pytest.importorskip(module, reason=f"needs {module} (the extra {EXTRA_OF[segmenter]})")


@pytest.mark.parametrize(("segmenter", "text", "words"), REAL)
def test_the_package_itself_finds_words(
    segmenter: Segmenter,
    text: str,
    words: list[str],
    in_threads: Callable[[Callable[[int], Any]], list[Any]],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """In one thread and in eight, without a word on the terminal."""
    needs(segmenter)
    with caplog.at_level(logging.DEBUG):
        assert load_segmenter(segmenter)(text) == words
        assert in_threads(lambda number: load_segmenter(segmenter)(text * (number + 1))) == [
            load_segmenter(segmenter)(text * (number + 1)) for number in range(8)
        ]
    assert caplog.text == "" and capfd.readouterr() == ("", "")


def test_jieba_neither_reads_nor_writes_its_cache(tmp_path: Path) -> None:
    """A cache that someone put into the directory for temporary files would be loaded by jieba itself."""
    needs("jieba")
    planted = tmp_path / "jieba.cache"
    planted.write_bytes(b"planted")
    code = f"from elmo_lite.text.segmenters import load_segmenter; print(load_segmenter('jieba')({REAL[0][1]!r}))"
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    environment |= {"PYTHONIOENCODING": "utf-8", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
    assert done.stdout.decode().strip() == str(REAL[0][2]) and done.stderr == b""
    assert [path.name for path in tmp_path.iterdir()] == ["jieba.cache"] and planted.read_bytes() == b"planted"
