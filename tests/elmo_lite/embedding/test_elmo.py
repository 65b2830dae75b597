"""Vectors do not depend on batch, order, padding, chunks or cache; bad input is named."""

import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from elmo_lite.embedding.elmo import Elmo
from elmo_lite.errors import CheckpointError, ConfigError, CorpusError
from elmo_lite.nn.bilm import BiLM
from elmo_lite.nn.config import BiLMConfig, CharCNNConfig
from elmo_lite.text.characters import encode_words
from elmo_lite.text.tokenization import Tokenization
from elmo_lite.text.vocabulary import Vocabulary

SMALL = BiLMConfig(
    char_cnn=CharCNNConfig(embedding_dim=4, filters=((1, 8), (3, 12)), max_characters=14), dim=12, lstm_dim=12
)
PROJECTED = BiLMConfig(
    char_cnn=CharCNNConfig(embedding_dim=4, filters=((1, 8), (3, 12)), max_characters=14),
    dim=12,
    lstm_dim=20,
    cell_clip=3.0,
    projection_clip=3.0,
)
SENTENCES = [
    ["The", "cat", "sat", "."],
    [],
    ["Antidisestablishmentarianism", "naïve", "🙂", ""],
    ["one"],
    ["a"] * 33 + ["b", "c"],
    ["The", "cat", "sat", "on", "the", "mat", "."],
]


def make(config: BiLMConfig = SMALL, **options: Any) -> Elmo:
    torch.manual_seed(0)
    bilm = BiLM(config)
    with torch.no_grad():  # as large as trained weights are, so that errors show
        for parameter in bilm.parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=0.4)
    return Elmo(bilm, Tokenization(kind="whitespace"), **options).eval()


@pytest.fixture(params=[SMALL, PROJECTED], ids=["plain", "projected"])
def elmo(request: pytest.FixtureRequest) -> Elmo:
    return make(request.param)


def reference(elmo: Elmo, sentence: list[str]) -> np.ndarray:
    """The model itself on one sentence, no cache, no chunks."""
    ids = torch.from_numpy(encode_words(sentence, elmo.bilm.config.char_cnn.max_characters))
    with torch.no_grad():
        return elmo.bilm(ids[None]).layers[:, 0].numpy()


def assert_close(found: list[np.ndarray], expected: list[np.ndarray], atol: float = 1e-5) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == np.float32 and one.shape == other.shape
        np.testing.assert_allclose(one, other, atol=atol, rtol=0)


def assert_same_bits(found: list[np.ndarray], expected: list[np.ndarray]) -> None:
    assert len(found) == len(expected)
    assert all(np.array_equal(one, other) for one, other in zip(found, expected, strict=True))


def test_embed_is_the_model(elmo: Elmo) -> None:
    found = elmo.embed(SENTENCES)
    for sentence, array in zip(SENTENCES, found, strict=True):
        assert array.shape == (elmo.layers, len(sentence), elmo.dim)
        if sentence:
            assert_close([array], [reference(elmo, sentence)])
            np.testing.assert_array_equal(array[0, :, :12], array[0, :, 12:])


@pytest.mark.parametrize("batch_tokens", [1, 2, 7, 40, 100_000])
def test_batches_and_chunks_change_nothing(elmo: Elmo, batch_tokens: int) -> None:
    expected = elmo.embed(SENTENCES)
    assert_close(elmo.embed(SENTENCES, batch_tokens=batch_tokens), expected)
    assert_close(elmo.embed(SENTENCES, batch_tokens=batch_tokens, batch_sentences=2), expected)
    assert_close(elmo.embed(SENTENCES[::-1], batch_tokens=batch_tokens)[::-1], expected)
    assert_close([elmo.embed([sentence], batch_tokens=batch_tokens)[0] for sentence in SENTENCES], expected)


WORDS = st.text(string.ascii_letters + "é🙂 ", max_size=16)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.lists(WORDS, max_size=9), max_size=8),
    st.integers(1, 30),
    st.randoms(use_true_random=False),
)
def test_any_sentences_in_any_order(sentences: list[list[str]], batch_tokens: int, random: Any) -> None:
    elmo = make(cache_words=5)
    expected = elmo.embed(sentences)
    order = list(range(len(sentences)))
    random.shuffle(order)
    found = elmo.embed([sentences[index] for index in order], batch_tokens=batch_tokens)
    assert_close(found, [expected[index] for index in order])


def test_repeated_calls_give_the_same_bits(elmo: Elmo) -> None:
    first = elmo.embed(SENTENCES)
    assert_same_bits(elmo.embed(SENTENCES), first)
    elmo.embed([["other", "words", "cat", "mat"]])
    assert_same_bits(elmo.embed(SENTENCES), first)
    elmo.clear_cache()
    elmo.embed([["mat", "zebra"], ["The"]])  # some words are remembered, with other neighbours, some are not
    assert_same_bits(elmo.embed(SENTENCES), first)


