"""A session: one run's machine joined to its executor, archive, log and observers.

One step::

    finished submissions -> reports -> archive (written first) -> events -> machine -> effects -> executor

The callback of each handle puts its submission into one queue, the inbox, so that a result costs the same with 8 or
8,000 tasks out. A step takes everything that has arrived; the drivers wait for the inbox. A handle that is over when
it is returned, as those of an executor in this thread are, is processed in the same step, until something else has
arrived or a slice of time is over.

Private attributes change in these calls only:

============================================================= ======================================================
attribute                                                     changes in
============================================================= ======================================================
`_begin`, `_evaluate`                                         `start`
`_out`, `_number`, `_generation`                              `start`, `step`, `finish`
`_outcomes`, `_unread`, `_ready` (empty between two calls)    `start`, `step`
`_held`, `_next_to_tell` (deterministic runs)                 `start`, `step`
`_mean`, `_returned`, `_size`                                 `step`
`_workers`, `_next_look`, `_claimed`                          `start`, `step`
`_rested`                                                     `start`, `step`
`_lasted`                                                     `finish`
============================================================= ======================================================
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import pickle
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, CancelledError
from dataclasses import replace
from functools import partial
from math import ceil, inf
from typing import Any

from adaptive_calib._words import count
from adaptive_calib.engine.archive import Archive, Outcome, RefusedResultError
from adaptive_calib.engine.batching import Batching
from adaptive_calib.engine.capture import emit_again
from adaptive_calib.engine.claimed import ClaimedPoints, event_of
from adaptive_calib.engine.clock import Clock
from adaptive_calib.engine.evaluate import Report, Work, WorkerDiedError, text_of
from adaptive_calib.engine.events import (
    Broke,
    Cancelled,
    Crashed,
    Dropped,
    Effect,
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
from adaptive_calib.engine.executor_protocol import Evaluate, Executor, ExecutorError, Handle, TellsOfDeaths
from adaptive_calib.engine.executors import InThisThread
from adaptive_calib.engine.inbox import Inbox
from adaptive_calib.engine.limit import Interrupted, TimeLimitError
from adaptive_calib.engine.machine import RunMachine
from adaptive_calib.engine.observers import Observer, RunLog, logger, notify
from adaptive_calib.engine.overdue import Overdue
from adaptive_calib.engine.ship import LoadingError
from adaptive_calib.engine.submissions import Submission, withdrawn
from adaptive_calib.engine.workers_missing import WorkersMissing

__all__ = ["ExecutorDiedError", "Session"]

#: Seconds that a step goes on with handles that are over when they are returned, before an event loop has its turn.
SLICE = 0.005

#: Seconds that the driver waits for more results after one has arrived, while every worker has another task and tasks
#: last less than a tenth of it, so that workers wait for the driver: one step for eight results takes half of the time
#: of eight steps, and one transaction of a store a third.
LINGER = 0.001


class ExecutorDiedError(ExecutorError):
    """An executor that the runner did not make is broken; the points that it evaluated are lost."""


class Session:
    """One run's machine, executor, archive, log and observers, and its submissions.

    Parameters
    ----------
    machine : RunMachine
    executor : Executor
        Closed at the end of the run.
    work : Work
        The function.
    archive : Archive, optional
        Results are written to it first, and looked up in it before anything is evaluated.
    log : RunLog, optional
        Receives each call on the learner; the machine has to keep a journal.
    observers : sequence of Observer
    batching : Batching
    deterministic : bool
        Tell results in the order of submission, one task at a time, and withdraw nothing at the goal: the same points
        and the same result for any timing.
    clock : Clock
    lock : context manager, optional
        Held while the learner changes.
    first_here : bool
        Evaluate the first point in this thread, with its result pickled as for a worker: mistakes show early.

    Attributes
    ----------
    seconds : float
        Sum of the evaluation times, as measured in the workers.
    learner_seconds, waiting_seconds : float
        Sums over the workers of the time without a task: while the learner computed; while there was none for them.
    started, ended : float or None
        Wall-clock times.
    signal : int or None
        The signal that cancelled the run.

    Examples
    --------
    >>> from adaptive_calib import Learner1D
    >>> from adaptive_calib.engine.drivers import run_blocking
    >>> from adaptive_calib.engine.evaluate import Work
    >>> from adaptive_calib.engine.executors import InThisThread
    >>> from adaptive_calib.engine.machine import RunMachine
    >>> from adaptive_calib.engine.session import Session
    >>> from adaptive_calib.runner import Points
    >>> learner = Learner1D(abs, bounds=(-1, 2))
    >>> session = Session(RunMachine(learner, Points(10)), InThisThread(), Work(learner.function))
    >>> run_blocking(session)
    >>> session.over, learner.npoints
    (True, 10)
    """

    def __init__(
        self,
        machine: RunMachine,
        executor: Executor,
        work: Work,
        *,
        archive: Archive | None = None,
        log: RunLog | None = None,
        observers: Sequence[Observer] = (),
        batching: Batching | None = None,
        deterministic: bool = False,
        clock: Clock | None = None,
        lock: contextlib.AbstractContextManager[Any] | None = None,
        first_here: bool = False,
    ) -> None:
        self.machine = machine
        self.executor = executor
        self.work = work
        self.archive = archive
        self.log = log
        self.observers = list(observers)
        self.batching = batching or Batching()
        self.deterministic = deterministic
        self.clock = clock or Clock()
        self.lock = lock or contextlib.nullcontext()
        self.inbox: Inbox = Inbox()
        self._cancelled: Cancelled | None = None
        self.seconds = self.learner_seconds = self.waiting_seconds = 0.0
        self.started: float | None = None
        self.ended: float | None = None
        self.signal: int | None = None
        self.missing = WorkersMissing(executor)
        self._first_here = first_here
        self._begin = 0.0
        self._rested = 0.0  # the second of the run at which the last step was over
        self._lasted: float | None = None
        self._workers = 0
        self._next_look = inf
        self._evaluate: Evaluate | None = None
        self._out: dict[int, Submission] = {}
        self._number = 0
        self._generation = 0
        self._held: dict[int, list[Event]] = {}  # deterministic: events of submissions whose turn has not come
        self._next_to_tell = 0
        self._mean = 0.0
        self._returned = 0  # reports so far
        self._size = self.batching.size or 1
        self._overdue = Overdue(work.timeout, executor)
        self._claimed = ClaimedPoints()
        self._outcomes: list[Outcome] = []  # to be recorded in this step
        self._unread: list[Event] = []  # errors of the archive while effects are carried out
        self._ready: list[Submission] = []  # over when they were returned, and not processed yet

    # ---------------------------------------------------------------- state, for reading

    @property
    def over(self) -> bool:
        """Whether the machine has ended."""
        return self.machine.phase == "ended"

    @property
    def now(self) -> float:
        """Seconds of the run."""
        return self.clock.monotonic() - self._begin

    @property
    def elapsed(self) -> float:
        """Seconds from the start until now, or until the end; 0 before the start."""
        if self.started is None:
            return 0.0
        return self.now if self._lasted is None else self._lasted

    @property
    def slots(self) -> int:
        """Number of evaluations at the same time, whatever number of points a task has."""
        return self._workers

    @property
    def _idle(self) -> int:
        """Number of workers without a task."""
        idle = self._workers - len(self._out)
        return idle if idle > 0 else 0

    @property
    def pending(self) -> list[tuple[Any, Any]]:
        """The points that are submitted: pairs (handle, point)."""
        return [(submission.handle, point) for submission in list(self._out.values()) for point in submission.points]

    def wait(self) -> float | None:
        """Return how long to wait for the inbox before a step is due; None without a limit."""
        overdue = self._overdue.due(self._out) - self._begin
        due = min(self.machine.due, overdue, self._next_look, self.missing.due, self._claimed.due)
        return None if due == inf else max(0.0, due - self.now)

    @property
    def linger(self) -> float:
        """Seconds to wait for more results when one has arrived; 0 if workers would be idle meanwhile."""
        short = 0.0 < self._mean * self._size < LINGER / 10
        return LINGER if short and len(self._out) > self._workers else 0.0

    # ---------------------------------------------------------------- the life of a run

    def start(self) -> None:
        """Ship the function, load what the archive has, and submit the first points."""
        early = [item for item in self.inbox.take() if isinstance(item, Cancelled)]
        if early:  # cancelled before it began
            self._advance(early)
            return
        self.started = self.clock.wall()
        self._begin = self.clock.monotonic()
        first: list[Event] = []
        try:
            first.append(Started(0.0, self._capacity(), self.started))
            if self.archive is not None:
                known = self.archive.preload(self._last_cancelled)
                if (cancelled := self._last_cancelled()) is not None:
                    first.append(cancelled)
                elif known.points or known.failed or known.again:
                    told = known.points, known.values, known.failed, known.reasons, known.again
                    first.append(Loaded(0.0, *told, cancelled=self._last_cancelled))
            self._evaluate = self.executor.ship(self.work)
        except Exception as error:  # noqa: BLE001 - any error at the start ends the run, in the way that every run ends
            if not first:
                first.append(Started(0.0, 0, self.started))
            first.append(Broke(0.0, error, f"the run could not start: {error!r}"))
        self._advance(first, seconds=0.0)

    def step(self, *events: Event) -> None:
        """Process everything that has arrived, and `events`."""
        if idle := self._idle:
            self.waiting_seconds += (self.now - self._rested) * idle
        arrived: list[Event] = []
        was_running = self.machine.phase == "running"
        for item in self.inbox.take():
            if isinstance(item, Submission):
                came = self._events(item)
                if not self.deterministic:
                    arrived += came
                elif came:
                    self._held[item.number] = came
            else:
                arrived.append(item)
        arrived += events
        if self.archive is not None:
            arrived += self._record() + self._news()
        try:
            capacity = self._capacity()
        except Exception as error:  # noqa: BLE001 - of a cluster that does not answer; it ends the run
            arrived.append(Broke(self.now, error, str(error) or repr(error)))
        else:
            if capacity != self.machine.capacity:
                arrived.append(Resized(self.now, capacity))
        if self._overdue.limit is not None:
            self._overdue.look(self._out, self.clock.monotonic())
        while self._next_to_tell in self._held:
            self._advance(self._held.pop(self._next_to_tell))
            self._next_to_tell += 1
        self._advance(arrived or [Tick(self.now)])
        if was_running and self.machine.status == "cancelled" and not self.over:
            self._announce_draining()

    def cancel(self, *, abandon: bool = False, reason: str = "cancelled", number: int | None = None) -> None:
        """Ask for the end, from any thread or a signal handler.

        Parameters
        ----------
        abandon : bool
            Do not wait for evaluations that have begun.
        reason : str
            For `stop_reason`.
        number : int, optional
            The signal that is the cause.
        """
        if number is not None:
            self.signal = number
        self._cancelled = Cancelled(self.now, abandon, reason)
        self.inbox.put(self._cancelled)

    def _last_cancelled(self) -> Cancelled | None:
        """The cancellation that has come, whether or not it is taken from the inbox yet."""
        return self._cancelled

    def finish(self) -> None:
        """Close everything; to be called at the end of the run, however it ended.

        Errors of `close` are logged if the run has an error already; else the first one is raised.
        """
        if not self.over:
            by = f" by {error!r}" if (error := sys.exc_info()[1]) else ""
            reason = f"cancelled{by}: pending evaluations were abandoned"
            ready, self._ready = self._ready, []  # evaluated in this thread before an error left it
            came = [event for submission in ready for event in self._events(submission)]
            self._advance([*self._record(), *came, Cancelled(self.now, abandon=True, reason=reason)])
        for submission in self._out.values():
            submission.cancel()
        abandoned = bool(self._out)
        self._out.clear()
        self.ended = self.clock.wall()
        self._lasted = self.elapsed
        status, reason = self.machine.status, self.machine.stop_reason or ""
        closing: list[Callable[[], Any]] = [partial(self.executor.close, abandon=abandoned)]
        if self.log is not None:
            closing.append(self.log.close)
        if self.archive is not None:
            closing.append(partial(self.archive.close, status, reason))
        failed: BaseException | None = None
        for close in closing:  # each of them, also if another one raises
            try:
                close()
            except BaseException as error:  # noqa: BLE001 - raised below, or logged beside the error that came first
                if isinstance(error, Exception) and (self.machine.error or failed) is not None:
                    logger.error("at the end of a run that had failed before: %r", error)
                else:
                    failed = error
        if failed is not None:
            raise failed

    # ---------------------------------------------------------------- events in

    def _announce_draining(self) -> None:
        """Tell a person who has pressed Ctrl-C that the run waits."""
        if begun := sum(not submission.done for submission in self._out.values()):
            level, why = logging.INFO if self.signal is None else logging.WARNING, self.machine.stop_reason
            logger.log(level, "%s: waiting for %s; results are kept.", why, count(begun, "pending task"))

    def _events(self, submission: Submission) -> list[Event]:
        """Turn a submission that is over into events."""
        if self._out.pop(submission.number, None) is None or submission.handle is None:
            return []  # withdrawn, or lost with its pool
        try:
            reports = submission.handle.result()
        except Interrupted:
            raise
        except BaseException as error:  # noqa: BLE001 - also CancelledError, and KeyboardInterrupt of a worker thread
            return self._without_reports(submission, error)
        if not _are_reports(reports, len(submission.submits)):
            wrong = ExecutorError(
                f"the executor should return the value of the function it was given, a list of "
                f"{len(submission.submits)} reports, but returned {reports!r:.200}. It has to call the function that "
                "`submit` receives and to return what it returns."
            )
            return [Broke(self.now, wrong, str(wrong)), *self._dropped(submission)]
        self._measure(reports)
        return list(map(self._event, submission.submits, reports))

    def _dropped(self, submission: Submission, error: BaseException | None = None) -> list[Event]:
        if self.archive is not None:
            self.archive.release([submit.place for submit in submission.submits])
        return [Dropped(self.now, submit.task, error) for submit in submission.submits]

    def _without_reports(self, submission: Submission, error: BaseException) -> list[Event]:
        """Return the events of a submission that its executor failed to evaluate; no point is blamed for it."""
        if isinstance(error, BrokenExecutor):
            return self._crash(submission, error)
        if isinstance(error, LoadingError):
            return [Broke(self.now, error, str(error)), *self._dropped(submission)]
        if isinstance(error, WorkerDiedError):  # of this task alone: the executor itself goes on
            return [self._crashed((submit,), error) for submit in submission.submits]
        if isinstance(error, ExecutorError):  # it will not evaluate anything more
            return [Broke(self.now, error, str(error)), *self._dropped(submission)]
        if isinstance(error, (CancelledError, asyncio.CancelledError)) and self.machine.phase != "running":
            return self._dropped(submission)
        logger.warning("the executor could not evaluate %s: %r", ", ".join(map(str, submission.points)), error)
        return self._dropped(submission, error)

    def _event(self, submit: Submit, report: Report) -> Event:
        self.seconds += report.seconds
        if report.records and report.pid != os.getpid():
            emit_again(report.records, submit.point, report.pid)
        if report.pickled:
            report = _unpickled(report)
        if report.error is None and self.archive is not None:
            outcome = Outcome(submit.point, "ok", report, submit.attempt, submit.place)
            try:
                self._outcomes.append(self._prepared(outcome))
            except RefusedResultError as refused:  # not recorded, so another run may compute it again
                return Failed(self.now, submit.task, refused, str(refused), report.seconds)
        if report.error is None:
            return Finished(self.now, submit.task, report.value, report.seconds)
        if self.signal is not None:  # the signal may be its cause, as in a function that starts other programs
            return Dropped(self.now, submit.task, report.error)
        failed = Failed(self.now, submit.task, report.error, report.traceback + _last_lines(report), report.seconds)
        if self.archive is not None and self.machine.final(failed):
            self._outcomes.append(Outcome(submit.point, "failed", report, submit.attempt, submit.place))
        return failed

    def _prepared(self, outcome: Outcome) -> Outcome:
        """Let the archive prepare an outcome in a run that goes on when a result is refused."""
        assert self.archive is not None
        if self.machine.on_error != "continue":
            return outcome
        try:
            return outcome._replace(prepared=self.archive.prepare(outcome))
        except RefusedResultError:
            raise
        except Exception as error:  # noqa: BLE001 - not of this result alone: `record` meets it again, and raises
            logger.debug("the result at %r could not be prepared: %r", outcome.point, error)
            return outcome

    def _crash(self, submission: Submission, error: BrokenExecutor) -> list[Event]:
        """Return the events of a broken pool: all its tasks are lost, apart from those that have a result already."""
        lost = [submission]
        words = f" {self.executor.last_words()}" if isinstance(self.executor, TellsOfDeaths) else ""
        for other in list(self._out.values()):
            if other.generation == submission.generation and not other.has_result():
                del self._out[other.number]
                self._set_aside(other)
                lost.append(other)
        if submission.generation == self._generation and not self._renew():
            points = ", ".join(str(point) for each in lost for point in each.points)
            died = ExecutorDiedError(
                f"the executor lost a worker and cannot be used any more ({error}). These points were out: {points}. "
                "To have a pool replaced when a worker dies, pass a function that makes it, as in "
                "executor=lambda: ProcessPoolExecutor(8), or no executor at all."
            )
            died.__cause__ = error
            return [Broke(self.now, died, str(died)), *(event for each in lost for event in self._dropped(each))]
        if self.signal is not None:
            points = ", ".join(str(point) for each in lost for point in each.points)
            logger.warning("workers died of the signal; lost, and evaluated again by the next run: %s", points)
            return [event for each in lost for event in self._dropped(each)]
        if overdue := [each for each in lost if each.overdue]:  # ended by this session: their neighbours are innocent
            events = [event for each in lost if not each.overdue for event in self._dropped(each)]
            return [*events, *(event for each in overdue for event in self._timed_out(each))]
        worker = WorkerDiedError(
            f"the worker process died (killed, out of memory, or a crash in compiled code): {error}{words}"
        )
        worker.__cause__ = error
        return [self._crashed(tuple(submit for each in lost for submit in each.submits), worker)]

    def _timed_out(self, submission: Submission) -> list[Event]:
        """Return the events of a submission whose worker was ended because of the time limit."""
        limit = self.work.timeout
        error = TimeLimitError(f"the evaluation took longer than {limit:g} s in compiled code; its worker was ended.")
        if len(submission.submits) > 1 and not self.work.batch:  # one of them: they run again one at a time
            return [self._crashed(tuple(submission.submits), WorkerDiedError(str(error)))]
        report = Report(error=error, traceback=str(error), started=self.clock.wall(), seconds=limit or 0.0)
        return [self._event(submit, report) for submit in submission.submits]

    def _crashed(self, submits: tuple[Submit, ...], error: WorkerDiedError) -> Event:
        event = Crashed(self.now, tuple(submit.task for submit in submits), error, self.executor.shared)
        if self.archive is not None and self.machine.final(event):
            report = Report(error=error, traceback=str(error), started=self.clock.wall())
            (submit,) = submits
            self._outcomes.append(Outcome(submit.point, "crashed", report, submit.attempt, submit.place))
        return event

    def _renew(self) -> bool:
        if self.machine.phase == "draining" or self.executor.renew():
            self._generation += 1
            return True
        return False

    def _measure(self, reports: Sequence[Report]) -> None:
        """Follow the mean time of an evaluation; the size of an automatic task changes when it is off by a half."""
        mean = reports[0].seconds if len(reports) == 1 else sum(report.seconds for report in reports) / len(reports)
        self._mean = mean if not self._mean else 0.8 * self._mean + 0.2 * mean
        self._returned += len(reports)
        if self.batching.size is not None:
            return
        size = self.batching.points(self._mean)
        if not self._size / 1.5 <= size <= self._size * 1.5:
            self._size = size

    def _capacity(self) -> int:
        """Return how many points may be out: the executor's capacity times the points in a task, and some ahead.

        Ahead of the workers there are no more than the run has evaluated so far: otherwise a learner that needs 50
        points would have to choose 500 without any result.
        """
        executor = self.executor
        self._workers = executor.capacity
        if executor.poll != inf:
            self._next_look = self.now + executor.poll
        if self.missing.watches or not self._workers:
            self.missing.look(self._workers, self.now)
        capacity = self._workers * self._size
        if self.deterministic or not self._mean or not (executor.latency or self.batching.size is None):
            return capacity
        depth = self.batching.tasks(self._mean * self._size, self._size, executor.latency)
        if depth == 1 and self.batching.size is not None:
            return capacity
        return min(capacity * depth, max(self._workers * (self.batching.size or 1), self._returned))

    def _record(self) -> list[Event]:
        """Write the outcomes of this step, before the machine receives them."""
        if not self._outcomes or self.archive is None:
            return []
        outcomes, self._outcomes = self._outcomes, []
        try:
            self.archive.record(outcomes)
        except Exception as error:  # noqa: BLE001 - it ends the run; the learner is still told what was computed
            return [Broke(self.now, error, f"the store could not be written: {error!r}")]
        return []

    def _news(self) -> list[Event]:
        """Return what other runs on the same store have recorded."""
        if self.archive is None:
            return []
        try:
            found = self.archive.news()
            events = self._claimed.look(self.archive, self.now, self.machine.capacity, len(self.machine.running))
        except Exception as error:  # noqa: BLE001 - it ends the run, as every error of the store
            return [Broke(self.now, error, f"the store could not be read: {error!r}")]
        return events if found is None else [*events, Loaded(self.now, found.points, found.values)]

    def _set_aside(self, submission: Submission) -> None:
        """Do not wait for the turn of a submission that is lost or withdrawn."""
        if self.deterministic:
            self._held[submission.number] = []

    # ---------------------------------------------------------------- effects out

    def _advance(self, events: Sequence[Event], seconds: float = SLICE) -> None:
        """Hand events to the machine and carry out its effects, until these give no more events.

        Handles that are over when they are returned would go on for ever: `seconds` end it.
        """
        until = self.now + seconds
        while events:
            begin = self.now
            with self.lock:
                effects = self.machine.handle(*events)
            self._rested = self.now
            self.learner_seconds += (self._rested - begin) * self._idle
            follow = self._write() if self.log is not None else []
            if effects:
                follow += self._carry_out(effects)
            if self.observers:
                self.observers = notify(self.observers, events, effects, self.machine.progress)
            if self._ready:
                ready, self._ready = self._ready, []
                if self._rested < until and self.inbox.empty():
                    for submission in ready:
                        follow += self._events(submission)
                    if self._outcomes:
                        follow += self._record()
                else:  # in the order of arrival
                    for submission in ready:
                        self.inbox.put(submission)
            events = follow

    def _write(self) -> list[Event]:
        entries = self.machine.take_entries()
        if not entries or self.log is None:
            return []
        try:
            self.log.write(entries)
        except Exception as error:  # noqa: BLE001 - a log with a hole cannot be replayed: the run ends
            self.log = None
            return [Broke(self.now, error, f"the log could not be written: {error!r}")]
        return []

    def _carry_out(self, effects: Sequence[Effect]) -> list[Event]:
        """Carry out effects; return the events that follow: points found in the archive, tasks withdrawn."""
        events: list[Event] = []
        submits: list[Submit] = []
        for effect in effects:
            found = effect if self.archive is None or isinstance(effect, Withdraw) else self._find(effect)
            if isinstance(found, Submit):
                submits.append(found)
            elif isinstance(found, Withdraw):
                events += self._withdraw()
            else:
                events.append(found)
        if self._unread:  # first, so that dropped points are not submitted again
            events[:0], self._unread = self._unread, []
        size = self._size
        if self.batching.size is None:  # few points are shared out, rather than all given to one worker
            size = max(1, min(size, ceil(self.machine.capacity / (2 * max(1, self._workers)))))
        while submits:
            events += self._submit(submits[:size])
            del submits[:size]
        return events

    def _find(self, submit: Submit) -> Submit | Event:
        """Look a point up; return its event if the archive has it, else the task with the point's place."""
        assert self.archive is not None
        if submit.attempt > 1:
            return submit
        try:
            place = self.archive.place(submit.point)
            stored = self.archive.find(submit.point, place)
        except Exception as error:  # noqa: BLE001 - it ends the run, as every error of the store
            self._unread.append(Broke(self.now, error, f"the store refused the point {submit.point}: {error}"))
            return Dropped(self.now, submit.task)
        if stored is None:
            return submit._replace(place=place)
        if stored.status == "claimed":
            self._claimed.add(submit._replace(place=place), self.now + self.archive.look_every)
        return event_of(stored, submit, self.now)

    def _submit(self, submits: list[Submit]) -> list[Event]:
        """Submit one task; return the events of one that cannot be submitted."""
        begun = self.clock.monotonic()
        number = self._number
        submission = self._out[number] = Submission(number, submits, None, self._generation, begun, self.inbox)
        self._number = number + 1
        points = [submit.point for submit in submits]
        try:
            try:
                submission.handle = self._handle(points, alone=submits[0].alone)
            except RuntimeError:  # broken (BrokenExecutor is one), or shut down by its owner
                if not self._renew():
                    raise
                submission.generation = self._generation
                submission.handle = self._handle(points, alone=submits[0].alone)
        except Exception as error:  # noqa: BLE001 - an executor that takes no tasks ends the run
            del self._out[number]
            self._set_aside(submission)
            broke = Broke(self.now, error, f"the executor does not take tasks: {error!r}")
            return [broke, *self._dropped(submission)]
        if not self.deterministic and submission.handle.done():
            self._ready.append(submission)
        else:
            submission.handle.add_done_callback(submission.over)
        return []

    def _handle(self, points: list[Any], *, alone: bool) -> Handle:
        """Submit points to the executor; the very first task is evaluated in this thread, if that is wanted."""
        assert self._evaluate is not None
        if self._first_here:
            self._first_here = False
            capture = None if self.work.capture == "failures" else self.work.capture  # visible here anyway
            return InThisThread().submit(replace(self.work, pickled=True, capture=capture), points)
        return self.executor.submit(self._evaluate, points, alone=alone)

    def _withdraw(self) -> list[Event]:
        """Withdraw tasks that have not begun; none in a deterministic run, where chance decides what has begun."""
        if self.deterministic and self.machine.status != "cancelled":
            return []
        events: list[Event] = []
        for submission in withdrawn(self.executor, list(self._out.values())):
            del self._out[submission.number]
            self._set_aside(submission)
            events += self._dropped(submission)
        return events


def _are_reports(reports: Any, number: int) -> bool:
    return type(reports) is list and len(reports) == number and {type(report) for report in reports} == {Report}


def _unpickled(report: Report) -> Report:
    try:
        return report._replace(value=pickle.loads(report.value), pickled=False)
    except Exception as error:  # noqa: BLE001 - loading runs the value's own code
        text = f"the value came back from the worker, but cannot be loaded: {error!r}\n{text_of(error)}"
        return report._replace(value=None, error=error, traceback=text, pickled=False)


def _last_lines(report: Report, number: int = 20) -> str:
    """Return the end of the output of a failed evaluation, for the reader of its traceback."""
    parts = (("stdout", report.stdout), ("stderr", report.stderr), ("log", report.logs))
    ends = [f"\nIts {name} ended with:\n" + "\n".join(text.splitlines()[-number:]) for name, text in parts if text]
    return "".join(f"{end}\n" for end in ends)
