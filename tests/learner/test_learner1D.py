"""`Learner1D`: domains, invalid and failed points, exploration, bulk, prediction, bad input."""

from __future__ import annotations

import gzip
import math
import pickle
import random
import sys
import tracemalloc
from typing import Any

import cloudpickle
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptive_calib.learner.learner1D import (
    Learner1D,
    curvature_loss_function,
    resolution_loss_function,
    smooth_loss,
    triangle_loss,
    uniform_loss,
    uses_nth_neighbors,
)


def peak(x: float) -> float:
    return x + 0.01**2 / (0.01**2 + (x - 0.1) ** 2)


def run(learner: Learner1D, n: int) -> list[float]:
    asked = []
    for _ in range(n):
        for x in learner.ask(1)[0]:
            asked.append(x)
            learner.tell(x, learner.function(x))
    return asked


@uses_nth_neighbors(2)
def wide(xs: Any, ys: Any) -> float:
    known = [y for y in ys if y is not None]
    return float(max(known) - min(known)) + 0.1 * float(xs[3] - xs[2])


# -- the state behind it: the same as computing everything from nothing ------------------------------------------------


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.sampled_from("atpfdbkrv"), st.integers(0, 64), st.integers(1, 4)), max_size=40),
    st.sampled_from([None, uniform_loss, curvature_loss_function(), wide]),
    st.sampled_from([{}, {"integer": True}, {"x_scale": "log"}, {"min_spacing": 3.0}, {"exploration": 0.4}]),
)
def test_any_history(history: list[tuple[str, int, int]], loss: Any, parameters: dict[str, Any]) -> None:
    """After any calls the losses are those of the points known, and pieces share the losses of their intervals."""
    learner = Learner1D(lambda x: float((x * 37) % 11) + x, (1, 65), loss, **parameters)
    learner._recompute_losses_factor = 1
    out: list[float] = []
    for what, place, n in history:
        x = place + 1
        if what in "ab":
            out += learner.ask(n)[0]
        elif what == "t" and out:
            z = out.pop(place % len(out))
            learner.tell(z, learner.function(z))
        elif what == "p":
            learner.tell_pending(x)
        elif what == "f":
            learner.tell(x, learner.function(x))
        elif what == "d" and out:
            learner.tell_failed(out.pop(place % len(out)))
        elif what == "k":
            learner = cloudpickle.loads(cloudpickle.dumps(learner))
        elif what == "r":
            learner.remove_unfinished()
            out = []
        elif what == "v":
            learner.tell(x, math.nan)
        check(learner, loss)


def check(learner: Learner1D, loss: Any) -> None:
    """Compare a learner with one that is told everything at once."""
    fresh = Learner1D(learner.function, learner.bounds, loss, **learner._parameters)
    fresh._recompute_losses_factor = 1
    for x in learner.failed_points:
        fresh.tell_failed(x)
    fresh.tell_many(list(learner.data), list(learner.data.values()), force=True)
    for x in sorted(learner.pending_points):
        fresh.tell_pending(x)
    assert learner.losses == pytest.approx(fresh.losses)
    assert learner.losses_combined == pytest.approx(fresh.losses_combined)
    assert learner.neighbors == fresh.neighbors
    assert learner.neighbors_combined == fresh.neighbors_combined
    assert learner.pending_points == fresh.pending_points
    for real in (True, False):
        assert learner.loss(real) == pytest.approx(fresh.loss(real))
    if not learner._parameters["exploration"]:
        ours, theirs = learner.ask(6, tell_pending=False), fresh.ask(6, tell_pending=False)
        assert ours[0] == pytest.approx(theirs[0])
        assert ours[1] == pytest.approx(theirs[1])


def test_tell_order_through_the_file() -> None:
    """A loaded learner has the losses that telling in that order gave, with the scale of that time."""
    for loss in (None, curvature_loss_function()):
        learner = Learner1D(lambda x: math.exp(5 * x), (-1, 1), loss)
        run(learner, 150)
        loaded = learner.new()
        loaded._set_data(learner._get_data())
        assert loaded.losses == pytest.approx(learner.losses, rel=1e-12)
        assert run(loaded, 40) == run(learner, 40)


# -- domains -----------------------------------------------------------------------------------------------------------


