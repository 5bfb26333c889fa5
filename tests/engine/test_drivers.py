"""Sessions, step by step, with tasks and time in the test's hands."""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import os
import signal
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor

import pytest

from adaptive_calib.engine.archive import Preloaded, Stored
from adaptive_calib.engine.batching import Batching
from adaptive_calib.engine.clock import Clock
from adaptive_calib.engine.drivers import run_async, run_blocking, signals
from adaptive_calib.engine.evaluate import Work
from adaptive_calib.engine.executors import InThisThread
from adaptive_calib.engine.goals import Elapsed, Never, Points
from adaptive_calib.engine.machine import RunMachine
from adaptive_calib.engine.retry import RetryPolicy
from adaptive_calib.engine.session import SLICE, ExecutorDiedError, Session
from adaptive_calib.learner import SequenceLearner
from adaptive_calib.testing.executors import ManualClock, ManualExecutor
from tests.engine.doubles import MemoryArchive, Tolerant


def session(
    *,
    goal=None,
    capacity=2,
    function=None,
    executor=None,
    retry=None,
    total=100,
    on_error="raise",
    timeout=None,
    **arguments,
):
    learner = Tolerant(total, function)
    machine = RunMachine(learner, goal or Never(), retry, on_error=on_error, journal="log" in arguments)
    executor = executor or ManualExecutor(capacity)
    work = Work(learner.function, timeout=timeout)
    return Session(machine, executor, work, clock=ManualClock(), **arguments), executor, learner


def fails_at_two(x):
    if x == 2:
        raise ValueError("two")
    return 2 * x


def test_results_are_told_as_they_come():
    """Whatever is over at a step is told; each gives its place to a new point."""
    run, executor, learner = session()
    run.start()
    executor.task(1).finish()
    run.step()
    assert learner.data == {1: 2}
    assert [task.points for task in executor.out] == [[0], [2]]


def test_the_archive_is_written_before_the_learner_hears():
    """When the learner is told, the outcome is on record."""
    archive = MemoryArchive()
    run, executor, learner = session(archive=archive)
    tell = learner.tell

    def check(x, y):
        assert [outcome.point for outcome in archive.outcomes] == [x]
        tell(x, y)

    learner.tell = check
    run.start()
    executor.task(0).finish()
    run.step()
    assert learner.data == {0: 0}
    assert run.machine.error is None


def test_what_the_archive_knows_is_not_evaluated():
    """Known values are told first; the goal is looked at before the first ask; known failures are not repeated."""
    archive = MemoryArchive({0: 0, 1: 2}, failed=[2])
    run, executor, learner = session(archive=archive, goal=Points(3))
    run.start()
    assert learner.gone == {2}
    assert [task.points for task in executor.out] == [[3], [4]]
    run, executor, learner = session(archive=MemoryArchive({0: 0, 1: 2, 2: 4}), goal=Points(3))
    run.start()
    assert run.over
    assert executor.tasks == []


def test_asked_points_are_looked_up():
    """A hit is told at once and nothing is submitted for it, however many follow each other."""
    archive = MemoryArchive({x: -x for x in range(50)}, failed=[50])
    archive.preloading = False
    run, executor, learner = session(archive=archive, capacity=1, on_error="continue")
    run.start()
    assert learner.data == {x: -x for x in range(50)}
    assert learner.gone == {50}
    assert [task.points for task in executor.out] == [[51]]
    assert run.machine.progress.stored == 50
    assert archive.outcomes == []


def test_only_final_failures_are_recorded():
    """An attempt that is made again leaves no record; the last one does, with its attempt and traceback."""
    archive = MemoryArchive()
    run, executor, _ = session(
        archive=archive, function=fails_at_two, on_error="continue", retry=RetryPolicy(2), capacity=3
    )
    run.start()
    executor.task(2).finish()
    run.step()
    assert archive.outcomes == []
    executor.task(2).finish()
    run.step()
    (outcome,) = archive.outcomes
    assert (outcome.point, outcome.status, outcome.attempt) == (2, "failed", 2)
    assert "ValueError: two" in outcome.report.traceback


