"""The paper's table of criteria: how sure the EMD criterion is of Planck's law, for 36 data sets.

Planck data at 4000 K in two windows, three sizes, three noise levels, with and without a bias. Both candidates are
fitted to the set itself; the loss uses the true temperature; the synthetic sets have 4096 points on the same window.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from adaptive_calib.emd import PathLaw, compare_risks, make_empirical_risk_ppf
from adaptive_calib.examples.blackbody.physics import Candidate, Law, Loss, Source, Spectrum, fit

__all__ = ["CriterionSetting", "log10_odds", "settings"]

#: Temperature of the true model (K) and sensitivity of the criterion in the paper's table.
T, C = 4000.0, 0.5
L_SYNTHETIC = 4096
CANDIDATES: tuple[Law, Law] = ("Planck", "Rayleigh-Jeans")


@dataclass(frozen=True)
class CriterionSetting:
    """One entry of the table: largest wavelength (µm; the smallest is 20 or 15), size, bias, photons per unit."""

    lam_max: float
    L: int
    B0: float
    s: int

    @property
    def source(self) -> Source:
        """The true model."""
        window = (20.0 if self.lam_max == 1000 else 15.0, float(self.lam_max))
        return Source("Planck", T, window, self.s, self.B0, ("Criterion comparison",))


def settings() -> Iterator[CriterionSetting]:
    """Yield the 36 entries in the order of the published table."""
    for lam_max, L, B0, s in product((1000, 30), (512, 4096, 32768), (0.0, 3.125e-7), (2**12, 2**16, 2**20)):
        yield CriterionSetting(lam_max, L, B0, s)


def log10_odds(setting: CriterionSetting, seed: int = 0, *, M: int = 4096, resample_ends: int = 16) -> float:
    """Return log10(B/(1 − B)), B = B_EMD of Planck over Rayleigh–Jeans; finite, as B is (wins + ½)/(pairs + 1)."""
    source = setting.source
    data = source(setting.L)
    even = np.linspace(*source.window, L_SYNTHETIC)
    phi = np.linspace(0.0, 1.0, 2**8 + 1)
    laws = []
    for law in CANDIDATES:
        fitted = fit(law, data)
        loss = Loss(law, fitted.sigma, T)
        synthetic = Candidate(law, fitted, ("uv", "synth_ppf"), stream=law)(Spectrum(even, np.empty_like(even)))
        mixed = make_empirical_risk_ppf(loss(data))(phi)
        delta = np.abs(mixed - make_empirical_risk_ppf(loss(synthetic))(phi))
        laws.append(PathLaw.solve(mixed, delta, C))
    found = compare_risks(
        *laws, seed=np.random.SeedSequence(seed), M=M, max_M=4 * M, resample_ends=resample_ends, stderr_tol=0.005
    )
    return math.log10(found.smoothed / (1 - found.smoothed))
