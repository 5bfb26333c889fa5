"""One test for each row of ``docs/migration/coming_from_cmb_ml.md``, named after the row. CMB-ML is not needed."""

from __future__ import annotations

import json
import logging
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adaptive_calib import BlockingRunner, SequenceLearner
from adaptive_calib.runner import SequentialExecutor
from adaptive_calib.store import Evaluation, NotCanonicalError, PathTemplate, Replicates, SQLiteStore

CALLS: list[Any] = []


@pytest.fixture(autouse=True)
def _fresh() -> None:
    CALLS.clear()


def simulate(sim: Any, *, rng: np.random.Generator) -> Any:
    """A map with a known spectrum, so to speak."""
    CALLS.append(tuple(sim))
    return rng.normal(size=16)


def extremes(values: Any) -> tuple[float, float]:
    CALLS.append("extremes")
    return float(min(values)), float(max(values))


def run(function: Any, points: Any, **more: Any) -> Any:
    learner = SequenceLearner(function, points)
    BlockingRunner(learner, **{"executor": SequentialExecutor(), **more})
    return learner


EV = Evaluation(simulate, seed=12345)


def test_stage_executor(tmp_path):
    """A second run simulates nothing that is there."""
    for n in (3, 5):
        sims = Replicates(n, split="train")
        learner = SequenceLearner(EV, sims)
        BlockingRunner(learner, store=tmp_path / "sims.db", executor=SequentialExecutor())
        assert len(learner.result()) == n
    assert [("train", i) for i in range(5)] == CALLS


def test_pipeline_context():
    """The results of one stage are the points of the next."""
    first = run(EV, Replicates(2, split="train"))
    stage_two = SequenceLearner(extremes, first.result())
    BlockingRunner(stage_two, executor=SequentialExecutor())
    assert all(low < high for low, high in stage_two.result())


def test_config_in_init():
    """A mistake shows when the evaluation is made."""
    with pytest.raises(NotCanonicalError, match="root"):
        Evaluation(extremes, config={"root": Path("data")})
    config = {"nside": 256}
    ev = Evaluation(extremes, config=config)
    config["nside"] = 512
    assert ev.config["nside"] == 256


def test_splits():
    """Numbered simulations of one split."""
    sims = Replicates(3, split="train")
    assert [tuple(sim) for sim in sims] == [("train", 0), ("train", 1), ("train", 2)]
    assert len(sims) == 3


def test_split_cap(tmp_path):
    """A trial run is the beginning of the full one."""
    small = run(EV, Replicates(1000, split="test", cap=2), store=tmp_path / "x.db")
    full = run(EV, Replicates(4, split="test"), store=tmp_path / "x.db")
    assert len(CALLS) == 4
    np.testing.assert_array_equal(small.result(), full.result()[:2])


def test_seeds():
    """The numbers of a simulation are a function of its split and number."""
    ev = Evaluation(simulate, seed=12345)
    train, test = Replicates(2, split="train"), Replicates(2, split="test")
    np.testing.assert_array_equal(ev(train[1]), ev(train[1]))
    assert not np.array_equal(ev(train[1]), ev(test[1]))
    assert not np.array_equal(ev(train[0]), ev(train[1]))
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - that it is left alone is the point
    ev(train[0])
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_run_on_some_splits(tmp_path):
    """Splits share a store and are told apart in it."""
    for split in ("valid", "test"):
        run(EV, Replicates(2, split=split), store=tmp_path / "x.db")
    with SQLiteStore(tmp_path / "x.db", readonly=True) as store:
        assert sorted(store.space(EV).to_dataframe()["split"]) == ["test", "test", "valid", "valid"]


def test_assets(tmp_path):
    """What a function returned is read from the store."""
    ev, point = EV, Replicates(1, split="train")[0]
    learner = run(ev, [point], store=tmp_path / "x.db")
    with SQLiteStore(tmp_path / "x.db", readonly=True) as store:
        np.testing.assert_array_equal(store.space(ev).get(point).y, learner.result()[0])


class SkyMap:
    """A kind of result that has a file format of its own."""

    def __init__(self, pixels: list[float]) -> None:
        self.pixels = pixels


def sky(n: int, *, ctx: Any) -> SkyMap:
    (ctx.artifact_dir() / "notes.txt").write_text(f"{n} pixels")
    return SkyMap([float(n)] * n)


