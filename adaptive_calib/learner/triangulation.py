"""Triangulations in N dimensions, under their familiar names: those of the package adaptive-triangulation.

`Triangulation` and most functions are re-exported from that package; `fast_det` and `FakeDelaunay` are defined here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from adaptive_triangulation import (
    Triangulation,
    circumsphere,
    fast_2d_circumcircle,
    fast_2d_point_in_simplex,
    fast_3d_circumcircle,
    fast_norm,
    orientation,
    point_in_simplex,
    simplex_volume_in_embedding,
)

__all__ = [
    "FakeDelaunay",
    "Triangulation",
    "circumsphere",
    "fast_2d_circumcircle",
    "fast_2d_point_in_simplex",
    "fast_3d_circumcircle",
    "fast_det",
    "fast_norm",
    "orientation",
    "point_in_simplex",
    "simplex_volume_in_embedding",
]


def fast_det(matrix: Any) -> float:
    """Return the determinant of a square matrix.

    Examples
    --------
    >>> from adaptive_calib.learner.triangulation import fast_det
    >>> float(fast_det([[1, 2], [3, 4]]))
    -2.0
    """
    array = np.asarray(matrix, float)
    if array.shape == (2, 2):
        return float(array[0, 0] * array[1, 1] - array[0, 1] * array[1, 0])
    return float(np.linalg.det(array))


class FakeDelaunay:
    """Points and simplices with the attributes of a `scipy.spatial.Delaunay`.

    Parameters
    ----------
    vertices : array, shape (n, N)
    simplices : iterable of N + 1 indices

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.learner.triangulation import FakeDelaunay
    >>> triangulation = FakeDelaunay(np.array([(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)]), np.array([(0, 1, 2)]))
    >>> triangulation.points.shape, triangulation.simplices.tolist()
    ((3, 2), [[0, 1, 2]])
    """

    def __init__(self, vertices: Any, simplices: Iterable[Sequence[int]]) -> None:
        self.points = np.asarray(vertices, float)
        self.simplices = np.array([list(simplex) for simplex in simplices], dtype=np.int32)
        self.ndim = self.points.shape[1]
        self.npoints = len(self.points)
        self.nsimplex = len(self.simplices)
        self.min_bound = self.points.min(axis=0)
        self.max_bound = self.points.max(axis=0)
