"""The intervals between the points of a `Learner1D`, in the order in which they should be divided.

`Intervals` owns the intervals between observed points, their losses and their order. How pending points divide them is
in `_interval.pending`. Points are coordinates u (see `_interval.domain`); values are floats, tuples of floats or None
(no valid value). The function and the data in the user's form are not known here.

Mathematics
-----------
Real intervals lie between neighbouring observed points. Pending points divide an interval of loss L and length d into
*pieces* of loss L·length/d; spans that do not lie between two observed points have infinite loss. The interval or piece
with the largest loss is divided next; of several, the leftmost (`types.rank`). An interval in which no further point is
possible is *closed* and is in no queue.

Losses are kept until the range of values has grown beyond a factor (`loss_scale.LossScale`); then all are recomputed.
In between, losses far from the new points are based on an older range.

Speed
-----
An interval without pending points ("clean") is in one heap and nowhere else. The point that was asked last is usually
observed next: as long as no other call comes between, its interval stays on top of the heap, and the value replaces the
top by one half and pushes the other (`halve`, `fill`). Another call opens the interval; it is cut into pieces when one
of them could be chosen. No sorted list of points exists until the interval of a point that was not asked for has to be
found, or a loss looks at neighbours; then an `Index` is made and kept. Outdated heap entries stay in place and are
dropped when they reach the top.

Who changes what
----------------
The pending part is one `PendingSpans` object, `_spans`, and `_asked`, the point asked last if its interval is still on
top of the heap. `Intervals` reads the attributes of `_spans` and changes them by these calls only:

=====================================  ================================================================================
in `Intervals`                         calls on `PendingSpans`
=====================================  ================================================================================
`halve`, `propose` (ask)               `cut_if_wanted`, `cut_all`; `divide`, `pop`, `give_back` of pieces
`hold`, `release` (pending or not)     `hold`, `open`, `cut`, `open_uncut`; `release`
`insert`, `fill` (observed)            `take`, then `close` (the interval was split) and `open`, `cut` of its parts;
                                       `take_before`, `take_after`, `divide_outside` beyond the observed points
`revalue`, `_replace` (loss changed)   `renew`
`_lay_out` (all at once)               a new object; `open`, `cut`, `lay_outside`; the ends ``before.b``, ``after.a``
`_sweep` (memory)                      `sweep`
=====================================  ================================================================================

`_asked` is set by `halve` and `hold`, and cleared by `fill`, `insert`, `release`, `release_all` and `_settle`; every
other method that looks at the pending part calls `_settle` first.

Source: the order of python-adaptive 1.5.2, which is reproduced point by point for its default loss.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable
from heapq import heapify, heappop, heappush, heapreplace
from typing import Any

import numpy as np

from adaptive_calib._arrays import Bools
from adaptive_calib.learner._interval.allocation import Share, divide
from adaptive_calib.learner._interval.domain import Domain1D, IntegerDomain
from adaptive_calib.learner._interval.loss_scale import LossScale
from adaptive_calib.learner._interval.pending import PendingSpans
from adaptive_calib.learner._interval.types import Ends, Index, Interval, Piece, Value
from adaptive_calib.learner.losses1D import IntervalLoss

__all__ = ["Intervals"]

INF = math.inf


def _left(interval: Interval) -> float:
    return interval[1]


class Intervals:
    """The intervals of one `Learner1D` and the queues from which the next to divide is taken.

    Parameters
    ----------
    domain
        Where points may lie.
    loss
        Loss of an interval; None is `losses1D.default_loss`, computed in line.

    Attributes
    ----------
    scale : LossScale
        The scales and the loss; other classes only read it.
    """

    def __init__(self, domain: Domain1D, loss: IntervalLoss | None = None) -> None:
        self._scaled_by(domain, LossScale(domain.high - domain.low, loss))

    def _scaled_by(self, domain: Domain1D, scale: LossScale) -> None:
        self.domain = domain
        self.scale = scale
        self._shortest = domain.shortest
        self._lattice = isinstance(domain, IntegerDomain)
        self._plain = scale.function is None
        self._clear()

    def _clear(self) -> None:
        """Forget all intervals; the scale stays."""
        self._first: float | None = None
        self._last: float | None = None
        self._y_first: Value = None
        self._y_last: Value = None
        self._complete = False
        # clean intervals; the top is never outdated
        self._heap: list[Interval] = []
        self._closed: list[Interval] = []
        # the point asked last, if its interval is still on top of the heap
        self._asked: float | None = None
        self._spans = PendingSpans(self.domain, self.scale.width)
        self._index: Index | None = None
        # with more entries in all heaps than this the outdated ones are dropped, see `_sweep`
        self._crowd = 256

    # -- observed and pending points -------------------------------------------------------------------------------

    @property
    def pending(self) -> list[float]:
        """The pending coordinates, in no order."""
        at = self._spans.at
        return list(at) if self._asked is None else [*at, self._asked]

    def is_pending(self, u: float) -> bool:
        """Whether `u` is pending."""
        return u in self._spans.at or u == self._asked

    def missing(self) -> list[float]:
        """Return the ends of the domain that are neither observed nor pending."""
        if self._complete:
            return []
        known = (self._first, self._last)
        return [u for u in (self.domain.low, self.domain.high) if u not in known and u not in self._spans.at]

    def known(self) -> tuple[list[float], list[Value]]:
        """Return the observed points, ascending, and their values."""
        intervals = self.real()
        us: list[float] = [interval[1] for interval in intervals]
        ys: list[Value] = [interval[4] for interval in intervals]
        if self._last is not None:
            us.append(self._last)
            ys.append(self._y_last)
        return us, ys

    def closed(self) -> Bools:
        """Return which of the intervals between observed points, from left to right, are closed."""
        return np.array([self._is_closed(interval[1], interval[2]) for interval in self.real()], dtype=bool)

    def real(self) -> list[Interval]:
        """Return the intervals between observed points, from left to right."""
        if self._index is not None:
            return self._index.intervals()
        return sorted(self._heap + self._closed + self._spans.intervals(), key=_left)

    def combined(self) -> list[tuple[float, float, float]]:
        """Return all spans between neighbouring points, observed or pending: (a, b, loss), from left to right."""
        self._settle()
        whole = [(a, b, loss) for _, a, b, loss, _, _ in self.real() if a not in self._spans.opened]
        return sorted(whole + self._spans.parts())

    def ends_at(self, u: float) -> Ends | None:
        """Return the ends of the interval that contains `u`, its left end included, and the values; None beyond."""
        if self._first is None or self._last is None or not self._first <= u < self._last:
            return None
        _, a, b, _, y_a, y_b = self._find(u)
        return a, b, y_a, y_b

    def noise_level(self) -> None:
        """Return None: these interpolants do not look for noise themselves."""

    def lengths_beside(self, u: float) -> list[float]:
        """Return the lengths of the intervals (at most two) that end at the observed point `u`."""
        return [b - a for _, a, b, *_ in self._indexed().beside(u)]

    def around(self, u: float) -> tuple[float | None, float | None, float | None, float | None]:
        """Return the two points before and the two after the observed point `u`; None where there is none."""
        return self._indexed().around_point(u)

    def losses_beside(self, u: float) -> list[float]:
        """Return the losses of the spans (at most two) that end at the observed point `u`, pending points counted."""
        self._settle()
        losses = []
        for interval in self._indexed().beside(u):
            _, a, b, loss, _, _ = interval
            span = self._spans.opened.get(a)
            if span is None:
                losses.append(loss)
            else:
                edges = span.edges()
                losses.append(span.part(edges[1] - a if a == u else b - edges[-2]))
        return losses

    @property
    def exhausted(self) -> bool:
        """Whether both ends are observed, nothing is pending and every interval is closed."""
        self._prune()
        return self._complete and not self._spans.at and self._asked is None and not self._heap

    def loss(self, real: bool = True) -> float:
        """Return the largest loss; infinite until both ends of the domain are observed, 0 if all are closed."""
        if not self._complete:
            return INF
        heap = self._heap
        if real:
            if self._spans.opened:
                worst = self.worst()
                return 0.0 if worst is None else worst[3]
            return heap[0][3] if heap else 0.0
        self._cut_all()
        piece = self._spans.top_piece()
        if piece is None or (heap and heap[0] < piece):
            if not heap:
                return 0.0
            _, a, b, loss, _, _ = heap[0]
            return (b - a) * loss / (b - a)
        return piece[3]

    def worst(self) -> Interval | None:
        """Return the real interval with the largest loss, the first in order; None if all are closed."""
        top = self._spans.top_interval()
        if top is None or (self._heap and self._heap[0] < top):
            return self._heap[0] if self._heap else None
        return top

    # -- one point after the other, fast ---------------------------------------------------------------------------

    def halve(self, take: bool = True) -> tuple[float, float] | None:
        """Make one more point pending where the loss is largest; return it and the improvement.

        None, and no change, if that is not inside an interval between observed points. No change with ``take=False``.
        """
        if not self._complete:
            return None
        if self._asked is not None:
            self._settle()
        heap, spans = self._heap, self._spans
        if not heap or spans.queue or spans.bound <= heap[0][0]:
            spans.cut_if_wanted(heap[0][0] if heap else INF)
            piece = spans.top_piece()
            if piece is not None and not (heap and heap[0] < piece):
                _, a, b, loss, _ = piece
                u = self._middle(a, b)
                if take:
                    spans.divide(piece, [u])
                return u, loss / 2
            if not heap:
                return None
        _, a, b, loss, _, _ = heap[0]
        length = b - a
        u = a + length / 2 if self.domain.midpoints else self.domain.inner(a, b, 2)[0]
        if take:
            self._asked = u
        return u, length * loss / length / 2

    def fill(self, u: float, y: float) -> bool:
        """Take in the value of the point that `halve` returned last; False, and no change, for another point.

        Also False unless the loss is the default one and the value a finite float.
        """
        if u != self._asked or type(y) is not float or y - y != 0.0 or not self._plain:
            return False
        self._asked = None
        measure = self.scale
        if not measure.lowest <= y <= measure.highest:
            measure.count(y)
        heap = self._heap
        _, a, b, _, ya, yb = heap[0]
        left, right = u - a, b - u
        if ya is None or yb is None or left < self._shortest or right < self._shortest or self._lattice:
            self._split(heappop(heap), [], u, y)
            return True
        width, scale = measure.width, measure.y_scale
        us, ys = u / width, y / scale
        # |complex| is the cheapest hypot; ranks as in `rank`, of the loss as that of a piece that is the whole
        loss = abs(complex(us - a / width, ys - ya / scale))
        heapreplace(heap, lower := (-((left * loss / left * 1e12 + 0.5) // 1.0), a, u, loss, ya, y))
        loss = abs(complex(b / width - us, yb / scale - ys))
        heappush(heap, upper := (-((right * loss / right * 1e12 + 0.5) // 1.0), u, b, loss, y, yb))
        if self._index is not None:
            self._index.add(u, y, a, b)
            self._index.put(lower)
            self._index.put(upper)
            self._prune()
        if measure.range > measure.limit:
            self._renew()
        return True

    # -- a point is observed ---------------------------------------------------------------------------------------

    def insert(self, u: float, y: Value) -> None:
        """Take in the value at `u`, which lies within the domain and is not observed yet; pending or not."""
        if u == self._asked:
            self._asked = None
            self.scale.count(y)
            self._split(heappop(self._heap), [], u, y)
            return
        self._settle()
        self.scale.count(y)
        span = self._spans.take(u)
        if span is None or span.interval is None:
            if self._first is None or self._last is None or not self._first < u < self._last:
                self._extend(u, y)
                return
            interval = self._find(u)
            span = self._spans.opened.get(interval[1])
        else:
            interval = span.interval
        inside: list[float] = []
        if span is None:
            self._forget_clean(interval)
        else:
            self._spans.close(span, interval)
            if span.inside != [u]:
                inside = [p for p in span.inside if p != u]
        self._split(interval, inside, u, y)

    def _split(self, interval: Interval, inside: list[float], u: float, y: Value) -> None:
        """Replace an interval, already taken out of its place, by its two parts at `u`."""
        _, a, b, _, ya, yb = interval
        if self._index is not None:
            self._index.add(u, y, a, b)
        halves = None
        if u - a >= self._shortest and b - u >= self._shortest and not self._lattice:
            halves = self.scale.halves(interval, u, y)
            if halves is not None and not inside and self._index is None:
                heappush(self._heap, halves[0])
                heappush(self._heap, halves[1])
                if self.scale.range > self.scale.limit:
                    self._renew()
                return
        lower, upper = halves or (self._make(a, u, ya, y), self._make(u, b, y, yb))
        if inside:
            self._place(lower, [p for p in inside if p < u])
            self._place(upper, [p for p in inside if p > u])
        else:
            self._place(lower, inside)
            self._place(upper, inside)
        self._inserted(u)

    def _extend(self, u: float, y: Value) -> None:
        """Take in the value at `u`, which lies beyond the observed points."""
        if self._index is not None:
            self._index.add(u, y, *(self._last, None) if self._last is None or u > self._last else (None, self._first))
        if self._first is None or self._last is None:
            self._spans.divide_outside(u)
            self._first = self._last = u
            self._y_first = self._y_last = y
        elif u < self._first:
            interval, taken = self._make(u, self._first, y, self._y_first), self._spans.take_before(u)
            self._first, self._y_first = u, y
            self._place(interval, taken)
        else:
            interval, taken = self._make(self._last, u, self._y_last, y), self._spans.take_after(self._last, u)
            self._last, self._y_last = u, y
            self._place(interval, taken)
        self._complete = (self._first, self._last) == (self.domain.low, self.domain.high)
        self._inserted(u)

    def _place(self, interval: Interval, inside: list[float]) -> None:
        """Put a new interval where it belongs; `inside` are the pending points in it, ascending."""
        _, a, b, _, _, _ = interval
        if self._index is not None:
            self._index.put(interval)
        if inside:
            self._spans.cut(self._spans.open(interval, inside))
        elif self._is_closed(a, b):
            self._closed.append(interval)
        else:
            heappush(self._heap, interval)

    def _inserted(self, u: float) -> None:
        """Update what depends on the new point `u`: losses of neighbours, outdated entries, the scale."""
        if self.scale.neighbors:
            self._refresh(u)
        if self.scale.outgrown:
            self._renew()
        elif self._index is not None:
            self._prune()

    def _refresh(self, u: float) -> None:
        """Recompute the losses for which `u` is a neighbour."""
        index = self._indexed()
        for old in index.near(u, self.scale.neighbors):
            self._replace(old)

    def _replace(self, old: Interval) -> None:
        """Recompute the loss of an interval with the present values at its ends."""
        index = self._indexed()
        _, a, b, _, _, _ = old
        closed = self._is_closed(a, b)
        ya, yb = index.values[a], index.values[b]
        interval = (0.0, a, b, 0.0, ya, yb) if closed else self.scale.interval(a, b, ya, yb, self._around)
        index.put(interval)
        span = self._spans.opened.get(a)
        if span is not None:
            self._spans.renew(span, interval)
        elif closed:
            self._closed = [interval if other is old else other for other in self._closed]
        else:
            if [y is None for y in old[4:]] != [ya is None, yb is None]:
                self._sweep()  # entries that differ in whether there is a value cannot be compared
            heappush(self._heap, interval)

    def revalue(self, u: float, y: Value, others: Iterable[float] = ()) -> None:
        """Change the value of an observed point; the finite ones of `others` enter the range of values as well."""
        self._settle()
        self.scale.count(y)
        for other in others:
            if other - other == 0.0:
                self.scale.count(other)
        index = self._indexed()
        index.values[u] = y
        if u == self._first:
            self._y_first = y
        if u == self._last:
            self._y_last = y
        for old in index.beside(u):
            self._replace(old)
        self._inserted(u)
        if len(self._heap) + len(self._spans) > self._crowd:
            self._sweep()

    def _sweep(self) -> None:
        """Drop outdated entries from the heaps: a value that changes often leaves many."""
        index = self._indexed()
        self._heap = [i for i in self._heap if index.current(i) and i[1] not in self._spans.opened]
        heapify(self._heap)
        self._spans.sweep()
        self._crowd = 4 * (len(self._heap) + len(self._spans)) + 256

    # -- a point becomes pending, or no longer is ------------------------------------------------------------------

    def hold(self, u: float) -> None:
        """Make `u` pending; it lies within the domain and is neither observed nor pending."""
        self._settle()
        if self._heap and self._heap[0][1] < u < self._heap[0][2]:
            # where `halve` would have put one: the interval stays on top
            self._asked = u
        else:
            self._hold_anywhere(u)

    def _hold_anywhere(self, u: float) -> None:
        self._cut_all()
        if self._first is None or self._last is None or u < self._first:
            self._spans.hold(self._spans.before, u)
        elif u > self._last:
            self._spans.hold(self._spans.after, u)
        else:
            interval = self._find(u)
            span = self._spans.opened.get(interval[1])
            if span is not None:
                self._spans.hold(span, u)
            else:
                self._forget_clean(interval)
                self._place(interval, [u])
                self._prune()

    def release(self, us: Iterable[float]) -> None:
        """Make the pending points `us` no longer pending."""
        for u in us:
            if u == self._asked:
                self._asked = None
                continue
            self._cut_all()
            interval = self._spans.release(u)
            if interval is not None:
                # a copy: the old, outdated entry may still be in the heap and must not become valid again
                self._place((*interval,), [])

    def _settle(self) -> None:
        """Open, without cutting it, the interval of the point asked last, which is still on top of the heap."""
        u = self._asked
        if u is None:
            return
        self._asked = None
        self._spans.open_uncut(heappop(self._heap), u)
        if self._index is not None:
            self._prune()

    def _cut_all(self) -> None:
        """Make all pieces that do not exist yet."""
        self._settle()
        self._spans.cut_all()

    def _middle(self, a: float, b: float) -> float:
        return a + (b - a) / 2 if self.domain.midpoints else self.domain.inner(a, b, 2)[0]

    def _pop_top(self) -> Interval | Piece | None:
        """Take out the first entry of the two queues."""
        self._prune()
        heap, piece = self._heap, self._spans.top_piece()
        if heap and (piece is None or heap[0][:4] < piece[:4]):
            return heappop(heap)
        return None if piece is None else self._spans.pop()

    def _prune(self) -> None:
        """Drop outdated entries from the top of the heap of clean intervals; without an index there are none."""
        heap, index = self._heap, self._index
        while index is not None and heap and (heap[0][1] in self._spans.opened or not index.current(heap[0])):
            heappop(heap)

    def _forget_clean(self, interval: Interval) -> None:
        """Remove a clean interval: now if it is on top of the heap, else when it reaches the top."""
        if self._heap and self._heap[0] is interval:
            heappop(self._heap)
        elif self._is_closed(interval[1], interval[2]):
            self._closed = [other for other in self._closed if other is not interval]

    # -- the index and the losses ----------------------------------------------------------------------------------

    def _indexed(self) -> Index:
        """Return the index; make it if there is none yet."""
        if self._index is None:
            self._index = Index(*self.known(), self.real())
        return self._index

    def _find(self, u: float) -> Interval:
        return self._indexed().around(u)

    def _is_closed(self, a: float, b: float) -> bool:
        """Whether no further point is possible between `a` and `b`."""
        return b - a < self._shortest or (self._lattice and self.domain.parts(a, b) < 2)

    def _make(self, a: float, b: float, ya: Value, yb: Value) -> Interval:
        """Return the interval between two neighbouring observed points, with its loss."""
        if b - a < self._shortest or (self._lattice and self.domain.parts(a, b) < 2):
            return 0.0, a, b, 0.0, ya, yb
        return self.scale.interval(a, b, ya, yb, self._around)

    def _around(self, a: float, b: float) -> tuple[list[float | None], list[Value]]:
        """Return the points and the values around an interval that a loss with neighbours is called with."""
        index, nn = self._indexed(), self.scale.neighbors
        us = [*index.before(a, nn)[::-1], a, b, *index.after(b, nn)]
        return us, [None if u is None else index.values[u] for u in us]

    # -- all intervals together ------------------------------------------------------------------------------------

    def _renew(self) -> None:
        """Recompute all losses with the present scale."""
        self.scale.renew()
        self._lay_out(*self.known(), self.pending)

    def rebuild(self, us: list[float], ys: list[Value]) -> None:
        """Replace all points by these, ascending, and keep the pending ones; all losses use the full range."""
        known = set(us)
        pending = [u for u in self.pending if u not in known]
        self.scale.forget()
        self.scale.count_all(ys)
        self.scale.renew()
        self._lay_out(us, ys, pending, whole=False)

    def replay(self, us: list[float], ys: list[Value]) -> None:
        """Take in points, in the order in which they were observed, as if one by one; there are none yet.

        An interval has the loss of the moment when its last point came, or when all were recomputed after that.
        """
        scales, last = self.scale.replay(ys)
        when = sorted(range(len(us)), key=us.__getitem__)
        points, values = [us[i] for i in when], [ys[i] for i in when]
        nn = self.scale.neighbors
        times = [max(last, *when[max(i - nn, 0) : i + 2 + nn]) for i in range(len(us) - 1)]
        known = set(us)
        pending = [u for u in self.pending if u not in known]
        self._lay_out(points, values, pending, scales=[float(scales[t]) for t in times])

    def release_all(self) -> None:
        """Make no point pending."""
        self._asked = None
        if self._spans.at:
            self._lay_out(*self.known(), [], intervals=self.real())

    def __getstate__(self) -> dict[str, Any]:
        us, ys = self.known()
        state = {"domain": self.domain, "scale": self.scale, "pending": self.pending, "us": us, "ys": ys}
        return {**state, "ranked": [(interval[0], interval[3]) for interval in self.real()]}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._scaled_by(state["domain"], state["scale"])
        us, ys = state["us"], state["ys"]
        ends = zip(state["ranked"], us[:-1], us[1:], ys[:-1], ys[1:], strict=True)
        intervals = [(order, a, b, loss, ya, yb) for (order, loss), a, b, ya, yb in ends]
        self._lay_out(us, ys, state["pending"], intervals=intervals)

    def _lay_out(
        self,
        us: list[float],
        ys: list[Value],
        pending: list[float],
        whole: bool = True,
        scales: list[float] | None = None,
        intervals: list[Interval] | None = None,
    ) -> None:
        """Make all intervals and queues from the points.

        `scales` are the scales of values, one an interval; `intervals` are given if their losses stay.
        """
        indexed = self._index is not None or self.scale.neighbors > 0
        self._clear()
        if us:
            self._first, self._last, self._y_first, self._y_last = us[0], us[-1], ys[0], ys[-1]
            self._spans.before.b, self._spans.after.a = us[0], us[-1]
            self._complete = (us[0], us[-1]) == (self.domain.low, self.domain.high)
        if indexed:
            # made before the intervals: a loss with neighbours looks them up here
            self._index = Index(us, ys, ())
        if intervals is None:
            intervals = self._make_all(us, ys, whole, scales)
        inside: dict[int, list[float]] = {}
        for u in sorted(pending):
            inside.setdefault(bisect_left(us, u) - 1, []).append(u)
        for i, interval in enumerate(intervals):
            if self._index is not None:
                self._index.put(interval)
            if i in inside:
                self._place(interval, inside.pop(i))
            elif self._is_closed(interval[1], interval[2]):
                self._closed.append(interval)
            else:
                self._heap.append(interval)
        heapify(self._heap)
        for i, points in inside.items():
            self._spans.lay_outside(self._spans.before if i < 0 else self._spans.after, points)

    def _make_all(self, us: list[float], ys: list[Value], whole: bool, scales: list[float] | None) -> list[Interval]:
        """Return the intervals between successive points."""
        measure = self.scale
        if not self._lattice:
            given = None if scales is None else np.array(scales)
            intervals = measure.plain_intervals(us, ys, self._shortest, whole, given)
            if intervals is not None:
                return intervals
        return measure.scaled_intervals(us, ys, self._make, scales)

    # -- many points in one call -----------------------------------------------------------------------------------

    def propose(self, n: int) -> tuple[list[float], list[float]]:
        """Make at most n more points pending, so that the largest loss would fall most; return the improvements too.

        Missing ends of the domain come first, with infinite improvement. If no point is observed or pending, the n
        points are equally spaced. The others divide spans, see `allocation`.
        """
        self._cut_all()
        points, shares = self.missing(), list[Share]()
        if len(points) >= n:
            points = points[:n]
        elif self._first is None and not self._spans.at:
            points = self.domain.spread(n)
        else:
            shares = self._divide(n - len(points), points)
        for u in points:
            self._hold_anywhere(u)
        improvements = [INF] * len(points)
        for share in shares:
            us = self.domain.inner(share.a, share.b, share.parts)
            whole = share.whole
            if whole is None:
                for u in us:
                    self._hold_anywhere(u)
            elif len(whole) == 5:
                self._spans.divide(whole, us)
            else:
                self._place(whole, us)
            points += us
            improvements += [share.loss] * len(us)
        self._prune()
        return points, improvements

    def _divide(self, n: int, missing: list[float]) -> list[Share]:
        """Divide n points among the spans; clean intervals that get some leave their heap."""
        popped: list[Interval | Piece] = []

        def following() -> Interval | Piece | None:
            top = self._pop_top()
            if top is not None:
                popped.append(top)
            return top

        # computed only if a bound is missing: it takes time in the number of pending points
        ends = [*self._spans.at, *(u for u in (self._first, self._last) if u is not None)] if missing else []
        outer = [(u, min(ends)) if u == self.domain.low else (max(ends), u) for u in missing]
        shares = divide(n, [Share(None, a, b, 1, INF) for a, b in outer], following, self.domain)
        chosen = {id(share.whole) for share in shares}
        for entry in popped:
            if len(entry) == 5:
                self._spans.give_back(entry)
            elif id(entry) not in chosen:
                heappush(self._heap, entry)
        return shares
