"""A dask cluster as an executor, with real worker processes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import CancelledError
from types import SimpleNamespace

import pytest

from adaptive_calib.engine.archive import Outcome
from adaptive_calib.engine.evaluate import WorkerDiedError
from adaptive_calib.engine.goals import Elapsed, Points, When
from adaptive_calib.learner.sequence_learner import SequenceLearner
from adaptive_calib.runner import AsyncRunner, BlockingRunner, preflight
from adaptive_calib.testing.executors import ExecutorContract
from tests.engine.doubles import Counting, Tolerant
from tests.processes import started

distributed = pytest.importorskip("distributed")
dask_cluster = pytest.importorskip("adaptive_calib.engine.dask_cluster")

LOCAL = {"processes": True, "dashboard_address": ":0", "host": "127.0.0.1", "threads_per_worker": 1}


@pytest.fixture(scope="module")
def client():
    with distributed.LocalCluster(n_workers=2, **LOCAL) as cluster, distributed.Client(cluster) as client:
        yield client


class TestDask(ExecutorContract):
    @pytest.fixture(autouse=True)
    def _client(self, client):
        self.client = client

    def make(self):
        return contextlib.closing(dask_cluster.DaskCluster(self.client))


def test_a_run_on_a_cluster(client):
    """The familiar call; the client stays open."""
    learner = Counting(30)
    runner = BlockingRunner(learner, npoints_goal=30, executor=client)
    assert learner.data == {x: 2 * x for x in range(30)}
    assert runner.status() == "finished"
    assert client.submit(abs, -3).result() == 3


def test_batches_and_large_data(client):
    """Megabytes in the function, several points in a task, and results too large for an event."""
    data = bytes(3_000_000)
    learner = Counting(8, lambda x: data[: 100_000 + x])
    BlockingRunner(learner, npoints_goal=8, executor=client, points_per_task=3)
    assert {x: len(y) for x, y in learner.data.items()} == {x: 100_000 + x for x in range(8)}


def test_failures_come_with_their_traceback(client):
    """An error in the worker is the outcome of its point."""
    learner = Tolerant(6, lambda x: 1 / (x - 2))
    runner = BlockingRunner(learner, npoints_goal=6, executor=client, on_error="continue")
    assert runner.failed == {2}
    assert "ZeroDivisionError" in runner.tracebacks[0][1]


def test_asynchronous_client():
    """An asynchronous client works within its own loop."""

    async def main():
        async with (
            distributed.LocalCluster(n_workers=1, asynchronous=True, **LOCAL) as cluster,
            distributed.Client(cluster, asynchronous=True) as client,
        ):
            learner = Counting(12, lambda x: bytes(100_000) if x == 5 else x)
            runner = AsyncRunner(learner, npoints_goal=12, executor=client)
            await runner.task
            return learner, runner

    learner, runner = asyncio.run(main())
    assert runner.status() == "finished"
    assert sorted(learner.data) == list(range(12))


@pytest.mark.slow
def test_a_killed_worker_of_a_cluster(tmp_path):
    """A worker killed once costs nothing; a point that kills every worker is reported, the others are told.

    A nanny whose worker dies while it is being started gives up, and a cluster that adapts replaces it.
    """

    def deadly(x):
        mark = tmp_path / "died"
        if x == 4 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return 2 * x

    def always(x):
        if x == 4:
            os.kill(os.getpid(), signal.SIGKILL)
        return 2 * x

    goal = Points(12) | Elapsed(240)  # then the assertions tell what is missing
    with distributed.LocalCluster(n_workers=2, **LOCAL) as cluster, distributed.Client(cluster) as client:
        cluster.adapt(minimum=2, maximum=2)
        learner = Tolerant(12, deadly)
        BlockingRunner(learner, goal, executor=client)
        assert learner.data == {x: 2 * x for x in range(12)}

        learner = Tolerant(12, always)
        runner = BlockingRunner(learner, goal, executor=client, on_error="continue", ntasks=2)
    assert 4 in runner.failed, runner.stop_reason
    assert isinstance(runner.failures[0].error, WorkerDiedError)
    assert learner.npoints >= 10


@pytest.mark.slow
def test_a_cluster_that_grows_from_zero():
    """Without workers the run waits; points that wait make an adaptive cluster start some."""
    with distributed.LocalCluster(n_workers=0, **LOCAL) as cluster, distributed.Client(cluster) as client:
        cluster.adapt(minimum=0, maximum=2, interval="100ms")
        learner = Counting(20)
        runner = BlockingRunner(learner, npoints_goal=20, executor=client)
        assert runner.status() == "finished"
        assert learner.npoints == 20


@pytest.mark.slow
def test_a_cluster_that_changes_during_the_run():
    """A worker that comes later is given points, too; one that goes costs none."""
    with distributed.LocalCluster(n_workers=1, **LOCAL) as cluster, distributed.Client(cluster) as client:
        # not so short that a task gets many points, by which the capacity grows, too
        learner = SequenceLearner(lambda x: time.sleep(0.02) or os.getpid(), range(10**4))

        def grow_and_shrink(events, effects, progress):
            if not sizes and progress.told > 5:
                cluster.scale(2)
                sizes.append(progress.capacity)
            elif len(sizes) == 1 and progress.capacity > sizes[0] and len(set(learner.data.values())) == 2:
                cluster.scale(1)
                sizes.append(progress.capacity)
            elif len(sizes) == 2 and progress.capacity < sizes[1]:
                sizes.append(progress.capacity)

        sizes = []
        goal = When(lambda one: len(sizes) == 3, learner)
        runner = BlockingRunner(learner, goal, executor=client, callbacks=[grow_and_shrink])
        assert runner.failures == []
        assert len(learner.data) == learner.npoints


def test_outcomes_name_their_worker(client, monkeypatch):
    """Host and process of the evaluation are on record."""
    outcomes: list[Outcome] = []

    class Archive:
        def place(self, point):
            return None

        def preload(self, stop=None):
            from adaptive_calib.engine.archive import Preloaded

            return Preloaded()

        def find(self, point, place=None):
            return None

        def record(self, new):
            outcomes.extend(new)

        def news(self):
            return None

        def close(self, status, reason):
            pass

    monkeypatch.setattr("adaptive_calib.store.open_archive", lambda *args, **kwargs: Archive())
    BlockingRunner(Counting(4), npoints_goal=4, executor=client, store="anything")
    pids = set(client.run(os.getpid).values())
    assert {outcome.report.pid for outcome in outcomes} <= pids
    assert all(outcome.report.host for outcome in outcomes)


def test_without_workers_nothing_runs_and_a_warning_says_so(caplog):
    """Capacity and running are 0, the warning comes after the patience, and the run begins with the first worker."""
    options = {"processes": False, "dashboard_address": ":0", "threads_per_worker": 1}
    with distributed.LocalCluster(n_workers=0, **options) as cluster, distributed.Client(cluster) as client:
        options = {"executor": client, "background": True, "warn_without_workers": 0.5}
        runner = AsyncRunner(Counting(5), npoints_goal=5, **options)
        until = time.monotonic() + 30
        while "there is no worker" not in caplog.text and time.monotonic() < until:
            time.sleep(0.05)
        assert "there is no worker" in caplog.text
        assert (runner.progress.capacity, runner.progress.running) == (0, 0)
        with pytest.raises(RuntimeError, match="no workers"):
            preflight(Counting(5), executor=client)
        cluster.scale(1)
        runner.task.wait(60)
    assert runner.learner.npoints == 5


def test_a_drained_run_withdraws_what_has_not_begun():
    """After a cancel only evaluations that had begun are told."""

    def slow(x):
        time.sleep(0.3)
        return x

    options = {"processes": False, "dashboard_address": ":0", "threads_per_worker": 2}
    with distributed.LocalCluster(n_workers=1, **options) as cluster, distributed.Client(cluster) as client:
        runner = AsyncRunner(Counting(100, slow), npoints_goal=100, executor=client, background=True, ntasks=20)
        while runner.progress.told < 2:
            time.sleep(0.01)
        runner.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            runner.task.wait(60)
        assert runner.learner.npoints < 20


class Client:
    """A client whose scheduler and workers do nothing by themselves, but that run what is to be run on all of them."""

    asynchronous = True
    status = "running"

    def __init__(self):
        self.handlers = {}

    def subscribe_topic(self, topic, handler):
        self.handlers[topic] = handler

    def submit(self, *args, **options):
        return SimpleNamespace(add_done_callback=bool, release=bool, cancel=bool)

    def sync(self, function, *args):
        return function(*args)

    async def ncores(self):
        return {"tcp://worker:1": 4}

    async def run(self, function, *args, **options):
        return {"tcp://worker:1": function(*args)}


def test_what_has_begun_is_not_withdrawn_although_the_event_has_not_come():
    """The workers are asked; the answer of one task that it has begun, and the event of another, come in time."""
    client = Client()
    cluster = dask_cluster.DaskCluster(client)
    topic = cluster._topic
    handles = [cluster.submit(abs, [x]) for x in range(3)]
    dask_cluster._evaluating.add((topic, 0))

    async def cancel():
        assert [handle.cancel() for handle in handles] == [False] * 3
        client.handlers[topic]((0.0, {"number": 1, "begun": "tcp://worker:2"}))
        await asyncio.gather(*cluster._tasks)

    try:
        asyncio.run(cancel())
    finally:
        dask_cluster._evaluating.clear()
    assert [handle.done() for handle in handles] == [False, False, True]
    with pytest.raises(CancelledError):
        handles[2].result()
    client.handlers[topic]((0.0, {"number": 0, "data": pickle.dumps(["reports"])}))
    assert handles[0].result() == ["reports"]
    assert topic in dask_cluster._closed  # of which this worker begins nothing more


def test_an_asynchronous_client_is_looked_at_soon_after_it_was_asked():
    """The number of threads is not there at once, and a run need not wait for the next regular look."""

    async def look():
        cluster = dask_cluster.DaskCluster(Client())
        first = cluster.capacity, cluster.poll
        await asyncio.gather(cluster._asked)
        return first, (cluster.capacity, cluster.poll)

    (first, soon), (then, later) = asyncio.run(look())
    assert (first, then) == (0, 6)
    assert soon < 0.1 < later


def test_an_asynchronous_client_is_refused_where_no_loop_runs_it():
    """In a blocking run, and in one in the background: it would wait for ever."""

    class Client:
        asynchronous = True

    Client.__module__ = "distributed.client"
    with pytest.raises(TypeError, match="asynchronous"):
        BlockingRunner(Counting(5), npoints_goal=5, executor=Client())
    with pytest.raises(TypeError, match="asynchronous"):
        AsyncRunner(Counting(5), npoints_goal=5, executor=Client(), background=True)


def test_the_last_words_of_jobs(tmp_path):
    """Numbers of jobs are named, and the newest log that has text is quoted; logs of other jobs are not."""
    jobs = [SimpleNamespace(job_id=str(number), log_directory=str(tmp_path)) for number in (7, 17)]
    assert dask_cluster._last_words([]) == ""
    assert "jobs 7, 17 were submitted, and have printed nothing" in dask_cluster._last_words(jobs)
    (tmp_path / "dask-worker-7.err").write_text("one\nno such option\n\n")
    (tmp_path / "dask-worker-117.err").write_text("of another job")
    (tmp_path / "dask-worker-17.out").write_text("")
    assert dask_cluster._last_words(jobs).endswith("dask-worker-7.err: no such option")


def test_the_end_of_a_run_does_not_wait_for_a_lost_worker(client, tmp_path, caplog):
    """What a lost worker had is left to the next run, although dask begins it again on another one."""
    begun, go = tmp_path / "begun", tmp_path / "go"

    def wait(x):
        with open(begun, "a") as file:
            file.write(f"{os.getpid()}\n")
        while not go.exists():
            time.sleep(0.05)

    runner = AsyncRunner(Counting(5, wait), npoints_goal=5, executor=client, background=True, ntasks=1)
    while not any(getattr(handle, "begun", ()) for handle, _ in runner.session.pending):  # as dask has reported
        time.sleep(0.01)
    runner.cancel()
    while runner.session.machine.phase == "running":
        time.sleep(0.01)
    os.kill(int(begun.read_text().split()[0]), signal.SIGKILL)
    try:
        with pytest.raises(asyncio.CancelledError):
            runner.task.wait(60)  # before the second worker may go on
    finally:
        go.touch()
    assert "evaluated again by the next run: 0" in caplog.text
    assert runner.learner.npoints == 0


def test_workers_that_are_left_end_with_the_script(monkeypatch):
    """Python's SIGTERM at its end would leave them alive, and it would wait for them; other processes are its own."""
    killed = []

    def process(name):
        return SimpleNamespace(name=name, daemon=True, kill=lambda: killed.append(name))

    children = [process("mine"), process("Dask Worker process (from Nanny)")]
    monkeypatch.setattr("multiprocessing.active_children", lambda: children)
    dask_cluster._kill_workers()
    assert killed == ["Dask Worker process (from Nanny)"]


