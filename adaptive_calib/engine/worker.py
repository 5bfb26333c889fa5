"""What happens in a worker: evaluate points, catch everything, and report in plain data.

A `Work` is the user's function with the settings of the run. Called with some points it returns one `Report` for each,
whatever happens: an exception, an unpicklable result or a time limit fails its own point and nothing else.

A function may carry 50 MB of data, so it travels once: the driver writes it to a private temporary file named by its
digest (or keeps it in the message, if it is small) and sends a `Shipment`, a token, with each task. The worker loads it
on first use into `_LOADED`. This dict has to live in an importable module: what an initialiser puts into ``__main__``
is overwritten when the next task is unpickled.
"""

from __future__ import annotations

import os
import pickle
import signal
import socket
import tempfile
import threading
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from multiprocessing import parent_process
from pathlib import Path
from typing import Any, NamedTuple

import cloudpickle

from adaptive_calib.engine.capture import NOTHING, Output, Record, Sink, captured, captured_with, overheard

__all__ = [
    "LoadingError",
    "RemoteError",
    "Report",
    "Shipment",
    "TimeLimitError",
    "UnpicklableResultError",
    "Work",
    "WorkerDiedError",
    "can_interrupt",
    "check_travel",
    "here",
    "pack",
    "text_of",
]


class TimeLimitError(TimeoutError):
    """An evaluation took longer than the `timeout` of its run."""


class RemoteError(RuntimeError):
    """Stands for an exception of a worker that cannot be pickled: its type and text."""


class UnpicklableResultError(TypeError):
    """The function returned something that cannot be sent back from the worker."""


class LoadingError(RuntimeError):
    """The function arrived in a worker, but cannot be loaded there: no point's fault."""


class WorkerDiedError(RuntimeError):
    """The worker process died while it evaluated the point."""


_NO_OUTPUT = Output()


