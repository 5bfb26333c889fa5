"""A stranger's files: what they hold is data, whose names lead nowhere and whose text does nothing."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adaptive_calib import BlockingRunner, SequenceLearner
from adaptive_calib.engine.events import LogEntry
from adaptive_calib.runner import SequentialExecutor
from adaptive_calib.runner.replay import ReplayError, replay_log
from adaptive_calib.store import Evaluation, FsspecStore, NotAStoreError, SQLiteStore, open_log
from adaptive_calib.store.__main__ import main
from adaptive_calib.store.atomic import below
from adaptive_calib.store.identity.result_set_info import ResultSetInfo
from adaptive_calib.store.manifest import git_state, without_secrets
from adaptive_calib.store.rows import Run, checksum_of
from adaptive_calib.store.text import printable


def large(i: int) -> Any:
    return np.full(20_000, float(i))


def write(i: int, *, ctx: Any) -> str:
    path = ctx.artifact_dir() / "map.txt"
    path.write_text(f"{i}")
    return str(path)


def run(function: Any, store: Any, points: Any = range(2)) -> Any:
    return BlockingRunner(SequenceLearner(function, list(points)), store=store, executor=SequentialExecutor())


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER t AFTER INSERT ON evals BEGIN UPDATE evals SET y = '666.0'; END",
        "CREATE TRIGGER t AFTER UPDATE ON runs BEGIN DELETE FROM evals; END",
        "CREATE VIEW v AS SELECT * FROM evals",
        "CREATE TABLE other (a)",
        "CREATE INDEX i ON evals (y)",
        "DROP TRIGGER outputs_of_deleted",
        "ALTER TABLE evals ADD COLUMN more TEXT",
        "DROP TABLE outputs; CREATE VIEW outputs AS SELECT 1 AS eval, '' AS stdout, '' AS stderr, '' AS logs",
    ],
)
def test_a_file_with_another_schema_is_refused(tmp_path: Path, statement: str) -> None:
    """For writing and for reading; the message names what is otherwise, and the file is as it was."""
    path = tmp_path / "s.db"
    run(large, path)
    db = sqlite3.connect(path)
    db.executescript(statement)
    db.close()
    content = path.read_bytes()
    for readonly in (False, True):
        with pytest.raises(NotAStoreError, match="changed by another program"):
            SQLiteStore(path, readonly=readonly)
    assert path.read_bytes() == content


def victim(tmp_path: Path) -> Path:
    path = tmp_path / "documents" / "thesis.tex"
    path.parent.mkdir()
    path.write_text("precious")
    return path


@pytest.mark.parametrize("where", ["file", "results", "results/zz", "results/{two}"])
def test_links_in_the_folder_of_large_results_lead_nowhere(tmp_path: Path, where: str) -> None:
    """Cleaning, deleting and reading stay in the folder."""
    path, precious = tmp_path / "s.db", victim(tmp_path)
    run(large, path)
    folder = tmp_path / "s.db.files"
    (one, _) = sorted((folder / "results").glob("*/*"))
    if where == "file":
        one.unlink()
        one.symlink_to(precious)
    else:
        link = folder / where.format(two=one.parent.name)
        if link.exists():
            shutil.rmtree(link)
        precious.rename(precious.parent / one.name)
        precious = precious.parent / one.name
        link.symlink_to(precious.parent)
    with SQLiteStore(path) as store:
        store.gc()
        assert precious.read_text() == "precious"
        with suppress(ValueError):
            store.spaces()[0].delete({})
    assert precious.read_text() == "precious"


@pytest.mark.parametrize("link", ["artifacts", "artifacts/{set}", "artifacts/{set}/{point}"])
def test_links_in_the_folder_of_artifacts_lead_nowhere(tmp_path: Path, link: str) -> None:
    """Neither a function nor cleaning gets out of the store's folder."""
    path, precious = tmp_path / "s.db", victim(tmp_path)
    function = Evaluation(write, name="w")
    run(function, path)
    (one, _) = sorted((tmp_path / "s.db.files" / "artifacts").glob("*/*"))
    place = tmp_path / "s.db.files" / link.format(set=one.parent.name, point=one.name)
    shutil.rmtree(place)
    place.symlink_to(precious.parent)
    with SQLiteStore(path) as store:
        store.gc()
        store.spaces()[0].delete({})
        store.gc()
    assert precious.read_text() == "precious"
    assert list(precious.parent.iterdir()) == [precious]


def test_a_path_below_a_folder_stays_there(tmp_path: Path) -> None:
    """Names with dots and links are refused; the folder itself may be a link."""
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "link").symlink_to(inside)
    assert below(tmp_path / "link", "a", "b") == tmp_path / "link" / "a" / "b"
    (inside / "out").symlink_to(tmp_path)
    for names in (("..", "x"), ("out", "x"), ("a/../../x",), (str(tmp_path / "x"),)):
        with pytest.raises(ValueError, match=r"leads out|subpath"):
            below(inside, *names)


