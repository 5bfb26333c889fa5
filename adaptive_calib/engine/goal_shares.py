"""What a goal is asked about, `Progress`, and what displays ask of goals.

Each goal answers for displays how much of the way is done (`share`), how many seconds are left (`time_left`) and at how
many points it is reached (`total`). A goal of a user's own needs none of these three: `share_reached` and its siblings
find out at which number of points, time or loss it is reached, by asking it about imagined progress.
"""

from __future__ import annotations

import copy
import enum
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from datetime import date, timedelta
from math import inf, isfinite, log, nan
from typing import Any, NamedTuple, Protocol, runtime_checkable

from adaptive_calib.learner.protocol import has_method

__all__ = ["First", "Goal", "Progress", "share_reached", "time_left", "total_points"]

#: The first finite loss and the first finite estimated error of a run, under "loss" and "error". The caller of `share`
#: keeps this dict between two calls: a quantity that shrinks has a share only relative to its first value.
First = MutableMapping[str, float]


class Progress(NamedTuple):  # cheaper to create than a dataclass: one is created per point
    """The state of a run at one moment.

    Attributes
    ----------
    time, epoch : float
        Seconds of the run; wall-clock time of its second 0.0.
    phase : str
        "waiting", "running", "draining" or "ended".
    npoints : int
        Points that the learner has a value of, from any source.
    told, stored, loaded : int
        Points evaluated by this run; found in the store when they were asked for; loaded before the first ask.
    failures : int
        Points that failed for good in this run.
    running, capacity : int
        Points that are submitted, and how many may be at the same time; 0 while there is no worker.
    learner
        The learner itself, for reading only.
    status, stop_reason
        "running", then "finished", "exhausted", "failed" or "cancelled"; the reason in one line, None while running.

    Examples
    --------
    >>> from adaptive_calib import BlockingRunner, Learner1D
    >>> from adaptive_calib.runner import SequentialExecutor
    >>> runner = BlockingRunner(Learner1D(abs, bounds=(-1, 2)), npoints_goal=10, executor=SequentialExecutor())
    >>> runner.progress.npoints, runner.progress.phase, runner.progress.failures
    (10, 'ended', 0)
    """

    time: float
    epoch: float
    phase: str
    npoints: int
    told: int
    stored: int
    loaded: int
    failures: int
    running: int
    capacity: int
    learner: Any
    status: str = "running"
    stop_reason: str | None = None

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._fields if name != "learner")
        return f"Progress({values})"

    @property
    def loss(self) -> float:
        """The learner's loss when this property is read."""
        return float(self.learner.loss())


@runtime_checkable
class Goal(Protocol):
    """Anything with these three methods is a goal.

    A goal may also have the methods ``share(progress, first)``, ``time_left(progress)`` and ``total(progress)`` of
    those in `adaptive_calib.engine.goals`, which displays use. Without them, `reached` is asked about imagined
    progress, so it should depend on nothing but its argument and the goal's own fields.
    """

    def reached(self, progress: Progress) -> bool:
        """Whether the run may end."""
        ...

    def reason(self, progress: Progress) -> str:
        """Return what is reached, in a few words: "26 points (npoints_goal=25)"; "goal reached: " is written before."""
        ...

    def due(self, progress: Progress) -> float:
        """Return the second of the run at which to ask again even if no result has arrived; inf for never."""
        ...


# -------------------------------------------------------------------- of any goal


