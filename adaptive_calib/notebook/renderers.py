"""Where the frames of a live plot are drawn: three ways in which the next one takes the place of the last.

- `Streamed`: the points of a `Learner1D` only ever become more, so only new ones are sent.
- `Drawn`: HoloViews draws a frame anew, and what differs from the last one is sent.
- `Swapped`: a plot with sliders of its own, of which HoloViews sends all.

A canvas stands in one place of the page.
"""

from __future__ import annotations

import importlib
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
from adaptive_calib.notebook.bokeh_diff import packed
from adaptive_calib.notebook.bokeh_pane import BokehPane
from adaptive_calib.view.learner1D import framed

__all__ = ["Canvas", "Drawn", "Picture", "Streamed", "Swapped", "canvas_for", "streams"]

panel: Any = importlib.import_module("panel")  # has no types
#: Part of the length of an axis that HoloViews leaves free beyond the data on each side.
_MARGIN = 0.1


@dataclass(frozen=True)
class Picture:
    """What is to be seen of a learner at one moment.

    Attributes
    ----------
    frame : holoviews object or None
        The whole plot; None where only what is new is asked for.
    moving : bool
        Whether the axes move to the data.
    data : mapping of float to value
        The learner's own data; to be read under the lock of the run.
    marks : holoviews object or None
        Points that are pending or failed.
    """

    frame: Any
    moving: bool = True
    data: Any = None
    marks: Any = None


class Canvas(Protocol):
    """One way of showing frames."""

    def bundle(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what displays the canvas, as media type -> content, and its metadata; to be called once."""
        ...

    def show(self, picture: Picture) -> bool:
        """Show a frame; False if this needs another canvas."""
        ...


def streams(learner: Any) -> bool:
    """Whether the default plot of this learner can be streamed: numbers over x, of which none ever changes."""
    if not isinstance(learner, Learner1D) or isinstance(learner, AverageLearner1D):
        return False
    return learner.vdim == 1 and type(learner).plot is Learner1D.plot


def canvas_for(picture: Picture, learner: Any, dress: Callable[[Any], Any]) -> Canvas:
    """Return a canvas that can show this picture; `dress` gives a plot its options."""
    if picture.frame is None:
        return Streamed(picture, learner, dress)
    return Drawn(picture, dress) if _is_fixed(picture.frame) else Swapped(picture)


def _is_fixed(frame: Any) -> bool:
    """Whether a plot has no sliders."""
    return not frame.traverse(lambda part: part, [hv.HoloMap])


def _draw(frame: Any) -> Any:
    # not by WebGL: without a GPU a path of ten thousand points kept the page busy for half a minute
    return hv.renderer("bokeh").instance(webgl=False).get_plot(frame).state


class Swapped:
    """A pane of Panel, which is given another object."""

    def __init__(self, picture: Picture) -> None:
        self._pane = panel.pane.HoloViews(picture.frame)

    def bundle(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the pane."""
        data, metadata = self._pane._repr_mimebundle_()
        return data, metadata

    def show(self, picture: Picture) -> bool:
        """Draw a plot in the place of the last one."""
        if picture.frame is None or _is_fixed(picture.frame):
            return False
        self._pane.object = picture.frame
        return True


class Drawn:
    """Frames that are drawn as a whole, and sent as far as they differ."""

    def __init__(self, picture: Picture, dress: Callable[[Any], Any]) -> None:
        self._dress = dress
        self._pane = BokehPane(_draw(dress(picture.frame)))

    def bundle(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the pane."""
        return self._pane.bundle()

    def show(self, picture: Picture) -> bool:
        """Show the next frame."""
        if picture.frame is None or not _is_fixed(picture.frame):
            return False
        self._pane.show(_draw(self._dress(picture.frame)), picture.moving)
        return True


class Streamed:
    """Points that are sent once, and marks over them."""

    def __init__(self, picture: Picture, learner: Any, dress: Callable[[Any], Any]) -> None:
        self._data: Any = picture.data
        self._sent = 0
        self._lowest, self._highest = math.inf, -math.inf
        rows = self._new(picture)
        points = hv.Scatter(np.empty((0, 2)) if rows is None else rows, "x", "y")
        figure = _draw(dress(framed(points * picture.marks, learner)))
        self._axis = figure.y_range
        self._points, *self._marks = (renderer.data_source for renderer in figure.renderers)
        self._pane = BokehPane(figure)

    def bundle(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the pane."""
        return self._pane.bundle()

    def _new(self, picture: Picture) -> np.ndarray | None:
        """Return the points that were not sent yet, shape (n, 2), in the order in which they were told."""
        rows = list(itertools.islice(picture.data.items(), self._sent, None))
        try:
            array = np.array([(x, math.nan if y is None else y) for x, y in rows], dtype=float).reshape(-1, 2)
        except (TypeError, ValueError):  # vectors
            return None
        self._sent += len(rows)
        self._reach(array[:, 1])
        return array

    def _reach(self, values: np.ndarray) -> None:
        finite = values[np.isfinite(values)]
        self._lowest = finite.min(initial=self._lowest)
        self._highest = finite.max(initial=self._highest)

    def show(self, picture: Picture) -> bool:
        """Send what is new; False if these are not the same data any more, or are vectors."""
        if picture.frame is not None or picture.data is not self._data or len(picture.data) < self._sent:
            return False
        rows = self._new(picture)
        if rows is None:
            return False
        if len(rows):  # the page sends them back, and Panel adds them again to Python's own copy, which nobody reads
            self._points.stream(packed({"x": rows[:, 0], "y": rows[:, 1]}))
        for source, marks in zip(self._marks, picture.marks, strict=True):
            source.data = packed({name: marks.dimension_values(name) for name in ("x", "y")})
        if picture.moving and self._lowest <= self._highest:
            margin = _MARGIN * (self._highest - self._lowest) or _MARGIN * abs(self._lowest) or 1.0
            follow(self._axis, self._lowest - margin, self._highest + margin)
        self._pane.push()
        return True
