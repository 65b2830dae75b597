"""The program ``elmo-lite``: finds the command, calls its function, turns mistakes into one line.

Nothing heavy is imported before the command is known, so that ``elmo-lite --help`` answers at once.
"""

from __future__ import annotations

import ast
import difflib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from elmo_lite import __version__
from elmo_lite.errors import ConfigError, ElmoLiteError

PROGRAM = "elmo-lite"
ENTRY_POINT_GROUP = "elmo_lite.commands"
EXTRA_OF = {
    "datasets": "datasets",
    "gensim": "vectors",
    "h5py": "hdf5",
    "matplotlib": "pictures",
    "pyarrow": "parquet",
    "seqeval": "tasks",
    "sklearn": "tasks",
    "sklearn_crfsuite": "benchmarks",
    "tensorboard": "tensorboard",
    "zstandard": "zstd",
}


@dataclass(frozen=True)
class Command:
    """One command of the program: a typed function, named so that its module is imported only when it is called."""

    target: str
    """``module:function``."""
    help: str = ""
    """One line for the list of commands."""
    positionals: tuple[str, ...] | None = None
    """Parameters given without a flag; where None, the required ones that are not keyword-only."""
    defaults: str = ""
    """``module:function`` that makes defaults of what was given, see ``arguments.parse``."""

    def load(self) -> Callable[..., Any]:
        """Import the function."""
        return _import(self.target)

    def summary(self) -> str:
        """``help``, or else the first line of the function's docstring, read without running its module."""
        if self.help:
            return self.help
        module, _, name = self.target.partition(":")
        try:
            spec = find_spec(module)
            source = Path(spec.origin).read_text(encoding="utf-8") if spec and spec.origin else ""
        except (ImportError, OSError, UnicodeDecodeError):
            return ""
        for node in ast.parse(source).body:
            if isinstance(node, ast.FunctionDef) and node.name == name:
                return (ast.get_docstring(node) or "").partition("\n")[0].rstrip(".")
        return ""


def _import(target: str) -> Callable[..., Any]:
    module, _, name = target.partition(":")
    function: Callable[..., Any] = getattr(import_module(module), name)
    return function


COMMANDS = {
    "corpus": Command(
        "elmo_lite.corpus.command:build_corpus_command", "text -> corpus directory, to pretrain on", ("inputs",)
    ),
    "pretrain": Command(
        "elmo_lite.pretraining.command:pretrain_command",
        "corpus directory -> saved model",
        (),
        defaults="elmo_lite.pretraining.command:default_settings",
    ),
    "evaluate": Command(
        "elmo_lite.lm.evaluate:evaluate_command",
        "forward and backward perplexity on a text, as JSON",
        ("model", "text"),
    ),
    "embed": Command(
        "elmo_lite.embedding.embed:embed_command",
        "contextual vectors of a file's sentences (HDF5, Parquet or safetensors)",
        ("model", "input", "output"),
    ),
    "quickstart": Command(
        "elmo_lite.quickstart.quickstart:quickstart_command",
        "all of the above on text that Python carries, in five minutes",
        (),
    ),
    "import": Command(
        "elmo_lite.published.format:import_command",
        "published ELMo weights (options.json, HDF5) -> saved model",
        ("options", "weights", "model"),
    ),
    "compress": Command(
        "elmo_lite.saved_model.compress:compress_command",
        "saved model -> the same in half precision, its head in 8 bits",
        ("model", "out"),
    ),
    "export": Command(
        "elmo_lite.published.format:export_command",
        "saved model -> published ELMo format (options.json, HDF5)",
        ("model", "options", "weights"),
    ),
}


