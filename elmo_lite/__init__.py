"""ELMo for PyTorch: pretrain on any text, extract contextual word vectors, mix frozen layers under task models.

Names are imported on first use: ``import elmo_lite`` is instant, and ``Elmo`` imports torch but nothing heavier.
"""

from typing import TYPE_CHECKING

from elmo_lite.lazy import lazy_names

if TYPE_CHECKING:
    from elmo_lite.corpus.corpus import Corpus as Corpus
    from elmo_lite.embedding.elmo import Elmo as Elmo
    from elmo_lite.errors import CheckpointError as CheckpointError
    from elmo_lite.errors import ConfigError as ConfigError
    from elmo_lite.errors import CorpusError as CorpusError
    from elmo_lite.errors import ElmoLiteError as ElmoLiteError
    from elmo_lite.lm.language_model import LanguageModel as LanguageModel
    from elmo_lite.nn.bilm import BiLM as BiLM
    from elmo_lite.nn.bilm import BiLMOutput as BiLMOutput
    from elmo_lite.nn.char_cnn import CharCNN as CharCNN
    from elmo_lite.nn.config import BiLMConfig as BiLMConfig
    from elmo_lite.nn.config import CharCNNConfig as CharCNNConfig
    from elmo_lite.nn.lm_head import LMHead as LMHead
    from elmo_lite.nn.scalar_mix import ScalarMix as ScalarMix
    from elmo_lite.pretraining.config import PretrainConfig as PretrainConfig
    from elmo_lite.saved_model.checkpoint import SavedModel as SavedModel
    from elmo_lite.saved_model.checkpoint import load_model as load_model
    from elmo_lite.saved_model.checkpoint import save_model as save_model
    from elmo_lite.text.tokenization import Tokenization as Tokenization
    from elmo_lite.text.vocabulary import Vocabulary as Vocabulary

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
    "LanguageModel": "lm.language_model",
    "PretrainConfig": "pretraining.config",
    "SavedModel": "saved_model.checkpoint",
    "ScalarMix": "nn.scalar_mix",
    "Tokenization": "text.tokenization",
    "Vocabulary": "text.vocabulary",
    "load_model": "saved_model.checkpoint",
    "save_model": "saved_model.checkpoint",
}

__all__ = list(_MODULE_OF)

_DEPRECATED = {
    "batches_by_length": "elmo_lite.text:batches_by_length",
    "check_file": "elmo_lite.files:check_file",
    "check_tensors": "elmo_lite.saved_model:check_tensors",
    "choose_precision": "elmo_lite.hardware:choose_precision",
    "describe_file": "elmo_lite.files:describe_file",
    "encode_words": "elmo_lite.text:encode_words",
    "preset_path": "elmo_lite.presets:preset_path",
    "read_settings": "elmo_lite.metadata:read_json",
    "read_tensors": "elmo_lite.saved_model:read_tensors",
    "scratch_directory": "elmo_lite.files:scratch_directory",
    "write_settings": "elmo_lite.metadata:write_json",
    "write_tensors": "elmo_lite.saved_model:write_tensors",
}
"""Old names, with their new locations. They will be removed in the next release."""

__getattr__, __dir__ = lazy_names(__name__, _MODULE_OF, _DEPRECATED)
