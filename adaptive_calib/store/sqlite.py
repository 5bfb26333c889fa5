"""The store in one SQLite file, and a folder ``<store>.files`` for large results.

Write-ahead log with ``synchronous=NORMAL`` and one commit per call: what is acknowledged survives ``kill -9``, at some
0.1 ms per row; with ``durable="power"`` (``FULL``) a power cut too, at the price of a flush of the disk per commit.
A large result is written to its file first, under a temporary name that is then replaced; the row comes last. So the
row alone means "present", and present means complete.

``y`` is text: in a numeric column SQLite turns NaN into NULL, and NaN is a legal result. Uids and seeds are text, as
its integers end at 2**63.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from adaptive_calib.store.base import Store
from adaptive_calib.store.errors import (
    NewerStoreError,
    NotAStoreError,
    ReadOnlyStoreError,
    StoreError,
    UnreadableRowError,
)
from adaptive_calib.store.files import SideFiles
from adaptive_calib.store.folders import warn_of_network_folder
from adaptive_calib.store.rows import Key, Row, Run, Scanned, SpaceInfo

__all__ = ["SCHEMA_VERSION", "SQLiteStore"]

SCHEMA_VERSION = 1
#: "ACCS" in the header of the file: what tells a store from any other SQLite file.
APPLICATION_ID = 0x41434353
#: Results with more bytes than this go to files: a blob of 1 MB takes SQLite 6 ms, a file 0.5 ms.
LARGE = 64 * 1024
BUSY_SECONDS = 30.0

_SCHEMA = """
CREATE TABLE spaces (
    uid TEXT PRIMARY KEY, slug TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL, uid_version INTEGER NOT NULL,
    context_key TEXT, seed TEXT, config TEXT NOT NULL, full_config TEXT NOT NULL, code_digest TEXT NOT NULL,
    created REAL NOT NULL);
CREATE TABLE evals (
    id INTEGER PRIMARY KEY, space TEXT NOT NULL, point_uid TEXT NOT NULL, split TEXT NOT NULL,
    replicate INTEGER NOT NULL, status TEXT NOT NULL, point TEXT NOT NULL, y TEXT NOT NULL, y_kind TEXT NOT NULL,
    y_data BLOB, y_file TEXT, started REAL NOT NULL, duration REAL NOT NULL, host TEXT NOT NULL, pid INTEGER NOT NULL,
    seed TEXT NOT NULL, attempt INTEGER NOT NULL, run_id TEXT NOT NULL, exc_type TEXT NOT NULL,
    traceback TEXT NOT NULL, UNIQUE (space, point_uid, split, replicate));
CREATE TABLE outputs (
    eval INTEGER PRIMARY KEY REFERENCES evals (id), stdout TEXT NOT NULL, stderr TEXT NOT NULL, logs TEXT NOT NULL);
CREATE TRIGGER outputs_of_replaced AFTER UPDATE ON evals BEGIN DELETE FROM outputs WHERE eval = old.id; END;
CREATE TRIGGER outputs_of_deleted AFTER DELETE ON evals BEGIN DELETE FROM outputs WHERE eval = old.id; END;
CREATE TABLE runs (
    id TEXT PRIMARY KEY, started REAL NOT NULL, ended REAL, status TEXT NOT NULL, reason TEXT NOT NULL,
    manifest TEXT NOT NULL);
