"""The options of every command, its messages, and the flags that hints name."""

import ast
import inspect
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from elmo_lite import __version__
from elmo_lite.cli.arguments import call_with_arguments, parse
from elmo_lite.cli.common import common_options
from elmo_lite.cli.main import all_commands, command_positionals, main
from elmo_lite.cli.signatures import function_parser
from elmo_lite.errors import ConfigError, CorpusError
from elmo_lite.text.lines import LineLimit

COMMANDS = all_commands()
ROOT = Path(__file__).parents[3]


def flags_of(name: str) -> set[str]:
    command = COMMANDS[name]
    return set(function_parser(command.load(), name, command_positionals(command))._option_string_actions)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_them(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert {"--quiet", "--threads", "--max_line_bytes", "--help", "--help_all", "-V", "--version"} <= flags_of(name)
    for flag in ("-V", "--version"):
        assert main([*name.split(), flag]) == 0
        assert capsys.readouterr().out == f"elmo-lite {__version__}\n"
    assert main([*name.split(), "--threads", "0"]) == 2
    assert main(["-V"]) == 0


@pytest.mark.parametrize("name", COMMANDS)
def test_short_help_leaves_out_rare_options_and_says_so(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*name.split(), "--help_all"]) == 0
    whole = capsys.readouterr().out
    assert main([*name.split(), "--help"]) == 0
    short = capsys.readouterr().out
    assert "rare options:" not in short and not re.search(r"^  --\w+\.", short, re.MULTILINE)
    shown, listed = (set(re.findall(r"^  (--?\w[\w.]*)", text, re.MULTILINE)) for text in (short, whole))
    assert shown <= listed and listed <= flags_of(name)
    left = re.search(r"^(\d+) more options: elmo-lite .* --help_all$", short, re.MULTILINE)
    assert (int(left[1]) if left else 0) == len(listed - shown)


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in ("corpus", "import", "export", "compress")])
def test_commands_that_compute_have_a_device(name: str) -> None:
    flags = flags_of(name)
    assert name in ("quickstart", "report") or "--device" in flags or "--finetune.device" in flags


def test_options_hold_for_the_command_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    logger, before = logging.getLogger("elmo_lite"), torch.get_num_threads()
    level = logger.level
    with common_options(quiet=True, threads=2):
        assert (logger.level, torch.get_num_threads(), os.environ["OMP_NUM_THREADS"]) == (logging.WARNING, 2, "2")
    assert (logger.level, torch.get_num_threads(), os.environ["OMP_NUM_THREADS"]) == (level, before, "1")
    with common_options(quiet=False, threads=None):
        assert (logger.level, torch.get_num_threads()) == (level, before)


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["embed"], "expected MODEL, INPUT, OUTPUT, found no such argument (usage: elmo-lite embed MODEL INPUT OUTPUT"),
        (["evaluate", "en"], "expected TEXT, found no such argument"),
        (["corpus", "a.txt"], "expected --out, found no such argument"),
        (["pretrain"], "expected --corpus, --out, found no such argument"),
        (["embed", "a", "b", "c", "d"], "expected no more arguments, found d"),
        (["embed", "a", "b", "c", "--layers"], "--layers: expected a value, found none"),
        (["pretrain", "--model", "en", "--corpus", "c", "--out", "o"], "(--init starts from a saved model)"),
        (["pretrain", "--corpus", "c", "--out", "o", "--seed", "-1"], "seed: expected a number in 0..4294967295"),
        (["pretrain", "--corpus", "c", "--out", "o", "--seed", "4294967296"], "found 4294967296"),
        (["ner", "train", "--train=a", "--dev=b", "--out=o", "--finetune.seed=-1"], "expected a number in 0..42949672"),
        (["pretrain", "--corpus", "c", "--out", "o", "--device", "abacus"], "device: expected auto, cpu, cuda, cuda:N"),
    ],
)
def test_messages_name_arguments_as_they_are_typed(
    capsys: pytest.CaptureFixture[str], argv: list[str], expected: str
) -> None:
    assert main(argv) == 2
    assert expected in capsys.readouterr().err


def test_hints_name_flags_of_the_command() -> None:
    def evaluate(*, text_column: str | None = None, data_max_width: int = 1) -> None:
        """Score."""
        raise CorpusError("a.csv: expected a column (choose with --data.text_column, not --max_width)")

    with pytest.raises(
        CorpusError, match=r"^a\.csv: expected a column \(choose with --text_column, not --max_width\)$"
    ):
        call_with_arguments(evaluate, [], prog="evaluate", positionals=(), preset_group="none")


