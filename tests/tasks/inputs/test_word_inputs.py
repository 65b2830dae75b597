import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from elmo_lite import CheckpointError, ConfigError, CorpusError
from tasks.inputs.batch import collate
from tasks.inputs.word_input_config import WordInputConfig
from tasks.inputs.word_inputs import WordInputs

TRAIN = [["The", "cat", "sat"], ["the", "dog"], ["the", "cat"]]


def build(sentences: list[list[str]] | None = None, **settings: Any) -> WordInputs:
    defaults = {"word_dim": 4, "char_filters": 6, "spelling": False, "dropout": 0.0}
    return WordInputs.build(WordInputConfig(**{**defaults, **settings}), sentences or TRAIN)


def vectors_of(inputs: WordInputs, *words: str) -> torch.Tensor:
    """(K, dim) of words that make one sentence."""
    return inputs(collate([words]))[0]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "vectors.txt"
    path.write_text("of 1 1\nthe 2 0\ncat 0 4\nParis 3 3\nbird 5 5\n")
    return path


@pytest.mark.parametrize(
    ("words", "chars", "dim"), [("trainable", True, 10), ("trainable", False, 4), ("none", True, 6), ("none", False, 0)]
)
def test_shape(words: str, chars: bool, dim: int) -> None:
    inputs = build(words=words, chars=chars)
    assert inputs.dim == dim
    assert inputs(collate([["The", "cat", "sat"], ["new"]])).shape == (2, 3, dim)


def test_zeros_behind_the_ends_and_nothing_of_the_neighbours() -> None:
    inputs = build().eval()
    together = inputs(collate([["The", "cat", "sat"], ["dog"]]))
    assert together[1, 1:].abs().max() == 0
    assert together[1, 0].abs().max() > 0
    torch.testing.assert_close(together[1, :1], vectors_of(inputs, "dog"))
    torch.testing.assert_close(together[0], vectors_of(inputs, "The", "cat", "sat"))


def test_lookup_as_spelt_then_in_lower_case_then_unknown() -> None:
    inputs = build(chars=False).eval()
    assert inputs.words == ["The", "cat", "sat", "the", "dog"]
    the_capital, the, cat, cat_capital, new = vectors_of(inputs, "The", "the", "cat", "CAT", "bird")
    torch.testing.assert_close(the_capital, inputs.vectors[0])
    torch.testing.assert_close(the, inputs.vectors[3])
    torch.testing.assert_close(cat_capital, cat)
    torch.testing.assert_close(new, inputs.unknown)


def test_characters_tell_unknown_words_apart() -> None:
    inputs = build().eval()
    one, other = vectors_of(inputs, "Zürich", "Bern")
    torch.testing.assert_close(one[:4], other[:4])
    assert not torch.allclose(one[4:], other[4:])


def test_words_seen_once_are_read_as_unknown_in_training() -> None:
    inputs = build(chars=False, unknown_rate=0.5)
    with torch.no_grad():
        inputs.unknown.fill_(9)
    inputs.train()
    unread = torch.stack([(vectors_of(inputs, "cat", "dog", "The", "the") == 9).all(dim=1) for _ in range(200)])
    assert unread[:, [0, 3]].sum() == 0  # seen twice
    assert (unread[:, [1, 2]].float().mean(dim=0) - 0.5).abs().max() < 0.15
    inputs.eval()
    assert not (vectors_of(inputs, "dog", "The") == 9).any()


def test_rate_of_unknown_words() -> None:
    never, always = (build(chars=False, unknown_rate=rate).train() for rate in (0.0, 1.0))
    assert not (vectors_of(never, "dog") == never.unknown).all()
    assert (vectors_of(always, "dog") == always.unknown).all()


def test_what_is_learned() -> None:
    inputs = build(unknown_rate=0.0).train()
    inputs(collate([["cat", "bird"]])).sum().backward()
    assert inputs.vectors.grad is not None and inputs.unknown.grad is not None and inputs.char_cnn is not None
    assert inputs.vectors.grad.abs().sum(dim=1).nonzero().flatten().tolist() == [1]
    assert inputs.unknown.grad.abs().sum() > 0
    assert all(p.grad is not None for p in inputs.char_cnn.parameters())


def test_dropout_in_training_only() -> None:
    inputs = build(dropout=0.5)
    assert (vectors_of(inputs.train(), *["cat"] * 20) == 0).float().mean() > 0.2
    assert torch.equal(vectors_of(inputs.eval(), "cat"), vectors_of(inputs, "cat"))


def test_vectors_of_a_file(file: Path) -> None:
    config = WordInputConfig(words=str(file), chars=False, spelling=False, dropout=0.0, extra_words=1)
    inputs = WordInputs.build(config, TRAIN, others=[["PARIS", "Paris"]])
    assert inputs.words == ["of", "the", "cat", "Paris"]  # "bird" is in no data
    assert inputs.dim == 2
    found = vectors_of(inputs.train(), "The", "cat", "Paris", "bird")
    assert found[:3].tolist() == [[2, 0], [0, 4], [3, 3]]
    assert found[3].tolist() == [1.5, 2.0]  # the mean, to begin with


def test_vectors_of_a_file_are_trained_unless_fixed(file: Path) -> None:
    fixed = build(words=str(file), chars=False, train_vectors=False)
    assert [name for name, _ in fixed.named_parameters()] == ["unknown"]
    assert "vectors" in fixed.state_dict()
    trained = build(words=str(file), chars=False, unknown_rate=1.0).train()
    assert isinstance(trained.vectors, nn.Parameter)
    assert vectors_of(trained, "the", "cat").tolist() == [[2, 0], [0, 4]]  # a file's rare words are known
    assert torch.equal(vectors_of(fixed.train(), "sat")[0], fixed.unknown)


