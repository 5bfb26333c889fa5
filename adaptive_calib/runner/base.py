"""Base class of all runners: turns arguments into a `Session`, and has python-adaptive's attributes as views of it."""

from __future__ import annotations

import abc
import functools
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from difflib import get_close_matches
from inspect import signature
from os import PathLike
from typing import Any, Literal, ParamSpec

from adaptive_calib.engine.archive import Archive
from adaptive_calib.engine.batching import Batching
from adaptive_calib.engine.coroutines import Coroutines
from adaptive_calib.engine.evaluate import Work
from adaptive_calib.engine.executor_protocol import Executor
from adaptive_calib.engine.executors import Pool, adapt, pool_of_limited_threads
from adaptive_calib.engine.goals import Goal, Progress
from adaptive_calib.engine.machine import Failure, RunMachine
from adaptive_calib.engine.observers import Callbacks, Observer, RunLog
from adaptive_calib.engine.retry import RetryPolicy
from adaptive_calib.engine.session import Session
from adaptive_calib.engine.workers_missing import PATIENCE
from adaptive_calib.learner.claims import Claim
from adaptive_calib.learner.coroutines import has_coroutines
from adaptive_calib.learner.protocol import has_method
from adaptive_calib.runner.goals import GoalFunction, make_goal
from adaptive_calib.runner.log import MemoryLog
from adaptive_calib.runner.preflight import Mode, check_function
from adaptive_calib.view.run import RunHistory

__all__ = ["BaseRunner"]

Capture = Literal["failures", "std", "fd"] | None
OnError = Literal["raise", "continue"]
OnInterrupt = Literal["raise", "return"]

P = ParamSpec("P")


def named_keywords(init: Callable[P, None]) -> Callable[P, None]:
    """Make a constructor refuse unknown keywords by the name of the class, with the nearest one that there is."""
    known = list(signature(init).parameters)[1:]

    @functools.wraps(init)
    def checked(*args: P.args, **keywords: P.kwargs) -> None:
        for name in keywords.keys() - set(known):
            kind = type(args[0]).__name__.replace("AsyncRunner", "Runner")
            near = get_close_matches(name, known, n=1)
            advice = f"did you mean `{near[0]}`?" if near else f"it takes {', '.join(known)}."
            raise TypeError(f"{kind} has no parameter `{name}`; {advice}")
        init(*args, **keywords)

    return checked


