"""Each kind of store passes the contract, and its own laws."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

from adaptive_calib import BlockingRunner, SequenceLearner
from adaptive_calib.runner import SequentialExecutor
from adaptive_calib.store import (
    FsspecStore,
    JournalStore,
    MemoryStore,
    NewerStoreError,
    NotAStoreError,
    ReadOnlyStoreError,
    SQLiteStore,
    Store,
    StoreError,
    StoreWarning,
    open_store,
)
from adaptive_calib.store.__main__ import main
from adaptive_calib.store.backends.network_folders import file_system, warn_of_network_folder
from adaptive_calib.store.rows import Key
from adaptive_calib.testing.stores import StoreContract, make_row

GOLDEN = Path(__file__).parent / "golden"


class TestSQLiteStore(StoreContract):
    def open(self, place: Path) -> Store:
        return SQLiteStore(place / "s.db")


class TestSQLiteStoreForPowerCuts(StoreContract):
    def open(self, place: Path) -> Store:
        return SQLiteStore(place / "s.db", durable="power", journal="DELETE")


class TestMemoryStore(StoreContract):
    persistent = False

    def open(self, place: Path) -> Store:
        return MemoryStore()


class TestJournalStore(StoreContract):
    def open(self, place: Path) -> Store:
        return JournalStore(place / "s.jsonl")


class TestSharedJournalStore(StoreContract):
    def open(self, place: Path) -> Store:
        return JournalStore(place / "s.jsonl", shared=True)


class TestFsspecStoreOnDisk(StoreContract):
    def open(self, place: Path) -> Store:
        return FsspecStore(f"file://{place}/store")


class TestFsspecStoreOfObjects(StoreContract):
    def open(self, place: Path) -> Store:
        return FsspecStore(f"memory://{place.name}-{id(place)}")


@pytest.mark.parametrize("kind", [SQLiteStore, JournalStore])
@pytest.mark.parametrize("content", [b"hello, this is text\n", b"PK\x03\x04" + bytes(100), b'{"format":"other"}\n'])
def test_a_file_that_is_no_store_is_left_alone(kind: type[Any], content: bytes, tmp_path: Path) -> None:
    """The error says what the file begins with, and the file keeps its bytes."""
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(NotAStoreError, match=r"notes\.txt"):
        kind(path)
    assert path.read_bytes() == content
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


def test_somebody_elses_database_is_left_alone(tmp_path: Path) -> None:
    """An SQLite file of another program gets no tables of ours."""
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE t (x)")
    db.close()
    before = path.read_bytes()
    with pytest.raises(NotAStoreError, match="another program"):
        SQLiteStore(path)
    assert path.read_bytes() == before


def test_a_newer_store_is_refused_unchanged(tmp_path: Path) -> None:
    """Who cannot read a format does not write to it."""
    SQLiteStore(tmp_path / "s.db").close()
    with sqlite3.connect(tmp_path / "s.db") as db:
        db.execute("PRAGMA user_version=99")
    db.close()
    JournalStore(tmp_path / "s.jsonl").close()
    head = {"format": "adaptive_calib journal store", "version": 99}
    (tmp_path / "s.jsonl").write_text(json.dumps(head, separators=(",", ":")) + "\n")
    store = FsspecStore(f"file://{tmp_path}/o")
    (tmp_path / "o" / "store.json").write_text('{"format": "adaptive_calib object store", "version": 99}')
    for again in (
        lambda: SQLiteStore(tmp_path / "s.db"),
        lambda: SQLiteStore(tmp_path / "s.db", readonly=True),
        lambda: JournalStore(tmp_path / "s.jsonl"),
        lambda: FsspecStore(store.url),
    ):
        with pytest.raises(NewerStoreError, match="format 99"):
            again()


def test_a_damaged_database_says_so(tmp_path: Path) -> None:
    """A file that was overwritten in the middle is an error with a way out."""
    path = tmp_path / "s.db"
    with SQLiteStore(path) as store:
        store.put([make_row(f"{i:04}", traceback="x" * 500) for i in range(200)])
    content = bytearray(path.read_bytes())
    content[4096 : len(content) - 4096] = b"\x55" * (len(content) - 8192)
    path.write_bytes(content)
    with pytest.raises(NotAStoreError, match="damaged"):
        list(SQLiteStore(path).iter("s"))


def test_a_locked_database_is_waited_for_and_then_explained(tmp_path: Path, monkeypatch: Any) -> None:
    """The error says that somebody else holds it."""
    monkeypatch.setattr("adaptive_calib.store.backends.sqlite_schema.BUSY_SECONDS", 0.05)
    with SQLiteStore(tmp_path / "s.db") as store:
        other = sqlite3.connect(tmp_path / "s.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"locked.*Another process"):
            store.put([make_row()])
        other.execute("ROLLBACK")
        other.close()
        store.put([make_row()])
        assert store.count("s") == {"ok": 1}


def test_a_full_disk_stops_writing_and_what_was_stored_stays(tmp_path: Path) -> None:
    """A limit on the size of files stands for a full disk: an error, and every earlier row is read."""
    code = """
