from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import psi, zeta

from adaptive_calib.emd import BetaSolution, solve_beta

Floats = NDArray[np.float64]

# 17 digits from 40-digit arithmetic: λ, v, ln α, ln β
ROOTS = [
    (0.0, 1e-10, 23.718998110525402, 23.718998110525402),
    (0.0, 1.0, 0.90014222307530015, 0.90014222307530015),
    (0.0, 1e4, -4.2584354129961259, -4.2584354129961259),
    (1e-3, 1e-6, 14.509158113399162, 14.508158113649162),
    (1.0, 1e-2, 5.9197736696386977, 4.9220765805365527),
    (1.0, 1.0, 1.4233019473860484, 0.59763202124467076),
    (np.log(0.2), 2e-8, 17.909855128519708, 19.519293034287142),
    (np.log(0.2), 9000.0, -4.2175888989791629, -4.1935982331981867),
    (3.0, 400.0, -2.527487907023985, -2.740788468304351),
    (30.0, 1.0, 29.965200793785776, 0.35505221217205616),
    (-20.0, 3.0, -0.39233453315784402, 18.708479583268078),
    (-350.0, 1e-3, 6.9082550707321124, 356.90775523731548),
    (700.0, 1e-10, 723.02585092994046, 23.025850929990457),
    (700.0, 1e6, -5.5775103225996411, -6.8715144252390558),
]


def _sets() -> dict[str, tuple[Floats, Floats]]:
    lam, log_v = np.meshgrid(np.linspace(-700, 700, 281), np.linspace(-10, 6, 161))
    rng = np.random.default_rng(2026)
    random = np.clip(rng.standard_normal(200_000) * np.exp(rng.uniform(-8, 6, 200_000)), -700, 700)
    return {
        "grid": (lam.ravel(), 10.0 ** log_v.ravel()),
        "random": (random, 10.0 ** rng.uniform(-10, 6, 200_000)),
        "wide": (random, 10.0 ** rng.uniform(-30, 200, 200_000)),
    }


def _residuals(lam: Floats, v: Floats, solution: BetaSolution) -> tuple[Floats, Floats]:
    """Return |F1| and |F2| with SciPy's poly-gammas, their limits beyond e^40."""
    psis, psi1s = [], []
    for log_x in (solution.log_alpha, solution.log_beta):
        x = np.exp(np.minimum(log_x, 40.0))
        psis.append(np.where(log_x > 40.0, log_x, psi(x)))
        psi1s.append(np.where(log_x > 40.0, np.exp(-log_x), zeta(2, x)))
    return np.abs(psis[0] - psis[1] - lam), np.abs(np.log((psi1s[0] + psi1s[1]) / v))


@pytest.mark.parametrize("name", ["grid", "random", "wide"])
def test_residuals_on_the_acceptance_sets(name: str) -> None:
    """Both equations hold to 1e-12 after at most 5 iterations, wherever λ and v can be told apart."""
    lam, v = _sets()[name]
    solution = solve_beta(lam, v)
    f1, f2 = _residuals(lam, v, solution)
    assert solution.converged.all()
    assert solution.iterations.max() <= 5
    assert (f1 <= 1e-12 * np.maximum(1.0, np.sqrt(v))).all()
    assert (f2 <= 1e-12).all()
    if name != "wide":
        assert f1.max() < 1e-10


@pytest.mark.parametrize(("lam", "v", "log_alpha", "log_beta"), ROOTS)
def test_roots_to_many_digits(lam: float, v: float, log_alpha: float, log_beta: float) -> None:
    """The roots agree with 40-digit arithmetic to 5e-14 (absolute, or relative above 1)."""
    solution = solve_beta(lam, v)
    np.testing.assert_allclose([solution.log_alpha, solution.log_beta], [log_alpha, log_beta], rtol=5e-14, atol=5e-14)


def test_symmetry_to_the_last_bit() -> None:
    """Changing the sign of λ swaps α and β."""
    lam, v = _sets()["random"]
    one, other = solve_beta(lam, v), solve_beta(-lam, v)
    np.testing.assert_array_equal(one.log_alpha, other.log_beta)
    np.testing.assert_array_equal(one.log_beta, other.log_alpha)