def test_logarithmic_scale() -> None:
    """On a logarithmic scale x is halved by ratios, and the learner does what one of ln x does."""
    learner = Learner1D(lambda x: math.log(x), (1, 10_000), x_scale="log")
    assert run(learner, 5) == pytest.approx([1, 10_000, 100, 10, 1000])
    ours = Learner1D(lambda x: peak(math.log(x)), (math.exp(-1), math.exp(1)), x_scale="log")
    theirs = Learner1D(peak, (-1, 1))
    assert np.log(run(ours, 60)) == pytest.approx(run(theirs, 60), abs=1e-12)


def test_told_points_keep_their_names() -> None:
    """On a logarithmic scale points under way and told are the very numbers that were given."""
    learner = Learner1D(math.log, (0.1, 7.3), x_scale="log")
    xs = [0.1, 7.3, 0.3, 0.7]
    for x in xs:
        learner.tell_pending(x)
    assert learner.pending_points == set(xs)
    for x in xs:
        learner.tell(x, math.log(x))
    assert list(learner.neighbors) == sorted(xs)
    assert learner.pending_points == set()


def test_points_are_no_coordinates() -> None:
    """On a logarithmic scale a told x is not taken for the point under way whose logarithm it is."""
    learner = Learner1D(math.log, (1, 100), x_scale="log")
    run(learner, 2)
    (asked,), _ = learner.ask(1)
    told = math.log(asked)
    learner.tell(told, 0.5)
    assert learner.pending_points == {asked}
    assert list(learner.neighbors) == [1, told, 100]


@pytest.mark.parametrize("x_scale", ["linear", "log"])
@pytest.mark.parametrize("batch", [1, 3, 50])
def test_integers(x_scale: Any, batch: int) -> None:
    """Every integer is asked for once, as an int, and then nothing is left."""
    learner = Learner1D(lambda n: 1 / n, (1, 40), x_scale=x_scale, integer=True)
    asked: list[float] = []
    while not learner.exhausted():
        xs, improvements = learner.ask(batch)
        assert len(xs) == len(improvements) > 0
        asked += xs
        for x in xs:
            learner.tell(x, learner.function(x))
    assert all(type(x) is int for x in asked)
    assert sorted(asked) == list(range(1, 41))
    assert learner.ask(5) == ([], [])
    assert learner.loss() == 0


@pytest.mark.parametrize("ways", [{}, {"x_scale": "log"}])
def test_minimum_spacing(ways: Any) -> None:
    """No two asked points are nearer than the minimum spacing; then nothing is left."""
    learner = Learner1D(lambda x: 1 / (x - 3.0001), (1, 5), min_spacing=0.02, **ways)
    for n in (1, 4, 30) * 40:
        for x in learner.ask(n)[0]:
            learner.tell(x, learner.function(x))
    assert learner.exhausted()
    xs = np.sort(list(learner.data))
    u = np.log(xs) if ways else xs
    assert np.diff(u).min() >= 0.02 * (1 - 1e-6)
    assert np.diff(u).max() < 0.04


def test_exploration() -> None:
    """With a share of exploration a singularity does not take all points, and the share is kept."""
    pole = lambda x: 1 / (abs(x - 0.3) + 1e-9)  # noqa: E731  # a name for two learners
    greedy, exploring = Learner1D(pole, (-1, 1)), Learner1D(pole, (-1, 1), exploration=0.25)
    run(greedy, 60)
    run(exploring, 60)
    gaps = [np.diff(np.sort(list(learner.data))).max() for learner in (greedy, exploring)]
    assert gaps[1] <= 0.25 < gaps[0]
    even = Learner1D(pole, (-1, 1), exploration=1)
    run(even, 65)
    assert np.diff(np.sort(list(even.data))) == pytest.approx(1 / 32)


# -- invalid and failed ------------------------------------------------------------------------------------------------


LOSSES = (None, uniform_loss, triangle_loss, curvature_loss_function(), resolution_loss_function(), smooth_loss)


@pytest.mark.parametrize("loss", LOSSES)
def test_invalid_region(loss: Any) -> None:
    """A region without values takes its share of points, no more, and no part in the scale."""
    learner = Learner1D(lambda x: math.nan if x < 0 else math.sin(5 * x), (-1, 1), loss)
    run(learner, 257)
    assert 5 < learner.ninvalid <= 150
    assert learner.ninvalid == sum(math.isnan(y) for y in learner.data.values())
    assert math.isfinite(learner.loss())
    edge = [x for x in learner.data if abs(x) < 0.1]
    assert len(edge) > 3


