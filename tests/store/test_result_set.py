"""Looking at what was computed, from Python and from the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adaptive_calib.store import Evaluation, SQLiteStore, open_archive
from adaptive_calib.store.__main__ import main
from tests.store.functions import Line, Power, crashed, failed, ok


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store of four evaluations of Power(2), two of them failed, and one of Power(3)."""
    path = tmp_path / "s.db"
    archive = open_archive(path, Line(Power(2)))
    archive.record([ok(0.5, 0.25), ok(1.0, 1.0, attempt=2), failed(0.25), crashed(0.75)])
    archive.close("finished", "goal reached")
    archive = open_archive(path, Line(Power(3)))
    archive.record([ok(0.5, {"y": np.arange(3), "n": (1, 2)})])
    archive.close("finished", "")
    return path


def test_spaces_are_listed_and_found(path: Path) -> None:
    """By evaluation, plain function, uid, beginning of it, or name."""
    with SQLiteStore(path) as store:
        first, second = store.spaces()
        assert (first.counts, len(second)) == ({"ok": 2, "failed": 1, "crashed": 1}, 1)
        assert (first.name, first.version, first.config) == ("tests.store.functions.Power", "1", {"n": "2"})
        for what in (Power(2), Evaluation.of(Power(2)), first.uid, first.uid[:9]):
            assert store.space(what).uid == first.uid
        assert (Power(2), 0.5) in store
        assert (Power(2), 0.25) not in store
        assert (Power(9), 0.5) not in store
        for wrong in ("tests.store.functions.Power", Power(9), "nothing"):
            with pytest.raises(KeyError, match=first.uid):
                store.space(wrong)


def test_a_space_is_a_table(path: Path) -> None:
    """One row per evaluation, with where, when and how long."""
    with SQLiteStore(path) as store:
        frame = store.space(Power(2)).to_dataframe()
        assert frame["point"].tolist() == [0.5, 1.0, 0.25, 0.75]
        assert frame["status"].tolist() == ["ok", "ok", "failed", "crashed"]
        assert frame["duration"].tolist()[:2] == [0.25, 0.25]
        assert frame["attempt"].tolist()[1] == 2
        assert frame.attrs["name"] == "tests.store.functions.Power"


def test_failures_have_traceback_and_output(path: Path) -> None:
    """What failed, why, and what it printed."""
    with SQLiteStore(path) as store:
        space = store.space(Power(2))
        one, other = space.failures()
        assert (one.point, one.exc_type, one.traceback) == (0.25, "builtins.ValueError", "Traceback: no")
        assert other.status == "crashed"
        assert (space.outputs(0.25).stdout, space.outputs(0.25).logs, space.outputs(0.5).stdout) == (
            "seen\n",
            "logged",
            "",
        )
        assert space.get(0.5).y == 0.25
        with pytest.raises(KeyError, match=r"0\.3"):
            space.outputs(0.3)


@pytest.mark.parametrize(
    ("where", "left"),
    [({"status": "failed"}, 3), ({"point": 0.5}, 3), (lambda e: e.status != "ok", 2), ({}, 0), ({"status": "x"}, 4)],
)
def test_deleting_by_attributes_or_a_function(path: Path, where: Any, left: int) -> None:
    """What is deleted is computed again."""
    with SQLiteStore(path) as store:
        space = store.space(Power(2))
        assert space.delete(where) == 4 - left
        assert len(space) == left
        with pytest.raises(ValueError, match="no attributes"):
            space.delete({"colour": 1})


@pytest.mark.parametrize("ending", ["parquet", "csv", "json"])
def test_tables_are_written_for_other_programs(path: Path, tmp_path: Path, ending: str) -> None:
    """Numbers stay numbers, structured results become JSON text."""
    import pandas as pd

    read = {"parquet": pd.read_parquet, "csv": pd.read_csv, "json": lambda p: pd.read_json(p, lines=True)}[ending]
    with SQLiteStore(path) as store:
        table = read(store.space(Power(2)).export(tmp_path / f"a.{ending}"))
        assert table["y"].tolist()[:2] == [0.25, 1.0]
        table = read(store.space(Power(3)).export(tmp_path / f"b.{ending}"))
        value = table["y"].tolist()[0]
        assert (json.loads(value) if isinstance(value, str) else value) == {"y": [0, 1, 2], "n": [1, 2]}
        with pytest.raises(ValueError, match="should end in"):
            store.space(Power(3)).export(tmp_path / "c.txt")


def test_the_command_line_shows_all_of_it(path: Path, capsys: Any, tmp_path: Path) -> None:
    """list, runs, show, failures and export, without changing the file."""
    before = path.read_bytes()
    with SQLiteStore(path, readonly=True) as store:
        uid = store.space(Power(2)).uid[:8]

    def said(*arguments: Any, code: int = 0) -> str:
        assert main([str(path), *map(str, arguments)]) == code
        output = capsys.readouterr()
        return str(output.out + output.err)

    assert "1 crashed, 1 failed, 2 ok" in said()
    assert said("list") == said()
    assert said("runs").count("finished") == 2
    assert "0.5 -> 0.25" in said("show", uid)
    text = said("failures", uid)
    assert "Traceback: no" in text
    assert "[stdout]\nseen" in text
    assert "4 evaluations" in said("export", uid, "-o", tmp_path / "t.csv")
    assert "give the uid of one of these" in said("show", code=1)
    assert path.read_bytes() == before
    assert main([str(tmp_path / "none")]) == 1
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(("answer", "left"), [("n", 4), ("", 4), ("y", 3)])
def test_the_command_line_deletes_after_asking(path: Path, answer: str, left: int, monkeypatch: Any) -> None:
    """Only a yes deletes; --yes does not ask."""
    with SQLiteStore(path) as store:
        uid = store.space(Power(2)).uid
    monkeypatch.setattr("builtins.input", lambda question: answer)
    assert main([str(path), "delete", uid, "--status", "failed"]) == (left == 4)
    with SQLiteStore(path) as store:
        assert len(store.space(uid)) == left
    assert main([str(path), "delete", uid, "--yes"]) == 0
    assert main([str(path), "gc", "--keep-versions", "1", "--yes"]) == 0


def test_the_module_runs(path: Path) -> None:
    """As users call it; a closed input is a no."""
    command = [sys.executable, "-m", "adaptive_calib.store", str(path), "delete", "--status", "ok"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "give the uid" in done.stderr


def test_points_with_a_key_of_their_own_are_found_by_their_evaluation(path: Path) -> None:
    """Only the evaluation knows what stands for such a point."""
    ev = Evaluation(abs, name="abs", point_key=lambda z: [z.real, z.imag])
    archive = open_archive(path, Line(ev))
    archive.record([ok(3 + 4j, 5.0)])
    archive.close("finished", "")
    with SQLiteStore(path) as store:
        assert (ev, 3 + 4j) in store
        assert store.space(ev).get(3 + 4j).y == 5.0
        with pytest.raises(TypeError, match="no canonical form"):
            store.space("abs").get(3 + 4j)
