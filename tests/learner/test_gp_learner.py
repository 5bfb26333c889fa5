"""`GPLearner`: the laws of all learners, and what it predicts and claims."""

from __future__ import annotations

import math
import pickle
import sys
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from scipy.stats import qmc

from adaptive_calib.learner.gp_learner import GPLearner
from adaptive_calib.runner import simple
from adaptive_calib.testing.learners import LearnerContract

pytest.importorskip("sklearn", reason="GPLearner needs scikit-learn")


def bent(point: tuple[float, ...]) -> float:
    return math.sin(3 * point[0] + 0.3) + math.exp(-sum((x - 0.17 * (i + 1)) ** 2 for i, x in enumerate(point)))


def bent_vector(point: tuple[float, ...]) -> np.ndarray:
    return np.array([bent(point), 0.3 * point[1] ** 2, point[0] * point[1]])


class TestGPLearner(LearnerContract):
    warm_up: ClassVar[int] = 14
    losses_may_lag: ClassVar[bool] = True

    def make(self) -> Any:
        return GPLearner(bent, [(-1, 1), (-1, 1)])

    def make_vector(self) -> Any:
        return GPLearner(bent_vector, [(-1, 1), (-1, 1)])

    def make_finite(self) -> Any:
        return GPLearner(bent, [(0, 7), (-3, 4)], integer=True)


@pytest.mark.slow
class TestOneNumber(LearnerContract):
    warm_up: ClassVar[int] = 10
    losses_may_lag: ClassVar[bool] = True

    def make(self) -> Any:
        return GPLearner(bent, [(-1, 1)])

    def make_vector(self) -> Any:
        return GPLearner(lambda point: np.array([bent(point), point[0]]), [(-1, 1)])

    def make_finite(self) -> Any:
        return GPLearner(bent, [(0, 30)], integer=True)


@pytest.mark.slow
class TestNoise(LearnerContract):
    warm_up: ClassVar[int] = 14
    losses_may_lag: ClassVar[bool] = True

    def make(self) -> Any:
        return GPLearner(bent, [(-1, 1), (-1, 1)], noise=True)


@pytest.mark.slow
class TestMinimum(LearnerContract):
    warm_up: ClassVar[int] = 14
    losses_may_lag: ClassVar[bool] = True

    def make(self) -> Any:
        return GPLearner(bent, [(-1, 1), (-1, 1)], acquisition="minimum")

    def make_finite(self) -> Any:
        return GPLearner(bent, [(0, 7), (-3, 4)], integer=True, acquisition="minimum")


def in_four(point: Any) -> Any:
    a, b, c, d = np.moveaxis(np.asarray(point, float), -1, 0)
    return np.sin(2 * a + b) * np.exp(-c * d)


def branin(point: tuple[float, float]) -> float:
    x, y = point
    bowl = y - 5.1 / (4 * math.pi**2) * x * x + 5 / math.pi * x - 6
    return bowl**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


def number(function: Any) -> Any:
    return lambda point: float(function(point))


_INSIDE = np.random.default_rng(5).random((500, 4))


def rms(learner: Any, function: Any, places: np.ndarray) -> float:
    return float(np.sqrt(np.mean((learner.predict(places) - function(places)) ** 2)))


def noisy(level: float, seed: int = 0) -> Any:
    """A hill with noise that is a function of the place."""

    def function(point: tuple[float, float]) -> float:
        noise = np.random.default_rng([seed, *np.array(point).view(np.uint64).tolist()]).standard_normal()
        return hill(point) + level * float(noise)

    return function


def hill(point: Any) -> Any:
    x, y = np.moveaxis(np.asarray(point, float), -1, 0)
    return np.exp(-4 * ((x - 0.4) ** 2 + (y - 0.6) ** 2))


def test_number_on_the_whole_box() -> None:
    """After the first points it predicts a number at every place of the box, corners too, and NaN outside."""
    learner = GPLearner(lambda p: p[0] * p[1] + p[5], [(0, 1)] * 6)
    simple(learner, npoints_goal=27)
    assert np.isnan(learner.predict(np.zeros(6)))
    simple(learner, npoints_goal=35)
    corners = np.array(np.meshgrid(*[(0.0, 1.0)] * 6)).reshape(6, -1).T
    values, errors = learner.predict(corners, return_error=True)
    assert np.isfinite(values).all()
    assert (errors > 0).all()
    assert np.isnan(learner.predict(np.full(6, 1.5)))


