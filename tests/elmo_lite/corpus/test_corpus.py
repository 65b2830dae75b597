"""Corpus directories: from text and back, the same bytes always, and what bad input gets."""

import gzip
import json
import lzma
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from elmo_lite.corpus import builder as corpus_builder
from elmo_lite.corpus.command import build_corpus_command
from elmo_lite.corpus.corpus import Corpus
from elmo_lite.errors import CorpusError
from elmo_lite.files import describe_file
from elmo_lite.text.characters import encode_words
from elmo_lite.text.sources import Source
from elmo_lite.text.tokenization import Tokenization

SAMPLES = {
    "en": "The cat didn't sleep. It sat, e.g., on Dr. O'Neil's mat.\n\nAnother text: 3.14!\n\nA third.",
    "ru": "Кошка спала. Она жила в г. Туле.\n\nДругой текст — короткий!\n\nТретий.",
    "hi": "बिल्ली सो रही थी। वह चटाई पर थी।\n\nदूसरा क्षेत्र।\n\nतीसरा।",
    "zh": "猫在睡觉。它在垫子上！\n\n第二段文字。\n\n第三段。",
    "ar": "كانت القطة نائمة. أين كانت؟\n\nنصٌّ ثانٍ.\n\nالثالث.",
}


def build(out: Path, *inputs: Path, **options: Any) -> Corpus:
    """Run the command, whatever segmenter is installed, and open what it wrote."""
    build_corpus_command([str(path) for path in inputs], str(out), **{"segmenter": "none", **options})
    return Corpus.open(out)


def sentences(corpus: Corpus, stream: np.ndarray[Any, Any]) -> list[list[str]]:
    """A stream decoded."""
    assert stream[0] == stream[-1] == 0
    found: list[list[str]] = [[]]
    for word_id in stream[1:]:
        if word_id == 0:
            found.append([])
        else:
            found[-1].append(corpus.words[word_id - 1])
    return found[:-1]


def contents(directory: Path) -> dict[str, bytes]:
    """Every file's bytes."""
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@pytest.mark.parametrize("language", SAMPLES)
def test_text_of_many_languages_comes_back(tmp_path: Path, language: str) -> None:
    """The streams hold the sentences of the tokeniser; counts, characters and classes belong to the words."""
    path = tmp_path / f"{language}.txt"
    path.write_text(SAMPLES[language], encoding="utf-8")
    corpus = build(tmp_path / "out", path, vocabulary_size=0)
    expected = Tokenization().sentences(SAMPLES[language])
    kept, held_out = sentences(corpus, corpus.train), sentences(corpus, corpus.held_out)
    assert sorted(kept + held_out) == sorted(expected)
    assert kept == [sentence for sentence in expected if sentence not in held_out]
    assert kept and held_out
    running = [word for sentence in kept for word in sentence]
    assert corpus.counts.tolist() == [len(kept), *(running.count(word) for word in corpus.words)]
    known = corpus.counts[1:] > 0
    order = [(-count, word) for count, word in zip(corpus.counts[1:].tolist(), corpus.words, strict=True)]
    assert order == sorted(order)
    np.testing.assert_array_equal(corpus.char_ids, encode_words(corpus.words, 50))
    assert corpus.class_of_word.tolist() == [0, *np.where(known, np.arange(len(known)) + 2, 1).tolist()]
    assert corpus.tokenization == Tokenization()


@given(st.lists(st.lists(st.text(st.characters(codec="utf-8"), min_size=1), max_size=6), min_size=1, max_size=8))
@settings(deadline=None, max_examples=40)
def test_any_words_come_back(tmp_path_factory: pytest.TempPathFactory, given_sentences: list[list[str]]) -> None:
    """Lists of words in JSONL keep every spelling, blanks and odd line separators included."""
    kept = [[word for word in words if "\n" not in word and "\0" not in word] for words in given_sentences] + [
        ["last", "one"]
    ]
    folder = tmp_path_factory.mktemp("words")
    path, held_out = folder / "a.jsonl", folder / "b.jsonl"
    path.write_text("".join(json.dumps({"tokens": words}) + "\n" for words in kept))
    held_out.write_text('{"tokens": ["last", "new"]}\n')
    corpus = build(
        folder / "out", path, held_out=[str(held_out)], text_field="tokens", tokenizer="whitespace", vocabulary_size=0
    )
    assert sentences(corpus, corpus.train) == [words for words in kept if words]
    assert sentences(corpus, corpus.held_out) == [["last", "new"]]
    assert list(corpus.vocabulary)[2:] == [
        w for w, n in zip(corpus.words, corpus.counts[1:], strict=True) if n and w != "<unk>"
    ]


