"""The run machine: every decision of a run, and no doing.

``handle(*events) -> effects``. The machine alone calls the learner during a run. It tells what finished, looks at the
goal, asks for as many points as there are free places, decides about retries, and knows when and why a run is over.
It holds no clock, thread or file: a history of events, handed to a fresh machine with a fresh learner, gives the same
effects and the same learner.

Phases::

    waiting --Started--> running --goal, error, cancel, nothing left--> draining --nothing out--> ended

Finished work is told in every phase but the last. While draining nothing is asked; what has not begun is withdrawn.

A worker that dies takes its pool along, and with it every task that was out. Nobody knows which one was guilty, so
these *suspects* run again one at a time; the one that is alone when the pool dies again did it.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from math import inf
from typing import Any, NamedTuple

from adaptive_calib.engine.events import (
    Broke,
    Cancelled,
    Crashed,
    Dropped,
    Effect,
    Entry,
    Event,
    Failed,
    Finished,
    Loaded,
    Resized,
    Started,
    Submit,
    Tick,
    Withdraw,
)
from adaptive_calib.engine.goals import Goal, Progress, error_goal_for
from adaptive_calib.engine.points import PointSet
from adaptive_calib.engine.retry import RetryPolicy
from adaptive_calib.learner.protocol import Learner, has_method

__all__ = ["Attempt", "EvaluationError", "Failure", "RunMachine"]


class EvaluationError(RuntimeError):
    """A point failed for good and the run was not to go on; ``__cause__`` is what the function raised."""


class Attempt(NamedTuple):  # quicker to make than a dataclass
    """A point that is under way or will be again: `failures` attempts of it have failed so far.

    Attributes
    ----------
    point
        The point.
    failures : int
        Attempts that have failed so far.
    traceback : str
        Of the last of them.

    Examples
    --------
    >>> from adaptive_calib.engine.machine import Attempt
    >>> Attempt(point=0.5, failures=1).failures
    1
    """

    point: Any
    failures: int = 0
    traceback: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """A point that failed for good.

    Attributes
    ----------
    point
        The point.
    attempts : int
        How often it was tried.
    error, traceback
        What the last attempt raised.
    crashed : bool
        Whether its worker died.

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


