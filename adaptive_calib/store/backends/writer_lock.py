"""One writer for a file, on this host and on others, with or without locks of the file system.

The lock is a file ``<name>.lock`` that names its owner, and is locked by `fcntl.flock` as long as the owner lives. The
kernel releases that when a process dies, so that the next one can take over immediately. Some network folders have no
locks, or none between hosts. There the owner touches the file every `HEARTBEAT` seconds, and another process takes over
when that has not happened for `LEASE` seconds. Before each write the owner checks that the file still names it.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import sys
import threading
import time
import weakref
from pathlib import Path
from typing import Any

from adaptive_calib.store.errors import StoreError
from adaptive_calib.store.manifest import process_is_gone

__all__ = ["HEARTBEAT", "LEASE", "WriterLock"]

HEARTBEAT = 3.0
LEASE = 15.0
#: Seconds after which a lock without a readable owner is taken over: its maker died while it made it.
_UNFINISHED = 2.0


class WriterLock:
    """The lock of the file at `path`; taken when it is made.

    Parameters
    ----------
    path : Path
        The file that is written to.
    wait : float
        Seconds to wait for another process.

    Raises
    ------
    StoreError
        If another process writes to it.
    """

    def __init__(self, path: Path, wait: float = 0.0) -> None:
        self._path = path
        self._lock = path.with_name(path.name + ".lock")
        mine = {"host": socket.gethostname(), "pid": os.getpid(), "token": secrets.token_hex(8)}
        self._mine = json.dumps(mine).encode("ascii")
        path.parent.mkdir(parents=True, exist_ok=True)
        until = time.monotonic() + wait
        while True:
            try:
                self._handle = self._taken()
                break
            except StoreError:
                if time.monotonic() > until:
                    raise
            time.sleep(0.002)
        stop = threading.Event()
        beats = threading.Thread(target=_beat, args=(self._handle, stop), daemon=True, name="writer lock")
        beats.start()
        self._finalizer = weakref.finalize(self, _give_up, self._lock, self._handle, self._mine, stop, os.getpid())

    def refuse_if_lost(self) -> None:
        """Raise `StoreError` unless the lock still names this owner."""
        try:
            content = self._lock.read_bytes()
        except OSError:
            content = b""
        if content != self._mine:
            raise StoreError(
                f"{self._lock} was removed or taken over by another writer ({content!r}), so nothing "
                f"more is written to {self._path}. Was this process stopped for some time?"
            )

    def release(self) -> None:
        """Give the lock up. Doing so twice does nothing."""
        self._finalizer()

    def _taken(self) -> int:
        while True:
            handle = os.open(self._lock, os.O_CREAT | os.O_RDWR | getattr(os, "O_CLOEXEC", 0), 0o666)
            try:
                locked = _lock_file(handle)
                if locked is False:
                    self._refuse(_content(handle))
                if not _is_at(handle, self._lock):  # its owner removed it meanwhile
                    os.close(handle)
                    continue
                self._wait_for_other_owner(handle, locked=bool(locked))
                os.truncate(handle, 0)
                os.pwrite(handle, self._mine, 0)
                if locked is None:  # two may have got here: the last one to write is the owner
                    time.sleep(1.0)
                    if _content(handle) != self._mine:
                        self._refuse(_content(handle))
            except BaseException:
                with contextlib.suppress(OSError):
                    os.close(handle)
                raise
            return handle

    def _wait_for_other_owner(self, handle: int, *, locked: bool) -> None:
        """Return when the owner that the file names is gone; raise if it lives."""
        content = _content(handle)
        if not content and locked:
            return  # new, or of a maker that has died
        owner = _parsed(content)
        if owner.get("host") == socket.gethostname() and (locked or process_is_gone(owner)):
            return
        patience = LEASE if owner else _UNFINISHED
        before, until = os.fstat(handle).st_mtime_ns, time.monotonic() + patience
        if time.time() - before / 1e9 > 10 * patience:  # far more than clocks of hosts differ
            return
        while time.monotonic() < until:
            time.sleep(0.1)
            if _mtime(self._lock) != before or _content(handle) != content:
                self._refuse(_content(handle))

    def _refuse(self, content: bytes) -> None:
        owner = _parsed(content)
        who = "another process" if owner.get("pid") is None else f"process {owner['pid']} on {owner.get('host')}"
        raise StoreError(
            f"{who} writes to {self._path}, and such a file has one writer. End that process first, or use a file of "
            "your own."
        )


def _lock_file(handle: int) -> bool | None:
    """Lock a file; False if another process has it, None if the file system has no locks."""
    if sys.platform == "win32":
        return None
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _beat(handle: int, stop: threading.Event) -> None:
    while not stop.wait(HEARTBEAT):
        with contextlib.suppress(OSError):  # a folder that is away for a moment; the lease says how long
            os.utime(handle)


def _give_up(lock: Path, handle: int, mine: bytes, stop: threading.Event, pid: int) -> None:
    stop.set()
    with contextlib.suppress(OSError):
        if os.getpid() == pid and lock.read_bytes() == mine:
            lock.unlink()
    with contextlib.suppress(OSError):
        os.close(handle)


def _content(handle: int) -> bytes:
    return os.pread(handle, 10_000, 0)


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        owner = json.loads(content)
    except ValueError:
        return {}
    return owner if isinstance(owner, dict) else {}


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except OSError:
        return False


def _mtime(path: Path) -> int | None:
    try:
        with path.open("rb") as file:  # opening asks the server, where `stat` may answer from a cache
            return os.fstat(file.fileno()).st_mtime_ns
    except OSError:
        return None
