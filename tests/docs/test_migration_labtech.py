"""One test for each row of ``docs/migration/coming_from_labtech.md``, named after the row. labtech is not needed."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import adaptive_calib
from adaptive_calib import BalancingLearner, BlockingRunner, DataSaver, Learner1D, Runner, SequenceLearner
from adaptive_calib.runner import SequentialExecutor
from adaptive_calib.store import (
    CodeChangedWarning,
    Evaluation,
    MemoryStore,
    MlflowCallback,
    NotCanonicalError,
    SQLiteStore,
    StaleDefaultError,
    UnstorableResultError,
)
from adaptive_calib.store import subresults as memo

CALLS: list[Any] = []


@pytest.fixture(autouse=True)
def _fresh() -> None:
    CALLS.clear()
    memo.forget()


def square(x: Any) -> Any:
    CALLS.append(x)
    return x * x


def fails_at_two(x: int) -> int:
    CALLS.append(x)
    if x == 2:
        raise ValueError("two is not liked")
    return x


@dataclass(frozen=True)
class Power:
    """What is a task with parameters there."""

    exponent: int

    def __call__(self, x: float) -> float:
        CALLS.append(x)
        return x**self.exponent


def run(function: Any, points: Any, **more: Any) -> Any:
    """Evaluate all points one after the other; return the learner."""
    learner = SequenceLearner(function, points)
    BlockingRunner(learner, **{"executor": SequentialExecutor(), **more})
    return learner


# ------------------------------------------------------------------------------------------------------- tasks and labs


def test_task(tmp_path):
    """A function or a frozen dataclass; its fields are its identity."""
    for function in (square, Power(2)):
        assert run(function, [1, 2, 3], store=tmp_path / "results.db").result() == [1, 4, 9]
    run(Power(3), [2], store=tmp_path / "results.db")
    with SQLiteStore(tmp_path / "results.db", readonly=True) as store:
        assert len(store.spaces()) == 3
        assert store.space(Power(3)).get(2).y == 8
    assert Power(2).__call__(3) == 9


def test_run_tasks(tmp_path):
    """The second run evaluates only what is new, and the results are in the order of the points."""
    for experiments in ([3, 1, 2], [3, 1, 2, 5]):
        learner = SequenceLearner(square, experiments)
        BlockingRunner(learner, store=tmp_path / "results.db", executor=SequentialExecutor())
        assert learner.result() == [x * x for x in experiments]
    assert CALLS == [3, 1, 2, 5]


def test_run_one_task():
    """A function is called, or evaluated by a runner."""
    f, point = square, 3
    assert f(point) == 9
    learner = SequenceLearner(f, [point])
    BlockingRunner(learner, executor=SequentialExecutor())
    assert learner.result() == [9]


def test_adaptive():
    """A learner chooses points until the goal is reached."""
    learner = Learner1D(square, (0, 1))
    BlockingRunner(learner, loss_goal=0.1, executor=SequentialExecutor())
    assert learner.loss() <= 0.1


def test_storage_none(tmp_path, monkeypatch):
    """Nothing is written."""
    monkeypatch.chdir(tmp_path)
    run(square, [1, 2])
    assert not list(tmp_path.iterdir())


def test_notebook(capsys):
    """A runner that does not block, with a display; or a bar."""
    learner = SequenceLearner(square, [1, 2])
    runner = Runner(learner, executor=SequentialExecutor())
    runner.live_info()
    runner.block_until_done()
    learner = SequenceLearner(square, [1, 2])
    BlockingRunner(learner, progress=True, executor=SequentialExecutor())
    assert "2" in capsys.readouterr().err


class Colour(Enum):
    """Options whose values are objects without equality."""

    RED = object()
    BLUE = object()


def name_of(point: Any) -> str:
    CALLS.append(point)
    return type(point).__name__


def test_parameters(tmp_path):
    """Points of many kinds are found again; what has no canonical form is refused by name."""
    points = ["a", True, 0.5, None, [1, (2, 3)], {"k": {1: 2.5}}, {1, 2}, np.float32(0.1), (0.5, "b")]
    for _ in range(2):
        run(name_of, points, store=tmp_path / "results.db")
    assert len(CALLS) == len(points)
    one = Evaluation(name_of)
    assert one.point_uid(1) == one.point_uid(1.0) != one.point_uid(True)
    config = {"colour": Colour.RED, "model": Power(2), "grid": np.arange(3.0)}
    assert Evaluation(name_of, config=config).uid != Evaluation(name_of, config=config | {"model": Power(3)}).uid
    for bad in (float("nan"), Path("x")):
        with pytest.raises(NotCanonicalError, match="where"):
            Evaluation(name_of, config={"where": bad})


def draw(x: float, *, rng: np.random.Generator) -> float:
    return x + float(rng.normal())


def test_seeds():
    """A point's numbers are its own, whatever was drawn before."""
    ev = Evaluation(draw, seed=12345)
    assert ev(1.0) == ev(1.0) != ev(2.0) - 1
    assert Evaluation(draw, seed=12345)(1.0) == ev(1.0) != Evaluation(draw, seed=1)(1.0)


