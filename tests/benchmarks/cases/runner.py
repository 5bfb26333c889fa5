"""Runners against those of python-adaptive: what a run costs beside the function, which returns at once.

Coroutines are compared with bare asyncio in ``tests/runner/test_performance.py``: python-adaptive's SequenceLearner
takes none.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

from tests.benchmarks.harness import Case

PEER = "adaptive"


def identity(x: int) -> int:
    return x


def _learner(package: ModuleType, function: Callable[[int], Any], size: int) -> Any:
    module = import_module(f"{package.__name__}.learner.sequence_learner")
    return module.SequenceLearner(function, range(size))


def _run(package: ModuleType, size: int, executor: Any, *, log: bool = False, **ours: Any) -> float:
    """Run `size` points on the executor; further keyword arguments are for our runner only."""
    runner = import_module(f"{package.__name__}.runner")
    learner = _learner(package, identity, size)
    arguments = ours if package.__name__ == "adaptive_calib" else {}
    begin = time.perf_counter()
    runner.BlockingRunner(learner, executor=executor, log=log, **arguments)
    seconds = time.perf_counter() - begin
    assert learner.npoints == size
    return seconds


def sequential(package: ModuleType, size: int) -> float:
    executor = import_module(f"{package.__name__}.runner").SequentialExecutor()
    _run(package, 20, executor)  # python-adaptive's first run imports every cluster library that is installed: 0.2 s
    return _run(package, size, executor)


def sequential_with_log(package: ModuleType, size: int) -> float:
    executor = import_module(f"{package.__name__}.runner").SequentialExecutor()
    _run(package, 20, executor)
    return _run(package, size, executor, log=True)


def _loky(package: ModuleType, size: int, **ours: Any) -> float:
    import loky

    executor = loky.get_reusable_executor(max_workers=2, timeout=100)
    _run(package, 20, executor)  # the workers are there and have imported everything
    seconds = _run(package, size, executor, **ours)
    executor.shutdown(wait=True)
    return seconds


def loky_auto(package: ModuleType, size: int) -> float:
    return _loky(package, size, points_per_task="auto")


def loky_single(package: ModuleType, size: int) -> float:
    return _loky(package, size)


def processes(package: ModuleType, size: int) -> float:
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(2) as executor:
        _run(package, 20, executor)
        return _run(package, size, executor)


def _dask(package: ModuleType, size: int, **ours: Any) -> float:
    import distributed

    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", host="127.0.0.1", protocol="tcp://"
    )
    with cluster, distributed.Client(cluster) as client:
        _run(package, 10, client)
        return _run(package, size, client, **ours)


def dask_auto(package: ModuleType, size: int) -> float:
    return _dask(package, size, points_per_task="auto")


def dask_single(package: ModuleType, size: int) -> float:
    return _dask(package, size)


CASES = [
    Case("BlockingRunner, sequential executor", sequential, 3000, 100, 1),
    Case("the same with log=True", sequential_with_log, 3000, 100),
    Case('loky, 2 workers, points_per_task="auto"', loky_auto, 3000, 100, 10),
    Case("loky, 2 workers, one point a task", loky_single, 1500, 50),
    Case("process pool, 2 workers, one point a task", processes, 3000, 100, 1.2),
    Case('dask LocalCluster, 2 workers, points_per_task="auto"', dask_auto, 3000, 30, 20, 3, 300),
    Case("dask LocalCluster, 2 workers, one point a task", dask_single, 600, 30, 3, 3, 300),
]
