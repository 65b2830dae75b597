"""Log probabilities of the words of a text (``elmo-lite score``)."""

from __future__ import annotations

import json
import logging
import os
import sys
from typing import Literal

from tqdm import tqdm

from elmo_lite.corpus.corpus import Corpus
from elmo_lite.errors import ConfigError
from elmo_lite.hardware import keep_freed_memory
from elmo_lite.lm.language_model import LanguageModel
from elmo_lite.lm.score_writer import SCORE_FORMATS, ScoreFormat, ScoreWriter
from elmo_lite.lm.sentence_source import SentenceSource, check_tokenization
from elmo_lite.lm.spelling_shares import SpellingShares
from elmo_lite.lm.word_scores import OOV, OOV_MEANS, Surprise, TextScore
from elmo_lite.outputs import checked_output, format_of, open_output

log = logging.getLogger("elmo_lite")


def score_command(
    model: str,
    text: str,
    output: str | None = None,
    *,
    oov: OOV = "unk",
    corpus: str | None = None,
    format: ScoreFormat | None = None,
    surprise: Surprise = "both",
    tokenizer: Literal["whitespace", "words"] | None = None,
    text_field: str | None = None,
    keep_empty_lines: bool = False,
    numbered_lines: bool = False,
    device: str = "cpu",
    overwrite: bool = False,
    quiet: bool = False,
) -> None:
    """Write the log probability of every word of a text, forward and backward.

    Args:
        model: Saved model: a directory, a packaged name or a hub name.
        text: Text, records or words one per line, as for "elmo-lite evaluate"; - for standard input; or a corpus
            directory, whose held-out part is read.
        output: File to write: .tsv, .jsonl, .html or .txt. The figures of the whole text are then printed as JSON.
            Defaults to standard output: words coloured by surprise on a terminal, TSV elsewhere.
        oov: What is scored for a word outside of the vocabulary: unk, the unknown class, which stands for all of them;
            skip, nothing; spread, the share of its spelling in that class by the counts of --corpus.
        corpus: Corpus directory of --oov spread.
        format: Format of the output: text, tsv, jsonl or html. Defaults to that of the suffix.
        surprise: Direction whose surprise colours the words, or both for the mean.
        device: Device to run on: auto (a GPU if there is one), cpu, cuda, cuda:N or mps.
        overwrite: Replace OUTPUT if it exists.
        quiet: Show no progress.

    Other Args:
        tokenizer: Tokenisation of the text: words or whitespace. Defaults to that of the model.
        text_field: Field of records to read. Defaults to the only one of text, words and tokens that a record has.
        keep_empty_lines: Count a blank line as an empty sentence of one prediction.
        numbered_lines: Remove the number and the TAB at the beginning of each line of text.
    """
    if (oov == "spread") != (corpus is not None):
        raise ConfigError(f"--corpus: expected a corpus directory with --oov spread alone, found {corpus} with {oov}")
    target = checked_output(output, text, overwrite)
    kind = format or _default_format(target)
    source = SentenceSource(text, tokenizer, text_field, keep_empty_lines, numbered_lines)
    counted = None if corpus is None else Corpus.open(corpus)
    keep_freed_memory()
    lm = LanguageModel.from_pretrained(model, device)
    shares = None if counted is None else _shares(counted, lm)
    means, title = _means(oov, shares), f"Surprise of {model} at {text}"
    colour = _has_colour(target)
    writer = ScoreWriter(kind=kind, title=title, oov=oov, oov_means=means, surprise=surprise, colour=colour)
    total = _write(writer, lm, source, shares, target, quiet)
    found = {"model": model, "text": text, "oov": oov, "oov_means": means, **total.to_dict()}
    if target is not None:
        print(json.dumps(found, indent=2, ensure_ascii=False))
    elif kind != "text":
        log.info("%s", json.dumps(found, indent=2, ensure_ascii=False))


def _default_format(target: str | None) -> ScoreFormat:
    if target is not None:
        return format_of(target, SCORE_FORMATS)
    return "text" if sys.stdout.isatty() else "tsv"


def _has_colour(target: str | None) -> bool:
    """Whether text is coloured: on a terminal, unless the user's environment says otherwise."""
    if target is not None or os.environ.get("NO_COLOR"):
        return False
    return sys.stdout.isatty() or bool(os.environ.get("FORCE_COLOR"))


def _shares(corpus: Corpus, lm: LanguageModel) -> SpellingShares:
    check_tokenization(corpus, lm.tokenization)
    return SpellingShares.from_corpus(corpus, lm.vocabulary)


def _means(oov: OOV, shares: SpellingShares | None) -> str:
    """What the score of a word outside of the vocabulary says."""
    if shares is None:
        return OOV_MEANS[oov]
    return f"{OOV_MEANS[oov]} ({100 * shares.unseen:.1f} %; {len(shares.counts):,} spellings divide the rest)"


def _write(
    writer: ScoreWriter,
    lm: LanguageModel,
    source: SentenceSource,
    shares: SpellingShares | None,
    target: str | None,
    quiet: bool,
) -> TextScore:
    """Score the sentences and write them as they come."""
    total = TextScore()
    hides = target is None and sys.stdout.isatty()  # a bar would be written between the words
    with tqdm(unit="word", unit_scale=True, delay=1, leave=False, disable=quiet or hides, file=sys.stderr) as bar:
        sentences = source.sentences(lm.tokenization)
        scores = lm.score_iter(sentences, writer.oov, shares, on_progress=bar.update)
        with open_output(target) as file:
            for line in writer.lines(scores, total):
                file.write(f"{line}\n")
    return total
