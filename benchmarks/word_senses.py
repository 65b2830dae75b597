"""Word senses by nearest neighbours in frozen layers, against the most frequent sense: SemCor, five folds of documents.

For every layer of a saved model, and for their mean, the sense of an occurrence is that of the nearest one in the other
documents (cosine), among occurrences of the same lemma and part of speech: the nearest occurrence, most of the ten
nearest ones, or the nearest mean vector of a sense (Peters et al. 2018, section 5.3). Equal vectors, as of one spelling
in the token layer, go to the sense that is most frequent in the other documents. A lemma that these lack gets the first
sense of WordNet in all rows.

Names (person, group, location) and senses that WordNet 3.0 lacks are left out. Of several senses of an occurrence each
is right. Words that SemCor joins, as in fountain_pen, are read one by one, and their vectors are averaged. Errors are
bootstrap standard errors over documents, of the difference to the most frequent sense.

    python benchmarks/word_senses.py semcor_in_original_format.tar.xz [--model en] [--folds 5] [--json FILE]
"""

from __future__ import annotations

import argparse
import html
import json
import os
import re
import sys
import tarfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from elmo_lite import Elmo
from elmo_lite.errors import CorpusError

PARTS_OF_SPEECH = {"1": "noun", "2": "verb", "3": "adjective", "4": "adverb", "5": "adjective"}
"""By the first digit of a sense key; 5 is an adjective satellite."""
BOOTSTRAP_SAMPLES = 1000
DECIMALS = 3
"""Similarities are rounded, so that vectors that are equal up to float16 tie."""

_WORD = re.compile(r"<wf ([^>]*)>(.*)</wf>")
_ATTRIBUTE = re.compile(r'(\w+)="?([^"\s>]*)"?')
_PUNCTUATION = re.compile(r"<punc>(.*)</punc>")
_QUOTES = {"``": '"', "''": '"'}


@dataclass(frozen=True)
class Tagged:
    """An occurrence with a sense."""

    document: int
    sentence: int
    start: int
    end: int
    """Its words are start..end - 1 of the sentence."""
    lemma: str
    """Lemma and part of speech."""
    senses: tuple[int, ...]
    """Numbers of its senses in WordNet, from 1."""


# Reading


def read_document(lines: Iterable[str], document: int, sentences: list[list[str]], tagged: list[Tagged]) -> None:
    """Add the sentences and tagged words of one document, line by line, as the files are not well-formed XML."""
    for line in lines:
        if line.startswith("<s "):
            sentences.append([])
        elif (found := _PUNCTUATION.match(line)) is not None:
            sentences[-1].append(_QUOTES.get(text := html.unescape(found[1]), text))
        elif (found := _WORD.match(line)) is not None:
            attributes = dict(_ATTRIBUTE.findall(found[1]))
            words = [word for word in html.unescape(found[2]).split("_") if word]
            start = len(sentences[-1])
            sentences[-1].extend(words)
            if words and (senses := senses_of(attributes)):
                part = PARTS_OF_SPEECH[attributes["lexsn"][0]]
                lemma = f"{attributes['lemma'].lower()} ({part})"
                tagged.append(Tagged(document, len(sentences) - 1, start, start + len(words), lemma, senses))


def senses_of(attributes: dict[str, str]) -> tuple[int, ...]:
    """The senses of a word by its attributes; none for names and for senses that WordNet 3.0 lacks (0)."""
    if "pn" in attributes or "rdf" in attributes or attributes.get("lexsn", "")[:1] not in PARTS_OF_SPEECH:
        return ()
    numbers = [number for number in attributes.get("wnsn", "").split(";") if number.isdecimal()]
    return tuple(dict.fromkeys(int(number) for number in numbers if int(number) > 0))


def read_semcor(path: Path) -> tuple[list[str], list[list[str]], list[Tagged]]:
    """Names of documents, sentences and tagged occurrences of the archive.

    Raises:
        CorpusError: there is no tagged word.
    """
    names: list[str] = []
    sentences: list[list[str]] = []
    tagged: list[Tagged] = []
    with tarfile.open(path) as archive:
        for member in sorted(archive.getmembers(), key=lambda member: member.name):
            file = archive.extractfile(member) if member.isfile() else None
            if file is not None:
                read_document(file.read().decode("utf-8").splitlines(), len(names), sentences, tagged)
                names.append(member.name)
    if not tagged:
        raise CorpusError(f"{path}: expected words with senses, found none")
    return names, sentences, tagged


# Vectors


