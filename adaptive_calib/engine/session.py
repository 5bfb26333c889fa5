"""A session: one run's machine joined to its executor, archive, log and observers.

One step of it::

    finished handles -> reports -> archive (written first) -> events -> machine -> effects -> executor

Each handle's callback puts its batch on one queue, the inbox, so that a completion costs the same with 8 or 8,000
tasks out; a step takes everything that has arrived. How to wait for the inbox is the drivers' business.

An executor that evaluates at once (`InThisThread`) needs neither handle nor inbox: what it returns goes back to the
machine in the same step, until something else has arrived or a slice of time is over.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import pickle
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor, CancelledError
from math import ceil, inf
from typing import Any

from adaptive_calib.engine.archive import Archive, Outcome
from adaptive_calib.engine.batching import Batch, Batching, Overdue
from adaptive_calib.engine.capture import emit_again
from adaptive_calib.engine.clock import Clock
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
from adaptive_calib.engine.executor_protocol import Evaluate, Executor, Handle
from adaptive_calib.engine.executors import InThisThread
from adaptive_calib.engine.inbox import Inbox
from adaptive_calib.engine.machine import RunMachine
from adaptive_calib.engine.observers import Observer, RunLog, logger, notify
from adaptive_calib.engine.worker import LoadingError, Report, Work, WorkerDiedError, text_of

__all__ = ["ExecutorDiedError", "Session", "StoredFailureError"]

#: Seconds that a step goes on with points that are evaluated at once, before others (an event loop) have their turn.
SLICE = 0.005

#: Seconds for which more is waited for when something has come, while every worker has another task and tasks last less
#: than a tenth of it, so that workers wait for the driver: one step for eight results takes half of the time of eight
#: steps, and one transaction of a store a third.
LINGER = 0.001


class ExecutorDiedError(RuntimeError):
    """An executor that the runner did not make is broken, and with it the points that were out."""


class StoredFailureError(RuntimeError):
    """Stands for the error of a point that failed in an earlier run."""


class Session:
    """One run's machine, executor, archive, log and observers, and what is out.

    Parameters
    ----------
    machine : RunMachine
    executor : Executor
        Closed at the end of the run.
    work : Work
        The function.
    archive : Archive, optional
        Written first, looked up before anything is evaluated.
    log : RunLog, optional
        Told of each call on the learner; the machine has to keep a journal.
    observers : sequence of Observer
    batching : Batching
    deterministic : bool
        Tell results in the order of submission, one task at a time, and take nothing back at the goal: the same
        points and the same result for any timing.
    clock : Clock
    lock : context manager, optional
        Held while the learner changes.
    first_here : bool
        Evaluate the first point in this thread, with its result pickled as for a worker: mistakes show at once.

    Examples
    --------
    >>> from adaptive_calib import Learner1D
    >>> from adaptive_calib.engine.drivers import run_blocking
    >>> from adaptive_calib.engine.executors import InThisThread
    >>> from adaptive_calib.engine.machine import RunMachine
    >>> from adaptive_calib.engine.session import Session
    >>> from adaptive_calib.engine.worker import Work
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
        self._first_here = first_here
        self.inbox: Inbox = Inbox()
        self.seconds = 0.0  # spent in evaluations, as measured in the workers
        self.learner_seconds = 0.0  # of workers that stood idle while the learner worked, summed over the workers
        self.waiting_seconds = 0.0  # of workers for whom there was nothing to do
        self._rested = 0.0  # the second of the run at which the last step was over
        self.started: float | None = None  # wall clock
        self.ended: float | None = None
        self._begin = 0.0
        self._lasted: float | None = None
        self._workers = 0
        self._evaluate: Evaluate | None = None
        self._out: dict[int, Batch] = {}
        self._number = 0
        self._generation = 0
        self._held: dict[int, list[Event]] = {}  # deterministic: what has come before its turn
        self._turn = 0
        self._mean = 0.0
        self._returned = 0  # reports so far
        self._size = self.batching.size or 1
        self._overdue = Overdue(None if executor.timeouts else work.timeout)
        self._next_look = inf
        self._outcomes: list[Outcome] = []
        self._broken: list[Event] = []
        # Evaluated and told within one step, if nothing has to be written, held back or measured between two points.
        plain = archive is None and not deterministic and self.batching.size is not None
        self._at_once = plain and type(executor) is InThisThread  # a subclass may do something else
        self._bare = self._at_once and work.bare and not (first_here or log or self.observers)
        self._here: Sequence[Submit] = ()  # what is evaluated at once, or waits to be told

    # ---------------------------------------------------------------- what others may see

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
        """How many evaluations may run at once, whatever number of points is in a task."""
        return self._workers

    @property
    def _idle(self) -> int:
        """How many workers have no task."""
        return max(0, self._workers - len(self._out) - bool(self._here))

    @property
    def pending(self) -> list[tuple[Any, Any]]:
        """What is out: pairs (handle, point)."""
        elsewhere = [(batch.handle, submit.point) for batch in list(self._out.values()) for submit in batch.submits]
        return elsewhere + [(None, submit.point) for submit in self._here]

    def wait(self) -> float | None:
        """Return how long to wait for the inbox before a step is due; None for as long as it takes."""
        due = min(self.machine.due, self._overdue.due(self._out) - self._begin, self._next_look)
        return None if due == inf else max(0.0, due - self.now)

    @property
    def linger(self) -> float:
        """Seconds to wait for more when something has come; 0 if workers would be idle for it."""
        short = 0.0 < self._mean * self._size < LINGER / 10
        return LINGER if short and len(self._out) > self._workers else 0.0

    # ---------------------------------------------------------------- the life of a run

    def start(self) -> None:
        """Ship the function, preload, and hand out the first points."""
        early = [item for item in self.inbox.take() if isinstance(item, Cancelled)]
        if early:  # cancelled before it began
            self._advance(early)
            return
        self.started = self.clock.wall()
        self._begin = self.clock.monotonic()
        first: list[Event] = [Started(0.0, self._capacity(), self.started)]
        try:
            if self.archive is not None:
                known = self.archive.preload()
                if known.points or known.failed:
                    first.append(Loaded(0.0, known.points, known.values, known.failed))
            self._evaluate = self.executor.ship(self.work)
        except Exception as error:  # noqa: BLE001 - what fails here ends the run, with all that an end brings
            first.append(Broke(0.0, error, f"the run could not start: {error!r}"))
        self._advance(first, seconds=0.0)

    def step(self, *events: Event) -> None:
        """Take in everything that has arrived, and `events`, and act upon it."""
        idle = self._idle
        if idle:
            self.waiting_seconds += (self.now - self._rested) * idle
        here = bool(self._here)
        self._here = ()
        arrived: list[Event] = []
        for item in self.inbox.take():
            if isinstance(item, Batch):
                came = self._events(item)
                if self.deterministic:
                    self._hold(item, came)
                else:
                    arrived += came
            else:
                arrived.append(item)
                if isinstance(item, Cancelled) and not item.abandon and (self._out or here):
                    level = logging.INFO if item.reason == "cancelled" else logging.WARNING  # who pressed a key waits
                    text = "%s: %d tasks that have begun are waited for and kept."
                    logger.log(level, text, item.reason, len(self._out) + here)
        arrived += events
        if self.archive is not None:
            arrived += self._record() + self._news()
        capacity = self._capacity()
        if capacity != self.machine.capacity:
            arrived.append(Resized(self.now, capacity))
        self._overdue.look(self._out, self.clock.monotonic())
        while self._turn in self._held:
            self._advance(self._held.pop(self._turn))
            self._turn += 1
        self._advance(arrived or [Tick(self.now)])
        self._rested = self.now

    def cancel(self, *, abandon: bool = False, reason: str = "cancelled") -> None:
        """Ask for the end, from any thread or a signal handler."""
        self.inbox.put(Cancelled(self.now, abandon, reason))

    def finish(self) -> None:
        """Give everything back; to be called once the run is over, however it ended."""
        if not self.over:
            self._advance([Cancelled(self.now, abandon=True, reason="abandoned")])
        for batch in self._out.values():
            if batch.handle is not None:
                batch.handle.cancel()
        abandoned = bool(self._out)
        self._out.clear()
        self._here = ()
        self.ended = self.clock.wall()
        self._lasted = self.elapsed
        with contextlib.ExitStack() as closing:  # each of them, also if another one raises
            if self.archive is not None:
                closing.callback(self.archive.close, self.machine.status, self.machine.stop_reason or "")
            if self.log is not None:
                closing.callback(self.log.close)
            closing.callback(self.executor.close, abandon=abandoned)

    # ---------------------------------------------------------------- events in

    def _events(self, batch: Batch) -> list[Event]:
        """Turn a handle that is over into events."""
        if self._out.pop(batch.number, None) is None or batch.handle is None:
            return []  # dealt with before: withdrawn, or lost with its pool
        try:
            reports = batch.handle.result()
        except (CancelledError, asyncio.CancelledError):
            return [Dropped(self.now, submit.task) for submit in batch.submits]
        except BrokenExecutor as error:
            return self._crash(batch, error)
        except LoadingError as error:
            broke = Broke(self.now, error, str(error))
            return [broke, *(Dropped(self.now, submit.task) for submit in batch.submits)]
        except WorkerDiedError as error:  # of this task alone: the executor itself goes on
            return [self._crashed((submit,), error) for submit in batch.submits]
        except Exception as error:  # noqa: BLE001 - the executor could not run the task: its points have failed
            text = text_of(error)
            return [self._event(submit, Report(None, error, text, 0.0, 0.0)) for submit in batch.submits]
        self._measure(reports)
        if len(reports) == 1:
            return [self._event(batch.submits[0], reports[0])]
        return [self._event(submit, report) for submit, report in zip(batch.submits, reports, strict=True)]

    def _event(self, submit: Submit, report: Report) -> Event:
        self.seconds += report.seconds
        value, error, text = report.value, report.error, report.traceback
        if report.records and report.pid != os.getpid():
            emit_again(report.records, submit.point, report.pid)
        if report.pickled:
            try:
                value = pickle.loads(value)
            except Exception as unreadable:  # noqa: BLE001 - loading runs the value's own code
                error, text = unreadable, f"the value came back from the worker, but cannot be loaded: {unreadable!r}"
        if error is None:
            if self.archive is not None:
                outcome = _outcome("ok", submit, report, value, None, "")
                refusal = self.archive.refusal(outcome) if self.machine.on_error == "continue" else None
                if refusal is not None:  # of this result alone; not recorded, so another run may compute it again
                    return Failed(self.now, submit.task, refusal, str(refusal), report.seconds)
                self._outcomes.append(outcome)
            return Finished(self.now, submit.task, value, report.seconds)
        failed = Failed(self.now, submit.task, error, text + _last_lines(report), report.seconds)
        if self.archive is not None and self.machine.final(failed):
            self._outcomes.append(_outcome("failed", submit, report, None, error, text))
        return failed

    def _crash(self, batch: Batch, error: BrokenExecutor) -> list[Event]:
        """A pool is broken: everything that was in it is lost, apart from what has a result already."""
        lost = [batch]
        for other in list(self._out.values()):
            if other.generation == batch.generation and not _has_result(other.handle):
                del self._out[other.number]
                self._set_aside(other)
                lost.append(other)
        submits = [submit for other in lost for submit in other.submits]
        events: list[Event] = []
        if batch.generation == self._generation and not self._renew():
            points = ", ".join(str(submit.point) for submit in submits)
            died = ExecutorDiedError(
                f"the executor lost a worker and cannot be used any more ({error}). These points were out: {points}. "
                "To have a pool replaced when a worker dies, pass a function that makes it, as in "
                "executor=lambda: ProcessPoolExecutor(8), or no executor at all."
            )
            died.__cause__ = error
            events.append(Broke(self.now, died, str(died)))
            return [*events, *(Dropped(self.now, submit.task) for submit in submits)]
        worker = WorkerDiedError(
            f"the worker process died (killed, out of memory, or a crash in compiled code): {error}"
        )
        worker.__cause__ = error
        return [self._crashed(tuple(submits), worker)]

    def _crashed(self, submits: tuple[Submit, ...], error: WorkerDiedError) -> Event:
        event = Crashed(self.now, tuple(submit.task for submit in submits), error, self.executor.shared)
        if self.archive is not None and self.machine.final(event):
            report = Report(None, error, str(error), self.clock.wall(), 0.0)
            self._outcomes.append(_outcome("crashed", submits[0], report, None, error, str(error)))
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
        """How many points may be out: what the executor takes at once, times the points in a task.

        Ahead of the workers no more than the run has evaluated so far: else a learner that needs 50 points would have
        to choose 500 without knowing anything.
        """
        self._next_look = self.now + self.executor.poll
        self._workers = self.executor.capacity
        capacity = self._workers * self._size
        if self.deterministic or not self._mean:
            return capacity
        depth = self.batching.tasks(self._mean * self._size, self._size, self.executor.latency)
        if depth == 1 and self.batching.size is not None:
            return capacity
        return min(capacity * depth, max(self._workers * (self.batching.size or 1), self._returned))

    def _record(self) -> list[Event]:
        """Write what has come in, before the machine hears of it."""
        if not self._outcomes or self.archive is None:
            return []
        outcomes, self._outcomes = self._outcomes, []
        try:
            self.archive.record(outcomes)
        except Exception as error:  # noqa: BLE001 - it ends the run; the learner still hears what was computed
            return [Broke(self.now, error, f"the store could not be written: {error!r}")]
        return []

    def _news(self) -> list[Event]:
        """Hear now and then what other runs on the same store have found."""
        if self.archive is None:
            return []
        try:
            found = self.archive.news()
        except Exception as error:  # noqa: BLE001 - it ends the run, as every error of the store
            return [Broke(self.now, error, f"the store could not be read: {error!r}")]
        return [] if found is None else [Loaded(self.now, found.points, found.values, found.failed)]

    def _hold(self, batch: Batch, events: list[Event]) -> None:
        """Keep what came until everything submitted before it has been told."""
        if events:
            self._held[batch.number] = events

    def _set_aside(self, batch: Batch) -> None:
        """Wait no longer for the turn of a batch that is gone."""
        if self.deterministic:
            self._held[batch.number] = []

    # ---------------------------------------------------------------- effects out

    def _advance(self, events: Sequence[Event], seconds: float = SLICE) -> None:
        """Give events to the machine and carry out what it says, until nothing more comes of it at once.

        What is evaluated at once would go on for ever: `seconds` end it.
        """
        until: float | None = None
        while True:
            begin = self.clock.monotonic()
            if until is None:
                until = begin - self._begin + seconds
            with self.lock:
                effects = self.machine.handle(*events)
                entries = self.machine.take_entries()
            self.learner_seconds += (self.clock.monotonic() - begin) * self._idle
            follow = self._write(entries) if entries else []
            if self._bare and len(effects) == 1 and isinstance(effects[0], Submit):
                effects, follow = self._spin(effects[0], until)
            follow += self._carry_out(effects)
            if self.observers:
                self.observers = notify(self.observers, events, effects, self.machine.progress)
            if not follow:
                return
            if self._here:
                if follow[-1].time >= until or not self.inbox.empty():  # others have their turn, in order
                    for event in follow:
                        self.inbox.put(event)
                    return
                self._here = ()
            events = follow

    def _spin(self, submit: Submit, until: float) -> tuple[list[Effect], list[Event]]:
        """Evaluate in this thread, as long as each point is followed by one other and nothing else happens.

        What `_evaluated` and `_advance` do with reports and events for whoever writes or watches them, in a tenth of
        their time. Returns what else is to be done, and what else has happened.
        """
        function, inbox, finished, lock = self.work.function, self.inbox, self.machine.finished, self.lock
        monotonic, start = self.clock.monotonic, self._begin
        begin, evaluating, learning = monotonic() - start, 0.0, 0.0
        try:
            while True:
                self._here = (submit,)
                try:
                    value = function(submit.point)
                except KeyboardInterrupt:
                    raise
                except BaseException as error:  # noqa: BLE001 - any error of the user's function is an outcome
                    seconds = monotonic() - start - begin
                    error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next  # without this frame
                    return [], [self._event(submit, self.work.failed(error, self.clock.wall() - seconds, seconds))]
                end = monotonic() - start
                evaluating += end - begin
                if end >= until or not inbox.empty():  # others have their turn, in order
                    inbox.put(Finished(end, submit.task, value, end - begin))
                    return [], []
                with lock:
                    effects = finished(submit.task, value, end)
                begin = monotonic() - start
                learning += begin - end
                if len(effects) != 1 or type(effects[0]) is not Submit:
                    self._here = ()
                    return effects, []
                submit = effects[0]
        finally:
            self.seconds += evaluating
            self.learner_seconds += learning

    def _write(self, entries: Sequence[Any]) -> list[Event]:
        if self.log is None:
            return []
        try:
            self.log.write(entries)
        except Exception as error:  # noqa: BLE001 - a log with a hole cannot be replayed: the run ends
            self.log = None
            return [Broke(self.now, error, f"the log could not be written: {error!r}")]
        return []

    def _carry_out(self, effects: Sequence[Effect]) -> list[Event]:
        """Carry out effects; return the events that come of it at once: hits of the archive, what was taken back."""
        events: list[Event] = []
        submits: list[Submit] = []
        for effect in effects:
            if isinstance(effect, Withdraw):
                events += self._withdraw()
            else:
                hit = self._find(effect) if self.archive is not None else None
                if hit is None:
                    submits.append(effect)
                else:
                    events.append(hit)
        if self._broken:  # first, so that what was dropped is not handed out again
            events[:0], self._broken = self._broken, []
        size = self._size
        if self.batching.size is None:  # few points are shared out, rather than all given to one worker
            size = max(1, min(size, ceil(self.machine.capacity / (2 * max(1, self._workers)))))
        for start in range(0, len(submits), size):
            events += self._submit(submits[start : start + size])
        return events

    def _find(self, submit: Submit) -> Event | None:
        """Look a point up; return the event that spares its evaluation, if it is known."""
        if self.archive is None or submit.attempt > 1:
            return None
        try:
            stored = self.archive.find(submit.point)
        except Exception as error:  # noqa: BLE001 - it ends the run, as every error of the store
            self._broken.append(Broke(self.now, error, f"the store refused the point {submit.point}: {error}"))
            return Dropped(self.now, submit.task)
        if stored is None:
            return None
        if stored.status == "ok":
            return Finished(self.now, submit.task, stored.value, stored=True)
        known = StoredFailureError(f"the point {submit.point} {stored.status} in an earlier run.")
        return Failed(self.now, submit.task, known, stored=True)

    def _submit(self, submits: list[Submit]) -> list[Event]:
        """Submit one task; return the events of one that cannot be, or of one that is over at once."""
        if self._at_once and not self._first_here:
            return self._evaluated(submits)
        batch = Batch(self._number, submits, None, self._generation, self.clock.monotonic(), self.inbox)
        self._number += 1
        self._out[batch.number] = batch
        points = [submit.point for submit in submits]
        assert self._evaluate is not None
        try:
            try:
                batch.handle = self._elsewhere(points, alone=submits[0].alone)
            except RuntimeError:  # broken (BrokenExecutor is one), or shut down by somebody else
                if not self._renew():
                    raise
                batch.generation = self._generation
                batch.handle = self.executor.submit(self._evaluate, points)
        except Exception as error:  # noqa: BLE001 - an executor that takes nothing more ends the run
            del self._out[batch.number]
            self._set_aside(batch)
            dropped: list[Event] = [Dropped(self.now, submit.task) for submit in submits]
            return [Broke(self.now, error, f"the executor does not take tasks: {error!r}"), *dropped]
        batch.handle.add_done_callback(batch.over)
        return []

    def _evaluated(self, submits: list[Submit]) -> list[Event]:
        """Evaluate one task in this thread; return what came of it."""
        assert self._evaluate is not None
        self._here = (*self._here, *submits)
        try:
            reports = self._evaluate([submit.point for submit in submits])
        except Exception as error:  # noqa: BLE001 - an executor that takes nothing more ends the run
            self._here = ()
            dropped: list[Event] = [Dropped(self.now, submit.task) for submit in submits]
            return [Broke(self.now, error, f"the executor does not take tasks: {error!r}"), *dropped]
        self._measure(reports)
        return [self._event(submit, report) for submit, report in zip(submits, reports, strict=True)]

    def _elsewhere(self, points: list[Any], *, alone: bool) -> Handle:
        """Hand the points to the executor; the very first task stays here, if that is wanted."""
        assert self._evaluate is not None
        if self._first_here:
            self._first_here = False
            capture = None if self.work.capture == "failures" else self.work.capture  # here everybody sees it
            work = Work(self.work.function, self.work.batch, True, self.work.timeout, capture)
            return InThisThread().submit(work, points)
        return self.executor.submit(self._evaluate, points, alone=alone)

    def _withdraw(self) -> list[Event]:
        """Take back what has not begun; in a deterministic run nothing, since what has begun is a matter of chance."""
        if self.deterministic and self.machine.status != "cancelled":
            return []
        events: list[Event] = []
        for batch in list(self._out.values()):
            if batch.handle is not None and batch.handle.cancel():
                del self._out[batch.number]
                self._set_aside(batch)
                events += [Dropped(self.now, submit.task) for submit in batch.submits]
        return events


def _outcome(
    status: Any, submit: Submit, report: Report, value: Any, error: BaseException | None, text: str
) -> Outcome:
    return Outcome(
        submit.point,
        status,
        value,
        error,
        text,
        report.started,
        report.seconds,
        report.host,
        report.pid,
        submit.attempt,
        report.stdout,
        report.stderr,
        report.logs,
    )


def _last_lines(report: Report, number: int = 20) -> str:
    """Return the end of what a failed evaluation has written, for people who read its traceback."""
    parts = (("stdout", report.stdout), ("stderr", report.stderr), ("log", report.logs))
    ends = [f"\nIts {name} ended with:\n" + "\n".join(text.splitlines()[-number:]) for name, text in parts if text]
    return "".join(f"{end}\n" for end in ends)


def _has_result(handle: Handle | None) -> bool:
    """Whether a handle of a broken pool has brought its result home before."""
    if handle is None or not handle.done():
        return False
    try:
        handle.result()
    except (Exception, CancelledError, asyncio.CancelledError):  # noqa: BLE001 - only whether there is a result counts
        return False
    return True
