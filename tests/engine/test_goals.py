"""Goals: values over the progress of a run."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import inf
from typing import Any

import numpy as np
import pytest

from adaptive_calib.engine.goals import (
    POLL,
    AllOf,
    AnyOf,
    Done,
    Elapsed,
    Goal,
    LargestError,
    Loss,
    Never,
    Points,
    Progress,
    Until,
    When,
    error_goal_for,
    error_goal_of,
    share_reached,
    time_left,
    total_points,
)
from adaptive_calib.learner import BalancingLearner, Claim, DataSaver, Learner1D, SequenceLearner
from adaptive_calib.runner import simple
from tests.engine.doubles import Counting


def progress(time=0.0, npoints=0, epoch=0.0):
    learner = Counting(10)
    for x in range(npoints):
        learner.tell(x, x)
    return Progress(time, epoch, "running", npoints, npoints, 0, 0, 0, 0, 1, learner)


def test_each_goal_is_reached_at_its_value_and_not_before():
    """The value itself is enough."""
    assert Points(3).reached(progress(npoints=3))
    assert not Points(4).reached(progress(npoints=3))
    assert Loss(0.5).reached(progress(npoints=5))
    assert not Loss(0.5).reached(progress(npoints=4))
    assert Elapsed(1, minutes=2, hours=1).seconds == 3721
    assert Elapsed(timedelta(minutes=1)) == Elapsed(60)
    assert Elapsed(60).reached(progress(60.0))
    assert not Elapsed(60).reached(progress(59.9))
    assert not Never().reached(progress(1e9, 10))


def test_until_is_a_time_of_the_wall_clock():
    """The run's epoch and time together are compared with it."""
    when = datetime(2026, 1, 1)
    goal = Until(when)
    assert goal.reached(progress(10.0, epoch=when.timestamp() - 10))
    assert not goal.reached(progress(9.0, epoch=when.timestamp() - 10))
    assert goal.due(progress(epoch=when.timestamp() - 10)) == pytest.approx(10)


def test_goals_are_joined_by_and_and_or():
    """`&` needs all, `|` one; chains are flat; reasons name what was reached."""
    either = Points(3) | Elapsed(60)
    assert either.reached(progress(60.0))
    assert either.reached(progress(npoints=3))
    assert either.reason(progress(60.0)) == "60.0 s of running (duration_goal=60)"
    both = Points(3) & Elapsed(60)
    assert not both.reached(progress(60.0))
    assert both.reached(progress(60.0, 3))
    assert Points(1) | Points(2) | Points(3) == AnyOf((Points(1), Points(2), Points(3)))
    assert isinstance((Points(1) | Points(2)) & Points(3), AllOf)
    with pytest.raises(TypeError, match="combine goals"):
        Points(1) | 5


def test_due_is_the_next_moment_at_which_time_alone_decides():
    """What is reached by telling only is never due; part of a conjunction that is reached is looked at no more."""
    assert Points(3).due(progress()) == inf
    assert (Points(3) | Elapsed(60)).due(progress()) == 60
    assert (Points(3) & Elapsed(60)).due(progress(70.0)) == inf
    assert When(lambda learner: False, None).due(progress(5.0)) == 5.0 + POLL


def test_everything_with_the_three_methods_is_a_goal():
    """Goals are a protocol; a function becomes one by When."""
    assert all(isinstance(goal, Goal) for goal in (Points(1), Loss(1), Never(), Points(1) | Never()))
    learner = Counting()
    goal = When(lambda one: one.npoints == 0, learner, "nothing is known")
    assert goal.reached(progress())
    assert goal.reason(progress()) == "nothing is known"
    with pytest.raises(TypeError, match="function of the learner"):
        When(5, learner)


def test_a_goal_is_a_function_of_a_learner_where_that_can_be_decided():
    """``runner.goal(learner)`` as in python-adaptive; time is a matter of the run."""
    learner = SequenceLearner(abs, range(4))
    learner.tell((0, 0), 0)
    learner.tell((1, 1), 1)
    assert Points(2)(learner)
    assert not Points(3)(learner)
    assert Loss(0.5)(learner)
    assert not Never()(learner)
    assert not Done(learner)(learner)
    assert When(lambda one: one.npoints == 2, None)(learner)
    assert (Points(2) & Loss(0.5))(learner)
    assert (Points(2) | Elapsed(1))(learner)
    assert not (Points(3) & Elapsed(1))(learner)
    curve = Learner1D(abs, (-1, 1))
    assert not LargestError.of(curve, 0.1)(curve)
    for goal in (Elapsed(1), Until(datetime.now()), Points(2) & Elapsed(1)):
        with pytest.raises(TypeError, match="depends on"):
            goal(learner)


