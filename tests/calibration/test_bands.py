from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import betaln
from scipy.stats import beta

from adaptive_calib.calibration.curve import (
    brier_score,
    clopper_pearson,
    confidence_sequence,
    corp_curve,
    isotonic_band,
)
from tests.calibration.simulated_world import simulate, true_curve


def test_corp_curve_is_the_best_monotone_one():
    """Violators are pooled: 0, 1, 0, 1 becomes 0, 1/2, 1/2, 1."""
    curve = corp_curve([0.4, 0.1, 0.2, 0.9], [0, 0, 1, 1])
    assert_array_equal(curve.x, [0.1, 0.2, 0.4, 0.9])
    assert_allclose(curve.p, [0, 0.5, 0.5, 1])
    assert_allclose(curve.at([0, 0.15, 0.3, 1]), [0, 0.25, 0.5, 1])


def test_brier_score_is_split():
    """Miscalibration - discrimination + uncertainty is the Brier score, and none of the three is negative."""
    bemd, bepis = simulate(np.random.default_rng(1), 500, -3)
    curve = corp_curve(bemd[:, 0], bepis)
    parts = (curve.miscalibration, curve.discrimination, curve.uncertainty)
    assert_allclose(parts[0] - parts[1] + parts[2], brier_score(bemd[:, 0], bepis))
    assert min(parts) >= 0


def test_order_of_tied_experiments_does_not_matter():
    """Permuting experiments of equal B_EMD changes neither the pooled curve nor the band."""
    rng = np.random.default_rng(2)
    bemd, bepis = np.round(rng.random(300), 1), rng.random(300) < 0.5
    order = rng.permutation(300)
    grid = np.linspace(0, 1, 50)
    one, other = corp_curve(bemd, bepis), corp_curve(bemd[order], bepis[order])
    assert_array_equal([one.x, one.p, one.counts], [other.x, other.p, other.counts])
    assert_array_equal(
        isotonic_band(bemd, bepis, max_points=7).at(grid),
        isotonic_band(bemd[order], bepis[order], max_points=7).at(grid),
    )


def _plain_band(x, y, alpha):
    """The band's formula, block by block."""
    distinct = np.unique(x)
    m = distinct.size
    delta = alpha / (m * (m + 1))
    lower, upper = np.zeros(m), np.ones(m)
    for j in range(m):
        for k in range(j, m):
            block = (x >= distinct[j]) & (x <= distinct[k])
            low, high = clopper_pearson(y[block].sum(), block.sum(), delta)
            upper[: j + 1] = np.minimum(upper[: j + 1], high)
            lower[k:] = np.maximum(lower[k:], low)
    return distinct, lower, upper


@pytest.mark.parametrize("log2c", [-6, 0, 6])
def test_band_is_its_formula(log2c):
    """Blocks that are passed over for speed do not matter: the band equals the formula block by block."""
    bemd, bepis = simulate(np.random.default_rng(3), 150, log2c)
    x = np.round(bemd[:, 0], 2)
    distinct, lower, upper = _plain_band(x, bepis, 0.1)
    band = isotonic_band(x, bepis, alpha=0.1)
    assert_allclose(band.at(distinct), [lower, upper], atol=1e-12)


def test_pooled_band_is_wider_but_contains_no_less():
    """Pooling neighbours before the band never makes it exclude what all blocks at the same level would include."""
    bemd, bepis = simulate(np.random.default_rng(4), 600, 0)
    grid = np.linspace(0.01, 0.99, 99)
    pooled = isotonic_band(bemd[:, 0], bepis, max_points=20)
    lower, upper = pooled.at(grid)
    assert pooled.upper.size <= 20
    assert np.all(np.diff(lower) >= 0)
    assert np.all(np.diff(upper) >= 0)
    curve = corp_curve(bemd[:, 0], bepis).at(grid)
    assert np.mean((lower <= curve + 1e-9) & (curve <= upper + 1e-9)) > 0.97


def test_band_knows_nothing_outside_the_data():
    """Left of the first experiment the lower limit is 0, right of the last the upper one is 1; NaN stays NaN."""
    band = isotonic_band([0.4, 0.5, 0.6] * 20, [0, 1, 1] * 20)
    assert_array_equal([band.at(0.1)[0], band.at(0.9)[1]], [0, 1])
    assert np.isnan(band.at(np.nan)).all()
    assert_array_equal(isotonic_band([], []).at([0.2, 0.8]), [[0, 0], [1, 1]])
    assert np.isnan(corp_curve([], []).at([0.5])).all()


@pytest.mark.parametrize("hit", [0, 1])
def test_one_class_only_gives_a_constant_curve_with_a_band(hit):
    """If one model always wins the curve is constant, its band has the sure side closed, and the caution tells."""
    x = np.linspace(0, 1, 64)
    curve, band = corp_curve(x, np.full(64, hit)), isotonic_band(x, np.full(64, hit))
    assert_array_equal(curve.p, np.full(64, hit))
    assert np.all(band.at(x)[hit] == hit)
    assert "B_epis" in curve.pairs.cautions[0]