def share_reached(goal: Goal, progress: Progress, first: First | None = None) -> float | None:
    """Return how much of the way to any goal is done, in [0, 1]; None if that is unknown.

    Parameters
    ----------
    goal : Goal
        One of `adaptive_calib.engine.goals`, or a user's own.
    progress : Progress
        The state of the run.
    first : dict, optional
        Kept between two calls; empty at first. Without it the shares of a loss and of an error are unknown.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> from adaptive_calib import Learner1D
    >>> from adaptive_calib.engine.goals import Progress, share_reached
    >>> @dataclass(frozen=True)
    ... class Mine:
    ...     wanted: int
    ...     def reached(self, progress):
    ...         return progress.npoints >= self.wanted
    ...     def reason(self, progress):
    ...         return "enough"
    ...     def due(self, progress):
    ...         return float("inf")
    >>> progress = Progress(1.0, 0.0, "running", 5, 5, 0, 0, 0, 0, 1, Learner1D(abs, bounds=(-1, 2)))
    >>> share_reached(Mine(20), progress)
    0.25
    """
    known = _known(goal, progress, "share")
    return None if known is None else known.share(progress, first)


def time_left(goal: Goal, progress: Progress) -> float | None:
    """Return the seconds left until any goal at the speed so far; None if that is unknown.

    Parameters
    ----------
    goal : Goal
        One of `adaptive_calib.engine.goals`, or a user's own.
    progress : Progress
        The state of the run.

    Examples
    --------
    >>> from adaptive_calib import Learner1D
    >>> from adaptive_calib.engine.goals import Elapsed, Progress, time_left
    >>> time_left(Elapsed(60), Progress(15.0, 0.0, "running", 5, 5, 0, 0, 0, 0, 1, Learner1D(abs, bounds=(-1, 2))))
    45.0
    """
    known = _known(goal, progress, "time_left")
    return None if known is None else known.time_left(progress)


def total_points(goal: Goal, progress: Progress) -> int | None:
    """Return the number of points at which any goal is reached; None if it does not depend on that.

    Parameters
    ----------
    goal : Goal
        One of `adaptive_calib.engine.goals`, or a user's own.
    progress : Progress
        The state of the run.

    Examples
    --------
    >>> from adaptive_calib import Learner1D
    >>> from adaptive_calib.engine.goals import Elapsed, Points, Progress, total_points
    >>> progress = Progress(15.0, 0.0, "running", 5, 5, 0, 0, 0, 0, 1, Learner1D(abs, bounds=(-1, 2)))
    >>> total_points(Points(20) | Elapsed(60), progress)
    20
    """
    known = _known(goal, progress, "total")
    return None if known is None else known.total(progress)


def _known(goal: Any, progress: Progress, method: str) -> Any:
    """Return the goal if it has `method`; otherwise the thresholds at which it is reached, None if unknown."""
    return goal if has_method(goal, method) else _thresholds(goal, progress)


#: What a copy of a goal may hold without sharing state with the original.
_PLAIN = (int, float, complex, str, bytes, bool, type(None), date, timedelta, enum.Enum)


class _WithLoss:
    """A learner with an imagined loss."""

    def __init__(self, learner: Any, loss: float) -> None:
        self._learner = learner
        self._loss = loss

    def loss(self, real: bool = True) -> float:
        return self._loss

    def __getattr__(self, name: str) -> Any:
        return getattr(self._learner, name)


@dataclass(frozen=True)
class _Thresholds:
    """A user's own goal is reached at this number of points, at this time or at this loss, whichever comes first."""

    points: int | None = None
    seconds: float | None = None
    loss: float | None = None

    def share(self, progress: Progress, first: First | None = None) -> float | None:
        shares = [
            None if self.points is None else share_of_points(progress, self.points),
            None if self.seconds is None else share_of_time(progress, self.seconds),
            None if self.loss is None else share_of_shrinking("loss", progress.loss, self.loss, first),
        ]
        return max((share for share in shares if share is not None), default=None)

    def time_left(self, progress: Progress) -> float | None:
        times = [
            None if self.points is None else time_for_points(progress, max(0, self.points - progress.npoints)),
            None if self.seconds is None else max(0.0, self.seconds - progress.time),
        ]
        return min((time for time in times if time is not None), default=None)

    def total(self, progress: Progress) -> int | None:
        return self.points