class RunMachine:
    """Events in, effects out.

    Parameters
    ----------
    learner : Learner
        Nobody else calls its changing methods while the run lasts.
    goal : Goal
        When the run has what it was started for.
    retry : RetryPolicy
        Which failures are tried again, and when.
    on_error : {"raise", "continue"}
        What a point that failed for good means: the end, with an `EvaluationError`; or one point less.
    max_failures : int, optional
        With ``on_error="continue"``: the run ends with an error once so many points have failed for good. It also
        ends if no value is known, from before or by now, and as many points as fit out at once (at least two) have
        failed: then something is wrong with all of them.
    journal : bool
        Whether to write down each call on the learner; see `take_entries`.

    Attributes
    ----------
    phase : str
        "waiting", "running", "draining" or "ended".
    status : str
        "running", then "finished", "exhausted", "failed" or "cancelled".
    stop_reason : str or None
        One line for people; None while running.
    error : BaseException or None
        What the run ends with, if it failed.
    running : dict
        Number of task -> `Attempt`, for all that is out.
    failures : list of Failure
        In order of their last attempt.

    Examples
    --------
    >>> from adaptive_calib import Learner1D
    >>> from adaptive_calib.engine.events import Finished, Started
    >>> from adaptive_calib.engine.machine import RunMachine
    >>> from adaptive_calib.runner import Points, RetryPolicy
    >>> machine = RunMachine(Learner1D(abs, bounds=(-1, 2)), Points(2), RetryPolicy())
    >>> machine.handle(Started(0.0, capacity=2))
    [Submit(task=0, point=-1.0, attempt=1, alone=False), Submit(task=1, point=2.0, attempt=1, alone=False)]
    >>> machine.handle(Finished(1.0, task=0, value=1.0), Finished(2.0, task=1, value=2.0))
    []
    >>> machine.phase, machine.stop_reason
    ('ended', '2 points are known, at least 2')
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
        self.failures: list[Failure] = []
        self.capacity = 0
        self._first_capacity = 0
        self._time = 0.0
        self._epoch = 0.0
        self._told = self._stored = self._loaded = 0
        self._tasks = count()
        self._order = count()
        self._waiting: list[tuple[float, int, Attempt]] = []  # a heap by the time of the next attempt
        self._again: list[Attempt] = []  # dropped while running: at once, before anything new is asked
        self._suspects: list[Attempt] = []
        self._on_trial: int | None = None
        self._withheld: PointSet | None = None  # points that failed, of a learner that has no word for it
        self._dry = False  # the learner had less than was asked for, and nothing has happened since
        self._withdrawn = False
        self._judged = False  # whether the goal was looked at
        self._journal: list[Entry] | None = [] if journal else None

    # ---------------------------------------------------------------- what others may see

    @property
    def progress(self) -> Progress:
        """How far the run is."""
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
        """Points that have failed so far and will be tried again, those that are being tried again included."""
        waiting = [attempt for _, _, attempt in sorted(self._waiting, key=lambda entry: entry[:2])]
        every = [*waiting, *self._again, *self._suspects, *self.running.values()]
        return [attempt for attempt in every if attempt.failures]

    @property
    def due(self) -> float:
        """The second of the run at which a `Tick` is wanted if nothing else happens before; inf for never."""
        if self.phase != "running":
            return inf
        free = len(self.running) < self.capacity and not self._suspects and self._on_trial is None
        retry = self._waiting[0][0] if self._waiting and free else inf  # without a place its time alone brings nothing
        return min(retry, self.goal.due(self.progress)) if self._judged else retry

    def final(self, event: Failed | Crashed) -> bool:
        """Whether the failure would be the last of its point: what is to be written down before the machine hears it.

        Of a crash: whether its guilty task is known and is not tried again.
        """
        if isinstance(event, Failed):
            attempt = self.running.get(event.task)
            return attempt is not None and self.retry.wait(attempt.failures + 1, event.error) is None
        guilty = self._guilty(event)
        return guilty is not None and self.retry.wait(guilty.failures + 1, event.error) is None

    def take_entries(self) -> list[Entry]:
        """Return what has been written to the journal since the last call; always empty without ``journal=True``."""
        if not self._journal:
            return []
        taken, self._journal = self._journal, []
        return taken

    # ---------------------------------------------------------------- the one verb

    def handle(self, *events: Event) -> list[Effect]:
        """Take in what happened, all at once, and say what is to be done.

        The events are taken in their order; the goal is looked at after the last one.

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

    def finished(self, task: int, value: Any, time: float) -> list[Effect]:
        """Do the same as ``handle(Finished(time, task, value))``, for a driver that evaluates points by the million."""
        if time > self._time:
            self._time = time
        self._tell(task, value, stored=False)
        return self._decide()

    # ---------------------------------------------------------------- events

    def _take_started(self, event: Started) -> None:
        if self.phase != "waiting":
            raise RuntimeError(f"a run starts once, but this one is {self.phase} already.")
        self._epoch = event.epoch
        self.capacity = self._first_capacity = event.capacity
        self.phase = "running"
        error_goal = error_goal_for(self.learner, self.goal)
        if error_goal is not None:
            self._call("set_error_goal", *error_goal)

    def _take_loaded(self, event: Loaded) -> None:
        self._loaded += len(event.points)
        if event.points:
            self._call("tell_many", list(event.points), list(event.values))
        for point in event.failed:
            self._give_up(point)

    def _take_finished(self, event: Finished) -> None:
        self._tell(event.task, event.value, stored=event.stored)

    def _take_failed(self, event: Failed) -> None:
        attempt = self._taken(event.task)
        if attempt is None:
            return
        if event.stored:  # somebody else's failure, known for long: neither an error of this run nor counted
            self._give_up(attempt.point)
            return
        self._note("failed", attempt.point, attempt.failures + 1, repr(event.error))
        self._failed(attempt, event.error, event.traceback, crashed=False)

    def _take_dropped(self, event: Dropped) -> None:
        attempt = self._taken(event.task)
        if attempt is None:
            return
        self._note("dropped", attempt.point)
        if self.phase == "running":
            self._again.append(attempt)

    def _take_crashed(self, event: Crashed) -> None:
        guilty = self._guilty(event)
        lost = [attempt for task in event.tasks if (attempt := self._taken(task)) is not None]
        self._note("crashed", tuple(attempt.point for attempt in lost), repr(event.error))
        if guilty is not None:
            self._failed(guilty, event.error, str(event.error), crashed=True)
        elif self.phase == "running":
            self._suspects.extend(lost)

    def _guilty(self, event: Crashed) -> Attempt | None:
        """Return the one that was alone in the pool that died; None if that is not certain."""
        known = [task for task in event.tasks if task in self.running]
        if len(known) != 1 or (event.shared and known[0] != self._on_trial):
            return None
        return self.running[known[0]]

    def _take_resized(self, event: Resized) -> None:
        if event.capacity != self.capacity:
            self._note("resized", event.capacity)
            self.capacity = event.capacity
            self._dry = False
            if not self._first_capacity:
                self._first_capacity = event.capacity

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
        """Nothing but the time, which `handle` has taken."""

    def _taken(self, task: int) -> Attempt | None:
        """Take a task off the list of those that are out; None if it is not there (abandoned, or told twice)."""
        attempt = self.running.pop(task, None)
        self._dry = False
        if task == self._on_trial:
            self._on_trial = None
        return attempt

    # ---------------------------------------------------------------- failures

    def _failed(self, attempt: Attempt, error: BaseException, traceback: str, *, crashed: bool) -> None:
        failures = attempt.failures + 1
        wait = self.retry.wait(failures, error)
        if wait is not None:
            if self.phase != "running":
                return  # not tried again, but not given up either: another run may ask for it
            again = Attempt(attempt.point, failures, traceback)
            if crashed:
                self._suspects.append(again)  # what has killed a pool once runs alone from now on
            else:
                heapq.heappush(self._waiting, (self._time + wait, next(self._order), again))
            return
        self.failures.append(Failure(attempt.point, failures, error, traceback, crashed))
        self._give_up(attempt.point)
        self._judge_failures(self.failures[-1])

    def _judge_failures(self, failure: Failure) -> None:
        total = len(self.failures)
        if self.on_error == "raise":
            reason = f"the point {failure.point} failed: {failure.error!r}"
        elif self.max_failures is not None and total >= self.max_failures:
            reason = f"{total} points failed, as many as `max_failures` allows; the last one: {failure.error!r}"
        elif not (self._told or self._stored or self._loaded) and total >= max(2, self._first_capacity):
            reason = f"the first {total} evaluations all failed; the last one: {failure.error!r}"
        else:
            return
        error = EvaluationError(
            f'An error occurred while evaluating "learner.function({failure.point})". '
            f"See the traceback for details.:\n\n{failure.traceback}"
        )
        error.__cause__ = failure.error
        self._drain("failed", reason, error)

    def _give_up(self, point: Any) -> None:
        """Let the learner know that a point failed for good; a learner that has no word for it is not asked there."""
        if has_method(self.learner, "tell_failed"):
            self._call("tell_failed", point)
        else:
            self._withheld = self._withheld or PointSet()
            self._withheld.add(point)

    # ---------------------------------------------------------------- the learner

    def _call(self, name: str, *args: Any) -> bool:
        """Call the learner; return whether it went well. An error of its own ends the run."""
        if self._journal is not None:
            self._journal.append(Entry(self._time, name, args))
        try:
            getattr(self.learner, name)(*args)
        except Exception as error:  # noqa: BLE001 - whatever a user's learner raises becomes the end of the run
            self._break(f"learner.{name} raised {error!r}", error)
            return False
        return True

    def _tell(self, task: int, value: Any, *, stored: bool) -> None:
        attempt = self._taken(task)
        if attempt is None:
            return
        if self._journal is not None:
            self._journal.append(Entry(self._time, "tell", (attempt.point, value)))
        try:
            self.learner.tell(attempt.point, value)
        except Exception as error:  # noqa: BLE001 - as in `_call`, of which this is the quick form
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
            self._journal.append(Entry(self._time, "ask", (n,), tuple(points)))
        return points

    def _ask_around(self, withheld: PointSet, n: int) -> Sequence[Any]:
        """Ask for at most `n` points, passing over those that are withheld."""
        chosen: list[Any] = []
        for _ in range(len(withheld) + 1):
            wanted = n - len(chosen)
            points = self._ask(wanted)
            chosen += [point for point in points if point not in withheld]
            if len(chosen) >= n or len(points) < wanted:
                break
        return chosen

    def _note(self, name: str, *args: Any) -> None:
        if self._journal is not None:
            self._journal.append(Entry(self._time, name, args, note=True))

    # ---------------------------------------------------------------- decisions

    def _decide(self) -> list[Effect]:
        """Look at the goal, ask for what is next, and end what is over."""
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
        self._judged = True
        try:
            progress = self.progress
            if self.goal.reached(progress):
                self._drain("finished", self.goal.reason(progress))
        except Exception as error:  # noqa: BLE001 - a user's goal may raise anything; it ends the run with it
            self._break(f"the goal raised {error!r}", error)

    def _fill(self, effects: list[Effect]) -> None:
        """Give each free place a point: suspects one at a time, then what is due again, then what the learner asks."""
        if self._on_trial is not None:
            return
        if self._suspects:
            if not self.running and self.capacity > 0:
                effects.append(self._submit(self._suspects.pop(0), alone=True))
                self._on_trial = next(iter(self.running))
            return
        free = self.capacity - len(self.running)
        while free > 0 and self._again:
            effects.append(self._submit(self._again.pop(0)))
            free -= 1
        while self._waiting and free > 0 and self._waiting[0][0] <= self._time:
            effects.append(self._submit(heapq.heappop(self._waiting)[2]))
            free -= 1
        limit = getattr(self.learner, "max_pending", None)  # of a foreign learner there is none
        if limit is not None:
            free = min(free, limit - len(self.running))
        if free > 0 and not self._dry:
            points = self._ask(free) if self._withheld is None else self._ask_around(self._withheld, free)
            self._dry = len(points) < free
            if self.phase == "running":  # else the learner raised
                for point in points:
                    task = next(self._tasks)
                    self.running[task] = Attempt(point)
                    effects.append(Submit(task, point))
        if self.capacity > 0 and not (self.running or self._waiting) and self.phase == "running":
            self._drain("exhausted", self._nothing_left())

    def _submit(self, attempt: Attempt, *, alone: bool = False) -> Submit:
        task = next(self._tasks)
        self.running[task] = attempt
        return Submit(task, attempt.point, attempt.failures + 1, alone)

    def _nothing_left(self) -> str:
        failed = f"; {len(self.failures)} points failed for good" if self.failures else ""
        learner: Any = self.learner
        why = learner.stopped_because() if has_method(self.learner, "stopped_because") else ""
        if why:
            return f"{why} ({self.learner.npoints} points{failed})"
        return f"the learner has nothing left to ask for after {self.learner.npoints} points{failed}"

    def _drain(self, status: str, reason: str, error: BaseException | None = None) -> None:
        """Decide that the run ends; what decided first is what counts."""
        if self.phase in ("draining", "ended"):
            return
        self.phase = "draining"
        self.status, self.stop_reason, self.error = status, reason, error

    def _break(self, reason: str, error: BaseException) -> None:
        """End because of an error that is no point's; it also counts when the end was decided before, for less."""
        self._drain("failed", reason, error)
        if self.error is None:
            self.status, self.stop_reason, self.error = "failed", reason, error

    def _end(self, abandoned: tuple[int, ...] = ()) -> None:
        for task in abandoned:
            del self.running[task]
        self._call("remove_unfinished")
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
    Broke: RunMachine._take_broke,
    Tick: RunMachine._take_tick,
}
