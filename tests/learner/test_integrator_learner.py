"""The laws of `IntegratorLearner`."""

from __future__ import annotations

import math
import pickle
import random
import re
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from adaptive_calib.learner import integrator_coeffs
from adaptive_calib.learner._integral.interval import downdate
from adaptive_calib.learner._integral.quadrature_learner import BLIND_CHECKS, CHECKS
from adaptive_calib.learner.balancing_learner import BalancingLearner
from adaptive_calib.learner.cubature_learner import CubatureLearner
from adaptive_calib.learner.integrator_learner import DivergentIntegralError, IntegratorLearner
from adaptive_calib.runner import BlockingRunner, Done, Elapsed, LargestError, Points, SequentialExecutor, simple
from adaptive_calib.testing.learners import LearnerContract


def _peaked(x: float) -> float:
    return 1 / (1 + 25 * x * x)


def _decaying(x: float) -> float:
    return math.exp(-x) / (1 + x)


def _moments(x: float) -> np.ndarray:
    return np.array([1.0, x, x * x]) * math.exp(-x * x / 2)


def _steps(x: float) -> float:
    return float(math.floor(math.exp(x)))


class TestContract(LearnerContract):
    tells_anything = False
    losses_may_lag = True  # which interval is divided before which depends on what is known at that moment

    def make(self) -> Any:
        return IntegratorLearner(_peaked, (-1, 1), 1e-10)


class TestContractOfVectors(LearnerContract):
    """The same laws over an infinite interval, with vector values."""

    tells_anything = False
    losses_may_lag = True
    warm_up = 60

    def make(self) -> Any:
        return IntegratorLearner(_decaying, (0, math.inf), 1e-10)

    def make_vector(self) -> Any:
        return IntegratorLearner(_moments, (-math.inf, math.inf), 1e-6)


class TestContractLater(LearnerContract):
    """The same laws in the middle of a run, where intervals have halves."""

    tells_anything = False
    losses_may_lag = True
    warm_up = 90

    def make(self) -> Any:
        return IntegratorLearner(_steps, (0, 3), 1e-4)


def _integrate(
    function: Callable[[float], float],
    bounds: tuple[float, float],
    tol: float,
    in_flight: int = 1,
    limit: int = 20_000,
    seed: int | None = None,
) -> IntegratorLearner:
    """Ask and tell until it is done, with up to `in_flight` pending nodes, told in random order."""
    rng = random.Random(in_flight if seed is None else seed)
    learner = IntegratorLearner(function, bounds, tol)
    waiting: list[float] = []
    while not learner.done() and learner.npoints < limit:
        waiting += learner.ask(in_flight - len(waiting))[0]
        x = waiting.pop(rng.randrange(len(waiting)))
        learner.tell(x, function(x))
    return learner


# ----------------------------------------------------------------------------------------------------- known integrals


@pytest.mark.parametrize(
    ("function", "bounds", "tol", "npoints", "igral"),
    [
        (math.sin, (0, 3), 1e-10, 33, 1 - math.cos(3)),
        (_peaked, (-1, 1), 1e-10, 405, 0.4 * math.atan(5)),
        (_steps, (0, 3), 1e-4, 6737, 60 - math.lgamma(21)),
        pytest.param(_steps, (0, 3), 1e-8, 16149, 60 - math.lgamma(21), marks=pytest.mark.slow),
    ],
)
def test_fewer_points_than_the_peer(function: Any, bounds: Any, tol: float, npoints: int, igral: float) -> None:
    """The check included, the points are at most 0.98 of those of python-adaptive 1.5.2, which are given here."""
    learner = _integrate(function, bounds, tol)
    assert learner.converged
    assert learner.npoints < 0.98 * npoints
    assert abs(learner.igral - igral) < 0.05 * learner.err < learner.wanted


