"""Commands, make targets, links and Python blocks of README, CONTRIBUTING, RELEASING and the pages in docs.

Blocks are independent of each other here; tests/test_docs.py has the pages that run from top to bottom.
"""

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from elmo_lite import BiLM, BiLMConfig, CharCNNConfig, Elmo, Tokenization, save_model
from elmo_lite.cli.arguments import parse
from elmo_lite.cli.main import COMMANDS, ENTRY_POINT_GROUP, Command, command_positionals
from elmo_lite.cli.signatures import function_parser
from tasks.ner.config import NerConfig
from tasks.ner.tagger import new_tagger
from tasks.sentiment.classifier import new_classifier
from tasks.sentiment.config import SentimentConfig

ROOT = Path(__file__).parents[1]
TOP_TO_BOTTOM = {"from-allennlp.md"}
"""Pages of docs whose blocks follow on one another; tests/test_docs.py runs exactly these."""
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md"))
NAMES = [
    "README.md",
    "CONTRIBUTING.md",
    "RELEASING.md",
    *(page for page in PAGES if Path(page).name not in TOP_TO_BOTTOM),
]
DOCUMENTS = {name: (ROOT / name).read_text(encoding="utf-8") for name in NAMES}


# The commands of the task models too, as the project file names them: they need not be installed.
ENTRY_POINTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
ALL_COMMANDS = {
    **COMMANDS,
    **{name.replace(".", " "): Command(target) for name, target in ENTRY_POINTS[ENTRY_POINT_GROUP].items()},
}


def blocks(language: str) -> list[tuple[str, str]]:
    """Document and text of every block in one language."""
    pattern = re.compile(rf"^```{language}\n(.*?)^```", re.MULTILINE | re.DOTALL)
    return [(name, block) for name, text in DOCUMENTS.items() for block in pattern.findall(text)]


def commands(program: str) -> list[str]:
    """Lines of the shell blocks that call a program."""
    lines = [line for _, block in blocks("sh") for line in block.replace("\\\n", " ").splitlines()]
    lines = [part.strip() for line in lines for part in line.split(" | ")]
    return [line for line in lines if line.split()[:1] == [program]]


@pytest.mark.parametrize("line", commands("elmo-lite"))
def test_command_parses(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my_settings.yaml").write_text("seed: 3\n")
    words = shlex.split(line, comments=True)[1:]
    name = next(name for name in (" ".join(words[:2]), words[0]) if name in ALL_COMMANDS)
    command, argv = ALL_COMMANDS[name], words[len(name.split()) :]
    parse(function_parser(command.load(), name, command_positionals(command)), argv, name.split()[0])


@pytest.mark.parametrize("line", commands("make"))
def test_make_targets_exist(line: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = [word for word in shlex.split(line, comments=True)[1:] if "=" not in word]
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)


@pytest.mark.parametrize("line", commands("python"))
def test_scripts_exist(line: str) -> None:
    script = next(word for word in shlex.split(line)[1:] if word.endswith(".py"))
    assert (ROOT / script).is_file()


def test_extras_exist() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    named = {name for text in DOCUMENTS.values() for name in re.findall(r"pip install \"\.\[(\w+)\]\"", text)}
    assert named and named <= set(extras)


def anchors(text: str) -> set[str]:
    """Anchors of a page's headings."""
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("name", [*NAMES, *(page for page in PAGES if page not in NAMES)])
def test_links_exist(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)]+)\)", text):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = (ROOT / name).parent / file if file else ROOT / name
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), link


def test_every_page_is_reached_from_the_readme() -> None:
    assert set(PAGES) <= set(re.findall(r"\]\(([^)#]+)\)", DOCUMENTS["README.md"]))


@pytest.mark.parametrize(("document", "block"), blocks("python"))
def test_python_runs(document: str, block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cnn = CharCNNConfig(embedding_dim=4, filters=((1, 4), (2, 4)))
    bilm = BiLM(BiLMConfig(char_cnn=cnn, dim=8, lstm_dim=8))
    Path("my_run").mkdir()
    save_model("my_run/model", bilm, Tokenization(kind="words"))
    if 'from_pretrained("tagger")' in block:
        save_task_models()
    Path("sentences.txt").write_text("One sentence.\nAnother one.\n")
    exec(compile(block, document, "exec"), {})


def save_task_models() -> None:
    """An untrained tagger and an untrained classifier on the model that lies here."""
    elmo, words = Elmo.from_pretrained("my_run/model"), [["Anna", "works"]]
    new_tagger(NerConfig(encoder="my_run/model"), ["PER"], elmo, words).save("tagger")
    labels = ["negative", "positive"]
    new_classifier(SentimentConfig(encoder="my_run/model"), labels, elmo, words).save("classifier")
