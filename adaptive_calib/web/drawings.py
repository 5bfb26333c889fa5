"""The plots of a run's page, as bokeh figures: what a learner looks like from its stored points, loss, workers.

Large data are decimated so that what is drawn looks the same: of a curve the extremes in each small interval, of a
worker one bar for evaluations that follow one another without a visible gap.
"""

from __future__ import annotations

from typing import Any

import holoviews as hv
import holoviews.plotting.bokeh
import numpy as np
import pandas as pd
from bokeh.models import ColumnDataSource, DatetimeTicker, DatetimeTickFormatter, FactorRange, HoverTool, LogTicker
from bokeh.models.annotations import Legend
from bokeh.models.glyph import LineGlyph
from bokeh.plotting import figure

from adaptive_calib._arrays import Floats
from adaptive_calib.learner.average_learner1D import AverageLearner1D
from adaptive_calib.learner.gp_learner import GPLearner
from adaptive_calib.learner.learner1D import Learner1D
from adaptive_calib.learner.learner2D import Learner2D
from adaptive_calib.learner.learnerND import LearnerND
from adaptive_calib.view.calibration_style import INK
from adaptive_calib.view.marks import marks
from adaptive_calib.view.stored_calibration import stored_calibration
from adaptive_calib.web.results import numbers_of

__all__ = ["compared", "drawn", "loss", "of_points", "timeline"]

#: Points of a curve and of a surface that are drawn, the latest failed ones, spans of time of each worker, and workers.
CURVE, SURFACE, FAILED, SPANS, WORKERS = 4000, 1500, 200, 500, 64
#: The largest number of points that are drawn with the interpolant of their learner, which takes some seconds; more are
#: drawn with straight lines between them. A Gaussian process is fitted to at most this number of them.
FITTED = 300
HEIGHT = 340
#: Readable on white and on black.
COLORS = BLUE, ORANGE = "#3f8fd2", "#d08a1c"
RED = "#e04b4b"


def of_points(
    title: str, mode: str, points: list[Any], values: list[Any], failed: list[Any], calibration: Any
) -> list[Any]:
    """Return what a learner of these points looks like, as HoloViews plots; empty if they cannot be drawn.

    Parameters
    ----------
    title, mode : str
        The class of the learner, and its mode, see `RunView`.
    points, values
        Of the evaluations that succeeded.
    failed
        Points that failed.
    calibration
        What the run of a calibration added to its state.
    """
    if "CalibrationLearner" in title:
        view = stored_calibration(points, values, calibration)
        return [] if view is None else list(view.holoviews(each_c=False))
    y = numbers_of(values)
    if y is None:
        return []
    if title == "AverageLearner":
        return [hv.Histogram(np.histogram(y[np.isfinite(y)], bins=50), kdims="value")]
    x, wrong = numbers_of(points), numbers_of(failed)
    if title == "AverageLearner1D" and mode == "shared" and x is not None and y.shape[1] == 1:
        return [_shared(x, y[:, 0])]
    if title == "AverageLearner1D" and x is not None and x.shape[1] == 2:  # (number of the sample, x)
        wrong = None if wrong is None else wrong[:, 1:]
        places, index = np.unique(x[:, 1], return_inverse=True)
        sums = np.stack([np.bincount(index, column) for column in np.nan_to_num(y).T], axis=1)
        x, y = places[:, None], sums / np.bincount(index)[:, None]
    if x is None:
        x = np.arange(len(points), dtype=float)[:, None]
    x, y = x[np.isfinite(x).all(axis=1)], y[np.isfinite(x).all(axis=1)]
    wrong = x[:0] if wrong is None or wrong.shape[1] != x.shape[1] else wrong[np.isfinite(wrong).all(axis=1)][-FAILED:]
    if not len(x):
        return []
    if title == "GPLearner":
        return _surface(x, y, wrong, GPLearner, FITTED, noise=mode == "noise")
    mode = mode if mode in ("smooth", "auto") and len(x) <= FITTED else "linear"
    if x.shape[1] == 1:
        return [_curve(x, y, wrong, mode)]
    return _surface(x, y, wrong, Learner2D if x.shape[1] == 2 else LearnerND, SURFACE, mode=mode)


