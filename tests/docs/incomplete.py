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
        "adaptive_calib.emd.RiskMoments",
        "adaptive_calib.emd.generate_path_hierarchical_beta",
        "adaptive_calib.engine.archive.Preloaded",
        "adaptive_calib.engine.archive.Stored",
        "adaptive_calib.engine.events.Broke",
        "adaptive_calib.engine.events.Cancelled",
        "adaptive_calib.engine.events.Crashed",
        "adaptive_calib.engine.events.Dropped",
        "adaptive_calib.engine.events.Failed",
        "adaptive_calib.engine.events.Finished",
        "adaptive_calib.engine.events.Loaded",
        "adaptive_calib.engine.events.Resized",
        "adaptive_calib.engine.machine.Attempt",
        "adaptive_calib.engine.observers.PointFailed",
        "adaptive_calib.engine.observers.RunStarted",
        "adaptive_calib.engine.observers.RunStopped",
        "adaptive_calib.engine.observers.Told",
        "adaptive_calib.engine.observers.notify",
        "adaptive_calib.engine.worker.Report",
        "adaptive_calib.engine.worker.pack",
        "adaptive_calib.learner.learner2D.thresholded_loss_function",
        "adaptive_calib.runner.AsyncRunner",
        "adaptive_calib.runner.BlockingRunner",
        "adaptive_calib.runner.preflight",
        "adaptive_calib.store.Context",
        "adaptive_calib.store.Replicate",
    }
)
