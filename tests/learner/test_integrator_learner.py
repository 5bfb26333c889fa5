"""The laws of `IntegratorLearner`."""

from __future__ import annotations

import math
import pickle
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from adaptive_calib.learner import integrator_coeffs
from adaptive_calib.learner._integral.interval import downdate
from adaptive_calib.learner.integrator_learner import CHECKS, DivergentIntegralError, IntegratorLearner
from adaptive_calib.testing.learners import LearnerContract


def _peaked(x: float) -> float:
    return 1 / (1 + 25 * x * x)


def _steps(x: float) -> float:
    return float(math.floor(math.exp(x)))


class TestContract(LearnerContract):
    tells_anything = False
    losses_may_lag = True  # which interval is divided before which depends on what is known at that moment

    def make(self) -> Any:
        return IntegratorLearner(_peaked, (-1, 1), 1e-10)


class TestContractLater(LearnerContract):
    """The same laws in the middle of a run, where intervals have halves."""

    tells_anything = False
    losses_may_lag = True
    warm_up = 90

    def make(self) -> Any:
        return IntegratorLearner(_steps, (0, 3), 1e-4)


def _integrate(
    function: Callable[[float], float], bounds: tuple[float, float], tol: float, in_flight: int = 1, limit: int = 20_000
) -> IntegratorLearner:
    """Ask and tell until it is done, with up to `in_flight` pending nodes, told in random order."""
    rng = random.Random(in_flight)
    learner = IntegratorLearner(function, bounds, tol)
    waiting: list[float] = []
    while not learner.done() and learner.npoints < limit:
        waiting += learner.ask(in_flight - len(waiting))[0]
        x = waiting.pop(rng.randrange(len(waiting)))
        learner.tell(x, function(x))
    return learner


# ----------------------------------------------------------------------------------------------------- known integrals


@pytest.mark.parametrize(
    ("function", "bounds", "tol", "npoints", "intervals", "igral", "err"),
    [
        (math.sin, (0, 3), 1e-10, 33, 1, 1.9899924966004452, None),
        (_peaked, (-1, 1), 1e-10, 405, 7, 0.4 * math.atan(5), 2.8e-11),
        (_steps, (0, 3), 1e-4, 6737, 193, 17.664376259, 1.76e-3),
    ],
)
def test_same_points_as_the_peer(
    function: Any, bounds: Any, tol: float, npoints: int, intervals: int, igral: float, err: float | None
) -> None:
    """Points, intervals, integral and error are those of python-adaptive 1.5.2; a check follows."""
    learner = _integrate(function, bounds, tol)
    assert learner.npoints == npoints + CHECKS
    assert len(learner.approximating_intervals) == intervals
    assert learner.igral == pytest.approx(igral, rel=1e-11)
    if err is not None:
        assert learner.err == pytest.approx(err, rel=0.01)


@pytest.mark.slow
def test_same_points_as_the_peer_for_many_steps() -> None:
    """16149 points for the steps of eˣ at 1e-8, as in python-adaptive 1.5.2, and a check."""
    learner = _integrate(_steps, (0, 3), 1e-8)
    assert learner.npoints == 16149 + CHECKS
    assert learner.igral == pytest.approx(17.6643835377, rel=1e-10)


def test_first_estimate_needs_17_points() -> None:
    """After 17 points two rules are compared; a polynomial that both integrate is done after a check."""
    learner = IntegratorLearner(_cubic, (0, 2), 1e-10)
    assert (learner.igral, learner.err, learner.done()) == (0.0, math.inf, False)
    for x in learner.ask(17)[0]:
        learner.tell(x, _cubic(x))
    assert learner.igral == pytest.approx(4 + 2, rel=1e-14)
    assert not learner.done()
    for x in learner.ask(CHECKS)[0]:
        learner.tell(x, _cubic(x))
    assert learner.done()
    assert learner.converged


def _cubic(x: float) -> float:
    return x**3 + 1


# ------------------------------------------------------------------------------------------------------------- checks


