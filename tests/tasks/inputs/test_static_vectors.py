import gzip
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from elmo_lite import CorpusError
from tasks.inputs.static_vectors import read_vectors

TABLE = {"the": [0.5, -1.0, 2.0], "Paris": [1.0, 0.25, -3.5], "paris": [0.0, 1e-3, 4.0], "café": [7.0, 8.0, 9.0]}


def lines(table: dict[str, list[float]], end: str = "\n") -> str:
    return "".join(f"{word} {' '.join(map(str, values))}{end}" for word, values in table.items())


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", newline="")
    return path


def assert_table(found: dict[str, np.ndarray], *words: str) -> None:
    assert set(found) == set(words)
    for word in words:
        np.testing.assert_array_equal(found[word], np.array(TABLE[word], dtype=np.float32))
        assert found[word].dtype == np.float32


@pytest.mark.parametrize(
    ("header", "end"),
    [("", "\n"), ("4 3\n", "\n"), ("4 3\n", " \n"), ("", "\r\n")],
    ids=["glove", "word2vec", "fasttext", "crlf"],
)
def test_text(tmp_path: Path, header: str, end: str) -> None:
    file = write(tmp_path / "vectors.txt", header + lines(TABLE, end))
    assert_table(read_vectors(file, ["café", "the", "absent"]), "café", "the")


def test_last_line_without_its_end(tmp_path: Path) -> None:
    assert_table(read_vectors(write(tmp_path / "v", lines(TABLE).rstrip("\n")), ["café"]), "café")


def test_spelt_as_given_and_in_lower_case(tmp_path: Path) -> None:
    file = write(tmp_path / "v", lines(TABLE))
    assert_table(read_vectors(file, ["Paris"]), "Paris", "paris")
    assert_table(read_vectors(file, ["PARIS", "The"]), "paris", "the")
    assert_table(read_vectors(file, ["paris"]), "paris")


def test_the_first_words_of_the_file(tmp_path: Path) -> None:
    for header in ("", "4 3\n"):
        file = write(tmp_path / "v", header + lines(TABLE))
        assert_table(read_vectors(file, ["café"], extra_words=2), "the", "Paris", "café")


def test_first_of_two_lines_of_a_word_counts(tmp_path: Path) -> None:
    assert_table(read_vectors(write(tmp_path / "v", lines(TABLE) + "the 9 9 9\n"), ["the"]), "the")


def test_words_with_blanks_are_passed_over(tmp_path: Path) -> None:
    file = write(tmp_path / "v", lines(TABLE) + ". . 1 2 3\n")
    assert_table(read_vectors(file, ["the", "."]), "the")


def test_compressed(tmp_path: Path) -> None:
    file = tmp_path / "vectors.txt.gz"
    file.write_bytes(gzip.compress(lines(TABLE).encode()))
    assert_table(read_vectors(file, ["the"]), "the")
    file.write_bytes(file.read_bytes()[:-12])
    with pytest.raises(CorpusError, match=r"vectors.txt.gz: cannot be read: Compressed file ended"):
        read_vectors(file, ["the"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "found an empty file"),
        ("4 3\n", "found only a header"),
        ("the 1 2 3\nParis 1 2\n", "line 2: expected a word and 3 finite numbers, found 2 after it: '1 2'"),
        ("the 1 2 3\nParis 1 x 3\n", "line 2: expected a word and 3 finite numbers, found 3 after it: '1 x 3'"),
        ("the 1 2 3\nParis 1 nan 3\n", "line 2: expected a word and 3 finite numbers, found 3 after it: '1 nan 3'"),
        ("the\t1\tx\n", "line 1: expected a word and 2 finite numbers, found 2 after it"),
        ("the\n", "line 1: expected a word and its numbers"),
        ("3 3\nthe 1 2 3\nParis 1 2 3\n", "expected 3 words, as its first line says, found 2"),
        ("the 1 2 3\nunwanted 1 2\n", "line 2: expected a word and 3 finite numbers, found 2 after it"),
    ],
)
def test_bad_text(tmp_path: Path, text: str, message: str) -> None:
    file = write(tmp_path / "v.txt", text)
    with pytest.raises(CorpusError, match=message) as caught:
        read_vectors(file, ["the", "Paris"])
    assert str(caught.value).startswith(str(file)) and "\n" not in str(caught.value)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="absent.txt: expected a file, found nothing there"):
        read_vectors(tmp_path / "absent.txt", ["the"])


def test_a_pickle_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "v.kv").write_bytes(b"\x80\x04K.")
    with pytest.raises(CorpusError, match="found a pickle"):
        read_vectors(tmp_path / "v.kv", ["the"])


