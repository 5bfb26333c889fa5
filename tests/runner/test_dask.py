"""daskify, with a client that computes here."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from adaptive_calib.runner import AsyncRunner
from adaptive_calib.runner.dask import daskify
from tests.engine.doubles import Counting


class Client:
    """Computes at once and counts."""

    def __init__(self):
        self.calls = []

    def submit(self, function, *args, pure):
        self.calls.append(args)
        future = asyncio.get_running_loop().create_future()
        try:
            future.set_result(function(*args))
            future.status = "finished"
        except ValueError as error:
            future.set_exception(error)
            future.status = "error"
        return future


class Future(asyncio.Future):
    status = "pending"


@pytest.fixture
def client(monkeypatch):
    monkeypatch.setattr(asyncio.BaseEventLoop, "create_future", lambda loop: Future(loop=loop))
    return Client()


def test_a_daskified_function_is_a_coroutine_function(client):
    """It runs under an AsyncRunner without an executor."""
    double = daskify(client)(lambda x: 2 * x)
    learner = Counting(5, double)

    async def main():
        await AsyncRunner(learner, npoints_goal=5, ntasks=2).task

    asyncio.run(main())
    assert learner.data == {x: 2 * x for x in range(5)}
    assert double.cache is None


def test_equal_arguments_share_a_computation(client):
    """Equal in type and content: nothing else shares a key."""
    large, other = np.zeros(5000), np.zeros(5000)
    other[2500] = 1.0
    count = daskify(client, cache=True)(lambda *args: len(client.calls))

    async def main():
        for args in [("a_b", "c"), ("a", "b_c"), (1,), ("1",), (1.0,), (large,), (other,)]:
            await count(*args)
            await count(*args)

    asyncio.run(main())
    assert len(client.calls) == len(count.cache) == 7


def test_failures_leave_the_cache(client):
    """The next call tries again."""

    def fail(x):
        raise ValueError(x)

    failing = daskify(client, cache=True)(fail)

    async def main():
        for _ in range(2):
            with pytest.raises(ValueError, match="1"):
                await failing(1)

    asyncio.run(main())
    assert len(client.calls) == 2
    assert failing.cache == {}
