"""`largest_error()`, what ``error_goal=`` waits for: infinite while nothing is known, and near the truth at the end."""

from __future__ import annotations

import math
import pickle
import random
from functools import partial
from operator import itemgetter

import numpy as np
import pytest

from adaptive_calib.engine.goals import LargestError
from adaptive_calib.learner.average_learner import AverageLearner
from adaptive_calib.learner.average_learner1D import AverageLearner1D
from adaptive_calib.learner.balancing_learner import BalancingLearner
from adaptive_calib.learner.base_learner import BaseLearner
from adaptive_calib.learner.data_saver import DataSaver
from adaptive_calib.learner.integrator_learner import IntegratorLearner
from adaptive_calib.learner.learner1D import Learner1D
from adaptive_calib.learner.sequence_learner import SequenceLearner
from adaptive_calib.runner import BlockingRunner, SequentialExecutor, simple


def gauss(seed: int, centre: float = 0.5) -> float:
    return random.Random(f"{seed} {centre}").gauss(centre, 1)


def cube(x: float) -> float:
    return x**3


def noisy_cube(point: tuple[int, float], salt: int = 0) -> float:
    seed, x = point
    return cube(x) + random.Random(f"{seed} {x!r} {salt}").gauss(0, 0.1)


def record(x: float) -> dict[str, float]:
    return {"y": cube(x)}


MAKERS = [
    pytest.param(lambda: AverageLearner(gauss, atol=1.0), 0.1, id="average"),
    pytest.param(lambda: AverageLearner1D(noisy_cube, (-1, 1), min_samples=5), 0.2, id="average1D"),
    pytest.param(lambda: IntegratorLearner(math.exp, (0, 1), tol=1e-3), 1e-9, id="integrator"),
    pytest.param(lambda: DataSaver(Learner1D(record, (-1, 1)), itemgetter("y")), 0.01, id="saver"),
    pytest.param(lambda: BalancingLearner([Learner1D(f, (-1, 1)) for f in (cube, math.exp)]), 0.01, id="balancing"),
]


@pytest.mark.parametrize(("make", "goal"), MAKERS)
def test_error_goal_ends_a_run(make, goal):
    """Infinite before the first value; the run ends when the error is at most the goal, and says on what that rests."""
    learner = make()
    assert learner.largest_error() == math.inf
    runner = BlockingRunner(learner, error_goal=goal, executor=SequentialExecutor())
    assert learner.largest_error() <= goal
    checks = hasattr(learner, "set_error_goal")
    estimated = isinstance(learner, IntegratorLearner) or not checks  # that of an integral is an estimate
    words = "estimated error " if not checks else "error about" if estimated else "error at most"
    assert runner.stop_reason.startswith(f"goal reached: {words}")
    claim = learner.claim()
    assert claim.is_checked == checks
    assert claim.basis == ("estimated" if estimated else "checked")
    assert claim.error <= goal


def test_of_a_mean_it_is_the_standard_error():
    """The absolute standard error, whatever the tolerances; the true mean is within two of them in 95 % of the runs."""
    within = 0
    for k in range(400):
        learner = AverageLearner(gauss, atol=0.5, rtol=1e-3)
        for seed in range(40):
            learner.tell(seed, gauss(seed + 1000 * k))
        assert learner.largest_error() == pytest.approx(learner.std / math.sqrt(40))
        within += abs(learner.mean - 0.5) <= 2 * learner.largest_error()
    assert within / 400 == pytest.approx(0.95, abs=0.03)
    one_tolerance = AverageLearner(gauss, atol=0.5)
    one_tolerance.tell_many(range(9), map(gauss, range(9)))
    assert one_tolerance.largest_error() == pytest.approx(one_tolerance.loss() * 0.5)


def test_a_mean_of_few_samples_is_not_known():
    """Below `min_npoints` samples the error is infinite."""
    learner = AverageLearner(gauss, atol=1.0, min_npoints=4)
    for seed in range(4):
        assert learner.largest_error() == math.inf
        learner.tell(seed, gauss(seed))
    assert learner.largest_error() < math.inf


@pytest.mark.parametrize("salt", range(6))
def test_a_noisy_line_is_as_good_as_it_says(salt):
    """The line through the means is nowhere further from the truth than estimated, and the estimate is of its size."""
    learner = AverageLearner1D(partial(noisy_cube, salt=salt), (-1, 1), min_samples=10)
    simple(learner, error_goal=0.12)
    x = np.linspace(-1, 1, 1001)
    truth = np.abs(learner.predict(x) - cube(x)).max()
    assert truth <= learner.largest_error() <= 0.12 < 12 * truth


def test_without_noise_a_noisy_line_is_a_line():
    """Where all samples agree there are no error bars, and the estimate is that of `Learner1D`."""
    noisy, plain = AverageLearner1D(noisy_cube, (-1, 1)), Learner1D(cube, (-1, 1))
    for x in np.linspace(-1, 1, 33).tolist():
        noisy.tell_many_at_point(x, {0: cube(x), 1: cube(x)})
        plain.tell(x, cube(x))
    assert noisy.largest_error() == plain.largest_error() > 0


