"""The laws of `AverageLearner`."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptive_calib.learner.average_learner import AverageLearner
from adaptive_calib.testing.learners import LearnerContract


def _gauss(seed: int) -> float:
    return random.Random(seed).gauss(0.5, 1)


class TestContract(LearnerContract):
    def make(self) -> Any:
        return AverageLearner(_gauss, rtol=0.1)


def _run(learner: AverageLearner, n: int) -> AverageLearner:
    for _ in range(n):
        for seed in learner.ask(1)[0]:
            learner.tell(seed, _gauss(seed))
    return learner


# ------------------------------------------------------------------------------------------------------- known means


@pytest.mark.parametrize(
    ("tolerances", "npoints", "mean", "std", "loss"),
    [
        ({"rtol": 0.1}, 369, 0.52468813, 1.00528285, 0.99741),
        ({"atol": 0.1, "min_npoints": 50}, 96, 0.41453089, None, 0.99132),
    ],
)
def test_same_as_the_peer(tolerances: Any, npoints: int, mean: float, std: float | None, loss: float) -> None:
    """It stops where python-adaptive 1.5.2 stops, with the same mean, deviation and loss."""
    learner = AverageLearner(_gauss, **tolerances)
    while learner.loss() > 1:
        _run(learner, 1)
    assert learner.npoints == npoints
    assert learner.mean == pytest.approx(mean, abs=1e-8)
    assert learner.loss() == pytest.approx(loss, abs=1e-5)
    if std is not None:
        assert learner.std == pytest.approx(std, abs=1e-8)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40), st.floats(0.01, 10), st.floats(0.01, 10))
@settings(derandomize=True, deadline=None, max_examples=50)
def test_moments_and_loss(values: list[float], atol: float, rtol: float) -> None:
    """Mean, deviation, sums and loss are those of NumPy and of the formula; improvements follow from the loss."""
    learner = AverageLearner(abs, atol=atol, rtol=rtol)
    learner.tell_many(range(len(values)), values)
    n, mean, std = len(values), np.mean(values), np.std(values, ddof=1)
    size = max(map(abs, values), default=0) + 1
    assert learner.mean == pytest.approx(mean, abs=1e-12 * size)
    assert learner.std == pytest.approx(std, rel=1e-9, abs=1e-12 * size)
    assert learner.sum_f == pytest.approx(sum(values), abs=1e-11 * size * n)
    assert learner.sum_f_sq == pytest.approx(sum(y * y for y in values), rel=1e-9, abs=1e-11)
    error = learner.std / n**0.5
    assert learner.loss() == pytest.approx(max(error / atol, error / (rtol * (abs(learner.mean) or 1))))
    for k in (1, 3):
        _, improvements = learner.ask(k, tell_pending=False)
        assert improvements == pytest.approx([(learner.loss() - learner.loss(n=n + k)) / k] * k)


def test_large_values_keep_their_digits() -> None:
    """Values of 1e8 with deviation 1 have deviation 1, where sums of squares would say 0 and "converged"."""
    learner = AverageLearner(abs, atol=0.01)
    learner.tell_many(range(200), [1e8 + _gauss(seed) for seed in range(200)])
    assert learner.std == pytest.approx(np.std([_gauss(seed) for seed in range(200)], ddof=1), rel=1e-6)
    assert learner.loss() > 1


def test_expected_loss_counts_pending_seeds() -> None:
    """``loss(real=False)`` is the loss with as many samples as are told or pending."""
    learner = _run(AverageLearner(_gauss, atol=0.1), 20)
    learner.ask(5)
    assert learner.n_requested == 25
    assert learner.loss(real=False) == pytest.approx(learner.loss(n=25)) == pytest.approx(learner.loss() * 0.8**0.5)
    assert learner.loss(n=0) == math.inf


def test_without_data() -> None:
    """Without data the mean is NaN, deviation and loss are infinite."""
    learner = AverageLearner(_gauss, atol=0.1)
    assert math.isnan(learner.mean)
    assert learner.std == learner.loss() == math.inf
    assert learner.to_numpy().size == 0


def test_settings_may_change() -> None:
    """Tolerances and the least number of samples count from when they are set."""
    learner = _run(AverageLearner(_gauss, atol=0.1), 30)
    before = learner.loss()
    learner.atol = 0.2
    assert learner.loss() == pytest.approx(before / 2)
    learner.min_npoints = 31
    assert learner.loss() == math.inf
    learner.min_npoints = 1
    assert learner.min_npoints == 2
    learner.rtol = 0.001
    assert learner.loss() > before
    copied = learner.new()
    assert (copied.atol, copied.rtol, copied.min_npoints) == (0.2, 0.001, 2)


# ------------------------------------------------------------------------------------------------------------- seeds


def test_seeds_told_out_of_turn() -> None:
    """A seed that is taken is not asked for; in its place come the lowest free ones."""
    learner = AverageLearner(_gauss, atol=0.1)
    learner.tell(1, 0.0)
    assert learner.ask(1)[0] == [0]
    assert learner.ask(2)[0] == [2, 3]
    learner.tell_pending(6)
    assert learner.ask(2)[0] == [4, 5]
    assert learner.pending_points == {0, 2, 3, 4, 5, 6}
    assert learner.ask(1)[0] == [7]


@given(st.lists(st.tuples(st.sampled_from("askdtpfr"), st.integers(0, 12)), max_size=60))
@settings(derandomize=True, deadline=None, max_examples=150)
def test_seeds_against_sets(calls: list[tuple[str, int]]) -> None:
    """Whatever is called in whatever order, the bookkeeping of seeds is that of three plain sets."""
    learner = AverageLearner(_gauss, atol=0.1)
    told: set[int] = set()
    pending: set[int] = set()
    failed: set[int] = set()
    for call, k in calls:
        taken = told | pending | failed
        if call in "ask":
            n = k % 4
            following = list(range(len(taken), len(taken) + n))
            free = [seed for seed in range(len(taken) + n) if seed not in taken][:n]
            expected = free if taken & set(following) else following
            assert learner.ask(n, tell_pending=False)[0] == expected
            assert learner.ask(n)[0] == expected
            pending |= set(expected)
        elif call == "t" or (call == "d" and not pending):
            learner.tell(k, float(k))
            told.add(k)
            pending.discard(k)
            failed.discard(k)
        elif call == "d":
            seed = sorted(pending)[k % len(pending)]
            learner.tell(seed, float(seed))
            told.add(seed)
            pending.discard(seed)
        elif call == "p":
            learner.tell_pending(k)
            pending |= {k} - taken
        elif call == "f":
            learner.tell_failed(k)
            if k not in told:
                failed.add(k)
                pending.discard(k)
        else:
            learner.remove_unfinished()
            pending.clear()
        assert learner.pending_points == pending
        assert learner.failed_points == failed
        assert set(learner.data) == told
        assert learner.n_requested == len(told) + len(pending)


def test_invalid_values() -> None:
    """NaN and infinite values are counted, and mean and deviation are those of the others."""
    learner, valid = AverageLearner(_gauss, atol=0.1), AverageLearner(_gauss, atol=0.1)
    for seed in range(40):
        learner.tell(seed, (math.nan, math.inf, _gauss(seed), _gauss(seed))[seed % 4])
    valid.tell_many(range(20), [_gauss(seed) for seed in range(40) if seed % 4 > 1])
    assert (learner.npoints, learner.ninvalid) == (40, 20)
    assert (learner.mean, learner.std) == pytest.approx((valid.mean, valid.std))
    assert learner.loss() == pytest.approx(valid.loss())


# --------------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize("tolerances", [{}, {"atol": 0}, {"rtol": -1}, {"atol": math.nan}])
def test_bad_tolerances(tolerances: Any) -> None:
    """At least one tolerance is needed, and they are positive."""
    with pytest.raises(ValueError, match="tol"):
        AverageLearner(_gauss, **tolerances)


@pytest.mark.parametrize(("seed", "value"), [("a", 1.0), (1.5, 1.0), (None, 1.0), (3, "x"), (3, 1j), (3, [1.0, 2.0])])
def test_bad_seeds_and_values(seed: Any, value: Any) -> None:
    """A seed is an integer, a value a real number; else a TypeError, and nothing has changed."""
    learner = _run(AverageLearner(_gauss, atol=0.1), 3)
    with pytest.raises(TypeError, match="should be"):
        learner.tell(seed, value)
    assert learner.npoints == 3


def test_numpy_numbers() -> None:
    """NumPy's integers and floats, and whole numbers as values, are taken."""
    learner = AverageLearner(_gauss, atol=0.1)
    learner.ask(4)
    for seed, value in [(np.int64(0), np.float32(1.5)), (1, np.array(2.0)), (2, 3), (3, True)]:
        learner.tell(seed, value)
    assert learner.data == {0: 1.5, 1: 2.0, 2: 3.0, 3: 1.0}
    assert learner.to_numpy().tolist() == [[0, 1.5], [1, 2.0], [2, 3.0], [3, 1.0]]


