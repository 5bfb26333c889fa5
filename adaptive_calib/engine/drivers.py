"""Two thin loops around a `Session`: they differ only in how they wait for results.

A signal ends the script, not only the run: after the first SIGINT (Ctrl-C) or SIGTERM all runs of the main thread
drain, so that everything that has begun is told and stored, and then KeyboardInterrupt or SystemExit(143) is raised. A
second signal raises it immediately.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from adaptive_calib.engine.events import Cancelled
from adaptive_calib.engine.inbox import LOOK
from adaptive_calib.engine.limit import Interrupted
from adaptive_calib.engine.session import Session

__all__ = ["interruption", "loop_signals", "run_async", "run_blocking", "signals", "unwatch", "watch"]

#: Exit status of a script that SIGTERM has ended, by the convention of shells: 128 + 15.
TERMINATED = 143

#: Seconds after the end of the script in which threads that an interrupted run has left may still end by themselves.
LEFT = 2.0


def interruption(number: int) -> BaseException:
    """Return the exception by which a signal ends a script.

    Examples
    --------
    >>> import signal
    >>> from adaptive_calib.engine.drivers import interruption
    >>> interruption(signal.SIGTERM), interruption(signal.SIGINT)
    (SystemExit(143), KeyboardInterrupt())
    """
    return SystemExit(TERMINATED) if number == signal.SIGTERM else KeyboardInterrupt()


def run_blocking(session: Session, *, on_interrupt: str = "raise") -> None:
    """Run to the end in this thread; errors of the run are in ``session.machine.error``, not raised.

    Parameters
    ----------
    session : Session
    on_interrupt : {"raise", "return"}
        What to do at the end of a run that a signal has ended.

    Raises
    ------
    KeyboardInterrupt, SystemExit
        A signal has ended the run: the first one after everything that had begun was told and stored, a second one
        immediately. Other threads than the main one have no signals.

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
    >>> session.machine.stop_reason
    'goal reached: 10 points (npoints_goal=10)'
    """
    with signals(session, on_interrupt=on_interrupt):
        try:
            session.start()
            while not session.over:
                if session.inbox.empty():
                    session.inbox.wait(session.wait())
                    if session.linger:
                        time.sleep(session.linger)
                session.step()
        finally:
            session.finish()


#: The sessions that signals cancel. A function: it waits for the end of a session that no call in this thread drives.
_sessions: dict[Session, Callable[[], Any] | None] = {}

#: The handlers that were replaced while there are such sessions, by signal.
_before: dict[int, Any] = {}

#: The signals that have come since.
_received: list[int] = []


@contextlib.contextmanager
def signals(session: Session, *, on_interrupt: str = "raise") -> Iterator[None]:
    """Let SIGINT and SIGTERM cancel the run while the block lasts, and raise at its end; for the main thread.

    Parameters
    ----------
    session : Session
    on_interrupt : {"raise", "return"}
        "return": the first signal ends the run and nothing else; the block ends without an exception.

    Raises
    ------
    KeyboardInterrupt, SystemExit
        See `run_blocking`.

    Examples
    --------
    >>> from adaptive_calib import Learner1D
    >>> from adaptive_calib.engine.drivers import signals
    >>> from adaptive_calib.engine.evaluate import Work
    >>> from adaptive_calib.engine.executors import InThisThread
    >>> from adaptive_calib.engine.machine import RunMachine
    >>> from adaptive_calib.engine.session import Session
    >>> from adaptive_calib.runner import Points
    >>> learner = Learner1D(abs, bounds=(-1, 2))
    >>> session = Session(RunMachine(learner, Points(10)), InThisThread(), Work(learner.function))
    >>> with signals(session):  # Ctrl-C here would drain the session
    ...     session.cancel()
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    watch(session)
    try:
        yield
    except Interrupted as second:
        _leave_when_the_script_ends(_received[-1])
        raise interruption(_received[-1]) from second.__context__
    finally:
        number = unwatch(session)
    if number is not None and on_interrupt == "raise":
        _expect_a_second()
        raise interruption(number)


