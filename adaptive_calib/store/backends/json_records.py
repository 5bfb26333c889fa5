"""Result sets, rows and runs as JSON records, for backends that are no database."""

from __future__ import annotations

import dataclasses
from base64 import b64decode, b64encode
from typing import Any

from adaptive_calib.store.errors import UnreadableRowError
from adaptive_calib.store.identity.result_set_info import ResultSetInfo, valid_info
from adaptive_calib.store.rows import Row, Run, checked, checksum, checksum_of, damaged, valid_run

__all__ = ["from_result_set", "from_row", "from_run", "to_result_set", "to_row", "to_run"]


def from_row(row: Row) -> dict[str, Any]:
    """Return a row as a record with its checksum; bytes are base64."""
    data = None if row.y_data is None else b64encode(row.y_data).decode("ascii")
    return {**row._asdict(), "y_data": data, "checksum": checksum(row)}


def to_row(record: Any, data: bytes | None = None) -> Row:
    """Return the row of a record; a damaged one if it is not as it was written.

    Parameters
    ----------
    record
        Of `from_row`.
    data
        The bytes that belong to it, if they are kept apart.

    Raises
    ------
    UnreadableRowError
        If the record has no key, so that its evaluation is unknown.
    """
    try:
        names = [record[name] for name in ("space", "point_uid", "split")]
        if not all(isinstance(name, str) for name in names) or type(record["replicate"]) is not int:
            raise TypeError("its key is of another type than it was written with")
    except (KeyError, TypeError) as error:
        raise UnreadableRowError(f"{record!r:.120} is no stored evaluation: {error}") from error
    try:
        content = record["y_data"]
        content = data if content is None else b64decode(content, validate=True)
        row = Row(**{**{name: record[name] for name in Row._fields}, "y_data": content})
        expected = record["checksum"]
    except (KeyError, TypeError, ValueError) as error:
        known = {name: record[name] for name in ("space", "point_uid", "split", "replicate", "point") if name in record}
        return damaged(Row(**{**_EMPTY, **known}), f"its record cannot be read: {error!r}")
    return checked(row, expected)


_EMPTY: dict[str, Any] = {
    "status": "", "point": "", "y": "", "y_kind": "json", "y_data": None, "started": 0.0, "duration": 0.0, "host": "",
    "pid": 0, "seed": "", "attempt": 0, "run_id": "", "exc_type": "", "traceback": "",
}  # fmt: skip


def from_result_set(info: ResultSetInfo) -> dict[str, Any]:
    """Return the description of a result set as a record with its checksum."""
    fields = dataclasses.asdict(info)
    return {**fields, "checksum": checksum_of(fields)}


def to_result_set(record: dict[str, Any]) -> ResultSetInfo:
    """Return the result set of a record; `UnreadableRowError` if it is none, or not as it was written."""
    try:
        return valid_info(record)
    except (AttributeError, TypeError, ValueError) as error:
        raise UnreadableRowError(f"{record!r:.120} is no description of a result set: {error}") from error


def from_run(run: Run) -> dict[str, Any]:
    """Return the description of a run as a record with its checksum."""
    fields = run._asdict()
    return {**fields, "checksum": checksum_of(fields)}


def to_run(record: dict[str, Any]) -> Run:
    """Return the run of a record; `UnreadableRowError` if it is none, or not as it was written."""
    try:
        run = Run(**{name: record[name] for name in Run._fields})
        expected = record["checksum"]
    except (KeyError, TypeError) as error:
        raise UnreadableRowError(f"{record!r:.120} is no description of a run: {error}") from error
    if not valid_run(run, expected):
        raise UnreadableRowError(f"{record!r:.120} is no description of a run.")
    return run
