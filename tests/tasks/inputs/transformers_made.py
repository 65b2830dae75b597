"""Tiny random transformers with their tokenizers, written to a directory as the hub has them."""

from pathlib import Path
from typing import Any

import torch

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VOCABULARY = [*SPECIAL, *"the cat ##s sat a b c ##a ##b ##c anna rome lives in . good bad film".split()]
DIM, NUM_LAYERS, MAX_PIECES = 8, 3, 12


def bert(directory: Path, seed: int = 0, **settings: Any) -> Path:
    """A BERT of two blocks with WordPiece, which reads 12 pieces at once, 10 of them of words."""
    from transformers import BertConfig, BertModel

    directory.mkdir(parents=True)
    (directory / "vocab.txt").write_text("".join(f"{piece}\n" for piece in VOCABULARY))
    torch.manual_seed(seed)
    sizes = {"hidden_size": DIM, "num_hidden_layers": NUM_LAYERS - 1, "intermediate_size": 16, "num_attention_heads": 2}
    sizes |= {"vocab_size": len(VOCABULARY), "max_position_embeddings": MAX_PIECES}
    config = BertConfig(**{**sizes, "initializer_range": 0.5, **settings})
    BertModel(config).save_pretrained(directory)
    return directory
