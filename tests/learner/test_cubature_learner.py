"""The laws of `CubatureLearner`."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest

from adaptive_calib.learner._integral.box_rule import box_rule
from adaptive_calib.learner.cubature_learner import CubatureLearner
from adaptive_calib.learner.integrator_learner import DivergentIntegralError
from adaptive_calib.testing.learners import LearnerContract

SQUARE, CUBE = [(0.0, 1.0)] * 2, [(0.0, 1.0)] * 3


def _peak(p: tuple[float, ...]) -> float:
    return math.prod(1 / (0.04 + (u - 0.37) ** 2) for u in p)


#: The integral of one factor of `_peak` over (0, 1).
FACTOR = 5 * (math.atan(5 * 0.63) + math.atan(5 * 0.37))


class TestContract(LearnerContract):
    tells_anything = False
    losses_may_lag = True  # which box is halved before which depends on what is known at that moment

    def make(self) -> Any:
        return CubatureLearner(_peak, SQUARE, 1e-8)

    def make_scaled(self, x_factor: float, y_factor: float) -> Any:
        return CubatureLearner(
            lambda p: y_factor * _peak(tuple(u / x_factor for u in p)), [(0, x_factor), (0, x_factor)], 1e-8
        )


class TestContractOfVectors(LearnerContract):
    """The same laws in three dimensions, with vector values, in the middle of a run."""

    tells_anything = False
    losses_may_lag = True
    warm_up = 80

    def make(self) -> Any:
        return CubatureLearner(_peak, CUBE, 1e-6)

    def make_vector(self) -> Any:
        return CubatureLearner(lambda p: np.array([_peak(p), p[0], 1.0]), CUBE, 1e-6)


class TestContractAtTheEnd(LearnerContract):
    """The same laws where the tolerance is reached, around the check."""

    tells_anything = False
    losses_may_lag = True

    def make(self) -> Any:
        return CubatureLearner(lambda p: math.exp(p[0] - p[1]), SQUARE, 1e-3)


def _integrate(
    function: Callable[[Any], Any], bounds: Any, tol: float, in_flight: int = 1, limit: int = 20_000, atol: float = 0.0
) -> CubatureLearner:
    """Ask and tell until it is done, with up to `in_flight` pending points, told in random order."""
    rng = random.Random(in_flight)
    learner = CubatureLearner(function, bounds, tol, atol)
    waiting: list[Any] = []
    while not learner.done() and learner.npoints < limit:
        waiting += learner.ask(in_flight - len(waiting))[0]
        x = waiting.pop(rng.randrange(len(waiting)))
        learner.tell(x, function(x))
    return learner


@pytest.mark.parametrize("n", [2, 3])
def test_degrees_of_the_rule(n: int) -> None:
    """All rules integrate polynomials of their degree exactly; fourth differences belong to one axis."""
    rule = box_rule(n)
    assert len(rule.nodes) == {2: 17, 3: 33}[n]
    for powers in product(range(8), repeat=n):
        values = (rule.nodes ** np.array(powers)).prod(axis=1)
        exact = math.prod(0 if k % 2 else 1 / (k + 1) for k in powers)
        if sum(powers) <= 7:
            assert rule.weights @ values == pytest.approx(exact, abs=1e-14)
        if sum(powers) <= 5:
            assert rule.weights_5 @ values == pytest.approx(exact, abs=1e-14)
        if sum(powers) <= 3:
            assert rule.weights_3 @ values == pytest.approx(exact, abs=1e-14)
    assert rule.differences @ rule.nodes**2 == pytest.approx(np.zeros((n, n)), abs=1e-14)
    fourth = rule.differences @ rule.nodes**4
    assert np.all(fourth.diagonal() < -0.1)
    assert fourth == pytest.approx(np.diag(fourth.diagonal()), abs=1e-14)


@pytest.mark.parametrize("in_flight", [1, 16, 64])
@pytest.mark.parametrize(
    ("function", "bounds", "exact", "tol"),
    [
        (_peak, SQUARE, FACTOR**2, 1e-5),
        (_peak, CUBE, FACTOR**3, 1e-2),
        (lambda p: math.cos(1 + 3 * p[0] + 5 * p[1]), SQUARE, 0.0451569747869, 1e-4),
        (lambda p: math.exp(-abs(p[0] - 0.3) - 2 * p[1]), SQUARE, 0.3296951327581, 1e-3),
        (lambda p: 1 / math.sqrt(p[0] * p[1]), SQUARE, 4.0, 1e-2),
        (lambda p: p[0] ** 2 * p[1] * p[2], [(0, 3), (-1, 2), (1, 2)], 20.25, 1e-10),
    ],
)
def test_known_integrals(function: Any, bounds: Any, exact: float, tol: float, in_flight: int) -> None:
    """Integrals of smooth, broken and singular functions are right, with points in flight, too."""
    learner = _integrate(function, bounds, tol, in_flight)
    assert learner.converged
    assert learner.igral == pytest.approx(exact, rel=tol)


@pytest.mark.parametrize(("edge", "least", "most"), [(0.0, 0, 200), (1e-3, 1500, 2000)])
def test_errors_of_smooth_functions_are_not_those_of_the_lower_rule(edge: float, least: int, most: int) -> None:
    """A smooth function takes 161 points (433 with the difference of two rules as the error); with an edge it stays."""
    learner = _integrate(lambda p: math.exp(2 * (p[0] + p[1])) + edge * (p[0] + p[1] > 0.9), SQUARE, 1e-6)
    assert learner.converged
    assert learner.igral == pytest.approx(math.expm1(2) ** 2 / 4 + edge * (1 - 0.9**2 / 2), rel=1e-6)
    assert least < learner.npoints < most


def test_halves_the_axis_along_which_the_function_changes() -> None:
    """A function of one of the numbers is refined in this one only."""
    learner = _integrate(lambda p: 1 / (1e-3 + (p[1] - 0.4) ** 2), SQUARE, 1e-6)
    assert learner.converged
    assert {(box.low[0], box.high[0]) for box in learner.boxes} == {(0.0, 1.0)}
    assert len({(box.low[1], box.high[1]) for box in learner.boxes}) > 10


def test_equal_axes_are_halved_in_turn() -> None:
    """Where all differences are equal, the longest side of the domain's is halved."""
    learner = CubatureLearner(lambda p: 1.0, [(0, 1), (0, 7)], 1e-9)
    for x in (x for _ in range(400) for x in learner.ask(1)[0]):
        learner.tell(x, 1.0)
    shapes = {(box.high[0] - box.low[0], (box.high[1] - box.low[1]) / 7) for box in learner.boxes}
    assert all(0.4 < w / h < 2.1 for w, h in shapes)


