"""Evaluates points in a worker: catches every error and reports in plain data.

A `Work` is the user's function with the settings of the run. Called with some points it returns one `Report` for each:
an exception, an unpicklable result or a time limit fails its own point and nothing else.
"""

from __future__ import annotations

import os
import pickle
import socket
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from types import CoroutineType, TracebackType
from typing import Any, NamedTuple

import cloudpickle

from adaptive_calib.engine.capture import NOTHING, Record, Sink, captured, captured_with, overheard
from adaptive_calib.engine.limit import time_limit

__all__ = [
    "RemoteError",
    "Report",
    "UnpicklableResultError",
    "Work",
    "WorkerDiedError",
    "here",
    "may_be_of_a_signal",
    "refuse_coroutine",
    "text_of",
]


class RemoteError(RuntimeError):
    """Stands for an exception that cannot be shown, or sent back from the worker: its type and text."""


class UnpicklableResultError(TypeError):
    """The function returned something that cannot be sent back from the worker."""


class WorkerDiedError(RuntimeError):
    """The worker process died while it evaluated the point."""


class Report(NamedTuple):
    """Report of a worker on one point.

    Attributes
    ----------
    value
        The value that the function returned; its pickle if `pickled`.
    error : Exception or None
        The exception that it raised; None if it returned.
    traceback : str
        Its traceback; "" if it returned.
    started, seconds : float
        When it began, in seconds since the epoch, and how long it took, by the worker's clock.
    host, pid : str, int
        Where it ran; "" and 0 if no worker has answered.
    stdout, stderr, logs : str
        What was captured.
    pickled : bool
        Whether `value` is a pickle.
    records : tuple of Record
        Log records that the receiver of the report emits again.

    Examples
    --------
    >>> from adaptive_calib.engine.evaluate import Work
    >>> Work(abs)([-1.0])[0].value
    1.0
    """

    value: Any = None
    error: BaseException | None = None
    traceback: str = ""
    started: float = 0.0
    seconds: float = 0.0
    host: str = ""
    pid: int = 0
    stdout: str = ""
    stderr: str = ""
    logs: str = ""
    pickled: bool = False
    records: tuple[Record, ...] = ()

    def __reduce__(self) -> tuple[type[Report], tuple[Any, ...]]:
        """Pickle by the constructor, without the defaults at the end."""
        if self.records:
            return Report, tuple(self)
        return Report, self[:11] if self.pickled or self[7:10] != NOTHING else self[:7]


@dataclass(frozen=True)
class Work:
    """The user's function and how it is to be called.

    Attributes
    ----------
    function : callable
        ``function(point) -> value``, or with `batch` ``function(points) -> values``.
    batch : bool
        Whether the function takes a list of points; it returns one value per point in the same order.
    pickled : bool
        Whether values are pickled here, one by one, so that one that cannot be fails its own point only.
    timeout : float or None
        Seconds that one call may take. It is enforced where a signal can interrupt the call: in the main thread of a
        process, on Unix, while Python code runs.
    capture : None, "failures", "std" or "fd"
        The output to keep: none; the end of what Python prints and logs, if the evaluation fails in another process;
        all of that; or everything that reaches the file descriptors 1 and 2.
    home : int
        The process of the run. In its main thread KeyboardInterrupt and SystemExit may come from a signal and end the
        run; elsewhere they are failures of the point.

    Examples
    --------
    >>> from adaptive_calib.engine.evaluate import Work
    >>> reports = Work(lambda x: 1 / x)([2.0, 0.0])
    >>> reports[0].value, type(reports[1].error).__name__
    (0.5, 'ZeroDivisionError')
    """

    function: Callable[[Any], Any]
    batch: bool = False
    pickled: bool = False
    timeout: float | None = None
    capture: str | None = None
    home: int = field(default_factory=os.getpid, compare=False)

    def __call__(self, points: Sequence[Any]) -> list[Report]:
        """Evaluate `points` one after the other, or by one call with `batch`."""
        if not points:
            return []
        if self.capture != "failures" or not self.pickled:  # in this process the output is visible anyway
            return self._all_at_once(points) if self.batch else [self.evaluate(point) for point in points]
        with overheard() as sink:
            if self.batch:
                first, *rest = (_with_end(sink, report) for report in self._all_at_once(points))
                return [first, *(report._replace(records=()) for report in rest)]
            return [self._overheard(point, sink) for point in points]

    def _overheard(self, point: Any, sink: Sink) -> Report:
        """Evaluate one point, whose output passes by `sink`."""
        report = self.evaluate(point)
        if sink.written:
            report = _with_end(sink, report)
            sink.clear()
        return report

    def evaluate(self, point: Any) -> Report:
        """Evaluate one point."""
        started, begin = time.time(), time.perf_counter()
        sink: Sink | None = None
        try:
            if self.timeout is None and self.capture in (None, "failures"):
                value = self.function(point)
            else:
                value, sink = self._guarded(point)
            if isinstance(value, CoroutineType):
                refuse_coroutine(value)
        except BaseException as error:
            if may_be_of_a_signal(error, self.home):
                raise
            return self.failed(error, started, time.perf_counter() - begin)
        seconds = time.perf_counter() - begin
        if not self.pickled:
            report = Report(value, None, "", started, seconds, _HOST, os.getpid())
            return report if sink is None else _with_texts(report, sink)
        texts = NOTHING if sink is None else sink.texts
        report = self._pickled(value, started, seconds, texts)
        return report if sink is None or not sink.records else report._replace(records=tuple(sink.records))

    def failed(self, error: BaseException, started: float, seconds: float) -> Report:
        """Return the report of an evaluation that raised `error`."""
        error.__traceback__ = _users_frames(error)
        sink = captured_with(error)
        report = Report(
            None, _portable(error, pickled=self.pickled), text_of(error), started, seconds, *here(), *sink.texts
        )
        return report._replace(records=tuple(sink.records)) if sink.records else report

    def _pickled(self, value: Any, started: float, seconds: float, output: tuple[str, str, str]) -> Report:
        try:
            data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        except Exception:  # noqa: BLE001 - pickling runs the value's own code, which may raise anything
            try:
                data = cloudpickle.dumps(value)  # classes and functions of a notebook
            except Exception as error:  # noqa: BLE001 - as above
                what = UnpicklableResultError(
                    f"the function should return something that can be pickled, to be sent back from the worker, but "
                    f"returned a {type(value).__qualname__} that cannot: {error!r}. Return plain data (numbers, "
                    "arrays, dicts), or use an executor of this process (SequentialExecutor, ThreadPoolExecutor)."
                )
                return Report(None, what, text_of(error), started, seconds, *here(), *output)
        return Report(data, None, "", started, seconds, *here(), *output, pickled=True)

    def _guarded(self, point: Any) -> tuple[Any, Sink]:
        """Call the function within its time limit and with its output captured."""
        with captured(None if self.capture == "failures" else self.capture) as sink, time_limit(self.timeout):
            value = self.function(point)
        return value, sink

    def _all_at_once(self, points: Sequence[Any]) -> list[Report]:
        """Call a function of many points; an error, or a wrong number of values, fails each of them."""
        whole = replace(self, batch=False, pickled=False).evaluate(list(points))
        error, values = whole.error, whole.value
        if error is None:
            try:
                values = list(values)
            except Exception as not_many:  # noqa: BLE001 - an iterator may run the user's code
                error = not_many
            else:
                if len(values) != len(points):
                    error = ValueError(
                        f"a function with batch=True should return one value for each of its {len(points)} points, "
                        f"but returned {len(values)}."
                    )
        if error is not None:
            failed = whole._replace(
                value=None, error=_portable(error, pickled=self.pickled), traceback=whole.traceback or text_of(error)
            )
            return [failed] * len(points)
        seconds = whole.seconds / len(points)
        output = (whole.stdout, whole.stderr, whole.logs)
        if self.pickled:
            return [self._pickled(value, whole.started, seconds, output) for value in values]
        return [whole._replace(value=value, seconds=seconds) for value in values]


