"""Policy of batching: how many points one task has, and how many tasks a worker has."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

__all__ = ["Batching"]


@dataclass(frozen=True)
class Batching:
    """Policy for the number of points of a task.

    Attributes
    ----------
    size : int or None
        The number of points; None: chosen from the measured evaluation time so that a task lasts about `seconds`.
    seconds : float
        0.02: sending a task costs 0.2 to 1 ms in a pool and several on a cluster, so a longer one would gain little,
        and would make the learner choose points further ahead of its results.
    largest : int
        Largest number of points in one task, however fast the function is.
    short : float
        Seconds up to which a task is short, so that a worker may have more than one, see `Executor.latency`: 0.005,
        some ten times that of a pool. For longer ones the learner would choose points ahead of its results for nothing.
    deepest : int
        Largest number of tasks per worker, however short they are: with 8 the parent's cost of one is less by a third
        than with 2, as it submits several at a time.
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
        """Return how many tasks of `points` points and `seconds` seconds a worker has, with `latency` between two."""
        if not latency or not seconds:
            return 1
        if points > 1 and self.size is None:  # such a task lasts as long as was wanted, its points are short
            return 2
        depth = 1 + ceil(latency / seconds) if seconds < self.short else 1
        return min(depth, self.deepest if points == 1 else 2)
