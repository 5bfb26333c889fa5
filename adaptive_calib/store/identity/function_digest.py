"""What code a function is, and the objects it is configured with: digests to compare, never to run.

Comments, layout and docstrings do not count; neither do functions that this one calls, which are not seen. The digest
is of the syntax tree where the source can be read, else of the byte code, which differs between versions of Python.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import reprlib
import sys
import sysconfig
import textwrap
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from adaptive_calib.store.errors import NotCanonicalError
from adaptive_calib.store.identity.canonical import canonical_text

__all__ = ["Identified", "code_digest", "describe", "identify", "method_digests"]


@dataclasses.dataclass(frozen=True, slots=True)
class Identified:
    """What a callable that is no `Evaluation` says about itself.

    Attributes
    ----------
    name : str
        Module and qualified name.
    config
        What it holds besides its code: captured variables, defaults, arguments of a partial, fields of a dataclass.
    code : str
        `code_digest` of it.
    is_value : bool
        Whether it is a frozen dataclass: a named thing with a configuration, which its code is not part of.
    """

    name: str
    config: Any
    code: str
    is_value: bool = False


def identify(function: Callable[..., Any]) -> Identified:
    """Return the identity of a plain callable.

    Parameters
    ----------
    function
        A function, a partial, a method of a frozen dataclass, or a frozen dataclass with ``__call__``.

    Raises
    ------
    TypeError
        For other objects, of which nobody can say whether two are the same.
    """
    if isinstance(function, partial):
        inner = identify(function.func)
        config = {"function": inner.config} if inner.config else {}
        if function.args:
            config["args"] = function.args
        return dataclasses.replace(inner, config={**config, **function.keywords}, is_value=False)
    if isinstance(function, MethodType) and not isinstance(function.__self__, type):
        owner = identify_value(function.__self__)
        name = f"{owner.name}.{function.__func__.__name__}"
        return Identified(name, owner.config, code_digest(function.__func__), is_value=True)
    if isinstance(function, (FunctionType, BuiltinFunctionType, MethodType, type)):
        return Identified(_name(function), _captured(function), code_digest(function))
    if type(function).__name__ == "ufunc":
        return Identified(f"numpy.{getattr(function, '__name__', function)}", {}, "")
    return identify_value(function)


def identify_value(value: Any) -> Identified:
    """Return the identity of a callable object; refuse what is no frozen dataclass."""
    kind = type(value)
    if not dataclasses.is_dataclass(value) or not kind.__dataclass_params__.frozen:
        raise TypeError(
            f"results of a {kind.__module__}.{kind.__qualname__} could not be found again, as nothing says when two of "
            "these objects are the same. Make it a frozen dataclass, or give the learner "
            'Evaluation(function, name="...", config={...}).'
        )
    return Identified(_name(kind), value, code_digest(kind), is_value=True)


def describe(value: Any, path: str) -> str:
    """Return the canonical text of functions, classes and modules inside an identity: their name and code."""
    if isinstance(value, ModuleType):
        return canonical_text({"module": value.__name__})
    if callable(value) and not dataclasses.is_dataclass(value):
        found = identify(value)
        return canonical_text({"function": found.name, "code": found.code, "config": found.config}, path, describe)
    raise NotCanonicalError(
        f"{path} = {value!r:.80} is a {type(value).__name__}, so results could not be found again under it. Give the "
        'learner Evaluation(function, name="...", config={...}), and large or live objects as `context=`; or mark a '
        'field of a dataclass that does not change results with field(metadata={"identity": False}).'
    )


def code_digest(function: Any) -> str:
    """Return 64 bits of a function's or class's code as 16 hex characters; ``""`` if it has none (built-ins)."""
    function = inspect.unwrap(function) if callable(function) else function
    text = _syntax(function)
    if text is None:
        code = getattr(function, "__code__", None)
        if code is None:
            return ""
        text = "\n".join(_byte_code(code))
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def method_digests(*values: Any) -> dict[str, str]:
    """Return digests of the methods of all dataclasses that are in some values: name of the class -> 16 hex characters.

    A distribution draws experiments and a model computes by their methods: these are code of the evaluation as well.
    Seen are fields, items of lists, tuples and mappings (the first hundred), and base classes; classes that were
    installed are not, as another version of a library is another matter.
    """
    classes: dict[type, None] = {}
    waiting, seen = list(values), set()
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, Mapping):
            waiting += islice(value.values(), _LOOKED_AT)
        elif isinstance(value, (list, tuple)):
            waiting += value[:_LOOKED_AT]
        elif isinstance(value, MethodType):
            waiting.append(value.__self__)
        elif isinstance(value, partial):
            waiting += (value.func, value.args, value.keywords)
        elif dataclasses.is_dataclass(value):
            kind = value if isinstance(value, type) else type(value)
            classes.update(dict.fromkeys(kind.__mro__))
            if kind is not value:
                waiting += [getattr(value, field.name, None) for field in dataclasses.fields(value) if field.init]
    digests = {}
    for kind in classes:
        methods = {} if _is_installed(kind) else {name: code_digest(each) for name, each in _methods(kind)}
        if methods:
            text = ",".join(f"{name}={digest}" for name, digest in sorted(methods.items()))
            digests[_name(kind)] = blake2b(text.encode("ascii", "replace"), digest_size=8).hexdigest()
    return digests


#: Where the code of a dataclass's own ``__init__``, ``__repr__`` and so on comes from.
_WRITTEN_BY_DATACLASS = {"<string>", dataclasses.__file__, reprlib.__file__}

#: Items of a container that are looked at: a list of thousands is of one kind.
_LOOKED_AT = 100


def _methods(kind: type) -> Iterator[tuple[str, FunctionType]]:
    """Yield the functions that a class defines itself; not those that `dataclass` wrote."""
    for name, member in vars(kind).items():
        inner = getattr(member, "__func__", None) or getattr(member, "func", None)  # class and static methods; cached
        parts = (member.fget, member.fset) if isinstance(member, property) else (inner or member,)
        for number, function in enumerate(parts):
            if isinstance(function, FunctionType) and function.__code__.co_filename not in _WRITTEN_BY_DATACLASS:
                yield f"{name}{number or ''}", function


def _is_installed(kind: type) -> bool:
    """Whether a class is of this package, a library, or Python itself."""
    if kind.__module__.partition(".")[0] == "adaptive_calib":
        return not kind.__module__.startswith("adaptive_calib.examples.")
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    if file is None:  # built in, or of a notebook or prompt
        return kind.__module__ != "__main__"
    return any(Path(file).is_relative_to(folder) for folder in _INSTALLED)


_INSTALLED = tuple(
    Path(path) for name, path in sysconfig.get_paths().items() if name in ("stdlib", "purelib", "platlib")
)


def _name(thing: Any) -> str:
    return f"{thing.__module__}.{thing.__qualname__}"


def _captured(function: Any) -> dict[str, Any]:
    """Return the variables of enclosing functions and the defaults, which are part of what a function computes."""
    config: dict[str, Any] = {}
    if isinstance(function, FunctionType):
        parameters = inspect.signature(function).parameters.values()
        config = {p.name: p.default for p in parameters if p.default is not p.empty}
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            try:
                content = cell.cell_contents
            except ValueError:  # not assigned yet
                continue
            if content is not function:  # a recursive function captures itself
                config[f"captured {name}"] = content
    return config


def _syntax(function: Any) -> str | None:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):  # no source, no Python object, or a lambda in the middle of a call
        return None
    if getattr(function, "__name__", "") == "<lambda>":
        found = [node for node in ast.walk(tree) if isinstance(node, ast.Lambda)]
        if len(found) != 1:
            return None
        return _tree(found[0])
    return _tree(tree)


def _tree(node: Any) -> str:
    """Return a syntax tree as text, without what differs between versions of Python (empty and new fields)."""
    if isinstance(node, list):
        return "[" + ",".join(map(_tree, node)) + "]"
    if not isinstance(node, ast.AST):
        return repr(node)
    parts = []
    for name, value in ast.iter_fields(node):
        if name == "body" and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            value = value[1:] if ast.get_docstring(node, clean=False) is not None else value
        if value not in (None, []) and name not in ("kind", "type_comment", "ctx", "lineno"):
            parts.append(f"{name}={_tree(value)}")
    return f"{type(node).__name__}({','.join(parts)})"


def _byte_code(code: CodeType) -> Iterator[str]:
    yield code.co_code.hex()
    yield " ".join(code.co_names + code.co_varnames)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _byte_code(constant)
        elif isinstance(constant, frozenset):
            yield repr(sorted(map(repr, constant)))
        else:
            yield repr(constant)
