"""Domains of a `Learner1D`: points on a line, on a logarithmic line, or on the integers of either.

The learner works in a coordinate u in which intervals are halved: u = x, or u = ln x for ``x_scale="log"``. A domain
converts between x and u, places points inside an interval of u, and limits the number of parts of an interval. Integer
domains place points on the integers only; an interval without an integer strictly inside it is closed: no further point
is possible there. The same holds for intervals shorter than twice the minimum spacing.

Points are placed at equal parts of an interval or, in an *uneven* domain, a little beside these, to one side or the
other. Equal parts of equal parts are a lattice, on which a fast wave looks like a slow one; uneven parts are none. The
side is a hash of the place, so that the same interval is always divided at the same places.
"""

from __future__ import annotations

import math
import operator
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Literal

from adaptive_calib.learner.values import LARGEST_EXACT, two_numbers

__all__ = ["Domain1D", "IntegerDomain", "LinearDomain", "LogDomain", "make_domain"]


#: By how much of a part a point of an uneven domain lies beside the equal parts: one point divides an interval 44 : 56.
#: Half of the way to the golden section; for polynomials of degree 7 as good as the middle.
UNEVEN = 0.118
#: Distance of a twin from its point, as a fraction of the domain; smaller than every interval that is divided on the
#: way to an error goal.
TWIN = 2e-7


class Domain1D(ABC):
    """A bounded domain of x with its coordinate u.

    Attributes
    ----------
    bounds : tuple of float (or int)
        The ends of the domain, in x, ascending.
    low, high : float
        The ends of the domain, in u.
    shortest : float
        Intervals shorter than this, in u, are closed.
    uneven : bool
        Whether points lie beside the equal parts, see the top of the file.
    midpoints : bool
        Whether one point in an interval always lies at its middle, so that callers may compute it themselves.
    """

    bounds: tuple[float, float]
    low: float
    high: float
    shortest: float
    midpoints: bool = False
    uneven: bool = False
    _spacing: float = 0.0

    @abstractmethod
    def u(self, x: float) -> float:
        """Return the coordinate of the point `x`."""

    @abstractmethod
    def x(self, u: float) -> float:
        """Return the point at the coordinate `u`; exact only for what `inner` returned."""

    @abstractmethod
    def parts(self, a: float, b: float) -> float:
        """Return into how many parts the interval from `a` to `b` may be divided at most (below 2: closed)."""

    def inner(self, a: float, b: float, k: int) -> list[float]:
        """Return the k - 1 coordinates that divide the interval from `a` to `b` into `k` parts."""
        step = (b - a) / k
        shift = min(UNEVEN * step, (step - self._spacing) / 2) if self.uneven else 0.0
        if shift <= 0.0:
            return [a + step * i for i in range(1, k)]
        return [a + step * i + (shift if self._side(a, b, i) else -shift) for i in range(1, k)]

    def _side(self, a: float, b: float, i: int) -> bool:
        """Return to which side the i-th point inside the interval is shifted."""
        width = self.high - self.low
        # the bits of the two ends, mixed by irrational factors
        mixed = ((a - self.low) * 0.7548776662466927 + (b - self.low) * 0.5698402909980532) / width * 2.0**38
        return math.fmod(mixed + i * 0.6180339887498949, 1.0) < 0.5

    def twin(self, u: float) -> float:
        """Return the coordinate of the twin of a point, next to it; the two differ by noise only."""
        v = u + TWIN * (self.high - self.low)
        return self.u(self.x(v if v <= self.high else 2 * u - v))

    @property
    def has_twins(self) -> bool:
        """Whether twins are far enough from their points for floats, and allowed."""
        return 8 * self.shortest < TWIN * (self.high - self.low)

    def unknown(self, ends: Iterable[tuple[float, float]]) -> float:
        """Return the share of the points that may be asked for inside intervals with these ends."""
        return 1.0

    def apart(self, a: float, b: float) -> bool:
        """Whether two points `a` < `b` are as far apart as two asked points have to be."""
        return b > a and b - a >= self._spacing * (1 - 1e-9)

    @abstractmethod
    def place(self, a: float, b: float, u: float) -> float:
        """Return the coordinate strictly between `a` and `b` nearest to `u` at which a point may lie.

        The interval is not closed: at least two parts fit into it.
        """

    def spread(self, n: int) -> list[float]:
        """Return n coordinates from end to end, fewer if no more fit; the lower end for n = 1."""
        n = min(n, int(self.parts(self.low, self.high)) + 1)
        if n == 1:
            return [self.low]
        return [self.low, *self.inner(self.low, self.high, n - 1), self.high]

    def contains(self, x: Any) -> bool:
        """Whether `x` can be a point of the domain."""
        return bool(self.bounds[0] <= x <= self.bounds[1])


