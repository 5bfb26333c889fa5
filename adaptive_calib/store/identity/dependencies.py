"""Dependencies of a computation besides its own code: the functions, classes and data that it names.

Starting from a function and the classes of configurations and points, each global name in their code is followed:

- functions of the user's own (not of installed packages, nor of this one), with what they name in turn;
- classes of the user's own: methods, properties, constants, and base classes;
- plain data (numbers, text, containers and arrays of these, dataclasses), except containers that the code itself
  changes, which are logs and caches;
- attributes of the user's own modules, of functions, and of objects of the user's own classes, except those that
  methods other than the constructor change;
- arrays inside objects of libraries: tables, interpolants, fitted models.

Each gives a digest under its name. They are compared when stored results are found again, and a change is a warning
that names it (`on_code_change=`). What is not followed, and why: ``docs/explanation/what_a_result_depends_on.md``.
"""

from __future__ import annotations

import dataclasses
import dis
import pickle
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from enum import Enum
from functools import lru_cache, partial
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from adaptive_calib.store.errors import NotCanonicalError
from adaptive_calib.store.identity.canonical import canonical_text, field_names, is_model, module_name
from adaptive_calib.store.identity.facts import PLAIN, class_name
from adaptive_calib.store.identity.function_digest import code_digest, functions_of

__all__ = ["dependencies", "is_installed"]

#: Things that are followed; more would be a library, not a computation.
_MOST = 5000
#: Items of a container that are looked at for functions and classes: a list of thousands is of one kind.
_LOOKED_AT = 100


def dependencies(function: Any, *values: Any) -> dict[str, str]:
    """Return digests of what a function, and the methods of the classes in some values, depend on.

    Parameters
    ----------
    function
        The function; its own code is not among the digests.
    values
        A configuration, points: the classes in them are followed.

    Returns
    -------
    dict
        Name -> 16 hexadecimal digits.
    """
    walk = _Walk()
    walk.start(function)
    for value in values:
        walk.look_into(value)
    walk.run()
    return walk.digests


class _Walk:
    def __init__(self) -> None:
        self.digests: dict[str, str] = {}
        self._seen: dict[int, Any] = {}  # keeps what was seen alive, so that its id stays its own
        self._opened: set[int] = set()  # ids of objects of the user's own classes whose attributes were followed
        self._waiting: list[Any] = []

    def start(self, function: Any) -> None:
        """Follow a function whose own digest is kept elsewhere."""
        for each in _functions_in(function):
            self._see(each)
            self._follow_function(each)
        owner = getattr(function, "__self__", function)
        if not isinstance(owner, (FunctionType, BuiltinFunctionType, partial, ModuleType)):
            self.look_into(owner)
        if isinstance(function, partial):
            self.look_into(function)

    def look_into(self, value: Any) -> None:
        """Note the classes and functions that are in a value."""
        kind = type(value)
        if kind in PLAIN or kind is np.ndarray or not self._see(value):
            return
        if isinstance(value, type):
            self._waiting.append(value)
        elif isinstance(value, Enum):
            self._waiting.append(kind)
        elif isinstance(value, (FunctionType, MethodType, partial)) or hasattr(value, "__wrapped__"):
            self._waiting += _functions_in(value)
            if isinstance(value, MethodType):
                self.look_into(value.__self__)
            elif isinstance(value, partial):
                self.look_into(value.args)
                self.look_into(value.keywords)
        elif isinstance(value, Mapping):
            for content in islice(value.values(), _LOOKED_AT):
                self.look_into(content)
        elif isinstance(value, (list, tuple, AbstractSet)):
            for content in islice(value, _LOOKED_AT):
                self.look_into(content)
        elif dataclasses.is_dataclass(value) or is_model(value):
            self._waiting.append(kind)
            # all fields: one that stands for another in the identity has code as well
            names = (
                [f.name for f in dataclasses.fields(value)] if dataclasses.is_dataclass(value) else field_names(value)
            )
            for name in names:
                self.look_into(getattr(value, name, None))
        elif not is_installed(kind):
            self._waiting.append(kind)

    def run(self) -> None:
        """Follow everything that waits, and what that leads to."""
        while self._waiting and len(self._seen) < _MOST:
            thing = self._waiting.pop()
            if isinstance(thing, type):
                self._follow_class(thing)
            elif self._see(thing) and not is_installed(thing):
                self._add(_function_name(thing), code_digest(thing))
                self._follow_function(thing)

    def _see(self, thing: Any) -> bool:
        if id(thing) in self._seen:
            return False
        self._seen[id(thing)] = thing
        return True

    def _add(self, name: str, digest: str) -> None:
        if digest:
            name = name.replace(" ", "_")
            known = self.digests.get(name)
            self.digests[name] = digest if known in (None, digest) else _digest(f"{known}{digest}")

    def _follow_class(self, kind: type) -> None:
        for each in kind.__mro__:
            if is_installed(each) or (each is not kind and not self._see(each)):
                continue
            name = class_name(each)
            methods = sorted((key, method) for key, method in functions_of(each) if not is_installed(method))
            texts = [f"{key}={code_digest(method)}" for key, method in methods]
            if texts:
                self._add(name, _digest(",".join(texts)))
            for _, method in methods:
                if self._see(method):
                    self._follow_function(method)
            fields = {field.name for field in dataclasses.fields(each)} if dataclasses.is_dataclass(each) else set()
            fields |= set(getattr(each, "model_fields", ()))
            for key, value in vars(each).items():
                own = key.startswith("__") or key in fields or (issubclass(each, Enum) and key.startswith("_"))
                if not own and not isinstance(value, (property, classmethod, staticmethod, FunctionType, each)):
                    self._follow_value(f"{name}.{key}", value, changed=False)
            if issubclass(each, Enum):
                for key, member in each.__members__.items():
                    self._follow_value(f"{name}.{key}", member.value, changed=False)

    def _follow_function(self, function: FunctionType) -> None:
        name = _function_name(function)
        for key, value in vars(function).items():
            if not key.startswith("__"):
                self._follow_value(f"{name}.{key}", value, changed=False)
        for value in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
            self.look_into(value)
        for cell in function.__closure__ or ():
            try:
                self.look_into(cell.cell_contents)
            except ValueError:  # not assigned yet
                continue
        for code in _codes(function.__code__):
            read, changed = _globals_of(code)
            for key in sorted(read):
                if key in function.__globals__:
                    place = f"{module_name(function)}.{key}"
                    self._follow_value(place, function.__globals__[key], changed=key in changed, names=code.co_names)

    def _follow_value(self, name: str, value: Any, *, changed: bool, names: tuple[str, ...] = ()) -> None:
        """Follow the value of a global name or attribute, by its kind."""
        if isinstance(value, ModuleType):
            if not is_installed(value):
                for key in names:
                    inner = vars(value).get(key)
                    if inner is not None and not isinstance(inner, ModuleType):
                        self._follow_value(f"{value.__name__}.{key}", inner, changed=False)
            return
        if isinstance(value, type):
            if not is_installed(value) and self._see(value):
                self._waiting.append(value)
            return
        functions = _functions_in(value)
        if functions:
            self._waiting += [each for each in functions if id(each) not in self._seen]
            if not isinstance(value, partial):
                return
        if changed and not isinstance(value, (int, float, str, bytes)):
            return
        if not isinstance(value, partial):
            self.look_into(value)
        digest = _data_digest(value)
        if digest is not None:
            self._add(name, digest)
        elif is_installed(type(value)):
            self._add(name, _arrays_digest(value))
        elif id(value) not in self._opened:
            self._opened.add(id(value))
            changing = _changed_attributes(type(value))
            for key, content in _attributes(value).items():
                if key not in changing:
                    self._follow_value(f"{name}.{key}", content, changed=False)


