"""What the store costs: ``python -m tests.benchmarks.store`` prints the figures of its documentation.

There is no peer to compare with; the figures are times, medians of repeats on the machine at hand.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from adaptive_calib.engine.archive import Outcome
from adaptive_calib.engine.evaluate import Report
from adaptive_calib.learner.learner1D import Learner1D
from adaptive_calib.learner.sequence_learner import SequenceLearner
from adaptive_calib.runner import BlockingRunner
from adaptive_calib.store import Evaluation, open_archive
from adaptive_calib.store.identity.canonical import PointUids


def value(x: float) -> float:
    """Return a number at once."""
    return x * x


def busy(x: float, seconds: float) -> float:
    """Return a number after some computing."""
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass
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
            outcome = Outcome(i / n, "ok", Report(make(i)))
            before = time.perf_counter()
            archive.record([outcome])
            seconds.append(time.perf_counter() - before)
        archive.close("finished", "")
    return statistics.median(seconds)


def preload(n: int, learner: Any, point: Callable[[int], Any], tell: Callable[[Any, Any], None]) -> float:
    """Return the seconds of opening a store of n evaluations and telling them to a learner."""
    with tempfile.TemporaryDirectory() as folder:
        archive = open_archive(Path(folder) / "s.db", learner)
        outcomes = [Outcome(point(i), "ok", Report(float(i))) for i in range(n)]
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


def each_run() -> float:
    """Return the seconds that a run takes once: the file, the manifest, its end."""
    seconds = []
    for _ in range(15):
        with tempfile.TemporaryDirectory() as folder:
            before = time.perf_counter()
            open_archive(Path(folder) / "s.db", Plain()).close("finished", "")
            seconds.append(time.perf_counter() - before)
    return statistics.median(seconds)


def overhead(n: int, executor: Any, seconds_each: float = 0.0, repeats: int = 7) -> tuple[float, float, float]:
    """Return the microseconds an evaluation without and with a store, and their ratio: medians over pairs of runs."""
    measured: dict[bool, list[float]] = {True: [], False: []}
    function = partial(busy, seconds=seconds_each) if seconds_each else value
    for repeat in range(repeats + 1):
        for stored in (False, True):
            with tempfile.TemporaryDirectory() as folder:
                learner = SequenceLearner(Evaluation(function, name="benchmark"), np.linspace(0, 1, n).tolist())
                store = Path(folder) / "s.db" if stored else None
                before = time.perf_counter()
                BlockingRunner(learner, executor=executor, store=store, goal=lambda learner: learner.done())
                if repeat:  # the first one starts the workers
                    measured[stored].append(time.perf_counter() - before)
    without, with_ = (statistics.median(measured[stored]) / n * 1e6 for stored in (False, True))
    return without, with_, statistics.median(b / a for a, b in zip(measured[False], measured[True], strict=True))


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
    print(f"once per run                           {each_run() * 1e3:6.1f} ms")
    from loky import get_reusable_executor

    print("microseconds an evaluation without a store, with one, and their ratio:")
    loky = get_reusable_executor(2)
    with ThreadPoolExecutor(2) as threads:
        for name, executor, seconds in (
            ("threads, returns at once", threads, 0.0),
            ("loky, returns at once", loky, 0.0),
            ("loky, 1 ms of computing", loky, 0.001),
            ("loky, 10 ms of computing", loky, 0.010),
        ):
            n, repeats = (400, 7) if seconds else (3000, 21)
            without, with_, ratio = overhead(n, executor, seconds, repeats)
            print(f"  {name:26} {without:8.0f} {with_:8.0f} {ratio:6.2f}")


if __name__ == "__main__":
    main()
