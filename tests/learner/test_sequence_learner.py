"""The laws of `SequenceLearner`."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptive_calib.learner.sequence_learner import SequenceLearner
from adaptive_calib.testing.learners import LearnerContract


def _double(element: list[int]) -> int:
    return 2 * element[0]


class TestContract(LearnerContract):
    nan_value = None
    refuses_none = False

    def make(self) -> Any:
        return SequenceLearner(_double, [[i] for i in range(100)])

    def make_finite(self) -> Any:
        return SequenceLearner(_double, [[i] for i in range(30)])


def test_order_and_result() -> None:
    """Elements come in order; results are in the order of the sequence, whatever order they came in."""
    learner = SequenceLearner(_double, [[i] for i in range(5)])
    assert learner.ask(2) == ([(0, [0]), (1, [1])], [0.2, 0.2])
    learner.tell((1, [1]), 2)
    assert learner.loss() == 0.8
    assert learner.loss(real=False) == 0.6
    rest, _ = learner.ask(10)
    assert [i for i, _ in rest] == [2, 3, 4]
    with pytest.raises(RuntimeError, match=r"not yet complete. 4 of 5"):
        learner.result()
    for point in [*rest, (0, None)]:
        assert not learner.done()
        learner.tell(point, 2 * point[0])
    assert learner.done()
    assert learner.loss() == 0.0
    assert learner.result() == [0, 2, 4, 6, 8]


def test_told_again_is_replaced() -> None:
    """A value told again takes the place of the first; None is a value."""
    learner = SequenceLearner(_double, [[1], [2]])
    learner.tell((0, [1]), 5)
    learner.tell((0, [1]), None)
    assert dict(learner.data) == {0: None}
    assert learner.npoints == 1


@pytest.mark.parametrize("index", [-1, 3, 100])
def test_foreign_index(index: int) -> None:
    """An index outside the sequence is an IndexError, for every way of telling."""
    learner = SequenceLearner(_double, [[1], [2], [3]])
    for call in (lambda x: learner.tell(x, 1), learner.tell_pending, learner.tell_failed):
        with pytest.raises(IndexError, match="from 0 to 2"):
            call((index, None))
    assert learner.npoints == 0


@pytest.mark.parametrize("point", [3, None, ("a", 1), 1.5])
def test_no_point(point: Any) -> None:
    """What is no (index, element) is a TypeError."""
    with pytest.raises(TypeError, match=r"\(index, element\)"):
        SequenceLearner(_double, [[1]]).tell(point, 1)


@pytest.mark.parametrize("sequence", [iter([1, 2]), {0: 1}, 5, None, {1, 2}])
def test_no_sequence(sequence: Any) -> None:
    """A sequence has a length and is indexed."""
    with pytest.raises(TypeError, match="make it a list"):
        SequenceLearner(_double, sequence)


def test_empty_sequence() -> None:
    """An empty sequence is done at once, with an empty result."""
    learner = SequenceLearner(_double, [])
    assert learner.done()
    assert learner.ask(3) == ([], [])
    assert (learner.loss(), learner.result()) == (0.0, [])


def test_failed_elements_are_named() -> None:
    """With failed elements it ends; `result` says which are missing."""
    learner = SequenceLearner(_double, [[1], [2], [3]])
    learner.ask(3)
    learner.tell((0, None), 2)
    learner.tell_failed((2, None))
    learner.tell_failed((1, None))
    assert learner.done()
    assert learner.loss() == 0.0
    with pytest.raises(RuntimeError, match="2 failed, the first at index 1"):
        learner.result()


def test_sequence_is_copied() -> None:
    """Elements that are added to the list later are no part of it; arrays and ranges are sequences."""
    elements = [[1], [2]]
    learner = SequenceLearner(_double, elements)
    elements.append([3])
    assert len(learner.ask(10)[0]) == 2
    assert [x for _, x in SequenceLearner(_double, np.arange(3)).ask(3)[0]] == [0, 1, 2]


def test_made_at_once() -> None:
    """A sequence of a thousand million elements costs nothing to make."""
    learner = SequenceLearner(_double, range(10**9))
    assert learner.ask(2)[0] == [(0, 0), (1, 1)]
    learner.tell((5, None), 0)
    assert learner.loss() == pytest.approx(1)


def test_coroutine_functions() -> None:
    """A coroutine function of elements gives one of points."""

    async def double(x: int) -> int:
        return 2 * x

    learner = SequenceLearner(double, [1, 2])
    assert inspect.iscoroutinefunction(learner.function)
    assert asyncio.run(learner.function((1, 2))) == 4


@given(st.lists(st.tuples(st.sampled_from("atpfr"), st.integers(0, 9)), max_size=50))
@settings(derandomize=True, deadline=None, max_examples=150)
def test_against_sets(calls: list[tuple[str, int]]) -> None:
    """Whatever is called in whatever order, what is to do is what is neither told, pending nor failed."""
    learner = SequenceLearner(_double, [[i] for i in range(10)])
    told: set[int] = set()
    pending: set[int] = set()
    failed: set[int] = set()
    for call, k in calls:
        to_do = [i for i in range(10) if i not in told | pending | failed]
        if call == "a":
            assert [i for i, _ in learner.ask(k, tell_pending=False)[0]] == to_do[:k]
            assert [i for i, _ in learner.ask(k)[0]] == to_do[:k]
            pending |= set(to_do[:k])
        elif call == "t":
            learner.tell((k, None), k)
            told.add(k)
            pending.discard(k)
            failed.discard(k)
        elif call == "p":
            learner.tell_pending((k, None))
            pending |= {k} & set(to_do)
        elif call == "f":
            learner.tell_failed((k, None))
            if k not in told:
                failed.add(k)
                pending.discard(k)
        else:
            learner.remove_unfinished()
            pending.clear()
        assert (set(learner.data), learner.pending_points, learner.failed_points) == (told, pending, failed)
        assert learner.done() == (not pending and len(told | failed) == 10)
