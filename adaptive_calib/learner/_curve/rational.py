"""A rational interpolant of all points in barycentric form (AAA), for scalar and vector values.

Mathematics
-----------
With support points z_1, ..., z_m among the points, values f_j there and weights w_j,

    r(t) = Σ_j w_j f_j / (t - z_j)  /  Σ_j w_j / (t - z_j)

interpolates at the z_j. The weights, of norm 1, minimize Σ |f(t_i) d(t_i) - n(t_i)|² over the other points: the
smallest right singular vector of the Loewner matrix with entries (f(t_i) - f_j) / (t_i - z_j). Support points are
added greedily, each where |f - r| is largest. Vectors have one set of weights: their Loewner matrices are stacked.
The support points are kept from fit to fit, so that a new point costs about one triangular factorization.

The poles are the zeros of the denominator: with s = Σ w_j, the eigenvalues of (I - 1 wᵀ/s) diag(z) but one, which is 0.
They are computed in 1/(t - σ) with a σ beside the domain, whose sum of weights is the denominator at σ.

Source: Nakatsukasa, Sète & Trefethen, "The AAA algorithm for rational approximation", SIAM J. Sci. Comput. 40 (2018)
A1494; Lietaert, Meerbergen, Pérez & Vandereycken, IMA J. Numer. Anal. 42 (2022) 1087, for vectors.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, Self

import numpy as np
from scipy.linalg.lapack import dgeqrf, dtrtrs

from adaptive_calib._arrays import Floats

__all__ = ["Rational", "rounding", "triangular"]

#: Fits are not made better than this fraction of the scale of the values.
TOLERANCE = 1e-12
STEEP = 1e-10
#: The largest number of support points.
MOST = 60
#: Where the poles are seen from, beside the domain [0, 1].
BESIDE = (-0.31, 1.29)
#: Up to this many support points, and of a matrix smaller than `SMALLEST`, the weights come from a singular value
#: decomposition, else from `ITERATIONS` steps of inverse iteration.
DIRECT, ITERATIONS, SMALLEST = 2, 4, 1e-290
#: Larger matrices are factorized in blocks of this many numbers: BLAS starts threads for more, which for matrices of
#: this size take a hundred times as long as the work.
BLOCK = 8000


class Rational:
    """A rational function; not changed once it is fitted.

    Attributes
    ----------
    exact : bool
        Whether it takes all values, to rounding, with fewer support points than there could be.

    Parameters
    ----------
    z : array, shape (m,)
        Support points.
    f : array, shape (m, N)
        Values there.
    w : array, shape (m,)
        Weights.
    factor : array, shape (m, m)
        A triangular factor of the Loewner matrix, to which further points can be added.
    """

    def __init__(self, z: Floats, f: Floats, w: Floats, factor: Floats) -> None:
        self.z, self.f, self.w = z, f, w
        self._wf = w[:, None] * f
        self._factor = factor
        self.exact = False

    @classmethod
    def fit(cls, t: Floats, y: Floats, scale: float, previous: Self | None = None, new: int = -1) -> tuple[Self, Self]:
        """Fit the points; return the function and the one with a support point less (the same if there is none).

        Parameters
        ----------
        t, y : array, shape (n,) and (n, N)
            Points and finite values.
        scale : float
            Scale of the values, positive.
        previous : Rational, optional
            A fit of these points without one; its support points are kept.
        new : int
            The number of the point that `previous` has not seen; -1 if it has not seen several.
        """
        n = len(t)
        most = max(min((n + 1) // 2, MOST), 1)
        mean = y.mean(axis=0)
        chosen: list[int] = []
        factor: Floats | None = None
        if previous is not None:
            chosen = np.searchsorted(t, previous.z).tolist()
            if new >= 0:
                row = (y[new] - previous.f) / (t[new] - previous.z)[:, None]
                factor = triangular(np.concatenate([previous._factor, row.T]))
        else:
            chosen = [int(np.argmax(np.abs(y - mean).max(axis=1)))]
        found: Self | None = None
        lower: Self | None = None
        exact = False
        tolerance = rounding(t, y, scale)
        left = np.ones(n, dtype=bool)
        left[chosen] = False
        while True:
            z, f = t[chosen], y[chosen]
            rest = np.flatnonzero(left)
            values = y[rest]
            cauchy = 1.0 / (t[rest, None] - z)
            if factor is None:
                # one matrix for each component, one below the other
                loewner = (values.T[:, :, None] - f.T[:, None, :]) * cauchy
                factor = triangular(loewner.reshape(-1, len(z)))
            w = _smallest(factor)
            lower, found = found, cls(z, f, w, factor)
            if len(chosen) >= most:
                break
            with np.errstate(all="ignore"):
                r = (cauchy @ found._wf) / (cauchy @ w)[:, None]
                residual = np.abs(values - r).max(axis=1)
            if not np.isfinite(residual).all():
                residual = np.abs(values - np.where(np.isfinite(r), r, mean)).max(axis=1)
            if (residual <= tolerance[rest]).all():
                exact = True
                break
            chosen.append(int(rest[np.argmax(residual)]))
            left[chosen[-1]] = False
            factor = None
        found.exact = exact
        return found, lower or found

    def __call__(self, u: Floats) -> Floats:
        """Return the values at `u`, shape (len(u), N); 0 where the function is not finite."""
        return self._evaluated(u)[0]

    def values_and_signs(self, u: Floats) -> tuple[Floats, Floats]:
        """Return the values at `u` and the signs there of the denominator as a polynomial.

        Between two places with different signs there is a pole.
        """
        value, d = self._evaluated(u)
        crossings = np.searchsorted(np.sort(self.z), u)
        signs = np.where(crossings % 2, -1.0, 1.0) * np.sign(d)
        return value, np.where(np.isfinite(signs), signs, 0.0)

    def _evaluated(self, u: Floats) -> tuple[Floats, Floats]:
        """Return the values and the denominators in barycentric form."""
        distance = u[:, None] - self.z
        with np.errstate(all="ignore"):
            cauchy = 1.0 / distance
            d = cauchy @ self.w
            value = (cauchy @ self._wf) / d[:, None]
        good = np.isfinite(value)
        if not good.all():
            value = np.where(good, value, 0.0)
            at, which = np.nonzero(distance == 0.0)
            value[at] = self.f[which]
        return value, d

    def poles(self) -> Any:
        """Return the poles, complex."""
        m = len(self.w)
        if m < 2:
            return np.zeros(0, dtype=complex)
        # 1 / (t - place) instead of t: poles at infinity, which there often are, become harmless zeros
        best: tuple[float, float, Floats, Floats] | None = None
        for place in BESIDE:
            u = 1.0 / (self.z - place)
            w = self.w * u
            sum_of_weights = float(w.sum())
            quality = abs(sum_of_weights) / float(np.abs(w).sum())
            if best is None or quality > best[0]:
                best = quality, place, u, w / (sum_of_weights or 1.0)
        assert best is not None
        _, place, u, w = best
        found = np.linalg.eigvals(np.diag(u) - w * u).astype(complex)
        return place + 1.0 / found[np.abs(found) > 1e-9]

    @np.errstate(all="ignore")  # a pole at a support point has none
    def residues(self, poles: Any) -> Any:
        """Return the residues at simple poles, complex, shape (len(poles), N)."""
        cauchy = 1.0 / (poles[:, None] - self.z)
        return (cauchy @ self._wf) / (-(cauchy**2) @ self.w)[:, None]


def rounding(t: Floats, y: Floats, scale: float) -> Floats:
    """Return how near to each value a fit is worth to be, shape (n,).

    `TOLERANCE` of the scale, the rounding error of the largest value, and what a rounding error of the coordinate does
    to the value: it is large beside a narrow peak. There it is at most `STEEP` of the scale.
    """
    eps = float(np.finfo(float).eps)
    steep = np.zeros(len(t))
    steep[:-1] = slope = np.abs(y[1:] - y[:-1]).max(axis=1) / (t[1:] - t[:-1])
    np.maximum(steep[1:], slope, out=steep[1:])
    near: Floats = np.minimum(8 * eps * steep, STEEP * scale)
    return TOLERANCE * scale + 2 * eps * float(np.abs(y).max()) + near


def triangular(matrix: Floats) -> Floats:
    """Return a matrix with as many rows as columns at most and the same singular values and right singular vectors."""
    rows, m = matrix.shape
    block = max(BLOCK // m, 2 * m)
    while rows > block:
        parts = [triangular(matrix[i : i + block]) for i in range(0, rows, block)]
        matrix = np.concatenate(parts)
        rows = len(matrix)
    factor: Floats = dgeqrf(matrix)[0][:m]
    return factor * _upper(len(factor), m)  # below the diagonal dgeqrf leaves the reflections


@lru_cache(maxsize=256)
def _upper(rows: int, m: int) -> Floats:
    return np.tri(m, rows).T


def _smallest(factor: Floats) -> Floats:
    """Return the smallest right singular vector, by inverse iteration.

    It takes a sixth of the time of a singular value decomposition. Missing rows are rows of zeros.
    """
    rows, m = factor.shape
    if m == 1:
        return np.ones(1)
    size = float(np.abs(np.diagonal(factor)).max())
    if m <= DIRECT or not SMALLEST < size < math.inf:
        return np.asarray(np.linalg.svd(factor, full_matrices=rows < m)[2][-1])
    r = np.zeros((m, m), order="F")
    r[:rows] = factor / size
    diagonal = np.diagonal(r)
    eps = float(np.finfo(float).eps)
    np.fill_diagonal(r, np.where(np.abs(diagonal) < eps, eps, diagonal))
    w: Floats = np.full(m, 1.0)
    for _ in range(ITERATIONS):
        for transposed in (1, 0):
            w, _ = dtrtrs(r, w, trans=transposed)
            w /= math.sqrt(w @ w)
    return w
