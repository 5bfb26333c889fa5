"""The x of `AverageLearner1D` by their rescaled error, the largest first; what that is is said there."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush

from adaptive_calib.learner._average.site import Site

__all__ = ["RescaledErrors"]


class RescaledErrors:
    """The rescaled errors of the x that may be sampled again, and a heap of them.

    Parameters
    ----------
    sites : mapping
        x -> samples there; the learner's own, which change.

    Attributes
    ----------
    values : dict
        x -> rescaled error.
    """

    def __init__(self, sites: Mapping[float, Site]) -> None:
        self.values: dict[float, float] = {}
        self._sites = sites
        # (-rescaled error, x), partly outdated
        self._queue: list[tuple[float, float]] = []

    def update(self, x: float, around: Sequence[float | None], alpha: float) -> None:
        """Update the errors of x and its neighbours; `around` has two x on each side, None where there is none."""
        far_left, left, right, far_right = around
        values = self.values
        before, after = self._distance(left, x), self._distance(x, right)
        if x in values:
            self._set(x, before if before < after else after, alpha)
        if left is not None and left in values:
            self._set(left, min(before, self._distance(far_left, left)), alpha)
        if right is not None and right in values:
            self._set(right, min(after, self._distance(right, far_right)), alpha)
        if len(self._queue) > 8 * len(values) + 64:
            self._queue = [(-value, z) for z, value in values.items()]
            heapify(self._queue)

    def _distance(self, x: float | None, z: float | None) -> float:
        """Return the distance of two means, unscaled; infinite without one of them, of the x alone without a mean."""
        if x is None or z is None:
            return math.inf
        dy = self._sites[z].mean - self._sites[x].mean
        return math.hypot(z - x, dy) if dy == dy else abs(z - x)

    def _set(self, x: float, nearest: float, alpha: float) -> None:
        """Set one error from the distance to the nearer neighbour."""
        value = self._sites[x].error(alpha) / nearest if nearest < math.inf else math.inf
        if value != self.values[x] or value == math.inf:
            self.values[x] = value
            heappush(self._queue, (-value, x))

    def largest_above(self, limit: float) -> float | None:
        """Return the x with the largest error; None if that is at most `limit`."""
        queue, values = self._queue, self.values
        while queue and values.get(queue[0][1]) != -queue[0][0]:
            heappop(queue)
        return queue[0][1] if queue and -queue[0][0] > limit else None
