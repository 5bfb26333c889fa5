"""The examples other than the main job, in small; their full size is slow."""

from __future__ import annotations

import builtins
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import cluster
import command
import neuron
import numpy as np
import pytest
import regression
import scan2d
from neuron_models import DURATION, Membrane, Neurons, Recording, fit, response
from regression_candidates import Functions, Truth
from scan2d_confidence import PlanckConfidence

from adaptive_calib.view.calibration import CalibrationView

FOLDER = Path("docs", "examples")
NAMES = ("neuron", "regression", "scan2d", "cluster", "blackbody", "bias_sweep")


def command_of(name: str) -> str:
    """How a user runs an example, after ``python``."""
    return f"-m adaptive_calib.examples.{name}" if name == "blackbody" else (FOLDER / f"{name}.py").as_posix()


def evaluated(text: str) -> tuple[int, int]:
    """How many points an example says that it evaluated and found."""
    found = re.search(r"^(\d+) (?:points|experiments) evaluated in .* s, (\d+) from", text, re.MULTILINE)
    assert found, text
    return int(found[1]), int(found[2])


@pytest.fixture
def _no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing is tested with the view, and takes longer than a small run."""
    monkeypatch.setattr(CalibrationView, "save_png", lambda view, path: None)


# ------------------------------------------------------------------ neuron


def test_a_spike_and_its_recovery() -> None:
    """Both membranes fire after the pulse, fall below rest and come back towards it."""
    for form in ("Nagumo", "McKean"):
        v = response({form: 1.0}, g=2.2, a=0.25, eps=0.025)  # type: ignore[dict-item]  # both are forms
        assert v[0] == 0
        assert 1.0 < v.max() < 1.5
        assert v.argmax() < 80, "it fires in the pulse"
        assert v.min() < -0.15
        assert abs(v[-1]) < 0.4


def test_the_fit_finds_the_parameters() -> None:
    """From 4000 points with little noise, a candidate that is the truth has its parameters and its noise."""
    truth = Membrane(share=0.0, g=2.0, a=0.22, eps=0.02, noise=0.03, entropy=1, index=0)
    seed = np.random.SeedSequence(3)
    found = fit("Nagumo", truth.record(4000, seed), seed)
    np.testing.assert_allclose([found.g, found.a, found.eps], [2.0, 0.22, 0.02], rtol=0.02)
    assert found.sigma == pytest.approx(0.03, rel=0.03)


def test_blocks_of_recordings_repeat_and_differ() -> None:
    """The same range is the same recording; another is independent; times fill the recording."""
    block = Neurons(3)[2].data_block
    first, again, next_ = block(0, 300), block(0, 300), block(300, 600)
    np.testing.assert_array_equal(first.potential, again.potential)
    assert not np.intersect1d(first.time, next_.time).size
    assert isinstance(first, Recording)
    assert first.time.min() >= 0
    assert first.time.max() <= DURATION


@pytest.mark.usefixtures("_no_picture")
def test_neuron(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The example prints a table; a second run evaluates nothing and prints the same one."""
    arguments = ["--experiments", "3", "--workers", "0", "--output", str(tmp_path)]
    tables = []
    for loaded in (False, True):
        assert neuron.main(arguments) == 0
        out = capsys.readouterr().out
        assert (evaluated(out)[0] == 0) == loaded
        tables.append(out[out.index("log2 c") :])
    assert tables[0] == tables[1]


# ------------------------------------------------------------------ regression


def test_the_share_of_steps() -> None:
    """λ = 0 is smooth, λ = 1 takes few values; both have about the same size."""
    x = np.random.default_rng(0).uniform(-1, 1, (2000, 3))
    smooth, steps = (Truth(share, 0.0, 0, 7).function(x) for share in (0.0, 1.0))
    assert len(np.unique(steps.round(9))) <= 7
    assert len(np.unique(smooth)) == 2000
    assert 0.4 < smooth.std() < 1.5
    assert 0.4 < steps.std() < 1.5


def test_sigma_is_that_of_new_data() -> None:
    """The error of a candidate on data it never saw is its σ, to a fifth."""
    experiment = Functions(4)[1]
    new = experiment.data_block(0, 2000)
    for candidate in (experiment.candidateA, experiment.candidateB):
        error = np.sqrt(np.mean((new.y - candidate.model.predict(new.x)) ** 2))
        assert candidate.sigma == pytest.approx(error, rel=0.2)


