"""Tables: the data of every learner as a `pandas.DataFrame`, and back.

One row is one evaluated point: the columns of the point, the column of the value, and one column ``function.<name>``
for each default argument of the function. ``df.attrs["inputs"]`` (list) and ``df.attrs["output"]`` (string) name them.
Vector values are one column of objects, or, with ``expand=True``, plain columns ``y[0]``, ``y[1]``, ... that survive
CSV, Parquet and databases; `load_dataframe` recognises both.

Each class of learners has one `TableFormat`, a frozen dataclass: its fields are the arguments of
``learner.to_dataframe(...)`` and ``learner.load_dataframe(df, ...)``, its method `write` makes the table and `read`
loads it. `table_format` finds the format of a learner; register one there for a learner of your own.

==================  =============================================  =========================  =====================
learner             names of columns (defaults)                    rows                       ``attrs["inputs"]``
==================  =============================================  =========================  =====================
Learner1D           x_name="x", y_name="y"                         by x                       [x]
IntegratorLearner   the same                                       by x                       [x]
CubatureLearner     point_names, value_name="value"                in the order of telling    point_names
AverageLearner      seed_name="seed", y_name="y"                   by seed                    [seed]
AverageLearner1D    mean=False, then seed_name, x_name, y_name     by x, then seed            [seed, x], or [x]
Learner2D           x_name="x", y_name="y", z_name="z"             by point                   [x, y]
LearnerND           point_names, value_name="value"                in the order of telling    point_names
GPLearner           the same                                       in the order of telling    point_names
SequenceLearner     index_name="i", x_name="x", y_name="y"         by index                   [i]
BalancingLearner    index_name="learner_index", then the child's   child by child             the child's
DataSaver           extra_data_name="extra_data", the child's      the child's                the child's
==================  =============================================  =========================  =====================
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import singledispatch
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import numpy as np

from adaptive_calib.learner.average_learner import AverageLearner
from adaptive_calib.learner.average_learner1D import AverageLearner1D
from adaptive_calib.learner.balancing_learner import BalancingLearner
from adaptive_calib.learner.base_learner import BaseLearner
from adaptive_calib.learner.cubature_learner import CubatureLearner
from adaptive_calib.learner.data_saver import DataSaver
from adaptive_calib.learner.gp_learner import GPLearner
from adaptive_calib.learner.integrator_learner import IntegratorLearner
from adaptive_calib.learner.learner1D import Learner1D
from adaptive_calib.learner.learner2D import Learner2D
from adaptive_calib.learner.learnerND import LearnerND
from adaptive_calib.learner.sequence_learner import SequenceLearner
from adaptive_calib.learner_io.default_arguments import assign_defaults, parameters, partial_function_from_dataframe

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "TableFormat",
    "assign_defaults",
    "load_dataframe",
    "partial_function_from_dataframe",
    "table_format",
    "to_dataframe",
]


def to_dataframe(learner: Any, *args: Any, **kwargs: Any) -> pd.DataFrame:
    """Return the data of a learner as a table.

    Parameters
    ----------
    learner : BaseLearner
        Any learner of this package, or one whose class is registered with `table_format`.
    with_default_function_args : bool
        Add a column for each default argument of the function (default True).
    function_prefix : str
        Prefix of the names of these columns (default ``"function."``).
    expand : bool
        Spread vector values over columns ``y[0]``, ``y[1]``, ... (default False: one column of objects).
    **names
        Names of columns, see the table in `adaptive_calib.learner_io.dataframe`.

    Raises
    ------
    ImportError
        If pandas is not installed.
    NotImplementedError
        If there is no table format for the class of the learner.
    """
    return table_format(learner).to_write(*args, **kwargs).write(learner)


def load_dataframe(learner: Any, df: pd.DataFrame, *args: Any, **kwargs: Any) -> None:
    """Tell a learner the rows of a table that `to_dataframe` made with the same arguments.

    With `with_default_function_args` (default), columns that begin with `function_prefix` become default arguments of
    the learner's function.
    """
    table_format(learner)(*args, **kwargs).read(learner, df)


@singledispatch
def table_format(learner: Any) -> type[TableFormat]:
    """Return the `TableFormat` of a learner; dispatches on the class of the learner.

    Raises
    ------
    NotImplementedError
        If the class of the learner has none.
    """
    raise NotImplementedError(
        f"there is no table for {type(learner).__name__}; register a `TableFormat` with "
        "`adaptive_calib.learner_io.dataframe.table_format.register`, or save the learner to a file."
    )


# ------------------------------------------------------------------------------------------------ columns of a table


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


def _objects(values: Sequence[Any]) -> np.ndarray:
    """Return values as an array of objects, shape (n,), whatever they are."""
    column = np.empty(len(values), dtype=object)
    for i, value in enumerate(values):
        column[i] = value
    return column


def _column(values: Sequence[Any]) -> Any:
    """Return values as one column: numbers as such; vectors and records as objects, unchanged."""
    return _objects(values) if any(_is_vector(v) for v in values) else list(values)


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


def _columns(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, Sequence[Any]]:
    """Return rows as columns; empty columns without rows."""
    return {name: [row[k] for row in rows] for k, name in enumerate(names)}


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


def _keys(df: pd.DataFrame, inputs: Iterable[str]) -> list[Any]:
    """Return the point of each row: a scalar for one input, else a tuple."""
    columns = [_read(df, name) for name in inputs]
    return columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))


# -------------------------------------------------------------------------------------------------- the base classes


@dataclass(frozen=True)
class TableFormat(ABC):
    """Reader and writer of tables for one class of learners; the fields are the user's arguments."""

    @classmethod
    def to_write(cls, *args: Any, **kwargs: Any) -> Self:
        """Return the format of these arguments of `to_dataframe`."""
        return cls(*args, **kwargs)

    @abstractmethod
    def write(self, learner: Any) -> pd.DataFrame:
        """Return the table of a learner."""

    @abstractmethod
    def read(self, learner: Any, df: pd.DataFrame) -> None:
        """Tell a learner the rows of a table."""


