"""The network: it fits what it is shown, and padding does not matter."""

import itertools

import pytest
import torch

from elmo_lite import BiLM, BiLMConfig, CharCNNConfig, Elmo
from tasks.inputs.batch import Batch, collate
from tasks.inputs.representation import EncoderConfig, Representation
from tasks.inputs.word_input_config import WordInputConfig
from tasks.inputs.word_inputs import WordInputs
from tasks.tagging.model import TaggingModel
from tasks.tagging.tags import bioes_labels, entities_of, repairs

LABELS = bioes_labels(["LOC", "PER"])
SENTENCES = ["Anna works here", "New York City", "Bob", "Berlin and New York"]
TAGS = ["S-PER O O", "B-LOC I-LOC E-LOC", "S-PER", "S-LOC O B-LOC E-LOC"]
WORDS = [sentence.split() for sentence in SENTENCES]
TARGETS = [[LABELS.index(tag) for tag in tags.split()] for tags in TAGS]


def tiny_elmo() -> Elmo:
    char_cnn = CharCNNConfig(embedding_dim=2, filters=((1, 2), (2, 2)), max_characters=10)
    return Elmo(BiLM(BiLMConfig(char_cnn=char_cnn, dim=3, lstm_dim=3, num_layers=2))).eval()


def make(elmo: Elmo | None = None, lstm_layers: int = 1, **encoder: object) -> TaggingModel:
    inputs = WordInputs.build(WordInputConfig(word_dim=6, char_filters=4, dropout=0.0), WORDS)
    config = EncoderConfig(dropout=0.0, **encoder)  # type: ignore[arg-type]
    return TaggingModel(Representation(inputs, elmo, config), LABELS, lstm_dim=8, lstm_layers=lstm_layers, dropout=0.0)


def batch() -> Batch:
    return collate(WORDS, TARGETS)


@pytest.mark.parametrize("lstm_layers", [1, 2])
def test_it_learns_a_handful_of_sentences(lstm_layers: int) -> None:
    model = make(lstm_layers=lstm_layers)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    for _ in range(60):
        optimizer.zero_grad()
        loss = model.loss(batch())
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.2
    model.eval()
    assert model.predict(batch()) == [tags.split() for tags in TAGS]
    for decoded, tags in zip(model.decode(batch()), TAGS, strict=True):
        assert decoded.tags == tags.split()
        assert decoded.entities == entities_of(tags.split())
        assert len(decoded.scores) == len(decoded.entities) and min(decoded.scores, default=1) > 0.8
        for numbers, label in zip(decoded.probabilities, decoded.tags, strict=True):
            assert sum(numbers) == pytest.approx(1, abs=1e-4)
            assert LABELS[numbers.index(max(numbers))] == label


def test_an_untrained_network_is_well_formed() -> None:
    model = make().eval()
    torch.nn.init.normal_(model.tag_scores.weight, std=10)
    assert all(repairs(tags, "BIOES") == 0 for tags in model.predict(batch()))


def test_an_entity_is_no_more_probable_than_its_words() -> None:
    model = make().eval()
    torch.nn.init.normal_(model.tag_scores.weight, std=5)
    long = 0
    for decoded in model.decode(collate([WORDS[0] * 10, WORDS[3] * 10])):
        for (start, end, _), score in zip(decoded.entities, decoded.scores, strict=True):
            numbers = [decoded.probabilities[t][LABELS.index(decoded.tags[t])] for t in range(start, end)]
            assert score <= min(numbers) + 1e-5
            if end - start > 1:
                long += 1
                assert score < max(numbers) - 1e-5
    assert long > 0


def test_sentences_do_not_see_each_other() -> None:
    model = make(tiny_elmo(), output_mix=True).eval()
    together = model.decode(batch())
    for words, decoded in zip(WORDS, together, strict=True):
        (alone,) = model.decode(collate([words]))
        assert alone.tags == decoded.tags
        assert alone.scores == pytest.approx(decoded.scores, abs=1e-5)
        torch.testing.assert_close(torch.tensor(alone.probabilities), torch.tensor(decoded.probabilities))


def test_layers_given_are_those_computed() -> None:
    elmo = tiny_elmo()
    model = make(elmo, output_mix=True).eval()
    layers = elmo(WORDS).layers
    given = collate(WORDS, TARGETS, layers)
    torch.testing.assert_close(model.loss(given), model.loss(batch()))
    assert not torch.equal(model(collate(WORDS, layers=layers + 1)), model(batch()))


def test_both_mixes_learn_and_the_encoder_runs_once(monkeypatch: pytest.MonkeyPatch) -> None:
    elmo = tiny_elmo()
    model = make(elmo, output_mix=True, mix_l2=0.1)
    runs: list[int] = []
    original = Elmo.forward
    monkeypatch.setattr(Elmo, "forward", lambda self, words: runs.append(1) or original(self, words))
    model.loss(batch()).backward()
    assert runs == [1]
    mixes = (model.representation.input_mix, model.representation.output_mix)
    assert all(mix is not None and mix.weight.grad.any() for mix in mixes)  # type: ignore[union-attr,operator]
    assert set(model.mix_weights()) == {"input", "output"}
    assert not any("bilm" in name for name in model.state_dict())


def test_fine_tuning_reaches_the_encoder() -> None:
    elmo = tiny_elmo()
    model = make(elmo, freeze=False)
    model.loss(batch()).backward()
    assert all(parameter.grad is not None for parameter in elmo.bilm.forward_lstm.parameters())
    assert any("bilm" in name for name in model.state_dict())


def test_penalty_is_part_of_the_loss() -> None:
    model = make(tiny_elmo(), mix_l2=2.0).eval()
    without = model.loss(batch()).detach()
    mix = model.representation.input_mix
    assert mix is not None
    with torch.no_grad():
        mix.weight.add_(1.0)  # the mean moves along: the same mix, the same penalty
    torch.testing.assert_close(model.loss(batch()).detach(), without)
    with torch.no_grad():
        mix.weight[0] += 3.0
    likelihood = model.crf.log_likelihood(model(batch()), batch().targets, batch().mask)  # type: ignore[arg-type]
    assert float(model.penalty().detach()) == pytest.approx(2.0 * 6.0)
    torch.testing.assert_close(model.loss(batch()), model.penalty() - likelihood.mean())


def test_targets_are_needed_to_learn() -> None:
    with pytest.raises(ValueError, match="expected targets"):
        make().loss(collate(WORDS))


def test_dropout_is_for_training_alone() -> None:
    inputs = WordInputs.build(WordInputConfig(word_dim=6, char_filters=4, unknown_rate=0.0), WORDS)
    model = TaggingModel(Representation(inputs, None, EncoderConfig()), LABELS, lstm_dim=4)
    first, second = (model.train()(batch()) for _ in range(2))
    assert not torch.equal(first, second)
    assert all(torch.equal(a, b) for a, b in itertools.pairwise(model.eval()(batch()) for _ in range(3)))
