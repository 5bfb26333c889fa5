"""The database of a `SQLiteStore`: its tables and their versions; how a file is opened, made, upgraded, checked."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from functools import cache
from pathlib import Path
from urllib.parse import quote

from adaptive_calib.store.errors import NewerStoreError, NotAStoreError

__all__ = ["BUSY_SECONDS", "SCHEMA_VERSION", "connect", "prepare", "refuse_other_files", "version_of"]

#: 2 has a checksum in each row.
SCHEMA_VERSION = 2
#: "ACCS" in the header of the file: distinguishes a store from any other SQLite file.
APPLICATION_ID = 0x41434353
BUSY_SECONDS = 30.0
#: Pages of the write-ahead log after which they are copied into the file: 32 MB. This flushes the disk, some 10 ms, and
#: with SQLite's 1000 pages it would happen every few hundred rows.
CHECKPOINT_PAGES = 8000

_VERSION_1 = """
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
#: From version n to n + 1. Rows of version 1 have no checksum: NULL.
_UPGRADES = {1: "ALTER TABLE evals ADD COLUMN checksum TEXT"}


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


def connect(path: Path, *, readonly: bool) -> sqlite3.Connection:
    """Return a connection without transactions of its own, which runs no code that the file names."""
    address = "file:" + quote(str(path.absolute())) + ("?mode=ro" if readonly else "?mode=rwc")
    if readonly and not path.with_name(path.name + "-wal").exists():
        address += "&immutable=1"  # nobody writes: no need for the files beside it, which a folder may not allow
    db = sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA trusted_schema=OFF")
        db.execute("PRAGMA cell_size_check=ON")
    except BaseException:
        db.close()
        raise
    return db


def prepare(db: sqlite3.Connection, path: Path, *, journal: str, synchronous: str) -> None:
    """Make a database ready for writing: make the tables of an empty one, upgrade those of an older version.

    Raises
    ------
    NotAStoreError, NewerStoreError
        See `version_of`; nothing was changed then.
    """
    if not _is_empty(db):
        version_of(db, path)
    _set_journal(db, journal)
    db.execute(f"PRAGMA synchronous={synchronous}")
    db.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
    db.execute("BEGIN IMMEDIATE")  # of two that find a new file, one makes the tables
    try:
        if _is_empty(db) and db.execute("PRAGMA user_version").fetchone()[0] == 0:
            _make(db, 1)
            db.execute(f"PRAGMA application_id={APPLICATION_ID}")
            db.execute("PRAGMA user_version=1")
        for version in range(version_of(db, path), SCHEMA_VERSION):
            db.execute(_UPGRADES[version])
            db.execute(f"PRAGMA user_version={version + 1}")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def version_of(db: sqlite3.Connection, path: Path) -> int:
    """Return the version of a database's tables.

    Raises
    ------
    NotAStoreError, NewerStoreError
        If it is something other than a store, of a newer version, or has tables, triggers, views or indexes that are
        not those of a store.
    """
    if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise NotAStoreError(f"{path} is an SQLite file of another program, not a store; give another path.")
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if version > SCHEMA_VERSION:
        raise NewerStoreError(
            f"{path} has format {version}, and this adaptive_calib reads formats up to {SCHEMA_VERSION}; "
            "use the newer version that wrote it. Nothing was changed."
        )
    found, expected = _schema(db), _expected(version)
    if found != expected:
        differing = sorted(f"{kind} {name}" for kind, name, _ in found ^ expected)
        raise NotAStoreError(
            f"{path} was changed by another program: its {', '.join(dict.fromkeys(differing))} should be otherwise. A "
            "store with tables, triggers or views of somebody else can change results; nothing was read."
        )
    return version


def _is_empty(db: sqlite3.Connection) -> bool:
    return bool(db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0)


def _make(db: sqlite3.Connection, version: int) -> None:
    """Make the tables of a version in an empty database."""
    for statement in _VERSION_1.split(";\n"):
        db.execute(statement)
    for older in range(1, version):
        db.execute(_UPGRADES[older])


def _schema(db: sqlite3.Connection) -> frozenset[tuple[str, str, str]]:
    """Return type, name and SQL of everything in a database but what SQLite makes by itself."""
    found = db.execute("SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
    return frozenset((str(kind), str(name), str(sql)) for kind, name, sql in found)


@cache
def _expected(version: int) -> frozenset[tuple[str, str, str]]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        _make(db, version)
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