@pytest.mark.parametrize(("runs", "n"), [(60, 300), pytest.param(400, 512, marks=pytest.mark.slow)])
@pytest.mark.parametrize("log2c", [-5, 0, 5])
def test_band_covers_the_true_curve_everywhere_at_once(runs, n, log2c):
    """The whole true curve lies in the band in at least 95 % of runs (two standard errors granted)."""
    grid = np.linspace(0.02, 0.98, 49)
    truth = true_curve(grid, log2c)
    covered = 0
    for r in range(runs):
        bemd, bepis = simulate(np.random.default_rng([5, r]), n, log2c)
        lower, upper = isotonic_band(bemd[:, 0], bepis).at(grid)
        covered += bool(np.all((lower <= truth) & (truth <= upper)))
    assert covered / runs >= 0.95 - 2 * np.sqrt(0.95 * 0.05 / runs)


def test_clopper_pearson_is_that_of_the_beta_distribution():
    """Exact limits from the beta distribution, closed at no and at all hits, all of [0, 1] without results."""
    low, high = clopper_pearson([0, 3, 8, 0], [8, 8, 8, 0], 0.02)
    assert_allclose([low[1], high[1]], [beta(3, 6).ppf(0.02), beta(4, 5).ppf(0.98)])
    assert_allclose([low[0], high[2], low[3], high[3]], [0, 1, 0, 1])


@pytest.mark.parametrize("prior", [(0.5, 0.5), (1, 1), (2, 5)])
def test_ends_of_the_confidence_sequence_solve_its_equation(prior):
    """At both ends the martingale is 1/α; at 0 and n successes the near end is closed; n = 0 says nothing."""
    a, b = prior
    rng = np.random.default_rng(6)
    n = rng.integers(1, 5000, size=500)
    s = rng.binomial(n, rng.random(500))
    lower, upper = confidence_sequence(s, n, 0.05, a=a, b=b)
    for p, inner in ((lower, s > 0), (upper, s < n)):
        k, m, q = s[inner], n[inner], p[inner]
        value = betaln(k + a, m - k + b) - betaln(a, b) - k * np.log(q) - (m - k) * np.log1p(-q)
        assert_allclose(value, np.log(20), atol=1e-6)
    assert np.all((lower <= s / n) & (s / n <= upper))
    assert_array_equal(lower[s == 0], 0)
    assert_array_equal(upper[s == n], 1)
    assert_array_equal(confidence_sequence(0, 0), [0, 1])
    with pytest.raises(ValueError, match="successes"):
        confidence_sequence(3, 2)


@pytest.mark.parametrize(("n", "ratio"), [(16, 1.5), (256, 1.75), (4096, 1.96)])
def test_price_of_looking_always(n, ratio):
    """The half-width is 1.5, 1.75, 1.96 times Wilson's at n = 16, 256, 4096."""
    lower, upper = confidence_sequence(n / 2, n)
    z = 1.959964
    wilson = z / (1 + z**2 / n) * np.sqrt(0.25 / n + z**2 / (4 * n**2))
    assert_allclose((upper - lower) / 2 / wilson, ratio, rtol=0.03)


@pytest.mark.parametrize(("runs", "n"), [(120, 400), pytest.param(400, 2000, marks=pytest.mark.slow)])
def test_confidence_sequence_covers_at_all_looks(runs, n):
    """Looked at after every experiment of a run, each folded bin's limits hold throughout in >= .93 of the runs."""
    log2c, bins = 1.0, 4
    truth = _true_share_of_hits(log2c, bins)
    held = np.zeros((runs, bins), dtype=bool)
    for r in range(runs):
        bemd, bepis = simulate(np.random.default_rng([7, r]), n, log2c)
        cell, hit = _folded(bemd[:, 0], bepis, bins)
        for k in range(bins):
            hits = hit[cell == k]
            lower, upper = confidence_sequence(np.cumsum(hits), np.arange(1, hits.size + 1))
            held[r, k] = np.all((lower <= truth[k]) & (truth[k] <= upper))
    assert held.mean(axis=0).min() >= 0.93


def _folded(bemd, bepis, bins):
    keep = bemd != 0.5
    bemd, bepis = bemd[keep], bepis[keep]
    confidence = np.maximum(bemd, 1 - bemd)
    return np.minimum(((confidence - 0.5) * 2 * bins).astype(int), bins - 1), (bemd > 0.5) == bepis


def _true_share_of_hits(log2c, bins):
    bemd, bepis = simulate(np.random.default_rng(8), 1_000_000, log2c)
    cell, hit = _folded(bemd[:, 0], bepis, bins)
    return np.bincount(cell, weights=hit) / np.bincount(cell)


@pytest.mark.parametrize("alpha", [0, 1, 5])
def test_levels_outside_are_refused(alpha):
    """An error probability is a share."""
    with pytest.raises(ValueError, match="alpha"):
        isotonic_band([0.5], [1], alpha=alpha)
    with pytest.raises(ValueError, match="alpha"):
        confidence_sequence(1, 2, alpha)
