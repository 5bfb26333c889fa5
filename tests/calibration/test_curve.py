"""The published infrared calibration, and the front of the calibration statistics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from adaptive_calib.calibration import curve


@pytest.fixture(scope="module")
def infrared():
    with np.load(Path(__file__).parent / "data" / "infrared_1024x9.npz") as stored:
        return stored["c"], stored["Bemd"], stored["Bepis"]


def test_published_curves_have_their_known_errors(infrared):
    """Expected and signed calibration error and largest violation of the stored infrared run, at all nine c."""
    c, bemd, bepis = infrared
    errors = [curve.equal_count_bins(bemd[:, k], bepis).errors for k in range(c.size)]
    expected = {
        "expected": [0.056, 0.085, 0.121, 0.135, 0.147, 0.101, 0.082, 0.043, 0.055],
        "signed": [0.048, 0.083, 0.118, 0.133, 0.147, 0.095, 0.051, 0.010, -0.010],
        "max_violation": [0.031, 0.016, 0.019, 0.015, 0, 0.041, 0.058, 0.110, 0.115],
    }
    for name, values in expected.items():
        assert_allclose([getattr(e, name) for e in errors], values, atol=0.00051, err_msg=name)


def test_published_curve_at_the_chosen_c(infrared):
    """The sixteen points at c = 1/2."""
    c, bemd, bepis = infrared
    bins = curve.equal_count_bins(bemd[:, list(c).index(0.5)], bepis)
    x = [0, 0.02, 0.10, 0.20, 0.28, 0.36, 0.43, 0.48, 0.54, 0.60, 0.67, 0.75, 0.83, 0.94, 0.99, 1]
    y = [0.016, 0, 0, 0, 0.078, 0.094, 0.25, 0.469, 0.781, 0.844, 0.875, 0.984, 1, 1, 1, 1]
    assert_allclose(bins.x, x, atol=0.0061)
    assert_allclose(bins.y, y, atol=0.00051)
    assert np.all(bins.counts == 64)


def test_isotonic_curve_runs_through_the_bins(infrared):
    """The CORP curve lies in its band and near the equal-count bins of the stored run."""
    c, bemd, bepis = infrared
    grid = np.linspace(0.02, 0.98, 49)
    for k in range(c.size):
        corp, band = curve.corp_curve(bemd[:, k], bepis), curve.isotonic_band(bemd[:, k], bepis)
        lower, upper = band.at(grid)
        assert np.all((lower <= corp.at(grid) + 0.02) & (corp.at(grid) <= upper + 0.02))
        bins = curve.equal_count_bins(bemd[:, k], bepis)
        assert np.abs(corp.at(bins.x) - bins.y).mean() < 0.06


def test_ties_at_the_ends_are_pooled(infrared):
    """At the smallest c half of all B_EMD are exactly 0 or 1: several bins share one x, the CORP curve has it once."""
    _, bemd, bepis = infrared
    assert np.mean((bemd[:, 0] == 0) | (bemd[:, 0] == 1)) == pytest.approx(0.48, abs=0.005)
    assert np.sum(curve.equal_count_bins(bemd[:, 0], bepis).x == 0) > 1
    assert np.all(np.diff(curve.corp_curve(bemd[:, 0], bepis).x) > 0)


def test_published_run_is_acceptable_but_at_the_largest_c(infrared):
    """Slopes of the stored run: acceptable from its smallest c on, undecided at 16; the boundary is not in the grid."""
    c, bemd, bepis = infrared
    slopes, ses = curve.calibration_slopes(bemd, bepis)
    status = curve.slope_status(slopes, ses)
    assert status.tolist() == [1] * 8 + [0]
    interval = curve.acceptable_interval(np.log2(c), status, slopes, ses)
    assert interval.lower.open
    assert interval.upper.open
    assert curve.recommended_c(interval) == 2**-4


def test_front_has_every_name():
    """All names of the front are there."""
    assert all(hasattr(curve, name) for name in curve.__all__)
