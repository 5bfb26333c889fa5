"""Twins: points next to observed ones, whose values tell noise from structure that is not resolved yet.

Over a millionth of its domain a function that can be resolved at all has changed by next to nothing, and noise with the
standard deviation σ by √2 σ. One of four pairs that agrees is enough to see no noise.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

import numpy as np

__all__ = ["TWINS", "TWIN_DIFFERENCE", "Twins"]

#: Number of twins.
TWINS = 4
#: Median of the difference of two values, in standard deviations of normal noise.
TWIN_DIFFERENCE = 0.954


class Twins:
    """The twins that are to be evaluated, and the differences of those that were.

    Attributes
    ----------
    open : dict
        Twin -> (value beside it, difference below which the two agree).
    """

    def __init__(self) -> None:
        self.open: dict[Any, tuple[Any, float]] = {}
        self.differences: list[float] = []

    def choose(self, pairs: Iterable[tuple[Hashable, Any, float]]) -> None:
        """Begin with other twins: (twin, value beside it, difference below which they agree) of each, `TWINS` count."""
        self.differences = []
        self.open = {}
        for twin, beside, least in pairs:
            self.open[twin] = beside, least
            if len(self.open) == TWINS:
                break

    def observe(self, twin: Hashable, difference: float) -> float | None:
        """Take in how far the value at one of `open` is from that beside it, 0 where it is invalid.

        Returns
        -------
        float or None
            The standard deviation of the noise, once all differ; None before that, and where two agree.
        """
        _, least = self.open.pop(twin)
        if difference < least:
            self.open = {}
            return None
        self.differences.append(difference)
        return None if self.open else float(np.median(self.differences)) / TWIN_DIFFERENCE
