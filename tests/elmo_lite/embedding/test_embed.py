"""The file formats read back, blank lines, atomicity, and what bad input gets."""

import gzip
import itertools
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from pyarrow import parquet
from safetensors import safe_open
from safetensors.numpy import load_file

from elmo_lite.cli.main import main
from elmo_lite.embedding import output_file, sentence_source
from elmo_lite.embedding import writers as vector_files
from elmo_lite.embedding.command import embed_command
from elmo_lite.embedding.elmo import Elmo
from elmo_lite.embedding.embed import embed_file
from elmo_lite.errors import CheckpointError, ConfigError, CorpusError
from elmo_lite.nn.bilm import BiLM
from elmo_lite.nn.config import BiLMConfig, CharCNNConfig
from elmo_lite.saved_model.checkpoint import save_model
from elmo_lite.text.sentence_files import read_sentences
from elmo_lite.text.tokenization import Tokenization
from tests.segmenter_fakes import Segmenters

CONFIG = BiLMConfig(
    char_cnn=CharCNNConfig(embedding_dim=4, filters=((1, 8), (3, 8)), max_characters=12), dim=6, lstm_dim=6
)
TEXT = "\ufeffThe cat sat .\r\n\n \t\nnaïve 🙂 का\none\n\n" + "word " * 40 + "\nlast line without an end"
SENTENCES = [
    ["The", "cat", "sat", "."],
    [],
    [],
    ["naïve", "🙂", "का"],
    ["one"],
    [],
    ["word"] * 40,
    ["last", "line", "without", "an", "end"],
]
SUFFIXES = [".h5", ".hdf5", ".parquet", ".safetensors", ".npz"]
METADATA = ("model", "layers", "pool", "dtype", "tokenization")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    return save_model(tmp_path / "model", BiLM(CONFIG), Tokenization(kind="whitespace"))


@pytest.fixture
def text(tmp_path: Path) -> Path:
    (tmp_path / "text.txt").write_bytes(TEXT.encode())
    return tmp_path / "text.txt"


def read(path: Path) -> tuple[list[list[str]], list[np.ndarray]]:
    """Words and arrays by sentence, as each format's own library gives them."""
    if path.suffix == ".parquet":
        table = parquet.read_table(path)
        names = [name for name in table.column_names if name != "words"]
        shape = (-1, 12)
        kind = np.float16 if "halffloat" in str(table.schema.field(names[0]).type) else np.float32
        rows = [
            np.stack([np.array(row[name], dtype=kind).reshape(shape) for name in names]) for row in table.to_pylist()
        ]
        return table["words"].to_pylist(), [row[0] if names == ["vectors"] else row for row in rows]
    if path.suffix in (".safetensors", ".npz"):
        flat = load_file(path) if path.suffix == ".safetensors" else dict(np.load(path, allow_pickle=False))
        data, bounds = flat["words"].tobytes(), flat["word_offsets"]
        words = [data[a:b].decode() for a, b in itertools.pairwise(bounds)]
        pairs = list(itertools.pairwise(flat["offsets"]))
        vectors = [flat["vectors"][a:b] for a, b in pairs]
        return [words[a:b] for a, b in pairs], [v.swapaxes(0, 1) if v.ndim == 3 else v for v in vectors]
    with h5py.File(path) as file:
        pairs = list(itertools.pairwise(file["offsets"][:]))
        assert set(file) == {"words", "offsets", *map(str, range(len(pairs)))}
        return [list(file["words"].asstr()[a:b]) for a, b in pairs], [file[str(k)][:] for k in range(len(pairs))]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    ("layers", "dtype"), [("all", "float32"), ("top", "float16"), ("1", "float32"), ("mean", "float32")]
)
def test_files_hold_what_embed_gives(
    model: Path, text: Path, tmp_path: Path, suffix: str, layers: Any, dtype: Any
) -> None:
    output = tmp_path / f"vectors{suffix}"
    embed_command(str(model), str(text), str(output), layers=layers, dtype=dtype, quiet=True, batch_tokens=16)
    words, arrays = read(output)
    assert words == SENTENCES
    number = int(layers) if layers.isdigit() else layers
    expected = Elmo.from_pretrained(model).embed(SENTENCES, layers=number, batch_tokens=16)
    for found, array in zip(arrays, expected, strict=True):
        assert found.dtype == dtype and found.shape == array.shape
        np.testing.assert_array_equal(found, array.astype(dtype))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "text.txt", output.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_many_lines_in_several_pieces(
    model: Path, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vector_files, "BUFFER_BYTES", 20_000)
    sentences = [[f"w{n % 50}"] * (n % 4) for n in range(2000)]
    (tmp_path / "many.txt").write_text("".join(" ".join(words) + "\n" for words in sentences))
    elmo = Elmo.from_pretrained(model)
    shape = embed_file(elmo, tmp_path / "many.txt", tmp_path / f"v{suffix}", layers="top", batch_tokens=256)
    assert (shape.num_sentences, shape.num_words) == (2000, 3000)
    words, arrays = read(tmp_path / f"v{suffix}")
    assert words == sentences
    for found, array in zip(arrays, elmo.embed(sentences, layers="top", batch_tokens=256), strict=True):
        np.testing.assert_array_equal(found, array)