def test_share_and_time_left_of_combined_goals():
    """`|` follows the part that is nearer, `&` the one that is farther."""
    either, both = Points(40) | Elapsed(10), Points(40) & Elapsed(10)
    now = progress(5.0, npoints=10)
    assert share_reached(either, now) == 0.5
    assert share_reached(both, now) == 0.25
    assert time_left(either, now) == 5.0
    assert time_left(both, now) == 15.0
    assert time_left(Loss(0.1), now) is None
    assert total_points(either, now) == 40
    assert share_reached(Points(40) & Loss(0.1), progress(npoints=5)) is None


def test_the_share_of_a_time_is_that_of_the_run():
    """`Until` counts from the start of the run, as `Elapsed` does."""
    goal = Until(datetime.fromtimestamp(1_000_000_008))
    now = progress(4.0, epoch=1_000_000_000.0)
    assert share_reached(goal, now) == pytest.approx(0.5)
    assert time_left(goal, now) == pytest.approx(4.0)


def test_what_shrinks_has_a_share_from_its_first_value_on():
    """A loss and an error count by their logarithms from the first one that was seen; a finite learner by its size."""
    learner = Learner1D(np.sin, (0, 3))
    for x in np.linspace(0, 3, 31):
        learner.tell(x, np.sin(x))
    largest, loss = learner.largest_error(), learner.loss()
    goal, other = LargestError.of(learner, largest / 1000), Loss(loss / 1000)
    now = Progress(5.0, 0.0, "running", 31, 31, 0, 0, 0, 1, 1, learner)
    first: dict[str, float] = {}
    assert share_reached(goal, now, first) == share_reached(other, now, first) == 0.0
    for x in np.linspace(0, 3, 301):
        learner.tell(x, np.sin(x))
    assert share_reached(goal, now, first) == pytest.approx(np.log(largest / learner.largest_error()) / np.log(1000))
    assert share_reached(other, now, first) == pytest.approx(np.log(loss / learner.loss()) / np.log(1000))
    assert share_reached(other, now) is None
    sequence = SequenceLearner(abs, range(10))
    sequence.tell((0, 0), 0)
    assert share_reached(Done(sequence), Progress(5.0, 0.0, "running", 1, 1, 0, 0, 0, 1, 1, sequence)) == 0.1


@dataclass(frozen=True)
class Own:
    """A goal as a user writes it."""

    points: float = inf
    seconds: float = inf
    loss: float = -inf
    both: bool = False

    def reached(self, now: Progress) -> bool:
        parts = now.npoints >= self.points, now.time >= self.seconds, now.npoints > 0 and now.loss <= self.loss
        return all(parts) if self.both else any(parts)

    def reason(self, now: Progress) -> str:
        return "own"

    def due(self, now: Progress) -> float:
        return self.seconds


def test_a_users_own_goal_has_a_share_without_more_work():
    """Its threshold is found by asking about imagined progress; one that needs several things has none."""
    now = progress(5.0, npoints=5)  # a loss of 0.5
    assert share_reached(Own(points=17), now) == 5 / 17
    assert total_points(Own(points=17), now) == 17
    assert time_left(Own(points=17), now) == 12.0
    assert share_reached(Own(seconds=20.0), now) == pytest.approx(0.25, rel=1e-3)
    assert share_reached(Own(seconds=20.0) | Points(7), now) == 5 / 7
    assert share_reached(Loss(0.1) & Own(points=10), now, {"loss": 1.0}) == pytest.approx(np.log10(2))
    assert share_reached(Own(loss=0.1), now, {"loss": 1.0}) == pytest.approx(np.log10(2), rel=1e-3)
    assert share_reached(Own(points=10, seconds=10.0, both=True), now) is None
    assert share_reached(Own(), now) is None


def test_a_goal_of_ones_own_goes_with_ours():
    """On either side of `&` and `|`."""
    assert Own(3) | Points(5) == AnyOf((Own(3), Points(5)))
    assert Own(3) & Points(5) == AllOf((Own(3), Points(5)))


