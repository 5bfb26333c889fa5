"""The examples in docstrings run, and every public name has one or is on a list of those that still lack it.

The lists are ratchets: who writes the example takes the name off, and nobody may put one on.
"""

from __future__ import annotations

import ast
import doctest
import enum
import importlib
import inspect
import pkgutil
import textwrap
from collections.abc import Iterator
from typing import Any

import pytest

import adaptive_calib
from tests.docs.incomplete import WITHOUT_EXAMPLE, WITHOUT_RAISES, WITHOUT_SECTIONS
from tests.docs.pages import public_pages

OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def _modules() -> list[str]:
    """Return all modules of the package but the examples, which are programs."""
    found = pkgutil.walk_packages(adaptive_calib.__path__, "adaptive_calib.")
    return ["adaptive_calib", *(m.name for m in found if ".examples" not in m.name and "__main__" not in m.name)]


@pytest.mark.parametrize("name", _modules())
def test_examples_run(name: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch):
    """Each example of a module gives what stands below it."""
    monkeypatch.chdir(tmp_path)  # examples may write files
    finder = doctest.DocTestFinder(exclude_empty=True)
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    said: list[str] = []
    module = importlib.import_module(name)
    for test in finder.find(module, name, globs={"__name__": name, **vars(module)}):
        runner.run(test, out=said.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(said)


def _public() -> Iterator[tuple[str, Any]]:
    """Iterate over the classes and functions of the reference, each under the name that it is documented by."""
    seen: set[int] = set()
    for modules in public_pages().values():
        for module in map(importlib.import_module, modules):
            for name in module.__all__:
                value = getattr(module, name)
                ours = getattr(value, "__module__", "").startswith("adaptive_calib")
                if ours and (inspect.isclass(value) or inspect.isfunction(value)) and id(value) not in seen:
                    seen.add(id(value))
                    yield f"{module.__name__}.{name}", value


def _is_raised_or_implemented(value: Any) -> bool:
    """Whether a name is an error, a protocol, an enumeration or a contract: nothing that a user calls."""
    return inspect.isclass(value) and (
        issubclass(value, BaseException | enum.Enum)
        or getattr(value, "_is_protocol", False)
        or value.__name__.endswith("Contract")
    )


def test_every_public_name_has_an_example():
    """A public function or class has an Examples section, unless the list of those that lack it says otherwise."""
    lacking = {
        name for name, value in _public() if ">>>" not in (value.__doc__ or "") and not _is_raised_or_implemented(value)
    }
    assert lacking == WITHOUT_EXAMPLE, (
        f"write an example for {sorted(lacking - WITHOUT_EXAMPLE)}; "
        f"take off tests/docs/incomplete.py: {sorted(WITHOUT_EXAMPLE - lacking)}"
    )


def _arguments(value: Any) -> list[str]:
    """Return the arguments that a user gives, but for a single one, which the first sentence can explain."""
    try:
        parameters = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):
        return []
    passed_on = inspect.Parameter.VAR_KEYWORD  # described where they go
    names = [p.name for p in parameters if p.kind is not passed_on and not p.name.startswith("_")]
    return names if len(names) > 1 else []


def _undescribed(value: Any) -> list[str]:
    """Return the arguments that the docstring does not name."""
    text = (value.__doc__ or "").partition("\n    Examples\n")[0]
    bases = " ".join(base.__doc__ or "" for base in getattr(value, "__mro__", ())[1:-1])
    return [name for name in _arguments(value) if name not in text and name not in bases]


def test_every_argument_is_described():
    """The docstring of a public function or class names each of its arguments, or the list says otherwise."""
    lacking = {name for name, value in _public() if not _is_raised_or_implemented(value) and _undescribed(value)}
    assert lacking == WITHOUT_SECTIONS, (
        f"describe the arguments of {sorted(lacking - WITHOUT_SECTIONS)}; "
        f"take off tests/docs/incomplete.py: {sorted(WITHOUT_SECTIONS - lacking)}"
    )


def _raises(value: Any) -> list[str]:
    """Return the errors that a function raises by itself and that its docstring does not name."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(value)))
    except (OSError, TypeError):
        return []
    text = value.__doc__ or ""
    names = {
        ast.unparse(node.exc.func).rpartition(".")[2]
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)
    }
    return sorted(name for name in names if name[0].isupper() and name not in text)


def test_every_error_is_described():
    """The docstring of a public function names the errors that it raises by itself, or the list says otherwise."""
    lacking = {name for name, value in _public() if inspect.isfunction(value) and _raises(value)}
    assert lacking == WITHOUT_RAISES, (
        f"describe the errors of {sorted(lacking - WITHOUT_RAISES)}; "
        f"take off tests/docs/incomplete.py: {sorted(WITHOUT_RAISES - lacking)}"
    )
