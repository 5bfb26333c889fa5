"""The frames of a live plot: the learner is plotted now and then, and the last frame stays as a static output.

Each frame is made from the learner under the runner's lock, between two steps of the run.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from typing import Any

import holoviews as hv

from adaptive_calib.engine.observers import logger
from adaptive_calib.notebook.live_document import LiveDocument
from adaptive_calib.notebook.renderers import Frame, Renderer, Setting, renderer_for, streams
from adaptive_calib.notebook.static_output import static_output
from adaptive_calib.view.calibration_learner import picture
from adaptive_calib.view.marks import marks

__all__ = ["Frames"]

_HEIGHT = 400
#: Frames of a HoloMap that are shown side by side.
_BESIDE = 6
#: Values that are offered of a dimension of which only the range is known.
_STEPS = 11
# without types
panel: Any = importlib.import_module("panel")
ipython: Any = importlib.import_module("IPython.display")


class _Place:
    """An output of a cell, in which the plot is shown; `make` returns its renderer."""

    def __init__(self, make: Callable[[LiveDocument | None], Renderer]) -> None:
        self._make = make
        self._renderer = make(None)
        data, metadata = self._renderer.bundle()
        self._handle = ipython.display(data, metadata=metadata, raw=True, display_id=True)

    def show(self, frame: Frame) -> None:
        """Show a frame, by another renderer if it needs one: values that are vectors, data that were loaded."""
        if not self._renderer.show(frame):
            self._renderer = self._make(self._renderer.document)

    def end(self, output: dict[str, str]) -> None:
        """Put a static output there, which a saved notebook keeps; pages that were reloaded keep the document."""
        self._handle.update(output, metadata={}, raw=True)
        self._renderer.document.refresh = None


class Frames:
    """The frame that is displayed, and what draws the next one.

    Parameters
    ----------
    runner : AsyncRunner
    plotter : callable or None
        ``plotter(learner)`` returns the plot; None: ``learner.plot()`` with the pending and the failed points.
    normalize : bool
        Whether the axes follow the data; if not, they stay at the limits of the first data.

    Attributes
    ----------
    cost : float
        Seconds of computing that the last frame took.
    child : int or None
        Number of the child of a balancing learner that is displayed.
    choices : dict of str to list
        Dimension -> values, of a HoloMap or DynamicMap of which one frame is displayed.
    on_choices : callable
        Called when they have changed.
    is_layout : bool
        Whether the plot has panels, and so is expensive.
    target : holoviews.DynamicMap or panel.pane.HoloViews
        Returned to the user. Displaying it shows the plot, with a static output at the end of the run; other plots
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
        self.choices: dict[str, list[Any]] = {}
        self.on_choices: Callable[[], None] = lambda: None
        self._chosen: dict[str, Any] = {}
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
        """Show the plot in the cell that is executed."""
        if self._last:
            ipython.display(self._last, raw=True)
        else:
            self._places.append(_Place(self._renderer))

    def _renderer(self, document: LiveDocument | None) -> Renderer:
        with self._runner.lock:
            return renderer_for(
                self._look(), self._learner, Setting(_dressed, document, self._runner.lock, self._refresh)
            )

    @property
    def _learner(self) -> Any:
        learner = self._runner.learner
        return learner if self.child is None else learner.learners[self.child]

    def _look(self, whole: bool = False) -> Frame:
        """Return the learner as it is now; `whole`: with the whole plot, not only what is new."""
        with self._runner.lock:
            learner = self._learner
            moving = self._normalize or not self._saw_data
            self._saw_data |= learner.npoints > 0
            if self._plotter is not None:
                return Frame(self._without_sliders(self._plotter(learner)), moving)
            more = marks(hv, learner)
            if not whole and self.child is None and streams(learner):
                return Frame(None, moving, learner.data, more)
            plot = self._without_sliders(learner.plot())
        return Frame(plot * more if more is not None and _is_single(plot) else plot, moving)

    def _without_sliders(self, plot: Any) -> Any:
        """Return the frames of a small HoloMap beside each other, and of a larger one the frame that is chosen.

        HoloViews' own sliders would be stale on a page that was reloaded.
        """
        plot = _beside(plot)
        maps = plot.traverse(lambda part: part, [hv.HoloMap])
        choices: dict[str, list[Any]] = {}
        for part in maps:
            choices |= {dimension.name: _values(part, dimension) for dimension in part.kdims}
        if choices != self.choices:
            self.choices = choices
            self._chosen = {
                name: self._chosen[name] if self._chosen.get(name) in values else values[0]
                for name, values in choices.items()
                if values
            }
            self.on_choices()
        return plot.map(self._chosen_frame, [hv.HoloMap]) if maps else plot

    def _chosen_frame(self, part: Any) -> Any:
        key = tuple(self._chosen.get(dimension.name) for dimension in part.kdims)
        if isinstance(part, hv.DynamicMap):
            return part[key]
        return part.data.get(key, part.last) if len(part) else hv.Curve([])

    def _whole(self) -> Any:
        return _dressed(self._look(whole=True).plot)

    def draw(self) -> None:
        """Show the learner as it is now."""
        if self._runner is None:
            return
        begin = time.thread_time()
        with self._runner.lock:
            frame = self._look()
            for place in self._places:
                place.show(frame)
        self._tell_others(frame.plot)
        self.cost = time.thread_time() - begin

    def _refresh(self) -> None:
        """Draw for a page that connects; if that fails, the page gets the last frame, and the next one fails too."""
        try:
            self.draw()
        except Exception:  # noqa: BLE001 - a plotter may raise anything
            logger.exception("a page that connects gets the last frame of a live plot: drawing another one failed.")

    def select(self, child: int) -> None:
        """Show another child of a balancing learner."""
        self.child = child
        self._again()

    def choose(self, name: str, value: Any) -> None:
        """Show another frame of a HoloMap."""
        if self._chosen.get(name) != value:
            self._chosen[name] = value
            self._again()

    def _again(self) -> None:
        if self._last:
            self._settle()
        else:
            self.draw()

    def end(self, *, failed: bool = False) -> None:
        """Replace the plot by a static output of the last frame, and release the run.

        Without it the page would hold the run, and a saved notebook would show the first frame. The run is kept if
        children of a balancing learner, or frames of a HoloMap, can still be selected. With `failed` the last frame
        stays: no other can be drawn.
        """
        if not failed:
            self._settle()
        if failed or (self.child is None and not self.choices):
            self._runner = None
            self._plotter = None
            self._places = []

    def _settle(self) -> None:
        if self._runner is None:
            return
        self.draw()  # for pages that keep the document
        self._final = self._whole()
        self._last = static_output(hv, self._final, picture(self._learner) if self._plotter is None else None)
        for place in self._places:
            place.end(self._last)
        self._tell_others(self._final)

    def _tell_others(self, plot: Any) -> None:
        """Draw the plots again that were built on the target."""
        if self.is_layout:
            self.target.object = plot
        else:
            self._next.event(counter=self._next.counter + 1)


def _beside(plot: Any) -> Any:
    """Return the frames of a small HoloMap side by side."""
    if isinstance(plot, hv.HoloMap) and not isinstance(plot, hv.DynamicMap) and 0 < len(plot) <= _BESIDE:
        return plot.layout().cols(2)
    return plot


def _values(plot: Any, dimension: Any) -> list[Any]:
    """Return the values of a dimension of a HoloMap or DynamicMap, from which a person chooses."""
    if not isinstance(plot, hv.DynamicMap):
        return list(dict.fromkeys(key[plot.get_dimension_index(dimension)] for key in plot.data))
    low, high = dimension.range
    if dimension.values or low is None or high is None:
        return list(dimension.values)
    return [low + (high - low) * k / (_STEPS - 1) for k in range(_STEPS)]


def _is_single(plot: Any) -> bool:
    """Whether a plot has one pair of axes and nothing to choose."""
    return isinstance(plot, (hv.Element, hv.Overlay))


def _dressed(plot: Any) -> Any:
    """Give a single plot the options of a live plot."""
    return plot.opts(responsive=True, min_height=_HEIGHT) if _is_single(plot) else plot
