"""The model card of a saved model: what it is, how to use it, how it was trained."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from elmo_lite.nn.config import dotted
from elmo_lite.saved_model.tensors import dtype_name


def model_card(config: Mapping[str, Any], weights: Mapping[str, Tensor], num_classes: int, head: str) -> str:
    """Markdown with a front matter that model hubs read.

    Args:
        config: content of ``config.json``.
        weights: of the encoder, as they are stored.
        num_classes: of the language model; 0 where its vocabulary is not saved.
        head: what the language model's head is stored as; empty where it is not saved.
    """
    model = config["model"]
    numbers = [tensor for tensor in weights.values() if tensor.is_floating_point()]
    num_parameters, dtype = sum(tensor.numel() for tensor in numbers), dtype_name(numbers[0])
    words = f"{num_classes:,}, the boundary and the unknown word included" if num_classes else "not saved"
    facts = dotted({"model": model, "tokenization": config["tokenization"]})
    parts = [
        "---\nlibrary_name: elmo-lite\ntags:\n- elmo\n- word-embeddings\n- language-model\n---",
        "# Contextual word vectors (ELMo)",
        f"A character-based bidirectional LSTM language model: {model['num_layers']} layers of {model['dim']} "
        f"per direction over a character CNN, so {model['num_layers'] + 1} layers of {2 * model['dim']} numbers "
        f"for every word. {num_parameters:,} parameters, stored as {dtype}.",
        f"- Words are split by the `{config['tokenization'].get('kind')}` tokenisation.\n"
        f"- Classes of the language model: {words}.\n"
        f"- Language model head: {f'saved as {head}, so perplexity can be computed' if head else 'not saved'}.",
        "## Use",
        '```python\nfrom elmo_lite import Elmo\n\nelmo = Elmo.from_pretrained("path/to/this/directory")\n'
        'vectors = elmo.embed([["A", "list", "of", "words"], "or a plain string"])\n```',
        "```\nelmo-lite embed path/to/this/directory sentences.txt vectors.h5\n```",
        "## Settings",
        _table(facts),
    ]
    if config["training"]:
        parts += ["## Training", _table(dotted(config["training"]))]
    return "\n\n".join(parts) + "\n"


def _table(facts: Mapping[str, Any]) -> str:
    def cell(value: Any) -> str:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        return " ".join(text.replace("|", "\\|").split())

    rows = [f"| `{key}` | {cell(value)} |" for key, value in facts.items()]
    return "\n".join(["| setting | value |", "|---|---|", *rows])
