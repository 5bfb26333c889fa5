from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import beta

from adaptive_calib.calibration.curve import (
    bin_edges,
    calibration_bins,
    calibration_errors,
    calibration_hists,
    equal_count_bins,
    get_bin_sizes,
    jeffreys_interval,
)


@pytest.mark.parametrize(
    ("total", "target", "sizes"),
    [
        (243, 30, [30, 30, 31, 30, 30, 31, 30, 31]),
        (100, 30, [33, 33, 34]),
        (1024, None, [64] * 16),
        (4096, None, [64] * 64),
        (15, None, [15]),
        (1, None, [1]),
        (0, None, []),
    ],
)
def test_sizes_of_known_examples(total, target, sizes):
    """The sizes that are written down come out."""
    assert get_bin_sizes(total, target) == sizes


def test_a_thousand_experiments_make_sixteen_bins():
    """N = 1000 has 16 bins."""
    assert len(get_bin_sizes(1000)) == 16


@given(st.integers(1, 20_000), st.one_of(st.none(), st.integers(1, 300)))
def test_sizes_sum_up_and_differ_by_at_most_one(total, target):
    """The sizes sum to N, differ by at most one, and none is below the target unless there are too few."""
    sizes = get_bin_sizes(total, target)
    assert sum(sizes) == total
    assert max(sizes) - min(sizes) <= 1
    assert min(sizes) >= min(target or 16, total)


@pytest.mark.parametrize(("total", "target", "name"), [(-1, None, "total_points"), (10, 0, "target_bin_size")])
def test_impossible_sizes_are_refused(total, target, name):
    """Negative totals and empty bins are refused."""
    with pytest.raises(ValueError, match=name):
        get_bin_sizes(total, target)


def test_labels_do_not_break_ties():
    """Tied B_EMD stay in the order of the experiments, whatever their labels."""
    bins = equal_count_bins([0.5] * 6, [1, 1, 1, 0, 0, 0], 3)
    assert_array_equal(bins.y, [1, 0])
    assert_array_equal(np.concatenate(bins.members), np.arange(6))


def test_a_bin_is_its_members():
    """Means, counts and members of a bin belong together, and members are indices of the input."""
    rng = np.random.default_rng(3)
    bemd, bepis = rng.random(100), (rng.random(100) < 0.5).astype(float)
    bemd[[4, 40]], bepis[[7, 70]] = np.nan, np.nan
    bins = equal_count_bins(bemd, bepis)
    assert bins.counts.sum() == 96
    for x, y, n, members in zip(bins.x, bins.y, bins.counts, bins.members, strict=True):
        assert_allclose([x, y, n], [bemd[members].mean(), bepis[members].mean(), members.size])
    assert np.all(np.diff(bins.x) > 0)
    assert (bins.pairs.n_undecided, bins.pairs.n_missing) == (2, 2)


def test_empty_input_has_no_bins_and_no_errors():
    """Without experiments there is no bin, and every summary is NaN."""
    bins = equal_count_bins([], [])
    assert len(bins) == 0
    assert bins.members == ()
    errors = bins.errors
    assert np.isnan([errors.expected, errors.signed, errors.max_violation, errors.mean_violation]).all()
    assert bin_edges([]).shape == (0,)


def test_fewer_experiments_than_a_bin_make_one_bin():
    """Five experiments are one point of the curve."""
    bins = equal_count_bins([0.1, 0.2, 0.3, 0.4, 0.5], [0, 0, 1, 0, 1])
    assert_allclose([bins.x, bins.y, bins.counts], [[0.3], [0.4], [5]])


def test_jeffreys_interval_is_that_of_the_beta_distribution():
    """Quantiles of Beta(s + 1/2, n - s + 1/2), with closed ends at no and at all successes, all of [0, 1] for n = 0."""
    low, high = jeffreys_interval([0, 3, 10, 0], [10, 10, 10, 0], 0.9)
    assert_allclose([low[1], high[1]], beta(3.5, 7.5).ppf([0.05, 0.95]))
    assert_allclose([low[0], high[2], low[3], high[3]], [0, 1, 0, 1])
    assert_allclose([high[0], low[2]], [beta(0.5, 10.5).ppf(0.95), beta(10.5, 0.5).ppf(0.05)])
    with pytest.raises(ValueError, match="level"):
        jeffreys_interval(1, 2, 95)


def test_errors_of_a_curve_by_hand():
    """Expected and signed error and violations of two points on each side."""
    errors = calibration_errors([0.1, 0.3, 0.6, 0.9], [0.3, 0.1, 0.8, 0.7])
    assert_allclose([errors.expected, errors.signed], [0.2, 0.0], atol=1e-12)
    assert_allclose([errors.max_violation, errors.mean_violation], [0.2, 0.1])
    with pytest.raises(ValueError, match="shape"):
        calibration_errors([0.1], [0.1, 0.2])


def test_edges_lie_between_the_bins():
    """A boundary is the mean of the last B_EMD of one bin and the first of the next."""
    x = np.array([0.9, 0.1, 0.2, 0.6, 0.4, 0.3])
    assert_allclose(bin_edges(x, 2), [0.1, 0.25, 0.5, 0.9])


def test_familiar_calls_take_results_for_many_c():
    """calibration_hists and calibration_bins answer for each c as emdcmp's do; undecided experiments are left out."""
    dtype = [("Bemd", float), ("Bepis", bool)]
    rng = np.random.default_rng(5)
    results = {}
    for c in (0.25, 1.0):
        results[c] = np.zeros(128, dtype=dtype)
        results[c]["Bemd"], results[c]["Bepis"] = rng.random(128), rng.random(128) < 0.5
    curves, members = calibration_hists(results, target_bin_size=32)
    edges = calibration_bins(results, target_bin_size=32)
    for c, table in results.items():
        assert len(curves[c]) == len(members[c]) == len(edges[c]) - 1 == 4
        x, y = curves[c][1]
        assert_allclose([x, y], [table["Bemd"][members[c][1]].mean(), table["Bepis"][members[c][1]].mean()])
        assert edges[c][1] <= table["Bemd"][members[c][1]].min() <= table["Bemd"][members[c][1]].max() <= edges[c][2]
