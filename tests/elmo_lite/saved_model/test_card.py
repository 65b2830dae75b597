"""Model cards describe a saved model, for people and for model hubs."""

import torch
from huggingface_hub import ModelCard

from elmo_lite.nn.config import BiLMConfig, to_dict
from elmo_lite.saved_model.card import markdown_card, markdown_table, model_card
from elmo_lite.text.tokenization import Tokenization

CONFIG = {
    "model": to_dict(BiLMConfig(dim=8, lstm_dim=8)),
    "tokenization": {"kind": "whitespace"},
    "training": {"steps": 7, "text": {"words": 12, "note": "a | b\nc"}},
}
WEIGHTS = {"a": torch.zeros(3, 4, dtype=torch.float16), "b": torch.zeros(2, dtype=torch.long)}


def test_it_says_what_is_there() -> None:
    card = model_card(CONFIG, WEIGHTS, num_classes=5, head="int8")
    for part in (
        "library_name: elmo-lite",
        "12 parameters, stored as float16",
        "3 vectors (the token layer and each LSTM layer) of 16 values",
        "`model.dim` | 8",
        "`text.words` | 12",
        r"a \| b c",
        "`whitespace`",
        "Elmo.from_pretrained",
        "5, including the",
        "saved as int8",
    ):
        assert part in card, part


def test_it_says_what_is_not_there() -> None:
    card = model_card({**CONFIG, "training": {}}, WEIGHTS, num_classes=0, head="")
    assert "Classes of the language model: not saved" in card and "head: not saved" in card
    assert "## Training" not in card


def test_it_names_the_segmenter() -> None:
    settings = Tokenization(segmenter="jieba").to_dict()
    card = model_card({**CONFIG, "tokenization": settings}, WEIGHTS, num_classes=0, head="")
    assert "strings: `words`, in scripts without spaces by `jieba`, which must be installed." in card
    assert "| `tokenization.segmenter` | jieba |" in card


def test_hubs_read_the_front_matter() -> None:
    card = ModelCard(markdown_card(["elmo", "ner"], ["# Title", "Text."]))
    assert card.data.to_dict() == {"library_name": "elmo-lite", "tags": ["elmo", "ner"]}
    assert card.text == "\n# Title\n\nText.\n"


def test_cells() -> None:
    table = markdown_table({"a": {"b": 0.123456, "c": 12345.67}, "long": "x" * 201, "none": None}, "score")
    assert table.splitlines() == [
        "| score | value |",
        "|---|---|",
        "| `a.b` | 0.1235 |",
        "| `a.c` | 12,345.7 |",
        "| `long` | see `config.json` |",
        "| `none` | null |",
    ]
