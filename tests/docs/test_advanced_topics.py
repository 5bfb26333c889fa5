"""Every use that python-adaptive's tutorial of advanced topics makes of its package, cell by cell, in a real kernel.

The cells below make the calls of the tutorial's cells, in its order, on functions of our own. They are run twice: with
our package, and (slow) with python-adaptive 1.5.2 itself, which shows that they are its calls and that nothing but the
name of the package differs. ``async`` sleeps are the waiting that the tutorial itself does.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import nbformat
import pytest
from nbclient import NotebookClient


class Cell(NamedTuple):
    """One cell: what the tutorial shows there, and our code that makes its calls."""

    shows: str
    code: str
    raises: str = ""


CELLS = [
    Cell(
        "the package by its name, and the notebook set up",
        """
adaptive.notebook_extension()

import asyncio, functools, os, random, time
from concurrent.futures import ProcessPoolExecutor

def hill(x, width=0.05):
    return width**2 / (width**2 + (x - 0.2) ** 2) - x
""",
    ),
    Cell(
        "two learners, one of which is run",
        """
learner = adaptive.Learner1D(hill, bounds=(-1, 1))
other = adaptive.Learner1D(hill, bounds=(-1, 1))
runner = adaptive.Runner(learner, loss_goal=0.05)
""",
    ),
    Cell("waiting for the task", "await runner.task\nassert learner.loss() <= 0.05"),
    Cell("live_info of a run that is over", "runner.live_info()"),
    Cell(
        "save and load, into a folder that is made, compressed and not; two plots side by side",
        """
learner.save("saved/one.p")
other.load("saved/one.p")
assert other.data == learner.data
learner.save(fname="saved/plain.p", compress=False)
plain = adaptive.Learner1D(hill, bounds=(-1, 1))
plain.load(fname="saved/plain.p", compress=False)
assert plain.data == learner.data
layout = learner.plot().relabel("first") + other.plot().relabel("second")
assert len(layout) == 2
layout
""",
    ),
    Cell(
        "BalancingLearner saves with a function that names files, or with a list of names",
        """
children = [adaptive.Learner1D(functools.partial(hill, width=w), bounds=(-1, 1)) for w in (0.1, 0.3)]
many = adaptive.BalancingLearner(children)
adaptive.runner.simple(many, loss_goal=0.2)
many.save(fname=lambda child: f"saved/width_{child.function.keywords['width']}.p")
assert os.path.exists("saved/width_0.3.p")
many.save(fname=["saved/a.p", "saved/b.p"], compress=False)
again = many.new()
again.load(fname=["saved/a.p", "saved/b.p"], compress=False)
assert again.data == many.data
again = many.new()
again.load(fname=lambda child: f"saved/width_{child.function.keywords['width']}.p")
assert again.data == many.data
""",
    ),
    Cell(
        "copy_from, without a file",
        """
other = adaptive.Learner1D(hill, bounds=(-1, 1))
other.copy_from(learner)
assert other.data == learner.data
""",
    ),
    Cell(
        "periodic saving beside a run",
        """
def sleepy(x):
    import time
    time.sleep(0.2)
    return x

learner = adaptive.Learner1D(sleepy, bounds=[0, 1])
runner = adaptive.Runner(learner, npoints_goal=100)
runner.start_periodic_saving(save_kwargs={"fname": "saved/periodic.p"}, interval=0.3)
""",
    ),
    Cell("cancel it after a while", "await asyncio.sleep(1.5)\nrunner.cancel()"),
    Cell("live_info of a cancelled run", "runner.live_info()"),
    Cell(
        "the file is there",
        """
await asyncio.sleep(0.6)
on_disk = adaptive.Learner1D(sleepy, bounds=[0, 1])
on_disk.load("saved/periodic.p")
assert on_disk.npoints > 0
assert runner.saving_task is not None
""",
    ),
    Cell(
        "BlockingRunner, for those who only want to wait",
        """
learner = adaptive.Learner1D(hill, bounds=(-1, 1))
adaptive.BlockingRunner(learner, loss_goal=0.05)
assert learner.loss() <= 0.05
learner.plot()
""",
    ),
    Cell(
        "the same points each time with simple",
        """