"""

#: Rows in one statement at most; more go by several, in one transaction.
AT_ONCE = 16
#: Pages of the write-ahead log after which they are copied into the file: 32 MB. This flushes the disk, some 10 ms, and
#: with SQLite's 1000 pages it would happen every few hundred rows.
CHECKPOINT_PAGES = 8000


_COLUMNS = (
    "space", "point_uid", "split", "replicate", "status", "point", "y", "y_kind", "y_data", "y_file", "started",
    "duration", "host", "pid", "seed", "attempt", "run_id", "exc_type", "traceback",
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
        self._refuse_other_files()
        if not readonly:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if journal == "WAL":
                warn_of_network_folder(self.path)
        with self._explained():
            self._db = self._connect()
            self._finalizer = weakref.finalize(self, self._db.close)
            try:
                self._prepare(journal, "FULL" if durable == "power" else "NORMAL")
            except BaseException:
                self._finalizer()
                raise

    def __repr__(self) -> str:
        return f"<SQLiteStore {str(self.path)!r}{', read-only' if self._readonly else ''}>"

    # ------------------------------------------------------------------------------------------------ opening it

    def _refuse_other_files(self) -> None:
        if self.path.is_dir():
            raise NotAStoreError(
                f"{self.path} is a folder; a store is a file, for instance {self.path / 'results.db'}."
            )
        if not self.path.exists():
            if self._readonly:
                raise FileNotFoundError(f"there is no store {self.path} to be read.")
            return
        with self.path.open("rb") as file:
            head = file.read(16)
        if head and head != b"SQLite format 3\x00":
            raise NotAStoreError(
                f"{self.path} is no store: it begins with {head!r} instead of SQLite's header. Nothing was changed; "
                "give another path."
            )

    def _connect(self) -> sqlite3.Connection:
        address = "file:" + quote(str(self.path.absolute())) + ("?mode=ro" if self._readonly else "?mode=rwc")
        if self._readonly and not self.path.with_name(self.path.name + "-wal").exists():
            address += "&immutable=1"  # nobody writes: no need for the files beside it, which a folder may not allow
        return sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)

    def _prepare(self, journal: str, synchronous: str) -> None:
        db = self._db
        if self._readonly:
            self._check_version()
            return
        self._set_journal(journal)
        db.execute(f"PRAGMA synchronous={synchronous}")
        db.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
        db.execute("BEGIN IMMEDIATE")  # of two that find a new file, one makes the tables
        try:
            empty = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
            if empty and db.execute("PRAGMA user_version").fetchone()[0] == 0:
                for statement in _SCHEMA.split(";\n"):
                    db.execute(statement)
                db.execute(f"PRAGMA application_id={APPLICATION_ID}")
                db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
            else:
                self._check_version()
        except BaseException:
            db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")

    def _set_journal(self, journal: str) -> None:
        # Changing to WAL needs the file alone and does not wait by itself, as all else here does.
        self._refuse_foreign_database()
        until = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                self._db.execute(f"PRAGMA journal_mode={journal}")
            except sqlite3.OperationalError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.01)
            else:
                return

    def _refuse_foreign_database(self) -> None:
        """Raise before anything is written to a database that is not ours."""
        if self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            self._check_version()

    def _check_version(self) -> None:
        if self._db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            raise NotAStoreError(f"{self.path} is an SQLite file of something else, no store; give another path.")
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise NewerStoreError(
                f"{self.path} has format {version}, and this adaptive_calib reads formats up to {SCHEMA_VERSION}; "
                "use the newer version that wrote it. Nothing was changed."
            )

    # ------------------------------------------------------------------------------------------------ rows

    def put(self, rows: Sequence[Row], *, force: bool = False) -> None:
        """Write rows in one transaction."""
        values = [self._columns(row) for row in rows]  # files first
        simple = not (force or any(row[18] or row[19] or row[20] for row in rows) or any(v[9] for v in values))
        if simple and len(rows) <= AT_ONCE and not self._readonly:
            with self._reading() as db:  # one statement is a transaction of its own, and half the time of three
                db.execute(_put(len(rows)), list(chain.from_iterable(values)))
            return
        with self._transaction() as db:
            if simple:
                for start in range(0, len(rows), AT_ONCE):
                    part = values[start : start + AT_ONCE]
                    db.execute(_put(len(part)), list(chain.from_iterable(part)))
            else:
                for row, columns in zip(rows, values, strict=True):
                    self._put_one(db, row, columns, force)

    def _put_one(self, db: sqlite3.Connection, row: Row, columns: tuple[Any, ...], force: bool) -> None:
        """Write a row with what belongs to it: its output, and the file of its large result."""
        old = self._file_of(db, row.key) if force or columns[9] else None
        written = db.execute(f"{_put(1, force)} RETURNING id", columns).fetchall()
        if written and (row.stdout or row.stderr or row.logs):
            outputs = (written[0][0], row.stdout, row.stderr, row.logs)
            db.execute("INSERT INTO outputs VALUES (?, ?, ?, ?)", outputs)
        unused = old if written else columns[9]
        if unused and old != columns[9]:
            self._files.remove(unused)

    def _columns(self, row: Row) -> tuple[Any, ...]:
        data, file = row.y_data or None, None
        if data is not None and len(data) > LARGE:
            # the run's id keeps `force` from changing a file under an old row
            file = f"{row.point_uid}-{row.space[:8]}-{_safe(row.split)}-{row.replicate}-{row.run_id}"
            self._files.write(file, data)
            data = None
        return (*row[:8], data, file, *row[9:18])

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
        """Close the file."""
        with self._lock:
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
            yield self._db

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        if self._readonly:
            raise ReadOnlyStoreError(f"{self!r} would have been written to; open it without readonly=True.")
        with self._lock, self._explained():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

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


def _space(values: tuple[Any, ...]) -> SpaceInfo:
    uid, slug, name, version, uid_version, context_key, seed, config, full_config, code, created = values
    root = None if seed is None else int(seed)
    texts = json.loads(config), json.loads(full_config)
    return SpaceInfo(uid, slug, name, version, uid_version, context_key, root, *texts, code, created)


def _safe(text: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in text)[:40]


def _advice(message: str) -> str:
    if "locked" in message:
        return f"Another process kept it locked for {BUSY_SECONDS:g} s; end that one, or use a file of your own."
    if "full" in message:
        return "Free some space on the disk and start again: what was stored until now is there."
    if "readonly" in message or "unable to open" in message:
        return "Are the folder and the file there, and may you write to them? What was stored until now is there."
    return "What was stored until now is there."
