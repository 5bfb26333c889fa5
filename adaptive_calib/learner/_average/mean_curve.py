"""The mean of a noisy curve, from all samples together.

The curve is a penalised spline in a warped coordinate u(t), t from 0 to 1 along the domain,

    minimise  Σ w_s (y_s - f(u_s))² + λ |D³ c|²    over the coefficients c of f,

with third differences D³ c. λ is that of the largest restricted likelihood. The warp is steep where a first fit
bends, so that one λ serves sharp and flat parts: du/dt ∝ g^strength + FLAT with g the root of the mean second
derivative of the first fit over its local length; the strength (or none) is chosen by the same likelihood. The noise
may change along the domain: its level is estimated from the residuals in up to `MOST_STRETCHES` stretches with
equally many samples, drawn towards the common level by what chance alone explains, and w is its inverse square.

The error bar at t is the quantile of the level times the posterior standard deviation, plus the distance to the fit
with a tenth of λ: a peak that the penalty flattens is off by about that.

Sources: penalised splines, Eilers & Marx, Statist. Sci. 11 (1996) 89; restricted likelihood, Ruppert, Wand & Carroll,
Semiparametric Regression (2003); bands, Nychka, J. Amer. Statist. Assoc. 83 (1988) 1134.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.interpolate import BSpline
from scipy.linalg import cholesky, eigh, solve_triangular

from adaptive_calib._arrays import Floats

__all__ = ["GRID", "MeanCurve", "Samples", "fit"]

#: Where warp, noise and density are kept.
GRID = np.linspace(0.0, 1.0, 1001)
#: Pieces of the spline, its degree, and the order of the penalised differences.
KNOTS, DEGREE, ORDER = 100, 4, 3
#: Strengths of the warp that are tried beside none, and the least steepness of a warp.
STRENGTHS = (0.5, 1.0, 1.5)
FLAT = 0.3
#: Stretches of the noise level, and the fewest samples in one.
MOST_STRETCHES, FEWEST_IN_STRETCH = 12, 60
#: Penalties that are tried, in units of the smallest.
PENALTIES = 10 ** np.linspace(0, 12, 73)

_STEP = 1 / KNOTS
_KNOTS = np.arange(-DEGREE, KNOTS + DEGREE + 1) * _STEP
_DIFFERENCES = np.diff(np.eye(KNOTS + DEGREE), ORDER, axis=0)
_PENALTY = _DIFFERENCES.T @ _DIFFERENCES


@dataclass(frozen=True)
class Samples:
    """Samples by place.

    Attributes
    ----------
    t : array, shape (n,)
        Places from 0 to 1, ascending.
    number : array, shape (n,)
        How many samples there are at each place.
    mean, scatter : array, shape (n,)
        Their mean, and the sum of squares of their distances from it.
    """

    t: Floats
    number: Floats
    mean: Floats
    scatter: Floats


class _Spline:
    """A penalised spline in u for one warp and one set of weights."""

    def __init__(self, u: Floats, samples: Samples, weights: Floats) -> None:
        basis = _basis(u)
        heavy = weights * samples.number
        normal = (basis.T.multiply(heavy) @ basis).toarray()
        right = basis.T @ (heavy * samples.mean)
        least = 1e-6 * np.trace(normal) / np.trace(_PENALTY)
        size = len(normal)
        lower = cholesky(normal + least * _PENALTY + 1e-13 * np.trace(normal) / size * np.eye(size), lower=True)
        half = solve_triangular(lower, _PENALTY, lower=True)
        spectrum, vectors = eigh(solve_triangular(lower, half.T, lower=True))
        spectrum = np.maximum(spectrum, 0)
        z = vectors.T @ solve_triangular(lower, right, lower=True)
        total = float((heavy * samples.mean**2).sum() + (weights * samples.scatter).sum())
        count = float(samples.number.sum())
        penalties = least * PENALTIES
        shrink = 1 / (1 + (penalties[:, None] - least) * spectrum)
        left = np.maximum(total - (z**2 * shrink).sum(axis=1), 1e-12 * total + 1e-300)
        scores = (count - ORDER) * np.log(left / (count - ORDER)) - np.log(shrink).sum(axis=1)
        scores -= (size - ORDER) * np.log(penalties)
        best = int(scores.argmin())
        self.score = float(scores[best] + 2 * np.log(np.diag(lower)).sum())
        self.variance = float(left[best] / (count - ORDER))
        self._shrink = shrink[best]
        self._back = solve_triangular(lower, vectors, lower=True, trans=1)
        self._coefficients = self._back @ (self._shrink * z)
        looser = 1 / (1 + np.maximum(penalties[best] / 10 - least, 0) * spectrum)
        self._looser = self._back @ (looser * z)
        self.freedom = float(((1 - least * spectrum) * self._shrink).sum())

    def __call__(self, u: Floats) -> Floats:
        values: Floats = _basis(u) @ self._coefficients
        return values

    def deviation(self, u: Floats) -> Floats:
        """Return the posterior standard deviation."""
        deviation: Floats = np.sqrt(self.variance * ((_basis(u) @ self._back) ** 2 * self._shrink).sum(axis=1))
        return deviation

    def bias(self, u: Floats) -> Floats:
        """Return the distance to the fit with a tenth of the penalty."""
        bias: Floats = np.abs(_basis(u) @ (self._looser - self._coefficients))
        return bias


def _basis(u: Floats) -> Any:
    return BSpline.design_matrix(np.clip(u, 0, 1), _KNOTS, DEGREE)


@dataclass(frozen=True, eq=False)
class MeanCurve:
    """A fitted curve.

    Attributes
    ----------
    spline : callable
        Of u.
    warp : array, shape (len(GRID),)
        u on the grid.
    noise : array, shape (len(GRID),)
        Standard deviation of a sample on the grid.
    """

    spline: _Spline
    warp: Floats
    noise: Floats

    def __call__(self, t: Floats) -> Floats:
        """Return the mean at t."""
        return self.spline(np.interp(t, GRID, self.warp))

    def error(self, t: Floats, quantile: float) -> Floats:
        """Return the half-width of the band at t."""
        u = np.interp(t, GRID, self.warp)
        width: Floats = quantile * self.spline.deviation(u) + self.spline.bias(u)
        return width

    def steepness(self) -> Floats:
        """Return du/dt on the grid, 1 in the mean."""
        slope = np.gradient(self.warp, GRID)
        steepness: Floats = slope / slope.mean()
        return steepness


def fit(samples: Samples) -> MeanCurve:
    """Fit curve, warp and noise; at least ORDER + 2 places."""
    flat = np.ones(len(GRID))
    weights = np.ones(len(samples.t))
    noise = flat
    plain = _Spline(samples.t, samples, weights)
    best, warp = plain, GRID
    for step in range(2):
        first, old = best, warp
        best, warp = (_Spline(samples.t, samples, weights) if step else plain), GRID
        for strength in STRENGTHS:
            tried = _warped(first, old, strength)
            spline = _Spline(np.interp(samples.t, GRID, tried), samples, weights)
            if spline.score < best.score:
                best, warp = spline, tried
        if step == 0:
            noise = _noise(best, warp, samples)
            weights = np.interp(samples.t, GRID, noise) ** -2.0
            scale = weights.mean()
            weights, noise = weights / scale, noise * np.sqrt(scale)
    return MeanCurve(best, warp, noise * np.sqrt(best.variance))


def _warped(spline: _Spline, warp: Floats, strength: float) -> Floats:
    """Return a warp that is steep where a fit bends."""
    bend = np.gradient(np.gradient(spline(warp), GRID), GRID) ** 2
    length = np.clip(1 / (spline.freedom * np.maximum(np.gradient(warp, GRID), 0.2)), 0.002, 0.1)
    summed = _cumulated(bend)
    low, high = np.clip(GRID - length, 0, 1), np.clip(GRID + length, 0, 1)
    mean = np.maximum(np.interp(high, GRID, summed) - np.interp(low, GRID, summed), 0) / (high - low)
    slope = mean ** (strength / 4)
    if not slope.mean() > 0:
        return GRID
    summed = _cumulated(slope / slope.mean() + FLAT)
    warped: Floats = summed / summed[-1]
    return warped


def _cumulated(values: Floats) -> Floats:
    summed: Floats = np.concatenate([[0.0], np.cumsum((values[1:] + values[:-1]) / 2)]) * GRID[1]
    return summed


def _noise(spline: _Spline, warp: Floats, samples: Samples) -> Floats:
    """Return the noise level on the grid, in any unit."""
    count = float(samples.number.sum())
    stretches = int(np.clip(count // FEWEST_IN_STRETCH, 1, MOST_STRETCHES))
    off = samples.number * (samples.mean - spline(np.interp(samples.t, GRID, warp))) ** 2 + samples.scatter
    off *= count / max(count - spline.freedom, 1)
    before = np.cumsum(samples.number) - samples.number / 2
    which = np.minimum((before / count * stretches).astype(int), stretches - 1)
    number = np.bincount(which, samples.number, stretches)
    kept = number > 0
    number = number[kept]
    level = np.log(np.bincount(which, off, stretches)[kept] / number + 1e-300)
    place = np.bincount(which, samples.number * samples.t, stretches)[kept] / number
    chance = 2 / number
    spread = max(float(level.var() - chance.mean()), 0.0)
    level = level.mean() + spread / (spread + chance) * (level - level.mean())
    noise: Floats = np.exp((np.interp(GRID, place, level) - level.mean()) / 2)
    return noise
