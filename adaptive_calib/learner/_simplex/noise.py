"""Noise in the values of a function of several numbers, which keeps an error goal out of reach.

The estimated error of a smooth function falls as points are added, that of noise does not. A function that is not
resolved yet looks the same, and so do the cells along a step. They differ at *twins*, points next to observed ones:
there a function that can be resolved at all has changed by next to nothing, and noise with the standard deviation σ by
√2 σ. One of four pairs that agrees is enough to see no noise.
"""

from __future__ import annotations

import math

import numpy as np

from adaptive_calib.learner._domain_nd import DomainND, PointND
from adaptive_calib.learner._simplex.interpolant import Interpolant

__all__ = ["NoiseWatch"]

#: The estimate is looked at from this number of points on, and again when there are so many times as many.
FIRST, GROWTH = 100, 1.5
#: An estimate that is left with more than this share of what it was has not fallen.
FALLEN = 0.8
#: Part of the goal that a median has to have: noise of a fifth of the goal has such a one in the linear mode.
LEAST = 1 / 40
#: Number of twins, and their distance in units of the domain.
TWINS, DISTANCE = 4, 1e-6
#: Median of the difference of two values, in standard deviations of normal noise.
TWIN_DIFFERENCE = 0.954
#: A goal of fewer standard deviations than this cannot be checked by single values.
TOO_NEAR = 5.0


class NoiseWatch:
    """What is known of the noise on the way to one error goal.

    Parameters
    ----------
    error : float
        The goal, in units of the values.
    domain : DomainND

    Attributes
    ----------
    twins : dict
        Twin that is to be evaluated -> the value beside it, shape (M,).
    stopped : str
        Why the goal cannot be reached; empty if nothing is known against it.
    """

    def __init__(self, error: float, domain: DomainND) -> None:
        self.error = error
        self.domain = domain
        self.twins: dict[PointND, np.ndarray] = {}
        self.stopped = ""
        self._next: float = FIRST
        self._before = math.inf
        self._suspected = 0.0
        self._differences: list[float] = []

    def due(self, count: int) -> bool:
        """Whether the estimate at so many points is to be looked at."""
        return count >= self._next and not self.stopped and not all(self.domain.integer)

    def look(self, interpolant: Interpolant, points: list[PointND], count: int) -> None:
        """Choose twins if the median of the estimated errors of the cells has not fallen.

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
        before, self._before = self._before, median
        if not FALLEN * before < median or median < LEAST * self.error:
            return
        self._suspected, self._differences, self.twins = median, [], {}
        worst = np.argsort(np.where(np.isfinite(errors), -errors, math.inf), kind="stable")
        for vertex in dict.fromkeys(interpolant.triangulation.simplices[worst].ravel().tolist()):
            value = interpolant.values[vertex]
            twin = self._twin(points[vertex])
            if twin is not None and np.isfinite(value).all():
                self.twins[twin] = value
            if len(self.twins) == TWINS:
                break

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
        beside = self.twins.pop(point)
        difference = 0.0 if value is None else float(np.abs(value - beside).max())
        if 10 * difference < self._suspected:
            self.twins = {}
            return
        self._differences.append(difference)
        if self.twins:
            return
        size = float(np.median(self._differences)) / TWIN_DIFFERENCE
        if self.error < TOO_NEAR * size:
            goal = "below it" if self.error <= size else "too near to it"
            self.stopped = (
                f"noise of about {size:.1g} in the values; the goal of {self.error:g} is {goal}. Ask for an error "
                f"above {TOO_NEAR * size:.1g}, or for the mean of noisy values by GPLearner(..., noise=True)"
            )