@pytest.mark.parametrize("slope", [0.0, 1e-7])
def test_a_constant_is_checked_at_more_points(slope: float) -> None:
    """An integral whose nodes saw nothing, or nothing that matters to the tolerance, is done after 128 more points."""
    learner = _integrate(lambda p: 2.0 + slope * p[0], SQUARE, 1e-6)
    assert learner.converged
    assert (learner.igral, learner.npoints) == (pytest.approx(2.0), 17 + 128)


def test_late_values_leave_what_was_claimed() -> None:
    """Values of points that were pending when the integral was done do not make it undone, unless they contradict."""

    def function(p: tuple[float, float]) -> float:
        return math.exp(-9 * (p[0] ** 2 + p[1] ** 2))

    learner = CubatureLearner(function, ((-1, 1), (-1, 1)), 1e-4)
    pending: list[Any] = []
    rng = random.Random(1)
    while not learner.done():
        pending += learner.ask(30 - len(pending))[0]
        x = pending.pop(rng.randrange(len(pending)))
        learner.tell(x, function(x))
    before = learner.igral, learner.err, learner.claim()
    assert len(pending) > 1
    for x in pending[1:]:
        learner.tell(x, function(x))
        assert learner.converged
        assert (learner.igral, learner.err, learner.claim()) == before
    learner.tell(pending[0], 1e3)
    assert not learner.done()


