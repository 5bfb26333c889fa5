"""Telling a progress bar or a queue how many paths are drawn, without knowing any display library."""

from __future__ import annotations

from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

__all__ = ["Progress", "ProgressBar", "ProgressQueue", "ProgressTarget"]


@runtime_checkable
class ProgressBar(Protocol):
    """The part of a tqdm bar that is used."""

    def reset(self, total: float | None = None) -> object:
        """Begin anew with this total."""
        ...

    def update(self, n: float | None = 1) -> object:
        """Move on by `n`."""
        ...


@runtime_checkable
class ProgressQueue(Protocol):
    """The part of a multiprocessing queue that is used."""

    def put(self, obj: Any) -> object:
        """Hand over the total number of paths, once for each path."""
        ...


ProgressTarget: TypeAlias = ProgressBar | ProgressQueue | Literal["auto"] | None


class Progress:
    """Passes on the progress of one sampling; ``None`` and ``"auto"`` show nothing.

    Raises TypeError for anything that is neither a bar nor a queue.
    """

    def __init__(self, target: ProgressTarget) -> None:
        self._bar: ProgressBar | None = None
        self._queue: ProgressQueue | None = None
        self._total = 0
        self._drawn = 0
        # the type before the value: a tqdm bar cannot be compared with a string
        if target is None or (isinstance(target, str) and target == "auto"):
            return
        if isinstance(target, ProgressBar):
            self._bar = target
        elif isinstance(target, ProgressQueue):
            self._queue = target
        else:
            raise TypeError(
                "a progress argument should be None, 'auto', a tqdm bar or a queue, "
                f"but is of type {type(target).__name__}: {target!r}."
            )

    def start(self, total: int) -> None:
        """Begin with, or go on to, `total` paths; what was already drawn stays counted."""
        self._total = total
        if self._bar is not None:
            self._bar.reset(total)
            self._bar.update(self._drawn)

    def advance(self, paths: int) -> None:
        """Count `paths` more: one update of a bar, one item a path for a queue."""
        self._drawn += paths
        if self._bar is not None:
            self._bar.update(paths)
        elif self._queue is not None:
            for _ in range(paths):
                self._queue.put(self._total)
