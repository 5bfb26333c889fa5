"""The blackbody example reproduces the published numbers of René & Longtin (2025)."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from adaptive_calib.examples.blackbody.criteria import log10_odds, settings
from adaptive_calib.examples.blackbody.distributions import BiasSweep, Infrared, Microwave
from adaptive_calib.examples.blackbody.physics import (
    BlackbodyExperiment,
    Candidate,
    Fit,
    Source,
    fit,
    fit_noise,
    generator,
    planck,
    rayleigh_jeans,
)

DATA = Path(__file__).parents[1] / "calibration" / "data"

#: n: window, s, T, B0, law, first counts, fits (σ, T) of both candidates, mean losses on 12,288 points.
ANCHORS = {
    1: ((16.12263692, 35.47190646), 8530.320093, 2629.043404, -5.993893480e-5, "Planck", [2, 0, 3, 3, 1, 0],
        (1.004366e-4, 1609.20), (9.989790e-5, 1278.34), (-7.703051, -7.627040)),
    2: ((15.07622263, 26.98532113), 79919.94274, 1085.548198, 2.895183684e-5, "Planck", [7, 10, 6, 6, 10, 10],
        (2.797873e-5, 1468.55), (2.946021e-5, 1088.58), (-8.690646, -9.021110)),
    3: ((17.44272486, 31.82926756), 53765.45170, 1197.319265, 1.055281124e-5, "Rayleigh-Jeans", [8, 3, 2, 2, 7, 6],
        (2.559012e-5, 1777.42), (2.584460e-5, 1440.54), (-8.805460, -9.071661)),
}  # fmt: skip


def test_the_two_laws() -> None:
    """Both laws at 4000 K, 15 and 30 µm."""
    wavelength = np.array([15.0, 30.0])
    np.testing.assert_allclose(planck(wavelength, 4000), [5.787857e-4, 3.847807e-5], rtol=1e-6)
    np.testing.assert_allclose(rayleigh_jeans(wavelength, 4000), [6.540771e-4, 4.087982e-5], rtol=1e-6)


def test_the_seeding() -> None:
    """Purposes are encoded as in the paper: strings as little-endian bytes, floats as ratios, tuples flattened."""
    first = [0.61226369, 0.95661797, 0.00834059]
    np.testing.assert_allclose(generator("uv", "calibration").random(3), first, atol=5e-9)
    np.testing.assert_allclose(generator(("uv", ("calibration",))).random(3), first, atol=5e-9)
    np.testing.assert_array_equal(generator(0.5).random(3), generator(1, 2).random(3))


@pytest.mark.parametrize("n", ANCHORS)
def test_infrared_anchors(n: int) -> None:
    """Parameters, counts, fits and mean losses of the first experiments."""
    window, s, T, B0, law, counts, planck_fit, rj_fit, losses = ANCHORS[n]
    experiment = Infrared(1024)[n - 1]
    assert isinstance(experiment, BlackbodyExperiment)
    source = experiment.source
    assert source.law == law
    np.testing.assert_allclose([*source.window, source.s, source.T, source.B0], [*window, s, T, B0], rtol=1e-9)
    assert source.counts(1024)[1][:6].tolist() == counts
    fits = [(c.fit.sigma, c.fit.T) for c in (experiment.candidateA, experiment.candidateB)]
    np.testing.assert_allclose(fits, [planck_fit, rj_fit], rtol=1e-4)
    data = source(12288)
    np.testing.assert_allclose([experiment.QA(data).mean(), experiment.QB(data).mean()], losses, atol=1e-5)


def test_synthetic_noise_and_its_successive_sets() -> None:
    """The candidates' noise streams begin as published; later sets follow in the same stream."""
    experiment = Infrared(1)[0]
    assert isinstance(experiment.candidateA, Candidate)
    assert isinstance(experiment.candidateB, Candidate)
    np.testing.assert_allclose(experiment.candidateA.noise(1024)[:3], [0.66543273, 0.69356172, -1.88473665], atol=5e-9)
    np.testing.assert_allclose(
        experiment.candidateB.noise(1024)[:3], [-0.48719913, -1.91721152, -0.50769703], atol=5e-9
    )
    both = experiment.candidateA.noise(2048)
    np.testing.assert_array_equal(experiment.candidateA.noise(1024, skip=1), both[1024:])