# -------------------------------------------------------------------------------------------------------------- logging


def talks(x: int) -> int:
    print(f"x is {x}")
    logging.getLogger(__name__).warning("warned of %d", x)
    return x


def test_print_and_log(tmp_path):
    """What an evaluation prints and logs is kept with its result."""
    ev, point = Evaluation(talks), 7
    run(ev, [point], store=tmp_path / "results.db", capture="std")
    assert logging.getLogger(__name__) is not None
    print("the test's own")
    with SQLiteStore(tmp_path / "results.db", readonly=True) as store:
        output = store.space(ev).outputs(point)
    assert "x is 7" in output.stdout
    assert "warned of 7" in output.logs


def test_failed_output():
    """Each failure has its point and its traceback."""
    learner = SequenceLearner(fails_at_two, [1, 2])
    runner = BlockingRunner(learner, on_error="continue", executor=SequentialExecutor())
    (failure,) = runner.failures
    assert "two is not liked" in failure.traceback


# ------------------------------------------------------------------------------------------------------ complex objects


def make(seed: int) -> list[int]:
    CALLS.append(("made", seed))
    return [seed, seed + 1]


def with_memo(x: int, *, ctx: Any) -> int:
    return x * sum(ctx.memo("classifier", make, 42))


def test_object_from_parameters(tmp_path):
    """Made once, for all points and the next run too."""
    ev = Evaluation(with_memo)
    assert run(ev, [1, 2], store=tmp_path / "results.db").result() == [85, 170]
    memo.forget()  # as in another worker
    assert run(ev, [1, 2, 3], store=tmp_path / "results.db").result() == [85, 170, 255]
    assert CALLS == [("made", 42)]
    assert "memo" in with_memo.__code__.co_names


@dataclass(frozen=True)
class Ridge:
    """One kind of model."""

    strength: float = 1.0

    def build(self) -> str:
        return "ridge"


@dataclass(frozen=True)
class Lasso:
    """Another with the same fields."""

    strength: float = 1.0

    def build(self) -> str:
        return "lasso"


def built(x: float, *, ctx: Any) -> str:
    CALLS.append(x)
    return str(ctx.config["model"].build())


def built_by(model: Any) -> str:
    CALLS.append(model)
    return str(model.build())


def test_protocol_of_factories(tmp_path):
    """Kinds are told apart, though their fields are equal; a run may have all of them; instances may be the points."""
    evaluations = [Evaluation(built, config={"model": model}) for model in (Ridge(), Lasso(), Ridge(2.0))]
    assert len({ev.uid for ev in evaluations}) == 3
    for _ in range(2):
        learner = BalancingLearner([SequenceLearner(ev, [0]) for ev in evaluations])
        BlockingRunner(learner, store=tmp_path / "x.db", executor=SequentialExecutor())
        assert [child.result() for child in learner.learners] == [["ridge"], ["lasso"], ["ridge"]]
    assert len(CALLS) == 3
    for _ in range(2):
        models = [Ridge(), Lasso(), Ridge(2.0)]
        assert run(built_by, models, store=tmp_path / "y.db").result() == ["ridge", "lasso", "ridge"]
    assert len(CALLS) == 6


def of_colour(colour: Colour) -> str:
    CALLS.append(colour.name)
    return type(colour.value).__name__


