"""Logistic probes on frozen layers: part-of-speech tags and named entities from each layer of a saved model.

For every layer, a multinomial logistic regression predicts the tag of a word from its vector. It is trained on part of
the training file and scored on the dev file; the model is frozen. Parts of speech are scored by accuracy. Named
entities are scored by F1 of entities (strict IOB2: an entity starts with B-, continues with I- of the same type, and
both ends and the type must match) and of tags other than O. The objective is convex, and it is minimised over all words
at once with weights that start at zero, so a probe has no seed. Errors are bootstrap standard errors over dev
sentences.

    python benchmarks/probe.py MODEL... --pos TRAIN.conllu DEV.conllu --ner TRAIN.iob2 DEV.iob2
        [--combine mean concat] [--untrained N] [--baseline] [--max_sentences 4000] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from elmo_lite.errors import CorpusError

Sentence = tuple[str, ...]
Kind = Literal["pos", "ner"]
Scores = dict[str, float]

SENTENCES_AT_ONCE = 512
BOOTSTRAP_SAMPLES = 1000


@dataclass(frozen=True)
class Tagged:
    """A sentence with one tag per word."""

    words: Sentence
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Task:
    """A prediction task: its training and dev sentences and tags."""

    kind: Kind
    train: list[Tagged]
    dev: list[Tagged]

    @property
    def tags(self) -> list[str]:
        """The tags of the training part, sorted."""
        return sorted({tag for sentence in self.train for tag in sentence.tags})


# Reading


def read_columns(path: Path, tag_column: int, min_columns: int) -> list[Tagged]:
    """Sentences of a TAB-separated file: id, word, ..., with ``#`` comments and blank lines between sentences.

    Rows with id ``n-m`` (a written word that the next rows split) and ``n.1`` (words that were left out) are skipped.

    Raises:
        CorpusError: a row with too few columns, or no sentence at all.
    """
    sentences: list[Tagged] = []
    rows: list[tuple[str, str]] = []
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate([*lines, "\n"], start=1):
            fields = line.rstrip("\r\n").split("\t")
            if fields == [""]:
                if rows:
                    sentences.append(Tagged(tuple(word for word, _ in rows), tuple(tag for _, tag in rows)))
                    rows = []
            elif fields[0].startswith("#"):  # a row begins with its id, even where the word is a #
                continue
            elif len(fields) < min_columns:
                raise CorpusError(f"{path}:{number}: expected {min_columns} columns between TABs, found {len(fields)}")
            elif fields[0].isdigit():
                rows.append((fields[1], fields[tag_column]))
    if not sentences:
        raise CorpusError(f"{path}: expected sentences in columns, found none")
    return sentences


def read_conllu(path: Path) -> list[Tagged]:
    """Words and UPOS tags of a CoNLL-U file."""
    return read_columns(path, tag_column=3, min_columns=10)


def read_iob2(path: Path) -> list[Tagged]:
    """Words and tags of a Universal NER file: id, token, tag, -, annotator."""
    return read_columns(path, tag_column=2, min_columns=3)


def select(sentences: list[Tagged], limit: int) -> list[Tagged]:
    """At most ``limit`` sentences, spread over the file, independent of the file's other contents.

    The choice depends on a checksum of the words, so that two annotations of a text are probed on the same sentences.
    """
    if len(sentences) <= limit:
        return sentences
    order = sorted(range(len(sentences)), key=lambda k: zlib.crc32("\t".join(sentences[k].words).encode()))
    return [sentences[k] for k in sorted(order[:limit])]


# Scoring


def entities(tags: Sequence[str]) -> set[tuple[int, int, str]]:
    """(start, end, type) of every entity of one sentence, strict IOB2: a stray I- is no entity."""
    found: set[tuple[int, int, str]] = set()
    start, kind = 0, ""
    for position, tag in enumerate([*tags, "O"]):
        if kind and tag != f"I-{kind}":
            found.add((start, position, kind))
            kind = ""
        if tag.startswith("B-"):
            start, kind = position, tag[2:]
    return found


def f1(correct: float, predicted: float, gold: float) -> float:
    """Harmonic mean of precision and recall in [0, 1]; 0 if both are undefined."""
    return 2 * correct / max(predicted + gold, 1)


def sentence_counts(kind: Kind, dev: list[Tagged], predicted: list[list[str]]) -> NDArray[np.float64]:
    """(S, 3): correct, predicted and gold entities of each sentence; for parts of speech words, all of them twice."""
    rows = []
    for sentence, guess in zip(dev, predicted, strict=True):
        if kind == "pos":
            right = sum(a == b for a, b in zip(sentence.tags, guess, strict=True))
            rows.append((right, len(guess), len(guess)))
        else:
            gold, found = entities(sentence.tags), entities(guess)
            rows.append((len(gold & found), len(found), len(gold)))
    return np.array(rows, dtype=np.float64)


def bootstrap_error(counts: NDArray[np.float64]) -> float:
    """Standard error, over resampled sentences, of the F1 of the summed (S, 3) counts.

    F1 equals accuracy if the predicted and gold counts are equal, as for parts of speech.
    """
    rng = np.random.default_rng(0)
    weights = rng.multinomial(len(counts), np.full(len(counts), 1 / len(counts)), size=BOOTSTRAP_SAMPLES)
    return float(np.std([f1(*sums) for sums in weights @ counts]))


def tag_f1(dev: list[Tagged], predicted: list[list[str]]) -> tuple[float, float]:
    """F1 of single tags other than O: micro (all together) and macro (mean over the dev tags)."""
    correct: Counter[str] = Counter()
    guessed: Counter[str] = Counter()
    gold: Counter[str] = Counter()
    for sentence, guess in zip(dev, predicted, strict=True):
        gold.update(sentence.tags)
        guessed.update(guess)
        correct.update(a for a, b in zip(sentence.tags, guess, strict=True) if a == b)
    names = sorted(tag for tag in gold | guessed if tag != "O")
    micro = f1(*(sum(c[name] for name in names) for c in (correct, guessed, gold)))
    macro = [f1(correct[name], guessed[name], gold[name]) for name in names if gold[name]]
    return micro, float(np.mean(macro)) if macro else 0.0


def score(kind: Kind, dev: list[Tagged], predicted: list[list[str]]) -> Scores:
    """Scores of predicted tags in percent; ``main`` is accuracy for parts of speech and entity F1 for names."""
    counts = sentence_counts(kind, dev, predicted)
    scores = {"main": 100 * f1(*counts.sum(axis=0)), "error": 100 * bootstrap_error(counts)}
    if kind == "ner":
        micro, macro = tag_f1(dev, predicted)
        scores |= {"tag_micro_f1": 100 * micro, "tag_macro_f1": 100 * macro}
    return scores


def by_sentence(flat: Sequence[str], dev: list[Tagged]) -> list[list[str]]:
    """Split the tags of all dev words into sentences."""
    remaining: Iterator[str] = iter(flat)
    return [[next(remaining) for _ in sentence.words] for sentence in dev]


def majority_baseline(task: Task) -> Scores:
    """Predict the most frequent training tag of each word, and of all words for an unknown one."""
    by_word: dict[str, Counter[str]] = defaultdict(Counter)
    overall: Counter[str] = Counter()
    for sentence in task.train:
        overall.update(sentence.tags)
        for word, tag in zip(sentence.words, sentence.tags, strict=True):
            by_word[word][tag] += 1
    default = overall.most_common(1)[0][0]
    best = {word: tags.most_common(1)[0][0] for word, tags in by_word.items()}
    return score(task.kind, task.dev, [[best.get(word, default) for word in s.words] for s in task.dev])


# The probe


@dataclass(frozen=True)
class Vectors:
    """Frozen layers of distinct sentences, concatenated."""

    layers: Tensor
    """(L, N, 2D) for N words."""
    start: dict[Sentence, int]
    """Where a sentence begins among the N."""

    def rows(self, sentences: list[Tagged]) -> Tensor:
        """Indices of all words of these sentences: (W,)."""
        return torch.cat([torch.arange(len(s.words)) + self.start[s.words] for s in sentences])

    def features(self, name: str, rows: Tensor) -> Tensor:
        """Vectors of words: of one layer by its index, the mean of all layers, or their concatenation: (W, F)."""
        if name == "mean":
            return self.layers.mean(dim=0)[rows]
        if name == "concat":
            return torch.cat([layer[rows] for layer in self.layers], dim=1)
        return self.layers[int(name)][rows]


def embed(model: Path, sentences: Sequence[Sentence]) -> Vectors:
    """All layers of distinct sentences, by a saved model."""
    from elmo_lite import Elmo

    elmo = Elmo.from_pretrained(str(model))
    start, offset = {}, 0
    for words in sentences:
        start[words] = offset
        offset += len(words)
    layers: Tensor | None = None
    for first in range(0, len(sentences), SENTENCES_AT_ONCE):
        part = sentences[first : first + SENTENCES_AT_ONCE]
        for words, vectors in zip(part, elmo.embed([list(words) for words in part], layers="all"), strict=True):
            if layers is None:
                layers = torch.empty(vectors.shape[0], offset, vectors.shape[2])
            layers[:, start[words] : start[words] + len(words)] = torch.from_numpy(np.asarray(vectors))
    assert layers is not None  # readers refuse files without sentences
    return Vectors(layers, start)


def preconditioner(features: Tensor, floor: float) -> Tensor:
    """The inverse square root of the features' covariance, whose eigenvalues are raised by ``floor``: (F, F)."""
    covariance = (features.T @ features).double() / len(features)
    values, axes = torch.linalg.eigh(covariance)
    root: Tensor = (axes * (values.clamp(min=0) + floor).rsqrt()) @ axes.T
    return root.to(features.dtype)


