"""The worlds of `python -m tests.benchmarks worlds` are decided as a learner decides that is told each experiment."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from adaptive_calib.calibration import CalibrationLearner, EvaluateExperiment
from tests.benchmarks.worlds import WORLDS, Array, Quick, _Truth


class Known(EvaluateExperiment):
    """Stands for the evaluation of experiments: B_EMD and labels are those of a world."""

    @classmethod
    def of(cls, function: EvaluateExperiment, truth: _Truth) -> Known:
        other = object.__new__(cls)
        other.__dict__.update(function.__dict__, truth=truth)
        return other

    def bemd(self, index: int, quantiles: Array, deltas: Array, c: Sequence[float]) -> tuple[Array, Array]:
        truth = self.__dict__["truth"]
        return np.array([truth.column(math.log2(x))[index] for x in c]), np.full(len(c), 0.01)

    def __call__(self, point: Any) -> dict[str, Any]:
        index, nothing = point[1], np.zeros((2, 3))
        a_wins = bool(self.__dict__["truth"].a_wins[index])
        bemd, stderr = self.bemd(index, nothing, nothing, self.c_list)
        total = -10_000.0 if a_wins else 10_000.0
        return {
            "index": index, "quantiles": nothing, "deltas": nothing, "n": 10_000, "total": total, "squares": 20_000.0,
            "bepis": a_wins, "c": list(self.c_list), "bemd": bemd.tolist(), "stderr": stderr.tolist(), "seconds": 0.0,
        }  # fmt: skip


@pytest.mark.parametrize("name", ["jump", "two intervals", "one side"])
def test_a_quick_run_decides_as_a_learner_that_is_told_each_experiment(name: str) -> None:
    """The same c, the same decisions, the same end."""
    world = replace(next(one for one in WORLDS if one.name == name), N=600)
    quick = Quick([], Ldata=10, Linf=10_000, name="world")
    *_, last = quick.go(_Truth(world, 5))
    slow = CalibrationLearner([0] * world.N, Ldata=10, Linf=10_000, name="world")
    slow.function = Known.of(slow.function, _Truth(world, 5))
    while not slow.done():
        for point in slow.ask(16)[0]:
            slow.tell(point, slow.function(point))
    assert slow.judgement is not None
    assert last.n == slow.judgement.n
    np.testing.assert_array_equal(last.log2c, slow.judgement.log2c)
    np.testing.assert_array_equal(last.status, slow.judgement.status)
    np.testing.assert_array_equal(last.verdicts.needed, slow.judgement.verdicts.needed)
