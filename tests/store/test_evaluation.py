"""Evaluations: what they are, what they pass to their function, which randomness a point has."""

from __future__ import annotations

import asyncio
import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pytest

from adaptive_calib.store import Evaluation, NotCanonicalError, Replicate, Replicates, open_archive
from adaptive_calib.store import subresults as memo
from tests.store.functions import Line, ok, square


@dataclass
class Cfg:
    Ldata: int = 400
    threads: int = 1
    grid: list[float] = field(default_factory=lambda: [0.1, 1.0])


def noisy(x: float, *, rng: np.random.Generator) -> float:
    """Return x with noise."""
    return x + rng.normal()


def talkative(x: Any, *, ctx: Any) -> Any:
    """Return what the context says."""
    return ctx.config, ctx.context, ctx.split, ctx.replicate


async def slow(x: float, *, rng: Any) -> float:
    """Return a random number."""
    return float(rng.random())


def test_only_the_keywords_that_are_declared_are_passed() -> None:
    """A plain function is called with the point alone."""
    assert Evaluation(square)(3) == 9
    value = Evaluation(talkative, config=Cfg(5), context="model")(1)
    assert value == (Cfg(5), "model", "", 0)
    with pytest.raises(TypeError, match="does not support"):
        Evaluation(talkative, config={"a": 1})(1)[0]["a"] = 2


def test_a_coroutine_function_stays_one() -> None:
    """Calling gives the coroutine."""
    ev = Evaluation(slow, seed=1)
    assert ev.is_coroutine
    assert asyncio.run(ev(0.5)) == asyncio.run(ev(0.5))


def test_the_random_stream_belongs_to_the_point() -> None:
    """Order, process and repetition change nothing; seed, config, version and point do."""
    ev = Evaluation(noisy, seed=1, config=Cfg())
    assert ev(0.5) == ev(0.5) == pickle.loads(pickle.dumps(ev))(0.5)
    others = [ev.replace(seed=2), ev.replace(Ldata=1), ev.replace(version="2")]
    assert len({e(0.5) for e in (ev, *others)}) == 4
    assert ev(0.5) - 0.5 != ev(0.25) - 0.25


def test_the_stream_of_the_first_version_is_kept() -> None:
    """A stored number: results of old stores and new ones belong together."""
    ev = Evaluation(noisy, name="n", seed=12345)
    assert ev.uid == "0a5e795cbc46ae9f167b9ced5dcd53e7"
    assert ev.point_seed(0.5).generate_state(2).tolist() == [1033869842, 886873060]
    assert ev.point_seed(Replicate("fit", 3)).generate_state(2).tolist() == [3501835614, 1296277367]


def test_a_function_that_draws_needs_a_seed() -> None:
    """Said at construction."""
    with pytest.raises(TypeError, match="seed="):
        Evaluation(noisy)


def test_what_changes_the_space_and_what_does_not() -> None:
    """Name, version, config, seed and context_key do; excluded fields, defaults and the context do not."""
    ev = Evaluation(square, config=Cfg(5), exclude=["threads"], seed=1)
    same = [ev.replace(threads=8), ev.replace(context=3), ev.replace(grid=[0.1, 1]), ev.replace(config=Cfg(5.0))]  # type: ignore[arg-type]
    other = [ev.replace(Ldata=6), ev.replace(seed=2), ev.replace(version="2"), ev.replace(name="x"),
             ev.replace(context_key="m")]  # fmt: skip
    assert {e.uid for e in same} == {ev.uid}
    assert len({e.uid for e in (ev, *other)}) == 6
    with pytest.raises(TypeError, match="Lsize"):
        ev.replace(Lsize=4)


def test_nothing_changes_after_the_uid_is_known() -> None:
    """The evaluation keeps a copy of its configuration."""
    config = Cfg()
    ev = Evaluation(square, config=config)
    config.grid.append(3.0)
    assert ev.config.grid == [0.1, 1.0]


@pytest.mark.parametrize("function", [lambda x: x, type("F", (), {"__call__": abs})()])
def test_a_name_that_says_nothing_is_refused(function: Any) -> None:
    """Lambdas and objects need a name."""
    with pytest.raises(ValueError, match="name="):
        Evaluation(function)
    assert Evaluation(function, name="mine").name == "mine"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [({"seed": -1}, ValueError), ({"seed": True}, ValueError), ({"on_code_change": "maybe"}, ValueError),
     ({"config": 3}, TypeError), ({"config": {"a": {1j}}}, NotCanonicalError)],
)  # fmt: skip
def test_wrong_arguments_are_said_at_construction(arguments: dict[str, Any], error: type[Exception]) -> None:
    """Before any evaluation."""
    with pytest.raises(error):
        Evaluation(square, **arguments)
    with pytest.raises(TypeError):
        Evaluation(3)  # type: ignore[arg-type]


