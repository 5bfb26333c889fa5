"""The losses of `LearnerND`, for the cells of a mesh.

The default loss is the volume of the graph over a cell, computed for all changed cells together. With E the edges of
the cell (rows) and d the differences of a single output, the Gram determinant is a sum of squares,
det(E E^T + d d^T) = det(E)^2 + |adj(E) d|^2, so nothing cancels; with several outputs the determinant itself is
computed.

A loss of the user is called for each changed cell. Values are scaled by 1 / range; the losses of unchanged cells
are computed again only when the range has grown by more than a tenth since the last time (as in python-adaptive).
The scale used for each cell is kept, so that a learner made from the data alone computes the same losses.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from adaptive_calib.learner._simplex.mesh import Cell, CellLosses, Mesh, volumes
from adaptive_calib.learner.lossesND import default_loss, uniform_loss

__all__ = ["GivenLoss", "GraphVolume", "NeighborLoss", "ScaledLosses", "Uniform", "cell_losses"]

#: All losses are computed again when the range of the values exceeds this times the range at the last time.
RECOMPUTE_FACTOR = 1.1


class ScaledLosses(CellLosses):
    """Losses of values divided by the range of all observed values, all components together."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the range."""
        self._low, self._high, self._last = math.inf, -math.inf, 0.0

    def observe(self, mesh: Mesh, value: np.ndarray) -> bool:
        """Widen the range by a value; return whether it has grown by more than a tenth."""
        low, high = (float(value[0]),) * 2 if len(value) == 1 else (float(value.min()), float(value.max()))
        if self._low <= low and high <= self._high:
            return False
        self._low, self._high = min(low, self._low), max(high, self._high)
        size = self._high - self._low
        if size <= RECOMPUTE_FACTOR * self._last:
            return False
        self._last = size
        return True

    def scale(self) -> float:
        """Return 1 / range; 1 while there is no range, also when the values differ by rounding errors only."""
        size = self._high - self._low
        if not 0.0 < size < math.inf:
            return 1.0
        scale = 1.0 / size
        noise = 1e-15 * max(abs(self._low), abs(self._high)) * scale
        return 1.0 if noise > 0.01 or math.isinf(scale) else scale


class Uniform(CellLosses):
    """The volume."""

    def losses(self, mesh: Mesh, slots: np.ndarray) -> np.ndarray:
        """Return the volumes of the cells."""
        return volumes(mesh.points[mesh.cells[slots]])


class GraphVolume(ScaledLosses):
    """The volume of the graph over a cell."""

    def losses_of_few(self, mesh: Mesh, cells: Sequence[Cell]) -> list[float] | None:
        """Return the losses of a few triangles of numbers; None for others."""
        if mesh.ndim != 2 or len(cells) > 12 or mesh.invalid or mesh.values is None or mesh.values.shape[1] != 1:
            return None
        return _graph_areas(mesh.point_rows, mesh.first_values, cells, self.scale())

    def losses(self, mesh: Mesh, slots: np.ndarray) -> np.ndarray:
        """Return the losses of the cells in these slots; NaN for cells with an invalid value."""
        assert mesh.values is not None
        vertices = mesh.cells[slots]
        corners = mesh.points[vertices]
        values = mesh.values[vertices]
        edges = corners[:, 1:] - corners[:, :1]
        rises = (values[:, 1:] - values[:, :1]) * mesh.scale[slots][:, None, None]
        ndim = corners.shape[2]
        if rises.shape[2] == 1 and ndim == 2:
            square = _squared_area(edges, rises[:, :, 0])
        elif rises.shape[2] == 1 and ndim == 3:
            square = _squared_volume(edges, rises[:, :, 0])
        else:
            graph = np.concatenate([edges, rises], axis=2)
            with np.errstate(invalid="ignore"):
                square = np.linalg.det(graph @ graph.swapaxes(1, 2))
            # rounding can make the determinant of a flat graph negative
            np.maximum(square, 0.0, out=square, where=~np.isnan(square))
        losses: np.ndarray = np.sqrt(square) / math.factorial(ndim)
        return losses


def _graph_areas(
    points: list[Sequence[float]], numbers: list[float], cells: Sequence[Cell], scale: float
) -> list[float]:
    """Return what `_squared_area` gives, digit by digit, without arrays: three times faster for half a dozen cells."""
    areas = []
    for i, j, k in cells:
        (x, y), (ax, ay), (bx, by) = points[i], points[j], points[k]
        ax, ay, bx, by = ax - x, ay - y, bx - x, by - y
        a, b = (numbers[j] - numbers[i]) * scale, (numbers[k] - numbers[i]) * scale
        flat, p, q = ax * by - ay * bx, a * by - ay * b, ax * b - a * bx
        areas.append(math.sqrt(flat * flat + p * p + q * q) / 2)
    return areas