learner = adaptive.Learner1D(hill, bounds=(-1, 1))
adaptive.runner.simple(learner, loss_goal=0.05)
by_simple = list(learner.data)
learner.plot()
""",
    ),
    Cell(
        "the same points each time with a runner and the sequential executor",
        """
from {package}.runner import SequentialExecutor

learner = adaptive.Learner1D(hill, bounds=(-1, 1))
runner = adaptive.Runner(learner, executor=SequentialExecutor(), loss_goal=0.05)
""",
    ),
    Cell("wait", "await runner.task\nassert list(learner.data) == by_simple"),
    Cell("live_info", "runner.live_info()"),
    Cell("a live plot, redrawn at its own pace", "runner.live_plot(update_interval=0.1)"),
    Cell(
        "a run without a goal",
        "learner = adaptive.Learner1D(hill, bounds=(-1, 1))\nrunner = adaptive.Runner(learner)",
    ),
    Cell("let it run", "await asyncio.sleep(0.5)"),
    Cell("cancel", "runner.cancel()"),
    Cell("live_info after the end", "runner.live_info()"),
    Cell("live_plot after the end", "runner.live_plot(update_interval=0.1)"),
    Cell(
        "the status as a text",
        'await asyncio.sleep(0.5)\nprint(runner.status())\nassert runner.status() == "cancelled"\n'
        "assert learner.npoints > 0",
    ),
    Cell(
        "a function that fails now and then",
        """
def fragile(x):
    if abs(x) == 0.5:
        raise RuntimeError("no value here")
    return x**2

learner = adaptive.Learner1D(fragile, (-1, 1))
runner = adaptive.Runner(learner)
""",
    ),
    Cell("let it fail", "await asyncio.sleep(1)"),
    Cell("live_info of a failed run", "runner.live_info()"),
    Cell("live_plot of a failed run", "runner.live_plot()"),
    Cell("the task is over", "assert runner.task.done()"),
    Cell("its result raises", "runner.task.result()", raises="no value here"),
    Cell(
        "the tracebacks by point",
        """
for point, text in runner.tracebacks:
    print(f"point: {point}:\\n {text}")
    assert abs(point) == 0.5 and "no value here" in text
assert runner.tracebacks and runner.status() == "failed"
""",
    ),
    Cell(
        "a run that keeps a log",
        """
learner = adaptive.Learner1D(hill, bounds=(-1, 1))
runner = adaptive.Runner(learner, loss_goal=0.05, log=True)
""",
    ),
    Cell("wait for it", "await runner.task"),
    Cell("live_info of it", "runner.live_info()"),
    Cell(
        "the log replayed on a fresh learner",
        """
rebuilt = adaptive.Learner1D(hill, bounds=learner.bounds)
adaptive.runner.replay_log(rebuilt, runner.log)
assert rebuilt.data == learner.data
""",
    ),
    Cell(
        "one plot over the other, an element of it with options",
        "learner.plot().Scatter.I.opts(size=6) * rebuilt.plot()",
    ),
    Cell(
        "a coroutine of the user's beside the run",
        """
async def stopwatch(runner):
    begin = time.perf_counter()
    await runner.task
    return time.perf_counter() - begin

ioloop = asyncio.get_event_loop()
learner = adaptive.Learner1D(hill, bounds=(-1, 1))
runner = adaptive.Runner(learner, loss_goal=0.05)
timer = ioloop.create_task(stopwatch(runner))
""",
    ),
    Cell("wait for the run", "await runner.task"),
    Cell("the coroutine's result", "await asyncio.sleep(0)\nassert 0 < timer.result() < 60\nrunner.elapsed_time()"),
    Cell(
        "a slow part that repeats and a fast part that does not",
        """
def whole(n):
    return n**2

def rest(x):
    return x**3

def both(x):
    return (whole(int(x)) + rest(x % 1)) ** 2
""",
    ),
    Cell(
        "daskify: with a cache, without, and as a decorator; AsyncRunner of a coroutine function",
        """
