"""A dask cluster as an executor: ``distributed.Client``, synchronous or asynchronous.

- The function is pickled once. A small one rides in each task as a token with its bytes; a large one becomes a task of
  its own whose result the workers pass on among themselves, and which the scheduler can compute again when its worker
  is lost (scattered data could not be).
- Results are fetched in bulk: the first callback of a burst gathers everything that is finished, the others find
  theirs there. One round trip per result would cost several milliseconds each.
- The number of threads is asked for at most once a second, since it is a round trip to the scheduler. Somewhat more
  tasks than threads are out: a cluster that adapts grows only if something waits, from zero workers too.
- Dask runs the tasks of a lost worker again by itself; a task that takes several workers down is reported as
  `WorkerDiedError`, without a new pool.
"""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from typing import Any

import distributed

from adaptive_calib.engine.executors import Evaluate, Handle
from adaptive_calib.engine.worker import Report, Shipment, Work, WorkerDiedError, pack

__all__ = ["DaskCluster"]

#: Seconds between two looks at the number of threads.
LOOK = 1.0


def _evaluate(shipped: Evaluate, points: Sequence[Any]) -> Any:
    """Run in the worker."""
    return shipped(points)


def _load(data: bytes) -> Shipment:
    """Run in a worker: unpickle a large function once; the others get it from there."""
    shipment: Shipment = pickle.loads(data)
    return shipment


class _Future:
    """The handle of one task on the cluster; its result is here once it is done."""

    def __init__(self, cluster: DaskCluster, future: Any) -> None:
        self.future = future
        self.cluster = cluster
        self.reports: list[Report] | None = None
        self.error: BaseException | None = None

    def add_done_callback(self, callback: Callable[[Any], None], /) -> None:
        self.cluster.expect(self, callback)

    def done(self) -> bool:
        return self.reports is not None or self.error is not None

    def cancel(self) -> bool:
        """Take the task back if there is no worker that could have begun it; dask does not say what has begun."""
        if self.done() or self.cluster.threads:
            return False
        self.future.cancel()
        return True

    def result(self) -> list[Report]:
        if self.error is not None:
            raise self.error
        assert self.reports is not None
        return self.reports


class DaskCluster:
    """Evaluates on a dask cluster.

    Parameters
    ----------
    client : distributed.Client
    ntasks : int, optional
        How many tasks are out; by default somewhat more than the cluster has threads.
    shutdown : bool
        Whether to close the client at the end.
    """

    timeouts = False
    own_process = False
    poll = LOOK

    def __init__(self, client: Any, ntasks: int | None = None, *, shutdown: bool = False) -> None:
        self.client = client
        self.threads = 0
        self._ntasks = ntasks
        self.queues = ntasks is None
        self._shutdown = shutdown
        self._looked = -LOOK
        self._asked: asyncio.Task[dict[str, int]] | None = None
        self._large: Any = None
        self._lock = threading.Lock()
        self._fetching: set[asyncio.Task[None]] = set()  # the loop itself holds tasks weakly
        self._finished: list[tuple[_Future, Callable[[Any], None]]] = []

    @property
    def capacity(self) -> int:
        """`ntasks`, or the threads of the cluster and a backlog of half as many, at least one."""
        self._look()
        return self._ntasks or self.threads + max(1, self.threads // 2)

    def _look(self) -> None:
        now = time.monotonic()
        if self.client.asynchronous:
            if self._asked is not None and self._asked.done():
                self.threads = sum(self._asked.result().values())
                self._asked = None
            if self._asked is None and now - self._looked >= LOOK:
                self._looked = now
                self._asked = asyncio.ensure_future(self.client.ncores())
        elif now - self._looked >= LOOK:
            self._looked = now
            self.threads = sum(self.client.ncores().values())

    def ship(self, work: Work) -> Evaluate:
        """Return a token for the work, or a future of it if it is large."""
        work = Work(work.function, work.batch, pickled=True, timeout=work.timeout, capture=work.capture)
        shipment, _ = pack(work, on_disk=False)
        if not shipment.large:
            return shipment
        with warnings.catch_warnings():
            # dask warns of large task graphs; this one is sent once, which is what the warning advises
            warnings.filterwarnings("ignore", message="Sending large graph", category=UserWarning)
            self._large = self.client.submit(_load, pickle.dumps(shipment), pure=False)
        future: Evaluate = self._large
        return future

    def submit(self, evaluate: Evaluate, points: Sequence[Any]) -> Handle:
        """Submit one task."""
        return _Future(self, self.client.submit(_evaluate, evaluate, list(points), pure=False))

    def expect(self, handle: _Future, callback: Callable[[Any], None]) -> None:
        """Call back once the result of `handle` is here."""

        def finished(future: Any) -> None:
            with self._lock:
                self._finished.append((handle, callback))
            if self.client.asynchronous:
                fetching = asyncio.ensure_future(self._fetch_async())
                self._fetching.add(fetching)
                fetching.add_done_callback(self._fetching.discard)
            else:
                self._fetch()

        handle.future.add_done_callback(finished)

    def _taken(self) -> list[tuple[_Future, Callable[[Any], None]]]:
        with self._lock:
            taken, self._finished = self._finished, []
        return taken

    def _fetch(self) -> None:
        """Bring home all that is finished, in the callback thread of the client."""
        taken = self._taken()
        good = [handle for handle, _ in taken if handle.future.status == "finished"]
        if len(good) > 1:
            with contextlib.suppress(Exception):  # one of them was lost meanwhile: each is asked for itself, below
                for handle, reports in zip(good, self.client.gather([h.future for h in good]), strict=True):
                    handle.reports = reports
        for handle, callback in taken:
            if not handle.done():
                try:
                    handle.reports = handle.future.result()
                except BaseException as error:  # noqa: BLE001 - it becomes the outcome of the points
                    handle.error = _explained(error)
            handle.future.release()
            callback(handle)

    async def _fetch_async(self) -> None:
        taken = self._taken()
        for handle, callback in taken:
            try:
                handle.reports = await handle.future
            except BaseException as error:  # noqa: BLE001 - as above
                handle.error = _explained(error)
            handle.future.release()
            callback(handle)

    def renew(self) -> bool:
        """A cluster looks after its workers itself."""
        return False

    def close(self, *, abandon: bool = False) -> None:
        """Forget the function; close the client only if the user asked for it."""
        if self._large is not None:
            self._large.release()
        if self._shutdown:
            self.client.close()


def _explained(error: BaseException) -> BaseException:
    """Return the error in the words of the drivers."""
    if isinstance(error, distributed.scheduler.KilledWorker):
        died = WorkerDiedError(f"the point took down the worker it ran on, several times: {error}")
        died.__cause__ = error
        return died
    if isinstance(error, asyncio.CancelledError):
        return CancelledError()
    return error
