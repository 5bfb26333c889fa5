"""Local polynomials through neighbouring points, with an estimate of the error on each interval.

Mathematics
-----------
On the interval between two neighbouring points the interpolant is Newton's polynomial through the `k` nearest points
(the ends of the interval first, then the others by their number of steps from it),

    p_k(t) = Σ_{j<k} c_j w_j(t),    w_j(t) = Π_{i<j} (t - t_i),

with divided differences c_j. The estimated error is that of the polynomial with two nodes fewer: the largest sum of
the absolute values of its next two terms, at five places in the interval. It is raised as if a kink at the end of the
interval had to be seen at a quarter of its size, and there are two further choices of nodes, on one side of the
interval only; both are explained in `adaptive_calib.learner.smooth1D`. The nodes of the smaller `k` are the first of
those of the larger, so that one table of divided differences serves both.

Only the estimates and the choices of nodes are kept; they change near a new point only. The coefficients are computed
when values of the interpolant are wanted.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adaptive_calib._arrays import Floats, Ints

__all__ = ["FEW", "MANY", "PLACES", "LocalPolynomials", "inserted"]

#: Nodes of the two polynomials. Of 4, 6, 8 and 10 nodes, 8 needed the fewest points for errors of 1e-6 on ordinary
#: functions; 16 halve the points on entire functions that oscillate.
FEW, MANY = 8, 16
#: From this many points on the polynomials with `MANY` nodes are used.
MANY_FROM = 31
#: Nodes of a polynomial on one side of its interval, the far end of the interval included.
SIDED = 6
#: How much smaller the estimate of a one-sided choice of nodes has to be.
PREFERENCE = 10.0
#: Where in an interval errors are estimated.
PLACES = np.array([0.15, 0.35, 0.5, 0.65, 0.85])

_OFFSETS = np.arange(-MANY, MANY + 2)[:, None]
_FAR = np.abs(_OFFSETS - 0.5)
_NEAREST = _OFFSETS[np.argsort(_FAR[:, 0], kind="stable")]
_ON_LEFT = np.array([*range(0, 1 - SIDED, -1), 1])[:, None]


def _central(rows: Ints, n: int, k: int) -> Any:
    """Return the numbers of the `k` points nearest to each interval, shape (k, len(rows)); `n` is the last point."""
    if rows.min() >= k // 2 and rows.max() + k // 2 <= n:
        return rows + _NEAREST[:k]
    at = rows + _OFFSETS
    far = _FAR + np.where((at < 0) | (at > n), 1e9, 0.0)
    order = np.argsort(far, axis=0, kind="stable")[:k]
    return rows + _OFFSETS[order, 0]


def _one_sided(rows: Ints, sign: int) -> Any:
    """Return the numbers of the points on one side of each interval, shape (SIDED, len(rows)), the far end last."""
    return rows + (_ON_LEFT if sign < 0 else 1 - _ON_LEFT)


def _evaluate(nodes: Floats, values: Floats, u: Floats) -> Floats:
    """Return Newton's polynomials with nodes (k, len(u)) and values (k, len(u), N) at `u`."""
    c = values.copy()
    for j in range(1, len(nodes)):
        c[j:] = (c[j:] - c[j - 1 : -1]) / (nodes[j:] - nodes[:-j])[:, :, None]
    value: Floats = c[-1]
    for j in range(len(c) - 2, -1, -1):
        value = value * (u - nodes[j])[:, None] + c[j]
    return value


def _leading(nodes: Floats, values: Floats, orders: list[int]) -> list[Floats]:
    """Return the absolute values of the divided differences of some orders, each from the first node.

    Nodes of shape (k, rows) and values (k, rows, N) give shapes (rows, N). By their explicit formula,
    Σ_i f_i / Π_j (t_i - t_j): it takes a third of the time of the table.
    """
    k = len(nodes)
    distances = nodes[:, None] - nodes
    distances.reshape(k * k, -1)[:: k + 1] = 1.0
    return [
        np.abs(np.add.reduce(values[:size] / np.multiply.reduce(distances[:size, :size])[:, :, None]))
        for size in (order + 1 for order in orders)
    ]


def inserted(array: Any, at: int, value: Any) -> Any:
    """Return a copy of `array` with `value` in front of row `at`; what `numpy.insert` does, ten times as fast."""
    new = np.empty((len(array) + 1, *array.shape[1:]), dtype=array.dtype)
    new[:at] = array[:at]
    new[at] = value
    new[at + 1 :] = array[at:]
    return new