@pytest.mark.parametrize(
    ("function", "igral"),
    [
        (lambda x: 1 + math.exp(-((5 * x - 1) ** 2)), 2 + math.sqrt(math.pi) / 10 * (math.erf(4) + math.erf(6))),
        (lambda x: abs(x - 0.1) ** 0.5, 2 / 3 * (0.9**1.5 + 1.1**1.5)),
        (lambda x: math.cos(60 * x), math.sin(60) / 30),
        (lambda x: 1 + 1e-3 * float(np.cos(44 * np.arccos(x))), 2 - 2e-3 / 1935),  # on 17 nodes it is of degree 12
        (lambda x: float(x > 0), 1.0),
    ],
)
@pytest.mark.parametrize("tol", [1e-4, 1e-9])
def test_last_coefficients_tell_the_error(function: Any, igral: float, tol: float) -> None:
    """The true error is below the estimated one."""
    learner = _integrate(function, (-1, 1), tol)
    assert learner.converged
    assert abs(learner.igral - igral) < learner.err + 1e-13


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


@pytest.mark.parametrize(
    ("bounds", "centre", "background"),
    [
        ((-1, 1), 0.3, lambda x: 0.0),
        ((-1, 1), -0.61, lambda x: 2.0 + 1e-7 * x),
        ((-math.inf, math.inf), 1.7, lambda x: 1e-9 * math.exp(-x * x)),
    ],
)
def test_what_nodes_missed_on_a_background_below_the_wanted_error(
    bounds: Any, centre: float, background: Callable[[float], float]
) -> None:
    """Values that differ by less than the wanted error are checked as often as equal ones."""
    exact = 0.01 * math.sqrt(math.pi) + (2 * background(0.0) if bounds == (-1, 1) else 0.0)

    def function(x: float) -> float:
        return background(x) + math.exp(-(((x - centre) / 0.01) ** 2))

    learner = IntegratorLearner(function, bounds, 1e-9, atol=1e-6)
    simple(learner)
    assert learner.converged
    assert learner.igral == pytest.approx(exact, abs=2e-6)
    flat = IntegratorLearner(background, bounds, 1e-9, atol=1e-6)
    simple(flat)
    claim = flat.claim()
    assert claim is not None
    assert claim.checks == BLIND_CHECKS  # of the check that was made, whatever its values were


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


def test_a_check_that_fails_below_the_tolerance_refines() -> None:
    """A miss too large for a check, but below the tolerance, does not lead to one check after another."""
    learner = _integrate(lambda x: math.exp(-4.3 * x) * math.log(x) if x else -math.inf, (0, math.inf), 1e-3, limit=500)
    assert learner.converged
    assert learner.igral == pytest.approx(-(np.euler_gamma + math.log(4.3)) / 4.3, rel=1e-3)


def _root(x: float) -> float:
    return math.sqrt(abs(x - 0.3))


@pytest.mark.parametrize(
    ("function", "bounds"),
    [
        (_root, (-1, 1)),
        (lambda x: float(x > 0.1234), (0, 1)),
        (lambda x: abs(math.sin(3 * x)) * math.exp(-x), (0, math.inf)),
    ],
)
@pytest.mark.parametrize("in_flight", [4, 16])
def test_late_values_leave_what_was_claimed(function: Any, bounds: Any, in_flight: int) -> None:
    """Values of points that were pending when the integral was done, in any order, do not make it undone."""
    late = 0
    for seed in range(4):
        learner = _integrate(function, bounds, 1e-5, in_flight, seed=seed)
        before = learner.igral, learner.err, learner.claim(), learner.stopped_because()
        pending = sorted(learner.pending_points)
        random.Random(seed).shuffle(pending)
        for x in pending:
            learner.tell(x, function(x))
            assert learner.converged
            assert learner.done()
            assert (learner.igral, learner.err, learner.claim(), learner.stopped_because()) == before
        late += len(pending)
        copied = pickle.loads(pickle.dumps(learner))
        learner.remove_unfinished()
        assert learner.done()
        assert copied.claim() == learner.claim()
        points, _ = learner.ask(30)  # they are used where more points are wanted
        assert points == copied.ask(30, tell_pending=False)[0] == copied.ask(30)[0]
        assert not set(points) & set(learner.data)
    assert late


