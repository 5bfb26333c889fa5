"""An excitable membrane, two textbook forms of its current, noisy recordings and fits.

A short pulse of current makes the membrane fire once. With v the potential, w the recovery, all without units:

    dv/dt = g F(v) + pulse(t) − w,    dw/dt = ε (v − γ w),    v(0) = w(0) = 0

- *Nagumo*: F(v) = v (v − a)(1 − v), the cubic of FitzHugh and Nagumo;
- *McKean*: F(v) = (S(v) − v)/4, S a step from 0 to 1 at v = a, smoothed over a width of 0.08: lines in place of the
  cubic. The factor makes both equally steep where they fire.

The true membrane is neither: its current is the mixture (1 − λ) Nagumo + λ McKean. Data are v at uniformly random times
in [0, `DURATION`], with Gaussian noise. Of each candidate g, a, ε and the noise σ are fitted by least squares.

Sources: R. FitzHugh, Biophysical Journal 1 (1961) 445; J. Nagumo, S. Arimoto & S. Yoshizawa, Proc. IRE 50 (1962) 2061;
H. P. McKean, Advances in Mathematics 4 (1970) 209.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import odeint
from scipy.optimize import least_squares

from adaptive_calib.calibration import EpistemicDist, Stream, stream

__all__ = ["Candidate", "Form", "Membrane", "NeuronExperiment", "Neurons", "Recording", "fit", "response"]

Array = NDArray[np.float64]
Form = Literal["Nagumo", "McKean"]

#: Length of a recording, and of the pulse; height of the pulse; leak of the recovery.
DURATION, PULSE, HEIGHT, GAMMA = 40.0, 4.0, 0.35, 0.3
#: Width of McKean's step. A true jump would make the residuals of a fit jump with a.
WIDTH = 0.08
#: Number of points on which the candidates are fitted.
L_FIT = 256
GRID = np.linspace(0.0, DURATION, 401)


class Recording(NamedTuple):
    """A data set: times in [0, `DURATION`] and potentials, both of shape (L,)."""

    time: Array
    potential: Array


def current(form: Form, v: float, a: float) -> float:
    """Return the current F(v) of one of the two forms."""
    if form == "Nagumo":
        return v * (v - a) * (1.0 - v)
    return 0.25 * (0.5 * (1.0 + math.tanh((v - a) / WIDTH)) - v)


def response(shares: Mapping[Form, float], g: float, a: float, eps: float) -> Array:
    """Return v on `GRID`, shape (401,).

    Parameters
    ----------
    shares : mapping of a form to a share
        What the current is mixed of.
    g, a, eps : float
        Strength of the current, threshold, speed of the recovery.

    Raises
    ------
    ArithmeticError
        If the solver fails.
    """
    parts = [(g * share, form) for form, share in shares.items() if share]

    def during(t: float, y: Array, pulse: float) -> Any:
        v, w = y.tolist()
        dv = pulse - w
        for strength, form in parts:
            dv += strength * current(form, v, a)
        return dv, eps * (v - GAMMA * w)

    def solve(start: Array, times: Array, pulse: float) -> Array:
        y, report = odeint(during, start, times, args=(pulse,), tfirst=True, rtol=1e-6, atol=1e-8, full_output=True)
        if report["message"] != "Integration successful.":
            raise ArithmeticError(f"the membrane with g={g}, a={a}, eps={eps} was not solved: {report['message']}")
        path: Array = y
        return path

    # in two parts: the solver should not step over the end of the pulse, where dv/dt jumps
    first = solve(np.zeros(2), GRID[GRID <= PULSE], HEIGHT)
    second = solve(first[-1], GRID[GRID >= PULSE], 0.0)
    v: Array = np.concatenate([first[:, 0], second[1:, 0]])
    return v


@dataclass(frozen=True)
class Membrane:
    """The true model: a mixture of both currents, and noise of the recording.

    Parameters
    ----------
    share : float
        λ, the share of McKean's current, 0 … 1.
    g, a, eps : float
        See `response`.
    noise : float
        Standard deviation of the recording's noise.
    entropy, index : int
        Seed of the recordings and number of the experiment.
    """

    share: float
    g: float
    a: float
    eps: float
    noise: float
    entropy: int
    index: int

    @cached_property
    def clean(self) -> Array:
        """The potential on `GRID`, without noise."""
        return response({"Nagumo": 1.0 - self.share, "McKean": self.share}, self.g, self.a, self.eps)

    def record(self, L: int, seed: np.random.SeedSequence) -> Recording:
        """Return L points at random times."""
        rng = np.random.default_rng(seed)
        time = rng.uniform(0.0, DURATION, L)
        return Recording(time, np.interp(time, GRID, self.clean) + self.noise * rng.standard_normal(L))

    def __call__(self, L: int) -> Recording:
        """Return the observed data set of L points."""
        return self.record(L, stream(self.entropy, self.index, Stream.OBSERVED_DATA))

    def block(self, n0: int, n1: int) -> Recording:
        """Return points n0 to n1 of an endless recording."""
        return self.record(n1 - n0, stream(self.entropy, self.index, Stream.INFINITE_DATA, n0))


@dataclass(frozen=True)
class Candidate:
    """A fitted model: makes recordings of its own, and says how well it predicts one.

    Parameters
    ----------
    form : Form
        Which current.
    g, a, eps, sigma : float
        As fitted.
    seed : np.random.SeedSequence
        Of the synthetic noise; a fresh generator for every call.
    """

    form: Form
    g: float
    a: float
    eps: float
    sigma: float
    seed: np.random.SeedSequence

    @cached_property
    def clean(self) -> Array:
        """The potential on `GRID`."""
        return response({self.form: 1.0}, self.g, self.a, self.eps)

    def __call__(self, data: Recording) -> Recording:
        """Return a synthetic recording at the times of `data`."""
        noise = self.sigma * np.random.default_rng(self.seed).standard_normal(len(data.time))
        return Recording(data.time, np.interp(data.time, GRID, self.clean) + noise)

    def loss(self, data: Recording) -> Array:
        """Return the negative log-likelihood of each point, in nats, shape (L,)."""
        residual = data.potential - np.interp(data.time, GRID, self.clean)
        negative: Array = math.log(math.sqrt(2 * math.pi) * self.sigma) + residual**2 / (2 * self.sigma**2)
        return negative


def fit(form: Form, data: Recording, seed: np.random.SeedSequence) -> Candidate:
    """Fit g, a, ε and σ to a recording.

    From one start: what fits a typical membrane. Far from it the spike ends at the wrong time, and least squares do not
    find the way back.
    """

    def residuals(x: Array) -> Array:
        found: Array = np.interp(data.time, GRID, response({form: 1.0}, *x.tolist())) - data.potential
        return found

    start = (1.5, 0.25, 0.025) if form == "Nagumo" else (2.2, 0.4, 0.03)
    bounds = ((0.5, 0.01, 0.002), (10.0, 0.6, 0.2))
    found = least_squares(residuals, start, bounds=bounds, x_scale=start, ftol=1e-4, xtol=1e-4, diff_step=[1e-4] * 3)
    sigma = math.sqrt(2.0 * found.cost / (len(data.time) - len(start)))
    g, a, eps = found.x.tolist()
    return Candidate(form, g, a, eps, sigma, seed)


@dataclass(frozen=True)
class NeuronExperiment:
    """Nagumo (A) against McKean (B) on one membrane; fitted when first used."""

    membrane: Membrane

    @property
    def data_model(self) -> Membrane:
        """The true model."""
        return self.membrane

    @property
    def data_block(self) -> Callable[[int, int], Recording]:
        """Blocks of an endless recording."""
        return self.membrane.block

    @cached_property
    def candidateA(self) -> Candidate:
        """The cubic, fitted."""
        return self._fitted("Nagumo", Stream.SYNTHETIC_A)

    @cached_property
    def candidateB(self) -> Candidate:
        """The lines, fitted."""
        return self._fitted("McKean", Stream.SYNTHETIC_B)

    @property
    def QA(self) -> Callable[[Recording], Array]:
        """Loss of the cubic."""
        return self.candidateA.loss

    @property
    def QB(self) -> Callable[[Recording], Array]:
        """Loss of the lines."""
        return self.candidateB.loss

    def _fitted(self, form: Form, purpose: Stream) -> Candidate:
        return _fit_once(form, self.membrane, purpose)


@lru_cache(maxsize=64)
def _fit_once(form: Form, membrane: Membrane, purpose: Stream) -> Candidate:
    """The fit costs everything, and a block of infinite data needs it again."""
    index, entropy = membrane.index, membrane.entropy
    data = membrane.record(L_FIT, stream(entropy, index, Stream.FIT_DATA))
    return fit(form, data, stream(entropy, index, purpose))


@dataclass(frozen=True)
class Neurons(EpistemicDist):
    """Membranes that one believes possible: mixtures with λ from 0.2 to 1, recordings from clean to noisy.

    Parameters
    ----------
    N : int
        Number of experiments.
    entropy : int
        Seed of the parameters and recordings.
    """

    entropy: int = 0

    def draw(self, index: int) -> NeuronExperiment:
        """Return experiment `index`."""
        rng = np.random.default_rng(stream(self.entropy, index, Stream.PARAMETERS))
        return NeuronExperiment(
            Membrane(
                share=rng.uniform(0.2, 1.0),
                g=rng.uniform(1.5, 3.0),
                a=rng.uniform(0.2, 0.3),
                eps=rng.uniform(0.01, 0.04),
                noise=10 ** rng.uniform(-1.3, 0.0),
                entropy=self.entropy,
                index=index,
            )
        )
