"""How many evaluations an error goal takes, against rules that are told when they are good enough.

``python -m tests.benchmarks budget`` prints the table; it takes some minutes. `Learner1D(mode="auto")` runs to an error
of 0.01 % of the range, checked at 22 points; the rules of `evaluations.PEERS` and two modes of the learner are stopped
at the first interpolant whose error is that small, which no user could tell. A rule that makes the same claim needs the
same check.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.benchmarks.cases.claims import FAMILIES, GOALS, Curve, one_curve
from tests.benchmarks.cases.evaluations import PEERS, count, ours
from tests.benchmarks.curve_functions import CurveFunction

CASES: list[Any] = []
PEER = None

#: Seed of the functions, which no rule was chosen with, and how many of each family.
REPORTED, EACH = 4711, 8
#: Points of a check.
CHECK = 22


def one(family: str, curve: Curve) -> tuple[int, float]:
    """Return the evaluations of a run to the goal, and those of the best rule."""

    def formula(x: Any) -> Any:
        # a curve sums over the last axis, so an array of points is evaluated point by point
        return np.array([float(curve(np.array(each))) for each in np.atleast_1d(x)])

    function = CurveFunction(family, formula, (0.0, 1.0))
    rules = [method for name, method in PEERS.items() if not name.startswith("python-adaptive")]
    rules += [ours("auto", most=300), ours("smooth", most=400)]
    best = min(count(function, rule, (GOALS["auto"],))[0] for rule in rules)
    return one_curve(family, curve, "auto").evaluations, best


def report(each: int = EACH) -> str:
    """Return the table, in Markdown."""
    lines = [
        f"| family | functions | at most 2 best + {CHECK} | at most 2 (best + {CHECK}) | (n - {CHECK}) / best, worst |",
        "|---|---|---|---|---|",
    ]
    for number, (family, drawn) in enumerate(FAMILIES.items()):
        random = np.random.default_rng([REPORTED, number])
        found = [one(family, drawn(random)) for _ in range(each)]
        within = sum(n <= 2 * best + CHECK for n, best in found), sum(n <= 2 * (best + CHECK) for n, best in found)
        worst = max((n - CHECK) / best for n, best in found)
        lines.append(f"| {family} | {len(found)} | {within[0]} | {within[1]} | {worst:.2f} |")
    return "\n".join(lines)
