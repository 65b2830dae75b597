"""Saved model directories. No other package accesses their files."""

from typing import TYPE_CHECKING

from elmo_lite.lazy import lazy_names

if TYPE_CHECKING:
    from elmo_lite.saved_model.card import markdown_card as markdown_card
    from elmo_lite.saved_model.card import markdown_table as markdown_table
    from elmo_lite.saved_model.checkpoint import SavedModel as SavedModel
    from elmo_lite.saved_model.checkpoint import load_model as load_model
    from elmo_lite.saved_model.checkpoint import save_model as save_model
    from elmo_lite.saved_model.identity import encoder_hash as encoder_hash
    from elmo_lite.saved_model.tensors import check_finite as check_finite
    from elmo_lite.saved_model.tensors import check_tensors as check_tensors
    from elmo_lite.saved_model.tensors import read_tensors as read_tensors
    from elmo_lite.saved_model.tensors import shapes_alone as shapes_alone
    from elmo_lite.saved_model.tensors import write_tensors as write_tensors

_MODULE_OF = {
    "SavedModel": "checkpoint",
    "check_finite": "tensors",
    "check_tensors": "tensors",
    "encoder_hash": "identity",
    "load_model": "checkpoint",
    "markdown_card": "card",
    "markdown_table": "card",
    "read_tensors": "tensors",
    "save_model": "checkpoint",
    "shapes_alone": "tensors",
    "write_tensors": "tensors",
}

__all__ = list(_MODULE_OF)

__getattr__, __dir__ = lazy_names(__name__, _MODULE_OF)
