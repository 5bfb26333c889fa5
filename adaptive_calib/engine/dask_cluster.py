"""A dask cluster as an executor: ``distributed.Client``, synchronous or asynchronous.

- The function is pickled once. A small one rides in each task as a token with its bytes; a large one becomes a task of
  its own whose result the workers pass on among themselves, and which the scheduler can compute again when its worker
  is lost (scattered data could not be).
- Small results come as events on the streams that are open anyway, from the worker by the scheduler to the client; to
  gather them would take two round trips each, several milliseconds. Large ones are gathered, a burst at a time.
- The number of threads is asked for at most once a second, since it is a round trip to the scheduler. Somewhat more
  tasks than threads are out: a cluster that adapts grows only if something waits, from zero workers too.
- Dask runs the tasks of a lost worker again by itself; a task that takes several workers down is reported as
  `WorkerDiedError`, without a new pool.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import pickle
import threading
import time
import uuid
import warnings
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from typing import Any

import distributed

from adaptive_calib.engine.evaluate import Report, Work, WorkerDiedError
from adaptive_calib.engine.executor_protocol import Evaluate, Handle
from adaptive_calib.engine.ship import Shipment, pack

__all__ = ["DaskCluster"]

#: Seconds between two looks at the number of threads.
LOOK = 1.0


#: Results of up to so many bytes come as events; the scheduler keeps a bounded number of events for its dashboard.
SMALL_RESULT = 65_536


def _evaluate(shipped: Evaluate, points: Sequence[Any], topic: str, number: int) -> Any:
    """Run in the worker: evaluate, and send the reports as an event if they are small. They are the result, too."""
    reports = shipped(points)
    data = pickle.dumps(reports)
    if len(data) <= SMALL_RESULT:
        distributed.get_worker().log_event(topic, {"number": number, "data": data})
    return reports


def _load(data: bytes) -> Shipment:
    """Run in a worker: unpickle a large function once; the others get it from there."""
    shipment: Shipment = pickle.loads(data)
    return shipment


class _Future:
    """The handle of one task on the cluster; its result is here once it is done."""

    def __init__(self, cluster: DaskCluster, number: int, future: Any) -> None:
        self.number = number
        self.future = future
        self._cluster = cluster
        self._callbacks: list[Callable[[Any], None]] = []
        self._outcome: list[Report] | BaseException | None = None
        self._lock = threading.Lock()

    def add_done_callback(self, callback: Callable[[Any], None], /) -> None:
        self._callbacks.append(callback)
        if self.done():
            self._call_back()

    def settle(self, outcome: list[Report] | BaseException) -> None:
        """Take the outcome, if there is none yet; the event and the fetched result may come at the same time."""
        with self._lock:
            if self._outcome is not None:
                return
            self._outcome = outcome
        self.future.release()
        self._call_back()

    def _call_back(self) -> None:
        while True:
            try:
                callback = self._callbacks.pop()
            except IndexError:  # all called, perhaps by another thread
                return
            callback(self)

    def done(self) -> bool:
        return self._outcome is not None

    def cancel(self) -> bool:
        """Take the task back if there is no worker that could have begun it; dask does not say what has begun."""
        if self.done() or self._cluster.threads:
            return False
        self.future.cancel()
        return True

    def result(self) -> list[Report]:
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        assert self._outcome is not None
        return self._outcome


class DaskCluster:
    """Evaluates on a dask cluster.

    Parameters
    ----------
    client : distributed.Client
    ntasks : int, optional
        How many tasks are out; by default somewhat more than the cluster has threads.
    shutdown : bool
        Whether to close the client at the end.

    Examples
    --------
    >>> from adaptive_calib import BlockingRunner
    >>> def run(learner, client):  # a distributed.Client; the runner makes a DaskCluster of it
    ...     return BlockingRunner(learner, loss_goal=0.01, executor=client)
    """

    timeouts = False
    own_process = False
    pickles = True
    shared = False  # dask names the task that took its workers down
    poll = LOOK

    def __init__(self, client: Any, ntasks: int | None = None, *, shutdown: bool = False) -> None:
        self.client = client
        self.threads = 0
        self._ntasks = ntasks
        self.latency = 0.015 if ntasks is None else 0.0  # by the scheduler: several times as long as in a pool
        self._shutdown = shutdown
        self._looked = -LOOK
        self._asked: asyncio.Task[dict[str, int]] | None = None
        self._large: Any = None
        self._out: dict[int, _Future] = {}
        self._numbers = itertools.count()
        self._topic = f"adaptive_calib-{uuid.uuid4().hex}"
        self._fetching: set[asyncio.Task[None]] = set()  # the loop itself holds tasks weakly
        self._finished: deque[_Future] = deque()
        client.subscribe_topic(self._topic, self._hear)

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

    def submit(self, evaluate: Evaluate, points: Sequence[Any], *, alone: bool = False) -> Handle:
        """Submit one task."""
        number = next(self._numbers)
        future = self.client.submit(_evaluate, evaluate, list(points), self._topic, number, pure=False)
        handle = self._out[number] = _Future(self, number, future)
        future.add_done_callback(functools.partial(self._over, handle))
        return handle

    def _hear(self, event: tuple[float, dict[str, Any]]) -> None:
        """Take the reports that a worker has sent."""
        message = event[1]
        handle = self._out.pop(message["number"], None)
        if handle is not None:
            handle.settle(pickle.loads(message["data"]))

    def _over(self, handle: _Future, future: Any) -> None:
        """Fetch what did not come as an event: large results, and failures of the cluster."""
        if handle.done():
            return
        self._finished.append(handle)
        if self.client.asynchronous:
            fetching = asyncio.ensure_future(self._fetch_async())
            self._fetching.add(fetching)
            fetching.add_done_callback(self._fetching.discard)
        else:
            self._fetch()

    def _take(self) -> list[_Future]:
        taken = []
        with contextlib.suppress(IndexError):
            while True:
                taken.append(self._finished.popleft())
        return [handle for handle in taken if not handle.done()]

    def _fetch(self) -> None:
        """Bring home all that is finished, in the callback thread of the client."""
        taken = self._take()
        good = [handle for handle in taken if handle.future.status == "finished"]
        if len(good) > 1:
            with contextlib.suppress(Exception):  # one of them was lost meanwhile: each is asked for itself, below
                for handle, reports in zip(good, self.client.gather([h.future for h in good]), strict=True):
                    self._settle(handle, reports)
        for handle in taken:
            if not handle.done():
                try:
                    reports = handle.future.result()
                except BaseException as error:  # noqa: BLE001 - it becomes the outcome of the points
                    self._settle(handle, _explained(error))
                else:
                    self._settle(handle, reports)

    async def _fetch_async(self) -> None:
        for handle in self._take():
            try:
                reports = await handle.future
            except BaseException as error:  # noqa: BLE001 - as above
                self._settle(handle, _explained(error))
            else:
                self._settle(handle, reports)

    def _settle(self, handle: _Future, outcome: list[Report] | BaseException) -> None:
        self._out.pop(handle.number, None)
        handle.settle(outcome)

    def renew(self) -> bool:
        """A cluster looks after its workers itself."""
        return False

    def close(self, *, abandon: bool = False) -> None:
        """Forget the function; close the client only if the user asked for it."""
        self.client.unsubscribe_topic(self._topic)
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