@pytest.mark.parametrize("base", [0.0, 1.0])
@pytest.mark.parametrize(("centre", "width"), [(0.3137, 0.03), (-0.7, 0.05), (0.05, 0.04)])
def test_what_the_first_nodes_missed(base: float, centre: float, width: float) -> None:
    """A tent between the nodes of a constant is found by the check."""

    def tent(x: float) -> float:
        return base + max(0.0, 1 - abs(x - centre) / width)

    learner = _integrate(tent, (-1, 1), 1e-6)
    assert learner.converged
    assert learner.igral == pytest.approx(2 * base + width, rel=1e-5)


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e-170, 1.0, 1e170, 1e300])
def test_unit_of_the_values(scale: float) -> None:
    """In any unit of the values the points are the same, and the integral too: no norm under- or overflows."""
    learner, scaled = (_integrate(lambda x, s=s: s * math.sqrt(abs(x - 0.3)), (0, 1), 1e-6) for s in (1.0, scale))
    assert scaled.converged
    assert list(scaled.data) == list(learner.data)
    assert scaled.igral == pytest.approx(scale * learner.igral, rel=1e-12)


def test_a_check_that_fails_is_followed_by_a_larger_one() -> None:
    """A bump that only check points see reopens an interval that was exact; the next check has twice as many points."""
    learner = IntegratorLearner(_cubic, (0, 2), 1e-6)
    for x in learner.ask(17)[0]:
        learner.tell(x, _cubic(x))
    # no more than the check points: whether others are pending beside them depends on the rounding of the estimate
    checks, _ = learner.ask(CHECKS)
    bump = checks[3]

    def function(x: float) -> float:
        return _cubic(x) + max(0.0, 1 - abs(x - bump) / 0.02)

    for x in checks:
        learner.tell(x, function(x))
    assert not learner.done()
    while not learner.done():
        (x,), _ = learner.ask(1)
        learner.tell(x, function(x))
    assert learner.converged
    assert learner.igral == pytest.approx(6.02, rel=1e-6)


def test_check_survives_a_pickle() -> None:
    """Pickled within a check, an integral is done with the same points."""
    learner = _integrate(math.sin, (0, 3), 1e-10, limit=36)
    assert not learner.done()
    copied = pickle.loads(pickle.dumps(learner))
    for each in (learner, copied):
        while not each.done():
            (x,), _ = each.ask(1)
            each.tell(x, math.sin(x))
    assert list(copied.data) == list(learner.data)


# --------------------------------------------------------------------------------------------------- ends and reasons


@pytest.mark.parametrize(
    ("function", "bounds", "exact"),
    [
        (lambda x: x**-0.5 if x else math.inf, (0, 1), 2.0),
        (lambda x: x**-0.7 if x else math.inf, (0, 1), 1 / 0.3),
        (lambda x: math.log(x) if x else -math.inf, (0, 1), -1.0),
        (math.sqrt, (0, 1), 2 / 3),
        (lambda x: math.sqrt(3 - x), (1, 3), 2**1.5 * 2 / 3),
        (lambda x: (3 - x) ** -0.5 if x < 3 else math.inf, (1, 3), 2 * math.sqrt(2)),
        (lambda x: (x * (1 - x)) ** -0.5 if 0 < x < 1 else math.inf, (0, 1), math.pi),
        (lambda x: math.sqrt(1 - x * x), (-1, 1), math.pi / 2),
    ],
)
@pytest.mark.parametrize("in_flight", [1, 16])
def test_singular_ends(function: Any, bounds: Any, exact: float, in_flight: int) -> None:
    """A singularity at an end costs at most 300 points at a tolerance of 1e-6, with 16 in flight 400."""
    learner = _integrate(function, bounds, 1e-6, in_flight)
    assert learner.converged
    assert learner.npoints <= (300 if in_flight == 1 else 400)
    assert learner.igral == pytest.approx(exact, rel=1e-6)


def test_absolute_tolerance() -> None:
    """An integral that is zero ends at `atol`; the larger of both tolerances counts."""
    learner = IntegratorLearner(_odd_root, (-1, 1), 1e-6, atol=1e-7)
    while not learner.done():
        (x,), _ = learner.ask(1)
        learner.tell(x, _odd_root(x))
    assert learner.converged
    assert abs(learner.igral) < 1e-7
    assert learner.err < learner.wanted == 1e-7
    assert learner.new().atol == 1e-7


