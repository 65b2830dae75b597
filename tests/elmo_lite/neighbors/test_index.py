"""The index: vectors of every layer, places, sampling, blocks, and damage."""

import json
import math
import sys
from collections import Counter
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import torch

from elmo_lite.embedding import elmo as elmo_module
from elmo_lite.embedding.elmo import Elmo
from elmo_lite.errors import CheckpointError, ConfigError, CorpusError, ElmoLiteError
from elmo_lite.neighbors import index_builder
from elmo_lite.neighbors.contexts import text_contexts
from elmo_lite.neighbors.index_builder import build_index
from elmo_lite.neighbors.index_metadata import INDEX, Metadata, Selection
from elmo_lite.neighbors.occurrence_index import OccurrenceIndex, unit
from elmo_lite.text.tokenization import Tokenization
from tests.elmo_lite.neighbors.conftest import LINES

TOLERANCE = 2e-3
"""Of float16, for vectors of length 1."""


def built(elmo: Elmo, text: Path, selection: Selection, directory: Path) -> OccurrenceIndex:
    with text_contexts(str(text), elmo.tokenization, None) as contexts:
        return build_index(elmo, contexts, selection, directory)


@pytest.mark.parametrize("layer", [0, 1, 2, "mean"])
def test_vectors_are_those_of_the_model(elmo: Elmo, index: OccurrenceIndex, layer: int | str) -> None:
    lines = [line for line in LINES if line]
    wanted = np.concatenate(elmo.embed([line.split() for line in lines], layers=layer))  # type: ignore[arg-type]
    found = index.vectors(layer, slice(None))  # type: ignore[arg-type]
    assert found.dtype == np.float32 and found.shape == wanted.shape
    assert np.abs(found - unit(wanted)).max() < TOLERANCE
    assert np.abs(np.linalg.norm(found, axis=1) - 1).max() < TOLERANCE
    some = np.array([7, 3])
    assert (index.vectors(layer, some) == found[some]).all()  # type: ignore[arg-type]


def test_large_vectors_fit_in_float16(elmo: Elmo, text: Path, tmp_path: Path) -> None:
    """float16 ends at 65,504; only the length of a vector is large, which is kept in float32."""
    with torch.no_grad():
        for weight in elmo.bilm.parameters():
            weight.mul_(40)
    index = built(elmo, text, Selection(("play",)), tmp_path / "large")
    wanted = np.concatenate([elmo.embed([line.split()], layers="mean")[0] for line in LINES if "play" in line.split()])
    rows = [word == "play" for line in LINES if "play" in line.split() for word in line.split()]
    assert np.abs(index.vectors("mean", slice(None)) - unit(wanted[rows])).max() < TOLERANCE


def test_occurrences_have_their_places(index: OccurrenceIndex, text: Path) -> None:
    found = [index.occurrence(int(row)) for row in index.rows_of(["play"])]
    assert [(" ".join(one.words), one.position, one.place) for one in found] == [
        (LINES[0], 1, f"{text}, line 1"),
        (LINES[1], 1, f"{text}, line 2"),
        (LINES[4], 1, f"{text}, line 5"),
        (LINES[5], 3, f"{text}, line 6"),
        (LINES[5], 7, f"{text}, line 6"),
        (LINES[6], 1, f"{text}, line 7"),
    ]
    assert all(one.word == "play" for one in found)
    assert len(index) == sum(len(line.split()) for line in LINES)
    assert len(index.rows_of(["play"], min_count=3)) == 6 + 3, "of a as well, which occurs three times"


def test_blocks_make_no_difference(
    elmo: Elmo, text: Path, tmp_path: Path, index: OccurrenceIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_builder, "_WORDS_AT_ONCE", 2)
    embed_iter = elmo.embed_iter
    monkeypatch.setattr(
        elmo_module.Elmo, "embed_iter", lambda self, sentences, layers: embed_iter(sentences, layers, batch_tokens=3)
    )
    other = built(elmo, text, index.metadata.selection, tmp_path / "other")
    assert other.words == index.words
    assert (other.occurrences == index.occurrences).all()
    for layer in range(3):
        assert np.abs(other.vectors(layer, slice(None)) - index.vectors(layer, slice(None))).max() < TOLERANCE


def test_selection(elmo: Elmo, text: Path, tmp_path: Path) -> None:
    index = built(elmo, text, Selection(("chess",), min_count=3, max_occurrences=2), tmp_path / "selected")
    words = Counter(index.occurrence(row).word for row in range(len(index)))
    assert words == {"chess": 2, "play": 2, "a": 2}
    places = [index.occurrence(int(row)).place for row in index.rows_of(["play"])]
    assert [int(place.rpartition(" ")[2]) for place in places] == [5, 7], "spread over the text"
    assert index.counts[index.words.index("play")] == 6
    assert set(index.words) == {word for line in LINES for word in line.split()}


