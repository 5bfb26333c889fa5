"""The runner that goes on beside other things: in a notebook, in an event loop, in a thread of its own."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import sys
import threading
import weakref
from collections.abc import Callable, Coroutine, Generator, Iterable
from concurrent.futures import CancelledError, Future, wait
from datetime import datetime, timedelta
from importlib import import_module
from os import PathLike
from typing import Any, Literal, TextIO

from adaptive_calib.engine import drivers
from adaptive_calib.engine.drivers import loop_signals, run_async, signals
from adaptive_calib.engine.goals import Goal
from adaptive_calib.engine.inbox import wait_in_slices
from adaptive_calib.engine.observers import RunLog, logger
from adaptive_calib.engine.retry import RetryPolicy
from adaptive_calib.engine.session import Session
from adaptive_calib.engine.workers_missing import PATIENCE
from adaptive_calib.runner.base import BaseRunner, Capture, OnError, OnInterrupt, named_keywords
from adaptive_calib.runner.goals import GoalFunction
from adaptive_calib.runner.preflight import Mode
from adaptive_calib.runner.saving import Saver
from adaptive_calib.runner.terminal import watch
from adaptive_calib.view.run import failure_text

__all__ = ["AsyncRunner", "BackgroundTask"]


class AsyncRunner(BaseRunner):
    """Run a learner beside other things; the constructor returns immediately.

    In a notebook or a coroutine the run is a task of the running event loop. In a plain script, and with
    ``background=True``, it has a thread and a loop of its own and goes on while the script or the notebook computes;
    `block_until_done` waits for its end.

    Parameters
    ----------
    ioloop : asyncio.AbstractEventLoop, optional
        The loop to run on, instead.
    background : bool, optional
        Whether to run in a thread of its own; read the learner under `lock` then. Default: only if no loop is running.
        False there: the run begins in `block_until_done`.

    Attributes
    ----------
    task : asyncio.Task or BackgroundTask
        ``await runner.task``; ``task.result()`` is None after success, raises what the run failed with, and
        ``asyncio.CancelledError`` after `cancel`.
    ioloop : asyncio.AbstractEventLoop
        The loop of the task.
    saving_task : asyncio.Task or None
        What `start_periodic_saving` started.

    Notes
    -----
    See `BaseRunner` for all other parameters.

    Examples
    --------
    >>> import asyncio
    >>> from adaptive_calib import AsyncRunner, Learner1D
    >>> async def f(x):
    ...     return abs(x)
    >>> async def main():
    ...     learner = Learner1D(f, bounds=(-1, 2))
    ...     runner = AsyncRunner(learner, npoints_goal=20)
    ...     await runner.task
    ...     return runner.status(), learner.npoints >= 20
    >>> asyncio.run(main())
    ('finished', True)
    """

    _runs_coroutines = True

    @named_keywords
    def __init__(
        self,
        learner: Any,
        goal: Goal | GoalFunction | None = None,
        *,
        ioloop: asyncio.AbstractEventLoop | None = None,
        background: bool | None = None,
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
        allow_running_forever: bool = True,
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
        self._background, self._given_loop = background, ioloop
        if background and ioloop is not None:
            raise ValueError("a run in the background has a loop of its own; give either `ioloop` or `background`.")
        super().__init__(
            learner,
            goal,
            loss_goal=loss_goal,
            npoints_goal=npoints_goal,
            end_time_goal=end_time_goal,
            duration_goal=duration_goal,
            error_goal=error_goal,
            executor=executor,
            ntasks=ntasks,
            log=log,
            shutdown_executor=shutdown_executor,
            retries=retries,
            raise_if_retries_exceeded=raise_if_retries_exceeded,
            allow_running_forever=allow_running_forever,
            on_error=on_error,
            max_failures=max_failures,
            timeout=timeout,
            points_per_task=points_per_task,
            batch=batch,
            store=store,
            mode=mode,
            require_clean_git=require_clean_git,
            share_every=share_every,
            warn_without_workers=warn_without_workers,
            inner_threads=inner_threads,
            progress=progress,
            callbacks=callbacks,
            capture=capture,
            try_first=try_first,
            deterministic=deterministic,
            on_interrupt=on_interrupt,
        )

    def _begin(self) -> None:
        self.saving_task: asyncio.Task[None] | Future[None] | None = None
        self._beside: set[asyncio.Task[None] | Future[None]] = set()
        self._savers: set[asyncio.Task[Any]] = set()
        self._error: BaseException | None = None
        self._over = asyncio.Event()  # nothing more is told; the last saves may still be written
        self.task: asyncio.Task[None] | BackgroundTask
        background, loop = self._background, self._given_loop or _running_loop()
        if background or (background is None and loop is None):
            self.task = BackgroundTask(self._run)
            self.ioloop = self.task.loop
            _end_with_the_script(self.session, self.task)
        else:
            self.ioloop = loop or asyncio.new_event_loop()
            if loop is None:
                weakref.finalize(self, self.ioloop.close)
            self.task = self.ioloop.create_task(self._run())
            if not self.ioloop.is_running():
                weakref.finalize(self, _warn_if_it_never_began, weakref.ref(self.session))
        self.task.add_done_callback(self._announce)

    def _has_running_loop(self) -> bool:
        loop = self._given_loop or _running_loop()
        return loop is not None and not self._background

    async def _run(self) -> None:
        try:
            with loop_signals(self.session, on_interrupt=self.on_interrupt):
                await self._run_and_save()
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # also kept here: asking `task` for it counts as taking it
            self._error = error
            raise

    async def _run_and_save(self) -> None:
        try:
            await run_async(self.session)
        except asyncio.CancelledError:
            await self._saved()
            raise
        error = self.session.machine.error
        if error is None:
            await self._saved()
            return
        try:
            await self._saved()
        except Exception as unsaved:  # noqa: BLE001 - said with the error that counts, and raised by `saving_task`
            error.add_note(f"and the learner could not be saved at the end: {unsaved!r}")
        raise error

    def _announce(self, task: Any) -> None:
        """Log that the run failed, unless somebody waits for the task, whom it raises its error."""
        if self.session.ended is None:  # the task was cancelled before its first step
            self.session.finish()
            self._over.set()
        if isinstance(task, BackgroundTask):
            self._log_failure(task.awaited)
        else:
            self._log_soon(task, 3)

    def _log_soon(self, task: asyncio.Task[None], turns: int) -> None:
        """Log after some turns of the loop: `await`, ``gather`` or ``wait_for`` take the error meanwhile."""
        if turns:
            self.ioloop.call_soon(self._log_soon, task, turns - 1)
        else:  # asyncio has no public word for whether an error was taken
            self._log_failure(not getattr(task, "_log_traceback", True))

    def _log_failure(self, raised: bool) -> None:
        error = self._error
        if error is None or raised:
            return
        if error is self.session.machine.error:
            trace = "" if self.history.shows_failure else f"\n{failure_text(error)}"
            logger.error("the run has %s%s", self.stop_reason, trace)
        else:
            logger.error("the run is over (%s), but failed at its end", self.stop_reason, exc_info=error)

    def status(self) -> str:
        """Return "running", "cancelled", "failed" or "finished"."""
        if not self.task.done():
            return "running"
        if self.task.cancelled():
            return "cancelled"
        return "finished" if self._error is None else "failed"

    def cancel(self, drain: bool = True) -> None:
        """End the run: nothing more is asked; pending evaluations are told if `drain`. Twice: end immediately.

        `task` is done once everything is told; it counts as cancelled.
        """
        super().cancel(drain)

    def block_until_done(self) -> None:
        """Wait, in a script, until the run is over; raise its error if it failed.

        Raises
        ------
        RuntimeError
            The event loop is running, as in Jupyter: there, use ``await runner.task``.
        KeyboardInterrupt, SystemExit
            A signal has ended the run, as in `BlockingRunner`.
        """
        if isinstance(self.task, BackgroundTask):
            with signals(self.session, on_interrupt=self.on_interrupt):
                self._wait(self.task.wait)
            self.task.join()  # with the last save and the last line of a display
            wait([task for task in self._beside if isinstance(task, Future)])
            return
        if self.ioloop.is_running():
            raise RuntimeError(
                "Cannot block while the event loop is running, as it is in Jupyter; use `await runner.task` instead."
            )
        if self.task.done():  # its loop may be closed
            self._wait(self.task.result)
            return
        try:
            with signals(self.session, on_interrupt=self.on_interrupt):
                self._wait(lambda: self.ioloop.run_until_complete(self.task))
        finally:  # the last save and the last line of a display
            for task in list(self._beside):
                if isinstance(task, asyncio.Task):
                    self.ioloop.run_until_complete(asyncio.wait([task]))

    def _wait(self, wait: Callable[[], Any]) -> None:
        """Wait for the task; a run that a signal has cancelled is reported by the signal's own exception."""
        try:
            wait()
        except asyncio.CancelledError:
            if self.session.signal is None:
                raise

    # ---------------------------------------------------------------- beside the run

    def start_periodic_saving(
        self,
        save_kwargs: dict[str, Any] | None = None,
        interval: float = 30,
        method: Callable[[Any], None] | None = None,
    ) -> asyncio.Task[None] | Future[None]:
        """Save the learner now, every `interval` seconds while the run goes on, and once more at its end.

        The run is over, and `task` done, when the last save is there. Files of ``learner.save`` are whole at any
        moment: the data are taken between two steps of the run, and compressed and written in a thread meanwhile.

        Parameters
        ----------
        save_kwargs : dict, optional
            Arguments of ``learner.save``.
        interval : float
            Seconds between two saves.
        method : callable, optional
            ``method(learner)`` instead of ``learner.save(**save_kwargs)``. It is called between two steps of the run;
            if it calls ``learner.save``, that writes in the thread, too.

        Returns
        -------
        asyncio.Task
            Also `saving_task`. A save that fails is logged, once until one succeeds, and tried again; if the last one
            fails, its error is raised by this task, and by `task` if that has no other.
        """
        if method is None and save_kwargs is None:
            raise ValueError("Must provide `save_kwargs` if method=None.")
        saver = Saver(self.learner, method or functools.partial(_save, save_kwargs or {}), self.lock)
        self.saving_task = self.beside(self._save_periodically(saver, interval))
        return self.saving_task

    async def _save_periodically(self, saver: Saver, interval: float) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._savers.add(task)
        while not self._over.is_set():
            await saver.try_to_save()
            await _until(self._over, interval)
        await saver.save()

    async def _saved(self) -> None:
        """Wait for the last saves; raise what one of them failed with."""
        self._over.set()
        await asyncio.sleep(0)  # one that was just begun has its first turn
        if self._savers:
            await asyncio.wait(self._savers)
        for task in self._savers:
            if not task.cancelled():
                task.result()

    def live_info_terminal(
        self, *, update_interval: float = 0.5, overwrite_previous: bool = True
    ) -> asyncio.Task[None] | Future[None]:
        """Print the state of the run every `update_interval` seconds, and its final state.

        In a terminal a block of rows is rewritten in its place; not while a prompt waits for you: in IPython while a
        cell is executed, at Python's own prompt while `block_until_done` waits. In a file or a pipe a line is printed
        once a minute, without escape codes.

        Parameters
        ----------
        update_interval : float
            Seconds between two updates.
        overwrite_previous : bool
            Whether the block is rewritten; if not, each update is a line of its own.
        """
        return self.beside(watch(self, update_interval, overwrite_previous=overwrite_previous))

    def live_info(self, *, update_interval: float = 0.5) -> None:
        """Show a table about the run, with a button to cancel it, in a notebook."""
        notebook = import_module("adaptive_calib.notebook")  # here, as it is: only notebooks need its libraries
        notebook.live_info(self, update_interval=update_interval)

    def live_plot(
        self,
        *,
        plotter: Callable[[Any], Any] | None = None,
        update_interval: float = 2.0,
        name: str | None = None,
        normalize: bool = True,
    ) -> Any:
        """Return a plot of the learner that follows the run, in a notebook; see `adaptive_calib.notebook.live_plot`."""
        notebook = import_module("adaptive_calib.notebook")
        return notebook.live_plot(
            self, plotter=plotter, update_interval=update_interval, name=name, normalize=normalize
        )

    def beside(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None] | Future[None]:
        """Run a coroutine on the loop of this run."""
        task: asyncio.Task[None] | Future[None]
        if isinstance(self.task, BackgroundTask):
            try:
                task = self.task.beside(coroutine)
            except RuntimeError:  # the run is over
                task = _in_a_loop_of_its_own(coroutine)
        else:
            task = self.ioloop.create_task(coroutine)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)
        return task

    async def wait(self, seconds: float) -> None:
        """Wait so long, or until the run is over; on the loop of this run."""
        over = asyncio.Event()

        def ring(task: Any) -> None:
            over.set()

        self.task.add_done_callback(ring)
        try:
            await _until(over, seconds)
        finally:
            self.task.remove_done_callback(ring)