def test_a_late_value_that_contradicts_reopens_the_integral() -> None:
    """Where it shows an error above the wanted one, nothing is claimed until a longer check has passed."""
    learner = next(
        done for seed in range(20) if (done := _integrate(_root, (-1, 1), 1e-4, 4, seed=seed)).pending_points
    )
    x, *others = sorted(learner.pending_points)
    learner.tell(x, 100.0)
    assert not learner.done()
    assert not learner.converged
    for other in others:
        learner.tell(other, _root(other))
    assert not learner.done()
    while not learner.done():
        for node in learner.ask(1)[0]:
            learner.tell(node, _root(node) + 99 * max(0.0, 1 - abs(node - x) / 1e-3))
    claim = learner.claim()
    assert learner.converged
    assert claim is not None
    assert claim.checks > CHECKS
    assert learner.igral == pytest.approx(2 / 3 * (0.7**1.5 + 1.3**1.5) + 0.099, rel=1e-3)


@pytest.mark.parametrize(
    "make",
    [
        lambda f, tol: IntegratorLearner(f, (-1, 1), tol),
        lambda f, tol: CubatureLearner(lambda p: f(p[0]), [(-1, 1), (0, 1)], tol),
        lambda f, tol: BalancingLearner([IntegratorLearner(g, (-1, 1), tol) for g in (math.cos, f)]),
    ],
)
def test_an_error_goal_is_checked(make: Any) -> None:
    """It takes the place of the tolerance, and a peak that nodes hardly see is found; a smaller one is checked anew."""
    learner = make(lambda x: math.exp(-(((x - 0.3) / 0.05) ** 2)), 1e-8)
    last = getattr(learner, "learners", [learner])[-1]
    for goal in (1e-2, 1e-5):
        runner = BlockingRunner(learner, error_goal=goal, executor=SequentialExecutor())
        assert runner.goal_reached
        assert learner.claim().checks >= CHECKS
        assert runner.stop_reason == f"goal reached: {learner.claim()}"
        assert last.igral == pytest.approx(0.05 * math.sqrt(math.pi), abs=goal)
        assert last.err <= goal
    assert pickle.loads(pickle.dumps(last)).error_goal == goal
    if learner is last:
        assert learner.err > learner.tol * learner.igral
        BlockingRunner(learner, goal=Points(learner.npoints), executor=SequentialExecutor())  # without an error goal
        assert not learner.converged


def test_a_check_for_a_larger_error_is_none_for_a_smaller_one() -> None:
    """A peak that no node saw: what was compared for one goal is compared again, with the next one."""
    learner = IntegratorLearner(lambda x: 0.0, (-1, 1), 1e-8)
    simple(learner, error_goal=1.0)
    assert learner.converged
    learner.set_error_goal(0.9)
    assert learner.converged
    learner.set_error_goal(1e-3)
    assert not learner.converged
    assert not learner.done()
    before = learner.npoints
    simple(learner, error_goal=1e-3)
    assert learner.npoints == before + BLIND_CHECKS


@pytest.mark.parametrize(
    ("function", "goal", "reason"),
    [
        (lambda x: math.nan, 1e-3, "no part of the domain"),
        (lambda x: math.exp(x) + 1e-3 * random.Random(x).random(), 1e-7, "noise of about"),
        (math.exp, 1e-18, "the estimated error of the integral"),
    ],
)
def test_an_error_goal_that_cannot_be_reached(function: Any, goal: float, reason: str) -> None:
    """The run ends with the reason, as without a goal."""
    learner = IntegratorLearner(function, (0, 1), 1e-3)
    runner = BlockingRunner(learner, goal=LargestError(goal, learner) | Points(5000), executor=SequentialExecutor())
    assert not runner.goal_reached
    assert runner.stop_reason.startswith(f"goal not reached: {reason}")
    assert f"(error_goal={goal:g})" in runner.stop_reason
    assert learner.ask(1, tell_pending=False) == learner.ask(1) == ([], [])


@pytest.mark.parametrize("error", [0.0, -1.0, math.inf, math.nan, "1"])
def test_error_goals_are_positive(error: Any) -> None:
    """Nothing else is one."""
    with pytest.raises(ValueError, match="an error goal should be positive and finite, but is"):
        IntegratorLearner(math.sin, (0, 1), 1e-3).set_error_goal(error)


