"""The integral of a function over a box in two or three dimensions, to a relative or absolute tolerance.

Globally adaptive cubature: the box with the largest error is halved, along the axis in which the function changes most
(`_integral.box_rule` has the rule, `_integral.box` the arithmetic of one box, this module chooses the next one).

As in `IntegratorLearner`, values may be vectors, and an integral is done when a check has passed: where the tolerance
is reached, values at random points of the largest boxes are foretold and compared, and those that neighbours foretell
at their common face with each other. A box in which they disagree is halved. Nodes of a box that was halved are check
points of its halves at no cost.

Source: A. Genz and A. Malik, Journal of Computational and Applied Mathematics 6 (1980) 295; the algorithm is that of
ADAPT, DCUHRE and of `scipy.integrate.cubature`, which halves all axes at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from heapq import heapify, heappop, heappush
from math import inf, isfinite
from random import Random
from typing import Any, Self

import numpy as np

from adaptive_calib._arrays import Floats
from adaptive_calib.learner import _familiar_methods
from adaptive_calib.learner._integral.box import Box, Point
from adaptive_calib.learner._integral.box_rule import STRIP
from adaptive_calib.learner._integral.interval import IntegralEstimate, Value, is_finite, norm, sizes
from adaptive_calib.learner._integral.noise import LEAST
from adaptive_calib.learner._integral.quadrature_learner import SMALL_MISS, QuadratureLearner
from adaptive_calib.learner._twins import TWINS
from adaptive_calib.learner.integrator_learner import DivergentIntegralError
from adaptive_calib.learner.values import two_numbers

__all__ = ["CubatureLearner"]

#: The root of g^(n + 1) = g + 1: steps of 1/g, 1/g², ... along the axes spread any number of points evenly
#: (M. Roberts, The unreasonable effectiveness of quasirandom sequences, 2018).
_GOLDEN = {2: 1.32471795724474602596, 3: 1.22074408460575947536}


#: An integral is taken for divergent if that over boxes stays the same in this number of halvings.
DIVERGENT = 40

#: Errors that fall by less than the root of 2 in each of this number of halvings are those of a singularity.
SERIES = 6


class CubatureLearner(QuadratureLearner):
    """Integrates a function of two or three numbers over a box.

    Parameters
    ----------
    function : callable
        Takes a tuple of n floats, returns a real number or a vector of a fixed length N. NaN and infinite values, and
        vectors with any such component, count as not known: the error stays large where there are many.
    bounds : sequence of n tuples of 2
        Finite, ascending; n is 2 or 3. Singular points should be at the bounds, where there are no nodes.
    tol : float
        Wanted error of the integral relative to its absolute value, for vectors to its 2-norm; positive.
    atol : float
        Wanted absolute error, at least 0. The larger of ``atol`` and ``tol·|integral|`` counts, so give it where the
        integral may be 0.

    Attributes
    ----------
    data : dict
        Point -> value.
    pending_points, failed_points : set of tuple
        Pending points; failed points, which count as not known.
    ndim : int
        n.
    boxes : list
        All boxes, also those that were halved.
    speculation : float
        Largest share of the points that may be nodes which only a pending value can show to be needed. Beyond it `ask`
        returns fewer points than a run could evaluate; ``inf`` never does, for more evaluations.

    Notes
    -----
    `done` says when the tolerance is reached and checked, or cannot be reached; `converged` and `stopped_because` say
    which. With ``error_goal=`` a run works to that absolute error instead of the tolerances. Only points that were
    asked for, or are about to be, can be told.

    Each box takes 17 points in two dimensions, 33 in three. For a tolerance of 1e-9 and a smooth function, an
    `IntegratorLearner` over one variable whose function integrates over the others takes fewer. For an infinite bound
    change the variable in the function, for instance x = t/(1 - t).

    Examples
    --------
    >>> from adaptive_calib import CubatureLearner
    >>> from adaptive_calib.runner import simple
    >>> learner = CubatureLearner(lambda p: p[0] * p[1] ** 2, bounds=[(0, 1), (0, 3)], tol=1e-6)
    >>> simple(learner)  # until it is done
    >>> round(learner.igral, 9), learner.converged, learner.npoints
    (4.5, True, 25)
    """

    def __init__(
        self, function: Callable[[Point], Any], bounds: Sequence[tuple[float, float]], tol: float, atol: float = 0.0
    ) -> None:
        self.bounds = _checked_bounds(bounds)
        super().__init__(function, tol, atol)
        self._clear()
        self.boxes.append(_box(self.bounds))
        self.boxes[0].missing = self._want(self.boxes[0].nodes, 0)

    def _clear(self) -> None:
        super()._clear()
        self.boxes: list[Box] = []
        self._cover: set[int] = set()  # boxes whose estimates make up the integral
        self._ready: set[int] = set()  # complete boxes that may be halved
        self._heap: list[tuple[float, int]] = []  # (-err, box); an entry may be outdated
        self._sums: IntegralEstimate | None = None  # of the cover; None: to be computed
        self._largest = inf  # size of the largest valid value; inf before the first

    def new(self) -> Self:
        """Return a learner of the same function, bounds and tolerances, without data."""
        fresh = type(self)(self.function, self.bounds, self.tol, self.atol)
        fresh.speculation = self.speculation
        fresh.set_error_goal(self.error_goal)
        return fresh

    def data_key(self, x: Any) -> Any:
        """Return a point as a tuple of floats."""
        return tuple(map(float, x))

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.bounds)

    @property
    def _widths(self) -> Floats:
        return np.array([b - a for a, b in self.bounds])

    # --------------------------------------------------------------------------------------------------- estimates

    @property
    def _volume(self) -> float:
        return self.boxes[0].volume

    def _estimate(self) -> IntegralEstimate | None:
        if self._sums is None and self._cover:
            cover = [self.boxes[i] for i in sorted(self._cover)]
            igral, err, size = (sum(parts) for parts in zip(*((b.igral, b.err, b.size) for b in cover), strict=True))
            self._sums = IntegralEstimate(igral, err, 0.0, size)
        return self._sums

    def _can_improve(self) -> bool:
        return bool(self._ready or self._owners)

    def _lost_error(self) -> float:
        cover = [(i, self.boxes[i]) for i in sorted(self._cover)]
        return sum(box.err for i, box in cover if box.is_unknown or not (i in self._ready or box.parts))

    def _unknown_error(self) -> float:
        return sum(self.boxes[i].unknown for i in sorted(self._cover))

    def _shape_is_known(self) -> None:
        for box in self.boxes:
            box.igral = np.zeros(self._shape) if self._shape else 0.0
        self._sums = None

    def _push(self, i: int) -> None:
        if i in self._ready:
            heappush(self._heap, (-self.boxes[i].err, i))

    def _improvement(self, x: Point) -> float:
        return max([self.boxes[i].err for i in self._owners[x]], default=self.err)

    # --------------------------------------------------------------------------------------------------------- ask

    def _fill_stack(self) -> bool:
        while not self._unasked:
            self._stack.clear()
            i = self._worst()
            if i is None:
                return False
            speculative = bool(self._owners) and not self._is_needed()
            if speculative and self._speculated >= self.speculation * len(self.data):
                return False
            self._ready.discard(i)
            box = self.boxes[i]
            if box.is_narrow():
                continue
            for half in box.halves(i):
                self.boxes.append(half)
                number = len(self.boxes) - 1
                box.parts = (*box.parts, number)
                half.missing = self._want(half.nodes, number)
                self._speculated += speculative * half.missing
        return True

    def _worst(self) -> int | None:
        """Return the box with the largest error that may be halved."""
        while self._heap:
            negative_err, i = self._heap[0]
            if i in self._ready and self.boxes[i].err == -negative_err:
                return i
            heappop(self._heap)
        return None

    def _is_needed(self) -> bool:
        """Whether a box must be halved even if the errors of all that have pending nodes vanish."""
        return self._state() == "open" and sum(self.boxes[i].err for i in self._ready) > self.wanted

    # ------------------------------------------------------------------------------------------------------ checks

    def _check_points(self) -> list[Point]:
        """Return the points of the next check: spread evenly in the largest boxes, from a random start."""
        heap = [(-self.boxes[i].volume / (1 + len(self.boxes[i].checks)), 1, i) for i in sorted(self._cover)]
        heapify(heap)
        # a generator of its own for each round: a learner that was saved and loaded asks for the same points
        rng = Random(self._check_round + 1)
        start = np.array([rng.random() for _ in self.bounds])
        step = _GOLDEN[self.ndim] ** -np.arange(1.0, self.ndim + 1)
        points: list[Point] = []
        number = self._number_of_checks()
        for _ in range(10 * number):  # some are known: those of an earlier check, for a larger error
            if len(points) == number:
                break
            negative, times, i = heap[0]
            box = self.boxes[i]
            share = ((start + times * step) % 1.0).tolist()
            x = tuple(a + (b - a) * u for a, b, u in zip(box.low, box.high, share, strict=True))
            if not self._is_known(x) and x not in points:
                points.append(x)
            heappop(heap)
            heappush(heap, (negative * times / (times + 1), times + 1, i))
        return points

    def _end_check(self) -> None:
        if not (self._open_checks or self._check_failed or self._checked):
            self._check_failed = self._compare_faces()
        super()._end_check()

    def _compare_faces(self) -> bool:
        """Raise errors where neighbours foretell different values at their common face; return whether they matter.

        There is an edge then in the strip between the face and the nodes beside it, which no node has seen. Both boxes
        are to be halved across it.
        """
        shape, cover = self._shape or (), [i for i in sorted(self._cover) if not self.boxes[i].is_unknown]
        values = {i: self.boxes[i].values_at_nodes(self.data, shape)[0] for i in cover}
        missed = np.zeros((len(self.boxes), self.ndim))
        for i in cover:
            for axis, middle, outside in self.boxes[i].faces():
                j = self._box_at(outside)
                # of two boxes the smaller one looks at the larger
                if j not in values or self.boxes[j].volume < self.boxes[i].volume:
                    continue
                (here, doubt), (there, other) = (self.boxes[k].foretell(np.array([middle]), values[k]) for k in (i, j))
                jump = max(float(sizes(here - there)[0]) - doubt - other, 0.0)
                widths = [self.boxes[k].high[axis] - self.boxes[k].low[axis] for k in (i, j)]
                missed[[i, j], axis] += jump * STRIP * self.boxes[i].volume * max(widths) / widths[0]
        errors = {i: float(missed[i].sum()) for i in cover if missed[i].sum() > self.boxes[i].err}
        if sum(errors.values()) <= self.wanted:
            return False
        for i, err in errors.items():
            self.boxes[i].err, self.boxes[i].axis = err, int(missed[i].argmax())
            self._push(i)
        self._sums = None
        return True

    def _box_at(self, x: Point) -> int | None:
        """Return the box of the cover that contains `x`; None outside of the domain."""
        if not self.boxes[0].contains(x):
            return None
        i = 0
        while i not in self._cover:
            i = next(part for part in self.boxes[i].parts if self.boxes[part].contains(x))
        return i

    def _use_check(self, x: Point) -> None:
        """Compare the foretold value with the one at a check point."""
        self._open_checks.discard(x)
        i = 0
        while True:
            box = self.boxes[i]
            if i in self._cover or not box.parts:
                box.checks.append(x)
            if i in self._cover:
                err = box.err
                miss = box.check(self.data, self._shape or ())
                if miss > self._largest_miss(box.size):
                    self._check_failed = True
                    box.err = max(box.err, miss / SMALL_MISS)  # above the wanted one, so that it is halved
                elif self._checked:
                    box.err = err  # a late value that agrees does not change what is claimed
                self._push(i)
                self._sums = None
            if not box.parts:
                break
            i = next(part for part in box.parts if self.boxes[part].contains(x))
        self._end_check()

    def _twins(self) -> Iterator[tuple[Point, Value, float]]:
        cover = sorted((self.boxes[i] for i in self._cover), key=lambda box: (-box.err, box.low))[:TWINS]
        worst = [box for box in cover if box.err >= LEAST * cover[0].err]
        for k in range(1 + 2 * self.ndim):  # the middle of a box, and the nodes beside it
            for box in worst:
                pair = box.twin(k, self.data, self._shape or ())
                if pair is not None and not self._is_known(pair[0]):
                    yield pair

    # -------------------------------------------------------------------------------------------------------- tell

    def _arrived(self, x: Point) -> None:
        y = self.data.get(x, np.nan)
        if is_finite(y):
            first, self._largest = self._largest == inf, max(norm(y), 0.0 if self._largest == inf else self._largest)
            if first:  # boxes without any valid value have a finite error now
                for i in [i for i, box in enumerate(self.boxes) if box.complete]:
                    self._complete(i)
        divergent = False
        for i in self._owners.pop(x, []):
            self.boxes[i].missing -= 1
            if not self.boxes[i].missing:
                self._complete(i)
                divergent = divergent or self._is_divergent(i)
        if x in self._open_checks:
            self._use_check(x)
        if divergent:
            raise DivergentIntegralError(
                f"the integral over {self.bounds} seems to be infinite: near {x} that of the absolute value over boxes "
                f"stays the same in {DIVERGENT} halvings."
            )

    def _is_divergent(self, i: int) -> bool:
        """Whether the integral of the absolute value is no smaller than over a box `DIVERGENT` halvings larger."""
        above = self._above(i, DIVERGENT)
        return above is not None and self.boxes[i].size >= (1 - 1e-4) * above.size > 0

    def _above(self, i: int, halvings: int) -> Box | None:
        """Return the box from which a box came by that many halvings; None if there is none."""
        box = self.boxes[i]
        for _ in range(halvings):
            if box.parent is None:
                return None
            box = self.boxes[box.parent]
        return box

    def _look_for_singularity(self, i: int) -> None:
        """Where errors fall slowly by halving, count those of all boxes that are to come, as the sum of a series."""
        box = self.boxes[i]
        above = self._above(i, SERIES)
        if above is not None and box.difference > above.difference * 2.0 ** (-SERIES / 2):
            fall = (box.difference / above.difference) ** (1 / SERIES) if above.difference else 1.0
            box.further = 1 / (1 - min(fall, 0.999))
            box.err += (box.further - 1) * box.difference

    def _complete(self, i: int) -> None:
        """Estimate a box whose values are observed; it counts when its sibling has an estimate, too."""
        box = self.boxes[i]
        box.estimate(self.data, self._shape or (), self._widths, self._largest)
        self._look_for_singularity(i)
        if not box.parts:
            self._ready.add(i)
        self._push(i)
        self._sums = None
        if box.parent is None:
            self._cover = self._cover or {0}
            return
        self._compare_halves(self.boxes[box.parent])
        # a half may have been halved itself before its sibling was complete
        refined = [box.parent] if box.parent in self._cover else []
        while refined:
            parent = refined.pop()
            parts = self.boxes[parent].parts
            if parts and all(self.boxes[part].complete for part in parts):
                self._cover.remove(parent)
                self._cover.update(parts)
                refined += parts

    def _compare_halves(self, box: Box) -> None:
        """Lower the errors of both halves of a box, if they have estimates, as far as these agree with its own."""
        left, right = (self.boxes[part] for part in box.parts)
        difference = left.difference + right.difference
        if box.complete and left.complete and right.complete and difference:
            moved = norm(left.igral + right.igral - box.igral) / difference
            for part in box.parts:
                self.boxes[part].lower_error(moved)
                self._push(part)

    # ------------------------------------------------------------------------------------------------ data in and out

    def state(self) -> dict[str, Any]:
        """Return data, boxes and pending points as plain dicts, lists and numbers."""
        return {
            **self._shared_state(),
            "boxes": [box.export() for box in self.boxes],
            "cover": sorted(self._cover),
            "ready": sorted(self._ready),
        }

    def take_state(self, state: Mapping[str, Any]) -> None:
        """Take over the state that `state` returned."""
        boxes = [Box.restore(exported) for exported in state["boxes"]]
        bounds = tuple(zip(boxes[0].low, boxes[0].high, strict=True))
        if bounds != self.bounds:
            raise ValueError(
                f"the data are of the integral over {bounds}, but this learner is of {self.bounds}; make it with the "
                "same bounds."
            )
        self._take_shared_state(state)
        self.boxes = boxes
        self._cover, self._ready = set(state["cover"]), set(state["ready"])
        for i, box in enumerate(boxes):
            self._push(i)
            if not box.complete:
                for x in box.nodes:
                    if x in self._owners:
                        self._owners[x].append(i)
        self._largest = max((norm(y) for y in self.data.values() if is_finite(y)), default=inf)

    def _set_data(self, data: Mapping[str, Any]) -> None:
        # nodes that were pending when the data were saved are asked for again
        self.take_state(data)
        self.remove_unfinished()

    def to_numpy(self) -> Floats:
        """Return the data as rows (x, y, ..., value), in the order of telling, shape (npoints, n + 1), or n + N."""
        shape = self._shape or (1,)
        return np.array([(*x, *np.broadcast_to(y, shape)) for x, y in self.data.items()], dtype=float)

    def plot(self) -> Any:
        """Return `holoviews.Points` at the observed points, in the plane of the first two dimensions."""
        return _familiar_methods.view("integrator_learner").plot_box(self)


def _checked_bounds(bounds: Any) -> tuple[tuple[float, float], ...]:
    try:
        found = tuple(two_numbers(each) for each in bounds)
    except (TypeError, ValueError):
        raise ValueError(f"`bounds` should be two or three pairs of numbers, but is {bounds!r}.") from None
    if len(found) not in (2, 3):
        raise ValueError(
            f"`bounds` should be two or three pairs of numbers, but has {len(found)}; for one use IntegratorLearner, "
            "for more a Monte Carlo average (AverageLearner)."
        )
    for a, b in found:
        if not a < b or not isfinite(b - a):
            raise ValueError(
                f"each of `bounds` should be finite and ascending, but one is {(a, b)!r}; for an infinite one change "
                "the variable in the function, for instance x = t/(1 - t)."
            )
    box = _box(found)
    if any(len({x[k] for x in box.nodes}) < 7 for k in range(len(found))) or not 0 < box.volume < inf:
        raise ValueError(f"`bounds` should leave room for different floats, but are {bounds!r}; use another unit.")
    return found


def _box(bounds: tuple[tuple[float, float], ...]) -> Box:
    return Box(tuple(a for a, _ in bounds), tuple(b for _, b in bounds))
