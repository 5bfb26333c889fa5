"""The loss of an interval of `Learner1D`: the scales of x and y, and the loss function.

Lengths are divided by the width X of the domain, values by their range Y, the largest of any component (by 1 while it
is 0). Only valid values enter Y. An interval with an end that has no valid value has the loss ``invalid_loss(Δx)`` (see
`losses1D`), and one without a valid end ``void_loss(Δx)``, if the loss has that; neighbours without a valid value are
None for a loss that looks at neighbours.

`outgrown`: Y exceeds `recompute_factor` times its value at the last computation of all losses.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from operator import sub
from typing import Any

import numpy as np

from adaptive_calib._arrays import Floats
from adaptive_calib.learner._interval.types import Interval, Value, rank
from adaptive_calib.learner.losses1D import IntervalLoss

__all__ = ["LossScale"]


#: From how many points on losses are computed by NumPy; below, a loop is as fast.
BULK = 24


class LossScale:
    """The scales and the loss of one learner.

    Parameters
    ----------
    width : float
        Width of the domain, in u.
    loss
        None is `losses1D.default_loss`, computed in line.

    Attributes
    ----------
    width, y_scale : float
        What lengths and values are divided by.
    range : float
        Y, which may be 0.
    lowest, highest
        The smallest and largest valid value; lists of them for vectors.
    limit : float
        `outgrown` beyond this range.
    """

    __slots__ = (
        "function", "highest", "invalid_loss", "limit", "lowest", "neighbors", "range", "recompute_factor",
        "void_loss", "width", "y_scale",
    )  # fmt: skip

    def __init__(self, width: float, loss: IntervalLoss | None) -> None:
        self.width = width
        self.function = loss
        self.neighbors = int(getattr(loss, "nth_neighbors", 0))
        self.invalid_loss: Callable[[float], float] = getattr(loss, "invalid_loss", float)
        self.void_loss: Callable[[float], float] = getattr(loss, "void_loss", self.invalid_loss)
        self.recompute_factor = 2.0
        self.forget()

    def forget(self) -> None:
        """Reset the range of values."""
        self.lowest: Any = math.inf
        self.highest: Any = -math.inf
        self._set_range(0.0)
        self.limit = 0.0

    @property
    def outgrown(self) -> bool:
        """Whether all losses should be recomputed."""
        return self.range > self.limit

    def renew(self) -> None:
        """Note that all losses are computed with the present range."""
        self.limit = self.recompute_factor * self.range

    def count(self, y: Value) -> None:
        """Include a value in the range; None is ignored."""
        if type(y) is tuple:
            if type(self.lowest) is not list:
                self.lowest, self.highest = list(y), list(y)
                return
            for low, v, high in zip(self.lowest, y, self.highest, strict=True):
                if not low <= v <= high:
                    self.lowest = list(map(min, self.lowest, y))
                    self.highest = list(map(max, self.highest, y))
                    self._set_range(max(map(sub, self.highest, self.lowest)))
                    return
        elif y is not None and not self.lowest <= y <= self.highest:
            self.lowest = min(self.lowest, y)
            self.highest = max(self.highest, y)
            self._set_range(self.highest - self.lowest)

    def count_all(self, ys: Sequence[Value]) -> None:
        """Include many values in the range."""
        valid: list[Any] = [y for y in ys if y is not None]
        if valid:
            columns = zip(*valid, strict=True) if isinstance(valid[0], tuple) else [valid]
            lows, highs = zip(*[(min(column), max(column)) for column in columns], strict=True)
            scalar = not isinstance(valid[0], tuple)
            self.count(lows[0] if scalar else tuple(lows))
            self.count(highs[0] if scalar else tuple(highs))

    def _set_range(self, size: float) -> None:
        self.range = size
        self.y_scale = size or 1.0

    def interval(self, a: float, b: float, ya: Value, yb: Value, sees: Callable[[float, float], Any]) -> Interval:
        """Return the interval between two observed points, with its loss.

        Parameters
        ----------
        a, b, ya, yb
            Ends and their values.
        sees : callable
            ``sees(a, b)`` returns the points and the values around the interval; called if the loss has neighbours.
        """
        width, scale, length = self.width, self.y_scale, b - a
        if ya is None or yb is None:
            loss = float((self.void_loss if ya is yb else self.invalid_loss)(length / width))
        elif self.function is not None:
            us, ys = sees(a, b) if self.neighbors else ((a, b), (ya, yb))
            loss = float(
                self.function(
                    tuple([None if y is None else u / width for u, y in zip(us, ys, strict=True)]),
                    tuple([y / scale if type(y) is float else self._scaled(y) for y in ys]),
                )
            )
            if loss != loss:
                loss = length / width
        elif type(ya) is float:
            loss = abs(complex(b / width - a / width, yb / scale - ya / scale))  # type: ignore[operator]  # both numbers
        else:
            loss = abs(complex(b / width - a / width, self._largest(ya, yb)))
        return rank(length * loss / length, length / width), a, b, loss, ya, yb

    def halves(self, interval: Interval, u: float, y: Value) -> tuple[Interval, Interval] | None:
        """Return the two parts of an interval at `u` as `interval` would, faster.

        None if the loss is not the default one or a value is not valid.
        """
        _, a, b, _, ya, yb = interval
        if self.function is not None or y is None or ya is None or yb is None:
            return None
        width, scale = self.width, self.y_scale
        us, left, right = u / width, u - a, b - u
        if type(y) is float:
            ys = y / scale
            loss = abs(complex(us - a / width, ys - ya / scale))
            other = abs(complex(b / width - us, yb / scale - ys))
        else:
            before = after = 0.0
            for v, w, z in zip(ya, y, yb, strict=True):  # type: ignore[arg-type]  # a tuple, as it is no number
                w /= scale
                d, e = w - v / scale, z / scale - w
                if d > before or -d > before:
                    before = abs(d)
                if e > after or -e > after:
                    after = abs(e)
            loss, other = abs(complex(us - a / width, before)), abs(complex(b / width - us, after))
        return (
            (-((left * loss / left * 1e12 + 0.5) // 1.0), a, u, loss, ya, y),
            (-((right * other / right * 1e12 + 0.5) // 1.0), u, b, other, y, yb),
        )

    def _largest(self, ya: Any, yb: Any) -> float:
        """Return the largest difference of any component."""
        scale, largest = self.y_scale, 0.0
        for v, w in zip(ya, yb, strict=True):
            d = w / scale - v / scale
            if d < 0.0:
                d = -d
            if d > largest:
                largest = d
        return largest

    def _scaled(self, y: Value) -> Any:
        return None if y is None else np.array(y) / self.y_scale

    def plain_intervals(
        self, us: list[float], ys: list[Value], shortest: float, whole: bool, scales: Floats | None = None
    ) -> list[Interval] | None:
        """Return the intervals between successive points, computed together; None if that is not possible.

        Parameters
        ----------
        us, ys
            All points, ascending, and their values.
        shortest : float
            Shorter intervals have loss 0.
        whole : bool
            Rank by the loss as that of a piece that is the whole interval; the same but for rounding.
        scales : array, shape (points - 1,), optional
            What the values of each interval are divided by; by default `y_scale`.
        """
        if self.function is not None or len(us) <= BULK or any(type(y) is not float for y in ys):
            return None
        points, values = np.array(us), np.array(ys, dtype=float)
        scale = self.y_scale if scales is None else scales
        lengths = np.diff(points)
        losses = np.hypot(np.diff(points / self.width), values[1:] / scale - values[:-1] / scale)
        losses[lengths < shortest] = 0.0
        ranks = -np.floor((lengths * losses / lengths if whole else losses) * 1e12 + 0.5)
        return list(zip(ranks.tolist(), us[:-1], us[1:], losses.tolist(), ys[:-1], ys[1:], strict=True))

    def scaled_intervals(
        self,
        us: list[float],
        ys: list[Value],
        make: Callable[[float, float, Value, Value], Interval],
        scales: Sequence[float] | None = None,
    ) -> list[Interval]:
        """Return the intervals between successive points as `make` makes them, each with its own `y_scale` if given."""
        now = self.y_scale
        intervals = []
        for i, ends in enumerate(zip(us[:-1], us[1:], ys[:-1], ys[1:], strict=True)):
            self.y_scale = now if scales is None else scales[i]
            intervals.append(make(*ends))
        self.y_scale = now
        return intervals

    def replay(self, ys: list[Value]) -> tuple[Floats, int]:
        """Include values as if they came one by one, in this order, to an empty learner.

        Returns
        -------
        scales : array, shape (values,)
            `y_scale` after each value.
        last : int
            Index of the value at which all losses would have been recomputed for the last time.
        """
        self.forget()
        vector = next((y for y in ys if isinstance(y, tuple)), None)
        nothing = math.nan if vector is None else (math.nan,) * len(vector)
        rows = np.array([nothing if y is None else y for y in ys], dtype=float)
        rows = rows.reshape(len(ys), 1 if vector is None else len(vector))
        spread = np.fmax.accumulate(rows) - np.fmin.accumulate(rows)
        ranges = np.nan_to_num(spread.max(axis=1), nan=0.0)
        last = 0
        while True:
            later = int(np.searchsorted(ranges, self.limit, side="right"))
            if later >= len(ranges):
                break
            last = later
            self.limit = self.recompute_factor * float(ranges[later])
            if ranges[later] >= ranges[-1]:
                break
        self.count_all(ys)
        return np.where(ranges == 0, 1.0, ranges), last
