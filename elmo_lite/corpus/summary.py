"""The summary of a corpus that ``elmo-lite corpus`` prints."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from elmo_lite.corpus.writer import MAX_CUT_SHARE

_UNITS = {
    "documents": "whole documents, spread over the text",
    "lines": "stretches of lines, spread over the text, as its documents are too few or too long",
    "inputs": "what was given as --held_out",
}
_RARE = 0.25
"""The share of unknown words in training, in parts of that in new text, from which the model hardly learns them."""


def summary(meta: dict[str, Any], out: Path) -> str:
    """Sizes, unknown words, what is worth a look, and what to do next, in lines.

    Args:
        meta: Metadata of the corpus.
        out: Its directory.
    """
    lines = [
        f"{name:9} {sizes['words']:>13,} words {sizes['sentences']:>11,} sentences {sizes['documents']:>9,} documents"
        f"  {100 * meta['out_of_vocabulary_share'][part]:.2f} % outside the vocabulary"
        for name, part in (("train", "train"), ("held out", "held_out"))
        for sizes in [meta[part]]
    ]
    expected = meta["expected_unknown_share"]
    lines.append(
        f"{meta['distinct_words']:,} distinct words, {meta['vocabulary_size']:,} classes to predict; about "
        f"{100 * expected:.1f} % of the words of new text will have none"
    )
    if meta["held_out"]["words"]:
        lines.append(f"held out: {_UNITS[meta['held_out_unit']]}")
    cut = f"{100 * meta['cut_words_share']:.3f} % of words are truncated at {meta['max_characters']} characters"
    if (width := meta["suggested_max_characters"]) is not None:
        cut += f" (more than {100 * MAX_CUT_SHARE} %: use --max_characters {width})"
    lines.append(cut)
    lines += _warnings(meta)
    lines.append(f"written to {out}; next: elmo-lite pretrain --corpus {shlex.quote(str(out))} --out {_run(out)}")
    return "\n".join(lines)


def _warnings(meta: dict[str, Any]) -> list[str]:
    """What will hurt a model of the corpus, with the remedy."""
    warnings = []
    expected, trained = meta["expected_unknown_share"], meta["out_of_vocabulary_share"]["train"]
    if trained < _RARE * expected:
        warnings.append(
            f"warning: only {100 * trained:.2f} % of the training words are unknown, so the model hardly learns the "
            "unknown word, and its perplexity on new text will be high: choose a smaller --vocabulary_size or leave it "
            "out"
        )
    if not meta["held_out"]["words"]:
        warnings.append("warning: nothing is held out, as the text is one sentence: give --held_out FILE")
    return warnings


def _run(out: Path) -> str:
    """A directory beside the corpus for the run, for a shell."""
    return shlex.quote(str(out.parent / f"{out.name.removesuffix('_corpus').removesuffix('-corpus')}_run"))
