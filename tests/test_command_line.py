"""The command ``adaptive-calib``: runs of a store as another process sees them."""

from __future__ import annotations

import io
import json
import math
import os
import re
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from adaptive_calib import BlockingRunner, Learner1D
from adaptive_calib._command_line import _parser, main
from adaptive_calib.runner import SequentialExecutor
from adaptive_calib.store import JournalStore, SQLiteStore
from adaptive_calib.store.__main__ import COMMANDS


def wave(x: float) -> float:
    if x == 0.5:
        raise ValueError("out of cheese")
    return x * x


@pytest.fixture(params=["runs.db", "runs.jsonl"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A store with a run of 40 points of which one failed."""
    path = tmp_path / request.param
    kept: Any = JournalStore(path) if path.suffix == ".jsonl" else SQLiteStore(path)
    with kept:
        learner = Learner1D(wave, (-1, 1))
        BlockingRunner(learner, npoints_goal=40, store=kept, executor=SequentialExecutor(), on_error="continue")
    return path


def _out(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(words) == 0
    return capsys.readouterr().out


def test_a_run_that_ended(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its last state, why it ended, and the last line of a failure; nothing is waited for."""
    out = _out(capsys, "watch", str(store))
    assert "status  goal reached: 40 points (npoints_goal=40), 1 point failed" in out
    assert "# of points  40 (40 new, 1 failed)" in out
    assert "100%" in out
    assert "failed at 0.5: ValueError: out of cheese" in out
    assert "\033" not in out
    assert "time left" not in out


def test_json(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For scripts each run is an object with the same state."""
    (run,) = json.loads(_out(capsys, "watch", str(store), "--json"))
    assert (run["status"], run["state"]["npoints"], run["state"]["failed"]) == ("finished", 40, 1)


def test_a_run_that_was_killed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its process is gone, so no command says that it is running, even if another process has its number."""
    code = (
        "import os, time; from adaptive_calib import BlockingRunner, Learner1D\n"
        "from adaptive_calib.runner import SequentialExecutor\n"
        "seen = []\n"
        "def f(x):\n"
        "    seen.append(x)\n"
        "    if len(seen) == 10: os._exit(9)\n"
        "    return x\n"
        "BlockingRunner(Learner1D(f, (-1, 1)), npoints_goal=40, store='runs.db', executor=SequentialExecutor())\n"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path).returncode == 9
    out = _out(capsys, "watch", str(tmp_path / "runs.db"))
    assert "status  killed: its process is gone" in out
    assert "goal  40 points" in out
    assert "  killed  " in _out(capsys, "runs", str(tmp_path / "runs.db"))
    with SQLiteStore(tmp_path / "runs.db") as store:
        (run,) = store.read_runs()
        store.put_run(run._replace(manifest=json.dumps(json.loads(run.manifest) | {"pid": os.getpid()})))
    assert sys.platform != "linux" or "killed" in _out(capsys, "watch", str(tmp_path / "runs.db"))


def test_a_run_that_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """While it goes on, another reader sees its state; here from within, at the 30th point."""
    seen: list[str] = []

    def reader(events: Any, effects: Any, progress: Any) -> None:
        if progress.npoints == 30:
            seen.append(_out(capsys, "watch", str(path), "--once"))

    path = tmp_path / "runs.db"
    learner = Learner1D(wave, (-1, 0))
    BlockingRunner(learner, npoints_goal=40, store=path, executor=SequentialExecutor(), callbacks=[reader])
    out = seen[0]
    assert "status  running" in out
    assert "s ago" in out


def test_only_the_last_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of many runs the last three, all of them if asked for."""
    for n in range(5, 10):
        BlockingRunner(
            Learner1D(wave, (-1, 0)), npoints_goal=n, store=tmp_path / "runs.db", executor=SequentialExecutor()
        )
    path = str(tmp_path / "runs.db")
    assert _out(capsys, "watch", path).count("run ") == 3
    assert _out(capsys, "watch", path, "--all").count("run ") == 5


def test_text_in_a_store_is_not_obeyed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Escape codes in a goal or a message are shown as text."""

    def evil(x: float) -> float:
        if x > 0:
            raise ValueError("\033[2Jgone")
        return x

    BlockingRunner(
        Learner1D(evil, (-1, 1)), npoints_goal=20, store=tmp_path / "runs.db", executor=SequentialExecutor(),
        on_error="continue",
    )  # fmt: skip
    out = _out(capsys, "watch", str(tmp_path / "runs.db"))
    assert "gone" in out
    assert "\033" not in out


def test_it_fits_a_narrow_terminal(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No line is longer, colours are used, and of a low one the rows are for the latest runs."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("LINES", "50")
    monkeypatch.setattr(sys, "stdout", out := Terminal())
    assert main(["watch", str(store)]) == 0
    text = out.getvalue()
    assert "\033[32m" in text
    lines = text.replace("\033[32m", "").replace("\033[0m", "").splitlines()
    assert max(map(len, lines)) <= 40
    learner = Learner1D(wave, (0, 3))
    BlockingRunner(learner, npoints_goal=77, store=store, executor=SequentialExecutor(), on_error="continue")
    monkeypatch.setenv("LINES", "8")
    monkeypatch.setattr(sys, "stdout", out := Terminal())
    assert main(["watch", str(store)]) == 0
    assert "goal  77 points" in out.getvalue()
    assert "goal  40 points" not in out.getvalue()


def test_commands_of_the_store_and_errors(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Other commands are those of the store; a store that is not there is an error in words."""
    if store.suffix == ".db":
        assert "finished" in _out(capsys, "runs", str(store))
    for words in (["runs"], ["watch", "--once"], ["watch", "--json"]):
        assert main([words[0], str(tmp_path / "nothing.db"), *words[1:]]) == 1
        assert "there is no store" in capsys.readouterr().err
    assert not (tmp_path / "nothing.db").exists()


def test_every_json_is_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Numbers without end, such as the first loss of a run, are null: JSON has no word for them."""
    (commands,) = (action for action in _parser()._actions if isinstance(action.choices, dict))
    assert isinstance(commands.choices, dict)
    with_json = [name for name, command in commands.choices.items() if "--json" in command.format_help()]
    assert "watch" in with_json
    learner = Learner1D(lambda x: math.inf, (-1, 1))
    BlockingRunner(learner, npoints_goal=1, store=tmp_path / "runs.db", executor=SequentialExecutor())
    for name in with_json:
        out = _out(capsys, name, str(tmp_path / "runs.db"), "--json")
        (run,) = json.loads(out, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
        assert run["state"]["loss"] is None


def _being_made(path: Path) -> None:
    """What is there of a store before it has tables, or a first line."""
    if path.suffix == ".jsonl":
        path.write_bytes(b'{"format":"adaptive')
    else:
        with closing(sqlite3.connect(path)) as db:
            db.execute("PRAGMA journal_mode=WAL")


@pytest.mark.parametrize("name", ["runs.db", "runs.jsonl"])
@pytest.mark.parametrize("size", ["nothing", "empty", "begun"])
def test_a_store_that_is_being_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str, size: str
) -> None:
    """`watch` waits for its runs and says so once; other commands say that there is none yet."""
    path = tmp_path / name
    if size == "empty":
        path.touch()
    elif size == "begun":
        _being_made(path)
    if size != "nothing":
        assert main(["runs", str(path)]) == 1
        assert "no run has written to it yet" in capsys.readouterr().err
        assert json.loads(_out(capsys, "watch", str(path), "--json")) == []

    def run(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            path.unlink(missing_ok=True)  # half a line cannot be gone on with
            BlockingRunner(Learner1D(wave, (-1, 0)), npoints_goal=5, store=path, executor=SequentialExecutor())

    slept: list[float] = []
    clock = SimpleNamespace(sleep=run, perf_counter=time.perf_counter, time=time.time)
    monkeypatch.setattr("adaptive_calib._command_line.time", clock)
    out = _out(capsys, "watch", str(path), "--interval", "0.5")
    assert len(slept) == 2
    assert out.count("there is no store" if size == "nothing" else "no run has written to it yet") == 1
    assert "goal reached: " in out


def test_the_help_names_every_command_and_each_has_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    """Those of the store too, with the file where `adaptive-calib` has it."""
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    names = ["watch", "serve", *COMMANDS]
    assert all(re.search(rf"^    {name} +\w", text, re.MULTILINE) for name in names)
    for name in names:
        with pytest.raises(SystemExit) as end:
            main([name, "--help"])
        assert end.value.code == 0
        assert name in capsys.readouterr().out


def test_what_is_missing_is_said_in_the_words_that_were_typed(capsys: pytest.CaptureFixture[str]) -> None:
    """A command without its store, or without an option that it needs, names itself and not another program."""
    for words, missing in ((["export"], "export of which store"), (["export", "x.db"], "required: -o/--output")):
        with pytest.raises(SystemExit):
            main(words)
        said = capsys.readouterr().err
        assert missing in said
        assert "adaptive-calib export STORE" in said
        assert "python -m" not in said