def test_a_single_sample_says_nothing():
    """One x with one sample makes the error infinite; a second sample there, finite; more samples, smaller."""
    learner = AverageLearner1D(noisy_cube, (-1, 1))
    for x in np.linspace(-1, 1, 33).tolist():
        learner.tell_many_at_point(x, {seed: noisy_cube((seed, x)) for seed in range(5)})
    few = learner.largest_error()
    learner.tell((0, 0.01), noisy_cube((0, 0.01)))
    assert learner.largest_error() == math.inf
    learner.tell((1, 0.01), noisy_cube((1, 0.01)))
    assert learner.largest_error() < math.inf
    for x in list(learner.data):
        learner.tell_many_at_point(x, {seed: noisy_cube((seed, x)) for seed in range(200)})
    assert learner.largest_error() < few / 3


def test_a_point_without_any_value_is_left_out():
    """Where the function is never finite nothing is claimed, once that is a thousandth of the domain."""
    learner = AverageLearner1D(noisy_cube, (-1, 1), min_samples=2)
    for x in np.linspace(-1, 1, 33).tolist():
        learner.tell_many_at_point(x, {seed: noisy_cube((seed, x)) for seed in range(5)})
    learner.tell((0, 0.01), math.nan)
    assert learner.largest_error() == math.inf  # the next sample may have a value
    for seed in range(1, 9):
        learner.tell((seed, 0.01), math.nan)
    assert learner.largest_error() == math.inf  # nothing is known between it and its neighbours
    for x in (0.0085, 0.0115):
        learner.tell_many_at_point(x, {seed: noisy_cube((seed, x)) for seed in range(5)})
    assert learner.largest_error() < math.inf


@pytest.mark.parametrize("f", [math.exp, math.sqrt, lambda x: 1 / (1 + 100 * x * x)])
def test_an_integral_is_as_good_as_it_says(f):
    """The estimate is never below the true error, but for rounding."""
    best = IntegratorLearner(f, (0, 1), tol=1e-13)
    simple(best)
    learner = IntegratorLearner(f, (0, 1), tol=1e-13)
    while not learner.done():
        for x in learner.ask(1)[0]:
            learner.tell(x, f(x))
        assert learner.largest_error() == learner.err
        assert abs(learner.igral - best.igral) <= learner.largest_error() + 1e-14


def test_of_many_learners_it_is_the_worst():
    """After each tell the largest estimate of a child, weights not counted; in a copy, too."""
    children = [Learner1D(f, (-1, 1)) for f in (cube, math.exp, math.sin)]
    learner = BalancingLearner(children, weights=[1, 3, 1])
    for _ in range(150):
        for index, x in learner.ask(1)[0]:
            learner.tell((index, x), children[index].function(x))
        assert learner.largest_error() == max(child.largest_error() for child in children)
    assert learner.largest_error() < math.inf
    assert pickle.loads(pickle.dumps(learner)).largest_error() == learner.largest_error()
    nested = BalancingLearner([BalancingLearner(children), DataSaver(Learner1D(record, (-1, 1)), itemgetter("y"))])
    assert nested.largest_error() == math.inf
    assert nested.learners[0].largest_error() == learner.largest_error()


class Unsure(SequenceLearner):
    """Says NaN."""

    def largest_error(self) -> float:
        return math.nan


def test_not_a_number_means_that_nothing_is_known():
    """A child that says NaN does not hide behind the others."""
    assert BalancingLearner([Unsure(abs, [1]), Learner1D(abs, (0, 1))]).largest_error() == math.inf


@pytest.mark.parametrize(
    ("learner", "words"),
    [
        (SequenceLearner(abs, [1]), "SequenceLearner does not"),
        (DataSaver(SequenceLearner(abs, [1]), abs), "'SequenceLearner' object has no attribute 'largest_error'"),
        (BalancingLearner([Learner1D(abs, (0, 1)), SequenceLearner(abs, [1])]), "child 1, a SequenceLearner, has not"),
        (DataSaver(BalancingLearner([SequenceLearner(abs, [1])]), abs), "child 0, a SequenceLearner, has not"),
        (BalancingLearner([DataSaver(SequenceLearner(abs, [1]), abs)]), "child 0, a DataSaver, has not"),
    ],
)
def test_what_cannot_estimate_does_not_claim_to(learner: BaseLearner, words):
    """A learner without an estimate, however wrapped, is refused, and the message names the one that lacks it."""
    assert not hasattr(learner, "largest_error")
    with pytest.raises(TypeError, match="Use loss_goal= instead") as caught:
        LargestError.of(learner, 0.1)
    assert words in str(caught.value)


def test_of_a_pole_it_is_not_less_than_predictions_say():
    """Losses relative to huge values are all below rounding; the largest error is that of the worst interval."""
    learner = Learner1D(lambda x: 1 / (x - 0.123), (-1, 1), mode="smooth")
    xs = (np.linspace(-1, 1, 60), 0.123 + 2.0 ** np.arange(-8.0, -50.0, -1), 0.123 - 2.0 ** np.arange(-8.0, -50.0, -1))
    learner.tell_many(points := np.concatenate(xs).tolist(), [learner.function(x) for x in points])
    errors = learner.predict(np.linspace(-0.99, 0.99, 500), return_error=True)[1]
    assert learner.largest_error() >= errors.max() > 1e-3
