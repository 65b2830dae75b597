"""Who may import whom, and what each use of the package loads."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path

import pytest

import elmo_lite

ROOT = Path(__file__).parents[1]
# The way of the data: a room imports only what stands to its left.
ORDER = (
    "lazy errors extras paths hardware presets quiet stopping atomic files outputs pictures metadata fields locks text "
    "nn repeat corpus saved_model cluster embedding neighbors lm distributed pretraining ladder published allennlp "
    "report adapters serving cli quickstart __main__"
).split()

# Packages outside the standard library that a room may import. Imports for type checkers alone do not count.
THIRD_PARTY = {
    "lazy": "",
    "errors": "",
    "extras": "",
    "paths": "",
    "hardware": "torch",
    "presets": "",
    "quiet": "",
    "stopping": "",
    "atomic": "",
    "files": "",
    "outputs": "",
    "pictures": "matplotlib",
    "metadata": "yaml",
    "fields": "",
    "locks": "filelock",
    "text": "datasets icu jieba numpy pyarrow pythainlp sudachidict_core sudachipy tokenizers zstandard",
    "nn": "numpy torch",
    "repeat": "",
    "corpus": "numpy torch tqdm",
    "saved_model": "huggingface_hub safetensors torch",
    "cluster": "pyarrow ray",
    "embedding": "h5py numpy pyarrow torch tqdm",
    "neighbors": "matplotlib numpy sklearn tqdm umap usearch",
    "lm": "numpy torch tqdm",
    "distributed": "pytorch_lightning torch",
    "pretraining": "gensim matplotlib numpy pytorch_lightning torch tqdm",
    "ladder": "matplotlib numpy pytorch_lightning torch tqdm",
    "published": "h5py numpy torch",
    "allennlp": "numpy torch",
    "report": "jinja2 markupsafe",
    "cli": "docstring_parser jsonargparse",
    "quickstart": "numpy",
    "__main__": "",
    "__init__": "",
}

# The same line and table for the task models. ner is tagging with readers of its own, sentiment classification with
# settings of its own; others do not import one another.
TASKS_ORDER = (
    "files modules inputs saved_task training samples tagging ner classification sentiment vectorizer __init__".split()
)
TASKS_THIRD_PARTY = {
    "files": "",
    "modules": "torch",
    "inputs": "gensim huggingface_hub numpy platformdirs torch tqdm transformers",
    "saved_task": "numpy scipy sklearn torch",
    "training": "matplotlib numpy pytorch_lightning scipy sklearn torch tqdm",
    "samples": "",
    "tagging": "numpy seqeval spacy torch",
    "ner": "",
    "classification": "numpy scipy sklearn torch",
    "sentiment": "",
    "vectorizer": "numpy sklearn",
    "__init__": "",
}

MAX_LINES = 250  # of a source file
MAX_FUNCTION_LINES = 60  # docstring included


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def imports(tree: ast.AST) -> Iterator[str]:
    """Full names of imported modules, those inside functions included."""
    for node in ast.iter_child_nodes(tree):
        if is_type_checking(node):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or ""
        yield from imports(node)


def room(path: Path) -> str:
    """The folder of ``elmo_lite`` that a source lies in, or its own name where it lies in none."""
    parts = path.relative_to(ROOT / "elmo_lite").with_suffix("").parts
    return parts[0]


def arrows(path: Path) -> tuple[set[str], set[str]]:
    """Modules of elmo_lite, and packages outside the standard library, that a source imports."""
    inside, outside = set(), set()
    for name in imports(ast.parse(path.read_text(encoding="utf-8"))):
        top = name.partition(".")[0]
        if top == "elmo_lite":
            inside.add(name.removeprefix("elmo_lite").removeprefix("."))
        elif top not in sys.stdlib_module_names:
            outside.add(top)
    return inside, outside


SOURCES = sorted((ROOT / "elmo_lite").rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "elmo_lite")))
def test_arrows(path: Path) -> None:
    here = room(path)
    inside, outside = arrows(path)
    rooms = {name.partition(".")[0] for name in inside} - {here, ""}  # "" is the version, in elmo_lite itself
    if here != "__init__":
        allowed = ORDER[: ORDER.index(here)]
        assert rooms <= set(allowed), f"{path.name} imports {sorted(rooms - set(allowed))}, which stand to its right"
    strangers = outside - set(THIRD_PARTY[here].split())
    assert not strangers, f"{path.name} imports {sorted(strangers)}"
    assert here == "cli" or "command" not in {name.rpartition(".")[2] for name in inside}, "commands are the program's"


def test_no_row_is_unused() -> None:
    for here, packages in THIRD_PARTY.items():
        used = set().union(*(arrows(path)[1] for path in SOURCES if room(path) == here))
        assert set(packages.split()) == used, f"{here}: the table and the imports differ"


def test_there_is_no_circle() -> None:
    modules = {".".join(path.relative_to(ROOT / "elmo_lite").with_suffix("").parts): path for path in SOURCES}
    graph = {name: arrows(path)[0] & set(modules) for name, path in modules.items()}
    list(TopologicalSorter(graph).static_order())  # raises CycleError, which names the circle


def test_there_is_no_utils() -> None:
    assert not [path for folder in ("elmo_lite", "tasks") for path in (ROOT / folder).rglob("utils.py")]


TASK_SOURCES = sorted((ROOT / "tasks").rglob("*.py"))


def task_arrows(path: Path) -> tuple[str, set[str], set[str]]:
    """The room of a source of ``tasks``, and the modules of ``tasks`` and the third-party packages it imports."""
    names = set(imports(ast.parse(path.read_text(encoding="utf-8"))))
    inside = {name.removeprefix("tasks").removeprefix(".") for name in names if name.partition(".")[0] == "tasks"}
    outside = {name.partition(".")[0] for name in names} - {"tasks", "elmo_lite"} - set(sys.stdlib_module_names)
    return path.relative_to(ROOT / "tasks").with_suffix("").parts[0], inside, outside


@pytest.mark.parametrize("path", TASK_SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_arrows_of_tasks(path: Path) -> None:
    here, inside, outside = task_arrows(path)
    rooms = {name.partition(".")[0] for name in inside} - {here}
    of_words = {"tagging", "ner"} if here in ("classification", "sentiment") else set()
    allowed = set(TASKS_ORDER[: TASKS_ORDER.index(here)]) - of_words
    assert rooms <= allowed, f"{path.name} imports {sorted(rooms - allowed)}"
    strangers = outside - set(TASKS_THIRD_PARTY[here].split())
    assert not strangers, f"{path.name} imports {sorted(strangers)}"


def test_no_row_of_tasks_is_unused() -> None:
    found: dict[str, set[str]] = {here: set() for here in TASKS_THIRD_PARTY}
    for path in TASK_SOURCES:
        here, _, outside = task_arrows(path)
        found[here] |= outside
    assert found == {here: set(packages.split()) for here, packages in TASKS_THIRD_PARTY.items()}


def test_there_is_no_circle_in_tasks() -> None:
    modules = {".".join(path.relative_to(ROOT / "tasks").with_suffix("").parts): path for path in TASK_SOURCES}
    graph = {name: task_arrows(path)[1] & set(modules) for name, path in modules.items()}
    list(TopologicalSorter(graph).static_order())  # raises CycleError, which names the circle


def test_files_are_short() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in (*SOURCES, *TASK_SOURCES)
    }
    assert {name: length for name, length in lengths.items() if length > MAX_LINES} == {}


def test_functions_are_short() -> None:
    too_long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {length} lines"
        for path in (*SOURCES, *TASK_SOURCES)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > MAX_FUNCTION_LINES
    ]
    assert not too_long


OPEN_TO_TASKS = tuple(
    "errors extras fields files hardware locks metadata nn outputs paths pictures quiet repeat report saved_model "
    "stopping text".split()
)
"""Modules and packages of elmo_lite whose ``__all__`` the task models may use, beside the names of elmo_lite itself."""


@pytest.mark.parametrize("path", TASK_SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_tasks_use_public_names(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "elmo_lite":
            part = (node.module or "").removeprefix("elmo_lite").removeprefix(".")
            assert part in ["", *OPEN_TO_TASKS], f"{path}: {node.module} is not open to tasks"
            public = import_module(node.module or "").__all__
            assert {alias.name for alias in node.names} <= set(public), f"{path}: {node.module}"
        elif isinstance(node, ast.Import):
            assert not any(alias.name.startswith("elmo_lite.") for alias in node.names)


LAZY = ["elmo_lite", "elmo_lite.neighbors", "elmo_lite.nn", "elmo_lite.saved_model", "elmo_lite.text"]


@pytest.mark.parametrize("package", LAZY)
def test_lazy_names_agree(package: str) -> None:
    """What type checkers read is what is imported on first use."""
    module = import_module(package)
    tree = ast.parse(Path(module.__file__ or "").read_text(encoding="utf-8"))
    block = next(node for node in tree.body if is_type_checking(node))
    assert isinstance(block, ast.If)
    typed = {
        alias.name: (node.module or "").removeprefix(f"{package}.")
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed == module._MODULE_OF
    assert set(module.__all__) == set(typed) and set(typed) <= set(dir(module))
    for name, origin in typed.items():
        value = getattr(module, name)
        assert getattr(value, "__module__", f"{package}.{origin}") in (f"{package}.{origin}", "typing")
        assert value is getattr(import_module(f"{package}.{origin}"), name)


def test_names_that_moved_are_still_found() -> None:
    for name, place in elmo_lite._DEPRECATED.items():
        module, _, new_name = place.partition(":")
        with pytest.warns(
            DeprecationWarning, match=f"^elmo_lite.{name} is deprecated: import {new_name} from {module}$"
        ):
            assert getattr(elmo_lite, name) is getattr(import_module(module), new_name)
        assert name not in elmo_lite.__all__


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Bert'"):
        elmo_lite.Bert  # noqa: B018


def loaded(code: str, *packages: str) -> set[str]:
    """Which packages a fresh process has loaded after some code."""
    code += f"\nimport sys\nprint(*(name for name in {packages!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_import_is_instant() -> None:
    assert loaded("import elmo_lite", "torch", "numpy", "tokenizers", "jsonargparse", "importlib.metadata") == set()


def test_elmo_loads_torch_and_nothing_heavier() -> None:
    heavy = ("pytorch_lightning", "datasets", "h5py", "sklearn", "pyarrow", "pandas", "tensorboard")
    assert loaded("from elmo_lite import Elmo, BiLM, BiLMConfig, ScalarMix, save_model", "torch", *heavy) == {"torch"}


def test_packages_are_named() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    folders = {
        str(path.parent.relative_to(ROOT)).replace("/", ".")
        for top in ("elmo_lite", "tasks")
        for path in (ROOT / top).rglob("__init__.py")
    }
    presets = {f"elmo_lite.configs.{path.name}" for path in (ROOT / "configs").iterdir() if any(path.glob("*.yaml"))}
    assert set(settings["packages"]) == folders | {"elmo_lite.configs"} | presets
    assert all((ROOT / top / "py.typed").is_file() for top in ("elmo_lite", "tasks"))
