"""After SIGKILL nothing that was told is lost, all that is there loads, and nothing is evaluated twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from adaptive_calib.store import SQLiteStore
from tests.processes import started
from tests.store import killed
from tests.store.killed import same

SEED = 20261123
WORKERS = 2


def lines(path: Path) -> list[int]:
    """Return the numbers that were noted."""
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def killed_after(folder: Path, kind: str, evaluations: int) -> None:
    """Start a run, and kill it once that many evaluations were begun by it, or let it end."""
    before = len(lines(folder / "evaluated"))
    command = [sys.executable, "-m", "tests.store.killed", str(folder), kind]
    with started(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        while process.poll() is None and len(lines(folder / "evaluated")) < before + evaluations:
            try:
                process.wait(0.001)
            except subprocess.TimeoutExpired:
                continue
        process.kill()  # SIGKILL


def check(folder: Path, kind: str, kills: int) -> None:
    """Kill a run again and again, look at the store each time, then let it end."""
    rng = np.random.default_rng([SEED, len(kind)])
    for _ in range(kills):
        killed_after(folder, kind, int(rng.integers(1, 12)))
        with SQLiteStore(folder / "s.db") as store:
            assert store.check() == "ok"
            spaces = store.spaces()
            rows = {} if not spaces else {e.point: e.y for e in spaces[0]}
            assert set(lines(folder / "told")) <= set(rows)
            assert all(same(y, killed.result(i, kind)) for i, y in rows.items())
    killed_after(folder, kind, 10 * killed.N)
    with SQLiteStore(folder / "s.db") as store:
        (space,) = store.spaces()
        assert space.counts == {"ok": killed.N}
        assert [run.status for run in store.read_runs()][-1] == "finished"
        assert store.clean_files() <= 2 * kills * WORKERS
    twice = len(lines(folder / "evaluated")) - killed.N
    # in flight at a kill: one per worker; a result that had come back but was not yet written is in flight too
    assert twice <= 2 * kills * WORKERS


@pytest.mark.parametrize("kind", ["float", "array", "dict"])
def test_two_kills(tmp_path: Path, kind: str) -> None:
    """Each kind of result survives two kills at random moments."""
    check(tmp_path, kind, 2)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["float", "array", "dict"])
def test_twenty_kills(tmp_path: Path, kind: str) -> None:
    """Each kind of result survives twenty kills; takes about a minute each."""
    check(tmp_path, kind, 20)


def test_a_second_run_evaluates_nothing(tmp_path: Path) -> None:
    """The run that finds all in the store tells the same and calls nothing."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(2) as executor:
        first = killed.run(tmp_path, "dict", executor)
        evaluated = lines(tmp_path / "evaluated")
        second = killed.run(tmp_path, "dict", executor)
    assert sorted(evaluated) == list(range(killed.N))
    assert lines(tmp_path / "evaluated") == evaluated
    assert all(same(first[i], second[i]) for i in range(killed.N))
