"""Several runs on one store share its points out."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from adaptive_calib import BlockingRunner, SequenceLearner
from adaptive_calib.runner import AsyncRunner, SequentialExecutor
from adaptive_calib.store import Evaluation, FsspecStore, JournalStore, MemoryStore, SQLiteStore, Store, StoreError
from adaptive_calib.store.leases import Leases
from adaptive_calib.store.rows import Key

POINT = Key("space", "point")

KINDS: dict[str, Callable[[Path], Store]] = {
    "sqlite": lambda folder: SQLiteStore(folder / "s.db"),
    "jsonl": lambda folder: JournalStore(folder / "s.jsonl", shared=True),
    "objects": lambda folder: FsspecStore(f"file://{folder}/s"),
}


def run(ev: Evaluation, points: Any, store: Store, **more: Any) -> BlockingRunner:
    return BlockingRunner(
        SequenceLearner(ev, points), executor=SequentialExecutor(), store=store, share_every=0.01, **more
    )


def in_threads(number: int, work: Callable[[], Any]) -> list[Any]:
    """Call a function in several threads at once; return what the calls returned."""
    results: list[Any] = []
    threads = [threading.Thread(target=lambda: results.append(work())) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


@pytest.mark.parametrize("kind", KINDS)
def test_three_runs_evaluate_each_point_once_and_all_the_time(kind: str, tmp_path: Path) -> None:
    """30 points in 10 rounds of three evaluations at the same time: a round begins when each run has a point."""
    rounds, evaluated = threading.Barrier(3, timeout=30), []

    def function(x: int) -> int:
        evaluated.append(x)
        rounds.wait()
        return x * x

    ev = Evaluation(function, name="shared", version="1")

    def work() -> dict[int, int]:
        with KINDS[kind](tmp_path) as store:
            return dict(run(ev, range(30), store).learner.data)

    assert in_threads(3, work) == [{i: i * i for i in range(30)}] * 3
    assert sorted(evaluated) == list(range(30))


@pytest.mark.parametrize("kind", KINDS)
def test_a_failure_of_another_run_is_not_repeated(kind: str, tmp_path: Path) -> None:
    """A point that fails in the run that has claimed it is left out by the one that waits for it."""
    begun, waited, evaluated = threading.Event(), threading.Event(), []

    def function(x: int) -> int:
        evaluated.append(x)
        if x == 0:
            begun.set()
            assert waited.wait(30)
            raise ValueError("no data here")
        waited.set()
        return x

    ev = Evaluation(function, name="shared", version="1")

    def first() -> None:
        with KINDS[kind](tmp_path) as store:
            run(ev, range(1), store, on_error="continue")

    thread = threading.Thread(target=first)
    thread.start()
    assert begun.wait(30)
    with KINDS[kind](tmp_path) as store:
        runner = run(ev, range(2), store, on_error="continue")
    thread.join(30)
    assert sorted(evaluated) == [0, 1]
    assert dict(runner.learner.data) == {1: 1}
    assert "no data here" in runner.failures[0].traceback


def test_a_stored_failure_is_repeated_by_one_of_two_runs(tmp_path: Path) -> None:
    """In mode "retry" a failure of the other run, while both run, is as good as one of this run."""
    both, evaluated = threading.Barrier(2, timeout=30), []

    def function(x: int) -> int:
        evaluated.append(x)
        if x == 1:
            both.wait()
            return x
        if len(evaluated) > 1:
            both.wait()
        raise ValueError("no data here")

    ev = Evaluation(function, name="shared", version="1")
    with SQLiteStore(tmp_path / "s.db") as store:
        run(ev, [0], store, on_error="continue")

    def again() -> list[tuple[Any, bool]]:
        with SQLiteStore(tmp_path / "s.db") as store:
            failures = run(ev, [0, 1], store, mode="retry", on_error="continue").failures
            return [(failure.point, "no data here" in failure.traceback) for failure in failures]

    assert in_threads(2, again) == [[((0, 0), True)]] * 2
    assert sorted(evaluated) == [0, 0, 1]


def test_a_run_that_ends_gives_its_points_to_the_others(tmp_path: Path) -> None:
    """The run that waits for a point evaluates it when the one that has claimed it ends without a result."""
    begun, go, here = threading.Event(), threading.Event(), threading.get_ident()

    def function(x: int) -> int:
        if threading.get_ident() != here:
            begun.set()
            assert go.wait(30)
        if x == 1:
            first.cancel(drain=False)
        return x

    ev = Evaluation(function, name="shared", version="1")
    with (
        SQLiteStore(tmp_path / "s.db") as theirs,
        SQLiteStore(tmp_path / "s.db") as store,
        ThreadPoolExecutor() as pool,
    ):
        first = AsyncRunner(
            SequenceLearner(ev, range(1)), executor=pool, store=theirs, share_every=0.01, background=True
        )
        assert begun.wait(30)
        learner = run(ev, range(2), store).learner
        go.set()
        with pytest.raises(CancelledError):
            first.task.result(timeout=30)
    assert dict(learner.data) == {0: 0, 1: 1}
    assert first.learner.data == {}


def test_the_lease_of_another_host_expires_when_its_number_stays() -> None:
    """An owner lives as long as its number changes, whatever the clock of its host says."""
    store = MemoryStore()
    store.claim([POINT], "elsewhere/1/run")
    leases = Leases(store, "run", heartbeat=0.0, lease=0.0)
    for number in range(3):
        store.beat("elsewhere/1/run", number)
        assert leases.claim([POINT]) == {POINT}
    assert leases.claim([POINT]) == set()
    leases.close()
    assert store.beats() == {"elsewhere/1/run": 2}


def test_the_claim_of_a_process_that_is_gone_is_taken_over_immediately() -> None:
    """No lease has to expire on the same host."""
    store, first = MemoryStore(), Leases(MemoryStore(), "1")
    gone = subprocess.Popen([sys.executable, "-S", "-c", ""])
    gone.wait()
    host = first._owner.partition("/")[0]
    first.close()
    store.claim([POINT], f"{host}/{gone.pid}/run")
    leases = Leases(store, "run")
    assert leases.claim([POINT]) == set()
    leases.close()


def test_signs_of_life_go_on_when_one_cannot_be_written() -> None:
    """A store that is away for a moment does not end them."""
    beats, enough = [], threading.Event()

    class Away(MemoryStore):
        def beat(self, owner: str, number: int | None) -> None:
            beats.append(number)
            if len(beats) == 3:
                raise StoreError("away")
            if len(beats) > 5:
                enough.set()

    leases = Leases(Away(), "run", heartbeat=0.001)
    assert enough.wait(30)
    leases.close()
    assert beats[:5] == [0, 1, 2, 3, 4]
    assert beats[-1] is None


def test_claims_that_cannot_be_given_up_end_no_run() -> None:
    """A full disk at that moment is logged; the results are there."""

    class Full(MemoryStore):
        def release(self, keys: Any, owner: str) -> None:
            raise StoreError("no space left")

    store = Full()
    runner = run(Evaluation(abs, name="abs", version="1"), range(3), store)
    assert (runner.status(), store.space("abs").counts) == ("finished", {"ok": 3})


def test_a_path_of_json_lines_is_shared_by_runs_that_share(tmp_path: Path) -> None:
    """Two runs have the file open at the same time; without `share_every` the second one is refused."""
    both = threading.Barrier(2, timeout=30)

    def function(x: int) -> int:
        both.wait()
        return x

    ev = Evaluation(function, name="shared", version="1")
    path: Any = tmp_path / "s.jsonl"
    assert in_threads(2, lambda: dict(run(ev, range(8), path).learner.data)) == [{i: i for i in range(8)}] * 2
    with JournalStore(path), pytest.raises(StoreError, match="one writer"):
        BlockingRunner(SequenceLearner(abs, [1]), executor=SequentialExecutor(), store=path)


SCRIPT = """
import os, sys, time
from pathlib import Path
from adaptive_calib import BlockingRunner, SequenceLearner
from adaptive_calib.runner import AsyncRunner, SequentialExecutor
from adaptive_calib.store import Evaluation
from tests.store.test_leases import KINDS

