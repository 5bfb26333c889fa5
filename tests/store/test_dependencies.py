"""What a computation depends on is followed by digest, and a change is named."""

from __future__ import annotations

import ast
import importlib
import linecache
import sys
import textwrap
import types
from pathlib import Path
from typing import Any

import pytest

from adaptive_calib import BlockingRunner, SequenceLearner
from adaptive_calib.runner import SequentialExecutor
from adaptive_calib.store import CodeChangedWarning, Evaluation, MemoryStore, StoreError, StoreWarning
from adaptive_calib.store.identity.dependencies import dependencies
from adaptive_calib.store.identity.function_digest import code_digest, disagrees

MODULE = """
import functools
import math
import numpy as np
from dataclasses import dataclass
from enum import Enum
from scipy.interpolate import CubicSpline
import {other}

GAIN = 1
TABLE = {{"a": [1, 2, (3, 4)]}}
GRID = np.arange(3)
SEEN = []
COUNT = 0

class Kind(Enum):
    FIRST = 1

class Base:
    OFFSET = 1
    def shift(self, x):
        return x + 1

class Model(Base):
    def __init__(self):
        self.weight, self.levels, self.calls, self.recent = 1, np.arange(5), 0, []
    def value(self, x):
        self.calls += 1
        self.recent.append(x)
        return self.shift(x) + self.weight + self.levels[0]
    @property
    def scale(self):
        return 1
    @staticmethod
    def twice(x):
        return 2 * x

@dataclass(frozen=True)
class Setting:
    a: float = 1.0
    def scaled(self, x):
        return self.a * x

class Slotted:
    __slots__ = {{"depth": "in metres", "__weakref__": None}}
    def __init__(self):
        self.depth = 1

SETTING = Setting()
MODEL = Model()
SLOTTED = Slotted()
CURVE = CubicSpline([0, 1, 2], [0, 1, 4])
RNG = np.random.RandomState(1)

def deep(x):
    return x

def helper(x):
    return deep(x)

def decorated_by(function):
    @functools.wraps(function)
    def wrapper(x):
        return function(x) + 1
    return wrapper

@decorated_by
def decorated(x):
    return x

@functools.lru_cache
def cached(x):
    return x

short = lambda x: x + 1

def f(x):
    global COUNT
    COUNT += 1
    SEEN.append(x)
    total = GAIN * x + TABLE["a"][0] + GRID[0] + helper(x) + MODEL.value(x) + MODEL.scale + Model.twice(x)
    total += SLOTTED.depth + CURVE(x) + RNG.normal()
    total += SETTING.scaled(x) + decorated(x) + cached(x) + short(x) + f.factor + Kind.FIRST.value
    total += {other}.outside(x) + sum(map(lambda y: y * GAIN, [x])) + math.pi
    return total

f.factor = 1
"""

OTHER = "def outside(x):\n    return inner(x)\n\ndef inner(x):\n    return x\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A maker of modules: ``project(*replacements)`` gives the function `f` of a module with some texts replaced."""
    monkeypatch.syspath_prepend(str(tmp_path))
    made: list[str] = []

    def make(*replacements: tuple[str, str]) -> Any:
        for name in ("mymodel", "mytools"):
            sys.modules.pop(name, None)
        source, other = MODEL_SOURCE, OTHER
        for old, new in replacements:
            assert old in source or old in other, old
            source, other = source.replace(old, new), other.replace(old, new)
        (tmp_path / "mymodel.py").write_text(source)
        (tmp_path / "mytools.py").write_text(other)
        importlib.invalidate_caches()
        for cache in tmp_path.glob("__pycache__/*"):
            cache.unlink()
        made.append("mymodel")
        return importlib.import_module("mymodel").f

    yield make
    for name in ("mymodel", "mytools"):
        sys.modules.pop(name, None)


