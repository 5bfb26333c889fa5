"""The store in one SQLite file, and a folder ``<store>.files`` for large results.

Write-ahead log with ``synchronous=NORMAL`` and one commit per call: what is acknowledged survives ``kill -9``, at some
0.1 ms per row; with ``durable="power"`` (``FULL``) a power cut too, at the price of a flush of the disk per commit.
A large result is written to its file first, under a temporary name that is then replaced; the row comes last. So the
row alone means "present", and present means complete.

Small results that come in a rush wait in lines beside the database first, see
`adaptive_calib.store.backends.intake`: what is read here always includes them, and the end of a run or of the store
moves them into the file.

``y`` is text: in a numeric column SQLite turns NaN into NULL, and NaN is a legal result. Uids and seeds are text, as
its integers end at 2**63.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cache
from itertools import chain
from math import inf
from pathlib import Path
from typing import Any, Literal

from adaptive_calib.store.backends import sqlite_schema as schema
from adaptive_calib.store.backends.files import SideFiles
from adaptive_calib.store.backends.intake import Found, Intake
from adaptive_calib.store.backends.network_folders import warn_of_network_folder
from adaptive_calib.store.base import Store
from adaptive_calib.store.errors import (
    NotAStoreError,
    ReadOnlyStoreError,
    StoreError,
    UnreadableRowError,
)
from adaptive_calib.store.rows import OK, Key, Row, Run, Scanned, SpaceInfo

__all__ = ["SQLiteStore"]

logger = logging.getLogger("adaptive_calib.store")

#: Results with more bytes than this go to files: a blob of 1 MB takes SQLite 6 ms, a file 0.5 ms.
LARGE = 64 * 1024

#: Rows in one statement: 4 us a row instead of 6 with single rows, and the interpreter's lock is given up once for all.
AT_ONCE = 250
#: Rows that come within so many seconds after others wait in lines. Writing what came at once to the database takes
#: 0.1 ms to 1 ms, a fiftieth of the time of what comes more slowly. With 0.005, a run on a slow machine made ten such
#: writes beside 290 lines, and they took as long as these.
RUSH = 0.05
#: Rows that may wait; moving them takes 30 ms. The more at once, the fewer pages of the index are written per row.
WAITING = 5000

_COLUMNS = (
    "space", "point_uid", "split", "replicate", "status", "point", "y", "y_kind", "y_data", "started", "duration",
    "host", "pid", "seed", "attempt", "run_id", "exc_type", "traceback", "y_file",
)  # fmt: skip


@cache
def _put(rows: int, force: bool = False) -> str:
    """Return the statement that writes so many rows, each with the columns of `_columns`."""
    places = f"({', '.join('?' * len(_COLUMNS))})"
    changes = ", ".join(f"{name}=excluded.{name}" for name in _COLUMNS[4:])
    return (
        f"INSERT INTO evals ({', '.join(_COLUMNS)}) VALUES {', '.join([places] * rows)} "
        f"ON CONFLICT (space, point_uid, split, replicate) DO UPDATE SET {changes} "
        f"WHERE evals.status != 'ok'" + (" OR excluded.status = 'ok'" if force else "")
    )


_ROW = """
SELECT space, point_uid, split, replicate, status, point, y, y_kind, y_data, started, duration, host, pid, seed,
       attempt, run_id, exc_type, traceback, coalesce(stdout, ''), coalesce(stderr, ''), coalesce(logs, ''), y_file
