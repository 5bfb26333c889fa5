"""The losses of `Learner2D`, for the triangles of a mesh.

The default loss is deviation * sqrt(area) + 0.3 area, where the deviation is the distance of the values from the
tangent planes at the other vertices (`losses2D.deviations`). python-adaptive estimates the tangent planes with SciPy's
Clough-Tocher interpolator, a global minimisation that one new value changes everywhere. Here the gradient at a vertex
is local: the least-squares fit to the slopes along the edges that meet there,

    g = argmin sum_edges (g . e - df)^2 / |e|^2 ,

each edge counted once for each triangle it belongs to. All edges weigh the same however long they are, so that a small
triangle beside large ones counts for what it shows. A new point changes the gradients at its neighbours only, and the
losses of the triangles around these. The order of the losses is nearly that of the global estimate; the points differ
from python-adaptive's for this reason, and because a triangle is chosen anew for each point instead of ten at a time.

A loss of the user, a function of the interpolator `ip`, is evaluated for all triangles together, once for all values
recorded since the last time a loss was needed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from typing import Any

import numpy as np
from scipy.interpolate import LinearNDInterpolator
from scipy.spatial import QhullError

from adaptive_calib.learner._simplex.mesh import Cell, CellLosses, Mesh, volumes
from adaptive_calib.learner.losses2D import (
    AREA_FACTOR,
    ResolutionLoss,
    ThresholdedLoss,
    default_loss,
    minimize_triangle_surface_loss,
    surface_areas,
    uniform_loss,
)

__all__ = ["Deviations", "RootAreas", "Surfaces", "WholeLoss", "interpolator", "triangle_losses"]

_AROUND = np.array([2, 0, 1, 2, 0])


class PlaneLosses(CellLosses):
    """Losses of values divided by the largest range of a component; exact whenever the range changes."""

    scaled = False

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the range."""
        self._low: np.ndarray | None = None
        self._high: np.ndarray | None = None
        self._lows: tuple[float, float] = (math.inf, -math.inf)
        self._range = 0.0

    def observe(self, mesh: Mesh, value: np.ndarray) -> bool:
        """Widen the range by a value; return whether the largest range has changed."""
        if len(value) == 1:
            number = float(value[0])
            low, high = self._lows
            if low <= number <= high:
                return False
            self._lows = low, high = min(low, number), max(high, number)
            size = high - low
        else:
            if self._low is None or self._high is None:
                self._low, self._high = value.copy(), value.copy()
            np.minimum(self._low, value, out=self._low)
            np.maximum(self._high, value, out=self._high)
            size = float((self._high - self._low).max())
        changed, self._range = size != self._range, size
        return changed

    def scale(self) -> float:
        """Return 1 / range; 1 while there is no range."""
        # below that 1 / range overflows: such values count as equal
        return 1.0 / self._range if 1e-300 < self._range < math.inf else 1.0

    def fallback(self, mesh: Mesh, slots: np.ndarray) -> np.ndarray:
        """Return 0.3 area: what a flat function has."""
        return AREA_FACTOR * volumes(mesh.points[mesh.cells[slots]])


class RootAreas(PlaneLosses):
    """The square roots of the areas."""

    def losses(self, mesh: Mesh, slots: np.ndarray) -> np.ndarray:
        """Return the losses of the cells in these slots."""
        roots: np.ndarray = np.sqrt(volumes(mesh.points[mesh.cells[slots]]))
        return roots


class Surfaces(PlaneLosses):
    """The areas of the triangles of the graph."""

    def losses(self, mesh: Mesh, slots: np.ndarray) -> np.ndarray:
        """Return the losses of the cells in these slots; NaN where a value is invalid."""
        assert mesh.values is not None
        vertices = mesh.cells[slots]
        return surface_areas(np.concatenate([mesh.points[vertices], mesh.values[vertices] * self.scale()], axis=2))


