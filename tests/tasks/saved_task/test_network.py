"""Networks of both tasks, saved and loaded; how their strings become words; settings that make no network."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from elmo_lite import BiLM, BiLMConfig, CharCNNConfig, CheckpointError, ConfigError, Elmo, Tokenization
from tasks.inputs.representation import Representation
from tasks.inputs.word_input_config import WordInputConfig
from tasks.ner.config import NerConfig
from tasks.ner.tagger import NerTagger, new_tagger
from tasks.saved_task.directory import MODEL
from tasks.saved_task.encoder import CONFIG
from tasks.saved_task.network import (
    ENCODER_TENSORS,
    load_network,
    new_network,
    save_network,
    tokenization_of,
)
from tasks.saved_task.settings import check_out
from tasks.saved_task.task_network import TaskNetwork
from tasks.sentiment.config import SentimentConfig

SENTENCES = [["a", "good", "film"], ["bad"]]
INPUTS = WordInputConfig(word_dim=3, char_filters=2)


class Network(TaskNetwork):
    """The least that a task can make."""

    def __init__(self, config: NerConfig, labels: Sequence[str], representation: Representation) -> None:
        super().__init__(representation, labels)
        self.scores = nn.Linear(representation.dim, len(self.labels))


def encoder(kind: str = "whitespace") -> Elmo:
    characters = CharCNNConfig(embedding_dim=2, filters=((1, 3),), num_highway=0)
    bilm = BiLM(BiLMConfig(char_cnn=characters, dim=3, lstm_dim=3, num_layers=1))
    return Elmo(bilm, Tokenization(kind=kind)).eval()  # type: ignore[arg-type]


@pytest.mark.parametrize("make", [NerConfig, SentimentConfig])
@pytest.mark.parametrize(
    ("tokenizer", "kind", "expected"),
    [
        ("auto", None, ["Good", "!"]),
        ("auto", "whitespace", ["Good!"]),
        ("auto", "words", ["Good", "!"]),
        ("words", "whitespace", ["Good", "!"]),
        ("whitespace", "words", ["Good!"]),
    ],
)
def test_tokenisation(make: Any, tokenizer: str, kind: str | None, expected: list[str]) -> None:
    tokenization = tokenization_of(make(tokenizer=tokenizer), None if kind is None else encoder(kind))
    assert tokenization.words("Good!") == expected


@pytest.mark.parametrize(
    ("tokenizer", "segmenter"), [("auto", "jieba"), ("words", "jieba"), ("whitespace", None)], ids=str
)
def test_the_segmenter_of_the_encoder_is_kept(tokenizer: Any, segmenter: str | None) -> None:
    elmo = encoder()
    elmo.tokenization = Tokenization(segmenter="jieba")
    assert tokenization_of(NerConfig(tokenizer=tokenizer), elmo).segmenter == segmenter


@pytest.mark.parametrize(
    "changes", [{}, {"freeze": False}, {"inputs": WordInputConfig(words="none", chars=False, spelling=False)}], ids=str
)
def test_saved_and_loaded(tmp_path: Path, changes: dict[str, Any]) -> None:
    config = NerConfig(**{"inputs": INPUTS, "encoder": "model", **changes})
    network = new_network(config, Network, ["x", "y"], encoder(), SENTENCES)
    assert (network.representation.word_inputs is None) == ("inputs" in changes)
    tokenization = Tokenization(kind="whitespace")
    save_network(tmp_path, "ner", network, config, tokenization, metrics={"f1": 1.5})
    again, settings, split = load_network(tmp_path, "ner", NerConfig.from_dict, Network)
    assert again.labels == ["x", "y"] and split == tokenization and settings == NerConfig.from_dict(config.to_dict())
    assert not [name for name in load_file(tmp_path / MODEL) if name.startswith(ENCODER_TENSORS)]
    expected, found = network.state_dict(), again.state_dict()
    assert expected.keys() == found.keys()
    assert all(torch.equal(tensor, found[name]) for name, tensor in expected.items())
    assert "| `f1` | 1.5 |" in (tmp_path / "README.md").read_text()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"settings": {}}, "settings.config: expected an object, found nothing"),
        ({"labels": ["O", "PER"]}, "expected O or B-, I-, E- or S- and a type, found 'PER'"),
        ({"encoder": None, "words": "none"}, "expected an encoder, words, spelling or chars, found"),
    ],
)
def test_settings_that_make_no_tagger(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    new_tagger(NerConfig(inputs=INPUTS), ["PER"], None, SENTENCES).save(tmp_path)
    stored = json.loads((tmp_path / CONFIG).read_text())
    if changes.pop("words", None):
        stored["settings"]["word_inputs"] = None
    del stored["checksum"]
    (tmp_path / CONFIG).write_text(json.dumps({**stored, **changes}))
    with pytest.raises(CheckpointError) as caught:
        NerTagger.from_pretrained(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / CONFIG}: ") and message in str(caught.value)


@pytest.mark.parametrize(
    ("group", "changes"),
    [
        ("", {"lstm_dim": 65_536, "lstm_layers": 100}),
        ("inputs", {"word_dim": 65_536, "char_filters": 65_536}),
    ],
)
def test_settings_that_claim_a_huge_network_allocate_nothing(
    tmp_path: Path, group: str, changes: dict[str, int]
) -> None:
    new_tagger(NerConfig(inputs=INPUTS), ["PER"], None, SENTENCES).save(tmp_path)
    stored = json.loads((tmp_path / CONFIG).read_text())
    del stored["checksum"]
    settings = stored["settings"]
    (settings["word_inputs"]["config"] if group else settings["config"]).update(changes)
    settings["word_inputs"]["width"] = 65_536 if group else 3
    (tmp_path / CONFIG).write_text(json.dumps(stored))
    with pytest.raises(CheckpointError, match=r"model.safetensors: .*: expected (shape|no such weight)"):
        NerTagger.from_pretrained(tmp_path)


def test_more_labels_than_a_crf_can_have(tmp_path: Path) -> None:
    new_tagger(NerConfig(inputs=INPUTS), ["PER"], None, SENTENCES).save(tmp_path)
    stored = json.loads((tmp_path / CONFIG).read_text())
    del stored["checksum"]
    stored["labels"] = ["O", *(f"S-{number}" for number in range(100_000))]
    (tmp_path / CONFIG).write_text(json.dumps(stored))
    with pytest.raises(CheckpointError, match="number of labels: expected an integer in 1..4097, found 100001$"):
        NerTagger.from_pretrained(tmp_path)


def test_places_that_a_model_can_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pictures").mkdir()
    new_tagger(NerConfig(inputs=INPUTS), ["PER"], None, SENTENCES).save("tagger")
    for out, overwrite in (("new", False), ("new/and/deep", True), ("pictures", False), ("tagger", True)):
        check_out(Path(out), "ner", overwrite)
        check_out(tmp_path / out, "ner", overwrite)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pictures", "tagger"]


@pytest.mark.parametrize(
    ("out", "kind", "overwrite", "message"),
    [
        ("file", "ner", True, "file: expected a directory to write, found the file file"),
        ("file/out", "ner", True, "file/out: expected a directory to write, found the file "),
        ("tagger", "ner", False, "tagger: expected no model there, found config.json; --overwrite replaces it"),
        ("tagger", "sentiment", False, "tagger: expected no model there, found config.json; --overwrite replaces it"),
        (
            "tagger",
            "sentiment",
            True,
            "tagger: expected a model for the task sentiment to overwrite, found one for 'ner'",
        ),
        ("encoder", "ner", True, "encoder: expected a model for the task ner to overwrite, found another config.json"),
        ("broken", "ner", True, "broken: expected a model for the task ner to overwrite, found another config.json"),
    ],
)
def test_places_that_it_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str, kind: Any, overwrite: bool, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path("broken").mkdir()
    Path("broken/config.json").write_text("[1")
    new_tagger(NerConfig(inputs=INPUTS), ["PER"], None, SENTENCES).save("tagger")
    encoder().save_pretrained("encoder")
    with pytest.raises(ConfigError) as caught:
        check_out(Path(out), kind, overwrite)
    assert str(caught.value).startswith(message)


def test_places_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: Path(path) != tmp_path)  # root may write everywhere
    with pytest.raises(ConfigError, match=f"found no permission to write in {tmp_path}$"):
        check_out(tmp_path / "out", "ner", overwrite=False)


@pytest.mark.skipif(sys.platform == "win32", reason="no process is known to have ended there")
def test_a_model_that_a_killed_process_moved_away_is_not_replaced_unasked(tmp_path: Path) -> None:
    new_tagger(NerConfig(inputs=INPUTS), ["PER"], None, SENTENCES).save(tmp_path)
    code = (
        "import sys; from pathlib import Path; from elmo_lite import atomic\n"
        "config = Path(sys.argv[1]); left = atomic._beside(config, '.parts')\n"
        "left.mkdir(); config.rename(left / config.name)"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / CONFIG], cwd=Path(__file__).parents[3], check=True)
    with pytest.raises(ConfigError, match="expected no model there, found config.json"):
        check_out(tmp_path, "ner", overwrite=False)
    assert NerTagger.from_pretrained(tmp_path).types == ["PER"]
