"""`AverageLearner1D(mode="shared")`: laws of every learner, and a mean curve from all samples together."""

from __future__ import annotations

import math
import random
import re
from typing import Any

import numpy as np
import pytest

from adaptive_calib.learner import AverageLearner1D
from adaptive_calib.learner._average.mean_curve import GRID, Samples, fit
from adaptive_calib.runner import BlockingRunner, SequentialExecutor, simple
from adaptive_calib.testing.learners import LearnerContract
from tests.learner.test_average_learner1D import noisy


def _wave(x: Any) -> Any:
    return np.sin(5 * np.asarray(x)) + 0.3 * np.asarray(x)


def _peak(x: Any) -> Any:
    return 1 / (1 + ((np.asarray(x) - 0.37) / 0.03) ** 2)


class Noisy:
    """A function with Gaussian noise, the same for the same point."""

    def __init__(self, mean: Any, noise: Any) -> None:
        self.mean, self.noise = mean, noise

    def __call__(self, point: tuple[int, float]) -> float:
        seed, x = point
        level = self.noise(x) if callable(self.noise) else self.noise
        return float(self.mean(x) + level * random.Random(f"{seed} {float(x)!r}").gauss(0, 1))


def _learner(mean: Any, noise: Any, **parameters: Any) -> AverageLearner1D:
    return AverageLearner1D(Noisy(mean, noise), (-1, 1), mode="shared", **parameters)


def _run(learner: AverageLearner1D, samples: int, batch: int = 20) -> AverageLearner1D:
    while learner.nsamples < samples:
        for point in learner.ask(min(batch, samples - learner.nsamples))[0]:
            learner.tell(point, learner.function(point))
    return learner


_X = np.linspace(-1, 1, 801)
_FINE = np.linspace(0, 1, 20_001)


class TestContract(LearnerContract):
    warm_up = 62

    def make(self) -> Any:
        return AverageLearner1D(noisy, (-1, 1), mode="shared")

    def scale_point(self, point: Any, x_factor: float) -> Any:
        return point[0], point[1] * x_factor

    def make_finite(self) -> Any:
        return AverageLearner1D(noisy, (0, 12), max_samples=5, integer=True, mode="shared")


class TestContractLogarithmic(LearnerContract):
    def make(self) -> Any:
        return AverageLearner1D(noisy, (0.01, 1), min_samples=2, x_scale="log", min_spacing=0.01, mode="shared")


def test_a_line_is_fitted_exactly() -> None:
    """A quadratic without noise is the curve, with hardly any error; sums at a place count as their samples."""
    t = np.linspace(0, 1, 40)
    curve = fit(Samples(t, np.full(40, 3.0), t**2 - t, np.zeros(40)))
    assert curve(GRID) == pytest.approx(GRID**2 - GRID, abs=1e-4)
    rng = np.random.default_rng(0)
    y = np.sin(4 * t)[:, None] + 0.1 * rng.standard_normal((40, 2))
    together = fit(Samples(t, np.full(40, 2.0), y.mean(axis=1), ((y.T - y.mean(axis=1)) ** 2).sum(axis=0)))
    alone = fit(Samples(np.repeat(t, 2), np.ones(80), y.ravel(), np.zeros(80)))
    assert together(GRID) == pytest.approx(alone(GRID), abs=0.02)


def test_what_bends_evenly_has_few_degrees_of_freedom() -> None:
    """A sine wave and a cubic take hardly more coefficients than they need; a corner is not smoothed like them."""
    t = np.linspace(0, 1, 600)
    noise = 0.03 * np.random.default_rng(3).standard_normal(600)

    def freedom(y: Any) -> float:
        return fit(Samples(t, np.ones(600), y + noise, np.zeros(600))).splines[0].spline.freedom

    assert freedom(t**3) < 7
    assert freedom(np.sin(12 * t)) < 16
    assert freedom(np.abs(t - 0.4)) > 9


@pytest.mark.parametrize("level", [0.03, 0.3, 0.8])
def test_the_band_holds_steps(level: float) -> None:
    """A step may be between two samples, in much noise between many; a steep slope with samples on it is no step."""
    t = np.linspace(0, 1, 600)
    noise = level * np.random.default_rng(4).standard_normal((2, 600))
    largest = []
    for step, each in zip((0.556, 0.2141), noise, strict=True):
        step_curve = fit(Samples(t, np.ones(600), np.sign(t - step) + each, np.zeros(600)))
        slope_curve = fit(Samples(t, np.ones(600), np.tanh(8 * (t - step)) + each, np.zeros(600)))
        inside = np.abs(step_curve(_FINE) - np.sign(_FINE - step)) <= step_curve.error(_FINE, 2.6)
        assert inside.mean() > 0.995
        assert step_curve.error(_FINE, 2.6).max() > 0.9
        largest.append(slope_curve.error(_FINE, 2.6).max())
    assert np.median(largest) < 1.5 * level


