"""The simplex that contains a point, in a time that does not grow with the triangulation.

The search of the package goes through all simplices. Here a grid, refined as points are added, gives a vertex near the
point, and a walk from one of its simplices crosses, at each step, the face behind which the point lies. The walk is
exact for Delaunay triangulations up to rounding; if it does not arrive, the search of the package is used.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["Locator", "barycentric"]

_INSIDE = -1e-10
_STEPS = 200


def barycentric(simplex: Sequence[Sequence[float]], point: Sequence[float]) -> list[float]:
    """Return the barycentric coordinates of a point; empty for a flat simplex.

    Parameters
    ----------
    simplex : N + 1 points of R^N
    point : N numbers
    """
    if len(point) == 2:
        (ax, ay), (bx, by), (cx, cy) = simplex
        px, py = point[0] - cx, point[1] - cy
        ax, ay, bx, by = ax - cx, ay - cy, bx - cx, by - cy
        area = ax * by - bx * ay
        if area == 0.0:
            return []
        first, second = (px * by - bx * py) / area, (ax * py - px * ay) / area
        return [first, second, 1.0 - first - second]
    corners = np.array(simplex)
    try:
        rest = np.linalg.solve((corners[:-1] - corners[-1]).T, np.array(point) - corners[-1])
    except np.linalg.LinAlgError:
        return []
    coordinates: list[float] = rest.tolist()
    return [*coordinates, 1.0 - sum(coordinates)]


class Locator:
    """A grid over the vertices of one triangulation; vertices are entered when first needed.

    Parameters
    ----------
    tri : adaptive_triangulation.Triangulation
        With all coordinates between 0 and about 1.
    """

    def __init__(self, tri: Any) -> None:
        self._tri = tri
        self._grid: dict[tuple[int, ...], int] = {}
        self._entered = 0
        self._cells = 1

    def find(self, u: Sequence[float]) -> tuple[int, ...]:
        """Return a simplex that contains the point; ``()`` if it lies outside."""
        tri = self._tri
        self._catch_up()
        cell = tuple([int(c * self._cells) for c in u])
        # far from all vertices from the last one: the search of the package does not find every point on a face
        simplices = tri.vertex_to_simplices[self._grid.get(cell, self._entered - 1)]
        here: tuple[int, ...] = min(simplices, default=())
        for _ in range(_STEPS if here else 0):
            parts = barycentric(tri.get_vertices(here), u)
            if not parts:
                break
            worst = min(range(len(parts)), key=parts.__getitem__)
            if parts[worst] >= _INSIDE:
                return here
            beyond = tri.get_opposing_vertices(here)[worst]
            if beyond is None:
                break
            here = tuple(sorted([*here[:worst], *here[worst + 1 :], beyond]))
        found: tuple[int, ...] = tri.locate_point(u)
        return found

    def _catch_up(self) -> None:
        """Enter the new vertices; refine the grid when it has become much coarser than the points."""
        tri, total = self._tri, len(self._tri.vertices)
        ndim = tri.dim
        if total > 4 * self._cells**ndim:
            # about one vertex per cell of the grid, so that most cells near points have a vertex
            self._cells = max(1, math.floor(total ** (1 / ndim)))
            self._grid.clear()
            self._entered = 0
        for i in range(self._entered, total):
            self._grid[tuple([int(c * self._cells) for c in tri.vertices[i]])] = i
        self._entered = total

    def __getstate__(self) -> dict[str, Any]:
        return {"_tri": self._tri}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["_tri"])  # type: ignore[misc]  # the grid is computed from the triangulation
