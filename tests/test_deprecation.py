"""Deprecated names warn where they are used; experimental ones carry a note."""

from __future__ import annotations

import importlib
import inspect
import pickle
import pkgutil
import re
import warnings
from pathlib import Path

import pytest

import adaptive_calib
from adaptive_calib._deprecation import deprecated, experimental, warn_deprecated


@deprecated(instead="new", since="0.2", removal="0.3")
def old(x: int, *, factor: int = 2) -> int:
    """Multiply.

    Parameters
    ----------
    x, factor : int
    """
    return x * factor


def test_a_deprecated_function_works_and_warns_at_the_callers_line():
    """The warning names the function, its replacement, both versions, and the file and line of the call."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        line = inspect.currentframe().f_lineno + 1
        assert old(3, factor=3) == 9
    (warning,) = caught
    assert warning.category is FutureWarning  # DeprecationWarning would be hidden from users of the notebook's modules
    assert str(warning.message) == "old() is deprecated since version 0.2 and will be removed in 0.3; use new instead."
    assert (warning.filename, warning.lineno) == (__file__, line)


def test_a_deprecated_function_keeps_its_signature_and_is_pickled():
    """Shift-Tab shows the same parameters, and worker processes find the function by its name."""
    assert list(inspect.signature(old).parameters) == ["x", "factor"]
    assert pickle.loads(pickle.dumps(old)) is old


def test_the_note_stands_behind_the_first_paragraph():
    """The summary stays the first line and the parameters stay a section."""
    assert old.__doc__ is not None
    assert old.__doc__.splitlines()[:5] == [
        "Multiply.",
        "",
        ".. deprecated:: 0.2",
        "",
        "    Use new instead; it will be removed in 0.3.",
    ]
    assert "\n\nParameters\n----------\nx, factor : int\n" in old.__doc__


def test_a_keyword_warns_at_the_callers_line():
    """`warn_deprecated` in a function points to the line that called this function."""

    def function(**keywords: int) -> None:
        if "old" in keywords:
            warn_deprecated("function(old=)", instead="new=", since="0.2", removal="0.3")

    with pytest.warns(FutureWarning, match=r"function\(old=\) is deprecated") as caught:
        function(old=1)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        function(new=1)


def test_an_experimental_class_is_the_same_class_with_a_note():
    """The mark changes the docstring and nothing else; a missing docstring becomes the note."""

    class Plain:
        """Say nothing.

        More.
        """

    class Bare:
        pass

    marked = experimental(Plain)
    assert marked is Plain
    assert marked.__doc__ is not None
    assert marked.__doc__.startswith("Say nothing.\n\n.. admonition:: Experimental\n\n    May change")
    assert marked.__doc__.endswith("\n\nMore.\n")
    assert experimental(Bare).__doc__ is not None
    assert Bare.__doc__.startswith(".. admonition:: Experimental")


def test_the_page_on_stability_names_what_is_experimental():
    """The names on the page are those whose docstrings carry the note."""
    text = Path("docs/maintain/stability.md").read_text()
    section = text.split("## What is experimental")[1].split("\n## ")[0]
    named = set(re.findall(r"`(adaptive_calib\.\w+(?:\.\w+)*\.[A-Z]\w+)`", section))
    marked = set()
    for module in pkgutil.walk_packages(adaptive_calib.__path__, "adaptive_calib."):
        source = Path(importlib.util.find_spec(module.name).origin).read_text()
        for name in re.findall(r"^@experimental\n(?:@.*\n)*(?:class|def) (\w+)", source, re.MULTILINE):
            value = getattr(importlib.import_module(module.name), name)
            assert "Experimental" in (inspect.getdoc(value) or "")
            public = importlib.import_module(module.name.rpartition(".")[0])
            marked.add(f"{public.__name__ if name in getattr(public, '__all__', ()) else module.name}.{name}")
    assert named == marked
