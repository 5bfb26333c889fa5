"""A rational interpolant of all points in barycentric form (AAA), for scalar and vector values.

Mathematics
-----------
With support points z_1, ..., z_m among the points, values f_j there and weights w_j,

    r(t) = Σ_j w_j f_j / (t - z_j)  /  Σ_j w_j / (t - z_j)

interpolates at the z_j. The weights, of norm 1, minimize Σ |f(t_i) d(t_i) - n(t_i)|² over the other points: they are the
smallest right singular vector of the Loewner matrix with entries (f(t_i) - f_j) / (t_i - z_j). Support points are
added greedily, each where |f - r| is largest. Vectors have one set of weights: their Loewner matrices are stacked.
The support points are kept from fit to fit, so that a new point costs about one triangular factorization.

The poles are the zeros of the denominator: with s = Σ w_j, the eigenvalues of (I - 1 wᵀ/s) diag(z) but one, which is 0.

Source: Nakatsukasa, Sète & Trefethen, "The AAA algorithm for rational approximation", SIAM J. Sci. Comput. 40 (2018)
A1494; Lietaert, Meerbergen, Pérez & Vandereycken, IMA J. Numer. Anal. 42 (2022) 1087, for vectors.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from adaptive_calib._arrays import Floats

__all__ = ["Rational"]

#: Fits are not made better than this fraction of the scale of the values.
TOLERANCE = 1e-13
#: The largest number of support points.
MOST = 40


class Rational:
    """A rational function; immutable.

    Parameters
    ----------
    z : array, shape (m,)
        Support points.
    f : array, shape (m, N)
        Values there.
    w : array, shape (m,)
        Weights.
    """

    def __init__(self, z: Floats, f: Floats, w: Floats) -> None:
        self.z, self.f, self.w = z, f, w

    @classmethod
    def fit(cls, t: Floats, y: Floats, scale: float, support: Floats | None = None) -> tuple[Self, Self]:
        """Fit the points; return the function and the one with a support point less (the same if there is none).

        Parameters
        ----------
        t, y : array, shape (n,) and (n, N)
            Points and finite values.
        scale : float
            Scale of the values, positive.
        support : array, optional
            Support points to begin with; those that are no points any more are left out.
        """
        n = len(t)
        most = min((n + 1) // 2, MOST)
        chosen: list[int] = []
        if support is not None:
            at = np.searchsorted(t, support)
            at = at[at < n]
            chosen = [int(i) for i, z in zip(at, support, strict=False) if t[i] == z][: max(most, 1)]
        left = np.ones(n, dtype=bool)
        left[chosen] = False
        mean = y.mean(axis=0)
        found: Self | None = None
        lower: Self | None = None
        residual = np.abs(y - mean).max(axis=1)
        while True:
            if found is not None or not chosen:
                if found is not None and (len(chosen) >= most or residual.max() <= TOLERANCE * scale):
                    break
                j = int(np.argmax(np.where(left, residual, -1.0)))
                chosen.append(j)
                left[j] = False
            z, f = t[chosen], y[chosen]
            rest, values = t[left], y[left]
            cauchy = 1.0 / (rest[:, None] - z)
            w = _weights(cauchy, values, f)
            lower, found = found, cls(z, f, w)
            with np.errstate(all="ignore"):
                r = (cauchy @ (w[:, None] * f)) / (cauchy @ w)[:, None]
            r = np.where(np.isfinite(r), r, mean)
            residual = np.zeros(n)
            residual[left] = np.abs(values - r).max(axis=1)
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
        s = self.w.sum()
        if abs(s) < 1e-12:
            s = 1e-12 if s >= 0 else -1e-12
        # moved by 1, away from the eigenvalue 0 that is no pole; points lie in [0, 1]
        z = self.z + 1.0
        found = np.linalg.eigvals(np.diag(z) - np.outer(np.ones(m), self.w * z) / s).astype(complex)
        return np.delete(found, int(np.argmin(np.abs(found)))) - 1.0


def _weights(cauchy: Floats, values: Floats, f: Floats) -> Floats:
    """Return the smallest singular vector of the stacked Loewner matrices, shape (m,)."""
    m = f.shape[0]
    if m == 1:
        return np.ones(1)
    loewner = ((values[:, None, :] - f[None, :, :]) * cauchy[:, :, None]).transpose(0, 2, 1).reshape(-1, m)
    rows = len(loewner)
    if rows > 2 * m:
        loewner = np.linalg.qr(loewner, mode="r")
        rows = m
    return np.asarray(np.linalg.svd(loewner, full_matrices=rows < m)[2][-1])
