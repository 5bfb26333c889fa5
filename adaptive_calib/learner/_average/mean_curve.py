"""The mean of a noisy curve, from all samples together.

The curve is a penalised spline in a warped coordinate u(t), t from 0 to 1 along the domain,

    minimise  Σ w_s (y_s - f(u_s))² + λ |D^d c|²    over the coefficients c of f,

with differences D^d c of order d. λ is that of the largest restricted likelihood, and so is d: 5 for what bends evenly,
less for corners. As a polynomial of degree d - 1 is free of penalty, each order has other free coefficients; they have
the prior of one sample (Kass & Wasserman), without which likelihoods of different orders cannot be compared.

The warp is steep where a first fit bends, so that one λ serves sharp and flat parts: du/dt ∝ g^strength + FLAT with g
the root of the mean second derivative of the first fit over its local length; the strength is chosen by the same
likelihood, if that is clearly larger than without a warp, since a warp is drawn from the same samples. The noise
may change along the domain: its level is estimated from the residuals in up to `MOST_STRETCHES` stretches with
equally many samples, drawn towards the common level by what chance alone explains, and w is its inverse square.

The error bar at t is the quantile of the level times the posterior standard deviation, plus the distance to the fit
with a tenth of λ: a peak that the penalty flattens is off by about that. Other fits whose likelihood is not much less
are not ruled out, so that the band has theirs in it; nor are curves with a step that are about as likely as the curve:
the place of a step is known to some samples, in much noise to many. A step behind a sample is one more free coefficient
with the same prior, and may be behind any sample. Where the samples are clearly further from the curve than repeats
and neighbouring samples are from each other, the curve does not follow them, and the band is as much wider.

Sources: penalised splines, Eilers & Marx, Statist. Sci. 11 (1996) 89; restricted likelihood, Ruppert, Wand & Carroll,
Semiparametric Regression (2003); noise from neighbours, Gasser, Sroka & Jennen-Steinmetz, Biometrika 73 (1986)
625; prior of one sample, Kass & Wasserman, J. Amer. Statist. Assoc. 90 (1995) 928; bands,
Nychka, ibid. 83 (1988) 1134.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import BSpline
from scipy.linalg import cholesky, solve_triangular, svd

from adaptive_calib._arrays import Floats
from adaptive_calib._blas import one_thread

__all__ = ["FEWEST_PLACES", "GRID", "MeanCurve", "Samples", "fit"]

#: Where warp, noise and density are kept.
GRID = np.linspace(0.0, 1.0, 1001)
#: Pieces of the spline, and its degree.
KNOTS, DEGREE = 100, 4
#: Orders of the penalised differences, without and with a warp.
ORDERS, WARPED_ORDER = (3, 5), 2
#: Fewest places of a fit.
FEWEST_PLACES = 8
#: Strengths of the warp that are tried beside none, and the least steepness of a warp.
STRENGTHS = (0.5, 1.0, 1.5)
FLAT = 0.3
#: By how much -2 log likelihood has to be less for a warp. With 0 smooth curves in much noise were up to a fifth worse.
PRICE = 4.0
#: By how much more -2 log likelihood may be for a fit that is not ruled out.
PLAUSIBLE = 12.0
#: By how much -2 log likelihood has to be less for a step, beside the prior of its height and place: curves without a
#: step in noise are then rarely as likely with one.
STEP_PRICE = 8.0
#: Distances between neighbouring samples in which a step may be, the steepest ones of the curve.
MOST_STEPS = 100
#: Stretches of the noise level, and the fewest samples in one.
MOST_STRETCHES, FEWEST_IN_STRETCH = 12, 60
#: By how many standard deviations of it the variance around the curve has to be above that of neighbours.
CLEARLY = 4.0
#: Step of the derivative, and the shortest distance of samples that counts, as a share of the domain.
SMALL = 1e-6
#: Penalties that are tried, in units of the smallest.
PENALTIES = 10 ** np.linspace(0, 18, 109)

_STEP = 1 / KNOTS
_KNOTS = np.arange(-DEGREE, KNOTS + DEGREE + 1) * _STEP


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


class _Penalty:
    """The penalty of differences of one order.

    Attributes
    ----------
    order : int
    differences : array, shape (KNOTS + DEGREE - order, KNOTS + DEGREE)
    matrix : array, shape (KNOTS + DEGREE, KNOTS + DEGREE)
        The square of it.
    free : array, shape (KNOTS + DEGREE, order)
        Coefficients without penalty.
    logarithm : float
        Of the product of the eigenvalues that are not 0.
    least : float
        The smallest penalty, relative to the samples: with it a curve may bend from knot to knot.
    """

    def __init__(self, order: int) -> None:
        differences = np.diff(np.eye(KNOTS + DEGREE), order, axis=0)
        self.order, self.differences, self.matrix = order, differences, differences.T @ differences
        self.free = np.linalg.qr(np.polynomial.legendre.legvander(np.linspace(-1, 1, KNOTS + DEGREE), order - 1))[0]
        self.logarithm = float(np.linalg.slogdet(differences @ differences.T)[1])
        self.least = 10.0 ** (2 * order - 12)


_PENALTIES = {order: _Penalty(order) for order in (*ORDERS, WARPED_ORDER)}


class _Spline:
    """A penalised spline in u for one warp, one order of differences and one set of weights."""

    def __init__(self, u: Floats, samples: Samples, weights: Floats, penalty: _Penalty) -> None:
        basis = _basis(u)
        heavy = weights * samples.number
        normal = (basis.T.multiply(heavy) @ basis).toarray()
        right = basis.T @ (heavy * samples.mean)
        least = penalty.least * np.trace(normal) / np.trace(penalty.matrix)
        size, order = len(normal), penalty.order
        lower = cholesky(normal + least * penalty.matrix + 1e-13 * np.trace(normal) / size * np.eye(size), lower=True)
        # not of the square, whose small eigenvalues would be lost: smooth curves need them
        _, roots, turned = svd(solve_triangular(lower, penalty.differences.T, lower=True).T)
        spectrum = np.pad(roots**2, (0, order))
        self._back = solve_triangular(lower, turned.T, lower=True, trans=1)
        z = self._back.T @ right
        total = float((heavy * samples.mean**2).sum() + (weights * samples.scatter).sum())
        count = float(samples.number.sum())
        penalties = least * PENALTIES
        shrink = 1 / (1 + (penalties[:, None] - least) * spectrum)
        left = np.maximum(total - (z**2 * shrink).sum(axis=1), 1e-12 * total + 1e-300)
        scores = count * np.log(left / (count - order)) - np.log(shrink).sum(axis=1)
        scores -= (size - order) * np.log(penalties)
        best = int(scores.argmin())
        free = np.linalg.slogdet(penalty.free.T @ normal @ penalty.free)[1]
        #: -2 log likelihood, up to a constant of the samples and weights.
        self.score = float(scores[best] + 2 * np.log(np.diag(lower)).sum() - penalty.logarithm - free)
        self.score += order * (np.log(count) - 1)
        self.order = order
        self.variance = float(left[best] / (count - order))
        self._tried = z, shrink, left, scores + (self.score - scores[best])
        self._shrink = shrink[best]
        self._coefficients = self._back @ (self._shrink * z)
        looser = 1 / (1 + np.maximum(penalties[best] / 10 - least, 0) * spectrum)
        self._looser = self._back @ (looser * z)
        self.freedom = float(((1 - least * spectrum) * self._shrink).sum())

    def __call__(self, u: Floats) -> Floats:
        values: Floats = _basis(u) @ self._coefficients
        return values

    def with_steps(self, u: Floats, samples: Samples, weights: Floats, after: Any) -> tuple[Floats, Floats, Floats]:
        """Return the scores of the spline with a step behind one of the samples `after`, its coefficients, the heights.

        Shapes are (k,), (k, KNOTS + DEGREE) and (k,).
        """
        z, shrink, left, tried = self._tried
        heavy = weights * samples.number

        def behind(values: Any) -> Any:
            return np.cumsum(values[::-1], axis=0)[::-1][after + 1]

        count, own, product = samples.number.sum(), behind(heavy), behind(heavy * samples.mean)
        of_step = behind(_basis(u).toarray() * heavy[:, None]) @ self._back
        square = np.maximum(own[:, None] - of_step**2 @ shrink.T, 1e-9 * own[:, None])
        free = np.maximum(own - (of_step[:, -self.order :] ** 2).sum(axis=1), 1e-9 * own)
        heights = (product[:, None] - (of_step * z) @ shrink.T) / square
        less = np.maximum(1 - heights**2 * square / left, 1e-12) * (count - self.order) / (count - self.order - 1)
        scores = tried + count * np.log(less) + np.log(square / free[:, None])
        scores += np.log(count) - 1 + 2 * np.log(len(u)) + STEP_PRICE
        each, best = np.arange(len(after)), scores.argmin(axis=1)
        height = heights[each, best]
        coefficients = (shrink[best] * (z - height[:, None] * of_step)) @ self._back.T
        return scores[each, best], coefficients, height

    def functionals(self, rows: Any, quantile: float) -> tuple[Floats, Floats]:
        """Return linear functionals of the curve, rows of factors of its coefficients, and their half-widths.

        That is posterior standard deviations, plus the distance to the fit with a tenth of the penalty.
        """
        deviation = np.sqrt(self.variance * ((rows @ self._back) ** 2 * self._shrink).sum(axis=1))
        width: Floats = quantile * deviation + np.abs(rows @ (self._looser - self._coefficients))
        return rows @ self._coefficients, width


def _basis(u: Floats) -> Any:
    if not len(u):
        return np.zeros((0, KNOTS + DEGREE))
    return BSpline.design_matrix(np.clip(u, 0, 1), _KNOTS, DEGREE)


@dataclass(frozen=True)
class _Warped:
    """A spline of a warped coordinate: `warp` is u on the grid, `price` what is added to its score."""

    spline: _Spline
    warp: Floats
    price: float = 0.0

    @property
    def score(self) -> float:
        return self.spline.score + self.price

    def u(self, t: Floats) -> Floats:
        u: Floats = np.interp(t, GRID, self.warp)
        return u

    def __call__(self, t: Floats) -> Floats:
        return self.spline(self.u(t))


@dataclass(frozen=True, eq=False)
class MeanCurve:
    """A fitted curve.

    Attributes
    ----------
    splines : list of callable
        The curve, and others that the samples do not rule out; of t.
    noise : array, shape (len(GRID),)
        Standard deviation of a sample on the grid.
    places : array, shape (n,)
        Places of the samples, ascending.
    steps : array, shape (n + 1,)
        How far curves with a step are from the curve, before the first place, between two, and after the last.
    misfit : array, shape (len(GRID),)
        How far the samples are from the curve beyond what chance explains, root mean square on the grid; 0 where that
        is not clear.
    units : (int, int)
        Exponents of 2: splines, steps and misfit are multiplied by the first, the sum with the line by both; the noise
        is not.
    line : (float, float)
        Values at t = 0 and t = 1 of a straight line that is added.
    rounding : float
        What values are rounded to.
    """

    splines: list[_Warped]
    noise: Floats
    places: Floats
    steps: Floats
    misfit: Floats
    units: tuple[int, int] = (0, 0)
    line: tuple[float, float] = (0.0, 0.0)
    rounding: float = 0.0

    def __call__(self, t: Floats) -> Floats:
        """Return the mean at t."""
        value: Floats = np.ldexp(np.ldexp(self.splines[0](t), self.units[0]) + straight(self.line, t), self.units[1])
        return value

    def knots(self) -> Floats:
        """Return the places between which the curve is a polynomial, from 0 to 1."""
        inner = np.interp(np.arange(1, KNOTS) * _STEP, self.splines[0].warp, GRID)
        return np.unique(np.concatenate([GRID, inner]))

    def error(self, t: Floats, quantile: float) -> Floats:
        """Return the half-width of the band at t.

        It has the bands of all splines in it, and the curves with a step.
        """
        band = self._band(lambda each: _basis(each.u(t)), quantile) + quantile * np.interp(t, GRID, self.misfit)
        width = np.ldexp(band + self.steps[np.searchsorted(self.places, t)], sum(self.units))
        return np.asarray(width + self.rounding)

    def slope_error(self, t: Floats, quantile: float) -> Floats:
        """Return the half-width of the band of the derivative at t, from 0 to 1 along the domain."""
        low, high = np.maximum(t - SMALL, 0), np.minimum(t + SMALL, 1)

        def rows(each: _Warped) -> Any:
            difference = _basis(each.u(high)) - _basis(each.u(low))
            return difference.multiply(1 / (high - low)[:, None]).tocsr() if len(t) else difference

        # what the pieces do not follow may turn from one to the next
        misfit = quantile * np.interp(t, GRID, self.misfit) * KNOTS * np.interp(t, GRID, self.steepness())
        return np.asarray(np.ldexp(self._band(rows, quantile) + misfit, sum(self.units)))

    def _band(self, rows: Callable[[_Warped], Any], quantile: float) -> Floats:
        """Return the half-width around functionals of the curve that has those of all splines in it."""
        found = [each.spline.functionals(rows(each), quantile) for each in self.splines]
        return np.asarray(np.max([np.abs(value - found[0][0]) + width for value, width in found], axis=0))

    def resolution(self) -> float:
        """Return the length of two pieces of the spline where they are longest, as a share of the domain."""
        return float(2 * _STEP / self.steepness().min())

    def steepness(self) -> Floats:
        """Return du/dt on the grid, 1 in the mean."""
        slope = np.gradient(self.splines[0].warp, GRID)
        steepness: Floats = slope / slope.mean()
        return steepness


@one_thread
def fit(samples: Samples) -> MeanCurve:
    """Fit curve, warp and noise; at least `FEWEST_PLACES` places."""
    noise, weights = np.ones(len(GRID)), np.ones(len(samples.t))
    tried: list[_Warped] = []
    for step in range(2):
        tried = _tried(samples, weights, tried)
        if step == 0:
            noise = _noise(tried[0], samples)
            weights = np.interp(samples.t, GRID, noise) ** -2.0
            scale = weights.mean()
            weights, noise = weights / scale, noise * np.sqrt(scale)
    likely = [each for each in tried if each.score <= tried[0].score + PLAUSIBLE]
    level = noise * np.sqrt(tried[0].spline.variance)
    return MeanCurve(likely, level, samples.t, _steps(tried, samples, weights), _misfit(tried[0], samples))


def straight(line: ArrayLike, t: Floats) -> Floats:
    """Return a straight line at t, given its values at 0 and 1."""
    first, last = np.asarray(line)
    return np.asarray(first * (1 - t) + last * t)


def _tried(samples: Samples, weights: Floats, before: list[_Warped]) -> list[_Warped]:
    """Return splines without a warp, and those whose warp follows the best one so far; the best one first."""
    tried = [_Warped(_Spline(samples.t, samples, weights, _PENALTIES[order]), GRID) for order in ORDERS]
    first = before[0] if before else min(tried, key=lambda each: each.score)
    for warp in [_warped(first, strength) for strength in STRENGTHS]:
        spline = _Spline(np.interp(samples.t, GRID, warp), samples, weights, _PENALTIES[WARPED_ORDER])
        tried.append(_Warped(spline, warp, PRICE))
    return sorted(tried, key=lambda each: each.score)


def _warped(first: _Warped, strength: float) -> Floats:
    """Return a warp that is steep where a fit bends."""
    bend = np.gradient(np.gradient(first(GRID), GRID), GRID) ** 2
    length = np.clip(1 / (first.spline.freedom * np.maximum(np.gradient(first.warp, GRID), 0.2)), 0.002, 0.1)
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


def _off(curve: _Warped, samples: Samples) -> Floats:
    """Return the sum of squares of the distances from a fit at each place, as large as without its freedom."""
    count = float(samples.number.sum())
    off = samples.number * (samples.mean - curve(samples.t)) ** 2 + samples.scatter
    return np.asarray(off * count / max(count - curve.spline.freedom, 1))


def _steps(tried: list[_Warped], samples: Samples, weights: Floats) -> Floats:
    """Return `MeanCurve.steps`."""
    t, curve = samples.t, tried[0](samples.t)
    after = np.argsort(-np.abs(np.diff(curve)) / np.maximum(np.diff(t), SMALL), kind="stable")[:MOST_STEPS]
    found = np.zeros(len(t) + 1)
    for each in tried:
        scores, coefficients, heights = each.spline.with_steps(each.u(t), samples, weights, after)
        likely = scores + each.price <= tried[0].score + PLAUSIBLE
        last, height = after[likely], heights[likely]
        off = _basis(each.u(t)) @ coefficients[likely].T - curve[:, None]
        at = np.abs(off + height * (np.arange(len(t))[:, None] > last)).max(axis=1, initial=0.0)
        np.maximum(found, np.maximum(np.pad(at, (0, 1)), np.pad(at, (1, 0))), out=found)
        k = np.arange(len(last))
        np.maximum.at(found, last + 1, np.maximum(np.abs(off[last, k] + height), np.abs(off[last + 1, k])))
    return found


def _by_stretch(samples: Samples, *sums: Floats) -> list[Floats]:
    """Return the number of samples in each stretch, their mean place, and the means of `sums`, given at each place."""
    count = float(samples.number.sum())
    stretches = int(np.clip(count // FEWEST_IN_STRETCH, 1, MOST_STRETCHES))
    before = np.cumsum(samples.number) - samples.number / 2
    which = np.minimum((before / count * stretches).astype(int), stretches - 1)
    number = np.bincount(which, samples.number, stretches)
    kept = number > 0
    means = [np.bincount(which, each, stretches)[kept] / number[kept] for each in (samples.number * samples.t, *sums)]
    return [np.asarray(number[kept], dtype=float), *means]


def _misfit(curve: _Warped, samples: Samples) -> Floats:
    """Return `MeanCurve.misfit`."""
    t, weight = samples.t, 1 / samples.number
    share = (t[2:] - t[1:-1]) / (t[2:] - t[:-2])
    beside = samples.mean[1:-1] - share * samples.mean[:-2] - (1 - share) * samples.mean[2:]
    chance = beside**2 / (weight[1:-1] + share**2 * weight[:-2] + (1 - share) ** 2 * weight[2:])
    number, place, off, chance = _by_stretch(samples, _off(curve, samples), np.pad(chance, 1, "edge") + samples.scatter)
    more = off - chance
    clear = more > CLEARLY * np.sqrt(4 / number) * chance
    return np.asarray(np.interp(GRID, place, np.sqrt(np.where(clear, more, 0.0))))


def _noise(curve: _Warped, samples: Samples) -> Floats:
    """Return the noise level on the grid, in any unit."""
    number, place, off = _by_stretch(samples, _off(curve, samples))
    level = np.log(off + 1e-300)
    chance = 2 / number
    spread = max(float(level.var() - chance.mean()), 0.0)
    level = level.mean() + spread / (spread + chance) * (level - level.mean())
    noise: Floats = np.exp((np.interp(GRID, place, level) - level.mean()) / 2)
    return noise
