"""The program in process: dispatch, arguments, errors as one line."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, Literal

import pytest
import torch

from elmo_lite import __version__
from elmo_lite.cli import main as cli
from elmo_lite.cli.main import COMMANDS, Command, main
from elmo_lite.errors import ConfigError, CorpusError
from elmo_lite.stopping import Stopped

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    """Optimiser."""

    learning_rate: float = 1e-3
    """Step size, positive."""
    kind: Literal["adam", "muon"] = "adam"
    """Which one."""

    def __post_init__(self) -> None:
        if self.learning_rate <= 0:
            raise ConfigError(f"optimizer.learning_rate: expected a positive number, found {self.learning_rate}")


@dataclass(frozen=True, kw_only=True)
class Data:
    batch_size: int = 32
    """Sentences."""
    filters: tuple[tuple[int, int], ...] = ((1, 32),)
    """Pairs."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """All settings."""

    optimizer: Optimizer = field(default_factory=Optimizer)
    """How to step."""
    data: Data = field(default_factory=Data)
    """What to read."""
    seed: int = 1
    """Of every random number."""


calls: list[Any] = []


def train_command(config: Config, corpus: str, out: str, max_steps: int | None = None, resume: bool = False) -> None:
    """Train a toy.

    Args:
        config: settings.
        corpus: directory of the corpus, 100 % of it.
        out: where to write.
        max_steps: steps to do.
        resume: go on.
    """
    calls.append((config, corpus, out, max_steps, resume))


def join_command(texts: list[str], *, out: str, width: int = 50, held_out: list[str] | None = None) -> None:
    """Join texts."""
    calls.append((texts, out, width, held_out))


def raising_command(what: str) -> None:
    """Fail in a chosen way."""
    errors: dict[str, BaseException] = {
        "corpus": CorpusError("a.txt, line 3: expected UTF-8,\nfound byte 0xff at offset 7"),
        "missing": FileNotFoundError(2, "No such file or directory", "a.txt"),
        "denied": PermissionError(13, "Permission denied", "b.txt"),
        "folder": IsADirectoryError(21, "Is a directory", "c"),
        "interrupt": KeyboardInterrupt(),
        "stopped": Stopped("stopped at step 3; --resume continues", signal.SIGTERM),
        "optional": ModuleNotFoundError("No module named 'h5py'", name="h5py"),
        "bug": RuntimeError("a bug"),
        "full": torch.OutOfMemoryError(
            "CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 8 GiB"
        ),
        "absent": ModuleNotFoundError("No module named 'nothing'", name="nothing"),
    }
    raise errors[what]


def print_command() -> None:
    """Print a result."""
    print(json.dumps({"perplexity": 1.5}))


@pytest.fixture(autouse=True)
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    calls.clear()
    monkeypatch.setitem(COMMANDS, "train", Command(f"{__name__}:train_command", ()))
    monkeypatch.setitem(COMMANDS, "join", Command(f"{__name__}:join_command"))
    monkeypatch.setitem(COMMANDS, "raise", Command(f"{__name__}:raising_command"))
    monkeypatch.setitem(COMMANDS, "print", Command(f"{__name__}:print_command"))


def error_line(capsys: pytest.CaptureFixture[str], argv: list[str], status: int = 2) -> str:
    assert main(argv) == status
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("elmo-lite: error: ") and output.err.count("\n") == 1
    return output.err.removeprefix("elmo-lite: error: ").strip()


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    output = capsys.readouterr().out
    assert all(name in output for name in ("corpus", "pretrain", "evaluate", "embed", "quickstart"))
    assert main([]) == 2


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--version"], ["-V"], ["ner", "-V"], ["sentiment", "--version"], ["ner", "train", "-V"]):
        assert main(arguments) == 0
        assert capsys.readouterr().out == f"elmo-lite {__version__}\n"


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from elmo_lite.cli.main import main; main(['--help']); "
        "print([m for m in ('torch', 'numpy', 'jsonargparse') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_module_runs_as_the_program() -> None:
    done = subprocess.run([sys.executable, "-m", "elmo_lite", "corps"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.strip().endswith("did you mean corpus?")


def test_command_help_shows_docstrings(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--help_all"]) == 0
    output = " ".join(capsys.readouterr().out.split())
    for text in ("Train a toy", "--optimizer.learning_rate", "Step size, positive", "100 % of it", "--resume", "1e-3"):
        assert text.replace("1e-3", "0.001") in output


def test_flags_files_and_defaults(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("optimizer:\n  learning_rate: 5e-4\ndata:\n  filters: [[1, 2], [3, 4]]\n")
    assert main(["train", "--seed", "7", "--config", str(path), "--corpus", "c", "--out", "o", "--resume"]) == 0
    config, corpus, out, max_steps, resume = calls[0]
    assert config == Config(optimizer=Optimizer(learning_rate=5e-4), data=Data(filters=((1, 2), (3, 4))), seed=7)
    assert (corpus, out, max_steps, resume) == ("c", "o", None, True)


def test_flag_wins_over_file_in_any_order(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("optimizer: {learning_rate: 5e-4}\n")
    flag = ["--optimizer.learning_rate", "2e-4"]
    for argv in ([*flag, f"--config={path}"], [f"--config={path}", *flag]):
        assert main(["train", *argv, "--corpus=c", "--out=o", "--max_steps=3"]) == 0
    assert [call[0].optimizer.learning_rate for call in calls] == [2e-4, 2e-4]
    assert calls[0][3] == 3


def test_list_of_positionals() -> None:
    assert main(["join", "a.txt", "b.txt", "--out", "o"]) == 0
    assert main(["join", "--held_out", "v.txt", "--held_out", "w.txt", "a.txt", "--out", "o", "--width", "9"]) == 0
    assert calls == [(["a.txt", "b.txt"], "o", 50, None), (["a.txt"], "o", 9, ["v.txt", "w.txt"])]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            "optimizer:\n  learnin_rate: 1\n",
            "unknown key optimizer.learnin_rate; did you mean optimizer.learning_rate?",
        ),
        ("optimiser:\n  learning_rate: 1\n", "unknown key optimiser; did you mean optimizer?"),
        ("batch_size: 3\n", "unknown key batch_size; did you mean data.batch_size?"),
        ("optimizer: [\n", "expected YAML"),
        ("- 1\n", "expected settings as `key: value`, found a list"),
        ("optimizer:\n  learning_rate: fast\n", "optimizer.learning_rate: expected a number, found fast"),
        ("data:\n  batch_size: 2.5\n", "data.batch_size: expected an integer, found 2.5"),
        ("optimizer:\n  kind: sgd\n", "optimizer.kind: expected one of adam, muon, found sgd"),
        ("optimizer:\n  learning_rate: -1\n", "optimizer.learning_rate: expected a positive number, found -1.0"),
        ("data: 3\n", "data"),
    ],
)
def test_bad_yaml(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, expected: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(content)
    assert expected in error_line(capsys, ["train", "--config", str(path), "--corpus", "c", "--out", "o"])
    assert calls == []


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["--corpus", "c", "--out", "o", "--optimizer.learnin_rate", "1"], "did you mean --optimizer.learning_rate?"),
        (["--corpus", "c", "--outt", "o"], "--outt: unknown flag; did you mean --out?"),
        (["--corpus", "c", "--out", "o", "--batch_size=3"], "did you mean --data.batch_size?"),
        (
            ["--corpus", "c", "--out", "o", "--optimizer.learning_rate", "x"],
            "optimizer.learning_rate: expected a number",
        ),
        (["--corpus", "c", "--out", "o", "--max_steps", "many"], "max_steps"),
        (["--corpus", "c"], "out"),
        (["--corpus", "c", "--out", "o", "more"], "more"),
        (["--corpus", "c", "--out", "o", "--config"], "--config: expected the name"),
        (["--corpus", "c", "--out", "o", "--config", "no/such.yaml"], "no/such.yaml: expected a YAML file"),
        (["--corpus", "c", "--out", "o", "--config", "nonesuch"], "found 'nonesuch'"),
    ],
)
def test_bad_arguments(capsys: pytest.CaptureFixture[str], argv: list[str], expected: str) -> None:
    assert expected in error_line(capsys, ["train", *argv])
    assert calls == []


@pytest.mark.parametrize(
    ("what", "status", "expected"),
    [
        ("corpus", 2, "a.txt, line 3: expected UTF-8, found byte 0xff at offset 7"),
        ("missing", 2, "a.txt: No such file or directory"),
        ("denied", 2, "b.txt: Permission denied"),
        ("folder", 2, "c: Is a directory"),
        ("optional", 2, "this needs the package h5py: pip install 'elmo_lite[hdf5]'"),
        (
            "full",
            2,
            "memory of the GPU: expected room for a batch, found none (CUDA out of memory. Tried to allocate 20.00 GiB)"
            "; smaller batches need less",
        ),
    ],
)
def test_errors_are_one_line(capsys: pytest.CaptureFixture[str], what: str, status: int, expected: str) -> None:
    assert error_line(capsys, ["raise", what], status) == expected


@pytest.mark.parametrize(
    ("what", "status", "line"),
    [
        ("interrupt", 130, "elmo-lite: interrupted\n"),
        ("stopped", 143, "elmo-lite: stopped at step 3; --resume continues\n"),
    ],
)
def test_a_stop_is_no_error(capsys: pytest.CaptureFixture[str], what: str, status: int, line: str) -> None:
    assert main(["raise", what]) == status
    assert capsys.readouterr().err == line


def test_sigterm_cleans_up_and_ends_with_143(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys, time; from pathlib import Path; from elmo_lite import files; "
        "from elmo_lite.cli import main as program\n"
        "def command():\n"
        "    with files.scratch_directory(Path(sys.argv[1]) / 'out'):\n"
        "        os.kill(os.getpid(), signal.SIGTERM); time.sleep(5)\n"
        "program.run_command = lambda *_: command()\n"
        "sys.exit(program.main(['corpus']))"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (143, "elmo-lite: terminated\n")
    assert not list(tmp_path.iterdir())


def test_bugs_keep_their_traceback() -> None:
    with pytest.raises(RuntimeError, match="a bug"):
        main(["raise", "bug"])
    with pytest.raises(ModuleNotFoundError, match="nothing"):
        main(["raise", "absent"])


def test_unknown_command_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert error_line(capsys, ["pretrian"]).endswith("found 'pretrian'; did you mean pretrain?")
    assert "did you mean" not in error_line(capsys, ["xyzzy"])


def test_results_go_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["print"]) == 0
    assert json.loads(capsys.readouterr().out) == {"perplexity": 1.5}


def test_reader_of_the_output_may_leave() -> None:
    code = "import sys; from elmo_lite.cli.main import main; sys.exit(main(['--help']))"
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


def test_commands_of_other_packages(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    points = [
        EntryPoint("toy.train", f"{__name__}:join_command", cli.ENTRY_POINT_GROUP),
        EntryPoint("toy.predict", f"{__name__}:print_command", cli.ENTRY_POINT_GROUP),
    ]
    monkeypatch.setattr(
        "importlib.metadata.entry_points", lambda group: points if group == "elmo_lite.commands" else []
    )
    assert main(["toy", "train", "a", "--out", "o"]) == 0
    assert calls == [(["a"], "o", 50, None)]
    assert main(["toy", "--help"]) == 0
    assert "toy predict" in capsys.readouterr().out
    assert main(["toy"]) == 2
    capsys.readouterr()
    assert error_line(capsys, ["toy", "trian"]).endswith("did you mean toy train?")


def test_commands_of_other_packages_are_described_unread(capsys: pytest.CaptureFixture[str]) -> None:
    command = Command("elmo_lite.published.format:import_command")  # its module loads torch
    assert command.summary() == "Turn a model in the published ELMo format into a saved model directory"
    assert Command("no_such_package.module:function").summary() == ""
    assert Command("elmo_lite.errors:nothing").summary() == ""


def test_null_where_a_value_is_needed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("settings.yaml").write_text("optimizer:\n  learning_rate: null\nmodel:\n  cell_clip: null\n")
    found = error_line(capsys, ["pretrain", "--corpus", "c", "--out", "o", "--config", "settings.yaml"])
    assert found == "optimizer.learning_rate: expected a value, found null"
