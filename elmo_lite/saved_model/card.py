"""Model cards: the Markdown file beside a saved model, with the front matter that model hubs read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from elmo_lite.nn.config import dotted
from elmo_lite.saved_model.tensors import dtype_name

LONGEST_CELL = 200
"""Maximum length of a table cell in characters. For longer values the table refers to ``config.json``."""
USAGE = """\
```python
from elmo_lite import Elmo

elmo = Elmo.from_pretrained("path/to/this/directory")
vectors = elmo.embed([["A", "list", "of", "words"], "or a plain string"])
```

```
elmo-lite embed path/to/this/directory sentences.txt vectors.h5
```"""


def model_card(config: Mapping[str, Any], weights: Mapping[str, Tensor], num_classes: int, head: str) -> str:
    """The model card of a language model: architecture, use, settings and training metadata.

    Args:
        config: Content of ``config.json``.
        weights: Stored weights of the encoder.
        num_classes: Size of the language model's vocabulary, or 0 if the vocabulary is not saved.
        head: Stored data type of the language model head, or an empty string if the head is not saved.
    """
    model, tokenization = config["model"], config["tokenization"]
    is_forward = "cell" in model
    parts = [
        "# Forward language model" if is_forward else "# Contextual word vectors (ELMo)",
        _architecture(model, weights),
        f"- Tokenisation of plain strings: {_tokenization(tokenization)}.\n"
        f"- Classes of the language model: {_classes(num_classes)}.\n"
        f"- Language model head: {f'saved as {head}, so perplexity can be computed' if head else 'not saved'}.",
        *([] if is_forward else ["## Use", USAGE]),
        "## Settings",
        markdown_table({"model": model, "tokenization": tokenization}, "setting"),
    ]
    if config["training"]:
        parts += ["## Training", markdown_table(config["training"], "setting")]
    return markdown_card(["language-model"] if is_forward else ["elmo", "word-embeddings", "language-model"], parts)


def _architecture(model: Mapping[str, Any], weights: Mapping[str, Tensor]) -> str:
    values = [tensor for tensor in weights.values() if tensor.is_floating_point()]
    if "cell" in model:
        return (
            f"A rung of `elmo-lite ladder`, which reads forward alone and gives no word vectors: {model['num_layers']} "
            f"layers ({model['cell']}) of {model['dim']} units over {model['token_layer']}."
        )
    return (
        f"A character-based bidirectional LSTM language model: {model['num_layers']} LSTM layers of {model['dim']} "
        f"units per direction over a character CNN. Every word gets {model['num_layers'] + 1} vectors (the token layer "
        f"and each LSTM layer) of {2 * model['dim']} values. {sum(tensor.numel() for tensor in values):,} parameters, "
        f"stored as {dtype_name(values[0])}."
    )


def _tokenization(settings: Mapping[str, Any]) -> str:
    segmenter = settings.get("segmenter")
    kind = f"`{settings.get('kind')}`"
    return f"{kind}, in scripts without spaces by `{segmenter}`, which must be installed" if segmenter else kind


def _classes(num_classes: int) -> str:
    return f"{num_classes:,}, including the boundary token and the unknown word" if num_classes else "not saved"


def markdown_card(tags: Sequence[str], parts: Sequence[str]) -> str:
    """A model card in Markdown.

    Args:
        tags: Tags on a model hub.
        parts: Paragraphs, headings and tables of the body.
    """
    from huggingface_hub import ModelCard, ModelCardData  # the import takes longer than loading a model

    metadata = ModelCardData(library_name="elmo-lite", tags=list(tags))
    # The name of a file that is not UTF-8 holds lone surrogates.
    body = "\n\n".join(parts).encode("utf-8", "backslashreplace").decode()
    return str(ModelCard(f"---\n{metadata.to_yaml()}\n---\n\n{body}\n"))


def markdown_table(values: Mapping[str, Any], heading: str) -> str:
    """A Markdown table of nested values by their dotted keys.

    Args:
        values: Values of JSON types.
        heading: Heading of the column of keys.
    """
    rows = [f"| `{key}` | {_cell(value)} |" for key, value in dotted(values).items()]
    return "\n".join([f"| {heading} | value |", "|---|---|", *rows])


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.1f}"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.replace("|", "\\|").split())
    return text if len(text) <= LONGEST_CELL else "see `config.json`"