def test_few_evaluations_in_four_dimensions() -> None:
    """Sixty points are enough for a percent of a smooth function, and the error bars hold."""
    learner = GPLearner(number(in_four), [(0, 1)] * 4)
    simple(learner, npoints_goal=60)
    assert rms(learner, in_four, _INSIDE) < 0.01
    values, errors = learner.predict(_INSIDE, return_error=True)
    assert np.mean(np.abs(values - in_four(_INSIDE)) <= 3 * errors) > 0.9


def test_one_number() -> None:
    """Of one number it learns a smooth curve, finds its minimum and its mean in noise."""
    learner = GPLearner(lambda p: math.sin(6 * p[0]), [(0, 1)])
    simple(learner, error_goal=1e-3)
    assert learner.npoints < 50
    grid = np.linspace(0, 1, 50)[:, None]
    assert np.abs(learner.predict(grid) - np.sin(6 * grid[:, 0])).max() < 1e-3
    lowest = GPLearner(lambda p: math.sin(6 * p[0]), [(0, 1)], acquisition="minimum")
    simple(lowest, npoints_goal=20)
    assert lowest.lowest()[1] == pytest.approx(-1, abs=1e-3)
    mean = GPLearner(lambda p: noisy(0.1)((p[0], 0.5)), [(0, 1)], noise=True)
    simple(mean, npoints_goal=60)
    assert np.abs(mean.predict(grid) - hill(np.column_stack([grid, np.full(50, 0.5)]))).max() < 0.15


def test_units() -> None:
    """Other units of points and values give the same points, in other units."""
    found = []
    for x_factor, y_factor in ((1.0, 1.0), (2.0**-9, 2.0**30)):
        learner = GPLearner(
            lambda p, x=x_factor, y=y_factor: y * bent(tuple(c / x for c in p)), [(-x_factor, x_factor)] * 2
        )
        simple(learner, npoints_goal=35)
        found.append(np.array(list(learner.data)) / x_factor)
    assert found[0] == pytest.approx(found[1], abs=1e-12)


def test_points_of_a_batch_are_apart() -> None:
    """A batch takes the pending points as observed, whatever their values will be."""
    learner = GPLearner(bent, [(-1, 1), (-1, 1)])
    simple(learner, npoints_goal=20)
    points = np.array(learner.ask(15)[0])
    apart = np.linalg.norm(points[:, None] - points, axis=2) + 9 * np.eye(15)
    assert apart.min() > 0.1
    assert learner.loss(real=False) < learner.loss()


def test_axes_are_learned() -> None:
    """Points are closer along the axis on which the function changes faster."""
    learner = GPLearner(lambda p: math.sin(12 * p[1]) + 0.1 * p[0], [(0, 1)] * 2)
    simple(learner, npoints_goal=40)
    assert learner.fastest_axes() == [1, 0]


def test_error_goal_is_checked() -> None:
    """An error goal is reached with a check at random places; the claim holds."""
    learner = GPLearner(number(in_four), [(0, 1)] * 4)
    assert learner.claim() is None
    simple(learner, error_goal=0.05)
    claim = learner.claim()
    assert claim is not None
    assert (claim.basis, claim.error) == ("checked", 0.05)
    assert claim.checks >= 22
    off = np.abs(learner.predict(_INSIDE) - in_four(_INSIDE))
    assert np.mean(off > 0.05) < 0.1


def test_failed_check() -> None:
    """A function that is smooth at the points and wrong at a check point fails the check, and sampling goes on."""
    learner = GPLearner(lambda p: p[0], [(0, 1)] * 2)
    learner.set_error_goal(1e-3)
    while not learner._open:
        (point,), _ = learner.ask(1)
        learner.tell(point, point[0] + (7.0 if learner._open else 0.0))
        if learner._check.failed:
            break
    assert learner.claim().basis == "estimated"
    assert learner.ask(1)[0]


def test_check_waits_for_all_its_points() -> None:
    """While check points are out, no other point is asked for; a pickle in between loses nothing."""
    learner = GPLearner(lambda p: p[0] + p[1] / 2, [(0, 1)] * 2)
    learner.set_error_goal(1e-2)
    while not learner._open:
        for point in learner.ask(1)[0]:
            if not learner._open:
                learner.tell(point, learner.function(point))
    learner.remove_unfinished()
    points, _ = learner.ask(100)
    assert len(points) == 22
    assert learner.ask(3) == ([], [])
    learner.tell(points[0], learner.function(points[0]))
    learner = pickle.loads(pickle.dumps(learner))
    for point in points[1:]:
        assert learner.claim().basis == "estimated"
        learner.tell(point, learner.function(point))
    assert learner.claim().basis == "checked"


