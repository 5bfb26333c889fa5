"""No wrong hit in silence: changed defaults, changed code, two functions of one name."""

from __future__ import annotations

from dataclasses import dataclass, make_dataclass
from typing import Any

import pytest

from adaptive_calib.store import (
    CodeChangedWarning,
    Evaluation,
    MemoryStore,
    StaleDefaultError,
    Store,
    StoreError,
    StoreWarning,
    open_archive,
)
from tests.store.functions import Line, ok, square


def config(**defaults: Any) -> Any:
    """Return an object of a class with a required field L and these defaults."""
    return make_dataclass("Cfg", [("L", int), *((k, type(v), v) for k, v in defaults.items())])(4)


def run(store: Store, evaluation: Evaluation, **results: float) -> list[float]:
    """Open a run, record results, return the values that were there before."""
    archive = open_archive(store, Line(evaluation))
    known = archive.preload()
    archive.record([ok(float(x[1:]), y) for x, y in results.items()])
    archive.close("finished", "")
    return list(known.values)


def ev(cfg: Any, **more: Any) -> Evaluation:
    """Return an evaluation of a configuration."""
    return Evaluation(square, name="f", config=cfg, **more)


@pytest.fixture
def store() -> Store:
    """A store with one result, computed with a=1.0."""
    store = MemoryStore()
    assert run(store, ev(config(a=1.0)), p0=5.0) == []
    return store


def test_a_changed_default_is_refused_with_its_ways_out(store: Store) -> None:
    """The message has both values and what can be done; nothing is told."""
    with pytest.raises(StaleDefaultError, match=r"default of 'a' of f is 2, .* with 1\..*version.*migrate.*accept"):
        run(store, ev(config(a=2.0)))
    assert run(store, ev(config(a=1.0))) == [5.0]


def test_a_field_that_was_added_is_guarded_from_then_on(store: Store) -> None:
    """Adding a field with a default keeps the results; changing that default later does not."""
    assert run(store, ev(config(a=1.0, b=3))) == [5.0]
    with pytest.raises(StaleDefaultError, match="'b'"):
        run(store, ev(config(a=1.0, b=4)))
    assert run(store, ev(config(a=1.0))) == [5.0]  # a field that went away


def test_a_changed_default_of_a_nested_dataclass_is_refused() -> None:
    """Defaults are guarded at any depth."""
    store = MemoryStore()
    for inner, error in ((1.0, None), (2.0, StaleDefaultError)):
        nested = make_dataclass("Inner", [("t", float, inner)], frozen=True)
        cfg = make_dataclass("Outer", [("inner", Any, nested())])()
        if error is None:
            run(store, ev(cfg), p0=1.0)
        else:
            with pytest.raises(error, match=r"inner\.t"):
                run(store, ev(cfg))


def test_migrating_keeps_old_results_under_the_old_value(store: Store) -> None:
    """Afterwards the new default starts empty, and the old value given explicitly finds its results."""
    now = ev(config(a=2.0))
    assert store.migrate(now) == 1
    assert run(store, now) == []
    assert run(store, now.replace(a=1.0)) == [5.0]
    assert store.migrate(now) == 0
    assert store.migrate() == 0


def test_accepting_a_default_takes_old_results_for_new(store: Store) -> None:
    """And guards the new value from then on."""
    now = ev(config(a=2.0))
    store.accept_default(now, "a")
    assert run(store, now) == [5.0]
    with pytest.raises(StaleDefaultError):
        run(store, ev(config(a=1.0)))
    with pytest.raises(KeyError, match="no field"):
        store.accept_default(now, "z")


@pytest.mark.parametrize("change", [{"seed": 1}, {"version": "2"}, {"context_key": "k"}])
def test_another_seed_version_or_context_is_another_space(store: Store, change: dict[str, Any]) -> None:
    """Results of one are never told to the other."""
    assert run(store, ev(config(a=1.0), **change)) == []


def cube(x: float) -> float:
    """Another function."""
    return x**3