class Deviations(PlaneLosses):
    """The default loss, with local gradients.

    Parameters
    ----------
    adjust : callable, optional
        ``adjust(losses, areas, values) -> losses``, see `losses2D.ResolutionLoss.adjust`.
    """

    local = False
    needs_stars = True

    def __init__(self, adjust: Callable[..., np.ndarray] | None = None) -> None:
        super().__init__()
        self._adjust = adjust
        # for each component an array of complex numbers g_x - i g_y, one for each vertex
        self._gradients: list[np.ndarray] = []
        self._ring: list[int] = []

    def affected(self, mesh: Mesh, vertices: Collection[int], cells: Collection[Cell]) -> Collection[int]:
        """Return all triangles at the vertices of the changed ones."""
        self._ring = sorted(set(vertices).union(*cells))
        stars = mesh.stars
        return set().union(*[stars[vertex] for vertex in self._ring])

    def losses(self, mesh: Mesh, slots: np.ndarray) -> np.ndarray:
        """Return the losses of the cells in these slots; the gradients at the changed vertices are fitted first."""
        assert mesh.values is not None
        # arrays of shape (5, S): corner after corner, once around and one on each side, so that what lies before or
        # after a corner is a slice; the plane as complex numbers. Arrays are short: `take` is half of an index's cost
        around = mesh.cells.take(slots, 0).T.take(_AROUND, 0)
        corners = around[1:4]
        places = mesh.points.view(complex).ravel().take(around)
        edges = places[1:] - places[:-1]
        everything = len(slots) == len(mesh.slot_of)
        ring = np.arange(mesh.count) if everything else np.array(self._ring, dtype=np.intp)
        self._ring = []
        self._make_room(mesh)
        # few vertices: a product with zeros and ones; all of them: bincount
        pick = None if everything else (ring == corners.reshape(-1, 1)).astype(complex)
        deviation: Any = 0.0
        for k, gradients in enumerate(self._gradients):
            values = mesh.values[:, k].take(around)
            rises = values[1:] - values[:-1]
            if len(ring):
                gradients[ring] = _fitted(corners, edges, rises, pick, mesh.count, mesh.invalid > 0)
            slopes = gradients.take(corners)
            # from each vertex along its two edges of the triangle
            ahead = np.abs((slopes * edges[1:]).real - rises[1:])
            behind = np.abs((slopes * edges[:-1]).real - rises[:-1])
            worst = np.maximum(ahead, behind)
            deviation = deviation + (worst[0] + worst[1] + worst[2])
        size = np.abs((edges[0].conj() * edges[1]).imag) / 2
        result: np.ndarray = deviation * (np.sqrt(size) * self.scale()) + AREA_FACTOR * size
        return result if self._adjust is None else self._adjusted(result, size, mesh.values[mesh.cells[slots]])

    def _adjusted(self, losses: np.ndarray, size: np.ndarray, values: np.ndarray) -> np.ndarray:
        assert self._adjust is not None
        return np.where(np.isnan(losses), math.nan, self._adjust(losses, size, values))

    def _make_room(self, mesh: Mesh) -> None:
        assert mesh.values is not None
        if not self._gradients:
            self._gradients = [np.zeros(len(mesh.points), complex) for _ in range(mesh.values.shape[1])]
        while len(self._gradients[0]) < mesh.count:
            self._gradients = [np.concatenate([each, np.zeros_like(each)]) for each in self._gradients]


def _fitted(
    corners: np.ndarray, edges: np.ndarray, rises: np.ndarray, pick: np.ndarray | None, count: int, invalid: bool
) -> np.ndarray:
    """Return least-squares gradients, as complex numbers g_x - i g_y.

    With e = dx + i dy and h = g_x - i g_y, an edge asks for Re(h e) = df. Weighted with 1 / |e|^2 the normal equations
    of a vertex are T h + C h* = 2 S, with T the number of edges, C = sum e* / e, S = sum df / e; their solution is
    h = 2 (T S - C S*) / (T^2 - |C|^2).

    Parameters
    ----------
    corners : array of int, shape (3, S)
        Triangles; all those at the vertices to be fitted are among them.
    edges : array of complex, shape (4, S)
        The edges to each corner from the one before, and the first of them again.
    rises : array, shape (4, S)
        Differences of the values along the edges.
    pick : array of complex, shape (3 S, vertices), or None
        1 where a corner belongs to a vertex, else 0; None to fit at all `count` vertices.
    invalid : bool
        Whether there may be NaN among the rises; those edges are left out.
    """
    inverse = 1.0 / edges
    ones: Any = 2.0
    if invalid:
        missing = np.isnan(rises)
        inverse = np.where(missing, 0.0, inverse)
        rises = np.where(missing, 0.0, rises)
        there = (~missing).astype(float)
        ones = there[1:] + there[:-1]
    terms = np.empty((2, *edges.shape), complex)
    np.multiply(edges.conj(), inverse, out=terms[0])
    np.multiply(rises, inverse, out=terms[1])
    # at each corner two edges of the triangle meet
    sums = np.empty((3, *corners.shape), complex)
    np.add(terms[:, 1:], terms[:, :-1], out=sums[:2])
    sums[2] = ones
    if pick is None:
        where = corners.ravel()
        total = np.stack([_summed(where, column.ravel(), count) for column in sums])
    else:
        total = sums.reshape(3, -1) @ pick
    turn, rise, number = total[0], total[1], total[2].real
    determinant = number * number - (turn * turn.conj()).real
    full = 2.0 * (number * rise - turn * rise.conj())
    if invalid:
        # edges in one direction only: the slope in that direction
        single = determinant <= 1e-12 * number * number
        slopes: np.ndarray = np.where(single, rise / np.maximum(number, 1.0), full / np.where(single, 1.0, determinant))
        return slopes
    # a vertex of a triangle has edges in two directions; this is for triangles as flat as rounding errors
    result: np.ndarray = full / np.maximum(determinant, 1e-9)
    return result


