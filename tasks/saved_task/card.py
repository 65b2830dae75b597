"""The model card of a task model: encoder, labels, use, scores and settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from elmo_lite.saved_model import markdown_card, markdown_table

TITLES = {
    "ner": "Named entities",
    "sentiment": "Sentiment",
    "tag": "Labels of words",
    "classify": "Classification",
}
MAX_LABELS = 100
"""Number of labels that are listed."""
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
    "tag": (
        "from tasks.tagging import Tagger\n\n"
        'tagger = Tagger.from_pretrained("path/to/this/directory")\n'
        'labels = tagger.predict(["Anna works at Siemens in Munich ."])'
    ),
    "classify": (
        "from tasks.classification import Classifier\n\n"
        'classifier = Classifier.from_pretrained("path/to/this/directory")\n'
        'predictions = classifier.predict(["A text ."])  # or pairs: [("A text .", "Another one .")]'
    ),
}


def model_card(metadata: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    """Make the model card of a task model, in Markdown.

    Args:
        metadata: Content of ``config.json``.
        tensors: Weights of the model without its encoder.
    """
    task = metadata["task"]
    num_parameters = sum(tensor.numel() for tensor in tensors.values() if tensor.is_floating_point())
    parts = [
        f"# {TITLES[task]} (elmo_lite)",
        f"- {num_parameters:,} parameters without the encoder; {_encoder(metadata['encoder'])}.\n"
        f"- Labels: {_listed(metadata['labels'])}.",
        "## Use",
        f"```python\n{EXAMPLES[task]}\n```",
        f"```\nelmo-lite {task} predict path/to/this/directory sentences.txt\n```",
    ]
    if metadata["metrics"]:
        parts += ["## Scores", markdown_table(metadata["metrics"], "score")]
    parts += ["## Settings", markdown_table(metadata["settings"], "setting")]
    return markdown_card(["elmo", task], parts)


def _listed(labels: Sequence[str]) -> str:
    """The labels, or the first of many."""
    more = f" and {len(labels) - MAX_LABELS:,} others" if len(labels) > MAX_LABELS else ""
    return ", ".join(f"`{label}`" for label in labels[:MAX_LABELS]) + more


def _encoder(metadata: Mapping[str, Any] | None) -> str:
    if metadata is None:
        return "no encoder"
    if metadata["inside"]:
        return "its encoder is in the folder `encoder`"
    return f"its encoder is `{metadata['path']}`, hash `{metadata['hash'][:12]}`"
