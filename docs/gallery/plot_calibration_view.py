"""All panels of a calibration, from any table of B_EMD and B_epis."""

import numpy as np

from adaptive_calib.calibration import calib_point_dtype
from adaptive_calib.view import CalibrationView

rng = np.random.default_rng(0)
evidence = 2 * rng.normal(size=512)  # log odds that are true: A wins with probability 1 / (1 + exp(-evidence))
won = rng.uniform(size=512) < 1 / (1 + np.exp(-evidence))

results = {}
for log2c, boldness in ((-4, 2.5), (-2, 1.4), (0, 1.0), (2, 0.5)):
    results[2.0**log2c] = np.empty(512, calib_point_dtype)
    results[2.0**log2c]["Bemd"] = 1 / (1 + np.exp(-boldness * evidence))
    results[2.0**log2c]["Bepis"] = won

CalibrationView(results).save_png("calibration_view.png", dpi=75)
