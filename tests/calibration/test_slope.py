from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize_scalar

from adaptive_calib.calibration.curve import (
    Status,
    brier_score,
    calibration_slope,
    calibration_slopes,
    clip_bemd,
    log_score,
    slope_status,
)
from tests.calibration.simulated_world import CLIP, kappa, simulate


def test_slope_is_the_mode_of_the_posterior():
    """κ minimises the negative log posterior; se is the inverse root of its curvature."""
    bemd, bepis = simulate(np.random.default_rng(2), 300, 1.0)
    got = calibration_slope(bemd[:, 0], bepis)
    x = np.clip(bemd[:, 0], 1 / 4096, 1 - 1 / 4096)
    a, hit = np.abs(np.log(x / (1 - x))), (x > 0.5) == bepis

    def loss(k):
        return np.logaddexp(0, np.where(hit, -k, k) * a).sum() + (k - 1) ** 2 / 2

    assert_allclose(got.slope, minimize_scalar(loss, bracket=(0.5, 2)).x, rtol=1e-6)
    step = 1e-3
    curvature = (loss(got.slope + step) - 2 * loss(got.slope) + loss(got.slope - step)) / step**2
    assert_allclose(got.se, curvature**-0.5, rtol=1e-4)
    assert got.n == 300


def test_many_c_at_once_equal_one_by_one():
    """The vectorised slopes are those of each c; NaN B_EMD and NaN labels are left out."""
    bemd, bepis = simulate(np.random.default_rng(4), 200, [-4, 0, 4])
    labels = bepis.astype(float)
    labels[:20] = np.nan
    bemd[50:150, 1] = np.nan
    slopes, ses = calibration_slopes(bemd, labels)
    for k in range(3):
        one = calibration_slope(bemd[:, k], labels)
        assert_allclose([slopes[k], ses[k]], [one.slope, one.se], rtol=1e-9)
        assert one.n == (180 if k != 1 else 80)


@pytest.mark.parametrize("hit", [True, False])
@pytest.mark.parametrize("bemd", [0.0, 1.0, 0.7, 0.5])
def test_slope_is_finite_when_all_hit_or_miss(bemd, hit):
    """The prior keeps κ finite; B_EMD exactly 0 or 1 is clipped, exactly 1/2 says nothing."""
    got = calibration_slope(np.full(50, bemd), np.full(50, (bemd > 0.5) == hit))
    assert np.isfinite([got.slope, got.se]).all()
    if bemd == 0.5:
        assert (got.slope, got.se) == (1, 1)
    else:
        assert (got.slope > 1) == hit


def test_newton_converges_wherever_it_starts():
    """The result does not depend on the start, even where plain Newton steps would swing."""
    rng = np.random.default_rng(6)
    bemd = rng.choice([0.0, 1.0, 0.49, 0.51], size=(400, 6), p=[0.45, 0.45, 0.05, 0.05])
    bepis = rng.random(400) < 0.5
    expected = calibration_slopes(bemd, bepis)
    for start in (-30, -1, 5, 60):
        assert_allclose(calibration_slopes(bemd, bepis, start=np.full(6, float(start))), expected, rtol=1e-7)


def test_no_experiments_leave_the_prior():
    """Without experiments κ is the prior's 1 ± 1, which is undecided, and the scores are NaN."""
    got = calibration_slope([], [])
    assert (got.slope, got.se, got.n) == (1, 1, 0)
    assert slope_status(got.slope, got.se) == Status.UNDECIDED
    assert np.isnan([log_score([], []), brier_score([], [])]).all()


def test_slope_shows_over_confidence():
    """In a world of true slope κ(c) the slope is near it: below 1 over-confident, above 1 under-confident."""
    log2c = np.array([-4.0, 0.0, 4.0])
    bemd, bepis = simulate(np.random.default_rng(8), 20_000, log2c)
    slopes, _ = calibration_slopes(bemd, bepis, clip=CLIP)
    assert_allclose(slopes, kappa(log2c), rtol=0.15)


def _mean_slopes(runs, log2c):
    return np.mean(
        [calibration_slopes(*simulate(np.random.default_rng([9, r]), 2000, log2c), clip=CLIP)[0] for r in range(runs)],
        axis=0,
    )


@pytest.mark.parametrize(
    ("runs", "reference", "tolerance"), [(25, 100_000, 0.05), pytest.param(100, 400_000, 0.03, marks=pytest.mark.slow)]
)
def test_mean_slope_is_that_of_very_many_experiments(runs, reference, tolerance):
    """The mean of slopes at n = 2000 lies within .03 of the slope at n = 400,000 (quick: .05 of 100,000)."""
    log2c = [-4.0, -1.0, 0.0, 2.0]
    exact, _ = calibration_slopes(*simulate(np.random.default_rng(10), reference, log2c), clip=CLIP)
    assert_allclose(_mean_slopes(runs, log2c), exact, atol=tolerance)


def test_status_follows_the_normal_law():
    """Acceptable above .9 by 1.96 se, not acceptable below by as much, else undecided; NaN is undecided."""
    slopes = [0.9 + 0.197, 0.9 + 0.195, 0.9, 0.9 - 0.195, 0.9 - 0.197, np.nan]
    assert_array_equal(slope_status(slopes, 0.1), [1, 0, 0, 0, -1, 0])
    with pytest.raises(ValueError, match="level"):
        slope_status(1, 1, level=0.3)


def test_scores_by_hand():
    """Log and Brier score of three experiments; B_EMD of 0 and 1 stay finite."""
    assert_allclose(brier_score([0.2, 1.0, 0.0], [0, 1, 1]), (0.04 + 0 + 1) / 3)
    assert_allclose(log_score([0.2, 1.0, 0.0], [0, 1, 1], clip=0.01), -(np.log(0.8) + np.log(0.99) + np.log(0.01)) / 3)


def test_log_score_finds_the_sharpest_calibrated_c():
    """A proper score is smallest where the slope is one."""
    log2c = np.arange(-8.0, 9.0)
    bemd, bepis = simulate(np.random.default_rng(11), 20_000, log2c)
    scores = [log_score(bemd[:, k], bepis, clip=CLIP) for k in range(log2c.size)]
    assert abs(log2c[int(np.argmin(scores))]) <= 1


@pytest.mark.parametrize("clip", [0, 0.5, -1])
def test_clips_outside_are_refused(clip):
    """A clip at 0 would make odds infinite, one at 1/2 would leave nothing."""
    with pytest.raises(ValueError, match="clip"):
        clip_bemd([0.5], clip)
    with pytest.raises(ValueError, match="shape"):
        calibration_slopes([0.5], [1])
