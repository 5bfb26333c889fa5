"""Facts about classes that an identity leaves out, to be compared when stored results are found again.

A canonical text has the qualified name of a class, the name of a member of an Enum, and leaves out fields that are at
their defaults, so that a module may be moved and a field added. What must not change behind these names is kept beside
the uid, as texts under keys::

    class NAME            the module of a class
    member NAME.MEMBER    the value of a member of an Enum
    default NAME.FIELD    the default of a field that was left out
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from enum import Enum
from functools import partial
from types import FunctionType, MethodType
from typing import Any

from adaptive_calib.store.codec import encode
from adaptive_calib.store.errors import NotCanonicalError, UnstorableResultError
from adaptive_calib.store.identity.canonical import (
    MISSING,
    canonical_text,
    default_of,
    distribution_parts,
    field_names,
    is_model,
    module_name,
    quoted,
    without,
)

__all__ = ["PLAIN", "class_name", "config_facts", "facts", "point_fields"]

#: Types that no fact is about.
PLAIN = frozenset({float, int, str, bool, complex, bytes, type(None)})


def facts(*values: Any) -> dict[str, str]:
    """Return the facts about all classes that are in some values, at any depth.

    Raises
    ------
    NotCanonicalError
        If two classes have the same name; the message has both modules.
    """
    found: dict[str, str] = {}
    for value in values:
        _collect(value, found, covered=False)
    return found


def config_facts(config: Any, exclude: Iterable[str]) -> dict[str, str]:
    """Return the facts about a configuration without its excluded fields.

    Defaults of the configuration itself, and of dataclasses nested directly, are left to `guard_fields`, which names
    them by their paths.
    """
    found: dict[str, str] = {}
    kept = without(config, frozenset(exclude))
    if isinstance(kept, Mapping):
        for value in kept.values():
            _collect(value, found, covered=True)
    elif kept is not None:
        _collect_fields(kept, found, covered=dataclasses.is_dataclass(kept), skip=frozenset(exclude))
    return found


def point_fields(point: Any) -> dict[str, Any] | None:
    """Return the fields of a dataclass or model as plain data, nested ones as mappings; None for any other point."""
    fields = _plain(point)
    return fields if isinstance(fields, dict) else None


def _plain(value: Any) -> Any:
    if (dataclasses.is_dataclass(value) and not isinstance(value, type)) or is_model(value):
        return {name: _plain(getattr(value, name, None)) for name in field_names(value)}
    try:
        encode(value)
    except UnstorableResultError:
        if isinstance(value, Mapping):
            return {str(key): _plain(content) for key, content in value.items()}
        if isinstance(value, (list, tuple)):
            return [_plain(content) for content in value]
        return str(value) if isinstance(value, Enum) else _repr(value)
    return value


def class_name(kind: type) -> str:
    """Return module and qualified name of a class; that of a script is ``__main__`` in its workers, too."""
    return f"{module_name(kind)}.{kind.__qualname__}"


def _collect(value: Any, found: dict[str, str], *, covered: bool) -> None:
    kind = type(value)
    if kind in PLAIN:
        return
    if isinstance(value, Enum):
        _add_class(kind, found)
        found[f"member {kind.__qualname__}.{value.name}"] = _text(value.value)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        _collect_fields(value, found, covered=covered)
    elif is_model(value):
        _collect_fields(value, found, covered=False)
    else:
        for each in _parts(value):
            _collect(each, found, covered=False)


def _collect_fields(value: Any, found: dict[str, str], *, covered: bool, skip: frozenset[str] = frozenset()) -> None:
    kind = type(value)
    _add_class(kind, found)
    for name in field_names(value):
        if name in skip:
            continue
        content = getattr(value, name, None)
        if not covered:
            default = default_of(kind, name)
            if default is not MISSING and (text := _text(default)) == _text(content):
                found[f"default {kind.__qualname__}.{name}"] = text
        _collect(content, found, covered=covered)
    for each in dataclasses.fields(value) if dataclasses.is_dataclass(value) else ():
        if each.metadata.get("class"):  # no part of the identity, but its class is
            content = getattr(value, each.name)
            if dataclasses.is_dataclass(content):
                _add_class(type(content), found)


def _parts(value: Any) -> Iterator[Any]:
    """Yield the values inside a container, a distribution or a function."""
    if isinstance(value, Mapping):
        for key, content in value.items():
            yield key
            yield content
    elif isinstance(value, (list, tuple, AbstractSet)):
        yield from value
    elif isinstance(value, MethodType):
        yield value.__self__
    elif isinstance(value, partial):
        yield from (value.func, value.args, value.keywords)
    elif isinstance(value, FunctionType):
        yield from (value.__defaults__, value.__kwdefaults__)
        for cell in value.__closure__ or ():
            try:
                content = cell.cell_contents
            except ValueError:  # not assigned yet
                continue
            if content is not value:
                yield content
    elif (parts := distribution_parts(value)) is not None:
        yield from parts[1:]


def _add_class(kind: type, found: dict[str, str]) -> None:
    module = class_name(kind).removesuffix(f".{kind.__qualname__}")
    other = found.setdefault(f"class {kind.__qualname__}", quoted(module))
    if other != quoted(module):
        raise NotCanonicalError(
            f"two classes have the name {kind.__qualname__}, of {other} and of {quoted(module)}; results of one would "
            "be found for the other. Rename one of them."
        )


def _text(value: Any) -> str:
    """Return the canonical text of a value, or its ``repr`` if it has none."""
    return canonical_text(value, "a default", lambda each, _: quoted(f"{type(each).__qualname__} {_repr(each)}"))


def _repr(value: Any) -> str:
    text = repr(value)
    return "" if " at 0x" in text else text  # an address is another one in each process
