"""Losses of an interval of `Learner1D`: a measure of how useful a further point in it would be.

A loss is a plain function ``loss(xs, ys)`` of two tuples with the 2 + 2 nn points around the interval (nn is its
attribute ``nth_neighbors``, 0 if it has none); the interval is the middle pair. Coordinates are divided by the width of
the domain, values by the range of the observed values; None stands for neighbours beyond the first or last point and
for neighbours without a valid value. Values are floats or, for vectors, arrays of shape (N,).

With Δx, Δy of the middle pair:

====================================  ====  ==============================================================
loss                                  nn    value
====================================  ====  ==============================================================
`uniform_loss`                        0     Δx
`default_loss`                        0     hypot(Δx, Δy), the length of the segment in the unit square
`abs_min_log_loss`                    0     `default_loss` of ln(min |y|): resolves zeros of f
`triangle_loss`                       1     mean area of the triangles of consecutive points
`resolution_loss_function`            0     `default_loss` within given lengths, 0 below, infinite above
`curvature_loss_function`             1     √(triangle area) + small parts of `default_loss` and Δx
====================================  ====  ==============================================================

The loss of an interval with an end that has no valid value is Δx, or what the decorator `invalid_loss` sets for that
loss.

Source: Nijholt et al., "Adaptive: parallel active learning of mathematical functions" (2019), and the behaviour of
python-adaptive 1.5.2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar

import numpy as np

from adaptive_calib.learner.base_learner import uses_nth_neighbors

__all__ = [
    "IntervalLoss",
    "abs_min_log_loss",
    "curvature_loss_function",
    "default_loss",
    "finite_loss",
    "invalid_loss",
    "linspace",
    "resolution_loss_function",
    "triangle_loss",
    "uniform_loss",
]

_Loss = TypeVar("_Loss", bound=Callable[..., float])

IntervalLoss: TypeAlias = Callable[[Sequence[Any], Sequence[Any]], float]


@uses_nth_neighbors(0)
def uniform_loss(xs: Sequence[Any], ys: Sequence[Any]) -> float:
    """Return Δx, which gives equally spaced points.

    Parameters
    ----------
    xs, ys : tuple of 2
        Ends of the interval, scaled, and the values there (ignored).

    Examples
    --------
    >>> from adaptive_calib.learner.learner1D import uniform_loss
    >>> uniform_loss((0.25, 0.75), (0.0, 1.0))
    0.5
    """
    return float(xs[1] - xs[0])


@uses_nth_neighbors(0)
def default_loss(xs: Sequence[Any], ys: Sequence[Any]) -> float:
    """Return hypot(Δx, Δy); for vectors the largest over the components.

    Parameters
    ----------
    xs, ys : tuple of 2
        Ends of the interval and the values there, both scaled.

    Examples
    --------
    >>> from adaptive_calib.learner.learner1D import default_loss
    >>> default_loss((0.0, 0.3), (0.0, 0.4))
    0.5
    """
    dx = float(xs[1] - xs[0])
    y0, y1 = ys
    if isinstance(y0, float) and isinstance(y1, float):
        return math.hypot(dx, y1 - y0)
    dy = np.abs(np.asarray(y1, dtype=float) - np.asarray(y0, dtype=float))
    return math.hypot(dx, float(dy.max()))


@uses_nth_neighbors(0)
def abs_min_log_loss(xs: Sequence[Any], ys: Sequence[Any]) -> float:
    """Return `default_loss` of the logarithm of the smallest |component|; infinite at an exact zero.

    Parameters
    ----------
    xs, ys : tuple of 2
        Ends of the interval and the values there, both scaled.

    Examples
    --------
    >>> from adaptive_calib.learner.learner1D import abs_min_log_loss
    >>> abs_min_log_loss((0.0, 0.1), (1e-3, 1e-3)), abs_min_log_loss((0.0, 0.1), (0.0, 1e-3))
    (0.1, inf)
    """
    smallest = [float(np.min(np.abs(y))) for y in ys]
    if 0.0 in smallest:
        return math.inf
    return default_loss(xs, tuple(math.log(y) for y in smallest))


def invalid_loss(function: Callable[[float], float]) -> Callable[[_Loss], _Loss]:
    """Return a decorator that sets the loss of an interval with an end that has no valid value.

    Parameters
    ----------
    function : callable
        Function of Δx, the length of the interval as a fraction of the domain. It should shrink with Δx and not exceed
        the loss of an ordinary interval, so that a region without values does not attract all points.
    """

    def mark(loss: _Loss) -> _Loss:
        loss.invalid_loss = function  # type: ignore[attr-defined]  # a function takes any attribute
        return loss

    return mark


def _cube(dx: float) -> float:
    return dx**3


def _triangle_area(p: Sequence[Any], q: Sequence[Any], r: Sequence[Any]) -> float:
    """Return the area of the triangle of three points (x, y); y scalar or a vector."""
    ux, vx = q[0] - p[0], r[0] - p[0]
    uy, vy = q[1] - p[1], r[1] - p[1]
    if isinstance(uy, float) and isinstance(vy, float):
        return abs(float(ux * vy - vx * uy)) / 2
    uy, vy = np.asarray(uy, dtype=float), np.asarray(vy, dtype=float)
    # Lagrange: (area of the parallelogram)² = |u|²|v|² - (u·v)², here as a sum of squares, which cannot turn negative
    plane = float(np.sum((ux * vy - vx * uy) ** 2))
    cross = np.outer(uy, vy)
    return math.sqrt(plane + float(np.sum(np.triu(cross - cross.T) ** 2))) / 2


# the area falls with Δx³ where the function is smooth
@invalid_loss(_cube)
@uses_nth_neighbors(1)
def triangle_loss(xs: Sequence[Any], ys: Sequence[Any]) -> float:
    """Return the mean area of the triangles of consecutive points; Δx if there are only two points.

    Parameters
    ----------
    xs, ys : tuple of 4
        The ends of the interval in the middle, a neighbour on each side; None where there is none.

    Examples
    --------
    >>> from adaptive_calib.learner.learner1D import triangle_loss
    >>> triangle_loss((0.0, 0.5, 1.0, 1.5), (0.0, 1.0, 0.0, 1.0))
    0.5
    """
    x0, x1, x2, x3 = xs
    y0, y1, y2, y3 = ys
    middle = ((x1, y1), (x2, y2))
    if x0 is None and x3 is None:
        return float(x2 - x1)
    if x0 is None:
        return _triangle_area(*middle, (x3, y3))
    left = _triangle_area((x0, y0), *middle)
    return left if x3 is None else (left + _triangle_area(*middle, (x3, y3))) / 2


def resolution_loss_function(min_length: float = 0, max_length: float = 1) -> IntervalLoss:
    """Return `default_loss` with limits: 0 below `min_length`, infinite above `max_length`.

    Parameters
    ----------
    min_length, max_length : float
        Lengths Δx as fractions of the domain, from 0 to 1.

    Examples
    --------
    >>> from adaptive_calib.learner.learner1D import resolution_loss_function
    >>> loss = resolution_loss_function(min_length=0.01, max_length=0.5)
    >>> loss((0.0, 0.001), (0.0, 1.0)), loss((0.0, 0.6), (0.0, 0.0))
    (0.0, inf)
    """

    def flat(dx: float) -> float:
        return resolution_loss((0.0, dx), (0.0, 0.0))

    @invalid_loss(flat)
    @uses_nth_neighbors(0)
    def resolution_loss(xs: Sequence[Any], ys: Sequence[Any]) -> float:
        dx = float(xs[1] - xs[0])
        if dx < min_length:
            return 0.0
        return math.inf if dx > max_length else default_loss(xs, ys)

    return resolution_loss


def curvature_loss_function(
    area_factor: float = 1, euclid_factor: float = 0.02, horizontal_factor: float = 0.02
) -> IntervalLoss:
    """Return area_factor·√(`triangle_loss`) + euclid_factor·`default_loss` + horizontal_factor·Δx.

    Parameters
    ----------
    area_factor, euclid_factor, horizontal_factor : float
        Weights of the three parts.

    Examples
    --------
    >>> from adaptive_calib.learner.learner1D import curvature_loss_function
    >>> loss = curvature_loss_function()
    >>> straight = loss((0.0, 0.1, 0.2, 0.3), (0.0, 0.1, 0.2, 0.3))
    >>> straight < loss((0.0, 0.1, 0.2, 0.3), (0.0, 0.1, 0.0, 0.1))
    True
    """

    def flat(dx: float) -> float:
        return (euclid_factor + horizontal_factor) * dx

    @invalid_loss(flat)
    @uses_nth_neighbors(1)
    def curvature_loss(xs: Sequence[Any], ys: Sequence[Any]) -> float:
        middle = xs[1:3]
        area = triangle_loss(xs, ys)
        euclid = default_loss(middle, ys[1:3])
        return area_factor * math.sqrt(area) + euclid_factor * euclid + horizontal_factor * float(middle[1] - middle[0])

    return curvature_loss


def linspace(x_left: float, x_right: float, n: int) -> list[float]:
    """Return the n - 1 points that divide an interval into `n` equal parts; none for ``n = 1``.

    Parameters
    ----------
    x_left, x_right : float
        The ends of the interval.
    n : int
        Number of parts, at least 1.

    Examples
    --------
    >>> from adaptive_calib.learner.learner1D import linspace
    >>> linspace(0.0, 1.0, 4)
    [0.25, 0.5, 0.75]
    """
    step = (x_right - x_left) / n
    return [x_left + step * i for i in range(1, n)]


def finite_loss(ival: tuple[float, ...], loss: float, x_scale: float) -> tuple[float, tuple[float, ...]]:
    """Return the loss by which intervals are ordered, rounded to 12 digits, and the interval.

    Parameters
    ----------
    ival : tuple
        (a, b), or (a, b, m) for an interval that is divided into m parts.
    loss : float
        If infinite or NaN, the length of the interval (of a part) is taken, divided by `x_scale`.
    x_scale : float
        Width of the domain.

    Examples
    --------
    >>> import math
    >>> from adaptive_calib.learner.learner1D import finite_loss
    >>> finite_loss((0.0, 0.5), math.inf, x_scale=2.0)
    (0.25, (0.0, 0.5))
    """
    if not math.isfinite(loss):
        loss = (ival[1] - ival[0]) / x_scale / (ival[2] if len(ival) == 3 else 1)
    return math.floor(loss * 1e12 + 0.5) / 1e12, ival
