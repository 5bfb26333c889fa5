"""The base class of all learners.

A learner subclasses `BaseLearner` and defines `ask`, `tell` (or `tell_many`), `tell_pending`, `remove_unfinished`,
`loss` and `new`, and the hooks `_get_data` and `_set_data`. The base class provides `save`, `load`, `copy_from`,
`to_dataframe`, `load_dataframe`, a default of the other of `tell` and `tell_many`, and pickling of the whole state:
function, parameters, data, pending and failed points. Engines do not use this class, but the protocol
`adaptive_calib.learner.protocol.Learner`.
"""

from __future__ import annotations

import functools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Sequence, Sized
from copy import deepcopy
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar, cast

import cloudpickle
import numpy as np

from adaptive_calib.learner import _familiar_methods
from adaptive_calib.learner.claims import Claim

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "BaseLearner",
    "DataType",
    "LearnerType",
    "cache_latest",
    "check_number_of_points",
    "uses_nth_neighbors",
]

#: What `BaseLearner._get_data` returns and `save` writes: each learner has its own shape.
DataType: TypeAlias = Any

#: A learner of any class.
LearnerType = TypeVar("LearnerType", bound="BaseLearner")

_F = TypeVar("_F", bound=Callable[..., Any])


def uses_nth_neighbors(n: int) -> Callable[[_F], _F]:
    """Return a decorator for losses that look at `n` neighbours on each side of an interval (or simplex).

    Parameters
    ----------
    n : int
        At least 0. `Learner1D` takes any `n`, `LearnerND` 0 or 1, `Learner2D` ignores it.

    Returns
    -------
    callable
        Sets ``loss.nth_neighbors = n`` and returns the loss itself. A loss without that attribute counts as 0.

    Raises
    ------
    ValueError
        If `n` is no integer of at least 0.

    Examples
    --------
    >>> @uses_nth_neighbors(1)
    ... def slope_change(xs, ys):
    ...     return 0.0 if None in ys else abs(ys[0] - ys[1] - ys[2] + ys[3])
    >>> slope_change.nth_neighbors
    1
    """
    if isinstance(n, bool) or not isinstance(n, int) or n < 0:
        raise ValueError(f"the number of neighbours should be an integer of at least 0, but is {n!r}.")

    def mark(loss: _F) -> _F:
        loss.nth_neighbors = n  # type: ignore[attr-defined]  # a function takes any attribute
        return loss

    return mark


def cache_latest(method: _F) -> _F:
    """Keep the last result of a method in ``self._cache[name of the method]``.

    `BaseLearner.latest_loss` returns the one of ``loss``. A fast ``loss`` may write to ``self._cache`` itself.

    Examples
    --------
    >>> from adaptive_calib.learner.base_learner import cache_latest
    >>> class Counter:
    ...     @cache_latest
    ...     def loss(self):
    ...         return 0.5
    >>> counter = Counter()
    >>> counter.loss(), counter._cache
    (0.5, {'loss': 0.5})
    """
    name = method.__name__

    @functools.wraps(method)
    def answer_and_keep(self: Any, *args: Any, **kwargs: Any) -> Any:
        answer = method(self, *args, **kwargs)
        self.__dict__.setdefault("_cache", {})[name] = answer
        return answer

    return cast(_F, answer_and_keep)


def check_number_of_points(n: int) -> int:
    """Return the number of points to ask for as an int; refuse negative and fractional ones.

    Raises
    ------
    ValueError
        If `n` is negative.
    TypeError
        If `n` is no integer (NumPy's integers are).

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.learner.base_learner import check_number_of_points
    >>> check_number_of_points(np.int64(3))
    3
    """
    try:
        number = n.__index__()
    except AttributeError:
        raise TypeError(
            f"the number of points to ask for should be an integer, but is {n!r} ({type(n).__name__})."
        ) from None
    if number < 0:
        raise ValueError(f"the number of points to ask for should be at least 0, but is {n}.")
    return number


