"""Sends a function to worker processes once: a token travels with each task, the function itself in a file or message.

A function may hold 50 MB of data. The driver writes it to a private temporary file, or keeps it in the message if it
is small, and sends a `Shipment` with each task. A worker loads it on first use into `_LOADED`. This dict has to live in
an importable module: what an initialiser puts into ``__main__`` is overwritten when the next task is unpickled.
"""

from __future__ import annotations

import faulthandler
import os
import pickle
import signal
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from multiprocessing import parent_process
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import cloudpickle

from adaptive_calib.engine.evaluate import Report, Work

__all__ = ["LoadingError", "Shipment", "check_travel", "pack"]


class LoadingError(RuntimeError):
    """The function arrived in a worker but cannot be loaded there; no point is at fault."""


#: Works by token. A worker serves few runs at a time; more than these are loaded again when they come back.
_LOADED: OrderedDict[str, Work] = OrderedDict()
_KEPT = 8
_LOADING = threading.Lock()

#: Bytes up to which a pickled function travels with each task: a file would cost more than the bytes.
SMALL = 16_384


@dataclass(frozen=True, slots=True)
class Shipment:
    """A token for a `Work` that each worker loads once, from `data` or from the file `path`.

    Examples
    --------
    >>> from adaptive_calib.engine.evaluate import Work
    >>> from adaptive_calib.engine.ship import Shipment, pack
    >>> shipment, file = pack(Work(abs), on_disk=False)
    >>> isinstance(shipment, Shipment), file
    (True, None)
    """

    token: str
    data: bytes | None
    path: str | None

    def __reduce__(self) -> tuple[type[Shipment], tuple[str, bytes | None, str | None]]:
        """Pickle by the constructor: the default of a dataclass with slots takes four times as long, per task."""
        return Shipment, (self.token, self.data, self.path)

    def __call__(self, points: Sequence[Any]) -> list[Report]:
        """Evaluate `points` by the work."""
        return self.load()(points)

    @property
    def large(self) -> bool:
        """Whether it is too large to travel with each task."""
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
        """Return the work, which the first call in this process reads."""
        work = _LOADED.get(self.token)
        if work is None:
            with _LOADING:
                work = _LOADED.get(self.token)
                if work is None:
                    live_as_long_as_the_parent()
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
    >>> from adaptive_calib.engine.evaluate import Work
    >>> from adaptive_calib.engine.ship import check_travel
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
    >>> from adaptive_calib.engine.evaluate import Work
    >>> from adaptive_calib.engine.ship import pack
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
    handle, name = tempfile.mkstemp(prefix=f"adaptive_calib-{token}-", suffix=".pickle")  # readable by its owner only
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    return Shipment(token, None, name), Path(name)


def live_as_long_as_the_parent() -> None:
    """Leave signals to the parent of a child process, and end when the parent does.

    A terminal sends SIGINT to the whole group, and batch systems SIGTERM: the parent then drains the run, for which the
    workers have to finish what they evaluate. Programs that the function starts do not inherit the handlers.
    """
    if parent_process() is None or threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _ignore)
    if not faulthandler.is_enabled():
        faulthandler.enable(2)  # a fault in compiled code prints where, to the standard error
    _end_with_the_parent()


#: The process in which a thread waits for the end of the parent; another number in one that was forked from it.
_watching = 0


def _end_with_the_parent() -> None:
    """End this child process when its parent has ended, by a thread that waits for that."""
    global _watching
    parent = parent_process()
    if parent is None or _watching == os.getpid():
        return
    _watching = os.getpid()
    sentinel: Any = parent.sentinel

    def end() -> None:
        if sentinel is None:  # a worker of loky, which has no pipe from its parent
            while os.getppid() == parent.pid:
                time.sleep(0.5)
        else:
            wait([sentinel])
        os._exit(1)

    threading.Thread(target=end, name="adaptive_calib-parent", daemon=True).start()


def begin_worker(ours: bool, initializer: Callable[..., Any] | None, arguments: tuple[Any, ...]) -> None:
    """Begin a worker process of a pool, before it has a task: let it end with its parent; then as the user wants.

    Parameters
    ----------
    ours : bool
        Whether the pool was made for this run: then it leaves signals to its parent from the beginning.
    initializer, arguments
        Those of the pool.
    """
    if ours:
        live_as_long_as_the_parent()
    else:
        _end_with_the_parent()
    if initializer is not None:
        initializer(*arguments)


def _ignore(number: int, frame: Any) -> None:
    """Do nothing; unlike SIG_IGN, a handler is not inherited by programs that the worker starts."""


def _die_of_signals() -> None:
    """Let processes that a worker forks die of SIGTERM, by which their own pools end them."""
    handler: Any = signal.getsignal(signal.SIGTERM)
    if handler is _ignore:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_die_of_signals)


def evaluate_with_mark(evaluate: Callable[[Sequence[Any]], list[Report]], points: Sequence[Any], path: str) -> Any:
    """Evaluate points; meanwhile there is a file that holds the number of this process."""
    mark = Path(path)
    mark.write_text(str(os.getpid()))
    try:
        return evaluate(points)
    finally:
        mark.unlink(missing_ok=True)
