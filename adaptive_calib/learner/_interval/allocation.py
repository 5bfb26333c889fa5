"""Allocation of several points to spans: greedily, so that the largest loss/parts becomes small.

Each of n steps takes the span with the larger loss of two: the first of the queue, which becomes two parts with half
its loss each, or the worst of the divided spans, which goes from m parts to m + 1. Of equal losses the leftmost is
taken within the queue and within the divided spans; between these two, the one further right.

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
    """A span from `a` to `b`, to be divided into `parts` parts of loss `loss` each.

    `whole` is the interval or piece if it comes from a queue; None before or after all observed points.
    """

    whole: Interval | Piece | None
    a: float
    b: float
    parts: int
    loss: float

    def one_more(self) -> Share:
        """Return the same span divided into one part more."""
        m = self.parts
        return Share(self.whole, self.a, self.b, m + 1, self.loss * m / (m + 1))


_Item: TypeAlias = tuple[float, tuple[float, float, int], Share]


def _order(item: _Item) -> tuple[float, tuple[float, float, int]]:
    return item[:2]


def divide(
    n: int, first: Iterable[Share], following: Callable[[], Interval | Piece | None], domain: Domain1D
) -> list[Share]:
    """Divide n points among spans.

    Parameters
    ----------
    n : int
        Number of points.
    first
        Spans of one part that compete from the first step.
    following
        Removes and returns the next interval or piece of the queue, None at its end; called once more than needed.
    domain
        Limits the number of parts of a span.

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
