"""The Spark snippet of docs/embedding-cluster.md, where Spark and Java are installed; test_readme.py runs others."""

import re
import shutil
import sys
from pathlib import Path

import pytest
from pyarrow import parquet

from elmo_lite import BiLM, BiLMConfig, CharCNNConfig, Elmo, Tokenization, save_model

PAGE = Path(__file__).parents[1] / "docs" / "embedding-cluster.md"


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
    (block,) = re.findall(r"^```py\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    exec(compile(block, PAGE.name, "exec"), {})
    SparkSession.builder.getOrCreate().stop()
    rows = {row["value"]: row["vectors"] for row in parquet.read_table("vectors").to_pylist()}
    elmo = Elmo.from_pretrained("my_run/model")
    assert {text: len(vectors) for text, vectors in rows.items()} == {"One sentence.": 3, "Another one.": 3, "": 0}
    assert rows["One sentence."] == pytest.approx(elmo.embed(["One sentence."], layers="top")[0], abs=1e-5)