def test_a_text_of_empty_lines(model: Path, tmp_path: Path) -> None:
    (tmp_path / "blank.txt").write_text("\n\n")
    for suffix in SUFFIXES:
        embed_command(str(model), str(tmp_path / "blank.txt"), str(tmp_path / f"v{suffix}"), quiet=True)
        words, arrays = read(tmp_path / f"v{suffix}")
        assert words == [[], []] and [array.shape for array in arrays] == [(3, 0, 12)] * 2


def test_json_lines(tmp_path: Path) -> None:
    lines = [
        '["New York", "is"]',
        "",
        '{"words": ["a", "b"], "id": 3}',
        '"a plain string"',
        "[]",
        '{"words": "one two"}',
    ]
    with gzip.open(tmp_path / "in.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join(lines))
    found = list(read_sentences(str(tmp_path / "in.jsonl.gz"), Tokenization(kind="whitespace")))
    assert found == [["New York", "is"], [], ["a", "b"], ["a", "plain", "string"], [], ["one", "two"]]


def test_tokenizer_of_the_model_or_as_told(model: Path, tmp_path: Path) -> None:
    (tmp_path / "raw.txt").write_text("It's here. There too.\n")
    for tokenizer, number in ((None, 4), ("words", 7)):
        output = str(tmp_path / "v.h5")
        embed_command(str(model), str(tmp_path / "raw.txt"), output, tokenizer=tokenizer, overwrite=True, quiet=True)
        assert len(read(Path(output))[0][0]) == number


def test_estimate_and_progress_go_to_standard_error(
    model: Path, text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        embed_command(str(model), str(text), str(tmp_path / "v.h5"))
    assert "53 words in 8 sentences" in caplog.text and "free" in caplog.text
    output = capsys.readouterr()
    assert output.out == "" and "word" in output.err


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_estimate_is_near(model: Path, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "t.txt").write_text("some words of a sentence\n" * 2000)
    told: list[float] = []
    monkeypatch.setattr(output_file, "_size", lambda number: told.append(number) or "")
    embed_command(str(model), str(tmp_path / "t.txt"), str(tmp_path / f"v{suffix}"), quiet=True)
    assert 0.6 < told[0] / (tmp_path / f"v{suffix}").stat().st_size < 1.6


def test_a_full_disk_is_told_before(model: Path, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=100))
    with pytest.raises(ConfigError, match=r"v\.h5: expected .* of free disk space, found 100 B"):
        embed_command(str(model), str(text), str(tmp_path / "v.h5"), quiet=True)
    assert not (tmp_path / "v.h5").exists()


def test_output_errors(model: Path, text: Path, tmp_path: Path) -> None:
    (tmp_path / "there.h5").write_text("mine")
    (tmp_path / "folder.h5").mkdir()
    for output, overwrite, match in [
        ("there.h5", False, r"there\.h5: expected nothing there, found a file \(--overwrite"),
        ("folder.h5", True, "found a directory"),
        ("vectors.xlsx", False, "expected an output named .h5, .*, .npz, found '.xlsx'"),
        ("none/v.h5", False, "expected an existing folder"),
    ]:
        with pytest.raises(ConfigError, match=match):
            embed_command(str(model), str(text), str(tmp_path / output), overwrite=overwrite)
    assert (tmp_path / "there.h5").read_text() == "mine"
    embed_command(str(model), str(text), str(tmp_path / "there.h5"), overwrite=True, quiet=True)
    assert len(read(tmp_path / "there.h5")[0]) == len(SENTENCES)
    with pytest.raises(ConfigError, match="expected another file than the input"):
        embed_command(str(model), str(tmp_path / "there.h5"), str(tmp_path / "there.h5"), overwrite=True)
    with pytest.raises(ConfigError, match="layers: expected all, mean, top or a number in -3..2, found 'tpo'"):
        embed_command(str(model), str(text), str(tmp_path / "v.h5"), layers="tpo")


@pytest.mark.parametrize(
    ("name", "data", "match"),
    [
        ("none.txt", None, "none.txt: expected a file"),
        ("empty.txt", b"", "empty.txt: expected text, found an empty file"),
        ("latin.txt", b"one\nna\xefve\n", "latin.txt, line 2, byte 6: expected UTF-8"),
        ("nul.txt", b"one\ntwo\0\n", "nul.txt, line 2, byte 7: .*NUL"),
        ("bad.jsonl", b'["a"]\n["b"\n', "bad.jsonl, line 2: expected a JSON object"),
        ("number.jsonl", b'["a"]\n7\n', "number.jsonl, line 2: expected text or words"),
        ("type.jsonl", b'["a", 7]\n', "type.jsonl, line 1: expected words"),
        (
            "field.jsonl",
            b'{"body": ["a"]}\n',
            "field.jsonl, line 1: expected one field of text, words, tokens, found body",
        ),
        ("nested.jsonl", b'[["a"], ["b"]]\n', "nested.jsonl, line 1: expected the words of one sentence"),
    ],
)
@pytest.mark.parametrize("suffix", [".h5", ".safetensors"])
def test_input_errors(model: Path, tmp_path: Path, name: str, data: bytes | None, match: str, suffix: str) -> None:
    if data is not None:
        (tmp_path / name).write_bytes(data)
    before = set(tmp_path.iterdir())
    with pytest.raises(CorpusError, match=match) as caught:
        embed_command(str(model), str(tmp_path / name), str(tmp_path / f"v{suffix}"), quiet=True)
    assert "\n" not in str(caught.value) and set(tmp_path.iterdir()) == before


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_crash_leaves_the_old_file(
    model: Path, text: Path, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / f"v{suffix}"
    output.write_text("old")
    sentences = read_sentences
    calls = []

    def fails_in_the_second_pass(*arguments: Any) -> Any:
        calls.append(1)
        yield from itertools.islice(sentences(*arguments), None if len(calls) == 1 else 4)
        if len(calls) > 1:
            raise RuntimeError("no power")

    monkeypatch.setattr(sentence_source, "read_sentences", fails_in_the_second_pass)
    with pytest.raises(RuntimeError, match="no power"):
        embed_command(str(model), str(text), str(output), overwrite=True, quiet=True, batch_tokens=2)
    assert output.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "text.txt", output.name]


def test_jsonl_words_are_kept_as_they_are(model: Path, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(json.dumps(["New York", "e\u0301"]) + "\n")
    embed_command(str(model), str(tmp_path / "in.jsonl"), str(tmp_path / "v.parquet"), quiet=True)
    assert read(tmp_path / "v.parquet")[0] == [["New York", "e\u0301"]]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("size", [0, 1000, 6000])
def test_a_full_disk_is_an_error_and_leaves_nothing(
    suffix: str, size: int, model: Path, text: Path, tmp_path: Path, small_files: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    text.write_text("a few words\n" * 200)
    before = sorted(tmp_path.iterdir())
    with small_files(size):
        assert main(["embed", str(model), str(text), str(tmp_path / f"vectors{suffix}"), "--quiet"]) == 2
    assert re.search("elmo-lite: error: .*File too large.*\n$", capsys.readouterr().err)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(("value", "shown"), [(np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf")])
@pytest.mark.parametrize("layers", ["all", "mean", 0])
def test_vectors_that_are_not_finite_are_not_written(
    value: float, shown: str, layers: Any, text: Path, tmp_path: Path
) -> None:
    elmo = Elmo(BiLM(CONFIG))
    with torch.no_grad():
        elmo.bilm.char_cnn.embedding.weight[ord("1") + 1] = value  # a byte of a single word
        elmo.bilm.char_cnn.projection.weight.abs_()
    text.write_text("a b\n\nb c\nd 1 e\nf\n")
    with pytest.raises(
        CheckpointError, match=r"^sentence 4: expected finite float32 vectors, found -?(nan|inf) for 'd 1 e'$"
    ):
        embed_file(elmo, text, tmp_path / "vectors.safetensors", layers=layers)
    assert not (tmp_path / "vectors.safetensors").exists()


def test_vectors_too_large_for_float16(text: Path, tmp_path: Path) -> None:
    elmo = Elmo(BiLM(CONFIG))
    with torch.no_grad():
        elmo.bilm.char_cnn.projection.bias.fill_(-70_000)
    message = (
        r"^sentence 1: expected finite float16 vectors, found -(69|70)\d\d\d.* for 'The cat sat .' \(--dtype float32 "
    )
    with pytest.raises(CheckpointError, match=message):
        embed_file(elmo, text, tmp_path / "vectors.h5", dtype="float16")
    embed_file(elmo, text, tmp_path / "vectors.h5", dtype="float32")
    assert read(tmp_path / "vectors.h5")[1][0].min() < -69_000


def metadata_of(path: Path) -> dict[str, str]:
    if path.suffix == ".parquet":
        found = {key.decode(): value.decode() for key, value in parquet.read_schema(path).metadata.items()}
    elif path.suffix == ".safetensors":
        with safe_open(path, "np") as file:
            found = file.metadata()
    elif path.suffix == ".npz":
        found = json.loads(str(np.load(path)["metadata"]))
    else:
        with h5py.File(path) as file:
            found = dict(file.attrs)
    return {key: value for key, value in found.items() if key in METADATA}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_files_say_what_they_hold(model: Path, text: Path, tmp_path: Path, suffix: str) -> None:
    embed_command(str(model), str(text), str(tmp_path / f"v{suffix}"), layers="top", dtype="float16", quiet=True)
    found = metadata_of(tmp_path / f"v{suffix}")
    assert json.loads(found.pop("tokenization")) == Tokenization(kind="whitespace").to_dict()
    assert found == {"model": str(model), "layers": "top", "pool": "none", "dtype": "float16"}


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(("pool", "layers", "dtype"), [("mean", None, "float32"), ("max", "0", "float16")])
def test_one_vector_per_sentence(
    model: Path, text: Path, tmp_path: Path, suffix: str, pool: Any, layers: str | None, dtype: Any
) -> None:
    path = tmp_path / f"v{suffix}"
    embed_command(str(model), str(text), str(path), pool=pool, layers=layers, dtype=dtype, quiet=True)
    if suffix == ".parquet":
        table = parquet.read_table(path)
        vectors = np.array(table["vectors"].to_pylist(), dtype=dtype)
        assert table["words"].to_pylist() == SENTENCES
    elif suffix in (".h5", ".hdf5"):
        with h5py.File(path) as file:
            vectors = file["vectors"][:]
            assert set(file) == {"words", "offsets", "vectors"} and file.attrs["pool"] == pool
    else:
        vectors = (load_file(path) if suffix == ".safetensors" else np.load(path))["vectors"]
    expected = Elmo.from_pretrained(model).embed_sentences(SENTENCES, pool, "mean" if layers is None else int(layers))
    assert vectors.dtype == dtype and vectors.shape == (len(SENTENCES), 12) and not vectors[1].any()
    np.testing.assert_array_equal(vectors, expected.astype(dtype))


def test_pooling_needs_one_vector_per_word(model: Path, text: Path, tmp_path: Path) -> None:
    for settings, match in [
        ({"pool": "mean", "layers": "all"}, "layers: expected mean, top or a number for sentence vectors, found 'all'"),
        ({"pool": "sum"}, "pool: expected mean or max, found 'sum'"),
    ]:
        with pytest.raises(ConfigError, match=match):
            embed_command(str(model), str(text), str(tmp_path / "v.npz"), **settings)  # type: ignore[arg-type]
    assert not (tmp_path / "v.npz").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes by name")
@pytest.mark.parametrize("spool_bytes", [10, 1 << 24])
def test_a_pipe_is_read_once(
    model: Path, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spool_bytes: int
) -> None:
    monkeypatch.setattr(sentence_source, "_SPOOL_BYTES", spool_bytes)
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(TEXT.encode(),))
    writer.start()
    embed_command(str(model), str(tmp_path / "pipe"), str(tmp_path / "pipe.npz"), quiet=True)
    writer.join()
    embed_command(str(model), str(text), str(tmp_path / "file.npz"), quiet=True)
    assert (tmp_path / "pipe.npz").read_bytes() == (tmp_path / "file.npz").read_bytes()
    assert read(tmp_path / "pipe.npz")[0] == SENTENCES


def test_standard_input_and_output(model: Path, text: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "elmo_lite", "embed", str(model), "-", "-", "--quiet", "--threads", "1"]
    done = subprocess.run(command, cwd=Path(__file__).parents[3], input=TEXT.encode(), capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    embed_command(str(model), str(text), str(tmp_path / "file.npz"), quiet=True)
    (tmp_path / "out.npz").write_bytes(done.stdout)
    for found, expected in zip(read(tmp_path / "out.npz")[1], read(tmp_path / "file.npz")[1], strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)
    done = subprocess.run(command, cwd=Path(__file__).parents[3], input=b"a\n\xff", capture_output=True, check=False)
    expected = (
        b"elmo-lite: error: standard input, line 2, byte 2: expected UTF-8, found byte 0xff (invalid start byte); "
        b"iconv converts other encodings\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (2, b"", expected)


def test_vectors_are_not_written_to_a_terminal(model: Path, text: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with pytest.raises(ConfigError, match="^OUTPUT: expected a file or a pipe for binary data, found 'a terminal'$"):
        embed_command(str(model), str(text), "-")


@pytest.mark.parametrize("tokenizer", [None, "words"])
def test_the_segmenter_of_the_model_is_used(tokenizer: Any, tmp_path: Path, segmenters: Segmenters) -> None:
    """By the command and in Python; sentences given as words need no package."""
    save_model(tmp_path / "model", BiLM(CONFIG), Tokenization(segmenter="jieba"))
    (tmp_path / "text.txt").write_text("我们今天学习。\n", encoding="utf-8")
    (tmp_path / "words.jsonl").write_text('{"words": ["我", "们"]}\n', encoding="utf-8")
    given = str(tmp_path / "model"), str(tmp_path / "text.txt"), str(tmp_path / "v.h5")
    with pytest.raises(ModuleNotFoundError, match=r"expected jieba, .* pip install 'elmo_lite\[chinese\]'$"):
        embed_command(*given, tokenizer=tokenizer, quiet=True)
    assert not (tmp_path / "v.h5").exists()
    elmo = Elmo.from_pretrained(tmp_path / "model")
    assert "tokenisation words by jieba" in repr(elmo)
    with pytest.raises(ModuleNotFoundError, match="expected jieba"):
        elmo.embed(["我们"])
    assert elmo.embed([["我们"]])[0].shape[1] == 1 and elmo.tokenize("No such text.") == ["No", "such", "text", "."]
    embed_command(str(tmp_path / "model"), str(tmp_path / "words.jsonl"), str(tmp_path / "w.h5"), quiet=True)
    segmenters.install("jieba")
    embed_command(*given, tokenizer=tokenizer, quiet=True)
    assert read(tmp_path / "v.h5")[0] == [["我们", "今天", "学习", "。"]] and len(elmo.embed(["我们今天"])[0][0]) == 2
    assert read(tmp_path / "w.h5")[0] == [["我", "们"]]
