"""The linear interpolant of scattered points, and an estimate of its error.

In a cell with vertices p_i and barycentric coordinates λ_i the interpolant is L(x) = Σ λ_i f_i. The tangent planes,
with gradients g_i fitted to the values at the neighbours, give T(x) = Σ λ_i (f_i + g_i . (x - p_i)). For a quadratic
function with Hessian H and exact gradients

    L(x) - f(x) = ½ Σ λ_i (x - p_i) . H (x - p_i) = -(T(x) - f(x)),

so that the error of L is (L - T) / 2. That is the estimate, for all functions. With e_ij = (p_j - p_i) . (g_i - g_j) it
is ½ Σ_{i<j} λ_i λ_j e_ij: zero at the vertices, e_ij / 8 in the middle of an edge.
"""

from __future__ import annotations

import itertools

import numpy as np
from scipy.spatial import Delaunay

__all__ = ["Interpolant"]


class Interpolant:
    """A piecewise linear function on the Delaunay triangulation of its points.

    Parameters
    ----------
    points : array, shape (n, N)
    values : array, shape (n, M)
        NaN where the value is not known.
    """

    def __init__(self, points: np.ndarray, values: np.ndarray) -> None:
        self._tri = Delaunay(points)
        self._points = points.copy()
        self._values = values.copy()
        self._gradients: np.ndarray | None = None

    def at(self, u: np.ndarray, with_error: bool) -> tuple[np.ndarray, np.ndarray]:
        """Return values, shape (m, M), and estimated errors, shape (m,), at points of shape (m, N).

        The errors are NaN unless `with_error`.
        """
        ndim = u.shape[1]
        # points of the boundary may lie outside by a rounding error
        found = self._tri.find_simplex(u, tol=1e-10)
        values = np.full((len(u), self._values.shape[1]), np.nan)
        errors = np.full(len(u), np.nan)
        inside = found >= 0
        if inside.any():
            u, cells = u[inside], found[inside]
            transform = self._tri.transform[cells]
            first = np.einsum("mij,mj->mi", transform[:, :ndim], u - transform[:, ndim])
            weights = np.column_stack([first, 1 - first.sum(axis=1)])
            vertices = self._tri.simplices[cells]
            at = self._values[vertices]
            values[inside] = np.einsum("mi,mik->mk", weights, at)
            if with_error:
                steps = u[:, None, :] - self._points[vertices]
                slopes = self._fitted()[vertices]
                bend = np.einsum("mi,mid,mikd->mk", weights, steps, slopes)
                errors[inside] = np.abs(bend).max(axis=1) / 2
        return values, errors

    def largest_error(self) -> float:
        """Return the largest estimated error in the middle of an edge, of a triangle or of a cell; NaN without values.

        In between it can be larger only where the edges of a cell bend to different sides, and there not by much.
        """
        points, slopes = self._points[self._tri.simplices], self._fitted()[self._tri.simplices]
        known = ~np.isnan(self._values[self._tri.simplices]).any(axis=(1, 2))
        points, slopes = points[known], slopes[known]
        corners = points.shape[1]
        bends = np.zeros((corners, corners, len(points), slopes.shape[2]))
        for i, j in itertools.combinations(range(corners), 2):
            step = points[:, j] - points[:, i]
            bends[i, j] = np.einsum("md,mkd->mk", step, slopes[:, i] - slopes[:, j])
        worst = float("nan")
        for size in sorted({2, 3, corners}):
            for chosen in itertools.combinations(range(corners), size):
                pairs = itertools.combinations(chosen, 2)
                middle = sum((bends[pair] for pair in pairs), np.zeros(())) / (2 * size**2)
                worst = float(np.fmax(worst, np.abs(middle).max(initial=0.0) if len(points) else np.nan))
        return worst

    def _fitted(self) -> np.ndarray:
        """Return the gradients at the points, shape (n, M, N): least squares over the edges, all of equal weight."""
        if self._gradients is None:
            starts, ends = self._tri.vertex_neighbor_vertices
            i = np.repeat(np.arange(len(self._points)), np.diff(starts))
            steps = self._points[ends] - self._points[i]
            rises = self._values[ends] - self._values[i]
            weights = 1.0 / np.maximum((steps**2).sum(axis=1), 1e-300)
            missing = np.isnan(rises).any(axis=1)
            weights[missing] = 0.0
            rises[missing] = 0.0
            ndim = steps.shape[1]
            normal = np.zeros((len(self._points), ndim, ndim))
            right = np.zeros((len(self._points), ndim, rises.shape[1]))
            weighted = steps * weights[:, None]
            np.add.at(normal, i, weighted[:, :, None] * steps[:, None, :])
            np.add.at(right, i, weighted[:, :, None] * rises[:, None, :])
            # where the edges do not span all directions, the slope in the others is taken to be 0
            trace = np.maximum(np.trace(normal, axis1=1, axis2=2), 1e-300)
            normal += 1e-10 * trace[:, None, None] * np.eye(ndim)
            self._gradients = np.linalg.solve(normal, right).swapaxes(1, 2)
        return self._gradients
