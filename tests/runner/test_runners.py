"""The familiar runners, from the outside."""

from __future__ import annotations

import asyncio
import functools
import inspect
import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest

from adaptive_calib.runner import (
    AsyncRunner,
    BlockingRunner,
    Elapsed,
    Loss,
    Points,
    ReplayError,
    Runner,
    SequentialExecutor,
    replay_log,
    simple,
)
from tests.engine.doubles import Counting, Tolerant


def double(x):
    return 2 * x


async def double_later(x):
    await asyncio.sleep(0)
    return 2 * x


def fails_at_three(x):
    if x == 3:
        raise ValueError("three")
    return 2 * x


def test_runner_is_the_async_runner():
    """The familiar alias."""
    assert Runner is AsyncRunner


@pytest.mark.parametrize("make", [SequentialExecutor, lambda: ThreadPoolExecutor(2)], ids=["sequential", "threads"])
def test_blocking_runner_is_over_when_it_returns(make):
    """The constructor returns when the goal is reached."""
    learner = Counting(20)
    with make() as executor:
        runner = BlockingRunner(learner, npoints_goal=7, executor=executor)
    assert 7 <= learner.npoints <= 8
    assert runner.status() == "finished"
    assert runner.stop_reason.endswith("(npoints_goal=7)")
    assert runner.end_time >= runner.start_time
    assert runner.elapsed_time() > 0


def test_a_goal_by_position_may_be_a_goal_or_a_function():
    """`goal` takes both."""
    learner = Counting()
    BlockingRunner(learner, Points(3), executor=SequentialExecutor())
    assert learner.npoints == 3
    BlockingRunner(learner, lambda one: one.npoints >= 5, executor=SequentialExecutor())
    assert learner.npoints == 5


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"goal": Points(3), "loss_goal": 0.1}, ValueError),
        ({"npoints_goal": 3, "loss_goal": 0.1}, ValueError),
        ({"goal": 5}, TypeError),
        ({}, ValueError),
        ({"npoints_goal": 3, "on_error": "continue", "raise_if_retries_exceeded": True}, ValueError),
        ({"npoints_goal": 3, "points_per_task": 0}, ValueError),
        ({"npoints_goal": 3, "points_per_task": "auto", "deterministic": True}, ValueError),
        ({"npoints_goal": 3, "timeout": 0}, ValueError),
        ({"npoints_goal": 3, "capture": "fd"}, ValueError),
        ({"npoints_goal": 3, "retries": -1}, ValueError),
        ({"npoints_goal": 3, "callbacks": [object()]}, TypeError),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_evaluated(arguments, error):
    """Conflicting or impossible arguments raise, and nothing is asked."""
    learner = Counting()
    with pytest.raises(error):
        BlockingRunner(learner, executor=SequentialExecutor(), **arguments)
    assert not learner.data
    assert not learner.pending_points


def test_goals_combine():
    """Whichever of the two comes first ends the run."""
    learner = Counting()
    runner = BlockingRunner(learner, Loss(0.65) | Elapsed(hours=1), executor=SequentialExecutor())
    assert learner.npoints == 4
    assert runner.stop_reason == "goal reached: loss 0.6 at 4 points (loss_goal=0.65)"


def test_a_failing_point_ends_the_run_with_its_cause():
    """The error names the point; its cause is the function's own."""
    learner = Tolerant(10, fails_at_three)
    with pytest.raises(RuntimeError, match=r"^fails_at_three\(3\) raised ValueError") as caught:
        BlockingRunner(learner, npoints_goal=9, executor=SequentialExecutor())
    assert isinstance(caught.value.__cause__, ValueError)
    assert learner.npoints == 3


def test_a_failing_point_can_be_lived_with():
    """With raise_if_retries_exceeded=False the others are evaluated, and the run ends instead of spinning."""
    learner = Tolerant(10, fails_at_three)
    runner = BlockingRunner(
        learner, npoints_goal=10, executor=SequentialExecutor(), retries=1, raise_if_retries_exceeded=False
    )
    assert sorted(learner.data) == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert runner.failed == {3}
    assert runner.failures[0].attempts == 2
    assert "ValueError: three" in dict(runner.tracebacks)[3]
    assert "fails_at_three" in dict(runner.tracebacks)[3]
    assert runner.to_retry == []


