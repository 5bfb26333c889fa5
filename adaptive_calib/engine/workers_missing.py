"""Words about a run that waits for workers."""

from __future__ import annotations

from math import inf
from typing import Any, Protocol, runtime_checkable

from adaptive_calib.engine.observers import logger

__all__ = ["Describes", "WorkersMissing"]

#: Seconds without a worker before the first warning; each further one comes after twice the time.
PATIENCE = 15.0


@runtime_checkable
class Describes(Protocol):
    """An executor that has something to report about its workers."""

    @property
    def present(self) -> int:
        """Number of evaluations that the workers which are there can run at the same time."""
        ...

    def condition(self) -> str:
        """Return one sentence about the workers that are missing; "" if nothing is known."""
        ...


class WorkersMissing:
    """Warns while an executor has no worker, ever more seldom.

    Parameters
    ----------
    executor
        If it is a `Describes`, its own words are part of the warning.
    patience : float
        Seconds before the first warning.

    Attributes
    ----------
    patience : float
        The same; may be changed before the run starts.
    since : float or None
        The second of the run since which there is no worker; None if there is one.
    watches : bool
        Whether workers may be missing although the capacity is not 0.

    Examples
    --------
    >>> from adaptive_calib.engine.executors import InThisThread
    >>> from adaptive_calib.engine.workers_missing import WorkersMissing
    >>> missing = WorkersMissing(InThisThread(), patience=15)
    >>> missing.look(capacity=0, now=2.0)
    >>> missing.since, missing.due
    (2.0, 17.0)
    >>> missing.look(capacity=1, now=3.0)
    >>> missing.since is None, missing.due
    (True, inf)
    """

    def __init__(self, executor: Any, patience: float = PATIENCE) -> None:
        self._executor = executor
        self.watches = isinstance(executor, Describes)
        self.patience = patience
        self._next = inf
        self.since: float | None = None

    @property
    def due(self) -> float:
        """The second of the run at which `look` warns if there is still no worker; inf for never."""
        return self._next

    @property
    def words(self) -> str:
        """Sentence about the missing workers; "" if there is a worker."""
        if self.since is None:
            return ""
        condition = self._executor.condition() if self.watches else ""
        return f"there is no worker{': ' + condition if condition else ''}"

    def look(self, capacity: int, now: float) -> None:
        """Note the capacity at the second `now` of the run; warn if there has been no worker for long."""
        if self._executor.present if self.watches else capacity:
            if self.since is not None and now >= self.since + self.patience:
                logger.warning("there are workers now, and the run goes on.")
            self.since, self._next = None, inf
        elif self.since is None:
            self.since, self._next = now, now + self.patience
        elif now >= self._next:
            waited = now - self.since
            self._next = now + max(waited, self.patience)
            logger.warning("%s. The run has been waiting for %.0f s and goes on when there is one.", self.words, waited)
