"""Where cached layers lie, what they take, and what names them."""

from pathlib import Path

import pytest

from elmo_lite import BiLM, BiLMConfig, CharCNNConfig, Elmo
from tasks.inputs.layer_cache import Meta, cache_bytes, check_room, default_cache_dir, store

SMALL = BiLMConfig(char_cnn=CharCNNConfig(embedding_dim=4, filters=((1, 4),), max_characters=10), dim=4, lstm_dim=4)


def test_default_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache_dir() == tmp_path / "elmo_lite" / "features"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_cache_dir() == tmp_path / ".cache" / "elmo_lite" / "features"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # to be ignored, says the specification
    assert default_cache_dir() == tmp_path / ".cache" / "elmo_lite" / "features"


def test_total_size(tmp_path: Path) -> None:
    elmo, sentences = Elmo(BiLM(SMALL)), [["a", "b"], ["c"]]
    assert cache_bytes(tmp_path / "none") == 0
    meta = Meta.of(elmo, sentences)
    store(elmo, sentences, tmp_path / meta.key, meta, progress=False)
    assert meta.size == 2 * 3 * 3 * 8 < cache_bytes(tmp_path) < meta.size + 1000


def test_meta_names_precision_and_encoder() -> None:
    elmo = Elmo(BiLM(SMALL))
    single = Meta.of(elmo, [["a"]], "hash")
    assert single.encoder == "hash" and single.dtype == "float32" and single.shape == (1, 3, 8)
    assert Meta.of(elmo, [["a"]]).encoder != "hash"
    assert Meta.of(elmo.bfloat16(), [["a"]], "hash").key != single.key


def test_room_is_looked_up_where_the_directory_will_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_room(tmp_path / "a" / "b", 1)
    with pytest.raises(OSError, match="needed and 537 MB to stay free"):
        check_room(tmp_path / "a" / "b", 2**60)
    monkeypatch.chdir(tmp_path)
    check_room(Path("relative"), 1)
