"""Noise in the values of a function of several numbers, which keeps an error goal out of reach.

The estimated error of a smooth function falls as points are added, that of noise does not. A function that is not
resolved yet looks the same, and so do the cells along a step; they differ at twins (`_twins`). One that agrees is
enough to see no noise, so that they cost a function without noise one evaluation each time that the points grow by a
half.

Missing values keep a goal out of reach, too, where they are everywhere or nowhere in particular.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from adaptive_calib.learner._domain_nd import TWIN, DomainND, PointND
from adaptive_calib.learner._simplex.interpolant import Interpolant
from adaptive_calib.learner._twins import Twins
from adaptive_calib.learner.values import no_valid_value

__all__ = ["NoiseWatch", "most_unresolved"]

#: Twins are asked for from this number of points on, and again when it has grown by this factor.
FIRST, GROWTH = 100, 1.5
#: An estimate of which more than this share is left has not fallen.
FALLEN = 0.8
#: Part of the goal by which the values of twins differ if they do.
LEAST = 0.01
#: They also differ by more than this many times what the slope of a cell makes of their distance, as near a pole.
STEEP = 20.0
#: A run ends if in this number of looks in a row the domain beside missing values is no less than before, or is all
#: that is left and needs more than `MOST_POINTS`.
LOOKS, MOST_POINTS = 3, 5_000
#: A goal of fewer standard deviations than this cannot be checked by single values; the run ends if the estimate does
#: not fall any more, at the third look that finds the noise, or at the first one below `BELOW`.
TOO_NEAR, BELOW = 5.0, 1.0


def most_unresolved(ndim: int) -> float:
    """Return the largest share of the domain that may be left out, in cells at steps or beside missing values.

    A layer of cells along a surface gets thinner with the root of their number only.
    """
    return 0.02 if ndim == 2 else 0.1


class NoiseWatch:
    """What is known of the noise on the way to one error goal.

    Parameters
    ----------
    error : float
        The goal, in units of the values.
    domain : DomainND

    Attributes
    ----------
    twins : Twins
        Those that are to be evaluated.
    stopped : str
        Why the goal cannot be reached; empty if nothing is known against it.
    """

    def __init__(self, error: float, domain: DomainND) -> None:
        self.error = error
        self.domain = domain
        self.twins = Twins()
        self.stopped = ""
        self._next: float = FIRST
        self._before = math.inf
        self._stands = False  # the estimate has not fallen
        self._noisy = 0  # looks that found noise too near to the goal
        self._unknown, self._looks, self._count = math.inf, 0, 0

    def due(self, count: int, valid: bool) -> bool:
        """Whether the estimate at `count` points is to be looked at; ends the run if none of them is valid."""
        if not valid:
            self.stopped = self.stopped or no_valid_value(count)
        return count >= self._next and not self.stopped and not all(self.domain.integer)

    def look(self, interpolant: Interpolant, points: list[PointND], count: int) -> None:
        """Choose twins, and note whether the median of the estimated errors of the cells has fallen.

        Parameters
        ----------
        interpolant : Interpolant
        points : list
            Those of the interpolant, in its order.
        count : int
            Their number.
        """
        self._next = math.ceil(GROWTH * count)
        errors = interpolant.cells().errors
        finite = errors[np.isfinite(errors)]
        median = float(np.median(finite)) if len(finite) else 0.0
        self._stands, self._before = median > FALLEN * self._before, median
        self._look_for_values(errors, interpolant, count)
        worst = np.argsort(np.where(np.isfinite(errors), -errors, math.inf), kind="stable")
        self.twins.choose(self._pairs(interpolant, points, interpolant.triangulation.simplices[worst]))

    def _pairs(
        self, interpolant: Interpolant, points: list[PointND], cells: np.ndarray
    ) -> Iterator[tuple[PointND, np.ndarray, float]]:
        """Yield twins of the vertices of cells, the values beside them, and the differences that are no noise."""
        distance = TWIN * self.domain.spans[self.domain.integer.index(False)]
        seen: set[int] = set()
        for cell in cells:
            values, corners = interpolant.values[cell], interpolant.triangulation.points[cell]
            for v, value, corner in zip(cell.tolist(), values, corners, strict=True):
                twin = self.domain.twin(points[v]) if v not in seen and np.isfinite(value).all() else None
                seen.add(v)
                if twin is not None:
                    rises, lengths = np.abs(values - value).max(axis=1), np.linalg.norm(corners - corner, axis=1)
                    slope = float(np.nanmax(rises[lengths > 0] / lengths[lengths > 0], initial=0.0))
                    yield twin, value, max(LEAST * self.error, STEEP * slope * distance)

    def _look_for_values(self, errors: np.ndarray, interpolant: Interpolant, count: int) -> None:
        """End the run if the domain beside missing values does not become less, or too slowly.

        If these are a region, n points along its edge make it as little as n^(-1/(N - 1)).
        """
        volumes, power = interpolant.cells().volumes, self.domain.ndim - 1
        unknown = float(volumes[np.isinf(errors)].sum()) / self.domain.volume()
        others = float(volumes[np.isfinite(errors) & (errors > self.error)].sum()) / self.domain.volume()
        most, fall = most_unresolved(self.domain.ndim), (self._count / count) ** (1 / power)
        needed = count * (unknown / most) ** power
        stands = unknown > max(most, (1 + fall) / 2 * self._unknown)
        slow = needed > MOST_POINTS and others <= most
        self._looks = self._looks + 1 if stands or slow else 0
        self._count, self._unknown = count, unknown
        if self._looks >= LOOKS:
            why = "does not become less"
            if slow and not stands:
                why = f"about {float(f'{needed:.1g}'):.0f} points would make it {most:.0%}; the rest is within the goal"
            self.stopped = (
                f"{unknown:.0%} of the domain lies beside points without a valid value (NaN, infinite or failed), and "
                f"{why}; make the function return a value there, or leave the region out"
            )

    def observe(self, point: PointND, value: np.ndarray | None) -> None:
        """Take in the value at a twin, shape (M,), None if there is none."""
        beside, _ = self.twins.open[point]
        size = self.twins.observe(point, 0.0 if value is None else float(np.abs(value - beside).max()))
        if size is None or self.error >= TOO_NEAR * size:
            return
        self._noisy += 1
        if self._stands or self._noisy >= LOOKS or self.error < BELOW * size:
            goal = "below it" if self.error <= size else "too near to it"
            self.stopped = (
                f"noise of about {size:.1g} in the values; the goal of {self.error:g} is {goal}. Ask for an error "
                f"above {TOO_NEAR * size:.1g}, or for the mean of noisy values by GPLearner(..., noise=True)"
            )
