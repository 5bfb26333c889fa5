"""`Learner1D`: interpolate a function of one number, with more points where it needs them.

The domain is divided into intervals between observed points; each has a loss, and the next points go where the loss is
largest. The losses are in `losses1D` (and, under their familiar names, here), the intervals and their queues in
`_interval.intervals`, where points may lie in `_interval.domain`, interpolants and their errors in `smooth1D`, what
follows from them (`predict`, `roots`, `integral`, ...) in `_curve.interpolated`.

Source: Nijholt et al., "Adaptive: parallel active learning of mathematical functions" (2019). With the default loss the
points are those of python-adaptive 1.5.2; where they differ on purpose, it is said in `docs/explanation`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, Self

import numpy as np

from adaptive_calib._arrays import Floats
from adaptive_calib.learner import _familiar_methods
from adaptive_calib.learner._curve.features import Extremum, Pole, Root
from adaptive_calib.learner._curve.interpolated import InterpolatedCurve
from adaptive_calib.learner._curve.intervals import AutoCurve, CurveIntervals
from adaptive_calib.learner._curve.model import CLOSED
from adaptive_calib.learner._interval.domain import make_domain
from adaptive_calib.learner._interval.error_goal import ErrorGoal
from adaptive_calib.learner._interval.gaps import Gaps
from adaptive_calib.learner._interval.intervals import Intervals
from adaptive_calib.learner._interval.types import Value
from adaptive_calib.learner.base_learner import check_number_of_points, uses_nth_neighbors
from adaptive_calib.learner.claims import CONFIDENCE, FRACTION, Claim, ErrorCheck
from adaptive_calib.learner.losses1D import (
    IntervalLoss,
    abs_min_log_loss,
    curvature_loss_function,
    default_loss,
    finite_loss,
    linspace,
    resolution_loss_function,
    triangle_loss,
    uniform_loss,
)
from adaptive_calib.learner.smooth1D import BREAK_WIDTH, Curve, CurveMode, ErrorLoss, smooth_loss
from adaptive_calib.learner.values import is_real_number, real_number_or_vector

__all__ = [
    "Extremum",
    "Learner1D",
    "Pole",
    "Root",
    "abs_min_log_loss",
    "curvature_loss_function",
    "default_loss",
    "finite_loss",
    "linspace",
    "resolution_loss_function",
    "smooth_loss",
    "triangle_loss",
    "uniform_loss",
    "uses_nth_neighbors",
]


class Learner1D(InterpolatedCurve):
    """Learn a function of one number with values in R or R^N.

    Parameters
    ----------
    function : callable
        Takes a float (an int for ``integer=True``), returns a number or a vector of fixed length N.
    bounds : tuple of 2
        Ends (a, b) of the domain, finite, a < b.
    loss_per_interval : callable, optional
        ``loss(xs, ys) -> float``, see `losses1D`. Default: `default_loss`, or `smooth_loss` in the smooth mode.
    x_scale : {"linear", "log"}
        On a logarithmic scale, lengths are ratios: the middle of (1, 100) is 10, and losses see ln x.
    integer : bool
        Only integers are asked for; once every integer is observed, `ask` returns no points.
    min_spacing : float
        No two asked points lie nearer to each other than this: in x, or in ln x on a logarithmic scale.
    exploration : float
        Share of the points, from 0 to 1, that go to the middle of the longest gap, independent of the losses, so
        that one singularity does not attract them all.
    mode : {"linear", "smooth", "auto"}
        The interpolant: straight segments; polynomials of degree up to 7 for functions that are smooth between few
        breaks, see `smooth1D`; or, on each interval, the one of several that predicted the last values best, see
        `_curve.model`: local polynomials, a rational function of all points (for resonances and other functions
        without breaks), a least-squares polynomial (for noise). "auto" needs the fewest evaluations and about one
        millisecond for each; `ask` returns fewer points than it is asked for where others would be wasted as long as
        the pending values are not known, beside a step for instance. In "smooth" and "auto" the loss is the estimated
        error of the interpolant.

    Attributes
    ----------
    data : dict
        Point -> value: numbers unchanged, vectors as float arrays of shape (N,).
    bounds : tuple of 2
        The ends of the domain.
    loss_per_interval : callable
        The loss.

    Examples
    --------
    >>> from adaptive_calib import Learner1D
    >>> from adaptive_calib.runner import simple
    >>> learner = Learner1D(lambda x: 1e-4 / (1e-4 + (x - 0.3) ** 2), bounds=(-1, 1))
    >>> simple(learner, npoints_goal=60)
    >>> sum(abs(x - 0.3) < 0.1 for x in learner.data) > 20  # a third of the points in a tenth of the domain
    True
    >>> float(learner.predict([0.3])[0]) > 0.9
    True
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
        exploration: float = 0.0,
        mode: CurveMode = "linear",
    ) -> None:
        if mode not in ("linear", "smooth", "auto"):
            raise ValueError(f"`mode` should be 'linear', 'smooth' or 'auto', but is {mode!r}.")
        if mode == "auto" and loss_per_interval not in (None, smooth_loss):
            raise ValueError(
                "with mode='auto' points are placed by the estimated error of the interpolant, so `loss_per_interval` "
                f"should be None, but is {loss_per_interval!r}; a loss of your own can be used with mode='smooth'."
            )
        if not 0 <= exploration <= 1:
            raise ValueError(f"`exploration` should be a share from 0 to 1, but is {exploration!r}.")
        if loss_per_interval is not None and not callable(loss_per_interval):
            raise TypeError(f"`loss_per_interval` should be a function of (xs, ys), but is {loss_per_interval!r}.")
        self.function = function
        self._domain = make_domain(bounds, x_scale, integer, min_spacing, uneven=mode == "smooth")
        self.bounds = self._domain.bounds
        self._mode: CurveMode = mode
        self._parameters: dict[str, Any] = {
            "x_scale": x_scale,
            "integer": integer,
            "min_spacing": min_spacing,
            "exploration": exploration,
            "mode": mode,
        }
        usual = default_loss if mode == "linear" else smooth_loss
        self.loss_per_interval: IntervalLoss = loss_per_interval or usual
        self.data: dict[float, Any] = {}
        self._cache: dict[str, float] = {}
        self._failed: set[float] = set()
        self._shape: tuple[int, ...] | None = None
        self._invalid = 0
        # whether points are their own coordinates; if not, the point at each pending coordinate
        self._linear = x_scale == "linear" and not integer
        self._points: dict[float, float] = {}
        self._intervals: Intervals | CurveIntervals
        if mode == "auto":
            self._intervals = CurveIntervals(self._domain)
        else:
            self._intervals = Intervals(
                self._domain, None if self.loss_per_interval is default_loss else self.loss_per_interval
            )
        if mode == "smooth":
            # the loss is an error: it should lag behind the scale by little
            self._recompute_losses_factor = 1.1
        self._exploration = exploration
        self._gaps = Gaps(self._domain) if exploration else None
        self._curve: tuple[int, Curve | AutoCurve] | None = None
        self._goal: ErrorGoal | None = None

    # -- reading ---------------------------------------------------------------------------------------------------

    @property
    def npoints(self) -> int:
        """Number of observed points, invalid ones and those outside the bounds included."""
        return len(self.data)

    @property
    def ninvalid(self) -> int:
        """Number of observed points whose value is not finite."""
        return self._invalid

    @property
    def pending_points(self) -> set[float]:
        """The pending points (a new set at each access)."""
        pending = self._intervals.pending
        return set(pending) if self._linear else {self._points[u] for u in pending}

    @property
    def failed_points(self) -> frozenset[float]:
        """The points that failed for good."""
        return frozenset(self._failed)

    @property
    def nth_neighbors(self) -> int:
        """Number of neighbours on each side of an interval that the loss uses."""
        return self._intervals.scale.neighbors

    def loss(self, real: bool = True) -> float:
        """Return the largest loss of an interval; infinite until both bounds are observed, 0 if no point is possible.

        Parameters
        ----------
        real : bool
            False: of the parts into which pending points divide the intervals, each with its share of the loss.

        With an error goal, losses are estimated errors, as fractions of the range of values.
        """
        loss = self._intervals.loss(real)
        if self._goal is not None and ErrorLoss.is_unknown(loss):
            loss = math.inf
        self._cache["loss"] = loss
        return loss

    def exhausted(self) -> bool:
        """Whether no further point is possible (integers used up, spacing reached everywhere) and none is pending.

        Not called ``done``: a learner of a curve has no end of its own, so a run of it wants a goal.
        """
        return self._intervals.exhausted

    @property
    def losses(self) -> dict[tuple[float, float], float]:
        """The loss of each interval between observed points, the largest first (a new dict at each access)."""
        ranked = sorted(self._intervals.real(), key=lambda interval: interval[:2])
        name = self._naming()
        return {(name(a), name(b)): loss for _, a, b, loss, _, _ in ranked}

    @property
    def losses_combined(self) -> dict[tuple[float, float], float]:
        """The loss of each span between points observed or pending, the largest first; new at each access."""
        parts = sorted(self._intervals.combined(), key=lambda part: (-part[2], part[0]))
        name = self._naming()
        return {(name(a), name(b)): loss for a, b, loss in parts}

    @property
    def neighbors(self) -> dict[float, list[float | None]]:
        """Told point -> [next to the left or None, next to the right or None], ascending; new at each access."""
        return _neighbors([*map(self._naming(), self._intervals.known()[0])])

    @property
    def neighbors_combined(self) -> dict[float, list[float | None]]:
        """Like `neighbors`, but of observed and pending points together."""
        return _neighbors([*map(self._naming(), sorted(self._intervals.known()[0] + self._intervals.pending))])

    @property
    def _recompute_losses_factor(self) -> float:
        return self._intervals.scale.recompute_factor

    @_recompute_losses_factor.setter
    def _recompute_losses_factor(self, factor: float) -> None:
        self._intervals.scale.recompute_factor = factor

    def _naming(self) -> Callable[[float], float]:
        """Return the function from an observed or pending coordinate to its point."""
        if self._linear:
            return float
        observed = {self._domain.u(x): x for x in (*self.data, *self._failed) if self._domain.contains(x)}
        names = {**observed, **self._points}
        return names.__getitem__

    # -- ask -------------------------------------------------------------------------------------------------------

    def ask(self, n: int, tell_pending: bool = True) -> tuple[list[float], list[float]]:
        """Choose at most `n` points where the loss is largest; see `BaseLearner.ask`.

        Bounds that are neither observed nor pending come first. Each other point is one of those that divide an
        interval into equal parts (or nearly so in the smooth mode); its improvement is the loss of the interval divided
        by the number of parts (for a point that explores: half the length of the gap, as a fraction of the domain).
        """
        if n == 1 and self._gaps is None and self._goal is None and (usual := self._intervals.halve()) is not None:
            u, improvement = usual
            if not tell_pending:
                self._intervals.release([u])
            if self._linear:
                return [u], [improvement]
            x = self._domain.x(u)
            if tell_pending:
                self._points[u] = x
            return [x], [improvement]
        n = check_number_of_points(n)
        us, improvements = self._choose(n)
        if not tell_pending:
            self._release(us)
        if self._linear:
            return us, improvements
        points = [self._domain.x(u) for u in us]
        if tell_pending:
            self._points.update(zip(us, points, strict=True))
        return points, improvements

    def _choose(self, n: int) -> tuple[list[float], list[float]]:
        """Make at most `n` coordinates pending; return them and the improvements."""
        wanted = None if self._goal is None else self._goal.wanted(self._intervals, len(self.data))
        if wanted is None:
            return self._explore(n) if self._gaps is not None else self._intervals.propose(n)
        for u in wanted[:n]:
            self._intervals.hold(u)
            if self._gaps is not None:
                self._gaps.add(u)
        # needed in any case: the goal is not reached without them
        return wanted[:n], [math.inf] * len(wanted[:n])

    def _explore(self, n: int) -> tuple[list[float], list[float]]:
        """Choose `n` points of which a share goes to the longest gaps; which, depends on the number of points only."""
        gaps = self._gaps_now()
        us: list[float] = []
        improvements: list[float] = []
        while len(us) < n:
            count = len(gaps)
            turn = math.floor((count + 1) * self._exploration) > math.floor(count * self._exploration)
            gap = gaps.longest() if turn and not self._intervals.missing() else None
            if gap is None:
                # before both bounds are observed or pending all points are chosen together, equally spaced
                more, gains = self._intervals.propose(n - len(us) if count < 2 else 1)
            else:
                (u,) = more = self._domain.inner(*gap, 2)
                self._intervals.hold(u)
                gains = [(gap[1] - gap[0]) / (self._domain.high - self._domain.low) / 2]
            if not more:
                break
            for u in more:
                gaps.add(u)
            us += more
            improvements += gains
        return us, improvements

    def _gaps_now(self) -> Gaps:
        if self._gaps is None:
            self._gaps = Gaps(self._domain, [*self._intervals.known()[0], *self._intervals.pending])
        return self._gaps

    def _release(self, us: list[float]) -> None:
        self._intervals.release(us)
        if self._gaps is not None:
            for u in us:
                self._gaps.discard(u)

    # -- tell ------------------------------------------------------------------------------------------------------

    def tell(self, x: float, y: Any) -> None:
        """Take in the value `y` at `x`; no effect if `x` is observed already.

        Parameters
        ----------
        x : float
            A point outside the bounds (for ``integer=True`` also one that is no integer) is kept in `data` and
            otherwise not used.
        y : float or vector of shape (N,)
            A value that is not finite (for vectors: in any component) is *invalid*: kept in `data`, but no part of the
            scale; the intervals around it get a low loss that shrinks with their length.

        Raises
        ------
        TypeError, ValueError
            `y` is no real number and no vector of them, or its length is not that of the values so far; or `x` is no
            number. The learner stays as it was.
        """
        if self._linear and self._intervals.fill(x, y):
            self.data[x] = y
            if self._shape is None:
                self._note_shape(y)
            return
        u = self._coordinate(x)
        if x in self.data:
            return
        value, inner = self._checked(x, y)
        if u is not None:
            self._enter(u, inner, revalued=x in self._failed)
        if self._shape is None:
            self._note_shape(value)
        self.data[x] = value
        if inner is None:
            self._invalid += 1
        self._failed.discard(x)
        if self._goal is not None and u is not None:
            self._look(u)

    def _enter(self, u: float, y: Value, revalued: bool) -> None:
        """Take a value, of a failed point if it is `revalued`, into the intervals; a twin is no part of them."""
        self._points.pop(u, None)
        if self._is_twin(u):
            self._intervals.release([u] if self._intervals.is_pending(u) else [])
            if self._goal is not None:
                self._goal.take_twin(u, y)
            return
        if self._goal is not None:
            if not self._parameters["integer"] or self._goal.satisfied(self._intervals):
                self._goal.expect(u, len(self.data), self._frozen_interpolant)
            self._goal.record(u, y)
        if self._gaps is not None:
            self._gaps.add(u)
        if revalued:
            self._intervals.revalue(u, y)
        else:
            self._intervals.insert(u, y)

    def _is_twin(self, u: float) -> bool:
        """Whether `u` is the twin of an observed point, and no node, see `noise`; never in the plain linear mode."""
        if not self._domain.has_twins or (self._goal is None and self._mode == "linear"):
            return False
        ends = self._intervals.ends_at(u)
        return ends is not None and u in (self._domain.twin(ends[0]), self._domain.twin(ends[1]))

    def _look(self, u: float) -> None:
        """Look for reasons to stop after the value at `u` came."""
        if self._goal is not None:
            why = self._intervals.hopeless() if isinstance(self._intervals, CurveIntervals) else ""
            if why and not self._goal.satisfied(self._intervals):
                self._goal.stop(why)
            self._goal.look(self._intervals, len(self.data), self._interpolant, self._intervals.lengths_beside(u))

    def _coordinate(self, x: Any) -> float | None:
        """Return the coordinate of `x`; None outside the domain."""
        if not isinstance(x, (float, int)) and not is_real_number(x):
            raise TypeError(f"a point should be a number, but is {x!r} ({type(x).__name__}).")
        return self._domain.u(x) if self._domain.contains(x) else None

    def _checked(self, x: Any, y: Any) -> tuple[Any, Value]:
        """Return the value as `data` keeps it and as the intervals see it."""
        value = y if type(y) is float else real_number_or_vector(y, x)
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
                f"the values so far have shape {self._shape}, but the value at {x!r} has shape {shape}; "
                "a learner takes values of one shape."
            )
        return value, inner if finite else None

    def _note_shape(self, value: Any) -> None:
        if isinstance(value, np.ndarray):
            self._shape = value.shape
        elif math.isfinite(value):
            self._shape = ()

    def tell_pending(self, x: float) -> None:
        """Make `x` pending; no effect on an observed or failed point or outside the bounds."""
        u = self._coordinate(x)
        if u is None or x in self.data or x in self._failed or self._intervals.is_pending(u):
            return
        self._intervals.hold(u)
        if self._gaps is not None:
            self._gaps.add(u)
        if not self._linear:
            self._points[u] = x

    def tell_failed(self, x: float) -> None:
        """Record `x` as failed for good: not pending, never asked again; a value told later undoes this."""
        u = self._coordinate(x)
        if u is None or x in self.data or x in self._failed:
            return
        self._failed.add(x)
        self._enter(u, None, revalued=False)
        self._look(u)

    def remove_unfinished(self) -> None:
        """Forget the pending points: they may be asked for again."""
        self._intervals.release_all()
        self._points.clear()
        self._count_gaps()

    def _count_gaps(self) -> None:
        if self._gaps is not None:
            self._gaps = Gaps(self._domain, [*self._intervals.known()[0], *self._intervals.pending])

    def tell_many(self, xs: Iterable[float], ys: Iterable[Any], *, force: bool = False) -> None:
        """Take in many values; all together, in O(N log N), if they are more than half of the points then.

        Parameters
        ----------
        xs, ys : iterable
            Points and their values; both may be lazy. Points that are observed already are ignored.
        force : bool
            Together in any case. All losses are then computed with the present range of values.

        Raises
        ------
        TypeError, ValueError
            As `tell`, or there are more values than points or fewer; none is taken in then.
        """
        points, values = list(xs), list(ys)
        if len(points) != len(values):
            raise ValueError(f"as many values as points are expected, but {len(points)} points and {len(values)} came.")
        if force or (len(points) > 2 and 2 * len(points) > len(self.data)):
            # the order matters for mode="auto", whose interpolants predict each value first
            self._tell_all(points, values, one_by_one=self._mode == "auto" and not force)
            return
        for x, y in zip(points, values, strict=True):
            self.tell(x, y)

    def _tell_all(self, points: list[Any], values: list[Any], one_by_one: bool) -> None:
        """Take in many values together; `one_by_one`: with the losses that they would have if told one by one."""
        shape = self._shape
        observed: dict[float, Any] = {}
        new: dict[float, Value] = {}
        invalid = 0
        try:
            for x, y in zip(points, values, strict=True):
                if x in self.data or x in observed:
                    continue
                value, inner = self._checked(x, y)
                if self._shape is None:
                    self._note_shape(value)
                u = self._coordinate(x)
                observed[x] = value
                invalid += inner is None
                if u is not None:
                    new[u] = inner
        except (TypeError, ValueError):
            self._shape = shape
            raise
        us, ys = self._intervals.known()
        known = dict(zip(us, ys, strict=True))
        if self._goal is not None:
            self._retrace(known, new)
        if self._mode != "linear" or self._goal is not None:
            new = self._without_twins(known, new)
        if one_by_one and (not us or self._mode == "auto"):
            self._intervals.replay(list(new), list(new.values()))
        else:
            new = {**known, **new}
            ordered = sorted(new)
            self._intervals.rebuild(ordered, [new[u] for u in ordered])
        self.data.update(observed)
        self._invalid += invalid
        self._failed.difference_update(observed)
        pending = set(self._intervals.pending)
        self._points = {u: x for u, x in self._points.items() if u in pending}
        self._count_gaps()
        if self._goal is not None:
            self._goal.look(self._intervals, len(self.data), self._interpolant)

    def _without_twins(self, known: Mapping[float, Value], new: Mapping[float, Value]) -> dict[float, Value]:
        """Return the new points that are no twins of any."""
        twins = {self._domain.twin(u) for u in (*known, *new)} if self._domain.has_twins else set()
        for u in new.keys() & twins:
            if self._goal is not None:
                self._goal.take_twin(u, new[u])
        return {u: y for u, y in new.items() if u not in twins}

    # -- the error goal --------------------------------------------------------------------------------------------

    @property
    def error_goal(self) -> float | None:
        """The error goal, in units of the values; None without one."""
        return None if self._goal is None else self._goal.check.error

    def set_error_goal(
        self, error: float | None, fraction: float | None = None, confidence: float | None = None
    ) -> None:
        """Work towards an error of the interpolant, and check it before it is claimed.

        Whatever the loss of the learner is, the points then go where the estimated error is largest, beside the lattice
        of equal parts; once the estimate is small enough, they go to random places, until a check passes; see
        `adaptive_calib.learner.claims`. A run with ``error_goal=`` calls this at its start, also for the points that
        are known by then. The same goal again changes nothing.

        Parameters
        ----------
        error : float or None
            In units of the values, above 0. None: the points go where the loss is largest, as without a goal.
        fraction, confidence : float, optional
            A passed check says that at most `fraction` of the domain has a larger error, with this confidence; by
            default 0.1 and 0.9, or what was set before with the same error.

        Raises
        ------
        ValueError
            `error` is not above 0 and finite, or a share is not between 0 and 1.
        """
        if error is None:
            if self._goal is not None:
                self._goal = None
                self._replace_intervals(self.loss_per_interval, self._mode == "smooth")
            return
        before = None if self._goal is None else self._goal.check
        if before is not None and before.error == error:
            fraction, confidence = fraction or before.fraction, confidence or before.confidence
        check = ErrorCheck(
            error, 1, FRACTION if fraction is None else fraction, CONFIDENCE if confidence is None else confidence
        )
        if before is not None and before.asks_the_same(check):
            return
        self._begin_goal(check)

    def _begin_goal(self, check: ErrorCheck) -> None:
        self._replace_intervals(ErrorLoss(self._mode), uneven=True)
        self._goal = ErrorGoal(check, self._domain, self._mode)
        order = {self._domain.u(x): self._checked(x, y)[1] for x, y in self.data.items() if self._domain.contains(x)}
        self._retrace({}, order)
        for u in order.keys() - set(self._intervals.known()[0]):
            self._goal.take_twin(u, order[u])
        self._goal.look(self._intervals, len(self.data), self._interpolant)

    def _replace_intervals(self, loss: IntervalLoss, uneven: bool) -> None:
        """Order the intervals by another loss; those of mode="auto" have the estimated error as loss in any case."""
        if isinstance(self._intervals, CurveIntervals):
            self._intervals.resolve_breaks(BREAK_WIDTH if isinstance(loss, ErrorLoss) else CLOSED)
            return
        us, ys = self._intervals.known()
        pending = self._intervals.pending
        domain = {name: self._parameters[name] for name in ("x_scale", "integer", "min_spacing")}
        self._domain = make_domain(self.bounds, **domain, uneven=uneven)
        self._intervals = Intervals(self._domain, None if loss is default_loss else loss)
        if uneven:
            self._recompute_losses_factor = 1.1
        nodes = self._without_twins({}, dict(zip(us, ys, strict=True))) if uneven else dict(zip(us, ys, strict=True))
        self._intervals.rebuild(list(nodes), list(nodes.values()))
        for u in pending:
            self._intervals.hold(u)
        self._count_gaps()

    def _retrace(self, known: Mapping[float, Value], new: Mapping[float, Value]) -> None:
        """Let the error goal see values that come together, in their order.

        Not of integers: any of them may be a place of the check, and which were asked for as such is not known.
        """
        if self._parameters["integer"]:
            return
        seen = dict(known)
        for u, y in new.items():
            if self._goal is not None:
                self._goal.expect(u, len(seen), lambda: self._curve_of(seen))
                self._goal.record(u, y)
            seen[u] = y

    def stopped_because(self) -> str:
        """Return why the learner asks for no more points on the way to an error goal; empty if it does."""
        return "" if self._goal is None else self._goal.stopped

    @property
    def breaks(self) -> list[tuple[float, float]]:
        """The intervals (a, b) that hold a step, a kink or a pole, and are too short to be divided on.

        At most a millionth of the domain each; known with an error goal only: the value changes by more than that.
        """
        if self._goal is None:
            return []
        name = self._naming()
        return [(name(a), name(b)) for a, b in self._goal.breaks(self._intervals)]

    def claim(self) -> Claim | None:
        """Return what is claimed about the error of `predict`; None while there is no finite estimate.

        Without an error goal it is the bare estimate. With one, it is checked once the learner has evaluated points
        that do not depend on the others; see `adaptive_calib.learner.claims`.
        """
        if self._goal is None:
            return super().claim()
        return self._goal.claim(self._intervals, len(self.data), lambda u: self._naming()(u))

    # -- data ------------------------------------------------------------------------------------------------------

    def new(self) -> Self:
        """Return a learner of the same function and parameters, without data."""
        return type(self)(self.function, self.bounds, self.loss_per_interval, **self._parameters)

    def to_numpy(self) -> Floats:
        """Return the data, ascending in x: shape (N, 1 + vdim); an empty array without data."""
        if not self.data:
            return np.array([])
        rows = [(x, *np.broadcast_to(np.asarray(y, dtype=float), (self.vdim,))) for x, y in sorted(self.data.items())]
        return np.array(rows, dtype=float)

    def _get_data(self) -> dict[float, Any]:
        return self.data

    def _set_data(self, data: Mapping[float, Any]) -> None:
        self._tell_all(list(data), list(data.values()), one_by_one=True)

    def plot(self, *, scatter_or_line: Literal["scatter", "line"] = "scatter") -> Any:
        """Return a HoloViews overlay of the data, see `adaptive_calib.view.learner1D.plot`."""
        return _familiar_methods.view("learner1D").plot(self, scatter_or_line=scatter_or_line)


def _neighbors(points: list[float]) -> dict[float, list[float | None]]:
    return {x: [a, b] for x, a, b in zip(points, [None, *points], [*points[1:], None], strict=False)}
