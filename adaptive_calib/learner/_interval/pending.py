"""The points under way of a `Learner1D`: the stretches in which they lie, and the pieces into which they divide them.

A stretch is *open* while a point is under way inside: an interval between two known points, or what lies before the
first or after the last of them. Of an interval of loss L and length d each *piece* has the loss L·length/d; pieces of
what lies outside have infinite loss. Pieces in which nothing may be asked are not made.

An interval may be opened without being cut: `bound` is then below the ranks of all the pieces not made yet, and they
are made when one of them could be wanted, or when somebody asks for the order of all. Entries of the heaps are left in
place when they die and are thrown away when they come to the top.

Source: the order of python-adaptive 1.5.2, which is reproduced point by point for its default loss.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from heapq import heapify, heappop, heappush
from itertools import pairwise

from adaptive_calib.learner._interval.domain import Domain1D, IntegerDomain
from adaptive_calib.learner._interval.types import Interval, Open, Piece, rank

__all__ = ["UnderWay"]

INF = math.inf


class UnderWay:
    """Open stretches and their pieces.

    Parameters
    ----------
    domain
        Where points may lie.
    width
        Length of the domain.

    Attributes
    ----------
    at : dict
        The point under way -> its stretch.
    opened : dict
        Left end -> open interval.
    before, after : Open
        What lies outside of the known points; all of it is in `before` while nothing is known.
    bound : float
        No piece that is not made yet has a rank below it.
    queue : list
        The pieces in a heap, some of them dead.

    All are read by others and changed here only.
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
        self.at: dict[float, Open] = {}
        self.opened: dict[float, Open] = {}
        self._ranked: list[Interval] = []  # the open intervals in a heap, some of them dead
        self.before = Open(None, None, None, [])
        self.after = Open(None, None, None, [])
        self._living: dict[float, Piece] = {}  # by left ends
        self.queue: list[Piece] = []
        # open intervals that are not cut yet, by the point under way in them
        self._uncut: dict[float, Open] = {}
        self.bound = INF

    # -- what there is ---------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        """Entries in all heaps, dead ones included."""
        return len(self.queue) + len(self._ranked)

    def parts(self) -> list[tuple[float, float, float]]:
        """Return all stretches between neighbouring points under way, or these and the ends: (a, b, loss)."""
        stretches = (self.before, *self.opened.values(), self.after)
        return [(p, q, stretch.part(q - p)) for stretch in stretches for p, q in pairwise(stretch.edges())]

    def intervals(self) -> list[Interval]:
        """Return the open intervals between known points, in no order."""
        return [stretch.interval for stretch in self.opened.values() if stretch.interval is not None]

    def top_interval(self) -> Interval | None:
        """Return the open interval with the largest loss."""
        heap = self._ranked
        while heap:
            stretch = self.opened.get(heap[0][1])
            if stretch is not None and stretch.interval is heap[0]:
                return heap[0]
            heappop(heap)
        return None

    def top_piece(self) -> Piece | None:
        """Return the piece with the largest loss, of those that are made."""
        heap, living = self.queue, self._living
        while heap:
            piece = heap[0]
            if living.get(piece[1]) is piece:
                return piece
            heappop(heap)
        return None

    # -- stretches -------------------------------------------------------------------------------------------------

    def open(self, interval: Interval, inside: list[float]) -> Open:
        """Open an interval in which the points `inside`, ascending, are under way; it is not cut."""
        stretch = Open(interval, interval[1], interval[2], inside)
        self.opened[interval[1]] = stretch
        heappush(self._ranked, interval)
        for p in inside:
            self.at[p] = stretch
        return stretch

    def open_uncut(self, interval: Interval, u: float) -> None:
        """Open an interval in which one point is under way, to be cut when one of its pieces could be wanted."""
        _, a, b, loss, _, _ = interval
        self._uncut[u] = self.open(interval, [u])
        self.bound = min(self.bound, _lowest_rank(u, a, b, loss))

    def take(self, u: float) -> Open | None:
        """Take a point out of `at`, as it has arrived; return its stretch, which still has it inside."""
        return self.at.pop(u, None)

    def close(self, stretch: Open, interval: Interval) -> None:
        """Take an open interval and its pieces away; its points stay in `at`."""
        del self.opened[interval[1]]
        if self._uncut.pop(stretch.inside[0], None) is None:
            self._discard(stretch.lefts())

    def renew(self, stretch: Open, interval: Interval) -> None:
        """Give an open stretch its interval with another loss."""
        stretch.interval = interval
        heappush(self._ranked, interval)
        self._uncut.pop(stretch.inside[0], None)
        self.cut(stretch)

    def hold(self, stretch: Open, u: float) -> None:
        """Add one point to an open stretch, or to what lies outside."""
        inside = stretch.inside
        i = bisect_left(inside, u)
        inside.insert(i, u)
        self.at[u] = stretch
        left = inside[i - 1] if i else stretch.a
        right = inside[i + 1] if i + 1 < len(inside) else stretch.b
        if left is not None:
            self._add(stretch, left, u)
        if right is not None:
            self._add(stretch, u, right)

    def release(self, u: float) -> Interval | None:
        """Take away one point; return the interval in which it was the last, which is open no more."""
        stretch = self.at.pop(u)
        self._discard(stretch.lefts())
        stretch.inside.remove(u)
        if stretch.inside or stretch.interval is None:
            self.cut(stretch)
            return None
        del self.opened[stretch.interval[1]]
        return stretch.interval

    # -- what lies outside -----------------------------------------------------------------------------------------

    def divide_outside(self, u: float) -> None:
        """Let all lie before or after `u`, the first known point."""
        before, after = self.before, self.after
        self._discard(before.lefts())
        inside = before.inside
        before.inside, after.inside = [p for p in inside if p < u], [p for p in inside if p > u]
        before.b = after.a = u
        self.at.update(dict.fromkeys(after.inside, after))
        self.cut(before)
        self.cut(after)

    def take_before(self, u: float) -> list[float]:
        """Let what lies before the known points end at `u`; return the points under way to the right of it."""
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
        """Let what lies after the known points begin at `u` instead of `last`; return the points under way between."""
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

    def lay_outside(self, stretch: Open, inside: list[float]) -> None:
        """Put points, ascending, before the first or after the last known point, where there are none yet."""
        stretch.inside = inside
        self.at.update(dict.fromkeys(inside, stretch))
        self.cut(stretch)

    # -- pieces ----------------------------------------------------------------------------------------------------

    def cut_all(self) -> None:
        """Make all pieces that are not made yet."""
        for stretch in self._uncut.values():
            self.cut(stretch)
        self._uncut.clear()
        self.bound = INF

    def cut_if_wanted(self, order: float) -> None:
        """Make all pieces that are not made yet if one of them may have a rank of at most `order`."""
        # with many uncut intervals it is cheaper to cut them, once, than to look through them again and again
        if self.bound <= order and (len(self._uncut) > 16 or self._tightened() <= order):
            self.cut_all()

    def _tightened(self) -> float:
        """Return `bound`, computed anew."""
        self.bound = INF
        for u, stretch in self._uncut.items():
            if stretch.interval is not None:
                _, a, b, loss, _, _ = stretch.interval
                self.bound = min(self.bound, _lowest_rank(u, a, b, loss))
        return self.bound

    def cut(self, stretch: Open) -> None:
        """Make all pieces of a stretch."""
        for p, q in pairwise(stretch.edges()):
            self._add(stretch, p, q)

    def divide(self, piece: Piece, us: list[float]) -> None:
        """Put the points `us`, ascending, under way inside a piece."""
        _, p, q, _, stretch = piece
        for u in us:
            insort(stretch.inside, u)
            self.at[u] = stretch
        for left, right in pairwise([p, *us, q]):
            self._add(stretch, left, right)

    def pop(self) -> Piece:
        """Take the first entry out of the queue of pieces; it is given back, or divided."""
        return heappop(self.queue)

    def give_back(self, piece: Piece) -> None:
        """Put a piece that was taken out back into the queue."""
        heappush(self.queue, piece)

    def sweep(self) -> None:
        """Throw all dead entries out of the heaps."""
        self.queue = list(self._living.values())
        self._ranked = self.intervals()
        heapify(self.queue)
        heapify(self._ranked)

    def _add(self, stretch: Open, p: float, q: float) -> None:
        length = q - p
        if (length < self._shortest or self._lattice) and self._domain.parts(p, q) < 2:
            self._living.pop(p, None)
            return
        loss = stretch.part(length)
        self._living[p] = piece = (rank(loss, length / self._width), p, q, loss, stretch)
        heappush(self.queue, piece)

    def _discard(self, lefts: list[float]) -> None:
        for p in lefts:
            self._living.pop(p, None)


def _lowest_rank(u: float, a: float, b: float, loss: float) -> float:
    """Return a lower bound, rounding included, of the ranks of the two pieces of an interval divided at `u`."""
    if loss - loss != 0.0:
        return -INF
    return -(loss * max(u - a, b - u) / (b - a) * 1e12 + 10.0)
