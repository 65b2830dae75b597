"""The command ``elmo-lite corpus``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from elmo_lite.corpus.builder import CorpusSettings, build_corpus
from elmo_lite.corpus.writer import summary
from elmo_lite.text.characters import MAX_CHARACTERS
from elmo_lite.text.tokenization import Tokenization


def build_corpus_command(
    inputs: list[str],
    out: str,
    *,
    tokenizer: Literal["whitespace", "words"] = "words",
    held_out: list[str] | None = None,
    held_out_share: float = 0.01,
    vocabulary_size: int | None = 30000,
    max_characters: int = MAX_CHARACTERS,
    text_field: str | None = None,
    num_processes: int | None = None,
    keep_empty_lines: bool = False,
    overwrite: bool = False,
) -> None:
    """Turn text into a corpus directory.

    Args:
        inputs: Text files (.gz, .xz, .zst too), JSONL, Parquet, globs, or hub names (owner/name[[:config]:split]).
        out: Directory to write.
        tokenizer: words: raw text; whitespace: tokenised text, a sentence a line.
        held_out: Files to measure perplexity on; where not given, a share of the documents.
        held_out_share: Share of the documents held out, in (0, 1); at most a million words.
        vocabulary_size: Classes of the language model, the two special ones included; 0 or null for all words.
        max_characters: Bytes kept of a word, its begin and end marks included; at least 3.
        text_field: Field or column of JSONL, Parquet or a data set that holds text, words, or sentences of words.
            Defaults to the only one of text, words and tokens that a record has.
        num_processes: Processes that tokenise; where not given, one per CPU. The result does not depend on it.
        keep_empty_lines: A blank line is an empty sentence, as language-model literature counts.
        overwrite: Replace a corpus that is there.
    """
    settings = CorpusSettings(
        tokenization=Tokenization(kind=tokenizer),
        held_out_share=held_out_share,
        vocabulary_size=vocabulary_size or None,
        max_characters=max_characters,
        text_field=text_field,
        keep_empty_lines=keep_empty_lines,
    )
    meta = build_corpus(
        inputs, Path(out), settings, held_out=held_out, num_processes=num_processes, overwrite=overwrite
    )
    print(summary(meta))
