"""Tests of points that are no plain data: found again by their identity, whatever they are."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adaptive_calib import BlockingRunner, SequenceLearner
from adaptive_calib.engine.archive import Outcome
from adaptive_calib.engine.evaluate import Report
from adaptive_calib.runner import SequentialExecutor
from adaptive_calib.store import Evaluation, MemoryStore, NotCanonicalError, SQLiteStore, open_archive

CALLS: list[Any] = []


class Mode(Enum):
    """Members, with values that have no form of their own."""

    SLOW = object()
    FAST = object()


@dataclass(frozen=True)
class Planck:
    """A frozen instance."""

    temperature: float


@dataclass(frozen=True)
class File:
    """An instance without a canonical form."""

    path: Path


def named(point: Any) -> str:
    CALLS.append(point)
    return type(point).__name__


def file_name(point: File) -> str:
    return point.path.name


def keyed(point_key: Any = None) -> Evaluation:
    return Evaluation(named, name="named", point_key=point_key)


POINTS = {
    "members": (list(Mode), None),
    "instances": ([Planck(1.0), Planck(2.0)], None),
    "inside tuples": ([(1, Mode.SLOW), (1, Mode.FAST), (2, Planck(1.0))], None),
    "arrays": ([np.array([1.0, 2.0]), np.array([1.0, 3.0])], None),
    "by key": ([File(Path("a")), File(Path("b"))], file_name),
}


@pytest.mark.parametrize("kind", POINTS)
def test_points_of_any_kind_are_found_again(kind: str, tmp_path: Path) -> None:
    """A second run evaluates nothing, and has the same points with the same results."""
    points, key = POINTS[kind]
    CALLS.clear()
    for _ in range(2):
        learner = SequenceLearner(keyed(key), points)
        BlockingRunner(learner, executor=SequentialExecutor(), store=tmp_path / "s.db")
        assert learner.result() == [type(point).__name__ for point in points]
    assert len(CALLS) == len(points)


class Asking:
    """A learner that asks for given points, which are those of its function."""

    function = keyed()


def test_what_cannot_be_made_anew_waits_until_it_is_asked_for(tmp_path: Path) -> None:
    """A learner whose points are not listed is told nothing in advance; the asked point is found."""
    first = open_archive(tmp_path / "s.db", Asking())
    first.record([Outcome(Mode.SLOW, "ok", Report(1.0)), Outcome(0.5, "ok", Report(2.0))])
    first.close("finished", "")
    again = open_archive(tmp_path / "s.db", Asking())
    assert list(again.preload().points) == [0.5]
    found = again.find(Mode.SLOW)
    assert found is not None
    assert found.value == 1.0
    assert again.find(Mode.FAST) is None
    again.close("finished", "")


def test_looking_at_such_points(tmp_path: Path) -> None:
    """A table shows the canonical text; what it shows stands for the point; results can be renamed and exported."""
    ev = keyed()
    with SQLiteStore(tmp_path / "s.db") as store:
        archive = open_archive(store, Asking())
        archive.record([Outcome(Mode.SLOW, "ok", Report(1.0))])
        archive.close("finished", "")
        (stored,) = store.space(ev)
        assert "SLOW" in repr(stored.point)
        assert store.space(ev).get(stored.point).y == store.space(ev).get(Mode.SLOW).y == 1.0
        assert "SLOW" in store.space(ev).export(tmp_path / "x.csv").read_text()
        store.rename("named", "other")
        (space,) = store.spaces()
        assert space.name == "other"
        assert space.get(Mode.SLOW).y == 1.0


def test_a_point_without_an_identity_says_what_to_give() -> None:
    """The error is about the point, and names `point_key`."""
    archive = open_archive(MemoryStore(), Asking())
    with pytest.raises(NotCanonicalError, match="point_key"):
        archive.record([Outcome(File(Path("a")), "ok", Report(1.0))])