def test_infinite_values_are_invalid() -> None:
    """A value that is infinite, or a vector with such a component, is kept and left out of the scale."""
    learner = Learner1D(lambda x: x, (0, 1))
    for x, y in ((0, 0.0), (1, 1.0), (0.5, math.inf), (0.25, -math.inf)):
        learner.tell(x, y)
    assert learner.ninvalid == 2
    assert learner.losses == pytest.approx({(0, 0.25): 0.25, (0.25, 0.5): 0.25, (0.5, 1): 0.5})
    vectors = Learner1D(lambda x: x, (0, 1))
    vectors.tell(0, (0.0, 1.0))
    vectors.tell(1, (math.nan, 1e9))
    vectors.tell(0.5, math.nan)
    vectors.tell(0.7, (1.0, 3.0))
    assert vectors.ninvalid == 2
    assert vectors.vdim == 2
    assert vectors.to_numpy().shape == (4, 3)


def test_huge_values() -> None:
    """Finite values whose range overflows are no reason for NaN."""
    learner = Learner1D(lambda x: 1.5e308 if x > 0.1 else -1.5e308, (-1, 1))
    run(learner, 50)
    assert not math.isnan(learner.loss())
    assert len(learner.data) == 50


def test_failed_bound() -> None:
    """A bound that failed for good is not waited for, and the learner goes on."""
    learner = Learner1D(peak, (-1, 1))
    xs, _ = learner.ask(2)
    learner.tell_failed(xs[0])
    learner.tell(xs[1], peak(xs[1]))
    run(learner, 30)
    assert math.isfinite(learner.loss())
    assert xs[0] not in learner.data
    assert learner.npoints == 31


# -- outside, integers as values, scalars ------------------------------------------------------------------------------


def test_points_outside() -> None:
    """Points outside the bounds are kept and counted, and nothing else, in bulk too; pending ones are ignored."""
    for bulk in (False, True):
        learner = Learner1D(peak, (-1, 1))
        xs = [-2, 0, 1, -1]
        if bulk:
            learner.tell_many(xs, map(peak, xs))
        else:
            for x in xs:
                learner.tell(x, peak(x))
        learner.tell_pending(5)
        assert learner.npoints == 4
        assert learner.pending_points == set()
        assert list(learner.neighbors) == [-1, 0, 1]
        assert all(-1 <= x <= 1 for x in learner.ask(10)[0])
    only = Learner1D(peak, (-1, 1))
    only.tell(3, 1.0)
    xs, _ = only.ask(3)
    assert len(set(xs)) == 3
    assert {-1, 1} < set(xs)


def test_loss_waits_for_both_bounds() -> None:
    """The loss is infinite until both bounds are told, not only pending."""
    learner = Learner1D(peak, (0, 1))
    learner.ask(2)
    learner.tell(0, 1.0)
    learner.tell(0.5, 1.0)
    assert learner.loss() == math.inf
    learner.tell(1, 1.0)
    assert learner.loss() == 0.5


def test_numbers_of_all_kinds() -> None:
    """Integers, booleans, NumPy scalars and 0-d arrays are numbers; vectors become float arrays of their own."""
    learner = Learner1D(peak, (0, 8))
    values = [1, True, np.float32(0.5), np.int64(3), np.float64(2.5), np.array(1.5), np.array(7), 2.0, np.uint8(3)]
    for x, y in enumerate(values):
        learner.tell(x, y)
    assert [float(y) for y in learner.data.values()] == [float(y) for y in values]
    assert all(isinstance(y, (int, float)) for y in learner.data.values())
    given = np.array([1.0, 2.0])
    vectors = Learner1D(peak, (0, 8))
    vectors.tell(1, given)
    vectors.tell(2, [3, 4])
    given[0] = 99
    assert [list(y) for y in vectors.data.values()] == [[1.0, 2.0], [3.0, 4.0]]
    assert vectors.vdim == 2


def test_copies_share_nothing() -> None:
    """`copy_from` takes vectors by value."""
    source = Learner1D(lambda x: np.array([x, x * x]), (0, 1))
    run(source, 5)
    copied = source.new()
    copied.copy_from(source)
    next(iter(copied.data.values()))[0] = 77
    assert all(77 not in y for y in source.data.values())


