"""Task models over elmo_lite encoders, and their vectors in scikit-learn; they use only ``elmo_lite``'s public names.

Names are resolved on first use, as in ``elmo_lite``.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tasks.vectorizer import ElmoVectorizer

__all__ = ["ElmoVectorizer"]


def __getattr__(name: str) -> Any:
    """Import a public name's module on its first use (PEP 562)."""
    if name != "ElmoVectorizer":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from tasks.vectorizer import ElmoVectorizer

    return ElmoVectorizer
