"""Texts of benchmarks/growth.py, cut by whole articles, and its table."""

import lzma
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
import growth


def test_texts_are_whole_articles(tmp_path: Path) -> None:
    first, second = tmp_path / "a.txt.xz", tmp_path / "b.txt"
    first.write_bytes(lzma.compress(b"One two.\nThree, four!\n\nFive six seven.\n"))
    second.write_text("Eight.\n\n\nNine ten.\n", encoding="utf-8")
    inputs = growth.Inputs([first, second], tmp_path)
    assert list(growth.articles([first, second])) == [
        ["One two.", "Three, four!"],
        ["Five six seven.", "Eight."],
        ["Nine ten."],
    ]
    assert inputs.text(3).read_text(encoding="utf-8") == "One two.\nThree, four!\n\n"
    assert inputs.text(5).read_text(encoding="utf-8").endswith("Five six seven.\nEight.\n\n")
    assert inputs.text(1000).read_text(encoding="utf-8").endswith("Nine ten.\n\n")
    assert inputs.sentences(3).read_text(encoding="utf-8") == "One two .\nThree , four !\n\n"


def test_table() -> None:
    turn = {"words": 1e6, "cpu_seconds": 2.0, "resident": 2**20, "anonymous": 2**20}
    found = {
        "embed-10": [turn],
        "corpus-1000": [{**turn, "cpu_seconds": 3.0, "distinct_words": 7}],
        "corpus-20": [{**turn, "cpu_seconds": seconds, "distinct_words": 5} for seconds in (2.0, 2.5, 9.0)],
    }
    assert growth.table(found)[2:] == [
        "| corpus | 20 | 1,000,000, 5 distinct | 2.5 | 2.50 (2.00-9.00) | 1.00 | 1 MiB | 1 MiB |",
        "| corpus | 1,000 | 1,000,000, 7 distinct | 3.0 | 3.00 (3.00-3.00) | 1.20 | 1 MiB | 1 MiB |",
        "| embed | 10 | 1,000,000 | 2.0 | 2.00 (2.00-2.00) | 1.00 | 1 MiB | 1 MiB |",
    ]
