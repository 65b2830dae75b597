"""Task models on top of elmo_lite encoders, and a scikit-learn transformer. They use only public names of elmo_lite.

Public names are imported on first use, as in ``elmo_lite``.
"""

from typing import TYPE_CHECKING, Any

from elmo_lite.extras import named_extra

if TYPE_CHECKING:
    from tasks.vectorizer import ElmoVectorizer

__all__ = ["ElmoVectorizer"]


def __getattr__(name: str) -> Any:
    """Import the module of a public name on its first use (PEP 562).

    Raises:
        ModuleNotFoundError: scikit-learn is not installed.
    """
    if name != "ElmoVectorizer":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with named_extra(name):
        from tasks.vectorizer import ElmoVectorizer
    return ElmoVectorizer
