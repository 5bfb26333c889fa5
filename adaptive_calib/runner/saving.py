"""Saves a learner beside its run: its data taken between two steps, written in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from adaptive_calib.engine.observers import logger

__all__ = ["Saver"]


class Saver:
    """Saves a learner that a run is changing.

    Parameters
    ----------
    learner
        Anything with a method `save`.
    save : callable
        ``save(learner)``; files that `adaptive_calib.learner_io.snapshot.write` writes for it are written in a thread.
    lock : context manager
        Held while `save` is called.
    """

    def __init__(self, learner: Any, save: Callable[[Any], None], lock: AbstractContextManager[Any]) -> None:
        self._learner = learner
        self._save = save
        self._lock = lock
        self._failing = False

    async def save(self) -> None:
        """Save it; raise what goes wrong."""
        from adaptive_calib.learner_io.snapshot import postponed  # here: only who saves needs the store

        with self._lock, postponed() as writes:
            self._save(self._learner)
        for write in writes:
            await asyncio.to_thread(write)
        self._failing = False

    async def try_to_save(self) -> None:
        """Save it; what goes wrong is said, once until it goes well again."""
        try:
            await self.save()
        except Exception:  # noqa: BLE001 - said, and tried again: a full disk may have room again before the run ends
            if not self._failing:
                self._failing = True
                logger.exception("saving the learner failed; the run goes on, and it is tried again until its end.")
