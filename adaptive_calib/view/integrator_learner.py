"""The plots of integrators: a path through the nodes of an `IntegratorLearner`, the points of a `CubatureLearner`."""

from __future__ import annotations

from typing import Any

from adaptive_calib.learner.cubature_learner import CubatureLearner
from adaptive_calib.learner.integrator_learner import IntegratorLearner
from adaptive_calib.view._holoviews import holoviews

__all__ = ["plot", "plot_box"]


def plot(learner: IntegratorLearner) -> Any:
    """Return a path through the observed nodes of all intervals, from left to right; empty without data.

    Returns
    -------
    holoviews.Path

    Raises
    ------
    RuntimeError
        If HoloViews is not installed.
    """
    hv = holoviews()
    rows = learner.to_numpy()
    return hv.Path([rows] if len(rows) else [])


def plot_box(learner: CubatureLearner) -> Any:
    """Return the observed points in the plane of the first two dimensions; empty without data.

    Returns
    -------
    holoviews.Points

    Raises
    ------
    RuntimeError
        If HoloViews is not installed.
    """
    return holoviews().Points([x[:2] for x in learner.data])