def _shared(samples: Floats, y: Floats) -> Any:
    """Return the plot of the mean curve of at most `CURVE` samples, points (number of the sample, x)."""
    kept = np.isfinite(samples).all(axis=1) & np.isfinite(y)
    learner = AverageLearner1D(_nothing, _box(samples[kept, 1:])[0], mode="shared")
    points = [(int(number), x) for number, x in samples[kept][-CURVE:].tolist()]
    learner.tell_many(points, y[kept][-CURVE:].tolist())
    return learner.plot()


def _curve(x: Floats, y: Floats, failed: Floats, mode: Any) -> Any:
    kept = np.unique(np.concatenate([decimated(x[:, 0], column) for column in y.T]))
    learner = Learner1D(_nothing, _box(np.concatenate([x, failed]))[0], mode=mode)
    _fill(learner, x[kept, 0].tolist(), y[kept], failed[:, 0].tolist())
    return learner.plot() * marks(hv, learner)


def _surface(x: Floats, y: Floats, failed: Floats, kind: Any, most: int, **options: Any) -> list[Any]:
    """Return the plot of a learner of at most `most` of the points, and those at the corners."""
    box = _box(np.concatenate([x, failed]))
    corners = [int(np.argmin(((x - corner) ** 2).sum(axis=1))) for corner in _corners(box)]
    step = -(-len(x) // most)
    kept = np.unique([*range(0, len(x), step), *corners])
    try:
        learner = kind(_nothing, box, **options)
        _fill(learner, [tuple(point) for point in x[kept].tolist()], y[kept], list(map(tuple, failed.tolist())))
        plot = learner.plot()
    except (ImportError, NotImplementedError, ValueError):  # dimensions and vectors that have no plot
        return []
    if isinstance(plot, (hv.Layout, hv.HoloMap)):
        return list(plot)
    more = marks(hv, learner)
    return [plot if more is None else plot * more]


def _corners(box: list[tuple[float, float]]) -> Floats:
    if len(box) > 6:
        return np.empty((0, len(box)))
    return np.stack([axis.ravel() for axis in np.meshgrid(*box)], axis=1)


def _box(x: Floats) -> list[tuple[float, float]]:
    low, high = x.min(axis=0), x.max(axis=0)
    return [(a, b if b > a else a + 1.0) for a, b in zip(low.tolist(), high.tolist(), strict=True)]


def _fill(learner: Any, points: list[Any], values: Floats, failed: list[Any]) -> None:
    learner.tell_many(points, values[:, 0].tolist() if values.shape[1] == 1 else list(values))
    for point in failed:
        learner.tell_failed(point)


def _nothing(x: Any) -> Any:
    raise NotImplementedError("this learner is only looked at.")


def decimated(x: Floats, y: Floats) -> Any:
    """Return indices of at most `CURVE` points: of many, those with the smallest and largest value in each interval."""
    if len(x) <= CURVE:
        return np.arange(len(x))
    order = np.lexsort((y, np.digitize(x, np.linspace(x.min(), x.max(), CURVE // 2))))
    bins = np.digitize(x[order], np.linspace(x.min(), x.max(), CURVE // 2))
    first = np.flatnonzero(np.diff(bins, prepend=-1))
    last = np.append(first[1:], len(order)) - 1
    return np.unique(order[np.concatenate([first, last])])


def drawn(plot: Any, ink: str) -> Any:
    """Return a HoloViews plot as a bokeh figure that is as wide as its place; dark lines are drawn in `ink`."""
    state: Any = hv.renderer("bokeh").instance(webgl=False).get_plot(plot).state
    for part in state.select({"type": figure}):
        part.update(sizing_mode="stretch_width", height=HEIGHT, width=None, min_width=250, toolbar_location="above")
        part.toolbar.logo = None
    for glyph in state.select({"type": LineGlyph}):
        if glyph.line_color in (INK, "black"):
            glyph.line_color = ink
    return state


def _figure(**options: Any) -> Any:
    tools = "pan,box_zoom,wheel_zoom,reset,save"
    plot = figure(sizing_mode="stretch_width", height=260, tools=tools, toolbar_location="above", **options)
    plot.toolbar.logo = None
    return plot


def _with_legend(plot: Any, names: list[str]) -> Any:
    """Return a plot of two runs with a legend above it, where it covers nothing."""
    plot.add_layout(Legend(items=[(name, [part]) for name, part in zip(names, plot.renderers, strict=False)]), "above")
    plot.legend.update(orientation="horizontal", click_policy="hide")
    return plot


def loss(histories: dict[str, tuple[Floats, Floats]], x_label: str) -> Any:
    """Return losses over time or points on a logarithmic scale; a line with dots for each run."""
    log = "log" if x_label == "points" else "linear"
    plot = _figure(x_axis_label=x_label, y_axis_label="loss", x_axis_type=log, y_axis_type="log")
    plot.yaxis.ticker = LogTicker(desired_num_ticks=3)
    sources = [ColumnDataSource({"x": x, "loss": y}) for x, y in histories.values()]
    for source, color in zip(sources, COLORS, strict=False):
        plot.line("x", "loss", source=source, color=color, line_width=2)
    for source, color in zip(sources, COLORS, strict=False):
        plot.scatter("x", "loss", source=source, color=color, size=5)
    plot.add_tools(HoverTool(tooltips=[(x_label, "@x{0.[0]}"), ("loss", "@loss{0.0000}")]))
    return _with_legend(plot, list(histories)) if len(histories) > 1 else plot


def timeline(workers: list[str], started: Floats, durations: Floats, failed: Any) -> Any:
    """Return a bar for each evaluation, a row for each worker; evaluations without a visible gap are one bar."""
    spans = _spans(workers, started, durations, failed)
    names = list(dict.fromkeys(spans["worker"]))
    plot = _figure(y_range=FactorRange(*names[::-1]), x_axis_type="datetime")
    plot.update(height=min(max(140, 60 + 24 * len(names)), 700))
    source = ColumnDataSource({str(name): column.to_numpy() for name, column in spans.items()})
    bars = plot.hbar("worker", 0.8, right="right", left="left", source=source, color="color", line_color=None)
    tips = [("worker", "@worker"), ("evaluations", "@count"), ("from", "@left{%T}"), ("to", "@right{%T}")]
    formatters: Any = {"@left": "datetime", "@right": "datetime"}
    plot.add_tools(HoverTool(tooltips=tips, formatters=formatters, renderers=[bars]))
    plot.xaxis.ticker = DatetimeTicker(desired_num_ticks=4)  # its labels are long
    whole, parts = "%H:%M:%S", "%H:%M:%S.%3N"
    plot.xaxis.formatter = DatetimeTickFormatter(seconds=whole, minsec=whole, milliseconds=parts, microseconds=parts)
    plot.ygrid.grid_line_color = None
    return plot


def _spans(workers: list[str], started: Floats, durations: Floats, failed: Any) -> pd.DataFrame:
    """Return a row for each bar; times in milliseconds, as bokeh counts them."""
    spans: list[tuple[Any, ...]] = []
    ends, names = started + durations, np.array(workers)
    gap = (ends.max() - started.min()) / SPANS if len(ends) else 0.0
    for name in list(dict.fromkeys(workers))[:WORKERS]:
        for wrong, color in ((False, BLUE), (True, RED)):
            mine = np.flatnonzero((names == name) & (failed == wrong))
            mine = mine[np.argsort(started[mine], kind="stable")]
            begin, until, long = started[mine], np.maximum.accumulate(ends[mine]), durations[mine] >= 2 * gap
            # evaluations that are long enough to be seen stay bars of their own
            first = np.flatnonzero(np.append(True, (begin[1:] - until[:-1] >= gap) | long[1:] | long[:-1])[: len(mine)])
            last = np.append(first[1:], len(mine))[: len(first)] - 1
            counts = last - first + 1
            spans += zip(
                [name] * len(first), begin[first] * 1000, until[last] * 1000, [color] * len(first), counts, strict=True
            )
    return pd.DataFrame(spans, columns=["worker", "left", "right", "color", "count"])


def compared(sides: dict[str, tuple[Floats, Floats]]) -> Any:
    """Return the values of two runs over each other, as points."""
    plot = _figure(x_axis_label="x", y_axis_label="value")
    plot.height = HEIGHT
    for (x, y), color, marker in zip(sides.values(), COLORS, ("circle", "diamond"), strict=False):
        kept = decimated(x, y)
        plot.scatter(x[kept], y[kept], color=color, marker=marker, size=6, alpha=0.6)
    return _with_legend(plot, list(sides))
