"""Identities: the same text exactly for equal values, everywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, make_dataclass
from datetime import date
from enum import Enum, IntEnum
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_calib.store import NotCanonicalError
from adaptive_calib.store.identity.canonical import PointUids, canonical_text, digest, fields_text, guard_fields

GOLDEN = Path(__file__).parent / "golden" / "uids.json"


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    HIGH = 1


@dataclass(frozen=True)
class Planck:
    T: float = 300.0
    n: int = 1


@dataclass(frozen=True)
class Rayleigh:
    T: float = 300.0
    n: int = 1


@dataclass(frozen=True)
class Study:
    L: int
    model: Any = Planck()
    tags: tuple[str, ...] = ()
    note: str = field(default="", metadata={"identity": False})


#: One value of each kind; the stored table says what their texts are.
VALUES: dict[str, Any] = {
    "none": None,
    "true": True,
    "numpy true": np.True_,
    "text": 'a"ü\u2028',
    "one": 1,
    "one as float": np.float64(1),
    "tenth": 0.1,
    "tenth in 32 bits": np.float32(0.1),
    "minus zero": -0.0,
    "infinite": float("-inf"),
    "2**53 + 1": 2**53 + 1,
    "-10**400": -(10**400),
    "list": [1, (2, "x"), []],
    "mapping": {"b": 1, "a": {1: None}},
    "set": {3, 1, 2},
    "array": np.array([[1.5, -0.0], [2, 3]]),
    "integers": np.arange(3, dtype=">i4"),
    "0-d": np.array(2.5),
    "texts": np.array(["a", "bc"]),
    "enum": Colour.RED,
    "int enum": Level.HIGH,
    "dataclass": Study(4, Rayleigh(T=1), ("a",), note="not seen"),
    "defaults": Study(4),
}


def texts() -> dict[str, str]:
    return {name: canonical_text(value) for name, value in VALUES.items()}


def test_texts_and_uids_are_those_of_the_stored_table() -> None:
    """What was written by the first version is found by every later one, under every NumPy.

    ``golden/uids.json`` holds, for each kind of value that has an identity, its canonical text and its uid in the
    space of 32 zeros, as the first version gave them under CPython 3.11 and NumPy 2.4. This test, and those of the
    golden files of the store and the codec, were also run under NumPy 1.26.4: the same bits. If it fails, stored
    results would no longer be found: mend the code, never the table; other rules need another `UID_VERSION`.
    """
    stored = json.loads(GOLDEN.read_text())
    found = texts()
    assert {name: [found[name], PointUids("0" * 32)(VALUES[name])] for name in VALUES} == stored


@pytest.mark.parametrize("hash_seed", ["0", "7"])
def test_uids_are_the_same_in_another_process(hash_seed: str, tmp_path: Path) -> None:
    """Neither the hash seed nor the folder nor the process changes an identity."""
    code = (
        "import importlib.util, json, sys; spec = importlib.util.spec_from_file_location('other_name', sys.argv[1]); "
        "m = importlib.util.module_from_spec(spec); sys.modules['other_name'] = m; spec.loader.exec_module(m); "
        "print(json.dumps(m.texts()))"
    )
    copy = tmp_path / "moved.py"
    copy.write_text("# a comment line\n" + Path(__file__).read_text())
    done = subprocess.run(
        [sys.executable, "-c", code, str(copy)],
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert json.loads(done.stdout) == texts()


numbers = st.one_of(
    st.integers(),
    st.integers(min_value=-(2**54), max_value=2**54),
    st.floats(allow_nan=False),
    st.integers(min_value=-(2**60), max_value=2**60).map(float),
)


@given(numbers, numbers)
def test_numbers_share_a_text_exactly_when_equal(a: float, b: float) -> None:
    """Two numbers are one key exactly when they are ==, as in a dict."""
    assert (canonical_text(a) == canonical_text(b)) == (a == b)


@given(st.floats(allow_nan=False, width=32))
def test_numpy_numbers_are_their_python_values(x: float) -> None:
    """A NumPy scalar is the number it holds."""
    assert canonical_text(np.float32(x)) == canonical_text(np.float64(x)) == canonical_text(float(np.float32(x)))


plain = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
)


@given(plain)
def test_the_text_is_compact_ascii_json_with_sorted_keys(value: Any) -> None:
    """The text is what the json module writes of its content."""
    text = canonical_text(value)
    assert text.isascii()
    assert json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=True) == text


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ([1, 2], (1, 2)),
        ({"a": 1, "b": 2}, OrderedDict([("b", 2), ("a", 1)])),
        (0.0, -0.0),
        (np.array([0.0]), np.array([-0.0])),
        (np.ones((2, 3)), np.asfortranarray(np.ones((2, 3)))),
        (np.arange(3, dtype="<i4"), np.arange(3, dtype=">i4")),
        (np.arange(6)[::2], np.array([0, 2, 4])),
        (np.array(1.5), 1.5),
        (Study(1), Study(1, note="other")),
        (Study(1), Study(1, Planck(300, 1))),
        (np.str_("a"), "a"),
    ],
)
def test_these_are_one_key(a: Any, b: Any) -> None:
    """What users take for the same has one identity."""
    assert canonical_text(a) == canonical_text(b)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (1, True),
        (1, "1"),
        (0.1, np.float32(0.1)),
        ({1: 0}, {"1": 0}),
        ([1, 2], {1, 2}),
        (np.arange(2, dtype="i4"), np.arange(2, dtype="i8")),
        (np.arange(2.0), [0.0, 1.0]),
        (Planck(T=1), Rayleigh(T=1)),
        (Level.HIGH, 1),
        (2**53, 2**53 + 1),
        ("é", "e\u0301"),
    ],
)
def test_these_are_two_keys(a: Any, b: Any) -> None:
    """What differs in kind differs in identity."""
    assert canonical_text(a) != canonical_text(b)


@pytest.mark.parametrize(
    "value",
    [
        1j, b"x", date(2026, 1, 1), Path("x"), len, Planck, float("nan"), np.float64("nan"), np.longdouble(1),
        np.array([1.0, np.nan]), np.array([None]), np.datetime64("2026"), np.zeros(1, "f4,f4"), np.complex128(1),
        iter(()),
    ],
)  # fmt: skip
def test_what_has_no_canonical_form_is_refused_by_name(value: Any) -> None:
    """The error names the field, so that it can be found."""
    with pytest.raises(NotCanonicalError, match=r"config\.a\['b'\]\[1\]"):
        fields_text({"a": {"b": [0, value]}}, (), "config")


def test_200_000_close_floats_have_200_000_uids() -> None:
    """128 bits tell apart what 32 bits do not."""
    uid = PointUids("ab" * 16)
    assert len({uid(x) for x in np.linspace(0.5, 0.505, 200_000, endpoint=False).tolist()}) == 200_000


def test_excluded_and_default_fields_are_left_out() -> None:
    """A new field with a default keeps old results; so does one that has no effect."""
    assert fields_text(Study(4), (), "config") == {"L": canonical_text(4)}
    assert fields_text(Study(4, Planck(T=2)), ("model",), "config") == {"L": canonical_text(4)}
    assert fields_text(Study(4, Planck(T=2)), ("model.T",), "config") == {"L": canonical_text(4)}
    assert "model" in fields_text(Study(4, Planck(T=2, n=3)), ("model.T",), "config")


def test_of_a_mapping_all_items_count_but_excluded_ones() -> None:
    """A mapping has no defaults; exclusions reach into it."""
    config: Mapping[str, Any] = {"a": 1, "b": {"c": 2, "d": 3}}
    assert fields_text(config, ("b.c",), "config") == {"a": canonical_text(1), "b": canonical_text({"d": 3})}


def test_the_guard_sees_fields_of_nested_dataclasses() -> None:
    """Defaults that are left out of the uid are kept beside it, under dotted names."""
    assert guard_fields(Study(4), (), "config") == {
        "L": canonical_text(4),
        "model": '"Planck"',
        "model.T": canonical_text(300.0),
        "model.n": canonical_text(1),
        "tags": canonical_text([]),
    }


def test_a_default_factory_is_a_default() -> None:
    """A field that equals what its factory makes is left out."""
    kind = make_dataclass("Kind", [("grid", list, field(default_factory=lambda: [1, 2]))])
    assert fields_text(kind(), (), "config") == {}
    assert fields_text(kind([1]), (), "config") == {"grid": canonical_text([1])}


def test_pydantic_models_are_configurations() -> None:
    """Models work as dataclasses do; NaN is refused although JSON would write null."""
    pydantic = pytest.importorskip("pydantic")

    class Inner(pydantic.BaseModel):  # type: ignore[name-defined,misc]
        t: float = 1.0

    class Config(pydantic.BaseModel):  # type: ignore[name-defined,misc]
        L: int
        inner: Inner = Inner()
        path: Path = Path("x")

    assert fields_text(Config(L=3), (), "config") == {"L": canonical_text(3)}
    other = fields_text(Config(L=3, inner=Inner(t=2), path=Path("y")), (), "config")
    assert other == {"L": canonical_text(3), "inner": canonical_text(Inner(t=2)), "path": canonical_text("y")}
    assert "Inner" in other["inner"]
    with pytest.raises(NotCanonicalError, match="NaN"):
        fields_text(Config(L=3, inner=Inner(t=float("nan"))), (), "config")


def test_the_digest_has_128_bits() -> None:
    """32 hex characters."""
    assert len(digest("x")) == 32


@given(plain)
def test_the_fast_path_of_a_uid_gives_the_same_bits(point: Any) -> None:
    """Numbers, which most points are, take a fast path to the same uid."""
    space = "5" * 32
    assert PointUids(space)(point) == digest(space + canonical_text(point))


@given(numbers)
def test_the_fast_path_of_numbers_is_no_other_path(point: float) -> None:
    """Also for those that need care: zeros, large integers, infinities."""
    assert PointUids("a")(point) == digest("a" + canonical_text(point))
