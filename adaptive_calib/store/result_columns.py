"""Results as columns of a row, and back: plain data, types with a handler, pickles only on request."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from adaptive_calib.store.codec import decode, encode
from adaptive_calib.store.errors import UnreadableRowError, UnstorableResultError

__all__ = ["Results"]

Dump = Callable[[Any, Path], object]
Load = Callable[[Path], Any]
_HANDLER = "handler:"


class Results:
    """The types of results that one store can write and read.

    Parameters
    ----------
    allow_pickle : bool
        Whether results of other types are pickled, and pickled ones read: reading a pickle runs what is in it.
    """

    def __init__(self, *, allow_pickle: bool = False) -> None:
        self._allow_pickle = allow_pickle
        self._handlers: dict[type, tuple[str, Dump, Load, str]] = {}

    def register(self, kind: type, dump: Dump, load: Load, suffix: str = "") -> None:
        """Keep values of type `kind` by ``dump(object, path)`` and ``load(path)``; see `Store.register_handler`."""
        if suffix and (not suffix.startswith(".") or "/" in suffix or "\0" in suffix):
            raise ValueError(f'`suffix` should be the ending of a file, as ".fits", but is {suffix!r}.')
        self._handlers[kind] = (f"{kind.__module__}.{kind.__qualname__}", dump, load, suffix)

    def write(self, value: Any) -> tuple[str, str, bytes]:
        """Return kind, text and bytes of a result.

        Raises
        ------
        UnstorableResultError
            If it is or holds something that is not plain data, has no handler, and may not be pickled.
        """
        dump = self._dumped if self._handlers else None
        if dump is not None and (dumped := dump(value)) is not None:
            return f"{_HANDLER}{dumped[0]}", "", dumped[1]
        try:
            text, data = encode(value, dump=dump)
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
            return decode(text, data, self._loaded)
        if kind == "pickle":
            if not self._allow_pickle:
                raise _elsewhere(
                    "a result is stored as a pickle, which can run any code when it is read. If you trust the author "
                    "of this store, open it with pickle_results=True."
                )
            try:
                return pickle.loads(data or b"")
            except Exception as error:  # any: a pickle runs code
                raise UnreadableRowError(f"a pickled result cannot be read: {error!r}") from error
        if kind.startswith(_HANDLER):
            return self._loaded(kind.removeprefix(_HANDLER), data or b"")
        raise UnreadableRowError(f"a result is stored as {kind!r}, a kind that this adaptive_calib cannot read.")

    def _dumped(self, value: Any) -> tuple[str, bytes] | None:
        """Return the name of the handler of a value, and the bytes that it wrote; None if there is no handler."""
        for base in type(value).__mro__[:-1]:  # the exact type before its bases
            if base in self._handlers:
                name, dump, _, suffix = self._handlers[base]
                with tempfile.TemporaryDirectory(prefix="adaptive_calib-") as folder:
                    path = Path(folder) / f"result{suffix}"
                    dump(value, path)
                    return name, path.read_bytes()
        return None

    def _loaded(self, name: str, data: bytes) -> Any:
        """Return what the handler of this name wrote."""
        for known, _, load, suffix in self._handlers.values():
            if known == name:
                with tempfile.TemporaryDirectory(prefix="adaptive_calib-") as folder:
                    path = Path(folder) / f"result{suffix}"
                    path.write_bytes(data)
                    return load(path)
        raise _elsewhere(
            f"a result, or a part of one, is stored by the handler {name!r}, which is not registered; register the one "
            "that it was written with: store.register_handler(type, dump, load)."
        )


def _elsewhere(message: str) -> UnreadableRowError:
    """Return the error for a result that is undamaged but cannot be read by this store."""
    error = UnreadableRowError(message)
    error.readable_elsewhere = True
    return error
