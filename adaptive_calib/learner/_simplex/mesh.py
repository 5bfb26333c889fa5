"""The state of a learner on a triangulation: told points, cells and their losses, pending points and what they divide.

A *cell* is a simplex of the triangulation of the told points, a sorted tuple of vertex indices. Each cell has a row
(its *slot*) in a few arrays: its vertices, its *loss*, and its *rank*, by which the next point is chosen. The largest
rank is found by one pass over the array: at ten thousand cells that takes a few microseconds, less than a heap needs to
take in the cells that one point changes.

Pending points lie in a layer of their own: a cell with pending points inside is divided, by a small triangulation of
its vertices and these points, into sub-simplices, each with the share of the loss that is its share of the volume; the
rank of the cell is the largest of these. So forgetting the pending points gives every cell back whole, and the real
losses never know of them. The division is made when the next point is chosen, not before: most cells are told, and so
gone, by then.

What a loss is, is the business of a `CellLosses`.
"""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Hashable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from adaptive_triangulation import Triangulation

from adaptive_calib.learner._simplex.locate import Locator, barycentric

__all__ = ["Cell", "CellLosses", "Choice", "Mesh", "volumes"]

Cell = tuple[int, ...]
_NONE = -math.inf
#: Losses that differ by less than this fraction are equal up to rounding; the cell of older vertices is then first.
_TIE = 1e-9
#: A piece of a cell smaller than this share is flat: the pending point lies on a face.
_FLAT = 1e-8
_FEW = 12


def volumes(corners: np.ndarray) -> np.ndarray:
    """Return the volumes of m simplices; `corners` has shape (m, N + 1, N)."""
    edges = corners[:, 1:] - corners[:, :1]
    if corners.shape[2] == 2:
        doubled: np.ndarray = np.abs(edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0])
        return doubled / 2
    determinants: np.ndarray = np.abs(np.linalg.det(edges))
    return determinants / math.factorial(corners.shape[2])


class CellLosses(ABC):
    """How the cells of a mesh get their losses.

    Attributes
    ----------
    whole : bool
        Whether losses can only be computed for all cells at once; `losses` then gets all slots, when they are needed.
    local : bool
        Whether a told point changes the losses of its own new cells only, or also those that `affected` adds.
    scaled : bool
        Whether losses depend on the scale kept for each cell.
    sure : bool
        Whether a loss is NaN only where a value is invalid.
    starred : bool
        Whether the mesh shall keep the star of each vertex.
    """

    whole: bool = False
    local: bool = True
    scaled: bool = True
    sure: bool = True
    starred: bool = False

    def hear(self, mesh: Mesh, value: np.ndarray) -> bool:
        """Take note of a new valid value, shape (M,); return whether all losses have to be computed again."""
        return False

    def reset(self) -> None:  # noqa: B027  # a rule that keeps nothing has nothing to forget
        """Forget all values that were heard."""

    def scale(self) -> float:
        """Return the factor for values that cells computed from now on shall use."""
        return 1.0

    def affected(self, mesh: Mesh, vertices: Collection[int], cells: Collection[Cell]) -> Collection[int]:
        """Return the slots of the cells whose losses depend on these vertices' values or on these new cells."""
        return [mesh.slot_of[cell] for cell in cells]

    @abstractmethod
    def losses(self, mesh: Mesh, slots: np.ndarray) -> np.ndarray:
        """Return the losses of the cells in these slots; NaN where the values do not give one."""

    def few(self, mesh: Mesh, cells: Sequence[Cell]) -> list[float] | None:
        """Return the same losses for a few cells, by plain Python; None if that is not quicker or not possible."""
        return None

    def fallback(self, mesh: Mesh, slots: np.ndarray) -> np.ndarray:
        """Return the losses of cells with an invalid value at a vertex: low, and shrinking with the volume."""
        return volumes(mesh.points[mesh.cells[slots]])


