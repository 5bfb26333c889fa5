"""The protocol of executors: `Executor.submit` returns a `Handle` for some points; the drivers use nothing else.

The adapters that keep this protocol are in `adaptive_calib.engine.executors`, `adaptive_calib.engine.coroutines` and
`adaptive_calib.engine.dask_cluster`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

from adaptive_calib.engine.evaluate import Report, Work

__all__ = ["Evaluate", "Executor", "ExecutorError", "Handle", "MayNotWithdraw", "TellsOfDeaths"]


class ExecutorError(RuntimeError):
    """The executor does not evaluate the points that it is given; ``__cause__`` is its own exception, if it has one."""


Evaluate = Callable[[Sequence[Any]], Any]
"""The callable that is submitted with points: a `Work`, or a `Shipment` that stands for it."""


class Handle(Protocol):
    """The future of one submission, as far as the drivers need it."""

    def add_done_callback(self, callback: Callable[[Any], None], /) -> None:
        """Call ``callback(handle)`` when it is over, in any thread; immediately if it already is."""
        ...

    def done(self) -> bool:
        """Whether it is over."""
        ...

    def cancel(self) -> bool:
        """Withdraw it if it has not begun; return whether that was so."""
        ...

    def result(self) -> list[Report]:
        """Return one report for each point; called only when it is done. Raises if the worker or pool failed."""
        ...


@runtime_checkable
class Executor(Protocol):
    """Something that evaluates points."""

    @property
    def timeouts(self) -> bool:
        """Whether it enforces the time limit of a `Work`."""
        ...

    @property
    def own_process(self) -> bool:
        """Whether evaluations have a process to themselves (needed to capture file descriptors)."""
        ...

    @property
    def pickles(self) -> bool:
        """Whether functions are pickled on their way to the workers."""
        ...

    @property
    def capacity(self) -> int:
        """Number of evaluations that may run at the same time now; 0 while there is no worker."""
        ...

    @property
    def shared(self) -> bool:
        """Whether other runs may use the pool, too, so that one of their tasks may have killed a worker."""
        ...

    @property
    def latency(self) -> float:
        """Seconds that a worker waits between two tasks if it has no second one: the way to the driver and back.

        For short tasks more than one per worker is submitted, to save this time. 0: always one.
        """
        ...

    @property
    def poll(self) -> float:
        """Seconds after which `capacity` may have changed without an event; inf: never."""
        ...

    def ship(self, work: Work) -> Evaluate:
        """Send the function to the workers, once; return what is to be submitted."""
        ...

    def submit(self, evaluate: Evaluate, points: Sequence[Any], *, alone: bool = False) -> Handle:
        """Start to evaluate points, one after the other; `alone` if they may kill the pool that they are in.

        An executor whose pool is shared uses another pool for them, where no task of another run can be guilty.
        """
        ...

    def renew(self) -> bool:
        """Replace a broken pool; return False if the user made it."""
        ...

    def close(self, *, abandon: bool = False) -> None:
        """Close what was opened; with `abandon`, without waiting for evaluations."""
        ...


@runtime_checkable
class MayNotWithdraw(Protocol):
    """An executor whose handles may not know whether they have begun."""

    def can_withdraw(self, handles: Sequence[Handle]) -> bool:
        """Whether the handles know it; if not, none of them is cancelled at the end of a run."""
        ...


@runtime_checkable
class TellsOfDeaths(Protocol):
    """An executor that can say how its workers ended."""

    def last_words(self) -> str:
        """Return how the workers of a broken pool ended, and where they print, as one sentence; "" if unknown."""
        ...