# -- bulk --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", [None, curvature_loss_function()])
def test_bulk_is_telling_with_the_scale_of_now(loss: Any) -> None:
    """`tell_many` gives the losses that all values together give, and passes over what is told."""
    rng = random.Random(3)
    xs = [-1.0, 1.0, *(rng.uniform(-1, 1) for _ in range(200))]
    ours, theirs = Learner1D(peak, (-1, 1), loss), Learner1D(peak, (-1, 1), loss)
    theirs._recompute_losses_factor = 1
    ours.ask(5)
    theirs.ask(5)
    ours.tell(xs[3], peak(xs[3]))
    ours.tell_many(iter(xs), (peak(x) + (x == xs[3]) for x in xs))
    for x in xs:
        theirs.tell(x, peak(x))
    assert ours.data == theirs.data
    assert ours.losses == pytest.approx(theirs.losses)
    assert ours.ask(20) == theirs.ask(20)


def test_a_bad_value_in_bulk_changes_nothing() -> None:
    """If one value cannot be taken, none is."""
    learner = Learner1D(peak, (-1, 1))
    run(learner, 5)
    before = dict(learner.data)
    for bad in (None, "1", 1j, [1.0, 2.0], [[1.0]]):
        with pytest.raises((TypeError, ValueError)):
            learner.tell_many([0.1, 0.2, 0.3, 0.4], [1.0, 2.0, 3.0, bad])
    with pytest.raises(ValueError, match="as many values"):
        learner.tell_many([0.1, 0.2, 0.3, 0.4], [1.0])
    assert learner.data == before
    assert set(learner.neighbors) == set(before)


def test_memory_and_file() -> None:
    """A point takes at most 350 bytes of memory, and 30 bytes in a file."""
    n = 20_000
    rng = random.Random(4)
    xs = [0.0, 1.0, *(rng.random() for _ in range(n - 2))]
    tracemalloc.start()
    try:
        learner = Learner1D(peak, (0, 1))
        before = tracemalloc.get_traced_memory()[0]
        learner.tell_many([x * 1.0000001 % 1 for x in xs] + [1.0], [peak(x) for x in xs] + [0.5])
        after = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert (after - before) / n < 350
    assert len(gzip.compress(cloudpickle.dumps(learner._get_data()))) / n < 30


def test_cost_does_not_grow() -> None:
    """Asking and telling touch no more objects at 4000 points than at 400, but for the logarithm in the heap."""
    counts = []
    for n in (400, 4000):
        learner = Learner1D(peak, (-1, 1))
        run(learner, n)
        calls = 0

        def count(frame: Any, event: str, argument: Any) -> None:
            nonlocal calls
            calls += event in ("call", "c_call")

        sys.setprofile(count)
        try:
            run(learner, 50)
        finally:
            sys.setprofile(None)
        counts.append(calls)
    assert counts[1] <= 1.1 * counts[0]


def test_cost_does_not_grow_with_points_under_way() -> None:
    """With ten times as many points under way an ask and a tell touch at most three times as many objects.

    Not fewer: which structures are kept depends on the history, at a constant factor.
    """
    counts = []
    for n in (200, 2000):
        learner = Learner1D(peak, (-1, 1))
        out = list(learner.ask(n)[0])
        rng = random.Random(1)
        calls = 0

        def count(frame: Any, event: str, argument: Any) -> None:
            nonlocal calls
            calls += event in ("call", "c_call")

        for _ in range(2 * n):
            x = out.pop(rng.randrange(len(out)))
            learner.tell(x, peak(x))
            out += learner.ask(1)[0]
            learner.loss()
        sys.setprofile(count)
        try:
            for _ in range(200):
                x = out.pop(rng.randrange(len(out)))
                learner.tell(x, peak(x))
                out += learner.ask(1)[0]
                learner.loss()
        finally:
            sys.setprofile(None)
        counts.append(calls)
    assert counts[1] <= 3 * counts[0]


# -- prediction --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["linear", "smooth"])
def test_predict(mode: Any) -> None:
    """The interpolant goes through the points, keeps shapes, and is NaN where nothing is known."""
    learner = Learner1D(lambda x: math.nan if x > 0.9 else math.cos(3 * x), (-1, 1), mode=mode)
    assert np.isnan(learner.predict(0.3))
    run(learner, 60)
    xs = np.sort(list(learner.data))
    valid = xs[xs <= 0.9]
    assert learner.predict(valid) == pytest.approx(np.cos(3 * valid))
    value, error = learner.predict(valid, return_error=True)
    assert (error == 0).all()
    value, error = learner.predict([[0.1, 0.2, 0.3], [5.0, 0.97, -0.5]], return_error=True)
    assert value.shape == error.shape == (2, 3)
    assert np.isnan(value[1, :2]).all()
    assert np.isnan(error[1, :2]).all()
    assert np.abs(value[0] - np.cos(3 * np.array([0.1, 0.2, 0.3]))).max() < 0.02
    vectors = Learner1D(lambda x: (x, x * x), (0, 1), mode=mode)
    run(vectors, 20)
    assert vectors.predict(np.linspace(0, 1, 7)).shape == (7, 2)
    assert vectors.predict(0.3) == pytest.approx([0.3, 0.09], abs=1e-2)


