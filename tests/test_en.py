"""The English model that the package carries: what it promises, from its files alone."""

import json
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elmo_lite import Elmo, Tokenization, load_model
from elmo_lite.cli.main import main
from elmo_lite.corpus.builder import CorpusSettings
from elmo_lite.metadata import check_checksum
from elmo_lite.saved_model.names import models_directory
from elmo_lite.saved_model.settings import ModelSettings

EN = models_directory() / "en"
MEGABYTE = 1_000_000
SENTENCES = [["The", "cat", "sat", "on", "the", "mat", "."], ["naïve", "🙂"], []]

pytestmark = pytest.mark.skipif(not EN.is_dir(), reason=f"no pretrained model in {EN}: this checkout is without it")


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("a packaged model needs no network")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)


def test_vectors() -> None:
    elmo = Elmo.from_pretrained("en")
    vectors = elmo.embed(SENTENCES)
    assert [array.shape for array in vectors] == [(elmo.layers, len(words), elmo.dim) for words in SENTENCES]
    assert elmo.layers == 3
    assert all(np.isfinite(array).all() and array.dtype == np.float32 for array in vectors)
    assert elmo.tokenize("It's a test.") == ["It", "'s", "a", "test", "."]


def test_a_word_depends_on_its_context() -> None:
    elmo = Elmo.from_pretrained("en")
    texts = ["I went to the bank to get money .", "We sat on the bank of the river ."]
    sentences = [text.split() for text in texts]
    money, river = (
        vectors[:, words.index("bank")] for words, vectors in zip(sentences, elmo.embed(sentences), strict=True)
    )
    assert np.array_equal(river[0], money[0]), "the token layer knows no context"
    assert not np.allclose(river[1:], money[1:], atol=0.05)


def test_perplexity(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved = load_model("en", with_head=True)
    assert saved.lm_head is not None and saved.vocabulary is not None
    assert saved.lm_head.num_classes == len(saved.vocabulary)
    (tmp_path / "text.txt").write_text("The city is in the north of the country . It was founded in 1850 .\n")
    assert main(["evaluate", "en", str(tmp_path / "text.txt"), "--quiet"]) == 0
    assert 1 < json.loads(capsys.readouterr().out)["mean_perplexity"] < 300


def test_sizes() -> None:
    sizes = {path.name: path.stat().st_size for path in EN.iterdir()}
    head = sizes.pop("lm_head.safetensors")
    assert sum(sizes.values()) <= 25 * MEGABYTE and head <= 15 * MEGABYTE
    assert {"config.json", "vocabulary.txt", "model.safetensors", "README.md"} == set(sizes)


def test_a_corpus_by_default_fits() -> None:
    settings = ModelSettings.read(EN)
    assert settings.tokenization == Tokenization() == CorpusSettings().tokenization
    assert settings.model.char_cnn.max_characters == CorpusSettings().max_characters


def test_the_card_says_how_to_use_it() -> None:
    assert 'from_pretrained("en")' in (EN / "README.md").read_text(encoding="utf-8")


def test_settings_have_a_checksum() -> None:
    settings = json.loads((EN / "config.json").read_text(encoding="utf-8"))
    assert settings["checksum"].startswith("sha256:")
    check_checksum(EN / "config.json", settings)