def test_fewer_samples_than_place_by_place() -> None:
    """With the same samples the mean curve is several times as good as the line through means at each place."""
    shared = _run(_learner(_wave, 0.2), 400)
    separate = _run(AverageLearner1D(Noisy(_wave, 0.2), (-1, 1)), 400)
    errors = [float(np.sqrt(np.nanmean((each.predict(_X) - _wave(_X)) ** 2))) for each in (shared, separate)]
    assert errors[0] < 0.3 * errors[1]
    assert shared.npoints > 10 * separate.npoints


def test_bands() -> None:
    """The mean is in the band nearly everywhere, also where the noise is uneven; the band is not much too wide."""
    inside = []
    for noise in (0.1, lambda x: 0.02 + 0.2 * (x > 0)):
        values, errors = _run(_learner(_wave, noise), 500).predict(_X, return_error=True)
        inside.append(np.mean(np.abs(values - _wave(_X)) <= errors))
        assert errors.mean() < 0.12
    assert min(inside) > 0.95
    values, errors = _run(_learner(_wave, lambda x: 0.02 + 0.2 * (x > 0)), 500).predict([-0.5, 0.5], return_error=True)
    assert errors[0] < errors[1] / 2


def test_a_narrow_peak_gets_more_samples() -> None:
    """Samples gather where the curve bends, and the peak is found."""
    learner = _run(_learner(_peak, 0.03), 600)
    near = sum(abs(x - 0.37) < 0.1 for x in learner.data) / learner.npoints
    assert near > 0.2
    assert learner.predict([0.37])[0] > 0.9


def test_repeats() -> None:
    """Places are repeated when they are much closer than the curve bends; `min_samples` and `max_samples` hold."""
    learner = _run(_learner(lambda x: 0.0 * x, 0.1), 600)
    assert learner.npoints < 0.8 * learner.nsamples
    three = _run(_learner(_wave, 0.1, min_samples=3), 150)
    counts = [len(samples) for samples in three.samples.values()]
    assert sorted(counts)[1] >= 3
    few = AverageLearner1D(Noisy(_wave, 0.1), (0, 20), integer=True, max_samples=4, mode="shared")
    asked = few.ask(200)[0]
    assert len(asked) == 84
    assert few.ask(1) == ([], [])


def test_one_by_one_and_together() -> None:
    """The points asked for together are those asked for one by one."""
    ours, theirs = _run(_learner(_wave, 0.1), 100), _run(_learner(_wave, 0.1), 100)
    assert ours.ask(12)[0] == [theirs.ask(1)[0][0] for _ in range(12)]


def test_error_goal() -> None:
    """A run ends when the band is narrow enough everywhere and nothing is hidden between places; it is an estimate."""
    learner = _learner(_wave, 0.1)
    assert learner.largest_error() == math.inf
    assert learner.claim() is None
    simple(learner, error_goal=0.12)
    claim = learner.claim()
    assert claim is not None
    assert claim.basis == "estimated"
    assert claim.error <= 0.12
    assert claim.resolution is not None
    assert 0.01 < claim.resolution <= 0.021
    assert np.abs(learner.predict(_X) - _wave(_X)).max() < 0.12


def test_outside_and_before() -> None:
    """Outside the bounds there is no value; with few samples the prediction is the line through them."""
    learner = _run(_learner(_wave, 0.1), 20)
    assert np.isfinite(learner.predict([0.1, 0.2])).all()
    assert np.isnan(_run(learner, 100).predict([-1.2, 1.2], return_error=True)).all()
    assert learner.predict([]).shape == (0,)
    good = _run(_learner(lambda x: 0.0 * x, 0.0, min_error=0.1), 100)
    more = good.ask(300)[0]  # until no gap is long
    assert len({x for _, x in more} - set(good.data)) == len(more) < 200
    assert good.ask(3) == ([], [])


