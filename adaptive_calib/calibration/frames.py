"""Calibrations as tables of pandas, and back.

A table for reading has one row for each experiment i and sensitivity c:

    i, log2c    the experiment and log2 of the sensitivity
    Bemd, se    B_EMD and its standard error; NaN where the experiment failed or was not evaluated at this c
    Bepis       the label as 1.0 or 0.0; NaN while it is undecided, or if the experiment failed
    n_inf       infinite data seen for the label (0 if the experiment failed)
    settled     whether the label is decided

It can be told to an `OpaqueCalibrationLearner`, of which it is the data. A `CalibrationLearner` learns from records,
from which any c follows; a table that it can be told has one row for each told point (``records=True``): kind, i, n0,
n1 and the record itself. Pandas is imported when a table is made.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["OPAQUE_COLUMNS", "opaque_rows", "record_frame", "record_rows", "value_frame"]

#: What a table needs to be told to an `OpaqueCalibrationLearner`.
OPAQUE_COLUMNS = ("i", "log2c", "Bemd", "Bepis")


def _pandas() -> Any:
    try:
        import pandas as pd
    except ImportError:
        raise ImportError(
            'tables need pandas, which is not installed; it comes with `pip install "adaptive_calib[notebook]"`.'
        ) from None
    return pd


def value_frame(columns: Mapping[str, Any]) -> pd.DataFrame:
    """Return the table of these columns, sorted by i and log2c."""
    pd = _pandas()
    frame = pd.DataFrame(dict(columns)).sort_values(["i", "log2c"], ignore_index=True)
    frame.attrs["inputs"], frame.attrs["output"] = ["i", "log2c"], "Bemd"
    return frame  # type: ignore[no-any-return]  # `_pandas` is untyped, so that pandas may be missing


def record_frame(data: Mapping[Any, Any]) -> pd.DataFrame:
    """Return the table of told points: kind, i, n0, n1 (0 where there are none) and the record as it came."""
    pd = _pandas()
    data = {point: value for point, value in data.items() if point[0] != "column"}  # these are made again
    points = [(*point, 0, 0)[:4] for point in data]
    names = ["kind", "i", "n0", "n1"]
    frame = pd.DataFrame({name: [point[k] for point in points] for k, name in enumerate(names)})
    column = np.empty(len(points), dtype=object)
    for k, value in enumerate(data.values()):
        column[k] = value
    frame["record"] = column
    frame.attrs["inputs"], frame.attrs["output"] = names, "record"
    return frame  # type: ignore[no-any-return]  # as above


def _check_columns(df: pd.DataFrame, wanted: Sequence[str], advice: str) -> None:
    missing = [name for name in wanted if name not in df.columns]
    if missing:
        raise ValueError(
            f"the table should have the columns {', '.join(wanted)}, but lacks {', '.join(missing)}; {advice}"
        )


def record_rows(df: pd.DataFrame) -> Iterable[tuple[Any, Any]]:
    """Yield point and record of each row of a table made by `record_frame`."""
    advice = (
        "a CalibrationLearner learns from records: make the table with to_dataframe(records=True). A table of B_EMD "
        "can be told to an OpaqueCalibrationLearner."
    )
    _check_columns(df, ("kind", "i", "n0", "n1", "record"), advice)
    rows = zip(*(df[name].tolist() for name in ("kind", "i", "n0", "n1", "record")), strict=True)
    for kind, i, n0, n1, record in rows:
        yield (kind, int(i)) if kind == "new" else (kind, int(i), int(n0), int(n1)), record


def opaque_rows(df: pd.DataFrame) -> Iterable[tuple[tuple[int, float], tuple[float, bool | None]]]:
    """Yield point (i, log2 c) and value (B_EMD, B_epis) of each row that has a B_EMD."""
    _check_columns(df, OPAQUE_COLUMNS, "a table of any calibration learner has them.")
    for i, x, bemd, label in zip(*(df[name].tolist() for name in OPAQUE_COLUMNS), strict=True):
        if not math.isnan(bemd):
            yield (int(i), float(x)), (float(bemd), None if label is None or math.isnan(label) else bool(label))
