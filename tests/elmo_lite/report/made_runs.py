"""Directories of runs, written as trainings write them, and what a browser would find in a page."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from elmo_lite.ladder.config import LadderConfig
from elmo_lite.nn.config import to_dict
from elmo_lite.pretraining.config import PretrainConfig

COLUMNS = "epoch,step,train/sampled_loss,val/forward_perplexity,val/backward_perplexity,val/perplexity_without_unknown"
ROWS = ("0,19,6.5,,,", "0,39,6.25,,,", "0,39,,210.5,222.25,230.125", "0,59,5.75,,,", "0,59,,140.75,151.5,160.5")


def table(*rows: str) -> str:
    """A table of curves."""
    return "\n".join([COLUMNS, *rows]) + "\n"


def pretraining_run(path: Path, rows: tuple[str, ...] = ROWS, **changes: Any) -> Path:
    """A pretraining run of 60 steps; it has no result."""
    settings = {name: value for name, value in to_dict(PretrainConfig()).items() if name != "device"}
    content = {"config": settings, "corpus": "ab" * 32, "max_steps": 60, "limit": "--max_steps 60", "moves": []}
    content |= {"validation_words": 1234, "init": None, "origin": {}, "corpus_directory": "my corpus"}
    (path / "logs").mkdir(parents=True)
    (path / "run.json").write_text(json.dumps({**content, **changes}))
    (path / "logs" / "metrics.csv").write_text(table(*rows))
    return path


def result(path: Path, steps: int = 60) -> None:
    """What a run has come to at its end."""
    best = {"step": 60, "nats": 5.0, "forward_perplexity": 140.75, "backward_perplexity": 151.5}
    (path / "result.json").write_text(
        json.dumps({"steps": steps, "epochs": 1.5, "words_seen": 61440, "seconds": 90.0, "best": best})
    )


def rung(name: str, perplexity: float | None, **changes: Any) -> dict[str, Any]:
    """What was measured of a model of a ladder."""
    facts = {"name": name, "title": f"the {name}", "parameters": 1234, "words": 900, "seconds": 4.5, "sentence": "a b"}
    return {**facts, "perplexity": perplexity, **changes}


NEURAL = {
    "dim": 16,
    "points": [[1.5, 90.5], [3.0, 60.25]],
    "gradients": {
        "before": {"hidden": [1.0, 0.5, 1e-20], "cell": [0.0, 0.25, 0.125]},
        "after": {"hidden": [2.0, 1.0, 0.5]},
    },
}
RESULTS = (
    rung("unigram", 300.25),
    rung("lstm", 55.75, **NEURAL),
    rung("bilm", 66.5, dim=16, backward_perplexity=70.5, points=[[2.0, 80.0]]),
)


def ladder_run(
    path: Path, results: tuple[dict[str, Any], ...] = RESULTS, *, config: Any = None, **changes: Any
) -> Path:
    """A ladder of three models; it is complete if it has all three results."""
    chosen = to_dict(LadderConfig(**({"rungs": ("unigram", "lstm", "bilm")} if config is None else config)))
    settings = {"config": chosen, "corpus": "ab" * 32, "test": None, "corpus_name": "my corpus"}
    (path / "rungs").mkdir(parents=True)
    (path / "settings.json").write_text(json.dumps({**settings, **changes}))
    for result in results:
        (path / "rungs" / f"{result['name']}.json").write_text(json.dumps(result))
    if len(results) == len(RESULTS):
        counts = {"training_words": 12_345, "classes": 678, "predictions": 2_345, "test_predictions": None}
        (path / "ladder.json").write_text(json.dumps(counts))
    return path


def epoch(number: int, score: float, loss: float = 1.0) -> dict[str, Any]:
    """An epoch of a task run that mixes two layers."""
    return {
        "epoch": number,
        "loss": loss,
        "dev": {"main": score},
        "mix": {"input": [[0.25 * number, 1 - 0.25 * number], 1.0 + number]},
        "learning_rate": 1e-3,
        "seconds": 2.0,
        "dev_seconds": 0.5,
        "words_per_second": 100.0,
    }


SCORES = {
    "f1": 61.54,
    "precision": 66.67,
    "recall": 57.14,
    "types": {"PER": {"precision": 75.0, "recall": 60.0, "f1": 66.67, "support": 5}},
    "confusion": {"labels": ["O", "PER"], "matrix": [[31, 2], [4, 7]]},
}


def task_run(path: Path, *, complete: bool = True, metrics: bool = True, **changes: Any) -> Path:
    """A task run of two epochs."""
    path.mkdir(parents=True)
    epochs = [epoch(1, 40.0, 2.5), epoch(2, 61.54, 1.25)]
    journal = {
        "format_version": 1,
        "task": "ner",
        "command": "elmo-lite ner train --train a --dev b --out c",
        "data": {"dev": {"name": "b", "sentences": 2, "words": 9}},
        "settings": {"dropout": 0.5},
        "measure": "F1",
        "complete": complete,
        "epochs": epochs,
    }
    (path / "training.json").write_text(json.dumps({**journal, **changes}))
    if metrics:
        facts = {"complete": True, "epochs": epochs, "best_epoch": 2, "interrupted": False, "words_per_second": 123.0}
        (path / "metrics.json").write_text(json.dumps({**facts, "dev": SCORES}))
    return path


def predictions(path: Path, *rows: dict[str, Any], **facts: Any) -> None:
    """The predictions of a run."""
    header = {"format_version": 1, "task": "ner", "part": "dev", "sentences": len(rows), "kept": len(rows), **facts}
    (path / "predictions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in (header, *rows)))


def tagged(words: str, gold: list[list[Any]], predicted: list[list[Any]], unseen: tuple[int, ...] = ()) -> Any:
    """A row of predictions of a tagger."""
    row: dict[str, Any] = {"line": 7, "words": words.split(), "unseen": list(unseen)}
    return {**row, "gold": gold, "predicted": predicted}


def labelled(words: str, gold: list[Any], predicted: list[Any], unseen: tuple[int, ...] = ()) -> Any:
    """A row of predictions of a classifier."""
    row: dict[str, Any] = {"line": 3, "words": words.split(), "unseen": list(unseen)}
    return {**row, "gold": gold, "predicted": predicted}


class Page(HTMLParser):
    """What a browser would find: elements, attributes, text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.commands: list[str] = []
        self._is_code = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += attrs
        if tag == "code":
            self._is_code = True
            self.commands.append("")

    def handle_endtag(self, tag: str) -> None:
        self._is_code = self._is_code and tag != "code"

    def handle_data(self, data: str) -> None:
        if self._is_code:
            self.commands[-1] += data
        if data.strip():
            self.texts.append(data.strip())
