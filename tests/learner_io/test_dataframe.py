"""Tables of every learner, and back."""

from __future__ import annotations

import io
import math
import pickle
import random
import sys
from functools import partial
from operator import itemgetter
from typing import Any

import numpy as np
import pandas as pd
import pytest

from adaptive_calib.learner import (
    AverageLearner,
    AverageLearner1D,
    BalancingLearner,
    CubatureLearner,
    DataSaver,
    GPLearner,
    IntegratorLearner,
    Learner1D,
    Learner2D,
    LearnerND,
    SequenceLearner,
)
from adaptive_calib.learner.base_learner import BaseLearner
from adaptive_calib.learner_io.dataframe import (
    TableFormat,
    assign_defaults,
    partial_function_from_dataframe,
    table_format,
)


def _line(x: float, slope: float = 2.0, name: str = "a") -> float:
    return slope * x * x


def _vector(x: float) -> np.ndarray:
    return np.array([x, x * x, 1.0])


def _noisy(point: tuple[int, float], width: float = 0.1) -> float:
    seed, x = point
    return x + random.Random(1000 * seed + x).gauss(0, width)


def _gauss(seed: int, centre: float = 0.5) -> float:
    return random.Random(seed).gauss(centre, 1)


def _plane(point: tuple[float, float], height: float = 3.0) -> float:
    return height * math.exp(-(point[0] ** 2) - point[1])


def _space(point: tuple[float, ...]) -> float:
    return sum(x * x for x in point)


def _element(element: dict[str, int], factor: int = 2) -> int:
    return factor * element["i"]


def _record(x: float, slope: float = 1.0) -> dict[str, Any]:
    return {"y": slope * x, "note": f"at {x}"}


_BOX = [(-1.0, 1.0), (0.0, 2.0)]
_MADE: dict[str, tuple[Any, int]] = {
    "Learner1D": (lambda: Learner1D(_line, (-1, 1)), 12),
    "Learner1D of vectors": (lambda: Learner1D(_vector, (-1, 1)), 12),
    "AverageLearner": (lambda: AverageLearner(_gauss, atol=0.1), 12),
    "AverageLearner1D": (lambda: AverageLearner1D(_noisy, (-1, 1), min_samples=3), 30),
    "Learner2D": (lambda: Learner2D(_plane, _BOX), 12),
    "LearnerND": (lambda: LearnerND(_space, [*_BOX, (1.0, 3.0)]), 12),
    "GPLearner": (lambda: GPLearner(_space, [*_BOX, (1.0, 3.0)]), 20),
    "SequenceLearner": (lambda: SequenceLearner(_element, [{"i": i} for i in range(20)]), 12),
    "DataSaver": (lambda: DataSaver(Learner1D(_record, (-1, 1)), itemgetter("y")), 12),
    "DataSaver of AverageLearner": (lambda: DataSaver(AverageLearner(_gauss, atol=0.1), abs), 12),
    "DataSaver of Learner2D": (lambda: DataSaver(Learner2D(_plane, _BOX), abs), 12),
    "DataSaver of SequenceLearner": (
        lambda: DataSaver(SequenceLearner(_element, [{"i": i} for i in range(9)]), abs),
        5,
    ),
    "BalancingLearner": (
        lambda: BalancingLearner([Learner1D(partial(_line, slope=s), (-1, 1)) for s in (1.0, 2.0, 5.0)]),
        24,
    ),
}


def _run(learner: Any, n: int) -> Any:
    for _ in range(n):
        for point in learner.ask(1)[0]:
            learner.tell(point, learner.function(point))
    return learner


def _told(name: str) -> Any:
    make, n = _MADE[name]
    return _run(make(), n)


def _equal(a: Any, b: Any) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[key], b[key]) for key in a)


# ------------------------------------------------------------------------------------------------------ there and back


@pytest.mark.parametrize("name", _MADE)
def test_there_and_back(name: str) -> None:
    """A learner loaded from its table has the same data and gives the same table."""
    learner, loaded = _told(name), _MADE[name][0]()
    df = learner.to_dataframe()
    loaded.load_dataframe(df)
    assert _equal(loaded.data, learner.data)
    pd.testing.assert_frame_equal(loaded.to_dataframe(), df)
    assert loaded.to_dataframe().attrs == df.attrs


@pytest.mark.parametrize("name", _MADE)
def test_there_and_back_through_a_pickle(name: str) -> None:
    """A pickled table is loaded as well."""
    learner, loaded = _told(name), _MADE[name][0]()
    loaded.load_dataframe(pickle.loads(pickle.dumps(learner.to_dataframe())))
    assert _equal(loaded.data, learner.data)