def test_an_error_of_the_archive_ends_the_run_after_telling():
    """What could not be written is told all the same, and the run ends with the archive's error."""

    class Full(MemoryArchive):
        def record(self, outcomes):
            raise OSError("disk full")

    run, executor, learner = session(archive=Full())
    run.start()
    executor.task(0).finish()
    run.step()
    assert learner.data == {0: 0}
    assert run.over
    assert isinstance(run.machine.error, OSError)


def test_a_refusing_archive_ends_the_run():
    """An archive that is read only raises at a point that would be evaluated; no such point is."""

    class ReadOnly(MemoryArchive):
        def find(self, point, place=None):
            if point > 1:
                raise PermissionError(f"{point} is not stored")
            return Stored("ok", 0)

    run, executor, learner = session(archive=ReadOnly())
    run.start()
    assert run.over
    assert executor.tasks == []
    assert learner.data == {0: 0, 1: 0}
    assert isinstance(run.machine.error, PermissionError)
    assert not learner.pending_points


def test_at_the_goal_what_has_not_begun_is_withdrawn():
    """The rest is waited for, told and recorded; evaluations run == recorded == told."""
    archive = MemoryArchive()
    run, executor, learner = session(goal=Points(1), capacity=3, archive=archive)
    run.start()
    executor.task(1).begin()
    executor.task(0).finish()
    run.step()
    assert not run.over
    executor.tasks[1].finish()
    run.step()
    run.finish()
    assert run.over
    assert sorted(learner.data) == sorted(outcome.point for outcome in archive.outcomes) == [0, 1]
    assert executor.closed
    assert archive.closed == ("finished", run.machine.stop_reason)


def test_a_timer_ends_a_run_while_nothing_finishes():
    """The driver wakes up when the goal is due."""
    run, executor, _ = session(goal=Elapsed(10))
    run.start()
    assert run.wait() == 10
    run.clock.move(10)
    run.step()
    assert run.over  # nothing had begun
    assert executor.out == []


def test_a_delayed_retry_is_waited_for():
    """The wait of the driver ends when the retry is due and has a place."""
    run, executor, _ = session(function=fails_at_two, capacity=3, retry=RetryPolicy(2, delay=7), total=3)
    run.start()
    executor.task(2).finish()
    run.step()
    assert run.wait() == 7
    run.clock.move(7)
    run.step()
    assert [task.points for task in executor.out] == [[0], [1], [2]]


def test_points_of_a_task_have_an_outcome_each():
    """With points_per_task=3 one failure leaves the two others their values."""
    run, executor, learner = session(
        function=fails_at_two, capacity=2, batching=Batching(3), on_error="continue", total=6
    )
    run.start()
    assert [task.points for task in executor.out] == [[0, 1, 2], [3, 4, 5]]
    executor.tasks[0].finish()
    run.step()
    assert learner.data == {0: 0, 1: 2}
    assert learner.gone == {2}


