"""Events, which a run reacts to, and effects, which it asks the driver to carry out: frozen values.

A driver turns a finished future, a timer or a signal into an event and hands it to
`adaptive_calib.engine.machine.RunMachine`, which returns effects. Times are seconds of the run, set by the driver, so
that a history of events can be replayed without a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

__all__ = [
    "Broke",
    "Cancelled",
    "Claimed",
    "Crashed",
    "Dropped",
    "Effect",
    "Event",
    "Failed",
    "Finished",
    "Loaded",
    "LogEntry",
    "Resized",
    "Started",
    "Submit",
    "Tick",
    "Withdraw",
]


@dataclass(frozen=True, slots=True)
class Started:
    """The run began: up to `capacity` points may be submitted; `epoch` is the wall-clock time of second 0.0.

    Examples
    --------
    >>> from adaptive_calib.engine.events import Started
    >>> Started(0.0, capacity=8).time
    0.0
    """

    time: float
    capacity: int
    epoch: float = 0.0


@dataclass(frozen=True, slots=True)
class Loaded:
    """Results from the store: `values` of `points`, and points that failed in earlier runs.

    Attributes
    ----------
    time : float
        Seconds of the run.
    points, values : sequences
        The results, in the order in which they were recorded.
    failed : sequence
        Points that failed and are left out.
    reasons : sequence of str
        Their tracebacks.
    again : sequence
        Points that failed and are evaluated again, before the goal is judged.
    cancelled : callable
        Returns the `Cancelled` that has come meanwhile, or None: looked at while the results are told.

    Examples
    --------
    >>> from adaptive_calib.engine.events import Loaded
    >>> Loaded(0.0, points=[0.5], values=[0.25]).time
    0.0
    """

    time: float
    points: Sequence[Any]
    values: Sequence[Any]
    failed: Sequence[Any] = ()
    reasons: Sequence[str] = ()
    again: Sequence[Any] = ()
    cancelled: Callable[[], Cancelled | None] = lambda: None


class Finished(NamedTuple):  # cheaper to create than a dataclass: there is one for each point
    """A task returned `value`.

    Attributes
    ----------
    time : float
        Seconds of the run.
    task : int
        Its number, from the `Submit` that began it.
    value
        What the function returned.
    seconds : float
        Duration of the evaluation, measured in the worker.
    stored : bool
        Whether it was found in the store instead of evaluated.

    Examples
    --------
    >>> from adaptive_calib.engine.events import Finished
    >>> Finished(1.0, task=3, value=0.25, seconds=0.9).time
    1.0
    """

    time: float
    task: int
    value: Any
    seconds: float = 0.0
    stored: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """One attempt of a task raised `error`.

    Attributes
    ----------
    time : float
        Seconds of the run.
    task : int
        Its number, from the `Submit` that began it.
    error, traceback
        The exception of the function, and its text.
    seconds : float
        Duration of the attempt.
    stored : bool
        Whether an earlier run recorded it.

    Examples
    --------
    >>> from adaptive_calib.engine.events import Failed
    >>> Failed(1.0, task=3, error=ZeroDivisionError()).time
    1.0
    """

    time: float
    task: int
    error: BaseException
    traceback: str = ""
    seconds: float = 0.0
    stored: bool = False


@dataclass(frozen=True, slots=True)
class Dropped:
    """A task ended without a value or a failure of its point: it was withdrawn, or the executor failed.

    Attributes
    ----------
    time : float
        Seconds of the run.
    task : int
        Its number, from the `Submit` that began it.
    error : BaseException or None
        The failure of the executor; None if the task was withdrawn, or lost through no fault of its own.

    Examples
    --------
    >>> from adaptive_calib.engine.events import Dropped
    >>> Dropped(1.0, task=3).time
    1.0
    """

    time: float
    task: int
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """Another run on the same store evaluates the point of a task, which needs no place meanwhile.

    Its end is another event of the task: its result, or `Dropped` if it is to be asked for again.

    Attributes
    ----------
    time : float
        Second of the run.
    task : int
        The task.

    Examples
    --------
    >>> from adaptive_calib.engine.events import Claimed
    >>> Claimed(1.0, task=0).task
    0
    """

    time: float
    task: int


@dataclass(frozen=True, slots=True)
class Crashed:
    """A worker died, and its pool with it, while `tasks` were submitted; one of them may be guilty.

    If the pool is `shared`, the guilty task may be one of another run, unless this one was isolated.

    Attributes
    ----------
    time : float
        Seconds of the run.
    tasks : tuple of int
        All tasks in the pool.
    error
        The exception of the pool.
    shared : bool
        Whether other runs use the pool, too.

    Examples
    --------
    >>> from adaptive_calib.engine.events import Crashed
    >>> Crashed(1.0, tasks=(3, 4), error=OSError()).time
    1.0
    """

    time: float
    tasks: tuple[int, ...]
    error: BaseException
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Resized:
    """From now on up to `capacity` points may be submitted.

    Attributes
    ----------
    time : float
        Seconds of the run.
    capacity : int
        Points that may be submitted; 0: there is no worker.

    Examples
    --------
    >>> from adaptive_calib.engine.events import Resized
    >>> Resized(1.0, capacity=4).time
    1.0
    """

    time: float
    capacity: int


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The user or a signal cancels the run: it drains; the second time, or with `abandon`, it ends immediately.

    Attributes
    ----------
    time : float
        Seconds of the run.
    abandon : bool
        End without waiting for pending evaluations.
    reason : str
        The reason of the stop, in one line.

    Examples
    --------
    >>> from adaptive_calib.engine.events import Cancelled
    >>> Cancelled(1.0).time
    1.0
    """

    time: float
    abandon: bool = False
    reason: str = "cancelled"


