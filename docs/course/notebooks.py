"""Make the notebooks of the course from their sources: ``python docs/course/notebooks.py``.

A source ``NAME.py`` is divided into cells by lines that begin with ``# %%``; after ``# %% [markdown]``, comments hold
the text. It becomes ``NAME.ipynb``, and ``NAME_blanks.ipynb`` with blanks to fill in: lines from ``# begin solution:
TASK`` to ``# end solution`` become the task and an error, and cells marked ``answer`` are left out. None
has outputs.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
SOURCES = ("ngrams_to_elmo", "contextual_vectors")
BLANKS = "_blanks"
CELL = re.compile(r"^# %%(.*)\n", re.MULTILINE)
SOLUTION = re.compile(r"^( *)# begin solution: (.*)\n(?:.*\n)*? *# end solution$", re.MULTILINE)
MARKS = re.compile(r"^ *# (?:begin solution: .*|end solution)\n?", re.MULTILINE)


def notebook(source: str, *, blanks: bool) -> dict[str, Any]:
    """A notebook of a source, in nbformat 4.5.

    Args:
        source: Text of the source.
        blanks: Whether solutions become blanks, and answers are left out.

    Raises:
        ValueError: A mark of a solution has no partner.
    """
    _, *parts = CELL.split(source)
    cells = []
    for head, body in zip(parts[::2], parts[1::2], strict=True):
        if blanks and head.endswith("answer"):
            continue
        is_text = head.strip().startswith("[markdown]")
        text = _text(body) if is_text else _code(body.strip("\n"), blanks=blanks)
        cell: dict[str, Any] = {"cell_type": "markdown" if is_text else "code", "id": f"cell-{len(cells) + 1}"}
        cell |= {"metadata": {}, "source": text.splitlines(keepends=True)}
        cells.append(cell if is_text else {**cell, "execution_count": None, "outputs": []})
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def _text(body: str) -> str:
    return "\n".join(line.removeprefix("#").removeprefix(" ") for line in body.strip("\n").splitlines())


def _code(body: str, *, blanks: bool) -> str:
    """The code of a cell, with its solutions or with blanks."""
    rest = SOLUTION.sub("", body)
    if MARKS.search(rest):
        raise ValueError(f"expected solutions from '# begin solution: TASK' to '# end solution', found {body!r:.200}")
    return (SOLUTION.sub(_blank, body) if blanks else MARKS.sub("", body)).strip("\n")


def _blank(solution: re.Match[str]) -> str:
    indent, task = solution.groups()
    return f'{indent}# Your code: {task}\n{indent}raise NotImplementedError("your code")'


def made(folder: Path = FOLDER) -> dict[Path, str]:
    """The text of every notebook, by its path."""
    texts = {}
    for name in SOURCES:
        source = (folder / f"{name}.py").read_text(encoding="utf-8")
        for ending, blanks in (("", False), (BLANKS, True)):
            content = json.dumps(notebook(source, blanks=blanks), indent=1, ensure_ascii=False)
            texts[folder / f"{name}{ending}.ipynb"] = content + "\n"
    return texts


if __name__ == "__main__":
    for path, text in made().items():
        path.write_text(text, encoding="utf-8")
        print(path)
