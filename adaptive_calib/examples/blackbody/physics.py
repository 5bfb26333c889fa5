"""Radiation of a blackbody: two laws, noisy data, losses and fits, seeded as in the paper.

Wavelengths λ are in µm, temperatures T in K; the radiance B, the bias B0 and the noise σ are in radiance units,
kW m⁻² sr⁻¹ nm⁻¹; s, in 1/(radiance unit), scales counts of photons. Data are B = n/s + B0, n ~ Poisson(s·law(λ, T)).
The candidates know nothing of the bias B0: neither law can fit perfectly.

Everything random is drawn from a fresh generator that is seeded by the *purpose* of the draw, so that the published
numbers of René & Longtin (Nature Communications 2025, doi 10.1038/s41467-025-64658-7) come out again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from adaptive_calib._arrays import Floats

__all__ = [
    "LAWS",
    "BlackbodyExperiment",
    "Candidate",
    "Fit",
    "Law",
    "Purpose",
    "Spectrum",
    "generator",
    "planck",
    "rayleigh_jeans",
]

#: What a random draw is for: strings, numbers, and nested tuples of these.
Purpose = tuple[Any, ...]
Law = Literal["Planck", "Rayleigh-Jeans"]

#: SI values, exact by definition: Planck constant (J s), speed of light (m/s), Boltzmann constant (J/K).
H, C0, K_B = 6.62607015e-34, 299792458.0, 1.380649e-23
#: Root seed of the paper.
ENTROPY = 231868418911922305076391806541830040449


def rayleigh_jeans(wavelength: Floats, T: float) -> Floats:
    """Rayleigh–Jeans law: spectral radiance at `wavelength` (µm) and `T` (K), in radiance units."""
    metres = wavelength * 1e-6
    return 2 * C0 * K_B * T / metres**4 * 1e-12


def planck(wavelength: Floats, T: float) -> Floats:
    """Planck's law: spectral radiance at `wavelength` (µm) and `T` (K), in radiance units."""
    metres = wavelength * 1e-6
    return 2 * H * C0**2 / metres**5 / np.expm1(H * C0 / (metres * K_B * T)) * 1e-12


LAWS: dict[Law, Callable[[Floats, float], Floats]] = {"Planck": planck, "Rayleigh-Jeans": rayleigh_jeans}
#: The paper's names of the candidates' noise streams.
_STREAM_NAMES: dict[Law, str] = {"Planck": "candidate Planck", "Rayleigh-Jeans": "candidate RJ"}


def _numbers(purpose: Any) -> Iterator[int]:
    if isinstance(purpose, tuple):
        for part in purpose:
            yield from _numbers(part)
    elif isinstance(purpose, str):
        yield int.from_bytes(purpose.encode(), "little")
    elif isinstance(purpose, float):
        yield from purpose.as_integer_ratio()
    else:
        yield int(purpose)


def generator(*purpose: Any) -> np.random.Generator:
    """Return a fresh generator for a purpose: the same purpose, the same numbers."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence((ENTROPY, *_numbers(purpose)))))


class Spectrum(NamedTuple):
    """A data set: wavelengths (µm) and radiances (radiance units), both of shape (L,)."""

    wavelength: Floats
    radiance: Floats


@dataclass(frozen=True)
class Source:
    """A true model: a law at a temperature, seen through a window, with photon noise and a bias.

    Parameters
    ----------
    law : Law
    T : float
        Temperature in K.
    window : tuple of float
        Smallest and largest wavelength, in µm.
    s : float
        Photons per radiance unit.
    B0 : float
        Bias, in radiance units.
    purpose : Purpose
        Of the data sets; every call starts the same generator anew.
    """

    law: Law
    T: float
    window: tuple[float, float]
    s: float
    B0: float
    purpose: Purpose

    def counts(self, L: int) -> tuple[Floats, NDArray[np.int64]]:
        """Return L wavelengths and photon counts."""
        wavelength = np.linspace(*self.window, L)
        rate = self.s * LAWS[self.law](wavelength, self.T)
        return wavelength, generator("UV", self.purpose).poisson(rate)

    def __call__(self, L: int) -> Spectrum:
        """Return a data set of L points on an even grid of wavelengths."""
        wavelength, counts = self.counts(L)
        return Spectrum(wavelength, counts / self.s + self.B0)

    def block(self, n0: int, n1: int) -> Spectrum:
        """Return points n0 to n1 of an endless sample whose wavelengths are uniform in the window.

        Not in the paper: points of an even grid are not exchangeable, so a sequential test needs these.
        """
        rng = generator("UV", self.purpose, "exchangeable", n0)
        wavelength = rng.uniform(*self.window, n1 - n0)
        counts = rng.poisson(self.s * LAWS[self.law](wavelength, self.T))
        return Spectrum(wavelength, counts / self.s + self.B0)


@dataclass(frozen=True)
class Fit:
    """Fitted noise σ (radiance units) and temperature T (K) of a law."""

    sigma: float
    T: float


def gaussian_loss(law: Law, data: Spectrum, sigma: float, T: float) -> Floats:
    """Negative log-likelihood of each point under Gaussian noise, shape (L,); up to units, in nats."""
    residual = data.radiance - LAWS[law](data.wavelength, T)
    return math.log(math.sqrt(2 * math.pi) * sigma) + residual**2 / (2 * sigma**2)


def fit(law: Law, data: Spectrum) -> Fit:
    """Fit σ and T by maximum likelihood with the paper's weak priors on log2 σ and log2 T."""

    def objective(x: Floats) -> float:
        prior = 2 ** (-x[0] / 128) + (x[1] - math.log2(4000)) ** 2 / (2 * 12**2)
        return float(gaussian_loss(law, data, 2.0 ** x[0], 2.0 ** x[1]).mean() + prior)

    found = minimize(objective, np.log2([1e-4, 4000.0]), tol=1e-5)
    return Fit(*(2.0**found.x).tolist())


