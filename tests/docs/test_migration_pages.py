"""The pages for those who come from elsewhere, and their tests, are two sides of one list.

Each page is tables; each row begins with its name, and is the test of that name (``save-load`` is ``test_save_load``)
in the test module of the page. What a row says to write here is what its test does: the calls in that cell are in the
code of the test.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import warnings
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.test_familiar_names import NAMES as FAMILIAR

PAGES = Path(__file__).parents[2] / "docs" / "migration"
TESTS = Path(__file__).parent
SOURCES = ("cmb_ml", "emdcmp", "exca", "labtech", "python_adaptive")
HEADER = ["row", "what you wrote there", "what you write here", "what differs and why"]


class Row(NamedTuple):
    """One row of a table."""

    name: str
    there: str
    here: str
    why: str


def cells(line: str) -> list[str]:
    """Return the cells of a line of a table; an escaped bar is a character like others."""
    return [cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]


@cache
def rows(source: str) -> list[Row]:
    """Return the rows of all tables of a page, headers left out."""
    found = []
    for line in (PAGES / f"coming_from_{source}.md").read_text(encoding="utf-8").splitlines():
        if not line.startswith("|") or set(line) <= set("|- "):
            continue
        parts = cells(line)
        assert len(parts) == 4, f"{source}: {len(parts)} cells instead of 4 in: {line}"
        if parts != HEADER:
            assert re.fullmatch("`[a-z0-9-]+`", parts[0]), f"{source}: {parts[0]} is no name of a row"
            found.append(Row(parts[0].strip("`"), *parts[1:]))
    return found


@cache
def code_of(source: str) -> dict[str, str]:
    """Return the code of the tests in the module of a page, by name."""
    text = (TESTS / f"test_migration_{source}.py").read_text(encoding="utf-8")
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {
        node.name: "\n".join(ast.get_source_segment(text, part) or "" for part in (*node.decorator_list, node))
        for node in ast.parse(text).body
        if isinstance(node, functions) and node.name.startswith("test_")
    }


def test_every_page_is_known():
    """A page that is added is added to the list above, too."""
    assert sorted(path.stem.removeprefix("coming_from_") for path in PAGES.glob("coming_from_*.md")) == list(SOURCES)


@pytest.mark.parametrize("source", SOURCES)
def test_rows_and_tests_are_the_same(source):
    """Every row has its test, every test its row, in the same order, and no name occurs twice."""
    names = [row.name for row in rows(source)]
    assert len(set(names)) == len(names)
    assert [f"test_{name.replace('-', '_')}" for name in names] == list(code_of(source))


@pytest.mark.parametrize("source", SOURCES)
def test_no_cell_is_empty(source):
    """A cell that has nothing to say has a dash."""
    assert not [row.name for row in rows(source) if not all(row)]


@pytest.mark.parametrize("source", SOURCES)
def test_the_calls_of_a_row_are_in_its_test(source):
    """What is called in "what you write here" (or, where that is the same, there) is called in the test."""
    missing = []
    for row in rows(source):
        code = code_of(source)[f"test_{row.name.replace('-', '_')}"]
        cell = f"{row.there} {row.here}" if row.here.startswith("the same") else row.here
        for span in re.findall("`([^`]+)`", cell):
            names = re.findall(r"(\w+)\(", span) + re.findall(r"(?<=[(, ])(\w+)=", span)
            missing += [(row.name, name) for name in names if not re.search(rf"\b{name}\b", code)]
    assert not missing


def test_every_public_name_of_python_adaptive_is_on_the_page():
    """Names of its modules, arguments and attributes of its classes: none is forgotten."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import adaptive

    text = (PAGES / "coming_from_python_adaptive.md").read_text(encoding="utf-8")
    known = set(re.findall(r"\w+", text))
    wanted: dict[str, set[str]] = {"adaptive": set(adaptive.__all__)}
    for name in adaptive.learner.__all__:
        wanted[name] = _names(getattr(adaptive.learner, name))
    box = [(-1, 1), (-1, 1)]
    one = adaptive.Learner1D(abs, box[0])
    for made in (
        one, adaptive.AverageLearner1D(abs, box[0]), adaptive.AverageLearner(abs, rtol=1), adaptive.Learner2D(abs, box),
        adaptive.LearnerND(abs, box), adaptive.IntegratorLearner(abs, (0, 1), 1e-3), adaptive.SequenceLearner(abs, [1]),
        adaptive.BalancingLearner([one]), adaptive.DataSaver(one, abs),
    ):  # fmt: skip
        wanted[f"an instance of {type(made).__name__}"] = {name for name in vars(made) if not name.startswith("_")}
    learners = ("learner1D", "learner2D", "learnerND", "triangulation", "triangulation_backend", "integrator_coeffs")
    for path in ("runner", "utils", "notebook_integration", *(f"learner.{name}" for name in learners)):
        module = importlib.import_module(f"adaptive.{path}")
        for name, thing in vars(module).items():
            if getattr(thing, "__module__", "") == module.__name__ and not name.startswith("_") and callable(thing):
                wanted[f"{path}.{name}"] = {name} | (set() if path.startswith("learner") else _names(thing))
    missing = {where: sorted(names - known) for where, names in wanted.items() if names - known}
    assert not missing


def test_every_public_name_of_emdcmp_is_on_the_page():
    """What is kept at its familiar place is told to those who look for it."""
    known = set(re.findall(r"\w+", (PAGES / "coming_from_emdcmp.md").read_text(encoding="utf-8")))
    assert not {name for names in FAMILIAR.values() for name in names} - known


def _names(thing: object) -> set[str]:
    """Return the names of the arguments of a function or class, and of the attributes of a class."""
    if not inspect.isclass(thing) and not inspect.isfunction(thing):
        return set()
    parameters = inspect.signature(thing).parameters.values()
    variable = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    names = {one.name for one in parameters if one.kind not in variable}
    if inspect.isclass(thing):
        names |= set(vars(thing))
    return {name for name in names if not name.startswith("_")}
