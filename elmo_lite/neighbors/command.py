"""The command ``elmo-lite neighbors``."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Literal, cast

from elmo_lite.embedding.elmo import BATCH_TOKENS, Elmo
from elmo_lite.embedding.layer_choice import LayerChoice
from elmo_lite.errors import ConfigError, CorpusError, require, require_range
from elmo_lite.extras import import_extras
from elmo_lite.files import write_text
from elmo_lite.hardware import keep_freed_memory
from elmo_lite.neighbors.finder import Finder
from elmo_lite.neighbors.index_metadata import MAX_OCCURRENCES, Selection
from elmo_lite.neighbors.kept_index import IndexedText, opened_index
from elmo_lite.neighbors.projection import Projection, chosen_projection
from elmo_lite.neighbors.report import as_jsonl, as_text, as_tsv
from elmo_lite.text.sources import find_sources, warn_of_numbers

log = logging.getLogger("elmo_lite")

MAX_TOP_K = 1000
_PICTURE = ".png"
_TABLES = {".tsv": as_tsv, ".jsonl": as_jsonl}
_SCREEN = (100, 24)
"""Columns and lines of a screen whose size is unknown."""


def neighbors_command(
    model: str,
    text: str,
    *,
    word: list[str],
    context: list[str] | None = None,
    top_k: int = 10,
    layer: str = "top",
    among: Literal["word", "all"] = "word",
    index: str | None = None,
    output: list[str] | None = None,
    overwrite: bool = False,
    max_occurrences: int = MAX_OCCURRENCES,
    min_count: int = 5,
    search: Literal["auto", "exact", "approximate"] = "auto",
    projection: Projection = "auto",
    tokenizer: Literal["whitespace", "words"] | None = None,
    text_field: str | None = None,
    numbered_lines: bool = False,
    batch_tokens: int = BATCH_TOKENS,
    device: str = "cpu",
    quiet: bool = False,
) -> None:
    """Show the occurrences of a word whose contextual vectors are nearest, in a text or corpus.

    Args:
        model: Saved model: a directory, a packaged name or a hub name.
        text: Text, JSON, CSV, TSV, Parquet or a file with one word per line, recognised by its content, plain or
            compressed; a glob, a hub data set, or - for text on standard input; or a corpus directory.
        word: Word to look for, spelled as in the text. May be repeated, as for play and plays.
        context: Sentence with the word, whose neighbours are shown. May be repeated. Defaults to the middle of each
            group of occurrences, which needs scikit-learn.
        top_k: Number of neighbours of each context, in 1..1000.
        layer: Layer whose vectors are compared: top, mean, or the number of a layer, 0 for the token layer.
        among: Occurrences that are compared: those of the word, or of all words with --min_count occurrences.
        index: Directory to keep the index in, which later calls use; it is built again when model or text differ.
            Defaults to none.
        output: File to write as well: a table (.tsv), JSON lines (.jsonl), or a picture of the occurrences in all
            layers (.png). May be repeated.
        overwrite: Replace the output if it exists.
        device: Device to run on: auto (a GPU if there is one), cpu, cuda, cuda:N or mps.
        quiet: Show no progress.

    Other Args:
        max_occurrences: Maximum number of occurrences of one word that are compared, spread evenly over the text. 0
            means all.
        min_count: Least number of occurrences of a word with --among all.
        search: exact compares all occurrences, approximate follows a graph of neighbours (package usearch). auto is
            exact up to a million occurrences.
        projection: Projection of the picture: pca, umap (package umap-learn), or auto, which is umap if installed.
        tokenizer: Tokenisation: words for raw text, whitespace for tokenised text. Defaults to that of the model.
        text_field: Field of records that holds the words or the text. Defaults to the only one of text, words and
            tokens that a record has.
        numbered_lines: Remove the number and the TAB that begin each line of text.
        batch_tokens: Positions in a batch, padding included; bounds memory.
    """
    require_range(top_k, "--top_k", 1, MAX_TOP_K)
    outputs = _checked_outputs(output or [], overwrite)
    if any(path.suffix == _PICTURE for path in outputs):
        projection = chosen_projection(projection)
    keep_freed_memory()
    if not Path(text).is_dir():  # a wrong path raises an error before the model is loaded
        warn_of_numbers(find_sources([text], numbered_lines=numbered_lines))
    elmo = Elmo.from_pretrained(model, device=device)
    number = _layer(elmo, layer)
    source = IndexedText(text, elmo.tokenization.with_kind(tokenizer), text_field, numbered_lines)
    words = [_checked_word(elmo, given) for given in word]
    selection = Selection(tuple(dict.fromkeys(words)), min_count if among == "all" else None, max_occurrences)
    where = None if index is None else Path(index)
    with opened_index(elmo, source, selection, where, batch_tokens=batch_tokens, progress=not quiet) as opened:
        finder = Finder(elmo, opened, selection, number, search)
        answers = finder.answers([source.tokenization.words(sentence) for sentence in context or []], top_k)
        static = finder.static(top_k)
        print(as_text(answers, static, finder.heading(text, layer), shutil.get_terminal_size(_SCREEN).columns))
        for path in outputs:
            if path.suffix == _PICTURE:
                finder.draw(path, [answer.query for answer in answers] if context else [], projection)
            else:
                write_text(path, _TABLES[path.suffix](answers, static))
            log.info("%s: written", path)


def _checked_outputs(outputs: list[str], overwrite: bool) -> list[Path]:
    """The files to write.

    Raises:
        ConfigError: A suffix is unknown, a folder does not exist, or a file exists.
        ModuleNotFoundError: A package for pictures is not installed.
    """
    paths = [Path(output) for output in outputs]
    for path in paths:
        known = (*_TABLES, _PICTURE)
        require(path.suffix in known, "--output", f"a file named {', '.join(known)}", str(path))
        if not path.parent.is_dir():
            raise ConfigError(f"{path}: expected an existing folder, found none")
        if path.is_dir() or (path.exists() and not overwrite):
            found = "a directory" if path.is_dir() else "a file (--overwrite replaces it)"
            raise ConfigError(f"{path}: expected nothing there, found {found}")
        if path.suffix == _PICTURE:
            import_extras(["matplotlib", "sklearn"], path.name)
    return paths


def _layer(elmo: Elmo, layer: str) -> LayerChoice:
    """The number of a layer, or "mean"."""
    try:
        given: int | str = int(layer)
    except ValueError:
        given = layer
    least, most = -elmo.num_layers, elmo.num_layers - 1
    known = given in ("mean", "top") or (isinstance(given, int) and least <= given <= most)
    require(known, "--layer", f"mean, top or a number in {least}..{most}", layer)
    return elmo.layer_number(cast(Literal["mean", "top"], given))


def _checked_word(elmo: Elmo, word: str) -> str:
    """A word as the tokenisation of the model writes it.

    Raises:
        CorpusError: The tokenisation splits it, so that it does not occur in any text.
    """
    if elmo.tokenization.kind == "words" and len(parts := elmo.tokenize(word)) != 1:
        found = f"the words {', '.join(map(repr, parts))}" if parts else "none"
        raise CorpusError(f"--word {word!r}: expected one word of the model's tokenisation, found {found}")
    return elmo.tokenization.normalize(word)
