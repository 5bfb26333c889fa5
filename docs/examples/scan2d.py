"""Where classical radiation ends: how sure the EMD criterion is of Planck's law, over wavelength and temperature.

At every point of the plane both laws are fitted to data with an error of 5 %, and B_EMD says how sure the criterion is
that Planck's law is better. `Learner2D` looks for points where this surface bends: along the border, and hardly any in
the plains where B_EMD is 1/2 (the classical law is as good) or 1.

What it shows: the border is a line λ T = const, as it should be, since the shapes of the laws differ by x = h c/(λ k T)
only. The slope is fitted to where the interpolated surface crosses 3/4 and printed; so is x there.

Less than a minute on two cores. After an interrupt the same command continues.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import command
import numpy as np
from numpy.typing import NDArray
from scan2d_confidence import SECOND_RADIATION_CONSTANT, PlanckConfidence

from adaptive_calib import BlockingRunner, Learner2D

__all__ = ["border", "learner", "main"]

Array = NDArray[np.float64]

#: log10 of wavelengths (µm) and of temperatures (K).
BOUNDS = [(0.0, 2.5), (2.5, 3.8)]
BORDER = 0.75


def learner(function: PlanckConfidence | None = None) -> Learner2D:
    """Return the learner of the example."""
    return Learner2D(function or PlanckConfidence(), bounds=BOUNDS)


def border(one: Learner2D, level: float = BORDER) -> tuple[Array, Array]:
    """Return where the interpolated surface falls through `level` as λ grows: log10 λ and log10 T, both shape (n,)."""
    xs, ys, zs = one.interpolated_on_grid(201)
    crossings = []
    for y, row in zip(ys, zs.T, strict=True):
        falls = np.flatnonzero((row[:-1] > level) & (row[1:] <= level))
        if len(falls) == 1:
            k = int(falls[0])
            share = (row[k] - level) / (row[k] - row[k + 1])
            crossings.append((xs[k] + share * (xs[k + 1] - xs[k]), y))
    found = np.array(crossings, float).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def _report(one: Learner2D) -> None:
    value = one.interpolator(scaled=False)
    wavelengths, temperatures = np.linspace(*BOUNDS[0], 6), np.linspace(*BOUNDS[1], 5)
    print("B_EMD of Planck's law\n   T (K) \\ λ (µm)" + "".join(f"{10**x:8.3g}" for x in wavelengths))
    for y in temperatures[::-1]:
        row = "".join(f"{float(np.squeeze(value(x, y))):8.2f}" for x in wavelengths)
        print(f"{10**y:17.4g}{row}")
    log_wavelength, log_T = border(one)
    if len(log_T) < 3:
        print("\nToo few points to see the border.")
        return
    slope, _ = np.polyfit(log_wavelength, log_T, 1)
    x = SECOND_RADIATION_CONSTANT / 10 ** (log_wavelength + log_T)
    print(f"\nThe border B_EMD = {BORDER} has the slope {slope:.2f} in the logarithms (-1 means λ T = const),")
    print(f"at h c/(λ k T) = {np.median(x):.2f}; nine tenths of it lie between {_ends(x)}.")


def _ends(x: Array) -> str:
    low, high = np.quantile(x, [0.05, 0.95])
    return f"{low:.2f} and {high:.2f}"


def save_picture(one: Learner2D, path: Path) -> None:
    """Draw the surface, the points and the border into a PNG file, where Matplotlib is installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("No picture: Matplotlib is missing (pip install 'adaptive_calib[notebook]').")
        return
    xs, ys, zs = one.interpolated_on_grid(201)
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    axes = figure.subplots()
    mesh = axes.pcolormesh(10**xs, 10**ys, zs.T, cmap="viridis", shading="gouraud", vmin=0.5, vmax=1)
    points = 10 ** np.array(list(one.data), float)
    axes.plot(*points.T, ".", color="white", markersize=3, markeredgewidth=0, label=f"{len(points)} points")
    log_wavelength, log_T = border(one)
    axes.plot(10**log_wavelength, 10**log_T, color="tab:red", label=f"B_EMD = {BORDER}")
    axes.set(xscale="log", yscale="log", xlabel="shortest wavelength λ (µm)", ylabel="temperature T (K)")
    axes.legend(loc="lower left", facecolor="lightgray")
    figure.colorbar(mesh, label="B_EMD of Planck's law")
    figure.savefig(path, dpi=110)
    print(f"wrote {path}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the example; return the exit status: 0, or 130 after Ctrl-C."""
    parser = command.parser("scan2d", __doc__, "scan2d")
    parser.add_argument(
        "--points", type=int, default=200, metavar="N", help="points in the plane (default: %(default)s)"
    )
    parser.add_argument("--replicates", type=int, default=12, help="data sets at a point (default: %(default)s)")
    options = parser.parse_args(argv)
    options.output.mkdir(parents=True, exist_ok=True)
    store = options.store or options.output / "results.db"
    one = learner(PlanckConfidence(replicates=options.replicates))
    started = time.perf_counter()
    runner = BlockingRunner(
        one,
        npoints_goal=options.points,
        executor=command.executor(options.workers),
        store=store,
        progress=True,
    )
    seconds = time.perf_counter() - started
    print(f"\n{runner.progress.told} points evaluated in {seconds:.0f} s, {runner.progress.loaded} from {store}.\n")
    if runner.status() == "cancelled":
        print("Interrupted; all finished results are kept. Repeat the command to continue.")
        return 130
    _report(one)
    save_picture(one, options.output / "scan.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
