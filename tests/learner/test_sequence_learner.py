"""The laws of `SequenceLearner`."""

from __future__ import annotations

from typing import Any

from adaptive_calib.learner.sequence_learner import SequenceLearner
from adaptive_calib.testing.learners import LearnerContract


def _double(element: list[int]) -> int:
    return 2 * element[0]


class TestContract(LearnerContract):
    nan_value = None
    refuses_none = False

    def make(self) -> Any:
        return SequenceLearner(_double, [[i] for i in range(100)])

    def make_finite(self) -> Any:
        return SequenceLearner(_double, [[i] for i in range(30)])
