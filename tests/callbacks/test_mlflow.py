"""Real runs shown in a real MLflow, in files of this machine."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from adaptive_calib import BlockingRunner, Learner1D, SequenceLearner
from adaptive_calib.callbacks.mlflow import mlflow_run
from adaptive_calib.engine.executors import SequentialExecutor
from adaptive_calib.store import Evaluation, MlflowCallback
from tests.store.functions import square

pytestmark = pytest.mark.filterwarnings("ignore")  # of MLflow's own dependencies

EV = Evaluation(square, name="sq", version="3", config={"L": 4}, seed=7)


@pytest.fixture
def uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A tracking store in a folder."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    return f"file://{tmp_path}/mlruns"


def run_of(uri: str, callback: MlflowCallback) -> tuple[Any, Any]:
    """Return a client, and the MLflow run of a callback."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    return client, client.get_run(callback.run_id)


def test_a_run_is_there_with_parameters_metrics_and_table(uri: str, tmp_path: Path) -> None:
    """Parameters from the evaluation, metrics of the loss as it fell, the table, and the end as it was."""
    callback = MlflowCallback("calibration", 0.0, tracking_uri=uri, run_name="one", params={"note": "mine"})
    learner = Learner1D(EV, (-1, 1))
    runner = BlockingRunner(learner, npoints_goal=9, executor=SequentialExecutor(), callbacks=[callback])
    client, run = run_of(uri, callback)
    assert (run.info.status, run.info.run_name) == ("FINISHED", "one")
    assert run.data.tags["stop_reason"] == runner.stop_reason
    known = {"config.L": "4", "space": EV.uid, "learner": "Learner1D", "note": "mine", "seed": "7", "version": "3"}
    assert known.items() <= run.data.params.items()
    assert run.data.metrics["loss"] == pytest.approx(learner.loss())
    assert (run.data.metrics["npoints"], run.data.metrics["failures"], run.data.metrics["running"]) == (9, 0, 0)
    steps = [metric.step for metric in client.get_metric_history(callback.run_id, "npoints")]
    assert steps == sorted(steps)
    assert set(range(1, 10)) <= set(steps)
    assert [artifact.path for artifact in client.list_artifacts(callback.run_id)] == ["data.csv"]
    table = Path(client.download_artifacts(callback.run_id, "data.csv", str(tmp_path))).read_text()
    assert table.splitlines()[0].startswith("x,y")
    assert len(table.splitlines()) == 10


def test_each_evaluation_may_be_a_run_of_its_own(uri: str, tmp_path: Path) -> None:
    """A child with point, value and duration; what came from the store has none."""
    for new in (3, 0):
        callback = MlflowCallback("calibration", tracking_uri=uri, each_evaluation=True)
        learner = SequenceLearner(EV, [1, 2, 3])
        store = tmp_path / "s.db"
        BlockingRunner(
            learner, lambda learner: learner.done(), executor=SequentialExecutor(), callbacks=[callback], store=store
        )
        client, run = run_of(uri, callback)
        mine = f"tags.mlflow.parentRunId = '{callback.run_id}'"
        children = client.search_runs([run.info.experiment_id], mine)
        assert len(children) == new
        assert all(child.info.status == "FINISHED" for child in children)
        assert sorted(child.data.metrics["value"] for child in children) == [1.0, 4.0, 9.0][:new]


def test_a_run_that_failed_is_no_finished_one(uri: str) -> None:
    """With the number of failures and the reason."""
    callback = MlflowCallback("calibration", 0.0, tracking_uri=uri)
    learner = SequenceLearner(Evaluation(int, name="int"), ["1", "x"])
    with pytest.raises(RuntimeError):
        BlockingRunner(learner, lambda learner: learner.done(), executor=SequentialExecutor(), callbacks=[callback])
    _, run = run_of(uri, callback)
    assert run.info.status == "FAILED"
    assert run.data.metrics["failures"] == 1
    assert "ValueError" in run.data.tags["stop_reason"]


