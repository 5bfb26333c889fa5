"""A noisy curve learned from all samples together: which samples come next, and what is known of the mean.

Everything is a function of the samples, not of the order in which they came. Where samples go depends on a curve that
is fitted again whenever there are `GROWTH` times as many; it is fitted to the first of the samples in the order of
their seeds, which are numbered in the order of asking. So a learner that is made from the data chooses the same
places.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from typing import Any

import numpy as np
from scipy.special import ndtri

from adaptive_calib._arrays import Floats
from adaptive_calib.learner._average.mean_curve import FEWEST_PLACES, GRID, MeanCurve, Samples, fit, straight
from adaptive_calib.learner._average.places import LOOK, next_places
from adaptive_calib.learner._average.site import Site
from adaptive_calib.learner.claims import Claim
from adaptive_calib.learner.values import no_valid_value

__all__ = ["Band", "SharedNoise"]

#: Samples of the first fit, and growth until the next.
START, GROWTH = 60, 1.15
#: Neighbouring places without a valid sample that make a part of the domain without a mean; fewer are chance.
BLANK = 3
#: Places are rounded to this share of the domain, so that rounding errors of sums do not move them.
GRAIN = 2.0**-40


@dataclass(frozen=True)
class Band:
    """A mean curve and its band over the coordinate of a domain; NaN at NaN.

    Attributes
    ----------
    curve : MeanCurve
    low, high : float
        Ends of the domain.
    quantile : float
        Of the band.
    blanks : array, shape (k, 2)
        Parts without a valid sample, as shares of the domain: the mean is NaN there.
    """

    curve: MeanCurve
    low: float
    high: float
    quantile: float
    blanks: Floats

    def _t(self, u: Floats) -> Floats:
        return np.clip((u - self.low) / (self.high - self.low), 0, 1)

    def __call__(self, u: Floats) -> tuple[Floats, Floats]:
        """Return the mean at u, shape (len(u), 1), and the half-width of the band."""
        known = np.isfinite(u)
        t = self._t(np.where(known, u, self.low))
        known &= ~_within(t, self.blanks)
        value, error = self.curve(t), self.curve.error(t, self.quantile)
        return np.where(known, value, np.nan)[:, None], np.where(known, error, np.nan)

    def slope_error(self, u: Floats) -> Floats:
        """Return the half-width of the band of the derivative with respect to u."""
        return self.curve.slope_error(self._t(u), self.quantile) / (self.high - self.low)

    def edges(self) -> Floats:
        """Return the coordinates between which the curve is a polynomial."""
        knots = np.unique([*self.curve.knots(), *self.blanks.ravel()])
        edges: Floats = self.low + (self.high - self.low) * knots
        edges[-1] = self.high
        return edges


class SharedNoise:
    """The fits of one learner.

    Parameters
    ----------
    domain
        Where places may lie.
    """

    def __init__(self, domain: Any) -> None:
        self._domain = domain
        # number of samples in the fit and in all -> the samples of the fit, and the curve
        self._fits: dict[bool, tuple[int, Any, MeanCurve | None]] = {}
        self._kept: tuple[Any, tuple[float, float]] = (None, (math.inf, 1.0))
        #: Whether samples are taken until an error is reached.
        self.to_an_error = False

    # -- samples ---------------------------------------------------------------------------------------------------

    def shares(self, us: list[float]) -> Floats:
        """Return coordinates as shares of the domain."""
        shares: Floats = (np.array(us, float) - self._domain.low) / (self._domain.high - self._domain.low)
        return shares

    def _inside(self, sites: Mapping[float, Site]) -> list[tuple[float, float, Site]]:
        """Return (share, x, site) of the sites in the domain, ascending."""
        found = []
        for x, site in sites.items():
            if site.u is not None:
                found.append((float(self.shares([site.u])[0]), x, site))
            elif not site.samples:  # pending only, or failed
                found.append((float(self.shares([self._domain.u(x)])[0]), x, site))
        return sorted(found, key=lambda one: one[0])

    def _fitted(self, sites: Mapping[float, Site], whole: bool) -> MeanCurve | None:
        """Return the curve of all samples, or of those that places depend on; None with too few."""
        total = sum(site.valid for site in sites.values())
        kept = self._fits.get(whole)
        if kept is not None and kept[0] == total:
            return kept[2]
        rows = [
            (seed, t, y) for t, _, site in self._inside(sites) for seed, y in site.samples.items() if math.isfinite(y)
        ]
        rows.sort()
        size = len(rows)
        if not whole:
            stage = START
            while math.ceil(stage * GROWTH) <= size:
                stage = math.ceil(stage * GROWTH)
            size = stage if stage <= size else 0
        used = rows[:size]
        if kept is None or kept[1] != used:
            enough = size >= START and len({t for _, t, _ in used}) >= FEWEST_PLACES
            kept = total, used, _fit(used) if enough else None
        self._fits[whole] = total, used, kept[2]
        return kept[2]

    def curve(self, sites: Mapping[float, Site]) -> MeanCurve | None:
        """Return the curve of all samples; None with too few."""
        return self._fitted(sites, True)

    # -- what is known ---------------------------------------------------------------------------------------------

    @staticmethod
    def quantile(alpha: float) -> float:
        """Return the quantile of the error bars: the mean is inside with probability 1 - 2 alpha."""
        return float(ndtri(1 - alpha)) if alpha < 0.5 else 0.0

    def band(self, sites: Mapping[float, Site], alpha: float) -> Band | None:
        """Return the curve of all samples with its band; None with too few."""
        curve = self._fitted(sites, True)
        if curve is None:
            return None
        return Band(curve, self._domain.low, self._domain.high, self.quantile(alpha), self._blanks(sites))

    def _blanks(self, sites: Mapping[float, Site]) -> Floats:
        """Return the parts, longer than `LOOK`, between `BLANK` or more neighbouring places without a valid sample."""
        runs = groupby(self._sampled(sites), lambda one: one[1])
        invalid = [[t for t, _ in run] for valid, run in runs if not valid]
        return np.array(
            [(run[0], run[-1]) for run in invalid if len(run) >= BLANK and run[-1] - run[0] > LOOK]
        ).reshape(-1, 2)

    def claim(self, sites: Mapping[float, Site], alpha: float) -> Claim | None:
        """Return what is claimed of the mean; None without an error."""
        error = self.largest_error(sites, alpha)
        if not math.isfinite(error):
            return None
        unpredicted = float(np.diff(self._blanks(sites)).sum())
        return replace(Claim.estimated(error), resolution=self.resolution(sites), unpredicted=unpredicted)

    def resolution(self, sites: Mapping[float, Site]) -> float:
        """Return the share of the domain below which a feature may be missed: by a gap, or by the spline."""
        curve = self._fitted(sites, True)
        sampled = self._sampled(sites)
        blank = _within(np.array([t for t, _ in sampled]), self._blanks(sites))
        known = [t for (t, valid), left_out in zip(sampled, blank, strict=True) if valid or left_out]
        return max(self._longest_gap(known), 0.0 if curve is None else curve.resolution())

    def _sampled(self, sites: Mapping[float, Site]) -> list[tuple[float, bool]]:
        """Return the places where there was a sample, ascending, and whether one is valid."""
        return [(t, site.valid > 0) for t, _, site in self._inside(sites) if site.samples or site.failed]

    def _longest_gap(self, places: list[float]) -> float:
        """Return the longest distance of two of the places, or ends, with a possible place between them."""
        return max([b - a for a, b in pairwise([0.0, *places, 1.0]) if self._divisible(a, b)], default=0.0)

    def _divisible(self, a: float, b: float) -> bool:
        """Whether another place is possible between two."""
        low, size = self._domain.low, self._domain.high - self._domain.low
        return bool(self._domain.parts(low + a * size, low + b * size) >= 2)

    def largest_error(self, sites: Mapping[float, Site], alpha: float) -> float:
        """Return the largest half-width of the band; inf while there are gaps longer than `LOOK`."""
        curve = self._fitted(sites, False)
        if curve is None or self._longest_gap([t for t, _ in self._sampled(sites)]) > LOOK:
            return math.inf
        return self._widest(curve, sites, alpha)[0]

    def _widest(self, curve: MeanCurve, sites: Mapping[float, Site], alpha: float) -> tuple[float, float]:
        """Return the largest half-width of the band, and the range of the curve (1 of a constant); kept."""
        blanks = self._blanks(sites)
        known = curve, alpha, blanks.tolist()
        if self._kept[0] != known:
            t = np.concatenate([GRID, curve.places])
            t = t[~_within(t, blanks)]
            size = float(np.ptp(curve(t)))
            width = float(curve.error(t, self.quantile(alpha)).max())
            self._kept = known, (width, size if size > curve.rounding else 1.0)
        return self._kept[1]

    def stopped_because(self, sites: Mapping[float, Site]) -> str:
        """Return why no error can be reached, as no sample is valid; empty if it may be."""
        if not self.to_an_error or any(site.valid for site in sites.values()):
            return ""
        return no_valid_value(len(self._sampled(sites)))

    def loss(self, sites: Mapping[float, Site], alpha: float) -> float:
        """Return the largest half-width of the band as a share of the range of the curve; inf before the first fit."""
        curve = self._fitted(sites, False)
        if curve is None:
            return math.inf
        width, size = self._widest(curve, sites, alpha)
        return width / size

    # -- the next samples ------------------------------------------------------------------------------------------

    def choose(
        self, sites: Mapping[float, Site], n: int, limits: tuple[int, int, float], alpha: float
    ) -> tuple[list[tuple[int, float]], list[float]]:
        """Choose at most n samples; nothing changes.

        Parameters
        ----------
        sites : mapping
            x -> site, pending ones included.
        n : int
        limits : (int, int, float)
            Fewest and most samples at an x, and the error from which on it is not sampled again.
        alpha : float
            Of the error.

        Returns
        -------
        points : list of (seed, x)
        improvements : list of float
            The error bar at each as a share of the range of the curve, divided by the number of samples there.
        """
        fewest, most, enough = limits
        curve = self._fitted(sites, False)
        known = self._inside(sites)
        t = np.array([place for place, _, _ in known])
        number = np.array([float(_taken(site)) for _, _, site in known])
        names = {place: x for place, x, _ in known}
        width = self.quantile(alpha)
        room = np.array([most - _taken(site) for _, _, site in known], dtype=int)
        if curve is not None and enough > 0 and len(t):
            room[curve.error(t, width) <= enough] = 0
        lacking = [place for place, _, site in known for _ in range(min(fewest, most) - _taken(site))]
        chosen = lacking[:n]
        for place in chosen:
            number[t == place] += 1
            room[t == place] -= 1

        def possible(wanted: float) -> float:
            """Return the nearest place where a point may lie; a known one if that is too near to others."""
            low, size = self._domain.low, self._domain.high - self._domain.low
            u = low + (round(wanted / GRAIN) * GRAIN if 0 < wanted < 1 else round(wanted)) * size
            x = self._domain.x(u)
            place = float(self.shares([self._domain.u(x)])[0])
            here = self._domain.u(x)
            around = ((low + other * size, other) for other in names)
            near = [other for u, other in around if not self._domain.apart(min(u, here), max(u, here))]
            if near:
                return min(near, key=lambda other: abs(other - place))
            names[place] = x
            return place

        finer = curve is None or self._widest(curve, sites, alpha)[0] > enough
        more, at_new = n - len(chosen), (max(fewest, 1), most)
        chosen += next_places(t, number, room, curve, more, possible, self._divisible, at_new, finer)
        seed = 1 + max((max(_seeds(site), default=-1) for _, _, site in known), default=-1)
        points = [(seed + k, names[place]) for k, place in enumerate(chosen)]
        if curve is None:
            return points, [math.inf] * len(points)
        bars = curve.error(np.array(chosen), width) / self._widest(curve, sites, alpha)[1]
        counts = dict(zip(t.tolist(), number.tolist(), strict=True))
        return points, [bar / (counts.get(place, 0.0) + 1) for bar, place in zip(bars.tolist(), chosen, strict=True)]


def _within(t: Floats, parts: Floats) -> Any:
    """Return whether each t lies in one of `parts`, shape (k, 2), ends included."""
    return ((parts[:, 0] <= t[:, None]) & (t[:, None] <= parts[:, 1])).any(axis=1)


def _taken(site: Site) -> int:
    return len(site.samples) + len(site.pending) + len(site.failed)


def _seeds(site: Site) -> list[int]:
    return [*site.samples, *site.pending, *site.failed]


def _fit(used: list[tuple[int, float, float]]) -> MeanCurve:
    """Return the curve of samples (seed, place, value).

    It is fitted to what is left of the mean, or of a straight line that leaves less than a tenth of that, in a unit of
    its own: of large values the rounding errors would be large, and squares of very large or small ones would overflow
    or vanish. Other lines are left in: without them the flat ends of a step would not be flat, and tanh 20x was known
    a fifth less well.
    """
    t, y = np.array([t for _, t, _ in used]), np.array([y for _, _, y in used])
    unit = math.frexp(float(np.abs(y).max()))[1]
    y = np.ldexp(y, -unit)
    away = t - t.mean()
    slope = float((away * (y - y.mean())).sum() / (away**2).sum())
    if (y - slope * away).std() > 0.1 * y.std():
        slope = 0.0
    first = float(y.mean() - slope * t.mean())
    line = first, first + slope
    left = y - straight(line, t)
    rounding = 8 * float(np.finfo(float).eps)
    left[np.abs(left) <= rounding] = 0.0
    own = math.frexp(float(np.abs(left).max()))[1]
    left = np.ldexp(left, -own)
    curve = fit(_by_place([(seed, t, y) for (seed, t, _), y in zip(used, left.tolist(), strict=True)]))
    return replace(curve, units=(own, unit), line=line, rounding=math.ldexp(rounding, unit))


def _by_place(rows: list[tuple[int, float, float]]) -> Samples:
    """Return samples (seed, place, value) by place."""
    t, which = np.unique(np.array([t for _, t, _ in rows]), return_inverse=True)
    y = np.array([y for _, _, y in rows])
    number = np.bincount(which, minlength=len(t)).astype(float)
    mean = np.bincount(which, y, len(t)) / np.maximum(number, 1)
    scatter = np.bincount(which, (y - mean[which]) ** 2, len(t)).astype(float)
    return Samples(t, number, mean, scatter)
