"""Every executor passes the contract; what is passed as `executor` finds its adapter."""

from __future__ import annotations

import asyncio
import contextlib
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from math import inf
from types import SimpleNamespace

import pytest

from adaptive_calib.engine.coroutines import CoroutineCancelledError, Coroutines
from adaptive_calib.engine.evaluate import Work
from adaptive_calib.engine.executors import InThisThread, Pool, SequentialExecutor, adapt
from adaptive_calib.engine.observers import Callbacks
from adaptive_calib.learner import SequenceLearner
from adaptive_calib.runner import AsyncRunner, BlockingRunner
from adaptive_calib.testing.executors import ExecutorContract, ManualExecutor


@contextlib.contextmanager
def closing(executor):
    try:
        yield executor
    finally:
        executor.close()


class TestInThisThread(ExecutorContract):
    def make(self):
        return closing(InThisThread())


class TestThreads(ExecutorContract):
    def make(self):
        return closing(Pool(lambda: ThreadPoolExecutor(2)))


class TestProcesses(ExecutorContract):
    def make(self):
        return closing(Pool(lambda: ProcessPoolExecutor(2)))


class TestLoky(ExecutorContract):
    def make(self):
        return closing(adapt(None, 2))


def test_sequential_executor_is_an_executor():
    """Submit gives a finished future; map takes several iterables."""
    with SequentialExecutor() as executor:
        assert executor.submit(pow, 2, 5).result() == 32
        assert isinstance(executor.submit(int, "x").exception(), ValueError)
        assert list(executor.map(pow, [2, 3], [3, 2])) == [8, 9]


def test_an_adapter_is_taken_as_it_is():
    """What has all that `Executor` has needs no adapter: it is one, the user's own or a test's."""
    manual = ManualExecutor(3)
    assert adapt(manual) is manual


def test_adapters_are_found():
    """Whatever a user may pass finds its adapter; all else is refused with the familiar words."""
    assert isinstance(adapt(SequentialExecutor()), InThisThread)
    with ThreadPoolExecutor(3) as threads:
        assert adapt(threads).capacity == 3
        assert adapt(threads, 5).capacity == 5
    with pytest.raises(TypeError, match=r"Only a concurrent\.futures\.Executor, distributed\.Client"):
        adapt(5)


def test_pools_with_other_names():
    """mpi4py's pool and ipyparallel's client are known by their faces."""

    class MPIPool:
        num_workers = 7

        def submit(self, fn, /, *args):
            return SequentialExecutor().submit(fn, *args)

        def shutdown(self, wait=True):
            pass

    class View:
        def __len__(self):
            return 4

    class ViewExecutor(MPIPool):
        num_workers = None
        view = View()

    class Client:
        def executor(self):
            return ViewExecutor()

    Client.__module__ = "ipyparallel.client.client"
    assert adapt(MPIPool()).capacity == 7
    pool = adapt(Client())
    assert pool.capacity == 4
    assert [ExecutorContract.value(r) for r in pool.submit(pool.ship(Work(abs)), [-1, -2]).result()] == [1, 2]

    class Silent(MPIPool):
        num_workers = None

    for Silent.num_workers in (None, -1):  # -1 as "all of them" would never be a number of free places
        with pytest.raises(TypeError, match="Cannot get number of cores"):
            adapt(Silent())
    assert adapt(Silent(), 2).capacity == 2


def test_only_what_was_opened_here_is_closed():
    """A given executor stays open, unless it is to be shut down; one that was made here is closed."""
    with ThreadPoolExecutor(1) as given:
        adapt(given).close()
        assert given.submit(int).result() == 0
        adapt(given, shutdown=True).close()
        with pytest.raises(RuntimeError):
            given.submit(int)
    made = Pool(lambda: ThreadPoolExecutor(1))
    made.close()
    with pytest.raises(RuntimeError):
        made.executor.submit(int)


def test_lokys_shared_pool_is_never_shut_down():
    """Another runner may be using it."""
    one, two = adapt(None), adapt(None)
    one.close()
    assert ExecutorContract.value(ExecutorContract.reports(two, two.ship(Work(abs)), [-5])[0]) == 5


def test_abandoned_workers_of_the_shared_pool_are_killed_unless_another_run_uses_it():
    """A run that is left at once leaves its workers to others; the last one takes them along."""
    one, two = adapt(None), adapt(None)
    pool = one.executor
    assert two.executor is pool
    one.close(abandon=True)
    assert two.submit(two.ship(Work(abs)), [-1.0]).result()[0].error is None
    two.close(abandon=True)
    with pytest.raises(RuntimeError):
        pool.submit(abs, -1.0)
    three = adapt(None)
    assert three.submit(three.ship(Work(abs)), [-1.0]).result()[0].error is None
    three.close()
    assert three.executor.submit(abs, -1.0).result() == 1.0


