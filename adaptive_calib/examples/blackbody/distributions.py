"""Three epistemic distributions over blackbody experiments, as in the paper.

All parameters of a distribution come from one generator in the order of the experiments, and some draws use a varying
number of bits, so experiment n is reached through those before it. They are a few numbers each: the list is kept and
grows as needed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from adaptive_calib.calibration import EpistemicDist
from adaptive_calib.examples.blackbody.physics import BlackbodyExperiment, Law, Source, generator

__all__ = ["BiasSweep", "Infrared", "Microwave"]

#: Number of experiments whose parameters are drawn at a time.
_PAGE = 256
_LAWS: list[Law] = ["Rayleigh-Jeans", "Planck"]


def _purpose(n: int) -> tuple[str | int, ...]:
    return ("uv", "calibration", "fit candidates", n)


def _in_window(rng: np.random.Generator, n: int, shortest: tuple[float, float], width: tuple[float, float]) -> Source:
    low = rng.uniform(*shortest)
    high = low + rng.uniform(*width)
    s = 2 ** rng.uniform(13, 20)
    T = rng.uniform(1000, 5000)
    B0 = 1e-4 * rng.normal()
    law: Law = rng.choice(_LAWS)
    return Source(str(law), T, (low, high), s, B0, _purpose(n))  # type: ignore[arg-type]  # one of the two laws


def _infrared(rng: np.random.Generator, n: int) -> Source:
    return _in_window(rng, n, (10, 20), (5, 20))


def _microwave(rng: np.random.Generator, n: int) -> Source:
    return _in_window(rng, n, (20, 500), (200, 500))


def _bias(rng: np.random.Generator, n: int) -> Source:
    B0 = rng.uniform(-1e-4, 1e-4)
    law: Law = rng.choice(_LAWS)
    return Source(str(law), 4000.0, (15.0, 30.0), 1e5, B0, _purpose(n))  # type: ignore[arg-type]  # one of the two


@lru_cache(maxsize=8)
def _sources(draw: Callable[[np.random.Generator, int], Source], purpose: tuple[str, ...], pages: int) -> list[Source]:
    rng = generator(*purpose)
    return [draw(rng, n) for n in range(1, pages * _PAGE + 1)]


@dataclass(frozen=True)
class Infrared(EpistemicDist):
    """Windows of 5–20 µm that start at 10–20 µm; σ and T are fitted."""

    def draw(self, index: int) -> BlackbodyExperiment:
        """Return experiment `index`, from 0 (the paper counts from 1)."""
        return BlackbodyExperiment(_sources(_infrared, ("uv", "calibration"), index // _PAGE + 1)[index])


@dataclass(frozen=True)
class Microwave(EpistemicDist):
    """Windows of 200–500 µm that start at 20–500 µm; σ and T are fitted."""

    def draw(self, index: int) -> BlackbodyExperiment:
        """Return experiment `index`, from 0 (the paper counts from 1)."""
        return BlackbodyExperiment(_sources(_microwave, ("uv", "calibration"), index // _PAGE + 1)[index])


@dataclass(frozen=True)
class BiasSweep(EpistemicDist):
    """One window (15–30 µm), one temperature (4000 K), many biases; σ alone is fitted."""

    def draw(self, index: int) -> BlackbodyExperiment:
        """Return experiment `index`, from 0 (the paper counts from 1)."""
        sources = _sources(_bias, ("uv", "calibration", "bias-only"), index // _PAGE + 1)
        return BlackbodyExperiment(sources[index], noise_only=True)
