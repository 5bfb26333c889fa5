"""Calibrations as tables, read, continued and plotted."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from adaptive_calib.calibration import (
    CalibrationLearner,
    OpaqueCalibrationLearner,
    Sampling,
    SequentialLabel,
    read_result,
)
from tests.calibration.worlds import Gaussians


def learner(**changes: Any) -> CalibrationLearner:
    given: dict[str, Any] = {
        "experiments": Gaussians(12, blocks=True, failing=frozenset({3})), "Ldata": 32, "c_list": [0.5, 1.0, 3.0],
        "labels": SequentialLabel(128, Linf_max=512, first=128), "res": 4,
        "sampling": Sampling(M=8, max_M=8, resample_ends=4),
    }  # fmt: skip
    return CalibrationLearner(**{**given, **changes})


@pytest.fixture(scope="module")
def finished() -> CalibrationLearner:
    one = learner()
    while points := one.ask(4)[0]:
        for point in points:
            if point[1] == 3:
                one.tell_failed(point)
            else:
                one.tell(point, one.function(point))
    return one


def test_one_row_for_each_experiment_and_c(finished: CalibrationLearner) -> None:
    """The table holds what the learner knows, failed experiments as NaN, and says which labels are settled."""
    df = finished.to_dataframe()
    assert list(df.columns) == ["i", "log2c", "Bemd", "se", "Bepis", "n_inf", "settled"]
    assert len(df) == 12 * 3
    assert df.attrs["inputs"] == ["i", "log2c"]
    for c in finished.c_list:
        rows = df[df.log2c == math.log2(c)]
        bemd, labels = finished.column(c)
        np.testing.assert_array_equal(rows.i, np.arange(12))
        np.testing.assert_array_equal(rows.Bemd, bemd)
        np.testing.assert_array_equal(rows.Bepis, labels)
        np.testing.assert_array_equal(rows.settled, ~np.isnan(labels))
        assert (rows.se.dropna() > 0).all()
    failed = df[df.i == 3]
    assert failed.Bemd.isna().all()
    assert (failed.n_inf == 0).all()
    assert (df[df.i != 3].n_inf >= 128).all()


def test_a_table_of_records_is_told_again(finished: CalibrationLearner) -> None:
    """With its records a table gives the same learner back, blocks of infinite data included."""
    df = finished.to_dataframe(records=True)
    other = learner()
    other.load_dataframe(df)
    other.tell_failed(("new", 3))
    assert set(other.data) == set(finished.data)
    pd.testing.assert_frame_equal(other.to_dataframe(), finished.to_dataframe())


def test_values_go_to_the_opaque_learner_only(finished: CalibrationLearner) -> None:
    """A table of B_EMD continues as opaque data; a learner of records refuses it and says where it belongs."""
    df = finished.to_dataframe()
    with pytest.raises(ValueError, match="OpaqueCalibrationLearner"):
        learner().load_dataframe(df)
    one = OpaqueCalibrationLearner(lambda point: (0.5, True), 12, start=finished.c_list)
    one.load_dataframe(df)
    for c in finished.c_list:
        theirs = finished.table()[c]
        np.testing.assert_array_equal(one.table()[c], theirs)
    again = OpaqueCalibrationLearner(lambda point: (0.5, True), 12, start=finished.c_list)
    again.load_dataframe(one.to_dataframe())
    pd.testing.assert_frame_equal(again.to_dataframe(), one.to_dataframe())
    with pytest.raises(ValueError, match="lacks i, Bepis"):
        one.load_dataframe(pd.DataFrame({"log2c": [0.0], "Bemd": [0.5]}))


@pytest.mark.parametrize("label", ["Bepis", "Bconf"])
def test_a_table_of_emdcmp_is_continued(label: str) -> None:
    """Its values count, in either naming of the label; only what it lacks is asked for."""
    rng = np.random.default_rng(3)
    table = {}
    for c in (0.25, 1.0):
        rows = np.empty(20, [("Bemd", float), (label, bool)])
        rows["Bemd"], rows[label] = rng.random(20), rng.random(20) < 0.5
        table[c] = rows
    one = OpaqueCalibrationLearner(lambda point: (0.5, True), 40, start=list(table), c_bounds=(0.25, 1.0))
    one.load_table(table)
    assert one.npoints == 40
    assert all(i >= 20 for i, _ in one.ask(100)[0])
    read = read_result(table)
    for c, rows in one.table().items():
        np.testing.assert_array_equal(rows["Bemd"], read[c]["Bemd"])
        assert rows.dtype.names == ("Bemd", "Bepis")


def test_values_beside_the_race_are_kept_and_shown() -> None:
    """A c of the table that does not race is in the table and the columns, and changes no decision."""
    one = OpaqueCalibrationLearner(lambda point: (0.5, True), 40)
    before = one.ask(5, tell_pending=False)
    one.load_table({0.3: [(0.2, 0), (0.9, 1)]})
    assert one.ask(5, tell_pending=False) == before
    assert 2.0 ** math.log2(0.3) in one.c_list
    bemd, labels = one.column(one.c_list[2])
    assert (bemd.tolist(), labels.tolist()) == ([0.2, 0.9], [0.0, 1.0])


def test_empty_tables() -> None:
    """Without any result there is a table without rows."""
    assert learner().to_dataframe().empty
    assert learner().to_dataframe(records=True).empty
    assert OpaqueCalibrationLearner(lambda point: (0.5, True), 40).to_dataframe().empty
