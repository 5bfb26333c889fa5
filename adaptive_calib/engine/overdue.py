"""Evaluations that take longer than the time limit of their run.

A worker enforces the limit itself while it runs Python code (`adaptive_calib.engine.limit`). A worker that hangs in
compiled code cannot; for this case the driver ends it, if the executor can (`Ends`), and the pool is replaced.
Where neither is possible, a warning names the points, once for each task.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import inf
from typing import Any, Protocol, runtime_checkable

from adaptive_calib.engine.executor_protocol import Handle
from adaptive_calib.engine.observers import logger
from adaptive_calib.engine.submissions import Submission

__all__ = ["Ends", "Overdue"]

#: Seconds beyond its time limit that a worker has to report the error itself, before the driver ends it.
GRACE = 1.0


@runtime_checkable
class Ends(Protocol):
    """An executor that can end a worker. It has no result then, and the pool is broken."""

    def age(self, handle: Handle) -> float | None:
        """Return for how many seconds a worker has evaluated the points of a handle; None if none has begun."""
        ...

    def end(self, handle: Handle) -> bool:
        """End the worker that evaluates the points of a handle; return whether that was possible."""
        ...


class Overdue:
    """Ends, or names, tasks that take longer than their limit.

    Parameters
    ----------
    limit : float or None
        Seconds for each point of a task; None: there is no limit.
    executor
        If it is an `Ends`, its workers are ended; if its workers enforce the limit themselves (`timeouts`), nothing is
        done; else points are named.

    Attributes
    ----------
    limit : float or None
        The limit; None if there is nothing to do here.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> from adaptive_calib.engine.executors import Pool
    >>> from adaptive_calib.engine.overdue import Overdue
    >>> with ThreadPoolExecutor(1) as threads:
    ...     Overdue(2.0, Pool(threads)).due({})  # nothing is submitted
    inf
    """

    def __init__(self, limit: float | None, executor: Any) -> None:
        self._ends: Ends | None = executor if isinstance(executor, Ends) else None
        self.limit = None if limit is None or (executor.timeouts and self._ends is None) else limit
        self._named: set[int] = set()
        self._due: dict[int, float] = {}  # when to look again, on the clock of `Submission.begun`

    def due(self, out: Mapping[int, Submission]) -> float:
        """Return the earliest time, on the clock of `Submission.begun`, at which a task may be overdue."""
        if self.limit is None:
            return inf
        return min((self._time(submission) for submission in self._unnamed(out)), default=inf)

    def _unnamed(self, out: Mapping[int, Submission]) -> Iterable[Submission]:
        return (submission for submission in out.values() if submission.number not in self._named)

    def _time(self, submission: Submission) -> float:
        return self._due.get(submission.number, submission.begun + self._allowed(submission))

    def _allowed(self, submission: Submission) -> float:
        assert self.limit is not None
        return self.limit * len(submission.submits) + (GRACE if self._ends is not None else 0.0)

    def look(self, out: Mapping[int, Submission], now: float) -> None:
        """End or name the tasks that are overdue at the time `now`."""
        if self.limit is None:
            return
        self._named &= out.keys()
        for submission in list(self._unnamed(out)):
            if now >= self._time(submission) and not submission.done:
                self._act(submission, now)
        for number in self._due.keys() - out.keys():
            del self._due[number]

    def _act(self, submission: Submission, now: float) -> None:
        allowed = self._allowed(submission)
        if self._ends is not None and submission.handle is not None:
            age = self._ends.age(submission.handle)
            if age is None or age < allowed:  # it was in a queue first
                self._due[submission.number] = now + allowed - (age or 0.0)
                return
            submission.overdue = self._ends.end(submission.handle)
            if submission.overdue:
                self._named.add(submission.number)
                return
        self._named.add(submission.number)
        points = ", ".join(str(point) for point in submission.points)
        logger.warning("longer than the time limit of %g s, which this executor cannot enforce: %s", self.limit, points)