def test_a_root_does_not_depend_on_its_batch() -> None:
    """An element's root is the same to the last bit alone, in any part of the batch, and in any order."""
    lam, v = (values[:40_000] for values in _sets()["random"])
    whole = solve_beta(lam, v)
    rng = np.random.default_rng(5)
    order = rng.permutation(lam.size)
    shuffled = solve_beta(lam[order], v[order])
    np.testing.assert_array_equal(shuffled.log_alpha, whole.log_alpha[order])
    np.testing.assert_array_equal(shuffled.log_beta, whole.log_beta[order])
    for start, size in ((0, 1), (17, 2), (100, 3), (1_003, 255), (20_001, 4_097)):
        part = solve_beta(lam[start : start + size], v[start : start + size])
        np.testing.assert_array_equal(part.log_alpha, whole.log_alpha[start : start + size])
        np.testing.assert_array_equal(part.log_beta, whole.log_beta[start : start + size])
    for k in rng.integers(0, lam.size, 200):
        assert solve_beta(lam[k], v[k]).log_alpha == whole.log_alpha[k]


def test_broadcasting_and_shapes() -> None:
    """λ and v broadcast; scalars give arrays without axes; nothing gives nothing."""
    solution = solve_beta(np.zeros((3, 1)), np.ones(4))
    assert all(array.shape == (3, 4) for array in solution)
    assert solve_beta(0.0, 1.0).log_alpha.shape == ()
    assert solve_beta([], []).log_alpha.shape == (0,)


def test_bad_elements_are_marked_and_harm_no_other() -> None:
    """Elements without a solution are NaN and not converged; the others are as without them."""
    lam = np.array([1.0, np.nan, np.inf, 0.0, 0.0, 0.0, 1.0])
    v = np.array([1.0, 1.0, 1.0, 0.0, -1.0, np.inf, np.nan])
    solution = solve_beta(lam, v)
    assert solution.converged.tolist() == [True] + [False] * 6
    assert np.isnan(solution.log_alpha[1:]).all()
    assert np.isnan(solution.log_beta[1:]).all()
    assert (solution.iterations[1:] == 0).all()
    assert solution.log_alpha[0] == solve_beta(1.0, 1.0).log_alpha


def test_inputs_are_left_alone() -> None:
    """The arrays given are not written to."""
    lam, v = np.array([-1.0, 2.0]), np.array([1.0, 1e-3])
    lam.setflags(write=False)
    v.setflags(write=False)
    solve_beta(lam, v)
    assert lam.tolist() == [-1.0, 2.0]


def test_logit_has_the_mean_and_variance_asked_for() -> None:
    """For x ~ Beta(α, β) with the solved parameters logit x has mean λ and variance v."""
    lam, v, n = 1.0, 2.0, 400_000
    solution = solve_beta(lam, v)
    x = np.random.default_rng(11).beta(np.exp(solution.log_alpha), np.exp(solution.log_beta), n)
    logit = np.log(x) - np.log1p(-x)
    kurtosis = np.mean((logit - logit.mean()) ** 4) / logit.var() ** 2
    assert abs(logit.mean() - lam) < 4 * np.sqrt(v / n)
    assert abs(logit.var() - v) < 4 * v * np.sqrt((kurtosis - 1) / n)


def test_mean_has_no_jump() -> None:
    """E x at r = 0.2 is continuous in v, through 1e-8 and 1e4 too, from r/(1+r) to 1/2."""
    v = 10.0 ** np.linspace(-12, 12, 4_801)
    solution = solve_beta(np.log(0.2), v)
    mean = 1.0 / (1.0 + np.exp(solution.log_beta - solution.log_alpha))
    assert np.abs(np.diff(mean)).max() < 1e-3
    assert abs(mean[0] - 0.2 / 1.2) < 1e-12
    assert abs(mean[-1] - 0.5) < 1e-6
    assert abs(np.interp(9000.0, v, mean) - 0.4940) < 1e-4


def test_limit_of_large_variance() -> None:
    """For v → ∞ the share of ones tends to 1/2 + λ/(2√(2v))."""
    solution = solve_beta([1.0, 1.0], [1e4, 1e6])
    share = 1.0 / (1.0 + np.exp(solution.log_beta - solution.log_alpha))
    np.testing.assert_allclose(share, [0.5035350, 0.5003536], atol=5e-8)
