"""Values come back as they were, and reading runs nothing."""

from __future__ import annotations

import json
import pickle
from collections import namedtuple
from enum import Enum
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_calib.store import UnreadableRowError, UnstorableResultError
from adaptive_calib.store.codec import decode, encode

GOLDEN = Path(__file__).parent / "golden" / "codec-1.json"

#: What the first version wrote; later ones must read it.
WRITTEN: dict[str, Any] = {
    "float": 0.1,
    "text": "ü~",
    "nested": {"a": [1, (2.5, None)], "b": {}},
    "odd keys": {1: "a", (2, 3): [True]},
    "tag-like": {"~t": [1]},
    "not finite": [nan, inf, -inf, complex(nan, 1)],
    "bytes": b"\x00\xff",
    "sets": [{1, 2}, frozenset({"a"})],
    "scalars": [np.float32(0.1), np.int64(2**62), np.bool_(True)],
    "arrays": {"x": np.arange(6, dtype="<i4").reshape(2, 3), "y": (np.array([nan, 1.0]),)},
    "empty array": np.zeros((0, 3)),
    "structured": np.array([(1, 0.5)], dtype=[("n", "<i8"), ("x", "<f8", (1,))]),
}


def same(a: Any, b: Any) -> bool:
    """Whether two values are equal in type and content; NaN equals itself."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, dict):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a.items(), b.items(), strict=True))
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, (float, complex, np.generic)):
        return repr(a) == repr(b)
    return bool(a == b)


@pytest.mark.parametrize("name", WRITTEN)
def test_what_the_first_version_wrote_is_read(name: str) -> None:
    """The stored texts of format 1 give the values that were written."""
    text, data = json.loads(GOLDEN.read_text())[name]
    assert same(decode(text, bytes.fromhex(data)), WRITTEN[name])


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.complex_numbers(),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text() | st.integers() | st.sampled_from(["~t", "~a", "~"]), inner)
    ),
)


@given(plain)
def test_values_come_back_with_their_types(value: Any) -> None:
    """decode(encode(v)) is v, in type and content."""
    assert same(decode(*encode(value)), value)


@pytest.mark.parametrize("dtype", ["f8", ">f4", "i2", "c16", "U3", "S2", "?", "M8[s]", "f4,i4", "m8[ns]"])
def test_arrays_come_back_with_dtype_and_shape(dtype: str) -> None:
    """Any array without objects comes back equal, writable, also from views and in Fortran order."""
    a = np.asfortranarray(np.zeros((3, 4), dtype=dtype))[::2]
    back = decode(*encode({"a": [a, a[0]], "b": a[0, 0]}))
    assert same(back["a"][0], np.ascontiguousarray(a))
    assert same(back["a"][1], a[0])
    assert back["a"][0].flags.writeable


class Colour(Enum):
    RED = 1


Pair = namedtuple("Pair", "a b")


@pytest.mark.parametrize(
    "value", [Colour.RED, Pair(1, 2), object(), np.array([None]), np.ma.ones(2), range(3), print, Path("x")]
)
def test_what_cannot_come_back_is_refused_by_place(value: Any) -> None:
    """The error names the type, the place and the ways out."""
    with pytest.raises(UnstorableResultError, match=r"the result\['a'\]\[0\]"):
        encode({"a": [value]})


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("", b""),
        ("nonsense", b""),
        ('{"~a":["<f8",[2],0]}', b"12345678"),
        ('{"~a":["|O",[1],0]}', b"12345678"),
        ('{"~a":["<f8",[-1],0]}', b"12345678"),
        ('{"~a":["<f8",[1],-8]}', b"12345678"),
        ('{"~b":"?"}', b""),
        ('{"~unknown":1}', b""),
        ('{"~n":["|O","00"]}', b""),
    ],
)
def test_damaged_text_is_an_error_of_its_own(text: str, data: bytes) -> None:
    """Nothing but UnreadableRowError comes of damaged or foreign text."""
    with pytest.raises(UnreadableRowError):
        decode(text, data)


class Bomb:
    def __reduce__(self) -> Any:
        return (pytest.fail, ("code of a stranger ran",))


def test_reading_runs_no_code() -> None:
    """Pickles of a stranger are bytes like any others."""
    evil = pickle.dumps(Bomb())
    assert decode(*encode(evil)) == evil
    with pytest.raises(UnreadableRowError):
        decode('{"~a":["|O",[1],0]}', evil)