SCRIPT = """
    import sys, threading, time
    from pathlib import Path
    from distributed import Client
    from adaptive_calib.engine import drivers
    from adaptive_calib.learner.sequence_learner import SequenceLearner
    from adaptive_calib.runner import BlockingRunner

    go = Path(sys.argv[1])

    def wait(x):
        while x == 2 and not go.exists():
            time.sleep(0.05)
        return 10 * x

    def pending():
        return [each for run in list(drivers._sessions) for each in run.pending]

    def tell():
        while not any(getattr(handle, "begun", ()) for handle, (x, _) in pending() if x == 2):
            time.sleep(0.01)
        print("begun", flush=True)

    if __name__ == "__main__":
        client = Client(n_workers=1, threads_per_worker=1, dashboard_address=":0", host="127.0.0.1", silence_logs=60)
        threading.Thread(target=tell, daemon=True).start()
        learner = SequenceLearner(wait, range(1000))
        try:
            BlockingRunner(learner, executor=client)
        finally:
            print(dict(learner.data))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_workers_leave_signals_to_their_script(number, tmp_path):
    """Sent to the group, a signal ends no worker before it has brought home what it computes."""
    go = tmp_path / "go"
    (tmp_path / "script.py").write_text(textwrap.dedent(SCRIPT))
    command = [sys.executable, str(tmp_path / "script.py"), str(go)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with started(command, start_new_session=True, **pipes) as process:
        assert process.stdout.readline() == "begun\n"
        os.killpg(process.pid, number)
        assert f"cancelled by {number.name}: waiting for 1 pending task;" in process.stderr.readline()
        go.touch()
        output, _ = process.communicate(timeout=60)
    assert output == "{0: 0, 1: 10, 2: 20}\n"
    assert process.returncode == (143 if number == signal.SIGTERM else -signal.SIGINT)


def test_a_cluster_that_starts_no_workers_says_so():
    """A cluster without workers that neither adapts nor has requested any."""
    options = {"processes": False, "dashboard_address": ":0"}
    with distributed.LocalCluster(n_workers=0, **options) as cluster, distributed.Client(cluster) as client:
        adapter = dask_cluster.DaskCluster(client)
        assert "starts none by itself" in adapter.condition()
        cluster.adapt(minimum=0, maximum=1)
        assert "starts none by itself" not in adapter.condition()
        adapter.close()