def vectors_of(elmo: Elmo, sentences: list[list[str]], tagged: list[Tagged]) -> NDArray[np.float16]:
    """Vectors of length 1 of every layer, then of their mean, at tagged occurrences: (L + 1, N, 2D)."""
    by_sentence: dict[int, list[int]] = defaultdict(list)
    for number, one in enumerate(tagged):
        by_sentence[one.sentence].append(number)
    numbers = sorted(by_sentence)
    found = np.empty((elmo.num_layers + 1, len(tagged), elmo.output_dim), dtype=np.float16)
    for sentence, layers in zip(numbers, elmo.embed_iter(sentences[k] for k in numbers), strict=True):
        for number in by_sentence[sentence]:
            one = tagged[number]
            vectors = layers[:, one.start : one.end].mean(axis=1)
            vectors = np.concatenate([vectors, vectors.mean(axis=0, keepdims=True)])
            found[:, number] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return found


# Disambiguation


def sense_of_nearest(
    train: NDArray[Any], test: NDArray[Any], senses: Sequence[Sequence[int]], number: int = 1
) -> list[int]:
    """The sense that most of the nearest training vectors have.

    Args:
        train: Vectors of length 1, (M, 2D).
        test: Vectors of length 1, (N, 2D).
        senses: Senses of each training vector; the most frequent one of each counts.
        number: Number of vectors that vote.

    Returns:
        N senses. Where several are as near, or have as many votes, the one that most training vectors have; of equally
        many, the lowest.
    """
    order = by_frequency(senses)
    rank = {sense: place for place, sense in enumerate(order)}
    labels = np.array([min(rank[sense] for sense in own) for own in senses])
    by_rank = np.argsort(labels, kind="stable")
    similarities = np.round(test.astype(np.float32) @ train[by_rank].astype(np.float32).T, DECIMALS)
    if number == 1:
        return [order[labels[by_rank[k]]] for k in similarities.argmax(axis=1).tolist()]
    nearest = np.argsort(-similarities, axis=1, kind="stable")[:, :number]
    votes = np.zeros((len(test), len(order)), dtype=np.int64)
    np.add.at(votes, (np.arange(len(test))[:, None], labels[by_rank][nearest]), 1)
    return [order[k] for k in votes.argmax(axis=1).tolist()]


def nearest_mean(train: NDArray[Any], test: NDArray[Any], senses: Sequence[Sequence[int]]) -> list[int]:
    """The sense with the nearest mean vector; see ``sense_of_nearest``."""
    order = by_frequency(senses)
    rows = [np.array([k for k, own in enumerate(senses) if sense in own]) for sense in order]
    means = np.stack([train[members].astype(np.float32).mean(axis=0) for members in rows])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    similarities = np.round(test.astype(np.float32) @ means.T, DECIMALS)
    return [order[k] for k in similarities.argmax(axis=1).tolist()]


METHODS: dict[str, Callable[[NDArray[Any], NDArray[Any], Sequence[Sequence[int]]], list[int]]] = {
    "nearest occurrence": sense_of_nearest,
    "ten nearest occurrences": partial(sense_of_nearest, number=10),
    "nearest mean of a sense": nearest_mean,
}


def by_frequency(senses: Iterable[Sequence[int]]) -> list[int]:
    """Senses in descending order of frequency, of equally many the lowest number first."""
    counts = Counter(sense for own in senses for sense in own)
    return sorted(counts, key=lambda sense: (-counts[sense], sense))


