"""The contract of a store, and what every store can do by it.

A store keeps spaces, rows and runs (`adaptive_calib.store.rows`). Subclasses say how: the abstract methods, whose
laws `put` and its neighbours state. All else (queries, cleaning, moving) is written once, on top of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from adaptive_calib.store.identity.evaluation import Evaluation
from adaptive_calib.store.identity.replicates import set_and_number
from adaptive_calib.store.result_columns import Results
from adaptive_calib.store.rows import OK, Key, Row, Run, Scanned, SpaceInfo

if TYPE_CHECKING:
    from adaptive_calib.store.result_set import Space

__all__ = ["Store", "replaces"]


def replaces(new: str, old: str, force: bool) -> bool:
    """Whether a row of status `new` takes the place of one of status `old`.

    The first result wins; only `force` replaces it, and even then a failure never does.
    """
    return old != OK or (force and new == OK)


class Store(ABC):
    """A place for evaluations. Not picklable: it stays with the one who opened it.

    Parameters
    ----------
    pickle_results : bool
        Whether results that are no plain data are pickled, and pickled ones read: reading runs what is in them.

    Examples
    --------
    >>> from adaptive_calib.store import MemoryStore, Store
    >>> isinstance(MemoryStore(), Store)
    True
    """

    #: Whether rows that others write while it is open are seen.
    sees_others = True

    def __init__(self, *, pickle_results: bool = False) -> None:
        self.results = Results(allow_pickle=pickle_results)

    # ------------------------------------------------------------------------------------------------ the contract

    @abstractmethod
    def put(self, rows: Sequence[Row], *, force: bool = False) -> None:
        """Write rows; they survive the death of the process when this returns.

        Each is complete or absent; all or none of them where the store has transactions.

        Whether a row takes the place of one under the same key says `replaces`; it keeps the place in the order.
        """

    @abstractmethod
    def get(self, key: Key) -> Row | None:
        """Return the row under a key, or None."""

    @abstractmethod
    def iter(self, space: str) -> Iterator[Row]:
        """Iterate over the rows of a space, in the order in which they were first written."""

    @abstractmethod
    def delete(self, keys: Iterable[Key]) -> int:
        """Delete rows and what belongs to them; return how many there were."""

    @abstractmethod
    def put_space(self, info: SpaceInfo) -> None:
        """Write or replace the description of a space."""

    @abstractmethod
    def drop_space(self, uid: str) -> None:
        """Delete a space with all its rows."""

    @abstractmethod
    def read_spaces(self) -> list[SpaceInfo]:
        """Return the descriptions of all spaces, in the order of their creation."""

    @abstractmethod
    def put_run(self, run: Run) -> None:
        """Write or replace the description of a run."""

    @abstractmethod
    def read_runs(self) -> list[Run]:
        """Return the descriptions of all runs, in the order of their start."""

    @abstractmethod
    def close(self) -> None:
        """Close files and connections. Closing twice does nothing."""

    @property
    @abstractmethod
    def place(self) -> Path | None:
        """A folder for memos and artifacts, or None."""

    @property
    @abstractmethod
    def readonly(self) -> bool:
        """Whether nothing is ever written."""

    def scan(self, space: str) -> Iterator[Scanned]:
        """Iterate over what preloading needs of the rows of a space, in the order of `iter`."""
        for row in self.iter(space):
            yield row.scanned

    def statuses(self, space: str) -> Iterator[tuple[tuple[str, str, int], str]]:
        """Iterate over ``((point_uid, split, replicate), status)`` of the rows of a space."""
        for row in self.scan(space):
            yield (row.point_uid, row.split, row.replicate), row.status

    def count(self, space: str) -> dict[str, int]:
        """Return the number of rows of a space by status."""
        counts: dict[str, int] = {}
        for row in self.scan(space):
            counts[row.status] = counts.get(row.status, 0) + 1
        return counts

    def clean_files(self) -> int:
        """Remove files that no row knows; return how many. Not while a run writes."""
        return 0

    # ------------------------------------------------------------------------------------------ what users do with it

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __reduce__(self) -> Any:
        raise TypeError(f"{self!r} cannot be pickled: a store stays in the process that opened it; send its path.")

    def __contains__(self, item: tuple[Callable[..., Any], Any]) -> bool:
        """Whether the result of a point is stored: ``(evaluation, point) in store``."""
        evaluation = Evaluation.of(item[0])
        row = self.get(Key(evaluation.uid, evaluation.point_uid(item[1]), *set_and_number(item[1])))
        return row is not None and row.status == OK

    def spaces(self) -> list[Space]:
        """Return all spaces, in the order of their creation."""
        from adaptive_calib.store.result_set import Space

        return [Space(self, info) for info in self.read_spaces()]

    def space(self, evaluation: Callable[..., Any] | str) -> Space:
        """Return the space of an evaluation, of a plain function, or of a uid, slug or name.

        Raises
        ------
        KeyError
            If there is none, or several of that name; the message names those that there are.
        """
        from adaptive_calib.store.result_set import Space

        known = self.read_spaces()
        if isinstance(evaluation, str):
            found = [i for i in known if i.uid.startswith(evaluation) or evaluation in (i.slug, i.name)]
        else:
            evaluation = Evaluation.of(evaluation)
            found = [i for i in known if i.uid == evaluation.uid]
        if len(found) != 1:
            what = f"{len(found)} spaces" if found else "no space"
            names = "".join(f"\n  {info.uid}  {info.slug}" for info in (found or known))
            raise KeyError(f"{what} for {evaluation!r} in {self!r}; give the uid of one of these:{names or ' (none)'}")
        return Space(self, found[0], None if isinstance(evaluation, str) else evaluation.point_key)

    def register_handler(self, kind: type, dump: Callable[[Any, Path], None], load: Callable[[Path], Any]) -> None:
        """Keep values of type `kind` as files: ``dump(object, path)`` writes one, ``load(path)`` reads it.

        A value may be a result, or stand inside one: in a list, a mapping, ... The exact type goes before its base
        classes. To be registered for reading too.
        """
        self.results.register(kind, dump, load)

    def gc(self, keep_versions: int | None = None) -> dict[str, int]:
        """Clean up; see `adaptive_calib.store.maintenance.gc`."""
        from adaptive_calib.store import maintenance as moves

        return moves.gc(self, keep_versions)

    def rename(self, old: str, new: str) -> int:
        """Give the results of the function `old` the name `new`; see `adaptive_calib.store.maintenance.rename`."""
        from adaptive_calib.store import maintenance as moves

        return moves.rename(self, old, new)

    def migrate(self, evaluation: Callable[..., Any] | None = None) -> int:
        """Move results to where they belong by now; see `adaptive_calib.store.maintenance.migrate`."""
        from adaptive_calib.store import maintenance as moves

        return moves.migrate(self, evaluation)

    def accept_default(self, evaluation: Callable[..., Any] | str, field: str) -> None:
        """Say that a changed default does not matter; see `adaptive_calib.store.maintenance.accept_default`."""
        from adaptive_calib.store import maintenance as moves

        moves.accept_default(self, evaluation, field)
