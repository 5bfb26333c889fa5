"""Goals: values over the progress of a run."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import inf

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
)
from adaptive_calib.learner import Learner1D, SequenceLearner
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
    assert "at least 60" in either.reason(progress(60.0))
    both = Points(3) & Elapsed(60)
    assert not both.reached(progress(60.0))
    assert both.reached(progress(60.0, 3))
    assert Points(1) | Points(2) | Points(3) == AnyOf((Points(1), Points(2), Points(3)))
    assert isinstance((Points(1) | Points(2)) & Points(3), AllOf)
    with pytest.raises(TypeError, match="join goals"):
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
        with pytest.raises(TypeError, match="only a run can tell"):
            goal(learner)