async def _until(event: asyncio.Event, seconds: float) -> None:
    """Wait for an event, at most so long."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def _save(save_kwargs: dict[str, Any], learner: Any) -> None:
    learner.save(**save_kwargs)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _warn_if_it_never_began(session: weakref.ref[Any]) -> None:
    """At the end of a script: warn of a run whose loop was never started, since it has done nothing."""
    left = session()
    if left is not None and left.started is None and left.ended is None:
        logger.warning(
            "a run never began: its event loop was not started. In a script leave `ioloop` out, use BlockingRunner, or "
            "call runner.block_until_done()."
        )


#: Runs in the background that are not over.
_in_background: dict[BackgroundTask, Session] = {}


def _end_with_the_script(session: Session, task: BackgroundTask) -> None:
    """Let signals, and the end of the script, drain a run in the background."""

    def forget(task: Any) -> None:
        drivers.unwatch(session)
        _in_background.pop(task, None)

    _in_background[task] = session
    _drain_at_exit()
    if threading.current_thread() is threading.main_thread() and "ipykernel" not in sys.modules:
        drivers.watch(session, task.join)
    task.add_done_callback(forget)


@functools.cache
def _drain_at_exit() -> None:
    """Once: drain the runs in the background when the script ends."""
    # Python's own exit functions run after executors have begun to refuse work; the private ones run before
    getattr(threading, "_register_atexit", atexit.register)(_drain)


def _drain() -> None:
    left = dict(_in_background)
    for session in left.values():
        session.cancel(reason="cancelled by the end of the script")
        logger.warning("the script has ended before its run; call runner.block_until_done() to wait for the goal.")
    for task in left:
        task.join()


def _in_a_loop_of_its_own(coroutine: Coroutine[Any, Any, None]) -> Future[None]:
    future: Future[None] = Future()

    def run() -> None:
        try:
            future.set_result(asyncio.run(coroutine))
        except BaseException as error:  # noqa: BLE001 - raised by `result`
            future.set_exception(error)

    threading.Thread(target=run, name="adaptive_calib-after-run", daemon=True).start()
    return future


class BackgroundTask:
    """A coroutine in a thread and a loop of its own, with the face of an ``asyncio.Task``.

    Attributes
    ----------
    loop : asyncio.AbstractEventLoop
        Its loop, which runs until the coroutine is over and what was started beside it is too.
    awaited : bool
        Whether somebody waits for it, whom it raises its error.
    """

    def __init__(self, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self.loop = asyncio.new_event_loop()
        self._future: Future[None] = Future()
        self._task: asyncio.Task[None] | None = None
        self._callbacks: list[Callable[[Any], None]] = []
        self._over = threading.Event()  # and all callbacks were called
        self._lock = threading.Lock()
        self._closing = self.awaited = False
        self._thread = threading.Thread(target=self._run, args=(main,), name="adaptive_calib-run", daemon=True)
        self._thread.start()

    def _run(self, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
        asyncio.set_event_loop(self.loop)
        self._task = self.loop.create_task(main())
        try:
            self.loop.run_until_complete(asyncio.wait([self._task]))
        finally:
            self._settle(self._task)
            self._call_back()
            self._over.set()
            self._finish_others()
            with self._lock:
                self._closing = True
            self._finish_others()  # those that came in between
            self.loop.close()

    def _finish_others(self) -> None:
        """Run what was started beside the run: the last save, the last line of a display."""
        self.loop.run_until_complete(asyncio.sleep(0))
        while others := asyncio.all_tasks(self.loop):
            self.loop.run_until_complete(asyncio.wait(others))

    def beside(self, coroutine: Coroutine[Any, Any, None]) -> Future[None]:
        """Run a coroutine on the loop; RuntimeError if it is closed."""
        with self._lock:
            if self._closing:
                raise RuntimeError("the loop of the run is closed")
            return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def _settle(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            self._future.cancel()
            self._future.set_running_or_notify_cancel()
        elif (error := task.exception()) is not None:
            self._future.set_exception(error)
        else:
            self._future.set_result(None)

    def _call_back(self) -> None:
        while self._callbacks:
            self._callbacks.pop()(self)

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        """Call ``callback(self)`` in the thread of the run once it is over."""
        self._callbacks.append(callback)
        if self.done():
            callback(self)
            self.remove_done_callback(callback)

    def remove_done_callback(self, callback: Callable[[Any], None]) -> None:
        """Do not call it."""
        while callback in self._callbacks:
            self._callbacks.remove(callback)

    def done(self) -> bool:
        """Whether it is over."""
        return self._future.done()

    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self._future.cancelled()

    def exception(self, timeout: float | None = 0) -> BaseException | None:
        """Return the error of the run; None if it has none. Waits for at most `timeout` seconds (None: any time)."""
        return self._future.exception(timeout=timeout)

    def result(self, timeout: float | None = 0) -> None:
        """Return None if the run has no error, else raise it. Waits for at most `timeout` seconds (None: any time).

        Raises
        ------
        TimeoutError
            The run is not over.
        """
        wait_in_slices(lambda seconds: bool(wait([self._future], seconds).done), timeout)
        self._future.result(timeout=0)

    def cancel(self) -> bool:
        """Cancel it; the run drains first."""
        if self.done() or self._task is None:
            return False
        self.loop.call_soon_threadsafe(self._task.cancel)
        return True

    def join(self) -> None:
        """Wait until it is over and its last saves are written, whatever came of it."""

        def ended(seconds: float) -> bool:
            self._thread.join(seconds)
            return not self._thread.is_alive()

        wait_in_slices(ended, None)

    def print_stack(self, *, limit: int | None = None, file: TextIO | None = None) -> None:
        """Print the stack, or the traceback of the failure."""
        if self._task is not None:
            self._task.print_stack(limit=limit, file=file)

    def wait(self, timeout: float | None = None) -> None:
        """Block until it is over, at most `timeout` seconds, then do as `result`."""
        self.awaited = True
        if not wait_in_slices(self._over.wait, timeout):
            self.awaited = False
            raise TimeoutError(f"the run is not over after {timeout} s.")
        try:
            self._future.result(timeout=0)
        except CancelledError:
            raise asyncio.CancelledError from None

    def __await__(self) -> Generator[Any, None, None]:
        self.awaited = True
        return asyncio.wrap_future(self._future).__await__()
