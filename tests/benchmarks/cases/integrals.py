"""Integrals of one number: evaluations and false claims, against SciPy's rules, for one and 16 points in flight.

``python -m tests.benchmarks integrals`` prints the table. A claim is *false* if the rule says that the tolerance is
reached and the relative error is more than ten times the tolerance. Ratios of evaluations are to the best rule of SciPy
for that integrand: the one with the fewest evaluations among those with a true claim.
"""

from __future__ import annotations

from itertools import product
from statistics import median, quantiles
from time import process_time
from types import ModuleType
from typing import Any

import numpy as np

from tests.benchmarks.harness import Case
from tests.benchmarks.integrands import (
    PEERS,
    Integrand,
    Outcome,
    box_by_learner,
    box_by_scipy,
    boxes,
    by_learner,
    by_peer,
    families,
    fixed,
    infinite,
)

PEER = None

#: Functions of each family.
DRAWS = 20

IN_FLIGHT = (1, 16)

#: Seed of the integrals over infinite intervals, squares and cubes; the change of variable was chosen with seed 0.
UNSEEN = 9001


def _row(name: str, outcomes: list[Outcome], tol: float, ratios: list[float], singular: list[float]) -> str:
    right = sum(each.is_right(tol) for each in outcomes)
    false = sum(each.claimed and not each.is_right(tol) for each in outcomes)
    count = f"{median(each.evaluations for each in outcomes):.0f}"
    compared = f"{median(ratios):.2f} / {quantiles(ratios, n=10)[-1]:.2f}" if ratios else ""
    at_ends = f"{max(singular):.2f}" if singular else ""
    return f"| {tol:g} | {name} | {right} of {len(outcomes)} | {false} | {count} | {compared} | {at_ends} |"


def compare(integrands: list[Integrand], tolerances: tuple[float, ...]) -> str:
    """Return the table of some integrands, in Markdown."""
    from adaptive_calib import IntegratorLearner

    lines = [
        "| tolerance | rule | right | false claims | evaluations, median | to SciPy's best, median / 90 % | at singular"
        " ends, worst |",
        "|---|---|---|---|---|---|---|",
    ]
    for tol in tolerances:
        peers = {name: [by_peer(name, each, tol) for each in integrands] for name in PEERS}
        lines += [_row(name, outcomes, tol, [], []) for name, outcomes in peers.items()]
        best = [
            min((one.evaluations for one in found if one.claimed and one.is_right(tol)), default=None)
            for found in zip(*peers.values(), strict=True)
        ]
        for in_flight in IN_FLIGHT:
            ours = [by_learner(IntegratorLearner, each, tol, in_flight) for each in integrands]
            pairs: list[tuple[Integrand, float]] = [
                (each, one.evaluations / least)
                for each, one, least in zip(integrands, ours, best, strict=True)
                if least is not None and one.is_right(tol)
            ]
            ratios = [ratio for _, ratio in pairs]
            singular = [ratio for each, ratio in pairs if each.singular]
            lines.append(_row(f"IntegratorLearner, {in_flight} in flight", ours, tol, ratios, singular))
    return "\n".join(lines)


def compare_boxes(draws: int, tolerances: tuple[float, ...], seed: int) -> str:
    """Return the table of integrals over squares and cubes, in Markdown."""
    lines = [
        "| n | tolerance | rule | right | false claims | gave up | evaluations, median | to genz-malik's, median |",
        "|---|---|---|---|---|---|---|---|",
    ]
    rules = ("genz-malik", "gk15", "gk21")
    for n, tol in product((2, 3), tolerances):
        integrands = [each for each in boxes(draws, seed) if each.ndim == n]
        found = {rule: [box_by_scipy(rule, each, tol) for each in integrands] for rule in rules}
        for in_flight in IN_FLIGHT:
            name = f"CubatureLearner, {in_flight} in flight"
            found[name] = [box_by_learner(each, tol, in_flight) for each in integrands]
        for rule, outcomes in found.items():
            right = sum(each.is_right(tol) for each in outcomes)
            false = sum(each.claimed and not each.is_right(tol) for each in outcomes)
            gave_up = sum(not each.claimed for each in outcomes)
            pairs = zip(outcomes, found["genz-malik"], strict=True)
            ratios = [one.evaluations / other.evaluations for one, other in pairs if one.claimed and other.claimed]
            middle = median(each.evaluations for each in outcomes)
            lines.append(
                f"| {n} | {tol:g} | {rule} | {right} of {len(outcomes)} | {false} | {gave_up} | {middle:.0f} "
                f"| {median(ratios):.2f} |"
            )
    return "\n".join(lines)


def report(draws: int = DRAWS, tolerances: tuple[float, ...] = (1e-3, 1e-6, 1e-10)) -> str:
    """Return the tables, in Markdown."""
    return (
        f"{compare(fixed() + families(draws), tolerances)}\n\n#### Infinite intervals\n\n"
        f"{compare(infinite(draws, seed=UNSEEN), tolerances)}\n\n#### Squares and cubes\n\n"
        f"{compare_boxes(max(draws // 4, 1), (1e-3, 1e-6), UNSEEN)}"
    )


def _all(package: ModuleType, size: int) -> float:
    """Seconds for all integrals to 1e-6, with `size` functions of each family."""
    integrands = fixed() + families(size)
    start = process_time()
    with np.errstate(over="ignore"):
        for each in integrands:
            by_learner(package.IntegratorLearner, each, 1e-6)
    return process_time() - start


CASES: list[Any] = [Case("IntegratorLearner, all integrands, 1e-6", _all, 5, 1, at_most=10)]