@pytest.mark.parametrize("scale", [1e-320, 1e-300, 1e-170, 1e170, 1e300])
def test_unit_of_the_values(scale: float) -> None:
    """Mean, deviation and loss do not depend on the unit of the values: no square under- or overflows."""
    values = [random.Random(seed).gauss(1, 0.3) for seed in range(50)]
    learner, scaled = AverageLearner(None, rtol=1e-3), AverageLearner(None, rtol=1e-3)
    for seed, value in enumerate(values):
        learner.tell(seed, value)
        scaled.tell(seed, value * scale)
    digits = 0.02 if scale == 1e-320 else 1e-12
    assert scaled.mean == pytest.approx(learner.mean * scale, rel=digits)
    assert scaled.std == pytest.approx(learner.std * scale, rel=digits)
    assert scaled.loss() == pytest.approx(learner.loss(), rel=digits)


def test_values_from_both_ends_of_the_floats() -> None:
    """A large value after tiny ones, and one of the other sign, give finite moments."""
    learner = AverageLearner(None, rtol=1e-3)
    for seed, value in enumerate([1e-300, 2e-300, 1.2e308, -1.2e308, 0.0]):
        learner.tell(seed, value)
    assert learner.mean == pytest.approx(0.0, abs=1e295)
    assert learner.std == pytest.approx(1.2e308 / math.sqrt(2), rel=1e-12)
    widest = AverageLearner(None, rtol=1e-3)
    widest.tell(0, 1.7e308)
    widest.tell(1, -1.7e308)
    assert widest.mean == 0.0


@pytest.mark.parametrize("value", ["1.5", b"1.5", 1j, np.complex128(1 + 2j), [1.0], np.array([1.0]), None])
def test_values_that_are_no_numbers(value: Any) -> None:
    """Text, complex numbers and containers are refused, and nothing has changed."""
    learner = AverageLearner(None, atol=0.1)
    with pytest.raises(TypeError, match="real number"):
        learner.tell(0, value)
    assert learner.npoints == 0


def test_masked_value() -> None:
    """A masked value is invalid."""
    learner = AverageLearner(None, atol=0.1)
    learner.tell(0, np.ma.masked)
    learner.tell(1, 2.0)
    assert (learner.npoints, learner.ninvalid, learner.mean) == (2, 1, 2.0)
