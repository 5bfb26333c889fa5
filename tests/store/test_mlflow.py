"""A run in a real MLflow, in files of this machine."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from adaptive_calib.engine.observers import PointFailed, RunStarted, RunStopped, Told
from adaptive_calib.store import Evaluation, MlflowCallback
from tests.store.functions import square

pytestmark = pytest.mark.slow

EV = Evaluation(square, name="sq", version="3", config={"L": 4}, seed=7)


class Data:
    """A learner with a table, as far as a callback looks at it."""

    function = EV

    def to_dataframe(self) -> Any:
        """Return a table."""
        import pandas as pd

        return pd.DataFrame({"x": [0.5], "y": [0.25]})


def progress(npoints: int = 0, failures: int = 0, loss: float = math.inf) -> Any:
    """Return what a callback reads of the progress."""
    return SimpleNamespace(
        npoints=npoints, failures=failures, running=2, loss=loss, epoch=1_700_000_000.0, learner=Data()
    )


@pytest.mark.filterwarnings("ignore")  # of MLflow's own dependencies
def test_parameters_metrics_and_table_are_there(tmp_path: Path, monkeypatch: Any) -> None:
    """One run per run, its metrics as often as asked for, its table at the end; evaluations as children."""
    tracking = pytest.importorskip("mlflow.tracking")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    uri = f"file://{tmp_path}/mlruns"
    callback = MlflowCallback("calibration", 10, tracking_uri=uri, run_name="one", each_evaluation=True)
    callback.on_start(RunStarted(0.0, 0, 2), progress())
    for second in range(1, 26):
        callback.on_tell(Told(float(second), 0.1 * second, 2.0, 0.5, False), progress(second, loss=1 / second))
    callback.on_fail(PointFailed(40.0, 0.9, ValueError("no"), ""), progress(25, 1, 0.5))
    callback.on_stop(RunStopped(41.0, progress()), progress(26, 1, 0.25))

    client = tracking.MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("calibration")
    runs = client.search_runs([experiment.experiment_id])
    (main,) = [run for run in runs if run.info.run_id == callback.run_id]
    assert len(runs) == 26
    assert main.info.status == "FINISHED"
    assert main.data.params["config.L"] == "4"
    assert main.data.params["space"] == EV.uid
    assert main.data.metrics == {"loss": 0.25, "npoints": 26.0, "failures": 1.0, "running": 2.0}
    assert [m.step for m in client.get_metric_history(callback.run_id, "npoints")] == [0, 10, 20, 25, 26]
    assert [m.value for m in client.get_metric_history(callback.run_id, "loss")][:1] == [0.1]
    assert [a.path for a in client.list_artifacts(callback.run_id)] == ["data.csv"]
