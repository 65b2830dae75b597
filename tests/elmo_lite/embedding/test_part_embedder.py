"""A worker without Ray: files as ``embed`` writes them, with places; rows that cannot be embedded."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from pyarrow import parquet

from elmo_lite.cluster.parts import Part
from elmo_lite.embedding.elmo import Elmo
from elmo_lite.embedding.embed import embed_file
from elmo_lite.embedding.inputs import ModelChoice, Reading
from elmo_lite.embedding.part_embedder import PartEmbedder
from elmo_lite.embedding.pooling import Pool
from elmo_lite.embedding.vector_choice import VectorChoice
from elmo_lite.embedding.vector_shape import DType
from elmo_lite.errors import CheckpointError, CorpusError
from elmo_lite.nn.bilm import BiLM
from elmo_lite.nn.config import BiLMConfig, CharCNNConfig
from elmo_lite.saved_model.checkpoint import save_model
from elmo_lite.text.tokenization import Tokenization

CONFIG = BiLMConfig(
    char_cnn=CharCNNConfig(embedding_dim=4, filters=((1, 8), (3, 8)), max_characters=12), dim=6, lstm_dim=6
)
WORDS = [["The", "cat"], [], ["x" * 1_000_000, "sat"], ["one"] * 40, None, ["naïve", "🙂"]]


@pytest.fixture
def model(tmp_path: Path) -> str:
    torch.manual_seed(0)
    return str(save_model(tmp_path / "model", BiLM(CONFIG), Tokenization(kind="whitespace")))


def written(tmp_path: Path, words: list[list[str] | None]) -> Part:
    (tmp_path / "out").mkdir()
    path = str(tmp_path / "in.parquet")
    parquet.write_table(pa.table({"words": pa.array(words, pa.list_(pa.string()))}), path)
    return Part(3, path, 0, len(words), 10, "in.parquet")


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize(("layers", "pool"), [(None, None), ("top", None), (1, "max"), (None, "mean")])
def test_columns_and_metadata_are_those_of_embed(
    model: str, tmp_path: Path, layers: object, pool: Pool | None, dtype: DType
) -> None:
    part = written(tmp_path, WORDS)
    choice = VectorChoice(layers, pool, dtype, 64)  # type: ignore[arg-type]
    worker = PartEmbedder(ModelChoice(model), choice, Reading(), str(tmp_path / "out"))
    result = worker(pa.Table.from_pylist([vars(part)]))
    assert result.to_pylist() == [{"part": 3, "num_sentences": 6, "num_words": 46, "skipped": []}]
    elmo = Elmo.from_pretrained(model)
    options = {"layers": layers, "pool": pool, "dtype": dtype, "batch_tokens": 64}
    embed_file(elmo, part.path, tmp_path / "here.parquet", **options)  # type: ignore[arg-type]
    found = parquet.read_table(tmp_path / "out" / "part-000003.parquet")
    expected = parquet.read_table(tmp_path / "here.parquet")
    assert found.schema.metadata == expected.schema.metadata
    assert found.select(expected.column_names) == expected  # every bit
    assert found.column_names[:3] == ["id", "file", "line"]
    assert found["id"].to_pylist() == [10, 11, 12, 13, 14, 15]
    assert set(found["file"].to_pylist()) == {"in.parquet"} and found["line"].to_pylist() == [1, 2, 3, 4, 5, 6]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["part-000003.parquet"]


def test_a_bad_row_is_named_or_skipped(model: str, tmp_path: Path) -> None:
    part = written(tmp_path, [["a"], ["b", ""], ["c"], ["d\ne"]])
    told = "in.parquet, record 2: expected words that are not empty and have no line break, found ''"
    arguments = ModelChoice(model), VectorChoice(), Reading(), str(tmp_path / "out")
    with pytest.raises(CorpusError, match=f"^{told}$"):
        PartEmbedder(*arguments).embed(part)
    assert list((tmp_path / "out").iterdir()) == []
    result = PartEmbedder(*arguments, skip=True).embed(part)
    assert (result["num_sentences"], result["num_words"]) == (2, 2)
    assert [(row["line"], row["file"]) for row in result["skipped"]] == [(2, "in.parquet"), (4, "in.parquet")]
    assert result["skipped"][0]["error"] == told
    table = parquet.read_table(tmp_path / "out" / "part-000003.parquet")
    assert (table["words"].to_pylist(), table["id"].to_pylist()) == ([["a"], ["c"]], [10, 12])


def test_a_part_of_bad_rows_is_an_empty_file(model: str, tmp_path: Path) -> None:
    part = written(tmp_path, [[""], [""]])
    worker = PartEmbedder(ModelChoice(model), VectorChoice(), Reading(), str(tmp_path / "out"), skip=True)
    assert len(worker.embed(part)["skipped"]) == 2
    assert parquet.read_table(tmp_path / "out" / "part-000003.parquet").num_rows == 0


def test_vectors_that_are_not_finite(model: str, tmp_path: Path) -> None:
    part = written(tmp_path, [["a", "b"], ["c", "1"], ["d"]])
    worker = PartEmbedder(ModelChoice(model), VectorChoice("top"), Reading(), str(tmp_path / "out"))
    with torch.no_grad():
        worker.elmo.bilm.char_cnn.embedding.weight[ord("1") + 1] = np.inf  # a byte of a single word
    with pytest.raises(CheckpointError, match=r"^in.parquet, record 2: expected finite float32 vectors, found .*'c 1'"):
        worker.embed(part)
    worker.skip = True
    result = worker.embed(part)
    assert result["num_sentences"] == 2 and [row["line"] for row in result["skipped"]] == [2]
