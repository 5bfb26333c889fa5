"""The axis of c goes where the answer is."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from adaptive_calib.calibration.axis import Axis, on_axis
from adaptive_calib.calibration.interval import acceptable_interval


def explore(axis: Axis, slope: Callable[[np.ndarray], np.ndarray], rounds: int = 60) -> np.ndarray:
    """Follow the axis in a world where the slope is known exactly; return every value it came to."""
    log2c = np.array(sorted(axis.start))
    for _ in range(rounds):
        kappa, se = slope(log2c), np.full(log2c.shape, 1e-3)
        status = np.where(kappa > 0.9, 1, -1).astype(np.int8)
        more = axis.more(log2c, status, kappa, acceptable_interval(log2c, status, kappa, se))
        if not more:
            break
        log2c = np.sort(np.concatenate([log2c, more]))
    return log2c


def around(log2c: np.ndarray, place: float) -> float:
    """Width of the gap around a place."""
    return float(log2c[log2c > place].min() - log2c[log2c <= place].max())


def test_both_ends_of_a_unimodal_slope() -> None:
    """With both boundaries inside the start grid, both are bracketed to the tolerance, at few values of c."""
    log2c = explore(Axis(tol=0.5), lambda x: 1.2 - (x / 4) ** 2)
    edge = 4 * np.sqrt(0.3)
    assert around(log2c, edge) <= 0.5
    assert around(log2c, -edge) <= 0.5
    assert len(log2c) == len(Axis().start) + 4


def test_extended_until_both_ends_are_found() -> None:
    """An acceptable interval that lies outside the start grid is found by extension."""
    log2c = explore(Axis(tol=1.0), lambda x: 2 - np.abs(x - 3) / 8)
    assert around(log2c, 3 + 8.8) <= 1
    assert around(log2c, 3 - 8.8) <= 1


def test_the_bounds_are_kept() -> None:
    """Where everything is acceptable the axis ends at its bounds."""
    log2c = explore(Axis(bounds=(-9.5, 5.0)), lambda x: np.full(x.shape, 2.0))
    assert (log2c.min(), log2c.max()) == (-9.5, 5.0)


def test_nothing_acceptable_searches_the_top() -> None:
    """Where no c is acceptable the neighbourhood of the largest slope is searched, to the tolerance."""
    log2c = explore(Axis(tol=0.5), lambda x: 0.5 - (x + 11) ** 2 / 100)
    assert around(log2c, -11.1) <= 0.5
    assert np.isclose(log2c, -11).any()


def test_a_narrow_acceptable_interval_between_grid_values_is_found() -> None:
    """A peak narrower than the step is found by climbing towards it."""
    log2c = explore(Axis(tol=0.5), lambda x: 1.0 - np.abs(x - 0.9) / 4)
    assert ((log2c > 0.5) & (log2c < 1.3)).any()


def test_nothing_is_added_while_undecided() -> None:
    """More experiments, not more c, tell about undecided values; a fixed axis stays fixed."""
    log2c = np.array([0.0, 2.0])
    slopes, nothing = np.array([0.9, 0.9]), np.array([0, 0], np.int8)
    assert Axis().more(log2c, nothing, slopes, acceptable_interval(log2c, nothing)) == []
    mixed = np.array([1, -1], np.int8)
    assert Axis((0.0, 2.0), tol=None).more(log2c, mixed, slopes, acceptable_interval(log2c, mixed)) == []


@pytest.mark.parametrize(
    "make",
    [lambda: Axis(tol=0.0), lambda: Axis(start=()), lambda: Axis(start=(0.0, 9.0), bounds=(-1.0, 5.0))],
)
def test_refusals(make: Callable[[], Axis]) -> None:
    """Impossible axes are refused."""
    with pytest.raises(ValueError, match="should"):
        make()


def test_fractions_of_an_octave_are_exact() -> None:
    """Half and quarter octaves come back from c as they were, other values as their logarithm."""
    for k in range(-80, 81):
        assert on_axis(2.0 ** (k / 4)) == k / 4
    assert on_axis(0.3) == math.log2(0.3)
