"""One run's view of a store: what is loaded, found, written, in each mode."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adaptive_calib.learner.sequence_learner import SequenceLearner as OurSequenceLearner
from adaptive_calib.store import (
    CodeChangedWarning,
    Evaluation,
    MemoryStore,
    NotCanonicalError,
    ReadOnlyStoreError,
    SQLiteStore,
    StoreError,
    UnstorableResultError,
    open_archive,
)
from tests.store.functions import (
    BalancingLearner,
    DataSaver,
    Inner,
    Line,
    Power,
    SequenceLearner,
    crashed,
    failed,
    ok,
    square,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "s.db"


def filled(path: Path) -> None:
    """Leave a store with three results, a failure and a crash."""
    archive = open_archive(path, Line(square))
    archive.record([ok(0.5, 0.25), ok(0.25, 0.0625), failed(0.1)])
    archive.record([crashed(0.2), ok(0.75, 1.0)])
    archive.close("finished", "goal")


def test_a_second_run_is_told_what_the_first_recorded_in_its_order(path: Path) -> None:
    """Results and failures come back before the first ask, in the order of recording."""
    filled(path)
    known = open_archive(path, Line(square)).preload()
    assert (list(known.points), list(known.values), list(known.failed)) == (
        [0.5, 0.25, 0.75],
        [0.25, 0.0625, 1.0],
        [0.1, 0.2],
    )


@pytest.mark.parametrize(
    ("mode", "loaded", "failures", "found_ok", "found_failed"),
    [("cached", 3, 2, "ok", "failed"), ("retry", 3, 0, "ok", None), ("force", 0, 0, None, None)],
)
def test_modes(path: Path, mode: Any, loaded: int, failures: int, found_ok: Any, found_failed: Any) -> None:
    """Each mode loads and finds what the table of the module says."""
    filled(path)
    archive = open_archive(path, Line(square), mode=mode)
    known = archive.preload()
    assert (len(known.points), len(known.failed)) == (loaded, failures)
    hit, miss = archive.find(0.5), archive.find(0.1)
    assert (None if hit is None else hit.status) == found_ok
    assert (None if miss is None else miss.status) == found_failed
    assert archive.find(0.3) is None
    archive.close("finished", "")


@pytest.mark.parametrize("mode", ["cached", "retry", "force"])
def test_a_result_replaces_failures_and_only_force_replaces_results(path: Path, mode: Any) -> None:
    """The first result of two wins, but in force; a failure never replaces a result."""
    filled(path)
    archive = open_archive(path, Line(square), mode=mode)
    archive.preload()
    archive.record([ok(0.5, -1.0), ok(0.1, 0.01), failed(0.25), crashed(0.3)])
    archive.close("finished", "")
    known = open_archive(path, Line(square)).preload()
    values = dict(zip(known.points, known.values, strict=True))
    assert values == {0.5: -1.0 if mode == "force" else 0.25, 0.25: 0.0625, 0.1: 0.01, 0.75: 1.0}
    assert sorted(known.failed) == [0.2, 0.3]


def test_read_only_changes_no_byte_and_names_what_it_misses(path: Path) -> None:
    """Reading leaves the folder as it was; a point that would be evaluated is an error that names it."""
    filled(path)
    before = {p.name: p.read_bytes() for p in path.parent.iterdir()}
    archive = open_archive(path, Line(square), mode="read-only")
    assert len(archive.preload().points) == 3
    assert archive.find(0.5).value == 0.25  # type: ignore[union-attr]
    assert archive.find(0.2).status == "crashed"  # type: ignore[union-attr]
    with pytest.raises(ReadOnlyStoreError, match=r"0\.3"):
        archive.find(0.3)
    with pytest.raises(ReadOnlyStoreError):
        archive.record([ok(0.3, 1.0)])
    archive.close("finished", "")
    assert {p.name: p.read_bytes() for p in path.parent.iterdir()} == before


def test_a_recorded_point_is_found_in_the_same_run(path: Path) -> None:
    """What a sibling asks for again is looked up."""
    archive = open_archive(path, Line(square))
    archive.record([ok(0.5, (1.0, np.arange(3)))])
    value = archive.find(0.5).value  # type: ignore[union-attr]
    assert value[0] == 1.0
    assert value[1].tolist() == [0, 1, 2]
    archive.close("finished", "")


def test_points_outside_of_new_bounds_are_not_told(path: Path) -> None:
    """A learner never hears of points that it could not have asked for."""
    filled(path)
    archive = open_archive(path, Line(square, bounds=(0.3, 0.6)))
    known = archive.preload()
    assert (list(known.points), list(known.failed)) == ([0.5], [])
    assert archive.skipped == 4  # type: ignore[attr-defined]


def test_a_result_belongs_to_the_element_not_to_its_index(path: Path) -> None:
    """A sequence may grow and be reordered; equal elements all get the result."""
    for kind in (SequenceLearner, OurSequenceLearner):
        store = MemoryStore()
        archive = open_archive(store, kind(square, [1, 2, [3]]))
        archive.record([ok((1, 2), 4), ok((2, [3]), 9)])
        again = open_archive(store, kind(square, [[3], 2.0, 5, 2]))
        known = again.preload()
        assert list(known.points) == [(1, 2.0), (3, 2), (0, [3])]
        assert list(known.values) == [4, 4, 9]
        assert again.find((2, 5)) is None
        assert again.find((3, 2)).value == 4  # type: ignore[union-attr]


def test_each_child_has_the_space_of_its_function(path: Path) -> None:
    """Children of other functions share nothing, children of one function share its results."""
    learner = BalancingLearner([Line(Power(2)), DataSaver(Line(Power(3))), Line(Power(2), (0.4, 0.6))])
    archive = open_archive(path, learner)
    archive.record([ok((0, 0.5), 0.25), ok((1, 0.5), {"y": 0.125}), ok((0, 0.1), 0.01)])
    archive.close("finished", "")
    known = open_archive(path, learner).preload()
    assert list(zip(known.points, known.values, strict=True)) == [
        ((0, 0.5), 0.25), ((0, 0.1), 0.01), ((1, 0.5), {"y": 0.125}), ((2, 0.5), 0.25),
    ]  # fmt: skip
    assert len(open_archive(path, Line(Power(2))).preload().points) == 2


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Power(2), Power(2.0, shown="x"), True),  # type: ignore[arg-type]
        (Power(2), Power(2, Inner(1)), True),
        (Power(2), Power(2, Inner(2)), False),
        (Power(2), Power(2, names=("b",)), False),
        (partial(Power(2), 1), partial(Power(2), 1), True),
        (partial(pow, exp=2), partial(pow, exp=3), False),
        (square, partial(square), True),
        (Power(2).__call__, Power(3).__call__, False),
        (np.sin, np.cos, False),
    ],
)
def test_what_a_plain_callable_is(one: Any, other: Any, same: bool) -> None:
    """Name and code, and all that it holds, are the identity of a callable that is no Evaluation."""
    assert (Evaluation.of(one).uid == Evaluation.of(other).uid) == same


def closure(offset: Any) -> Any:
    """Return a function that holds something."""
    return lambda x: x + offset


def test_captured_variables_and_defaults_are_part_of_a_function() -> None:
    """Two functions of one code that hold other values are two."""
    assert Evaluation.of(closure(1)).uid == Evaluation.of(closure(1)).uid
    assert Evaluation.of(closure(1)).uid != Evaluation.of(closure(2)).uid
    assert Evaluation.of(closure(square)).uid != Evaluation.of(closure(closure)).uid
    with pytest.raises(NotCanonicalError, match="captured offset"):
        Evaluation.of(closure(object()))


def test_an_object_that_nobody_can_compare_is_refused() -> None:
    """The error says how to make it comparable."""
    with pytest.raises(TypeError, match="frozen dataclass"):
        Evaluation.of(type("Anything", (), {"__call__": lambda self, x: x})())


def test_changed_code_is_another_space_with_a_warning(path: Path, tmp_path: Path, monkeypatch: Any) -> None:
    """Results of the older code stay and are not used; comments and docstrings are no code."""
    monkeypatch.syspath_prepend(str(tmp_path))
    functions = []
    for number, body in enumerate(['"""Twice."""\n    return 2 * x', "# twice\n    return 2*x", "return 3 * x"]):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "mine.py").write_text(f"def f(x):\n    {body}\n")
        space: dict[str, Any] = {"__name__": "mine"}
        exec(compile((folder / "mine.py").read_text(), str(folder / "mine.py"), "exec"), space)
        functions.append(space["f"])
    first = open_archive(path, Line(functions[0]))
    first.record([ok(0.5, 1.0)])
    first.close("finished", "")
    again = open_archive(path, Line(functions[1]))
    assert len(again.preload().points) == 1
    again.close("finished", "")
    with pytest.warns(CodeChangedWarning, match="1 stored results are kept") as caught:
        other = open_archive(path, Line(functions[2]))
    assert caught[0].filename == __file__  # the line of the caller, not one of the package
    assert len(other.preload().points) == 0
    other.close("finished", "")


def test_an_unstorable_result_is_named_and_the_others_are_kept(path: Path) -> None:
    """The error names point and type; no row says that it was computed; it can be computed again."""
    archive = open_archive(path, Line(square))
    with pytest.raises(UnstorableResultError, match=r"0\.5.*builtins\.object"):
        archive.record([ok(0.25, 1.0), ok(0.5, object()), ok(0.75, 2.0)])
    assert archive.find(0.5) is None
    assert archive.find(0.75) is not None
    archive.record([ok(0.5, 3.0)])
    archive.close("failed", "")
    assert len(open_archive(path, Line(square)).preload().points) == 3


def test_a_run_is_noted_with_its_manifest_and_its_end(path: Path) -> None:
    """The run's row says what ran, and why it stopped."""
    archive = open_archive(path, Line(Power(2, shown="wide")), manifest={"note": "mine"})
    store = SQLiteStore(path)
    assert [run.status for run in store.read_runs()] == ["running"]
    archive.close("finished", "goal reached")
    (run,) = store.read_runs()
    assert (run.status, run.reason) == ("finished", "goal reached")
    assert run.ended is not None
    for part in ('"note": "mine"', '"shown": "\'wide\'"', '"numpy"', f'"pid": {os.getpid()}', '"command"', '"git"'):
        assert part in run.manifest
    store.close()


def test_a_store_that_is_given_stays_open(path: Path) -> None:
    """Who opened a store closes it."""
    with SQLiteStore(path) as store:
        open_archive(store, Line(square)).close("finished", "")
        assert len(store.spaces()) == 1


@pytest.mark.parametrize(("store", "mode", "error"), [(3, "cached", TypeError), ("x", "often", ValueError)])
def test_wrong_arguments_are_said_at_once(store: Any, mode: Any, error: type[Exception], tmp_path: Path) -> None:
    """What was expected and what came."""
    with pytest.raises(error, match="should be"):
        open_archive(tmp_path / store if isinstance(store, str) else store, Line(square), mode=mode)


def test_a_store_that_cannot_be_written_says_which_results_are_lost(path: Path, monkeypatch: Any) -> None:
    """A full disk is an error that names the points."""
    archive = open_archive(path, Line(square))

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archive.store, "put", full)  # type: ignore[attr-defined]
    with pytest.raises(StoreError, match=r"0\.5 could not be written.*No space"):
        archive.record([ok(0.5, 0.25)])
    archive.close("failed", "")
