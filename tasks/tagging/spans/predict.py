"""Predictions for texts with spans of characters, and for texts that are to get them: what the commands share."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from elmo_lite import ConfigError, CorpusError
from elmo_lite.errors import require
from elmo_lite.files import STANDARD_STREAM
from elmo_lite.outputs import format_of
from elmo_lite.text import JSONL_SUFFIXES
from tasks.files import in_chunks, input_and_output
from tasks.saved_task.scores import words_per_second
from tasks.tagging.base_tagger import BaseTagger
from tasks.tagging.output_formats import FORMATS, Format
from tasks.tagging.spans import writer
from tasks.tagging.spans.brat import Brat
from tasks.tagging.spans.conversion import input_form, is_record_form
from tasks.tagging.spans.docbin import SUFFIX, DocBins
from tasks.tagging.spans.forms import Form, RecordForm
from tasks.tagging.spans.offsets import Unit
from tasks.tagging.spans.prediction import tag_texts
from tasks.tagging.spans.reader import unit_of

log = logging.getLogger("elmo_lite")

OffsetUnit = Literal["auto", "code_points", "utf16"]
OFFSET_UNITS = ("auto", "code_points", "utf16")
OutputKind = Format | Literal["array", "lines", "directory", "docbin"]


@dataclass(frozen=True)
class TextsToTag:
    """INPUT and OUTPUT of a command, if INPUT is texts rather than sentences."""

    form: Form
    output: str | None
    kind: OutputKind
    offsets: OffsetUnit

    def tag(self, tagger: BaseTagger[Any], probabilities: bool = False, min_score: float = 0.0) -> None:
        """Tag all texts, and write OUTPUT.

        Args:
            tagger: A tagger of spans.
            probabilities: Add probabilities where the format has them. Defaults to False.
            min_score: Probability in 0..1; spans below it are left out. Defaults to 0.

        Raises:
            CorpusError: INPUT is malformed or has no texts.
        """
        unit = unit_of(self.form, tagger.tokenization) if self.offsets == "auto" else self.offsets
        begun, num_texts, num_words = time.perf_counter(), 0, 0
        with self._sink(tagger, unit, probabilities) as sink:
            for chunk in in_chunks(self.form.documents(needs_labels=False), lambda document: len(document.text)):
                texts = [document.text for document in chunk]
                found = tag_texts(tagger, texts, min_score, probabilities=probabilities)
                for document, tagged in zip(chunk, found, strict=True):
                    sink.write(document, tagged)
                    num_words += sum(len(sentence.words) for sentence in tagged.sentences)
                num_texts += len(chunk)
            if not num_texts:
                raise CorpusError(f"{self.form.name}: expected texts, found none")
        speed = words_per_second(num_words, begun)
        if self.form.description:
            log.info("%s: read as %s", self.form.name, self.form.description)
        log.info("texts: %s; %s words/s, encoder included", f"{num_texts:,}", f"{speed:,.0f}")

    def _sink(self, tagger: BaseTagger[Any], unit: Unit, probabilities: bool) -> writer.Opened:
        if self.kind in ("array", "lines"):
            form = cast(RecordForm, self.form)
            return writer.records(self.output, form, unit, is_array=self.kind == "array")
        if self.kind == "directory":
            return writer.directory(str(self.output), cast(Brat, self.form), unit, with_scores=probabilities)
        if self.kind == "docbin":
            return writer.docbin(str(self.output))
        return writer.sentences(self.output, tagger.labels, cast(Format, self.kind), probabilities)


def texts_to_tag(
    paths: list[str], format: str | None, offsets: OffsetUnit, overwrite: bool = False
) -> TextsToTag | None:
    """Check the paths of a command before the work; None if INPUT is sentences.

    Args:
        paths: INPUT, then optionally OUTPUT.
        format: Format of OUTPUT; see ``input_form``.
        offsets: Unit of the offsets in OUTPUT; "auto" is that of INPUT, or code points.
        overwrite: Whether OUTPUT may be replaced. Defaults to False.

    Raises:
        ConfigError: A setting is unknown, or OUTPUT cannot be written.
        CorpusError: INPUT cannot be read.
    """
    require(offsets in OFFSET_UNITS, "offsets", f"one of {', '.join(OFFSET_UNITS)}", offsets)
    if len(paths) not in (1, 2):
        input_and_output(paths, overwrite)  # raises the error
    found = input_form(paths[0], format)
    if found is None:
        require(offsets == "auto", "offsets", "auto where OUTPUT is not for an annotation tool (see --format)", offsets)
        return None
    output = paths[1] if len(paths) == 2 and paths[1] != STANDARD_STREAM else None
    if isinstance(found, Brat) and output is not None and (Path(output).is_dir() or not Path(output).suffix):
        _check_directory(output, found, overwrite)
        return TextsToTag(found, output, "directory", offsets)
    _, output = input_and_output(paths, overwrite)
    return TextsToTag(found, output, _kind_of(found, output), offsets)


def _kind_of(form: Form, output: str | None) -> OutputKind:
    """What OUTPUT is, by its suffix and by what INPUT is."""
    formats: dict[str, OutputKind] = {**FORMATS}
    if is_record_form(form):
        lines: OutputKind = "lines"
        formats |= {".json": "array", **dict.fromkeys(JSONL_SUFFIXES, lines)}
        if output is None:
            return "array" if cast(RecordForm, form).kind == "json" else "lines"
    if isinstance(form, DocBins):
        formats[SUFFIX] = "docbin"
    return format_of(output, formats)


def _check_directory(output: str, form: Brat, overwrite: bool) -> None:
    target = Path(output)
    if target.exists() and not target.is_dir():
        raise ConfigError(f"{target}: expected a directory to write, found a file")
    if target.is_dir() and target.samefile(form.root):
        raise ConfigError(f"{target}: expected another directory than that of INPUT, found the same")
    if Path(form.name).is_dir() and form.root.resolve() in target.resolve().parents:
        raise ConfigError(f"{target}: expected a directory outside of INPUT, found one in {form.root}")
    if target.is_dir() and not overwrite and any(target.iterdir()):
        raise ConfigError(f"{target}: expected no such directory, or an empty one (or --overwrite), found files in it")
    if not target.parent.is_dir():
        raise ConfigError(f"{target}: expected the directory {target.parent} to write in, found none")