@pytest.mark.usefixtures("_no_picture")
def test_regression(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The example prints which model is better where, and continues from its store."""
    common = ["--workers", "0", "--output", str(tmp_path)]
    assert regression.main(["--experiments", "3", *common]) == 0
    first, _ = evaluated(capsys.readouterr().out)
    assert regression.main(["--experiments", "4", *common]) == 0
    out = capsys.readouterr().out
    assert evaluated(out)[1] == first
    assert "for smooth functions" in out
    assert "4 experiments" in out


def test_without_scikit_learn(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A sentence says what to install, and the exit status is 1."""
    real = builtins.__import__

    def missing(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("sklearn"):
            raise ModuleNotFoundError("No module named 'sklearn'")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", missing)
    assert regression.main([]) == 1
    assert "pip install 'adaptive_calib[examples]'" in capsys.readouterr().err


# ------------------------------------------------------------------ scan2d


def test_equal_products_of_wavelength_and_temperature_are_equally_sure() -> None:
    """The shapes of the laws depend on λ T only, and so does B_EMD; it falls as λ T grows."""
    sure = PlanckConfidence(replicates=2)
    low, same, high = sure((0.5, 3.5)), sure((1.0, 3.0)), sure((2.0, 3.5))
    assert low == pytest.approx(same, abs=0.02)
    assert low > 0.9
    assert high == pytest.approx(0.5, abs=0.1)


def test_scan2d(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The example finds the border's slope, draws a picture, and goes on from its store."""
    common = ["--replicates", "2", "--workers", "0", "--output", str(tmp_path)]
    assert scan2d.main(["--points", "25", *common]) == 0
    assert evaluated(capsys.readouterr().out) == (25, 0)
    assert scan2d.main(["--points", "50", *common]) == 0
    out = capsys.readouterr().out
    assert evaluated(out) == (25, 25)
    slope = re.search(r"has the slope (-\d\.\d\d) in the logarithms", out)
    assert slope
    assert float(slope[1]) == pytest.approx(-1, abs=0.3)
    assert (tmp_path / "scan.png").read_bytes().startswith(b"\x89PNG")


# ------------------------------------------------------------------ cluster


@pytest.mark.usefixtures("_no_picture")
def test_cluster_resumed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Results from elsewhere are in the store, and the cluster evaluates only new points."""
    command.calibrate(cluster.learner(6), tmp_path / "results.db", command.executor(0))
    assert evaluated(capsys.readouterr().out) == (6, 0)
    assert cluster.main(["--experiments", "8", "--workers", "1", "--output", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "1 workers at tcp://127.0.0.1" in out
    assert evaluated(out) == (2, 6)


@pytest.mark.slow
def test_cluster_at_an_address(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    """With ``--address`` the workers of a running scheduler are used, and left open."""
    monkeypatch.setattr(CalibrationView, "save_png", lambda view, path: None)
    with cluster.connected(None, 1) as client:
        address = client.scheduler.address
        assert cluster.main(["--experiments", "3", "--address", address, "--output", str(tmp_path)]) == 0
        assert f"1 workers at {address}" in capsys.readouterr().out
        assert client.submit(abs, -3).result() == 3


# ------------------------------------------------------------------ all of them


@pytest.mark.parametrize("name", NAMES)
def test_help(name: str) -> None:
    """``--help`` says what the example shows, and every option."""
    out = subprocess.run(
        [sys.executable, *command_of(name).split(), "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert f"usage: python {command_of(name)}" in out
    assert "--store" in out
    assert len(out) > 800


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("name", "says"), [
    ("neuron", "Recommended c: 0"),
    ("regression", "Recommended c: 0"),
    ("scan2d", "has the slope -1.0"),
    ("cluster", "Recommended c: 0"),
])  # fmt: skip
def test_full_size(name: str, says: str, tmp_path: Path) -> None:
    """The defaults, as a user runs them: half a minute to a minute and a half, a result, and a picture."""
    line = [sys.executable, *command_of(name).split(), "--output", str(tmp_path)]
    out = subprocess.run(line, capture_output=True, text=True, check=True).stdout
    assert says in out
    assert list(tmp_path.glob("*.png"))
