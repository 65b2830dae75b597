"""The model card of a task model: what it is, how to use it, what it reached."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from torch import Tensor

TITLES = {"ner": "Named entities", "sentiment": "Sentiment"}
EXAMPLES = {
    "ner": (
        "from tasks.ner import NerTagger\n\n"
        'tagger = NerTagger.from_pretrained("path/to/this/directory")\n'
        'spans = tagger.predict(["Anna works at Siemens in Munich ."])'
    ),
    "sentiment": (
        "from tasks.sentiment import SentimentClassifier\n\n"
        'classifier = SentimentClassifier.from_pretrained("path/to/this/directory")\n'
        'predictions = classifier.predict(["A film that never drags ."])'
    ),
}


def model_card(facts: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    """Markdown with a front matter that model hubs read.

    Args:
        facts: content of ``config.json``.
        tensors: the model's own weights.
    """
    task = facts["task"]
    number = sum(tensor.numel() for tensor in tensors.values() if tensor.is_floating_point())
    parts = [
        f"---\nlibrary_name: elmo-lite\ntags:\n- elmo\n- {task}\n---",
        f"# {TITLES[task]} (elmo_lite)",
        f"- {number:,} numbers of its own; {_encoder(facts['encoder'])}.\n"
        f"- Labels: {', '.join(f'`{label}`' for label in facts['labels'])}.",
        "## Use",
        f"```python\n{EXAMPLES[task]}\n```",
        f"```\nelmo-lite {task} predict path/to/this/directory sentences.txt\n```",
    ]
    if facts["metrics"]:
        parts += ["## Scores", table(facts["metrics"], "score")]
    parts += ["## Settings", table(facts["settings"], "setting")]
    return "\n\n".join(parts) + "\n"


def _encoder(facts: Mapping[str, Any] | None) -> str:
    if facts is None:
        return "no encoder"
    if facts["inside"]:
        return "its encoder is in the folder `encoder`"
    return f"its encoder is `{facts['path']}`, hash `{facts['hash'][:12]}`"


def table(facts: Mapping[str, Any], kind: str) -> str:
    """A table of nested facts by dotted keys; long lists are left to ``config.json``."""
    rows = [f"| {kind} | value |", "|---|---|"]
    rows += [f"| `{key}` | {_cell(value)} |" for key, value in _flat(facts) if len(_cell(value)) <= 200]
    return "\n".join(rows)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return " ".join(text.replace("|", "\\|").split())


def _flat(facts: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Nested facts as (dotted key, value)."""
    pairs: list[tuple[str, Any]] = []
    for key, value in facts.items():
        if isinstance(value, Mapping):
            pairs += _flat(value, f"{prefix}{key}.")
        else:
            pairs.append((f"{prefix}{key}", value))
    return pairs
