"""Identities: a text that is the same exactly for equal values, and 128 bits of it.

The canonical text is compact ASCII JSON. None, bool and str stand for themselves; everything else is tagged::

    number      {"f":"0x1.8000000000000p+0"}   {"i":"0x..."} for an int that is no float
    list, tuple {"l":[...]}                    mapping {"d":[[key,value],...]}, sorted by encoded key
    set         {"s":[...]}, sorted            array   {"nd":[dtype,shape,digest]}
    dataclass   {"dc":qualname,"v":{field:...}}        Enum {"e":[qualname,name]}
    pydantic model: as a dataclass                     frozen SciPy distribution {"rv":[name,shapes,loc,scale]}

Two numbers have the same text exactly when they are ``==``, as they are one key of ``learner.data``; True is no
number. A float is never rounded: ``float.hex`` is exact. Fields of dataclasses that equal their default are left out,
so that a new field with a default keeps old results. Nothing depends on the process, the hash seed, the folder, or
on the version of Python or NumPy, as digests of pickles do.
"""

from __future__ import annotations

import dataclasses
import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from enum import Enum
from functools import lru_cache
from hashlib import blake2b
from json.encoder import encode_basestring_ascii as quoted
from math import inf, isnan
from typing import Any

import numpy as np

from adaptive_calib.store.codec import PointKey
from adaptive_calib.store.errors import NotCanonicalError

__all__ = [
    "MISSING", "UID_VERSION", "PointUids", "canonical_text", "default_of", "digest", "distribution_parts",
    "field_names", "fields_text", "guard_fields", "is_model", "module_name", "plain_text", "quoted", "refuse_unknown",
    "without",
]  # fmt: skip

#: Version of the rules on this page; stored with each space, and part of its uid.
UID_VERSION = 1

#: The module of an app while Bokeh or Panel executes it, which has another name for each visitor.
_APP = re.compile(r"bokeh_app_[0-9a-f]{32}")
#: Integers up to here are floats.
_EXACT = 2**53
_ZERO = '{"f":"0x0.0p+0"}'
#: What is done with values that have no canonical form: given the value and its path, return its text or raise.
Fallback = Callable[[Any, str], str]


def module_name(thing: Any) -> str:
    """Return the name of the module of a function or class; ``__main__`` for that of a script.

    That is its name in the script's worker processes, too, and of an app that is run by ``panel serve``.
    """
    module = str(thing.__module__)
    return "__main__" if module == "__mp_main__" or _APP.fullmatch(module) else module


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
        name = value.name or str(value.value)  # a combination of flags may have no name
        return f'{{"e":[{quoted(type(value).__qualname__)},{quoted(name)}]}}'
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
    if (dataclasses.is_dataclass(value) and not isinstance(value, type)) or is_model(value):
        parts = fields_text(value, (), path, fallback)
        body = ",".join(f"{quoted(name)}:{text}" for name, text in sorted(parts.items()))
        return f'{{"dc":{quoted(type(value).__qualname__)},"v":{{{body}}}}}'
    if (distribution := distribution_parts(value)) is not None:
        name, *arguments = distribution
        return _listed("rv", [quoted(name), *_each(arguments, path, fallback)])
    return fallback(value, path)


def fields_text(config: Any, exclude: Iterable[str], path: str, fallback: Fallback = _refuse) -> dict[str, str]:
    """Return the canonical text of each field of a configuration that is neither excluded nor at its default.

    Of a mapping, which has no defaults, all items count.
    """
    return _fields(config, frozenset(exclude), path, fallback, defaults=False)


