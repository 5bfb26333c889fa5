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
from typing import Any, Self

import numpy as np
from scipy.linalg.lapack import dtrtrs

from adaptive_calib._arrays import Floats

__all__ = ["Rational", "rounding", "triangular"]

#: Fits are not made better than this fraction of the scale of the values.
TOLERANCE = 1e-12
STEEP = 1e-10
#: The largest number of support points.
MOST = 60
#: Where the poles are seen from, beside the domain [0, 1].
BESIDE = (-0.31, 1.29)
#: Up to this many support points the weights come from a singular value decomposition, beyond from inverse iteration,
#: unless the matrix is smaller than `SMALLEST`.
DIRECT, ITERATIONS, SMALLEST = 8, 4, 1e-290


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
        while True:
            z, f = t[chosen], y[chosen]
            left = np.ones(n, dtype=bool)
            left[chosen] = False
            rest, values = t[left], y[left]
            cauchy = 1.0 / (rest[:, None] - z)
            if factor is None:
                loewner = (values[:, None, :] - f[None, :, :]) * cauchy[:, :, None]
                factor = triangular(loewner.transpose(0, 2, 1).reshape(-1, len(z)))
            w = _smallest(factor)
            lower, found = found, cls(z, f, w, factor)
            if len(chosen) >= most:
                break
            with np.errstate(all="ignore"):
                r = (cauchy @ (w[:, None] * f)) / (cauchy @ w)[:, None]
            residual = np.abs(values - np.where(np.isfinite(r), r, mean)).max(axis=1)
            exact = bool((residual <= tolerance[left]).all())
            if exact:
                break
            chosen.append(int(np.flatnonzero(left)[np.argmax(residual)]))
            factor = None
        found.exact = exact
        return found, lower or found

    def __call__(self, u: Floats) -> Floats:
        """Return the values at `u`, shape (len(u), N); 0 where the function is not finite."""
        return self.values_and_signs(u)[0]

    def values_and_signs(self, u: Floats) -> tuple[Floats, Floats]:
        """Return the values at `u` and the signs there of the denominator as a polynomial.

        Between two places with different signs there is a pole.
        """
        with np.errstate(all="ignore"):
            distance = u[:, None] - self.z
            cauchy = 1.0 / distance
            d = cauchy @ self.w
            value = (cauchy @ (self.w[:, None] * self.f)) / d[:, None]
        hit = distance == 0.0
        if hit.any():
            at, which = np.nonzero(hit)
            value[at] = self.f[which]
        crossings = (distance < 0).sum(axis=1)
        signs = np.sign(d) * np.where(crossings % 2, -1.0, 1.0)
        return np.where(np.isfinite(value), value, 0.0), np.where(np.isfinite(signs), signs, 0.0)

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
        found = np.linalg.eigvals(np.diag(u) - np.outer(np.ones(m), w * u)).astype(complex)
        return place + 1.0 / found[np.abs(found) > 1e-9]

    def residues(self, poles: Any) -> Any:
        """Return the residues at simple poles, complex, shape (len(poles), N)."""
        cauchy = 1.0 / (poles[:, None] - self.z)
        return (cauchy @ (self.w[:, None] * self.f)) / (-(cauchy**2) @ self.w)[:, None]


def rounding(t: Floats, y: Floats, scale: float) -> Floats:
    """Return how near to each value a fit is worth to be, shape (n,).

    `TOLERANCE` of the scale, the rounding error of the largest value, and what a rounding error of the coordinate does
    to the value: it is large beside a narrow peak. There it is at most `STEEP` of the scale.
    """
    eps = float(np.finfo(float).eps)
    slope = np.abs(np.diff(y, axis=0)).max(axis=1) / (t[1:] - t[:-1])
    steep = np.maximum(np.append(slope, 0.0), np.insert(slope, 0, 0.0))
    near: Floats = np.minimum(8 * eps * steep, STEEP * scale)
    return TOLERANCE * scale + 2 * eps * float(np.abs(y).max()) + near


def triangular(matrix: Floats) -> Floats:
    """Return a matrix with as many rows as columns and the same singular values and right singular vectors.

    In blocks of about twice as many rows as columns: they stay in the cache, and BLAS starts no threads for them, which
    for matrices of this size take a hundred times as long as the work.
    """
    rows, m = matrix.shape
    while rows > 2 * m:
        block = 2 * m
        count = rows // block
        whole = np.linalg.qr(matrix[: count * block].reshape(count, block, m), mode="r")
        matrix = np.concatenate([np.asarray(whole).reshape(-1, m), matrix[count * block :]])
        rows = len(matrix)
    return np.asarray(np.linalg.qr(matrix, mode="r"))


def _smallest(factor: Floats) -> Floats:
    """Return the smallest right singular vector.

    For larger matrices by inverse iteration, in a sixth of the time of a singular value decomposition.
    """
    rows, m = factor.shape
    if m == 1:
        return np.ones(1)
    size = float(np.abs(np.diagonal(factor)).max())
    if m <= DIRECT or rows < m or not SMALLEST < size < math.inf:
        return np.asarray(np.linalg.svd(factor, full_matrices=rows < m)[2][-1])
    r = factor / size
    diagonal = np.diagonal(r)
    eps = float(np.finfo(float).eps)
    np.fill_diagonal(r, np.where(np.abs(diagonal) < eps, eps, diagonal))
    w: Floats = np.full(m, 1.0)
    for _ in range(ITERATIONS):
        for transposed in (1, 0):
            w, _ = dtrtrs(r, w, trans=transposed)
            w /= math.sqrt(w @ w)
    return w
