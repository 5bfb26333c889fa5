"""Numbers of the EMD criterion: arrays in, arrays out; no files, no clocks, no displays.

`quantiles` makes quantile functions of risk samples, `beta` solves for the parameters of the beta distributions,
`process` holds the solved law and samples it, `moments` knows its exact mean and deviation, `compare` estimates the
criterion. `path_sampling` has emdcmp's names. `interp1d` is SciPy's, loaded when it is asked for.
"""

from __future__ import annotations

from typing import Any

from adaptive_calib.emd.beta import BetaSolution, solve_beta
from adaptive_calib.emd.compare import (
    Bemd,
    BemdEstimate,
    bemd_curve,
    compare_matrix,
    compare_risks,
    draw_R_samples,
    seed_for_c,
)
from adaptive_calib.emd.moments import RiskMoments, approximate_bemd, risk_moments
from adaptive_calib.emd.path_sampling import (
    draw_from_beta,
    generate_path_hierarchical_beta,
    generate_quantile_paths,
)
from adaptive_calib.emd.process import PathLaw
from adaptive_calib.emd.quantiles import (
    EmpiricalQuantileFunction,
    evaluate_ppfs,
    make_empirical_risk_ppf,
    phi_grid,
)
from adaptive_calib.emd.tree import simpson_weights

__all__ = [
    "Bemd",
    "BemdEstimate",
    "BetaSolution",
    "EmpiricalQuantileFunction",
    "PathLaw",
    "RiskMoments",
    "approximate_bemd",
    "bemd_curve",
    "compare_matrix",
    "compare_risks",
    "draw_R_samples",
    "draw_from_beta",
    "evaluate_ppfs",
    "generate_path_hierarchical_beta",
    "generate_quantile_paths",
    "interp1d",
    "make_empirical_risk_ppf",
    "phi_grid",
    "risk_moments",
    "seed_for_c",
    "simpson_weights",
    "solve_beta",
]


def __getattr__(name: str) -> Any:
    if name == "interp1d":
        from scipy.interpolate import interp1d

        return interp1d
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
