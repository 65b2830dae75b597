"""Metadata as JSON and YAML: written whole, and read within bounds, as others may have written or damaged it.

Only regular files are read, after a look at their size. JSON and YAML are strict and of bounded depth, with integers of
64 bits, finite numbers and strings that UTF-8 can hold. ``fields`` checks what the values mean.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import stat
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from elmo_lite.errors import CheckpointError, ConfigError, ElmoLiteError, one_line
from elmo_lite.files import write_text

__all__ = ["CHECKSUM", "check_checksum", "read_bytes", "read_json", "read_yaml", "regular_size", "write_json"]

MAX_BYTES, MAX_VALUES = 64 << 20, 5_000_000
"""Size of a JSON file, and number of its values; the longest honest ones list some hundred thousand input files."""
MAX_DEPTH = 32
MAX_YAML_BYTES, MAX_YAML_VALUES = 1 << 16, 10_000
"""Size of a YAML file, and number of its values, each use of an alias counted."""
CHECKSUM = "checksum"
"""Key of the checksum of a JSON object."""

_MAX_DIGITS = 20  # of an integer of 64 bits and its sign
_INTEGERS = range(-(2**63), 2**63)


def regular_size(path: Path, error: type[ElmoLiteError] = CheckpointError) -> int:
    """The size in bytes of a regular file; links are followed.

    Raises:
        ElmoLiteError: It is a directory, a pipe, a device or cannot be examined.
        FileNotFoundError, NotADirectoryError: There is no such file.
    """
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise
    except (OSError, ValueError) as reason:
        raise error(f"{path}: expected a file, found {one_line(reason)}") from None
    if not stat.S_ISREG(found.st_mode):
        kind = "a directory" if stat.S_ISDIR(found.st_mode) else "a pipe or device"
        raise error(f"{path}: expected a regular file, found {kind}")
    return found.st_size


def read_bytes(path: Path, error: type[ElmoLiteError] = CheckpointError, max_bytes: int | None = None) -> bytes:
    """The content of a regular file.

    Args:
        path: The file.
        error: Class of the error.
        max_bytes: Largest size. Defaults to no limit.

    Raises:
        ElmoLiteError: It is no regular file, too large, or cannot be read.
        FileNotFoundError, NotADirectoryError: There is no such file.
    """
    size = regular_size(path, error)
    if max_bytes is not None and size > max_bytes:
        raise error(f"{path}: expected at most {max_bytes:,} bytes, found {size:,}")
    try:
        return path.read_bytes()
    except OSError as reason:
        raise error(f"{path}: expected a readable file, found {one_line(reason)}") from None


def read_json(path: Path, error: type[ElmoLiteError] = CheckpointError) -> Any:
    """Read JSON, within the bounds of this module.

    Args:
        path: The file.
        error: Class of the error where it cannot be read.

    Raises:
        ElmoLiteError: It cannot be read, is not JSON, or is out of bounds.
        FileNotFoundError, NotADirectoryError: There is no such file.
    """
    content = read_bytes(path, error, MAX_BYTES)
    if sum(map(content.count, (b",", b"[", b"{"))) > MAX_VALUES:  # before memory is used for them
        raise error(f"{path}: expected JSON, found more than {MAX_VALUES:,} values")
    try:
        value = json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_number,
            parse_constant=_constant,
        )
        _check_values(value)
    except (ValueError, RecursionError) as reason:
        raise error(f"{path}: expected JSON, found {one_line(reason)}") from None
    return value


def read_yaml(path: Path) -> Any:
    """Read YAML, within the bounds of this module.

    Raises:
        ConfigError: It cannot be read, is not YAML, or is out of bounds.
    """
    import yaml

    try:
        text = read_bytes(path, ConfigError, MAX_YAML_BYTES).decode("utf-8")
        _check_brackets(text)
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        _check_nodes(node)
        value = None if node is None else loader.construct_document(node)
        _check_values(value)
    except ConfigError:
        raise
    except (FileNotFoundError, NotADirectoryError):
        raise ConfigError(f"{path}: expected a YAML file, found nothing there") from None
    except (yaml.YAMLError, ValueError, RecursionError) as reason:
        raise ConfigError(f"{path}: expected YAML, found {one_line(reason)}") from None
    except (ArithmeticError, LookupError, TypeError, AttributeError):  # of the conversion by tags such as !!bool
        raise ConfigError(f"{path}: expected YAML, found a value that does not fit its tag") from None
    return value


def _check_brackets(text: str) -> None:
    """Check the depth of brackets, as the time to scan YAML grows with its square."""
    depth = 0
    for bracket in re.findall(r"[\[\]{}]", text):
        depth += 1 if bracket in "[{" else -1
        if depth > MAX_DEPTH:
            raise ValueError(f"values nested deeper than {MAX_DEPTH}")


def _check_nodes(node: Any) -> None:
    """Check the nodes of a YAML file, before it is loaded: depth, number (each use of an alias counted) and keys."""
    waiting, seen = [(node, 0)], 0
    while waiting:
        node, depth = waiting.pop()
        seen += 1
        if depth > MAX_DEPTH or seen > MAX_YAML_VALUES:
            raise ValueError(f"more than {MAX_YAML_VALUES:,} values, or values nested deeper than {MAX_DEPTH}")
        inner = node.value if node is not None and isinstance(node.value, list) else []
        _check_keys([part[0].value for part in inner if isinstance(part, tuple) and isinstance(part[0].value, str)])
        for part in inner:
            waiting += [(each, depth + 1) for each in (part if isinstance(part, tuple) else (part,))]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        _check_keys([key for key, _ in pairs])
    return found


def _check_keys(keys: list[str]) -> None:
    """Check that no key occurs twice."""
    for key, number in Counter(keys).items():
        if number > 1:
            raise ValueError(f"the key {key!r:.80} twice")


def _integer(text: str) -> int:
    if len(text) > _MAX_DIGITS or int(text) not in _INTEGERS:
        raise ValueError(f"an integer beyond 64 bits: {text:.{_MAX_DIGITS}}")
    return int(text)


def _number(text: str) -> float:
    if math.isinf(number := float(text)):
        raise ValueError(f"a number that is not finite: {text:.{_MAX_DIGITS}}")
    return number


def _constant(name: str) -> NoReturn:
    raise ValueError(f"a number that is not finite: {name}")


def _check_values(value: Any) -> None:
    """Check the depth of nested values, integers, and that strings are UTF-8."""
    waiting = [(value, 0)]
    while waiting:
        value, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise ValueError(f"values nested deeper than {MAX_DEPTH}")
        if isinstance(value, dict):
            waiting += [(inner, depth + 1) for pair in value.items() for inner in pair]
        elif isinstance(value, list | tuple | set):
            waiting += [(inner, depth + 1) for inner in value]
        elif isinstance(value, str):
            value.encode("utf-8", "surrogateescape")  # as in the names of files that are not UTF-8
        elif isinstance(value, int) and value not in _INTEGERS:
            raise ValueError("an integer beyond 64 bits")


def checksum(content: Mapping[str, Any]) -> str:
    """The checksum of JSON values, their own key ``checksum`` left out; spaces and the order of keys do not matter."""
    plain = {key: value for key, value in content.items() if key != CHECKSUM}
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def check_checksum(path: Path, content: Mapping[str, Any]) -> None:
    """Compare values with their checksum, if they have one; earlier versions wrote none.

    Raises:
        CheckpointError: They differ.
    """
    if CHECKSUM in content and (right := checksum(content)) != content[CHECKSUM]:
        found = f"{content[CHECKSUM]!r:.80}"
        raise CheckpointError(f"{path}: expected the checksum {right}, found {found}: its content was changed")


def write_json(
    path: Path, content: Any, what: str = "settings", *, allow_nan: bool = False, with_checksum: bool = False
) -> None:
    """Write JSON, whole or not at all.

    Args:
        path: The file; its parents are made.
        content: Of JSON types.
        what: Names the content in the error.
        allow_nan: Accept numbers that are not finite, which ``read_json`` and other readers of JSON refuse.
        with_checksum: Add the checksum of an object as its last key, for ``check_checksum``.

    Raises:
        CheckpointError: The content is not of JSON types, or out of the bounds of ``read_json``.
        OSError: Nothing can be written there.
    """
    try:
        if with_checksum:
            content = json.loads(json.dumps(content, allow_nan=allow_nan))  # keys become strings, as they are read
            content = {**content, CHECKSUM: checksum(content)}
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=allow_nan)
        _check_values(content)  # what is written can be read
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{what}: expected JSON types, found {one_line(error)}") from None
    path.parent.mkdir(parents=True, exist_ok=True)
    # The name of a file that is not UTF-8 holds lone surrogates, whose escape is JSON.
    write_text(path, text.encode("utf-8", "backslashreplace").decode() + "\n")