def test_plot() -> None:
    """The plot has the means, the band and the curve."""
    hv = pytest.importorskip("holoviews")
    learner = _run(_learner(_wave, 0.1), 100)
    kinds = [type(element) for element in learner.plot()]
    assert kinds == [hv.Area, hv.Scatter, hv.Curve]
    assert [type(element) for element in _learner(_wave, 0.1).plot()] == kinds


def test_what_does_not_go_together() -> None:
    """A mode that does not exist, and a loss beside the shared mode, are refused."""
    wrong: Any = "both"
    with pytest.raises(ValueError, match="'separate' or 'shared'"):
        AverageLearner1D(noisy, (-1, 1), mode=wrong)
    with pytest.raises(ValueError, match="leave `loss_per_interval` out"):
        AverageLearner1D(noisy, (-1, 1), lambda xs, ys: 1.0, mode="shared")


def _told(mean: Any, noise: Any, places: int = 80) -> AverageLearner1D:
    learner = _learner(mean, noise)
    points = [(k, x) for k, x in enumerate(np.linspace(-1, 1, places).tolist())]
    learner.tell_many(points, [learner.function(point) for point in points])
    return learner


def test_what_is_read_off_is_that_of_the_curve() -> None:
    """Roots, extrema, slopes and the integral are those of the mean, within errors from the band."""
    learner = _told(lambda x: np.cos(4 * np.asarray(x)), 0.05, 300)
    turn, quarter = math.pi / 4, math.pi / 8
    turns, crossings = learner.extrema(), learner.roots()
    assert [each.kind for each in turns] == ["minimum", "maximum", "minimum"]
    for each, x, y in zip(turns, (-turn, 0.0, turn), (-1, 1, -1), strict=True):
        assert abs(each.x - x) < each.x_error < 0.1
        assert abs(each.value - y) < each.value_error < 0.1
    assert len(crossings) == 2
    for root, x in zip(crossings, (-quarter, quarter), strict=True):
        assert abs(root.x - x) < root.x_error < 0.02
    assert learner.predict([root.x for root in crossings]) == pytest.approx(0, abs=1e-9)
    slopes, errors = learner.derivative(_X, return_error=True)
    assert np.mean(np.abs(slopes + 4 * np.sin(4 * _X)) <= errors) > 0.95
    assert np.median(errors) < 0.8
    area, error = learner.integral()
    assert abs(area - math.sin(4) / 2) < error < 0.1
    assert slopes[1:-1] == pytest.approx(np.gradient(learner.predict(_X), _X)[1:-1], abs=0.05)


def test_read_off_a_logarithmic_scale() -> None:
    """On a logarithmic scale the root of the logarithm, its derivative and its integral are those with respect to x."""
    learner = AverageLearner1D(Noisy(np.log, 0.05), (0.03, 7), x_scale="log", mode="shared")
    points = [(k, x) for k, x in enumerate(np.geomspace(0.03, 7, 200).tolist())]
    learner.tell_many(points, [learner.function(point) for point in points])
    (root,) = learner.roots()
    assert abs(root.x - 1) < root.x_error < 0.1
    slope, error = learner.derivative([0.1, 3], return_error=True)
    assert (np.abs(slope - [10, 1 / 3]) < error).all()
    area, error = learner.integral()
    assert abs(area - (7 * math.log(7) - 7 - 0.03 * math.log(0.03) + 0.03)) < error < 0.5


@pytest.mark.parametrize("line", [(1e9, 0.0), (3.0, -1e7)])
def test_large_offsets_and_slopes(line: tuple[float, float]) -> None:
    """A straight line in the mean changes nothing but the line; without noise the band is as wide as rounding."""
    usual = _told(_wave, 0.1)
    other = _told(lambda x: line[0] + line[1] * np.asarray(x) + _wave(x), 0.1)
    values, errors = other.predict(_X, return_error=True)
    assert values - line[0] - line[1] * _X == pytest.approx(usual.predict(_X), abs=1e-4)
    assert errors == pytest.approx(usual.predict(_X, return_error=True)[1], rel=1e-2)
    exact = _told(lambda x: line[0] + line[1] * np.asarray(x), 0.0)
    values, errors = exact.predict(_X, return_error=True)
    assert (np.abs(values - line[0] - line[1] * _X) <= errors).all()
    assert errors.max() < 1e-12 * max(map(abs, line))


