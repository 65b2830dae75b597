"""Model cards say what a saved model is."""

import torch

from elmo_lite.nn.config import BiLMConfig, to_dict
from elmo_lite.saved_model.card import model_card

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
        "3 layers of 16 numbers",
        "`model.dim` | 8",
        "`text.words` | 12",
        r"a \| b c",
        "`whitespace`",
        "Elmo.from_pretrained",
        "5, the",
        "saved as int8",
    ):
        assert part in card, part


def test_it_says_what_is_not_there() -> None:
    card = model_card({**CONFIG, "training": {}}, WEIGHTS, num_classes=0, head="")
    assert "Classes of the language model: not saved" in card and "head: not saved" in card
    assert "## Training" not in card
