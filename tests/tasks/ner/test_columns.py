"""Column files of several layouts, and broken ones."""

from pathlib import Path

import pytest

from elmo_lite import ConfigError, CorpusError
from tasks.ner.columns import read_columns

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
    assert list(read_columns(written(tmp_path, CONLL_2003))) == TWO
    assert list(read_columns(written(tmp_path, CONLL_2003.replace("\n", "\r\n")))) == TWO
    assert list(read_columns(written(tmp_path, "\ufeff" + CONLL_2003))) == TWO
    assert list(read_columns(written(tmp_path, CONLL_2003.replace(" ", "\t")))) == TWO


def test_wnut(tmp_path: Path) -> None:
    first, second = read_columns(written(tmp_path, WNUT))
    assert first[0] == ("@paulwalk", "Empire", "State", "#tag", "#")
    assert first[1] == ("O", "B-location", "I-location", "O", "O")
    assert second == (("ESB",), ("B-location",), 7)


def test_ids_and_comments(tmp_path: Path) -> None:
    expected = [(("Al", "Zaman", "at"), ("B-ORG", "I-ORG", "O"), 3), (("#",), ("O",), 10)]
    assert list(read_columns(written(tmp_path, UNER))) == expected


def test_a_broken_line_does_not_hide_the_ids(tmp_path: Path) -> None:
    rows = "".join(f"{k}\tw\tO\t-\tann\n" for k in range(1, 30))
    with pytest.raises(CorpusError, match="line 30: expected 3 columns between TABs, found 2 in"):
        list(read_columns(written(tmp_path, rows + "30\tw\n")))


def test_chosen_columns(tmp_path: Path) -> None:
    path = written(tmp_path, CONLL_2003)
    assert next(iter(read_columns(path, tag_column=2)))[1] == ("B-NP", "B-VP", "B-NP")
    assert next(iter(read_columns(path, word_column=-3, tag_column=-1)))[0] == ("NNP", "VBZ", "NN")
    with pytest.raises(ConfigError, match=r"tag_column: expected 0..3 or negative .*, found 4"):
        list(read_columns(path, tag_column=4))


def test_words_alone(tmp_path: Path) -> None:
    sentences = list(read_columns(written(tmp_path, "Anna\nworks\n\nhere\n"), with_tags=False))
    assert [words for words, _, _ in sentences] == [("Anna", "works"), ("here",)]
    assert [words for words, _, _ in read_columns(written(tmp_path, UNER), with_tags=False)][1] == ("#",)


def test_words_keep_unusual_characters(tmp_path: Path) -> None:
    words = ["a\u200bb", "c\u2028d", "\u200b", "New York", "e\x85"]
    text = "".join(f"{word}\tO\n" for word in words) + "x\tB-X\n"
    assert next(iter(read_columns(written(tmp_path, text))))[0] == (*words[:4], "e", "x")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected one word per line, found an empty file"),
        ("\n\n \n", "expected one word per line, found none"),
        ("-DOCSTART- -X- O O\n\n", "expected one word per line, found none"),
        ("a O\nb O\nc\n", "line 3: expected 2 columns between blanks, found 1 in 'c'"),
        ("a\tO\nb\tO\n#hashtag\n", "line 3: expected 2 columns between TABs, found 1 in '#hashtag'"),
        ("a\tO\n" * 10 + "b\tB_PER\n", "line 11: expected O or B-, I-, E- or S- and a type, found 'B_PER'"),
        ("a\tO\nb\tB-X\n\tO\n", r"line 3: expected a word, found none in '\\tO'"),
        ("a b\nc d\n", "expected a column of tags such as O and B-PER, found 'a b'"),
    ],
)
def test_broken_files(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(CorpusError, match=rf"data\.conll.*{message}"):
        list(read_columns(written(tmp_path, text)))
