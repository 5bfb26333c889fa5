"""How many evaluations functions of two and three numbers take: ``python -m tests.benchmarks planes``.

Counted are the evaluations until the root mean square of the error over the unit square or cube, as a fraction of the
range of the function, is 1e-3 in the plane and 1e-2 in space (on 100 x 100 points, edges included, and at 4000 random
points). No method knows the accuracy that is wanted. `NAMED` are the functions with which the rules were chosen; those
of `HELD_OUT` were used for no choice. Counts do not depend on the machine. ``--case ring`` takes
the functions with that in their names.

Peers:

- the linear `LearnerND`, which asks python-adaptive's points, and in the plane `Learner2D`, which has its losses;
- RBF: SciPy's cubic `RBFInterpolator` on Sobol points; Clough-Tocher: SciPy's, on the corners and Sobol points (plane);
- Chebyshev: tensor products of Chebyshev points;
- GP: scikit-learn's Gaussian process, Matérn 5/2 with a length for each axis, next where its variance is largest among
  1024 Sobol points, up to 150 points.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy.interpolate import CloughTocher2DInterpolator, RBFInterpolator
from scipy.stats import qmc

from tests.benchmarks.harness import Case

#: None is timed: this module counts.
CASES: list[Case] = []
PEER = None

#: Evaluations after which a method is given up.
MOST = 1000
GOALS = {2: 1e-3, 3: 1e-2}
#: Errors are computed each time that the number of points has grown by this factor.
GROWTH = 1.05


@dataclass(frozen=True)
class Function:
    """A function on the unit square or cube, or in more dimensions.

    Attributes
    ----------
    name : str
    formula : callable
        Of `ndim` arrays.
    ndim : int
    """

    name: str
    formula: Callable[..., Any]
    ndim: int = 2

    def places(self) -> np.ndarray:
        """Return where the error is computed, shape (m, N)."""
        if self.ndim == 2:
            side = np.linspace(0, 1, 100)
            return np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2)
        return np.random.default_rng(0).random((4000, self.ndim))

    def __call__(self, point: Any) -> float:
        """Return the value at one point."""
        return float(self.formula(*map(np.float64, point)))


def _franke(x: Any, y: Any) -> Any:
    return (
        0.75 * np.exp(-((9 * x - 2) ** 2 + (9 * y - 2) ** 2) / 4)
        + 0.75 * np.exp(-((9 * x + 1) ** 2) / 49 - (9 * y + 1) / 10)
        + 0.5 * np.exp(-((9 * x - 7) ** 2 + (9 * y - 3) ** 2) / 4)
        - 0.2 * np.exp(-((9 * x - 4) ** 2) - (9 * y - 7) ** 2)
    )


def _peaks(x: Any, y: Any) -> Any:
    x, y = 6 * x - 3, 6 * y - 3
    return (
        3 * (1 - x) ** 2 * np.exp(-(x**2) - (y + 1) ** 2)
        - 10 * (x / 5 - x**3 - y**5) * np.exp(-(x**2) - y**2)
        - np.exp(-((x + 1) ** 2) - y**2) / 3
    )


def _camel(x: Any, y: Any) -> Any:
    a, b = 3.6 * x - 1.8, 2 * y - 1
    return (4 - 2.1 * a**2 + a**4 / 3) * a**2 + a * b + (4 * b**2 - 4) * b**2


NAMED = (
    Function("Franke", _franke),
    Function("peaks", _peaks),
    Function("Genz Gaussian", lambda x, y: np.exp(-((5 * (x - 0.4)) ** 2) - (4 * (y - 0.55)) ** 2)),
    Function("Genz oscillatory", lambda x, y: np.cos(0.6 * np.pi + 7 * x + 5 * y)),
    Function("sin 12x + sin 1.5y", lambda x, y: np.sin(12 * x) + np.sin(1.5 * y)),
    Function("ring of width 0.05", lambda x, y: np.exp(-(((np.hypot(x - 0.5, y - 0.5) - 0.3) / 0.05) ** 2))),
    Function(
        "slope, peak of width 5e-3", lambda x, y: x / 5 + 1 / (1 + ((x - 0.37) ** 2 + (y - 0.61) ** 2) / 0.005**2)
    ),
    Function("kink along a line", lambda x, y: np.abs(x + 0.4 * y - 0.6)),
    Function("wave packet", lambda x, y: np.exp(-8 * ((x - 0.3) ** 2 + (y - 0.7) ** 2)) * np.cos(15 * x - 6 * y)),
    Function("tanh ridge", lambda x, y: np.tanh(12 * (x + 0.7 * y - 0.8))),
    Function("step along a circle", lambda x, y: ((x - 0.2) ** 2 + (y - 0.3) ** 2 < 0.16) * 1.0),
    Function(
        "Genz discontinuous", lambda x, y: np.where((x > 0.6) | (y > 0.7), 0, np.exp(2 * x + 1.5 * y))
    ),
    Function("oscillatory in space", lambda x, y, z: np.cos(0.6 * np.pi + 5 * x + 4 * y + 3 * z), 3),
    Function("corner peak in space", lambda x, y, z: (1 + 2 * x + 1.5 * y + z) ** -4.0, 3),
)  # fmt: skip

HELD_OUT = (
    Function("six-hump camel", _camel),
    Function("Branin", lambda x, y: (15 * y - 5.1 / (4 * np.pi**2) * (15 * x - 5) ** 2 + 5 / np.pi * (15 * x - 5) - 6)
             ** 2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(15 * x - 5)),
    Function("Bessel rings", lambda x, y: np.sinc(4 * np.hypot(x - 0.3, y - 0.4))),
    Function("two resonances", lambda x, y: 1 / (1 + ((x - 0.72) / 0.12) ** 2 + ((y - 0.3) / 0.2) ** 2)
             + 0.6 / (1 + (x - 0.25) ** 2 / 0.01 + (y - 0.75) ** 2 / 0.02)),
    Function("exp(xy) sin 8y", lambda x, y: np.exp(x * y) * np.sin(8 * y)),
    Function("crossing fronts", lambda x, y: np.tanh(9 * (x - 0.45)) * np.tanh(7 * (y - 0.6 * x - 0.2))),
    Function("bell of width 0.02", lambda x, y: np.exp(-((x - 0.71) ** 2 + (y - 0.33) ** 2) / 0.02**2) + 0.3 * x * y),
    Function("roof", lambda x, y: np.maximum(0.2, 1 - 1.4 * np.abs(x - 0.52) - 0.6 * np.abs(y - 0.41))),
    Function("step along a line", lambda x, y: (2 * x - y > 0.43) * 1.0 + 0.2 * np.sin(5 * x)),
    Function("bell in space", lambda x, y, z: np.exp(-9 * ((x - 0.4) ** 2 + (y - 0.55) ** 2 + (z - 0.6) ** 2)), 3),
    Function("ridge in space", lambda x, y, z: np.tanh(5 * (x + 0.5 * y - 0.3 * z - 0.6)), 3),
    Function("unequal axes in space", lambda x, y, z: np.sin(9 * x) + 0.3 * y * z, 3),
    Function("pyramid in space", lambda x, y, z: np.exp(-2 * (np.abs(x - 0.4) + np.abs(y - 0.6) + np.abs(z - 0.5))), 3),
)  # fmt: skip

#: Yields number of evaluations and interpolant.
Method = Iterator[tuple[int, Callable[[np.ndarray], Any]]]


def ours(f: Function, mode: str, kind: str = "LearnerND") -> Method:
    """Run a learner."""
    import adaptive_calib

    make = getattr(adaptive_calib, kind)
    learner = make(f, [(0, 1)] * f.ndim, mode=mode)
    for n in _numbers(2**f.ndim + 2):
        while learner.npoints < n:
            (point,), _ = learner.ask(1)
            learner.tell(point, f(point))
        yield n, learner.predict


def _numbers(first: int) -> Iterator[int]:
    n = first
    while n <= MOST:
        yield n
        n = max(n + 1, int(n * GROWTH))


def _sobol(ndim: int, n: int) -> np.ndarray:
    points: np.ndarray = qmc.Sobol(ndim, scramble=False).random(2048)[:n]
    return points


def rbf(f: Function) -> Method:
    """Interpolate by cubic radial basis functions on Sobol points."""
    for n in _numbers(2 * f.ndim + 4):
        points = _sobol(f.ndim, n)
        yield n, RBFInterpolator(points, [f(p) for p in points], kernel="cubic")


def clough_tocher(f: Function) -> Method:
    """Interpolate by cubics on a triangulation of the corners and Sobol points."""
    corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    for n in _numbers(8):
        points = np.vstack([corners, _sobol(2, n - 3)[1:]])
        yield n, CloughTocher2DInterpolator(points, [f(p) for p in points])


def chebyshev(f: Function) -> Method:
    """Interpolate by tensor products of Chebyshev polynomials."""
    k = 3
    while k**f.ndim <= MOST:
        nodes = (1 - np.cos(np.pi * np.arange(k) / (k - 1))) / 2
        basis = np.linalg.inv(np.polynomial.chebyshev.chebvander(2 * nodes - 1, k - 1))
        values = np.array(
            [f(p) for p in np.stack(np.meshgrid(*[nodes] * f.ndim, indexing="ij"), -1).reshape(-1, f.ndim)]
        )
        coefficients = values.reshape([k] * f.ndim)
        for axis in range(f.ndim):
            coefficients = np.moveaxis(np.tensordot(basis, coefficients, (1, axis)), 0, axis)
        yield k**f.ndim, partial(_series, coefficients)
        k += 1


def _series(coefficients: np.ndarray, places: np.ndarray) -> Any:
    x, y, *z = 2 * places.T - 1
    if z:
        return np.polynomial.chebyshev.chebval3d(x, y, z[0], coefficients)
    return np.polynomial.chebyshev.chebval2d(x, y, coefficients)


def gaussian_process(f: Function) -> Method:
    """Ask where the variance of a Gaussian process is largest, an eighth of the points from one fit."""
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern

    candidates = _sobol(f.ndim, 1024)
    kernel = ConstantKernel(1.0, (1e-3, 1e4)) * Matern([0.3] * f.ndim, (0.02, 30.0), nu=2.5)
    points = candidates[: 8 * f.ndim]
    while len(points) <= 150:
        values = np.array([f(p) for p in points])
        process = GaussianProcessRegressor(kernel, alpha=1e-10, normalize_y=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            process.fit(points, values)
        kernel = process.kernel_
        yield len(points), process.predict
        fixed = GaussianProcessRegressor(kernel, alpha=1e-10, optimizer=None)
        for _ in range(max(4, len(points) // 8)):
            fixed.fit(points, np.zeros(len(points)))
            deviation = fixed.predict(candidates, return_std=True)[1]
            points = np.vstack([points, candidates[deviation.argmax()]])


PEERS: dict[str, Callable[[Function], Method]] = {
    "linear LearnerND": lambda f: ours(f, "linear"),
    "linear Learner2D": lambda f: ours(f, "linear", "Learner2D"),
    "RBF": rbf,
    "Clough-Tocher": clough_tocher,
    "Chebyshev": chebyshev,
    "GP": gaussian_process,
}
PLANE_ONLY = ("linear Learner2D", "Clough-Tocher")


def count(f: Function, method: Method, goal: float | None = None) -> tuple[float, float]:
    """Return the number of evaluations to the goal, inf if it is not reached, and the last error."""
    goal = GOALS[f.ndim] if goal is None else goal
    places = f.places()
    truth = f.formula(*places.T)
    size, error = float(np.ptp(truth)), math.inf
    for n, predict in method:
        missed = np.nan_to_num(np.asarray(predict(places)).ravel() - truth, nan=size)
        error = float(np.sqrt(np.mean(missed**2))) / size
        if error <= goal:
            return n, error
    return math.inf, error


def compare(functions: tuple[Function, ...]) -> str:
    """Return the table of some functions, and the ratios to the best peer."""
    lines = [f"| function | smooth | {' | '.join(PEERS)} |", "|---" * (len(PEERS) + 2) + "|"]
    ratios: dict[int, list[float]] = {2: [], 3: []}
    for f in functions:
        found = {name: count(f, peer(f)) for name, peer in PEERS.items() if f.ndim == 2 or name not in PLANE_ONLY}
        smooth = count(f, ours(f, "smooth"))
        best = min(n for n, _ in found.values())
        if math.isfinite(min(best, smooth[0])):
            ratios[f.ndim].append(smooth[0] / best)
        cells = [_text(smooth), *[_text(found[name]) if name in found else "" for name in PEERS]]
        lines.append(f"| {f.name} | {' | '.join(cells)} |")
        print(lines[-1], file=sys.stderr, flush=True)
    for ndim, known in ratios.items():
        if known:
            lines.append(
                f"\n- {ndim} numbers: smooth / best peer {np.median(known):.2f} in the median, {max(known):.2f} at most"
            )
    return "\n".join(lines)


def _text(found: tuple[float, float]) -> str:
    n, error = found
    return f"{n:.0f}" if math.isfinite(n) else f"({error:.1e})"


def report(case: str = "") -> str:
    """Return both tables, of functions with `case` in their names; a number in brackets is the error that remained."""
    parts = []
    for title, functions in (("Functions with which it was made", NAMED), ("Functions held out", HELD_OUT)):
        chosen = tuple(f for f in functions if case in f.name)
        if chosen:
            parts.append(f"#### {title}\n\n{compare(chosen)}")
    return "\n\n".join(parts)