def _odd_root(x: float) -> float:
    return math.copysign(abs(x) ** 0.5, x)


@pytest.mark.parametrize(
    ("function", "bounds"), [(_odd_root, (-1, 1)), (lambda x: math.cos(6 * math.pi * x), (0, 1)), (math.sin, (-2, 2))]
)
def test_zero_without_absolute_tolerance(function: Any, bounds: Any) -> None:
    """An integral that is zero ends at rounding, and says so."""
    learner = _integrate(function, bounds, 1e-6)
    assert learner.done()
    assert not learner.converged
    assert "rounding" in learner.stopped_because() or "no interval" in learner.stopped_because()
    assert abs(learner.igral) < 1e-12


def test_reasons() -> None:
    """The reason names the estimated and the wanted error."""
    learner = IntegratorLearner(math.sin, (0, 3), 1e-10)
    assert "not done" in learner.stopped_because()
    assert "tol=1e-10" in _integrate(math.sin, (0, 3), 1e-10).stopped_because()
    assert "rounding" in _integrate(_peaked, (-1, 1), 1e-20, limit=40_000).stopped_because()


@pytest.mark.parametrize("bounds", [(1, 1 + 1e-15), (0, 5e-324), (-1.5e308, 1.5e308)])
def test_bounds_without_room(bounds: Any) -> None:
    """Bounds whose distance holds too few floats, or overflows, are refused with what to do."""
    with pytest.raises(ValueError, match="another unit"):
        IntegratorLearner(math.sin, bounds, 1e-3)


@pytest.mark.parametrize("value", ["1.5", b"1.5", 1j, np.complex128(1), None, [1.0], np.array([1.0])])
def test_values_that_are_no_numbers(value: Any) -> None:
    """Text, complex numbers and containers are refused, and nothing has changed."""
    learner = IntegratorLearner(math.sin, (0, 3), 1e-3)
    (x,), _ = learner.ask(1)
    with pytest.raises(TypeError, match="real number"):
        learner.tell(x, value)
    assert (learner.npoints, learner.pending_points) == (0, {x})


def test_masked_value() -> None:
    """A masked value is left out like NaN."""
    learner = _integrate(lambda x: np.ma.masked if x == 1.5 else math.sin(x), (0, 3), 1e-6)
    assert learner.ninvalid == 1
    assert learner.igral == pytest.approx(1 - math.cos(3), rel=1e-9)


@pytest.mark.parametrize("function", [_peaked, _odd_root, math.exp])
def test_speculation(function: Any) -> None:
    """With 16 in flight there are at most 1.8 times the evaluations of one; without a limit no point is withheld."""
    one, many = (_integrate(function, (-1, 2), 1e-8, n) for n in (1, 16))
    assert many.npoints + len(many.pending_points) <= 1.8 * one.npoints
    learner = IntegratorLearner(function, (-1, 2), 1e-8)
    learner.speculation = math.inf
    assert len(learner.ask(200)[0]) == 200


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("function", "bounds", "exact"), [(math.sin, (0, 3), 1 - math.cos(3)), (math.exp, (0, 1), math.e - 1)]
)
def test_halves_begun_too_early_do_not_spoil_an_interval_that_is_exact(
    function: Any, bounds: Any, exact: float, seed: int
) -> None:
    """With many in flight halves are begun before their parent's rule is complete; if that is exact, it counts."""
    rng = random.Random(seed)
    learner = IntegratorLearner(function, bounds, 1e-8)
    waiting: list[float] = []
    while not learner.done():
        waiting += learner.ask(40 - len(waiting))[0]
        x = waiting.pop(rng.randrange(len(waiting)))
        learner.tell(x, function(x))
    assert learner.igral == pytest.approx(exact, rel=1e-8)
    assert abs(learner.igral - exact) <= max(learner.err, 1e-14)


