"""The log of a run on disk: one line of JSON for each call on the learner, flushed as it is written.

Values are those of `adaptive_calib.store.codec`, arrays among them as base64. Of a point that is an object of another
type its text is kept, by which a replay recognizes the point when the learner asks for it. One file may hold several
runs in sequence. Each line has a checksum of all lines of its run so far, so that none is changed, left out or doubled.
`adaptive_calib.store.backends.jsonl_file` describes the treatment of a torn last line.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from io import FileIO
from pathlib import Path
from typing import Any
from zlib import crc32

from adaptive_calib.engine.events import LogEntry
from adaptive_calib.store.backends.jsonl_file import LineFormat, append
from adaptive_calib.store.codec import PointKey, decode, encode
from adaptive_calib.store.errors import NotCanonicalError, StoreError, UnreadableRowError, UnstorableResultError
from adaptive_calib.store.identity.canonical import canonical_text

__all__ = ["LOG_VERSION", "FileLog", "log_text", "open_log", "read_log"]

LOG_VERSION = 1
_FORMAT = LineFormat("adaptive_calib run log", LOG_VERSION)


class FileLog:
    """A log that is written to a file; it has the methods that the drivers call.

    Parameters
    ----------
    path
        The file; appended to if it is there.

    Raises
    ------
    NotAStoreError, NewerStoreError
        If the file is not a log, or of a newer version.

    Examples
    --------
    >>> from adaptive_calib.store import FileLog, open_log
    >>> log = open_log("file-example.jsonl")
    >>> log.close()
    >>> isinstance(log, FileLog)
    True
    """

    def __init__(self, path: Any) -> None:
        self.path = Path(path).absolute()
        self._file: FileIO | None = _FORMAT.open(self.path)
        self._checksum = 0

    def __repr__(self) -> str:
        return f"<FileLog {str(self.path)!r}>"

    def write(self, entries: Sequence[LogEntry]) -> None:
        """Write entries; they survive the death of the process when this returns.

        Raises
        ------
        StoreError
            If the file cannot be written.
        """
        if self._file is None:
            raise StoreError(f"{self!r} is closed.")
        lines, checksum = [], self._checksum
        for entry in entries:
            line = _FORMAT.line(_record(entry))
            checksum = crc32(line, checksum)
            lines.append(b'%s,"sum":%d}\n' % (line[:-2], checksum))
        try:
            append(self._file, b"".join(lines))
        except OSError as error:
            raise StoreError(f"the log {self.path} could not be written: {error}.") from error
        self._checksum = checksum

    def close(self) -> None:
        """Close the file. Closing twice does nothing."""
        file, self._file = self._file, None
        if file is not None:
            file.close()


def open_log(path: Any) -> FileLog:
    """Open a file for the log of a run; see `FileLog`.

    Examples
    --------
    >>> from adaptive_calib.engine.events import LogEntry
    >>> from adaptive_calib.store import open_log, read_log
    >>> log = open_log("open-example.jsonl")
    >>> log.write([LogEntry(0.0, "ask", (1,), answer=(0.5,))])
    >>> log.close()
    >>> [entry.answer for entry in read_log("open-example.jsonl")]
    [(0.5,)]
    """
    return FileLog(path)


def read_log(path: Any) -> Iterator[LogEntry]:
    """Return the entries of a log, the oldest first.

    Raises
    ------
    FileNotFoundError, NotAStoreError, NewerStoreError
        If there is no such file, it is not a log, or of a newer version.
    StoreError
        If a line other than the last is damaged.

    Examples
    --------
    >>> from adaptive_calib import BlockingRunner, Learner1D
    >>> from adaptive_calib.runner import SequentialExecutor
    >>> from adaptive_calib.store import read_log
    >>> learner = Learner1D(abs, bounds=(-1, 2))
    >>> runner = BlockingRunner(learner, npoints_goal=5, log="read-example.jsonl", executor=SequentialExecutor())
    >>> sum(entry.name == "tell" for entry in read_log("read-example.jsonl"))
    5
    """
    records = _FORMAT.read(Path(path))  # here, so that the call itself raises errors of the file
    return _entries(Path(path), records)


def _entries(path: Path, records: Iterator[tuple[int, Any]]) -> Iterator[LogEntry]:
    checksum = 0
    for number, record in records:
        try:
            before, checksum = checksum, record.pop("sum")
            line = _FORMAT.line(record)
            if checksum not in (crc32(line, before), crc32(line)):  # the second one: a run begins
                raise ValueError("its checksum is not that of what was written, or a line before it is missing")
            data = b64decode(record.get("data", ""), validate=True)
            args, answer = decode(record["args"], data)
            yield LogEntry(record["t"], record["call"], args, answer, record.get("note", False))
        except (ValueError, KeyError, TypeError, AttributeError, UnreadableRowError) as error:
            raise StoreError(f"line {number} of {path} is damaged: {record!r:.80} ({error}).") from error


def log_text(value: Any) -> str:
    """Return the text that a log keeps of a value that is not plain data: its canonical text, or its ``repr``.

    Examples
    --------
    >>> from adaptive_calib.store.log import log_text
    >>> log_text(range(3))
    'range(0, 3)'
    """
    try:
        return canonical_text(value)
    except NotCanonicalError:
        return repr(value)


def _kept(value: Any) -> Any:
    """Return a value as plain data: as it is, or its text in its place; in lists, of each item."""
    try:
        encode(value)
    except UnstorableResultError:
        return [_kept(item) for item in value] if isinstance(value, list) else PointKey(log_text(value))
    return value


def _record(entry: LogEntry) -> dict[str, Any]:
    try:
        text, data = encode((entry.args, entry.answer), "the log entry")
    except UnstorableResultError:
        text, data = encode((tuple(map(_kept, entry.args)), tuple(map(_kept, entry.answer))))
    record: dict[str, Any] = {"t": entry.time, "call": entry.name, "args": text}
    if entry.note:
        record["note"] = True
    if data:
        record["data"] = b64encode(data).decode("ascii")
    return record
