"""Long texts and pairs in pieces: cuts, batches, and the same scores and gradients however many are read at a time."""

from typing import Any

import pytest
import torch

from elmo_lite import BiLM, BiLMConfig, CharCNNConfig, Elmo
from tasks.classification import documents
from tasks.classification.bcn import BCNConfig
from tasks.classification.documents import DocumentBatch, batch_of, pieces_of
from tasks.classification.model import ClassificationModel
from tasks.classification.pooled_head import PooledConfig
from tasks.inputs.batch import Batch
from tasks.inputs.representation import EncoderConfig, Representation
from tasks.inputs.word_input_config import WordInputConfig
from tasks.inputs.word_inputs import WordInputs

TEXT = ["a", "good", "film", ".", "it", "never", "drags", ";", "not", "once", "!", '"', "so", "see", "it"]
POOLED = PooledConfig(hidden_dim=4, dropout=0.0)
SMALL_BCN = BCNConfig(
    feed_forward_dim=4,
    lstm_dim=3,
    maxout_dims=(4,),
    pool_size=2,
    feed_forward_dropout=0.0,
    pooled_dropout=0.0,
    maxout_dropout=0.0,
)


def cuts(words: list[str], piece_words: int | None) -> list[int]:
    pieces = pieces_of(words, piece_words)
    assert [word for piece in pieces for word in piece] == words
    return [len(piece) for piece in pieces]


def test_pieces_end_with_sentences_where_they_can() -> None:
    assert cuts(TEXT, None) == cuts(TEXT, 15) == [15]
    assert cuts(TEXT, 13) == [12, 3]  # the quote closes the second sentence
    assert cuts(TEXT, 7) == [4, 7, 4]
    assert cuts(TEXT, 5) == [4, 5, 3, 3]
    assert cuts(["x"] * 7, 3) == [3, 3, 1]
    assert cuts([*"ab.", *"x" * 8], 6) == [3, 6, 2]
    assert cuts([*"a.", *"x" * 8], 6) == [6, 4]  # a sentence of less than half a piece is no reason to cut
    assert cuts(["x"] * 3, 1) == [1, 1, 1]


def test_short_texts_are_a_plain_batch() -> None:
    plain = batch_of([(["a", "b"],), (["c"],)], 2, torch.tensor([1, 0]))
    assert isinstance(plain, Batch) and plain.targets is not None and plain.targets.tolist() == [1, 0]
    assert isinstance(batch_of([(["a"] * 9,), (["c"],)], None), Batch)
    long = batch_of([(["a"] * 5,), (["c"],)], 2, torch.tensor([1, 0]))
    assert isinstance(long, DocumentBatch) and len(long) == 2
    assert [len(piece) for piece in long.pieces] == [2, 2, 1, 1] and long.owner.tolist() == [0, 0, 0, 1]
    pair = batch_of([(["a"] * 3, ["c"])], 2)
    assert isinstance(pair, DocumentBatch)
    assert (len(pair), pair.num_texts, pair.owner.tolist()) == (1, 2, [0, 0, 1]) and pair.lengths.tolist() == [4]


def test_chunks_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "CHUNK_WORDS", 6)
    batch = batch_of([(["a"] * 12,), (["b"],), (["c"],)], 3)
    assert isinstance(batch, DocumentBatch)
    assert [len(piece) for piece in batch.pieces] == [3, 3, 3, 3, 1, 1]
    assert batch.chunks() == [range(0, 2), range(2, 4), range(4, 6)]
    assert all(len(chunk) * max(len(batch.pieces[i]) for i in chunk) <= 6 for chunk in batch.chunks())


