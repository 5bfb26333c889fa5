"""Interpolants of the data of `Learner1D` with an estimate of their error, and the loss of the smooth mode.

Mathematics
-----------
On each interval between neighbouring points the interpolant is Newton's polynomial through nearby points. With
divided differences c_k over the nodes x_0, x_1, ... (the ends of the interval first, then the others by their
distance),

    p_m(x) = Σ_{k<m} c_k w_k(x),    w_k(x) = Π_{j<k} (x - x_j),

and the error of p_m is about the next terms c_m w_m + c_{m+1} w_{m+1}. Two terms are taken, in absolute value: one
alone vanishes at symmetric places. The estimate is their largest sum at five places in the interval.

- ``"linear"``: p_2, the straight segment; the sum of all terms over four further nodes gives the estimate. With two of
  them a wave that is not resolved is taken for a straight line here and there. Two nodes on one side are taken instead
  where that is better by `PREFERENCE`: then there is a break on the other side.
- ``"smooth"``: up to `NODES` nodes, degree 7. The estimate is that of the polynomial with two nodes fewer, so the error
  is smaller still.

A break (a step, a kink) inside the interval causes an error of about its own size there, but has little effect on the
differences over far nodes. The same terms are computed for a kink of size 1 at the end of the interval; where they are
below a quarter, the estimate is raised in proportion.

Nodes beyond a break near the interval spoil the polynomial. So there are two more choices: the nodes on the left of the
interval, and those on its right. Their estimate is the error with which they predict the value at the far end of the
interval, times `PREFERENCE`; they are used where this product is smallest. The factor is needed because the smallest of
three estimates may be small by chance (the idea of essentially non-oscillatory schemes).

Each estimate is in the units of the values. In the smooth mode the loss of an interval is its estimate, scaled like
all values, and at least its length while that is above `COARSEST`: an estimate from a few points is not reliable.

Source: Newton's interpolation with divided differences, e.g. Stoer & Bulirsch, Introduction to Numerical Analysis,
2.1.3; Harten, Engquist, Osher & Chakravarthy (1987) for the choice of nodes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, Literal, TypeAlias

import numpy as np

from adaptive_calib._arrays import Floats
from adaptive_calib.learner.base_learner import uses_nth_neighbors
from adaptive_calib.learner.losses1D import default_loss, invalid_loss

__all__ = ["Curve", "CurveMode", "ErrorLoss", "estimate_beside", "smooth_loss"]

CurveMode: TypeAlias = Literal["linear", "smooth", "auto"]

#: Nodes of a polynomial in the smooth mode. Of 4, 6, 8 and 10, 8 needed fewest points for errors of 1e-6.
NODES = 8
#: Neighbours used on each side of an interval.
REACH = 4
#: Nodes of the estimate in the linear mode, and neighbours on each side.
LINEAR_NODES, LINEAR_REACH = 6, 2
#: Factor on the estimate of a one-sided choice of nodes.
PREFERENCE = 10.0
#: Longest interval, as a fraction of the domain, whose estimate is used; gives at least 17 points.
COARSEST = 1 / 12
#: Longest interval, as a fraction of the domain, between a valid and an invalid point that need not be divided further.
EDGE = 1e-3
#: Loss, under an error goal, of an interval without an estimate: above all others, so that it is divided first; finite,
#: since infinite losses are ranked among the others, by length. `LARGEST_ESTIMATE` is the largest of the others.
UNKNOWN = 1e15
LARGEST_ESTIMATE = 1e8
#: Longest interval, as a fraction of the domain, that need not be divided further although its error is not small.
BREAK_WIDTH = 1e-6
#: Places in the interval at which the error is estimated.
PLACES = (0.15, 0.35, 0.5, 0.65, 0.85)


@dataclass(frozen=True)
class _NodeChoice:
    """Nodes as numbers relative to the left end of the interval, which is from node 0 to node 1.

    `sided`: all on one side but the last, which is the far end of the interval. `beside`: the interval and one more
    node, which gives the estimate of the straight segment.
    """

    nodes: tuple[int, ...]
    sided: bool = False
    beside: bool = False


@cache
def _choices(before: int, after: int, nodes: int) -> tuple[_NodeChoice, ...]:
    """Return the choices of nodes for an interval with `before` and `after` neighbours; the central one first."""
    central = sorted(range(-before, after + 2), key=lambda k: (abs(k - 0.5), k))[:nodes]
    choices = [_NodeChoice(tuple(central))]
    if nodes == LINEAR_NODES:
        choices += [_NodeChoice((0, 1, -1, -2), beside=True)] if before >= LINEAR_REACH else []
        choices += [_NodeChoice((0, 1, 2, 3), beside=True)] if after >= LINEAR_REACH else []
        return tuple(choices)
    if before >= REACH:
        choices.append(_NodeChoice((*range(0, -before - 1, -1), 1), sided=True))
    if after >= REACH:
        choices.append(_NodeChoice((*range(1, after + 2), 0), sided=True))
    return tuple(choices)


def _divided_differences(xs: Sequence[Any], ys: Sequence[Any]) -> list[Any]:
    """Return c_0, c_1, ... for nodes and values that are numbers or arrays (one element for each interval)."""
    c = list(ys)
    for k in range(1, len(xs)):
        for j in range(len(xs) - 1, k - 1, -1):
            c[j] = (c[j] - c[j - 1]) / (xs[j] - xs[j - k])
    return c


def _product(x: Any, nodes: Sequence[Any]) -> Any:
    product = x - nodes[0]
    for node in nodes[1:]:
        product = product * (x - node)
    return product


def _larger(a: Any) -> Callable[[Any, Any], Any]:
    return np.maximum if isinstance(a, np.ndarray) else max


def _last_terms(xs: Sequence[Any], c: Sequence[Any], known: int) -> Any:
    """Return the largest sum of the terms from number `known` on, in absolute value, within the interval."""
    larger = _larger(c[known])
    found = None
    for place in PLACES:
        x = xs[0] + place * (xs[1] - xs[0])
        w = _product(x, xs[:known])
        total = abs(c[known] * w)
        for k in range(known + 1, len(c)):
            w = w * (x - xs[k - 1])
            total = total + abs(c[k] * w)
        found = total if found is None else larger(found, total)
    return found


def _estimate(choice: _NodeChoice, xs: Sequence[Any], c: Sequence[Any], straight: bool = False) -> Any:
    """Return the estimated error of one choice of nodes with divided differences `c`; of the segment if `straight`.

    Nodes and differences are numbers or arrays that can be multiplied with each other.
    """
    if choice.sided:
        return abs(c[-1] * _product(xs[-1], xs[:-1])) * PREFERENCE
    if choice.beside:
        return _last_terms(xs, c, 2) * PREFERENCE
    known = 2 if straight else max(2, len(c) - 2)
    # at the left end of the interval, or at its right end if all nodes are on one side of the left one
    at = 0 if min(choice.nodes) < 0 else 1
    kink = [(x - xs[at]) / (xs[1] - xs[0]) if k > at else 0.0 * x for k, x in zip(choice.nodes, xs, strict=True)]
    seen = _last_terms(xs, _divided_differences(xs, kink), known)
    larger = _larger(seen)
    return _last_terms(xs, c, known) * larger(1.0, 0.25 / larger(seen, 1e-300))


def _invalid(dx: float) -> float:
    # as fast as errors fall with the length, so that a region without values does not attract all points
    return dx if dx > COARSEST else dx**4


@invalid_loss(_invalid)
@uses_nth_neighbors(REACH)
def smooth_loss(xs: Sequence[Any], ys: Sequence[Any]) -> float:
    """Return the estimated error of the smooth interpolant on an interval, as a fraction of the range of values.

    Parameters
    ----------
    xs, ys : tuple of 2 + 2·REACH
        The ends of the interval in the middle and `REACH` neighbours on each side, scaled; None where there is none.

    Examples
    --------
    >>> import math
    >>> from adaptive_calib import Learner1D
    >>> from adaptive_calib.runner import simple
    >>> learner = Learner1D(math.exp, bounds=(-1, 1), mode="smooth")  # takes this loss
    >>> simple(learner, loss_goal=1e-6)
    >>> learner.npoints < 40, abs(float(learner.predict([0.1234])[0]) - math.exp(0.1234)) < 1e-6
    (True, True)
    """
    length = float(xs[REACH + 1] - xs[REACH])
    error = _estimate_on_interval(xs, ys, NODES)
    if error is None:
        return default_loss(xs[REACH : REACH + 2], ys[REACH : REACH + 2])
    return error if length <= COARSEST else max(error, length)


def _estimate_on_interval(xs: Sequence[Any], ys: Sequence[Any], nodes: int) -> float | None:
    """Return the estimate for the interval in the middle of equally many neighbours on both sides; None without any.

    None as well where scaled points are the same number, far from 0.
    """
    if any(a is not None and a == b for a, b in pairwise(xs)):
        return None
    reach = len(xs) // 2 - 1
    before, after = 0, 0
    while before < reach and ys[reach - 1 - before] is not None:
        before += 1
    while after < reach and ys[reach + 2 + after] is not None:
        after += 1
    if before + after == 0:
        return None
    error = math.inf
    for choice in _choices(before, after, nodes):
        places = [xs[reach + k] for k in choice.nodes]
        values = [ys[reach + k] for k in choice.nodes]
        error = min(error, _estimate_of_values(choice, places, values, nodes == LINEAR_NODES))
    return error


def estimate_beside(real: Sequence[Any], i: int, mode: CurveMode) -> float:
    """Return the estimated error on interval number `i` of neighbouring ones (rank, a, b, loss, value at a, at b)."""
    reach = LINEAR_REACH if mode == "linear" else REACH
    near = real[max(i - reach, 0) : i + reach + 1]
    points = [(interval[1], interval[4]) for interval in near] + [(near[-1][2], near[-1][5])]
    nothing = [(None, None)]
    points = nothing * max(reach - i, 0) + points + nothing * max(i + reach + 1 - len(real), 0)
    xs, ys = zip(*points, strict=True)
    error = _estimate_on_interval(xs, ys, LINEAR_NODES if mode == "linear" else NODES)
    return math.inf if error is None else error


class ErrorLoss:
    """The loss under an error goal: the estimated error of the interpolant, of an interval that counts.

    `UNKNOWN` and more while an interval is too long to be believed: longer than `coarsest`, or than `EDGE` where one
    end has a valid value and the other none. 0 below `BREAK_WIDTH`: a break is in it, and its place is known well
    enough.

    Parameters
    ----------
    mode : {"linear", "smooth"}
        The kind of interpolant.
    coarsest : float
        Longest interval that counts, as a fraction of the domain.
    """

    def __init__(self, mode: CurveMode, coarsest: float = COARSEST) -> None:
        self._coarsest = coarsest
        self._nodes = NODES if mode == "smooth" else LINEAR_NODES
        self.nth_neighbors = REACH if mode == "smooth" else 1

    def __call__(self, xs: Sequence[Any], ys: Sequence[Any]) -> float:
        """Return the loss of the interval in the middle, from scaled points and values."""
        reach = self.nth_neighbors
        length = float(xs[reach + 1] - xs[reach])
        if length > self._coarsest:
            return UNKNOWN * (1 + length)
        if length <= BREAK_WIDTH:
            return 0.0
        error = _estimate_on_interval(xs, ys, self._nodes)
        # not `min`: NaN, of values near the largest float, counts as a large error
        return error if error is not None and error < LARGEST_ESTIMATE else LARGEST_ESTIMATE

    @staticmethod
    def invalid_loss(dx: float) -> float:
        """Return the loss of an interval with one valid end."""
        return UNKNOWN * (1 + dx) if dx > EDGE else 0.0

    @staticmethod
    def void_loss(dx: float) -> float:
        """Return the loss of an interval without a valid end."""
        return UNKNOWN * (1 + dx) if dx > COARSEST else 0.0

    @staticmethod
    def is_unknown(loss: float) -> bool:
        """Whether a loss, of an interval or of a part of one, is that of an interval that does not count yet."""
        return loss > LARGEST_ESTIMATE


def _estimate_of_values(choice: _NodeChoice, nodes: list[float], values: list[Any], straight: bool) -> float:
    """Return the estimate for one interval; the largest over the components of vectors."""
    if isinstance(values[0], float):
        return float(_estimate(choice, nodes, _divided_differences(nodes, values), straight))
    return float(np.max(_estimate(choice, nodes, _divided_differences(nodes, [*np.array(values)]), straight)))


class Curve:
    """The interpolant of sorted points, with an estimate of its error on each interval.

    Parameters
    ----------
    points : array, shape (n,)
        Ascending coordinates, at least one.
    values : array, shape (n, N)
        NaN where there is no valid value: the interpolant and its error are NaN in the intervals beside it.
    mode : {"linear", "smooth"}
        The kind of interpolant.
    width : float
        Width of the domain; `largest_error` is infinite while an interval is longer than `COARSEST` of it.
    closed : array of bool, shape (n - 1,), optional
        Intervals in which no further point is possible; `largest_error` leaves them out.
    """

    def __init__(
        self, points: Floats, values: Floats, mode: CurveMode, width: float = math.inf, closed: Any = None
    ) -> None:
        # by a power of two, so that powers of lengths neither overflow nor vanish
        exponent = math.frexp(float(points[-1] - points[0]))[1]
        self._unit = 2.0 ** min(max(-exponent, -1000), 1000)
        self._x = points * self._unit
        self._width = width * self._unit
        self._y = values
        count = len(points) - 1
        nodes = NODES if mode == "smooth" else LINEAR_NODES
        self._nodes = np.zeros((max(count, 0), nodes))
        self._c = np.zeros((max(count, 0), nodes, values.shape[1]))
        #: Estimated error on each interval, shape (n - 1,); NaN beside a point without a valid value.
        self.errors: Floats = np.full(max(count, 0), np.nan)
        self._terms = 2 if mode == "linear" else nodes
        self._closed = np.zeros(max(count, 0), dtype=bool) if closed is None else closed
        self._fit(nodes)

    @np.errstate(over="ignore", invalid="ignore")  # of values near the largest float: the error is infinite then
    def _fit(self, width: int) -> None:
        valid: Any = np.isfinite(self._y).all(axis=1)
        reach = REACH if width == NODES else LINEAR_REACH
        # number of consecutive valid neighbours, at most `reach`, on the left and on the right of each point
        runs = [np.zeros(len(valid), dtype=int), np.zeros(len(valid), dtype=int)]
        for _ in range(reach):
            runs[0][1:] = np.where(valid[:-1], np.minimum(runs[0][:-1] + 1, reach), 0)
            runs[1][:-1] = np.where(valid[1:], np.minimum(runs[1][1:] + 1, reach), 0)
        whole = np.flatnonzero(valid[:-1] & valid[1:])
        groups: dict[tuple[int, int], list[int]] = {}
        for i, before, after in zip(whole.tolist(), runs[0][whole].tolist(), runs[1][whole + 1].tolist(), strict=True):
            groups.setdefault((before, after), []).append(i)
        for (before, after), rows in groups.items():
            self._fit_group(np.array(rows), before, after, width)

    def _fit_group(self, rows: Any, before: int, after: int, width: int) -> None:
        """Fit the intervals `rows`, each with `before` valid neighbours on its left and `after` on its right."""
        best = np.full(len(rows), np.inf)
        for choice in _choices(before, after, width):
            places = [rows + k for k in choice.nodes]
            xs = [self._x[place][:, None] for place in places]
            c = _divided_differences(xs, [self._y[place] for place in places])
            if len(choice.nodes) > 2:
                errors = _estimate(choice, xs, c, width == LINEAR_NODES).max(axis=1)
            else:
                errors = np.abs(self._y[rows + 1] - self._y[rows]).max(axis=1)
            errors[np.isnan(errors)] = np.inf
            take = (errors < best) | ~np.isfinite(best)
            best = np.where(take, errors, best)
            chosen = rows[take]
            self.errors[chosen] = errors[take]
            self._nodes[chosen] = 0.0
            self._c[chosen] = 0.0
            for k in range(min(len(choice.nodes), self._terms)):
                self._nodes[chosen, k] = xs[k][take, 0]
                self._c[chosen, k] = c[k][take]

    @np.errstate(over="ignore", invalid="ignore")
    def __call__(self, u: Floats) -> tuple[Floats, Floats]:
        """Return the values, shape (len(u), N), and the estimated errors, shape (len(u),); NaN outside the points."""
        u = u * self._unit
        if len(self._x) < 2:
            found = np.where((u == self._x[0])[:, None], self._y[0], np.nan)
            return found, np.where(np.isfinite(found).all(axis=1), 0.0, np.nan)
        i = np.clip(np.searchsorted(self._x, u, side="right") - 1, 0, len(self._x) - 2)
        value = np.zeros((len(u), self._y.shape[1]))
        for k in range(self._terms - 1, -1, -1):
            value = value * (u - self._nodes[i, k])[:, None] + self._c[i, k]
        error = self.errors[i].copy()
        outside = ~((u >= self._x[0]) & (u <= self._x[-1]))
        value[np.isnan(error) | outside] = np.nan
        error[outside] = np.nan
        known = np.minimum(np.searchsorted(self._x, u), len(self._x) - 1)
        hit = self._x[known] == u
        value[hit] = self._y[known[hit]]
        error[hit] = np.where(np.isfinite(value[hit]).all(axis=1), 0.0, np.nan)
        return value, error

    @property
    def largest_error(self) -> float:
        """The largest estimated error of an interval in which a further point is possible.

        inf while such an interval is longer than `COARSEST` of the domain, or than `EDGE` if it lies between a valid
        and an invalid point. Intervals between two invalid points, and
        those beside an invalid one that are shorter, are left out; inf if nothing is left.
        """
        if not len(self.errors):
            return math.inf
        if self._closed.all():
            return 0.0
        lengths = np.diff(self._x)
        valid: Any = np.isfinite(self._y).all(axis=1)
        edge = (valid[1:] != valid[:-1]) & (lengths > EDGE * self._width)
        if ((edge | (lengths > COARSEST * self._width)) & ~self._closed).any():
            return math.inf
        there = ~np.isnan(self.errors) & ~self._closed
        return float(self.errors[there].max()) if there.any() else math.inf
