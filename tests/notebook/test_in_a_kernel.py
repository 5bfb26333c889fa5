"""Live views in a real kernel: their messages, and a front end that is gone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.benchmarks import notebook
from tests.benchmarks.notebook import CASES, Case, Kernel


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    """A kernel of this module's own."""
    with notebook.kernel() as ours:
        yield ours


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.view}-{case.learner}")
def test_case_runs(kernel: Kernel, case: Case) -> None:
    """A benchmark does its work: the same run with and without the view."""
    (part,) = notebook.cost(kernel, Case(case.view, case.learner, 200, case.at_most), pairs=1)
    assert part > -1


LONG = """
async def wait(x):
    await asyncio.sleep(0.001)
    return x

runner = AsyncRunner(Learner1D(wait, (-1, 1)), npoints_goal=1500, ntasks=1)
runner.live_info(update_interval=0.05)
display(runner.live_plot(update_interval=0.05))
await runner.task
print(json.dumps(runner.learner.npoints))
"""


def test_messages_are_bounded(kernel: Kernel) -> None:
    """A run of 1500 results sends messages by its time, not by its results, and replaces what it has shown."""
    before = kernel.messages
    shown = kernel.counts["display_data"]
    assert kernel.run(LONG) == 1500
    # one or two seconds: at most forty tables, and a few dozen frames of a handful of columns
    assert kernel.messages - before < 600
    assert kernel.counts["display_data"] - shown <= 5


def test_a_front_end_that_is_gone(kernel: Kernel) -> None:
    """With its front end gone a run goes on to its end, and the kernel answers afterwards."""
    kernel.deaf(LONG.replace("print(json.dumps(runner.learner.npoints))", "unheard = runner.learner.npoints"))
    assert kernel.run("print(json.dumps(unheard))") == 1500