def test_imagined_progress_never_changes_a_goal():
    """A goal that counts how often it was asked is asked as a copy, or not at all if it holds a list."""

    class Counts(Own):
        def reached(self, now: Progress) -> bool:
            object.__setattr__(self, "asked", getattr(self, "asked", 0) + 1)
            return super().reached(now)

    goal = Counts(points=20)
    assert share_reached(goal, progress(npoints=5)) == 0.25
    assert not hasattr(goal, "asked")

    @dataclass(frozen=True)
    class Listed(Own):
        seen: list[Any] = field(default_factory=list)

        def reached(self, now: Progress) -> bool:
            self.seen.append(now)
            return super().reached(now)

    listed = Listed(points=20)
    assert share_reached(listed, progress(npoints=5)) is None
    assert listed.seen == []


def test_a_goal_with_its_own_share_is_believed():
    """The methods of the protocol for displays come first."""

    class Half(Own):
        def share(self, now: Progress, first: Any = None) -> float:
            return 0.5

    assert share_reached(Half() | Points(100), progress(npoints=5)) == 0.5


class Checking(SequenceLearner):
    """Says that it checks an error goal, and claims what it is told to."""

    claimed: Claim | None = None
    error_goal: float | None = None

    def set_error_goal(self, error: float | None) -> None:
        self.error_goal = error

    def largest_error(self) -> float:
        return 0.0

    def claim(self) -> Claim | None:
        return self.claimed


def test_an_estimate_is_no_claim():
    """Of a learner that checks its error goal, the goal is reached by a checked claim, whatever it estimates."""
    learner = Checking(abs, [1])
    goal = LargestError(0.1, learner)
    assert goal(learner)  # nobody has given it the goal
    learner.set_error_goal(0.1)
    for claim, reached in (
        (None, False),
        (Claim.estimated(0.01), False),
        (Claim(0.2, 0.1, 0.9, 22, "checked"), False),
        (Claim(0.1, 0.1, 0.9, 22, "checked"), True),
    ):
        learner.claimed = claim
        assert goal(learner) == reached
        assert goal.reached(Progress(0, 0, "", 0, 0, 0, 0, 0, 0, 0, learner)) == reached
    assert "22 random points" in goal.reason(Progress(0, 0, "", 0, 0, 0, 0, 0, 0, 0, learner))


def test_the_error_goal_of_joined_goals():
    """It is the smallest of the parts; a run without one ends that of an earlier run, and needs no call otherwise."""
    learner = Checking(abs, [1])
    goal = (LargestError(0.1, learner) & Points(3)) | LargestError(0.2, learner) | Elapsed(1)
    assert error_goal_of(goal) == 0.1
    assert error_goal_for(learner, goal) == (0.1,)
    assert error_goal_for(learner, Points(3)) is None
    learner.set_error_goal(0.1)
    assert error_goal_for(learner, Points(3)) == (None,)
    assert error_goal_for(SequenceLearner(abs, [1]), goal) is None


def test_the_statement_of_a_check():
    """Fraction and confidence of a goal are those of the claim; a learner whose checks are fixed refuses them."""
    curve = Learner1D(math.exp, (0, 1), mode="smooth")
    simple(curve, goal=LargestError(1e-3, curve, fraction=0.2) | LargestError(2e-3, curve, confidence=0.95))
    claim = curve.claim()
    assert (claim.error, claim.fraction, claim.confidence, claim.checks) == (1e-3, 0.2, 0.95, 14)
    pair = BalancingLearner([Learner1D(math.exp, (0, 1)), Learner1D(math.sin, (0, 1))])
    assert error_goal_for(pair, LargestError(0.1, pair, fraction=0.2)) == (0.1, 0.2, None)
    simple(pair, goal=LargestError(0.1, pair, fraction=0.2))
    assert {child.claim().fraction for child in pair.learners} == {0.2}
    fixed = Checking(abs, [1])
    with pytest.raises(TypeError, match="fixed fraction and confidence"):
        error_goal_for(fixed, LargestError(0.1, fixed, fraction=0.2))


def test_an_error_of_another_learner_is_refused():
    """No point would be asked of it; one that the learner of the run holds is right."""
    curve, other = Learner1D(math.sin, (0, 3)), Learner1D(math.sin, (0, 3))
    goal = LargestError(0.1, other) | Points(50)
    with pytest.raises(ValueError, match="has another Learner1D, which no point is asked of"):
        simple(curve, goal=goal)
    simple(BalancingLearner([curve, other]), goal=goal)
    simple(DataSaver(other, float), goal=goal)
