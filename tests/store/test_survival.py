"""Results survive full disks, lost files, other folders, dead owners of locks and text that is not UTF-8."""

from __future__ import annotations

import errno
import json
import os
import re
import socket
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adaptive_calib import BlockingRunner, Learner1D, SequenceLearner
from adaptive_calib.runner import SequentialExecutor
from adaptive_calib.store import (
    Evaluation,
    FsspecStore,
    JournalStore,
    MemoryStore,
    SQLiteStore,
    StoreError,
    open_archive,
)
from adaptive_calib.store.backends import writer_lock
from adaptive_calib.store.backends.writer_lock import WriterLock
from tests.processes import started
from tests.store.functions import Line, ok, square


def large(i: int) -> Any:
    return np.full(20_000, float(i))


def run(function: Any, store: Any, points: Any = range(4), **more: Any) -> Any:
    learner = SequenceLearner(function, list(points))
    return BlockingRunner(learner, store=store, executor=SequentialExecutor(), **more)


class Full(MemoryStore):
    """A store whose disk is full for some calls."""

    def __init__(self, place: Path, failing: int) -> None:
        super().__init__()
        self.failing = failing
        self._place = place

    @property
    def place(self) -> Path:
        return self._place / "full.db.files"

    def put(self, rows: Any, *, force: bool = False) -> None:
        self.failing -= 1
        if self.failing >= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        super().put(rows, force=force)


def test_rows_that_were_not_written_are_written_with_the_next_ones(tmp_path: Path) -> None:
    """The error of the first attempt counts them; at the end nothing is missing, and it says so."""
    store = Full(tmp_path, 2)
    archive = open_archive(store, Line(square))
    for number, count in ((0.25, "1 result"), (0.5, "2 results")):
        with pytest.raises(StoreError) as caught:
            archive.record([ok(number, number**2)])
        assert re.search(rf"{count} at 0\.25.* could not be written.*No space", str(caught.value))
    first = caught.value
    archive.record([ok(0.75, 0.5625)])
    archive.close("failed", "")
    assert store.spaces()[0].counts == {"ok": 3}
    assert "nothing is missing" in str(first)


def test_rows_that_cannot_be_written_at_the_end_go_elsewhere(tmp_path: Path) -> None:
    """To a journal whose name is in the error, and from there into the store."""
    store = Full(tmp_path, 100)
    archive = open_archive(store, Line(square))
    with pytest.raises(StoreError) as caught:
        archive.record([ok(0.25, 0.0625), ok(0.5, 0.25)])
    archive.close("failed", "")
    message = str(caught.value)
    assert "2 results at 0.25, 0.5 could not be written" in message
    (path,) = re.findall(r'JournalStore\("([^"]+)"\)', message)
    assert Path(path).parent == tmp_path
    store.failing = 0
    with JournalStore(path) as saved:
        assert store.merge(saved) == 2
    assert store.space(square).get(0.5).y == 0.25


