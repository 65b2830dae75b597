"""The command ``elmo-lite corpus``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from elmo_lite.corpus.builder import CorpusSettings, build_corpus
from elmo_lite.corpus.summary import summary
from elmo_lite.text.characters import MAX_CHARACTERS
from elmo_lite.text.samples import sample_text
from elmo_lite.text.segmenter_choice import choose_segmenter
from elmo_lite.text.segmenters import Segmenter
from elmo_lite.text.sources import find_sources
from elmo_lite.text.tokenization import Tokenization


def build_corpus_command(
    inputs: list[str],
    out: str,
    *,
    tokenizer: Literal["whitespace", "words"] = "words",
    held_out: list[str] | None = None,
    held_out_share: float | None = None,
    vocabulary_size: int | None = None,
    max_characters: int = MAX_CHARACTERS,
    text_field: str | None = None,
    num_processes: int | None = None,
    keep_empty_lines: bool = False,
    numbered_lines: bool = False,
    segmenter: Literal["auto", "none", "jieba", "sudachi", "pythainlp", "icu"] = "auto",
    overwrite: bool = False,
    quiet: bool = False,
) -> None:
    """Build a corpus directory from text.

    Args:
        inputs: Text, JSON, CSV, TSV, Parquet, or files with one word per line, recognised by their content; plain or
            compressed (.gz, .bz2, .xz, .zst). Also globs, hub data sets (owner/name, owner/name:split or
            owner/name:config:split), and - for standard input.
        out: Directory to write.
        tokenizer: Tokenisation: words for raw text, whitespace for tokenised text with one sentence per line.
        held_out: File to measure perplexity on, instead of a fraction of the text. May be repeated.
        vocabulary_size: Number of classes that the language model predicts, the two special ones included, at least 3.
            0 means all words. Defaults to those that occur twice or more, at most 30,000.
        overwrite: Replace an existing corpus.
        quiet: Show no progress.

    Other Args:
        held_out_share: Fraction of the text to hold out, in (0, 1), at most a million words: documents, or stretches of
            lines if they are few. Defaults to 0.01; below a million words to 10,000 words, at most a tenth.
        max_characters: Maximum number of bytes of a word, BOW and EOW included, at least 3.
        text_field: Field or column of records that holds text, words, or sentences of words. Defaults to the only one
            of text, words and tokens that a record has.
        num_processes: Number of processes for tokenisation, 1 or more. Defaults to --threads or the number of CPUs.
            The result does not depend on it.
        keep_empty_lines: Count a blank line as an empty sentence, as in the literature on language models.
        numbered_lines: Remove the number and the TAB at the beginning of each line of text.
        segmenter: Package that finds words in scripts without spaces, which using the model needs too: jieba (Chinese),
            sudachi (Japanese), pythainlp (Thai) or icu (these, Lao, Khmer, Burmese). none makes each character a word.
            auto takes an installed one by the script of the first text, or none.
    """
    settings = CorpusSettings(
        tokenization=Tokenization(kind=tokenizer, segmenter=_segmenter(segmenter, tokenizer, inputs, text_field)),
        held_out_share=held_out_share,
        vocabulary_size=vocabulary_size,
        max_characters=max_characters,
        text_field=text_field,
        keep_empty_lines=keep_empty_lines,
        numbered_lines=numbered_lines,
    )
    path = Path(out)
    meta = build_corpus(
        inputs, path, settings, held_out=held_out, num_processes=num_processes, overwrite=overwrite, progress=not quiet
    )
    print(summary(meta, path))


def _segmenter(
    choice: Literal["auto", "none"] | Segmenter, tokenizer: str, inputs: list[str], text_field: str | None
) -> Segmenter | None:
    """The segmenter that a choice means for these inputs."""
    if choice == "auto":
        return choose_segmenter(sample_text(find_sources(inputs), text_field)) if tokenizer == "words" else None
    return None if choice == "none" else choice
