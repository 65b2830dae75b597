"""Sentences, words and character ids of text. Does not import torch."""

from typing import TYPE_CHECKING

from elmo_lite.lazy import lazy_names

if TYPE_CHECKING:
    from elmo_lite.text.characters import MAX_CHARACTERS as MAX_CHARACTERS
    from elmo_lite.text.characters import encode_words as encode_words
    from elmo_lite.text.hub_data_sets import open_data_set as open_data_set
    from elmo_lite.text.hub_names import is_data_set_name as is_data_set_name
    from elmo_lite.text.hub_names import is_model_name as is_model_name
    from elmo_lite.text.length_batches import batches_by_length as batches_by_length
    from elmo_lite.text.records import JSONL_SUFFIXES as JSONL_SUFFIXES
    from elmo_lite.text.records import decoded_lines as decoded_lines
    from elmo_lite.text.records import json_objects as json_objects
    from elmo_lite.text.records import parse_json as parse_json
    from elmo_lite.text.records import standard_input_lines as standard_input_lines
    from elmo_lite.text.tokenization import Tokenization as Tokenization
    from elmo_lite.text.vocabulary import Vocabulary as Vocabulary

_MODULE_OF = {
    "JSONL_SUFFIXES": "records",
    "MAX_CHARACTERS": "characters",
    "Tokenization": "tokenization",
    "Vocabulary": "vocabulary",
    "batches_by_length": "length_batches",
    "decoded_lines": "records",
    "encode_words": "characters",
    "is_data_set_name": "hub_names",
    "is_model_name": "hub_names",
    "json_objects": "records",
    "open_data_set": "hub_data_sets",
    "parse_json": "records",
    "standard_input_lines": "records",
}

__all__ = list(_MODULE_OF)

__getattr__, __dir__ = lazy_names(__name__, _MODULE_OF)