def _check_same_length(xs: Iterable[Any], ys: Iterable[Any]) -> None:
    """Raise ValueError for points and values of different known lengths, before any of them is taken in."""
    if isinstance(xs, Sized) and isinstance(ys, Sized) and len(xs) != len(ys):
        raise ValueError(
            f"as many values as points are expected, but there are {len(xs)} points and {len(ys)} values; "
            "none of them was taken in."
        )


class BaseLearner(ABC):
    """Base class of all learners.

    Attributes
    ----------
    function : callable
        The function to learn; called with one point.
    data : mapping
        Observed point -> value.
    npoints : int
        Number of observed points.
    pending_points : set
        Points asked for (or marked with `tell_pending`) and not yet observed.
    failed_points : set
        Points whose evaluation failed for good, see `tell_failed`.
    max_pending : int or None
        Largest number of pending points in a run, also with a larger executor; None (the default) for no limit. Set
        it on the learner; a BalancingLearner respects that of each child.

    Examples
    --------
    >>> from adaptive_calib import BaseLearner, Learner1D
    >>> learner = Learner1D(abs, bounds=(-1, 2))
    >>> isinstance(learner, BaseLearner), learner.new().data == {}
    (True, True)
    """

    function: Callable[..., Any]
    max_pending: int | None = None

    # Attributes or properties, as suits the learner; properties here only for the type checker, which lets a subclass
    # turn a property into an attribute, but not the other way round.
    if TYPE_CHECKING:

        @property
        def data(self) -> Any:
            """Observed point -> value."""
            ...

        @property
        def npoints(self) -> int:
            """Number of observed points."""
            ...

        @property
        def pending_points(self) -> Any:
            """Pending points."""
            ...

        @property
        def failed_points(self) -> Collection[Any]:
            """Points that failed for good."""
            ...

    else:
        failed_points = frozenset()

    def data_key(self, x: Any) -> Any:
        """Return the key of the point `x` in mappings such as `data`: hashable, the same for equal points."""
        return tuple(x) if isinstance(x, list | np.ndarray) else x

    # ------------------------------------------------------------------------------------------------ the protocol

    @abstractmethod
    def ask(self, n: int, tell_pending: bool = True) -> tuple[Sequence[Any], Sequence[float]]:
        """Choose the next points.

        Parameters
        ----------
        n : int
            Number of points, at least 0.
        tell_pending : bool
            Make the points pending. With False the state does not change: the same call gives the same answer.

        Returns
        -------
        points, loss_improvements : list, list of float
            At most `n` points and, for each, by how much the loss is expected to fall; ``inf`` for points that are
            needed in any case. ``ask(0)`` is ``([], [])``; fewer than `n` points mean that no other is possible now.
        """

    def tell(self, x: Any, y: Any) -> None:
        """Take in the value `y` of the function at the point `x`, asked for or not; `x` is then no longer pending."""
        if type(self).tell_many is BaseLearner.tell_many:
            raise NotImplementedError(f"{type(self).__name__} should define `tell` or `tell_many`, but has neither.")
        self.tell_many([x], [y])

    def tell_many(self, xs: Iterable[Any], ys: Iterable[Any]) -> None:
        """Take in many values; the result is that of telling them one by one.

        Parameters
        ----------
        xs, ys : iterable
            Points and their values; `ys` may be lazy (``map(function, xs)``). ValueError if one is longer.
        """
        _check_same_length(xs, ys)
        for x, y in zip(xs, ys, strict=True):
            self.tell(x, y)

    @abstractmethod
    def tell_pending(self, x: Any) -> None:
        """Make `x` pending, so that it is not asked for; no effect on an observed point."""

    def tell_failed(self, x: Any) -> None:
        """Record `x` as failed for good: not pending, never asked for again, no part of data, number or loss.

        A value told at `x` later undoes this. The default, for learners that keep no failed points, leaves `x` pending,
        so that it is not asked for before `remove_unfinished`.
        """
        self.tell_pending(x)

    @abstractmethod
    def remove_unfinished(self) -> None:
        """Forget the pending points: they may be asked for again."""

    @abstractmethod
    def loss(self, real: bool = True) -> float:
        """Return how far the learner is from its goal.

        Parameters
        ----------
        real : bool
            True: of the observed points alone. False: as expected with the pending points included.
        """

    @abstractmethod
    def new(self) -> Self:
        """Return a learner of the same function and parameters, without data."""

    def claim(self) -> Claim | None:
        """Return what the learner says about the error of its prediction; None where it says nothing.

        This default is the bare estimate of a learner that has `largest_error()`. Learners that check an error goal at
        points of their own return a claim with ``basis="checked"`` once they have, see `adaptive_calib.learner.claims`.
        """
        estimate = getattr(self, "largest_error", None)
        error = float(estimate()) if callable(estimate) else math.inf
        return Claim.estimated(error) if math.isfinite(error) else None

    @property
    def latest_loss(self) -> float | None:
        """The last result of `loss`, with either value of `real`; None before the first call. Not recomputed."""
        kept: dict[str, Any] = self.__dict__.get("_cache", {})
        return kept.get("loss")

    # -------------------------------------------------------------------------------------- save, load, copy, pickle

    def _get_data(self) -> DataType:
        """Return the data, and nothing else, in the shape that `save` writes."""
        raise NotImplementedError(
            f"{type(self).__name__} cannot be saved or copied: define `_get_data()`, which returns its data."
        )

    def _set_data(self, data: DataType) -> None:
        """Take in what `_get_data` returned; the object itself must not be kept."""
        raise NotImplementedError(
            f"{type(self).__name__} cannot be loaded or copied to: define `_set_data(data)`, which takes in its data."
        )

    def copy_from(self, other: BaseLearner) -> None:
        """Take in the data of another learner of this class; the two share nothing afterwards."""
        self._set_data(deepcopy(other._get_data()))

    def save(self, fname: _familiar_methods.Path, compress: bool = True) -> None:
        """Write the data, and nothing else, to a file; the old file stays whole until the new one is complete.

        Parameters
        ----------
        fname : str or path
            ``~`` is expanded, missing directories are made.
        compress : bool
            Compress with gzip; `load` must be given the same.

        Raises
        ------
        OSError
            If the file cannot be written.

        Notes
        -----
        The file is a pickle: load only files that you trust.
        """
        _familiar_methods.save(fname, self._get_data(), compress)

    def load(self, fname: _familiar_methods.Path, compress: bool = True) -> None:
        """Read data written by `save` into this learner; a missing file is treated as no data.

        Raises
        ------
        adaptive_calib.learner_io.snapshot.DamagedSnapshotError
            If the file exists but cannot be read: truncated, empty, or written with the other `compress`.
        """
        data = _familiar_methods.load(fname, compress)
        if data is not _familiar_methods.MISSING:
            self._set_data(data)

    def _repr_html_(self) -> str:
        return str(_familiar_methods.view("run_html").learner_html(self))

    def __getstate__(self) -> Any:
        # cloudpickle, so that plain pickle, multiprocessing and dill can carry lambdas and losses made by factories
        return cloudpickle.dumps(self.__dict__)

    def __setstate__(self, state: Any) -> None:
        self.__dict__.clear()
        self.__dict__.update(cloudpickle.loads(state))

    # -------------------------------------------------------------------------------------------------- data frames

    def to_dataframe(self, *args: Any, **kwargs: Any) -> pd.DataFrame:
        """Return the data as a `pandas.DataFrame`, see `adaptive_calib.learner_io.dataframe.to_dataframe`.

        Parameters
        ----------
        with_default_function_args : bool
            Add the default arguments of the function as columns (default True).
        function_prefix : str
            Prefix of the names of these columns (default ``"function."``).
        expand : bool
            Spread vector values over plain columns ``y[0]``, ``y[1]``, ... instead of one column of arrays.
        **names
            Names of the columns, depending on the learner (``x_name``, ``y_name``, ``seed_name``, ...).
        """
        return _familiar_methods.to_dataframe(self, *args, **kwargs)

    def load_dataframe(self, df: pd.DataFrame, *args: Any, **kwargs: Any) -> None:
        """Tell the rows of a frame made by `to_dataframe`, with the same arguments.

        Columns that begin with `function_prefix` become default arguments of `function`.
        """
        _familiar_methods.load_dataframe(self, df, *args, **kwargs)