def test_a_broken_mlflow_stops_no_run(uri: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged and removed."""
    callback = MlflowCallback("calibration", 0.0, tracking_uri=uri)

    def breaking(x: float) -> float:
        for path in (tmp_path / "mlruns").rglob("meta.yaml"):
            path.write_text("[")
        return x

    learner = SequenceLearner(Evaluation(breaking, name="b"), [1, 2])
    BlockingRunner(learner, lambda learner: learner.done(), executor=SequentialExecutor(), callbacks=[callback])
    assert learner.npoints == 2
    assert "is removed" in caplog.text


@pytest.mark.parametrize("every", [-1.0, float("nan")])
def test_wrong_intervals_are_refused(every: float) -> None:
    """At construction."""
    with pytest.raises(ValueError, match="seconds >= 0"):
        MlflowCallback("calibration", every)


@dataclass(frozen=True)
class Task:
    n: int
    rate: float = 0.5


def fitted(task: Task, *, ctx: Any) -> dict[str, Any]:
    """Return numbers and something else."""
    import mlflow

    if mlflow.active_run() is not None:
        mlflow.log_metric("inside", task.n)
    if task.n < 0:
        raise ValueError("negative")
    return {"loss": task.n * task.rate, "inner": {"steps": 3}, "name": "x", "nan": float("nan")}


def found(uri: str, experiment: str) -> list[Any]:
    """Return the runs of an experiment."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    return list(client.search_runs([client.get_experiment_by_name(experiment).experiment_id]))


def test_points_and_results_are_shown_field_by_field(uri: str) -> None:
    """Of children of a callback: the fields of a dataclass, the numbers of a mapping, the name of the function."""
    callback = MlflowCallback("calibration", tracking_uri=uri, each_evaluation=True)
    learner = SequenceLearner(Evaluation(fitted, name="fitted"), [Task(3)])
    BlockingRunner(learner, executor=SequentialExecutor(), callbacks=[callback])
    (child,) = (run for run in found(uri, "calibration") if "mlflow.parentRunId" in run.data.tags)
    assert child.data.params == {"n": "3", "rate": "0.5"}
    assert {"loss": 1.5, "inner.steps": 3.0}.items() <= child.data.metrics.items()
    assert child.data.tags["function"] == "fitted"


@pytest.mark.parametrize("executor", [SequentialExecutor, lambda: ProcessPoolExecutor(1, get_context("spawn"))])
def test_an_evaluation_may_log_into_its_own_run_wherever_it_is(uri: str, tmp_path: Path, executor: Any) -> None:
    """In this process or another; a point from the store has no run; the identity is that of the function."""
    tracked = mlflow_run(fitted, experiment="fits", tracking_uri=uri)
    plain, wrapped = (Evaluation(f, name="fitted", config={"L": 4}) for f in (fitted, tracked))
    assert plain.uid == wrapped.uid
    assert plain.current_code() == wrapped.current_code()
    learner = SequenceLearner(wrapped, [Task(2), Task(-1)])
    BlockingRunner(learner, executor=executor(), store=tmp_path / "s.db", on_error="continue", ntasks=1)
    learner = SequenceLearner(wrapped, [Task(2), Task(-1)])
    BlockingRunner(learner, executor=SequentialExecutor(), store=tmp_path / "s.db", on_error="continue")
    good, bad = sorted(found(uri, "fits"), key=lambda run: run.info.status, reverse=True)
    assert (good.info.status, bad.info.status) == ("FINISHED", "FAILED")
    assert good.data.params == {"n": "2", "rate": "0.5", "config.L": "4"}
    assert good.data.metrics == {"inside": 2.0, "loss": 1.0, "inner.steps": 3.0}
    assert good.data.tags["function"].endswith(".fitted")
    assert bad.data.metrics == {"inside": -1.0}


def test_coroutines_have_no_run_of_their_own() -> None:
    """Many of them share a thread, which has one active run."""

    async def f(x: float) -> float:
        return x

    with pytest.raises(TypeError, match="plain function"):
        mlflow_run(f, experiment="fits")
    assert mlflow_run(experiment="fits")(square).__name__ == "square"