def test_asset_handlers(tmp_path):
    """Own kinds by own functions; further files in a folder of the evaluation."""
    ev = Evaluation(sky)
    with SQLiteStore(tmp_path / "x.db") as store:
        store.register_handler(
            kind=SkyMap,
            dump=lambda one, path: Path(path).write_text(json.dumps(one.pixels)),
            load=lambda path: SkyMap(json.loads(Path(path).read_text())),
        )
        run(ev, [3], store=store)
        assert store.space(ev).get(3).y.pixels == [3.0, 3.0, 3.0]
    assert "artifact_dir" in sky.__code__.co_names
    (notes,) = Path(f"{tmp_path / 'x.db'}.files").rglob("notes.txt")
    assert notes.read_text() == "3 pixels"


def test_path_templates():
    """A name of a file, made of what is known."""
    path = PathTemplate("{root}/{split}/learner_{i:03d}.pickle", root="runs")
    assert path(i=7, split="train") == Path("runs/train/learner_007.pickle")
    with pytest.raises(KeyError, match="simulation"):
        PathTemplate("{root}/{simulation}.pickle", root="runs")


def test_serial_loop():
    """In this process, one after the other."""
    learner = SequenceLearner(EV, Replicates(3, split="train"))
    BlockingRunner(learner, executor=SequentialExecutor())
    assert len(CALLS) == 3


def test_parallel_loop():
    """The same numbers from a pool."""
    serial = run(EV, Replicates(4, split="train"))
    with ProcessPoolExecutor(2) as executor:
        parallel = run(EV, Replicates(4, split="train"), executor=executor)
    np.testing.assert_array_equal(serial.result(), parallel.result())


def where(x: int) -> int:
    return os.getpid()


def test_try_a_task():
    """The first point is evaluated here, and once."""
    with ProcessPoolExecutor(1) as executor:
        learner = SequenceLearner(where, [0, 1, 2])
        BlockingRunner(learner, try_first=True, executor=executor)
    pids = learner.result()
    assert pids[0] == os.getpid()
    assert os.getpid() not in pids[1:]


def broken_at_one(x: int) -> int:
    if x == 1:
        raise OSError("no such map")
    return x


def test_errors_in_results():
    """A failure is a failure, and the others are there."""
    learner = SequenceLearner(broken_at_one, [0, 1, 2])
    runner = BlockingRunner(learner, on_error="continue", executor=SequentialExecutor())
    assert learner.data == {0: 0, 2: 2}
    assert "no such map" in runner.failures[0].traceback


def test_reduce():
    """Results in the order of the simulations, to be put together."""
    learner = run(EV, Replicates(5, split="train"))
    values = learner.result()
    low, high = np.min(values), np.max(values)
    assert low < 0 < high


def test_progress(capsys):
    """A bar."""
    run(EV, Replicates(3, split="train"), progress=True)
    assert "3/3" in capsys.readouterr().err


def says(x: int) -> int:
    logging.getLogger("sky").warning("map %d", x)
    return x


def test_logging(tmp_path):
    """What is logged is kept with the result."""
    ev = Evaluation(says)
    run(ev, [4], store=tmp_path / "x.db", capture="std")
    with SQLiteStore(tmp_path / "x.db", readonly=True) as store:
        assert "map 4" in store.space(ev).outputs(4).logs


def test_stage_logs(tmp_path):
    """Each run has its manifest."""
    run(Evaluation(says, config={"nside": 256}), [4], store=tmp_path / "x.db")
    with SQLiteStore(tmp_path / "x.db", readonly=True) as store:
        manifest = json.loads(store.read_runs()[0].manifest)
    assert {"command", "packages", "git", "spaces"} <= set(manifest)
    assert "256" in json.dumps(manifest["spaces"])


def test_hydra():
    """Any plain mapping is a configuration, such as OmegaConf.to_container(cfg, resolve=True) gives."""
    container = {"model": {"ps": [1.0, 0.5], "max_ell": 512}, "splits": {"name": "3-3"}}
    assert Evaluation(says, config=container).uid == Evaluation(says, config=json.loads(json.dumps(container))).uid


def test_data_loader():
    """Results can be taken one by one by whatever wants them."""
    learner = run(EV, Replicates(3, split="train"))
    items = learner.result()
    assert (len(items), items[1].shape) == (3, (16,))