class LinearDomain(Domain1D):
    """u = x. Intervals shorter than a few units in the last place of the bounds are closed.

    Parameters
    ----------
    bounds
        The ends, in x.
    min_spacing
        Smallest distance of two asked points, in x.
    uneven
        See `Domain1D`.
    """

    def __init__(self, bounds: tuple[float, float], min_spacing: float = 0.0, uneven: bool = False) -> None:
        self.bounds = bounds
        self.low, self.high = bounds
        self.uneven = uneven
        # 2 max(|a|, |b|) eps: below it the middle of an interval may be one of its ends; uneven parts are smaller
        ulp = max(max(abs(self.low), abs(self.high)) * sys.float_info.epsilon, math.ulp(0.0))
        self.shortest = (8 if uneven else 2) * ulp
        # an interval of exactly two spacings may be halved, also when its length carries a rounding error
        self.shortest = max(self.shortest, 2 * min_spacing * (1 - 1e-9))
        self._spacing = min_spacing
        self.midpoints = not uneven

    def u(self, x: float) -> float:
        """Return `x` as a float."""
        return float(x)

    def x(self, u: float) -> float:
        """Return `u`."""
        return u

    def parts(self, a: float, b: float) -> float:
        """Return how many times the spacing, or one unit in the last place, fits into the interval."""
        spacing = self._spacing or max(math.ulp(min(abs(a), abs(b))), (b - a) * 1e-15)
        return math.floor((b - a) / spacing * (1 + 1e-9))

    def place(self, a: float, b: float, u: float) -> float:
        """Return `u`, moved away from the ends by the spacing, or by a millionth of the interval."""
        margin = min(max(self._spacing, (b - a) * 1e-6), (b - a) / 2)
        u = min(max(u, a + margin), b - margin)
        return u if a < u < b else a + (b - a) / 2


class LogDomain(LinearDomain):
    """u = ln x, for positive bounds.

    Parameters
    ----------
    bounds
        The ends, in x.
    min_spacing
        Smallest distance of two asked points, in ln x: 0.01 means one per cent.
    uneven
        See `Domain1D`.
    """

    def __init__(self, bounds: tuple[float, float], min_spacing: float = 0.0, uneven: bool = False) -> None:
        super().__init__((math.log(bounds[0]), math.log(bounds[1])), min_spacing, uneven)
        # exp magnifies a rounding error of u into one of x; two points have to stay distinct in both
        self.shortest = max(self.shortest, 8 * sys.float_info.epsilon)
        self.bounds = bounds
        self.midpoints = False

    def inner(self, a: float, b: float, k: int) -> list[float]:
        """Return the k - 1 coordinates, each as `u` will return it for the point at it."""
        return [self.u(self.x(u)) for u in super().inner(a, b, k)]

    def place(self, a: float, b: float, u: float) -> float:
        """Return the coordinate as `u` will return it for the point at it."""
        u = self.u(self.x(super().place(a, b, u)))
        return u if a < u < b else self.inner(a, b, 2)[0]

    def u(self, x: float) -> float:
        """Return ln x."""
        return math.log(x)

    def x(self, u: float) -> float:
        """Return exp u, within the bounds."""
        if u <= self.low:
            return self.bounds[0]
        return self.bounds[1] if u >= self.high else math.exp(u)


