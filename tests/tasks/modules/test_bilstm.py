"""The heads' LSTM: both directions against torch's own, and padding that reaches nothing."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tasks.modules.bilstm import BiLSTM
from tasks.modules.recurrence import Recurrence


def mask_of(*lengths: int) -> torch.Tensor:
    return torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]


def test_equals_packed_bidirectional_lstm() -> None:
    model = BiLSTM(3, 4)
    reference = nn.LSTM(3, 4, batch_first=True, bidirectional=True)
    for name, value in model.forward_lstm.state_dict().items():
        reference.state_dict()[name].copy_(value)
    for name, value in model.backward_lstm.state_dict().items():
        reference.state_dict()[f"{name}_reverse"].copy_(value)
    lengths = [2, 5, 1, 5]
    vectors = torch.randn(4, 5, 3, requires_grad=True)
    packed = pack_padded_sequence(vectors, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
    expected, _ = pad_packed_sequence(reference(packed)[0], batch_first=True)
    found = model(vectors, mask_of(*lengths))
    torch.testing.assert_close(found, expected)
    weights = torch.randn_like(expected)
    (wanted,) = torch.autograd.grad((expected * weights).sum(), vectors)
    (got,) = torch.autograd.grad((found * weights).sum(), vectors)
    torch.testing.assert_close(got, wanted)


def test_padding_reaches_no_word() -> None:
    model = BiLSTM(3, 4)
    vectors, mask = torch.randn(2, 4, 3), mask_of(2, 4)
    first = model(vectors, mask)
    vectors[0, 2:] = 100.0
    torch.testing.assert_close(model(vectors, mask), first)
    assert first.shape == (2, 4, model.dim) and not first[0, 2:].any()
    torch.testing.assert_close(model(vectors[:1, :2], mask[:1, :2])[0], first[0, :2])


@pytest.mark.parametrize("lengths", [[1], [1, 1], [3, 7, 2], [5, 5]])
def test_gradients_are_those_of_torch(lengths: list[int]) -> None:
    torch.manual_seed(0)
    model = BiLSTM(3, 4).double()
    mask = mask_of(*lengths)
    vectors = torch.randn(*mask.shape, 3, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(*mask.shape, model.dim, dtype=torch.float64)
    inputs = [vectors, *model.parameters()]
    found, wanted = model(vectors, mask), model._one_by_one(vectors, mask) * mask[..., None]
    torch.testing.assert_close(found, wanted)
    ours = torch.autograd.grad((found * weights).sum(), inputs)
    theirs = torch.autograd.grad((wanted * weights).sum(), inputs)
    torch.testing.assert_close(ours, theirs)


def test_recurrence_by_finite_differences() -> None:
    torch.manual_seed(0)
    products = torch.randn(3, 2, 2, 8, dtype=torch.float64, requires_grad=True)
    recurrent = torch.randn(2, 8, 2, dtype=torch.float64, requires_grad=True)
    torch.autograd.gradcheck(lambda p, w: Recurrence.apply(p.clone(), w), (products, recurrent))


def test_bfloat16_is_near_float32() -> None:
    torch.manual_seed(0)
    model = BiLSTM(20, 8)
    vectors, mask = torch.randn(4, 9, 20, requires_grad=True), mask_of(9, 4, 7, 9)
    wanted = model(vectors, mask)
    with torch.autocast("cpu", torch.bfloat16):
        found = model(vectors, mask)
    torch.testing.assert_close(found, wanted, atol=0.02, rtol=0.02)
    ours, theirs = (
        torch.autograd.grad(states.float().sum(), [vectors, *model.parameters()]) for states in (found, wanted)
    )
    for got, right in zip(ours, theirs, strict=True):
        assert (got - right).norm() < 0.02 * right.norm()
