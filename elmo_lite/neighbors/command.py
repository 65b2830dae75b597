"""The command ``elmo-lite neighbors``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from elmo_lite.corpus.corpus import is_corpus_directory
from elmo_lite.embedding.elmo import Elmo
from elmo_lite.errors import require_range
from elmo_lite.hardware import keep_freed_memory
from elmo_lite.neighbors.finder import Finder, layer_of
from elmo_lite.neighbors.index_metadata import MAX_OCCURRENCES, Selection
from elmo_lite.neighbors.kept_index import IndexedText, opened_index
from elmo_lite.neighbors.outputs import checked_outputs, write_outputs
from elmo_lite.neighbors.projection import Projection
from elmo_lite.neighbors.report import as_text
from elmo_lite.neighbors.search import neighboring_words, same_sentence
from elmo_lite.text.samples import warn_of_beginnings
from elmo_lite.text.sources import find_sources

MAX_TOP_K = 1000
MAX_STATIC = 10
"""Number of words of the token layer that are shown, or fewer with a smaller --top_k."""
CONTEXTS = {"sentence": same_sentence, "neighbors": neighboring_words}
"""What counts as one context, by its name."""


def neighbors_command(
    model: str,
    text: str,
    *,
    word: list[str],
    context: list[str] | None = None,
    top_k: int = 10,
    layer: str = "top",
    index: str | None = None,
    output: list[str] | None = None,
    overwrite: bool = False,
    min_count: int | None = None,
    max_occurrences: int = MAX_OCCURRENCES,
    distinct: Literal["sentence", "neighbors"] = "sentence",
    projection: Projection = "auto",
    tokenizer: Literal["whitespace", "words"] | None = None,
    text_field: str | None = None,
    numbered_lines: bool = False,
    device: str = "cpu",
    quiet: bool = False,
) -> None:
    """Show the occurrences of a word in a text whose contextual vectors are nearest.

    Args:
        model: Saved model: a directory, a packaged name or a hub name.
        text: Text, JSON, CSV, TSV, Parquet or a file with one word per line, recognised by its content, plain or
            compressed; a glob, a hub data set, or - for standard input; or a corpus directory.
        word: Word to look for, spelled as in the text. May be repeated, as for play and plays.
        context: Sentence with the word, whose neighbours are shown. May be repeated. Defaults to the occurrence in the
            middle of each group of similar ones.
        top_k: Number of neighbours of each context, in 1..1000.
        layer: Layer whose vectors are compared: top, mean, or the number of a layer, 0 for the token layer.
        index: Directory to keep the index in; it is built again if it is of another model or text. Defaults to none.
        output: File to write as well: a table (.tsv), JSON lines (.jsonl) or a picture (.png). May be repeated.
        overwrite: Replace the output if it exists.
        device: Device to run on: auto (a GPU if there is one), cpu, cuda, cuda:N or mps.
        quiet: Show no progress.

    Other Args:
        min_count: Compare the words that occur this often as well. Defaults to those of --word alone.
        max_occurrences: Maximum number of compared occurrences of a word, spread evenly over the text; 0 for all.
        distinct: What is shown once: a sentence, or the words before and after (neighbors), as in formulas.
        projection: Projection of the picture: pca, umap, or auto, which is umap if umap-learn is installed.
        tokenizer: Tokenisation: words for raw text, whitespace for tokenised text. Defaults to that of the model.
        text_field: Field of records that holds the words or the text of a sentence. Defaults to the only one of text,
            words and tokens that a record has.
        numbered_lines: Remove the number and the TAB that begin each line of text.
    """
    outputs = checked_outputs(output or [], overwrite, projection)
    _check_input(text, top_k, numbered_lines)
    elmo = Elmo.from_pretrained(model, device=device)
    source = IndexedText.open(text, elmo.tokenization.with_kind(tokenizer), text_field, numbered_lines)
    selection = Selection(tuple(dict.fromkeys(map(source.tokenization.normalize, word))), min_count, max_occurrences)
    number, contexts = layer_of(elmo, layer), [source.tokenization.words(sentence) for sentence in context or []]
    with opened_index(elmo, source, selection, Path(index) if index else None, progress=not quiet) as opened:
        finder = Finder(elmo, opened, selection, number)
        answers = finder.answers(contexts, top_k, CONTEXTS[distinct])
        static = finder.static(min(top_k, MAX_STATIC))
        print(as_text(answers, static, finder.heading(source.name, layer), source.name))
        write_outputs(outputs, finder, answers, static)


def _check_input(text: str, top_k: int, numbered_lines: bool) -> None:
    """Report what is wrong before the model is loaded.

    Raises:
        ConfigError: The number is out of range.
        CorpusError: There is no such text.
    """
    require_range(top_k, "--top_k", 1, MAX_TOP_K)
    keep_freed_memory()
    if not is_corpus_directory(text):
        warn_of_beginnings(find_sources([text], numbered_lines=numbered_lines))
