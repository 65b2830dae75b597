"""A worker that embeds parts of an input, each into a Parquet file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elmo_lite.cluster.job import ID
from elmo_lite.cluster.parts import Part, Place
from elmo_lite.cluster.skipped_rows import SkippedRow
from elmo_lite.embedding.inputs import ModelChoice, Reading
from elmo_lite.embedding.vector_choice import VectorChoice
from elmo_lite.embedding.writers import ParquetVectors
from elmo_lite.errors import CheckpointError, CorpusError, ElmoLiteError
from elmo_lite.files import replace_file
from elmo_lite.hardware import keep_freed_memory
from elmo_lite.text.documents import as_record
from elmo_lite.text.sentence_files import words_of

if TYPE_CHECKING:
    import pyarrow


class PartEmbedder:
    """A model that embeds parts. A part that is embedded again gives the same file, in place of the old one."""

    def __init__(
        self,
        model: ModelChoice,
        choice: VectorChoice,
        reading: Reading,
        output: str,
        *,
        skip: bool = False,
        threads: int | None = None,
    ) -> None:
        """Load the model.

        Args:
            model: Model to load.
            choice: What to compute.
            reading: How to read sentences.
            output: Directory of the files.
            skip: Leave out rows that cannot be embedded instead of raising an error.
            threads: Threads of torch. Defaults to those it has.
        """
        if threads is not None:
            import torch

            torch.set_num_threads(threads)
        keep_freed_memory()
        self.elmo = model.load()
        self.choice, self.reading, self.output, self.skip = choice, reading, Path(output), skip
        self.tokenization = reading.tokenization(self.elmo)

    def __call__(self, parts: pyarrow.Table) -> pyarrow.Table:
        """Embed parts, a row each; return the numbers of sentences and words, and the skipped rows, of each part."""
        import pyarrow as pa

        skipped = pa.struct([("file", pa.string()), ("line", pa.int64()), ("error", pa.string())])
        numbers = [(name, pa.int64()) for name in (ID, "num_sentences", "num_words")]
        schema = pa.schema([*numbers, ("skipped", pa.list_(skipped))])
        return pa.Table.from_pylist([self.embed(Part(**row)) for row in parts.to_pylist()], schema=schema)

    def embed(self, part: Part) -> dict[str, Any]:
        """Embed a part.

        Raises:
            CorpusError: A row cannot be used; its file and line are named.
            CheckpointError: The vectors of a row are not finite.
        """
        skipped: list[SkippedRow] = []
        num_sentences = num_words = 0
        shape = self.choice.shape(self.elmo, self.tokenization)
        with replace_file(self.output / f"part-{part.part:06}.parquet") as scratch:
            writer = ParquetVectors(scratch, shape, with_places=True)
            try:
                for place, words, vectors in self.choice.computed(self.elmo, self._sentences(part, skipped)):
                    try:
                        stored = self.choice.stored(vectors, str(place), words)
                    except CheckpointError as error:
                        self._refuse(place, error, skipped)
                        continue
                    writer.write(words, stored, (place.id, place.file, place.line))
                    num_sentences, num_words = num_sentences + 1, num_words + len(words)
            finally:
                writer.close()
        rows = [asdict(row) for row in sorted(skipped)]
        return {ID: part.part, "num_sentences": num_sentences, "num_words": num_words, "skipped": rows}

    def _sentences(self, part: Part, skipped: list[SkippedRow]) -> Iterator[tuple[Place, list[str]]]:
        for place, value in part.rows(self.reading.text_field):
            try:
                words = words_of(as_record(value, str(place)), self.tokenization, str(place))
            except CorpusError as error:
                self._refuse(place, error, skipped)
                continue
            yield place, words

    def _refuse(self, place: Place, error: ElmoLiteError, skipped: list[SkippedRow]) -> None:
        """Leave a row out, or raise its error."""
        if not self.skip:
            raise error
        skipped.append(SkippedRow(place.file, place.line, str(error)))
