"""When a run has reached what it was started for.

A `Goal` is a frozen value that looks at the `Progress` of a run; time comes in with the events, so a goal holds no
clock and the same history always ends at the same place. Goals are joined by ``&`` and ``|``::

    Loss(0.01) | Elapsed(hours=1)            whichever comes first
    Points(100) & Loss(0.01)                 both
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from math import inf, nan
from typing import Any, NamedTuple, Protocol, runtime_checkable

from adaptive_calib.learner.protocol import EstimatesError, Finite, has_method

__all__ = [
    "AllOf",
    "AnyOf",
    "Done",
    "Elapsed",
    "Goal",
    "LargestError",
    "Loss",
    "Never",
    "Points",
    "Progress",
    "Until",
    "When",
]

#: How often a goal that is an arbitrary function is looked at while nothing finishes, in seconds: it may depend on
#: anything, so somebody has to look; half a second is below what a person notices.
POLL = 0.5


class Progress(NamedTuple):  # quicker to make than a dataclass: there is one for each point
    """How far a run is, as seen at one moment.

    Attributes
    ----------
    time, epoch : float
        Seconds of the run; wall-clock time of its second 0.0.
    phase : str
        "waiting", "running", "draining" or "ended".
    npoints : int
        Points that the learner knows, whoever told them.
    told, stored, loaded : int
        Points evaluated by this run; looked up instead of evaluated; known before the first ask.
    failures : int
        Points that failed for good in this run.
    running, capacity : int
        Tasks that are out, and how many may be.
    learner
        The learner itself, to be read only; a goal or a display takes from it what it needs.
    status, stop_reason
        "running", then "finished", "exhausted", "failed" or "cancelled"; why, in one line, None while running.

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
        """The learner's loss at the moment of asking."""
        return float(self.learner.loss())


@runtime_checkable
class Goal(Protocol):
    """Anything with these three methods is a goal.

    The progress that a run shows to its goal is of the moment of looking: keep what you need of it, not itself.
    """

    def reached(self, progress: Progress) -> bool:
        """Whether the run may end."""
        ...

    def reason(self, progress: Progress) -> str:
        """Say in one line for people why the run ends, once it is reached."""
        ...

    def due(self, progress: Progress) -> float:
        """Return the second of the run at which to look again even if nothing has happened; inf for never."""
        ...


class _Joined:
    """``&`` and ``|`` for goals, and their words (``str``) in a notebook."""

    def _repr_html_(self) -> str:
        return f"<b>goal:</b> {escape(str(self))}"

    def __call__(self, learner: Any) -> bool:
        """Whether `learner` is there, as a function of the learner such as python-adaptive's ``runner.goal`` is.

        Raises
        ------
        TypeError
            Only a run can tell: the goal is about its time.
        """
        return self.reached(Progress(nan, nan, "", learner.npoints, 0, 0, 0, 0, 0, 0, learner))

    def reached(self, progress: Progress) -> bool:
        """Whether the run may end."""
        raise NotImplementedError(f"{type(self).__name__} should define `reached`.")

    def __and__(self, other: Goal) -> AllOf:
        return AllOf((*_parts(self, AllOf), *_parts(other, AllOf)))

    def __or__(self, other: Goal) -> AnyOf:
        return AnyOf((*_parts(self, AnyOf), *_parts(other, AnyOf)))


def _parts(goal: Any, kind: type[AllOf] | type[AnyOf]) -> tuple[Goal, ...]:
    if not isinstance(goal, Goal):
        raise TypeError(
            f"`&` and `|` join goals, but {goal!r} is none; a function of the learner becomes one by "
            "When(function, learner)."
        )
    return goal.goals if isinstance(goal, kind) else (goal,)


@dataclass(frozen=True)
class AllOf(_Joined):
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

    def reason(self, progress: Progress) -> str:
        """Return the reasons of all parts."""
        return " and ".join(goal.reason(progress) for goal in self.goals)

    def due(self, progress: Progress) -> float:
        """Return the earliest moment at which a part that is not reached yet wants to be looked at."""
        return min((goal.due(progress) for goal in self.goals if not goal.reached(progress)), default=inf)


@dataclass(frozen=True)
class AnyOf(_Joined):
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

    def reason(self, progress: Progress) -> str:
        """Return the reasons of the parts that are reached."""
        return " and ".join(goal.reason(progress) for goal in self.goals if goal.reached(progress))

    def due(self, progress: Progress) -> float:
        """Return the earliest moment at which a part wants to be looked at."""
        return min((goal.due(progress) for goal in self.goals), default=inf)


@dataclass(frozen=True)
class Loss(_Joined):
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

    def __str__(self) -> str:
        return f"loss at most {self.value:g}"

    def reached(self, progress: Progress) -> bool:
        """Whether ``learner.loss() <= value``."""
        return progress.loss <= self.value

    def reason(self, progress: Progress) -> str:
        """Return the loss and its bound."""
        return f"the loss is {progress.loss:.4g}, at most {self.value:g}"

    def due(self, progress: Progress) -> float:
        """Never: a loss changes only when something is told."""
        return inf