def test_an_unpicklable_function_is_refused_with_advice():
    """Before anything is evaluated."""
    generator = (i for i in range(3))
    with closing(Pool(lambda: ProcessPoolExecutor(1))) as pool, pytest.raises(TypeError, match="should be picklable"):
        pool.ship(Work(lambda x: next(generator)))


def test_an_unpicklable_result_fails_its_own_point():
    """The pool and the other points of the task go on."""
    with closing(Pool(lambda: ProcessPoolExecutor(1))) as pool:
        evaluate = pool.ship(Work(lambda x: (i for i in range(3)) if x == 1 else x))
        reports = ExecutorContract.reports(pool, evaluate, [0, 1, 2])
    assert [type(report.error).__name__ for report in reports] == ["NoneType", "UnpicklableResultError", "NoneType"]
    assert "can be pickled" in str(reports[1].error)


def test_an_unpicklable_error_arrives_as_its_text():
    """An exception that does not survive pickling is replaced by one that names it."""

    def fail(x):
        class LocalError(Exception):
            def __init__(self, one, two):
                super().__init__(one)

        raise LocalError("the reason", 2)

    with closing(Pool(lambda: ProcessPoolExecutor(1))) as pool:
        (report,) = ExecutorContract.reports(pool, pool.ship(Work(fail)), [0])
    assert type(report.error).__name__ == "RemoteError"
    assert "LocalError: the reason" in str(report.error)


def test_an_error_that_cannot_be_shown_is_the_failure_of_its_point():
    """Its own `__repr__` raises; the run goes on."""

    class SilentError(Exception):
        def __repr__(self):
            raise AttributeError("no `code`")

        __str__ = __repr__

    def fail(x):
        if x == 1:
            raise SilentError
        return x

    runner = BlockingRunner(SequenceLearner(fail, range(3)), executor=SequentialExecutor(), on_error="continue")
    (failure,) = runner.failures
    assert "SilentError" in str(failure.error)
    assert runner.learner.npoints == 2