def binary() -> bytes:
    head = f"{len(TABLE)} 3\n".encode()
    return head + b"".join(word.encode() + b" " + struct.pack("<3f", *row) + b"\n" for word, row in TABLE.items())


def test_word2vec_binary(tmp_path: Path) -> None:
    (tmp_path / "v.bin").write_bytes(binary())
    assert_table(read_vectors(tmp_path / "v.bin", ["PARIS", "café"], extra_words=1), "paris", "café", "the")
    (tmp_path / "v.bin").write_bytes(binary()[:-9])
    with pytest.raises(CorpusError, match="v.bin, word 4: expected 4 words, found the end of the file"):
        read_vectors(tmp_path / "v.bin", ["the"])


@pytest.mark.parametrize("separator", ["\t", " "])
def test_words_before_a_tab(tmp_path: Path, separator: str) -> None:
    text = "".join(f"{word}\t{separator.join(map(str, values))}\n" for word, values in TABLE.items())
    assert_table(read_vectors(write(tmp_path / "v", text), ["the", "café"]), "the", "café")


def test_the_first_of_two_binary_vectors_counts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """gensim fails on such a file."""
    again = b"the " + struct.pack("<3f", 9, 9, 9) + b"\n"
    (tmp_path / "v.bin").write_bytes(binary().replace(b"4 3\n", b"5 3\n", 1) + again)
    with caplog.at_level("INFO", logger="elmo_lite"):
        assert_table(read_vectors(tmp_path / "v.bin", ["the"]), "the")
    assert caplog.messages == [
        f"{tmp_path / 'v.bin'}: of 1 words that occur more than once, the first vector is read",
        f"{tmp_path / 'v.bin'}: vectors for 1 of 1 distinct words (100.0%)",
    ]


def test_headers_that_lie_cost_no_memory(tmp_path: Path) -> None:
    for header, message in (
        (b"999999999999999 3\n", "v.bin, word 5: expected 999999999999999 words that end in a blank, found the end"),
        (b"4 999999999999999\n", "v.bin: expected vectors of 1 to 65536 values, found 999999999999999"),
        (b"4 0\n", "v.bin: expected vectors of 1 to 65536 values, found 0"),
        (b"4 3\n" + b"\1" * 70_000, "v.bin, word 1: expected 4 words that end in a blank, found none"),
    ):
        (tmp_path / "v.bin").write_bytes(binary().replace(b"4 3\n", header, 1))
        with pytest.raises(CorpusError, match=message):
            read_vectors(tmp_path / "v.bin", ["the"])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_binary_numbers_that_are_not_finite(tmp_path: Path, value: float) -> None:
    content = binary().replace(struct.pack("<f", -3.5), struct.pack("<f", value))
    (tmp_path / "v.bin").write_bytes(content)
    with pytest.raises(CorpusError, match="v.bin: expected finite numbers, found others in the vector of 'Paris'"):
        read_vectors(tmp_path / "v.bin", ["Paris"])


def test_a_first_line_without_end_costs_no_memory(tmp_path: Path) -> None:
    (tmp_path / "v.gz").write_bytes(gzip.compress(b"a" * (100 << 20), 1))
    tracemalloc.start()
    try:
        with pytest.raises(CorpusError, match="v.gz, line 1: expected at most 16,777,216 bytes"):
            read_vectors(tmp_path / "v.gz", ["the"])
        assert tracemalloc.get_traced_memory()[1] < 60 << 20
    finally:
        tracemalloc.stop()


def test_a_number_of_5000_digits_is_a_word(tmp_path: Path) -> None:
    file = write(tmp_path / "v", "9" * 5000 + " 3\nthe 1\n")
    assert read_vectors(file, ["the"])["the"].tolist() == [1]


def test_binary_as_gensim_reads_it(tmp_path: Path) -> None:
    keyed = pytest.importorskip("gensim.models").KeyedVectors
    (tmp_path / "v.bin").write_bytes(binary())
    theirs = keyed.load_word2vec_format(str(tmp_path / "v.bin"), binary=True)
    for word, vector in read_vectors(tmp_path / "v.bin", TABLE).items():
        np.testing.assert_array_equal(vector, theirs[word])


@pytest.mark.parametrize("header", [True, False])
def test_as_gensim_reads_text(tmp_path: Path, header: bool) -> None:
    keyed = pytest.importorskip("gensim.models").KeyedVectors
    table = {f"w{i}é": np.random.default_rng(i).normal(size=5).tolist() for i in range(20)}
    file = write(tmp_path / "v", ("20 5\n" if header else "") + lines(table))
    theirs = keyed.load_word2vec_format(str(file), binary=False, no_header=not header)
    for word, vector in read_vectors(file, table).items():
        np.testing.assert_array_equal(vector, theirs[word])