def fit_logistic(features: Tensor, labels: Tensor, num_classes: int, l2: float, max_iterations: int) -> nn.Linear:
    """Multinomial logistic regression by L-BFGS, from zero.

    Minimises the mean cross-entropy plus ``l2 / 2`` times the sum of squared weights, without the bias. The
    optimisation runs over decorrelated features, which leaves the minimum unchanged and needs a third of the steps.

    Args:
        features: (W, F), standardised.
        labels: (W,) in 0..num_classes - 1.
        num_classes: number of tags.
        l2: strength of the L2 penalty, positive.
        max_iterations: largest number of steps.
    """
    # With all tags equally likely the loss curves by covariance / num_classes, and the penalty by l2.
    rotation = preconditioner(features, l2 * num_classes)
    rotated = features @ rotation
    weight = torch.zeros(num_classes, features.shape[1], requires_grad=True)
    bias = torch.zeros(num_classes, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weight, bias],
        max_iter=max_iterations,
        max_eval=2 * max_iterations,
        tolerance_grad=1e-5,
        tolerance_change=1e-9,
        history_size=20,
        line_search_fn="strong_wolfe",
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(F.linear(rotated, weight, bias), labels)
        loss = loss + l2 / 2 * (weight @ rotation).square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    linear = nn.Linear(features.shape[1], num_classes)
    with torch.no_grad():
        linear.weight.copy_(weight @ rotation)
        linear.bias.copy_(bias)
    return linear


