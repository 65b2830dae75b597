"""One loop for all heads: it learns, repeats itself, keeps the best epoch, and says what went wrong."""

import dataclasses
import json
import logging
import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from elmo_lite import BiLM, BiLMConfig, CharCNNConfig, ConfigError, CorpusError, Elmo, ElmoLiteError, ScalarMix
from elmo_lite.stopping import Stopped
from tasks.inputs.batch import Batch
from tasks.training.config import FinetuneConfig
from tasks.training.finetune import METRICS, finetune, record
from tasks.training.head import FinetuneResult
from tasks.training.pictures import LEARNING_CURVE

SMALL = BiLMConfig(char_cnn=CharCNNConfig(embedding_dim=4, filters=((1, 8),), max_characters=10), dim=4, lstm_dim=4)


@dataclasses.dataclass(frozen=True)
class Text:
    """Label 1 where the first word is good."""

    words: tuple[str, ...]
    label: int


TRAIN = [Text((first, *["x"] * (n % 5)), int(first == "good")) for n in range(20) for first in ("good", "bad")]
DEV = [Text((first, *["x"] * n), int(first == "good")) for first in ("good", "bad") for n in range(3, -1, -1)]


class WordHead(nn.Module):
    """Labels a sentence by the vector of its first word; counts what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.vectors = nn.Embedding(3, 4)
        self.dropout = nn.Dropout(0.1)
        self.linear = nn.Linear(4, 2)

    def forward(self, batch: Batch) -> Tensor:
        ids = torch.tensor([["good", "bad"].index(words[0]) for words in batch.words])
        scores: Tensor = self.linear(self.dropout(self.vectors(ids)))
        return scores

    def loss(self, batch: Batch) -> Tensor:
        assert self.training and batch.targets is not None
        return nn.functional.cross_entropy(self(batch), batch.targets)

    def predict(self, batch: Batch) -> list[int]:
        assert not self.training and batch.targets is None
        return self(batch).argmax(dim=1).tolist()  # type: ignore[no-any-return]

    def mix_weights(self) -> dict[str, Any]:
        return {}


class LayerHead(WordHead):
    """The same from a mix of the encoder's layers."""

    def __init__(self, elmo: Elmo, trained: bool = False) -> None:
        super().__init__()
        self.mix = ScalarMix(elmo.layers)
        self.linear = nn.Linear(elmo.dim, 2)
        self.live_batches = 0
        self.modes: set[bool] = set()
        """Of the encoder while the head learns."""
        if trained:
            self.elmo = elmo

    def forward(self, batch: Batch) -> Tensor:
        layers = batch.layers
        if layers is None:
            self.live_batches += 1
            self.modes |= {self.elmo.bilm.training} if self.training else set()
            layers = self.elmo(batch.words).layers
        scores: Tensor = self.linear(self.mix(layers)[:, 0])
        return scores

    def mix_weights(self) -> dict[str, Any]:
        return {"input": self.mix.weights()}


def make_elmo() -> Elmo:
    torch.manual_seed(0)
    elmo = Elmo(BiLM(SMALL)).eval()
    elmo.bilm.requires_grad_(False)
    return elmo


def accuracy(examples: Sequence[Text], predictions: list[int]) -> dict[str, float]:
    right = [text.label == label for text, label in zip(examples, predictions, strict=True)]
    return {"main": 100 * sum(right) / len(right), "n": len(right)}


def scripted(*scores: float) -> Any:
    """A score that follows a script, whatever is predicted."""
    rest = iter(scores)
    return lambda examples, predictions: {"main": next(rest)}


def train(model: nn.Module, out: Path, score: Any = accuracy, **options: Any) -> FinetuneResult:
    finetune_names = {"elmo", "model_hash", "progress"}
    given = {name: value for name, value in options.items() if name in finetune_names}
    defaults = {"max_epochs": 6, "batch_size": 4, "learning_rate": 0.05, "device": "cpu", "pictures": False}
    config = FinetuneConfig(**{**defaults, **{n: v for n, v in options.items() if n not in finetune_names}})
    options = {"progress": False, **given}
    result = finetune(model, TRAIN, DEV, targets=lambda text: text.label, score=score, config=config, **options)
    record(result, config, out)
    return result


