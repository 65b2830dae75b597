"""A language model for a corpus: from nothing, or from a saved one whose words keep their rows of the softmax."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from elmo_lite.corpus.corpus import Corpus
from elmo_lite.errors import CheckpointError, ConfigError
from elmo_lite.nn.bilm import BiLM
from elmo_lite.nn.config import BiLMConfig, dotted, to_dict
from elmo_lite.nn.lm_head import LMHead
from elmo_lite.presets import preset_path
from elmo_lite.pretraining.config import PretrainConfig
from elmo_lite.pretraining.training_module import LanguageModel
from elmo_lite.saved_model.checkpoint import SavedModel, load_model
from elmo_lite.saved_model.names import find_model
from elmo_lite.saved_model.settings import MODEL, ModelSettings
from elmo_lite.text.vocabulary import UNKNOWN_CLASS

log = logging.getLogger(__name__)

DROPOUT = ("dropout", "variational_dropout")
"""Settings of an encoder that say how it is trained, not what it is."""


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
            _adopt_head(head, corpus, counts, init)
    head.prepare_sampling(counts, config.head.num_samples, config.head.sampling_power)
    return LanguageModel(bilm, head, config, max_steps)


def _adopt_head(head: LMHead, corpus: Corpus, counts: torch.Tensor, init: SavedModel) -> None:
    """Take the rows of words by their spelling; words that are new share the unknown word's.

    Each has its vector, and of its probability the share that the counts (V,) give: were each as probable as all
    unknown words together, they would drown the others.
    """
    assert init.vocabulary is not None and init.lm_head is not None
    rows = torch.tensor([init.vocabulary.class_of(word) for word in corpus.vocabulary])
    rows[0] = 0  # the boundary class, which no spelling finds
    is_new = rows == UNKNOWN_CLASS  # the unknown word itself too
    known = int((~is_new).sum())
    log.info("head: %s of %s classes known to the initial model", f"{known:,}", f"{len(rows):,}")
    shares = counts.double().clamp(min=0.5)[is_new]
    with torch.no_grad():
        head.weight.copy_(init.lm_head.weight[rows])
        head.bias.copy_(init.lm_head.bias[rows])
        head.bias[is_new] += (shares / shares.sum()).log().float()


def init_settings(name: str) -> dict[str, Any]:
    """Settings to go on from a saved model with, nested as in YAML: the preset ``adapt`` and the model's encoder.

    Raises:
        CheckpointError: there is no such model.
    """
    preset: dict[str, Any] = yaml.safe_load(preset_path("adapt").read_text(encoding="utf-8"))
    return {**preset, "model": to_dict(ModelSettings.read(find_model(name)).model)}


def init_facts(name: str) -> dict[str, Any]:
    """What a model card says of the saved model that a run starts from.

    Returns:
        Its name (of an absolute path the last part), its weights' SHA-256 and, where it says so itself, the words that
        it and the models before it have seen.

    Raises:
        CheckpointError: there is no such model.
    """
    settings = ModelSettings.read(find_model(name))
    facts: dict[str, Any] = {"model": Path(name).name if Path(name).is_absolute() else name}
    facts["sha256"] = settings.files[MODEL]["sha256"]
    own, before = settings.training.get("words_seen"), settings.training.get("init")
    if isinstance(own, int):
        earlier = before.get("words_seen", 0) if isinstance(before, dict) else 0
        facts["words_seen"] = own + earlier
    return facts


def with_encoder_of(config: PretrainConfig, encoder: BiLMConfig) -> PretrainConfig:
    """Settings with another encoder; its dropout alone stays, as it is a matter of training."""
    dropout = {name: getattr(config.model, name) for name in DROPOUT}
    return dataclasses.replace(config, model=dataclasses.replace(encoder, **dropout))


def check_encoder(config: PretrainConfig, name: str) -> None:
    """See that settings ask for no other encoder than that of a saved model.

    Raises:
        ConfigError: they do; names the first that differs.
        CheckpointError: there is no such model.
    """
    encoder = with_encoder_of(config, ModelSettings.read(find_model(name)).model).model
    expected = dotted(to_dict(encoder))
    for key, found in dotted(to_dict(config.model)).items():
        if found != expected[key]:
            raise ConfigError(
                f"model.{key}: expected {expected[key]}, as the model {name} has, found {found}; "
                "leave model settings out of the flags and of --config to go on with it"
            )


def check_init(name: str, corpus: Corpus) -> Path:
    """See that a saved model can go on with a corpus.

    Returns:
        The model's directory.

    Raises:
        CheckpointError: there is no such model, or it reads other words than the corpus holds.
    """
    directory = find_model(name)
    settings = ModelSettings.read(directory)
    tokenization, width = settings.tokenization, settings.model.char_cnn.max_characters
    if tokenization != corpus.tokenization:
        raise CheckpointError(
            f"{corpus.directory}: expected the tokenization {tokenization.to_dict()}, as the model {name} has, found "
            f"{corpus.tokenization.to_dict()}; build the corpus with --tokenizer {tokenization.kind}"
        )
    if width != corpus.max_characters:
        raise CheckpointError(
            f"{corpus.directory}: expected words of {width} characters, as the model {name} reads them, found "
            f"{corpus.max_characters}; build the corpus with --max_characters {width}"
        )
    return directory


def load_init(name: str, corpus: Corpus) -> SavedModel:
    """The model to go on from, with its head if it has one.

    Raises:
        CheckpointError: it cannot be read, or does not fit the corpus.
    """
    return load_model(check_init(name, corpus), with_head=None)


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
