"""One box of an integral over two or three numbers: its nodes, estimates, and where it is halved.

`CubatureLearner` chooses the box to halve next; `box_rule` has the rule.

Missing values (NaN, infinite, failed) are replaced with the mean of the others, and the error grows by the largest
value times the volume that the missing nodes stand for: what is not known counts as not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import inf, nextafter, prod
from typing import Any, TypeAlias

import numpy as np

from adaptive_calib._arrays import Floats
from adaptive_calib.learner._integral.box_rule import box_rule, monomials
from adaptive_calib.learner._integral.interval import Value, is_finite, norm, sizes
from adaptive_calib.learner._integral.noise import DISTANCE, LEAST
from adaptive_calib.learner.integrator_coeffs import eps

__all__ = ["Box", "Point"]

#: Coordinates in the domain.
Point: TypeAlias = tuple[float, ...]

#: A foretold value may be off by this times the largest residual of the fit at the nodes: a point between nodes is
#: foretold several times worse than the nodes that the polynomial was fitted to.
_TRUST = 10.0

#: The error may be this many times what is seen of it. With 1, some errors at edges were above the tolerance.
_SEEN = 4.0

#: A box is not halved below this times the distance of two floats.
_NARROW = 1000


@dataclass
class Box:
    """A box with the nodes of one rule.

    Attributes
    ----------
    low, high : tuple of float
        Its corners.
    parent : int or None
        Number of the box that was halved.
    parts : tuple of int
        Numbers of its halves.
    missing : int
        Nodes without a value.
    complete : bool
        Whether it has an estimate.
    is_unknown : bool
        Whether it has one, but not from any valid value.
    unknown : float
        The part of `err` that comes from missing values.
    igral, err, size
        The integral, its error, and the integral of the absolute values.
    difference, fall : float
        Difference of the integrals by the rules of degree 7 and 5; that over the one of degree 5 and 3.
    further : float
        Error of this box and of all that will be halved off it at a singularity, over that of this box.
    shown : float
        The error that `checks` show.
    axis : int
        Where it is halved.
    checks : list of tuple
        Observed points that are no nodes, at which values are compared with foretold ones.
    """

    low: Point
    high: Point
    parent: int | None = None
    parts: tuple[int, ...] = ()
    missing: int = 0
    complete: bool = False
    is_unknown: bool = False
    unknown: float = 0.0
    igral: Value = 0.0
    err: float = float(np.finfo(float).max)
    size: float = 0.0
    difference: float = 0.0
    fall: float = 1.0
    further: float = 1.0
    shown: float = 0.0
    axis: int = 0
    checks: list[Point] = field(default_factory=list)

    @property
    def volume(self) -> float:
        """Its volume."""
        return prod(b - a for a, b in zip(self.low, self.high, strict=True))

    @property
    def nodes(self) -> list[Point]:
        """The nodes."""
        low, high = np.array(self.low), np.array(self.high)
        nodes = (low + high) / 2 + (high - low) / 2 * box_rule(len(low)).nodes
        return [tuple(node) for node in nodes.tolist()]

    def contains(self, x: Point) -> bool:
        """Whether `x` lies in it."""
        return all(a <= u <= b for a, u, b in zip(self.low, x, self.high, strict=True))

    def is_narrow(self) -> bool:
        """Whether its nodes can hardly be distinguished as floats along the axis where it would be halved."""
        a, b = self.low[self.axis], self.high[self.axis]
        return b - a <= _NARROW * eps * max(abs(a), abs(b))

    def halves(self, number: int) -> tuple[Box, Box]:
        """Return its halves; `number` is its own."""
        k = self.axis
        middle = (self.low[k] + self.high[k]) / 2
        left, right = (
            Box(self.low, (*self.high[:k], middle, *self.high[k + 1 :]), number),
            Box((*self.low[:k], middle, *self.low[k + 1 :]), self.high, number),
        )
        for half in (left, right):
            half.err = self.err / 2
            # nodes of this box are no nodes of the halves: their values are checks at no cost
            half.checks = [x for x in (*self.checks, *self.nodes) if half.contains(x)]
        return left, right

    def values_at_nodes(self, values: Mapping[Point, Value], shape: tuple[int, ...]) -> tuple[Floats, int]:
        """Return the values at the nodes, shape (N, *shape), missing ones replaced, and the number of these."""
        found = [values.get(x, np.nan) for x in self.nodes]
        good = [is_finite(y) for y in found]
        f = np.array([np.broadcast_to(y if ok else 0.0, shape) for y, ok in zip(found, good, strict=True)], dtype=float)
        if any(good) and not all(good):
            f[~np.array(good)] = f[good].mean(axis=0)
        return f, good.count(False)

    def estimate(self, values: Mapping[Point, Value], shape: tuple[int, ...], widths: Floats, largest: float) -> None:
        """Estimate integral and error.

        Parameters
        ----------
        values : mapping
            Node -> value; missing and non-finite values count as missing.
        shape : tuple of int
            (m,) for vectors, () for numbers.
        widths : array, shape (n,)
            Those of the domain: of axes with equal differences, the longest is halved.
        largest : float
            Size of the largest value anywhere, for a box without any valid value.
        """
        self.complete = True
        rule, volume = box_rule(len(self.low)), self.volume
        f, missing = self.values_at_nodes(values, shape)
        igral = volume * np.tensordot(rule.weights, f, axes=1)
        self.igral = igral if shape else float(igral)
        self.difference = norm(volume * np.tensordot(rule.weights - rule.weights_5, f, axes=1))
        before = norm(volume * np.tensordot(rule.weights_5 - rule.weights_3, f, axes=1))
        self.fall = self.difference / before if before else 1.0
        self.err = self.difference * self.further
        magnitudes = sizes(f)
        self.size = volume * float(magnitudes.mean())
        if missing:
            self.is_unknown = missing == len(f)
            self.unknown = volume * missing / len(f) * (largest if self.is_unknown else float(magnitudes.max()))
            self.err += self.unknown
        differences = sizes(np.tensordot(rule.differences, f, axes=1))
        rounding = 16 * eps * float(magnitudes.max())
        shares = (np.array(self.high) - np.array(self.low)) / widths
        self.axis = int(np.argmax(np.where(differences >= differences.max() - rounding, shares, -1.0)))
        if self.checks:
            self.check(values, shape)

    def lower_error(self, moved: float) -> None:
        """Take a smaller error than the difference of two rules if it shows that the function is smooth.

        Parameters
        ----------
        moved : float
            By how much the integral over this box and its sibling has changed by the halving, over the sum of both
            `difference`. If the error falls from rule to rule and from the whole to the halves, it is less than either
            fall foretells; where there is an edge, one of both does not.
        """
        err = self.difference * self.further * min(_SEEN * max(moved, self.fall), 1.0)
        self.err = max(err + self.unknown, self.shown)

    def check(self, values: Mapping[Point, Value], shape: tuple[int, ...]) -> float:
        """Raise `err` to the error that `checks` show; return that error.

        A difference counts where it is more than the fit at the nodes foretells. A feature that no node has seen is
        about as large as the part of the box that one node stands for.
        """
        xs = [x for x in self.checks if x in values and is_finite(values[x])]
        f, missing = self.values_at_nodes(values, shape)
        if not xs or missing == len(f):
            return 0.0
        foretold, doubt = self.foretell(np.array(xs), f)
        misses = sizes(foretold - np.array([values[x] for x in xs]))
        worst = max(float(misses.max()) - doubt, 0.0) * self.volume / len(f)
        self.shown = worst
        self.err = max(self.err, worst)
        return worst

    def foretell(self, xs: Floats, f: Floats) -> tuple[Floats, float]:
        """Return values at places, shape (k, n), by the fit to `f` at the nodes, and how far to doubt them."""
        low, high, rule = np.array(self.low), np.array(self.high), box_rule(len(self.low))
        c = np.tensordot(rule.fit, f, axes=1)
        residual = float(sizes(np.tensordot(rule.residuals, f, axes=1)).max())
        foretold: Floats = np.tensordot(monomials((2 * xs - low - high) / (high - low)), c, axes=1)
        return foretold, _TRUST * residual

    def faces(self) -> list[tuple[int, Point, Point]]:
        """Return axis and middle of each face, and a point beside the middle that is just outside of the box."""
        found = []
        for k, ends in enumerate(zip(self.low, self.high, strict=True)):
            for end, away in zip(ends, (-inf, inf), strict=True):
                middle = [(a + b) / 2 for a, b in zip(self.low, self.high, strict=True)]
                before, after = middle[:k], middle[k + 1 :]
                found.append((k, (*before, end, *after), (*before, nextafter(end, away), *after)))
        return found

    def twin(self, i: int, values: Mapping[Point, Value], shape: tuple[int, ...]) -> tuple[Point, Value, float] | None:
        """Return a point beside the node `i`, the value that the fit foretells from the node's, and a difference.

        The last is the difference below which there is no noise. None if there is no such point.
        """
        rule, x = box_rule(len(self.low)), self.nodes[i]
        twin = (x[0] + DISTANCE * (self.high[0] - self.low[0]), *x[1:])
        if twin == x or not is_finite(values.get(x, np.nan)):
            return None
        beside = rule.nodes[i].copy()
        beside[0] += 2 * DISTANCE
        before, after = monomials(np.array([rule.nodes[i], beside])) @ rule.fit
        change = (after - before) @ self.values_at_nodes(values, shape)[0]
        return twin, values[x] + change, LEAST * self.err / self.volume

    # ------------------------------------------------------------------------------------------------- plain data

    def export(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {**asdict(self), "igral": np.asarray(self.igral).tolist()}

    @classmethod
    def restore(cls, exported: Mapping[str, Any]) -> Box:
        """Return the box that was exported."""
        box = cls(**{**exported, "checks": list(exported["checks"])})
        if isinstance(exported["igral"], list):
            box.igral = np.array(exported["igral"])
        return box
