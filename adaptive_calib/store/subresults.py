"""Sub-results shared between points: computed once per worker, and once per store where the workers see its folder.

A value is a file of its own in ``<store>.files/memo/<space>``, written beside and renamed, so that it is complete or
absent; workers write theirs without asking anybody, since a value is a function of its key.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from adaptive_calib.store.backends.files import write_atomically
from adaptive_calib.store.codec import decode, encode
from adaptive_calib.store.identity.canonical import PointUids

__all__ = ["forget", "remembered"]

#: (space, key uid) -> value, in this process. An importable module: globals of ``__main__`` differ between workers.
_KNOWN: dict[tuple[str, str], Any] = {}


def remembered(
    place: Path | None, space: str, key: Any, function: Callable[..., Any], args: tuple[Any, ...] = ()
) -> Any:
    """Return the value of `key` in a space, from this process, from the folder, or from ``function(*args)``.

    Parameters
    ----------
    place : Path or None
        Folder of the store's files; used only where the store is seen, as a worker on another host may not do.
    space : str
        Uid of the space.
    key
        A plain value with a canonical form.
    function, args
        What computes the value: plain data, as for results, if it is to be kept in the folder.
    """
    uid = PointUids(space)(("memo", key))
    if (space, uid) in _KNOWN:
        return _KNOWN[space, uid]
    path = None
    if place is not None and _visible(place):
        path = place / "memo" / space / uid
        if path.exists():
            head, _, data = path.read_bytes().partition(b"\n")
            _KNOWN[space, uid] = decode(head.decode("ascii"), data)
            return _KNOWN[space, uid]
    value = function(*args)
    if path is not None:
        text, data = encode(value, f"the memo {key!r}")
        write_atomically(path, text.encode("ascii") + b"\n" + data)
    _KNOWN[space, uid] = value
    return value


def _visible(place: Path) -> bool:
    return place.is_dir() or place.with_name(place.name.removesuffix(".files")).exists()


def forget() -> None:
    """Forget what this process knows; files stay."""
    _KNOWN.clear()
