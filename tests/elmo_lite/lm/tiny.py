"""A tiny language model, and what it predicts by the plainest means: the whole prefix again at each word."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from elmo_lite.lm.language_model import LanguageModel
from elmo_lite.nn.bilm import BiLM, Direction
from elmo_lite.nn.config import BiLMConfig, CharCNNConfig
from elmo_lite.nn.lm_head import LMHead
from elmo_lite.saved_model.checkpoint import save_model
from elmo_lite.text.characters import encode_words
from elmo_lite.text.tokenization import Tokenization
from elmo_lite.text.vocabulary import Vocabulary

CONFIG = BiLMConfig(
    char_cnn=CharCNNConfig(embedding_dim=4, filters=((1, 8), (3, 8)), max_characters=10),
    dim=12,
    lstm_dim=12,
    dropout=0.5,
)
WORDS = ["the", "cat", "sat", "on", "a", "mat", ".", ",", "dog", "and"]
VOCABULARY = Vocabulary(WORDS)
BOUNDARIES = {"forward": 0, "backward": 1}


def make(std: float = 0.5, seed: int = 0, config: BiLMConfig = CONFIG) -> tuple[BiLM, LMHead]:
    torch.manual_seed(seed)
    bilm, head = BiLM(config), LMHead(len(VOCABULARY), config.dim)
    with torch.no_grad():
        for parameter in [*bilm.parameters(), *head.parameters()]:
            parameter.normal_(std=std)
    return bilm.eval(), head


def language_model(kind: str = "whitespace", std: float = 0.5, seed: int = 0) -> LanguageModel:
    return LanguageModel(*make(std, seed), VOCABULARY, Tokenization(kind=kind))  # type: ignore[arg-type]


def saved(folder: Path, kind: str = "whitespace") -> Path:
    bilm, head = make()
    return save_model(folder, bilm, Tokenization(kind=kind), VOCABULARY, head)  # type: ignore[arg-type]


@torch.no_grad()
def plain(lm: LanguageModel, sentences: Sequence[Sequence[str]], direction: Direction = "forward") -> Tensor:
    """(V,) log probabilities after sentences in reading order of the direction, by one run over all of them."""
    rows = []
    for sentence in sentences:
        rows += [lm.bilm.boundary_char_ids[BOUNDARIES[direction]][None], torch.from_numpy(encode_words(sentence, 10))]
    vectors = lm.bilm.token_vectors(torch.cat(rows).long())
    outputs, _ = lm.bilm.run_direction(direction, vectors[None])
    return torch.log_softmax((lm.head.weight @ outputs[-1][0, -1] + lm.head.bias).double(), dim=0)
