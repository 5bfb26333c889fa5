from __future__ import annotations

import numpy as np
import pytest

from adaptive_calib.emd import PathLaw, approximate_bemd, risk_moments
from adaptive_calib.emd.moments import normalised_moments
from tests.emd.data import NAMES, arrays

C = np.array([1 / 16, 1.0, 16.0])
#: Mean and sd of R at c = 1/16, 1, 16, res 8.
EXACT = {
    "DA": [(0.95258342, 0.00078215), (0.95258431, 0.00312870), (0.95273327, 0.01233734)],
    "DB": [(0.95267043, 0.00060927), (0.95267081, 0.00243713), (0.95268669, 0.00973379)],
    "GA": [(2.04635643, 0.24475440), (2.82794613, 1.26282836), (11.11152931, 9.45531212)],
    "GB": [(1.74146639, 0.03984774), (1.75902492, 0.16301851), (2.09223301, 0.66408461)],
    "P": [(2.18282191, 0.07638628), (2.21286983, 0.28420431), (2.94138585, 0.94450063)],
}


@pytest.mark.parametrize("name", NAMES)
def test_exact_moments_have_their_reference_values(name: str) -> None:
    """Mean and deviation of R agree with the reference to all its digits."""
    moments = risk_moments(PathLaw.solve(*arrays(name), C))
    np.testing.assert_allclose(np.transpose(moments), EXACT[name], rtol=0, atol=6e-9)


@pytest.mark.parametrize("name", NAMES)
def test_sampling_agrees_with_the_exact_moments(name: str) -> None:
    """20,000 sampled risks have the exact mean and variance within 4 standard errors."""
    n = 20_000
    for c, law, mean, sd in zip(C, laws := PathLaw.solve(*arrays(name), C), *risk_moments(laws), strict=True):
        risks = law.sample_risks(n, np.random.default_rng(round(16 * c)))
        spread = (risks - risks.mean()) / risks.std()
        assert abs(risks.mean() - mean) < 4 * sd / np.sqrt(n)
        assert abs(risks.var() - sd**2) < 4 * sd**2 * np.sqrt((np.mean(spread**4) - 1) / n)


@pytest.mark.parametrize("name", NAMES)
def test_mirror(name: str) -> None:
    """Turning q*(Φ) to −q*(1−Φ) and δ(Φ) to δ(1−Φ) changes the sign of the mean and keeps the variance."""
    quantiles, deltas = arrays(name)
    moments = risk_moments(PathLaw.solve(quantiles, deltas, C))
    turned = risk_moments(PathLaw.solve(-quantiles[::-1], deltas[::-1], C))
    np.testing.assert_allclose(turned.mean, -moments.mean, rtol=2e-12)
    np.testing.assert_allclose(turned.sd, moments.sd, rtol=2e-12)


def test_adding_a_constant_to_the_loss() -> None:
    """A constant added to both losses is added to the mean and leaves the deviation."""
    quantiles, deltas = arrays("GA")
    moments, shifted = (risk_moments(PathLaw.solve(quantiles + k, deltas, C)) for k in (0.0, 10.0))
    np.testing.assert_allclose(shifted.mean, moments.mean + 10.0, rtol=1e-12)
    np.testing.assert_allclose(shifted.sd, moments.sd, rtol=1e-10)


def test_every_shape_of_law() -> None:
    """Moments of a batch of models and c are those of its entries."""
    batch = PathLaw.solve(*(np.stack(pair) for pair in zip(arrays("DA"), arrays("GA"), strict=True)), C)
    moments = risk_moments(batch)
    assert moments.mean.shape == moments.sd.shape == (2, 3)
    for j in range(2):
        for k in range(3):
            one = risk_moments(batch[j, k])
            np.testing.assert_allclose([one.mean, one.sd], [moments.mean[j, k], moments.sd[j, k]], rtol=1e-13)


def test_normalised_moments_at_c_zero() -> None:
    """Without any uncertainty Y is Simpson's integral of the rescaled q*, with variance 0 to rounding."""
    quantiles, deltas = arrays("GA")
    law = PathLaw.solve(quantiles, deltas, 0.0)
    mean, variance = normalised_moments(law)
    span = quantiles[-1] - quantiles[0]
    assert quantiles[0] + span * mean == pytest.approx(law.weights @ quantiles, rel=1e-13)
    assert variance < 1e-30
    assert risk_moments(law).sd < 1e-13


def test_preview_of_the_criterion() -> None:
    """The normal approximation is near the truth for D, whose risks are nearly normal, and 1/2 for equal constants."""
    preview = approximate_bemd(*(PathLaw.solve(*arrays(name), C) for name in ("DA", "DB")))
    np.testing.assert_allclose(preview, [0.5349, 0.5088, 0.5005], atol=0.005)
    constant = PathLaw.solve(np.ones(9), np.zeros(9), 1.0)
    assert approximate_bemd(constant, constant) == 0.5