@dataclass(frozen=True)
class _PointTable(TableFormat):
    """A table of the points of one learner. Subclasses add the names of columns, and say what is in them.

    Attributes
    ----------
    with_default_function_args, function_prefix, expand
        As for `to_dataframe`.
    function_attribute : str
        Attribute of the learner with the function whose default arguments are columns.
    """

    with_default_function_args: bool = True
    function_prefix: str = "function."
    expand: bool = field(default=False, kw_only=True)

    function_attribute: ClassVar[str] = "function"

    @abstractmethod
    def input_names(self, learner: Any) -> list[str]:
        """Return the names of the columns of the points."""

    @abstractmethod
    def output_name(self) -> str:
        """Return the name of the column of the values."""

    @abstractmethod
    def columns(self, learner: Any) -> Mapping[str, Sequence[Any]]:
        """Return name -> column."""

    @abstractmethod
    def tell(self, learner: Any, df: pd.DataFrame) -> None:
        """Tell a learner the rows of a table."""

    def write(self, learner: Any) -> pd.DataFrame:
        pd = _pandas()
        output = self.output_name()
        content: dict[str, Any] = {}
        for name, values in self.columns(learner).items():
            content.update(_spread(name, values) if self.expand and name == output else {name: _column(values)})
        df = pd.DataFrame(content)
        df.attrs["inputs"] = self.input_names(learner)
        df.attrs["output"] = output
        if self.with_default_function_args:
            assign_defaults(getattr(learner, self.function_attribute), df, self.function_prefix)
        return df  # type: ignore[no-any-return]  # `_pandas` is untyped, so that pandas may be missing

    def read(self, learner: Any, df: pd.DataFrame) -> None:
        function: Callable[..., Any] = getattr(learner, self.function_attribute)
        if self.with_default_function_args:  # before any row is told: arguments that do not fit are refused here
            function = partial_function_from_dataframe(function, df, self.function_prefix)
        self.tell(learner, df)
        setattr(learner, self.function_attribute, function)