def test_point_key_stands_for_points_without_a_form() -> None:
    """Such points are known by what the key says."""
    with pytest.raises(NotCanonicalError, match="point_key"):
        Evaluation(square).point_uid(1j)
    ev = Evaluation(square, point_key=lambda z: (z.real, z.imag))
    assert ev.point_uid(1j) == ev.point_uid(complex(0, 1)) != ev.point_uid(2j)


def test_it_travels() -> None:
    """Both picklers take it, before and after its first use."""
    ev = Evaluation(talkative, config=Cfg(), context={"big": np.zeros(3)})
    ev(1)
    for loaded in (pickle.loads(pickle.dumps(ev)), cloudpickle.loads(cloudpickle.dumps(ev))):
        assert loaded.uid == ev.uid
        assert loaded(1)[0] == Cfg()


def test_replicates_with_a_cap_are_a_prefix() -> None:
    """A debugging run computes the first ones of the full set."""
    full, capped = Replicates(10, "fit"), Replicates(10, "fit", cap=3)
    assert list(capped) == list(full)[:3] == full[:3]
    assert (len(full), len(capped), full[-1]) == (10, 3, Replicate("fit", 9))
    with pytest.raises(IndexError):
        capped[3]
    for wrong in ({"n": -1}, {"n": 1, "cap": -1}, {"n": 1, "split": ""}):
        with pytest.raises(ValueError, match="should be"):
            Replicates(**wrong)  # type: ignore[arg-type]


def test_replicates_have_their_seed_from_their_number_alone() -> None:
    """Config, version and length do not matter; the set and the root seed do."""
    ev = Evaluation(lambda r, *, rng: rng.random(), name="draw", seed=1, config=Cfg())
    fit = ev(Replicates(5, "fit")[2])
    assert fit == ev.replace(Ldata=9)(Replicates(3, "fit")[2])
    assert len({fit, ev(Replicate("test", 2)), ev(Replicate("fit", 3)), ev.replace(seed=2)(Replicate("fit", 2))}) == 4


def test_300_000_replicates_have_300_000_seeds() -> None:
    """No two numbers of a set share a stream."""
    ev = Evaluation(square, seed=5)
    states = {tuple(ev.point_seed(r).generate_state(2).tolist()) for r in Replicates(3000)}
    assert len(states) == 3000
    keys = {ev.point_seed(r).spawn_key for r in (*Replicates(150_000), *Replicates(150_000, "test"))}
    assert len(keys) == 300_000


def test_sets_of_replicates_share_no_rows(tmp_path: Path) -> None:
    """The same number in two sets is two points, and both come back as what they were."""
    archive = open_archive(tmp_path / "s.db", Line(square))
    archive.record([ok(Replicate("fit", 0), 1.0), ok(Replicate("test", 0), 2.0)])
    archive.close("finished", "")
    archive = open_archive(tmp_path / "s.db", Line(square))
    assert archive.preload().points == [Replicate("fit", 0), Replicate("test", 0)]
    assert archive.find(Replicate("test", 0)).value == 2.0  # type: ignore[union-attr]
    archive.close("finished", "")


def remembering(x: int, *, ctx: Any) -> Any:
    """Return a number that is computed once for all points."""
    return ctx.memo("shared", lambda: CALLS.append(x) or np.full(3, 1.5)).sum() + x


CALLS: list[int] = []


def test_a_memo_is_computed_once_per_space(tmp_path: Path) -> None:
    """Points share it, in this process and, through the store's folder, in the next."""
    memo.forget()
    CALLS.clear()
    ev = Evaluation(remembering)
    archive = open_archive(tmp_path / "s.db", Line(ev))
    assert [ev(x) for x in (0, 1)] == [4.5, 5.5]
    memo.forget()  # as another process
    assert ev(2) == 6.5
    assert CALLS == [0]
    assert ev.replace(version="2")(3) == 7.5
    assert CALLS == [0, 3]
    archive.close("finished", "")
    memo.forget()


def test_an_evaluation_has_a_folder_of_its_own(tmp_path: Path) -> None:
    """artifact_dir is beside the store, one per point; without a store it is an error."""
    ev = Evaluation(lambda x, *, ctx: ctx.artifact_dir(), name="folder")
    with pytest.raises(RuntimeError, match="store="):
        ev(1)
    open_archive(tmp_path / "s.db", Line(ev)).close("finished", "")
    one, other, replicate = ev(1), ev(2), ev(Replicate("fit", 1))
    assert len({one, other, replicate}) == 3
    assert one.is_dir()
    assert (tmp_path / "s.db.files") in one.parents
