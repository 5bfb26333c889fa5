"""Rows on their way into a database: lines in files beside it, moved into its table many at a time.

A statement costs a run of very short evaluations more than all else that is done for a point: each row changes a page
of the index, which goes to SQLite's log as a whole, and the interpreter's lock is given up several times. A line at the
end of a file takes a tenth of that, and survives the death of the process just as well. So rows that come in a rush
wait in such a file, until there are many, or somebody asks for them.

Whoever writes has a file of its own, so that no two processes write to one; whoever opens the database moves what waits
in all of them. The database knows each file, and how much of it was moved, by the transaction that moved it: a line
counts once, whoever is killed when, and lines of another database of the same name count never. A lock on the file says
that its writer lives; without locks (Windows, some network folders) nothing waits.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import sqlite3
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from adaptive_calib.store.errors import StoreError
from adaptive_calib.store.rows import Row

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["TABLE", "Intake"]

#: The files that are known, by the ends of their names, and how many bytes of each have been moved.
TABLE = "CREATE TABLE intake (file TEXT PRIMARY KEY, taken INTEGER NOT NULL)"
#: Bytes after which a file whose rows were moved is replaced by a new one.
LARGE = 8 * 2**20

#: The fields of a `Row`, or what JSON makes of them.
Values = Sequence[Any]

_encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
#: Where a row has the two floats.
_TIMES = slice(Row._fields.index("started"), Row._fields.index("duration") + 1)


def _line(rows: Sequence[Values]) -> bytes:
    """Return rows as a line of JSON: their times as hexadecimal bytes, then their other columns.

    A column that is the same in all rows stands there once. That, and no decimal digits for the times, which take as
    long as all the rest, makes 1.0 us a row of 2.4.
    """
    columns = list(zip(*rows, strict=True))
    times = struct.pack(f"<{2 * len(rows)}d", *columns[_TIMES.start], *columns[_TIMES.start + 1])
    del columns[_TIMES]
    shared = [column[0] if column.count(column[0]) == len(rows) else column for column in columns]
    return _encode([times.hex(), *shared]).encode("ascii") + b"\n"


def _rows(line: bytes) -> list[Values]:
    """Return the rows of a line."""
    times, *columns = json.loads(line)
    content = bytes.fromhex(times)
    number = len(content) // 16
    both = struct.unpack(f"<{2 * number}d", content)
    columns = [column if isinstance(column, list) else [column] * number for column in columns]
    columns[_TIMES.start : _TIMES.start] = both[:number], both[number:]
    return list(zip(*columns, strict=True))


class Found(NamedTuple):
    """What waits in a file: complete lines, each with the byte where it ends; and where the file ends."""

    name: str
    lines: list[tuple[int, list[Values]]]
    size: int


class Intake:
    """The files of lines beside a database, and the one among them that its opener writes.

    Parameters
    ----------
    database : Path
        The files are beside it, and their names begin with its name.
    """

    def __init__(self, database: Path) -> None:
        self._database = database.absolute()
        self._handle: int | None = None
        self._name = ""
        self._pid = 0
        self._rows: list[Values] = []  # what waits in the own file, from the byte _start on
        self._start = self._end = 0

    @property
    def is_open(self) -> bool:
        """Whether there is an own file."""
        return self._handle is not None

    @property
    def waiting(self) -> int:
        """How many rows wait in the own file."""
        return len(self._rows)

    # ------------------------------------------------------------------------------------------------ the own file

    def open(self, db: sqlite3.Connection) -> bool:
        """Begin an own file, within a transaction of the caller, if there is none; return whether there is one now."""
        if self._handle is None and fcntl is not None:
            name = secrets.token_hex(8)
            handle = os.open(self._path(name), os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_WRONLY, 0o666)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
            except OSError:  # no locks here
                os.close(handle)
                self._path(name).unlink()
                return False
            self._handle, self._name, self._pid = handle, name, os.getpid()
            self._start = self._end = 0
            db.execute("INSERT INTO intake VALUES (?, 0)", (name,))
        return self._handle is not None

    def append(self, rows: Sequence[Values]) -> None:
        """Write rows as one line, complete or not at all; they survive the death of the process.

        Raises
        ------
        StoreError
            If there is no room.
        """
        assert self._handle is not None
        line = rest = memoryview(_line(rows))
        try:
            while rest:  # a disk that becomes full takes a part, and says so the next time
                rest = rest[os.write(self._handle, rest) :]
        except OSError as error:
            os.ftruncate(self._handle, self._end)
            raise StoreError(
                f"{self._path(self._name)} could not be written: {error}. What was stored until now is there; start "
                "again when there is room."
            ) from error
        self._end += len(line)
        self._rows += rows

    def close(self) -> None:
        """Close the own file, and remove it if nothing waits in it any more."""
        handle, self._handle = self._handle, None
        if handle is not None:
            if not self._rows and self._pid == os.getpid():  # not that of a parent, in a fork
                self._path(self._name).unlink(missing_ok=True)
            os.close(handle)
            self._name, self._end = "", 0

    # ------------------------------------------------------------------------------------------------ all files

    def pending(self, db: sqlite3.Connection) -> dict[str, int]:
        """Return the sizes of the files that a database has not taken in to their ends."""
        found = {}
        for name, taken in db.execute("SELECT file, taken FROM intake").fetchall():
            with contextlib.suppress(FileNotFoundError):  # taken in, and removed
                if (size := self._path(name).stat().st_size) > taken:
                    found[name] = size
        return found

    def look(self, db: sqlite3.Connection) -> list[Found]:
        """Read what a database has not taken in.

        Raises
        ------
        StoreError
            If a line is damaged.
        """
        found = []
        for name, taken in db.execute("SELECT file, taken FROM intake ORDER BY rowid").fetchall():
            with contextlib.suppress(FileNotFoundError):  # taken in, and removed
                found.append(self._read(name, taken))
        return found

    def move(self, db: sqlite3.Connection, found: Sequence[Found], insert: Callable[[Sequence[Values]], None]) -> None:
        """Insert what was found into a database, unless it has taken it in since; in a transaction of the caller."""
        known = dict(db.execute("SELECT file, taken FROM intake").fetchall())
        for name, lines, _ in found:
            taken = known.pop(name, None)
            rows = [] if taken is None else [row for end, rows in lines if end > taken for row in rows]
            if rows:
                insert(rows)
                db.execute("UPDATE intake SET taken = ? WHERE file = ?", (lines[-1][0], name))
        db.executemany("DELETE FROM intake WHERE file = ?", [(name,) for name in known])  # these files are gone

    def _read(self, name: str, taken: int) -> Found:
        if name == self._name and taken == self._start:
            return Found(name, [(self._end, self._rows)], self._end)
        with self._path(name).open("rb") as file:
            file.seek(taken)
            content = file.read()
        lines, end = [], taken
        try:
            for line in content.split(b"\n")[:-1]:  # what follows the last end of line is being written, or torn
                end += len(line) + 1
                lines.append((end, _rows(line)))
        except (ValueError, TypeError, IndexError, struct.error) as error:
            raise StoreError(
                f"{self._path(name)} is damaged before the byte {end}: {error}. Move it away to go on without it."
            ) from error
        return Found(name, lines, taken + len(content))

    def tidy(self, found: Sequence[Found]) -> None:
        """Once it is committed what `move` did: let go of the own rows, and remove files that nobody writes to."""
        for name, _, size in found:
            if name == self._name:
                self._rows, self._start = [], self._end
            elif fcntl is not None:
                self._remove_abandoned(self._path(name), size)
        if self._end > LARGE:
            self.close()

    @staticmethod
    def _remove_abandoned(path: Path, size: int) -> None:
        """Remove a file that was taken in up to this size, if it has no more bytes and its writer is gone."""
        with contextlib.suppress(OSError), path.open("rb") as file:  # one that stays does no harm
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(file.fileno()).st_size == size:
                path.unlink()

    def _path(self, name: str) -> Path:
        return self._database.with_name(f"{self._database.name}-intake-{name}")
