"""Limits of how much is under way at once: of a learner, and of each child of a BalancingLearner."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from adaptive_calib import BalancingLearner, BlockingRunner, DataSaver, Learner1D, SequenceLearner


class Busy:
    """A function that counts how often it runs at the same time, and never sleeps for long."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self.lock = threading.Lock()
        self.met = threading.Event()

    def __call__(self, x: Any) -> Any:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
            if self.now > 1:
                self.met.set()
        self.met.wait(0.01)  # so that others can meet this one
        with self.lock:
            self.now -= 1
        return x


def finished(learner: Any) -> bool:
    """Whether a sequence is through."""
    return bool(learner.done())


@pytest.mark.parametrize("limit", [1, 2, None])
def test_a_learner_has_no_more_under_way_than_it_allows(limit: int | None) -> None:
    """However many workers there are; and everything is evaluated."""
    busy = Busy()
    learner = SequenceLearner(busy, range(12))
    learner.max_pending = limit
    with ThreadPoolExecutor(4) as executor:
        BlockingRunner(learner, finished, executor=executor)
    assert learner.npoints == 12
    assert busy.most <= (limit or 4)


def test_each_child_has_its_own_limit() -> None:
    """A child at its limit is passed over, whatever the strategy, until one of its points is told."""
    for strategy in ("loss_improvements", "loss", "npoints", "cycle"):
        children = [Learner1D(float, (0, 1)), DataSaver(Learner1D(float, (0, 1)), float), Learner1D(float, (0, 1))]
        learner = BalancingLearner(children, strategy=strategy, max_pending={0: 1, 1: 2})
        points, _ = learner.ask(8)
        assert Counter(index for index, _ in points) == {0: 1, 1: 2, 2: 5}
        learner.tell(points[0], 0.0)
        freed = points[0][0]
        assert {index for index, _ in learner.ask(3)[0]} == {freed, 2}
        assert [child.max_pending for child in learner.new().learners] == [1, 2, None]


def test_a_balanced_run_ends_when_all_children_are_limited() -> None:
    """No point is lost where no child has room for a while."""
    busy = [Busy(), Busy()]
    children = [SequenceLearner(function, range(6)) for function in busy]
    learner = BalancingLearner(children, max_pending={0: 1, 1: 1})
    with ThreadPoolExecutor(4) as executor:
        BlockingRunner(learner, lambda learner: all(child.done() for child in learner.learners), executor=executor)
    assert [function.most for function in busy] == [1, 1]
    assert learner.npoints == 12


@pytest.mark.parametrize("limits", [{2: 1}, {0: 0}])
def test_wrong_limits_are_refused(limits: dict[int, int]) -> None:
    """A child that is not there, or a limit that would stop it for good."""
    with pytest.raises(ValueError, match="numbers of at least 1"):
        BalancingLearner([Learner1D(float, (0, 1))], max_pending=limits)
