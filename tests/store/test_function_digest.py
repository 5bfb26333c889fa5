"""The methods of the dataclasses in a configuration are compared, as the function's code is; they are no identity."""

from __future__ import annotations

import dataclasses
import warnings
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import pytest

from adaptive_calib.calibration import EvaluateExperiment, FixedLabel
from adaptive_calib.examples.blackbody.distributions import Infrared
from adaptive_calib.learner.learner1D import Learner1D
from adaptive_calib.store import CodeChangedWarning, Evaluation, MemoryStore, open_archive
from adaptive_calib.store.identity.dependencies import dependencies
from adaptive_calib.store.identity.result_set_info import joined_digests, single_digests


@dataclass(frozen=True)
class Base:
    """What others are made from."""

    a: float = 1.0

    def scale(self, x: float) -> float:
        return self.a * x


def model(body: Any, **members: Any) -> Any:
    """Return an object of a class ``Model``, the same but for its methods."""
    members = {"compute": body, "__module__": __name__, "__annotations__": {"base": Base}, "base": Base(), **members}
    return dataclass(frozen=True)(type("Model", (), members))()


def doubled(self: Any, x: float) -> float:
    return 2 * x


def tripled(self: Any, x: float) -> float:
    return 3 * x


def run(store: MemoryStore, config: Any, **more: Any) -> str:
    """Open and close a run; return the uid of its space."""
    evaluation = Evaluation(abs, name="f", config={"models": [config]}, **more)
    open_archive(store, Learner1D(evaluation, (-1.0, 1.0))).close("finished", "")
    return evaluation.info.uid


def test_changed_methods_are_warned_of_until_accepted_and_are_no_identity():
    """The uid stays, the warning names the class, and each run repeats it until the change is accepted."""
    store = MemoryStore()
    uid = run(store, model(doubled))
    with pytest.warns(CodeChangedWarning, match=r"\.Model, which f depends on, changed"):
        assert run(store, model(tripled)) == uid
    with pytest.warns(CodeChangedWarning):
        run(store, model(tripled))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(store, model(doubled))
        run(store, model(tripled), on_code_change="ignore")
        run(store, model(tripled))


def test_a_store_without_these_digests_opens_in_silence():
    """What was not recorded then is not compared now."""
    store = MemoryStore()
    run(store, model(doubled))
    (space,) = store.read_result_sets()
    store.put_result_set(dataclasses.replace(space, code_digest=""))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(store, model(tripled))


def test_digests_are_of_the_code_of_methods_of_all_kinds_and_of_base_classes():
    """Properties, cached ones, class and static methods count; what `dataclass` writes does not."""
    plain = dependencies(None, model(doubled))
    assert {name.rpartition(".")[2] for name in plain} == {"Model", "Base"}
    kinds = (property, cached_property, classmethod, staticmethod)
    for one in kinds:
        assert dependencies(None, model(doubled, extra=one(doubled))) != dependencies(
            None, model(doubled, extra=one(tripled))
        )

    @dataclass(frozen=True)
    class Below(Base):
        b: float = 2.0

    assert list(dependencies(None, {"x": (Below(),)})) == [f"{__name__}.Base"]
    assert dependencies(partial(doubled, Below())) == dependencies(None, Below().scale) == dependencies(None, Below())


def test_without_source_the_byte_code_is_compared():
    """As in functions."""

    def digest(function: Any) -> str:
        members = {"f": function, "__module__": __name__, "__qualname__": "C", "__annotations__": {}}
        (value,) = dependencies(None, dataclass(type("C", (), members))()).values()
        return value

    def made(source: str) -> Any:
        names: dict[str, Any] = {}
        exec(compile(source, "<nowhere>", "exec"), names)
        return names["f"]

    one = digest(made("def f(self):\n    return 1\n"))
    assert digest(made("def f(self):\n    # words\n    return 1\n")) == one
    assert digest(made("def f(self):\n    return 2\n")) != one


def test_classes_that_were_installed_do_not_count():
    """Another version of a library is another matter."""
    assert dependencies(None, FixedLabel(64), Path(), dataclasses.field()) == {}


def test_a_calibration_compares_the_methods_of_its_distribution():
    """The distribution draws the experiments, whatever stands for it in the identity."""
    function = EvaluateExperiment(Infrared(N=8), 64, FixedLabel(256))
    names = single_digests(Evaluation.of(function).current_code())
    assert any(name.endswith(".Infrared") or name.endswith(".Blackbody") for name in names), names


@pytest.mark.parametrize("classes", [{}, {"a.B": "12", "c.D.<locals>.E": "34"}])
@pytest.mark.parametrize("function", ["", "ab"])
def test_joined_digests_come_apart_again(function, classes):
    """One text for the store, one digest for each name."""
    expected = {"": function, **classes} if function else classes
    assert single_digests(joined_digests(function, classes)) == expected
