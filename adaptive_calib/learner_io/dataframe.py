"""Tables: the data of every learner as a `pandas.DataFrame`, and back.

One row is one told point: the columns of the point, the column of the value, and one column ``function.<name>`` for
each default argument of the function. ``df.attrs["inputs"]`` (list) and ``df.attrs["output"]`` (string) name them.
Vector values are one column of objects, or, on request (``expand=True``), plain columns ``y[0]``, ``y[1]``, ... that
survive CSV, Parquet and databases; `load_dataframe` recognises them by itself.

`to_dataframe` and `load_dataframe` dispatch on the class of the learner. The arguments after the learner are those of
the functions registered below, which are what ``learner.to_dataframe(...)`` takes.

==================  =============================================  =========================  =====================
learner             names of columns (defaults)                    rows                       ``attrs["inputs"]``
==================  =============================================  =========================  =====================
Learner1D           x_name="x", y_name="y"                         by x                       [x]
IntegratorLearner   the same                                       by x                       [x]
AverageLearner      seed_name="seed", y_name="y"                   by seed                    [seed]
AverageLearner1D    mean=False, then seed_name, x_name, y_name     by x, then seed            [seed, x], or [x]
Learner2D           x_name="x", y_name="y", z_name="z"             by point                   [x, y]
LearnerND           point_names, value_name="value"                in the order of telling    point_names
SequenceLearner     index_name="i", x_name="x", y_name="y"         by index                   [i]
BalancingLearner    index_name="learner_index", then the child's   child by child             the child's
DataSaver           extra_data_name="extra_data", the child's      the child's                the child's
==================  =============================================  =========================  =====================
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import singledispatch
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from adaptive_calib.learner.average_learner import AverageLearner
from adaptive_calib.learner.average_learner1D import AverageLearner1D
from adaptive_calib.learner.balancing_learner import BalancingLearner
from adaptive_calib.learner.base_learner import BaseLearner
from adaptive_calib.learner.data_saver import DataSaver
from adaptive_calib.learner.integrator_learner import IntegratorLearner
from adaptive_calib.learner.learner1D import Learner1D
from adaptive_calib.learner.learner2D import Learner2D
from adaptive_calib.learner.learnerND import LearnerND
from adaptive_calib.learner.sequence_learner import SequenceLearner
from adaptive_calib.learner_io.default_arguments import assign_defaults, parameters, partial_function_from_dataframe

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["assign_defaults", "load_dataframe", "partial_function_from_dataframe", "to_dataframe"]


@singledispatch
def to_dataframe(learner: Any, *args: Any, **kwargs: Any) -> pd.DataFrame:
    """Return the data of a learner as a table.

    Parameters
    ----------
    learner : BaseLearner
        Any learner of this package.
    with_default_function_args : bool
        Add a column for each default argument of the function (default True).
    function_prefix : str
        What the names of these columns begin with (default ``"function."``).
    expand : bool
        Spread vector values over columns ``y[0]``, ``y[1]``, ... (default False: one column of objects).
    **names
        Names of columns, see the table above.

    Raises
    ------
    ImportError
        If pandas is not installed.
    NotImplementedError
        If the learner's class has no table.
    """
    raise NotImplementedError(
        f"there is no table for {type(learner).__name__}; define its `to_dataframe` and `load_dataframe`."
    )


@singledispatch
def load_dataframe(learner: Any, df: pd.DataFrame, *args: Any, **kwargs: Any) -> None:
    """Tell a learner the rows of a table that `to_dataframe` made, with the same arguments.

    With `with_default_function_args` (default), columns that begin with `function_prefix` become default arguments of
    the learner's function.
    """
    raise NotImplementedError(f"a table cannot be loaded into a {type(learner).__name__}; load a saved file instead.")


# ------------------------------------------------------------------------------------------------ making and reading


def _pandas() -> Any:
    try:
        import pandas as pd
    except ImportError:
        raise ImportError(
            "pandas is not installed, and tables need it: pip install 'adaptive_calib[notebook]'."
        ) from None
    return pd


def _is_vector(value: Any) -> bool:
    return isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim > 0)


def _column(values: Sequence[Any]) -> Any:
    """Return values as one column: numbers as such, all else (vectors, records) as objects, untouched."""
    if not any(_is_vector(v) for v in values):
        return list(values)
    column = np.empty(len(values), dtype=object)
    for i, value in enumerate(values):
        column[i] = value
    return column


def _spread(name: str, values: Sequence[Any]) -> dict[str, Any]:
    """Return vector values as plain columns ``name[0]``, ``name[1]``, ...; scalars as one column."""
    if not any(_is_vector(v) for v in values):
        return {name: list(values)}
    lengths = {np.shape(v) for v in values}
    if len(lengths) > 1 or len(shape := lengths.pop()) != 1:
        raise ValueError(
            f"only vectors of one length can be spread over columns, but the values in {name!r} have other shapes; "
            "leave out expand=True."
        )
    return {f"{name}[{k}]": [v[k] for v in values] for k in range(shape[0])}


def _table(
    columns: Mapping[str, Sequence[Any]],
    output: str,
    inputs: Sequence[str],
    function: Callable[..., Any] | None,
    function_prefix: str,
    expand: bool,
) -> pd.DataFrame:
    """Return the frame of these columns; `function` is None where its default arguments are not wanted."""
    pd = _pandas()
    content: dict[str, Any] = {}
    for name, values in columns.items():
        content.update(_spread(name, values) if expand and name == output else {name: _column(values)})
    df = pd.DataFrame(content)
    df.attrs["inputs"] = list(inputs)
    df.attrs["output"] = output
    if function is not None:
        assign_defaults(function, df, function_prefix)
    return df  # type: ignore[no-any-return]  # `_pandas` is untyped, so that pandas may be missing


def _read(df: pd.DataFrame, name: str) -> list[Any]:
    """Return a column as a list of Python scalars or objects; a spread vector column as a list of arrays."""
    if name in df.columns:
        return df[name].tolist()
    parts: list[str] = []
    while f"{name}[{len(parts)}]" in df.columns:
        parts.append(f"{name}[{len(parts)}]")
    if parts:
        return list(df[parts].to_numpy(dtype=float))
    raise KeyError(
        f"the table should have a column {name!r}, but has {list(df.columns)}; give the names it was made with."
    )


def _bound(learner: BaseLearner, df: pd.DataFrame, wanted: bool, prefix: str) -> Callable[..., Any]:
    """Return the learner's function with the default arguments of the table; before anything is told."""
    return partial_function_from_dataframe(learner.function, df, prefix) if wanted else learner.function


