"""The small parts of `_interval.intervals`: intervals and pieces as tuples, pending spans, the ordered index.

An interval is ``(rank, a, b, loss, ya, yb)``, a piece ``(rank, p, q, loss, span)``. Both compare by rank and then
from left to right, so that the first entry of a heap is divided next.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

from sortedcontainers import SortedList

__all__ = ["Ends", "Index", "Interval", "PendingSpan", "Piece", "Value", "rank"]

#: A value inside `_interval`: a number, the components of a vector, or None where there is no valid value.
Value: TypeAlias = float | tuple[float, ...] | None

#: (a, b, ya, yb)
Ends: TypeAlias = tuple[float, float, Value, Value]

#: (rank, a, b, loss, ya, yb)
Interval: TypeAlias = tuple[float, float, float, float, Any, Any]

#: (rank, p, q, loss, the span that it is a piece of)
Piece: TypeAlias = "tuple[float, float, float, float, PendingSpan]"


def rank(loss: float, length: float) -> float:
    """Return the sort key of a loss: -⌊10¹² loss + ½⌋, so that losses equal to 12 digits are ties.

    Parameters
    ----------
    loss
        Infinite or NaN counts as `length`.
    length
        Length of the interval as a fraction of the domain.
    """
    if loss - loss != 0.0:
        loss = length
    scaled = loss * 1e12
    return -((scaled + 0.5) // 1.0) if scaled < 1e300 else -scaled


class PendingSpan:
    """A span with pending points inside: a real interval, or a part of the domain beyond the observed points.

    Attributes
    ----------
    interval
        None beyond the observed points.
    a, b
        The ends; None where there is no end.
    inside
        The pending points, ascending.
    """

    __slots__ = ("a", "b", "inside", "interval")

    def __init__(self, interval: Interval | None, a: float | None, b: float | None, inside: list[float]) -> None:
        self.interval = interval
        self.a = a
        self.b = b
        self.inside = inside

    def edges(self) -> list[float]:
        """Return the existing ends and the pending points, ascending."""
        return self.lefts() if self.b is None else [*self.lefts(), self.b]

    def lefts(self) -> list[float]:
        """Return the left ends of the pieces."""
        return self.inside if self.a is None else [self.a, *self.inside]

    def part(self, length: float) -> float:
        """Return the loss of a part of this length."""
        if self.interval is None:
            return math.inf
        _, a, b, loss, _, _ = self.interval
        return length * loss / (b - a)

    def __lt__(self, other: PendingSpan) -> bool:
        # an outdated piece and its successor may be equal up to here; their order does not matter
        return False


class Index:
    """The observed points in order, with their neighbours, their values and the interval to the right of each."""

    __slots__ = ("_intervals", "_next", "_previous", "points", "values")

    def __init__(self, points: Sequence[float], values: Sequence[Value], intervals: Iterable[Interval]) -> None:
        self.points = SortedList(points)
        self.values: dict[float, Value] = dict(zip(points, values, strict=True))
        self._intervals = {interval[1]: interval for interval in intervals}
        self._next = dict(pairwise(points))
        self._previous = {q: p for p, q in self._next.items()}

    def add(self, u: float, y: Value, left: float | None, right: float | None) -> None:
        """Add a point between two neighbours (None: none); the intervals beside it follow by `put`."""
        self.points.add(u)
        self.values[u] = y
        if left is not None:
            self._previous[u] = left
            self._next[left] = u
        if right is not None:
            self._previous[right] = u
            self._next[u] = right

    def put(self, interval: Interval) -> None:
        """Make `interval` the one to the right of its left end."""
        self._intervals[interval[1]] = interval

    def current(self, interval: Interval) -> bool:
        """Whether this object is still the interval at its place."""
        return self._intervals.get(interval[1]) is interval

    def around(self, u: float) -> Interval:
        """Return the interval that contains `u`, which lies between the first and the last point."""
        return self._intervals[self.points[self.points.bisect_right(u) - 1]]

    def intervals(self) -> list[Interval]:
        """Return the intervals from left to right."""
        return [self._intervals[u] for u in self.points[:-1]]

    def around_point(self, u: float) -> tuple[float | None, float | None, float | None, float | None]:
        """Return the two points before and the two after the observed point `u`; None where there is none."""
        left, right = self._previous.get(u), self._next.get(u)
        far_left = None if left is None else self._previous.get(left)
        far_right = None if right is None else self._next.get(right)
        return far_left, left, right, far_right

    def before(self, u: float | None, n: int) -> list[float | None]:
        """Return the n points before the observed point `u`, the nearest first; None where there is none."""
        found: list[float | None] = []
        for _ in range(n):
            u = None if u is None else self._previous.get(u)
            found.append(u)
        return found

    def after(self, u: float | None, n: int) -> list[float | None]:
        """Return the n points after the observed point `u`, the nearest first; None where there is none."""
        found: list[float | None] = []
        for _ in range(n):
            u = None if u is None else self._next.get(u)
            found.append(u)
        return found

    def beside(self, u: float) -> list[Interval]:
        """Return the intervals that end at `u`."""
        found = (self._intervals.get(self._previous.get(u, math.nan)), self._intervals.get(u))
        return [interval for interval in found if interval is not None]

    def near(self, u: float, n: int) -> list[Interval]:
        """Return the intervals that have `u` within n neighbours: n on each side of those that end at it."""
        lefts = [*self.before(u, 1 + n)[1:], *self.after(u, n)]
        return [self._intervals[a] for a in lefts if a is not None and a in self._intervals]