def is_installed(thing: Any) -> bool:
    """Whether a function, class or module is of this package, a library, or Python itself."""
    module = thing.__name__ if isinstance(thing, ModuleType) else getattr(thing, "__module__", None)
    code = getattr(thing, "__code__", None)
    if not isinstance(module, str) or not module:
        return code is None  # a function made by `exec` may have no module
    if module.partition(".")[0] == "adaptive_calib":
        return not module.startswith("adaptive_calib.examples.")
    file = getattr(sys.modules.get(module), "__file__", None) or (
        code.co_filename if isinstance(code, CodeType) else None
    )
    if file is None:  # built in, or of a notebook or prompt, or made by a program
        return module.partition(".")[0] in sys.stdlib_module_names or module not in sys.modules
    return _in_a_library(file)


@lru_cache(maxsize=4096)
def _in_a_library(file: str) -> bool:
    """Whether a file is of Python itself or of an installed package, in whichever folder: pip has several."""
    path = Path(file)
    return not _LIBRARIES.isdisjoint(path.parts) or any(path.is_relative_to(folder) for folder in _INSTALLED)


#: Names of the folders of installed packages: of the user, of the system, of an environment below this one.
_LIBRARIES = frozenset({"site-packages", "dist-packages"})
_INSTALLED = tuple(
    Path(path) for name, path in sysconfig.get_paths().items() if name in ("stdlib", "purelib", "platlib")
)


def _function_name(function: Any) -> str:
    return f"{module_name(function)}.{function.__qualname__}"


def _functions_in(value: Any) -> list[FunctionType]:
    """Return the Python functions that a callable consists of: itself, what it wraps, what it is a partial of."""
    found: list[FunctionType] = []
    waiting, seen = [value], set[int]()
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen or isinstance(each, (type, ModuleType)):
            continue
        seen.add(id(each))
        if isinstance(each, FunctionType):
            found.append(each)
        if callable(each) and len(seen) < 50:  # a mock has any attribute, without end
            # bound methods; functools.wraps and lru_cache; partial; numpy.vectorize; numba
            waiting += [_attribute(each, name) for name in ("__func__", "__wrapped__", "func", "pyfunc", "py_func")]
    return found


def _attribute(value: Any, name: str) -> Any:
    try:
        return getattr(value, name, None)
    except Exception:  # noqa: BLE001 - a proxy of a user's own, which may raise anything; then it has no such part
        return None


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Yield a code object and those of the functions and lambdas inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


