"""Sub-results shared between points: computed once per worker, and once per store where the workers see its folder.

A value is a file of its own in ``<store>.files/memo/<result set>``, complete or absent, with a checksum. Workers write
their values independently of each other, since a value is a function of its key.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any

from adaptive_calib.store.atomic import below, write_atomically
from adaptive_calib.store.codec import decode, encode

__all__ = ["forget", "remembered"]

logger = logging.getLogger("adaptive_calib.store")

#: (uid of the result set, uid of the key) -> value, in this process. This is an importable module because globals of
#: ``__main__`` differ between workers.
_KNOWN: dict[tuple[str, str], Any] = {}


def remembered(
    place: Path | None, space: str, key: Any, uid: str, function: Callable[..., Any], args: tuple[Any, ...] = ()
) -> Any:
    """Return the value of `key` in a result set, from this process, from the folder, or from ``function(*args)``.

    Parameters
    ----------
    place : Path or None
        Folder of the store's files; used only where the store is seen, as a worker on another host may not do.
    space : str
        Uid of the result set.
    key, uid
        A plain value, for messages; and its uid in the result set.
    function, args
        What computes the value: plain data, as for results, if it is to be kept in the folder.
    """
    if (space, uid) in _KNOWN:
        return _KNOWN[space, uid]
    path = None
    if place is not None and _visible(place):
        path = below(place, "memo", space, uid)
        if path.exists():
            head, _, content = path.read_bytes().partition(b"\n")
            expected, _, text = head.decode("ascii", "replace").partition(" ")
            if expected == _checksum(text, content):
                _KNOWN[space, uid] = decode(text, content)
                return _KNOWN[space, uid]
            logger.warning("the sub-result %s is damaged and is computed again", path)
    value = function(*args)
    if path is not None:
        text, content = encode(value, f"the sub-result {key!r}")
        write_atomically(path, f"{_checksum(text, content)} {text}\n".encode("ascii") + content)
    _KNOWN[space, uid] = value
    return value


def _checksum(text: str, content: bytes) -> str:
    return blake2b(content, digest_size=8, key=blake2b(text.encode("ascii", "replace")).digest()[:16]).hexdigest()


def _visible(place: Path) -> bool:
    return place.is_dir() or place.with_name(place.name.removesuffix(".files")).exists()


def forget() -> None:
    """Clear the values that this process holds; files stay."""
    _KNOWN.clear()
