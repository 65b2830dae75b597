"""An index that is kept: used again where it fits, named and built again where it does not."""

import logging
import os
import shutil
from pathlib import Path

import pytest
import torch

from elmo_lite import atomic
from elmo_lite.corpus.builder import CorpusSettings, build_corpus
from elmo_lite.embedding.elmo import Elmo
from elmo_lite.errors import ConfigError, CorpusError
from elmo_lite.locks import hold
from elmo_lite.neighbors import kept_index
from elmo_lite.neighbors.index_metadata import INDEX, Selection
from elmo_lite.neighbors.kept_index import IndexedText, opened_index
from elmo_lite.text.tokenization import Tokenization

WHITESPACE = Tokenization(kind="whitespace")
PLAY = Selection(("play",))


def opened(elmo: Elmo, source: Path, selection: Selection, directory: Path | None) -> int:
    """Number of occurrences in the index."""
    with opened_index(elmo, IndexedText.open(str(source), WHITESPACE), selection, directory) as index:
        return len(index)


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[Selection]:
    """Selections of the indexes that are built."""
    found: list[Selection] = []
    build = kept_index.build_index

    def counted(elmo: Elmo, contexts: object, selection: Selection, *rest: object, **others: object) -> object:
        found.append(selection)
        return build(elmo, contexts, selection, *rest, **others)  # type: ignore[arg-type]

    monkeypatch.setattr(kept_index, "build_index", counted)
    return found


@pytest.mark.parametrize("is_corpus", [False, True])
def test_used_again(elmo: Elmo, text: Path, tmp_path: Path, builds: list[Selection], is_corpus: bool) -> None:
    source, directory = text, tmp_path / "kept"
    if is_corpus:
        source = tmp_path / "corpus"
        build_corpus([str(text)], source, CorpusSettings(tokenization=WHITESPACE, held_out_share=0.2))
    for _ in range(2):
        assert opened(elmo, source, PLAY, directory) == 6
    assert builds == [PLAY]
    assert opened(elmo, source, Selection(("chess",)), directory) == 8, "the words of before are kept"
    assert opened(elmo, source, PLAY, directory) == 8
    assert builds[1:] == [Selection(("play", "chess"))]


def test_another_text_is_named(
    elmo: Elmo, text: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, builds: list[Selection]
) -> None:
    directory = tmp_path / "kept"
    opened(elmo, text, PLAY, directory)
    moved = shutil.copy(text, tmp_path / "moved.txt")
    assert opened(elmo, Path(moved), PLAY, directory) == 6 and len(builds) == 1, "what counts is the content"
    with text.open("a") as file:
        file.write("one more play\n")
    with caplog.at_level(logging.INFO, "elmo_lite"):
        assert opened(elmo, text, PLAY, directory) == 7
    assert f"{directory}: the index is of another text than {text} is now; it is built again" in caplog.text


def test_another_model_is_named(elmo: Elmo, text: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    directory = tmp_path / "kept"
    opened(elmo, text, PLAY, directory)
    with torch.no_grad():
        next(elmo.bilm.parameters()).flatten()[0] += 1
    with caplog.at_level(logging.INFO, "elmo_lite"):
        opened(elmo, text, PLAY, directory)
        opened(elmo, text, PLAY, directory)
    assert caplog.text.count("the index is of another model (hash ") == 1


@pytest.mark.parametrize("name", [INDEX, "layer_2.npy"])
def test_a_damaged_one_is_built_again(
    elmo: Elmo, text: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    directory = tmp_path / "kept"
    opened(elmo, text, PLAY, directory)
    content = bytearray((directory / name).read_bytes())
    content[-20] ^= 1
    (directory / name).write_bytes(content)
    with caplog.at_level(logging.INFO, "elmo_lite"):
        assert opened(elmo, text, PLAY, directory) == 6
    assert f"{directory / name}: expected" in caplog.text and "it is built again" in caplog.text


def test_what_is_no_index_stays(elmo: Elmo, text: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("kept")
    for place in (tmp_path / "mine", text):
        with pytest.raises(ConfigError, match="--index: expected an index of occurrences or nothing there"):
            opened(elmo, text, PLAY, place)
    assert (tmp_path / "mine" / "letter.txt").read_text() == "kept"


def test_a_missing_word_leaves_the_index(elmo: Elmo, text: Path, tmp_path: Path, builds: list[Selection]) -> None:
    opened(elmo, text, PLAY, tmp_path / "kept")
    with pytest.raises(CorpusError, match="expected the word 'plya', found no occurrence of it; did you mean play"):
        opened(elmo, text, Selection(("plya",)), tmp_path / "kept")
    assert opened(elmo, text, PLAY, tmp_path / "kept") == 6
    assert len(builds) == 2


def test_a_pipe_cannot_be_compared(elmo: Elmo, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--index: expected an input that is a file or a corpus directory, found '-'"):
        opened(elmo, Path("-"), PLAY, tmp_path / "kept")


def test_one_process_at_a_time_builds(elmo: Elmo, text: Path, tmp_path: Path) -> None:
    with hold(tmp_path / "kept"), pytest.raises(ConfigError, match="another process is using it"):
        opened(elmo, text, PLAY, tmp_path / "kept")


def test_what_a_killed_process_left_is_removed(
    elmo: Elmo, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(elmo, text, PLAY, tmp_path / "kept")
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: 2**22 + 1)  # of no process
        left = atomic._beside(tmp_path / "kept", ".tmp")
    left.mkdir()
    opened(elmo, text, PLAY, tmp_path / "kept")
    assert not left.exists()


def test_a_temporary_one_leaves_nothing(
    elmo: Elmo, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    assert opened(elmo, text, PLAY, None) == 6
    assert list((tmp_path / "tmp").iterdir()) == []
