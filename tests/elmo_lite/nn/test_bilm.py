"""The bidirectional model: no peeking, no neighbour, no padding reaches a state; and its parts in the plain."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from elmo_lite.nn.bilm import BiLM, BiLMOutput, Direction, distinct_rows, reverse_sequences
from elmo_lite.nn.bilstm import ClippedLSTM
from elmo_lite.nn.config import BiLMConfig, CharCNNConfig
from elmo_lite.text.characters import begin_sentence_row, encode_words, end_sentence_row

WIDTH, DIM = 12, 6
CNN = CharCNNConfig(embedding_dim=4, filters=((1, 6), (3, 5)), max_characters=WIDTH)
NARROW_CNN = CharCNNConfig(embedding_dim=4, filters=((1, 2), (3, 4)), max_characters=WIDTH, projection=False)
ENGINES: dict[str, dict[str, Any]] = {
    "plain": {"lstm_dim": DIM},
    "projected": {"lstm_dim": 9, "cell_clip": 1.0, "projection_clip": 0.7},
    "projected, one width": {"lstm_dim": DIM, "lstm_projection": True, "forget_bias": 1.0, "skip_connections": False},
    "no projection at all": {"lstm_dim": DIM, "lstm_projection": False, "char_cnn": NARROW_CNN, "forget_bias": 1.0},
}
SENTENCE = ["the", "cat", "sat", "on", "the", "mat", "."]


def make(engine: str = "plain") -> BiLM:
    torch.manual_seed(0)
    bilm = BiLM(BiLMConfig(**{"char_cnn": CNN, "dim": DIM, "dropout": 0.5, **ENGINES[engine]}))
    with torch.no_grad():
        for parameter in bilm.parameters():
            if parameter.requires_grad:
                parameter.normal_(std=0.6)
    return bilm.eval()


def batch_of(sentences: list[list[str]], length: int | None = None) -> Tensor:
    length = max(map(len, sentences)) if length is None else length
    char_ids = np.zeros((len(sentences), length, WIDTH), dtype=np.int16)
    for row, sentence in zip(char_ids, sentences, strict=True):
        row[: len(sentence)] = encode_words(sentence, WIDTH)
    return torch.from_numpy(char_ids)


@torch.no_grad()
def run(bilm: BiLM, sentences: list[list[str]], length: int | None = None) -> BiLMOutput:
    return bilm(batch_of(sentences, length))  # type: ignore[no-any-return]


# Sequences turned round, distinct rows


@given(st.lists(st.integers(0, 6), min_size=1, max_size=5))
@settings(max_examples=40, deadline=None)
def test_reverse_sequences(lengths: list[int]) -> None:
    sequences = torch.arange(len(lengths) * 6 * 2).view(len(lengths), 6, 2)
    found = reverse_sequences(sequences, torch.tensor(lengths))
    for before, after, length in zip(sequences, found, lengths, strict=True):
        assert after[:length].tolist() == before[:length].tolist()[::-1]
        assert torch.equal(after[length:], before[length:])
    assert torch.equal(reverse_sequences(found, torch.tensor(lengths)), sequences)


def check_distinct(rows: Tensor) -> None:
    distinct, inverse = distinct_rows(rows)
    expected = torch.unique(rows, dim=0)
    assert distinct.dtype == rows.dtype and inverse.shape == (len(rows),)
    assert torch.equal(distinct[inverse], rows)
    assert sorted(distinct.tolist()) == expected.tolist()


@given(st.lists(st.lists(st.integers(0, 261), min_size=3, max_size=3), min_size=1, max_size=30), st.booleans())
@settings(max_examples=40, deadline=None)
def test_distinct_rows_are_those_of_unique(rows: list[list[int]], narrow: bool) -> None:
    rows = rows + rows[::2]
    check_distinct(torch.tensor(rows, dtype=torch.int16 if narrow else torch.int64))


def test_distinct_rows_survive_equal_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = torch.tensor([[1, 2], [2, 1], [1, 2], [3, 3]])
    monkeypatch.setattr(torch, "randint", lambda *_, **__: torch.zeros(2, dtype=torch.long))
    check_distinct(rows)


# The layers


@pytest.mark.parametrize("engine", ENGINES)
def test_layers_from_the_parts(engine: str) -> None:
    """One sentence, one word at a time, from zero states before the boundary token."""
    bilm = make(engine)
    output = run(bilm, [SENTENCE])
    with torch.no_grad():
        vectors = bilm.token_vectors(torch.from_numpy(encode_words(SENTENCE, WIDTH)))
        assert torch.allclose(output.layers[0, 0], torch.cat([vectors, vectors], dim=1), atol=1e-6)
        begin, end = bilm.token_vectors(bilm.boundary_char_ids)
        for direction, boundary, words, half in [
            ("forward", begin, vectors, slice(0, DIM)),
            ("backward", end, vectors.flip(0), slice(DIM, None)),
        ]:
            _, state = bilm.run_direction(direction, boundary[None, None])  # type: ignore[arg-type]
            for place, vector in enumerate(words):
                layers, state = bilm.run_direction(direction, vector[None, None], state)  # type: ignore[arg-type]
                word = place if direction == "forward" else len(words) - 1 - place
                for index, layer in enumerate(layers, start=1):
                    torch.testing.assert_close(output.layers[index, 0, word, half], layer[0, 0], rtol=1e-5, atol=1e-6)


def test_shapes_mask_and_boundaries() -> None:
    bilm = make()
    output = run(bilm, [SENTENCE, ["a"], []])
    assert output.layers.shape == (3, 3, 7, 2 * DIM)
    assert output.mask.dtype == torch.bool
    assert output.mask.sum(dim=1).tolist() == [7, 1, 0]
    assert torch.equal(bilm.boundary_char_ids[0], torch.from_numpy(begin_sentence_row(WIDTH)))
    assert torch.equal(bilm.boundary_char_ids[1], torch.from_numpy(end_sentence_row(WIDTH)))
    assert "boundary_char_ids" not in bilm.state_dict()
    assert bilm.config.dim == DIM


@pytest.mark.parametrize("engine", ENGINES)
def test_directions_share_the_token_layer_alone(engine: str) -> None:
    names = {name.split(".")[0] for name in make(engine).state_dict()}
    assert names == {"char_cnn", "forward_lstm", "backward_lstm"}
    bilm = make(engine)
    vectors = torch.randn(1, 3, DIM)
    with torch.no_grad():
        forward, _ = bilm.run_direction("forward", vectors)
        backward, _ = bilm.run_direction("backward", vectors)
    assert not torch.allclose(forward[0], backward[0])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("t", range(len(SENTENCE)))
def test_no_peeking(engine: str, t: int) -> None:
    """Another word at t moves forward states from t on and backward states up to t, and no others."""
    bilm = make(engine)
    changed = [*SENTENCE[:t], "dog", *SENTENCE[t + 1 :]]
    before, after = run(bilm, [SENTENCE]).layers[1:, 0], run(bilm, [changed]).layers[1:, 0]
    # Other words stand elsewhere in the token layer's products, whose last bit depends on that; see the next test.
    torch.testing.assert_close(before[:, :t, :DIM], after[:, :t, :DIM], rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(before[:, t + 1 :, DIM:], after[:, t + 1 :, DIM:], rtol=1e-6, atol=1e-6)
    difference = (before - after).abs()
    assert (difference[:, t:, :DIM].amax(dim=2) > 1e-5).all()
    assert (difference[:, : t + 1, DIM:].amax(dim=2) > 1e-5).all()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("t", range(5))
def test_no_peeking_bit_for_bit(engine: str, direction: Direction, t: int) -> None:
    """Given token vectors, what is read later leaves no bit of an earlier state changed."""
    bilm = make(engine)
    vectors = torch.randn(2, 5, DIM)
    changed = vectors.clone()
    changed[:, t] += 1
    with torch.no_grad():
        before, after = (torch.stack(bilm.run_direction(direction, inputs)[0]) for inputs in (vectors, changed))
    assert torch.equal(before[:, :, :t], after[:, :, :t])
    assert (before[:, :, t:] != after[:, :, t:]).any(dim=3).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_boundaries_are_read(engine: str) -> None:
    """The begin token reaches every forward state and no backward one; the end token the other way round."""
    plain, bilm = run(make(engine), [SENTENCE]).layers[1:, 0], make(engine)
    for which, moved, kept in ((0, slice(0, DIM), slice(DIM, None)), (1, slice(DIM, None), slice(0, DIM))):
        bilm.boundary_char_ids[which] = torch.from_numpy(encode_words(["other"], WIDTH)[0])
        found = run(bilm, [SENTENCE]).layers[1:, 0]
        assert not torch.isclose(found[..., moved], plain[..., moved]).all(dim=2).any()
        torch.testing.assert_close(found[..., kept], plain[..., kept])
        bilm = make(engine)


WORDS = st.lists(st.sampled_from(["the", "cat", "naïve", "a", "sat", "longer-than-the-width", "."]), max_size=6)


@given(st.lists(WORDS, min_size=1, max_size=5), st.integers(0, 4), st.sampled_from(sorted(ENGINES)), st.randoms())
@settings(max_examples=25, deadline=None)
def test_company_order_and_padding_change_nothing(
    sentences: list[list[str]], padding: int, engine: str, random: Any
) -> None:
    bilm = make(engine)
    order = list(range(len(sentences)))
    random.shuffle(order)
    length = max(map(len, sentences)) + padding
    if length == 0:
        return
    together = run(bilm, [sentences[i] for i in order], length)
    for place, i in enumerate(order):
        assert int(together.mask[place].sum()) == len(sentences[i])
        if sentences[i]:
            alone = run(bilm, [sentences[i]]).layers[:, 0]
            found = together.layers[:, place, : len(sentences[i])]
            torch.testing.assert_close(found, alone, rtol=1e-5, atol=1e-5)


def test_same_call_same_bits() -> None:
    bilm = make()
    sentences = [SENTENCE, [], ["a", "b"]]
    assert torch.equal(run(bilm, sentences).layers, run(bilm, sentences).layers)


def test_sentences_without_words() -> None:
    bilm = make()
    assert not run(bilm, [[], []], 2).mask.any()
    output = run(bilm, [[], []], 0)
    assert output.layers.shape == (3, 2, 0, 2 * DIM) and output.mask.shape == (2, 0)


def test_dropout_off_in_eval_and_gradients_everywhere() -> None:
    bilm = make().train()
    output = bilm(batch_of([SENTENCE, ["a"]]))
    assert not torch.equal(output.layers[1:], make()(batch_of([SENTENCE, ["a"]])).layers[1:])
    output.layers[output.mask.expand(3, -1, -1)].square().sum().backward()
    for name, parameter in bilm.named_parameters():
        assert not parameter.requires_grad or (parameter.grad is not None and parameter.grad.any()), name


@pytest.mark.parametrize("engine", ENGINES)
def test_weights_by_settings(engine: str) -> None:
    names = set(make(engine).state_dict())
    projected = engine.startswith("projected")
    assert ("forward_lstm.layers.0.lstm.weight_projection" in names) == projected
    assert ("forward_lstm.layers.0.lstm.weight_ih_l0" in names) != projected
    assert ("char_cnn.projection.weight" in names) == (engine != "no projection at all")


@pytest.mark.parametrize(
    "changes", [{}, {"lstm_dim": 9}, {"cell_clip": 1.0}, {"lstm_projection": True}, {"lstm_projection": False}], ids=str
)
def test_engine_by_settings(changes: dict[str, Any]) -> None:
    """torch's own engine wherever it can do the work; which one it is, the settings say."""
    bilm = BiLM(BiLMConfig(**{"char_cnn": CNN, "dim": DIM, "lstm_dim": DIM, **changes}))
    for stack in (bilm.forward_lstm, bilm.backward_lstm):
        assert stack.is_projected == bilm.config.is_projected
        for layer in stack.layers:
            assert isinstance(layer, ClippedLSTM) == bilm.config.is_projected
            has_projection = getattr(layer.lstm, "weight_projection", None) is not None
            assert has_projection == bilm.config.has_lstm_projection


