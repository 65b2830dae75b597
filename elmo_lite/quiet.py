"""Output of PyTorch and Lightning that says nothing to a user of this package."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["quiet_libraries"]

_LOGGERS = ("pytorch_lightning", "lightning.pytorch")
_DELIBERATE = (
    r".*does not have many workers.*",
    r".*Checkpoint directory.*",
    r".*LeafSpec.*",
    r".*Experiment logs directory.*",
    r".*number of training batches.*",
    r".*in eval mode.*",
    r".*sync_dist=True.*",
    r"Sparse invariant checks are implicitly disabled.*",  # torch 2.11, on a GPU, although they are disabled explicitly
)
"""Warnings about choices that are deliberate here."""


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Silence Lightning's tips and banners, and warnings about deliberate choices; undone on exit."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.WARNING)
        with warnings.catch_warnings():
            for message in _DELIBERATE:
                warnings.filterwarnings("ignore", message)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
