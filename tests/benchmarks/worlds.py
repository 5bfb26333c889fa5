"""Error rates and costs of the decisions of a calibration in worlds of known truth.

    python -m tests.benchmarks worlds [--runs 1000] [--first-seed 100000] [--case NAME ...] [--costs]

In a world A wins with probability expit(t), t ~ N(±m, 2m) (so that t are the true log odds), and B_EMD at c says
expit(said(t, log2 c)). 90 % of the variance of t is common to all c, the rest is drawn anew for each c, which is harder
than reality, where neighbours agree more. Each run is a `CalibrationLearner` over at most `N` experiments without any
simulation. Reported are numbers of runs:

accepted    some c that is not acceptable was accepted at some look
recommended such a c is recommended at the end
rejected    some c that is acceptable was rejected at some look
answer      a c is recommended at the end
lower       of the runs whose interval has a lower end: how often a true one lies within the limits reported for it
upper       the same for the upper end
experiments median number at which the run ended
"""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.special import expit, ndtri

from adaptive_calib.calibration import CalibrationLearner
from adaptive_calib.calibration.decision import (
    FIRST_LOOK,
    Decision,
    _both_kinds,
    _half_width,
    _octaves,
    for_and_against,
    next_look,
)
from adaptive_calib.calibration.evidence import Evidence, evidence_of, extend
from adaptive_calib.calibration.interval import acceptable_interval
from adaptive_calib.calibration.slope import Status, slope_status

Array = np.ndarray


@dataclass(frozen=True)
class World:
    """A world: what the criterion says at log2 c when the true log odds are t, and at which c it is acceptable."""

    name: str
    said: Callable[[Array, float], Array]
    good: Callable[[float], bool]
    edge: float | None = None  # log2 of the smallest acceptable c, where there is one
    m: float = 3.0
    group: int = 1  # experiments in a row that share their noise: dependent data if above 1
    informative: float = 1.0  # share of experiments in which the criterion says anything
    N: int = 1024
    options: dict[str, Any] = field(default_factory=dict)


def _steady(kappa: float) -> Callable[[Array, float], Array]:
    return lambda t, x: t / kappa


def _smooth(x: float) -> float:
    return 0.9 * 2 ** min((x + 3.3) / 2, (4.7 - x) / 4, 2.0)


def _jump(x: float) -> float:
    return 1.5 if -3.3 < x < 4.7 else 0.6


def _one_clear_end(x: float) -> float:
    return 0.9 * 2 ** min((4.7 - x) / 8, 0.8) if x > -3.3 else 0.6


def _two(x: float) -> float:
    return 1.3 if -8.6 < x < -4.6 or -0.6 < x < 4.6 else 0.7


WORLDS = [
    World("smooth", lambda t, x: t / _smooth(x), lambda x: _smooth(x) >= 0.9, -3.3, N=4096),
    World("jump", lambda t, x: t / _jump(x), lambda x: _jump(x) >= 0.9, -3.3, N=2048),
    World("jump, both ends", lambda t, x: t / _jump(x), lambda x: _jump(x) >= 0.9, N=2048, options={"upper_end": True}),
    World(
        "lower end clear",
        lambda t, x: t / _one_clear_end(x),
        lambda x: _one_clear_end(x) >= 0.9,
        -3.3,
        N=8192,
    ),
    World("two intervals", lambda t, x: t / _two(x), lambda x: _two(x) >= 0.9, N=2048),
    World("all acceptable (1.2)", _steady(1.2), lambda x: True),
    World("none (.8)", _steady(0.8), lambda x: False),
    World("none (.85)", _steady(0.85), lambda x: False),
    World("none (.88)", _steady(0.88), lambda x: False),
    World("none (.8999)", _steady(0.8999), lambda x: False),
    World("one side", lambda t, x: np.where(t > 0, t / 0.6, t / 2), lambda x: False, N=2048),
    World("one side, mild", lambda t, x: np.where(t > 0, t / 0.75, t / 1.3), lambda x: False, N=2048),
    World("one side, .8 for B", lambda t, x: np.where(t < 0, t / 0.8, t / 1.6), lambda x: False, m=2.5, N=2048),
    World("one side, .5 for B", lambda t, x: np.where(t < 0, t / 0.5, t / 1.5), lambda x: False, m=2.0, N=2048),
    World("middle", lambda t, x: np.sign(t) * (1.2 + 0.5 * np.abs(t)), lambda x: False, N=2048),
    World("few informative", lambda t, x: t / _jump(x), lambda x: _jump(x) >= 0.9, -3.3, informative=0.2, N=2048),
    World("dependent (.8999, pairs)", _steady(0.8999), lambda x: False, group=2),
]


