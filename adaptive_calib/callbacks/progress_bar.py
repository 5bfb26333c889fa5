"""A progress bar for any runner, on tqdm."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

from tqdm.auto import tqdm

from adaptive_calib.engine.events import Effect, Event, Started
from adaptive_calib.engine.goals import AllOf, AnyOf, Done, Goal, Points, Progress, When

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
    return _size(learner) if isinstance(goal, (Done, When)) else None


def _size(learner: Any) -> int | None:
    """Return how many points there are in all: of a sequence, of all children, of a calibration; or None."""
    children = getattr(learner, "learners", None)
    if isinstance(children, (list, tuple)):
        sizes = [_size(child) for child in children]
        return None if None in sizes else sum(size for size in sizes if size is not None)
    sequence = getattr(learner, "sequence", None)
    size = getattr(learner, "size", None) if sequence is None else len(sequence)
    return int(size) if size is not None and math.isfinite(size) else None
