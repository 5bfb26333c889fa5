"""One result for each element of a sequence, with the machinery of the learners: resumable, balanced, saved.

The points are pairs (index, element). Observed, pending and failed elements are kept by index alone, so that elements
need neither be hashable nor comparable. The elements that remain are not stored: they are all from `_next` on that are
not observed, pending or failed, and the indices in `_returned`. So a sequence of 20 million elements is cheap to begin.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from functools import partial
from heapq import heappop, heappush, nsmallest
from numbers import Number
from typing import Any, Self, TypeAlias

from sortedcontainers import SortedDict

from adaptive_calib.learner.base_learner import BaseLearner, check_number_of_points
from adaptive_calib.learner.coroutines import is_coroutine_function

__all__ = ["SequenceLearner"]

#: A point of a SequenceLearner: index and element.
IndexedElement: TypeAlias = tuple[int, Any]

_RAISE: Any = object()


class _Values(SortedDict):  # type: ignore[misc]  # it is untyped
    """Index -> value, in order. ``values[element]`` finds a value by its element, unless that is a number."""

    elements: Any = ()

    def __missing__(self, element: Any) -> Any:
        if not isinstance(element, Number):
            for index in self:
                found = self.elements[index]
                if type(found) is type(element) and found == element:
                    return self[index]
        raise KeyError(element)


def _call(function: Callable[[Any], Any], index_point: IndexedElement, *args: Any, **kwargs: Any) -> Any:
    """Call the user's function with the element of a point (index, element)."""
    return function(index_point[1], *args, **kwargs)


async def _call_async(function: Callable[[Any], Any], index_point: IndexedElement, *args: Any, **kwargs: Any) -> Any:
    """Call the user's coroutine function with the element of a point (index, element)."""
    return await function(index_point[1], *args, **kwargs)