def all_commands() -> dict[str, Command]:
    """Commands by name, those that other packages add by the entry-point group included.

    An entry point ``ner.train = tasks.ner.training:train_command`` is the command ``elmo-lite ner train``.
    """
    from importlib.metadata import entry_points

    found = {point.name.replace(".", " "): Command(point.value) for point in entry_points(group=ENTRY_POINT_GROUP)}
    return {**COMMANDS, **{name: command for name, command in sorted(found.items()) if name not in COMMANDS}}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: arguments after the program's name; those of the process where None.

    Returns:
        Exit status: 0, 2 for a mistake in the input, 130 where interrupted, 141 where the reader of the output left.
    """
    try:
        status = _run(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
        return status
    except ElmoLiteError as error:
        return _fail(str(error))
    except ModuleNotFoundError as error:
        extra = EXTRA_OF.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        return _fail(f"this needs the package {error.name}: pip install 'elmo_lite[{extra}]'")
    except BrokenPipeError:
        # Python flushes standard output once more at exit; give it somewhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        where = f"{error.filename}: " if error.filename is not None else ""
        return _fail(f"{where}{error.strerror or error}")
    except KeyboardInterrupt:
        return _fail("interrupted", status=130)


def _run(argv: list[str]) -> int:
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(_help())
        return 0 if argv else 2
    if argv[0] == "--version":
        print(f"{PROGRAM} {__version__}")
        return 0
    commands = all_commands()
    name, rest = _find(argv, commands)
    if name is None:
        print(_help(argv[0]))
        return 0 if rest else 2
    return run_command(name, commands[name], rest)


def _find(argv: list[str], commands: dict[str, Command]) -> tuple[str | None, list[str]]:
    """The command's name, of one word or two, and its arguments; no name where a group's list is asked for."""
    for words in (2, 1):
        name = " ".join(argv[:words])
        if len(argv) >= words and name in commands:
            return name, argv[words:]
    second_words = [name.split()[1] for name in commands if name.split()[0] == argv[0] and " " in name]
    if second_words and (len(argv) == 1 or argv[1] in ("-h", "--help")):
        return None, argv[1:]
    known = [f"{argv[0]} {word}" for word in second_words] or sorted({name.split()[0] for name in commands})
    found = " ".join(argv[:2]) if second_words else argv[0]
    close = difflib.get_close_matches(found, known, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    raise ConfigError(f"expected a command ({', '.join(known)}), found {found!r}{hint}")


def run_command(name: str, command: Command, argv: Sequence[str]) -> int:
    """Import the command's function, parse its arguments, run it; errors are left to the caller.

    Args:
        name: of the command, for its help.
        command: what to run.
        argv: arguments after the command's name.

    Returns:
        0, or what the parser ends with after ``--help``.
    """
    import logging

    from elmo_lite.cli.arguments import call_with_arguments

    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("elmo_lite").setLevel(logging.INFO)  # other libraries keep their advice to themselves
    positionals = command_positionals(command)
    try:
        call_with_arguments(
            command.load(),
            argv,
            prog=f"{PROGRAM} {name}",
            positionals=positionals,
            preset_group=name.split()[0],
            defaults=_import(command.defaults) if command.defaults else None,
        )
    except SystemExit as stop:  # --help and --print_config end the parser this way
        return stop.code if isinstance(stop.code, int) else 0
    return 0


def command_positionals(command: Command) -> tuple[str, ...]:
    """The parameters of a command that are given without a flag."""
    import inspect

    if command.positionals is not None:
        return command.positionals
    parameters = inspect.signature(command.load()).parameters.values()
    return tuple(p.name for p in parameters if p.default is p.empty and p.kind is not p.KEYWORD_ONLY)


def _help(group: str | None = None) -> str:
    """The program's help, or the list of the commands that start with one word."""
    commands = {n: c for n, c in all_commands().items() if group is None or n.split()[0] == group}
    lines = [f"usage: {PROGRAM} {group or 'COMMAND'} ...", ""]
    if group is None:
        lines += ["Pretrain ELMo on any text and use its layers as contextual word vectors.", ""]
    lines += ["commands:"]
    lines += [f"  {name:<20} {command.summary()}".rstrip() for name, command in commands.items()]
    lines += ["", f"`{PROGRAM} COMMAND --help` shows a command's arguments, `{PROGRAM} --version` the version."]
    return "\n".join(lines)


def _fail(message: str, status: int = 2) -> int:
    print(f"{PROGRAM}: error: {' '.join(message.split())}", file=sys.stderr)
    return status
