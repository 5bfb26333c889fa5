"""A least-squares polynomial of all points, for values with noise.

The degree is the last one that lowered the score of generalized cross-validation, rms / (1 - d/n) with d coefficients
and n points, by a tenth. The estimate of the error is twice the score times √(d/n), the share of the noise that d
coefficients take in, and, beside a point, at least the distance from its value.
"""

from __future__ import annotations

import math

import numpy as np

from adaptive_calib._arrays import Floats

__all__ = ["FEWEST", "LeastSquares"]

#: With fewer points there is none.
FEWEST = 10
#: The largest number of coefficients.
MOST = 20


class LeastSquares:
    """Fit of the points `t`, shape (n,), in [0, 1], and values `y`, shape (n, N).

    Attributes
    ----------
    rests : array, shape (n,)
        Distance from the values (the largest of the components), at least the estimated error.
    """

    def __init__(self, t: Floats, y: Floats) -> None:
        n, best = len(t), math.inf
        basis = np.polynomial.chebyshev.chebvander(2.0 * t - 1.0, min(MOST, n // 3))
        q, r = np.linalg.qr(basis)
        c = q.T @ y
        # |y|² falls by |c_d|² with each coefficient; computed from the rest of a full fit, which does not cancel
        rest = y - q @ c
        squares = np.sum(rest**2, axis=0) + np.concatenate(
            [np.cumsum((c**2)[::-1], axis=0)[::-1][1:], np.zeros((1, y.shape[1]))]
        )
        degree, estimate = 1, math.inf
        for d, rms in enumerate(np.sqrt(squares.max(axis=1) / n).tolist(), start=1):
            score = rms / (1 - d / n)
            if score < 0.9 * best:  # a further coefficient has to be worth it
                best, degree, estimate = score, d, 2 * score * math.sqrt(d / n)
        self._c = np.linalg.solve(r[:degree, :degree], c[:degree])
        self._estimate = estimate
        self.rests: Floats = np.empty(0)
        self.compare(t, y)

    def compare(self, t: Floats, y: Floats) -> None:
        """Compute `rests` for these points."""
        self.rests = np.maximum(np.abs(self(t) - y).max(axis=1), self._estimate)

    def __call__(self, u: Floats) -> Floats:
        """Return the values at `u`, shape (len(u), N)."""
        return np.polynomial.chebyshev.chebval(2.0 * u - 1.0, self._c).T
