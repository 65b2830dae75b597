"""The drop-in by what AllenNLP's users rely on: arguments, shapes, masks, gradients, processes, memory."""

import copy
import gc
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from elmo_lite.allennlp import Elmo, ElmoTokenEmbedder, _ElmoBiLm, batch_to_ids
from elmo_lite.errors import ConfigError, CorpusError
from elmo_lite.text.characters import begin_sentence_row, encode_words, end_sentence_row
from tests.elmo_lite.published.reference import PublishedModel, random_model

BATCH = [["The", "naïve", "cat"], [], ["one"]]
IDS = batch_to_ids(BATCH)
VOCABULARY = ["@@PADDING@@", "@@UNKNOWN@@", "The", "naïve", "cat", "one"]
WORD_IDS = torch.tensor([[2, 3, 4], [0, 0, 0], [5, 0, 0]])


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    return random_model(tmp_path)


def only(elmo: nn.Module, *inputs: Tensor) -> Tensor:
    """The first representation, from states of zero."""
    elmo.reset_states()
    return elmo(*inputs)["elmo_representations"][0]


# Representations


def test_representations(files: tuple[Path, Path]) -> None:
    elmo = Elmo(*files, 2, dropout=0).eval()
    with torch.no_grad():
        for index, value in enumerate((0.5, -1.0, 2.0)):
            elmo.scalar_mix_1.scalar_parameters[index].fill_(value)
        elmo.scalar_mix_1.gamma.fill_(3)
    output = elmo(IDS)
    assert output["mask"].tolist() == [[True] * 3, [False] * 3, [True, False, False]]
    assert elmo.get_output_dim() == 12
    layers, _ = PublishedModel(*files).layers(BATCH)
    shares = np.exp([0.5, -1.0, 2.0]) / np.exp([0.5, -1.0, 2.0]).sum()
    for row, words in enumerate(BATCH):
        inside = layers[row][:, 1:-1]
        for found, expected in zip(
            output["elmo_representations"], [inside.mean(axis=0), 3 * np.tensordot(shares, inside, 1)], strict=True
        ):
            np.testing.assert_allclose(found[row, : len(words)].detach(), expected, rtol=0, atol=1e-5)
            assert (found[row, len(words) :] == 0).all()


def test_boundaries_kept(files: tuple[Path, Path]) -> None:
    elmo = Elmo(*files, 1, keep_sentence_boundaries=True, dropout=0)
    output = elmo(IDS)
    assert output["mask"].sum(dim=1).tolist() == [5, 2, 3]
    layers, _ = PublishedModel(*files).layers(BATCH)
    found = output["elmo_representations"][0].detach()
    for row, words in enumerate(BATCH):
        expected = layers[row].mean(axis=0)
        np.testing.assert_allclose(found[row, : len(words) + 2], expected, rtol=0, atol=1e-5)
        assert (found[row, len(words) + 2 :] == 0).all()


@pytest.mark.parametrize("leading", [(6,), (2, 3), (1, 2, 3)])
@pytest.mark.parametrize("keep", [False, True])
def test_leading_dimensions(files: tuple[Path, Path], leading: tuple[int, ...], keep: bool) -> None:
    elmo = Elmo(*files, 1, dropout=0, keep_sentence_boundaries=keep)
    ids = torch.cat([IDS, IDS.flip(0)])
    expected = elmo(ids)
    elmo.reset_states()
    output = elmo(ids.view(*leading, 3, 50))
    length = 5 if keep else 3
    assert output["mask"].shape == (*leading, length)
    assert output["elmo_representations"][0].shape == (*leading, length, 12)
    assert torch.equal(output["mask"].view(6, length), expected["mask"])
    found = output["elmo_representations"][0].view(6, length, 12)
    assert torch.equal(found, expected["elmo_representations"][0])


def test_padding_columns_change_nothing(files: tuple[Path, Path]) -> None:
    elmo = Elmo(*files, 1, dropout=0)
    found = only(elmo, F.pad(IDS, (0, 0, 0, 4)))
    torch.testing.assert_close(found[:, :3], only(elmo, IDS))
    assert (found[:, 3:] == 0).all()