def test_sentiment_evaluate_names_its_own_flags(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tasks.classification.tables import Columns

    for needs_label, expected in (
        (True, {"--data.text_column", "--data.label_column"}),
        (False, {"--data.text_column"}),
    ):
        with pytest.raises(CorpusError) as caught:
            Columns(None, None, needs_label).find(["a", "b"], "t.csv")
        assert set(re.findall(r"--[\w.]+", str(caught.value))) == expected


def commands_of(path: Path) -> list[str]:
    """The commands that run a source."""
    parts = path.relative_to(ROOT).parts
    of_room = {
        "corpus": ["corpus"],
        "embedding": ["embed"],
        "lm": ["evaluate", "score", "next", "generate", "pretrain"],
        "pretraining": ["pretrain"],
        "ladder": ["ladder"],
    }
    of_room |= {
        "saved_model": ["compress", "pretrain"],
        "published": ["import", "export"],
        "quickstart": ["quickstart"],
    }
    if parts[0] == "tasks":
        names = [name for name in COMMANDS if name.split()[0] in ("ner", "classify", "sentiment")]
        groups = ("classify", "sentiment") if parts[1] == "classification" else (parts[1],)
        return [name for name in names if name.split()[0] in groups] or names
    return of_room.get(parts[1], ["corpus", "evaluate", "embed"] if parts[1] == "text" else [])


def named_flags(path: Path) -> set[str]:
    """The flags in the messages of errors and of the log in a source."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Raise | ast.Assign)]
    texts = [
        n.value for call in calls for n in ast.walk(call) if isinstance(n, ast.Constant) and isinstance(n.value, str)
    ]
    return {flag for text in texts for flag in re.findall(r"(?<![\w-])--[a-z][\w.]*\w", text)}


SOURCES = [path for top in ("elmo_lite", "tasks") for path in (ROOT / top).rglob("*.py") if commands_of(path)]


@pytest.mark.parametrize("path", [path for path in SOURCES if named_flags(path)], ids=lambda path: path.name)
def test_flags_in_messages_exist(path: Path) -> None:
    of_corpus = {"--tokenizer", "--segmenter", "--max_characters"}  # build the corpus with
    elsewhere = of_corpus if "pretraining" in path.parts else set()
    if "quickstart" in path.parts:
        elsewhere = {flag for name in COMMANDS for flag in flags_of(name)}  # it shows the other commands
    known = {flag for name in commands_of(path) for flag in flags_of(name)}
    assert named_flags(path) <= known | elsewhere


def test_an_error_keeps_its_class() -> None:
    def fail() -> None:
        """Fail."""
        raise ConfigError("--out: expected nothing there")

    with pytest.raises(ConfigError, match="^--out: expected nothing there$"):
        call_with_arguments(fail, [], prog="fail", positionals=(), preset_group="none")


SILENT = ("ner evaluate", "tag evaluate", "classify evaluate", "sentiment evaluate")
PROGRESS = [
    name for name in COMMANDS if name.split()[-1] in ("corpus", "pretrain", "ladder", "evaluate", "embed", "train")
]


@pytest.mark.parametrize("name", [name for name in PROGRESS if name not in SILENT])
def test_commands_with_a_bar_learn_of_quiet(name: str) -> None:
    assert "quiet" in inspect.signature(COMMANDS[name].load()).parameters


def test_quiet_leaves_results_alone(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("The cat sat.\n" * 9, encoding="utf-8")
    command = [sys.executable, "-m", "elmo_lite", "corpus", "text.txt", "--out", "corpus", "--quiet"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, "") and "distinct words" in done.stdout


def test_the_limit_of_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.txt"
    path.write_text("short\n" + "x" * (1 << 21) + "\n")
    argv = ["corpus", str(path), "--out", str(tmp_path / "out"), "--quiet"]
    assert main([*argv, "--max_line_bytes", "1000000"]) == 2
    expected = "line 2: expected at most 1,000,000 bytes (--max_line_bytes raises this limit), found more"
    assert expected in capsys.readouterr().err
    assert main([*argv, "--max_line_bytes", "0"]) == 2
    assert "--max_line_bytes: expected 1 or more, found 0" in capsys.readouterr().err
    assert main(argv) == 0 and LineLimit.num_bytes == 16 << 20


def test_a_setting_that_is_true_or_false_needs_no_value() -> None:
    parser = function_parser(COMMANDS["ner train"].load(), "ner train", ())
    needed = ["--train", "t", "--dev", "d", "--out", "o"]
    for argv, expected in ((["--chars"], True), (["--chars", "false"], False), (["--chars=false"], False), ([], None)):
        assert parse(parser, [*needed, *argv], "ner")["chars"] is expected
    assert parse(parser, [*needed[:4], "--finetune.gradual_unfreezing", *needed[4:]], "ner")["out"] == "o"
    with pytest.raises(ConfigError, match="^chars: expected true or false, found x$"):
        parse(parser, [*needed, "--chars", "x"], "ner")
