"""`Learner1D` keeps the laws of every learner, whatever its domain, loss and mode."""

from __future__ import annotations

from typing import Any

from adaptive_calib.learner.learner1D import Learner1D, curvature_loss_function
from adaptive_calib.testing.learners import LearnerContract


def peak(x: float) -> float:
    return x + 0.01**2 / (0.01**2 + (x - 0.1) ** 2)


def pair(x: float) -> tuple[float, float]:
    return peak(x), x * x


class Scaled:
    """`peak` in other units."""

    def __init__(self, x_factor: float, y_factor: float) -> None:
        self.x_factor, self.y_factor = x_factor, y_factor

    def __call__(self, x: float) -> float:
        return self.y_factor * peak(x / self.x_factor)


class TestDefault(LearnerContract):
    losses_may_lag = True

    def make(self) -> Any:
        return Learner1D(peak, bounds=(-1, 1))

    def make_vector(self) -> Any:
        return Learner1D(pair, bounds=(-1, 1))

    def make_scaled(self, x_factor: float, y_factor: float) -> Any:
        return Learner1D(Scaled(x_factor, y_factor), bounds=(-x_factor, x_factor))

    def make_finite(self) -> Any:
        return Learner1D(peak, bounds=(-1, 1), min_spacing=0.02)


class TestNeighbors(LearnerContract):
    losses_may_lag = True

    def make(self) -> Any:
        return Learner1D(peak, bounds=(-1, 1), loss_per_interval=curvature_loss_function())

    def make_vector(self) -> Any:
        return Learner1D(pair, bounds=(-1, 1), loss_per_interval=curvature_loss_function())


class TestLogarithmic(LearnerContract):
    losses_may_lag = True

    def make(self) -> Any:
        return Learner1D(peak, bounds=(1e-3, 1e4), x_scale="log")


class TestInteger(LearnerContract):
    losses_may_lag = True

    def make(self) -> Any:
        return Learner1D(peak, bounds=(-500, 500), integer=True)

    def make_finite(self) -> Any:
        return Learner1D(peak, bounds=(1, 300), integer=True, x_scale="log")


class TestExploration(LearnerContract):
    losses_may_lag = True

    def make(self) -> Any:
        return Learner1D(peak, bounds=(-1, 1), exploration=0.3)

    def make_finite(self) -> Any:
        return Learner1D(peak, bounds=(0, 100), integer=True, exploration=0.5)


class TestSmooth(LearnerContract):
    losses_may_lag = True

    def make(self) -> Any:
        return Learner1D(peak, bounds=(-1, 1), mode="smooth")

    def make_vector(self) -> Any:
        return Learner1D(pair, bounds=(-1, 1), mode="smooth")
