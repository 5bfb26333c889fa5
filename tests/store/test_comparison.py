"""Stored points evaluated again by new code, tables of a sweep, and why nothing was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from adaptive_calib import BlockingRunner, SequenceLearner
from adaptive_calib.runner import SequentialExecutor
from adaptive_calib.store import Evaluation, MemoryStore, StoreError


def noisy(x: float, *, rng: Any) -> dict[str, Any]:
    return {"y": x + rng.normal(), "a": np.array([x, np.nan])}


def shifted(x: float, *, rng: Any) -> dict[str, Any]:
    return {"y": x + rng.normal() + 1e-9 * (x > 2), "a": np.array([x, np.nan])}


def run(function: Any, store: Any, points: Any = (1.0, 2.0, 3.0)) -> Any:
    return BlockingRunner(SequenceLearner(function, list(points)), store=store, executor=SequentialExecutor())


@pytest.mark.parametrize("version", ["1", "2"])
def test_results_that_did_not_change_are_adopted(version: str) -> None:
    """The points draw from their own streams, under the same version and under another one."""
    store = MemoryStore()
    run(Evaluation(noisy, name="f", seed=1), store)
    new = Evaluation(lambda x, *, rng: noisy(x, rng=rng), name="f", seed=1, version=version)
    found = store.compare(new)
    assert (len(found.compared), found.different, found.total) == (3, (), 3)
    assert len(found.to_dataframe()) == 3
    assert found.adopt() == 3
    assert run(new.replace(on_code_change="error"), store).progress.loaded == 3


def test_results_that_changed_are_shown_and_not_adopted() -> None:
    """Within tolerances they agree; an exception is a difference."""
    store = MemoryStore()
    run(Evaluation(noisy, name="f", seed=1), store)
    new = Evaluation(shifted, name="f", seed=1)
    found = store.compare(new, sample=3)
    assert [each.point for each in found.different] == [3.0]
    assert "2 of 3 points agree" in str(found)
    with pytest.raises(StoreError, match="not adopted"):
        found.adopt()
    assert store.compare(new, atol=1e-6).different == ()
    assert store.compare(new, rtol=1e-6).different == ()

    def broken(x: float, *, rng: Any) -> float:
        raise ValueError(x)

    assert len(store.compare(Evaluation(broken, name="f", seed=1)).different) == 3
    assert found.adopt(force=True) == 3


@dataclass(frozen=True)
class Task:
    n: int


def of_task(task: Task) -> int:
    return task.n


def test_points_that_are_objects_are_given() -> None:
    """A store can find them, not make them; without any result there is nothing to compare with."""
    store = MemoryStore()
    with pytest.raises(KeyError, match="no results of f"):
        store.compare(Evaluation(of_task, name="f"))
    run(Evaluation(of_task, name="f"), store, [Task(1), Task(2)])
    with pytest.raises(ValueError, match="give them as `points`"):
        store.compare(Evaluation(of_task, name="f"))
    found = store.compare(Evaluation(of_task, name="f"), points=[Task(2), Task(7)])
    assert [(each.point, each.equal) for each in found.compared] == [(Task(2), True)]


def scaled(x: float, *, ctx: Any) -> float:
    return float(ctx.config["scale"] * x)


def test_a_sweep_is_one_table() -> None:
    """All configurations of a function, with their fields as columns."""
    store = MemoryStore()
    for scale in (1.0, 2.0):
        run(Evaluation(scaled, name="f", config={"scale": scale, "label": f"s{scale}"}), store)
    table = store.to_dataframe("f")
    assert len(table) == 6
    assert table.groupby("scale")["y"].sum().to_dict() == {1.0: 6.0, 2.0: 12.0}
    assert set(table["label"]) == {"s1.0", "s2.0"}
    with pytest.raises(KeyError, match="there is: f"):
        store.to_dataframe("g")


def test_it_is_said_why_nothing_was_found() -> None:
    """By the fields in which the nearest result set differs."""
    store = MemoryStore()
    one = Evaluation(scaled, name="f", config={"scale": 1.0, "n": 3})
    assert "is empty" in store.explain(one)
    run(one, store)
    assert "3 ok" in store.explain(one)
    assert "`scale` is 2, not 1." in store.explain(one.replace(scale=2.0))
    assert "version is '2', not '1'" in store.explain(one.replace(version="2"))


def test_another_store_is_merged() -> None:
    """Uids are portable; what is there stays."""
    here, there = MemoryStore(), MemoryStore()
    run(Evaluation(of_task, name="f"), here, [Task(1)])
    run(Evaluation(of_task, name="f"), there, [Task(1), Task(2)])
    assert here.merge(there) == 2
    assert run(Evaluation(of_task, name="f"), here, [Task(1), Task(2)]).progress.loaded == 2
