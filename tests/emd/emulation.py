"""emdcmp's criterion with its special cases, for comparison with results that were stored with it. For tests only.

emdcmp 1.1.1 takes, for one node with r = up/dn in floating point and v = 2cδ², the first of these that holds:

    0. both increments exactly 0     x = 0
    1. r < 1e-12                     x = 1                       the limit is 0
    2. r > 1e12                      x = 0                       the limit is 1
    3. v < 1e-8                      x = 1/(1+r)                 the limit is r/(1+r)
    4. v > 1e4                       Bernoulli(1/(1+r))          the limit is Bernoulli(1/2 + ln r / (2√(2v)))
    5. otherwise                     Beta(α, β)                  right

It draws ends with standard deviation √c δ; until July 2024 it was c δ, with the same v.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from adaptive_calib.emd.process import PathLaw, draw_ends
from adaptive_calib.emd.tree import tree_of

Floats = NDArray[np.float64]
EndScaling = Literal["sqrt", "linear"]


def emulated_risks(
    quantiles: Floats,
    deltas: Floats,
    c: float,
    M: int,
    rng: np.random.Generator,
    *,
    resample_ends: int = 1,
    end_scaling: EndScaling = "sqrt",
) -> Floats:
    """Draw R as emdcmp does, shape (M, resample_ends).

    `quantiles` and `deltas` are q* and δ, shape (2**res + 1,). `end_scaling` is ``"sqrt"`` for ends of standard
    deviation √c δ and ``"linear"`` for c δ.
    """
    law = PathLaw.solve(quantiles, deltas, c)
    point = np.arange(1, law.points - 1)
    distance = point & -point
    up = np.maximum(quantiles[point] - quantiles[point - distance], 0.0)
    down = np.maximum(quantiles[point + distance] - quantiles[point], 0.0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        r = up / down
    v = 2.0 * c * deltas[point] ** 2
    mirrored = 1.0 / (1.0 + r)
    x = rng.beta(
        np.exp(np.minimum(law.log_alpha, 690.0)), np.exp(np.minimum(law.log_beta, 690.0)), size=(M, point.size)
    )
    large = v > 1e4
    x[:, large] = rng.random((M, np.count_nonzero(large))) < mirrored[large]
    x[:, v < 1e-8] = mirrored[v < 1e-8]
    x[:, r > 1e12] = 0.0
    x[:, r < 1e-12] = 1.0
    x[:, (up == 0.0) & (down == 0.0)] = 0.0
    tree = tree_of(law.res)
    normalised = tree.integrate(x.T[tree.order])
    scale = np.sqrt(c) if end_scaling == "sqrt" else c
    first, width = draw_ends(
        quantiles[0], quantiles[-1], scale * deltas[0], scale * deltas[-1], (M, resample_ends), rng
    )
    return first + width * normalised[:, None]


def emulated_bemd(
    quantiles_a: Floats,
    deltas_a: Floats,
    quantiles_b: Floats,
    deltas_b: Floats,
    c: float,
    seed: int | np.random.SeedSequence,
    *,
    M: int = 128,
    resample_ends: int = 1,
    end_scaling: EndScaling = "sqrt",
) -> float:
    """Return the share of pairs R_A < R_B of `emulated_risks` of two models."""
    rng = np.random.default_rng(seed)
    risks_a = emulated_risks(
        quantiles_a, deltas_a, c, M, rng, resample_ends=resample_ends, end_scaling=end_scaling
    ).ravel()
    risks_b = np.sort(
        emulated_risks(quantiles_b, deltas_b, c, M, rng, resample_ends=resample_ends, end_scaling=end_scaling).ravel()
    )
    return float(1.0 - np.searchsorted(risks_b, risks_a, side="right").mean() / risks_b.size)
