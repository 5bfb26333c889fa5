"""Worker processes that really die."""

from __future__ import annotations

import functools
import os
import signal
from concurrent.futures import ProcessPoolExecutor

import pytest

from adaptive_calib.engine.evaluate import WorkerDiedError
from adaptive_calib.engine.session import ExecutorDiedError
from adaptive_calib.runner import AsyncRunner, BlockingRunner
from tests.engine.doubles import MemoryArchive, Tolerant

# loky starts its workers anew, by import, after each death: seconds for each test on two cores
EXECUTORS = [
    pytest.param(None, id="loky", marks=pytest.mark.slow),
    pytest.param(lambda: ProcessPoolExecutor(2), id="processes"),
]


def deadly(x, point=3):
    if x == point:
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * x


def deadly_once(x, folder):
    """Kill the worker the first time that 3 is evaluated."""
    mark = os.path.join(folder, "died")
    if x == 3 and not os.path.exists(mark):
        open(mark, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * x


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("points_per_task", [1, 4])
def test_a_killed_worker_costs_its_point_and_no_other(executor, points_per_task):
    """The pool is made anew, what was out runs again, the guilty point is found and reported."""
    learner = Tolerant(12, deadly)
    runner = BlockingRunner(
        learner, npoints_goal=12, executor=executor, on_error="continue", ntasks=2, points_per_task=points_per_task
    )
    assert learner.data == {x: 2 * x for x in range(12) if x != 3}
    assert runner.failed == {3}
    assert runner.failures[0].crashed
    assert isinstance(runner.failures[0].error, WorkerDiedError)
    assert "killed, out of memory" in runner.tracebacks[0][1]


@pytest.mark.parametrize("executor", [None, lambda: ProcessPoolExecutor(2)], ids=["loky", "processes"])
def test_with_retries_a_point_may_survive_its_worker(executor, tmp_path):
    """A death that does not repeat itself costs nothing but time."""
    learner = Tolerant(8, functools.partial(deadly_once, folder=str(tmp_path)))
    runner = BlockingRunner(learner, npoints_goal=8, executor=executor, ntasks=2, retries=1)
    assert learner.data == {x: 2 * x for x in range(8)}
    assert runner.failed == set()


def test_a_death_ends_the_run_by_default_and_keeps_the_rest():
    """on_error="raise": the error says that the worker died; everything else was told."""
    learner = Tolerant(12, deadly)
    with pytest.raises(RuntimeError, match=r"learner.function\(3\)") as caught:
        BlockingRunner(learner, npoints_goal=12, executor=lambda: ProcessPoolExecutor(2))
    assert isinstance(caught.value.__cause__, WorkerDiedError)
    assert set(learner.data) >= {0, 1, 2}


def test_a_given_pool_is_not_replaced():
    """A pool of the user's that dies ends the run, names the points, and what was computed is told."""
    learner = Tolerant(12, deadly)
    with ProcessPoolExecutor(1) as pool, pytest.raises(ExecutorDiedError, match="These points were out: 3"):
        BlockingRunner(learner, npoints_goal=12, executor=pool)
    assert learner.data == {0: 0, 1: 2, 2: 4}


@pytest.mark.parametrize("executor", EXECUTORS)
def test_the_async_runner_survives_too(executor):
    """The same with the other driver."""
    learner = Tolerant(8, deadly)
    runner = AsyncRunner(learner, npoints_goal=8, executor=executor, on_error="continue", ntasks=2)
    runner.block_until_done()
    assert learner.data == {x: 2 * x for x in range(8) if x != 3}
    assert runner.failed == {3}


@pytest.mark.slow
def test_another_runner_on_the_shared_pool_survives_a_death():
    """Two runners on loky's shared pool: the one whose worker dies costs the other nothing."""
    good, bad = Tolerant(40), Tolerant(8, deadly)
    first = AsyncRunner(good, npoints_goal=40)
    second = AsyncRunner(bad, npoints_goal=8, on_error="continue", retries=1)
    second.block_until_done()
    first.block_until_done()
    assert good.npoints == 40
    assert bad.data == {x: 2 * x for x in range(8) if x != 3}
    assert first.failures == []


def test_a_dead_workers_point_is_on_record(monkeypatch):
    """The archive has a crashed row for it, and an ok row for each other point."""
    archive = MemoryArchive()
    monkeypatch.setattr("adaptive_calib.store.open_archive", lambda *args, **kwargs: archive, raising=False)
    BlockingRunner(
        Tolerant(6, deadly),
        npoints_goal=6,
        executor=lambda: ProcessPoolExecutor(2),
        on_error="continue",
        store="anything",
    )
    statuses = {outcome.point: outcome.status for outcome in archive.outcomes}
    assert statuses == {0: "ok", 1: "ok", 2: "ok", 3: "crashed", 4: "ok", 5: "ok"}
    assert archive.closed[0] == "exhausted"
