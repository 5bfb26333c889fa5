"""Looking at one space: what was computed, what failed, what it printed; and throwing some of it away."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adaptive_calib.store.base import Store
from adaptive_calib.store.codec import decode
from adaptive_calib.store.identity.canonical import PointUids
from adaptive_calib.store.identity.replicates import Replicate, set_and_number
from adaptive_calib.store.rows import OK, Key, Row, SpaceInfo, plain_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Output", "Space", "StoredEvaluation"]


@dataclass(frozen=True, slots=True)
class Output:
    """What one evaluation printed and logged, if it was captured."""

    stdout: str
    stderr: str
    logs: str


@dataclass(frozen=True, slots=True)
class StoredEvaluation:
    """One evaluation as it is stored.

    Attributes
    ----------
    point, y
        The function's point and result; `y` is None unless the status is ``"ok"``.
    status : str
        ``"ok"``, ``"failed"`` or ``"crashed"``.
    split, replicate
        ``""`` and 0 where points have none.
    started, duration : float
        Seconds since the epoch; seconds of the evaluation itself.
    host, pid, attempt, run_id
        Where, in which attempt, and in which run.
    seed : int or None
        Root seed of the evaluation.
    exc_type, traceback : str
        Of a failure.

    Examples
    --------
    >>> from adaptive_calib import BlockingRunner, Learner1D
    >>> from adaptive_calib.runner import SequentialExecutor
    >>> from adaptive_calib.store import MemoryStore
    >>> store = MemoryStore()
    >>> learner = Learner1D(abs, bounds=(-1, 2))
    >>> runner = BlockingRunner(learner, npoints_goal=10, store=store, executor=SequentialExecutor())
    >>> first = next(iter(store.space(abs)))
    >>> first.point, first.y, first.status
    (-1.0, 1.0, 'ok')
    """

    point: Any
    y: Any
    status: str
    split: str
    replicate: int
    started: float
    duration: float
    host: str
    pid: int
    seed: int | None
    attempt: int
    run_id: str
    exc_type: str
    traceback: str


class Space:
    """All that a store holds under one identity.

    Parameters
    ----------
    store : Store
    info : SpaceInfo
    point_key : callable, optional
        That of the `Evaluation`; without it `get` and `outputs` do not find points that have no canonical form.

    Examples
    --------
    >>> from adaptive_calib import BlockingRunner, Learner1D
    >>> from adaptive_calib.runner import SequentialExecutor
    >>> from adaptive_calib.store import MemoryStore
    >>> store = MemoryStore()
    >>> learner = Learner1D(abs, bounds=(-1, 2))
    >>> runner = BlockingRunner(learner, npoints_goal=10, store=store, executor=SequentialExecutor())
    >>> space = store.space(abs)
    >>> len(space), space.get(-1).y
    (10, 1.0)
    """

    def __init__(self, store: Store, info: SpaceInfo, point_key: Callable[[Any], Any] | None = None) -> None:
        self._store = store
        self.info = info
        self._point_uid = PointUids(info.uid, point_key)

    @property
    def uid(self) -> str:
        """32 hex characters."""
        return self.info.uid

    @property
    def name(self) -> str:
        """Name of the function."""
        return self.info.name

    @property
    def version(self) -> str:
        """Version of the evaluation."""
        return self.info.version

    @property
    def config(self) -> dict[str, str]:
        """The fields that the uid was made of, as texts for people."""
        return {name: plain_text(form) for name, form in self.info.config.items()}

    @property
    def counts(self) -> dict[str, int]:
        """Number of rows by status."""
        return self._store.count(self.uid)

    def __len__(self) -> int:
        return sum(self.counts.values())

    def __repr__(self) -> str:
        counted = ", ".join(f"{n} {status}" for status, n in sorted(self.counts.items())) or "empty"
        return f"<Space {self.info.slug}: {counted}>"

    def __iter__(self) -> Iterator[StoredEvaluation]:
        """Iterate over all evaluations, in the order in which they were first recorded."""
        return map(self._read, self._store.iter(self.uid))

    def failures(self) -> list[StoredEvaluation]:
        """Return the evaluations that failed or crashed."""
        return [self._read(row) for row in self._store.iter(self.uid) if row.status != OK]

    def outputs(self, point: Any) -> Output:
        """Return what the evaluation of a point printed and logged; empty texts if it was not captured.

        Raises
        ------
        KeyError
            If the point is not stored.
        """
        row = self._find(point)
        return Output(row.stdout, row.stderr, row.logs)

    def get(self, point: Any) -> StoredEvaluation:
        """Return the evaluation of a point; `KeyError` if it is not stored."""
        return self._read(self._find(point))

    def to_dataframe(self) -> pd.DataFrame:
        """Return a table of all evaluations: the attributes of `StoredEvaluation` but the traceback.

        ``attrs`` has the uid, name, version and configuration of the space.
        """
        import pandas as pd

        columns = [c for c in StoredEvaluation.__dataclass_fields__ if c != "traceback"]
        records = [tuple(getattr(evaluation, c) for c in columns) for evaluation in self]
        frame = pd.DataFrame.from_records(records, columns=columns)
        frame.attrs = {"uid": self.uid, "name": self.name, "version": self.version, "config": self.config}
        return frame

    def export(self, path: Any) -> Path:
        """Write the table to a file, by its ending: ``.parquet``, ``.csv`` or ``.json``.

        Points and results that are no numbers, texts or None become JSON texts, arrays in them lists.

        Raises
        ------
        ValueError
            For another ending.
        """
        from adaptive_calib.store.export import write_table

        return write_table(self.to_dataframe(), Path(path))

    def delete(self, where: Mapping[str, Any] | Callable[[StoredEvaluation], bool]) -> int:
        """Delete evaluations, so that they are computed again; return how many.

        Parameters
        ----------
        where
            Values of attributes, ``{"status": "failed"}``; or a function of a `StoredEvaluation`. ``{}`` deletes
            all.
        """
        if not callable(where):
            unknown = sorted(set(where) - set(StoredEvaluation.__dataclass_fields__))
            if unknown:
                known = ", ".join(StoredEvaluation.__dataclass_fields__)
                raise ValueError(f"{unknown} are no attributes of an evaluation; these are: {known}.")
        keys = [row.key for row in self._store.iter(self.uid) if self._matches(row, where)]
        return self._store.delete(keys)

    def _matches(self, row: Row, where: Mapping[str, Any] | Callable[[StoredEvaluation], bool]) -> bool:
        if callable(where):
            return bool(where(self._read(row)))
        # a row that cannot be read can be deleted by what its columns say
        needs_reading = where.keys() & {"point", "y", "seed"}
        source: Any = self._read(row) if needs_reading else row
        return all(getattr(source, name) == value for name, value in where.items())

    def _find(self, point: Any) -> Row:
        row = self._store.get(Key(self.uid, self._point_uid(point), *set_and_number(point)))
        if row is None:
            raise KeyError(f"the point {point!r} is not in {self!r}.")
        return row

    def _read(self, row: Row) -> StoredEvaluation:
        y = self._store.results.read(row.y_kind, row.y, row.y_data) if row.status == OK else None
        seed = int(row.seed) if row.seed else None
        point = Replicate(row.split, row.replicate) if row.split else decode(row.point)
        return StoredEvaluation(
            point, y, row.status, row.split, row.replicate, row.started, row.duration, row.host, row.pid,
            seed, row.attempt, row.run_id, row.exc_type, row.traceback,
        )  # fmt: skip
