"""One result set: what was computed, what failed, what it printed; tables of it; and deleting some of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from adaptive_calib.store.artifacts import artifact_folder, remove_artifacts
from adaptive_calib.store.atomic import replacement
from adaptive_calib.store.backend import Backend
from adaptive_calib.store.codec import PointKey, decode
from adaptive_calib.store.errors import NotCanonicalError, UnreadableRowError
from adaptive_calib.store.identity.canonical import PointUids, plain_text
from adaptive_calib.store.identity.evaluation import Evaluation
from adaptive_calib.store.identity.replicates import Replicate, set_and_number
from adaptive_calib.store.identity.result_set_info import ResultSetInfo
from adaptive_calib.store.rows import DAMAGED, OK, Key, Row, damaged
from adaptive_calib.store.text import printable

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Output", "Space", "StoredEvaluation", "Where", "find_result_set"]


@dataclass(frozen=True, slots=True)
class Output:
    """Captured output of one evaluation."""

    stdout: str
    stderr: str
    logs: str


@dataclass(frozen=True, slots=True)
class StoredEvaluation:
    """One evaluation as it is stored.

    Attributes
    ----------
    point, y
        The function's point and result; `y` is None unless the status is ``"ok"``. A point that is no plain data
        comes as a `PointKey`, which has the fields of a dataclass as attributes: ``evaluation.point.seed``.
    status : str
        ``"ok"``, ``"failed"``, ``"crashed"``, or ``"damaged"`` if it cannot be read; `traceback` then says why.
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


_NAMES = tuple(field.name for field in fields(StoredEvaluation))


#: Chooses evaluations: values of their attributes or of fields of their points, or a function of a `StoredEvaluation`.
Where: TypeAlias = Mapping[str, Any] | Callable[[StoredEvaluation], bool]


