"""The table over rows of several tools."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from own_text_table import lines


def write(directory: Path, point: str, scores: dict[str, list[float]]) -> None:
    for part, found in scores.items():
        for seed, score in enumerate(found):
            run = directory / point / f"seed-{seed}"
            run.mkdir(parents=True, exist_ok=True)
            (run / f"{part}.json").write_text(json.dumps({"score": score}))


def test_rows_of_all_tools_are_compared(tmp_path: Path) -> None:
    write(tmp_path / "set" / "fasttext", "learning_rate=0.001", {"dev": [78.0, 82.0], "test": [79.0, 81.0]})
    write(tmp_path / "set" / "fasttext", "learning_rate=0.003", {"dev": [70.0]})
    write(tmp_path / "set" / "spacy", "learning_rate=0.001", {"dev": [60.0], "test": [70.0]})
    write(tmp_path / "set" / "top", "learning_rate=0.003", {"dev": [90.0, 90.0], "test": [84.0, 86.0]})
    write(tmp_path / "set" / "flair", "learning_rate=0.1", {"dev": [50.0]})
    assert list(lines(tmp_path / "set", "fasttext"))[2:] == [
        "| spaCy, tok2vec from nothing | 1 | 60.0 | 70.0 | -10.0 (+50% errors) |",
        "| fastText + characters | 2 | 80.0 ± 2.8 | 80.0 ± 1.4 |  |",
        "| fastText + characters + ELMo, top layer | 2 | 90.0 ± 0.0 | 85.0 ± 1.4 | +5.0 (+3.5 SE, -25% errors) |",
    ]
