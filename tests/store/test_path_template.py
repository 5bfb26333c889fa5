"""File names by template: wrong ones are known before the run."""

from __future__ import annotations

from pathlib import Path

import pytest

from adaptive_calib.store import Evaluation, PathTemplate
from tests.store.functions import square

EV = Evaluation(square, name="sq", version="2", config={"Ldata": 400})


def test_names_come_from_the_evaluation_and_the_child() -> None:
    """Name, version and configuration; the number of the child with a format."""
    template = PathTemplate("{root}/{name}-{version}/L{Ldata}/{split}/learner_{i:03d}.pickle", EV, root="../runs")
    assert template(7, "fit") == Path("../runs/sq-2/L400/fit/learner_007.pickle")
    assert template.with_values(split="test", Ldata=5)(1) == Path("../runs/sq-2/L5/test/learner_001.pickle")


def test_an_unknown_key_is_an_error_at_construction() -> None:
    """The message has the key, the template, and what is known."""
    with pytest.raises(KeyError, match=r"'Lsize' in the template .*\{Lsize\}.* known are Ldata, i, name"):
        PathTemplate("{name}/{Lsize}", EV)
    with pytest.raises(ValueError, match="no template"):
        PathTemplate("{name", EV)


def test_what_is_missing_or_does_not_suit_is_said() -> None:
    """A template that needs a child's number says so."""
    template = PathTemplate("{i:03d}")
    with pytest.raises(ValueError, match="needs 'i'"):
        template()
    with pytest.raises(ValueError, match="cannot be filled in"):
        template("x")  # type: ignore[arg-type]
