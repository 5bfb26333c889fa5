"""File names by template: wrong ones are known before the run."""

from __future__ import annotations

from pathlib import Path

import pytest

from adaptive_calib import AsyncRunner, BalancingLearner, BlockingRunner, DataSaver, Learner1D, SequenceLearner
from adaptive_calib.engine.executors import SequentialExecutor
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
    with pytest.raises(ValueError, match="not a template"):
        PathTemplate("{name", EV)


def test_what_is_missing_or_does_not_suit_is_said() -> None:
    """A template that needs a child's number says so."""
    template = PathTemplate("{i:03d}")
    with pytest.raises(ValueError, match="needs 'i'"):
        template()
    with pytest.raises(ValueError, match="cannot be filled in"):
        template("x")  # type: ignore[arg-type]


def test_a_learner_is_saved_under_a_template(tmp_path: Path) -> None:
    """A template without a child's number is a path, for every learner, periodic saving included."""
    template = PathTemplate("{root}/{name}/L{Ldata}.pickle", EV, root=tmp_path)
    learner = DataSaver(Learner1D(EV, (0, 1)), float)
    runner = AsyncRunner(learner, npoints_goal=5, executor=SequentialExecutor())
    saving = runner.start_periodic_saving({"fname": template}, interval=1000)
    runner.block_until_done()
    assert saving.done()
    assert (tmp_path / "sq" / "L400.pickle").exists()
    other = learner.new()
    other.load(template)
    assert other.data == learner.data
    assert other.extra_data == learner.extra_data


def test_each_child_has_the_file_of_its_number(tmp_path: Path) -> None:
    """A template without the number would give all children one file, and is refused."""
    template = PathTemplate("{root}/{i:02d}.pickle", root=tmp_path)
    learner = BalancingLearner([SequenceLearner(square, [1, 2]), SequenceLearner(square, [3, 4])])
    BlockingRunner(learner, npoints_goal=4, executor=SequentialExecutor())
    learner.save(template)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["00.pickle", "01.pickle"]
    other = learner.new()
    other.load(template)
    assert other.data == learner.data
    with pytest.raises(ValueError, match=r"same name for several children.*\{i\}"):
        learner.save(PathTemplate("{root}/x.pickle", root=tmp_path))
    with pytest.raises(ValueError, match="needs 'i'"):
        learner.learners[0].save(template)
