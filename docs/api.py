"""Build the API reference from the docstrings, offline: ``python docs/api.py build/docs`` (extra ``docs``)."""

import sys
from importlib import import_module
from pathlib import Path

from pdoc import pdoc, render

ROOT = Path(__file__).parents[1]


def module_names() -> list[str]:
    """Full names of all modules and packages, packages before their modules."""
    paths = sorted(path for top in ("elmo_lite", "tasks") for path in (ROOT / top).rglob("*.py"))
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths]
    return sorted(name.removesuffix(".__init__") for name in names if not name.endswith("__main__"))


def main(target: Path) -> None:
    """Write one page per module.

    Args:
        target: Directory of the HTML pages. Created if it does not exist.
    """
    names = module_names()
    for name in names:
        module = import_module(name)
        for public in getattr(module, "__all__", ()):
            # pdoc reads a module's dictionary, where lazy names appear only after their first use.
            setattr(module, public, getattr(module, public))
    render.configure(docformat="google", footer_text="elmo_lite")
    # pdoc finds the modules of a package by itself, except where the package has an `__all__`.
    found = [name for name in names if not _is_found(name)]
    pdoc(*found, output_directory=target)


def _is_found(name: str) -> bool:
    """Whether pdoc reaches a module from the package that it lies in."""
    parent = name.rpartition(".")[0]
    return bool(parent) and not hasattr(sys.modules[parent], "__all__")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/docs"))
