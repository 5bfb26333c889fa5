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

from adaptive_calib._arrays import Floats

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

_OFFSETS = np.arange(-MANY, MANY + 2)
_FAR = np.abs(_OFFSETS - 0.5)
_NEAREST = _OFFSETS[np.argsort(_FAR, kind="stable")]


def _central(rows: Any, n: int, k: int) -> Any:
    """Return the numbers of the `k` points nearest to each interval, shape (len(rows), k); `n` is the last point."""
    if rows.min() >= k // 2 and rows.max() + k // 2 <= n:
        return rows[:, None] + _NEAREST[:k]
    at = rows[:, None] + _OFFSETS
    far = _FAR + np.where((at < 0) | (at > n), 1e9, 0.0)
    order = np.argsort(far, axis=1, kind="stable")[:, :k]
    return rows[:, None] + _OFFSETS[order]


def _differences(nodes: Floats, values: Floats) -> Floats:
    """Return divided differences, shape (rows, k, ...), of nodes (rows, k) and values of the shape of the result."""
    c = np.array(values, dtype=float)
    spread = (slice(None), slice(None)) + (None,) * (c.ndim - 2)
    for j in range(1, nodes.shape[1]):
        c[:, j:] = (c[:, j:] - c[:, j - 1 : -1]) / (nodes[:, j:] - nodes[:, :-j])[spread]
    return c


def _leading(nodes: Floats, values: Floats, orders: list[int]) -> list[Floats]:
    """Return the absolute values, shape (rows, N), of the divided differences of some orders, each from the first node.

    By their explicit formula, Σ_i f_i / Π_j (t_i - t_j): it takes a third of the time of the table.
    """
    k = nodes.shape[1]
    distances = nodes[:, :, None] - nodes[:, None, :]
    distances[:, np.arange(k), np.arange(k)] = 1.0
    products = np.cumprod(distances, axis=1)
    return [
        np.abs(np.matmul(1.0 / products[:, order, None, : order + 1], values[:, : order + 1])[:, 0]) for order in orders
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
        rows = np.arange(len(t) - 1)
        self.errors, self.sided = self._estimate(t, y, rows)

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
        rows = np.arange(low, high)
        self.errors[:, rows], self.sided[:, rows] = self._estimate(t, y, rows)

    def _estimate(self, t: Floats, y: Floats, rows: Any) -> tuple[Floats, Any]:
        n = len(t) - 1
        k = min(MANY if self._many else FEW, n + 1)
        central = _central(rows, n, k)
        nodes = t[central]
        # a break at the left end of the interval (at its right end for the first) has to be seen
        first = rows == 0
        corner = t[np.where(first, 1, rows)][:, None]
        h = t[rows + 1] - t[rows]
        kink = np.maximum((nodes - corner) * np.where(first, -1.0, 1.0)[:, None], 0.0) / h[:, None]
        values = np.concatenate([y[central] - y[rows, None], kink[:, :, None]], axis=2)
        places = nodes[:, :1] + PLACES * h[:, None]
        products = np.cumprod(places[:, None, :] - nodes[:, : k - 1, None], axis=1)  # w_1, w_2, ... at the places
        sizes = [min(FEW, k), k] if self._many else [k]
        leading = _leading(nodes, values, [order for size in sizes for order in (size - 2, size - 1)])
        errors = np.empty((2, len(rows)))
        for number, size in enumerate(sizes):
            # the largest sum of the next two terms, of the kink and of the components
            terms = sum(
                leading[2 * number + i][:, :, None] * np.abs(products[:, size - 3 + i, None, :]) for i in (0, 1)
            )
            largest = np.max(terms, axis=2)
            errors[number] = largest[:, :-1].max(axis=1) * np.maximum(1.0, 0.25 / np.maximum(largest[:, -1], 1e-100))
        errors[1] = errors[len(sizes) - 1]
        sided = np.zeros((2, len(rows)), dtype=np.int8)
        if n >= SIDED - 1:
            # both sides together: those of the left in front
            goods = [np.flatnonzero(rows >= SIDED - 2), np.flatnonzero(rows + SIDED - 1 <= n)]
            at = np.concatenate([_one_sided(rows[good], sign) for good, sign in zip(goods, (-1, 1), strict=True)])
            nodes = t[at]
            (last,) = _leading(nodes, y[at] - y[at[:, :1]], [SIDED - 1])
            e = last.max(axis=1) * np.abs(np.prod(nodes[:, -1:] - nodes[:, :-1], axis=1)) * PREFERENCE
            for good, one, sign in ((goods[0], e[: len(goods[0])], -1), (goods[1], e[len(goods[0]) :], 1)):
                for number in (0, 1) if self._many else (0,):
                    better = one < errors[number, good]
                    which = good[better]
                    errors[number, which] = one[better]
                    sided[number, which] = sign
            if not self._many:
                errors[1], sided[1] = errors[0], sided[0]
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
            at = np.arange(low, low + k) if side == 0 else _one_sided(np.array([row]), side)[0]
            # Lagrange's formula: for one place it takes fewer operations than divided differences. Not divided by the
            # sum of the weights: among crowded nodes they cancel, to 0 even
            nodes, reach = t[at], u - t[at]
            distances = nodes[:, None] - nodes
            distances.flat[:: len(at) + 1] = 1.0
            weights = np.multiply.reduce(reach) / (np.multiply.reduce(distances, axis=1) * reach)
            values.append(y[row] + weights @ (y[at] - y[row]))
        values.append(values[-1])
        return values[0], values[1]


def _one_sided(rows: Any, sign: int) -> Any:
    """Return the numbers of the points on one side of each interval, the far end last."""
    near, far = (rows, rows + 1) if sign < 0 else (rows + 1, rows)
    return np.concatenate([near[:, None] + sign * np.arange(SIDED - 1), far[:, None]], axis=1)


def _evaluate(nodes: Floats, values: Floats, u: Floats) -> Floats:
    c = _differences(nodes, values)
    value: Floats = c[:, -1]
    for j in range(c.shape[1] - 2, -1, -1):
        value = value * (u - nodes[:, j])[:, None] + c[:, j]
    return value