class Choice(NamedTuple):
    """The cell (or the piece of one) where the next point goes.

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
    """Told points and cells of a domain of dimension `ndim`, in the coordinates of `DomainND`.

    Parameters
    ----------
    ndim : int
        N, at least 2.
    rule : CellLosses
        What a cell's loss is.
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
        For each vertex the slots of the cells that meet there; empty unless the rule wants them.
    places, numbers : list
        The same as `points` and the first column of `values`, for plain Python.
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
        self._late: list[int] = []
        self.places: list[Sequence[float]] = []
        self.numbers: list[float] = []
        self.pending: dict[Hashable, tuple[Sequence[float], list[Cell]]] = {}
        self._inside: dict[Cell, list[Hashable]] = {}
        self._homeless: set[Hashable] = set()
        self._unplaced: dict[Hashable, Cell] = {}
        self._pieces: dict[Cell, tuple[float, list[Sequence[float]]]] = {}
        self._dirty: set[Cell] = set()
        self._closed: dict[Cell, bool] = {}
        self._locator: Locator | None = None
        self._stale = False
        self._deferred = False

    # -- told points -----------------------------------------------------------------------------------------------

    def add(self, u: Sequence[float], value: np.ndarray | None, key: Hashable = None) -> int | None:
        """Put in a told point.

        Parameters
        ----------
        u : N numbers
            Its coordinates.
        value : array of shape (M,), or None
            None for an invalid one.
        key
            Its key, if it may be pending.

        Returns
        -------
        int or None
            The index of the vertex; None if the point is so near to another that it can be no vertex.
        """
        if self.tri is None:
            self.unpend(key)
            return self._append(u, value)
        hint = self._unplaced.pop(key, None)
        if self._unplaced:
            self._place_all()
        homes = self.pending.get(key, (u, []))[1]
        if hint is None:
            hint = homes[0] if homes else self.locate(u)
        try:
            deleted, added = self.tri.add_point(u, hint)
        except (ValueError, AssertionError):
            try:
                deleted, added = self.tri.add_point(u)
            except (ValueError, AssertionError):  # the latter is how the package says that cells would overlap
                self.unpend(key)
                return None
        vertex = self._append(u, value)
        self._replace(deleted, added)
        if self.pending:
            self._rehome(key, homes, deleted, added)
        try:
            self._renew([vertex], added, value)
        except BaseException:  # a user's loss: all are computed again when next needed
            self._stale = True
            raise
        return vertex

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
        self.places.append(u)
        self.numbers.append(math.nan if value is None else float(value[0]))
        self.count += 1
        return vertex

    def _values_like(self, value: np.ndarray) -> np.ndarray:
        if self.values is None:
            self.values = np.full((len(self.points), len(value)), math.nan)
        return self.values

    def set_value(self, vertex: int, value: np.ndarray | None) -> None:
        """Replace the value at a vertex; None makes it invalid."""
        known = self.values is not None and not np.isnan(self.values[vertex, 0])
        self.invalid += int(known) - int(value is not None)
        self.numbers[vertex] = math.nan if value is None else float(value[0])
        if value is not None:
            self._values_like(value)[vertex] = value
        elif self.values is not None:
            self.values[vertex] = math.nan
        if self.tri is None:
            return
        if known:
            # the range of the values may have shrunk
            self.rule.reset()
            self._hear_all()
            self.recompute()
        else:
            self._renew([vertex], self.tri.vertex_to_simplices[vertex], value)

    def _hear_all(self) -> None:
        for value in [] if self.values is None else self.values[: self.count]:
            if not np.isnan(value[0]):
                self.rule.hear(self, value)

    def build(self) -> bool:
        """Make the first triangulation if the points span a volume; return whether there is one."""
        if self.tri is not None:
            return True
        points = self.points[: self.count]
        if self.count <= self.ndim or np.linalg.matrix_rank(points[1:] - points[0], tol=1e-8) < self.ndim:
            return False
        try:
            self.tri = Triangulation(points)
        except (ValueError, AssertionError):  # flat up to the tolerance of the package, which is another than ours
            return False
        self._locator = Locator(self.tri)
        self._hear_all()
        self._replace(set(), set(self.tri.simplices))
        self.recompute()
        pending = dict(self.pending)
        self.pending.clear()
        for key, (u, _) in pending.items():
            self.pend(key, u)
        return True

    def locate(self, u: Sequence[float]) -> Cell:
        """Return a cell that contains the point; ``()`` outside of all."""
        return () if self._locator is None else self._locator.find(u)

    # -- cells and losses ------------------------------------------------------------------------------------------

    def _replace(self, deleted: Collection[Cell], added: Collection[Cell]) -> None:
        """Free the slots of deleted cells, give slots to new ones."""
        slot_of, free, cell_at = self.slot_of, self._free, self._cell_at
        starred, stars = self.rule.starred, self.stars
        if starred:
            stars.extend([set() for _ in range(self.count - len(stars))])
        if deleted:
            loss, rank = self.loss, self._rank
            for cell in deleted:
                slot = slot_of.pop(cell)
                # one by one: quicker than an index array for so few
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
            # entered into the array of vertices when that is next needed
            self._late.extend(slots)
            if self._sized:
                self._enter_cells()
                self._share[slots] = 1.0
                self._size[slots] = volumes(self.points[self.cells[slots]])

    def _renew(self, vertices: Collection[int], added: Collection[Cell], value: np.ndarray | None) -> None:
        """Compute the losses that a new value changes."""
        rule = self.rule
        everything = value is not None and rule.hear(self, value)
        if rule.whole:
            self._stale = True
        elif everything:
            self.recompute()
        elif self._deferred and rule.local:
            self.scale[[self.slot_of[cell] for cell in added]] = rule.scale()
        elif not self._deferred and rule.local and (losses := rule.few(self, list(added))) is not None:
            factor, slot_of = rule.scale(), self.slot_of
            scale, loss, rank = self.scale, self.loss, self._rank
            for cell, number in zip(added, losses, strict=True):
                slot = slot_of[cell]
                scale[slot] = factor
                loss[slot] = rank[slot] = number
            if self._inside or self._closed:
                self._mark(added)
        elif not self._deferred:
            found = rule.affected(self, vertices, added)
            slots = np.fromiter(found, np.intp, len(found))
            if rule.scaled:
                self.scale[slots] = rule.scale()
            self._compute(slots)
            if self._inside or self._closed:
                self._mark([self._cell_at[slot] for slot in found])
        else:
            self.scale[list(rule.affected(self, vertices, added))] = rule.scale()

    def _mark(self, cells: Iterable[Cell]) -> None:
        self._dirty.update(cell for cell in cells if cell in self._inside or cell in self._closed)

    def recompute(self) -> None:
        """Compute all losses with the scale of now."""
        self.scale[: self.top] = self.rule.scale()
        if self.rule.whole:
            self._stale = True
        elif not self._deferred:
            self._compute_all()

    def _compute_all(self) -> None:
        if self.tri is None:
            self._stale = False
            return
        slots = np.fromiter(self.slot_of.values(), dtype=np.intp, count=len(self.slot_of))
        self._stale = True
        if len(slots):
            self._compute(slots)
        self._stale = False
        self._dirty.update(self._inside, self._closed)

    def _enter_cells(self) -> None:
        at, cells = self._cell_at, self.cells
        if len(self._late) <= _FEW:  # one by one: quicker than an array made of tuples
            for slot in self._late:
                cells[slot] = at[slot]
            self._late.clear()
        else:
            flat = itertools.chain.from_iterable([at[slot] for slot in self._late])
            size = self.ndim + 1
            rows = np.fromiter(flat, np.intp, len(self._late) * size)
            cells[self._late] = rows.reshape(-1, size)
            self._late.clear()

    def _compute(self, slots: np.ndarray) -> None:
        self._enter_cells()
        if self.values is None:
            losses = self.rule.fallback(self, slots)
        else:
            losses = self.rule.losses(self, slots)
            if (self.invalid or not self.rule.sure) and (bad := np.isnan(losses)).any():
                losses[bad] = self.rule.fallback(self, slots[bad])
        self.loss[slots] = losses
        self._rank[slots] = losses

    def defer(self) -> None:
        """Compute no losses until `catch_up`."""
        self._deferred = True

    def catch_up(self) -> None:
        """Compute the losses of all cells, each with the scale that it has."""
        self._deferred = False
        if self.rule.whole:
            self._stale = True
        elif self.tri is not None:
            self._compute_all()

    def largest_loss(self) -> float:
        """Return the largest loss of a cell; inf without cells."""
        if self._stale or self._closed:
            self._settle()
        return _largest(self.loss[: self.top]) if self.tri is not None else math.inf

    def largest_rank(self) -> float:
        """Return the largest loss of a cell or of a piece of one; inf without cells."""
        self._settle()
        return _largest(self._rank[: self.top]) if self.tri is not None else math.inf

    def losses(self) -> dict[Cell, float]:
        """Return the loss of each cell."""
        if self._stale:
            self._compute_all()
        return {cell: float(self.loss[slot]) for cell, slot in self.slot_of.items()}

    # -- pending points --------------------------------------------------------------------------------------------

    def pend(self, key: Hashable, u: Sequence[float], hint: Cell | None = None) -> None:
        """Put in a pending point; `hint` is a cell that contains it."""
        if key in self.pending:
            return
        self.pending[key] = (u, [])
        if self.tri is not None:
            # which cells it divides is found when the next point is chosen: most are told, and so gone, by then
            self._unplaced[key] = hint or self.locate(u)

    def _place_all(self) -> None:
        """Find the cells that the pending points of late divide."""
        for key, hint in self._unplaced.items():
            u, homes = self.pending[key]
            homes += self.tri.simplices_containing(u, hint)
            if not homes:
                self._homeless.add(key)
            self._enter(key, homes)
        self._unplaced.clear()

    def _enter(self, key: Hashable, homes: Iterable[Cell]) -> None:
        for cell in homes:
            self._inside.setdefault(cell, []).append(key)
            self._pieces.pop(cell, None)
            self._dirty.add(cell)

    def unpend(self, key: Hashable) -> None:
        """Take a pending point out; nothing happens if it is none."""
        _, homes = self.pending.pop(key, (None, ()))
        self._unplaced.pop(key, None)
        self._homeless.discard(key)
        for cell in homes:
            self._leave(key, cell)

    def _leave(self, key: Hashable, cell: Cell) -> None:
        keys = self._inside[cell]
        keys.remove(key)
        if not keys:
            del self._inside[cell]
        self._pieces.pop(cell, None)
        self._dirty.add(cell)

    def _rehome(self, told: Hashable, homes: list[Cell], deleted: Collection[Cell], added: Collection[Cell]) -> None:
        """Take out the told point; give the pending points of deleted cells to the new ones."""
        moving: dict[Hashable, None] = {}
        for cell in deleted:
            keys = self._inside.pop(cell, None)
            if keys is not None:
                moving.update(dict.fromkeys(keys))
                self._pieces.pop(cell, None)
                self._dirty.discard(cell)
        if self.pending.pop(told, None) is not None:
            moving.pop(told, None)
            self._homeless.discard(told)
            for cell in homes:
                if cell in self._inside and told in self._inside[cell]:
                    self._leave(told, cell)
        # sorted by age, not by the order in which the package lists the deleted cells
        order = (
            [key for key in self.pending if key in moving or key in self._homeless] if moving or self._homeless else []
        )
        candidates = sorted(added) if order else []
        for key in order:
            u, old = self.pending[key]
            new = self.tri.simplices_containing(u, candidates=candidates)
            kept = [cell for cell in old if cell in self._inside and key in self._inside[cell]]
            self._enter(key, new)
            self.pending[key] = (u, kept + new)
            if new or kept:
                self._homeless.discard(key)

    def release(self) -> None:
        """Forget all pending points, and open the cells that were closed because of them."""
        self._dirty.update(self._inside)
        self.pending.clear()
        self._inside.clear()
        self._pieces.clear()
        self._homeless.clear()
        self._unplaced.clear()
        for cell, for_good in list(self._closed.items()):
            if not for_good:
                self.reopen(cell)

    # -- choosing --------------------------------------------------------------------------------------------------

    def close(self, cell: Cell, for_good: bool) -> None:
        """Offer a cell no more: until `release`, or (with loss 0) as long as it exists."""
        self._closed[cell] = for_good
        self._dirty.add(cell)

    def reopen(self, cell: Cell) -> None:
        """Offer a closed cell again."""
        if self._closed.pop(cell, None) is not None:
            if self.rule.whole:
                self._compute_all()
            else:
                self._compute(np.array([self.slot_of[cell]]))
            self._dirty.add(cell)

    def _settle(self) -> None:
        """Bring the ranks up to date with pending points and closed cells."""
        if self._stale:
            self._compute_all()
        if self._unplaced:
            self._place_all()
        if not self._dirty:
            return
        for cell in self._dirty:
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
        self._dirty.clear()

    def _piece(self, cell: Cell) -> tuple[float, list[Sequence[float]]]:
        """Return the largest piece of a divided cell: its share of the volume, and its corners."""
        piece = self._pieces.get(cell)
        if piece is None:
            corners: list[Sequence[float]] = list(self.tri.get_vertices(cell))
            keys = self._inside[cell]
            if len(keys) == 1:
                piece = _one_inside(corners, self.pending[keys[0]][0])
            else:
                piece = _many_inside(corners, [self.pending[key][0] for key in keys])
            self._pieces[cell] = piece
        return piece

    def worst(self, by_size: bool = False) -> Choice | None:
        """Return where the next point goes: the largest rank, or the largest volume; None if all cells are closed."""
        self._settle()
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
            return Choice(cell, corners, loss * share if share > 0 else 0.0)
        return Choice(cell, self.tri.get_vertices(cell), loss)


