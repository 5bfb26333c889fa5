from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from scipy.interpolate import interp1d

from adaptive_calib.emd import evaluate_ppfs, make_empirical_risk_ppf, phi_grid
from tests.emd.data import NAMES, losses, ppfs


def test_small_sample() -> None:
    """Three samples are interpolated between, and extrapolated beyond, Φ = k/(L+1)."""
    ppf = make_empirical_risk_ppf([4.0, 1.0, 2.0])
    assert ppf([0, 0.25, 0.5, 0.75, 1]).tolist() == [0, 1, 2, 4, 6]
    assert float(ppf(0.5)) == 2.0


@pytest.mark.parametrize("name", NAMES)
def test_is_the_extrapolating_interpolation(name: str) -> None:
    """The quantile function equals SciPy's linear interpolation with extrapolation."""
    samples = np.sort(losses(name)[0])
    ppf = make_empirical_risk_ppf(samples)
    expected = interp1d(np.arange(1, samples.size + 1) / (samples.size + 1), samples, fill_value="extrapolate")
    phi = np.linspace(0, 1, 1001)
    np.testing.assert_allclose(ppf(phi), expected(phi), rtol=0, atol=1e-12)


def test_ends_of_the_examples() -> None:
    """The extrapolated ends of the examples have their reference values."""
    mixed, synthetic = ppfs("DA")
    np.testing.assert_allclose(mixed([0, 0.5, 1]), [0.91894369, 0.93540384, 1.30632598], atol=1e-8)
    np.testing.assert_allclose(synthetic(1), 1.27031058, atol=1e-8)
    mixed, synthetic = ppfs("GA")
    np.testing.assert_allclose([mixed(1), synthetic(1)], [22.29468013, 6.57289269], atol=1e-8)


def test_sorted_once_frozen_and_picklable() -> None:
    """The samples are a sorted read-only copy; a pickled function is the same function."""
    samples = np.array([3.0, 1.0, 2.0])
    ppf = make_empirical_risk_ppf(samples)
    samples[0] = 99.0
    assert ppf.samples.tolist() == [1, 2, 3]
    copy = pickle.loads(pickle.dumps(ppf))
    assert copy.samples.tolist() == [1, 2, 3]
    for frozen in (ppf, copy):
        assert not frozen.samples.flags.writeable
        with pytest.raises(FrozenInstanceError):
            frozen.samples = samples
    assert "3 samples in [1, 3]" in repr(ppf)


def test_integers_and_lists_are_taken() -> None:
    """Counts and lists are losses too."""
    assert make_empirical_risk_ppf(np.array([1, 2, 4]))(0.5) == 2.0
    assert make_empirical_risk_ppf([True, False])(0.5) == 0.5


@pytest.mark.parametrize(
    ("samples", "text"),
    [
        ([], "at least 2 elements, but has 0"),
        ([1.0], "at least 2 elements, but has 1"),
        ([[1.0, 2.0]], r"1-d, .* shape \(1, 2\)"),
        (3.0, r"1-d, .* shape \(\)"),
        ([1.0, np.nan, 2.0], "finite, but 1 of 3 elements"),
        ([1.0, -np.inf, np.inf], "finite, but 2 of 3 elements"),
    ],
)
def test_bad_samples_are_refused(samples: object, text: str) -> None:
    """Samples that make no quantile function are refused with what was expected and what came."""
    with pytest.raises(ValueError, match=text):
        make_empirical_risk_ppf(samples)


def test_samples_of_a_wrong_type_are_refused() -> None:
    """Strings and complex numbers are no losses."""
    for samples in (["a", "b"], [1j, 2.0]):
        with pytest.raises(TypeError, match="real numbers"):
            make_empirical_risk_ppf(samples)


def test_deltas_are_distances() -> None:
    """The distance of the two quantile functions does not depend on which is above."""
    low, high = make_empirical_risk_ppf([0.0, 1.0, 5.0]), make_empirical_risk_ppf([1.0, 2.0, 4.0])
    quantiles, deltas = evaluate_ppfs(low, high, 3)
    np.testing.assert_array_equal(quantiles, low(phi_grid(3)))
    np.testing.assert_array_equal(deltas, evaluate_ppfs(high, low, 3)[1])
    assert (deltas >= 0).all()


@pytest.mark.parametrize(
    ("ppf", "text"),
    [
        (lambda phi: 1.0 - phi, "non-decreasing in Φ, but decreases by 0.125 from point 0 to point 1 of 9"),
        (lambda phi: np.where(phi > 0, phi, -np.inf), "finite on .* but is -inf at Φ = 0;"),
        (lambda phi: np.where(phi < 1, phi, np.inf), "finite on .* but is inf at Φ = 1;"),
        (lambda phi: np.where(phi < 0.5, phi, np.nan), "finite on .* but is nan at Φ = 0.5;"),
        (lambda phi: 1.0, r"shape \(9,\), but returned shape \(\)"),
        (lambda phi: phi[:-1], r"shape \(9,\), but returned shape \(8,\)"),
    ],
)
def test_bad_quantile_functions_are_refused(ppf: object, text: str) -> None:
    """A PPF that is not one is refused, and the message says which PPF of which model it was."""
    good = make_empirical_risk_ppf([0.0, 1.0, 5.0])
    with pytest.raises(ValueError, match="the mixed PPF of model A should .*" + text):
        evaluate_ppfs(ppf, good, 3, "A")
    with pytest.raises(ValueError, match="the synthetic PPF should .*" + text):
        evaluate_ppfs(good, ppf, 3)


def test_something_that_is_not_a_function_is_refused() -> None:
    """Samples given in place of a PPF are refused with what to do."""
    with pytest.raises(TypeError, match="make_empirical_risk_ppf"):
        evaluate_ppfs(np.arange(5.0), np.arange(5.0))


def test_decreases_by_rounding_are_taken() -> None:
    """A quantile function may decrease by a few ulp, as sums of floating-point numbers do."""
    values = np.linspace(1e6, 1e6 + 1e-3, 9)
    values[4] = np.nextafter(values[3], 0)
    quantiles, _ = evaluate_ppfs(lambda phi: values, lambda phi: values, 3)
    assert quantiles[4] < quantiles[3]


def test_resolution_and_interval() -> None:
    """The grid needs a resolution of at least 1 and an interval within [0, 1]."""
    assert phi_grid(2, 0.5, 1.0).tolist() == [0.5, 0.625, 0.75, 0.875, 1.0]
    for res in (0, -1, 25):
        with pytest.raises(ValueError, match="`res` should be between 1 and 24"):
            phi_grid(res)
    for start, end in ((0.5, 0.5), (1.0, 0.0), (-0.1, 1.0), (0.0, 1.1)):
        with pytest.raises(ValueError, match="Phistart"):
            phi_grid(3, start, end)
