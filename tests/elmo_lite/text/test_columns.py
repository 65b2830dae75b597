"""Column files of several layouts, and broken ones."""

from pathlib import Path

import pytest

from elmo_lite import ConfigError, CorpusError
from elmo_lite.text.column_layout import SAMPLE, first_rows
from elmo_lite.text.columns import ColumnReader

CONLL_2003 = """-DOCSTART- -X- O O

EU NNP B-NP B-ORG
rejects VBZ B-VP O
# NN B-NP O

Peter NNP B-NP B-PER
Blackburn NNP I-NP I-PER

"""
WNUT = "@paulwalk\tO\nEmpire\tB-location\nState\tI-location\n#tag\tO\n#\tO\n\t\nESB\tB-location\n"
UNER = """# sent_id = 1
# text = Al Zaman at
1\tAl\tB-ORG\t-\tann
2\tZaman\tI-ORG\t-\tann
3-4\tatthe\t_\t-\tann
3\tat\tO\t-\tann
3.1\tempty\tO\t-\tann

# sent_id = 2
1\t#\tO\t-\tann
"""
TWO = [(("EU", "rejects", "#"), ("B-ORG", "O", "O"), 3), (("Peter", "Blackburn"), ("B-PER", "I-PER"), 7)]


def written(folder: Path, text: str) -> str:
    path = folder / "data.conll"
    path.write_bytes(text.encode())
    return str(path)


def test_conll_2003(tmp_path: Path) -> None:
    assert list(ColumnReader(written(tmp_path, CONLL_2003))) == TWO
    assert list(ColumnReader(written(tmp_path, CONLL_2003.replace("\n", "\r\n")))) == TWO
    assert list(ColumnReader(written(tmp_path, "\ufeff" + CONLL_2003))) == TWO
    assert list(ColumnReader(written(tmp_path, CONLL_2003.replace(" ", "\t")))) == TWO


def test_wnut(tmp_path: Path) -> None:
    first, second = ColumnReader(written(tmp_path, WNUT))
    assert first[0] == ("@paulwalk", "Empire", "State", "#tag", "#")
    assert first[1] == ("O", "B-location", "I-location", "O", "O")
    assert second == (("ESB",), ("B-location",), 7)


def test_ids_and_comments(tmp_path: Path) -> None:
    expected = [(("Al", "Zaman", "at"), ("B-ORG", "I-ORG", "O"), 3), (("#",), ("O",), 10)]
    assert list(ColumnReader(written(tmp_path, UNER))) == expected


@pytest.mark.parametrize("numbers", [("1984", "1812", "7"), ("9" * 5000, "3", "1")], ids=["years", "5,000 digits"])
def test_numbers_that_do_not_count_are_words(tmp_path: Path, numbers: tuple[str, ...]) -> None:
    path = written(tmp_path, "".join(f"{number}\tx\tO\n" for number in numbers))
    assert list(ColumnReader(path)) == [(numbers, ("O", "O", "O"), 1)]


def test_comments_are_not_read_to_their_end() -> None:
    """A file may hold nothing else, and be of any size."""
    lines = ((number, "# comment") for number in range(100 * SAMPLE))
    assert first_rows(lines) == ["# comment"] * SAMPLE and next(lines)[0] == 10 * SAMPLE


def test_a_broken_line_does_not_hide_the_ids(tmp_path: Path) -> None:
    rows = "".join(f"{k}\tw\tO\t-\tann\n" for k in range(1, 30))
    with pytest.raises(CorpusError, match="line 30: expected 3 columns between TABs, found 2 in"):
        list(ColumnReader(written(tmp_path, rows + "30\tw\n")))


def test_chosen_columns(tmp_path: Path) -> None:
    path = written(tmp_path, CONLL_2003)
    assert next(iter(ColumnReader(path, tag_column=2)))[1] == ("B-NP", "B-VP", "B-NP")
    assert next(iter(ColumnReader(path, word_column=-3, tag_column=-1)))[0] == ("NNP", "VBZ", "NN")
    with pytest.raises(ConfigError, match=r"tag_column: expected 0..3 or negative .*, found 4"):
        list(ColumnReader(path, tag_column=4))


def test_words_alone(tmp_path: Path) -> None:
    sentences = list(ColumnReader(written(tmp_path, "Anna\nworks\n\nhere\n"), with_tags=False))
    assert [words for words, _, _ in sentences] == [("Anna", "works"), ("here",)]
    assert [words for words, _, _ in ColumnReader(written(tmp_path, UNER), with_tags=False)][1] == ("#",)