import resource, signal, sys
from adaptive_calib.store import SQLiteStore, StoreError
from adaptive_calib.testing.stores import make_row
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
store, done = SQLiteStore(sys.argv[1]), 0
try:
    while True:
        store.put([make_row(f"{done:06}", traceback="x" * 2000)])
        done += 1
except StoreError as error:
    print(done, str(error))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "s.db")], capture_output=True, text=True, check=True
    )
    number, _, message = done.stdout.partition(" ")
    assert "What was stored until now is there" in message or "some space" in message
    with SQLiteStore(tmp_path / "s.db") as store:
        assert store.count("s") == {"ok": int(number)}
        assert store.check() == "ok"


def test_a_folder_without_permission_is_explained(tmp_path: Path) -> None:
    """A store that cannot be made says whether it may be written."""
    (tmp_path / "file").write_text("")
    with pytest.raises((StoreError, OSError), match="file"):
        SQLiteStore(tmp_path / "file" / "s.db")
    with pytest.raises(NotAStoreError, match="folder"):
        SQLiteStore(tmp_path)


@pytest.mark.parametrize("kind", [SQLiteStore, JournalStore])
def test_a_read_only_store_writes_nothing(kind: type[Any], tmp_path: Path) -> None:
    """Each way of writing is refused."""
    with pytest.raises(FileNotFoundError):
        kind(tmp_path / "none", readonly=True)
    with kind(tmp_path / "s") as store:
        store.put([make_row()])
    with kind(tmp_path / "s", readonly=True) as store:
        assert store.get(Key("s", "aa")) == make_row()
        for write in (lambda s=store: s.put([make_row("bb")]), lambda s=store: s.delete([Key("s", "aa")])):
            with pytest.raises(ReadOnlyStoreError):
                write()


def test_large_results_lie_beside_the_file_complete_or_absent(tmp_path: Path) -> None:
    """Files that no row knows are removed by cleaning; a row whose file is lost says so."""
    with SQLiteStore(tmp_path / "s.db") as store:
        store.put([make_row("aa", data=bytes(200_000))])
        (file,) = (tmp_path / "s.db.files" / "results").glob("*/*")
        named = f"{'0' * 32}-{'1' * 8}--0-run"
        for orphan in (".tmp-0123456789abcdef", named, "notes-of-mine.txt"):
            file.with_name(orphan).write_bytes(b"half")
        assert store.clean_files() == 2
        assert file.with_name("notes-of-mine.txt").exists()
        assert store.get(Key("s", "aa")) == make_row("aa", data=bytes(200_000))
        file.unlink()
        row = store.get(Key("s", "aa"))
        assert row is not None
        assert (row.status, "s.db.files" in row.traceback) == ("damaged", True)
        assert store.delete([Key("s", "aa")]) == 1


def test_forcing_never_changes_a_file_under_an_old_row(tmp_path: Path) -> None:
    """The new result has a file of its own, and the old one goes when its row has gone."""
    with SQLiteStore(tmp_path / "s.db") as store:
        store.put([make_row("aa", data=bytes(100_000), run_id="one")])
        store.put([make_row("aa", data=b"\x01" * 100_000, run_id="two")], force=True)
        assert [p.name.rpartition("-")[2] for p in (tmp_path / "s.db.files" / "results").glob("*/*")] == ["two"]


def test_four_processes_write_one_store(tmp_path: Path) -> None:
    """Overlapping keys of several writers all arrive, once each."""
    code = """
import sys
from adaptive_calib.store import SQLiteStore
from adaptive_calib.testing.stores import make_row
store = SQLiteStore(sys.argv[1])
first = int(sys.argv[2])
for i in range(first, first + 300):
    store.put([make_row(f"{i:04}", run_id=sys.argv[2])])
"""
    writers = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "s.db"), str(150 * n)]) for n in range(4)]
    assert [writer.wait(120) for writer in writers] == [0] * 4
    with SQLiteStore(tmp_path / "s.db") as store:
        assert sorted(r.point_uid for r in store.iter("s")) == [f"{i:04}" for i in range(750)]
        assert store.check() == "ok"


def test_a_journal_has_one_writer(tmp_path: Path) -> None:
    """A second writer is told who is first; the lock of a dead process is taken over; readers need none."""
    path = tmp_path / "s.jsonl"
    first = JournalStore(path)
    first.put([make_row()])
    with pytest.raises(StoreError, match=f"process {os.getpid()} on"):
        JournalStore(path)
    assert JournalStore(path, readonly=True).count("s") == {"ok": 1}
    first.close()
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    lock = {"host": __import__("socket").gethostname(), "pid": dead.pid}
    path.with_name("s.jsonl.lock").write_text(json.dumps(lock))
    with JournalStore(path) as store:
        store.put([make_row("bb")])
        assert store.count("s") == {"ok": 2}
    assert not path.with_name("s.jsonl.lock").exists()


def test_a_journal_with_a_torn_last_line_goes_on(tmp_path: Path) -> None:
    """What was acknowledged stays, and what comes after the torn line is not lost with it."""
    path = tmp_path / "s.jsonl"
    with JournalStore(path) as store:
        store.put([make_row("aa")])
    with path.open("ab") as file:
        file.write(b'{"put":[["s","b')
    with JournalStore(path) as store:
        store.put([make_row("cc")])
    with JournalStore(path) as store:
        assert [r.point_uid for r in store.iter("s")] == ["aa", "cc"]


