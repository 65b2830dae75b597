"""ELMo for today's PyTorch: pretrain on any text, take contextual word vectors, mix frozen layers under task models.

Names are resolved on first use: ``import elmo_lite`` is instant, and ``Elmo`` loads torch and nothing heavier.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from elmo_lite.bilm import BiLM, BiLMOutput
    from elmo_lite.char_cnn import CharCNN
    from elmo_lite.characters import encode_words
    from elmo_lite.checkpoint import SavedModel, load_model, save_model
    from elmo_lite.config import BiLMConfig, CharCNNConfig
    from elmo_lite.corpus import Corpus
    from elmo_lite.elmo import Elmo
    from elmo_lite.errors import CheckpointError, ConfigError, CorpusError, ElmoLiteError
    from elmo_lite.length_batches import batches_by_length
    from elmo_lite.lm_head import LMHead
    from elmo_lite.model_files import check_file, describe_file, read_settings, scratch_directory, write_settings
    from elmo_lite.precision import choose_precision
    from elmo_lite.presets import preset_path
    from elmo_lite.pretrain_config import PretrainConfig
    from elmo_lite.scalar_mix import ScalarMix
    from elmo_lite.tensor_files import check_tensors, read_tensors, write_tensors
    from elmo_lite.tokenization import Tokenization
    from elmo_lite.vocabulary import Vocabulary

__version__ = "0.1.0"

_MODULE_OF = {
    "BiLM": "bilm",
    "BiLMConfig": "config",
    "BiLMOutput": "bilm",
    "CharCNN": "char_cnn",
    "CharCNNConfig": "config",
    "CheckpointError": "errors",
    "ConfigError": "errors",
    "Corpus": "corpus",
    "CorpusError": "errors",
    "Elmo": "elmo",
    "ElmoLiteError": "errors",
    "LMHead": "lm_head",
    "PretrainConfig": "pretrain_config",
    "SavedModel": "checkpoint",
    "ScalarMix": "scalar_mix",
    "Tokenization": "tokenization",
    "Vocabulary": "vocabulary",
    "batches_by_length": "length_batches",
    "check_file": "model_files",
    "check_tensors": "tensor_files",
    "choose_precision": "precision",
    "describe_file": "model_files",
    "encode_words": "characters",
    "load_model": "checkpoint",
    "preset_path": "presets",
    "read_settings": "model_files",
    "read_tensors": "tensor_files",
    "save_model": "checkpoint",
    "scratch_directory": "model_files",
    "write_settings": "model_files",
    "write_tensors": "tensor_files",
}

__all__ = [
    "BiLM",
    "BiLMConfig",
    "BiLMOutput",
    "CharCNN",
    "CharCNNConfig",
    "CheckpointError",
    "ConfigError",
    "Corpus",
    "CorpusError",
    "Elmo",
    "ElmoLiteError",
    "LMHead",
    "PretrainConfig",
    "SavedModel",
    "ScalarMix",
    "Tokenization",
    "Vocabulary",
    "batches_by_length",
    "check_file",
    "check_tensors",
    "choose_precision",
    "describe_file",
    "encode_words",
    "load_model",
    "preset_path",
    "read_settings",
    "read_tensors",
    "save_model",
    "scratch_directory",
    "write_settings",
    "write_tensors",
]


def __getattr__(name: str) -> Any:
    """Import the module of a public name on its first use (PEP 562)."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Public names, imported yet or not."""
    return sorted({*globals(), *__all__})