#: Methods that change the container or object that they belong to.
_CHANGING = frozenset({
    "append", "extend", "insert", "remove", "pop", "clear", "add", "update", "discard", "setdefault", "popitem", "sort",
    "reverse", "appendleft", "extendleft", "popleft", "write", "writelines", "put", "put_nowait", "set", "send", "fill",
    "resize", "acquire", "release", "next", "__next__",
})  # fmt: skip


def _instructions(code: CodeType) -> Iterator[tuple[str, Any, Any]]:
    """Yield the name and the argument of each instruction, and where in the file its expression begins, or None.

    The target of ``X[key] = ...`` and the expression ``X.append`` begin where ``X`` does.
    """
    for instruction in dis.get_instructions(code):
        place = instruction.positions
        start = None if place is None or place.lineno is None else (place.lineno, place.col_offset)
        yield instruction.opname, instruction.argval, start


def _globals_of(code: CodeType) -> tuple[set[str], set[str]]:
    """Return the global names that a code reads but does not assign, and those whose objects it changes in place."""
    read, changed, assigned = set[str](), set[str](), set[str]()
    starts: dict[Any, str] = {}
    for operation, name, start in _instructions(code):
        if operation in ("LOAD_GLOBAL", "LOAD_NAME"):
            starts[start] = name
            read.add(name)
        elif operation in ("STORE_GLOBAL", "DELETE_GLOBAL"):
            assigned.add(name)
        elif start is not None and start in starts:
            stores = operation in ("STORE_SUBSCR", "DELETE_SUBSCR", "STORE_ATTR", "DELETE_ATTR")
            if stores or (operation in ("LOAD_ATTR", "LOAD_METHOD") and name in _CHANGING):
                changed.add(starts[start])
    return read - assigned, changed


def _attributes(value: Any) -> dict[str, Any]:
    """Return the attributes that an object has of its own, in its ``__dict__`` or in slots."""
    found = {}
    for kind in type(value).__mro__:
        slots = vars(kind).get("__slots__", ())
        for slot in (slots,) if isinstance(slots, str) else slots:
            if not slot.startswith("__") and hasattr(value, slot):
                found[slot] = getattr(value, slot)
    return found | getattr(value, "__dict__", {})


#: Methods that make an object; what they set is not a change.
_MAKING = frozenset({"__init__", "__new__", "__post_init__", "__setstate__"})


def _changed_attributes(kind: type) -> set[str]:
    """Return the attributes that methods of a class assign or change in place: counters, caches."""
    changed = set[str]()
    methods = (pair for each in kind.__mro__ if not is_installed(each) for pair in functions_of(each))
    for code in (code for key, method in methods if key not in _MAKING for code in _codes(method.__code__)):
        starts: dict[Any, str] = {}
        for operation, name, start in _instructions(code):
            if operation in ("STORE_ATTR", "DELETE_ATTR"):
                changed.add(name)
            elif operation in ("STORE_SUBSCR", "DELETE_SUBSCR") or name in _CHANGING:
                changed.add(starts.get(start, ""))
            elif operation == "LOAD_ATTR":
                starts.setdefault(start, name)  # of ``self.seen.append`` the first one
    return changed


def _arrays_digest(value: Any) -> str:
    """Return a digest of the arrays inside an object of a library, "" if there are none.

    They are those that pickle passes out of band, as it does for arrays of numbers, wherever they are in the object.
    Those of random generators are none: they change whenever a number is drawn.
    """
    if isinstance(value, (np.random.Generator, np.random.RandomState, np.random.BitGenerator)):
        return ""
    arrays: list[pickle.PickleBuffer] = []
    try:
        pickle.dumps(value, protocol=5, buffer_callback=arrays.append)
        return _digest(",".join(_digest_of_bytes(array.raw()) for array in arrays)) if arrays else ""
    except Exception:  # noqa: BLE001 - an open file, a connection, a lock: each library has errors of its own
        return ""


def _digest_of_bytes(content: Any) -> str:
    return blake2b(content, digest_size=8).hexdigest()


def _data_digest(value: Any) -> str | None:
    """Return the digest of plain data, None for anything else."""
    if isinstance(value, float) and value != value:
        return _digest("nan")
    try:
        return _digest(canonical_text(value, "a value", _plain_form))
    except (NotCanonicalError, RecursionError, ValueError, TypeError):
        return None


def _plain_form(value: Any, path: str) -> str:
    """Return a text of values that are plain data and have no canonical form."""
    if isinstance(value, (bytes, bytearray, complex, np.generic, range, slice)):
        return canonical_text(f"{type(value).__name__} {value!r}")
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        content = _digest_of_bytes(np.ascontiguousarray(value).tobytes())
        return canonical_text(f"array {value.dtype} {value.shape} {content}")
    if isinstance(value, (type, FunctionType)):
        return canonical_text(f"{module_name(value)}.{value.__qualname__}")  # followed by itself
    raise NotCanonicalError(path)


def _digest(text: str) -> str:
    return _digest_of_bytes(text.encode("utf-8", "surrogatepass"))