@dataclass(frozen=True)
class Points(_Joined):
    """Reached when the learner knows at least `value` points, preloaded ones included.

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

    def __str__(self) -> str:
        return f"{self.value} points"

    def reached(self, progress: Progress) -> bool:
        """Whether ``learner.npoints >= value``."""
        return progress.npoints >= self.value

    def reason(self, progress: Progress) -> str:
        """Return the number of points and the number that was wanted."""
        return f"{progress.npoints} points are known, at least {self.value}"

    def due(self, progress: Progress) -> float:
        """Never: the number of points changes only when something is told."""
        return inf


@dataclass(frozen=True, init=False)
class Elapsed(_Joined):
    """Reached when the run has lasted so long; the arguments add up.

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
        return f"{timedelta(seconds=round(self.seconds))} of running"

    def __call__(self, learner: Any) -> bool:
        """Refuse: this is no question of the learner."""
        raise TypeError(
            f"only a run can tell whether {self!r} is reached, not a learner; look at `runner.elapsed_time()`."
        )

    def reached(self, progress: Progress) -> bool:
        """Whether so many seconds of the run are over."""
        return progress.time >= self.seconds

    def reason(self, progress: Progress) -> str:
        """Return how long the run has lasted."""
        return f"{progress.time:.3g} s have gone by, at least {self.seconds:g}"

    def due(self, progress: Progress) -> float:
        """Return the moment itself."""
        return self.seconds


@dataclass(frozen=True)
class Until(_Joined):
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
        """Refuse: this is no question of the learner."""
        raise TypeError(f"only a run can tell whether {self!r} is reached, not a learner; look at the clock.")

    def reached(self, progress: Progress) -> bool:
        """Whether it is that late."""
        return progress.epoch + progress.time >= self.when.timestamp()

    def reason(self, progress: Progress) -> str:
        """Return the time that was set."""
        return f"it is past {self.when}"

    def due(self, progress: Progress) -> float:
        """Return the moment itself, in seconds of the run."""
        return self.when.timestamp() - progress.epoch


@dataclass(frozen=True)
class When(_Joined):
    """Reached when ``predicate(learner)`` is true; `text` says what that means, for the reason of the stop.

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
        """Whether the predicate says so of `learner`."""
        return bool(self.predicate(learner))

    def reached(self, progress: Progress) -> bool:
        """Whether the predicate says so."""
        return bool(self.predicate(self.learner))

    def reason(self, progress: Progress) -> str:
        """Return what the predicate means, or its name."""
        return self.text or f"the goal {getattr(self.predicate, '__qualname__', repr(self.predicate))} is reached"

    def due(self, progress: Progress) -> float:
        """Return a moment not far away: the predicate may depend on anything."""
        return progress.time + POLL


@dataclass(frozen=True)
class LargestError(_Joined):
    """Reached when the learner estimates the error of its interpolant at `value` at most, everywhere.

    Examples
    --------
    >>> import math
    >>> from adaptive_calib import Learner1D
    >>> from adaptive_calib.runner import LargestError, simple
    >>> learner = Learner1D(math.exp, bounds=(-1, 1), mode="smooth")
    >>> simple(learner, goal=LargestError(1e-4, learner))
    >>> learner.largest_error() <= 1e-4
    True
    """

    value: float
    learner: EstimatesError

    @classmethod
    def of(cls, learner: Any, value: float) -> LargestError:
        """Return the goal; TypeError if the learner does not estimate its error."""
        try:
            # asked for by name: what a DataSaver passes on from its learner, isinstance does not see
            learner.largest_error  # noqa: B018  # only whether it is there
        except AttributeError as error:
            raise TypeError(
                f"`error_goal` wants a learner that estimates its error by largest_error(), as Learner1D does; "
                f"{type(learner).__name__} does not. Use loss_goal= instead. ({error}.)"
            ) from None
        return cls(value, learner)

    def __str__(self) -> str:
        return f"estimated error at most {self.value:g}"

    def __call__(self, learner: Any) -> bool:
        """Whether ``learner.largest_error() <= value``."""
        return self.of(learner, self.value).learner.largest_error() <= self.value

    def reached(self, progress: Progress) -> bool:
        """Whether ``learner.largest_error() <= value``."""
        return self.learner.largest_error() <= self.value

    def reason(self, progress: Progress) -> str:
        """Return the error and its bound."""
        return f"the estimated error is {self.learner.largest_error():.4g}, at most {self.value:g}"

    def due(self, progress: Progress) -> float:
        """Never: the estimate changes only when something is told."""
        return inf


@dataclass(frozen=True)
class Done(_Joined):
    """Reached when the learner says itself that nothing is left to do.

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

    def reason(self, progress: Progress) -> str:
        """Return what the learner says, or that it is done."""
        learner: Any = self.learner
        return str(learner.stopped_because()) if has_method(learner, "stopped_because") else "the learner is done"

    def due(self, progress: Progress) -> float:
        """Never: only what is told can change it."""
        return inf


@dataclass(frozen=True)
class Never(_Joined):
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
        """Say that there is none."""
        return "no goal was set"

    def due(self, progress: Progress) -> float:
        """Never."""
        return inf
