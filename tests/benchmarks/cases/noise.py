"""Samples of noisy curves: ``python -m tests.benchmarks noise``.

The root mean square error of the mean curve over the domain, after 500 and 1000 samples, for three functions and two
levels of Gaussian noise. Counts do not depend on the machine; the rules were chosen with seeds below 1000, on other
functions as well, reported are `SEEDS`.

- shared: `AverageLearner1D(mode="shared")`, 20 samples at a time;
- separate: `AverageLearner1D(min_samples=5)`, the means at each place joined by lines;
- even: evenly spread samples and SciPy's smoothing spline with generalised cross-validation.

*ratio*: shared / even at 1000 samples, by seed: median and largest. As the two have samples of their own, chance alone
makes them differ; *same*: ratio of both curves through the even samples. *bands*: share of the domain where the mean is
in the band of 99 %, smallest of all seeds. *false*: seeds in which the largest error is above `largest_error()`.
*found*: seeds in which the curve reaches half of the peak.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.interpolate import make_smoothing_spline

from tests.benchmarks.harness import Case

#: None is timed: this module counts.
CASES: list[Case] = []
PEER = None

SEEDS = range(1000, 1020)
SIZES = (500, 1000)
_X = np.linspace(-1, 1, 2001)

FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "sin 6x": lambda x: np.sin(6 * x),
    "tanh 20x": lambda x: np.tanh(20 * x),
    "Lorentzian of half-width 0.02": lambda x: 1 / (1 + ((x - 0.3) / 0.02) ** 2),
}
PEAK = 0.3
LEVELS = (0.03, 0.3)


class Noisy:
    """A function of (seed, x) with noise."""

    def __init__(self, mean: Callable[[Any], Any], level: float, seed: int) -> None:
        self.mean, self.level, self.seed = mean, level, seed

    def __call__(self, point: tuple[int, float]) -> float:
        """Return the same value for the same point."""
        seed, x = point
        noise = np.random.default_rng([self.seed, seed, int(np.float64(x).view(np.uint64))]).standard_normal()
        return float(self.mean(x) + self.level * noise)


def learned(sample: Noisy, **parameters: Any) -> list[Any]:
    """Return a learner at each of `SIZES`: predictions, error bars and the largest error."""
    from adaptive_calib import AverageLearner1D

    learner = AverageLearner1D(sample, (-1, 1), **parameters)
    found = []
    for size in SIZES:
        while learner.nsamples < size:
            for point in learner.ask(min(20, size - learner.nsamples))[0]:
                learner.tell(point, sample(point))
        found.append((*learner.predict(_X, return_error=True), learner.largest_error()))
    return found


def even(sample: Noisy, size: int) -> Any:
    """Return the smoothing spline of evenly spread samples, and the curve of the learner through the same."""
    from adaptive_calib import AverageLearner1D

    x = np.linspace(-1, 1, size)
    y = np.array([sample((0, t)) for t in x.tolist()])
    learner = AverageLearner1D(sample, (-1, 1), mode="shared")
    learner.tell_many([(0, t) for t in x.tolist()], y)
    return make_smoothing_spline(x, y)(_X), learner.predict(_X)


def rms(values: Any, truth: Any) -> float:
    """Return the root mean square of the difference; places without a value are left out."""
    return float(np.sqrt(np.nanmean((values - truth) ** 2)))


def report(seeds: Any = SEEDS, case: str = "") -> str:
    """Return the table of the functions with `case` in their names."""
    lines = [
        "| function | noise | shared | separate | even | ratio | same | bands | false | found |",
        "|---" * 10 + "|",
    ]
    lines += [
        _row(name, mean, level, list(seeds)) for name, mean in FUNCTIONS.items() for level in LEVELS if case in name
    ]
    return "\n".join(lines)


def _row(name: str, mean: Callable[[Any], Any], level: float, seeds: list[int]) -> str:
    truth = mean(_X)
    errors: dict[str, list[list[float]]] = {"shared": [], "separate": [], "even": []}
    inside, false, found, same = 1.0, 0, 0, []
    for seed in seeds:
        sample = Noisy(mean, level, seed)
        shared = learned(sample, mode="shared")
        errors["shared"].append([rms(values, truth) for values, _, _ in shared])
        errors["separate"].append([rms(values, truth) for values, _, _ in learned(sample, min_samples=5)])
        curves = [even(sample, size) for size in SIZES]
        errors["even"].append([rms(theirs, truth) for theirs, _ in curves])
        same.append(rms(curves[-1][1], truth) / errors["even"][-1][-1])
        values, bars, claimed = shared[-1]
        off = np.abs(values - truth)
        inside = min(inside, float(np.mean(off <= bars)))
        false += math.isfinite(claimed) and float(off.max()) > claimed
        found += float(np.interp(PEAK, _X, values)) > 0.5
    ratios = np.array([a[-1] / b[-1] for a, b in zip(errors["shared"], errors["even"], strict=True)])
    cells = [" / ".join(f"{e:.3g}" for e in np.median(errors[kind], axis=0)) for kind in errors]
    peak = f"{found} of {len(seeds)}" if "Lorentzian" in name else ""
    ratio = f"{np.median(ratios):.2f}, {ratios.max():.2f} | {np.median(same):.2f}, {max(same):.2f}"
    return f"| {name} | {level:g} | {' | '.join(cells)} | {ratio} | {inside:.2f} | {false} of {len(seeds)} | {peak} |"
