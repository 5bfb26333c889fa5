"""The log of a run on disk: one line of JSON for each call on the learner, flushed as it is written.

The first line names the format. Values are those of `adaptive_calib.store.codec`, arrays among them as base64. A
process that is killed leaves at most a torn last line: a reader ignores it, a writer cuts it off before it appends,
or the next record would be glued to it and lost. Several runs may follow each other in one file.
"""

from __future__ import annotations

import json
import os
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from adaptive_calib.engine.events import Entry
from adaptive_calib.store.codec import decode, encode
from adaptive_calib.store.errors import NewerStoreError, NotAStoreError, StoreError, UnstorableResultError

__all__ = ["LOG_VERSION", "FileLog", "open_log", "read_log"]

LOG_VERSION = 1
_HEAD = {"format": "adaptive_calib run log"}


class FileLog:
    """A log that is written to a file; it has the methods that the drivers call.

    Parameters
    ----------
    path
        The file; appended to if it is there.

    Raises
    ------
    NotAStoreError, NewerStoreError
        If the file is no log, or one of a newer version.
    """

    def __init__(self, path: Any) -> None:
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file: BinaryIO | None = self._open()

    def __repr__(self) -> str:
        return f"<FileLog {str(self.path)!r}>"

    def _open(self) -> BinaryIO:
        file = self.path.open("ab+")
        try:
            _cut_torn_line(file)
            file.seek(0)
            head = file.readline()
            if head:
                _check_head(head, self.path)
            file.seek(0, os.SEEK_END)
            if not head:
                file.write(_line({**_HEAD, "version": LOG_VERSION}))
                file.flush()
        except BaseException:
            file.close()
            raise
        return file

    def write(self, entries: Sequence[Entry]) -> None:
        """Write entries; they survive the death of the process when this returns.

        Raises
        ------
        StoreError
            If the file cannot be written.
        """
        if self._file is None:
            raise StoreError(f"{self!r} is closed.")
        try:
            self._file.write(b"".join(map(_entry_line, entries)))
            self._file.flush()
        except OSError as error:
            raise StoreError(f"the log {self.path} could not be written: {error}.") from error

    def close(self) -> None:
        """Close the file. Closing twice does nothing."""
        if self._file is not None:
            self._file.close()
            self._file = None


def open_log(path: Any) -> FileLog:
    """Open a file for the log of a run; see `FileLog`."""
    return FileLog(path)


def read_log(path: Any) -> Iterator[Entry]:
    """Return the entries of a log, the oldest first.

    Raises
    ------
    FileNotFoundError, NotAStoreError, NewerStoreError
        If there is no such file, it is no log, or of a newer version.
    StoreError
        If a line other than the last is damaged.
    """
    path = Path(path)
    lines = path.read_bytes().split(b"\n")
    lines.pop()  # empty, or torn
    if not lines:
        raise NotAStoreError(f"{path} has no complete first line, so it is no log of a run, or an empty one.")
    _check_head(lines[0], path)
    return _entries(path, lines)


def _entries(path: Path, lines: list[bytes]) -> Iterator[Entry]:
    for number, line in enumerate(lines[1:], start=2):
        try:
            record = json.loads(line)
            data = b64decode(record.get("data", ""), validate=True)
            args, answer = decode(record["args"], data)
            yield Entry(record["t"], record["call"], args, answer, record.get("note", False))
        except (ValueError, KeyError, TypeError, StoreError) as error:
            raise StoreError(f"line {number} of {path} is damaged: {line[:80]!r} ({error}).") from error


def _entry_line(entry: Entry) -> bytes:
    try:
        text, data = encode((entry.args, entry.answer), "the log entry")
    except UnstorableResultError:
        # the log is for looking and replaying, so it keeps what it can; a replay that meets this differs and says so
        text, data = encode((tuple(map(repr, entry.args)), tuple(map(repr, entry.answer))))
    record: dict[str, Any] = {"t": entry.time, "call": entry.name, "args": text}
    if entry.note:
        record["note"] = True
    if data:
        record["data"] = b64encode(data).decode("ascii")
    return _line(record)


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode("ascii") + b"\n"


def _cut_torn_line(file: BinaryIO) -> None:
    """Cut off what stands after the last end of line."""
    end = file.seek(0, os.SEEK_END)
    position = end
    while position > 0:
        start = max(0, position - 65536)
        file.seek(start)
        found = file.read(position - start).rfind(b"\n")
        if found >= 0:
            position = start + found + 1
            break
        position = start
    if position < end:
        file.seek(0)
        if position == 0 and not b'{"format":"adaptive_calib run log"'.startswith(file.read(34)[:34]):
            raise NotAStoreError(f"{file.name} is no log of a run; nothing was changed, give another path.")
        file.truncate(position)


def _check_head(line: bytes, path: Path) -> None:
    try:
        head = json.loads(line)
    except ValueError:
        head = None
    if not isinstance(head, dict) or head.get("format") != _HEAD["format"]:
        raise NotAStoreError(f"{path} is no log of a run: it begins with {line[:40]!r}. Nothing was changed.")
    if head.get("version", 0) > LOG_VERSION:
        raise NewerStoreError(
            f"{path} has format {head['version']}, and this adaptive_calib reads up to {LOG_VERSION}; use a newer one."
        )
