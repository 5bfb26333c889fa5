"""The database of a `SQLiteStore`: its tables; how a file is opened, made and checked."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from functools import cache
from pathlib import Path
from urllib.parse import quote

from adaptive_calib.store.errors import EmptyStoreError, NewerStoreError, NotAStoreError

__all__ = [
    "BUSY_SECONDS",
    "SCHEMA_VERSION",
    "connect",
    "prepare",
    "refuse_other_files",
    "refuse_other_tables",
    "unwritten_state",
]

SCHEMA_VERSION = 1
#: "ACCS" in the header of the file: distinguishes a store from any other SQLite file.
APPLICATION_ID = 0x41434353
BUSY_SECONDS = 30.0
#: Pages of the write-ahead log after which they are copied into the file: 32 MB. This flushes the disk, some 10 ms, and
#: with SQLite's 1000 pages it would happen every few hundred rows.
CHECKPOINT_PAGES = 8000

_TABLES = """
CREATE TABLE spaces (
    uid TEXT PRIMARY KEY, slug TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL, uid_version INTEGER NOT NULL,
    context_key TEXT, seed TEXT, config TEXT NOT NULL, full_config TEXT NOT NULL, code_digest TEXT NOT NULL,
    created REAL NOT NULL, checksum TEXT NOT NULL);
CREATE TABLE evals (
    id INTEGER PRIMARY KEY, space TEXT NOT NULL, point_uid TEXT NOT NULL, split TEXT NOT NULL,
    replicate INTEGER NOT NULL, status TEXT NOT NULL, point TEXT NOT NULL, y TEXT NOT NULL, y_kind TEXT NOT NULL,
    y_data BLOB, y_file TEXT, started REAL NOT NULL, duration REAL NOT NULL, host TEXT NOT NULL, pid INTEGER NOT NULL,
    seed TEXT NOT NULL, attempt INTEGER NOT NULL, run_id TEXT NOT NULL, exc_type TEXT NOT NULL,
    traceback TEXT NOT NULL, checksum TEXT NOT NULL, UNIQUE (space, point_uid, split, replicate));
CREATE TABLE outputs (
    eval INTEGER PRIMARY KEY REFERENCES evals (id), stdout TEXT NOT NULL, stderr TEXT NOT NULL, logs TEXT NOT NULL);
CREATE TRIGGER outputs_of_replaced AFTER UPDATE ON evals BEGIN DELETE FROM outputs WHERE eval = old.id; END;
CREATE TRIGGER outputs_of_deleted AFTER DELETE ON evals BEGIN DELETE FROM outputs WHERE eval = old.id; END;
CREATE TABLE runs (
    id TEXT PRIMARY KEY, started REAL NOT NULL, ended REAL, status TEXT NOT NULL, reason TEXT NOT NULL,
    manifest TEXT NOT NULL, checksum TEXT NOT NULL);
CREATE TABLE claims (
    space TEXT NOT NULL, point_uid TEXT NOT NULL, split TEXT NOT NULL, replicate INTEGER NOT NULL, owner TEXT NOT NULL,
    PRIMARY KEY (space, point_uid, split, replicate)) WITHOUT ROWID;
