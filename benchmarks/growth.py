"""CPU time a word and memory as the text grows: building a corpus, pretraining on it, embedding.

    python benchmarks/growth.py TEXT... --out DIR [--model en] [--config laptop] [--steps 300] [--repeats 3]
        [--what corpus pretrain embed] [--sizes 1000000 10000000 78000000] [--embed_sizes 1000000 3000000 10000000]

TEXT has a paragraph per line and a blank line between articles; it is plain or compressed, and read in order. The text
of a size is its first whole articles; the largest size may be all there is. Embedding reads the same text as sentences
of words, one a line, and writes the top layer in float16.

A measurement is one call of the library in a process of its own, of one thread. CPU time is that of the process and its
children, user and system, without starting Python and importing torch. Memory is the largest resident set, which
includes pages of files that the system can take back, and the largest without these ("anonymous", sampled); Linux only.
Whatever is written is deleted. Finished measurements are kept in DIR/growth.json and are not repeated.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elmo_lite.corpus.builder import CorpusSettings, build_corpus
from elmo_lite.text.decompression import decompressed
from elmo_lite.text.tokenization import Tokenization

FILE = "growth.json"
SAMPLE_SECONDS = 0.1


class Memory(threading.Thread):
    """Largest memory of this process in bytes, in all and without pages of files."""

    def __init__(self) -> None:
        """Sample until ``stop``."""
        super().__init__(daemon=True)
        self.resident, self.anonymous, self.finished = 0, 0, threading.Event()

    def run(self) -> None:
        """Sample ten times a second, and once at the end."""
        while True:
            is_last = self.finished.wait(SAMPLE_SECONDS)
            lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
            sizes = {line.split(":")[0]: 1024 * int(line.split()[1]) for line in lines if line.endswith(" kB")}
            self.resident = sizes["VmHWM"]  # not that of getrusage, which may be that of the parent
            self.anonymous = max(self.anonymous, sizes["RssAnon"] + sizes["RssShmem"])
            if is_last:
                return

    def stop(self) -> None:
        """End the thread."""
        self.finished.set()
        self.join()


def cpu_seconds() -> float:
    """CPU time of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def corpus(source: Path, output: Path, arguments: argparse.Namespace) -> Callable[[], dict[str, float]]:
    """Building a corpus."""

    def call() -> dict[str, float]:
        meta = build_corpus([str(source)], output, CorpusSettings(), num_processes=1)
        words = meta["train"]["words"] + meta["held_out"]["words"]
        return {"words": words, "distinct_words": meta["distinct_words"]}

    return call


def pretraining(source: Path, output: Path, arguments: argparse.Namespace) -> Callable[[], dict[str, float]]:
    """Pretraining for some steps, from nothing to the saved model."""
    from pretraining import read_config  # with torch, which a process that builds a corpus does not need

    from elmo_lite.pretraining.pretrain import pretrain

    config = read_config(arguments.config)

    def call() -> dict[str, float]:
        done = pretrain(config, source, output, max_steps=arguments.steps, progress=False)
        return {"words": done["steps"] * config.data.batch_words}

    return call


def embedding(source: Path, output: Path, arguments: argparse.Namespace) -> Callable[[], dict[str, float]]:
    """Embedding a file of sentences with a loaded model."""
    from elmo_lite import Elmo
    from elmo_lite.embedding.embed import embed_file

    elmo = Elmo.from_pretrained(arguments.model)
    split = elmo.tokenization.with_kind("whitespace")

    def call() -> dict[str, float]:
        shape = embed_file(elmo, source, output, layers="top", dtype="float16", tokenization=split)
        return {"words": shape.num_words, "bytes": output.stat().st_size}

    return call


KINDS = {"corpus": corpus, "pretrain": pretraining, "embed": embedding}
"""Each prepares a call, whose cost is measured; it returns the ``words`` that it processed."""


def measure(kind: str, source: Path, output: Path, arguments: argparse.Namespace) -> dict[str, float]:
    """Measure a call in this process."""
    call = KINDS[kind](source, output, arguments)
    memory, before = Memory(), cpu_seconds()
    memory.start()
    facts = call()
    facts["cpu_seconds"] = cpu_seconds() - before
    memory.stop()
    return {**facts, "resident": memory.resident, "anonymous": memory.anonymous}


def articles(files: Sequence[Path]) -> Iterator[list[str]]:
    """The lines of each article."""
    article: list[str] = []
    for path in files:
        with path.open("rb") as file, decompressed(file) as stream:
            for line in stream:
                text = line.decode("utf-8").rstrip("\n")
                if text:
                    article.append(text)
                elif article:
                    yield article
                    article = []
    if article:
        yield article