def _of_points(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Return a function of points from one of elements; a coroutine function for a coroutine function."""
    return partial(_call_async if is_coroutine_function(function) else _call, function)


class SequenceLearner(BaseLearner):
    """Evaluates a function once for each element of a sequence, in order.

    Parameters
    ----------
    function : callable
        Called with one element; may be a coroutine function.
    sequence : sequence
        Has a length and is indexed by position (of a pandas Series or DataFrame: `iloc`); a shallow copy is kept. Its
        elements may be unhashable.

    Attributes
    ----------
    data : SortedDict
        Index -> value; ``data[element]`` also finds a value by its element, if elements are no numbers.
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
        self._elements = _by_position(self.sequence)
        self._ntotal = len(sequence)
        self._data: Any = _Values()
        self._unsorted: dict[int, Any] = {}  # observed, not yet merged into `_data`, which is sorted
        self.pending_points = set()
        self.failed_points = set()
        self._next = 0  # no element from here on was asked for
        self._returned: list[int] = []  # heap of pending indices before `_next` that were given up

    def new(self) -> Self:
        """Return a learner of the same function and sequence, without data."""
        return type(self)(self._original_function, self.sequence)

    @property
    def data(self) -> Any:
        """Index -> value, in the order of the sequence: a SortedDict."""
        if self._unsorted:
            late, self._unsorted = self._unsorted, {}
            self._data.update(late)
        self._data.elements = self._elements
        return self._data

    @property
    def npoints(self) -> int:
        """Number of elements whose value is known."""
        return len(self._data) + len(self._unsorted)

    # ------------------------------------------------------------------------------------------------ ask and tell

    def ask(self, n: int, tell_pending: bool = True) -> tuple[list[IndexedElement], list[float]]:
        """Return the next `n` elements, in order, as (index, element); fewer or none at the end.

        The improvement of each is 1 / length of the sequence.
        """
        if type(n) is not int or n < 0:
            n = check_number_of_points(n)
        if tell_pending:
            indices = self._take(n)
            self.pending_points.update(indices)
        else:
            indices = self._peek(n)
        elements = self._elements
        improvements = [1 / self._ntotal] * len(indices) if indices else []
        return [(i, elements[i]) for i in indices], improvements

    def element(self, index: int) -> Any:
        """Return the element at a position, from 0 on; of a pandas Series too, whatever its index."""
        return self._elements[index]

    def _is_known(self, index: int) -> bool:
        return index in self._unsorted or index in self._data

    def _remains(self, index: int) -> bool:
        return not (
            index in self._data
            or index in self._unsorted
            or index in self.pending_points
            or index in self.failed_points
        )

    def _take(self, n: int) -> list[int]:
        """Remove and return the next remaining indices."""
        taken: list[int] = []
        while self._returned and len(taken) < n:
            index = heappop(self._returned)
            if self._remains(index) and index not in taken[-1:]:
                taken.append(index)
        wanted, index = n - len(taken), self._next
        while wanted > 0 and index < self._ntotal:
            if self._remains(index):
                taken.append(index)
                wanted -= 1
            index += 1
        self._next = index
        return taken

    def _peek(self, n: int) -> list[int]:
        """Return the indices that `_take` would return, without a change."""
        again = {i for i in self._returned if self._remains(i)}
        taken = nsmallest(n, again)
        index = self._next
        while len(taken) < n and index < self._ntotal:
            if self._remains(index):
                taken.append(index)
            index += 1
        return taken

    def _index(self, point: IndexedElement) -> int:
        """Return the index of a point (index, element), or raise an error that says what is wrong with it."""
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

    def data_key(self, x: IndexedElement) -> int:
        """Return the index of the point (index, element)."""
        return self._index(x)

    def tell(self, x: IndexedElement, y: Any) -> None:
        """Record the value of element ``x[0]``; ``x[1]`` is not used. A second value replaces the first.

        Raises
        ------
        IndexError
            If the index is not one of the sequence.
        """
        index = self._index(x)
        if index in self._data:
            self._data[index] = y
        else:
            self._unsorted[index] = y
        self.pending_points.discard(index)
        self.failed_points.discard(index)

    def tell_pending(self, x: IndexedElement) -> None:
        """Mark element ``x[0]`` as pending."""
        index = self._index(x)
        if self._remains(index):
            self.pending_points.add(index)

    def tell_failed(self, x: IndexedElement) -> None:
        """Mark element ``x[0]`` as failed: it is not asked for again, and the learner can be done without its value."""
        index = self._index(x)
        if not self._is_known(index):
            self.pending_points.discard(index)
            self.failed_points.add(index)

    def remove_unfinished(self) -> None:
        """Give up the pending elements: they are asked for again."""
        for index in self.pending_points:
            if index < self._next:
                heappush(self._returned, index)
        self.pending_points = set()

    # --------------------------------------------------------------------------------------------- progress

    def loss(self, real: bool = True) -> float:
        """Return the fraction not observed (``real=False``: neither observed nor pending); 0 when no element remains.

        Failed elements do not count as remaining.
        """
        open_elements = self._ntotal - self.npoints - len(self.failed_points)
        if not real:
            open_elements -= len(self.pending_points)
        loss = open_elements / self._ntotal if open_elements > 0 else 0.0
        self.__dict__.setdefault("_cache", {})["loss"] = loss
        return loss

    def done(self) -> bool:
        """Whether every element has a value or failed, and none is pending."""
        return not self.pending_points and self.npoints + len(self.failed_points) >= self._ntotal

    def result(self, *, failed: Any = _RAISE) -> list[Any]:
        """Return the values in the order of the sequence.

        Parameters
        ----------
        failed : optional
            What stands for elements that failed, None for instance. By default they are an error.

        Raises
        ------
        RuntimeError
            If elements are not done, or failed and `failed` is not given.
        """
        missing = self._ntotal - self.npoints
        if missing and (failed is _RAISE or missing > len(self.failed_points)):
            message = f"Learner is not yet complete. {missing} of {self._ntotal} elements have no value"
            if self.failed_points:
                message += f"; {len(self.failed_points)} failed, the first at index {min(self.failed_points)}"
                message += ", and `failed=None` gives None for these"
            raise RuntimeError(message + ".")
        data = self.data
        return [data.get(index, failed) for index in range(self._ntotal)] if missing else list(data.values())

    # -------------------------------------------------------------------------------------------- data

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


def _by_position(sequence: Any) -> Any:
    """Return what gives the elements of a sequence by position: of a pandas object its `iloc`."""
    return getattr(sequence, "iloc", sequence)