def test_words_keep_unusual_characters(tmp_path: Path) -> None:
    words = ["a\u200bb", "c\u2028d", "\u200b", "New York", "e\x85"]
    text = "".join(f"{word}\tO\n" for word in words) + "x\tB-X\n"
    assert next(iter(ColumnReader(written(tmp_path, text))))[0] == (*words[:4], "e", "x")


def test_two_columns_of_tags(tmp_path: Path) -> None:
    """The first is read; chunk tags, as in CoNLL-2003, do not count."""
    germeval = "1\tFC\tB-ORG\tO\n2\tBremen\tI-ORG\tB-LOC\n3\tspielt\tO\tO\n"
    reader = ColumnReader(written(tmp_path, germeval))
    assert reader.layout.tags == (2, 3)
    assert list(reader) == [(("FC", "Bremen", "spielt"), ("B-ORG", "I-ORG", "O"), 1)]
    assert ColumnReader(written(tmp_path, CONLL_2003)).layout.tags == (3,)
    chunks = "EU NNP B-NP\nrejects VBZ B-VP\n"
    assert ColumnReader(written(tmp_path, chunks)).layout.tags == (2,)
    conlleval = "Anna NNP B-PER B-ORG\nlives VBZ O O\n"
    assert list(ColumnReader(written(tmp_path, conlleval)))[0][1] == ("B-PER", "O")


def test_comments_are_the_same_with_and_without_tags(tmp_path: Path) -> None:
    path = written(tmp_path, "# id 1-a\tdomain=en\nthe _ _ O\n\n\n# id 2\tdomain=en\n# _ _ O\nmetoo _ _ B-CW\n")
    words = [("the",), ("#", "metoo")]
    assert [sentence[0] for sentence in ColumnReader(path)] == words
    assert [sentence[0] for sentence in ColumnReader(path, with_tags=False)] == words


def test_rows_without_a_word_are_skipped(tmp_path: Path) -> None:
    reader = ColumnReader(written(tmp_path, "1\ta\tB-X\n2\t\tI-X\n3\t\xa0\tI-X\n4\tb\tI-X\n"))
    assert list(reader) == [(("a", "b"), ("B-X", "I-X"), 1)]
    assert (reader.num_skipped, reader.first_skipped) == (2, 2)
    assert len(list(reader)) == 1 and reader.num_skipped == 2, "reading again counts anew"


def test_tags_without_a_type(tmp_path: Path) -> None:
    path = written(tmp_path, "high\tO\n" * 30 + "gamma\tB\n-\tI\n")
    assert list(ColumnReader(path))[0][1][-2:] == ("B-ENT", "I-ENT")
    assert list(ColumnReader(path, entity_type="GENE"))[0][1][-2:] == ("B-GENE", "I-GENE")


def test_a_prefix_of_all_words_is_removed(tmp_path: Path) -> None:
    reader = ColumnReader(written(tmp_path, "en:Berlin\tB-LOC\nen:is\tO\n"))
    assert list(reader)[0][0] == ("Berlin", "is")
    assert str(reader.layout).endswith("prefix 'en:' of all words removed")
    path = written(tmp_path, "en:Berlin\tB-LOC\nen:is\tO\nhere\tO\n")
    assert list(ColumnReader(path))[0][0] == ("en:Berlin", "en:is", "here")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected one word per line, found none"),
        ("\n\n \n", "expected one word per line, found none"),
        ("-DOCSTART- -X- O O\n\n", "expected one word per line, found none"),
        ("a O\nb O\nc\n", "line 3: expected 2 columns between blanks, found 1 in 'c'"),
        ("a\tO\nb\tO\n#hashtag\n", "line 3: expected 2 columns between TABs, found 1 in '#hashtag'"),
        ("a\tO\n" * 10 + "b\tB_PER\n", "line 11: expected O or B-, I-, E- or S- and a type, found 'B_PER'"),
        ("a b\nc d\n", "expected a column of tags such as O and B-PER, found 'a b'"),
    ],
)
def test_broken_files(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(CorpusError, match=rf"data\.conll.*{message}"):
        list(ColumnReader(written(tmp_path, text)))


def test_labels_of_any_kind(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("# a comment\nthe DET\ncosts NOUN\n# SYM\n5 SYM\n\nruns VERB\n# #\n")
    reader = ColumnReader(str(path), any_label=True)
    assert [row[:2] for row in reader] == [
        (("the", "costs", "#", "5"), ("DET", "NOUN", "SYM", "SYM")),
        (("runs", "#"), ("VERB", "#")),
    ]
    with pytest.raises(CorpusError, match="expected a column of tags such as O and B-PER"):
        ColumnReader(str(path))
