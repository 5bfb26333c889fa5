"""The Gaussian process of `GPLearner`: kernel and likelihood are scikit-learn's.

Values are in units of their standard deviation, coordinates run from 0 to 1. The kernel is an amplitude times a Matérn
kernel with a length for each axis; amplitude, lengths, the level of the noise and the smoothness (3/2, 5/2 or infinite)
are those of the largest marginal likelihood.

The variance of a process depends on the places of its points only, not on their values. So the places of a batch are
chosen one after the other with no guess of a value, and `Variances` updates factor and variance with each.

Sources: Rasmussen & Williams, Gaussian Processes for Machine Learning (2006), algorithm 2.1 and equation 5.12 (values
left out); Cohn, Neural Networks 9 (1996) 1071 (the next point is that which leaves the least integrated variance).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize

from adaptive_calib._arrays import Floats
from adaptive_calib._blas import one_thread

__all__ = ["Model", "Process", "Variances", "fitted", "prior"]

#: Smoothness of the kernels that are compared.
SMOOTHNESS = (1.5, 2.5, math.inf)
#: Variance on the diagonal, for the numerics; values of no noise are met to a ten-thousandth of their deviation.
NUGGET = 1e-8
#: Bounds of amplitude (a variance), lengths and noise (a variance).
AMPLITUDE, LENGTHS, NOISE = (1e-2, 1e3), (0.03, 100.0), (1e-6, 1e1)
#: Steps of the search for the largest likelihood, and values that it takes into account.
MOST_STEPS, MOST_FITTED = 60, 300


@dataclass(frozen=True)
class Model:
    """What is kept of a fit.

    Attributes
    ----------
    kernel
        Kernel of scikit-learn, without the noise.
    noise : float
        Variance of the noise, or the nugget, in units of `scale` squared; where it is uneven the mean.
    shift, scale : array, shape (M,)
        Mean and deviation of the values.
    likelihood : float
        Logarithm of the marginal likelihood.
    level : callable, optional
        The relative variance of the noise at places, if it is uneven.
    rougher : Model, optional
        A model that the values do not rule out; standard deviations are at least its own.
    """

    kernel: Any
    noise: float
    shift: Floats
    scale: Floats
    likelihood: float
    level: Callable[[Floats], Floats] | None = None
    rougher: Model | None = None

    def noise_at(self, u: Floats) -> Floats:
        """Return the variance of the noise at places, shape (m,)."""
        return self.noise * (np.ones(len(u)) if self.level is None else self.level(u))


def _kernels() -> tuple[Any, Any]:
    try:
        from sklearn import gaussian_process
    except ImportError:
        raise ImportError(
            "GPLearner needs scikit-learn, which is not installed: pip install 'adaptive_calib[gp]'."
        ) from None
    return gaussian_process.GaussianProcessRegressor, gaussian_process.kernels


def prior(ndim: int, components: int = 1) -> Model:
    """Return the model before any fit; ImportError, with what to install, without scikit-learn."""
    _, kernels = _kernels()
    return Model(kernels.Matern([1.0] * ndim, nu=2.5), NUGGET, np.zeros(components), np.ones(components), -math.inf)


@one_thread
def fitted(u: Floats, values: Floats, noisy: bool, smoothness: Sequence[float] = SMOOTHNESS) -> Model:
    """Return the model of the largest likelihood; it depends on nothing else.

    Parameters
    ----------
    u : array, shape (n, N)
    values : array, shape (n, M)
    noisy : bool
        Whether the values have noise, of one variance everywhere.
    smoothness : sequence of float
        The kernels to compare, by their nu.
    """
    y, shift, scale = standardised(values)
    return replace(search(u, y, noisy, smoothness), shift=shift, scale=scale)


def standardised(values: Floats) -> tuple[Floats, Floats, Floats]:
    """Return values less their mean, in units of their deviation, and both; the deviation of a constant is its size."""
    size = np.maximum(np.abs(values).max(axis=0), np.finfo(float).tiny)
    shift = (values / size).mean(axis=0)
    spread = (values / size).std(axis=0)
    spread[spread <= 1e-14] = 1.0
    return (values / size - shift) / spread, shift * size, spread * size


def search(
    u: Floats,
    y: Floats,
    noisy: bool,
    smoothness: Sequence[float] = SMOOTHNESS,
    lengths: tuple[float, float] = LENGTHS,
) -> Model:
    """Return what `fitted` does, of values in units of their deviation, with the lengths between two bounds."""
    regressor, kernels = _kernels()
    best = prior(u.shape[1], y.shape[1])
    for nu in smoothness:
        kernel = kernels.ConstantKernel(1.0, AMPLITUDE) * kernels.Matern([1.0] * u.shape[1], lengths, nu=nu)
        if noisy:
            kernel = kernel + kernels.WhiteKernel(0.1, NOISE)
        process = regressor(kernel, alpha=NUGGET, optimizer=None).fit(u, y)

        def loss(theta: Floats, process: Any = process) -> tuple[float, Floats]:
            value, gradient = process.log_marginal_likelihood(theta, eval_gradient=True, clone_kernel=False)
            return -value, -gradient

        # a callback of scikit-learn would do the same, and warn of each length at a bound
        found = minimize(
            loss, kernel.theta, method="L-BFGS-B", jac=True, bounds=kernel.bounds, options={"maxiter": MOST_STEPS}
        )
        if -found.fun > best.likelihood:
            chosen = kernel.clone_with_theta(found.x)
            signal, noise = (chosen.k1, NUGGET + chosen.k2.noise_level) if noisy else (chosen, NUGGET)
            best = replace(best, kernel=signal, noise=float(noise), likelihood=float(-found.fun))
    return best


class Process:
    """The process given values.

    Parameters
    ----------
    model : Model
    u : array, shape (n, N)
    values : array, shape (n, M)

    Attributes
    ----------
    caution : float
        Factor by which standard deviations are enlarged: how much the values, each left out, are missed by more than
        their deviations say; at least 1.
    """

    def __init__(self, model: Model, u: Floats, values: Floats) -> None:
        self.model = model
        self.u, self.values = u, values
        self._factor = cholesky(model.kernel(u) + np.diag(model.noise_at(u)), lower=True)
        self._weights = cho_solve((self._factor, True), (values - model.shift) / model.scale)
        inverse = solve_triangular(self._factor, np.eye(len(u)), lower=True)
        #: By how many standard deviations each value is missed if left out, shape (n, M).
        self.missed = self._weights / np.sqrt((inverse**2).sum(axis=0))[:, None]
        self._rougher = None if model.rougher is None else Process(model.rougher, u, values)
        self.caution = max(1.0, float(np.sqrt(np.mean(self.missed**2))))

    def __call__(self, u: Floats) -> tuple[Floats, Floats]:
        """Return the mean, shape (m, M), and its standard deviation, the largest of a component, shape (m,)."""
        between = self.model.kernel(self.u, u)
        rows = solve_triangular(self._factor, between, lower=True)
        variance = np.maximum(self.model.kernel.diag(u) - (rows**2).sum(axis=0), 0.0)
        mean: Floats = between.T @ self._weights * self.model.scale + self.model.shift
        deviation: Floats = self.caution * np.sqrt(variance) * self.model.scale.max()
        if self._rougher is not None:
            other, wider = self._rougher(u)
            deviation = np.maximum(deviation, np.hypot(wider, np.abs(mean - other).max(axis=1)))
        return mean, deviation


class Variances:
    """Variances at places as points are added, in their order; to the last bit the same for the same points.

    Parameters
    ----------
    model : Model
    candidates, references : array, shapes (m, N) and (r, N)

    Attributes
    ----------
    chances, weights : array, shapes (m,) and (r,)
        Probability that a candidate, once observed, has a valid value; weights of the references, of mean 1.
    """

    def __init__(self, model: Model, candidates: Floats, references: Floats) -> None:
        self.model = model
        self.candidates = candidates
        self.chances, self.weights = np.ones(len(candidates)), np.ones(len(references))
        self.points: list[tuple[float, ...]] = []
        self._places = np.vstack([candidates, references])
        self._prior = model.kernel.diag(self._places)
        self._noise = model.noise_at(candidates)
        self._crossed = model.kernel(candidates, references)
        self._factor = np.zeros((64, 64))
        self._rows = np.zeros((64, len(self._places)))

    def set_points(self, points: list[tuple[float, ...]]) -> None:
        """Make these the points; what the former ones had in common with them is kept."""
        same = 0
        for ours, theirs in zip(self.points, points, strict=False):
            if ours != theirs:
                break
            same += 1
        del self.points[same:]
        for point in points[same:]:
            self._add(point)

    def _add(self, point: tuple[float, ...]) -> None:
        n, at = len(self.points), np.array([point])
        if n == len(self._factor):
            self._factor = np.pad(self._factor, ((0, n), (0, n)))
            self._rows = np.pad(self._rows, ((0, n), (0, 0)))
        factor, rows, kernel = self._factor, self._rows, self.model.kernel
        new = kernel(at, self._places)[0]
        noise = float(self.model.noise_at(at)[0])
        left = noise + float(kernel.diag(at)[0])
        if n:
            row = solve_triangular(factor[:n, :n], kernel(np.array(self.points), at)[:, 0], lower=True)
            factor[n, :n] = row
            new -= row @ rows[:n]
            left -= float(row @ row)
        factor[n, n] = math.sqrt(max(left, noise))
        rows[n] = new / factor[n, n]
        self.points.append(point)

    def integrated(self, n: int) -> float:
        """Return the weighted mean of the variance at the references given the first n points."""
        m = len(self.candidates)
        variance = self._prior[m:] - (self._rows[:n, m:] ** 2).sum(axis=0)
        return float((self.weights * np.maximum(variance, 0.0)).mean())

    def best(self, n: int, allowed: list[bool]) -> list[tuple[int, float]]:
        """Return at most n candidates, one after the other, each with the mean variance that it leaves.

        Parameters
        ----------
        n : int
        allowed : list of bool
            By candidate.
        """
        m, rows = len(self.candidates), self._rows[: len(self.points)]
        ours, theirs = rows[:, :m], rows[:, m:]
        crossed = (self._crossed - ours.T @ theirs) * np.sqrt(self.weights)
        variance = np.maximum(self._prior[:m] - (ours**2).sum(axis=0), 0.0)
        left = self.integrated(len(self.points))
        free = np.array(allowed)
        chosen: list[tuple[int, float]] = []
        new_rows = np.zeros((0, m))
        while len(chosen) < n and free.any():
            gains = np.einsum("cr,cr->c", crossed, crossed) / crossed.shape[1] / (variance + self._noise)
            gains *= self.chances
            i = int(np.where(free, gains, -1.0).argmax())
            free[i] = False
            left = max(0.0, left - float(gains[i]))
            chosen.append((i, left))
            along = self.model.kernel(self.candidates[i : i + 1], self.candidates)[0]
            along -= ours[:, i] @ ours + new_rows[:, i] @ new_rows
            size = float(variance[i] + self._noise[i])
            crossed -= np.outer(along / size, crossed[i])
            new_rows = np.vstack([new_rows, along / math.sqrt(size)])
            variance = np.maximum(variance - along**2 / size, 0.0)
        return chosen