class BaseRunner(abc.ABC):
    """Base of the runners; see `AsyncRunner` and `BlockingRunner`.

    Parameters
    ----------
    learner
        What decides where to evaluate: ours, python-adaptive's, or your own with the same methods.
    goal : Goal or callable, optional
        When to stop: a `Goal` such as ``Loss(0.01) | Elapsed(hours=1)``, or a function of the learner.
    loss_goal, npoints_goal, end_time_goal, duration_goal, error_goal
        The goal as a keyword: at most this loss; at least this number of points; a ``datetime``; a ``timedelta`` or
        seconds; at most this estimated error of the learner's interpolant, in units of the values.
        One goal in all; two are refused.
    executor : optional
        Where to evaluate: a ``concurrent.futures.Executor``, a ``distributed.Client``, an ``ipyparallel.Client``, an
        mpi4py pool, a function that makes an executor (closed at the end, made anew when a worker dies). Default:
        loky's reusable process pool, shared with other runners and never shut down.
    ntasks : int, optional
        Number of points that are evaluated at the same time; by default the number of workers.
    log : bool, path or RunLog
        True: keep the calls on the learner in `log`, for `replay_log`. A path: write them to this file, a line each.
    shutdown_executor : bool
        Whether to shut a given executor down at the end.
    retries : int or RetryPolicy
        How often a failing point is tried again; a `RetryPolicy` also says for which errors and after what delay.
    raise_if_retries_exceeded : bool, optional
        True (the default): a point out of retries ends the run with an error; the same as ``on_error="raise"``.
    allow_running_forever : bool
        Whether a run without a goal is allowed.
    on_error : {"raise", "continue"}, optional
        What a point that failed for good means. Finished work is told and stored in either case.
    max_failures : int, optional
        With ``on_error="continue"``: end the run with an error after this number of failed points. Default: when no
        value is known and the first 20 points have failed.
    timeout : float, optional
        Seconds that one evaluation may take; a longer one fails. Process pools, coroutines and the sequential executor
        enforce it; threads and dask cannot: there a warning names the point.
    points_per_task : int or "auto"
        How many points go into one task; "auto" chooses from the measured evaluation time.
    batch : bool
        Whether the function takes a list of points and returns a list of values.
    store : path or Store, optional
        What is known there is told before the first ask; what is evaluated is written there before it is told.
    mode : {"cached", "retry", "force", "read-only"}
        How `store` is used.
    require_clean_git : bool
        With `store`: refuse to begin unless the function is in a git checkout without changes to its files, so that
        the commit in the run's manifest says what ran.
    share_every : float, optional
        With `store`: seconds after which the results are told that other runs have recorded there since.
    warn_without_workers : float
        Seconds without a worker, as on a cluster whose jobs are in a queue, after which a warning says so; further ones
        come ever more seldom. inf: never.
    inner_threads : int, optional
        How many threads the libraries under NumPy (OpenMP, OpenBLAS, MKL) may use in each worker, for the pool that
        the runner makes when no `executor` is given; it then has fewer workers by this factor, and is not shared.
    progress : bool
        Whether to show a progress bar (tqdm).
    callbacks : sequence
        Objects with some of the methods ``on_start, on_ask, on_tell, on_fail, on_stop``, or functions of
        (events, effects, progress). One that raises is logged and removed.
    capture : {"failures", None, "std", "fd"}
        What to keep of what evaluations print and log. "failures" (the default): with evaluations that fail in other
        processes its end, see `tracebacks` and `failures`; everything goes where it would go anyway. "std": all that
        Python writes, with each outcome, and nothing of it is shown; "fd": also what other code writes to the file
        descriptors (processes only). Unless None, log records of workers that no handler there shows are emitted
        again here, by the logger of the same name.
    try_first : bool or "pickle"
        "pickle" (the default): a function that cannot be sent to the workers is refused before anything else happens.
        True: the first point is evaluated in this process besides, so that a mistake shows here; its value counts.
        False: neither. See also `adaptive_calib.runner.preflight`.
    on_interrupt : {"raise", "return"}
        After Ctrl-C or SIGTERM everything that has begun is told and stored. Then, "raise": KeyboardInterrupt or
        SystemExit(143) ends the script, as without a run; or "return": the call that waits for the run returns, see
        `stop_reason`. A second signal always raises immediately, and pending evaluations are abandoned.
    deterministic : bool
        Tell results in the order of submission, so that timing has no influence on the points. Needs a fixed `ntasks`
        for executors with other numbers of workers.

    Examples
    --------
    >>> from adaptive_calib import BlockingRunner, Learner1D
    >>> from adaptive_calib.runner import BaseRunner, SequentialExecutor
    >>> runner = BlockingRunner(Learner1D(abs, bounds=(-1, 2)), npoints_goal=5, executor=SequentialExecutor())
    >>> isinstance(runner, BaseRunner), runner.failures, runner.pending_points
    (True, [], [])
    """

    #: Whether this kind of runner has an event loop for coroutine functions.
    _runs_coroutines = False

    def _has_running_loop(self) -> bool:
        """Whether the run will be a task of the event loop that is running now."""
        return False

    @named_keywords
    def __init__(
        self,
        learner: Any,
        goal: Goal | GoalFunction | None = None,
        *,
        loss_goal: float | None = None,
        npoints_goal: int | None = None,
        end_time_goal: datetime | None = None,
        duration_goal: timedelta | float | None = None,
        error_goal: float | None = None,
        executor: Any = None,
        ntasks: int | None = None,
        log: bool | str | PathLike[str] | RunLog = False,
        shutdown_executor: bool = False,
        retries: int | RetryPolicy = 0,
        raise_if_retries_exceeded: bool | None = None,
        allow_running_forever: bool = False,
        on_error: OnError | None = None,
        max_failures: int | None = None,
        timeout: float | None = None,
        points_per_task: int | Literal["auto"] = 1,
        batch: bool = False,
        store: Any = None,
        mode: Mode = "cached",
        require_clean_git: bool = False,
        share_every: float | None = None,
        warn_without_workers: float = PATIENCE,
        inner_threads: int | None = None,
        progress: bool = False,
        callbacks: Iterable[Any] = (),
        capture: Capture = "failures",
        try_first: bool | Literal["pickle"] = "pickle",
        deterministic: bool = False,
        on_interrupt: OnInterrupt = "raise",
    ) -> None:
        _check_learner(learner)
        self.learner = learner
        self.goal = make_goal(
            learner,
            goal,
            loss=loss_goal,
            npoints=npoints_goal,
            end_time=end_time_goal,
            duration=duration_goal,
            error=error_goal,
            allow_running_forever=allow_running_forever,
        )
        self.retry = _retry(retries)
        self.on_interrupt = _on_interrupt(on_interrupt)
        self.on_error = _on_error(on_error, raise_if_retries_exceeded)
        self.executor = executor
        self.ntasks = ntasks
        self.shutdown_executor = shutdown_executor
        batching = _batching(points_per_task, deterministic)
        #: What displays have seen so far; one for all of them, so that they agree.
        self.history = RunHistory()
        _check(timeout=timeout, ntasks=ntasks, capture=capture, try_first=try_first)
        if not warn_without_workers > 0:
            raise ValueError(
                f"`warn_without_workers` should be a positive number of seconds, but is {warn_without_workers!r}."
            )
        _check_store(store, mode, deterministic, require_clean_git=require_clean_git, share_every=share_every)
        if inner_threads is not None:
            self.executor = pool_of_limited_threads(executor, inner_threads)
        adapter = self._adapter(ntasks)
        work = Work(learner.function, batch=batch, timeout=timeout, capture=capture)
        try:
            if try_first:
                check_function(work, adapter)
            self.session = self._session(
                adapter,
                work,
                log=log,
                max_failures=max_failures,
                archive=functools.partial(
                    _archive,
                    store,
                    mode=mode,
                    manifest=self._manifest(),
                    require_clean_git=require_clean_git,
                    share_every=share_every,
                ),
                observers=_observers(progress, callbacks, self.goal, self.history),
                batching=batching,
                deterministic=deterministic,
                first_here=try_first is True,
            )
        except BaseException:
            adapter.close(abandon=True)  # a pool that was made for this run
            raise
        self.session.missing.patience = warn_without_workers
        if has_method(self.session.archive, "report"):
            from adaptive_calib.runner.state_report import StateReport  # here: only a store needs the views

            self.session.observers.append(StateReport(self, self.session.archive))
        self._begin()

    @abc.abstractmethod
    def _begin(self) -> None:
        """Begin the run; called at the end of the constructor."""

    def _session(
        self,
        adapter: Executor,
        work: Work,
        *,
        log: bool | str | PathLike[str] | RunLog,
        max_failures: int | None,
        archive: Callable[[Any], Archive | None],
        **arguments: Any,
    ) -> Session:
        """Open what the run writes to and put its parts together."""
        if work.capture == "fd" and not adapter.own_process:
            raise ValueError(
                'capture="fd" takes the file descriptors of the whole process, so it needs an executor with processes '
                f'of its own, but `executor` is {self.executor!r}; use capture="std".'
            )
        self._log = _log(log)
        machine = RunMachine(
            self.learner,
            self.goal,
            self.retry,
            on_error=self.on_error,
            max_failures=max_failures,
            journal=self._log is not None,
        )
        opened = archive(self.learner)  # last: an open store is closed by the session only
        return Session(machine, adapter, work, archive=opened, log=self._log, lock=threading.RLock(), **arguments)

    def _manifest(self) -> dict[str, Any]:
        """Return what the arguments say of this run, for people who look at a store later."""
        executor = None if self.executor is None else type(self.executor).__name__
        return {
            "runner": {
                "learner": type(self.learner).__name__,
                "goal": repr(self.goal),
                "executor": executor,
                "ntasks": self.ntasks,
                "retries": self.retries,
                "on_error": self.on_error,
            }
        }

    def _adapter(self, ntasks: int | None) -> Executor:
        """Return the adapter for the executor, or for coroutines."""
        if not has_coroutines(self.learner):
            if getattr(self.executor, "asynchronous", False) is True and not self._has_running_loop():
                raise TypeError(
                    "`executor` is an asynchronous client, which works in its own event loop only: use Runner in the "
                    "coroutine that has it, without background=True; or a synchronous Client(address) here."
                )
            adapter = adapt(self.executor, ntasks, shutdown=self.shutdown_executor)
            if isinstance(adapter, Pool) and self.executor is None:
                self.executor = adapter.executor
            return adapter
        if not self._runs_coroutines:
            raise ValueError("Coroutine functions can only be used with 'AsyncRunner'.")
        if self.executor is not None:
            raise RuntimeError("Cannot use an executor when learning an async function.")
        return Coroutines(ntasks or os.cpu_count() or 1)

    # ---------------------------------------------------------------- how far it is

    @property
    def progress(self) -> Progress:
        """Progress of the run: points, loss, time."""
        return self.session.machine.progress

    @property
    def lock(self) -> Any:
        """Held while the learner changes: take it to read the learner of a run in another thread."""
        return self.session.lock

    @abc.abstractmethod
    def status(self) -> str:
        """Return "running", "cancelled", "failed" or "finished"."""

    @property
    def goal_reached(self) -> bool:
        """Whether the run has ended because its goal was reached.

        False while it is running, and if it ended for another reason: a cancellation, a failure, or a learner that
        cannot go on (no point is left, or noise in the values is above the error goal), for which `status` is
        "finished" as well, as in python-adaptive.
        """
        return self.session.machine.status == "finished"

    @property
    def stop_reason(self) -> str | None:
        """Why the run ended, in one line; None while it is running."""
        return self.session.machine.stop_reason

    @property
    def claim(self) -> Claim | None:
        """Claim of the learner about the error of its prediction; None if it makes none."""
        learner: Any = self.session.machine.learner
        return learner.claim() if has_method(learner, "claim") else None

    @property
    def start_time(self) -> float | None:
        """When the run began, in seconds since the epoch; None before."""
        return self.session.started

    @property
    def end_time(self) -> float | None:
        """When the run ended, in seconds since the epoch; None before."""
        return self.session.ended

    def elapsed_time(self) -> float:
        """Return the seconds from the start until now, or until the end; 0 before the start."""
        return self.session.elapsed

    def overhead(self) -> float:
        """Return the part of the time, in percent, that was not spent in the function.

        100 (1 - T_f / T): T_f is the sum of the seconds measured in the workers, over the number of points that may be
        evaluated at the same time; T the time elapsed. 0 before the first point is told.
        """
        elapsed, slots = self.elapsed_time(), self.session.slots
        if not self.session.seconds or not elapsed or not slots:
            return 0.0
        return 100.0 * (1.0 - self.session.seconds / slots / elapsed)

    def overhead_split(self) -> dict[str, float]:
        """Return where the overhead comes from: parts of the time in percent, which add up to `overhead()`.

        ``"learner"``: workers stood idle while the learner was told and asked; ``"waiting"``: there was nothing to do
        for them; ``"executor"``: the rest, which is sending, queueing, pickling, starting workers and storing.
        """
        total, session = self.overhead(), self.session
        whole = self.elapsed_time() * session.slots
        if not total or not whole:
            return {"learner": 0.0, "executor": 0.0, "waiting": 0.0}
        learner, waiting = 100.0 * session.learner_seconds / whole, 100.0 * session.waiting_seconds / whole
        return {"learner": learner, "executor": total - learner - waiting, "waiting": waiting}

    # ---------------------------------------------------------------- points

    @property
    def pending_points(self) -> list[tuple[Any, Any]]:
        """Evaluations that are pending: pairs (future, point)."""
        return self.session.pending

    @property
    def failures(self) -> list[Failure]:
        """Points that failed for good: point, attempts, error, traceback, whether the worker crashed."""
        return list(self.session.machine.failures)

    @property
    def failed(self) -> set[Any] | list[Any]:
        """Points that are out of retries: a set, or a list if they cannot be hashed."""
        points = [failure.point for failure in self.session.machine.failures]
        try:
            return set(points)
        except TypeError:
            return points

    @property
    def to_retry(self) -> list[tuple[Any, int]]:
        """Points that failed and will be tried again: pairs (point, failures so far)."""
        return [(attempt.point, attempt.failures) for attempt in self.session.machine.to_retry]

    @property
    def tracebacks(self) -> list[tuple[Any, str]]:
        """Pairs (point, text of the traceback) of the points whose last attempt failed."""
        machine = self.session.machine
        final = [(failure.point, failure.traceback) for failure in machine.failures]
        return final + [(attempt.point, attempt.traceback) for attempt in machine.to_retry]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from adaptive_calib.view.run import look  # imported here: a run without a display does not need it
        from adaptive_calib.view.run_html import html
        from adaptive_calib.view.run_text import text

        view = look(self)
        return {"text/plain": text(view), "text/html": html(view)}

    # ---------------------------------------------------------------- familiar arguments

    @property
    def log(self) -> list[tuple[Any, ...]] | RunLog | None:
        """The calls on the learner (`replay_log` takes it), what they are written to, or None without `log`."""
        return self._log.entries if isinstance(self._log, MemoryLog) else self._log

    @property
    def do_log(self) -> bool:
        """Whether the calls on the learner are kept."""
        return self._log is not None

    @property
    def retries(self) -> int:
        """Number of times that a failing point is tried again."""
        return self.retry.attempts - 1

    @property
    def raise_if_retries_exceeded(self) -> bool:
        """Whether a point out of retries ends the run."""
        return self.on_error == "raise"

    def cancel(self, drain: bool = True) -> None:
        """End the run: nothing more is asked; pending evaluations are told if `drain`. Twice: end immediately."""
        self.session.cancel(abandon=not drain)


