"""The axis of the sensitivity c: which values to look at next.

The axis is log2 c. It begins coarse, is extended outwards while the slope at its ends is that of an acceptable value,
and is bisected where acceptable and unacceptable values face each other. All rules are functions of what is known of
each c: its status and its calibration slope. The slope need not be monotone in c (on some distributions it rises, stays
and falls again), so both boundaries are looked for, and a distribution without any acceptable c is searched around its
largest slope.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adaptive_calib._arrays import Floats
from adaptive_calib.calibration.interval import AcceptableInterval, Boundary
from adaptive_calib.calibration.slope import SLOPE_THRESHOLD

__all__ = ["Axis", "on_axis"]


def on_axis(c: float) -> float:
    """Return log2 c; exactly the fraction that was meant where c is a power of two with one that is rounded."""
    x = math.log2(c)
    near = round(x * 1024) / 1024
    return near if abs(x - near) < 1e-12 else x


@dataclass(frozen=True)
class Axis:
    """The rules by which values of c are added.

    Parameters
    ----------
    start : tuple of float
        log2 of the first values.
    bounds : tuple of float
        log2 of the smallest and largest c ever looked at.
    step : float
        Octaves by which an end is moved outwards.
    tol : float or None
        Octaves to which the boundaries are wanted; None for a fixed axis.
    """

    start: tuple[float, ...] = tuple(float(x) for x in range(-8, 5, 2))
    bounds: tuple[float, float] = (-20.0, 20.0)
    step: float = 2.0
    tol: float | None = 0.5

    def __post_init__(self) -> None:
        if self.tol is not None and not self.tol > 0:
            raise ValueError(f"`c_tol` should be a positive number of octaves or None, but is {self.tol!r}.")
        if not self.start:
            raise ValueError("the axis of c should begin with at least one value.")
        if not self.bounds[0] <= min(self.start) <= max(self.start) <= self.bounds[1]:
            raise ValueError(
                f"the first values of c, 2**{list(self.start)}, should lie within c_bounds = 2**{list(self.bounds)}."
            )

    def gap(self, boundary: Boundary, outwards: int) -> float:
        """Return the octaves in which a boundary may still lie; `outwards` is -1 for the lower, +1 for the upper."""
        if not boundary.open:
            return boundary.width
        return abs(self.bounds[0 if outwards < 0 else 1] - boundary.inside)

    def more(
        self,
        log2c: Floats,
        status: NDArray[np.integer],
        slopes: Floats,
        interval: AcceptableInterval,
        upper_end: bool = True,
    ) -> list[float]:
        """Return log2 of the values to be added, in increasing order.

        Ends are followed outwards, and gaps bisected whose two sides are decided and differ. Nothing is added next
        to undecided values: they need experiments, not further values of c.

        Parameters
        ----------
        log2c : array, shape (n_c,), increasing
            The values that there are.
        status, slopes : array, shape (n_c,)
            `Status` and calibration slope of each.
        interval : AcceptableInterval
            The acceptable interval that follows from them.
        upper_end : bool
            Whether the upper end of the interval is wanted too.
        """
        if self.tol is None or interval.state == "undecided":
            return []
        if interval.lower is None or interval.upper is None:
            wanted = self._around_the_largest(log2c, slopes)
        else:
            wanted = []
            for boundary, outwards in self._ends(interval, upper_end):
                end = float(log2c[0 if outwards < 0 else -1])
                if boundary.open and slopes[0 if outwards < 0 else -1] > SLOPE_THRESHOLD:
                    wanted += self._beyond(end, outwards)
                elif not boundary.open and not boundary.undecided:
                    wanted += self._bisect(boundary.inside, boundary.outside)
        return sorted(set(wanted) - set(log2c.tolist()))

    @staticmethod
    def _ends(interval: AcceptableInterval, upper_end: bool) -> list[tuple[Boundary, int]]:
        """The ends that are wanted, each with its direction outwards."""
        ends = [(interval.lower, -1)] + ([(interval.upper, +1)] if upper_end else [])
        return [(boundary, outwards) for boundary, outwards in ends if boundary is not None]

    def sharper(self, log2c: Floats, interval: AcceptableInterval, upper_end: bool = True) -> list[float]:
        """Return log2 of the values that place the last acceptable c more exactly, when no more experiments come."""
        wanted: list[float] = []
        for boundary, outwards in self._ends(interval, upper_end):
            beyond = int(np.searchsorted(log2c, boundary.inside)) + outwards
            if 0 <= beyond < len(log2c):
                wanted += self._bisect(boundary.inside, float(log2c[beyond]))
        return sorted(wanted)

    def _beyond(self, end: float, outwards: int) -> list[float]:
        moved = min(max(end + outwards * self.step, self.bounds[0]), self.bounds[1])
        return [moved] if moved != end else []

    def _bisect(self, a: float, b: float) -> list[float]:
        """The middle of a gap, if the gap is wider than what is wanted."""
        return [float(a + b) / 2] if self.tol is not None and abs(b - a) > self.tol else []

    def _around_the_largest(self, log2c: Floats, slopes: Floats) -> list[float]:
        top = int(np.argmax(slopes))
        wanted = []
        for outwards, end in ((-1, 0), (+1, len(log2c) - 1)):
            if top == end:
                wanted += self._beyond(float(log2c[end]), outwards)
            else:
                wanted += self._bisect(log2c[top], log2c[top + outwards])
        return wanted
