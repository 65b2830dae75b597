"""What is held out of train: its size, its labels, whole documents, the same for all trainings."""

from collections import Counter

import pytest

pytest.importorskip("sklearn")

from elmo_lite import CorpusError  # noqa: E402
from tasks.training.split import ALWAYS_TRAIN, Item, deal, held_out_tenth, strata_of  # noqa: E402


def texts(**counts: int) -> list[Item]:
    return [Item((label,)) for label, count in counts.items() for _ in range(count)]


def test_a_tenth_has_the_labels_of_the_whole() -> None:
    items = texts(good=300, bad=160, mixed=40)
    held_out = held_out_tenth(items, seed=0)
    assert Counter(items[index].labels for index in held_out) == {("good",): 30, ("bad",): 16, ("mixed",): 4}
    assert held_out == sorted(held_out) == held_out_tenth(items, seed=0) != held_out_tenth(items, seed=1)


def test_folds_are_disjoint_even_and_whole() -> None:
    items = texts(good=50, bad=23)
    dealt = deal(items, 4, seed=3)
    assert Counter(dealt) == {0: 19, 1: 18, 2: 18, 3: 18}
    for part in range(4):
        counts = Counter(item.labels[0] for item, place in zip(items, dealt, strict=True) if place == part)
        assert counts["good"] in (12, 13) and counts["bad"] in (5, 6)


def test_the_rarest_tag_of_a_sentence_is_its_stratum() -> None:
    items = [Item({"O"}), Item({"O", "S-PER"}), Item({"O", "S-PER"}), Item({"O", "S-PER", "S-LOC"}), Item(())]
    assert strata_of(items) == ["O", "S-PER", "S-PER", "S-LOC", ""]


def test_rare_types_are_spread() -> None:
    items = [Item({"O"})] * 80 + [Item({"O", "S-PER"})] * 15 + [Item({"O", "S-PER", "S-LOC"})] * 5
    dealt = deal(items, 5, seed=0)
    assert all(
        1 == sum("S-LOC" in item.labels for item, at in zip(items, dealt, strict=True) if at == part)
        for part in range(5)
    )


def test_a_label_that_is_found_once_stays_in_train() -> None:
    items = [*texts(good=20, bad=20), Item(("odd",))]
    for seed in range(20):
        assert deal(items, 5, seed)[-1] == ALWAYS_TRAIN and 40 not in held_out_tenth(items, seed)


def test_documents_are_kept_whole() -> None:
    items = [
        Item({"O"} if number % 3 else {"O", "S-PER"}, document)
        for document in range(1, 31)
        for number in range(document % 7 + 1)
    ]
    held_out = {items[index].document for index in held_out_tenth(items, seed=0)}
    assert all((item.document in held_out) == (index in held_out_tenth(items, 0)) for index, item in enumerate(items))
    assert 0.06 < len(held_out_tenth(items, seed=0)) / len(items) < 0.14
    dealt = deal(items, 5, seed=1)
    assert set(dealt) == set(range(5))
    assert len({(item.document, part) for item, part in zip(items, dealt, strict=True)}) == 30


def test_a_label_of_one_document_alone_keeps_its_document_in_train() -> None:
    items = [Item((label,), document) for document in range(1, 13) for label in ("good", "bad")]
    items += [Item(("odd",), 5), Item(("odd",), 5)]
    for seed in range(5):
        dealt = deal(items, 4, seed)
        assert {part for item, part in zip(items, dealt, strict=True) if item.document == 5} == {ALWAYS_TRAIN}


def test_few_documents_are_not_kept_whole() -> None:
    items = [Item({"O"}, document) for document in (1, 2, 3) for _ in range(20)]
    assert len(held_out_tenth(items, seed=0)) == 6


@pytest.mark.parametrize("trees", [40, 4])
def test_phrases_are_held_out_with_their_sentences(trees: int) -> None:
    items = [
        Item((label,), tree, is_scored)
        for tree in range(1, trees + 1)
        for label, is_scored in (("good", False), ("bad", False), ("good" if tree % 2 else "bad", True))
    ]
    held_out = held_out_tenth(items, seed=0)
    documents = {items[index].document for index in held_out}
    assert len(documents) == max(1, trees // 10) and len(held_out) == 3 * len(documents)


@pytest.mark.parametrize(
    ("items", "message"),
    [
        (texts(good=1), "train: expected at least 2 sentences to split, found 1; give --dev"),
        ([], "train: expected at least 2 sentences to split, found 0; give --dev"),
        (texts(a=1, b=1), "train: expected labels of several sentences to hold out a tenth, found none; give --dev"),
    ],
)
def test_too_few_sentences(items: list[Item], message: str) -> None:
    with pytest.raises(CorpusError) as error:
        held_out_tenth(items, seed=0)
    assert str(error.value) == message


def test_a_few_sentences() -> None:
    assert len(held_out_tenth(texts(good=3, bad=3), seed=0)) == 1
