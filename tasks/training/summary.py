"""What a training prints at its end."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from elmo_lite.stopping import Stopped
from tasks.training.judgement import ERRORS_PAGE
from tasks.training.task import ConfigT, DataT, ExampleT, ModelT, Task

log = logging.getLogger("elmo_lite")

MAX_KINDS = 20
"""Number of types or labels that are printed, those with most of the data."""
KNOWN_WORDS = {"seen_entities": "words seen in training", "with_unseen_word": "words unseen in training"}
"""The same, where each word has a label."""
KNOWN = {
    "seen_entities": "entities seen in training",
    "new_of_known_words": "new entities of known words",
    "with_unseen_word": "new entities with an unseen word",
    "all_words_seen": "texts of known words",
    "with_unseen_words": "texts with unseen words",
}
"""What groups of ``elmo_lite.report.knowledge_scores`` are called."""


def print_scores(
    task: Task[ConfigT, DataT, ExampleT, ModelT], facts: Mapping[str, Any], out: str | Path, seeds: int
) -> None:
    """Print one line for dev and one for test, the path of the model, and the command that shows the run.

    What else the scores say of a single model is logged.

    Args:
        task: The kind of task.
        facts: Result of ``train_task``.
        out: Directory of the run.
        seeds: Number of seeds of the run.
    """
    if "folds" in facts:
        print(f"folds {_mean(task, facts, 'test')}  ({facts['folds']} folds: mean, deviation)")
        print(f"models {Path(out) / 'fold-1'} to fold-{facts['folds']}")
        print(f"next  elmo-lite report {shlex.quote(str(out))}")
        return
    if "search" in facts:
        _print_search(task, facts)
        seeds = 1
    for part in ("dev", "test"):
        if seeds == 1 and part in facts:
            shown = [f"{title} {facts[part][key]:.2f}" for title, key in task.headline.items() if key in facts[part]]
            print(f"{part:<5} {'  '.join(shown)}")
            for line in _details(facts[part], next(iter(task.headline))):
                log.info("%s: %s", part, line)
        elif seeds > 1 and any(key.startswith(f"{part}.") for key in facts["mean"]):
            print(f"{part:<5} {_mean(task, facts, part)}  ({seeds} seeds: mean, deviation)")
    if seeds == 1 and "threshold" in facts:
        log.info("labels of probability %.2f or more are predicted", facts["threshold"])
    if seeds == 1 and "ngram_weight" in facts:
        log.info("n-grams weigh %.2f beside the network, whose scores the epochs have", facts["ngram_weight"])
    print(f"model {out if seeds == 1 else Path(out) / 'seed-0'}")
    if seeds == 1 and (Path(out) / ERRORS_PAGE).is_file():
        log.info("dev: worst sentences in %s", Path(out) / ERRORS_PAGE)
    print(f"next  elmo-lite report {shlex.quote(str(out))}")
    if facts.get("interrupted"):
        message = f"stopped in epoch {facts['num_epochs'] + 1}; the model of epoch {facts['best_epoch']} is in {out}"
        raise Stopped(message, facts["stop_signal"])


def _mean(task: Task[ConfigT, DataT, ExampleT, ModelT], facts: Mapping[str, Any], part: str) -> str:
    """Mean and deviation of the headline scores of several runs."""
    mean, deviation = facts["mean"], facts["deviation"]
    return "  ".join(
        f"{title} {mean[f'{part}.{key}']:.2f} +- {deviation[f'{part}.{key}']:.2f}"
        for title, key in task.headline.items()
        if f"{part}.{key}" in mean
    )


def _print_search(task: Task[ConfigT, DataT, ExampleT, ModelT], facts: Mapping[str, Any]) -> None:
    """Print a line per point, best first, and what is as good as the best."""
    rows, seeds = facts["search"], facts["seeds"]
    title = next(iter(task.headline))
    width = max(len(row["point"]) for row in rows)
    how = "one seed" if seeds == 1 else f"{seeds} seeds: mean, deviation"
    print(f"{'search':<{width}}  {title} on dev ({how})")
    for row in rows:
        score = f"{row['mean']:.2f}" + ("" if seeds == 1 else f" +- {row['deviation']:.2f}")
        within = "" if seeds == 1 or not row["is_within"] else f"within one standard error ({rows[0]['error']:.2f})"
        print(f"{row['point']:<{width}}  {score}  {'best' if row['is_best'] else within}".rstrip())
    if seeds == 1:
        print("one seed tells nothing of chance: --seeds 3 shows what is as good as the best")
    print(f"best  {rows[0]['point']}, seed {facts['best_seed']}")


def _details(scores: Mapping[str, Any], title: str) -> Iterator[str]:
    """The interval of the share of right answers, scores by type or label, and by what the training data knew."""
    right = () if "f1" in scores else ("accuracy", "exact")  # of texts and words; entities have F1
    title = next((name for name in right if name in scores), title)
    if drawn := scores.get("interval"):
        yield f"{title} in {drawn['low']:.1f} to {drawn['high']:.1f} ({drawn['level']} % of resampled sentences)"
    if found := scores.get("calibration"):
        yield f"expected calibration error {found['error']:.1f} %"
    kinds = scores.get("types") or scores.get("per_label") or {}
    sizes = {kind: found.get("support", found.get("sentences", 0)) for kind, found in kinds.items()}
    shown = sorted(kinds, key=lambda kind: -sizes[kind])[:MAX_KINDS]
    rest = ", ..." if len(kinds) > len(shown) else ""
    if shown:
        yield (
            f"F1 by {'type' if 'types' in scores else 'label'}: "
            + ", ".join(f"{kind} {kinds[kind]['f1']:.1f} ({sizes[kind]:,})" for kind in shown)
            + rest
        )
    is_of_words = "per_label" in scores and "seen_entities" in scores.get("known", {})
    for key, title in (KNOWN_WORDS if is_of_words else KNOWN).items():
        found = scores.get("known", {}).get(key, {})
        name = "f1" if "f1" in found else "accuracy"
        if found.get(name) is not None:
            measure = "F1" if name == "f1" and not is_of_words else "accuracy"
            yield f"{measure} of {title}: {found[name]:.1f} ({found['support']:,})"
