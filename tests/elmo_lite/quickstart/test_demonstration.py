"""What is shown is what was run."""

import shlex

import pytest

from elmo_lite.cli.main import COMMANDS, Command
from elmo_lite.errors import ConfigError
from elmo_lite.quickstart.demonstration import run, title


def say_command(text: str, *, times: int = 1) -> None:
    """Say something.

    Args:
        text: what.
        times: how often.
    """
    if times < 1:
        raise ConfigError(f"--times: expected 1 or more, found {times}")
    for _ in range(times):
        print(text)
        print()


@pytest.fixture(autouse=True)
def say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMMANDS, "say", Command(f"{__name__}:say_command"))


def test_title_stands_apart(capsys: pytest.CaptureFixture[str]) -> None:
    title("Corpus")
    assert capsys.readouterr().out == "\n== Corpus\n"


def test_shows_the_command_and_its_output(capsys: pytest.CaptureFixture[str]) -> None:
    run("say", "two words", "--times", 2)
    assert capsys.readouterr().out == "   $ elmo-lite say 'two words' --times 2\n   two words\n\n   two words\n\n"


def test_long_command_can_be_copied(capsys: pytest.CaptureFixture[str]) -> None:
    text = "it's " + 20 * "long "
    run("say", text, "--times", 1)
    command = capsys.readouterr().out.partition("   it's")[0]
    assert len(command.splitlines()) == 2
    program, name, *argv = shlex.split(command.replace("\\\n", " ").strip(" $\n"))
    assert (program, name, argv) == ("elmo-lite", "say", [text, "--times", "1"])


def test_errors_are_left_to_the_caller(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigError, match="expected 1 or more"):
        run("say", "nothing", "--times", 0)
    assert capsys.readouterr().out == "   $ elmo-lite say nothing --times 0\n"
