from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from scipy.stats import kstest, truncnorm

from adaptive_calib.emd import PathLaw, evaluate_ppfs, make_empirical_risk_ppf
from adaptive_calib.emd.process import draw_ends, log_ratios
from tests.emd.data import NAMES, arrays

SIMPSON = {
    "DA": (0.9524950871, 0.9525833627),
    "DB": (0.9525852563, 0.9526704018),
    "GA": (2.0098055134, 1.9738066499),
    "GB": (1.7364709984, 1.7401195533),
    "P": (2.1843618955, 2.1823650000),
}


@pytest.mark.parametrize("name", NAMES)
def test_integral_of_the_mixed_ppf(name: str) -> None:
    """Simpson's integral of q* has its reference value at res 6 and 8."""
    for res, expected in zip((6, 8), SIMPSON[name], strict=True):
        quantiles, deltas = arrays(name, res)
        assert PathLaw.solve(quantiles, deltas, 1.0).weights @ quantiles == pytest.approx(expected, abs=1e-10)


def test_share_of_flat_nodes() -> None:
    """For counts most nodes are flat on both sides; they count as λ = 0."""
    for res, share in ((6, 0.587), (8, 0.808)):
        quantiles, deltas = arrays("P", res)
        i = np.arange(1, quantiles.size - 1)
        distance = i & -i
        flat = (quantiles[i] == quantiles[i - distance]) & (quantiles[i] == quantiles[i + distance])
        assert flat.mean() == pytest.approx(share, abs=5e-4)
        assert (PathLaw.solve(quantiles, deltas, 1.0).log_ratio[flat] == 0).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("res", [1, 4, 8])
def test_paths(name: str, res: int) -> None:
    """Paths do not decrease, begin and end with the ends, and their integrals are the sampled risks."""
    law = PathLaw.solve(*arrays(name, res), 1.0)
    paths = law.sample(300, np.random.default_rng(3))
    assert paths.shape == (300, 2**res + 1)
    assert (np.diff(paths, axis=1) >= 0).all()
    rng = np.random.default_rng(3)
    first, width = law.sample_ends((300,), rng)
    np.testing.assert_array_equal(paths[:, 0], first)
    np.testing.assert_array_equal(paths[:, -1], first + width)
    normalised = law.sample_normalised(300, rng)
    np.testing.assert_allclose(paths @ law.weights, first + width * normalised, rtol=0, atol=1e-12)
    risks = law.sample_risks(300, np.random.default_rng(3))
    np.testing.assert_allclose(paths @ law.weights, risks, rtol=0, atol=1e-12)


def test_without_uncertainty_every_risk_is_the_integral() -> None:
    """δ = 0 and c = 0 both give Simpson's integral of q*, for every path and to 1e-12."""
    ppf = make_empirical_risk_ppf(np.random.default_rng(1).exponential(1, 500))
    quantiles, deltas = evaluate_ppfs(ppf, ppf)
    assert not deltas.any()
    for law in (PathLaw.solve(quantiles, deltas, 1.0), PathLaw.solve(quantiles, np.ones_like(deltas), 0.0)):
        risks = law.sample_risks(100, np.random.default_rng(0))
        np.testing.assert_allclose(risks, law.weights @ quantiles, rtol=0, atol=1e-12)
        np.testing.assert_allclose(risks, 0.9794512456, rtol=0, atol=1e-10)


def test_a_constant_loss_is_its_risk() -> None:
    """A loss that is the same everywhere gives that risk, without an error."""
    law = PathLaw.solve(np.full(257, 3.5), np.zeros(257), 1.0)
    assert (law.sample_risks(50, np.random.default_rng(0)) == 3.5).all()
    assert (law.sample(50, np.random.default_rng(0)) == 3.5).all()


def test_small_c_tends_to_no_uncertainty() -> None:
    """As c → 0 every risk tends to Simpson's integral of q*, at the rate √c."""
    quantiles, deltas = arrays("DA")
    for c in (1e-8, 1e-16, 1e-24):
        law = PathLaw.solve(quantiles, deltas, c)
        risks = law.sample_risks(200, np.random.default_rng(0))
        assert np.abs(risks - law.weights @ quantiles).max() < 0.02 * np.sqrt(c) + 1e-7


def test_flat_sides_are_exact() -> None:
    """A node that does not rise on its left equals its left parent, on its right its right parent, at any v."""
    quantiles = np.array([0.1, 0.1, 0.1, 0.4, 0.7, 0.9, 0.9, 0.9, 0.9])
    for c in (1e-6, 1.0, 1e6):
        law = PathLaw.solve(quantiles, np.full(9, 1.0), c)
        assert law.log_ratio[[1, 5]].tolist() == [-np.inf, np.inf]
        paths = law.sample(500, np.random.default_rng(1))
        np.testing.assert_array_equal(paths[:, 2], paths[:, 0])
        np.testing.assert_array_equal(paths[:, 6], paths[:, 8])


