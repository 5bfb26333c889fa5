"""Worker processes that really die."""

from __future__ import annotations

import functools
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import loky
import pytest

from adaptive_calib.engine.drivers import run_blocking
from adaptive_calib.engine.evaluate import Work, WorkerDiedError
from adaptive_calib.engine.executor_protocol import ExecutorError
from adaptive_calib.engine.executors import Pool
from adaptive_calib.engine.goals import Never
from adaptive_calib.engine.machine import RunMachine
from adaptive_calib.engine.session import ExecutorDiedError, Session
from adaptive_calib.learner import SequenceLearner
from adaptive_calib.runner import AsyncRunner, BlockingRunner
from tests.engine.doubles import MemoryArchive, Tolerant
from tests.processes import started

# loky starts its workers anew, by import, after each death: seconds for each test on two cores
EXECUTORS = [
    pytest.param(None, id="loky", marks=pytest.mark.slow),
    pytest.param(lambda: ProcessPoolExecutor(2), id="processes"),
]


def deadly(x, point=3):
    if x == point:
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * x


def deadly_once(x, folder):
    """Kill the worker the first time that 3 is evaluated."""
    mark = os.path.join(folder, "died")
    if x == 3 and not os.path.exists(mark):
        open(mark, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * x


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("points_per_task", [1, 4])
def test_a_killed_worker_costs_its_point_and_no_other(executor, points_per_task):
    """The pool is made anew, what was out runs again, the guilty point is found and reported."""
    learner = Tolerant(12, deadly)
    runner = BlockingRunner(
        learner, npoints_goal=12, executor=executor, on_error="continue", ntasks=2, points_per_task=points_per_task
    )
    assert learner.data == {x: 2 * x for x in range(12) if x != 3}
    assert runner.failed == {3}
    assert runner.failures[0].crashed
    assert isinstance(runner.failures[0].error, WorkerDiedError)
    assert "killed, out of memory" in runner.tracebacks[0][1]
    assert re.search(r"SIG[A-Z]+|exit status|exit code", runner.failures[0].traceback), "how it ended"


@pytest.mark.parametrize("executor", [None, lambda: ProcessPoolExecutor(2)], ids=["loky", "processes"])
def test_with_retries_a_point_may_survive_its_worker(executor, tmp_path):
    """A death that does not repeat itself costs nothing but time."""
    learner = Tolerant(8, functools.partial(deadly_once, folder=str(tmp_path)))
    runner = BlockingRunner(learner, npoints_goal=8, executor=executor, ntasks=2, retries=1)
    assert learner.data == {x: 2 * x for x in range(8)}
    assert runner.failed == set()


def test_a_death_ends_the_run_by_default_and_keeps_the_rest():
    """on_error="raise": the error says that the worker died; everything else was told."""
    learner = Tolerant(12, deadly)
    with pytest.raises(RuntimeError, match=r"^deadly\(3\) raised WorkerDiedError") as caught:
        BlockingRunner(learner, npoints_goal=12, executor=lambda: ProcessPoolExecutor(2))
    assert isinstance(caught.value.__cause__, WorkerDiedError)
    assert set(learner.data) >= {0, 1, 2}


def test_a_given_pool_is_not_replaced():
    """A pool of the user's that dies ends the run, names the points, and what was computed is told."""
    learner = Tolerant(12, deadly)
    with ProcessPoolExecutor(1) as pool, pytest.raises(ExecutorDiedError, match="These points were out: 3"):
        BlockingRunner(learner, npoints_goal=12, executor=pool)
    assert learner.data == {0: 0, 1: 2, 2: 4}


@pytest.mark.parametrize("executor", EXECUTORS)
def test_the_async_runner_survives_too(executor):
    """The same with the other driver."""
    learner = Tolerant(8, deadly)
    runner = AsyncRunner(learner, npoints_goal=8, executor=executor, on_error="continue", ntasks=2)
    runner.block_until_done()
    assert learner.data == {x: 2 * x for x in range(8) if x != 3}
    assert runner.failed == {3}


@pytest.mark.slow
def test_another_runner_on_the_shared_pool_survives_a_death():
    """Two runners on loky's shared pool: the one whose worker dies costs the other nothing."""
    good, bad = Tolerant(40), Tolerant(8, deadly)
    first = AsyncRunner(good, npoints_goal=40)
    second = AsyncRunner(bad, npoints_goal=8, on_error="continue", retries=1)
    second.block_until_done()
    first.block_until_done()
    assert good.npoints == 40
    assert bad.data == {x: 2 * x for x in range(8) if x != 3}
    assert first.failures == []


def test_a_dead_workers_point_is_on_record(monkeypatch):
    """The archive has a crashed row for it, and an ok row for each other point."""
    archive = MemoryArchive()
    monkeypatch.setattr("adaptive_calib.store.open_archive", lambda *args, **kwargs: archive, raising=False)
    BlockingRunner(
        Tolerant(6, deadly),
        npoints_goal=6,
        executor=lambda: ProcessPoolExecutor(2),
        on_error="continue",
        store="anything",
    )
    statuses = {outcome.point: outcome.status for outcome in archive.outcomes}
    assert statuses == {0: "ok", 1: "ok", 2: "ok", 3: "crashed", 4: "ok", 5: "ok"}
    assert archive.closed[0] == "exhausted"


class Garbage(Executor):
    """An executor whose futures have a result of its own."""

    _max_workers = 2

    def __init__(self, result):
        self.result = result

    def submit(self, function, /, *args, **kwargs):
        future = Future()
        future.set_result(self.result)
        return future


class Lost(Executor):
    """An executor that has lost the connection to its workers."""

    _max_workers = 2

    def submit(self, function, /, *args, **kwargs):
        future = Future()
        future.set_exception(ConnectionError("no route to the workers"))
        return future


@pytest.mark.parametrize("result", [None, 3, [], [1, 2], "text"])
def test_an_executor_that_returns_something_else_ends_the_run(result):
    """With the words what was expected; no point is blamed."""
    archive = MemoryArchive()
    learner = Tolerant(5)
    machine = RunMachine(learner, Never(), on_error="continue")
    session = Session(machine, Pool(Garbage(result)), Work(learner.function), archive=archive)
    run_blocking(session)
    assert "the executor should return" in machine.stop_reason
    assert machine.failures == archive.outcomes == []


def _segfault(x):
    print("solving", x, flush=True)
    os.kill(os.getpid(), signal.SIGSEGV)


@pytest.mark.parametrize(("pool", "capture"), [(None, "failures"), (loky.ProcessPoolExecutor, "std")])
def test_a_fault_says_where_it_was_and_where_the_output_is(pool, capture, capfd):
    """The stack is on standard error; what was captured is lost, which the failure says, of every kind of pool."""
    learner = SequenceLearner(_segfault, [3])
    spawn = multiprocessing.get_context("spawn")  # a forked worker would have the fault handler of pytest
    make = functools.partial(pool, 1) if pool else functools.partial(ProcessPoolExecutor, 1, mp_context=spawn)
    runner = BlockingRunner(learner, executor=make, on_error="continue", capture=capture)
    (failure,) = runner.failures
    assert "SIGSEGV" in str(failure.error)
    output, errors = capfd.readouterr()
    assert "in _segfault" in errors
    assert ("What was captured of it is lost" in str(failure.error)) == (capture == "std")
    assert ("solving 3" in output) == (capture == "failures")


class NoFutures(Executor):
    """An executor that evaluates and returns the result itself."""

    _max_workers = 2

    def submit(self, function, /, *args, **kwargs):
        return function(*args, **kwargs)


def test_an_executor_without_futures_ends_the_run():
    """With the words what `submit` should return."""
    learner = Tolerant(5)
    machine = RunMachine(learner, Never(), on_error="continue")
    run_blocking(Session(machine, Pool(NoFutures()), Work(learner.function)))
    assert isinstance(machine.error, TypeError)
    assert "should return a concurrent.futures.Future" in machine.stop_reason
    assert not learner.gone


def test_a_failure_of_the_executor_is_no_failure_of_a_point():
    """Each point is submitted three times at most; nothing is stored or told as failed."""
    archive = MemoryArchive()
    learner = Tolerant(5)
    machine = RunMachine(learner, Never(), on_error="continue")
    run_blocking(Session(machine, Pool(Lost()), Work(learner.function), archive=archive))
    assert isinstance(machine.error, ExecutorError)
    assert "no route to the workers" in machine.stop_reason
    assert machine.failures == archive.outcomes == []
    assert not learner.gone


class Stubborn(Future):
    def cancel(self):
        raise NotImplementedError("cancel is not implemented")


class Uncancellable(Executor):
    """An executor whose futures raise from `cancel`."""

    _max_workers = 3

    def __init__(self, inner):
        self.inner = inner

    def submit(self, function, /, *args, **kwargs):
        future = Stubborn()
        self.inner.submit(lambda: future.set_result(function(*args, **kwargs)))
        return future


def test_futures_that_cannot_be_cancelled_are_waited_for():
    """At the goal, and the run ends normally."""
    learner = Tolerant(50)
    with ThreadPoolExecutor(3) as inner:
        runner = BlockingRunner(learner, npoints_goal=10, executor=Uncancellable(inner))
    assert runner.status() == "finished"
    assert not learner.pending_points


class Pending(Executor):
    """An executor whose futures are pending until they are done, or say when they run."""

    _max_workers = 3

    def __init__(self, *, tells):
        self.tells = tells
        self.calls = []

    def submit(self, function, /, *args, **kwargs):
        future = Future()
        self.calls.append((future, function, args))
        if self.tells and len(self.calls) <= 2:
            future.set_running_or_notify_cancel()
        return future


class OfExecutorlib(Pending):
    """An executor of which no future may be cancelled."""

    __module__ = "executorlib.executor.single"


@pytest.mark.parametrize(("kind", "tells", "withdrawn"), [(Pending, 1, 1), (Pending, 0, 0), (OfExecutorlib, 1, 0)])
def test_what_may_have_begun_is_waited_for(kind, tells, withdrawn):
    """Nothing is cancelled at the end of a run if the futures never run; else only what does not run."""
    learner = Tolerant(50)
    executor = kind(tells=tells)
    session = Session(RunMachine(learner, Never()), Pool(executor), Work(learner.function))
    session.start()
    session.cancel()
    session.step()
    assert [future.cancelled() for future, _, _ in executor.calls] == [False, False, bool(withdrawn)]
    for future, function, args in executor.calls:
        if not future.cancelled():
            future.set_result(function(*args))
    session.step()
    session.finish()
    assert session.machine.status == "cancelled"
    assert sorted(learner.data) == ([0, 1] if withdrawn else [0, 1, 2])


ORPHANS = """
import os, signal, sys, time
from concurrent.futures import ProcessPoolExecutor
from adaptive_calib import BlockingRunner, SequenceLearner

def slow(x):
    os.write(1, b"%d\\n" % os.getpid())
    time.sleep(0.1)
    return x

if __name__ == "__main__":
    executor = None if sys.argv[1] == "loky" else lambda: ProcessPoolExecutor(2)
    BlockingRunner(SequenceLearner(slow, range(10**6)), executor=executor, ntasks=2)
"""


@pytest.mark.parametrize("kind", ["pool", pytest.param("loky", marks=pytest.mark.slow)])
def test_workers_end_with_a_killed_parent(kind, tmp_path):
    """SIGKILL leaves the parent no time to say anything; its workers notice within seconds."""
    script = tmp_path / "script.py"
    script.write_text(ORPHANS)
    with started(
        [sys.executable, str(script), kind], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        workers = {int(process.stdout.readline()) for _ in range(6)}
        process.kill()
        process.wait()
    until = time.monotonic() + 30
    while any(_alive(pid) for pid in workers) and time.monotonic() < until:
        time.sleep(0.1)
    assert not any(_alive(pid) for pid in workers)


def _alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")")[-1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
