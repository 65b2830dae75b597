"""Optional packages, and the extras of elmo_lite that install them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module

EXTRA_OF = {
    "gensim": ("gensim", "vectors"),
    "matplotlib": ("matplotlib", "pictures"),
    "seqeval": ("seqeval", "tasks"),
    "sklearn": ("scikit-learn", "tasks"),
}
"""Name of each package on the Python Package Index, and its extra."""


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
        package, extra = EXTRA_OF.get((error.name or "").partition(".")[0], ("", ""))
        if not package:
            raise
        message = f"{what}: expected {package}, found no such package; pip install 'elmo_lite[{extra}]'"
        raise ModuleNotFoundError(message, name=error.name) from None


def import_extras(packages: Iterable[str], what: str) -> None:
    """Import optional packages that are needed later, so that a missing one is an error now; see ``named_extra``."""
    with named_extra(what):
        for package in packages:
            import_module(package)