def _portable(error: BaseException, *, pickled: bool) -> BaseException:
    """Return an error, or what stands for it if it cannot be shown or, with `pickled`, does not survive pickling."""
    try:
        f"{error!r} {error}"  # raises if it cannot be
        if pickled:
            pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001 - an exception's own methods may raise anything
        return RemoteError("".join(traceback.format_exception_only(error)).strip())
    return error


def may_be_of_a_signal(error: BaseException, home: int) -> bool:
    """Whether an error of the function may be what a handler of signals raised, so that it ends the run in `home`.

    Examples
    --------
    >>> import os
    >>> from adaptive_calib.engine.evaluate import may_be_of_a_signal
    >>> may_be_of_a_signal(ZeroDivisionError(), home=os.getpid())
    False
    """
    here = os.getpid() == home and threading.current_thread() is threading.main_thread()
    return here and isinstance(error, (KeyboardInterrupt, SystemExit))


def refuse_coroutine(value: CoroutineType[Any, Any, Any]) -> None:
    """Raise the error of a function that returned a coroutine where nothing awaits it.

    Raises
    ------
    TypeError
        Always; it says what to do.

    Examples
    --------
    >>> from adaptive_calib.engine.evaluate import refuse_coroutine
    >>> async def function(x):
    ...     return x
    >>> refuse_coroutine(function(1.0))
    Traceback (most recent call last):
        ...
    TypeError: the function returned a coroutine, which nothing awaits here. Give the learner the `async def` function \
itself and run it by Runner; or a function that returns the value, for instance by asyncio.run.
    """
    value.close()
    raise TypeError(
        "the function returned a coroutine, which nothing awaits here. Give the learner the `async def` function "
        "itself and run it by Runner; or a function that returns the value, for instance by asyncio.run."
    )


def _with_texts(report: Report, sink: Sink) -> Report:
    stdout, stderr, logs = sink.texts
    return report._replace(stdout=stdout, stderr=stderr, logs=logs)


def _with_end(sink: Sink, report: Report) -> Report:
    """Return the report with the log records, and, of a failure, with the end of its output."""
    records = tuple(sink.records)
    if report.error is None:
        return report._replace(records=records) if records else report
    return _with_texts(report, sink)._replace(records=records)


def text_of(error: BaseException) -> str:
    """Return the traceback without the frames of this module, which do not concern the user.

    Examples
    --------
    >>> from adaptive_calib.engine.evaluate import text_of
    >>> try:
    ...     1 / 0
    ... except ZeroDivisionError as error:
    ...     print(text_of(error).splitlines()[-1])
    ZeroDivisionError: division by zero
    """
    return "".join(traceback.format_exception(type(error), error, _users_frames(error)))


def _users_frames(error: BaseException) -> TracebackType | None:
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
        frames = frames.tb_next
    return frames or error.__traceback__


_HOST = socket.gethostname()


def here() -> tuple[str, int]:
    """Return the name of this host and the number of this process (which a fork changes).

    Examples
    --------
    >>> import os
    >>> from adaptive_calib.engine.evaluate import here
    >>> here()[1] == os.getpid()
    True
    """
    return _HOST, os.getpid()
