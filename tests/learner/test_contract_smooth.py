"""The smooth mode of the learners of planes and volumes keeps the laws of every learner."""

from __future__ import annotations

from typing import Any, ClassVar

from scipy.spatial import ConvexHull

from adaptive_calib.learner import Learner2D, LearnerND
from adaptive_calib.testing.learners import LearnerContract
from tests.learner.test_contract_nd import Scaled, bent, bent_vector


class TestLearner2DSmooth(LearnerContract):
    losses_may_lag: ClassVar[bool] = True
    # twice as many, in the law on scales: the axes are stretched after 40
    warm_up: ClassVar[int] = 22

    def make(self) -> Any:
        return Learner2D(bent, [(-1, 1), (-1, 1)], mode="smooth")

    def make_vector(self) -> Any:
        return Learner2D(bent_vector, [(-1, 1), (-1, 1)], mode="smooth")

    def make_scaled(self, x_factor: float, y_factor: float) -> Any:
        bounds = [(-x_factor, x_factor), (-x_factor, x_factor)]
        return Learner2D(Scaled(x_factor, y_factor), bounds, mode="smooth")

    def make_finite(self) -> Any:
        return Learner2D(bent, [(0, 7), (-3, 4)], integer=True, mode="smooth")


class TestLearnerNDSmoothInThreeDimensions(LearnerContract):
    refuses_none: ClassVar[bool] = False
    losses_may_lag: ClassVar[bool] = True
    warm_up: ClassVar[int] = 25

    def make(self) -> Any:
        return LearnerND(bent, [(-1, 1)] * 3, mode="auto")

    def make_vector(self) -> Any:
        return LearnerND(bent_vector, [(-1, 1)] * 3, mode="auto")


class TestLearnerNDSmoothOnAHull(LearnerContract):
    refuses_none: ClassVar[bool] = False
    losses_may_lag: ClassVar[bool] = True
    warm_up: ClassVar[int] = 25

    def make(self) -> Any:
        corners = ConvexHull([(-1, -1), (1, -0.8), (0.7, 0.9), (-0.6, 0.8), (0.1, 0.1)])
        return LearnerND(bent, corners, mode="smooth", exploration=0.2)


class TestLearnerNDSmoothWithSpacing(LearnerContract):
    refuses_none: ClassVar[bool] = False
    losses_may_lag: ClassVar[bool] = True

    def make(self) -> Any:
        return LearnerND(bent, [(0.1, 10), (-1, 1)], x_scale=("log", "linear"), min_spacing=0.02, mode="smooth")