def test_automatic_batches_follow_the_time_of_an_evaluation():
    """Fast functions get large tasks, slow ones single points."""
    batching = Batching(None)
    assert batching.points(1.0) == 1
    assert batching.points(0.01) == 2
    assert batching.points(1e-6) == batching.points(0.0) == batching.largest
    run, executor, learner = session(capacity=2, batching=batching, total=10_000)
    run.start()
    assert [len(task.points) for task in executor.out] == [1, 1]
    largest = 0
    while learner.npoints < 300:
        known = learner.npoints
        executor.out[0].finish()
        run.step()
        largest = max(largest, *(len(task.points) for task in executor.out))
        assert sum(len(task.points) for task in executor.out) <= max(2, known + largest)
    assert largest > 20


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4, 5), (2, 1, 0, 5, 4, 3), (1, 2, 0, 4, 5, 3)])
def test_deterministic_runs_tell_in_the_order_of_submission(order):
    """Whatever the timing, the log and the result are the same."""
    told = []

    class Log:
        def write(self, entries):
            told.extend((entry.name, entry.args, entry.answer) for entry in entries if not entry.note)

        def close(self):
            pass

    run, executor, learner = session(capacity=3, goal=Points(4), deterministic=True, log=Log())
    run.start()
    for place in order:
        executor.tasks[place].finish()
        run.step()
    assert run.over
    assert sorted(learner.data) == [0, 1, 2, 3, 4, 5]
    assert [args[0] for name, args, _ in told if name == "tell"] == [0, 1, 2, 3, 4, 5]
    assert [(args, answer) for name, args, answer in told if name == "ask"] == [
        ((3,), (0, 1, 2)),
        ((1,), (3,)),
        ((1,), (4,)),
        ((1,), (5,)),
    ]


def test_a_broken_pool_is_replaced_and_the_guilty_point_found():
    """Points that were out run again one at a time; the one that is alone when the pool dies is the one."""
    archive = MemoryArchive()
    run, executor, learner = session(capacity=3, on_error="continue", archive=archive, total=5)
    run.start()
    for task in executor.out:
        task.break_with(BrokenExecutor("a worker was killed"))
    run.step()
    assert executor.renewed == 1
    executor.task(0).finish()
    run.step()
    assert [task.points for task in executor.out] == [[1]]
    executor.task(1).break_with(BrokenExecutor("again"))
    run.step()
    executor.task(2).finish()
    run.step()
    for point in (3, 4):
        executor.task(point).finish()
    run.step()
    assert run.over
    assert sorted(learner.data) == [0, 2, 3, 4]
    assert [(outcome.point, outcome.status) for outcome in archive.outcomes if outcome.status != "ok"] == [
        (1, "crashed")
    ]
    assert run.machine.failures[0].crashed


def test_a_pool_that_is_not_ours_ends_the_run_when_it_breaks():
    """The error names the points that were out, and what to do about it."""
    run, executor, learner = session(executor=ManualExecutor(2, renews=False))
    run.start()
    executor.task(0).finish()
    executor.task(1).break_with(BrokenExecutor("a worker was killed"))
    run.step()
    assert run.over
    assert learner.data == {0: 0}
    assert isinstance(run.machine.error, ExecutorDiedError)
    with pytest.raises(ExecutorDiedError, match="These points were out: 1"):
        raise run.machine.error


def test_capacity_is_followed():
    """More workers get points at the next step; fewer are waited for."""
    run, executor, _ = session(capacity=0)
    run.start()
    assert executor.out == []
    executor.capacity = 3
    run.step()
    assert len(executor.out) == 3
    executor.capacity = 1
    executor.task(0).finish()
    run.step()
    assert len(executor.out) == 2


def test_a_function_that_cannot_be_shipped_ends_the_run_before_anything_is_evaluated():
    """The error is the executor's."""

    class Choosy(ManualExecutor):
        def ship(self, work):
            raise TypeError("not picklable")

    run, executor, learner = session(executor=Choosy())
    run.start()
    assert run.over
    assert isinstance(run.machine.error, TypeError)
    assert executor.tasks == []
    assert not learner.pending_points


def test_overdue_evaluations_are_named_where_they_cannot_be_stopped(caplog):
    """One warning for each task that takes longer than the limit."""
    run, _, _ = session(capacity=2, timeout=5.0)
    run.start()
    assert run.wait() == 5.0
    run.clock.move(6.0)
    run.step()
    run.step()
    assert len([record for record in caplog.records if "time limit" in record.message]) == 2
    assert run.wait() is None


