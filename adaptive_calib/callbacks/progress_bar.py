"""A progress bar for any runner, on tqdm."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from tqdm.auto import tqdm

from adaptive_calib.engine.events import Effect, Event, Started
from adaptive_calib.engine.goals import Goal, Progress, share_reached, total_points
from adaptive_calib.view.run import RunHistory, time_left_of

__all__ = ["ProgressBar"]


class ProgressBar:
    """An observer that shows the number of points, at most twice a second, and the failures.

    Parameters
    ----------
    total : int, optional
        Number of points at which the bar is full; default: found out from `goal`.
    goal : Goal, optional
        The goal of the run. If it is reached at a certain number of points, that is the total; else the total is
        extrapolated from the loss or error so far. Without both the bar counts only.
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

    def __call__(self, events: Sequence[Event], effects: Sequence[Effect], progress: Progress) -> None:
        """Draw the state after one step, if the last drawing is old enough."""
        ended = progress.phase == "ended"
        now = time.monotonic()
        if self._bar is None and any(isinstance(event, Started) for event in events):
            self._bar = tqdm(total=self._full(progress), initial=progress.npoints, unit="pt")
        if self._bar is None or (not ended and now - self._drawn < self._interval):
            return
        self._drawn = now
        self._bar.n = progress.npoints
        full = self._full(progress)
        if full is not None:
            self._bar.total = full
        self._bar.set_postfix_str(self._describe(progress), refresh=False)
        self._bar.refresh()
        if ended:
            self._bar.close()

    def _full(self, progress: Progress) -> int | None:
        """Return the number of points at which the bar is full; None if that is unknown so far."""
        if self._total is not None or self._goal is None:
            return self._total
        total = total_points(self._goal, progress)
        if total is not None or not progress.npoints:
            return total
        # from the time left, as other displays show it
        self._history.note_share(progress.npoints, share_reached(self._goal, progress, self._history.first))
        seconds, _ = time_left_of(self._goal, progress, self._history)
        if seconds is None or not progress.told:
            return None
        return progress.npoints + round(seconds * progress.told / progress.time)


def _describe(progress: Progress) -> str:
    failed = f", {progress.failures} failed" if progress.failures else ""
    running = f"{progress.running} running" if progress.capacity or progress.phase != "running" else "no worker"
    return running + failed
