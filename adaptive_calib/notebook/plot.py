"""`live_plot`: a HoloViews plot that follows a run.

A frame is drawn from the learner under the runner's lock, between two steps of the run; what it cost decides when the
next one is drawn, and none is drawn if nothing has changed. HoloViews sends the frame's data to the page.
"""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import Callable
from typing import Any

from adaptive_calib.engine.observers import logger
from adaptive_calib.notebook.environment import INSTALL, has, in_ipynb, say, set_up_holoviews
from adaptive_calib.notebook.environment import should_update as _should_update
from adaptive_calib.notebook.pace import Pace

__all__ = ["active_plotting_tasks", "live_plot"]

#: Live plots under way, by their names.
active_plotting_tasks: dict[str | None, Any] = {}

#: At most 5 % of the run's time is promised; sending goes on in another thread of the kernel, so less.
SHARE = 0.03
_HEIGHT = 400


def live_plot(
    runner: Any,
    *,
    plotter: Callable[[Any], Any] | None = None,
    update_interval: float = 2.0,
    name: str | None = None,
    normalize: bool = True,
) -> Any:
    """Return a plot of the learner that follows the run and ends with its final state.

    Parameters
    ----------
    runner : AsyncRunner
    plotter : callable, optional
        ``plotter(learner)`` returns an element or overlay; default: ``learner.plot()``. A `BalancingLearner` has a
        selector of the child that is shown, by `plotter` if there is one.
    update_interval : float
        Seconds between two frames; more if a frame is expensive, or the run takes hours.
    name : str, optional
        A new plot of the same name, None too, ends the old one.
    normalize : bool
        Whether the axes follow the data. What the user has zoomed to stays, until the plot's reset button.

    Returns
    -------
    holoviews.DynamicMap or None
        None outside a notebook or without HoloViews: then a line says what to do.

    Raises
    ------
    ValueError
        If `update_interval` is not positive.
    """
    pace = Pace(update_interval, SHARE, frames=500)
    if not in_ipynb():
        say("live_plot needs a Jupyter notebook; here, use runner.live_info_terminal() or learner.plot().")
        return None
    if not has("holoviews") or not has("bokeh"):
        say(f"live_plot needs holoviews and bokeh; {INSTALL}.")
        return None
    hv = set_up_holoviews()
    frames = _Frames(hv, runner, plotter, normalize)
    controls = _Controls(runner.learner, frames) if has("ipywidgets") else None
    old = active_plotting_tasks.pop(name, None)
    if old is not None:
        old.cancel()
    if runner.status() == "running":
        task = active_plotting_tasks[name] = runner.beside(_follow(runner, frames, controls, pace))
        if controls is not None:
            controls.show(task)

        def over(done: Any) -> None:
            if active_plotting_tasks.get(name) is done:
                del active_plotting_tasks[name]

        task.add_done_callback(over)
    else:
        frames.end()
    return frames.map


async def _follow(runner: Any, frames: _Frames, controls: _Controls | None, pace: Pace) -> None:
    # the first frame paid for loading the libraries: by its cost the second one would come half a minute later
    cost, last = 0.0, -1
    try:
        while not runner.task.done():
            await runner.wait(pace.wait(cost, runner.elapsed_time()))
            if runner.task.done():
                break
            if runner.learner.npoints != last and _should_update():
                last = runner.learner.npoints
                frames.draw()
                cost = frames.cost
        frames.draw()
    except asyncio.CancelledError:
        raise
    except Exception:  # noqa: BLE001 - a display that fails is logged and taken off; the run goes on
        logger.exception("the live plot failed and is taken off; the run goes on.")
    finally:
        frames.end()
        if controls is not None:
            controls.end()


class _Frames:
    """The frame that is shown, and what draws the next one.

    Attributes
    ----------
    map : holoviews.DynamicMap or Layout
        What the user sees.
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
        self.child: int | None = 0 if isinstance(getattr(runner.learner, "learners", None), list) else None
        self.cost = 0.0
        self._frame = self._make()
        self._next = hv.streams.Counter()
        plot = hv.DynamicMap(self._shown, streams=[self._next])
        self.map = plot.collate() if isinstance(self._frame, hv.Layout) else plot
        self._gestures: list[Any] = []
        if not isinstance(self._frame, hv.Layout):
            zoom = hv.streams.RangeXY(source=plot)
            reset = hv.streams.PlotReset(source=plot)
            zoom.add_subscriber(self._zoomed)
            reset.add_subscriber(self._reset)
            self._gestures = [zoom, reset]

    def _shown(self, counter: int) -> Any:
        return self._frame

    def _zoomed(self, x_range: Any = None, y_range: Any = None, **_: Any) -> None:
        self._zoom = (x_range, y_range) if x_range is not None and y_range is not None else None

    def _reset(self, **_: Any) -> None:
        self._zoom = None

    def _make(self) -> Any:
        """Draw the learner as it is now."""
        with self._runner.lock:
            learner = self._runner.learner
            if self.child is not None:
                learner = learner.learners[self.child]
            frame = self._plotter(learner) if self._plotter is not None else learner.plot()
        hv = self._hv
        if not isinstance(frame, (hv.Element, hv.Overlay)):
            return frame
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
        self._next.event(counter=self._next.counter + 1)
        self.cost = time.perf_counter() - begin

    def select(self, child: int) -> None:
        """Show another child of a balancing learner."""
        self.child = child
        self._zoom = None
        self.draw()

    def end(self) -> None:
        """Let go of the run, which the page would otherwise keep; the last frame stays.

        A balancing learner is kept: its children can still be chosen.
        """
        if self.child is None:
            self._runner = None
            self._plotter = None


class _Controls:
    """The button that ends the plot, and the selector of a child."""

    def __init__(self, learner: Any, frames: _Frames) -> None:
        widgets = importlib.import_module("ipywidgets")
        self._button = widgets.Button(
            description="cancel live-plot", layout=widgets.Layout(width="auto"), tooltip="the run itself goes on"
        )
        self._task: Any = None
        self._button.on_click(self._cancel)
        children = [self._button]
        if frames.child is not None:
            choice = widgets.Dropdown(options=range(len(learner.learners)), description="learner")
            choice.observe(lambda change: frames.select(change["new"]), names="value")
            children.insert(0, choice)
        self._box = widgets.HBox(children)

    def _cancel(self, _: Any) -> None:
        if self._task is not None:
            self._task.cancel()

    def show(self, task: Any) -> None:
        """Show them, for the task that draws."""
        self._task = task
        importlib.import_module("IPython.display").display(self._box)

    def end(self) -> None:
        """Take the button away."""
        self._task = None
        self._box.children = tuple(child for child in self._box.children if child is not self._button)
        self._button.close()