def model(head: Any, *, pairs: bool = False, freeze: bool = True, **settings: Any) -> ClassificationModel:
    torch.manual_seed(1)
    inputs = WordInputs.build(WordInputConfig(word_dim=3, char_filters=2, dropout=0.0, unknown_rate=0.0), [TEXT])
    characters = CharCNNConfig(embedding_dim=2, filters=((1, 3),), num_highway=0)
    elmo = Elmo(BiLM(BiLMConfig(char_cnn=characters, dim=3, lstm_dim=3, num_layers=1)))
    config = EncoderConfig(dropout=0.0, freeze=freeze, **settings)
    return ClassificationModel(Representation(inputs, elmo, config), ["x", "y", "z"], head, pairs=pairs)


def texts(pairs: bool) -> list[tuple[list[str], ...]]:
    single = [TEXT[:2], TEXT, TEXT[::-1], TEXT[3:9] * 3]
    return (
        [(first, second) for first, second in zip(single, single[1:] + single[:1], strict=True)]
        if pairs
        else [(text,) for text in single]
    )


@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize(("head", "settings"), [(POOLED, {}), (SMALL_BCN, {}), (SMALL_BCN, {"output_mix": True})])
def test_chunks_change_nothing(head: Any, settings: dict[str, bool], pairs: bool, monkeypatch: Any) -> None:
    """Scores, loss and gradients, with all pieces in memory or with a few at a time, and of each text alone."""
    found = []
    for chunk_words, whole_words in ((4096, 16_384), (8, 1)):
        monkeypatch.setattr(documents, "CHUNK_WORDS", chunk_words)
        monkeypatch.setattr(documents, "WHOLE_WORDS", whole_words)
        network = model(head, pairs=pairs, **settings).train()
        batch = batch_of(texts(pairs), 4, torch.tensor([2, 0, 1, 1]))
        assert isinstance(batch, DocumentBatch) and batch.is_small() == (whole_words > 1)
        assert (len(batch.chunks()) > 1) == (chunk_words == 8)
        loss = network.loss(batch)
        loss.backward()
        gradients = {name: value.grad for name, value in network.named_parameters()}
        assert all(gradient is not None for gradient in gradients.values())
        together = network.eval()(batch).detach()
        for row, text in enumerate(texts(pairs)):
            torch.testing.assert_close(network(batch_of([text], 4))[0], together[row], atol=1e-5, rtol=1e-4)
        found.append((loss.detach(), together, gradients))
    torch.testing.assert_close(found[0], found[1], atol=1e-5, rtol=1e-4)


def test_a_trained_encoder_reads_pieces_again(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for whole_words in (16_384, 1):
        monkeypatch.setattr(documents, "CHUNK_WORDS", 8)
        monkeypatch.setattr(documents, "WHOLE_WORDS", whole_words)
        network = model(POOLED, freeze=False).train()
        for _ in range(2):  # scoring in between, as in training
            loss = network.loss(batch_of(texts(False), 4, torch.tensor([2, 0, 1, 1])))
            loss.backward()
            network.predict(batch_of(texts(False), 4))
        found.append({name: value.grad for name, value in network.named_parameters()})
    assert any("elmo" in name and gradient is not None and gradient.any() for name, gradient in found[0].items())
    torch.testing.assert_close(found[0], found[1], atol=1e-5, rtol=1e-4)


def test_layers_are_read_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "CHUNK_WORDS", 8)
    network = model(POOLED).eval()
    asked: list[int] = []

    def layers(indices: Any) -> torch.Tensor:
        asked.extend(indices)
        words = [list(batch.pieces[index]) for index in indices]
        return network.representation.elmo(words).layers.float()  # type: ignore[union-attr, misc]

    batch = batch_of(texts(False), 4, layers=layers)
    assert isinstance(batch, DocumentBatch)
    given = network(batch)
    assert asked == list(range(len(batch.pieces)))
    torch.testing.assert_close(given, network(batch_of(texts(False), 4)))


def test_order_of_pieces_matters_to_no_pool() -> None:
    """A text in pieces has the pooled vector of the whole where the words' vectors do not depend on neighbours."""
    network = model(POOLED, layers="0").eval()
    whole, pieces = (network(batch_of([(TEXT,)], size)) for size in (None, 3))
    torch.testing.assert_close(whole, pieces)
