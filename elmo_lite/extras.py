"""Optional packages, and the extras of elmo_lite that install them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module

__all__ = ["extra_of", "import_extras", "named_extra"]

_EXTRA_OF = {
    "datasets": ("datasets", "datasets"),
    "gensim": ("gensim", "vectors"),
    "h5py": ("h5py", "hdf5"),
    "icu": ("PyICU", "icu"),
    "jieba": ("jieba", "chinese"),
    "matplotlib": ("matplotlib", "pictures"),
    "pyarrow": ("pyarrow", "parquet"),
    "pythainlp": ("pythainlp", "thai"),
    "ray": ("ray", "ray"),
    "scipy": ("scipy", "tasks"),
    "seqeval": ("seqeval", "tasks"),
    "sklearn": ("scikit-learn", "tasks"),
    "sklearn_crfsuite": ("sklearn-crfsuite", "benchmarks"),
    "spacy": ("spaCy", "spacy"),
    "sudachidict_core": ("sudachidict_core", "japanese"),
    "sudachipy": ("SudachiPy", "japanese"),
    "tensorboard": ("tensorboard", "tensorboard"),
    "transformers": ("transformers", "transformers"),
    "umap": ("umap-learn", "umap"),
    "usearch": ("usearch", "neighbors"),
    "zstandard": ("zstandard", "zstd"),
}
"""Name of each package on the Python Package Index, and its extra, by the name it is imported by."""


def extra_of(error: ModuleNotFoundError) -> tuple[str, str] | None:
    """The missing package, by its name on the Python Package Index, and its extra; None if it belongs to no extra."""
    return _EXTRA_OF.get((error.name or "").partition(".")[0])


@contextmanager
def named_extra(what: str) -> Iterator[None]:
    """Run imports, and name the extra if one of the optional packages is missing.

    Args:
        what: The function or class that needs the package, for the error.

    Raises:
        ModuleNotFoundError: A package is missing; ``name`` is that of the module.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        found = extra_of(error)
        if found is None:
            raise
        package, extra = found
        message = f"{what}: expected {package}, found no such package; pip install 'elmo_lite[{extra}]'"
        raise ModuleNotFoundError(message, name=error.name) from None


def import_extras(packages: Iterable[str], what: str) -> None:
    """Import optional packages that are needed later, so that a missing one is an error now; see ``named_extra``."""
    with named_extra(what):
        for package in packages:
            import_module(package)
