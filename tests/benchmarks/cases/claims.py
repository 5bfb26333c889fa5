"""How often a learner with an error goal claims what is not so, and what its check costs.

``python -m tests.benchmarks claims`` prints the table; counts do not depend on the machine. The functions are drawn
from five families, with the seeds of `REPORTED`; the rules were developed with other seeds (`DEVELOPED`).

- waves: one to three sines, up to 32 periods, some with a slowly growing amplitude;
- resonances: one to five Lorentzians, half-widths from 0.002 to 0.1 of the domain;
- steps: a slow wave with one to three steps or kinks;
- boundary layers: exponentials, tanh and roots, as narrow as 0.0003 of the domain, at an end or inside;
- products in two dimensions: of two peaks, waves or plateaus, one for each coordinate.

A run has an ``error_goal`` of a share of the range of the function, and a budget. Its claim is

- *violated* if more than the claimed fraction of the domain has a larger error (breaks and regions without a prediction
  left out, on a grid of 20,001 points, in planes of 201 x 201);
- *exceeded* if the largest error, at any place, is over three times the claimed one.

The cost of the check is the number of evaluations after the estimate first met the goal. *unchecked* is the number of
runs that would have ended there with a largest error over three times the goal; the check is *dear* if it cost more
than 22 evaluations and a tenth of those before in a run that would have ended well.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np

from tests.benchmarks.harness import Case

#: None is timed: this module counts.
CASES: list[Case] = []
PEER = None

#: Seeds of the functions with which the rules were chosen, and of those of which the figures are reported.
DEVELOPED, REPORTED = 1, 20261127
#: Functions of each family of curves, which go in turn through the modes, and a third as many of planes in each mode.
EACH = 78
#: Error goal as a fraction of the range, in each mode.
GOALS = {"linear": 1e-2, "smooth": 1e-3, "auto": 1e-4}
#: Evaluations after which a run is given up.
BUDGET = 4000

Curve = Callable[[Any], Any]
PlaneMode = Literal["linear", "smooth"]


def waves(random: np.random.Generator) -> Curve:
    """Return a sum of sines on (0, 1)."""
    k = int(random.integers(1, 4))
    frequency, phase, height = random.uniform(1, 200, k), random.uniform(0, 6.28, k), random.uniform(0.3, 1, k)
    growth = random.uniform(0, 2) if random.random() < 0.3 else 0.0
    return lambda x: (height * np.sin(np.multiply.outer(x, frequency) + phase)).sum(-1) * (1 + growth * x)


def resonances(random: np.random.Generator) -> Curve:
    """Return a sum of Lorentzians on (0, 1)."""
    k = int(random.integers(1, 6))
    centre, height, width = random.uniform(0, 1, k), random.uniform(0.2, 1, k), 10 ** random.uniform(-2.7, -1, k)
    return lambda x: (height / (1 + ((np.asarray(x)[..., None] - centre) / width) ** 2)).sum(-1)


def steps(random: np.random.Generator) -> Curve:
    """Return a slow wave with steps and kinks on (0, 1)."""
    k = int(random.integers(1, 4))
    place, height, kink = random.uniform(0, 1, k), random.uniform(-1, 1, k), random.random(k) < 0.4
    frequency, phase = random.uniform(0, 12), random.uniform(0, 6.28)

    def curve(x: Any) -> Any:
        beyond = np.asarray(x)[..., None] - place
        broken = np.where(kink, np.maximum(beyond, 0) * 4, beyond > 0)
        return (height * broken).sum(-1) + 0.5 * np.sin(frequency * np.asarray(x) + phase)

    return curve


def boundary_layers(random: np.random.Generator) -> Curve:
    """Return a layer on (0, 1), with a slow background."""
    kind, width, place = int(random.integers(4)), 10 ** random.uniform(-3.5, -1), random.uniform(0.05, 0.95)
    slope, side = random.uniform(-0.5, 0.5), bool(random.integers(2))

    def curve(x: Any) -> Any:
        from_end = 1 - np.asarray(x) if side else np.asarray(x)
        layer = (
            np.exp(-from_end / width),
            np.tanh((np.asarray(x) - place) / width),
            np.sqrt(from_end + width),
            width / (from_end + width),
        )[kind]
        return layer + slope * np.asarray(x)

    return curve


FAMILIES = {"waves": waves, "resonances": resonances, "steps": steps, "boundary layers": boundary_layers}


def products(random: np.random.Generator) -> Callable[[Any, Any], Any]:
    """Return a product of two functions on the unit square."""
    one, other = (_factor(random) for _ in range(2))
    return lambda x, y: one(x) * other(y)


def _factor(random: np.random.Generator) -> Curve:
    kind, centre, width = int(random.integers(3)), random.uniform(0.1, 0.9), 10 ** random.uniform(-1.3, -0.3)
    frequency = random.uniform(1, 9)
    return [
        lambda x: np.exp(-(((x - centre) / width) ** 2)),
        lambda x: np.cos(frequency * x + 6 * centre),
        lambda x: np.tanh((x - centre) / width),
    ][kind]


@dataclass(frozen=True)
class Outcome:
    """What came of one run."""

    family: str
    mode: str
    evaluations: int
    ended: bool
    claimed: bool
    violated: bool
    exceeded: bool
    unchecked: bool
    extra: int

    @property
    def dear(self) -> bool:
        """Whether the check cost more than 22 evaluations and a tenth of those before, with nothing to be found."""
        return self.claimed and not self.unchecked and self.extra > max(22, 0.1 * (self.evaluations - self.extra))


def run(
    learner: Any, function: Callable[[Any], float], goal: float, budget: int, error: Callable[[], float]
) -> tuple[bool, int, int, bool]:
    """Run to the goal.

    Returns
    -------
    ended : bool
        Whether that took at most `budget` evaluations.
    evaluations, extra : int
        All of them, and those after the estimate first met the goal.
    unchecked : bool
        Whether the true `error` was over three times the goal then.
    """
    learner.set_error_goal(goal)
    count, first, unchecked = 0, None, False
    while True:
        claim = learner.claim()
        if first is None and learner.largest_error() <= goal:
            first, unchecked = count, error() > 3 * goal
        if claim is not None and claim.basis == "checked" and claim.error <= goal:
            break
        if count >= budget:
            return False, count, 0, unchecked
        points, _ = learner.ask(1)
        if not points:
            break
        learner.tell(points[0], function(points[0]))
        count += 1
    return True, count, count - (count if first is None else first), unchecked


def one_curve(family: str, curve: Curve, mode: str) -> Outcome:
    """Run a `Learner1D` and compare its claim with the truth."""
    from adaptive_calib import Learner1D

    grid = np.linspace(0, 1, 20_001)
    truth = curve(grid)
    goal = GOALS[mode] * float(np.ptp(truth))
    learner = Learner1D(lambda x: float(curve(np.array(x))), (0, 1), mode=mode)  # type: ignore[arg-type]

    def errors() -> Any:
        found = np.abs(learner.predict(grid) - truth)
        for a, b in learner.breaks:
            found[(grid >= a) & (grid <= b)] = 0.0
        return found[np.isfinite(found)]

    ended, count, extra, unchecked = run(learner, learner.function, goal, BUDGET, lambda: float(errors().max()))
    return _judged(Outcome(family, mode, count, ended, False, False, False, unchecked, extra), learner, errors())


def _judged(outcome: Outcome, learner: Any, errors: Any) -> Outcome:
    """Return the outcome with the judgement of the claim, if there is one."""
    claim = learner.claim()
    if not outcome.ended or claim is None or claim.basis != "checked":
        return outcome
    violated = float(np.mean(errors > claim.error)) > claim.fraction
    return replace(outcome, claimed=True, violated=violated, exceeded=float(errors.max()) > 3 * claim.error)


def one_plane(function: Callable[[Any, Any], Any], mode: PlaneMode = "linear") -> Outcome | None:
    """Run a `Learner2D` and compare its claim with the truth; None if it checks no error goal."""
    from adaptive_calib import Learner2D

    axis = np.linspace(0, 1, 201)
    x, y = np.meshgrid(axis, axis, indexing="ij")
    truth = function(x, y)
    goal = 0.05 * float(np.ptp(truth))
    learner: Any = Learner2D(lambda p: float(function(p[0], p[1])), [(0, 1), (0, 1)], mode=mode)
    if not hasattr(learner, "set_error_goal"):
        return None
    places = np.stack([x.ravel(), y.ravel()], axis=1)

    def errors() -> Any:
        found = np.abs(learner.predict(places).ravel() - truth.ravel())
        return found[np.isfinite(found)]

    ended, count, extra, unchecked = run(learner, learner.function, goal, BUDGET, lambda: float(errors().max()))
    return _judged(
        Outcome("products", f"planes, {mode}", count, ended, False, False, False, unchecked, extra), learner, errors()
    )


def outcomes(seed: int, each: int = EACH) -> list[Outcome]:
    """Return the outcomes of `each` functions of every family of curves, and a third as many planes."""
    found: list[Outcome] = []
    for number, (name, family) in enumerate(FAMILIES.items()):
        random = np.random.default_rng([seed, number])
        found += [one_curve(name, family(random), list(GOALS)[i % len(GOALS)]) for i in range(each)]
    planes = []
    for mode in get_args(PlaneMode):
        random = np.random.default_rng([seed, len(FAMILIES)])
        planes += [one_plane(products(random), mode) for _ in range(each // 3)]
    return found + [plane for plane in planes if plane is not None]


def rows(found: list[Outcome]) -> str:
    """Return a table of outcomes, one row for each family and mode."""
    lines = [
        "| family | mode | runs | ended | claims | violated | exceeded | unchecked | evaluations | extra | dear |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in found:
        groups.setdefault((outcome.family, outcome.mode), []).append(outcome)
    for (family, mode), group in [*groups.items(), (("all", ""), found)]:
        claims = [outcome for outcome in group if outcome.claimed]
        median = statistics.median(outcome.evaluations for outcome in group)
        extra = statistics.median([outcome.extra for outcome in claims]) if claims else math.nan
        lines.append(
            f"| {family} | {mode} | {len(group)} | {sum(o.ended for o in group)} | {len(claims)} "
            f"| {sum(o.violated for o in claims)} | {sum(o.exceeded for o in claims)} "
            f"| {sum(o.unchecked for o in claims)} | {median:g} | {extra:g} | {sum(o.dear for o in claims)} |"
        )
    return "\n".join(lines)


def one_mean(random: np.random.Generator, width: float) -> tuple[int, bool]:
    """Return the samples of an `AverageLearner1D` until its goal, and whether it was off by over three times the goal.

    A Lorentzian of half-width `width` (of the domain) at a random place, with noise of 3 % of its height; wanted to a
    fifth of it, with at least five samples at an x.
    """
    from adaptive_calib import AverageLearner1D

    centre, key = random.uniform(0.05, 0.95), int(random.integers(2**32))

    def mean(x: Any) -> Any:
        return 1 / (1 + ((x - centre) / width) ** 2)

    def sample(point: Any) -> float:
        seed, x = point
        noise = np.random.default_rng([key, seed, int(np.float64(x).view(np.uint64))])
        return float(mean(x) + 0.03 * noise.standard_normal())

    learner = AverageLearner1D(sample, (0, 1), min_samples=5)
    learner.set_error_goal(0.2)
    while (claim := learner.claim()) is None or claim.basis != "checked":
        for point in learner.ask(1)[0]:
            learner.tell(point, sample(point))
    grid = np.linspace(0, 1, 20_001)
    return learner.nsamples, float(np.abs(learner.predict(grid) - mean(grid)).max()) > 0.6


def means(seed: int, runs: int = 20) -> str:
    """Return a table of the claims of `AverageLearner1D` about narrow peaks."""
    lines = ["| half-width of the peak, of the domain | claims | exceeded | samples |", "|---|---|---|---|"]
    for width in (0.02, 0.005, 0.002):
        random = np.random.default_rng([seed, 99])
        found = [one_mean(random, width) for _ in range(runs)]
        samples = statistics.median(count for count, _ in found)
        lines.append(f"| {width:g} | {runs} | {sum(wrong for _, wrong in found)} | {samples:g} |")
    return "\n".join(lines)


def report() -> str:
    """Return the tables of the reported seeds, in Markdown."""
    return f"{rows(outcomes(REPORTED))}\n\nMeans of noisy peaks:\n\n{means(REPORTED)}"
