"""Goals as users write them: keyword arguments and functions of the learner, turned into `Goal` values.

A BalancingLearner has reached a goal when each of its children has.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from adaptive_calib.engine.goals import (
    Done,
    Elapsed,
    Goal,
    LargestError,
    Loss,
    Never,
    Points,
    PointsOfEach,
    Until,
    When,
)

__all__ = ["GoalFunction", "auto_goal", "make_goal", "stop_after"]

#: The first sentence is python-adaptive's.
NO_GOAL = (
    "Goal is None which means the learners continue forever and this is not allowed. Give a goal, such as "
    "loss_goal=0.01, npoints_goal=500 or goal=Elapsed(hours=1); or allow_running_forever=True, where there is that."
)

GoalFunction = Callable[[Any], bool]


def stop_after(*, seconds: float = 0, minutes: float = 0, hours: float = 0) -> GoalFunction:
    """Return a goal that is reached so long after *this call*; the arguments add up.

    Parameters
    ----------
    seconds, minutes, hours : float
        Parts of the time.

    Examples
    --------
    >>> goal = stop_after(minutes=10)
    """
    stop = time.time() + seconds + 60 * minutes + 3600 * hours
    return lambda learner: time.time() >= stop


def make_goal(
    learner: Any,
    goal: Goal | GoalFunction | None = None,
    *,
    loss: float | None = None,
    npoints: int | None = None,
    end_time: datetime | None = None,
    duration: timedelta | float | None = None,
    error: float | None = None,
    allow_running_forever: bool = True,
) -> Goal:
    """Return the one goal that the arguments of a runner describe.

    Raises
    ------
    ValueError
        More than one goal is given, or none for a run that may not go on for ever.
    TypeError
        `goal` is neither a `Goal` nor a function of the learner.
    """
    keywords = {
        "loss_goal": loss,
        "npoints_goal": npoints,
        "end_time_goal": end_time,
        "duration_goal": duration,
        "error_goal": error,
    }
    given = [name for name, value in keywords.items() if value is not None]
    if goal is not None and given:
        raise ValueError(
            f"give either `goal` or {' and '.join(f'`{name}`' for name in given)}, not both; to combine them write for "
            "instance Loss(0.01) | When(goal, learner)."
        )
    if len(given) > 1:
        raise ValueError(
            f"Only one of loss, npoints, end_time, duration can be specified, but {' and '.join(given)} are. To "
            "combine them write for instance goal=Loss(0.01) | Points(500), or LargestError(0.1, learner) & Points(9)."
        )
    if goal is not None:
        return _given(goal, learner)
    if loss is not None:
        return Loss(loss)
    if error is not None:
        return LargestError.of(learner, error)
    if duration is not None:
        return Elapsed(duration)
    if end_time is not None:
        return Until(end_time)
    children = _children(learner)
    if children is not None:
        if npoints is not None:
            return PointsOfEach(npoints, learner)
        if all(callable(getattr(child, "done", None)) for child in children):
            return When(lambda one: all(child.done() for child in one.learners), learner, "all learners are done")
    if npoints is not None:
        return Points(npoints)
    if children is None and callable(getattr(learner, "done", None)):
        return Done(learner)
    if allow_running_forever:
        warnings.warn("Goal is None which means the learners continue forever!", stacklevel=3)
        return Never()
    raise ValueError(NO_GOAL)


def _given(goal: Any, learner: Any) -> Goal:
    if isinstance(goal, Goal):
        return goal
    if callable(goal):
        return When(goal, learner)
    raise TypeError(
        f"`goal` should be a Goal such as Loss(0.01), or a function of the learner that returns a bool, but is "
        f"{goal!r}."
    )


def _children(learner: Any) -> list[Any] | None:
    """Return the children of a balancing learner (ours or python-adaptive's, within a DataSaver or not)."""
    children = getattr(learner, "learners", None)
    return list(children) if isinstance(children, (list, tuple)) else None


def auto_goal(
    *,
    loss: float | None = None,
    npoints: int | None = None,
    end_time: datetime | None = None,
    duration: timedelta | float | None = None,
    learner: Any = None,
    allow_running_forever: bool = True,
) -> GoalFunction:
    """Return a function of the learner that says whether the goal is reached.

    Parameters
    ----------
    loss : float, optional
        Reached when ``learner.loss() <= loss``.
    npoints : int, optional
        Reached when ``learner.npoints >= npoints``; of a BalancingLearner, for each child.
    end_time : datetime, optional
        Reached at that time (naive: local time).
    duration : timedelta or float, optional
        Reached after this time, from the first call of the goal on.
    learner
        Needed if no goal is given, and for balancing learners.
    allow_running_forever : bool
        Whether "no goal" is a goal, for a learner without an end of its own.

    Raises
    ------
    ValueError
        More than one is given, or none and the learner would go on for ever.

    Examples
    --------
    >>> from adaptive_calib import Learner1D
    >>> from adaptive_calib.runner import auto_goal, simple
    >>> learner = Learner1D(abs, bounds=(-1, 2))
    >>> goal = auto_goal(npoints=10, learner=learner)
    >>> goal(learner)
    False
    >>> simple(learner, goal=goal)
    >>> goal(learner)
    True
    """
    if sum(value is not None for value in (loss, npoints, end_time, duration)) > 1:
        raise ValueError("Only one of loss, npoints, end_time, duration can be specified.")
    if loss is not None:
        return lambda learner: bool(learner.loss() <= loss)
    if end_time is not None:
        stop = end_time.timestamp()
        return lambda learner: time.time() >= stop
    if duration is not None:
        return _Duration(duration.total_seconds() if isinstance(duration, timedelta) else float(duration))
    children = _children(learner)
    if children is not None:
        goals = [auto_goal(npoints=npoints, learner=c, allow_running_forever=allow_running_forever) for c in children]
        return lambda learner: all(goal(child) for goal, child in zip(goals, learner.learners, strict=True))
    if npoints is not None:
        return lambda learner: bool(learner.npoints >= npoints)
    if callable(getattr(learner, "done", None)):
        return lambda learner: bool(learner.done())
    if allow_running_forever:
        warnings.warn("Goal is None which means the learners continue forever!", stacklevel=2)
        return lambda learner: False
    raise ValueError(NO_GOAL)


class _Duration:
    """True when `seconds` have passed since the first call."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.first: float | None = None

    def __call__(self, learner: Any) -> bool:
        now = time.time()
        if self.first is None:
            self.first = now
        return now - self.first >= self.seconds