def probe(task: Task, vectors: Vectors, name: str, l2: float, max_iterations: int) -> Scores:
    """Train on the vectors of the training words and score on those of the dev words."""
    tags = task.tags
    number = {tag: k for k, tag in enumerate(tags)}
    labels = torch.tensor([number[tag] for s in task.train for tag in s.tags])
    train = vectors.features(name, vectors.rows(task.train))
    center, scale = train.mean(dim=0), train.std(dim=0).clamp(min=1e-6)
    linear = fit_logistic((train - center) / scale, labels, len(tags), l2, max_iterations)
    with torch.no_grad():
        dev = (vectors.features(name, vectors.rows(task.dev)) - center) / scale
        predicted = linear(dev).argmax(dim=1).tolist()
    return score(task.kind, task.dev, by_sentence([tags[k] for k in predicted], task.dev))


def probe_model(model: Path, label: str, tasks: list[Task], options: argparse.Namespace) -> list[dict[str, Any]]:
    """One row of figures for each layer and combination."""
    begun = time.perf_counter()
    vectors = embed(model, list(dict.fromkeys(s.words for task in tasks for s in (*task.train, *task.dev))))
    embedding_seconds = time.perf_counter() - begun
    rows = []
    for name in [*map(str, range(len(vectors.layers))), *options.combine]:
        begun = time.perf_counter()
        scores = {task.kind: probe(task, vectors, name, options.l2, options.max_iterations) for task in tasks}
        seconds = {"embedding_seconds": embedding_seconds, "probe_seconds": time.perf_counter() - begun}
        rows.append({"model": label, "features": name, "scores": scores, **seconds})
        print(f"{label} {name}: {seconds['probe_seconds']:.1f} s", file=sys.stderr)
    return rows


