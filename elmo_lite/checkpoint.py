"""The saved model directory: written whole or not at all, checked before it is used.

    config.json              format version, settings, tokenisation, training facts, size and SHA-256 of the files below
    vocabulary.txt           the classes that the language model predicts (optional)
    model.safetensors        weights of the encoder
    lm_head.safetensors      weights of the softmax (optional)
    README.md                model card

The model card has no checksum: people edit it. No file here is a pickle.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from elmo_lite.bilm import BiLM
from elmo_lite.config import BiLMConfig, bilm_config_from_dict, to_dict
from elmo_lite.errors import CheckpointError, ConfigError
from elmo_lite.lm_head import LMHead
from elmo_lite.tokenization import Tokenization
from elmo_lite.vocabulary import Vocabulary

FORMAT_VERSION = 1
CONFIG = "config.json"
VOCABULARY = "vocabulary.txt"
MODEL = "model.safetensors"
LM_HEAD = "lm_head.safetensors"
MODEL_CARD = "README.md"
FILES = (CONFIG, VOCABULARY, MODEL, LM_HEAD, MODEL_CARD)
DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}

_HUB_NAME = re.compile(r"[\w][\w.-]*(/[\w][\w.-]*)?")


@dataclass(frozen=True)
class SavedModel:
    """What a saved model directory holds."""

    bilm: BiLM
    """The encoder, on the CPU, in float32 and in eval mode."""
    tokenization: Tokenization
    """How the model's training text was split into words."""
    vocabulary: Vocabulary | None = None
    """Classes of the language model, where they were saved."""
    lm_head: LMHead | None = None
    """The softmax, where it was saved and asked for."""
    training: dict[str, Any] = field(default_factory=dict)
    """Facts about the training run, as it wrote them."""


