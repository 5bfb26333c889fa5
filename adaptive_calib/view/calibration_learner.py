"""The plot of `CalibrationLearner` and `OpaqueCalibrationLearner`, also during a run: `plot(learner)`.

The panels of `view.calibration` for the results so far: undecided labels count as such, the number of experiments is
that at each c, and the interval of acceptable c is the learner's own. Before the first result there are the areas only.
"""

from __future__ import annotations

import importlib.util
import io
from typing import Any

import numpy as np

from adaptive_calib.calibration.learner import CalibrationLearner
from adaptive_calib.calibration.opaque import OpaqueCalibrationLearner
from adaptive_calib.calibration.summary import decided
from adaptive_calib.view._holoviews import holoviews
from adaptive_calib.view.calibration import CalibrationView

__all__ = ["learner_view", "picture", "plot"]

#: Like `calibration_point_dtype`, but with room for labels that are undecided.
_POINTS = np.dtype([("Bemd", np.float64), ("Bepis", np.float64)])


def learner_view(
    learner: CalibrationLearner | OpaqueCalibrationLearner, distribution: str | None = None
) -> CalibrationView:
    """Return the view of the results of a learner, to be drawn or saved as a picture or page.

    What is shown of each c is the learner's own decision.

    Parameters
    ----------
    learner : CalibrationLearner or OpaqueCalibrationLearner
        With results or without.
    distribution : str, optional
        Of several distributions only this one; of a `CalibrationLearner`.

    Examples
    --------
    >>> from adaptive_calib import CalibrationLearner
    >>> from adaptive_calib.examples.blackbody.distributions import Infrared
    >>> from adaptive_calib.runner import simple
    >>> from adaptive_calib.view import learner_view
    >>> learner = CalibrationLearner(Infrared(N=4), Ldata=64, Linf=256, c_list=[0.25, 1.0])
    >>> simple(learner)
    >>> [curve.c for curve in learner_view(learner).data().curves]
    [0.25, 1.0]
    """
    results, counts = {}, {}
    for c in learner.c_list:
        bemd, labels = learner.column(c, distribution)
        rows = np.empty(len(bemd), _POINTS)
        rows["Bemd"], rows["Bepis"] = bemd, labels
        results[c], counts[c] = rows, int((~np.isnan(bemd)).sum())
    return CalibrationView(
        results,
        counts=counts,
        interval=learner.acceptable_interval(),
        recommended=learner.recommended_c(),
        status=decided(learner, distribution),
    )


def plot(learner: CalibrationLearner | OpaqueCalibrationLearner, *, each_c: bool = False) -> Any:
    """Return the HoloViews layout, for `learner.plot()` and live plots.

    Parameters
    ----------
    each_c : bool
        Panels for single curves too, not only for the recommended one; drawing takes seconds then.

    Raises
    ------
    RuntimeError
        If HoloViews is not installed.
    """
    holoviews()
    return learner_view(learner).holoviews(each_c=each_c)


def picture(learner: Any) -> bytes | None:
    """Return all panels as PNG, drawn by Matplotlib; None for other learners, or if it is not installed."""
    if not isinstance(learner, (CalibrationLearner, OpaqueCalibrationLearner)):
        return None
    if importlib.util.find_spec("matplotlib") is None:
        return None
    file = io.BytesIO()
    learner_view(learner).matplotlib().savefig(file, format="png", dpi=80)
    return file.getvalue()
