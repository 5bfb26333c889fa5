"""The pending points of a `Learner1D`: the spans in which they lie, and the pieces into which they divide them.

A span is *open* while a pending point lies inside: an interval between two observed points, or the part of the domain
before the first or after the last of them. Of an interval of loss L and length d each *piece* has the loss L·length/d;
pieces of the two outer parts have infinite loss. Pieces in which no further point is possible are not made.

An interval may be opened without being cut: `bound` is then below the ranks of all pieces not made yet, and they are
made when one of them could be chosen or when the order of all is needed. Outdated heap entries stay in place and are
dropped when they reach the top.

Source: the order of python-adaptive 1.5.2, which is reproduced point by point for its default loss.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from heapq import heapify, heappop, heappush
from itertools import pairwise

from adaptive_calib.learner._interval.domain import Domain1D, IntegerDomain
from adaptive_calib.learner._interval.types import Interval, PendingSpan, Piece, rank

__all__ = ["PendingSpans"]

INF = math.inf


class PendingSpans:
    """PendingSpan spans and their pieces.

    Parameters
    ----------
    domain
        Where points may lie.
    width
        Length of the domain.

    Attributes
    ----------
    at : dict
        Pending point -> its span.
    opened : dict
        Left end -> open interval.
    before, after : PendingSpan
        The parts of the domain beyond the observed points; all in `before` while there are none.
    bound : float
        Lower bound of the ranks of the pieces not made yet.
    queue : list
        Heap of pieces, some of them outdated.

    Other classes only read these; `intervals.py` has the table of calls that change them.
    """

    __slots__ = (
        "_domain", "_lattice", "_living", "_ranked", "_shortest", "_uncut", "_width",
        "after", "at", "before", "bound", "opened", "queue",
    )  # fmt: skip

    def __init__(self, domain: Domain1D, width: float) -> None:
        self._domain = domain
        self._width = width
        self._shortest = domain.shortest
        self._lattice = isinstance(domain, IntegerDomain)
        self.at: dict[float, PendingSpan] = {}
        self.opened: dict[float, PendingSpan] = {}
        self._ranked: list[Interval] = []  # heap of open intervals, some of them outdated
        self.before = PendingSpan(None, None, None, [])
        self.after = PendingSpan(None, None, None, [])
        self._living: dict[float, Piece] = {}  # by left ends
        self.queue: list[Piece] = []
        # open intervals that are not cut yet, by their pending point
        self._uncut: dict[float, PendingSpan] = {}
        self.bound = INF

    # -- reading ---------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        """Entries in all heaps, outdated ones included."""
        return len(self.queue) + len(self._ranked)

    def parts(self) -> list[tuple[float, float, float]]:
        """Return all pieces, between pending points and the ends of their spans: (a, b, loss)."""
        spans = (self.before, *self.opened.values(), self.after)
        return [(p, q, span.part(q - p)) for span in spans for p, q in pairwise(span.edges())]

    def intervals(self) -> list[Interval]:
        """Return the open intervals between observed points, in no order."""
        return [span.interval for span in self.opened.values() if span.interval is not None]

    def top_interval(self) -> Interval | None:
        """Return the open interval with the largest loss."""
        heap = self._ranked
        while heap:
            span = self.opened.get(heap[0][1])
            if span is not None and span.interval is heap[0]:
                return heap[0]
            heappop(heap)
        return None

    def top_piece(self) -> Piece | None:
        """Return the piece with the largest loss of those that exist."""
        heap, living = self.queue, self._living
        while heap:
            piece = heap[0]
            if living.get(piece[1]) is piece:
                return piece
            heappop(heap)
        return None

    # -- spans -------------------------------------------------------------------------------------------------

    def open(self, interval: Interval, inside: list[float]) -> PendingSpan:
        """Open an interval with the pending points `inside`, ascending; it is not cut."""
        span = PendingSpan(interval, interval[1], interval[2], inside)
        self.opened[interval[1]] = span
        heappush(self._ranked, interval)
        for p in inside:
            self.at[p] = span
        return span

    def open_uncut(self, interval: Interval, u: float) -> None:
        """Open an interval with one pending point, to be cut when one of its pieces could be chosen."""
        _, a, b, loss, _, _ = interval
        self._uncut[u] = self.open(interval, [u])
        self.bound = min(self.bound, _lowest_rank(u, a, b, loss))

    def take(self, u: float) -> PendingSpan | None:
        """Remove an observed point from `at`; return its span, which still has it inside."""
        return self.at.pop(u, None)

    def close(self, span: PendingSpan, interval: Interval) -> None:
        """Remove an open interval and its pieces; its points stay in `at`."""
        del self.opened[interval[1]]
        if self._uncut.pop(span.inside[0], None) is None:
            self._discard(span.lefts())

    def renew(self, span: PendingSpan, interval: Interval) -> None:
        """Give an open span its interval with another loss."""
        before, span.interval = span.interval, interval
        if before is not None and [y is None for y in before[4:]] != [y is None for y in interval[4:]]:
            self.sweep()  # entries that differ in whether there is a value cannot be compared
        else:
            heappush(self._ranked, interval)
        self._uncut.pop(span.inside[0], None)
        self.cut(span)

    def hold(self, span: PendingSpan, u: float) -> None:
        """Add one point to an open span, or to an outer part."""
        inside = span.inside
        i = bisect_left(inside, u)
        inside.insert(i, u)
        self.at[u] = span
        left = inside[i - 1] if i else span.a
        right = inside[i + 1] if i + 1 < len(inside) else span.b
        if left is not None:
            self._add(span, left, u)
        if right is not None:
            self._add(span, u, right)

    def release(self, u: float) -> Interval | None:
        """Remove one point; return its interval if it was the last in it, which is then no longer open."""
        span = self.at.pop(u)
        self._discard(span.lefts())
        span.inside.remove(u)
        if span.inside or span.interval is None:
            self.cut(span)
            return None
        del self.opened[span.interval[1]]
        return span.interval

    # -- beyond the observed points --------------------------------------------------------------------------------

    def divide_outside(self, u: float) -> None:
        """Assign all points to before or after `u`, the first observed point."""
        before, after = self.before, self.after
        self._discard(before.lefts())
        inside = before.inside
        before.inside, after.inside = [p for p in inside if p < u], [p for p in inside if p > u]
        before.b = after.a = u
        self.at.update(dict.fromkeys(after.inside, after))
        self.cut(before)
        self.cut(after)

    def take_before(self, u: float) -> list[float]:
        """End the part before the observed points at `u`; return the pending points to the right of it."""
        inside = self.before.inside
        i = bisect_left(inside, u)
        was_pending = inside[i : i + 1] == [u]
        taken = inside[i + was_pending :]
        del inside[i:]
        self._discard([u, *taken])
        self.before.b = u
        if inside and not was_pending:
            self._add(self.before, inside[-1], u)
        return taken

    def take_after(self, last: float, u: float) -> list[float]:
        """Begin the part after the observed points at `u` instead of `last`; return the pending points between."""
        inside = self.after.inside
        i = bisect_left(inside, u)
        was_pending = inside[i : i + 1] == [u]
        taken = inside[:i]
        del inside[: i + was_pending]
        self._discard([last, *taken])
        self.after.a = u
        if inside and not was_pending:
            self._add(self.after, u, inside[0])
        return taken

    def lay_outside(self, span: PendingSpan, inside: list[float]) -> None:
        """Put points, ascending, before the first or after the last observed point, where there are none yet."""
        span.inside = inside
        self.at.update(dict.fromkeys(inside, span))
        self.cut(span)

    # -- pieces ----------------------------------------------------------------------------------------------------

    def cut_all(self) -> None:
        """Make all pieces that do not exist yet."""
        for span in self._uncut.values():
            self.cut(span)
        self._uncut.clear()
        self.bound = INF

    def cut_if_wanted(self, order: float) -> None:
        """Make all missing pieces if one of them may have a rank of at most `order`."""
        # with many uncut intervals cutting them once is cheaper than going through them repeatedly
        if self.bound <= order and (len(self._uncut) > 16 or self._tightened() <= order):
            self.cut_all()

    def _tightened(self) -> float:
        """Recompute `bound` and return it."""
        self.bound = INF
        for u, span in self._uncut.items():
            if span.interval is not None:
                _, a, b, loss, _, _ = span.interval
                self.bound = min(self.bound, _lowest_rank(u, a, b, loss))
        return self.bound

    def cut(self, span: PendingSpan) -> None:
        """Make all pieces of a span."""
        for p, q in pairwise(span.edges()):
            self._add(span, p, q)

    def divide(self, piece: Piece, us: list[float]) -> None:
        """Make the points `us`, ascending, pending inside a piece."""
        _, p, q, _, span = piece
        for u in us:
            insort(span.inside, u)
            self.at[u] = span
        for left, right in pairwise([p, *us, q]):
            self._add(span, left, right)

    def pop(self) -> Piece:
        """Take out the first entry of the queue of pieces; the caller gives it back or divides it."""
        return heappop(self.queue)

    def give_back(self, piece: Piece) -> None:
        """Put a piece from `pop` back into the queue."""
        heappush(self.queue, piece)

    def sweep(self) -> None:
        """Drop all outdated entries from the heaps."""
        self.queue = list(self._living.values())
        self._ranked = self.intervals()
        heapify(self.queue)
        heapify(self._ranked)

    def _add(self, span: PendingSpan, p: float, q: float) -> None:
        length = q - p
        if (length < self._shortest or self._lattice) and self._domain.parts(p, q) < 2:
            self._living.pop(p, None)
            return
        loss = span.part(length)
        self._living[p] = piece = (rank(loss, length / self._width), p, q, loss, span)
        heappush(self.queue, piece)

    def _discard(self, lefts: list[float]) -> None:
        for p in lefts:
            self._living.pop(p, None)


def _lowest_rank(u: float, a: float, b: float, loss: float) -> float:
    """Return a lower bound, rounding included, of the ranks of the two pieces of an interval divided at `u`."""
    if loss - loss != 0.0:
        return -INF
    return -(loss * max(u - a, b - u) / (b - a) * 1e12 + 10.0)
