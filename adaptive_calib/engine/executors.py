"""Executors: adapters of one small protocol to the libraries that can evaluate points.

The drivers use only the protocol of `adaptive_calib.engine.executor_protocol`. Its implementations:

=====================  =============================================================================================
`InThisThread`         evaluates in the thread of the driver
`Pool`                 any ``concurrent.futures.Executor``: threads, processes, loky, MPI, ipyparallel
`Coroutines`           ``async def`` functions on the running event loop; in `adaptive_calib.engine.coroutines`
`DaskCluster`          a ``distributed.Client``; in `adaptive_calib.engine.dask_cluster`, imported when it is used
=====================  =============================================================================================

An adapter closes only executors that it has made. It makes one from a *function* (``executor=lambda:
ProcessPoolExecutor(8)``): closes it at the end, and makes another one when a worker dies.
"""

from __future__ import annotations

import inspect
import itertools
import os
import signal
import tempfile
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor as FutureExecutor
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from math import inf
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from adaptive_calib.engine.evaluate import Report, Work
from adaptive_calib.engine.executor_protocol import Evaluate, Executor, Handle
from adaptive_calib.engine.limit import can_interrupt
from adaptive_calib.engine.ship import begin_worker, evaluate_with_mark, pack

__all__ = [
    "InThisThread",
    "Pool",
    "SequentialExecutor",
    "adapt",
    "pool_of_limited_threads",
]


