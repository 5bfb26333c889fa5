"""Noise in the values of a curve, distinguished from structure that is not resolved yet.

Mathematics
-----------
For k + 1 neighbouring points the divided difference y[x_0, ..., x_k] is a sum Σ w_i y_i that vanishes for polynomials
of degree below k. Divided by (Σ w_i²)^½ it is, for values with independent errors of standard deviation σ, a number of
standard deviation σ for every k; for a smooth function it falls with every k. So where these numbers stay of one size
from k = 4 to 6, and have both signs, the values look like noise (`plateau`).

A wave that is faster than the points are dense looks so, too. They differ at *twins*, points next to
observed ones (`Domain1D.twin`): there a function that can be resolved at all has changed by next to nothing, and noise
by √2 σ.

Source: J. J. Moré and S. M. Wild, Estimating computational noise, SIAM J. Sci. Comput. 33 (2011) 1292, with divided
instead of plain differences, as the points are not equally spaced.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from adaptive_calib._arrays import Floats

__all__ = ["WINDOW", "plateau"]

#: Number of consecutive points of which `plateau` is asked.
WINDOW = 10
#: Orders of the differences that are compared.
ORDERS = (4, 5, 6)
#: Largest ratio of two sizes that count as the same, as Moré & Wild take for three orders.
RATIO = 4.0


def _contrasts(points: Floats, values: Floats, order: int) -> Floats:
    """Return the scaled differences of one order, shape (number of points - order,)."""
    at = np.arange(len(points) - order)[:, None] + np.arange(order + 1)
    x = points[at]
    # in units of the window, so that no product overflows
    gaps = (x[:, :, None] - x[:, None, :]) / (x[:, -1:] - x[:, :1])[:, :, None]
    gaps[:, np.arange(order + 1), np.arange(order + 1)] = 1.0
    w = 1 / np.prod(gaps, axis=2)
    return np.asarray(np.sum(w * values[at], axis=1) / np.sqrt(np.sum(w**2, axis=1)))


def plateau(points: Sequence[float], values: Sequence[float]) -> float | None:
    """Return the standard deviation of what looks like noise in consecutive values; None if it does not look so.

    Parameters
    ----------
    points, values : sequence of float
        `WINDOW` points, ascending, and their finite values.

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.learner._interval.noise import plateau
    >>> x = np.linspace(0, 0.1, 10)
    >>> plateau(x, np.sin(x)) is None or plateau(x, np.sin(x)) < 1e-15
    True
    >>> noise = np.array([3.0, -1, 4, -1, 5, -9, 2, 6, -5, 3]) * 1e-3
    >>> 1e-3 < plateau(x, np.sin(x) + noise) < 1e-2
    True
    """
    x, y = np.array(points, dtype=float), np.array(values, dtype=float)
    scale = float(np.abs(y).max())
    if not 0.0 < scale < math.inf:
        return None
    sizes = []
    for order in ORDERS:
        differences = _contrasts(x, y / scale, order)
        if not (differences.min() < 0.0 < differences.max()):
            return None
        sizes.append(math.sqrt(float(np.mean(differences**2))))
    if max(sizes) > RATIO * min(sizes):
        return None
    return scale * float(np.median(sizes))
