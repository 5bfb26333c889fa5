"""Damaged files give errors that name the points, never another value, and hide nothing else."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adaptive_calib import BlockingRunner, SequenceLearner
from adaptive_calib.runner import SequentialExecutor
from adaptive_calib.store import FsspecStore, JournalStore, SQLiteStore, Store, StoreError, UnreadableRowError

N = 6


def value(i: int) -> Any:
    return np.full(20_000, float(i)) if i == 3 else {"i": i, "t": (i, "x" * i)}


def run(store: Any, **more: Any) -> Any:
    learner = SequenceLearner(value, list(range(N)))
    return BlockingRunner(learner, store=store, executor=SequentialExecutor(), **more)


def long(i: int) -> str:
    return "x" * 60_000


def same(one: Any, two: Any) -> bool:
    return bool(np.array_equal(one, two)) if isinstance(two, np.ndarray) else bool(one == two)


def change(path: Path, column: str, new: Any, where: str = "point = '2'") -> None:
    with sqlite3.connect(path) as db:
        db.execute(f"UPDATE evals SET {column} = ? WHERE {where}", (new,))
    db.close()


@pytest.mark.parametrize(
    ("column", "new"),
    [
        ("y", '{"i":7}'), ("y", b"\xff\xfe"), ("y_kind", "other"), ("y_data", b"12"), ("point", "5.5"),
        ("point", b"\xff"), ("status", "failed"), ("status", "unknown"), ("started", "yesterday"), ("seed", 3),
        ("attempt", 2), ("checksum", "0" * 16), ("replicate", "x"), ("y_file", "../../secret"), ("y_file", 3),
    ],
)  # fmt: skip
def test_a_changed_column_is_damage(tmp_path: Path, column: str, new: Any) -> None:
    """Whatever the column and the type: the row is damaged, the others are read, and the ways out work."""
    path = tmp_path / "s.db"
    run(path)
    change(path, column, new)
    with SQLiteStore(path) as store:
        (space,) = store.spaces()
        found = list(space)
        assert [e.status for e in found].count("damaged") == 1
        assert all(same(e.y, value(e.point)) for e in found if e.status == "ok")
        assert len(space.to_dataframe()) == N
    with pytest.raises(UnreadableRowError, match=r"1 damaged result in .*, at .*mode=\"retry\""):
        run(path)
    copy = shutil.copy(path, tmp_path / "copy.db")
    shutil.copytree(tmp_path / "s.db.files", tmp_path / "copy.db.files")
    assert run(copy, mode="retry").progress.loaded == N - 1
    assert run(copy).progress.loaded == N
    with SQLiteStore(path) as store:
        assert store.spaces()[0].delete({"status": "damaged"}) == 1
    learner = run(path).learner
    assert all(same(y, value(i)) for i, y in enumerate(learner.result()))


def test_a_damaged_large_result_is_named(tmp_path: Path) -> None:
    """A flipped bit, a shorter file, no file."""
    path = tmp_path / "s.db"
    run(path)
    (file,) = (tmp_path / "s.db.files" / "results").glob("*/*")
    content = file.read_bytes()
    for damaged in (content[:5000] + bytes([content[5000] ^ 1]) + content[5001:], content[:-8], None):
        file.unlink()
        if damaged is not None:
            file.write_bytes(damaged)
        with pytest.raises(UnreadableRowError, match="at 3 "):
            run(path)


def sqlite(folder: Path) -> Store:
    return SQLiteStore(folder / "s.db")


def journal(folder: Path) -> Store:
    return JournalStore(folder / "s.jsonl")


def objects(folder: Path) -> Store:
    return FsspecStore(f"file://{folder}/objects")


@pytest.mark.parametrize("kind", [sqlite, journal, objects])
def test_random_damage_never_gives_another_value(tmp_path: Path, kind: Callable[[Path], Store]) -> None:
    """Bits flipped, bytes removed, blocks overwritten, anywhere: right values, or an error of the store."""
    origin = tmp_path / "origin"
    origin.mkdir()
    with kind(origin) as store:
        run(store)
    random.seed(1)
    outcomes = {"right": 0, "error": 0}
    for number in range(60):
        place = tmp_path / str(number)
        shutil.copytree(origin, place)
        file = random.choice(sorted(p for p in place.rglob("*") if p.is_file() and p.stat().st_size))
        content = bytearray(file.read_bytes())
        start = random.randrange(len(content))
        match number % 4:
            case 0:
                content[start] ^= 1 << random.randrange(8)
            case 1:
                del content[start : start + random.choice((1, 10, 1000))]
            case 2:
                content[start : start + 16] = random.randbytes(len(content[start : start + 16]))
            case _:
                content[start : start + 600] = bytes(len(content[start : start + 600]))
        file.write_bytes(content)
        try:
            with kind(place) as store:
                learner = run(store).learner
            assert all(same(y, value(i)) for i, y in enumerate(learner.result())), (number, file)
            outcomes["right"] += 1
        except (StoreError, OSError):
            outcomes["error"] += 1
        shutil.rmtree(place)
    assert outcomes["error"] > 0, outcomes


def test_a_damaged_line_of_a_journal_is_named_and_can_be_left_out(tmp_path: Path) -> None:
    """The others are read; the point is evaluated again."""
    path = tmp_path / "s.jsonl"
    with JournalStore(path) as store:
        run(store)
    lines = path.read_bytes().splitlines(keepends=True)
    (number,) = (i for i, line in enumerate(lines) if b'"point":"2"' in line)
    lines[number] = lines[number].replace(b'"put"', b'"p\xff"')
    path.write_bytes(b"".join(lines))
    with pytest.raises(StoreError, match=rf"line {number + 1} .*skip_damaged=True"):
        JournalStore(path)
    with JournalStore(path, skip_damaged=True) as store:
        assert run(store).progress.loaded == N - 1
        store.gc()
    with JournalStore(path) as store:
        assert run(store).progress.loaded == N


def test_a_delete_that_was_damaged_deletes_nothing_else(tmp_path: Path) -> None:
    """Its keys have a checksum, too."""
    path = tmp_path / "s.jsonl"
    with JournalStore(path) as store:
        run(store)
        store.spaces()[0].delete({"point": 0})
        other = store.spaces()[0].get(1)
        rows = list(store.iter(store.spaces()[0].uid))
    record = json.loads(path.read_bytes().splitlines()[-1])
    assert "delete" in record
    text = path.read_text().replace(record["delete"][0][1], rows[0].point_uid)
    path.write_text(text)
    with pytest.raises(StoreError, match="checksum"):
        JournalStore(path)
    assert other.point == 1


def test_a_result_that_is_too_large_for_sqlite_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to return instead."""
    from adaptive_calib.store import UnstorableResultError

    with SQLiteStore(tmp_path / "s.db") as store:
        store._db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 50_000)
        with pytest.raises(UnstorableResultError, match="array"):
            BlockingRunner(SequenceLearner(long, [1]), store=store, executor=SequentialExecutor())
