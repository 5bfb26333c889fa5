"""The database of a `SQLiteStore`: its tables and their versions; how a file is opened, made, brought up to date."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from urllib.parse import quote

from adaptive_calib.store.backends import intake
from adaptive_calib.store.errors import NewerStoreError, NotAStoreError

__all__ = ["BUSY_SECONDS", "SCHEMA_VERSION", "connect", "prepare", "refuse_other_files", "version_of"]

#: 2 has the table of `adaptive_calib.store.backends.intake`.
SCHEMA_VERSION = 2
#: "ACCS" in the header of the file: what tells a store from any other SQLite file.
APPLICATION_ID = 0x41434353
BUSY_SECONDS = 30.0
#: Pages of the write-ahead log after which they are copied into the file: 32 MB. This flushes the disk, some 10 ms, and
#: with SQLite's 1000 pages it would happen every few hundred rows.
CHECKPOINT_PAGES = 8000

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


def refuse_other_files(path: Path, *, readonly: bool) -> None:
    """Raise unless there is a database at a path, or one can be made there.

    Raises
    ------
    NotAStoreError
        If something else is there.
    FileNotFoundError
        If nothing is there to be read.
    """
    if path.is_dir():
        raise NotAStoreError(f"{path} is a folder; a store is a file, for instance {path / 'results.db'}.")
    if not path.exists():
        if readonly:
            raise FileNotFoundError(f"there is no store {path} to be read.")
        return
    with path.open("rb") as file:
        head = file.read(16)
    if head and head != b"SQLite format 3\x00":
        raise NotAStoreError(
            f"{path} is no store: it begins with {head!r} instead of SQLite's header. Nothing was changed; "
            "give another path."
        )


def connect(path: Path, *, readonly: bool) -> sqlite3.Connection:
    """Return a connection without transactions of its own."""
    address = "file:" + quote(str(path.absolute())) + ("?mode=ro" if readonly else "?mode=rwc")
    if readonly and not path.with_name(path.name + "-wal").exists():
        address += "&immutable=1"  # nobody writes: no need for the files beside it, which a folder may not allow
    return sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)


def prepare(db: sqlite3.Connection, path: Path, *, journal: str, synchronous: str) -> None:
    """Make a database ready for writing: tables for an empty one, those that are missing for an older one.

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
            for statement in _SCHEMA.split(";\n"):
                db.execute(statement)
            db.execute(f"PRAGMA application_id={APPLICATION_ID}")
        if version_of(db, path) < 2:
            db.execute(intake.TABLE)
            db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def version_of(db: sqlite3.Connection, path: Path) -> int:
    """Return the version of a database's tables.

    Raises
    ------
    NotAStoreError, NewerStoreError
        If it is something else than a store, or of a newer version.
    """
    if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise NotAStoreError(f"{path} is an SQLite file of something else, no store; give another path.")
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if version > SCHEMA_VERSION:
        raise NewerStoreError(
            f"{path} has format {version}, and this adaptive_calib reads formats up to {SCHEMA_VERSION}; "
            "use the newer version that wrote it. Nothing was changed."
        )
    return version


def _is_empty(db: sqlite3.Connection) -> bool:
    return bool(db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0)


def _set_journal(db: sqlite3.Connection, journal: str) -> None:
    # Changing to WAL needs the file alone and does not wait by itself, as all else here does.
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            db.execute(f"PRAGMA journal_mode={journal}")
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return
