"""Stored points evaluated again by new code, tables of a sweep, and why nothing was found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adaptive_calib import BlockingRunner, Learner1D, SequenceLearner
from adaptive_calib.runner import SequentialExecutor
from adaptive_calib.store import Evaluation, MemoryStore, StoreError, dry_run


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


@dataclass(frozen=True)
class Job:
    """A point with fields."""

    seed: int
    kind: str = "a"


def job_value(job: Job) -> float:
    if job.seed == 3:
        raise ValueError("no luck")
    return job.seed + 0.5


JOBS = [Job(1), Job(2, "b"), Job(3)]


def jobs(store: Any, points: Any = JOBS) -> Any:
    learner = SequenceLearner(Evaluation(job_value, name="jobs", version="1"), points)
    BlockingRunner(learner, store=store, executor=SequentialExecutor(), on_error="continue")
    return learner


def test_results_are_found_by_their_points() -> None:
    """In the learner and in the store, by equality and by field."""
    store = MemoryStore()
    learner = jobs(store)
    assert learner.data[Job(2, "b")] == learner.data[1] == 2.5
    with pytest.raises(KeyError, match="seed=3"):
        learner.data[Job(3)]
    assert learner.result(failed=None) == [1.5, 2.5, None]
    with pytest.raises(RuntimeError, match="failed=None"):
        learner.result()
    space = store.space("jobs")
    assert Job(1) in space
    assert Job(3) not in space
    assert space.get(Job(1)).y == 1.5
    assert [e.y for e in space.select({"point.kind": "b"})] == [2.5]
    assert [e.status for e in space.select({"point": Job(3)})] == ["failed"]
    assert [e.y for e in space.select(lambda e: e.duration >= 0 and e.status == "ok")] == [1.5, 2.5]
    with pytest.raises(ValueError, match=r"point\.kind, point\.seed"):
        space.select({"point.sed": 1})


def test_a_dry_run_says_what_would_be_evaluated_and_why() -> None:
    """Nothing is evaluated, written, or told to the learner."""
    store = MemoryStore()
    jobs(store)
    learner = SequenceLearner(Evaluation(job_value, name="jobs", version="1"), [*JOBS, Job(4), Job(5)])
    found = dry_run(learner, store)
    assert (found.found, found.left_out, found.points) == (2, ((2, Job(3)),), ((3, Job(4)), (4, Job(5))))
    assert str(found).splitlines()[1] == "Would be evaluated: (3, Job(seed=4, kind='a')), (4, Job(seed=5, kind='a'))"
    assert "2 ok" in found.reasons[0]
    assert (learner.npoints, learner.pending_points, len(store.read_runs())) == (0, set(), 1)
    other = dry_run(SequenceLearner(Evaluation(job_value, name="jobs", version="2"), JOBS), store, n=2)
    assert (other.found, len(other.points)) == (0, 2)
    assert "version is '2', not '1'" in other.reasons[0]
    line = Evaluation(abs, name="line", version="1")
    BlockingRunner(Learner1D(line, (-1, 2)), npoints_goal=3, store=store, executor=SequentialExecutor())
    first = dry_run(Learner1D(line, (-1, 2)), store)
    assert (first.found, len(first.points)) == (3, 10)


def test_results_are_removed_by_age_size_and_argument() -> None:
    """Conditions hold together, and a dry run only counts."""
    store = MemoryStore()
    jobs(store)
    run(Evaluation(lambda x: np.full(int(x), 1.0), name="arrays", version="1"), store, [10.0, 1000.0])
    assert store.gc(larger_than=1000, dry_run=True) == {"spaces": 0, "evaluations": 1, "files": 0}
    assert store.gc(older_than=3600)["evaluations"] == 0
    assert store.gc(older_than=timedelta(hours=-1), where={"point.kind": "b"}, dry_run=True)["evaluations"] == 1
    assert len(store.space("arrays")) == 2
    assert store.gc(larger_than=1000)["evaluations"] == 1
    assert [e.point for e in store.space("arrays")] == [10.0]
    assert store.gc(older_than=-3600, where={"status": "failed"})["evaluations"] == 1
    assert store.gc(where=lambda e: e.y == 1.5)["evaluations"] == 1
    assert store.space("jobs").counts == {"ok": 1}


def test_a_handler_gives_its_files_an_ending() -> None:
    """Libraries choose the format by it."""
    seen = []

    def dump(value: complex, path: Path) -> None:
        seen.append(path.suffix)
        path.write_text(repr(value))

    def load(path: Path) -> complex:
        seen.append(path.suffix)
        return complex(path.read_text())

    class Phasor(complex):
        """A type of its own."""

    store = MemoryStore()
    store.register_handler(Phasor, dump, load, suffix=".txt")
    run(Evaluation(lambda x: Phasor(x, 1), name="phasor", version="1"), store)
    assert [e.y for e in store.space("phasor")] == [1 + 1j, 2 + 1j, 3 + 1j]
    assert set(seen) == {".txt"}
    with pytest.raises(ValueError, match="ending of a file"):
        store.register_handler(Phasor, dump, load, suffix="txt")


# -------------------------------------------------------------------------------- steps that depend on each other


@dataclass(frozen=True)
class Simulation:
    seed: int


@dataclass(frozen=True)
class Fit:
    """A step whose input is the result of another one."""

    simulation: Simulation
    degree: int


def test_steps_that_depend_on_each_other(tmp_path: Path) -> None:
    """A first step is computed once, stored, and shared by all points that name it; a second run evaluates nothing."""
    calls: list[Any] = []

    def simulate(point: Simulation) -> Any:
        calls.append(point)
        return np.arange(4.0) + point.seed

    def fit(point: Fit, *, ctx: Any) -> float:
        calls.append(point)
        return float(ctx.context[point.simulation].sum() * point.degree)

    def study(degrees: list[int]) -> list[float]:
        fits = [Fit(Simulation(seed), degree) for seed in (1, 2) for degree in degrees]
        simulations = list(dict.fromkeys(each.simulation for each in fits))
        first = SequenceLearner(Evaluation(simulate, name="simulate", version="1"), simulations)
        BlockingRunner(first, store=tmp_path / "s.db", executor=SequentialExecutor())
        results = dict(zip(simulations, first.result(), strict=True))
        second = SequenceLearner(Evaluation(fit, name="fit", version="1", context=results), fits)
        BlockingRunner(second, store=tmp_path / "s.db", executor=SequentialExecutor())
        return list(second.result())

    assert study([1, 2]) == [10.0, 20.0, 14.0, 28.0]
    assert calls.count(Simulation(1)) == 1
    assert len(calls) == 6
    assert study([1, 2]) == [10.0, 20.0, 14.0, 28.0]
    assert len(calls) == 6
    assert study([2, 3]) == [20.0, 30.0, 28.0, 42.0]
    assert calls[6:] == [Fit(Simulation(1), 3), Fit(Simulation(2), 3)]
