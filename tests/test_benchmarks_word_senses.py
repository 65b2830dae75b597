"""The benchmark of word senses: reading SemCor's lines, folds of documents, ties and means."""

import io
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

from elmo_lite.errors import CorpusError

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from word_senses import (  # noqa: E402
    METHODS,
    Tagged,
    difference_error,
    disambiguate,
    figures,
    folds_of,
    format_table,
    read_document,
    read_semcor,
    sense_of_nearest,
)

DOCUMENT = """<contextfile concordance=brown>
<context filename=br-a01 paras=yes>
<p pnum=1>
<s snum=1>
<wf cmd=done rdf=group pos=NNP lemma=group wnsn=1 lexsn=1:03:00:: pn=group>Fulton_County</wf>
<wf cmd="done" pos="VB" lemma="say" wnsn="1" lexsn="2:32:00::" oed_id="/dictionary/sense/x">said</wf>
<punc>``</punc>
<wf cmd="done" pos="NN" lemma="fountain_pen" wnsn="2;1" lexsn="1:28:02::;1:28:01::">fountain_pens</wf>
<punc>&amp;</punc>
<wf cmd="done" pos="JJ" lemma="Old" wnsn="3" lexsn="5:00:00:past:00">old</wf>
<wf cmd="done" pos="RB" lemma="lost" wnsn="0" lexsn="">gone</wf>
<wf cmd="ignore" pos="DT">the</wf>
</s>
""".splitlines()


def test_lines_of_a_document() -> None:
    sentences: list[list[str]] = []
    tagged: list[Tagged] = []
    read_document(DOCUMENT, 7, sentences, tagged)
    assert sentences == [["Fulton", "County", "said", '"', "fountain", "pens", "&", "old", "gone", "the"]]
    assert tagged == [
        Tagged(7, 0, 2, 3, "say (verb)", (1,)),
        Tagged(7, 0, 4, 6, "fountain_pen (noun)", (2, 1)),
        Tagged(7, 0, 7, 8, "old (adjective)", (3,)),
    ]


def archive(path: Path, documents: dict[str, list[str]]) -> Path:
    with tarfile.open(path, "w:xz") as file:
        for name, lines in documents.items():
            content = "\n".join(lines).encode()
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return path


def test_archive(tmp_path: Path) -> None:
    names, sentences, tagged = read_semcor(archive(tmp_path / "s.tar.xz", {"b": DOCUMENT, "a": DOCUMENT}))
    assert names == ["a", "b"] and len(sentences) == 2
    assert [(one.document, one.sentence) for one in tagged] == [(0, 0)] * 3 + [(1, 1)] * 3
    with pytest.raises(CorpusError, match="expected words with senses, found none"):
        read_semcor(archive(tmp_path / "none.tar.xz", {"a": DOCUMENT[:4]}))


def test_a_document_is_in_one_part_of_a_fold() -> None:
    tagged = [Tagged(document, 0, 0, 1, "x (noun)", (1,)) for document in (0, 0, 1, 2, 3, 4, 4, 5)]
    seen = []
    for train, test in folds_of(tagged, 3):
        assert not {tagged[k].document for k in train} & {tagged[k].document for k in test}
        seen += test.tolist()
    assert sorted(seen) == list(range(8))


@pytest.mark.parametrize("kind", METHODS)
def test_nearest_and_ties(kind: str) -> None:
    train = np.array([[1, 0], [1, 0], [1, 0], [0, 1]], dtype=np.float16)
    senses = [(2,), (1,), (2, 3), (4,)]
    test = np.array([[1, 0.01], [0.1, 1]], dtype=np.float32)
    wanted = [2, 2] if kind == "ten nearest occurrences" else [2, 4]  # all vectors vote
    assert METHODS[kind](train, test, senses) == wanted, "2 is more frequent than 1 and 3, which are as near"


def test_votes() -> None:
    train = np.eye(6, dtype=np.float32)
    test = np.array([[0.9, 0.8, 0.7, 0.1, 0, 0]], dtype=np.float32)
    senses = [(1,), (2,), (2,), (1,), (1,), (1,)]
    assert [sense_of_nearest(train, test, senses, number)[0] for number in (1, 2, 3, 6)] == [1, 1, 2, 1]


def test_outcome() -> None:
    rng = np.random.default_rng(0)
    tagged = [Tagged(k % 10, k, 0, 1, "bank (noun)", (1 + k % 3 % 2,)) for k in range(60)]
    tagged += [Tagged(3, 60, 0, 1, "rare (verb)", (1,)), Tagged(4, 61, 0, 1, "rare (noun)", (2,))]
    tagged += [Tagged(k, 62 + k, 0, 1, "single (noun)", (5,)) for k in range(2)]
    senses = np.array([one.senses[0] for one in tagged])
    perfect = np.eye(8, dtype=np.float16)[senses]
    noise = rng.normal(size=(len(tagged), 8)).astype(np.float16)
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    outcome = disambiguate(tagged, np.stack([noise, perfect]), ["noise", "perfect"], 5)
    assert outcome.is_ambiguous.tolist() == [True] * 60 + [False] * 4
    assert outcome.is_unseen.tolist() == [False] * 60 + [True, True, False, False]
    for kind in METHODS:
        assert outcome.right[f"perfect, {kind}"].tolist() == [*[True] * 61, False, True, True]
    most = outcome.right["most frequent sense"]
    assert most[:60].mean() == pytest.approx(2 / 3) and most[60:].tolist() == [True, False, True, True]
    assert outcome.right["noise, nearest occurrence"][:60].mean() < 0.75
    rows = {row["row"]: row for row in figures(tagged, outcome)}
    assert rows["perfect, nearest occurrence"]["gain"] == pytest.approx(100 / 3)
    assert "perfect, nearest occurrence" in format_table(list(rows.values()))


def test_error_is_that_of_documents() -> None:
    documents = np.repeat(np.arange(40), 50)
    right = np.repeat(np.arange(40) % 2 == 0, 50)
    base = np.zeros(2000, dtype=bool)
    assert difference_error(right, base, documents) == pytest.approx(0.5 / np.sqrt(40), rel=0.1)
    assert difference_error(base, base, documents) == 0
