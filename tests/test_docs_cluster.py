"""Snippets of docs/cluster.md and docs/embedding-cluster.md for Ray Train and Spark; test_readme.py runs others."""

import csv
import re
import shutil
import sys
from pathlib import Path

import pytest
from pyarrow import parquet

from elmo_lite import BiLM, BiLMConfig, CharCNNConfig, Elmo, Tokenization, save_model
from elmo_lite.corpus.builder import CorpusSettings, build_corpus
from elmo_lite.pretraining.pretrain import pretrain
from tests.cluster import KINDS, STEPS

DOCS = Path(__file__).parents[1] / "docs"


def snippet(page: str) -> str:
    """The only block of a page that test_readme.py does not run."""
    (block,) = re.findall(r"^```py\n(.*?)^```", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return str(block)


@pytest.mark.cluster
def test_ray_train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workers of Ray are two processes of a run, which follow one process."""
    pytest.importorskip("ray", reason="needs the extra ray")
    pytest.importorskip("pydantic", reason="needs ray[train]")
    from elmo_lite.cluster.connection import Cluster

    lines = [" ".join(f"w{n * k % 17}" for k in range(2, 9)) for n in range(300)]
    (tmp_path / "text.txt").write_text("\n".join(lines), encoding="utf-8")
    made = CorpusSettings(tokenization=Tokenization(kind="whitespace"), vocabulary_size=18, max_characters=12)
    build_corpus([str(tmp_path / "text.txt")], tmp_path / "my_corpus", made, num_processes=1)
    name = "sentences-adamw"
    pretrain(KINDS[name], tmp_path / "my_corpus", tmp_path / "alone", max_steps=STEPS, progress=False)
    block = snippet("cluster.md").replace('"/shared', f'"{tmp_path}').replace("max_steps=2000", f"max_steps={STEPS}")
    block = block.replace("PretrainConfig()", f'KINDS["{name}"]')
    block = block.replace("from elmo_lite import PretrainConfig", "from tests.cluster import KINDS")
    monkeypatch.setenv("PYTHONPATH", str(DOCS.parent))
    with Cluster(workers=2).connected():
        exec(compile(block, "cluster.md", "exec"), {})
    curves = [losses(tmp_path / out) for out in ("alone", "my_run")]
    assert curves[1] == pytest.approx(curves[0], rel=1e-3) and len(curves[0]) == 10


def losses(out: Path) -> list[float]:
    """Sampled losses of a run."""
    with (out / "logs" / "metrics.csv").open(encoding="utf-8", newline="") as file:
        return [float(row["train/sampled_loss"]) for row in csv.DictReader(file) if row["train/sampled_loss"]]


@pytest.mark.cluster
def test_spark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyspark", reason="needs pyspark, which no extra installs")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java")
    from pyspark.sql import SparkSession

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    cnn = CharCNNConfig(embedding_dim=4, filters=((1, 4), (2, 4)))
    save_model("my_run/model", BiLM(BiLMConfig(char_cnn=cnn, dim=8, lstm_dim=8)), Tokenization(kind="words"))
    Path("sentences.txt").write_text("One sentence.\nAnother one.\n\n")
    exec(compile(snippet("embedding-cluster.md"), "embedding-cluster.md", "exec"), {})
    SparkSession.builder.getOrCreate().stop()
    rows = {row["value"]: row["vectors"] for row in parquet.read_table("vectors").to_pylist()}
    elmo = Elmo.from_pretrained("my_run/model")
    assert {text: len(vectors) for text, vectors in rows.items()} == {"One sentence.": 3, "Another one.": 3, "": 0}
    assert rows["One sentence."] == pytest.approx(elmo.embed(["One sentence."], layers="top")[0], abs=1e-5)
