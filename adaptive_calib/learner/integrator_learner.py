"""The integral of a function over an interval, to a relative tolerance.

Doubly adaptive Clenshaw-Curtis quadrature: an interval is either given the next rule (twice as many nodes) or halved,
where the error is largest. The error is the difference of the interpolants of two rules, in the norm of their Legendre
coefficients, so that it does not miss what two integrals happen to agree on; NaN and infinite values are taken out of
the interpolants; divergent integrals are recognised. `_quadrature` has the arithmetic of one interval, this module the
choice of what is next.

Source: P. Gonnet, Increasing the reliability of adaptive quadrature using explicit interpolants, ACM Transactions on
Mathematical Software 37 (2010), and the same author's thesis.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from heapq import heapify, heappop, heappush
from itertools import count
from math import inf, isfinite
from typing import Any, Self

import cloudpickle
import numpy as np

from adaptive_calib._arrays import Floats
from adaptive_calib.learner import _familiar_methods
from adaptive_calib.learner._integral.interval import ROOT_DEPTH, Interval
from adaptive_calib.learner.base_learner import BaseLearner, check_number_of_points
from adaptive_calib.learner.integrator_coeffs import ns

__all__ = ["DivergentIntegralError", "IntegratorLearner"]


class DivergentIntegralError(ValueError):
    """The integral seems to be infinite: the mean value keeps growing as intervals shrink."""


class IntegratorLearner(BaseLearner):
    """Integrates a function of one number.

    Parameters
    ----------
    function : callable
        Takes a float, returns a real number; NaN and infinite values are left out.
    bounds : tuple of 2
        Finite, ascending. Singular points should be at the bounds.
    tol : float
        Wanted error of the integral relative to its absolute value; positive.

    Attributes
    ----------
    data : dict
        Node -> value.
    pending_points, failed_points : set of float
        Pending nodes; failed nodes, which are left out of the interpolants.
    ivals : set
        The intervals that may still be improved; at most `max_ivals`.
    first_ival
        The whole interval, root of the tree of halves.
    priority_split : list
        Intervals to be halved before all others.

    Notes
    -----
    `done` says when the tolerance is reached; `loss` is neither monotone nor 0 then. Only points that were asked for,
    or are about to be, can be told. When nothing can be improved any more `ask` returns no points.

    Examples
    --------
    >>> import math
    >>> from adaptive_calib import IntegratorLearner
    >>> from adaptive_calib.runner import simple
    >>> learner = IntegratorLearner(math.sin, bounds=(0, math.pi), tol=1e-10)
    >>> simple(learner)  # until it is done
    >>> round(learner.igral, 9)
    2.0
    """

    data: dict[float, float]
    pending_points: set[float]
    failed_points: set[float]

    #: With more intervals than this, the one of the smallest error is given up.
    max_ivals = 1000

    def __init__(self, function: Callable[[float], Any], bounds: tuple[float, float], tol: float) -> None:
        a, b = _checked_bounds(bounds)
        if not 0 < tol < inf:
            raise ValueError(f"`tol` should be positive and finite, but is {tol!r}.")
        self.function = function
        self.bounds = (a, b)
        self.tol = float(tol)
        self._clear()
        self._add(self.first_ival, self.first_ival.nodes, range(ROOT_DEPTH + 1))
        self._push(self.first_ival)

    def _clear(self) -> None:
        self.data = {}
        self.pending_points = set()
        self.failed_points = set()
        self.first_ival = Interval(*self.bounds, None, ROOT_DEPTH)
        self.ivals: set[Interval] = {self.first_ival}
        self.priority_split: list[Interval] = []
        # nodes whose value is not known, in the order in which they came -> (interval, rule for which it wants them)
        self._owners: dict[float, list[tuple[Interval, int]]] = {}
        self._stack: deque[float] = deque()  # to be asked; those that are not in _unasked any more are passed over
        self._unasked: set[float] = set()
        # (-err, -a, serial number, interval); an entry may be outdated
        self._heap: list[tuple[float, float, int, Interval]] = []
        self._serial = count()

    def new(self) -> Self:
        """Return a learner of the same function, bounds and tolerance, without data."""
        return type(self)(self.function, self.bounds, self.tol)

    # --------------------------------------------------------------------------------------------------- estimates

    @property
    def npoints(self) -> int:
        """Number of observed points."""
        return len(self.data)

    @property
    def ninvalid(self) -> int:
        """Number of observed values that are NaN or infinite."""
        return sum(not isfinite(y) for y in self.data.values())

    @property
    def igral(self) -> float:
        """The integral as far as it is known; 0 before the first estimate (33 points)."""
        estimate = self.first_ival.estimate
        return 0.0 if estimate is None else estimate.igral

    @property
    def err(self) -> float:
        """The estimated absolute error of `igral`; inf before the first estimate."""
        estimate = self.first_ival.estimate
        return inf if estimate is None else estimate.err

    def largest_error(self) -> float:
        """Return `err`, in units of the integral; with it ``error_goal=`` asks for an absolute error.

        Inf before the first estimate. The estimate is cautious: mostly the integral is much nearer to the true one.
        """
        return self.err

    @property
    def approximating_intervals(self) -> set[Interval]:
        """The intervals whose integrals make up `igral`."""
        return set(self.first_ival.cover())

    def done(self) -> bool:
        """Whether the tolerance is reached, or cannot be because of rounding, or nothing can be improved."""
        if not self.ivals:
            return True
        estimate = self.first_ival.estimate
        if estimate is None:
            return False
        igral, err, err_removed = estimate
        wanted = abs(igral) * self.tol
        return err == 0 or err < wanted or err - err_removed < wanted < err_removed

    def loss(self, real: bool = True) -> float:
        """Return the distance of the error from the wanted one, ``abs(abs(igral)·tol - err)``."""
        loss = abs(abs(self.igral) * self.tol - self.err)
        self.__dict__.setdefault("_cache", {})["loss"] = loss
        return loss

    # --------------------------------------------------------------------------------------------------------- ask

    def ask(self, n: int, tell_pending: bool = True) -> tuple[list[float], list[float]]:
        """Return the next `n` nodes; the improvement of each is the largest error of an interval that wants it."""
        n = check_number_of_points(n)
        if not tell_pending:
            return self._preview(n)
        points: list[float] = []
        improvements: list[float] = []
        while len(points) < n and self._fill_stack():
            x = self._stack.popleft()
            if x in self._unasked:
                self._unasked.discard(x)
                self.pending_points.add(x)
                points.append(x)
                improvements.append(self._improvement(x))
        return points, improvements

    def _improvement(self, x: float) -> float:
        return max(interval.err for interval, _ in self._owners[x])

    def _fill_stack(self) -> bool:
        """Refine or halve intervals until there are nodes to ask for; False if that cannot be."""
        while not self._unasked:
            self._stack.clear()
            chosen = self._choose()
            if chosen is None:
                return False
            interval, at_once = chosen
            if at_once:
                self.priority_split.pop()
            if interval.is_narrow():
                self.ivals.discard(interval)
                continue
            if at_once or interval.depth == len(ns) - 1:
                self._halve(interval)
            else:
                self._add(interval, interval.refine(), [interval.depth])
                self._tend(interval)
            if len(self.ivals) > self.max_ivals:
                self.ivals.remove(min(self.ivals, key=lambda ival: (ival.err, ival.a)))
        return True

    def _choose(self) -> tuple[Interval, bool] | None:
        """Return the interval to improve, and whether it is to be halved whatever its rule; None if there is none.

        Throws away what is outdated in `priority_split` and in the heap, and changes nothing else.
        """
        while self.priority_split:
            interval = self.priority_split[-1]
            if interval in self.ivals and not interval.children:
                return interval, True
            self.priority_split.pop()
        heap = self._heap
        while heap:
            negative_err, _, _, interval = heap[0]
            if interval in self.ivals and interval.err == -negative_err:
                return interval, False
            heappop(heap)
        return None

    def _halve(self, interval: Interval) -> None:
        halves = interval.halves()
        interval.children = halves
        self.ivals.discard(interval)
        for half in halves:
            self.ivals.add(half)
            self._push(half)
        for half in halves:
            self._add(half, half.nodes, [0])
        for half in halves:
            self._tend(half)

    def _push(self, interval: Interval) -> None:
        """Put an interval where its error belongs."""
        if interval in self.ivals:
            heappush(self._heap, (-interval.err, -interval.a, next(self._serial), interval))
            if len(self._heap) > 4 * len(self.ivals) + 1000:
                self._heap = [(-ival.err, -ival.a, next(self._serial), ival) for ival in self.ivals]
                heapify(self._heap)

    def _add(self, interval: Interval, nodes: Iterable[float], depths: Iterable[int]) -> None:
        """Let an interval want nodes; those that are not known are asked for once, whoever wants them.

        For the first interval, which begins with more than one rule, all count for the deepest.
        """
        depth = max(depths)
        data, failed = self.data, self.failed_points
        for x in nodes:
            if x in data or x in failed:
                continue
            interval.missing[depth] += 1
            owners = self._owners.get(x)
            if owners is None:
                self._owners[x] = [(interval, depth)]
                self._stack.append(x)
                self._unasked.add(x)
            else:
                owners.append((interval, depth))

    def _preview(self, n: int) -> tuple[list[float], list[float]]:
        """Return what `ask` would, and change nothing."""
        points = [x for x in self._stack if x in self._unasked][:n] if n else []
        improvements = [self._improvement(x) for x in points]
        if len(points) == n:
            return points, improvements
        chosen = None if points else self._choose()
        if chosen is not None and not chosen[0].is_narrow():
            # one step further ahead is seen without taking it, if it brings enough nodes
            interval, at_once = chosen
            if at_once or interval.depth == len(ns) - 1:
                nodes = [x for half in interval.halves() for x in half.nodes]
                err = interval.err / 2
            else:
                nodes, err = interval.deeper(), interval.err
            unknown = [x for x in dict.fromkeys(nodes) if not self._is_known(x)]
            if len(unknown) >= n:
                return unknown[:n], [err] * n
        copied = self.new()
        copied.take_state(self.state())
        return copied.ask(n)

    def _is_known(self, x: float) -> bool:
        return x in self.data or x in self.failed_points or x in self._owners

    # -------------------------------------------------------------------------------------------------------- tell

    def tell(self, x: float, y: float) -> None:
        """Record the value at a node.

        Parameters
        ----------
        x : float
            A point that `ask` returned, or is about to. A known one is replaced in `data`; what was computed from its
            earlier value stays.
        y : float
            NaN and infinite values are left out of the interpolants.

        Raises
        ------
        ValueError
            If `x` belongs to no interval.
        TypeError
            If `y` is no real number.
        DivergentIntegralError
            If the integral seems to be infinite; the value is taken in all the same.
        """
        if not self._is_known(x):
            raise ValueError(f"Point {x} doesn't belong to any interval; only points that `ask` returned can be told.")
        try:
            value = float(y)
        except (TypeError, ValueError):
            raise TypeError(
                f"the value at {x} should be a real number, but is {y!r} ({type(y).__name__}); nothing was recorded."
            ) from None
        self.failed_points.discard(x)
        self.data[float(x)] = value
        self._arrived(x)

    def _arrived(self, x: float) -> None:
        """The value at `x` is known, or known to be missing: complete what waited for it."""
        self.pending_points.discard(x)
        self._unasked.discard(x)
        owners = self._owners.pop(x, None)
        if not owners:
            return
        for interval, depth in owners:
            interval.missing[depth] -= 1
        divergent = False
        for interval, _ in sorted(owners, key=_tree_depth):
            divergent = self._tend(interval) or divergent
        if divergent:
            raise DivergentIntegralError(
                f"the integral over {self.bounds} seems to be infinite: near {x!r} the mean value at least doubles "
                "with each halving of the interval."
            )

    def _tend(self, interval: Interval) -> bool:
        """Complete every rule whose values are there; return whether the integral was found to diverge."""
        divergent = False
        while interval.next_complete():
            split = interval.complete(self.data)
            divergent = divergent or interval.is_divergent()
            if interval.counts() and interval.is_rounding():
                self._remove(interval)
            elif split and interval in self.ivals:
                self.priority_split.append(interval)
            interval.renew_estimate()
            # errors below were guessed or estimated anew, too
            for changed in interval.with_descendants():
                self._push(changed)
                divergent = divergent or changed.is_divergent()
            for child in interval.children:
                child.renew_estimate()
        return divergent

    def _remove(self, interval: Interval) -> None:
        """Stop improving an interval and all below: their errors are rounding."""
        for each in interval.with_descendants():
            each.removed = True
            self.ivals.discard(each)
        for each in reversed(interval.with_descendants()):
            each.renew_estimate()

    def tell_pending(self, x: float) -> None:
        """Mark the node `x` as pending; ValueError if it is no node."""
        if not self._is_known(x):
            raise ValueError(
                f"Point {x} doesn't belong to any interval; only points that `ask` returned can be pending."
            )
        if x in self._unasked:
            self._unasked.discard(x)
            self.pending_points.add(x)

    def tell_failed(self, x: float) -> None:
        """Mark the node `x` as failed: it is left out of the interpolants; ValueError if it is no node."""
        if not self._is_known(x):
            raise ValueError(f"Point {x} doesn't belong to any interval; only points that `ask` returned can fail.")
        if x not in self.data and x not in self.failed_points:
            self.failed_points.add(float(x))
            self._arrived(x)

    def remove_unfinished(self) -> None:
        """Put the pending nodes back to those to be asked for."""
        self.pending_points = set()
        self._stack = deque(self._owners)
        self._unasked = set(self._owners)

    # ------------------------------------------------------------------------------------------------ data in and out

    def state(self) -> dict[str, Any]:
        """Return data and tree as plain dicts, lists and numbers; what is pending too."""
        intervals = self.first_ival.with_descendants()
        number = {id(interval): i for i, interval in enumerate(intervals)}
        return {
            "data": dict(self.data),
            "failed": sorted(self.failed_points),
            "intervals": [
                {**interval.export(), "parent": None if (up := interval.parent) is None else number[id(up)]}
                for interval in intervals
            ],
            "open": [number[id(interval)] for interval in self.ivals],
            "priority": [number[id(interval)] for interval in self.priority_split],
            "unknown": list(self._owners),
            "pending": [x for x in self._owners if x in self.pending_points],
            "stack": [x for x in self._stack if x in self._unasked],
        }

    def take_state(self, state: Mapping[str, Any]) -> None:
        """Become what `state` describes; what is kept for speed is made from it."""
        intervals: list[Interval] = []
        for exported in state["intervals"]:
            plain = {name: value for name, value in exported.items() if name != "parent"}
            parent = None if exported["parent"] is None else intervals[exported["parent"]]
            interval = Interval.restore(plain, parent)
            if parent is not None:
                parent.children = (*parent.children, interval)
            intervals.append(interval)
        if (intervals[0].a, intervals[0].b) != self.bounds:
            raise ValueError(
                f"the data are of the integral over {(intervals[0].a, intervals[0].b)}, but this learner is of "
                f"{self.bounds}; make it with the same bounds."
            )
        self._clear()
        self.first_ival = intervals[0]
        self.data = dict(state["data"])
        self.failed_points = set(state["failed"])
        self.ivals = {intervals[i] for i in state["open"]}
        self.priority_split = [intervals[i] for i in state["priority"]]
        self._owners = {x: [] for x in state["unknown"]}
        for interval in intervals:
            self._want_again(interval)
            self._push(interval)
        self.pending_points = set(state["pending"])
        self._stack = deque(state["stack"])
        self._unasked = set(self._stack)
        for interval in reversed(intervals):
            if not interval.children:
                interval.renew_estimate()

    def _want_again(self, interval: Interval) -> None:
        """Enter an interval of a saved tree with the nodes it does not know yet."""
        start = ROOT_DEPTH if interval.parent is None else 0
        for depth in range(start, interval.depth + 1):
            nodes = interval.nodes[:: 2 ** (interval.depth - depth)]
            for x in nodes if depth == start else nodes[1::2]:
                if x in self._owners:
                    self._owners[x].append((interval, depth))
                    interval.missing[depth] += 1

    def _get_data(self) -> dict[str, Any]:
        return self.state()

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
        # as plain data: a pickle that walks along the tree runs into the limit of recursion
        names = ("function", "bounds", "tol", "max_ivals")
        kept = {name: self.__dict__[name] for name in names if name in self.__dict__}
        return cloudpickle.dumps((kept, self.state(), self.latest_loss))

    def __setstate__(self, state: Any) -> None:
        kept, tree, latest = cloudpickle.loads(state)
        self.__dict__.update(kept)
        self.take_state(tree)
        if latest is not None:
            self._cache = {"loss": latest}

    def to_numpy(self) -> Floats:
        """Return the data as rows (x, value), sorted by x, shape (npoints, 2)."""
        return np.array(sorted(self.data.items()), dtype=float)

    def plot(self) -> Any:
        """Return a `holoviews.Path` through the observed points, from left to right."""
        return _familiar_methods.view("integrator_learner").plot(self)


def _tree_depth(owner: tuple[Interval, int]) -> int:
    return owner[0].rdepth


def _checked_bounds(bounds: Any) -> tuple[float, float]:
    try:
        a, b = (float(x) for x in bounds)
    except (TypeError, ValueError):
        raise ValueError(f"`bounds` should be two numbers (a, b), but is {bounds!r}.") from None
    if not -inf < a < b < inf:
        raise ValueError(f"`bounds` should be finite and ascending, but is {bounds!r}.")
    return a, b
