from __future__ import annotations

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from adaptive_calib.calibration.curve import (
    CalibrationSums,
    brier_score,
    calibration_slopes,
    confidence_sequence,
    fold,
    log_score,
)
from tests.calibration.simulated_world import simulate

LOG2C = np.arange(-8.0, 9.0, 2)


@pytest.fixture
def experiments():
    bemd, bepis = simulate(np.random.default_rng(1), 700, LOG2C)
    labels = bepis.astype(float)
    labels[5::50] = np.nan
    bemd[3::40, 2] = np.nan
    bemd[:30, 0] = np.round(bemd[:30, 0])
    bemd[30:40, 8] = 0.5
    return bemd, labels


def _filled(bemd, labels):
    sums = CalibrationSums(bemd.shape[1])
    for row, label in zip(bemd, labels, strict=True):
        sums.add(row, label)
    return sums


def _same(one, other):
    for a, b in zip(one.slopes(), other.slopes(), strict=True):
        assert_allclose(a, b, rtol=1e-9)
    assert_allclose(one.log_scores(), other.log_scores())
    for name in ("n", "n_undecided", "n_missing"):
        assert_array_equal(getattr(one, name), getattr(other, name))
    for name in ("n", "hits", "confidence", "lower", "upper"):
        assert_allclose(getattr(one.folded(), name), getattr(other.folded(), name))


def test_sums_agree_with_the_pure_functions(experiments):
    """Slopes to a hundredth of their standard error, scores and counts exactly."""
    bemd, labels = experiments
    sums = _filled(bemd, labels)
    slopes, ses = calibration_slopes(bemd, labels)
    got, got_se = sums.slopes()
    assert np.all(np.abs(got - slopes) < 0.01 * ses)
    assert_allclose(got_se, ses, rtol=1e-3)
    assert_allclose(sums.log_scores(), [log_score(bemd[:, k], labels) for k in range(LOG2C.size)])
    assert_allclose(sums.brier_scores(), [brier_score(bemd[:, k], labels) for k in range(LOG2C.size)])
    assert_array_equal(sums.n + sums.n_undecided + sums.n_missing, 700)


def test_folded_bins_are_those_of_the_experiments(experiments):
    """Counts, hits and confidence of a folded bin are those of its experiments, its limits a confidence sequence."""
    bemd, labels = experiments
    folded = _filled(bemd, labels).folded(0.1)
    confidence, hit = fold(bemd[:, 4], labels)
    inside = (confidence >= folded.edges[3]) & (confidence < folded.edges[4]) & ~np.isnan(hit)
    assert (folded.n[4, 3], folded.hits[4, 3]) == (inside.sum(), hit[inside].sum())
    assert_allclose(folded.confidence[4, 3], confidence[inside].mean())
    assert_allclose([folded.lower[4, 3], folded.upper[4, 3]], confidence_sequence(hit[inside].sum(), inside.sum(), 0.1))
    assert_allclose(folded.half_width, (folded.upper - folded.lower) / 2)


def test_one_by_one_many_and_column_by_column_are_the_same(experiments):
    """However the experiments come, the sums are the same."""
    bemd, labels = experiments
    one_by_one = _filled(bemd, labels)
    many = CalibrationSums(LOG2C.size)
    many.add_many(bemd, labels)
    _same(one_by_one, many)
    columns, entries = CalibrationSums(), CalibrationSums(LOG2C.size)
    for k in range(LOG2C.size):
        columns.append_c(bemd[:, k], labels)
        for x, label in zip(bemd[:, k], labels, strict=True):
            entries.add_at(k, x, label)
    _same(one_by_one, columns)
    _same(one_by_one, entries)


def test_sums_survive_pickling(experiments):
    """A pickled copy goes on where the original stood."""
    sums = _filled(*experiments)
    _same(sums, pickle.loads(pickle.dumps(sums)))


def test_empty_sums_leave_the_prior():
    """Without experiments slopes are 1 ± 1, scores NaN, bins (0, 1)."""
    sums = CalibrationSums(2)
    assert_array_equal(sums.slopes(), np.ones((2, 2)))
    assert np.isnan(sums.log_scores()).all()
    folded = sums.folded(simultaneous=True)
    assert np.isnan(folded.confidence).all()
    assert_array_equal([folded.lower, folded.upper], [np.zeros((2, 8)), np.ones((2, 8))])


def test_bad_entries_change_nothing():
    """A refused experiment leaves the sums as they were."""
    sums = CalibrationSums(2)
    for bemd, label, word in (([0.5, 1.5], 1, "bemd"), ([0.5, 0.5], 0.5, "bepis"), ([0.5], 1, "shape")):
        with pytest.raises(ValueError, match=word):
            sums.add(bemd, label)
    with pytest.raises(IndexError, match="k"):
        sums.add_at(2, 0.5, 1)
    with pytest.raises(ValueError, match="shape"):
        sums.add_many([[0.5]], [1])
    assert_array_equal([sums.n, sums.n_missing], np.zeros((2, 2)))