def test_nothing_is_kept_of_what_is_over():
    """After many evaluations without a log the session holds no more than what is out."""
    run, _, learner = session(executor=InThisThread(), goal=Points(3000), total=3000)
    run.start()
    sizes = set()
    while not run.over:
        run.step()
        sizes.add(len(run.pending) + len(run.machine.running) + len(run.machine.failures))
    assert learner.npoints == 3000
    assert max(sizes) <= 2


def test_the_traceback_of_a_point_evaluated_here_begins_in_the_users_function():
    """Neither the text nor the exception itself shows how the run came there."""

    def fails(x):
        if x == 3:
            raise ValueError("no")
        return x

    run, _, learner = session(executor=InThisThread(), function=fails, on_error="continue", goal=Points(5))
    run_blocking(run)
    assert learner.data == {x: x for x in (0, 1, 2, 4, 5)}
    (failure,) = run.machine.failures
    assert failure.point == 3
    assert failure.error.__traceback__.tb_frame.f_code is fails.__code__
    assert next(line for line in failure.traceback.splitlines() if "File" in line).endswith("in fails")


def test_ctrl_c_drains_and_a_second_one_abandons():
    """The first SIGINT keeps what has begun and then ends the script; the handlers are back afterwards."""

    def interrupted(x):
        if x == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return x

    signal.signal(signal.SIGINT, signal.default_int_handler)  # an interrupted run of another test may have left its own
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    run, _, learner = session(executor=InThisThread(), function=interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_blocking(run)
    assert run.over
    assert learner.data == {0: 0, 1: 1, 2: 2, 3: 3}
    assert (run.machine.status, run.machine.stop_reason) == ("cancelled", "cancelled by SIGINT")

    def twice(x):
        if x == 3:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
        return x

    run, _, learner = session(executor=InThisThread(), function=twice)
    with pytest.raises(KeyboardInterrupt):
        run_blocking(run)
    assert learner.data == {0: 0, 1: 1, 2: 2}
    assert run.over
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_stored_results_are_told_ends_the_run_between_two_of_them(number):
    """A store of hours is not read to its end first, and nothing is evaluated afterwards."""

    class Interrupted(SequenceLearner):
        def tell(self, point, value):
            super().tell(point, value)
            if point[0] == 20:
                os.kill(os.getpid(), number)

    called = []
    learner = Interrupted(called.append, range(300))
    archive = MemoryArchive({(x, x): x for x in range(200)})
    run = Session(RunMachine(learner, Never()), InThisThread(), Work(learner.function), archive=archive)
    run_blocking(run, on_interrupt="return")
    assert 20 < learner.npoints < 100
    assert not called
    assert run.machine.stop_reason == f"cancelled by {number.name}"
    assert archive.closed[0] == "cancelled"


def test_a_signal_while_stored_results_are_read_ends_the_run():
    """The archive is asked to stop, and what it gave is not told."""

    class Slow(MemoryArchive):
        def preload(self, stop=lambda: None):
            given = []
            for x in self.values:
                if stop():
                    break
                given.append(x)
                if x == 5:
                    os.kill(os.getpid(), signal.SIGINT)
            return Preloaded(given, given)

    archive = Slow({x: x for x in range(200)})
    called = []
    learner = Tolerant(300, called.append)
    run = Session(RunMachine(learner, Never()), InThisThread(), Work(learner.function), archive=archive)
    run_blocking(run, on_interrupt="return")
    assert not called
    assert learner.npoints == 0
    assert run.machine.status == "cancelled"


def _handlers():
    return signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)


def test_a_forked_worker_dies_of_sigterm_and_leaves_ctrl_c_to_the_parent():
    """It does not inherit the handlers of the run: a broken pool ends the other workers by SIGTERM, and waits."""
    run, _, _ = session()
    with signals(run), ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        assert pool.submit(_handlers).result() == (signal.SIG_IGN, signal.SIG_DFL)


