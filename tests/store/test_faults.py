"""Whole runs that meet what can go wrong with a store: each has its sentence, and what was stored stays."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adaptive_calib import BlockingRunner, Learner1D, SequenceLearner
from adaptive_calib.calibration import CalibrationLearner, Sampling
from adaptive_calib.engine.executors import SequentialExecutor
from adaptive_calib.store import (
    CodeChangedWarning,
    Evaluation,
    NewerStoreError,
    NotAStoreError,
    SQLiteStore,
    StoreError,
    StoreWarning,
    UnstorableResultError,
)
from adaptive_calib.store.rows import Run
from tests.calibration.worlds import Gaussians
from tests.store import killed, limited
from tests.store.functions import square

HERE = SequentialExecutor()


def done(learner: Any) -> bool:
    """Whether a sequence is through."""
    return bool(learner.done())


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user may write, unlike pytest's."""
    with tempfile.TemporaryDirectory(prefix="adaptive_calib-test-") as name:
        Path(name).chmod(0o777)
        yield Path(name)


# -------------------------------------------------------------------------------------------- writing is impossible


@pytest.mark.parametrize(
    ("kind", "fault", "message"),
    [
        ("dict", "full", "Free some space|What was stored until now is there"),
        ("array", "full", "start again when there is room"),
        ("array", "permission", "start again when you may write there"),
    ],
)
def test_a_run_that_cannot_write_ends_and_what_was_stored_is_read(
    folder: Path, kind: str, fault: str, message: str
) -> None:
    """The error names the results that are lost and what to do; the next run goes on where this one had to end."""
    command = [sys.executable, "-m", "tests.store.limited", str(folder), kind, fault]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(ended.stdout)
    assert found["type"] == "StoreError"
    stored = {}
    with SQLiteStore(folder / "s.db") as store:
        assert store.check() == "ok"
        (space,) = store.spaces()
        stored = {e.point: e.y for e in space}
    assert len(stored) >= 3
    assert all(killed.same(y, limited.result(i, kind)) for i, y in stored.items())
    (lost,) = set(found["told"]) - set(stored)  # it was computed, so the learner has it
    assert f"1 result at {lost} could not be written" in found["error"]
    assert any(part in found["error"] for part in message.split("|"))

    for path in (folder / "s.db.files").rglob("*"):
        path.chmod(0o777)
    learner = limited.run(folder, kind, "none")
    assert learner.done()
    assert killed.same(dict(enumerate(learner.data.values())), {i: limited.result(i, kind) for i in learner.data})


# -------------------------------------------------------------------------------------------- the second run


def calibration() -> CalibrationLearner:
    """Return a learner of a calibration of few experiments."""
    return CalibrationLearner(
        Gaussians(6, blocks=True), Ldata=32, Linf=128, c_list=[0.5, 2.0], res=4,
        sampling=Sampling(M=8, max_M=8, resample_ends=4),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("make", "goal"),
    [
        (lambda: Learner1D(Evaluation(square, name="sq"), (-1, 1)), {"loss_goal": 0.05}),
        (lambda: SequenceLearner(Evaluation(square, name="sq"), range(30)), {"goal": done}),
        (calibration, {"npoints_goal": 6}),
    ],
)
def test_a_second_run_to_the_same_goal_evaluates_nothing(
    tmp_path: Path, make: Callable[[], Any], goal: dict[str, Any]
) -> None:
    """All is told from the store; so it is with a store that is only read."""
    first = make()
    runner = BlockingRunner(first, executor=HERE, store=tmp_path / "s.db", **goal)
    assert runner.progress.told == first.npoints > 0
    for mode in ("cached", "read-only"):
        second = make()
        runner = BlockingRunner(second, executor=HERE, store=tmp_path / "s.db", mode=mode, **goal)
        assert (runner.progress.told, runner.progress.loaded) == (0, first.npoints)
        assert runner.status() == "finished"
        assert second.npoints == first.npoints
        assert second.loss() == first.loss()


# -------------------------------------------------------------------------------------------- bad input


def test_two_functions_of_one_name_are_warned_of(tmp_path: Path) -> None:
    """The second run says that other code gave the results it is about to use."""
    path = tmp_path / "s.db"
    BlockingRunner(SequenceLearner(Evaluation(square, name="f"), [1, 2]), done, executor=HERE, store=path)
    learner = SequenceLearner(Evaluation(lambda x: -x, name="f"), [1, 2])
    with pytest.warns(CodeChangedWarning, match=r"two functions have this name.*another `version`"):
        BlockingRunner(learner, done, executor=HERE, store=path)
    assert dict(learner.data) == {0: 1, 1: 4}
    learner = SequenceLearner(Evaluation(lambda x: x, name="f", on_code_change="error"), [1, 2])
    with pytest.raises(StoreError, match="another `version`"):
        BlockingRunner(learner, done, executor=HERE, store=path)


def test_a_result_that_cannot_be_stored_ends_the_run_by_name(tmp_path: Path) -> None:
    """The error has the point, the type and the ways out; the other results are kept, and told."""

    def function(x: int) -> Any:
        return object() if x == 2 else x

    learner = SequenceLearner(Evaluation(function, name="f"), range(5))
    with pytest.raises(UnstorableResultError, match=r"\(2, 2\).*builtins\.object.*register_handler"):
        BlockingRunner(learner, done, executor=HERE, store=tmp_path / "s.db")
    assert {0, 1} <= set(learner.data)
    with SQLiteStore(tmp_path / "s.db") as store:
        (space,) = store.spaces()
        assert {e.point for e in space} == set(learner.data) - {2}
        (run,) = store.read_runs()
        assert (run.status, "builtins.object" in run.reason) == ("failed", True)


