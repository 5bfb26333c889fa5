"""What `test_clusters` runs under mpiexec: the contract of executors, and a run, on a pool of MPI processes."""

from __future__ import annotations

import contextlib
import os

from mpi4py.futures import MPIPoolExecutor

from adaptive_calib import BlockingRunner, SequenceLearner
from adaptive_calib.engine.executors import adapt
from adaptive_calib.testing.executors import ExecutorContract


def main():
    with MPIPoolExecutor() as pool:

        class OnMPI(ExecutorContract):
            def make(self):
                return contextlib.nullcontext(adapt(pool))

        laws = [name for name in dir(OnMPI) if name.startswith("test_")]
        for name in laws:
            getattr(OnMPI(), name)()
        learner = SequenceLearner(lambda x: (x, os.getpid()), range(50))
        BlockingRunner(learner, executor=pool, points_per_task=5)
        processes = {pid for _, pid in learner.data.values()} - {os.getpid()}
        print(f"{len(laws)} laws hold, {learner.npoints} points, {adapt(pool).capacity} workers, {len(processes)} used")


if __name__ == "__main__":
    main()