def test_sigterm_is_like_the_first_ctrl_c():
    """SIGTERM keeps what has begun and then ends the script with the status 143, unless the run is to return."""

    def terminated(x):
        if x == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return x

    run, _, learner = session(executor=InThisThread(), function=terminated)
    with pytest.raises(SystemExit) as ended:
        run_blocking(run)
    assert ended.value.code == 143
    assert learner.data == {0: 0, 1: 1, 2: 2}
    assert run.machine.stop_reason == "cancelled by SIGTERM"
    run, _, learner = session(executor=InThisThread(), function=terminated)
    run_blocking(run, on_interrupt="return")
    assert run.machine.stop_reason == "cancelled by SIGTERM"


def test_both_drivers_give_the_same_run():
    """With an executor in the same thread, blocking and async tell the same in the same order."""
    blocking, _, first = session(executor=InThisThread(), goal=Points(20))
    run_blocking(blocking)
    later, _, second = session(executor=InThisThread(), goal=Points(20))
    asyncio.run(run_async(later))
    assert list(first.data.items()) == list(second.data.items())
    assert blocking.machine.stop_reason == later.machine.stop_reason


def test_short_tasks_wait_in_the_workers_as_many_as_the_way_takes():
    """One for tasks that are long; for shorter ones as many as end while the driver answers, at most 8."""
    one, auto = Batching(), Batching(None)
    assert [one.tasks(seconds, 1, 0.0005) for seconds in (1.0, 0.005, 0.004, 0.0005, 0.0002, 1e-6)] == [
        1,
        1,
        2,
        2,
        4,
        8,
    ]
    assert one.tasks(1e-6, 1, 0.0) == 1  # who evaluates at once, or was told a number, has no use for it
    assert auto.tasks(1.0, 1, 0.0005) == 1
    assert auto.tasks(0.02, 100, 0.0005) == 2
    assert Batching(20).tasks(1e-4, 20, 0.0005) == 2


def test_a_step_of_points_evaluated_in_this_thread_gives_way_to_others():
    """One step takes many short points of this thread, but after a slice of time it is over."""
    clock = iter(range(1_000_000))

    class Counted(Clock):
        def monotonic(self) -> float:
            return next(clock) * SLICE / 40

    learner = SequenceLearner(abs, range(300))
    run = Session(RunMachine(learner, Points(300)), InThisThread(), Work(learner.function), clock=Counted())
    run.start()
    known = []
    while not run.over:
        run.step()
        known.append(learner.npoints)
    assert 10 < len(known) < 100
    assert max(after - before for before, after in itertools.pairwise([0, *known])) <= 40 / 2  # readings a point


@pytest.mark.parametrize(("seconds", "lingers"), [(1e-5, True), (1e-3, False)])
def test_a_step_waits_for_more_only_if_nobody_is_idle_for_it(seconds, lingers):
    """Results of very short tasks are taken many at a time, while every worker has another task."""

    class Timed(ManualExecutor):
        def submit(self, evaluate, points, *, alone=False):
            return super().submit(
                lambda points: [report._replace(seconds=seconds) for report in evaluate(points)], points
            )

    run, executor, _ = session(executor=Timed(4))
    run.start()
    executor.task(0).finish()
    run.step()
    assert len(run.pending) == 4
    assert run.linger == 0.0
    executor.capacity = 2
    run.step()
    assert (0.0 < run.linger <= 0.005) == lingers
    for task in executor.out[:2]:
        task.finish()
    run.step()
    assert run.linger == 0.0


def test_a_cancel_from_within_the_function_is_seen_at_once():
    """Of the points evaluated in this thread none is begun after the cancel, and the one under way is kept."""
    run = None

    def function(x):
        if x == 7:
            run.cancel()
        return x

    learner = SequenceLearner(function, range(300))
    run = Session(RunMachine(learner, Points(300)), InThisThread(), Work(learner.function))
    run_blocking(run)
    assert list(learner.data) == list(range(8))
    assert run.machine.status == "cancelled"
    assert run.pending == []
