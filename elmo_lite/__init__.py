"""ELMo for today's PyTorch: pretrain on any text, take contextual word vectors, mix frozen layers under task models.

Names are resolved on first use: ``import elmo_lite`` is instant, and ``Elmo`` loads torch and nothing heavier.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from elmo_lite.corpus.corpus import Corpus
    from elmo_lite.embedding.elmo import Elmo
    from elmo_lite.errors import CheckpointError, ConfigError, CorpusError, ElmoLiteError
    from elmo_lite.files import check_file, describe_file, read_settings, scratch_directory, write_settings
    from elmo_lite.hardware import choose_precision
    from elmo_lite.nn.bilm import BiLM, BiLMOutput
    from elmo_lite.nn.char_cnn import CharCNN
    from elmo_lite.nn.config import BiLMConfig, CharCNNConfig
    from elmo_lite.nn.lm_head import LMHead
    from elmo_lite.nn.scalar_mix import ScalarMix
    from elmo_lite.presets import preset_path
    from elmo_lite.pretraining.config import PretrainConfig
    from elmo_lite.saved_model.checkpoint import SavedModel, load_model, save_model
    from elmo_lite.saved_model.tensors import check_tensors, read_tensors, write_tensors
    from elmo_lite.text.characters import encode_words
    from elmo_lite.text.length_batches import batches_by_length
    from elmo_lite.text.tokenization import Tokenization
    from elmo_lite.text.vocabulary import Vocabulary

__version__ = "0.1.0"

_MODULE_OF = {
    "BiLM": "nn.bilm",
    "BiLMConfig": "nn.config",
    "BiLMOutput": "nn.bilm",
    "CharCNN": "nn.char_cnn",
    "CharCNNConfig": "nn.config",
    "CheckpointError": "errors",
    "ConfigError": "errors",
    "Corpus": "corpus.corpus",
    "CorpusError": "errors",
    "Elmo": "embedding.elmo",
    "ElmoLiteError": "errors",
    "LMHead": "nn.lm_head",
    "PretrainConfig": "pretraining.config",
    "SavedModel": "saved_model.checkpoint",
    "ScalarMix": "nn.scalar_mix",
    "Tokenization": "text.tokenization",
    "Vocabulary": "text.vocabulary",
    "batches_by_length": "text.length_batches",
    "check_file": "files",
    "check_tensors": "saved_model.tensors",
    "choose_precision": "hardware",
    "describe_file": "files",
    "encode_words": "text.characters",
    "load_model": "saved_model.checkpoint",
    "preset_path": "presets",
    "read_settings": "files",
    "read_tensors": "saved_model.tensors",
    "save_model": "saved_model.checkpoint",
    "scratch_directory": "files",
    "write_settings": "files",
    "write_tensors": "saved_model.tensors",
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