def test_regions_without_values() -> None:
    """Where values are missing is learned and not asked for; the claim says which share of the domain has none."""

    def half(point: tuple[float, float]) -> float:
        x, y = point
        return math.nan if x + 0.4 * y > 0.9 else math.sin(7 * x) * math.cos(6 * y)

    learner = GPLearner(half, [(0, 1)] * 2)
    simple(learner, error_goal=0.05)
    claim = learner.claim()
    assert claim is not None
    assert claim.checks >= 22
    assert claim.fraction <= 0.1
    assert learner.npoints < 160
    assert sum(math.isnan(y) for y in learner.data.values()) < 50
    assert claim.unpredicted == pytest.approx(0.3, abs=0.1)
    again = learner.new()
    again.tell_many(learner.data.keys(), learner.data.values())
    again.set_error_goal(0.05)
    assert again.claim() == claim
    assert np.isfinite(learner.predict((0.9, 0.5)))


def test_noise_above_the_goal() -> None:
    """Noise in values that are taken as exact ends the run with that reason."""
    learner = GPLearner(noisy(0.05), [(0, 1)] * 2)
    simple(learner, error_goal=0.01)
    assert learner.claim() is None or learner.claim().basis == "estimated"
    assert "noise of about 0.0" in learner.stopped_because()
    assert "noise=True" in learner.stopped_because()
    assert learner.npoints < 200


def test_what_is_not_resolved_is_no_noise() -> None:
    """A fine ripple looks like noise to the process; one value beside a known one shows that it is none."""
    learner = GPLearner(lambda p: p[0] + p[1] + 0.1 * math.sin(97 * math.pi * p[0]), [(0, 1)] * 2)
    learner.set_error_goal(0.01)
    near = 0
    while learner.npoints < 60:
        (point,), _ = learner.ask(1)
        near += any(math.dist(point, other) < 1e-5 for other in learner.data)
        learner.tell(point, learner.function(point))
    assert learner.stopped_because() == ""
    assert 0 < near <= 6


def test_noise_is_averaged_between_places() -> None:
    """The mean is known better than a single value, the bands hold, and no place is evaluated twice."""
    places = np.random.default_rng(1).random((500, 2))
    learner = GPLearner(noisy(0.2), [(0, 1)] * 2, noise=True)
    simple(learner, npoints_goal=100)
    assert rms(learner, hill, places) < 0.1
    values, errors = learner.predict(places, return_error=True)
    assert np.mean(np.abs(values - hill(places)) <= 2 * errors) > 0.8


def test_noisy_claim_is_an_estimate() -> None:
    """Values with noise cannot check an error: the goal is reached on the estimate, and the claim says so."""
    learner = GPLearner(noisy(0.1), [(0, 1)] * 2, noise=True)
    simple(learner, error_goal=0.3)
    assert learner.error_goal is None
    assert learner.claim() is not None
    assert learner.claim().basis == "estimated"
    assert learner.largest_error() <= 0.3


@pytest.mark.parametrize("noise", [False, True])
def test_constant_function(noise: bool) -> None:
    """A function of one value is predicted exactly."""
    learner = GPLearner(lambda p: 3.0, [(0, 1)] * 3, noise=noise)
    simple(learner, npoints_goal=25)
    assert learner.predict((0.2, 0.9, 0.4)) == pytest.approx(3.0)
    assert 0 <= learner.loss() < 1


def test_save_and_load_in_four_dimensions(tmp_path: Path) -> None:
    """A loaded learner predicts the same and goes on with the same points."""
    learner, loaded = (GPLearner(number(in_four), [(0, 1)] * 4) for _ in range(2))
    simple(learner, npoints_goal=40)
    learner.save(tmp_path / "data.p")
    loaded.load(tmp_path / "data.p")
    assert (loaded.predict(_INSIDE) == learner.predict(_INSIDE)).all()
    assert loaded.ask(5) == learner.ask(5)


def test_refused() -> None:
    """Points outside the domain and values of another shape are refused, and nothing changes."""
    learner = GPLearner(bent, [(0, 1)] * 2)
    with pytest.raises(ValueError, match="should lie in the domain"):
        learner.tell((2.0, 0.5), 1.0)
    learner.tell((0.5, 0.5), 1.0)
    with pytest.raises(ValueError, match="shape"):
        learner.tell((0.2, 0.5), [1.0, 2.0])
    assert learner.npoints == 1