def test_async_runner_in_a_script():
    """Without a running loop each run has a thread of its own, and the script goes on until it waits."""
    one, two = Counting(), Counting()
    first = AsyncRunner(one, npoints_goal=5, executor=SequentialExecutor())
    second = AsyncRunner(two, npoints_goal=5, executor=SequentialExecutor())
    assert first.ioloop is not second.ioloop
    first.block_until_done()
    second.block_until_done()
    assert first.status() == second.status() == "finished"
    assert one.npoints == two.npoints == 5
    assert first.task.result() is None


@pytest.mark.parametrize("function", [double_later, functools.partial(double_later)], ids=["plain", "partial"])
def test_coroutine_functions_run_on_the_loop(function):
    """An async function needs no executor."""
    learner = Counting(50, function)

    async def main():
        runner = AsyncRunner(learner, npoints_goal=50, ntasks=20)
        await runner.task
        return runner

    assert asyncio.run(main()).status() == "finished"
    assert learner.data == {x: 2 * x for x in range(50)}


def test_coroutine_functions_need_the_async_runner():
    """The familiar errors."""
    with pytest.raises(ValueError, match="Coroutine functions can only be used with 'AsyncRunner'"):
        BlockingRunner(Counting(5, double_later), npoints_goal=3)
    with pytest.raises(RuntimeError, match="Cannot use an executor"):
        AsyncRunner(Counting(5, double_later), npoints_goal=3, executor=SequentialExecutor())


def test_what_is_under_way_at_a_cancel_is_told():
    """Cancelling an async run keeps every evaluation that had begun; evaluations == told."""
    evaluated = []

    async def main():
        gate, full = asyncio.Event(), asyncio.Event()

        async def slow(x):
            evaluated.append(x)
            if len(evaluated) == 4:
                full.set()
            await gate.wait()
            return x

        learner = Counting(100, slow)
        runner = AsyncRunner(learner, ntasks=4, allow_running_forever=True, goal=lambda one: False)
        await full.wait()
        runner.cancel()
        gate.set()
        with pytest.raises(asyncio.CancelledError):
            await runner.task
        return learner, runner

    learner, runner = asyncio.run(main())
    assert runner.status() == "cancelled"
    assert sorted(evaluated) == sorted(learner.data) == [0, 1, 2, 3]
    assert not learner.pending_points


@pytest.mark.parametrize("how", ["task", "runner"])
def test_cancelled_before_it_began(how):
    """Such a run evaluates nothing, and is over."""

    async def main():
        learner = Counting()
        runner = AsyncRunner(learner, npoints_goal=5, executor=SequentialExecutor())
        (runner.task if how == "task" else runner).cancel()
        with pytest.raises(asyncio.CancelledError):
            await runner.task
        return learner, runner

    learner, runner = asyncio.run(main())
    assert runner.status() == "cancelled"
    assert runner.elapsed_time() == 0
    assert not learner.data
    assert runner.end_time is not None


def test_a_failed_task_says_so_once(caplog):
    """A background task that failed is announced with its traceback, though nobody waits for it."""

    async def main():
        runner = AsyncRunner(Counting(5, fails_at_three), npoints_goal=5, executor=SequentialExecutor())
        await asyncio.wait([runner.task])
        return runner

    runner = asyncio.run(main())
    assert runner.status() == "failed"
    assert len([record for record in caplog.records if "the run has failed" in record.message]) == 1
    assert caplog.text.count("ValueError: three") == 1
    assert caplog.text.count("in fails_at_three") == 1


@pytest.mark.parametrize("waits", [None, asyncio.gather, lambda task: asyncio.wait_for(task, 60), asyncio.shield])
def test_a_failure_that_is_raised_is_not_logged_too(waits, caplog):
    """However somebody awaits the task, its error has the function's traceback once, and nothing is logged."""

    async def main():
        runner = AsyncRunner(Counting(5, fails_at_three), npoints_goal=5, executor=SequentialExecutor())
        with pytest.raises(RuntimeError) as raised:
            await (runner.task if waits is None else waits(runner.task))
        for _ in range(5):
            await asyncio.sleep(0)
        assert runner.status() == "failed"
        return "".join(traceback.format_exception(raised.value))

    words = asyncio.run(main())
    assert words.count("in fails_at_three") == 1
    assert "the run has failed" not in caplog.text