def guard_fields(config: Any, exclude: Iterable[str], path: str, fallback: Fallback = _refuse) -> dict[str, str]:
    """Return the canonical text of all fields that are not excluded, those of nested dataclasses under dotted names.

    A result set keeps it beside its uid: a default that changed since then shows as a field that differs.
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
    for name in field_names(config):
        if name in exclude:
            continue
        place = f"{path}.{name}"
        below = {e[len(name) + 1 :] for e in exclude if e.startswith(name + ".")}
        text = _field_text(config, name, without(_item(config, name), below), place, fallback)
        if not defaults:
            default = default_of(type(config), name)
            if default is not MISSING:
                default_text = _field_text(config, name, without(default, below), place, fallback)
                if text == default_text:
                    continue
        texts[name] = text
    return texts


def _field_text(config: Any, name: str, value: Any, path: str, fallback: Fallback) -> str:
    """Return the canonical text of a field; in a model, values without one count by their form in JSON."""
    if not is_model(config):
        fields = getattr(type(config), "__dataclass_fields__", {})
        if name in fields and fields[name].metadata.get("identity") == "comparable":
            return _comparable_text(value, path)
        return canonical_text(value, path, fallback)

    def dumped(each: Any, place: str) -> str:
        try:
            import pydantic_core  # installed with pydantic, whose model this is

            return canonical_text(pydantic_core.to_jsonable_python(each), place, fallback)
        except ValueError:  # no form in JSON
            return fallback(each, place)

    return canonical_text(value, path, dumped)


def _comparable_text(value: Any, path: str) -> str:
    """Return the canonical text of a value, in which the name of its type stands for each part that has none."""
    if isinstance(value, (list, tuple)):
        return _listed("l", [_comparable_text(each, path) for each in value])
    try:
        return canonical_text(value, path)
    except NotCanonicalError:
        return quoted(f"a {type(value).__module__}.{type(value).__qualname__}")


def without(value: Any, names: AbstractSet[str]) -> Any:
    """Return a value without the fields of these (dotted) names.

    Raises
    ------
    ValueError
        If it has no such fields.
    """
    if not names:
        return value
    if isinstance(value, Mapping):
        refuse_unknown(names, value)
        return {
            k: without(v, {n[len(k) + 1 :] for n in names if n.startswith(f"{k}.")}) if isinstance(k, str) else v
            for k, v in value.items()
            if k not in names
        }
    if (dataclasses.is_dataclass(value) and not isinstance(value, type)) or is_model(value):
        refuse_unknown(names, value)
        # the excluded fields are put at their defaults, or at None, and so make no difference
        changes = {}
        for name in _all_names(value):
            below = {n[len(name) + 1 :] for n in names if n.startswith(f"{name}.")}
            if name in names:
                default = default_of(type(value), name)
                changes[name] = None if default is MISSING else default
            elif below:
                changes[name] = without(getattr(value, name), below)
        if is_model(value):
            return value.model_copy(update=changes)
        copy = object.__new__(type(value))
        for name in _all_names(value):
            object.__setattr__(copy, name, changes.get(name, getattr(value, name)))
        return copy
    raise ValueError(f"`exclude` names {sorted(names)} inside a {type(value).__name__}, which has no fields.")


def refuse_unknown(names: Iterable[str], config: Any) -> None:
    """Raise unless the first parts of some dotted names are fields of a configuration.

    Raises
    ------
    ValueError
        With the name, and the fields that there are.
    """
    known = _all_names(config)
    for name in names:
        if name not in known and name.partition(".")[0] not in known:
            raise ValueError(
                f"`exclude` names {name!r}, which is no field of the configuration; its fields are: "
                f"{', '.join(map(str, known)) or '(none)'}."
            )


MISSING = object()


@lru_cache(maxsize=256)
def _kept_fields(kind: type) -> tuple[str, ...]:
    excluded = _class_exclusions(kind)
    if dataclasses.is_dataclass(kind):
        names = [f.name for f in dataclasses.fields(kind) if f.metadata.get("identity", True)]
    else:
        found: Mapping[str, Any] = kind.model_fields  # type: ignore[attr-defined]
        names = [name for name, field in found.items() if not field.exclude]
    return tuple(name for name in names if name not in excluded)


def _class_exclusions(kind: type) -> frozenset[str]:
    """Return the fields that a class itself leaves out of its identity, in the way of exca's configurations."""
    listed = getattr(kind, "_exclude_from_cls_uid", ())
    listed = getattr(listed, "default", listed)  # pydantic wraps names that begin with an underscore
    if callable(listed):
        try:
            listed = listed()  # a class method or static method
        except TypeError:
            return frozenset()
    if isinstance(listed, str):
        listed = (listed,)
    return frozenset(listed) if isinstance(listed, (tuple, list, AbstractSet)) else frozenset()


