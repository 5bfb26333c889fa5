"""`AverageLearner1D`: laws of every learner, and its own."""

from __future__ import annotations

import random
from typing import Any

from adaptive_calib.learner.average_learner1D import AverageLearner1D
from adaptive_calib.testing.learners import LearnerContract


def noisy(point: tuple[int, float]) -> float:
    seed, x = point
    return x * x + 0.3 * random.Random(f"{seed} {float(x)!r}").gauss(0, 1)


def make(**parameters: Any) -> AverageLearner1D:
    return AverageLearner1D(noisy, (-1, 1), **parameters)


def run(learner: AverageLearner1D, n: int, batch: int = 1) -> None:
    for _ in range(n):
        for point in learner.ask(batch)[0]:
            learner.tell(point, learner.function(point))


class TestContract(LearnerContract):
    warm_up = 60

    def make(self) -> Any:
        return make(min_samples=4, delta=1)

    def scale_point(self, point: Any, x_factor: float) -> Any:
        return point[0], point[1] * x_factor

    def make_finite(self) -> Any:
        return AverageLearner1D(noisy, (0, 12), min_samples=3, max_samples=5, integer=True)


class TestContractLogarithmic(LearnerContract):
    warm_up = 60

    def make(self) -> Any:
        return AverageLearner1D(noisy, (0.01, 1), min_samples=4, delta=1, x_scale="log")
