"""The run machine: what it decides, event by event."""

from __future__ import annotations

from math import inf

import pytest

from adaptive_calib.engine.events import (
    Broke,
    Cancelled,
    Claimed,
    Crashed,
    Dropped,
    Failed,
    Finished,
    Loaded,
    Resized,
    Started,
    Submit,
    Tick,
    Withdraw,
)
from adaptive_calib.engine.goals import Elapsed, Loss, Never, Points, When
from adaptive_calib.engine.machine import FIRST_FAILURES, EvaluationError, ExecutorError, RunMachine
from adaptive_calib.engine.retry import RetryPolicy
from tests.engine.doubles import Counting, Tolerant


def machine(learner=None, goal=None, *, retry=None, **arguments):
    return RunMachine(learner or Tolerant(), goal or Never(), retry, **arguments)


def points(effects):
    return [effect.point for effect in effects if isinstance(effect, Submit)]


def test_fills_the_free_places():
    """As many points are handed out as there are places, and each that comes back makes room for one."""
    run = machine()
    assert run.handle(Started(0.0, 3)) == [Submit(0, 0), Submit(1, 1), Submit(2, 2)]
    assert points(run.handle(Finished(1.0, 1, "y"))) == [3]
    assert run.learner.data == {1: "y"}


def test_goal_before_first_ask():
    """What is loaded may reach the goal: then nothing is asked at all."""
    run = machine(goal=Points(2))
    assert run.handle(Started(0.0, 3), Loaded(0.0, [4, 5], [8, 10])) == []
    assert (run.phase, run.status) == ("ended", "finished")
    assert run.stop_reason == "goal reached: 2 points (npoints_goal=2)"


def test_work_under_way_at_the_goal_is_told():
    """At the goal what has not begun is withdrawn, and what has begun is waited for and told."""
    run = machine(goal=Points(1))
    run.handle(Started(0.0, 3))
    assert run.handle(Finished(1.0, 0, 0)) == [Withdraw((1, 2))]
    assert run.phase == "draining"
    run.handle(Dropped(1.0, 2))
    run.handle(Finished(2.0, 1, 2))
    assert run.phase == "ended"
    assert run.learner.data == {0: 0, 1: 2}
    assert not run.learner.pending_points


def test_everything_of_one_step_is_told_before_a_failure_counts():
    """A result that comes in together with a failure is told."""
    run = machine()
    run.handle(Started(0.0, 2))
    run.handle(Failed(1.0, 0, ValueError("no"), "text"), Finished(1.0, 1, 2))
    assert run.learner.data == {1: 2}
    assert (run.phase, run.status) == ("ended", "failed")
    assert isinstance(run.error, EvaluationError)
    assert isinstance(run.error.__cause__, ValueError)


def test_a_retry_waits_for_its_time_and_comes_before_new_points():
    """A point that is tried again is submitted once it is due, as attempt 2."""
    run = machine(retry=RetryPolicy(attempts=2, delay=5.0))
    run.handle(Started(0.0, 1))
    assert points(run.handle(Failed(1.0, 0, ValueError("no")))) == [1]
    assert [attempt.point for attempt in run.to_retry] == [0]
    assert run.handle(Finished(7.0, 1, 2)) == [Submit(2, 0, attempt=2)]


def test_a_retry_is_due_only_if_there_is_a_place_for_it():
    """While all places are taken time alone brings nothing, and nobody should wake up for it."""
    run = machine(Tolerant(2), retry=RetryPolicy(attempts=2, delay=5.0))
    run.handle(Started(0.0, 1))
    run.handle(Failed(1.0, 0, ValueError("no")))
    assert run.due == inf
    run.handle(Resized(2.0, 2))
    assert run.due == 6.0
    assert run.handle(Tick(6.0)) == [Submit(2, 0, attempt=2)]


def test_continue_tells_the_learner_of_failed_points():
    """With on_error="continue" a failed point is told as failed, and never asked again."""
    run = machine(Tolerant(3), on_error="continue")
    run.handle(Started(0.0, 1))
    run.handle(Finished(1.0, 0, 0))
    run.handle(Failed(1.0, 1, ValueError("no")))
    run.handle(Finished(1.0, 2, 4))
    assert run.status == "exhausted"
    assert run.learner.gone == {1}
    assert [failure.point for failure in run.failures] == [1]


