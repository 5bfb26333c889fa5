"""The laws of all learners, for those on triangulations."""

from __future__ import annotations

import math
import random
from typing import Any, ClassVar

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from adaptive_calib.learner.learner2D import Learner2D
from adaptive_calib.learner.learnerND import (
    LearnerND,
    curvature_loss_function,
    default_loss,
    std_loss,
    triangle_loss,
)
from adaptive_calib.testing.learners import LearnerContract


def bent(point: tuple[float, ...]) -> float:
    """Nothing symmetric, so that no two losses are equal."""
    return math.sin(3 * point[0] + 0.3) + math.exp(-sum((x - 0.17 * (i + 1)) ** 2 for i, x in enumerate(point)) / 0.09)


def bent_vector(point: tuple[float, ...]) -> np.ndarray:
    return np.array([bent(point), 0.3 * point[1] ** 2, point[0] * point[1]])


class Scaled:
    """The function in other units of points and values."""

    def __init__(self, x_factor: float, y_factor: float) -> None:
        self.x_factor, self.y_factor = x_factor, y_factor

    def __call__(self, point: tuple[float, ...]) -> float:
        return self.y_factor * bent(tuple(x / self.x_factor for x in point))


class TestLearner2D(LearnerContract):
    def make(self) -> Any:
        return Learner2D(bent, [(-1, 1), (-1, 1)])

    def make_vector(self) -> Any:
        return Learner2D(bent_vector, [(-1, 1), (-1, 1)])

    def make_scaled(self, x_factor: float, y_factor: float) -> Any:
        return Learner2D(Scaled(x_factor, y_factor), [(-x_factor, x_factor), (-x_factor, x_factor)])

    def make_finite(self) -> Any:
        return Learner2D(bent, [(0, 7), (-3, 4)], integer=True)


class TestLearner2DWithAUsersLoss(LearnerContract):
    warm_up: ClassVar[int] = 12

    def make(self) -> Any:
        return Learner2D(bent, [(-1, 1), (-1, 1)], own_loss)


def own_loss(ip: Any) -> np.ndarray:
    corners = ip.tri.points[ip.tri.simplices]
    spread = np.ptp(ip.values[ip.tri.simplices], axis=1).sum(axis=1)
    return (spread + 0.1) * np.abs(np.linalg.det(corners[:, 1:] - corners[:, :1]))


class TestLearnerND(LearnerContract):
    refuses_none: ClassVar[bool] = False
    losses_may_lag: ClassVar[bool] = True

    def make(self) -> Any:
        return LearnerND(bent, [(-1, 1), (-1, 1)])

    def make_vector(self) -> Any:
        return LearnerND(bent_vector, [(-1, 1), (-1, 1)])

    def make_scaled(self, x_factor: float, y_factor: float) -> Any:
        return LearnerND(Scaled(x_factor, y_factor), [(-x_factor, x_factor), (-x_factor, x_factor)])

    def make_finite(self) -> Any:
        return LearnerND(bent, [(0, 7), (-3, 4)], integer=True)


class TestLearnerNDInThreeDimensions(TestLearnerND):
    def make(self) -> Any:
        return LearnerND(bent, [(-1, 1), (-1, 1), (-1, 1)])

    def make_vector(self) -> Any:
        return LearnerND(bent_vector, [(-1, 1), (-1, 1), (-1, 1)])

    def make_scaled(self, x_factor: float, y_factor: float) -> Any:
        return LearnerND(Scaled(x_factor, y_factor), [(-x_factor, x_factor)] * 3)

    def make_finite(self) -> Any:
        return LearnerND(bent, [(0, 3), (0, 3), (0, 4)], integer=True)


class TestLearnerNDOnAHull(TestLearnerND):
    def make(self) -> Any:
        return LearnerND(bent, ConvexHull([(-1, -1), (1, -0.8), (0.7, 0.9), (-0.6, 0.8), (0.1, 0.1)]))

    def make_finite(self) -> Any:
        return None

    def make_scaled(self, x_factor: float, y_factor: float) -> Any:
        return None