def test_log_ratios_in_every_regime() -> None:
    """λ is −inf, +inf and 0 where the left, the right and both increments are 0 or below by rounding."""
    assert log_ratios(np.array([0.0, 0.0, 1.0])) == -np.inf
    assert log_ratios(np.array([0.0, 1.0, 1.0])) == np.inf
    assert log_ratios(np.array([1.0, 1.0, 1.0])) == 0.0
    assert log_ratios(np.array([0.0, -1e-16, 1.0])) == -np.inf
    assert log_ratios(np.array([0.0, 1.0, 3.0])) == pytest.approx(np.log(0.5))


def test_extreme_deviations_do_not_overflow() -> None:
    """Deviations and sensitivities near the ends of float64 give paths, finite and increasing, without a warning."""
    quantiles = np.linspace(0.0, 1.0, 17)
    for delta, c in ((1e150, 1e100), (1e-200, 1e-200), (1e-160, 1.0), (1e3, 1e12)):
        paths = PathLaw.solve(quantiles, np.full(17, delta), c).sample(50, np.random.default_rng(2))
        assert np.isfinite(paths).all()
        assert (np.diff(paths, axis=1) >= 0).all()


@pytest.mark.parametrize(("sd_first", "sd_last"), [(1.0, 0.5), (0.0, 2.0), (3.0, 0.0)])
@pytest.mark.parametrize("gap", [0.0, 0.5, 30.0])
def test_ends_have_the_law_of_rejection(sd_first: float, sd_last: float, gap: float) -> None:
    """Ends drawn by inversion have the law of normal pairs redrawn until the first is below the last."""
    n = 20_000
    first, width = draw_ends(1.0, 1.0 + gap, sd_first, sd_last, (n,), np.random.default_rng(8))
    assert (width >= 0).all()
    s = np.hypot(sd_first, sd_last)
    assert kstest(width, truncnorm(-gap / s, np.inf, loc=gap, scale=s).cdf).pvalue > 1e-3
    rng = np.random.default_rng(9)
    pairs = rng.normal([1.0, 1.0 + gap], [sd_first, sd_last], (3 * n, 2))
    pairs = pairs[pairs[:, 0] < pairs[:, 1]][:n]
    for ours, theirs in ((first, pairs[:, 0]), (first + width, pairs[:, 1]), (2 * first + width, pairs.sum(axis=1))):
        error = 4 * np.hypot(ours.std(), theirs.std()) / np.sqrt(n)
        assert abs(ours.mean() - theirs.mean()) <= error + 1e-12
        assert abs(ours.std() - theirs.std()) <= error + 1e-12


def test_ends_without_deviation_are_their_means() -> None:
    """With both deviations 0 the ends are their means, equal or not."""
    rng = np.random.default_rng(0)
    assert draw_ends(1.0, 1.0, 0.0, 0.0, (2,), rng)[1].tolist() == [0.0, 0.0]
    first, width = draw_ends(1.0, 3.0, 0.0, 0.0, (2,), rng)
    assert first.tolist() == [1.0, 1.0]
    assert width.tolist() == [2.0, 2.0]


def test_drawing_in_parts_changes_nothing() -> None:
    """Drawing 32 and then 96 copies of Y, or pairs of ends, is drawing 128 at once, to the last bit."""
    law = PathLaw.solve(*arrays("GA"), 1.0)
    parts, whole = np.random.default_rng(4), np.random.default_rng(4)
    np.testing.assert_array_equal(
        np.concatenate([law.sample_normalised(n, parts) for n in (32, 96)]), law.sample_normalised(128, whole)
    )
    np.testing.assert_array_equal(
        np.concatenate([law.sample_ends((n, 5), parts)[0] for n in (32, 96)]), law.sample_ends((128, 5), whole)[0]
    )


def test_many_paths_are_those_of_small_batches() -> None:
    """More paths than are drawn at a time are the same as those drawn a few at a time."""
    law = PathLaw.solve(*arrays("GA", 4), 1.0)
    assert 20_000 * 15 > 2**17
    few = np.random.default_rng(1)
    np.testing.assert_array_equal(
        law.sample_normalised(20_000, np.random.default_rng(1)),
        np.concatenate([law.sample_normalised(100, few) for _ in range(200)]),
    )


