"""The EMD criterion: sampling expected risks against emdcmp 1.1.1, and against the bare draws that cannot be avoided.

Times are CPU seconds of the one process, so that another process on the machine counts for neither side. The losses are
the examples D (a decay with small deviations, where most beta distributions are narrow) and G (heavy mismatch).

In "bare beta draws" the peer is NumPy: its side runs, in emdcmp's environment, as many draws as we need, and nothing
else. The ratio is peer / ours as everywhere: 0.67 means that we take 1.5 times the bare draws.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np

from tests.benchmarks.harness import Case

PEER = "emdcmp"

Losses: TypeAlias = Callable[[], tuple[np.ndarray, np.ndarray]]


def _cpu_seconds(work: Callable[[], object], repeats: int) -> float:
    """Return the least CPU time of some repeats, after one to warm up if there are several."""
    times = []
    for _ in range(repeats + (repeats > 1)):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times[-repeats:])


def _decay() -> tuple[np.ndarray, np.ndarray]:
    losses = []
    for bias, seed in ((-0.03, 123), (0.0, 246)):
        rng = np.random.default_rng(seed)
        x = rng.uniform(0, 3, 400)
        y = np.exp(-x) + rng.normal(bias, 0.25, 400)
        losses.append(0.5 * np.log(2 * np.pi) + (y - np.exp(-x)) ** 2 / 2)
    return losses[0], losses[1]


def _gauss(seed: int = 1, mean: float = 0.5, sd: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    mixed, synthetic = rng.normal(mean, 1.4, 1000), rng.normal(0.0, sd, 1000)
    scale = 0.5 * np.log(2 * np.pi * sd**2)
    return scale + mixed**2 / (2 * sd**2), scale + synthetic**2 / (2 * sd**2)


def _is_ours(package: ModuleType) -> bool:
    return package.__name__ == "adaptive_calib"


def _numbers(package: ModuleType) -> Any:
    """Return the module with the familiar functions: ours is a subpackage, so as not to depend on the public face."""
    if not _is_ours(package):
        return package
    from adaptive_calib import emd

    return emd


def _draw(
    losses: Callable[[], tuple[np.ndarray, np.ndarray]], c: float, res: int
) -> Callable[[ModuleType, int], float]:
    def run(package: ModuleType, M: int) -> float:
        numbers = _numbers(package)
        mixed, synthetic = losses()
        risks: list[np.ndarray] = []

        def work() -> None:
            # new functions each time: emdcmp remembers the result of the same ones. A constant is added to them, else
            # equal samples could be remembered, too
            shift = 1e-9 * len(risks)
            ppfs = (numbers.make_empirical_risk_ppf(values + shift) for values in (mixed, synthetic))
            risks.append(
                numbers.draw_R_samples(*ppfs, c=c, res=res, M=M, max_M=M, relstderr_tol=1e9, path_progbar=None)
            )

        # emdcmp takes seconds, so once is enough, and it gets a small warm-up for what it imports late
        if not _is_ours(package):
            ppfs = [numbers.make_empirical_risk_ppf(values) for values in (mixed, synthetic)]
            numbers.draw_R_samples(*ppfs, c=c, res=2, M=1, max_M=1, relstderr_tol=1e9, path_progbar=None)
        seconds = _cpu_seconds(work, 20 if _is_ours(package) else 1)
        if any(r.shape != (M,) for r in risks):
            raise AssertionError("another number of risks came than was asked for")
        return seconds

    return run


def _bare(package: ModuleType, M: int) -> float:
    """Ours: sample M risks, from losses to risks; peer: as many bare `Generator.beta` draws with the same α and β."""
    if _is_ours(package):
        from adaptive_calib.emd import draw_R_samples, make_empirical_risk_ppf

        def work() -> None:
            ppfs = (make_empirical_risk_ppf(values) for values in losses)
            draw_R_samples(*ppfs, 1.0, res=8, M=M, max_M=M, relstderr_tol=1e9, rng=1)

        losses = _gauss()
        return _cpu_seconds(work, 10)
    alpha, beta = _shapes_of_gauss()
    rng = np.random.default_rng(1)
    return _cpu_seconds(lambda: rng.beta(alpha, beta, size=(M, 255)), 10)


def _shapes_of_gauss() -> tuple[np.ndarray, np.ndarray]:
    """Return α and β of example G at c = 1, res 8, solved with SciPy: slow, but without our package."""
    from scipy.optimize import root
    from scipy.special import polygamma, psi

    mixed, synthetic = (np.sort(values) for values in _gauss())
    t = np.linspace(0, 1, 257) * (mixed.size + 1) - 1
    k = np.clip(np.floor(t), 0, mixed.size - 2).astype(int)
    q, s = (y[k] + (t - k) * (y[k + 1] - y[k]) for y in (mixed, synthetic))
    i = np.arange(1, 256)
    d = i & -i
    lam = np.log(q[i] - q[i - d]) - np.log(q[i + d] - q[i])
    v = 2.0 * (q - s)[i] ** 2

    def equations(x: np.ndarray, lam: float, v: float) -> list[float]:
        a, b = np.exp(np.clip(x, -300, 300))
        return [psi(a) - psi(b) - lam, np.log(polygamma(1, a) + polygamma(1, b)) - np.log(v)]

    solutions = []
    for u, w in zip(lam, v, strict=True):
        start = [np.log((1 + np.exp(u)) / w + 0.5), np.log((1 + np.exp(-u)) / w + 0.5)]
        found = root(equations, start, args=(u, w), tol=1e-10)
        if np.abs(equations(found.x, u, w)).max() > 1e-6:
            raise AssertionError(f"SciPy found no α, β for λ = {u}, v = {w}")
        solutions.append(found.x)
    alpha, beta = np.exp(np.array(solutions)).T
    return alpha, beta


def _curve(package: ModuleType, count: int) -> float:
    """Bemd of two models at `count` values of c: ours M = 32 with 32 pairs of ends; peer: emdcmp's Bemd one by one.

    Errors are compared in `docs/explanation/emd_performance.md`; emdcmp gets M = 32, too.
    """
    a, b = _gauss(), _gauss(7, 0.4, 1.2)
    first = (17 - count) // 2  # fewer are the middle ones
    c = 2.0 ** np.linspace(-8, 8, 17)[first : first + count]
    numbers = _numbers(package)
    mixed_a, synthetic_a, mixed_b, synthetic_b = (numbers.make_empirical_risk_ppf(values) for values in (*a, *b))
    if _is_ours(package):
        arrays = [*numbers.evaluate_ppfs(mixed_a, synthetic_a, 8), *numbers.evaluate_ppfs(mixed_b, synthetic_b, 8)]
        seeds = np.random.SeedSequence(1).spawn(len(c))
        return _cpu_seconds(lambda: numbers.bemd_curve(*arrays, c, seeds, M=32, max_M=32, resample_ends=32), 10)

    def work() -> None:
        for value in c:
            numbers.Bemd(
                mixed_a, mixed_b, synthetic_a, synthetic_b, float(value), res=8, M=32, max_M=32, relstderr_tol=1e9,
                progbarA=None, progbarB=None, use_multiprocessing=False,
            )  # fmt: skip

    return _cpu_seconds(work, 1)


CASES = [
    Case("draw_R_samples, D, c=1/16, res 6", _draw(_decay, 1 / 16, 6), size=32, quick=4, target=500, repeats=3),
    Case("draw_R_samples, D, c=1, res 6", _draw(_decay, 1.0, 6), size=32, quick=4, target=500, repeats=3),
    Case("draw_R_samples, G, c=1, res 6", _draw(_gauss, 1.0, 6), size=32, quick=4, target=500, repeats=3),
    Case("draw_R_samples, D, c=1/16, res 8", _draw(_decay, 1 / 16, 8), size=128, quick=4, target=3000, repeats=1),
    Case("draw_R_samples, D, c=1, res 8", _draw(_decay, 1.0, 8), size=128, quick=4, target=3000, repeats=1),
    Case("draw_R_samples, G, c=1, res 8", _draw(_gauss, 1.0, 8), size=128, quick=4, target=3000, repeats=1),
    Case("bare beta draws, the same α and β, res 8", _bare, size=1024, quick=16, target=1 / 1.5),
    Case("17 c, two models, M=32 K=32, res 8", _curve, size=17, quick=2, repeats=1, peer_size=1),
]
