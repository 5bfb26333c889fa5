"""How far a calibration has come: what is known of each c after n experiments, and what is still wished for.

`judge` is a function of the values told so far; it looks at no clock and keeps no state. A learner calls it at set
numbers of experiments only, and only on the contiguous prefix of the experiment index that is complete: easy
experiments finish first and may be systematically different, so "whatever is there" would bias the curve.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adaptive_calib.calibration._notebook_repr import NotebookRepr
from adaptive_calib.calibration.axis import Axis
from adaptive_calib.calibration.interval import AcceptableInterval, acceptable_interval
from adaptive_calib.calibration.slope import Status, slope_status
from adaptive_calib.calibration.sums import CalibrationSums

__all__ = ["FIRST_LOOK", "Judgement", "Wishes", "decide", "judge", "next_look"]

Array = NDArray[np.float64]

#: Folded bins with fewer experiments are reported, not waited for: at the recommended c most B_EMD may be near 0 and 1.
MIN_IN_BIN = 32


@dataclass(frozen=True)
class Wishes:
    """What is to be known before a calibration may stop.

    Parameters
    ----------
    c_tol : float or None
        Both ends of the acceptable interval to within so many octaves of c.
    band : float or None
        The calibration curve at the recommended c to within this half-width, in every folded bin that has enough
        experiments; confidence limits valid at any time, nominally 95 %.
    undecided : float or None
        Largest share of experiments whose label may be undecided.
    """

    c_tol: float | None = 0.5
    band: float | None = 0.1
    undecided: float | None = 0.1

    def __post_init__(self) -> None:
        for name in ("c_tol", "band", "undecided"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"`{name}` should be positive or None, but is {value!r}.")

    @property
    def any(self) -> bool:
        """Whether a run can end by having its wishes met."""
        return self.c_tol is not None or self.band is not None


@dataclass(frozen=True, eq=False)
class Judgement(NotebookRepr):
    """What is known after `n` experiments.

    Attributes
    ----------
    n : int
        Length of the prefix that was used.
    log2c, slopes, stderrs : array, shape (n_c,)
        Sensitivities, calibration slopes and their standard errors.
    status : array of int, shape (n_c,)
        `Status` of each c.
    interval : AcceptableInterval
        Which c are acceptable, as far as is known.
    undecided : int
        Experiments left out because their label is undecided, or because they failed.
    unmet : mapping, str -> float
        For each wish the ratio of what is to what was wished for; <= 1 means met.
    """

    n: int
    log2c: Array
    slopes: Array
    stderrs: Array
    status: NDArray[np.int8]
    interval: AcceptableInterval
    undecided: int
    unmet: Mapping[str, float]

    @property
    def loss(self) -> float:
        """The largest ratio of `unmet`: <= 1 when all wishes are met; infinite if there are none."""
        return max(self.unmet.values(), default=math.inf)


#: Experiments before the first decision.
FIRST_LOOK = 32


def next_look(n: int) -> int:
    """Return the number of experiments at which to decide again after deciding at `n`: 16 or an eighth more.

    Fixed in advance, so that decisions do not depend on who finished first, and geometric, so that all of them
    together cost no more than a few of the last.
    """
    return n + max(16, n // 8)


def decide(slopes: Array, stderrs: Array, labels: Array) -> NDArray[np.int8]:
    """Return the `Status` of each c from its slope and the labels of its experiments.

    With labels of one kind only, a criterion that says nothing else looks perfect: then nothing is decided.
    """
    if np.unique(labels[~np.isnan(labels)]).size < 2:
        return np.full(slopes.shape, Status.UNDECIDED, np.int8)
    return slope_status(slopes, stderrs)


def judge(
    log2c: Array,
    bemd: Array,
    labels: Array,
    wishes: Wishes,
    axis: Axis,
    status: NDArray[np.int8] | None = None,
) -> Judgement:
    """Judge every c on the experiments of the prefix.

    Parameters
    ----------
    log2c : array, shape (n_c,), increasing
    bemd : array, shape (n, n_c)
        B_EMD of each experiment at each c; NaN where it failed or was not evaluated.
    labels : array, shape (n,)
        B_epis as 1 and 0; NaN where it is undecided or the experiment failed.
    wishes, axis
        What is wished for, and how far the axis may go.
    status : array of int, shape (n_c,), optional
        What was decided of each c, where that is not `decide`.
    """
    sums = CalibrationSums(len(log2c))
    sums.add_many(bemd, labels)
    slopes, stderrs = sums.slopes()
    if status is None:
        status = decide(slopes, stderrs, labels)
    interval = acceptable_interval(log2c, status, slopes, stderrs)
    unmet = {}
    if wishes.c_tol is not None:
        unmet["acceptable interval"] = _octaves(log2c, slopes, interval, axis) / wishes.c_tol
    if wishes.band is not None and interval.state != "none":
        unmet["band at the recommended c"] = _half_width(log2c, sums, interval) / wishes.band
    undecided = int(np.isnan(labels).sum())
    if unmet and wishes.undecided is not None:
        unmet["undecided labels"] = undecided / max(labels.size, 1) / wishes.undecided
    return Judgement(len(labels), log2c, slopes, stderrs, status, interval, undecided, unmet)


def _octaves(log2c: Array, slopes: Array, interval: AcceptableInterval, axis: Axis) -> float:
    """Octaves in which the less known end of the interval lies; where nothing is acceptable, those around the top."""
    if interval.lower is not None and interval.upper is not None:
        return max(axis.gap(interval.lower, -1), axis.gap(interval.upper, +1))
    top = int(np.argmax(slopes))
    inner = 0 < top < len(log2c) - 1 or log2c[top] in axis.bounds
    if interval.state == "undecided" or not inner:
        return math.inf
    return float(np.diff(log2c[max(top - 1, 0) : top + 2]).max(initial=0.0))


def _half_width(log2c: Array, sums: CalibrationSums, interval: AcceptableInterval) -> float:
    """Largest half-width of the anytime limits at the recommended c, over the folded bins with enough experiments."""
    if interval.lower is None:
        return math.inf
    folded = sums.folded()
    k = int(np.searchsorted(log2c, interval.lower.inside))
    widths = folded.half_width[k][folded.n[k] >= MIN_IN_BIN]
    return float(widths.max()) if widths.size else math.inf