def _squared_area(edges: np.ndarray, rises: np.ndarray) -> np.ndarray:
    (ax, ay), (bx, by) = edges[:, 0].T, edges[:, 1].T
    a, b = rises.T
    flat, p, q = ax * by - ay * bx, a * by - ay * b, ax * b - a * bx
    square: np.ndarray = flat * flat + p * p + q * q
    return square


def _squared_volume(edges: np.ndarray, rises: np.ndarray) -> np.ndarray:
    # component by component: for two dozen cells np.cross and np.stack take longer than the arithmetic
    ax, ay, az, bx, by, bz, cx, cy, cz = edges.reshape(-1, 9).T.copy()
    a, b, c = rises.T
    square: Any = 0.0
    flat: Any = 0.0
    for first, bu, bv, cu, cv, au, av in (
        (ax, by, bz, cy, cz, ay, az),
        (ay, bz, bx, cz, cx, az, ax),
        (az, bx, by, cx, cy, ax, ay),
    ):
        bc, ca, ab = bu * cv - bv * cu, cu * av - cv * au, au * bv - av * bu
        flat = flat + first * bc
        tilted = a * bc + b * ca + c * ab
        square = square + tilted * tilted
    result: np.ndarray = square + flat * flat
    return result


class GivenLoss(ScaledLosses):
    """A user's loss of a simplex.

    Parameters
    ----------
    loss : callable
        ``loss(simplex, values, value_scale) -> float``.
    offset : array, shape (N,)
        Added to the coordinates before they are passed to the loss.
    """

    nan_means_invalid = False

    def __init__(self, loss: Callable[..., float], offset: np.ndarray) -> None:
        super().__init__()
        self._loss = loss
        self._offset = offset
        self.vector = False

    def losses(self, mesh: Mesh, slots: np.ndarray) -> np.ndarray:
        """Call the loss for each cell with valid values."""
        answers = np.full(len(slots), math.nan)
        assert mesh.values is not None
        vertices = mesh.cells[slots]
        corners = mesh.points[vertices] + self._offset
        values = mesh.values[vertices]
        valid = ~np.isnan(values).any(axis=(1, 2))
        scales = mesh.scale[slots]
        values = values * scales[:, None, None]
        if not self.vector:
            values = values[:, :, 0]
        for i in np.flatnonzero(valid).tolist():
            answers[i] = self._loss(corners[i], values[i], float(scales[i]), *self._more(mesh, int(slots[i])))
        return answers

    def _more(self, mesh: Mesh, slot: int) -> tuple[Any, ...]:
        return ()


class NeighborLoss(GivenLoss):
    """A user's loss of a simplex and the vertices across its faces."""

    local = False

    def affected(self, mesh: Mesh, vertices: Collection[int], cells: Collection[Cell]) -> Collection[int]:
        """Add the neighbours across the faces."""
        found = set(cells)
        for cell in cells:
            for i, vertex in enumerate(mesh.tri.get_opposing_vertices(cell)):
                if vertex is not None:
                    found.add(tuple(sorted([*cell[:i], *cell[i + 1 :], vertex])))
        return [mesh.slot_of[cell] for cell in found]

    def _more(self, mesh: Mesh, slot: int) -> tuple[Any, ...]:
        assert mesh.values is not None
        neighbors: list[Any] = []
        values: list[Any] = []
        for vertex in mesh.tri.get_opposing_vertices(tuple(mesh.cells[slot].tolist())):
            # an invalid neighbour counts as none
            if vertex is None or np.isnan(mesh.values[vertex, 0]):
                neighbors.append(None)
                values.append(None)
                continue
            value = mesh.values[vertex] * mesh.scale[slot]
            neighbors.append(mesh.points[vertex] + self._offset)
            values.append(value if self.vector else float(value[0]))
        return neighbors, values


def cell_losses(loss: Callable[..., float] | None, offset: np.ndarray) -> CellLosses:
    """Return the `CellLosses` of this loss; None means the default loss.

    Raises
    ------
    TypeError
        If the loss cannot be called.
    NotImplementedError
        If it needs more than the nearest neighbours.
    """
    if loss is None or loss is default_loss:
        return GraphVolume()
    if loss is uniform_loss:
        return Uniform()
    if not callable(loss):
        raise TypeError(
            "`loss_per_simplex` should be a function loss(simplex, values, value_scale) or None, "
            f"but is {loss!r} ({type(loss).__name__})."
        )
    nth = getattr(loss, "nth_neighbors", 0)
    if nth not in (0, 1):
        raise NotImplementedError(f"a loss of simplices can look at 0 or 1 neighbours, but this one asks for {nth}.")
    return NeighborLoss(loss, offset) if nth else GivenLoss(loss, offset)