@dataclass(frozen=True, slots=True)
class Broke:
    """The store or the executor failed for good: the run ends with `error`.

    Attributes
    ----------
    time : float
        Seconds of the run.
    error
        The exception.
    reason : str
        The reason of the stop, in one line.

    Examples
    --------
    >>> from adaptive_calib.engine.events import Broke
    >>> Broke(1.0, error=OSError(), reason="the disk is full").time
    1.0
    """

    time: float
    error: BaseException
    reason: str


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed: goals and delayed retries are checked again.

    Examples
    --------
    >>> from adaptive_calib.engine.events import Tick
    >>> Tick(1.0).time
    1.0
    """

    time: float


Event = Started | Loaded | Finished | Failed | Dropped | Claimed | Crashed | Resized | Cancelled | Broke | Tick


class Submit(NamedTuple):  # cheaper to create than a dataclass: there is one for each point
    """Evaluate `point` under the number `task`.

    Attributes
    ----------
    task : int
        Number of the task in the run.
    point
        The point.
    attempt : int
        1 for the first attempt.
    alone : bool
        The point is suspected of killing its worker: nothing else should be in the same pool.
    place
        Where the archive keeps the point; filled in by the session, not by the machine.

    Examples
    --------
    >>> from adaptive_calib.engine.events import Submit
    >>> Submit(task=3, point=0.5)
    Submit(task=3, point=0.5, attempt=1, alone=False, place=None)
    """

    task: int
    point: Any
    attempt: int = 1
    alone: bool = False
    place: Any = None


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Withdraw those of `tasks` that have not begun; each of these is followed by a `Dropped`.

    Examples
    --------
    >>> from adaptive_calib.engine.events import Withdraw
    >>> Withdraw(tasks=(3, 4))
    Withdraw(tasks=(3, 4))
    """

    tasks: tuple[int, ...]


Effect = Submit | Withdraw


class LogEntry(NamedTuple):  # cheaper to create than a dataclass: there are three for each point
    """One entry of a run's log: a call on the learner, or a note about an event without a call.

    Attributes
    ----------
    time : float
        Seconds of the run.
    name : str
        The learner's method; or, with `note`, what happened: "failed", "dropped", "crashed", "resized", "cancelled",
        "stopped".
    args : tuple
        The arguments of the call, or the facts of the note.
    answer : tuple
        The points that `ask` returned.
    note : bool
        Whether this is no call, so that a replay passes over it.

    Examples
    --------
    >>> from adaptive_calib.engine.events import LogEntry
    >>> LogEntry(0.0, "ask", (2,), answer=(-1, 1))
    LogEntry(time=0.0, name='ask', args=(2,), answer=(-1, 1), note=False)
    """

    time: float
    name: str
    args: tuple[Any, ...]
    answer: tuple[Any, ...] = ()
    note: bool = False
