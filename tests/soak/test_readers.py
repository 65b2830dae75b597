"""Hostile, damaged and odd files through every reader: they are read, or refused in one line."""

import bz2
import gzip
import json
import lzma
import os
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard

from elmo_lite.errors import ElmoLiteError
from elmo_lite.text.blocks import block_records
from elmo_lite.text.kinds import kind_of
from elmo_lite.text.lines import LineLimit
from elmo_lite.text.samples import warn_of_beginnings
from elmo_lite.text.sentence_files import read_sentences
from elmo_lite.text.sources import find_sources
from elmo_lite.text.tokenization import Tokenization
from tasks.classification.data import read_labelled, read_texts
from tasks.classification.readers import DataConfig
from tasks.inputs.static_vectors import read_vectors
from tasks.ner.data import read_tagged
from tasks.ner.readers import read_sentences as sentences_to_tag

SOAK = int(os.environ.get("ELMO_LITE_SOAK", "1"))
NUM_INPUTS = 5000 * SOAK
SECONDS = 30
"""Far above the longest reading, so that a busy machine does not fail."""

ROWS = [{"text": "So good .", "label": 5.0}, {"words": ["So", "bad"], "label": "neg"}, {"text": None, "label": 1}]
TAGGED = [{"tokens": ["Anna", "works"], "ner_tags": ["B-PER", "O"]}, {"tokens": [], "tags": []}]
SEEDS: list[bytes] = [
    "The cat sat .\n\nZwölf Boxkämpfer 東京。\r\n\u2028x\u0085y\n".encode(),
    b"1\tOne sentence .\n2\tAnother one .\n",
    b"-DOCSTART- -X- O O\n\nEU NNP B-NP B-ORG\nrejects VBZ B-VP O\n\n",
    b"# id 1\tdomain=en\n1\ten:FC\tB-ORG\tO\n2-3\tab\t_\t_\n2\ten:Bremen\tI-ORG\tB-LOC\n3\t\tO\tO\n\n",
    b"gamma\tB\n-\tI\nwas\tO\n",
    b"(3 (2 It) (4 (4 (2 's) (3 lovely)) (2 .)))\n(2 stars)\n(4 Yes)\n",
    b'text,label\n"two\nlines, ""quoted""",pos\nb;c,neg\n',
    b'text\tlabel\n"She said ""no"""\tpos\nplain\tneg\n',
    "".join(json.dumps(row) + "\n" for row in ROWS).encode(),
    json.dumps(ROWS).encode(),
    "".join(json.dumps(row) + "\n" for row in TAGGED).encode(),
    json.dumps(TAGGED, indent=1).encode(),
    b'["a", "b c"]\n["d"]\n',
    b"2 3\nthe 1 2 3\ncat 0.5 -1 2e3\n",
    b"the\t1\t2\ncat\t3\t4\n",
    b"2 2\nthe " + struct.pack("<2f", 1, 2) + b"\ncat " + struct.pack("<2f", 3, 4) + b"\n",
    struct.pack("<i", 793712314) + struct.pack("<13id", 12, 4, 5, 5, 1, 5, 1, 2, 2, 10, 3, 6, 100, 1e-4) + bytes(60),
    b"PAR1" + bytes(40) + b"PAR1",
]
PIECES: list[bytes] = [
    b"\0", b"\xff", b"\xef\xbb\xbf", b"\n", b"\r", b"\n\n\n", b"\t", b'"', b'""', b"'", b",", b"{", b"}", b"[" * 300,
    b"]", b"(" * 300, b")", b"\\u0000", b"\\ud800", b"\\", b"#", b"# ", b"-DOCSTART-", b"O", b"B", b"B-", b"9" * 5000,
    b"-1", b"NaN", b"Infinity", b"1e999", b"null", b"true", b" ", b"text", b"label", b"tokens", b"x" * 2000,
    "。".encode() * 50, "\U0001f1e6".encode() * 50, "\u0301".encode() * 50, "\u2028".encode(), "\xa0".encode(),
    "\ud800".encode("utf-8", "surrogatepass"), b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\0", b"PK\x03\x04",
    b"\x28\xb5\x2f\xfd", b"\x80\x04K.",
]  # fmt: skip
SUFFIXES = ["", ".txt", ".jsonl", ".json", ".csv", ".tsv", ".conll", ".bio", ".parquet", ".bin", ".gz", ".jsonl.zst"]
COMPRESS: list[Callable[[bytes], bytes]] = [gzip.compress, bz2.compress, lzma.compress, zstandard.compress]
WORDS = Tokenization()