@pytest.mark.parametrize("engine", ENGINES)
def test_forget_bias_reaches_both_directions(engine: str) -> None:
    bilm = make(engine)
    expected = bilm.config.forget_bias
    for stack in (bilm.forward_lstm, bilm.backward_lstm):
        for layer in stack.layers:
            plain = not bilm.config.is_projected
            found = layer.lstm.bias_hh_l0[DIM : 2 * DIM].unique().tolist() if plain else [layer.lstm.forget_bias]
            assert found == [expected]


def loss_of(output: BiLMOutput, row: int, words: int) -> Tensor:
    """A scalar that every real number of one sentence enters with a factor of its own."""
    chosen = output.layers[:, row, :words]
    factors = torch.randn(chosen.shape, generator=torch.Generator().manual_seed(words))
    return (chosen * factors).sum()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("row", range(4))
def test_gradients_know_neither_neighbours_nor_padding(engine: str, row: int) -> None:
    sentences = [["a", "b"], SENTENCE, ["cat"], ["the", "mat", "."]]
    bilm = make(engine).double()  # in float32, sums of many positions differ by their order
    learned = [parameter for parameter in bilm.parameters() if parameter.requires_grad]
    words = len(sentences[row])
    together = torch.autograd.grad(loss_of(bilm(batch_of(sentences, 9)), row, words), learned)
    alone = torch.autograd.grad(loss_of(bilm(batch_of([sentences[row]])), 0, words), learned)
    for ours, theirs in zip(together, alone, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
def test_recorded_and_unrecorded_passes_agree(engine: str) -> None:
    """After steps of a fused optimiser too, which tells autograd nothing of the weights that it changed."""
    bilm, char_ids = make(engine), batch_of([SENTENCE, ["a"], []], 8)
    learned = [parameter for parameter in bilm.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=0.05, fused=True)
    for _ in range(3):
        recorded = bilm(char_ids)
        with torch.no_grad():
            found = bilm(char_ids)
        assert torch.equal(found.mask, recorded.mask)
        real = found.mask.expand(3, -1, -1)
        torch.testing.assert_close(found.layers[real], recorded.layers[real].detach(), rtol=1e-4, atol=1e-5)
        optimizer.zero_grad()
        recorded.layers[real].square().sum().backward()
        optimizer.step()
        with torch.no_grad():
            assert not torch.allclose(bilm(char_ids).layers[real], found.layers[real], atol=1e-3)


@torch.no_grad()
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_lengths_count_the_boundaries_put_in(engine: str, direction: Direction) -> None:
    """A sentence between both its boundaries, beside longer and shorter ones, and its state when it has been read."""
    bilm = make(engine)
    sentences = [["a", "b"], SENTENCE, [], ["the", "mat", "."]]
    begin, end = bilm.token_vectors(bilm.boundary_char_ids)
    read = []
    for sentence in sentences:
        words = (
            bilm.token_vectors(torch.from_numpy(encode_words(sentence, WIDTH))) if sentence else begin[:0].view(0, DIM)
        )
        whole = torch.cat([begin[None], words, end[None]])
        read.append(whole if direction == "forward" else whole.flip(0))
    lengths = torch.tensor([len(vectors) for vectors in read])
    padded = torch.nn.utils.rnn.pad_sequence(read, batch_first=True, padding_value=7.0)
    together, last = bilm.run_direction(direction, padded, lengths=lengths)
    for row, vectors in enumerate(read):
        alone, alone_last = bilm.run_direction(direction, vectors[None])
        for layer in range(2):
            torch.testing.assert_close(together[layer][row, : len(vectors)], alone[layer][0], rtol=1e-5, atol=1e-5)
            if not bilm.config.is_projected:  # torch's engine runs over padding
                continue
            assert not together[layer][row, len(vectors) :].any()
            for ours, theirs in zip(last[layer], alone_last[layer], strict=True):
                torch.testing.assert_close(ours[row], theirs[0], rtol=1e-5, atol=1e-5)
