"""Data that come again make the same claim of a learner of several numbers, without new evaluations."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from scipy.spatial import ConvexHull

from adaptive_calib.learner import Learner2D, LearnerND
from adaptive_calib.learner.gp_learner import GPLearner
from adaptive_calib.runner import BlockingRunner, SequentialExecutor

#: Points of a check for a tenth of the domain and 90 %.
CHECKS = 22


def ripple(point: tuple[float, ...]) -> float:
    return math.sin(3 * point[0] + point[1]) + 0.2 * point[-1] ** 2


def steps(point: tuple[float, ...]) -> float:
    return math.sin(point[0] / 6) + point[1] / 40


def rough(point: tuple[float, ...]) -> float:
    """Values without any order; none at one point."""
    return math.nan if point[:2] == (2, 1) else 7.0 * point[0] * sum(point) % 5


MAKE = {
    "smooth plane": lambda: (Learner2D(ripple, [(-1, 1)] * 2, mode="smooth"), 0.05),
    "linear plane": lambda: (Learner2D(ripple, [(-1, 1)] * 2), 0.3),
    "integers": lambda: (Learner2D(steps, [(0, 30), (0, 20)], integer=True), 0.05),
    "triangle": lambda: (LearnerND(ripple, ConvexHull([(0, 0), (1, 0), (0, 1)]), mode="smooth"), 0.05),
    "space": lambda: (LearnerND(ripple, [(-1, 1)] * 3, mode="smooth"), 0.5),
    "process": lambda: (GPLearner(ripple, [(-1, 1)] * 2), 0.05),
    "process of integers": lambda: (GPLearner(steps, [(0, 9)] * 2, integer=True), 0.02),
}


def make(kind: str) -> tuple[Any, float]:
    """Make a learner and a goal for it; skip the test where a learner's library is missing."""
    if "process" in kind:
        pytest.importorskip("sklearn", reason="GPLearner needs scikit-learn")
    return MAKE[kind]()


def run(learner: Any, goal: float) -> BlockingRunner:
    return BlockingRunner(learner, error_goal=goal, executor=SequentialExecutor())


@pytest.mark.parametrize("kind", MAKE)
def test_the_same_claim(kind: str, tmp_path: Path) -> None:
    """Loaded from a file, and gone on with from the middle of the check, as a stored run is."""
    learner, goal = make(kind)
    run(learner, goal)
    claim, data = learner.claim(), list(learner.data.items())
    assert (claim.basis, claim.checks, claim.fraction) == ("checked", CHECKS, 0.1)
    learner.save(tmp_path / "data")
    loaded, resumed = learner.new(), learner.new()
    loaded.load(tmp_path / "data")
    resumed.set_error_goal(goal)
    resumed.tell_many(*zip(*data[: -CHECKS // 3], strict=True))
    for other in (loaded, resumed, learner):
        assert run(other, goal).goal_reached
        assert other.claim() == claim
        assert list(other.data.items()) == data


@pytest.mark.parametrize(
    "make_learner",
    [
        lambda: Learner2D(rough, [(0, 4), (-2, 2)], integer=True),
        lambda: Learner2D(rough, [(0, 4), (-2, 2)], integer=True, mode="smooth"),
        lambda: LearnerND(rough, [(0, 2)] * 3, integer=True),
        pytest.param(lambda: GPLearner(rough, [(0, 4), (-2, 2)], integer=True), id="process"),
    ],
)
def test_all_integers_known(make_learner: Any) -> None:
    """Where every point is known nothing is left to check: the run says so, again after the data were loaded."""
    if "GPLearner" in make_learner.__code__.co_names:
        pytest.importorskip("sklearn", reason="GPLearner needs scikit-learn")
    learner = make_learner()
    assert run(learner, 1e-4).stop_reason.startswith("goal reached: error at most 0.0001; every point")
    claim = learner.claim()
    assert (claim.basis, claim.fraction, claim.confidence) == ("checked", 0, 1)
    assert 0 < claim.unpredicted < 0.2
    again = learner.new()
    again.copy_from(learner)
    assert run(again, 1e-4).goal_reached
    assert again.claim() == claim


@pytest.mark.parametrize("kind", ["smooth plane", "process"])
def test_a_miss_is_remembered(kind: str) -> None:
    """A check that failed has failed when its data come again, and the next one asks for all of its points."""
    learner, goal = make(kind)
    learner.set_error_goal(goal)
    error_goal = (lambda: learner._check) if kind == "process" else (lambda: learner._goal.check)
    while not error_goal().passed:
        for point in learner.ask(1)[0]:
            learner.tell(point, ripple(point))
    (point,), _ = learner.ask(1)
    learner.tell(point, ripple(point) + 1.5 * goal)
    assert error_goal().failed == 1
    again = learner.new()
    again.tell_many(list(learner.data), list(learner.data.values()))
    again.set_error_goal(goal)
    check = again._check if kind == "process" else again._goal.check
    assert (check.failed, check.caution) == (1, 1.25)
    assert again.claim().basis == "estimated"
