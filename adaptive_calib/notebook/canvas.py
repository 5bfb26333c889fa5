"""Where the frames of a live plot are drawn: three ways in which the next one takes the place of the last.

- `Streamed`: the points of a `Learner1D` only ever become more, so only new ones are sent.
- `Whole`: an element or overlay lives in a DynamicMap, of which HoloViews sends the columns.
- `Swapped`: a layout, whose panels come and go, is drawn anew.

Each has a ``target``, which the user displays, and ``show(picture)``, which is False if the canvas cannot show it.
"""

from __future__ import annotations

import importlib
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from adaptive_calib.learner.average_learner1D import AverageLearner1D
from adaptive_calib.learner.learner1D import Learner1D
from adaptive_calib.view.learner1D import framed

__all__ = ["Canvas", "Picture", "Streamed", "Swapped", "Whole", "canvas_for", "streams"]

#: More points than a plot will ever hold: HoloViews' buffer forgets what is beyond.
_EVERYTHING = 10**12


@dataclass(frozen=True)
class Picture:
    """What is to be seen of a learner at one moment.

    Attributes
    ----------
    frame : holoviews object or None
        The whole plot; None where only what is new is asked for.
    data : mapping of float to value
        The learner's own data; to be read under the lock of the run.
    marks : holoviews object or None
        Points that are pending or failed.
    """

    frame: Any
    data: Any = None
    marks: Any = None


class Canvas(Protocol):
    """One way of showing frames."""

    target: Any

    def show(self, picture: Picture) -> bool:
        """Show a frame; False if this needs another canvas."""
        ...


def streams(learner: Any) -> bool:
    """Whether the default plot of this learner can be streamed: numbers over x, of which none ever changes."""
    if not isinstance(learner, Learner1D) or isinstance(learner, AverageLearner1D):
        return False
    return learner.vdim == 1 and type(learner).plot is Learner1D.plot


def canvas_for(hv: Any, picture: Picture, learner: Any, dress: Callable[[Any], Any]) -> Canvas:
    """Return a canvas that can show this picture; `dress` gives an overlay its options."""
    if picture.frame is None:
        return Streamed(hv, picture, learner, dress)
    if isinstance(picture.frame, (hv.Element, hv.Overlay)):
        return Whole(hv, picture, dress)
    return Swapped(picture)


class Swapped:
    """A pane of Panel, which is given another object."""

    def __init__(self, picture: Picture) -> None:
        self.target = importlib.import_module("panel").pane.HoloViews(picture.frame)

    def show(self, picture: Picture) -> bool:
        """Draw a layout in the place of the last one."""
        self.target.object = picture.frame
        return True


class Whole:
    """A DynamicMap of whole frames."""

    def __init__(self, hv: Any, picture: Picture, dress: Callable[[Any], Any]) -> None:
        self._hv = hv
        self._frame = picture.frame
        self._next = hv.streams.Counter()
        frames = hv.DynamicMap(lambda counter: self._frame, streams=[self._next])
        self.target = hv.util.Dynamic(frames, operation=dress, link_inputs=True)

    def show(self, picture: Picture) -> bool:
        """Show the next frame."""
        if not isinstance(picture.frame, (self._hv.Element, self._hv.Overlay)):
            return False
        self._frame = picture.frame
        self._next.event(counter=self._next.counter + 1)
        return True


class Streamed:
    """A DynamicMap of points that are sent once, and of marks over them."""

    def __init__(self, hv: Any, picture: Picture, learner: Any, dress: Callable[[Any], Any]) -> None:
        self._marks = picture.marks
        self._data: Any = picture.data
        self._sent = 0
        rows = self._new(picture)
        first = np.empty((0, 2)) if rows is None else rows
        self._points = hv.streams.Buffer(first, length=_EVERYTHING, index=False)
        self._next = hv.streams.Counter()
        points = hv.DynamicMap(lambda data: hv.Scatter(data, "x", "y"), streams=[self._points])
        marks = hv.DynamicMap(lambda counter: self._marks, streams=[self._next])
        self.target = hv.util.Dynamic(framed(points * marks, learner), operation=dress, link_inputs=True)

    def _new(self, picture: Picture) -> np.ndarray | None:
        """Return the points that were not sent yet, shape (n, 2), in the order in which they were told."""
        rows = list(itertools.islice(picture.data.items(), self._sent, None))
        try:
            array = np.array([(x, math.nan if y is None else y) for x, y in rows], dtype=float).reshape(-1, 2)
        except (TypeError, ValueError):  # vectors
            return None
        self._sent += len(rows)
        return array

    def show(self, picture: Picture) -> bool:
        """Send what is new; False if these are not the same data any more, or are vectors."""
        if picture.frame is not None or picture.data is not self._data or len(picture.data) < self._sent:
            return False
        rows = self._new(picture)
        if rows is None:
            return False
        if len(rows):
            self._points.send(rows)
        self._marks = picture.marks
        self._next.event(counter=self._next.counter + 1)
        return True
