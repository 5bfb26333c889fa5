"""Stores that any version wrote are read by every later one."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adaptive_calib.store import Evaluation, FsspecStore, JournalStore, Replicate, SQLiteStore, open_archive
from adaptive_calib.store.identity.result_set_info import ResultSetInfo
from tests.store.functions import Inner, Line, Power, crashed, failed, ok

GOLDEN = Path(__file__).parent / "golden"
KINDS = {
    "store-1.sqlite": SQLiteStore,
    "journal-1.jsonl": JournalStore,
    "objects-1": lambda path: FsspecStore(f"file://{path}"),
}
EV = Evaluation(
    Power(2), name="golden", config={"inner": Inner(2.0), "L": 4}, seed=2**70, version="3", on_code_change="ignore"
)


def write(store: Any) -> None:
    """Write what the stored files hold."""
    archive = open_archive(store, Line(EV))
    archive.record([ok(0.5, 0.25), failed(0.25), ok(0.75, {"x": np.arange(3.0), "t": (1, None)})])
    archive.record([crashed(1.0), ok(Replicate("fit", 3), float("nan"))])
    archive.close("finished", "golden")
    store.close()


@pytest.mark.parametrize("name", KINDS)
def test_the_stored_files_are_read(name: str, tmp_path: Path) -> None:
    """Every point, value, failure and run of each format comes back, and writing goes on."""
    copy = shutil.copytree if (GOLDEN / name).is_dir() else shutil.copy
    copy(GOLDEN / name, tmp_path / name)
    with KINDS[name](tmp_path / name) as store:
        space = store.space(EV)
        assert isinstance(space.info, ResultSetInfo)
        assert [(e.point, e.status) for e in space] == [
            (0.5, "ok"), (0.25, "failed"), (0.75, "ok"), (1.0, "crashed"), (Replicate("fit", 3), "ok"),
        ]  # fmt: skip
        value = space.get(0.75).y
        assert value["x"].tolist() == [0.0, 1.0, 2.0]
        assert value["t"] == (1, None)
        assert np.isnan(space.get(Replicate("fit", 3)).y)
        assert (space.outputs(0.25).stdout, space.get(0.5).seed) == ("seen\n", 2**70)
        assert [run.status for run in store.read_runs()] == ["finished"]
        archive = open_archive(store, Line(EV))
        assert len(archive.preload().points) == 3
        archive.record([ok(0.3, 0.09)])
        archive.close("finished", "")
        assert len(space) == 6


@pytest.mark.parametrize("name", ["store-1.sqlite"])
def test_a_stored_database_is_read_without_a_change(name: str, tmp_path: Path) -> None:
    """Read-only, it stays as it is."""
    shutil.copy(GOLDEN / name, tmp_path / name)
    with SQLiteStore(tmp_path / name, readonly=True) as store:
        assert len(store.space(EV)) == 5
    assert (tmp_path / name).read_bytes() == (GOLDEN / name).read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == [name]