def test_two_functions_of_one_name_are_warned_of(store: Store) -> None:
    """The code is compared with that of the first results, until the change is accepted."""
    other = Evaluation(cube, name="f", config=config(a=1.0))
    with pytest.warns(CodeChangedWarning, match="two functions have this name"):
        run(store, other)
    with pytest.raises(StoreError, match="code of f"):
        run(store, other.replace(on_code_change="error"))
    run(store, ev(config(a=1.0), on_code_change="error"))  # the code that computed them
    with pytest.warns(CodeChangedWarning):  # said until it is accepted
        run(store, other)
    run(store, other.replace(on_code_change="ignore"))
    run(store, other.replace(on_code_change="error"))


@dataclass(frozen=True)
class Scale:
    by: float

    def __call__(self, x: float) -> float:
        """Return x times a number."""
        return x * self.by


def test_renaming_keeps_the_results_of_a_function_that_moved(store: Store) -> None:
    """All spaces of the old name are found under the new one, whatever their configuration."""
    run(store, ev(config(a=1.0)).replace(a=7.0), p1=6.0)
    assert store.rename("f", "g") == 2
    moved = Evaluation(square, name="g", config=config(a=1.0))
    assert run(store, moved) == [5.0]
    with pytest.raises(KeyError, match="g"):
        store.rename("f", "h")


def test_points_with_a_key_of_their_own_are_not_moved_blindly() -> None:
    """Moving recomputes uids, which needs the point_key."""
    store = MemoryStore()
    run(store, Evaluation(square, name="f", point_key=lambda x: ["p", x]), p0=1.0)
    with pytest.raises(StoreError, match="point_key"):
        store.rename("f", "g")
    assert [len(space) for space in store.spaces() if space.name == "f"] == [1]


def test_gc_keeps_the_last_versions(store: Store) -> None:
    """Older versions of the same go, other configurations stay."""
    for version in "234":
        run(store, ev(config(a=1.0), version=version), p0=float(version))
    run(store, ev(config(a=1.0)).replace(a=9.0), p0=9.0)
    assert store.gc() == {"spaces": 0, "evaluations": 0, "files": 0}
    assert store.gc(keep_versions=2) == {"spaces": 2, "evaluations": 2, "files": 0}
    assert sorted(space.version for space in store.spaces()) == ["1", "3", "4"]
    with pytest.raises(ValueError, match="at least 1"):
        store.gc(keep_versions=0)


def made_in(module: str, text: str = "def f(x):\n    return unit * x\n") -> Evaluation:
    """Return the evaluation of a function of a module of that name, which reads a number there."""
    names: dict[str, Any] = {"__name__": module, "unit": 2.0}
    exec(text, names)
    return Evaluation.of(names["f"])


@pytest.mark.parametrize(("first", "then"), [("__main__", "job"), ("project.job", "__main__")])
def test_a_script_and_its_file_imported_are_said_to_be_one(first: str, then: str) -> None:
    """Results of the same code under the name of the other module are named, and can be given this name."""
    store = MemoryStore()
    assert run(store, made_in(first), p0=5.0) == []
    assert run(store, made_in(then, "def f(x):\n    return x\n")) == []  # other code, no warning
    store = MemoryStore()
    assert run(store, made_in(first), p0=5.0) == []
    store.rename(f"{first}.f", f"{then}.f")
    assert run(store, made_in(then)) == [5.0]
    words = rf"1 stored results of {then}\.f are not used for {first}\.f, which has the same code"
    with pytest.warns(StoreWarning, match=words):
        assert run(store, made_in(first)) == []


def test_an_app_finds_the_results_of_its_script() -> None:
    """Panel gives the module of an app another name for each visitor; it counts as a script."""
    store = MemoryStore()
    assert run(store, made_in("__main__"), p0=5.0) == []
    assert run(store, made_in("bokeh_app_" + "1f" * 16)) == [5.0]
    assert run(store, made_in("bokeh_app_" + "2e" * 16)) == [5.0]
