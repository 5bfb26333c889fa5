"""The triangulation of a learner: vertices, cells with their losses, and pending points.

A *cell* is a simplex of the triangulation of the observed points, a sorted tuple of vertex indices. Each cell has a row
(its *slot*) in a few arrays: its vertices, its *loss*, and its *rank*, by which the next point is chosen. The largest
rank is found by one pass over the array: at ten thousand cells that takes a few microseconds, less than it takes to
update a heap for the cells that one point changes.

Pending points are a layer of their own: a cell with pending points inside is divided, by a small triangulation of its
vertices and these points (`pieces`), into sub-simplices, each with the share of the loss that is its share of the
volume; the rank of the cell is the largest of these. The losses themselves do not depend on pending points, so that
`clear_pending` restores every cell. A cell is divided when the next point is chosen, not when a point becomes pending:
most cells are replaced before that.

A `CellLosses` computes the losses.

Work is postponed in seven ways. Each has one attribute, which is empty (or False) when nothing is postponed:

====================  ==============================================  =================================================
attribute             what is not done yet                            is done by
====================  ==============================================  =================================================
``_unwritten``        vertices of new slots are not in ``cells``      `_enter_cells`, before a `CellLosses` is called
``_deferred``         no loss is computed                             `compute_deferred`, which ends `defer`
``_losses_outdated``  all losses are to be computed again             `_compute_all`, before losses or ranks are read
``_unlocated``        cells that contain a pending point are unknown  `_locate_pending`, before choices and before `add`
``_outside_cells``    a pending point lies in no cell                 `_relocate_pending`, when new cells appear
``_ranks_outdated``   ranks of these cells are to be computed again   `_update_ranks`, before ranks are read
``_closed``           these cells are not offered                     `clear_pending` (value False), or never (True)
====================  ==============================================  =================================================

Before `build` has made a triangulation only ``pending`` has entries. A pending point is in at most one of
``_unlocated`` and ``_outside_cells``. While ``_deferred`` holds, points are added but none is chosen. Cells in
``_closed`` exist; ``_ranks_outdated`` may hold cells that were deleted since, which are skipped. All other combinations
may occur.
"""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Hashable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from adaptive_triangulation import Triangulation
from scipy.spatial import Delaunay

from adaptive_calib.learner._simplex.locate import Locator
from adaptive_calib.learner._simplex.pieces import divided_at_many, divided_at_one

__all__ = ["Cell", "CellLosses", "ChosenCell", "Mesh", "volumes"]

Cell = tuple[int, ...]
_NONE = -math.inf
#: Losses that differ by less than this fraction are equal up to rounding; the cell of older vertices is then first.
_TIE = 1e-9
_FEW = 12
#: Of points nearer than this only one is a vertex.
_SAME = 1e-9
#: Cells of less volume than this, on the hull, are left out.
_FLAT = 1e-14


def volumes(corners: np.ndarray) -> np.ndarray:
    """Return the volumes of m simplices; `corners` has shape (m, N + 1, N)."""
    edges = corners[:, 1:] - corners[:, :1]
    if corners.shape[2] == 2:
        doubled: np.ndarray = np.abs(edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0])
        return doubled / 2
    determinants: np.ndarray = np.abs(np.linalg.det(edges))
    return determinants / math.factorial(corners.shape[2])


class CellLosses(ABC):
    """Rule that gives the cells of a mesh their losses.

    Attributes
    ----------
    whole_mesh : bool
        Whether losses can only be computed for all cells together; `losses` then gets all slots, when they are needed.
    local : bool
        Whether an observed point changes the losses of its own new cells only, or also those that `affected` adds.
    scaled : bool
        Whether losses depend on the scale kept for each cell.
    nan_means_invalid : bool
        Whether a loss is NaN only where a value is invalid.
    needs_stars : bool
        Whether `Mesh.stars` is needed.
    """

    whole_mesh: bool = False
    local: bool = True
    scaled: bool = True
    nan_means_invalid: bool = True
    needs_stars: bool = False

    def observe(self, mesh: Mesh, value: np.ndarray) -> bool:
        """Record a new valid value, shape (M,); return whether all losses have to be computed again."""
        return False

    def reset(self) -> None:  # noqa: B027  # for rules that keep no values
        """Forget all values."""

    def scale(self) -> float:
        """Return the factor that values of cells are multiplied by from now on."""
        return 1.0

    def affected(self, mesh: Mesh, vertices: Collection[int], cells: Collection[Cell]) -> Collection[int]:
        """Return the slots of the cells whose losses depend on these vertices' values or on these new cells."""
        return [mesh.slot_of[cell] for cell in cells]

    @abstractmethod
    def losses(self, mesh: Mesh, slots: np.ndarray) -> np.ndarray:
        """Return the losses of the cells in these slots; NaN where the values do not give one."""

    def losses_of_few(self, mesh: Mesh, cells: Sequence[Cell]) -> list[float] | None:
        """Return the same losses for a few cells, in plain Python; None if that is slower or not possible."""
        return None

    def fallback(self, mesh: Mesh, slots: np.ndarray) -> np.ndarray:
        """Return the losses of cells with an invalid value at a vertex: low, and shrinking with the volume."""
        return volumes(mesh.points[mesh.cells[slots]])


