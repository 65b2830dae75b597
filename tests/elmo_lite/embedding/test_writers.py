"""Writers of files of vectors."""

import errno
from pathlib import Path

import numpy as np
import pytest

from elmo_lite.embedding.vector_shape import VectorShape
from elmo_lite.embedding.writers import HDF5Vectors


def test_a_full_disk_ends_the_work_at_once_and_is_not_forgotten(tmp_path: Path) -> None:
    """HDF5 keeps what it cannot write in memory, which must not be the vectors of all sentences that follow."""
    shape = VectorShape(num_sentences=2, num_words=2, num_bytes=2, num_layers=None, dim=3, dtype="float32")
    writer = HDF5Vectors(tmp_path / "vectors.h5", shape)
    writer.write(["a"], np.zeros((1, 3), dtype=np.float32))
    writer.safe.error = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(OSError, match="No space left"):
        writer.write(["b"], np.zeros((1, 3), dtype=np.float32))
    with pytest.raises(OSError, match="No space left"):
        writer.close()  # else an incomplete file would take its place
