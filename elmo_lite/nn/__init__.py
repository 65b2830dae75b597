"""The network of Peters et al. (2018), from character ids to layers and to a loss. It never reads files."""

from typing import TYPE_CHECKING

from elmo_lite.lazy import lazy_names

if TYPE_CHECKING:
    from elmo_lite.nn.bilm import BiLM as BiLM
    from elmo_lite.nn.bilm import BiLMOutput as BiLMOutput
    from elmo_lite.nn.char_cnn import CharCNN as CharCNN
    from elmo_lite.nn.config import DEEPEST as DEEPEST
    from elmo_lite.nn.config import WIDEST as WIDEST
    from elmo_lite.nn.config import BiLMConfig as BiLMConfig
    from elmo_lite.nn.config import CharCNNConfig as CharCNNConfig
    from elmo_lite.nn.config import to_dict as to_dict
    from elmo_lite.nn.lm_head import LMHead as LMHead
    from elmo_lite.nn.recurrent import run_layer as run_layer
    from elmo_lite.nn.scalar_mix import ScalarMix as ScalarMix

_MODULE_OF = {
    "BiLM": "bilm",
    "BiLMConfig": "config",
    "BiLMOutput": "bilm",
    "CharCNN": "char_cnn",
    "CharCNNConfig": "config",
    "DEEPEST": "config",
    "LMHead": "lm_head",
    "ScalarMix": "scalar_mix",
    "WIDEST": "config",
    "run_layer": "recurrent",
    "to_dict": "config",
}

__all__ = list(_MODULE_OF)

__getattr__, __dir__ = lazy_names(__name__, _MODULE_OF)
