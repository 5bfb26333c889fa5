"""Public names of a package that are loaded when they are first used (PEP 562).

Worker processes import the package, too, and should not pay for display libraries that they do not use; see
``docs/explanation/decisions/0002-names-load-when-they-are-used.md``. The package `lazy-loader` does the same for names
of submodules only; here some names live in other packages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["attach"]


def attach(
    namespace: dict[str, Any], homes: Mapping[str, Iterable[str]], submodules: Iterable[str] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` for a package.

    Parameters
    ----------
    namespace : dict
        The ``globals()`` of the package, with its ``__all__``; a loaded name is kept there.
    homes : mapping from module to names
        The full name of each module, with the public names that are found in it.
    submodules : iterable of str
        Submodules of the package that are loaded when they are first used.
    """
    package: str = namespace["__name__"]
    home_of = {name: module for module, names in homes.items() for name in names}
    submodules = frozenset(submodules)

    def load(name: str) -> Any:
        if name in home_of:
            value = getattr(import_module(home_of[name]), name)
        elif name in submodules:
            value = import_module(f"{package}.{name}")
        else:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        namespace[name] = value
        return value

    def listed() -> list[str]:
        return sorted({*namespace["__all__"], *submodules})

    return load, listed
