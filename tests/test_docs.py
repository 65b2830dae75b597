"""Pages in docs whose blocks follow on one another run from top to bottom, as a reader would type them."""

import operator
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from elmo_lite.allennlp import ElmoTokenEmbedder
from elmo_lite.cli.main import main
from tests.elmo_lite.published.reference import random_model
from tests.test_readme import TOP_TO_BOTTOM

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "docs" / name for name in sorted(TOP_TO_BOTTOM)]
NAME = operator.attrgetter("name")
BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def published_model() -> None:
    """What a reader of from-allennlp.md has: a model's two files, and a task model's checkpoint."""
    random_model(Path())
    embedder = ElmoTokenEmbedder("options.json", "weights.hdf5", projection_dim=100)
    state = {f"token_embedder_elmo.{name}": tensor for name, tensor in embedder.state_dict().items()}
    torch.save(state | {"tags.weight": torch.ones(9, 100), "tags.bias": torch.ones(9)}, "tagger.th")


BEFORE: dict[str, Callable[[], None]] = {"from-allennlp.md": published_model}
"""By page, what its reader has in the working directory."""


@pytest.mark.parametrize("page", PAGES, ids=NAME)
def test_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    BEFORE.get(page.name, lambda: None)()
    namespace: dict[str, object] = {"__name__": page.stem}
    for language, block in BLOCK.findall(page.read_text(encoding="utf-8")):
        if language == "python":
            exec(compile(block, page.name, "exec"), namespace)
            continue
        for line in block.splitlines():
            program, *argv = shlex.split(line, comments=True)
            assert program == "elmo-lite", line
            assert main(argv) == 0, line
