from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from adaptive_calib.calibration.curve import confidence_sequence, fold, folded_bins
from tests.calibration.simulated_world import simulate


def test_folded_bins_are_those_of_the_experiments():
    """Counts, hits and confidence of a folded bin are those of its experiments, its limits a confidence sequence."""
    bemd, bepis = simulate(np.random.default_rng(1), 700, [0.0])
    bemd, labels = bemd[:, 0], bepis.astype(float)
    labels[5::50], bemd[3::40], bemd[30:40] = np.nan, np.nan, 0.5
    folded = folded_bins(bemd, labels, alpha=0.1)
    confidence, hit = fold(bemd, labels)
    inside = (confidence >= folded.edges[3]) & (confidence < folded.edges[4]) & ~np.isnan(hit)
    assert (folded.n[3], folded.hits[3]) == (inside.sum(), hit[inside].sum())
    assert_allclose(folded.confidence[3], confidence[inside].mean())
    assert_allclose([folded.lower[3], folded.upper[3]], confidence_sequence(hit[inside].sum(), inside.sum(), 0.1))
    assert_allclose(folded.half_width, (folded.upper - folded.lower) / 2)
    assert folded.n.sum() == (~np.isnan(hit)).sum()


def test_without_experiments_nothing_is_known():
    """No experiment: confidence NaN, limits (0, 1)."""
    folded = folded_bins([], [])
    assert np.isnan(folded.confidence).all()
    assert_array_equal([folded.lower, folded.upper], [np.zeros(8), np.ones(8)])


def test_a_number_of_bins_below_one_is_refused():
    """Fewer than one bin make no sense."""
    with pytest.raises(ValueError, match="bins"):
        folded_bins([0.5], [1], 0)
