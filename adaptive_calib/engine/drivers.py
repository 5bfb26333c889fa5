"""Two thin loops around a `Session`: they differ only in how they wait for what comes in."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from adaptive_calib.engine.events import Cancelled
from adaptive_calib.engine.session import Session

__all__ = ["run_async", "run_blocking", "signals"]


def run_blocking(session: Session) -> None:
    """Run to the end in this thread; errors of the run are in ``session.machine.error``, not raised.

    The first Ctrl-C, and SIGTERM, drain and keep what is under way; a second Ctrl-C abandons it and is raised as
    KeyboardInterrupt. Other threads than the main one have no signals.

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
    >>> session.machine.stop_reason
    '10 points are known, at least 10'
    """
    with signals(session):
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


@contextlib.contextmanager
def signals(session: Session) -> Iterator[None]:
    """Let the first SIGINT and SIGTERM cancel the run in an orderly way, while the block lasts; for the main thread.

    Examples
    --------
    >>> from adaptive_calib import Learner1D
    >>> from adaptive_calib.engine.drivers import signals
    >>> from adaptive_calib.engine.executors import InThisThread
    >>> from adaptive_calib.engine.machine import RunMachine
    >>> from adaptive_calib.engine.session import Session
    >>> from adaptive_calib.engine.worker import Work
    >>> from adaptive_calib.runner import Points
    >>> learner = Learner1D(abs, bounds=(-1, 2))
    >>> session = Session(RunMachine(learner, Points(10)), InThisThread(), Work(learner.function))
    >>> with signals(session):  # Ctrl-C here would drain the session
    ...     session.cancel()
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed: list[int] = []

    def drain(number: int, frame: Any) -> None:
        if pressed and number == signal.SIGINT:
            raise KeyboardInterrupt
        pressed.append(number)
        session.cancel(reason=f"cancelled by {signal.Signals(number).name}")

    before = {}
    for number, default in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
        if signal.getsignal(number) is default:  # a handler of somebody else's stays
            before[number] = signal.signal(number, drain)
    _draining.update(before)
    try:
        yield
    finally:
        _draining.difference_update(before)
        for number, handler in before.items():
            signal.signal(number, handler)


#: Signals that drain a run of this process at present.
_draining: set[int] = set()


def _drain_nothing_here() -> None:
    """Let a forked worker die of SIGTERM, by which a broken pool ends it, and leave Ctrl-C to the parent."""
    for number in _draining:
        signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.SIG_IGN)
    _draining.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_drain_nothing_here)


async def run_async(session: Session) -> None:
    """Run to the end on the running event loop.

    Raises
    ------
    asyncio.CancelledError
        The task was cancelled; the first time only after everything under way was told, the second time at once.

    Examples
    --------
    >>> import asyncio
    >>> from adaptive_calib import Learner1D
    >>> from adaptive_calib.engine.drivers import run_async
    >>> from adaptive_calib.engine.executors import InThisThread
    >>> from adaptive_calib.engine.machine import RunMachine
    >>> from adaptive_calib.engine.session import Session
    >>> from adaptive_calib.engine.worker import Work
    >>> from adaptive_calib.runner import Points
    >>> learner = Learner1D(abs, bounds=(-1, 2))
    >>> session = Session(RunMachine(learner, Points(10)), InThisThread(), Work(learner.function))
    >>> asyncio.run(run_async(session))
    >>> session.machine.stop_reason
    '10 points are known, at least 10'
    """
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] | None = None

    def ring() -> None:
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    bell = _Bell(loop, ring)
    session.inbox.wake = bell.ring
    cancelled = False
    try:
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
                    await asyncio.sleep(0)  # others on this loop have their turn between two steps
                session.step()
            except asyncio.CancelledError:
                session.step(Cancelled(session.now, abandon=cancelled))
                cancelled = True
    finally:
        session.finish()
    if cancelled or session.machine.status == "cancelled":
        raise asyncio.CancelledError


class _Bell:
    """Wakes the loop from any thread, once until it has woken up."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        self._loop = loop
        self._ring = ring
        self._thread = threading.get_ident()
        self._rung = False

    def ring(self) -> None:
        """Wake it up."""
        if self._rung:
            return
        self._rung = True
        if threading.get_ident() == self._thread:
            self._ring()
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._ring)

    def reset(self) -> None:
        """Hear the next ring again; to be called before the inbox is looked at."""
        self._rung = False
