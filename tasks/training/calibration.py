"""Calibration of a head on dev: one temperature for all of its scores (Guo et al. 2017), and a picture of how it fits.

The temperature divides the logits of a classifier, and emissions and transitions of a CRF together. What is most
probable stays so at any temperature: scores of labels and entities change, predictions do not. What a classifier of
n-grams weighs beside the network is fitted with it. Of several labels the temperature divides each logit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from elmo_lite.extras import named_extra
from elmo_lite.pictures import COLOURS, GREY, draw_picture, style_axes
from elmo_lite.text import batches_by_length
from tasks.inputs.batch import BATCH_WORDS
from tasks.training.head import CalibratedHead, Example

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_SENTENCES, MAX_SCORES = 2000, 20_000_000
"""Bounds of what one number is fitted to: sentences, and scores of labels in memory. Evenly spaced ones are taken."""
LEAST, MOST = 0.05, 20.0
PRIOR = {"temperature": 0.5, "ngram_weight": 1.0}
"""Standard deviation of the logarithm of what is fitted, before dev is seen; its mean is 0. Without it, a small dev
that has no error would make every answer certain."""


@dataclass(frozen=True)
class Fitted:
    """What is fitted to dev, and the negative log-likelihood of dev without and with it, in nats per sentence."""

    scales: Mapping[str, float] = field(default_factory=lambda: {"temperature": 1.0})
    """The temperature and, of a classifier with n-grams, their weight."""
    nll_before: float = 0.0
    nll_after: float = 0.0

    @property
    def temperature(self) -> float:
        """What divides all scores."""
        return self.scales["temperature"]


@torch.no_grad()
def fit_scales(
    model: CalibratedHead, examples: Sequence[Example], make_batch: Callable[[Sequence[Any]], Any], device: torch.device
) -> Fitted:
    """Find the temperature, and what else the model has to fit, that make the labels of dev most probable.

    Args:
        model: A head in eval mode.
        examples: Sentences of dev with labels that the model has.
        make_batch: Function from some of the sentences to their batch with targets.
        device: Device of the model.

    Returns:
        What was found; all 1 without sentences, or if the likelihood is not finite.
    """
    kept = _sample(model, examples)
    batches: list[tuple[Tensor, Any]] = []
    for chosen in batches_by_length([len(example.words) for example in kept], BATCH_WORDS):
        batch = make_batch([kept[index] for index in chosen]).to(device)
        batches.append((model.evidence(batch).float(), batch))

    def nll(scales: Sequence[float]) -> float:
        return -sum(
            float(model.log_likelihood(scores, batch, *scales).cpu().double().sum()) for scores, batch in batches
        )

    names = list(model.scales)
    before = nll([1.0] * len(names))
    if not batches or not math.isfinite(before):
        return Fitted(dict.fromkeys(names, 1.0))
    with named_extra("a temperature"):
        from scipy.optimize import minimize

    spreads = [PRIOR[name] for name in names]

    def loss(powers: Any) -> float:
        unlikely = sum((power / spread) ** 2 for power, spread in zip(powers, spreads, strict=True))
        return nll([math.exp(power) for power in powers]) + 0.5 * float(unlikely)

    bounds = [(math.log(LEAST), math.log(MOST))] * len(names)
    found = minimize(loss, [0.0] * len(names), bounds=bounds, method="Powell")
    scales = [round(math.exp(float(power)), 4) for power in found.x]
    return Fitted(dict(zip(names, scales, strict=True)), before / len(kept), nll(scales) / len(kept))


def _sample(model: CalibratedHead, examples: Sequence[Example]) -> list[Example]:
    """Evenly spaced sentences, as many as the bounds allow."""
    num_scores = len(model.labels) * sum(len(example.words) for example in examples)
    step = max(1, -(-len(examples) // MAX_SENTENCES), -(-num_scores // MAX_SCORES))
    return list(examples[::step])


def reliability_picture(part: str) -> str:
    """The file name of the reliability curve on "dev" or "test"."""
    return f"reliability-{part}.png"


def draw_reliability(found: dict[str, Any] | None, part: str, out: Path, answers: str) -> Path | None:
    """Draw a reliability curve.

    Args:
        found: Result of ``tasks.saved_task.scores.reliability``.
        part: Name of the labelled data, such as "dev".
        out: Directory of the picture.
        answers: What has probabilities, in the plural, such as "entities".

    Returns:
        The path of the picture; None without answers or without matplotlib.
    """
    if found is None:
        return None
    return draw_picture(out / reliability_picture(part), (4.8, 4.8), lambda figure: _draw(figure, found, part, answers))


def _draw(figure: Figure, found: dict[str, Any], part: str, answers: str) -> None:
    axes = figure.add_subplot()
    means, shares, sizes = zip(*found["bins"], strict=True)
    axes.plot([0, 100], [0, 100], color=GREY, linewidth=0.8, linestyle=":")
    places = [100 * mean for mean in means], [100 * share for share in shares]
    axes.plot(*places, color=COLOURS[0])
    largest = max(sizes)
    axes.scatter(*places, s=[15 + 150 * size / largest for size in sizes], color=COLOURS[0], zorder=3)
    for mean, share, size in zip(*places, sizes, strict=True):
        axes.annotate(f"{size:,}", (mean, share), (8, -10), textcoords="offset points", color=GREY, fontsize=8)
    axes.set_xlim(0, 102)
    axes.set_ylim(-2, 104)
    axes.set_aspect("equal")
    style_axes(axes, "probability that the model gave, %", f"{answers} that are right, %")
    axes.set_title(f"Reliability on {part}", loc="left", fontweight="bold", pad=18)
    note = f"expected calibration error {found['error']:.1f} %; grey figures: number of {answers}"
    axes.text(0, 1.02, note, transform=axes.transAxes, color=GREY, fontsize=8)
