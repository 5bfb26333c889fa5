"""emdcmp's names are found where its users look for them, with only the package name changed."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest

NAMES = {
    "adaptive_calib": ["make_empirical_risk_ppf", "draw_R_samples", "Bemd"],
    "adaptive_calib.emd": ["interp1d", "make_empirical_risk_ppf", "draw_R_samples", "Bemd"],
    "adaptive_calib.path_sampling": ["generate_quantile_paths", "generate_path_hierarchical_beta", "draw_from_beta"],
    "adaptive_calib.tasks": [
        "Calibrate", "EpistemicDist", "CalibrateOutput", "CalibrateResult", "Experiment", "calib_point_dtype",
        "compute_Bemd", "compute_Bepis", "compute_Bemd_and_maybe_Bepis",
    ],
    "adaptive_calib.viz": ["CalibrationPlotElements", "calibration_bins", "calibration_hists", "calibration_plot"],
}  # fmt: skip


@pytest.mark.parametrize(("module", "name"), [(m, name) for m, names in NAMES.items() for name in names])
def test_the_name_is_there(module: str, name: str) -> None:
    """Every public name of emdcmp has its place."""
    assert getattr(import_module(module), name) is not None


def test_a_plot_from_the_familiar_place() -> None:
    """The familiar call on a familiar table gives the familiar elements."""
    from adaptive_calib.viz import calibration_plot

    rng = np.random.default_rng(1)
    table = np.empty(64, [("Bemd", float), ("Bconf", bool)])
    table["Bemd"], table["Bconf"] = rng.random(64), rng.random(64) < 0.5
    elements = calibration_plot({1.0: table}, target_bin_size=16)
    assert len(elements.experiment_idcs[1.0]) == 4
