"""Pending and failed points of a learner, drawn over its live plot.

Pending points are hollow circles, failed ones crosses. On a line they are drawn at the value of the interpolant; where
it has none, on the straight line between the neighbouring values, and before the first value at zero.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adaptive_calib.learner.average_learner1D import AverageLearner1D
from adaptive_calib.learner.gp_learner import GPLearner
from adaptive_calib.learner.learner1D import Learner1D
from adaptive_calib.learner.learner2D import Learner2D
from adaptive_calib.learner.learnerND import LearnerND

__all__ = ["marks"]

_PENDING = {"fill_alpha": 0, "line_color": "gray", "size": 7}
_FAILED = {"color": "#D55E00", "marker": "x", "size": 10, "line_width": 2}


def marks(hv: Any, learner: Any) -> Any:
    """Return the pending and the failed points of a learner as an overlay; None for learners without such marks.

    Parameters
    ----------
    hv : module
        holoviews, with bokeh loaded.
    learner : learner

    Returns
    -------
    holoviews.Overlay or None
        Two elements, which may be empty: the number of elements of a live plot must not change.
    """
    pending: set[Any]
    failed: set[Any]
    if isinstance(learner, AverageLearner1D):
        pending = {x for _, x in learner.pending_points}
        failed = {x for _, x in learner.failed_points}
    elif isinstance(learner, (Learner1D, Learner2D, LearnerND, GPLearner)):
        pending, failed = set(learner.pending_points), set(learner.failed_points)
    else:
        return None
    if isinstance(learner, Learner1D):
        places = [_on_the_line(learner, points) for points in (pending, failed)]
        dimensions: tuple[Any, ...] = ("x", "y")
        element = hv.Scatter
    elif len(learner.bounds) == 2:
        places = [np.array(sorted(points), dtype=float).reshape(-1, 2) for points in (pending, failed)]
        dimensions = (["x", "y"],)
        element = hv.Points
    else:
        return None
    overlay = [element(place, *dimensions) for place in places]
    return overlay[0].opts(hv.Options(**_PENDING, backend="bokeh")) * overlay[1].opts(
        hv.Options(**_FAILED, backend="bokeh")
    )


def _on_the_line(learner: Learner1D, points: set[float]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return points with the values of the interpolant, of its first component; shape (n, 2)."""
    x = np.array(sorted(points), dtype=float)
    if not x.size or not learner.data:
        return np.column_stack([x, np.zeros_like(x)])
    y = np.asarray(learner.predict(x), dtype=float).reshape(x.size, -1)[:, 0]
    if not np.isfinite(y).all():
        known = sorted((float(at), np.ravel(value)[0]) for at, value in learner.data.items() if value is not None)
        at, values = np.array(known, dtype=float).reshape(-1, 2).T
        finite = np.isfinite(values)
        between = np.interp(x, at[finite], values[finite]) if finite.any() else np.zeros_like(x)
        y = np.where(np.isfinite(y), y, between)
    return np.column_stack([x, y])