class SequentialExecutor(FutureExecutor):
    """An executor that evaluates immediately, in the calling thread: for tests, debugging and reproducible runs.

    Examples
    --------
    >>> from adaptive_calib.runner import SequentialExecutor
    >>> SequentialExecutor().submit(pow, 2, 3).result()
    8
    """

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call ``fn(*args, **kwargs)`` now and return the finished future."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - it is the future's to hand on
            future.set_exception(error)
        return future

    def map(
        self,
        fn: Callable[..., Any],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
        **kwargs: Any,
    ) -> Iterator[Any]:
        """Return ``map(fn, *iterables)``; `timeout`, `chunksize` and other options have no meaning here."""
        return map(fn, *iterables)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Nothing to do."""


class _Over:
    """The handle of an evaluation that is over."""

    __slots__ = ("_reports",)

    def __init__(self, reports: list[Report]) -> None:
        self._reports = reports

    def add_done_callback(self, callback: Callable[[Any], None], /) -> None:
        callback(self)

    def done(self) -> bool:
        return True

    def cancel(self) -> bool:
        return False

    def result(self) -> list[Report]:
        return self._reports


class InThisThread:
    """Evaluates in the driver's thread, one point at a time.

    Examples
    --------
    >>> from adaptive_calib.engine.executors import InThisThread
    >>> from adaptive_calib.engine.evaluate import Work
    >>> executor = InThisThread()
    >>> executor.submit(executor.ship(Work(abs)), [-1.0, 2.0]).result()[0].value
    1.0
    """

    own_process = False
    pickles = False
    capacity = 1
    shared = False
    latency = 0.0
    poll = inf

    @property
    def timeouts(self) -> bool:
        """Whether a signal can interrupt this thread."""
        return can_interrupt()

    def ship(self, work: Work) -> Evaluate:
        """Return the work itself."""
        return work

    def submit(self, evaluate: Evaluate, points: Sequence[Any], *, alone: bool = False) -> Handle:
        """Evaluate the points now."""
        return _Over(evaluate(points))

    def renew(self) -> bool:
        """Nothing breaks here."""
        return False

    def close(self, *, abandon: bool = False) -> None:
        """Nothing to give back."""


class Pool:
    """Any ``concurrent.futures.Executor``.

    Parameters
    ----------
    executor : concurrent.futures.Executor or callable
        The executor, or a function that makes one; what the function made is ours to close and to renew.
    ntasks : int, optional
        Number of evaluations at the same time; by default the number of workers.
    shutdown : bool
        Whether to shut a given executor down at the end.
    shared : bool
        Whether `executor`, a function, returns one that others use too (loky's): it is renewed but never shut down.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> from adaptive_calib.engine.executors import Pool
    >>> pool = Pool(lambda: ThreadPoolExecutor(2))  # made here, so closed here
    >>> pool.capacity
    2
    >>> pool.close()
    """

    poll = inf

    def __init__(
        self,
        executor: FutureExecutor | Callable[[], FutureExecutor],
        ntasks: int | None = None,
        *,
        shutdown: bool = False,
        shared: bool = False,
    ) -> None:
        given = hasattr(executor, "submit")
        self._make: Callable[[], Any] | None = None if given else executor  # type: ignore[assignment]
        self.executor: Any = executor if given else executor()  # type: ignore[operator]
        if not hasattr(self.executor, "submit"):
            raise TypeError(
                "a function given as `executor` should return a concurrent.futures.Executor, but "
                f"{executor!r} returned {self.executor!r}."
            )
        _end_with_this_process(self.executor, ours=not given)
        self._ntasks = ntasks
        self.shared = shared
        self._trial: Any = None
        self._closing = shutdown or (self._make is not None and not shared)
        self._file: Path | None = None
        self._captured = False
        self._processes: dict[int, Any] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None  # with a mark for each task that a worker has
        self._marks: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
        self._numbers = itertools.count()
        self.threads = isinstance(self.executor, ThreadPoolExecutor)
        self.timeouts = self.own_process = not self.threads
        self.pickles = not (self.threads or isinstance(self.executor, SequentialExecutor))
        # 0.3 to 0.5 ms, measured with two processes on two busy cores; who says how many are to be out gets as many
        self.latency = 0.0005 if ntasks is None and not self.threads else 0.0
        if shared:
            _SHARING.add(self)
        if ntasks is None:
            workers_of(self.executor)  # an executor that cannot say how many it has is refused now, not in the run

    @property
    def capacity(self) -> int:
        """Workers of the executor, or `ntasks`."""
        return self._ntasks or workers_of(self.executor)

    def ship(self, work: Work) -> Evaluate:
        """Return the work itself for threads, else a token for it."""
        if not self.pickles:
            return work
        work = replace(work, pickled=True)
        self._captured = work.capture in ("std", "fd")
        here = _on_this_host(self.executor)
        shipment, self._file = pack(work, on_disk=here)
        if work.timeout is not None and here and self._make is not None and hasattr(signal, "SIGKILL"):
            self._folder = tempfile.TemporaryDirectory(prefix="adaptive_calib-marks-", ignore_cleanup_errors=True)
        return shipment

    def submit(self, evaluate: Evaluate, points: Sequence[Any], *, alone: bool = False) -> Handle:
        """Hand the points to the executor; alone, to a pool of their own if this one is shared."""
        executor = self._apart() if alone and self.shared else self.executor
        handle: Any
        if self._folder is None:
            handle = executor.submit(evaluate, points)
        else:
            path = os.path.join(self._folder.name, str(next(self._numbers)))
            handle = executor.submit(evaluate_with_mark, evaluate, points, path)
            self._marks[handle] = path
        if not hasattr(handle, "add_done_callback"):
            raise TypeError(
                "`submit` of the executor should return a concurrent.futures.Future, or an object like it, but "
                f"{self.executor!r} returned {handle!r:.200}."
            )
        self._workers  # noqa: B018 - keeps hold of the dict, which a broken pool lets go
        checked: Handle = handle
        return checked

    def age(self, handle: Handle) -> float | None:
        """Return for how many seconds a worker has evaluated the points of a handle; None if none has begun."""
        path = self._marks.get(handle)
        if path is None:
            return None
        try:
            return max(0.0, time.time() - os.stat(path).st_mtime)
        except FileNotFoundError:
            return None

    def end(self, handle: Handle) -> bool:
        """Kill the worker that evaluates the points of a handle; return False if this pool could not be replaced."""
        path = self._marks.get(handle)
        if path is None or self._make is None:
            return False
        try:
            os.kill(int(Path(path).read_text()), signal.SIGKILL)
        except (FileNotFoundError, ValueError, ProcessLookupError):  # it has ended in the meantime
            return False
        return True

    def can_withdraw(self, handles: Sequence[Handle]) -> bool:
        """Whether the futures know which of them have begun, and can be cancelled.

        Those of Ray, of ipyparallel and of dask's ``client.get_executor()`` are pending until they are done, so that
        they could be cancelled in the middle of an evaluation.
        """
        library = type(self.executor).__module__.split(".")[0]
        if isinstance(self.executor, (ThreadPoolExecutor, ProcessPoolExecutor)) or library in ("loky", "mpi4py"):
            return True
        if library == "executorlib":  # 1.11: its thread ends with an error at a future that is cancelled early
            return False
        return any(getattr(handle, "running", bool)() for handle in handles)

    def last_words(self) -> str:
        """Return how the workers of a broken pool ended; the pool terminates the others by SIGTERM."""
        workers = {process.sentinel: process for process in self._workers.values()}
        until = time.monotonic() + 1.0
        codes: set[int] = set()
        for sentinel in wait(list(workers), timeout=0):  # those that have ended
            while (code := workers[sentinel].exitcode) is None and time.monotonic() < until:
                time.sleep(0.001)  # another thread, the pool's own, is just reading it
            codes.add(code or 0)
        codes -= {0, -signal.SIGTERM}
        ends = [signal.Signals(-code).name if code < 0 else f"exit status {code}" for code in sorted(codes)]
        ended = f"A worker ended with {' and '.join(ends)}. " if ends else ""  # loky's error says it itself
        if self._captured:
            return f'{ended}What was captured of it is lost; capture="failures" passes output on.'
        return f"{ended}What it printed last is in the output of this script."

    def _apart(self) -> Any:
        if self._trial is None:
            import loky  # the shared pool is loky's, so it is there

            self._trial = loky.ProcessPoolExecutor(max_workers=1)
        return self._trial

    def renew(self) -> bool:
        """Make a new executor, if the old one was made here; the workers of a broken one are killed in any case."""
        for process in self._workers.values():  # its own SIGTERM is left to the parent, see `ship`
            process.kill()
        if self._make is None:
            return False
        if self._trial is not None:
            self._trial.shutdown(wait=False)
            self._trial = None
        if not self.shared:
            self.executor.shutdown(wait=False)
        self.executor = self._make()  # a shared one that works, or was replaced by another runner, stays
        _end_with_this_process(self.executor, ours=True)
        return True

    @property
    def _workers(self) -> dict[int, Any]:
        """Processes of the standard library's pool by their number, which it forgets when it is shut down."""
        if isinstance(self.executor, ProcessPoolExecutor):
            known = getattr(self.executor, "_processes", None)  # only from Python 3.14 on there is a public way
            if known is not None:
                self._processes = known
        return self._processes

    def close(self, *, abandon: bool = False) -> None:
        """Shut down what was made here, or what the user asked to be shut down.

        With `abandon` the worker processes are killed, so that neither the script nor the next run waits for them;
        those of the shared pool if no other run is using it.
        """
        _SHARING.discard(self)
        alone = self.shared and all(other.executor is not self.executor for other in _SHARING)
        if self._closing or (abandon and alone):
            _shut_down(self.executor, abandon=abandon)
        if self._trial is not None:
            _shut_down(self._trial, abandon=abandon)
        if self._file is not None:
            self._file.unlink(missing_ok=True)
        if self._folder is not None:
            self._folder.cleanup()


#: Pools, of runs that are not over, whose executor other runs use too.
_SHARING: weakref.WeakSet[Pool] = weakref.WeakSet()


def _end_with_this_process(executor: Any, *, ours: bool) -> None:
    """Let workers of the standard library's pool end with this process, those too that never have a task.

    They wait for a pipe of which they hold the other end themselves, so they would stay for ever after a kill.
    """
    # private since Python 3.7; a pool that has started its workers is left as it is
    if isinstance(executor, ProcessPoolExecutor) and not getattr(executor, "_processes", True):
        initializer, arguments = executor._initializer, executor._initargs
        if initializer is not begin_worker:
            executor._initializer = begin_worker
            executor._initargs = (ours, initializer, arguments)


def _shut_down(executor: Any, *, abandon: bool) -> None:
    """End an executor when its tasks are over; with `abandon` immediately, by killing its processes."""
    if type(executor).__module__.split(".")[0] == "loky":  # has no option to cancel futures
        executor.shutdown(wait=not abandon, kill_workers=abandon)
        return
    # only from Python 3.14 on there is a public way
    processes = list((getattr(executor, "_processes", None) or {}).values()) if abandon else []
    for process in processes:
        process.kill()
    try:
        executor.shutdown(wait=not abandon, cancel_futures=True)
    except TypeError:  # executors of other libraries may have no such option
        executor.shutdown()


#: What the libraries under NumPy look at, when they are loaded, for their number of threads.
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)


