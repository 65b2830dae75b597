"""Sentences, words and character ids of text. Does not import torch."""

from typing import TYPE_CHECKING

from elmo_lite.lazy import lazy_names

if TYPE_CHECKING:
    from elmo_lite.text.characters import MAX_CHARACTERS as MAX_CHARACTERS
    from elmo_lite.text.characters import encode_words as encode_words
    from elmo_lite.text.characters import longest_word as longest_word
    from elmo_lite.text.column_layout import begins_document as begins_document
    from elmo_lite.text.column_layout import is_tag as is_tag
    from elmo_lite.text.column_layout import is_untyped_tag as is_untyped_tag
    from elmo_lite.text.columns import ColumnReader as ColumnReader
    from elmo_lite.text.hub_data_sets import open_data_set as open_data_set
    from elmo_lite.text.hub_names import is_data_set_name as is_data_set_name
    from elmo_lite.text.hub_names import is_model_name as is_model_name
    from elmo_lite.text.kinds import NAME_OF as NAME_OF
    from elmo_lite.text.kinds import Kind as Kind
    from elmo_lite.text.kinds import kind_of as kind_of
    from elmo_lite.text.length_batches import batches_by_length as batches_by_length
    from elmo_lite.text.lines import content_lines as content_lines
    from elmo_lite.text.lines import decoded_lines as decoded_lines
    from elmo_lite.text.lines import is_read_once as is_read_once
    from elmo_lite.text.lines import not_utf8 as not_utf8
    from elmo_lite.text.lines import open_content as open_content
    from elmo_lite.text.lines import sample_of as sample_of
    from elmo_lite.text.lines import standard_input_lines as standard_input_lines
    from elmo_lite.text.pipes import Pipe as Pipe
    from elmo_lite.text.pipes import open_pipe as open_pipe
    from elmo_lite.text.records import JSONL_SUFFIXES as JSONL_SUFFIXES
    from elmo_lite.text.rows import SEPARATORS as SEPARATORS
    from elmo_lite.text.rows import read_rows as read_rows
    from elmo_lite.text.tables import column_names as column_names
    from elmo_lite.text.tables import table_rows as table_rows
    from elmo_lite.text.tokenization import Tokenization as Tokenization
    from elmo_lite.text.vocabulary import Vocabulary as Vocabulary

_MODULE_OF = {
    "ColumnReader": "columns",
    "JSONL_SUFFIXES": "records",
    "Kind": "kinds",
    "MAX_CHARACTERS": "characters",
    "NAME_OF": "kinds",
    "Pipe": "pipes",
    "SEPARATORS": "rows",
    "Tokenization": "tokenization",
    "Vocabulary": "vocabulary",
    "batches_by_length": "length_batches",
    "column_names": "tables",
    "content_lines": "lines",
    "decoded_lines": "lines",
    "encode_words": "characters",
    "longest_word": "characters",
    "is_data_set_name": "hub_names",
    "is_model_name": "hub_names",
    "begins_document": "column_layout",
    "is_read_once": "lines",
    "is_tag": "column_layout",
    "is_untyped_tag": "column_layout",
    "kind_of": "kinds",
    "not_utf8": "lines",
    "open_content": "lines",
    "open_data_set": "hub_data_sets",
    "open_pipe": "pipes",
    "read_rows": "rows",
    "sample_of": "lines",
    "table_rows": "tables",
    "standard_input_lines": "lines",
}

__all__ = list(_MODULE_OF)

__getattr__, __dir__ = lazy_names(__name__, _MODULE_OF)
