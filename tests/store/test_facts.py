"""Classes, members of Enums and defaults keep their meaning, at any depth, in configurations and points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, make_dataclass
from enum import Enum
from typing import Any

import pytest
from scipy import stats

from adaptive_calib import BlockingRunner, SequenceLearner
from adaptive_calib.runner import SequentialExecutor
from adaptive_calib.store import Evaluation, MemoryStore, NotCanonicalError, StaleDefaultError, StoreError
from adaptive_calib.store.identity.canonical import canonical_text
from adaptive_calib.store.identity.facts import facts


def constant(x: Any) -> float:
    return 1.0


def run(store: Any, config: Any = None, points: Any = (1,)) -> int:
    """Run, ignoring changes of code; return how many results were loaded."""
    learner = SequenceLearner(Evaluation(constant, name="f", config=config, on_code_change="ignore"), list(points))
    runner = BlockingRunner(learner, store=store, executor=SequentialExecutor())
    return runner.progress.loaded


def stage(default: float = 0.1, module: str = "mine") -> Any:
    kind = make_dataclass("Stage", [("n", int), ("lr", float, default)], frozen=True)
    kind.__module__ = module
    return kind


PLACES: list[Callable[[Any], Any]] = [
    lambda s: {"a": [s]},
    lambda s: {"a": (1, (s,))},
    lambda s: {"a": {"b": {"c": s}}},
    lambda s: {"a": {s: 1}},
    lambda s: {"a": frozenset({s})},
    lambda s: {"a": [{"b": (s, 2)}]},
    lambda s: Holder(s),
    lambda s: {"a": [Holder(s)]},
    lambda s: Holder([Holder({"x": s})]),
]


@dataclass(frozen=True)
class Holder:
    inner: Any = None


@pytest.mark.parametrize("place", PLACES)
def test_a_changed_default_is_refused_wherever_it_is(place: Callable[[Any], Any]) -> None:
    """The error names the field; accepting it, or giving the value, goes on."""
    store = MemoryStore()
    assert run(store, place(stage()(1))) == 0
    assert run(store, place(stage()(1))) == 1
    with pytest.raises(StaleDefaultError, match=r"lr.*is 5, but .* with 0\.1"):
        run(store, place(stage(5.0)(1)))
    assert run(store, place(stage(5.0)(1, 7.0))) == 0
    store.accept_default(store.spaces()[0].uid, "lr")
    assert run(store, place(stage(5.0)(1))) == 1


@pytest.mark.parametrize("place", [*PLACES, lambda s: s])
def test_a_changed_default_of_a_point_is_refused(place: Callable[[Any], Any]) -> None:
    """Points are compared as configurations are, before a stored result is told."""
    store = MemoryStore()
    run(store, points=[place(stage()(1))])
    assert run(store, points=[place(stage()(1))]) == 1
    with pytest.raises(StaleDefaultError, match=r"lr"):
        run(store, points=[place(stage(5.0)(1))])


def test_a_moved_class_is_one_clear_question() -> None:
    """It is no new class: the error has the call that says so, and then the results are found."""
    store = MemoryStore()
    for points, config in (([stage()(1)], {"a": 1}), ([1], {"b": [stage()(1)]}), ([1], stage()(1))):
        run(store, config, points)
    for points, kind in (([stage(module="yours")(1)], "points"), ([1], "config")):
        with pytest.raises(StoreError, match=r'store\.rename\("mine\.Stage", "yours\.Stage"\)'):
            run(store, {"a": 1} if kind == "points" else {"b": [stage(module="yours")(1)]}, points)
    assert store.rename("mine.Stage", "yours.Stage") == 3
    assert run(store, {"a": 1}, [stage(module="yours")(1)]) == 1
    assert run(store, {"b": [stage(module="yours")(1)]}) == 1
    assert run(store, stage(module="yours")(1)) == 1


def test_a_renamed_class_keeps_its_results() -> None:
    """Another name, in configurations and in points, gives other uids, to which the results move."""
    store = MemoryStore()
    other = make_dataclass("Step", [("n", int), ("lr", float, 0.1)], frozen=True)
    other.__module__ = "yours"
    run(store, {"b": [stage()(1)]}, [stage()(2)])
    run(store, stage()(1))
    assert store.rename("mine.Stage", "yours.Step") == 2
    assert run(store, {"b": [other(1)]}, [other(2)]) == 1
    assert run(store, other(1)) == 1
    assert run(store, stage()(1)) == 0


def test_two_classes_of_one_name_are_refused_together() -> None:
    """In one configuration, one point, or the points of one result set."""
    one, two = stage()(1), stage(module="yours")(1)
    with pytest.raises(NotCanonicalError, match=r"two classes.*mine.*yours"):
        Evaluation(constant, name="f", config={"a": [one, two]})
    with pytest.raises(StoreError, match=r"mine\.Stage"):
        run(MemoryStore(), points=[one, two])


def test_members_of_an_enum_keep_their_values() -> None:
    """The name of a member is its identity; another value under it is refused."""
    store = MemoryStore()

    def colour(value: Any) -> Any:
        kind = Enum("Colour", {"RED": value})  # type: ignore[misc]
        return kind.RED

    run(store, {"c": [colour(1)]})
    run(store, {"c": colour(1)}, [colour(1)])
    with pytest.raises(StaleDefaultError, match=r"Colour\.RED is 2"):
        run(store, {"c": [colour(2)]})
    with pytest.raises(StaleDefaultError, match=r"Colour\.RED is 2"):
        run(store, {"c": colour(1)}, [colour(2)])


def test_the_class_of_a_configuration_is_part_of_its_identity() -> None:
    """Of dataclasses and models, at the top and nested."""
    pydantic = pytest.importorskip("pydantic")
    gauss, laplace = (make_dataclass(name, [("scale", float, 1.0)]) for name in ("Gauss", "Laplace"))
    models = [pydantic.create_model(name, scale=(float, 1.0)) for name in ("Gauss", "Laplace")]
    holders = [pydantic.create_model("H", inner=(model, ...))(inner=model()) for model in models]
    for one, two in ((gauss(), laplace()), (models[0](), models[1]()), holders, ({"a": gauss()}, {"a": laplace()})):
        assert Evaluation(constant, name="f", config=one).uid != Evaluation(constant, name="f", config=two).uid


def test_exclusions_that_are_no_fields_are_errors() -> None:
    """At the top and nested; the message names the fields that there are."""
    config = {"threads": 1, "inner": {"a": 1}}
    for wrong in ("thread", "inner.b", "other.a", "threads.a"):
        with pytest.raises(ValueError, match=wrong.split(".")[-1]):
            Evaluation(constant, name="f", config=config, exclude=[wrong])
    with pytest.raises(ValueError, match="x"):
        Evaluation(constant, name="f", exclude=["x"])
    Evaluation(constant, name="f", config=config, exclude=["threads", "inner.a"])


def test_a_class_says_itself_what_does_not_count() -> None:
    """Pydantic's `Field(exclude=True)`, a list of exclusions of the class, and field metadata."""
    pydantic = pytest.importorskip("pydantic")

    class Model(pydantic.BaseModel):  # type: ignore[name-defined,misc]
        n: int = 1
        workers: int = pydantic.Field(1, exclude=True)

    class Listed(pydantic.BaseModel):  # type: ignore[name-defined,misc]
        _exclude_from_cls_uid = ("workers",)
        n: int = 1
        workers: int = 1

    @dataclass
    class Plain:
        n: int = 1
        workers: int = field(default=1, metadata={"identity": False})

    @dataclass
    class Mine:
        _exclude_from_cls_uid = ("workers",)
        n: int = 1
        workers: int = 1

    for kind in (Model, Listed, Plain, Mine):
        for place in (lambda c: c, lambda c: {"a": [c]}):
            one, four, other = (
                Evaluation(constant, name="f", config=place(kind(**given))).uid
                for given in ({}, {"workers": 4}, {"n": 2})
            )
            assert (one == four, one == other) == (True, False)