def test_a_small_cache_gives_the_same_bits() -> None:
    random = np.random.default_rng(0)
    words = ["".join(random.choice(list("abcdefgh"), size=random.integers(1, 18))) for _ in range(300)]
    sentences = [list(random.choice(words, size=random.integers(0, 12))) for _ in range(60)]
    expected = make().embed(sentences, batch_tokens=50)
    small = make(cache_words=60)
    for _ in range(2):
        assert_same_bits(small.embed(sentences, batch_tokens=50), expected)
    assert 0 < len(small._runner.words) <= 60
    tiny = make(cache_words=1)
    assert_same_bits(tiny.embed(sentences, batch_tokens=50), expected)


def test_the_words_used_last_stay() -> None:
    elmo = make(cache_words=4)
    elmo.embed([["a", "b"]])
    elmo.embed([["c", "d"]])
    elmo.embed([["a"]])
    elmo.embed([["e"]])
    assert set(elmo._runner.words._slot_of) == {"a", "d", "e"} or set(elmo._runner.words._slot_of) == {"a", "e"}


def changed(elmo: Elmo, change: Any) -> None:
    """After a change of weights the vectors are those of a model that never had others."""
    elmo.embed(SENTENCES)
    change(elmo)
    fresh = make(elmo.bilm.config)
    fresh.bilm.load_state_dict(elmo.bilm.state_dict())
    assert_same_bits(elmo.embed(SENTENCES), fresh.embed(SENTENCES))


def test_cache_is_emptied_when_weights_change(elmo: Elmo) -> None:
    def step(elmo: Elmo) -> None:
        optimizer = torch.optim.SGD(elmo.bilm.parameters(), lr=0.5)
        elmo.bilm(torch.from_numpy(encode_words(["a"], 14))[None]).layers.sum().backward()
        optimizer.step()

    def in_place(elmo: Elmo) -> None:
        with torch.no_grad():
            elmo.bilm.char_cnn.projection.bias.add_(1)

    def replaced(elmo: Elmo) -> None:
        elmo.bilm.char_cnn.projection.bias = torch.nn.Parameter(torch.ones(12))

    def loaded(elmo: Elmo) -> None:
        elmo.load_state_dict({key: value + 0.1 for key, value in elmo.state_dict().items()})

    def rounded(elmo: Elmo) -> None:
        elmo.to(torch.bfloat16).to(torch.float32)

    def inner(elmo: Elmo) -> None:
        elmo.bilm.to(torch.bfloat16).to(torch.float32)

    def by_data(elmo: Elmo) -> None:
        elmo.bilm.char_cnn.projection.bias.data.add_(1)
        elmo.clear_cache()

    for change in (step, in_place, replaced, loaded, rounded, inner, by_data):
        changed(elmo, change)


def test_layers(elmo: Elmo) -> None:
    every = elmo.embed(SENTENCES)
    for layers, pick in [
        ("top", lambda a: a[-1]),
        ("mean", lambda a: a.mean(axis=0)),
        (0, lambda a: a[0]),
        (1, lambda a: a[1]),
        (-1, lambda a: a[-1]),
    ]:
        assert_close(elmo.embed(SENTENCES, layers=layers), [pick(array) for array in every], atol=1e-6)
    for layers in (3, -4, "tpo", 1.0, True, None):
        with pytest.raises(ConfigError, match="layers: expected all, mean, top or a number"):
            elmo.embed(SENTENCES, layers=layers)


def test_sentence_vectors(elmo: Elmo) -> None:
    words = elmo.embed(SENTENCES, layers="mean")
    means, maxima = elmo.embed_sentences(SENTENCES), elmo.embed_sentences(iter(SENTENCES), pool="max", layers="mean")
    assert means.shape == (6, 24) and means.dtype == np.float32
    for row, array in enumerate(words):
        np.testing.assert_allclose(means[row], array.mean(axis=0) if len(array) else 0, atol=1e-6)
        np.testing.assert_allclose(maxima[row], array.max(axis=0) if len(array) else 0, atol=1e-6)
    assert elmo.embed_sentences([]).shape == (0, 24)
    with pytest.raises(ConfigError, match="pool: expected mean or max"):
        elmo.embed_sentences(SENTENCES, pool="sum")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="found 'all'"):
        elmo.embed_sentences(SENTENCES, layers="all")


def test_strings_are_tokenised_and_words_are_not() -> None:
    elmo = make()
    assert elmo.tokenize(" The  cat ") == ["The", "cat"]
    assert_same_bits(elmo.embed(["The cat", ("The", "cat")]), elmo.embed([["The", "cat"], ["The", "cat"]]))
    assert elmo.embed([["New York"]])[0].shape[1] == 1
    assert elmo.embed([np.array(["The", "cat"])])[0].shape[1] == 2


