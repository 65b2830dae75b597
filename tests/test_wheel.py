"""The wheel carries the packages, the presets and the program, and works away from the checkout."""

import importlib.util
import itertools
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from elmo_lite import BiLM, BiLMConfig, CharCNNConfig, LMHead, Tokenization, Vocabulary, save_model

ROOT = Path(__file__).parents[1]
MODEL_FILES = {"config.json", "vocabulary.txt", "model.safetensors", "lm_head.safetensors", "README.md"}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources, as building writes beside them, with one more pretrained model."""
    if importlib.util.find_spec("build") is None or importlib.util.find_spec("setuptools") is None:
        pytest.skip("needs build and setuptools (the extra dev)")
    source = tmp_path_factory.mktemp("source")
    # Without the large models: their names are compared elsewhere, and compressing them takes its time.
    ignored = shutil.ignore_patterns("__pycache__", "*.safetensors")
    for name in ("elmo_lite", "tasks", "configs"):
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    cnn = CharCNNConfig(embedding_dim=4, filters=((1, 4),))
    bilm, vocabulary = BiLM(BiLMConfig(char_cnn=cnn, dim=4, lstm_dim=4)), Vocabulary(["the"])
    head = LMHead(len(vocabulary), 4)
    save_model(source / "elmo_lite" / "models" / "small", bilm, Tokenization(), vocabulary, head, head_dtype="int8")
    return source


@pytest.fixture(scope="module")
def installed(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel unpacked, which is all that installing a pure wheel does."""
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(source / "dist"), str(source)]
    subprocess.run(build, check=True, capture_output=True)
    target = tmp_path_factory.mktemp("installed")
    (wheel,) = (source / "dist").glob("*.whl")
    zipfile.ZipFile(wheel).extractall(target)
    return target


def run(installed: Path, code: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=installed.parent, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_finds_presets(installed: Path) -> None:
    found = run(installed, "from elmo_lite.presets import preset_path; print(preset_path('laptop'))")
    assert Path(found) == installed / "elmo_lite" / "configs" / "pretrain" / "laptop.yaml"
    for task in ("ner", "sentiment"):
        found = run(installed, f"from elmo_lite.presets import preset_names; print(*preset_names('{task}'))")
        assert found.split() == ["few", "paper"]


def test_carries_both_packages_typed(installed: Path) -> None:
    assert run(installed, "import elmo_lite, tasks; print(tasks.__file__)").startswith(str(installed))
    assert (installed / "elmo_lite" / "py.typed").is_file() and (installed / "tasks" / "py.typed").is_file()


def test_carries_the_samples(installed: Path) -> None:
    code = "from importlib.resources import files; print(*(p.name for p in files('tasks.samples').iterdir()))"
    names = {f"{task}_{p}" for task, p in itertools.product(("ner", "sentiment"), ("train", "dev", "test"))}
    assert names <= {Path(name).stem for name in run(installed, code).split()}


def test_carries_models_by_name(installed: Path) -> None:
    assert {path.name for path in (installed / "elmo_lite" / "models" / "small").iterdir()} == MODEL_FILES
    code = "from elmo_lite import Elmo; print(Elmo.from_pretrained('small').embed([['a', 'b']])[0].shape)"
    assert run(installed, code) == "(3, 2, 8)"


def test_source_archive_carries_models_and_presets(source: Path) -> None:
    build = [sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", str(source / "dist"), str(source)]
    subprocess.run(build, check=True, capture_output=True)
    (archive,) = (source / "dist").glob("*.tar.gz")
    with tarfile.open(archive) as file:
        names = {name.partition("/")[2] for name in file.getnames()}
    assert {f"elmo_lite/models/small/{name}" for name in MODEL_FILES} <= names
    assert "configs/pretrain/laptop.yaml" in names and "tasks/samples/ner_train.iob2" in names


def test_has_the_program(installed: Path) -> None:
    (entry_points,) = installed.glob("*.dist-info/entry_points.txt")
    assert "elmo-lite = elmo_lite.cli.main:main" in entry_points.read_text()
    assert "pretrain" in run(installed, "from elmo_lite.cli.main import main; main(['--help'])")


def test_carries_the_templates_of_the_report(installed: Path) -> None:
    page = run(installed, "from elmo_lite.report.page import make_page; print(make_page([]))")
    assert page.startswith("<!DOCTYPE html>") and "--paper" in page


def test_model_works(installed: Path) -> None:
    code = "from elmo_lite import BiLM, BiLMConfig, Elmo; print(Elmo(BiLM(BiLMConfig())).embed([['a', 'b']])[0].shape)"
    assert run(installed, code) == "(3, 2, 512)"