kind, folder, seconds = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])

def slow(x):
    with open(folder / f"begun-{os.getpid()}", "a") as log:
        log.write(f"{x}\\n")
    begin = time.monotonic()
    time.sleep(seconds)
    with open(folder / f"slept-{os.getpid()}", "a") as log:
        log.write(f"{begin} {time.monotonic()}\\n")
    return x

with KINDS[kind](folder) as store:
    (folder / f"ready-{os.getpid()}").touch()
    while not (folder / "go").exists():
        time.sleep(0.01)
    learner = SequenceLearner(Evaluation(slow, name="slow", version="1"), range(30))
    BlockingRunner(learner, store=store, share_every=0.2, executor=SequentialExecutor())
    (folder / f"done-{os.getpid()}").write_text(str(len(learner.data)))
"""


def started(kind: str, folder: Path, seconds: float) -> list[subprocess.Popen[bytes]]:
    """Start three processes that evaluate the same 30 points; they begin together."""
    command = [sys.executable, "-c", SCRIPT, kind, str(folder), str(seconds)]
    jobs = [subprocess.Popen(command) for _ in range(3)]
    while len(list(folder.glob("ready-*"))) < 3:
        assert all(job.poll() is None for job in jobs)
        threading.Event().wait(0.02)
    (folder / "go").touch()
    return jobs


def ended(jobs: list[subprocess.Popen[bytes]], folder: Path) -> None:
    """Wait for processes, which know all points then."""
    assert [job.wait(60) for job in jobs] == [0] * len(jobs)
    assert [path.read_text() for path in folder.glob("done-*")] == ["30"] * len(jobs)


def evaluated(folder: Path) -> list[int]:
    return [int(x) for path in folder.glob("begun-*") for x in path.read_text().split()]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_three_processes_share_thirty_points(kind: str, tmp_path: Path) -> None:
    """At most 33 evaluations, and at least 2.5 times as fast as one process: as many evaluate at the same time."""
    ended(started(kind, tmp_path, 0.7), tmp_path)
    slept = [line.split() for path in tmp_path.glob("slept-*") for line in path.read_text().splitlines()]
    begins, ends = ([float(time) for time in times] for times in zip(*slept, strict=True))
    assert sum(ends) - sum(begins) > 2.5 * (max(ends) - min(begins))
    assert len(evaluated(tmp_path)) <= 33


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_points_of_a_killed_process_are_taken_over(kind: str, tmp_path: Path) -> None:
    """What it had begun is evaluated once more, by one of the others."""
    first, *others = started(kind, tmp_path, 0.2)
    while len(evaluated(tmp_path)) < 6:
        threading.Event().wait(0.01)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    ended(others, tmp_path)
    assert len(evaluated(tmp_path)) <= 31
