"""The smooth mode of triangulated learners: losses of cells, interpolant and stretch of the axes.

The interpolant is that of `local_polynomials`. What is known of its error in a cell is how far the polynomials of its
vertices are apart at its centre (the *spread*), and by how much they miss the values at its vertices that were left
out (the *miss*). The spread alone is small where all polynomials share a mistake, the miss alone is small in long flat
cells at the border; their geometric mean is the estimate. Where two vertices or more are rough the estimate is half of
the range of the values, or the largest miss if that is smaller, which it is beside a kink and not at a step.

The loss of a cell is the estimate times the square root of the volume, its share in the root mean square error, plus a
little for its size, so that no large cell is left alone for ever. The next point goes to the middle of the longest edge
of the cell.

In space there is a second interpolant while points are few, that of `radial`, through all of them. Predictions are its
own while it misses values that are left out by less than the polynomials do, both in the mean and in the median; the
estimated error is then the geometric mean of these misses and of the distance of the polynomials from it. Cells are
chosen by the polynomials alone.

Lengths are measured in coordinates in which the function changes equally fast along all axes. The stretch is computed
from the first points of the data at certain numbers of them, so that it does not depend on how often anything is asked.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from adaptive_calib._arrays import Floats
from adaptive_calib.learner._simplex.interpolant import CellErrors, Interpolant
from adaptive_calib.learner._simplex.local_polynomials import LocalPolynomials, blending_weights
from adaptive_calib.learner._simplex.mesh import Mesh, volumes
from adaptive_calib.learner._simplex.radial import RadialBasis
from adaptive_calib.learner._simplex.triangle_losses import PlaneLosses

__all__ = ["FIRST_STRETCH", "MOST_DIMENSIONS", "SmoothInterpolant", "SmoothLosses", "longest_middle", "stretched_spans"]

#: The smooth mode is for two and three dimensions.
MOST_DIMENSIONS = 3
#: Weight of the size of a cell in its loss, in units of the range of the values.
FLOOR = 0.02
#: Number of points from which on axes are stretched; again each time that it has doubled.
FIRST_STRETCH = 40
#: Largest ratio of two axes, and the smallest change of one that is worth a new triangulation.
MOST_STRETCH, LEAST_CHANGE = 20.0, 1.3

#: Numbers of points between which there is a global interpolant in space.
FEWEST_GLOBAL, MOST_GLOBAL = 10, 500


def longest_middle(corners: Sequence[Sequence[float]]) -> list[float]:
    """Return the middle of the longest edge of a simplex; of equal ones, of the first."""
    longest, ends = -1.0, (corners[0], corners[1])
    for a, b in itertools.combinations(corners, 2):
        length = math.dist(a, b)
        if length > longest * (1 + 1e-9):
            longest, ends = length, (a, b)
    return [(p + q) / 2 for p, q in zip(*ends, strict=True)]


def cell_errors(model: LocalPolynomials, corners: Floats, vertices: np.ndarray, values: Floats) -> Floats:
    """Return the estimated error in each of S cells, by component, shape (S, M); NaN beside a missing value.

    Parameters
    ----------
    model : LocalPolynomials
    corners : array, shape (S, N + 1, N)
    vertices : array of int, shape (S, N + 1)
    values : array, shape (S, N + 1, M)
    """
    shares = np.full(vertices.shape, 1 / vertices.shape[1])
    spread = np.ptp(model.at(corners.mean(axis=1), vertices, shares), axis=1)
    misses = model.misses()[vertices]
    smooth = np.sqrt(spread) * np.sqrt(misses.mean(axis=1)[:, None])
    # no polynomial misses anything while there are no more points than a plane goes through: then half of the range
    broken = np.fmin(np.ptp(values, axis=1) / 2, misses.max(axis=1)[:, None])
    straight = model.rough[vertices].sum(axis=1) > 1
    errors: Floats = np.where(straight[:, None], broken, smooth)
    return errors


class SmoothLosses(PlaneLosses):
    """The estimated errors of cells as fractions of the range of the values, times the roots of their volumes."""

    whole_mesh = True

    def __init__(self, ndim: int) -> None:
        super().__init__()
        self.model = LocalPolynomials(ndim)

    def losses(self, mesh: Mesh, slots: np.ndarray) -> np.ndarray:
        """Return the losses of the cells in these slots; NaN where a value is invalid."""
        assert mesh.values is not None
        vertices = mesh.cells[slots]
        self.model.update(mesh.points[: mesh.count], mesh.values[: mesh.count], vertices)
        corners = mesh.points[vertices]
        errors = cell_errors(self.model, corners, vertices, mesh.values[vertices]).max(axis=1) * self.scale()
        sizes = volumes(corners)
        edges = corners[:, :, None] - corners[:, None]
        longest = (edges**2).sum(axis=3).max(axis=(1, 2))
        losses: Floats = (errors + FLOOR * longest * sizes) * np.sqrt(sizes)
        return losses

    def fallback(self, mesh: Mesh, slots: np.ndarray) -> np.ndarray:
        """Return what the default loss gives a flat function, times the root of the volume."""
        corners = mesh.points[mesh.cells[slots]]
        losses: Floats = super().fallback(mesh, slots) * np.sqrt(volumes(corners))
        return losses


class SmoothInterpolant(Interpolant):
    """The blended polynomials on the Delaunay triangulation of the points.

    Parameters
    ----------
    points : array, shape (n, N)
    values : array, shape (n, M)
        NaN where the value is not known.
    model : LocalPolynomials
        Of the same points, but for a shift; it is not changed any more.
    shift : array, shape (N,)
        Shift from the coordinates of the model to those of the points.
    """

    def __init__(self, points: Floats, values: Floats, model: LocalPolynomials, shift: Floats) -> None:
        super().__init__(points, values)
        self._model = model
        self._offset = shift
        self._misses = model.misses()
        self._radial: RadialBasis | None = None
        known = ~np.isnan(values[:, 0])
        if points.shape[1] == 3 and FEWEST_GLOBAL <= known.sum() <= MOST_GLOBAL:
            radial = RadialBasis(points[known], values[known])
            # at steps the mean alone is no guide, where the function is flat in most places the median is none
            if all(size(radial.misses) < size(self._misses[known]) for size in (np.median, np.mean)):
                self._radial = radial
                self._misses = np.zeros(len(points))
                self._misses[known] = radial.misses

    def at(self, u: Floats, with_error: bool) -> tuple[Floats, Floats]:
        """Return values, shape (m, M), and estimated errors, shape (m,), at points of shape (m, N)."""
        ndim = u.shape[1]
        found = self.cell_of(u)
        values = np.full((len(u), self.values.shape[1]), np.nan)
        errors = np.full(len(u), np.nan)
        inside = found >= 0
        if not inside.any():
            return values, errors
        u, cells = u[inside], found[inside]
        transform = self.triangulation.transform[cells]
        first = np.einsum("mij,mj->mi", transform[:, :ndim], u - transform[:, ndim])
        shares = np.column_stack([first, 1 - first.sum(axis=1)])
        vertices = self.triangulation.simplices[cells]
        weights = blending_weights(shares, self._points[vertices])
        each = self._model.at(u - self._offset, vertices, shares)
        values[inside] = (weights[..., None] * each).sum(axis=1)
        if self._radial is not None:
            values[inside] = np.where(np.isnan(values[inside]), np.nan, self._radial.at(u))
        if with_error:
            apart = (weights[..., None] * np.abs(each - values[inside][:, None])).sum(axis=1).max(axis=1)
            misses = (weights * self._misses[vertices]).sum(axis=1)
            errors[inside] = np.sqrt(2 * apart) * np.sqrt(misses)  # the product may overflow
        return values, errors

    def _cell_errors(self) -> CellErrors:
        vertices = self.triangulation.simplices
        corners, at = self._points[vertices], self.values[vertices]
        if self._radial is None:
            errors = cell_errors(self._model, corners - self._offset, vertices, at).max(axis=1)
        else:
            middle = corners.mean(axis=1)
            each = self._model.at(middle - self._offset, vertices, np.full(vertices.shape, 1 / vertices.shape[1]))
            apart = np.abs(each - self._radial.at(middle)[:, None]).mean(axis=1).max(axis=1)
            errors = np.sqrt(2 * apart) * np.sqrt(self._misses[vertices].mean(axis=1))
        missing = np.isnan(at).any(axis=2)
        errors[missing.any(axis=1)] = np.inf
        errors[missing.all(axis=1)] = np.nan
        places = np.array([longest_middle(each) for each in corners.tolist()]).reshape(-1, corners.shape[2])
        longest = np.sqrt(((corners[:, :, None] - corners[:, None]) ** 2).sum(axis=3).max(axis=(1, 2)))
        return CellErrors(errors, volumes(corners), longest, places)


def stretched_spans(points: Floats, values: Floats, spans: Sequence[float]) -> tuple[float, ...] | None:
    """Return the lengths of the axes in which a function changes equally fast along all; None: as they are.

    Parameters
    ----------
    points, values : array, shapes (n, N) and (n, M)
        In the present coordinates.
    spans : sequence of N numbers
        The present lengths of the axes.
    """
    model = LocalPolynomials(points.shape[1])
    model.update(points, values, np.empty((0, points.shape[1] + 1), int))
    rates = model.rates() * np.array(spans)
    if not rates.max() > 0:
        return None
    wanted = np.maximum(rates / rates.max(), 1 / MOST_STRETCH)
    wanted /= np.prod(wanted) ** (1 / len(wanted))
    change = wanted / np.array(spans)
    return tuple(wanted.tolist()) if change.max() / change.min() > LEAST_CHANGE else None
