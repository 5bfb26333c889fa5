"""Two ways in which the next frame of a live plot replaces the last one.

- `Streamed`: a `Learner1D` in the linear mode never changes a point, so only new points are sent.
- `Drawn`: HoloViews draws the frame again, and the difference to the last one is sent.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import holoviews as hv
import numpy as np

from adaptive_calib.learner.average_learner1D import AverageLearner1D
from adaptive_calib.learner.learner1D import Learner1D
from adaptive_calib.notebook.axes import follow
from adaptive_calib.notebook.bokeh_pane import BokehPane
from adaptive_calib.notebook.live_document import LiveDocument
from adaptive_calib.view.learner1D import framed

__all__ = ["Drawn", "Frame", "Renderer", "Setting", "Streamed", "renderer_for", "streams"]

#: Part of the length of an axis that HoloViews leaves free beyond the data on each side.
_MARGIN = 0.1


@dataclass(frozen=True)
class Frame:
    """The learner at one moment, as it is plotted.

    Attributes
    ----------
    plot : holoviews object or None
        The whole plot; None if only what is new is needed.
    moving : bool
        Whether the axes move to the data.
    data : mapping of float to value
        The learner's own data; to be read under the lock of the run.
    marks : holoviews object or None
        Pending and failed points.
    """

    plot: Any
    moving: bool = True
    data: Any = None
    marks: Any = None


@dataclass(frozen=True)
class Setting:
    """The arguments that all renderers of a live plot share.

    Attributes
    ----------
    dress : callable
        ``dress(plot)`` returns the plot with the options of a live plot.
    document : LiveDocument, optional
        The document that pages show already, in which the plot takes the place of another one.
    lock : lock, optional
        That of the run.
    refresh : callable, optional
        Draws the latest frame; called before a page gets the whole plot.
    """

    dress: Callable[[Any], Any]
    document: LiveDocument | None = None
    lock: Any = None
    refresh: Callable[[], None] | None = None

    def pane(self, plot: Any) -> BokehPane:
        """Draw a plot into a pane."""
        return BokehPane(_draw(self.dress(plot)), self.document, self.lock, self.refresh)


class Renderer(Protocol):
    """One way of showing frames."""

    #: The document that pages show.
    document: LiveDocument

    def bundle(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return media type -> content, and metadata, of an output that shows the plot."""
        ...

    def show(self, frame: Frame) -> bool:
        """Show a frame; False if it needs another renderer."""
        ...


def streams(learner: Any) -> bool:
    """Whether the default plot of this learner can be streamed: numbers over x, none of which ever changes.

    A curve through them, as the smooth modes have it, changes with each point.
    """
    if not isinstance(learner, Learner1D) or isinstance(learner, AverageLearner1D):
        return False
    return learner.vdim == 1 and learner.mode == "linear" and type(learner).plot is Learner1D.plot


def renderer_for(frame: Frame, learner: Any, setting: Setting) -> Renderer:
    """Return a renderer that shows this frame."""
    if frame.plot is None:
        return Streamed(frame, learner, setting)
    return Drawn(frame, setting)


def _draw(plot: Any) -> Any:
    # not by WebGL: without a GPU a path of ten thousand points blocks the page for half a minute
    return hv.renderer("bokeh").instance(webgl=False).get_plot(plot).state


class Drawn:
    """Plots that are drawn as a whole, and sent as far as they differ."""

    def __init__(self, frame: Frame, setting: Setting) -> None:
        self._dress = setting.dress
        self._pane = setting.pane(frame.plot)
        self.document: LiveDocument = self._pane.document

    def bundle(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the output of the document."""
        return self._pane.bundle()

    def show(self, frame: Frame) -> bool:
        """Show the next frame."""
        if frame.plot is None:
            return False
        self._pane.show(_draw(self._dress(frame.plot)), frame.moving)
        return True


class Streamed:
    """Points that are sent once, and marks over them."""

    def __init__(self, frame: Frame, learner: Any, setting: Setting) -> None:
        self._data: Any = frame.data
        self._sent = 0
        self._lowest, self._highest = math.inf, -math.inf
        rows = self._new(frame)
        points = hv.Scatter(np.empty((0, 2)) if rows is None else rows, "x", "y")
        self._pane = setting.pane(framed(points * frame.marks, learner))
        self.document: LiveDocument = self._pane.document
        figure = self._pane.plot
        self._axis = figure.y_range
        self._points, *self._marks = (renderer.data_source for renderer in figure.renderers)

    def bundle(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the output of the document."""
        return self._pane.bundle()

    def _new(self, frame: Frame) -> np.ndarray | None:
        """Return the points that were not sent yet, shape (n, 2), in the order in which they were observed."""
        rows = list(itertools.islice(frame.data.items(), self._sent, None))
        try:
            array = np.array([(x, math.nan if y is None else y) for x, y in rows], dtype=float).reshape(-1, 2)
        except (TypeError, ValueError):  # vectors
            return None
        self._sent += len(rows)
        finite = array[:, 1][np.isfinite(array[:, 1])]
        self._lowest = finite.min(initial=self._lowest)
        self._highest = finite.max(initial=self._highest)
        return array

    def show(self, frame: Frame) -> bool:
        """Send new points; False if these are other data, or vectors."""
        if frame.plot is not None or frame.data is not self._data or len(frame.data) < self._sent:
            return False
        rows = self._new(frame)
        if rows is None:
            return False
        if len(rows):
            self._points.stream({"x": rows[:, 0], "y": rows[:, 1]})
        for source, marks in zip(self._marks, frame.marks, strict=True):
            source.data = {name: marks.dimension_values(name) for name in ("x", "y")}
        if frame.moving and self._lowest <= self._highest:
            margin = _MARGIN * (self._highest - self._lowest) or _MARGIN * abs(self._lowest) or 1.0
            follow(self._axis, self._lowest - margin, self._highest + margin)
        self._pane.document.push()
        return True