def test_dropout_after_the_mix(files: tuple[Path, Path]) -> None:
    elmo = Elmo(*files, 1)
    full, dropped = only(elmo.eval(), IDS), only(elmo.train(), IDS)
    kept = dropped != 0
    assert 0.2 < kept[IDS.any(dim=-1)].float().mean() < 0.8
    torch.testing.assert_close(dropped[kept], 2 * full[kept])


def test_layer_norm_counts_the_boundaries(files: tuple[Path, Path]) -> None:
    found = only(Elmo(*files, 1, do_layer_norm=True, dropout=0), IDS).detach()
    layers, _ = PublishedModel(*files).layers(BATCH)
    numbers = np.concatenate(layers, axis=1)  # (L, words and boundaries, 2D)
    mean, deviation = numbers.mean(axis=(1, 2), keepdims=True), numbers.std(axis=(1, 2), keepdims=True)
    for row, words in enumerate(BATCH):
        expected = ((layers[row] - mean) / deviation).mean(axis=0)[1:-1]
        np.testing.assert_allclose(found[row, : len(words)], expected, rtol=0, atol=1e-5)
        assert (found[row, len(words) :] == 0).all()


def test_given_mixture_is_frozen(files: tuple[Path, Path]) -> None:
    elmo = Elmo(*files, 2, scalar_mix_parameters=[-9e10, 1, -9e10], dropout=0)
    assert not any(weight.requires_grad for weight in elmo.parameters())
    layers, _ = PublishedModel(*files).layers(BATCH)
    np.testing.assert_allclose(only(elmo, IDS)[0], layers[0][1, 1:-1], rtol=0, atol=1e-5)


def test_a_module_instead_of_files(files: tuple[Path, Path]) -> None:
    module = _ElmoBiLm(*files)
    elmo = Elmo(None, None, 1, dropout=0, module=module)
    assert elmo._elmo_lstm is module
    assert torch.equal(only(elmo, IDS), only(Elmo(*files, 1, dropout=0), IDS))


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ((True, True, True), "options_file and weight_file and module"),
        ((False, True, True), "weight_file and module"),
        ((True, False, False), "options_file"),
        ((False, False, False), "none of them"),
    ],
)
def test_files_or_module(files: tuple[Path, Path], given: tuple[bool, ...], found: str) -> None:
    options, weights, module = (
        value if use else None for value, use in zip((*files, _ElmoBiLm(*files)), given, strict=True)
    )
    message = f"^Elmo: expected options_file and weight_file, or module alone, found {found}$"
    with pytest.raises(ConfigError, match=message):
        Elmo(options, weights, 1, module=module)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"num_output_representations": 0}, "num_output_representations"),
        ({"dropout": 1.5}, "dropout"),
        ({"scalar_mix_parameters": [1.0]}, "scalar_mix_parameters"),
    ],
)
def test_impossible_settings(files: tuple[Path, Path], settings: dict[str, Any], name: str) -> None:
    with pytest.raises(ConfigError, match=rf"^{name}: expected [^\n]*, found [^\n]*$"):
        Elmo(*files, **{"num_output_representations": 1, **settings})


@pytest.mark.parametrize(("ids", "words"), [(IDS[0], None), (IDS[0, 0], None), (IDS, WORD_IDS[0])])
def test_too_few_dimensions(files: tuple[Path, Path], ids: Tensor, words: Tensor | None) -> None:
    elmo = Elmo(*files, 1, vocab_to_cache=VOCABULARY)
    with pytest.raises(ConfigError, match=r"inputs: expected \(sentences, words.*\), found shape"):
        elmo(ids, words)


def test_the_second_batch_goes_on(files: tuple[Path, Path]) -> None:
    elmo, model = Elmo(*files, 1, dropout=0), PublishedModel(*files)
    elmo(IDS)
    found = elmo(IDS)["elmo_representations"][0].detach()
    _, states = model.layers(BATCH)
    layers, _ = model.layers(BATCH, states)
    np.testing.assert_allclose(found[0], layers[0].mean(axis=0)[1:-1], rtol=0, atol=1e-5)
    elmo.reset_states(torch.tensor([True, False, False]))
    assert torch.equal(elmo(IDS)["elmo_representations"][0][0], only(elmo, IDS)[0])


# Word ids


