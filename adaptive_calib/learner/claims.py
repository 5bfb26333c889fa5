"""Claims of a learner about its own error, and their check at random points.

An estimate of the error is made from the points that it chose itself: a wave that is faster than the points are dense
looks slow to both. So before an error goal counts as reached, the learner evaluates *check points*, places that depend
neither on the points nor on the estimate, and compares the values with its prediction from the points that it had
before. They become data like all others.

Mathematics
-----------
A check of n points passes if no prediction is off by more than `error`. An interpolant that is off by more on a share f
of the domain passes with a probability of at most (1 - f)^n for independent uniform points. The points here are
stratified: in blocks of `n`, one uniform point in each of n equal parts along every axis, independent of each other.
With f_i the share of the i-th part that is off, Π(1 - f_i) <= (1 - f)^n by the inequality of arithmetic and geometric
means (in one dimension), and a contiguous region of two parts cannot be missed. So with n >= ln(1 - confidence)/ln(1 -
f), 22 points for a tenth of the domain and 90 %, 59 for a twentieth and 95 %, a passed check says "with this
confidence, at most this fraction of the domain has a larger error".

A check that fails shows where the interpolant is wrong; the learner goes on, and the next check is stricter: the a-th
one has a blocks. It is passed by a wrong interpolant with a probability of at most ((1 - f)^n)^a, so all checks after
the first together add at most a ninth to the risk of 10 % of the first. From 220 points on a check has a tenth of their
number.

The places depend on the goal, the number of failed checks and the seed only, and what a value means for a check depends
on the values before it only. So the same values in the same order lead to the same claim: from a log, a
snapshot or a store.

Source: acceptance sampling with no defect allowed; stratified sampling as in McKay, Beckman & Conover, Technometrics 21
(1979) 239.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import islice
from numbers import Real
from typing import Literal, TypeVar

import numpy as np

from adaptive_calib._arrays import Floats
from adaptive_calib._deprecation import experimental

__all__ = ["Claim", "ErrorCheck", "checks_needed"]

PointT = TypeVar("PointT", bound=Hashable)

#: Share of the domain that may be off, and the confidence, unless said otherwise.
FRACTION = 0.1
CONFIDENCE = 0.9
#: A check has at least this share of the number of points before it.
SHARE = 0.1
#: Largest number of blocks that failed checks alone lead to.
MOST_BLOCKS = 8
#: Largest number of blocks that are searched for places at which there can be a point.
MOST_SEARCHED = 64


def checks_needed(fraction: float = FRACTION, confidence: float = CONFIDENCE) -> int:
    """Return the number of points of a check without a miss that excludes a larger fraction with this confidence.

    Raises
    ------
    ValueError
        If `fraction` or `confidence` is not between 0 and 1.

    Examples
    --------
    >>> from adaptive_calib.learner.claims import checks_needed
    >>> checks_needed(0.1, 0.9), checks_needed(0.05, 0.95)
    (22, 59)
    """
    for name, share in (("fraction", fraction), ("confidence", confidence)):
        if not (_is_number(share) and 0 < share < 1):
            raise ValueError(f"`{name}` should be above 0 and below 1, but is {share!r}.")
    return math.ceil(math.log1p(-confidence) / math.log1p(-fraction))


def _is_number(value: object) -> bool:
    return isinstance(value, Real)


def _percent(share: float) -> str:
    return f"{float(f'{100 * share:.2g}'):g} %"


@experimental
@dataclass(frozen=True)
class Claim:
    """Statement of a learner about the error of its prediction.

    With `confidence`, at most `fraction` of the domain has an error above `error`.

    Attributes
    ----------
    error : float
        In units of the values.
    fraction : float
        Share of the domain, in the learner's scale of x, that may have a larger error; 1 if nothing was checked.
    confidence : float
        Probability, over the random places of the check, that a worse interpolant fails; 0 if nothing was checked.
    checks : int
        Number of check points of the last check.
    basis : {"checked", "estimated"}
        Whether check points bound the error, or it is the learner's own estimate; that of an integral is an estimate,
        though a check of the interpolants has passed.
    resolution : float, optional
        Longest distance between neighbouring points, as a share of the domain: narrower features may have been missed.
    unpredicted : float
        Share of the domain without a prediction, since the function has no valid values there; it is left out above.
    breaks : tuple of tuple
        Intervals (a, b) that are known to hold a step, a kink or a pole, and are not resolved further; left out above.
    unresolved : float
        Share of the domain, in several dimensions, in small cells that hold a step or a pole, or lie beside invalid
        values, and are not resolved further; left out above.

    Examples
    --------
    >>> from adaptive_calib.learner.claims import Claim
    >>> print(Claim(1e-3, fraction=0.1, confidence=0.9, checks=22, basis="checked"))
    error at most 0.001; checked at 22 random points: exceeded on at most 10 % of the domain (90 % confidence)
    >>> print(Claim.estimated(1e-3))
    error about 0.001, estimated and not checked
    """

    error: float
    fraction: float
    confidence: float
    checks: int
    basis: Literal["checked", "estimated"]
    resolution: float | None = None
    unpredicted: float = 0.0
    breaks: tuple[tuple[float, float], ...] = ()
    unresolved: float = 0.0

    @property
    def is_checked(self) -> bool:
        """Whether points of a check support it, though the error of an integral is an estimate all the same."""
        return self.basis == "checked" or self.checks > 0

    @classmethod
    def estimated(cls, error: float) -> Claim:
        """Return the claim of a learner that has an estimate of its error and has checked nothing."""
        return cls(error, fraction=1.0, confidence=0.0, checks=0, basis="estimated")

    def __str__(self) -> str:
        if self.basis == "estimated":
            how = f"compared with values at {self.checks} random points" if self.checks else "not checked"
            parts = [f"error about {self.error:.3g}, estimated and {how}"]
        elif self.fraction == 0:
            parts = [f"error at most {self.error:.3g}; every point of the domain is known"]
        else:
            share = f"at most {_percent(self.fraction)} of the domain ({_percent(self.confidence)} confidence)"
            parts = [f"error at most {self.error:.3g}; checked at {self.checks} random points: exceeded on {share}"]
        if self.resolution is not None:
            parts.append(f"features narrower than {_percent(self.resolution)} of the domain may be missed")
        if self.unpredicted > 0:
            parts.append(f"no prediction on {_percent(self.unpredicted)} of the domain, without valid values")
        if self.unresolved > 0:
            parts.append(f"but for {_percent(self.unresolved)} of the domain in small cells at steps or invalid values")
        if self.breaks:
            a, b = self.breaks[0]
            more = f" and {len(self.breaks) - 1} more" if len(self.breaks) > 1 else ""
            parts.append(f"but for a break between {a:.10g} and {b:.10g}{more}")
        return "; ".join(parts)


class ErrorCheck:
    """The checks of one error goal: their places, and what came out of them.

    A learner with an error goal has one. While its estimate is within `target`, it asks for the `places` of the present
    check. When the first value at one of them arrives, it calls `begin` and keeps an interpolant of the points observed
    so far; for each value at a place it calls `record` with the distance from that interpolant.

    Parameters
    ----------
    error : float
        The goal, in units of the values; above 0.
    dimensions : int
        Number of coordinates of a place.
    fraction, confidence : float
        What a passed check is to say, see the top of the file.
    seed : int
        Of the places.

    Attributes
    ----------
    failed : int
        Number of failed checks.
    passed : int
        Number of points of the present check whose prediction was right.
    caution : float
        Factor by which the goal is above the estimate that starts a check; grows when a check misses by little, since
        then the estimate is too small.

    Examples
    --------
    >>> from adaptive_calib.learner.claims import ErrorCheck
    >>> check = ErrorCheck(0.01, dimensions=1)
    >>> places = check.places(known=40)
    >>> len(places), all(0 <= x < 1 for (x,) in places)
    (22, True)
    >>> check.begin(known=40)
    >>> all(check.record(miss=0.005) for place in places)
    True
    >>> check.passed
    22
    """

    def __init__(
        self,
        error: float,
        dimensions: int = 1,
        fraction: float = FRACTION,
        confidence: float = CONFIDENCE,
        seed: int = 0,
    ) -> None:
        if not (_is_number(error) and 0 < error < math.inf):
            raise ValueError(f"the error goal should be above 0 and finite, but is {error!r}.")
        self.error = float(error)
        self.dimensions = dimensions
        self.fraction = fraction
        self.confidence = confidence
        self.seed = seed
        self.block = checks_needed(fraction, confidence)
        self.failed = 0
        self.passed = 0
        self.caution = 1.0
        self._known: int | None = None
        self._blocks: list[list[tuple[float, ...]]] = []

    @property
    def target(self) -> float:
        """Largest estimated error with which a check is started, in units of the values."""
        return self.error / self.caution

    @property
    def begun(self) -> bool:
        """Whether a value of the present check has been observed."""
        return self._known is not None

    def asks_the_same(self, other: ErrorCheck) -> bool:
        """Whether the goal, the fraction, the confidence and the seed are those of another check."""
        mine, theirs = ((c.error, c.dimensions, c.fraction, c.confidence, c.seed) for c in (self, other))
        return mine == theirs

    def places(self, known: int, blocks: int = 0) -> list[tuple[float, ...]]:
        """Return the places of the present check in the unit cube.

        Parameters
        ----------
        known : int
            Number of observed points now; that at `begin` counts once there was one.
        blocks : int
            Return at least this many blocks of places.
        """
        count = known if self._known is None else self._known
        wanted = max(min(self.failed + 1, MOST_BLOCKS), int(SHARE * count) // self.block, blocks)
        while len(self._blocks) < wanted:
            self._blocks.append(self._places_of(len(self._blocks)))
        return [place for block in self._blocks[:wanted] for place in block]

    def points(self, known: int, point_at: Callable[[tuple[float, ...]], PointT | None]) -> dict[PointT, None]:
        """Return as many points as the present check has places, from further blocks where `point_at` has none."""
        places = self.places(known)
        wanted, blocks = len(places), len(places) // self.block
        found = dict.fromkeys(point for point in map(point_at, places) if point is not None)
        while len(found) < wanted and blocks < MOST_SEARCHED:
            blocks += 1
            more = map(point_at, self.places(known, blocks)[-self.block :])
            found.update(dict.fromkeys(point for point in more if point is not None))
        return dict.fromkeys(islice(found, wanted))

    def _places_of(self, block: int) -> list[tuple[float, ...]]:
        """Return one place in each of equally many parts of every axis (a Latin hypercube)."""
        (bits,) = struct.unpack("<Q", struct.pack("<d", self.error))
        random = np.random.default_rng([self.seed, bits, self.failed, block])
        parts, n = range(self.dimensions), self.block
        columns: list[Floats] = [(random.permutation(n) + random.random(n)) / n for _ in parts]
        return list(zip(*[column.tolist() for column in columns], strict=True))

    def begin(self, known: int) -> None:
        """Note that `known` points were observed before the first value of the check; later calls: no effect."""
        if self._known is None:
            self._known = known

    def record(self, miss: float) -> bool:
        """Take in by how much a prediction was off at a place; NaN counts as a miss. Return whether it was right."""
        if miss <= self.error:
            self.passed += 1
            return True
        self.failed += 1
        self.passed = 0
        self._known = None
        self._blocks = []
        if miss <= 2 * self.error:
            # the estimate is too small by little: a miss far away shows in the data
            self.caution = min(1.25 * self.caution, 4.0)
        return False

    def claim(
        self,
        resolution: float | None = None,
        unpredicted: float = 0.0,
        breaks: Sequence[tuple[float, float]] = (),
        exhausted: bool = False,
        unresolved: float = 0.0,
    ) -> Claim:
        """Return the claim of a check all of whose places were observed, or could not be.

        Parameters
        ----------
        resolution, unpredicted, breaks, unresolved
            See `Claim`.
        exhausted : bool
            Whether every point of the domain is known, so that nothing is left to check.
        """
        fraction = self.fraction
        if exhausted:
            fraction = 0.0
        elif self.passed < self.block:
            # fewer than wanted, since points would have come too close to others: a weaker statement
            fraction = 1 - (1 - self.confidence) ** (1 / self.passed) if self.passed else 1.0
        elif self.passed > self.block:
            fraction = min(fraction, 1 - (1 - self.confidence) ** (1 / self.passed))
        confidence = 1.0 if exhausted else self.confidence
        return Claim(
            self.error, fraction, confidence, self.passed, "checked", resolution, unpredicted, tuple(breaks), unresolved
        )
