"""Where the YAML files of ``configs/`` are: in the checkout, or inside the installed package."""

from __future__ import annotations

import difflib
from pathlib import Path

from elmo_lite.errors import ConfigError


def configs_directory() -> Path:
    """The folder of presets: ``elmo_lite/configs`` in an installed wheel, ``configs`` beside the package in a checkout.

    Raises:
        ConfigError: neither is there.
    """
    package = Path(__file__).resolve().parent
    for directory in (package / "configs", package.parent / "configs"):
        if directory.is_dir():
            return directory
    raise ConfigError(f"presets: expected {package / 'configs'}, found no such folder; reinstall elmo_lite")


def preset_names(group: str = "pretrain") -> list[str]:
    """Names of a group's presets, sorted."""
    return sorted(path.stem for path in (configs_directory() / group).glob("*.yaml"))


def preset_path(name: str, group: str = "pretrain") -> Path:
    """The YAML file of a preset's name; a path to a file is given back as it is.

    Args:
        name: such as ``laptop``, or a path that ends in ``.yaml`` or ``.yml`` or holds a folder.
        group: folder of ``configs/``.

    Raises:
        ConfigError: no such preset or file; names the nearest preset.
    """
    path = Path(name)
    if path.suffix in (".yaml", ".yml") or path.name != name:
        if path.is_file():
            return path
        raise ConfigError(f"{name}: expected a YAML file, found {'a folder' if path.is_dir() else 'nothing there'}")
    names = preset_names(group)
    if name in names:
        return configs_directory() / group / f"{name}.yaml"
    nearest = difflib.get_close_matches(name, names, n=1)
    hint = f"; did you mean {nearest[0]}?" if nearest else ""
    raise ConfigError(f"preset: expected a YAML file or one of {', '.join(names)}, found {name!r}{hint}")