def test_what_the_first_nodes_missed() -> None:
    """Bells on a constant that no node sees, of a width of a tenth of the square, are found by the check."""
    for k in range(8):
        x, y = 0.15 + 0.23 * (k % 4), 0.23 + 0.51 * (k // 4)

        def function(p: tuple[float, float], x: float = x, y: float = y) -> float:
            return 1 + max(0.0, 1 - ((p[0] - x) ** 2 + (p[1] - y) ** 2) / 0.1**2) ** 2

        learner = _integrate(function, SQUARE, 1e-3)
        assert learner.converged
        assert learner.igral == pytest.approx(1 + math.pi * 0.1**2 / 3, rel=2e-3)


def test_a_value_that_was_not_foretold_fails_the_check() -> None:
    """A spike at a single check point is followed by a larger check; the claim comes after that one only."""
    learner = CubatureLearner(lambda p: p[0], SQUARE, 1e-3)
    spike: list[Any] = []
    while not learner.done():
        for x in learner.ask(1)[0]:
            if learner.npoints == 20:
                spike.append(x)
                assert not learner.converged
            learner.tell(x, 5.0 if x in spike else x[0])
    assert learner.npoints > 17 + 8 + 16
    assert learner.igral == pytest.approx(0.5, rel=1e-3)


def test_vectors() -> None:
    """Each component is integrated, to the tolerance of their 2-norm; a vector of one takes the points of a number."""
    learner = _integrate(lambda p: [_peak(p), p[0] * p[1]], SQUARE, 1e-6)
    exact = np.array([FACTOR**2, 0.25])
    assert np.linalg.norm(learner.igral - exact) < 1e-6 * np.linalg.norm(exact)
    assert learner.to_numpy().shape == (learner.npoints, 4)
    assert list(_integrate(lambda p: [_peak(p)], SQUARE, 1e-4).data) == list(_integrate(_peak, SQUARE, 1e-4).data)


def test_missing_values() -> None:
    """One missing value costs more points; a region without values leaves an error of its size, and is said."""
    hole = _integrate(lambda p: math.sin(r) / r if (r := math.hypot(p[0], p[1])) else math.nan, [(-1, 1)] * 2, 1e-6)
    assert hole.ninvalid == 1
    assert hole.converged
    assert hole.igral == pytest.approx(3.575774, rel=1e-5)
    region = _integrate(lambda p: math.nan if p[0] < 0.5 else 1.0, SQUARE, 1e-6, limit=2000)
    assert region.done()
    assert not region.converged
    assert region.err > 0.4
    assert "values are missing" in region.stopped_because()


@pytest.mark.parametrize("bounds", [SQUARE, CUBE])
def test_noise_ends_the_integral(bounds: Any) -> None:
    """Noise above the tolerance ends it within a bounded number of points, with its size as the reason."""
    rng = np.random.default_rng(1)
    for level, function in (
        (0.1, lambda p: 1 + math.sin(3 * p[0]) * p[1]),
        (1e-4, lambda p: math.exp(p[0] - p[1])),
        (1e-3, lambda p: np.array([1 + p[0], math.cos(3 * p[1])])),
    ):
        learner = _integrate(
            lambda p, f=function, s=level: f(p) + s * rng.standard_normal(np.shape(f(p))),
            bounds,
            level / 1e3,
            limit=4000,
        )
        assert learner.done()
        assert not learner.converged
        found = re.search("noise of about (.*) in the values", learner.stopped_because())
        assert found is not None
        assert level / 10 < float(found[1]) < 10 * level


def test_nothing_but_missing_values() -> None:
    """Without a valid value there is no claim."""
    learner = _integrate(lambda p: math.nan, SQUARE, 1e-6, limit=300)
    assert (learner.converged, learner.err) == (False, math.inf)


def test_absolute_tolerance_of_zero() -> None:
    """An integral that is zero ends with an absolute tolerance, or at rounding."""
    odd = _integrate(lambda p: math.sin(3 * p[0]) * p[1] ** 2, [(-1, 1)] * 2, 1e-6, atol=1e-6)
    assert odd.converged
    assert abs(odd.igral) < 1e-6
    assert "tol=1e-06, atol=1e-06" in odd.stopped_because()


def test_narrow_boxes_end() -> None:
    """A function that changes from one float to the next does not divide boxes for ever."""
    low = 1.0
    high = 1.0 + 2.0**-40
    learner = CubatureLearner(lambda p: 0.0, [(low, high)] * 2, 1e-9)
    rng = random.Random(1)
    for x in (x for _ in range(20_000) for x in learner.ask(1)[0]):
        learner.tell(x, rng.random())
    assert learner.done()
    assert not learner.converged
    assert learner.ask(3) == ([], [])
    assert "no part of the domain" in learner.stopped_because()


def test_data_of_other_bounds(tmp_path: Any) -> None:
    """Data of another box are refused."""
    learner = CubatureLearner(_peak, SQUARE, 1e-3)
    learner.save(tmp_path / "data")
    with pytest.raises(ValueError, match="same bounds"):
        CubatureLearner(_peak, [(0, 1), (0, 2)], 1e-3).load(tmp_path / "data")


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ([(0, 1)], "IntegratorLearner"),
        ([(0, 1)] * 4, "AverageLearner"),
        ([(0, 1), (0, math.inf)], "change the variable"),
        ([(0, 1), (1, 0)], "ascending"),
        ([(0, 1), (math.nan, 1)], "ascending"),
        ([(0, 1), (1, 1 + 1e-15)], "another unit"),
        ([(0, 1e-200), (0, 1e-200)], "another unit"),
        ([(0, 1), "ab"], "pairs"),
        (3, "pairs"),
    ],
)
def test_bad_bounds(bounds: Any, message: str) -> None:
    """Bounds are two or three finite ascending pairs with room for nodes."""
    with pytest.raises(ValueError, match=message):
        CubatureLearner(_peak, bounds, 1e-3)


