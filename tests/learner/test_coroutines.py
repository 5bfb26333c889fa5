"""Coroutine functions are recognised through whatever is around them, and learned by every learner."""

from __future__ import annotations

import asyncio
from functools import partial, wraps

import pytest

from adaptive_calib import AsyncRunner, BalancingLearner, DataSaver, Learner1D, SequenceLearner
from adaptive_calib.learner.coroutines import is_coroutine_function
from adaptive_calib.store import Evaluation, MemoryStore


async def work(x, y=0.0):
    await asyncio.sleep(0)
    return x + y


async def with_config(x, *, ctx, rng):
    await asyncio.sleep(0)
    return {"y": x + ctx.config["shift"], "noise": rng.normal()}


class Object:
    async def __call__(self, x):
        return x


class Plain:
    def __call__(self, x):
        return x


@wraps(work)
def decorated(*args, **kwargs):
    return work(*args, **kwargs)


EVALUATION = Evaluation(with_config, name="noisy", config={"shift": 2.0}, seed=1)


@pytest.mark.parametrize(
    "function",
    [
        work,
        partial(partial(work, y=1.0)),
        Object(),
        partial(Object()),
        decorated,
        Evaluation(work),
        EVALUATION,
        partial(EVALUATION),
        SequenceLearner(work, [1]).function,
        SequenceLearner(EVALUATION, [1]).function,
        BalancingLearner([Learner1D(EVALUATION, (0, 1))]).function,
        DataSaver(Learner1D(EVALUATION, (0, 1)), abs).function,
        DataSaver(Learner1D(EVALUATION, (0, 1)), abs),
    ],
)
def test_seen_through_wrappers(function):
    """Partials, decorators, objects, evaluations, learners."""
    assert is_coroutine_function(function)


@pytest.mark.parametrize(
    "function", [abs, partial(abs), Plain(), lambda x: x, Evaluation(abs), Evaluation(Plain(), name="a")]
)
def test_plain_functions_are_none(function):
    """Nor are their wrappers."""
    assert not is_coroutine_function(function)


def run(learner, **arguments):
    async def main():
        runner = AsyncRunner(learner, **arguments)
        await runner.task
        return runner

    return asyncio.run(main())


def learners(function):
    return {
        "curve": lambda: DataSaver(Learner1D(function, (0, 1)), lambda result: result["y"]),
        "sequence": lambda: SequenceLearner(function, [0.0, 0.5, 0.7, 1.0]),
        "balanced": lambda: BalancingLearner([SequenceLearner(function, [0.0, 0.5]), SequenceLearner(function, [0.7])]),
    }


@pytest.mark.parametrize("kind", ["curve", "sequence", "balanced"])
def test_a_coroutine_evaluation_through_a_store(kind):
    """Its results are recorded, and a second run evaluates nothing."""
    store = MemoryStore()
    make = learners(EVALUATION)[kind]
    goal = {"npoints_goal": 7} if kind == "curve" else {}
    first, second = make(), make()
    assert run(first, store=store, **goal).progress.told > 0
    again = run(second, store=store, **goal)
    assert again.progress.told == 0
    assert second.data == first.data
    values = first.extra_data if kind == "curve" else first.data
    assert all(set(value) == {"y", "noise"} for value in values.values())