def save_model(
    directory: str | os.PathLike[str],
    bilm: BiLM,
    tokenization: Tokenization,
    vocabulary: Vocabulary | None = None,
    lm_head: LMHead | None = None,
    training: Mapping[str, Any] | None = None,
    dtype: str | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a saved model directory under a temporary name and rename it.

    Args:
        directory: where the model shall lie; its parent is made if need be.
        bilm: the encoder; its weights may be on any device.
        tokenization: how its training text was split.
        vocabulary: the language model's classes; needed with ``lm_head``.
        lm_head: the softmax over the classes.
        training: facts about the training run, of JSON types, kept in ``config.json`` and shown in the model card.
        dtype: "float32", "float16" or "bfloat16" for the stored weights; as they are where None.
        overwrite: replace a saved model that is already there. Anything else that lies there is never replaced.

    Returns:
        The directory.

    Raises:
        CheckpointError: something lies there already, or the head does not belong to the vocabulary.
    """
    target = Path(directory).expanduser().resolve()  # a link keeps its name: what it points to is replaced
    _check_target(target, overwrite)
    if dtype is not None and dtype not in DTYPES:
        raise CheckpointError(f"dtype of saved weights: expected one of {', '.join(DTYPES)}, found {dtype!r}")
    if lm_head is not None and (vocabulary is None or len(vocabulary) != lm_head.weight.shape[0]):
        classes = "no vocabulary" if vocabulary is None else f"a vocabulary of {len(vocabulary)}"
        raise CheckpointError(f"{target}: expected one class per head row, found {len(lm_head.weight)} and {classes}")
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent))
    try:
        scratch.chmod(0o777 & ~_umask())  # mkdtemp allows the owner alone
        _write_files(scratch, bilm, tokenization, vocabulary, lm_head, dict(training or {}), dtype)
        _put_in_place(scratch, target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return target


def load_model(
    path_or_name: str | os.PathLike[str], with_head: bool = False, revision: str | None = None
) -> SavedModel:
    """Read a saved model directory, or fetch one from the model hub.

    Args:
        path_or_name: a directory; where there is none, a hub name such as ``owner/model``.
        with_head: read the softmax too.
        revision: branch, tag or commit on the hub.

    Returns:
        The model on the CPU, in float32 (whatever precision it was stored in), in eval mode.

    Raises:
        CheckpointError: no such model, a missing, truncated, foreign or newer file, or weights that do not fit.
    """
    directory = _find(path_or_name, revision)
    config = _read_config(directory)
    bilm_config = _bilm_config(directory / CONFIG, config)
    wanted = [MODEL] + [name for name in (VOCABULARY,) if name in config["files"]]
    if with_head:
        wanted.append(LM_HEAD)
    for name in dict.fromkeys([*config["files"], *wanted]):
        # The head can be far larger than the encoder: where it is not read, its size is enough.
        _check_file(directory, name, config["files"], with_hash=name in wanted)
    vocabulary = Vocabulary.load(directory / VOCABULARY) if VOCABULARY in wanted else None
    return SavedModel(
        bilm=_read_bilm(directory / MODEL, bilm_config),
        tokenization=_tokenization(directory / CONFIG, config),
        vocabulary=vocabulary,
        lm_head=_read_head(directory / LM_HEAD, vocabulary, bilm_config.dim) if with_head else None,
        training=config["training"],
    )


# Writing


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _check_target(target: Path, overwrite: bool) -> None:
    """Refuse to replace anything but a saved model, and that only if asked."""
    if not target.exists():
        return
    if not target.is_dir():
        raise CheckpointError(f"{target}: expected a directory or nothing, found a file")
    names = sorted(entry.name for entry in target.iterdir())
    if not names:
        return
    if not overwrite:
        raise CheckpointError(f"{target}: expected nothing there (or overwrite=True), found {names[0]}")
    foreign = [name for name in names if name not in FILES]
    if CONFIG not in names or foreign:
        found = foreign[0] if foreign else f"no {CONFIG}"
        raise CheckpointError(f"{target}: expected a saved model alone to overwrite, found {found}")


def _write_files(
    directory: Path,
    bilm: BiLM,
    tokenization: Tokenization,
    vocabulary: Vocabulary | None,
    lm_head: LMHead | None,
    training: dict[str, Any],
    dtype: str | None,
) -> None:
    weights = _storable(bilm.state_dict(), dtype)
    save_file(weights, directory / MODEL, metadata={"format": "pt"})
    if lm_head is not None:
        head = _storable({"weight": lm_head.weight, "bias": lm_head.bias}, dtype)
        save_file(head, directory / LM_HEAD, metadata={"format": "pt"})
    if vocabulary is not None:
        vocabulary.save(directory / VOCABULARY)
    config = {
        "format_version": FORMAT_VERSION,
        "model": to_dict(bilm.config),
        "tokenization": tokenization.to_dict(),
        "training": training,
        "files": {path.name: _describe(path) for path in sorted(directory.iterdir())},
    }
    try:
        text = json.dumps(config, indent=2, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"training facts: expected JSON types, found {error}") from None
    (directory / CONFIG).write_text(text + "\n", encoding="utf-8", newline="\n")
    card = _model_card(config, weights, vocabulary, lm_head is not None)
    (directory / MODEL_CARD).write_text(card, encoding="utf-8", newline="\n")


def _storable(tensors: Mapping[str, torch.Tensor], dtype: str | None) -> dict[str, torch.Tensor]:
    """Contiguous copies on the CPU; numbers that are no weights keep their type."""
    return {
        name: tensor.detach()
        .to("cpu", DTYPES[dtype] if dtype and tensor.is_floating_point() else tensor.dtype, copy=True)
        .contiguous()
        for name, tensor in tensors.items()
    }


def _put_in_place(scratch: Path, target: Path) -> None:
    """Rename; a model that lies there makes way first, and is gone only when the new one is there."""
    if not target.exists():
        scratch.rename(target)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".old", dir=target.parent))
    target.rename(old / target.name)
    try:
        scratch.rename(target)
    except OSError:
        (old / target.name).rename(target)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


def _describe(path: Path) -> dict[str, Any]:
    return {"size": path.stat().st_size, "sha256": _sha256(path)}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _model_card(
    config: Mapping[str, Any],
    weights: Mapping[str, torch.Tensor],
    vocabulary: Vocabulary | None,
    has_head: bool,
) -> str:
    """Markdown with a front matter that model hubs read."""
    model = config["model"]
    number = sum(tensor.numel() for tensor in weights.values() if tensor.is_floating_point())
    dtype = next(str(tensor.dtype).removeprefix("torch.") for tensor in weights.values() if tensor.is_floating_point())
    words = "not saved" if vocabulary is None else f"{len(vocabulary):,}, the boundary and the unknown word included"
    facts = {f"model.{key}": value for key, value in _flat(model)}
    facts |= {f"tokenization.{key}": value for key, value in _flat(config["tokenization"])}
    parts = [
        "---\nlibrary_name: elmo-lite\ntags:\n- elmo\n- word-embeddings\n- language-model\n---",
        "# Contextual word vectors (ELMo)",
        f"A character-based bidirectional LSTM language model: {model['num_layers']} layers of {model['dim']} "
        f"per direction over a character CNN, so {model['num_layers'] + 1} layers of {2 * model['dim']} numbers "
        f"for every word. {number:,} parameters, stored as {dtype}.",
        f"- Words are split by the `{config['tokenization'].get('kind')}` tokenisation.\n"
        f"- Classes of the language model: {words}.\n"
        f"- Language model head: {'saved, so perplexity can be computed' if has_head else 'not saved'}.",
        "## Use",
        '```python\nfrom elmo_lite import Elmo\n\nelmo = Elmo.from_pretrained("path/to/this/directory")\n'
        'vectors = elmo.embed([["A", "list", "of", "words"], "or a plain string"])\n```',
        "```\nelmo-lite embed path/to/this/directory sentences.txt vectors.h5\n```",
        "## Settings",
        _table(facts),
    ]
    if config["training"]:
        parts += ["## Training", _table(dict(_flat(config["training"])))]
    return "\n\n".join(parts) + "\n"


def _flat(settings: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Nested settings as (dotted key, value)."""
    pairs: list[tuple[str, Any]] = []
    for key, value in settings.items():
        if isinstance(value, Mapping):
            pairs += _flat(value, f"{prefix}{key}.")
        else:
            pairs.append((f"{prefix}{key}", value))
    return pairs


def _table(facts: Mapping[str, Any]) -> str:
    def cell(value: Any) -> str:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        return " ".join(text.replace("|", "\\|").split())

    rows = [f"| `{key}` | {cell(value)} |" for key, value in facts.items()]
    return "\n".join(["| setting | value |", "|---|---|", *rows])


# Reading


def _find(path_or_name: str | os.PathLike[str], revision: str | None) -> Path:
    """The directory of a model: a path, else a snapshot of a hub repository."""
    path = Path(path_or_name).expanduser()
    if path.is_dir():
        return path
    if path.exists():
        raise CheckpointError(f"{path}: expected a saved model directory, found a file")
    name = os.fspath(path_or_name)
    if _HUB_NAME.fullmatch(name) is None:
        raise CheckpointError(f"{name}: expected a saved model directory or a hub name owner/model, found neither")
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise CheckpointError(
            f"{name}: expected a saved model directory, found none (hub names need: pip install huggingface_hub)"
        ) from None
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=list(FILES)))
    except Exception as error:  # the hub client's errors have no common base, and network errors pass through it
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise CheckpointError(
            f"{name}: expected a saved model directory or a model on the hub, found neither ({reason})"
        ) from None