def test_check_survives_a_pickle() -> None:
    """Pickled within a check, an integral is done with the same points."""
    learner = _integrate(math.sin, (0, 3), 1e-10, limit=20)
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
    small = _integrate(lambda x: 3.2e-9 * math.exp(x), (0, 1), 1e-8)
    assert "the integral is 5.498502e-09 with" in small.stopped_because()
    assert "compared with values at 8 random points" in str(small.claim())
    assert "rounding" in _integrate(_peaked, (-1, 1), 1e-20, limit=40_000).stopped_because()


def _noisy(function: Callable[[float], Any], level: float, seed: int = 0) -> Callable[[float], Any]:
    """Add noise that is a function of the place."""

    def value(x: float) -> Any:
        y = function(x)
        return y + level * np.random.default_rng([seed, *struct.pack("<d", x)]).standard_normal(np.shape(y))

    return value


@pytest.mark.parametrize("in_flight", [1, 16])
@pytest.mark.parametrize(
    ("function", "bounds"),
    [
        (lambda x: 2 + math.sin(5 * x), (0, 1)),
        (lambda x: 1 / (1 + ((x - 0.3) / 0.05) ** 2), (-1, 1)),
        (lambda x: math.exp(-x * x), (-3, 3)),
        (lambda x: np.array([1 + x, math.exp(x)]), (0, 1)),
    ],
)
def test_noise_ends_the_integral(function: Any, bounds: Any, in_flight: int) -> None:
    """Noise above the tolerance ends it within a bounded number of points, with its size as the reason."""
    for level in (0.1, 1e-5):
        for share in (1e-1, 1e-3):
            learner = _integrate(_noisy(function, level), bounds, share * level, in_flight, limit=4000)
            assert learner.done()
            assert not learner.converged
            found = re.search("noise of about (.*) in the values", learner.stopped_because())
            assert found is not None
            assert level / 10 < float(found[1]) < 10 * level
            assert _integrate(_noisy(function, level), bounds, 30 * level, in_flight, limit=4000).done()


@pytest.mark.parametrize("bounds", [(0, math.inf), (-math.inf, math.inf)])
def test_noise_of_an_infinite_integral(bounds: Any) -> None:
    """Noise in proportion to the values is named; the same everywhere it has no integral, and the error says so."""
    learner = _integrate(lambda x: math.exp(-abs(x)) * _noisy(lambda x: 1.0, 1e-3)(x), bounds, 1e-5, limit=4000)
    assert "noise of about" in learner.stopped_because()
    everywhere = _integrate(_noisy(lambda x: math.exp(-abs(x)), 1e-3), bounds, 1e-5, limit=4000)
    assert everywhere.done()
    assert not everywhere.converged
    assert everywhere.err > 1


def test_noise_is_kept_in_files(tmp_path: Any) -> None:
    """A learner that was loaded between two twins comes to the same reason."""
    function = _noisy(math.exp, 1e-3)
    learner = IntegratorLearner(function, (0, 1), 1e-6)
    while len(learner._noise.twins.open) != 2:
        (x,), _ = learner.ask(1)
        learner.tell(x, function(x))
    learner.save(tmp_path / "data")
    loaded = learner.new()
    loaded.load(tmp_path / "data")
    for each in (learner, loaded):
        while not each.done():
            (x,), _ = each.ask(1)
            each.tell(x, function(x))
        assert "noise of about 0.00" in each.stopped_because()


@pytest.mark.parametrize(
    "function",
    [lambda x: math.nan, lambda x: math.nan if x > 0.5 else 1 + x, lambda x: math.nan if 0.2 < x < 0.45 else 1 + x],
)
def test_regions_without_values(function: Any) -> None:
    """An integral over a region without any valid value is no claim, and ends; one over a single such point is."""
    learner = _integrate(function, (0, 1), 1e-6, limit=2000)
    assert learner.done()
    assert not learner.converged
    assert learner.err > 0.1
    assert "values are missing" in learner.stopped_because()
    flat = _integrate(lambda x: math.nan if 0.2 < x < 0.3 else 1.0, (0, 1), 1e-3, limit=2000)
    assert not flat.converged
    assert 0.05 < flat.err < 0.2
    assert _integrate(lambda x: math.sin(x) / x if x else math.nan, (-1, 1), 1e-6).converged


