"""Triangulated learners with points and values that are hard for a triangulation or an estimate."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from adaptive_calib.learner import Learner2D, LearnerND
from adaptive_calib.runner import simple

_BOX = [(-1.0, 1.0), (-1.0, 1.0)]


class _Unwilling:
    """A triangulation to which no point can be added."""

    def __init__(self, tri: Any) -> None:
        self._tri = tri

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tri, name)

    def add_point(self, *_: Any) -> Any:
        raise AssertionError("0.19 !== 0.20")


@pytest.mark.parametrize("ndim", [2, 3])
def test_a_point_that_the_triangulation_refuses(ndim: int) -> None:
    """Where a point cannot be added all are triangulated again, and pending points are in the new cells."""
    learner = LearnerND(sum, [(0, 1)] * ndim)
    simple(learner, npoints_goal=40)
    other = learner.new()
    other.copy_from(learner)
    points = learner.ask(6)[0]
    for point in points[:3]:
        other.tell(point, sum(point))
    other.ask(3)
    learner._mesh.tri = _Unwilling(learner._mesh.tri)
    for point in points[:3]:
        learner.tell(point, sum(point))
        learner._mesh.tri = _Unwilling(learner._mesh.tri)
    assert points[2] in learner._vertex_of
    assert sum(learner._mesh.tri.volumes()) == pytest.approx(1)
    inside = np.random.default_rng(0).random((50, ndim))
    assert learner.predict(inside) == pytest.approx(inside.sum(axis=1))
    assert not learner._mesh._outside_cells
    learner.remove_unfinished()
    assert len(learner.ask(30)[0]) == 30


def test_points_next_to_each_other_at_the_start() -> None:
    """Of two first points in the same place one is a vertex; all others are."""
    learner = LearnerND(sum, [(0, 1)] * 3)
    rng = np.random.default_rng(2)
    first = (0.4, 0.3, 0.6)
    points = [first, tuple(c + 2e-11 for c in first), *map(tuple, rng.random((60, 3)).tolist())]
    for point in points:
        learner.tell(point, sum(point))
    assert set(learner.data) - set(learner._vertex_of) == {points[1]}


def test_a_start_point_that_is_no_vertex() -> None:
    """A corner that is data but too near to another point for a vertex is not asked for after a change of the axes."""
    learner = LearnerND(lambda p: math.sin(5 * p[0]), _BOX, mode="smooth")
    for point in [*learner.ask(3)[0], (0.3, 0.2), (1.0, 1.0 - 1e-8), (1.0, 1.0)]:
        learner.tell(point, learner.function(point))
    assert (1.0, 1.0) in learner.data
    assert (1.0, 1.0) not in learner._vertex_of
    simple(learner, npoints_goal=90)
    assert learner._domain.spans != (1.0, 1.0)
    assert learner.npoints == 90


def test_twins_of_points_between_integers() -> None:
    """A point with no integer where one is expected is compared with its neighbour, not with the nearest integer."""
    learner = LearnerND(sum, [(0, 9), (0, 1)], integer=[True, False])
    twin = learner._domain.twin((5.3, 0.5))
    assert twin is not None
    assert twin[0] == 5.3
    assert twin[1] == pytest.approx(0.5, abs=1e-5)


def test_integer_domains_have_no_point_twice() -> None:
    """In a row of integers no two points differ by rounding only."""
    learner = LearnerND(lambda p: math.sin(0.6 * p[0] + p[1]), [(0, 9), (-1, 1)], mode="smooth", integer=[True, False])
    simple(learner, npoints_goal=120)
    assert len({(x, round(y, 9)) for x, y in learner.data}) == 120


@pytest.mark.parametrize("size", [1e-300, 1e300])
@pytest.mark.parametrize("ndim", [2, 3])
def test_estimates_of_any_size(size: float, ndim: int) -> None:
    """Estimated errors are numbers, and axes are stretched, for values of any size."""
    learner = LearnerND(lambda p: math.sin(5 * p[0]) * size, [(-1, 1)] * ndim, mode="smooth")
    simple(learner, npoints_goal=70)
    values, errors = learner.predict(np.full((1, ndim), 0.3), return_error=True)
    assert values / size == pytest.approx(math.sin(1.5), abs=0.35)
    assert np.isfinite(errors).all()
    assert learner._domain.spans[0] > 1.1 * learner._domain.spans[1]


def test_twins_that_are_told_again() -> None:
    """A point that showed noise does not become a vertex when it is told again."""
    rng = np.random.default_rng(3)
    learner = Learner2D(lambda p: p[0] + 0.03 * rng.standard_normal(), _BOX)
    learner.set_error_goal(0.01)
    while not (twins := [point for point in learner.data if point not in learner._vertex_of]):
        for point in learner.ask(1)[0]:
            learner.tell(point, learner.function(point))
    before = learner.loss(), learner.ask(5, tell_pending=False)
    learner.tell(twins[0], learner.data[twins[0]])
    assert twins[0] not in learner._vertex_of
    assert (learner.loss(), learner.ask(5, tell_pending=False)) == before