# ------------------------------------------------------------------------------------------------ learners of points


@dataclass(frozen=True)
class _CurveTable(_PointTable):
    x_name: str = "x"
    y_name: str = "y"

    def input_names(self, learner: Any) -> list[str]:
        return [self.x_name]

    def output_name(self) -> str:
        return self.y_name

    def columns(self, learner: Any) -> Mapping[str, Sequence[Any]]:
        xs = sorted(learner.data)
        return {self.x_name: xs, self.y_name: [learner.data[x] for x in xs]}

    def tell(self, learner: Any, df: pd.DataFrame) -> None:
        learner.tell_many(_read(df, self.x_name), _read(df, self.y_name))


@dataclass(frozen=True)
class _IntegralTable(_CurveTable):
    """The values at the nodes; they cannot be read, as an integrator takes only values at nodes that it asked for."""

    def read(self, learner: Any, df: pd.DataFrame) -> None:
        raise NotImplementedError(
            f"a table cannot be loaded into a {type(learner).__name__}; load a saved file instead."
        )


@dataclass(frozen=True)
class _SeedTable(_PointTable):
    seed_name: str = "seed"
    y_name: str = "y"

    def input_names(self, learner: Any) -> list[str]:
        return [self.seed_name]

    def output_name(self) -> str:
        return self.y_name

    def columns(self, learner: Any) -> Mapping[str, Sequence[Any]]:
        seeds = sorted(learner.data)
        return {self.seed_name: seeds, self.y_name: [learner.data[seed] for seed in seeds]}

    def tell(self, learner: Any, df: pd.DataFrame) -> None:
        learner.tell_many(_read(df, self.seed_name), _read(df, self.y_name))


@dataclass(frozen=True)
class _SampleTable(_PointTable):
    """All samples of an `AverageLearner1D`, or, with `mean`, the means, which can be written but not read."""

    seed_name: str = "seed"
    x_name: str = "x"
    y_name: str = "y"
    mean: bool = field(default=False, kw_only=True)

    @classmethod
    def to_write(cls, mean: bool = False, *args: Any, **kwargs: Any) -> Self:
        return cls(*args, mean=mean, **kwargs)

    def input_names(self, learner: Any) -> list[str]:
        return [self.x_name] if self.mean else [self.seed_name, self.x_name]

    def output_name(self) -> str:
        return self.y_name

    def columns(self, learner: AverageLearner1D) -> Mapping[str, Sequence[Any]]:
        if self.mean:
            xs = sorted(learner.data)
            return {self.x_name: xs, self.y_name: [learner.data[x] for x in xs]}
        rows = [(seed, x, y) for x, samples in sorted(learner.samples.items()) for seed, y in sorted(samples.items())]
        return _columns([self.seed_name, self.x_name, self.y_name], rows)

    def read(self, learner: AverageLearner1D, df: pd.DataFrame) -> None:
        if self.mean or self.seed_name not in df.columns:
            raise ValueError(
                f"the table should have a column {self.seed_name!r} of seeds, but has {list(df.columns)}; "
                "a table of means (mean=True) cannot be loaded, as the samples are not in it."
            )
        super().read(learner, df)

    def tell(self, learner: AverageLearner1D, df: pd.DataFrame) -> None:
        points = zip(_read(df, self.seed_name), _read(df, self.x_name), strict=True)
        learner.tell_many(list(points), _read(df, self.y_name))


