"""Whether a function is a coroutine function, seen through all that may be wrapped around it."""

from __future__ import annotations

import functools
import inspect
from typing import Any

__all__ = ["has_coroutines", "is_coroutine_function"]


def is_coroutine_function(function: Any) -> bool:
    """Whether calling `function` gives a coroutine.

    Looks through `functools.partial` (and the lists of functions that one may hold, as a BalancingLearner's does),
    decorators (``__wrapped__``), objects with ``async def __call__``, and objects around a ``function``: an
    `Evaluation`, a learner.
    """
    for _ in range(16):  # deeper nests of wrappers are not to be expected, and a cycle has an end this way
        if inspect.iscoroutinefunction(function):
            return True
        if isinstance(function, functools.partial):
            lists = [part for part in (function.func, *function.args) if isinstance(part, (list, tuple))]
            return any(is_coroutine_function(one) for part in lists for one in part) or is_coroutine_function(
                function.func
            )
        if inspect.iscoroutinefunction(getattr(type(function), "__call__", None)):  # noqa: B004 - the method is wanted
            return True
        inner = getattr(function, "__wrapped__", None) or getattr(function, "function", None)
        if inner is None:
            return False
        function = inner
    return False


def has_coroutines(learner: Any) -> bool:
    """Whether the function of a learner, or of one of its children, is a coroutine function."""
    children = getattr(learner, "learners", None)
    if isinstance(children, (list, tuple)):
        return any(has_coroutines(child) for child in children)
    return is_coroutine_function(learner.function)
