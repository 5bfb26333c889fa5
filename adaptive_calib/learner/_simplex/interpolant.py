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
import math
from typing import NamedTuple

import numpy as np
from scipy.spatial import Delaunay

__all__ = ["CellErrors", "Interpolant"]

#: A cell with less than this share of the volume of a regular one with its longest edge is flat.
FLAT = 0.3


class CellErrors(NamedTuple):
    """Estimates of the error in each of S cells.

    Attributes
    ----------
    errors : array, shape (S,)
        Largest estimate in the middle of an edge, a triangle or the cell; inf where the value at some vertex is
        missing, NaN where all are.
    volumes, longest : array, shape (S,)
        Volume, and length of the longest edge.
    places : array, shape (S, N)
        Where the estimate is largest; the middle of the longest edge of a flat cell, and where a value is missing.
    """

    errors: np.ndarray
    volumes: np.ndarray
    longest: np.ndarray
    places: np.ndarray


class Interpolant:
    """A piecewise linear function on the Delaunay triangulation of its points.

    Parameters
    ----------
    points : array, shape (n, N)
    values : array, shape (n, M)
        NaN where the value is not known.

    Attributes
    ----------
    triangulation : scipy.spatial.Delaunay
        Of the points.
    values : array, shape (n, M)
        As given.
    """

    def __init__(self, points: np.ndarray, values: np.ndarray) -> None:
        self.triangulation = Delaunay(points)
        self._points = points.copy()
        self.values = values.copy()
        self._gradients: np.ndarray | None = None
        self._cells: CellErrors | None = None

    def at(self, u: np.ndarray, with_error: bool) -> tuple[np.ndarray, np.ndarray]:
        """Return values, shape (m, M), and estimated errors, shape (m,), at points of shape (m, N).

        The errors are NaN unless `with_error`.
        """
        ndim = u.shape[1]
        # points of the boundary may lie outside by a rounding error
        found = self.triangulation.find_simplex(u, tol=1e-10)
        values = np.full((len(u), self.values.shape[1]), np.nan)
        errors = np.full(len(u), np.nan)
        inside = found >= 0
        if inside.any():
            u, cells = u[inside], found[inside]
            transform = self.triangulation.transform[cells]
            first = np.einsum("mij,mj->mi", transform[:, :ndim], u - transform[:, ndim])
            weights = np.column_stack([first, 1 - first.sum(axis=1)])
            vertices = self.triangulation.simplices[cells]
            at = self.values[vertices]
            values[inside] = np.einsum("mi,mik->mk", weights, at)
            if with_error:
                steps = u[:, None, :] - self._points[vertices]
                slopes = self._fitted()[vertices]
                bend = np.einsum("mi,mid,mikd->mk", weights, steps, slopes)
                errors[inside] = np.abs(bend).max(axis=1) / 2
        return values, errors

    def cell_of(self, u: np.ndarray) -> np.ndarray:
        """Return the cells that contain points of shape (m, N), as indices; -1 outside."""
        found: np.ndarray = self.triangulation.find_simplex(u, tol=1e-10)
        return found

    def cells(self) -> CellErrors:
        """Return errors, sizes and worst places of all cells; computed once."""
        if self._cells is None:
            self._cells = self._cell_errors()
        return self._cells

    def largest_error(self) -> float:
        """Return the largest estimated error in the middle of an edge, of a triangle or of a cell; NaN without values.

        In between it can be larger only where the edges of a cell bend to different sides, and there not by much.
        """
        known = self.cells().errors[np.isfinite(self.cells().errors)]
        return float(known.max()) if len(known) else float("nan")

    def _cell_errors(self) -> CellErrors:
        corners = self._points[self.triangulation.simplices]
        slopes = self._fitted()[self.triangulation.simplices]
        missing = np.isnan(self.values[self.triangulation.simplices]).any(axis=2)
        count, number, ndim = corners.shape
        edges = corners[:, 1:] - corners[:, :1]
        volumes = np.abs(np.linalg.det(edges)) / math.factorial(ndim)
        bends = np.zeros((number, number, count, slopes.shape[2]))
        errors = np.full(count, -1.0)
        places = corners.mean(axis=1)
        longest = np.zeros(count)
        far = places.copy()
        for i, j in itertools.combinations(range(number), 2):
            step = corners[:, j] - corners[:, i]
            bends[i, j] = np.einsum("md,mkd->mk", step, slopes[:, i] - slopes[:, j])
            length = np.sqrt((step**2).sum(axis=1))
            longer = length > longest * (1 + 1e-12)
            longest = np.where(longer, length, longest)
            far = np.where(longer[:, None], (corners[:, i] + corners[:, j]) / 2, far)
        for size in sorted({2, 3, number}):
            for chosen in itertools.combinations(range(number), size):
                pairs = itertools.combinations(chosen, 2)
                middle = sum((bends[pair] for pair in pairs), np.zeros(())) / (2 * size**2)
                error = np.abs(middle).max(axis=1)
                larger = error > errors * (1 + 1e-9)
                errors = np.where(larger, error, errors)
                places = np.where(larger[:, None], corners[:, list(chosen)].mean(axis=1), places)
        mixed = missing.any(axis=1)
        errors[mixed] = np.inf
        errors[missing.all(axis=1)] = np.nan
        # a point inside a flat cell would make flatter ones; its longest edge, often on the hull, is what to divide
        regular = math.sqrt(ndim + 1) / (math.factorial(ndim) * 2 ** (ndim / 2)) * longest**ndim
        divided = mixed | (volumes < FLAT * regular)
        places[divided] = far[divided]
        return CellErrors(errors, volumes, longest, places)

    def _fitted(self) -> np.ndarray:
        """Return the gradients at the points, shape (n, M, N): least squares over the edges, all of equal weight."""
        if self._gradients is None:
            starts, ends = self.triangulation.vertex_neighbor_vertices
            i = np.repeat(np.arange(len(self._points)), np.diff(starts))
            steps = self._points[ends] - self._points[i]
            rises = self.values[ends] - self.values[i]
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
