"""What an evaluation prints and logs, kept with its outcome.

``sys.stdout`` and ``sys.stderr`` belong to the process, so two threads or coroutines cannot each replace them. Instead
one proxy stands there while anybody captures; it looks up a context variable, which every thread and every coroutine
has for itself, and so their output is not mixed. File descriptors have no such thing: ``"fd"`` is for evaluations that
have their process to themselves.
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
from typing import IO, Any

__all__ = ["NOTHING", "Output", "captured", "captured_with"]

#: Nothing on stdout, nothing on stderr, nothing logged.
NOTHING = ("", "", "")

Sink = tuple[StringIO, StringIO, StringIO]

_SINK: contextvars.ContextVar[Sink | None] = contextvars.ContextVar("adaptive_calib_output", default=None)


class Output:
    """The output of one evaluation; `texts` is (stdout, stderr, logs) once it is over."""

    texts: tuple[str, str, str] = NOTHING


class _Proxy:
    """Stands for sys.stdout or sys.stderr: writes to the sink of the evaluation that writes, or to the real one."""

    def __init__(self, real: Any, index: int) -> None:
        self.real = real
        self.index = index

    def write(self, text: str) -> int:
        sink = _SINK.get()
        return int((self.real if sink is None else sink[self.index]).write(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


class _Records(logging.Handler):
    """Keeps the log records of the evaluation that emits them."""

    def emit(self, record: logging.LogRecord) -> None:
        sink = _SINK.get()
        if sink is not None:
            sink[2].write(f"{record.levelname}:{record.name}:{record.getMessage()}\n")


_RECORDS = _Records()


class _Stage:
    """Counts who captures; the proxies are in place while somebody does."""

    def __init__(self) -> None:
        self.users = 0
        self.lock = threading.Lock()

    def __enter__(self) -> None:
        with self.lock:
            self.users += 1
            if self.users == 1:
                sys.stdout, sys.stderr = _Proxy(sys.stdout, 0), _Proxy(sys.stderr, 1)
                logging.getLogger().addHandler(_RECORDS)

    def __exit__(self, *error: object) -> None:
        with self.lock:
            self.users -= 1
            if self.users == 0:
                for name in ("stdout", "stderr"):
                    stream = getattr(sys, name)
                    if isinstance(stream, _Proxy):  # else somebody else has replaced it meanwhile
                        setattr(sys, name, stream.real)
                logging.getLogger().removeHandler(_RECORDS)


_STAGE = _Stage()


@contextmanager
def captured(how: str | None) -> Iterator[Output]:
    """Capture what is written in the block: not at all (None), by Python ("std"), or by anybody ("fd").

    An error that leaves the block takes its output along; `captured_with` finds it there.
    """
    output = Output()
    if how is None:
        yield output
        return
    sink = (StringIO(), StringIO(), StringIO())
    with ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(2 if how == "fd" else 0)]
        token = _SINK.set(sink)
        try:
            with _STAGE, _descriptors(files):
                yield output
        except BaseException as error:
            error.__captured__ = _texts(sink, files)  # type: ignore[attr-defined]
            raise
        finally:
            _SINK.reset(token)
            output.texts = _texts(sink, files)


def captured_with(error: BaseException) -> tuple[str, str, str]:
    """Return (stdout, stderr, logs) of the evaluation that raised `error`."""
    texts: tuple[str, str, str] = getattr(error, "__captured__", NOTHING)
    return texts


def _texts(sink: Sink, files: Sequence[IO[bytes]]) -> tuple[str, str, str]:
    texts = [stream.getvalue() for stream in sink]
    for index, file in enumerate(files):
        file.seek(0)
        texts[index] += file.read().decode(errors="replace")
    return texts[0], texts[1], texts[2]


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
