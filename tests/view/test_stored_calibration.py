"""A calibration is drawn from its store as its learner draws itself."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from adaptive_calib import BlockingRunner, CalibrationLearner
from adaptive_calib.calibration import FixedLabel, OpaqueCalibrationLearner
from adaptive_calib.examples.blackbody.distributions import Infrared
from adaptive_calib.runner import SequentialExecutor
from adaptive_calib.store import MemoryStore
from adaptive_calib.view import learner_view
from adaptive_calib.view.stored_calibration import stored_calibration


def opaque(point: tuple[int, float]) -> tuple[float, bool | None]:
    index, _ = point
    rng = np.random.default_rng(index)
    bemd = float(rng.random())
    return bemd, None if index % 7 == 0 else bool(rng.random() < bemd)


@pytest.mark.parametrize(
    "make",
    [
        lambda: CalibrationLearner(Infrared(N=32), Ldata=64, labels=FixedLabel(64, cap=1024), c_bounds=(0.1, 16.0)),
        lambda: OpaqueCalibrationLearner(opaque, start=[0.25, 1.0], max_experiments=64),
    ],
)
def test_the_same_from_the_store(make: Any) -> None:
    """Curves, labels, decisions and the recommended c are those of the learner."""
    store, learner = MemoryStore(), make()
    BlockingRunner(learner, store=store, executor=SequentialExecutor())
    (run,) = store.read_runs()
    calibration = json.loads(run.manifest)["state"]["calibration"]
    rows = list(store.space(learner.function))
    view = stored_calibration([row.point for row in rows], [row.y for row in rows], calibration)
    assert view is not None
    own, ours = learner_view(learner).data(), view.data()
    assert ours.recommended == own.recommended
    assert [curve.status for curve in ours.curves] == [curve.status for curve in own.curves]
    assert {curve.c for curve in ours.curves} == {curve.c for curve in own.curves}
    for one, other in zip(ours.curves, own.curves, strict=True):
        assert (one.n, one.n_undecided, one.slope) == (other.n, other.n_undecided, pytest.approx(other.slope))


def test_nothing_is_there() -> None:
    """Without results there is no view; without the state of a run c are decided by the results."""
    assert stored_calibration([], [], None) is None
    values = [{"c": [1.0], "bemd": [0.5], "bepis": True}]
    view = stored_calibration([("new", 0)], values, None)
    assert view is not None
    assert view.data().curves[0].n == 1