def test_any_number_of_processes_writes_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two processes and small blocks, one process and large ones, over several files."""
    text = "".join(f"{SAMPLES[language]} {number}\n\n" for number in range(60) for language in SAMPLES)
    paths = [tmp_path / "a.txt", tmp_path / "b.txt", tmp_path / "c.txt"]
    for path, content in zip(paths, (text, "A line.\n" * 2500, text[::-1]), strict=True):
        path.write_text(content, encoding="utf-8")
    build(tmp_path / "one", *paths, num_processes=1, held_out_share=0.1)
    shown = capsys.readouterr().out.replace("/one", "/two")
    monkeypatch.setattr(corpus_builder, "_SMALL_INPUT", 0)
    read = Source.blocks
    monkeypatch.setattr(Source, "blocks", lambda self, field: read(self, field, 3000))
    build(tmp_path / "two", *paths, num_processes=2, held_out_share=0.1)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert capsys.readouterr().out == shown


@pytest.mark.parametrize(
    ("name", "compress"), [("a.gz", gzip.compress), ("a.xz", lzma.compress), ("a.zst", zstandard.compress)]
)
def test_compressed_text_gives_the_same_corpus(tmp_path: Path, name: str, compress: Any) -> None:
    """All but the input's facts is equal."""
    text = "\n\n".join(SAMPLES.values())
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    (tmp_path / name).write_bytes(compress(text.encode()))
    build(tmp_path / "plain", tmp_path / "a.txt")
    build(tmp_path / "out", tmp_path / name)
    plain, packed = contents(tmp_path / "plain"), contents(tmp_path / "out")
    assert plain.pop("meta.json") != packed.pop("meta.json")
    assert plain == packed


def test_tokenised_text_counts_as_the_literature_does(tmp_path: Path) -> None:
    """Blank lines are sentences; <unk> is the unknown class; predictions are words and lines."""
    path, held_out = tmp_path / "train.txt", tmp_path / "test.txt"
    path.write_text(" \n = A <unk> = \n \n a a b . \n")
    held_out.write_text(" \n b <unk> new . \n")
    options: dict[str, Any] = {"tokenizer": "whitespace", "held_out": [str(held_out)], "vocabulary_size": 0}
    corpus = build(tmp_path / "out", path, keep_empty_lines=True, **options)
    assert sentences(corpus, corpus.train) == [[], ["=", "A", "<unk>", "="], [], ["a", "a", "b", "."]]
    assert sentences(corpus, corpus.held_out) == [[], ["b", "<unk>", "new", "."]]
    assert list(corpus.vocabulary) == ["</S>", "<unk>", "=", "a", ".", "A", "b"]
    assert corpus.words[-1] == "new"
    assert corpus.meta["out_of_vocabulary_share"] == {"train": 1 / 8, "held_out": 0.5}
    assert corpus.class_of_word[1 + corpus.words.index("<unk>")] == 1
    dropped = build(tmp_path / "dropped", path, **options)
    assert sentences(dropped, dropped.train) == [["=", "A", "<unk>", "="], ["a", "a", "b", "."]]


def test_documents_are_blocks_records_or_files(tmp_path: Path) -> None:
    """Whichever the input has."""
    one, two, three, again = (tmp_path / name for name in ("1.txt", "2.txt", "3.jsonl", "4.txt"))
    for path in (one, again):
        path.write_text("a\nb\n\n\nc\n\n")
    two.write_text("a\n" * 2500)
    three.write_text('{"text": "a\\n\\nb"}\n\n{"text": "c"}\n')
    held_out = tmp_path / "held_out.txt"
    held_out.write_text("a\n")
    for paths, expected in (([one, again], 4), ([two], 1), ([three], 2), ([one, two, three], 5)):
        corpus = build(tmp_path / "out", *paths, held_out=[str(held_out)], overwrite=True)
        assert corpus.meta["train"]["documents"] == expected