def probe_untrained(model: Path, seed: int, tasks: list[Task], options: argparse.Namespace) -> list[dict[str, Any]]:
    """Probe models of the same shape with untrained weights."""
    from elmo_lite.nn.bilm import BiLM
    from elmo_lite.saved_model.checkpoint import load_model, save_model

    saved = load_model(str(model))
    torch.manual_seed(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "untrained"
        save_model(path, BiLM(saved.bilm.config), saved.tokenization)
        return probe_model(path, f"untrained {seed} ({model.name})", tasks, options)


# The program


def format_table(rows: list[dict[str, Any]], kinds: Sequence[Kind]) -> str:
    """Format one line per model and layer: scores in percent, with the bootstrap standard error."""
    header = ["model", "features"]
    header += ["UPOS accuracy"] * ("pos" in kinds) + ["entity F1", "tag F1 micro", "tag F1 macro"] * ("ner" in kinds)
    lines = [header]
    for row in rows:
        line = [row["model"], row["features"]]
        for kind in ("pos", "ner"):
            if kind in row["scores"]:
                scores = row["scores"][kind]
                line.append(f"{scores['main']:.2f} +- {scores['error']:.2f}")
                line += [f"{scores[name]:.2f}" for name in ("tag_micro_f1", "tag_macro_f1") if name in scores]
        lines.append(line)
    widths = [max(len(line[k]) for line in lines) for k in range(len(header))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def read_tasks(options: argparse.Namespace) -> list[Task]:
    """The tasks selected on the command line."""
    tasks = []
    for kind, paths, read in (("pos", options.pos, read_conllu), ("ner", options.ner, read_iob2)):
        if paths is not None:
            tasks.append(Task(kind, select(read(paths[0]), options.max_sentences), read(paths[1])))  # type: ignore[arg-type]
    return tasks


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Logistic probes on the frozen layers of saved models.")
    parser.add_argument("models", nargs="*", type=Path, help="saved model directories")
    parser.add_argument("--pos", nargs=2, type=Path, metavar=("TRAIN", "DEV"), help="CoNLL-U files")
    parser.add_argument("--ner", nargs=2, type=Path, metavar=("TRAIN", "DEV"), help="Universal NER IOB2 files")
    parser.add_argument("--combine", nargs="*", choices=("mean", "concat"), default=[], help="also probe all layers")
    parser.add_argument("--untrained", type=int, default=0, metavar="N", help="also probe N untrained models each")
    parser.add_argument("--baseline", action="store_true", help="also score the most frequent tag of each word")
    parser.add_argument("--max_sentences", type=int, default=4000, help="training sentences used (default 4000)")
    parser.add_argument("--l2", type=float, default=1e-4, help="strength of the L2 penalty (default 1e-4)")
    parser.add_argument("--max_iterations", type=int, default=40, help="L-BFGS steps (default 40)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="CPU threads")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args(arguments)
    if options.pos is None and options.ner is None:
        parser.error("expected --pos or --ner, found neither")
    if not options.models and not options.baseline:
        parser.error("expected a saved model or --baseline, found neither")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark and return the exit status, 0 on success."""
    options = parse(arguments)
    torch.set_num_threads(options.threads)
    tasks = read_tasks(options)
    rows: list[dict[str, Any]] = []
    if options.baseline:
        scores = {task.kind: majority_baseline(task) for task in tasks}
        rows.append({"model": "commonest tag", "features": "word", "scores": scores})
    for model in options.models:
        for seed in range(options.untrained):
            rows += probe_untrained(model, seed, tasks, options)
        rows += probe_model(model, str(model), tasks, options)
    figures = {
        "settings": {name: getattr(options, name) for name in ("max_sentences", "l2", "max_iterations", "threads")},
        "words": {t.kind: {n: sum(len(s.words) for s in getattr(t, n)) for n in ("train", "dev")} for t in tasks},
        "results": rows,
    }
    print(format_table(rows, [task.kind for task in tasks]))
    print(json.dumps(figures))
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
