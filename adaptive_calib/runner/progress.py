"""A progress bar for any runner, on tqdm."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from tqdm.auto import tqdm

from adaptive_calib.engine.events import Effect, Event, Started
from adaptive_calib.engine.goals import AllOf, AnyOf, Goal, Points, Progress, When

__all__ = ["ProgressBar", "total_of"]


class ProgressBar:
    """An observer that shows how many points are known, at most twice a second, and why the run ended.

    Parameters
    ----------
    total : int, optional
        Points at which the bar is full; without it the bar counts only.
    describe : callable, optional
        ``describe(progress) -> str``: what stands behind the bar; default: points running and failed.
    bar
        A tqdm bar to use instead of a new one.
    interval : float
        Shortest time between two updates, in seconds.
    """

    def __init__(
        self,
        total: int | None = None,
        *,
        describe: Callable[[Progress], str] | None = None,
        bar: Any = None,
        interval: float = 0.5,
    ) -> None:
        self._total = total
        self._describe = describe or _describe
        self._bar = bar
        self._interval = interval
        self._drawn = 0.0

    def __call__(self, events: Sequence[Event], effects: Sequence[Effect], progress: Progress) -> None:
        """Follow one step."""
        ended = progress.phase == "ended"
        now = time.monotonic()
        if self._bar is None and any(isinstance(event, Started) for event in events):
            self._bar = tqdm(total=self._total, initial=progress.npoints, unit="pt")
        if self._bar is None or (not ended and now - self._drawn < self._interval):
            return
        self._drawn = now
        self._bar.n = progress.npoints
        self._bar.set_postfix_str(self._describe(progress), refresh=False)
        self._bar.refresh()
        if ended:
            self._bar.close()


def _describe(progress: Progress) -> str:
    failed = f", {progress.failures} failed" if progress.failures else ""
    return f"{progress.running} running{failed}"


def total_of(goal: Goal, learner: Any) -> int | None:
    """Return the number of points at which the goal is reached, if that can be told beforehand."""
    if isinstance(goal, Points):
        return goal.value
    if isinstance(goal, (AnyOf, AllOf)):
        parts = [number for part in goal.goals if (number := total_of(part, learner)) is not None]
        return min(parts, default=None) if isinstance(goal, AnyOf) else max(parts, default=None)
    sequence = getattr(learner, "sequence", None)
    return len(sequence) if isinstance(goal, When) and sequence is not None else None
