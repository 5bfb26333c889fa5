"""Public names whose docstring is not complete yet; only to be shortened. See `test_doctests`."""

from __future__ import annotations

#: No Examples section with code that runs.
WITHOUT_EXAMPLE = frozenset(
    {
        "adaptive_calib.engine.dask_cluster.DaskCluster",
        "adaptive_calib.engine.drivers.signals",
        "adaptive_calib.notebook.ensure_plotly",
        "adaptive_calib.store.MlflowCallback",
        "adaptive_calib.utils.daskify",
        "adaptive_calib.view.calibration_progress.interval_in_brief",
    }
)

#: An argument is not named in the docstring.
WITHOUT_SECTIONS = frozenset(
    {
        "adaptive_calib.engine.worker.Report",
        "adaptive_calib.learner.learner2D.thresholded_loss_function",
        "adaptive_calib.runner.AsyncRunner",
        "adaptive_calib.runner.BlockingRunner",
        "adaptive_calib.runner.preflight",
        "adaptive_calib.store.Context",
    }
)
