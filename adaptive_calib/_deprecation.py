"""Warnings about public names that will go, and a mark on those that may still change.

``docs/maintain/stability.md`` states the policy: a public name that goes warns for at least one minor version and says
what to write instead. Both helpers return the object that they are given, or a function with the same signature, so
that pickling, ``isinstance`` and type checkers see no difference.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

__all__ = ["deprecated", "experimental", "warn_deprecated"]

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T", bound=Callable[..., Any])

_NOTE = """.. admonition:: Experimental

    May change, or go, in a minor version without a warning before."""


def warn_deprecated(name: str, *, instead: str, since: str, removal: str, stacklevel: int = 2) -> None:
    """Warn that a public name, keyword or value is deprecated.

    Parameters
    ----------
    name : str
        What is deprecated, as users write it, such as ``"Runner(retry=)"``.
    instead : str
        What to write instead.
    since, removal : str
        The version that warns first, and the one in which the name is gone.
    stacklevel : int
        As of `warnings.warn`, counted from the caller: 2 is the line that called the function that warns.

    Examples
    --------
    >>> def old(x):
    ...     warn_deprecated("old(x)", instead="new(x)", since="0.2", removal="0.3")
    ...     return x
    """
    text = f"{name} is deprecated since version {since} and will be removed in {removal}; use {instead} instead."
    warnings.warn(text, FutureWarning, stacklevel=stacklevel + 1)


def deprecated(*, instead: str, since: str, removal: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator that makes a function warn each time it is called; see `warn_deprecated`.

    Examples
    --------
    >>> @deprecated(instead="new_name", since="0.2", removal="0.3")
    ... def old_name(x):
    ...     return x + 1
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def warned(*args: P.args, **kwargs: P.kwargs) -> R:
            warn_deprecated(f"{function.__qualname__}()", instead=instead, since=since, removal=removal)
            return function(*args, **kwargs)

        text = f".. deprecated:: {since}\n\n    Use {instead} instead; it will be removed in {removal}."
        warned.__doc__ = _with_note(function.__doc__, text)
        return warned

    return decorate


def experimental(value: T) -> T:
    """Mark a public function or class that the policy of stability does not cover yet.

    The mark is a note behind the first paragraph of the docstring, and so in the reference and in ``help()``.

    Examples
    --------
    >>> @experimental
    ... def idea():
    ...     '''Return an idea.'''
    >>> print(idea.__doc__.splitlines()[2])
    .. admonition:: Experimental
    """
    value.__doc__ = _with_note(value.__doc__, _NOTE)
    return value


def _with_note(text: str | None, note: str) -> str:
    """Return a docstring with `note` behind its first paragraph."""
    first, _, rest = inspect.cleandoc(text or "").partition("\n\n")
    return "\n\n".join(filter(None, (first, note, rest))) + "\n"
