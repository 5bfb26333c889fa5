"""Values as text and bytes, and back: ``decode(encode(v)) == v``, with the same types. Nothing is executed.

The text is JSON. What JSON lacks stands in an object with one key that begins with ``~``::

    {"~t":[...]} tuple     {"~s":[...]} set      {"~fs":[...]} frozenset   {"~d":[[k,v],...]} other mapping keys
    {"~f":"nan"} nan, inf  {"~c":[re,im]}        {"~b":base64} bytes       {"~n":[dtype,hex]} NumPy scalar
    {"~a":[dtype,shape,start]} an array: C-contiguous bytes, from `start` on in the data that go with the text
    {"~k":text} or {"~k":[text,fields]} a point of which only the canonical text and the fields are kept
    {"~h":[name,start,length]} a value of a type with a handler of this name: what the handler wrote, in those data

A user's own mapping with such a key is written as ``~d``. Unlike the canonical form of `identity` this one goes both
ways: ``(0.1, 0.2)`` is a key of ``learner.data``, ``[0.1, 0.2]`` is not.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, NamedTuple

import numpy as np

from adaptive_calib.store.errors import UnreadableRowError, UnstorableResultError

__all__ = ["PointKey", "decode", "encode"]

_raw_decode = json.JSONDecoder().raw_decode  # what decode() does, without looking for blanks first
_dumps = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True, repr=False)
class PointKey:
    """The canonical text of a point that is not plain data (a member of an Enum, a dataclass), as a store keeps it.

    Such a point can be found again, but not made anew; wherever a uid is asked for, this can be given instead.

    Attributes
    ----------
    text : str
        The canonical text of the point, or of the value that `point_key` made of it.
    fields : mapping or None
        The values of the fields of a dataclass or model, those at their defaults too; nested ones as mappings. Each
        is also an attribute of the point.
    """

    text: str
    fields: Mapping[str, Any] | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        if self.fields is None:
            return f"PointKey({self.text!r})"
        return f"PointKey({', '.join(f'{name}={value!r}' for name, value in self.fields.items())})"

    def __getattr__(self, name: str) -> Any:
        if (
            not name.startswith("__")
            and name not in ("text", "fields")
            and self.fields is not None
            and name in self.fields
        ):
            return self.fields[name]
        raise AttributeError(f"this point has no field {name!r}")


#: Given a value, the name of its handler and what that writes; None for a value without one.
Dump = Callable[[Any], tuple[str, bytes] | None]
#: Given both, the value.
Load = Callable[[str, bytes], Any]


def encode(value: Any, what: str = "the result", dump: Dump | None = None) -> tuple[str, bytes]:
    """Return a value as JSON text and the bytes of its arrays (empty if there are none).

    Parameters
    ----------
    value
        Of the types listed above, nested in any way.
    what
        What the value is called in error messages.
    dump
        Asked for each value inside, whatever its type, before anything else.

    Raises
    ------
    UnstorableResultError
        For a type that is not listed above, subclasses of listed types among them; the message names the place.
    """
    kind = type(value)
    if dump is None:
        if kind is float and isfinite(value):
            return float.__repr__(value), b""
        if kind is str:
            return _dumps(value), b""
    writer = _Writer(dump)
    return _dumps(writer.plain(value, what)), b"".join(writer.blobs)


def decode(text: str, data: bytes | None = b"", load: Load | None = None) -> Any:
    """Return the value that `encode` wrote. Arrays are fresh and writable; `load` is the other side of `dump`.

    Raises
    ------
    UnreadableRowError
        If text or data are damaged or incomplete.
    """
    try:
        plain, end = _raw_decode(text)
        if end != len(text):
            raise ValueError(f"there is more after character {end}")
        return _value(plain, _Data(memoryview(data or b""), load)) if '"~' in text else plain
    except _DAMAGE as error:
        raise UnreadableRowError(f"{text[:120]!r} is no stored value: {error}") from error


#: The errors that reading a damaged value may give.
_DAMAGE = (
    ValueError, TypeError, LookupError, RecursionError, ArithmeticError, AttributeError, MemoryError, SyntaxError,
)  # fmt: skip


class _Writer:
    """The walk through one value; collects the bytes of its arrays."""

    def __init__(self, dump: Dump | None) -> None:
        self.blobs: list[bytes] = []
        self._size = 0
        self._dump = dump

    def _keep(self, content: bytes) -> int:
        """Keep some bytes; return where they begin."""
        start = self._size
        self.blobs.append(content)
        self._size += len(content)
        return start

    def plain(self, value: Any, path: str) -> Any:
        if self._dump is not None and (dumped := self._dump(value)) is not None:
            name, content = dumped
            return {"~h": [name, self._keep(content), len(content)]}
        kind = type(value)
        if value is None or kind is bool or kind is int or kind is str:
            return value
        if kind is float:
            return value if isfinite(value) else {"~f": repr(value)}
        if kind is list:
            return [self.plain(x, f"{path}[{i}]") for i, x in enumerate(value)]
        if kind is tuple:
            return {"~t": [self.plain(x, f"{path}[{i}]") for i, x in enumerate(value)]}
        if kind is dict:
            return self._mapping(value, path)
        if kind is np.ndarray:
            return self._array(value, path)
        if kind is complex:
            return {"~c": [self.plain(value.real, path), self.plain(value.imag, path)]}
        if kind is bytes:
            return {"~b": b64encode(value).decode("ascii")}
        if kind is set or kind is frozenset:
            elements = [self.plain(x, f"an element of {path}") for x in value]
            return {"~s" if kind is set else "~fs": sorted(elements, key=_dumps)}
        if kind is PointKey:
            return {"~k": value.text if value.fields is None else [value.text, self.plain(dict(value.fields), path)]}
        if isinstance(value, np.generic) and not value.dtype.hasobject and kind.__module__ == "numpy":
            return {"~n": [np.lib.format.dtype_to_descr(value.dtype), value.tobytes().hex()]}
        raise UnstorableResultError(
            f"{path} is of type {kind.__module__}.{kind.__qualname__}, which a store cannot keep. Return plain "
            "values (numbers, text, lists, tuples, mappings, arrays), for instance dataclasses.asdict(y) or "
            "dict(y._asdict()); or register a handler for the type (store.register_handler); or open the store with "
            "pickle_results=True, on reading too."
        )

    def _mapping(self, value: dict[Any, Any], path: str) -> Any:
        if all(type(k) is str and not k.startswith("~") for k in value):
            return {k: self.plain(v, f"{path}[{k!r}]") for k, v in value.items()}
        return {
            "~d": [[self.plain(k, f"a key of {path}"), self.plain(v, f"{path}[{k!r:.40}]")] for k, v in value.items()]
        }

    def _array(self, value: np.ndarray[Any, Any], path: str) -> Any:
        if value.dtype.hasobject:
            raise UnstorableResultError(
                f"{path} is an array of Python objects (dtype {value.dtype}), which only a pickle could hold; "
                "return a list, or an array of numbers."
            )
        start = self._keep(value.tobytes())
        return {"~a": [np.lib.format.dtype_to_descr(value.dtype), list(value.shape), start]}


class _Data(NamedTuple):
    """Objects that the texts of one value refer to."""

    content: memoryview
    load: Load | None


def _value(plain: Any, data: _Data) -> Any:
    kind = type(plain)
    if kind is list:
        return [_value(x, data) for x in plain]
    if kind is not dict:
        return plain
    if len(plain) == 1:
        ((key, content),) = plain.items()
        if key.startswith("~"):
            return _READERS[key](content, data)
    return {k: _value(v, data) for k, v in plain.items()}


def _dtype(description: Any) -> np.dtype[Any]:
    # JSON has lists where NumPy's descriptions of structured types have tuples
    dtype: np.dtype[Any] = np.lib.format.descr_to_dtype(_described(description))
    if dtype.hasobject:
        raise ValueError(f"arrays of objects ({dtype}) are not read from a store")
    return dtype


def _described(description: Any) -> Any:
    if isinstance(description, str):
        return description
    fields = []
    for part in description:
        name, kind, *shape = part
        name = tuple(name) if isinstance(name, list) else name
        fields.append((name, _described(kind), *(tuple(s) for s in shape)))
    return fields


def _read_array(content: Any, data: _Data) -> Any:
    description, shape, start = content
    dtype, count = _dtype(description), 1
    for length in shape:
        count *= int(length)
    end = start + count * dtype.itemsize
    if start < 0 or end > len(data.content) or count < 0:
        raise ValueError(f"an array of {count * dtype.itemsize} bytes at {start}, but there are {len(data.content)}")
    if dtype.itemsize == 0:
        return np.zeros(shape, dtype)
    return np.frombuffer(data.content[start:end], dtype).reshape(shape).copy()


def _read_by_handler(content: Any, data: _Data) -> Any:
    name, start, length = content
    if start < 0 or length < 0 or start + length > len(data.content):
        raise ValueError(f"{length} bytes at {start}, but there are {len(data.content)}")
    if data.load is None:
        raise UnreadableRowError(f"a value is stored by the handler {name!r}, and no handlers are registered here.")
    return data.load(name, bytes(data.content[start : start + length]))


def _read_scalar(content: Any, _: _Data) -> Any:
    description, hexed = content
    dtype = _dtype(description)
    return np.frombuffer(bytes.fromhex(hexed), dtype)[0] if dtype.itemsize else dtype.type()  # "" has no bytes


def _read_complex(content: Any, data: _Data) -> complex:
    real, imag = (_value(x, data) for x in content)
    return complex(real, imag)


def _read_point_key(content: Any, data: _Data) -> PointKey:
    if isinstance(content, str):
        return PointKey(content)
    text, fields = content
    values = _value(fields, data)
    if not isinstance(text, str) or not isinstance(values, dict):
        raise TypeError("a point without a text, or with other fields than a mapping")
    return PointKey(text, values)


_READERS: Mapping[str, Any] = {
    "~t": lambda content, data: tuple(_value(x, data) for x in content),
    "~s": lambda content, data: {_value(x, data) for x in content},
    "~fs": lambda content, data: frozenset(_value(x, data) for x in content),
    "~d": lambda content, data: {_value(k, data): _value(v, data) for k, v in content},
    "~f": lambda content, _: float(content),
    "~c": _read_complex,
    "~b": lambda content, _: b64decode(content, validate=True),
    "~n": _read_scalar,
    "~a": _read_array,
    "~h": _read_by_handler,
    "~k": _read_point_key,
}
