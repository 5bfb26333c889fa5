"""Samples of noisy functions of two numbers: ``python -m tests.benchmarks noisy_planes``.

The root mean square error of the mean over 60 x 60 points of the unit square, after 144 and 400 samples, for three
functions and two levels of Gaussian noise, median over `SEEDS`. Counts do not depend on the machine.

- GPLearner: ``noise=True``, ten samples at a time;
- grid: SciPy's `RectBivariateSpline` on a uniform grid, smoothed to the noise, whose level it is told;
- GP, Sobol: scikit-learn's Gaussian process, Matérn 5/2 with a length for each axis and noise, on Sobol points.

*ratio*: GPLearner / better peer of the seed at 400 samples: median and largest. *bands*: share of the square where the
mean is within two standard deviations: mean and smallest of all seeds. *false*: seeds in which the largest error on the
square is above `largest_error()`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.interpolate import RectBivariateSpline
from scipy.stats import qmc

from tests.benchmarks.harness import Case

#: None is timed: this module counts.
CASES: list[Case] = []
PEER = None

SEEDS = range(3000, 3004)
SIDES = (12, 20)
LEVELS = (0.03, 0.3)
_AXIS = np.linspace(0, 1, 60)
_SQUARE = np.stack(np.meshgrid(_AXIS, _AXIS, indexing="ij"), axis=-1).reshape(-1, 2)

FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "wave": lambda x, y: np.sin(5 * x + 2 * y) * np.exp(-y),
    "ridge": lambda x, y: np.tanh(8 * (x + 0.6 * y - 0.8)),
    "peak of width 0.08": lambda x, y: np.exp(-((x - 0.62) ** 2 + (y - 0.35) ** 2) / 0.08**2),
}


class Noisy:
    """A mean with noise, which is a function of the place."""

    def __init__(self, mean: Callable[[Any, Any], Any], level: float, seed: int) -> None:
        self.mean, self.level, self.seed = mean, level, seed

    def __call__(self, point: Any) -> float:
        """Return the same value for the same point."""
        bits = np.array(point, float).view(np.uint64).tolist()
        noise = np.random.default_rng([self.seed, *bits]).standard_normal()
        return float(self.mean(*point) + self.level * noise)


def learned(sample: Noisy) -> list[Any]:
    """Return mean, standard deviation and the largest error of a learner at each size."""
    from adaptive_calib import GPLearner

    learner, found = GPLearner(sample, [(0, 1), (0, 1)], noise=True), []
    for side in SIDES:
        while learner.npoints < side**2:
            for point in learner.ask(min(10, side**2 - learner.npoints))[0]:
                learner.tell(point, sample(point))
        found.append((*learner.predict(_SQUARE, return_error=True), learner.largest_error()))
    return found


def grid(sample: Noisy, side: int) -> np.ndarray:
    """Return the smoothing spline of a uniform grid on the square."""
    axis = np.linspace(0, 1, side)
    values = np.array([[sample((x, y)) for y in axis] for x in axis])
    spline: np.ndarray = RectBivariateSpline(axis, axis, values, s=side**2 * sample.level**2)(_AXIS, _AXIS)
    return spline.ravel()


def gaussian_process(sample: Noisy, n: int) -> Any:
    """Return the mean of a Gaussian process on Sobol points."""
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    points = qmc.Sobol(2, rng=np.random.default_rng(sample.seed)).random(512)[:n]
    kernel = ConstantKernel(1.0, (1e-3, 1e4)) * Matern([1.0, 1.0], (0.02, 100.0), nu=2.5) + WhiteKernel(0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        process = GaussianProcessRegressor(kernel, normalize_y=True).fit(points, [sample(p) for p in points])
    return process.predict(_SQUARE)


def report(seeds: Any = SEEDS, case: str = "") -> str:
    """Return the table of the functions with `case` in their names."""
    lines = ["| function | noise | GPLearner | grid | GP, Sobol | ratio | bands | false |", "|---" * 8 + "|"]
    lines += [
        _row(name, mean, level, list(seeds)) for name, mean in FUNCTIONS.items() for level in LEVELS if case in name
    ]
    return "\n".join(lines)


def _row(name: str, mean: Callable[[Any, Any], Any], level: float, seeds: list[int]) -> str:
    truth = mean(*_SQUARE.T)
    errors: list[list[list[float]]] = []
    bands, false = [], 0
    for seed in seeds:
        sample = Noisy(mean, level, seed)
        ours = learned(sample)
        peers = [[grid(sample, side) for side in SIDES], [gaussian_process(sample, side**2) for side in SIDES]]
        both = [[values for values, _, _ in ours], *peers]
        errors.append([[float(np.sqrt(np.mean((values - truth) ** 2))) for values in each] for each in both])
        values, deviations, claimed = ours[-1]
        off = np.abs(values - truth)
        bands.append(float(np.mean(off <= 2 * deviations)))
        false += bool(off.max() > claimed)
    found = np.array(errors)
    ratios = found[:, 0, -1] / found[:, 1:, -1].min(axis=1)
    cells = [" / ".join(f"{e:.3g}" for e in each) for each in np.median(found, axis=0)]
    ratio, held = f"{np.median(ratios):.2f}, {ratios.max():.2f}", f"{np.mean(bands):.2f}, {min(bands):.2f}"
    return f"| {name} | {level:g} | {' | '.join(cells)} | {ratio} | {held} | {false} of {len(seeds)} |"
