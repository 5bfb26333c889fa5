"""`live_info`: a table about a run that follows it, with two buttons; by ipywidgets alone, HTML or text."""

from __future__ import annotations

import importlib
import math
import time
from typing import Any

from adaptive_calib.notebook.environment import INSTALL, has, in_ipynb, in_the_cell_of_the_moment, say, should_update
from adaptive_calib.notebook.update_schedule import UpdateSchedule
from adaptive_calib.view.run import RunView, look
from adaptive_calib.view.run_html import html
from adaptive_calib.view.run_text import text

__all__ = ["live_info"]

#: At most 1 % of the run's time is promised; what the kernel does with a message is not measured here, so less.
SHARE = 0.005
_GIVE_UP = "give up pending evaluations"
#: Seconds in which a second click confirms the first one.
_CONFIRM = 5.0


def live_info(runner: Any, *, update_interval: float = 0.5) -> None:
    """Show the state of a run while it goes on: a table, a progress bar and buttons to end it.

    "cancel" does what ``runner.cancel()`` does: pending evaluations are completed. The other button gives them up,
    after a second click. The table of a failed run is red, with the traceback. A page that is reloaded shows the
    current state; the notebook keeps the last one.

    Needs ipywidgets. Without it the table has no buttons; outside a notebook it is printed once (use
    `runner.live_info_terminal()` there).

    Parameters
    ----------
    runner : BaseRunner
    update_interval : float
        Seconds between two updates; more if an update is expensive, or the run takes hours.

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
    ...     runner.live_info()
    """
    schedule = UpdateSchedule(update_interval, SHARE, allowance=0.05)
    if not in_ipynb():
        say(text(look(runner)))
        return
    runner.history.shows_failure = True
    display = _Widgets(runner) if has("ipywidgets") else _Html()
    display.show(look(runner))
    if runner.status() == "running":
        runner.beside(_follow(runner, display, schedule))
    else:
        display.end()


async def _follow(runner: Any, display: _Widgets | _Html, schedule: UpdateSchedule) -> None:
    cost, spent, begin = 0.0, 0.0, time.perf_counter()

    @in_the_cell_of_the_moment
    def settle(_: Any) -> None:
        """Show the end of the run, before a cell that awaits the run is over: that may be the last of a notebook."""
        display.show(look(runner))
        display.end()

    runner.task.add_done_callback(settle)
    try:
        while not runner.task.done():
            await runner.wait(schedule.wait(cost, spent, time.perf_counter() - begin, runner.elapsed_time()))
            if not runner.task.done() and should_update():
                start = time.thread_time()
                display.show(look(runner))
                cost = time.thread_time() - start
                spent += cost
    except BaseException:
        runner.task.remove_done_callback(settle)
        display.end()
        raise


class _Html:
    """A table that is replaced in its place."""

    def __init__(self) -> None:
        self._handle: Any = None
        self._note = f"ipywidgets is not installed, so there are no buttons (runner.cancel() ends the run): {INSTALL}."

    def show(self, view: RunView) -> None:
        """Show the state at one moment."""
        ipython = importlib.import_module("IPython.display")
        page = ipython.HTML(html(view, self._note))
        if self._handle is None:
            self._handle = ipython.display(page, display_id=True)
        else:
            self._handle.update(page)

    def end(self) -> None:
        """Do nothing: the table is static."""


class _Widgets:
    """The table and two buttons. ipywidgets keeps every widget for ever, so the buttons are closed at the end."""

    def __init__(self, runner: Any) -> None:
        widgets = importlib.import_module("ipywidgets")
        wide = widgets.Layout(width="auto")
        self._runner: Any = runner
        self._asked = -math.inf
        self._page = widgets.HTML(layout=widgets.Layout(width="100%"))
        stop = widgets.Button(
            description="cancel", layout=wide, button_style="danger",
            tooltip="submit nothing more, and wait for pending evaluations: runner.cancel()",
        )  # fmt: skip
        self._give_up = widgets.Button(
            description=_GIVE_UP, layout=wide, tooltip="end now, without the results of pending evaluations"
        )
        stop.on_click(lambda _: runner.cancel())
        self._give_up.on_click(lambda _: self._ask_or_give_up())
        self._buttons = (stop, self._give_up)
        self._row = widgets.HBox(self._buttons)
        self._handle: Any = None
        self._shown = False
        self._box = widgets.VBox([self._page, self._row])

    def _ask_or_give_up(self) -> None:
        """Ask at the first click, give up at the second."""
        if self._give_up.description == _GIVE_UP:
            self._asked = time.monotonic()
            pending = self._runner.progress.running
            self._give_up.description = f"really? {pending} pending evaluations will be lost; click again"
            self._give_up.button_style = "danger"
        else:
            self._runner.cancel(drain=False)

    def show(self, view: RunView) -> None:
        """Show the state at one moment; the first time, display the widgets."""
        self._page.value = html(view)
        if self._give_up.description != _GIVE_UP and time.monotonic() - self._asked > _CONFIRM:
            self._give_up.description, self._give_up.button_style = _GIVE_UP, ""
        if not self._shown:
            self._shown = True
            self._handle = importlib.import_module("IPython.display").display(self._box, display_id=True)

    def end(self) -> None:
        """Remove the buttons, which hold the runner, and leave a table that a saved notebook keeps."""
        self._runner = None
        self._box.children = (self._page,)
        for widget in (*self._buttons, self._row):
            widget.close()
        if self._handle is not None:
            self._handle.update(importlib.import_module("IPython.display").HTML(self._page.value))
