"""Counts, durations, times and names, as messages and displays write them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

__all__ = ["call", "children", "clock", "count", "local_time", "name_of"]


def count(number: int, noun: str, several: str = "") -> str:
    """Return a number with its noun.

    Examples
    --------
    >>> from adaptive_calib._words import count
    >>> count(1, "point"), count(1024, "point"), count(43_219, "point"), count(0, "pending story", "pending stories")
    ('1 point', '1024 points', '43,219 points', '0 pending stories')
    """
    figure = f"{number:,}" if number >= 10_000 else f"{number}"
    return f"{figure} {noun if number == 1 else several or noun + 's'}"


def children(numbers: Sequence[int]) -> str:
    """Return children of a balancing learner by their numbers.

    Examples
    --------
    >>> from adaptive_calib._words import children
    >>> children([3]), children([0, 2])
    ('child 3', 'children 0, 2')
    """
    return f"{'child' if len(numbers) == 1 else 'children'} {', '.join(map(str, numbers))}"


def clock(seconds: float) -> str:
    """Return a duration as hours, minutes and seconds.

    Examples
    --------
    >>> from adaptive_calib._words import clock
    >>> clock(754.4), clock(200_000)
    ('0:12:34', '2 days, 7:33:20')
    """
    return str(timedelta(seconds=round(seconds)))


def local_time(seconds: float) -> str:
    """Return a time in seconds since 1970 as date and time of this machine; the number if no clock shows it."""
    try:
        return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, ValueError, OSError):
        return repr(seconds)


def name_of(function: Any) -> str:
    """Return the name of a function as its author wrote it; of another callable, that of its class.

    Examples
    --------
    >>> from functools import partial
    >>> from adaptive_calib._words import name_of
    >>> name_of(partial(max, 1)), name_of(str.upper), name_of(lambda x: x)
    ('max', 'str.upper', '<lambda>')
    """
    while not hasattr(function, "__qualname__"):  # partials, evaluations
        inner = getattr(function, "func", None) or getattr(function, "function", None)
        if not callable(inner):
            break
        function = inner
    return str(getattr(function, "__qualname__", type(function).__name__)).rpartition("<locals>.")[2]


def call(function: Callable[..., Any], point: Any) -> str:
    """Return the call of a function at a point, as in a traceback.

    Examples
    --------
    >>> from adaptive_calib._words import call
    >>> call(abs, -1), call(max, (1, 2))
    ('abs(-1)', 'max((1, 2))')
    """
    return f"{name_of(function)}({point!r})"
