"""The smallest distance between points, checked with a grid as wide as the distance."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

__all__ = ["Spacing"]


class Spacing:
    """Points of R^N and a distance below which no new one is allowed.

    Parameters
    ----------
    distance : float
        In the coordinates of the points, more than 0.
    ndim : int
        N.
    """

    def __init__(self, distance: float, ndim: int) -> None:
        self._distance = distance
        self._grid: dict[tuple[int, ...], list[tuple[float, ...]]] = {}
        self._around = list(itertools.product((-1, 0, 1), repeat=ndim))

    def _cell(self, u: Sequence[float]) -> tuple[int, ...]:
        return tuple([math.floor(c / self._distance) for c in u])

    def add(self, u: Sequence[float]) -> None:
        """Add a point."""
        self._grid.setdefault(self._cell(u), []).append(tuple(u))

    def remove(self, u: Sequence[float]) -> None:
        """Remove a point that was added."""
        cell = self._cell(u)
        self._grid[cell].remove(tuple(u))
        if not self._grid[cell]:
            del self._grid[cell]

    def allows(self, u: Sequence[float]) -> bool:
        """Whether no point lies nearer to `u` than the distance."""
        cell = self._cell(u)
        # where the grid has fewer cells than the neighbourhood, go through the grid
        near = (
            self._grid.values()
            if len(self._grid) < len(self._around)
            else [self._grid.get(tuple(map(sum, zip(cell, step, strict=True))), []) for step in self._around]
        )
        # a rounding error short of the distance is allowed
        limit = self._distance * (1 - 1e-9)
        return all(math.dist(u, other) >= limit for points in near for other in points)
