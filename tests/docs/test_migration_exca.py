"""One test for each row of ``docs/migration/coming_from_exca.md``, named after the row. exca is not needed."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pydantic
import pytest

from adaptive_calib import BalancingLearner, BlockingRunner, Learner1D, SequenceLearner
from adaptive_calib.runner import SequentialExecutor
from adaptive_calib.store import (
    CodeChangedWarning,
    Evaluation,
    JournalStore,
    NotCanonicalError,
    ReadOnlyStoreError,
    SQLiteStore,
    StaleDefaultError,
)

CALLS: list[Any] = []


@pytest.fixture(autouse=True)
def _fresh() -> None:
    CALLS.clear()


@dataclass(frozen=True)
class Config:
    """A configuration with one required field."""

    param: int
    lr: float = 0.01
    n_workers: int = 1


def f(x: Any) -> Any:
    CALLS.append(x)
    return x * 2


def with_config(x: float, *, ctx: Any) -> float:
    return x * ctx.config.param


def fails_at_two(x: int) -> int:
    CALLS.append(x)
    if x == 2:
        raise ValueError("two is not liked")
    return x


def run(function: Any, points: Any, **more: Any) -> Any:
    learner = SequenceLearner(function, points)
    BlockingRunner(learner, **{"executor": SequentialExecutor(), **more})
    return learner


# ------------------------------------------------------------------------------------------------------- configurations


def test_pure_python(tmp_path):
    """A store is looked at from a shell, too."""
    run(f, [1], store=tmp_path / "results.db")
    command = [sys.executable, "-m", "adaptive_calib.store", str(tmp_path / "results.db")]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "test_migration_exca.f" in shown


class Model(pydantic.BaseModel):
    """A configuration that validates itself."""

    model_config = pydantic.ConfigDict(extra="forbid")
    x: int = 12
    y: str = "hello"


def test_parameter_validation():
    """Mistakes show before anything runs."""
    with pytest.raises(pydantic.ValidationError):
        Model(x="many")
    model = Model(x=13)
    assert Evaluation(f, config=model).config.x == 13
    assert Evaluation(f, config=Config(3)).uid != Evaluation(f, config={"param": 4}).uid
    with pytest.raises(NotCanonicalError, match="folder"):
        Evaluation(f, config={"folder": Path("data")})


def with_context(x: int, *, ctx: Any) -> int:
    return int(ctx.context[x])


def test_fast_configs():
    """Large data are no part of a configuration."""
    ev = Evaluation(with_context, config=Config(3), context=np.arange(1_000_000))
    assert ev.uid == Evaluation(with_context, config=Config(3), context=None).uid
    assert ev(7) == 7


def test_no_duplication():
    """The function sees its configuration."""
    assert Evaluation(with_config, config=Config(3))(2.0) == 6
    assert "ctx" in with_config.__code__.co_varnames


@dataclass(frozen=True)
class Adam:
    lr: float = 0.01


@dataclass(frozen=True)
class Sgd:
    lr: float = 0.01


class PlainUnion(pydantic.BaseModel):
    name: Literal["adam", "sgd"]
    lr: float = 0.01


def test_modularity():
    """Parts of different classes are different, also with equal fields."""
    assert Evaluation(f, config={"optim": Adam()}).uid != Evaluation(f, config={"optim": Sgd()}).uid
    models = [PlainUnion(name="adam"), PlainUnion(name="sgd")]
    assert len({Evaluation(f, config={"optim": model}).uid for model in models}) == 2


def test_freeze():
    """What was configured stays."""
    config = {"a": [1, 2]}
    ev = Evaluation(f, config=config)
    uid = ev.uid
    config["a"].append(3)
    assert ev.config == {"a": [1, 2]}
    assert ev.uid == uid


def test_conf_dict():
    """A nested mapping; its order does not matter, and a dot is a dot."""
    nested = Evaluation(f, config={"training": {"optim": {"lr": 0.01}, "n": 1}})
    assert nested.uid == Evaluation(f, config={"training": {"n": 1, "optim": {"lr": 0.01}}}).uid
    assert nested.uid != Evaluation(f, config={"training.optim.lr": 0.01, "training.n": 1}).uid


def test_conf_dict_export(tmp_path):
    """What a space was computed with, as texts."""
    ev = Evaluation(f, config=Config(13))
    run(ev, [1], store=tmp_path / "x.db")
    with SQLiteStore(tmp_path / "x.db", readonly=True) as store:
        assert store.space(ev).config == {"param": "13"}


def test_infra_config():
    """The fields of the identity, and all fields."""
    ev = Evaluation(f, config=Config(13), exclude=["n_workers"])
    assert set(ev.info.config) == {"param"}
    assert set(ev.info.full_config) == {"param", "lr"}


def test_clone_obj():
    """The same with another value."""
    ev = Evaluation(with_config, config=Config(13))
    new = ev.replace(param=14)
    assert (new.config.param, ev.config.param) == (14, 13)
    assert new.uid != ev.uid


# ------------------------------------------------------------------------------------------------------------- identity


def test_uid():
    """Close numbers are different."""
    ev = Evaluation(f, config=Config(13))
    assert len(ev.uid) == 32
    numbers = np.linspace(0.5, 0.505, 20_000).tolist()
    assert len({ev.point_uid(x) for x in numbers}) == len(numbers)


def test_uid_defaults():
    """A default that is written out is still the default."""
    assert Evaluation(f, config=Config(3)).uid == Evaluation(f, config=Config(3, lr=0.01)).uid
    assert Evaluation(f, config=Model()).uid == Evaluation(f, config=Model(x=12)).uid


def test_exclude_from_uid():
    """How many workers there are does not matter to results."""
    one, two = (Evaluation(f, config=config, exclude=["n_workers"]) for config in (Config(3), Config(3, n_workers=8)))
    assert one.uid == two.uid
    nested = [Evaluation(f, config={"a": {"n": n}}, exclude=["a.n"]).uid for n in (1, 2)]
    assert nested[0] == nested[1]


def test_exclude_from_cache_uid(tmp_path):
    """What is done with results afterwards evaluates nothing again."""
    for colour in ("red", "blue"):
        learner = run(f, [1, 2], store=tmp_path / "x.db")
        assert [f"{colour} {y}" for y in learner.data.values()] == [f"{colour} 2", f"{colour} 4"]
    assert CALLS == [1, 2]


def test_version(tmp_path):
    """Another version begins anew; so does other code of a plain function."""
    for version in ("1", "2", "2"):
        run(Evaluation(f, version=version), [1], store=tmp_path / "x.db")
    assert CALLS == [1, 1]
    scope: dict[str, Any] = {}
    for number in (2, 3):
        source = f"def g(x):\n    return x + {number}\n"
        (tmp_path / f"g{number}.py").write_text(source)
        exec(compile(source, str(tmp_path / f"g{number}.py"), "exec"), scope)
        scope["g"].__module__ = "study"
        if number == 2:
            assert run(scope["g"], [1], store=tmp_path / "y.db").result() == [3]
        else:
            with pytest.warns(CodeChangedWarning):
                assert run(scope["g"], [1], store=tmp_path / "y.db").result() == [4]


def with_default(lr: float) -> Evaluation:
    @dataclass(frozen=True)
    class Study:
        param: int
        lr: float = field(default=0.0)

    Study.__init__.__defaults__ = (lr,)
    Study.__dataclass_fields__["lr"].default = lr
    return Evaluation(f, name="study", config=Study(3))


def test_default_guard(tmp_path):
    """A default that changed is refused, and each way out works."""
    ev = with_default(0.1)
    run(ev, [1], store=tmp_path / "x.db")
    changed = with_default(0.2)
    with pytest.raises(StaleDefaultError, match="lr"):
        run(changed, [1], store=tmp_path / "x.db")
    run(changed.replace(version="2"), [1], store=tmp_path / "x.db")
    assert CALLS == [1, 1]
    with SQLiteStore(tmp_path / "x.db") as store:
        store.accept_default(changed, "lr")
    run(changed, [1], store=tmp_path / "x.db")
    assert CALLS == [1, 1]
    run(with_default(0.1), [1], store=tmp_path / "y.db")
    with SQLiteStore(tmp_path / "y.db") as store:
        ev = changed
        assert store.migrate(ev) == 1
    run(changed, [1], store=tmp_path / "y.db")
    assert CALLS == [1, 1, 1, 1]


def test_cache_folder():
    """A name for people."""
    slug = Evaluation(f, config=Config(13)).info.slug
    assert slug.startswith("tests.docs.test_migration_exca.f,1/param=13-")


@dataclass
class Item:
    """A point without a canonical form: it holds a path."""

    name: str
    path: Path = Path("somewhere")


def read(item: Item) -> str:
    CALLS.append(item.name)
    return str(item.path)


def name_of(item: Item) -> str:
    return item.name


def test_item_uid(tmp_path):
    """A plain value stands for an object, in the identity; the function gets the object."""
    items = [Item("a"), Item("b", Path("elsewhere"))]
    ev = Evaluation(read, point_key=name_of)
    for _ in range(2):
        learner = SequenceLearner(ev, items)
        BlockingRunner(learner, store=tmp_path / "x.db", executor=SequentialExecutor())
        assert learner.result() == ["somewhere", "elsewhere"]
    assert CALLS == ["a", "b"]

    keyed = Evaluation(f, point_key=name_of)
    assert keyed.point_uid(Item("a")) == keyed.point_uid(Item("a", Path("elsewhere"))) != keyed.point_uid(Item("b"))
    with pytest.raises(NotCanonicalError):
        Evaluation(f).point_uid(Item("a"))


def test_update_uids(tmp_path):
    """Where the rules have not changed there is nothing to move."""
    run(f, [1], store=tmp_path / "x.db")
    with SQLiteStore(tmp_path / "x.db") as store:
        assert store.migrate() == 0


# ------------------------------------------------------------------------------------------------------------ computing


def test_task_infra(tmp_path):
    """One computation, found again."""
    ev, point = Evaluation(f), 3
    for _ in range(2):
        learner = SequenceLearner(ev, [point])
        BlockingRunner(learner, store=tmp_path / "x.db", executor=SequentialExecutor())
        assert learner.result() == [6]
    assert CALLS == [3]


def test_map_infra():
    """Several points in a task; one that fails costs no other."""
    items = range(10)
    learner = SequenceLearner(Evaluation(fails_at_two), items)
    with ThreadPoolExecutor(2) as executor:
        runner = BlockingRunner(learner, points_per_task=5, on_error="continue", executor=executor)
    assert learner.npoints == 9
    assert [failure.point[1] for failure in runner.failures] == [2]


def test_adaptive(tmp_path):
    """Points that a learner chose are stored like others."""
    ev = Evaluation(f)
    for _ in range(2):
        BlockingRunner(Learner1D(ev, (0, 1)), npoints_goal=5, store=tmp_path / "x.db", executor=SequentialExecutor())
    assert len(CALLS) == 5


def test_cluster():
    """A dask client is an executor."""
    from distributed import Client

    with Client(processes=False, n_workers=1, dashboard_address="127.0.0.1:0") as client:
        assert run(f, [1, 2], executor=client).result() == [2, 4]


def test_job_array(tmp_path):
    """Many learners, one store: what two of them ask for is stored once."""
    learners = [SequenceLearner(Evaluation(f), points) for points in ([1, 2], [2, 3])]
    BlockingRunner(BalancingLearner(learners), store=tmp_path / "x.db", executor=SequentialExecutor())
    assert [learner.result() for learner in learners] == [[2, 4], [4, 6]]
    with SQLiteStore(tmp_path / "x.db", readonly=True) as store:
        assert len(store.space(Evaluation(f))) == 3


def talks(x: int) -> int:
    print(f"x is {x}")
    return x


def test_job_output(tmp_path):
    """Output and status of one evaluation."""
    ev, point = Evaluation(talks), 7
    run(ev, [point], store=tmp_path / "x.db", capture="std")
    with SQLiteStore(tmp_path / "x.db", readonly=True) as store:
        assert store.space(ev).outputs(point).stdout == "x is 7\n"
        assert store.space(ev).get(point).status == "ok"


def test_modes(tmp_path):
    """What each mode evaluates again."""
    store = tmp_path / "x.db"
    evaluated = {}
    for mode in ("cached", "cached", "retry", "force", "read-only"):
        CALLS.clear()
        run(fails_at_two, [1, 2], store=store, mode=mode, on_error="continue")
        evaluated.setdefault(mode, []).append(list(CALLS))
    assert evaluated == {"cached": [[1, 2], []], "retry": [[2]], "force": [[1, 2]], "read-only": [[]]}
    with pytest.raises(ReadOnlyStoreError, match="3"):
        run(fails_at_two, [3], store=store, mode="read-only")


def test_workdir(tmp_path):
    """Each run says what ran."""
    run(f, [1], store=tmp_path / "x.db")
    with SQLiteStore(tmp_path / "x.db", readonly=True) as store:
        (one,) = store.read_runs()
    manifest = json.loads(one.manifest)
    assert manifest["git"] is None or {"commit", "dirty"} <= set(manifest["git"])
    assert "numpy" in manifest["packages"]


# ------------------------------------------------------------------------------------------------------------ CacheDict


def length(key: str) -> Any:
    CALLS.append(key)
    return np.full((2, 12), len(key))


def test_cache_dict(tmp_path):
    """Whether it is there, what it is, how many there are."""
    ev = Evaluation(length)
    run(ev, ["key"], store=tmp_path / "x.db")
    with SQLiteStore(tmp_path / "x.db") as store:
        assert (ev, "key") in store
        assert (ev, "blub") not in store
        np.testing.assert_array_equal(store.space(ev).get("key").y, np.full((2, 12), 3))
        assert len(store.space(ev)) == 1


def test_writer(tmp_path):
    """A result is stored before the learner hears of it."""
    ev, seen = Evaluation(f), []

    class Watching(SequenceLearner):
        def tell(self, x: Any, y: Any) -> None:
            with SQLiteStore(tmp_path / "x.db", readonly=True) as store:
                seen.append((ev, x[1]) in store)
            super().tell(x, y)

    BlockingRunner(Watching(ev, [1, 2, 3]), store=tmp_path / "x.db", executor=SequentialExecutor())
    assert seen == [True, True, True]


def test_second_instance(tmp_path):
    """Opened again, everything is there; so it is for a run."""
    run(f, [1], store=tmp_path / "x.db")
    with SQLiteStore(tmp_path / "x.db") as store:
        assert (f, 1) in store
    assert run(f, [1], store=tmp_path / "x.db").result() == [2]
    assert CALLS == [1]


def test_keep_in_ram(tmp_path):
    """What is stored is in the learner."""
    run(f, [1, 2], store=tmp_path / "x.db")
    assert dict(run(f, [1, 2], store=tmp_path / "x.db", mode="read-only").data) == {0: 2, 1: 4}


def large(n: int) -> Any:
    return {"array": np.arange(n), "note": ("a", None)}


class Weight:
    def __init__(self, value: float) -> None:
        self.value = value


def test_cache_type(tmp_path):
    """Arrays inside of containers come back as they were; another type by its handler."""
    learner = run(large, [3, 100_000], store=tmp_path / "x.db")
    again = run(large, [3, 100_000], store=tmp_path / "x.db", mode="read-only")
    for one, other in zip(learner.result(), again.result(), strict=True):
        np.testing.assert_array_equal(one["array"], other["array"])
        assert other["note"] == ("a", None)
    assert any(Path(f"{tmp_path / 'x.db'}.files").rglob("results/*/*"))
    with SQLiteStore(tmp_path / "y.db") as store:
        store.register_handler(
            kind=Weight,
            dump=lambda weight, path: Path(path).write_text(str(weight.value)),
            load=lambda path: Weight(float(Path(path).read_text())),
        )
        run(Evaluation(Weight, name="weight"), [0.5], store=store)
        assert store.space("weight").get(0.5).y.value == 0.5


def test_info_jsonl(tmp_path):
    """A journal of lines; a torn last one costs only itself."""
    path = tmp_path / "x.jsonl"
    with JournalStore(path) as store:
        run(f, [1, 2], store=store)
    with path.open("ab") as file:
        file.write(b'{"torn": ')
    with JournalStore(path) as store:
        assert run(f, [1, 2, 3], store=store).result() == [2, 4, 6]
    assert CALLS == [1, 2, 3]


def test_many_writers(tmp_path):
    """Two runs at once on one store."""
    threads = [
        threading.Thread(target=run, args=(f, points), kwargs={"store": tmp_path / "x.db"})
        for points in (range(30), range(20, 50))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with SQLiteStore(tmp_path / "x.db", readonly=True) as store:
        assert store.space(f).counts == {"ok": 50}


def test_inflight(tmp_path):
    """What one run evaluates, the other one takes from the store."""
    threads = [
        threading.Thread(target=run, args=(f, range(30)), kwargs={"store": tmp_path / "x.db", "share_every": 0.01})
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(CALLS) == list(range(30))


def test_steps():
    """The results of the first are the context of the second."""
    first = dict(zip([1, 2], run(f, [1, 2]).result(), strict=True))

    def second(x, *, ctx):
        return ctx.context[x] + 1

    assert run(Evaluation(second, name="second", version="1", context=first), [1, 2]).result() == [3, 5]
