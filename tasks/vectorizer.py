"""A scikit-learn transformer from texts to sentence vectors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin

from elmo_lite import CorpusError, Elmo
from tasks.inputs.in_memory import items_of

Text = str | list[str]
"""A text, tokenised like the model's training text; or a list of words, used as it is."""


class ElmoVectorizer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Transform texts to vectors by pooling the contextual vectors of their words.

        make_pipeline(ElmoVectorizer("path or name"), StandardScaler(), LogisticRegression())

    Nothing is learned from the data, so ``transform`` works without ``fit``. The model is loaded on first use. A
    pickled or copied pipeline has only the name of the model; an ``Elmo`` that is passed as ``model`` is included.
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
        """Store the settings; they are checked on use, as scikit-learn requires.

        Args:
            model: Saved model directory, packaged name or hub name; or an encoder.
            pool: "mean" or "max" over the words of a text.
            layers: "mean" of the layers, "top", or the number of a layer (0 is the token layer).
            device: Device of the model; ignored for an ``Elmo``.
            dtype: Precision of the model: "float32", "bfloat16" or "float16"; ignored for an ``Elmo``.
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
            y: Ignored.

        Raises:
            CorpusError: There are no texts, or an item is not a text.
            CheckpointError, ConfigError: The model cannot be loaded, or a setting is invalid.
        """
        _texts(X)
        self._encoder().embed_sentences([], pool=self.pool, layers=self.layers)  # checks the settings
        return self

    def transform(self, X: Iterable[Text]) -> npt.NDArray[np.float32]:  # noqa: N803
        """Compute one vector per text.

        Args:
            X: N texts.

        Returns:
            (N, 2D) float32; zeros for a text without words.

        Raises:
            CorpusError, CheckpointError, ConfigError: As for ``fit``.
        """
        texts = _texts(X)
        return self._encoder().embed_sentences(texts, pool=self.pool, layers=self.layers)

    @property
    def _n_features_out(self) -> int:
        """Number of output columns; the mixin names them (``elmovectorizer0``, ...)."""
        return self._encoder().dim

    def _encoder(self) -> Elmo:
        """The model, loaded on first use and whenever the model, device or precision changes."""
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
        """Tags for scikit-learn: the input is one text per sample, and ``fit`` is not required."""
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        tags.requires_fit = False
        tags.transformer_tags.preserves_dtype = []
        return tags


def _texts(values: Iterable[Text]) -> list[Text]:
    """Convert a sequence, array or pandas column of texts to a list.

    Raises:
        CorpusError: The input is a single text, empty or a table, or an item is not a text.
    """
    texts = items_of(values, "X", "text")
    if not texts:
        raise CorpusError("X: expected at least one text, found none")
    for number, text in enumerate(texts):
        if not isinstance(text, str | list | tuple):
            raise CorpusError(f"X: expected texts or lists of words, found {type(text).__name__} at index {number}")
    return texts