def _summed(where: np.ndarray, column: np.ndarray, count: int) -> np.ndarray:
    result: np.ndarray = np.bincount(where, column.real, count) + 1j * np.bincount(where, column.imag, count)
    return result


def interpolator(mesh: Mesh, shift: np.ndarray) -> tuple[Any, np.ndarray]:
    """Return a `scipy.interpolate.LinearNDInterpolator` over the valid vertices, and which vertices these are."""
    assert mesh.values is not None
    valid = np.flatnonzero(~np.isnan(mesh.values[: mesh.count, 0]))
    return LinearNDInterpolator(mesh.points[valid] + shift, mesh.values[valid]), valid


class WholeLoss(PlaneLosses):
    """A user's loss of the interpolator.

    Parameters
    ----------
    loss : callable
        ``loss(ip)``, see `losses2D`.
    shift : array, shape (2,)
        Added to the coordinates before they are passed to the loss.
    """

    whole_mesh = True
    nan_means_invalid = False

    def __init__(self, loss: Callable[[Any], Any], shift: np.ndarray) -> None:
        super().__init__()
        self._loss = loss
        self._shift = shift

    def losses(self, mesh: Mesh, slots: np.ndarray) -> np.ndarray:
        """Evaluate the loss once; a triangle that SciPy does not have gets the loss of the one at its centre."""
        try:
            ip, valid = interpolator(mesh, self._shift)
        except QhullError:  # too few valid points, or all on a line
            return np.full(len(slots), math.nan)
        given = np.asarray(self._loss(ip), float).ravel()
        if len(given) != len(ip.tri.simplices):
            raise ValueError(
                f"the loss should give one number for each of {len(ip.tri.simplices)} triangles, but gave {len(given)}."
            )
        table = dict(zip(map(tuple, np.sort(valid[ip.tri.simplices], axis=1).tolist()), given.tolist(), strict=True))
        cells = mesh.cells[slots]
        losses = np.array([table.get(cell, math.nan) for cell in map(tuple, cells.tolist())])
        missing = np.flatnonzero(np.isnan(losses))
        if len(missing):
            assert mesh.values is not None
            corners = cells[missing]
            found = ip.tri.find_simplex(mesh.points[corners].mean(axis=1) + self._shift)
            whole = ~np.isnan(mesh.values[corners, 0]).any(axis=1) & (found >= 0)
            losses[missing] = np.where(whole, given[found], math.nan)
        return losses


def triangle_losses(loss: Callable[[Any], Any] | None, shift: np.ndarray) -> CellLosses:
    """Return the `CellLosses` of this loss; None means the default loss.

    Raises
    ------
    TypeError
        If the loss cannot be called.
    """
    if loss is None or loss is default_loss:
        return Deviations()
    if loss is uniform_loss:
        return RootAreas()
    if loss is minimize_triangle_surface_loss:
        return Surfaces()
    if isinstance(loss, (ResolutionLoss, ThresholdedLoss)):
        return Deviations(loss.adjust)
    if not callable(loss):
        raise TypeError(
            f"`loss_per_triangle` should be a function loss(ip) or None, but is {loss!r} ({type(loss).__name__})."
        )
    return WholeLoss(loss, shift)
