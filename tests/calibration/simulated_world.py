"""A simulated world of experiments whose true calibration curve is known.

z ~ N(0, 2.5²), B_epis ~ Bernoulli(expit z), logit B_EMD(c) = z / κ(c) + .35 (.8 e_i + .6 e_ic), B_EMD rounded to
1/16384 and clipped to [1/32768, 1 - 1/32768], κ(c) = 2^((log2 c - log2 c0) / 4): small c is over-confident.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit

PAIRS = 16384
CLIP = 1 / (2 * PAIRS)
SPREAD, NOISE = 2.5, 0.35


def kappa(log2c, log2c0=0.0):
    return 2.0 ** ((np.asarray(log2c, dtype=float) - log2c0) / 4)


def simulate(rng, n, log2c, log2c0=0.0):
    """Return B_EMD of shape (n, n_c) and B_epis of shape (n,)."""
    log2c = np.atleast_1d(np.asarray(log2c, dtype=float))
    z = SPREAD * rng.standard_normal(n)
    bepis = rng.random(n) < expit(z)
    noise = 0.8 * rng.standard_normal((n, 1)) + 0.6 * rng.standard_normal((n, log2c.size))
    bemd = expit(z[:, None] / kappa(log2c, log2c0) + NOISE * noise)
    return np.clip(np.round(bemd * PAIRS) / PAIRS, CLIP, 1 - CLIP), bepis


def true_curve(x, log2c, log2c0=0.0):
    """Return P(B_epis = 1 | B_EMD(c) = x), by quadrature over z given logit x (rounding and clipping neglected)."""
    k = float(kappa(log2c, log2c0))
    gain = (SPREAD**2 / k) / (SPREAD**2 / k**2 + NOISE**2)
    left = np.sqrt(SPREAD**2 - gain * SPREAD**2 / k)
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    z = gain * logit(np.asarray(x, dtype=float))[..., None] + left * nodes
    return expit(z) @ weights / weights.sum()
