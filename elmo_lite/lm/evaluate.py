"""Perplexity of a saved model on text files or on the held-out part of a corpus (``elmo-lite evaluate``)."""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from elmo_lite.corpus.blocks import encode_block
from elmo_lite.corpus.corpus import BOUNDARY_ID, Corpus, is_corpus_directory
from elmo_lite.errors import CheckpointError, CorpusError
from elmo_lite.hardware import keep_freed_memory, move
from elmo_lite.lm.perplexity import LMScore, stream_perplexity
from elmo_lite.lm.sentence_source import check_tokenization
from elmo_lite.lm.shared_classes import compare
from elmo_lite.saved_model.checkpoint import SavedModel, load_model
from elmo_lite.text.characters import encode_words
from elmo_lite.text.samples import warn_of_beginnings
from elmo_lite.text.sources import find_sources
from elmo_lite.text.tokenization import Tokenization
from elmo_lite.text.vocabulary import BOUNDARY_CLASS, UNKNOWN_CLASS


def evaluate(
    model: SavedModel,
    text: Sequence[str],
    *,
    stateful: bool = False,
    keep_empty_lines: bool = False,
    tokenization: Tokenization | None = None,
    text_field: str | None = None,
    numbered_lines: bool = False,
    progress: bool = False,
) -> dict[str, Any]:
    """Perplexity of a saved model on text files.

    Args:
        model: Saved model with head and vocabulary.
        text: Paths, globs or hub names, as for ``elmo-lite corpus``.
        stateful: Whether to carry states over sentences, over the whole text. Defaults to False.
        keep_empty_lines: Whether a blank line is an empty sentence of one prediction, as in the literature on language
            models. Defaults to False.
        tokenization: Tokenisation of the text. Defaults to that of the model.
        text_field: Field of JSONL, Parquet or hub records. Defaults to the only one of text, words and tokens that a
            record has.
        numbered_lines: Whether to remove a number and a TAB at the beginning of each line of text. Defaults to False.
        progress: Whether to show a progress bar on standard error. Defaults to False.

    Returns:
        Cross-entropy in nats and perplexity of each direction, mean perplexity, bits per character, counts, and the
        fraction of words outside the vocabulary. "without_unknown" has the same over the predictions of words in the
        vocabulary and of boundary tokens alone, by which vocabularies of different sizes can be compared; an unknown
        word counts for its class, not for its spelling.

    Raises:
        CorpusError: The text cannot be read or has no sentence.
        CheckpointError: The model was saved without head or vocabulary.
    """
    split = tokenization or model.tokenization
    words, stream = read_stream(text, split, text_field, keep_empty_lines, numbered_lines)
    return _evaluate_stream(model, words, stream, stateful, progress)


def evaluate_held_out(
    model: SavedModel, corpus: Corpus, *, stateful: bool = False, progress: bool = False
) -> dict[str, Any]:
    """Perplexity of a saved model on the held-out part of a corpus directory; see ``evaluate``.

    Raises:
        CorpusError: The corpus has no held-out part.
        CheckpointError: The model was saved without head, or its tokenisation differs from that of the corpus.
    """
    return _evaluate_stream(model, *_held_out_stream(model, corpus), stateful, progress)


def _held_out_stream(model: SavedModel, corpus: Corpus) -> tuple[list[str], npt.NDArray[np.int32]]:
    """Distinct words and word ids of the held-out part of a corpus."""
    if len(corpus.held_out) < 2:
        raise CorpusError(f"{corpus.directory}: expected a held-out part, found none")
    check_tokenization(corpus, model.tokenization)
    distinct, places = np.unique(corpus.held_out, return_inverse=True)
    words = [corpus.words[number - 1] for number in distinct[1:].tolist()]
    return words, places.astype(np.int32)


def _evaluate_stream(
    model: SavedModel, words: Sequence[str], stream: npt.NDArray[np.int32], stateful: bool, progress: bool
) -> dict[str, Any]:
    """Score a stream in which word id k is ``words[k - 1]``."""
    if model.lm_head is None or model.vocabulary is None:
        raise CheckpointError("model to evaluate: expected one with a language model head, found an encoder alone")
    classes = [BOUNDARY_CLASS, *map(model.vocabulary.class_of, words)]
    class_of_word = np.array(classes, dtype=np.int64)
    char_ids = encode_words(words, model.bilm.config.char_cnn.max_characters)
    score = stream_perplexity(
        model.bilm, model.lm_head, stream, char_ids, class_of_word, stateful=stateful, progress=progress
    )
    num_sentences = int((stream == BOUNDARY_ID).sum()) - 1
    num_words = len(stream) - 1 - num_sentences
    is_unknown = class_of_word == UNKNOWN_CLASS
    unknown = int(is_unknown[stream].sum())
    assert score.known is not None
    return {
        **_facts(score, words, stream),
        "without_unknown": _facts(score.known, words, stream[~is_unknown[stream]]),
        "words": num_words,
        "sentences": num_sentences,
        "out_of_vocabulary_share": unknown / num_words if num_words else 0.0,
        "classes": len(model.vocabulary),
        "stateful": stateful,
    }


