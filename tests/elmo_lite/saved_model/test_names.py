"""Names of models: a directory first, then what the package carries, then the hub."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest

from elmo_lite.errors import CheckpointError
from elmo_lite.saved_model import names as model_names
from elmo_lite.saved_model.names import find_model, models_directory, packaged_names
from elmo_lite.saved_model.settings import CONFIG, FILES


@pytest.fixture
def packaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packaged models that holds one named en, in a working directory that holds nothing."""
    (tmp_path / "models" / "en").mkdir(parents=True)
    (tmp_path / "models" / "en" / CONFIG).write_text("{}")
    (tmp_path / "models" / "unfinished").mkdir()
    monkeypatch.setattr(model_names, "models_directory", lambda: tmp_path / "models")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "models"


def fails(name: str | Path, match: str) -> None:
    with pytest.raises(CheckpointError, match=match) as caught:
        find_model(name)
    assert "\n" not in str(caught.value)


def test_the_folder_is_inside_the_package() -> None:
    assert models_directory() == Path(model_names.__file__).parents[1] / "models"


def test_packaged_name(packaged: Path) -> None:
    assert packaged_names() == ["en"]
    assert find_model("en") == packaged / "en"


def test_no_packaged_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_names, "models_directory", lambda: tmp_path / "none")
    assert packaged_names() == []
    fails("a b", "^a b: expected a saved model directory or a hub name owner/model, found none of these$")


def test_a_directory_goes_first(packaged: Path) -> None:
    Path("en").mkdir()
    fails("en", f"^en: expected a saved model, found a folder without {CONFIG} that hides the packaged model en$")
    (Path("en") / CONFIG).write_text("{}")
    assert find_model("en") == Path("en")
    assert find_model(str(Path("en").resolve())) == Path("en").resolve()


def test_a_file_does_not(packaged: Path) -> None:
    Path("en").write_text("some text")
    assert find_model("en") == packaged / "en"
    Path("model").write_text("x")
    fails("model", "^model: expected a saved model directory, found a file$")


def test_neither_path_nor_name(packaged: Path, tmp_path: Path) -> None:
    expected = r"expected a saved model directory, a packaged model \(en\) or a hub name owner/model"
    fails(tmp_path / "nothing", f"nothing: {expected}, found none of these$")


@pytest.mark.parametrize(("name", "hint"), [("eng", "; did you mean en?"), ("EN", "; did you mean en?"), ("xyz", "")])
def test_a_mistyped_name_without_a_network(packaged: Path, name: str, hint: str) -> None:
    expected = r"expected a saved model directory, a packaged model \(en\) or a model on the hub, found none of these"
    fails(name, f"^{name}: {expected}{hint.replace('?', '[?]')} [(]")


def test_without_the_hub_client(packaged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    assert find_model("en") == packaged / "en"
    expected = r"expected a saved model directory or a packaged model \(en\), found none; did you mean en\?"
    fails("eng", rf"^eng: {expected} \(hub names need: pip install")


def test_hub_name(packaged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def download(name: str, **options: Any) -> str:
        asked.append((name, options["revision"], options["allow_patterns"]))
        if name != "someone/elmo":
            raise OSError("404: no\nsuch repository")
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert find_model("someone/elmo", revision="v1") == tmp_path
    assert asked == [("someone/elmo", "v1", list(FILES))]
    fails("someone/else", r"^someone/else: expected .*found none of these \(404: no such repository\)$")


@pytest.mark.skipif(sys.platform == "win32", reason="no process is known to have ended there")
def test_a_model_that_a_killed_process_moved_away_is_put_back(tmp_path: Path) -> None:
    """The process was killed between the two renames of a model and its successor."""
    code = (
        "import sys; from pathlib import Path; from elmo_lite import atomic\n"
        "model = Path(sys.argv[1]); model.rename(atomic._beside(model, '.old'))"
    )
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / CONFIG).write_text("{}")
    subprocess.run([sys.executable, "-c", code, tmp_path / "model"], cwd=Path(__file__).parents[3], check=True)
    assert not (tmp_path / "model").exists()
    assert find_model(tmp_path / "model") == tmp_path / "model"
    assert (tmp_path / "model" / CONFIG).read_text() == "{}"