def test_cleaning_a_journal_keeps_what_it_holds(tmp_path: Path) -> None:
    """Deleted and replaced rows leave the file; all else stays, in its order."""
    path = tmp_path / "s.jsonl"
    with JournalStore(path) as store:
        store.put([make_row(f"{i}", traceback="x" * 1000) for i in range(100)])
        store.delete(Key("s", f"{i}") for i in range(90))
        store.clean_files()
        store.put([make_row("new")])
    assert path.stat().st_size < 20_000
    with JournalStore(path) as store:
        assert [r.point_uid for r in store.iter("s")] == [*(f"{i}" for i in range(90, 100)), "new"]


def test_network_folders_are_warned_of(tmp_path: Path) -> None:
    """NFS and its kin are named; a container's overlay is a local disk."""
    mounts = tmp_path / "mounts"
    for kind, warns in (("nfs4", True), ("fuse.sshfs", True), ("ext4", False), ("fuse.fuse-overlayfs", False)):
        mounts.write_text(f"root / ext4 rw 0 0\nhost:/x {tmp_path} {kind} rw 0 0\n")
        assert file_system(tmp_path / "s.db", mounts) == kind
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            warn_of_network_folder(tmp_path / "s.db", mounts)
        assert [w.category for w in caught] == [StoreWarning] * warns
    assert file_system(tmp_path, tmp_path / "none") == ""


def test_objects_are_listed_in_their_order_and_orphans_cleaned(tmp_path: Path) -> None:
    """An object store has no order of its own; data without a row is removed by cleaning."""
    url = f"file://{tmp_path}/store"
    store = FsspecStore(url)
    store.put([make_row(uid, data=bytes(100_000)) for uid in ("zz", "bb", "mm")])
    (tmp_path / "store" / "data" / "s" / "orphan.bin").write_bytes(b"half")
    again = FsspecStore(url)
    assert [r.point_uid for r in again.iter("s")] == ["zz", "bb", "mm"]
    assert again.clean_files() == 1
    with pytest.raises(NotAStoreError, match="other things"):
        FsspecStore(f"file://{tmp_path}")


@pytest.mark.parametrize("name", ["table.csv", "new.json", "data.pkl"])
def test_a_new_store_has_no_ending_of_another_format(tmp_path: Path, name: str) -> None:
    """A name that promises a table is refused before a database is made of it; a store may be renamed so."""
    with pytest.raises(ValueError, match=r"such as results.db .*, but is '.*export results.db -o"):
        open_store(tmp_path / name)
    assert not list(tmp_path.iterdir())
    SQLiteStore(tmp_path / name).close()
    with open_store(tmp_path / name) as store:
        assert type(store) is SQLiteStore


def test_a_path_says_which_store_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also on the command line: what is there decides, and for a new file its ending."""
    kinds: list[tuple[str, type[Store]]] = [("a.db", SQLiteStore), ("a.jsonl", JournalStore), ("a store", FsspecStore)]
    FsspecStore(f"file://{tmp_path}/a store")
    for name, kind in kinds:
        with open_store(tmp_path / name) as store:
            assert type(store) is kind
            learner = SequenceLearner(abs, range(7))
            BlockingRunner(learner, store=store, executor=SequentialExecutor())
        assert main([str(tmp_path / name), "list"]) == 0
        assert "7" in capsys.readouterr().out
    shutil.copy(tmp_path / "a.jsonl", tmp_path / "b.db")
    shutil.copy(tmp_path / "a.db", tmp_path / "b.jsonl")
    for name, kind in (("b.db", JournalStore), ("b.jsonl", SQLiteStore)):
        with open_store(tmp_path / name, readonly=True) as store:
            assert type(store) is kind
            assert store.space(abs).counts == {"ok": 7}


@pytest.mark.parametrize("journal", ["WAL", "DELETE"])
def test_a_reader_sees_who_writes_later(tmp_path: Path, journal: Any) -> None:
    """Also a reader that opened the file when nobody wrote it, and needed no other file beside it."""
    with SQLiteStore(tmp_path / "s.db", journal=journal) as store:
        store.put([make_row("a1")])
    with SQLiteStore(tmp_path / "s.db", readonly=True) as reader:
        assert reader.count("s") == {"ok": 1}
        assert [path.name for path in tmp_path.iterdir()] == ["s.db"]
        with SQLiteStore(tmp_path / "s.db", journal=journal) as store:
            store.put([make_row("a2")])
            assert reader.count("s") == {"ok": 2}
            store.put([make_row("a3")])
            assert reader.count("s") == {"ok": 3}
        assert reader.count("s") == {"ok": 3}
        with SQLiteStore(tmp_path / "s.db", journal=journal) as store:
            store.put([make_row("a4")])
        assert reader.count("s") == {"ok": 4}
        (tmp_path / "s.db").rename(tmp_path / "moved.db")
        assert reader.count("s") == {"ok": 4}