def _facts(score: LMScore, words: Sequence[str], stream: npt.NDArray[np.int32]) -> dict[str, float]:
    """A score by name, with its number of predictions and its bits per character; a word has the one that follows it.

    Args:
        score: Score of the word ids of ``stream``.
        words: Distinct words; word id k is ``words[k - 1]``.
        stream: Word ids that were predicted.
    """
    lengths = np.array([0, *(len(word) + 1 for word in words)], dtype=np.int64)
    characters = int(lengths[stream].sum())
    bits = score.mean_nats * score.num_predictions / math.log(2)
    return {
        **score.to_dict(),
        "bits_per_character": bits / characters if characters else 0.0,
        "predictions": score.num_predictions,
    }


def read_stream(
    text: Sequence[str],
    tokenization: Tokenization,
    text_field: str | None = None,
    keep_empty: bool = False,
    numbered_lines: bool = False,
) -> tuple[list[str], npt.NDArray[np.int32]]:
    """Read text as a stream of word ids.

    Args:
        text: Paths, globs or hub names.
        tokenization: Tokenisation of the text.
        text_field: Field of records. Defaults to the only one of text, words and tokens that a record has.
        keep_empty: Whether a blank line is an empty sentence. Defaults to False.
        numbered_lines: Whether to remove a number and a TAB at the beginning of each line of text. Defaults to False.

    Returns:
        Distinct words in order of first occurrence (word id k is at index k - 1), and (S,) word ids.

    Raises:
        CorpusError: The text cannot be read or has no sentence.
    """
    id_of: dict[str, int] = {}
    stream = array("i", [BOUNDARY_ID])
    for source in find_sources(text, numbered_lines=numbered_lines):
        for block in source.blocks(text_field):
            encoded = encode_block(block, tokenization, text_field, keep_empty)
            names = encoded.words.decode().split("\n") if encoded.words else []
            to_global = np.zeros(len(names) + 1, dtype=np.int32)
            to_global[1:] = [id_of.setdefault(name, len(id_of) + 1) for name in names]
            stream.frombytes(to_global[np.frombuffer(encoded.ids, dtype=np.int32)].tobytes())
    if len(stream) == 1:
        raise CorpusError(f"{', '.join(text)}: expected at least one sentence, found none")
    return list(id_of), np.frombuffer(stream, dtype=np.int32)


def evaluate_command(
    model: str,
    text: str,
    *,
    against: str | None = None,
    stateful: bool = False,
    keep_empty_lines: bool = False,
    tokenizer: Literal["whitespace", "words"] | None = None,
    text_field: str | None = None,
    numbered_lines: bool = False,
    device: str = "cpu",
    quiet: bool = False,
) -> None:
    """Measure the perplexity of a saved model on a text with the full softmax, and print it as JSON.

    Args:
        model: Saved model: a directory, a packaged name or a hub name.
        text: Text, JSON, CSV, TSV, Parquet or a file with one word per line, recognised by its content, plain or
            compressed; a glob, a hub data set, or - for standard input; or a corpus directory, whose held-out
            part is read.
        against: Saved model to compare with, such as the one before adaptation: both are scored over the classes that
            they share, with all other words as the unknown word, and without unknown words. Both need the same
            tokenisation.
        stateful: Carry states over lines: forward from the first to the last, backward from the last to the first.
        device: Device to run on: auto (a GPU if there is one), cpu, cuda, cuda:N or mps.
        quiet: Show no progress.

    Other Args:
        keep_empty_lines: Count a blank line as an empty sentence of one prediction.
        tokenizer: Tokenisation of the text: words for raw text, whitespace for tokenised text. Defaults to that of the
            model.
        text_field: Field or column of records to read. Defaults to the only one of text, words and tokens that a record
            has.
        numbered_lines: Remove the number and the TAB at the beginning of each line of text.
    """
    keep_freed_memory()
    # Wrong paths are reported before the model is loaded.
    corpus = Corpus.open(text) if is_corpus_directory(text) else None
    if corpus is None:
        warn_of_beginnings(find_sources([text], numbered_lines=numbered_lines))
    models = [_loaded(name, device) for name in (model, against) if name is not None]
    if corpus is not None:
        words, stream = _held_out_stream(models[0], corpus)
    else:
        tokenization = models[0].tokenization.with_kind(tokenizer)
        words, stream = read_stream([text], tokenization, text_field, keep_empty_lines, numbered_lines)
    if against is None:
        result = {"text": text, **_evaluate_stream(models[0], words, stream, stateful, not quiet)}
    else:
        found = compare(models[0], models[1], words, stream, stateful=stateful, progress=not quiet)
        result = {"against": against, "text": text, **found}
    print(json.dumps({"model": model, **result}, indent=2, ensure_ascii=False))


def _loaded(model: str, device: str) -> SavedModel:
    """A saved model with its head, on a device."""
    saved = load_model(model, with_head=True)
    assert saved.lm_head is not None
    for module in (saved.bilm, saved.lm_head):
        move(module, device)
    return saved