def test_same_seed_same_bits() -> None:
    """Two generators in the same state give the same bits; NumPy's global generator is not touched."""
    law = PathLaw.solve(*arrays("DA"), 1.0)
    before = pickle.dumps(np.random.get_state())  # noqa: NPY002  the global generator is what is looked at
    one, other = (law.sample(20, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(one, other)
    assert pickle.dumps(np.random.get_state()) == before  # noqa: NPY002


def test_a_law_is_the_same_alone_and_in_a_batch() -> None:
    """Every entry of a batch of models and c is bit for bit the law solved alone."""
    names, c = ("DA", "GA", "P"), 2.0 ** np.arange(-8.0, 9.0)
    batch = PathLaw.solve(*(np.stack(part) for part in zip(*(arrays(n) for n in names), strict=True)), c)
    assert batch.shape == (3, 17)
    assert len(batch) == 3
    for name, laws in zip(names, batch, strict=True):
        assert laws.shape == (17,)
        for value, law in zip(c, laws, strict=True):
            alone = PathLaw.solve(*arrays(name), value)
            assert law.shape == alone.shape == ()
            assert float(law.c) == value
            for field in ("quantiles", "deltas", "log_ratio", "log_alpha", "log_beta"):
                np.testing.assert_array_equal(getattr(law, field), getattr(alone, field))
    np.testing.assert_array_equal(batch[1, -1].log_alpha, batch[1][16].log_alpha)


def test_frozen_private_and_picklable() -> None:
    """A law keeps copies of its input, cannot be changed, and survives pickling."""
    quantiles, deltas = (array.copy() for array in arrays("GA", 4))
    law = PathLaw.solve(quantiles, deltas, [0.5, 1.0])
    quantiles[0] = -99.0
    assert law.quantiles[0] != -99.0
    copy = pickle.loads(pickle.dumps(law))
    for one in (law, copy, law[0]):
        with pytest.raises(FrozenInstanceError):
            one.c = 3.0
        for field in ("quantiles", "deltas", "c", "log_ratio", "log_alpha", "log_beta"):
            assert not getattr(one, field).flags.writeable
    np.testing.assert_array_equal(
        copy[1].sample(5, np.random.default_rng(0)), law[1].sample(5, np.random.default_rng(0))
    )


def test_grid_of_a_law() -> None:
    """A law knows its grid."""
    law = PathLaw.solve(*arrays("GA", 4), 1.0)
    assert (law.res, law.points, law.phi.size) == (4, 17, 17)


GOOD = np.linspace(0.0, 1.0, 9)


@pytest.mark.parametrize(
    ("quantiles", "deltas", "c", "text"),
    [
        (GOOD[:8], GOOD[:8], 1.0, r"points = 2\*\*res \+ 1 and res >= 1, but has shape \(8,\)"),
        (GOOD[:2], GOOD[:2], 1.0, r"but has shape \(2,\)"),
        (1.0, 1.0, 1.0, r"but has shape \(\)"),
        (GOOD, GOOD[:8], 1.0, r"`deltas` should have shape .* = \(9,\) like `quantiles`, but has shape \(8,\)"),
        (GOOD, GOOD, -1.0, "`c` should be finite and at least 0, but is -1.0"),
        (GOOD, GOOD, [1.0, np.nan], "`c` should be finite and at least 0"),
        (GOOD, GOOD, np.inf, "`c` should be finite and at least 0, but is inf"),
        (GOOD, GOOD, np.ones((2, 2)), r"`c` should be a number or have shape \(n_c,\), but has shape \(2, 2\)"),
        (np.where(GOOD > 0.5, np.nan, GOOD), GOOD, 1.0, "`quantiles` should be finite, but 4 of 9"),
        (GOOD, np.where(GOOD > 0.9, np.inf, GOOD), 1.0, "`deltas` should be finite, but 1 of 9"),
        (GOOD, -GOOD, 1.0, "`deltas` should be at least 0, but the smallest is -1"),
        (GOOD[::-1], GOOD, 1.0, "`quantiles` should be non-decreasing in Φ, but decreases by 0.125"),
    ],
)
def test_bad_arrays_are_refused(quantiles: object, deltas: object, c: object, text: str) -> None:
    """What makes no law is refused with what was expected and what came."""
    with pytest.raises(ValueError, match=text):
        PathLaw.solve(quantiles, deltas, c)


def test_sampling_is_per_law() -> None:
    """A batch cannot be sampled, nor a single law indexed or counted."""
    batch = PathLaw.solve(GOOD, GOOD, [1.0, 2.0])
    rng = np.random.default_rng(0)
    for call in (batch.sample, batch.sample_risks, batch.sample_normalised):
        with pytest.raises(ValueError, match=r"per single law, but this PathLaw is a batch of shape \(2,\)"):
            call(3, rng)
        with pytest.raises(ValueError, match="`n` should be at least 1 path, but is 0"):
            call(0, rng)
    with pytest.raises(IndexError, match="too many indices"):
        batch[0][0]
    with pytest.raises(IndexError):
        batch[2]
    with pytest.raises(TypeError, match="has no length"):
        len(batch[0])


def test_given_ends() -> None:
    """Paths between given ends have these ends; a path cannot go down."""
    law = PathLaw.solve(*arrays("GA", 4), 1.0)
    rng = np.random.default_rng(0)
    paths = law.sample_between([0.0, 1.0, 2.0], [5.0, 6.0, 2.0], rng)
    assert paths[:, 0].tolist() == [0.0, 1.0, 2.0]
    assert paths[:, -1].tolist() == [5.0, 6.0, 2.0]
    with pytest.raises(ValueError, match="begin below its end"):
        law.sample_between(1.0, 0.0, rng)
    with pytest.raises(ValueError, match=r"one shape \(n,\)"):
        law.sample_between([1.0], [2.0, 3.0], rng)