def _retry(retries: int | RetryPolicy) -> RetryPolicy:
    if isinstance(retries, RetryPolicy):
        return retries
    if isinstance(retries, bool) or not isinstance(retries, int):
        raise TypeError(f"`retries` should be a whole number or a RetryPolicy, but is {retries!r}.")
    if retries < 0:
        raise ValueError(f"`retries` should be at least 0, but is {retries}.")
    return RetryPolicy(attempts=retries + 1)


def _on_interrupt(on_interrupt: str) -> str:
    if on_interrupt not in ("raise", "return"):
        raise ValueError(f'`on_interrupt` should be "raise" or "return", but is {on_interrupt!r}.')
    return on_interrupt


def _on_error(on_error: str | None, raise_: bool | None) -> str:
    familiar = None if raise_ is None else ("raise" if raise_ else "continue")
    if on_error is not None and familiar is not None and on_error != familiar:
        raise ValueError(
            f"`on_error={on_error!r}` and `raise_if_retries_exceeded={raise_}` contradict each other; give one of them."
        )
    return on_error or familiar or "raise"


def _batching(points_per_task: int | str, deterministic: bool) -> Batching:
    if points_per_task == "auto":
        if deterministic:
            raise ValueError(
                'points_per_task="auto" follows the measured time, so it cannot be deterministic; give a number.'
            )
        return Batching(None)
    if not isinstance(points_per_task, int) or points_per_task < 1:
        raise ValueError(f'`points_per_task` should be a number of at least 1 or "auto", but is {points_per_task!r}.')
    return Batching(points_per_task)


