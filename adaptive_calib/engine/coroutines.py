"""Evaluations by ``async def`` functions: thousands of them on the running event loop, and no executor."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial
from math import inf
from typing import Any

from adaptive_calib.engine.capture import captured
from adaptive_calib.engine.evaluate import Report, Work, here, may_be_of_a_signal
from adaptive_calib.engine.executor_protocol import Evaluate, Handle
from adaptive_calib.engine.limit import TimeLimitError

__all__ = ["CoroutineCancelledError", "Coroutines"]


class CoroutineCancelledError(RuntimeError):
    """The function of a point raised ``asyncio.CancelledError``, although nothing had cancelled its evaluation."""


class _Coroutine:
    """The handle of a coroutine on the loop. It counts as begun as soon as it exists, so it cannot be withdrawn.

    It calls back from within, at its end: a callback of the task needs two more turns of the loop. The task's own
    callback is for a task that is cancelled before its first step.
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
            self._call_back(over)

    def never_began(self, over: Callable[[Any], None], task: asyncio.Task[None]) -> None:
        """Call back if the task ended without its first step."""
        if not self.done():
            self._error = asyncio.CancelledError("the evaluation was cancelled before it began")
            self._call_back(over)
        elif not task.cancelled():
            task.exception()  # `result` raises it: asyncio need not report it as one that nobody has seen

    def _call_back(self, over: Callable[[Any], None]) -> None:
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
    """Evaluates ``async def`` functions on the running loop, at most `ntasks` at the same time.

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
        return partial(_await, work)

    def submit(self, evaluate: Evaluate, points: Sequence[Any], *, alone: bool = False) -> Handle:
        """Start a task on the running loop."""
        handle = _Coroutine()
        assert self._loop is not None
        handle.task = self._loop.create_task(handle.run(evaluate, points, self._handles.discard))
        handle.task.add_done_callback(partial(handle.never_began, self._handles.discard))
        self._handles.add(handle)
        return handle

    def renew(self) -> bool:
        """Return False: there is no pool that could break."""
        return False

    def close(self, *, abandon: bool = False) -> None:
        """Cancel the evaluations that an abandoned run has left."""
        for handle in self._handles:
            if handle.task is not None:
                handle.task.cancel()


async def _await(work: Work, points: Sequence[Any]) -> list[Report]:
    """Evaluate points by a coroutine function, within its time limit and with its output captured."""
    plain = work.capture in (None, "failures") and work.timeout is None
    reports = []
    for point in points:
        started, begin = time.time(), time.perf_counter()
        try:
            if plain:
                report = Report(await work.function(point), None, "", started, time.perf_counter() - begin, *here())
            else:
                report = await _guarded(work, point, started, begin)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            report = work.failed(_explained(error), started, time.perf_counter() - begin)
        except BaseException as error:
            if isinstance(error, GeneratorExit) or may_be_of_a_signal(error, work.home):
                raise
            report = work.failed(error, started, time.perf_counter() - begin)
        reports.append(report)
    return reports


async def _guarded(work: Work, point: Any, started: float, begin: float) -> Report:
    with captured(None if work.capture == "failures" else work.capture) as sink:
        value = await _within(work.timeout, work.function(point))
    return Report(value, None, "", started, time.perf_counter() - begin, *here(), *sink.texts)


def _explained(cancelled: asyncio.CancelledError) -> CoroutineCancelledError:
    error = CoroutineCancelledError(
        f"the function raised {cancelled!r}: a task that it awaited was cancelled, not the evaluation itself."
    )
    error.__cause__ = cancelled
    return error.with_traceback(cancelled.__traceback__)


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
