"""The rungs of a ladder: what each model is, and the settings of its training."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from elmo_lite.corpus.corpus import Corpus
from elmo_lite.ladder.config import LadderConfig, RungName
from elmo_lite.nn.config import BiLMConfig
from elmo_lite.nn.forward_config import Cell, ForwardLMConfig, TokenLayer
from elmo_lite.nn.forward_lm import make_encoder
from elmo_lite.pretraining.config import PretrainConfig
from elmo_lite.pretraining.forward_config import ForwardPretrainConfig
from elmo_lite.pretraining.optimizers import num_parameters
from elmo_lite.saved_model.tensors import shapes_alone

WIDEST = 8192
STEP = 4
"""Widths of models of equal size are multiples of it."""


@dataclass(frozen=True)
class ForwardRung:
    """A neural model that reads forward alone."""

    title: str
    cell: Cell
    num_layers: int = 1
    token_layer: TokenLayer = "words"


FORWARD: dict[RungName, ForwardRung] = {
    "window": ForwardRung("feed-forward, {window} words", "window"),
    "rnn_tanh": ForwardRung("RNN, tanh", "rnn_tanh"),
    "rnn_relu": ForwardRung("RNN, ReLU", "rnn_relu"),
    "gru": ForwardRung("GRU", "gru"),
    "lstm": ForwardRung("LSTM", "lstm"),
    "lstm2": ForwardRung("LSTM, 2 layers, residual", "lstm", num_layers=2),
    "char_lstm": ForwardRung("LSTM, 2 layers, characters", "lstm", num_layers=2, token_layer="characters"),
}
BIDIRECTIONAL: RungName = "bilm"
_COUNTED: dict[RungName, str] = {
    "unigram": "unigram",
    "bigram": "bigram, Kneser-Ney",
    "ngram": "{order}-gram, Kneser-Ney",
}
RECURRENT: tuple[RungName, ...] = ("rnn_tanh", "rnn_relu", "gru", "lstm")
"""Rungs of one recurrent layer, whose gradients are measured."""


def order_of(name: RungName, config: LadderConfig) -> int | None:
    """Length of the n-grams of a rung; None for neural rungs."""
    return {"unigram": 1, "bigram": 2, "ngram": config.order}.get(name)


def title(name: RungName, config: LadderConfig) -> str:
    """The name of a rung in tables and pictures."""
    if name == BIDIRECTIONAL:
        return "biLM (forward)"
    text = FORWARD[name].title if name in FORWARD else _COUNTED[name]
    return text.format(window=config.window, order=config.order)


def training_config(name: RungName, config: LadderConfig, corpus: Corpus) -> PretrainConfig:
    """Settings of the training of a neural rung.

    Args:
        name: The rung.
        config: Settings of the ladder.
        corpus: The corpus, whose number of classes matters where models have equal numbers of parameters.
    """
    dim = config.dim
    if config.equal == "parameters" and name != "lstm":
        classes = len(corpus.vocabulary)
        dim = _matching_width(name, config, classes, parameters_of(_encoder("lstm", config, dim), classes))
    model = _encoder(name, config, dim)
    make = ForwardPretrainConfig if isinstance(model, ForwardLMConfig) else PretrainConfig
    return make(
        model=model,  # type: ignore[arg-type]
        head=config.head,
        data=config.data,
        optimizer=config.optimizer,
        epochs=config.epochs,
        validations=config.validations,
        patience=config.patience,
        precision=config.precision,
        device=config.device,
        save_every_minutes=2.0,
        seed=config.seed,
    )


def _encoder(name: RungName, config: LadderConfig, dim: int) -> BiLMConfig:
    """Settings of the encoder of a neural rung of width ``dim``."""
    both = BiLMConfig(
        char_cnn=config.char_cnn,
        dim=dim,
        lstm_dim=dim,
        num_layers=2,
        dropout=config.dropout,
        variational_dropout=config.variational_dropout,
    )
    if name == BIDIRECTIONAL:
        return both
    rung = FORWARD[name]
    shared = {field.name: getattr(both, field.name) for field in dataclasses.fields(both)}
    shared["num_layers"] = rung.num_layers
    return ForwardLMConfig(**shared, cell=rung.cell, token_layer=rung.token_layer, window=config.window)


def parameters_of(model: BiLMConfig, num_classes: int) -> int:
    """Number of trainable parameters of an encoder and its softmax; tied vectors count once."""
    with shapes_alone():
        encoder = make_encoder(model)
    return num_parameters(encoder) + num_classes * (model.dim + 1)


def _matching_width(name: RungName, config: LadderConfig, num_classes: int, parameters: int) -> int:
    """The width at which a rung has about this number of parameters."""

    def size(steps: int) -> int:
        return parameters_of(_encoder(name, config, STEP * steps), num_classes)

    least, most = 1, WIDEST // STEP  # size(least) <= parameters < size(most), where there is such a width
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (middle, most) if size(middle) <= parameters else (least, middle)
    return STEP * min(least, most, key=lambda steps: abs(size(steps) - parameters))
