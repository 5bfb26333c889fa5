"""Whether an edit changed the results: stored points evaluated again, with the new code and their own seeds."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from adaptive_calib._deprecation import experimental
from adaptive_calib._words import count
from adaptive_calib.store.backend import Backend
from adaptive_calib.store.codec import PointKey
from adaptive_calib.store.errors import StoreError, UnreadableRowError
from adaptive_calib.store.identity.evaluation import Evaluation
from adaptive_calib.store.identity.result_set_info import ResultSetInfo
from adaptive_calib.store.maintenance import move
from adaptive_calib.store.result_set import find_result_set, point_of
from adaptive_calib.store.rows import OK, Row

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Compared", "Comparison", "compare"]


@dataclass(frozen=True, slots=True)
class Compared:
    """One stored point evaluated again.

    Attributes
    ----------
    point
        The function's point.
    stored, computed
        The stored result, and that of the new code: the exception if it raised one.
    equal : bool
        Whether they agree within the tolerances.
    """

    point: Any
    stored: Any
    computed: Any
    equal: bool


@experimental
@dataclass(frozen=True)
class Comparison:
    """The answer of `Store.compare`.

    Attributes
    ----------
    compared : tuple of Compared
        The sample, in the order in which it was recorded.
    total : int
        Number of stored results.
    """

    compared: tuple[Compared, ...]
    total: int
    _store: Backend
    _evaluation: Evaluation
    _stored: ResultSetInfo

    @property
    def different(self) -> tuple[Compared, ...]:
        """The points whose results differ."""
        return tuple(each for each in self.compared if not each.equal)

    def __str__(self) -> str:
        """Return a line for the sample and one for each of the first differences."""
        compared = count(len(self.compared), "point")
        lines = [f"{len(self.compared) - len(self.different)} of {compared} agree (of {self.total})"]
        lines += [f"  at {d.point!r:.60}: {d.stored!r:.60} -> {d.computed!r:.60}" for d in self.different[:10]]
        return "\n".join(lines)

    def to_dataframe(self) -> pd.DataFrame:
        """Return a table with a row for each compared point."""
        import pandas as pd

        names = ("point", "stored", "computed", "equal")
        return pd.DataFrame({name: [getattr(each, name) for each in self.compared] for name in names})

    def adopt(self, *, force: bool = False) -> int:
        """Take the stored results over as those of the new code; return how many there are.

        Parameters
        ----------
        force : bool
            Also if some of the sample differ.

        Raises
        ------
        StoreError
            If results differ, or nothing was compared.
        """
        if not force and (self.different or not self.compared):
            raise StoreError(
                f"{self}\nThese results are not adopted; if they count all the same, adopt(force=True) says so."
            )
        now = replace(self._evaluation.info, code_digest=self._evaluation.current_code())
        if now.uid == self._stored.uid:
            self._store.put_result_set(replace(self._stored, code_digest=now.code_digest))
            return self.total
        return move(self._store, self._stored, replace(now, created=time.time()), point_key=self._evaluation.point_key)


def compare(
    store: Backend,
    evaluation: Callable[..., Any],
    sample: int = 20,
    *,
    rtol: float = 0.0,
    atol: float = 0.0,
    stored: str | None = None,
    points: Iterable[Any] = (),
    seed: int = 0,
) -> Comparison:
    """Evaluate a sample of stored points with the code that there is now, and compare; nothing is written.

    Parameters
    ----------
    store : Store
    evaluation : Evaluation or function
        With the new code. A point draws from the same random stream as when it was stored.
    sample : int
        Number of points, drawn at random from those with a result.
    rtol, atol : float
        Tolerances of numbers, as in `numpy.isclose`; 0 asks for equality. NaN equals NaN.
    stored : str, optional
        Name, slug or uid of the result set; by default that of the evaluation, or else the last one with the same name
        and configuration in another version.
    points : iterable
        Points that are no plain data, like dataclasses: the store can find these, but not make them.
    seed : int
        Of the sample.

    Returns
    -------
    Comparison
        Its `adopt` takes the stored results over.

    Raises
    ------
    KeyError
        If there are no stored results to compare with.
    ValueError
        If no stored point can be evaluated: give `points`.
    """
    now = Evaluation.of(evaluation)
    info = _stored_info(store, now) if stored is None else find_result_set(store, stored).info
    before = now.under(info)
    given = {before.point_uid(point): point for point in points}
    rows = [row for row in store.iter(info.uid) if row.status == OK]
    candidates = [(row, point) for row in rows if (point := _point(row, given)) is not None]
    if not candidates:
        raise ValueError(
            f"none of the {len(rows)} results can be compared: their points are no plain data; give them as `points`."
        )
    chosen = np.random.default_rng(seed).choice(len(candidates), min(sample, len(candidates)), replace=False)
    compared = []
    for number in sorted(chosen):
        row, (point,) = candidates[number]
        value = store.results.read(row.y_kind, row.y, row.y_data)
        computed = _computed(before, point)
        compared.append(Compared(point, value, computed, _agree(value, computed, rtol, atol)))
    return Comparison(tuple(compared), len(rows), store, now, info)


def _stored_info(store: Backend, now: Evaluation) -> ResultSetInfo:
    known, info = store.read_result_sets(), now.info
    same = [i for i in known if i.uid == info.uid and store.count(i.uid).get(OK)]
    others = [
        i for i in known
        if (i.name, i.config, i.context_key) == (info.name, info.config, info.context_key) and i.uid != info.uid
        and store.count(i.uid).get(OK)
    ]  # fmt: skip
    if same or others:
        return same[0] if same else others[-1]
    raise KeyError(f"{store!r} has no results of {now.name} with this configuration to compare with; give `stored=`.")


def _point(row: Row, given: Mapping[str, Any]) -> tuple[Any] | None:
    """Return the point of a row in a tuple, None if it cannot be made again."""
    if row.point_uid in given:
        return (given[row.point_uid],)
    try:
        point = point_of(row)
    except UnreadableRowError:
        return None
    return None if type(point) is PointKey else (point,)


def _computed(evaluation: Evaluation, point: Any) -> Any:
    try:
        value = evaluation(point)
        return asyncio.run(value) if evaluation.is_coroutine else value
    except Exception as error:  # noqa: BLE001 - whatever the new code raises is a difference, which is shown
        return error


def _agree(one: Any, two: Any, rtol: float, atol: float) -> bool:
    if isinstance(one, (np.ndarray, np.generic)) or isinstance(two, (np.ndarray, np.generic)):
        first, second = np.asarray(one), np.asarray(two)
        if first.shape != second.shape:
            return False
        if first.dtype.kind in "biufc" and second.dtype.kind in "biufc":
            return bool(np.isclose(first, second, rtol=rtol, atol=atol, equal_nan=True).all())
        return bool(np.array_equal(first, second))
    if isinstance(one, (int, float, complex)) and isinstance(two, (int, float, complex)):
        if isinstance(one, complex) or isinstance(two, complex):
            return bool(np.isclose(one, two, rtol=rtol, atol=atol, equal_nan=True))
        close = math.isclose(one, two, rel_tol=0.0, abs_tol=max(atol + rtol * abs(two), 0.0)) if two == two else False
        return close or one == two or (one != one and two != two)
    if isinstance(one, Mapping) and isinstance(two, Mapping):
        return one.keys() == two.keys() and all(_agree(one[key], two[key], rtol, atol) for key in one)
    if isinstance(one, (list, tuple)) and isinstance(two, (list, tuple)):
        return len(one) == len(two) and all(_agree(a, b, rtol, atol) for a, b in zip(one, two, strict=True))
    return bool(one == two)
