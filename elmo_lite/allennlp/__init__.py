"""AllenNLP's ELMo modules with the same names, arguments and results, for existing code and checkpoints.

``docs/from-allennlp.md`` lists the differences. Only these modules carry LSTM states from one batch to the next, as
the original does; use ``elmo_lite.Elmo`` in new code.
"""

from elmo_lite.allennlp.bilm import _ElmoBiLm, _ElmoCharacterEncoder
from elmo_lite.allennlp.elmo import Elmo, ElmoTokenEmbedder
from elmo_lite.allennlp.ids import batch_to_ids

__all__ = ["Elmo", "ElmoTokenEmbedder", "_ElmoBiLm", "_ElmoCharacterEncoder", "batch_to_ids"]
