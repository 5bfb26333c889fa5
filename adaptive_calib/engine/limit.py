"""Ends of an evaluation from outside: its time limit, and the signal that ends the script.

The time limit holds for Python code in the main thread of a process, on Unix. The driver enforces it elsewhere, where
it can replace the process that evaluates; see `adaptive_calib.engine.overdue`.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["Interrupted", "TimeLimitError", "can_interrupt", "time_limit"]


class TimeLimitError(TimeoutError):
    """An evaluation took longer than the `timeout` of its run."""


class Interrupted(KeyboardInterrupt):
    """Raised in the main thread by a second signal: the run ends without waiting for anything."""


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Raise `TimeLimitError` in the block after `seconds`, where a signal can do that.

    Examples
    --------
    >>> from adaptive_calib.engine.limit import time_limit
    >>> with time_limit(60.0):
    ...     print("in time")
    in time
    """
    if seconds is None or not can_interrupt():
        yield
        return

    def interrupt(number: int, frame: Any) -> None:
        raise TimeLimitError(f"the evaluation took longer than {seconds:g} s.")

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def can_interrupt() -> bool:
    """Whether a signal can interrupt an evaluation in this thread.

    Examples
    --------
    >>> from adaptive_calib.engine.limit import can_interrupt
    >>> can_interrupt() in (True, False)
    True
    """
    return hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
