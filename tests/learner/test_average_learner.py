"""The laws of `AverageLearner`."""

from __future__ import annotations

import random
from typing import Any

from adaptive_calib.learner.average_learner import AverageLearner
from adaptive_calib.testing.learners import LearnerContract


def _gauss(seed: int) -> float:
    return random.Random(seed).gauss(0.5, 1)


class TestContract(LearnerContract):
    def make(self) -> Any:
        return AverageLearner(_gauss, rtol=0.1)
