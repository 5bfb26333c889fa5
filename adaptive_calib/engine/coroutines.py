"""Evaluations by ``async def`` functions: thousands of them on the running event loop, and no executor."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable, Sequence
from math import inf
from typing import Any

from adaptive_calib.engine.capture import NOTHING, captured, captured_with
from adaptive_calib.engine.evaluate import Report, Work, here, text_of
from adaptive_calib.engine.executor_protocol import Evaluate, Handle
from adaptive_calib.engine.limit import TimeLimitError

__all__ = ["Coroutines"]


class _Coroutine:
    """The handle of a coroutine on the loop. It has begun as soon as it is there, so it cannot be taken back.

    It calls back from within, at its end: the loop would need two more turns for a callback of the task's own.
    """

    __slots__ = ("_callback", "_error", "_reports", "task")

    def __init__(self) -> None:
        self.task: asyncio.Task[None] | None = None
        self._callback: Callable[[Any], None] | None = None
        self._reports: list[Report] | None = None
        self._error: BaseException | None = None

    async def run(self, evaluate: Evaluate, points: Sequence[Any], over: Callable[[Any], None]) -> None:
        """Evaluate the points and call back."""
        try:
            self._reports = await evaluate(points)
        except BaseException as error:  # a cancellation, on its way to the loop
            self._error = error
            raise
        finally:
            over(self)
            if self._callback is not None:
                self._callback(self)

    def add_done_callback(self, callback: Callable[[Any], None], /) -> None:
        if self.done():
            callback(self)
        else:
            self._callback = callback

    def done(self) -> bool:
        return self._reports is not None or self._error is not None

    def cancel(self) -> bool:
        return False

    def result(self) -> list[Report]:
        if self._reports is None:
            raise self._error or RuntimeError("the coroutine is not over.")
        return self._reports


class Coroutines:
    """Evaluates ``async def`` functions on the running loop, at most `ntasks` at once.

    Examples
    --------
    >>> from adaptive_calib.engine.coroutines import Coroutines
    >>> Coroutines(1000).capacity
    1000
    """

    timeouts = True
    own_process = False
    pickles = False
    shared = False
    latency = 0.0
    poll = inf

    def __init__(self, ntasks: int) -> None:
        self.capacity = ntasks
        self._handles: set[_Coroutine] = set()  # the loop itself holds tasks weakly
        self._loop: asyncio.AbstractEventLoop | None = None

    def ship(self, work: Work) -> Evaluate:
        """Return a coroutine function that evaluates points."""
        self._loop = asyncio.get_running_loop()

        plain = work.capture in (None, "failures") and work.timeout is None

        async def one_by_one(points: Sequence[Any]) -> list[Report]:
            return [await _await(work, point) for point in points]

        return functools.partial(_await_plainly, work.function) if plain else one_by_one

    def submit(self, evaluate: Evaluate, points: Sequence[Any], *, alone: bool = False) -> Handle:
        """Start a task on the running loop."""
        handle = _Coroutine()
        assert self._loop is not None
        handle.task = self._loop.create_task(handle.run(evaluate, points, self._handles.discard))
        self._handles.add(handle)
        return handle

    def renew(self) -> bool:
        """Nothing breaks here."""
        return False

    def close(self, *, abandon: bool = False) -> None:
        """Cancel what still runs; there is nothing unless the run was abandoned."""
        for handle in self._handles:
            if handle.task is not None:
                handle.task.cancel()


async def _await_plainly(function: Callable[[Any], Any], points: Sequence[Any]) -> list[Report]:
    """Evaluate points by a coroutine function; the short way, for thousands of them at once."""
    reports = []
    for point in points:
        started, begin = time.time(), time.perf_counter()
        try:
            value = await function(point)
        except Exception as error:  # noqa: BLE001 - any error of the user's function is an outcome of its point
            seconds = time.perf_counter() - begin
            reports.append(Report(None, error, text_of(error), started, seconds, *here()))
        else:
            reports.append(Report(value, None, "", started, time.perf_counter() - begin, *here()))
    return reports


async def _await(work: Work, point: Any) -> Report:
    """Evaluate one point by a coroutine function, within its time limit and with its output captured."""
    started, begin = time.time(), time.perf_counter()
    texts = NOTHING
    try:
        with captured(None if work.capture == "failures" else work.capture) as output:
            value = await _within(work.timeout, work.function(point))
        texts = output.texts
    except asyncio.CancelledError:
        raise
    except Exception as error:  # noqa: BLE001 - any error of the user's function is an outcome of its point
        seconds = time.perf_counter() - begin
        return Report(None, error, text_of(error), started, seconds, *here(), *captured_with(error).texts)
    return Report(value, None, "", started, time.perf_counter() - begin, *here(), *texts)


async def _within(seconds: float | None, awaitable: Any) -> Any:
    if seconds is None:
        return await awaitable
    try:
        async with asyncio.timeout(seconds) as limit:
            return await awaitable
    except TimeoutError:
        if limit.expired():
            raise TimeLimitError(f"the evaluation took longer than {seconds:g} s.") from None
        raise
