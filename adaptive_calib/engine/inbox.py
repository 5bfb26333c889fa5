"""The one queue of a run: what has arrived and was not taken in yet."""

from __future__ import annotations

import contextlib
import queue
from collections import deque
from collections.abc import Callable
from typing import Any

__all__ = ["Inbox"]


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
            with contextlib.suppress(queue.Empty):
                self._first.append(self._queue.get(timeout=timeout) if timeout != 0 else self._queue.get_nowait())

    def empty(self) -> bool:
        """Whether nothing is there."""
        return not self._first and self._queue.empty()
