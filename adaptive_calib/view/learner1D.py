"""The plots of `Learner1D` and `AverageLearner1D`: HoloViews overlays of their data.

The names of the elements are those of python-adaptive: dimensions ``x`` and ``y``, and the x range is the domain with a
margin of 5 % on each side, so that live plots do not jump.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from adaptive_calib.learner.average_learner1D import AverageLearner1D
from adaptive_calib.learner.learner1D import Learner1D
from adaptive_calib.view._holoviews import holoviews

__all__ = ["banded", "framed", "plot", "plot_average"]

#: Share of the domain that is left free on each side.
MARGIN = 0.05
#: Points of a curve that is no line between its points.
CURVE_POINTS = 401

_OPEN: dict[str, dict[str, Any]] = {
    "bokeh": {"marker": "diamond", "size": 14, "fill_alpha": 0, "line_color": "gray"},
    "matplotlib": {"marker": "D", "s": 60, "facecolors": "none", "edgecolors": "gray"},
}


def plot(learner: Learner1D, *, scatter_or_line: Literal["scatter", "line"] = "scatter") -> Any:
    """Return the data as an overlay of one Scatter for each component, or of one Path; in the smooth modes of both.

    Parameters
    ----------
    learner : Learner1D
        May be without data: the elements are empty then.
    scatter_or_line : {"scatter", "line"}
        Points, or the interpolant through them: straight lines, in the modes "smooth" and "auto" a curve, which is
        drawn under the points as well. ValueError otherwise.

    Returns
    -------
    holoviews.Overlay

    Raises
    ------
    RuntimeError
        If HoloViews is not installed.
    """
    if scatter_or_line not in ("scatter", "line"):
        raise ValueError(f"`scatter_or_line` should be 'scatter' or 'line', but is {scatter_or_line!r}.")
    hv = holoviews()
    data = learner.to_numpy()
    columns = range(1, data.shape[1]) if len(data) else ()
    curves = [data[:, [0, column]] for column in columns]
    elements = []
    if learner.mode != "linear":
        elements.append(hv.Path(_interpolant(learner, data[:, 0]) if len(data) else []))
    elif scatter_or_line == "line":
        # a failed point interrupts the line, as an invalid value does: `predict` has no value there either
        failed = np.array(sorted(learner.failed_points), dtype=float)
        gaps = np.column_stack([failed, np.full(len(failed), np.nan)])
        lines = [np.concatenate([curve, gaps]) for curve in curves]
        elements.append(hv.Path([line[np.argsort(line[:, 0], kind="stable")] for line in lines]))
    if scatter_or_line == "scatter":
        elements += [hv.Scatter(curve) for curve in curves] or [hv.Scatter([])]
    return framed(hv.Overlay(elements), learner)


def _interpolant(learner: Learner1D, xs: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
    """Return the curve of each component, at all points and at others between them."""
    parts = max(1, CURVE_POINTS // len(xs))
    index = np.arange(len(xs))
    x = np.interp(np.linspace(0, index[-1], index[-1] * parts + 1), index, xs)
    values = learner.predict(x).reshape(len(x), -1)
    return [np.column_stack([x, column]) for column in values.T]


def plot_average(learner: AverageLearner1D) -> Any:
    """Return the means with their errors as Scatter * ErrorBars * Path * Scatter; with shared noise, see `_band`.

    Of an x with a single valid sample the error is not known: it has no error bar, and an open diamond around it (the
    last element, of the group "Single_sample").

    Parameters
    ----------
    learner : AverageLearner1D

    Returns
    -------
    holoviews.Overlay

    Raises
    ------
    RuntimeError
        If HoloViews is not installed.
    """
    hv = holoviews()
    if learner.mode == "shared":
        return _band(learner)
    means = learner.to_numpy(mean=True)
    if not len(means):
        return framed(hv.Scatter([]) * hv.ErrorBars([]) * hv.Path([]) * _single(hv, means), learner)
    errors = learner.error
    # by the order of x: the keys of `error` are the same points
    bars = np.array([errors[x] for x in sorted(learner.data)])
    known = np.isfinite(bars)
    measured = np.column_stack([means, bars])[known]
    single = means[~known & np.isfinite(means[:, 1])]
    overlay = hv.Scatter(means) * hv.ErrorBars(measured) * hv.Path([means]) * _single(hv, single)
    return framed(overlay, learner)


def _band(learner: AverageLearner1D) -> Any:
    """Return the band, the samples' means and the mean curve as Area * Scatter * Curve; empty with few samples."""
    low, high = learner.bounds
    grid = np.geomspace if learner.x_scale == "log" else np.linspace
    x = np.clip(grid(low, high, CURVE_POINTS), low, high)
    return framed(banded(x, *learner.predict(x, return_error=True), learner.to_numpy(mean=True)), learner)


def banded(
    x: np.ndarray[Any, Any], value: np.ndarray[Any, Any], error: np.ndarray[Any, Any], points: np.ndarray[Any, Any]
) -> Any:
    """Return Area * Scatter * Curve: the band ``value ± error``, the points, shape (n, 2), and the curve."""
    hv = holoviews()
    known = np.isfinite(value) & np.isfinite(error)
    band = np.column_stack([x, value - error, value + error])[known]
    area = hv.Area(band, vdims=["y", "y2"])
    if hv.Store.loaded_backends():
        area = area.opts(alpha=0.3)
    return area * hv.Scatter(points if len(points) else []) * hv.Curve(np.column_stack([x, value]))


def _single(hv: Any, points: np.ndarray[Any, np.dtype[np.float64]]) -> Any:
    """Return the marks of points without an error, open in the backends that are loaded."""
    marks = hv.Scatter(points if len(points) else [], group="Single_sample")
    options = [hv.Options(**_OPEN[name], backend=name) for name in _OPEN if name in hv.Store.loaded_backends()]
    return marks.opts(*options) if options else marks


def framed(overlay: Any, learner: Learner1D) -> Any:
    """Return the overlay with the x range of the domain and a margin.

    Parameters
    ----------
    overlay : holoviews.Overlay or holoviews.DynamicMap
    learner : Learner1D

    Returns
    -------
    holoviews.Overlay or holoviews.DynamicMap
    """
    low, high = learner.bounds
    if learner.x_scale == "log":
        factor = (high / low) ** MARGIN
        framed = overlay.redim(x={"range": (low / factor, high * factor)})
        # options can be given only once a backend is there; the elements themselves need none
        return framed.opts(logx=True) if holoviews().Store.loaded_backends() else framed
    margin = MARGIN * (high - low)
    return overlay.redim(x={"range": (low - margin, high + margin)})
