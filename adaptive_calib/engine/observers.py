"""Observers of a run: displays and callbacks.

An observer is called after each step. It decides nothing, and one that raises is logged and removed: a display never
stops a run. (The store is no observer, since its errors end the run; see `adaptive_calib.engine.archive`.)
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from adaptive_calib.engine.events import (
    Crashed,
    Dropped,
    Effect,
    Event,
    Failed,
    Finished,
    Loaded,
    LogEntry,
    Started,
    Submit,
)
from adaptive_calib.engine.goals import Progress

__all__ = ["Asked", "Callbacks", "Observer", "PointFailed", "RunLog", "RunStarted", "RunStopped", "Told", "notify"]

logger = logging.getLogger("adaptive_calib")


class Observer(Protocol):
    """Anything that can be called with the events and effects of one step, and the progress after it."""

    def __call__(self, events: Sequence[Event], effects: Sequence[Effect], progress: Progress) -> None:
        """Process one step."""
        ...


class RunLog(Protocol):
    """Log to which the calls on the learner are written in order."""

    def write(self, entries: Sequence[LogEntry]) -> None:
        """Write the entries since the last call; an error ends the run."""
        ...

    def close(self) -> None:
        """End the log."""
        ...


def notify(
    observers: list[Observer], events: Sequence[Event], effects: Sequence[Effect], progress: Progress
) -> list[Observer]:
    """Call the observers with one step; return those that did not raise.

    Parameters
    ----------
    observers : list
        Who listens.
    events, effects, progress
        What happened, what is done about it, and how far the run is.

    Examples
    --------
    >>> from adaptive_calib.engine.observers import notify
    >>> heard = []
    >>> def observer(events, effects, progress):
    ...     heard.append(events)
    >>> notify([observer], events=["an event"], effects=[], progress=None) == [observer], heard
    (True, [['an event']])
    """
    failed = []
    for observer in observers:
        try:
            observer(events, effects, progress)
        except Exception:
            logger.exception("the observer %r raised and is removed; the run goes on.", observer)
            failed.append(observer)
    return [observer for observer in observers if observer not in failed] if failed else observers


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The run began; `loaded` points were known.

    Attributes
    ----------
    time : float
        Seconds of the run.
    loaded : int
        Points that were known before.
    capacity : int
        Points that may be submitted.

    Examples
    --------
    >>> from adaptive_calib.engine.observers import RunStarted
    >>> RunStarted(time=0.0, loaded=0, capacity=8).time
    0.0
    """

    time: float
    loaded: int
    capacity: int


@dataclass(frozen=True, slots=True)
class Asked:
    """`point` is handed out; `attempt` is 1 for the first time.

    Examples
    --------
    >>> from adaptive_calib.engine.observers import Asked
    >>> Asked(time=0.1, point=0.5, attempt=1).time
    0.1
    """

    time: float
    point: Any
    attempt: int


@dataclass(frozen=True, slots=True)
class Told:
    """The learner was told `value` at `point`, which took `seconds`; `stored` if it was looked up.

    Attributes
    ----------
    time : float
        Seconds of the run.
    point, value
        What the learner was told.
    seconds : float
        Duration of the evaluation.
    stored : bool
        Whether it was looked up instead of evaluated.

    Examples
    --------
    >>> from adaptive_calib.engine.observers import Told
    >>> Told(time=1.0, point=0.5, value=0.25, seconds=0.9, stored=False).time
    1.0
    """

    time: float
    point: Any
    value: Any
    seconds: float
    stored: bool


@dataclass(frozen=True, slots=True)
class PointFailed:
    """One attempt at `point` failed.

    Attributes
    ----------
    time : float
        Seconds of the run.
    point
        The point.
    error, traceback
        What the function raised, and its text.

    Examples
    --------
    >>> from adaptive_calib.engine.observers import PointFailed
    >>> PointFailed(time=1.0, point=0.5, error=ZeroDivisionError(), traceback="").time
    1.0
    """

    time: float
    point: Any
    error: BaseException
    traceback: str


@dataclass(frozen=True, slots=True)
class RunStopped:
    """The run is over.

    Attributes
    ----------
    time : float
        Seconds of the run.
    progress : Progress
        How far the run came.

    Examples
    --------
    >>> from adaptive_calib.engine.observers import RunStopped
    >>> RunStopped(time=60.0, progress=None).time
    60.0
    """

    time: float
    progress: Progress


class Callbacks:
    """An observer that calls the methods of a user's object by what happened.

    Those of ``on_start, on_ask, on_tell, on_fail, on_stop`` that the object has are called with one event
    (`RunStarted`, `Asked`, `Told`, `PointFailed`, `RunStopped`) and the `Progress`.

    Examples
    --------
    >>> from adaptive_calib import BlockingRunner, Learner1D
    >>> from adaptive_calib.runner import SequentialExecutor
    >>> class Values:
    ...     def __init__(self):
    ...         self.told = []
    ...     def on_tell(self, event, progress):
    ...         self.told.append(event.value)
    >>> values = Values()
    >>> learner = Learner1D(abs, bounds=(-1, 2))
    >>> runner = BlockingRunner(learner, npoints_goal=10, callbacks=[values], executor=SequentialExecutor())
    >>> len(values.told)
    10
    """

    NAMES = ("on_start", "on_ask", "on_tell", "on_fail", "on_stop")

    def __init__(self, target: Any) -> None:
        self._calls = {name: getattr(target, name) for name in self.NAMES if callable(getattr(target, name, None))}
        if not self._calls:
            raise TypeError(
                f"a callback should have at least one of the methods {', '.join(self.NAMES)}, or be callable as "
                f"callback(events, effects, progress), but {target!r} is neither."
            )
        self._target = target
        self._out: dict[int, Any] = {}

    def __repr__(self) -> str:
        return f"Callbacks({self._target!r})"

    def __call__(self, events: Sequence[Event], effects: Sequence[Effect], progress: Progress) -> None:
        """Translate one step into calls."""
        for event in events:
            if isinstance(event, Finished):
                if event.task in self._out:
                    point = self._out.pop(event.task)
                    self._call("on_tell", Told, progress, event.time, point, event.value, event.seconds, event.stored)
            elif isinstance(event, Started):
                loaded = sum(len(event.points) for event in events if isinstance(event, Loaded))
                self._call("on_start", RunStarted, progress, event.time, loaded, event.capacity)
            elif isinstance(event, Failed) and event.task in self._out:
                point = self._out.pop(event.task)
                self._call("on_fail", PointFailed, progress, event.time, point, event.error, event.traceback)
            elif isinstance(event, Crashed):
                for task in event.tasks:
                    if task in self._out:
                        point = self._out.pop(task)
                        self._call("on_fail", PointFailed, progress, event.time, point, event.error, str(event.error))
            elif isinstance(event, Dropped):
                self._out.pop(event.task, None)
        for effect in effects:
            if isinstance(effect, Submit):
                self._out[effect.task] = effect.point
                self._call("on_ask", Asked, progress, progress.time, effect.point, effect.attempt)
        if progress.phase == "ended":
            self._call("on_stop", RunStopped, progress, progress.time, progress)

    def _call(self, name: str, kind: Callable[..., Any], progress: Progress, *facts: Any) -> None:
        """Call the method of that name, if there is one, with an event of `kind`."""
        call = self._calls.get(name)
        if call is not None:
            call(kind(*facts), progress)
