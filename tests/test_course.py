"""The notebooks of the course: made from their sources, run from top to bottom, and blank where they should be."""

import json
import re
import runpy
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
COURSE = ROOT / "docs" / "course"
SCRIPT = runpy.run_path(str(COURSE / "notebooks.py"))
NOTEBOOKS = [COURSE / f"{name}.ipynb" for name in SCRIPT["SOURCES"]]
LARGEST = 60_000
"""Number of bytes of a notebook without outputs."""


def code(path: Path) -> list[str]:
    """The code of a notebook by cell."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def test_notebooks_are_those_of_their_sources() -> None:
    made = SCRIPT["made"]()
    assert set(made) == set(COURSE.glob("*.ipynb"))
    for path, text in made.items():
        assert path.read_text(encoding="utf-8") == text, "run: python docs/course/notebooks.py"
        assert len(text.encode()) < LARGEST


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_blanks(path: Path) -> None:
    source = path.with_suffix(".py").read_text(encoding="utf-8")
    blanks = path.with_name(f"{path.stem}_blanks.ipynb")
    tasks = re.findall(r"# begin solution: (.*)", source)
    text = "\n".join(code(blanks))
    assert len(tasks) >= 5 and re.findall(r"# Your code: (.*)", text) == tasks
    assert text.count("raise NotImplementedError") == len(tasks)
    page = (ROOT / "docs" / "course.md").read_text(encoding="utf-8")
    assert f"(course/{blanks.name}), {len(tasks)} blanks" in page
    for number, cell in enumerate(code(blanks)):
        compile(cell, f"cell {number}", "exec")
    whole = path.read_text(encoding="utf-8")
    assert "*Answer" in whole and "*Answer" not in blanks.read_text(encoding="utf-8")
    assert "begin solution" not in whole and "NotImplementedError" not in whole


@pytest.mark.parametrize(
    ("body", "whole", "blank"),
    [
        ("x = 1", "x = 1", "x = 1"),
        (
            "def f():\n    # begin solution: one\n    y = 1\n\n    return y\n    # end solution\n\n\nf()",
            "def f():\n    y = 1\n\n    return y\n\n\nf()",
            'def f():\n    # Your code: one\n    raise NotImplementedError("your code")\n\n\nf()',
        ),
        (
            "# begin solution: a\na = 1\n# end solution\nb = 2\n# begin solution: c\nc = 3\n# end solution",
            "a = 1\nb = 2\nc = 3",
            '# Your code: a\nraise NotImplementedError("your code")\nb = 2\n'
            '# Your code: c\nraise NotImplementedError("your code")',
        ),
    ],
)
def test_solutions_become_blanks(body: str, whole: str, blank: str) -> None:
    for blanks, expected in ((False, whole), (True, blank)):
        (cell,) = SCRIPT["notebook"](f"# %%\n{body}\n", blanks=blanks)["cells"]
        assert "".join(cell["source"]) == expected


def test_answers_and_text() -> None:
    source = "# lint\n# %% [markdown]\n# # Title\n#\n# text\n# %% [markdown] answer\n# yes\n# %%\nx = 1\n"
    cells = SCRIPT["notebook"](source, blanks=False)["cells"]
    assert ["".join(cell["source"]) for cell in cells] == ["# Title\n\ntext", "yes", "x = 1"]
    assert len(SCRIPT["notebook"](source, blanks=True)["cells"]) == 2


@pytest.mark.parametrize("body", ["# begin solution: a\nx = 1", "x = 1\n# end solution"])
def test_a_mark_without_its_partner(body: str) -> None:
    with pytest.raises(ValueError, match="expected solutions from '# begin solution: TASK' to '# end solution'"):
        SCRIPT["notebook"](f"# %%\n{body}\n", blanks=True)


def run(path: Path, folder: Path) -> Any:
    """Run all cells of a notebook in a kernel of its own, in a folder.

    By nbclient, which nbmake uses too: its option of pytest would run the notebooks with blanks as well, and would have
    to be installed wherever any test runs.
    """
    pytest.importorskip("ipykernel")
    client, formats = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    notebook = formats.read(path, as_version=4)
    formats.validate(notebook)
    client.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    return notebook


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=":")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    outputs = [output for cell in run(path, tmp_path).cells for output in cell.get("outputs", ())]
    printed = "".join(output.text for output in outputs if output.output_type == "stream" and output.name == "stdout")
    warned = "".join(output.text for output in outputs if output.output_type == "stream" and output.name == "stderr")
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert pictures and warned == ""
    assert not list(tmp_path.iterdir()), "a notebook leaves nothing behind"
    SEEN[path.stem](printed)


def seen_of_language_models(printed: str) -> None:
    """What students should see: everything beats the unigram model, and longer n-grams beat bigrams."""
    rows = re.findall(r"^(\S.*?) {2,}(\d+\.\d)$", printed, re.MULTILINE)
    found = {name: float(value) for name, value in rows}
    neural = ["feed-forward, 4 words", "RNN", "LSTM", "LSTM, backward"]
    assert all(found[name] < found["unigram"] / 2 for name in neural)
    assert found["5-gram, Kneser-Ney"] < found["3-gram, Kneser-Ney"] < found["bigram, Kneser-Ney"]
    assert "bigram inf" in printed


def seen_of_contextual_vectors(printed: str) -> None:
    """What students should see: context reaches the LSTM layers alone."""
    rows = re.findall(r"^(\w[\w ]+?) {2,}([\d.]+) +([\d.]+) +([\d.]+) +([\d.]+)$", printed, re.MULTILINE)
    found = {name: [float(value) for value in values] for name, *values in rows}
    assert set(found) == {"ending", "after an article", "before punctuation", "kind of name"}
    for label in ("after an article", "before punctuation", "kind of name"):
        assert min(found[label][2:]) > found[label][1] + 3, "LSTM layers know the context"
    assert found["ending"][1] > 95
    same, other = re.findall(r"^play[\s\S]*?LSTM 2 +([\d.]+) +([\d.]+)$", printed, re.MULTILINE)[0]
    assert float(same) > float(other) + 0.1
    assert len(re.findall(r"±", printed)) == 3


SEEN = {"ngrams_to_elmo": seen_of_language_models, "contextual_vectors": seen_of_contextual_vectors}


def test_the_packages_that_run_notebooks_are_pinned() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pinned = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    for name in ("ipykernel", "nbclient", "nbformat"):
        assert any(line.startswith(f"{name}>=") for line in settings["optional-dependencies"]["dev"])
        assert re.search(rf"^{name}==", pinned, re.MULTILINE)
