"""When a run ends because it has what it was started for, and how far it is on the way there.

A `Goal` is a frozen value that is asked about the `Progress` of a run. Time comes in with the progress, so a goal holds
no clock and the same history of events always ends at the same place. Goals are combined by ``&`` and ``|``::

    Loss(0.01) | Elapsed(hours=1)            whichever comes first
    Points(100) & Loss(0.01)                 both

What displays ask of a goal is in `adaptive_calib.engine.goal_shares`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from inspect import signature
from numbers import Real
from typing import Any, cast

from adaptive_calib._words import children, clock, count, name_of
from adaptive_calib.engine.goal_base import AllOf, AnyOf, GoalBase, given_up
from adaptive_calib.engine.goal_shares import (
    First,
    Goal,
    Progress,
    clipped,
    share_of_shrinking,
    share_of_time,
    share_reached,
    size_of,
    time_for_points,
    time_left,
    total_points,
)
from adaptive_calib.learner.protocol import EstimatesError, Finite, has_method

__all__ = [
    "AllOf",
    "AnyOf",
    "Done",
    "Elapsed",
    "First",
    "Goal",
    "LargestError",
    "Loss",
    "Never",
    "Points",
    "PointsOfEach",
    "Progress",
    "Until",
    "When",
    "share_reached",
    "time_left",
    "total_points",
]

#: Seconds between two evaluations of a goal that is an arbitrary function, while no result arrives. The function may
#: depend on anything, so it is called regularly; a person does not notice half a second.
POLL = 0.5


@dataclass(frozen=True)
class Loss(GoalBase):
    """Reached when the learner's loss is at most `value`; never by a loss that is NaN.

    Examples
    --------
    >>> from adaptive_calib import Learner1D
    >>> from adaptive_calib.runner import Loss, simple
    >>> learner = Learner1D(abs, bounds=(-1, 2))
    >>> simple(learner, goal=Loss(0.1))
    >>> learner.loss() <= 0.1
    True
    """

    value: float

    def __post_init__(self) -> None:
        _refuse_unless_number(self.value, "a loss goal")

    def __str__(self) -> str:
        return f"loss at most {self.value:g}"

    def reached(self, progress: Progress) -> bool:
        """Whether ``learner.loss() <= value``."""
        return progress.loss <= self.value

    def reason(self, progress: Progress) -> str:
        """Return the loss and its bound."""
        return f"loss {progress.loss:.4g} at {count(progress.npoints, 'point')} (loss_goal={self.value:g})"

    def share(self, progress: Progress, first: First | None = None) -> float | None:
        """Return how far the logarithm of the loss has come from its first value."""
        return share_of_shrinking("loss", progress.loss, self.value, first)


@dataclass(frozen=True)
class Points(GoalBase):
    """Reached when the learner has values of at least `value` points, loaded ones included.

    Examples
    --------
    >>> from adaptive_calib import Learner1D
    >>> from adaptive_calib.runner import Points, simple
    >>> learner = Learner1D(abs, bounds=(-1, 2))
    >>> simple(learner, goal=Points(20))
    >>> learner.npoints
    20
    """

    value: int

    def __post_init__(self) -> None:
        _refuse_unless_number(self.value, "a number of points")

    def __str__(self) -> str:
        return count(self.value, "point")

    def reached(self, progress: Progress) -> bool:
        """Whether ``learner.npoints >= value``."""
        return progress.npoints >= self.value

    def reason(self, progress: Progress) -> str:
        """Return the number of points and the number that was wanted."""
        return f"{count(progress.npoints, 'point')} (npoints_goal={self.value})"

    def total(self, progress: Progress) -> int | None:
        """Return `value`."""
        return self.value


@dataclass(frozen=True, init=False)
class Elapsed(GoalBase):
    """Reached when the run has lasted `seconds`; the arguments add up.

    Parameters
    ----------
    seconds, minutes, hours : float
        Parts of the duration; `seconds` may be a `datetime.timedelta`.

    Examples
    --------
    >>> from adaptive_calib.runner import Elapsed
    >>> Elapsed(minutes=1, hours=2).seconds
    7260.0
    """

    seconds: float

    def __init__(self, seconds: float | timedelta = 0.0, *, minutes: float = 0.0, hours: float = 0.0) -> None:
        if isinstance(seconds, timedelta):
            seconds = seconds.total_seconds()
        object.__setattr__(self, "seconds", float(seconds) + 60.0 * minutes + 3600.0 * hours)

    def __str__(self) -> str:
        return f"{clock(self.seconds)} of running"

    def __call__(self, learner: Any) -> bool:
        """Raise TypeError: a learner has no time."""
        raise TypeError(
            f"whether {self!r} is reached depends on the run, not on a learner; look at `runner.elapsed_time()`."
        )

    def reached(self, progress: Progress) -> bool:
        """Whether the run has lasted that long."""
        return progress.time >= self.seconds

    def reason(self, progress: Progress) -> str:
        """Return how long the run has lasted."""
        return f"{progress.time:,.1f} s of running (duration_goal={self.seconds:g})"

    def due(self, progress: Progress) -> float:
        """Return the second at which it is reached."""
        return self.seconds

    def share(self, progress: Progress, first: First | None = None) -> float | None:
        """Return the share of the time that is over."""
        return share_of_time(progress, self.seconds)

    def time_left(self, progress: Progress) -> float | None:
        """Return the rest of the time."""
        return max(0.0, self.seconds - progress.time)


@dataclass(frozen=True)
class Until(GoalBase):
    """Reached at the wall-clock time `when` (naive: local time).

    Examples
    --------
    >>> from datetime import datetime
    >>> from adaptive_calib.runner import Until
    >>> goal = Until(datetime(2030, 1, 1, 8, 0))
    """

    when: datetime

    def __str__(self) -> str:
        return f"until {self.when:%Y-%m-%d %H:%M:%S}"

    def __call__(self, learner: Any) -> bool:
        """Raise TypeError: a learner has no time."""
        raise TypeError(f"whether {self!r} is reached depends on the clock, not on a learner.")

    def reached(self, progress: Progress) -> bool:
        """Whether that time has come."""
        return progress.epoch + progress.time >= self.when.timestamp()

    def reason(self, progress: Progress) -> str:
        """Return the time that was set."""
        return f"it is past {self.when:%Y-%m-%d %H:%M:%S} (end_time_goal)"

    def due(self, progress: Progress) -> float:
        """Return the second of the run at which it is reached."""
        return self.when.timestamp() - progress.epoch

    def share(self, progress: Progress, first: First | None = None) -> float | None:
        """Return the share of the time between the start of the run and `when` that is over."""
        return share_of_time(progress, self.due(progress))

    def time_left(self, progress: Progress) -> float | None:
        """Return the seconds until `when`."""
        return max(0.0, self.due(progress) - progress.time)


@dataclass(frozen=True)
class When(GoalBase):
    """Reached when ``predicate(learner)`` is true; `text` is the reason of the stop.

    Examples
    --------
    >>> from adaptive_calib import Learner1D
    >>> from adaptive_calib.runner import Points, When, simple
    >>> learner = Learner1D(abs, bounds=(-1, 2))
    >>> simple(learner, goal=When(lambda learner: 0.5 in learner.data, learner, "0.5 is known") | Points(100))
    >>> 0.5 in learner.data
    True
    """

    predicate: Callable[[Any], Any]
    learner: Any
    text: str = ""

    def __post_init__(self) -> None:
        if not callable(self.predicate):
            raise TypeError(f"`predicate` should be a function of the learner, but is {self.predicate!r}.")

    def __str__(self) -> str:
        return self.text or "a function of the learner"

    def __call__(self, learner: Any) -> bool:
        """Whether the predicate is true of `learner`."""
        return bool(self.predicate(learner))

    def reached(self, progress: Progress) -> bool:
        """Whether the predicate is true."""
        return bool(self.predicate(self.learner))

    def reason(self, progress: Progress) -> str:
        """Return `text`, or the name of the predicate."""
        return self.text or f"{name_of(self.predicate)}(learner) is true"

    def due(self, progress: Progress) -> float:
        """Return a time soon: the predicate may depend on anything."""
        return progress.time + POLL

    def total(self, progress: Progress) -> int | None:
        """Return the size of a learner that has a finite set of points."""
        return size_of(self.learner)


@dataclass(frozen=True)
class PointsOfEach(GoalBase):
    """Reached when each child of a balancing learner has values of at least `value` points, or has ended.

    A child has ended if it can get no further, see `BalancingLearner.has_ended`.

    Examples
    --------
    >>> from adaptive_calib import BalancingLearner, Learner1D
    >>> from adaptive_calib.engine.goals import PointsOfEach
    >>> from adaptive_calib.runner import simple
    >>> learner = BalancingLearner([Learner1D(abs, bounds=(-1, 2)), Learner1D(abs, bounds=(0, 1))])
    >>> simple(learner, goal=PointsOfEach(5, learner))
    >>> min(child.npoints for child in learner.learners) >= 5
    True
    """

    value: int
    learner: Any

    def __str__(self) -> str:
        return f"{count(self.value, 'point')} of each learner"

    def __call__(self, learner: Any) -> bool:
        """Whether each child of `learner` has that many points."""
        return all(not missing for missing in self._missing(learner))

    def _missing(self, learner: Any) -> list[int]:
        """Return the number of missing points of each child; 0 for children that ended."""
        may_end = has_method(learner, "has_ended")
        missing = []
        for i, child in enumerate(learner.learners):
            open_points = max(0, self.value - child.npoints)
            missing.append(0 if open_points and may_end and learner.has_ended(i) else open_points)
        return missing

    def reached(self, progress: Progress) -> bool:
        """Whether each child has that many points."""
        return self(self.learner)

    def reason(self, progress: Progress) -> str:
        """Return the numbers of learners and of points."""
        short = sum(child.npoints < self.value for child in self.learner.learners)
        ended = f", of which {short} had no more to ask for" if short else ""
        children = count(len(self.learner.learners), "learner")
        return f"{count(self.value, 'point')} or more of each of {children}{ended} (npoints_goal={self.value})"

    def share(self, progress: Progress, first: First | None = None) -> float | None:
        """Return the mean share of the children."""
        shares = [clipped(1 - missing / self.value) for missing in self._missing(self.learner)]
        return sum(shares) / len(shares) if shares else None

    def time_left(self, progress: Progress) -> float | None:
        """Return the seconds for the missing points at the speed so far."""
        return time_for_points(progress, sum(self._missing(self.learner)))


@dataclass(frozen=True)
class LargestError(GoalBase):
    """Reached when the learner claims an error of at most `value`.

    A learner that checks its claims (see `adaptive_calib.learner.protocol.ChecksError`) is given the goal when the run
    starts, chooses the points that reduce its estimated error, and checks the result at random points before the goal
    counts as reached. Of another learner, the estimate ``largest_error()`` has to be at most `value`.

    Attributes
    ----------
    value : float
        The error, in units of the values.
    learner
        The learner of the run.
    fraction, confidence : float, optional
        What a passed check is to say: with this confidence, at most this fraction of the domain has a larger error.
        They make the number of its points, see `adaptive_calib.learner.claims.checks_needed`; by default 0.1 and 0.9,
        which 22 points do. `Learner1D`, `AverageLearner1D` and a `BalancingLearner` of them take others.

    Raises
    ------
    TypeError, ValueError
        At the start of a run: the checks of this learner have no such parameters; `learner` is not that of the run.

    Examples
    --------
    >>> import math
    >>> from adaptive_calib import Learner1D
    >>> from adaptive_calib.runner import LargestError, simple
    >>> learner = Learner1D(math.exp, bounds=(-1, 1), mode="smooth")
    >>> simple(learner, goal=LargestError(1e-4, learner, fraction=0.05, confidence=0.95))
    >>> print(learner.claim())
    error at most 0.0001; checked at 59 random points: exceeded on at most 5 % of the domain (95 % confidence)
    """

    value: float
    learner: EstimatesError
    fraction: float | None = None
    confidence: float | None = None

    @classmethod
    def of(cls, learner: Any, value: float) -> LargestError:
        """Return the goal; TypeError if the learner does not estimate its error."""
        try:
            # read as an attribute: isinstance does not find what a DataSaver passes on from its learner
            learner.largest_error  # noqa: B018  # only whether it is there
        except AttributeError as error:
            raise TypeError(
                f"`error_goal` needs a learner that estimates its error by largest_error(), as Learner1D does, but "
                f"{type(learner).__name__} does not. Use loss_goal= instead. ({error}.)"
            ) from None
        return cls(value, learner)

    def __str__(self) -> str:
        return f"error at most {self.value:g}"

    def __call__(self, learner: Any) -> bool:
        """Whether `learner` has reached the goal."""
        return _has_small_error(self.of(learner, self.value).learner, self.value)

    def reached(self, progress: Progress) -> bool:
        """Whether the learner claims this error, or, if it checks nothing, estimates it."""
        return _has_small_error(self.learner, self.value)

    def given_up(self, progress: Progress) -> bool:
        """Whether a child of a balancing learner has ended with a larger error; its estimate leaves that child out."""
        return bool(_ended_above(self.learner, self.value))

    def reason(self, progress: Progress) -> str:
        """Return the claim, or the estimate and its bound; of children that ended above it, which and why."""
        if _checks(self.learner):
            return str(cast(Any, self.learner).claim())
        if ended := _ended_above(self.learner, self.value):
            why = cast(Any, self.learner).stopped_because()
            return f"{children(ended)} ended with an error above {self.value:g}" + (f"; {why}" if why else "")
        return f"estimated error {self.learner.largest_error():.4g} (error_goal={self.value:g})"

    def share(self, progress: Progress, first: First | None = None) -> float | None:
        """Return how far the logarithm of the estimated error has come from its first value."""
        return share_of_shrinking("error", self.learner.largest_error(), self.value, first)


def ending(goal: Goal, progress: Progress) -> tuple[str, str]:
    """Return the status of a run that ends by its goal, and in a line why.

    It is "finished", or "exhausted" if the learner is done without having reached what it was to reach.

    Examples
    --------
    >>> from adaptive_calib.engine.goals import ending
    >>> from adaptive_calib import BlockingRunner, SequenceLearner
    >>> from adaptive_calib.runner import Points, SequentialExecutor
    >>> runner = BlockingRunner(SequenceLearner(abs, [1, 2]), executor=SequentialExecutor())
    >>> ending(Points(2), runner.progress), ending(runner.goal, runner.progress)
    (('finished', 'goal reached: 2 points (npoints_goal=2)'), ('finished', 'finished: 2 results'))
    """
    reason = goal.reason(progress)
    if given_up(goal, progress):
        return "exhausted", f"goal not reached: {reason}"
    return "finished", f"{'finished' if isinstance(goal, Done) else 'goal reached'}: {reason}"


def _refuse_unless_number(value: Any, what: str) -> None:
    """Raise ValueError unless `value` can be reached: losses and numbers of points are never negative."""
    if not (isinstance(value, Real) and float(value) >= 0):  # NaN is not
        raise ValueError(f"{what} should be a number of at least 0, but is {value!r}.")


def _checks(learner: Any) -> bool:
    """Whether a learner checks an error goal that it was given."""
    return has_method(learner, "set_error_goal") and learner.error_goal is not None


def _has_small_error(learner: Any, value: float) -> bool:
    if not _checks(learner):
        return bool(learner.largest_error() <= value)
    claim = learner.claim()
    return claim is not None and claim.is_checked and claim.error <= value


def _ended_above(learner: Any, value: float) -> list[int]:
    """Return the children of a balancing learner that have ended with a larger error, or that have such children."""
    if not has_method(learner, "has_ended"):
        return []
    return [
        i
        for i, child in enumerate(learner.learners)
        if (learner.has_ended(i) and not child.largest_error() <= value) or _ended_above(child, value)
    ]


def error_goal_of(goal: Any) -> float | None:
    """Return the smallest error that a goal, or a part of it, asks for; None without such a part.

    Examples
    --------
    >>> from adaptive_calib import Learner1D
    >>> from adaptive_calib.engine.goals import error_goal_of
    >>> from adaptive_calib.runner import LargestError, Points
    >>> learner = Learner1D(abs, bounds=(-1, 2))
    >>> error_goal_of(LargestError(0.01, learner) | Points(500)), error_goal_of(Points(500))
    (0.01, None)
    """
    errors = _error_goals(goal)
    return min((part.value for part in errors), default=None)


def _error_goals(goal: Any) -> list[LargestError]:
    """Return the parts of a goal that ask for an error."""
    if isinstance(goal, LargestError):
        return [goal]
    return [error for part in (goal.goals if isinstance(goal, (AllOf, AnyOf)) else ()) for error in _error_goals(part)]


def _holds(learner: Any, other: Any) -> bool:
    """Whether a learner is another one, passes on to it, as a DataSaver, or balances it."""
    if learner is other:
        return True
    inner = [getattr(learner, "learner", None), *getattr(learner, "learners", ())]
    return any(_holds(one, other) for one in inner if one is not None)


def error_goal_for(learner: Any, goal: Any) -> tuple[float | None, ...] | None:
    """Return the arguments of ``learner.set_error_goal`` at the start of a run with `goal`; None if no call is needed.

    A goal without an error also ends what an earlier run with one has set. Fraction and confidence are the smallest and
    the largest of the parts that give one.
    """
    if not has_method(learner, "set_error_goal"):
        return None
    parts = _error_goals(goal)
    if not parts:
        return None if learner.error_goal is None else (None,)
    for part in parts:
        if not _holds(learner, part.learner):
            raise ValueError(
                f"`LargestError({part.value:g}, learner)` should have the learner of the run, or one that it holds, "
                f"but has another {type(part.learner).__name__}, which no point is asked of."
            )
    error = min(part.value for part in parts)
    fraction = min((part.fraction for part in parts if part.fraction is not None), default=None)
    confidence = max((part.confidence for part in parts if part.confidence is not None), default=None)
    if fraction is None and confidence is None:
        return (error,)
    if "fraction" not in signature(learner.set_error_goal).parameters:
        raise TypeError(
            f"the checks of {type(learner).__name__} have a fixed fraction and confidence, so LargestError should come "
            f"without them, but has fraction={fraction}, confidence={confidence}; leave them out."
        )
    return error, fraction, confidence


@dataclass(frozen=True)
class Done(GoalBase):
    """Reached when the learner's own ``done()`` is true.

    Examples
    --------
    >>> from adaptive_calib import SequenceLearner
    >>> from adaptive_calib.runner import Done, simple
    >>> learner = SequenceLearner(len, ["a", "bc"])
    >>> simple(learner, goal=Done(learner))
    >>> learner.result()
    [1, 2]
    """

    learner: Finite

    def __str__(self) -> str:
        return "until the learner is done"

    def __call__(self, learner: Any) -> bool:
        """Whether ``learner.done()``."""
        return bool(learner.done())

    def reached(self, progress: Progress) -> bool:
        """Whether ``learner.done()``."""
        return bool(self.learner.done())

    def given_up(self, progress: Progress) -> bool:
        """Whether the learner is done since it cannot go on, as an integral is that cannot be known."""
        return not getattr(self.learner, "converged", True)

    def reason(self, progress: Progress) -> str:
        """Return the learner's own reason, or the number of results."""
        learner: Any = self.learner
        own = str(learner.stopped_because()) if has_method(learner, "stopped_because") else ""
        return own or count(progress.npoints, "result")

    def total(self, progress: Progress) -> int | None:
        """Return the size of a learner that has a finite set of points."""
        return size_of(self.learner)


@dataclass(frozen=True)
class Never(GoalBase):
    """Never reached: the run ends by being cancelled, by a failure or because nothing is left to ask.

    Examples
    --------
    >>> from adaptive_calib.runner import Elapsed, Never
    >>> Never() | Elapsed(hours=1)
    AnyOf(goals=(Never(), Elapsed(seconds=3600.0)))
    """

    def __str__(self) -> str:
        return "none"

    def reached(self, progress: Progress) -> bool:
        """Return False."""
        return False

    def reason(self, progress: Progress) -> str:
        """Return that there is no goal."""
        return "no goal was set"

    def total(self, progress: Progress) -> int | None:
        """Return the size of a learner that has a finite set of points: the run ends there."""
        return size_of(progress.learner)
