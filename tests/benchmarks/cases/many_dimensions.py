"""How many evaluations functions of four and six numbers take: ``python -m tests.benchmarks many_dimensions``.

Counted are the evaluations until the root mean square of the error at 4000 random points of the unit cube, as a
fraction of the range of the function there, is 1e-2 in four and 3e-2 in six dimensions. No method knows the accuracy
that is wanted. `genz` are Genz's six functions with random parameters; learner and kernels were chosen with other draws
of them. `MODELS`, public test functions of computer experiments, were used for no choice. Counts do not depend on the
machine.

Peers: SciPy's cubic `RBFInterpolator` on Sobol points; scikit-learn's Gaussian process, Matérn 5/2 with a length for
each axis, on the same; in four dimensions the linear `LearnerND`.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy.interpolate import RBFInterpolator
from scipy.stats import qmc

from tests.benchmarks.cases.planes import Function, Method, count
from tests.benchmarks.harness import Case

#: None is timed: this module counts.
CASES: list[Case] = []
PEER = None

MOST = 300
GOALS = {4: 1e-2, 6: 3e-2}
GROWTH = 1.1
SEED = 2024


def genz(ndim: int, seed: int) -> list[Function]:
    """Return Genz's six functions, with difficulties and places drawn at random."""
    random = np.random.default_rng([seed, ndim])
    places = random.uniform(0.2, 0.8, ndim)

    def steep(total: float) -> Any:
        shares = random.random(ndim) + 0.3
        return total * shares / shares.sum()

    a, b, c, d, e, f = (steep(total) for total in (7, 6, 4, 7, 5, 4))

    def weighted(weights: Any, x: Any) -> Any:
        return np.tensordot(weights, np.array(x), 1)

    def scaled(weights: Any, x: Any) -> Any:
        return np.array([w * (axis - place) for w, axis, place in zip(weights, x, places, strict=True)])

    formulas: dict[str, Callable[..., Any]] = {
        "oscillatory": lambda *x: np.cos(2 * np.pi * places[0] + weighted(a, x)),
        "product peak": lambda *x: np.prod(1 / (1 + scaled(b, x) ** 2), axis=0),
        "corner peak": lambda *x: (1 + weighted(c, x)) ** -(ndim + 1.0),
        "Gaussian": lambda *x: np.exp(-(scaled(d, x) ** 2).sum(axis=0)),
        "continuous": lambda *x: np.exp(-np.abs(scaled(e, x)).sum(axis=0)),
        "discontinuous": lambda *x: np.where(
            (x[0] > places[0]) | (x[1] > places[1]), 0, np.exp(weighted(f, x))
        ),
    }  # fmt: skip
    return [Function(f"Genz {name}, {ndim}", formula, ndim) for name, formula in formulas.items()]


