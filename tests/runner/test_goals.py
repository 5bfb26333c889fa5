"""Goals as users write them."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import numpy as np
import pytest

from adaptive_calib.engine.goals import Done, Elapsed, Loss, Never, Points, Until
from adaptive_calib.learner.balancing_learner import BalancingLearner
from adaptive_calib.learner.learner1D import Learner1D
from adaptive_calib.learner.sequence_learner import SequenceLearner
from adaptive_calib.runner import BlockingRunner, SequentialExecutor, auto_goal, stop_after
from adaptive_calib.runner.goals import make_goal
from tests.engine.doubles import Counting


def known(n):
    learner = Counting(10)
    learner.tell_many(range(n), range(n))
    return learner


def test_keywords_become_goals():
    """Each keyword has its goal; none means `done` for a learner that knows when it is."""
    learner = Counting()
    when = datetime(2030, 1, 1)
    assert make_goal(learner, loss=0.1) == Loss(0.1)
    assert make_goal(learner, npoints=5) == Points(5)
    assert make_goal(learner, duration=timedelta(minutes=1)) == make_goal(learner, duration=60) == Elapsed(60)
    assert make_goal(learner, end_time=when) == Until(when)
    assert isinstance(make_goal(SequenceLearner(abs, [1])), Done)


def test_conflicts_are_refused_by_name():
    """The message names what was given."""
    with pytest.raises(ValueError, match="either `goal` or `loss_goal`"):
        make_goal(Counting(), Points(3), loss=0.1)
    with pytest.raises(ValueError, match="loss_goal and npoints_goal"):
        make_goal(Counting(), loss=0.1, npoints=5)
    with pytest.raises(TypeError, match="function of the learner"):
        make_goal(Counting(), 0.01)


def test_no_goal():
    """Running for ever is warned of, or refused."""
    with pytest.warns(UserWarning, match="continue forever"):
        assert make_goal(Counting()) == Never()
    with pytest.raises(ValueError, match="not allowed"):
        make_goal(Counting(), allow_running_forever=False)


def test_many_learners_reach_a_goal_together():
    """The number of points counts for each child; without a goal all have to be done."""
    many = BalancingLearner([Learner1D(abs, (-1, 1)) for _ in range(2)])
    goal = make_goal(many, npoints=2)
    many.tell_many([(0, 0.0), (0, 1.0), (0, -1.0), (1, 0.0)], [0.0, 1.0, 1.0, 0.0])
    assert not goal.reached(None)
    many.tell((1, 1.0), 1.0)
    assert goal.reached(None)
    assert goal.reason(None) == "2 points or more of each of 2 learners (npoints_goal=2)"
    sequences = BalancingLearner([SequenceLearner(abs, range(1)) for _ in range(2)])
    goal = make_goal(sequences)
    sequences.tell((0, (0, 0)), 0)
    assert not goal.reached(None)
    sequences.tell((1, (0, 0)), 0)
    assert goal.reached(None)


def test_auto_goal_makes_functions():
    """The familiar function: learner -> bool, with the familiar errors."""
    assert auto_goal(npoints=3)(known(3))
    assert not auto_goal(npoints=4)(known(3))
    assert auto_goal(loss=0.5)(known(5))
    assert not auto_goal(loss=0.5)(known(4))
    assert auto_goal(duration=0)(known(0))
    assert not auto_goal(duration=timedelta(hours=1))(known(0))
    assert auto_goal(end_time=datetime(2020, 1, 1))(known(0))
    sequence = SequenceLearner(abs, [1])
    goal = auto_goal(learner=sequence)
    assert not goal(sequence)
    sequence.tell((0, 1), 1)
    assert goal(sequence)
    many = BalancingLearner([Learner1D(abs, (-1, 1)) for _ in range(2)])
    assert not auto_goal(npoints=1, learner=many)(many)
    with pytest.raises(ValueError, match="Only one of loss, npoints, end_time, duration can be specified"):
        auto_goal(loss=1, npoints=1)
    with pytest.raises(ValueError, match="not allowed"):
        auto_goal(learner=Counting(), allow_running_forever=False)
    with pytest.warns(UserWarning, match="continue forever"):
        assert not auto_goal(learner=Counting())(known(10))


def test_stop_after_counts_from_the_call():
    """Its parts add up."""
    assert stop_after(seconds=0)(None)
    assert not stop_after(seconds=1, minutes=1, hours=1)(None)


def test_error_goal_stops_at_a_checked_error() -> None:
    """A smooth-mode learner runs to the error that is wanted, and is that good."""
    learner = Learner1D(np.sin, (0, 3), mode="smooth")
    runner = BlockingRunner(learner, error_goal=1e-6, executor=SequentialExecutor())
    xs = np.linspace(0, 3, 500)
    assert np.abs(learner.predict(xs) - np.sin(xs)).max() <= 1e-6
    assert runner.stop_reason is not None
    assert runner.stop_reason.startswith("goal reached: error at most 1e-06; checked at 22 random points")


def test_error_goal_wants_a_learner_that_estimates_its_error() -> None:
    """Other learners are refused, with what to do instead."""
    with pytest.raises(TypeError, match=r"SequenceLearner does not\. Use loss_goal="):
        BlockingRunner(SequenceLearner(abs, [1]), error_goal=0.1)


def test_a_curve_has_no_end_of_its_own() -> None:
    """A Learner1D without a goal is refused by a blocking runner, as by python-adaptive's."""
    with pytest.raises(ValueError, match="continue forever"):
        BlockingRunner(Learner1D(abs, (-1, 1)), executor=SequentialExecutor())