@contextlib.contextmanager
def loop_signals(session: Session, *, on_interrupt: str = "raise") -> Iterator[None]:
    """As `signals`, for a run on the running event loop, where SIGTERM would otherwise end the process immediately.

    The loop raises, in a callback, once the last of the runs that the signal cancels is over: ``asyncio.run(main())``
    raises then, whatever ``main`` does. SIGINT within ``asyncio.run`` is left to asyncio, which cancels ``main``. In
    Jupyter signals belong to the kernel.

    Parameters
    ----------
    session : Session
    on_interrupt : {"raise", "return"}
        "return": the first signal ends the run and nothing else.

    Examples
    --------
    >>> import asyncio
    >>> from adaptive_calib import Learner1D
    >>> from adaptive_calib.engine.drivers import loop_signals, run_async
    >>> from adaptive_calib.engine.evaluate import Work
    >>> from adaptive_calib.engine.executors import InThisThread
    >>> from adaptive_calib.engine.machine import RunMachine
    >>> from adaptive_calib.engine.session import Session
    >>> from adaptive_calib.runner import Points
    >>> learner = Learner1D(abs, bounds=(-1, 2))
    >>> session = Session(RunMachine(learner, Points(10)), InThisThread(), Work(learner.function))
    >>> async def main():
    ...     with loop_signals(session):
    ...         await run_async(session)
    >>> asyncio.run(main())
    """
    if threading.current_thread() is not threading.main_thread() or "ipykernel" in sys.modules:
        yield
        return
    watch(session)
    try:
        yield
    finally:
        number = unwatch(session)
        if number is not None and on_interrupt == "raise" and not _sessions:
            asyncio.get_running_loop().call_soon(_raise, number)


def _raise(number: int) -> None:
    raise interruption(number)


def watch(session: Session, wait: Callable[[], Any] | None = None) -> None:
    """Let signals cancel a session from now on; to be called in the main thread.

    Parameters
    ----------
    session : Session
    wait : callable, optional
        Waits for the end of a session that runs in another thread.

    Examples
    --------
    >>> from adaptive_calib import Learner1D
    >>> from adaptive_calib.engine.drivers import unwatch, watch
    >>> from adaptive_calib.engine.executors import InThisThread
    >>> from adaptive_calib.engine.goals import Points
    >>> from adaptive_calib.engine.machine import RunMachine
    >>> from adaptive_calib.engine.session import Session
    >>> from adaptive_calib.engine.evaluate import Work
    >>> learner = Learner1D(abs, bounds=(-1, 1))
    >>> session = Session(RunMachine(learner, Points(9)), InThisThread(), Work(learner.function))
    >>> watch(session)
    >>> unwatch(session) is None  # no signal has arrived
    True
    """
    if not _sessions:
        _received.clear()
        _restore()
        for number, default in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
            if signal.getsignal(number) is default:  # a handler that the user has set stays
                _before[number] = signal.signal(number, _handle)
    _sessions[session] = wait


def unwatch(session: Session) -> int | None:
    """Let signals leave a session alone, from any thread; return the signal that has cancelled it.

    Examples
    --------
    See `watch`.

    >>> from adaptive_calib.engine.drivers import unwatch
    """
    _sessions.pop(session, None)
    if not _sessions and threading.current_thread() is threading.main_thread():
        _restore()
    return session.signal


def _restore() -> None:
    for number, handler in _before.items():
        if signal.getsignal(number) is _handle:  # else it was replaced meanwhile, as by ``loop.add_signal_handler``
            signal.signal(number, handler)
    _before.clear()


def _handle(number: int, frame: Any) -> None:
    """Cancel all sessions at the first signal; end the script at the second."""
    if not _sessions:  # they have ended: in other threads, or by a signal that is ending the script
        _restore()
        if _received:
            _leave_when_the_script_ends(number)
        signal.raise_signal(number)
        return
    _received.append(number)
    loop = asyncio._get_running_loop()
    if len(_received) > 1:
        if loop is None:
            raise Interrupted
        _leave_when_the_script_ends(number)
        raise interruption(number)  # out of the loop
    waits = list(_sessions.values())
    for session in list(_sessions):
        session.cancel(reason=f"cancelled by {signal.Signals(number).name}", number=number)
    if loop is not None:
        loop.call_soon_threadsafe(int)  # wakes the loop if it waits: a handler alone does not
    if all(waits):  # no call in this thread drives a run and raises at its end
        for wait in waits:
            assert wait is not None
            wait()
        _expect_a_second()
        raise interruption(number)


