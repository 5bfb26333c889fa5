"""Runners: determinism, logs on disk, stores, saving, time limits, displays, many at once, in the background."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest

from adaptive_calib.learner.learner1D import Learner1D
from adaptive_calib.learner.sequence_learner import SequenceLearner
from adaptive_calib.runner import (
    AsyncRunner,
    BlockingRunner,
    Elapsed,
    RetryPolicy,
    SequentialExecutor,
    replay_log,
    simple,
    stop_after,
)
from adaptive_calib.store import SQLiteStore
from tests.engine.doubles import Counting, MemoryArchive, Tolerant


def peak(x):
    return x + 1e-4 / (1e-4 + x * x)


EVALUATED = []


def count(x):
    EVALUATED.append(x)
    return 2 * x


def shaky_peak(x, waits={}):  # noqa: B006 - the workers are to differ
    """Take a different time for each point and worker."""
    until = time.perf_counter() + (hash((x, id(waits))) % 5) * 1e-4
    while time.perf_counter() < until:
        pass
    return peak(x)


def test_deterministic_runs_do_not_depend_on_executor_or_timing():
    """Threads, processes and the sequential executor give the same points in the same order for the same ntasks."""
    results = []
    for make in (
        lambda: ThreadPoolExecutor(3),
        lambda: ThreadPoolExecutor(1),
        lambda: ProcessPoolExecutor(2),
        SequentialExecutor,
    ):
        learner = Learner1D(shaky_peak, (-1, 1))
        with make() as executor:
            BlockingRunner(learner, loss_goal=0.1, executor=executor, ntasks=3, deterministic=True)
        results.append(list(learner.data.items()))
    learner = Learner1D(shaky_peak, (-1, 1))
    AsyncRunner(
        learner, loss_goal=0.1, executor=lambda: ThreadPoolExecutor(2), ntasks=3, deterministic=True
    ).block_until_done()
    results.append(list(learner.data.items()))
    assert len(results[0]) > 30
    assert all(result == results[0] for result in results)


def test_a_log_on_disk_replays(tmp_path):
    """One line an event, with failures and retries; the replay of the file equals the run."""
    tries = []

    def shaky(x):
        tries.append(x)
        if x == 2 and tries.count(2) < 2:
            raise OSError("again")
        if x == 4:
            raise ValueError("never")
        return x

    learner = Tolerant(9, shaky)
    path = tmp_path / "run.jsonl"
    BlockingRunner(
        learner, npoints_goal=9, executor=SequentialExecutor(), log=path, retries=1, raise_if_retries_exceeded=False
    )
    fresh = Tolerant(9)
    replay_log(fresh, path)
    assert fresh.data == learner.data
    assert fresh.gone == learner.gone == {4}
    assert len(path.read_bytes().splitlines()) > 20


@pytest.mark.parametrize("make_runner", [BlockingRunner, AsyncRunner])
def test_a_store_is_written_and_used_again(make_runner, tmp_path):
    """A second run with the same file evaluates only what is missing."""
    EVALUATED.clear()

    def go(total, goal):
        learner = SequenceLearner(count, range(total))
        runner = make_runner(learner, npoints_goal=goal, executor=SequentialExecutor(), store=tmp_path / "a.db")
        if make_runner is AsyncRunner:
            runner.block_until_done()
        return learner

    go(10, 4)
    assert EVALUATED == [0, 1, 2, 3]
    learner = go(10, 10)
    assert list(range(10)) == EVALUATED
    assert learner.result() == [2 * x for x in range(10)]


def test_first_point_in_this_process(monkeypatch):
    """try_first=True evaluates the first point here, once in all, and its value counts."""
    archive = MemoryArchive()
    monkeypatch.setattr("adaptive_calib.store.open_archive", lambda *args, **kwargs: archive)
    learner = Counting(5)
    BlockingRunner(learner, npoints_goal=5, executor=lambda: ProcessPoolExecutor(1), try_first=True, store="a")
    pids = {outcome.point: outcome.report.pid for outcome in archive.outcomes}
    assert pids[0] == os.getpid()
    assert os.getpid() not in [pids[x] for x in (1, 2, 3, 4)]


def test_batch_functions():
    """`batch=True`: f(points) -> values, called once for each task."""
    calls = []

    def many(points):
        calls.append(list(points))
        return [2 * x for x in points]

    learner = Counting(10, many)
    BlockingRunner(learner, npoints_goal=10, executor=ThreadPoolExecutor(1), points_per_task=4, batch=True)
    assert learner.data == {x: 2 * x for x in range(10)}
    assert calls[0] == [0, 1, 2, 3]


def test_time_limits_fail_points():
    """A point that takes too long is a failed point."""

    def slow(x):
        until = time.monotonic() + (20 if x == 2 else 0)
        while time.monotonic() < until:
            pass
        return x

    learner = Tolerant(5, slow)
    runner = BlockingRunner(learner, npoints_goal=5, executor=SequentialExecutor(), timeout=0.05, on_error="continue")
    assert runner.failed == {2}
    assert "longer than 0.05 s" in runner.tracebacks[0][1]


def test_retry_policies_filter_and_wait():
    """Only the named errors are tried again; a delay is kept."""
    times = {}

    def shaky(x):
        times.setdefault(x, []).append(time.monotonic())
        if x == 1 and len(times[x]) == 1:
            raise ConnectionError("busy")
        if x == 2:
            raise ValueError("wrong")
        return x

    learner = Tolerant(4, shaky)
    BlockingRunner(
        learner,
        npoints_goal=4,
        executor=SequentialExecutor(),
        retries=RetryPolicy(3, on=ConnectionError, delay=0.05),
        on_error="continue",
    )
    assert sorted(learner.data) == [0, 1, 3]
    assert len(times[2]) == 1
    assert times[1][1] - times[1][0] >= 0.05


def test_goals_in_time_end_a_run_while_a_point_takes_long():
    """duration_goal does not wait for a point to finish to be looked at: nothing new is asked afterwards."""
    gate = threading.Event()
    learner = Counting(100, lambda x: gate.wait(20) and x)

    def open_gate(events, effects, progress):
        if progress.phase == "draining":
            gate.set()

    runner = AsyncRunner(learner, Elapsed(0.05), executor=lambda: ThreadPoolExecutor(2), callbacks=[open_gate])
    runner.block_until_done()
    assert sorted(learner.data) == [0, 1]
    assert "s of running (duration_goal=" in runner.stop_reason


def test_stop_after_counts_from_its_call():
    """A goal that is a function of time alone is looked at on a timer, too."""
    learner = Counting(10**6, lambda x: x)
    goal = stop_after(seconds=0.05)
    runner = BlockingRunner(learner, goal, executor=SequentialExecutor())
    assert 0.0 < runner.elapsed_time() < 5


def test_sixteen_runners_share_a_loop():
    """All finish, and none starves: when the first is done no other is below half of it."""
    counts = []

    async def work(x):
        await asyncio.sleep(0)
        return x

    async def main():
        learners = [Counting(300, work) for _ in range(16)]
        runners = [AsyncRunner(one, npoints_goal=300, ntasks=2) for one in learners]
        await asyncio.wait([runner.task for runner in runners], return_when=asyncio.FIRST_COMPLETED)
        counts.extend(one.npoints for one in learners)
        await asyncio.gather(*(runner.task for runner in runners))
        return [runner.status() for runner in runners]

    assert asyncio.run(main()) == ["finished"] * 16
    assert max(counts) <= 2 * min(counts)


def test_the_background_goes_on_while_this_thread_is_busy():
    """A blocked notebook cell does not stop a run with its own thread; the learner is read under its lock."""
    learner = Counting(200)
    runner = AsyncRunner(learner, npoints_goal=200, executor=SequentialExecutor(), background=True)
    until = time.monotonic() + 30
    while not runner.task.done() and time.monotonic() < until:  # busy, like a cell that computes
        with runner.lock:
            assert len(learner.data) == learner.npoints
    assert runner.status() == "finished"
    assert runner.task.result() is None


def test_a_background_run_can_be_cancelled_awaited_and_fails_loudly(caplog):
    """Its task has the face of an asyncio task."""
    gate = threading.Event()
    learner = Counting(100, lambda x: gate.wait(20) and x)
    runner = AsyncRunner(learner, background=True, goal=lambda one: False, executor=lambda: ThreadPoolExecutor(2))
    runner.cancel()
    gate.set()

    async def main():
        with pytest.raises(asyncio.CancelledError):
            await runner.task

    asyncio.run(main())
    assert runner.status() == "cancelled"

    def fail(x):
        assert later.wait(20)
        raise ValueError("no")

    def failing():
        later.clear()
        return AsyncRunner(Counting(5, fail), npoints_goal=5, background=True, executor=SequentialExecutor())

    later = threading.Event()
    waited_for = failing()
    waited_for.task.awaited = True  # as a moment later, when `block_until_done` waits
    later.set()
    with pytest.raises(RuntimeError, match="no"):
        waited_for.block_until_done()
    assert "the run has failed" not in caplog.text
    left_alone = failing()
    later.set()
    left_alone.task.join()
    assert left_alone.status() == waited_for.status() == "failed"
    assert "the run has failed" in caplog.text


def test_ctrl_c_while_waiting_for_an_async_run_drains():
    """KeyboardInterrupt comes after everything that had begun was told, whether the script waits yet or not."""

    async def interrupted(x):
        if x == 5:
            os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(0)
        return x

    learner = Counting(10**6, interrupted)
    go = threading.Event()
    runners = []

    async def waiting(x):
        if x == 0:
            await asyncio.to_thread(go.wait)
        return await interrupted(x)

    learner.function = waiting

    def script():
        runners.append(AsyncRunner(learner, lambda one: False, ntasks=1))
        go.set()
        runners[0].block_until_done()

    with pytest.raises(KeyboardInterrupt):
        script()
    (runner,) = runners
    assert runner.status() == "cancelled"
    assert runner.stop_reason == "cancelled by SIGINT"
    assert not learner.pending_points
    assert 5 in learner.data


def test_overhead_is_measured_in_the_workers():
    """Waiting in a queue is no time of the function."""

    def busy(x):
        until = time.perf_counter() + 0.01
        while time.perf_counter() < until:
            pass

    runner = BlockingRunner(Counting(10, busy), npoints_goal=10, executor=SequentialExecutor())
    assert 0 <= runner.overhead() < 50
    runner = BlockingRunner(Counting(200), npoints_goal=200, executor=SequentialExecutor())
    assert 50 < runner.overhead() <= 100


@pytest.mark.slow
def test_a_million_evaluations_leave_nothing_behind():
    """With log=False memory does not grow with the number of evaluations (the learner here keeps none)."""
    import tracemalloc

    class Forgetful(Counting):
        count = 0
        npoints = property(lambda self: self.count)

        def ask(self, n, tell_pending=True):
            return [self.count] * n, [1.0] * n

        def tell(self, x, y):
            self.count += 1

    def grown(total):
        tracemalloc.start()
        BlockingRunner(Forgetful(), npoints_goal=total, executor=SequentialExecutor())
        size = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        return size

    grown(1000)
    small = grown(1000)
    assert grown(200_000) < small + 20_000
    learner = Forgetful()
    BlockingRunner(learner, npoints_goal=1_000_000, executor=SequentialExecutor())
    assert learner.npoints == 1_000_000


def test_a_run_that_never_began_says_so() -> None:
    """On a loop of the script's own that nobody starts; with the words how to begin it."""
    script = (
        "import asyncio\n"
        "from adaptive_calib import Learner1D, Runner\n"
        "from adaptive_calib.runner import SequentialExecutor\n"
        "loop = asyncio.new_event_loop()\n"
        "runner = Runner(Learner1D(abs, (-1, 1)), npoints_goal=5, executor=SequentialExecutor(), ioloop=loop)\n"
    )
    assert "never began" in _said(script)
    assert "BlockingRunner" in _said(script)
    assert _said(script + "runner.block_until_done()") == ""


