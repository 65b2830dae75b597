"""Where cached layers lie, what they take, and what names them."""

from pathlib import Path

import pytest

from elmo_lite import BiLM, BiLMConfig, CharCNNConfig, Elmo
from tasks.inputs.layer_cache import Meta, check_room, default_cache_dir, store

SMALL = BiLMConfig(char_cnn=CharCNNConfig(embedding_dim=4, filters=((1, 4),), max_characters=10), dim=4, lstm_dim=4)


def test_default_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache_dir() == tmp_path / "elmo_lite" / "features"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_cache_dir() == tmp_path / ".cache" / "elmo_lite" / "features"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # to be ignored, says the specification
    assert default_cache_dir() == tmp_path / ".cache" / "elmo_lite" / "features"


def test_directory_of_earlier_versions_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where the operating system's cache directory is another one than the Linux directory used before."""
    system = tmp_path / "Library" / "Caches" / "elmo_lite"
    monkeypatch.setattr("tasks.inputs.layer_cache.user_cache_path", lambda *_, **__: system)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_cache_dir() == system / "features"
    (tmp_path / "xdg" / "elmo_lite" / "features").mkdir(parents=True)
    assert default_cache_dir() == tmp_path / "xdg" / "elmo_lite" / "features"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_cache_dir() == system / "features"
    (tmp_path / ".cache" / "elmo_lite" / "features").mkdir(parents=True)
    assert default_cache_dir() == tmp_path / ".cache" / "elmo_lite" / "features"


def test_total_size(tmp_path: Path) -> None:
    elmo, sentences = Elmo(BiLM(SMALL)), [["a", "b"], ["c"]]
    meta = Meta.of(elmo, sentences)
    store(elmo, sentences, tmp_path / meta.key, meta, progress=False)
    assert meta.size == 2 * 3 * 3 * 8 == (tmp_path / meta.key / "layers.float16").stat().st_size


def test_meta_names_precision_and_encoder() -> None:
    elmo = Elmo(BiLM(SMALL))
    single = Meta.of(elmo, [["a"]], "hash")
    assert single.encoder == "hash" and single.dtype == "float32" and single.shape == (1, 3, 8)
    assert Meta.of(elmo, [["a"]]).encoder != "hash"
    assert Meta.of(elmo.bfloat16(), [["a"]], "hash").key != single.key


def test_room_is_looked_up_where_the_directory_will_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_room(tmp_path / "a" / "b", 1)
    with pytest.raises(OSError, match="and a reserve of 537 MB needed"):
        check_room(tmp_path / "a" / "b", 2**60)
    monkeypatch.chdir(tmp_path)
    check_room(Path("relative"), 1)
