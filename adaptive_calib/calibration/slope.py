"""One number for over-confidence at each c: Cox's calibration slope; and the proper scores.

On the folded scale, with a = |logit B~| and the hit h (see `pairs.fold`), the model is logit P(h = 1) = κ a: κ = 1 is
perfectly calibrated, κ < 1 over-confident, κ > 1 under-confident. With the prior κ ~ N(1, 1) the posterior mode solves

    g(κ) = Σ a (h - p) - (κ - 1) = 0,     p = expit(κ a),     H(κ) = Σ a² p (1 - p) + 1,     se = 1 / √H

by Newton steps g / H, clipped to ±1, from κ = 1, inside a bracket that makes it converge whatever the data (the
logarithm of the posterior is concave). The prior keeps κ finite when every experiment is a hit, or none.

B~ is B_EMD clipped to [clip, 1 - clip], since logit(0) is infinite. At small c, where many B_EMD are exactly 0 or 1, κ
depends on the clip: report it with κ.

A c is *acceptable* if the probability of a slope >= 0.9 under N(κ, se²) is above .975, *not* if it is below .025, else
undecided.

Sources: Cox, Biometrika 45 (1958) 562; Van Calster et al., *Calibration: the Achilles heel of predictive analytics*,
BMC Medicine 17 (2019) 230; Gneiting & Raftery, JASA 102 (2007) 359, for the scores.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, ndtr

from adaptive_calib._arrays import Floats
from adaptive_calib.calibration.pairs import as_pairs, fold

__all__ = [
    "DEFAULT_CLIP",
    "SLOPE_THRESHOLD",
    "Z95",
    "CalibrationSlope",
    "Status",
    "brier_score",
    "calibration_slope",
    "calibration_slopes",
    "clip_bemd",
    "log_score",
    "slope_status",
    "solve_slopes",
]

#: B_EMD is clipped to [1/4096, 1 - 1/4096]. Sampling compares 128 x 128 pairs of risks or more, which resolves 1/16384;
#: but the pairs share 128 paths of each model, so odds beyond some thousands to one are not known.
DEFAULT_CLIP = 1 / 4096

#: A c is acceptable from this calibration slope on.
SLOPE_THRESHOLD = 0.9

#: Half-width of a 95 % interval in standard errors: the 97.5 % quantile of the normal distribution.
Z95 = 1.959963984540054

PRIOR_MEAN, PRIOR_PRECISION = 1.0, 1.0


class Status(IntEnum):
    """Whether a value of c may be used.

    Examples
    --------
    >>> from adaptive_calib.calibration.curve import Status, slope_status
    >>> Status(int(slope_status([1.5], [0.1])[0])).name
    'ACCEPTABLE'
    """

    NOT_ACCEPTABLE = -1
    UNDECIDED = 0
    ACCEPTABLE = 1


@dataclass(frozen=True)
class CalibrationSlope:
    """Cox's calibration slope at one c.

    Attributes
    ----------
    slope : float
        κ, the mode of its posterior; < 1 over-confident. With no experiment it is the prior's 1.
    se : float
        Standard error 1/√H, at most the prior's 1.
    n : int
        Experiments that were used.
    clip : float
        To which B_EMD was clipped at both ends.

    Examples
    --------
    >>> from adaptive_calib.calibration.curve import calibration_slope
    >>> slope = calibration_slope([0.2, 0.4, 0.6, 0.9], [0, 1, 1, 1])
    >>> slope.n, slope.slope > 0
    (4, True)
    """

    slope: float
    se: float
    n: int
    clip: float


def clip_bemd(bemd: ArrayLike, clip: float = DEFAULT_CLIP) -> Floats:
    """Return B_EMD clipped to [clip, 1 - clip]; NaN stays.

    Parameters
    ----------
    bemd : array-like
        B_EMD, in [0, 1], of any shape.
    clip : float
        Smallest value, and distance of the largest one from 1.

    Raises
    ------
    ValueError
        If `clip` does not lie between 0 and 1/2.

    Examples
    --------
    >>> from adaptive_calib.calibration.curve import clip_bemd
    >>> clip_bemd([0.0, 0.5, 1.0], clip=0.01).tolist()
    [0.01, 0.5, 0.99]
    """
    if not 0 < clip < 0.5:
        raise ValueError(f"`clip` should lie between 0 and 1/2, such as 1/4096, but is {clip!r}.")
    clipped: Floats = np.clip(np.asarray(bemd, dtype=float), clip, 1 - clip)
    return clipped


def calibration_slope(bemd: ArrayLike, bepis: ArrayLike, *, clip: float = DEFAULT_CLIP) -> CalibrationSlope:
    """Return the calibration slope at one c; see the head of this file.

    Parameters
    ----------
    bemd, bepis : array-like, shape (n,)
        See `pairs.as_pairs`; undecided and missing experiments are left out.
    clip : float
        B_EMD is clipped to [clip, 1 - clip].

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.calibration.curve import calibration_slope
    >>> rng = np.random.default_rng(1)
    >>> bemd = rng.random(4000)
    >>> honest = calibration_slope(bemd, rng.random(4000) < bemd)
    >>> bold = calibration_slope(bemd, rng.random(4000) < 0.5 + (bemd - 0.5) / 2)
    >>> abs(honest.slope - 1) < 0.1, bold.slope < 0.9
    (True, True)
    """
    pairs = as_pairs(bemd, bepis)
    slopes, ses = calibration_slopes(pairs.bemd[:, None], pairs.hits, clip=clip)
    return CalibrationSlope(float(slopes[0]), float(ses[0]), len(pairs), clip)


def calibration_slopes(
    bemd: ArrayLike, bepis: ArrayLike, *, clip: float = DEFAULT_CLIP, start: ArrayLike | None = None
) -> tuple[Floats, Floats]:
    """Return the calibration slopes of many c at once.

    Parameters
    ----------
    bemd : array-like, shape (n, n_c)
        B_EMD of each experiment at each c; NaN where it was not evaluated (left out at that c).
    bepis : array-like, shape (n,)
        Labels; NaN where undecided (left out at every c).
    clip : float
        B_EMD is clipped to [clip, 1 - clip].
    start : array-like, shape (n_c,), optional
        Where Newton starts, by default at 1; the result does not depend on it.

    Returns
    -------
    slopes, ses : array, shape (n_c,)
        κ and its standard error.

    Raises
    ------
    ValueError
        If the shapes are not (n, n_c) and (n,).

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.calibration.curve import calibration_slopes
    >>> rng = np.random.default_rng(1)
    >>> bemd = rng.random((1000, 2))  # the same experiments at two c
    >>> slopes, errors = calibration_slopes(bemd, rng.random(1000) < bemd[:, 0])
    >>> slopes.shape, bool(abs(slopes[0] - 1) < 3 * errors[0])
    ((2,), True)
    """
    x = np.asarray(bemd, dtype=float)
    y = np.asarray(bepis, dtype=float)
    if x.ndim != 2 or y.shape != x.shape[:1]:
        raise ValueError(
            f"`bemd` should have shape (n, n_c) and `bepis` (n,), but they have shapes {x.shape} and {y.shape}."
        )
    _, hit = fold(x, y[:, None])
    clipped = clip_bemd(x, clip)
    strength = np.abs(np.log(clipped / (1 - clipped)))
    used = ~np.isnan(hit)
    strength = np.where(used, strength, 0.0).T  # a = 0 adds nothing to g or H
    hits = np.where(used, hit, 0.0).T
    return solve_slopes(strength, np.ones_like(strength), hits, start)


def solve_slopes(
    strength: Floats, weight: Floats, hits: Floats, start: ArrayLike | None = None
) -> tuple[Floats, Floats]:
    """Solve for κ from weighted data; the kernel of `calibration_slopes`.

    Parameters
    ----------
    strength : array, shape (n_c, m) or (m,)
        a = |logit B~| of each item.
    weight : array, shape (n_c, m)
        Experiments that the item stands for, >= 0.
    hits : array, shape (n_c, m)
        How many of them are hits.
    start : array-like, shape (n_c,), optional
        Where Newton starts.

    Returns
    -------
    slopes, ses : array, shape (n_c,)
    """
    n_c = weight.shape[0]
    pull = (strength * hits).sum(axis=1)
    kappa = np.full(n_c, PRIOR_MEAN) if start is None else np.array(start, dtype=float)

    def derivatives(kappa: Floats) -> tuple[Floats, Floats]:
        p = expit(kappa[:, None] * strength)
        product = weight * strength * p
        slope = pull - product.sum(axis=1) - PRIOR_PRECISION * (kappa - PRIOR_MEAN)
        curvature: Floats = (product * strength * (1 - p)).sum(axis=1) + PRIOR_PRECISION
        return slope, curvature

    low, high = np.full(n_c, -np.inf), np.full(n_c, np.inf)
    # the prior keeps |κ| to tens, reached by clipped steps; bisection inside the bracket needs 50 more
    for _ in range(200):
        g, curvature = derivatives(kappa)
        low, high = np.where(g > 0, kappa, low), np.where(g < 0, kappa, high)
        step = np.clip(g / curvature, -1, 1)
        arrived = np.abs(step) <= 1e-10 * np.maximum(1, np.abs(kappa))
        proposal = kappa + step
        # a step points into the bracket; where it leaves at the far end, that end is finite: bisect
        beyond = ~arrived & ((proposal <= low) | (proposal >= high))
        proposal[beyond] = (low[beyond] + high[beyond]) / 2
        kappa = proposal
        if arrived.all():
            break
    _, curvature = derivatives(kappa)
    return kappa, 1 / np.sqrt(curvature)


def slope_status(
    slopes: ArrayLike, ses: ArrayLike, *, threshold: float = SLOPE_THRESHOLD, level: float = 0.975
) -> NDArray[np.int8]:
    """Judge each c by its slope: `Status` values as int8, in the shape of `slopes`.

    Acceptable if Φ((κ - threshold) / se) > level, not acceptable if < 1 - level, else undecided; a NaN is undecided. A
    normal approximation at a fixed sample size: looking again and again makes an error likelier than 1 - level.

    Parameters
    ----------
    slopes, ses : array-like, the same shape
        Slopes κ and their standard errors; NaN is undecided.
    threshold : float
        The κ from which on a c is acceptable.
    level : float
        Probability with which the slope has to lie on one side of the threshold.

    Raises
    ------
    ValueError
        If `level` does not lie between 1/2 and 1.

    Examples
    --------
    >>> from adaptive_calib.calibration.curve import slope_status
    >>> slope_status([0.5, 0.9, 1.5], [0.1, 0.1, 0.1]).tolist()  # not acceptable, undecided, acceptable
    [-1, 0, 1]
    """
    if not 0.5 < level < 1:
        raise ValueError(f"`level` should lie between 1/2 and 1, such as 0.975, but is {level!r}.")
    with np.errstate(invalid="ignore", divide="ignore"):
        sure = ndtr((np.asarray(slopes, dtype=float) - threshold) / np.asarray(ses, dtype=float))
    status = np.where(sure > level, Status.ACCEPTABLE, np.where(sure < 1 - level, Status.NOT_ACCEPTABLE, 0))
    return status.astype(np.int8)


def log_score(bemd: ArrayLike, bepis: ArrayLike, *, clip: float = DEFAULT_CLIP) -> float:
    """Return the mean logarithmic score -mean[y ln B~ + (1 - y) ln(1 - B~)], in nats; smaller is better.

    A proper score: of all c it is smallest at the sharpest one that is calibrated. NaN if no experiment is usable.

    Parameters
    ----------
    bemd : array-like, shape (n,)
        B_EMD of each experiment, in [0, 1]; NaN where it is missing.
    bepis : array-like, shape (n,)
        Whether A truly wins: 1, 0, or NaN where that is undecided.
    clip : float
        B_EMD is taken as at least this and at most 1 minus this, in (0, 1/2).

    Examples
    --------
    >>> from adaptive_calib.calibration.curve import log_score
    >>> round(log_score([0.9, 0.1], [1, 0]), 3), round(log_score([0.5, 0.5], [1, 0]), 3)
    (0.105, 0.693)
    """
    pairs = as_pairs(bemd, bepis)
    x = clip_bemd(pairs.bemd, clip)
    return float(-np.log(np.where(pairs.hits == 1, x, 1 - x)).mean()) if len(pairs) else float("nan")


def brier_score(bemd: ArrayLike, bepis: ArrayLike) -> float:
    """Return the Brier score mean (B_EMD - B_epis)², in [0, 1]; smaller is better; NaN if no experiment is usable.

    Parameters
    ----------
    bemd : array-like, shape (n,)
        B_EMD of each experiment, in [0, 1]; NaN where it is missing.
    bepis : array-like, shape (n,)
        Whether A truly wins: 1, 0, or NaN where that is undecided.

    Examples
    --------
    >>> from adaptive_calib.calibration.curve import brier_score
    >>> round(brier_score([0.9, 0.1], [1, 0]), 3), brier_score([0.5, 0.5], [1, 0])
    (0.01, 0.25)
    """
    pairs = as_pairs(bemd, bepis)
    return float(np.square(pairs.bemd - pairs.hits).mean()) if len(pairs) else float("nan")