def test_words_of_a_vocabulary(files: tuple[Path, Path]) -> None:
    elmo = Elmo(*files, 1, dropout=0, vocab_to_cache=VOCABULARY)
    assert len(elmo._elmo_lstm._token_embedder._words) == 0  # the vocabulary's vectors are kept once, not twice
    expected = only(elmo, IDS)
    torch.testing.assert_close(only(elmo, torch.zeros_like(IDS), WORD_IDS), expected)
    deep = only(elmo, IDS[:, None], WORD_IDS[:, None])
    torch.testing.assert_close(deep, expected[:, None])
    assert (elmo._elmo_lstm._word_embedding.weight[0] == 0).all()
    assert not elmo._elmo_lstm._word_embedding.weight.requires_grad


@pytest.mark.parametrize("word", [len(VOCABULARY), -1])
def test_a_word_without_vector_falls_back_to_characters(files: tuple[Path, Path], word: int) -> None:
    elmo = Elmo(*files, 1, dropout=0, vocab_to_cache=VOCABULARY)
    words = WORD_IDS.clone()
    words[2, 0] = word
    assert torch.equal(only(elmo, IDS, words), only(elmo, IDS))


def test_words_without_vocabulary(files: tuple[Path, Path], caplog: pytest.LogCaptureFixture) -> None:
    elmo = Elmo(*files, 1, dropout=0)
    with caplog.at_level(logging.WARNING):
        assert torch.equal(only(elmo, IDS, WORD_IDS), only(elmo, IDS))
    assert [record.message for record in caplog.records] == [
        "word_inputs: ignored, as the model was made without vocab_to_cache"
    ]


def test_vocabulary_learns_with_the_model(files: tuple[Path, Path]) -> None:
    elmo = Elmo(*files, 1, dropout=0, vocab_to_cache=VOCABULARY, requires_grad=True)
    only(elmo, IDS, WORD_IDS).sum().backward()
    gradient = elmo._elmo_lstm._word_embedding.weight.grad
    assert gradient is not None
    assert gradient.abs().sum(dim=1).bool().tolist() == [False, False, True, True, True, True]


def test_a_word_twice(files: tuple[Path, Path]) -> None:
    with pytest.raises(ConfigError, match="^vocab_to_cache: expected each word once, found 'a' at 1 and 3$"):
        Elmo(*files, 1, vocab_to_cache=["", "a", "b", "a", "b"])


def test_word_ids_with_padding_before_a_word(files: tuple[Path, Path]) -> None:
    elmo = Elmo(*files, 1, vocab_to_cache=VOCABULARY)
    with pytest.raises(CorpusError, match="^word_inputs: sentence 2: expected padding at its end only"):
        elmo(IDS, WORD_IDS.flip(1))


# The token embedder


@pytest.mark.parametrize(("projection", "width"), [(None, 12), (5, 5)])
def test_token_embedder(files: tuple[Path, Path], projection: int | None, width: int) -> None:
    embedder = ElmoTokenEmbedder(*files, dropout=0, projection_dim=projection, vocab_to_cache=VOCABULARY)
    assert embedder.get_output_dim() == width
    found = embedder(IDS)
    expected = only(embedder._elmo, IDS)
    if projection:
        expected = expected @ embedder._projection.weight.T + embedder._projection.bias
    torch.testing.assert_close(found, expected)
    embedder._elmo.reset_states()
    torch.testing.assert_close(embedder(IDS[:, None], WORD_IDS[:, None]), expected[:, None])


# Gradients


def test_a_frozen_model_learns_its_mixture_alone(files: tuple[Path, Path]) -> None:
    elmo = Elmo(*files, 1)
    only(elmo, IDS).sum().backward()
    learning = {name for name, weight in elmo.named_parameters() if weight.grad is not None}
    assert learning == {"scalar_mix_0.gamma", *(f"scalar_mix_0.scalar_parameters.{index}" for index in range(3))}


def test_all_weights_learn_on_demand(files: tuple[Path, Path]) -> None:
    elmo = Elmo(*files, 1, requires_grad=True, dropout=0)
    before = only(elmo, IDS)
    before.square().sum().backward()
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in elmo.parameters())
    torch.optim.SGD(elmo.parameters(), lr=0.01).step()
    with torch.no_grad():  # what was remembered of the old weights is not used
        assert not torch.allclose(only(elmo, IDS), before, atol=1e-3)
        torch.testing.assert_close(only(elmo, IDS), only(copy.deepcopy(elmo), IDS))