class Report(NamedTuple):
    """What a worker says of one point.

    Attributes
    ----------
    value
        What the function returned; bytes to be unpickled if `pickled` says so.
    error : Exception or None
        What it raised; None if the evaluation went well.
    traceback : str
        Its traceback; "" if it went well.
    started, seconds : float
        When it began, in seconds since the epoch, and how long it took, by the worker's clock.
    host, pid : str, int
        Where it ran; "" and 0 if no worker has answered.
    stdout, stderr, logs : str
        What was captured.
    pickled : bool
        Whether `value` is a pickle.
    records : tuple of Record
        Log records that are to be emitted again by who receives the report.

    Examples
    --------
    >>> from adaptive_calib.engine.worker import Work
    >>> Work(abs)([-1.0])[0].value
    1.0
    """

    value: Any
    error: BaseException | None
    traceback: str
    started: float
    seconds: float
    host: str = ""
    pid: int = 0
    stdout: str = ""
    stderr: str = ""
    logs: str = ""
    pickled: bool = False
    records: tuple[Record, ...] = ()

    def __reduce__(self) -> tuple[type[Report], tuple[Any, ...]]:
        """Pickle by the constructor, without the defaults."""
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
        Whether the function takes many points at once; it returns as many values in the same order.
    pickled : bool
        Whether values are pickled here, one by one, so that one that cannot be fails its own point only.
    timeout : float or None
        Seconds that one call may take. It is enforced where a signal can interrupt the call: in the main thread of a
        process, on Unix, while Python code runs.
    capture : None, "failures", "std" or "fd"
        What to keep of the output: nothing; the end of what Python prints and logs, if the evaluation fails in another
        process; all of it; or all that reaches the file descriptors 1 and 2.

    Examples
    --------
    >>> from adaptive_calib.engine.worker import Work
    >>> reports = Work(lambda x: 1 / x)([2.0, 0.0])
    >>> reports[0].value, type(reports[1].error).__name__
    (0.5, 'ZeroDivisionError')
    """

    function: Callable[[Any], Any]
    batch: bool = False
    pickled: bool = False
    timeout: float | None = None
    capture: str | None = None

    @property
    def bare(self) -> bool:
        """Whether a point's evaluation is a call of the function and nothing else."""
        guarded = self.timeout is not None or self.capture not in (None, "failures")
        return not (guarded or self.batch or self.pickled)

    def __call__(self, points: Sequence[Any]) -> list[Report]:
        """Evaluate `points` one after the other, or all at once with `batch`."""
        if self.capture != "failures":
            return self._reports(points)
        if not self.pickled:  # here everybody sees what is written
            return self._reports(points)
        with overheard() as sink:
            if self.batch:
                first, *rest = (_with_end(sink, report) for report in self._reports(points))
                return [first, *(report._replace(records=()) for report in rest)]
            return [self._overheard(point, sink) for point in points]

    def _reports(self, points: Sequence[Any]) -> list[Report]:
        if self.batch:
            return self._all_at_once(points)
        return [self.evaluate(point) for point in points]

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
        output = _NO_OUTPUT
        try:
            if self.timeout is None and self.capture in (None, "failures"):
                value = self.function(point)
            else:
                value, output = self._guarded(point)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - any error of the user's function is an outcome of its point
            return self.failed(error, started, time.perf_counter() - begin)
        seconds = time.perf_counter() - begin
        if not self.pickled:
            return Report(value, None, "", started, seconds, *here(), *output.texts)
        report = self._pickled(value, started, seconds, output.texts)
        return report._replace(records=output.records) if output.records else report

    def failed(self, error: BaseException, started: float, seconds: float) -> Report:
        """Return the report of an evaluation that raised `error`."""
        output = captured_with(error)
        report = Report(None, self._portable(error), text_of(error), started, seconds, *here(), *output.texts)
        return report._replace(records=output.records) if output.records else report

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

    def _guarded(self, point: Any) -> tuple[Any, Output]:
        """Call the function within its time limit and with its output captured."""
        with captured(None if self.capture == "failures" else self.capture) as output, _time_limit(self.timeout):
            value = self.function(point)
        return value, output

    def _all_at_once(self, points: Sequence[Any]) -> list[Report]:
        """Call a function of many points; an error, or a wrong number of values, fails each of them."""
        whole = Work(self.function, timeout=self.timeout, capture=self.capture).evaluate(list(points))
        error, values = whole.error, whole.value
        if error is None:
            values = list(values)
            if len(values) != len(points):
                error = ValueError(
                    f"a function with batch=True should return one value for each of its {len(points)} points, but "
                    f"returned {len(values)}."
                )
        if error is not None:
            failed = whole._replace(
                value=None, error=self._portable(error), traceback=whole.traceback or text_of(error)
            )
            return [failed] * len(points)
        seconds = whole.seconds / len(points)
        output = (whole.stdout, whole.stderr, whole.logs)
        if self.pickled:
            return [self._pickled(value, whole.started, seconds, output) for value in values]
        return [whole._replace(value=value, seconds=seconds) for value in values]

    def _portable(self, error: BaseException) -> BaseException:
        """Return the error, or what stands for it if it does not survive pickling."""
        if not self.pickled:
            return error
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:  # noqa: BLE001 - an exception's own pickling may raise anything
            return RemoteError(f"{type(error).__module__}.{type(error).__qualname__}: {error}")
        return error


def _with_end(sink: Sink, report: Report) -> Report:
    """Return the report with the log records, and, of a failure, with the end of its output."""
    records = tuple(sink.records)
    if report.error is None:
        return report._replace(records=records) if records else report
    stdout, stderr, logs = sink.texts
    return report._replace(stdout=stdout, stderr=stderr, logs=logs, records=records)


def text_of(error: BaseException) -> str:
    """Return the traceback without the frames of this module, which tell the user nothing.

    Examples
    --------
    >>> from adaptive_calib.engine.worker import text_of
    >>> try:
    ...     1 / 0
    ... except ZeroDivisionError as error:
    ...     print(text_of(error).splitlines()[-1])
    ZeroDivisionError: division by zero
    """
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames or error.__traceback__))


_HOST = socket.gethostname()


def here() -> tuple[str, int]:
    """Return the name of this host and the number of this process (which a fork changes).

    Examples
    --------
    >>> import os
    >>> from adaptive_calib.engine.worker import here
    >>> here()[1] == os.getpid()
    True
    """
    return _HOST, os.getpid()


# -------------------------------------------------------------------- shipping

#: Works by token. A worker serves few runs at a time; more than these are loaded again when they come back.
_LOADED: OrderedDict[str, Work] = OrderedDict()
_KEPT = 8
_LOADING = threading.Lock()

#: Up to here a pickled function stays in the message of each task: a file would cost more than the bytes.
SMALL = 16_384


