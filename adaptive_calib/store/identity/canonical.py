"""Identities: a text that is the same exactly for equal values, and 128 bits of it.

The canonical text is compact ASCII JSON. None, bool and str stand for themselves; everything else is tagged::

    number      {"f":"0x1.8000000000000p+0"}   {"i":"0x..."} for an int that is no float
    list, tuple {"l":[...]}                    mapping {"d":[[key,value],...]}, sorted by encoded key
    set         {"s":[...]}, sorted            array   {"nd":[dtype,shape,digest]}
    dataclass   {"dc":qualname,"v":{field:...}}        Enum {"e":[qualname,name]}

Two numbers have the same text exactly when they are ``==``, as they are one key of ``learner.data``; True is no
number. A float is never rounded: ``float.hex`` is exact. Fields of dataclasses that equal their default are left out,
so that a new field with a default keeps old results. Nothing depends on the process, the hash seed, the folder, or
on the version of Python or NumPy, as digests of pickles do.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from enum import Enum
from functools import lru_cache
from hashlib import blake2b
from json.encoder import encode_basestring_ascii as quoted
from math import inf, isnan
from typing import Any

import numpy as np

from adaptive_calib.store.errors import NotCanonicalError

__all__ = ["UID_VERSION", "PointUids", "canonical_text", "digest", "fields_text", "guard_fields"]

#: Version of the rules on this page; stored with each space, and part of its uid.
UID_VERSION = 1

#: Integers up to here are floats.
_EXACT = 2**53
_ZERO = '{"f":"0x0.0p+0"}'
#: What is done with values that have no canonical form: given the value and its path, return its text or raise.
Fallback = Callable[[Any, str], str]


def _refuse(value: Any, path: str) -> str:
    raise NotCanonicalError(
        f"{path} = {value!r:.80} is a {type(value).__name__}, which has no canonical form, so results could not be "
        "found again under it. Give a plain form of it (numbers, text, lists, mappings, arrays, dataclasses), "
        "leave it out with `exclude=` if it does not change results, or give `point_key=` if it is a point."
    )


def digest(text: str) -> str:
    """Return 128 bits of a canonical text, as 32 hex characters."""
    return blake2b(text.encode("ascii"), digest_size=16).hexdigest()


def canonical_text(value: Any, path: str = "point", fallback: Fallback = _refuse) -> str:
    """Return the canonical text of a value.

    Parameters
    ----------
    value
        None, bool, str, numbers, NumPy scalars and arrays, Enum members, dataclasses, pydantic models, and lists,
        tuples, sets and mappings of these.
    path
        What the value is called in error messages.
    fallback
        Called with a value of any other type and its path; the default refuses it.

    Raises
    ------
    NotCanonicalError
        For other types, and for NaN, which equals nothing; the message names the field.
    """
    kind = type(value)
    if kind is float:
        return _float(value, path)
    if value is None:
        return "null"
    if isinstance(value, Enum):
        return f'{{"e":[{quoted(type(value).__qualname__)},{quoted(value.name)}]}}'
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, str):
        return quoted(str(value))
    if isinstance(value, int):
        return _int(int(value))
    if isinstance(value, float):
        return _float(float(value), path)
    if isinstance(value, np.generic):
        return _scalar(value, path, fallback)
    if isinstance(value, (list, tuple)):
        return _listed("l", _each(value, path, fallback))
    if isinstance(value, Mapping):
        return _pairs(value, path, fallback)
    if isinstance(value, AbstractSet):
        return _listed("s", sorted(canonical_text(x, f"an element of {path}", fallback) for x in value))
    if isinstance(value, np.ndarray):
        return _array(value, path, fallback)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = fields_text(value, (), path, fallback)
        body = ",".join(f"{quoted(name)}:{text}" for name, text in sorted(parts.items()))
        return f'{{"dc":{quoted(type(value).__qualname__)},"v":{{{body}}}}}'
    if _is_model(value):
        return canonical_text(_dumped(value, path), path, fallback)
    return fallback(value, path)


def fields_text(config: Any, exclude: Iterable[str], path: str, fallback: Fallback = _refuse) -> dict[str, str]:
    """Return the canonical text of each field of a configuration that is neither excluded nor at its default.

    Of a mapping, which has no defaults, all items count.
    """
    return _fields(config, frozenset(exclude), path, fallback, defaults=False)


def guard_fields(config: Any, exclude: Iterable[str], path: str, fallback: Fallback = _refuse) -> dict[str, str]:
    """Return the canonical text of all fields that are not excluded, those of nested dataclasses under dotted names.

    It is what a space keeps beside its uid: a default that changed since shows as a field that differs.
    """
    flat: dict[str, str] = {}
    for name, text in _fields(config, frozenset(exclude), path, fallback, defaults=True).items():
        value = _item(config, name)
        below = {e[len(name) + 1 :] for e in exclude if e.startswith(name + ".")}
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            flat[name] = quoted(type(value).__qualname__)
            nested = guard_fields(value, below, f"{path}.{name}", fallback)
            flat.update({f"{name}.{key}": form for key, form in nested.items()})
        else:
            flat[name] = text
    return flat


@dataclasses.dataclass(frozen=True, slots=True)
class PointKey:
    """What a store has of a point that is no plain data (an Enum's member, an instance): its canonical text.

    Such a point can be found again, but not made anew; wherever a uid is asked for, this stands for it.

    Attributes
    ----------
    text : str
        The canonical text of the point, or of what `point_key` made of it.
    """

    text: str


class PointUids:
    """The uids of points within one space: 128 bits of the space's uid and the point's canonical text.

    Parameters
    ----------
    space : str
        The uid of the space.
    point_key
        A function from a point to a plain value, for points without a canonical form.
    """

    def __init__(self, space: str, point_key: Callable[[Any], Any] | None = None) -> None:
        self._base = blake2b(space.encode("ascii"), digest_size=16)
        self._point_key = point_key

    def __call__(self, point: Any) -> str:
        """Return the uid of a point, 32 hex characters."""
        prepared = self._base.copy()
        prepared.update(self.text(point).encode("ascii"))
        return prepared.hexdigest()

    def text(self, point: Any) -> str:
        """Return the canonical text of a point, or of what `point_key` makes of it."""
        kind = type(point)
        if kind is PointKey:
            return str(point.text)
        if self._point_key is not None:
            point = self._point_key(point)
            kind = type(point)
        if (kind is float and point == point) or (kind is int and -_EXACT < point < _EXACT):  # most points
            return f'{{"f":"{float(point).hex()}"}}' if point else _ZERO
        return canonical_text(point)


def _float(value: float, path: str) -> str:
    if value == 0.0:
        return _ZERO  # -0.0 == 0.0
    if isnan(value):
        raise NotCanonicalError(f"{path} is NaN, which equals nothing, itself included; give None instead.")
    return f'{{"f":"{value.hex()}"}}'


def _int(value: int) -> str:
    # An int that is a float is written as that float, any other in full: the same text exactly when ==.
    try:
        as_float = float(value)
    except OverflowError:
        return f'{{"i":"{hex(value)}"}}'
    return _float(as_float, "") if as_float == value and abs(as_float) != inf else f'{{"i":"{hex(value)}"}}'


def _scalar(value: np.generic, path: str, fallback: Fallback) -> str:
    if isinstance(value, (np.integer, np.floating)) and not isinstance(value, np.longdouble):
        return canonical_text(value.item(), path, fallback)
    return fallback(value, path)


def _listed(tag: str, texts: Iterable[str]) -> str:
    return f'{{"{tag}":[{",".join(texts)}]}}'


def _each(values: Iterable[Any], path: str, fallback: Fallback) -> list[str]:
    return [
        _float(x, f"{path}[{i}]") if type(x) is float else canonical_text(x, f"{path}[{i}]", fallback)
        for i, x in enumerate(values)
    ]


def _pairs(value: Mapping[Any, Any], path: str, fallback: Fallback) -> str:
    pairs = sorted(
        (canonical_text(k, f"a key of {path}", fallback), canonical_text(v, f"{path}[{k!r:.40}]", fallback))
        for k, v in value.items()
    )
    return _listed("d", (f"[{k},{v}]" for k, v in pairs))


def _array(value: np.ndarray[Any, Any], path: str, fallback: Fallback) -> str:
    if type(value) is not np.ndarray or value.dtype.kind not in "biufU" or value.dtype.char == "g":
        return fallback(value, path)
    if value.ndim == 0:
        return canonical_text(value[()], path, fallback)
    if value.dtype.kind == "f":
        if np.isnan(value).any():
            raise NotCanonicalError(f"{path} is an array that holds NaN, which equals nothing; use another mark.")
        value = value + 0.0  # -0.0 -> 0.0
    little = value.dtype.newbyteorder("<")
    content = blake2b(np.ascontiguousarray(value, dtype=little).tobytes(), digest_size=16).hexdigest()
    shape = ",".join(map(str, value.shape))
    return f'{{"nd":[{quoted(little.str)},[{shape}],"{content}"]}}'


def _fields(config: Any, exclude: frozenset[str], path: str, fallback: Fallback, *, defaults: bool) -> dict[str, str]:
    if isinstance(config, Mapping):
        wrong = [k for k in config if not isinstance(k, str)]
        if wrong:
            raise NotCanonicalError(f"the keys of {path} should be names of fields (text), but there is {wrong[0]!r}.")
    texts = {}
    for name in _names(config):
        if name in exclude:
            continue
        place = f"{path}.{name}"
        below = {e[len(name) + 1 :] for e in exclude if e.startswith(name + ".")}
        value = _without(_item(config, name), below)
        text = canonical_text(value, place, fallback)
        if not defaults:
            default = _default(type(config), name)
            if default is not _MISSING and text == canonical_text(_without(default, below), place, fallback):
                continue
        texts[name] = text
    return texts


def _without(value: Any, names: AbstractSet[str]) -> Any:
    if not names:
        return value
    if isinstance(value, Mapping):
        return {
            k: _without(v, {n[len(k) + 1 :] for n in names if n.startswith(f"{k}.")})
            for k, v in value.items()
            if k not in names
        }
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        # the excluded fields are put at their defaults, or at None, and so say nothing
        changes = {}
        for f in dataclasses.fields(value):
            below = {n[len(f.name) + 1 :] for n in names if n.startswith(f"{f.name}.")}
            if f.name in names:
                default = _default(type(value), f.name)
                changes[f.name] = None if default is _MISSING else default
            elif below:
                changes[f.name] = _without(getattr(value, f.name), below)
        copy = object.__new__(type(value))
        for f in dataclasses.fields(value):
            object.__setattr__(copy, f.name, changes.get(f.name, getattr(value, f.name)))
        return copy
    raise ValueError(f"`exclude` names {sorted(names)} inside a {type(value).__name__}, which has no fields.")


_MISSING = object()


@lru_cache(maxsize=256)
def _kept_fields(kind: type) -> tuple[str, ...]:
    return tuple(f.name for f in dataclasses.fields(kind) if f.metadata.get("identity", True))


def _names(config: Any) -> tuple[str, ...]:
    if config is None:
        return ()
    if isinstance(config, Mapping):
        return tuple(config)
    if dataclasses.is_dataclass(config) and not isinstance(config, type):
        return _kept_fields(type(config))
    if _is_model(config):
        return tuple(type(config).model_fields)
    raise NotCanonicalError(
        f"a configuration should be a dataclass, a mapping or a pydantic model, not a {type(config).__name__}; "
        "of an OmegaConf node give OmegaConf.to_container(node)."
    )


def _item(config: Any, name: str) -> Any:
    if isinstance(config, Mapping):
        return config[name]
    if _is_model(config):
        return _dumped(config, "config")[name]
    return getattr(config, name)


def _default(kind: type, name: str) -> Any:
    """Return the default of a field; of a factory, what it makes."""
    if dataclasses.is_dataclass(kind):
        (field,) = (f for f in dataclasses.fields(kind) if f.name == name)
        if field.default is not dataclasses.MISSING:
            return field.default
        return _MISSING if field.default_factory is dataclasses.MISSING else field.default_factory()
    model: Any = kind
    if hasattr(kind, "model_fields"):
        # what a model without any arguments would dump; required fields are not there
        return model.model_construct().model_dump(mode="json", warnings=False).get(name, _MISSING)
    return _MISSING


def _is_model(value: Any) -> bool:
    # pydantic is not required and never imported here: a model is what dumps itself as one
    return hasattr(type(value), "model_fields") and hasattr(value, "model_dump")


def _dumped(model: Any, path: str) -> Any:
    _refuse_nan(model.model_dump(mode="python"), path)  # in JSON mode NaN would become null
    return model.model_dump(mode="json")


def _refuse_nan(value: Any, path: str) -> None:
    if isinstance(value, Mapping):
        for k, v in value.items():
            _refuse_nan(v, f"{path}.{k}")
    elif isinstance(value, (list, tuple)):
        for i, v in enumerate(value):
            _refuse_nan(v, f"{path}[{i}]")
    elif isinstance(value, float):
        _float(value, path)