def test_embed_iter_is_lazy_and_bounded() -> None:
    elmo, taken = make(), []

    def endless() -> Iterator[list[str]]:
        for number in range(10**9):
            taken.append(number)
            yield [str(number % 7)] * (number % 5)

    arrays = elmo.embed_iter(endless(), layers="top", batch_tokens=16)
    assert taken == []
    expected = elmo.embed([[str(n % 7)] * (n % 5) for n in range(100)], layers="top", batch_tokens=16)
    assert_close([next(arrays) for _ in range(100)], expected)
    assert len(taken) < 100 + 16 * 4
    assert not torch.is_inference_mode_enabled()


def test_a_long_sentence() -> None:
    elmo = make()
    sentence = [f"w{n % 300}" for n in range(3000)]
    assert_close(elmo.embed([sentence], batch_tokens=256), [reference(elmo, sentence)])


def test_empty_input(elmo: Elmo) -> None:
    assert elmo.embed([]) == []
    assert elmo.embed([[]])[0].shape == (3, 0, 24)
    assert elmo.embed([""], layers="top")[0].shape == (0, 24)
    assert elmo([]).layers.shape == (3, 0, 0, 24)
    assert elmo([[]]).layers.shape == (3, 1, 0, 24)


@pytest.mark.parametrize(
    ("sentences", "message"),
    [
        ("The cat", "found one string: put it in a list"),
        ([["a"], ["b", 7]], "sentence 1, word 1: expected a string, found int 7"),
        ([["a"], 7], "sentence 1: expected a list of words or a string, found int 7"),
        ([["a", None]], "sentence 0, word 1"),
        ([["a", ["b"]]], r"sentence 0, word 1: expected a string, found list"),
        ([b"bytes"], "sentence 0: expected a list of words or a string, found bytes: decode them"),
    ],
)
def test_input_errors(sentences: Any, message: str) -> None:
    with pytest.raises(CorpusError, match=message) as caught:
        make().embed(sentences)
    assert "\n" not in str(caught.value)
    with pytest.raises(CorpusError, match=message):
        make()(sentences)


def test_bfloat16_is_near(elmo: Elmo) -> None:
    expected = elmo.embed(SENTENCES)
    found = elmo.to(torch.bfloat16).embed(SENTENCES)
    assert elmo.dtype == torch.bfloat16
    assert_close(found, expected, atol=0.15)
    assert_same_bits(elmo.embed(SENTENCES), found)
    assert_close(elmo.embed(SENTENCES, batch_tokens=7), found, atol=0.05)


def test_training_mode_leaves_vectors_alone() -> None:
    elmo = make()
    expected = elmo.embed(SENTENCES)
    elmo.train()
    assert elmo.bilm.training
    assert_same_bits(elmo.embed(SENTENCES), expected)
    assert elmo.bilm.training
    elmo.requires_grad_(False).train()
    assert not elmo.bilm.training


def test_forward_equals_embed(elmo: Elmo) -> None:
    expected = elmo.embed(SENTENCES)
    ids = torch.zeros(len(SENTENCES), 35, 14, dtype=torch.int16)
    for row, sentence in enumerate(SENTENCES):
        ids[row, : len(sentence)] = torch.from_numpy(encode_words(sentence, 14))
    frozen = make(elmo.bilm.config)
    frozen.requires_grad_(False)
    for output in (elmo(SENTENCES), elmo(ids), frozen(SENTENCES)):
        assert output.layers.shape == (3, 6, 35, 24)
        assert output.mask.sum(dim=1).tolist() == [len(sentence) for sentence in SENTENCES]
        found = [output.layers[:, row, : len(s)].detach().numpy() for row, s in enumerate(SENTENCES)]
        assert_close(found, expected)


def test_gradients_flow_where_required() -> None:
    elmo = make()
    elmo(SENTENCES).layers.sum().backward()
    assert all(p.grad is not None for p in elmo.parameters() if p.requires_grad)
    frozen = make()
    frozen.requires_grad_(False)
    frozen.embed(SENTENCES)  # fills the cache in inference mode
    head = torch.nn.Linear(24, 2)
    head(frozen(SENTENCES).layers[-1]).sum().backward()  # fails if the layers were inference tensors
    assert head.weight.grad is not None and all(p.grad is None for p in frozen.parameters())
    assert not any(key.startswith("_words") for key in frozen.state_dict())


