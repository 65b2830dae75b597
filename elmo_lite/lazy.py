"""Public names that are imported on first use (PEP 562), so that importing a package is instant."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_names(
    package: str, module_of: Mapping[str, str], deprecated: Mapping[str, str] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a package.

    Args:
        package: Name of the package.
        module_of: Module of each public name, relative to the package.
        deprecated: New location (``module:name``) of each deprecated name. Its use gives a warning. Defaults to none.
    """
    moved = deprecated or {}

    def get_name(name: str) -> Any:
        if name in moved:
            module, _, new_name = moved[name].partition(":")
            warnings.warn(
                f"{package}.{name} is deprecated: import {new_name} from {module}", DeprecationWarning, stacklevel=2
            )
            return getattr(import_module(module), new_name)
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f"{package}.{module_of[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    def list_names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *module_of})

    return get_name, list_names