def test_predict_on_a_logarithmic_scale() -> None:
    """On a logarithmic scale the segments are straight in ln x, and told points are met exactly."""
    learner = Learner1D(lambda x: math.log10(x), (1, 1000), x_scale="log")
    run(learner, 7)
    assert learner.predict([1, 10, 31.6, 1000]) == pytest.approx(np.log10([1, 10, 31.6, 1000]))
    assert list(learner.predict(list(learner.data))) == list(learner.data.values())


@pytest.mark.parametrize("f", [np.sin, np.exp, lambda x: 1 / (1 + 9 * x * x), lambda x: abs(x - 0.123)])
def test_error_of_segments(f: Any) -> None:
    """The estimated error of straight segments is about the true one, interval by interval, and not far below."""
    learner = Learner1D(lambda x: float(f(x)), (-2, 2))
    run(learner, 200)
    xs = np.linspace(-2, 2, 20_001)
    value, error = learner.predict(xs, return_error=True)
    truth = np.abs(value - f(xs))
    assert truth.max() <= 1.2 * learner.largest_error()
    assert (truth <= 2 * error + 1e-9).mean() > 0.99
    assert learner.largest_error() < 100 * truth.max()


# -- familiar attributes and bad input ---------------------------------------------------------------------------------


def test_familiar_attributes() -> None:
    """`losses`, `neighbors` and their kin are mappings as python-adaptive's, from the largest loss down."""
    learner = Learner1D(lambda x: x * x, (0, 1))
    for x in (0, 1, 0.5):
        learner.tell(x, x * x)
    learner.tell_pending(0.75)
    assert list(learner.losses) == [(0.5, 1), (0, 0.5)]
    assert next(iter(learner.losses_combined)) == (0, 0.5)
    assert set(learner.losses_combined) == {(0, 0.5), (0.5, 0.75), (0.75, 1)}
    assert learner.neighbors == {0: [None, 0.5], 0.5: [0, 1], 1: [0.5, None]}
    assert learner.neighbors_combined[0.75] == [0.5, 1]
    assert learner.nth_neighbors == 0
    assert Learner1D(abs, (0, 1), triangle_loss).nth_neighbors == 1
    assert learner.to_numpy().tolist() == [[0, 0], [0.5, 0.25], [1, 1]]
    assert Learner1D(abs, (0, 1)).to_numpy().size == 0


def test_new_keeps_the_parameters() -> None:
    """`new` and pickles keep every parameter."""
    learner = Learner1D(abs, (1, 64), triangle_loss, x_scale="log", integer=True, exploration=0.2, mode="smooth")
    for other in (learner.new(), pickle.loads(pickle.dumps(learner))):
        assert other.bounds == (1, 64)
        assert other.loss_per_interval.__name__ == "triangle_loss"
        assert other._parameters == learner._parameters
        assert run(other, 10) == run(learner.new(), 10)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"bounds": (1, -1)}, ValueError),
        ({"bounds": (1, 1)}, ValueError),
        ({"bounds": (0, math.inf)}, ValueError),
        ({"bounds": (math.nan, 1)}, ValueError),
        ({"bounds": (1,)}, TypeError),
        ({"bounds": 3}, TypeError),
        ({"bounds": ("a", "b")}, TypeError),
        ({"bounds": (-1.7e308, 1.7e308)}, ValueError),
        ({"bounds": (0, 1), "x_scale": "log"}, ValueError),
        ({"bounds": (0, 1), "x_scale": "sqrt"}, ValueError),
        ({"bounds": (0.5, 4), "integer": True}, ValueError),
        ({"bounds": (2**53, 2**53 + 10), "integer": True}, ValueError),
        ({"bounds": (-(2**60), 0), "integer": True}, ValueError),
        ({"bounds": (0, 1), "min_spacing": -1}, ValueError),
        ({"bounds": (0, 1), "min_spacing": 1}, ValueError),
        ({"bounds": (0, 1), "exploration": 1.5}, ValueError),
        ({"bounds": (0, 1), "mode": "cubic"}, ValueError),
        ({"bounds": (0, 1), "loss_per_interval": "default"}, TypeError),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], error: type[Exception]) -> None:
    """Arguments that make no sense are refused at once."""
    with pytest.raises(error, match=r"should be|overflows"):
        Learner1D(abs, **arguments)


