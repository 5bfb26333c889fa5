"""A calibration says what its recommendation hangs on."""

from __future__ import annotations

import numpy as np

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


def test_one_experiment_that_decides_is_found() -> None:
    """At the number of experiments at which a c has just been accepted, one hit less takes that back."""
    bemd, labels = table([0.5, 0.5, 1.6, 1.6], 2500, 1)
    n = next(n for n in range(100, 2500) if recommended_c(judge_table(C, bemd[:n], labels[:n]).interval) is not None)
    found = robustness(LOG2C, bemd[:n], labels[:n], FAMILY)
    assert found.by_experiment
    for index, c in found.by_experiment.items():
        without = judge_table(C, np.delete(bemd[:n], index, axis=0), np.delete(labels[:n], index))
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