def test_a_learner_without_a_word_for_failure_is_not_asked_there():
    """Points that failed before the run are withheld from a learner that cannot be told so."""
    run = machine(Counting(4), on_error="continue")
    assert points(run.handle(Started(0.0, 2), Loaded(0.0, [], [], [0, 2]))) == [1, 3]


def test_points_that_failed_before_are_repeated_first_and_before_the_goal_is_judged():
    """Whatever the learner would ask for, and even if the goal is reached already; a repeated failure is final."""
    run = machine(Tolerant(9), goal=Points(2), on_error="continue")
    loaded = Loaded(0.0, [0, 1], [0, 2], again=[7, 5, 6])
    assert points(run.handle(Started(0.0, 2), loaded)) == [7, 5]
    assert run.phase == "running"
    assert points(run.handle(Resized(0.5, 8))) == [6]  # no new point, as the goal is reached
    run.handle(Finished(1.0, 0, 14))
    run.handle(Failed(1.0, 1, ValueError("still")))
    assert run.phase == "running"
    run.handle(Finished(2.0, 2, 12))
    assert (run.phase, run.status) == ("ended", "finished")
    assert run.learner.data == {0: 0, 1: 2, 7: 14, 6: 12}
    assert run.learner.gone == {5}


def test_a_goal_of_time_does_not_wait_for_repeated_points():
    """A batch job of an hour ends after the hour; a retry of a repeated point is not awaited either."""
    run = machine(Tolerant(9), goal=Elapsed(3600), on_error="continue", retry=RetryPolicy(attempts=2, delay=9000.0))
    run.handle(Started(0.0, 1), Loaded(0.0, [], [], again=[5]))
    run.handle(Failed(10.0, 0, ValueError("again")))
    assert run.phase == "running"
    run.handle(Tick(3601.0))
    assert run.phase == "draining"


def test_a_point_that_the_learner_refuses_is_not_repeated():
    """As after a change of the learner's parameters: `tell_pending` raises ValueError; other errors end the run."""

    class Picky(Tolerant):
        def tell_pending(self, x):
            if x == 5:
                raise ValueError("no node")
            if x == 6:
                raise KeyError(x)
            super().tell_pending(x)

    run = machine(Picky(9), on_error="continue")
    assert points(run.handle(Started(0.0, 1), Loaded(0.0, [], [], again=[5, 7]))) == [7]
    run = machine(Picky(9), on_error="continue")
    run.handle(Started(0.0, 1), Loaded(0.0, [], [], again=[6]))
    assert run.status == "failed"
    assert "learner.tell_pending raised KeyError(6)" in run.stop_reason


def test_nothing_left_to_ask_ends_the_run():
    """A learner that answers nothing while nothing is out ends the run, with that reason."""
    run = machine(Tolerant(1), goal=Points(5))
    run.handle(Started(0.0, 4))
    run.handle(Finished(1.0, 0, 0))
    assert (run.phase, run.status) == ("ended", "exhausted")
    assert run.stop_reason == "goal not reached: nothing left to ask for after 1 point"


def test_max_failures():
    """The run gives up after so many failed points."""
    run = machine(on_error="continue", max_failures=2)
    run.handle(Started(0.0, 1))
    run.handle(Finished(0.5, 0, 0))
    run.handle(Failed(1.0, 1, ValueError("a")))
    assert run.phase == "running"
    run.handle(Failed(2.0, 2, ValueError("b")))
    assert (run.phase, run.status) == ("ended", "failed")
    assert str(run.error).endswith("raised ValueError('b'); 2 points failed (max_failures=2). The traceback:\n\n")


@pytest.mark.parametrize("capacity", [1, 4, 50])
def test_gives_up_if_the_first_all_fail(capacity):
    """If the first 20 points fail and no value is known, something is wrong with all; for any number of workers."""
    run = machine(Tolerant(100), on_error="continue")
    run.handle(Started(0.0, capacity))
    for task in range(FIRST_FAILURES):
        assert run.phase == "running"
        run.handle(Failed(1.0, task, ValueError("all")))
    assert run.status == "failed"
    assert run.stop_reason.startswith("failed: the first 20 points all failed")
    assert "raised ValueError('all'); the first 20 points all failed." in str(run.error)
    assert "on_error" not in str(run.error)