def weights(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def equal(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return all(torch.equal(first[name], second[name]) for name in {*first, *second})


def test_it_learns(tmp_path: Path) -> None:
    model = WordHead()
    result = train(model, tmp_path)
    assert result.dev_scores == {"main": 100.0, "n": 8.0}
    assert result.epochs[-1]["loss"] < result.epochs[0]["loss"] / 2
    assert not model.training and not result.interrupted
    assert [facts["epoch"] for facts in result.epochs] == list(range(1, len(result.epochs) + 1))
    assert result.words_per_second > 0 and result.seconds_per_epoch > 0


def test_predictions_come_in_the_order_of_the_examples(tmp_path: Path) -> None:
    seen: list[list[Any]] = []

    class Echo(WordHead):
        def predict(self, batch: Batch) -> list[Any]:
            return [tuple(words) for words in batch.words]

    def score(examples: Sequence[Text], predictions: list[Any]) -> dict[str, float]:
        seen.append(predictions)
        return {"main": 0.0}

    train(Echo(), tmp_path, score, max_epochs=1)
    assert seen == [[text.words for text in DEV]]


def test_weight_decay_shrinks_matrices(tmp_path: Path) -> None:
    norms = {}
    for decay in (0.0, 10.0):
        model = WordHead()
        train(model, tmp_path, weight_decay=decay, max_epochs=2)
        norms[decay] = float(model.linear.weight.detach().norm())
    assert norms[10.0] < norms[0.0]


def test_same_seed_same_weights(tmp_path: Path) -> None:
    models = [WordHead() for _ in range(3)]
    for model, seed in zip(models, (1, 1, 2), strict=True):
        torch.manual_seed(17 * seed)
        torch.rand(models.index(model))  # what came before does not matter
        train(model, tmp_path, seed=seed, max_epochs=2)
    assert equal(weights(models[0]), weights(models[1]))
    assert not equal(weights(models[0]), weights(models[2]))


def test_the_best_epoch_is_kept(tmp_path: Path) -> None:
    snapshots = []

    def score(examples: Any, predictions: Any) -> dict[str, float]:
        snapshots.append(weights(model))
        return {"main": [10, 30, 20, 30, 25][len(snapshots) - 1]}

    model = WordHead()
    result = train(model, tmp_path, score, max_epochs=5)
    assert result.best_epoch == 4 and result.dev_scores == {"main": 30}, "the last of equal ones"
    assert equal(weights(model), snapshots[3]) and not equal(snapshots[3], snapshots[1])
    assert not equal(snapshots[3], snapshots[4])


def test_training_stops_where_nothing_improves(tmp_path: Path) -> None:
    result = train(WordHead(), tmp_path, scripted(1, 3, 2, 2, 1, 9), patience=3, max_epochs=10)
    assert len(result.epochs) == 5 and result.best_epoch == 2


def test_training_goes_on_at_the_best_score(tmp_path: Path) -> None:
    result = train(WordHead(), tmp_path, scripted(1, 3, 2, 3, 1, 2, 1, 9), patience=3, max_epochs=10)
    assert len(result.epochs) == 7 and result.best_epoch == 4


def test_learning_rates_fall_in_a_line(tmp_path: Path) -> None:
    result = train(WordHead(), tmp_path, patience=9, max_epochs=8, learning_rate=0.08)
    rates = [facts["learning_rate"] for facts in result.epochs]  # with which each epoch began
    assert rates == pytest.approx([0.08, 0.07, 0.06, 0.05, 0.04, 0.03, 0.02, 0.01])


def test_gradients_are_clipped(tmp_path: Path) -> None:
    models = {clip: WordHead() for clip in (0.0, 1e9, 1e-3)}
    for clip, model in models.items():
        train(model, tmp_path, gradient_clip=clip, max_epochs=1)
    assert equal(weights(models[0.0]), weights(models[1e9]))
    assert not equal(weights(models[0.0]), weights(models[1e-3]))


@pytest.mark.parametrize("precision", ["bfloat16", "float32"])
def test_steps_may_be_of_half_precision_and_scores_never_are(tmp_path: Path, precision: str) -> None:
    seen: dict[bool, set[torch.dtype]] = {True: set(), False: set()}

    class Watched(WordHead):
        def forward(self, batch: Batch) -> Tensor:
            scores = super().forward(batch)
            seen[self.training].add(scores.dtype)
            return scores

    model = Watched()
    assert train(model, tmp_path, precision=precision).dev_scores["main"] == 100
    assert seen == {True: {torch.bfloat16 if precision == "bfloat16" else torch.float32}, False: {torch.float32}}
    assert {tensor.dtype for tensor in model.state_dict().values()} == {torch.float32}


def test_a_score_that_is_no_number_is_not_the_best(tmp_path: Path) -> None:
    result = train(WordHead(), tmp_path, scripted(1, float("nan"), 2), max_epochs=3)
    assert result.best_epoch == 3


# The encoder


@pytest.mark.parametrize("cache", ["on", "off"])
def test_layers_of_a_frozen_encoder_come_from_outside(tmp_path: Path, cache: str) -> None:
    elmo = make_elmo()
    before = weights(elmo)
    model = LayerHead(elmo)
    result = train(model, tmp_path / "out", elmo=elmo, cache=cache, cache_dir=str(tmp_path / "cache"))
    assert model.live_batches == 0 and equal(weights(elmo), before)
    assert result.dev_scores["main"] == 100
    shares, gamma = result.epochs[-1]["mix"]["input"]
    assert len(shares) == 3 and sum(shares) == pytest.approx(1) and gamma != 1
    assert len(list((tmp_path / "cache").glob("*"))) == (2 if cache == "on" else 0)


def test_cached_and_live_layers_train_the_same(tmp_path: Path) -> None:
    elmo = make_elmo()
    models = [LayerHead(elmo), LayerHead(elmo)]
    losses = []
    for model, cache in zip(models, ("on", "off"), strict=True):
        result = train(model, tmp_path, elmo=elmo, cache=cache, cache_dir=str(tmp_path / "cache"), max_epochs=3)
        losses.append([facts["loss"] for facts in result.epochs])
    assert losses[0] == pytest.approx(losses[1], rel=2e-3)


def test_a_trained_encoder_runs_inside_the_model(tmp_path: Path) -> None:
    elmo = make_elmo()
    elmo.bilm.requires_grad_(True)
    before = weights(elmo)
    model = LayerHead(elmo, trained=True)
    result = train(model, tmp_path, elmo=elmo, cache="on", cache_dir=str(tmp_path / "cache"), max_epochs=2)
    assert model.modes == {True} and model.live_batches == 2 * (10 + 2) and not (tmp_path / "cache").exists()
    assert not equal(weights(elmo), before) and result.best_epoch


def test_gradual_unfreezing(tmp_path: Path) -> None:
    elmo = make_elmo()
    model = LayerHead(elmo, trained=True)
    seen = [weights(elmo.bilm)]

    def score(examples: Any, predictions: Any) -> dict[str, float]:
        seen.append(weights(elmo.bilm))
        return {"main": len(seen)}

    train(model, tmp_path, score, gradual_unfreezing=True, encoder_learning_rate=0.05, max_epochs=3)

    def moved(epoch: int, part: str) -> bool:
        return any(not torch.equal(seen[epoch][n], seen[epoch - 1][n]) for n in seen[0] if n.startswith(part))

    top, below = "forward_lstm.layers.1", "forward_lstm.layers.0"
    assert [(moved(n, top), moved(n, below), moved(n, "char_cnn")) for n in (1, 2, 3)] == [
        (False, False, False),
        (True, False, False),
        (True, True, False),
    ]


def test_weights_of_a_trained_encoder_are_restored_too(tmp_path: Path) -> None:
    elmo = make_elmo()
    elmo.bilm.requires_grad_(True)
    model = LayerHead(elmo, trained=True)
    snapshots = []

    def score(examples: Any, predictions: Any) -> dict[str, float]:
        snapshots.append(weights(elmo))
        return {"main": -len(snapshots)}

    train(model, tmp_path, score, max_epochs=2)
    assert equal(weights(elmo), snapshots[0]) and not equal(*snapshots)
    assert (elmo.embed([["good"]])[0] == make_restored(elmo).embed([["good"]])[0]).all(), "vectors of old weights"


def make_restored(elmo: Elmo) -> Elmo:
    other = make_elmo()
    other.load_state_dict(elmo.state_dict())
    return other


# What is left behind, and what goes wrong


def test_metrics_file(tmp_path: Path) -> None:
    result = train(WordHead(), tmp_path / "new", max_epochs=2, seed=5)
    facts = json.loads((tmp_path / "new" / METRICS).read_text(encoding="utf-8"))
    assert facts["complete"] is True and facts["config"]["seed"] == 5
    assert facts["best_epoch"] == result.best_epoch and facts["dev_scores"] == result.dev_scores
    assert [sorted(epoch) for epoch in facts["epochs"]] == [
        ["dev", "dev_seconds", "epoch", "learning_rate", "loss", "mix", "seconds", "words_per_second"]
    ] * 2
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [METRICS]


def test_pictures(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    train(WordHead(), tmp_path, max_epochs=1, pictures=True)
    assert (tmp_path / LEARNING_CURVE).exists()


def test_one_line_an_epoch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(WordHead(), tmp_path, scripted(40, 30), max_epochs=2, progress=True)
    output = capsys.readouterr()
    lines = output.err.splitlines()
    assert output.out == "" and len(lines) == 2
    assert lines[0].startswith("epoch  1  loss ") and "dev 40.00 *" in lines[0] and "words/s" in lines[0]
    assert "dev 30.00  " in lines[1]
    elmo = make_elmo()
    train(LayerHead(elmo), tmp_path, max_epochs=1, progress=True, elmo=elmo)
    assert "input mix 0." in capsys.readouterr().err


def test_a_loss_that_is_no_number(tmp_path: Path) -> None:
    class Broken(WordHead):
        def loss(self, batch: Batch) -> Tensor:
            return super().loss(batch) * float("nan")

    with pytest.raises(ElmoLiteError, match="epoch 1, batch 1: expected a finite loss, found nan"):
        train(Broken(), tmp_path)
    assert not (tmp_path / METRICS).exists()


class Interrupted(WordHead):
    """A signal arrives in a batch."""

    def __init__(self, batch: int, number: int = signal.SIGINT) -> None:
        super().__init__()
        self.left, self.number = batch, number

    def loss(self, batch: Batch) -> Tensor:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), self.number)
        return super().loss(batch)


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Ctrl-C as at a terminal, also where the tests run in the background of a shell, which has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interruption_keeps_the_best_so_far(tmp_path: Path, number: int) -> None:
    handler = signal.getsignal(signal.SIGINT)
    model = Interrupted(batch=15, number=number)
    result = train(model, tmp_path, scripted(7))
    assert (
        result.interrupted
        and result.stop_signal == number
        and result.best_epoch == 1
        and result.dev_scores == {"main": 7}
    )
    assert json.loads((tmp_path / METRICS).read_text())["complete"] is False
    assert signal.getsignal(signal.SIGINT) is handler, "Ctrl-C works again"
    whole = WordHead()
    train(whole, tmp_path, scripted(7, *[1] * 9))
    assert equal(weights(model), weights(whole)), "weights of the epoch that was scored"


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interruption_before_anything_was_scored(tmp_path: Path, number: int) -> None:
    with pytest.raises(Stopped, match="stopped in the first epoch; nothing was saved") as stopped:
        train(Interrupted(batch=2, number=number), tmp_path)
    assert stopped.value.exit_status == 128 + number
    assert not (tmp_path / METRICS).exists()


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (([], DEV), "train: expected at least one sentence, found none"),
        ((TRAIN, []), "dev: expected at least one sentence, found none"),
        (([*TRAIN, Text((), 0)], DEV), "train: sentence 40: expected at least one word, found none"),
    ],
)
def test_no_words(data: Any, match: str) -> None:
    with pytest.raises(CorpusError, match=match):
        finetune(WordHead(), *data, targets=lambda text: 0, score=accuracy, config=FinetuneConfig())


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("max_epochs", 0),
        ("patience", 0),
        ("batch_size", 0),
        ("learning_rate", 0.0),
        ("encoder_learning_rate", float("nan")),
        ("weight_decay", -1.0),
        ("gradient_clip", float("inf")),
        ("layer_decay", 0.5),
        ("cache", "yes"),
        ("precision", "half"),
        ("device", "tpu"),
    ],
)
def test_settings(setting: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"^{setting}: expected .*, found"):
        FinetuneConfig(**{setting: value})