class LocalPolynomials:
    """The estimates and choices of nodes of the two polynomials on each interval.

    Attributes
    ----------
    errors : array, shape (2, n - 1)
        Estimated errors with `FEW` and with `MANY` nodes, in units of the values.
    sided : array of int, shape (2, n - 1)
        0: central nodes; -1, 1: nodes on the left, on the right of the interval.
    """

    def __init__(self) -> None:
        self.errors: Floats = np.zeros((2, 0))
        self.sided = np.zeros((2, 0), dtype=np.int8)
        self._many = False

    def fit(self, t: Floats, y: Floats) -> None:
        """Estimate all errors anew; `t`, shape (n,), ascending, `y`, shape (n, N)."""
        self._many = len(t) >= MANY_FROM
        self.errors, self.sided = self._estimate(t, y, 0, len(t) - 1)

    def insert(self, t: Floats, y: Floats, at: int) -> None:
        """Take in that the point number `at` is new."""
        n = len(t) - 1
        if n <= 2 * MANY or (len(t) >= MANY_FROM) != self._many:
            self.fit(t, y)
            return
        i = min(max(at - 1, 0), n - 1)
        self.errors = inserted(self.errors.T, i, 0.0).T
        self.sided = inserted(self.sided.T, i, 0).T
        # an interval sees MANY nodes: MANY / 2 on each side, up to MANY beyond it at the ends
        low = 0 if at <= MANY else at - MANY // 2
        high = n if at >= n - MANY else at + MANY // 2
        self.errors[:, low:high], self.sided[:, low:high] = self._estimate(t, y, low, high)

    def _estimate(self, t: Floats, y: Floats, low: int, high: int) -> tuple[Floats, Any]:
        """Return errors and choices of nodes of the intervals low, ..., high - 1."""
        n = len(t) - 1
        k = min(MANY if self._many else FEW, n + 1)
        rows = np.arange(low, high)
        central = _central(rows, n, k)
        nodes, left = t[central], t[low:high]
        h = t[low + 1 : high + 1] - left
        # a break at the left end of the interval (at its right end for the first) has to be seen
        kink = np.maximum(nodes - left, 0.0) / h
        if low == 0:
            kink[:, 0] = np.maximum(t[1] - nodes[:, 0], 0.0) / h[0]
        values = np.concatenate([y[central] - y[low:high], kink[:, :, None]], axis=2)
        reach = left + PLACES[:, None] * h - nodes[:, None]
        sizes = [min(FEW, k), k] if self._many else [k]
        leading = iter(_leading(nodes, values, [order for size in sizes for order in (size - 2, size - 1)]))
        errors = np.empty((2, len(rows)))
        for number, size in enumerate(sizes):
            # the largest sum of the next two terms, of the kink and of the components
            w = np.abs(np.multiply.reduce(reach[: size - 2]))[:, :, None]
            terms = next(leading) * w + next(leading) * (w * np.abs(reach[size - 2])[:, :, None])
            largest = np.maximum.reduce(terms)
            seen = np.maximum(largest[:, -1], 1e-100)
            errors[number:] = np.maximum.reduce(largest[:, :-1], axis=1) * np.maximum(1.0, 0.25 / seen)
        sided = np.zeros((2, len(rows)), dtype=np.int8)
        if n >= SIDED - 1:
            # both sides together: those of the left in front
            first, last = max(low, SIDED - 2), min(high, n - SIDED + 2)
            at = np.concatenate([_one_sided(rows[first - low :], -1), _one_sided(rows[: last - low], 1)], axis=1)
            nodes = t[at]
            (difference,) = _leading(nodes, y[at] - y[at[0]], [SIDED - 1])
            e = np.maximum.reduce(difference, axis=1) * np.abs(np.multiply.reduce(nodes[-1] - nodes[:-1])) * PREFERENCE
            here = slice(first - low, None), slice(last - low)
            for sign, some, one in zip((-1, 1), here, (e[: high - first], e[high - first :]), strict=True):
                better = one < errors[:, some]
                errors[:, some] = np.where(better, one, errors[:, some])
                sided[:, some][better] = sign
        return errors, sided

    def __call__(self, t: Floats, y: Floats, u: Floats, rows: Any, number: int) -> Floats:
        """Return the values, shape (len(u), N), of polynomial `number` (0 or 1) of the intervals `rows` at `u`."""
        n = len(t) - 1
        k = min(MANY if self._many and number else FEW, n + 1)
        value = np.empty((len(u), y.shape[1]))
        sided = self.sided[number, rows]
        for side in np.unique(sided):
            some = sided == side
            at = _central(rows[some], n, k) if side == 0 else _one_sided(rows[some], int(side))
            value[some] = _evaluate(t[at], y[at], u[some])
        return value

    def both(self, t: Floats, y: Floats, u: float, row: int) -> tuple[Floats, Floats]:
        """Return the values, shape (N,), of both polynomials of the interval `row` at one place."""
        n = len(t) - 1
        values = []
        for number in (0, 1) if self._many else (0,):
            side = int(self.sided[number, row])
            k = min(MANY if number else FEW, n + 1)
            low = min(max(row - k // 2 + 1, 0), n + 1 - k)
            at = np.arange(low, low + k) if side == 0 else _one_sided(np.array([row]), side)[:, 0]
            # Lagrange's formula: for one place it takes fewer operations than divided differences. Not divided by the
            # sum of the weights: among crowded nodes they cancel, to 0 even
            nodes, reach = t[at], u - t[at]
            distances = nodes[:, None] - nodes
            distances.flat[:: len(at) + 1] = 1.0
            weights = np.multiply.reduce(reach) / (np.multiply.reduce(distances, axis=1) * reach)
            values.append(y[row] + weights @ (y[at] - y[row]))
        values.append(values[-1])
        return values[0], values[1]
