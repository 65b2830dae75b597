"""Eval mode of a module that several threads use."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn


class EvalMode:
    """Keeps a module in eval mode while any thread is inside ``entered``; the last one to leave restores its mode."""

    def __init__(self, module: nn.Module) -> None:
        """Wrap a module."""
        self.module = module
        self._lock = threading.Lock()
        self._inside = 0
        self._was_training = False

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Enter eval mode."""
        with self._lock:
            if self._inside == 0 and self.module.training:
                self._was_training = True
                self.module.eval()
            self._inside += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if self._inside == 0 and self._was_training:
                    self._was_training = False
                    self.module.train()

    def __getstate__(self) -> dict[str, Any]:
        """State for copies and worker processes, which nobody is inside of."""
        return {"module": self.module}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore the state."""
        self.__init__(state["module"])  # type: ignore[misc]
