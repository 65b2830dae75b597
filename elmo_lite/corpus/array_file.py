"""Arrays in files of NumPy's format, memory-mapped and checked."""

from __future__ import annotations

from pathlib import Path
from tokenize import TokenError
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from numpy.lib.format import open_memmap

from elmo_lite.errors import CorpusError, one_line

Number = TypeVar("Number", bound=np.generic)


def open_array(path: Path, dtype: type[Number]) -> npt.NDArray[Number]:
    """Memory-map an array for reading, and check its data type.

    Raises:
        CorpusError: The file is no array of this type.
    """
    try:
        array: npt.NDArray[Number] = open_memmap(path, mode="r")
    except (OSError, ValueError, TypeError, SyntaxError, EOFError, TokenError, MemoryError) as error:
        raise CorpusError(f"{path}: expected a NumPy array, found {one_line(error)}") from None
    if array.dtype != dtype:
        raise CorpusError(f"{path}: expected {dtype.__name__} values, found {array.dtype}")
    return array
