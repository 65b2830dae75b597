"""A small model, a text and its index."""

from pathlib import Path

import pytest
import torch

from elmo_lite.embedding.elmo import Elmo
from elmo_lite.neighbors.contexts import text_contexts
from elmo_lite.neighbors.index_builder import build_index
from elmo_lite.neighbors.index_metadata import Selection
from elmo_lite.neighbors.occurrence_index import OccurrenceIndex
from elmo_lite.nn.bilm import BiLM
from elmo_lite.nn.config import BiLMConfig, CharCNNConfig
from elmo_lite.saved_model.checkpoint import save_model
from elmo_lite.text.tokenization import Tokenization

CONFIG = BiLMConfig(
    char_cnn=CharCNNConfig(embedding_dim=4, filters=((1, 8), (3, 8)), max_characters=12), dim=6, lstm_dim=6
)
LINES = [
    "they play a game of chess",
    "a play by an unknown author",
    "",
    "no such word here",
    "they play a game of chess",
    "we saw the play and the next play",
    "children play outside ; plays are written",
]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    return save_model(tmp_path / "model", BiLM(CONFIG), Tokenization(kind="whitespace"))


@pytest.fixture
def elmo(model: Path) -> Elmo:
    return Elmo.from_pretrained(model)


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text("\n".join(LINES) + "\n")
    return path


@pytest.fixture
def index(elmo: Elmo, text: Path, tmp_path: Path) -> OccurrenceIndex:
    """All words of the text."""
    with text_contexts(str(text), elmo.tokenization) as contexts:
        return build_index(elmo, contexts, Selection((), min_count=1), tmp_path / "index")
