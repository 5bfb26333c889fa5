"""The package's face: familiar names, and an import that sets nothing up."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import adaptive_calib

#: The public names of python-adaptive 1.5.2, and of emdcmp 1.1.1 where they have a place at the top.
FAMILIAR = [
    "AsyncRunner",
    "AverageLearner",
    "AverageLearner1D",
    "BalancingLearner",
    "BaseLearner",
    "Bemd",
    "BlockingRunner",
    "Calibrate",
    "DataSaver",
    "EpistemicDist",
    "Experiment",
    "IntegratorLearner",
    "Learner1D",
    "Learner2D",
    "LearnerND",
    "Runner",
    "SequenceLearner",
    "__version__",
    "active_plotting_tasks",
    "draw_R_samples",
    "learner",
    "live_plot",
    "make_datasaver",
    "make_empirical_risk_ppf",
    "notebook_extension",
    "runner",
    "utils",
]


@pytest.mark.parametrize("name", FAMILIAR)
def test_familiar_names(name: str) -> None:
    """Every name that users know from the peers is there, and says that it is public."""
    assert hasattr(adaptive_calib, name)
    assert name in adaptive_calib.__all__


def test_the_picture_of_the_layers_is_that_of_the_contract() -> None:
    """Each package has its row, in the order of the contract that is checked."""
    root = Path(__file__).parents[1]
    contract = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]["layers"]
    names = [name.rpartition(".")[2] for row in contract for name in row.split(" | ")]
    drawn = re.findall(r'font-weight="bold">(\w+)</text>', (root / "docs/images/layers.svg").read_text())
    assert drawn == [name for name in names if name in drawn]
    assert {name for name in names if (root / "adaptive_calib" / name).is_dir()} <= set(drawn)


#: What may not be loaded by an import of the package, or of what a worker process imports of it.
HEAVY = ["pandas", "holoviews", "bokeh", "matplotlib", "dask", "distributed", "loky", "IPython", "ipywidgets", "uvloop"]


@pytest.mark.parametrize("module", ["adaptive_calib", "adaptive_calib.runner", "adaptive_calib.calibration"])
def test_an_import_loads_no_display_and_no_cluster(module: str) -> None:
    """Importing loads none of the heavy libraries; the package alone does not even load NumPy."""
    heavy = [*HEAVY, "numpy"] if module == "adaptive_calib" else HEAVY
    code = f"import sys, {module}; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("module", ["adaptive_calib.runner", "adaptive_calib.learner.sequence_learner"])
def test_a_worker_loads_what_its_function_needs(module: str) -> None:
    """Neither what other learners use, nor calibrations: each worker that starts would wait for them."""
    others = ["scipy", "adaptive_calib.calibration", "adaptive_calib.learner.learner1D"]
    code = f"import sys, {module}; print([name for name in {others} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_unknown_names() -> None:
    """A name that is not there is an AttributeError, as of any module; dir() knows the public ones."""
    with pytest.raises(AttributeError, match="no attribute 'learner3D'"):
        _ = adaptive_calib.learner3D
    assert set(adaptive_calib.__all__) <= set(dir(adaptive_calib))


def test_every_public_name_exists() -> None:
    """What __all__ promises is there."""
    for name in adaptive_calib.__all__:
        assert getattr(adaptive_calib, name) is not None