def test_large_context_travels_once(tmp_path, monkeypatch):
    """A function with megabytes goes through one private file, which is gone after the run."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    data = bytes(2_000_000)
    pool = Pool(lambda: ProcessPoolExecutor(1))
    with closing(pool):
        evaluate = pool.ship(Work(lambda x: len(data) + x))
        (file,) = tmp_path.iterdir()
        assert file.stat().st_mode & 0o077 == 0
        assert ExecutorContract.value(ExecutorContract.reports(pool, evaluate, [1])[0]) == 2_000_001
        file.unlink()
        assert ExecutorContract.value(ExecutorContract.reports(pool, evaluate, [2])[0]) == 2_000_002
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("make", [InThisThread, lambda: Pool(lambda: ProcessPoolExecutor(1))], ids=["here", "process"])
def test_time_limits_are_enforced(make):
    """An evaluation that takes too long fails with TimeLimitError; the next one has its own time."""

    def slow(x):
        until = time.monotonic() + x
        while time.monotonic() < until:
            pass
        return x

    with closing(make()) as executor:
        reports = ExecutorContract.reports(executor, executor.ship(Work(slow, timeout=0.1)), [20.0, 0.0])
    assert [type(report.error).__name__ for report in reports] == ["TimeLimitError", "NoneType"]
    assert reports[0].seconds < 10


def test_coroutines_have_time_limits_and_their_own_errors():
    """Asyncio enforces the limit; a TimeoutError of the function itself is not one."""

    async def function(x):
        if x == 0:
            await asyncio.Event().wait()
        if x == 1:
            raise TimeoutError("mine")
        print("hello", x)
        return x

    async def main():
        executor = Coroutines(3)
        evaluate = executor.ship(Work(function, timeout=0.05, capture="std"))
        handles = [executor.submit(evaluate, [x]) for x in range(3)]
        await asyncio.wait([handle.task for handle in handles])
        return [handle.result()[0] for handle in handles]

    reports = asyncio.run(main())
    assert [type(report.error).__name__ for report in reports] == ["TimeLimitError", "TimeoutError", "NoneType"]
    assert reports[2].stdout == "hello 2\n"


@pytest.mark.parametrize("capture", ["std", "fd"])
def test_output_is_kept_with_its_point(capture):
    """What is printed and logged comes with the outcome, also of a point that fails."""

    def talk(x):
        import logging
        import os
        import sys

        print("out", x)
        print("err", x, file=sys.stderr)
        logging.getLogger("mine").warning("log %d", x)
        if capture == "fd":
            os.write(1, b"from C\n")
        if x == 1:
            raise ValueError(x)

    with closing(Pool(lambda: ProcessPoolExecutor(1))) as pool:
        reports = ExecutorContract.reports(pool, pool.ship(Work(talk, capture=capture)), [0, 1])
    for x, report in enumerate(reports):
        assert report.stdout.startswith(f"out {x}\n")
        assert report.stderr.startswith(f"err {x}\n")
        assert report.logs == f"WARNING:mine:log {x}\n"
        assert ("from C" in report.stdout) == (capture == "fd")


def test_output_of_two_threads_is_not_mixed():
    """Each evaluation has its own sink."""

    def talk(x):
        for _ in range(50):
            print(x)

    with closing(Pool(lambda: ThreadPoolExecutor(4))) as pool:
        evaluate = pool.ship(Work(talk, capture="std"))
        handles = [pool.submit(evaluate, [x]) for x in range(8)]
        for x, handle in enumerate(handles):
            assert handle.result()[0].stdout == f"{x}\n" * 50


def test_a_function_of_many_points_has_to_give_as_many_values():
    """A wrong number of values fails every point of the task, with both numbers."""
    reports = InThisThread().submit(Work(lambda xs: [1], batch=True), [1, 2]).result()
    assert all("2 points, but returned 1" in str(report.error) for report in reports)


def test_local_pools_need_no_second_look():
    """Only a cluster changes its size by itself."""
    assert InThisThread.poll == Pool.poll == Coroutines.poll == inf


def test_a_coroutine_cancelled_before_it_began_is_over():
    """Its handle calls back; the executor keeps nothing of it."""

    async def main():
        executor = Coroutines(1)
        handle = executor.submit(executor.ship(Work(asyncio.sleep)), [0])
        over = []
        handle.add_done_callback(over.append)
        handle.task.cancel()
        await asyncio.wait([handle.task])
        await asyncio.sleep(0)
        return over == [handle], handle.done(), executor._handles

    assert asyncio.run(main()) == (True, True, set())


def test_a_cancellation_inside_the_function_is_its_failure():
    """Only a cancellation of the evaluation itself is one of the executor."""

    async def function(x):
        inner = asyncio.ensure_future(asyncio.sleep(60))
        inner.cancel()
        await inner

    async def main():
        executor = Coroutines(1)
        handle = executor.submit(executor.ship(Work(function)), [0])
        await asyncio.wait([handle.task])
        return handle.result()

    (report,) = asyncio.run(main())
    assert isinstance(report.error, CoroutineCancelledError)


@pytest.mark.parametrize("ntasks", [1, 3])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(143)])  # what handlers raise as a rule
def test_in_the_main_thread_the_function_may_have_met_a_signal(error, ntasks):
    """A handler of the user's own raises there: the run ends with it, whatever failures of points mean."""

    def function(x):
        if x == 2:
            raise error
        return x

    learner = SequenceLearner(function, range(5))
    reasons = []
    noting = Callbacks(SimpleNamespace(on_stop=lambda event, progress: reasons.append(progress.stop_reason)))
    with pytest.raises(type(error)):
        BlockingRunner(learner, executor=SequentialExecutor(), ntasks=ntasks, on_error="continue", callbacks=[noting])
    assert learner.data == {0: 0, 1: 1}
    assert not learner.pending_points
    assert reasons == [f"cancelled by {error!r}: pending evaluations were abandoned"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(5)])
def test_coroutines_end_a_run_in_the_main_thread_only(error):
    """In a thread of their own they cannot have met a signal, and have failed."""

    async def function(x):
        if x == 2:
            raise error
        return x

    learner = SequenceLearner(function, range(5))
    runner = AsyncRunner(learner, on_error="continue", ntasks=2, background=True)
    runner.block_until_done()
    assert learner.data == {0: 0, 1: 1, 3: 3, 4: 4}
    assert [failure.error for failure in runner.failures] == [error]

    async def main():
        await AsyncRunner(SequenceLearner(function, range(5)), on_error="continue", ntasks=2).task

    with pytest.raises(type(error)):
        asyncio.run(main())


class Parallel:
    """Like joblib's: it is called with the work, and has no `submit`."""

    def __call__(self, iterable):
        """Run all."""


@pytest.mark.parametrize("executor", [Parallel(), 8, lambda: 8], ids=["called with work", "a number", "makes a number"])
def test_what_is_no_executor_is_refused(executor):
    """Before anything runs, with what it should be."""
    with pytest.raises(TypeError, match=r"concurrent\.futures\.Executor"):
        adapt(executor)