def test_a_learner_that_explains_itself_gives_the_reason_of_the_stop() -> None:
    """What the learner says about its end is the runner's stop_reason."""

    class Talkative(SequenceLearner):
        def stopped_because(self) -> str:
            return "all is said"

    runner = BlockingRunner(Talkative(abs, [1, 2]), executor=SequentialExecutor())
    assert runner.stop_reason == "finished: all is said"


@pytest.mark.parametrize("value", [-3, math.nan, "10", None, 1j])
def test_goals_that_nothing_can_reach_are_refused(value):
    """A run with such a goal would never end, or end with a raw error."""
    with pytest.raises(ValueError, match="a loss goal should be a number of at least 0"):
        Loss(value)
    with pytest.raises(ValueError, match="a number of points should be a number of at least 0"):
        Points(value)


def test_numbers_of_any_kind_are_goals():
    """Those of NumPy, and zero."""
    assert Points(np.int64(3)).value == 3
    assert Loss(np.float32(0)).value == 0


@pytest.mark.parametrize("learner", [abs, Learner1D, [1, 2], None])
def test_a_runner_names_what_is_no_learner(learner):
    """The function itself, the class instead of an object, a list."""
    with pytest.raises(TypeError, match=r"`learner` should be a learner such as Learner1D\(f"):
        BlockingRunner(learner, npoints_goal=3, executor=SequentialExecutor())


def test_a_mode_without_a_store_is_refused():
    """It would have no effect, and the user believes that it has."""
    with pytest.raises(ValueError, match="`mode` is about the store of a run"):
        BlockingRunner(Learner1D(abs, (-1, 1)), npoints_goal=3, mode="retry", executor=SequentialExecutor())


def test_whether_the_goal_was_reached_is_told_apart_from_the_end():
    """A learner without points to ask for ends a run as "finished", though its goal was not reached."""
    runner = BlockingRunner(Learner1D(abs, (-1, 1)), npoints_goal=3, executor=SequentialExecutor())
    assert (runner.status(), runner.goal_reached) == ("finished", True)
    few = SequenceLearner(abs, [1, 2])
    runner = BlockingRunner(few, npoints_goal=3, executor=SequentialExecutor())
    assert (runner.status(), runner.goal_reached) == ("finished", False)
