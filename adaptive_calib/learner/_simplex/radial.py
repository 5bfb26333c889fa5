"""A global interpolant of few points: the sum of cubes of distances |x - x_i|^3 and a linear function.

With c the coefficients of the cubes and A the matrix of the interpolation conditions, the interpolant of all points but
one misses the value at that one by c_i / (A^-1)_ii (Rippa, Adv. Comput. Math. 11 (1999) 193).
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from adaptive_calib._arrays import Floats
from adaptive_calib._blas import one_thread

__all__ = ["RadialBasis"]

#: The values at the points are taken up to this share of their range, or the layout of the points is no good.
ACCURACY = 1e-7
#: Number of distances that are computed together.
BLOCK = 2_000_000


class RadialBasis:
    """An interpolant of n points.

    Parameters
    ----------
    points, values : array, shapes (n, N) and (n, M)
        More than N + 1 points that are not all in one plane.

    Attributes
    ----------
    misses : array, shape (n,)
        By how much the value at each point is missed when it is left out; infinite if there is no interpolant.
    """

    @one_thread
    def __init__(self, points: Floats, values: Floats) -> None:
        count, ndim = points.shape
        self._points = points
        self._middle = values.mean(axis=0)
        self._size = float(np.abs(values - self._middle).max()) or 1.0
        right = np.vstack([(values - self._middle) / self._size, np.zeros((ndim + 1, values.shape[1]))])
        matrix = np.zeros((count + ndim + 1,) * 2)
        matrix[:count] = self._terms(points)
        matrix[count:, :count] = matrix[:count, count:].T
        self.misses = np.full(count, np.inf)
        self._coefficients = np.zeros_like(right)
        try:
            inverse = np.linalg.inv(matrix)
        except np.linalg.LinAlgError:
            return
        self._coefficients = inverse @ right
        if np.abs(matrix @ self._coefficients - right).max() < ACCURACY:
            left_out = self._coefficients[:count] / np.diagonal(inverse)[:count, None]
            self.misses = np.abs(left_out).max(axis=1) * self._size

    def _terms(self, points: Floats) -> Floats:
        return np.column_stack([cdist(points, self._points) ** 3, np.ones(len(points)), points])

    def at(self, points: Floats) -> Floats:
        """Return the values at points of shape (m, N), shape (m, M)."""
        blocks = np.array_split(points, len(points) * len(self._points) // BLOCK + 1)
        values: Floats = np.concatenate([self._terms(block) @ self._coefficients for block in blocks])
        values = values * self._size + self._middle
        return values
