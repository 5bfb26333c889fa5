"""Runs and evaluations shown in MLflow.

`MlflowCallback` shows a run: parameters at its start, metrics while it goes, the table of its data at its end. It works
in the main process, through an `MlflowClient` with an explicit run id, and touches no global "active run"; if MLflow
fails, the run goes on without it. `mlflow_run` makes a function whose evaluations are MLflow runs of their own, in the
process that evaluates them, so that ``mlflow.log_metric`` and its like inside the function go to them.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from adaptive_calib._words import name_of
from adaptive_calib.learner.coroutines import is_coroutine_function
from adaptive_calib.store.errors import NotCanonicalError
from adaptive_calib.store.identity.evaluation import Evaluation
from adaptive_calib.store.point_map import PointMap, point_map

__all__ = ["MlflowCallback", "mlflow_run"]

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
        Whether each evaluation is a child run of its own: the fields of its point as parameters, the numbers of its
        result and its duration as metrics, the name of the function as a tag.

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
        self._experiment_id = self._function = ""
        self._points: PointMap | None = None
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
        parameters = _parameters(progress.learner)
        self._function = str(parameters.get("function", ""))
        with suppress(TypeError, ValueError, AttributeError, NotCanonicalError):  # a function without an identity
            self._points = point_map(progress.learner)
        for name, value in {**parameters, **self._params}.items():
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
        if self._function:
            tags["function"] = self._function
        child = self._client.create_run(self._experiment_id, start_time=_ms(started - event.seconds), tags=tags)
        point = event.point if self._points is None else self._points.locate(event.point)[1]
        for name, text in _fields(point).items():
            self._client.log_param(child.info.run_id, name, text)
        for name, number in {"seconds": event.seconds, **_numbers(event.value)}.items():
            self._client.log_metric(child.info.run_id, name, number)
        self._client.set_terminated(child.info.run_id, "FINISHED", end_time=_ms(started))

    def _table(self, learner: Any) -> None:
        with tempfile.TemporaryDirectory(prefix="adaptive_calib-") as folder:
            path = Path(folder) / "data.csv"
            try:
                learner.to_dataframe().to_csv(path, index=False)
            except (NotImplementedError, ImportError):  # a learner without a table, or no pandas: metrics are enough
                return
            self._client.log_artifact(self.run_id, str(path))


class _Tracked:
    """A function whose calls are MLflow runs; its identity in a store is that of the function inside."""

    def __init__(self, function: Callable[..., Any], experiment: str, tracking_uri: str | None) -> None:
        functools.update_wrapper(self, function)
        self.__wrapped__ = function
        self._experiment = experiment
        self._tracking_uri = tracking_uri

    def __call__(self, point: Any, **keywords: Any) -> Any:
        import mlflow

        if self._tracking_uri is not None:
            mlflow.set_tracking_uri(self._tracking_uri)
        experiment = mlflow.set_experiment(self._experiment)
        name = f"{self.__wrapped__.__module__}.{self.__wrapped__.__qualname__}"
        config = getattr(keywords.get("ctx"), "config", None)
        with mlflow.start_run(experiment_id=experiment.experiment_id, tags={"function": name}, nested=True):
            mlflow.log_params({**_fields(point), **({} if config is None else _fields(config, "config"))})
            value = self.__wrapped__(point, **keywords)
            mlflow.log_metrics(_numbers(value))
        return value


def mlflow_run(function: Callable[..., Any] | None = None, *, experiment: str, tracking_uri: str | None = None) -> Any:
    """Make each evaluation of a function an MLflow run of its own, in the process that evaluates it.

    The run has the fields of the point (and of ``ctx.config``) as parameters, the numbers of the result as metrics, and
    the name of the function as the tag ``function``. Whatever the function logs with ``mlflow.log_metric``,
    ``mlflow.log_artifact`` and so on goes to that run. If the function raises, the run has the status FAILED. Points
    that are found in a store are not evaluated, and have no run.

    Parameters
    ----------
    function : callable
        ``f(point)``, with ``rng`` and ``ctx`` as for `Evaluation`. Without it, a decorator is returned.
    experiment : str
        Name of the MLflow experiment; made if it is not there.
    tracking_uri : str, optional
        The same place for all workers, for instance the address of a server; default as MLflow is configured there.

    Returns
    -------
    callable
        The function, with the same identity in a store.

    Raises
    ------
    TypeError
        For a coroutine function: many of these run in one thread, which has one active MLflow run.

    Examples
    --------
    >>> from adaptive_calib.callbacks.mlflow import mlflow_run
    >>> @mlflow_run(experiment="fits")
    ... def fit(task):
    ...     return {"loss": 0.5}
    """
    if function is None:
        return functools.partial(mlflow_run, experiment=experiment, tracking_uri=tracking_uri)
    if is_coroutine_function(function):
        raise TypeError(
            "`function` should be a plain function; use MlflowCallback(each_evaluation=True) for coroutines."
        )
    return _Tracked(function, experiment, tracking_uri)


def _fields(value: Any, path: str = "point") -> dict[str, str]:
    """Return the fields of a point or configuration under dotted names, as texts for MLflow; all as one if none."""
    if isinstance(value, Mapping):
        parts = {str(key): content for key, content in value.items()}
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = {field.name: getattr(value, field.name) for field in dataclasses.fields(value) if field.repr}
    elif hasattr(type(value), "model_fields"):  # pydantic
        parts = {name: getattr(value, name) for name in type(value).model_fields}
    elif hasattr(value, "_asdict"):  # a named tuple
        parts = value._asdict()
    elif isinstance(value, tuple):
        parts = {f"{number}": content for number, content in enumerate(value)}
    else:
        return {_name(path): f"{value}"[:_LONGEST] if isinstance(value, str) else f"{value!r}"[:_LONGEST]}
    found: dict[str, str] = {}
    for name, content in parts.items():
        found.update(_fields(content, f"{path}.{name}" if path != "point" else name))
    return found


def _numbers(value: Any, path: str = "") -> dict[str, float]:
    """Return the finite numbers in a result under dotted names; a result that is a number is ``value``."""
    if isinstance(value, Mapping):
        found: dict[str, float] = {}
        for key, content in value.items():
            found.update(_numbers(content, f"{path}.{key}" if path else str(key)))
        return found
    if isinstance(value, (int, float, np.integer, np.floating)) and math.isfinite(value):
        return {_name(path or "value"): float(value)}
    return {}


def _ms(seconds: float) -> int:
    return int(seconds * 1000)


def _name(name: str) -> str:
    return "".join(c if c.isalnum() or c in "_-. /" else "_" for c in name)[:250]


def _parameters(learner: Any) -> dict[str, Any]:
    function = getattr(learner, "original_function", None) or getattr(learner, "function", None)
    found: dict[str, Any] = {"learner": type(learner).__name__}
    if not isinstance(function, Evaluation):
        return {**found, "function": name_of(function)}
    found.update(function=function.name, version=function.version, seed=function.seed, space=function.uid)
    return {**found, **{f"config.{name}": value for name, value in function.config_items.items()}}