def test_what_an_index_covers() -> None:
    counts = {"play": 6, "chess": 2}
    play, both = Selection(("play",)), Selection(("play", "chess"))
    frequent = Selection((), min_count=5)
    assert both.covers(play, counts) and not play.covers(both, counts)
    assert frequent.covers(play, counts) and not frequent.covers(both, counts)
    assert not play.covers(frequent, counts)
    assert frequent.covers(Selection(("play",), min_count=6), counts)
    assert not frequent.covers(Selection(("play",), min_count=4), counts)
    assert not both.covers(Selection(("play",), max_occurrences=5), counts)
    assert play.with_words_of(Selection(("chess",), 3)) == Selection(("chess", "play"), 3)
    with pytest.raises(ConfigError, match="--min_count: expected 1 or more, found 0"):
        Selection((), min_count=0)
    with pytest.raises(ConfigError, match="--max_occurrences: expected an integer in 0"):
        Selection((), max_occurrences=-1)


def test_missing_word_names_similar_ones(elmo: Elmo, text: Path, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"expected the word 'Plays', found no .*; did you mean plays or play\?$"):
        built(elmo, text, Selection(("Plays",)), tmp_path / "none")
    with pytest.raises(CorpusError, match=r"expected the word 'xyzzy', found no occurrence of it$"):
        built(elmo, text, Selection(("xyzzy",)), tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_missing_word_of_a_corpus_needs_no_segmenter(elmo: Elmo, text: Path, tmp_path: Path) -> None:
    with text_contexts(str(text), elmo.tokenization, None) as contexts:
        contexts.tokenization = Tokenization(segmenter="jieba")
        with patch.dict(sys.modules, {"jieba": None}), pytest.raises(CorpusError, match="found no occurrence of it$"):
            build_index(elmo, contexts, Selection(("的",)), tmp_path / "none")


def test_written_whole_or_not_at_all(elmo: Elmo, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = tmp_path / "kept"
    built(elmo, text, Selection(("play",)), directory)
    before = {path.name: path.read_bytes() for path in directory.iterdir()}
    calls = []

    def killed(*arguments: object) -> None:
        calls.append(arguments)
        if len(calls) > 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(index_builder._Writer, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        built(elmo, text, Selection(("a",)), directory)
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "model", "text.txt"]


@pytest.mark.parametrize("name", ["words.txt", "layer_1.npy", "sentences.jsonl", INDEX])
def test_damage_is_found(index: OccurrenceIndex, name: str) -> None:
    path = index.directory / name
    path.write_bytes(path.read_bytes().replace(b"p", b"q", 1).replace(b"\x00\x3c", b"\x01\x3c", 1)[:-1] + b"\x07")
    with pytest.raises(ElmoLiteError, match=name):
        OccurrenceIndex.open(index.directory)


def test_arrays_that_do_not_fit(index: OccurrenceIndex) -> None:
    """Whoever writes files and their hashes can write others that contradict them."""
    np.save(index.directory / "occurrences.npy", np.full((len(index), 3), 999, dtype=np.int32))
    content = json.loads((index.directory / INDEX).read_text())
    facts = {name: index_builder.describe_file(index.directory / name) for name in content["files"]}
    metadata = index.metadata
    Metadata(
        metadata.encoder, metadata.text, metadata.selection, metadata.num_layers, metadata.num_occurrences, facts
    ).write(index.directory)
    with pytest.raises(CorpusError, match="expected arrays that fit one another"):
        OccurrenceIndex.open(index.directory)


def test_vectors_that_are_not_finite(elmo: Elmo, text: Path, tmp_path: Path) -> None:
    with torch.no_grad():
        for name, weight in elmo.bilm.named_parameters():
            if "lstm" in name.lower() or "layers" in name:
                weight.fill_(math.nan)
    with pytest.raises(
        CheckpointError, match=r"text.txt, line 1: expected finite vectors, found others for 'they play"
    ):
        built(elmo, text, Selection(("play",)), tmp_path / "nan")


def test_no_space(elmo: Elmo, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 10})
    monkeypatch.setattr(index_builder.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(ConfigError, match=r"expected .* bytes of free disk space for the vectors, found 10 "):
        built(elmo, text, Selection(("play",)), tmp_path / "full")
