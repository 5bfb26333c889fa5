"""Small stand-ins: learners that answer as a test needs it, and an archive in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from adaptive_calib.engine.archive import Outcome, Preloaded, Stored


class Counting:
    """A learner that asks for 0, 1, 2, ... up to `total`; its loss is the part that is not known."""

    def __init__(self, total: int = 10, function: Any = None) -> None:
        self.total = total
        self.function = function or (lambda x: 2 * x)
        self.data: dict[int, Any] = {}
        self.pending_points: set[int] = set()
        self.gone: set[int] = set()

    @property
    def npoints(self) -> int:
        return len(self.data)

    def ask(self, n: int, tell_pending: bool = True) -> tuple[list[int], list[float]]:
        taken = self.data.keys() | self.pending_points | self.gone
        points = [x for x in range(self.total) if x not in taken][:n]
        if tell_pending:
            self.pending_points.update(points)
        return points, [1.0] * len(points)

    def tell(self, x: int, y: Any) -> None:
        self.pending_points.discard(x)
        self.data[x] = y

    def tell_many(self, xs: Sequence[int], ys: Sequence[Any]) -> None:
        for x, y in zip(xs, ys, strict=True):
            self.tell(x, y)

    def tell_pending(self, x: int) -> None:
        self.pending_points.add(x)

    def remove_unfinished(self) -> None:
        self.pending_points.clear()

    def loss(self, real: bool = True) -> float:
        return 1.0 - len(self.data) / self.total


class Tolerant(Counting):
    """The same, but it can be told of failures."""

    def tell_failed(self, x: int) -> None:
        self.pending_points.discard(x)
        self.gone.add(x)


class MemoryArchive:
    """An archive that is a dict, and remembers in which order it was called."""

    def __init__(self, values: dict[Any, Any] | None = None, failed: Sequence[Any] = ()) -> None:
        self.values = dict(values or {})
        self.failed = list(failed)
        self.outcomes: list[Outcome] = []
        self.closed: tuple[str, str] | None = None
        self.preloading = True

    def preload(self, stop: Callable[[], object] = lambda: None) -> Preloaded:
        if not self.preloading:
            return Preloaded()
        return Preloaded(list(self.values), list(self.values.values()), list(self.failed))

    def place(self, point: Any) -> Any:
        return None

    look_every = 1.0

    def release(self, places: Sequence[Any]) -> None:
        pass

    def find(self, point: Any, place: Any = None, *, claim: bool = True) -> Stored | None:
        if point in self.values:
            return Stored("ok", self.values[point])
        return Stored("failed") if point in self.failed else None

    def prepare(self, outcome: Outcome) -> Any:
        return None

    def record(self, outcomes: Sequence[Outcome]) -> None:
        self.outcomes += outcomes

    def news(self) -> Preloaded | None:
        return None

    def close(self, status: str, reason: str) -> None:
        self.closed = (status, reason)
