"""The contract of a backend: where rows, result sets and runs are kept.

A backend subclasses `adaptive_calib.store.base.Store` and defines the abstract methods of `Backend`. The queries,
cleaning and moving that users see are written once, on top of them; `adaptive_calib.testing.StoreContract` tests them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from adaptive_calib.store.identity.result_set_info import ResultSetInfo
from adaptive_calib.store.result_columns import Results
from adaptive_calib.store.rows import OK, Key, Row, Run

__all__ = ["Backend", "replaces"]


def replaces(new: str, old: str, force: bool) -> bool:
    """Whether a row of status `new` overwrites one of status `old` under the same key.

    The first result wins. Only `force` overwrites a result, and only with another result, never with a failure.
    """
    return old != OK or (force and new == OK)


class Backend(ABC):
    """The abstract part of a store.

    Parameters
    ----------
    pickle_results : bool
        Whether results that are not plain data are pickled, and pickled ones read. Reading a pickle can run any code.
    """

    #: Whether other processes may write at the same time, and what they write is seen.
    sees_others = True

    def __init__(self, *, pickle_results: bool = False) -> None:
        self.results = Results(allow_pickle=pickle_results)

    @abstractmethod
    def put(self, rows: Sequence[Row], *, force: bool = False) -> None:
        """Write rows; they survive the death of the process when this returns.

        Each row is complete or absent; where the backend has transactions, all rows or none of them are written.
        `replaces` decides whether a row overwrites an existing one; an overwritten row keeps its position in the order.
        """

    @abstractmethod
    def get(self, key: Key) -> Row | None:
        """Return the row under a key, or None."""

    @abstractmethod
    def iter(self, space: str) -> Iterator[Row]:
        """Iterate over the rows of a result set, in the order in which they were first written."""

    @abstractmethod
    def delete(self, keys: Iterable[Key]) -> int:
        """Delete rows and the files that belong to them; return how many rows there were."""

    @abstractmethod
    def put_result_set(self, info: ResultSetInfo) -> None:
        """Write or replace the description of a result set."""

    @abstractmethod
    def drop_result_set(self, uid: str) -> None:
        """Delete a result set with all its rows."""

    @abstractmethod
    def read_result_sets(self) -> list[ResultSetInfo]:
        """Return the descriptions of all result sets, in the order of their creation."""

    @abstractmethod
    def put_run(self, run: Run) -> None:
        """Write or replace the description of a run."""

    @abstractmethod
    def read_runs(self) -> list[Run]:
        """Return the descriptions of all runs, in the order of their start."""

    @abstractmethod
    def claim(self, keys: Sequence[Key], owner: str, expired: Collection[str] = ()) -> dict[Key, str]:
        """Take leases on points for an owner; return the points that another owner has leased, with its name.

        Of several processes that want a point at the same time one succeeds. A lease of one of the `expired` owners
        is taken over. `adaptive_calib.store.leases` decides who these are.
        """

    @abstractmethod
    def release(self, keys: Iterable[Key], owner: str) -> None:
        """Give up an owner's leases on these points; the leases of others stay."""

    @abstractmethod
    def beat(self, owner: str, number: int | None) -> None:
        """Write that an owner lives: another number at each call; None when it ends. Called in any thread."""

    @abstractmethod
    def beats(self) -> dict[str, int]:
        """Return the last number of each owner that has not ended."""

    def close(self) -> None:  # noqa: B027 - most backends have nothing open
        """Close files and connections. Closing twice does nothing."""

    @property
    def place(self) -> Path | None:
        """The folder for sub-results and artifacts, or None."""
        return None

    @property
    def readonly(self) -> bool:
        """Whether nothing is ever written."""
        return False

    def refresh(self, space: str, key: Key | None = None) -> None:  # noqa: B027 - databases see it anyway
        """See what other processes have written to a result set; with `key`, under this key at least."""

    def scan(self, space: str) -> Iterator[Row]:
        """Iterate over the rows of a result set as `iter` does; the captured output may be left out."""
        return self.iter(space)

    def scan_after(self, space: str, place: int) -> Iterator[tuple[int, Row]]:
        """Iterate over ``(place, row)`` of the rows of a result set that were first written after the one at `place`.

        Places increase, and are larger than 0. For displays: rows are without captured output, they may not have been
        compared with their checksums, and the data of large results may be left out.
        """
        return ((number, row) for number, row in enumerate(self.scan(space), 1) if number > place)

    def statuses(self, space: str) -> Iterator[tuple[tuple[str, str, int], str]]:
        """Iterate over ``((point_uid, split, replicate), status)`` of the rows of a result set."""
        for row in self.scan(space):
            yield (row.point_uid, row.split, row.replicate), row.status

    def count(self, space: str) -> dict[str, int]:
        """Return the number of rows of a result set by status."""
        counts: dict[str, int] = {}
        for row in self.scan(space):
            counts[row.status] = counts.get(row.status, 0) + 1
        return counts

    def clean_files(self) -> int:
        """Remove files that no row names; return how many. Not to be called while a run writes."""
        return 0