@pytest.mark.parametrize("in_flight", [2, 5, 13, 40])
@pytest.mark.parametrize(
    ("function", "bounds", "exact"),
    [
        (math.sin, (0, 3), 1 - math.cos(3)),
        (math.sqrt, (0, 1), 2 / 3),
        (_peaked, (-1, 1), 0.4 * math.atan(5)),
        (abs, (-1, 2), 2.5),
    ],
)
def test_many_in_flight(function: Any, bounds: Any, exact: float, in_flight: int) -> None:
    """The integral is right to the tolerance, whatever the order in which values come."""
    learner = _integrate(function, bounds, 1e-8, in_flight)
    assert learner.done()
    assert learner.igral == pytest.approx(exact, rel=1e-8)


def _inverse_root(x: float) -> float:
    return x**-0.5 if x else math.inf


def _inverse(x: float) -> float:
    return 1 / abs(x) if x else math.inf


@pytest.mark.parametrize("in_flight", [1, 5])
def test_integrable_singularity(in_flight: int) -> None:
    """An infinite value at the bound is left out; the integral of x^(-1/2) is found, also with points in flight."""
    learner = _integrate(_inverse_root, (0, 1), 1e-6, in_flight, 5000)
    assert learner.done()
    assert learner.igral == pytest.approx(2, rel=1e-5)


@pytest.mark.parametrize("in_flight", [1, 5])
def test_divergent_integral(in_flight: int) -> None:
    """The integral of 1/x from 0 is recognised as infinite."""
    with pytest.raises(DivergentIntegralError, match="infinite"):
        _integrate(_inverse, (0, 1), 1e-6, in_flight, 5000)


@pytest.mark.parametrize("step", [0.1, 1 / 3, 0.7, 0.999, 1 - 2**-15, 0.5])
def test_steps_do_not_diverge(step: float) -> None:
    """A step from 0, in whose halves the mean value can double again and again, is not taken for divergent."""
    learner = _integrate(lambda x: float(x > step), (0, 1), 1e-7, 1, 20_000)
    assert learner.done()
    assert learner.igral == pytest.approx(1 - step, rel=1e-5)


def test_narrow_intervals_end() -> None:
    """Where nodes cannot be told apart any more the interval is given up; also for negative x."""
    learner = _integrate(lambda x: float(x > -1 / 3), (-1, 0), 1e-30, 1, 200_000)
    assert learner.done()
    assert learner.igral == pytest.approx(1 / 3, rel=1e-12)


# --------------------------------------------------------------------------------------------------- missing values


def test_nan_at_a_node() -> None:
    """A NaN at one node is left out: no more points, nearly the same integral."""
    learner = _integrate(lambda x: math.nan if x == 1.5 else math.sin(x), (0, 3), 1e-6)
    assert learner.npoints <= 33 + CHECKS
    assert learner.ninvalid == 1
    assert learner.igral == pytest.approx(1 - math.cos(3), rel=1e-12)
    assert learner.err < 1e-12


def test_failed_node() -> None:
    """A failed node is left out like a NaN, and is not in the data."""
    learner = IntegratorLearner(math.sin, (0, 3), 1e-6)
    while not learner.done():
        (x,), _ = learner.ask(1)
        if x == 1.5:
            learner.tell_failed(x)
        else:
            learner.tell(x, math.sin(x))
    assert learner.npoints == 32 + CHECKS
    assert learner.igral == pytest.approx(1 - math.cos(3), rel=1e-12)


