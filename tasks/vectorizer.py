"""Sentence vectors as a scikit-learn transformer, for pipelines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin

from elmo_lite import CorpusError, Elmo

Text = str | list[str]
"""A text, split as the model's training text was; or its words, never split again."""


class ElmoVectorizer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Texts to vectors: the words' contextual vectors, pooled.

        make_pipeline(ElmoVectorizer("path or name"), StandardScaler(), LogisticRegression())

    Nothing is learned from the data, so ``transform`` works without ``fit``. The model is loaded on first use and not
    stored with a pickled or copied pipeline, which names it only; where ``model`` is an ``Elmo``, it travels along.
    """

    def __init__(
        self,
        model: str | Elmo = "en",
        *,
        pool: Literal["mean", "max"] = "mean",
        layers: Literal["mean", "top"] | int = "mean",
        device: str = "cpu",
        dtype: str = "float32",
    ) -> None:
        """Keep the settings; they are checked when they are used, as scikit-learn wants it.

        Args:
            model: saved model directory, packaged name or hub name; or an encoder.
            pool: "mean" or "max" over a text's words.
            layers: "mean" of the layers, "top", or a layer's number, 0 = token layer.
            device: where to run a model that is loaded.
            dtype: precision of a model that is loaded: "float32", "bfloat16" or "float16".
        """
        self.model = model
        self.pool = pool
        self.layers = layers
        self.device = device
        self.dtype = dtype

    def fit(self, X: Iterable[Text], y: Any = None) -> ElmoVectorizer:  # noqa: N803
        """Load the model and check the texts.

        Args:
            X: N texts.
            y: ignored.

        Raises:
            CorpusError: no texts, or something that is none.
            CheckpointError, ConfigError: the model cannot be loaded, or a setting is impossible.
        """
        _texts(X)
        self._encoder().embed_sentences([], pool=self.pool, layers=self.layers)  # checks the settings
        return self

    def transform(self, X: Iterable[Text]) -> npt.NDArray[np.float32]:  # noqa: N803
        """One vector a text.

        Args:
            X: N texts.

        Returns:
            (N, 2D) float32; zeros for a text without words.

        Raises:
            CorpusError, CheckpointError, ConfigError: as for ``fit``.
        """
        texts = _texts(X)
        return self._encoder().embed_sentences(texts, pool=self.pool, layers=self.layers)

    @property
    def _n_features_out(self) -> int:
        """Columns, by which the mixin names them (``elmovectorizer0``, ...)."""
        return self._encoder().dim

    def _encoder(self) -> Elmo:
        """The model, loaded once for each model, device and precision."""
        if isinstance(self.model, Elmo):
            return self.model
        settings = (self.model, self.device, self.dtype)
        if getattr(self, "_loaded_settings", None) != settings:
            self._loaded = Elmo.from_pretrained(self.model, device=self.device, dtype=self.dtype)
            self._loaded_settings = settings
        return self._loaded

    def __getstate__(self) -> dict[str, Any]:
        """The settings, without the loaded model."""
        state: dict[str, Any] = super().__getstate__()
        return {name: value for name, value in state.items() if name not in ("_loaded", "_loaded_settings")}

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn may feed it: one text a sample, and no ``fit`` needed."""
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        tags.requires_fit = False
        tags.transformer_tags.preserves_dtype = []
        return tags


def _texts(values: Iterable[Text]) -> list[Text]:
    """A sequence, array or pandas column of texts as a list.

    Raises:
        CorpusError: it is one text, empty, a table, or holds something that is no text.
    """
    if isinstance(values, str | bytes):
        raise CorpusError("X: expected a list of texts, found one string: put it in a list")
    shape = getattr(values, "shape", (0,))
    if len(shape) != 1:
        raise CorpusError(f"X: expected one text a sample, found an array of shape {shape}")
    texts = list(values)
    if not texts:
        raise CorpusError("X: expected at least one text, found none")
    for number, text in enumerate(texts):
        if not isinstance(text, str | list | tuple):
            raise CorpusError(f"X: expected texts or lists of words, found {type(text).__name__} as number {number}")
    return texts
