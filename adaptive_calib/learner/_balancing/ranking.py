"""A priority queue of which few entries change at a time, for the children of a `BalancingLearner`."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush, heapreplace
from typing import Any, TypeAlias

__all__ = ["Rank", "Ranking"]

#: Numbers; the last is the child's index.
Rank: TypeAlias = tuple[Any, ...]


class Ranking:
    """The children in the order of their ranks, smallest first; ranks are computed when they are needed.

    The heap holds one valid entry for each child: its rank or a smaller earlier one. Ranks mostly grow, as losses
    fall, so an entry is corrected only when it reaches the top.

    Parameters
    ----------
    rank : callable
        Child's index -> its rank, a tuple of numbers that ends with the index; None: the child is passed over.
    count : int
        How many children.
    """

    def __init__(self, rank: Callable[[int], Rank | None], count: int) -> None:
        self._rank_of = rank
        self._ranks: list[Rank | None] = [None] * count
        self._entries: list[Rank | None] = [None] * count
        self._heap: list[Rank] = []
        self._stale: set[int] = set(range(count))

    def touch(self, index: int) -> None:
        """Mark the rank of a child as outdated."""
        self._stale.add(index)

    def first(self) -> Rank | None:
        """Return the rank of the first child, None if all are passed over."""
        heap, ranks, entries = self._heap, self._ranks, self._entries
        if self._stale:
            self._refresh()
        while heap:
            top = heap[0]
            index = top[-1]
            rank = ranks[index]
            if rank is top:
                return rank
            if top is not entries[index]:
                heappop(heap)
            elif rank is None:
                entries[index] = None
                heappop(heap)
            else:
                entries[index] = rank
                heapreplace(heap, rank)
        return None

    def _refresh(self) -> None:
        """Compute the ranks of children that have changed."""
        heap, entries = self._heap, self._entries
        for index in self._stale:
            self._ranks[index] = rank = self._rank_of(index)
            entry = entries[index]
            if rank is not None and (entry is None or rank < entry):
                entries[index] = rank
                heappush(heap, rank)
        self._stale.clear()
        # entries that were replaced by smaller ones are removed when they reach the top, or here
        if len(heap) > 4 * len(entries) + 100:
            heap[:] = [entry for entry in entries if entry is not None]
            heapify(heap)
