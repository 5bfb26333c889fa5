"""What a run costs beside the function, as ratios measured within one process; the best of some repetitions counts."""

from __future__ import annotations

import asyncio
import time
from collections import deque

import pytest

from adaptive_calib.engine.evaluate import Work
from adaptive_calib.engine.goals import Points
from adaptive_calib.engine.machine import RunMachine
from adaptive_calib.engine.session import Session
from adaptive_calib.learner.sequence_learner import SequenceLearner
from adaptive_calib.runner import AsyncRunner
from adaptive_calib.testing.executors import ManualExecutor


class Queue(ManualExecutor):
    """A manual executor that finds its oldest task at once."""

    def __init__(self, capacity):
        super().__init__(capacity)
        self.tasks = deque()


def seconds_per_completion(out, completions=1500):
    learner = SequenceLearner(abs, range(out + completions + 10))
    executor = Queue(out)
    session = Session(RunMachine(learner, Points(10**9)), executor, Work(learner.function))
    session.start()
    begin = time.perf_counter()
    for _ in range(completions):
        executor.tasks.popleft().finish()
        session.step()
    return (time.perf_counter() - begin) / completions


@pytest.mark.slow
def test_a_completion_costs_the_same_with_many_tasks_out():
    """With 4096 tasks out it costs at most 1.3 times what it costs with 8."""
    pairs = [(seconds_per_completion(8), seconds_per_completion(4096)) for _ in range(9)]
    few, many = (min(pair[i] for pair in pairs) for i in (0, 1))
    print(f"\nper completion: {1e6 * few:.1f} us with 8 out, {1e6 * many:.1f} us with 4096 out, ratio {many / few:.2f}")
    assert many <= 1.3 * few


async def ten_milliseconds(x):
    await asyncio.sleep(0.01)
    return x


async def bare(total, at_once):
    """Do the same with nothing but asyncio: a semaphore and gather."""
    places = asyncio.Semaphore(at_once)

    async def one(x):
        async with places:
            return await ten_milliseconds(x)

    begin = time.perf_counter()
    results = await asyncio.gather(*(one(x) for x in range(total)))
    assert len(results) == total
    return time.perf_counter() - begin


async def run(total, at_once):
    learner = SequenceLearner(ten_milliseconds, range(total))
    begin = time.perf_counter()
    await AsyncRunner(learner, ntasks=at_once).task
    assert learner.npoints == total
    return time.perf_counter() - begin


@pytest.mark.slow
def test_coroutines_run_nearly_as_fast_as_bare_asyncio():
    """5000 coroutines of 10 ms, 1000 at a time: within 1.5 times of asyncio.gather behind a semaphore."""
    pairs = [(asyncio.run(bare(5000, 1000)), asyncio.run(run(5000, 1000))) for _ in range(7)]
    ratios = sorted(ours / asyncio_ for asyncio_, ours in pairs)
    print(f"\n5000 coroutines against bare asyncio: ratios {ratios[0]:.2f} to {ratios[-1]:.2f}, median {ratios[3]:.2f}")
    assert ratios[0] <= 1.5


@pytest.mark.slow
def test_large_context_travels_once():
    """50 MB in the function cost less than a millisecond a point more than a function without."""
    from concurrent.futures import ProcessPoolExecutor

    from adaptive_calib.runner import BlockingRunner

    data = bytes(50_000_000)

    def per_point(function, points=1500):
        learner = SequenceLearner(function, range(points))
        with ProcessPoolExecutor(2) as pool:
            BlockingRunner(SequenceLearner(function, range(10)), executor=pool)  # the workers have loaded it
            begin = time.perf_counter()
            BlockingRunner(learner, executor=pool)
            return (time.perf_counter() - begin) / points

    small, large = per_point(lambda x: x), per_point(lambda x: len(data) + x)
    print(f"\nper point: {1e3 * small:.2f} ms without, {1e3 * large:.2f} ms with 50 MB of data (shipping it included)")
    assert large - small < 1e-3