def test_foreign_points() -> None:
    """A point that is no node is a ValueError; a list or an array is a point like a tuple."""
    learner = CubatureLearner(_peak, SQUARE, 1e-3)
    with pytest.raises(ValueError, match="only points"):
        learner.tell((0.123, 0.2), 1.0)
    x, y = learner.ask(2)[0]
    learner.tell(list(x), 1.0)
    learner.tell_failed(np.array(y))
    assert (set(learner.data), learner.failed_points) == ({x}, {y})


@pytest.mark.parametrize(("bounds", "share"), [(SQUARE, 0.3), (CUBE, 0.3), (SQUARE, 0.1)])
def test_values_that_are_missing_all_over_end_the_integral(bounds: Any, share: float) -> None:
    """The part of the error that comes from them stays, or falls too slowly, however many points there are."""
    draw = random.Random(1)
    learner = _integrate(lambda p: math.nan if draw.random() < share else 1.0 + p[0], bounds, 1e-3)
    assert not learner.converged
    assert learner.npoints == 1600
    assert "where values are missing" in learner.stopped_because()


def test_few_missing_values_do_not_end_the_integral() -> None:
    """While the error that comes from them falls fast enough the integral goes on until it is done."""
    draw = random.Random(1)
    learner = _integrate(lambda p: math.nan if draw.random() < 0.05 else 1.0 + p[0], SQUARE, 1e-3)
    assert learner.converged
    assert learner.npoints > 3200
    assert learner.igral == pytest.approx(1.5, rel=1e-3)


@pytest.mark.parametrize("axis", [0, 1])
def test_an_edge_beside_a_face_is_found(axis: int) -> None:
    """No node is nearer to a face than 2.5 % of the box; what the neighbour foretells there shows the edge."""
    learner = _integrate(lambda p: float(p[axis] > 0.505), SQUARE, 1e-3)
    assert learner.converged
    assert learner.igral == pytest.approx(0.495, rel=1e-3)


@pytest.mark.parametrize("tol", [1e-1, 1e-3])
@pytest.mark.parametrize(
    ("function", "bounds"),
    [
        (lambda p: 1 / p[0], SQUARE),
        (lambda p: math.exp(2 * p[1]) / p[0], SQUARE),
        (lambda p: np.array([1.0, 1 / (p[0] ** 2 + p[1] ** 2)]), SQUARE),
        (lambda p: (p[0] ** 2 + p[1] ** 2 + p[2] ** 2) ** -1.5, CUBE),
    ],
)
def test_divergent_integrals_are_found(function: Any, bounds: Any, tol: float) -> None:
    """No integral is claimed whose size over boxes stays the same in halving."""
    with pytest.raises(DivergentIntegralError, match="seems to be infinite: near"):
        _integrate(function, bounds, tol)


@pytest.mark.parametrize("power", [-0.7, -0.9])
def test_strong_singularities(power: float) -> None:
    """The error counts what is nearer to the singularity than the smallest box."""
    learner = _integrate(lambda p: p[0] ** power, SQUARE, 1e-2)
    assert learner.converged
    assert learner.igral == pytest.approx(1 / (1 + power), rel=1e-2)


def test_integrals_that_overflow_are_refused() -> None:
    """A value whose product with the size of the domain is no float is refused with what to do."""
    with pytest.raises(ValueError, match="another unit of length"):
        _integrate(lambda p: 1e290, [(0, 1e6)] * 2, 1e-3)
