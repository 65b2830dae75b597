"""CoNLL-U and CoNLL-U Plus: columns by name, and the file written again."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elmo_lite import ConfigError, CorpusError
from tasks.tagging.conllu import STANDARD, blocks_to_tag, column_of, names_of_columns, read_blocks

CONLLU = """# text = Give them up .
1	Give	give	VERB	VB	_	0	root	_	_
2-3	them up	_	_	_	_	_	_	_	_
2	them	they	PRON	PRP	_	1	obj	_	_
3	up	up	ADP	RP	_	1	compound:prt	_	_
3.1	gone	go	VERB	_	_	_	_	_	_
4	.	.	PUNCT	.	_	1	punct	_	_

# a comment alone

1	#	#	SYM	#	_	0	root	_	_

"""
PLUS = "# global.columns = FORM UPOS CONLL:NER\n# file = a\nAnna\tPROPN\tB-PER\n#\tSYM\tO\n\nruns\tVERB\tO\n"


def conllu(folder: Path, text: str = CONLLU, name: str = "a.conllu") -> str:
    path = folder / name
    path.write_bytes(text.encode())
    return str(path)


def test_words_without_other_rows(tmp_path: Path) -> None:
    name = conllu(tmp_path)
    assert names_of_columns(name) == STANDARD
    blocks = list(read_blocks(name, STANDARD, 1))
    assert [block.words for block in blocks] == [("Give", "them", "up", "."), (), ("#",)]
    assert [number for number, _ in blocks[0].rows] == [2, 4, 5, 7]
    assert [row[7] for _, row in blocks[0].rows] == ["root", "obj", "compound:prt", "punct"]


def test_columns_of_plus(tmp_path: Path) -> None:
    name = conllu(tmp_path, PLUS, "a.conllup")
    names = names_of_columns(name)
    assert names == ("FORM", "UPOS", "CONLL:NER")
    assert [block.words for block in read_blocks(name, names, 0)] == [("Anna", "#"), ("runs",)]
    assert column_of(names, "conll:ner", "UPOS", "column", name) == column_of(names, -1, "UPOS", "column", name) == 2


def test_no_conllu(tmp_path: Path) -> None:
    for text in ("", "# a comment\n", "the\tDET\n", "1\tthe\tDET\n", "a sentence\n", "\t" * 9 + "\n"):
        assert names_of_columns(conllu(tmp_path, text, "a.tsv")) is None


@pytest.mark.parametrize("given", ["upso", 10, -11])
def test_a_wrong_name_lists_those_that_exist(given: str | int) -> None:
    expected = "one of id, form, lemma, upos, xpos, feats, head, deprel, deps, misc, the columns of a"
    with pytest.raises(ConfigError, match=f"^column: expected {expected}, found {given!r}$"):
        column_of(STANDARD, given, "UPOS", "column", "a")
    with pytest.raises(ConfigError, match="^column: expected one of form, the columns of a, found no upos$"):
        column_of(["FORM"], None, "UPOS", "column", "a")


def test_broken_files(tmp_path: Path) -> None:
    name = conllu(tmp_path, CONLLU.replace("4\t.\t.", "4\t."))
    with pytest.raises(CorpusError, match=r"a\.conllu, line 7: expected 10 columns between TABs, found 9 in '4"):
        list(blocks_to_tag(name, STANDARD, 1))
    name = conllu(tmp_path, "# nothing\n\n# else\n")
    with pytest.raises(CorpusError, match="expected sentences, found none"):
        list(blocks_to_tag(name, STANDARD, 1))


def test_a_column_is_filled_and_all_else_is_kept(tmp_path: Path) -> None:
    blocks = list(blocks_to_tag(conllu(tmp_path), STANDARD, 1))
    texts = [block.text(3, [f"L {word}" for word in block.words]) for block in blocks]
    expected = CONLLU
    for word, label in {"Give": "VERB", "them": "PRON", "up": "ADP", ".": "PUNCT", "#": "SYM"}.items():
        expected = expected.replace(f"\t{label}\t", f"\tL {word}\t", 1) if word != "Give" else expected
    expected = expected.replace("1\tGive\tgive\tVERB", "1\tGive\tgive\tL Give")
    assert "".join(texts) == expected


cells = st.text(st.characters(blacklist_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=4)
rows = st.lists(st.tuples(cells, cells, st.sampled_from(["word", "range", "empty"])), min_size=1, max_size=5)


@given(st.lists(st.tuples(st.booleans(), rows), min_size=1, max_size=4))
@settings(max_examples=50, deadline=None)
def test_a_file_filled_with_its_own_labels_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, sentences: list[tuple[bool, list[tuple[str, str, str]]]]
) -> None:
    lines = ["# global.columns = ID FORM XPOS"]
    for has_comment, words in sentences:
        lines += ["# \tof a\tsentence"] if has_comment else []
        for number, (form, label, kind) in enumerate(words, start=1):
            number_of = {"word": f"{number}", "range": f"{number}-{number + 1}", "empty": f"{number}.1"}[kind]
            lines.append("\t".join((number_of, form, label)))
        lines.append("")
    text = "\n".join(lines) + "\n"
    name = conllu(tmp_path_factory.mktemp("conllu"), text)
    names = names_of_columns(name)
    assert names == ("ID", "FORM", "XPOS")
    blocks = list(read_blocks(name, names, 1))
    written = "".join(block.text(0, [row[0] for _, row in block.rows]) for block in blocks)
    assert written == text
    words = [form.strip() for _, given in sentences for form, _, kind in given if kind == "word" and form.strip()]
    assert [word for block in blocks for word in block.words] == words