def _thresholds(goal: Goal, progress: Progress) -> _Thresholds | None:
    """Return where a user's own goal is reached, found by asking a copy of it.

    None if it depends on something other than one number of points, time or loss; or if it holds more than plain
    values: imagined progress could then change what it answers later.
    """
    if not all(isinstance(value, _PLAIN) for value in getattr(goal, "__dict__", {}).values()):
        return None
    asked = copy.copy(goal)

    def reached(**imagined: Any) -> bool:
        return bool(asked.reached(progress._replace(**imagined)))

    points = seconds = bound = None
    try:
        if reached():
            return _Thresholds(points=progress.npoints)
        if reached(npoints=2**40):
            points = round(_threshold(lambda x: reached(npoints=round(x)), max(progress.npoints, 0.5), 2**40))
        if reached(time=1e12):
            seconds = _threshold(lambda x: reached(time=x), max(progress.time, 1e-3), 1e12)
        loss = progress.loss if progress.npoints else nan
        if 0 < loss < inf and reached(learner=_WithLoss(progress.learner, loss * 1e-15)):
            bound = loss / _threshold(lambda x: reached(learner=_WithLoss(progress.learner, loss / x)), 1.0, 1e15)
    except Exception:  # noqa: BLE001 - a goal that refuses imagined progress has no known share; the run asks it itself
        return None
    found = _Thresholds(points, seconds, bound)
    return None if found == _Thresholds() else found


def _threshold(reached: Callable[[float], bool], low: float, high: float) -> float:
    """Return the smallest value between `low` (not reached) and `high` (reached) at which it is reached, to 0.01 %.

    Whole numbers are exact: the bisection ends when no whole number is left between the two.
    """
    while high / low > 1.0001:
        middle = (low * high) ** 0.5
        if reached(middle):
            high = middle
        else:
            low = middle
    return high


# -------------------------------------------------------------------- shares of one quantity


def clipped(share: float) -> float:
    """Return a share in [0, 1]."""
    return min(1.0, max(0.0, share))


def share_of_points(progress: Progress, total: int) -> float:
    """Return the share of `total` points that is known."""
    return clipped(progress.npoints / total if total > 0 else 1.0)


def time_for_points(progress: Progress, missing: int) -> float | None:
    """Return the seconds for the missing points at the speed so far; None before the first one."""
    return missing * progress.time / progress.told if progress.told and progress.time > 0 else None


def share_of_time(progress: Progress, seconds: float) -> float:
    """Return the share of the time that is over."""
    return clipped(progress.time / seconds) if seconds > 0 else 1.0


def share_of_shrinking(name: str, now: float, goal: float, first: First | None) -> float | None:
    """Return how far something that shrinks has come from its first value to `goal`, on a logarithmic scale."""
    if first is not None and 0 < now < inf:
        first.setdefault(name, now)
    if now <= goal:
        return 1.0
    begin = None if first is None else first.get(name)
    if begin is None or not 0 < goal < begin < inf or not now < inf:
        return None
    return clipped(log(begin / now) / log(begin / goal))


def size_of(learner: Any) -> int | None:
    """Return the number of points of a learner that has a finite set of them; None for any other.

    Examples
    --------
    >>> from adaptive_calib import Learner1D, SequenceLearner
    >>> from adaptive_calib.engine.goal_shares import size_of
    >>> size_of(SequenceLearner(abs, range(3))), size_of(Learner1D(abs, bounds=(-1, 2)))
    (3, None)
    """
    children = getattr(learner, "learners", None)
    if isinstance(children, (list, tuple)):
        sizes = [size_of(child) for child in children]
        return None if None in sizes else sum(size for size in sizes if size is not None)
    sequence = getattr(learner, "sequence", None)
    size = getattr(learner, "size", None) if sequence is None else len(sequence)
    size = getattr(learner, "points_in_all", size)  # an experiment of a calibration may have several points
    return int(size) if size is not None and isfinite(size) else None
