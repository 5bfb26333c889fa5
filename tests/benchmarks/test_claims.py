"""The benchmark of claims: it runs, and its figures hold on functions of another seed."""

from __future__ import annotations

import numpy as np

from tests.benchmarks.cases import budget
from tests.benchmarks.cases.claims import DEVELOPED, FAMILIES, means, outcomes, rows


def test_claims_are_true() -> None:
    """Every run ends with a claim; no statistical statement is violated; the table has a row for each kind."""
    found = outcomes(DEVELOPED, each=3)
    assert all(outcome.ended and outcome.claimed for outcome in found)
    assert not any(outcome.violated for outcome in found)
    assert sum(outcome.exceeded for outcome in found) <= 1
    assert sum(outcome.dear for outcome in found) <= len(found) / 4
    assert all(family in rows(found) for family in FAMILIES)


def test_narrow_peaks_of_a_mean_are_found() -> None:
    """Of a few noisy peaks of half a per cent of the domain none is missed."""
    table = means(DEVELOPED, runs=4)
    assert "| 0.005 | 4 | 0 |" in table


def test_a_goal_costs_little_more_than_the_best_rule_and_a_check() -> None:
    """A resonance is found by the rational interpolant, whose run ends with the 22 points of the check."""
    evaluations, best = budget.one("resonances", FAMILIES["resonances"](np.random.default_rng(DEVELOPED)))
    assert evaluations <= 2 * best + budget.CHECK
