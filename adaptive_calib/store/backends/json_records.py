"""Spaces, rows and runs as JSON records, for stores that are no database."""

from __future__ import annotations

import dataclasses
from base64 import b64decode, b64encode
from typing import Any

from adaptive_calib.store.errors import UnreadableRowError
from adaptive_calib.store.rows import Row, Run, SpaceInfo

__all__ = ["from_row", "from_run", "from_space", "to_row", "to_run", "to_space"]


def from_row(row: Row) -> dict[str, Any]:
    """Return a row as a record; bytes are base64."""
    record = row._asdict()
    record["y_data"] = None if row.y_data is None else b64encode(row.y_data).decode("ascii")
    return record


def to_row(record: dict[str, Any]) -> Row:
    """Return the row of a record; `UnreadableRowError` if it is none."""
    try:
        data = record["y_data"]
        content = None if data is None else b64decode(data, validate=True)
        return Row(**{**{name: record[name] for name in Row._fields}, "y_data": content})
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableRowError(f"{record!r:.120} is no stored evaluation: {error}") from error


def from_space(info: SpaceInfo) -> dict[str, Any]:
    """Return the description of a space as a record."""
    return dataclasses.asdict(info)


def to_space(record: dict[str, Any]) -> SpaceInfo:
    """Return the space of a record; `UnreadableRowError` if it is none."""
    try:
        return SpaceInfo(**{f.name: record[f.name] for f in dataclasses.fields(SpaceInfo)})
    except (KeyError, TypeError) as error:
        raise UnreadableRowError(f"{record!r:.120} is no description of a space: {error}") from error


def from_run(run: Run) -> dict[str, Any]:
    """Return the description of a run as a record."""
    return run._asdict()


def to_run(record: dict[str, Any]) -> Run:
    """Return the run of a record; `UnreadableRowError` if it is none."""
    try:
        return Run(**{name: record[name] for name in Run._fields})
    except (KeyError, TypeError) as error:
        raise UnreadableRowError(f"{record!r:.120} is no description of a run: {error}") from error