def _read_config(directory: Path) -> dict[str, Any]:
    path = directory / CONFIG
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"{path}: expected the settings of a saved model, found no such file") from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: expected JSON, found {' '.join(str(error).split())}") from None
    version = config.get("format_version") if isinstance(config, dict) else None
    if not isinstance(version, int):
        raise CheckpointError(
            f"{path}: expected a saved model's format_version, found {version!r} (another library's?)"
        )
    if version != FORMAT_VERSION:
        newer = ", written by a newer elmo-lite" if version > FORMAT_VERSION else ""
        raise CheckpointError(f"{path}: expected format_version {FORMAT_VERSION}, found {version}{newer}")
    for key in ("model", "tokenization", "files"):
        if not isinstance(config.get(key), dict):
            raise CheckpointError(f"{path}: expected an object {key!r}, found {config.get(key)!r}")
    if not isinstance(config.setdefault("training", {}), dict):
        raise CheckpointError(f"{path}: expected an object 'training', found {config['training']!r}")
    return dict(config)


def _bilm_config(path: Path, config: Mapping[str, Any]) -> BiLMConfig:
    try:
        return bilm_config_from_dict(config["model"])
    except (ConfigError, ValueError) as error:
        raise CheckpointError(f"{path}: {error}") from None


def _tokenization(path: Path, config: Mapping[str, Any]) -> Tokenization:
    try:
        return Tokenization.from_dict(config["tokenization"])
    except (ValueError, TypeError, KeyError) as error:
        raise CheckpointError(f"{path}: tokenization: {error}") from None


