"""`Learner1D(mode="auto")` keeps the laws of every learner, on linear, logarithmic and integer axes."""

from __future__ import annotations

from typing import Any

from adaptive_calib.learner.learner1D import Learner1D
from adaptive_calib.testing.learners import LearnerContract
from tests.learner.test_learner1D_contract import Scaled, pair, peak


class TestAuto(LearnerContract):
    losses_may_lag = True

    def make(self) -> Any:
        return Learner1D(peak, bounds=(-1, 1), mode="auto")

    def make_vector(self) -> Any:
        return Learner1D(pair, bounds=(-1, 1), mode="auto")

    def make_scaled(self, x_factor: float, y_factor: float) -> Any:
        return Learner1D(Scaled(x_factor, y_factor), bounds=(-x_factor, x_factor), mode="auto")

    def make_finite(self) -> Any:
        return Learner1D(peak, bounds=(-1, 1), min_spacing=0.02, mode="auto")


class TestAutoLogarithmic(LearnerContract):
    losses_may_lag = True

    def make(self) -> Any:
        return Learner1D(peak, bounds=(1e-3, 1e4), x_scale="log", mode="auto")


class TestAutoInteger(LearnerContract):
    losses_may_lag = True

    def make(self) -> Any:
        return Learner1D(peak, bounds=(-500, 500), integer=True, mode="auto")

    def make_finite(self) -> Any:
        return Learner1D(peak, bounds=(1, 300), integer=True, x_scale="log", mode="auto")


class TestAutoExploration(LearnerContract):
    losses_may_lag = True

    def make(self) -> Any:
        return Learner1D(peak, bounds=(-1, 1), exploration=0.3, mode="auto")