# ----------------------------------------------------------------------------------- one input: integrals, averages


def _one_input_table(
    learner: Any,
    with_default_function_args: bool = True,
    function_prefix: str = "function.",
    x_name: str = "x",
    y_name: str = "y",
    expand: bool = False,
) -> pd.DataFrame:
    xs = sorted(learner.data)
    columns = {x_name: xs, y_name: [learner.data[x] for x in xs]}
    function = learner.function if with_default_function_args else None
    return _table(columns, y_name, [x_name], function, function_prefix, expand)


def _load_one_input(
    learner: Any,
    df: pd.DataFrame,
    with_default_function_args: bool = True,
    function_prefix: str = "function.",
    x_name: str = "x",
    y_name: str = "y",
    expand: bool = False,
) -> None:
    function = _bound(learner, df, with_default_function_args, function_prefix)
    learner.tell_many(_read(df, x_name), _read(df, y_name))
    learner.function = function


# the arguments of both are those of `learner.to_dataframe` and `learner.load_dataframe`
to_dataframe.register(Learner1D, _one_input_table)
to_dataframe.register(IntegratorLearner, _one_input_table)
load_dataframe.register(Learner1D, _load_one_input)


@to_dataframe.register(AverageLearner)
def _average_table(
    learner: AverageLearner,
    with_default_function_args: bool = True,
    function_prefix: str = "function.",
    seed_name: str = "seed",
    y_name: str = "y",
    expand: bool = False,
) -> pd.DataFrame:
    return _one_input_table(learner, with_default_function_args, function_prefix, seed_name, y_name, expand)


@load_dataframe.register(AverageLearner)
def _load_average(
    learner: AverageLearner,
    df: pd.DataFrame,
    with_default_function_args: bool = True,
    function_prefix: str = "function.",
    seed_name: str = "seed",
    y_name: str = "y",
    expand: bool = False,
) -> None:
    _load_one_input(learner, df, with_default_function_args, function_prefix, seed_name, y_name)


@to_dataframe.register(AverageLearner1D)
def _average1d_table(
    learner: AverageLearner1D,
    mean: bool = False,
    with_default_function_args: bool = True,
    function_prefix: str = "function.",
    seed_name: str = "seed",
    x_name: str = "x",
    y_name: str = "y",
    expand: bool = False,
) -> pd.DataFrame:
    function = learner.function if with_default_function_args else None
    if mean:
        xs = sorted(learner.data)
        columns = {x_name: xs, y_name: [learner.data[x] for x in xs]}
        return _table(columns, y_name, [x_name], function, function_prefix, expand)
    rows = [(seed, x, y) for x, samples in sorted(learner.samples.items()) for seed, y in sorted(samples.items())]
    table = _columns([seed_name, x_name, y_name], rows)
    return _table(table, y_name, [seed_name, x_name], function, function_prefix, expand)