class TestLearnerNDWithNeighbors(TestLearnerND):
    def make(self) -> Any:
        return LearnerND(bent, [(-1, 1), (-1, 1)], curvature_loss_function())

    def make_vector(self) -> Any:
        return LearnerND(bent_vector, [(-1, 1), (-1, 1)], curvature_loss_function())

    def make_scaled(self, x_factor: float, y_factor: float) -> Any:
        return None


class TestLearnerNDAnisotropic(TestLearnerND):
    def make(self) -> Any:
        return LearnerND(bent, [(-1, 1), (-30, 50)], anisotropic=True)

    def make_vector(self) -> Any:
        return None

    def make_scaled(self, x_factor: float, y_factor: float) -> Any:
        return None

    def make_finite(self) -> Any:
        return None


class TestLearnerNDWithAllOptions(TestLearnerND):
    def make(self) -> Any:
        return LearnerND(
            bent, [(0.1, 10), (-1, 1)], x_scale=("log", "linear"), min_spacing=0.02, exploration=0.3, corners=True
        )

    def make_scaled(self, x_factor: float, y_factor: float) -> Any:
        return None

    def make_finite(self) -> Any:
        return LearnerND(bent, [(1, 40), (0, 5)], x_scale=("log", "linear"), integer=True, exploration=0.3)


class TestLearnerNDWithoutCorners(TestLearnerND):
    def make(self) -> Any:
        return LearnerND(bent, [(-1, 1)] * 5)

    def make_vector(self) -> Any:
        return LearnerND(bent_vector, [(-1, 1)] * 5)

    def make_scaled(self, x_factor: float, y_factor: float) -> Any:
        return None

    def make_finite(self) -> Any:
        return None


_LOSSES = [default_loss, std_loss, triangle_loss, curvature_loss_function()]


@pytest.mark.parametrize("loss", _LOSSES, ids=["default", "std", "triangle", "curvature"])
@pytest.mark.parametrize("bounds", [[(-1, 1), (-1, 1)], [(0, 1), (2, 3)], [(10, 12), (-7, 5)]])
def test_unit_of_an_axis(loss: Any, bounds: Any) -> None:
    """The points do not depend on the units of the axes, also where losses are equal but for rounding."""
    rng = random.Random(0)
    found = []
    for units in [(1.0, 1.0), (3.0, 0.1), *((10 ** rng.uniform(-6, 6), 10 ** rng.uniform(-6, 6)) for _ in range(4))]:
        learner = LearnerND(_ring, [(a * u, b * u) for (a, b), u in zip(bounds, units, strict=True)], loss)
        for _ in range(60):
            (point,), _ = learner.ask(1)
            learner.tell(point, _ring(tuple(x / u for x, u in zip(point, units, strict=True))))
        found.append(np.array(list(learner.data)) / units)
    for points in found[1:]:
        assert points == pytest.approx(found[0], rel=1e-9, abs=1e-9)


def _ring(point: tuple[float, ...]) -> float:
    return math.exp(-20 * (point[0] ** 2 + point[1] ** 2 - 0.5) ** 2)


@pytest.mark.parametrize("seed", range(5))
def test_told_again_to_the_last_bit(seed: int) -> None:
    """Telling Learner2D known points again, in any order, changes neither losses nor the next points by a bit."""
    rng = random.Random(seed)
    learner, control = (Learner2D(_ring, [(-1, 1), (-1, 2)]) for _ in range(2))
    points = learner.ask(20)[0]
    control.ask(20)
    for each in (learner, control):
        for point in points:
            each.tell(point, _ring(point))
    for point in rng.sample(points, len(points)):
        learner.tell(point, _ring(point))
    assert learner.loss() == control.loss()
    assert learner._mesh.losses() == control._mesh.losses()
    assert learner.ask(20) == control.ask(20)
