"""The frames of a live plot: the learner seen now and then on a canvas that takes the next one, and a still at the end.

Each frame is made from the learner under the runner's lock, between two steps of the run.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from typing import Any

from adaptive_calib.notebook.canvas import Canvas, Picture, Swapped, canvas_for, streams
from adaptive_calib.notebook.still import still
from adaptive_calib.view.calibration_learner import picture
from adaptive_calib.view.marks import marks

__all__ = ["Frames"]

_HEIGHT = 400


def _leave_axes_to_the_page(plot: Any, element: Any) -> None:
    """Let BokehJS make the axes follow the data, until the user drags or zooms, and again after the reset button."""
    models = importlib.import_module("bokeh.models")
    figure = plot.state
    for name in ("x_range", "y_range"):
        if isinstance(getattr(figure, name), models.Range1d):
            axis = models.DataRange1d(range_padding=0.05)
            setattr(figure, name, axis)
            plot.handles[name] = axis


class Frames:
    """The frame that is shown, and what draws the next one.

    Parameters
    ----------
    hv : module
        holoviews, with bokeh loaded.
    runner : AsyncRunner
    plotter : callable or None
        ``plotter(learner)`` returns what to draw; None: ``learner.plot()`` with the points that are pending or failed.
    normalize : bool
        Whether the axes follow the data.

    Attributes
    ----------
    cost : float
        Seconds of computing that the last frame took.
    child : int or None
        Which child of a balancing learner is shown.
    """

    def __init__(self, hv: Any, runner: Any, plotter: Callable[[Any], Any] | None, normalize: bool) -> None:
        self._hv = hv
        self._runner: Any = runner
        self._plotter: Callable[[Any], Any] | None = plotter
        self._normalize = normalize
        self._places: list[Any] = []
        self._over = False
        self._last: dict[str, str] = {}
        self.child: int | None = 0 if isinstance(getattr(runner.learner, "learners", None), list) else None
        self.cost = 0.0
        self._canvas = self._new_canvas(self._look())

    @property
    def target(self) -> Any:
        """What the user sees and gets; displaying it shows the plot, which becomes a still at the end of the run."""
        return self._canvas.target

    @property
    def swaps(self) -> bool:
        """Whether a frame takes the place of the last one as a whole."""
        return isinstance(self._canvas, Swapped)

    def _new_canvas(self, seen: Picture) -> Canvas:
        canvas = canvas_for(self._hv, seen, self._learner, self._dressed)
        # an attribute of this one object: IPython asks it to show itself, and so the place is known at the end
        canvas.target._ipython_display_ = self._show
        return canvas

    def _show(self) -> None:
        """Show the plot in the cell that is being run."""
        display = importlib.import_module("IPython.display").display
        if self._last and self.child is None:
            display(self._last, raw=True)
            return
        data, metadata = self.target._repr_mimebundle_()
        self._places.append(display(data, metadata=metadata, raw=True, display_id=True))

    @property
    def _learner(self) -> Any:
        learner = self._runner.learner
        return learner if self.child is None else learner.learners[self.child]

    def _look(self, whole: bool = False) -> Picture:
        """See the learner as it is now; `whole`: the plot itself, not only what is new."""
        with self._runner.lock:
            learner = self._learner
            if self._plotter is not None:
                return Picture(self._plotter(learner))
            more = marks(self._hv, learner)
            if not whole and self.child is None and streams(learner):
                return Picture(None, learner.data, more)
            frame = learner.plot()
        if more is not None and isinstance(frame, (self._hv.Element, self._hv.Overlay)):
            frame = frame * more
        return Picture(frame)

    def _dressed(self, frame: Any) -> Any:
        """Give an element or overlay the options of a live plot."""
        frame = frame.map(lambda element: element.opts(framewise=self._normalize), [self._hv.Element])
        options: dict[str, Any] = {"responsive": True, "min_height": _HEIGHT, "framewise": self._normalize}
        if self._normalize:
            options |= {"apply_ranges": False, "hooks": [_leave_axes_to_the_page]}
        return frame.opts(**options)

    def draw(self) -> None:
        """Show the learner as it is now."""
        if self._runner is None:
            return
        begin = time.thread_time()
        with self._runner.lock:
            seen = self._look()
            shown = self._canvas.show(seen)
        if not shown:  # values that turn out to be vectors, data that were loaded: another canvas in the same places
            self._canvas = self._new_canvas(self._look())
            for place in self._places:
                data, metadata = self.target._repr_mimebundle_()
                place.update(data, metadata=metadata, raw=True)
        self.cost = time.thread_time() - begin

    def select(self, child: int) -> None:
        """Show another child of a balancing learner."""
        self.child = child
        self.draw()
        if self._over:
            self._settle()

    def end(self, *, failed: bool = False) -> None:
        """Put a still of the last frame in the place of the plot, and let go of the run.

        Without it the page would keep the run, and a saved notebook the first frame. A balancing learner is kept: its
        children can still be chosen. With `failed`, what is shown stays: it cannot be drawn.
        """
        self._over = True
        if not failed:
            self._settle()
        if self.child is None or failed:
            self._runner = None
            self._plotter = None

    def _settle(self) -> None:
        if self._runner is None:
            return
        frame = self._look(whole=True).frame
        if isinstance(frame, (self._hv.Element, self._hv.Overlay)):
            frame = self._dressed(frame)
        self._last = still(self._hv, frame, picture(self._learner) if self._plotter is None else None)
        for place in self._places:
            place.update(self._last, metadata={}, raw=True)
