"""The plot of an `IntegratorLearner`: a path through its nodes."""

from __future__ import annotations

from typing import Any

from adaptive_calib.learner.integrator_learner import IntegratorLearner

__all__ = ["plot"]


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
    try:
        import holoviews as hv
    except ImportError:
        raise RuntimeError("holoviews is not installed; plotting is disabled.") from None
    rows = learner.to_numpy()
    return hv.Path([rows] if len(rows) else [])
