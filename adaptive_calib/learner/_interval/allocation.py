"""How several points are divided among stretches: greedily, so that the largest loss/parts becomes small.

n times, the larger of two is taken: the next stretch of the queue, whole, which becomes two parts with half its loss
each; or the worst of those that are divided already, which from m parts becomes m + 1. Equal losses: the leftmost among
the whole ones and among the divided ones; between the two the one further right.

Source: python-adaptive 1.5.2, whose points these are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import TypeAlias

from adaptive_calib.learner._interval.domain import Domain1D
from adaptive_calib.learner._interval.types import Interval, Piece, rank

__all__ = ["Share", "divide"]


@dataclass(frozen=True, slots=True)
class Share:
    """A stretch from `a` to `b` that is to be divided into so many parts, each of loss `loss`.

    `whole` is the interval or piece if it is in a queue; None for what lies before or after all points.
    """

    whole: Interval | Piece | None
    a: float
    b: float
    parts: int
    loss: float

    def one_more(self) -> Share:
        """Return the same stretch divided into one part more."""
        m = self.parts
        return Share(self.whole, self.a, self.b, m + 1, self.loss * m / (m + 1))


_Item: TypeAlias = tuple[float, tuple[float, float, int], Share]


def _order(item: _Item) -> tuple[float, tuple[float, float, int]]:
    return item[:2]


def divide(
    n: int, first: Iterable[Share], following: Callable[[], Interval | Piece | None], domain: Domain1D
) -> list[Share]:
    """Divide n points among stretches.

    Parameters
    ----------
    n : int
        Number of points.
    first
        Stretches of one part that take part from the beginning.
    following
        Takes the next interval or piece out of the queue; None when there is none. One more than needed is taken.
    domain
        Says how many parts a stretch may have.

    Returns
    -------
    list of Share
        Those with more than one part, by falling loss of a part. They have fewer than n points if no more fit.
    """
    divided: list[_Item] = []
    full: list[_Item] = []
    width = domain.high - domain.low

    def put(share: Share) -> None:
        key = rank(share.loss, (share.b - share.a) / width / share.parts)
        item = (key, (share.a, share.b, share.parts), share)
        if share.parts >= domain.parts(share.a, share.b):
            full.append(item)
        else:
            heappush(divided, item)

    for share in first:
        put(share)
    top = following()
    for _ in range(n):
        if top is not None and (not divided or (-top[0], (top[1], top[2], 0)) >= (-divided[0][0], divided[0][1])):
            length = top[2] - top[1]
            loss = length * top[3] / length if len(top) == 6 else top[3]
            put(Share(top, top[1], top[2], 2, loss / 2))
            top = following()
        elif divided:
            put(heappop(divided)[2].one_more())
        else:
            break
    return [share for _, _, share in sorted(divided + full, key=_order) if share.parts > 1]
