"""The familiar helpers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adaptive_calib import utils
from adaptive_calib.learner import AverageLearner, BalancingLearner, Learner1D
from adaptive_calib.learner.base_learner import (
    BaseLearner,
    check_number_of_points,
    uses_nth_neighbors,
)


@pytest.mark.parametrize("name", utils.__all__)
def test_names(name: str) -> None:
    """Every familiar name is there and documented."""
    assert getattr(utils, name).__doc__


def test_named_product() -> None:
    """All combinations, the last name fastest; iterators are read once; no names, one empty combination."""
    expected = [{"a": 1, "b": "x"}, {"a": 1, "b": "y"}, {"a": 2, "b": "x"}, {"a": 2, "b": "y"}]
    assert utils.named_product(a=iter([1, 2]), b="xy") == expected
    assert utils.named_product() == [{}]
    assert utils.named_product(a=[], b=[1]) == []


@pytest.mark.parametrize("fails", [False, True])
def test_restore(fails: bool) -> None:
    """What happens to learners inside the block is undone at its end, also after an error."""
    learners: Any = [Learner1D(abs, (-1, 1)), AverageLearner(abs, atol=0.1)]
    learners.append(BalancingLearner([Learner1D(abs, (-1, 1)), Learner1D(abs, (-2, 1))]))
    asked = [learner.ask(3)[0] for learner in learners]
    try:
        with utils.restore(*learners):
            for learner, points in zip(learners, asked, strict=True):
                learner.tell(points[0], 1.0)
                learner.remove_unfinished()
            if fails:
                raise KeyError
    except KeyError:
        pass
    for learner, points in zip(learners, asked, strict=True):
        assert learner.npoints == 0
        assert learner.pending_points == set(points)


def test_cache_latest() -> None:
    """The last answer is kept in _cache under the name of the method."""

    class Thing:
        @utils.cache_latest
        def loss(self, real: bool = True) -> float:
            """Return a loss."""
            return 1.0 if real else 2.0

    thing: Any = Thing()
    assert thing.loss() == 1.0
    assert thing._cache == {"loss": 1.0}
    assert thing.loss(real=False) == 2.0
    assert thing._cache == {"loss": 2.0}
    assert Thing.loss.__doc__ == "Return a loss."


@pytest.mark.parametrize("compress", [True, False])
def test_save_and_load(tmp_path: Path, compress: bool) -> None:
    """`save` says whether it could; `load` gives back what was saved."""
    assert utils.save(tmp_path / "data.p", [1, 2], compress)
    assert utils.load(tmp_path / "data.p", compress) == [1, 2]
    (tmp_path / "file").touch()
    assert not utils.save(tmp_path / "file" / "data.p", [1, 2], compress)
    with pytest.raises(FileNotFoundError):
        utils.load(tmp_path / "none.p", compress)


def test_copy_docstring_from() -> None:
    """The docstring is the other's; name and behaviour stay."""

    @utils.copy_docstring_from(abs)
    def mine() -> int:
        return 3

    assert mine.__doc__ == abs.__doc__
    assert (mine.__name__, mine()) == ("mine", 3)


# ------------------------------------------------------------------------------------- helpers of the base of learners


@pytest.mark.parametrize("n", [-1, 1.5, "1", None, True])
def test_uses_nth_neighbors_refuses(n: Any) -> None:
    """A number of neighbours is an integer of at least 0."""
    with pytest.raises(ValueError, match="at least 0"):
        uses_nth_neighbors(n)


def test_number_of_points() -> None:
    """NumPy's integers are integers; fractions are not."""
    import numpy as np

    assert check_number_of_points(np.int64(3)) == 3
    with pytest.raises(TypeError, match="should be an integer"):
        check_number_of_points(1.0)  # type: ignore[arg-type]  # that is the point


class _Own(BaseLearner):
    """A user's learner that says only what it must."""

    def __init__(self) -> None:
        self.data: dict[float, float] = {}
        self.pending_points: set[float] = set()

    @property
    def npoints(self) -> int:
        return len(self.data)

    def ask(self, n: int, tell_pending: bool = True) -> tuple[list[float], list[float]]:
        points = [float(len(self.data) + len(self.pending_points) + i) for i in range(n)]
        if tell_pending:
            self.pending_points.update(points)
        return points, [1.0] * n

    def tell_pending(self, x: float) -> None:
        self.pending_points.add(x)

    def remove_unfinished(self) -> None:
        self.pending_points.clear()

    @utils.cache_latest
    def loss(self, real: bool = True) -> float:
        return 1 / (1 + self.npoints)

    def new(self) -> _Own:
        return _Own()


class _OwnOneByOne(_Own):
    def tell(self, x: float, y: float) -> None:
        self.data[x] = y


class _OwnInBulk(_Own):
    def tell_many(self, xs: Any, ys: Any) -> None:
        self.data.update(zip(xs, ys, strict=True))

    def _get_data(self) -> dict[float, float]:
        return self.data

    def _set_data(self, data: dict[float, float]) -> None:
        self.data.update(data)


@pytest.mark.parametrize("kind", [_OwnOneByOne, _OwnInBulk])
def test_tell_and_tell_many_make_each_other(kind: type[_Own]) -> None:
    """A user's learner defines one of tell and tell_many and gets the other."""
    learner = kind()
    learner.tell(0.0, 1.0)
    learner.tell_many([1.0, 2.0], (float(i) for i in range(2)))
    assert learner.data == {0.0: 1.0, 1.0: 0.0, 2.0: 1.0}
    assert learner.latest_loss is None
    assert learner.loss() == learner.latest_loss == 0.25


def test_users_learner_without_tell_or_hooks(tmp_path: Path) -> None:
    """What is missing is named: tell or tell_many, _get_data and _set_data."""
    with pytest.raises(NotImplementedError, match="`tell` or `tell_many`"):
        _Own().tell(0.0, 1.0)
    with pytest.raises(NotImplementedError, match="_get_data"):
        _OwnOneByOne().save(tmp_path / "data.p")
    with pytest.raises(NotImplementedError, match="_set_data"):
        _OwnOneByOne().copy_from(_OwnInBulk())


def test_users_learner_keeps_the_base_promises(tmp_path: Path) -> None:
    """With the two hooks a user's learner is saved, loaded, copied and pickled; a failed point stays pending."""
    learner, loaded, copied = _OwnInBulk(), _OwnInBulk(), _OwnInBulk()
    learner.tell(0.0, 1.0)
    learner.save(tmp_path / "data.p")
    loaded.load(tmp_path / "data.p")
    copied.copy_from(learner)
    assert loaded.data == copied.data == learner.data
    copied.tell(1.0, 1.0)
    assert learner.npoints == 1
    learner.tell_failed(5.0)
    assert learner.pending_points == {5.0}
    assert learner.failed_points == frozenset()
