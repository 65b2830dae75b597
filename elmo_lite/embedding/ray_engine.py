"""Contextual vectors of the sentences of many files, by Ray Data, written to a directory of Parquet files."""

from __future__ import annotations

import logging
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from elmo_lite.cluster.connection import Cluster, counted
from elmo_lite.cluster.input_parts import find_inputs
from elmo_lite.cluster.job import Job
from elmo_lite.cluster.output_directory import check_apart, check_output_directory
from elmo_lite.cluster.unfinished import Unfinished
from elmo_lite.embedding.inputs import ModelChoice, Reading
from elmo_lite.embedding.part_embedder import PartEmbedder
from elmo_lite.embedding.vector_choice import VectorChoice
from elmo_lite.errors import require
from elmo_lite.extras import import_extras
from elmo_lite.hardware import cpu_count
from elmo_lite.locks import hold
from elmo_lite.saved_model import encoder_hash
from elmo_lite.stopping import Stopped
from elmo_lite.text.samples import warn_of_beginnings
from elmo_lite.text.sources import Source

log = logging.getLogger("elmo_lite")

OnError = Literal["fail", "skip"]
_ON_GPU = {"cpu": False, "cuda": True, "auto": None}
"""Whether a worker gets a GPU, by device; None if the cluster has some."""


@dataclass(frozen=True)
class RayChoice:
    """Where the work runs, and what becomes of rows that cannot be embedded."""

    address: str | None = None
    """Address of a running cluster. Defaults to a cluster of this machine alone."""
    workers: int | None = None
    """Number of workers. Defaults to as many as there are CPUs or GPUs."""
    on_error: OnError = "fail"


def embed_directory(
    model: ModelChoice,
    input: str,
    output: str,
    choice: VectorChoice,
    reading: Reading,
    ray: RayChoice,
    *,
    overwrite: bool = False,
    progress: bool = False,
) -> None:
    """Embed files of Parquet, JSON lines or text by Ray Data; what was done before an interruption is not done again.

    Raises:
        CorpusError: The input is missing, or a line cannot be used; the message names file and line.
        ConfigError: The output exists, an unfinished job there has other settings, or the cluster is too small.
        ModuleNotFoundError: Ray is not installed.
    """
    import_extras(["pyarrow", "ray"], "--engine ray")
    require(ray.workers is None or ray.workers >= 1, "--workers", "1 or more", ray.workers)
    require(model.device in _ON_GPU, "--device", "cpu, cuda or auto for --engine ray", model.device)
    target = Path(output)
    check_output_directory(target, overwrite)
    sources = find_inputs(input, reading.numbered_lines)
    check_apart(target, Path(input), sources)
    warn_of_beginnings(sources)
    threads = cpu_count() if os.environ.get("OMP_NUM_THREADS") else 1  # that of --threads
    place = Unfinished(target)
    with hold(place.directory):
        model, settings = _settings(model, choice, reading, sources)
        job = Job(place.directory.absolute())
        if place.begun(settings, overwrite):
            log.info("%s: goes on, %s of %s parts are done", place.directory, f"{job.num_done:,}", f"{job.num_parts:,}")
        else:
            place.begin(settings, sources, reading.text_field, ray.on_error == "skip")
        if job.num_parts:
            cluster = Cluster(ray.address, ray.workers, threads, _ON_GPU[model.device])
            worker = {"model": model, "choice": choice, "reading": reading, "output": str(place.output.absolute())}
            worker |= {"skip": ray.on_error == "skip", "threads": threads}
            _run(job, worker, cluster, progress)
        results = job.results()
        skipped = place.finish(results)
    _report(target, place.skipped, results, len(skipped))


def _settings(
    model: ModelChoice, choice: VectorChoice, reading: Reading, sources: list[Source]
) -> tuple[ModelChoice, dict[str, Any]]:
    """The model as the workers find it, and what the vectors depend on; the model is loaded once to check both."""
    elmo = ModelChoice(model.name, "cpu", model.precision).load()
    choice.check(elmo)
    reading.tokenization(elmo).load()
    name = str(Path(model.name).absolute()) if Path(model.name).is_dir() else model.name
    files = [(source.name, source.stored_size, Path(source.name).stat().st_mtime_ns) for source in sources]
    settings = {"model": encoder_hash(elmo.bilm), "precision": model.precision, **asdict(choice), **asdict(reading)}
    return ModelChoice(name, model.device, model.precision), settings | {"layers": choice.chosen, "input": files}


def _run(job: Job, worker: dict[str, Any], cluster: Cluster, progress: bool) -> None:
    try:
        with cluster.connected() as workers:
            log.info("%s, %s", counted(job.num_parts, "part"), workers)
            job.run(PartEmbedder, worker, workers, progress)
    except KeyboardInterrupt as stop:
        done = f"{job.num_done:,} of {job.num_parts:,} parts are done, the same command goes on"
        if isinstance(stop, Stopped):
            raise Stopped(f"terminated: {done}", stop.signal_number) from None
        raise Stopped(f"interrupted: {done}") from None


def _report(target: Path, side_file: Path, results: list[dict[str, Any]], num_skipped: int) -> None:
    words, sentences = (sum(result[name] for result in results) for name in ("num_words", "num_sentences"))
    written = counted(words, "word"), counted(sentences, "sentence"), counted(len(results), "file")
    log.info("%s: %s in %s, %s", target, *written)
    if num_skipped:
        log.warning("%s: %s skipped", side_file, counted(num_skipped, "row"))
