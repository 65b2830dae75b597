"""The heads' LSTM: both directions against torch's own, and padding that reaches nothing."""

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tasks.modules.bilstm import BiLSTM


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
