"""The intervals between the points of a `Learner1D`, in the order in which they should be divided.

This is the owner of everything about intervals: which there are, their losses, what is under way inside them, and the
scale by which values are measured. It knows coordinates u (see `_domain1D`) and values as floats, tuples of floats or
None (no valid value); it knows neither the function nor the data as told.

Mathematics
-----------
Real intervals lie between neighbouring known points. An interval is one immutable tuple ``(rank, a, b, loss, ya,
yb)``; tuples compare by rank, then from left to right, so that the first of a heap is the interval to be divided
next. ``rank = -⌊10¹² loss + ½⌋``, with (b - a)/X in place of a loss that is not finite. Points under way divide an
interval of loss L and length d into *pieces* of loss L·length/d; stretches that are not between two known points have
infinite loss.

Losses are kept as they were computed. All are computed anew only when the range of values has grown beyond
`recompute_factor` times the range at the last such computation; in between, losses far from the new points carry an
older range.

What makes it fast
------------------
An interval without points under way ("clean") is in one heap and nowhere else. The point that was asked last is
usually told next: until another call comes between, its interval stays on top of the heap, and the value replaces the
top by one half and pushes the other. There is no sorted list of points and no mapping of neighbours, until a point
that was not asked for has to be found its interval, or a loss wants to see neighbours; then `_index` is made and
kept. Entries of the heaps of open intervals and of pieces are left in place when they die and are thrown away when
they come to the top.

Source: the order of python-adaptive 1.5.2, which is reproduced point by point for its default loss.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush, heapreplace
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from sortedcontainers import SortedList

from adaptive_calib.learner._domain1D import Domain1D, IntegerDomain
from adaptive_calib.learner.losses1D import IntervalLoss

__all__ = ["Intervals", "Value"]

INF = math.inf

#: A value as the intervals know it: a number, the components of a vector, or None where there is no valid value.
Value: TypeAlias = float | tuple[float, ...] | None

#: (rank, a, b, loss, ya, yb)
Interval: TypeAlias = tuple[float, float, float, float, Any, Any]

#: (rank, p, q, loss, the open stretch that it is a piece of)
Piece: TypeAlias = "tuple[float, float, float, float, Open]"


def rank(loss: float, length: float) -> float:
    """Return the sort key of a loss: the loss rounded to 12 digits, negative.

    Parameters
    ----------
    loss
        Infinite or NaN counts as `length`.
    length
        Length of the interval as a fraction of the domain.
    """
    if loss - loss != 0.0:
        loss = length
    scaled = loss * 1e12
    return -math.floor(scaled + 0.5) * 1.0 if scaled < 1e300 else -scaled


class Open:
    """A stretch with points under way inside: a real interval, or what lies beyond the known points."""

    __slots__ = ("a", "b", "inside", "interval", "loss")

    def __init__(self, interval: Interval | None, a: float | None, b: float | None, inside: list[float]) -> None:
        self.interval = interval
        self.a = a
        self.b = b
        self.loss = INF if interval is None else interval[3]
        self.inside = inside

    def edges(self) -> list[float]:
        """Return the ends (those that there are) and the points under way, ascending."""
        left = [] if self.a is None else [self.a]
        right = [] if self.b is None else [self.b]
        return [*left, *self.inside, *right]

    def lefts(self) -> list[float]:
        """Return the left ends of the pieces."""
        return self.inside if self.a is None else [self.a, *self.inside]

    def __lt__(self, other: Open) -> bool:
        # a dead piece and its living successor may be equal up to here; which comes first does not matter
        return False


@dataclass
class _Share:
    """Points to come inside one stretch from `a` to `b`, which they divide into so many parts.

    `whole` is the interval or piece if it is in a queue; None for what lies before or after all points.
    """

    whole: Interval | Piece | None
    a: float
    b: float
    parts: int
    improvement: float
    points: list[float] = field(default_factory=list)


#: From how many points on all losses are computed by NumPy; below, a loop is as fast. Chosen by trying 8, 24, 100.
_BULK = 24


def _left(interval: Interval) -> float:
    return interval[1]


def _without_share(item: tuple[float, tuple[float, float, int], _Share]) -> tuple[float, tuple[float, float, int]]:
    return item[:2]


def _vector(y: Value) -> tuple[float, ...]:
    return y if isinstance(y, tuple) else ()


def _between(low: float, y: float, high: float) -> bool:
    return low <= y <= high


def _is_no_number(y: Value) -> bool:
    return type(y) is not float


def _contains(us: list[float], u: float) -> bool:
    """Whether the ascending list has `u`."""
    i = bisect_left(us, u)
    return i < len(us) and us[i] == u


class _Index:
    """The known points in order, with their values and the interval to the right of each."""

    __slots__ = ("_right", "points", "values")

    def __init__(self, points: Sequence[float], values: Sequence[Value], intervals: Iterable[Interval]) -> None:
        self.points = SortedList(points)
        self.values: dict[float, Value] = dict(zip(points, values, strict=True))
        self._right = {interval[1]: interval for interval in intervals}

    def add(self, u: float, y: Value) -> None:
        """Add a point; its interval follows by `put`."""
        self.points.add(u)
        self.values[u] = y

    def put(self, interval: Interval) -> None:
        """Make `interval` the one to the right of its left end."""
        self._right[interval[1]] = interval

    def current(self, interval: Interval) -> bool:
        """Whether this very interval is still the one at its place."""
        return self._right.get(interval[1]) is interval

    def at(self, i: int) -> Interval:
        """Return the interval to the right of the i-th point."""
        return self._right[self.points[i]]

    def around(self, u: float) -> Interval:
        """Return the interval that contains `u`, which lies between the first and the last point."""
        return self.at(self.points.bisect_right(u) - 1)

    def intervals(self) -> list[Interval]:
        """Return the intervals from left to right."""
        return [self._right[u] for u in self.points[:-1]]


class Intervals:
    """The intervals of one `Learner1D` and the queue in which they wait to be divided.

    Parameters
    ----------
    domain
        Where points may lie.
    loss
        Loss of an interval; None is `losses1D.default_loss`, computed in line.

    Attributes
    ----------
    recompute_factor : float
        All losses are computed anew when the range of values has grown by more than this factor.
    """

    def __init__(self, domain: Domain1D, loss: IntervalLoss | None = None) -> None:
        self.domain = domain
        self.recompute_factor = 2.0
        self._function = loss
        self._neighbors = int(getattr(loss, "nth_neighbors", 0))
        self._invalid_loss: Callable[[float], float] = getattr(loss, "invalid_loss", float)
        self._width = domain.high - domain.low
        self._shortest = domain.shortest
        self._lattice = isinstance(domain, IntegerDomain)
        # whether `fill` and `halve` may do the usual case in line
        self._usual = loss is None and domain.midpoints
        self._lowest: Any = INF
        self._highest: Any = -INF
        self._range = 0.0
        self._y_scale = 1.0
        self._limit = 0.0
        self._clear()

    def _clear(self) -> None:
        """Forget all intervals; the scale stays."""
        self._first: float | None = None
        self._last: float | None = None
        self._y_first: Value = None
        self._y_last: Value = None
        self._complete = False
        self._heap: list[Interval] = []
        self._closed: list[Interval] = []
        self._asked: float | None = None
        self._open: dict[float, Open] = {}
        self._open_heap: list[Interval] = []
        # what lies before the first and after the last known point; all of it is in `_before` while nothing is known
        self._before = Open(None, None, None, [])
        self._after = Open(None, None, None, [])
        self._pieces: dict[float, Piece] = {}
        self._piece_heap: list[Piece] = []
        self._at: dict[float, Open] = {}
        self._index: _Index | None = None

    # -- what is known ---------------------------------------------------------------------------------------------

    @property
    def pending(self) -> list[float]:
        """The coordinates under way, in no order."""
        return list(self._at) if self._asked is None else [*self._at, self._asked]

    def is_pending(self, u: float) -> bool:
        """Whether `u` is under way."""
        return u in self._at or u == self._asked

    @property
    def complete(self) -> bool:
        """Whether both ends of the domain are known."""
        return self._complete

    def missing(self) -> list[float]:
        """Return the ends of the domain that are neither known nor under way."""
        if self._complete:
            return []
        known = (self._first, self._last)
        return [u for u in (self.domain.low, self.domain.high) if u not in known and u not in self._at]

    @property
    def scale(self) -> tuple[float, float]:
        """The width of the domain and the range of the values (the largest of any component)."""
        return self._width, self._range

    def real(self) -> list[Interval]:
        """Return the intervals between known points, from left to right."""
        if self._index is not None:
            return self._index.intervals()
        recs = self._heap + self._closed + [o.interval for o in self._open.values() if o.interval is not None]
        return sorted(recs, key=_left)

    def combined(self) -> list[tuple[float, float, float]]:
        """Return all stretches between neighbouring points, known or under way: (a, b, loss), from left to right."""
        self._settle()
        parts = [(a, b, loss) for _, a, b, loss, _, _ in self.real() if a not in self._open]
        for stretch in (self._before, *self._open.values(), self._after):
            edges = stretch.edges()
            parts += [(p, q, self._part(stretch, q - p)) for p, q in pairwise(edges)]
        return sorted(parts)

    def loss(self, real: bool = True) -> float:
        """Return the largest loss; infinite until both ends of the domain are known."""
        if not self._complete:
            return INF
        heap = self._heap
        if real:
            if not self._open_heap:
                return heap[0][3] if heap else 0.0
            top = self._top_open()
            if top is None or (heap and heap[0] < top):
                return heap[0][3] if heap else 0.0
            return top[3]
        self._settle()
        piece = self._top_piece()
        if piece is None or (heap and heap[0] < piece):
            return self._whole(heap[0]) if heap else 0.0
        return piece[3]

    # -- one point after the other: the fast way -------------------------------------------------------------------

    def halve(self) -> tuple[float, float] | None:
        """Put one more point under way where the loss is largest; return it and the improvement.

        None if this is not the usual case: both ends known, the loss the default one, points in the middle.
        """
        if not self._usual or not self._complete:
            return None
        if self._asked is not None:
            self._settle()
        heap = self._heap
        if self._piece_heap:
            piece = self._top_piece()
            if piece is not None and not (heap and heap[0] < piece):
                _, a, b, loss, stretch = piece
                if stretch.interval is None:
                    return None
                u = a + (b - a) / 2
                self._divide_piece(stretch, piece, [u])
                return u, loss / 2
        if not heap:
            return None
        _, a, b, loss, _, _ = heap[0]
        length = b - a
        self._asked = u = a + length / 2
        return u, length * loss / length / 2

    def fill(self, u: float, y: float) -> bool:
        """Take in the value of the point that `halve` gave last; False, and nothing done, if it is not that."""
        if u != self._asked or type(y) is not float or y - y != 0.0:
            return False
        self._asked = None
        if not self._lowest <= y <= self._highest:
            self._stretch(y)
        heap = self._heap
        _, a, b, _, ya, yb = heap[0]
        left, right = u - a, b - u
        if ya is None or yb is None or left < self._shortest or right < self._shortest:
            self._split(heappop(heap), [], u, y)
            return True
        width, scale = self._width, self._y_scale
        us, ys = u / width, y / scale
        # |complex| is the cheapest hypot; ⌊ ⌋ written as // 1.0 and the length in and out are those of `rank`
        loss = abs(complex(us - a / width, ys - ya / scale))
        heapreplace(heap, lower := (-((left * loss / left * 1e12 + 0.5) // 1.0), a, u, loss, ya, y))
        loss = abs(complex(b / width - us, yb / scale - ys))
        heappush(heap, upper := (-((right * loss / right * 1e12 + 0.5) // 1.0), u, b, loss, y, yb))
        if self._index is not None:
            self._index.add(u, y)
            self._index.put(lower)
            self._index.put(upper)
            self._prune()
        if self._range > self._limit:
            self._renew()
        return True

    # -- a point comes to be known ---------------------------------------------------------------------------------

    def insert(self, u: float, y: Value) -> None:
        """Take in the value at `u`, which lies within the domain and is not known yet; under way or not."""
        if u == self._asked:
            self._asked = None
            interval = heappop(self._heap)
            self._count(y)
            self._split(interval, [], u, y)
            return
        self._settle()
        self._count(y)
        stretch = self._at.pop(u, None)
        if self._first is None or self._last is None or not self._first < u < self._last:
            self._extend(u, y)
            return
        if stretch is None or stretch.interval is None:
            interval = self._find(u)
            stretch = self._open.get(interval[1])
        else:
            interval = stretch.interval
        inside: list[float] = []
        if stretch is None:
            self._forget_clean(interval)
        else:
            for p in stretch.lefts():
                self._pieces.pop(p, None)
            del self._open[interval[1]]
            inside = [p for p in stretch.inside if p != u]
        self._split(interval, inside, u, y)

    def _split(self, interval: Interval, inside: list[float], u: float, y: Value) -> None:
        """Replace an interval, already taken out of its place, by its two parts at `u`."""
        _, a, b, _, ya, yb = interval
        if self._index is not None:
            self._index.add(u, y)
        lower, upper = self._make(a, u, ya, y), self._make(u, b, y, yb)
        self._place(lower, [p for p in inside if p < u])
        self._place(upper, [p for p in inside if p > u])
        self._inserted(u)

    def _extend(self, u: float, y: Value) -> None:
        """Take in the value at `u`, which lies outside of what is known."""
        if self._index is not None:
            self._index.add(u, y)
        before, after, pieces = self._before, self._after, self._pieces
        interval, taken = None, []
        if self._first is None or self._last is None:
            self._first = self._last = u
            self._y_first = self._y_last = y
            inside = [p for p in before.inside if p != u]
            for p in before.lefts():
                pieces.pop(p, None)
            for stretch, points in ((before, [p for p in inside if p < u]), (after, [p for p in inside if p > u])):
                stretch.inside = points
                self._at.update(dict.fromkeys(points, stretch))
            before.b = after.a = u
            self._cut(before)
            self._cut(after)
        elif u < self._first:
            inside = before.inside
            i = bisect_left(inside, u)
            was_pending = inside[i : i + 1] == [u]
            taken = inside[i + was_pending :]
            del inside[i:]
            for p in (u, *taken):
                pieces.pop(p, None)
            before.b = u
            if inside and not was_pending:
                self._add_piece(before, inside[-1], u)
            interval = self._make(u, self._first, y, self._y_first)
            self._first, self._y_first = u, y
        else:
            inside = after.inside
            i = bisect_left(inside, u)
            was_pending = inside[i : i + 1] == [u]
            taken = inside[:i]
            del inside[: i + was_pending]
            for p in (self._last, *taken):
                pieces.pop(p, None)
            after.a = u
            if inside and not was_pending:
                self._add_piece(after, u, inside[0])
            interval = self._make(self._last, u, self._y_last, y)
            self._last, self._y_last = u, y
        self._complete = (self._first, self._last) == (self.domain.low, self.domain.high)
        if interval is not None:
            self._place(interval, taken)
        self._inserted(u)

    def _place(self, interval: Interval, inside: list[float]) -> None:
        """Put a new interval where it belongs; `inside` are the points under way in it, ascending."""
        if self._index is not None:
            self._index.put(interval)
        if inside:
            stretch = Open(interval, interval[1], interval[2], inside)
            self._open[interval[1]] = stretch
            heappush(self._open_heap, interval)
            for p in inside:
                self._at[p] = stretch
            self._cut(stretch)
        elif self._is_closed(interval[1], interval[2]):
            self._closed.append(interval)
        else:
            heappush(self._heap, interval)

    def _inserted(self, u: float) -> None:
        """Do what follows after `u` came to be known: losses of neighbours, dead entries, a new scale."""
        if self._neighbors:
            self._refresh(u)
        if self._range > self._limit:
            self._renew()
        elif self._index is not None:
            self._prune()

    def _refresh(self, u: float) -> None:
        """Compute anew the losses that see `u` as a neighbour."""
        index = self._indexed()
        i, nn = index.points.index(u), self._neighbors
        for j in (*range(i - 1 - nn, i - 1), *range(i + 1, i + 1 + nn)):
            if not 0 <= j < len(index.points) - 1:
                continue
            _, a, b, _, ya, yb = index.at(j)
            interval = self._make(a, b, ya, yb)
            index.put(interval)
            stretch = self._open.get(a)
            if stretch is not None:
                stretch.interval, stretch.loss = interval, interval[3]
                heappush(self._open_heap, interval)
                self._cut(stretch)
            elif not self._is_closed(a, b):
                heappush(self._heap, interval)

    # -- a point comes to be under way -----------------------------------------------------------------------------

    def hold(self, u: float) -> None:
        """Count `u` as under way; it lies within the domain and is neither known nor under way."""
        self._settle()
        if self._first is None or u < self._first:
            self._hold_in(self._before, u)
        elif self._last is None or u > self._last:
            self._hold_in(self._after, u)
        else:
            interval = self._find(u)
            stretch = self._open.get(interval[1])
            if stretch is not None:
                self._hold_in(stretch, u)
            else:
                self._forget_clean(interval)
                self._place(interval, [u])
                self._prune()

    def _hold_in(self, stretch: Open, u: float) -> None:
        """Add one point under way to a stretch."""
        i = bisect_left(stretch.inside, u)
        stretch.inside.insert(i, u)
        self._at[u] = stretch
        left = stretch.inside[i - 1] if i else stretch.a
        right = stretch.inside[i + 1] if i + 1 < len(stretch.inside) else stretch.b
        if left is not None:
            self._add_piece(stretch, left, u)
        if right is not None:
            self._add_piece(stretch, u, right)

    def release(self, us: Iterable[float]) -> None:
        """Count the points `us` as no longer under way."""
        for u in us:
            if u == self._asked:
                self._asked = None
                continue
            stretch = self._at.pop(u)
            for p in stretch.lefts():
                self._pieces.pop(p, None)
            stretch.inside.remove(u)
            if stretch.inside or stretch.interval is None:
                self._cut(stretch)
            else:
                del self._open[stretch.interval[1]]
                # a copy: the old entry may still wait, dead, in the heap, and must not come to life again
                self._place((*stretch.interval,), [])

    def release_all(self) -> None:
        """Count no point as under way."""
        self._asked = None
        for u in list(self._at):
            # a release may put a point into another stretch's place, never another point out of it
            self.release([u])

    def _settle(self) -> None:
        """Put the point asked last, whose interval is still on top of the heap, among the others under way."""
        u = self._asked
        if u is not None:
            self._asked = None
            self._place(heappop(self._heap), [u])
            if self._index is not None:
                self._prune()

    # -- pieces ----------------------------------------------------------------------------------------------------

    def _part(self, stretch: Open, length: float) -> float:
        """Return the loss of a part of a stretch."""
        if stretch.interval is None:
            return INF
        _, a, b, loss, _, _ = stretch.interval
        return length * loss / (b - a)

    def _whole(self, interval: Interval) -> float:
        """Return the loss of a clean interval as that of its only piece: the same but for rounding."""
        _, a, b, loss, _, _ = interval
        return (b - a) * loss / (b - a)

    def _cut(self, stretch: Open) -> None:
        """Make all pieces of a stretch."""
        edges = stretch.edges()
        for p, q in pairwise(edges):
            self._add_piece(stretch, p, q)

    def _add_piece(self, stretch: Open, p: float, q: float) -> None:
        if (q - p < self._shortest or self._lattice) and self.domain.parts(p, q) < 2:
            self._pieces.pop(p, None)
            return
        length = q - p
        loss = self._part(stretch, length)
        self._pieces[p] = piece = (rank(loss, length / self._width), p, q, loss, stretch)
        heappush(self._piece_heap, piece)

    def _divide_piece(self, stretch: Open, piece: Piece, us: list[float]) -> None:
        """Put the points `us`, ascending, under way inside a piece."""
        for u in us:
            insort(stretch.inside, u)
            self._at[u] = stretch
        _, p, q, _, _ = piece
        for left, right in zip([p, *us], [*us, q], strict=True):
            self._add_piece(stretch, left, right)

    # -- the tops of the heaps -------------------------------------------------------------------------------------

    def _top_piece(self) -> Piece | None:
        heap, pieces = self._piece_heap, self._pieces
        while heap:
            piece = heap[0]
            if pieces.get(piece[1]) is piece:
                return piece
            heappop(heap)
        return None

    def _top_open(self) -> Interval | None:
        heap = self._open_heap
        while heap:
            stretch = self._open.get(heap[0][1])
            if stretch is not None and stretch.interval is heap[0]:
                return heap[0]
            heappop(heap)
        return None

    def _prune(self) -> None:
        """Throw away what is dead on top of the heap of clean intervals. Without an index nothing ever is."""
        heap, index = self._heap, self._index
        while index is not None and heap and (heap[0][1] in self._open or not index.current(heap[0])):
            heappop(heap)

    def _forget_clean(self, interval: Interval) -> None:
        """Take a clean interval out of its place: at once if it is on top, else when it comes there."""
        if self._heap and self._heap[0] is interval:
            heappop(self._heap)
        elif self._is_closed(interval[1], interval[2]):
            self._closed.remove(interval)

    # -- the index -------------------------------------------------------------------------------------------------

    def _indexed(self) -> _Index:
        """Return the index; make it if there is none yet."""
        if self._index is None:
            intervals = self.real()
            points = [interval[1] for interval in intervals]
            values = [interval[4] for interval in intervals]
            if self._last is not None:
                points.append(self._last)
                values.append(self._y_last)
            self._index = _Index(points, values, intervals)
        return self._index

    def _find(self, u: float) -> Interval:
        return self._indexed().around(u)

    # -- losses and scale ------------------------------------------------------------------------------------------

    def _is_closed(self, a: float, b: float) -> bool:
        """Whether nothing may be asked between `a` and `b`."""
        return b - a < self._shortest or (self._lattice and self.domain.parts(a, b) < 2)

    def _make(self, a: float, b: float, ya: Value, yb: Value) -> Interval:
        """Return the interval between two neighbouring known points, with its loss."""
        if self._is_closed(a, b):
            return 0.0, a, b, 0.0, ya, yb
        loss = self._loss_of(a, b, ya, yb)
        length = b - a
        return rank(length * loss / length, length / self._width), a, b, loss, ya, yb

    def _loss_of(self, a: float, b: float, ya: Value, yb: Value) -> float:
        width, scale = self._width, self._y_scale
        if ya is None or yb is None:
            return float(self._invalid_loss((b - a) / width))
        if self._function is not None:
            us, ys = self._window(a, b, ya, yb)
            loss = float(self._function(us, ys))
            return loss if loss == loss else (b - a) / width
        if isinstance(ya, tuple) or isinstance(yb, tuple):
            largest = max([abs(q / scale - p / scale) for p, q in zip(_vector(ya), _vector(yb), strict=True)])
            return abs(complex(b / width - a / width, largest))
        return abs(complex(b / width - a / width, yb / scale - ya / scale))

    def _window(self, a: float, b: float, ya: Value, yb: Value) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """Return the scaled points and values around an interval, as a loss wants to see them."""
        width, nn = self._width, self._neighbors
        us: list[Any] = [a, b]
        ys: list[Any] = [ya, yb]
        if nn:
            index = self._indexed()
            i = index.points.index(a)
            around = [index.points[j] if 0 <= j < len(index.points) else None for j in range(i - nn, i + 2 + nn)]
            ys = [None if u is None else index.values[u] for u in around]
            us = [None if y is None else u for u, y in zip(around, ys, strict=True)]
        return tuple([None if u is None else u / width for u in us]), tuple([self._scaled(y) for y in ys])

    def _scaled(self, y: Value) -> Any:
        if isinstance(y, tuple):
            return np.array(y) / self._y_scale
        return None if y is None else y / self._y_scale

    def _count(self, y: Value) -> None:
        """Let a value enter the range of values; one that is not valid does not."""
        if isinstance(y, tuple):
            if self._lowest is INF:
                self._lowest, self._highest = list(y), list(y)
            elif not all(map(_between, self._lowest, y, self._highest)):
                self._lowest = list(map(min, self._lowest, y))
                self._highest = list(map(max, self._highest, y))
                self._set_range(max(map(float.__sub__, self._highest, self._lowest)))
        elif y is not None and not self._lowest <= y <= self._highest:
            self._stretch(y)

    def _stretch(self, y: float) -> None:
        self._lowest = min(self._lowest, y)
        self._highest = max(self._highest, y)
        self._set_range(self._highest - self._lowest)

    def _set_range(self, size: float) -> None:
        self._range = size
        self._y_scale = size or 1.0

    def _renew(self) -> None:
        """Compute all losses with the scale of now."""
        self._settle()
        self._limit = self.recompute_factor * self._range
        intervals = self.real()
        self._lay_out(*self._points_of(intervals), self.pending)

    # -- all at once -----------------------------------------------------------------------------------------------

    def known(self) -> tuple[list[float], list[Value]]:
        """Return the known points, ascending, and their values."""
        return self._points_of(self.real())

    def _points_of(self, intervals: list[Interval]) -> tuple[list[float], list[Value]]:
        us: list[float] = [interval[1] for interval in intervals]
        ys: list[Value] = [interval[4] for interval in intervals]
        if self._last is not None:
            us.append(self._last)
            ys.append(self._y_last)
        return us, ys

    def rebuild(self, us: list[float], ys: list[Value]) -> None:
        """Start anew with these points, ascending, and keep what is under way; all losses with the full range."""
        pending = [u for u in self.pending if not _contains(us, u)]
        self._lowest, self._highest = INF, -INF
        self._set_range(0.0)
        valid = [y for y in ys if y is not None]
        if valid and isinstance(valid[0], tuple):
            columns = list(zip(*valid, strict=True))
            self._lowest, self._highest = list(map(min, columns)), list(map(max, columns))
            self._set_range(max(map(float.__sub__, self._highest, self._lowest)))
        elif valid:
            self._lowest, self._highest = min(valid), max(valid)
            self._set_range(self._highest - self._lowest)
        self._limit = self.recompute_factor * self._range
        self._lay_out(us, ys, pending, whole=False)

    def _lay_out(self, us: list[float], ys: list[Value], pending: list[float], whole: bool = True) -> None:
        """Make all intervals and queues from the points; `whole`: rank by the loss of the whole as a piece."""
        indexed = self._index is not None or self._neighbors > 0
        self._clear()
        if us:
            self._first, self._last, self._y_first, self._y_last = us[0], us[-1], ys[0], ys[-1]
            self._before.b, self._after.a = us[0], us[-1]
            self._complete = (us[0], us[-1]) == (self.domain.low, self.domain.high)
        if indexed:
            self._index = _Index(us, ys, ())
        inside: dict[int, list[float]] = {}
        for u in sorted(pending):
            inside.setdefault(bisect_left(us, u) - 1, []).append(u)
        intervals = self._make_all(us, ys, whole)
        if self._index is not None:
            for interval in intervals:
                self._index.put(interval)
        for i, points in inside.items():
            if 0 <= i < len(intervals):
                continue
            stretch = self._before if i < 0 else self._after
            stretch.inside = points
            self._at.update(dict.fromkeys(points, stretch))
            self._cut(stretch)
        clean = self._heap
        for i, interval in enumerate(intervals):
            if i in inside:
                self._place(interval, inside[i])
            elif interval[2] - interval[1] < self._shortest or (self._lattice and self._is_closed(*interval[1:3])):
                self._closed.append(interval)
            else:
                clean.append(interval)
        heapify(clean)

    def _make_all(self, us: list[float], ys: list[Value], whole: bool) -> list[Interval]:
        """Return the intervals between successive points; in one go where the loss is the default one of numbers."""
        if self._function is None and len(us) > _BULK and not any(map(_is_no_number, ys)):
            points, values = np.array(us), np.array(ys, dtype=float)
            lengths = np.diff(points)
            losses = np.hypot(np.diff(points / self._width), np.diff(values / self._y_scale))
            if self._lattice:
                closed = np.array([self._is_closed(a, b) for a, b in pairwise(us)])
            else:
                closed = lengths < self._shortest
            losses[closed] = 0.0
            ranked = lengths * losses / lengths if whole else losses
            ranks = -np.floor(ranked * 1e12 + 0.5)
            return list(zip(ranks.tolist(), us[:-1], us[1:], losses.tolist(), ys[:-1], ys[1:], strict=True))
        return [self._make(*ends) for ends in zip(us[:-1], us[1:], ys[:-1], ys[1:], strict=True)]

    # -- many points at once ---------------------------------------------------------------------------------------

    def propose(self, n: int) -> tuple[list[float], list[float]]:
        """Put at most n more points under way, so that the largest loss would fall most; return the improvements too.

        Points that are missing at the ends of the domain come first, with infinite improvement. If nothing is known or
        under way the n points are equally spaced. The others divide stretches so that the largest loss/parts is small:
        greedily, one by one, the next part goes to the stretch where that is largest.
        """
        missing = self.missing()
        if len(missing) >= n:
            points = missing[:n]
            for u in points:
                self.hold(u)
            return points, [INF] * len(points)
        self._settle()
        if self._first is None and not self._at:
            points = self.domain.spread(n)
            for u in points:
                self.hold(u)
            return points, [INF] * len(points)
        shares = self._divide(n - len(missing), missing)
        for u in missing:
            self.hold(u)
        points, improvements = list(missing), [INF] * len(missing)
        for share in shares:
            points += share.points
            improvements += [share.improvement] * len(share.points)
            self._hold_share(share)
        return points, improvements

    def _hold_share(self, share: _Share) -> None:
        whole = share.whole
        if whole is None:
            for u in share.points:
                self.hold(u)
        elif len(whole) == 5:
            self._divide_piece(whole[4], whole, share.points)
        else:
            self._place(whole, share.points)

    def _divide(self, n: int, missing: list[float]) -> list[_Share]:
        """Distribute n points over the stretches; clean intervals that got points are taken from their heap."""
        shares: list[tuple[float, tuple[float, float, int], _Share]] = []
        full: list[tuple[float, tuple[float, float, int], _Share]] = []

        def put(share: _Share) -> None:
            key = rank(share.improvement, (share.b - share.a) / self._width / share.parts)
            item = (key, (share.a, share.b, share.parts), share)
            if share.parts >= self.domain.parts(share.a, share.b):
                full.append(item)
            else:
                heappush(shares, item)

        for a, b in self._stretches_to(missing):
            put(_Share(None, a, b, 1, INF))
        popped: list[Interval | Piece] = []
        top = self._pop_top(popped)
        for _ in range(n):
            # equal losses: the one further right, and then the one that is divided already
            if top is not None and (not shares or (-top[0], (top[1], top[2], 0)) >= (-shares[0][0], shares[0][1])):
                loss = self._whole(top) if len(top) == 6 else top[3]
                put(_Share(top, top[1], top[2], 2, loss / 2))
                top = self._pop_top(popped)
            elif shares:
                _, _, share = heappop(shares)
                m = share.parts
                put(_Share(share.whole, share.a, share.b, m + 1, share.improvement * m / (m + 1)))
            else:
                break
        chosen = [share for _, _, share in sorted(shares + full, key=_without_share) if share.parts > 1]
        taken = {id(share.whole) for share in chosen}
        for entry in popped:
            if len(entry) == 5:
                heappush(self._piece_heap, entry)
            elif id(entry) not in taken:
                heappush(self._heap, entry)
        for share in chosen:
            share.points = self.domain.inner(share.a, share.b, share.parts)
        return chosen

    def _stretches_to(self, missing: list[float]) -> list[tuple[float, float]]:
        """Return the stretch from each missing end of the domain to the nearest point, known or under way."""
        ends = [*self._at, *(u for u in (self._first, self._last) if u is not None)]
        return [(u, min(ends)) if u == self.domain.low else (max(ends), u) for u in missing]

    def _pop_top(self, popped: list[Interval | Piece]) -> Interval | Piece | None:
        """Take the first of both heaps out and remember it in `popped`."""
        heap, piece = self._heap, self._top_piece()
        self._prune()
        if heap and (piece is None or heap[0] < piece):
            popped.append(heappop(heap))
        elif piece is not None:
            popped.append(heappop(self._piece_heap))
        else:
            return None
        return popped[-1]
