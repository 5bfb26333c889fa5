"""The interpolant of `Learner1D`, and what follows from it: `predict`, derivatives, roots, extrema, integral, poles.

`InterpolatedCurve` is the half of the learner that reads: nothing here changes points or values. The interpolant of
the linear and the smooth mode is `smooth1D.Curve`, made when it is wanted; that of `mode="auto"` belongs to its
intervals, see `intervals`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, Literal, TypeVar, overload

import numpy as np

from adaptive_calib._arrays import Bools, Floats
from adaptive_calib.learner._curve.features import (
    STEEPNESS,
    Extremum,
    Pole,
    Root,
    SmoothPieces,
    beside_poles,
    extrema,
    roots,
)
from adaptive_calib.learner._curve.intervals import AutoCurve, CurveIntervals
from adaptive_calib.learner._interval.domain import Domain1D
from adaptive_calib.learner._interval.error_goal import ErrorGoal
from adaptive_calib.learner._interval.intervals import Intervals
from adaptive_calib.learner._interval.types import Value
from adaptive_calib.learner.base_learner import BaseLearner
from adaptive_calib.learner.losses1D import IntervalLoss
from adaptive_calib.learner.smooth1D import COARSEST, Curve, CurveMode, smooth_loss
from adaptive_calib.learner.values import is_real_number

__all__ = ["InterpolatedCurve"]

Feature = TypeVar("Feature", Root, Extremum)

#: Below this loss the interval that is ranked first need not be the one with the largest.
TIED = 1e-9


class InterpolatedCurve(BaseLearner):
    """A learner of a curve, as far as its interpolant is concerned; abstract.

    Subclasses set the attributes below in their constructor.
    """

    data: dict[float, Any]
    bounds: tuple[float, float]
    loss_per_interval: IntervalLoss
    _domain: Domain1D
    _mode: CurveMode
    _parameters: dict[str, Any]
    _shape: tuple[int, ...] | None  # of the values; None while there is none
    _intervals: Intervals | CurveIntervals
    _goal: ErrorGoal | None
    _curve: tuple[int, Curve | AutoCurve] | None  # number of points and their interpolant

    @property
    def vdim(self) -> int:
        """Length of the values; 1 for numbers and while there is no data."""
        return self._shape[0] if self._shape else 1

    @property
    def x_scale(self) -> Literal["linear", "log"]:
        """The scale of x."""
        return "log" if self._parameters["x_scale"] == "log" else "linear"

    @property
    def mode(self) -> CurveMode:
        """The kind of interpolant."""
        return self._mode

    # -- the interpolant -------------------------------------------------------------------------------------------

    @overload
    def predict(self, x: Any, return_error: Literal[False] = False) -> Floats: ...

    @overload
    def predict(self, x: Any, return_error: Literal[True]) -> tuple[Floats, Floats]: ...

    def predict(self, x: Any, return_error: bool = False) -> Floats | tuple[Floats, Floats]:
        """Return the interpolant at many points, and an estimate of its error.

        Parameters
        ----------
        x : float or array of any shape
            Where; NaN is returned beyond the observed points and in intervals beside an invalid or failed point.
        return_error : bool
            Return the estimated error as well.

        Returns
        -------
        value : array
            Shape of `x`; for vectors of N components with N at the end.
        error : array, shape of `x`
            In units of the values, the largest of the components; 0 at observed points. The same within each interval,
            see `smooth1D`.
        """
        at = np.asarray(x, dtype=float)
        curve = self._described()
        value: Floats = np.full((at.size, self.vdim), np.nan)
        error: Floats = np.full(at.size, np.nan)
        if curve is not None:
            value, error = curve(np.array([self._position(p) for p in at.ravel().tolist()]))
        value = value.reshape((*at.shape, self.vdim) if self._shape else at.shape)
        return (value, error.reshape(at.shape)) if return_error else value

    def _position(self, x: float) -> float:
        """Return the coordinate of any number; NaN outside the bounds."""
        return self._domain.u(x) if self.bounds[0] <= x <= self.bounds[1] else math.nan

    def largest_error(self) -> float:
        """Return the largest estimated error of the interpolant, in units of the values; the goal of ``error_goal=``.

        An estimate, and no claim: see `claim`. Infinite until both bounds are observed and no interval is longer than a
        twelfth of the domain, or than a thousandth between a point with a valid value and one without. Left out are
        intervals in which no further point is possible and, with an error goal, `breaks`. O(1) with an error goal and
        in the smooth mode with its own loss, O(n) after each tell otherwise.
        """
        if self._goal is not None:
            return self._goal.estimate(self._intervals)
        if not math.isfinite(self._intervals.loss()):
            return math.inf
        worst = self._intervals.worst() if self.loss_per_interval is smooth_loss and self._mode == "smooth" else None
        # losses below some 1e-12 are ties: beside values that are huge, as at a pole, the worst may be any of them
        if worst is not None and worst[3] > TIED and worst[4] is not None and worst[5] is not None:
            _, a, b, loss, _, _ = worst
            measure = self._intervals.scale
            return math.inf if b - a > COARSEST * measure.width else loss * measure.y_scale
        curve = self._interpolant()
        return math.inf if curve is None else curve.largest_error

    def _interpolant(self) -> Curve | AutoCurve | None:
        if isinstance(self._intervals, CurveIntervals):
            return self._intervals.curve(self.vdim)
        if self._curve is None or self._curve[0] != len(self.data):
            curve = self._curve_of(dict(zip(*self._intervals.known(), strict=True)), self._intervals.closed())
            if curve is None:
                return None
            self._curve = len(self.data), curve
        return self._curve[1]

    def _described(self) -> Callable[[Floats], tuple[Floats, Floats]] | None:
        """Return what `predict` and all below describe: values and errors of coordinates."""
        return self._interpolant()

    def _frozen_interpolant(self) -> Curve | AutoCurve | None:
        """Return the interpolant of now, which later values do not change."""
        if isinstance(self._intervals, CurveIntervals):
            return deepcopy(self._intervals).curve(self.vdim)
        return self._interpolant()

    def _curve_of(self, points: Mapping[float, Value], closed: Bools | None = None) -> Curve | AutoCurve | None:
        """Return the interpolant of points and values, in any order unless `closed` is given; None without points."""
        if not points:
            return None
        if self._mode == "auto":
            intervals = CurveIntervals(self._domain)
            intervals.replay(list(points), list(points.values()))
            return intervals.curve(self.vdim)
        us = np.array(list(points))
        nothing = (math.nan,) * self.vdim if self._shape else math.nan
        values = np.array([nothing if y is None else y for y in points.values()], dtype=float).reshape(-1, self.vdim)
        order = np.argsort(us)
        return Curve(us[order], values[order], self._mode, self._domain.high - self._domain.low, closed)

    # -- what follows from the interpolant -------------------------------------------------------------------------

    @np.errstate(all="ignore")
    def derivative(self, x: Any, return_error: bool = False) -> Floats | tuple[Floats, Floats]:
        """Return the first derivative of the interpolant at many points, and a rough estimate of its error.

        Parameters
        ----------
        x : float or array of any shape
            Where; NaN is returned where `predict` returns it. At a point between straight segments it is that of the
            segment on the right.
        return_error : bool
            Return the estimated error as well, in units of the values over those of x.

        Returns
        -------
        value, error : array
            As of `predict`.
        """
        at = np.asarray(x, dtype=float)
        us = np.array([self._position(p) for p in at.ravel().tolist()])
        value: Floats = np.full((at.size, self.vdim), np.nan)
        error: Floats = np.full(at.size, np.nan)
        pieces, errors = self._pieces()
        if pieces is not None:
            inside = (us >= pieces.a[0]) & (us <= pieces.b[-1])
            value[inside] = pieces.derivative(us[inside])
            error[inside] = self._slope_errors(us[inside], errors)
            if self.x_scale == "log":
                value, error = value / at.reshape(-1, 1), error / at.ravel()
        value = value.reshape((*at.shape, self.vdim) if self._shape else at.shape)
        return (value, error.reshape(at.shape)) if return_error else value

    def _slope_errors(self, us: Floats, errors: Floats) -> Floats:
        """Return the errors of the derivative at coordinates, given those of the intervals."""
        edges = self._edges()
        rows = np.clip(np.searchsorted(edges, us, side="right") - 1, 0, len(edges) - 2)
        return STEEPNESS * errors[rows] / np.diff(edges)[rows]

    @np.errstate(all="ignore")
    def roots(self, level: float = 0.0, component: int = 0) -> list[Root]:
        """Return where the interpolant (one component of a vector) takes a level, ascending, with errors.

        A step has one; a pole of the function on the axis, where values grow without end on either side, has none.

        Examples
        --------
        >>> import math
        >>> from adaptive_calib import Learner1D
        >>> from adaptive_calib.runner import simple
        >>> learner = Learner1D(math.cos, bounds=(0, 6), mode="auto")
        >>> simple(learner, npoints_goal=20)
        >>> [round(root.x, 8) for root in learner.roots()]
        [1.57079633, 4.71238898]
        """
        if not is_real_number(level) or math.isnan(level):
            raise ValueError(f"`level` should be a number, in units of the values, but is {level!r}.")
        pieces, errors = self._pieces()
        if pieces is None:
            return []
        found = self._without_poles(roots(pieces, errors, self._checked_component(component), level), errors, component)
        if self.x_scale == "log":
            return [Root(x := math.exp(r.x), r.x_error * x, r.slope / x) for r in found]
        return found

    @np.errstate(all="ignore")
    def extrema(self, component: int = 0) -> list[Extremum]:
        """Return the local maxima and minima of the interpolant (one component) inside the domain, with errors.

        Without those beside a pole of the function on the axis, where values grow without end.

        Examples
        --------
        >>> from adaptive_calib import Learner1D
        >>> from adaptive_calib.runner import simple
        >>> learner = Learner1D(lambda x: 1 / (1 + (x - 0.2) ** 2), bounds=(-2, 2), mode="auto")
        >>> simple(learner, npoints_goal=15)
        >>> [(round(e.x, 6), round(e.value, 6), e.kind) for e in learner.extrema()]
        [(0.2, 1.0, 'maximum')]
        """
        pieces, errors = self._pieces()
        if pieces is None:
            return []
        found = self._without_poles(extrema(pieces, errors, self._checked_component(component)), errors, component)
        if self.x_scale == "log":
            return [Extremum(x := math.exp(e.x), e.x_error * x, e.value, e.value_error, e.kind) for e in found]
        return found

    @np.errstate(all="ignore")
    def integral(self) -> tuple[float | Floats, float]:
        """Return the integral of the interpolant over the domain in x, and an estimate of its error.

        Returns
        -------
        integral : float, or array of shape (N,) for vectors
            NaN if a part of the domain has no interpolant: an end is not observed, or there are invalid points; and
            where `poles` has one on the axis, which the integral diverges at.
        error : float
            Σ (estimated error · length) over the intervals.
        """
        log = self.x_scale == "log"
        pieces, errors = self._pieces(weight=np.exp if log else None)
        edges = self._edges()
        if (
            pieces is None
            or edges[0] != self._domain.low
            or edges[-1] != self._domain.high
            or any(pole.place.imag <= pole.error for pole in self.poles())
        ):
            return (math.nan if not self._shape else np.full(self.vdim, np.nan)), math.inf
        total = pieces.integrals().sum(axis=0)
        lengths = np.diff(np.exp(edges)) if log else np.diff(edges)
        error = float(np.sum(errors * lengths))
        return (total if self._shape else float(total[0])), error if math.isfinite(error) else math.inf

    def poles(self) -> list[Pole]:
        """Return the poles of the rational interpolant in and above the domain, by their real parts, with errors.

        For ``mode="auto"``; empty in other modes. A resonance has its centre and its half width as the real and the
        imaginary part of a pole.

        Examples
        --------
        >>> from adaptive_calib import Learner1D
        >>> from adaptive_calib.runner import simple
        >>> learner = Learner1D(lambda x: 1e-4 / (1e-4 + (x - 0.3) ** 2), bounds=(-1, 1), mode="auto")
        >>> simple(learner, npoints_goal=12)
        >>> [(round(pole.place.real, 6), round(pole.place.imag, 6)) for pole in learner.poles()]
        [(0.3, 0.01)]
        """
        if not isinstance(self._intervals, CurveIntervals):
            return []
        found = self._intervals.curve(self.vdim).poles()
        return [Pole(place, error, residue if self._shape else complex(residue[0])) for place, error, residue in found]

    def _without_poles(self, found: list[Feature], errors: Floats, component: int) -> list[Feature]:
        """Return the features, with places in the coordinate, that are not in a stretch where the values grow."""
        if not found:
            return found
        us, ys = self._intervals.known()
        values = [math.nan if y is None else y[component] if isinstance(y, tuple) else y for y in ys]
        stretches = beside_poles(np.array(us), np.array(values), errors, self._domain.high - self._domain.low)
        return [one for one in found if not any(a <= one.x <= b for a, b in stretches)]

    def _edges(self) -> Floats:
        return np.array(self._intervals.known()[0], dtype=float)

    def _pieces(self, weight: Callable[[Floats], Floats] | None = None) -> tuple[SmoothPieces | None, Floats]:
        """Return the interpolant, times a weight of the coordinate, as polynomials, and the error of each interval."""
        curve, edges = self._described(), self._edges()
        if curve is None or len(edges) < 2:
            return None, np.zeros(0)
        errors = curve(edges[:-1] + np.diff(edges) / 2)[1]
        if weight is None:
            return SmoothPieces(lambda u: curve(u)[0], edges), errors
        return SmoothPieces(lambda u: curve(u)[0] * weight(u)[:, None], edges), errors

    def _checked_component(self, component: int) -> int:
        if not 0 <= component < self.vdim:
            raise ValueError(f"`component` should be from 0 to {self.vdim - 1}, but is {component!r}.")
        return component
