"""Features of the spelling of words, which of them have vectors, and their sum."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from elmo_lite import CheckpointError
from tasks.inputs import spelling
from tasks.inputs.spelling import NUM_FEATURES, Spelling, features, frequent_features, shape


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("Berlin", "Xx"),
        ("USA", "X"),
        ("iPhone", "xXx"),
        ("B12-like", "Xd-x"),
        ("1.000,50", "d.d,d"),
        ("...", "."),
        ("naïve", "x"),
        ("ΑΘΉΝΑ", "X"),
        ("北京", "x"),
        ("a\nb", "x\nx"),
        ("\n\n", "\n"),
    ],
)
def test_shape(word: str, expected: str) -> None:
    assert shape(word) == expected


def test_features() -> None:
    assert features("Hausen") == (
        *("=hausen", "#Xx"),
        *("<H", "<Ha", "<Hau", "<Haus"),
        *(">n", ">en", ">sen", ">usen"),
    )
    assert features("In") == ("=in", "#Xx", "<I", "<In", ">n", ">In")
    assert features("") == ("=", "#")


@given(st.text(max_size=60))
def test_features_are_distinct_and_few(word: str) -> None:
    found = features(word)
    assert len(found) == len(set(found)) <= NUM_FEATURES


def test_a_long_word_has_short_features() -> None:
    long = "A" + "b" * 10_000_000 + "Cd"
    assert max(map(len, features(long))) < 100
    assert features(long)[2:] == ("<A", "<Ab", "<Abb", "<Abbb", ">d", ">Cd", ">bCd", ">bbCd")


def test_frequent_features() -> None:
    found = frequent_features({"Haus": 1, "Hase": 1, "x": 2})
    assert set(found) == {"#Xx", "<H", "<Ha", "=x", "#x", "<x", ">x"}
    assert frequent_features({"a": 3, "b": 2}) == ["#x", "=a", "<a", ">a", "=b", "<b", ">b"]  # by frequency


def test_no_more_features_than_the_maximum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spelling, "MOST_FEATURES", 3)
    assert frequent_features({"a": 3, "b": 2}) == ["#x", "=a", "<a"]


def vectors(model: Spelling, *words: str) -> torch.Tensor:
    return model(torch.from_numpy(model.rows(words)))  # type: ignore[no-any-return]


def module(dropout: float = 0.0) -> Spelling:
    torch.manual_seed(0)
    return Spelling(frequent_features({"Haus": 2, "Hase": 2, "gehen": 3}), 5, dropout)


def test_is_the_sum_of_the_vectors_of_known_features() -> None:
    model = module().eval()
    vector = dict(zip(model.names, model.vectors.detach()[1:], strict=True))
    for word in ("Haus", "Hasen", "GEHEN", "xyz", "Q9", "s"):
        expected = sum((vector[name] for name in features(word) if name in vector), start=torch.zeros(5))
        torch.testing.assert_close(vectors(model, word)[0], expected)
    assert vectors(model, "9-9").abs().max() == 0  # nothing of it was seen


def test_words_do_not_depend_on_one_another() -> None:
    model, words = module().eval(), ["Haus", "s", "gehen", "Q9"]
    together = vectors(model, *words)
    for row, word in enumerate(words):
        assert torch.equal(vectors(model, word)[0], together[row])


def test_features_are_left_out_in_training_alone() -> None:
    model, without = module(0.1), module().train()
    whole = vectors(model.eval(), "Haus")
    assert torch.equal(vectors(without, "Haus"), whole)
    model.train()
    drawn = torch.cat([vectors(model, "Haus") for _ in range(300)])
    is_whole = torch.isclose(drawn, whole).all(dim=1).float().mean()
    assert 0.9**NUM_FEATURES - 0.1 < float(is_whole) < 0.9**NUM_FEATURES + 0.1


def test_what_is_not_seen_stays_zero() -> None:
    model = module().train()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    for _ in range(5):
        optimizer.zero_grad()
        vectors(model, "Haus", "9-9", "xyz").pow(2).sum().backward()
        optimizer.step()
    assert vectors(model.eval(), "9-9").abs().max() == 0


def test_a_feature_twice() -> None:
    with pytest.raises(CheckpointError, match="spellings of a task model: expected distinct ones, found one twice"):
        Spelling(["=a", "=a"], 2)


def test_no_features_at_all() -> None:
    assert torch.equal(vectors(Spelling([], 3), "a", "b"), torch.zeros(2, 3))
