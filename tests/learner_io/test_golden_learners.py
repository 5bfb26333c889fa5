"""Tables and files that learners wrote in the first version are read by every later one.

``golden/learners-1.json`` holds for each learner its data (as the codec writes them), its table as CSV with the
attributes of the frame, and its file as `save` wrote it, in base64. It was written by ``python -m
tests.learner_io.test_golden_learners``; when the formats change, another file is added beside it and this one stays.
"""

from __future__ import annotations

import io
import json
import tempfile
import warnings
from base64 import b64decode, b64encode
from collections.abc import Callable
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from adaptive_calib import (
    AverageLearner,
    AverageLearner1D,
    BalancingLearner,
    DataSaver,
    IntegratorLearner,
    Learner1D,
    Learner2D,
    LearnerND,
    SequenceLearner,
)
from adaptive_calib.store.codec import decode, encode

GOLDEN = Path(__file__).parent / "golden" / "learners-1.json"


def line(x: float, slope: float = 2.0) -> float:
    """Return a number of a number."""
    return slope * x**3


def noisy(point: tuple[int, float]) -> float:
    """Return a number of a seed and a number."""
    return point[1] + (point[0] * 37 % 11) / 10


def plane(point: tuple[float, ...]) -> float:
    """Return a number of some."""
    return float(np.sum(np.square(point)))


def record(x: float) -> dict[str, float]:
    """Return more than a number."""
    return {"y": x**2, "seconds": 1.5}


def seeded(seed: int) -> float:
    """Return a number of a seed."""
    return (seed * 37 % 11) / 10


BOX = [(-1.0, 1.0), (0.0, 2.0)]
LEARNERS: dict[str, Callable[[], Any]] = {
    "Learner1D": lambda: Learner1D(line, (-1, 1)),
    "AverageLearner": lambda: AverageLearner(seeded, atol=0.1),
    "AverageLearner1D": lambda: AverageLearner1D(noisy, (-1, 1), min_samples=3),
    "Learner2D": lambda: Learner2D(plane, BOX),
    "LearnerND": lambda: LearnerND(plane, [*BOX, (1.0, 3.0)]),
    "SequenceLearner": lambda: SequenceLearner(line, [1.0, 2.0, 4.0, 8.0, 16.0]),
    "BalancingLearner": lambda: BalancingLearner([Learner1D(line, (0, b)) for b in (1, 2)]),
    "DataSaver": lambda: DataSaver(Learner1D(record, (-1, 1)), itemgetter("y")),
    "IntegratorLearner": lambda: IntegratorLearner(line, (0, 1), tol=1e-8),
}
#: A CSV file has no records; an integral cannot be told points out of their order.
WITHOUT_TABLE = {"DataSaver", "IntegratorLearner"}


def same(a: Any, b: Any) -> bool:
    """Whether two learners' data are the same, up to the types of numbers."""
    return list(map(repr, map(plain, a.items()))) == list(map(repr, map(plain, b.items())))


def plain(value: Any) -> Any:
    """Return a value without NumPy's scalars."""
    if isinstance(value, (tuple, list)):
        return tuple(map(plain, value))
    if isinstance(value, dict):
        return tuple(map(plain, sorted(value.items())))
    return float(value)


def stored(learner: Any) -> dict[str, Any]:
    """Return what is kept of a learner."""
    found: dict[str, Any] = {"data": encode(list(map(list, dict(learner.data).items())))[0]}
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{i}" for i in range(len(getattr(learner, "learners", [0])))]
        learner.save(files if len(files) > 1 else files[0])
        found["files"] = [b64encode(file.read_bytes()).decode() for file in files]
    if type(learner).__name__ not in WITHOUT_TABLE:
        frame = learner.to_dataframe()
        found["table"] = {"csv": frame.to_csv(index=False), "attrs": frame.attrs}
    return found


def expected(name: str) -> tuple[dict[str, Any], dict[Any, Any]]:
    """Return what is kept of a learner, and its data."""
    kept = json.loads(GOLDEN.read_text())[name]
    return kept, dict(map(tuple, decode(kept["data"])))


@pytest.mark.parametrize("name", LEARNERS)
def test_old_files_are_loaded(name: str, tmp_path: Path) -> None:
    """The data are those of then, and the learner goes on from there."""
    kept, data = expected(name)
    files = [tmp_path / f"{i}.pickle" for i in range(len(kept["files"]))]
    for file, content in zip(files, kept["files"], strict=True):
        file.write_bytes(b64decode(content))
    learner = LEARNERS[name]()
    learner.load(files if len(files) > 1 else files[0])
    assert same(dict(learner.data), data)
    assert len(learner.ask(1)[0]) <= 1


@pytest.mark.parametrize("name", sorted(set(LEARNERS) - WITHOUT_TABLE))
def test_old_tables_are_loaded(name: str) -> None:
    """From CSV, with the attributes of the frame or without."""
    kept, data = expected(name)
    for attrs in (kept["table"]["attrs"], {}):
        # from pandas 4 on the default is exact, and the option deprecated
        exact: dict[str, Any] = {} if int(pd.__version__.split(".")[0]) >= 4 else {"float_precision": "round_trip"}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The 'float_precision' argument is deprecated", category=Warning)
            frame = pd.read_csv(io.StringIO(kept["table"]["csv"]), **exact)
        frame.attrs = attrs
        learner = LEARNERS[name]()
        learner.load_dataframe(frame)
        assert same(dict(sorted(learner.data.items())), dict(sorted(data.items())))


@pytest.mark.parametrize("name", LEARNERS)
def test_a_missing_file_is_no_data_and_a_damaged_one_an_error(name: str, tmp_path: Path) -> None:
    """For every learner; a damaged file stays as it is."""
    kept, _ = expected(name)
    files = [tmp_path / f"{i}.pickle" for i in range(len(kept["files"]))]
    where: Any = files if len(files) > 1 else files[0]
    learner = LEARNERS[name]()
    learner.load(where)
    assert learner.npoints == 0
    for content in (b"", b"rubbish", b64decode(kept["files"][0])[:-20]):
        for file in files:
            file.write_bytes(content)
        with pytest.raises(ValueError, match=r"0\.pickle"):
            learner.load(where)
        assert learner.npoints == 0
        assert files[0].read_bytes() == content


def test_a_damaged_file_among_several_changes_no_child(tmp_path: Path) -> None:
    """All children of a BalancingLearner stay as they were, those before the damaged one too."""

    def double(x: float) -> float:
        return 2 * x

    def made(*points: float) -> BalancingLearner:
        learner = BalancingLearner([Learner1D(double, bounds=(0, 1)) for _ in range(2)])
        for point in points:
            for child in learner.learners:
                child.tell(point, double(point))
        return learner

    files = [tmp_path / "0.pickle", tmp_path / "1.pickle"]
    made(0.0, 0.5, 1.0).save(files)
    files[1].write_bytes(files[1].read_bytes()[:-20])
    learner = made(0.25)
    with pytest.raises(ValueError, match=r"1\.pickle"):
        learner.load(files)
    assert [list(child.data) for child in learner.learners] == [[0.25], [0.25]]


if __name__ == "__main__":
    made = {}
    for name, make in LEARNERS.items():
        learner = make()
        for _ in range(12):
            for point in learner.ask(1)[0]:
                learner.tell(point, learner.function(point))
        made[name] = stored(learner)
    GOLDEN.write_text(json.dumps(made, indent=1))