@pytest.mark.parametrize("field", ["data", "space", "point_uid", "split", "run_id"])
def test_names_in_the_records_of_objects_lead_nowhere(tmp_path: Path, field: str) -> None:
    """Deleting, forcing and dropping leave everything outside as it is."""
    precious = victim(tmp_path)
    url = f"file://{tmp_path}/store"
    run(large, url)
    records = list((tmp_path / "store").glob("evals/*/*.json"))
    for number, path in enumerate(records):
        record = json.loads(path.read_text())
        record[field] = "../../documents/thesis.tex" if number else "../../../documents/thesis.tex"
        path.write_text(json.dumps(record))
    for folder in ("spaces", "runs"):
        for path in (tmp_path / "store" / folder).glob("*.json"):
            record = json.loads(path.read_text())
            evil = {**record, "uid": "../../documents/thesis.tex", "id": "../../documents/thesis"}
            names = Run._fields if folder == "runs" else [each.name for each in dataclasses.fields(ResultSetInfo)]
            evil["checksum"] = checksum_of({name: evil[name] for name in names})  # a stranger can compute it
            path.with_name("evil.json").write_text(json.dumps(evil))
    with FsspecStore(url) as store:
        for space in store.spaces():
            assert all(e.status == "damaged" for e in space) or field == "run_id"
            space.delete({})
        store.gc()
        for space in store.spaces():
            store.drop_result_set(space.uid)
    run(large, url)
    assert precious.read_text() == "precious"
    assert [p.name for p in precious.parent.iterdir()] == ["thesis.tex"]


def test_text_from_a_store_is_escaped_on_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Names, configurations, errors, output, reasons: no control character reaches the terminal."""
    evil = "\x1b]0;gone\x07\x1b[2J\u202e\r"

    def fails(i: int) -> int:
        print(evil)
        raise ValueError(evil)

    path = tmp_path / "s.db"
    function = Evaluation(fails, name=f"f{evil}", config={"a": evil, f"b{evil}": 1}, version=evil)
    learner = SequenceLearner(function, [1])
    BlockingRunner(learner, store=path, executor=SequentialExecutor(), on_error="continue")
    db = sqlite3.connect(path)
    db.execute("UPDATE runs SET reason = ?, status = ?", (evil, evil))
    db.commit()
    db.close()
    capsys.readouterr()
    for command in (["list"], ["runs"], ["show"], ["failures"], ["show", f"x{evil}"], ["delete", "--yes"]):
        main([str(path), *command])
    shown = capsys.readouterr()
    assert "gone" in shown.out
    assert not set(shown.out + shown.err) & set("\x1b\x07\u202e\r")
    assert printable("a\nb\tc", lines=True) == "a\nb\tc"
    assert printable("a\nb") == r"a\nb"


def test_looking_at_a_store_runs_nothing_of_its_folder(tmp_path: Path) -> None:
    """Neither modules with the names of libraries, nor programs that a repository there names."""
    run(large, tmp_path / "s.db")
    for name in ("numpy", "pandas", "sqlite3", "fsspec", "tqdm", "cloudpickle"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    command = [sys.executable, "-m", "adaptive_calib.store", "s.db"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, "2 ok" in done.stdout) == (0, True), done.stderr
    assert not (tmp_path / "ran").exists()


def test_git_runs_no_program_of_a_repository(tmp_path: Path) -> None:
    """A monitor of files and filters that the repository itself configures are not called."""
    git = shutil.which("git")
    if git is None:
        pytest.skip("there is no git")
    program = tmp_path / "program.sh"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\ncat\n")
    program.chmod(0o755)
    place = tmp_path / "checkout"
    place.mkdir()
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}

    def call(*arguments: str) -> None:
        identity = ("-c", "user.name=a", "-c", "user.email=a@b")
        subprocess.run([git, "-C", str(place), *identity, *arguments], check=True, capture_output=True, env=environment)

    call("init")
    (place / "a.txt").write_text("one")
    (place / ".gitattributes").write_text("*.txt filter=evil\n")
    call("add", ".")
    call("commit", "-m", "x")
    assert git_state(place) is not None
    call("config", "core.fsmonitor", str(program))
    call("config", "filter.evil.clean", str(program))
    call("config", "filter.evil.required", "true")
    (place / "a.txt").write_text("two")
    state = git_state(place)
    assert state is not None
    assert state["dirty"]
    assert not (tmp_path / "ran").exists()


def test_secrets_are_left_out_of_the_command() -> None:
    """Values of options, assignments and URLs; everything else stays."""
    arguments = [
        "run.py", "--password", "a1", "--api-key=b2", "TOKEN=c3", "--db=sql://me:d4@host/x", "--N", "7", "--monkey",
        "x", "s3://user:e5@b",
    ]  # fmt: skip
    kept = without_secrets(arguments)
    assert not any(secret in " ".join(kept) for secret in ("a1", "b2", "c3", "d4", "e5"))
    assert kept[0] == "run.py"
    assert kept[6:10] == ["--N", "7", "--monkey", "x"]


@pytest.mark.parametrize("name", ["save", "load", "plot", "__init__", "new", "function", "_set_state"])
def test_a_replay_calls_what_runs_call_and_nothing_else(tmp_path: Path, name: str) -> None:
    """From a file and from a list."""
    path = tmp_path / "run.jsonl"
    learner = SequenceLearner(float, [1, 2])
    BlockingRunner(learner, executor=SequentialExecutor(), log=path)
    log = open_log(path)
    log.write([LogEntry(1.0, name, ("mine.txt",))])
    log.close()
    with pytest.raises(ReplayError, match=name):
        replay_log(SequenceLearner(float, [1, 2]), path)
    with pytest.raises(ReplayError, match=name):
        replay_log(SequenceLearner(float, [1, 2]), [(name, "mine.txt")])
    assert not (tmp_path / "mine.txt").exists()