_HARTMANN = np.array([1.0, 1.2, 3.0, 3.2])
_HARTMANN_A = np.array(
    [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
)
_HARTMANN_P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


def _hartmann(*x: Any) -> Any:
    n = len(x)
    off = np.array(x)[None] - _HARTMANN_P[:, :n].reshape((4, n) + (1,) * np.ndim(x[0]))
    return -np.tensordot(_HARTMANN, np.exp(-np.einsum("kd,kd...->k...", _HARTMANN_A[:, :n], off**2)), 1)


def _otl(*x: Any) -> Any:
    lows, highs = np.array([50, 25, 0.5, 1.2, 0.25, 50.0]), np.array([150, 70, 3, 2.5, 1.2, 300.0])
    b1, b2, f, c1, c2, beta = (low + (high - low) * each for low, high, each in zip(lows, highs, x, strict=True))
    b12, wide = 12 * b2 / (b1 + b2), beta * (c2 + 9)
    return (b12 + 0.74) * wide / (wide + f) + 11.35 * f / (wide + f) + 0.74 * f * wide / ((wide + f) * c1)


def _friedman(*x: Any) -> Any:
    return 10 * np.sin(np.pi * x[0] * x[1]) + 20 * (x[2] - 0.5) ** 2 + 10 * x[3] + 5 * x[4] + 0 * x[5]


MODELS = (
    Function("Hartmann, 4", _hartmann, 4),
    Function("Colville, 4", lambda *x: _colville(*[4 * each - 2 for each in x]), 4),
    Function("Park, 4", lambda a, b, c, d: 2 / 3 * np.exp(a + b) - d * np.sin(c) + c, 4),
    Function("Hartmann, 6", _hartmann, 6),
    Function("OTL circuit, 6", _otl, 6),
    Function("Friedman, 6", _friedman, 6),
)


def _colville(a: Any, b: Any, c: Any, d: Any) -> Any:
    return (
        100 * (a * a - b) ** 2 + (a - 1) ** 2 + (c - 1) ** 2 + 90 * (c * c - d) ** 2
        + 10.1 * ((b - 1) ** 2 + (d - 1) ** 2) + 19.8 * (b - 1) * (d - 1)
    )  # fmt: skip


def _numbers(ndim: int) -> list[int]:
    numbers = [4 * ndim + 4]
    while (n := int(numbers[-1] * GROWTH)) <= MOST:
        numbers.append(n)
    return numbers


def ours(f: Function, make: Callable[..., Any]) -> Method:
    """Run a learner."""
    learner = make(f, [(0, 1)] * f.ndim)
    for n in _numbers(f.ndim):
        while learner.npoints < n:
            (point,), _ = learner.ask(1)
            learner.tell(point, f(point))
        yield n, learner.predict


def _sobol(f: Function) -> list[tuple[int, np.ndarray, np.ndarray]]:
    points = qmc.Sobol(f.ndim, rng=np.random.default_rng(1)).random(512)
    values = np.array([f(point) for point in points])
    return [(n, points[:n], values[:n]) for n in _numbers(f.ndim)]


def rbf(f: Function) -> Method:
    """Interpolate by cubic radial basis functions on Sobol points."""
    for n, points, values in _sobol(f):
        yield n, RBFInterpolator(points, values, kernel="cubic")


def gaussian_process(f: Function) -> Method:
    """Interpolate by a Gaussian process on Sobol points."""
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern

    for n, points, values in _sobol(f):
        kernel = ConstantKernel(1.0, (1e-3, 1e4)) * Matern([1.0] * f.ndim, (0.02, 100.0), nu=2.5)
        process = GaussianProcessRegressor(kernel, alpha=1e-8, normalize_y=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            process.fit(points, values)
        yield n, process.predict


def row(f: Function) -> tuple[str, float]:
    """Return the row of a function and the ratio to the better of RBF and GP; NaN if none reached the goal."""
    from adaptive_calib import GPLearner, LearnerND

    methods = [ours(f, GPLearner), rbf(f), gaussian_process(f)]
    if f.ndim == 4:
        methods.append(ours(f, partial(LearnerND, mode="linear")))
    found = [count(f, method, GOALS[f.ndim]) for method in methods]
    cells = [f"{n:.0f}" if math.isfinite(n) else f"({error:.1e})" for n, error in found]
    best = min(n for n, _ in found[1:3])
    return f"| {f.name} | {' | '.join(cells)} |{'  |' * (4 - len(found))}", found[0][0] / best


def report(seed: int = SEED, case: str = "") -> str:
    """Return the table of the functions with `case` in their names; a number in brackets is the error that remained."""
    lines = ["| function | GPLearner | RBF, Sobol | GP, Sobol | linear LearnerND |", "|---" * 5 + "|"]
    ratios = []
    for f in [f for f in (*genz(4, seed), *genz(6, seed), *MODELS) if case in f.name]:
        line, ratio = row(f)
        print(line, file=sys.stderr, flush=True)
        lines.append(line)
        ratios.append(ratio)
    known = [ratio for ratio in ratios if not math.isnan(ratio)]
    lines.append(f"\nGPLearner / better peer: {np.median(known):.2f} in the median, {max(known):.2f} at most")
    return "\n".join(lines)
