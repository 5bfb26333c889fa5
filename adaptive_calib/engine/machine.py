"""The run machine: every decision of a run, and no action.

``handle(*events) -> effects``. During a run only the machine calls the changing methods of the learner. It tells the
learner each result, asks the goal, asks the learner for as many points as there are free places, decides about retries,
and ends the run. It holds no clock, thread or file: the same history of events, handed to a fresh machine with a fresh
learner, gives the same effects and the same learner.

Phases and events:

=========== ================= ======================================== ======================== =====================
event       waiting           running                                  draining                 ended
=========== ================= ======================================== ======================== =====================
Started     -> running        error                                    error                    error
Loaded      told              told                                     told                     told
Finished    (unknown task)    told                                     told                     ignored
Failed      (unknown task)    retried later, or failed for good        failed for good if last  ignored
Dropped     (unknown task)    submitted again; third time: draining    noted                    ignored
Claimed     (unknown task)    needs no place                           the same                 ignored
Crashed     (unknown task)    suspects run alone; the guilty one fails the guilty one fails     ignored
Resized     kept              kept                                     kept                     kept
Cancelled   -> draining       -> draining (abandon: -> ended)          -> ended                 ignored
Broke       -> draining       -> draining                              noted if no error yet    ignored
Tick        time only         time only                                time only                time only
=========== ================= ======================================== ======================== =====================

After the events of one call: running goes to draining when the goal is reached, a point failed for good with
``on_error="raise"``, or nothing is left to ask; draining goes to ended when no task is out. While draining, nothing is
asked, and tasks that have not begun are withdrawn.

When a worker dies, its pool dies with it, and so do all tasks that were out, of which one may be guilty. These
*suspects* run again one at a time; the task that is isolated when the pool dies again is the guilty one.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count as numbers
from itertools import zip_longest
from math import inf
from typing import Any, NamedTuple

from adaptive_calib._words import call, count
from adaptive_calib.engine.events import (
    Broke,
    Cancelled,
    Claimed,
    Crashed,
    Dropped,
    Effect,
    Event,
    Failed,
    Finished,
    Loaded,
    LogEntry,
    Resized,
    Started,
    Submit,
    Tick,
    Withdraw,
)
from adaptive_calib.engine.executor_protocol import ExecutorError
from adaptive_calib.engine.goals import Goal, Never, Progress, ending, error_goal_for
from adaptive_calib.engine.points import PointSet
from adaptive_calib.engine.retry import RetryPolicy
from adaptive_calib.learner.base_learner import BaseLearner
from adaptive_calib.learner.protocol import Learner, has_method

__all__ = ["Attempt", "EvaluationError", "Failure", "RunMachine", "StoredFailureError"]

#: With ``on_error="continue"`` and no `max_failures`: a run ends with an error when its first evaluations, as many as
#: this, all failed for good. More than the corners of a domain in four dimensions, where a function may be singular.
FIRST_FAILURES = 20

#: Stored results are told in pieces of this many to a learner that takes them one by one.
PIECE = 16

#: How often the executor may give a point back without a result before the run ends with an error.
MOST_DROPS = 3


class EvaluationError(RuntimeError):
    """A point failed for good and ``on_error="raise"``; ``__cause__`` is the exception of the function.

    Attributes
    ----------
    traceback : str
        That of the function, and the end of its output. It is a part of the message where the cause has no traceback,
        as that of another process.
    """

    traceback = ""


class StoredFailureError(RuntimeError):
    """Stands for the error of a point that failed in an earlier run, or in another one on the same store."""


class Attempt(NamedTuple):  # cheaper to create than a dataclass
    """A point that is pending.

    Attributes
    ----------
    point
        The point.
    failures : int
        Attempts that have failed so far.
    traceback : str
        The traceback of the last of them.
    drops : int
        How often the executor has given it back without a result.
    repeated : bool
        Whether it failed in an earlier run, and is evaluated again for that reason.

    Examples
    --------
    >>> from adaptive_calib.engine.machine import Attempt
    >>> Attempt(point=0.5, failures=1).failures
    1
    """

    point: Any
    failures: int = 0
    traceback: str = ""
    drops: int = 0
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """A point that failed for good.

    Attributes
    ----------
    point
        The point.
    attempts : int
        Number of attempts in this run.
    error, traceback
        The exception of the last attempt.
    crashed : bool
        Whether its worker died.
    stored : bool
        Whether the failure is one of another run, and the point was left out of this one.

    Examples
    --------
    >>> from adaptive_calib import BlockingRunner, Learner1D
    >>> from adaptive_calib.runner import SequentialExecutor
    >>> learner = Learner1D(lambda x: 1 / x, bounds=(0, 1))
    >>> runner = BlockingRunner(learner, npoints_goal=5, on_error="continue", executor=SequentialExecutor())
    >>> [(failure.point, failure.attempts, type(failure.error).__name__) for failure in runner.failures]
    [(0.0, 1, 'ZeroDivisionError')]
    """

    point: Any
    attempts: int
    error: BaseException
    traceback: str
    crashed: bool = False
    stored: bool = False


class RunMachine:
    """Events in, effects out.

    Parameters
    ----------
    learner : Learner
        Only the machine calls its changing methods during the run.
    goal : Goal
        The run ends when it is reached.
    retry : RetryPolicy
        Which failures are tried again, and when.
    on_error : {"raise", "continue"}
        Whether a point that failed for good ends the run with an `EvaluationError`.
    max_failures : int, optional
        With ``on_error="continue"``: the run ends with an error when this number of points has failed for good.
        Default: it does so when no value is known yet and the first 20 points have failed for good.
    journal : bool
        Whether to keep a log entry of each call on the learner; see `take_entries`.

    Attributes
    ----------
    phase : str
        "waiting", "running", "draining" or "ended".
    status : str
        "running", then "finished", "exhausted", "failed" or "cancelled".
    stop_reason : str or None
        One line for people; None while running.
    error : BaseException or None
        The error of a failed run.
    running : dict
        Number of task -> `Attempt`, for all tasks that are submitted.
    claimed : dict
        The same for points that other runs evaluate.
    failures : list of Failure
        In order of their last attempt.

    Examples
    --------
    >>> from adaptive_calib import Learner1D
    >>> from adaptive_calib.engine.events import Finished, Started
    >>> from adaptive_calib.engine.machine import RunMachine
    >>> from adaptive_calib.runner import Points, RetryPolicy
    >>> machine = RunMachine(Learner1D(abs, bounds=(-1, 2)), Points(2), RetryPolicy())
    >>> machine.handle(Started(0.0, capacity=2))  # doctest: +NORMALIZE_WHITESPACE
    [Submit(task=0, point=-1.0, attempt=1, alone=False, place=None),
     Submit(task=1, point=2.0, attempt=1, alone=False, place=None)]
    >>> machine.handle(Finished(1.0, task=0, value=1.0), Finished(2.0, task=1, value=2.0))
    []
    >>> machine.phase, machine.stop_reason
    ('ended', 'goal reached: 2 points (npoints_goal=2)')
    """

    def __init__(
        self,
        learner: Learner,
        goal: Goal,
        retry: RetryPolicy | None = None,
        *,
        on_error: str = "raise",
        max_failures: int | None = None,
        journal: bool = False,
    ) -> None:
        if on_error not in ("raise", "continue"):
            raise ValueError(f'`on_error` should be "raise" or "continue", but is {on_error!r}.')
        if max_failures is not None and max_failures < 1:
            raise ValueError(f"`max_failures` should be at least 1, or None for no limit, but is {max_failures}.")
        self.learner = learner
        self.goal = goal
        self.retry = retry or RetryPolicy()
        self.on_error = on_error
        self.max_failures = max_failures
        self.phase = "waiting"
        self.status = "running"
        self.stop_reason: str | None = None
        self.error: BaseException | None = None
        self.running: dict[int, Attempt] = {}
        self.claimed: dict[int, Attempt] = {}
        self.failures: list[Failure] = []
        self.capacity = 0
        self._time = 0.0
        self._epoch = 0.0
        self._told = self._stored = self._loaded = 0
        self._tasks = numbers()
        self._order = numbers()
        self._waiting: list[tuple[float, int, Attempt]] = []  # a heap by the time of the next attempt
        self._again: list[Attempt] = []  # dropped, or failed in an earlier run: submitted before any new point
        self._repeated = 0  # points that failed in earlier runs, without an outcome so far
        self._only_repeats = False  # the goal is reached, but not all of them have an outcome
        self._suspects: list[Attempt] = []
        self._isolated_task: int | None = None
        self._skip_points: PointSet | None = None  # points that failed, of a learner without `tell_failed`
        self._learner_exhausted = False  # it had fewer points than were asked for, and no event since
        self._withdrawn = False
        self._judged = False  # whether the goal was asked
        self._journal: list[LogEntry] | None = [] if journal else None

    # ---------------------------------------------------------------- state, for reading

    @property
    def progress(self) -> Progress:
        """The state of the run."""
        return Progress(
            self._time,
            self._epoch,
            self.phase,
            self.learner.npoints,
            self._told,
            self._stored,
            self._loaded,
            len(self.failures),
            len(self.running),
            self.capacity,
            self.learner,
            self.status,
            self.stop_reason,
        )

    @property
    def to_retry(self) -> list[Attempt]:
        """Points that have failed and will be tried again, or are being tried again."""
        waiting = [attempt for _, _, attempt in sorted(self._waiting, key=lambda entry: entry[:2])]
        every = [*waiting, *self._again, *self._suspects, *self.running.values()]
        return [attempt for attempt in every if attempt.failures]

    @property
    def due(self) -> float:
        """The second of the run at which a `Tick` is needed if no other event comes before; inf for never."""
        if self.phase != "running":
            return inf
        free = len(self.running) < self.capacity and not self._suspects and self._isolated_task is None
        retry = self._waiting[0][0] if self._waiting and free else inf  # without a free place it cannot be submitted
        return min(retry, self.goal.due(self.progress)) if self._judged else retry

    @property
    def _failed_here(self) -> int:
        """Number of points that failed for good in this run."""
        return sum(not failure.stored for failure in self.failures)

    def final(self, event: Failed | Crashed) -> bool:
        """Whether the failure would be the last of its point, so that the driver records it before `handle`.

        Of a crash: whether the guilty task is certain and is not tried again.
        """
        if isinstance(event, Failed):
            attempt = self.running.get(event.task)
            return attempt is not None and self.retry.wait(attempt.failures + 1, event.error) is None
        guilty = self._guilty(event)
        return guilty is not None and self.retry.wait(guilty.failures + 1, event.error) is None

    def take_entries(self) -> list[LogEntry]:
        """Return the log entries since the last call; empty without ``journal=True``."""
        if not self._journal:
            return []
        taken, self._journal = self._journal, []
        return taken

    # ---------------------------------------------------------------- the one verb

    def handle(self, *events: Event) -> list[Effect]:
        """Process events in their order, then ask the goal and the learner once.

        Returns
        -------
        list of Effect
            To be carried out in their order.
        """
        for event in events:
            if event.time > self._time:
                self._time = event.time
            _TAKE[type(event)](self, event)
        return self._decide()

    # ---------------------------------------------------------------- events

    def _take_started(self, event: Started) -> None:
        if self.phase != "waiting":
            raise RuntimeError(f"a run starts once, but this one is {self.phase} already; make a new runner.")
        self._epoch = event.epoch
        self.capacity = event.capacity
        self.phase = "running"
        error_goal = error_goal_for(self.learner, self.goal)
        if error_goal is not None:
            self._call("set_error_goal", *error_goal)

    def _take_loaded(self, event: Loaded) -> None:
        points, values = list(event.points), list(event.values)
        # told one by one anyway: in pieces, so that Ctrl-C need not wait for all of them
        plain = getattr(type(self.learner), "tell_many", None) is BaseLearner.tell_many
        size = PIECE if plain else max(len(points), 1)
        for start in range(0, len(points), size):
            if (cancelled := event.cancelled()) is not None:
                self._take_cancelled(cancelled)
                return
            piece = slice(start, start + size)
            self._loaded += len(points[piece])
            if not self._call("tell_many", points[piece], values[piece]):
                return
        for point, reason in zip_longest(event.failed, event.reasons, fillvalue=""):
            self._leave_out(point, StoredFailureError(f"the point {point} failed in another run."), reason)
        for point in event.again:
            self._repeat(point)

    def _repeat(self, point: Any) -> None:
        """Submit a point that failed in an earlier run, unless it is no point of the learner as it is now."""
        try:
            self.learner.tell_pending(point)
        except ValueError:
            return
        except Exception as error:  # noqa: BLE001 - as in `_call`
            self._break(f"learner.tell_pending raised {error!r}", error)
            return
        if self._journal is not None:
            self._journal.append(LogEntry(self._time, "tell_pending", (point,)))
        self._again.append(Attempt(point, repeated=True))
        self._repeated += 1

    def _take_finished(self, event: Finished) -> None:
        self._tell(event.task, event.value, stored=event.stored)

    def _take_failed(self, event: Failed) -> None:
        attempt = self._taken(event.task)
        if attempt is None:
            return
        if event.stored:  # of another run: no error of this one
            self._repeated -= attempt.repeated
            self._leave_out(attempt.point, event.error, event.traceback)
            return
        self._note("failed", attempt.point, attempt.failures + 1, repr(event.error))
        self._failed(attempt, event.error, event.traceback, crashed=False)

    def _take_dropped(self, event: Dropped) -> None:
        if event.task in self.claimed:
            self._again.append(self.claimed.pop(event.task))
            return
        attempt = self._taken(event.task)
        if attempt is None:
            return
        error = event.error
        self._note("dropped", attempt.point, *(() if error is None else (repr(error),)))
        if self.phase != "running":
            return
        if error is None:
            self._again.append(attempt)
        elif attempt.drops + 1 < MOST_DROPS:
            self._again.append(attempt._replace(drops=attempt.drops + 1))
        else:
            failed = ExecutorError(
                f"the executor gave the point {attempt.point} back {MOST_DROPS} times without a result, the last time "
                f"with {error!r}. The point stays to be evaluated by another run; try another executor."
            )
            failed.__cause__ = error
            self._break(str(failed), failed)

    def _take_claimed(self, event: Claimed) -> None:
        if event.task in self.running:
            self.claimed[event.task] = self.running.pop(event.task)
        if event.task == self._isolated_task:
            self._isolated_task = None

    def _take_crashed(self, event: Crashed) -> None:
        guilty = self._guilty(event)
        lost = [attempt for task in event.tasks if (attempt := self._taken(task)) is not None]
        self._note("crashed", tuple(attempt.point for attempt in lost), repr(event.error))
        if guilty is not None:
            self._failed(guilty, event.error, str(event.error), crashed=True)
        elif self.phase == "running":
            self._suspects.extend(lost)

    def _guilty(self, event: Crashed) -> Attempt | None:
        """Return the attempt that was alone in the pool that died; None if that is not certain."""
        known = [task for task in event.tasks if task in self.running]
        if len(known) != 1 or (event.shared and known[0] != self._isolated_task):
            return None
        return self.running[known[0]]

    def _take_resized(self, event: Resized) -> None:
        if event.capacity != self.capacity:
            self._note("resized", event.capacity)
            self.capacity = event.capacity
            self._learner_exhausted = False

    def _take_cancelled(self, event: Cancelled) -> None:
        if self.phase == "ended":
            return
        self._note("cancelled", event.reason, event.abandon)
        again = self.phase == "draining"
        self._drain("cancelled", event.reason)
        if again or event.abandon:
            for attempt in self.running.values():
                self._note("dropped", attempt.point)
            self._end(tuple(self.running))

    def _take_broke(self, event: Broke) -> None:
        self._break(event.reason, event.error)

    def _take_tick(self, event: Tick) -> None:
        """Do nothing: `handle` has taken the time."""

    def _taken(self, task: int) -> Attempt | None:
        """Remove a task from those that are out; None if it is not one of them (abandoned, or told twice)."""
        attempt = self.running.pop(task, None) or self.claimed.pop(task, None)
        self._learner_exhausted = False
        if task == self._isolated_task:
            self._isolated_task = None
        return attempt

    # ---------------------------------------------------------------- failures

    def _failed(self, attempt: Attempt, error: BaseException, traceback: str, *, crashed: bool) -> None:
        failures = attempt.failures + 1
        wait = self.retry.wait(failures, error)
        if wait is not None:
            if self.phase != "running":
                return  # neither tried again nor given up: another run may ask for it
            again = attempt._replace(failures=failures, traceback=traceback, drops=0)
            if crashed:
                self._suspects.append(again)  # a point that has killed a pool runs alone from now on
            else:
                heapq.heappush(self._waiting, (self._time + wait, next(self._order), again))
            return
        self._repeated -= attempt.repeated
        self.failures.append(Failure(attempt.point, failures, error, traceback, crashed))
        self._give_up(attempt.point)
        self._judge_failures(self.failures[-1])

    def _leave_out(self, point: Any, error: BaseException, traceback: str) -> None:
        self.failures.append(Failure(point, 0, error, traceback, stored=True))
        self._give_up(point)

    def _judge_failures(self, failure: Failure) -> None:
        total, limit, known = self._failed_here, self.max_failures, self._told or self._stored or self._loaded
        raised = f"{call(self.learner.function, failure.point)} raised {failure.error!r}"
        if self.on_error == "raise":
            reason, words = raised, f'{raised}. With on_error="continue" a run goes on without such points.'
        elif total < (FIRST_FAILURES if limit is None else limit) or (limit is None and known):
            return
        else:
            failed = f"the first {total} points all failed"
            if limit is not None:
                failed = f"{count(total, 'point')} failed (max_failures={limit})"
            reason, words = f"{failed}; the last one: {failure.error!r}", f"{raised}; {failed}."
        if failure.error.__traceback__ is None:
            words += f" The traceback:\n\n{failure.traceback}"
        error = EvaluationError(words)
        error.traceback = failure.traceback
        error.__cause__ = failure.error
        self._drain("failed", f"failed: {reason}", error)

    def _give_up(self, point: Any) -> None:
        """Tell the learner that a point failed for good; for a learner without `tell_failed` the point is skipped."""
        if has_method(self.learner, "tell_failed"):
            self._call("tell_failed", point)
        else:
            self._skip_points = self._skip_points or PointSet()
            self._skip_points.add(point)

    # ---------------------------------------------------------------- the learner

    def _call(self, name: str, *args: Any) -> bool:
        """Call the learner; return whether it returned. An error of its own ends the run."""
        if self._journal is not None:
            self._journal.append(LogEntry(self._time, name, args))
        try:
            getattr(self.learner, name)(*args)
        except Exception as error:  # noqa: BLE001 - any error of a user's learner ends the run
            self._break(f"learner.{name} raised {error!r}", error)
            return False
        return True

    def _tell(self, task: int, value: Any, *, stored: bool) -> None:
        attempt = self._taken(task)
        if attempt is None:
            return
        self._repeated -= attempt.repeated
        if self._journal is not None:
            self._journal.append(LogEntry(self._time, "tell", (attempt.point, value)))
        try:
            self.learner.tell(attempt.point, value)
        except Exception as error:  # noqa: BLE001 - as in `_call`, of which this is the short form
            self._break(f"learner.tell raised {error!r}", error)
            return
        if stored:
            self._stored += 1
        else:
            self._told += 1

    def _ask(self, n: int) -> Sequence[Any]:
        """Ask for `n` points; fewer if there are no more, none if the learner raised."""
        try:
            points: Sequence[Any] = self.learner.ask(n)[0]
        except Exception as error:  # noqa: BLE001 - as in `_call`
            self._break(f"learner.ask raised {error!r}", error)
            return ()
        if self._journal is not None:
            self._journal.append(LogEntry(self._time, "ask", (n,), tuple(points)))
        return points

    def _ask_except(self, skipped: PointSet, n: int) -> Sequence[Any]:
        """Ask for at most `n` points, leaving out those to be skipped."""
        chosen: list[Any] = []
        for _ in range(len(skipped) + 1):
            wanted = n - len(chosen)
            points = self._ask(wanted)
            chosen += [point for point in points if point not in skipped]
            if len(chosen) >= n or len(points) < wanted:
                break
        return chosen

    def _note(self, name: str, *args: Any) -> None:
        if self._journal is not None:
            self._journal.append(LogEntry(self._time, name, args, note=True))

    # ---------------------------------------------------------------- decisions

    def _decide(self) -> list[Effect]:
        """Ask the goal, ask the learner for points, and end a run that is drained."""
        effects: list[Effect] = []
        if self.phase == "running":
            self._judge()
        if self.phase == "running":
            self._fill(effects)
        if self.phase == "draining":
            if not self._withdrawn:
                self._withdrawn = True
                if self.running:
                    effects.append(Withdraw(tuple(self.running)))
            if not self.running:
                self._end()
        return effects

    def _judge(self) -> None:
        """End the run if its goal is reached; while points are repeated, only if it is a matter of time."""
        self._judged = True
        progress = self.progress
        try:
            reached = self.goal.reached(progress)
            self._only_repeats = bool(reached and self._repeated and self.goal.reached(progress._replace(time=0.0)))
            if reached and not self._only_repeats:
                self._drain(*ending(self.goal, progress))
        except Exception as error:  # noqa: BLE001 - a user's goal may raise anything; it ends the run with it
            self._break(f"the goal raised {error!r}", error)

    def _fill(self, effects: list[Effect]) -> None:
        """Submit a point for each free place: one suspect, or dropped points, retries that are due, and new points."""
        if self._isolated_task is not None:
            return
        if self._suspects:
            if not self.running and self.capacity > 0:
                effects.append(self._submit(self._suspects.pop(0), alone=True))
                self._isolated_task = next(iter(self.running))
            return
        free = self.capacity - len(self.running)
        while free > 0 and self._again:
            effects.append(self._submit(self._again.pop(0)))
            free -= 1
        while self._waiting and free > 0 and self._waiting[0][0] <= self._time:
            effects.append(self._submit(heapq.heappop(self._waiting)[2]))
            free -= 1
        limit = getattr(self.learner, "max_pending", None)  # learners of other packages have none
        if limit is not None:
            free = min(free, limit - len(self.running) - len(self.claimed))
        if free > 0 and not (self._learner_exhausted or self._only_repeats):
            points = self._ask(free) if self._skip_points is None else self._ask_except(self._skip_points, free)
            self._learner_exhausted = len(points) < free
            if self.phase == "running":  # else the learner raised
                for point in points:
                    task = next(self._tasks)
                    self.running[task] = Attempt(point)
                    effects.append(Submit(task, point))
        if self.capacity > 0 and not (self.running or self._waiting or self.claimed) and self.phase == "running":
            self._drain("exhausted", self._nothing_left())

    def _submit(self, attempt: Attempt, *, alone: bool = False) -> Submit:
        task = next(self._tasks)
        self.running[task] = attempt
        return Submit(task, attempt.point, attempt.failures + 1, alone)

    def _nothing_left(self) -> str:
        learner: Any = self.learner
        why = learner.stopped_because() if has_method(self.learner, "stopped_because") else ""
        why = (
            f"{why} ({count(learner.npoints, 'point')})"
            if why
            else f"nothing left to ask for after {count(learner.npoints, 'point')}"
        )
        return f"{'finished' if isinstance(self.goal, Never) else 'goal not reached'}: {why}"

    def _failed_in_words(self) -> str:
        """Return how many points have no value, for the reason of the stop."""
        here, before = self._failed_here, len(self.failures) - self._failed_here
        words = f", {count(here, 'point')} failed" if here and self.status != "failed" else ""
        if before:
            words += f", {count(before, 'point')} failed in an earlier run and "
            words += (
                f'{"was" if before == 1 else "were"} left out (mode="retry" repeats {"it" if before == 1 else "them"})'
            )
        return words

    def _drain(self, status: str, reason: str, error: BaseException | None = None) -> None:
        """Begin to end the run; only the first reason is kept."""
        if self.phase in ("draining", "ended"):
            return
        self.phase = "draining"
        self.status, self.stop_reason, self.error = status, reason, error

    def _break(self, reason: str, error: BaseException) -> None:
        """End the run with an error that is not a point's; it is kept even if the run was draining without an error."""
        reason = f"failed: {reason}"
        self._drain("failed", reason, error)
        if self.error is None:
            self.status, self.stop_reason, self.error = "failed", reason, error

    def _end(self, abandoned: tuple[int, ...] = ()) -> None:
        for task in abandoned:
            del self.running[task]
        self.claimed.clear()
        self._call("remove_unfinished")
        self.stop_reason = f"{self.stop_reason}{self._failed_in_words()}"
        self._note("stopped", self.status, self.stop_reason)
        self.phase = "ended"


_TAKE: dict[type, Callable[[RunMachine, Any], None]] = {
    Started: RunMachine._take_started,
    Loaded: RunMachine._take_loaded,
    Finished: RunMachine._take_finished,
    Failed: RunMachine._take_failed,
    Dropped: RunMachine._take_dropped,
    Crashed: RunMachine._take_crashed,
    Resized: RunMachine._take_resized,
    Cancelled: RunMachine._take_cancelled,
    Claimed: RunMachine._take_claimed,
    Broke: RunMachine._take_broke,
    Tick: RunMachine._take_tick,
}