def test_values_near_the_largest_float_are_refused() -> None:
    """A value above 1e300 is refused with what to do; one of that size is integrated."""
    with pytest.raises(ValueError, match="another unit"):
        _integrate(lambda x: 1.2e308, (0, 1), 1e-6)
    assert _integrate(lambda x: 1e300 * x, (0, 1), 1e-6).igral == pytest.approx(5e299)


def test_more_intervals_than_are_kept_end_the_integral() -> None:
    """A wave with more periods than `max_ivals` intervals can resolve ends with a reason."""
    learner = IntegratorLearner(lambda x: 2 + math.sin(1e4 * x), (0, 1), 1e-6)
    learner.max_ivals = 30
    while not learner.done():
        (x,), _ = learner.ask(1)
        learner.tell(x, learner.function(x))
    assert not learner.converged
    assert learner.npoints < 2000
    assert "no part of the domain" in learner.stopped_because()


@pytest.mark.parametrize("goal", [None, "until done or for a minute"])
def test_an_integral_that_is_given_up_is_no_goal_that_is_reached(goal: str | None) -> None:
    """`done()` ends the run; that the integral is not known is its reason."""
    learner = IntegratorLearner(lambda x: math.nan, (0, 1), 1e-6)
    wanted = None if goal is None else Done(learner) | Elapsed(minutes=1)
    runner = BlockingRunner(learner, goal=wanted, executor=SequentialExecutor())
    assert learner.done()
    assert not learner.converged
    assert not runner.goal_reached
    assert runner.status() == "finished"
    assert runner.stop_reason.startswith("goal not reached: no part of the domain")


@pytest.mark.parametrize("bounds", [(1, 1 + 1e-15), (0, 5e-324), (-1.5e308, 1.5e308)])
def test_bounds_without_room(bounds: Any) -> None:
    """Bounds whose distance holds too few floats, or overflows, are refused with what to do."""
    with pytest.raises(ValueError, match="another unit"):
        IntegratorLearner(math.sin, bounds, 1e-3)


@pytest.mark.parametrize("value", ["1.5", b"1.5", 1j, np.complex128(1), None, ["a"], np.array([1j])])
def test_values_that_are_no_numbers(value: Any) -> None:
    """Text and complex numbers are refused, also in vectors, and nothing has changed."""
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
    assert learner.npoints == 17 + CHECKS
    assert learner.ninvalid == 1
    assert learner.igral == pytest.approx(1 - math.cos(3), rel=1e-12)
    assert learner.err < learner.wanted


def test_failed_node() -> None:
    """A failed node is left out like a NaN, and is not in the data."""
    learner = IntegratorLearner(math.sin, (0, 3), 1e-6)
    while not learner.done():
        (x,), _ = learner.ask(1)
        if x == 1.5:
            learner.tell_failed(x)
        else:
            learner.tell(x, math.sin(x))
    assert learner.npoints == 16 + CHECKS
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


# ------------------------------------------------------------------------------------------ infinite bounds and vectors


@pytest.mark.parametrize("in_flight", [1, 16])
@pytest.mark.parametrize(
    ("function", "bounds", "exact"),
    [
        (_decaying, (0, math.inf), 0.596347362323194),
        (lambda x: math.exp(x), (-math.inf, 2), math.exp(2)),
        (lambda x: 1 / (1 + x * x), (-math.inf, math.inf), math.pi),
        (lambda x: math.exp(-abs(x - 1.2)), (-math.inf, math.inf), 2.0),
        (lambda x: x**-1.5, (4, math.inf), 1.0),
        (lambda x: math.log(x) * math.exp(-x) if x else -math.inf, (0, math.inf), -np.euler_gamma),
        (lambda x: math.exp(-x / 1e5) / 1e5, (0, math.inf), 1.0),
    ],
)
def test_infinite_bounds(function: Any, bounds: Any, exact: float, in_flight: int) -> None:
    """Integrals over infinite intervals are right; all points are finite numbers between the bounds."""
    learner = _integrate(function, bounds, 1e-9, in_flight, limit=3000)
    assert learner.converged
    assert learner.igral == pytest.approx(exact, rel=1e-9)
    assert all(bounds[0] <= x <= bounds[1] and math.isfinite(x) for x in learner.data)
    assert learner.bounds == bounds


