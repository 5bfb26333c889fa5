"""Evidence for and against one c that may be looked at after every experiment.

An e-process is a non-negative process that starts at 1 and whose mean stays at most 1 while a hypothesis is true, at
any stopping time. By Ville's inequality it exceeds 1/α at any time with probability α at most, however often one
looks. Three of them are kept for each c, as logarithms. With a = |logit B~|, the hit h (see `pairs.fold`) and
p = expit(0.9 a) the *score* of an experiment is X = a (h - p); E X > 0 exactly if the calibration slope is above 0.9.

*accept*, against "the slope is at most 0.9": a weighted mean over four stakes λ of Π (1 + λ X). As X >= -a_max,
a stake below 1/a_max keeps every factor positive. Valid whatever the shape of the curve.

*reject*, against "the slope is at least 0.9": a weighted mean over seven stakes of Π (1 - λ X). As X <= 0.31, stakes
may be ten times larger here: rejecting is faster than accepting.

*shape*, against "P(h = 1 | x) >= expit(0.9 |logit x|) at every x": the mean, over the sides x > 1/2 (A), x < 1/2 (B)
and both together, of likelihood ratios of curves that lie below that line: half of the weight on curves that are
flatter on the whole side, half on curves that are lower in one of six bins of x. It finds over-confidence on one side
or in the middle, to which the slope is blind.

An undecided label is counted against each of the three: as a miss in *accept*, as a hit in *reject* and *shape*. So no
decision depends on how undecided labels would be settled. Experiments without B_EMD change nothing.

Sources: Waudby-Smith & Ramdas, *Estimating means of bounded random variables by betting*, JRSS B 86 (2024) 1, for the
bets; Arnold, Henzi & Ziegel, *Sequentially valid tests for forecast calibration*, Ann. Appl. Stat. 17 (2023), for tests
of a curve; Ville 1939.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, log_expit

from adaptive_calib._arrays import Bools, Floats
from adaptive_calib.calibration.slope import DEFAULT_CLIP, SLOPE_THRESHOLD, clip_bemd

__all__ = ["SHAPE_TERMS", "Evidence", "closed_mean", "evidence_of", "extend"]


_SMALLER = 0.99  # stakes on *accept* stay this far below what could ruin the capital
#: Stakes on *accept*, in units of the largest one that is allowed, and their weights. The best stake is about the
#: distance of the slope from 0.9; distances below 0.015 would take more than 10⁵ experiments.
_UP, _UP_WEIGHTS = np.array([1.0, 0.5, 0.25, 0.125]), np.array([0.4, 0.3, 0.2, 0.1])
_DOWN = np.array([1.6, 0.8, 0.4, 0.2, 0.1, 0.05, 0.025])  # below 3.2: a expit(-0.9 a), the largest X, is at most 0.31
_DOWN_WEIGHTS = np.array([0.05, 0.1, 0.2, 0.25, 0.2, 0.15, 0.05])

#: Alternatives of the shape test: slopes below 0.9, and shifts of logit P(hit) in one bin of confidence.
_FLATTER = np.array([0.0, 0.2, 0.45, 0.7])
_SHIFTS = np.array([0.25, 0.5, 1.0, 2.0])
_CONFIDENCES = np.array([0.6, 0.7, 0.8, 0.9, 0.97])
_EDGES = np.log(_CONFIDENCES / (1 - _CONFIDENCES))
_BINS = _EDGES.size + 1
_TERMS = _FLATTER.size + _BINS * _SHIFTS.size

#: What a term of the shape test is about, in the order of `Evidence.shape_terms`.
SHAPE_TERMS = ("where it favours A", "where it favours B", "on both sides together")


class Evidence:
    """The three e-processes of one c, experiment by experiment.

    Parameters
    ----------
    clip : float
        B_EMD is clipped to [clip, 1 - clip].

    Attributes
    ----------
    accept, reject, shape : array, shape (n,)
        Logarithms of the e-processes after each experiment; see the head of this file.
    weaker : array, shape (n,)
        The standardised sum of the scores, undecided labels as misses, on that side of 1/2 (A or B) on which it is
        smaller; inf while no experiment has a side.
    shape_terms : array, shape (3,)
        Log evidence of the shape test for A, B and both sides now, see `SHAPE_TERMS`.

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.calibration.evidence import Evidence, extend
    >>> rng = np.random.default_rng(1)
    >>> chance = rng.random(2000)
    >>> evidence = Evidence()
    >>> bold = chance**3 / (chance**3 + (1 - chance) ** 3)  # says too much
    >>> extend([evidence], bold[:, None], rng.random(2000) < chance)
    >>> bool(evidence.reject[-1] > np.log(40)), bool(evidence.accept[-1] < 0)
    (True, True)
    """

    def __init__(self, clip: float = DEFAULT_CLIP) -> None:
        self.clip = clip
        self.bets_up, self.bets_down = np.zeros(_UP.size), np.zeros(_DOWN.size)  # log capital of each stake
        self.sides = np.zeros((2, _TERMS))  # log likelihood ratio of each alternative, for A and for B
        self.totals, self.squares = np.zeros(2), np.zeros(2)  # of the scores, for *accept* and for *reject*
        self.accept, self.reject, self.shape, self.weaker = (np.empty(0) for _ in range(4))
        self.side_sums = np.zeros((2, 2))  # of the scores and of their squares, for A and for B
        self.shape_terms: Floats = np.zeros(3)

    def __len__(self) -> int:
        return self.accept.size

    def rates(self) -> tuple[float, float]:
        """Growth of the log evidence for accepting and for rejecting per experiment, as it was so far; 0 if it shrinks.

        That of the best stake, or z²/2n where only stakes smaller than all of these would gain.
        """
        n = max(len(self), 1)
        up, down = self.bets_up.max(), max(self.bets_down.max(), self.shape_terms.max())
        z_up, z_down = (z if z > 0 else 0.0 for z in self.z)
        return float(max(up, 0.0 if up > 0 else z_up**2 / 2)) / n, float(max(down, z_down**2 / 2)) / n

    @property
    def z(self) -> tuple[float, float]:
        """Standardised sums of the scores, for *accept* and *reject*: positive where the evidence grows; 0 at first."""
        up, down = np.where(self.squares > 0, self.totals / np.sqrt(np.maximum(self.squares, 1e-300)), 0.0)
        return float(up), float(down)


def extend(evidence: Sequence[Evidence], bemd: ArrayLike, labels: ArrayLike) -> None:
    """Add the next experiments to the evidence of several c at the same number of experiments.

    Parameters
    ----------
    evidence : sequence of Evidence, n_c entries
        Of the same clip.
    bemd : array-like, shape (m, n_c)
        B_EMD in [0, 1]; NaN where there is none.
    labels : array-like, shape (m,)
        B_epis as 1 and 0; NaN where it is undecided.
    """
    x, y = np.asarray(bemd, dtype=float), np.asarray(labels, dtype=float)[:, None]
    if not x.size:
        return
    clip = evidence[0].clip
    clipped = np.where(np.isnan(x), 0.5, clip_bemd(x, clip))  # a = 0 changes nothing
    a = np.abs(np.log(clipped / (1 - clipped)))
    hit, unknown = (y == 1) == (clipped > 0.5), np.isnan(y)
    p = expit(SLOPE_THRESHOLD * a)
    worst, best = a * ((hit & ~unknown) - p), a * ((hit | unknown) - p)
    largest = _SMALLER / math.log((1 - clip) / clip)
    # stakes and alternatives lie along the first axis, whole arrays (m, n_c) apart: sums over few neighbours are slow
    up = _summed([np.log1p(worst * largest * stake) for stake in _UP], [one.bets_up for one in evidence])
    down = _summed([np.log1p(best * -stake) for stake in _DOWN], [one.bets_down for one in evidence])
    of_a, of_b = clipped > 0.5, clipped < 0.5
    ratios = _shape_ratios(a, hit | unknown)
    sides = [_summed(ratios * side, [one.sides[k] for one in evidence]) for k, side in enumerate((of_a, of_b))]
    terms = np.stack([_weighted(side) for side in (*sides, sides[0] + sides[1])])
    accept, reject, shape = _log_mean(up, _UP_WEIGHTS), _log_mean(down, _DOWN_WEIGHTS), _log_mean(terms)
    scores = [worst * of_a, worst * of_b]
    by_side = _summed([*scores, *map(np.square, scores)], [one.side_sums.ravel() for one in evidence])
    spread = np.sqrt(by_side[2:])
    weaker = np.divide(by_side[:2], spread, out=np.full_like(spread, math.inf), where=spread > 0).min(axis=0)
    for k, one in enumerate(evidence):
        one.bets_up, one.bets_down, one.sides = up[:, -1, k], down[:, -1, k], np.stack([s[:, -1, k] for s in sides])
        one.shape_terms, one.side_sums = terms[:, -1, k], by_side[:, -1, k].reshape(2, 2)
        one.totals = one.totals + np.array([worst[:, k].sum(), -best[:, k].sum()])
        one.squares = one.squares + np.array([worst[:, k] @ worst[:, k], best[:, k] @ best[:, k]])
        one.accept, one.reject = np.append(one.accept, accept[:, k]), np.append(one.reject, reject[:, k])
        one.shape = np.append(one.shape, shape[:, k])
        one.weaker = np.append(one.weaker, weaker[:, k])


def evidence_of(bemd: Floats, labels: Floats, clip: float = DEFAULT_CLIP) -> list[Evidence]:
    """Return the evidence of each c from a table of B_EMD, shape (n, n_c), and labels, shape (n,)."""
    evidence = [Evidence(clip) for _ in range(bemd.shape[1])]
    extend(evidence, bemd, labels)
    return evidence


def _summed(steps: Sequence[Floats] | Floats, start: Sequence[Floats]) -> Floats:
    """Return the running sums over the rows of `steps`, shape (terms, m, n_c), from `start`: n_c arrays (terms,)."""
    sums: Floats = np.cumsum(steps, axis=1)
    sums += np.stack(start, axis=-1)[:, None]
    return sums


def _shape_ratios(a: Floats, hit: Bools) -> Floats:
    """Return the log likelihood ratio of each alternative in each row, shape (terms, m, n_c)."""
    signed = np.where(hit, a, -a)
    base = log_expit(SLOPE_THRESHOLD * signed)
    ratios = np.zeros((_TERMS, *a.shape))
    for k, slope in enumerate(_FLATTER):
        ratios[k] = log_expit(slope * signed) - base
    first = _FLATTER.size + np.searchsorted(_EDGES, a) * _SHIFTS.size
    for k, shift in enumerate(_SHIFTS):
        lower = log_expit(SLOPE_THRESHOLD * signed - np.where(hit, shift, -shift)) - base
        np.put_along_axis(ratios, first[None] + k, lower[None], axis=0)
    return ratios


def _log_mean(logs: Floats, weights: Floats | None = None) -> Floats:
    """Return the log of the (weighted) mean of exp(logs) along the first axis."""
    top = logs.max(axis=0)
    e = np.exp(logs - top)
    mean: Floats = np.log(e.mean(axis=0) if weights is None else np.tensordot(weights, e, 1)) + top
    return mean


def _weighted(logs: Floats) -> Floats:
    """Return the log of the mean over the terms of one side: half of the weight on the flatter curves."""
    flatter, lower = _log_mean(logs[: _FLATTER.size]), _log_mean(logs[_FLATTER.size :])
    mean: Floats = np.logaddexp(flatter, lower) - math.log(2)
    return mean


def closed_mean(log_e: Floats, weights: Floats, others: float = 0.0) -> Floats:
    """Adjust e-processes of several c so that one bound serves them all.

    A weighted mean of e-values is an e-value under any dependence, so by closed testing the c whose adjusted value
    exceeds 1/α include a wrong one with probability α at most [Vovk & Wang, Ann. Statist. 49 (2021) 1736]. The adjusted
    value of a c is the smallest weighted mean of any set of c that contains it. It costs nothing where all c agree.

    Parameters
    ----------
    log_e : array, shape (n, n_c)
        Logarithms of the e-processes.
    weights : array, shape (n_c,)
        Positive, fixed in advance.
    others : float
        Weight of c that belong to the family but were not evaluated; their e-value counts as 0.

    Returns
    -------
    array, shape (n, n_c)
        Logarithms of the adjusted e-processes.
    """
    if not log_e.size:
        return log_e
    e = np.exp(np.clip(log_e, -60, 60))
    order = np.argsort(e, axis=1)
    w = weights[order]
    own = w * np.take_along_axis(e, order, 1)
    # mass and weight of the k smallest, for k = 0 ... n_c - 1, and of those that were not evaluated
    mass, weight = np.cumsum(own, axis=1) - own, np.cumsum(w, axis=1) - w + others
    smallest = own / (w + others)
    for k in range(1, log_e.shape[1]):  # each that is not among the k smallest, together with these
        mean = (mass[:, k, None] + own[:, k:]) / (weight[:, k, None] + w[:, k:])
        np.minimum(smallest[:, k:], mean, out=smallest[:, k:])
    adjusted = np.empty_like(e)
    np.put_along_axis(adjusted, order, smallest, 1)
    logs: Floats = np.log(np.maximum(adjusted, 1e-300))
    return logs