def plain(state: dict[str, Tensor], sentence: list[str], start: list[list[tuple[Tensor, Tensor]]]) -> Tensor:
    """One sentence through the default model of ``random_model``, by AllenNLP's names and torch's plainest operations.

    States are [direction][layer] = (h, c), left as they are after the sentence. Returns (T, 2D).
    """
    token = "_elmo_lstm._token_embedder."
    ids = torch.from_numpy(
        np.concatenate([begin_sentence_row()[None], encode_words(sentence), end_sentence_row()[None]])
    )
    embedded = state[token + "_char_embedding_weights"][ids.long()].transpose(1, 2)
    pooled = [
        F.conv1d(embedded, state[token + f"char_conv_{i}.weight"], state[token + f"char_conv_{i}.bias"]).amax(dim=2)
        for i in range(3)
    ]
    x = torch.relu(torch.cat(pooled, dim=1))
    highway = token + "_highways._layers.0."
    transform, gate = (x @ state[highway + "weight"].T + state[highway + "bias"]).chunk(2, dim=1)
    gate = torch.sigmoid(gate)
    x = gate * x + (1 - gate) * torch.relu(transform)
    x = x @ state[token + "_projection.weight"].T + state[token + "_projection.bias"]
    layers = [torch.cat([x, x], dim=1)]
    tops = [x, x.flip(0)]
    for layer in range(2):
        for direction, word in enumerate(("forward", "backward")):
            name = f"_elmo_lstm._elmo_lstm.{word}_layer_{layer}."
            h, c = start[direction][layer]
            outputs = []
            for symbol in tops[direction]:
                gates = state[name + "input_linearity.weight"] @ symbol + state[name + "state_linearity.weight"] @ h
                i, f, g, o = (gates + state[name + "state_linearity.bias"]).chunk(4)
                c = (torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)).clamp(-1, 1)
                h = (state[name + "state_projection.weight"] @ (torch.sigmoid(o) * torch.tanh(c))).clamp(-0.8, 0.8)
                outputs.append(h + symbol if layer > 0 else h)
            start[direction][layer] = (h.detach(), c.detach())
            tops[direction] = torch.stack(outputs)
        layers.append(torch.cat([tops[0], tops[1].flip(0)], dim=1))
    shares = torch.softmax(torch.cat([state[f"scalar_mix_0.scalar_parameters.{k}"] for k in range(3)]), dim=0)
    mixed = sum(share * layer for share, layer in zip(shares, layers, strict=True))
    return (state["scalar_mix_0.gamma"] * mixed)[1:-1]


def test_gradients_are_those_of_the_plain_computation(tmp_path: Path) -> None:
    elmo = Elmo(*random_model(tmp_path, cell_clip=1.0, proj_clip=0.8), 1, requires_grad=True, dropout=0).double()
    state = {name: tensor.clone().requires_grad_() for name, tensor in elmo.state_dict().items()}
    zero = torch.zeros(6).double(), torch.zeros(9).double()
    starts = [[[zero] * 2, [zero] * 2] for _ in BATCH]
    found, expected = torch.zeros(()), torch.zeros(())
    for batch in (BATCH, BATCH[::-1]):  # the second one goes on from the first one's states
        vectors = elmo(batch_to_ids(batch))["elmo_representations"][0]
        weight = torch.linspace(-1, 1, vectors.numel()).double().view_as(vectors)
        found = found + (vectors * weight).sum()
        for row, sentence in enumerate(batch):
            rows = plain(state, sentence, starts[row])
            expected = expected + (rows * weight[row, : len(sentence)]).sum()
    torch.testing.assert_close(found, expected)
    found.backward()
    expected.backward()
    gradients = {name: weight.grad for name, weight in elmo.named_parameters()}
    own = copy.deepcopy(elmo)
    for name, weight in own.named_parameters():
        weight.data = gradients[name]
    named = own.state_dict()  # gradients are linear in the weights, so they go by the same names and signs
    for name, tensor in state.items():
        torch.testing.assert_close(named[name], tensor.grad, rtol=1e-9, atol=1e-11, msg=name)


