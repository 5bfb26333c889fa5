"""The arguments of a learner's function in its table: columns ``function.<name>`` of one repeated value.

They document what was evaluated, and `load_dataframe` binds the same arguments again.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["assign_defaults", "parameters", "partial_function_from_dataframe"]


def parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """Return the parameters of a function; none for builtins without a signature."""
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):
        return {}


def _defaults(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the default arguments after the first parameter, those bound by `functools.partial` included."""
    return {
        p.name: p.default for p in list(parameters(function).values())[1:] if p.default is not inspect.Parameter.empty
    }


def assign_defaults(function: Callable[..., Any], df: pd.DataFrame, function_prefix: str = "function.") -> None:
    """Add a column ``<prefix><name>`` to `df`, in place, for each default argument of the function.

    Parameters
    ----------
    function : callable
        Parameters after the first that have a default count, also those bound by `functools.partial`.
    df : DataFrame
        Gets new columns of one repeated value.
    function_prefix : str
        Prefix of the names of the columns.

    Examples
    --------
    >>> import pandas as pd
    >>> from adaptive_calib.utils import assign_defaults
    >>> def f(x, a=2):
    ...     return a * x
    >>> table = pd.DataFrame({"x": [0.5], "y": [1.0]})
    >>> assign_defaults(f, table)
    >>> table.columns.tolist()
    ['x', 'y', 'function.a']
    """
    for name, value in _defaults(function).items():
        column = np.empty(len(df), dtype=object)
        for i in range(len(df)):
            column[i] = value
        # a list of scalars becomes a column of their own type
        df[function_prefix + name] = column.tolist() if np.ndim(value) == 0 else column


def _equal(a: Any, b: Any) -> bool:
    """Whether two arguments are the same, arrays and NaN included."""
    if a is b:
        return True
    try:
        return bool(np.array_equal(a, b, equal_nan=True))
    except TypeError:  # equal_nan is for numbers only
        return bool(np.all(a == b))


def partial_function_from_dataframe(
    function: Callable[..., Any], df: pd.DataFrame, function_prefix: str = "function."
) -> Callable[..., Any]:
    """Return the function with the arguments that a table keeps in its columns ``<prefix><name>``.

    Parameters
    ----------
    function : callable
        Takes a point first.
    df : DataFrame
        A table with columns of arguments, each of one value.
    function_prefix : str
        Prefix of the names of these columns.

    Returns
    -------
    callable
        A `functools.partial`, or `function` itself if there are no such columns. The values are Python's own scalars.

    Raises
    ------
    ValueError
        If the prefix is empty, a column has more than one value, or the function has no such parameter.

    Warns
    -----
    UserWarning
        If the function has another default; the value of the table is taken.

    Examples
    --------
    >>> import pandas as pd
    >>> from adaptive_calib.utils import partial_function_from_dataframe
    >>> def f(x, a):
    ...     return a * x
    >>> table = pd.DataFrame({"x": [0.5], "y": [1.5], "function.a": [3]})
    >>> partial_function_from_dataframe(f, table)(0.5)
    1.5
    """
    if function_prefix == "":
        raise ValueError(
            "`function_prefix` should not be empty, as then every column would be an argument of the function."
        )
    columns = [c for c in df.columns if str(c).startswith(function_prefix)]
    if not columns or not len(df):
        return function
    known = parameters(function)
    takes_any = not known or any(p.kind is inspect.Parameter.VAR_KEYWORD for p in known.values())
    arguments: dict[str, Any] = {}
    for column in columns:
        name = str(column).removeprefix(function_prefix)
        values = df[column].tolist()
        if not all(_equal(values[0], v) for v in values[1:]):
            raise ValueError(f"column {column!r} should have one value only, as it is an argument of the function.")
        if name not in known and not takes_any:
            raise ValueError(f"the table has column {column!r}, but {function!r} has no parameter {name!r}.")
        arguments[name] = values[0]
    defaults = _defaults(function)
    for name, value in arguments.items():
        if name in defaults and not _equal(defaults[name], value):
            warnings.warn(
                f"the default of {name!r} of {function!r} is {defaults[name]!r}, but {value!r} in the table; "
                "the value of the table is used.",
                stacklevel=2,
            )
    return functools.partial(function, **arguments)
