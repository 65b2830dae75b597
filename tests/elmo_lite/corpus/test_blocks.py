"""A block's words, numbers and document edges."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from elmo_lite.corpus.blocks import EncodedBlock, Numbering, _start_worker, encode_block, encode_blocks
from elmo_lite.text.blocks import Block
from elmo_lite.text.tokenization import Tokenization


def block(data: bytes = b"", first_line: int = 1, records: tuple[list[str] | str, ...] = ()) -> Block:
    """A block of a text file, or of records."""
    return Block("f", "parquet" if records else "text", data, records, first_line, 0)


def encode(given: Block, keep_empty: bool = False) -> EncodedBlock:
    """Encode tokenised text."""
    return encode_block(given, Tokenization(kind="whitespace"), "text", keep_empty)


def ids(encoded: EncodedBlock) -> list[int]:
    """The block's numbers."""
    return [int(number) for number in np.frombuffer(encoded.ids, dtype=np.int32)]


def test_words_are_numbered_as_they_come() -> None:
    """Sentences end with 0; a blank line ends a document."""
    encoded = encode(block(b"a b a\nb c\n\nd\n"))
    assert encoded.words == b"a\nb\nc\nd"
    assert ids(encoded) == [1, 2, 1, 0, 2, 3, 0, 4, 0]
    assert encoded.documents == (7,)
    assert ids(encode(block(b"a\n \nb\n"), keep_empty=True)) == [1, 0, 0, 2, 0]


def test_records_are_documents() -> None:
    """Text has lines, blank ones end no document; words are a sentence; sentences are sentences."""
    encoded = encode(block(records=("a\n\nb", "", ["a b", "c"], [])))
    assert encoded.words.split(b"\n") == [b"a", b"b", b"a b", b"c"]
    assert ids(encoded) == [1, 0, 2, 0, 3, 4, 0]
    assert encoded.documents == (0, 4, 4, 7)


def test_an_empty_block_has_no_words() -> None:
    """Blank lines alone."""
    encoded = encode(block(b"\n\r\n \n"))
    assert (encoded.words, encoded.ids) == (b"", b"")


def test_blocks_come_in_order_from_processes() -> None:
    """The pool gives what one process gives."""
    blocks = [(number // 7, block(f"w{number} x w{number % 3}\n".encode())) for number in range(25)]
    tokenization = Tokenization()
    alone = list(encode_blocks(blocks, tokenization, "text", False, 1))
    assert [source for source, _ in alone] == [number // 7 for number in range(25)]
    assert list(encode_blocks(blocks, tokenization, "text", False, 2)) == alone


def test_few_blocks_are_read_ahead() -> None:
    """Memory does not grow with the text, however slow the workers are."""
    taken = []

    def blocks() -> Iterator[tuple[int, Block]]:
        for number in range(100):
            taken.append(number)
            yield 0, block(b"a b\n")

    encoded = encode_blocks(blocks(), Tokenization(), "text", False, 2)
    next(encoded)
    assert len(taken) == 2 * 2 + 2 + 1
    assert len(list(encoded)) == 99


def test_workers_leave_interrupts_to_the_parent() -> None:
    """Ctrl-C reaches all processes of a terminal, and one line is enough."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # where it is ignored, workers would inherit that
    try:
        with ProcessPoolExecutor(1, get_context("spawn"), _start_worker) as pool:
            assert pool.submit(signal.getsignal, signal.SIGINT).result() is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_numbering() -> None:
    """From 1, each word once."""
    numbers = Numbering()
    assert [numbers[word] for word in ("a", "b", "a")] == [1, 2, 1]


def test_a_script_without_a_guard_is_told_so(tmp_path: Path) -> None:
    """Spawned processes run the script again, which would start processes of its own."""
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True)
    assert "expected 2 processes that run to the end, found one that ended before" in done.stdout
    assert 'if __name__ == "__main__"' in done.stdout


UNGUARDED = """
from elmo_lite.corpus.blocks import encode_blocks
from elmo_lite.errors import CorpusError
from elmo_lite.text.blocks import Block
from elmo_lite.text.tokenization import Tokenization

try:
    list(encode_blocks([(0, Block("f", "text", b"a b", (), 1, 0))], Tokenization(), None, False, 2))
except CorpusError as error:
    print(error)
"""

PARENT = """
import multiprocessing, os, signal
from elmo_lite.corpus.blocks import encode_blocks
from elmo_lite.text.blocks import Block
from elmo_lite.text.tokenization import Tokenization

if __name__ == "__main__":
    blocks = ((0, Block("f", "text", b"a b\\n", (), 1, 0)) for _ in range(100))
    for _ in encode_blocks(blocks, Tokenization(), None, False, 2):
        print(*(child.pid for child in multiprocessing.active_children()), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks processes up")
def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    root = str(Path(__file__).parents[3])
    environment = {**os.environ, "PYTHONPATH": root}
    done = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    workers = [int(number) for number in done.stdout.split()]
    assert len(workers) == 2
    for _ in range(100):
        if not any(is_running(number) for number in workers):
            return
        time.sleep(0.1)
    raise AssertionError("workers are left")


def is_running(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