@load_dataframe.register(AverageLearner1D)
def _load_average1d(
    learner: AverageLearner1D,
    df: pd.DataFrame,
    with_default_function_args: bool = True,
    function_prefix: str = "function.",
    seed_name: str = "seed",
    x_name: str = "x",
    y_name: str = "y",
    expand: bool = False,
) -> None:
    if seed_name not in df.columns:
        raise ValueError(
            f"the table should have a column {seed_name!r} of seeds, but has {list(df.columns)}; "
            "a table of means (mean=True) cannot be loaded, as the samples are not in it."
        )
    function = _bound(learner, df, with_default_function_args, function_prefix)
    learner.tell_many(list(zip(_read(df, seed_name), _read(df, x_name), strict=True)), _read(df, y_name))
    learner.function = function


def _columns(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, Sequence[Any]]:
    """Return rows as columns; empty columns without rows."""
    return {name: [row[k] for row in rows] for k, name in enumerate(names)}


# ------------------------------------------------------------------------------------------------- several inputs


@to_dataframe.register(Learner2D)
def _plane_table(
    learner: Learner2D,
    with_default_function_args: bool = True,
    function_prefix: str = "function.",
    x_name: str = "x",
    y_name: str = "y",
    z_name: str = "z",
    expand: bool = False,
) -> pd.DataFrame:
    rows = [(*point, learner.data[point]) for point in sorted(learner.data)]
    function = learner.function if with_default_function_args else None
    return _table(_columns([x_name, y_name, z_name], rows), z_name, [x_name, y_name], function, function_prefix, expand)


@load_dataframe.register(Learner2D)
def _load_plane(
    learner: Learner2D,
    df: pd.DataFrame,
    with_default_function_args: bool = True,
    function_prefix: str = "function.",
    x_name: str = "x",
    y_name: str = "y",
    z_name: str = "z",
    expand: bool = False,
) -> None:
    function = _bound(learner, df, with_default_function_args, function_prefix)
    told = learner.new()
    told.tell_many(list(zip(_read(df, x_name), _read(df, y_name), strict=True)), _read(df, z_name))
    learner.copy_from(told)  # the table takes the place of the data
    learner.function = function


@to_dataframe.register(LearnerND)
def _space_table(
    learner: LearnerND,
    with_default_function_args: bool = True,
    function_prefix: str = "function.",
    point_names: Sequence[str] | None = None,
    value_name: str = "value",
    expand: bool = False,
) -> pd.DataFrame:
    names = _point_names(point_names, learner.ndim)
    rows = [(*point, value) for point, value in learner.data.items()]
    function = learner.function if with_default_function_args else None
    return _table(_columns([*names, value_name], rows), value_name, names, function, function_prefix, expand)


@load_dataframe.register(LearnerND)
def _load_space(
    learner: LearnerND,
    df: pd.DataFrame,
    with_default_function_args: bool = True,
    function_prefix: str = "function.",
    point_names: Sequence[str] | None = None,
    value_name: str = "value",
    expand: bool = False,
) -> None:
    names = _point_names(point_names, learner.ndim)
    function = _bound(learner, df, with_default_function_args, function_prefix)
    learner.tell_many(list(zip(*(_read(df, name) for name in names), strict=True)), _read(df, value_name))
    learner.function = function


def _point_names(point_names: Sequence[str] | None, ndim: int) -> list[str]:
    """Return the names of the coordinates: x, y, z, or x0, x1, ... above three dimensions, if none are given."""
    if point_names is None:
        return ["x", "y", "z"][:ndim] if ndim <= 3 else [f"x{k}" for k in range(ndim)]
    if len(point_names) != ndim:
        raise ValueError(f"`point_names` should be {ndim} names, one for each dimension, but is {point_names!r}.")
    return list(point_names)


# ------------------------------------------------------------------------------------------------------- sequences


@to_dataframe.register(SequenceLearner)
def _sequence_table(
    learner: SequenceLearner,
    with_default_function_args: bool = True,
    function_prefix: str = "function.",
    index_name: str = "i",
    x_name: str = "x",
    y_name: str = "y",
    *,
    full_sequence: bool = False,
    expand: bool = False,
) -> pd.DataFrame:
    data = learner.data
    if full_sequence:
        missing = _pandas().NA
        indices: list[int] = list(range(len(learner.sequence)))
        values = [data.get(i, missing) for i in indices]
    else:
        indices, values = list(data), list(data.values())
    columns = {index_name: indices, x_name: [learner.sequence[i] for i in indices], y_name: values}
    function = learner.original_function if with_default_function_args else None
    return _table(columns, y_name, [index_name], function, function_prefix, expand)


