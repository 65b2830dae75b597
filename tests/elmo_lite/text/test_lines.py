"""Lines of files, their limit, and compressed files that expand to much more."""

import bz2
import gzip
import io
import lzma
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from elmo_lite.errors import CorpusError
from elmo_lite.text.decompression import decompressed
from elmo_lite.text.lines import LineLimit, decoded_lines
from elmo_lite.text.records import json_values
from elmo_lite.text.sources import find_sources

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstandard.compress,
}
MEMORY = """
import re, sys
from elmo_lite.errors import CorpusError
from elmo_lite.text.lines import decoded_lines
from elmo_lite.text.sources import find_sources

def read(path):
    for source in find_sources([path]):
        yield from source.blocks()

def peak():  # in kilobytes, of this program alone: that of getrusage is at least that of the process that started it
    return int(re.search("VmHWM:[^0-9]*([0-9]+) kB", open("/proc/self/status").read())[1])

before = peak()
for reader in (decoded_lines, read):
    try:
        for _ in reader(sys.argv[1]):
            pass
    except CorpusError as error:
        print(str(error).split(": ", 1)[1])
print(peak() - before)
"""


@pytest.mark.parametrize("suffix", COMPRESS)
@pytest.mark.parametrize("name", ["a.txt", "a"])
def test_compressed_lines_whatever_the_name(tmp_path: Path, suffix: str, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(COMPRESS[suffix]("\ufeffone\ntwo é\n".encode()))
    assert list(decoded_lines(path)) == [(1, "one\n"), (2, "two é\n")]


def test_a_name_alone_does_not_compress(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_text("plain\n")
    assert list(decoded_lines(path)) == [(1, "plain\n")]
    path.write_text("BZhang, a name\n")  # as bzip2 begins, but for the rest of its first bytes
    assert list(decoded_lines(path)) == [(1, "BZhang, a name\n")]


@pytest.mark.parametrize("suffix", COMPRESS)
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_is_bounded_whatever_a_file_expands_to(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(COMPRESS[suffix](b"a" * (120 << 20)))
    assert path.stat().st_size < 1 << 20
    done = subprocess.run([sys.executable, "-c", MEMORY, str(path)], capture_output=True, text=True, check=True)
    first, second, grown = done.stdout.splitlines()
    assert first == second == "expected at most 16,777,216 bytes (--max_line_bytes raises this limit), found more"
    assert int(grown) < 90 << 10


def test_the_limit_can_be_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.txt"
    path.write_text("short\n" + "x" * 300 + "\n")
    monkeypatch.setattr(LineLimit, "num_bytes", 100)
    with pytest.raises(CorpusError, match=r"a\.txt, line 2: expected at most 100 bytes"):
        list(decoded_lines(path))
    with pytest.raises(CorpusError, match=r"a\.txt, line 2: expected at most 100 bytes"):
        list(find_sources([str(path)])[0].blocks(block_size=50))
    path.write_text('[{"text": "' + "x" * 200_000 + '"}]')
    with pytest.raises(CorpusError, match=r"a\.txt, record 1: expected at most 100 bytes"):
        list(json_values(path, is_array=True))
    monkeypatch.setattr(LineLimit, "num_bytes", 1 << 20)
    assert len(list(json_values(path, is_array=True))) == len(list(decoded_lines(path))) == 1


def test_xz_that_asks_for_much_memory_is_refused(tmp_path: Path) -> None:
    stored = lzma.compress(b"text\n")
    header = bytearray(stored[12 : 12 + 4 * (stored[12] + 1)])  # of the block, after that of the stream
    header[header.index(b"\x21\x01") + 2] = 38  # of the filter LZMA2: a dictionary of 2 GiB
    header[-4:] = zlib.crc32(bytes(header[:-4])).to_bytes(4, "little")
    path = tmp_path / "a.xz"
    path.write_bytes(stored[:12] + bytes(header) + stored[12 + len(header) :])
    with pytest.raises(CorpusError, match="a.xz: cannot be read: Memory usage limit exceeded"):
        list(decoded_lines(path))


def test_zstd_that_asks_for_much_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zst"
    frame = b"\x28\xb5\x2f\xfd\0" + bytes([18 << 3]) + b"\x09\0\0a"  # a window of 2 ** (10 + 18) bytes, one block: a
    path.write_bytes(frame)
    with pytest.raises(CorpusError, match="a.zst: cannot be read: .*: Frame requires too much memory"):
        list(decoded_lines(path))
    path.write_bytes(frame.replace(bytes([18 << 3]), bytes([17 << 3])))
    assert list(decoded_lines(path)) == [(1, "a")]


@pytest.mark.parametrize(("suffix", "padding"), [("xz", b"\0" * 8), ("xz", b"\0" * 4096), ("gz", b"\0" * 512)])
def test_padding_after_a_compressed_file(suffix: str, padding: bytes) -> None:
    one, two = COMPRESS[suffix](b"one\n") + padding, COMPRESS[suffix](b"two\n")
    assert decompressed(io.BytesIO(one)).read() == b"one\n"
    assert decompressed(io.BytesIO(one + two)).read() == b"one\ntwo\n"


def test_many_small_frames_take_linear_time() -> None:
    """Copying all that is left at each frame would move 25 GB here."""
    assert decompressed(io.BytesIO(zstandard.compress(b"") * 200_000 + zstandard.compress(b"end"))).read() == b"end"