# Processes, copies, memory


@pytest.fixture
def process_group(tmp_path: Path) -> Iterator[None]:
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/rendezvous", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.skipif(not dist.is_available() or not dist.is_gloo_available(), reason="torch without gloo")
@pytest.mark.parametrize("requires_grad", [False, True], ids=["frozen", "learning"])
@pytest.mark.usefixtures("process_group")
def test_distributed(files: tuple[Path, Path], requires_grad: bool) -> None:
    alone = Elmo(*files, 1, requires_grad=requires_grad, dropout=0)
    parallel = nn.parallel.DistributedDataParallel(copy.deepcopy(alone))
    for _ in range(2):
        alone(IDS)["elmo_representations"][0].square().sum().backward()
        parallel(IDS)["elmo_representations"][0].square().sum().backward()
    for one, other in zip(alone.parameters(), parallel.module.parameters(), strict=True):
        assert (one.grad is None) == (other.grad is None) == (not one.requires_grad)
        if one.grad is not None:
            torch.testing.assert_close(one.grad, other.grad)


def replica_of(module: nn.Module) -> nn.Module:
    """What ``torch.nn.parallel.replicate`` makes of a module, on the device where it is."""
    replicas = {id(child): child._replicate_for_data_parallel() for child in module.modules()}
    for child in module.modules():
        replica = replicas[id(child)]
        for name, grandchild in child._modules.items():
            replica._modules[name] = None if grandchild is None else replicas[id(grandchild)]
        for name, weight in child._parameters.items():
            if weight is not None:
                setattr(replica, name, weight * 1)  # not a parameter any more, with a graph back to it
    return replicas[id(module)]


@pytest.mark.parametrize("requires_grad", [False, True], ids=["frozen", "learning"])
def test_data_parallel_replica(files: tuple[Path, Path], requires_grad: bool) -> None:
    elmo = Elmo(*files, 1, requires_grad=requires_grad, dropout=0)
    expected = only(elmo, IDS)
    replica = replica_of(elmo)
    assert not list(replica.parameters())
    found = replica(IDS)["elmo_representations"][0]  # starts at zero, though the original has states
    torch.testing.assert_close(found, expected)
    found.square().sum().backward()
    assert all((weight.grad is not None) == weight.requires_grad for weight in elmo.parameters())


@pytest.mark.gpu
def test_on_a_gpu(files: tuple[Path, Path]) -> None:
    elmo = Elmo(*files, 1, dropout=0, vocab_to_cache=VOCABULARY)
    elmo(IDS)
    there = copy.deepcopy(elmo).cuda()
    assert {state.device.type for state in there._elmo_lstm._elmo_lstm._states} == {"cuda"}
    for inputs in ((IDS,), (IDS, WORD_IDS)):
        found = there(*(tensor.cuda() for tensor in inputs))["elmo_representations"][0]
        torch.testing.assert_close(found.cpu(), elmo(*inputs)["elmo_representations"][0], rtol=0, atol=1e-4)
    for replica in nn.parallel.replicate(there, [0, 0]):
        found = replica(IDS.cuda())["elmo_representations"][0]
        torch.testing.assert_close(found.cpu(), only(elmo, IDS), rtol=0, atol=1e-4)


def tensors_alive() -> int:
    gc.collect()
    return sum(issubclass(type(thing), Tensor) for thing in gc.get_objects())


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads memory from /proc")
@pytest.mark.parametrize("requires_grad", [False, True], ids=["frozen", "learning"])
def test_memory_stays_flat_over_batches(files: tuple[Path, Path], requires_grad: bool) -> None:
    elmo = Elmo(*files, 1, requires_grad=requires_grad)
    seen = {}
    for number in range(1, 1_001):
        batch = [[f"w{(number * row) % 97}" for _ in range(row)] for row in range(1, 2 + number % 3)]
        elmo(batch_to_ids(batch))["elmo_representations"][0].sum().backward()
        if number in (200, 1_000):
            seen[number] = tensors_alive(), resident_bytes()
    assert seen[1_000][0] <= seen[200][0]
    assert seen[1_000][1] <= seen[200][1] + 2 * 2**20