MODEL_SOURCE = MODULE.format(other="mytools")


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("GAIN = 1", "GAIN = 2", "GAIN"),
        ('"a": [1, 2, (3, 4)]', '"a": [1, 2, (3, 5)]', "TABLE"),
        ("np.arange(3)", "np.arange(4)", "GRID"),
        ("    FIRST = 1", "    FIRST = 2", "Kind"),
        ("    OFFSET = 1", "    OFFSET = 2", "Base"),
        ("        return x + 1\n", "        return x + 2\n", "Base"),
        ("        return self.shift(x)", "        return -self.shift(x)", "Model"),
        (
            "        self.weight, self.levels, self.calls, self.recent = 1,",
            "        self.weight, self.levels, self.calls, self.recent = 2,",
            "MODEL.weight",
        ),
        ("np.arange(5)", "np.arange(6)", "MODEL.levels"),
        ("        self.depth = 1", "        self.depth = 2", "SLOTTED.depth"),
        ("[0, 1, 4]", "[0, 1, 5]", "CURVE"),
        ("    def scale(self):\n        return 1", "    def scale(self):\n        return 2", "Model"),
        ("        return 2 * x", "        return 3 * x", "Model"),
        ("return self.a * x", "return 2 * self.a * x", "Setting"),
        ("SETTING = Setting()", "SETTING = Setting(2.0)", "SETTING"),
        ("def deep(x):\n    return x", "def deep(x):\n    return -x", "deep"),
        ("    return deep(x)", "    return 2 * deep(x)", "helper"),
        ("        return function(x) + 1", "        return function(x) + 2", "decorated"),
        ("def decorated(x):\n    return x", "def decorated(x):\n    return -x", "decorated"),
        ("def cached(x):\n    return x", "def cached(x):\n    return -x", "cached"),
        ("short = lambda x: x + 1", "short = lambda x: x + 2", "lambda"),
        ("f.factor = 1", "f.factor = 2", "factor"),
        ("    return inner(x)", "    return -inner(x)", "outside"),
        ("def inner(x):\n    return x", "def inner(x):\n    return -x", "inner"),
    ],
)
def test_a_change_of_what_a_function_names_is_noticed(project: Any, old: str, new: str, name: str) -> None:
    """Data, helpers of this and of other modules, classes with all their parts, wrappers, attributes."""
    before, after = dependencies(project()), dependencies(project((old, new)))
    changed = [key for key in before.keys() | after.keys() if before.get(key) != after.get(key)]
    assert changed
    assert any(name in key for key in changed), changed


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("GAIN = 1", "GAIN = 1  # a comment"),
        ("SEEN = []", "SEEN = [1, 2]"),
        ("COUNT = 0", "COUNT = 7"),
        ("RandomState(1)", "RandomState(2)"),
        ("MODEL = Model()", "MODEL = Model()\nMODEL.calls = 7\nMODEL.recent.append(1)"),
        ("def deep(x):", "def deep(x):\n    'A docstring.'"),
        ("import math", "import math\nunused = 3"),
    ],
)
def test_what_makes_no_difference_is_not_noticed(project: Any, old: str, new: str) -> None:
    """Comments, docstrings, names that are not used, and what functions and methods change: logs and counters."""
    assert dependencies(project()) == dependencies(project((old, new)))


def test_a_module_that_a_program_made_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of a module without a file are data of the user's own."""
    settings: Any = types.ModuleType("mysettings")
    settings.GAIN = 1
    monkeypatch.setitem(sys.modules, "mysettings", settings)
    function = eval("lambda x: settings.GAIN * x", {"__name__": __name__, "settings": settings})
    before = dependencies(function)
    settings.GAIN = 2
    assert before["mysettings.GAIN"] != dependencies(function)["mysettings.GAIN"]


def run(function: Any, store: Any, **more: Any) -> list[Any]:
    learner = SequenceLearner(function, [1, 2])
    BlockingRunner(learner, store=store, executor=SequentialExecutor(), **more)
    return list(learner.result())


def test_a_run_warns_with_the_names_until_the_change_is_accepted(project: Any) -> None:
    """The warning names what changed; "error" refuses; "ignore" accepts."""
    store = MemoryStore()
    run(Evaluation(project(), name="f"), store)
    changed = project(("def deep(x):\n    return x", "def deep(x):\n    return -x"))
    for _ in range(2):
        with pytest.warns(CodeChangedWarning, match=r"mymodel\.deep, which f depends on, changed"):
            run(Evaluation(changed, name="f"), store)
    with pytest.raises(StoreError, match=r"mymodel\.deep"):
        run(Evaluation(changed, name="f", on_code_change="error"), store)
    run(Evaluation(changed, name="f", on_code_change="ignore"), store)
    run(Evaluation(changed, name="f", on_code_change="error"), store)


