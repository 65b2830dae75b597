"""Standard input, output and error of the program: any locale, closed, full, or without a reader."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TEXT = "naïve 日本語 😀"
PRELUDE = (
    "import sys, logging\n"
    "from elmo_lite.cli import main as program\n"
    "def command(argv):\n"
    "    {body}\n"
    "program.run_command = lambda name, command_, argv: command(argv) or 0\n"
    "sys.exit(program.main(['corpus', *sys.argv[1:]]))\n"
)
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="redirections of a POSIX shell")


def program(body: str, *arguments: str | bytes) -> list[str | bytes]:
    """Command line of the program with a command of one line of Python."""
    return [sys.executable, "-c", PRELUDE.format(body=body), *arguments]


def run(body: str, *arguments: str | bytes, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        program(body, *arguments), cwd=ROOT, capture_output=True, env={**os.environ, **environment}, check=False
    )


def in_shell(body: str, redirections: str) -> subprocess.CompletedProcess[bytes]:
    line = f'"$0" -c "$1" {redirections}'
    return subprocess.run(
        ["bash", "-c", line, sys.executable, PRELUDE.format(body=body)], cwd=ROOT, capture_output=True, check=False
    )


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "cp1252"},
        {"PYTHONIOENCODING": "latin-1"},
        {"PYTHONIOENCODING": "ascii:strict"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
    ids=lambda environment: " ".join(environment.values()),
)
def test_output_is_utf8_in_every_locale(environment: dict[str, str]) -> None:
    done = run(f"print({TEXT!a}); print({TEXT!a}, file=sys.stderr)", **environment)
    assert (done.returncode, done.stdout.decode(), done.stderr.decode()) == (0, f"{TEXT}\n", f"{TEXT}\n")


def test_a_name_that_is_not_utf8_is_an_escape_that_json_reads() -> None:
    done = run(r"import json; print(json.dumps('caf\udce9.txt', ensure_ascii=False))")
    assert done.returncode == 0
    assert json.loads(done.stdout.decode("utf-8")) == "caf\udce9.txt"


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names of files are Unicode")
@pytest.mark.parametrize("argument", [b"caf\xe9.txt", b"--out=caf\xe9"])
def test_an_argument_that_is_not_utf8_is_refused_before_the_work(argument: bytes) -> None:
    done = run("print('work')", argument)
    shown = argument.decode("utf-8", "surrogateescape").encode("ascii", "backslashreplace").decode()
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode() == f"elmo-lite: error: {shown}: expected UTF-8, found other bytes; rename the file\n"


@POSIX
@pytest.mark.parametrize(
    ("body", "redirections", "status", "error"),
    [
        ("print('x')", ">/dev/full", 2, "standard output: No space left on device"),
        ("print('x' * 100_000)", ">/dev/full", 2, "standard output: No space left on device"),
        ("print('x')", ">&-", 2, "standard output: Bad file descriptor"),
        ("open(sys.executable).close()", ">&-", 0, ""),
        ("sys.stdin.buffer.read()", "<&-", 2, "standard input: Bad file descriptor"),
        ("open(sys.executable).close()", "<&-", 0, ""),
    ],
)
def test_closed_and_full_streams_are_one_line(body: str, redirections: str, status: int, error: str) -> None:
    if "/dev/full" in redirections and not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full")
    done = in_shell(body, redirections)
    assert (done.returncode, done.stdout) == (status, b"")
    assert done.stderr.decode() == (f"elmo-lite: error: {error}\n" if error else "")


@POSIX
@pytest.mark.parametrize("redirections", ["2>&-", "2>/dev/full", "2> >(exec true)"])
def test_what_cannot_be_reported_fails_no_work(redirections: str) -> None:
    if "/dev/full" in redirections and not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full")
    body = "[print('progress', file=sys.stderr, flush=True) for _ in range(9999)]; logging.warning('x'); print('done')"
    done = in_shell(body, redirections)
    assert (done.returncode, done.stdout) == (0, b"done\n")


@POSIX
def test_a_closed_error_stream_takes_no_file(tmp_path: Path) -> None:
    body = f"file = open({str(tmp_path / 'kept')!r}, 'w'); print('progress', file=sys.stderr); file.write('mine')"
    assert in_shell(body, "2>&- >&- <&-").returncode == 0
    assert (tmp_path / "kept").read_text() == "mine"


@POSIX
@pytest.mark.parametrize("body", ["print('x')", "print('x' * 1_000_000)"])
def test_a_reader_may_leave(body: str) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(program(body), cwd=ROOT, stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")


def test_an_unknown_home_directory_is_one_line() -> None:
    done = run("from elmo_lite.saved_model.names import find_model; find_model('~nobody-here/x')")
    assert done.returncode == 2
    assert done.stderr.decode() == "elmo-lite: error: ~nobody-here/x: expected the name of a user after ~, found none\n"


def test_streams_of_the_caller_stay_as_they_are() -> None:
    code = (
        "import sys; from elmo_lite.cli.main import main; before = sys.stdout.encoding, sys.stderr\n"
        "main(['--version']); assert (sys.stdout.encoding, sys.stderr) == before; print('same')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False)
    assert done.stdout.split()[-1] == b"same"


def test_a_second_command_of_a_process_logs_too() -> None:
    code = (
        "import logging, sys; from elmo_lite.cli import main as program\n"
        "def command(*, text: str = '') -> None:\n"
        "    logging.getLogger('elmo_lite').info('log of a command')\n"
        "program.COMMANDS['log'] = program.Command('__main__:command')\n"
        "assert program.main(['log']) == program.main(['log']) == 0"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "log of a command\n" * 2)
