"""A run that is killed: ``python -m tests.store.killed FOLDER KIND`` evaluates a sequence into a store.

Each evaluation adds a line to ``evaluated``, each told point one to ``told``; both are appended in one write, so that
they are complete after SIGKILL.
"""

from __future__ import annotations

import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from adaptive_calib.learner.sequence_learner import SequenceLearner
from adaptive_calib.runner import BlockingRunner

N = 60


def note(path: Path, text: Any) -> None:
    """Append a line in one write."""
    handle = os.open(path, os.O_APPEND | os.O_CREAT | os.O_WRONLY)
    os.write(handle, f"{text}\n".encode())
    os.close(handle)


def result(i: int, kind: str) -> Any:
    """Return the result of element i."""
    if kind == "float":
        return i**0.5
    if kind == "array":
        return np.full(2**17, float(i))  # 1 MB
    return {"index": i, "curve": np.arange(i + 1.0), "label": (None, True), "text": "ü" * i}


def same(a: Any, b: Any) -> bool:
    """Whether two results are equal."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    return np.array_equal(a, b) if isinstance(a, np.ndarray) else bool(a == b)


def evaluate(i: int, folder: str, kind: str) -> Any:
    """Evaluate element i in some milliseconds."""
    note(Path(folder) / "evaluated", i)
    time.sleep(0.004)
    return result(i, kind)


class Told(SequenceLearner):
    """Notes what it is told during the run."""

    folder: Path

    def tell(self, x: Any, y: Any) -> None:
        """Take in a value."""
        note(self.folder / "told", x[0])
        super().tell(x, y)


def run(folder: Path, kind: str, executor: Any) -> dict[int, Any]:
    """Run to the end, and return what the learner knows."""
    learner = Told(partial(evaluate, folder=str(folder), kind=kind), range(N))
    learner.folder = folder
    BlockingRunner(learner, executor=executor, store=folder / "s.db", goal=lambda learner: learner.done())
    return dict(learner.data)


if __name__ == "__main__":
    from concurrent.futures import ThreadPoolExecutor

    print("ready", flush=True)
    run(Path(sys.argv[1]), sys.argv[2], ThreadPoolExecutor(2))
