"""A store in memory: for tests, for runs that need no file, and as the index of backends that only append."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Sequence

from adaptive_calib._words import count
from adaptive_calib.store.backend import replaces
from adaptive_calib.store.base import Store
from adaptive_calib.store.identity.result_set_info import ResultSetInfo
from adaptive_calib.store.rows import Key, Row, Run

__all__ = ["MemoryStore"]


class MemoryStore(Store):
    """Keeps everything as long as the object lives, also after `close`: several runs may use it.

    Parameters
    ----------
    pickle_results : bool
        See `Store`.

    Examples
    --------
    >>> from adaptive_calib import BlockingRunner, Learner1D
    >>> from adaptive_calib.runner import SequentialExecutor
    >>> from adaptive_calib.store import MemoryStore
    >>> store = MemoryStore()
    >>> learner = Learner1D(abs, bounds=(-1, 2))
    >>> runner = BlockingRunner(learner, npoints_goal=10, store=store, executor=SequentialExecutor())
    >>> store.space(abs).counts
    {'ok': 10}
    """

    def __init__(self, *, pickle_results: bool = False) -> None:
        super().__init__(pickle_results=pickle_results)
        self._infos: dict[str, ResultSetInfo] = {}
        self._rows: dict[str, dict[Key, Row]] = {}
        self._runs: dict[str, Run] = {}
        self._claims: dict[Key, str] = {}
        self._beats: dict[str, int] = {}
        self._claiming = threading.Lock()

    def __repr__(self) -> str:
        return f"<MemoryStore of {count(sum(map(len, self._rows.values())), 'row')}>"

    def put(self, rows: Sequence[Row], *, force: bool = False) -> None:
        """Keep rows."""
        for row in rows:
            table = self._rows.setdefault(row.space, {})
            old = table.get(row.key)
            if old is None or replaces(row.status, old.status, force):
                table[row.key] = row

    def get(self, key: Key) -> Row | None:
        """Return the row under a key, or None."""
        return self._rows.get(key.space, {}).get(key)

    def iter(self, space: str) -> Iterator[Row]:
        """Iterate over the rows of a result set."""
        yield from list(self._rows.get(space, {}).values())

    def rows(self) -> Iterator[Row]:
        """Iterate over the rows of all result sets."""
        for table in self._rows.values():
            yield from table.values()

    def delete(self, keys: Iterable[Key]) -> int:
        """Delete rows."""
        return sum(self._rows.get(key.space, {}).pop(key, None) is not None for key in keys)

    def put_result_set(self, info: ResultSetInfo) -> None:
        """Keep the description of a result set."""
        self._infos[info.uid] = info

    def drop_result_set(self, uid: str) -> None:
        """Delete a result set with its rows."""
        self._infos.pop(uid, None)
        self._rows.pop(uid, None)

    def read_result_sets(self) -> list[ResultSetInfo]:
        """Return the descriptions of all result sets."""
        return list(self._infos.values())

    def put_run(self, run: Run) -> None:
        """Keep the description of a run."""
        self._runs[run.id] = run

    def read_runs(self) -> list[Run]:
        """Return the descriptions of all runs."""
        return list(self._runs.values())

    def claim(self, keys: Sequence[Key], owner: str, expired: Collection[str] = ()) -> dict[Key, str]:
        """Take leases on points."""
        held: dict[Key, str] = {}
        with self._claiming:
            for key in keys:
                holder = self._claims.get(key, owner)
                if holder == owner or holder in expired:
                    self._claims[key] = owner
                else:
                    held[key] = holder
        return held

    def release(self, keys: Iterable[Key], owner: str) -> None:
        """Give up leases."""
        with self._claiming:
            for key in keys:
                if self._claims.get(key) == owner:
                    del self._claims[key]

    def beat(self, owner: str, number: int | None) -> None:
        """Keep that an owner lives, or that it has ended."""
        if number is None:
            self._beats.pop(owner, None)
        else:
            self._beats[owner] = number

    def beats(self) -> dict[str, int]:
        """Return the last numbers of the owners."""
        return dict(self._beats)
