"""Every benchmark case runs once, at its smallest size, so that it cannot rot."""

from __future__ import annotations

import pkgutil
from importlib import import_module

import pytest

import adaptive_calib
from tests.benchmarks import cases
from tests.benchmarks.cases import watching
from tests.benchmarks.harness import Case

ALL = [
    pytest.param(case, id=f"{module.name}-{case.name}")
    for module in pkgutil.iter_modules(cases.__path__)
    for case in import_module(f"tests.benchmarks.cases.{module.name}").CASES
]


def test_the_cost_of_being_watched() -> None:
    """Reports are written in a run, and take a part of its time."""
    assert 0 < watching.cost(watching.LEARNERS["Learner1D"](), 10) < 100


@pytest.mark.parametrize("case", ALL)
def test_case_runs(case: Case) -> None:
    """A case does its work on our side and answers with a positive time."""
    assert case.run(adaptive_calib, case.quick) > 0
