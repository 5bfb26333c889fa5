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
from scipy.linalg.lapack import dgeev, dgeqrf, dtrtrs

from adaptive_calib._arrays import Floats

__all__ = ["Rational", "largest", "rounding", "triangular"]

#: Fits are not made better than this fraction of the scale of the values.
TOLERANCE = 1e-12
STEEP = 1e-10
EPS = float(np.finfo(float).eps)
#: The largest number of support points.
MOST = 60
#: Where the poles are seen from, beside the domain [0, 1].
BESIDE = np.array([[-0.31], [1.29]])
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
        self._wf = w * f.T
        self._factor = factor
        self.exact = False

    @classmethod
    @np.errstate(all="ignore")
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
        components = y.T.copy()  # rows that follow one another in memory make all below several times as fast
        factor: Floats | None = None
        if previous is None:
            chosen = [int(np.abs(components - components.mean(axis=1, keepdims=True)).max(axis=0).argmax())]
        else:
            chosen = t.searchsorted(previous.z).tolist()
            if new >= 0:
                row = (y[new] - previous.f) / (t[new] - previous.z)[:, None]
                factor = triangular(np.concatenate([previous._factor, row.T]))
        found: Self | None = None
        lower: Self | None = None
        tolerance = rounding(t, y, scale)
        loosest = float(tolerance.max())
        left = np.ones(n, dtype=bool)
        left[chosen] = False
        while True:
            support = np.array(chosen)
            z, f = t[support], y[support]
            rest = left.nonzero()[0]
            values = components.take(rest, axis=1)
            cauchy = 1.0 / (t[rest] - z[:, None])
            if factor is None:
                # one matrix for each component, one below the other
                loewner = (values - f[:, :, None]) * cauchy[:, None]
                factor = triangular(loewner.reshape(len(z), -1).T)
            lower, found = found, cls(z, f, _smallest(factor), factor)
            if len(chosen) >= most:
                break
            r = (found._wf @ cauchy) / (found.w @ cauchy)
            residual = np.abs(values - r).max(axis=0)
            worst = int(residual.argmax())  # NaN, if there is one
            if not residual[worst] < math.inf:
                r = np.where(np.isfinite(r), r, components.mean(axis=1, keepdims=True))
                residual = np.abs(values - r).max(axis=0)
                worst = int(residual.argmax())
            if residual[worst] <= loosest and (residual <= tolerance[rest]).all():
                found.exact = True
                break
            chosen.append(int(rest[worst]))
            left[chosen[-1]] = False
            factor = None
        return found, lower or found

    def __call__(self, u: Floats) -> Floats:
        """Return the values at `u`, shape (len(u), N); 0 where the function is not finite."""
        return self._evaluated(u)[0]

    def values_and_signs(self, u: Floats) -> tuple[Floats, Floats]:
        """Return the values at `u` and the signs there of the denominator as a polynomial, NaN at support points.

        Between two places with different signs there is a pole.
        """
        value, d = self._evaluated(u)
        crossings = np.sort(self.z).searchsorted(u)
        return value, np.sign(np.where(crossings & 1, -d, d))

    def _evaluated(self, u: Floats) -> tuple[Floats, Floats]:
        """Return the values and the denominators in barycentric form."""
        distance = u - self.z[:, None]
        with np.errstate(all="ignore"):
            cauchy = 1.0 / distance
            d = self.w @ cauchy
            value = (self._wf @ cauchy) / d
        good = np.isfinite(value)
        if not good.all():
            value = np.where(good, value, 0.0)
            which, at = np.nonzero(distance == 0.0)
            value[:, at] = self.f[which].T
        return value.T, d

    def poles(self) -> Any:
        """Return the poles, complex."""
        m = len(self.w)
        if m < 2:
            return np.zeros(0, dtype=complex)
        # 1 / (t - place) instead of t: poles at infinity, which there often are, become harmless zeros
        u = 1.0 / (self.z - BESIDE)
        w = self.w * u
        sums = w.sum(axis=1)
        best = int((np.abs(sums) / np.abs(w).sum(axis=1)).argmax())
        real, imaginary = dgeev(np.diag(u[best]) - w[best] / (sums[best] or 1.0) * u[best], compute_vl=0, compute_vr=0)[
            :2
        ]
        found = real + 1j * imaginary
        return BESIDE[best] + 1.0 / found[np.abs(found) > 1e-9]

    @np.errstate(all="ignore")  # a pole at a support point has none
    def residues(self, poles: Any) -> Any:
        """Return the residues at simple poles, complex, shape (len(poles), N)."""
        cauchy = 1.0 / (poles[:, None] - self.z)
        return (cauchy @ self._wf.T) / (-(cauchy**2) @ self.w)[:, None]


def largest(rows: Floats) -> Floats:
    """Return the largest absolute value in each row; as `numpy.max`, but ten times as fast for short rows."""
    return np.asarray(np.maximum.reduce(np.abs(rows.T, order="C")))


def rounding(t: Floats, y: Floats, scale: float) -> Floats:
    """Return how near to each value a fit is worth to be, shape (n,).

    `TOLERANCE` of the scale, the rounding error of the largest value, and what a rounding error of the coordinate does
    to the value: it is large beside a narrow peak. There it is at most `STEEP` of the scale.
    """
    steep = np.zeros(len(t))
    steep[:-1] = slope = largest(y[1:] - y[:-1]) / (t[1:] - t[:-1])
    np.maximum(steep[1:], slope, out=steep[1:])
    near: Floats = np.minimum(8 * EPS * steep, STEEP * scale)
    return TOLERANCE * scale + 2 * EPS * float(np.abs(y).max()) + near


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
    diagonal = np.abs(factor.diagonal())
    size = float(diagonal.max())
    if m <= DIRECT or not SMALLEST < size < math.inf:
        return np.asarray(np.linalg.svd(factor, full_matrices=rows < m)[2][-1])
    r = np.zeros((m, m), order="F")
    r[:rows] = factor
    r /= size
    if rows < m or diagonal.min() < EPS * size:
        diagonal = r.diagonal()
        r.flat[:: m + 1] = np.where(np.abs(diagonal) < EPS, EPS, diagonal)
    w: Floats = np.ones(m)
    for _ in range(ITERATIONS):
        for transposed in (1, 0):
            w = dtrtrs(r, w, trans=transposed)[0]
            w /= math.sqrt(w.dot(w))
    return w