def test_the_band_holds_waves_that_the_spline_cannot_follow() -> None:
    """More waves than pieces: neighbouring samples show that the curve is wrong; the claim says what it resolves."""
    learner = _told(lambda x: np.cos(200 * np.asarray(x)), 0.1, 1500)
    values, errors = learner.predict(_X, return_error=True)
    assert np.mean(np.abs(values - np.cos(200 * _X)) <= errors) > 0.95
    assert _told(_wave, 0.1, 1500).predict(_X, return_error=True)[1].max() < 0.1
    assert learner.claim().resolution >= 0.0199  # type: ignore[union-attr]  # known by now


def test_gaps_come_before_repeats() -> None:
    """A run to an error ends where places are repeated early, and where neighbouring integers are far apart."""
    flat = _learner(lambda x: 1.0 + 0.0 * x, 0.1)
    simple(flat, goal=lambda learner: learner.largest_error() < 0.1 or learner.nsamples >= 600)
    assert flat.largest_error() < 0.1
    few = AverageLearner1D(Noisy(lambda x: np.sin(x / 6), 0.1), (-9, 9), integer=True, mode="shared")
    simple(few, goal=lambda learner: learner.largest_error() < 0.2 or learner.nsamples >= 600)
    assert few.largest_error() < 0.2
    assert few.npoints == 19


def test_a_run_to_an_error_ends_where_nothing_is_valid() -> None:
    """Not before samples at 40 x; without an error to reach samples go on."""
    learner = AverageLearner1D(lambda sample: math.nan, (-1, 1), mode="shared")
    runner = BlockingRunner(learner, error_goal=0.1, executor=SequentialExecutor())
    assert "none of the values at 40 points is valid" in runner.stop_reason
    assert not runner.goal_reached
    assert not learner.ask(1)[0]
    learner.set_error_goal(None)
    assert learner.ask(1)[0]


def test_parts_without_values() -> None:
    """A part without any valid sample has no mean and is left out of the error; single samples without are nothing."""

    def partly(x: Any) -> Any:
        return np.where(np.abs(np.asarray(x) - 0.6) < 0.25, np.nan, np.cos(4 * np.asarray(x)))

    learner = _told(partly, 0.05, 250)
    assert learner.largest_error() < 0.1
    claim = learner.claim()
    assert claim is not None
    assert 0.2 < claim.unpredicted < 0.26
    values, errors = learner.predict(_X, return_error=True)
    assert np.isnan(values[np.abs(_X - 0.6) < 0.23]).all()
    known = np.isfinite(partly(_X)) & np.isfinite(values)
    assert known.mean() > 0.72
    assert np.mean(np.abs(values - partly(_X))[known] <= errors[known]) > 0.98
    assert [round(turn.x, 1) for turn in learner.extrema()] == [-0.8, 0.0]
    chance = _told(lambda x: np.nan if int(1e4 * abs(math.sin(1e3 * x))) % 5 == 0 else 2 * x, 0.05, 401)
    assert 40 < chance.ninvalid < 120
    assert chance.largest_error() < 0.1
    assert np.isfinite(chance.predict(_X)).all()


def test_max_samples_everywhere() -> None:
    """Where no x may be repeated new ones are taken; where none is possible the run ends with the error bar."""
    learner = _run(_learner(_wave, 1.0, max_samples=2), 60)
    asked = [x for _, x in learner.ask(1000)[0]]
    assert len(asked) == 1000
    assert max(asked.count(x) for x in asked) == 2
    ended = BlockingRunner(
        AverageLearner1D(Noisy(_wave, 1.0), (0, 9), integer=True, max_samples=7, mode="shared"),
        error_goal=1e-3,
        executor=SequentialExecutor(),
    )
    assert re.search("not reached: the error bar is [0-9.]+ with as many samples .* allows, 7", ended.stop_reason or "")


@pytest.mark.parametrize("unit", [2.0**-990, 2.0**990])
def test_very_small_and_large_values(unit: float) -> None:
    """Values in another unit change nothing but the unit, even where their squares are 0 or infinite."""
    usual, other = _learner(_wave, 0.1), _learner(lambda x: unit * _wave(x), 0.1 * unit)
    points = [(k, x) for k, x in enumerate(np.linspace(-1, 1, 80).tolist())]
    usual.tell_many(points, [usual.function(point) for point in points])
    other.tell_many(points, [unit * y for y in usual.to_numpy()[:, 2].tolist()])
    assert (other.predict(_X) / unit).tolist() == usual.predict(_X).tolist()
    assert other.largest_error() / unit == usual.largest_error()
    assert other.ask(5) == usual.ask(5)