def test_in_the_background():
    """A run with its own thread goes on while nobody waits; waiting gives its outcome."""
    learner = Counting()
    runner = AsyncRunner(learner, npoints_goal=10, executor=SequentialExecutor(), background=True)
    runner.block_until_done()
    assert runner.status() == "finished"
    assert learner.npoints == 10


@pytest.mark.parametrize("retries", [0, 2])
def test_the_log_replays(retries):
    """The log gives a fresh learner the same data, pending points, loss and next ask; also with retries."""
    attempts = {}

    def shaky(x):
        attempts[x] = attempts.get(x, 0) + 1
        if x % 3 == 1 and attempts[x] < 3:
            raise OSError("again")
        return x

    learner = Tolerant(20, shaky)
    with ThreadPoolExecutor(3) as executor:
        runner = BlockingRunner(
            learner, npoints_goal=9, executor=executor, log=True, retries=retries, on_error="continue"
        )
    fresh = Tolerant(20, shaky)
    replay_log(fresh, runner.log)
    assert fresh.data == learner.data
    assert fresh.gone == learner.gone
    assert fresh.pending_points == learner.pending_points
    assert fresh.ask(10, tell_pending=False) == learner.ask(10, tell_pending=False)


def test_replay_names_the_first_difference():
    """A learner that answers otherwise is found out."""
    runner = BlockingRunner(Counting(), npoints_goal=3, executor=SequentialExecutor(), log=True)
    assert runner.log[0] == ("ask", 1)
    other = Counting()
    other.tell(0, 0)
    with pytest.raises(ReplayError, match="entry 0 of the log"):
        replay_log(other, runner.log)


def test_simple():
    """Ask, evaluate and tell until the goal."""
    learner = Counting()
    simple(learner, npoints_goal=4, points_per_ask=3)
    assert learner.data == {x: 2 * x for x in range(6)}
    with pytest.raises(ValueError, match="three"):
        simple(Counting(5, fails_at_three), npoints_goal=5)


def test_callbacks_hear_of_everything_and_one_that_raises_is_taken_off(caplog):
    """Callbacks are called with an event and the progress; an error of one stops nothing."""
    heard = []

    class Listener:
        def on_start(self, event, progress):
            heard.append(("start", event.capacity))

        def on_ask(self, event, progress):
            heard.append(("ask", event.point))

        def on_tell(self, event, progress):
            heard.append(("tell", event.point, event.value))

        def on_stop(self, event, progress):
            heard.append(("stop", progress.npoints))

    class Broken:
        def on_tell(self, event, progress):
            raise ZeroDivisionError

    BlockingRunner(Counting(), npoints_goal=2, executor=SequentialExecutor(), callbacks=[Broken(), Listener()])
    assert heard == [("start", 1), ("ask", 0), ("tell", 0, 0), ("ask", 1), ("tell", 1, 2), ("stop", 2)]
    assert len([record for record in caplog.records if "is removed" in record.message]) == 1


def test_progress_bar(capsys):
    """progress=True shows how many points are known."""
    BlockingRunner(Counting(), npoints_goal=5, executor=SequentialExecutor(), progress=True)
    assert "5/5" in capsys.readouterr().err


@pytest.mark.parametrize(("kind", "name"), [(BlockingRunner, "BlockingRunner"), (Runner, "Runner")])
def test_an_unknown_parameter_is_named_with_the_nearest_one(kind, name):
    """The error names the class that the user called, not its base; the signature stays complete."""
    with pytest.raises(TypeError, match=rf"^{name} has no parameter `npoint_goal`; did you mean `npoints_goal`\?$"):
        kind(Counting(), npoint_goal=3)
    with pytest.raises(TypeError, match=r"`colour`; it takes learner, goal, .*on_interrupt"):
        kind(Counting(), colour=3)
    assert "npoints_goal" in inspect.signature(kind).parameters
