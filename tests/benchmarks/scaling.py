"""How much faster a calibration is with w workers than with one, simulated: ``python -m tests.benchmarks.scaling``.

Points are evaluated once and their values kept; then runs with 1, 2, ..., 16 workers are simulated. A new experiment
takes `--seconds` of a worker, the sampling of an added c what it took when it was evaluated. What the learner needs in
the main thread (`ask` and `tell`) is measured; `OVERHEAD` is added for each point: what a session with a store needs.
So a learner that samples in the main thread, or that lets workers wait for a decision, shows.

``--real`` runs the same calibration in pools of 1 and 2 processes instead, with a store, and takes the time.
"""

from __future__ import annotations

import argparse
import heapq
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from adaptive_calib.calibration import CalibrationLearner
from adaptive_calib.examples.blackbody.distributions import Infrared
from adaptive_calib.runner import BlockingRunner

#: Seconds of the main thread for each point: submit, receive, store. Measured: `tests.benchmarks.store`.
OVERHEAD = 2e-4


class Evaluations:
    """Values of points and the seconds that sampling took, each evaluated once."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.known = seconds, dict[Any, tuple[Any, float]]()

    def __call__(self, learner: CalibrationLearner, point: Any) -> tuple[Any, float]:
        if tuple(point) not in self.known:
            begin = time.process_time()
            value = learner.function(point)
            spent = time.process_time() - begin
            self.known[tuple(point)] = value, spent if point[0] == "column" else self.seconds
        return self.known[tuple(point)]


def simulate(learner: CalibrationLearner, workers: int, evaluations: Evaluations) -> float:
    """Return the seconds of a run: workers in simulated time, the main thread in that of this processor."""
    now, busy, number = 0.0, list[tuple[float, int, Any, Any]](), 0
    while True:
        begin = time.process_time()
        points = learner.ask(workers - len(busy))[0]
        now += time.process_time() - begin
        for point in points:
            now += OVERHEAD
            value, seconds = evaluations(learner, point)
            heapq.heappush(busy, (now + seconds, number, point, value))
            number += 1
        if not busy:
            return now
        end, _, point, value = heapq.heappop(busy)
        now = max(now, end)
        begin = time.process_time()
        learner.tell(point, value)
        now += time.process_time() - begin


def run(learner: CalibrationLearner, workers: int) -> float:
    """Return the seconds of a run with a store in a pool of processes that have started."""
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(workers) as pool:
        list(pool.map(learner.function, [("new", i) for i in range(4 * workers)]))
        begin = time.perf_counter()
        BlockingRunner(learner, executor=pool, store=Path(folder) / "store.db")
        return time.perf_counter() - begin


def real(experiments: int, repetitions: int = 5) -> None:
    """Print how much faster two processes are than one: the median of pairs of runs."""
    learner = CalibrationLearner(Infrared(experiments), Ldata=256, Linf=1024, res=6)
    learner.function(("new", 0))
    pairs = [(run(learner.new(), 1), run(learner.new(), 2)) for _ in range(repetitions)]
    begin = time.process_time()
    for i in range(32):
        learner.function(("new", i))
    each = (time.process_time() - begin) / 32
    ratios = [alone / both for alone, both in pairs]
    print(f"an experiment takes {1000 * each:.1f} ms; two processes are {np.median(ratios):.2f} times as fast as one")
    print("pairs of seconds: " + ", ".join(f"{alone:.2f} {both:.2f}" for alone, both in pairs))


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiments", type=int, default=512)
    parser.add_argument("--seconds", type=float, default=0.01)
    parser.add_argument("--real", action="store_true", help="1 and 2 real processes; the machine should be quiet")
    options = parser.parse_args(argv)
    if options.real:
        return real(options.experiments)
    learner = CalibrationLearner(Infrared(options.experiments), Ldata=256, Linf=1024, res=6)
    evaluations = Evaluations(options.seconds)
    simulate(learner.new(), 1, evaluations)  # evaluates every point
    alone = simulate(learner.new(), 1, evaluations)
    print("| workers | seconds | times as fast as one | of the number of workers |\n|---|---|---|---|")
    for workers in (1, 2, 4, 8, 16):
        seconds = simulate(learner.new(), workers, evaluations)
        print(f"| {workers} | {seconds:.2f} | {alone / seconds:.2f} | {alone / seconds / workers:.2f} |", flush=True)


if __name__ == "__main__":
    main()
