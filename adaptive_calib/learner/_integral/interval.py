"""One interval of the doubly adaptive quadrature: its nodes, coefficients, estimates, and its parts.

This module holds the arithmetic of a single interval; `IntegratorLearner` chooses the interval to refine next.

An interval is *complete* at depth d when the values at the nodes of all rules up to d are observed. A value may be
missing (NaN, infinite, failed); it is then taken out of the interpolant. ``c`` are the coefficients at the deepest
complete rule. An interval is either halved or, at a singular end of the domain, replaced by itself in another variable
(`EndMap`); the results are its *parts*. The *estimate* of an interval is that of its parts if all have one, else its
own if it is complete. Estimates are sums, updated from a changed interval upwards, so that an update costs as many
additions as the tree is deep.

An interval with an infinite end is one in the variable of an `InfiniteMap`; the value at infinity counts as missing.
Values that are vectors of m numbers make `c` an array of shape (n, m); errors and sizes are 2-norms over all of it.

Rounding, overflow and underflow: norms are scaled by the largest element (`norm`), so that an error is zero only where
all coefficients agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import inf, isfinite, isinf, sqrt
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from adaptive_calib._arrays import Floats
from adaptive_calib.learner._integral.end_map import EndMap
from adaptive_calib.learner._integral.infinite_map import InfiniteMap
from adaptive_calib.learner._integral.noise import DISTANCE, LEAST
from adaptive_calib.learner.integrator_coeffs import b_def, calc_V, eps, hint, min_sep, ndiv_max, ns, rules
from adaptive_calib.learner.values import two_numbers

__all__ = [
    "ROOT_DEPTH",
    "IntegralEstimate",
    "QuadratureInterval",
    "Value",
    "checked_bounds",
    "downdate",
    "is_finite",
    "norm",
    "sizes",
    "whole_interval",
]

#: A number, or an array of shape (m,).
Value: TypeAlias = "float | Floats"

#: An interval without a parent in the same variable starts with the rule of 17 nodes.
ROOT_DEPTH = 2

# A mean value that doubles with each halving, up to rounding, is that of 1/x. The strict rule of the paper, "more than
# doubles", depends on rounding there. A step function can double it too, but not in that many halvings without a break.
_DOUBLED = 2 * (1 - 1e-6)

# In the variable of an infinite interval 1/x is 1/h (1 + O(h)), with nodes that are rounded where h is 1e-10.
_DOUBLED_AT_INFINITY = 1.98

# An interval is 415 times as long as the distance of the outermost nodes of the largest rule.
_NARROW = 1000

#: An end counts as singular if the rule before misses the new node next to it by this many times its largest miss in
#: the other half. Between 2 and 8 made no difference on square roots, logarithms, peaks, steps and kinks.
_SINGULAR = 4.0

#: The error is this many times the norm of the last quarter of the coefficients: for coefficients that fall as those
#: of a step, 1/k, the norm of all that follow; the faster they fall the more than that.
_TAIL = 2.0

#: But at least this share of the difference from the rule before, as a quarter may vanish by symmetry.
_TAIL_LEAST = 1e-3


#: From which ratio of the integrals of successive halves on an end is slow, and how many times what is left of the
#: geometric series is the error there: of 1/(x ln^m x) that is right from m = 3/2 on.
_SLOW, _OF_SLOW = 0.75, 3.0


class IntegralEstimate(NamedTuple):
    """Sums over an interval.

    Attributes
    ----------
    igral : float, or array of shape (m,)
        The integral.
    err : float
        Its estimated error.
    err_removed : float
        The part of `err` that is rounding.
    size : float
        The integral of the root mean square of the values: the scale of rounding errors.
    """

    igral: Value
    err: float
    err_removed: float
    size: float


class QuadratureInterval:
    """An interval (a, b) with the rules it has been given so far.

    Attributes
    ----------
    a, b : float
        Its ends.
    low, high : float
        Its ends in its own variable: a and b, or with a `variable` the t of both ends, from the singular end on.
    variable : EndMap, InfiniteMap or None
        The change of variable.
    depth : int
        The deepest rule whose nodes were asked for.
    depth_complete : int
        The deepest rule whose values are observed; -1: none.
    rdepth, ndiv, run : int
        Depth in the tree; number of halvings from the first interval to here in which the mean value more than doubled;
        number of the last halvings in all of which it at least doubled.
    err : float
        Error of `igral`; a guess until it is complete.
    checks : list of float
        Observed points that are no nodes, at which the interpolant is compared with the value.
    unknown : float
        The part of `err` that comes from missing values of neighbouring nodes.
    removed : bool
        The error is rounding: the interval is not refined any more, but counts.
    """

    __slots__ = (
        "a", "b", "c", "c00", "checks", "depth", "depth_complete", "err", "estimate", "high", "igral", "low",
        "missing", "ndiv", "nodes", "parent", "parts", "rdepth", "removed", "run", "singular_end", "size", "slopes",
        "unknown", "variable",
    )  # fmt: skip

    def __init__(
        self,
        low: float,
        high: float,
        parent: QuadratureInterval | None,
        depth: int,
        variable: EndMap | InfiniteMap | None = None,
    ) -> None:
        self.low, self.high, self.variable = low, high, variable
        ends = (low, high) if variable is None else (variable.x(low), variable.x(high))
        self.a, self.b = min(ends), max(ends)
        self.parent = parent
        self.parts: tuple[QuadratureInterval, ...] = ()
        self.depth = depth
        self.depth_complete = -1
        self.rdepth: int = 1 if parent is None else parent.rdepth + 1
        self.ndiv: int = 0 if parent is None else parent.ndiv
        self.run = 0
        self.err: float = float(np.finfo(float).max) if parent is None else parent.err / 2
        self.igral: Value = 0.0
        self.size = self.unknown = 0.0
        self.c: Floats = np.zeros(0)
        self.c00 = 0.0
        self.checks: list[float] = []
        self.singular_end = 0  # -1 or 1: the function seems to be singular at `low` or `high`
        self.removed = False
        self.estimate: IntegralEstimate | None = None
        self.nodes: list[float] = []
        self.slopes: list[float] = []
        self._set_nodes()
        self.missing = [0, 0, 0, 0]  # by depth: nodes without a value

    def __repr__(self) -> str:
        return (
            f"<QuadratureInterval ({self.a!r}, {self.b!r}), depth {self.depth}, igral {self.igral!r}, err {self.err!r}>"
        )

    @property
    def children(self) -> tuple[QuadratureInterval, ...]:
        """Its parts, under python-adaptive's name."""
        return self.parts

    @property
    def starts(self) -> bool:
        """Whether no polynomial of the parent in the same variable exists."""
        return self.parent is None or self.parent.variable is not self.variable

    def _set_nodes(self) -> None:
        low, high = self.low, self.high
        nodes: list[float] = ((low + high) / 2 + (high - low) * rules().xi[self.depth] / 2).tolist()
        # the very ends of the neighbours
        nodes[0], nodes[-1] = low, high
        if self.variable is not None:
            self.slopes = [self.variable.slope(t) for t in nodes]
            nodes = [self.variable.x(t) for t in nodes]
        self.nodes = nodes

    def is_narrow(self) -> bool:
        """Whether its nodes can hardly be distinguished as floats."""
        nodes, variable = self.nodes, self.variable
        gaps = [abs(nodes[-1] - nodes[-2])]
        if variable is None or self.low != variable.start:
            gaps.append(abs(nodes[1] - nodes[0]))
        # an infinite gap is not narrow
        ends = [abs(end) for end in (self.a, self.b) if isfinite(end)]
        if isinstance(variable, InfiniteMap) and self.high - self.low < _NARROW * min_sep:
            return True  # so near to ±1, nodes are not told apart in the variable
        return min(gaps) < min_sep * max(ends, default=0.0)

    def refine(self) -> list[float]:
        """Take the next rule; return its new nodes."""
        self.depth += 1
        self._set_nodes()
        return self.nodes[1::2]

    def divide(self, at_end: bool) -> tuple[QuadratureInterval, ...]:
        """Make its parts, and return them.

        Parameters
        ----------
        at_end : bool
            Whether `singular_end` is an end of the domain: then the part is the interval itself in the variable of an
            `EndMap`. Otherwise the parts are its halves, at depth 0.
        """
        parts: tuple[QuadratureInterval, ...]
        if at_end:
            end, other = (self.low, self.high) if self.singular_end < 0 else (self.high, self.low)
            parts = (QuadratureInterval(0.0, 1.0, self, ROOT_DEPTH, EndMap(end, other - end, other)),)
        else:
            middle = (self.low + self.high) / 2
            parts = (
                QuadratureInterval(self.low, middle, self, 0, self.variable),
                QuadratureInterval(middle, self.high, self, 0, self.variable),
            )
        self.parts = parts
        for part in parts:
            # nodes of this interval are few of them nodes of the parts: their values are checks at no cost
            known = [*self.checks, *self.nodes] if not at_end else self.checks
            part.checks = [x for x in known if part.a < x < part.b]
        return parts

    def next_complete(self) -> bool:
        """Whether the values of the rule after `depth_complete` are observed."""
        following = self.depth_complete + 1
        if following == 0 and self.starts:
            following = ROOT_DEPTH
        return following <= self.depth and not any(self.missing[: following + 1])

    # ------------------------------------------------------------------------------------------------- completing

    def complete(self, values: Mapping[float, Value], shape: tuple[int, ...]) -> bool:
        """Use the next rule, whose values are observed; return whether the interval should be divided next.

        Parameters
        ----------
        values : mapping
            Node -> value; missing and non-finite values count as missing.
        shape : tuple of int
            (m,) for vectors, () for numbers.
        """
        first = self.depth_complete < 0
        depth = self.depth_complete = (ROOT_DEPTH if self.starts else 0) if first else self.depth_complete + 1
        before = (
            self._coefficients(depth - 1, self._values(depth - 1, values), shape)[0]
            if first and self.starts
            else self.c
        )
        f = self._values(depth, values)
        self.c, bad = self._coefficients(depth, f, shape)
        c = self.c
        width = self.high - self.low
        size = norm(c)
        self.size = width * size / sqrt(2)
        self.unknown = self._unknown(depth, bad, values)
        self.igral = self._integral()
        split = False
        if first and not self.starts:
            self.c00 = norm(c[0]) if shape else float(c[0])
            if self.parent is not None and self.parent.depth_complete >= 0:
                self._compare_with_parent()
        else:
            change = c.copy()
            change[: len(before)] -= before
            changed = norm(change)
            kept = len(c) - len(bad)
            tail = _TAIL * norm(c[kept - kept // 4 : kept]) if kept >= 4 else changed
            self.err = width * min(max(tail, _TAIL_LEAST * changed), changed) + self.unknown
            self._find_singular_end(depth, change)
            # the first estimate of a start is coarse: the next rule is always tried
            split = not first and changed > hint * size and not self.parts
            if not first or self.starts:
                self._guess_below()
        if first:
            for part in self.parts:
                if part.depth_complete >= 0 and not part.starts:
                    part._compare_with_parent()
        self.check(values)
        return split

    def _integral(self) -> Value:
        width, mean = self.high - self.low, self.c[0]
        return width * float(mean) / sqrt(2) if np.ndim(mean) == 0 else width * mean / sqrt(2)

    def _values(self, depth: int, values: Mapping[float, Value]) -> list[Value]:
        """Return the values at the nodes of a rule, times the slope of the variable; NaN if missing."""
        step = 2 ** (self.depth - depth)
        f = [values.get(x, np.nan) for x in self.nodes[::step]]
        if self.variable is None:
            return f
        # at the singular end f may be infinite, but f times the slope vanishes
        return [y * slope if slope else 0.0 for y, slope in zip(f, self.slopes[::step], strict=True)]

    def _coefficients(self, depth: int, f: Sequence[Value], shape: tuple[int, ...]) -> tuple[Floats, list[int]]:
        """Return the coefficients of the interpolant, and the indices of missing values; as many of the last are 0."""
        bad = [i for i, y in enumerate(f) if not is_finite(y)]
        if bad:
            f = [0.0 if i in bad else y for i, y in enumerate(f)]
        array = np.array([np.broadcast_to(y, shape) for y in f] if shape else f)
        c: Floats = rules().V_inv[depth] @ array
        return (downdate(c, depth, bad) if bad else c), bad

    def _unknown(self, depth: int, bad: list[int], values: Mapping[float, Value]) -> float:
        """Return the size of values times the length over which neighbouring nodes have no value.

        A single node without a value is taken for a removable singularity.
        """
        xi = rules().xi[depth]
        gaps = sum(float(xi[j] - xi[i]) for i, j in pairwise(bad) if j == i + 1)
        return gaps * (self.high - self.low) / 2 * self._scale(values) if gaps else 0.0

    def _scale(self, values: Mapping[float, Value]) -> float:
        """Return the root mean square of the values, of those of the parent if all are missing; inf without any."""
        if self.depth_complete >= 0:
            f = self._values(self.depth_complete, values)
            slopes = self.slopes[:: 2 ** (self.depth - self.depth_complete)] or [1.0] * len(f)
            known = [norm(y) for y, slope in zip(f, slopes, strict=True) if slope and is_finite(y)]
            if known:
                return norm(np.array(known)) / sqrt(len(known))
        return inf if self.parent is None else self.parent._scale(values)

    def is_unknown(self) -> bool:
        """Whether it has an estimate, but not from any valid value."""
        return self.unknown > 0.0 and not self.c.any()

    def set_shape(self, shape: tuple[int, ...]) -> None:
        """Give coefficients the shape of the values, which is known now; all values so far are missing."""
        if len(self.c):
            self.c = np.zeros((len(self.c), *shape))
            self.igral = self._integral()

    def _find_singular_end(self, depth: int, change: Floats) -> None:
        """Decide whether the rule before misses the values mostly at one end."""
        if self.variable is not None:
            return
        misses = sizes(rules().V[depth] @ change)[1::2]  # at the nodes that the rule before does not have
        half = len(misses) // 2
        left, right = float(misses[0]), float(misses[-1])
        self.singular_end = 0
        if left > _SINGULAR * float(misses[half:].max()) and left >= float(misses.max()):
            self.singular_end = -1
        elif right > _SINGULAR * float(misses[:half].max()) and right >= float(misses.max()):
            self.singular_end = 1

    def _compare_with_parent(self) -> None:
        """Estimate the error at depth 0 from the parent's polynomial, and compare the mean values."""
        parent = self.parent
        assert parent is not None
        if self.depth_complete == 0:
            shift = rules().T_left if self is parent.parts[0] else rules().T_right
            change = shift[:, : len(parent.c)] @ parent.c
            change[: len(self.c)] -= self.c
            self.err = (self.high - self.low) * norm(change) + self.unknown
        if parent.c00:
            ratio = self.c00 / parent.c00
            if ratio > 2:
                self._add_ndiv()
            doubled = _DOUBLED_AT_INFINITY if isinstance(self.variable, InfiniteMap) else _DOUBLED
            self.run = parent.run + 1 if ratio > doubled else 0

    def _add_ndiv(self) -> None:
        for interval in self.with_descendants():
            interval.ndiv += 1

    def _guess_below(self) -> None:
        """Give descendants that have no error of their own half of this one, a quarter, ..."""
        remaining = [(part, self.err / 2) for part in self.parts]
        while remaining:
            interval, err = remaining.pop()
            if interval.depth_complete < 0:
                interval.err = err
                remaining += [(part, err / 2) for part in interval.parts]

    def is_divergent(self) -> bool:
        """Whether the mean value doubled in too many halvings on the way here."""
        return (self.ndiv > ndiv_max and 2 * self.ndiv > self.rdepth) or self.run > ndiv_max

    def is_rounding(self) -> bool:
        """Whether the error is no more than rounding of the values can cause, or 0."""
        return self.err <= self.size * eps * rules().Vcond[max(self.depth_complete, 0)]

    # ------------------------------------------------------------------------------------------------------ checks

    def check(self, values: Mapping[float, Value]) -> float:
        """Raise `err` to the error that `checks` show; return that error.

        The interpolant is compared with the value at each check point. A feature that no node has seen is as wide as
        the distance of the nodes around the point at most: the error is the difference times that distance. Where
        three neighbours, nodes or check points, have no value, nothing is known between them.
        """
        low, width, variable = self.low, self.high - self.low, self.variable
        places: list[float] = []
        ys: list[Value] = []
        missing: list[float] = []
        for x in self.checks:
            y = values.get(x, np.nan)
            t = x if variable is None else variable.t(x)
            if is_finite(y) and low < t < self.high:
                places.append(t)
                ys.append(y if variable is None else y * variable.slope(t))
            elif low < t < self.high:
                missing.append(t)
        unknown = self._unknown_between(missing, places, values) if missing else 0.0
        self.err = max(self.err, unknown)
        if not places:
            return unknown
        ts = np.array(places)
        at = (ts - low - (self.high - ts)) / width
        misses = sizes(calc_V(at, len(self.c)) @ self.c - np.array(ys))
        xi = rules().xi[self.depth_complete]
        right = np.clip(np.searchsorted(xi, at), 1, len(xi) - 1)
        worst = float((misses * (xi[right] - xi[right - 1])).max()) * width / 2
        self.err = max(self.err, worst)
        return max(worst, unknown)

    def _unknown_between(self, missing: list[float], found: list[float], values: Mapping[float, Value]) -> float:
        """Return the size of values times the length of gaps between check points without a value, and nodes."""
        step = 2 ** (self.depth - self.depth_complete)
        at = (self.low + self.high) / 2 + (self.high - self.low) * rules().xi[self.depth_complete] / 2
        nodes = [(t, is_finite(values.get(x, np.nan))) for t, x in zip(at.tolist(), self.nodes[::step], strict=True)]
        known = sorted([*nodes, *((t, False) for t in missing), *((t, True) for t in found)])
        beside = zip(known, known[1:], known[2:], strict=False)
        gaps = sum(right - left for (left, one), (_, two), (right, three) in beside if not (one or two or three)) / 2
        return gaps * self._scale(values) if gaps else 0.0

    def hold_slow_end(self) -> None:
        """Raise `err` at an end towards which the integrals of halves fall slowly, to `_OF_SLOW` times what is left.

        The rule sees little of what is left. Of a power that is a geometric series; of 1/(x ln² x), whose halves fall
        ever more slowly, twice that of the last two.
        """
        i = 0 if self.variable is not None and self.low == self.variable.start else 1
        if self.depth_complete < 0 or self.variable is None or (i and self.high != 1.0):
            return
        halves: list[float] = []
        part = self
        while len(halves) < 3:
            above = part.parent
            if above is None or above.variable is not self.variable or above.parts[i] is not part:
                return
            halves.append(norm(above.parts[1 - i].igral))
            part = above
        if all(_SLOW * before < near < before for near, before in pairwise(halves)):
            self.err = max(self.err, _OF_SLOW * halves[0] * (halves[0] / (halves[1] - halves[0])))

    def twin(self, i: int, values: Mapping[float, Value]) -> tuple[float, Value, float] | None:
        """Return a point beside the node `i`, the value that the interpolant foretells from the node's, and `LEAST`.

        The last is the difference below which there is no noise. None if there is no such point.
        """
        x, variable, width = self.nodes[i], self.variable, self.high - self.low
        t = x if variable is None else variable.t(x)
        beside = t + DISTANCE * width
        twin, y = (beside if variable is None else variable.x(beside)), values.get(x, np.nan)
        slope = 1.0 if variable is None else variable.slope(beside)
        if twin == x or not is_finite(y) or slope == 0.0 or isinf(slope):
            return None
        at = (np.array([t, beside]) - self.low - (self.high - np.array([t, beside]))) / width
        before, after = calc_V(at, len(self.c)) @ self.c
        return twin, y + (after - before) / slope, LEAST * self.err / width / abs(slope)

    # -------------------------------------------------------------------------------------------------- estimates

    def counts(self) -> bool:
        """Whether it has an estimate of its own."""
        return self.depth_complete >= 0

    def is_ready(self) -> bool:
        """Whether all nodes that were asked for are observed."""
        return self.depth_complete == self.depth

    def is_settled(self) -> bool:
        """Whether its own error is rounding: its parts, divided off before that was found, are less accurate."""
        return self.removed and self.counts() and (self.parent is None or not self.parent.removed)

    def update_estimate(self) -> None:
        """Compute the estimate again, here and above."""
        interval: QuadratureInterval | None = self
        while interval is not None:
            below = [] if interval.is_settled() else [part.estimate for part in interval.parts]
            if below and None not in below:
                interval.estimate = IntegralEstimate(*(sum(values) for values in zip(*below, strict=True)))
            elif interval.counts():
                removed = interval.err if interval.removed else 0.0
                interval.estimate = IntegralEstimate(interval.igral, interval.err, removed, interval.size)
            interval = interval.parent

    def cover(self) -> list[QuadratureInterval]:
        """Return the finest complete cover, in the order of the domain; empty if there is none."""
        found, remaining = [], [self]
        while remaining:
            interval = remaining.pop()
            if interval.estimate is None:
                continue
            divided = interval.parts and not interval.is_settled()
            if divided and all(part.estimate is not None for part in interval.parts):
                parts = interval.parts
                if interval.variable is not None and interval.variable.descending:
                    parts = parts[::-1]
                remaining += reversed(parts)
            else:
                found.append(interval)
        return found

    def with_descendants(self) -> list[QuadratureInterval]:
        """Return this interval and all below it, parents before parts."""
        found = [self]
        for interval in found:
            found += interval.parts
        return found

    # ------------------------------------------------------------------------------------------------- plain data

    def export(self) -> dict[str, Any]:
        """Return it as plain data, without parent, parts and attributes that follow from the data of the learner."""
        plain = (
            "low", "high", "depth", "depth_complete", "rdepth", "ndiv", "run", "err", "size", "c00", "removed",
            "singular_end", "unknown",
        )  # fmt: skip
        # the learner knows the variable of an infinite interval
        variable = self.variable if isinstance(self.variable, EndMap) else None
        return {
            **{name: getattr(self, name) for name in plain},
            "igral": np.asarray(self.igral).tolist(),
            "c": self.c.tolist(),
            "checks": list(self.checks),
            "variable": None if variable is None else (variable.end, variable.length, variable.other),
        }

    @classmethod
    def restore_tree(
        cls, exported: Iterable[Mapping[str, Any]], whole: EndMap | InfiniteMap | None
    ) -> list[QuadratureInterval]:
        """Return intervals that were exported with the number of their parent, in the same order."""
        intervals: list[QuadratureInterval] = []
        for each in exported:
            plain = {name: value for name, value in each.items() if name != "parent"}
            parent = None if each["parent"] is None else intervals[each["parent"]]
            interval = cls.restore(plain, parent, whole)
            if parent is not None:
                parent.parts = (*parent.parts, interval)
            intervals.append(interval)
        return intervals

    @classmethod
    def restore(
        cls, exported: Mapping[str, Any], parent: QuadratureInterval | None, whole: EndMap | InfiniteMap | None
    ) -> QuadratureInterval:
        """Return the interval that was exported; that of an older version has the ends `a`, `b` and no variable.

        `whole` is the variable of an infinite domain.
        """
        state = dict(exported)
        low, high = state.pop("low", None), state.pop("high", None)
        if low is None:
            low, high = state.pop("a"), state.pop("b")
        given = state.pop("variable", None)
        variable = whole if given is None else EndMap(*given)
        if parent is not None and parent.variable == variable:
            variable = parent.variable  # `starts` compares by identity
        interval = cls(low, high, parent, state["depth"], variable)
        c = interval.c = np.array(state.pop("c"), dtype=float)
        igral = state.pop("igral")
        interval.igral = np.array(igral) if isinstance(igral, list) else igral
        interval.size = (high - low) * norm(c) / sqrt(2) if len(c) else 0.0
        for name, value in state.items():
            setattr(interval, name, list(value) if name == "checks" else value)
        return interval


def whole_interval(a: float, b: float, depth: int) -> QuadratureInterval:
    """Return the interval (a, b), which may be infinite, without a parent, with the nodes of the rule `depth`."""
    if isinf(a) or isinf(b):
        return QuadratureInterval(-1.0, 1.0, None, depth, InfiniteMap(a, b))
    return QuadratureInterval(a, b, None, depth)


def checked_bounds(bounds: Any) -> tuple[float, float]:
    """Return the bounds of an integral as floats; ValueError if they are no interval with room for a rule."""
    try:
        a, b = two_numbers(bounds)
    except (TypeError, ValueError):
        raise ValueError(f"`bounds` should be two numbers (a, b), but is {bounds!r}.") from None
    if not a < b:
        raise ValueError(f"`bounds` should be ascending, but is {bounds!r}.")
    if isinf(b - a) and not (isinf(a) or isinf(b)):
        raise ValueError(f"`bounds` should have a finite distance, but {bounds!r} overflow; integrate in another unit.")
    nodes = sorted(whole_interval(a, b, len(ns) - 1).nodes)
    if not all(left < right for left, right in pairwise(nodes)):
        raise ValueError(
            f"`bounds` should leave room for {len(nodes)} different floats, but {bounds!r} are too near to each other; "
            "integrate over x - a, or in another unit."
        )
    return a, b


def norm(vector: Value) -> float:
    """Return the 2-norm of all elements, of any size that a float can have: they are scaled by the largest."""
    largest = float(np.abs(vector).max(initial=0.0))
    if not 0.0 < largest < np.inf:
        return largest
    scaled = vector / largest
    return largest * sqrt(float(np.vdot(scaled, scaled)))


def is_finite(value: Value) -> bool:
    """Whether a number, or every element of a vector, is finite."""
    return bool(np.isfinite(value).all()) if isinstance(value, np.ndarray) else isfinite(value)


def sizes(rows: Floats) -> Floats:
    """Return the 2-norm of each row, shape (n,); rows may be numbers."""
    if rows.ndim == 1:
        return np.abs(rows)
    largest = float(np.abs(rows).max()) or 1.0
    sizes: Floats = largest * np.sqrt(((rows / largest) ** 2).sum(axis=1))
    return sizes


def downdate(c: Floats, depth: int, bad: list[int]) -> Floats:
    """Take nodes out of an interpolant.

    Parameters
    ----------
    c : array, shape (n,) or (n, m)
        Coefficients of the interpolant of the values with 0 at the bad nodes; changed in place.
    depth : int
        The rule.
    bad : list of int
        Indices of the nodes to take out.

    Returns
    -------
    array, of the shape of `c`
        Coefficients of the polynomial of degree n - 1 - len(bad) through the other values; zeros if all are bad.
    """
    alpha, gamma, xi = rules().alpha, rules().gamma, rules().xi[depth]
    b = np.array(b_def(depth))
    m = ns[depth] - 1
    for i in bad:
        if m == 0:
            c[:] = 0.0
            break
        x = xi[i]
        # divide the polynomial b by (p - x): the recurrence of the basis, from the top down
        b[m + 1] /= alpha[m]
        b[m] = (b[m] + x * b[m + 1]) / alpha[m - 1]
        for j in range(m - 1, 0, -1):
            b[j] = (b[j] + x * b[j + 1] - gamma[j + 1] * b[j + 2]) / alpha[j - 1]
        b = b[1:]
        c[:m] -= np.multiply.outer(b[:m], c[m] / b[m])
        c[m] = 0.0
        m -= 1
    return c