@dataclass(frozen=True, slots=True)
class Shipment:
    """A token for a `Work` that is loaded once in each worker, from `data` or from the file `path`.

    Examples
    --------
    >>> from adaptive_calib.engine.worker import Shipment, Work, pack
    >>> shipment, file = pack(Work(abs), on_disk=False)
    >>> isinstance(shipment, Shipment), file
    (True, None)
    """

    token: str
    data: bytes | None
    path: str | None

    def __reduce__(self) -> tuple[type[Shipment], tuple[str, bytes | None, str | None]]:
        """Pickle by the constructor: a dataclass's own way with slots takes four times as long, for each task."""
        return Shipment, (self.token, self.data, self.path)

    def __call__(self, points: Sequence[Any]) -> list[Report]:
        """Evaluate `points` with the work."""
        return self.load()(points)

    @property
    def large(self) -> bool:
        """Whether this is too much to travel with each task."""
        return self.data is not None and len(self.data) > SMALL

    def _read(self) -> Work:
        data = self.data if self.data is not None else Path(self.path or "").read_bytes()
        try:
            work: Work = pickle.loads(data)
        except Exception as error:
            raise LoadingError(
                f"the function arrived in a worker, but cannot be loaded there: {error!r}. What it imports has to be "
                "importable in the workers, too: install it there, or send a module along by "
                "cloudpickle.register_pickle_by_value(module)."
            ) from error
        return work

    def load(self) -> Work:
        """Return the work, which the first call of this process reads."""
        work = _LOADED.get(self.token)
        if work is None:
            with _LOADING:
                work = _LOADED.get(self.token)
                if work is None:
                    _leave_interrupts_to_the_parent()
                    work = _LOADED[self.token] = self._read()
                    while len(_LOADED) > _KEPT:
                        _LOADED.popitem(last=False)
        return work


def check_travel(work: Work) -> None:
    """Refuse a function that cannot be pickled, or not be read again.

    Raises
    ------
    TypeError
        What is wrong, and what to do.

    Examples
    --------
    >>> from adaptive_calib.engine.worker import Work, check_travel
    >>> check_travel(Work(abs))
    """
    shipment, _ = pack(work, on_disk=False)
    try:
        pickle.loads(shipment.data or b"")
    except Exception as error:
        raise TypeError(
            f"the function {work.function!r} can be pickled to be sent to worker processes, but not be read again: "
            f"{error!r}. Look for a class with its own __reduce__ or __setstate__ in what it holds, or use an executor "
            "of this process (SequentialExecutor, ThreadPoolExecutor)."
        ) from error


def pack(work: Work, *, on_disk: bool) -> tuple[Shipment, Path | None]:
    """Pickle a work for other processes; return its token and the file to be removed after the run, if any.

    Parameters
    ----------
    work : Work
        The function and how it is to be called.
    on_disk : bool
        Put a large one into a file that the workers read.

    Raises
    ------
    TypeError
        The function cannot be pickled; nothing has been evaluated yet.

    Examples
    --------
    >>> from adaptive_calib.engine.worker import Work, pack
    >>> shipment, file = pack(Work(abs), on_disk=False)
    >>> shipment([-1.0])[0].value is not None
    True
    """
    try:
        data = cloudpickle.dumps(work)
    except Exception as error:
        raise TypeError(
            f"the function should be picklable to be sent to worker processes, but {work.function!r} is not: {error}. "
            "Keep open files, locks and connections out of it, or use an executor of this process "
            "(SequentialExecutor, ThreadPoolExecutor)."
        ) from error
    token = blake2b(data, digest_size=16).hexdigest()
    if len(data) <= SMALL or not on_disk:
        return Shipment(token, data, None), None
    handle, name = tempfile.mkstemp(prefix=f"adaptive_calib-{token}-", suffix=".pickle")  # readable by us alone
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    return Shipment(token, None, name), Path(name)


def _leave_interrupts_to_the_parent() -> None:
    """Ignore Ctrl-C in a child process: a terminal sends it to all of them, and the parent wants to drain."""
    if parent_process() is not None and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)


# -------------------------------------------------------------------- time limit


@contextmanager
def _time_limit(seconds: float | None) -> Iterator[None]:
    """Raise `TimeLimitError` in the block after so many seconds, where a signal can do that."""
    if seconds is None or not can_interrupt():
        yield
        return

    def interrupt(number: int, frame: Any) -> None:
        raise TimeLimitError(f"the evaluation took longer than {seconds:g} s.")

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def can_interrupt() -> bool:
    """Whether a time limit can be enforced in this thread.

    Examples
    --------
    >>> from adaptive_calib.engine.worker import can_interrupt
    >>> can_interrupt() in (True, False)
    True
    """
    return hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
