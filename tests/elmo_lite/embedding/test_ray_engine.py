"""``embed --engine ray`` on a cluster of this machine: same vectors as one process, whatever dies in between."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from pyarrow import parquet

from elmo_lite.cli.main import main
from elmo_lite.cluster import parts
from elmo_lite.embedding import ray_engine
from elmo_lite.nn.bilm import BiLM
from elmo_lite.nn.config import BiLMConfig, CharCNNConfig
from elmo_lite.saved_model.checkpoint import save_model
from elmo_lite.text.tokenization import Tokenization

CONFIG = BiLMConfig(
    char_cnn=CharCNNConfig(embedding_dim=4, filters=((1, 8), (3, 8)), max_characters=12), dim=6, lstm_dim=6
)
ROOT = Path(__file__).parents[3]
Run = Callable[..., int]


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Address of a cluster of two workers, which the tests share: starting one takes seconds."""
    ray = pytest.importorskip("ray", reason="needs the extra ray")
    from elmo_lite.cluster.connection import Cluster

    with Cluster(workers=2).connected():
        yield ray.get_runtime_context().gcs_address


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    save_model("model", BiLM(CONFIG), Tokenization(kind="whitespace"))
    return tmp_path


def embed(*arguments: str) -> int:
    return main(["embed", "model", *arguments, "--workers", "2", "--engine", "ray"])


def text_of(number: int) -> str:
    return "".join(" ".join(f"w{(n * k) % 97}" for k in range(n % 23)) + "\n" for n in range(number))


def vectors_of(path: Path | str) -> tuple[pa.Table, np.ndarray]:
    table = parquet.read_table(path)
    return table, table["vectors"].combine_chunks().flatten().flatten().to_numpy()


def assert_same(directory: Path | str, expected: Path | str) -> None:
    """Same sentences in the same order, and vectors that agree in all but the rounding of other batches."""
    (found, vectors), (here, other) = vectors_of(directory), vectors_of(expected)
    assert found["words"] == here["words"] and found["id"].to_pylist() == list(range(len(here)))
    np.testing.assert_allclose(vectors, other, atol=1e-5)


def rows_done(directory: Path) -> int:
    return sum(1 for _ in (directory / "done").glob("*.parquet"))


