"""A calibration as a store shows it while it runs: its decisions come from the run, its numbers from the stored points.

The run writes what cannot be read off the points: the status of each c, which depends on tolerances and looks, and the
labels that were settled by further blocks of infinite data. Both are small.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from adaptive_calib.calibration.learner import CalibrationLearner
from adaptive_calib.calibration.opaque import OpaqueCalibrationLearner
from adaptive_calib.calibration.summary import decided
from adaptive_calib.view.calibration import CalibrationView

__all__ = ["calibration_state", "stored_calibration"]

_ROW = np.dtype([("Bemd", np.float64), ("Bepis", np.float64)])


def calibration_state(learner: Any) -> dict[str, Any]:
    """Return what a run adds to its state, as plain data for JSON; empty for a learner of anything else.

    Examples
    --------
    >>> from adaptive_calib import Learner1D
    >>> from adaptive_calib.view.stored_calibration import calibration_state
    >>> calibration_state(Learner1D(abs, bounds=(-1, 2)))
    {}
    """
    if not isinstance(learner, (CalibrationLearner, OpaqueCalibrationLearner)):
        return {}
    state: dict[str, Any] = {"status": [[c, int(status)] for c, status in decided(learner).items()], "labels": []}
    if isinstance(learner, CalibrationLearner):
        state["labels"] = [
            [index, bool(label)]
            for index, label in enumerate(learner.labels.tolist())
            if not math.isnan(label) and ("new", index) in learner.data and learner.record(index).bepis is None
        ]
    return state


def stored_calibration(
    points: Iterable[Any], values: Iterable[Any], state: Mapping[str, Any] | None
) -> CalibrationView | None:
    """Return the view of stored results of a calibration, as far as they are there; None without any.

    Parameters
    ----------
    points, values
        Of the results: records (mappings with ``c``, ``bemd``, ``bepis``) at ``("new", i)``, B_EMD of several
        experiments at ``("column", i0, i1, c)``; or pairs (B_EMD, B_epis) at ``(i, log2 c)``.
    state : mapping or None
        Of `calibration_state`. Without it c are decided by these results alone.
    """
    labels: dict[int, float] = {int(i): float(label) for i, label in (state or {}).get("labels", ())}
    columns: dict[float, dict[int, float]] = {}
    for point, value in zip(points, values, strict=True):
        if point[0] == "new":
            index = int(point[1])
            if value["bepis"] is not None:
                labels[index] = float(value["bepis"])
            for c, bemd in zip(value["c"], value["bemd"], strict=True):
                columns.setdefault(float(c), {})[index] = float(bemd)
        elif point[0] == "column":
            columns.setdefault(float(point[3]), {}).update(enumerate(map(float, value["bemd"]), int(point[1])))
        elif point[0] != "more":
            index, (bemd, label) = int(point[0]), value
            columns.setdefault(2.0 ** float(point[1]), {})[index] = float(bemd)
            if label is not None and not math.isnan(label):
                labels[index] = float(label)
    tables = {
        c: np.array([(bemd, labels.get(index, math.nan)) for index, bemd in sorted(column.items())], _ROW)
        for c, column in columns.items()
    }
    if not tables:
        return None
    status = None if state is None else {float(c): int(known) for c, known in state["status"]}
    return CalibrationView(tables, status=status)
