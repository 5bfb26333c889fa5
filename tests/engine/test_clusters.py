"""Pools of other libraries, for real: ipyparallel's engines and mpi4py's processes on this host.

They need the extra `cluster`: ``pip install -e '.[cluster]'``; the MPI runtime comes with it.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from adaptive_calib import BlockingRunner, SequenceLearner
from adaptive_calib.engine.executors import adapt
from adaptive_calib.testing.executors import ExecutorContract

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def engines():
    """Two engines on the loopback."""
    ipyparallel = pytest.importorskip("ipyparallel", reason="needs the extra `cluster`")
    cluster = ipyparallel.Cluster(n=2, controller_ip="127.0.0.1")
    client = cluster.start_and_connect_sync()
    try:
        client.wait_for_engines(2, timeout=60)
        yield client
    finally:
        cluster.stop_cluster_sync()
        client.close()


class TestIpyparallel(ExecutorContract):
    @pytest.fixture(autouse=True)
    def _client(self, engines):
        self.client = engines

    def make(self):
        return contextlib.nullcontext(adapt(self.client))


@pytest.mark.parametrize("points_per_task", [1, "auto"])
def test_a_run_on_engines(engines, points_per_task):
    """A client is taken as it is, and stays open; each engine is a worker."""
    learner = SequenceLearner(lambda x: (x, os.getpid()), range(60))
    BlockingRunner(learner, executor=engines, points_per_task=points_per_task)
    assert {i: x for i, (x, _) in learner.data.items()} == {x: x for x in range(60)}
    assert os.getpid() not in {pid for _, pid in learner.data.values()}
    assert adapt(engines).capacity == 2
    assert len(engines.ids) == 2


def test_failures_on_engines(engines):
    """The error comes back as it was raised."""
    with pytest.raises(RuntimeError, match=r"\(\(2, 0\)\) raised ") as caught:
        BlockingRunner(SequenceLearner(lambda x: 1 / x, [2, 1, 0]), executor=engines)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_run_on_mpi():
    """One process runs the learner, two evaluate; by mpi4py's own way to start a pool."""
    pytest.importorskip("mpi4py", reason="needs the extra `cluster`")
    program = Path(__file__).with_name("mpi_program.py")
    mpiexec = Path(sys.executable).with_name("mpiexec")  # of the wheel; else the one of the system
    command = [mpiexec if mpiexec.exists() else "mpiexec", "-n", "3", sys.executable, "-m", "mpi4py.futures", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(r"\d+ laws hold, 50 points, 2 workers, [12] used", done.stdout)
