"""`Learner1D` and `AverageLearner1D` against python-adaptive: ask, tell and loss for each point.

Times are processor times of the process, so that a busy machine tells less lies.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from importlib import import_module
from time import process_time
from types import ModuleType
from typing import Any

from tests.benchmarks.harness import Case

PEER = "adaptive"


def peak(x: float) -> float:
    return x + 0.01**2 / (0.01**2 + x * x)


def three(x: float) -> list[float]:
    return [x, peak(x), x * x]


def _module(package: ModuleType, name: str) -> ModuleType:
    return import_module(f"{package.__name__}.learner.{name}")


def _run(learner: Any, n: int) -> float:
    function = learner.function
    start = process_time()
    for _ in range(n):
        (x,), _ = learner.ask(1)
        learner.tell(x, function(x))
        learner.loss()
    return process_time() - start


def _one_by_one(function: Callable[[float], Any], loss: str | None = None) -> Callable[[ModuleType, int], float]:
    def run(package: ModuleType, size: int) -> float:
        module = _module(package, "learner1D")

        def learner() -> Any:
            return module.Learner1D(function, (-1, 1), None if loss is None else getattr(module, loss)())

        # what is done once for each process is no part of it
        _run(learner(), 100)
        return _run(learner(), size)

    return run


def _eight_pending(package: ModuleType, size: int) -> float:
    learner = _module(package, "learner1D").Learner1D(peak, (-1, 1))
    rng = random.Random(1)
    out: list[float] = []
    start = process_time()
    for _ in range(size):
        xs, _ = learner.ask(8 - len(out))
        out += xs
        x = out.pop(rng.randrange(len(out)))
        learner.tell(x, peak(x))
        learner.loss()
    return process_time() - start


def _bulk(package: ModuleType, size: int) -> float:
    learner = _module(package, "learner1D").Learner1D(peak, (-1, 1))
    rng = random.Random(2)
    xs = [-1.0, 1.0, *(rng.uniform(-1, 1) for _ in range(size - 2))]
    ys = [peak(x) for x in xs]
    start = process_time()
    learner.tell_many(xs, ys)
    return process_time() - start


def _copy(package: ModuleType, size: int) -> float:
    module = _module(package, "learner1D")
    source, copied = module.Learner1D(peak, (-1, 1)), module.Learner1D(peak, (-1, 1))
    source.tell_many(*zip(*[(-1 + 2 * i / size, peak(-1 + 2 * i / size)) for i in range(size + 1)], strict=True))
    start = process_time()
    copied.copy_from(source)
    return process_time() - start


def noisy(point: tuple[int, float]) -> float:
    # noise that costs next to nothing: it is no part of what is measured
    seed, x = point
    return x * x + (seed * 7919 + int(x * 1e6) * 104_729) % 1009 / 1009


def _average(package: ModuleType, size: int) -> float:
    make = _module(package, "average_learner1D").AverageLearner1D
    _run(make(noisy, (-1, 1)), 100)
    return _run(make(noisy, (-1, 1)), size)


def _one_place(package: ModuleType, size: int) -> float:
    learner = _module(package, "average_learner1D").AverageLearner1D(noisy, (-1, 1))
    samples = [random.Random(seed).gauss(0, 1) for seed in range(size)]
    start = process_time()
    for seed, y in enumerate(samples):
        learner.tell((seed, 0.25), y)
    return process_time() - start


CASES = [
    Case("Learner1D, 1,000 points", _one_by_one(peak), size=1000, quick=50, target=20, repeats=9),
    Case("Learner1D, 10,000 points", _one_by_one(peak), size=10_000, quick=60, target=20),
    Case("Learner1D, 50,000 points", _one_by_one(peak), size=50_000, quick=70, target=20, repeats=3),
    Case("Learner1D, 1,000,000 points", _one_by_one(peak), 1_000_000, quick=80, repeats=1, peer_size=20_000),
    Case("Learner1D, 8 pending, told in random order", _eight_pending, size=5000, quick=50, target=10),
    Case("Learner1D, three outputs", _one_by_one(three), size=2000, quick=50, target=15),
    Case(
        "Learner1D, curvature loss",
        _one_by_one(peak, "curvature_loss_function"),
        size=2000,
        quick=50,
        target=3,
    ),
    Case("Learner1D, tell_many of 100,000 points", _bulk, size=100_000, quick=100, repeats=3, peer_size=2000),
    Case("Learner1D, copy of 100,000 points", _copy, size=100_000, quick=100, repeats=3, peer_size=2000),
    Case("AverageLearner1D, 5,000 samples", _average, size=5000, quick=150, target=10),
    Case("AverageLearner1D, 5,000 samples at one x", _one_place, size=5000, quick=100, target=10),
]
