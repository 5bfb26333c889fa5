"""How a result becomes the columns of a row, and back: plain data, types with a handler, pickles only on request."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from adaptive_calib.store.codec import decode, encode
from adaptive_calib.store.errors import UnreadableRowError, UnstorableResultError

__all__ = ["Results"]

Dump = Callable[[Any, Path], None]
Load = Callable[[Path], Any]


class Results:
    """The types of results that one store can write and read.

    Parameters
    ----------
    allow_pickle : bool
        Whether results of other types are pickled, and pickled ones read: reading a pickle runs what is in it.
    """

    def __init__(self, *, allow_pickle: bool = False) -> None:
        self._allow_pickle = allow_pickle
        self._handlers: dict[type, tuple[str, Dump, Load]] = {}

    def register(self, kind: type, dump: Dump, load: Load) -> None:
        """Keep results of type `kind` by ``dump(object, path)`` and ``load(path)``; see `Store.register_handler`."""
        self._handlers[kind] = (f"{kind.__module__}.{kind.__qualname__}", dump, load)

    def write(self, value: Any) -> tuple[str, str, bytes]:
        """Return kind, text and bytes of a result.

        Raises
        ------
        UnstorableResultError
            If it is no plain data, has no handler, and may not be pickled.
        """
        handler = self._handler(type(value)) if self._handlers else None
        if handler is not None:
            name, dump, _ = handler
            with tempfile.TemporaryDirectory(prefix="adaptive_calib-") as folder:
                path = Path(folder) / "result"
                dump(value, path)
                return f"handler:{name}", "", path.read_bytes()
        try:
            text, data = encode(value)
        except UnstorableResultError:
            if not self._allow_pickle:
                raise
            try:
                return "pickle", "", pickle.dumps(value, protocol=4)
            except Exception as error:
                raise UnstorableResultError(
                    f"the result, a {type(value).__qualname__}, cannot be pickled: {error}"
                ) from error
        return "json", text, data

    def read(self, kind: str, text: str, data: bytes | None) -> Any:
        """Return the result that `write` wrote.

        Raises
        ------
        UnreadableRowError
            If it is damaged, has a handler that is not registered here, or is pickled and pickles are not allowed.
        """
        if kind == "json":
            return decode(text, data)
        if kind == "pickle":
            if not self._allow_pickle:
                raise UnreadableRowError(
                    "a result is stored as a pickle, which can run any code when it is read. If you trust whoever "
                    "wrote this store, open it with pickle_results=True."
                )
            return pickle.loads(data or b"")
        for name, _, load in self._handlers.values():
            if kind == f"handler:{name}":
                with tempfile.TemporaryDirectory(prefix="adaptive_calib-") as folder:
                    path = Path(folder) / "result"
                    path.write_bytes(data or b"")
                    return load(path)
        raise UnreadableRowError(
            f"a result is stored as {kind!r}, for which no handler is registered; register the one that it was "
            "written with: store.register_handler(type, dump, load)."
        )

    def _handler(self, kind: type) -> tuple[str, Dump, Load] | None:
        for base in kind.__mro__[:-1]:  # the exact type before its bases
            if base in self._handlers:
                return self._handlers[base]
        return None
