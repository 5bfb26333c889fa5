"""What a store holds, read again and again while others write it: each row once, as far as pages show it.

Large results are left out, and of every other one the numbers are kept that can be drawn.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from adaptive_calib._arrays import Floats
from adaptive_calib.store import EmptyStoreError, Store, StoreError, UnreadableRowError
from adaptive_calib.store.codec import decode
from adaptive_calib.store.identity.result_set_info import ResultSetInfo
from adaptive_calib.store.rows import OK, Key, Row, Run

__all__ = ["Evaluations", "Watched", "numbers_of"]

#: Numbers of a result that are kept; of a longer one only the text.
_LONGEST_VECTOR = 16
#: Failed rows that are looked at again for a result that came since.
_REPEATED = 500
#: At most this share of the time is spent on reading.
_SHARE = 0.05
_COLUMNS = ("points", "values", "status", "workers", "runs", "started", "durations", "keys")


@dataclass
class Evaluations:
    """All evaluations of one result set, in the order in which they were first recorded; lists of the same length.

    Attributes
    ----------
    points, values
        As decoded; of a value that cannot be drawn a short text.
    status, workers, runs
        ``"ok"`` and its siblings; host and process; id of the run.
    started, durations
        Seconds since the epoch; seconds.
    keys
        By which the whole row is found.
    """

    info: ResultSetInfo
    points: list[Any] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    status: list[str] = field(default_factory=list)
    workers: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    started: list[float] = field(default_factory=list)
    durations: list[float] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)
    version: int = 0
    _place: int = 0
    _frame: tuple[int, pd.DataFrame] | None = None

    def __len__(self) -> int:
        return len(self.points)

    def read(self, store: Store) -> None:
        """Add what is new, and results in the place of failures; begin again if rows were deleted."""
        before = len(self)
        for place, row in store.scan_after(self.info.uid, self._place):
            self._put(None, store, row)
            self._place = place
        failed = [k for k, status in enumerate(self.status[:before]) if status != OK][-_REPEATED:]
        for k in failed:
            row_now = store.get(self.keys[k])
            if row_now is not None and row_now.status != self.status[k]:
                self._put(k, store, row_now)
        if before and sum(store.count(self.info.uid).values()) < len(self):
            self.clear()
            self.read(store)

    def _put(self, place: int | None, store: Store, row: Row) -> None:
        entry = (
            _decoded(lambda: decode(row.point)), _value(store, row), row.status, f"{row.host}:{row.pid}", row.run_id,
            row.started, row.duration, row.key,
        )  # fmt: skip
        for name, value in zip(_COLUMNS, entry, strict=True):
            column = getattr(self, name)
            if place is None:
                column.append(value)
            else:
                column[place] = value
        self.version += 1

    def clear(self) -> None:
        """Forget all evaluations; the next `read` begins with the first one."""
        for name in _COLUMNS:
            getattr(self, name).clear()
        self._place = 0
        self.version += 1

    def known_until(self, moment: float) -> slice:
        """Return the rows that are there at a time; later ones were first recorded later."""
        if moment == np.inf:
            return slice(len(self))
        ends = np.array(self.started) + np.array(self.durations)
        return slice(int(np.searchsorted(np.maximum.accumulate(ends), moment, side="right")) if len(ends) else 0)

    def frame(self) -> pd.DataFrame:
        """Return a table for people: a column for each coordinate if points are numbers, else their texts."""
        if self._frame is None or self._frame[0] != self.version:
            coordinates = numbers_of(self.points)
            if coordinates is None:
                columns: dict[str, Any] = {"point": [f"{point!r:.120}" for point in self.points]}
            else:
                names = ["x"] if coordinates.shape[1] == 1 else [f"x{k}" for k in range(coordinates.shape[1])]
                columns = dict(zip(names, coordinates.T, strict=True))
            values = numbers_of(self.values)
            one = values is not None and values.shape[1] == 1
            columns["value"] = values[:, 0] if values is not None and one else [_text(value) for value in self.values]
            columns["seconds"] = np.array(self.durations, float)
            columns["status"], columns["worker"] = self.status, self.workers
            columns["run"] = [run[:6] for run in self.runs]
            columns["started"] = pd.to_datetime(np.array(self.started, float), unit="s").round("ms")
            self._frame = self.version, pd.DataFrame(columns)
        return self._frame[1]


class Watched:
    """A store that is looked at again and again.

    Parameters
    ----------
    open_store : callable
        Opens it for reading.
    name : str
        Its file or URL.
    """

    def __init__(self, open_store: Callable[[str], Store], name: str) -> None:
        self.name = name
        self._open_store = open_store
        self._state: list[tuple[int, int]] | None = None
        self._store: Store | None = None
        self._evaluations: dict[str, Evaluations] = {}
        self._next = 0.0
        #: Why the store cannot be read, yet or any more; empty if it can.
        self.problem = ""
        self.runs: list[Run] = []
        self.refresh()

    @property
    def store(self) -> Store:
        """The store as it was opened last.

        Raises
        ------
        StoreError
            If there is none yet.
        """
        if self._store is None:
            raise StoreError(self.problem)
        return self._store

    def refresh(self) -> None:
        """Look at the store again, if enough time has passed."""
        begin = time.monotonic()
        if begin < self._next:
            return
        try:
            state = _file_state(self.name)
            if state != self._state or self._store is None:  # some backends read a file as it was when it was opened
                store, before = self._open_store(self.name), self._store
                self._store, self._state = store, state
                if before is not None:
                    before.close()
            before_now, self.runs = self.runs, sorted(self.store.read_runs(), key=lambda run: run.started)
            is_another = not {run.id for run in before_now} <= {run.id for run in self.runs}
            for evaluations in self._evaluations.values():
                if is_another:
                    evaluations.clear()
                evaluations.read(self.store)
            self.problem = ""
        except (StoreError, OSError) as error:
            waiting = self._store is None and isinstance(error, (EmptyStoreError, FileNotFoundError))
            if self._store is None and not waiting:
                raise
            self.problem = f"{error} It is waited for." if waiting else f"The store cannot be read any more: {error}"
        self._next = time.monotonic() + max(0.5, (time.monotonic() - begin) / _SHARE)

    def run(self, identity: str) -> Run | None:
        """Return the run with this id; None if there is none."""
        return next((run for run in self.runs if run.id == identity), None)

    def evaluations(self, uid: str) -> Evaluations | None:
        """Return the evaluations of a result set, which are followed from now on; None if there is no such set."""
        if uid not in self._evaluations:
            info = next((info for info in self.store.read_result_sets() if info.uid == uid), None)
            if info is None:
                return None
            self._evaluations[uid] = Evaluations(info)
            self._evaluations[uid].read(self.store)
        return self._evaluations[uid]


def _file_state(name: str) -> list[tuple[int, int]]:
    """Return what changes when a file, or the log beside a database, is written; of an URL, something new each time."""
    if "://" in name:
        return [(time.monotonic_ns(), 0)]
    found = [path.stat() for path in (Path(name), Path(f"{name}-wal")) if path.exists()]
    return [(each.st_size, each.st_mtime_ns) for each in found]


def numbers_of(values: list[Any]) -> Floats | None:
    """Return numbers, or vectors of the same length, as an array of shape (n, length); None for anything else.

    None among them counts as NaN.
    """
    kinds = set(map(type, values)) - {type(None)}
    if not kinds:
        return None
    if kinds <= {float, int}:
        return np.array(values, float)[:, None]  # None becomes NaN
    try:
        known = np.array([value for value in values if value is not None])
    except ValueError:  # of different lengths
        return None
    if known.ndim != 2 or known.dtype.kind not in "fiu":
        return None
    array = np.full((len(values), known.shape[1]), np.nan)
    array[[value is not None for value in values]] = known
    return array


def _value(store: Store, row: Row) -> Any:
    if row.status != OK:
        return None
    value = _decoded(lambda: store.results.read(row.y_kind, row.y, row.y_data))
    if value is None or isinstance(value, (bool, int, float, np.bool, np.integer, np.floating)):
        return value if value is None else _decoded(lambda: float(value))
    if isinstance(value, Mapping) and "bemd" in value:  # of a calibration
        return {name: value[name] for name in ("c", "bemd", "bepis") if name in value}
    array = _decoded(lambda: np.asarray(value, float)) if isinstance(value, (list, tuple, np.ndarray)) else None
    if isinstance(array, np.ndarray) and array.ndim == 1 and 0 < array.size <= _LONGEST_VECTOR:
        return array
    return f"{value!r:.120}"


def _decoded(read: Callable[[], Any]) -> Any:
    """Return what `read` returns, or a text in the place of a value that cannot be read here."""
    try:
        return read()
    except (UnreadableRowError, TypeError, ValueError, OverflowError) as error:
        return f"({error!s:.100})"


def _text(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return "(" + ", ".join(f"{part:.6g}" for part in value) + ")"
    if isinstance(value, Mapping):  # of a calibration
        return f"B_epis = {value.get('bepis')}"
    return "" if value is None else f"{value!s:.120}"
