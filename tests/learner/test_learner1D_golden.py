"""With the default loss `Learner1D` asks the points that python-adaptive 1.5.2 asks."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from adaptive_calib.learner.learner1D import Learner1D
from tests.learner.golden_learner1D import FILE, FUNCTIONS, WAYS, record


@pytest.fixture(scope="module")
def golden() -> dict[str, dict[str, Any]]:
    return json.loads(gzip.decompress(FILE.read_bytes()))


@pytest.mark.parametrize("way", WAYS)
def test_points_are_the_peers(golden: dict[str, dict[str, Any]], way: str) -> None:
    """Every point that is asked, however it is asked and told, is the peer's, to the last bit; and so is the loss."""
    for name in FUNCTIONS:
        theirs = golden[f"{name} / {way}"]
        ours = record(Learner1D, name, way, theirs["asks"])
        assert ours["first"] == theirs["first"], name
        assert ours["digest"] == theirs["digest"], name
        if theirs["loss"] is not None:
            assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-12), name