@pytest.mark.parametrize("bounds", [(1, math.inf), (-math.inf, -1)])
def test_divergent_at_infinity(bounds: Any) -> None:
    """The integral of 1/x up to infinity diverges."""
    with pytest.raises(DivergentIntegralError):
        _integrate(lambda x: 1 / x, bounds, 1e-6, limit=5000)


@pytest.mark.parametrize(
    ("function", "bounds", "exact"),
    [
        (lambda x: 1 / (x * math.log(x) ** 2), (2, math.inf), 1 / math.log(2)),
        (lambda x: 1 / (x * math.log(-x) ** 2), (-math.inf, -3), -1 / math.log(3)),
        (lambda x: 1 / (x * math.log(x) ** 2) if x else 0.0, (0, 0.5), 1 / math.log(2)),
        (lambda x: x**-1.02, (1, math.inf), 50.0),
        (lambda x: x**-0.99 if x else math.inf, (0, 1), 100.0),
    ],
)
def test_what_falls_too_slowly_is_not_claimed(function: Any, bounds: Any, exact: float) -> None:
    """Where most of the halves that matter cannot be reached, the error says so, and the integral ends."""
    learner = _integrate(function, bounds, 1e-3, limit=5000)
    assert learner.done()
    assert not learner.converged
    assert abs(learner.igral - exact) < learner.err


def test_slow_power_tails_are_integrated() -> None:
    """A power whose halves fall slowly, but far enough, costs what it did."""
    learner = _integrate(lambda x: x**-1.3, (1, math.inf), 1e-6)
    assert learner.converged
    assert learner.igral == pytest.approx(1 / 0.3, rel=1e-6)
    assert learner.npoints < 700
    singular = _integrate(lambda x: x**-0.95 if x else math.inf, (0, 1), 1e-6)
    assert singular.converged
    assert singular.igral == pytest.approx(20, rel=1e-6)


def test_checks_of_an_infinite_interval() -> None:
    """A learner whose nodes saw nothing looks near the finite end, and far from it, too."""
    learner = _integrate(lambda x: 0.0, (0, math.inf), 1e-6)
    assert min(learner.first_ival.checks) < 1e-3
    assert max(learner.first_ival.checks) > 1e3


def test_infinite_interval_survives_a_pickle() -> None:
    """The order of the parts, nodes and the next points are kept, where x falls as the variable grows as well."""
    learner = IntegratorLearner(lambda x: math.exp(x) * math.cos(9 * x), (-math.inf, 0), 1e-9)
    for x in (x for _ in range(150) for x in learner.ask(1)[0]):
        learner.tell(x, learner.function(x))
    copied = pickle.loads(pickle.dumps(learner))
    assert copied.ask(40)[0] == learner.ask(40)[0]
    assert copied.igral == learner.igral
    cover = learner.first_ival.cover()
    assert len(cover) > 2
    assert [interval.b for interval in cover[:-1]] == [interval.a for interval in cover[1:]]


def test_vectors() -> None:
    """Each component is integrated, to the tolerance of their 2-norm."""
    learner = _integrate(_moments, (-math.inf, math.inf), 1e-10)
    exact = math.sqrt(2 * math.pi) * np.array([1, 0, 1])
    assert learner.converged
    assert np.linalg.norm(learner.igral - exact) < 1e-10 * np.linalg.norm(exact)
    assert learner.wanted == pytest.approx(1e-10 * math.sqrt(4 * math.pi))
    assert "2.506628" in learner.stopped_because()
    assert learner.to_numpy().shape == (learner.npoints, 4)


def test_vector_of_one_number() -> None:
    """A vector of one number takes the same points as the number."""
    number = _integrate(_peaked, (-1, 1), 1e-10)
    vector = _integrate(lambda x: [_peaked(x)], (-1, 1), 1e-10)
    assert list(vector.data) == list(number.data)
    assert vector.igral == pytest.approx([number.igral], rel=1e-12)


