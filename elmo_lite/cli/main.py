"""The program ``elmo-lite``: find the command, call its function, print errors as one line.

Heavy packages are imported only after the command is known, so that ``elmo-lite --help`` is fast.
"""

from __future__ import annotations

import ast
import difflib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from elmo_lite import __version__
from elmo_lite.cli.streams import standard_streams
from elmo_lite.errors import ConfigError, ElmoLiteError
from elmo_lite.extras import extra_of
from elmo_lite.hardware import out_of_memory
from elmo_lite.stopping import Stopped, stop_at_once

PROGRAM = "elmo-lite"
ENTRY_POINT_GROUP = "elmo_lite.commands"
VERSION_FLAGS = ("-V", "--version")


@dataclass(frozen=True)
class Command:
    """One command of the program: a typed function whose module is imported when the command is called."""

    target: str
    """The function as ``module:function``."""
    positionals: tuple[str, ...] | None = None
    """Parameters without a flag. Defaults to the required ones that are not keyword-only."""
    defaults: str = ""
    """Function that computes defaults from the arguments, as ``module:function``; see ``arguments.Defaults``."""
    hints: Mapping[str, str] = field(default_factory=dict)
    """What to say of an argument, by name, if its value is wrong."""

    def load(self) -> Callable[..., Any]:
        """Import the function."""
        return _import(self.target)

    def summary(self) -> str:
        """First line of the docstring of the function, read without importing its module."""
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
    "corpus": Command("elmo_lite.corpus.command:build_corpus_command", positionals=("inputs",)),
    "pretrain": Command(
        "elmo_lite.pretraining.command:pretrain_command",
        positionals=(),
        defaults="elmo_lite.pretraining.command:default_settings",
        hints={"model": "--init starts from a saved model"},
    ),
    "evaluate": Command("elmo_lite.lm.evaluate:evaluate_command"),
    "score": Command("elmo_lite.lm.score_command:score_command", positionals=("model", "text", "output")),
    "next": Command("elmo_lite.lm.next_command:next_command", positionals=("model", "text", "output")),
    "generate": Command("elmo_lite.lm.generate_command:generate_command", positionals=("model", "output")),
    "ladder": Command(
        "elmo_lite.ladder.command:ladder_command",
        positionals=("corpus",),
        defaults="elmo_lite.ladder.command:default_settings",
    ),
    "embed": Command("elmo_lite.embedding.command:embed_command"),
    "neighbors": Command("elmo_lite.neighbors.command:neighbors_command"),
    "report": Command("elmo_lite.report.command:report_command"),
    "quickstart": Command("elmo_lite.quickstart.quickstart:quickstart_command"),
    "import": Command("elmo_lite.published.format:import_command"),
    "compress": Command("elmo_lite.saved_model.compress:compress_command"),
    "export": Command("elmo_lite.published.format:export_command"),
}


def all_commands() -> dict[str, Command]:
    """Commands by name, including those that other packages add through the entry-point group.

    An entry point ``ner.train = tasks.ner.training:train_command`` is the command ``elmo-lite ner train``.
    """
    from importlib.metadata import entry_points

    found = {point.name.replace(".", " "): Command(point.value) for point in entry_points(group=ENTRY_POINT_GROUP)}
    return {**COMMANDS, **{name: command for name, command in sorted(found.items()) if name not in COMMANDS}}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: Arguments after the name of the program. Defaults to those of the process.

    Returns:
        Exit status: 0, 2 for an error in the input, 130 if interrupted, 141 if the output pipe is closed.
    """
    with standard_streams():
        return _status(list(sys.argv[1:] if argv is None else argv))


def _status(argv: list[str]) -> int:
    """Run one command, print its error and return its exit status; see ``main``."""
    try:
        with stop_at_once():
            status = _run(argv)
            sys.stdout.flush()
        return status
    except ElmoLiteError as error:
        return _fail(str(error))
    except ModuleNotFoundError as error:
        found = extra_of(error)
        if found is None:
            raise
        return _fail(f"this needs the package {found[0]}: pip install 'elmo_lite[{found[1]}]'")
    except BrokenPipeError:
        return 141
    except RuntimeError as error:
        if (full := out_of_memory(error)) is None:
            raise
        return _fail(full)
    except OSError as error:
        where = f"{error.filename}: " if error.filename is not None else ""
        return _fail(f"{where}{error.strerror or error}")
    except KeyboardInterrupt as stop:
        print(f"{PROGRAM}: {str(stop) or 'interrupted'}", file=sys.stderr)
        return stop.exit_status if isinstance(stop, Stopped) else 130


def _run(argv: list[str]) -> int:
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(_help())
        return 0 if argv else 2
    commands = all_commands()
    if argv[0] in VERSION_FLAGS or (len(argv) == 2 and argv[1] in VERSION_FLAGS and argv[0] in _groups(commands)):
        print(f"{PROGRAM} {__version__}")
        return 0
    _check_utf8(argv)
    name, rest = _find(argv, commands)
    if name is None:
        print(_help(argv[0]))
        return 0 if rest else 2
    return run_command(name, commands[name], rest)


def _check_utf8(argv: list[str]) -> None:
    """Refuse names that are not UTF-8 before any work: several libraries cannot open such files."""
    for argument in argv:
        try:
            argument.encode("utf-8")
        except UnicodeEncodeError:
            raise ConfigError(f"{argument}: expected UTF-8, found other bytes; rename the file") from None


def _groups(commands: Mapping[str, Command]) -> set[str]:
    """First words of the commands of two words."""
    return {name.split()[0] for name in commands if " " in name}


def _find(argv: list[str], commands: dict[str, Command]) -> tuple[str | None, list[str]]:
    """Name of the command, one or two words, and its arguments. The name is None for the help of a group."""
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
    """Import the function of a command, parse its arguments and run it. Errors are not caught.

    Args:
        name: Name of the command, for its help.
        command: Command to run.
        argv: Arguments after the name of the command.

    Returns:
        Exit status: 0, or that of the parser after ``--help``.
    """
    import logging

    from elmo_lite.cli.arguments import call_with_arguments
    from elmo_lite.cli.common import StandardErrorHandler

    logging.basicConfig(format="%(message)s", handlers=[StandardErrorHandler()])
    logging.getLogger("elmo_lite").setLevel(logging.INFO)  # other libraries log warnings only
    positionals = command_positionals(command)
    try:
        call_with_arguments(
            command.load(),
            argv,
            prog=f"{PROGRAM} {name}",
            positionals=positionals,
            preset_group=name.split()[0],
            defaults=_import(command.defaults) if command.defaults else None,
            hints=command.hints,
        )
    except SystemExit as stop:  # raised by --help, --version and --print_config
        return stop.code if isinstance(stop.code, int) else 0
    return 0


def command_positionals(command: Command) -> tuple[str, ...]:
    """Parameters of a command without a flag."""
    import inspect

    if command.positionals is not None:
        return command.positionals
    parameters = inspect.signature(command.load()).parameters.values()
    return tuple(p.name for p in parameters if p.default is p.empty and p.kind is not p.KEYWORD_ONLY)


def _help(group: str | None = None) -> str:
    """Help of the program, or of the commands that start with ``group``."""
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