class IntegerDomain(Domain1D):
    """The integers from end to end, with u = x or u = ln x.

    Parameters
    ----------
    bounds
        The ends, in x; integers.
    log : bool
        Whether u is ln x.
    min_spacing : float
        Smallest distance of two asked points, in u.
    uneven : bool
        See `Domain1D`.
    """

    def __init__(
        self, bounds: tuple[int, int], log: bool = False, min_spacing: float = 0.0, uneven: bool = False
    ) -> None:
        self.bounds = bounds
        self.uneven = uneven
        self._log = log
        self._spacing = min_spacing
        self.low, self.high = self.u(bounds[0]), self.u(bounds[1])
        self.shortest = 2 * min_spacing * (1 - 1e-9)

    def u(self, x: float) -> float:
        """Return x or ln x."""
        return math.log(x) if self._log else float(x)

    def x(self, u: float) -> int:
        """Return the integer nearest to the coordinate."""
        return math.floor((math.exp(u) if self._log else u) + 0.5)

    def parts(self, a: float, b: float) -> float:
        """Return the number of steps of the lattice (or of the spacing, if larger) in the interval."""
        if b - a < self.shortest:
            return 1
        steps = self.x(b) - self.x(a)
        return min(steps, math.floor((b - a) / self._spacing * (1 + 1e-9))) if self._spacing else steps

    def unknown(self, ends: Iterable[tuple[float, float]]) -> float:
        """Return the share of the integers that lies between the ends of intervals, without these."""
        return sum(self.x(b) - self.x(a) - 1 for a, b in ends) / (self.bounds[1] - self.bounds[0] + 1)

    def inner(self, a: float, b: float, k: int) -> list[float]:
        """Return the coordinates of k - 1 different integers that divide the interval as evenly as they can."""
        xs = [self.x(u) for u in super().inner(a, b, k)]
        left, right = self.x(a), self.x(b)
        for i, x in enumerate(xs):
            left = xs[i] = max(x, left + 1)
        for i in reversed(range(len(xs))):
            right = xs[i] = min(xs[i], right - 1)
        return [self.u(x) for x in xs]

    def place(self, a: float, b: float, u: float) -> float:
        """Return the coordinate of an integer strictly between `a` and `b`, at the spacing from both."""
        nearest = self.u(min(max(self.x(u), self.x(a) + 1), self.x(b) - 1))
        near = min(nearest - a, b - nearest) < self._spacing
        return self.inner(a, b, 2)[0] if near else nearest

    has_twins = False

    def apart(self, a: float, b: float) -> bool:
        """Whether two points `a` < `b` are different integers, as far apart as two asked points have to be."""
        return super().apart(a, b) and self.x(b) > self.x(a)

    def contains(self, x: Any) -> bool:
        """Whether `x` is an integer between the ends."""
        return super().contains(x) and x == math.floor(x)


def _integer(value: Any, what: str) -> int:
    try:
        return operator.index(value)
    except TypeError:
        if isinstance(value, float) and value.is_integer():
            return int(value)
        raise ValueError(f"with integer=True the {what} should be integers, but came {value!r}.") from None


def make_domain(
    bounds: Any,
    x_scale: Literal["linear", "log"] = "linear",
    integer: bool = False,
    min_spacing: float = 0.0,
    uneven: bool = False,
) -> Domain1D:
    """Return the domain that the arguments of a `Learner1D` describe.

    Raises
    ------
    TypeError, ValueError
        Bounds that are not two finite ascending numbers, not positive on a logarithmic scale, not integers where
        integers are wanted; an unknown scale; a spacing that is negative, not finite or as long as the domain.
    """
    try:
        a, b = bounds
        low, high = two_numbers((a, b))
    except (TypeError, ValueError):
        raise TypeError(f"`bounds` should be two numbers (a, b) with a < b, but came {bounds!r}.") from None
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"`bounds` should be finite numbers (a, b) with a < b, but came {bounds!r}.")
    if x_scale not in ("linear", "log"):
        raise ValueError(f"`x_scale` should be 'linear' or 'log', but came {x_scale!r}.")
    if x_scale == "log" and low <= 0:
        raise ValueError(f"with x_scale='log' both bounds should be positive, but came {bounds!r}.")
    if not math.isfinite(high - low):
        raise ValueError(f"`bounds` {bounds!r} lie so far apart that their distance overflows; scale x down.")
    log = x_scale == "log"
    width = math.log(high) - math.log(low) if log else high - low
    if not 0 <= min_spacing < width:
        raise ValueError(f"`min_spacing` should be at least 0 and below the width {width:g}, but came {min_spacing!r}.")
    if integer:
        whole = _integer(a, "bounds"), _integer(b, "bounds")
        if max(map(abs, whole)) > LARGEST_EXACT:
            raise ValueError(
                f"with integer=True the bounds should be within ±2**53, where floats are exact, but came {bounds!r}; "
                "learn a function of the offset from the lower bound instead."
            )
        return IntegerDomain(whole, log, min_spacing, uneven)
    return LogDomain((low, high), min_spacing, uneven) if log else LinearDomain((low, high), min_spacing, uneven)
