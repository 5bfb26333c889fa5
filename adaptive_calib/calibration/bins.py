"""Equal-count bins of a calibration curve, and what they say in one number.

Sort by B_EMD alone (stably: B_epis must not break ties) and cut into consecutive bins of nearly equal count. A bin
gives one point (x, y) of the curve: the mean of B_EMD and the share of its experiments with B_epis = 1. The share is
known to within the Jeffreys interval, quantiles of Beta(s + 1/2, n - s + 1/2).

Over the bins::

    ECE        mean |x - y|                                   expected calibration error
    signed     mean (x - y if x < 1/2 else y - x)             > 0: under-confident
    violation  (y - x)+ if x < 1/2 else (x - y)+              over-confidence; its maximum and its mean

Sources: the bins of René & Longtin, Nature Communications 2025, doi 10.1038/s41467-025-64658-7 (as in emdcmp 1.1.1, but
for the exact rule for the remainder, see `get_bin_sizes`); Brown, Cai & DasGupta, Statistical Science 16 (2001) 101,
for the intervals; Naeini, Cooper & Hauskrecht, AAAI 2015, for the expected calibration error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv

from adaptive_calib._arrays import Floats, Ints
from adaptive_calib.calibration.pairs import Pairs, as_pairs, table_columns

__all__ = [
    "Bins",
    "CalibrationErrors",
    "bin_edges",
    "calibration_bins",
    "calibration_errors",
    "calibration_hists",
    "equal_count_bins",
    "get_bin_sizes",
    "jeffreys_interval",
]

#: A bin aims at a sixteenth of the experiments, but at no less and no more than these (as in emdcmp).
SMALLEST_TARGET, LARGEST_TARGET = 16, 64


def get_bin_sizes(total_points: int, target_bin_size: int | None = None) -> list[int]:
    """Return the sizes of nearly equal bins: they sum to `total_points` and differ by at most one.

    With t the target, there are n = total // t bins (at least one) of total // n points, and the remainder e is spread
    evenly: bin k gets floor((k+1) e / n) - floor(k e / n) more. emdcmp spreads by a running sum of floats, which
    places the extra points differently for about one size in six.

    Parameters
    ----------
    total_points : int
        Number of points to distribute, >= 0; 0 gives no bin.
    target_bin_size : int, optional
        Points wanted in a bin, >= 1. By default total // 16, but not below 16 nor above 64. Fewer points than the
        target make one bin.

    Raises
    ------
    ValueError
        If `total_points` is negative or `target_bin_size` less than 1.

    Examples
    --------
    >>> get_bin_sizes(100, 30)
    [33, 33, 34]
    """
    if total_points < 0:
        raise ValueError(f"`total_points` should be 0 or more, but is {total_points}.")
    if target_bin_size is None:
        target_bin_size = min(max(total_points // 16, SMALLEST_TARGET), LARGEST_TARGET)
    if target_bin_size < 1:
        raise ValueError(f"`target_bin_size` should be at least 1, but is {target_bin_size}.")
    if total_points == 0:
        return []
    n = max(int(total_points) // int(target_bin_size), 1)
    size, extra = divmod(int(total_points), n)
    return [size + (k + 1) * extra // n - k * extra // n for k in range(n)]


def jeffreys_interval(successes: ArrayLike, n: ArrayLike, level: float = 0.95) -> tuple[Floats, Floats]:
    """Return the Jeffreys interval of a share, from `successes` among `n`, elementwise.

    Quantiles of Beta(s + 1/2, n - s + 1/2), with the customary ends: 0 for s = 0, 1 for s = n [Brown, Cai & DasGupta
    2001]; for n = 0 the interval is [0, 1].

    Parameters
    ----------
    successes, n : array-like
        How often it happened, of how many; broadcast against each other.
    level : float
        Probability that the interval holds the true share, in (0, 1).

    Examples
    --------
    >>> from adaptive_calib.calibration.curve import jeffreys_interval
    >>> low, high = jeffreys_interval(8, 10)
    >>> round(float(low), 2), round(float(high), 2)
    (0.5, 0.96)
    """
    s, total = np.broadcast_arrays(np.asarray(successes, dtype=float), np.asarray(n, dtype=float))
    tail = (1 - _level(level)) / 2
    low = np.where(s > 0, betaincinv(s + 0.5, total - s + 0.5, tail), 0.0)
    high = np.where(s < total, betaincinv(s + 0.5, total - s + 0.5, 1 - tail), 1.0)
    return low, high


@dataclass(frozen=True)
class Bins:
    """The points of a calibration curve: one per bin, with increasing B_EMD.

    Attributes
    ----------
    x : array, shape (bins,)
        Mean B_EMD of each bin.
    y : array, shape (bins,)
        Share of its experiments with B_epis = 1.
    counts : array of int, shape (bins,)
        Experiments in each bin.
    low, high : array, shape (bins,)
        Jeffreys interval of y at `level`.
    level : float
        Of the intervals.
    members : tuple of int arrays
        For each bin the indices of its experiments in the input.
    pairs : Pairs
        What the bins were made from, with the numbers of undecided and missing experiments.

    Examples
    --------
    >>> from adaptive_calib.calibration.curve import equal_count_bins
    >>> bins = equal_count_bins([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1], target_bin_size=2)
    >>> len(bins), bins.x.round(2).tolist(), bins.y.tolist(), bins.counts.tolist()
    (2, [0.15, 0.85], [0.0, 1.0], [2, 2])
    """

    x: Floats
    y: Floats
    counts: Ints
    low: Floats
    high: Floats
    level: float
    members: tuple[Ints, ...]
    pairs: Pairs

    def __len__(self) -> int:
        return self.x.size

    @property
    def errors(self) -> CalibrationErrors:
        """The summaries over these bins."""
        return calibration_errors(self.x, self.y)


def equal_count_bins(
    bemd: ArrayLike, bepis: ArrayLike, target_bin_size: int | None = None, *, level: float = 0.95
) -> Bins:
    """Cut the experiments into bins of equal count, by B_EMD.

    Parameters
    ----------
    bemd : array-like, shape (n,)
        B_EMD in [0, 1]; NaN: missing, left out.
    bepis : array-like of bool or float, shape (n,)
        B_epis; NaN: undecided, left out.
    target_bin_size : int, optional
        See `get_bin_sizes`. Fewer experiments than that make one bin, none make none.
    level : float
        Of the Jeffreys intervals.

    Notes
    -----
    Several bins share one x where B_EMD is tied (at small c half of all B_EMD are exactly 0 or 1); which experiment
    goes into which of them is then decided by their order. Pool ties, as `corp_curve` does, before judging the shape.

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.calibration.curve import equal_count_bins
    >>> rng = np.random.default_rng(1)
    >>> bemd = rng.random(400)
    >>> bins = equal_count_bins(bemd, rng.random(400) < bemd, target_bin_size=100)
    >>> bins.counts.tolist(), bool((abs(bins.y - bins.x) < 0.1).all())
    ([100, 100, 100, 100], True)
    """
    pairs = as_pairs(bemd, bepis)
    sizes = np.array(get_bin_sizes(len(pairs), target_bin_size), dtype=np.int64)
    order = np.argsort(pairs.bemd, kind="stable")
    starts = np.cumsum(sizes) - sizes
    hits = _block_sums(pairs.hits[order], starts)
    x = _block_sums(pairs.bemd[order], starts) / sizes
    low, high = jeffreys_interval(hits, sizes, level)
    members = tuple(np.split(pairs.index[order], starts[1:])) if sizes.size else ()
    return Bins(np.clip(x, 0, 1), hits / sizes, sizes, low, high, level, members, pairs)


def bin_edges(bemd: ArrayLike, target_bin_size: int | None = None) -> Floats:
    """Return the edges of the equal-count bins, shape (bins + 1,): minimum, boundaries, maximum of B_EMD.

    A boundary is the mean of the last sorted B_EMD of one bin and the first of the next (emdcmp's lie one element too
    far right). Empty input has no edges: shape (0,).

    Parameters
    ----------
    bemd : array-like, shape (n,)
        B_EMD of the experiments, in [0, 1].
    target_bin_size : int, optional
        Experiments in a bin; the default grows with their number, see `get_bin_sizes`.

    Examples
    --------
    >>> from adaptive_calib.calibration.curve import bin_edges
    >>> bin_edges([0.1, 0.2, 0.8, 0.9], target_bin_size=2).tolist()
    [0.1, 0.5, 0.9]
    """
    x = np.asarray(bemd, dtype=float)
    x = np.sort(x[~np.isnan(x)])
    if not x.size:
        return x
    starts = np.cumsum(get_bin_sizes(x.size, target_bin_size))[:-1]
    return np.concatenate([x[:1], (x[starts - 1] + x[starts]) / 2, x[-1:]])


@dataclass(frozen=True)
class CalibrationErrors:
    """Distances of a curve from the diagonal; every number is NaN if there is no bin.

    Attributes
    ----------
    expected : float
        Mean |x - y|, the expected calibration error.
    signed : float
        Mean of the distance on the safe side; positive if the criterion is under-confident.
    max_violation, mean_violation : float
        Largest and mean distance on the over-confident side, >= 0.

    Examples
    --------
    >>> from adaptive_calib.calibration.curve import calibration_errors
    >>> calibration_errors([0.25, 0.75], [0.25, 0.75]).expected
    0.0
    """

    expected: float
    signed: float
    max_violation: float
    mean_violation: float


def calibration_errors(x: ArrayLike, y: ArrayLike) -> CalibrationErrors:
    """Return expected and signed calibration error and the violations over the points (x, y) of a curve.

    Every point counts the same, as fits equal-count bins. At x = 1/2 exactly the point counts as right of the middle.

    Raises
    ------
    ValueError
        If `x` and `y` have different shapes.

    Examples
    --------
    >>> from adaptive_calib.calibration.curve import calibration_errors
    >>> errors = calibration_errors(x=[0.25, 0.75], y=[0.5, 0.5])  # says 75 %, is right half of the time
    >>> errors.expected, errors.max_violation
    (0.25, 0.25)
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if x.shape != y.shape:
        raise ValueError(f"`x` and `y` should have the same shape, but have {x.shape} and {y.shape}.")
    if not x.size:
        return CalibrationErrors(np.nan, np.nan, np.nan, np.nan)
    safe = np.where(x < 0.5, x - y, y - x)
    violation = np.maximum(-safe, 0)
    return CalibrationErrors(
        float(np.abs(x - y).mean()), float(safe.mean()), float(violation.max()), float(violation.mean())
    )


