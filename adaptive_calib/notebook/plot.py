"""`live_plot`: a HoloViews plot that follows a run.

The cost of a frame determines when the next one is drawn; without new points none is drawn.
"""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from adaptive_calib.engine.observers import logger
from adaptive_calib.notebook.environment import (
    INSTALL,
    has,
    in_ipynb,
    in_the_cell_of_the_moment,
    say,
    set_up_holoviews,
)
from adaptive_calib.notebook.environment import should_update as _should_update
from adaptive_calib.notebook.update_schedule import UpdateSchedule

if TYPE_CHECKING:
    from adaptive_calib.notebook.live_frames import Frames

__all__ = ["active_plotting_tasks", "live_plot"]

#: Name -> task of each live plot that is updated.
active_plotting_tasks: dict[str | None, Any] = {}

#: At most 5 % of the run's time is promised; sending goes on in another thread of the kernel, so less.
SHARE = 0.035
#: Seconds beyond it: a layout belongs to a calibration, which lasts minutes, and its first frame with data should not
#: wait for half of them.
ALLOWANCE, ALLOWANCE_OF_LAYOUTS = 0.2, 1.5


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
        ``plotter(learner)`` returns a HoloViews object; default: ``learner.plot()`` with the pending and the failed
        points. A `BalancingLearner` has a selector of the child that is shown, by `plotter` if there is one.
    update_interval : float
        Seconds between two frames; more if a frame is expensive, or the run takes hours.
    name : str, optional
        A new plot of the same name, None too, ends the old one.
    normalize : bool
        Whether the axes follow the data; else they stay where the first data have them. Axes that the user has dragged
        or zoomed stay as they are, until the reset button. The frames of a HoloMap are shown side by side if there are
        at most six, as of a `Learner2D` of vectors; of a larger one the frame that sliders select.

    Returns
    -------
    holoviews.DynamicMap, panel.pane.HoloViews or None
        Displaying it shows the plot, and other plots can be built on it; at the end of the run a picture takes its
        place, which stays in a saved notebook and is interactive where scripts run. A pane for layouts, such as that of
        a calibration; None outside a notebook or without HoloViews: then a line says what to do.

    Raises
    ------
    ValueError
        If `update_interval` is not positive.

    Examples
    --------
    >>> from adaptive_calib import Learner1D, Runner
    >>> from adaptive_calib.notebook import in_ipynb
    >>> if in_ipynb():
    ...     runner = Runner(Learner1D(abs, bounds=(-1, 2)), npoints_goal=20)
    ...     runner.live_plot(update_interval=1)
    """
    UpdateSchedule(update_interval, SHARE)  # refuses an interval that is not positive
    if not in_ipynb():
        say("live_plot needs a Jupyter notebook; here, use runner.live_info_terminal() or learner.plot().")
        return None
    if not has("holoviews") or not has("bokeh") or not has("anywidget"):
        say(f"live_plot needs holoviews, bokeh and anywidget; {INSTALL}.")
        return None
    set_up_holoviews()
    from adaptive_calib.notebook.live_frames import Frames  # loads the display libraries

    frames = Frames(runner, plotter, normalize)
    controls = _Controls(runner.learner, frames) if has("ipywidgets") else None
    old = active_plotting_tasks.pop(name, None)
    if old is not None:
        old.cancel()
    if runner.status() == "running":
        schedule = UpdateSchedule(
            update_interval, SHARE, ALLOWANCE_OF_LAYOUTS if frames.is_layout else ALLOWANCE, frames=500
        )
        task = active_plotting_tasks[name] = runner.beside(_follow(runner, frames, controls, schedule))
        if controls is not None:
            controls.show(task)

        def over(done: Any) -> None:
            if active_plotting_tasks.get(name) is done:
                del active_plotting_tasks[name]

        task.add_done_callback(over)
    else:
        frames.end()
    return frames.target


async def _follow(runner: Any, frames: Frames, controls: _Controls | None, schedule: UpdateSchedule) -> None:
    # the first frame paid for loading the libraries, which says nothing about the second one
    cost, spent, last, begin = 0.0, 0.0, runner.learner.npoints, time.perf_counter()

    @in_the_cell_of_the_moment
    def settle(_: Any) -> None:
        """Show the end of the run, before a cell that awaits the run is over: that may be the last of a notebook."""
        try:
            frames.draw()
            frames.end()
        except Exception:  # noqa: BLE001 - a display that fails is logged and taken off
            fail()
        if controls is not None:
            controls.end()

    def fail() -> None:
        logger.exception("the live plot failed and is taken off; the run goes on.")
        frames.end(failed=True)

    runner.task.add_done_callback(settle)
    try:
        while not runner.task.done():
            await runner.wait(schedule.wait(cost, spent, time.perf_counter() - begin, runner.elapsed_time()))
            if not runner.task.done() and runner.learner.npoints != last and _should_update():
                last = runner.learner.npoints
                frames.draw()
                cost = frames.cost
                spent += cost
    except asyncio.CancelledError:
        runner.task.remove_done_callback(settle)
        frames.end()
        if controls is not None:
            controls.end()
        raise
    except Exception:  # noqa: BLE001 - a display that fails is logged and taken off; the run goes on
        runner.task.remove_done_callback(settle)
        fail()
        if controls is not None:
            controls.end()


def _label(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


class _Controls:
    """The button that ends the plot, the selector of a child, and the sliders that select a frame."""

    def __init__(self, learner: Any, frames: Frames) -> None:
        widgets = importlib.import_module("ipywidgets")
        self._button = widgets.Button(
            description="cancel live-plot", layout=widgets.Layout(width="auto"), tooltip="the run itself goes on"
        )
        self._frames = frames
        self._task: Any = None
        self._handle: Any = None
        self._button.on_click(self._cancel)
        children = [self._button]
        if frames.child is not None:
            names = [", ".join(f"{key} = {value}" for key, value in cdim.items()) for cdim in learner.cdims]
            choice = widgets.Dropdown(options=[(name, k) for k, name in enumerate(names)], description="learner")
            choice.observe(lambda change: frames.select(change["new"]), names="value")
            children.insert(0, choice)
        self._box = widgets.HBox(children, layout=widgets.Layout(flex_flow="row wrap"))
        self._sliders: dict[str, Any] = {}
        self._offering = False
        frames.on_choices = self._offer
        self._offer()

    def _offer(self) -> None:
        """Show a slider for each dimension whose values can be chosen."""
        widgets = importlib.import_module("ipywidgets")
        for name in self._sliders.keys() - self._frames.choices.keys():
            self._sliders.pop(name).close()
        for name, values in self._frames.choices.items():
            options = [(_label(value), value) for value in values]
            if name not in self._sliders and options:
                slider = widgets.SelectionSlider(options=options, description=name, continuous_update=False)
                slider.observe(lambda change, name=name: self._choose(name, change["new"]), names="value")
                self._sliders[name] = slider
            elif options:
                slider, value = self._sliders[name], self._sliders[name].value
                self._offering = True  # new options select the first value for a moment
                slider.options = options
                slider.value = value if value in values else values[0]
                self._offering = False
        others = [child for child in self._box.children if not isinstance(child, widgets.SelectionSlider)]
        self._box.children = (*others, *self._sliders.values())

    def _choose(self, name: str, value: Any) -> None:
        if not self._offering:
            self._frames.choose(name, value)

    def _cancel(self, _: Any) -> None:
        if self._task is not None:
            self._task.cancel()

    def show(self, task: Any) -> None:
        """Display them, for the task that draws."""
        self._task = task
        self._handle = importlib.import_module("IPython.display").display(self._box, display_id=True)

    def end(self) -> None:
        """Remove the button, and from a saved notebook the place where it was."""
        self._task = None
        left = tuple(child for child in self._box.children if child is not self._button)
        if self._handle is not None and not left:  # first, so that nothing is left when the button is gone
            self._handle.update({"text/html": ""}, raw=True)
        self._box.children = left
        self._button.close()