async def double_later(x):
    await asyncio.sleep(0)
    return 2 * x


def _said(script: str) -> str:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    return done.stderr


def test_the_end_of_a_script_drains_its_runs(tmp_path) -> None:
    """What has begun is stored, and a sentence says that the script did not wait; none if it did."""
    script = (
        "import sys, time\n"
        "from adaptive_calib import Runner, SequenceLearner\n"
        "def slow(x):\n"
        "    time.sleep(0.05)\n"
        "    return x\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "learner = SequenceLearner(slow, range(200))\n"
        f"runner = Runner(learner, npoints_goal=10, executor=ThreadPoolExecutor(2), store={str(tmp_path / 'a.db')!r})\n"
        "while not learner.npoints: time.sleep(0.01)\n"
    )
    assert "block_until_done" in _said(script.replace("npoints_goal=10", "npoints_goal=200"))
    with SQLiteStore(tmp_path / "a.db") as store:
        (run,) = store.read_runs()
        assert (run.status, run.reason) == ("cancelled", "cancelled by the end of the script")
        assert len(store.spaces()[0]) >= 1
    assert _said(script + "runner.block_until_done()") == ""


def test_a_task_in_the_background_is_awaited_by_any_loop():
    """As in a script of python-adaptive: run_until_complete(runner.task); and result() waits if it is asked to."""
    learner = Counting(20)
    runner = AsyncRunner(learner, npoints_goal=20, executor=SequentialExecutor())
    loop = asyncio.new_event_loop()
    loop.run_until_complete(runner.task)
    loop.close()
    assert learner.npoints == 20
    assert runner.task.result(timeout=5) is None


