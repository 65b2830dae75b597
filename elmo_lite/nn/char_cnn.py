"""The token layer: context-independent vectors from characters (Kim et al. 2016; Peters et al. 2018)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from elmo_lite.errors import require
from elmo_lite.nn.packed_linear import PackedLinear
from elmo_lite.nn.pooled_convolution import pooled_convolutions
from elmo_lite.text.characters import NO_TOKEN, NUM_CHAR_IDS, PADDING


class Highway(nn.Module):
    """y = g * relu(W x + b) + (1 - g) * x with gate g = sigmoid(W' x + b') (Srivastava et al. 2015)."""

    def __init__(self, dim: int) -> None:
        """Create a layer of width ``dim`` whose gate is initially almost closed, so that the input passes through."""
        super().__init__()
        self.transform = PackedLinear(dim, dim)
        self.gate = PackedLinear(dim, dim)
        for linear in (self.transform, self.gate):
            nn.init.normal_(linear.weight, std=1 / math.sqrt(dim))
            nn.init.zeros_(linear.bias)
        nn.init.constant_(self.gate.bias, -2.0)

    def forward(self, inputs: Tensor) -> Tensor:
        """Interpolate between inputs (N, F) and their transformation. Returns (N, F)."""
        return torch.lerp(inputs, F.relu(self.transform(inputs)), torch.sigmoid(self.gate(inputs)))


class CharCNN(nn.Module):
    """Character embedding, convolutions of several widths, max pooling over positions, highway layers, projection."""

    def __init__(
        self,
        *,
        embedding_dim: int,
        filters: Sequence[tuple[int, int]],
        num_highway: int,
        activation: str,
        max_characters: int,
        output_dim: int,
        projection: bool = True,
    ) -> None:
        """Create the layer.

        Args:
            embedding_dim: Width of the vector of a character.
            filters: Groups of convolution filters, each (width in characters, number of filters).
            num_highway: Number of highway layers, 0 or more.
            activation: Activation after max pooling, "relu" or "tanh".
            max_characters: Number of character ids of each word (C).
            output_dim: Width of a token vector (D).
            projection: Project the filters to ``output_dim``; may be false if they have that width already.
        """
        super().__init__()
        self.max_characters = max_characters
        require(activation in ("relu", "tanh"), "activation", "relu or tanh", activation)
        self.activation = torch.tanh if activation == "tanh" else F.relu
        self.embedding = nn.Embedding(NUM_CHAR_IDS, embedding_dim)
        self.convolutions = nn.ModuleList(nn.Conv1d(embedding_dim, number, width) for width, number in filters)
        num_filters = sum(number for _, number in filters)
        self.highways = nn.ModuleList(Highway(num_filters) for _ in range(num_highway))
        self.projection = PackedLinear(num_filters, output_dim) if projection else nn.Identity()
        self._initialise()

    def _initialise(self) -> None:
        nn.init.uniform_(self.embedding.weight, -1.0, 1.0)
        with torch.no_grad():
            self.embedding.weight[NO_TOKEN] = 0
        if isinstance(self.projection, nn.Linear):
            nn.init.normal_(self.projection.weight, std=1 / math.sqrt(self.projection.in_features))
            nn.init.zeros_(self.projection.bias)

    def _trim(self, char_ids: Tensor, longest: int | None) -> Tensor:
        """Trim (N, C) to the length of the longest word plus the width of the widest filter.

        Only windows of padding are removed, and each filter keeps at least one of them, so no maximum changes.
        """
        if longest is None:
            used = ((char_ids != PADDING) & (char_ids != NO_TOKEN)).any(dim=0).nonzero()
            longest = int(used[-1]) + 1 if len(used) else 0
        widest = max(convolution.kernel_size[0] for convolution in self.convolutions)  # type: ignore[index]
        return char_ids[:, : longest + widest]

    def forward(self, char_ids: Tensor, longest: int | None = None) -> Tensor:
        """Compute the token vectors of words.

        Args:
            char_ids: Character ids (N, C) in 0..261, one row per word.
            longest: Number of characters of the longest word, BOW and EOW included. It is found if it is not given, for
                which a GPU has to be waited for.

        Returns:
            Token vectors (N, D).
        """
        vectors = self.activation(self._pooled(char_ids, longest))  # (N, F)
        for highway in self.highways:
            vectors = highway(vectors)
        return self.projection(vectors)  # type: ignore[no-any-return]

    def _pooled(self, char_ids: Tensor, longest: int | None) -> Tensor:
        """The maxima over positions of all filters, (N, F).

        On a CPU, in full precision, they are computed without the scores of all positions; convolutions of oneDNN are
        prepared anew for each shape, and batches have many.
        """
        if char_ids.device.type == "cpu" and self._has_full_precision():
            return pooled_convolutions(char_ids, self.embedding.weight, self.convolutions)  # type: ignore[arg-type]
        embedded = self.embedding(self._trim(char_ids, longest).int()).transpose(1, 2)  # (N, embedding_dim, C')
        # max() instead of amax(): its backward pass uses one index instead of comparing all positions
        return torch.cat([convolution(embedded).max(dim=2).values for convolution in self.convolutions], dim=1)

    def _has_full_precision(self) -> bool:
        return self.embedding.weight.dtype != torch.bfloat16 and not torch.is_autocast_enabled("cpu")
