"""How many points go into a task, how many tasks a worker has, and what is known of a task that is out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, inf

from adaptive_calib.engine.events import Submit
from adaptive_calib.engine.executor_protocol import Handle
from adaptive_calib.engine.inbox import Inbox
from adaptive_calib.engine.observers import logger

__all__ = ["Batch", "Batching", "Overdue"]


@dataclass(frozen=True)
class Batching:
    """How many points go into one task.

    Attributes
    ----------
    size : int or None
        So many; None: chosen from the measured evaluation time so that a task lasts about `seconds`.
    seconds : float
        0.02: sending a task costs 0.2 to 1 ms in a pool and several on a cluster, so a longer one would gain little,
        and would make the learner decide further ahead.
    largest : int
        No more points than this in one task, however fast the function is.
    short : float
        Seconds up to which a task is short, so that more than one per worker may be out, see `Executor.latency`: 0.005,
        some ten times that of a pool. For longer ones the learner would decide ahead of its knowledge for nothing.
    deepest : int
        No more tasks than this per worker, however short they are: with 8 the parent's cost of one is less by a third
        than with 2, as it hands out several at a time.
    """

    size: int | None = 1
    seconds: float = 0.02
    largest: int = 128
    short: float = 0.005
    deepest: int = 8

    def points(self, mean: float) -> int:
        """Return the number of points in a task, for evaluations of `mean` seconds."""
        if self.size is not None:
            return self.size
        return max(1, min(self.largest, ceil(self.seconds / mean))) if mean > 0 else self.largest

    def tasks(self, seconds: float, points: int, latency: float) -> int:
        """Return how many tasks, of so many seconds and points, a worker may have, if it waits so long between two."""
        if not latency or not seconds:
            return 1
        if points > 1 and self.size is None:  # as long as was wanted, for points that are short
            return 2
        depth = 1 + ceil(latency / seconds) if seconds < self.short else 1
        return min(depth, self.deepest if points == 1 else 2)


@dataclass(slots=True)
class Batch:
    """One submission: the tasks of its points, where it is, and since when."""

    number: int
    submits: list[Submit]
    handle: Handle | None
    generation: int
    begun: float
    inbox: Inbox

    def over(self, handle: Handle) -> None:
        """Go to the inbox."""
        self.inbox.put(self)


class Overdue:
    """Names evaluations that take longer than their limit, where nothing can stop them; each once.

    Parameters
    ----------
    limit : float or None
        Seconds for each point of a task; None if there is no limit, or the executor enforces it.
    """

    def __init__(self, limit: float | None) -> None:
        self._limit = limit
        self._named: set[int] = set()

    def due(self, out: Mapping[int, Batch]) -> float:
        """Return when (on the clock of `Batch.begun`) the oldest task that was not named will have taken too long."""
        if self._limit is None:
            return inf
        for batch in out.values():  # the oldest first
            if batch.number not in self._named:
                return batch.begun + self._limit * len(batch.submits)
        return inf

    def look(self, out: Mapping[int, Batch], now: float) -> None:
        """Name those that have taken too long by now."""
        if self._limit is None:
            return
        self._named &= out.keys()
        for batch in out.values():
            if batch.number in self._named:
                continue
            if now - batch.begun < self._limit * len(batch.submits):
                return
            self._named.add(batch.number)
            points = ", ".join(str(submit.point) for submit in batch.submits)
            logger.warning(
                "longer than the time limit of %g s, which this executor cannot enforce: %s", self._limit, points
            )
