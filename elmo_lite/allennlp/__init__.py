"""AllenNLP's ELMo modules by their names, arguments and results, for code and checkpoints written for them.

``docs/from-allennlp.md`` says what is the same and what differs. Here alone the states of one batch start the next, as
published; ``elmo_lite.Elmo`` is the one for new work.
"""

from elmo_lite.allennlp.bilm import _ElmoBiLm, _ElmoCharacterEncoder
from elmo_lite.allennlp.elmo import Elmo, ElmoTokenEmbedder
from elmo_lite.allennlp.ids import batch_to_ids

__all__ = ["Elmo", "ElmoTokenEmbedder", "_ElmoBiLm", "_ElmoCharacterEncoder", "batch_to_ids"]
