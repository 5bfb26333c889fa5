"""Functions of three numbers, between smooth and stepped, and two regressors fitted to noisy data.

The truth is y = (1 − λ) smooth(x) + λ steps(x) + noise, x uniform in [−1, 1]³: a random sum of six cosines, and a
random sum of six steps (up or down by the same height where one of the numbers passes a threshold), both of about the
same size. λ is uniform in [0, 1].

- *Ridge* (A): a polynomial of degree 5 with a penalty chosen by cross-validation; good at what is smooth.
- *Trees* (B): gradient boosted trees; good at what has steps.

Each candidate predicts y = f̂(x) + σ ε. Its σ is the root mean square of its errors on a quarter of the data that is
held out of the fit, since errors on what was fitted are too small. A candidate's loss is the negative log-likelihood.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from adaptive_calib.calibration import EpistemicDist, Stream, stream

__all__ = ["Candidate", "Form", "Functions", "RegressionExperiment", "Table", "Truth", "make_regressor"]

Array = NDArray[np.float64]
Form = Literal["ridge", "trees"]

#: Number of variables, of waves and of steps; number of points on which the candidates are fitted.
DIMENSION, PARTS, L_FIT = 3, 6, 400


class Table(NamedTuple):
    """A data set: x, shape (L, 3), and y, shape (L,)."""

    x: Array
    y: Array


def make_regressor(form: Form, seed: int) -> Any:
    """Return one of the two regressors of scikit-learn, not fitted.

    Raises
    ------
    ModuleNotFoundError
        If scikit-learn is missing; says what to install.
    """
    try:
        from sklearn.ensemble import GradientBoostingRegressor
        from sklearn.linear_model import RidgeCV
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import PolynomialFeatures
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "this example compares regressors of scikit-learn, which is missing: pip install 'adaptive_calib[examples]'"
        ) from error
    if form == "ridge":
        return make_pipeline(PolynomialFeatures(5, include_bias=False), RidgeCV(np.logspace(-4, 2, 7)))
    return GradientBoostingRegressor(n_estimators=80, max_depth=3, random_state=seed)


@dataclass(frozen=True)
class Truth:
    """A true function with noise; all that is random of it follows from `index`.

    Parameters
    ----------
    share : float
        λ, the share of the steps, 0 … 1.
    noise : float
        Standard deviation of the noise; that of the function is about 1.
    entropy, index : int
        Seed, and number of the experiment.
    """

    share: float
    noise: float
    entropy: int
    index: int

    @cached_property
    def _parts(self) -> tuple[Array, Array, NDArray[np.int64], Array, Array]:
        rng = np.random.default_rng(stream(self.entropy, self.index, Stream.PARAMETERS, 1))
        waves = rng.normal(0, 2.0, (DIMENSION, PARTS))
        phases = rng.uniform(0, 2 * np.pi, PARTS)
        of = rng.integers(0, DIMENSION, PARTS)
        return waves, phases, of, rng.uniform(-0.8, 0.8, PARTS), rng.choice([-1.0, 1.0], PARTS)

    def function(self, x: Array) -> Array:
        """Return the function without noise, shape (L,)."""
        waves, phases, of, places, signs = self._parts
        smooth = np.cos(x @ waves + phases).sum(axis=1) * math.sqrt(2 / PARTS)
        steps = ((x[:, of] > places) - 0.5) @ signs * math.sqrt(4 / PARTS)
        mixed: Array = (1 - self.share) * smooth + self.share * steps
        return mixed

    def sample(self, L: int, seed: np.random.SeedSequence) -> Table:
        """Return L points."""
        rng = np.random.default_rng(seed)
        x = rng.uniform(-1, 1, (L, DIMENSION))
        return Table(x, self.function(x) + self.noise * rng.standard_normal(L))

    def __call__(self, L: int) -> Table:
        """Return the observed data set of L points."""
        return self.sample(L, stream(self.entropy, self.index, Stream.OBSERVED_DATA))

    def block(self, n0: int, n1: int) -> Table:
        """Return points n0 to n1 of an endless sample."""
        return self.sample(n1 - n0, stream(self.entropy, self.index, Stream.INFINITE_DATA, n0))


class Candidate:
    """A fitted regressor with Gaussian errors; fitted when it is made.

    Parameters
    ----------
    form : Form
        Which regressor.
    data : Table
        What it is fitted to; the last quarter is held out for σ.
    seed : np.random.SeedSequence
        Of its synthetic noise; a fresh generator for every call.
    """

    def __init__(self, form: Form, data: Table, seed: np.random.SeedSequence) -> None:
        n = 3 * len(data.y) // 4
        self.seed = seed
        self.model = make_regressor(form, int(seed.generate_state(1)[0])).fit(data.x[:n], data.y[:n])
        self.sigma = float(np.sqrt(np.mean((data.y[n:] - self.model.predict(data.x[n:])) ** 2)))

    def __call__(self, data: Table) -> Table:
        """Return synthetic data at the x of `data`."""
        noise = np.random.default_rng(self.seed).standard_normal(len(data.x))
        return Table(data.x, self.model.predict(data.x) + self.sigma * noise)

    def loss(self, data: Table) -> Array:
        """Return the negative log-likelihood of each point, in nats, shape (L,)."""
        residual = data.y - self.model.predict(data.x)
        negative: Array = math.log(math.sqrt(2 * math.pi) * self.sigma) + residual**2 / (2 * self.sigma**2)
        return negative


@dataclass(frozen=True)
class RegressionExperiment:
    """Ridge (A) against trees (B) on one function; fitted when first used."""

    truth: Truth

    @property
    def data_model(self) -> Truth:
        """The true model."""
        return self.truth

    @property
    def data_block(self) -> Callable[[int, int], Table]:
        """Blocks of an endless sample."""
        return self.truth.block

    @cached_property
    def candidateA(self) -> Candidate:
        """The polynomial, fitted."""
        return self._fitted("ridge", Stream.SYNTHETIC_A)

    @cached_property
    def candidateB(self) -> Candidate:
        """The trees, fitted."""
        return self._fitted("trees", Stream.SYNTHETIC_B)

    @property
    def QA(self) -> Callable[[Table], Array]:
        """Loss of the polynomial."""
        return self.candidateA.loss

    @property
    def QB(self) -> Callable[[Table], Array]:
        """Loss of the trees."""
        return self.candidateB.loss

    def _fitted(self, form: Form, purpose: Stream) -> Candidate:
        return _fit_once(form, self.truth, purpose)


@lru_cache(maxsize=64)
def _fit_once(form: Form, truth: Truth, purpose: Stream) -> Candidate:
    """The fit costs most, and a block of infinite data needs it again."""
    index, entropy = truth.index, truth.entropy
    data = truth.sample(L_FIT, stream(entropy, index, Stream.FIT_DATA))
    return Candidate(form, data, stream(entropy, index, purpose))


@dataclass(frozen=True)
class Functions(EpistemicDist):
    """Functions that one believes possible: from smooth to stepped, noise from 0.1 to 1.

    Parameters
    ----------
    N : int
        Number of experiments.
    entropy : int
        Seed of all that is random.
    """

    entropy: int = 0

    def draw(self, index: int) -> RegressionExperiment:
        """Return experiment `index`."""
        rng = np.random.default_rng(stream(self.entropy, index, Stream.PARAMETERS))
        return RegressionExperiment(Truth(rng.uniform(0, 1), 10 ** rng.uniform(-1, 0), self.entropy, index))