@pytest.mark.parametrize("name", _MADE)
def test_without_data(name: str) -> None:
    """A learner without data has an empty table, which can be loaded."""
    learner = _MADE[name][0]()
    df = learner.to_dataframe()
    assert len(df) == 0
    assert df.attrs["output"] in df.columns
    learner.load_dataframe(df)
    assert learner.npoints == 0


@pytest.mark.parametrize(
    ("name", "columns", "inputs", "output"),
    [
        ("Learner1D", ["x", "y", "function.slope", "function.name"], ["x"], "y"),
        ("AverageLearner", ["seed", "y", "function.centre"], ["seed"], "y"),
        ("AverageLearner1D", ["seed", "x", "y", "function.width"], ["seed", "x"], "y"),
        ("Learner2D", ["x", "y", "z", "function.height"], ["x", "y"], "z"),
        ("LearnerND", ["x", "y", "z", "value"], ["x", "y", "z"], "value"),
        ("GPLearner", ["x", "y", "z", "value"], ["x", "y", "z"], "value"),
        ("SequenceLearner", ["i", "x", "y", "function.factor"], ["i"], "y"),
        ("DataSaver", ["x", "y", "function.slope", "extra_data"], ["x"], "y"),
        ("BalancingLearner", ["learner_index", "x", "y", "function.slope", "function.name"], ["x"], "y"),
    ],
)
def test_columns(name: str, columns: list[str], inputs: list[str], output: str) -> None:
    """Columns and attributes are those that users know."""
    df = _told(name).to_dataframe()
    assert list(df.columns) == columns
    assert df.attrs == {"inputs": inputs, "output": output}


def test_other_names() -> None:
    """Columns are named as wished; the same names load the table."""
    learner, loaded = _told("Learner2D"), _MADE["Learner2D"][0]()
    df = learner.to_dataframe(True, "f:", "a", "b", "c")
    assert list(df.columns) == ["a", "b", "c", "f:height"]
    loaded.load_dataframe(df, function_prefix="f:", x_name="a", y_name="b", z_name="c")
    assert dict(loaded.data) == dict(learner.data)
    with pytest.raises(KeyError, match="should have a column 'x'"):
        _MADE["Learner2D"][0]().load_dataframe(df)


def test_sorted_rows() -> None:
    """Rows are sorted by point (in the order of telling for LearnerND)."""
    assert _told("Learner1D").to_dataframe()["x"].is_monotonic_increasing
    df = _told("AverageLearner1D").to_dataframe()
    assert list(zip(df["x"], df["seed"], strict=True)) == sorted(zip(df["x"], df["seed"], strict=True))
    learner = _told("LearnerND")
    assert learner.to_dataframe()[["x", "y", "z"]].to_numpy().tolist() == [list(p) for p in learner.data]


def test_means() -> None:
    """A table of means has x and mean; it cannot be loaded, as the samples are not in it."""
    learner = _told("AverageLearner1D")
    df = learner.to_dataframe(mean=True)
    assert df.attrs == {"inputs": ["x"], "output": "y"}
    assert dict(zip(df["x"], df["y"], strict=True)) == dict(learner.data)
    with pytest.raises(ValueError, match="mean=True"):
        learner.new().load_dataframe(df)


def test_names_for_any_number_of_dimensions() -> None:
    """Coordinates are x, y, z up to three dimensions, x0, x1, ... above; a wrong number of names is a ValueError."""
    five = _run(LearnerND(_space, [(0.0, 1.0)] * 5), 8)
    assert list(five.to_dataframe().columns) == [*(f"x{k}" for k in range(5)), "value"]
    assert list(_run(LearnerND(_space, _BOX), 5).to_dataframe().columns) == ["x", "y", "value"]
    assert list(five.to_dataframe(point_names="abcde").columns) == [*"abcde", "value"]
    with pytest.raises(ValueError, match="5 names"):
        five.to_dataframe(point_names=("x", "y", "z"))


def test_table_of_a_plane_takes_the_place_of_data() -> None:
    """Loading a table into a Learner2D replaces what it knew."""
    learner, other = _told("Learner2D"), _MADE["Learner2D"][0]()
    other.tell((0.1, 0.3), 5.0)
    other.load_dataframe(learner.to_dataframe())
    assert (0.1, 0.3) not in other.data


# --------------------------------------------------------------------------------------------------------- vectors


def test_vectors_are_one_column_of_objects() -> None:
    """By default a vector value is one object."""
    df = _told("Learner1D of vectors").to_dataframe()
    assert df["y"].dtype == object
    assert df["y"][0].tolist() == [-1.0, 1.0, 1.0]


