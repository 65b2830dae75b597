"""A language model for a corpus: from nothing, or from a saved one whose words keep their rows of the softmax."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import torch

from elmo_lite.bilm import BiLM
from elmo_lite.checkpoint import SavedModel, load_model
from elmo_lite.corpus import Corpus
from elmo_lite.errors import CheckpointError, ConfigError
from elmo_lite.language_model import LanguageModel
from elmo_lite.lm_head import LMHead
from elmo_lite.pretrain_config import PretrainConfig
from elmo_lite.vocabulary import UNKNOWN_CLASS

log = logging.getLogger(__name__)


def class_counts(corpus: Corpus) -> torch.Tensor:
    """Occurrences of each class in the training part, (V,)."""
    counts = np.bincount(corpus.class_of_word, weights=corpus.counts, minlength=len(corpus.vocabulary))
    return torch.from_numpy(counts)


def build_model(config: PretrainConfig, corpus: Corpus, max_steps: int, init: SavedModel | None) -> LanguageModel:
    """A language model for a corpus, from nothing or from a saved one."""
    torch.manual_seed(config.seed)
    counts = class_counts(corpus)
    bilm = BiLM(config.model)
    head = LMHead(len(corpus.vocabulary), config.model.dim)
    head.start_from_counts(counts)
    if init is not None:
        bilm.load_state_dict(init.bilm.state_dict())
        if init.lm_head is not None and init.vocabulary is not None:
            _adopt_head(head, corpus, init)
    head.prepare_sampling(counts, config.head.num_samples, config.head.sampling_power)
    return LanguageModel(bilm, head, config, max_steps)


def _adopt_head(head: LMHead, corpus: Corpus, init: SavedModel) -> None:
    """Take the rows of words by their spelling; a new word starts from the unknown word's row."""
    assert init.vocabulary is not None and init.lm_head is not None
    rows = torch.tensor([init.vocabulary.class_of(word) for word in corpus.vocabulary])
    rows[0] = 0  # the boundary class, which no spelling finds
    known = int((rows[2:] != UNKNOWN_CLASS).sum()) + 2
    log.info("head: %s of %s classes known to the initial model", f"{known:,}", f"{len(rows):,}")
    with torch.no_grad():
        head.weight.copy_(init.lm_head.weight[rows])
        head.bias.copy_(init.lm_head.bias[rows])


def load_init(name: str, corpus: Corpus) -> SavedModel:
    """The model to go on from.

    Raises:
        CheckpointError: it cannot be read, or it read other words than the corpus holds.
    """
    init = load_model(name, with_head=(Path(name) / "lm_head.safetensors").exists() or not Path(name).exists())
    if init.tokenization != corpus.tokenization:
        raise CheckpointError(
            f"{name}: expected the corpus's tokenization {corpus.tokenization.to_dict()}, "
            f"found {init.tokenization.to_dict()}; build the corpus with the model's"
        )
    return init


def check_corpus(config: PretrainConfig, corpus: Corpus) -> None:
    """Fail early where model and corpus cannot go together.

    Raises:
        ConfigError: the widths of words differ.
    """
    expected = config.model.char_cnn.max_characters
    if corpus.max_characters != expected:
        raise ConfigError(
            f"model.char_cnn.max_characters: expected {corpus.max_characters}, as the corpus {corpus.directory} has, "
            f"found {expected}"
        )
