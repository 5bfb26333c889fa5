"""Records of a store: keys, rows and runs. All backends share them, and so share one format."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

__all__ = [
    "DAMAGED",
    "OK",
    "STATUSES",
    "Key",
    "Row",
    "Run",
    "checked",
    "checksum",
    "checksum_of",
    "damaged",
    "valid_run",
]

OK = "ok"
#: The statuses that are written.
STATUSES = (OK, "failed", "crashed")
#: The status that a row has after reading if it is not as it was written.
DAMAGED = "damaged"


class Key(NamedTuple):
    """The key of a row: uid of the result set and of the point; `split` and `replicate` are those of a `Replicate`."""

    space: str
    point_uid: str
    split: str = ""
    replicate: int = 0


class Row(NamedTuple):
    """One evaluation of one point, as it is stored. Made and read by the names of its fields, never by position.

    Attributes
    ----------
    space, point_uid
        Uids of the result set and of the point.
    split, replicate
        Those of a `Replicate`; ``""`` and 0 for other points.
    status
        ``"ok"``, ``"failed"`` or ``"crashed"``; ``"damaged"`` if it was read and is not as it was written, and then
        `traceback` says what is wrong.
    point, y
        Texts of `adaptive_calib.store.codec`; `y` is ``""`` without a result.
    y_kind
        How to read `y`: ``json``, ``pickle``, or ``handler:NAME``.
    y_data
        Bytes that go with `y`: arrays, or the pickle.
    started, duration
        Seconds since the epoch; seconds of the evaluation itself.
    seed
        Root seed of the evaluation as text, ``""`` if it has none.
    """

    space: str
    point_uid: str
    status: str
    point: str
    y: str
    y_kind: str
    y_data: bytes | None
    started: float
    duration: float
    host: str
    pid: int
    seed: str
    attempt: int
    run_id: str
    exc_type: str
    traceback: str
    split: str = ""
    replicate: int = 0
    stdout: str = ""
    stderr: str = ""
    logs: str = ""

    @property
    def key(self) -> Key:
        """The key of the row."""
        return Key(self.space, self.point_uid, self.split, self.replicate)


class Run(NamedTuple):
    """One run, from its start to its end; `manifest` is JSON text, `ended` is None while it goes on."""

    id: str
    started: float
    ended: float | None
    status: str
    reason: str
    manifest: str


def checksum(row: Row) -> str:
    """Return 64 bits of all of a row but its output and its status after reading, as 16 hexadecimal digits."""
    # by hand, as it is done for each row of a preloaded store: 2 us, a third of what JSON takes
    text = "\0".join((
        row.space, row.point_uid, row.split, str(row.replicate), row.status, row.point, row.y, row.y_kind,
        repr(float(row.started)), repr(float(row.duration)), row.host, str(row.pid), row.seed, str(row.attempt),
        row.run_id, row.exc_type, row.traceback,
    ))  # fmt: skip
    total = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8)
    if row.y_data:
        total.update(row.y_data)
    return total.hexdigest()


def checksum_of(description: Mapping[str, Any]) -> str:
    """Return 64 bits of the fields of a result set's or a run's description, as 16 hexadecimal digits."""
    text = json.dumps({k: repr(float(v)) if k in _TIMES and v is not None else v for k, v in description.items()})
    return blake2b(text.encode("ascii"), digest_size=8).hexdigest()


_TIMES = ("started", "ended", "created")


def checked(row: Row, expected: str) -> Row:
    """Return a row that was read if it is as it was written, else a damaged one; never an error.

    Parameters
    ----------
    row : Row
        As read: its fields may be of any type.
    expected : str
        The `checksum` that was written with it.
    """
    kinds = tuple(map(type, row))
    if kinds not in _VALID:
        if not all(isinstance(getattr(row, name), kind) for name, kind in _KINDS):
            return damaged(row, "a field is of another type than it was written with")
        _VALID.add(kinds)
    if row.status not in STATUSES:
        return damaged(row, f"its status is {row.status!r:.40}")
    if checksum(row) != expected:
        return damaged(row, "its checksum is not the one that was written")
    return row


def damaged(row: Row, reason: str) -> Row:
    """Return a damaged row in place of one that was read: the same key, and nothing else that may be wrong."""
    text = row.point if isinstance(row.point, str) else repr(row.point)
    # the key as it is, by which the row can be deleted
    return Row(
        space=row.space, point_uid=row.point_uid, split=row.split, replicate=row.replicate, status=DAMAGED, point=text,
        y="", y_kind="json", y_data=None, started=0.0, duration=0.0, host="", pid=0, seed="", attempt=0, run_id="",
        exc_type="", traceback=reason,
    )  # fmt: skip


def valid_run(run: Run, expected: Any) -> bool:
    """Whether a run that was read has fields of the right types, a manifest that can be read, and this checksum."""
    if not all(isinstance(getattr(run, name), kind) for name, kind in _RUN_KINDS.items()):
        return False
    try:
        return isinstance(json.loads(run.manifest), dict) and checksum_of(run._asdict()) == expected
    except ValueError:
        return False


_TEXT = {"y_data": (bytes, type(None)), "replicate": int, "pid": int, "attempt": int}
_NUMBER = (int, float)
_KINDS: tuple[tuple[str, Any], ...] = tuple(
    (name, _NUMBER if name in ("started", "duration") else _TEXT.get(name, str)) for name in Row._fields
)
#: Types of all fields that were found valid before.
_VALID: set[tuple[type, ...]] = set()
_RUN_KINDS: dict[str, Any] = {
    "id": str, "started": _NUMBER, "ended": (int, float, type(None)), "status": str, "reason": str, "manifest": str,
}  # fmt: skip