def folds_of(tagged: Sequence[Tagged], num_folds: int) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Training and test occurrences of each fold; document k is in the test part of fold k mod ``num_folds``."""
    documents = np.array([one.document for one in tagged])
    for fold in range(num_folds):
        is_test = documents % num_folds == fold
        yield np.flatnonzero(~is_test), np.flatnonzero(is_test)


@dataclass(frozen=True)
class Outcome:
    """What was right."""

    right: dict[str, NDArray[np.bool_]]
    """(N,) of each row of the table."""
    is_ambiguous: NDArray[np.bool_]
    """(N,): whether the lemma has several senses in the other documents."""
    is_unseen: NDArray[np.bool_]
    """(N,): whether the other documents lack the lemma."""


def disambiguate(tagged: list[Tagged], vectors: NDArray[np.float16], names: Sequence[str], num_folds: int) -> Outcome:
    """Disambiguate every occurrence by the documents of the other folds.

    Args:
        tagged: N occurrences.
        vectors: Their vectors, (K, N, 2D).
        names: Names of the K layers.
        num_folds: Number of folds.
    """
    number = len(tagged)
    rows = ["first sense of WordNet", "most frequent sense", *(f"{name}, {kind}" for kind in METHODS for name in names)]
    right = {row: np.zeros(number, dtype=bool) for row in rows}
    ambiguous, unseen = np.zeros(number, dtype=bool), np.zeros(number, dtype=bool)
    for train, test in folds_of(tagged, num_folds):
        known = grouped(tagged, train)
        for lemma, places in grouped(tagged, test).items():
            own = known.get(lemma)
            senses = [tagged[k].senses for k in own] if own is not None else [(1,)]
            order = by_frequency(senses)
            ambiguous[places], unseen[places] = len(order) > 1, own is None
            found = {row: [order[0]] * len(places) for row in rows} | {rows[0]: [1] * len(places)}
            if own is not None and len(order) > 1:
                for name, layer in zip(names, vectors, strict=True):
                    for kind, method in METHODS.items():
                        found[f"{name}, {kind}"] = method(layer[own], layer[places], senses)
            for row, guesses in found.items():
                right[row][places] = [
                    guess in tagged[k].senses for guess, k in zip(guesses, places.tolist(), strict=True)
                ]
    return Outcome(right, ambiguous, unseen)


def grouped(tagged: Sequence[Tagged], rows: NDArray[np.intp]) -> dict[str, NDArray[np.intp]]:
    """Occurrences by lemma."""
    found: dict[str, list[int]] = defaultdict(list)
    for row in rows.tolist():
        found[tagged[row].lemma].append(row)
    return {lemma: np.array(places) for lemma, places in found.items()}


# The table


def difference_error(right: NDArray[np.bool_], base: NDArray[np.bool_], documents: NDArray[np.intp]) -> float:
    """Standard error, over resampled documents, of the difference of two accuracies."""
    number = int(documents.max()) + 1
    gains = np.bincount(documents, right.astype(float) - base, minlength=number)
    sizes = np.bincount(documents, minlength=number)
    kept = sizes > 0
    rng = np.random.default_rng(0)
    weights = rng.multinomial(kept.sum(), np.full(kept.sum(), 1 / kept.sum()), size=BOOTSTRAP_SAMPLES)
    return float(np.std((weights @ gains[kept]) / (weights @ sizes[kept])))


def figures(tagged: list[Tagged], outcome: Outcome) -> list[dict[str, Any]]:
    """Accuracies of every row in percent: of all occurrences, of ambiguous lemmas, and of these by part of speech."""
    documents = np.array([one.document for one in tagged])
    parts = np.array([one.lemma.rpartition("(")[2][:-1] for one in tagged])
    base, chosen = outcome.right["most frequent sense"], outcome.is_ambiguous
    rows = []
    for name, right in outcome.right.items():
        gain = right[chosen].mean() - base[chosen].mean()
        row = {"row": name, "all": 100 * right.mean(), "ambiguous": 100 * right[chosen].mean(), "gain": 100 * gain}
        row["error"] = 100 * difference_error(right[chosen], base[chosen], documents[chosen])
        for part in ("noun", "verb", "adjective", "adverb"):
            row[part] = 100 * right[chosen & (parts == part)].mean() if part in parts[chosen] else 0.0
        rows.append({key: value if isinstance(value, str) else float(value) for key, value in row.items()})
    return rows


def format_table(rows: list[dict[str, Any]]) -> str:
    """Format one line for each row."""
    lines = [["", "all", "ambiguous", "gain", "", "noun", "verb", "adjective", "adverb"]]
    for row in rows:
        numbers = [f"{row[key]:.1f}" for key in lines[0][5:]]
        gain = (f"{row['gain']:+.1f}", f"+- {row['error']:.1f}")
        lines.append([row["row"], f"{row['all']:.1f}", f"{row['ambiguous']:.1f}", *gain, *numbers])
    widths = [max(len(line[k]) for line in lines) for k in range(len(lines[0]))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark and return the exit status, 0 on success."""
    parser = argparse.ArgumentParser(description="Word senses by nearest neighbours in frozen layers, on SemCor.")
    parser.add_argument("semcor", type=Path, help="semcor_in_original_format.tar.xz")
    parser.add_argument("--model", default="en", help="saved model: a directory or a name (default en)")
    parser.add_argument("--folds", type=int, default=5, help="number of folds of documents (default 5)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="CPU threads")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    documents, sentences, tagged = read_semcor(options.semcor)
    begun = time.perf_counter()
    elmo = Elmo.from_pretrained(options.model)
    vectors = vectors_of(elmo, sentences, tagged)
    embedded = time.perf_counter()
    names = [*(f"layer {k}" for k in range(elmo.num_layers)), "mean of the layers"]
    outcome = disambiguate(tagged, vectors, names, options.folds)
    rows = figures(tagged, outcome)
    facts = {
        "documents": len(documents),
        "sentences": len(sentences),
        "words": sum(map(len, sentences)),
        "points": len(tagged),
        "ambiguous": int(outcome.is_ambiguous.sum()),
        "unseen": int(outcome.is_unseen.sum()),
        "embedding_seconds": round(embedded - begun, 1),
        "search_seconds": round(time.perf_counter() - embedded, 1),
        "results": rows,
    }
    print(format_table(rows))
    print(json.dumps(facts))
    if options.json is not None:
        options.json.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
