"""Whole runs with a store: what they note, how they share, and what becomes of one when the store cannot go on."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adaptive_calib import BlockingRunner, Learner1D, SequenceLearner
from adaptive_calib.engine.archive import Outcome
from adaptive_calib.engine.evaluate import Report
from adaptive_calib.engine.executors import SequentialExecutor
from adaptive_calib.store import Evaluation, JournalStore, SQLiteStore, StoreError, open_archive
from tests.store.functions import square

HERE = SequentialExecutor()


def done(learner: Any) -> bool:
    """Whether a sequence is through."""
    return bool(learner.done())


def unlucky(x: float) -> float:
    """Raise."""
    raise ValueError("no luck")


def only_run(path: Path) -> tuple[Any, dict[str, Any]]:
    """Return the one run of a store, and its manifest."""
    with SQLiteStore(path, readonly=True) as store:
        (run,) = store.read_runs()
    return run, json.loads(run.manifest)


# ---------------------------------------------------------------------------------------------------- the manifest


def test_a_run_notes_what_ran_and_why_it_stopped(tmp_path: Path) -> None:
    """Command, configuration, versions, host and goal at its start; its end and the reason at its end."""
    ev = Evaluation(square, name="sq", config={"L": 4, "threads": 2}, exclude=["threads"])
    learner = Learner1D(ev, (0, 1))
    runner = BlockingRunner(learner, npoints_goal=5, executor=HERE, store=tmp_path / "s.db", retries=2)
    run, about = only_run(tmp_path / "s.db")
    assert (run.status, run.reason) == ("finished", runner.stop_reason)
    assert run.started <= run.ended
    assert about["command"] == sys.argv
    assert about["spaces"][ev.uid]["config"] == {"L": "4", "threads": "2"}
    assert {"numpy", "adaptive_calib"} <= set(about["packages"])
    assert about["python"].startswith("3.")
    assert {"host", "pid", "platform", "cwd", "git"} <= set(about)
    assert about["runner"]["learner"] == "Learner1D"
    assert "5" in about["runner"]["goal"]
    assert (about["runner"]["executor"], about["runner"]["retries"]) == ("SequentialExecutor", 2)


def test_a_run_that_fails_or_has_nothing_left_says_so(tmp_path: Path) -> None:
    """The status and the reason are those of the runner."""
    with pytest.raises(RuntimeError, match="no luck"):
        BlockingRunner(SequenceLearner(unlucky, [1]), executor=HERE, store=tmp_path / "failed.db")
    run, _ = only_run(tmp_path / "failed.db")
    assert run.status == "failed"
    assert "no luck" in run.reason
    learner = SequenceLearner(square, [1])
    BlockingRunner(learner, npoints_goal=9, executor=HERE, store=tmp_path / "exhausted.db")
    run, _ = only_run(tmp_path / "exhausted.db")
    assert (run.status, "nothing left" in run.reason) == ("exhausted", True)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """A git checkout with a module ``kept_under_git``; the fixture is a function that calls git there."""
    folder = tmp_path / "checkout"
    folder.mkdir()

    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        command = ["git", "-C", str(folder), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    (folder / "kept_under_git.py").write_text("def f(x):\n    return x\n")
    git("add", ".")
    git("commit", "-q", "-m", "one")
    monkeypatch.syspath_prepend(folder)
    return git


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git here")
def test_a_run_may_require_that_a_commit_says_what_ran(
    tmp_path: Path, checkout: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit of the function's checkout is noted; with changes in it nothing begins, if so wanted."""
    function = importlib.import_module("kept_under_git").f

    def run(name: str) -> Any:
        learner = SequenceLearner(function, [1, 2])
        BlockingRunner(learner, done, executor=HERE, store=tmp_path / name, require_clean_git=True)
        return only_run(tmp_path / name)[1]["git"]

    assert run("clean.db") == {"commit": checkout("rev-parse", "HEAD"), "dirty": False}
    (tmp_path / "checkout" / "kept_under_git.py").write_text("def f(x):\n    return x + 1\n")
    with pytest.raises(StoreError, match=r"differ from the commit .* Commit or undo"):
        run("dirty.db")
    assert not (tmp_path / "dirty.db").exists()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError, match="not in a git checkout"):
        BlockingRunner(
            SequenceLearner(len, ["a"]), done, executor=HERE, store=tmp_path / "s.db", require_clean_git=True
        )


# ---------------------------------------------------------------------------------------------------- sharing


def recorded(path: Path, learner: Any, point: Any, value: Any) -> None:
    """Record a result as another run would."""
    archive = open_archive(SQLiteStore(path), learner, share_every=100)
    archive.record([Outcome(point, "ok", Report(value))])
    archive.close("finished", "")


@pytest.mark.parametrize("share", [None, 0.0, 1000.0])
def test_results_of_another_live_run_are_shared(tmp_path: Path, share: float | None) -> None:
    """They are told at the next look; and what the other has evaluated is not evaluated here, also between looks."""
    path, evaluated = tmp_path / "s.db", []

    def function(x: int) -> int:
        evaluated.append(x)
        if x == 1:
            recorded(path, learner, (2, 2), 20)
            recorded(path, learner, (4, 4), 40)
        return x

    ev = Evaluation(function, name="shared")
    learner = SequenceLearner(ev, range(5))
    BlockingRunner(learner, done, executor=HERE, store=path, share_every=share)
    if share is None:
        assert evaluated == [0, 1, 2, 3, 4]
        return
    assert evaluated == [0, 1, 3]
    assert dict(learner.data) == {0: 0, 1: 1, 2: 20, 3: 3, 4: 40}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"share_every": 1.0}, "about the store"),
        ({"require_clean_git": True}, "about the store"),
        ({"share_every": 1.0, "store": "s.db", "mode": "force"}, "cached"),
        ({"share_every": -1.0, "store": "s.db"}, "number of seconds"),
        ({"share_every": 1.0, "store": "s.db", "deterministic": True}, "deterministic"),
        ({"inner_threads": 0}, "at least 1"),
        ({"inner_threads": 2, "executor": HERE}, "OMP_NUM_THREADS"),
    ],
)
def test_wrong_arguments_are_said_before_the_run(
    arguments: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each with what to do; no file is made."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=message):
        BlockingRunner(SequenceLearner(square, [1]), done, **arguments)
    assert not Path("s.db").exists()


def test_a_store_that_does_not_see_others_cannot_be_shared(tmp_path: Path) -> None:
    """It says so instead of never finding anything."""
    with JournalStore(tmp_path / "s.jsonl") as store, pytest.raises(ValueError, match="shared=True"):
        BlockingRunner(SequenceLearner(square, [1]), done, store=store, executor=HERE, share_every=1)


def threads(x: int) -> str:
    """Return how many threads OpenMP may use here."""
    return os.environ.get("OMP_NUM_THREADS", "")


def test_inner_threads_are_those_of_each_worker() -> None:
    """The pool is the runner's own, so that others do not feel it."""
    learner = SequenceLearner(threads, [1])
    before = os.environ.get("OMP_NUM_THREADS")
    BlockingRunner(learner, done, inner_threads=3)
    assert dict(learner.data) == {0: "3"}
    assert os.environ.get("OMP_NUM_THREADS") == before
