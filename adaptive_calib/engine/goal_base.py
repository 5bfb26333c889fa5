"""The base of goals, and goals combined by ``&`` and ``|``."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from math import inf, nan
from typing import Any

from adaptive_calib.engine.goal_shares import (
    First,
    Goal,
    Progress,
    share_of_points,
    share_reached,
    time_for_points,
    time_left,
    total_points,
)

__all__ = ["AllOf", "AnyOf", "GoalBase", "given_up"]


class GoalBase:
    """Base of the goals in `adaptive_calib.engine.goals`: ``&``, ``|``, texts, and defaults of what displays use."""

    def _repr_html_(self) -> str:
        return f"<b>goal:</b> {escape(str(self))}"

    def __call__(self, learner: Any) -> bool:
        """Whether `learner` has reached the goal; python-adaptive's ``runner.goal`` is such a function.

        Raises
        ------
        TypeError
            The goal depends on the time of a run.
        """
        return self.reached(Progress(nan, nan, "", learner.npoints, 0, 0, 0, 0, 0, 0, learner))

    def reached(self, progress: Progress) -> bool:
        """Whether the run may end."""
        raise NotImplementedError(f"{type(self).__name__} should define `reached`.")

    def given_up(self, progress: Progress) -> bool:
        """Whether the goal is reached only in that the learner has given up."""
        return False

    def due(self, progress: Progress) -> float:
        """Return inf: only a result changes the answer."""
        return inf

    def share(self, progress: Progress, first: First | None = None) -> float | None:
        """Return how much of the way to the goal is done, in [0, 1]; None if that is unknown."""
        total = self.total(progress)
        return None if total is None else share_of_points(progress, total)

    def time_left(self, progress: Progress) -> float | None:
        """Return the seconds left until the goal at the speed so far; None if that is unknown."""
        total = self.total(progress)
        return None if total is None else time_for_points(progress, max(0, total - progress.npoints))

    def total(self, progress: Progress) -> int | None:
        """Return the number of points at which the goal is reached; None if it does not depend on that."""
        return None

    def __and__(self, other: Goal) -> AllOf:
        return AllOf((*_parts(self, AllOf), *_parts(other, AllOf)))

    def __rand__(self, other: Goal) -> AllOf:
        return AllOf((*_parts(other, AllOf), *_parts(self, AllOf)))

    def __or__(self, other: Goal) -> AnyOf:
        return AnyOf((*_parts(self, AnyOf), *_parts(other, AnyOf)))

    def __ror__(self, other: Goal) -> AnyOf:
        return AnyOf((*_parts(other, AnyOf), *_parts(self, AnyOf)))


def _parts(goal: Any, kind: type[AllOf] | type[AnyOf]) -> tuple[Goal, ...]:
    if not isinstance(goal, Goal):
        raise TypeError(
            f"`&` and `|` combine goals, but {goal!r} is not a goal; turn a function of the learner into one by "
            "When(function, learner)."
        )
    return goal.goals if isinstance(goal, kind) else (goal,)


@dataclass(frozen=True)
class AllOf(GoalBase):
    """Reached when all `goals` are.

    Examples
    --------
    >>> from adaptive_calib.runner import Loss, Points
    >>> Loss(0.01) & Points(500)
    AllOf(goals=(Loss(value=0.01), Points(value=500)))
    """

    goals: tuple[Goal, ...]

    def __str__(self) -> str:
        return " and ".join(f"({goal})" if isinstance(goal, AnyOf) else str(goal) for goal in self.goals)

    def __call__(self, learner: Any) -> bool:
        """Whether every part is reached by `learner`."""
        return all(goal(learner) for goal in self.goals)  # type: ignore[operator]  # each of ours can be called

    def reached(self, progress: Progress) -> bool:
        """Whether every part is reached."""
        return all(goal.reached(progress) for goal in self.goals)

    def given_up(self, progress: Progress) -> bool:
        """Whether that is so of some part."""
        return any(given_up(goal, progress) for goal in self.goals)

    def reason(self, progress: Progress) -> str:
        """Return the reasons of all parts."""
        return " and ".join(goal.reason(progress) for goal in self.goals)

    def due(self, progress: Progress) -> float:
        """Return the earliest time at which to ask a part that is not reached yet."""
        return min((goal.due(progress) for goal in self.goals if not goal.reached(progress)), default=inf)

    def share(self, progress: Progress, first: First | None = None) -> float | None:
        """Return the smallest share of the parts; None if that of one is unknown."""
        shares = [share_reached(goal, progress, first) for goal in self.goals]
        return min((share for share in shares if share is not None), default=None) if None not in shares else None

    def time_left(self, progress: Progress) -> float | None:
        """Return the longest time of the parts; None if that of one is unknown."""
        times = [time_left(goal, progress) for goal in self.goals]
        return max((time for time in times if time is not None), default=None) if None not in times else None

    def total(self, progress: Progress) -> int | None:
        """Return the largest total of the parts that have one."""
        return max(_totals(self.goals, progress), default=None)


@dataclass(frozen=True)
class AnyOf(GoalBase):
    """Reached when one of `goals` is.

    Examples
    --------
    >>> from adaptive_calib.runner import Elapsed, Loss
    >>> Loss(0.01) | Elapsed(hours=1)
    AnyOf(goals=(Loss(value=0.01), Elapsed(seconds=3600.0)))
    """

    goals: tuple[Goal, ...]

    def __str__(self) -> str:
        return " or ".join(str(goal) for goal in self.goals)

    def __call__(self, learner: Any) -> bool:
        """Whether some part is reached by `learner`."""
        return any(goal(learner) for goal in self.goals)  # type: ignore[operator]  # each of ours can be called

    def reached(self, progress: Progress) -> bool:
        """Whether some part is reached."""
        return any(goal.reached(progress) for goal in self.goals)

    def given_up(self, progress: Progress) -> bool:
        """Whether that is so of every part that is reached."""
        return all(given_up(goal, progress) for goal in self.goals if goal.reached(progress))

    def reason(self, progress: Progress) -> str:
        """Return the reasons of the parts that are reached."""
        return " and ".join(goal.reason(progress) for goal in self.goals if goal.reached(progress))

    def due(self, progress: Progress) -> float:
        """Return the earliest time at which to ask a part."""
        return min((goal.due(progress) for goal in self.goals), default=inf)

    def share(self, progress: Progress, first: First | None = None) -> float | None:
        """Return the largest share of the parts that have one."""
        shares = (share_reached(goal, progress, first) for goal in self.goals)
        return max((share for share in shares if share is not None), default=None)

    def time_left(self, progress: Progress) -> float | None:
        """Return the shortest time of the parts that have one."""
        times = (time_left(goal, progress) for goal in self.goals)
        return min((time for time in times if time is not None), default=None)

    def total(self, progress: Progress) -> int | None:
        """Return the smallest total of the parts that have one."""
        return min(_totals(self.goals, progress), default=None)


def given_up(goal: Goal, progress: Progress) -> bool:
    """Whether a goal, which may be a user's own, is reached only in that the learner has given up."""
    return isinstance(goal, GoalBase) and goal.given_up(progress)


def _totals(goals: tuple[Goal, ...], progress: Progress) -> list[int]:
    return [total for goal in goals if (total := total_points(goal, progress)) is not None]