FROM evals LEFT JOIN outputs ON outputs.eval = evals.id
"""

_KEY = "space = ? AND point_uid = ? AND split = ? AND replicate = ?"


class SQLiteStore(Store):
    """A store in one file.

    Parameters
    ----------
    path
        The file; made, with its folder, if it is not there.
    durable : {"process", "power"}
        What acknowledged rows survive: the death of the process and of the system's other programs, or a power cut.
    readonly : bool
        Whether the file is opened for reading only; it is then not changed by a single byte.
    pickle_results : bool
        See `Store`.
    journal : {"WAL", "DELETE"}
        SQLite's journal; "DELETE" for network folders, where "WAL" does not work.

    Raises
    ------
    NotAStoreError
        If the file is something else, or damaged.
    NewerStoreError
        If a newer version of this package wrote it.

    Examples
    --------
    >>> from adaptive_calib import BlockingRunner, Learner1D
    >>> from adaptive_calib.runner import SequentialExecutor
    >>> from adaptive_calib.store import SQLiteStore
    >>> learner = Learner1D(abs, bounds=(-1, 2))
    >>> runner = BlockingRunner(learner, npoints_goal=10, store="sqlite-example.db", executor=SequentialExecutor())
    >>> with SQLiteStore("sqlite-example.db") as store:
    ...     print(store.space(abs).counts)
    {'ok': 10}
    """

    def __init__(
        self,
        path: Any,
        durable: Literal["process", "power"] = "process",
        readonly: bool = False,
        *,
        pickle_results: bool = False,
        journal: Literal["WAL", "DELETE"] = "WAL",
    ) -> None:
        super().__init__(pickle_results=pickle_results)
        if durable not in ("process", "power"):
            raise ValueError(f'`durable` should be "process" or "power", but is {durable!r}.')
        if journal not in ("WAL", "DELETE"):
            raise ValueError(f'`journal` should be "WAL" or "DELETE", but is {journal!r}.')
        self.path = Path(path)
        self._readonly = readonly
        self._lock = threading.RLock()  # a driver may write in a thread
        self._files = SideFiles(self.path.with_name(self.path.name + ".files"))
        self._intake = Intake(self.path)
        # Lines say less than a flush of the disk, and another host may not see them yet in a network folder.
        self._lines_allowed = not readonly and durable == "process" and journal == "WAL"
        self._last_put = -inf
        self._merged: tuple[Any, sqlite3.Connection] | None = None  # what a copy was made of, and the copy
        schema.refuse_other_files(self.path, readonly=readonly)
        if not readonly:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if journal == "WAL":
                warn_of_network_folder(self.path)
        with self._explained():
            self._db = schema.connect(self.path, readonly=readonly)
            self._finalizer = weakref.finalize(self, _close, self._db, self._intake)
            try:
                if not readonly:
                    synchronous = "FULL" if durable == "power" else "NORMAL"
                    schema.prepare(self._db, self.path, journal=journal, synchronous=synchronous)
                self._version = schema.version_of(self._db, self.path)
            except BaseException:
                self._finalizer()
                raise

    def __repr__(self) -> str:
        return f"<SQLiteStore {str(self.path)!r}{', read-only' if self._readonly else ''}>"

    # ------------------------------------------------------------------------------------------------ rows

    def put(self, rows: Sequence[Row], *, force: bool = False) -> None:
        """Write rows in one transaction, or in a line that waits for one."""
        self._refuse_if_readonly()
        with self._lock:
            rush = time.monotonic() - self._last_put < RUSH
            if rush and rows and not force and all(map(_is_bare, rows)) and self._open_intake():
                self._intake.append(rows)
                if self._intake.waiting >= WAITING:
                    self._move()
            else:
                self._put_now(rows, force)
            self._last_put = time.monotonic()

    def _put_now(self, rows: Sequence[Row], force: bool) -> None:
        values = [self._columns(row) for row in rows]  # files first
        simple = not (force or any(row.has_output for row in rows) or any(v[-1] for v in values))
        if simple and len(rows) <= AT_ONCE:
            with self._explained():  # one statement is a transaction of its own, and half the time of three
                if not self._intake.pending(self._db):
                    self._insert(self._db, values)
                    return
        with self._transaction() as db:
            if simple:
                self._insert(db, values)
            else:
                for row, columns in zip(rows, values, strict=True):
                    self._put_one(db, row, columns, force)

    @staticmethod
    def _insert(db: sqlite3.Connection, values: Sequence[tuple[Any, ...]]) -> None:
        for start in range(0, len(values), AT_ONCE):
            part = values[start : start + AT_ONCE]
            db.execute(_put(len(part)), list(chain.from_iterable(part)))

    def _open_intake(self) -> bool:
        """Make the file in which rows wait, unless it is there; return whether there may be one."""
        if self._lines_allowed and not self._intake.is_open:
            try:
                with self._transaction() as db:
                    self._lines_allowed = self._intake.open(db)
            except BaseException:  # what the database does not know would never be taken in
                self._intake.close()
                raise
        return self._lines_allowed

    def _move(self) -> None:
        """Move into the database what waits beside it, of whoever's."""
        with self._transaction():
            pass  # each one begins with that

    def _take_in(self, db: sqlite3.Connection, found: Sequence[Found]) -> None:
        try:
            self._intake.move(db, found, lambda rows: self._insert(db, [(*row[:18], None) for row in rows]))
        except (TypeError, sqlite3.InterfaceError, sqlite3.ProgrammingError, sqlite3.IntegrityError) as error:
            raise StoreError(f"the lines that wait beside {self.path} are damaged: {error}.") from error

    def _put_one(self, db: sqlite3.Connection, row: Row, columns: tuple[Any, ...], force: bool) -> None:
        """Write a row with what belongs to it: its output, and the file of its large result."""
        file = columns[-1]
        old = self._file_of(db, row.key) if force or file else None
        written = db.execute(f"{_put(1, force)} RETURNING id", columns).fetchall()
        if written and row.has_output:
            outputs = (written[0][0], row.stdout, row.stderr, row.logs)
            db.execute("INSERT INTO outputs VALUES (?, ?, ?, ?)", outputs)
        unused = old if written else file
        if unused and old != file:
            self._files.remove(unused)

    def _columns(self, row: Row) -> tuple[Any, ...]:
        data, file = row.y_data or None, None
        if data is not None and len(data) > LARGE:
            # the run's id keeps `force` from changing a file under an old row
            file = f"{row.point_uid}-{row.space[:8]}-{_safe(row.split)}-{row.replicate}-{row.run_id}"
            self._files.write(file, data)
            data = None
        return (*row[:8], data, *row[9:18], file)

    def _file_of(self, db: sqlite3.Connection, key: Key) -> str | None:
        found = db.execute(f"SELECT y_file FROM evals WHERE {_KEY}", key).fetchone()
        return found[0] if found else None

    def get(self, key: Key) -> Row | None:
        """Return the row under a key, or None."""
        with self._reading() as db:
            found = db.execute(f"{_ROW} WHERE {_KEY}", key).fetchone()
        return None if found is None else self._row(found)

    def iter(self, space: str) -> Iterator[Row]:
        """Iterate over the rows of a space, in the order of writing."""
        with self._reading() as db:
            found = db.execute(f"{_ROW} WHERE space = ? ORDER BY id", (space,)).fetchall()
        return map(self._row, found)

    def scan(self, space: str) -> Iterator[Scanned]:
        """Iterate over what preloading needs of the rows of a space."""
        columns = "point_uid, split, replicate, status, point, y, y_kind, y_data, y_file"
        with self._reading() as db:
            found = db.execute(f"SELECT {columns} FROM evals WHERE space = ? ORDER BY id", (space,)).fetchall()
        for values in found:
            file = values[8]
            yield Scanned._make(values[:8] if file is None else (*values[:7], self._content(file)))

    def statuses(self, space: str) -> Iterator[tuple[tuple[str, str, int], str]]:
        """Iterate over keys and statuses of a space."""
        with self._reading() as db:
            found = db.execute("SELECT point_uid, split, replicate, status FROM evals WHERE space = ?", (space,))
            return iter([(values[:3], values[3]) for values in found])

    def count(self, space: str) -> dict[str, int]:
        """Return the number of rows of a space by status."""
        with self._reading() as db:
            return dict(
                db.execute("SELECT status, count(*) FROM evals WHERE space = ? GROUP BY status", (space,)).fetchall()
            )

    def _row(self, values: tuple[Any, ...]) -> Row:
        row = Row._make(values[:-1])
        return row if values[-1] is None else row._replace(y_data=self._content(values[-1]))

    def _content(self, file: str) -> bytes:
        try:
            return self._files.read(file)
        except (OSError, ValueError) as error:
            raise UnreadableRowError(
                f"the result {file} of {self.path} is not in {self._files.folder}: {error}. Move the folder along with "
                "the file; if it is lost, delete these rows (space.delete) to compute them again."
            ) from error

    def delete(self, keys: Iterable[Key]) -> int:
        """Delete rows, then their files."""
        files, deleted = [], 0
        with self._transaction() as db:
            for key in keys:
                found = db.execute(f"SELECT id, y_file FROM evals WHERE {_KEY}", key).fetchone()
                if found is not None:
                    db.execute("DELETE FROM evals WHERE id = ?", found[:1])
                    deleted += 1
                    files.append(found[1])
        for file in files:
            if file:
                self._files.remove(file)
        return deleted

    # ------------------------------------------------------------------------------------------------ spaces and runs

    def put_space(self, info: SpaceInfo) -> None:
        """Write or replace the description of a space."""
        seed = None if info.seed is None else str(info.seed)
        values = (
            info.uid, info.slug, info.name, info.version, info.uid_version, info.context_key, seed,
            json.dumps(info.config), json.dumps(info.full_config), info.code_digest, info.created,
        )  # fmt: skip
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO spaces VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)

    def drop_space(self, uid: str) -> None:
        """Delete a space with its rows, then their files."""
        with self._transaction() as db:
            files = db.execute("SELECT y_file FROM evals WHERE space = ? AND y_file NOTNULL", (uid,)).fetchall()
            db.execute("DELETE FROM evals WHERE space = ?", (uid,))
            db.execute("DELETE FROM spaces WHERE uid = ?", (uid,))
        for (file,) in files:
            self._files.remove(file)

    def read_spaces(self) -> list[SpaceInfo]:
        """Return the descriptions of all spaces."""
        with self._reading() as db:
            found = db.execute("SELECT * FROM spaces ORDER BY created, rowid").fetchall()
        return [_space(values) for values in found]

    def put_run(self, run: Run) -> None:
        """Write or replace the description of a run."""
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?)", run)

    def read_runs(self) -> list[Run]:
        """Return the descriptions of all runs."""
        with self._reading() as db:
            return list(map(Run._make, db.execute("SELECT * FROM runs ORDER BY started, rowid").fetchall()))

    # ------------------------------------------------------------------------------------------------ around it

    def clean_files(self) -> int:
        """Remove large results that no row knows; return how many."""
        with self._reading() as db:
            wanted = {f for (f,) in db.execute("SELECT y_file FROM evals WHERE y_file NOTNULL")}
        return self._files.clean(wanted)

    def check(self) -> str:
        """Return what SQLite's integrity check says: ``"ok"`` if all is well."""
        with self._reading() as db:
            return str(db.execute("PRAGMA integrity_check").fetchone()[0])

    def backup(self, path: Any) -> None:
        """Copy the file, while it is in use, to another path; large results in the folder are not copied."""
        with self._reading() as db, closing(sqlite3.connect(path)) as copy:
            db.backup(copy)

    def close(self) -> None:
        """Close the file; what waits beside it is moved into it."""
        with self._lock:
            if self._intake.waiting and self._finalizer.alive:
                try:
                    self._move()
                except StoreError as error:  # they are safe, and moved when it is opened the next time
                    logger.warning("%d results wait in lines beside %r: %s", self._intake.waiting, self, error)
            self._finalizer()

    @property
    def place(self) -> Path | None:
        """The folder ``<store>.files``."""
        return self._files.folder.absolute()

    @property
    def readonly(self) -> bool:
        """Whether nothing is ever written."""
        return self._readonly

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._explained():
            yield self._whole()

    def _whole(self) -> sqlite3.Connection:
        """Return a database with everything in it: this one, or a copy if it cannot take in what waits beside it."""
        if self._version < 2 or not (pending := self._intake.pending(self._db)):
            return self._db
        if not self._readonly:
            try:
                with self._writing():
                    return self._db
            except sqlite3.OperationalError as error:  # a full disk, a lock
                logger.warning("%r is read from a copy: %s", self, error)
        state = pending, self._db.execute("PRAGMA data_version").fetchone()[0]
        if self._merged is None or self._merged[0] != state:
            found = self._intake.look(self._db)  # before the copy is made, which has what is taken in from now on
            copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
            self._db.backup(copy)
            self._take_in(copy, found)
            self._merged = state, copy
        return self._merged[1]

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._refuse_if_readonly()
        with self._lock, self._explained(), self._writing():
            yield self._db

    def _refuse_if_readonly(self) -> None:
        if self._readonly:
            raise ReadOnlyStoreError(f"{self!r} would have been written to; open it without readonly=True.")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """A transaction that begins with taking in what waits."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            found = self._intake.look(self._db)
            self._take_in(self._db, found)
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        self._intake.tidy(found)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.ProgrammingError as error:
            raise StoreError(f"{self!r} cannot be used: {error}") from error
        except sqlite3.OperationalError as error:
            raise StoreError(f"{self.path}: {error}. {_advice(str(error))}") from error
        except sqlite3.DatabaseError as error:
            raise NotAStoreError(
                f"{self.path} is damaged: {error}. Keep a copy; what can be read is saved by "
                "`sqlite3 FILE .recover`, or take a backup."
            ) from error


def _close(db: sqlite3.Connection, intake: Intake) -> None:
    intake.close()
    db.close()


def _space(values: tuple[Any, ...]) -> SpaceInfo:
    uid, slug, name, version, uid_version, context_key, seed, config, full_config, code, created = values
    root = None if seed is None else int(seed)
    texts = json.loads(config), json.loads(full_config)
    return SpaceInfo(uid, slug, name, version, uid_version, context_key, root, *texts, code, created)


def _is_bare(row: Row) -> bool:
    """Whether a row is a result in plain text and nothing else: JSON keeps it as it is, and SQLite never refuses it."""
    return row.status == OK and row.y_data is None and not row.split and not row.has_output


def _safe(text: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in text)[:40]


def _advice(message: str) -> str:
    if "locked" in message:
        return f"Another process kept it locked for {schema.BUSY_SECONDS:g} s; end that one, or use a file of your own."
    if "full" in message:
        return "Free some space on the disk and start again: what was stored until now is there."
    if "readonly" in message or "unable to open" in message:
        return "Are the folder and the file there, and may you write to them? What was stored until now is there."
    return "What was stored until now is there."