def test_extreme_text_works(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A word of 10,000 bytes, a line of 100,000 words, emoji, marks, BOM, CRLF."""
    path = tmp_path / "a.txt"
    path.write_bytes(
        (
            "\ufeff"
            + "x" * 10_000
            + " end.\r\n\r\n"
            + "word " * 100_000
            + "\r\n\r\n👩‍👩‍👧 e\u0301 z\u200bz \ufeff क्षि\r\n"
        ).encode()
    )
    corpus = build(tmp_path / "out", path, held_out_share=0.5)
    assert corpus.words[0] == "word"
    assert corpus.counts[1] == 100_000
    assert {"x" * 10_000, "👩‍👩‍👧", "é", "क्षि"} <= set(corpus.words)
    assert not any("\r" in word or word.startswith("\ufeffx") for word in corpus.words)
    assert "nothing is held out" not in capsys.readouterr().out


def test_the_summary_says_what_is_cut_and_unknown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Counts, shares, the width to take."""
    path = tmp_path / "a.txt"
    path.write_text("long words are abbreviated\n" * 10)
    corpus = build(tmp_path / "out", path, max_characters=10, vocabulary_size=4)
    assert corpus.max_characters == 10
    assert corpus.meta["cut_words_share"] == 0.25
    assert corpus.meta["suggested_max_characters"] == 13
    shown = capsys.readouterr().out
    assert "36 words" in shown and " 4 words" in shown
    assert "50.00 % outside the vocabulary" in shown
    assert "about 50.0 % of the words of new text will have none" in shown
    assert "held out: stretches of lines" in shown and "warning" not in shown
    out = tmp_path / "out"
    assert shown.endswith(f"written to {out}; next: elmo-lite pretrain --corpus {out} --out {out}_run\n")
    assert "25.000 % of words are truncated at 10 characters (more than 0.1 %: use --max_characters 13)" in shown
    path.write_text("one two three four one two\n")
    alone = build(tmp_path / "alone", path, vocabulary_size=0)
    shown = capsys.readouterr().out
    assert "warning: nothing is held out, as the text is one sentence: give --held_out FILE" in shown
    assert "warning: only 0.00 % of the training words are unknown, so the model hardly learns" in shown
    assert alone.held_out.tolist() == [0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "a.txt: expected a file, found nothing there"),
        (b"", "a.txt: expected text, found an empty file"),
        (b" \n\n\t\n", "a.txt: expected words, found only blanks"),
        (b"fine\ncaf\xe9\n", "a.txt, line 2, byte 8: expected UTF-8, found byte 0xe9"),
        (b"fine\n\nno\0t\n", "a.txt, line 3, byte 8: expected text, found a NUL byte"),
    ],
)
@pytest.mark.parametrize("as_held_out", [False, True])
def test_bad_text_leaves_nothing(tmp_path: Path, content: bytes | None, message: str, as_held_out: bool) -> None:
    """One line that says where, and no directory."""
    good, bad = tmp_path / "good.txt", tmp_path / "a.txt"
    good.write_text("good\n")
    if content is not None:
        bad.write_bytes(content)
    names = {path.name for path in tmp_path.iterdir()}
    with pytest.raises(CorpusError, match=message) as caught:
        if as_held_out:
            build(tmp_path / "out", good, held_out=[str(bad)])
        else:
            build(tmp_path / "out", good, bad) if content != b" \n\n\t\n" else build(tmp_path / "out", bad)
    assert "\n" not in str(caught.value)
    assert {path.name for path in tmp_path.iterdir()} == names


