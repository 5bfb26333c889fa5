"""emdcmp's familiar call: curves and areas as parts to put together."""

import holoviews as hv
import numpy as np

from adaptive_calib.calibration import calib_point_dtype
from adaptive_calib.view import calibration_plot

hv.extension("matplotlib")

rng = np.random.default_rng(0)
evidence = 2 * rng.normal(size=1024)
won = rng.uniform(size=1024) < 1 / (1 + np.exp(-evidence))

results = {}
for log2c, boldness in ((-4, 2.5), (0, 1.0), (2, 0.5)):
    results[2.0**log2c] = np.empty(1024, calib_point_dtype)
    results[2.0**log2c]["Bemd"] = 1 / (1 + np.exp(-boldness * evidence))
    results[2.0**log2c]["Bepis"] = won

plot = calibration_plot(results, target_bin_size=64)
picture = plot.prohibited_areas * plot.discouraged_areas * plot.overlayed_lines * plot.overlayed_scatters
hv.save(picture.opts(aspect=1, fig_inches=5, legend_position="right"), "calibration_plot.png", dpi=90)
