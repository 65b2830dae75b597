"""Labelled trees: words, phrases, spellings, and every way a line can be broken."""

import pytest

from elmo_lite import CorpusError
from tasks.classification.trees import LABELS, class_name, labelled_phrases, parse_tree, unescape

TREE = "(3 (2 It) (4 (4 (2 's) (3 lovely)) (2 .)))"


def test_words_and_phrases() -> None:
    tree = parse_tree(TREE, "here")
    assert tree.words == ("It", "'s", "lovely", ".")
    assert [(label, tree.words[start:end]) for label, start, end in tree.phrases] == [
        (2, ("It",)),
        (2, ("'s",)),
        (3, ("lovely",)),
        (4, ("'s", "lovely")),
        (2, (".",)),
        (4, ("'s", "lovely", ".")),
        (3, ("It", "'s", "lovely", ".")),
    ]


def test_a_sentence_of_one_word() -> None:
    assert parse_tree("(4 Great)", "here").words == ("Great",)


def test_no_break_spaces_stay_in_their_word() -> None:
    assert parse_tree("(2 (2 8\xa01\\/2) (2 Women))", "here").words == ("8\xa01/2", "Women")


@pytest.mark.parametrize(
    ("spelled", "expected"),
    [("-LRB-", "("), ("-RRB-", ")"), ("and\\/or", "and/or"), ("\\*", "*"), ("``", '"'), ("''", '"'), ("'s", "'s")],
)
def test_spellings(spelled: str, expected: str) -> None:
    assert unescape(spelled) == expected
    assert parse_tree(f"(2 (2 a) (2 {spelled}))", "here").words == ("a", expected)


def test_classes() -> None:
    assert [class_name(label, 5) for label in range(5)] == list(LABELS)
    assert [class_name(label, 2) for label in range(5)] == ["negative", "negative", None, "positive", "positive"]


def test_labelled_phrases() -> None:
    tree = parse_tree(TREE, "here")
    assert [(p.end - p.start, name) for p, name in labelled_phrases(tree, 5, False)] == [(4, "positive")]
    assert len(labelled_phrases(tree, 5, True)) == 7
    assert [name for _, name in labelled_phrases(tree, 2, True)] == ["positive"] * 4
    assert labelled_phrases(parse_tree("(2 (4 good) (0 bad))", "here"), 2, False) == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("(3 (2 It) (4 works)", "expected balanced brackets, found 1 left open at the end of the line"),
        ("(3 (2 It) (4 works)))", "expected the end of the tree, found ')' in column 21"),
        ("(3 (2 It) (4 works)) (2 x)", "expected the end of the tree, found '(' in column 22"),
        ("(5 It)", "expected a label 0 to 4 after '(', found '5'"),
        ("((2 It))", "expected a label 0 to 4 after '(', found '('"),
        ("(3 (2 It) (", "expected a label 0 to 4 after '(', found 'the end of the line'"),
        ("(3 (2 It) (4 ))", "expected words in every bracket, found none before column 14"),
        ("(3 (2 It) works)", "expected a bracket around each word, found 'works' in column 11"),
        ("(3 It works)", "expected a bracket around each word, found 'It' in column 4"),
        ("It works", "expected a tree such as (3 (2 It) (4 works)), found 'It works'"),
        ("", "expected balanced brackets"),
    ],
)
def test_broken_trees(line: str, expected: str) -> None:
    with pytest.raises(CorpusError) as error:
        parse_tree(line, "a.txt, line 7")
    assert str(error.value).startswith("a.txt, line 7: ") and expected in str(error.value)


def test_phrases_of_a_deeply_nested_tree_are_bounded() -> None:
    """10,000 nested phrases have 50 million words in all; without its phrases the tree is a sentence like others."""
    line = "(2 (3 word) " * 9_999 + "(3 word)" + ")" * 9_999
    tree = parse_tree(line, "a.txt, line 7")
    assert [(p.end, name) for p, name in labelled_phrases(tree, 5, False)] == [(10_000, "neutral")]
    with pytest.raises(CorpusError) as error:
        labelled_phrases(tree, 5, True)
    expected = "a.txt, line 7: expected a tree whose phrases have at most 250,000 words in all, found 50,014,999"
    assert str(error.value) == f"{expected} (or train without phrases)"


def test_long_sentences_have_their_phrases() -> None:
    """A binary tree of 512 words, balanced or as deep as can be."""
    nested = "(2 (3 word) " * 511 + "(3 word)" + ")" * 511
    assert len(labelled_phrases(parse_tree(nested, "here"), 5, True)) == 1023
    level = ["(3 word)"] * 512
    while len(level) > 1:
        level = [f"(2 {left} {right})" for left, right in zip(level[::2], level[1::2], strict=True)]
    assert len(labelled_phrases(parse_tree(level[0], "here"), 5, True)) == 1023
