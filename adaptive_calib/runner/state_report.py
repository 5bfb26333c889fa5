"""The state of a run, written to its store a few times a minute, so that other processes can watch the run."""

from __future__ import annotations

import time
import weakref
from collections.abc import Sequence
from typing import Any

from adaptive_calib.engine.events import Effect, Event
from adaptive_calib.engine.goals import Progress
from adaptive_calib.view.run import look, to_state
from adaptive_calib.view.stored_calibration import calibration_state

__all__ = ["StateReport"]

#: Seconds between the first two reports, and between later ones, which are twice as far apart each time; of a long run,
#: this share of its time, so that their number grows with its logarithm.
FIRST, INTERVAL, GROWTH = 1.0, 10.0, 1 / 500
#: Seconds between two looks at the loss.
NOTED = 0.5
#: Largest part of the time of a run that reports may take.
SHARE = 0.01


class StateReport:
    """An observer that writes the state of a run to its archive.

    Parameters
    ----------
    runner : BaseRunner
        Held weakly: its session holds this observer.
    archive
        With a method ``report(state)``; see `adaptive_calib.store.run_archive.RunArchive.report`.
    """

    def __init__(self, runner: Any, archive: Any) -> None:
        self._runner = weakref.ref(runner)
        self._archive = archive
        self._next = self._next_look = 0.0

    def __call__(self, events: Sequence[Event], effects: Sequence[Effect], progress: Progress) -> None:
        """Write the state if it is time to, and at the end of the run; note the loss more often."""
        runner, ended = self._runner(), progress.phase == "ended"
        if runner is None or (progress.time < self._next_look and not ended):
            return
        begin = time.perf_counter()
        view = look(runner)
        if progress.time >= self._next or ended:
            state = to_state(view) | {"updated": progress.epoch + progress.time}
            if calibration := calibration_state(runner.learner):
                state["calibration"] = calibration
            self._archive.report(state)
            cost = time.perf_counter() - begin
            interval = max(min(INTERVAL, FIRST + progress.time), GROWTH * progress.time)
            self._next = progress.time + max(interval, 2 * cost / SHARE)
        cost = time.perf_counter() - begin
        self._next_look = progress.time + max(NOTED, GROWTH / 20 * progress.time, 2 * cost / SHARE)
