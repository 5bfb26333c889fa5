"""The gaps between all points of a `Learner1D`, observed or pending: places for the exploration points.

A loss is local, and one singularity may attract all points. An exploration point goes to the middle of the longest gap,
independent of the losses.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush

from sortedcontainers import SortedSet

from adaptive_calib.learner._interval.domain import Domain1D

__all__ = ["Gaps"]


class Gaps:
    """All points and the longest gap between two neighbouring ones.

    Parameters
    ----------
    domain
        Where points may lie; gaps in which no point is possible are not counted.
    points
        Coordinates of the points.
    """

    def __init__(self, domain: Domain1D, points: Iterable[float] = ()) -> None:
        self._domain = domain
        self._points = SortedSet(points)
        # (-length, left, right); outdated entries stay and are dropped when they reach the top
        self._heap: list[tuple[float, float, float]] = []
        for p, q in zip(self._points[:-1], self._points[1:], strict=True):
            self._push(p, q)

    def __len__(self) -> int:
        return len(self._points)

    def _push(self, p: float, q: float) -> None:
        if self._domain.parts(p, q) >= 2:
            heappush(self._heap, (p - q, p, q))

    def _neighbors(self, u: float) -> tuple[list[float], list[float]]:
        i = self._points.bisect_left(u)
        j = i + (u in self._points)
        return self._points[max(i - 1, 0) : i], self._points[j : j + 1]

    def add(self, u: float) -> None:
        """Add a point; no effect if it is there already."""
        if u in self._points:
            return
        left, right = self._neighbors(u)
        self._points.add(u)
        for p, q in [(p, u) for p in left] + [(u, q) for q in right]:
            self._push(p, q)

    def discard(self, u: float) -> None:
        """Remove a point."""
        self._points.discard(u)
        left, right = self._neighbors(u)
        if left and right:
            self._push(left[0], right[0])

    def longest(self) -> tuple[float, float] | None:
        """Return the ends of the longest gap in which a point fits, the leftmost of equals; None if there is none."""
        while self._heap:
            _, p, q = self._heap[0]
            if p in self._points and self._neighbors(p)[1] == [q]:
                return p, q
            heappop(self._heap)
        return None
