"""The one door upwards: what gives learners their familiar `save`, `load`, `to_dataframe` and `plot`.

Learners know no files, tables or plots. Users call these as methods of the learner all the same, so each is one line
here that imports, when called, what does it. Nothing else in this package imports from a layer above.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MISSING", "Path", "load", "load_dataframe", "save", "to_dataframe", "view"]

#: The name of a file.
Path: TypeAlias = str | os.PathLike[str]

#: What `load` returns when there is no file.
MISSING: Final = object()


def save(fname: Path, data: Any, compress: bool) -> None:
    """Write `data`; see `adaptive_calib.learner_io.snapshot.write`."""
    from adaptive_calib.learner_io.snapshot import write

    write(fname, data, compress)


def load(fname: Path, compress: bool) -> Any:
    """Return the data of a file, or `MISSING` if there is none; see `adaptive_calib.learner_io.snapshot.read`."""
    from adaptive_calib.learner_io.snapshot import read

    try:
        return read(fname, compress)
    except FileNotFoundError:
        return MISSING


def to_dataframe(learner: Any, *args: Any, **kwargs: Any) -> pd.DataFrame:
    """Return the learner's data as a table; see `adaptive_calib.learner_io.dataframe.to_dataframe`."""
    from adaptive_calib.learner_io.dataframe import to_dataframe as table

    return table(learner, *args, **kwargs)


def load_dataframe(learner: Any, df: pd.DataFrame, *args: Any, **kwargs: Any) -> None:
    """Tell the learner the rows of a table; see `adaptive_calib.learner_io.dataframe.load_dataframe`."""
    from adaptive_calib.learner_io.dataframe import load_dataframe as load_table

    load_table(learner, df, *args, **kwargs)


def view(module: str) -> Any:
    """Return the module ``adaptive_calib.view.<module>``, whose ``plot(learner, ...)`` draws a learner."""
    return import_module(f"adaptive_calib.view.{module}")
