"""Executors and clocks in the hands of a test, and the contract that every executor passes.

A test with a `ManualExecutor` says which task ends when, and with what; with a `ManualClock` it says what time it is.
Together they make every interleaving of a run reproducible, without a thread, a process or a sleep.
"""

from __future__ import annotations

import operator
import pickle
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from functools import partial
from math import inf
from threading import Event
from typing import Any

from adaptive_calib.engine.clock import Clock
from adaptive_calib.engine.evaluate import Report, Work
from adaptive_calib.engine.executor_protocol import Evaluate, Executor, Handle

__all__ = ["ExecutorContract", "ManualClock", "ManualExecutor", "ManualTask"]


class ManualClock(Clock):
    """A clock that stands still until a test moves it.

    Attributes
    ----------
    seconds : float
        What it shows.
    epoch : float
        Wall-clock time at second 0.

    Examples
    --------
    >>> from adaptive_calib.testing.executors import ManualClock
    >>> clock = ManualClock()
    >>> clock.move(2.5)
    >>> clock.monotonic()
    2.5
    """

    def __init__(self, epoch: float = 1_000_000.0) -> None:
        self.seconds = 0.0
        self.epoch = epoch

    def monotonic(self) -> float:
        """Return what it shows."""
        return self.seconds

    def wall(self) -> float:
        """Return what it shows, since the epoch."""
        return self.epoch + self.seconds

    def move(self, seconds: float) -> None:
        """Let `seconds` go by."""
        if seconds < 0:
            raise ValueError(f"time goes forward: `seconds` should be at least 0, but is {seconds}.")
        self.seconds += seconds


class ManualTask:
    """A task of a `ManualExecutor`, and the handle that the driver has of it.

    Attributes
    ----------
    points : list
        What is to be evaluated.
    begun : bool
        Whether it has begun; what has not can be withdrawn.

    Examples
    --------
    >>> from adaptive_calib.engine.evaluate import Work
    >>> from adaptive_calib.testing.executors import ManualTask
    >>> task = ManualTask(Work(abs), [-1.0])
    >>> task.begin()
    >>> task.cancel()  # too late
    False
    >>> task.finish()
    >>> task.done()
    True
    """

    def __init__(self, evaluate: Evaluate, points: Sequence[Any]) -> None:
        self.points = list(points)
        self.begun = False
        self._evaluate = evaluate
        self._callbacks: list[Callable[[Any], None]] = []
        self._outcome: Callable[[], list[Report]] | None = None

    def __repr__(self) -> str:
        state = "done" if self.done() else "begun" if self.begun else "waiting"
        return f"<ManualTask {self.points} {state}>"

    # what a test does

    def begin(self) -> None:
        """From now on it cannot be withdrawn."""
        self.begun = True

    def finish(self) -> None:
        """Evaluate the points now, by the function of the run."""
        reports = self._evaluate(self.points)
        self._end(lambda: reports)

    def break_with(self, error: BaseException) -> None:
        """Let the executor, not the function, fail: `concurrent.futures.BrokenExecutor` for a dead pool."""

        def outcome() -> list[Report]:
            raise error

        self._end(outcome)

    def _end(self, outcome: Callable[[], list[Report]]) -> None:
        if self.done():
            raise RuntimeError(f"{self!r} is over already.")
        self.begun = True
        self._outcome = outcome
        for callback in self._callbacks:
            callback(self)

    # what a driver does

    def add_done_callback(self, callback: Callable[[Any], None], /) -> None:
        """Call ``callback(task)`` when it is over."""
        if self.done():
            callback(self)
        else:
            self._callbacks.append(callback)

    def done(self) -> bool:
        """Whether it is over."""
        return self._outcome is not None

    def cancel(self) -> bool:
        """Withdraw it, if it has not begun."""
        if self.begun or self.done():
            return False
        self.break_with(CancelledError())
        return True

    def result(self) -> list[Report]:
        """Return the reports, or raise what the executor failed with."""
        if self._outcome is None:
            raise RuntimeError(f"{self!r} has no result yet.")
        return self._outcome()


class ManualExecutor:
    """An executor whose tasks end when a test says so.

    Parameters
    ----------
    capacity : int
        May be changed at any time.
    renews : bool
        Whether a broken pool counts as replaced.

    Attributes
    ----------
    tasks : list of ManualTask
        All that were submitted, in their order.
    closed : bool
    renewed : int
        How often a new pool was asked for.

    Examples
    --------
    >>> from adaptive_calib.engine.evaluate import Work
    >>> from adaptive_calib.testing.executors import ManualExecutor
    >>> executor = ManualExecutor(capacity=2)
    >>> handle = executor.submit(executor.ship(Work(abs)), [-1.0])
    >>> handle.done()
    False
    >>> executor.task(-1.0).finish()
    >>> handle.result()[0].value
    1.0
    """

    timeouts = False
    own_process = False
    pickles = False
    shared = False
    latency = 0.0
    poll = inf

    def __init__(self, capacity: int = 2, *, renews: bool = True) -> None:
        self.capacity = capacity
        self.tasks: list[ManualTask] = []
        self.closed = False
        self.renewed = 0
        self._renews = renews

    @property
    def out(self) -> list[ManualTask]:
        """Tasks that are not over."""
        return [task for task in self.tasks if not task.done()]

    def task(self, point: Any) -> ManualTask:
        """Return the task that is out with this point."""
        for task in self.out:
            if point in task.points:
                return task
        raise LookupError(f"no task is out with the point {point!r}; out are {self.out}.")

    def ship(self, work: Work) -> Evaluate:
        """Return the work itself."""
        return work

    def submit(self, evaluate: Evaluate, points: Sequence[Any], *, alone: bool = False) -> Handle:
        """Note a task."""
        task = ManualTask(evaluate, points)
        self.tasks.append(task)
        return task

    def renew(self) -> bool:
        """Count it."""
        self.renewed += 1
        return self._renews

    def close(self, *, abandon: bool = False) -> None:
        """Note it."""
        self.closed = True


