"""A dask cluster as an executor: ``distributed.Client``, synchronous or asynchronous.

- The function is pickled once. A small one rides in each task as a token with its bytes; a large one becomes a task of
  its own whose result the workers pass on among themselves, and which the scheduler can compute again when its worker
  is lost (scattered data could not be).
- A worker sends an event when a task begins, and its reports with another one, on the streams that are open anyway:
  gathering small results would take two round trips each, several milliseconds. Large ones are gathered. So it is known
  which tasks have begun (the others can be withdrawn), and which begin again because their worker was lost.
- The number of threads is read at most once a second, since it is a round trip to the scheduler. A cluster that adapts
  is given as many tasks as it may have threads, so that it asks for all its workers in one go; any other one somewhat
  more tasks than it has threads. While there is no worker, an empty task makes an adaptive cluster start one.
- When a run ends, no worker begins a task of it any more, and each one answers which tasks it is evaluating: the event
  that one has begun may still be on its way. Only the others are withdrawn.
- A worker with a nanny leaves SIGINT and SIGTERM to it: sent to the group of a script with a ``LocalCluster``, they
  would end the workers before the run has what they compute.
- Dask runs the tasks of a lost worker again. A task that loses two workers unexpectedly (retirement is
  expected) is a suspect: it runs again alone, and if it then loses another one, its point has crashed. When a run ends,
  tasks of lost workers are withdrawn instead.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import logging
import multiprocessing
import multiprocessing.util
import pickle
import threading
import time
import uuid
import warnings
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Any

import distributed

from adaptive_calib.engine.evaluate import Report, Work, WorkerDiedError
from adaptive_calib.engine.executor_protocol import Evaluate, ExecutorError, Handle
from adaptive_calib.engine.ship import Shipment, live_as_long_as_the_parent, pack

__all__ = ["DaskCluster"]

#: Seconds between two looks at the number of threads.
LOOK = 1.0


#: Largest size, in bytes, of results that come as events; the scheduler keeps a bounded number of events.
SMALL_RESULT = 65_536

#: Workers that a task loses unexpectedly before it is a suspect: one may be chance. Alone, one more proves it.
MOST_DEATHS = 2

#: Seconds in which the workers are to say what they evaluate, when a run ends; one that computes in compiled code, and
#: holds the interpreter's lock, cannot.
ANSWER = 1.0

logger = logging.getLogger("adaptive_calib")

#: In a worker: topic of the cluster and number, of the tasks that are being evaluated.
_evaluating: set[tuple[str, int]] = set()

#: In a worker: topics of clusters of which it begins nothing more.
_closed: set[str] = set()

_lock = threading.Lock()


def _evaluate(shipped: Evaluate, points: Sequence[Any], topic: str, number: int) -> Any:
    """Run in the worker: evaluate, and send the reports as an event if they are small. They are the result, too.

    The result is None after `_close`.
    """
    worker = distributed.get_worker()
    _begin_worker(worker.address)
    with _lock:
        if topic in _closed:
            return None
        _evaluating.add((topic, number))
    try:
        worker.log_event(topic, {"number": number, "begun": worker.address})
        reports = shipped(points)
        data = pickle.dumps(reports)
        if len(data) <= SMALL_RESULT:
            worker.log_event(topic, {"number": number, "data": data})
    finally:
        _evaluating.discard((topic, number))
    return reports


def _close(topic: str) -> set[int]:
    """Run in the worker: begin nothing more of a cluster; return the numbers of the tasks that are being evaluated."""
    with _lock:
        _closed.add(topic)
        return {number for of, number in _evaluating if of == topic}


@functools.cache
def _begin_worker(address: str) -> None:
    """Run in the worker `address` with its first task: leave signals to the nanny, in the main thread of its loop."""
    distributed.get_worker().loop.add_callback(live_as_long_as_the_parent)


def _kill_workers() -> None:
    """Kill the worker processes of this script's cluster that are left at its end.

    Python terminates them there by SIGTERM, which they leave to the nanny, and would wait for them for ever.
    """
    for process in multiprocessing.active_children():
        if process.daemon and process.name.startswith("Dask Worker"):
            process.kill()


@functools.cache
def _kill_workers_at_the_end() -> None:
    """Let Python call `_kill_workers` when it ends, after all that was registered with `atexit`."""
    multiprocessing.util.Finalize(None, _kill_workers, exitpriority=0)


def _nothing() -> None:
    """Run in a worker, as soon as there is one."""


def _load(data: bytes) -> Shipment:
    """Run in a worker: unpickle a large function once; the others get it from there."""
    shipment: Shipment = pickle.loads(data)
    return shipment


class _Future:
    """The handle of one task on the cluster; its result is here once it is done."""

    def __init__(self, cluster: DaskCluster, number: int, future: Any, points: Sequence[Any], *, alone: bool) -> None:
        self.number = number
        self.future = future
        self.points = points
        self.alone = alone
        self.begun: list[tuple[float, str]] = []  # each time that it began: monotonic time, address of the worker
        self.deaths = 0  # workers that died while they had it
        self.lost = False  # whether the worker that began it last is gone
        self.unwanted = False  # whether it was to be withdrawn when it had begun: dask must not begin it again
        self._cluster = cluster
        self._callbacks: list[Callable[[Any], None]] = []
        self._outcome: list[Report] | BaseException | None = None
        self._lock = threading.Lock()

    def add_done_callback(self, callback: Callable[[Any], None], /) -> None:
        self._callbacks.append(callback)
        if self.done():
            self._call_back()

    def settle(self, outcome: list[Report] | BaseException) -> None:
        """Keep the outcome, if there is none yet; the event and the fetched result may come at the same time."""
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
        """Withdraw the task if the worker that had begun it is gone, or once it is sure that none has."""
        if self.lost and not self.done():
            self._cluster.withdraw(self)
            return True
        self.unwanted = True
        return not (self.begun or self.done()) and self._cluster.withdraw_unless_begun(self)

    def result(self) -> list[Report]:
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        assert self._outcome is not None
        return self._outcome


#: The clusters that are used through a client, which has one handler for each topic.
_listeners: weakref.WeakKeyDictionary[Any, weakref.WeakSet[DaskCluster]] = weakref.WeakKeyDictionary()


def _listen(cluster: DaskCluster) -> None:
    """Let a cluster receive the losses of workers; a handler that the user has set for them stays."""
    client = cluster.client
    if client in _listeners:
        _listeners[client].add(cluster)
    elif "all" not in getattr(client, "_event_handlers", {}):
        clusters = _listeners[client] = weakref.WeakSet([cluster])

        def take(event: tuple[float, Any]) -> None:
            message = event[1]
            if isinstance(message, dict) and message.get("action") == "remove-worker":
                for each in list(clusters):
                    each.take_loss(message["worker"], expected=message.get("expected", True))

        client.subscribe_topic("all", take)


def _last_words(jobs: Sequence[Any]) -> str:
    """Return which jobs of a queue were submitted (by dask-jobqueue), and the last line in the newest of their logs.

    The batch system names the files: in the folder for logs if there is one, else where the script was started, with
    the number of the job in their name.
    """
    if not jobs:
        return ""
    words = f"; the jobs {', '.join(str(job.job_id) for job in jobs[:5])}{' and others' if len(jobs) > 5 else ''} "
    folder = Path(getattr(jobs[0], "log_directory", None) or ".")
    logs = [path for job in jobs for path in folder.glob(f"*[!0-9]{job.job_id}.*") if path.stat().st_size]
    if not logs:
        return words + f"were submitted, and have printed nothing into {folder.absolute()}"
    newest = max(logs, key=lambda path: path.stat().st_mtime)
    last = newest.read_text(encoding="utf-8", errors="replace").rstrip().rpartition("\n")[2]
    return words + f"were submitted; the last line of {newest.absolute()}: {last:.300}"


class DaskCluster:
    """Evaluates on a dask cluster.

    Parameters
    ----------
    client : distributed.Client
    ntasks : int, optional
        How many tasks are out; by default as many as a cluster that adapts may have threads, otherwise somewhat more
        than there are threads.
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
    shared = True  # tasks of other threads, runs and users may die with a worker

    def __init__(self, client: Any, ntasks: int | None = None, *, shutdown: bool = False) -> None:
        self.client = client
        self.threads = 0
        self._workers = 0
        self._ntasks = ntasks
        self.latency = 0.015 if ntasks is None else 0.0  # by the scheduler: several times as long as in a pool
        self._shutdown = shutdown
        self._looked = -LOOK
        self._asked: asyncio.Task[dict[str, int]] | None = None
        self._closing: asyncio.Task[set[int]] | None = None
        self._large: Any = None
        self._beacon: Any = None
        self._lost: ExecutorError | None = None
        self._out: dict[int, _Future] = {}
        self._numbers = itertools.count()
        self._topic = f"adaptive_calib-{uuid.uuid4().hex}"
        self._tasks: set[asyncio.Future[Any]] = set()  # the loop itself holds tasks weakly
        self._finished: deque[_Future] = deque()
        client.subscribe_topic(self._topic, self._take_event)
        _kill_workers_at_the_end()
        _listen(self)

    @property
    def asynchronous(self) -> bool:
        """Whether it works on the running event loop only."""
        return bool(self.client.asynchronous)

    @property
    def poll(self) -> float:
        """Seconds until the next look at the number of threads; few while an asynchronous client is asking for it."""
        return LOOK if self._asked is None else LOOK / 20

    @property
    def present(self) -> int:
        """Number of threads of the workers that are there."""
        self._look()
        return self.threads

    @property
    def capacity(self) -> int:
        """`ntasks`, or the threads that the cluster has, or may have if it adapts, and some ahead; 0 without worker."""
        self._look()
        most = self._most_threads()
        if not self.threads and not most:
            return 0
        if self._ntasks:
            return self._ntasks
        return max(most, self.threads + max(1, self.threads // 2))

    def _most_threads(self) -> int:
        """Return the threads that a cluster which adapts may have; 0 if it does not adapt, or has no limit."""
        adaptive = getattr(getattr(self.client, "cluster", None), "_adaptive", None)  # there is no public name
        most = getattr(adaptive, "maximum", None)
        if most is None or not isfinite(most):
            return 0
        return int(most) * max(1, self.threads // self._workers if self._workers else 1)

    def _look(self) -> None:
        now = time.monotonic()
        if self._lost is not None:
            raise self._lost
        if self.asynchronous:
            if self._asked is not None and self._asked.done():
                asked, self._asked = self._asked, None
                self._count(asked.result)
            if self._asked is None and now - self._looked >= LOOK:
                self._looked = now
                self._asked = asyncio.ensure_future(self.client.ncores())
        elif now - self._looked >= LOOK:
            self._looked = now
            self._count(self.client.ncores)

    def _count(self, read: Callable[[], dict[str, int]]) -> None:
        """Read the number of threads; all tasks that are out fail if the scheduler does not answer."""
        try:
            cores = read()
        except Exception as error:
            raise self._lose(error) from error
        self._workers, self.threads = len(cores), sum(cores.values())
        if self.threads:
            self._beacon = None
        elif self._beacon is None:
            self._beacon = self.client.submit(_nothing, pure=False)

    def _lose(self, error: BaseException) -> ExecutorError:
        """Note that the scheduler is lost; let all tasks that are out fail with that."""
        if self._lost is None:
            self._lost = ExecutorError(
                f"the dask scheduler at {self._address()} does not answer any more: {error!r}. Results that were told "
                "are kept; start the cluster and the run again for the others."
            )
            self._lost.__cause__ = error
            for handle in list(self._out.values()):
                self._settle(handle, self._lost)
        return self._lost

    def _address(self) -> str:
        scheduler = getattr(self.client, "scheduler", None)
        return str(getattr(scheduler, "address", None) or getattr(scheduler, "addr", "an unknown address"))

    def condition(self) -> str:
        """Return what the cluster reports about workers that are missing."""
        cluster = getattr(self.client, "cluster", None)
        words = f"the dask cluster at {self._address()} has none"
        requested = len(getattr(cluster, "requested", ()) or ())
        if requested:
            words += f"; {requested} jobs or processes are requested"
        elif cluster is not None and getattr(cluster, "_adaptive", None) is None:
            words += " and starts none by itself: call cluster.scale(n) or cluster.adapt()"
        jobs = list((getattr(cluster, "workers", None) or {}).values())
        ended = [str(job) for job in jobs if str(getattr(job, "status", "")).endswith(("failed", "closed"))]
        if ended:
            words += f"; {len(ended)} of them have ended, look at their logs (cluster.get_logs()): {ended[0]:.200}"
        return words + self._of_jobs()

    def _of_jobs(self) -> str:
        """Return the numbers of the jobs of a cluster in a queue and the end of their newest log, else ""."""
        jobs = (getattr(getattr(self.client, "cluster", None), "workers", None) or {}).values()
        return _last_words([job for job in jobs if getattr(job, "job_id", None)])

    def age(self, handle: Handle) -> float | None:
        """Return for how many seconds a worker has evaluated the points of a handle; None if none has begun."""
        begun = handle.begun if isinstance(handle, _Future) else []
        return time.monotonic() - begun[-1][0] if begun else None

    def end(self, handle: Handle) -> bool:
        """Return False: a thread of a dask worker cannot be ended."""
        return False

    def withdraw(self, handle: _Future, error: BaseException | None = None) -> None:
        """Cancel a task, with an error as its outcome."""
        self._out.pop(handle.number, None)
        handle.settle(error or CancelledError())
        with contextlib.suppress(Exception):  # a scheduler that is lost begins nothing
            cancelled = handle.future.cancel()
            if asyncio.iscoroutine(cancelled):
                self._keep(asyncio.ensure_future(cancelled))

    def withdraw_unless_begun(self, handle: _Future) -> bool:
        """Cancel a task if all workers answer that they have not begun it; return whether that is known now."""
        answer = self.client.sync(self._withdraw_unless_begun, handle)
        if not asyncio.iscoroutine(answer):
            return bool(answer)
        self._keep(asyncio.ensure_future(answer))
        return False

    async def _withdraw_unless_begun(self, handle: _Future) -> bool:
        if self._closing is None:
            self._closing = asyncio.create_task(self._close_workers())
        evaluating = await self._closing
        if handle.begun or handle.number in evaluating:
            return False
        self.withdraw(handle)
        return True

    async def _close_workers(self) -> set[int]:
        """Let workers begin nothing more; return the numbers of the tasks that they say they are evaluating."""
        with contextlib.suppress(Exception):  # what does not answer evaluates nothing of which an event has not come
            answers = await asyncio.wait_for(self.client.run(_close, self._topic, on_error="ignore"), ANSWER)
            return set().union(*answers.values())
        return set()

    def _keep(self, task: asyncio.Future[Any]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def ship(self, work: Work) -> Evaluate:
        """Return a token for the work, or a future of it if it is large."""
        work = replace(work, pickled=True)
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
        if self._lost is not None:
            raise self._lost
        number = next(self._numbers)
        future = self.client.submit(_evaluate, evaluate, list(points), self._topic, number, pure=False)
        handle = self._out[number] = _Future(self, number, future, points, alone=alone)
        future.add_done_callback(functools.partial(self._over, handle))
        return handle

    def _take_event(self, event: tuple[float, dict[str, Any]]) -> None:
        """Process an event of a worker: a task has begun, or its reports."""
        message = event[1]
        handle = self._out.get(message["number"])
        if handle is None:
            return
        if "begun" in message:
            handle.begun.append((time.monotonic(), message["begun"]))
            handle.lost = False
            if len(handle.begun) > 1:
                logger.warning(
                    "the evaluation of %s has begun for the %d. time, at %s: a worker was lost before its end, or has "
                    "retired (--lifetime, adaptive scaling, preemption). Let workers live longer than an evaluation.",
                    ", ".join(map(str, handle.points)),
                    len(handle.begun),
                    message["begun"],
                )
            return
        del self._out[message["number"]]
        handle.settle(pickle.loads(message["data"]))

    def take_loss(self, worker: str, *, expected: bool) -> None:
        """Note that a worker has gone, `expected` if it retired; the second unexpected loss makes a task a suspect.

        At the end of a run its tasks are withdrawn: dask would begin them again.
        """
        for handle in list(self._out.values()):
            if not handle.begun or handle.begun[-1][1] != worker:
                continue
            handle.lost = True
            handle.deaths += not expected
            if handle.unwanted:
                points = ", ".join(map(str, handle.points))
                logger.warning("the worker at %s was lost; evaluated again by the next run: %s", worker, points)
                self.withdraw(handle)
            elif not expected and handle.deaths == (1 if handle.alone else MOST_DEATHS):
                died = f"{handle.deaths} workers died while they had the point, the last one at {worker}"
                self.withdraw(handle, WorkerDiedError(f"{died}; what it printed is in its log{self._of_jobs()}."))

    def _over(self, handle: _Future, future: Any) -> None:
        """Fetch what did not come as an event: large results, and failures of the cluster."""
        if handle.done():
            return
        self._finished.append(handle)
        if self.client.asynchronous:
            self._keep(asyncio.ensure_future(self._fetch_async()))
        else:
            self._fetch()

    def _take(self) -> list[_Future]:
        taken = []
        with contextlib.suppress(IndexError):
            while True:
                taken.append(self._finished.popleft())
        return [handle for handle in taken if not handle.done()]

    def _fetch(self) -> None:
        """Fetch all results that are finished, in the callback thread of the client."""
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
                    self._settle(handle, self._explained(error))
                else:
                    self._settle(handle, reports)

    async def _fetch_async(self) -> None:
        for handle in self._take():
            try:
                reports = await handle.future
            except BaseException as error:  # noqa: BLE001 - as above
                self._settle(handle, self._explained(error))
            else:
                self._settle(handle, reports)

    def _settle(self, handle: _Future, outcome: list[Report] | BaseException | None) -> None:
        self._out.pop(handle.number, None)
        handle.settle(CancelledError() if outcome is None else outcome)

    def renew(self) -> bool:
        """A cluster looks after its workers itself."""
        return False

    def close(self, *, abandon: bool = False) -> None:
        """Forget the function; close the client only if the user asked for it."""
        self._beacon = None
        self.client.unsubscribe_topic(self._topic)
        _listeners.get(self.client, weakref.WeakSet()).discard(self)
        if self._large is not None:
            self._large.release()
        if self._shutdown:
            self.client.close()

    def _explained(self, error: BaseException) -> BaseException:
        """Return the error as the drivers expect it."""
        if isinstance(error, distributed.scheduler.KilledWorker):
            died = WorkerDiedError(f"its workers died several times while they had the point: {error}")
            died.__cause__ = error
            return died
        if isinstance(error, (CancelledError, asyncio.CancelledError)):
            if self.client.status != "running" or "connection-lost" in str(error):
                return self._lose(error)
            return CancelledError(str(error))
        return error
