"""One result for each element of a sequence, with the machinery of the learners: resumable, balanced, saved.

The points are pairs (index, element); what is told, pending or failed is kept by index alone, so that elements need
neither be hashable nor comparable. What is still to do is not stored: it is everything from `_next` on that is not
told, pending or failed, and the returned indices in `_again`; a sequence of 20 million elements costs nothing at first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from functools import partial
from heapq import heappop, heappush, nsmallest
from typing import Any, Self, TypeAlias

from sortedcontainers import SortedDict

from adaptive_calib.learner.base_learner import BaseLearner, check_number_of_points
from adaptive_calib.learner.coroutines import is_coroutine_function

__all__ = ["SequenceLearner"]

#: Index and element.
PointType: TypeAlias = tuple[int, Any]


def _call(function: Callable[[Any], Any], index_point: PointType, *args: Any, **kwargs: Any) -> Any:
    """Call the user's function with the element of a point (index, element)."""
    return function(index_point[1], *args, **kwargs)


async def _call_async(function: Callable[[Any], Any], index_point: PointType, *args: Any, **kwargs: Any) -> Any:
    """Call the user's coroutine function with the element of a point (index, element)."""
    return await function(index_point[1], *args, **kwargs)


def _of_points(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Return a function of points from one of elements; runners see whether it is a coroutine function."""
    return partial(_call_async if is_coroutine_function(function) else _call, function)


class SequenceLearner(BaseLearner):
    """Evaluates a function once for each element of a sequence, in order.

    Parameters
    ----------
    function : callable
        Called with one element; may be a coroutine function.
    sequence : sequence
        Has a length and is indexed; a shallow copy is kept. Its elements may be unhashable.

    Attributes
    ----------
    data : SortedDict
        Index -> value.
    pending_points, failed_points : set of int
        Indices.

    Notes
    -----
    None is a legal value. `learner.function` takes a point (index, element).

    Examples
    --------
    >>> from adaptive_calib import SequenceLearner
    >>> from adaptive_calib.runner import simple
    >>> learner = SequenceLearner(len, sequence=["a", "bc", ""])
    >>> simple(learner)
    >>> learner.result()
    [1, 2, 0]
    """

    pending_points: set[int]
    failed_points: set[int]

    def __init__(self, function: Callable[[Any], Any], sequence: Sequence[Any]) -> None:
        if not callable(function):
            raise TypeError(f"`function` should be callable, but is {function!r}.")
        if not (hasattr(sequence, "__len__") and hasattr(sequence, "__getitem__")) or isinstance(sequence, Mapping):
            raise TypeError(
                f"`sequence` should have a length and be indexed by 0, 1, ..., but is a {type(sequence).__name__}; "
                "make it a list."
            )
        self._original_function = function
        self.function = _of_points(function)
        self.sequence = copy(sequence)
        self._ntotal = len(sequence)
        self._data: Any = SortedDict()
        self._late: dict[int, Any] = {}  # told and not yet sorted in
        self.pending_points = set()
        self.failed_points = set()
        self._next = 0  # from here on nothing was asked yet
        self._again: list[int] = []  # heap of indices before _next that were given back

    def new(self) -> Self:
        """Return a learner of the same function and sequence, without data."""
        return type(self)(self._original_function, self.sequence)

    @property
    def data(self) -> Any:
        """Index -> value, in the order of the sequence: a SortedDict."""
        if self._late:
            late, self._late = self._late, {}
            self._data.update(late)
        return self._data

    @property
    def npoints(self) -> int:
        """Number of elements whose value is known."""
        return len(self._data) + len(self._late)

    # ------------------------------------------------------------------------------------------------ ask and tell

    def ask(self, n: int, tell_pending: bool = True) -> tuple[list[PointType], list[float]]:
        """Return the next `n` elements to do, in order, as (index, element); fewer or none at the end.

        The improvement of each is 1 / length of the sequence.
        """
        if type(n) is not int or n < 0:
            n = check_number_of_points(n)
        if tell_pending:
            indices = self._take(n)
            self.pending_points.update(indices)
        else:
            indices = self._peek(n)
        sequence = self.sequence
        improvements = [1 / self._ntotal] * len(indices) if indices else []
        return [(i, sequence[i]) for i in indices], improvements

    def _is_known(self, index: int) -> bool:
        return index in self._late or index in self._data

    def _is_to_do(self, index: int) -> bool:
        return not (
            index in self._data or index in self._late or index in self.pending_points or index in self.failed_points
        )

    def _take(self, n: int) -> list[int]:
        """Take the next indices out of what is to do."""
        taken: list[int] = []
        while self._again and len(taken) < n:
            index = heappop(self._again)
            if self._is_to_do(index) and index not in taken[-1:]:
                taken.append(index)
        wanted, index = n - len(taken), self._next
        while wanted > 0 and index < self._ntotal:
            if self._is_to_do(index):
                taken.append(index)
                wanted -= 1
            index += 1
        self._next = index
        return taken

    def _peek(self, n: int) -> list[int]:
        """Return what `_take` would, and change nothing."""
        again = {i for i in self._again if self._is_to_do(i)}
        taken = nsmallest(n, again)
        index = self._next
        while len(taken) < n and index < self._ntotal:
            if self._is_to_do(index):
                taken.append(index)
            index += 1
        return taken

    def _index(self, point: PointType) -> int:
        """Return the index of a point (index, element), or say what is wrong with it."""
        try:
            index = point[0].__index__()
        except (TypeError, AttributeError, IndexError, KeyError):
            raise TypeError(
                f"a point of a SequenceLearner is (index, element), as `ask` returns it, but {point!r} was given."
            ) from None
        if not 0 <= index < self._ntotal:
            raise IndexError(
                f"the index should be from 0 to {self._ntotal - 1}, as the sequence has {self._ntotal} elements, "
                f"but is {index}."
            )
        return index

    def data_key(self, x: PointType) -> int:
        """Return the index of the point (index, element)."""
        return self._index(x)

    def tell(self, x: PointType, y: Any) -> None:
        """Take in the value of element ``x[0]``; what ``x[1]`` is does not matter. Told again, the value is replaced.

        Raises
        ------
        IndexError
            If the index is not one of the sequence.
        """
        index = self._index(x)
        if index in self._data:
            self._data[index] = y
        else:
            self._late[index] = y
        self.pending_points.discard(index)
        self.failed_points.discard(index)

    def tell_pending(self, x: PointType) -> None:
        """Count element ``x[0]`` as under way."""
        index = self._index(x)
        if self._is_to_do(index):
            self.pending_points.add(index)

    def tell_failed(self, x: PointType) -> None:
        """Count element ``x[0]`` as failed for good: it is not asked for again and counts as done without a result."""
        index = self._index(x)
        if not self._is_known(index):
            self.pending_points.discard(index)
            self.failed_points.add(index)

    def remove_unfinished(self) -> None:
        """Put the pending elements back to what is to do."""
        for index in self.pending_points:
            if index < self._next:
                heappush(self._again, index)
        self.pending_points = set()

    # --------------------------------------------------------------------------------------------- how far it is

    def loss(self, real: bool = True) -> float:
        """Return the fraction that is not told (``real=False``: neither told nor pending); 0 when nothing is to do.

        Failed elements count as done.
        """
        open_elements = self._ntotal - self.npoints - len(self.failed_points)
        if not real:
            open_elements -= len(self.pending_points)
        loss = open_elements / self._ntotal if open_elements > 0 else 0.0
        self.__dict__.setdefault("_cache", {})["loss"] = loss
        return loss

    def done(self) -> bool:
        """Whether nothing is left to do and nothing is under way."""
        return not self.pending_points and self.npoints + len(self.failed_points) >= self._ntotal

    def result(self) -> list[Any]:
        """Return the values in the order of the sequence.

        Raises
        ------
        RuntimeError
            If elements are not done, or failed.
        """
        missing = self._ntotal - self.npoints
        if missing:
            message = f"Learner is not yet complete. {missing} of {self._ntotal} elements have no value"
            if self.failed_points:
                message += f"; {len(self.failed_points)} failed, the first at index {min(self.failed_points)}"
            raise RuntimeError(message + ".")
        return list(self.data.values())

    # -------------------------------------------------------------------------------------------- what is written

    def _get_data(self) -> dict[int, Any]:
        return dict(self.data)

    def _set_data(self, data: Mapping[int, Any]) -> None:
        if data:
            indices, values = zip(*data.items(), strict=True)
            self.tell_many([(i, None) for i in indices], values)

    @property
    def original_function(self) -> Callable[[Any], Any]:
        """The function of one element; `function` calls it with the element of a point. May be set."""
        return self._original_function

    @original_function.setter
    def original_function(self, function: Callable[[Any], Any]) -> None:
        self._original_function = function
        self.function = _of_points(function)