@pytest.mark.parametrize("more", [{"max_failures": 90}, {}])
def test_goes_on_if_a_value_is_known_or_more_failures_are_allowed(more):
    """Failures at the first points alone, as at a singular boundary, end nothing."""
    run = machine(Tolerant(100), on_error="continue", **more)
    run.handle(Started(0.0, 1))
    if not more:
        run.handle(Finished(0.5, 0, 0))
    for task in range(1 - bool(more), 60):
        run.handle(Failed(1.0, task, ValueError("all")))
    assert run.phase == "running"


def test_an_executor_that_gives_points_back_ends_the_run():
    """A point that comes back without a result is submitted again twice; the third time ends the run, and not it."""
    run = machine()
    run.handle(Started(0.0, 1))
    assert points(run.handle(Dropped(1.0, 0, ConnectionError("gone")))) == [0]
    assert points(run.handle(Dropped(2.0, 1))) == [0]  # withdrawn: not counted
    assert points(run.handle(Dropped(3.0, 2, ConnectionError("gone")))) == [0]
    assert run.handle(Dropped(4.0, 3, ConnectionError("gone"))) == []
    assert (run.phase, run.status) == ("ended", "failed")
    assert isinstance(run.error, ExecutorError)
    assert isinstance(run.error.__cause__, ConnectionError)
    assert run.failures == []


def test_failures_of_earlier_runs_are_named_and_end_nothing():
    """A failure that the store knows is told as failed, listed, and counted in the reason, but is no error."""
    run = machine(Tolerant(3), max_failures=1, on_error="continue")
    run.handle(Started(0.0, 1), Loaded(0.0, [], [], [1], ["Traceback of 1"]))
    run.handle(Failed(1.0, 0, ValueError("old"), "Traceback of 0", stored=True))
    assert run.phase == "running"
    assert [(f.point, f.attempts, f.traceback, f.stored) for f in run.failures] == [
        (1, 0, "Traceback of 1", True), (0, 0, "Traceback of 0", True),
    ]  # fmt: skip
    assert run.learner.gone == {0, 1}
    run.handle(Finished(2.0, 1, 4))
    assert (run.status, run.error) == ("exhausted", None)
    words = ', 2 points failed in an earlier run and were left out (mode="retry" repeats them)'
    assert run.stop_reason == f"finished: nothing left to ask for after 1 point{words}"


def test_a_point_that_another_run_evaluates_needs_no_place():
    """Another point is asked for; the run does not end before the claimed one has a result or is evaluated here."""
    run = machine(Tolerant(3))
    assert points(run.handle(Started(0.0, 1))) == [0]
    assert points(run.handle(Claimed(0.0, 0))) == [1]
    assert points(run.handle(Finished(1.0, 1, 2))) == [2]
    assert points(run.handle(Finished(2.0, 2, 4))) == []
    assert (run.phase, run.running) == ("running", {})
    assert run.handle(Dropped(3.0, 0)) == [Submit(3, 0)]
    run.handle(Claimed(3.0, 3))
    assert run.phase == "running"
    run.handle(Finished(4.0, 3, 0, stored=True))
    assert (run.status, run.learner.data) == ("exhausted", {0: 0, 1: 2, 2: 4})


def test_points_of_other_runs_are_not_waited_for_at_the_goal():
    """A run at its goal ends although another run evaluates a point that it has asked for."""
    run = machine(goal=Points(1))
    run.handle(Started(0.0, 1))
    run.handle(Claimed(0.0, 0))
    run.handle(Finished(1.0, 1, 2))
    assert (run.phase, run.claimed) == ("ended", {})