def field_names(config: Any) -> tuple[str, ...]:
    """Return the names of the fields of a configuration that are part of its identity.

    Raises
    ------
    NotCanonicalError
        If it is neither a dataclass, nor a mapping, nor a pydantic model, nor None.
    """
    if config is None:
        return ()
    if isinstance(config, Mapping):
        return tuple(config)
    if (dataclasses.is_dataclass(config) and not isinstance(config, type)) or is_model(config):
        kind: Any = type(config)
        return _kept_fields(kind) + _extra_names(config)
    raise NotCanonicalError(
        f"a configuration should be a dataclass, a mapping or a pydantic model, not a {type(config).__name__}; "
        "of an OmegaConf node give OmegaConf.to_container(node)."
    )


def _all_names(config: Any) -> tuple[Any, ...]:
    """Return the names of all fields, those that its class leaves out of the identity among them."""
    if isinstance(config, Mapping):
        return tuple(config)
    if dataclasses.is_dataclass(config):
        return tuple(field.name for field in dataclasses.fields(config))
    return tuple(getattr(type(config), "model_fields", ())) + _extra_names(config)


def _extra_names(config: Any) -> tuple[str, ...]:
    """Return the fields that a model allows besides its own."""
    return tuple(getattr(config, "model_extra", None) or ()) if is_model(config) else ()


def _item(config: Any, name: str) -> Any:
    return config[name] if isinstance(config, Mapping) else getattr(config, name)


def default_of(kind: type, name: str) -> Any:
    """Return the default of a field, `MISSING` if it has none; of a factory, the value that it makes."""
    if dataclasses.is_dataclass(kind):
        (field,) = (f for f in dataclasses.fields(kind) if f.name == name)
        if field.default is not dataclasses.MISSING:
            return field.default
        return MISSING if field.default_factory is dataclasses.MISSING else field.default_factory()
    found = getattr(kind, "model_fields", {}).get(name)
    if found is None or found.is_required():
        return MISSING
    try:
        return found.get_default(call_default_factory=True)
    except TypeError:  # a factory that is given the other fields: no default of its own
        return MISSING


def is_model(value: Any) -> bool:
    """Whether a value is a pydantic model; pydantic is not required and never imported here."""
    return hasattr(type(value), "model_fields") and hasattr(value, "model_dump")


def distribution_parts(value: Any) -> tuple[Any, ...] | None:
    """Return name, shapes, location and scale of a frozen distribution of scipy.stats; None for any other value."""
    if not type(value).__module__.startswith("scipy.stats."):
        return None
    frozen: Any = value
    name = getattr(getattr(frozen, "dist", None), "name", None)
    # a law that scipy.stats has by this name; laws made of data, or by users, are not identified by their names
    known = getattr(sys.modules["scipy.stats"], name, None) if isinstance(name, str) else None
    if known is None or type(frozen.dist) is not type(known):
        return None
    shapes, location, scale = frozen.dist._parse_args(*frozen.args, **frozen.kwds)
    return name, list(shapes), location, scale


def plain_text(form: str) -> str:
    """Return a canonical text in a form for people; not to be read back."""
    return _shown(json.loads(form))


def _shown(value: Any) -> str:
    if isinstance(value, dict) and len(value) <= 2:
        if "f" in value:
            number = float.fromhex(value["f"])
            return repr(int(number)) if number.is_integer() and abs(number) < 1e16 else repr(number)
        if "i" in value:
            return str(int(value["i"], 16))
        if "l" in value:
            return "[" + ",".join(map(_shown, value["l"])) + "]"
        if "s" in value:
            return "{" + ",".join(map(_shown, value["s"])) + "}"
        if "d" in value:
            return "{" + ",".join(f"{_shown(k)}:{_shown(v)}" for k, v in value["d"]) + "}"
        if "e" in value:
            return ".".join(value["e"])
        if "dc" in value:
            return f"{value['dc']}({','.join(f'{k}={_shown(v)}' for k, v in value['v'].items())})"
        if "nd" in value:
            return f"array{value['nd'][1]}"
        if "rv" in value:
            name, *arguments = value["rv"]
            return f"{name.rpartition('.')[2]}({','.join(map(_shown, arguments))})"
    return str(value)
