"""Error bars of the means of `AverageLearner1D` under an error goal: where samples at one x serve its neighbours.

About twelve x get `enough` samples; each other one as many as make its error bar, with the larger standard deviation of
the nearest such x on both sides, at most `BAR` of the goal: often one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from sortedcontainers import SortedList

from adaptive_calib.learner._average.site import Site, student_quantile
from adaptive_calib.learner.smooth1D import COARSEST

__all__ = ["WELL", "ErrorBars", "Wanted"]

#: Fewest samples of an x whose standard deviation is used for others.
WELL = 5
#: Error bar of an x under an error goal, as a share of the goal.
BAR = 0.4


@dataclass(frozen=True)
class Wanted:
    """What is wanted of error bars.

    Attributes
    ----------
    goal : float
        The error goal.
    alpha : float
        The bars hold with probability 1 - 2 alpha.
    enough : int
        Number of valid samples from which on the standard deviation at an x is used for others.
    most : int
        Most samples at one x.
    width : float
        Width of the domain.
    """

    goal: float
    alpha: float
    enough: int
    most: int
    width: float


class ErrorBars:
    """The error bars of all x.

    Parameters
    ----------
    wanted : Wanted
    sites : mapping
        x -> samples there; the learner's own, which change.
    names : mapping
        Coordinate -> observed x; the learner's own.

    Attributes
    ----------
    bars : dict
        x -> error bar.
    """

    def __init__(self, wanted: Wanted, sites: Mapping[float, Site], names: Mapping[float, float]) -> None:
        self.wanted = wanted
        self.bars: dict[float, float] = {}
        self._sites, self._names = sites, names
        # coordinates of x with enough samples for a standard deviation
        self._well: SortedList[float] = SortedList(u for u, x in names.items() if sites[x].valid >= wanted.enough)
        self._measure()

    def _measure(self) -> None:
        self.bars = {x: self._bar(self._sites[x]) for x in self._names.values()}

    @property
    def largest(self) -> float:
        """The largest error bar; inf without any."""
        return max(self.bars.values(), default=math.inf)

    def _spread(self, site: Site) -> tuple[float, int]:
        """Return the standard deviation of samples at a site, and the number of samples that it comes from.

        Its own, or the larger of the two nearest sites that have enough samples; (inf, 2) without one on each side.
        """
        if site.valid >= self.wanted.enough > 1:
            return math.sqrt(site.m2 / (site.valid - 1)), site.valid
        i = self._well.bisect_left(site.u)
        near = self._well[max(i - 1, 0) : i] + self._well[i : i + 1]
        if len(near) < 2 or near[1] - near[0] > 2 * COARSEST * self.wanted.width:
            return math.inf, 2
        sites = [self._sites[self._names[u]] for u in near]
        return max((math.sqrt(one.m2 / (one.valid - 1)), one.valid) for one in sites)

    def _bar(self, site: Site) -> float:
        """Return the error bar of a site; 0 without any valid value, where nothing is claimed."""
        if not site.valid:
            return 0.0
        spread, number = self._spread(site)
        return student_quantile(self.wanted.alpha, number) * spread / math.sqrt(site.valid) if spread else 0.0

    def needed(self, site: Site) -> int:
        """Return how many samples a site needs."""
        spread, number = self._spread(site)
        if spread == math.inf or not (site.valid or not site.samples):
            return self.wanted.enough
        number = math.ceil((student_quantile(self.wanted.alpha, number) * spread / (BAR * self.wanted.goal)) ** 2)
        return min(max(number, 1), self.wanted.most)

    def sampled(self, u: float, x: float) -> list[float]:
        """Update the bars after a sample at x, of coordinate u; return the x whose needs may have changed."""
        site = self._sites[x]
        if site.valid != self.wanted.enough or u in self._well:
            self.bars[x] = self._bar(site)
            return [x]
        self._well.add(u)
        self._measure()
        near = self._well.bisect_left(u)
        low, high = self._well[max(near - 1, 0)], self._well[min(near + 1, len(self._well) - 1)]
        return [z for v, z in self._names.items() if low <= v <= high]

    def hopeless(self, x: float) -> str:
        """Return why the goal cannot be reached at x; empty if it can."""
        most, goal, bar = self.wanted.most, self.wanted.goal, self.bars[x]
        if len(self._sites[x].samples) < most or bar <= goal:
            return ""
        return (
            f"the error bar at {x:.10g} is {bar:.2g} with as many samples as `max_samples` allows; the goal of "
            f"{goal:g} is below it. Allow more than {most} samples, or ask for an error above the bar"
        )