def test_enum(tmp_path):
    """Members are known by class and name, as points too."""
    for _ in range(2):
        learner = SequenceLearner(of_colour, list(Colour))
        BlockingRunner(learner, store=tmp_path / "x.db", executor=SequentialExecutor())
        assert learner.result() == ["object", "object"]
    assert CALLS == ["RED", "BLUE"]


def total(key: str, *, ctx: Any) -> float:
    return float(ctx.context[key].sum())


def test_context():
    """Large data go once to each worker, and not into the identity."""
    data = {"zeros": np.zeros((50, 10)), "ones": np.ones((50, 10))}
    ev = Evaluation(total, context=data)
    with ProcessPoolExecutor(1) as executor:
        assert run(ev, list(data), executor=executor).result() == [0.0, 500.0]
    assert ev.uid == Evaluation(total, context=None).uid
    assert "context" in total.__code__.co_names


def test_context_changes_results():
    """A named context is part of the identity."""
    data = {"ones": np.ones(3)}
    one, other = (Evaluation(total, context=data, context_key=key) for key in ("2026-11", "2026-12"))
    assert one.uid != other.uid


# -------------------------------------------------------------------------------------------------------- parallel work


def test_max_workers():
    """No more than so many at once."""
    running = []
    with ThreadPoolExecutor(8) as executor:
        watch = lambda events, effects, progress: running.append(progress.running)  # noqa: E731 - one line is enough
        run(square, range(20), executor=executor, ntasks=4, callbacks=[watch])
    assert max(running) == 4


def test_runner_backend():
    """In this thread, in threads, in processes by any method, by loky; and dask."""
    from distributed import Client

    with (
        ThreadPoolExecutor(1) as threads,
        ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as spawned,
        Client(processes=False, n_workers=1, dashboard_address="127.0.0.1:0") as client,
    ):
        for executor in (SequentialExecutor(), threads, spawned, client, None):
            assert run(abs, [-1, -2], executor=executor).result() == [1, 2]


def folds(k: int, *, ctx: Any) -> int:
    return k * ctx.config["n_jobs"]


def test_own_multiprocessing():
    """One at a time in this process; the number of jobs within is no part of the identity."""
    one, two = (Evaluation(folds, config={"n_jobs": n}, exclude=["n_jobs"]) for n in (4, 8))
    assert one.uid == two.uid
    learner = SequenceLearner(one, [5, 10])
    BlockingRunner(learner, executor=SequentialExecutor())
    assert learner.result() == [20, 40]


def test_continue_on_failure():
    """The good results are there."""
    learner = SequenceLearner(fails_at_two, [1, 2, 3])
    runner = BlockingRunner(learner, on_error="continue", executor=SequentialExecutor())
    assert learner.data == {0: 1, 2: 3}
    assert len(runner.failures) == 1
    with pytest.raises(RuntimeError):
        run(fails_at_two, [1, 2, 2, 2, 3], on_error="continue", max_failures=2)


def test_missing_results():
    """What failed is None, and the others are found by their task."""
    learner = SequenceLearner(lambda task: fails_at_two(task.exponent), [Power(1), Power(2)])
    runner = BlockingRunner(learner, executor=SequentialExecutor(), on_error="continue")
    assert learner.result(failed=None) == [1, None]
    assert learner.data[Power(1)] == 1
    assert [failure.point for failure in runner.failures] == [(1, Power(2))]


def test_max_parallel():
    """Never more than two at the same time, whatever the pool has."""
    learner = SequenceLearner(square, range(20))
    learner.max_pending = 2
    most = []
    with ThreadPoolExecutor(4) as pool:
        BlockingRunner(learner, executor=pool, callbacks=[lambda _, __, now: most.append(now.running)])
    assert max(most) <= 2
    assert learner.npoints == 20


def test_filter_context():
    """Each function has what it needs."""
    names = []

    def function(x, *, ctx):
        names.append(sorted(ctx.context))
        return x

    for context in ({"a": 1}, {"b": 2}):
        run(Evaluation(function, name="f", version="1", context=context), [1])
    assert names == [["a"], ["b"]]


