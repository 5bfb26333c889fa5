"""The gallery: each script makes its picture, and the page shows the picture and that very script."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

GALLERY = Path(__file__).parents[2] / "docs" / "gallery"
NAMES = sorted(path.stem.removeprefix("plot_") for path in GALLERY.glob("plot_*.py"))
PAGE = (GALLERY / "index.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with all pictures, as made now; warnings are errors. About 15 s, most of it loading."""
    folder = tmp_path_factory.mktemp("gallery")
    command = [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", str(GALLERY / "make.py")]
    ran = subprocess.run([*command, "--into", str(folder)], capture_output=True, text=True, timeout=200)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return folder


def test_every_script_makes_its_picture(made: Path):
    """A picture of a sensible size, with something on it, as large as the one on the page."""
    for name in NAMES:
        with Image.open(made / f"{name}.png") as new, Image.open(GALLERY / f"{name}.png") as shown:
            assert 300 <= new.width <= 1100, name
            assert len(new.convert("RGB").getcolors(10**6) or []) > 4, name
            assert new.width == pytest.approx(shown.width, rel=0.1), f"{name}: make it again with make.py {name}"
            assert new.height == pytest.approx(shown.height, rel=0.1), f"{name}: make it again with make.py {name}"


@pytest.mark.parametrize("name", NAMES)
def test_the_page_shows_picture_and_code(name: str):
    """Picture, and the script by inclusion, so that it is the code that made it; no picture above 80 kB."""
    assert f"({name}.png)" in PAGE
    assert f"```{{literalinclude}} plot_{name}.py\n```" in PAGE
    assert (GALLERY / f"{name}.png").stat().st_size < 80 * 1024


def test_every_learner_is_shown():
    """Each public learner and calibration study has a heading, and each picture comes once."""
    from adaptive_calib import learner

    names = {n for n in learner.__all__ if n.endswith("Learner") or re.fullmatch(r"\w*Learner\w+D", n)} - {
        "BaseLearner"
    }
    wanted = {*names, "Learner1D", "DataSaver", "CalibrationLearner", "OpaqueCalibrationLearner", "DataSizeStudy"}
    assert wanted <= {line.removeprefix("### ") for line in PAGE.splitlines() if line.startswith("### ")}
    pictures = re.findall(r"\((\w+)\.png\)", PAGE)
    assert sorted(pictures) == NAMES