def _check_file(directory: Path, name: str, files: Mapping[str, Any], *, with_hash: bool) -> None:
    """Compare a file with the size and the hash that the settings name."""
    path, facts = directory / name, files.get(name)
    if not isinstance(facts, dict) or name not in FILES:
        raise CheckpointError(f"{directory / CONFIG}: expected size and sha256 of {name}, found {facts!r}")
    if not path.is_file():
        raise CheckpointError(f"{path}: expected a file of {facts.get('size')} bytes, found none")
    if path.stat().st_size != facts.get("size"):
        raise CheckpointError(f"{path}: expected {facts.get('size')} bytes, found {path.stat().st_size}")
    if with_hash and (found := _sha256(path)) != facts.get("sha256"):
        raise CheckpointError(f"{path}: expected SHA-256 {facts.get('sha256')}, found {found}")


def _read_bilm(path: Path, config: BiLMConfig) -> BiLM:
    with torch.device("meta"):  # shapes without memory: a wrong config must not allocate what it claims
        expected = BiLM(config).state_dict()
    weights = _read_tensors(path, expected)
    with torch.random.fork_rng(devices=[]):  # loading leaves the caller's random numbers alone
        bilm = BiLM(config)
    bilm.load_state_dict(weights)
    return bilm.eval()


def _read_head(path: Path, vocabulary: Vocabulary | None, dim: int) -> LMHead:
    if vocabulary is None:
        raise CheckpointError(f"{path.parent}: expected {VOCABULARY} beside the head, found none")
    with torch.random.fork_rng(devices=[]):
        head = LMHead(len(vocabulary), dim)
    weights = _read_tensors(path, {"weight": head.weight, "bias": head.bias})
    with torch.no_grad():
        head.weight.copy_(weights["weight"])
        head.bias.copy_(weights["bias"])
    return head.eval()


def _read_tensors(path: Path, expected: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file, once names, shapes and kinds of number are as expected."""
    try:
        with safe_open(path, framework="pt") as file:
            names = set(file.keys())
            for name in sorted(names ^ set(expected)):
                _misfit(path, name, expected.get(name), file.get_slice(name).get_shape() if name in names else None)
            for name, tensor in expected.items():
                shape = file.get_slice(name).get_shape()
                if shape != list(tensor.shape):
                    _misfit(path, name, tensor, shape)
            tensors = {name: file.get_tensor(name) for name in expected}
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: expected safetensors, found {' '.join(str(error).split())}") from None
    for name, tensor in tensors.items():
        if tensor.is_floating_point() != expected[name].is_floating_point():
            raise CheckpointError(f"{path}: {name}: expected {expected[name].dtype}, found {tensor.dtype}")
    return tensors


def _misfit(path: Path, name: str, expected: torch.Tensor | None, found: list[int] | None) -> NoReturn:
    wanted = "no such weight" if expected is None else f"shape {list(expected.shape)}"
    raise CheckpointError(f"{path}: {name}: expected {wanted}, found {'none' if found is None else f'shape {found}'}")
