"""The example losses of the tests: decays (D), a Gaussian with heavy synthetic mismatch (G), Poisson counts (P)."""

from __future__ import annotations

import json
import sys
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from adaptive_calib.emd import EmpiricalQuantileFunction, evaluate_ppfs, make_empirical_risk_ppf

Floats = NDArray[np.float64]

NAMES = ("DA", "DB", "GA", "GB", "P")


def _decay(rate: float, bias: float, seed: int) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 3, 400)
    return x, np.exp(-rate * x) + rng.normal(bias, 0.25, 400)


@cache
def losses(name: str) -> tuple[Floats, Floats]:
    """Return the losses of example `name` on (observed, synthetic) data."""
    if name in ("DA", "DB"):
        rate, seed = (1.0, 246) if name == "DA" else (1.2, 369)
        return tuple(
            0.5 * np.log(2 * np.pi) + (y - np.exp(-rate * x)) ** 2 / 2
            for x, y in (_decay(1.0, -0.03, 123), _decay(rate, 0.0, seed))
        )
    if name in ("GA", "GB"):
        seed, mean, sd = (1, 0.5, 1.0) if name == "GA" else (7, 0.4, 1.2)
        rng = np.random.default_rng(seed)
        data = rng.normal(mean, 1.4, 1000), rng.normal(0.0, sd, 1000)
        return tuple(0.5 * np.log(2 * np.pi * sd**2) + y**2 / (2 * sd**2) for y in data)
    rng = np.random.default_rng(2)
    counts = rng.poisson(4.5, 500), rng.poisson(4.0, 500)
    return tuple(4.0 - k * np.log(4.0) + gammaln(k + 1.0) for k in counts)


@cache
def ppfs(name: str) -> tuple[EmpiricalQuantileFunction, EmpiricalQuantileFunction]:
    """Return (mixed, synthetic) quantile functions of example `name`."""
    mixed, synthetic = losses(name)
    return make_empirical_risk_ppf(mixed), make_empirical_risk_ppf(synthetic)


@cache
def arrays(name: str, res: int = 8) -> tuple[Floats, Floats]:
    """Return (q*, δ) of example `name` on the grid."""
    return evaluate_ppfs(*ppfs(name), res)


if __name__ == "__main__":  # for make_reference.py
    json.dump({name: [values.tolist() for values in losses(name)] for name in NAMES}, sys.stdout)