@load_dataframe.register(SequenceLearner)
def _load_sequence(
    learner: SequenceLearner,
    df: pd.DataFrame,
    with_default_function_args: bool = True,
    function_prefix: str = "function.",
    index_name: str = "i",
    x_name: str = "x",
    y_name: str = "y",
    *,
    full_sequence: bool = False,
    expand: bool = False,
) -> None:
    function = learner.original_function
    if with_default_function_args:
        function = partial_function_from_dataframe(function, df, function_prefix)
    rows = list(zip(_read(df, index_name), _read(df, y_name), strict=True))
    if full_sequence:
        missing = _pandas().NA
        rows = [(i, y) for i, y in rows if y is not missing]
    learner.tell_many([(i, None) for i, _ in rows], [y for _, y in rows])
    learner.original_function = function


# ------------------------------------------------------------------------------------------ learners of learners


@to_dataframe.register(DataSaver)
def _saver_table(
    learner: DataSaver,
    with_default_function_args: bool = True,
    function_prefix: str = "function.",
    extra_data_name: str = "extra_data",
    **child_names: Any,
) -> pd.DataFrame:
    df = learner.learner.to_dataframe(
        with_default_function_args=with_default_function_args, function_prefix=function_prefix, **child_names
    )
    extra = [learner.extra_data.get(key) for key in _keys(df, df.attrs["inputs"])]
    column = np.empty(len(extra), dtype=object)
    for i, result in enumerate(extra):
        column[i] = result
    df[extra_data_name] = column
    return df


def _keys(df: pd.DataFrame, inputs: Iterable[str]) -> list[Any]:
    """Return the point of each row: a scalar for one input, else a tuple."""
    columns = [_read(df, name) for name in inputs]
    return columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))


@load_dataframe.register(DataSaver)
def _load_saver(
    learner: DataSaver,
    df: pd.DataFrame,
    with_default_function_args: bool = True,
    function_prefix: str = "function.",
    extra_data_name: str = "extra_data",
    input_names: tuple[str, ...] = (),
    **child_names: Any,
) -> None:
    inputs = input_names or df.attrs.get("inputs")
    if not inputs:
        raise ValueError(
            "the table lost df.attrs['inputs'], which names the columns of the points; give them as `input_names`."
        )
    extra = dict(zip(_keys(df, inputs), _read(df, extra_data_name), strict=True))
    learner.learner.load_dataframe(
        df,
        with_default_function_args=with_default_function_args,
        function_prefix=function_prefix,
        **child_names,
    )
    learner.extra_data.update(extra)


@to_dataframe.register(BalancingLearner)
def _balancing_table(learner: BalancingLearner, index_name: str = "learner_index", **child_names: Any) -> pd.DataFrame:
    pd = _pandas()
    frames = []
    for i, child in enumerate(learner.learners):
        df = child.to_dataframe(**child_names)
        if index_name in df.columns:
            raise ValueError(f"the children's tables have a column {index_name!r} already; choose another index_name.")
        df.insert(0, index_name, [i] * len(df))
        frames.append(df)
    # pandas 2 warns about empty parts, whose types are unknown
    whole = pd.concat([df for df in frames if len(df)] or frames[:1], axis=0, ignore_index=True)
    whole.attrs = dict(frames[0].attrs)
    return whole  # type: ignore[no-any-return]  # `_pandas` is untyped, so that pandas may be missing


@load_dataframe.register(BalancingLearner)
def _load_balancing(
    learner: BalancingLearner, df: pd.DataFrame, index_name: str = "learner_index", **child_names: Any
) -> None:
    pd = _pandas()
    unknown = sorted(set(_read(df, index_name)) - set(range(len(learner.learners))))
    if unknown:
        raise ValueError(
            f"the table has rows of children {unknown}, but there are {len(learner.learners)} children; "
            "make the learner as it was when the table was made."
        )
    prefix = child_names.get("function_prefix", "function.")
    for index, part in df.groupby(index_name):
        child = learner.learners[int(cast(int, index))]
        child_df = part.drop(columns=index_name)
        # what only other children have as an argument came here as an empty column
        foreign = [c for c in child_df.columns if str(c).startswith(prefix) and bool(pd.isna(child_df[c]).all())]
        known = parameters(child.function)
        child_df = child_df.drop(columns=[c for c in foreign if str(c).removeprefix(prefix) not in known])
        child_df.attrs = dict(df.attrs)
        child.load_dataframe(child_df, **child_names)
    learner.forget_caches()