def pool_of_limited_threads(executor: Any, threads: int) -> Callable[[], FutureExecutor]:
    """Return a function that makes a process pool whose workers use `threads` threads each; for `adapt`.

    The workers, new processes, get environment variables before they load any library. It is a separate pool: changing
    the one that loky shares would disturb other runs.

    Raises
    ------
    ValueError
        If there is an `executor` already, or the number is not at least 1.

    Examples
    --------
    >>> from adaptive_calib.engine.executors import pool_of_limited_threads
    >>> make = pool_of_limited_threads(None, threads=1)  # the pool is made when it is called
    >>> callable(make)
    True
    """
    if executor is not None:
        raise ValueError(
            "`inner_threads` is for the pool that the runner makes; in your own executor limit them by the environment "
            "variable OMP_NUM_THREADS of its workers, or by threadpoolctl in the function."
        )
    if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
        raise ValueError(f"`inner_threads` should be a number of at least 1, but is {threads!r}.")

    def make() -> FutureExecutor:
        import loky  # here, as for the shared pool

        workers = max(1, loky.cpu_count() // threads)
        pool: FutureExecutor = loky.ProcessPoolExecutor(workers, env=dict.fromkeys(THREADS, str(threads)))
        return pool

    return make


def workers_of(executor: Any) -> int:
    """Return how many workers an executor has.

    Raises
    ------
    TypeError
        It does not say; then `ntasks` has to be given.
    """
    if isinstance(executor, SequentialExecutor):
        return 1
    # concurrent.futures and loky have no public name for it; the private one has been there since Python 3.2
    for name in ("num_workers", "_max_workers"):
        workers = getattr(executor, name, None)
        if isinstance(workers, int) and workers >= 0:
            return workers
    view = getattr(executor, "view", None)  # ipyparallel's executor stands on a view of engines
    if view is not None:
        return len(view)
    raise TypeError(
        f"Cannot get number of cores for {type(executor)}; give `ntasks`, the number of evaluations at the same time."
    )


def _on_this_host(executor: Any) -> bool:
    """Whether the workers surely see this host's files."""
    return isinstance(executor, ProcessPoolExecutor) or type(executor).__module__.split(".")[0] == "loky"


def adapt(executor: Any, ntasks: int | None = None, *, shutdown: bool = False) -> Executor:
    """Return the adapter for whatever the user passed as `executor`.

    Parameters
    ----------
    executor
        None (loky's reusable executor), a ``concurrent.futures.Executor``, a ``distributed.Client``, an
        ``ipyparallel.Client``, an mpi4py pool, a function that makes one of the first, or an `Executor`, which is
        returned as it is.
    ntasks : int, optional
        Number of evaluations at the same time, instead of the number of workers.
    shutdown : bool
        Whether to shut a given executor down at the end of the run.

    Raises
    ------
    TypeError
        It is nothing of the kind, or does not say how many workers it has.

    Examples
    --------
    >>> from adaptive_calib.engine.executors import InThisThread, SequentialExecutor, adapt
    >>> isinstance(adapt(SequentialExecutor()), InThisThread)
    True
    """
    if executor is None:
        import loky  # here, since the pool starts with the first run that needs it, not with an import

        return Pool(loky.get_reusable_executor, ntasks, shared=True)
    if isinstance(executor, Executor):
        return executor
    if isinstance(executor, SequentialExecutor) and ntasks in (None, 1):
        return InThisThread()
    if isinstance(executor, FutureExecutor):
        return Pool(executor, ntasks, shutdown=shutdown)
    library = type(executor).__module__.split(".")[0]
    if library == "distributed" and type(executor).__name__ == "Client":
        from adaptive_calib.engine.dask_cluster import DaskCluster

        cluster: Executor = DaskCluster(executor, ntasks, shutdown=shutdown)
        return cluster
    if library == "ipyparallel" and hasattr(executor, "executor"):
        return Pool(executor.executor(), ntasks, shutdown=shutdown)
    if hasattr(executor, "submit") and hasattr(executor, "shutdown"):  # mpi4py's pool has the face, not the base class
        return Pool(executor, ntasks, shutdown=shutdown)
    if _takes_no_arguments(executor):
        return Pool(executor, ntasks)
    raise TypeError(
        "Only a concurrent.futures.Executor, distributed.Client, or ipyparallel.Client can be used, a function without "
        "arguments that makes an executor, or an object with all that adaptive_calib.engine.executor_protocol.Executor "
        f'has. `executor` is {executor!r}. The page "Run on an executor of your own" shows how a few lines make an '
        "executor of another library."
    )


def _takes_no_arguments(function: Any) -> bool:
    """Whether a function can be called without arguments; True if it does not say."""
    if not callable(function):
        return False
    try:
        inspect.signature(function).bind()
    except TypeError:
        return False
    except ValueError:  # compiled, without a signature
        return True
    return True