def _one_inside(corners: list[Sequence[float]], point: Sequence[float]) -> tuple[float, list[Sequence[float]]]:
    """Return the largest piece of a simplex divided at one point: the point is in the place of one vertex."""
    best, left_out = 0.0, -1
    for i, share in enumerate(barycentric(corners, point)):
        # of equals the one without the last vertex, which sorts first
        if share >= best - _FLAT:
            best, left_out = share, i
    if left_out < 0:
        return 0.0, corners
    return best, [*corners[:left_out], *corners[left_out + 1 :], point]


def _many_inside(corners: list[Sequence[float]], inner: list[Sequence[float]]) -> tuple[float, list[Sequence[float]]]:
    """Return the largest piece of a simplex divided by the triangulation of its vertices and several points."""
    # the one simplex is given: looking for it takes ten times as long as the rest
    small = Triangulation(corners, [tuple(range(len(corners)))])  # type: ignore[call-arg]  # its stub lacks it
    for point in inner:
        try:
            small.add_point(point)
        except (ValueError, AssertionError):  # nearer to another than the tolerance: no piece of its own
            continue
    cells = list(small.simplices)
    sizes = [small.volume(cell) for cell in cells]
    largest = max(sizes)
    cell = min(cell for cell, size in zip(cells, sizes, strict=True) if size >= largest * (1 - _FLAT))
    piece: list[Sequence[float]] = [*small.get_vertices(cell)]
    return largest / small.volume(tuple(range(len(corners)))), piece


def _largest(array: np.ndarray) -> float:
    """Return the largest of numbers that are not NaN; half the time of `max` for a few thousand."""
    return float(array[array.argmax()])


def _longer(array: np.ndarray, fill: float = 0.0) -> np.ndarray:
    """Return the array with twice as many rows."""
    return np.concatenate([array, np.full_like(array, fill)])
