"""One interval of the doubly adaptive quadrature: its nodes, coefficients, estimates, and its halves.

All that is arithmetic of a single interval is here; which interval is refined next is `IntegratorLearner`'s business.

An interval is *complete* at depth d when the values at the nodes of all rules up to d are known (a value may be
missing: NaN, infinite, failed; it is then taken out of the interpolant). ``c`` are the coefficients at the deepest
complete rule. The *estimate* of an interval is that of its halves when both have one, else its own if it is complete.
It is kept as sums (`Estimate`), renewed from a changed interval upwards, so that the whole costs as many additions as
the tree is deep.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite, sqrt
from typing import Any, NamedTuple

import numpy as np

from adaptive_calib._arrays import Floats
from adaptive_calib.learner.integrator_coeffs import b_def, eps, hint, min_sep, ndiv_max, ns, rules

__all__ = ["ROOT_DEPTH", "Estimate", "Interval", "downdate"]


#: The first interval starts with the rule of 17 nodes.
ROOT_DEPTH = 2

_LAST_DEPTH = len(ns) - 1

# A mean value that doubles with each halving, up to rounding, is that of 1/x. The strict rule of the paper, "more than
# doubles", is a matter of chance there. A step function can double it too, but not so often without a break.
_DOUBLED = 2 * (1 - 1e-6)


class Estimate(NamedTuple):
    """Sums over an interval: its integral, the error of that, and the part of the error that is only rounding."""

    igral: float
    err: float
    err_removed: float


class Interval:
    """An interval (a, b) with the rules it has been given so far.

    Attributes
    ----------
    a, b : float
        Its ends.
    depth : int
        The deepest rule whose nodes were asked for.
    depth_complete : int
        The deepest rule whose values are known; -1: none.
    rdepth, ndiv, run : int
        How deep in the tree; how often the mean value more than doubled from the first interval to here; how often it
        at least doubled without a break.
    err : float
        Error of `igral`; a guess as long as nothing better is known.
    removed : bool
        The error is at the level of rounding: not refined any more, but counted.
    """

    __slots__ = (
        "a", "b", "c", "c00", "children", "depth", "depth_complete", "err", "estimate", "igral", "missing", "ndiv",
        "nodes", "parent", "rdepth", "removed", "run",
    )  # fmt: skip

    def __init__(self, a: float, b: float, parent: Interval | None, depth: int) -> None:
        self.a = a
        self.b = b
        self.parent = parent
        self.children: tuple[Interval, ...] = ()
        self.depth = depth
        self.depth_complete = -1
        self.rdepth: int = 1 if parent is None else parent.rdepth + 1
        self.ndiv: int = 0 if parent is None else parent.ndiv
        self.run = 0
        self.err: float = float(np.finfo(float).max) if parent is None else parent.err / 2
        self.igral = 0.0
        self.c: Floats = np.zeros(0)
        self.c00 = 0.0
        self.removed = False
        self.estimate: Estimate | None = None
        self.nodes = self._nodes_of(depth)
        self.missing = [0, 0, 0, 0]  # by depth: nodes whose value is not known

    def __repr__(self) -> str:
        return f"<Interval ({self.a!r}, {self.b!r}), depth {self.depth}, igral {self.igral!r}, err {self.err!r}>"

    def _nodes_of(self, depth: int) -> list[float]:
        a, b = self.a, self.b
        nodes: list[float] = ((a + b) / 2 + (b - a) * rules().xi[depth] / 2).tolist()
        # rounding would part the ends from those of the neighbours
        nodes[0], nodes[-1] = a, b
        return nodes

    def is_narrow(self) -> bool:
        """Whether its nodes can hardly be told apart."""
        nodes = self.nodes
        return min(nodes[1] - nodes[0], nodes[-1] - nodes[-2]) < min_sep * max(abs(self.a), abs(self.b))

    def deeper(self) -> list[float]:
        """Return the nodes of the next rule that are not of this one."""
        return self._nodes_of(self.depth + 1)[1::2]

    def refine(self) -> list[float]:
        """Take the next rule; return its new nodes."""
        self.depth += 1
        self.nodes = self._nodes_of(self.depth)
        return self.nodes[1::2]

    def halves(self) -> tuple[Interval, Interval]:
        """Return its two halves, at depth 0, not yet as its children."""
        middle = (self.a + self.b) / 2
        return Interval(self.a, middle, self, 0), Interval(middle, self.b, self, 0)

    def next_complete(self) -> bool:
        """Whether the values of the rule after `depth_complete` are known."""
        following = self.depth_complete + 1
        if following == 0 and self.parent is None:
            following = ROOT_DEPTH
        return following <= self.depth and not any(self.missing[: following + 1])

    # ------------------------------------------------------------------------------------------------- completing

    def complete(self, values: Mapping[float, float]) -> bool:
        """Take in the next rule, whose values are known; return whether the interval should be split at once.

        Parameters
        ----------
        values : mapping
            Node -> value; missing and non-finite values count as missing.
        """
        first = self.depth_complete < 0
        before = self.c
        depth = self.depth_complete = (ROOT_DEPTH if self.parent is None else 0) if first else self.depth_complete + 1
        self.c = c = self._coefficients(depth, values)
        split = False
        if first and self.parent is None:
            pass  # no other rule to compare with: no estimate before the next rule, or both halves, are complete
        else:
            self.igral = (self.b - self.a) * float(c[0]) / sqrt(2)
            if first:
                self.c00 = float(c[0])
                if self.parent is not None and self.parent.depth_complete >= 0:
                    self._compare_with_parent()
            else:
                change = c.copy()
                change[: len(before)] -= before
                norm = _norm(change)
                self.err = (self.b - self.a) * norm
                split = norm > hint * _norm(c) and not self.children
                self._guess_below()
        if first:
            for child in self.children:
                if child.depth_complete >= 0:
                    child._compare_with_parent()
        return split

    def _coefficients(self, depth: int, values: Mapping[float, float]) -> Floats:
        nodes = self.nodes[:: 2 ** (self.depth - depth)]
        f = [values.get(x, np.nan) for x in nodes]
        bad = [i for i, y in enumerate(f) if not isfinite(y)]
        for i in bad:
            f[i] = 0.0
        c: Floats = rules().V_inv[depth] @ np.array(f)
        return downdate(c, depth, bad) if bad else c

    def _compare_with_parent(self) -> None:
        """Estimate the error at depth 0 from the parent's polynomial, and watch the mean value."""
        parent = self.parent
        assert parent is not None
        if self.depth_complete == 0:
            shift = rules().T_left if self is parent.children[0] else rules().T_right
            change = shift[:, : len(parent.c)] @ parent.c
            change[: len(self.c)] -= self.c
            self.err = (self.b - self.a) * _norm(change)
        if parent.c00:
            ratio = self.c00 / parent.c00
            if ratio > 2:
                self._add_ndiv()
            self.run = parent.run + 1 if ratio > _DOUBLED else 0

    def _add_ndiv(self) -> None:
        waiting = [self]
        while waiting:
            interval = waiting.pop()
            interval.ndiv += 1
            waiting += interval.children

    def _guess_below(self) -> None:
        """Give descendants that have no error of their own half of this one, a quarter, ..."""
        waiting = [(child, self.err / 2) for child in self.children]
        while waiting:
            interval, err = waiting.pop()
            if interval.depth_complete < 0:
                interval.err = err
                waiting += [(child, err / 2) for child in interval.children]

    def is_divergent(self) -> bool:
        """Whether the mean value doubled in too many halvings on the way here."""
        return (self.ndiv > ndiv_max and 2 * self.ndiv > self.rdepth) or self.run > ndiv_max

    def is_rounding(self) -> bool:
        """Whether the error is no more than rounding can make of the values, or 0."""
        return self.err <= abs(self.igral) * eps * rules().Vcond[max(self.depth_complete, 0)]

    # -------------------------------------------------------------------------------------------------- estimates

    def counts(self) -> bool:
        """Whether it has an estimate of its own: complete, for the first interval at more than one rule."""
        return self.depth_complete > (ROOT_DEPTH if self.parent is None else -1)

    def is_settled(self) -> bool:
        """Whether its own error is rounding: halves that were begun before this was known say less than it does."""
        return self.removed and self.counts() and (self.parent is None or not self.parent.removed)

    def renew_estimate(self) -> None:
        """Compute the estimate anew, here and above."""
        interval: Interval | None = self
        while interval is not None:
            parts = [] if interval.is_settled() else [child.estimate for child in interval.children]
            if parts and None not in parts:
                igral, err, err_removed = (sum(values) for values in zip(*parts, strict=True))
                interval.estimate = Estimate(igral, err, err_removed)
            elif interval.counts():
                interval.estimate = Estimate(interval.igral, interval.err, interval.err if interval.removed else 0.0)
            interval = interval.parent

    def cover(self) -> list[Interval]:
        """Return the finest complete cover, from left to right; empty if there is none."""
        found, waiting = [], [self]
        while waiting:
            interval = waiting.pop()
            if interval.estimate is None:
                continue
            divided = interval.children and not interval.is_settled()
            if divided and all(child.estimate is not None for child in interval.children):
                waiting += reversed(interval.children)
            else:
                found.append(interval)
        return found

    def with_descendants(self) -> list[Interval]:
        """Return this interval and all below it, parents before children."""
        found = [self]
        for interval in found:
            found += interval.children
        return found

    # ------------------------------------------------------------------------------------------------- plain data

    def export(self) -> dict[str, Any]:
        """Return it as plain data, without parent, children and what follows from the data of the learner."""
        plain = ("a", "b", "depth", "depth_complete", "rdepth", "ndiv", "run", "err", "igral", "c00", "removed")
        return {**{name: getattr(self, name) for name in plain}, "c": self.c.tolist()}

    @classmethod
    def restore(cls, exported: Mapping[str, Any], parent: Interval | None) -> Interval:
        """Return the interval that was exported."""
        interval = cls(exported["a"], exported["b"], parent, exported["depth"])
        for name, value in exported.items():
            setattr(interval, name, np.array(value, dtype=float) if name == "c" else value)
        return interval


def _norm(vector: Floats) -> float:
    return sqrt(float(vector @ vector))


def downdate(c: Floats, depth: int, bad: list[int]) -> Floats:
    """Take nodes out of an interpolant.

    Parameters
    ----------
    c : array, shape (n,)
        Coefficients of the interpolant of the values with 0 at the bad nodes; changed in place.
    depth : int
        The rule.
    bad : list of int
        Indices of the nodes to take out.

    Returns
    -------
    array, shape (n,)
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
        c[:m] -= c[m] / b[m] * b[:m]
        c[m] = 0.0
        m -= 1
    return c