@dataclass(frozen=True)
class _PlaneTable(_PointTable):
    x_name: str = "x"
    y_name: str = "y"
    z_name: str = "z"

    def input_names(self, learner: Any) -> list[str]:
        return [self.x_name, self.y_name]

    def output_name(self) -> str:
        return self.z_name

    def columns(self, learner: Learner2D) -> Mapping[str, Sequence[Any]]:
        rows = [(*point, learner.data[point]) for point in sorted(learner.data)]
        return _columns([self.x_name, self.y_name, self.z_name], rows)

    def tell(self, learner: Learner2D, df: pd.DataFrame) -> None:
        fresh = learner.new()
        points = zip(_read(df, self.x_name), _read(df, self.y_name), strict=True)
        fresh.tell_many(list(points), _read(df, self.z_name))
        learner.copy_from(fresh)  # the table replaces the data


@dataclass(frozen=True)
class _SpaceTable(_PointTable):
    point_names: Sequence[str] | None = None
    value_name: str = "value"

    def input_names(self, learner: LearnerND | GPLearner) -> list[str]:
        """Return the given names; by default x, y, z, or x0, x1, ... above three dimensions."""
        names, ndim = self.point_names, learner.ndim
        if names is None:
            return ["x", "y", "z"][:ndim] if ndim <= 3 else [f"x{k}" for k in range(ndim)]
        if len(names) != ndim:
            raise ValueError(f"`point_names` should be {ndim} names, one for each dimension, but is {names!r}.")
        return list(names)

    def output_name(self) -> str:
        return self.value_name

    def columns(self, learner: LearnerND | GPLearner) -> Mapping[str, Sequence[Any]]:
        rows = [(*point, value) for point, value in learner.data.items()]
        return _columns([*self.input_names(learner), self.value_name], rows)

    def tell(self, learner: LearnerND, df: pd.DataFrame) -> None:
        points = zip(*(_read(df, name) for name in self.input_names(learner)), strict=True)
        learner.tell_many(list(points), _read(df, self.value_name))


@dataclass(frozen=True)
class _CubatureTable(_SpaceTable):
    """As of an IntegratorLearner: it cannot be read."""

    read = _IntegralTable.read


@dataclass(frozen=True)
class _SequenceTable(_PointTable):
    """The elements with a value; with `full_sequence` all elements, `pandas.NA` where there is no value."""

    index_name: str = "i"
    x_name: str = "x"
    y_name: str = "y"
    full_sequence: bool = field(default=False, kw_only=True)

    function_attribute: ClassVar[str] = "original_function"

    def input_names(self, learner: Any) -> list[str]:
        return [self.index_name]

    def output_name(self) -> str:
        return self.y_name

    def columns(self, learner: SequenceLearner) -> Mapping[str, Sequence[Any]]:
        data = learner.data
        indices: list[int] = list(range(len(learner.sequence)) if self.full_sequence else data)
        missing = _pandas().NA
        return {
            self.index_name: indices,
            self.x_name: [learner.element(i) for i in indices],
            self.y_name: [data.get(i, missing) for i in indices],
        }

    def tell(self, learner: SequenceLearner, df: pd.DataFrame) -> None:
        rows = list(zip(_read(df, self.index_name), _read(df, self.y_name), strict=True))
        if self.full_sequence:
            missing = _pandas().NA
            rows = [(i, y) for i, y in rows if y is not missing]
        learner.tell_many([(i, None) for i, _ in rows], [y for _, y in rows])


# ------------------------------------------------------------------------------------------ learners of learners


