"""The error goal of a triangulated learner: which point reduces the estimated error, and when the goal is checked.

While cells have a larger estimated error than the goal, the next points go to the worst places of these cells, a small
share of all points at a time; the estimate is then computed again. Cells beside an invalid or failed point count as
not known: their error is infinite.

At a step or a pole the estimate does not fall, and at the edge of a region of invalid values it stays infinite. Such
cells are refined until they are small and, together, at most `most_unresolved` of the domain; then they are left out
and their share is reported (`Claim.unresolved`), so that a run ends. The edge of a region of invalid values is long, so
that it gets at most `EDGE` of the points while there are other cells to refine.

When no other cell is left, the goal is checked at random places (`claims.ErrorCheck`): they are compared with the
interpolant of the points before the first of them. A miss ends the check, and the search goes on.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from adaptive_calib.learner._domain_nd import GRID, DomainND, PointND
from adaptive_calib.learner._simplex.interpolant import CellErrors, Interpolant
from adaptive_calib.learner._simplex.noise import NoiseWatch, most_unresolved
from adaptive_calib.learner.claims import Claim, ErrorCheck

__all__ = ["CAUTION", "GOAL_CAUTION", "ErrorGoal", "OpenCells", "open_cells"]

#: Factor of the estimated error, because a run that ends too early costs more than one that ends a little late.
CAUTION = 2.0

#: The same where points are chosen by the estimate, which then is nearly equal everywhere: at 90 points of a bell the
#: true error was 1.2 times the estimate with `CAUTION` in one place.
GOAL_CAUTION = 2.5

#: Share of the points that are chosen from one estimate.
BATCH = 1 / 16

#: Largest lattice of integers whose points are looked at, each by itself.
MOST_LATTICE = 4096

#: Share of the points for the edge of a region of invalid values, while other cells are above the goal.
EDGE = 1 / 3


@dataclass(frozen=True)
class OpenCells:
    """The cells that an error goal still wants to refine, and those that it leaves out.

    Attributes
    ----------
    places : list
        Coordinates of the worst places, the largest error first, each once; those at an edge of values in between.
    unresolved : float
        Share of the domain in cells that are left out.
    unpredicted : float
        Share of the domain in cells without any valid value.
    left_out : array of bool, shape (S,)
        By cell of the interpolant.
    """

    places: list[tuple[float, ...]]
    unresolved: float
    unpredicted: float
    left_out: np.ndarray


def resolution(ndim: int) -> float:
    """Return the longest edge of a cell that may be left out: about as many cells lie along a face of the box."""
    return float(64.0 ** (-1 / (ndim - 1)))


def open_cells(cells: CellErrors, error: float, volume: float, caution: float = GOAL_CAUTION) -> OpenCells:
    """Return the cells with an estimated error, times `caution`, above a goal.

    Parameters
    ----------
    cells : CellErrors
    error : float
        Largest estimated error that is small enough, in units of the values.
    volume : float
        Volume of the domain.
    """
    over = caution * cells.errors > error  # False for NaN: without any valid value there is nothing to refine
    ndim = cells.places.shape[1]
    small = over & (cells.longest <= resolution(ndim))
    share = float(cells.volumes[small].sum()) / volume
    left_out = small if share <= most_unresolved(ndim) else np.zeros_like(small)
    wanted = np.flatnonzero(over & ~left_out)
    # of equal errors the largest cell first
    order = wanted[np.lexsort((-cells.volumes[wanted], -cells.errors[wanted]))]
    beside = np.isinf(cells.errors[order])
    if beside.any():  # small cells as well: a function that ends in a root or a pole is steep there
        beside |= small[order]
        first, edge = order[~beside], order[beside]
        edge = edge[np.argsort(-cells.volumes[edge], kind="stable")]
        turns = np.concatenate([np.arange(len(first)) / (1 - EDGE), (np.arange(len(edge)) + 0.5) / EDGE])
        order = np.concatenate([first, edge])[np.argsort(turns, kind="stable")]
    places = list(dict.fromkeys(map(tuple, cells.places[order].tolist())))
    unpredicted = float(cells.volumes[np.isnan(cells.errors)].sum()) / volume
    return OpenCells(places, share if left_out.any() else 0.0, unpredicted, left_out)


class ErrorGoal:
    """State of the way to one error goal.

    Parameters
    ----------
    error : float
        The goal, in units of the values.
    domain : DomainND

    Attributes
    ----------
    queue : list
        Worst places of the last estimate that were not asked for yet, the worst last.
    open_places : dict
        Check points without a value.
    passed : Claim or None
        The claim of the last check, if it has passed.
    noise : NoiseWatch
        Whether noise in the values keeps the goal out of reach.
    checked : Claim or None
        The same, once the estimate with the check points among the data is within the goal as well.
    """

    def __init__(self, error: float, domain: DomainND) -> None:
        self.check = ErrorCheck(error, dimensions=domain.ndim)
        self.noise = NoiseWatch(self.check.error, domain)
        self.domain = domain
        self.queue: list[tuple[float, ...]] = []
        self.open_places: dict[PointND, None] = {}
        self.passed: Claim | None = None
        self.checked: Claim | None = None
        self._before: tuple[int, Interpolant, OpenCells, np.ndarray] | None = None
        self._all_points = domain.all_points(MOST_LATTICE)
        self._exhausts = False  # whether every point of the domain is known after the check
        self._places: tuple[tuple[int, int], set[PointND]] | None = None

    @property
    def error(self) -> float:
        """The goal."""
        return self.check.error

    def fill_queue(self, interpolant: Interpolant, known: int, pending: int) -> bool:
        """Take the worst places of an estimate, more if points are pending; return whether there are any."""
        # after a check that has passed the points are no longer only those that the estimate chose
        caution = GOAL_CAUTION if self.passed is None else 1.0
        found = open_cells(interpolant.cells(), self.check.target, self.domain.volume(), caution).places
        self.queue = found[: max(1, int(known * BATCH)) + pending][::-1]
        return bool(self.queue)

    def exhausted(self, data: Mapping[PointND, Any], failed: Collection[PointND]) -> Claim | None:
        """Return the claim of a domain of integers whose points are all known; None of another."""
        points = self._all_points
        if not points or not all(x in data or x in failed for x in points):
            return None
        missing = sum(x in failed or not np.isfinite(data[x]).all() for x in points)
        return self.check.claim(unpredicted=missing / len(points), exhausted=True)

    def _point_at(self, place: tuple[float, ...]) -> PointND | None:
        """Return the point at a place of the unit cube, the same for all spans; None outside the domain."""
        spans = self.domain.spans
        point = self.domain.x([round(c * GRID) / GRID * span for c, span in zip(place, spans, strict=True)])
        return point if self.domain.contains(point) else None

    def is_place(self, point: PointND, known: int) -> bool:
        """Whether the value at a point may begin a check: one is due, or was when the point was asked for."""
        if self.open_places or self.passed is not None:
            return False
        key = self.check.failed, len(self.check.places(known))
        if self._places is None or self._places[0] != key:
            self._places = key, set(self.check.points(known, self._point_at))
        return point in self._places[1]

    def begin_check(self, known: int, taken: Collection[PointND]) -> None:
        """Choose the points of a check; none that is known already, or outside the domain."""
        free = self._free_points(known, taken)
        if len(free) < self.check.block and self._all_points:
            free = dict.fromkeys(x for x in self._all_points if x not in taken)
            self._exhausts = True
        self.open_places = free
        if self._exhausts and not free:
            self.passed = self.checked = self.check.claim(exhausted=True)

    def _free_points(self, known: int, taken: Collection[PointND]) -> dict[PointND, None]:
        return self.check.points(known, lambda place: None if (x := self._point_at(place)) in taken else x)

    def observe(
        self,
        point: PointND,
        value: np.ndarray | None,
        interpolant: Interpolant,
        u: np.ndarray,
        known: int,
        taken: Collection[PointND],
    ) -> None:
        """Compare the value at a check point, None if it is invalid, with the interpolant of the points before.

        Parameters
        ----------
        point : tuple
            One of `open_places`.
        value : array, shape (M,), or None
        interpolant : Interpolant
            Of the points observed before this one; that before the first value of a check is kept.
        u : array, shape (N,)
            The coordinates of the point in the interpolant.
        known : int
            Number of observed points.
        taken
            Observed and failed points, but for this one.
        """
        del self.open_places[point]
        if self._before is None:
            cells = open_cells(interpolant.cells(), self.check.target, self.domain.volume())
            self._before = known, interpolant, cells, np.array(self.domain.spans)
        count, before, cells, spans = self._before
        u = u * spans / np.array(self.domain.spans)  # the axes may have been stretched since
        self.check.begin(count)
        inside = int(before.cell_of(u[None])[0])
        predicted = before.at(u[None], False)[0][0]
        if inside < 0 or cells.left_out[inside] or np.isnan(predicted).any():
            right = True  # reported as unresolved or unpredicted, which the claim leaves out
        else:
            miss = math.nan if value is None else float(np.abs(predicted - value).max())
            right = self.check.record(miss)
        if not right:
            self.open_places = {}
            self.queue = []
            self._before = None
            self._exhausts = False
            return
        left = self.check.block - self.check.passed
        if not self.open_places and left > 0 and not self._exhausts:  # others instead of those that were left out
            more = (x for x in self._free_points(count, taken) if x != point)
            self.open_places = dict.fromkeys(islice(more, left))
        if not self.open_places:
            self.passed = self.check.claim(
                unpredicted=cells.unpredicted, unresolved=cells.unresolved, exhausted=self._exhausts
            )
            self.queue = []
            self._before = None

    def __getstate__(self) -> dict[str, object]:
        # an interpolant holds objects of Qhull, which cannot be pickled: a check in progress begins again
        return {**self.__dict__, "_before": None}