def _check_learner(learner: Any) -> None:
    if isinstance(learner, type) or not (has_method(learner, "ask") and has_method(learner, "tell")):
        raise TypeError(
            f"`learner` should be a learner such as Learner1D(f, bounds=(0, 1)), with the methods ask and tell, but is "
            f"{learner!r:.200}."
        )


def _check(*, timeout: float | None, ntasks: int | None, capture: str | None, try_first: bool | str) -> None:
    if timeout is not None and not timeout > 0:
        raise ValueError(f"`timeout` should be a positive number of seconds or None, but is {timeout!r}.")
    if ntasks is not None and ntasks < 1:
        raise ValueError(f"`ntasks` should be at least 1 or None, but is {ntasks!r}.")
    if capture not in ("failures", None, "std", "fd"):
        raise ValueError(f'`capture` should be "failures", None, "std" or "fd", but is {capture!r}.')
    if try_first not in (True, False, "pickle"):
        raise ValueError(f'`try_first` should be True, False or "pickle", but is {try_first!r}.')


def _log(log: bool | str | PathLike[str] | RunLog) -> RunLog | None:
    if log is False or log is None:
        return None
    if log is True:
        return MemoryLog()
    if isinstance(log, (str, PathLike)):
        from adaptive_calib.store import open_log  # here: only a log on disk needs the store

        opened: RunLog = open_log(log)
        return opened
    return log


