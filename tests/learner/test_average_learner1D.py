"""`AverageLearner1D`: laws of every learner, and its own."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest
from scipy.stats import t

from adaptive_calib.learner.average_learner1D import AverageLearner1D
from adaptive_calib.testing.learners import LearnerContract


def noisy(point: tuple[int, float]) -> float:
    seed, x = point
    return x * x + 0.3 * random.Random(f"{seed} {float(x)!r}").gauss(0, 1)


def make(**parameters: Any) -> AverageLearner1D:
    return AverageLearner1D(noisy, (-1, 1), **parameters)


def run(learner: AverageLearner1D, n: int, batch: int = 1) -> None:
    for _ in range(n):
        for point in learner.ask(batch)[0]:
            learner.tell(point, learner.function(point))


class TestContract(LearnerContract):
    warm_up = 60

    def make(self) -> Any:
        return make(min_samples=4, delta=1)

    def scale_point(self, point: Any, x_factor: float) -> Any:
        return point[0], point[1] * x_factor

    def make_finite(self) -> Any:
        return AverageLearner1D(noisy, (0, 12), min_samples=3, max_samples=5, integer=True)


class TestContractLogarithmic(LearnerContract):
    warm_up = 60

    def make(self) -> Any:
        return AverageLearner1D(noisy, (0.01, 1), min_samples=4, delta=1, x_scale="log")


def test_error_is_the_confidence_interval() -> None:
    """The error at x is t·s/√m of its samples; far from zero, too, where sums of squares lose all digits."""
    learner = make(alpha=0.01)
    rng = random.Random(1)
    samples = [1e8 + rng.gauss(0, 1) for _ in range(30)]
    learner.tell_many_at_point(0.5, dict(enumerate(samples)))
    assert learner.data[0.5] == pytest.approx(np.mean(samples), rel=1e-15)
    expected = t.ppf(0.99, 29) * np.std(samples, ddof=1) / math.sqrt(30)
    assert learner.error == pytest.approx({0.5: expected}, rel=1e-6)
    learner.tell((0, 0.25), 3.0)
    assert learner.error[0.25] == math.inf
    assert next(iter(learner.error)) == 0.25


def test_rescaled_error() -> None:
    """The rescaled error is the error over the distance to the nearer neighbour, at any time."""
    learner = make(min_samples=3, delta=0.9)
    run(learner, 300)
    xs = sorted(learner.data)
    ys = [learner.data[x] for x in xs]
    steps = [math.inf, *np.hypot(np.diff(xs), np.diff(ys)), math.inf]
    expected = {x: learner.error[x] / min(steps[i], steps[i + 1]) for i, x in enumerate(xs)}
    assert len(xs) > 5
    assert learner.rescaled_error == pytest.approx({x: expected[x] for x in learner.rescaled_error})
    assert list(learner.rescaled_error.values()) == sorted(learner.rescaled_error.values(), reverse=True)


def test_the_worst_is_sampled_again() -> None:
    """With all x sampled enough, the largest rescaled error above delta is next, else a new x."""
    learner = make(min_samples=5, delta=0.5)
    run(learner, 200)
    for _ in range(200):
        if not learner._undersampled:
            worst, error = next(iter(learner.rescaled_error.items()))
            ((_, x),) = learner.ask(1, tell_pending=False)[0]
            assert (x == worst) if error > 0.5 else (x not in learner.data)
        run(learner, 1)


def test_losses_are_those_of_the_means() -> None:
    """After any samples the losses are those of a learner that is told the same samples in another order."""
    learner = make(min_samples=3, delta=0.9)
    run(learner, 200, batch=3)
    other = learner.new()
    points = [(seed, x) for x, samples in learner.samples.items() for seed in samples]
    random.Random(2).shuffle(points)
    for point in points:
        other.tell(point, noisy(point))
    assert other.losses == pytest.approx(learner.losses)
    assert other.data == pytest.approx(learner.data)
    assert other.loss() == pytest.approx(learner.loss())


def test_all_seeds_of_one_x() -> None:
    """One ask gives seeds of one x; seeds under way are not given twice, and lost ones are given again."""
    learner = make(min_samples=50)
    first, _ = learner.ask(4)
    assert first == [(0, -1), (1, -1), (2, -1), (3, -1)]
    learner.tell(first[1], 0.3)
    second, _ = learner.ask(3)
    assert second == [(4, -1), (5, -1), (6, -1)]
    learner.remove_unfinished()
    assert learner.ask(4)[0] == [(0, -1), (2, -1), (3, -1), (4, -1)]


def test_improvements() -> None:
    """A new x is worth the improvement of Learner1D, shared; an old one less with every sample."""
    learner = make(min_samples=2)
    points, improvements = learner.ask(4)
    assert improvements == [math.inf] * 4
    run(make(min_samples=2), 1)
    learner.tell_many(points, [noisy(point) for point in points])
    for seed in range(2):
        for x in (1.0, 0.0):
            learner.tell((seed, x), x)
    learner.delta = 1e-9
    ((_, x), _), gains = learner.ask(2, tell_pending=False)
    m = len(learner.samples[x])
    beside = [loss for interval, loss in learner.losses.items() if x in interval]
    mean = sum(beside) / 2 if len(beside) == 2 else math.inf
    assert gains == pytest.approx([mean / 2 * (1 - math.sqrt(m / (m + 2)))] * 2)


def test_limits_of_samples() -> None:
    """No x has more than max_samples; one with an error of at most min_error is not sampled again."""
    learner = make(min_samples=3, max_samples=7, delta=1e-6)
    run(learner, 200)
    assert {len(samples) for samples in learner.samples.values()} <= set(range(1, 8))
    exact = AverageLearner1D(lambda point: point[1], (-1, 1), min_samples=4, delta=1e-6)
    run(exact, 100)
    assert exact.min_samples_per_point == 4
    assert exact.rescaled_error == {}


def test_neighbors_set_the_least_number() -> None:
    """A new x between well-sampled neighbours stays undersampled until it has its share of their samples."""
    learner = make(min_samples=2, neighbor_sampling=0.5, delta=1)
    for x in (-1.0, 1.0):
        learner.tell_many_at_point(x, {seed: x + 1e-3 * (seed % 2) for seed in range(40)})
    asked = []
    while 0.0 not in learner.data or learner.ask(1, tell_pending=False)[0][0][1] == 0.0:
        run(learner, 1)
        asked.append(len(learner.samples[0.0]))
    assert asked[-1] == 21


def test_known_seeds_are_passed_over() -> None:
    """Samples told again, in any way, count once."""
    learner = make()
    samples = {seed: float(seed) for seed in range(5)}
    learner.tell_many_at_point(0.5, samples)
    error = learner.error[0.5]
    learner.tell_many_at_point(0.5, samples)
    learner.tell_many([(0, 0.5), (1, 0.5)], [9.0, 9.0])
    learner._set_data(learner._get_data())
    assert learner.nsamples == 5
    assert learner.error[0.5] == error
    assert samples == {seed: float(seed) for seed in range(5)}


def test_out_of_bounds() -> None:
    """`tell` keeps an x outside the bounds and uses it for nothing; bulk tells refuse it, and tell nothing."""
    learner = make()
    learner.tell((0, 5.0), 1.0)
    learner.tell((1, 5.0), 3.0)
    assert learner.data == {5.0: 2.0}
    assert learner.rescaled_error == {}
    with pytest.raises(ValueError, match="x value out of bounds"):
        learner.tell_many([(0, 0.5), (0, 2.0)], [1.0, 2.0])
    with pytest.raises(ValueError, match="x value out of bounds"):
        learner.tell_many_at_point(2.0, {0: 1.0})
    assert learner.npoints == 1


def test_invalid_samples() -> None:
    """Samples that are NaN are kept, and are no part of mean and error; an x of nothing else is not tried for ever."""
    learner = make(min_samples=4)
    learner.tell_many_at_point(0.5, {0: 1.0, 1: math.nan, 2: 3.0, 3: math.inf})
    assert learner.data[0.5] == 2.0
    assert len(learner.samples[0.5]) == 4
    half = AverageLearner1D(lambda point: math.nan if point[1] > 0 else noisy(point), (-1, 1), min_samples=4)
    run(half, 400)
    assert half.ninvalid >= 1
    invalid = {x for x, y in half.data.items() if math.isnan(y)} - half._undersampled
    assert not invalid & set(half.rescaled_error)
    assert half.nsamples == 400
    assert math.isfinite(half.loss())


def test_numpy() -> None:
    """Rows are (seed, x, y) by x and seed, or (x, mean)."""
    learner = make()
    learner.tell_many([(1, 0.5), (0, 0.5), (3, -0.5)], [3.0, 1.0, 7.0])
    assert learner.to_numpy().tolist() == [[3, -0.5, 7], [0, 0.5, 1], [1, 0.5, 3]]
    assert learner.to_numpy(mean=True).tolist() == [[-0.5, 7], [0.5, 2]]
    assert make().to_numpy().size == 0
    assert (learner.nsamples, learner.min_samples_per_point, learner.npoints) == (3, 1, 2)


def test_heaps_do_not_grow() -> None:
    """Sampling one x again and again keeps nothing but the samples."""
    learner = make(min_samples=2, delta=1e-9)
    for x in (-1.0, 1.0, 0.0):
        learner.tell_many_at_point(x, {0: x, 1: x + 0.1})
    for seed in range(2, 3000):
        learner.tell((seed, 0.0), random.Random(seed).random())
    assert len(learner._rescaled._queue) < 200
    assert len(learner._intervals._heap) < 400


@pytest.mark.parametrize(
    "parameters",
    [
        {"delta": 0},
        {"delta": 2},
        {"alpha": 0},
        {"alpha": 1.5},
        {"neighbor_sampling": 0},
        {"neighbor_sampling": 2},
        {"min_samples": -1},
        {"min_samples": 10, "max_samples": 5},
    ],
)
def test_bad_parameters(parameters: dict[str, Any]) -> None:
    """Parameters out of their ranges are refused."""
    with pytest.raises(ValueError, match="should"):
        make(**parameters)


@pytest.mark.parametrize(("point", "value"), [((0, 0.1), "1"), ((0, 0.1), [1.0]), (0.1, 1.0), ((0, "x"), 1.0)])
def test_bad_samples(point: Any, value: Any) -> None:
    """What is no sample or no point is a TypeError, and nothing has changed."""
    learner = make()
    with pytest.raises(TypeError, match="should be"):
        learner.tell(point, value)
    assert learner.npoints == 0


def test_parameters_may_change() -> None:
    """Parameters are attributes that may be changed between two runs; pickles keep them."""
    learner = make()
    learner.delta, learner.min_error, learner.max_samples, learner.alpha = 0.1, 0.05, 1000, 0.1
    assert learner.new().max_samples == 1000
    learner.tell_many_at_point(0.0, {0: 1.0, 1: 2.0, 2: 4.0})
    before = learner.error[0.0]
    learner.alpha = 0.01
    assert learner.error[0.0] > before


def test_without_valid_values_and_with_failed_points() -> None:
    """On the way to an error goal a value may follow an invalid one or a failure; looking ahead changes nothing."""
    rng = random.Random(0)
    learner = AverageLearner1D(noisy, (0, 1), min_samples=3, alpha=1)
    learner.set_error_goal(0.1)
    for _ in range(300):
        assert learner.ask(3, tell_pending=False) == learner.ask(3, tell_pending=False)
        for point in learner.ask(1)[0]:
            if rng.random() < 0.2:
                learner.tell_failed(point)
            else:
                learner.tell(point, math.nan if rng.random() < 0.4 else 1.0)
    assert learner.nsamples > 200
