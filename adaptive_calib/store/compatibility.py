"""Comparisons before stored results are used for an evaluation."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from adaptive_calib._warnings import warn_caller
from adaptive_calib.store.backend import Backend
from adaptive_calib.store.codec import PointKey
from adaptive_calib.store.errors import CodeChangedWarning, StaleDefaultError, StoreError, StoreWarning
from adaptive_calib.store.identity.canonical import plain_text
from adaptive_calib.store.identity.evaluation import Evaluation
from adaptive_calib.store.identity.facts import PLAIN, facts
from adaptive_calib.store.identity.function_digest import disagrees
from adaptive_calib.store.identity.replicates import Replicate
from adaptive_calib.store.identity.result_set_info import ResultSetInfo, single_digests
from adaptive_calib.store.text import printable

__all__ = ["PointGuard", "changed_defaults", "open_result_set"]


def open_result_set(store: Backend, evaluation: Evaluation, *, write: bool = True) -> PointGuard:
    """Check that the results under the uid of an evaluation are its own; make or complete their description.

    Returns
    -------
    PointGuard
        Checks the points.

    Raises
    ------
    StaleDefaultError
        If a field that is left out of the uid, as it has its default, had another default then; or a class or a
        member of an Enum has another meaning than then.
    StoreError
        If the stored configuration is another one (a damaged store), the configuration was changed in place, or the
        code changed and that is an error.
    """
    evaluation.refuse_changed_config()
    _compare_source(evaluation)
    info = replace(evaluation.info, code_digest=evaluation.current_code())
    known = store.read_result_sets()
    stored = next((i for i in known if i.uid == info.uid), None)
    if stored is None:
        _look_for_older_code(store, evaluation, known)
        _look_for_another_module(store, info, known)
        info = replace(info, created=time.time())
        if write:
            store.put_result_set(info)
        return PointGuard(store, evaluation, info, write=write)
    if (stored.name, stored.version, stored.config) != (info.name, info.version, info.config):
        raise StoreError(
            f"{store!r} has {printable(stored.slug)} under the uid {info.uid} of {info.slug}; the store is damaged or "
            "was edited. Use another file."
        )
    _refuse_changed(changed_defaults(stored, info), evaluation)
    changed = _compare_code(evaluation, stored, info.code_digest)
    merged = replace(
        stored,
        full_config={**stored.full_config, **info.full_config},
        facts={**stored.facts, **info.facts},
        # each run warns until the change is accepted
        code_digest=_merged(stored.code_digest, info.code_digest, keep=changed),
    )
    if write and merged != stored:
        store.put_result_set(merged)
    return PointGuard(store, evaluation, merged, write=write)


class PointGuard:
    """Checks that the classes of points mean what they meant when the stored results were computed.

    Parameters
    ----------
    store : Backend
    evaluation : Evaluation
    info : ResultSetInfo
        The stored description of its results.
    write : bool
        Whether new facts are added to it.
    """

    def __init__(self, store: Backend, evaluation: Evaluation, info: ResultSetInfo, *, write: bool) -> None:
        self._store = store
        self._evaluation = evaluation
        self._info = info
        self._write = write
        self._classes: set[type] = set()

    def check(self, point: Any) -> None:
        """Compare the facts about the classes in a point with the stored ones; keep those that are new.

        Raises
        ------
        StaleDefaultError, StoreError
            As `open_result_set`.
        """
        kind = type(point)
        if kind in PLAIN or kind is PointKey or kind is Replicate:
            return
        if kind is tuple and all(type(each) in PLAIN for each in point):
            return
        found = facts(point)
        if not found:
            return
        stored = self._info.facts
        _refuse_changed(
            {name: (stored[name], text) for name, text in found.items() if stored.get(name, text) != text},
            self._evaluation,
        )
        digests = self._info.code_digest
        if kind not in self._classes:
            self._classes.add(kind)
            now = self._evaluation.current_code(point)
            changed = _compare_code(self._evaluation, self._info, now)
            digests = _merged(digests, now, keep=changed)
        info = replace(self._info, facts={**stored, **found}, code_digest=digests)
        if info != self._info:
            self._info = info
            if self._write:
                self._store.put_result_set(info)


def changed_defaults(stored: ResultSetInfo, now: ResultSetInfo) -> dict[str, tuple[str, str]]:
    """Return the fields and facts, outside of the uid, that differ: name -> (then, now), canonical texts."""
    then, current = {**stored.full_config, **stored.facts}, {**now.full_config, **now.facts}
    both = sorted(then.keys() & current.keys())
    return {name: (then[name], current[name]) for name in both if then[name] != current[name]}


def _refuse_changed(changed: dict[str, tuple[str, str]], evaluation: Evaluation) -> None:
    if not changed:
        return
    key, (then, now) = min(changed.items(), key=lambda item: (not item[0].startswith("class "), item[0]))
    old, new = plain_text(then), plain_text(now)
    kind, _, name = key.partition(" ")
    if kind == "class":
        raise StaleDefaultError(
            f"the class {name} is of the module {new}, but the stored results were computed with {old}.{name}. If it "
            f'was moved, store.rename("{old}.{name}", "{new}.{name}") says so; if it is another class, give it another '
            f"name, or {evaluation.name} another `version`."
        )
    if kind == "member":
        raise StaleDefaultError(
            f"the value of {name} is {new}, but the stored results were computed with {old}. Either change `version`, "
            f"to compute anew; or restore the value; or store.accept_default(evaluation, {name!r}), if it does not "
            "matter."
        )
    field = name if kind == "default" else key
    move = "" if kind == "default" or "." in key else (
        f"store.migrate(evaluation), to keep the old results under {field}={old}; or "
    )  # fmt: skip
    raise StaleDefaultError(
        f"the default of {field!r} of {evaluation.name} is {new}, but the stored results were computed with {old}. "
        f"Either change `version`, to compute anew; or restore the default; or {move}"
        f"store.accept_default(evaluation, {field!r}), if it does not matter."
    )


def _compare_code(evaluation: Evaluation, stored: ResultSetInfo, current: str) -> frozenset[str]:
    """Warn of code and data that changed; return their names, none if changes are ignored."""
    then, now = single_digests(stored.code_digest), single_digests(current)
    changed = [name for name in now if then.get(name, now[name]) != now[name]]  # what was not recorded is not compared
    if not changed or evaluation.on_code_change == "ignore":
        return frozenset()
    names = " and ".join(name or f"the code of {evaluation.name}" for name in changed[:5])
    more = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
    whose = "" if changed == [""] else f", which {evaluation.name} depends on,"
    message = (
        f"{names}{more}{whose} changed since the stored results were computed (or two functions have this name). If "
        f"results change with it, give another `version` (now {evaluation.version!r}) or name; if not, "
        f'give the learner Evaluation.of({evaluation.name.rpartition(".")[2]}, on_code_change="ignore").'
    )
    if evaluation.on_code_change == "error":
        raise StoreError(message)
    warn_caller(message, CodeChangedWarning)
    return frozenset(changed)


def _merged(then: str, now: str, *, keep: frozenset[str]) -> str:
    """Return stored digests with the current ones, except those under some names, which stay as they were."""
    before = single_digests(then)
    digests = {**before, **single_digests(now)}
    digests.update({name: before[name] for name in keep})
    function = digests.pop("", "")
    return " ".join([function, *(f"{name}={digest}" for name, digest in sorted(digests.items()))])


def _compare_source(evaluation: Evaluation) -> None:
    """Warn if the file of a function has another text than what was loaded from it."""
    if evaluation.on_code_change != "ignore" and disagrees(evaluation.function):
        warn_caller(
            f"the source file of {evaluation.name} differs from the code that runs: it was edited and not reloaded. "
            "Results are kept for the code that runs. Reload the module, or start anew, to run the edited code.",
            StoreWarning,
        )


def _look_for_older_code(store: Backend, evaluation: Evaluation, known: list[ResultSetInfo]) -> None:
    """Warn if a plain function has results of older code: its code is in its identity, so they are not used."""
    info = evaluation.info
    if not info.version.startswith("code-"):
        return
    older = [
        i for i in known
        if i.name == info.name and i.config == info.config and i.version.startswith("code-") and store.count(i.uid)
    ]  # fmt: skip
    if older:
        warn_caller(
            f"the code of {info.name} changed: its {sum(store.count(older[-1].uid).values())} stored results are kept, "
            "but not used. To decide by yourself when results become others, give the learner "
            f'Evaluation({info.name.rpartition(".")[2]}, name="{info.name}", version="1").',
            CodeChangedWarning,
        )


def _look_for_another_module(store: Backend, info: ResultSetInfo, known: list[ResultSetInfo]) -> None:
    """Warn if there are results of a function that a script has itself and another program imports from its file."""
    code = single_digests(info.code_digest).get("")
    same = [
        other for other in known
        if "__main__" in (other.name.partition(".")[0], info.name.partition(".")[0])
        and other.name.rpartition(".")[2] == info.name.rpartition(".")[2]
        and (other.version, other.config) == (info.version, info.config)
        and code is not None and single_digests(other.code_digest).get("") == code and store.count(other.uid)
    ]  # fmt: skip
    if same:
        warn_caller(
            f"{sum(store.count(same[-1].uid).values())} stored results of {same[-1].name} are not used for "
            f"{info.name}, which has the same code: functions of a file that is run as a script are of the module "
            "__main__. Put the function into a module of its own, that the script imports; "
            f'store.rename("{same[-1].name}", "{info.name}") gives results the other name.',
            StoreWarning,
        )
