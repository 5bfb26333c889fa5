"""The simplest runner: one loop in this thread, without executor and machine."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from types import CoroutineType
from typing import Any

from adaptive_calib.engine.evaluate import refuse_coroutine
from adaptive_calib.engine.goals import Goal, Progress, error_goal_for
from adaptive_calib.learner.coroutines import has_coroutines
from adaptive_calib.runner.goals import GoalFunction, make_goal

__all__ = ["simple"]


def simple(
    learner: Any,
    goal: Goal | GoalFunction | None = None,
    *,
    loss_goal: float | None = None,
    npoints_goal: int | None = None,
    end_time_goal: datetime | None = None,
    duration_goal: timedelta | float | None = None,
    error_goal: float | None = None,
    points_per_ask: int = 1,
) -> None:
    """Ask, evaluate and tell in this thread until the goal is reached or the learner has nothing left to ask.

    An error of the function is raised as it is. Useful for tests, for debugging, and where reproducible points matter.

    Parameters
    ----------
    learner
        Chooses the points and keeps the values.
    goal : Goal or callable, optional
        A `Goal`, or a function of the learner that returns True at the end.
    loss_goal, npoints_goal, end_time_goal, duration_goal, error_goal
        The goal as a keyword: at most this loss; at least this number of points; a ``datetime``; a ``timedelta`` or
        seconds; at most this estimated error of the learner's interpolant, in units of the values.
        One goal in all.
    points_per_ask : int
        How many points each ask asks for. The goal is checked once per ask, so it may be overshot.

    Raises
    ------
    ValueError
        If `points_per_ask` is less than 1, there is no goal or more than one, or the function is a coroutine function.

    Examples
    --------
    >>> from adaptive_calib import Learner1D
    >>> from adaptive_calib.runner import simple
    >>> learner = Learner1D(abs, bounds=(-1, 2))
    >>> simple(learner, loss_goal=0.1)
    >>> learner.loss() <= 0.1
    True
    """
    if points_per_ask < 1:
        raise ValueError(f"`points_per_ask` should be at least 1, but is {points_per_ask}.")
    if has_coroutines(learner):
        raise ValueError("Coroutine functions can only be used with 'AsyncRunner', which has an event loop.")
    wanted = make_goal(
        learner,
        goal,
        loss=loss_goal,
        npoints=npoints_goal,
        end_time=end_time_goal,
        duration=duration_goal,
        error=error_goal,
        allow_running_forever=False,
    )
    for_error = error_goal_for(learner, wanted)
    if for_error is not None:
        learner.set_error_goal(*for_error)
    epoch, begin, told = time.time(), time.monotonic(), 0
    while True:
        seconds = time.monotonic() - begin
        progress = Progress(seconds, epoch, "running", learner.npoints, told, 0, 0, 0, 0, 1, learner)
        if wanted.reached(progress):
            return
        points, _ = learner.ask(points_per_ask)
        if not len(points):
            return
        for point in points:
            value = learner.function(point)
            if isinstance(value, CoroutineType):
                refuse_coroutine(value)
            learner.tell(point, value)
            told += 1