@dataclass
class Inputs:
    """Texts, sentences and corpora of all sizes, each made once, when it is first needed, in a folder."""

    files: list[Path]
    folder: Path

    def text(self, size: int) -> Path:
        """The first articles that have ``size`` words together, or all."""
        path = self.folder / f"text-{size}.txt"
        if not path.exists():
            self._write(path, size, lambda article: article)
        return path

    def sentences(self, size: int) -> Path:
        """The same as tokenised sentences."""
        path, split = self.folder / f"sentences-{size}.txt", Tokenization().sentences
        if not path.exists():
            self._write(path, size, lambda article: [" ".join(words) for line in article for words in split(line)])
        return path

    def _write(self, path: Path, size: int, lines_of: Any) -> None:
        words = 0
        with path.open("w", encoding="utf-8") as file:
            for article in articles(self.files):
                lines = lines_of(article)
                file.write("\n".join(lines) + "\n\n")
                words += sum(len(line.split()) for line in lines)
                if words >= size:
                    return

    def corpus(self, size: int) -> Path:
        """A corpus of the text."""
        path = self.folder / f"corpus-{size}"
        if not path.exists():
            build_corpus([str(self.text(size))], path, CorpusSettings(), num_processes=1)
        return path

    def source(self, kind: str, size: int) -> Path:
        """What a measurement reads."""
        return {"corpus": self.text, "pretrain": self.corpus, "embed": self.sentences}[kind](size)


def run(kind: str, source: Path, output: Path, arguments: argparse.Namespace) -> dict[str, float]:
    """Measure in a process of its own, and delete what it wrote."""
    command = [sys.executable, __file__, "--measure", kind, str(source), str(output), "--config", arguments.config]
    command += ["--model", arguments.model, "--steps", str(arguments.steps), "--out", str(arguments.out)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{kind} of {source}: exit status {done.returncode}")
    shutil.rmtree(output) if output.is_dir() else output.unlink()
    found: dict[str, float] = json.loads(done.stdout)
    return found


def table(found: dict[str, list[dict[str, float]]]) -> list[str]:
    """Markdown: medians, and CPU time a word over that of the smallest size of its kind; keys are KIND-SIZE."""
    names = ["", "text, words", "processed, words", "CPU, s", "CPU, µs a word (range)", "over the smallest"]
    lines = [f"| {' | '.join([*names, 'resident', 'anonymous'])} |", "|" + "---|" * 8]
    base: dict[str, float] = {}
    for key in sorted(found, key=lambda key: (list(KINDS).index(key.split("-")[0]), int(key.split("-")[1]))):
        kind, size = key.split("-")
        turns = found[key]
        middle = {name: statistics.median(turn[name] for turn in turns) for name in turns[0]}
        each = sorted(1e6 * turn["cpu_seconds"] / turn["words"] for turn in turns)
        typical = statistics.median(each)
        distinct = f", {middle['distinct_words']:,.0f} distinct" if "distinct_words" in middle else ""
        ratio = typical / base.setdefault(kind, typical)
        cells = [kind, f"{int(size):,}", f"{middle['words']:,.0f}{distinct}", f"{middle['cpu_seconds']:.1f}"]
        cells += [f"{typical:.2f} ({each[0]:.2f}-{each[-1]:.2f})", f"{ratio:.2f}"]
        cells += [f"{middle[name] / 2**20:,.0f} MiB" for name in ("resident", "anonymous")]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, metavar="TEXT")
    parser.add_argument("--out", type=Path, required=True, help="directory of figures, and for what is written")
    parser.add_argument("--what", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--sizes", nargs="+", type=int, default=[1_000_000, 10_000_000, 78_000_000])
    parser.add_argument("--embed_sizes", nargs="+", type=int, default=[1_000_000, 3_000_000, 10_000_000])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--config", default="laptop")
    parser.add_argument("--model", default="en")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)  # kind, input and output: in this process
    arguments = parser.parse_args()
    if arguments.measure:
        kind, source, output = arguments.measure
        print(json.dumps(measure(kind, Path(source), Path(output), arguments)))
        return
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / FILE
    found: dict[str, list[dict[str, float]]] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    with tempfile.TemporaryDirectory(dir=arguments.out) as folder:
        inputs = Inputs(arguments.files, Path(folder))
        for turn in range(arguments.repeats):
            for kind in arguments.what:
                for size in arguments.embed_sizes if kind == "embed" else arguments.sizes:
                    turns = found.setdefault(f"{kind}-{size}", [])
                    if len(turns) > turn:
                        continue
                    output = Path(folder) / ("vectors.h5" if kind == "embed" else "written")
                    turns.append(run(kind, inputs.source(kind, size), output, arguments))
                    path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
                    print(f"{kind}, {size:,} words: {turns[-1]['cpu_seconds']:.1f} s", file=sys.stderr, flush=True)
    print("\n".join(table({key: turns for key, turns in found.items() if turns})))


if __name__ == "__main__":
    main()