from dask.distributed import Client

client = await Client(asynchronous=True, processes=False, dashboard_address="127.0.0.1:0")
whole_dask = adaptive.utils.daskify(client, cache=True)(whole)
rest_dask = adaptive.utils.daskify(client)(rest)

@adaptive.utils.daskify(client, cache=True)
def decorated(n):
    return n**2

async def both_parallel(x):
    return (await whole_dask(int(x)) + await rest_dask(x % 1)) ** 2

learner = adaptive.Learner1D(both_parallel, bounds=(-1.5, 1.5))
runner = adaptive.AsyncRunner(learner, loss_goal=0.3, ntasks=5)
runner.live_info()
""",
    ),
    Cell(
        "wait and plot",
        """
await runner.task
assert await decorated(3) == 9
assert learner.data[0.0] == both(0.0)
learner.plot()
""",
    ),
    Cell(
        "the same by hand: dask.delayed",
        """
from dask import delayed

whole_later, rest_later = delayed(whole), delayed(rest)

@delayed
def join(a, b):
    return (a + b) ** 2
""",
    ),
    Cell(
        "futures of the slow part shared between evaluations",
        """
shared = {}

async def by_hand(x):
    if (future := shared.get(int(x))) is None:
        shared[int(x)] = future = client.compute(whole_later(int(x)))
    return await client.compute(join(future, rest_later(x % 1)))
""",
    ),
    Cell(
        "AsyncRunner of it, without an executor",
        """
learner = adaptive.Learner1D(by_hand, bounds=(-1.5, 1.5))
runner = adaptive.AsyncRunner(learner, loss_goal=0.3, ntasks=5)
""",
    ),
    Cell(
        "wait and plot it",
        "await runner.task\nassert learner.loss() <= 0.3\nawait client.close()\nlearner.plot()",
    ),
    Cell(
        "BlockingRunner as in a script, the executor named by the user",
        """
with ProcessPoolExecutor(1) as pool:
    learner = adaptive.Learner1D(abs, (-1, 1))
    adaptive.BlockingRunner(learner, loss_goal=0.5, executor=pool)
assert learner.loss() <= 0.5
""",
    ),
    Cell(
        "a run awaited within the user's coroutine",
        """
async def main():
    learner = adaptive.Learner1D(hill, (-1, 1))
    runner = adaptive.Runner(learner, loss_goal=0.1)
    await runner.task
    return learner.loss()

assert await main() <= 0.1
""",
    ),
]


def run(package: str, folder: Path) -> None:
    """Run all cells in a kernel; the first one that does otherwise than it should ends it."""
    notebook = nbformat.v4.new_notebook()
    first = nbformat.v4.new_code_cell(f"import {package} as adaptive")
    notebook.cells = [first] + [nbformat.v4.new_code_cell(c.code.replace("{package}", package)) for c in CELLS]
    client = NotebookClient(
        notebook, timeout=120, kernel_name="python3", allow_errors=True, resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    for cell, done in zip(CELLS, notebook.cells[1:], strict=True):
        errors = [f"{o.ename}: {o.evalue}" for o in done.outputs if o.output_type == "error"]
        if cell.raises:
            assert errors, f"{cell.shows}: should raise"
            assert cell.raises in errors[0], f"{cell.shows}: {errors[0]}"
        else:
            assert not errors, f"{cell.shows}: {errors[0]}"
        if cell.shows.startswith(("live_info", "live_plot", "a live plot")):
            assert any("data" in output for output in done.outputs), f"{cell.shows}: nothing is shown"


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:Proactor event loop")
@pytest.mark.slow
def test_every_cell_works_with_only_the_package_name_changed(tmp_path: Path) -> None:
    """What the tutorial does with its package can be done with ours, in the same words."""
    run("adaptive_calib", tmp_path)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:Proactor event loop")
def test_the_cells_are_those_of_python_adaptive(tmp_path: Path) -> None:
    """The same cells run with python-adaptive itself: none of them uses a name that only we have."""
    run("adaptive", tmp_path)
