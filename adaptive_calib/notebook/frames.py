"""The frames of a live plot: what is shown now, and how the next one takes its place on the page.

An element or overlay lives in a DynamicMap, of which HoloViews sends the columns that have changed; a layout, whose
panels come and go, is drawn anew and swapped as a whole. Each frame is made from the learner under the runner's lock,
between two steps of the run.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from typing import Any

from adaptive_calib.notebook.still import still
from adaptive_calib.view.calibration_learner import picture
from adaptive_calib.view.marks import marks

__all__ = ["Frames"]

_HEIGHT = 400


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
    target : holoviews.DynamicMap or panel.pane.HoloViews
        What the user sees and gets; displaying it shows the plot, which becomes a still at the end of the run.
    cost : float
        Seconds that the last frame took.
    child : int or None
        Which child of a balancing learner is shown.
    """

    def __init__(self, hv: Any, runner: Any, plotter: Callable[[Any], Any] | None, normalize: bool) -> None:
        self._hv = hv
        self._runner: Any = runner
        self._plotter: Callable[[Any], Any] | None = plotter
        self._normalize = normalize
        self._zoom: tuple[Any, Any] | None = None
        self._places: list[Any] = []
        self._over = False
        self.child: int | None = 0 if isinstance(getattr(runner.learner, "learners", None), list) else None
        self.cost = 0.0
        self._frame = self._make()
        self._next = hv.streams.Counter()
        self._gestures: list[Any] = []
        if isinstance(self._frame, (hv.Element, hv.Overlay)):
            self.target = hv.DynamicMap(self._shown, streams=[self._next])
            zoom = hv.streams.RangeXY(source=self.target)
            reset = hv.streams.PlotReset(source=self.target)
            zoom.add_subscriber(self._zoomed)
            reset.add_subscriber(self._reset)
            self._gestures = [zoom, reset]
        else:
            self.target = importlib.import_module("panel").pane.HoloViews(self._frame)
        # an attribute of this one object: IPython asks it to show itself, and so the place is known at the end
        self.target._ipython_display_ = self._show

    @property
    def swaps(self) -> bool:
        """Whether a frame takes the place of the last one as a whole."""
        return not self._gestures

    def _shown(self, counter: int) -> Any:
        return self._frame

    def _zoomed(self, x_range: Any = None, y_range: Any = None, **_: Any) -> None:
        self._zoom = (x_range, y_range) if x_range is not None and y_range is not None else None

    def _reset(self, **_: Any) -> None:
        self._zoom = None

    def _show(self) -> None:
        """Show the plot in the cell that is being run."""
        display = importlib.import_module("IPython.display").display
        if self._over and self.child is None:
            display(still(self._hv, self._frame), raw=True)
            return
        data, metadata = self.target._repr_mimebundle_()
        self._places.append(display(data, metadata=metadata, raw=True, display_id=True))

    def _make(self) -> Any:
        """Draw the learner as it is now."""
        hv = self._hv
        with self._runner.lock:
            learner = self._runner.learner
            if self.child is not None:
                learner = learner.learners[self.child]
            frame = self._plotter(learner) if self._plotter is not None else learner.plot()
            more = marks(hv, learner) if self._plotter is None else None
        if not isinstance(frame, (hv.Element, hv.Overlay)):
            return frame
        if more is not None:
            frame = frame * more
        frame = frame.map(lambda element: element.opts(framewise=self._normalize), [hv.Element])
        options: dict[str, Any] = {"responsive": True, "min_height": _HEIGHT, "framewise": self._normalize}
        if self._zoom is not None:
            options |= {"xlim": self._zoom[0], "ylim": self._zoom[1]}
        return frame.opts(**options)

    def draw(self) -> None:
        """Show the learner as it is now."""
        if self._runner is None:
            return
        begin = time.perf_counter()
        self._frame = self._make()
        if self.swaps:
            self.target.object = self._frame
        else:
            self._next.event(counter=self._next.counter + 1)
        self.cost = time.perf_counter() - begin

    def select(self, child: int) -> None:
        """Show another child of a balancing learner."""
        self.child = child
        self._zoom = None
        self.draw()
        if self._over:
            self._settle()

    def end(self) -> None:
        """Put a still of the last frame in the place of the plot, and let go of the run.

        Without it the page would keep the run, and a saved notebook the first frame. A balancing learner is kept: its
        children can still be chosen.
        """
        self._over = True
        self._settle()
        if self.child is None:
            self._runner = None
            self._plotter = None

    def _settle(self) -> None:
        if self._places:
            learner = self._runner.learner if self._runner is not None and self._plotter is None else None
            bundle = still(self._hv, self._frame, picture(learner))
            for place in self._places:
                place.update(bundle, metadata={}, raw=True)