def test_vectors_with_missing_components() -> None:
    """A vector with an invalid component, or a plain NaN, is left out, also before the length is known."""
    learner = IntegratorLearner(_moments, (-1, 2), 1e-6)
    xs = learner.ask(17)[0]
    for x in xs:
        learner.tell_failed(x)
    for number in range(400):
        for x in learner.ask(1)[0]:
            learner.tell(x, [math.nan, _moments(x) * [1, 1, math.inf], _moments(x)][min(number, 2)])
    learner.tell_failed(xs[0])
    assert learner.ninvalid == 2
    first = math.sqrt(math.pi / 2) * (math.erf(math.sqrt(2)) + math.erf(math.sqrt(0.5)))
    exact = [first, math.exp(-0.5) - math.exp(-2), first - math.exp(-0.5) - 2 * math.exp(-2)]
    assert learner.igral == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize(("first", "second"), [(1.0, [1.0, 2.0]), ([1.0, 2.0], 1.0), ([1.0, 2.0], [1.0])])
def test_values_of_other_lengths(first: Any, second: Any) -> None:
    """A value of another length is a ValueError, and nothing has changed."""
    learner = IntegratorLearner(math.sin, (0, 3), 1e-3)
    one, two = learner.ask(2)[0]
    learner.tell(one, first)
    with pytest.raises(ValueError, match="shape"):
        learner.tell(two, second)
    assert (learner.npoints, learner.pending_points) == (1, {two})


# ---------------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    "bounds", [(1, 0), (0, 0), (math.inf, math.inf), (math.inf, 0), (math.nan, 1), (0, 1, 2), "ab", 3]
)
def test_bad_bounds(bounds: Any) -> None:
    """Bounds are two ascending numbers."""
    with pytest.raises(ValueError, match="bounds"):
        IntegratorLearner(math.sin, bounds, 1e-3)


@pytest.mark.parametrize("tol", [0, -1, math.nan, math.inf])
def test_bad_tolerance(tol: float) -> None:
    """The tolerance is positive and finite."""
    with pytest.raises(ValueError, match="tol"):
        IntegratorLearner(math.sin, (0, 1), tol)


def test_points_of_the_next_ask_can_be_told() -> None:
    """Every point that `ask` would return next may be made pending, at each moment of a run."""
    learner = IntegratorLearner(_peaked, (-1, 1), 1e-6)
    while points := learner.ask(1, tell_pending=False)[0]:
        learner.tell_pending(points[0])
        assert learner.pending_points == set(points)
        learner.tell(points[0], _peaked(points[0]))
    assert learner.converged


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
    assert rows.shape == (17 + CHECKS, 2)
    assert (np.diff(rows[:, 0]) > 0).all()
    assert rows[:, 1] == pytest.approx(np.sin(rows[:, 0]))


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("bounds", [(0, math.inf), (-math.inf, math.inf), (-math.inf, 1)])
def test_nothing_but_missing_values_to_infinity(value: float, bounds: Any) -> None:
    """That the slope of the variable vanishes at a finite end is no valid value."""
    learner = _integrate(lambda x: value, bounds, 1e-6)
    assert learner.done()
    assert not learner.converged


def test_integrals_that_overflow_are_refused() -> None:
    """A value whose product with the length of the domain is no float is refused with what to do."""
    with pytest.raises(ValueError, match="another unit of length"):
        _integrate(lambda x: 1e299, (0, 1e10), 1e-6)
    assert _integrate(lambda x: 1e299, (0, 1e-10), 1e-6).igral == pytest.approx(1e289)


def test_a_singularity_is_not_followed_to_values_that_are_refused() -> None:
    """Parts are not divided below 1e-270 of the domain."""
    learner = _integrate(lambda x: x**-0.99 if x else math.inf, (0, 1), 1e-3)
    assert learner.igral == pytest.approx(100, rel=2e-3)


@pytest.mark.parametrize("name", ["tol", "atol"])
def test_tolerances_are_numbers(name: str) -> None:
    """What is no number is refused by its name."""
    with pytest.raises(TypeError, match=f"`{name}` should be a number, but is '0.1'"):
        IntegratorLearner(math.sin, (0, 1), **{"tol": 1e-3, name: "0.1"})  # type: ignore[arg-type]