def _expect_a_second() -> None:
    """Let a second Ctrl-C end a script soon that closes something after an interrupted run, as a dask cluster does.

    Closing is not done then, and what waits for it at the end of the interpreter would wait in vain.
    """
    if not _sessions and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        _before[signal.SIGINT] = signal.signal(signal.SIGINT, _handle)


def _leave_when_the_script_ends(number: int) -> None:
    """After a second signal: do not let threads that still evaluate keep the interpreter from ending."""

    def leave() -> None:
        threading.main_thread().join()  # from here on the interpreter waits for threads
        time.sleep(LEFT)
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):  # a stream that is closed or broken cannot be flushed, and that is all
                stream.flush()
        os._exit(128 + number)

    threading.Thread(target=leave, name="adaptive_calib-leave", daemon=True).start()


def _forget_signals() -> None:
    """Let a forked worker have the default handlers until it loads a function, see `ship`."""
    for number in _before:
        signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.SIG_IGN)
    _before.clear()
    _sessions.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_signals)


async def run_async(session: Session) -> None:
    """Run to the end on the running event loop.

    Raises
    ------
    asyncio.CancelledError
        The task was cancelled. The first time it is raised after everything that had begun was told; the second time
        immediately.

    Examples
    --------
    >>> import asyncio
    >>> from adaptive_calib import Learner1D
    >>> from adaptive_calib.engine.drivers import run_async
    >>> from adaptive_calib.engine.executors import InThisThread
    >>> from adaptive_calib.engine.machine import RunMachine
    >>> from adaptive_calib.engine.session import Session
    >>> from adaptive_calib.engine.evaluate import Work
    >>> from adaptive_calib.runner import Points
    >>> learner = Learner1D(abs, bounds=(-1, 2))
    >>> session = Session(RunMachine(learner, Points(10)), InThisThread(), Work(learner.function))
    >>> asyncio.run(run_async(session))
    >>> session.machine.stop_reason
    'goal reached: 10 points (npoints_goal=10)'
    """
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] | None = None

    def ring() -> None:
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    bell = _Bell(loop, ring)
    session.inbox.wake = bell.ring
    cancelled = False
    look: asyncio.TimerHandle | None = None

    def let_handlers_run() -> None:
        nonlocal look
        look = loop.call_later(LOOK, let_handlers_run)

    try:
        if threading.current_thread() is threading.main_thread():
            let_handlers_run()
        session.start()
        while not session.over:
            try:
                bell.reset()
                if session.inbox.empty():
                    waiter = loop.create_future()
                    seconds = session.wait()
                    timer = loop.call_later(seconds, ring) if seconds is not None else None
                    try:
                        if session.inbox.empty():
                            await waiter
                        if session.linger:
                            await asyncio.sleep(session.linger)
                    finally:
                        waiter = None
                        if timer is not None:
                            timer.cancel()
                else:
                    await asyncio.sleep(0)  # other tasks of the loop run between two steps
                session.step()
            except asyncio.CancelledError:
                session.step(Cancelled(session.now, abandon=cancelled))
                cancelled = True
    finally:
        if look is not None:
            look.cancel()
        session.finish()
    if cancelled or session.machine.status == "cancelled":
        raise asyncio.CancelledError


class _Bell:
    """Wakes the loop from any thread, once until it is reset."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        self._loop = loop
        self._ring = ring
        self._thread = threading.get_ident()
        self._rung = False

    def ring(self) -> None:
        """Wake the loop."""
        if self._rung:
            return
        self._rung = True
        if threading.get_ident() == self._thread:
            self._ring()
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._ring)

    def reset(self) -> None:
        """Let the next ring wake the loop again; to be called before the inbox is read."""
        self._rung = False
