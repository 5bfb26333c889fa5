"""Calibration curves without bins, and bands around them.

*CORP curve*: the isotonic regression of B_epis on B_EMD, tied B_EMD pooled; the best monotone curve, with no bin width
to choose. It splits the Brier score into miscalibration - discrimination + uncertainty.
Source: Dimitriadis, Gneiting & Jordan, PNAS 118 (2021) e2016191118.

*Honest isotonic band*, for one look at a fixed set of data: with m distinct x and δ = α / (m (m + 1)),

    upper(x) = min over blocks [x_j, x_k] with x_j >= x of the block's Clopper-Pearson upper limit at level δ,
    lower(x) = max over blocks [x_j, x_k] with x_k <= x of its lower limit.

It covers every monotone curve everywhere at once with probability 1 - α or more, and assumes nothing else.
Source: Dimitriadis, Dümbgen, Henzi, Puke & Ziegel, *Honest calibration assessment*, Biometrika 110 (2023) 663.

*Confidence sequence*, for a share p that is looked at after every result: the set

    {p : ln B(s + a, n - s + b) - ln B(a, b) - s ln p - (n - s) ln(1 - p) < ln(1 / α)}

contains the true p at all n at once with probability 1 - α or more (a test martingale that mixes over Beta(a, b), and
Ville's inequality). The price of looking always: with a = b = 1/2 the half-width is 1.5 times Wilson's at n = 16, 1.75
at 256, 1.96 at 4096.
Sources: Howard, Ramdas, McAuliffe & Sekhon, Ann. Statist. 49 (2021) 1055; Waudby-Smith & Ramdas, NeurIPS 2020.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import isotonic_regression
from scipy.special import betainc, betaincinv, betaln, expit, xlogy

from adaptive_calib._arrays import Floats, Ints
from adaptive_calib.calibration.bins import get_bin_sizes
from adaptive_calib.calibration.pairs import Pairs, as_pairs

__all__ = ["CorpCurve", "IsotonicBand", "clopper_pearson", "confidence_sequence", "corp_curve", "isotonic_band"]


@dataclass(frozen=True)
class CorpCurve:
    """An isotonic calibration curve.

    Attributes
    ----------
    x : array, shape (m,)
        The distinct values of B_EMD, increasing.
    p : array, shape (m,)
        Estimated P(B_epis = 1) at each, not decreasing.
    counts : array of int, shape (m,)
        Experiments with this B_EMD.
    miscalibration, discrimination, uncertainty : float
        Parts of the Brier score: it is miscalibration - discrimination + uncertainty. NaN without experiments.
    pairs : Pairs
        What the curve was made from, with the numbers of undecided and missing experiments.

    Examples
    --------
    >>> from adaptive_calib.calibration.curve import corp_curve
    >>> curve = corp_curve([0.1, 0.3, 0.6, 0.9], [0, 1, 0, 1])
    >>> curve.at([0.0, 0.45, 1.0]).tolist()
    [0.0, 0.5, 1.0]
    """

    x: Floats
    p: Floats
    counts: Ints
    miscalibration: float
    discrimination: float
    uncertainty: float
    pairs: Pairs

    def at(self, x: ArrayLike) -> Floats:
        """Return the curve at `x`: linear between the distinct B_EMD, constant outside; NaN if there is none."""
        x = np.asarray(x, dtype=float)
        return np.interp(x, self.x, self.p) if self.x.size else np.full(x.shape, np.nan)


def corp_curve(bemd: ArrayLike, bepis: ArrayLike) -> CorpCurve:
    """Return the isotonic (CORP) calibration curve; see the head of this file.

    Parameters
    ----------
    bemd, bepis : array-like, shape (n,)
        See `pairs.as_pairs`. The order of the experiments does not matter, ties or not. Without any usable experiment
        the curve is empty.

    Examples
    --------
    >>> from adaptive_calib.calibration.curve import corp_curve
    >>> curve = corp_curve([0.1, 0.3, 0.6, 0.9], [0, 1, 0, 1])
    >>> curve.x.tolist(), curve.p.tolist()
    ([0.1, 0.3, 0.6, 0.9], [0.0, 0.5, 0.5, 1.0])
    """
    pairs = as_pairs(bemd, bepis)
    x, hits, counts = _pool_ties(pairs)
    if not x.size:
        return CorpCurve(x, x, counts, np.nan, np.nan, np.nan, pairs)
    p = np.clip(isotonic_regression(hits / counts, weights=counts.astype(float)).x, 0, 1)
    total = counts.sum()
    mean = hits.sum() / total

    def brier(forecast: Floats | float) -> float:
        return float((hits * np.square(1 - forecast) + (counts - hits) * np.square(forecast)).sum() / total)

    return CorpCurve(x, p, counts, brier(x) - brier(p), brier(mean) - brier(p), brier(mean), pairs)


@dataclass(frozen=True)
class IsotonicBand:
    """A band that contains the whole monotone calibration curve with probability 1 - `alpha` or more.

    Attributes
    ----------
    upper_x, upper : array, shape (m,)
        The upper limit is ``upper[j]`` for x in (upper_x[j - 1], upper_x[j]], and 1 right of the last.
    lower_x, lower : array, shape (m,)
        The lower limit is ``lower[j]`` for x in [lower_x[j], lower_x[j + 1]), and 0 left of the first.
    alpha : float
        One minus the level.
    n : int
        Experiments that were used.

    Examples
    --------
    >>> from adaptive_calib.calibration.curve import isotonic_band
    >>> band = isotonic_band([0.1, 0.9], [0, 1])
    >>> band.n, band.alpha
    (2, 0.05)
    """

    upper_x: Floats
    upper: Floats
    lower_x: Floats
    lower: Floats
    alpha: float
    n: int

    def at(self, x: ArrayLike) -> tuple[Floats, Floats]:
        """Return (lower, upper) at `x`; (0, 1) where nothing is known."""
        x = np.asarray(x, dtype=float)
        above = np.append(self.upper, 1.0)[np.searchsorted(self.upper_x, x, side="left")]
        below = np.append(0.0, self.lower)[np.searchsorted(self.lower_x, x, side="right")]
        return np.where(np.isnan(x), np.nan, below), np.where(np.isnan(x), np.nan, above)


def isotonic_band(bemd: ArrayLike, bepis: ArrayLike, *, alpha: float = 0.05, max_points: int = 200) -> IsotonicBand:
    """Return the honest isotonic band; see the head of this file.

    Parameters
    ----------
    bemd, bepis : array-like, shape (n,)
        See `pairs.as_pairs`.
    alpha : float
        The band misses the true curve anywhere with at most this probability.
    max_points : int
        More distinct B_EMD than this are pooled into that many groups of neighbours. The band stays valid (a group is
        used only where all of it lies on the right side of x) and becomes a little wider.

    Notes
    -----
    The number of blocks is m (m + 1) / 2. Hardly any of them matters for the minimum, so their limits are not all
    computed: blocks whose limit cannot lie below the minimum t so far are told by
    P(Bin(n, t) <= s) >= exp(-n KL(q, t)) / √(8 n q (1 - q)), q = s/n [Ash, *Information theory*, 1965, lemma 4.7.2],
    then by that probability itself; only the rest need an inverse beta function. At m = 200 this is about ten times
    faster than computing every limit.

    Raises
    ------
    ValueError
        If `alpha` does not lie between 0 and 1, or `max_points` is less than 1.

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.calibration.curve import isotonic_band
    >>> rng = np.random.default_rng(1)
    >>> bemd = rng.random(500)
    >>> band = isotonic_band(bemd, rng.random(500) < bemd)
    >>> low, high = band.at([0.2, 0.8])
    >>> bool((low < [0.2, 0.8]).all()), bool((high > [0.2, 0.8]).all())
    (True, True)
    """
    if not 0 < alpha < 1:
        raise ValueError(f"`alpha` should lie between 0 and 1, such as 0.05, but is {alpha!r}.")
    if max_points < 1:
        raise ValueError(f"`max_points` should be at least 1, but is {max_points}.")
    pairs = as_pairs(bemd, bepis)
    x, hits, counts = _pool_ties(pairs)
    first, last, hits, counts = _pool_neighbours(x, hits, counts, max_points)
    m = first.size
    delta = alpha / (m * (m + 1)) if m else alpha
    upper = _suffix_minimum_of_upper_limits(hits, counts, delta)
    mirrored = _suffix_minimum_of_upper_limits((counts - hits)[::-1], counts[::-1], delta)
    return IsotonicBand(first, upper, last, 1 - mirrored[::-1], alpha, len(pairs))


def clopper_pearson(successes: ArrayLike, n: ArrayLike, delta: float) -> tuple[Floats, Floats]:
    """Return exact limits of a share, each missed with probability at most `delta`; (0, 1) for n = 0.

    Source: Clopper & Pearson, Biometrika 26 (1934) 404.

    Parameters
    ----------
    successes, n : array-like
        How often it happened, of how many; broadcast against each other.
    delta : float
        Probability with which each limit may be missed, in (0, 1/2).

    Examples
    --------
    >>> from adaptive_calib.calibration.curve import clopper_pearson
    >>> low, high = clopper_pearson(0, 10, delta=0.025)
    >>> float(low), round(float(high), 3)
    (0.0, 0.308)
    """
    s, total = np.broadcast_arrays(np.asarray(successes, dtype=float), np.asarray(n, dtype=float))
    safe_low, safe_high = np.maximum(s, 1), np.maximum(total - s, 1)
    low = np.where(s > 0, betaincinv(safe_low, total - safe_low + 1, delta), 0.0)
    high = np.where(s < total, betaincinv(total - safe_high + 1, safe_high, 1 - delta), 1.0)
    return low, high


def confidence_sequence(
    successes: ArrayLike, n: ArrayLike, alpha: float = 0.05, *, a: float = 0.5, b: float = 0.5
) -> tuple[Floats, Floats]:
    """Return limits of a share that hold at every n at once, elementwise; see the head of this file.

    Parameters
    ----------
    successes, n : array-like
        s successes among n independent results; 0 <= s <= n.
    alpha : float
        Probability that the limits miss the share at any time. For k bins at once use alpha / k.
    a, b : float
        Of the mixing distribution Beta(a, b); where it has much mass the limits are tighter.

    Returns
    -------
    lower, upper : array
        In [0, 1]; (0, 1) for n = 0.

    Notes
    -----
    With θ = logit p the logarithm of the martingale is K - s θ + n ln(1 + e^θ) - ln(1/α), convex in θ. Newton's method
    from a point outside the set approaches the nearest end monotonically; the asymptotes give such points.

    Raises
    ------
    ValueError
        If `alpha` does not lie between 0 and 1, or some `successes` not between 0 and `n`.

    Examples
    --------
    >>> from adaptive_calib.calibration.curve import confidence_sequence
    >>> low, high = confidence_sequence(successes=[8, 80, 800], n=[10, 100, 1000])
    >>> bool((low < 0.8).all()), bool((high > 0.8).all()), (high - low).round(2).tolist()
    (True, True, [0.65, 0.26, 0.09])
    """
    if not 0 < alpha < 1:
        raise ValueError(f"`alpha` should lie between 0 and 1, such as 0.05, but is {alpha!r}.")
    s, total = np.broadcast_arrays(np.asarray(successes, dtype=float), np.asarray(n, dtype=float))
    if np.any((s < 0) | (s > total)):
        raise ValueError("`successes` should lie between 0 and `n`, elementwise.")
    constant = betaln(s + a, total - s + b) - betaln(a, b) + np.log(alpha)
    return _smaller_root(s, total, constant), 1 - _smaller_root(total - s, total, constant)


def _smaller_root(s: Floats, n: Floats, constant: Floats) -> Floats:
    """Return the smaller p with constant - s ln p - (n - s) ln(1 - p) = 0, or 0 where s = 0."""
    absent = s <= 0
    s, n, constant = np.where(absent, 1.0, s), np.where(absent, 2.0, n), np.where(absent, -2.0, constant)
    theta = constant / s  # where the asymptote constant - s θ is 0; it lies below the function, so f(theta) >= 0
    for _ in range(60):  # 5 to 8 are needed
        step = (constant - s * theta + n * np.logaddexp(0, theta)) / (n * expit(theta) - s)
        theta = theta - step
        if np.all(np.abs(step) <= 1e-12 * np.maximum(1, np.abs(theta))):
            break
    return np.where(absent, 0.0, expit(theta))


def _pool_ties(pairs: Pairs) -> tuple[Floats, Floats, Ints]:
    """Return distinct B_EMD, hits and counts at each."""
    x, inverse, counts = np.unique(pairs.bemd, return_inverse=True, return_counts=True)
    hits = np.bincount(inverse.ravel(), weights=pairs.hits, minlength=x.size).astype(float)
    return x, hits, counts.astype(np.int64)


def _pool_neighbours(x: Floats, hits: Floats, counts: Ints, groups: int) -> tuple[Floats, Floats, Floats, Ints]:
    """Pool distinct x into at most `groups` runs of neighbours: smallest and largest x, hits and counts of each."""
    if x.size <= groups:
        return x, x, hits, counts
    # by the number of experiments, not of distinct values; a heavy tie may take the place of several groups
    target = np.cumsum(get_bin_sizes(int(counts.sum()), max(-(-int(counts.sum()) // groups), 1)))
    middle = np.cumsum(counts) - counts / 2
    group = np.searchsorted(target, middle, side="left")
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    ends = np.append(starts[1:], x.size) - 1
    return x[starts], x[ends], np.add.reduceat(hits, starts), np.add.reduceat(counts, starts)


def _suffix_minimum_of_upper_limits(hits: Floats, counts: Ints, delta: float) -> Floats:
    """Return for each j the smallest Clopper-Pearson upper limit of the blocks [i, k] with i >= j, k >= i."""
    m = counts.size
    total_hits, total = np.append(0.0, np.cumsum(hits)), np.append(0, np.cumsum(counts))
    upper = np.ones(m)
    best = 1.0
    for i in range(m - 1, -1, -1):
        s, n = total_hits[i + 1 :] - total_hits[i], (total[i + 1 :] - total[i]).astype(float)
        possible = s < n * best
        s, n = s[possible], n[possible]
        if best < 1 and s.size:
            q = s / n
            divergence = xlogy(q, q / best) + xlogy(1 - q, (1 - q) / (1 - best))
            log_tail = -n * divergence - 0.5 * np.log(np.maximum(8 * n * q * (1 - q), 1))
            possible = log_tail < np.log(delta)
            s, n = s[possible], n[possible]
        if best < 1 and s.size:
            # the limit is below `best` exactly if P(Bin(n, best) <= s) = I_{1-best}(n - s, s + 1) < delta
            possible = betainc(n - s, s + 1, 1 - best) < delta
            s, n = s[possible], n[possible]
        if s.size:
            best = min(best, float(betaincinv(s + 1, n - s, 1 - delta).min()))
        upper[i] = best
    return upper