def test_a_full_disk_leaves_a_journal_readable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a failed write leaves behind is cut off, and the next write begins a line of its own."""
    path = tmp_path / "s.jsonl"
    with JournalStore(path) as store:
        run(square, store, [1.0])
        file = store._file
        assert file is not None
        content = path.read_bytes()

        class Partly:
            def __init__(self) -> None:
                self.calls = 0

            def write(self, text: Any) -> int:
                self.calls += 1
                if self.calls > 1:
                    raise OSError(errno.ENOSPC, "No space left on device")
                return file.write(bytes(text)[:10])

            def __getattr__(self, name: str) -> Any:
                return getattr(file, name)

        store._file = Partly()  # type: ignore[assignment]
        with pytest.raises(StoreError, match="No space"):
            store.put([next(store.iter(store.spaces()[0].uid))._replace(point_uid="f" * 32)])
        store._file = file
        assert path.read_bytes() == content
        run(square, store, [1.0, 2.0])
    with JournalStore(path) as store:
        assert store.spaces()[0].counts == {"ok": 2}


@pytest.mark.parametrize("kind", [SQLiteStore, JournalStore])
@pytest.mark.parametrize("how", ["delete", "move", "replace"])
def test_a_store_that_is_gone_is_noticed_and_saved(tmp_path: Path, kind: Any, how: str) -> None:
    """The next write is an error; what the open store holds is in the file that it names."""
    path = tmp_path / "s.db"
    with kind(path) as store:
        run(square, store, [1.0, 2.0])
        if how == "move":
            path.rename(tmp_path / "moved.db")
        else:
            path.unlink()
        if how == "replace":
            path.write_bytes(b"")
        with pytest.raises(StoreError, match="deleted, moved or replaced") as caught:
            run(square, store, [1.0, 2.0, 3.0])
    (saved,) = re.findall(r"was saved as (\S+)\.\s", f"{caught.value} ")
    with kind(saved) as store:
        assert store.spaces()[0].counts["ok"] >= 2


@pytest.mark.parametrize("kind", ["db", "jsonl"])
def test_a_function_may_change_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Relative paths are those of the moment in which the store was opened: results, artifacts, journals, logs."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path)

    def moving(i: int, *, ctx: Any) -> Any:
        os.chdir(tmp_path / "work")
        (ctx.artifact_dir() / "x.txt").write_text("x")
        return large(i)

    function = Evaluation(moving, name="f")
    with SQLiteStore("s.db") if kind == "db" else JournalStore("s.jsonl") as store:
        run(function, store, log="run.jsonl")
        store.gc()
    assert os.listdir(tmp_path / "work") == []
    os.chdir(tmp_path)
    with SQLiteStore("s.db") if kind == "db" else JournalStore("s.jsonl") as store:
        assert run(function, store).progress.loaded == 4
        assert [path.name for path in store.space(function).artifacts(0)] == ["x.txt"]


def test_all_files_follow_the_umask(tmp_path: Path) -> None:
    """Colleagues can read what is written in a shared folder."""
    old = os.umask(0o002)
    try:
        with SQLiteStore(tmp_path / "s.db") as store:
            run(large, store)
            store.space(large).export(tmp_path / "t.csv")
        with JournalStore(tmp_path / "s.jsonl") as journal:
            run(large, journal)
            journal.gc()
        with FsspecStore(f"file://{tmp_path}/objects") as objects:
            run(large, objects)
    finally:
        os.umask(old)
    for path in tmp_path.rglob("*"):
        wanted = stat.S_IRGRP | (stat.S_IXGRP if path.is_dir() else 0)
        assert path.stat().st_mode & wanted == wanted, path


def test_artifacts_live_and_go_with_their_results(tmp_path: Path) -> None:
    """Deleted with a row, and by `gc` if a row is missing; others stay."""

    def writes(i: int, *, ctx: Any) -> int:
        (ctx.artifact_dir() / "map.txt").write_text(str(i))
        return i

    function = Evaluation(writes, name="f")
    with SQLiteStore(tmp_path / "s.db") as store:
        run(function, store)
        space = store.space(function)
        assert [path.read_text() for path in space.artifacts(1)] == ["1"]
        place = space.artifacts(0)[0].parent
        assert space.delete({"point": 0}) == 1
        assert not place.exists()
        store.delete([next(store.iter(space.uid)).key])
        assert store.gc()["files"] == 1
        assert len(list((tmp_path / "s.db.files" / "artifacts").glob("*/*"))) == 2
        assert store.rename("f", "g") == 2
        assert len(store.space("g").artifacts(3)) == 1


def test_text_that_is_not_utf_8_is_kept(tmp_path: Path) -> None:
    """In errors, output, reasons and results."""
    odd = os.fsdecode(b"M\xfcller")

    def fails(i: int) -> Any:
        print(odd)
        if i == 1:
            raise ValueError(odd)
        return {"name": odd}

    for store in (SQLiteStore(tmp_path / "s.db"), JournalStore(tmp_path / "s.jsonl")):
        with store:
            runner = run(fails, store, on_error="continue", capture="std")
            assert len(runner.failures) == 1
            (failure,) = store.spaces()[0].failures()
            assert r"M\udcfcller" in failure.traceback
            assert store.spaces()[0].get(2).y == {"name": odd}


# ------------------------------------------------------------------------------------------------ the one writer

HOLD = """
import sys, time
from pathlib import Path
from adaptive_calib.store.backends.writer_lock import WriterLock
lock = WriterLock(Path(sys.argv[1]))
print("locked", flush=True)
time.sleep(60)
"""


def test_a_lock_is_free_when_its_owner_is_killed(tmp_path: Path) -> None:
    """At once, whatever is left of it."""
    path = tmp_path / "s.jsonl"
    with started([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "locked\n"
        with pytest.raises(StoreError, match=f"process {owner.pid} on"):
            WriterLock(path)
        owner.kill()
    begin = time.monotonic()
    lock = WriterLock(path)
    assert time.monotonic() - begin < 1.0
    lock.release()
    assert not list(tmp_path.iterdir())


def elsewhere(path: Path) -> Path:
    lock = path.with_name(path.name + ".lock")
    lock.write_text(json.dumps({"host": f"not-{socket.gethostname()}", "pid": 1, "token": "x"}))
    return lock


def test_the_lock_of_another_host_is_taken_over_when_nobody_touches_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that was killed on another host is replaced without help; one that lives is not."""
    monkeypatch.setattr(writer_lock, "LEASE", 1.0)
    path = tmp_path / "s.jsonl"
    lock = elsewhere(path)
    WriterLock(path).release()
    elsewhere(path)
    stop = threading.Event()

    def touching() -> None:
        while not stop.wait(0.1):
            os.utime(lock)

    thread = threading.Thread(target=touching)
    thread.start()
    try:
        with pytest.raises(StoreError, match="process 1 on not-"):
            WriterLock(path)
    finally:
        stop.set()
        thread.join()