def test_runners_in_several_threads():
    """Each thread may make its own and wait for it."""
    learners = [Counting(20) for _ in range(4)]

    def run(learner):
        AsyncRunner(learner, npoints_goal=20, executor=SequentialExecutor()).block_until_done()

    threads = [threading.Thread(target=run, args=(learner,)) for learner in learners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [learner.npoints for learner in learners] == [20] * 4


def test_waiting_after_the_loop_is_closed():
    """block_until_done gives the outcome of a run that ended in asyncio.run; main() may return before its run."""
    runners = []

    async def main(wait):
        runners.append(AsyncRunner(Counting(50, double_later), npoints_goal=50))
        if wait:
            await runners[-1].task

    asyncio.run(main(True))
    runners[0].block_until_done()
    assert runners[0].status() == "finished"
    asyncio.run(main(False))
    with pytest.raises(asyncio.CancelledError):
        runners[1].block_until_done()
    assert not runners[1].learner.pending_points


def test_a_coroutine_is_never_a_result():
    """Each way to run awaits a coroutine function or refuses it; a function that only returns one fails."""
    with pytest.raises(ValueError, match="Coroutine"):
        simple(Counting(3, double_later), npoints_goal=3)
    with pytest.raises(TypeError, match="returned a coroutine"):
        simple(Counting(3, lambda x: double_later(x)), npoints_goal=3)
    with pytest.raises(RuntimeError, match="raised TypeError") as failed:
        BlockingRunner(Counting(3, lambda x: double_later(x)), npoints_goal=3, executor=SequentialExecutor())
    assert "returned a coroutine" in str(failed.value.__cause__)
