"""A calibration says what its recommendation hangs on."""

from __future__ import annotations

import bisect

import numpy as np
import pytest

from adaptive_calib.calibration.axis import Axis
from adaptive_calib.calibration.decision import judge_table
from adaptive_calib.calibration.family import Family
from adaptive_calib.calibration.interval import recommended_c
from adaptive_calib.calibration.robustness import robustness
from tests.calibration.test_decision import C, table

LOG2C = [-4.0, -2.0, 0.0, 2.0]
FAMILY = Family.of(Axis(tuple(LOG2C), (-4.0, 2.0), tol=None), 0.95)


def test_a_clear_answer_hangs_on_nothing() -> None:
    """Far from the bounds neither the clip nor a single experiment matters."""
    bemd, labels = table([0.5, 0.5, 1.6, 1.6], 2500, 1)
    found = robustness(LOG2C, bemd, labels, FAMILY)
    assert found.by_clip == {}
    assert found.by_experiment == {}


@pytest.mark.parametrize("more", [-1, 0])
def test_one_experiment_that_decides_is_found(more: int) -> None:
    """Just before a c is accepted one miss less has it accepted; just after, one hit less takes that back."""
    bemd, labels = table([0.5, 0.5, 1.6, 1.6], 2500, 1)
    n = _needed((bemd, labels)) + more
    bemd, labels = bemd[:n], labels[:n]
    found = robustness(LOG2C, bemd, labels, FAMILY)
    assert found.by_experiment
    assert (None in found.by_experiment.values()) == (more == 0)
    for index, c in found.by_experiment.items():
        without = judge_table(C, np.delete(bemd, index, axis=0), np.delete(labels, index))
        assert recommended_c(without.interval) == c


def test_the_clip_that_decides_is_found() -> None:
    """Values that are exactly 0 or 1, wrong in one of a thousand: fine for a mild clip only."""
    rng = np.random.default_rng(3)
    labels = (rng.random(4000) < 0.5).astype(float)
    right = rng.random(4000) > 0.0005
    bemd = np.where(right, labels, 1 - labels)[:, None] * np.ones(4)
    found = robustness(LOG2C, bemd, labels, FAMILY)
    answers = {clip: found.by_clip.get(clip, "same") for clip in (1 / 1024, 1 / 16384)}
    assert len(set(map(str, answers.values()))) > 1


def test_of_several_distributions_the_one_that_decides_is_looked_at() -> None:
    """An experiment of the second distribution, on whose last one the answer hangs, is found by its own number."""
    first, second = table([0.5, 0.5, 1.6, 1.6], 2500, 1), table([0.5, 0.5, 1.6, 1.6], 2500, 2)
    of_first, of_second = map(_needed, (first, second))
    assert of_first < of_second - 50
    n = of_second
    bemd = np.stack([first[0][:n], second[0][:n]], axis=1).reshape(2 * n, -1)
    labels = np.stack([first[1][:n], second[1][:n]], axis=1).ravel()
    alone = robustness(LOG2C, second[0][:n], second[1][:n], FAMILY)
    assert alone.by_experiment
    both = robustness(LOG2C, bemd, labels, FAMILY, 2)
    assert both.by_experiment == {2 * index + 1: c for index, c in alone.by_experiment.items()}


def _needed(of: tuple[np.ndarray, np.ndarray]) -> int:
    """Experiments at which a c is accepted; a decision is kept, so the first number is found by bisection."""
    bemd, labels = of
    return bisect.bisect_left(
        range(2500), True, 1, key=lambda n: recommended_c(judge_table(C, bemd[:n], labels[:n]).interval) is not None
    )