def test_cancel_drains_and_a_second_cancel_leaves():
    """The first cancel waits for what is under way; the second does not."""
    run = machine()
    run.handle(Started(0.0, 2))
    assert run.handle(Cancelled(1.0)) == [Withdraw((0, 1))]
    run.handle(Finished(2.0, 0, 0))
    assert (run.phase, run.status) == ("draining", "cancelled")
    run.handle(Cancelled(3.0))
    assert run.phase == "ended"
    assert run.learner.data == {0: 0}
    run.handle(Finished(4.0, 1, 2))
    assert run.learner.data == {0: 0}


def test_capacity_may_change():
    """More workers get work at once; with none the run waits and is not exhausted."""
    run = machine(Tolerant(2))
    assert run.handle(Started(0.0, 0)) == []
    assert run.phase == "running"
    assert points(run.handle(Resized(1.0, 2))) == [0, 1]


def test_dropped_while_running_is_handed_out_again():
    """A task that was lost without an attempt goes out again, before anything new and without a failure."""
    run = machine()
    run.handle(Started(0.0, 1))
    assert run.handle(Dropped(1.0, 0)) == [Submit(1, 0, attempt=1)]


def test_a_crash_is_traced_to_its_point():
    """Points of a broken pool run again one at a time; the one that is alone when it breaks again is guilty."""
    run = machine(Tolerant(5), on_error="continue")
    run.handle(Started(0.0, 3))
    assert run.handle(Crashed(1.0, (0, 1, 2), OSError("died"))) == [Submit(3, 0, alone=True)]
    assert run.handle(Finished(2.0, 3, 0)) == [Submit(4, 1, alone=True)]
    assert points(run.handle(Crashed(3.0, (4,), OSError("died")))) == [2]
    assert [(failure.point, failure.crashed) for failure in run.failures] == [(1, True)]
    assert points(run.handle(Finished(4.0, 5, 4))) == [3, 4]


def test_in_a_shared_pool_only_a_trial_convicts():
    """A point that happened to be the only one out when a shared pool died is tried alone before it is blamed."""
    run = machine(Tolerant(5), on_error="continue")
    run.handle(Started(0.0, 1))
    assert run.handle(Crashed(1.0, (0,), OSError("died"), shared=True)) == [Submit(1, 0, alone=True)]
    assert run.failures == []
    run.handle(Crashed(2.0, (1,), OSError("died"), shared=True))
    assert [failure.point for failure in run.failures] == [0]


def test_a_goal_in_time_is_reached_by_a_tick():
    """Time alone may end a run."""
    run = machine(goal=Elapsed(10) | Loss(0.0))
    run.handle(Started(0.0, 1))
    assert run.due == 10.0
    run.handle(Tick(10.5))
    assert (run.phase, run.status) == ("draining", "finished")
    assert "goal reached: 10.5 s of running (duration_goal=10)" in run.stop_reason


@pytest.mark.parametrize("name", ["tell", "ask", "goal"])
def test_errors_around_the_function_end_the_run_with_them(name):
    """An error of the learner or of the goal ends the run with that error; what is out is withdrawn."""

    def broken(*args):
        raise KeyError("mine")

    learner = Tolerant()
    goal = When(lambda one: broken() if one.npoints else False, learner) if name == "goal" else Never()
    run = machine(learner, goal)
    run.handle(Started(0.0, 2))
    if name != "goal":
        setattr(learner, name, broken)
    effects = run.handle(Finished(1.0, 0, 0))
    assert Withdraw((1,)) in effects
    assert run.status == "failed"
    assert isinstance(run.error, KeyError)


def test_a_broken_store_ends_the_run_even_at_the_goal():
    """An error around the run counts, also when the goal was reached before."""
    run = machine(goal=Points(1))
    run.handle(Started(0.0, 1))
    run.handle(Finished(1.0, 0, 0), Broke(1.0, OSError("disk full"), "the store could not be written"))
    assert (run.status, run.stop_reason) == ("failed", "failed: the store could not be written")


def test_bad_arguments_are_refused():
    """Arguments out of range are named."""
    with pytest.raises(ValueError, match="on_error"):
        machine(on_error="ignore")
    with pytest.raises(ValueError, match="max_failures"):
        machine(max_failures=0)
    run = machine()
    run.handle(Started(0.0, 1))
    with pytest.raises(RuntimeError, match="starts once"):
        run.handle(Started(0.0, 1))