@pytest.mark.parametrize("lossy", [False, True])
def test_expanded_vectors(lossy: bool) -> None:
    """Spread over plain columns they survive CSV, which knows nothing of objects and attributes."""
    learner, loaded = _told("Learner1D of vectors"), _MADE["Learner1D of vectors"][0]()
    df = learner.to_dataframe(expand=True)
    assert list(df.columns) == ["x", "y[0]", "y[1]", "y[2]"]
    assert all(df[column].dtype == float for column in df.columns)
    if lossy:
        df = pd.read_csv(io.StringIO(df.to_csv(index=False)))
    loaded.load_dataframe(df)
    assert loaded.to_numpy() == pytest.approx(learner.to_numpy(), rel=1e-15)


def test_expanding_scalars_and_odd_values() -> None:
    """Scalars stay one column; what is no vector of one length cannot be spread."""
    assert "y" in _told("Learner1D").to_dataframe(expand=True)
    learner = SequenceLearner(lambda x: x, [[1], [1, 2]])
    with pytest.raises(ValueError, match="vectors of one length"):
        _run(learner, 2).to_dataframe(expand=True)


# ----------------------------------------------------------------------------------------------- sequences, records


def test_full_sequence() -> None:
    """With full_sequence all elements are there, pd.NA where the value is missing; loading passes over these."""
    learner, loaded = _told("SequenceLearner"), _MADE["SequenceLearner"][0]()
    df = learner.to_dataframe(full_sequence=True)
    assert len(df) == 20
    assert df["y"][12] is pd.NA
    assert df["x"][3] == {"i": 3}
    loaded.load_dataframe(df, full_sequence=True)
    assert loaded.data == learner.data


def test_sequence_calls_with_the_element_after_loading() -> None:
    """After loading, the function still gets the element of the point, with the arguments of the table."""
    source = _run(SequenceLearner(partial(_element, factor=5), [{"i": i} for i in range(4)]), 2)
    learner = SequenceLearner(_element, [{"i": i} for i in range(4)])
    with pytest.warns(UserWarning, match="the value of the table is used"):
        learner.load_dataframe(source.to_dataframe())
    (point,), _ = learner.ask(1)
    assert learner.function(point) == 10
    assert learner.new().function(point) == 10


def test_records_survive() -> None:
    """A DataSaver's table holds the whole results, loaded by position, also from a table that was filtered."""
    learner, loaded = _told("DataSaver"), _MADE["DataSaver"][0]()
    df = learner.to_dataframe(extra_data_name="whole")
    df = df[df["x"] > 0]
    loaded.load_dataframe(df, extra_data_name="whole")
    assert dict(loaded.extra_data) == {x: y for x, y in learner.extra_data.items() if x > 0}


def test_lost_attributes() -> None:
    """Where df.attrs was lost, `input_names` say which columns are the point."""
    learner, loaded = _told("DataSaver of Learner2D"), _MADE["DataSaver of Learner2D"][0]()
    df = learner.to_dataframe()
    df.attrs = {}
    with pytest.raises(ValueError, match="input_names"):
        loaded.load_dataframe(df)
    assert loaded.npoints == 0
    loaded.load_dataframe(df, input_names=("x", "y"))
    assert dict(loaded.extra_data) == dict(learner.extra_data)


def test_children_in_one_table() -> None:
    """Rows of all children with their index; each gets its own back, with the arguments of its function."""
    learner = _told("BalancingLearner")
    df = learner.to_dataframe("child")
    assert [len(part) for _, part in df.groupby("child")] == [child.npoints for child in learner.learners]
    loaded = BalancingLearner([Learner1D(_line, (-1, 1)) for _ in range(3)])
    with pytest.warns(UserWarning, match="slope"):
        loaded.load_dataframe(df, "child")
    assert loaded.data == learner.data
    assert loaded.function((2, 3.0)) == 45.0
    with pytest.raises(ValueError, match="rows of children"):
        BalancingLearner([Learner1D(_line, (-1, 1))]).load_dataframe(df, "child")


def test_children_with_different_arguments() -> None:
    """Children may have different arguments, and some no data: columns of the others stay out."""
    children = [Learner1D(_line, (-1, 1)), Learner1D(abs, (-1, 1)), Learner1D(partial(_line, slope=7.0), (-1, 1))]
    learner = BalancingLearner(children)
    for i in (0, 1):
        learner.learners[i].tell(0.5, 0.5)
    loaded = learner.new()
    loaded.load_dataframe(learner.to_dataframe())
    assert loaded.data == learner.data
    assert loaded.learners[1].function is abs


# ----------------------------------------------------------------------------------------------- what there is not


