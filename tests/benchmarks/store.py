"""What the store costs: ``python -m tests.benchmarks.store`` prints the figures of its documentation.

There is no peer to compare with; the figures are times, medians of repeats on the machine at hand.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from adaptive_calib.engine.archive import Outcome
from adaptive_calib.learner.learner1D import Learner1D
from adaptive_calib.learner.sequence_learner import SequenceLearner
from adaptive_calib.runner import BlockingRunner
from adaptive_calib.store import Evaluation, open_archive
from adaptive_calib.store.identity import PointUids


def value(x: float) -> float:
    """Return a number at once."""
    return x * x


class Plain:
    """A learner that keeps a dict and nothing else."""

    def __init__(self) -> None:
        self.function = Evaluation(value, name="benchmark")
        self.data: dict[float, float] = {}


def put(n: int, make: Callable[[int], Any]) -> float:
    """Return the median seconds of recording one outcome."""
    with tempfile.TemporaryDirectory() as folder:
        archive = open_archive(Path(folder) / "s.db", Plain())
        seconds = []
        for i in range(n):
            outcome = Outcome(i / n, "ok", make(i))
            before = time.perf_counter()
            archive.record([outcome])
            seconds.append(time.perf_counter() - before)
        archive.close("finished", "")
    return statistics.median(seconds)


def preload(n: int, learner: Any, point: Callable[[int], Any], tell: Callable[[Any, Any], None]) -> float:
    """Return the seconds of opening a store of n evaluations and telling them to a learner."""
    with tempfile.TemporaryDirectory() as folder:
        archive = open_archive(Path(folder) / "s.db", learner)
        outcomes = [Outcome(point(i), "ok", float(i)) for i in range(n)]
        for i in range(0, n, 1000):
            archive.record(outcomes[i : i + 1000])
        archive.close("finished", "")
        before = time.perf_counter()
        archive = open_archive(Path(folder) / "s.db", learner)
        known = archive.preload()
        tell(known.points, known.values)
        seconds = time.perf_counter() - before
        archive.close("finished", "")
        assert len(known.points) == n
    return seconds


def uid(points: list[Any]) -> float:
    """Return the seconds of one uid."""
    uids = PointUids("0" * 32)
    before = time.perf_counter()
    for point in points:
        uids(point)
    return (time.perf_counter() - before) / len(points)


def overhead(n: int, executor: Any) -> float:
    """Return the ratio of the time per evaluation with a store to that without one."""
    seconds: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(5):
        for stored in (False, True):
            with tempfile.TemporaryDirectory() as folder:
                learner = SequenceLearner(Evaluation(value, name="benchmark"), np.linspace(0, 1, n).tolist())
                store = Path(folder) / "s.db" if stored else None
                before = time.perf_counter()
                BlockingRunner(learner, executor=executor, store=store, goal=lambda learner: learner.done())
                seconds[stored].append(time.perf_counter() - before)
    return statistics.median(seconds[True]) / statistics.median(seconds[False])


def main() -> None:
    """Print the figures."""
    record = {"quantiles": np.ones((2, 257)), "deltas": np.ones((2, 257)), "bepis": True, "c": [1.0, 2.0]}
    print(f"one put of a float      {put(3000, float) * 1e6:8.1f} us")
    print(f"one put of an 8 KB dict {put(1000, lambda i: record) * 1e6:8.1f} us")
    print(f"one put of a 1 MB array {put(50, lambda i: np.full(2**17, float(i))) * 1e6:8.1f} us")
    print(f"uid of a float          {uid([i / 7 for i in range(100_000)]) * 1e6:8.2f} us")
    print(f"uid of a pair           {uid([(i / 7, i / 3) for i in range(100_000)]) * 1e6:8.2f} us")
    n = 100_000
    plain, line = Plain(), Learner1D(Evaluation(value, name="benchmark"), (0.0, 1.0))
    sequence = SequenceLearner(Evaluation(value, name="benchmark"), range(n))
    into_dict = preload(n, plain, lambda i: i / n, lambda xs, ys: plain.data.update(zip(xs, ys, strict=True)))
    print(f"preload 100,000 into a dict            {into_dict:6.2f} s")
    print(f"preload 100,000 into a SequenceLearner {preload(n, sequence, lambda i: (i, i), sequence.tell_many):6.2f} s")
    print(f"preload 100,000 into a Learner1D       {preload(n, line, lambda i: i / n, line.tell_many):6.2f} s")
    from loky import get_reusable_executor

    with ThreadPoolExecutor(2) as threads:
        print(f"run with a store / without: threads    {overhead(1000, threads):6.2f}")
    print(f"run with a store / without: loky       {overhead(1000, get_reusable_executor(2)):6.2f}")


if __name__ == "__main__":
    main()
