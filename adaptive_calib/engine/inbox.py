"""The one queue of a run: what has arrived and was not taken in yet."""

from __future__ import annotations

import queue
import time
from collections import deque
from collections.abc import Callable
from math import inf
from typing import Any

__all__ = ["LOOK", "Inbox", "wait_in_slices"]

#: Seconds of a slice of waiting. Python runs the handler of a signal that came just before a wait, or was delivered to
#: another thread, only when the main thread goes on.
LOOK = 0.2


def wait_in_slices(wait: Callable[[float], bool], timeout: float | None) -> bool:
    """Wait in slices of at most `LOOK` seconds, between which handlers of signals run.

    Parameters
    ----------
    wait : callable
        Waits for at most so many seconds; whether that was enough.
    timeout : float or None
        Seconds for all slices together.

    Examples
    --------
    >>> import threading
    >>> from adaptive_calib.engine.inbox import wait_in_slices
    >>> wait_in_slices(threading.Event().wait, 0.01)
    False
    """
    until = inf if timeout is None else time.monotonic() + timeout
    while not wait(min(LOOK, max(0.0, until - time.monotonic()))):
        if time.monotonic() >= until:
            return False
    return True


class Inbox:
    """Queue of finished batches and events that the session has not taken yet; any thread may put."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._first: deque[Any] = deque()
        self.wake: Callable[[], None] | None = None

    def put(self, item: Any) -> None:
        """Put one item; safe in a signal handler."""
        self._queue.put(item)
        if self.wake is not None:
            self.wake()

    def take(self) -> list[Any]:
        """Return everything that is there, in the order of arrival."""
        items: list[Any] = []
        if self._first:
            items += self._first
            self._first.clear()
        for _ in range(self._queue.qsize()):  # this is the only reader
            items.append(self._queue.get_nowait())
        return items

    def wait(self, timeout: float | None) -> None:
        """Block until something is there, at most `timeout` seconds."""
        if not self._first:
            wait_in_slices(self._receive, timeout)

    def _receive(self, seconds: float) -> bool:
        try:
            self._first.append(self._queue.get(timeout=seconds) if seconds else self._queue.get_nowait())
        except queue.Empty:
            return False
        return True

    def empty(self) -> bool:
        """Whether nothing is there."""
        return not self._first and self._queue.empty()
