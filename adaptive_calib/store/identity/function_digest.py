"""The code of one function or class, and the identity of a plain callable: digests to compare, never to run.

A digest is of the code that runs. Where the source text compiles to exactly that code, it is of the syntax tree, in
which comments, layout and docstrings do not count, and which is the same in all versions of Python. Elsewhere (a module
that was edited and not reloaded, functions made by ``exec``, no source) it is of the byte code and its constants. The
functions that the code calls, and the data that it reads, are followed in `adaptive_calib.store.identity.dependencies`.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import linecache
import reprlib
import sys
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from hashlib import blake2b
from importlib.machinery import SourceFileLoader
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from adaptive_calib.store.errors import NotCanonicalError
from adaptive_calib.store.identity.canonical import canonical_text, module_name

__all__ = ["Identified", "code_digest", "describe", "disagrees", "functions_of", "identify"]


@dataclasses.dataclass(frozen=True, slots=True)
class Identified:
    """The identity of a callable that is no `Evaluation`.

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
        For other objects, of which two cannot be compared.
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
    wrapped = getattr(function, "__wrapped__", None)
    if isinstance(wrapped, FunctionType) and not isinstance(function, type):  # functools.lru_cache and its like
        return identify(wrapped)
    return identify_value(function)


def identify_value(value: Any) -> Identified:
    """Return the identity of a callable object; refuse other classes than frozen dataclasses."""
    kind = type(value)
    if not dataclasses.is_dataclass(value) or not kind.__dataclass_params__.frozen:
        raise TypeError(
            f"results of a {kind.__module__}.{kind.__qualname__} could not be found again, as two of these objects "
            "cannot be compared. Make it a frozen dataclass, or give the learner "
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
    """Return 64 bits of a function's or class's code as 16 hex characters; ``""`` if it has none (built-ins).

    A decorated function is its wrapper and all functions that this wraps, one inside the other.
    """
    if isinstance(function, type):
        methods = [f"{name}={code_digest(each)}" for name, each in sorted(functions_of(function))]
        return _digest(",".join(methods)) if methods else ""
    texts = []
    while function is not None:
        function = getattr(function, "__func__", function)  # a bound method
        code = getattr(function, "__code__", None)
        if isinstance(code, CodeType):
            texts.append(_text(code))
        function = getattr(function, "__wrapped__", None)
    return _digest("\n".join(texts)) if texts else ""


def disagrees(function: Any) -> bool:
    """Whether the source of a function can be read and is not the code that runs."""
    inner = inspect.unwrap(function) if callable(function) else function
    code = getattr(inner, "__code__", None)
    if not isinstance(code, CodeType) or code.co_name == "<lambda>":
        return False
    loader = getattr(getattr(module_of(inner), "__spec__", None), "loader", None)
    if loader is not None and type(loader) is not SourceFileLoader:
        return False  # an import hook that rewrites code, such as that of pytest
    found = _candidates(code)
    return bool(found) and not any(_same(each, code) for each, _ in found)


def functions_of(kind: type) -> Iterator[tuple[str, FunctionType]]:
    """Yield the functions that a class defines itself, by name; not those that `dataclass` wrote."""
    for name, member in vars(kind).items():
        inner = getattr(member, "__func__", None) or getattr(member, "func", None)  # class and static methods; cached
        wrapped = getattr(member, "__wrapped__", None)  # functools.lru_cache
        parts = (member.fget, member.fset) if isinstance(member, property) else (inner or member, wrapped)
        for number, function in enumerate(parts):
            if isinstance(function, FunctionType) and function.__code__.co_filename not in _WRITTEN_BY_DATACLASS:
                yield f"{name}{number or ''}", function


#: Where the code of a dataclass's own ``__init__``, ``__repr__`` and so on comes from.
_WRITTEN_BY_DATACLASS = {"<string>", dataclasses.__file__, reprlib.__file__}


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _name(thing: Any) -> str:
    return f"{module_name(thing)}.{thing.__qualname__}"


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


# ---------------------------------------------------------------------------------------------------- source and code


def _text(code: CodeType) -> str:
    """Return the syntax tree of a code object as text if its source compiles to it, else its byte code."""
    nodes = [node for each, node in _candidates(code) if _same(each, code)]
    if len({id(node) for node in nodes}) == 1:
        return _tree(nodes[0])
    return "\n".join(("byte code", *_byte_code(code)))


def _candidates(code: CodeType) -> list[tuple[CodeType, ast.AST]]:
    """Return the functions of this name in the source that is there now, as code and syntax."""
    linecache.checkcache(code.co_filename)
    text = "".join(linecache.getlines(code.co_filename))
    if not text:
        return []
    flags = code.co_flags & _FUTURE
    found = _index(text, flags).get(code.co_qualname, [])
    if any(_same(each, code) for each, _ in found):
        return found
    return found + _index(text, flags, by_statement=True).get(code.co_qualname, [])


#: The flags of ``from __future__ import``, which a cell of a notebook may have from an earlier one.
_FUTURE = 0x1FE0000


@lru_cache(maxsize=64)
def _index(text: str, flags: int, *, by_statement: bool = False) -> dict[str, list[tuple[CodeType, ast.AST]]]:
    """Return code and syntax of all functions in a source, by qualified name.

    IPython compiles the statements of a cell one `by_statement`, and the code of a function depends on whether there
    are imports in the same compilation.
    """
    flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        tree = ast.parse(text)
        parts = [ast.Module([each], []) for each in tree.body] if by_statement else [tree]
        waiting = [compile(part, "<source>", "exec", flags=flags, dont_inherit=True) for part in parts]
    except (SyntaxError, ValueError, RecursionError):  # commands of IPython, say
        return {}
    nodes: dict[tuple[str, int], list[ast.AST]] = {}
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            name = "<lambda>" if isinstance(node, ast.Lambda) else node.name
            decorators = [] if isinstance(node, ast.Lambda) else node.decorator_list
            line = min([node.lineno, *(each.lineno for each in decorators)])
            nodes.setdefault((name, line), []).append(node)
    found: dict[str, list[tuple[CodeType, ast.AST]]] = {}
    while waiting:
        code = waiting.pop()
        waiting += [each for each in code.co_consts if isinstance(each, CodeType)]
        candidates = nodes.get((code.co_name, code.co_firstlineno), [])
        if len(candidates) == 1:  # two lambdas in one line are told apart by their byte code
            found.setdefault(code.co_qualname, []).append((code, candidates[0]))
    return found


def _same(one: CodeType, other: CodeType) -> bool:
    """Whether two code objects do the same, wherever they stand."""
    return list(_byte_code(one)) == list(_byte_code(other))


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
    yield " ".join((*code.co_names, "|", *code.co_varnames, "|", *code.co_freevars, "|", *code.co_cellvars))
    yield f"{code.co_argcount} {code.co_posonlyargcount} {code.co_kwonlyargcount} {code.co_flags & 0xFFFF}"
    for constant in code.co_consts:
        yield from _constant(constant)


def _constant(value: Any) -> Iterator[str]:
    if isinstance(value, CodeType):
        yield from _byte_code(value)
    elif isinstance(value, frozenset):
        yield f"frozenset {sorted(text for each in value for text in _constant(each))}"
    elif isinstance(value, tuple):
        yield f"tuple of {len(value)}"
        for each in value:
            yield from _constant(each)
    else:
        yield f"{type(value).__name__} {value!r}"


def module_of(thing: Any) -> ModuleType | None:
    """Return the module in which a function or class was made, if it is there."""
    return sys.modules.get(getattr(thing, "__module__", None) or "")