class ChosenCell(NamedTuple):
    """The cell, or the piece of a cell, for the next point.

    Attributes
    ----------
    cell
        The cell.
    corners
        Coordinates of the N + 1 vertices of the cell, or of its piece.
    improvement
        The loss of the cell, or the piece's share of it.
    """

    cell: Cell
    corners: Sequence[Sequence[float]]
    improvement: float


class Mesh:
    """Observed points and cells of a domain of dimension `ndim`, in the coordinates of `DomainND`.

    Parameters
    ----------
    ndim : int
        N, at least 2.
    rule : CellLosses
        Computes the losses of cells.
    sized : bool
        Whether cells are also chosen by their volume.

    Attributes
    ----------
    tri : adaptive_triangulation.Triangulation or None
        None before `build`.
    points : array, shape (capacity, N)
        Coordinates of the vertices.
    values : array, shape (capacity, M), or None before the first valid value
        Values at the vertices; NaN in all components of an invalid one.
    cells : array, shape (capacity, N + 1)
        Vertices of the cell in each slot; slots without a cell have the loss -inf. Complete when a `CellLosses` is
        called.
    stars : list of set of int
        For each vertex the slots of the cells that meet there; empty unless `CellLosses.needs_stars`.
    point_rows, first_values : list
        `points` and the first column of `values` as lists, for code without arrays.
    pending : dict
        Key of a pending point -> (coordinates, cells that contain it).
    """

    def __init__(self, ndim: int, rule: CellLosses, *, sized: bool = False) -> None:
        self.ndim = ndim
        self.rule = rule
        self.tri: Any = None
        self.count = 0
        self.invalid = 0
        self.points = np.empty((16, ndim))
        self.values: np.ndarray | None = None
        self.slot_of: dict[Cell, int] = {}
        self.stars: list[set[int]] = []
        self.top = 0
        self.cells = np.zeros((64, ndim + 1), dtype=np.intp)
        self.loss = np.full(64, _NONE)
        self.scale = np.ones(64)
        self._rank = np.full(64, _NONE)
        self._sized = sized
        self._size = np.zeros(64)
        self._share = np.ones(64)
        self._cell_at: list[Cell] = []
        self._free: list[int] = []
        self._unwritten: list[int] = []
        self.point_rows: list[Sequence[float]] = []
        self.first_values: list[float] = []
        self.pending: dict[Hashable, tuple[Sequence[float], list[Cell]]] = {}
        self._inside: dict[Cell, list[Hashable]] = {}
        self._outside_cells: set[Hashable] = set()
        self._unlocated: dict[Hashable, Cell] = {}
        self._pieces: dict[Cell, tuple[float, list[Sequence[float]]]] = {}
        self._ranks_outdated: set[Cell] = set()
        self._closed: dict[Cell, bool] = {}
        self._locator: Locator | None = None
        self._losses_outdated = False
        self._deferred = False

    # -- observed points -------------------------------------------------------------------------------------------

    def add(self, u: Sequence[float], value: np.ndarray | None, key: Hashable = None) -> int | None:
        """Put in an observed point.

        Parameters
        ----------
        u : N numbers
            Its coordinates.
        value : array of shape (M,), or None
            None for an invalid one.
        key
            Its key among the pending points, if it may be one.

        Returns
        -------
        int or None
            The index of the vertex; None if the point is too near to another to be a vertex.
        """
        if self.tri is None:
            self.remove_pending(key)
            return None if self._near(u) else self._append(u, value)
        hint = self._unlocated.pop(key, None)
        if self._unlocated:
            self._locate_pending()
        homes = self.pending.get(key, (u, []))[1]
        if hint is None:
            hint = homes[0] if homes else self.locate(u)
        try:
            deleted, added = self.tri.add_point(u, hint)
        except (ValueError, AssertionError):
            try:
                deleted, added = self.tri.add_point(u)
            except (ValueError, AssertionError):  # AssertionError: cells would overlap
                changed = None if self._near(u) else self._triangulate(u)
                if changed is None:
                    self.remove_pending(key)
                    return None
                deleted, added = changed
        vertex = self._append(u, value)
        self._replace(deleted, added)
        if self.pending:
            self._relocate_pending(key, homes, deleted, added)
        try:
            self._renew([vertex], added, value)
        except BaseException:  # from a user's loss: all are computed again when they are next needed
            self._losses_outdated = True
            raise
        return vertex

    def _near(self, u: Sequence[float]) -> bool:
        return any(math.dist(u, other) < _SAME for other in self.point_rows)

    def _triangulate(self, u: Sequence[float]) -> tuple[set[Cell], set[Cell]] | None:
        """Triangulate all points and one more by Qhull; return the deleted and the new cells, None if it is no vertex.

        Where flat cells outside the domain, or a hull that grows in many steps, make `Triangulation.add_point` fail.
        """
        points = np.vstack([self.points[: self.count], u])
        simplices = Delaunay(points).simplices
        cells = {tuple(sorted(cell)) for cell in simplices[volumes(points[simplices]) > _FLAT].tolist()}
        if not any(self.count in cell for cell in cells):
            return None
        old: set[Cell] = set(self.slot_of)
        self.tri = Triangulation(points, sorted(cells))  # type: ignore[call-arg]  # its stub lacks the second
        self._locator = Locator(self.tri)
        return old - cells, cells - old

    def _append(self, u: Sequence[float], value: np.ndarray | None) -> int:
        vertex = self.count
        if vertex == len(self.points):
            self.points = _longer(self.points)
            if self.values is not None:
                self.values = _longer(self.values, math.nan)
        self.points[vertex] = u
        if value is None:
            self.invalid += 1
        else:
            self._values_like(value)[vertex] = value
        self.point_rows.append(u)
        self.first_values.append(math.nan if value is None else float(value[0]))
        self.count += 1
        return vertex

    def _values_like(self, value: np.ndarray) -> np.ndarray:
        if self.values is None:
            self.values = np.full((len(self.points), len(value)), math.nan)
        return self.values

    def has_value(self, vertex: int, value: np.ndarray | None) -> bool:
        """Whether a vertex has exactly this value; None stands for an invalid one."""
        known = None if self.values is None or np.isnan(self.values[vertex, 0]) else self.values[vertex]
        if known is None or value is None:
            return known is value
        return bool(np.array_equal(known, value))

    def set_value(self, vertex: int, value: np.ndarray | None) -> None:
        """Replace the value at a vertex; None makes it invalid."""
        known = self.values is not None and not np.isnan(self.values[vertex, 0])
        self.invalid += int(known) - int(value is not None)
        self.first_values[vertex] = math.nan if value is None else float(value[0])
        if value is not None:
            self._values_like(value)[vertex] = value
        elif self.values is not None:
            self.values[vertex] = math.nan
        if self.tri is None:
            return
        if known:
            # the range of the values may have shrunk
            self.rule.reset()
            self._observe_all()
            self.recompute()
        else:
            self._renew([vertex], self.tri.vertex_to_simplices[vertex], value)

    def _observe_all(self) -> None:
        for value in [] if self.values is None else self.values[: self.count]:
            if not np.isnan(value[0]):
                self.rule.observe(self, value)

    def build(self) -> bool:
        """Make the first triangulation if the points span a volume; return whether there is one."""
        if self.tri is not None:
            return True
        points = self.points[: self.count]
        if self.count <= self.ndim or np.linalg.matrix_rank(points[1:] - points[0], tol=1e-8) < self.ndim:
            return False
        try:
            self.tri = Triangulation(points)
        except (ValueError, AssertionError):  # flat within the tolerance of the package, which differs from ours
            return False
        self._locator = Locator(self.tri)
        self._observe_all()
        self._replace(set(), set(self.tri.simplices))
        self.recompute()
        pending = dict(self.pending)
        self.pending.clear()
        for key, (u, _) in pending.items():
            self.add_pending(key, u)
        return True

    def locate(self, u: Sequence[float]) -> Cell:
        """Return a cell that contains the point; ``()`` outside of all."""
        return () if self._locator is None else self._locator.find(u)

    # -- cells and losses ------------------------------------------------------------------------------------------

    def _replace(self, deleted: Collection[Cell], added: Collection[Cell]) -> None:
        """Free the slots of deleted cells, give slots to new ones."""
        slot_of, free, cell_at = self.slot_of, self._free, self._cell_at
        starred, stars = self.rule.needs_stars, self.stars
        if starred:
            stars.extend([set() for _ in range(self.count - len(stars))])
        if deleted:
            loss, rank = self.loss, self._rank
            for cell in deleted:
                slot = slot_of.pop(cell)
                # one by one: faster than an index array for a few
                loss[slot] = rank[slot] = _NONE
                free.append(slot)
                if starred:
                    for corner in cell:
                        stars[corner].discard(slot)
            if self._closed:
                for cell in deleted:
                    self._closed.pop(cell, None)
        new = sorted(added)
        slots = []
        for cell in new:
            if free:
                slot = free.pop()
                cell_at[slot] = cell
            else:
                slot = self.top
                self.top += 1
                cell_at.append(cell)
            slot_of[cell] = slot
            slots.append(slot)
            if starred:
                for corner in cell:
                    stars[corner].add(slot)
        while self.top > len(self.loss):
            self.cells, self.scale, self._size, self._share = map(
                _longer, (self.cells, self.scale, self._size, self._share)
            )
            self.loss, self._rank = _longer(self.loss, _NONE), _longer(self._rank, _NONE)
        if slots:
            # `_enter_cells` writes their vertices into the array when it is next read
            self._unwritten.extend(slots)
            if self._sized:
                self._enter_cells()
                self._share[slots] = 1.0
                self._size[slots] = volumes(self.points[self.cells[slots]])

    def _renew(self, vertices: Collection[int], added: Collection[Cell], value: np.ndarray | None) -> None:
        """Compute the losses that a new value changes."""
        rule = self.rule
        everything = value is not None and rule.observe(self, value)
        if rule.whole_mesh:
            self._losses_outdated = True
        elif everything:
            self.recompute()
        elif self._deferred and rule.local:
            self.scale[[self.slot_of[cell] for cell in added]] = rule.scale()
        elif not self._deferred and rule.local and (losses := rule.losses_of_few(self, list(added))) is not None:
            factor, slot_of = rule.scale(), self.slot_of
            scale, loss, rank = self.scale, self.loss, self._rank
            for cell, number in zip(added, losses, strict=True):
                slot = slot_of[cell]
                scale[slot] = factor
                loss[slot] = rank[slot] = number
            if self._inside or self._closed:
                self._outdate_ranks(added)
        elif not self._deferred:
            found = rule.affected(self, vertices, added)
            slots = np.fromiter(found, np.intp, len(found))
            if rule.scaled:
                self.scale[slots] = rule.scale()
            self._compute(slots)
            if self._inside or self._closed:
                self._outdate_ranks([self._cell_at[slot] for slot in found])
        else:
            self.scale[list(rule.affected(self, vertices, added))] = rule.scale()

    def _outdate_ranks(self, cells: Iterable[Cell]) -> None:
        self._ranks_outdated.update(cell for cell in cells if cell in self._inside or cell in self._closed)

    def recompute(self) -> None:
        """Compute all losses with the present scale."""
        self.scale[: self.top] = self.rule.scale()
        if self.rule.whole_mesh:
            self._losses_outdated = True
        elif not self._deferred:
            self._compute_all()

    def _compute_all(self) -> None:
        if self.tri is None:
            self._losses_outdated = False
            return
        slots = np.fromiter(self.slot_of.values(), dtype=np.intp, count=len(self.slot_of))
        self._losses_outdated = True
        if len(slots):
            self._compute(slots)
        self._losses_outdated = False
        self._ranks_outdated.update(self._inside, self._closed)

    def _enter_cells(self) -> None:
        at, cells = self._cell_at, self.cells
        if len(self._unwritten) <= _FEW:  # one by one: faster than an array made of tuples
            for slot in self._unwritten:
                cells[slot] = at[slot]
            self._unwritten.clear()
        else:
            flat = itertools.chain.from_iterable([at[slot] for slot in self._unwritten])
            size = self.ndim + 1
            rows = np.fromiter(flat, np.intp, len(self._unwritten) * size)
            cells[self._unwritten] = rows.reshape(-1, size)
            self._unwritten.clear()

    def _compute(self, slots: np.ndarray) -> None:
        self._enter_cells()
        if self.values is None:
            losses = self.rule.fallback(self, slots)
        else:
            losses = self.rule.losses(self, slots)
            if (self.invalid or not self.rule.nan_means_invalid) and (bad := np.isnan(losses)).any():
                losses[bad] = self.rule.fallback(self, slots[bad])
        self.loss[slots] = losses
        self._rank[slots] = losses

    def defer(self) -> None:
        """Compute no losses until `compute_deferred`."""
        self._deferred = True

    def compute_deferred(self) -> None:
        """Compute the losses of all cells, each with the scale that it has."""
        self._deferred = False
        if self.rule.whole_mesh:
            self._losses_outdated = True
        elif self.tri is not None:
            self._compute_all()

    def largest_loss(self) -> float:
        """Return the largest loss of a cell; inf without cells."""
        if self._losses_outdated or self._closed:
            self._update_ranks()
        return _largest(self.loss[: self.top]) if self.tri is not None else math.inf

    def largest_rank(self) -> float:
        """Return the largest loss of a cell or of a piece of one; inf without cells."""
        self._update_ranks()
        return _largest(self._rank[: self.top]) if self.tri is not None else math.inf

    def losses(self) -> dict[Cell, float]:
        """Return the loss of each cell."""
        if self._losses_outdated:
            self._compute_all()
        return {cell: float(self.loss[slot]) for cell, slot in self.slot_of.items()}

    # -- pending points --------------------------------------------------------------------------------------------

    def add_pending(self, key: Hashable, u: Sequence[float], hint: Cell | None = None) -> None:
        """Add a pending point; `hint` is a cell that contains it."""
        if key in self.pending:
            return
        self.pending[key] = (u, [])
        if self.tri is not None:
            # the cells that it divides are found when the next point is chosen: most are replaced before that
            self._unlocated[key] = hint or self.locate(u)

    def _locate_pending(self) -> None:
        """Find the cells that contain the pending points added since the last call."""
        for key, hint in self._unlocated.items():
            u, homes = self.pending[key]
            homes += self.tri.simplices_containing(u, hint)
            if not homes:
                self._outside_cells.add(key)
            self._enter(key, homes)
        self._unlocated.clear()

    def _enter(self, key: Hashable, homes: Iterable[Cell]) -> None:
        for cell in homes:
            self._inside.setdefault(cell, []).append(key)
            self._pieces.pop(cell, None)
            self._ranks_outdated.add(cell)

    def remove_pending(self, key: Hashable) -> None:
        """Remove a pending point; no effect if it is not pending."""
        _, homes = self.pending.pop(key, (None, ()))
        self._unlocated.pop(key, None)
        self._outside_cells.discard(key)
        for cell in homes:
            self._leave(key, cell)

    def _leave(self, key: Hashable, cell: Cell) -> None:
        keys = self._inside[cell]
        keys.remove(key)
        if not keys:
            del self._inside[cell]
        self._pieces.pop(cell, None)
        self._ranks_outdated.add(cell)

    def _relocate_pending(
        self, observed: Hashable, homes: list[Cell], deleted: Collection[Cell], added: Collection[Cell]
    ) -> None:
        """Remove the observed point from the pending ones; assign those of deleted cells to new cells."""
        moving: dict[Hashable, None] = {}
        for cell in deleted:
            keys = self._inside.pop(cell, None)
            if keys is not None:
                moving.update(dict.fromkeys(keys))
                self._pieces.pop(cell, None)
                self._ranks_outdated.discard(cell)
        if self.pending.pop(observed, None) is not None:
            moving.pop(observed, None)
            self._outside_cells.discard(observed)
            for cell in homes:
                if cell in self._inside and observed in self._inside[cell]:
                    self._leave(observed, cell)
        # in the order of asking, not in that in which the package lists the deleted cells
        order = (
            [key for key in self.pending if key in moving or key in self._outside_cells]
            if moving or self._outside_cells
            else []
        )
        candidates = sorted(added) if order else []
        for key in order:
            u, old = self.pending[key]
            new = self.tri.simplices_containing(u, candidates=candidates)
            kept = [cell for cell in old if cell in self._inside and key in self._inside[cell]]
            self._enter(key, new)
            self.pending[key] = (u, kept + new)
            if new or kept:
                self._outside_cells.discard(key)

    def clear_pending(self) -> None:
        """Forget all pending points, and reopen the cells that were closed because of them."""
        self._ranks_outdated.update(self._inside)
        self.pending.clear()
        self._inside.clear()
        self._pieces.clear()
        self._outside_cells.clear()
        self._unlocated.clear()
        for cell, for_good in list(self._closed.items()):
            if not for_good:
                self.reopen(cell)

    # -- choosing --------------------------------------------------------------------------------------------------

    def close(self, cell: Cell, for_good: bool) -> None:
        """Offer a cell no more: until `release`, or (with loss 0) as long as it exists."""
        self._closed[cell] = for_good
        self._ranks_outdated.add(cell)

    def reopen(self, cell: Cell) -> None:
        """Offer a closed cell again."""
        if self._closed.pop(cell, None) is not None:
            if self.rule.whole_mesh:
                self._compute_all()
            else:
                self._compute(np.array([self.slot_of[cell]]))
            self._ranks_outdated.add(cell)

    def _update_ranks(self) -> None:
        """Compute the ranks that pending points and closed cells have changed."""
        if self._losses_outdated:
            self._compute_all()
        if self._unlocated:
            self._locate_pending()
        if not self._ranks_outdated:
            return
        for cell in self._ranks_outdated:
            slot = self.slot_of.get(cell)
            if slot is None:
                continue
            if cell in self._closed:
                if self._closed[cell]:
                    self.loss[slot] = 0.0
                self._rank[slot] = _NONE
                continue
            share = self._share[slot] = self._piece(cell)[0] if cell in self._inside else 1.0
            # the product would be NaN for an infinite loss and a share of zero
            self._rank[slot] = self.loss[slot] * share if share > 0 else 0.0
        self._ranks_outdated.clear()

    def _piece(self, cell: Cell) -> tuple[float, list[Sequence[float]]]:
        """Return the largest piece of a divided cell: its share of the volume, and its corners."""
        piece = self._pieces.get(cell)
        if piece is None:
            corners: list[Sequence[float]] = list(self.tri.get_vertices(cell))
            keys = self._inside[cell]
            if len(keys) == 1:
                piece = divided_at_one(corners, self.pending[keys[0]][0])
            else:
                piece = divided_at_many(corners, [self.pending[key][0] for key in keys])
            self._pieces[cell] = piece
        return piece

    def worst(self, by_size: bool = False) -> ChosenCell | None:
        """Return the cell for the next point: of the largest rank, or the largest volume; None if all are closed."""
        self._update_ranks()
        rank = self._rank[: self.top]
        if by_size:
            rank = np.where(rank == _NONE, _NONE, self._size[: self.top] * self._share[: self.top])
        if not len(rank):
            return None
        slot = int(rank.argmax())
        top = float(rank[slot])
        if top == _NONE:
            return None
        ties = (rank >= (top if math.isinf(top) else top - _TIE * abs(top))).nonzero()[0]
        cell = self._cell_at[slot] if len(ties) == 1 else min(self._cell_at[i] for i in ties.tolist())
        loss = float(self.loss[self.slot_of[cell]])
        if cell in self._inside:
            share, corners = self._piece(cell)
            return ChosenCell(cell, corners, loss * share if share > 0 else 0.0)
        return ChosenCell(cell, self.tri.get_vertices(cell), loss)


def _largest(array: np.ndarray) -> float:
    """Return the largest of numbers that are not NaN; takes half the time of `max` for a few thousand."""
    return float(array[array.argmax()])


def _longer(array: np.ndarray, fill: float = 0.0) -> np.ndarray:
    """Return the array with twice as many rows."""
    return np.concatenate([array, np.full_like(array, fill)])