class Space:
    """A result set: all that a store holds under one identity.

    Parameters
    ----------
    store : Store
    info : ResultSetInfo
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

    def __init__(self, store: Backend, info: ResultSetInfo, point_key: Callable[[Any], Any] | None = None) -> None:
        self._store = store
        self.info = info
        self._point_uid = PointUids(info.uid, point_key)

    @property
    def uid(self) -> str:
        """32 hexadecimal digits."""
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
        """The fields that are part of the uid, as texts for people."""
        return {name: plain_text(form) for name, form in self.info.config.items()}

    @property
    def counts(self) -> dict[str, int]:
        """Number of rows by status."""
        return self._store.count(self.uid)

    def __len__(self) -> int:
        return sum(self.counts.values())

    def __repr__(self) -> str:
        counted = ", ".join(f"{n} {status}" for status, n in sorted(self.counts.items())) or "empty"
        return f"<Space {printable(self.info.slug)}: {printable(counted)}>"

    def __iter__(self) -> Iterator[StoredEvaluation]:
        """Iterate over all evaluations, in the order in which they were first recorded; damaged ones among them."""
        return map(self._read, self._store.iter(self.uid))

    def __contains__(self, point: Any) -> bool:
        """Whether the result of a point is stored."""
        row = self._store.get(self._key(point))
        return row is not None and row.status == OK

    def failures(self) -> list[StoredEvaluation]:
        """Return the evaluations that failed, crashed or are damaged."""
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
        """Return the evaluation of a point.

        Raises
        ------
        KeyError
            If it is not stored.
        UnreadableRowError
            If it is damaged, or needs a handler that is not registered.
        """
        return self._value(self._find(point))

    def artifacts(self, point: Any) -> list[Path]:
        """Return the files that the evaluation of a point wrote into ``ctx.artifact_dir()``, sorted.

        Raises
        ------
        KeyError
            If the point is not stored.
        """
        row = self._find(point)
        if self._store.place is None:
            return []
        folder = artifact_folder(self._store.place, row.key)
        return sorted(path for path in folder.rglob("*") if path.is_file())

    def to_dataframe(self) -> pd.DataFrame:
        """Return a table of all evaluations: the attributes of `StoredEvaluation` but the traceback.

        Points that are dataclasses, models or mappings have a column ``point.FIELD`` for each field, too. ``attrs`` has
        uid, name, version and configuration of the result set.
        """
        import pandas as pd

        columns = [name for name in _NAMES if name != "traceback"]
        evaluations = list(self)
        frame = pd.DataFrame.from_records(
            [tuple(getattr(evaluation, name) for name in columns) for evaluation in evaluations], columns=columns
        )
        parts = [_parts(evaluation.point) for evaluation in evaluations]
        for number, name in enumerate(dict.fromkeys(name for each in parts for name in each)):
            values = pd.Series([each.get(name) for each in parts], index=frame.index)
            frame.insert(1 + number, name, values)
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
        target = Path(path)
        endings = (".parquet", ".csv", ".json", ".jsonl")
        if target.suffix not in endings:
            raise ValueError(f"{target} should end in one of {', '.join(endings)}.")
        table = self.to_dataframe()
        table.attrs = {}
        for column in table.columns:
            if table[column].dtype == object:
                table[column] = _flat(list(table[column]))
        with replacement(target) as temporary:
            if target.suffix == ".parquet":
                table.to_parquet(temporary)
            elif target.suffix == ".csv":
                table.to_csv(temporary, index=False)
            else:
                table.to_json(temporary, orient="records", lines=True)
        return target

    def select(self, where: Where) -> list[StoredEvaluation]:
        """Return evaluations by values of their attributes or of fields of their points; see `delete`.

        Raises
        ------
        ValueError
            If there is no such attribute, or no stored point has such a field.
        """
        return [self._read(row) for row in self.rows(where)]

    def delete(self, where: Where) -> int:
        """Delete evaluations, so that they are computed again, and their artifacts; return how many.

        Parameters
        ----------
        where
            Values of attributes, ``{"status": "failed"}`` or ``{"point": Task(1)}``, or of fields of points,
            ``{"point.seed": 1}``; or a function of a `StoredEvaluation`. ``{}`` means all.

        Raises
        ------
        ValueError
            If there is no such attribute, or no stored point has such a field.
        """
        keys = [row.key for row in self.rows(where)]
        deleted = self._store.delete(keys)
        remove_artifacts(self._store.place, keys)
        return deleted

    def rows(self, where: Where) -> list[Row]:
        """Return the rows of evaluations as they are stored; see `delete`."""
        if callable(where):
            return [row for row in self._store.iter(self.uid) if where(self._read(row))]
        return self._matching(dict(where))

    def _matching(self, where: dict[str, Any]) -> list[Row]:
        unknown = sorted(name for name in where if name not in _NAMES and not name.startswith("point."))
        if unknown:
            known = ", ".join(_NAMES)
            raise ValueError(f"{unknown} are no attributes of an evaluation; these are: {known}, point.FIELD.")
        wanted = where.pop("point", None) if "point" in where else _ANY
        uid = None if wanted is _ANY else self._uid_or_none(wanted)
        rows, names, found = list(self._store.iter(self.uid)), set[str](), []
        of_points = [name for name in where if name.startswith("point.")]
        for row in rows:
            # a row that cannot be read can still be deleted by its columns
            source: Any = self._read(row) if where.keys() & {"y", "seed"} else row
            if uid is not None and row.point_uid != uid:
                continue
            if uid is None and wanted is not _ANY and self._read(row).point != wanted:
                continue
            if of_points:
                parts = _parts(self._read(row).point)
                names |= parts.keys()
                if any(name not in parts or parts[name] != where[name] for name in of_points):
                    continue
            if all(getattr(source, name) == value for name, value in where.items() if name not in of_points):
                found.append(row)
        missing = sorted(set(of_points) - names)
        if missing and rows and not found:
            raise ValueError(f"no stored point has {', '.join(missing)}; there is: {', '.join(sorted(names)) or '-'}.")
        return found

    def _uid_or_none(self, point: Any) -> str | None:
        try:
            return self._point_uid(point)
        except (NotCanonicalError, TypeError, ValueError):
            return None

    def _key(self, point: Any) -> Key:
        return Key(self.uid, self._point_uid(point), *set_and_number(point))

    def _find(self, point: Any) -> Row:
        row = self._store.get(self._key(point))
        if row is None:
            raise KeyError(f"the point {point!r} is not in {self!r}.")
        return row

    def _read(self, row: Row) -> StoredEvaluation:
        """Return an evaluation; a damaged one if its row is damaged."""
        try:
            return self._value(row)
        except UnreadableRowError as error:
            if row.status != DAMAGED:
                if not is_damage(error):
                    raise
                row = damaged(row, str(error))
            return self._evaluation(row, PointKey(row.point) if not row.split else point_of(row), None)

    def _value(self, row: Row) -> StoredEvaluation:
        if row.status == DAMAGED:
            raise UnreadableRowError(f"the stored result at {row.point:.120} is damaged: {row.traceback}.")
        y = self._store.results.read(row.y_kind, row.y, row.y_data) if row.status == OK else None
        return self._evaluation(row, point_of(row), y)

    @staticmethod
    def _evaluation(row: Row, point: Any, y: Any) -> StoredEvaluation:
        return StoredEvaluation(
            point=point, y=y, status=row.status, split=row.split, replicate=row.replicate, started=row.started,
            duration=row.duration, host=row.host, pid=row.pid, seed=_seed(row), attempt=row.attempt,
            run_id=row.run_id, exc_type=row.exc_type, traceback=row.traceback,
        )  # fmt: skip


_ANY = object()


def find_result_set(store: Backend, evaluation: Callable[..., Any] | str) -> Space:
    """Return the result set of an evaluation, of a plain function, or of a name, slug or uid.

    A text is looked up as a name, then as a slug, then as the beginning of a uid; ``""`` is the only result set.

    Raises
    ------
    KeyError
        If there is none, or several; the message lists them.
    """
    known = store.read_result_sets()
    point_key = None
    if isinstance(evaluation, str):
        found = (
            [info for info in known if info.name == evaluation]
            or [info for info in known if info.slug == evaluation]
            or [info for info in known if info.uid.startswith(evaluation)]
        )
    else:
        evaluation = Evaluation.of(evaluation)
        point_key = evaluation.point_key
        found = [info for info in known if info.uid == evaluation.uid]
    if len(found) != 1:
        number = f"{len(found)} result sets" if found else "no result set"
        names = "".join(f"\n  {info.uid}  {printable(info.slug)}" for info in (found or known))
        raise KeyError(f"{number} for {evaluation!r} in {store!r}; give the uid of one of these:{names or ' (none)'}")
    return Space(store, found[0], point_key)


def point_of(row: Row) -> Any:
    """Return the point of a row.

    Raises
    ------
    UnreadableRowError
        If it is damaged.
    """
    return Replicate(row.split, row.replicate) if row.split else decode(row.point)


def is_damage(error: UnreadableRowError) -> bool:
    """Whether a result cannot be read because of what is in the store, not for want of a handler or a permission."""
    return not error.readable_elsewhere


def _seed(row: Row) -> int | None:
    try:
        return int(row.seed) if row.seed else None
    except ValueError as error:
        raise UnreadableRowError(f"the seed {row.seed!r:.40} of a row is no number.") from error


def _parts(point: Any, path: str = "point") -> dict[str, Any]:
    """Return the fields of a point under dotted names; none for a point without."""
    values = point.fields if isinstance(point, PointKey) else point
    if not isinstance(values, Mapping):
        return {}
    parts: dict[str, Any] = {}
    for name, value in values.items():
        place = f"{path}.{name}"
        inner = _parts(value, place)
        parts.update(inner or {place: value})
    return parts


def _flat(values: list[Any]) -> list[Any]:
    """Return numbers as they are, or, if there is anything else among them, all as texts: one type per column."""
    if all(v is None or isinstance(v, (int, float, np.number)) for v in values):
        return [None if v is None else float(v) for v in values]
    return [v if v is None or isinstance(v, str) else json.dumps(v, default=_plain) for v in values]


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=repr)
    return repr(value)
