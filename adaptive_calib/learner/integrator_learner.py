"""The integral of a function over a finite or infinite interval, to a relative or absolute tolerance.

Doubly adaptive Clenshaw-Curtis quadrature: the interval with the largest error is either given the next rule (twice as
many nodes) or halved. The error is that of the interpolant, in the norm of its Legendre coefficients, which does not
vanish where only the integrals agree; NaN and infinite values are taken out of the interpolants; divergent integrals
are recognised. `_integral.interval` has the arithmetic of one interval, this module chooses the next one.

Added to the source:

- The difference of the interpolants of two rules is the error of the coarser one. Where the last coefficients of the
  finer one are smaller, they are its error, as in the chopping of Chebyshev series (J. Aurentz and L. N. Trefethen, ACM
  TOMS 43 (2017) 33).
- At an end of the domain where the function, or a derivative, is infinite, the interval is not halved but integrated in
  another variable (`_integral.end_map`); an infinite interval is from the start (`_integral.infinite_map`).
- Values may be vectors; sizes and errors are 2-norms then.
- Estimates rest on the nodes that the rules chose. When the tolerance is reached, the interpolants are compared with
  the function at *check points*, in the largest gaps between nodes. Where they disagree the interval is refined, and
  the next check has twice as many points. An integral is done when a check has passed.
- With several points in flight, nodes that only a later result can show to be needed are limited to a share of all
  nodes (`speculation`), and belong to the deepest interval, as a singularity is where it was before.

Source: P. Gonnet, Increasing the reliability of adaptive quadrature using explicit interpolants, ACM Transactions on
Mathematical Software 37 (2010), and the same author's thesis.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from heapq import heapify, heappop, heappush
from itertools import count, pairwise
from math import isinf
from random import Random
from typing import Any, Self

import cloudpickle
import numpy as np

from adaptive_calib._arrays import Floats
from adaptive_calib.learner import _familiar_methods
from adaptive_calib.learner._integral.interval import (
    ROOT_DEPTH,
    IntegralEstimate,
    QuadratureInterval,
    Value,
    checked_bounds,
    whole_interval,
)
from adaptive_calib.learner._integral.noise import LEAST
from adaptive_calib.learner._integral.quadrature_learner import SMALL_MISS, QuadratureLearner
from adaptive_calib.learner._twins import TWINS
from adaptive_calib.learner.integrator_coeffs import ns

__all__ = ["DivergentIntegralError", "IntegratorLearner"]


#: Intervals are not divided below this share of the domain: near to 0 floats are told apart down to 1e-308, but values
#: there may be too large.
TINY = 1e-270


class DivergentIntegralError(ValueError):
    """The integral seems to be infinite: the mean value keeps growing as intervals shrink."""


class IntegratorLearner(QuadratureLearner):
    """Integrates a function of one number.

    Parameters
    ----------
    function : callable
        Takes a float, returns a real number or a vector of a fixed length N. NaN and infinite values, and vectors with
        any such component, are left out where they are single ones; regions of them count as not known.
    bounds : tuple of 2
        Ascending; ``-inf`` and ``inf`` are possible. Singular points should be at the bounds.
    tol : float
        Wanted error of the integral relative to its absolute value, for vectors to its 2-norm; positive.
    atol : float
        Wanted absolute error, at least 0. The larger of ``atol`` and ``tol·|integral|`` counts, so give it where the
        integral may be 0.

    Attributes
    ----------
    data : dict
        Node -> value.
    pending_points, failed_points : set of float
        Pending nodes; failed nodes, which are left out of the interpolants.
    ivals : set
        The intervals that may still be improved; at most `max_ivals`.
    first_ival
        The whole interval, root of the tree of parts.
    priority_split : list
        Intervals to be divided before all others.
    max_ivals : int
        With more intervals than this, the one of the smallest error is not refined any more.
    speculation : float
        Largest share of the points that may be nodes of intervals whose values are still pending. With fewer points in
        flight than a run could evaluate, `ask` returns fewer points; ``inf`` never does, for more evaluations.

    Notes
    -----
    `done` says when the tolerance is reached and checked, or cannot be reached; `converged` and `stopped_because` say
    which. With ``error_goal=`` a run works to that absolute error instead of the tolerances. `loss` is neither monotone
    nor 0 then. Only points that were asked for, or are about to be, can be told.

    With an infinite bound the function is asked at very large points, too. Give it in a unit in which it changes over
    distances near 1, and around 0 if both bounds are infinite: what is narrow and far away may be missed. An
    integrand that oscillates without end is not for this rule.

    Examples
    --------
    >>> import math
    >>> from adaptive_calib import IntegratorLearner
    >>> from adaptive_calib.runner import simple
    >>> learner = IntegratorLearner(math.sin, bounds=(0, math.pi), tol=1e-10)
    >>> simple(learner)  # until it is done
    >>> round(learner.igral, 9), learner.converged
    (2.0, True)
    >>> moments = IntegratorLearner(lambda x: (math.exp(-x), x * math.exp(-x)), bounds=(0, math.inf), tol=1e-8)
    >>> simple(moments)
    >>> moments.igral.round(7).tolist()
    [1.0, 1.0]
    """

    max_ivals = 1000

    def __init__(
        self, function: Callable[[float], Any], bounds: tuple[float, float], tol: float, atol: float = 0.0
    ) -> None:
        a, b = checked_bounds(bounds)
        super().__init__(function, tol, atol)
        self.bounds = (a, b)
        self._clear()
        self._add(self.first_ival, self.first_ival.nodes, range(ROOT_DEPTH + 1))
        self._push(self.first_ival)

    def _clear(self) -> None:
        super()._clear()
        self.first_ival = whole_interval(*self.bounds, ROOT_DEPTH)
        self.ivals: set[QuadratureInterval] = {self.first_ival}
        self.priority_split: list[QuadratureInterval] = []
        # (-err, -a, serial number, interval); an entry may be outdated
        self._heap: list[tuple[float, float, int, QuadratureInterval]] = []
        self._serial = count()

    def new(self) -> Self:
        """Return a learner of the same function, bounds and tolerances, without data."""
        fresh = type(self)(self.function, self.bounds, self.tol, self.atol)
        fresh.max_ivals, fresh.speculation = self.max_ivals, self.speculation
        fresh.set_error_goal(self.error_goal)
        return fresh

    # --------------------------------------------------------------------------------------------------- estimates

    @property
    def approximating_intervals(self) -> set[QuadratureInterval]:
        """The intervals whose integrals make up `igral`."""
        return set(self.first_ival.cover())

    @property
    def _volume(self) -> float:
        return float(self.bounds[1] - self.bounds[0])

    def _estimate(self) -> IntegralEstimate | None:
        return self.first_ival.estimate

    def _can_improve(self) -> bool:
        return bool(self.ivals)

    def _lost_error(self) -> float:
        return sum(
            each.err
            for each in self.first_ival.cover()
            if each.is_unknown() or (each not in self.ivals and not each.parts and not each.removed)
        )

    # --------------------------------------------------------------------------------------------------------- ask

    def _improvement(self, x: float) -> float:
        return max([interval.err for interval, _ in self._owners[x]], default=self.err)

    def _fill_stack(self) -> bool:
        """Refine or divide intervals until there are nodes to ask for; False if that cannot be."""
        while not self._unasked:
            self._stack.clear()
            chosen = self._choose()
            if chosen is None:
                return False
            interval, divided, speculative = chosen
            if divided:
                self.priority_split.pop()
            if interval.is_narrow() or interval.b - interval.a < TINY * self._extent:
                self.ivals.discard(interval)
                continue
            unknown = len(self._owners)
            if divided or interval.depth == len(ns) - 1:
                self._divide(interval)
            else:
                self._add(interval, interval.refine(), [interval.depth])
                self._update(interval)
            if speculative:
                self._speculated += len(self._owners) - unknown
            if len(self.ivals) > self.max_ivals:
                self.ivals.remove(min(self.ivals, key=lambda ival: (ival.err, ival.a)))
        return True

    def _choose(self) -> tuple[QuadratureInterval, bool, bool] | None:
        """Return the interval to improve, whether to divide it whatever its rule, and whether that is speculation.

        None if there is none. Removes outdated entries of `priority_split` and of the heap, and changes nothing else.
        """
        while self.priority_split:
            interval = self.priority_split[-1]
            if interval in self.ivals and not interval.parts:
                return interval, True, False
            self.priority_split.pop()
        heap = self._heap
        while heap:
            negative_err, _, _, interval = heap[0]
            if interval in self.ivals and interval.err == -negative_err and interval.is_ready():
                break
            heappop(heap)
        if not self._owners:
            return (heap[0][3], False, False) if heap else None
        # values are pending: an interval is needed for certain only if the errors of all that are ready exceed the
        # tolerance even if those of the others vanish
        if heap and self._state() == "open":
            ready = sum(interval.err for interval in self.ivals if interval.is_ready())
            if ready > self.wanted:
                return heap[0][3], False, False
        if self._speculated >= self.speculation * len(self.data):
            return None
        pending = [interval for interval in self.ivals if not interval.is_ready()]
        if pending:
            return max(pending, key=lambda interval: (interval.rdepth, interval.err, -interval.a)), False, True
        return (heap[0][3], False, True) if heap else None

    def _divide(self, interval: QuadratureInterval) -> None:
        at_end = interval.variable is None and (
            (interval.singular_end < 0 and interval.low == self.bounds[0])
            or (interval.singular_end > 0 and interval.high == self.bounds[1])
        )
        parts = interval.divide(at_end)
        self.ivals.discard(interval)
        self.ivals.update(parts)
        for part in parts:
            self._add(part, part.nodes, range(part.depth + 1))
        for part in parts:
            self._update(part)

    def _push(self, interval: QuadratureInterval) -> None:
        """Enter an interval into the heap with its present error."""
        if interval in self.ivals:
            heappush(self._heap, (-interval.err, -interval.a, next(self._serial), interval))
            if len(self._heap) > 4 * len(self.ivals) + 1000:
                self._heap = [(-ival.err, -ival.a, next(self._serial), ival) for ival in self.ivals]
                heapify(self._heap)

    def _add(self, interval: QuadratureInterval, nodes: Iterable[float], depths: Iterable[int]) -> None:
        """Enter nodes that an interval needs; those without a value are asked for once, for all intervals.

        For an interval that starts with more than one rule, all nodes count for the deepest.
        """
        depth = max(depths)
        interval.missing[depth] += self._want([x for x in nodes if not isinf(x)], (interval, depth))

    # ------------------------------------------------------------------------------------------------------ checks

    def _check_points(self) -> list[float]:
        """Return the points of the next check: each divides the largest gap between known points and those before."""
        known = sorted({*self.data, *self.failed_points, *self._owners})
        variable = self.first_ival.variable
        if variable is not None:  # gaps in the variable, and those beside the infinite ends
            known = sorted({self.first_ival.low, self.first_ival.high, *map(variable.t, known)})
        gaps = [(left - right, left, right) for left, right in pairwise(known)]
        heapify(gaps)
        number = self._number_of_checks()
        # a generator of its own for each round: a learner that was saved and loaded asks for the same points
        rng = Random(self._check_round + 1)
        points: list[float] = []
        while len(points) < number and gaps:
            _, left, right = heappop(gaps)
            x = left + (right - left) * rng.uniform(0.3, 0.7)
            if left < x < right:
                points.append(x if variable is None else variable.x(x))
                heappush(gaps, (left - x, left, x))
                heappush(gaps, (x - right, x, right))
        return points

    def _use_check(self, x: float) -> None:
        """Compare the interpolant with the value at a check point."""
        self._open_checks.discard(x)
        cover = set(self.first_ival.cover())
        for interval in self.first_ival.with_descendants():
            if not interval.a <= x <= interval.b:
                continue
            if interval in cover or not interval.parts:
                interval.checks.append(x)
            if interval not in cover:
                continue
            err = interval.err
            miss = interval.check(self.data)
            if miss > self._largest_miss(interval.size):
                self._check_failed = True
                interval.err = max(interval.err, miss / SMALL_MISS)  # above the wanted one, so that it is refined
                if interval.removed:
                    self._reopen(interval)
            elif self._checked:
                interval.err = err  # a late value that agrees does not change what is claimed
            self._push(interval)
            interval.update_estimate()
        self._end_check()

    def _reopen(self, interval: QuadratureInterval) -> None:
        """Improve an interval, and all below, that was taken to be exact up to rounding."""
        for each in interval.with_descendants():
            each.removed = False
            if not each.parts:
                self.ivals.add(each)
                self._push(each)
        for each in reversed(interval.with_descendants()):
            each.update_estimate()

    def _twins(self) -> Iterator[tuple[float, Value, float]]:
        cover = sorted(self.first_ival.cover(), key=lambda interval: (-interval.err, interval.a))[:TWINS]
        worst = [interval for interval in cover if interval.err >= LEAST * cover[0].err]
        for k in (2, 1, 3):  # of the nodes of the lowest rule
            for interval in worst:
                pair = interval.twin(k * (len(interval.nodes) - 1) // 4, self.data)
                if pair is not None and not self._is_known(pair[0]):
                    yield pair

    # -------------------------------------------------------------------------------------------------------- tell

    def data_key(self, x: Any) -> float:
        """Return a point as a float."""
        return float(x)

    def _shape_is_known(self) -> None:
        for interval in self.first_ival.with_descendants():
            interval.set_shape(self._shape or ())
            interval.update_estimate()

    def _arrived(self, x: float) -> None:
        """Complete the rules for which the value at `x`, which is now observed or failed, was the last."""
        owners = self._owners.pop(x, None)
        if owners is None:
            return
        for interval, depth in owners:
            interval.missing[depth] -= 1
        divergent = False
        for interval, _ in sorted(owners, key=lambda owner: owner[0].rdepth):
            divergent = self._update(interval) or divergent
        if x in self._open_checks:
            self._use_check(x)
        if divergent:
            of, more = "", ""
            if isinf(self._volume):
                of = " of f(x) dx/dt, with x(t) from a finite interval,"
                more = " Integrals that converge by changes of the sign only, as that of sin x², cannot be found."
            raise DivergentIntegralError(
                f"the integral over {self.bounds} seems to be infinite: near {x!r} the mean value{of} at least doubles "
                f"with each halving of the interval.{more}"
            )

    def _update(self, interval: QuadratureInterval) -> bool:
        """Complete every rule whose values are observed; return whether the integral was found to diverge."""
        divergent = False
        while interval.next_complete():
            split = interval.complete(self.data, self._shape or ())
            divergent = divergent or interval.is_divergent()
            if interval.is_rounding():
                self._remove(interval)
            elif split and interval in self.ivals:
                self.priority_split.append(interval)
            interval.update_estimate()
            for half in () if interval.parent is None else interval.parent.parts:
                half.hold_slow_end()
                half.update_estimate()
                self._push(half)
            # the errors of parts were guessed or estimated again
            for changed in interval.with_descendants():
                self._push(changed)
                divergent = divergent or changed.is_divergent()
            for part in interval.parts:
                part.update_estimate()
        return divergent

    def _remove(self, interval: QuadratureInterval) -> None:
        """Stop improving an interval and all below: their errors are rounding."""
        for each in interval.with_descendants():
            each.removed = True
            self.ivals.discard(each)
        for each in reversed(interval.with_descendants()):
            each.update_estimate()

    # ------------------------------------------------------------------------------------------------ data in and out

    def state(self) -> dict[str, Any]:
        """Return data, tree and pending points as plain dicts, lists and numbers."""
        intervals = self.first_ival.with_descendants()
        number = {id(interval): i for i, interval in enumerate(intervals)}
        return {
            **self._shared_state(),
            "intervals": [
                {**interval.export(), "parent": None if (up := interval.parent) is None else number[id(up)]}
                for interval in intervals
            ],
            "open": [number[id(interval)] for interval in self.ivals],
            "priority": [number[id(interval)] for interval in self.priority_split],
        }

    def take_state(self, state: Mapping[str, Any]) -> None:
        """Take over the state that `state` returned."""
        intervals = QuadratureInterval.restore_tree(state["intervals"], self.first_ival.variable)
        if (intervals[0].a, intervals[0].b) != self.bounds:
            raise ValueError(
                f"the data are of the integral over {(intervals[0].a, intervals[0].b)}, but this learner is of "
                f"{self.bounds}; make it with the same bounds."
            )
        self._take_shared_state(state)
        self.first_ival = intervals[0]
        self.ivals = {intervals[i] for i in state["open"]}
        self.priority_split = [intervals[i] for i in state["priority"]]
        for interval in intervals:
            self._want_again(interval)
            self._push(interval)
        for interval in reversed(intervals):
            if not interval.parts:
                interval.update_estimate()

    def _want_again(self, interval: QuadratureInterval) -> None:
        """Enter the nodes of an interval of a saved tree that have no value yet."""
        start = ROOT_DEPTH if interval.starts else 0
        for depth in range(start, interval.depth + 1):
            nodes = interval.nodes[:: 2 ** (interval.depth - depth)]
            for x in dict.fromkeys(nodes if depth == start else nodes[1::2]):
                if x in self._owners:
                    self._owners[x].append((interval, depth))
                    interval.missing[depth] += 1

    def _set_data(self, data: Mapping[str, Any]) -> None:
        if not isinstance(data, Mapping) or "intervals" not in data:
            raise ValueError(
                "the data should be those of an IntegratorLearner of this package, but are of another kind "
                f"({type(data).__name__}), such as python-adaptive's working lists, which cannot be read here. Load "
                "them there, and tell the values of `learner.data` to a learner here as it asks for them."
            )
        # nodes that were pending when the data were saved are asked for again
        self.take_state(data)
        self.remove_unfinished()

    def __getstate__(self) -> Any:
        # as plain data: a pickle of the tree itself would exceed the limit of recursion
        names = ("function", "bounds", "tol", "atol", "_error_goal", "max_ivals", "speculation")
        kept = {name: self.__dict__[name] for name in names if name in self.__dict__}
        return cloudpickle.dumps((kept, self.state(), self.latest_loss))

    def __setstate__(self, state: Any) -> None:
        kept, tree, latest = cloudpickle.loads(state)
        self.__dict__.update(kept)
        self._clear()
        self.take_state(tree)
        if latest is not None:
            self._cache = {"loss": latest}

    def to_numpy(self) -> Floats:
        """Return the data as rows (x, value), sorted by x, shape (npoints, 2), or (npoints, 1 + N) for vectors."""
        shape = self._shape or (1,)
        return np.array([(x, *np.broadcast_to(self.data[x], shape)) for x in sorted(self.data)], dtype=float)

    def plot(self) -> Any:
        """Return a `holoviews.Path` through the observed points, from left to right."""
        return _familiar_methods.view("integrator_learner").plot(self)