def calibration_hists(
    calib_results: Mapping[float, Any], target_bin_size: int | None = None
) -> tuple[dict[float, list[tuple[float, float]]], dict[float, list[Ints]]]:
    """Return the points of the calibration curves and the experiments that made them; emdcmp's familiar call.

    Parameters
    ----------
    calib_results : mapping c -> table
        For each c a structured array with fields Bemd and Bepis (or Bconf); see `table_columns`.
    target_bin_size : int, optional
        See `get_bin_sizes`.

    Returns
    -------
    curve_data : dict c -> list of (Bemd, Bepis)
        Mean B_EMD and mean B_epis of each bin.
    experiment_idcs : dict c -> list of int arrays
        For each bin the indices of its experiments.

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.calibration import calib_point_dtype, calibration_hists
    >>> table = np.array([(0.1, False), (0.2, False), (0.8, True), (0.9, True)], calib_point_dtype)
    >>> curves, members = calibration_hists({1.0: table}, target_bin_size=2)
    >>> [(round(x, 2), y) for x, y in curves[1.0]]
    [(0.15, 0.0), (0.85, 1.0)]
    """
    bins = {c: equal_count_bins(*table_columns(table), target_bin_size) for c, table in calib_results.items()}
    curves = {c: list(zip(b.x.tolist(), b.y.tolist(), strict=True)) for c, b in bins.items()}
    return curves, {c: list(b.members) for c, b in bins.items()}


def calibration_bins(calib_results: Mapping[float, Any], target_bin_size: int | None = None) -> dict[float, Floats]:
    """Return for each c the edges of the bins of B_EMD (see `bin_edges`); emdcmp's familiar call.

    Parameters
    ----------
    calib_results : mapping, c -> structured array
        A table as `CalibrationLearner.table` gives it.
    target_bin_size : int, optional
        Experiments in a bin; the default grows with their number, see `get_bin_sizes`.

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.calibration import calib_point_dtype, calibration_bins
    >>> table = np.array([(0.1, False), (0.2, False), (0.8, True), (0.9, True)], calib_point_dtype)
    >>> calibration_bins({1.0: table}, target_bin_size=2)[1.0].tolist()
    [0.1, 0.5, 0.9]
    """
    return {c: bin_edges(as_pairs(*table_columns(table)).bemd, target_bin_size) for c, table in calib_results.items()}


def _block_sums(values: Floats, starts: Ints) -> Floats:
    return np.add.reduceat(values, starts) if starts.size else np.empty(0)


def _level(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"`level` should lie between 0 and 1, such as 0.95, but is {level!r}.")
    return level
