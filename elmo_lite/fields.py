"""Values of metadata checked against the types of a dataclass, so that a wrong one is an error that names its field."""

from __future__ import annotations

import dataclasses
import math
import re
import types
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from elmo_lite.errors import CheckpointError, ConfigError, require
from elmo_lite.metadata import CHECKSUM, check_checksum, read_json

__all__ = ["checked_files", "from_settings", "read_settings"]

ConfigT = TypeVar("ConfigT")

_SCALARS: dict[Any, tuple[tuple[type, ...], str]] = {
    bool: ((bool,), "true or false"),
    int: ((int,), "an integer"),
    float: ((int, float), "a finite number"),
    str: ((str,), "a string"),
    type(None): ((type(None),), "null"),
}
"""Types that JSON has, as it returns them, and their names. true and false are no numbers."""
_SHA256 = re.compile("[0-9a-f]{64}")


def read_settings(path: Path, make: type[ConfigT]) -> ConfigT:
    """Read a dataclass from JSON that ``write_json`` wrote with its checksum.

    Raises:
        FileNotFoundError: There is no such file; NotADirectoryError: nor its directory.
        CheckpointError: The file is damaged or was changed, or its values do not fit.
    """
    content = read_json(path)
    if isinstance(content, dict):
        check_checksum(path, content)
        content.pop(CHECKSUM, None)
    try:
        return from_settings(make, content)
    except ConfigError as error:
        raise CheckpointError(f"{path}: {error}") from None


def from_settings(make: type[ConfigT], settings: Any, where: str = "") -> ConfigT:
    """Build a dataclass from its fields in JSON types. Nested dataclasses are built as well, and must be there.

    Args:
        make: The dataclass. Its own checks of ranges apply.
        settings: Values by name of the field; fields with a default may be missing.
        where: Dotted name of these settings, for errors. Defaults to those of the fields alone.

    Raises:
        ConfigError: A field is unknown, missing, of the wrong type or out of range.
    """
    require(isinstance(settings, Mapping), where or make.__name__, "an object", settings)
    annotations = typing.get_type_hints(make)
    prefix = f"{where}." if where else ""
    fields = {field.name: field for field in dataclasses.fields(make) if field.init}  # type: ignore[arg-type]
    for name in settings:
        if name not in fields:
            raise ConfigError(f"{prefix}{name}: expected one of {', '.join(fields)}, found an unknown setting")
    values = {}
    for name, field in fields.items():
        is_optional = field.default is not dataclasses.MISSING or (
            field.default_factory is not dataclasses.MISSING and not dataclasses.is_dataclass(annotations[name])
        )
        if name in settings:
            values[name] = _checked(annotations[name], settings[name], f"{prefix}{name}")
        elif not is_optional:
            raise ConfigError(f"{prefix}{name}: expected {_name(annotations[name])}, found nothing")
    return make(**values)


def _checked(annotation: Any, value: Any, where: str) -> Any:
    """The value, with tuples and dataclasses as annotated."""
    if dataclasses.is_dataclass(annotation):
        return from_settings(typing.cast(type[Any], annotation), value, where)
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return _first(parts, value, where, _name(annotation))
    if origin is tuple and isinstance(value, list | tuple):
        each = [parts[0]] * len(value) if parts[-1] is Ellipsis else parts
        require(len(each) == len(value), where, f"{len(each)} values", list(value))
        return tuple(_checked(part, inner, where) for part, inner in zip(each, value, strict=True))
    require(_is_a(annotation, value), where, _name(annotation), value)
    return value


def _first(parts: Iterable[Any], value: Any, where: str, expected: str) -> Any:
    """The value as the first type of a union that it has."""
    for part in parts:
        try:
            return _checked(part, value, where)
        except ConfigError:
            continue
    raise ConfigError(f"{where}: expected {expected}, found {value!r:.200}")


def _is_a(annotation: Any, value: Any) -> bool:
    """Whether a value has a type that is neither a union, nor a tuple, nor a dataclass."""
    if annotation is Any:
        return True
    if typing.get_origin(annotation) is Literal:
        return any(type(value) is type(choice) and value == choice for choice in typing.get_args(annotation))
    if annotation in _SCALARS:
        return type(value) in _SCALARS[annotation][0] and (not isinstance(value, float) or math.isfinite(value))
    return isinstance(value, typing.get_origin(annotation) or annotation)


def _name(annotation: Any) -> str:
    """The name of a type in errors."""
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(map(_name, parts))
    if origin is Literal:
        return f"one of {', '.join(map(str, parts))}"
    if annotation in _SCALARS:
        return _SCALARS[annotation][1]
    return "a list" if origin in (list, tuple) else "an object"


def checked_files(files: Any, known: Iterable[str], needed: Iterable[str] = ()) -> dict[str, Any]:
    """Check the sizes and hashes of files that metadata hold, see ``files.describe_file``.

    Args:
        files: "size" and "sha256" of each file by its name.
        known: Names of all files that may be there.
        needed: Names of the files that must be there.

    Returns:
        The files.

    Raises:
        ConfigError: A name is unknown or missing, or its size or hash is not one.
    """
    require(isinstance(files, dict), "files", "an object", files)
    known = list(known)
    for name, facts in files.items():
        require(name in known, "files", f"names among {', '.join(known)}", name)
        size, sha256 = (facts.get(key) if isinstance(facts, dict) else None for key in ("size", "sha256"))
        is_right = type(size) is int and size >= 0 and isinstance(sha256, str) and _SHA256.fullmatch(sha256)
        require(bool(is_right), f"files: {name}", "size in bytes and sha256", facts)
    for name in needed:
        require(name in files, "files", f"size and sha256 of {name}", "none")
    found: dict[str, Any] = files
    return found