def test_integrals_have_a_table_that_cannot_be_loaded() -> None:
    """An integral has a table; which rules its nodes belong to is not in it, so it is not loaded."""
    learner = _run(IntegratorLearner(_line, (0, 1), 1e-3), 20)
    assert learner.to_dataframe()[["x", "y"]].to_numpy().tolist() == learner.to_numpy().tolist()
    with pytest.raises(NotImplementedError, match="IntegratorLearner"):
        learner.load_dataframe(learner.to_dataframe())
    box = _run(CubatureLearner(lambda p: p[0] + p[1], [(0, 1), (2, 3)], 1e-3), 20)
    assert box.to_dataframe()[["x", "y", "value"]].to_numpy().tolist() == box.to_numpy().tolist()
    with pytest.raises(NotImplementedError, match="CubatureLearner"):
        box.load_dataframe(box.to_dataframe())


def test_a_users_learner_has_no_table() -> None:
    """A class of a user says what to do."""

    class Own(BaseLearner):
        ask = tell = tell_pending = remove_unfinished = loss = new = lambda *args: None

    with pytest.raises(NotImplementedError, match="no table for Own; register a `TableFormat`"):
        Own().to_dataframe()
    with pytest.raises(NotImplementedError, match="Own"):
        Own().load_dataframe(pd.DataFrame())


def test_without_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pandas there is an ImportError that says so."""
    learner = _told("Learner1D")
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pandas is not installed"):
        learner.to_dataframe()


# ---------------------------------------------------------------------------------------------- function arguments


def test_arguments_are_bound_again() -> None:
    """Arguments in the table are bound as Python's own scalars; without wish the function stays."""
    df = _run(Learner1D(partial(_line, slope=3.0), (-1, 1)), 5).to_dataframe()
    learner = Learner1D(_line, (-1, 1))
    with pytest.warns(UserWarning, match=r"'slope'.*is 2\.0, but 3\.0"):
        learner.load_dataframe(df)
    assert learner.function(2.0) == 12.0
    assert {name: type(value) for name, value in learner.function.keywords.items()} == {"slope": float, "name": str}
    other = Learner1D(_line, (-1, 1))
    other.load_dataframe(df, with_default_function_args=False)
    assert other.function is _line


def test_arrays_as_arguments() -> None:
    """A default that is an array is one value, compared as a whole."""

    def weighted(x: float, weights: Any = np.arange(3)) -> float:  # noqa: B008  # that is the point
        return float(x * weights.sum())

    df = pd.DataFrame({"x": [1.0, 2.0]})
    assign_defaults(weighted, df)
    assert partial_function_from_dataframe(weighted, df)(1.0) == 3.0


@pytest.mark.parametrize(
    ("columns", "prefix", "match"),
    [
        ({"function.slope": [1.0, 2.0]}, "function.", "one value only"),
        ({"function.other": [1.0, 1.0]}, "function.", "no parameter 'other'"),
        ({"slope": [1.0, 1.0]}, "", "should not be empty"),
    ],
)
def test_bad_arguments(columns: dict[str, Any], prefix: str, match: str) -> None:
    """More than one value, an unknown parameter, an empty prefix: ValueError, before anything is told."""
    df = pd.DataFrame({"x": [0.0, 1.0], "y": [0.0, 1.0], **columns})
    learner = Learner1D(_line, (-1, 1))
    with pytest.raises(ValueError, match=match):
        learner.load_dataframe(df, function_prefix=prefix)
    assert learner.npoints == 0


def test_missing_argument_equals_itself() -> None:
    """NaN as an argument is one value."""
    df = pd.DataFrame({"x": [0.0, 1.0], "function.slope": [math.nan, math.nan]})
    with pytest.warns(UserWarning, match="slope"):
        assert math.isnan(partial_function_from_dataframe(_line, df)(1.0))


def test_functions_that_take_anything() -> None:
    """A function with **kwargs takes every argument of the table; one that hides its parameters too."""
    df = pd.DataFrame({"x": [0.0], "function.base": [16]})
    assert partial_function_from_dataframe(lambda x, **kw: kw, df)(1) == {"base": 16}
    assert partial_function_from_dataframe(int, df)("ff") == 255


def test_a_users_learner_registers_its_table() -> None:
    """A class of a user gets a table by registering a format."""

    class Own(AverageLearner):
        pass

    class Constant(TableFormat):
        def write(self, learner: Any) -> pd.DataFrame:
            return pd.DataFrame({"points": [learner.npoints]})

        def read(self, learner: Any, df: pd.DataFrame) -> None:
            raise AssertionError("not read here")

    table_format.register(Own, lambda learner: Constant)
    assert Own(_gauss, atol=1).to_dataframe()["points"].tolist() == [0]