def _reciprocal(x: float) -> float:
    return 1 / x


def _leave(error: type[BaseException]) -> None:
    raise error


class ExecutorContract:
    """Laws of an executor, as a class to inherit from in a test module.

    Override `make`: return a context manager of an `Executor` that is open.
    """

    def make(self) -> Any:
        """Return a context manager that gives a fresh executor."""
        raise NotImplementedError("return a context manager of an Executor")

    @staticmethod
    def reports(executor: Executor, evaluate: Evaluate, points: Sequence[Any]) -> list[Report]:
        """Submit and wait."""
        over = Event()
        handle = executor.submit(evaluate, points)
        handle.add_done_callback(lambda handle: over.set())
        assert over.wait(60), "the callback was not called within a minute"
        assert handle.done()
        return handle.result()

    @staticmethod
    def value(report: Report) -> Any:
        """Return the value of a report, unpickled if need be."""
        return pickle.loads(report.value) if report.pickled else report.value

    def test_one_report_a_point_in_their_order(self) -> None:
        """The values of the points come back in the order of the points, with time, host and process."""
        with self.make() as executor:
            reports = self.reports(executor, executor.ship(Work(_reciprocal)), [1.0, 2.0, 4.0])
        assert [self.value(report) for report in reports] == [1.0, 0.5, 0.25]
        assert all(report.seconds >= 0 and report.pid > 0 and report.host for report in reports)

    def test_an_error_is_the_outcome_of_its_point(self) -> None:
        """A point that raises fails alone, with its traceback; the others of its task have their values."""
        with self.make() as executor:
            reports = self.reports(executor, executor.ship(Work(_reciprocal)), [1.0, 0.0, 2.0])
        assert [type(report.error) for report in reports] == [type(None), ZeroDivisionError, type(None)]
        assert "ZeroDivisionError" in reports[1].traceback

    def test_what_ends_a_script_ends_no_worker(self) -> None:
        """KeyboardInterrupt and SystemExit are failures too, but in the main thread of the run: there they end it."""
        errors = [KeyboardInterrupt, SystemExit]
        with self.make() as executor:
            try:
                reports = self.reports(executor, executor.ship(Work(_leave)), errors)
            except KeyboardInterrupt:
                assert not executor.pickles
            else:
                assert [type(report.error) for report in reports] == errors
                assert "SystemExit" in reports[1].traceback

    def test_functions_of_the_user_reach_the_worker(self) -> None:
        """A closure, or a partial, is evaluated as it is here."""
        with self.make() as executor:
            offset = 3
            assert self.value(self.reports(executor, executor.ship(Work(lambda x: x + offset)), [1])[0]) == 4
            assert self.value(self.reports(executor, executor.ship(Work(partial(operator.mul, 3))), [5])[0]) == 15

    def test_functions_of_many_points(self) -> None:
        """With `batch` the function is called once for all points of the task."""
        with self.make() as executor:
            evaluate = executor.ship(Work(lambda points: [sum(points)] * len(points), batch=True))
            assert [self.value(report) for report in self.reports(executor, evaluate, [1, 2, 3])] == [6, 6, 6]

    def test_what_is_over_cannot_be_taken_back(self) -> None:
        """`cancel` answers False once the task is done."""
        with self.make() as executor:
            over = Event()
            handle = executor.submit(executor.ship(Work(_reciprocal)), [1.0])
            handle.add_done_callback(lambda handle: over.set())
            assert over.wait(60)
            assert not handle.cancel()

    def test_many_tasks_at_once(self) -> None:
        """Each of many tasks calls back once, whatever the order."""
        with self.make() as executor:
            evaluate = executor.ship(Work(_reciprocal))
            called: list[Any] = []
            over = Event()

            def note(handle: Any) -> None:
                called.append(handle)
                if len(called) == 50:
                    over.set()

            handles = [executor.submit(evaluate, [float(x)]) for x in range(1, 51)]
            for handle in handles:
                handle.add_done_callback(note)
            assert over.wait(60)
            assert [self.value(handle.result()[0]) for handle in handles] == [1 / x for x in range(1, 51)]
            assert len(called) == 50

    def test_it_says_how_many_run_at_once(self) -> None:
        """The capacity is a number of at least 1 while there are workers."""
        with self.make() as executor:
            assert executor.capacity >= 1
