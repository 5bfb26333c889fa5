"""Both calibration learners keep the laws of all learners."""

from __future__ import annotations

import math
from typing import Any

from adaptive_calib.calibration import CalibrationLearner, OpaqueCalibrationLearner, Sampling, SequentialLabel
from adaptive_calib.testing.learners import LearnerContract
from tests.calibration.worlds import Gaussians

_RECORDS: dict[Any, Any] = {}


def learner(N: float) -> CalibrationLearner:
    return CalibrationLearner(
        Gaussians(N, blocks=True),
        Ldata=16,
        labels=SequentialLabel(128, Linf_max=512),
        res=3,
        sampling=Sampling(M=4, max_M=4, resample_ends=2),
        c_bounds=(2.0**-4, 2.0**4),
        c_tol=2.0,
        band=0.3,
    )


class TestCalibrationLearner(LearnerContract):
    nan_value = None  # a record with NaN is refused: such an experiment fails

    def make(self) -> CalibrationLearner:
        return learner(math.inf)

    def make_finite(self) -> CalibrationLearner:
        return learner(60)

    def value(self, learner: CalibrationLearner, point: Any) -> Any:
        """The record of a point, evaluated once: the seconds that it took are part of it."""
        if point not in _RECORDS:
            _RECORDS[point] = learner.function(point)
        return _RECORDS[point]


def opaque(point: tuple[int, float]) -> tuple[float, bool]:
    i, log2c = point
    z = math.sin(12.9898 * i) * 4
    return 1 / (1 + math.exp(-z / 2 ** (log2c / 4))), math.sin(78.233 * i) * 3 < z


class TestOpaqueCalibrationLearner(LearnerContract):
    nan_value = None  # refused

    def make(self) -> OpaqueCalibrationLearner:
        return OpaqueCalibrationLearner(opaque, 200)

    def make_finite(self) -> OpaqueCalibrationLearner:
        return OpaqueCalibrationLearner(opaque, 40, c_bounds=(2.0**-8, 2.0**8))
