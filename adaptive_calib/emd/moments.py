"""Exact mean and standard deviation of the expected risk, for every c at once and without a single draw.

With R = q0 + d Y, d = q1 − q0, and Y independent of the ends:

*Y*, one upward pass over the tree. A node with factor x, own term A (see `adaptive_calib.emd.tree`), children Z_l
and Z_r:

    E Z = E[x] (A + E Z_l) + E[1−x] E Z_r
    Var Z = E[x²] Var Z_l + E[(1−x)²] Var Z_r + Var x (A + E Z_l − E Z_r)²

*Ends.* With m = q*(1) − q*(0), s² = c(δ0² + δ1²), z = m/s, η = npdf(z)/ncdf(z), g = −c δ0²/s²:

    E d = m + s η,  Var d = s² (1 − η(η+z)),  E q0 = q*(0) + g (E d − m),  Cov(q0, d) = g Var d,
    Var q0 = g² Var d + c δ0² c δ1² / s²

    E R = E q0 + E d E Y,   Var R = Var q0 + 2 Cov(q0, d) E Y + E[d²] E[Y²] − (E d E Y)²

Nothing in it cancels. Uses: a preview of the criterion at every c, tests without Monte-Carlo error.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import expit, log_ndtr, ndtr

from adaptive_calib._arrays import Floats
from adaptive_calib.emd.process import PathLaw
from adaptive_calib.emd.tree import tree_of

__all__ = ["RiskMoments", "approximate_bemd", "normalised_moments", "risk_moments"]


class RiskMoments(NamedTuple):
    """Mean and standard deviation, arrays of the shape of the law, in units of the loss.

    Attributes
    ----------
    mean, sd : arrays
        Exact mean and standard deviation of R, in units of the loss, of the shape of the law.

    Examples
    --------
    >>> from adaptive_calib.emd import PathLaw, risk_moments
    >>> law = PathLaw.solve([0.0, 1.0, 2.0, 3.0, 4.0], [0.0] * 5, c=1.0)
    >>> moments = risk_moments(law)  # nothing deviates: R is the integral
    >>> round(float(moments.mean), 9), float(moments.sd)
    (2.0, 5.527707983925663e-16)
    """

    mean: Floats
    sd: Floats


def normalised_moments(law: PathLaw) -> tuple[Floats, Floats]:
    """Return mean and variance of Y, the integral of a path scaled to go from 0 to 1; arrays of the law's shape."""
    tree = tree_of(law.res)
    log_alpha, log_beta = law.log_alpha[..., tree.order], law.log_beta[..., tree.order]
    ratio = law.log_ratio[..., tree.order]
    if law.c.ndim:
        ratio = ratio[..., None, :]
    up = expit(log_alpha - log_beta)
    down = expit(log_beta - log_alpha)
    # Var x = E[x] E[1-x] / (α + β + 1), by logarithms since α may overflow
    spread = up * down * np.exp(-np.logaddexp(np.logaddexp(log_alpha, log_beta), 0.0))
    up, down = np.where(ratio == -np.inf, 0.0, up), np.where(ratio == np.inf, 0.0, down)
    up, down = np.where(ratio == np.inf, 1.0, up), np.where(ratio == -np.inf, 1.0, down)
    spread = np.where(np.isinf(ratio), 0.0, spread)
    mean = variance = np.zeros((*law.shape, 2**law.res))  # the empty subtrees below the leaves
    for level in tree.levels:
        x, rest, var_x = up[..., level.rows], down[..., level.rows], spread[..., level.rows]
        own = tree.leaf_weight if level.distance == 1 else level.distance / 2**tree.res
        half = level.points.size
        left, right = own + mean[..., :half], mean[..., half:]
        mean = x * left + rest * right
        variance = (
            (x * x + var_x) * variance[..., :half]
            + (rest * rest + var_x) * variance[..., half:]
            + var_x * (left - right) ** 2
        )
    return mean[..., 0] + tree.end_weight, variance[..., 0]


def risk_moments(law: PathLaw) -> RiskMoments:
    """Return the exact mean and standard deviation of the expected risk R for every entry of the law.

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.emd import PathLaw, risk_moments
    >>> law = PathLaw.solve([0.0, 1.0, 2.0, 4.0, 8.0], [0.1, 0.1, 0.2, 0.2, 0.5], c=1.0)
    >>> exact = risk_moments(law)
    >>> sampled = law.sample_risks(10_000, np.random.default_rng(1))
    >>> abs(float(exact.mean) - sampled.mean()) < 0.01, abs(float(exact.sd) - sampled.std()) < 0.01
    (np.True_, np.True_)
    """
    mean_y, var_y = normalised_moments(law)
    q0, q1, sd0, sd1 = (np.asarray(part) for part in _ends(law))
    m = np.maximum(q1 - q0, 0.0)
    s = np.hypot(sd0, sd1)
    certain = s == 0.0
    safe = np.where(certain, 1.0, s)
    z = m / safe
    with np.errstate(under="ignore"):
        eta = np.exp(-0.5 * z * z - 0.5 * np.log(2.0 * np.pi) - log_ndtr(z))
    share = -((sd0 / safe) ** 2)
    shift = s * eta
    mean_d = m + shift
    var_d = s * s * (1.0 - eta * (eta + z))
    mean_q0 = q0 + share * shift
    var_q0 = share * share * var_d + (sd0 * (sd1 / safe)) ** 2
    mean = mean_q0 + mean_d * mean_y
    # E[d²]E[Y²] − (E d E Y)² = Var d (E Y)² + E[d²] Var Y
    variance = var_q0 + 2.0 * share * var_d * mean_y + var_d * mean_y**2 + (mean_d**2 + var_d) * var_y
    return RiskMoments(mean, np.sqrt(np.maximum(variance, 0.0)))


def approximate_bemd(law_a: PathLaw, law_b: PathLaw) -> Floats:
    """Return P(R_A < R_B) as if both risks were normal, for every c; a preview that costs no draw.

    Arrays of the common shape of the two laws. 1/2 where both risks are the same constant.

    Parameters
    ----------
    law_a, law_b : PathLaw
        Solved laws of both models, at the same c.

    Examples
    --------
    >>> from adaptive_calib.emd import PathLaw, approximate_bemd
    >>> a = PathLaw.solve([0.0, 1.0, 2.0, 3.0, 4.0], [0.2] * 5, c=1.0)
    >>> b = PathLaw.solve([0.1, 1.1, 2.1, 3.1, 4.1], [0.2] * 5, c=1.0)
    >>> 0.5 < float(approximate_bemd(a, b)) < 1, round(float(approximate_bemd(a, a)), 9)
    (True, 0.5)
    """
    a, b = risk_moments(law_a), risk_moments(law_b)
    difference, sd = b.mean - a.mean, np.hypot(a.sd, b.sd)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(difference == 0.0, 0.0, difference / sd)
    return np.asarray(ndtr(z))


def _ends(law: PathLaw) -> tuple[Floats, Floats, Floats, Floats]:
    """Return q*(0), q*(1), √c δ(0), √c δ(1), each of a shape that broadcasts to that of the law."""
    parts = law.quantiles[..., 0], law.quantiles[..., -1], law.deltas[..., 0], law.deltas[..., -1]
    first, last, delta_first, delta_last = (part[..., None] if law.c.ndim else part for part in parts)
    root = np.sqrt(law.c)
    return first, last, root * delta_first, root * delta_last
