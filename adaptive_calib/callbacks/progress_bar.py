"""A progress bar for any runner, on tqdm."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from tqdm.auto import tqdm

from adaptive_calib._words import clock
from adaptive_calib.engine.events import Effect, Event, Started
from adaptive_calib.engine.goals import Goal, Progress, total_points
from adaptive_calib.view.run import RunHistory, way_to

__all__ = ["ProgressBar"]


class ProgressBar:
    """An observer that shows the number of points, at most twice a second, and the failures.

    Parameters
    ----------
    total : int, optional
        Number of points at which the bar is full; default: found out from `goal`.
    goal : Goal, optional
        Default: the goal of the run, of which the bar shows the same share and time left as other displays do.
    describe : callable, optional
        ``describe(progress) -> str``: the text behind the bar; default: points running and failed.
    bar
        A tqdm bar to use instead of a new one.
    interval : float
        Shortest time between two updates, in seconds.

    Examples
    --------
    >>> from adaptive_calib import BlockingRunner, Learner1D
    >>> from adaptive_calib.runner import ProgressBar, SequentialExecutor
    >>> bar = ProgressBar(total=20, describe=lambda progress: f"loss {progress.loss:.3g}")
    >>> learner = Learner1D(abs, bounds=(-1, 2))
    >>> runner = BlockingRunner(learner, npoints_goal=20, callbacks=[bar], executor=SequentialExecutor())
    """

    def __init__(
        self,
        total: int | None = None,
        *,
        goal: Goal | None = None,
        describe: Callable[[Progress], str] | None = None,
        bar: Any = None,
        interval: float = 0.5,
    ) -> None:
        self._total = total
        self._goal = goal
        self._history = RunHistory()
        self._describe = describe or _describe
        self._bar = bar
        self._interval = interval
        self._drawn = 0.0

    def follow(self, goal: Goal, history: RunHistory) -> None:
        """Show the share of this goal, unless a total or another goal was given, with the history of its run.

        Called by a runner that has the bar among its callbacks.
        """
        if self._total is None and self._goal in (None, goal):
            self._goal, self._history = goal, history

    def __call__(self, events: Sequence[Event], effects: Sequence[Effect], progress: Progress) -> None:
        """Draw the state after one step, if the last drawing is old enough."""
        ended = progress.phase == "ended"
        now = time.monotonic()
        if self._bar is None and any(isinstance(event, Started) for event in events):
            total = self._total if self._goal is None else total_points(self._goal, progress)
            self._bar = tqdm(total=total, initial=progress.npoints, unit="pt")
        if self._bar is None or (not ended and now - self._drawn < self._interval):
            return
        self._drawn = now
        self._bar.n = progress.npoints
        if self._total is None and self._goal is not None:
            self._show_share(self._goal, progress)
        self._bar.set_postfix_str(self._describe(progress), refresh=False)
        self._bar.refresh()
        if ended:
            self._bar.close()

    def _show_share(self, goal: Goal, progress: Progress) -> None:
        """Set the bar to the share of the goal, and to the time left to it."""
        share, left, _ = way_to(goal, progress, self._history)
        if not share:
            return
        self._bar.total = round(progress.npoints / share)
        points = "{n_fmt}pt" if total_points(goal, progress) is None else "{n_fmt}/{total_fmt}"
        remaining = "" if left is None or progress.phase == "ended" else f"<{clock(left)}"
        self._bar.bar_format = f"{{l_bar}}{{bar}}| {points} [{{elapsed}}{remaining}, {{rate_fmt}}{{postfix}}]"


def _describe(progress: Progress) -> str:
    failed = f", {progress.failures} failed" if progress.failures else ""
    running = f"{progress.running} running" if progress.capacity or progress.phase != "running" else "no worker"
    return running + failed
