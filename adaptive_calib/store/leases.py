"""Points under evaluation, shared out among the processes that use one store.

A run takes a lease on a point before it evaluates it, and gives the lease up when the result is stored. A lease holds
as long as its owner lives. An owner writes another number every `HEARTBEAT` seconds. It has died if its process
is gone, or, as seen from another host, if its number has stayed the same for `LEASE` seconds; clocks of hosts are not
compared. Then others take its leases over.

Leases save work and protect nothing. If an owner was stopped for longer than its lease, a point is evaluated twice, and
the first result is kept.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from adaptive_calib.store.errors import StoreError
from adaptive_calib.store.manifest import process_is_gone
from adaptive_calib.store.rows import Key

if TYPE_CHECKING:
    from adaptive_calib.store.backend import Backend

__all__ = ["HEARTBEAT", "LEASE", "Leases"]

logger = logging.getLogger("adaptive_calib.store")

HEARTBEAT = 5.0
LEASE = 30.0


class Leases:
    """The leases of one run.

    Parameters
    ----------
    store : Backend
        Where leases are kept.
    run_id : str
        Distinguishes the run from others of the same process.
    heartbeat, lease : float
        Seconds between two signs of life; seconds without one after which an owner has died.

    Examples
    --------
    >>> from adaptive_calib.store import MemoryStore
    >>> from adaptive_calib.store.leases import Leases
    >>> from adaptive_calib.store.rows import Key
    >>> store, point = MemoryStore(), Key("space", "point")
    >>> first, second = Leases(store, "1"), Leases(store, "2")
    >>> first.claim([point]), second.claim([point]) == {point}
    (set(), True)
    >>> first.close()
    >>> second.claim([point])
    set()
    >>> second.close()
    """

    def __init__(self, store: Backend, run_id: str, *, heartbeat: float = HEARTBEAT, lease: float = LEASE) -> None:
        self._store = store
        self._owner = f"{socket.gethostname()}/{os.getpid()}/{run_id}"
        self._heartbeat = heartbeat
        self._lease = lease
        self._claimed: set[Key] = set()
        self._seen: dict[str, tuple[int | None, float]] = {}  # owner -> its last number, and when it was new here
        self._next_look = 0.0
        store.beat(self._owner, 0)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True, name="leases")
        self._thread.start()

    def claim(self, keys: Sequence[Key]) -> set[Key]:
        """Take leases on points; return those that another living run evaluates."""
        held = self._store.claim(keys, self._owner)
        if held:
            dead = self._dead(set(held.values()))
            if dead:
                logger.info("points of runs that have died are taken over: %s", ", ".join(sorted(dead)))
                held = self._store.claim(keys, self._owner, dead)
        self._claimed.update(key for key in keys if key not in held)
        return set(held)

    def release(self, keys: Iterable[Key]) -> None:
        """Give up leases; those that this run does not have are left out."""
        given_up = self._claimed.intersection(keys)
        if not given_up:
            return
        self._claimed -= given_up
        try:
            self._store.release(given_up, self._owner)
        except (StoreError, OSError) as error:  # others find the results all the same, and the lease ends with the run
            logger.warning("%r: leases could not be given up: %s", self._store, error)

    def close(self) -> None:
        """Give up all leases and end the signs of life."""
        if self._stop.is_set():
            return
        self._stop.set()
        self._thread.join()
        self.release(set(self._claimed))
        try:
            self._store.beat(self._owner, None)
        except (StoreError, OSError) as error:  # the lease expires by itself
            logger.debug("%r: the end of the leases could not be written: %s", self._store, error)

    def _dead(self, owners: set[str]) -> set[str]:
        """Return those of the owners that have died."""
        now = time.monotonic()
        if now >= self._next_look or owners - self._seen.keys():
            beats = self._store.beats()
            for owner in owners | self._seen.keys():
                number = beats.get(owner)
                if owner not in self._seen or self._seen[owner][0] != number:
                    self._seen[owner] = number, now
            self._next_look = now + self._heartbeat
        return {owner for owner in owners if _is_gone(owner) or now - self._seen[owner][1] > self._lease}

    def _beat(self) -> None:
        number = 0
        while not self._stop.wait(self._heartbeat):
            number += 1
            try:
                self._store.beat(self._owner, number)
            except (StoreError, OSError) as error:  # a place that is away for a moment; the lease says how long
                logger.debug("%r: no sign of life could be written: %s", self._store, error)


def _is_gone(owner: str) -> bool:
    host, _, rest = owner.partition("/")
    pid = rest.partition("/")[0]
    return process_is_gone({"host": host, "pid": int(pid) if pid.isdigit() else None})
