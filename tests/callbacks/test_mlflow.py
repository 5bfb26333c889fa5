"""Real runs shown in a real MLflow, in files of this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adaptive_calib import BlockingRunner, Learner1D, SequenceLearner
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
