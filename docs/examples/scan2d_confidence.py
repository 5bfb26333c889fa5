"""How sure the EMD criterion is that Planck's law beats that of Rayleigh and Jeans, at one wavelength and temperature.

Data are radiances at wavelengths in [λ, 2λ] with a relative error of `NOISE`, so ln B has Gaussian noise. The
temperature of either law is fitted: of Rayleigh and Jeans, ln B = ln T + …, it is a mean; of Planck a root in one
dimension. What is left are the shapes, and these depend on x = h c/(λ k T) only: for x → 0 Planck's law becomes the
classical one and B_EMD is 1/2, for x ≫ 1 it is 1. So lines of equal B_EMD should be λ T = const.

The mean over a few data sets is taken, the same standard normal numbers at every point of the plane: so the surface is
smooth where a single B_EMD would be rough.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from adaptive_calib.emd import PathLaw, compare_risks, make_empirical_risk_ppf, phi_grid
from adaptive_calib.examples.blackbody.physics import planck, rayleigh_jeans

__all__ = ["PlanckConfidence"]

Array = NDArray[np.float64]

#: Relative error of a radiance; standard deviation of the noise of ln B.
NOISE = 0.05
#: h c/k in µm K.
SECOND_RADIATION_CONSTANT = 14387.768775


@dataclass(frozen=True)
class PlanckConfidence:
    """The function of a point of the plane: (log10 λ, log10 T) -> mean of B_EMD.

    Parameters
    ----------
    L : int
        Size of a data set, >= 2.
    replicates : int
        How many data sets, >= 1.
    c : float
        Sensitivity of the criterion.
    entropy : int
        Seed of noise and sampler.
    """

    L: int = 256
    replicates: int = 12
    c: float = 1.0
    entropy: int = 0

    def __call__(self, point: tuple[float, float]) -> float:
        """Return the mean of B_EMD, 0 … 1, at λ in µm and T in K, given by their logarithms to base 10."""
        wavelength, T = (10.0**x for x in point)
        return float(np.mean([self._once(wavelength, T, r) for r in range(self.replicates)]))

    def _once(self, shortest: float, T: float, r: int) -> float:
        data_seed, *synthetic_seeds, sampler = np.random.SeedSequence(self.entropy, spawn_key=(r,)).spawn(4)
        rng = np.random.default_rng(data_seed)
        wavelength = shortest * rng.uniform(1.0, 2.0, self.L)
        data = np.log(planck(wavelength, T)) + NOISE * rng.standard_normal(self.L)
        predictions = (_fitted_planck(wavelength, data, T), _fitted_classical(wavelength, data))
        phi = phi_grid(8)
        laws = []
        for clean, seed in zip(predictions, synthetic_seeds, strict=True):
            synthetic = clean + NOISE * np.random.default_rng(seed).standard_normal(self.L)
            mixed = make_empirical_risk_ppf(_loss(data - clean))(phi)
            delta = np.abs(mixed - make_empirical_risk_ppf(_loss(synthetic - clean))(phi))
            laws.append(PathLaw.solve(mixed, delta, self.c))
        return compare_risks(*laws, seed=sampler, M=128, max_M=128).value


def _loss(residual: Array) -> Array:
    """Negative log-likelihood of each point, in nats."""
    negative: Array = math.log(math.sqrt(2 * math.pi) * NOISE) + residual**2 / (2 * NOISE**2)
    return negative


def _fitted_classical(wavelength: Array, data: Array) -> Array:
    """Return ln B of the Rayleigh–Jeans law at its best temperature, shape (L,)."""
    at_one_kelvin = np.log(rayleigh_jeans(wavelength, 1.0))
    fitted: Array = at_one_kelvin + (data - at_one_kelvin).mean()
    return fitted


def _fitted_planck(wavelength: Array, data: Array, T: float) -> Array:
    """Return ln B of Planck's law at its best temperature, shape (L,)."""

    def misfit(log_T: float) -> float:
        return float(((data - np.log(planck(wavelength, math.exp(log_T)))) ** 2).sum())

    centre = math.log(T)
    found = minimize_scalar(misfit, bounds=(centre - 0.5, centre + 0.5), method="bounded", options={"xatol": 1e-6})
    fitted: Array = np.log(planck(wavelength, math.exp(found.x)))
    return fitted
