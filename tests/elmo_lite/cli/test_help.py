"""The ``--help`` of every command: whole sentences, required arguments first, rare options last, nothing twice."""

import argparse
import re
import subprocess
import sys
from pathlib import Path

import pytest
from jsonargparse import ArgumentParser

from elmo_lite.cli.help import documentation_of, shown
from elmo_lite.cli.main import all_commands, command_positionals
from elmo_lite.cli.signatures import function_parser

COMMANDS = all_commands()


def parser_of(name: str) -> ArgumentParser:
    command = COMMANDS[name]
    return function_parser(command.load(), f"elmo-lite {name}", command_positionals(command))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_argument_has_a_sentence(name: str) -> None:
    parser = parser_of(name)
    assert parser.description and parser.description.endswith(".")
    for action in parser._actions:
        text = action.help
        if text == argparse.SUPPRESS:
            continue
        assert text, action.dest
        assert text[0].isupper() or text[0] in '"[', f"{action.dest}: {text}"
        assert text.endswith("."), f"{action.dest}: {text}"


@pytest.mark.parametrize("name", COMMANDS)
def test_required_arguments_come_first(name: str) -> None:
    lines = parser_of(name).format_help().splitlines()
    headings = [line for line in lines if re.fullmatch(r"\w.*:", line)]
    if "required arguments:" in headings:
        assert headings.index("required arguments:") == 0
    assert headings.index("options:") <= 1
    if "rare options:" in headings:
        assert headings[-1] == "rare options:"
    assert lines[0].startswith(f"usage: elmo-lite {name} ") and lines[0].endswith("[options]")


@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_is_said_twice(name: str) -> None:
    text = " ".join(parser_of(name).format_help().split())
    assert "(type:" not in text and "Literal[" not in text and "(default:" not in text
    assert "Path to a configuration file" not in text


def test_defaults_are_sentences_in_the_spelling_of_yaml() -> None:
    text = " ".join(parser_of("pretrain").format_help().split())
    assert "from its last saved state. --max_time" not in text
    assert "in words; at least 2. Defaults to 64." in text
    assert "Defaults to [[1, 32], [2, 32], [3, 64], [4, 128], [5, 128], [6, 128]]." in text
    assert "last saved state. --init" in text  # a bare flag has no default to name
    assert text.count("Defaults to --epochs passes over the corpus.") == 1
    assert [shown(value) for value in (True, None, "auto", 0.1, (1, 2))] == ["true", "null", "auto", "0.1", "[1, 2]"]


def test_rare_parameters_have_a_section_of_their_own() -> None:
    def command(name: str, size: int = 3, depth: int = 2) -> None:
        """Do it.

        Args:
            name: The name,
                on two lines.

        Other Args:
            size: The size.
            depth: The depth.
        """

    found = documentation_of(command)
    assert found.summary == "Do it." and found.rare == {"size", "depth"}
    assert found.help_of == {"name": "The name, on two lines.", "size": "The size.", "depth": "The depth."}


@pytest.mark.parametrize("name", ["corpus", "pretrain", "quickstart"])
def test_help_imports_nothing_heavy(name: str) -> None:
    """PyTorch and Lightning take seconds; whoever reads the help has not decided yet."""
    code = (
        "import sys; from elmo_lite.cli.main import main\n"
        f"status = main([{name!r}, '--help'])\n"
        "print(status, *({'torch', 'pytorch_lightning', 'huggingface_hub', 'pandas'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0].startswith(f"usage: elmo-lite {name} ")
    assert done.stdout.splitlines()[-1] == "0"


def test_an_argument_that_may_be_left_out() -> None:
    lines = parser_of("score").format_help().splitlines()
    assert lines[0] == "usage: elmo-lite score MODEL TEXT [OUTPUT] [options]"
    place = next(number for number, line in enumerate(lines) if line.startswith("  OUTPUT "))
    assert "options:" in lines[:place] and "required arguments:" in lines[:place]
    assert parser_of("score").parse_args(["en", "a.txt"]).output is None
    assert parser_of("score").parse_args(["en", "a.txt", "b.tsv", "--oov", "skip"]).output == "b.tsv"