class _Truth:
    """One draw of a world."""

    def __init__(self, world: World, seed: int) -> None:
        rng = np.random.default_rng([seed, 1])
        groups = -(-world.N // world.group)
        self.world, self.seed = world, seed
        self.a_wins = np.repeat(rng.random(groups) < 0.5, world.group)[: world.N]
        self.common = np.repeat(rng.standard_normal(groups), world.group)[: world.N]
        self.labels = self.a_wins.astype(float)
        self.silent = rng.random(world.N) >= world.informative
        self.columns: dict[float, Array] = {}

    def column(self, x: float) -> Array:
        if x not in self.columns:
            world = self.world
            rng = np.random.default_rng([self.seed, 2, int(np.float64(x + 1000).view(np.uint64))])
            own = np.repeat(rng.standard_normal(-(-world.N // world.group)), world.group)[: world.N]
            noise = math.sqrt(0.9) * self.common + math.sqrt(0.1) * own
            t = world.m * np.where(self.a_wins, 1, -1) + math.sqrt(2 * world.m) * noise
            self.columns[x] = np.where(self.silent, 0.5, expit(world.said(t, x)))
        return self.columns[x]


class Revealed:
    """Stands for the ledger of a learner: all rows are known beforehand, and the first n are visible."""

    def __init__(self, truth: _Truth, filled: dict[float, int], c: Sequence[float]) -> None:
        self.truth, self.filled, self.added, self.n = truth, filled, tuple(c), 0

    def __len__(self) -> int:
        return self.n

    @property
    def c(self) -> tuple[float, ...]:
        return tuple(sorted(self.added))

    @property
    def labels(self) -> Array:
        return self.truth.labels[: self.n]

    def column(self, c: float) -> Array:
        there = min(self.filled.get(c, self.n), self.n)
        return np.append(self.truth.column(math.log2(c))[:there], np.full(self.n - there, math.nan))

    def add(self, c: float, bemd: Array, stderr: Array) -> None:
        self.added += (c,)


class Quick(CalibrationLearner):
    """A learner in a world: the experiments up to its next decision come all at a time, and no record is made.

    Its decisions are those of a learner that is told the experiments one by one (`tests/calibration/test_worlds.py`).
    """

    def go(self, truth: _Truth) -> Iterator[Decision]:
        """Yield the decisions, from the first one that accepts a c or rejects all of them, until the run ends."""
        self._ledger: Any = Revealed(truth, self._filled, self._ledger.added)
        silent = self._silent_until(truth)
        while self._met_at is None and len(self._ledger) < truth.world.N:
            self._ledger.n = n = min(self._next_look, truth.world.N)
            while self._next_look <= n:
                self._next_look = next_look(self._next_look)
            if n <= silent and n < truth.world.N:
                continue
            self._due = True
            self._look()
            assert self._decision is not None
            yield self._decision

    def _silent_until(self, truth: _Truth) -> int:
        """Number of experiments up to which no c is accepted and not all are rejected: nothing is added or ended."""
        added, labels = self._ledger.added, truth.labels
        columns = np.stack([truth.column(math.log2(c)) for c in added], axis=1)
        accept, refuse, allowed = for_and_against(evidence_of(columns, labels))
        log2c, start = [math.log2(c) for c in added], _both_kinds(labels)
        accepted = self.family.first_reached(log2c, accept, allowed, start)
        rejected = self.family.first_reached(log2c, refuse, np.ones_like(allowed), start)
        return int(min(accepted.min(), rejected.max()))

    def _fill(self, c: float, stop: int, here: bool) -> list[Any]:
        self._filled[c] = max(self._filled[c], stop)
        return []

    @property
    def size(self) -> float:
        return float(self._ledger.truth.world.N) if isinstance(self._ledger, Revealed) else super().size


def run(world: World, seed: int, **options: Any) -> dict[str, float]:
    """Return what happened in one run; NaN where a question does not arise."""
    learner = Quick([], Ldata=10, Linf=10_000, name="world", **{**world.options, **options})
    accepted = rejected = False
    for now in learner.go(_Truth(world, seed)):
        truth = np.array([world.good(x) for x in now.log2c])
        accepted |= bool(np.any((now.status == Status.ACCEPTABLE) & ~truth))
        rejected |= bool(np.any((now.status == Status.NOT_ACCEPTABLE) & truth))
    c, interval = learner.recommended_c(), learner.acceptable_interval()
    ends = {
        name: math.nan if end is None or end.open else float(world.good(end.inside) and not world.good(end.outside))
        for name, end in (("lower", interval.lower), ("upper", interval.upper))
    }
    return {
        "accepted": accepted,
        "recommended": c is not None and not world.good(math.log2(c)),
        "rejected": rejected,
        "answer": c is not None,
        **ends,
        "experiments": learner.n_experiments,
    }


class Former(Quick):
    """The default of before: 1.96 standard errors at each look and c, nothing kept; both ends wanted to `c_tol`."""

    def _silent_until(self, truth: _Truth) -> int:
        return 0

    def _judged(self) -> Decision:
        now, tolerances = super()._judged(), self.tolerances
        status = slope_status(now.slopes, now.stderrs)
        interval = acceptable_interval(now.log2c, status, now.slopes, now.stderrs)
        bemd = np.stack([self._ledger.column(c) for c in self._ledger.c], axis=1)
        width = _half_width(now.log2c, bemd, self._ledger.labels, interval) if interval.state != "none" else 0.0
        octaves = _octaves(now.log2c, now.slopes, interval, self.axis, True)
        unmet = {"interval": octaves / (tolerances.c_tol or 1.0), "band": width / (tolerances.band or 1.0)}
        return replace(now, verdicts=replace(now.verdicts, status=status), interval=interval, unmet=unmet)


#: Values of c that count as independent where one look decides on all of them, of which 90 % of the noise is common.
INDEPENDENT = 9


def single_looks(world: World, seed: int, most: int = 16_384) -> dict[int, bool]:
    """Return look -> whether a test at this number alone has the lower end within half an octave.

    The score test of the slope at a fixed number of experiments, 2.5 % on either side over all c of a grid of half
    octaves.
    """
    grid = [2.0 ** (x / 2) for x in range(-16, 9)]
    bound = -float(ndtri(0.025 / INDEPENDENT))
    truth = _Truth(replace(world, N=most), seed)
    evidence, found, start = [Evidence() for _ in grid], {}, 0
    columns = np.stack([truth.column(math.log2(c)) for c in grid], axis=1)
    look = FIRST_LOOK
    while look <= most:
        extend(evidence, columns[start:look], truth.labels[start:look])
        up, down = np.array([one.z for one in evidence]).T
        status = np.where(up > bound, 1, np.where(down > bound, -1, 0))
        lower = acceptable_interval([math.log2(c) for c in grid], status).lower
        found[look] = lower is not None and lower.width <= 0.5
        start, look = look, next_look(look)
    return found


def cost(work: tuple[int, int]) -> dict[str, Any]:
    """Return at how many experiments one run has its lower end, and ends, by rule."""
    world, seed = WORLDS[work[0]], work[1]
    out: dict[str, Any] = {}
    world = replace(world, N=16_384)
    truth = _Truth(world, seed)
    for name, kind in (("now", Quick), ("both ends", Quick), ("former", Former)):
        learner = kind([], Ldata=10, Linf=10_000, name="world", upper_end=name != "now")
        for now in learner.go(truth):
            if name == "now" and now.unmet.get("lower end", math.inf) <= 1:
                out.setdefault("lower end", now.n)
        out[name] = now.n
    out["once"] = single_looks(world, seed)
    return out


def costs(index: int, runs: int, first: int, pool: Executor) -> list[float]:
    """Return medians over runs: lower end now, once, ratio; end now, of both ends, of the former default, ratio."""
    rows = list(pool.map(cost, [(index, first + k) for k in range(runs)]))
    looks = rows[0]["once"]
    once = next((n for n in looks if np.mean([row["once"][n] for row in rows]) >= 0.5), math.inf)
    keys = ("lower end", "now", "both ends", "former")
    lower, now, both, former = (float(np.median([row.get(key, math.inf) for row in rows])) for key in keys)
    return [lower, once, lower / once, now, both, former, former / now]


def _several(work: tuple[int, int, int]) -> list[dict[str, float]]:
    index, first, number = work
    return [run(WORLDS[index], seed) for seed in range(first, first + number)]


def measure(index: int, runs: int, first: int, pool: ProcessPoolExecutor) -> list[str]:
    """Return the numbers of one world over `runs` runs, in words."""
    pieces = [(index, first + k, min(25, runs - k)) for k in range(0, runs, 25)]
    rows = [row for piece in pool.map(_several, pieces) for row in piece]
    table = {key: np.array([row[key] for row in rows], float) for key in rows[0]}
    experiments = table.pop("experiments")
    counts = [f"{np.nansum(v):.0f}" for v in table.values()]
    for k, name in enumerate(table):
        if name in ("lower", "upper"):
            counts[k] += f" of {np.sum(~np.isnan(table[name]))}"
    return [*counts, f"{np.median(experiments):.0f}"]


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks worlds", description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--first-seed", type=int, default=100_000)
    parser.add_argument("--case", nargs="+", default=[""], help="only worlds whose name contains one of these")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--costs", action="store_true", help="experiments by rule, in the worlds with a lower end")
    options = parser.parse_args(argv)
    if options.costs:
        heads = ["lower end at", "by one look", "ratio", "end", "both ends", "former default", "former / now"]
        print(f"| world, {options.runs} runs | " + " | ".join(heads) + " |\n|---|" + "---|" * len(heads))
        with ProcessPoolExecutor(options.workers) as pool:
            for index, world in enumerate(WORLDS):
                if world.edge is not None and any(case in world.name for case in options.case):
                    numbers = costs(index, options.runs, options.first_seed, pool)
                    print(f"| {world.name} | " + " | ".join(f"{x:.3g}" for x in numbers) + " |", flush=True)
        return
    names = ["accepted", "recommended", "rejected", "answer", "lower", "upper", "experiments"]
    print(f"| world, {options.runs} runs | " + " | ".join(names) + " |")
    print("|---|" + "---|" * len(names))
    with ProcessPoolExecutor(options.workers) as pool:
        for index, world in enumerate(WORLDS):
            if any(case in world.name for case in options.case):
                cells = measure(index, options.runs, options.first_seed, pool)
                print(f"| {world.name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