def test_without_locks_of_the_file_system_there_is_still_one_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The owner keeps the file alive, and notices when it is no longer its own."""
    monkeypatch.setattr(writer_lock, "_lock_file", lambda handle: None)
    monkeypatch.setattr(writer_lock, "HEARTBEAT", 0.1)
    monkeypatch.setattr(writer_lock, "LEASE", 1.0)
    path = tmp_path / "s.jsonl"
    first = WriterLock(path)
    monkeypatch.setattr(writer_lock, "process_is_gone", lambda owner: False)
    with pytest.raises(StoreError, match=f"process {os.getpid()}"):
        WriterLock(path)
    first.refuse_if_lost()
    elsewhere(path)
    with pytest.raises(StoreError, match="taken over"):
        first.refuse_if_lost()
    first.release()
    assert path.with_name("s.jsonl.lock").exists()  # another's


@pytest.mark.parametrize("left", [b"", b"{", b"[1]", b'{"pid": null}'])
def test_a_lock_that_was_never_finished_is_no_owner(
    tmp_path: Path, left: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its maker died while it made it."""
    monkeypatch.setattr(writer_lock, "LEASE", 1.0)
    monkeypatch.setattr(writer_lock, "_UNFINISHED", 0.2)
    path = tmp_path / "s.jsonl"
    path.with_name("s.jsonl.lock").write_bytes(left)
    with JournalStore(path) as store:
        run(square, store, [1.0])


def test_a_place_that_was_killed_while_it_was_made_is_used(tmp_path: Path) -> None:
    """Leftovers of the first object are no other things; other things still are."""
    place = tmp_path / "store"
    place.mkdir()
    (place / "store.json.tmp-0011aabb").write_text("{")
    with FsspecStore(f"file://{place}") as store:
        run(square, store, [1.0])
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("x")
    with pytest.raises(StoreError, match="other things"):
        FsspecStore(f"file://{tmp_path}/other")


def test_a_stored_failure_that_is_left_out_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With their number and the mode that repeats them."""

    def fails(i: int) -> int:
        if i == 1:
            raise ValueError("no")
        return i

    run(fails, tmp_path / "s.db", on_error="continue")
    caplog.clear()
    run(fails, tmp_path / "s.db", on_error="continue")
    assert any("1 failed point left out" in record.getMessage() for record in caplog.records)
    assert run(fails, tmp_path / "s.db", on_error="continue", mode="retry").failures


def cube_unless_broken(x: float) -> float:
    """Fail at the places that the environment names, as a licence server that is away; no part of the identity."""
    if str(x) in os.environ.get("BROKEN_PLACES", "").split():
        raise ValueError(f"no solution at {x}")
    return x**3


def test_retry_repeats_the_stored_failures_whatever_the_learner_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if the goal is reached already, and at points that the learner would not choose again."""

    def cube(**options: Any) -> BlockingRunner:
        learner = Learner1D(cube_unless_broken, (-1, 1))
        executor = SequentialExecutor()
        return BlockingRunner(learner, npoints_goal=20, store=tmp_path / "s.db", executor=executor, **options)

    monkeypatch.setenv("BROKEN_PLACES", "0.0 0.5 -0.25")
    assert {failure.point for failure in cube(on_error="continue").failures} == {0.0, 0.5, -0.25}
    monkeypatch.delenv("BROKEN_PLACES")
    assert cube().progress.told == 0
    repeated = cube(mode="retry")
    assert (repeated.progress.loaded, repeated.progress.told, repeated.failures) == (20, 3, [])
    assert {0.0, 0.5, -0.25} <= set(repeated.learner.data)
    assert cube().progress.loaded == 23
