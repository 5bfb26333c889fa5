"""The plot of an `AverageLearner`: the distribution of its values."""

from __future__ import annotations

from math import isfinite, sqrt
from typing import Any

import numpy as np

from adaptive_calib.learner.average_learner import AverageLearner
from adaptive_calib.view._holoviews import holoviews

__all__ = ["plot"]

_FEWEST_BINS = 5


def plot(learner: AverageLearner) -> Any:
    """Return a histogram of the valid values over dimension ``y``, with max(5, √npoints) bins.

    Without data all bins are empty.

    Returns
    -------
    holoviews.Histogram

    Raises
    ------
    RuntimeError
        If HoloViews is not installed.
    """
    hv = holoviews()
    values = [y for y in learner.data.values() if isfinite(y)]
    counts, edges = np.histogram(values, bins=max(_FEWEST_BINS, int(sqrt(len(values)))))
    return hv.Histogram((edges, counts), kdims=["y"])