def test_the_advice_of_the_warning_works_for_a_plain_function(project: Any) -> None:
    """`Evaluation.of(f, on_code_change="ignore")` finds the results of f, and the change is accepted from then on."""
    store = MemoryStore()
    first = run(project(), store)
    changed = project(("def deep(x):\n    return x", "def deep(x):\n    return -x"))
    with pytest.warns(CodeChangedWarning, match=r'Evaluation\.of\(f, on_code_change="ignore"\)'):
        run(changed, store)
    assert run(Evaluation.of(changed, on_code_change="ignore"), store) == first
    assert run(changed, store) == first
    assert Evaluation.of(Evaluation(abs, name="abs"), on_code_change="error").on_code_change == "error"
    with pytest.raises(ValueError, match="should be"):
        Evaluation.of(abs, on_code_change="never")  # type: ignore[arg-type]


def test_the_identity_is_of_the_code_that_runs(project: Any, tmp_path: Path) -> None:
    """A module that was edited and not reloaded keeps its results for the code in memory, and says so."""
    function = project()
    digest = code_digest(function)
    assert not disagrees(function)
    (tmp_path / "mymodel.py").write_text("# moved down\n\n" + MODEL_SOURCE)
    assert code_digest(function) == digest
    (tmp_path / "mymodel.py").write_text(MODEL_SOURCE.replace("GAIN * x", "GAIN * 2 * x"))
    assert disagrees(function)
    assert code_digest(function) != digest
    edited = project(("GAIN * x", "GAIN * 2 * x"))
    (tmp_path / "mymodel.py").write_text(MODEL_SOURCE)
    assert len({digest, code_digest(edited), code_digest(project())}) == 2
    (tmp_path / "mymodel.py").write_text(MODEL_SOURCE.replace("GAIN * x", "GAIN * 2 * x"))
    store = MemoryStore()
    with pytest.warns(StoreWarning, match="not reloaded"):
        run(sys.modules["mymodel"].f, store)


def test_functions_made_by_exec_are_told_apart() -> None:
    """Also if they give the name of a file that says something else."""

    def made(text: str) -> Any:
        names: dict[str, Any] = {}
        exec(compile(textwrap.dedent(text), __file__, "exec"), names)
        return names["g"]

    one, two = made("def g(x):\n    return x + 1"), made("def g(x):\n    return x + 2")
    assert code_digest(one) != code_digest(two)
    assert code_digest(one) == code_digest(made("def g(x):\n    return x + 1"))


def test_two_functions_of_one_name_in_one_file_are_told_apart() -> None:
    """By their code, as the name and the file are the same."""

    def first() -> Any:
        def g(x: float) -> float:
            return x

        return g

    one = first()

    def second() -> Any:
        def g(x: float) -> float:
            return -x

        return g

    assert code_digest(one) != code_digest(second())


CELL = '''import math

def sines(x, n=2):
    """Doc."""
    assert x > -10
    return sum(math.sin(i * x) for i in range(n))
'''


def run_cell(text: str, name: str) -> Any:
    """Run a cell as IPython does: its text is kept in `linecache`, and its statements are compiled one by one."""
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for statement in ast.parse(text).body:
        exec(compile(ast.Module([statement], []), name, "exec"), namespace)
    return namespace["sines"]


def test_the_function_of_a_cell_is_that_of_its_text() -> None:
    """A cell that uses what it imports does not disagree; run again, or with a comment, it is the same function."""
    cells = [run_cell(CELL, "<cell 1>"), run_cell(CELL, "<cell 1>"), run_cell("# more\n" + CELL, "<cell 2>")]
    assert not any(map(disagrees, cells))
    assert len({code_digest(cell) for cell in cells}) == 1
    assert code_digest(run_cell(CELL.replace("n=2", "n=3").replace("i * x", "x"), "<cell 3>")) != code_digest(cells[0])


def test_code_that_an_import_hook_rewrote_is_not_said_to_be_edited() -> None:
    """As pytest rewrites the assertion of this module."""

    def function(x: float) -> float:
        assert x > 0
        return x

    assert not disagrees(function)


@pytest.mark.parametrize("folder", ["site-packages", "dist-packages"])
def test_libraries_are_not_followed_wherever_they_are_installed(folder, tmp_path, monkeypatch):
    """The user's and the system's packages lie elsewhere than the environment's; they count as libraries too."""
    place = tmp_path / folder
    place.mkdir()
    (place / "of_the_system.py").write_text("def helped(x):\n    return x + 1\n")
    (tmp_path / "of_my_own.py").write_text("from of_the_system import helped\n\ndef f(x):\n    return helped(x)\n")
    for each in (place, tmp_path):
        monkeypatch.syspath_prepend(str(each))
    for name in ("of_the_system", "of_my_own"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    assert dependencies(importlib.import_module("of_my_own").f) == {}
