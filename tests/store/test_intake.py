"""Rows that wait in lines beside a database are as safe, as visible and as unique as those in it."""

from __future__ import annotations

import errno
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from adaptive_calib.store import MemoryStore, SQLiteStore, StoreError
from adaptive_calib.store.backends import intake
from adaptive_calib.store.backends.intake import Intake
from adaptive_calib.store.base import Store
from adaptive_calib.store.rows import Key
from adaptive_calib.testing.stores import StoreContract, make_row

SEED = 20261123


@pytest.fixture(autouse=True)
def rush(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every put but the first of a store count as one in a rush."""
    monkeypatch.setattr("adaptive_calib.store.backends.sqlite.RUSH", 1e9)


def rushing(path: Path) -> SQLiteStore:
    """Open a store whose next put waits."""
    store = SQLiteStore(path)
    store.put([])
    return store


def lines(folder: Path) -> list[Path]:
    """Return the files of lines in a folder."""
    return sorted(folder.glob("*-intake-*"))


def in_database(path: Path) -> list[str]:
    """Return the uids that the database itself holds."""
    with sqlite3.connect(path) as db:
        found = db.execute("SELECT point_uid FROM evals ORDER BY id").fetchall()
    db.close()
    return [uid for (uid,) in found]


def uids(store: Store) -> list[str]:
    """Return the uids that a store shows."""
    return [row.point_uid for row in store.iter("s")]


def rushing_process(path: Path, number: int) -> subprocess.Popen[bytes]:
    """Start a process that puts so many results in a rush."""
    return subprocess.Popen([sys.executable, "-m", "tests.store.rushing", str(path), str(number)])


def told(path: Path, process: subprocess.Popen[bytes], number: int) -> None:
    """Wait until a writer was told that so many results are kept."""
    notes = path.with_name(path.name + ".told")
    while not notes.exists() or len(notes.read_bytes().splitlines()) < number:
        assert process.poll() is None
        time.sleep(0.001)


def abandoned(store: SQLiteStore) -> None:
    """End a store as the death of its process does: nothing is moved, and its lock is gone."""
    handle = store._intake._handle
    assert handle is not None
    os.close(handle)
    store._intake._handle = None
    store._finalizer()


class TestStoreInARush(StoreContract):
    def open(self, place: Path) -> Store:
        return rushing(place / "s.db")


def test_rows_wait_in_a_line_until_somebody_asks(tmp_path: Path) -> None:
    """They are not in the database, then a look at the store moves them; closing leaves one file."""
    store = rushing(tmp_path / "s.db")
    store.put([make_row("aa"), make_row("bb")])
    store.put([make_row("cc")])
    assert (in_database(store.path), len(lines(tmp_path))) == ([], 1)
    assert store.get(Key("s", "bb")) == make_row("bb")
    assert in_database(store.path) == ["aa", "bb", "cc"]
    store.put([make_row("dd")])
    store.close()
    assert in_database(store.path) == ["aa", "bb", "cc", "dd"]
    assert [path.name for path in tmp_path.iterdir()] == ["s.db"]


def test_only_bare_results_in_a_rush_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes slowly, failures, replicates, arrays and what has output are written to the database at once."""
    with SQLiteStore(tmp_path / "s.db") as store:
        store.put([make_row("first")])
        at_once = [make_row("aa", status="failed"), make_row("bb", split="fit"), make_row("cc", data=b"x")]
        for row in (*at_once, make_row("dd", stdout="said"), make_row("ee", data=bytes(100_000))):
            store.put([make_row(f"{row.point_uid}-waits")])
            store.put([row])
            assert in_database(store.path)[-2:] == [f"{row.point_uid}-waits", row.point_uid]  # in their order
        store.put([make_row("waits")])
        monkeypatch.setattr("adaptive_calib.store.backends.sqlite.RUSH", 0.0)
        with SQLiteStore(tmp_path / "s.db") as other:
            other.put([make_row("waits", y="the second"), make_row("slow")])
        assert in_database(store.path)[-2:] == ["waits", "slow"]
        assert store.get(Key("s", "waits")) == make_row("waits")


def test_many_are_moved_before_anybody_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than `WAITING` rows wait, and a file that has become large is replaced."""
    monkeypatch.setattr("adaptive_calib.store.backends.sqlite.WAITING", 100)
    monkeypatch.setattr(intake, "LARGE", 40_000)
    with rushing(tmp_path / "s.db") as store:
        names = set()
        for i in range(1050):
            store.put([make_row(f"{i:04}")])
            assert len(lines(tmp_path)) <= 1
            names |= set(lines(tmp_path))
        assert len(in_database(store.path)) == 1000
        assert len(names) > 1
        assert uids(store) == [f"{i:04}" for i in range(1050)]


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_what_was_acknowledged_survives_a_kill(tmp_path: Path, kills: int) -> None:
    """A reader that may not write sees it too, and changes nothing; who may write takes it in."""
    rng = random.Random(SEED)
    for kill in range(kills):
        path = tmp_path / f"{kill}.db"
        with rushing_process(path, 10**9) as process:
            told(path, process, rng.randrange(1, 6000))
            process.kill()
        acknowledged = [f"{int(i):06}" for i in path.with_name(path.name + ".told").read_text().split()]
        before = {p: p.read_bytes() for p in tmp_path.iterdir() if not p.name.endswith("-shm")}
        with SQLiteStore(path, readonly=True) as store:
            seen = uids(store)
        assert {p: p.read_bytes() for p in before} == before
        with SQLiteStore(path) as store:
            assert uids(store) == seen == [f"{i:06}" for i in range(len(seen))]
            assert seen[: len(acknowledged)] == acknowledged
            assert len(seen) <= len(acknowledged) + 1
            assert [row.y for row in store.iter("s")] == [str(i) for i in range(len(seen))]
        assert lines(tmp_path) == []
        assert len(in_database(path)) == len(seen)


def test_others_see_what_waits_in_a_process_that_lives(tmp_path: Path) -> None:
    """A store that may write takes it in, one that may not shows it; it counts once, and goes on."""
    path = tmp_path / "s.db"
    with rushing_process(path, 300) as process:
        told(path, process, 300)
        assert len(in_database(path)) < 300
        with SQLiteStore(path, readonly=True) as reader, SQLiteStore(path) as other:
            assert len(uids(reader)) == 300
            assert len(in_database(path)) < 300
            assert len(uids(other)) == len(in_database(path)) == 300
            assert len(lines(tmp_path)) == 1  # its writer lives
            assert other.delete([Key("s", "000007")]) == 1
            assert len(uids(reader)) == len(uids(other)) == 299
        process.kill()
    with SQLiteStore(path) as store:
        assert len(uids(store)) == 299
        store.delete([])  # a transaction, as the first that a run writes
    assert lines(tmp_path) == []


def test_two_stores_take_in_each_others_lines(tmp_path: Path) -> None:
    """Each row counts once, whoever moves it, and what one deletes stays deleted."""
    with rushing(tmp_path / "s.db") as a, rushing(tmp_path / "s.db") as b:
        for i in range(20):
            (a, b)[i % 2].put([make_row(f"{i:02}")])
        assert len(lines(tmp_path)) == 2
        assert sorted(uids(b)) == sorted(uids(a)) == [f"{i:02}" for i in range(20)]
        assert b.delete([Key("s", "04"), Key("s", "05")]) == 2
        a.put([make_row("20")])
        assert sorted(set(uids(b))) == sorted(uids(a)) == [f"{i:02}" for i in range(21) if i not in (4, 5)]
    assert [path.name for path in tmp_path.iterdir()] == ["s.db"]


@pytest.mark.parametrize("seed", range(12))
def test_any_order_of_calls_shows_what_a_store_in_memory_shows(tmp_path: Path, seed: int) -> None:
    """Puts of all kinds, deletions, looks, deaths and second openings of two stores on one file."""
    rng = random.Random(SEED + seed)
    path, model = tmp_path / "s.db", MemoryStore()
    stores = [rushing(path), rushing(path)]
    for step in range(150):
        which = rng.randrange(2)
        store, uid = stores[which], f"{rng.randrange(40):02}"
        match rng.choice(["ok"] * 8 + ["array", "failed", "said", "force", "delete", "get", "look", "die", "reopen"]):
            case "ok":
                made = [make_row(f"{rng.randrange(40):02}") for _ in range(rng.randrange(1, 5))]
                made = list({row.point_uid: row for row in made}.values())
            case "array":
                made = [make_row(uid, data=bytes(rng.choice([10, 100_000])))]
            case "failed":
                made = [make_row(uid, status="failed", y="", stdout="said")]
            case "said":
                made = [make_row(uid, stdout="said")]
            case "force":
                made = [make_row(uid, y=f"{step}", run_id=f"{step}")]
                store.put(made, force=True)
                model.put(made, force=True)
                continue
            case "delete":
                assert store.delete([Key("s", uid)]) == model.delete([Key("s", uid)])
                continue
            case "get":
                found, expected = store.get(Key("s", uid)), model.get(Key("s", uid))
                assert (found and found.y) == (expected and expected.y)
                continue
            case "look":
                assert store.count("s") == model.count("s")
                continue
            case "die" if store._intake.is_open:
                abandoned(store)
                stores[which] = rushing(path)
                continue
            case _:
                store.close()
                stores[which] = rushing(path)
                continue
        known = {row.point_uid for row in model.iter("s") if row.status == "ok"}
        made = [row for row in made if row.point_uid not in known]  # whose comes first is a race of two processes
        store.put(made)
        model.put(made)
    for store in stores:
        store.close()
    with SQLiteStore(path) as store:
        assert store.check() == "ok"
        assert sorted(store.iter("s")) == sorted(model.iter("s"))
        store.delete([])  # a transaction, as the first that a run writes: removes files of the dead
        assert store.clean_files() == 0
    assert lines(tmp_path) == []


def test_who_is_killed_after_moving_counts_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows and how far the lines were taken in change in one transaction: what was deleted since stays deleted."""
    store = rushing(tmp_path / "s.db")
    store.put([make_row("aa"), make_row("bb")])
    monkeypatch.setattr(Intake, "tidy", lambda self, found: None)
    assert uids(store) == ["aa", "bb"]
    abandoned(store)
    monkeypatch.undo()
    assert len(lines(tmp_path)) == 1
    with SQLiteStore(tmp_path / "s.db") as store:
        store.delete([Key("s", "aa")])
        assert uids(store) == ["bb"]
    with SQLiteStore(tmp_path / "s.db") as store:
        assert uids(store) == ["bb"]
    assert lines(tmp_path) == []


def test_a_torn_line_is_ignored(tmp_path: Path) -> None:
    """It was never acknowledged."""
    store = rushing(tmp_path / "s.db")
    store.put([make_row("aa")])
    abandoned(store)
    (file,) = lines(tmp_path)
    with file.open("ab") as torn:
        torn.write(b'["0000","s","bb"')
    with SQLiteStore(tmp_path / "s.db", readonly=True) as reader:
        assert uids(reader) == ["aa"]
    with SQLiteStore(tmp_path / "s.db") as store:
        assert uids(store) == ["aa"]
    assert lines(tmp_path) == []


@pytest.mark.parametrize(
    "line",
    [
        b"[[damaged\n",
        b"5\n",
        b"[5]\n",
        b'["' + b"00" * 16 + b'","s"]\n',
        b'["' + b"00" * 16 + b'"' + b",{}" * 19 + b"]\n",
    ],
)
def test_a_damaged_line_is_explained_and_nothing_is_removed(tmp_path: Path, line: bytes) -> None:
    """The error says which file; moved away, the rest of the store is read."""
    store = rushing(tmp_path / "s.db")
    store.put([make_row("aa")])
    assert uids(store) == ["aa"]
    store.put([make_row("bb")])
    abandoned(store)
    (file,) = lines(tmp_path)
    with file.open("ab") as damaged:
        damaged.write(line)
    for readonly in (True, False):
        with (
            SQLiteStore(tmp_path / "s.db", readonly=readonly) as store,
            pytest.raises(StoreError, match=r"s\.db.*damaged"),
        ):
            uids(store)
    file.rename(tmp_path / "away")
    with SQLiteStore(tmp_path / "s.db") as store:
        assert uids(store) == ["aa"]


def test_lines_of_a_database_that_is_gone_do_not_count(tmp_path: Path) -> None:
    """A new store of the same name begins empty, and so does a copy beside it."""
    store = rushing(tmp_path / "s.db")
    store.put([make_row("aa")])
    abandoned(store)
    for path in tmp_path.glob("s.db*"):
        if path not in lines(tmp_path):
            path.unlink()
    with SQLiteStore(tmp_path / "s.db") as store:
        assert uids(store) == []


def test_a_backup_holds_what_waits_and_leaves_the_lines_to_their_store(tmp_path: Path) -> None:
    """Opening the backup does not take in what comes later."""
    with rushing(tmp_path / "s.db") as store:
        store.put([make_row("aa")])
        store.backup(tmp_path / "b.db")
        store.put([make_row("bb")])
        with SQLiteStore(tmp_path / "b.db") as backup:
            assert uids(backup) == ["aa"]
        assert len(lines(tmp_path)) == 1
        assert uids(store) == ["aa", "bb"]


def test_without_locks_nothing_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who cannot show that it lives writes to the database."""

    def refuse(*args: Any) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    with rushing(tmp_path / "s.db") as store:
        store.put([make_row("aa")])
        store.put([make_row("bb")])
        assert in_database(store.path) == ["aa", "bb"]
        assert lines(tmp_path) == []


@pytest.mark.parametrize("options", [{"durable": "power"}, {"journal": "DELETE"}])
def test_what_promises_more_than_lines_do_has_none(tmp_path: Path, options: Any) -> None:
    """A power cut may take lines, and another host may not see them yet."""
    with SQLiteStore(tmp_path / "s.db", **options) as store:
        for i in range(3):
            store.put([make_row(f"{i}")])
            assert len(in_database(store.path)) == i + 1


@contextmanager
def full_disk(monkeypatch: pytest.MonkeyPatch, room: int) -> Iterator[None]:
    """Let a write take some bytes, and then fail."""
    write, left = os.write, [room]

    def some(handle: int, data: Any) -> int:
        if not left[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        part = bytes(data)[: left[0]]
        left[0] -= len(part)
        return write(handle, part)

    with monkeypatch.context() as patched:
        patched.setattr(intake.os, "write", some)
        yield


def test_a_full_disk_is_an_error_and_leaves_no_half_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was acknowledged stays, what was not is not there, and writing goes on when there is room."""
    store = rushing(tmp_path / "s.db")
    store.put([make_row("aa")])
    with full_disk(monkeypatch, 50), pytest.raises(StoreError, match=r"No space left.*start again when there is room"):
        store.put([make_row("bb")])
    store.put([make_row("cc")])
    assert lines(tmp_path)[0].read_bytes().count(b"\n") == 2
    abandoned(store)
    with SQLiteStore(tmp_path / "s.db") as store:
        assert uids(store) == ["aa", "cc"]


def test_a_database_that_takes_nothing_in_is_read_from_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    """Somebody keeps it locked: reading goes on, closing keeps what waits for the next opening."""
    monkeypatch.setattr("adaptive_calib.store.backends.sqlite_schema.BUSY_SECONDS", 0.02)
    store = rushing(tmp_path / "s.db")
    store.put([make_row("aa")])
    other = sqlite3.connect(tmp_path / "s.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert uids(store) == ["aa"]
    assert "read from a copy" in caplog.text
    store.put([make_row("bb")])
    assert uids(store) == ["aa", "bb"]
    store.close()
    assert "2 results wait in lines" in caplog.text
    other.execute("ROLLBACK")
    other.close()
    with SQLiteStore(tmp_path / "s.db") as store:
        assert uids(store) == ["aa", "bb"]
    assert lines(tmp_path) == []


def test_a_file_that_could_not_be_registered_is_not_written_to(tmp_path: Path) -> None:
    """What the database does not know would never be taken in: the put fails, and the next one begins anew."""
    store = rushing(tmp_path / "s.db")
    store._db.execute("CREATE TRIGGER t BEFORE INSERT ON intake BEGIN SELECT RAISE(ABORT, 'not today'); END")
    with pytest.raises(StoreError, match="not today"):
        store.put([make_row("aa")])
    assert lines(tmp_path) == []
    store._db.execute("DROP TRIGGER t")
    store.put([make_row("bb")])
    assert uids(store) == ["bb"]
    store.close()


@pytest.mark.parametrize("ends", [False, True])
def test_what_is_moved_and_deleted_while_a_copy_is_made_does_not_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: bool
) -> None:
    """The copy knows how far the lines were taken in when it was made, or that a file is gone."""
    writer = rushing(tmp_path / "s.db")
    writer.put([make_row("aa"), make_row("bb")])
    look = Intake.look

    def look_late(self: Intake, db: sqlite3.Connection) -> Any:
        found = look(self, db)
        if self is reader._intake:
            writer.delete([Key("s", "aa")])
            writer.put([make_row("cc")])
            if ends:
                writer.close()
                with SQLiteStore(writer.path) as other:  # forgets the file
                    other.put([make_row("dd", status="failed")])
        return found

    with SQLiteStore(tmp_path / "s.db", readonly=True) as reader:
        monkeypatch.setattr(Intake, "look", look_late)
        assert uids(reader) == (["bb", "cc", "dd"] if ends else ["bb"])
        monkeypatch.undo()
        assert uids(reader) == (["bb", "cc", "dd"] if ends else ["bb", "cc"])
    writer.close()


def test_a_line_that_a_dying_writer_adds_meanwhile_is_not_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file goes only if it has not grown since it was read."""
    writer = rushing(tmp_path / "s.db")
    writer.put([make_row("aa")])
    tidy = Intake.tidy

    def tidy_late(self: Intake, found: Any) -> None:
        if writer._intake.is_open:
            writer._intake.append([make_row("bb")])
            abandoned(writer)
        tidy(self, found)

    monkeypatch.setattr(Intake, "tidy", tidy_late)
    with SQLiteStore(tmp_path / "s.db") as store:
        assert uids(store) == ["aa"]
        assert len(lines(tmp_path)) == 1
        assert uids(store) == ["aa", "bb"]
        assert lines(tmp_path) == []


def test_a_line_keeps_rows_to_the_bit() -> None:
    """Equal columns or not, any text, and times of which decimal digits would be long."""
    rows = [make_row("aa"), make_row("bb", y='"\\ud800 \u2028\n"', started=1e9 / 3, duration=5e-324, pid=2**40)]
    for some in (rows, rows[:1], [rows[0]] * 3):
        line = intake._line(some)
        assert line.count(b"\n") == 1
        assert line.endswith(b"\n")
        assert [tuple(row) for row in intake._rows(line)] == [tuple(row) for row in some]


def test_a_forked_child_leaves_the_file_to_its_parent(tmp_path: Path) -> None:
    """Its end closes what it inherited and removes nothing."""
    store = rushing(tmp_path / "s.db")
    store.put([make_row("aa")])
    assert uids(store) == ["aa"]
    child = os.fork()
    if not child:
        store._intake.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert len(lines(tmp_path)) == 1
    store.close()
    assert lines(tmp_path) == []


def test_a_closed_store_takes_nothing(tmp_path: Path) -> None:
    """Slowly or in a rush, the error is one of ours."""
    for put_before in (False, True):
        store = rushing(tmp_path / "s.db")
        if put_before:
            store.put([make_row("aa")])
        store.close()
        store.close()
        with pytest.raises(StoreError, match="cannot be used"):
            store.put([make_row("bb")])
        with pytest.raises(StoreError, match="cannot be used"):
            store.put([make_row("cc", status="failed")])
    assert [path.name for path in tmp_path.iterdir()] == ["s.db"]
