"""The domain of learners of several numbers: a box or a convex hull, with a scale for each dimension.

The triangulation has coordinates u in which each dimension of the bounding box runs from 0 to its span, by default 1:
u = (x - low) / (high - low), or the same of ln x on a logarithmic scale. A domain translates between x and u, rounds
integer dimensions to integers, and checks whether a point lies inside. The ends of the bounding box are mapped exactly,
so that points on its faces stay on its faces.

Coordinates are rounded to multiples of 2^-44 of a span. The rounding errors of (x - low) / (high - low) depend on the
unit of x, and choices between equal losses, or between the diagonals of a rectangle, would depend on them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.spatial import ConvexHull, QhullError

from adaptive_calib.learner.values import two_numbers

__all__ = ["TWIN", "DomainND", "PointND"]

#: Points of a box nearer to a face than this, in units of the box, are taken to lie on it: a triangulation in floating
#: point cannot hold the flat simplices between them and the face.
FACE = 1e-7

#: A dimension has at least this many floats between its bounds.
FEWEST_FLOATS = 2.0**12

#: Coordinates are multiples of a span divided by this.
GRID = 2.0**44
#: Distance of a point and its twin, in units of the domain.
TWIN = 1e-6

#: A point of the domain, in the coordinates x of the user.
PointND = tuple[float, ...]

#: How far outside, in units of the bounding box, a point still counts as on the boundary.
TOLERANCE = 1e-8


class DomainND:
    """A bounded domain of R^N.

    Parameters
    ----------
    bounds
        N pairs (low, high); or points of shape (m, N), m > N, N > 2 (with `ndim` = 2 also m > 2 points of the plane);
        or a `scipy.spatial.ConvexHull`. The domain is then the inside of the hull; with
        logarithmic dimensions the hull is that of the transformed points.
    scales : sequence of {"linear", "log"}, or one of them for all
        The scale of each dimension.
    integer : sequence of bool, or one for all
        Dimensions that take integers only.
    ndim : int, optional
        The dimension, if it is fixed.
    fewest : int
        The lowest dimension that is allowed, 1 or 2.

    Attributes
    ----------
    bbox : tuple of (float, float)
        The bounding box, in x.
    corners : list of tuple
        The corners of the box, or the vertices of the hull; sorted.
    spans : tuple of float
        The length of the bounding box in u, per dimension.
    plain : bool
        Whether u is a linear function of x and all real points are allowed.
    """

    def __init__(
        self,
        bounds: Any,
        scales: Any = "linear",
        integer: Any = False,
        *,
        ndim: int | None = None,
        fewest: int = 2,
    ) -> None:
        box, points = _read_bounds(bounds, ndim, fewest)
        self.ndim = len(box)
        self.log = tuple(_per_dimension(scales, self.ndim, "x_scale", _is_log))
        self.integer = tuple(_per_dimension(integer, self.ndim, "integer", _is_true))
        self.bbox = tuple(
            _checked_pair(k, pair, log, whole)
            for k, (pair, log, whole) in enumerate(zip(box, self.log, self.integer, strict=True))
        )
        self.spans = (1.0,) * self.ndim
        self.plain = not any(self.log) and not any(self.integer)
        self._ends = tuple(
            (math.log(low), math.log(high)) if log else (low, high)
            for (low, high), log in zip(self.bbox, self.log, strict=True)
        )
        self._widths = tuple(high - low for low, high in self._ends)
        self._equations: np.ndarray | None = None
        self._volume = 1.0  # where all spans are 1
        self.corners: list[PointND]
        if points is None:
            self.corners = sorted(itertools.product(*self.bbox)) if self.ndim <= 12 else []
        else:
            us = np.array([self._u(p) for p in points.tolist()])
            try:
                hull = ConvexHull(us)
            except QhullError as error:
                raise ValueError(
                    f"`bounds` should be points that span a volume, but these {len(us)} points do not ({error})."
                ) from None
            self._equations = hull.equations
            self._volume = float(hull.volume)
            self.corners = sorted(tuple(map(float, points[i])) for i in hull.vertices)
        if any(self.integer):
            self.corners = sorted({self._snapped(c) for c in self.corners})

    def with_spans(self, spans: Sequence[float]) -> None:
        """Stretch the coordinates: dimension k then runs from 0 to ``spans[k]``."""
        if self._equations is not None:
            old = np.array(self.spans) / np.array(spans)
            normals = self._equations[:, :-1] * old
            size = np.linalg.norm(normals, axis=1)
            self._equations = np.column_stack([normals, self._equations[:, -1]]) / size[:, None]
        self.spans = tuple(map(float, spans))

    def volume(self) -> float:
        """Return the volume of the domain in u."""
        return self._volume * math.prod(self.spans)

    def read(self, x: Any) -> PointND:
        """Return `x` as a tuple of N finite numbers.

        Raises
        ------
        ValueError, TypeError
            If it is something else.
        """
        try:
            point = tuple(x)
            good = len(point) == self.ndim and all(map(math.isfinite, point))
        except (TypeError, OverflowError):
            raise TypeError(
                f"a point should be a sequence of {self.ndim} numbers, but came {x!r} ({type(x).__name__})."
            ) from None
        if not good:
            raise ValueError(f"a point should be {self.ndim} finite numbers, but came {point!r}.")
        return point

    def contains(self, x: PointND) -> bool:
        """Whether the point lies in the box or hull, or outside by no more than 1e-8 of the bounding box."""
        for value, (low, high), log in zip(x, self.bbox, self.log, strict=True):
            if log and value <= 0:
                return False
            slack = TOLERANCE * (high - low)
            if not low - slack <= value <= high + slack:
                return False
        if self._equations is None:
            return True
        equations = self._equations
        return bool((equations[:, :-1] @ np.array(self.u(x)) + equations[:, -1] <= TOLERANCE).all())

    def u(self, x: PointND) -> PointND:
        """Return the coordinates of a point of the domain."""
        if self._equations is not None:
            return tuple([c * span for c, span in zip(self._u(x), self.spans, strict=True)])
        near, far = FACE, 1.0 - FACE
        if self.plain:
            return tuple(
                [
                    0.0
                    if (c := (value - end[0]) / width) < near
                    else span
                    if c > far
                    else round(c * GRID) / GRID * span
                    for value, end, width, span in zip(x, self._ends, self._widths, self.spans, strict=True)
                ]
            )
        return tuple(
            [0.0 if c < near else span if c > far else c * span for c, span in zip(self._u(x), self.spans, strict=True)]
        )

    def many(self, x: Any) -> np.ndarray:
        """Return many points as an array, shape (..., N); ValueError if they have another number of coordinates."""
        at = np.asarray(x, float)
        if at.ndim == 0 or at.shape[-1] != self.ndim:
            raise ValueError(f"`x` should have shape (..., {self.ndim}), but has shape {at.shape}.")
        return at

    def inside(self, xs: np.ndarray) -> np.ndarray:
        """Return for points of shape (m, N) whether the domain `contains` them; False for points with NaN or inf."""
        low, high = np.array(self.bbox).T
        slack = TOLERANCE * (high - low)
        found: np.ndarray = ((low - slack <= xs) & (xs <= high + slack)).all(axis=1)  # False for NaN
        found &= (xs > 0)[:, self.log].all(axis=1)
        if self._equations is not None and found.any():
            distances = self._equations[:, :-1] @ self.us(xs[found]).T + self._equations[:, -1:]
            found[found] = (distances <= TOLERANCE).all(axis=0)
        return found

    def us(self, xs: np.ndarray) -> np.ndarray:
        """Return the coordinates of points of the domain, shape (m, N), as `u` gives them one by one."""
        raw = np.array(xs, float)
        log = list(self.log)
        raw[:, log] = np.log(raw[:, log])
        starts, widths = np.array([end[0] for end in self._ends]), np.array(self._widths)
        shares = (raw - starts) / widths
        if self._equations is None:
            shares[shares < FACE] = 0.0
            shares[shares > 1.0 - FACE] = 1.0
        shares = np.rint(shares * GRID) / GRID
        stretched: np.ndarray = shares * np.array(self.spans)
        return stretched

    def _u(self, x: Sequence[float]) -> PointND:
        return tuple(
            round(((math.log(value) if log else value) - end[0]) / width * GRID) / GRID
            for value, log, end, width in zip(x, self.log, self._ends, self._widths, strict=True)
        )

    def x(self, u: Sequence[float]) -> PointND:
        """Return the point at the coordinates `u`; integer dimensions are rounded to the nearest integer."""
        if self.plain:
            return tuple(
                [
                    low if c <= 0.0 else high if c >= span else low + round(c / span * GRID) / GRID * width
                    for c, (low, high), span, width in zip(u, self.bbox, self.spans, self._widths, strict=True)
                ]
            )
        point = self.real(u)
        return self._snapped(point) if any(self.integer) else point

    def real(self, u: Sequence[float]) -> PointND:
        """Return the point at the coordinates `u`, not rounded to integers."""
        return tuple(
            low if c <= 0.0 else high if c >= span else _unscaled(end[0] + round(c / span * GRID) / GRID * width, log)
            for c, (low, high), span, width, end, log in zip(
                u, self.bbox, self.spans, self._widths, self._ends, self.log, strict=True
            )
        )

    def _snapped(self, x: PointND) -> PointND:
        """Round the integer dimensions, without NumPy, so that they stay Python ints."""
        return tuple(
            [
                min(max(round(v), math.ceil(low)), math.floor(high)) if whole else v
                for v, whole, (low, high) in zip(x, self.integer, self.bbox, strict=True)
            ]
        )

    def twin(self, point: PointND) -> PointND | None:
        """Return a point of the domain next to another, `TWIN` of the domain away; None if there is none."""
        if all(self.integer):
            return None
        axis = self.integer.index(False)
        span = self.spans[axis]
        for step in (TWIN, -TWIN):
            u = list(self.u(point))
            u[axis] += step * span
            twin = (*point[:axis], self.x(u)[axis], *point[axis + 1 :])
            if 0 < u[axis] < span and twin != point and self.contains(twin):
                return twin
        return None

    def lattice(self, us: np.ndarray, limit: int) -> list[PointND]:
        """Return the points of the domain in the bounding box of the coordinates `us`, shape (m, N).

        Integer dimensions run over the integers between, others take the middle only. Empty if more than `limit`.
        """
        axes: list[Sequence[float]] = []
        total = 1
        middle = self.real(us.mean(axis=0).tolist())
        for k, whole in enumerate(self.integer):
            low, high = self._raw(k, us[:, k].min()), self._raw(k, us[:, k].max())
            values: Sequence[float]
            if whole:
                values = range(math.ceil(low - 1e-9 * abs(low)), math.floor(high + 1e-9 * abs(high)) + 1)
            else:
                values = [middle[k]]
            total *= len(values)
            if total > limit:
                return []
            axes.append(values)
        return list(itertools.product(*axes))

    def all_points(self, limit: int) -> list[PointND]:
        """Return all points of a domain of integers; none of another, and none if the box has more than `limit`."""
        if not all(self.integer):
            return []
        ends = np.array([[0.0] * len(self.spans), self.spans])
        return [point for point in self.lattice(ends, limit) if self.contains(point)]

    def _raw(self, k: int, c: float) -> float:
        return _unscaled(self._ends[k][0] + c / self.spans[k] * self._widths[k], self.log[k])

    def matrix(self) -> np.ndarray:
        """Return the diagonal matrix D, shape (N, N), with u = x @ D up to a shift (linear scales)."""
        return np.diag([span / width for span, width in zip(self.spans, self._widths, strict=True)])

    def offset(self) -> np.ndarray:
        """Return the shift from u to the coordinates x @ D, which losses of python-adaptive get; shape (N,)."""
        return np.array(
            [
                round(end[0] / width * GRID) / GRID * span
                for end, width, span in zip(self._ends, self._widths, self.spans, strict=True)
            ]
        )


def _unscaled(value: float, log: bool) -> float:
    return math.exp(value) if log else value


def _read_bounds(bounds: Any, ndim: int | None, fewest: int) -> tuple[list[Any], np.ndarray | None]:
    """Return the bounding box, and the points of the hull (None for a box)."""
    expected = "N pairs (low, high), or points of shape (m, N), or a scipy.spatial.ConvexHull"
    if isinstance(bounds, ConvexHull):
        points = np.asarray(bounds.points)[bounds.vertices]
    else:
        try:
            array = np.asarray([tuple(pair) if np.ndim(pair) else pair for pair in bounds], float)
        except (TypeError, ValueError):
            raise TypeError(f"`bounds` should be {expected}, but came {bounds!r}.") from None
        if array.shape == (1, 2) and fewest == 1:
            return [tuple(pair) for pair in bounds], None
        if array.shape == (2,) and fewest == 1:
            raise ValueError(f"`bounds` should be [(low, high)] for one number, but is {bounds!r}.")
        if array.shape == (1, 2) or (array.shape == (2,) and ndim is None):
            raise ValueError(f"`bounds` should have at least two dimensions, but is {bounds!r}; use Learner1D for one.")
        if array.ndim != 2 or array.shape[1] < 2 or len(array) < 2:
            raise ValueError(f"`bounds` should be {expected}, but has shape {array.shape}.")
        if array.shape[1] == 2 and (ndim is None or len(array) == ndim):
            return [tuple(pair) for pair in bounds], None
        points = array
    if ndim is not None and points.shape[1] != ndim:
        raise ValueError(f"`bounds` should be of dimension {ndim}, but is of dimension {points.shape[1]}.")
    if not np.isfinite(points).all():
        raise ValueError("`bounds` should be finite points, but there is a NaN or an infinite one among them.")
    if len(points) <= points.shape[1]:
        raise ValueError(
            f"`bounds` given as points should be at least {points.shape[1] + 1} of dimension {points.shape[1]}, "
            f"but has shape {points.shape}."
        )
    low, high = points.min(axis=0), points.max(axis=0)
    if ndim is not None and (low == high).any():
        raise ValueError(
            f"`bounds` should be {ndim} pairs (low, high), or points that span an area or a volume, but is {bounds!r}."
        )
    return list(zip(low.tolist(), high.tolist(), strict=True)), points


def _checked_pair(k: int, pair: Any, log: bool, whole: bool) -> tuple[float, float]:
    try:
        low, high = two_numbers(pair)
    except (TypeError, ValueError):
        raise TypeError(f"the bounds of dimension {k} should be two numbers, but are {pair!r}.") from None
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(f"the bounds of dimension {k} should be finite, but are {pair!r}.")
    if low >= high:
        raise ValueError(
            f"the bounds of dimension {k} should be (low, high) with low < high, but are {pair!r}; "
            "swap them, or leave the dimension out if it has one value only."
        )
    if not math.isfinite(high - low):
        raise ValueError(f"the bounds of dimension {k} are too far apart for floating-point numbers: {pair!r}.")
    if high - low < FEWEST_FLOATS * max(math.ulp(low), math.ulp(high)):
        raise ValueError(
            f"the bounds of dimension {k} are too near to each other for floating-point numbers: {pair!r}; "
            "use another unit, or the distance from the lower one."
        )
    if log and low <= 0:
        raise ValueError(f"the bounds of dimension {k} should be positive on a logarithmic scale, but are {pair!r}.")
    if whole:
        low, high = math.ceil(low), math.floor(high)
        if low >= high:
            raise ValueError(f"there should be at least two integers within the bounds of dimension {k}, {pair!r}.")
    return low, high


def _per_dimension(given: Any, ndim: int, name: str, read: Any) -> list[bool]:
    if isinstance(given, (str, bool, np.bool_)):
        given = [given] * ndim
    given = list(given)
    if len(given) != ndim:
        raise ValueError(f"`{name}` should be one for all dimensions or one for each of {ndim}, but has {len(given)}.")
    return [read(each) for each in given]


def _is_log(scale: Any) -> bool:
    if scale not in ("linear", "log"):
        raise ValueError(f'`x_scale` should be "linear" or "log" for each dimension, but is {scale!r}.')
    return bool(scale == "log")


def _is_true(flag: Any) -> bool:
    return bool(flag)