def test_masked_values_are_invalid() -> None:
    """A masked value is kept as NaN and is no part of the scale; an integer value stays an integer."""
    learner = Learner1D(peak, (-1, 1))
    learner.tell(-1.0, np.ma.masked)
    learner.tell(1.0, np.ma.array(3.0, mask=True))
    learner.tell(0.0, np.int64(2**60 + 1))
    assert learner.ninvalid == 2
    assert math.isnan(learner.data[-1.0])
    assert learner.data[0.0] == 2**60 + 1
    vectors = Learner1D(peak, (-1, 1))
    vectors.tell(0.0, np.ma.array([1.0, 2.0], mask=[True, False]))
    assert np.array_equal(vectors.data[0.0], [math.nan, 2.0], equal_nan=True)
    assert vectors.ninvalid == 1


def test_bad_values() -> None:
    """What is no value is refused, the message names the point, and the learner stays as it was."""
    learner = Learner1D(peak, (-1, 1))
    run(learner, 6)
    (x,), _ = learner.ask(1)
    for bad, error in (
        (None, TypeError),
        ("3", TypeError),
        (1j, TypeError),
        ([], ValueError),
        ([1.0, 2.0], ValueError),
        (b"3", TypeError),
        (10**400, ValueError),
    ):
        with pytest.raises(error, match=repr(x)):
            learner.tell(x, bad)
    with pytest.raises(TypeError, match="a point should be a number"):
        learner.tell("x", 1.0)  # type: ignore[arg-type]  # that is the point
    assert learner.npoints == 6
    assert learner.pending_points == {x}
    with pytest.raises(TypeError, match="integer"):
        learner.ask(1.5)  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize("mode", ["linear", "smooth", "auto"])
@pytest.mark.parametrize("value", [1.5, (1.5, 2.5)])
def test_invalid_numbers_among_the_data_are_loaded(mode: Any, value: Any) -> None:
    """Data with NaN beside numbers or vectors are taken in by another learner, all together."""
    learner = Learner1D(abs, bounds=(0, 1), mode=mode)
    learner.tell_many([0.0, 1.0, 0.5, 0.25], [value, math.nan, value, math.inf])
    other = learner.new()
    other._set_data(learner.data)
    assert (other.npoints, other.ninvalid) == (4, 2)
    assert other.ask(3) == learner.ask(3)


@pytest.mark.parametrize("mode", ["linear", "smooth", "auto"])
@pytest.mark.parametrize("value", [1.5, (1.5, 2.5)])
def test_failed_points_of_a_flat_function_are_told_later(mode: Any, value: Any) -> None:
    """An interval has the same loss with and without a value where the function is flat; both are kept apart."""
    for seed in range(10):
        chance = random.Random(seed)
        learner, flying = Learner1D(abs, bounds=(0, 1), mode=mode), []
        for _ in range(40):
            flying += learner.ask(chance.choice([1, 3]))[0]
            x = flying.pop(chance.randrange(len(flying)))
            if chance.random() < 0.3:
                learner.tell_failed(x)
            else:
                learner.tell(x, value)
            if learner.failed_points and chance.random() < 0.3:
                learner.tell(chance.choice(sorted(learner.failed_points)), value)
        assert learner.npoints > 25


def test_an_error_goal_keeps_integers() -> None:
    """Integers that are observed are not asked for again when an error goal is set."""
    learner = Learner1D(abs, bounds=(0, 5), integer=True)
    learner.tell_many([0, 2, 5], [0.0, 2.0, 5.0])
    learner.set_error_goal(1e-3)
    asked = learner.ask(6)[0]
    assert asked
    assert not set(asked) & {0, 2, 5}


@pytest.mark.parametrize("goal", [None, 0.01])
@pytest.mark.parametrize("pending", [0, 6])
def test_a_value_at_a_failed_point(goal: float | None, pending: int) -> None:
    """A value at a failed point counts, also where it leaves the losses as they are."""
    learner = Learner1D(lambda x: 0.0, (0, 1))
    learner.set_error_goal(goal)
    learner.tell_many([0, 1], [0.0, 0.0])
    asked = learner.ask(pending)[0]
    for _ in range(30):
        asked += learner.ask(1)[0]
        x = asked.pop(0)
        learner.tell_failed(x)
        learner.tell(x, 0.0)
    assert not learner.failed_points
    assert len(learner.data) == 32
