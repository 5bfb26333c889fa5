"""What it costs that a store keeps the state of a run: processor time of the reports, in percent of the run's time.

The function takes 10 ms. Both times are of one run in one process, so that the ratio depends little on the machine.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from adaptive_calib import AverageLearner, BlockingRunner, Learner1D, Learner2D
from adaptive_calib.runner import SequentialExecutor
from adaptive_calib.runner.state_report import StateReport
from tests.benchmarks.harness import Case

LEARNERS: dict[str, Callable[[], Any]] = {
    "Learner1D": lambda: Learner1D(_cube, (-1, 1)),
    "Learner1D, auto": lambda: Learner1D(_cube, (-1, 1), mode="auto"),
    "Learner2D": lambda: Learner2D(_product, [(-1, 1), (-1, 1)]),
    "AverageLearner": lambda: AverageLearner(_sample, atol=1e-9),
}
POINTS = 1000
CASES: list[Case] = []


def _cube(x: float) -> float:
    time.sleep(0.01)
    return x**3


def _product(point: tuple[float, float]) -> float:
    time.sleep(0.01)
    return point[0] * point[1]


def _sample(seed: int) -> float:
    time.sleep(0.01)
    return float(seed % 7)


def cost(learner: Any, npoints: int) -> float:
    """Return the percentage of a run's time that the reports of its state take."""
    spent, report = 0.0, StateReport.__call__

    def timed(self: StateReport, *step: Any) -> None:
        nonlocal spent
        begin = time.thread_time()
        report(self, *step)
        spent += time.thread_time() - begin

    with tempfile.TemporaryDirectory() as folder, mock.patch.object(StateReport, "__call__", timed):
        begin = time.perf_counter()
        BlockingRunner(learner, npoints_goal=npoints, store=Path(folder) / "runs.db", executor=SequentialExecutor())
        return 100 * spent / (time.perf_counter() - begin)


def report() -> str:
    """Return a line for each learner."""
    rows = [f"| {name} | {cost(make(), POINTS):.2f} % |" for name, make in LEARNERS.items()]
    return "\n".join(["| learner | state of the run |", "|---|---|", *rows])
