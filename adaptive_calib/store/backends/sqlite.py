"""The store in one SQLite file, and a folder ``<store>.files`` for large results.

Write-ahead log with ``synchronous=NORMAL`` and one commit per call: acknowledged rows survive ``kill -9``, at some
0.1 ms per call; with ``durable="power"`` (``FULL``) they also survive a power cut, at the price of a flush of the disk
per commit. A large result is written to its file first, under a temporary name that is then replaced; the row comes
last. So the row alone means "present", and present means complete.

``y`` is text: in a numeric column SQLite turns NaN into NULL, and NaN is a legal result. Uids and seeds are text, as
its integers end at 2**63. Each row has a checksum of itself and of its file.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from adaptive_calib.store.backends import sqlite_schema as schema
from adaptive_calib.store.backends.json_records import from_result_set, from_run
from adaptive_calib.store.backends.network_folders import warn_of_network_folder
from adaptive_calib.store.backends.side_files import SideFiles
from adaptive_calib.store.base import Store
from adaptive_calib.store.errors import NotAStoreError, ReadOnlyStoreError, StoreError, UnstorableResultError
from adaptive_calib.store.identity.result_set_info import ResultSetInfo, valid_info
from adaptive_calib.store.rows import Key, Row, Run, checked, checksum, damaged, valid_run

__all__ = ["SQLiteStore"]

#: Results with more bytes than this go to files: a blob of 1 MB takes SQLite 6 ms, a file 0.5 ms.
LARGE = 64 * 1024

_OUTPUT = ("stdout", "stderr", "logs")
_COLUMNS = (*(name for name in Row._fields if name not in _OUTPUT), "y_file", "checksum")
_PUT = (
    f"INSERT INTO evals ({', '.join(_COLUMNS)}) VALUES ({', '.join(f':{name}' for name in _COLUMNS)}) "
    "ON CONFLICT (space, point_uid, split, replicate) DO UPDATE SET "
    f"{', '.join(f'{name} = excluded.{name}' for name in _COLUMNS)} "
    "WHERE evals.status != 'ok' OR (:force AND excluded.status = 'ok')"
)
_PUT_OUTPUT = "INSERT INTO outputs (eval, stdout, stderr, logs) VALUES (:eval, :stdout, :stderr, :logs)"
_KEY = "space = ? AND point_uid = ? AND split = ? AND replicate = ?"
_INFO = (
    "uid", "slug", "name", "version", "uid_version", "context_key", "seed", "config", "full_config", "code_digest",
    "created", "checksum",
)  # fmt: skip


def _select(*, output: bool) -> str:
    """Return a statement that gives the fields of `Row` in their order, then file and checksum."""
    columns = [f"evals.{name}" for name in Row._fields if name not in _OUTPUT]
    columns += [f"coalesce({name}, '')" if output else "''" for name in _OUTPUT]
    tables = "evals LEFT JOIN outputs ON outputs.eval = evals.id" if output else "evals"
    return f"SELECT {', '.join(columns)}, y_file, checksum FROM {tables}"


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
        self._given = str(path)
        self.path = Path(path).absolute()  # a function may change the folder
        self._readonly = readonly
        self._lock = threading.RLock()  # a driver may write in a thread
        self._files = SideFiles(self.path.with_name(self.path.name + ".files"))
        schema.refuse_other_files(self.path, readonly=readonly)
        if not readonly:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if journal == "WAL":
                warn_of_network_folder(self.path)
        with self._explained():
            self._connect()
            try:
                if not readonly:
                    synchronous = "FULL" if durable == "power" else "NORMAL"
                    schema.prepare(self._db, self.path, journal=journal, synchronous=synchronous)
                schema.refuse_other_tables(self._db, self.path)
            except BaseException:
                self._finalizer()
                raise
        self._identity = _file_identity(self.path)

    def _connect(self) -> None:
        #: of a file that was opened as one that nobody writes
        self._unwritten = schema.unwritten_state(self.path) if self._readonly else None
        self._db = schema.connect(self.path, readonly=self._readonly, immutable=self._unwritten is not None)
        self._finalizer = weakref.finalize(self, self._db.close)

    def __repr__(self) -> str:
        return f"<SQLiteStore {self._given!r}{', read-only' if self._readonly else ''}>"

    # ------------------------------------------------------------------------------------------------ rows

    def put(self, rows: Sequence[Row], *, force: bool = False) -> None:
        """Write rows in one transaction.

        Raises
        ------
        UnstorableResultError
            If a result is larger than SQLite allows (1 GB).
        StoreError
            If they cannot be written, or the file was deleted, moved or replaced since it was opened.
        """
        self._refuse_if_readonly()
        values = [self._columns(row, force) for row in rows]  # files first
        simple = not (force or any(v["y_file"] or v["stdout"] or v["stderr"] or v["logs"] for v in values))
        try:
            with self._transaction() as db:
                if simple:
                    db.executemany(_PUT, values)
                else:
                    unused = [file for row, v in zip(rows, values, strict=True) for file in self._put_one(db, row, v)]
        except OverflowError as error:
            raise UnstorableResultError(f"{self.path}: {error}.") from error
        if not simple:
            for file in unused:
                self._files.remove(file)

    def _put_one(self, db: sqlite3.Connection, row: Row, values: dict[str, Any]) -> list[str]:
        """Write a row and what the evaluation printed; return the files that no row names then."""
        old = db.execute(f"SELECT y_file FROM evals WHERE {_KEY}", row.key).fetchone()
        written = db.execute(f"{_PUT} RETURNING id", values).fetchall()
        if written and (row.stdout or row.stderr or row.logs):
            values = {**values, "eval": written[0][0]}
            db.execute(
                "INSERT INTO outputs (eval, stdout, stderr, logs) VALUES (:eval, :stdout, :stderr, :logs)", values
            )
        unused = (old[0] if old else None) if written else values["y_file"]
        return [unused] if unused and not (written and unused == values["y_file"]) else []

    def _columns(self, row: Row, force: bool) -> dict[str, Any]:
        """Return the values of the columns by name; large data are written to a file."""
        values = {**row._asdict(), "y_file": None, "checksum": checksum(row), "force": force}
        if not row.y_data:
            values["y_data"] = None
        elif len(row.y_data) > LARGE:
            # the run's id keeps `force` from changing a file under an old row
            parts = (row.point_uid, row.space[:8], row.split, str(row.replicate), row.run_id)
            name = "-".join("".join(c if c.isalnum() and c.isascii() else "_" for c in part)[:40] for part in parts)
            self._files.write(name, row.y_data)
            values.update(y_data=None, y_file=name)
        return values

    def get(self, key: Key) -> Row | None:
        """Return the row under a key, or None."""
        found = self._fetch(f"{_select(output=True)} WHERE {_KEY}", key)
        return self._row(found[0]) if found else None

    def iter(self, space: str) -> Iterator[Row]:
        """Iterate over the rows of a result set, in the order of writing."""
        return map(self._row, self._fetch(f"{_select(output=True)} WHERE space = ? ORDER BY evals.id", (space,)))

    def scan(self, space: str) -> Iterator[Row]:
        """Iterate over the rows of a result set, without what the evaluations printed."""
        return map(self._row, self._fetch(f"{_select(output=False)} WHERE space = ? ORDER BY id", (space,)))

    def scan_after(self, space: str, place: int) -> Iterator[tuple[int, Row]]:
        """Iterate over ids and rows after an id, without the data of results that have files."""
        columns = ", ".join(name if name not in _OUTPUT else "''" for name in Row._fields)
        found = self._fetch(f"SELECT id, {columns} FROM evals WHERE id > ? AND space = ? ORDER BY id", (place, space))
        return ((number, Row._make(fields)) for number, *fields in found)

    def statuses(self, space: str) -> Iterator[tuple[tuple[str, str, int], str]]:
        """Iterate over keys and statuses of a result set."""
        found = self._fetch("SELECT point_uid, split, replicate, status FROM evals WHERE space = ?", (space,))
        return (((uid, split, replicate), status) for uid, split, replicate, status in found)

    def count(self, space: str) -> dict[str, int]:
        """Return the number of rows of a result set by status."""
        found = self._fetch("SELECT status, count(*) FROM evals WHERE space = ? GROUP BY status", (space,))
        return {str(status): number for status, number in found}

    def _row(self, values: tuple[Any, ...]) -> Row:
        *fields, file, expected = values
        row = Row._make(fields)
        if file is not None:
            try:
                row = row._replace(y_data=self._files.read(file))
            except (OSError, ValueError, TypeError) as error:
                reason = f"its file {file!r:.120} cannot be read ({error}); was {self._files.folder} moved along?"
                return damaged(row, reason)
        return checked(row, expected)

    def delete(self, keys: Iterable[Key]) -> int:
        """Delete rows, then their files."""
        files: list[Any] = []
        with self._transaction() as db:
            for key in keys:
                files += db.execute(f"DELETE FROM evals WHERE {_where(key)} RETURNING y_file", _bound(key)).fetchall()
        self._remove_files(file for (file,) in files)
        return len(files)

    def _remove_files(self, files: Iterable[Any]) -> None:
        for file in files:
            if isinstance(file, str) and self._files.is_name(file):
                self._files.remove(file)

    # ------------------------------------------------------------------------------------------------ sets and runs

    def put_result_set(self, info: ResultSetInfo) -> None:
        """Write or replace the description of a result set."""
        values = from_result_set(info)
        values["seed"] = None if info.seed is None else str(info.seed)
        values.update(config=json.dumps(info.config), full_config=json.dumps([info.full_config, info.facts]))
        places = ", ".join(f":{name}" for name in _INFO)
        with self._transaction() as db:
            db.execute(f"INSERT OR REPLACE INTO spaces ({', '.join(_INFO)}) VALUES ({places})", values)

    def drop_result_set(self, uid: str) -> None:
        """Delete a result set with its rows, then their files."""
        with self._transaction() as db:
            files = db.execute("SELECT y_file FROM evals WHERE space = ? AND y_file NOTNULL", (uid,)).fetchall()
            db.execute("DELETE FROM evals WHERE space = ?", (uid,))
            db.execute("DELETE FROM spaces WHERE uid = ?", (uid,))
        self._remove_files(file for (file,) in files)

    def read_result_sets(self) -> list[ResultSetInfo]:
        """Return the descriptions of all result sets."""
        found = self._fetch(f"SELECT {', '.join(_INFO)} FROM spaces ORDER BY created, rowid")
        return [self._info(dict(zip(_INFO, values, strict=True))) for values in found]

    def _info(self, values: dict[str, Any]) -> ResultSetInfo:
        try:
            seed = values["seed"]
            values["seed"] = None if seed is None else int(seed)
            full, facts = json.loads(values["full_config"])
            values.update(config=json.loads(values["config"]), full_config=full, facts=facts)
            return valid_info(values)
        except (ValueError, TypeError) as error:
            raise NotAStoreError(
                f"{self.path} is damaged: the description {values['uid']!r:.50} of a result set cannot be read "
                f"({error}). Take a copy from a backup, or delete that line of the table `spaces`."
            ) from error

    def put_run(self, run: Run) -> None:
        """Write or replace the description of a run."""
        record = from_run(run)
        places = ", ".join(f":{name}" for name in record)
        with self._transaction() as db:
            db.execute(f"INSERT OR REPLACE INTO runs ({', '.join(record)}) VALUES ({places})", record)

    def read_runs(self) -> list[Run]:
        """Return the descriptions of all runs; those that are damaged are left out."""
        found = self._fetch(f"SELECT {', '.join(Run._fields)}, checksum FROM runs ORDER BY started, rowid")
        return [Run._make(fields) for *fields, expected in found if valid_run(Run._make(fields), expected)]

    # ------------------------------------------------------------------------------------------------ leases

    def claim(self, keys: Sequence[Key], owner: str, expired: Collection[str] = ()) -> dict[Key, str]:
        """Take leases on points in one transaction; return those that another owner has, with its name."""
        held: dict[Key, str] = {}
        with self._transaction() as db:
            for key in keys:
                found = db.execute(f"SELECT owner FROM claims WHERE {_KEY}", key).fetchone()
                if found is None or found[0] in expired:
                    db.execute("INSERT OR REPLACE INTO claims VALUES (?, ?, ?, ?, ?)", (*key, owner))
                elif found[0] != owner:
                    held[key] = found[0]
        return held

    def release(self, keys: Iterable[Key], owner: str) -> None:
        """Give up leases."""
        with self._transaction() as db:
            db.executemany(f"DELETE FROM claims WHERE {_KEY} AND owner = ?", [(*key, owner) for key in keys])

    def beat(self, owner: str, number: int | None) -> None:
        """Write that an owner lives, or that it has ended."""
        with self._transaction() as db:
            if number is None:
                db.execute("DELETE FROM owners WHERE owner = ?", (owner,))
            else:
                db.execute("INSERT OR REPLACE INTO owners VALUES (?, ?)", (owner, number))

    def beats(self) -> dict[str, int]:
        """Return the last numbers of the owners."""
        return dict(self._fetch("SELECT owner, beat FROM owners"))

    # ------------------------------------------------------------------------------------------------ around it

    def clean_files(self) -> int:
        """Remove large results that no row names, and leases; return how many files."""
        with self._transaction() as db:
            db.execute("DELETE FROM claims")
            db.execute("DELETE FROM owners")
        return self._files.clean({f for (f,) in self._fetch("SELECT y_file FROM evals WHERE y_file NOTNULL")})

    def check(self) -> str:
        """Return the answer of SQLite's integrity check: ``"ok"`` if there is no damage."""
        return str(self._fetch("PRAGMA integrity_check")[0][0])

    def backup(self, path: Any) -> None:
        """Copy the file, while it is in use, to another path; large results in the folder are not copied."""
        with self._lock, self._explained(), closing(sqlite3.connect(path)) as copy:
            self._db.backup(copy)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._finalizer()

    @property
    def place(self) -> Path | None:
        """The folder ``<store>.files``."""
        return self._files.folder

    @property
    def readonly(self) -> bool:
        """Whether nothing is ever written."""
        return self._readonly

    def _fetch(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return all rows of a query; text that is not UTF-8 comes with surrogates, which no checksum accepts."""
        with self._lock, self._explained():
            self._connect_again_if_written()
            try:
                return self._db.execute(statement, values).fetchall()
            except sqlite3.OperationalError as error:
                if "decode" not in str(error):
                    raise
            self._db.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
            try:
                return self._db.execute(statement, values).fetchall()
            finally:
                self._db.text_factory = str

    def _connect_again_if_written(self) -> None:
        """Open a file once more that was opened as one that nobody writes, if somebody did since."""
        if self._unwritten is None or not self._finalizer.alive:
            return
        with suppress(OSError):  # of a file that was deleted the open one is read on
            if schema.unwritten_state(self.path) != self._unwritten:
                self._finalizer()
                self._connect()
                schema.refuse_other_tables(self._db, self.path)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._refuse_if_readonly()
        with self._lock, self._explained():
            self._refuse_if_replaced()
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _refuse_if_readonly(self) -> None:
        if self._readonly:
            raise ReadOnlyStoreError(f"{self!r} would have been written to; open it without readonly=True.")

    def _refuse_if_replaced(self) -> None:
        """Raise if the file at the path is no longer the one that is open; what is open is saved under another name."""
        if _file_identity(self.path) == self._identity:
            return
        saved = self.path.with_name(f"{self.path.name}.rescued-{time.strftime('%Y%m%d-%H%M%S')}")
        try:
            self.backup(saved)
            there = f"All that it held was saved as {saved}."
        except (sqlite3.Error, StoreError, OSError) as error:
            there = f"It could not be saved under another name either: {error}."
        raise StoreError(f"{self.path} was deleted, moved or replaced while it was open. {there}")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DataError as error:
            raise UnstorableResultError(
                f"{self.path}: {error}. A text of this size does not fit; return an array, which is kept in a file."
            ) from error
        except sqlite3.ProgrammingError as error:
            raise StoreError(f"{self!r} cannot be used: {error}") from error
        except sqlite3.OperationalError as error:
            raise StoreError(f"{self.path}: {error}. {_advice(str(error))}") from error
        except sqlite3.DatabaseError as error:
            raise NotAStoreError(
                f"{self.path} is damaged: {error}. Keep a copy; what can be read is saved by "
                "`sqlite3 FILE .recover`, or take a backup."
            ) from error


def _bound(key: Key) -> list[Any]:
    """Return the parts of a key as SQLite takes them: text that is not UTF-8, of a damaged row, as bytes."""
    return [str(part).encode("utf-8", "surrogateescape") if _is_broken(part) else part for part in key]


def _where(key: Key) -> str:
    parts = zip(key._fields, key, strict=True)
    return " AND ".join(f"{name} = {'CAST(? AS TEXT)' if _is_broken(part) else '?'}" for name, part in parts)


def _is_broken(part: Any) -> bool:
    return isinstance(part, str) and any("\ud800" <= c <= "\udfff" for c in part)


def _file_identity(path: Path) -> tuple[int, int] | None:
    """Return what distinguishes the file at a path from any other; None if there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _advice(message: str) -> str:
    if "locking protocol" in message:
        return "This file system has no locks that work: use a local disk, or JournalStore(path)."
    if "locked" in message:
        return f"Another process kept it locked for {schema.BUSY_SECONDS:g} s; end that one, or use a file of your own."
    if "full" in message or "disk I/O" in message:
        return "Free some space on the disk and start again: what was stored before is there."
    if "readonly" in message or "unable to open" in message:
        return (
            "Are the folder and the file there, and may you write to them? A reader who may not write needs the file "
            "-shm beside -wal, or copies the file and -wal elsewhere. What was stored before is there."
        )
    return "What was stored before is there."
