"""The one lazy door upwards: what gives learners their familiar `save`, `load`, `to_dataframe` and `plot`.

A learner does not depend on files, tables or plots. Users call these as methods of a learner all the same, so each of
the functions here imports, when it is called, the module of a higher layer that does the work. No other module of
`adaptive_calib.learner` imports from a higher layer, neither at its head nor in a function: the contracts in
`pyproject.toml` name this module as the only exception, and a test holds that no other one imports by a string.
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

#: Returned by `load` if there is no file.
MISSING: Final = object()


def save(fname: Path, data: Any, compress: bool) -> None:
    """Write `data` to a file; see `adaptive_calib.learner_io.snapshot.write`."""
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
