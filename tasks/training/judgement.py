"""What a result says beside its scores: how well a model does on what train lacked, and where it is most wrong.

All of it is computed from predictions of sentences (``predictions``), whatever the task.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import repeat
from pathlib import Path
from typing import Any

from elmo_lite import ConfigError
from elmo_lite.files import write_text
from elmo_lite.report import Label, Prediction, error_lines, error_page, is_right, knowledge_scores, prediction_of
from tasks.saved_task.scores import interval, reliability
from tasks.training.predictions import row_of
from tasks.training.seen import Seen
from tasks.training.task import ConfigT, DataT, ExampleT, ModelT, Task

log = logging.getLogger("elmo_lite")

ERRORS_PAGE, ERRORS_LINES = "errors.html", "errors.jsonl"


def judge(
    task: Task[ConfigT, DataT, ExampleT, ModelT], model: ModelT, data: DataT, seen: Seen | None
) -> tuple[dict[str, Any], list[Prediction], Sequence[Any]]:
    """Score a model on labelled sentences.

    Args:
        task: The kind of task.
        model: The model.
        data: Labelled sentences.
        seen: What the training data hold; None if nobody knows.

    Returns:
        The scores of ``task.evaluate``, with "interval" and "calibration", see ``tasks.saved_task.scores``, and, if it
        is known what the training data hold, "unseen_words", the share of the words that they lack, in percent, and
        "known", see ``elmo_lite.report.knowledge_scores``; what the report knows of each sentence, nothing if the task
        has no answers for it; the predictions of ``task.evaluate``.
    """
    scores, predicted = task.evaluate(model, data)
    if not task.has_answers:
        return scores, [], predicted
    examples = task.examples(data)
    answers = map(task.answer, examples, predicted, repeat(model.labels))
    rows = [prediction_of(row_of(e.words, answer, seen)) for e, answer in zip(examples, answers, strict=True)]
    if "interval" not in scores:  # of a task whose ``evaluate`` does not have them
        scores = {**scores, "interval": interval(map(_counts, rows)), "calibration": reliability(*_judged(rows))}
    if seen is not None:
        lacking = 100 * sum(len(row.unseen) for row in rows) / sum(len(example.words) for example in examples)
        scores = {**scores, "unseen_words": lacking, "known": knowledge_scores(rows)}
    return scores, rows, predicted


def _counts(row: Prediction) -> tuple[int, int]:
    """What ``interval`` takes of a sentence."""
    if isinstance(row.gold, Label) or isinstance(row.predicted, Label):
        return int(is_right(row)), 1
    gold, predicted = {span.place for span in row.gold}, {span.place for span in row.predicted}
    return 2 * len(gold & predicted), len(gold) + len(predicted)


def _judged(rows: Sequence[Prediction]) -> tuple[list[float], list[bool]]:
    """The probability of each predicted label or entity, and whether it is right."""
    judged = []
    for row in rows:
        if isinstance(row.gold, Label) or isinstance(row.predicted, Label):
            judged.append((row.predicted.probability, is_right(row)))  # type: ignore[union-attr]
        else:
            gold = {span.place for span in row.gold}
            judged += [(span.probability, span.place in gold) for span in row.predicted]
    return [probability for probability, _ in judged], [right for _, right in judged]


def write_errors(rows: Sequence[Prediction], out: Path, title: str, part: str) -> Path:
    """Write the ten worst sentences as ``errors.html`` and ``errors.jsonl``.

    Args:
        rows: Predictions.
        out: Directory of the files.
        title: Name of the model.
        part: Name of the data, such as "dev".

    Returns:
        The path of the page.
    """
    write_text(out / ERRORS_PAGE, error_page(rows, title, part))
    write_text(out / ERRORS_LINES, error_lines(rows))
    return out / ERRORS_PAGE


def evaluate_saved(
    task: Task[ConfigT, DataT, ExampleT, ModelT], model: ModelT, data: DataT, directory: str, name: str, errors: str
) -> dict[str, Any]:
    """The scores that the command ``evaluate`` prints, see ``judge``.

    Args:
        task: The kind of task.
        model: A saved model.
        data: Labelled sentences.
        directory: Directory of the model.
        name: Path or name of the data.
        errors: Directory to write the worst sentences to; empty for none.

    Raises:
        ConfigError: ``errors`` is a file.
        CheckpointError: What is kept of the training data is damaged.
    """
    out = Path(errors)
    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out}: expected a directory to write errors to, found a file")
    if errors:
        out.mkdir(parents=True, exist_ok=True)  # what cannot be written is an error before the work
    seen = Seen.load(Path(directory))
    scores, rows, _ = judge(task, model, data, seen)
    if "unseen_words" in scores:
        log.info("%s: %.1f %% of the words unseen in training", name, scores["unseen_words"])
    if errors:
        log.info("errors: %s", write_errors(rows, out, Path(directory).name, name))
    return scores
