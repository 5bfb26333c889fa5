"""How B_EMD depends on the size of the data sets: ``python -m tests.benchmarks.data_sizes``.

Prints a table in Markdown: spread of B_EMD and slope, for the first experiments of the bias sweep.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor

from adaptive_calib.calibration import DataSizeStudy, SequentialLabel
from adaptive_calib.examples.blackbody.distributions import BiasSweep

C_LIST = (2.0**-6, 2.0**-3, 1.0, 8.0)
SIZES = (64, 256, 1024, 4096)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiments", type=int, default=128)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    n = options.experiments
    study = DataSizeStudy(BiasSweep(n), n, c_list=C_LIST, labels=SequentialLabel(12288))
    print("| Ldata | spread at 2⁻⁶, 2⁻³, 1, 2³ | slope at 2⁻⁶, 2⁻³, 1, 2³ |\n|---|---|---|")
    with ProcessPoolExecutor(options.workers) as pool:
        for answer in pool.map(study, SIZES):
            spread = " ".join(f"{value:.3f}".lstrip("0") for value in answer["spread"])
            slope = " ".join(f"{value:.2f}" for value in answer["slope"])
            print(f"| {answer['Ldata']} | {spread} | {slope} |", flush=True)


if __name__ == "__main__":
    main()