def _check_store(
    store: Any, mode: Mode, deterministic: bool, *, require_clean_git: bool, share_every: float | None
) -> None:
    about = {"require_clean_git": require_clean_git, "share_every": share_every is not None, "mode": mode != "cached"}
    if store is None and any(about.values()):
        name = next(name for name, given in about.items() if given)
        raise ValueError(f'`{name}` is about the store of a run; give store="results.db" too, or leave it out.')
    if deterministic and share_every is not None:
        raise ValueError("`share_every` follows other runs, so it cannot be deterministic; leave one of them out.")


def _archive(store: Any, learner: Any, **options: Any) -> Archive | None:
    if store is None:
        return None
    from adaptive_calib.store import open_archive  # here: a run without a store needs no database

    archive: Archive = open_archive(store, learner, **options)
    return archive


def _observers(progress: bool, callbacks: Iterable[Any], goal: Goal, history: RunHistory) -> Sequence[Observer]:
    observers: list[Observer] = []
    callbacks = list(callbacks)
    if callbacks or progress:
        from adaptive_calib.callbacks.progress_bar import ProgressBar  # here: most runs need no tqdm

        callbacks += [ProgressBar()] if progress else []
        for bar in callbacks:
            if isinstance(bar, ProgressBar):
                bar.follow(goal, history)
    for callback in callbacks:
        has_methods = any(callable(getattr(callback, name, None)) for name in Callbacks.NAMES)
        observers.append(callback if callable(callback) and not has_methods else Callbacks(callback))
    return observers
