"""Speed in words/s and peak memory of building a corpus directory, over all processes.

    python benchmarks/corpus.py FILE... [--num_processes N] [--out DIR] [--json FILE]
    python benchmarks/corpus.py --treebank dev.conllu [--json FILE]

Time is wall time from the first byte read until the directory is in place. It includes decompression and the start of
processes. Memory is sampled from /proc (Linux) for this process and its descendants, in two ways. The proportional set
size counts a page that several processes share once; the sum of resident sizes counts it in each of them.

``--treebank`` measures instead how well the words and sentence ends found in raw text agree with a CoNLL-U treebank. If
pysbd is installed, it is measured as well.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from elmo_lite.corpus.builder import CorpusSettings, build_corpus
from elmo_lite.text.tokenization import Tokenization

SAMPLE_SECONDS = 0.2
Paragraph = list[tuple[str, list[str]]]


class MemorySampler(threading.Thread):
    """Peak memory, in bytes, of this process and its descendants while the thread runs."""

    def __init__(self) -> None:
        """Nothing is sampled before ``start``."""
        super().__init__(daemon=True)
        self.proportional = 0
        self.resident = 0
        self.finished = threading.Event()

    def run(self) -> None:
        """Sample until stopped."""
        while not self.finished.wait(SAMPLE_SECONDS):
            sizes = [_memory(pid) for pid in [os.getpid(), *_descendants(os.getpid())]]
            self.proportional = max(self.proportional, sum(size[0] for size in sizes))
            self.resident = max(self.resident, sum(size[1] for size in sizes))

    def stop(self) -> None:
        """End the thread."""
        self.finished.set()
        self.join()


def _memory(pid: int) -> tuple[int, int]:
    """(proportional, resident) bytes; 0 for a process that has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0, 0
    sizes = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines[1:]}
    return sizes.get("Pss", 0), sizes.get("Rss", 0)


def _descendants(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            children = (task / "children").read_text().split()
        except OSError:
            continue
        for child in map(int, children):
            yield child
            yield from _descendants(child) if Path(f"/proc/{child}/task").exists() else ()


def measure(files: list[str], num_processes: int | None, out: Path) -> dict[str, Any]:
    """Build a corpus and say what it took."""
    sampler = MemorySampler()
    sampler.start()
    begin = time.perf_counter()
    meta = build_corpus(files, out, CorpusSettings(), num_processes=num_processes)
    seconds = time.perf_counter() - begin
    sampler.stop()
    words = meta["train"]["words"] + meta["held_out"]["words"]
    return {
        "processes": num_processes or os.cpu_count(),
        "load_average": os.getloadavg()[0],
        "words": words,
        "distinct_words": meta["distinct_words"],
        "seconds": seconds,
        "words_per_second": words / seconds,
        "peak_proportional_bytes": sampler.proportional,
        "peak_resident_sum_bytes": sampler.resident,
    }


def read_paragraphs(path: Path) -> list[Paragraph]:
    """A treebank's paragraphs: sentences as (text, words)."""
    found: list[Paragraph] = [[]]
    for line in path.read_text(encoding="utf-8").split("\n"):
        if line.startswith(("# newpar", "# newdoc")) and found[-1]:
            found.append([])
        elif line.startswith("# text = "):
            found[-1].append((line.removeprefix("# text = "), []))
        elif line[:1].isdigit() and line.split("\t")[0].isdecimal():
            found[-1][-1][1].append(line.split("\t")[1])
    return found


def _ends(sentences: Iterable[str]) -> set[int]:
    """Where sentences end, in characters that are no blanks; the last end is no decision."""
    ends, position = [], 0
    for sentence in sentences:
        position += len("".join(sentence.split()))
        ends.append(position)
    return set(ends[:-1])


def _spans(words: Iterable[str]) -> set[tuple[int, int]]:
    spans, position = set(), 0
    for word in words:
        spans.add((position, position + len(word)))
        position += len(word)
    return spans


def agreement(pairs: Iterable[tuple[set[Any], set[Any]]]) -> dict[str, float]:
    """Precision, recall and F1 of found against expected."""
    right = found = expected = 0
    for found_set, expected_set in pairs:
        right += len(found_set & expected_set)
        found += len(found_set)
        expected += len(expected_set)
    return {"precision": right / found, "recall": right / expected, "f1": 2 * right / (found + expected)}


def sentence_row(name: str, split: Callable[[str], list[str]], paragraphs: list[Paragraph]) -> dict[str, Any]:
    """How well and how fast a splitter finds the sentences of paragraphs."""
    texts = [" ".join(text for text, _ in paragraph) for paragraph in paragraphs]
    begin = time.perf_counter()
    found = [split(text) for text in texts]
    seconds = time.perf_counter() - begin
    expected = [[text for text, _ in paragraph] for paragraph in paragraphs]
    scores = agreement((_ends(a), _ends(b)) for a, b in zip(found, expected, strict=True))
    words = sum(len(words) for paragraph in paragraphs for _, words in paragraph)
    return {"what": f"sentences, {name}", **scores, "words_per_second": words / seconds}


def compare(path: Path) -> list[dict[str, Any]]:
    """Words and sentences against a treebank."""
    paragraphs, tokenization = read_paragraphs(path), Tokenization(normalization="none")
    # Sentences first: words analysed before are remembered, and would make the splitter look faster than it is.
    ours = sentence_row("elmo_lite", lambda text: ["".join(s) for s in tokenization.sentences(text)], paragraphs)
    sentences = [sentence for paragraph in paragraphs for sentence in paragraph]
    # A multiword token such as "gimme" has words that do not join to the text: left out.
    usable = [(text, words) for text, words in sentences if "".join(words) == "".join(text.split())]
    words = agreement((_spans(tokenization.words(text)), _spans(words)) for text, words in usable)
    rows: list[dict[str, Any]] = [{"what": "words", **words}, ours]
    try:
        import pysbd
    except ImportError:
        return rows
    return [*rows, sentence_row("pysbd", pysbd.Segmenter(language="en", clean=False).segment, paragraphs)]


def print_table(rows: list[dict[str, Any]]) -> None:
    """A line for every measure of every row."""
    for row in rows:
        for name, value in row.items():
            print(f"{name.removesuffix('_bytes'):28} {_shown(name, value)}")


def _shown(name: str, value: object) -> str:
    if isinstance(value, int) and name.endswith("_bytes"):
        return f"{value / 1e9:.2f} GB"
    return f"{value:,.3f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def main() -> None:
    """Parse arguments, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", help="text to build a corpus of")
    parser.add_argument("--num_processes", type=int, default=None)
    parser.add_argument("--out", type=Path, default=None, help="keep the corpus there")
    parser.add_argument(
        "--treebank", type=Path, default=None, help="a CoNLL-U file to compare words and sentences with"
    )
    parser.add_argument("--json", type=Path, default=None)
    arguments = parser.parse_args()
    if not arguments.files and arguments.treebank is None:
        parser.error("expected files, or --treebank FILE")
    rows = compare(arguments.treebank) if arguments.treebank else []
    if arguments.files:
        with tempfile.TemporaryDirectory() as folder:
            out = arguments.out or Path(folder) / "corpus"
            rows.append(measure(arguments.files, arguments.num_processes, out))
    print_table(rows)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
