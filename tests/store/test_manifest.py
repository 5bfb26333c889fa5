"""What a run notes about itself, and what becomes of runs whose process died."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from adaptive_calib.store import Evaluation, SQLiteStore, StoreWarning, open_archive
from adaptive_calib.store.manifest import gather, git_state, process_is_gone
from adaptive_calib.store.rows import Run
from tests.store.functions import Line, Power


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git here")
def test_commit_and_dirty_flag(tmp_path: Path) -> None:
    """Of the checkout that holds a folder; None outside of one."""
    assert git_state(tmp_path) is None

    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", "-C", str(tmp_path), *identity, *arguments], check=True, capture_output=True)

    git("init", "-q")
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "-q", "-m", "one")
    state = git_state(tmp_path)
    assert state is not None
    assert (len(state["commit"]), state["dirty"]) == (40, False)
    (tmp_path / "a").write_text("2")
    assert git_state(tmp_path)["dirty"]  # type: ignore[index]


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git here")
def test_looking_at_git_locks_nothing(tmp_path: Path) -> None:
    """The index is not refreshed, which would lock it, and leave the lock if the process is killed."""
    for command in (["init"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=b", "commit", "-m", "c"]):
        (tmp_path / "file.txt").write_text("text")
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True, capture_output=True)
    os.utime(tmp_path / "file.txt", (1, 1))  # `git status` would write the new time into the index
    index = tmp_path / ".git" / "index"
    before = index.read_bytes()
    state = git_state(tmp_path)
    assert state is not None
    assert not state["dirty"]
    assert index.read_bytes() == before


def test_a_manifest_is_plain_data() -> None:
    """It can be written as JSON and names versions, command and configuration, excluded fields too."""
    ev = Evaluation(Power(2), name="p", config={"n": 1, "threads": 8}, exclude=["threads"])
    about = json.loads(json.dumps(gather([ev, ev], {"why": "trial"})))
    assert about["spaces"][ev.uid]["config"] == {"n": "1", "threads": "8"}
    assert about["why"] == "trial"
    assert {"numpy", "adaptive_calib"} <= set(about["packages"])


def test_a_run_whose_process_is_gone_is_noted_as_died(tmp_path: Path) -> None:
    """The next run on the same host says so; one that lives is warned of."""
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    ev = Evaluation.of(Power(2))
    here = socket.gethostname()
    with SQLiteStore(tmp_path / "s.db") as store:
        for name, host, pid in (("dead", here, dead.pid), ("far", "elsewhere", dead.pid)):
            manifest = json.dumps({"host": host, "pid": pid, "spaces": {ev.uid: {}}})
            store.put_run(Run(name, 1.0, None, "running", "", manifest))
        with pytest.warns(StoreWarning, match="elsewhere.*kept once"):
            open_archive(store, Line(Power(2))).close("finished", "")
        assert {run.id: run.status for run in store.read_runs() if len(run.id) < 6} == {
            "dead": "died",
            "far": "running",
        }
        open_archive(store, Line(Power(3))).close("finished", "")  # another space: no warning
    assert not process_is_gone({})