@pytest.fixture(scope="module")
def fasttext_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    fasttext = pytest.importorskip("gensim.models.fasttext")
    text = [["walk", "walking", "talk", "talking"], ["the", "walk", "the", "talk"]] * 5
    model = fasttext.FastText(text, vector_size=6, min_count=1, epochs=1, bucket=50, workers=1, seed=1)
    path = tmp_path_factory.mktemp("fasttext") / "model.bin"
    fasttext.save_facebook_model(model, str(path))
    return path


def test_fasttext_model_has_every_word(fasttext_model: Path) -> None:
    from gensim.models.fasttext import load_facebook_vectors

    theirs = load_facebook_vectors(str(fasttext_model))
    found = read_vectors(fasttext_model, ["walk", "walkings"], extra_words=1)
    assert set(found) == {"walk", "walkings", theirs.index_to_key[0]}
    for word, vector in found.items():
        np.testing.assert_array_equal(vector, theirs[word])
    assert np.abs(found["walkings"]).max() > 0


def test_fasttext_model_without_subwords_lacks_unseen_words(tmp_path: Path) -> None:
    fasttext = pytest.importorskip("gensim.models.fasttext")
    model = fasttext.FastText(
        [["walk", "talk"]] * 5, vector_size=6, min_count=1, epochs=1, max_n=0, bucket=0, workers=1
    )
    fasttext.save_facebook_model(model, str(tmp_path / "model.bin"))
    assert set(read_vectors(tmp_path / "model.bin", ["walk", "walkings"])) == {"walk"}


def test_damaged_headers_of_fasttext_models(fasttext_model: Path, tmp_path: Path) -> None:
    whole = fasttext_model.read_bytes()
    for place in range(8, 90, 4):
        for value in (-1, 0, 2**31 - 1):
            content = bytearray(whole)
            content[place : place + 4] = struct.pack("<i", value)
            (tmp_path / "model.bin").write_bytes(content)
            try:
                found = read_vectors(tmp_path / "model.bin", ["walk"])
            except CorpusError as error:
                assert str(error).startswith(f"{tmp_path / 'model.bin'}: expected ")
            else:
                assert found["walk"].shape == (6,)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (8, 70_000, "expected a fastText model, found 70000 dimensions, 50 buckets"),
        (8, 5, r"expected vectors of 5 dimensions, found \d+ of 6$"),
        (40, -1, "expected a fastText model, found 6 dimensions, -1 buckets"),
        (48, -1, "expected a fastText model, .* subwords of 3 to -1 characters$"),
        (None, -5, "expected vectors of 6 dimensions, found -5 of 6$"),
    ],
    ids=["dimensions", "other dimensions", "buckets", "subwords", "rows"],
)
def test_headers_of_fasttext_models_that_lie(
    fasttext_model: Path, tmp_path: Path, place: int | None, value: int, message: str
) -> None:
    content = bytearray(fasttext_model.read_bytes())
    if place is None:  # the number of rows, before that of columns
        place = content.index(struct.pack("<q", 6)) - 8
        content[place : place + 8] = struct.pack("<q", value)
    else:
        content[place : place + 4] = struct.pack("<i", value)
    (tmp_path / "model.bin").write_bytes(content)
    with pytest.raises(CorpusError, match=f"model.bin: {message}"):
        read_vectors(tmp_path / "model.bin", ["walk"])


def test_fasttext_model_cut_off(fasttext_model: Path, tmp_path: Path) -> None:
    whole = fasttext_model.read_bytes()
    for size in (4, 10, 70, 110, 160, 230, len(whole) // 2):  # what follows the vectors is not read
        (tmp_path / "cut.bin").write_bytes(whole[:size])
        with pytest.raises(CorpusError, match="cut.bin: expected a fastText model"):
            read_vectors(tmp_path / "cut.bin", ["walk"])
    with pytest.raises(CorpusError, match=rf"of \d+ bytes or more, found {len(whole) // 2}"):
        read_vectors(tmp_path / "cut.bin", ["walk"])


def test_fasttext_model_of_another_kind(fasttext_model: Path, tmp_path: Path) -> None:
    content = bytearray(fasttext_model.read_bytes())
    content[72] = 3  # labels
    (tmp_path / "model.bin").write_bytes(content)
    with pytest.raises(CorpusError, match="model of plain word vectors, found a classifier"):
        read_vectors(tmp_path / "model.bin", ["walk"])
    (tmp_path / "model.bin.gz").write_bytes(gzip.compress(fasttext_model.read_bytes()))
    with pytest.raises(CorpusError, match="expected an uncompressed fastText model"):
        read_vectors(tmp_path / "model.bin.gz", ["walk"])
