"""Data sets of a weight file."""

from pathlib import Path
from typing import Any

import pytest

from elmo_lite.errors import CheckpointError
from elmo_lite.published.weights import WeightFile


def test_a_data_set_beyond_the_memory_is_one_line() -> None:
    class TooLarge:
        def __getitem__(self, key: Any) -> Any:
            raise MemoryError("Unable to allocate 1.00 TiB")

    file = WeightFile(Path("weights.hdf5"), {"CNN/W": TooLarge()})  # type: ignore[dict-item]
    message = "^weights.hdf5: CNN/W: expected a readable data set, found Unable to allocate 1.00 TiB$"
    with pytest.raises(CheckpointError, match=message):
        file.read("CNN/W")