def test_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without scikit-learn the learner says what to install."""
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ImportError, match=r"adaptive_calib\[gp\]"):
        GPLearner(bent, [(0, 1)] * 2)


def test_peak_in_noise() -> None:
    """A narrow peak in much noise is found; the bands hold, and the claim says how narrow a peak may be missed."""

    def peak(point: Any) -> Any:
        x, y = np.moveaxis(np.asarray(point, float), -1, 0)
        return y + 1.5 / (1 + ((x - 0.3) ** 2 + (y - 0.6) ** 2) / 0.07**2) ** 2

    rng, places = np.random.default_rng(0), np.random.default_rng(1).random((500, 2))
    learner = GPLearner(lambda p: 0, [(0, 1)] * 2, noise=True)
    points = [tuple(p) for p in qmc.Sobol(2, rng=2).random(256).tolist()]
    learner.tell_many(points, [float(peak(p) + 0.3 * rng.standard_normal()) for p in points])
    values, errors = learner.predict(places, return_error=True)
    off = np.abs(values - peak(places))
    assert np.mean(off <= 2 * errors) > 0.9
    assert float(learner.predict((0.3, 0.6))) > 1.4
    assert off.max() < learner.largest_error()
    claim = learner.claim()
    assert claim is not None
    assert 0.05 < claim.resolution < 0.3
    assert "features narrower than" in str(claim)


@pytest.mark.slow
def test_uneven_noise() -> None:
    """Where there is more noise the mean is less certain; even noise is taken as even."""
    rng = np.random.default_rng(0)
    points = [tuple(p) for p in qmc.Sobol(2, rng=2).random(256).tolist()]
    deviations = []
    for left, right in ((0.05, 0.5), (0.3, 0.3)):
        learner = GPLearner(lambda p: 0, [(0, 1)] * 2, noise=True)
        noise = [(left if x < 0.5 else right) * rng.standard_normal() for x, _ in points]
        learner.tell_many(points, [float(hill(p) + e) for p, e in zip(points, noise, strict=True)])
        deviations.append(learner.predict([(0.2, 0.5), (0.8, 0.5)], return_error=True)[1])
    assert deviations[0][1] > 2 * deviations[0][0]
    assert deviations[1][1] < 1.5 * deviations[1][0]


def test_minimum() -> None:
    """Points for the minimum find it, several at a time; the loss says how much lower it may be."""
    learner = GPLearner(branin, [(-5, 10), (0, 15)], acquisition="minimum")
    with pytest.raises(ValueError, match="at least one"):
        learner.lowest()
    while learner.loss() > 1e-5:
        points, improvements = learner.ask(3)
        assert len(set(points)) == 3
        assert improvements[0] >= 0
        learner.tell_many(points, list(map(branin, points)))
    point, value = learner.lowest()
    assert value == branin(point) == pytest.approx(0.397887, abs=2e-3)
    assert learner.npoints < 70


@pytest.mark.parametrize("missing", [lambda x, y: x < 0, lambda x, y: math.hypot(x - 5, y - 5) < 5.5])
def test_minimum_beside_missing_values(missing: Any) -> None:
    """Points for the minimum leave a region without values, whether it is inside the rest or at the edge."""
    learner = GPLearner(lambda p: math.nan if missing(*p) else branin(p), [(-5, 10), (0, 15)], acquisition="minimum")
    simple(learner, loss_goal=1e-4)
    assert learner.lowest()[1] == pytest.approx(0.397887, abs=0.05)
    assert learner.npoints < 60


@pytest.mark.slow
def test_minimum_in_noise() -> None:
    """In noise the lowest mean counts, not the lowest value."""
    learner = GPLearner(lambda p: -noisy(0.2)(p), [(0, 1)] * 2, noise=True, acquisition="minimum")
    simple(learner, npoints_goal=60)
    point, value = learner.lowest()
    assert point == pytest.approx((0.4, 0.6), abs=0.2)
    assert value > min(learner.data.values())


def test_minimum_of_vectors() -> None:
    """Vectors have no minimum."""
    learner = GPLearner(bent_vector, [(0, 1)] * 2, acquisition="minimum")
    with pytest.raises(ValueError, match="needs numbers as values"):
        learner.tell((0.5, 0.5), [1.0, 2.0])
    assert learner.npoints == 0
    with pytest.raises(ValueError, match="'variance' or 'minimum'"):
        GPLearner(bent, [(0, 1)] * 2, acquisition="maximum")


def test_a_run_without_a_valid_value_ends() -> None:
    """With a goal it ends after 40 points, failed ones among them."""
    learner = GPLearner(lambda xy: math.nan, [(0, 1)] * 2)
    learner.set_error_goal(0.1)
    while points := learner.ask(1)[0]:
        (learner.tell_failed(points[0]) if learner.npoints == 20 else learner.tell(points[0], math.nan))
    assert learner.npoints == 20
    assert "none of the values at 40 points is valid" in learner.stopped_because()
