"""The language model that a run starts from: a new one, or a saved one whose known words keep their softmax rows."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch

from elmo_lite.corpus.corpus import Corpus
from elmo_lite.errors import CheckpointError, ConfigError
from elmo_lite.metadata import read_yaml
from elmo_lite.nn.config import BiLMConfig, dotted, to_dict
from elmo_lite.nn.forward_lm import make_encoder
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
"""Encoder settings that affect training alone; a run may change them."""


@dataclasses.dataclass(frozen=True)
class InitialModel:
    """A saved model to start from, with its name resolved and its settings read once."""

    name: str
    """Directory, packaged name or hub name, as given."""
    directory: Path
    settings: ModelSettings

    @classmethod
    def find(cls, name: str) -> InitialModel:
        """Resolve a name and read the model's settings; a hub name is downloaded if need be.

        Raises:
            CheckpointError: There is no such model, or its settings are damaged.
        """
        directory = find_model(name)
        return cls(name, directory, ModelSettings.read(directory))

    @property
    def fingerprint(self) -> str:
        """Hash of the sizes and hashes of this model's files; independent of its path."""
        return hashlib.sha256(json.dumps(self.settings.files, sort_keys=True).encode()).hexdigest()

    def default_settings(self) -> dict[str, Any]:
        """Default settings of a run from this model, nested as in YAML: the preset ``adapt`` and this encoder."""
        preset: dict[str, Any] = read_yaml(preset_path("adapt"))
        return {**preset, "model": to_dict(self.settings.model)}

    def metadata(self) -> dict[str, Any]:
        """Metadata about this model for the model card of the run.

        Returns:
            Its name (the last part of an absolute path), the SHA-256 of its weights and, if recorded, the number of
            words that it and its predecessors were trained on.
        """
        metadata: dict[str, Any] = {"model": Path(self.name).name if Path(self.name).is_absolute() else self.name}
        metadata["sha256"] = self.settings.files[MODEL]["sha256"]
        own, predecessor = (self.settings.training.get(key) for key in ("words_seen", "init"))
        if isinstance(own, int):
            earlier = predecessor.get("words_seen", 0) if isinstance(predecessor, dict) else 0
            metadata["words_seen"] = own + (earlier if isinstance(earlier, int) else 0)
        return metadata

    def check_encoder(self, config: PretrainConfig) -> None:
        """Check that the settings ask for this model's encoder; dropout may differ.

        Raises:
            ConfigError: A setting differs; the first one is named.
        """
        expected = dotted(to_dict(with_encoder_of(config, self.settings.model).model))
        for key, found in dotted(to_dict(config.model)).items():
            if found != expected[key]:
                raise ConfigError(
                    f"model.{key}: expected {expected[key]}, as the model {self.name} has, found {found}; "
                    "omit model settings from the flags and from --config to use its encoder"
                )

    def check_corpus(self, corpus: Corpus) -> None:
        """Check that this model fits the words of a corpus.

        Raises:
            CheckpointError: The tokenization or the word width differs.
        """
        tokenization, width = self.settings.tokenization, self.settings.model.char_cnn.max_characters
        if tokenization != corpus.tokenization:
            is_other = tokenization.segmenter != corpus.tokenization.segmenter
            segmenter = f" --segmenter {tokenization.segmenter or 'none'}" if is_other else ""
            raise CheckpointError(
                f"{corpus.directory}: expected the tokenization {tokenization.to_dict()}, as the model {self.name} "
                f"has, found {corpus.tokenization.to_dict()}; build the corpus with --tokenizer {tokenization.kind}"
                f"{segmenter}"
            )
        if width != corpus.max_characters:
            raise CheckpointError(
                f"{corpus.directory}: expected words of {width} characters, as the model {self.name} reads them, found "
                f"{corpus.max_characters}; build the corpus with --max_characters {width}"
            )

    def load(self, corpus: Corpus) -> SavedModel:
        """Load the encoder's weights, and those of the LM head if the model has one.

        Raises:
            CheckpointError: A file is missing or damaged, or the model does not fit the corpus.
        """
        self.check_corpus(corpus)
        return load_model(self.directory, with_head=None)


def class_counts(corpus: Corpus) -> torch.Tensor:
    """Occurrences of each class in the training part, (V,)."""
    counts = np.bincount(corpus.class_of_word, weights=corpus.counts, minlength=len(corpus.vocabulary))
    return torch.from_numpy(counts)


def build_model(config: PretrainConfig, corpus: Corpus, max_steps: int, init: SavedModel | None) -> LanguageModel:
    """Build the language model for a corpus, with new weights or with those of a saved model."""
    torch.manual_seed(config.seed)
    counts = class_counts(corpus)
    bilm = make_encoder(config.model)
    head = LMHead(len(corpus.vocabulary), config.model.dim)
    head.start_from_counts(counts)
    if init is not None:
        bilm.load_state_dict(init.bilm.state_dict())
        if init.lm_head is not None and init.vocabulary is not None:
            _adopt_head(head, corpus, counts, init)
    head.prepare_sampling(counts, config.head.num_samples, config.head.sampling_power)
    return LanguageModel(bilm, head, config, max_steps)


def _adopt_head(head: LMHead, corpus: Corpus, counts: torch.Tensor, init: SavedModel) -> None:
    """Copy the softmax rows of known words, matched by spelling; new words share the row of the unknown word.

    A new word gets the vector of the unknown word. The probability of the unknown word is divided among the new words
    in proportion to the counts (V,); if each had the full probability, new words would outweigh the known ones.
    """
    assert init.vocabulary is not None and init.lm_head is not None
    rows = torch.tensor([init.vocabulary.class_of(word) for word in corpus.vocabulary])
    rows[0] = 0  # the boundary class, which has no spelling
    is_new = rows == UNKNOWN_CLASS  # includes the unknown word itself
    known = int((~is_new).sum())
    log.info("head: %s of %s classes known to the initial model", f"{known:,}", f"{len(rows):,}")
    shares = counts.double().clamp(min=0.5)[is_new]
    with torch.no_grad():
        head.weight.copy_(init.lm_head.weight[rows])
        head.bias.copy_(init.lm_head.bias[rows])
        head.bias[is_new] += (shares / shares.sum()).log().float()


def with_encoder_of(config: PretrainConfig, encoder: BiLMConfig) -> PretrainConfig:
    """Replace the encoder's settings, except for dropout."""
    dropout = {name: getattr(config.model, name) for name in DROPOUT}
    return dataclasses.replace(config, model=dataclasses.replace(encoder, **dropout))


def check_corpus(config: PretrainConfig, corpus: Corpus) -> None:
    """Check that the model's settings fit the corpus.

    Raises:
        ConfigError: The word widths differ.
    """
    expected = config.model.char_cnn.max_characters
    if corpus.max_characters != expected:
        raise ConfigError(
            f"model.char_cnn.max_characters: expected {corpus.max_characters}, as the corpus {corpus.directory} has, "
            f"found {expected}"
        )
