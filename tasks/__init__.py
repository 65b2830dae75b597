"""Task models on top of elmo_lite encoders, and a scikit-learn transformer. They use only public names of elmo_lite.

Public names are imported on first use, as in ``elmo_lite``.
"""

from typing import TYPE_CHECKING, Any

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
    try:
        from tasks.vectorizer import ElmoVectorizer
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "sklearn":
            raise
        message = "ElmoVectorizer: expected scikit-learn, found no such package; pip install 'elmo_lite[tasks]'"
        raise ModuleNotFoundError(message, name=error.name) from None
    return ElmoVectorizer