def test_a_configuration_cannot_be_changed_under_its_uid() -> None:
    """Neither between making the evaluation and the run, nor by the function."""

    @dataclass
    class Config:
        a: list[int]

    evaluation = Evaluation(constant, name="f", config=Config([1]))
    evaluation.config.a.append(2)
    with pytest.raises(StoreError, match="changed after its identity"):
        BlockingRunner(SequenceLearner(evaluation, [1]), store=MemoryStore(), executor=SequentialExecutor())

    def changing(x: int, *, ctx: Any) -> int:
        ctx.config["a"].append(x)
        return x

    evaluation = Evaluation(changing, name="g", config={"a": [1]})
    with pytest.raises(StoreError, match=r"changed after its identity"):
        BlockingRunner(SequenceLearner(evaluation, [1]), store=MemoryStore(), executor=SequentialExecutor())


def test_frozen_distributions_have_a_plain_form() -> None:
    """Equal arguments in any form are equal; laws made of data are refused."""
    text = canonical_text(stats.norm(0, 1))
    assert text == canonical_text(stats.norm()) == canonical_text(stats.norm(scale=1.0))
    others = (stats.norm(0, 2), stats.laplace(0, 1), stats.gamma(2.0), stats.poisson(3), stats.gamma(2.0, scale=2))
    assert len({text, *map(canonical_text, others)}) == 6
    for made_of_data in (stats.rv_histogram(([1, 2], [0, 1, 2]))(), stats.rv_discrete(values=([1], [1.0]))()):
        with pytest.raises(NotCanonicalError):
            canonical_text(made_of_data)


def test_facts_are_nothing_for_plain_values() -> None:
    """Most points have none."""
    assert facts(1.0, ("a", (1, 2)), {"x": [None, True]}) == {}