@pytest.mark.parametrize(
    ("num_sentences", "settings", "expected"),
    [
        (100_000, {}, (8, 5)),
        (12_543, {}, (8, 5)),
        (3_394, {}, (15, 7)),
        (3_394, {"batch_size": 256}, (15, 7)),
        (200, {}, (30, 15)),
        (200, {"batch_size": 1}, (8, 5)),
        (200, {"max_epochs": 4}, (4, 5)),
        (200, {"patience": 2}, (30, 2)),
    ],
)
def test_small_data_are_read_more_often(
    num_sentences: int, settings: dict[str, int], expected: tuple[int, int]
) -> None:
    assert FinetuneConfig(**settings).epochs_and_patience(num_sentences) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("num_sentences", "settings", "trained", "expected"),
    [
        (9_999, {}, False, 32),
        (10_000, {}, False, 64),
        (100_000, {}, True, 32),
        (100, {"batch_size": 100}, False, 100),
        (100_000, {"batch_size": 5}, True, 5),
    ],
)
def test_batch_size(num_sentences: int, settings: dict[str, int], trained: bool, expected: int) -> None:
    config = FinetuneConfig(**settings)  # type: ignore[arg-type]
    assert config.batch_size_for(num_sentences, trains_encoder=trained) == expected


@pytest.mark.parametrize(("trained", "expected"), [(False, [40]), (True, [32, 8])])
def test_batches_are_larger_over_a_frozen_encoder(
    trained: bool, expected: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []

    class Counting(LayerHead):
        def loss(self, batch: Batch) -> Tensor:
            sizes.append(len(batch.words))
            return super().loss(batch)

    monkeypatch.setattr("tasks.training.config.FEW_SENTENCES", len(TRAIN))
    elmo = make_elmo()
    options = {"cache_dir": str(tmp_path / "cache"), "elmo": None if trained else elmo}
    train(Counting(elmo, trained=trained), tmp_path, batch_size=None, max_epochs=1, **options)
    assert sorted(sizes, reverse=True) == expected


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="device: expected one that torch can use, found cuda"):
        train(WordHead(), tmp_path, device="cuda")


def test_lightning_is_quiet_and_leaves_no_files(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    recwarn: pytest.WarningsRecorder,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cwd").mkdir()
    logger = logging.getLogger("pytorch_lightning")
    monkeypatch.setattr(logger, "propagate", True)
    logger.setLevel(logging.INFO)
    train(WordHead(), tmp_path / "out", max_epochs=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cwd", "out"]
    assert [str(warning.message) for warning in recwarn] == []
    assert caplog.messages == []
    assert logger.level == logging.INFO  # as it was
