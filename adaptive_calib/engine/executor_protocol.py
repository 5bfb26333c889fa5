"""The protocol of executors: `Executor.submit` returns a `Handle` for some points; the drivers use nothing else.

The adapters that keep this protocol are in `adaptive_calib.engine.executors`, `adaptive_calib.engine.coroutines` and
`adaptive_calib.engine.dask_cluster`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

from adaptive_calib.engine.evaluate import Report, Work

__all__ = ["Evaluate", "Executor", "ExecutorError", "Handle"]


class ExecutorError(RuntimeError):
    """The executor does not evaluate the points that it is given; ``__cause__`` is its own exception, if it has one."""


Evaluate = Callable[[Sequence[Any]], Any]
"""What is submitted with some points: a `Work`, or a `Shipment` that stands for it."""


class Handle(Protocol):
    """What `Executor.submit` returns: the future of one submission, as far as the drivers need it."""

    def add_done_callback(self, callback: Callable[[Any], None], /) -> None:
        """Call ``callback(handle)`` once it is over, in any thread; at once if it is already."""
        ...

    def done(self) -> bool:
        """Whether it is over."""
        ...

    def cancel(self) -> bool:
        """Take it back if it has not begun; return whether that was so."""
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
        """Whether functions are pickled on their way to where they are evaluated."""
        ...

    @property
    def capacity(self) -> int:
        """How many evaluations may run at once now; 0 while there is no worker."""
        ...

    @property
    def shared(self) -> bool:
        """Whether others may use the pool, too, so that a death in it may be their doing."""
        ...

    @property
    def latency(self) -> float:
        """Seconds that a worker waits between two tasks if it has no second one: the way to the driver and back.

        For short tasks more than one per worker is out, to spare it this time. 0: one at a time, always.
        """
        ...

    @property
    def poll(self) -> float:
        """Seconds after which `capacity` is worth a look even if nothing has happened; inf: it never is."""
        ...

    def ship(self, work: Work) -> Evaluate:
        """Bring the function to where it is evaluated, once; return what is to be submitted."""
        ...

    def submit(self, evaluate: Evaluate, points: Sequence[Any], *, alone: bool = False) -> Handle:
        """Start to evaluate some points, one after the other; `alone` if they may kill the pool they are in.

        A pool that others use, too, then takes another one: the death of its workers may be somebody else's doing.
        """
        ...

    def renew(self) -> bool:
        """Replace a pool that is broken; return False if it is not ours to replace."""
        ...

    def close(self, *, abandon: bool = False) -> None:
        """Give back what was opened; with `abandon`, without waiting for what still runs."""
        ...
