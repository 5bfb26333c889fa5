"""A least-squares polynomial of all points, for values with noise, and a test for noise.

The degree is the last one that lowered the score of generalized cross-validation, rms / (1 - d/n) with d coefficients
and n points, by a tenth. The estimate of the error is twice the score times √(d/n), the share of the noise that d
coefficients take in, and, beside a point, at least the distance from its value.

Residuals r_i, from left to right, *look like noise* if they are no smooth function, Σ (r_{i+1} - r_i)² / Σ r_i² near 2
(von Neumann's ratio), and not a few peaks, median |r| / rms above 0.4 (0.67 for normal noise). A function that is not
resolved yet may look the same. That it is noise is shown by points close to each other: their values differ by about as
much as others do (`pairs`).

Source: von Neumann, "Distribution of the ratio of the mean square successive difference to the variance", Ann. Math.
Statist. 12 (1941) 367; Golub, Heath & Wahba, Technometrics 21 (1979) 215, for generalized cross-validation.
"""

from __future__ import annotations

import math

import numpy as np

from adaptive_calib._arrays import Floats
from adaptive_calib.learner._curve.polynomials import inserted
from adaptive_calib.learner._curve.rational import largest, triangular

__all__ = ["FEWEST", "LeastSquares"]

#: With fewer points there is none.
FEWEST = 10
#: The largest number of coefficients.
MOST = 40
#: With fewer points residuals are not looked at.
FEWEST_RESIDUALS = 16
#: Neighbours nearer than this fraction of the mean distance are a pair.
CLOSE = 0.02
#: A pair shows noise if its values differ by more than this fraction of the rms of the residuals.
DIFFERENT = 0.2


class LeastSquares:
    """Fit of the points `t`, shape (n,), in [0, 1], and values `y`, shape (n, N).

    Attributes
    ----------
    rests : array, shape (n,)
        Distance from the values (the largest of the components), at least the estimated error.
    rms : float
        Of the residuals, of the component where it is largest.
    noise_like : bool
        Whether the residuals look like noise.
    """

    def __init__(self, t: Floats, y: Floats) -> None:
        n, best = len(t), math.inf
        basis = np.polynomial.chebyshev.chebvander(2.0 * t - 1.0, min(MOST, n // 3) - 1)
        size = basis.shape[1]
        whole = triangular(np.concatenate([basis, y], axis=1))
        r, c = whole[:size, :size], whole[:size, size:]
        # the sum of squares left by the first d coefficients
        squares = np.cumsum((whole[:, size:] ** 2)[::-1], axis=0)[::-1][1 : size + 1]
        degree, estimate = 1, math.inf
        for d, rms in enumerate(np.sqrt(squares.max(axis=1) / n).tolist(), start=1):
            score = rms / (1 - d / n)
            if score < 0.9 * best:  # a further coefficient has to be worth it
                best, degree, estimate = score, d, 2 * score * math.sqrt(d / n)
        self._c = np.linalg.solve(r[:degree, :degree], c[:degree])
        self._estimate = estimate
        residuals = y - basis[:, :degree] @ self._c
        self.rests: Floats = np.maximum(largest(residuals), estimate)
        of_components = np.sqrt(np.mean(residuals**2, axis=0))
        worst = int(np.argmax(of_components))
        self.rms = float(of_components[worst])
        self.noise_like = False
        if n >= FEWEST_RESIDUALS and self.rms > 0:
            one = residuals[:, worst]
            ratio = float(np.sum(np.diff(one) ** 2) / np.sum(one**2))
            # the ratio of noise has a standard deviation of about 2 / √n
            self.noise_like = ratio > 2 - 6 / math.sqrt(n) and float(np.median(np.abs(one))) > 0.4 * self.rms

    def insert(self, at: int, rest: float) -> None:
        """Take in that the point number `at` is new and how far its value is from the polynomial, without a new fit."""
        self.rests = inserted(self.rests, at, max(rest, self._estimate))

    def pairs(self, t: Floats, y: Floats) -> tuple[int, int]:
        """Return how many pairs of close neighbours there are, and how many of them show noise.

        In each tenth of the domain the closest pair counts only: where points crowd together because the function is
        steep there, the values of the closest differ the least. Over a step those of the closest pair differ, but not
        those of either pair beside it.
        """
        h = t[1:] - t[:-1]
        close = (h < CLOSE * (t[-1] - t[0]) / len(h)).nonzero()[0]
        if not len(close):
            return 0, 0
        longest_first = close[h[close].argsort()[::-1]]
        tenths = np.floor(10 * t[longest_first]).tolist()
        close = np.array(list(dict(zip(tenths, longest_first.tolist(), strict=True)).values()))
        steps = np.zeros(len(h) + 2)  # with a 0 at either end
        steps[1:-1] = largest(y[1:] - y[:-1])
        apart = np.minimum(steps[close + 1], np.maximum(steps[close], steps[close + 2]))
        return len(close), int(np.sum(apart > DIFFERENT * self.rms))

    def __call__(self, u: Floats) -> Floats:
        """Return the values at `u` in [0, 1], shape (len(u), N)."""
        angle = np.arccos(2.0 * u - 1.0)
        return np.asarray(np.cos(angle[:, None] * np.arange(len(self._c))) @ self._c, dtype=np.float64)