def test_errors_come_through_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process of the pool that finds bad bytes stops the run with the same line."""
    monkeypatch.setattr(corpus_builder, "_SMALL_INPUT", 0)
    (tmp_path / "a.txt").write_bytes(b"fine\ncaf\xe9\n")
    with pytest.raises(CorpusError, match="a.txt, line 2, byte 8: expected UTF-8"):
        build(tmp_path / "out", tmp_path / "a.txt", num_processes=2)
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_held_out_text_may_not_be_trained_on(tmp_path: Path) -> None:
    """The same file in both parts would make every perplexity a lie."""
    path = tmp_path / "a.txt"
    path.write_text("a\n")
    with pytest.raises(CorpusError, match="expected held-out text that is not trained on"):
        build(tmp_path / "out", tmp_path / "*.txt", held_out=[str(path)])


def test_opening_checks_the_directory(tmp_path: Path) -> None:
    """No corpus, a newer one, a truncated file, a file gone, an array of another type."""
    path, out = tmp_path / "a.txt", tmp_path / "out"
    path.write_text("a b c\n\nd e\n")
    build(out, path)
    meta = json.loads((out / "meta.json").read_text())
    with pytest.raises(CorpusError, match="expected a corpus directory, found no meta.json"):
        Corpus.open(tmp_path)
    (out / "meta.json").write_text(json.dumps({**meta, "format_version": 2}))
    with pytest.raises(CorpusError, match="expected format_version 1, found 2"):
        Corpus.open(out)
    (out / "meta.json").write_text("{}")
    with pytest.raises(CorpusError, match="meta.json: expected format_version 1, found None"):
        Corpus.open(out)
    (out / "meta.json").write_text(json.dumps(meta))
    train = (out / "train.npy").read_bytes()
    (out / "train.npy").write_bytes(train[:-4])
    with pytest.raises(CorpusError, match=r"train\.npy: expected 1\d\d bytes, found 1\d\d"):
        Corpus.open(out)
    for content, match in (
        (train.replace(b"<i4", b"<u4"), "expected int32 values, found uint32"),
        (b"x" * len(train), "expected a NumPy array"),
        (b"PK\x03\x04" + b"\0" * (len(train) - 4), "expected a NumPy array, found "),  # an archive to numpy.load
    ):
        (out / "train.npy").write_bytes(content)
        with pytest.raises(CorpusError, match=r"train\.npy: expected SHA-256 "):
            Corpus.open(out)
        described = {**meta["files"], "train.npy": describe_file(out / "train.npy")}
        (out / "meta.json").write_text(json.dumps({**meta, "files": described}))
        with pytest.raises(CorpusError, match=rf"train\.npy: {match}"):
            _ = Corpus.open(out).train
        (out / "meta.json").write_text(json.dumps(meta))
    (out / "train.npy").write_bytes(train)
    (out / "words.txt").unlink()
    with pytest.raises(CorpusError, match=r"words\.txt: expected a file of 10 bytes, found none"):
        Corpus.open(out)


def test_repr_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The cat sat.\n\nA second text.\n")
    (tmp_path / "b.txt").write_text("Held out\n")
    corpus = build(tmp_path / "out", tmp_path / "a.txt", held_out=[str(tmp_path / "b.txt")])
    assert repr(corpus) == f"Corpus({tmp_path / 'out'}: 8 words to train on, 2 words held out, tokenisation words)"


@pytest.mark.parametrize("name", ["train.npy", "char_ids.npy"])
def test_damaged_headers_of_arrays(tmp_path: Path, name: str) -> None:
    """An error of ours, or an array of the right type that the file holds; a header that claims more is none."""
    path, out = tmp_path / "a.txt", tmp_path / "out"
    path.write_text("a b c\n\nd e\n" * 20)
    build(out, path)
    good, meta = (out / name).read_bytes(), json.loads((out / "meta.json").read_text())
    generator, errors = np.random.default_rng(0), 0
    for _ in range(200):
        content = bytearray(good)
        for place in generator.integers(128, size=int(generator.integers(1, 4))):
            content[place] = generator.choice(list(b"0123456789()[]{},'\" <>|ifOUS\0\xff"))
        (out / name).write_bytes(content)
        described = {**meta["files"], name: describe_file(out / name)}
        (out / "meta.json").write_text(json.dumps({**meta, "files": described}))
        try:
            corpus = Corpus.open(out)
            array = corpus.train if name == "train.npy" else corpus.char_ids
            assert array.nbytes <= len(good)
        except CorpusError as error:
            assert "\n" not in str(error)
            errors += 1
    assert errors > 50