def test_word_dim_of_a_file_is_its_own(file: Path) -> None:
    assert build(words=str(file), word_dim=50, chars=False).dim == 2


def test_a_file_that_knows_none_of_the_words(tmp_path: Path) -> None:
    (tmp_path / "v").write_text("le 1 2\nchat 2 3\n")
    with pytest.raises(ConfigError, match="expected vectors of words of the data, found none in .*v"):
        build(words=str(tmp_path / "v"))


def test_no_such_file() -> None:
    with pytest.raises(CorpusError, match="absent.txt: expected a file, found nothing there"):
        build(words="absent.txt")


def saved(inputs: WordInputs) -> tuple[Any, dict[str, list[str]], dict[str, torch.Tensor]]:
    settings, tensors = inputs.to_files()
    return json.loads(json.dumps(settings)), inputs.lists, tensors


@pytest.mark.parametrize("words", ["trainable", "none", "file", "trained file"])
@pytest.mark.parametrize(("chars", "spelling"), [(True, True), (True, False), (False, True), (False, False)])
def test_saved_and_rebuilt(words: str, chars: bool, spelling: bool, file: Path) -> None:
    name = str(file) if "file" in words else words
    inputs = build(words=name, chars=chars, spelling=spelling, train_vectors="trained" in words).eval()
    with torch.no_grad():
        inputs.unknown.normal_()
    settings, lists, tensors = saved(inputs)
    assert str(file.parent) not in json.dumps(settings)
    file.unlink()
    rebuilt = WordInputs.from_files(settings, lists, tensors).eval()
    batch = collate([["The", "cat", "Paris", "new"]])
    assert torch.equal(rebuilt(batch), inputs(batch))
    assert [n for n, _ in rebuilt.named_parameters()] == [n for n, _ in inputs.named_parameters()]
    later = WordInputs.from_files(settings, lists).eval()
    later.load_state_dict(tensors)
    assert torch.equal(later(batch), inputs(batch))


def test_saved_things_that_do_not_fit() -> None:
    settings, lists, tensors = saved(build(spelling=True))
    words, spellings = lists["words"], lists["spellings"]
    for wrong in (
        ({}, lists, tensors),
        ({**settings, "config": {**settings["config"], "colour": 3}}, lists, tensors),
        ({**settings, "config": {**settings["config"], "word_dim": -1}}, lists, tensors),
        (settings, {**lists, "words": words[:-1]}, tensors),
        (settings, {**lists, "words": [*words[:-1], words[0]]}, tensors),
        (settings, {**lists, "spellings": spellings[:-1]}, tensors),
        (settings, {**lists, "spellings": [*spellings[:-1], spellings[0]]}, tensors),
        (settings, {"words": words}, tensors),
        (settings, lists, {k: v for k, v in tensors.items() if k != "unknown"}),
        (settings, lists, {k: v for k, v in tensors.items() if k != "spelling.vectors"}),
        ({**settings, "width": 10**9}, {}, None),
    ):
        with pytest.raises(CheckpointError, match="of a task model") as caught:
            WordInputs.from_files(*wrong)
        assert "\n" not in str(caught.value)


def test_spelling_tells_unknown_words_apart() -> None:
    inputs = build(chars=False, spelling=True, spelling_dim=3).eval()
    assert inputs.dim == 7
    assert inputs.lists["spellings"][:2] == ["#x", "=the"]
    one, other, known = vectors_of(inputs, "them", "Bern", "the")
    torch.testing.assert_close(one[:4], other[:4])
    assert inputs.spelling is not None
    torch.testing.assert_close(
        torch.stack([one, other, known])[:, 4:],
        inputs.spelling(torch.from_numpy(inputs.spelling.rows(["them", "Bern", "the"]))),
    )
    assert not torch.allclose(one[4:], other[4:])


def test_features_are_left_out_as_often_as_vectors() -> None:
    inputs = build(spelling=True, dropout=0.3)
    assert inputs.spelling is not None
    assert inputs.spelling.dropout == 0.3


@pytest.mark.parametrize("words", ["none", "file"])
def test_spelling_is_of_the_training_data_without_trainable_words_too(words: str, file: Path) -> None:
    inputs = build(words=str(file) if words == "file" else words, spelling=True)
    assert inputs.lists["spellings"] == build(spelling=True).lists["spellings"]


def test_words_that_no_line_can_hold_are_unknown() -> None:
    odd = ["a\nb", "a\u2028b", "", "\ud800", "\r"]
    inputs = build([[*odd, "cat"]], chars=True).eval()
    assert inputs.words == ["cat"]
    assert torch.equal(vectors_of(inputs, *odd)[:, :4], inputs.unknown.expand(5, -1))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"word_dim": 0}, "word_dim: expected an integer in 1..65536, found 0"),
        ({"char_filters": 0}, "char_filters"),
        ({"spelling_dim": 0}, "spelling_dim: expected an integer in 1..65536, found 0"),
        ({"char_width": 51}, r"char_width: expected 1\.\.50, found 51"),
        ({"dropout": 1.0}, "dropout: expected a probability"),
        ({"unknown_rate": 1.5}, "unknown_rate: expected a probability"),
        ({"extra_words": -1}, "extra_words"),
        ({"words": ""}, "words: expected none, trainable or a file"),
    ],
)
def test_bad_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        WordInputConfig(**settings)


@pytest.mark.gpu
def test_on_a_gpu() -> None:
    inputs = build().to("cuda")
    batch = collate([["The", "cat", "new"], ["dog"]]).to("cuda")
    inputs.train()(batch).sum().backward()
    assert inputs.eval()(batch).device.type == "cuda"
