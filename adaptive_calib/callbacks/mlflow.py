"""A run shown in MLflow: parameters at its start, metrics while it goes, the table of its data at its end.

In the main process, through an `MlflowClient` with an explicit run id: workers know nothing of it, and no global
"active run" is touched. It is a callback: if MLflow fails, the run goes on without it.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adaptive_calib.store.identity.evaluation import Evaluation

__all__ = ["MlflowCallback"]

#: What MLflow takes for the value of a parameter.
_LONGEST = 500
#: How MLflow calls the end of a run.
_STATUS = {"failed": "FAILED", "cancelled": "KILLED"}


class MlflowCallback:
    """Give it to a runner: ``BlockingRunner(learner, ..., callbacks=[MlflowCallback("calibration")])``.

    Parameters
    ----------
    experiment : str
        Name of the MLflow experiment; made if it is not there.
    every : float
        Seconds of the run between two writings of the metrics ``loss, npoints, failures, running``.
    tracking_uri : str, optional
        For instance ``"sqlite:///mlflow.db"``; default as MLflow is configured.
    run_name : str, optional
        Name of the MLflow run.
    params : mapping, optional
        More parameters; the configuration of the learner's `Evaluation` is there by itself.
    each_evaluation : bool
        Whether each evaluation is a child run of its own, with point, value (if it is a number) and duration.

    Attributes
    ----------
    run_id : str or None
        Of the MLflow run, once it has begun.

    Raises
    ------
    ImportError
        If mlflow is not installed.

    Examples
    --------
    >>> from adaptive_calib import BlockingRunner
    >>> from adaptive_calib.store import MlflowCallback
    >>> def watched(learner):
    ...     callback = MlflowCallback("calibration", every=60, tracking_uri="sqlite:///mlflow.db")
    ...     return BlockingRunner(learner, loss_goal=0.01, callbacks=[callback])
    """

    def __init__(
        self,
        experiment: str,
        every: float = 30.0,
        *,
        tracking_uri: str | None = None,
        run_name: str | None = None,
        params: Mapping[str, Any] | None = None,
        each_evaluation: bool = False,
    ) -> None:
        if not every >= 0:
            raise ValueError(f"`every` should be a number of seconds >= 0, but is {every!r}.")
        try:
            from mlflow.tracking import MlflowClient
        except ImportError as error:
            raise ImportError("MlflowCallback needs mlflow: pip install adaptive_calib[mlflow]") from error
        self.experiment = experiment
        self.every = every
        self.run_id: str | None = None
        self._client = MlflowClient(tracking_uri=tracking_uri)
        self._run_name = run_name
        self._params = dict(params or {})
        self._each = each_evaluation
        self._experiment_id = ""
        self._written = -math.inf
        self._epoch = 0.0

    def on_start(self, event: Any, progress: Any) -> None:
        """Make the run and write its parameters."""
        found = self._client.get_experiment_by_name(self.experiment)
        made = self._client.create_experiment(self.experiment) if found is None else found.experiment_id
        self._experiment_id = str(made)
        tags = {"mlflow.runName": self._run_name} if self._run_name else {}
        run = self._client.create_run(self._experiment_id, start_time=_ms(progress.epoch), tags=tags)
        self.run_id = run.info.run_id
        self._epoch = progress.epoch
        for name, value in {**_parameters(progress.learner), **self._params}.items():
            self._client.log_param(self.run_id, _name(name), f"{value}"[:_LONGEST])
        self._metrics(event.time, progress)

    def on_tell(self, event: Any, progress: Any) -> None:
        """Write the metrics if it is time, and the evaluation if each is wanted."""
        if event.time - self._written >= self.every:
            self._metrics(event.time, progress)
        if self._each and not event.stored:
            self._child(event)

    def on_fail(self, event: Any, progress: Any) -> None:
        """Write the metrics if it is time."""
        if event.time - self._written >= self.every:
            self._metrics(event.time, progress)

    def on_stop(self, event: Any, progress: Any) -> None:
        """Write the last metrics, why the run stopped and the table, and end the run."""
        if self.run_id is None:
            return
        self._metrics(event.time, progress)
        self._client.set_tag(self.run_id, "stop_reason", f"{progress.stop_reason}"[:_LONGEST])
        self._table(progress.learner)
        status = _STATUS.get(progress.status, "FINISHED")
        self._client.set_terminated(self.run_id, status, end_time=_ms(self._epoch + event.time))

    def _metrics(self, seconds: float, progress: Any) -> None:
        if self.run_id is None:
            return
        self._written = seconds
        values = {"npoints": progress.npoints, "failures": progress.failures, "running": progress.running}
        loss = progress.loss
        if math.isfinite(loss):
            values["loss"] = loss
        for name, value in values.items():
            stamp = _ms(progress.epoch + seconds)
            self._client.log_metric(self.run_id, name, float(value), timestamp=stamp, step=progress.npoints)

    def _child(self, event: Any) -> None:
        started = self._epoch + event.time
        tags = {"mlflow.parentRunId": self.run_id}
        child = self._client.create_run(self._experiment_id, start_time=_ms(started - event.seconds), tags=tags)
        self._client.log_param(child.info.run_id, "point", f"{event.point!r}"[:_LONGEST])
        self._client.log_metric(child.info.run_id, "seconds", event.seconds)
        if isinstance(event.value, (int, float)) and math.isfinite(event.value):
            self._client.log_metric(child.info.run_id, "value", float(event.value))
        self._client.set_terminated(child.info.run_id, "FINISHED", end_time=_ms(started))

    def _table(self, learner: Any) -> None:
        with tempfile.TemporaryDirectory(prefix="adaptive_calib-") as folder:
            path = Path(folder) / "data.csv"
            try:
                learner.to_dataframe().to_csv(path, index=False)
            except (NotImplementedError, ImportError):  # a learner without a table, or no pandas: metrics are enough
                return
            self._client.log_artifact(self.run_id, str(path))


def _ms(seconds: float) -> int:
    return int(seconds * 1000)


def _name(name: str) -> str:
    return "".join(c if c.isalnum() or c in "_-. /" else "_" for c in name)[:250]


def _parameters(learner: Any) -> dict[str, Any]:
    function = getattr(learner, "original_function", None) or getattr(learner, "function", None)
    found: dict[str, Any] = {"learner": type(learner).__name__}
    if not isinstance(function, Evaluation):
        return {**found, "function": getattr(function, "__qualname__", type(function).__name__)}
    found.update(function=function.name, version=function.version, seed=function.seed, space=function.uid)
    return {**found, **{f"config.{name}": value for name, value in function.config_items.items()}}
