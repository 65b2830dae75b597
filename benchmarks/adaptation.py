"""Perplexity before and after adaptation: on the new text, and on the text that the model was trained on.

    python benchmarks/adaptation.py text OUT.jsonl [--trees FILE...] [--conll FILE...]
    elmo-lite corpus TRAIN.jsonl --text_field words --held_out DEV.jsonl --out CORPUS
    elmo-lite pretrain --init en --corpus CORPUS --out RUN --max_time 20m
    python benchmarks/adaptation.py compare en RUN/model --text DEV.jsonl --corpus CORPUS_OF_EN

``text`` extracts the words of labelled trees and tagged sentences. ``compare`` measures perplexity over the classes
that all models share, as perplexities over different classes are not comparable. Each model adds the probabilities of
its other classes to the unknown class, so every distribution sums to 1.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from elmo_lite import load_model
from elmo_lite.corpus.corpus import Corpus
from elmo_lite.lm.evaluate import read_stream
from elmo_lite.lm.perplexity import LMScore, stream_perplexity
from elmo_lite.nn.lm_head import LMHead
from elmo_lite.text.characters import encode_words
from elmo_lite.text.tokenization import Tokenization
from elmo_lite.text.vocabulary import BOUNDARY_CLASS, UNKNOWN_CLASS, Vocabulary
from tasks.ner.data import read_tagged
from tasks.sentiment.data import read_labelled
from tasks.sentiment.readers import DataConfig

ROWS = 1024
SENTENCES = 3000

Stream = tuple[list[str], npt.NDArray[np.int32]]
"""Distinct words, and a text of their numbers from 1 on, 0 between sentences."""


class CommonHead(nn.Module):
    """A model's softmax over the boundary token, chosen words and the unknown word, which has all other classes."""

    def __init__(self, head: LMHead, vocabulary: Vocabulary, words: Sequence[str]) -> None:
        """Choose ``words``, all of them in ``vocabulary``."""
        super().__init__()
        self.head = head
        kept = [BOUNDARY_CLASS, *map(vocabulary.class_of, words)]
        is_kept = torch.zeros(len(vocabulary), dtype=torch.bool)
        is_kept[kept] = True
        self.others = (~is_kept).nonzero().squeeze(1)
        self.column = torch.tensor([BOUNDARY_CLASS, UNKNOWN_CLASS, *kept[1:]])

    def log_probabilities(self, states: Tensor, targets: Tensor) -> Tensor:
        """Log probability in nats of each of (N,) common classes after (N, D) states: (N,)."""
        parts = []
        for part, target in zip(states.split(ROWS), targets.split(ROWS), strict=True):
            logits = torch.addmm(self.head.bias, part.float(), self.head.weight.t())
            of_target = logits.gather(1, self.column[target][:, None]).squeeze(1)
            of_others = logits[:, self.others].logsumexp(dim=1)
            parts.append(torch.where(target == UNKNOWN_CLASS, of_others, of_target) - logits.logsumexp(dim=1))
        return torch.cat(parts)


def common_words(vocabularies: Sequence[Vocabulary]) -> list[str]:
    """Words of all vocabularies, in the order of the first."""
    shared = set.intersection(*(set(vocabulary.entries[2:]) for vocabulary in vocabularies))
    return [word for word in vocabularies[0].entries[2:] if word in shared]


def score(name: str, text: Stream, words: Sequence[str]) -> LMScore:
    """A saved model's score on a text over common words, each sentence on its own."""
    saved = load_model(name, with_head=True)
    assert saved.lm_head is not None and saved.vocabulary is not None
    spellings, stream = text
    class_of = {word: number for number, word in enumerate(words, start=2)}
    classes = np.array([BOUNDARY_CLASS, *(class_of.get(word, UNKNOWN_CLASS) for word in spellings)])
    char_ids = encode_words(spellings, saved.bilm.config.char_cnn.max_characters)
    head = CommonHead(saved.lm_head, saved.vocabulary, words)
    return stream_perplexity(saved.bilm, head, stream, char_ids, classes, stateful=False)  # type: ignore[arg-type]


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
    vocabularies = [load_model(name, with_head=False).vocabulary for name in models]
    words = common_words([vocabulary for vocabulary in vocabularies if vocabulary is not None])
    print(f"{len(words) + 2:,} common classes")
    known = set(words)
    for name, (spellings, stream) in texts.items():
        is_known = np.array([False, *(word in known for word in spellings)])
        share = 100 * (1 - is_known[stream[stream > 0]].mean())
        print(f"{name}: {(stream > 0).sum():,} words, {share:.1f} % of them outside")
        for model in models:
            found = score(model, (spellings, stream), words)
            forward, backward = math.exp(found.forward_nats), math.exp(found.backward_nats)
            print(f"  {model}  forward {forward:.1f}  backward {backward:.1f}", flush=True)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    text = commands.add_parser("text", help="words of labelled files, as JSONL")
    text.add_argument("out", type=Path)
    text.add_argument("--trees", nargs="*", type=Path, default=[])
    text.add_argument("--conll", nargs="*", type=Path, default=[])
    comparison = commands.add_parser("compare", help="perplexities of models over their common classes")
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
