"""What live views cost a run: ``python -m tests.benchmarks.notebook`` prints the table of their documentation.

The same run with and without a view, in turn, in a Jupyter kernel of its own that sends its messages to a client. The
function takes a tenth of a millisecond and is evaluated in the kernel's own thread: whatever a view costs comes on top,
with no idle moment in which it would cost nothing. Stated is the median of the pairs' ratios of elapsed time, less 1.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from jupyter_client.manager import start_new_kernel

_SETUP = """
import asyncio, json, time
import numpy as np
from IPython.display import display
from adaptive_calib import AsyncRunner, Learner1D, LearnerND
from adaptive_calib.runner import SequentialExecutor

def spin(value):
    begin = time.perf_counter()
    while time.perf_counter() - begin < 1e-4:
        pass
    return value

def line(x):
    return spin(x + 0.01**2 / (0.01**2 + x**2))

def plane(xy):
    x, y = xy
    return spin(x + float(np.exp(-((x**2 + y**2 - 0.75**2) ** 2) / 0.2**4)))

MAKE = {
    "Learner1D": lambda: Learner1D(line, (-1, 1)),
    "LearnerND": lambda: LearnerND(plane, ((-1, 1), (-1, 1))),
}

async def once(kind, points, view):
    runner = AsyncRunner(MAKE[kind](), npoints_goal=points, executor=SequentialExecutor())
    if view == "live_plot":
        display(runner.live_plot())
    elif view == "live_info":
        runner.live_info()
    await runner.task
    return runner.elapsed_time()
"""


@dataclass(frozen=True)
class Case:
    """A view of a learner with so many points, and the part of the run's time that it may cost at most."""

    view: str
    learner: str
    points: int
    at_most: float


CASES = (
    Case("live_plot", "Learner1D", 50_000, 0.05),
    Case("live_plot", "LearnerND", 5_000, 0.05),
    Case("live_info", "Learner1D", 50_000, 0.01),
)


class Kernel:
    """A kernel in which runs are timed.

    Attributes
    ----------
    counts : Counter of str
        Messages that it has sent so far, by type.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self.counts: Counter[str] = Counter()

    @property
    def messages(self) -> int:
        """How many messages it has sent so far."""
        return self.counts.total()

    def run(self, code: str) -> Any:
        """Run a cell; return what it printed last, read as JSON."""
        printed: list[str] = []

        def hook(message: Any) -> None:
            self.counts[message["msg_type"]] += 1
            if message["msg_type"] == "stream" and message["content"]["name"] == "stdout":
                printed.append(message["content"]["text"])

        reply = self._client.execute_interactive(code, timeout=600, output_hook=hook, allow_stdin=False)
        if reply["content"]["status"] != "ok":
            raise RuntimeError("\n".join(reply["content"]["traceback"]))
        lines = "".join(printed).split()
        return json.loads(lines[-1]) if lines else None

    def deaf(self, code: str) -> None:
        """Run a cell whose messages nobody reads."""
        reply = self._client.execute(code, allow_stdin=False)
        answer = self._client.get_shell_msg(timeout=120)
        while answer["parent_header"].get("msg_id") != reply:
            answer = self._client.get_shell_msg(timeout=120)
        assert answer["content"]["status"] == "ok", answer["content"]

    def once(self, learner: str, points: int, view: str = "") -> float:
        """Return the seconds that a run took."""
        return float(self.run(f"print(json.dumps(await once({learner!r}, {points}, {view!r})))"))


@contextmanager
def kernel() -> Iterator[Kernel]:
    """Start a kernel, ready for runs."""
    manager, client = start_new_kernel()
    try:
        ours = Kernel(client)
        ours.run(_SETUP)
        yield ours
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def cost(kernel: Kernel, case: Case, pairs: int) -> list[float]:
    """Return what the view cost in each pair of runs, as a part of the time without it."""
    kernel.once(case.learner, 200, case.view)  # libraries are loaded, buffers are there
    costs = []
    for _ in range(pairs):
        without = kernel.once(case.learner, case.points)
        costs.append(kernel.once(case.learner, case.points, case.view) / without - 1)
    return costs


def main() -> None:
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    print("| view | learner | points | cost, median | all pairs | promised |\n|---|---|---|---|---|---|")
    with kernel() as ours:
        for case in CASES:
            costs = sorted(cost(ours, case, pairs))
            shown = " ".join(f"{100 * part:.1f}" for part in costs)
            middle = f"{100 * statistics.median(costs):.1f} %"
            print(
                f"| `{case.view}` | {case.learner} | {case.points:,} | {middle} | {shown} "
                f"| at most {100 * case.at_most:g} % |",
                flush=True,
            )


if __name__ == "__main__":
    main()