@pytest.mark.parametrize("depth", [0, 1, 2, 3])
def test_downdate(depth: int) -> None:
    """With nodes taken out the polynomial goes through all others and has a lower degree."""
    n = integrator_coeffs.ns[depth]
    rules = integrator_coeffs.rules()
    values = np.random.default_rng(depth).normal(size=n)
    bad = [0, n // 2, n - 2]
    good = [i for i in range(n) if i not in bad]
    values[bad] = 0
    c = downdate(rules.V_inv[depth] @ values, depth, bad)
    assert (rules.V[depth] @ c)[good] == pytest.approx(values[good], abs=1e-12)
    assert not c[n - len(bad) :].any()
    assert not downdate(rules.V_inv[depth] @ values, depth, list(range(n))).any()


def test_coefficients_by_name() -> None:
    """The familiar module has the familiar names; what is not there is an AttributeError."""
    from adaptive_calib.learner.integrator_coeffs import V_inv, ns, xi

    assert [len(nodes) for nodes in xi] == list(ns) == [5, 9, 17, 33]
    assert V_inv[0].shape == (5, 5)
    assert (xi[3][::2] == xi[2]).all()
    assert (xi[3] == -xi[3][::-1]).all()
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = integrator_coeffs.nothing


# ----------------------------------------------------------------------------------------------------- stop and go on


@pytest.mark.parametrize("lost", [1, 3, 33])
def test_lost_nodes_are_asked_again(lost: int) -> None:
    """Interrupted and resumed, it needs the same 33 points and a check."""
    learner = IntegratorLearner(math.sin, (0, 3), 1e-10)
    asked, _ = learner.ask(lost)
    learner.remove_unfinished()
    assert learner.ask(lost, tell_pending=False)[0] == asked
    while not learner.done():
        for x in learner.ask(4)[0][:3]:
            learner.tell(x, math.sin(x))
        learner.remove_unfinished()
    assert learner.npoints == 33 + CHECKS
    assert learner.igral == pytest.approx(1 - math.cos(3), rel=1e-14)


def test_pickled_in_the_middle() -> None:
    """Pickled after every few points, with pending nodes, a run takes the same points as one that is not."""
    learner = IntegratorLearner(_steps, (0, 3), 1e-3)
    while not learner.done():
        (x,), _ = learner.ask(1)
        if learner.npoints % 50 == 7:
            learner = pickle.loads(pickle.dumps(learner))
        learner.tell(x, _steps(x))
    assert list(learner.data) == list(_integrate(_steps, (0, 3), 1e-3).data)


def test_data_of_other_bounds() -> None:
    """Data of another integral are refused, and nothing has changed."""
    source, learner = IntegratorLearner(math.sin, (0, 3), 1e-3), IntegratorLearner(math.sin, (0, 2), 1e-3)
    with pytest.raises(ValueError, match="same bounds"):
        learner.copy_from(source)
    assert learner.first_ival.b == 2


def test_at_most_max_ivals() -> None:
    """With too many intervals those of the smallest error are given up."""
    learner = IntegratorLearner(_steps, (0, 3), 1e-6)
    learner.max_ivals = 20
    for _ in range(2000):
        for x in learner.ask(1)[0]:
            learner.tell(x, _steps(x))
    assert len(learner.ivals) <= 20


def test_nothing_left_to_improve() -> None:
    """When every interval is given up, `ask` has no points and it is done."""
    learner = IntegratorLearner(lambda x: 1.0, (0, 1), 1e-15)
    for _ in range(200):
        for x in learner.ask(5)[0]:
            learner.tell(x, 1.0)
    assert learner.ask(5) == ([], [])
    assert learner.done()


# ---------------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize("bounds", [(1, 0), (0, 0), (0, math.inf), (math.nan, 1), (0, 1, 2), "ab", 3])
def test_bad_bounds(bounds: Any) -> None:
    """Bounds are two finite ascending numbers."""
    with pytest.raises(ValueError, match="bounds"):
        IntegratorLearner(math.sin, bounds, 1e-3)


@pytest.mark.parametrize("tol", [0, -1, math.nan, math.inf])
def test_bad_tolerance(tol: float) -> None:
    """The tolerance is positive and finite."""
    with pytest.raises(ValueError, match="tol"):
        IntegratorLearner(math.sin, (0, 1), tol)


def test_foreign_points() -> None:
    """A point that is no node is a ValueError, for every way of telling."""
    learner = IntegratorLearner(math.sin, (0, 3), 1e-3)
    for call in (lambda: learner.tell(0.1234, 1.0), lambda: learner.tell_pending(0.1234)):
        with pytest.raises(ValueError, match="doesn't belong to any interval"):
            call()
    with pytest.raises(ValueError, match="doesn't belong"):
        learner.tell_failed(0.1234)


def test_to_numpy() -> None:
    """Rows (x, value), sorted."""
    learner = _integrate(math.sin, (0, 3), 1e-10)
    rows = learner.to_numpy()
    assert rows.shape == (33 + CHECKS, 2)
    assert (np.diff(rows[:, 0]) > 0).all()
    assert rows[:, 1] == pytest.approx(np.sin(rows[:, 0]))