def fit_noise(law: Law, data: Spectrum, T: float) -> Fit:
    """Fit σ alone, at the temperature `T`."""
    squared = float(((data.radiance - LAWS[law](data.wavelength, T)) ** 2).mean())

    def objective(x: Floats) -> float:
        sigma = float(2.0 ** x[0])
        return math.log(math.sqrt(2 * math.pi) * sigma) + squared / (2 * sigma**2) + 2 ** (-float(x[0]) / 128)

    found = minimize(objective, np.log2([1e-4]), tol=1e-5)
    return Fit(float(2.0 ** found.x[0]), T)


@dataclass(frozen=True)
class Candidate:
    """A fitted law: simulates data sets on the wavelengths of the data that it is given."""

    law: Law
    fit: Fit
    purpose: Purpose
    stream: str = ""  # the last word of the noise's purpose; the paper's name of the candidate by default

    def noise(self, L: int, skip: int = 0) -> Floats:
        """Return L standard normal numbers of the candidate's stream, after `skip` earlier sets of L."""
        rng = generator(self.purpose, self.stream or _STREAM_NAMES[self.law])
        numbers: Floats = rng.normal(0, 1, (skip + 1, L))[skip]
        return numbers

    def __call__(self, data: Spectrum) -> Spectrum:
        """Return a synthetic data set, without bias."""
        clean = LAWS[self.law](data.wavelength, self.fit.T)
        return Spectrum(data.wavelength, clean + self.fit.sigma * self.noise(len(clean)))


@dataclass(frozen=True)
class Loss:
    """The loss of a candidate: fitted σ, but the true temperature, as in the paper."""

    law: Law
    sigma: float
    T: float

    def __call__(self, data: Spectrum) -> Floats:
        """Return the losses, shape (L,)."""
        return gaussian_loss(self.law, data, self.sigma, self.T)


#: Number of points on which the candidates are fitted.
L_FIT = 4096


@lru_cache(maxsize=64)
def _fit_once(law: Law, source: Source, noise_only: bool) -> Fit:
    data = source(L_FIT)
    return fit_noise(law, data, source.T) if noise_only else fit(law, data)


@dataclass(frozen=True)
class BlackbodyExperiment:
    """Planck (A) against Rayleigh–Jeans (B) on one source; fitted when first used.

    Parameters
    ----------
    source : Source
        The true model.
    noise_only : bool
        Fit σ alone, at the true temperature.
    """

    source: Source
    noise_only: bool = False

    @property
    def data_model(self) -> Source:
        """The true model."""
        return self.source

    @property
    def data_block(self) -> Callable[[int, int], Spectrum]:
        """Blocks of an endless exchangeable sample of the true model."""
        return self.source.block

    @cached_property
    def candidateA(self) -> Candidate:
        """Planck's law, fitted."""
        return self._candidate("Planck")

    @cached_property
    def candidateB(self) -> Candidate:
        """The Rayleigh–Jeans law, fitted."""
        return self._candidate("Rayleigh-Jeans")

    @property
    def QA(self) -> Loss:
        """Loss of Planck's law."""
        return Loss("Planck", self.candidateA.fit.sigma, self.source.T)

    @property
    def QB(self) -> Loss:
        """Loss of the Rayleigh–Jeans law."""
        return Loss("Rayleigh-Jeans", self.candidateB.fit.sigma, self.source.T)

    def _candidate(self, law: Law) -> Candidate:
        return Candidate(law, _fit_once(law, self.source, self.noise_only), self.source.purpose)
