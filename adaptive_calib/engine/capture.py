"""Captures the output and the log records of an evaluation, to be kept with its outcome.

``sys.stdout`` and ``sys.stderr`` belong to the process, so two threads or coroutines cannot each replace them. Instead
one proxy replaces each while a capture is open. It writes to the sink in a context variable, of which every thread and
every coroutine has its own value, so their output is not mixed. File descriptors have nothing of the kind: ``"fd"`` is
for evaluations that have their process to themselves.

``"failures"`` passes everything on and keeps the end of it, for failures only. It costs little: the proxies of a worker
process stay in place, and all points of a task share one sink.

Log records that no handler of a worker shows are returned as plain data, and the parent emits them again.
"""

from __future__ import annotations

import contextvars
import logging
import os
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from io import StringIO
from multiprocessing import parent_process
from typing import IO, Any

__all__ = ["NOTHING", "Record", "Sink", "captured", "captured_with", "emit_again", "overheard"]

#: Nothing on stdout, nothing on stderr, nothing logged.
NOTHING = ("", "", "")

#: A log record as plain data: name of the logger, level, time, message.
Record = tuple[str, int, float, str]

#: Largest number of characters that are kept of each stream of an evaluation.
TAIL = 65_536


class Sink:
    """The output of one evaluation, or of several in turn: stdout, stderr and log records.

    Parameters
    ----------
    passing : bool
        Whether the output is passed on, and only its end is kept.

    Attributes
    ----------
    written : bool
        Whether anything was written.
    records : list of Record
        Log records that no handler of this process has shown.
    """

    __slots__ = ("passing", "records", "streams", "written")

    def __init__(self, *, passing: bool = False) -> None:
        self.passing = passing
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.streams: tuple[StringIO, ...] = ()
        self.records: list[Record] = []
        self.written = False

    def write(self, index: int, text: str) -> None:
        """Write on stdout (0), stderr (1) or the log (2)."""
        if not self.written:  # most evaluations write nothing and get no streams
            self.streams = (StringIO(), StringIO(), StringIO())
            self.written = True
        stream = self.streams[index]
        stream.write(text)
        if self.passing and stream.tell() > 2 * TAIL:
            end = stream.getvalue()[-TAIL:]
            stream.seek(0)
            stream.truncate()
            stream.write(end)

    @property
    def texts(self) -> tuple[str, str, str]:
        """The kept output: stdout, stderr, log."""
        if not self.written:
            return NOTHING
        out, err, logs = (stream.getvalue() for stream in self.streams)
        return out, err, logs


_SINK: contextvars.ContextVar[Sink | None] = contextvars.ContextVar("adaptive_calib_output", default=None)


class _Proxy:
    """Replaces sys.stdout or sys.stderr: writes to the sink of the current evaluation, or to the real stream."""

    def __init__(self, real: Any, index: int) -> None:
        self.real = real
        self.index = index

    def write(self, text: str) -> int:
        sink = _SINK.get()
        if sink is not None:
            sink.write(self.index, text)
            if not sink.passing:
                return len(text)
        return int(self.real.write(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


class _Records(logging.Handler):
    """Keeps the log records of the evaluation that emits them."""

    def emit(self, record: logging.LogRecord) -> None:
        sink = _SINK.get()
        if sink is not None:
            message = self.format(record)
            sink.write(2, f"{record.levelname}:{record.name}:{message}\n")
            if not _shown(record.name):
                sink.records.append((record.name, record.levelno, record.created, message))


_RECORDS = _Records()


def _shown(name: str) -> bool:
    """Whether a handler other than the one above shows what this logger emits."""
    logger: logging.Logger | None = logging.getLogger(name)
    while logger is not None:
        if any(handler is not _RECORDS and not isinstance(handler, logging.NullHandler) for handler in logger.handlers):
            return True
        logger = logger.parent if logger.propagate else None
    return False


def emit_again(records: Sequence[Record], point: Any, process: int) -> None:
    """Emit log records of a worker in this process: by the loggers of their names, with `point` and `process`."""
    for name, level, created, message in records:
        logger = logging.getLogger(name)
        if logger.isEnabledFor(level):
            record = logger.makeRecord(name, level, "(worker)", 0, message, (), None, extra={"point": point})
            record.created, record.process = created, process
            logger.handle(record)


class _Stage:
    """Counts the captures that are open; the proxies are in place while there is one."""

    def __init__(self) -> None:
        self.users = 0
        self.staying = False
        self.lock = threading.Lock()

    def __enter__(self) -> None:
        with self.lock:
            self.users += 1
            if self.users == 1:
                sys.stdout, sys.stderr = _Proxy(sys.stdout, 0), _Proxy(sys.stderr, 1)
                logging.getLogger().addHandler(_RECORDS)

    def stay(self) -> None:
        """Leave the proxies in place, in a process that only evaluates."""
        if not self.staying:
            self.staying = True
            self.__enter__()

    def __exit__(self, *error: object) -> None:
        with self.lock:
            self.users -= 1
            if self.users == 0:
                for name in ("stdout", "stderr"):
                    stream = getattr(sys, name)
                    if isinstance(stream, _Proxy):  # otherwise other code has replaced it meanwhile
                        setattr(sys, name, stream.real)
                logging.getLogger().removeHandler(_RECORDS)


_STAGE = _Stage()


@contextmanager
def captured(how: str | None) -> Iterator[Sink]:
    """Context manager that captures output: none (None), that of Python ("std"), or all of the process ("fd").

    An error that leaves the block carries its output; `captured_with` returns it.
    """
    sink = Sink()
    if how is None:
        yield sink
        return
    with ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(2 if how == "fd" else 0)]
        token = _SINK.set(sink)
        try:
            with _STAGE, _descriptors(files):
                yield sink
        except BaseException as error:
            error.__captured__ = sink  # type: ignore[attr-defined]
            raise
        finally:
            _SINK.reset(token)
            for index, file in enumerate(files):
                file.seek(0)
                if text := file.read().decode(errors="replace"):
                    sink.write(index, text)


class overheard:  # noqa: N801 - used like `captured`
    """Context manager that copies output to a `Sink` while passing it on; for the tasks of a worker.

    A class, since a generator takes 2 us more per task.
    """

    __slots__ = ("_stage", "_token")

    def __enter__(self) -> Sink:
        sink = Sink(passing=True)
        self._stage = parent_process() is None
        if self._stage:
            _STAGE.__enter__()
        else:
            _STAGE.stay()
        self._token = _SINK.set(sink)
        return sink

    def __exit__(self, *error: object) -> None:
        _SINK.reset(self._token)
        if self._stage:
            _STAGE.__exit__()


def captured_with(error: BaseException) -> Sink:
    """Return the output of the evaluation that raised `error`."""
    sink: Sink | None = getattr(error, "__captured__", None)
    return sink or Sink()


@contextmanager
def _descriptors(files: Sequence[IO[bytes]]) -> Iterator[None]:
    """Turn the file descriptors 1 and 2 into `files`, if there are any."""
    kept = [os.dup(number) for number in (1, 2)] if files else []
    for number, file in zip((1, 2), files, strict=False):
        os.dup2(file.fileno(), number)
    try:
        yield
    finally:
        for number, copy in zip((1, 2), kept, strict=False):
            os.dup2(copy, number)
            os.close(copy)
