"""The log of a run in memory.

The log is a list of the calls on the learner, in their order: ``("ask", n)``, ``("tell", x, y)``, ``("tell_many", xs,
ys)`` for results that were loaded, ``("tell_failed", x)``, ``("remove_unfinished",)``. The n of an ask is the number
that was really asked for, and the entry keeps the points of the answer, so that a replay finds the first difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adaptive_calib.engine.events import LogEntry

__all__ = ["AskedEntry", "MemoryLog"]


class AskedEntry(tuple[Any, ...]):
    """``("ask", n)``, which remembers the points of the answer as `points`."""

    points: tuple[Any, ...]

    def __new__(cls, n: int, points: Sequence[Any]) -> AskedEntry:
        """Make the entry of ``ask(n) -> points``."""
        entry = tuple.__new__(cls, ("ask", n))
        entry.points = tuple(points)
        return entry

    def __reduce__(self) -> tuple[type[AskedEntry], tuple[int, tuple[Any, ...]]]:
        """Keep the points through a pickle."""
        return AskedEntry, (self[1], self.points)


class MemoryLog:
    """A run log that is a list of tuples."""

    def __init__(self) -> None:
        self.entries: list[tuple[Any, ...]] = []

    def write(self, entries: Sequence[LogEntry]) -> None:
        """Append the calls; notes are left out."""
        for _, name, args, answer, note in entries:
            if note:
                continue
            self.entries.append(AskedEntry(args[0], answer) if name == "ask" else (name, *args))

    def close(self) -> None:
        """Nothing to do."""