def wait_for(condition: Callable[[], bool], seconds: float = 240) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def workers_of(name: str = "PartEmbedder") -> list[int]:
    """Processes of Ray that run a worker, by their titles."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            title = (entry / "cmdline").read_bytes() if entry.name.isdecimal() else b""
        except OSError:
            continue
        if title.startswith(b"ray::") and name.encode() in title:
            found.append(int(entry.name))
    return found


@pytest.mark.cluster
@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="finds workers in /proc")
def test_same_as_one_process_though_workers_are_killed(
    cluster: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "PART_BYTES", 4000)
    (here / "t.txt").write_text(text_of(4000))
    killed: list[int] = []

    def kill() -> None:
        if wait_for(lambda: rows_done(here / "out.unfinished") > 0):
            for process in workers_of():
                os.kill(process, signal.SIGKILL)
                killed.append(rows_done(here / "out.unfinished"))

    killer = threading.Thread(target=kill)
    killer.start()
    assert embed("t.txt", "out", "--layers", "top") == 0
    killer.join()
    number = len(list((here / "out").iterdir()))
    assert killed and max(killed) < number and number > 20
    assert main(["embed", "model", "t.txt", "here.parquet", "--layers", "top", "--quiet"]) == 0
    assert_same("out", "here.parquet")
    assert sorted(path.name for path in here.iterdir()) == ["here.parquet", "model", "out", "t.txt"]
    assert embed("t.txt", "out") == 2  # it is there


@pytest.mark.cluster
def test_a_driver_that_is_killed_is_resumed(
    cluster: str, here: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    (here / "t.txt").write_text(text_of(4000))
    code = "import sys; from elmo_lite.cluster import parts; parts.PART_BYTES = 4000\n"
    code += "from elmo_lite.cli.main import main; sys.exit(main())"
    options = ["t.txt", "out", "--layers", "top", "--engine", "ray", "--ray_address", cluster, "--workers", "2"]
    command = [sys.executable, "-c", code, "embed", "model", *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    state = here / "out.unfinished"
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as driver:
        wait_for(lambda: rows_done(state) > 3 or driver.poll() is not None)
        driver.kill()
        assert driver.wait() == -signal.SIGKILL, driver.stderr and driver.stderr.read()
    assert wait_for(lambda: not workers_of())
    done = [row["part"] for path in (state / "done").glob("*") for row in parquet.read_table(path).to_pylist()]
    times = {number: (state / "output" / f"part-{number:06}.parquet").stat().st_mtime_ns for number in done}
    assert 0 < len(done) < len(list((state / "parts").iterdir())) and not (here / "out").exists()
    assert main(["embed", "model", *options[:2], "--layers", "0", *options[4:]]) == 2
    assert "expected the same command as before, found other layers: 0 instead of 'top'" in capfd.readouterr().err
    assert main(["embed", "model", *options]) == 0
    assert f"out.unfinished: goes on, {len(done)} of " in caplog.text
    for number, before in times.items():  # what was done was not done again
        assert (here / "out" / f"part-{number:06}.parquet").stat().st_mtime_ns == before
    assert main(["embed", "model", "t.txt", "here.parquet", "--layers", "top", "--quiet"]) == 0
    assert_same("out", "here.parquet")
    assert not state.exists()


@pytest.mark.cluster
def test_a_poisoned_row_is_named_or_skipped(
    cluster: str, here: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    words = [["a", "b"], [], ["c", ""], None, ["x" * 1_000_000], ["d\ne"]]
    (here / "in").mkdir()
    parquet.write_table(pa.table({"words": pa.array(words, pa.list_(pa.string()))}), "in/a.parquet")
    (here / "out").mkdir()
    assert embed("in", "out", "--overwrite") == 2
    told = "in/a.parquet, record 3: expected words that are not empty and have no line break, found ''"
    assert capfd.readouterr().err.splitlines()[-1] == f"elmo-lite: error: {told}"
    assert list((here / "out").iterdir()) == []  # the old one
    assert embed("in", "out", "--overwrite", "--on_error", "skip") == 0
    assert "out.skipped.jsonl: 2 rows skipped" in caplog.text
    skipped = [json.loads(line) for line in (here / "out.skipped.jsonl").read_text().splitlines()]
    assert [(row["file"], row["line"]) for row in skipped] == [("in/a.parquet", 3), ("in/a.parquet", 6)]
    assert skipped[0]["error"] == told
    table = parquet.read_table("out")
    assert table["id"].to_pylist() == [0, 1, 3, 4]
    assert [len(row) for row in table["words"].to_pylist()] == [2, 0, 0, 1]


def test_without_ray_the_extra_is_named(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    (here / "t.txt").write_text("a\n")
    assert embed("t.txt", "out") == 2
    assert capsys.readouterr().err == "elmo-lite: error: this needs the package ray: pip install 'elmo_lite[ray]'\n"
    assert sorted(path.name for path in here.iterdir()) == ["model", "t.txt"]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["t.txt", "-"], "OUTPUT: expected a directory for --engine ray, found 'standard output'"),
        (["t.txt", "t.txt", "--overwrite"], "t.txt: expected nothing there, found a file"),
        (["t.txt", "model"], "model: expected nothing there, found a directory (--overwrite replaces it)"),
        (["t.txt", "model", "--overwrite"], "model: expected Parquet files alone in a directory to replace, found "),
        (["in", "in", "--overwrite"], "in: expected a directory apart from the input, found in/a.parquet"),
        (["in", "in/out"], "in/out: expected a directory apart from the input, found in"),
        (["t.txt", "none/out"], "none/out: expected an existing folder, found none"),
        (["none.txt", "out"], "none.txt: expected a file, found nothing there"),
        (["t.txt", "out", "--layers", "7"], "layers: expected all, mean, top or a number in -3..2, found 7"),
        (["t.txt", "out", "--device", "mps"], "--device: expected cpu, cuda or auto for --engine ray, found 'mps'"),
        (["t.txt", "out", "--workers", "0"], "--workers: expected 1 or more, found 0"),
    ],
)
def test_wrong_arguments(
    arguments: list[str], match: str, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ray_engine, "import_extras", lambda *_: None)
    (here / "t.txt").write_text("a\n")
    (here / "in").mkdir()
    parquet.write_table(pa.table({"text": ["a"]}), "in/a.parquet")
    before = sorted(here.rglob("*"))
    assert main(["embed", "model", "--engine", "ray", *arguments]) == 2
    assert match in capsys.readouterr().err
    assert sorted(here.rglob("*")) == before


def test_options_of_ray_need_ray(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "t.txt").write_text("a\n")
    for option in (["--workers", "2"], ["--on_error", "skip"], ["--ray_address", "auto"]):
        assert main(["embed", "model", "t.txt", "v.npz", *option]) == 2
        expected = "--engine: expected ray for --ray_address, --workers and --on_error, found 'local'"
        assert expected in capsys.readouterr().err


def test_no_ray_is_imported_by_the_local_engine() -> None:
    code = "import elmo_lite.embedding.command, sys; print('ray' in sys.modules, 'pyarrow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"
