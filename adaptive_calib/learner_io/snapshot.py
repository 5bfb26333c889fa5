"""Snapshots of a learner's data: one file, replaced atomically.

A snapshot is a cloudpickle, by default inside gzip. It is written to a temporary file beside its place, flushed to the
disk, and renamed over the old one, so that a crash at any moment leaves either the old snapshot or the new one. Reading
tells a file that is not there (FileNotFoundError: there is no data yet) from one that is there but cannot be read
(`DamagedSnapshotError`), so that a damaged file is never taken for "no data" and then overwritten.

The data have the shapes of python-adaptive's files, learner by learner, so that those can be read. A pickle can run
code when it is read: load only files from people you trust. For data that are archived or shared use the store of
evaluations or a table, which hold data only.
"""

from __future__ import annotations

import contextlib
import contextvars
import gzip
import os
import pickle
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cloudpickle

from adaptive_calib.store.atomic import replacement

__all__ = ["DamagedSnapshotError", "postponed", "read", "write"]

# 1 takes half the time of gzip's default and 5 % more bytes on 100,000 floats; a run saves every few seconds
_GZIP_LEVEL = 1


class DamagedSnapshotError(ValueError):
    """A snapshot exists, but cannot be read."""


#: Calls that write files, collected within `postponed`.
_POSTPONED: contextvars.ContextVar[list[Callable[[], None]] | None] = contextvars.ContextVar(
    "adaptive_calib_postponed", default=None
)


@contextlib.contextmanager
def postponed() -> Iterator[list[Callable[[], None]]]:
    """Let `write` within the block only pickle the data; each call of the list then writes one file.

    For 100,000 floats pickling takes 10 ms, compressing and writing half a second: a run pickles where the learner
    does not change, and writes in a thread.
    """
    calls: list[Callable[[], None]] = []
    token = _POSTPONED.set(calls)
    try:
        yield calls
    finally:
        _POSTPONED.reset(token)


def write(fname: str | os.PathLike[str], data: Any, compress: bool = True) -> None:
    """Write `data` to a file, in one step; within `postponed`, after its block.

    Parameters
    ----------
    fname : str or path
        Where to; ``~`` is expanded, missing directories are made.
    data
        Anything that cloudpickle takes.
    compress : bool
        Compress with gzip.

    Raises
    ------
    OSError
        If the file cannot be written; the old file is then as it was.
    """
    place = Path(fname).expanduser()
    content = cloudpickle.dumps(data, protocol=pickle.HIGHEST_PROTOCOL)
    calls = _POSTPONED.get()
    if calls is None:
        _replace(place, content, compress)
    else:
        calls.append(lambda: _replace(place, content, compress))


def _replace(place: Path, content: bytes, compress: bool) -> None:
    """Replace a file; at any moment it is the old one or the new one."""
    if compress:
        content = gzip.compress(content, _GZIP_LEVEL)
    place = Path(os.path.realpath(place))  # for a symbolic link, the file that it points to is replaced
    with replacement(place) as temporary:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            temporary.chmod(place.stat().st_mode & 0o777)
    _flush_directory(place.parent)


def _flush_directory(directory: Path) -> None:
    """Flush the renaming to disk, on systems that can flush a directory (not Windows)."""
    if os.name != "posix":
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        # some network file systems raise EINVAL for a directory; the file itself is flushed already
        with contextlib.suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)


def read(fname: str | os.PathLike[str], compress: bool = True) -> Any:
    """Return what `write` wrote.

    Parameters
    ----------
    fname : str or path
        ``~`` is expanded.
    compress : bool
        As it was when the file was written.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DamagedSnapshotError
        If the file is empty, truncated, no snapshot, or was written with the other `compress`.
    """
    place = Path(fname).expanduser()
    content = place.read_bytes()
    zipped = content[:2] == b"\x1f\x8b"
    if zipped != compress:
        raise DamagedSnapshotError(_why_not(place, content, compress))
    try:
        return cloudpickle.loads(gzip.decompress(content) if compress else content)
    except (EOFError, OSError, zlib.error, pickle.UnpicklingError, ValueError, KeyError, IndexError) as error:
        raise DamagedSnapshotError(
            f"the snapshot {place} cannot be read ({type(error).__name__}: {error}); it is probably truncated. "
            "It was left as it is: move it away to start again, or load an older copy."
        ) from error


def _why_not(place: Path, content: bytes, compress: bool) -> str:
    """Return the message for a file whose first bytes do not fit `compress`."""
    if not content:
        return f"the snapshot {place} is empty; move it away to start again, or load an older copy."
    if compress:
        return (
            f"the snapshot {place} should be compressed with gzip, but is not; "
            "if it was saved with compress=False, load it with compress=False."
        )
    return f"the snapshot {place} is compressed with gzip; load it with compress=True."