CREATE TABLE owners (owner TEXT PRIMARY KEY, beat INTEGER NOT NULL) WITHOUT ROWID;
"""


def refuse_other_files(path: Path, *, readonly: bool) -> None:
    """Raise unless there is a database at a path, or one can be made there.

    Raises
    ------
    NotAStoreError
        If something else is there, or the log of a database that is not there.
    FileNotFoundError
        If nothing is there to be read.
    """
    if path.is_dir():
        raise NotAStoreError(f"{path} is a folder; a store is a file, for instance {path / 'results.db'}.")
    if not path.exists():
        log = path.with_name(path.name + "-wal")
        if log.exists() and log.stat().st_size:
            raise NotAStoreError(
                f"{log.name} is there, which holds the last results of a database {path.name}, but the database is "
                "not. Give both their names again, or move the log away."
            )
        if readonly:
            raise FileNotFoundError(f"there is no store {path} to be read.")
        return
    with path.open("rb") as file:
        head = file.read(16)
    if head and head != b"SQLite format 3\x00":
        raise NotAStoreError(
            f"{path} is not a store: it begins with {head!r} instead of SQLite's header. Nothing was changed; "
            "give another path."
        )


def unwritten_state(path: Path) -> tuple[int, int, int] | None:
    """Return what changes when a database in WAL mode is written; None if a process has it open for writing.

    None, too, for other journals: their locks work without files beside the database.
    """
    if path.with_name(path.name + "-wal").exists():
        return None
    with path.open("rb") as file:
        uses_wal = file.read(20)[18:20] == b"\x02\x02"
    found = path.stat()
    return (found.st_ino, found.st_size, found.st_mtime_ns) if uses_wal else None


def connect(path: Path, *, readonly: bool, immutable: bool = False) -> sqlite3.Connection:
    """Return a connection without transactions of its own, which runs no code that the file names.

    With `immutable` no file beside it is needed, which a folder may not allow; writes by others are not seen.
    """
    address = "file:" + quote(str(path.absolute())) + ("?mode=ro" if readonly else "?mode=rwc")
    if immutable:
        address += "&immutable=1"
    db = sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA trusted_schema=OFF")
        db.execute("PRAGMA cell_size_check=ON")
    except BaseException:
        db.close()
        raise
    return db


def prepare(db: sqlite3.Connection, path: Path, *, journal: str, synchronous: str) -> None:
    """Make a database ready for writing: make the tables of an empty one.

    Raises
    ------
    NotAStoreError, NewerStoreError
        See `refuse_other_tables`; nothing was changed then.
    """
    if not _is_empty(db):
        refuse_other_tables(db, path)
    _set_journal(db, journal)
    db.execute(f"PRAGMA synchronous={synchronous}")
    db.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
    db.execute("BEGIN IMMEDIATE")  # of two that find a new file, one makes the tables
    try:
        if _is_empty(db) and db.execute("PRAGMA user_version").fetchone()[0] == 0:
            _make(db)
            db.execute(f"PRAGMA application_id={APPLICATION_ID}")
            db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def refuse_other_tables(db: sqlite3.Connection, path: Path) -> None:
    """Raise unless a database has the tables, triggers, views and indexes of a store, and no others.

    Raises
    ------
    NotAStoreError, NewerStoreError
        If it is something other than a store, of a newer version, or was changed.
    EmptyStoreError
        If nothing is in it yet.
    """
    is_empty = _is_empty(db)  # first: another process may make the tables now
    application = db.execute("PRAGMA application_id").fetchone()[0]
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if is_empty and application == version == 0:
        raise EmptyStoreError(path)
    if application != APPLICATION_ID:
        raise NotAStoreError(f"{path} is an SQLite file of another program, not a store; give another path.")
    if version > SCHEMA_VERSION:
        raise NewerStoreError(
            f"{path} has format {version}, and this adaptive_calib reads formats up to {SCHEMA_VERSION}; "
            "use the newer version that wrote it. Nothing was changed."
        )
    found, expected = _schema(db), _expected()
    if found != expected:
        differing = sorted(f"{kind} {name}" for kind, name, _ in found ^ expected)
        raise NotAStoreError(
            f"{path} was changed by another program: its {', '.join(dict.fromkeys(differing))} should be otherwise. A "
            "store with tables, triggers or views of somebody else can change results; nothing was read."
        )


def _is_empty(db: sqlite3.Connection) -> bool:
    return bool(db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0)


def _make(db: sqlite3.Connection) -> None:
    """Make the tables in an empty database."""
    for statement in _TABLES.split(";\n"):
        db.execute(statement)


def _schema(db: sqlite3.Connection) -> frozenset[tuple[str, str, str]]:
    """Return type, name and SQL of everything in a database but what SQLite makes by itself."""
    found = db.execute("SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
    return frozenset((str(kind), str(name), str(sql)) for kind, name, sql in found)


@cache
def _expected() -> frozenset[tuple[str, str, str]]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        _make(db)
        return _schema(db)


def _set_journal(db: sqlite3.Connection, journal: str) -> None:
    # Changing to WAL needs the file alone and does not wait by itself, as all else here does.
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            db.execute(f"PRAGMA journal_mode={journal}")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return
