"""The laws of `DataSaver`."""

from __future__ import annotations

import random
from operator import itemgetter
from typing import Any, ClassVar

from adaptive_calib.learner.average_learner import AverageLearner
from adaptive_calib.learner.data_saver import DataSaver
from adaptive_calib.testing.learners import LearnerContract


def _record(seed: int) -> dict[str, Any]:
    return {"y": random.Random(seed).gauss(0.5, 1), "note": f"seed {seed}"}


class TestContract(LearnerContract):
    nan_value: ClassVar[Any] = {"y": float("nan")}

    def make(self) -> Any:
        return DataSaver(AverageLearner(_record, rtol=0.1), itemgetter("y"))
