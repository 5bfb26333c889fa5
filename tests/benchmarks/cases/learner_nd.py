"""`Learner2D` and `LearnerND` against python-adaptive with its compiled triangulation: ask, tell and loss per point.

Times are CPU seconds of the one process, so that another process on the machine counts for neither side.
"""

from __future__ import annotations

import math
import random
import time
import warnings
from importlib import import_module
from types import ModuleType
from typing import Any

from tests.benchmarks.harness import Case

PEER = "adaptive"


def ring(point: tuple[float, ...]) -> float:
    """Return a ring (2-D) or shell (3-D) on a slope."""
    return point[0] + math.exp(-((sum(x * x for x in point) - 0.75**2) ** 2) / 0.2**4)


def pair(point: tuple[float, ...]) -> list[float]:
    """Return two values: the ring, and a wave."""
    return [ring(point), math.sin(5 * point[1])]


def _run(learner: Any, function: Any, size: int, flying: int) -> float:
    """Return the seconds for `size` points with `flying` of them pending, told in random order, a loss for each."""
    rng, pending = random.Random(0), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.process_time()
        for _ in range(size):
            while len(pending) < flying:
                pending += learner.ask(1)[0]
            point = pending.pop(rng.randrange(len(pending)))
            learner.tell(point, function(point))
            learner.loss()
        return time.process_time() - start


def learner_2d(package: ModuleType, size: int) -> float:
    """Learn the ring with a Learner2D."""
    make = import_module(f"{package.__name__}.learner.learner2D").Learner2D
    return _run(make(ring, [(-1, 1), (-1, 1)]), ring, size, 1)


def _nd(package: ModuleType, function: Any, ndim: int, size: int, flying: int) -> float:
    make = import_module(f"{package.__name__}.learner.learnerND").LearnerND
    return _run(make(function, [(-1, 1)] * ndim), function, size, flying)


CASES = [
    Case("Learner2D, loss() each", learner_2d, size=1000, quick=30, target=30),
    Case("LearnerND 2-D, 8 pending, 1k", lambda p, n: _nd(p, ring, 2, n, 8), size=1000, quick=40, target=5),
    Case("LearnerND 2-D, 8 pending, 5k", lambda p, n: _nd(p, ring, 2, n, 8), size=5000, quick=40, target=5, repeats=3),
    Case("LearnerND 3-D, 1k", lambda p, n: _nd(p, ring, 3, n, 1), size=1000, quick=40, target=4),
    Case("LearnerND 2-D, two outputs, 1k", lambda p, n: _nd(p, pair, 2, n, 1), size=1000, quick=40),
]
