"""The frames of a live plot: the learner seen now and then on canvases that take the next one, and a still at the end.

Each frame is made from the learner under the runner's lock, between two steps of the run.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from typing import Any

import holoviews as hv

from adaptive_calib.notebook.renderers import Canvas, Picture, canvas_for, streams
from adaptive_calib.notebook.static_output import static_output
from adaptive_calib.view.calibration_learner import picture
from adaptive_calib.view.marks import marks

__all__ = ["Frames"]

_HEIGHT = 400
# without types
panel: Any = importlib.import_module("panel")
ipython: Any = importlib.import_module("IPython.display")


class _StaticOutput:
    """What never changes any more."""

    def __init__(self, content: dict[str, str]) -> None:
        self._content = content

    def bundle(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the still."""
        return self._content, {}

    def show(self, picture: Picture) -> bool:
        """Nothing follows."""
        return True


class _Place:
    """An output of a cell, in which a canvas stands."""

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas
        data, metadata = canvas.bundle()
        self._handle = ipython.display(data, metadata=metadata, raw=True, display_id=True)

    def show(self, picture: Picture) -> bool:
        """Show a frame; False if this needs another canvas."""
        return self._canvas.show(picture)

    def put(self, canvas: Canvas) -> None:
        """Put another canvas there."""
        self._canvas = canvas
        data, metadata = canvas.bundle()
        self._handle.update(data, metadata=metadata, raw=True)


class Frames:
    """The frame that is shown, and what draws the next one.

    Parameters
    ----------
    runner : AsyncRunner
    plotter : callable or None
        ``plotter(learner)`` returns what to draw; None: ``learner.plot()`` with the points that are pending or failed.
    normalize : bool
        Whether the axes follow the data; if not, they stay where the first data have them.

    Attributes
    ----------
    cost : float
        Seconds of computing that the last frame took.
    child : int or None
        Which child of a balancing learner is shown.
    is_layout : bool
        Whether the plot has panels, and so is expensive.
    target : holoviews.DynamicMap or panel.pane.HoloViews
        What the user gets. Displaying it shows the plot, which becomes a still at the end of the run; and other plots
        can be built on it.
    """

    def __init__(self, runner: Any, plotter: Callable[[Any], Any] | None, normalize: bool) -> None:
        self._runner: Any = runner
        self._plotter: Callable[[Any], Any] | None = plotter
        self._normalize = normalize
        self._saw_data = False
        self._places: list[_Place] = []
        self._last: dict[str, str] = {}
        self.child: int | None = 0 if isinstance(getattr(runner.learner, "learners", None), list) else None
        self.cost = 0.0
        self._final = self._whole()
        self.is_layout = not _is_single(self._final)
        self._next = hv.streams.Counter()
        if self.is_layout:
            self.target = panel.pane.HoloViews(self._final)
        else:
            self.target = hv.DynamicMap(
                lambda counter: self._final if self._last else self._whole(), streams=[self._next]
            )
        # an attribute of this one object: IPython asks it to show itself, and so the place is known at the end
        self.target._ipython_display_ = self._show

    def _show(self) -> None:
        """Show the plot in the cell that is being run."""
        place = _Place(_StaticOutput(self._last) if self._last else self._canvas())
        if self._runner is not None:
            self._places.append(place)

    def _canvas(self) -> Canvas:
        with self._runner.lock:
            return canvas_for(self._look(), self._learner, _dressed)

    @property
    def _learner(self) -> Any:
        learner = self._runner.learner
        return learner if self.child is None else learner.learners[self.child]

    def _look(self, whole: bool = False) -> Picture:
        """See the learner as it is now; `whole`: the plot itself, not only what is new."""
        with self._runner.lock:
            learner = self._learner
            moving = self._normalize or not self._saw_data
            self._saw_data |= learner.npoints > 0
            if self._plotter is not None:
                return Picture(self._plotter(learner), moving)
            more = marks(hv, learner)
            if not whole and self.child is None and streams(learner):
                return Picture(None, moving, learner.data, more)
            frame = learner.plot()
        return Picture(frame * more if more is not None and _is_single(frame) else frame, moving)

    def _whole(self) -> Any:
        return _dressed(self._look(whole=True).frame)

    def draw(self) -> None:
        """Show the learner as it is now."""
        if self._runner is None:
            return
        begin = time.thread_time()
        with self._runner.lock:
            seen = self._look()
            for place in self._places:
                # values that turn out to be vectors, data that were loaded: another canvas in the same place
                if not place.show(seen):
                    place.put(self._canvas())
        self._tell_others(seen.frame)
        self.cost = time.thread_time() - begin

    def select(self, child: int) -> None:
        """Show another child of a balancing learner."""
        self.child = child
        if self._last:
            self._settle()
        else:
            self.draw()

    def end(self, *, failed: bool = False) -> None:
        """Put a still of the last frame in the place of the plot, and let go of the run.

        Without it the page would keep the run, and a saved notebook the first frame. A balancing learner is kept: its
        children can still be chosen. With `failed`, what is shown stays: it cannot be drawn.
        """
        if not failed:
            self._settle()
        if self.child is None or failed:
            self._runner = None
            self._plotter = None
            self._places = []

    def _settle(self) -> None:
        if self._runner is None:
            return
        self._final = self._whole()
        self._last = static_output(hv, self._final, picture(self._learner) if self._plotter is None else None)
        for place in self._places:
            place.put(_StaticOutput(self._last))
        self._tell_others(self._final)

    def _tell_others(self, frame: Any) -> None:
        """Have plots drawn anew that were built on the target."""
        if self.is_layout:
            self.target.object = frame
        else:
            self._next.event(counter=self._next.counter + 1)


def _is_single(frame: Any) -> bool:
    """Whether a plot has one pair of axes and nothing to choose."""
    return isinstance(frame, (hv.Element, hv.Overlay))


def _dressed(frame: Any) -> Any:
    """Give a single plot the options of a live plot."""
    return frame.opts(responsive=True, min_height=_HEIGHT) if _is_single(frame) else frame
