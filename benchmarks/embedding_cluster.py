"""Speed and memory of ``elmo-lite embed``: one process beside Ray Data with one worker and more.

    python benchmarks/embedding_cluster.py [TEXT] [--model en] [--words 1000000] [--workers 1 2] [--layers top]
        [--dtype float16] [--threads 1] [--folder DIR] [--json FILE]

TEXT has one sentence per line; it is repeated until there are --words words. Defaults to synthetic sentences of
Zipf-distributed words. Each engine is the command itself, in a process of its own. Files are read back (every sentence
once and in order; the vectors of the first against those of one process, within 1 % of the largest value) and deleted
before the next engine begins.

"start" is the time of the same command on one line: Python, torch, the model and, with Ray, a cluster. "words/s" is
over the whole time, "without start" over the rest. Memory is the largest resident set of a process that computes
vectors.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from itertools import chain, cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
from embedding import made_up_sentences
from pyarrow import parquet

SAMPLE = 1000
"""Number of sentences whose vectors are compared."""


def write_text(target: Path, source: Path | None, words: int) -> tuple[int, int]:
    """Write a text of about this many words; returns its sentences and words."""
    lines = source.read_text(encoding="utf-8").splitlines() if source else map(" ".join, made_up_sentences(20_000))
    sentences = [line.split() for line in lines if line.strip()]
    written = number = 0
    with target.open("w", encoding="utf-8") as file:
        for sentence in cycle(sentences):
            file.write(" ".join(sentence) + "\n")
            written, number = written + len(sentence), number + 1
            if written >= words:
                return number, written
    raise SystemExit(f"{source}: expected text, found none")


class MemoryWatch(threading.Thread):
    """Largest resident set, in bytes, of the process with an id and of workers of Ray, by reading /proc."""

    def __init__(self, process: int) -> None:
        """Watch until ``stop``."""
        super().__init__(daemon=True)
        self.process, self.largest, self.stopped = process, 0, threading.Event()

    def run(self) -> None:
        """Look five times a second."""
        page = os.sysconf("SC_PAGE_SIZE")
        while not self.stopped.wait(0.2):
            for entry in Path("/proc").glob("[0-9]*"):
                try:
                    title = (entry / "cmdline").read_bytes()
                    if int(entry.name) == self.process or (title.startswith(b"ray::") and b"PartEmbedder" in title):
                        pages = int((entry / "statm").read_text().split()[1])
                        self.largest = max(self.largest, page * pages)
                except OSError:
                    continue


def run(arguments: argparse.Namespace, text: Path, output: Path, workers: int | None) -> tuple[float, int]:
    """Run the command; returns seconds and bytes of memory."""
    options = ["--layers", arguments.layers, "--dtype", arguments.dtype, "--threads", str(arguments.threads), "--quiet"]
    options += ["--engine", "ray", "--workers", str(workers)] if workers else []
    command = [sys.executable, "-m", "elmo_lite", "embed", arguments.model, str(text), str(output), *options]
    start = time.perf_counter()
    with subprocess.Popen(command) as process:
        watch = MemoryWatch(process.pid)
        watch.start()
        status = process.wait()
    watch.stopped.set()
    if status:
        raise SystemExit(f"{' '.join(command)}: exit status {status}")
    return time.perf_counter() - start, watch.largest


def rows_of(output: Path) -> Any:
    """Words and vectors of the sentences, in order, in constant memory."""
    for path in sorted(output.iterdir()) if output.is_dir() else [output]:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=64, columns=["words", "vectors"]):
                for words, vectors in zip(batch["words"], batch["vectors"], strict=True):
                    yield words.as_py(), vectors


def checked(output: Path, text: Path, expected: list[np.ndarray]) -> list[np.ndarray]:
    """Compare all sentences with the text and the first vectors with those expected; returns these vectors."""
    found: list[np.ndarray] = []
    with text.open(encoding="utf-8") as lines:
        for line, (words, vectors) in zip(lines, rows_of(output), strict=True):
            if words != line.split() or len(vectors.values) != len(words):
                raise SystemExit(f"{output}: expected {line.split()}, found {words}")
            if len(found) < SAMPLE:
                found.append(np.asarray(vectors.values.flatten().to_numpy(zero_copy_only=False), dtype=np.float32))
    for mine, other in zip(found, expected, strict=False):
        if mine.size and np.abs(mine - other).max() > 0.01 * np.abs(other).max():
            raise SystemExit(f"{output}: expected the vectors of one process, found others")
    return found


def measure(arguments: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    """A row per engine."""
    text, line = folder / "text.txt", folder / "line.txt"
    sentences, words = write_text(text, arguments.text, arguments.words)
    line.write_text("".join(islice(text.open(encoding="utf-8"), 1)), encoding="utf-8")
    rows: list[dict[str, Any]] = []
    expected: list[np.ndarray] = []
    for workers in chain([None], arguments.workers):
        output = folder / ("vectors" if workers else "vectors.parquet")
        start, _ = run(arguments, line, folder / f"line-{output.name}", workers)
        seconds, memory = run(arguments, text, output, workers)
        expected = checked(output, text, expected) or expected
        files = list(output.iterdir()) if output.is_dir() else [output]
        row = {"engine": f"ray, {workers} workers" if workers else "local", "words": words, "sentences": sentences}
        row |= {"seconds": seconds, "start": start, "words_per_s": words / seconds}
        row |= {"words_per_s_without_start": words / max(seconds - start, 1e-9), "memory": memory}
        rows.append(row | {"bytes": sum(path.stat().st_size for path in files), "files": len(files)})
        print(f"{row['engine']}: {seconds:.1f} s", file=sys.stderr)
        for path in folder.glob("*vectors*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown."""
    lines = ["| engine | words | s | start, s | words/s | without start | memory | written |", "|" + "---|" * 8]
    for row in rows:
        speeds = f"{row['words_per_s']:,.0f} | {row['words_per_s_without_start']:,.0f}"
        sizes = f"{row['memory'] / 2**20:,.0f} MiB | {row['bytes'] / 1e9:.2f} GB"
        times = f"{row['seconds']:.1f} | {row['start']:.1f}"
        lines.append(f"| {row['engine']} | {row['words']:,} | {times} | {speeds} | {sizes} |")
    return "\n".join(lines)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("text", nargs="?", type=Path, help="one sentence per line (default: synthetic sentences)")
    parser.add_argument("--model", default="en")
    parser.add_argument("--words", type=int, default=1_000_000)
    parser.add_argument("--workers", nargs="*", type=int, default=[1, 2])
    parser.add_argument("--layers", default="top", help="top, mean or a number")
    parser.add_argument("--dtype", default="float16")
    parser.add_argument("--threads", type=int, default=1, help="threads of one process, and of each worker")
    parser.add_argument("--folder", type=Path, help="where vectors are written (default: a temporary folder)")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        rows = measure(arguments, Path(folder))
    print(table(rows))
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
