"""How often the range of the time left holds what it then took, in points: a loss or an error is extrapolated."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from adaptive_calib import Learner1D, Learner2D
from adaptive_calib.view.run import RunHistory
from adaptive_calib.view.time_left import points_left
from tests.benchmarks.curve_functions import HELD_OUT, NAMED
from tests.benchmarks.harness import Case

__all__ = ["report"]

MOST = 3000

CASES: list[Case] = []


def report() -> str:
    """Return a table over kinds of runs: estimates made at a quarter, half, 70 % and 90 % of the way."""
    lines = ["| run | estimates | none | range holds | likely / true: 10 %, median, 90 % |", "|---|---|---|---|---|"]
    kinds = {
        "curves, loss": _curves(NAMED, False), "held-out curves, loss": _curves(HELD_OUT, False),
        "held-out curves, error, auto": _curves(HELD_OUT, True), "surfaces, loss": _planes(),
    }  # fmt: skip
    for name, runs in kinds.items():
        made, none, held, ratios = 0, 0, 0, []
        for learner, function, goal, quantity in runs:
            for left, estimate in _estimates(learner, function, goal, quantity):
                made += 1
                if estimate is None:
                    none += 1
                    continue
                held += (0 if "error" in name else estimate[0]) <= left <= estimate[2]
                ratios.append(estimate[1] / max(left, 1))
        low, middle, high = np.quantile(ratios, [0.1, 0.5, 0.9]) if ratios else (math.nan,) * 3
        lines.append(
            f"| {name} | {made} | {none / made:.0%} | {held / max(len(ratios), 1):.0%} "
            f"| {low:.2f}, {middle:.2f}, {high:.2f} |"
        )
    return "\n".join(lines)


def _curves(cases: Any, smooth: bool) -> Iterator[tuple[Any, Callable[[Any], Any], float, str]]:
    for case in cases:
        for goal in (1e-3, 1e-6) if smooth else (0.05, 0.005):
            learner = Learner1D(case, case.bounds, **({"mode": "auto"} if smooth else {}))
            yield learner, case, goal, "largest_error" if smooth else "loss"


def _planes() -> Iterator[tuple[Any, Callable[[Any], Any], float, str]]:
    rng = np.random.default_rng(21)
    for _ in range(12):
        a, b, width = rng.uniform(-0.5, 0.5), rng.uniform(0.5, 3), rng.uniform(0.1, 0.4)
        for function in (
            lambda p, a=a, w=width: p[0] + math.exp(-((p[0] ** 2 + p[1] ** 2 - a) ** 2) / w**2),
            lambda p, a=a, b=b: math.sin(b * p[0]) * math.cos(p[1] + a),
        ):
            yield Learner2D(function, [(-1, 1), (-1, 1)]), function, 0.02, "loss"


def _estimates(learner: Any, function: Any, goal: float, quantity: str) -> Iterator[tuple[int, Any]]:
    """Run a learner to a goal, then estimate from what a display had seen at some places on the way."""
    histories: list[tuple[int, list[tuple[int, float]]]] = []
    history, first = RunHistory(), math.nan
    while learner.npoints < MOST:
        for point in learner.ask(1)[0]:
            learner.tell(point, function(point))
        now = getattr(learner, quantity)()
        if not 0 < now < math.inf:
            continue
        first = now if math.isnan(first) else first
        if now <= goal or first <= goal:
            break
        history.note_share(learner.npoints, math.log(first / now) / math.log(first / goal))
        histories.append((learner.npoints, list(history.path)))
    else:
        return
    for share in (0.25, 0.5, 0.7, 0.9):
        seen = [each for each in histories if each[0] <= share * learner.npoints]
        if seen:
            yield learner.npoints - seen[-1][0], points_left(seen[-1][1])