def test_interrupt():
    """Cancelled, a run tells what is under way."""

    async def main() -> None:
        with ThreadPoolExecutor(2) as executor:
            learner = SequenceLearner(square, range(100_000))
            runner = Runner(learner, executor=executor)
            await asyncio.sleep(0.05)
            runner.cancel()
            await asyncio.wait([runner.task])
        assert runner.status() == "cancelled"
        assert learner.npoints == len(CALLS) < 100_000

    asyncio.run(main())


# ------------------------------------------------------------------------------------------------------- stored results


def test_moved_definition(tmp_path):
    """Results follow a function to its new name."""
    run(Evaluation(square, name="old.name"), [1, 2], store=tmp_path / "x.db")
    with SQLiteStore(tmp_path / "x.db") as store:
        store.rename("old.name", "new.name")
    run(Evaluation(square, name="new.name"), [1, 2, 3], store=tmp_path / "x.db")
    assert CALLS == [1, 2, 3]


def test_changed_behaviour(tmp_path):
    """Another version is another space; other code of one version is warned of."""
    for version in ("1", "2"):
        run(Evaluation(square, version=version), [1], store=tmp_path / "x.db")
    assert CALLS == [1, 1]
    with pytest.warns(CodeChangedWarning):
        run(Evaluation(lambda x: x, name=Evaluation(square).name, version="2"), [1], store=tmp_path / "x.db")


def configured(depth: int, with_width: int | None) -> Evaluation:
    """Return an evaluation whose configuration has a field more, or not."""
    if with_width is None:

        @dataclass(frozen=True)
        class Config:
            depth: int
    else:

        @dataclass(frozen=True)
        class Config:  # type: ignore[no-redef]
            depth: int
            width: int = with_width

    return Evaluation(square, name="study", config=Config(depth))


def test_new_field(tmp_path):
    """A new field with a default keeps results, and a default that changes is refused."""
    store = tmp_path / "x.db"
    run(configured(3, None), [1], store=store)
    run(configured(3, 1), [1], store=store)
    assert CALLS == [1]
    with pytest.raises(StaleDefaultError, match="width"):
        run(configured(3, 2), [1], store=store)


def test_what_is_cached(tmp_path):
    """One point, one function's, all."""
    ev, point = Evaluation(square), 2
    run(ev, [1, 2], store=tmp_path / "x.db")
    with SQLiteStore(tmp_path / "x.db", readonly=True) as store:
        assert (ev, point) in store
        assert (ev, 9) not in store
        assert store.space(ev).to_dataframe()["y"].tolist() == [1, 4]
        assert [space.counts for space in store.spaces()] == [{"ok": 2}]


def test_clear_cached(tmp_path):
    """By the point, or by its status."""
    ev = Evaluation(fails_at_two)
    run(ev, [1, 2, 3], store=tmp_path / "x.db", on_error="continue")
    with SQLiteStore(tmp_path / "x.db") as store:
        assert store.space(ev).delete({"point": 2}) == 1
        assert store.space(ev).delete({"status": "failed"}) == 0
        assert len(store.space(ev)) == 2


def test_bust_cache(tmp_path):
    """Evaluated again, whatever is stored."""
    for mode in ("cached", "cached", "force"):
        run(square, [1], store=tmp_path / "x.db", mode=mode)
    assert CALLS == [1, 1]


class Model:
    """A result that is no plain data."""

    def __init__(self, weight: float) -> None:
        self.weight = weight


def fit(x: float) -> Any:
    CALLS.append(x)
    return Model(x)


def test_other_format(tmp_path):
    """A result of one's own type, written and read by one's own functions."""
    ev = Evaluation(fit)
    for _ in range(2):
        with SQLiteStore(tmp_path / "x.db") as store:
            store.register_handler(
                kind=Model,
                dump=lambda model, path: Path(path).write_text(str(model.weight)),
                load=lambda path: Model(float(Path(path).read_text())),
            )
            assert run(ev, [0.5], store=store).result()[0].weight == 0.5
    assert CALLS == [0.5]
    with SQLiteStore(tmp_path / "y.db", pickle_results=True) as store:
        assert run(ev, [0.5], store=store).result()[0].weight == 0.5


def test_other_place():
    """Anywhere fsspec can write; a store of one's own class."""
    for _ in range(2):
        run(square, [3], store="memory://bucket-of-labtech")
    assert CALLS == [3]
    store = MemoryStore()
    for _ in range(2):
        run(square, [3], store=store)
    assert CALLS == [3, 3]