def test_bias_sweep_anchors() -> None:
    """Biases and laws of the first three, and the fit of the noise alone."""
    sources = [e.source for e in BiasSweep(3) if isinstance(e, BlackbodyExperiment)]
    expected = [6.247833811e-5, 6.506085739e-6, -2.260187369e-5]
    np.testing.assert_allclose([s.B0 for s in sources], expected, rtol=1e-9)
    assert [s.law for s in sources] == ["Planck", "Planck", "Rayleigh-Jeans"]
    data = sources[0](4096)
    residual = data.radiance - planck(data.wavelength, 4000.0)
    # without the prior σ would be the root mean square; with it, hardly smaller or larger
    assert fit_noise("Planck", data, 4000.0).sigma == pytest.approx(np.sqrt((residual**2).mean()), rel=0.01)


def test_criterion_anchor() -> None:
    """Counts, fits and synthetic noise of one data set of the criteria table."""
    source = Source("Planck", 4000.0, (15.0, 30.0), 2**16, 0.0, ("Criterion comparison",))
    assert source.counts(4096)[1][:8].tolist() == [39, 36, 31, 37, 44, 39, 38, 45]
    fits = [fit(law, source(4096)) for law in ("Planck", "Rayleigh-Jeans")]
    np.testing.assert_allclose(
        [(f.sigma, f.T) for f in fits], [(5.197918e-5, 3997.25), (5.208237e-5, 3591.20)], rtol=1e-4
    )
    noise = [
        Candidate(law, Fit(1, 1), ("uv", "synth_ppf"), stream=law).noise(4096)[0]
        for law in ("Planck", "Rayleigh-Jeans")
    ]
    np.testing.assert_allclose(noise, [-0.4479878, -0.31630448], atol=5e-8)


def test_blocks_are_independent_and_repeatable() -> None:
    """The same range is the same data; neighbouring ranges are not; wavelengths fill the window."""
    source = Infrared(1)[0].data_model
    assert isinstance(source, Source)
    a, again, b = source.block(0, 500), source.block(0, 500), source.block(500, 1000)
    np.testing.assert_array_equal(a.radiance, again.radiance)
    assert not np.array_equal(a.wavelength, b.wavelength)
    assert np.ptp(a.wavelength) > 0.95 * (source.window[1] - source.window[0])


def test_microwave_windows() -> None:
    """The microwave windows lie where they should."""
    windows = np.array([e.source.window for e in Microwave(50) if isinstance(e, BlackbodyExperiment)])
    assert ((windows[:, 0] >= 20) & (windows[:, 0] <= 500)).all()
    assert ((np.ptp(windows, axis=1) >= 200) & (np.ptp(windows, axis=1) <= 500)).all()


@pytest.mark.slow
def test_every_label_of_the_infrared_calibration() -> None:
    """B_epis of all 1024 experiments is the published one."""
    stored = np.load(DATA / "infrared_1024x9.npz")["Bepis"]
    ours = []
    for experiment in Infrared(1024):
        data = experiment.data_model(12288)
        ours.append(experiment.QA(data).mean() < experiment.QB(data).mean())
    np.testing.assert_array_equal(ours, stored)


@pytest.mark.slow
def test_the_criteria_table() -> None:
    """36 log-odds: at least 31 of the 34 finite ones within .08, all but two within .12, correlation at least .99."""
    with (DATA / "criteria_table.csv").open() as file:
        stored = np.array([float(row["log10_odds_stored"]) for row in csv.DictReader(file)])
    ours = np.array([log10_odds(setting) for setting in settings()])
    finite = np.isfinite(stored)
    off = np.abs(ours - stored)[finite]
    assert finite.sum() == 34
    assert (off <= 0.08).sum() >= 31
    assert (off <= 0.12).sum() >= 32
    assert np.corrcoef(ours[finite], stored[finite])[0, 1] >= 0.99
    assert (ours[~finite] >= 3).all()
