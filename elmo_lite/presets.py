"""Presets: the YAML files of ``configs/``, in the checkout or in the installed package."""

from __future__ import annotations

import difflib
from pathlib import Path

from elmo_lite.errors import ConfigError


def configs_directory() -> Path:
    """The folder of presets: ``elmo_lite/configs`` in an installed wheel, ``configs`` beside the package in a checkout.

    Raises:
        ConfigError: Neither folder exists.
    """
    package = Path(__file__).resolve().parent
    for directory in (package / "configs", package.parent / "configs"):
        if directory.is_dir():
            return directory
    raise ConfigError(f"presets: expected {package / 'configs'}, found no such folder; reinstall elmo_lite")


def preset_names(group: str = "pretrain") -> list[str]:
    """Sorted names of the presets of a group; empty if the group has none."""
    return sorted(path.stem for path in (configs_directory() / group).glob("*.yaml"))


def preset_path(name: str, group: str = "pretrain") -> Path:
    """The YAML file of a preset. A path to a file is returned unchanged.

    Args:
        name: Name such as ``laptop``, or a path: it ends in ``.yaml`` or ``.yml``, or has a folder.
        group: Folder of ``configs/``, such as ``pretrain`` or ``ner``. Defaults to ``pretrain``.

    Raises:
        ConfigError: There is no such preset or file. The message lists the presets and names the nearest one.
    """
    path = Path(name)
    if path.suffix in (".yaml", ".yml") or path.name != name:
        if path.is_file():
            return path
        found = "a folder" if path.is_dir() else "a pipe or device" if path.exists() else "nothing there"
        raise ConfigError(f"{name}: expected a YAML file, found {found}")
    names = preset_names(group)
    if name in names:
        return configs_directory() / group / f"{name}.yaml"
    known = f"a YAML file or one of {', '.join(names)}" if names else f"a YAML file, as {group} has no presets"
    nearest = difflib.get_close_matches(name, names, n=1)
    hint = f"; did you mean {nearest[0]}?" if nearest else ""
    raise ConfigError(f"{group} preset: expected {known}, found {name!r}{hint}")
