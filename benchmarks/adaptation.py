"""Perplexity before and after adaptation: on the new text, and on the text that the model was trained on.

    python benchmarks/adaptation.py text OUT.jsonl [--trees FILE...] [--conll FILE...]
    elmo-lite corpus TRAIN.jsonl --text_field words --held_out DEV.jsonl --out CORPUS
    elmo-lite pretrain --init en --corpus CORPUS --out RUN --max_time 20m
    python benchmarks/adaptation.py compare en RUN/model --text DEV.jsonl --corpus CORPUS_OF_EN

``text`` extracts the words of labelled trees and tagged sentences. ``compare`` measures perplexity over the classes
that all models share (``elmo_lite.lm.shared_classes``); for two models, ``elmo-lite evaluate --against`` does the same.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from elmo_lite import load_model
from elmo_lite.corpus.corpus import Corpus
from elmo_lite.lm.evaluate import read_stream
from elmo_lite.lm.shared_classes import shared_score, shared_words
from elmo_lite.text.tokenization import Tokenization
from tasks.classification.data import read_labelled
from tasks.classification.readers import DataConfig
from tasks.ner.data import read_tagged

SENTENCES = 3000

Stream = tuple[list[str], npt.NDArray[np.int32]]
"""Distinct words, and a text of their numbers from 1 on, 0 between sentences."""


def held_out_sample(directory: Path) -> Stream:
    """Random sentences of the held-out part of a corpus."""
    corpus = Corpus.open(directory)
    ends = np.flatnonzero(corpus.held_out == 0)
    chosen = np.random.default_rng(0).permutation(len(ends) - 1)[:SENTENCES]
    sample = np.concatenate([np.zeros(1, np.int32), *(corpus.held_out[ends[k] + 1 : ends[k + 1] + 1] for k in chosen)])
    distinct, places = np.unique(sample, return_inverse=True)
    return [corpus.words[number - 1] for number in distinct[1:].tolist()], places.astype(np.int32)


def compare(models: Sequence[str], texts: dict[str, Stream]) -> None:
    """Print one row per text and model."""
    saved = [load_model(name, with_head=True) for name in models]
    words = shared_words([model.vocabulary for model in saved if model.vocabulary is not None])
    print(f"{len(words) + 2:,} shared classes")
    known = set(words)
    for name, (spellings, stream) in texts.items():
        is_known = np.array([False, *(word in known for word in spellings)])
        share = 100 * (1 - is_known[stream[stream > 0]].mean())
        print(f"{name}: {(stream > 0).sum():,} words, {share:.1f} % of them outside")
        for model, one in zip(models, saved, strict=True):
            found = shared_score(one, words, spellings, stream)
            forward, backward = found.forward_perplexity, found.backward_perplexity
            print(f"  {model}  forward {forward:.1f}  backward {backward:.1f}", flush=True)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    text = commands.add_parser("text", help="words of labelled files, as JSONL")
    text.add_argument("out", type=Path)
    text.add_argument("--trees", nargs="*", type=Path, default=[])
    text.add_argument("--conll", nargs="*", type=Path, default=[])
    comparison = commands.add_parser("compare", help="perplexities of models over their shared classes")
    comparison.add_argument("models", nargs="+")
    comparison.add_argument("--text", nargs="*", default=[], help="JSONL with lists of words")
    comparison.add_argument("--corpus", nargs="*", type=Path, default=[], help="held-out parts of these too")
    arguments = parser.parse_args()
    if arguments.command == "text":
        trees = (read_labelled(path, DataConfig(), str.split) for path in arguments.trees)
        sentences = [list(tree.words) for labelled in trees for tree in labelled]
        sentences += [list(sentence.words) for path in arguments.conll for sentence in read_tagged(path).sentences]
        lines = (json.dumps({"words": words}, ensure_ascii=False) + "\n" for words in sentences)
        arguments.out.write_text("".join(lines), encoding="utf-8")
        print(f"{len(sentences):,} sentences, {sum(map(len, sentences)):,} words")
        return
    texts = {path: read_stream([path], Tokenization(), "words") for path in arguments.text}
    compare(arguments.models, texts | {str(path): held_out_sample(path) for path in arguments.corpus})


if __name__ == "__main__":
    main()