def test_no_cache():
    """Without a store each run evaluates."""
    for _ in range(2):
        run(square, [1])
    assert CALLS == [1, 1]


def test_loading_is_slow(tmp_path):
    """Many results are there at once."""
    points = range(2000)
    run(square, points, store=tmp_path / "x.db")
    CALLS.clear()
    runner = BlockingRunner(learner := SequenceLearner(square, points), store=tmp_path / "x.db")
    assert CALLS == []
    assert len(learner.result()) == 2000
    assert runner.elapsed_time() < 5


def unpicklable(x: int) -> Any:
    CALLS.append(x)
    return (lambda: x) if len(CALLS) == 1 else x


def test_poisoned_entry(tmp_path):
    """A result that cannot be stored is no result; the point can be computed again."""
    with pytest.raises(UnstorableResultError, match="at the point"):
        run(Evaluation(unpicklable), [1, 2], store=tmp_path / "x.db")
    with SQLiteStore(tmp_path / "x.db", readonly=True) as store:
        assert (Evaluation(unpicklable), 1) not in store
    assert run(Evaluation(unpicklable), [1, 2], store=tmp_path / "x.db").result() == [1, 2]
    CALLS.clear()
    learner = SequenceLearner(Evaluation(unpicklable, name="again"), [1, 2])
    runner = BlockingRunner(learner, store=tmp_path / "x.db", executor=SequentialExecutor(), on_error="continue")
    assert [failure.point for failure in runner.failures] == [(0, 1)]
    assert list(learner.data.values()) == [2]


def test_when_and_how_long(tmp_path):
    """Start and duration of each evaluation."""
    ev, point = Evaluation(square), 2
    run(ev, [point], store=tmp_path / "x.db")
    with SQLiteStore(tmp_path / "x.db", readonly=True) as store:
        stored = store.space(ev).get(point)
        assert stored.started > 1_700_000_000
        assert 0 <= stored.duration < 10
        assert {"started", "duration"} <= set(store.space(ev).to_dataframe())


# -------------------------------------------------------------------------------------------------------- several steps


def second(x: int) -> int:
    return x + 1


def test_pipeline():
    """The results of one are the points of the next."""
    first = run(square, [1, 2, 3])
    after = SequenceLearner(second, first.result())
    BlockingRunner(after, executor=SequentialExecutor())
    assert after.result() == [2, 5, 10]


def second_step(task: Any, *, ctx: Any) -> Any:
    CALLS.append(task)
    return ctx.context[task[0]] + task[1]


def test_shared_step(tmp_path):
    """It is evaluated once, and found by a second run."""
    for _ in range(2):
        first = run(square, [3, 4], store=tmp_path / "x.db")
        results = dict(zip([3, 4], first.result(), strict=True))
        tasks = [(3, 1), (3, 2), (4, 1)]
        assert run(Evaluation(second_step, context=results), tasks, store=tmp_path / "x.db").result() == [10, 11, 17]
    assert CALLS == [3, 4, (3, 1), (3, 2), (4, 1)]


def test_intermediate_results():
    """The whole result is kept."""
    learner = DataSaver(
        Learner1D(lambda x: {"y": x, "steps": [x, x / 2]}, (0, 1)), arg_picker=lambda result: result["y"]
    )
    BlockingRunner(learner, npoints_goal=3, executor=SequentialExecutor())
    assert learner.extra_data[1]["steps"] == [1, 0.5]


def test_task_diagram():
    """There is none."""
    assert not [name for name in adaptive_calib.__all__ if "diagram" in name]


@pytest.mark.filterwarnings("ignore")  # of MLflow's own dependencies
def test_mlflow(tmp_path, monkeypatch):
    """A run in MLflow, from the main process; without MLflow an error says what to install."""
    if importlib.util.find_spec("mlflow") is None:
        with pytest.raises(ImportError, match=r"adaptive_calib\[mlflow\]"):
            MlflowCallback("experiment")
        return
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    callback = MlflowCallback("experiment", tracking_uri=f"file://{tmp_path}/mlruns", each_evaluation=True)
    run(square, [1, 2], callbacks=[callback])
    assert callback.run_id is not None
