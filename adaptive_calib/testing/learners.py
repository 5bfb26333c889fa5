"""The contract of learners as a pytest class: subclass it, define `make`, and run pytest.

    from adaptive_calib.testing.learners import LearnerContract

    class TestMyLearner(LearnerContract):
        def make(self):
            return MyLearner(function, bounds=(-1, 1))

Each test is one law, named in its docstring. Where an attribute, or a hook that returns None, states that a law does
not apply to the learner, its test is skipped with that reason. Needs pytest and hypothesis.
"""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import cloudpickle
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adaptive_calib.learner.protocol import Learner, has_method

__all__ = ["LearnerContract"]

# derandomized: a test that fails by chance is no help. Inherited tests run in many classes, which hypothesis calls
# "differing executors"; here it is intended.
_laws = settings(
    max_examples=10, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.differing_executors]
)

_COPIES: dict[str, Callable[[Any], Any]] = {
    "pickle": lambda learner: pickle.loads(pickle.dumps(learner)),
    "cloudpickle": lambda learner: cloudpickle.loads(cloudpickle.dumps(learner)),
    "deepcopy": copy.deepcopy,
}


class LearnerContract:
    """Laws of a learner; subclass it and define `make`.

    Attributes
    ----------
    warm_up : int
        Number of points told before most laws are tested.
    batch : int
        Number of points in one call of `ask`.
    nan_value
        A value that is invalid, for the law on NaN; None if every value is valid (the law is skipped).
    refuses_none : bool
        Whether None is refused as a value.
    losses_may_lag : bool
        Whether the loss, and so the next points, may depend a little on the order of telling (losses are recomputed
        only when the scale has grown). Data and counts never do.
    tells_anything : bool
        Whether points may be told that were not asked for.
    has_files : bool
        Whether the learner has `save`, `load` and `copy_from`.
    """

    warm_up: ClassVar[int] = 20
    batch: ClassVar[int] = 5
    nan_value: ClassVar[Any] = math.nan
    refuses_none: ClassVar[bool] = True
    losses_may_lag: ClassVar[bool] = False
    tells_anything: ClassVar[bool] = True
    has_files: ClassVar[bool] = True

    # -------------------------------------------------------------------------------------------------- to override

    def make(self) -> Any:
        """Return a new learner without data; each call the same."""
        raise NotImplementedError(f"{type(self).__name__} should define `make()`, which returns a new learner.")

    def value(self, learner: Any, point: Any) -> Any:
        """Return the value at a point; by default the learner's function is called."""
        return learner.function(point)

    def make_vector(self) -> Any | None:
        """Return a learner whose function has vector values; None: it cannot have them."""
        return None

    def make_scaled(self, x_factor: float, y_factor: float) -> Any | None:
        """Return the learner of `make` with points multiplied by `x_factor`, values by `y_factor`; None: no scales."""
        return None

    def scale_point(self, point: Any, x_factor: float) -> Any:
        """Return a point of `make` as the learner of `make_scaled` has it."""
        return tuple(x_factor * x for x in point) if isinstance(point, tuple) else x_factor * point

    def make_finite(self) -> Any | None:
        """Return a learner that has at most a few hundred points to ask for; None: it never ends."""
        return None

    def key(self, learner: Any, point: Any) -> Any:
        """Return the key by which points are compared; by default ``learner.data_key(point)``."""
        data_key = getattr(learner, "data_key", None)
        return point if data_key is None else data_key(point)

    # ------------------------------------------------------------------------------------------------------ helpers

    def run(self, learner: Any, n: int) -> list[tuple[Any, Any]]:
        """Ask and tell `n` points, one by one; return points and values."""
        told = []
        for _ in range(n):
            for point in learner.ask(1)[0]:
                value = self.value(learner, point)
                learner.tell(point, value)
                told.append((point, value))
        return told

    def warm(self) -> Any:
        """Return a learner to which `warm_up` points were told."""
        learner = self.make()
        self.run(learner, self.warm_up)
        return learner

    def keys(self, learner: Any, points: Iterable[Any]) -> list[Any]:
        """Return the keys of points, in their order."""
        return [self.key(learner, point) for point in points]

    def next_keys(self, learner: Any, n: int = 10) -> list[Any]:
        """Return the keys of the next `n` points, without taking them."""
        return self.keys(learner, learner.ask(n, tell_pending=False)[0])

    def public_state(self, learner: Any) -> dict[str, Any]:
        """Return the public state of a learner."""
        return {
            "npoints": learner.npoints,
            "data": copy.deepcopy(dict(learner.data)),
            "pending": _hashable(learner.pending_points),
            "failed": _hashable(learner.failed_points),
            "loss": learner.loss(),
            "expected loss": learner.loss(real=False),
        }

    def assert_same(self, ours: Any, theirs: Any) -> None:
        """Assert that two learners have the same public state and the same next points."""
        one, other = self.public_state(ours), self.public_state(theirs)
        for name in one:
            assert _same(one[name], other[name]), f"{name}: {one[name]!r} != {other[name]!r}"
        assert self.next_keys(ours) == self.next_keys(theirs), "the next points differ"

    # -------------------------------------------------------------------------------------------------- the protocol

    def test_satisfies_the_protocol(self) -> None:
        """It has the methods of the protocol, and `tell_failed`."""
        learner = self.make()
        members = [name for name in (*vars(Learner), *Learner.__annotations__) if not name.startswith("_")]
        assert {"ask", "function"} <= set(members)
        assert [name for name in members if not hasattr(learner, name)] == []
        assert has_method(learner, "tell_failed")

    def test_ask_for_nothing(self) -> None:
        """``ask(0)`` answers two empty lists, at the beginning, in the middle, and with pending points."""
        learner = self.make()
        assert _lists(learner.ask(0)) == ([], [])
        self.run(learner, self.warm_up)
        assert _lists(learner.ask(0)) == ([], [])
        learner.ask(self.batch)
        assert _lists(learner.ask(0, tell_pending=False)) == ([], [])

    @pytest.mark.parametrize("n", [-1, -100])
    def test_negative_number_of_points(self, n: int) -> None:
        """Asking for a negative number of points is a ValueError, and nothing has changed."""
        learner = self.warm()
        before = self.public_state(learner)
        with pytest.raises(ValueError, match="at least 0"):
            learner.ask(n)
        assert _same(self.public_state(learner), before)

    def test_asked_points_are_pending_and_new(self) -> None:
        """Asked points are pending, and none is asked for twice while it is; improvements go with them one by one."""
        learner = self.make()
        seen: list[Any] = []
        for _ in range(4):
            points, improvements = learner.ask(self.batch)
            assert len(points) == len(improvements) <= self.batch
            assert not any(math.isnan(improvement) for improvement in improvements)
            seen += self.keys(learner, points)
        assert len(set(seen)) == len(seen)
        assert len(learner.pending_points) == len(seen)

    def test_same_calls_same_answers(self) -> None:
        """Two learners that are called alike answer alike."""
        ours, theirs = self.make(), self.make()
        for n in (1, self.batch, 3, 1, self.batch):
            asked = [learner.ask(n) for learner in (ours, theirs)]
            assert self.keys(ours, asked[0][0]) == self.keys(theirs, asked[1][0])
            assert list(asked[0][1]) == list(asked[1][1])
            for learner, (points, _) in zip((ours, theirs), asked, strict=True):
                for point in reversed(points[1:]):
                    learner.tell(point, self.value(learner, point))
        self.assert_same(ours, theirs)

    # -------------------------------------------------------------------------------------------------- ask and tell

    @_laws
    @given(st.lists(st.integers(0, 12), min_size=1, max_size=4), st.integers(0, 30), st.integers(0, 6))
    def test_ask_without_pending_changes_nothing(self, asks: list[int], told: int, pending: int) -> None:
        """``ask(n, tell_pending=False)`` answers what ``ask(n)`` would, and nothing has changed."""
        learner, untouched = self.make(), self.make()
        for each in (learner, untouched):
            self.run(each, told)
            each.ask(pending)
        before = self.public_state(learner)
        for n in asks:
            dry = learner.ask(n, tell_pending=False)
            again = learner.ask(n, tell_pending=False)
            assert self.keys(learner, dry[0]) == self.keys(learner, again[0])
            assert list(dry[1]) == list(again[1])
        assert _same(self.public_state(learner), before)
        for n in asks:
            dry = learner.ask(n, tell_pending=False)
            ours, theirs = learner.ask(n), untouched.ask(n)
            assert self.keys(learner, dry[0]) == self.keys(learner, ours[0]) == self.keys(untouched, theirs[0])
            assert list(ours[1]) == list(theirs[1]) == list(dry[1])

    def test_tell_counts_and_takes_out_of_pending(self) -> None:
        """An observed point is in the data, is counted, and is no longer pending."""
        learner = self.make()
        points, _ = learner.ask(self.batch)
        for i, point in enumerate(points):
            before = len(learner.pending_points)
            learner.tell(point, self.value(learner, point))
            assert learner.npoints <= i + 1
            assert len(learner.pending_points) == before - 1
        assert learner.npoints >= 1

    def test_told_twice(self) -> None:
        """Telling what is known already changes nothing."""
        learner, once = self.make(), self.make()
        told = self.run(learner, self.warm_up)
        self.run(once, self.warm_up)
        for point, value in told:
            learner.tell(point, value)
        self.assert_same(learner, once)

    @_laws
    @given(st.data())
    def test_order_of_telling(self, data: st.DataObject) -> None:
        """The order in which asked points are told does not matter."""
        ours, theirs = self.make(), self.make()
        for learner in (ours, theirs):
            points = [point for n in (self.batch, self.batch, self.batch) for point in learner.ask(n)[0]]
            order = data.draw(st.permutations(range(len(points)))) if learner is ours else range(len(points))
            for i in order:
                learner.tell(points[i], self.value(learner, points[i]))
        assert ours.npoints == theirs.npoints
        assert _same(dict(ours.data), dict(theirs.data))
        if not self.losses_may_lag:
            assert _same(ours.loss(), theirs.loss())
            assert _same(sorted(self.next_keys(ours)), sorted(self.next_keys(theirs)))

    def test_tell_many_is_telling_one_by_one(self) -> None:
        """`tell_many` does what `tell` does for each pair; its values may be lazy."""
        ours, theirs = self.make(), self.make()
        points, _ = ours.ask(4 * self.batch)
        same_points, _ = theirs.ask(4 * self.batch)
        ours.tell_many(points, (self.value(ours, point) for point in points))
        for point in same_points:
            theirs.tell(point, self.value(theirs, point))
        assert ours.npoints == theirs.npoints
        assert _same(dict(ours.data), dict(theirs.data))
        assert _hashable(ours.pending_points) == _hashable(theirs.pending_points)
        if not self.losses_may_lag:
            self.assert_same(ours, theirs)

    def test_tell_many_of_different_lengths(self) -> None:
        """More points than values, or fewer, are a ValueError."""
        learner = self.make()
        points, _ = learner.ask(3)
        with pytest.raises(ValueError, match="as many values"):
            learner.tell_many(points, [self.value(learner, points[0])])
        assert learner.npoints == 0

    def test_unasked_points(self) -> None:
        """Points that were not asked for are told like others."""
        if not self.tells_anything:
            pytest.skip("this learner takes only points it asked for")
        source, learner = self.make(), self.make()
        told = self.run(source, self.warm_up)
        for point, value in told:
            learner.tell(point, value)
        assert learner.npoints == source.npoints
        assert _same(dict(learner.data), dict(source.data))
        asked = self.keys(learner, learner.ask(self.batch)[0])
        assert not set(asked) & set(self.keys(learner, [point for point, _ in told]))

    def test_tell_pending(self) -> None:
        """A point marked as pending is not asked for; marking an observed point does nothing."""
        learner = self.warm()
        if not learner.ask(1, tell_pending=False)[0]:
            pytest.skip("nothing is left to ask")
        point = learner.ask(1, tell_pending=False)[0][0]
        learner.tell_pending(point)
        assert len(learner.pending_points) == 1
        assert self.key(learner, point) not in self.keys(learner, learner.ask(self.batch)[0])
        learner.tell(point, self.value(learner, point))
        before = _hashable(learner.pending_points)
        learner.tell_pending(point)
        assert _hashable(learner.pending_points) == before

    def test_none_is_refused(self) -> None:
        """None is no value: a TypeError, and nothing has changed."""
        if not self.refuses_none:
            pytest.skip("None is a value for this learner")
        learner = self.warm()
        points, _ = learner.ask(1)
        before = self.public_state(learner)
        with pytest.raises(TypeError):
            learner.tell(points[0], None)
        assert _same(self.public_state(learner), before)

    def test_latest_loss(self) -> None:
        """The last answer of `loss` is kept for displays."""
        learner = self.warm()
        loss = learner.loss()
        assert _same(learner.latest_loss, loss)
        assert not math.isnan(loss)

    def test_new(self) -> None:
        """`new` returns a learner of the same parameters, without data and without pending points."""
        learner = self.warm()
        learner.ask(self.batch)
        self.assert_same(learner.new(), self.make())

    # ------------------------------------------------------------------------------------------------ interruptions

    def test_remove_unfinished(self) -> None:
        """Pending points that are given up are asked for again, as if they had never been asked for."""
        learner = self.warm()
        first = self.keys(learner, learner.ask(self.batch)[0])
        learner.ask(3)
        learner.remove_unfinished()
        assert len(learner.pending_points) == 0
        assert set(self.keys(learner, learner.ask(self.batch)[0])) == set(first)

    def test_remove_unfinished_at_the_beginning(self) -> None:
        """Points lost before anything was told are asked for again."""
        learner = self.make()
        first = self.keys(learner, learner.ask(self.batch)[0])
        learner.remove_unfinished()
        assert set(self.keys(learner, learner.ask(self.batch)[0])) == set(first)

    def test_interrupted_again_and_again(self) -> None:
        """A run that is interrupted many times, with results lost each time, still proceeds."""
        learner = self.make()
        told: set[Any] = set()
        for _ in range(12):
            points, _ = learner.ask(self.batch)
            for point in points[1::2]:
                learner.tell(point, self.value(learner, point))
                told.add(self.key(learner, point))
            learner.remove_unfinished()
        self.run(learner, 3 * self.batch)
        assert not math.isnan(learner.loss())
        fresh = self.keys(learner, learner.ask(self.batch)[0])
        assert not told & set(fresh)

    # ------------------------------------------------------------------------------------------------ failed, invalid

    def test_failed_points(self) -> None:
        """A failed point is not pending, not counted, and never asked for again; pickling does not forget it."""
        learner = self.warm()
        points, _ = learner.ask(self.batch)
        if not points:
            pytest.skip("nothing is left to ask")
        npoints = learner.npoints
        learner.tell_failed(points[0])
        learner.tell_failed(points[0])
        assert len(learner.failed_points) == 1
        assert len(learner.pending_points) == len(points) - 1
        assert learner.npoints == npoints
        learner.remove_unfinished()
        learner = pickle.loads(pickle.dumps(learner))
        assert len(learner.failed_points) == 1
        assert not math.isnan(learner.loss())
        failed = self.key(learner, points[0])
        assert failed not in self.next_keys(learner, 30)
        told = self.run(learner, 2 * self.batch)
        assert failed not in self.keys(learner, [point for point, _ in told])

    def test_failure_taken_back(self) -> None:
        """A value at a failed point counts; `tell_failed` of an observed point has no effect."""
        learner = self.warm()
        points, _ = learner.ask(1)
        if not points:
            pytest.skip("nothing is left to ask")
        learner.tell_failed(points[0])
        learner.tell(points[0], self.value(learner, points[0]))
        assert len(learner.failed_points) == 0
        assert self.key(learner, points[0]) not in self.next_keys(learner, 30)
        before = self.public_state(learner)
        learner.tell_failed(points[0])
        assert _same(self.public_state(learner), before)

    def test_every_point_failed(self) -> None:
        """When all points fail it asks for others or for none; no error, no loop, no NaN."""
        learner = self.make()
        seen: set[Any] = set()
        for _ in range(6):
            for point in learner.ask(self.batch)[0]:
                assert self.key(learner, point) not in seen
                seen.add(self.key(learner, point))
                learner.tell_failed(point)
        assert learner.npoints == 0
        assert not math.isnan(learner.loss())

    def test_nan(self) -> None:
        """Invalid values are kept and counted, make no loss NaN, and are not asked for again."""
        if self.nan_value is None:
            pytest.skip("every value is valid for this learner")
        learner = self.make()
        told = []
        for i in range(2 * self.warm_up):
            for point in learner.ask(1)[0]:
                learner.tell(point, self.nan_value if i % 3 == 0 else self.value(learner, point))
                told.append(self.key(learner, point))
                assert not math.isnan(learner.loss())
                assert not math.isnan(learner.loss(real=False))
        assert len(set(told)) == len(told)
        assert not set(told) & set(self.next_keys(learner))

    def test_only_nan(self) -> None:
        """A function that is invalid everywhere causes no error, no loop and no NaN."""
        if self.nan_value is None:
            pytest.skip("every value is valid for this learner")
        learner = self.make()
        told = []
        for _ in range(6):
            points, improvements = learner.ask(self.batch)
            assert not any(math.isnan(improvement) for improvement in improvements)
            for point in points:
                learner.tell(point, self.nan_value)
                told.append(self.key(learner, point))
        assert len(set(told)) == len(told)
        assert not math.isnan(learner.loss())

    # ------------------------------------------------------------------------------------ values, scales, exhaustion

    def test_vector_values(self) -> None:
        """Vector values (lists, tuples, arrays) are learned; a pickled learner has the same state and next points."""
        learner = self.make_vector()
        if learner is None:
            pytest.skip("this learner has no vector values")
        forms: Sequence[Callable[[Any], Any]] = (np.asarray, list, tuple)
        for i in range(self.warm_up):
            for point in learner.ask(1)[0]:
                learner.tell(point, forms[i % 3](self.value(learner, point)))
        assert not math.isnan(learner.loss())
        self.assert_same(pickle.loads(pickle.dumps(learner)), learner)

    @_laws
    @given(st.integers(-20, 20), st.integers(-20, 20))
    def test_scaling(self, x_exponent: int, y_exponent: int) -> None:
        """Other units of points and values give the same points, in other units."""
        x_factor, y_factor = 2.0**x_exponent, 2.0**y_exponent
        scaled = self.make_scaled(x_factor, y_factor)
        if scaled is None:
            pytest.skip("this learner has no scales")
        learner = self.make()
        told = self.run(learner, 2 * self.warm_up)
        theirs = self.run(scaled, 2 * self.warm_up)
        expected = [self.scale_point(point, x_factor) for point, _ in told]
        assert np.array(expected) == pytest.approx(np.array([point for point, _ in theirs]), rel=1e-12, abs=0)

    def test_exhausted(self) -> None:
        """When no point is left, `ask` returns fewer points, then none, at each call; then the learner is done."""
        learner = self.make_finite()
        if learner is None:
            pytest.skip("this learner always has points to ask for")
        waiting: list[Any] = []
        for _ in range(1000):
            points, _ = learner.ask(7)
            waiting += points
            if not points:
                break
        assert _lists(learner.ask(7)) == ([], [])
        is_finite = has_method(learner, "done")
        if is_finite:
            assert not waiting or not learner.done()
        for point in waiting:
            learner.tell(point, self.value(learner, point))
        if is_finite:
            while points := learner.ask(7)[0]:
                for point in points:
                    learner.tell(point, self.value(learner, point))
            assert learner.done()
        assert not math.isnan(learner.loss())

    # -------------------------------------------------------------------------------------------- save, copy, pickle

    @pytest.mark.parametrize("how", sorted(_COPIES))
    @pytest.mark.parametrize("pending", [0, 3])
    def test_pickles(self, how: str, pending: int) -> None:
        """A copy through a pickle has all of it, pending points too, has the same next points, and shares nothing."""
        learner = self.warm()
        learner.ask(pending)
        copied = _COPIES[how](learner)
        self.assert_same(copied, learner)
        before = self.public_state(learner)
        self.run(copied, 3)
        copied.remove_unfinished()
        assert _same(self.public_state(learner), before)

    @pytest.mark.parametrize("compress", [True, False])
    def test_save_and_load(self, tmp_path: Path, compress: bool) -> None:
        """A loaded learner has the state and next points of the saved one; pending points are asked for again."""
        if not self.has_files:
            pytest.skip("this learner has no files of its own")
        learner, loaded = self.warm(), self.make()
        learner.ask(3)
        learner.save(tmp_path / "new" / "data.p", compress=compress)
        loaded.load(tmp_path / "new" / "data.p", compress=compress)
        learner.remove_unfinished()
        self.assert_same(loaded, learner)

    def test_load_of_a_missing_file(self, tmp_path: Path) -> None:
        """A missing file means that there is no data yet."""
        if not self.has_files:
            pytest.skip("this learner has no files of its own")
        learner = self.make()
        learner.load(tmp_path / "none.p")
        self.assert_same(learner, self.make())

    def test_load_of_a_damaged_file(self, tmp_path: Path) -> None:
        """A damaged file is an error, and nothing has changed."""
        if not self.has_files:
            pytest.skip("this learner has no files of its own")
        place = tmp_path / "data.p"
        learner = self.warm()
        learner.save(place)
        place.write_bytes(place.read_bytes()[:-15])
        fresh = self.make()
        with pytest.raises(ValueError, match="cannot be read"):
            fresh.load(place)
        self.assert_same(fresh, self.make())

    def test_copy_from(self) -> None:
        """`copy_from` takes the data and shares nothing with its source."""
        if not self.has_files:
            pytest.skip("this learner has no files of its own")
        source, copied = self.warm(), self.make()
        before = self.public_state(source)
        copied.copy_from(source)
        self.assert_same(copied, source)
        self.run(copied, 5)
        assert _same(self.public_state(source), before)


# ------------------------------------------------------------------------------------------------------- comparisons


def _lists(answer: tuple[Sequence[Any], Sequence[float]]) -> tuple[list[Any], list[float]]:
    return list(answer[0]), list(answer[1])


def _hashable(points: Iterable[Any]) -> set[str]:
    return {repr(_plain(point)) for point in points}


def _plain(point: Any) -> Any:
    """Return a point without NumPy's scalars, whose repr differs from Python's."""
    if isinstance(point, tuple | list | np.ndarray):
        return tuple(_plain(x) for x in point)
    return point.item() if isinstance(point, np.generic) else point


def _same(a: Any, b: Any) -> bool:
    """Whether two values are equal up to rounding; NaN equals NaN, arrays and containers are compared element-wise."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
    try:
        return bool(np.all(np.isclose(a, b, rtol=1e-9, atol=1e-12, equal_nan=True)))
    except TypeError:  # no numbers
        return bool(np.all(a == b))