@dataclass(frozen=True, init=False)
class _SaverTable(TableFormat):
    """The table of the learner inside, with a column of the whole results; takes its arguments as well."""

    with_default_function_args: bool
    function_prefix: str
    extra_data_name: str
    input_names: tuple[str, ...]
    child_arguments: Mapping[str, Any]

    def __init__(
        self,
        with_default_function_args: bool = True,
        function_prefix: str = "function.",
        extra_data_name: str = "extra_data",
        input_names: tuple[str, ...] = (),
        **child_arguments: Any,
    ) -> None:
        child = {"with_default_function_args": with_default_function_args, "function_prefix": function_prefix}
        self.__dict__.update(
            with_default_function_args=with_default_function_args,
            function_prefix=function_prefix,
            extra_data_name=extra_data_name,
            input_names=input_names,
            child_arguments={**child, **child_arguments},
        )

    def write(self, learner: DataSaver) -> pd.DataFrame:
        df = learner.learner.to_dataframe(**self.child_arguments)
        df[self.extra_data_name] = _objects([learner.extra_data.get(key) for key in _keys(df, df.attrs["inputs"])])
        return df

    def read(self, learner: DataSaver, df: pd.DataFrame) -> None:
        inputs = self.input_names or df.attrs.get("inputs")
        if not inputs:
            raise ValueError(
                "the table lost df.attrs['inputs'], which names the columns of the points; give them as `input_names`."
            )
        extra = dict(zip(_keys(df, inputs), _read(df, self.extra_data_name), strict=True))
        learner.learner.load_dataframe(df, **self.child_arguments)
        learner.extra_data.update(extra)


@dataclass(frozen=True, init=False)
class _BalancingTable(TableFormat):
    """The tables of the children, one below the other, with a column of their indices; takes their arguments too."""

    index_name: str
    child_arguments: Mapping[str, Any]

    def __init__(self, index_name: str = "learner_index", **child_arguments: Any) -> None:
        self.__dict__.update(index_name=index_name, child_arguments=child_arguments)

    def write(self, learner: BalancingLearner) -> pd.DataFrame:
        pd = _pandas()
        frames = []
        for i, child in enumerate(learner.learners):
            df = child.to_dataframe(**self.child_arguments)
            if self.index_name in df.columns:
                raise ValueError(
                    f"the children's tables have a column {self.index_name!r} already; choose another `index_name`."
                )
            df.insert(0, self.index_name, [i] * len(df))
            frames.append(df)
        # pandas 2 warns about empty parts, whose types are unknown
        table = pd.concat([df for df in frames if len(df)] or frames[:1], axis=0, ignore_index=True)
        table.attrs = dict(frames[0].attrs)
        return table  # type: ignore[no-any-return]  # `_pandas` is untyped, so that pandas may be missing

    def read(self, learner: BalancingLearner, df: pd.DataFrame) -> None:
        pd = _pandas()
        unknown = sorted(set(_read(df, self.index_name)) - set(range(len(learner.learners))))
        if unknown:
            raise ValueError(
                f"the table has rows of children {unknown}, but there are {len(learner.learners)} children; "
                "make the learner as it was when the table was made."
            )
        prefix = self.child_arguments.get("function_prefix", "function.")
        for index, part in df.groupby(self.index_name):
            child = learner.learners[int(cast(int, index))]
            child_df = part.drop(columns=self.index_name)
            # an argument that only other children have is an empty column here
            foreign = [c for c in child_df.columns if str(c).startswith(prefix) and bool(pd.isna(child_df[c]).all())]
            known = parameters(child.function)
            child_df = child_df.drop(columns=[c for c in foreign if str(c).removeprefix(prefix) not in known])
            child_df.attrs = dict(df.attrs)
            child.load_dataframe(child_df, **self.child_arguments)
        learner.forget_caches()


_FORMATS: dict[type[BaseLearner], type[TableFormat]] = {
    Learner1D: _CurveTable,
    IntegratorLearner: _IntegralTable,
    CubatureLearner: _CubatureTable,
    AverageLearner: _SeedTable,
    AverageLearner1D: _SampleTable,
    Learner2D: _PlaneTable,
    LearnerND: _SpaceTable,
    GPLearner: _SpaceTable,
    SequenceLearner: _SequenceTable,
    DataSaver: _SaverTable,
    BalancingLearner: _BalancingTable,
}


def _registered(format_: type[TableFormat]) -> Callable[[Any], type[TableFormat]]:
    return lambda learner: format_


for _learner, _format in _FORMATS.items():
    table_format.register(_learner, _registered(_format))