def test_save_and_load(tmp_path: Path) -> None:
    elmo = make(training_facts={"steps": 3})
    elmo.save_pretrained(tmp_path / "model")
    loaded = Elmo.from_pretrained(tmp_path / "model")
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    assert loaded.training_facts == {"steps": 3} and loaded.tokenization == elmo.tokenization
    assert_same_bits(loaded.embed(SENTENCES), elmo.embed(SENTENCES))
    assert any(p.requires_grad for p in Elmo.from_pretrained(tmp_path / "model", requires_grad=True).parameters())
    half = Elmo.from_pretrained(tmp_path / "model", dtype="bfloat16")
    assert half.dtype == torch.bfloat16 and half.embed(["a b"])[0].dtype == np.float32


def test_from_pretrained_errors(tmp_path: Path) -> None:
    make().save_pretrained(tmp_path / "model")
    with pytest.raises(ConfigError, match="dtype: expected one of float32, bfloat16, float16, found 'int8'"):
        Elmo.from_pretrained(tmp_path / "model", dtype="int8")
    with pytest.raises(ConfigError, match="device: expected"):
        Elmo.from_pretrained(tmp_path / "model", device="abacus")
    with pytest.raises(CheckpointError, match="found none of these"):
        Elmo.from_pretrained(tmp_path / "nothing")
    with pytest.raises(ConfigError, match="batch_tokens: expected 1 or more, found 0"):
        make().embed([["a"]], batch_tokens=0)
    with pytest.raises(ConfigError, match="cache_words: expected 1 or more"):
        make(cache_words=0)


class Table:
    """Stands for a table of pandas, Polars or Arrow."""

    columns = ["text"]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)


@pytest.mark.parametrize(
    ("sentences", "found"),
    [
        ({"text": ["a b"]}, "a mapping, which would give its keys: pass the list of one of its values"),
        (Table(), 'a Table, which would give its columns: pass one of them, as in frame["text"].tolist()'),
        ({"a b", "c"}, "a set, which has no order: pass a list"),
        (frozenset(["a b"]), "a set, which has no order: pass a list"),
        ("one string", "one string: put it in a list"),
        (b"bytes", "bytes: decode them"),
        (bytearray(b"bytes"), "bytes: decode them"),
        (np.array("no dimensions"), "ndarray array('no dimensions', dtype='<U13')"),
        (3, "int 3"),
        (None, "NoneType None"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_list_of_sentences_is_refused_at_once(sentences: Any, found: str) -> None:
    elmo = make()
    for method in (elmo.embed, elmo.embed_iter, elmo.embed_sentences, elmo):
        with pytest.raises(CorpusError) as caught:
            method(sentences)
        assert str(caught.value) == f"sentences: expected an iterable of sentences, found {found}"


@pytest.mark.parametrize(
    ("sentence", "found"),
    [
        ({"text": "a b"}, "a mapping, which would give its keys: pass the list of one of its values"),
        ({"a", "b"}, "a set, which has no order: pass a list"),
        (b"a b", "bytes: decode them"),
        (np.array("a b"), "ndarray array('a b', dtype='<U3')"),
    ],
)
def test_what_is_no_sentence_is_refused(sentence: Any, found: str) -> None:
    with pytest.raises(CorpusError) as caught:
        make().embed([["fine"], sentence])
    assert str(caught.value) == f"sentence 1: expected a list of words or a string, found {found}"


def test_columns_and_arrays_are_lists_of_sentences() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"text": ["The cat", "sat"]})
    elmo = make()
    with pytest.raises(CorpusError, match=r"found a DataFrame, .*: pass one of them, as in frame\[\"text\"\]\.tolist"):
        elmo.embed(frame)
    expected = elmo.embed([["The", "cat"], ["sat"]])
    for column in (frame["text"], frame["text"].tolist(), frame["text"].to_numpy(), iter(["The cat", "sat"])):
        assert_same_bits(elmo.embed(column), expected)


def test_repr_is_one_line(tmp_path: Path) -> None:
    elmo = make(vocabulary=Vocabulary(["the", "cat"]))
    number = sum(weight.numel() for weight in elmo.bilm.parameters())
    rest = f"3 layers of 24 values, {number:,} parameters, float32 on cpu, tokenisation whitespace, 4 classes)"
    assert repr(elmo) == f"Elmo(unsaved: {rest}"
    elmo.save_pretrained(tmp_path / "model")
    loaded = Elmo.from_pretrained(tmp_path / "model", dtype="bfloat16")
    assert repr(loaded) == f"Elmo({tmp_path / 'model'}: {rest}".replace("float32", "bfloat16")
    assert repr(make()).endswith("no vocabulary)")


def test_devices_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    make().save_pretrained(tmp_path / "model")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert Elmo.from_pretrained(tmp_path / "model", device="auto").embed([["a"]])[0].shape == (3, 1, 24)
    with pytest.raises(ConfigError, match="device: expected one that torch can use, found mps"):
        Elmo.from_pretrained(tmp_path / "model", device="mps")