def corpus_records(name: str) -> Iterator[Any]:
    """What ``corpus`` and ``evaluate`` read."""
    sources = find_sources([name])
    warn_of_beginnings(sources)
    for source in sources:
        for block in source.blocks():
            if block.kind == "text":
                yield from map(WORDS.line_sentences, block.text().split("\n"))
            else:
                yield from block_records(block)


READERS: dict[str, Callable[[str], Any]] = {
    "kind": kind_of,
    "corpus": lambda name: list(corpus_records(name)),
    "embed": lambda name: list(read_sentences(name, WORDS)),
    "ner train": read_tagged,
    "ner predict": sentences_to_tag,
    "sentiment train": lambda name: read_labelled(name, DataConfig(phrases=True), WORDS.words, training=True),
    "sentiment predict": lambda name: read_texts(name, DataConfig(), WORDS.words),
    "vectors": lambda name: read_vectors(name, ["the", "cat", "dog"], extra_words=1),
}


def mutated(generator: np.random.Generator) -> bytes:
    """A seed with some bytes changed, removed, repeated or inserted; often compressed, then damaged again."""
    content = SEEDS[generator.integers(len(SEEDS))] * int(generator.choice([1, 1, 2, 40]))
    content = damaged(content, generator, int(generator.integers(0, 6)))
    if generator.random() < 0.2:
        content = COMPRESS[generator.integers(len(COMPRESS))](content)
        if generator.random() < 0.7:
            content = damaged(content, generator, 1)
    return content


def damaged(content: bytes, generator: np.random.Generator, times: int) -> bytes:
    for _ in range(times):
        start, stop = sorted(generator.integers(len(content) + 1, size=2).tolist())
        what = generator.integers(5)
        if what == 0:
            content = content[:start] + PIECES[generator.integers(len(PIECES))] + content[start:]
        elif what == 1 and content:
            place = min(start, len(content) - 1)
            content = content[:place] + bytes([generator.integers(256)]) + content[place + 1 :]
        elif what == 2:
            content = content[:start] + content[min(stop, start + 20) :]
        elif what == 3:
            content = content[:stop] + content[start:stop] + content[stop:]
        else:
            content = content[:stop]
    return content


@pytest.mark.parametrize("part", range(5))
def test_files_are_read_or_refused_in_one_line(part: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LineLimit, "num_bytes", 1 << 16)
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(part)
    refused = 0
    for number in range(NUM_INPUTS // 5):
        content = mutated(generator)
        name = f"input{SUFFIXES[generator.integers(len(SUFFIXES))]}"
        Path(name).write_bytes(content)
        reader = list(READERS)[generator.integers(len(READERS))]
        begun = time.perf_counter()
        try:
            READERS[reader](name)
        except ElmoLiteError as error:
            refused += 1
            assert "\n" not in str(error) and len(str(error)) < 1000, (part, number, reader, str(error))
        except Exception as error:
            kept = tmp_path / f"failed-{number}-{name}"
            kept.write_bytes(content)
            raise AssertionError(f"{reader} of {kept} (part {part}): {error!r:.300}") from error
        assert time.perf_counter() - begun < SECONDS, (part, number, reader, name)
        Path(name).unlink()
    assert 0.2 < refused / (NUM_INPUTS // 5) < 0.95
