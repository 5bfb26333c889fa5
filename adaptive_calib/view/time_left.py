"""How many points are left to a goal for a loss or an error, extrapolated from how its share has grown.

The share of such a goal grows with the logarithm of the loss. A loss falls as a power of the number of points where
the function is rough, or the learner linear: the share is then a line over the logarithm of that number. It falls
exponentially where a smooth function is interpolated smoothly: the share is a line over the number itself. The line
that fits the last four fifths of the points better is continued. The range comes from the lines through the last 80, 60
and 40 % of the points, each shifted by its residuals, and a factor of 1.6 on both sides. These numbers were chosen on
curves of five kinds, the factor on 20 more.

How often the range held the true number: ``python -m tests.benchmarks time_left``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from adaptive_calib._arrays import Floats

__all__ = ["points_left"]

#: Fewest states of a run from which anything is extrapolated, in each part of it.
_FEWEST = 4
_PARTS, _MARGIN, _WIDEST = (0.8, 0.6, 0.4), 1.6, 20


def points_left(path: Sequence[tuple[int, float]]) -> tuple[float, float, float] | None:
    """Return the smallest, the likely and the largest number of points left until the share is 1; None if unknown.

    Parameters
    ----------
    path : sequence of (int, float)
        Numbers of points, increasing, and the share of the goal that was reached then, in [0, 1].

    Returns
    -------
    (float, float, float) or None
        None if the share does not grow, or says too little: if the largest number is `_WIDEST` times the likely one.

    Examples
    --------
    >>> from adaptive_calib.view.time_left import points_left
    >>> low, likely, high = points_left([(n, n / 100) for n in range(10, 60)])
    >>> low < likely < high, round(likely)
    (True, 41)
    """
    n, share = np.array([one for one, _ in path], float), np.array([one for _, one in path], float)
    parts = [n >= (1 - part) * n[-1] for part in _PARTS if len(path)]
    parts = [part for part in parts if part.sum() >= _FEWEST]
    if not parts:
        return None
    power = _line(np.log(n[parts[0]]), share[parts[0]])[2] <= _line(n[parts[0]], share[parts[0]])[2]
    x = np.log(n) if power else n
    found = []
    for part in parts:
        slope, value, residual = _line(x[part], share[part])
        for shift in (-residual, 0.0, residual):
            left = max(1 - value - shift, 0.0) / slope if slope > 0 else math.inf
            found.append(n[-1] * math.expm1(left) if power and left < 50 else left if not power else math.inf)
    low, likely, high = min(found) / _MARGIN, float(np.median(found)), max(found) * _MARGIN
    return (low, likely, high) if math.isfinite(high) and high <= _WIDEST * max(likely, 1.0) else None


def _line(x: Floats, y: Floats) -> tuple[float, float, float]:
    """Return slope of the line of least squares, its value at the last x, and the root mean square of its residuals."""
    dx, dy = x - x.mean(), y - y.mean()
    slope = float(dx @ dy / (dx @ dx)) if (dx @ dx) > 0 else 0.0
    return slope, float(y.mean() + slope * dx[-1]), float(np.sqrt(np.mean((dy - slope * dx) ** 2)))
