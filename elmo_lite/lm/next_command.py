"""The most probable next words of a text (``elmo-lite next``)."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Literal

from elmo_lite.errors import require
from elmo_lite.files import STANDARD_STREAM
from elmo_lite.lm.language_model import LanguageModel
from elmo_lite.lm.next_words import Candidate, is_blank
from elmo_lite.nn.bilm import Direction
from elmo_lite.outputs import checked_output, format_of, open_output
from elmo_lite.text.lines import standard_input_lines

log = logging.getLogger("elmo_lite")

Format = Literal["text", "tsv", "jsonl"]
FORMATS: dict[str, Format] = {".tsv": "tsv", ".jsonl": "jsonl", ".txt": "text"}


def next_command(
    model: str,
    text: str,
    output: str | None = None,
    *,
    top_k: int = 10,
    direction: Direction | None = None,
    format: Format | None = None,
    device: str = "cpu",
    overwrite: bool = False,
) -> None:
    """Suggest the words that follow a text, come before it, or fill a blank in it.

    Args:
        model: Saved model: a directory, a packaged name or a hub name.
        text: Text in quotes, whose last sentence goes on (an empty one asks for first words); with ___ for one of its
            words, both directions together rank the words for this blank; - for a text per line on standard input.
        output: File to write: .txt, .tsv or .jsonl. Defaults to text on standard output.
        top_k: Number of words.
        direction: Reading direction: forward for the words after the text, backward for those before it. Defaults to
            forward.
        format: Format of the output: text, tsv or jsonl. Defaults to that of the suffix.
        device: Device to run on: auto (a GPU if there is one), cpu, cuda, cuda:N or mps.
        overwrite: Replace OUTPUT if it exists.
    """
    require(top_k >= 1, "top_k", "1 or more", top_k)
    target = checked_output(output, "", overwrite)
    kind = format or format_of(target, FORMATS)
    lm = LanguageModel.from_pretrained(model, device)
    with open_output(target) as file:
        if kind == "tsv":
            file.write("text\trank\tword\tprobability\n")
        for one in _texts(text):
            for line in _lines(kind, one, _candidates(lm, one, top_k, direction), is_alone=text != STANDARD_STREAM):
                file.write(f"{line}\n")
            file.flush()


def _texts(text: str) -> Iterator[str]:
    if text != STANDARD_STREAM:
        yield text
        return
    for _, line in standard_input_lines():
        yield line.rstrip("\r\n")


def _candidates(lm: LanguageModel, text: str, top_k: int, direction: Direction | None) -> list[Candidate]:
    words = [word for sentence in lm.sentences_of(text) for word in sentence]
    has_blank = any(map(is_blank, words))
    if has_blank:
        require(direction is None, "direction", "none with a blank, which both directions fill", direction)
    warn_of_unknown(lm, [word for word in words if not is_blank(word)])
    return lm.fill(text, top_k) if has_blank else lm.next_words(text, top_k, direction or "forward")


def warn_of_unknown(lm: LanguageModel, words: list[str]) -> None:
    """Say which words of a text have no class."""
    if unknown := lm.unknown_words(words):
        listed = ", ".join(unknown[:10]) + (", ..." if len(unknown) > 10 else "")
        log.warning("outside of the vocabulary, read by their characters: %s", listed)


def _lines(kind: Format, text: str, candidates: list[Candidate], is_alone: bool) -> Iterator[str]:
    on_line = " ".join(text.split())
    if kind == "jsonl":
        found = [{"word": word, "probability": probability} for word, probability in candidates]
        yield json.dumps({"text": text, "candidates": found}, ensure_ascii=False)
    elif kind == "tsv":
        for rank, (word, probability) in enumerate(candidates, 1):
            yield f"{on_line}\t{rank}\t{word}\t{probability:.6g}"
    else:
        if not is_alone:
            yield on_line
        for word, probability in candidates:
            yield f"{100 * probability:8.3f} %  {word}"