def test_a_result_that_cannot_be_stored_fails_its_point_only(tmp_path: Path) -> None:
    """A run that goes on after failures has all other results; the point is not recorded and can be computed later."""
    values: dict[int, Any] = {2: object()}

    def function(x: int) -> Any:
        return values.get(x, x)

    path = tmp_path / "s.db"
    learner = SequenceLearner(Evaluation(function, name="f"), range(5))
    runner = BlockingRunner(learner, executor=HERE, store=path, on_error="continue")
    assert set(learner.data) == {0, 1, 3, 4}
    (failure,) = runner.failures
    assert (failure.point, type(failure.error)) == ((2, 2), UnstorableResultError)
    assert "register_handler" in failure.traceback
    with SQLiteStore(path) as store:
        (space,) = store.spaces()
        assert sorted(e.point for e in space) == [0, 1, 3, 4]
    values.clear()
    again = SequenceLearner(Evaluation(function, name="f"), range(5))
    BlockingRunner(again, executor=HERE, store=path, on_error="continue")
    assert again.result() == [0, 1, 2, 3, 4]


def test_a_point_without_a_canonical_form_ends_the_run_by_name(tmp_path: Path) -> None:
    """It says what to give."""
    learner = SequenceLearner(Evaluation(str, name="f"), [1, 2j])
    with pytest.raises(TypeError, match=r"2j.*point_key"):
        BlockingRunner(learner, done, executor=HERE, store=tmp_path / "s.db")


def filled(path: Path) -> None:
    """Make a store with some results."""
    BlockingRunner(SequenceLearner(Evaluation(square, name="f"), range(300)), done, executor=HERE, store=path)


def newer(path: Path) -> None:
    """Make a store of a format to come."""
    filled(path)
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version=99")
    db.close()


def corrupted(path: Path) -> None:
    """Make a store with rubbish in the middle."""
    filled(path)
    content = bytearray(path.read_bytes())
    content[4096:-4096] = b"\x55" * (len(content) - 8192)
    path.write_bytes(content)


def truncated(path: Path) -> None:
    """Make a store of which only a part was copied."""
    filled(path)
    path.write_bytes(path.read_bytes()[:10_000])


@pytest.mark.parametrize(
    ("prepare", "error", "message"),
    [
        (newer, NewerStoreError, r"format 99.*use the newer version"),
        (corrupted, NotAStoreError, r"s\.db is damaged.*recover"),
        (truncated, NotAStoreError, r"s\.db is damaged.*recover"),
        (lambda path: path.write_bytes(b"x,y\n1,2\n"), NotAStoreError, r"s\.db is not a store.*give another path"),
        (lambda path: path.mkdir(), NotAStoreError, r"is a folder; a store is a file"),
    ],
)
def test_a_file_that_is_not_a_store_of_ours_is_explained_before_anything_is_evaluated(
    tmp_path: Path, prepare: Callable[[Path], Any], error: type[Exception], message: str
) -> None:
    """And left as it is."""
    path, evaluated = tmp_path / "s.db", []
    prepare(path)
    before = path.read_bytes() if path.is_file() else b""
    learner = SequenceLearner(Evaluation(evaluated.append, name="f", on_code_change="ignore"), [1, 2, 1000])
    with pytest.raises(error, match=message):
        BlockingRunner(learner, done, executor=HERE, store=path)
    assert evaluated == []
    assert (path.read_bytes() if path.is_file() else b"") == before


def test_a_store_that_somebody_keeps_locked_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After waiting for a while; here at the first result, so that it is named."""
    monkeypatch.setattr("adaptive_calib.store.backends.sqlite_schema.BUSY_SECONDS", 0.05)
    path = tmp_path / "s.db"
    other: list[sqlite3.Connection] = []

    def function(x: int) -> int:
        other.append(sqlite3.connect(path, isolation_level=None))
        other[-1].execute("BEGIN IMMEDIATE")
        return x

    learner = SequenceLearner(Evaluation(function, name="f"), [7])
    with pytest.raises(StoreError, match=r"1 result at 7 .*locked.*end that one, or use a file of your own"):
        BlockingRunner(learner, done, executor=HERE, store=path)
    other[0].close()
    BlockingRunner(SequenceLearner(Evaluation(square, name="f", on_code_change="ignore"), [7]), done, executor=HERE,
                   store=path)  # fmt: skip


def test_another_run_on_the_same_space_is_warned_of(tmp_path: Path) -> None:
    """Who it is, what it means, and what can be done."""
    ev = Evaluation(square, name="f")
    about = {"host": socket.gethostname(), "pid": os.getppid(), "spaces": {ev.uid: {}}}
    with SQLiteStore(tmp_path / "s.db") as store:
        store.put_run(Run("other", 1.0, None, "running", "", json.dumps(about)))
        with pytest.warns(StoreWarning, match=rf"process {os.getppid()} .*Nothing is lost.*share_every"):
            BlockingRunner(SequenceLearner(ev, [1]), done, executor=HERE, store=store)


@pytest.mark.filterwarnings("ignore::adaptive_calib.store.StoreWarning")
def test_two_live_runs_on_one_space_both_end_and_lose_nothing(tmp_path: Path) -> None:
    """Each result is there once, and is that of both."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.store.killed", str(tmp_path), "dict"]
    both = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    with SQLiteStore(tmp_path / "s.db") as store:
        assert store.check() == "ok"
        (space,) = store.spaces()
        assert space.counts == {"ok": killed.N}
        assert all(killed.same(e.y, killed.result(e.point, "dict")) for e in space)
        assert [run.status for run in store.read_runs()] == ["finished", "finished"]
