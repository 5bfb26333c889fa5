"""Where a noisy curve is sampled next: new places as long as they tell more than repeats.

Samples are spread evenly over the mass of a density on the domain: the noise, times a share `MIX` of the steepness of
the warp (see `mean_curve`) and a share 1 - MIX of an even density, so that no part is left out. With the best
smoothing the best density is nearly even; it matters where a feature is narrower than the distance of samples.

A new sample goes into the largest gap, measured in that mass, a little beside its middle, so that places do not lie
on a lattice. Repeats of known places tell less about the curve than new places do, until places are much closer than
the curve bends; from `EACH` places for a degree of freedom on the place with the fewest samples for its mass is
repeated, after gaps longer than `LOOK` are closed. If no place may be repeated gaps are divided further.

Source: the trade-off of Binois, Huang, Gramacy & Ludkovski, Technometrics 61 (2019) 7, for penalised splines.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable

import numpy as np

from adaptive_calib._arrays import Floats
from adaptive_calib.learner._average.mean_curve import GRID, MeanCurve

__all__ = ["EACH", "LOOK", "density", "next_places"]

#: Share of the density that follows the warp.
MIX = 0.8
#: Places for each degree of freedom of the curve from which on places are repeated.
EACH = 30.0
#: Longest gap under an error goal, as a share of the domain: with it a peak of half that half-width is seen at half of
#: its height.
LOOK = 1 / 100
_GOLDEN = (math.sqrt(5) - 1) / 2


def density(curve: MeanCurve | None) -> Floats:
    """Return the density of samples on the grid, 1 in the mean."""
    if curve is None:
        return np.ones(len(GRID))
    wanted = curve.noise * (1 - MIX + MIX * curve.steepness())
    mean = float(wanted.mean())
    result: Floats = wanted / mean if mean > 0 else np.ones(len(GRID))
    return result


def next_places(
    t: Floats,
    number: Floats,
    repeatable: np.ndarray,
    curve: MeanCurve | None,
    n: int,
    snap: Callable[[float], float],
    divisible: Callable[[float, float], bool],
    limits: tuple[int, int] = (1, sys.maxsize),
    finer: bool = True,
) -> list[float]:
    """Choose n samples, one after the other.

    Parameters
    ----------
    t : array, shape (k,)
        Known places, ascending.
    number : array, shape (k,)
        Samples at each, pending ones included.
    repeatable : array of int, shape (k,)
        How many more samples each place may have.
    curve : MeanCurve or None
    n : int
    snap : callable
        From a wanted place to the next possible one, which may be a known one.
    divisible : callable
        Whether another place is possible between two.
    limits : (int, int)
        Fewest and most samples at a new place.
    finer : bool
        Whether more samples are wanted than those in long gaps: repeats of new places, and places between others.

    Returns
    -------
    list of float
        Places; fewer than n if no other is possible.
    """
    mass = np.concatenate([[0.0], np.cumsum(density(curve))])
    mass = np.interp(GRID, np.concatenate([[0.0], (GRID[1:] + GRID[:-1]) / 2, [1.0]]), mass / mass[-1])
    shortest = 0.0 if curve is None else 1 / (EACH * curve.splines[0].spline.freedom)
    t, number, repeatable = t.copy(), number.copy(), repeatable.copy()
    chosen: list[float] = []
    while len(chosen) < n:
        place = _in_gap(t, mass, curve, shortest, snap)
        i = None
        if place is None or place in t:
            place = _between(t, t, LOOK, snap, divisible)
            # without a long gap the place that needs it most is repeated
            i = _to_repeat(t, number, repeatable, mass) if place is None else None
            if place is None and i is None and finer:
                place = _between(t, np.interp(t, GRID, mass), 0.0, snap, divisible)
            if place is None and i is None:
                break
        if i is not None:
            number[i] += 1
            repeatable[i] -= 1
            chosen.append(float(t[i]))
            continue
        assert place is not None
        i = int(np.searchsorted(t, place))
        t, number = np.insert(t, i, place), np.insert(number, i, 1.0)
        repeated = min(limits[0], limits[1], n - len(chosen))
        number[i] = repeated
        repeatable = np.insert(repeatable, i, limits[1] - repeated if finer else 0)
        chosen += [place] * repeated
    return chosen


def _in_gap(
    t: Floats, mass: Floats, curve: MeanCurve | None, shortest: float, snap: Callable[[float], float]
) -> float | None:
    """Return an end without a sample, or a place in the largest gap; None if that is short."""
    for end, missing in ((0.0, not len(t) or t[0] > 0), (1.0, not len(t) or t[-1] < 1)):
        if missing:
            return snap(end)
    at = np.interp(t, GRID, mass)
    gaps = np.diff(at)
    best = int(np.flatnonzero(gaps >= gaps.max() * (1 - 1e-9))[0])
    if curve is not None:
        low, high = np.interp(t[best : best + 2], GRID, curve.splines[0].warp)
        if high - low < shortest:
            return None
    share = 0.35 + 0.3 * (len(t) * _GOLDEN % 1)
    wanted = float(np.interp(at[best] + share * gaps[best], mass, GRID))
    return snap(wanted)


def _between(
    t: Floats, at: Floats, least: float, snap: Callable[[float], float], divisible: Callable[[float, float], bool]
) -> float | None:
    """Return a new place in the longest possible gap, measured at `at`; None if none is longer than `least`."""
    gaps = np.diff(at)
    # of equal lengths, but for rounding, the first
    for i in np.argsort(-np.round(gaps, 12), kind="stable").tolist():
        if gaps[i] <= least:
            return None
        if divisible(float(t[i]), float(t[i + 1])):
            place = snap(float(t[i] + t[i + 1]) / 2)
            if place not in t:
                return place
    return None


def _to_repeat(t: Floats, number: Floats, repeatable: np.ndarray, mass: Floats) -> int | None:
    """Return the place with the fewest samples for its mass; None if none may be repeated."""
    if not (repeatable > 0).any():
        return None
    at = np.concatenate([[0.0], np.interp(t, GRID, mass), [1.0]])
    own = (at[2:] - at[:-2]) / 2 + 1e-12
    load = np.where(repeatable > 0, number / own, np.inf)
    return int(np.flatnonzero(load <= load.min() * (1 + 1e-9))[0])
