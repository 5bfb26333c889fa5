"""Tables of evaluations as files that other programs read: parquet, CSV, JSON lines."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["write_table"]


def write_table(frame: pd.DataFrame, path: Path) -> Path:
    """Write a table, complete or not at all; see `adaptive_calib.store.result_set.Space.export`."""
    endings = (".parquet", ".csv", ".json", ".jsonl")
    if path.suffix not in endings:
        raise ValueError(f"{path} should end in one of {', '.join(endings)}.")
    table = frame.copy()
    table.attrs = {}
    for column in ("point", "y"):
        table[column] = _flat(list(frame[column]))
    handle, name = tempfile.mkstemp(prefix=".tmp-", suffix=path.suffix, dir=path.absolute().parent)
    os.close(handle)
    try:
        if path.suffix == ".parquet":
            table.to_parquet(name)
        elif path.suffix == ".csv":
            table.to_csv(name, index=False)
        else:
            table.to_json(name, orient="records", lines=True)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path


def _flat(values: list[Any]) -> list[Any]:
    """Return numbers as they are, or, if there is anything else among them, all as texts: one type per column."""
    if all(v is None or isinstance(v, (int, float, np.number)) for v in values):
        return [None if v is None else float(v) for v in values]
    return [v if v is None or isinstance(v, str) else json.dumps(v, default=_plain) for v in values]


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=repr)
    return repr(value)
