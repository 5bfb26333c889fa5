"""Noise in the values of a function of several numbers, which keeps an error goal out of reach.

The estimated error of a smooth function falls as points are added, that of noise does not. A function that is not
resolved yet looks the same, and so do the cells along a step; they differ at twins (`_twins`). One that agrees is
enough to see no noise, so that they cost a function without noise one evaluation each time that the points grow by a
half.
"""

from __future__ import annotations

import math

import numpy as np

from adaptive_calib.learner._domain_nd import DomainND, PointND
from adaptive_calib.learner._simplex.interpolant import Interpolant
from adaptive_calib.learner._twins import Twins

__all__ = ["NoiseWatch"]

#: Twins are asked for from this number of points on, and again when there are so many times as many.
FIRST, GROWTH = 100, 1.5
#: An estimate that is left with more than this share of what it was has not fallen.
FALLEN = 0.8
#: Distance of a point and its twin, in units of the domain, and the part of the goal by which they differ if they do.
DISTANCE, LEAST = 1e-6, 0.01
#: A goal of fewer standard deviations than this cannot be checked by single values; the run ends if the estimate does
#: not fall any more, or at once below `BELOW`.
TOO_NEAR, BELOW = 5.0, 1.0


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

    def due(self, count: int) -> bool:
        """Whether the estimate at so many points is to be looked at."""
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
        worst = np.argsort(np.where(np.isfinite(errors), -errors, math.inf), kind="stable")
        vertices = dict.fromkeys(interpolant.triangulation.simplices[worst].ravel().tolist())
        known = (v for v in vertices if np.isfinite(interpolant.values[v]).all())
        pairs = ((self._twin(points[v]), interpolant.values[v], LEAST * self.error) for v in known)
        self.twins.choose(pair for pair in pairs if pair[0] is not None)

    def _twin(self, point: PointND) -> PointND | None:
        """Return a point of the domain next to another; None if there is none."""
        axis = self.domain.integer.index(False)
        span = self.domain.spans[axis]
        for step in (DISTANCE, -DISTANCE):
            u = list(self.domain.u(point))
            u[axis] += step * span
            twin = self.domain.x(u)
            if 0 < u[axis] < span and twin != point and self.domain.contains(twin):
                return twin
        return None

    def observe(self, point: PointND, value: np.ndarray | None) -> None:
        """Take in the value at a twin, shape (M,), None if there is none."""
        beside, _ = self.twins.open[point]
        size = self.twins.observe(point, 0.0 if value is None else float(np.abs(value - beside).max()))
        if size is not None and self.error < (TOO_NEAR if self._stands else BELOW) * size:
            goal = "below it" if self.error <= size else "too near to it"
            self.stopped = (
                f"noise of about {size:.1g} in the values; the goal of {self.error:g} is {goal}. Ask for an error "
                f"above {TOO_NEAR * size:.1g}, or for the mean of noisy values by GPLearner(..., noise=True)"
            )
