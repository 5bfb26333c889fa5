"""`Learner1D`: a function of one number, known where it matters.

The domain is divided into intervals between told points; each has a loss, and the next points go where the loss is
largest. The losses are in `losses1D` (and, under their familiar names, here), the intervals and their queue in
`_intervals`, where points may lie in `_domain1D`.

Source: Nijholt et al., "Adaptive: parallel active learning of mathematical functions" (2019). With the default loss the
points are those of python-adaptive 1.5.2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, Self

import numpy as np

from adaptive_calib.learner import _familiar
from adaptive_calib.learner._domain1D import make_domain
from adaptive_calib.learner._intervals import Intervals
from adaptive_calib.learner._stretches import Value
from adaptive_calib.learner.base_learner import BaseLearner, check_number_of_points, uses_nth_neighbors
from adaptive_calib.learner.losses1D import (
    IntervalLoss,
    abs_min_log_loss,
    curvature_loss_function,
    default_loss,
    resolution_loss_function,
    triangle_loss,
    uniform_loss,
)

__all__ = [
    "Learner1D",
    "abs_min_log_loss",
    "curvature_loss_function",
    "default_loss",
    "resolution_loss_function",
    "triangle_loss",
    "uniform_loss",
    "uses_nth_neighbors",
]


_FLOAT = np.dtype(float)


class Learner1D(BaseLearner):
    """Learn a function of one number with values in R or R^N.

    Parameters
    ----------
    function : callable
        Takes a float (an int for ``integer=True``), returns a number or a vector of fixed length N.
    bounds : tuple of 2
        Ends (a, b) of the domain, finite, a < b.
    loss_per_interval : callable, optional
        ``loss(xs, ys) -> float``, see `losses1D`. Default: `default_loss`.
    x_scale : {"linear", "log"}
        On a logarithmic scale, lengths are ratios: the middle of (1, 100) is 10, losses see ln x.
    integer : bool
        Only integers are asked for; once every integer is told, `ask` answers with no points.
    min_spacing : float
        No two asked points lie nearer to each other than this: in x, or in ln x on a logarithmic scale.
    """

    def __init__(
        self,
        function: Callable[[Any], Any],
        bounds: tuple[float, float],
        loss_per_interval: IntervalLoss | None = None,
        *,
        x_scale: Literal["linear", "log"] = "linear",
        integer: bool = False,
        min_spacing: float = 0.0,
    ) -> None:
        self.function = function
        self._domain = make_domain(bounds, x_scale, integer, min_spacing)
        self.bounds = self._domain.bounds
        self._parameters: dict[str, Any] = {"x_scale": x_scale, "integer": integer, "min_spacing": min_spacing}
        self._loss = loss_per_interval
        self.data: dict[float, Any] = {}
        self._cache: dict[str, float] = {}
        self._failed: set[float] = set()
        self._shape: tuple[int, ...] | None = None
        self._linear = x_scale == "linear" and not integer
        # the point at each coordinate under way, where that is not the same number
        self._points: dict[float, float] = {}
        custom = None if loss_per_interval is None or loss_per_interval is default_loss else loss_per_interval
        self._intervals = Intervals(self._domain, custom)

    # -- what is known ---------------------------------------------------------------------------------------------

    @property
    def npoints(self) -> int:
        """Number of told points."""
        return len(self.data)

    @property
    def pending_points(self) -> set[float]:
        """The points under way (a new set at each access)."""
        pending = self._intervals.pending
        return set(pending) if self._linear else {self._points[u] for u in pending}

    @property
    def failed_points(self) -> frozenset[float]:
        """The points that failed for good."""
        return frozenset(self._failed)

    @property
    def vdim(self) -> int:
        """Length of the values; 1 for numbers and while there is no data."""
        return self._shape[0] if self._shape else 1

    def loss(self, real: bool = True) -> float:
        """Return the largest loss of an interval; infinite until both bounds are told.

        Parameters
        ----------
        real : bool
            False: of the parts into which pending points divide the intervals, each with its share of the loss.
        """
        loss = self._cache["loss"] = self._intervals.loss(real)
        return loss

    # -- ask -------------------------------------------------------------------------------------------------------

    def ask(self, n: int, tell_pending: bool = True) -> tuple[list[float], list[float]]:
        """Choose at most `n` points where the loss is largest; see `BaseLearner.ask`.

        Bounds that are neither told nor pending come first. Each other point is one of those that divide an interval
        into equal parts; its improvement is the loss of the interval divided by the number of parts.
        """
        if n == 1 and tell_pending and (usual := self._intervals.halve()) is not None:
            return [usual[0]], [usual[1]]
        us, improvements = self._intervals.propose(check_number_of_points(n))
        if not tell_pending:
            self._intervals.release(us)
        if self._linear:
            return us, improvements
        points = [self._domain.x(u) for u in us]
        if tell_pending:
            self._points.update(zip(us, points, strict=True))
        return points, improvements

    # -- tell ------------------------------------------------------------------------------------------------------

    def tell(self, x: float, y: Any) -> None:
        """Take in the value `y` at `x`; nothing happens if `x` is told already.

        Parameters
        ----------
        x : float
            A point outside the bounds is kept in `data` and otherwise not used.
        y : float or vector of shape (N,)
            A value that is not finite (for vectors: in any component) is *invalid*: kept in `data`, but no part of the
            scale; the intervals around it get a low loss that shrinks with their length.

        Raises
        ------
        TypeError, ValueError
            `y` is no real number and no vector of them, or its length is not that of the values so far; or `x` is no
            number. The learner stays as it was.
        """
        if self._intervals.fill(x, y):
            self.data[x] = y
            return
        if x in self.data:
            return
        value, inner = self._checked(x, y)
        u = self._coordinate(x)
        if self._shape is None:
            self._note_shape(value)
        self.data[x] = value
        if u is None:
            return
        if self._points:
            self._points.pop(u, None)
        if x in self._failed:
            self._failed.discard(x)
            us, ys = self._intervals.known()
            ys[us.index(u)] = inner
            self._intervals.rebuild(us, ys)
        else:
            self._intervals.insert(u, inner)

    def _coordinate(self, x: Any) -> float | None:
        """Return the coordinate of `x`; None outside the domain."""
        try:
            inside = self._domain.contains(x)
        except (TypeError, ValueError):
            raise TypeError(f"a point should be a number, but came {x!r} ({type(x).__name__}).") from None
        return self._domain.u(x) if inside else None

    def _checked(self, x: Any, y: Any) -> tuple[Any, Value]:
        """Return the value as `data` keeps it and as the intervals see it."""
        value = y if isinstance(y, (float, int)) else _as_number_or_vector(x, y)
        inner: Value
        if isinstance(value, np.ndarray):
            shape: tuple[int, ...] = value.shape
            inner = tuple(value.tolist())
            total = sum(inner)
            # the sum of finite numbers may overflow, too
            finite = total - total == 0.0 or all(map(math.isfinite, inner))
        else:
            shape = ()
            inner = float(value)
            finite = inner - inner == 0.0
        # a plain NaN says "no value here" for vectors, too
        if shape != self._shape and self._shape is not None and (shape or finite):
            raise ValueError(
                f"the values told so far have shape {self._shape}, but the value at {x!r} has shape {shape}; "
                "a learner takes values of one shape."
            )
        return value, inner if finite else None

    def _note_shape(self, value: Any) -> None:
        if isinstance(value, np.ndarray):
            self._shape = value.shape
        elif self._shape is None and math.isfinite(value):
            self._shape = ()

    def tell_pending(self, x: float) -> None:
        """Count `x` as under way; no effect on a told or failed point or outside the bounds."""
        u = self._coordinate(x)
        if u is None or x in self.data or x in self._failed or self._intervals.is_pending(u):
            return
        self._intervals.hold(u)
        if not self._linear:
            self._points[u] = x

    def tell_failed(self, x: float) -> None:
        """Count `x` as failed for good: not pending, never asked again; a value told later takes it back."""
        u = self._coordinate(x)
        if u is None or x in self.data or x in self._failed:
            return
        self._failed.add(x)
        self._points.pop(u, None)
        self._intervals.insert(u, None)

    def remove_unfinished(self) -> None:
        """Forget the pending points: they may be asked for again."""
        self._intervals.release_all()
        self._points.clear()

    def tell_many(self, xs: Iterable[float], ys: Iterable[Any], *, force: bool = False) -> None:
        """Take in many values; in one go, O(N log N), if they are more than half of what is known.

        Parameters
        ----------
        xs, ys : iterable
            Points and their values; both may be lazy. Points that are told already are passed over.
        force : bool
            In one go in any case. All losses are then computed with the range of values of now.

        Raises
        ------
        TypeError, ValueError
            As `tell`, before anything is told; or there are more values than points or fewer.
        """
        points, values = list(xs), list(ys)
        if len(points) != len(values):
            raise ValueError(f"as many values as points are expected, but {len(points)} points and {len(values)} came.")
        if not force and not (len(points) > 2 and 2 * len(points) > len(self.data)):
            for x, y in zip(points, values, strict=True):
                self.tell(x, y)
            return
        self._tell_all(points, values)

    def _tell_all(self, points: list[Any], values: list[Any]) -> None:
        shape = self._shape
        told: dict[float, Any] = {}
        inner: dict[float, Value] = {}
        try:
            for x, y in zip(points, values, strict=True):
                if x in self.data or x in told:
                    continue
                value, seen = self._checked(x, y)
                self._note_shape(value)
                told[x] = value
                u = self._coordinate(x)
                if u is not None:
                    inner[u] = seen
        except (TypeError, ValueError):
            self._shape = shape
            raise
        us, ys = self._intervals.known()
        known = {**dict(zip(us, ys, strict=True)), **inner}
        ordered = sorted(known)
        self._intervals.rebuild(ordered, [known[u] for u in ordered])
        self._failed.difference_update(told)
        for u in inner:
            self._points.pop(u, None)
        self.data.update(told)

    # -- data ------------------------------------------------------------------------------------------------------

    def new(self) -> Self:
        """Return a learner of the same function and parameters, without data."""
        return type(self)(self.function, self.bounds, self._loss, **self._parameters)

    def to_numpy(self) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        """Return the data, ascending in x: shape (N, 1 + vdim); an empty array without data."""
        if not self.data:
            return np.array([])
        rows = [(x, *np.broadcast_to(np.asarray(y, dtype=float), (self.vdim,))) for x, y in sorted(self.data.items())]
        return np.array(rows, dtype=float)

    def _get_data(self) -> dict[float, Any]:
        return self.data

    def _set_data(self, data: Mapping[float, Any]) -> None:
        if data:
            self.tell_many(list(data), [np.copy(y) if isinstance(y, np.ndarray) else y for y in data.values()])

    def plot(self, *, scatter_or_line: Literal["scatter", "line"] = "scatter") -> Any:
        """Return a HoloViews overlay of the data, see `adaptive_calib.view.learner1D.plot`."""
        return _familiar.view("learner1D").plot(self, scatter_or_line=scatter_or_line)


def _as_number_or_vector(x: Any, y: Any) -> Any:
    """Return a float or a fresh array of shape (N,)."""
    expected = "a real number or a vector of real numbers"
    if y is None:
        raise TypeError(f"the value at {x!r} should be {expected}, but is None; for a failed point use `tell_failed`.")
    try:
        array = np.array(y)
        if array.dtype != _FLOAT:
            if array.dtype.kind not in "biuf":
                raise TypeError
            array = array.astype(float)
    except (TypeError, ValueError):
        raise TypeError(f"the value at {x!r} should be {expected}, but is {y!r} ({type(y).__name__}).") from None
    if array.ndim == 0:
        return float(array)
    if array.ndim > 1 or not array.size:
        raise ValueError(f"the value at {x!r} should be {expected}, but has shape {array.shape}.")
    return array
