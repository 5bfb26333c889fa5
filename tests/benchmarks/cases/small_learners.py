"""Averages, integrals, and the choice among many learners: ask + tell + loss of each point, against python-adaptive.

Times are processor times of the process.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from time import process_time
from types import ModuleType
from typing import Any

from tests.benchmarks.harness import Case

PEER = "adaptive"


def _average(package: ModuleType, size: int) -> float:
    """Seconds for `size` samples of a mean."""
    values = [random.Random(seed).gauss(0.5, 1) for seed in range(size)]
    learner = package.AverageLearner(None, rtol=1e-6)
    start = process_time()
    for _ in range(size):
        (seed,), _ = learner.ask(1)
        learner.tell(seed, values[seed])
        learner.loss()
    return process_time() - start


def _integral(function: Callable[[float], float], bounds: tuple[float, float]) -> Callable[[ModuleType, int], float]:
    """Seconds for an integral to the tolerance ``10**-size``, until it is done; `done` is looked at for each point."""

    def run(package: ModuleType, size: int) -> float:
        # the constants of the rules are computed once in a process
        package.IntegratorLearner(math.sin, (0, 3), 1e-3).ask(1)
        learner = package.IntegratorLearner(function, bounds, 10.0**-size)
        start = process_time()
        while not learner.done():
            (x,), _ = learner.ask(1)
            learner.tell(x, function(x))
            learner.loss()
        return process_time() - start

    return run


def _steps(x: float) -> float:
    return float(math.floor(math.exp(x)))


def _balancing(children: int) -> Callable[[ModuleType, int], float]:
    """Seconds for `size` points of many `Learner1D`, after three points each."""

    def run(package: ModuleType, size: int) -> float:
        learner = package.BalancingLearner([package.Learner1D(None, (-1, 1)) for _ in range(children)])

        def step() -> None:
            ((i, x),), _ = learner.ask(1)
            learner.tell((i, x), math.tanh(20 * (x - i / children)))
            learner.loss()

        for _ in range(3 * children):
            step()
        start = process_time()
        for _ in range(size):
            step()
        return process_time() - start

    return run


CASES: list[Any] = [
    Case("AverageLearner", _average, 20_000, 50, target=5),
    Case("IntegratorLearner, square root, 1e-12", _integral(math.sqrt, (0, 1)), 12, 4, target=2),
    Case("IntegratorLearner, steps, 1e-7", _integral(_steps, (0, 3)), 7, 2, target=2),
    Case("BalancingLearner, 16 children", _balancing(16), 4000, 20, target=6, peer_size=2000),
    Case("BalancingLearner, 1000 children", _balancing(1000), 4000, 20, target=6, peer_size=400, repeats=3),
]
