"""Noise in the values of an integrand, which keeps the tolerance out of reach.

The estimated error of an integral falls as parts are divided. With noise of standard deviation σ it stays near σ times
the length, as the interpolants of each part differ by σ, though the integral itself gains by the mean of many values.
What is not resolved yet looks the same; they differ at twins (`_twins`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import inf
from typing import Any

from adaptive_calib.learner._twins import Twins

__all__ = ["DISTANCE", "LEAST", "NoiseWatch"]

#: The error is looked at from this number of points on, and again whenever the number has doubled.
FIRST = 50
#: The least error since the last look has not fallen if it is more than this share of the least one before.
FALLEN = 0.7
#: Missing values keep the tolerance out of reach if, falling as over the last `LOOKS` looks, the error that comes from
#: them would reach it only after the points have doubled `FURTHER` times.
LOOKS, FURTHER = 5, 6
#: Distance of a node and its twin, as a share of the part that they lie in.
DISTANCE = 1e-9
#: Twins agree if they differ by less than this share of the error, per length, of the part that they lie in.
LEAST = 0.01


class NoiseWatch:
    """What is known of the noise in the values of one integrand.

    Attributes
    ----------
    twins : Twins
        Those that are to be evaluated.
    size : float
        Standard deviation of the noise; 0 while none was seen.
    """

    def __init__(self) -> None:
        self.twins = Twins()
        self.size = 0.0
        self._next = FIRST
        self._before = self._least = inf
        self._unknown: list[float] = []

    def look(self, count: int, err: float, pairs: Callable[[], Iterable[tuple[Any, Any, float]]]) -> bool:
        """Choose twins, of those that `pairs` returns, if the error has not fallen.

        Return whether it was time to look, with `count` points.
        """
        self._least = min(self._least, err)
        if count < self._next or self.size:
            return False
        self._next = 2 * count
        if FALLEN * self._before < self._least < inf:
            self.twins.choose(pairs())
        self._before, self._least = self._least, inf
        return True

    def observe_unknown(self, unknown: float, wanted: float) -> bool:
        """Take in, at each look, the error that comes from missing values; return whether it falls too slowly."""
        self._unknown = [*self._unknown[-LOOKS:], unknown] if unknown else []
        if len(self._unknown) <= LOOKS:
            return False
        fall = min(unknown / self._unknown[0], 1.0)
        return bool(unknown * fall ** (FURTHER / LOOKS) > wanted)

    def observe(self, twin: Any, difference: float) -> None:
        """Take in how far the value at a twin is from the one beside it."""
        self.size = self.twins.observe(twin, difference) or self.size

    def export(self) -> tuple[Any, ...]:
        """Return it as plain data."""
        state = self.size, self._next, self._before, self._least
        return *state, *self._unknown, list(self.twins.open.items()), list(self.twins.differences)

    def restore(self, exported: Iterable[Any]) -> None:
        """Take over what `export` returned."""
        self.size, self._next, self._before, self._least, *unknown, chosen, differences = exported
        self._unknown = [each for each in unknown if each]  # that of an older version had a zero for none
        self.twins.open, self.twins.differences = dict(chosen), list(differences)
