"""The interval of acceptable c and the recommended c.

Along log2 c each value is acceptable, not acceptable, or undecided (`decision`). The calibration slope is not monotone
in c: a criterion is over-confident at large c, and may be at very small c as well; it may even be acceptable in several
intervals. So the acceptable c form runs that are separated by values that are not acceptable; undecided ones do not end
a run. Each end of a run is a `Boundary`: a bracket between a c that is accepted and one that is not, or *open*, if
nothing beyond is known to be unacceptable.

The bracket holds with the confidence of the decisions. Where the slope crosses the threshold inside it is estimated by
linear interpolation in log2 c.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from adaptive_calib._arrays import Floats
from adaptive_calib.calibration._notebook_repr import NotebookRepr
from adaptive_calib.calibration.slope import SLOPE_THRESHOLD, Status

__all__ = ["AcceptableInterval", "Boundary", "acceptable_interval", "recommended_c"]


@dataclass(frozen=True)
class Boundary:
    """One end of the interval of acceptable c, in log2 c.

    Attributes
    ----------
    inside : float
        The outermost c of the run that is decided to be acceptable.
    outside : float
        The nearest c beyond that is decided not to be; -inf or inf if there is none (the end is open).
    estimate : float
        Where the slope crosses the threshold, between the two; the middle if no slopes were given, NaN if open.
    low, high : float
        Where it may lie, with the confidence of the decisions: `inside` and `outside` in increasing order.
    undecided : tuple of float
        The undecided c between `inside` and `outside`, in increasing order.

    Examples
    --------
    >>> from adaptive_calib.calibration.curve import acceptable_interval
    >>> lower = acceptable_interval([-2, 0, 2], [-1, 1, -1]).lower
    >>> lower.inside, lower.outside, lower.open
    (0.0, -2.0, False)
    """

    inside: float
    outside: float
    estimate: float
    low: float
    high: float
    undecided: tuple[float, ...] = ()

    @property
    def open(self) -> bool:
        """Whether no c beyond is known to be unacceptable."""
        return bool(np.isinf(self.outside))

    @property
    def width(self) -> float:
        """Octaves between `inside` and `outside`; inf if open."""
        return abs(self.inside - self.outside)


@dataclass(frozen=True)
class AcceptableInterval(NotebookRepr):
    """Which c are acceptable.

    Attributes
    ----------
    state : "found", "none" or "undecided"
        "none": every c that was looked at is decided not to be acceptable. "undecided": none is accepted yet.
    lower, upper : Boundary or None
        The two ends; None unless found.
    acceptable : tuple of float
        log2 of the accepted c of the run, in increasing order. Of several runs it is the longest, then the one with
        the surest c.
    others : tuple of (float, float)
        log2 of the smallest and largest accepted c of each further run, in increasing order.

    Examples
    --------
    >>> from adaptive_calib.calibration.curve import acceptable_interval
    >>> acceptable_interval([-2, 0, 2], [-1, 1, -1]).words
    'c is acceptable down to 2^0 (2^-2 is not) and up to 2^0 (2^2 is not).'
    """

    state: Literal["found", "none", "undecided"]
    lower: Boundary | None = None
    upper: Boundary | None = None
    acceptable: tuple[float, ...] = ()
    others: tuple[tuple[float, float], ...] = ()

    @property
    def c_bounds(self) -> tuple[float, float]:
        """The smallest and largest c decided to be acceptable (not their logarithms); NaN unless found."""
        if self.lower is None or self.upper is None:
            return (np.nan, np.nan)
        return (2.0**self.lower.inside, 2.0**self.upper.inside)

    @property
    def words(self) -> str:
        """The result in a sentence or two."""
        if self.lower is None or self.upper is None:
            return {
                "none": "No c is acceptable: the criterion is over-confident at every c that was looked at.",
                "undecided": "No c is decided to be acceptable yet: more experiments are needed.",
            }.get(self.state, "Nothing is known.")
        ends = []
        for name, end in (("down to", self.lower), ("up to", self.upper)):
            if end.open:
                beyond = f"; undecided: {_powers(end.undecided)}" if end.undecided else "; the range of c ends there"
                ends.append(f"{name} at least {_power(end.inside)} (open{beyond})")
            else:
                ends.append(f"{name} {_power(end.inside)} ({_power(end.outside)} is not)")
        runs = ", ".join(_power(a) if a == b else f"{_power(a)} to {_power(b)}" for a, b in self.others)
        more = f" It is acceptable in {len(self.others)} more: {runs}." if self.others else ""
        return f"c is acceptable {ends[0]} and {ends[1]}.{more}"


def acceptable_interval(
    log2c: ArrayLike,
    status: ArrayLike,
    slopes: ArrayLike | None = None,
    ses: ArrayLike | None = None,
    *,
    threshold: float = SLOPE_THRESHOLD,
) -> AcceptableInterval:
    """Return the interval of acceptable c; see the head of this file.

    Parameters
    ----------
    log2c : array-like, shape (n_c,)
        In any order, each value once.
    status : array-like of int, shape (n_c,)
        `Status` of each c.
    slopes, ses : array-like, shape (n_c,), optional
        Calibration slopes and standard errors; with them the boundaries are estimated inside their brackets.
    threshold : float
        Of the slope.

    Raises
    ------
    ValueError
        If shapes differ, a `log2c` is not finite or there twice, or only one of `slopes` and `ses` is given.

    Examples
    --------
    >>> from adaptive_calib.calibration.curve import acceptable_interval, slope_status
    >>> log2c = [-4, -2, 0, 2, 4]
    >>> slopes, errors = [0.5, 1.4, 2.0, 1.5, 0.6], [0.05] * 5
    >>> interval = acceptable_interval(log2c, slope_status(slopes, errors), slopes, errors)
    >>> interval.state, interval.acceptable
    ('found', (-2.0, 0.0, 2.0))
    """
    x = np.asarray(log2c, dtype=float)
    state = np.asarray(status)
    if x.ndim != 1 or state.shape != x.shape:
        raise ValueError(
            f"`log2c` and `status` should have the same shape (n_c,), but have {x.shape} and {state.shape}."
        )
    if not np.all(np.isfinite(x)) or np.unique(x).size != x.size:
        raise ValueError("`log2c` should be finite and hold each value once.")
    if (slopes is None) != (ses is None):
        raise ValueError("give both `slopes` and `ses`, or neither.")
    order = np.argsort(x)
    x, state = x[order], state[order]
    kappa, se = (None if a is None else np.asarray(a, dtype=float)[order] for a in (slopes, ses))
    runs = _runs(state)
    if not runs:
        decided = x.size > 0 and bool(np.all(state == Status.NOT_ACCEPTABLE))
        return AcceptableInterval("none" if decided else "undecided")
    sure = np.zeros(x.size) if kappa is None or se is None else (kappa - threshold) / se

    def weight(run: NDArray[np.intp]) -> tuple[int, float]:
        return run.size, float(sure[run].max())

    run = max(runs, key=weight)
    others = tuple((float(x[one[0]]), float(x[one[-1]])) for one in runs if one is not run)
    refused = np.flatnonzero(state == Status.NOT_ACCEPTABLE)
    below, above = refused[refused < run[0]], refused[refused > run[-1]]
    ends = []
    for inside, beyond, sign in ((run[0], below[-1:], -1), (run[-1], above[:1], 1)):
        if beyond.size:
            between = np.arange(inside, beyond[0] + sign, sign)
        else:
            between = np.arange(inside, -1 if sign < 0 else x.size, sign)
        ends.append(_boundary(x, kappa, between, bool(beyond.size), sign, threshold))
    return AcceptableInterval("found", ends[0], ends[1], tuple(x[run].tolist()), others)


def recommended_c(
    interval: AcceptableInterval, log2c: ArrayLike | None = None, log_scores: ArrayLike | None = None
) -> float | None:
    """Return the recommended c (not its logarithm), or None if no c is known to be acceptable.

    Without scores the smallest acceptable c: the sharpest. With the log score of each c, the one with the smallest
    score among those of the run and the undecided ones beside it: a proper score finds the sharpest calibrated c.

    Parameters
    ----------
    interval : AcceptableInterval
        From `acceptable_interval`.
    log2c, log_scores : array-like, shape (n_c,), optional
        Both or neither; a NaN score is passed over.

    Raises
    ------
    ValueError
        If only one of `log2c` and `log_scores` is given, or their shapes differ.

    Examples
    --------
    >>> from adaptive_calib.calibration.curve import acceptable_interval, recommended_c
    >>> recommended_c(acceptable_interval([-2, -1, 0], [-1, 1, 1]))
    0.5
    """
    if (log2c is None) != (log_scores is None):
        raise ValueError("give both `log2c` and `log_scores`, or neither.")
    if interval.lower is None or interval.upper is None:
        return None
    if log2c is None or log_scores is None:
        return float(2.0**interval.lower.inside)
    x, score = np.asarray(log2c, dtype=float), np.asarray(log_scores, dtype=float)
    if x.shape != score.shape or x.ndim != 1:
        raise ValueError(f"`log2c` and `log_scores` should have the same shape, but have {x.shape} and {score.shape}.")
    eligible = (x > interval.lower.outside) & (x < interval.upper.outside) & ~np.isnan(score)
    if not eligible.any():
        return float(2.0**interval.lower.inside)
    x, score = x[eligible], score[eligible]
    return float(2.0 ** x[np.lexsort((x, score))[0]])  # of equal scores the smaller c


def _runs(state: NDArray[np.int8]) -> list[NDArray[np.intp]]:
    """Return the indices of accepted c, cut where an unacceptable one lies between."""
    accepted = np.flatnonzero(state == Status.ACCEPTABLE)
    if not accepted.size:
        return []
    refused = np.cumsum(state == Status.NOT_ACCEPTABLE)
    cuts = np.flatnonzero(np.diff(refused[accepted])) + 1
    return np.split(accepted, cuts)


def _boundary(
    x: Floats, kappa: Floats | None, path: NDArray[np.intp], closed: bool, sign: int, threshold: float
) -> Boundary:
    """Return the end of the run along `path`: from the last accepted c outwards to the first refused (if `closed`)."""
    inside = float(x[path[0]])
    undecided = tuple(sorted(x[path[1:-1] if closed else path[1:]].tolist()))
    outside = float(x[path[-1]]) if closed else sign * np.inf
    low, high = sorted((inside, outside))
    if not closed:
        estimate = np.nan
    elif kappa is None:
        estimate = (inside + outside) / 2
    else:
        estimate = _first_crossing(x[path], kappa[path], threshold)
    return Boundary(inside, outside, estimate, low, high, undecided)


def _first_crossing(x: Floats, y: Floats, level: float) -> float:
    """Return where y, linear between the points, first crosses `level` on the way; the last x if it does not."""
    side = y > level
    changes = np.flatnonzero(side[1:] != side[0])
    if not changes.size:
        return float(x[-1])
    k = int(changes[0])
    return float(x[k] + (level - y[k]) / (y[k + 1] - y[k]) * (x[k + 1] - x[k]))


def _power(log2c: float) -> str:
    return f"2^{log2c:g}"


def _powers(values: tuple[float, ...]) -> str:
    return ", ".join(map(_power, values))
