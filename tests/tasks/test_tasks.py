"""The package's own names: found on first use, and nothing heavy before that."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def loaded(code: str, *packages: str) -> set[str]:
    """Which packages a fresh process has loaded after some code."""
    code += f"\nimport sys\nprint(*(name for name in {packages!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_import_is_instant() -> None:
    packages = "import tasks, tasks.classification, tasks.sentiment, tasks.tagging"
    assert loaded(packages, "torch", "sklearn", "numpy") == set()


def test_a_classifier_loads_torch_and_nothing_heavier() -> None:
    heavy = ("pytorch_lightning", "sklearn", "matplotlib", "gensim", "datasets", "pandas")
    assert loaded("from tasks.sentiment import SentimentClassifier, evaluate", "torch", *heavy) == {"torch"}


def test_train_is_the_function_whatever_was_imported_before() -> None:
    for package in ("tasks.classification", "tasks.sentiment"):
        modules = f"import {package}.training, {package}.commands"
        assert loaded(f"{modules}; from {package} import train; assert train.__name__ == 'train'") == set()


@pytest.mark.parametrize("package", ["tasks", "tasks.classification", "tasks.sentiment", "tasks.tagging"])
def test_names(package: str) -> None:
    import importlib

    pytest.importorskip("sklearn")
    module = importlib.import_module(package)
    for name in module.__all__:
        assert getattr(module, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'Bert'"):
        _ = module.Bert


@pytest.mark.parametrize("use", ["import tasks; tasks.ElmoVectorizer", "from tasks import ElmoVectorizer"])
def test_the_vectorizer_names_its_extra(use: str) -> None:
    code = f"import sys; sys.modules['sklearn'] = None; {use}"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    expected = "expected scikit-learn, found no such package; pip install 'elmo_lite[tasks]'"
    assert done.returncode == 1 and done.stderr.splitlines()[-1] == f"ModuleNotFoundError: ElmoVectorizer: {expected}"
