"""User interface of a store; the same for all backends."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from adaptive_calib.store import maintenance
from adaptive_calib.store.backend import Backend
from adaptive_calib.store.comparison import Comparison, compare
from adaptive_calib.store.identity.evaluation import Evaluation
from adaptive_calib.store.identity.replicates import set_and_number
from adaptive_calib.store.result_set import Space, Where, find_result_set
from adaptive_calib.store.rows import OK, Key
from adaptive_calib.store.sweeps import explain, sweep_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Store"]


class Store(Backend):
    """A place for evaluations. It cannot be pickled: a store stays in the process that opened it.

    Parameters
    ----------
    pickle_results : bool
        Whether results that are not plain data are pickled, and pickled ones read. Reading a pickle can run any code.

    Examples
    --------
    >>> from adaptive_calib.store import MemoryStore, Store
    >>> isinstance(MemoryStore(), Store)
    True
    """

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
        """Return all result sets, in the order of their creation."""
        return [Space(self, info) for info in self.read_result_sets()]

    def space(self, evaluation: Callable[..., Any] | str) -> Space:
        """Return the result set of an evaluation, of a plain function, or of a name, slug or uid.

        Raises
        ------
        KeyError
            If there is none, or several; the message lists them.
        """
        return find_result_set(self, evaluation)

    def to_dataframe(self, function: Callable[..., Any] | str) -> pd.DataFrame:
        """Return one table of all results of a function; see `adaptive_calib.store.sweeps.sweep_table`."""
        return sweep_table(self, function)

    def explain(self, evaluation: Callable[..., Any]) -> str:
        """Return what there is of an evaluation, or in what it differs from the nearest; see `sweeps.explain`."""
        return explain(self, evaluation)

    def compare(
        self,
        evaluation: Callable[..., Any],
        sample: int = 20,
        *,
        rtol: float = 0.0,
        atol: float = 0.0,
        stored: str | None = None,
        points: Iterable[Any] = (),
        seed: int = 0,
    ) -> Comparison:
        """Evaluate a sample of stored points with the code that there is now; see `adaptive_calib.store.comparison`."""
        return compare(self, evaluation, sample, rtol=rtol, atol=atol, stored=stored, points=points, seed=seed)

    def register_handler(
        self, kind: type, dump: Callable[[Any, Path], object], load: Callable[[Path], Any], *, suffix: str = ""
    ) -> None:
        """Keep values of type `kind` as files: ``dump(object, path)`` writes one, ``load(path)`` reads it.

        A value may be a result, or stand inside one: in a list, a mapping, ... The exact type goes before its base
        classes. To be registered for reading too. The path ends with `suffix`, for libraries that choose the format by
        the ending of the file, as ``".fits"``.
        """
        self.results.register(kind, dump, load, suffix)

    def gc(
        self,
        keep_versions: int | None = None,
        *,
        older_than: timedelta | float | None = None,
        larger_than: int | None = None,
        where: Where | None = None,
        dry_run: bool = False,
    ) -> dict[str, int]:
        """Clean up; see `adaptive_calib.store.maintenance.gc`."""
        return maintenance.gc(
            self, keep_versions, older_than=older_than, larger_than=larger_than, where=where, dry_run=dry_run
        )

    def merge(self, other: Store) -> int:
        """Take over all results of another store; see `adaptive_calib.store.maintenance.merge`."""
        return maintenance.merge(self, other)

    def rename(self, old: str, new: str) -> int:
        """Give the results of a function or class a new name; see `adaptive_calib.store.maintenance.rename`."""
        return maintenance.rename(self, old, new)

    def migrate(self, evaluation: Callable[..., Any] | None = None) -> int:
        """Move results to the place that belongs to them by now; see `adaptive_calib.store.maintenance.migrate`."""
        return maintenance.migrate(self, evaluation)

    def accept_default(self, evaluation: Callable[..., Any] | str, field: str) -> None:
        """Declare that a changed default does not matter; see `adaptive_calib.store.maintenance.accept_default`."""
        maintenance.accept_default(self, evaluation, field)
