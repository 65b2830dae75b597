"""Reading and writing of the published format's weight file, one data set at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from elmo_lite.embedding.hdf5 import new_hdf5
from elmo_lite.errors import CheckpointError, one_line
from elmo_lite.metadata import regular_size
from elmo_lite.nn.bilm import BiLM
from elmo_lite.nn.config import BiLMConfig
from elmo_lite.published.layout import data_set_pieces, data_set_shapes
from elmo_lite.published.options import FORGET_BIAS

if TYPE_CHECKING:
    import h5py

_DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError)
"""Exceptions that h5py raises if a file is damaged."""
_MAX_RATIO = 64
"""Largest ratio of the values to the size of their file; weights hardly compress."""
_LARGEST_CHUNK = 2**20
"""Size in bytes of a chunk that may be larger than its data set."""


class WeightFile:
    """An open weight file whose data sets are read one at a time."""

    def __init__(self, path: Path, data_sets: Mapping[str, h5py.Dataset]) -> None:
        """Wrap the data sets listed by ``open_weights``."""
        self.path, self.data_sets = path, data_sets

    def has(self, end: str) -> bool:
        """Whether the name of any data set ends with ``end``."""
        return any(name.endswith(end) for name in self.data_sets)

    def check(self, config: BiLMConfig) -> None:
        """Compare names, shapes, dtypes and stored sizes with the settings, before any data set is read.

        Raises:
            CheckpointError: A data set is missing, unknown, of another shape, not of a floating-point dtype or not
                wholly in the file.
        """
        names, total = set(), 0
        for name, shape in data_set_shapes(config):
            if name not in self.data_sets:
                raise CheckpointError(f"{self.path}: {name}: expected a data set of shape {list(shape)}, found none")
            found = self.data_sets[name]
            if found.shape != shape:
                raise CheckpointError(f"{self.path}: {name}: expected shape {list(shape)}, found {_shape(found)}")
            if found.dtype.kind != "f":
                raise CheckpointError(f"{self.path}: {name}: expected floating-point numbers, found {found.dtype}")
            self._check_storage(name, found)
            total += found.nbytes
            names.add(name)
        for name in sorted(set(self.data_sets) - names):
            found = _shape(self.data_sets[name])
            raise CheckpointError(
                f"{self.path}: {name}: expected no such data set according to the options, found shape {found}"
            )
        if total > _MAX_RATIO * (size := regular_size(self.path)):
            raise CheckpointError(f"{self.path}: expected {total:,} bytes of weights, found a file of {size:,}")

    def _check_storage(self, name: str, data_set: h5py.Dataset) -> None:
        """Check that the values are in the file, and that no chunk needs far more memory than they do."""
        stored, needed = data_set.id.get_storage_size(), data_set.nbytes
        if data_set.id.get_create_plist().get_nfilters() == 0 and stored < needed:
            raise CheckpointError(f"{self.path}: {name}: expected {needed:,} stored bytes, found {stored:,}")
        chunk = math.prod(data_set.chunks or ()) * data_set.dtype.itemsize
        if chunk > (most := max(needed, _LARGEST_CHUNK)):
            raise CheckpointError(f"{self.path}: {name}: expected chunks of at most {most:,} bytes, found {chunk:,}")

    def read(self, name: str) -> Tensor:
        """Read one data set as float32.

        Raises:
            CheckpointError: The data set is damaged or contains a value that is not finite; the place is named.
        """
        try:
            values = np.asarray(self.data_sets[name][()])
        except (*_DAMAGE, MemoryError) as error:
            raise CheckpointError(
                f"{self.path}: {name}: expected a readable data set, found {one_line(error)}"
            ) from None
        with np.errstate(over="ignore"):
            values = np.ascontiguousarray(values, dtype=np.float32)
        finite = np.isfinite(values)
        if not finite.all():
            place = tuple(int(index) for index in np.argwhere(~finite)[0])
            raise CheckpointError(
                f"{self.path}: {name}: expected finite numbers, found {values[place]} at {list(place)}"
            )
        return torch.from_numpy(values)

    def has_identity_projections(self, config: BiLMConfig) -> bool:
        """Whether all projections after the cells are identity matrices."""
        if config.lstm_dim != config.dim or not self.has("/W_P_0"):
            return False
        identity = torch.eye(config.dim).numpy().tobytes()  # bitwise, as an identity would turn -0.0 into 0.0
        names = [name for name in self.data_sets if name.endswith("/W_P_0")]
        return all(self.read(name).numpy().tobytes() == identity for name in names)

    def fill(self, bilm: BiLM) -> None:
        """Copy all data sets into a model whose settings passed ``check``."""
        for name, pieces in data_set_pieces(bilm).items():
            values = self.read(name)
            for index, view in pieces:
                view.copy_(values[index])


@contextmanager
def open_weights(path: Path) -> Iterator[WeightFile]:
    """Open a weight file and list its data sets.

    Yields:
        The open file.

    Raises:
        CheckpointError: The file does not exist, is not a complete HDF5 file, or refers to values elsewhere, by
            external storage, a virtual data set or a link.
    """
    import h5py

    data_sets: dict[str, Any] = {}
    links: list[bytes] = []

    def keep(name: str | bytes, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            _ = item.shape, item.dtype  # raises if the file is damaged
            data_sets[name if isinstance(name, str) else repr(name)] = item

    def keep_link(name: bytes, link: Any) -> None:  # must not raise: h5py loses the exception
        if link.type != h5py.h5l.TYPE_HARD:
            links.append(name)

    try:
        regular_size(path)
    except (FileNotFoundError, NotADirectoryError):
        raise CheckpointError(f"{path}: expected the weights of a published model, found no such file") from None
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise CheckpointError(f"{path}: expected a whole HDF5 file, found {one_line(error)}") from None
    with file:
        try:
            file.id.links.visit(keep_link, info=True)
            file.visititems(keep)
            elsewhere = [name for name, item in data_sets.items() if item.external or item.is_virtual]
        except _DAMAGE as error:
            raise CheckpointError(f"{path}: expected a whole HDF5 file, found {one_line(error)}") from None
        for name in (*(name.decode("utf-8", "replace") for name in links), *elsewhere):
            raise CheckpointError(f"{path}: {name}: expected values of its own, found a link to others or other files")
        yield WeightFile(path, data_sets)


def _shape(data_set: h5py.Dataset) -> list[int] | None:
    return None if data_set.shape is None else list(data_set.shape)


@torch.no_grad()
def write_weights(path: Path, bilm: BiLM) -> None:
    """Write all data sets in float32, regardless of the model's precision."""
    shapes = dict(data_set_shapes(bilm.config))
    with new_hdf5(path) as file:
        for name, pieces in data_set_pieces(bilm).items():
            values = torch.empty(shapes[name])
            for index, view in pieces:
                values[index].copy_(view)
            if name.endswith("/B") and bilm.config.forget_bias != FORGET_BIAS:
                size = bilm.config.lstm_dim
                values[2 * size : 3 * size] += bilm.config.forget_bias - FORGET_BIAS
            file.create_dataset(name, data=values.numpy())
