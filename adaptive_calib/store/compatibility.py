"""No wrong hit in silence: what is checked when results are about to be taken for those of an evaluation."""

from __future__ import annotations

import time
import warnings
from dataclasses import replace

from adaptive_calib.store.base import Store
from adaptive_calib.store.errors import CodeChangedWarning, StaleDefaultError, StoreError
from adaptive_calib.store.identity.evaluation import Evaluation
from adaptive_calib.store.rows import SpaceInfo, plain_text, single_digests

__all__ = ["changed_defaults", "open_space"]


def open_space(store: Store, evaluation: Evaluation, *, write: bool = True) -> None:
    """Check that the stored results under the uid of an evaluation are its own; make or complete the space.

    Raises
    ------
    StaleDefaultError
        If a field that is left out of the uid, as it has its default, had another default then.
    StoreError
        If the stored configuration is another one (a damaged store), or the code changed and that is an error.
    """
    info = evaluation.info
    known = store.read_spaces()
    stored = next((i for i in known if i.uid == info.uid), None)
    if stored is None:
        _look_for_older_code(store, evaluation, known)
        if write:
            store.put_space(replace(info, created=time.time()))
        return
    if (stored.name, stored.version, stored.config) != (info.name, info.version, info.config):
        raise StoreError(
            f"{store!r} has {stored.slug} under the uid {info.uid} of {info.slug}; the store is damaged or was edited. "
            "Use another file."
        )
    stale = changed_defaults(stored, info)
    if stale:
        field, (then, now) = next(iter(stale.items()))
        raise StaleDefaultError(
            f"the default of {field!r} of {info.name} is {plain_text(now)}, but the stored results were computed with "
            f"{plain_text(then)}. Either change `version`, to compute anew; or restore the default; or "
            f"store.migrate(evaluation), to keep the old results under {field}={plain_text(then)}; or "
            f"store.accept_default(evaluation, {field!r}), if it does not matter."
        )
    _compare_code(evaluation, stored)
    merged = {**stored.full_config, **info.full_config}
    if write and (merged != stored.full_config or stored.code_digest != info.code_digest):
        store.put_space(replace(stored, full_config=merged, code_digest=info.code_digest))


def changed_defaults(stored: SpaceInfo, now: SpaceInfo) -> dict[str, tuple[str, str]]:
    """Return the fields, outside of the uid, that had another value then: field -> (then, now), canonical texts."""
    both = stored.full_config.keys() & now.full_config.keys()
    return {
        name: (stored.full_config[name], now.full_config[name])
        for name in sorted(both)
        if stored.full_config[name] != now.full_config[name]
    }


def _compare_code(evaluation: Evaluation, stored: SpaceInfo) -> None:
    then, now = single_digests(stored.code_digest), single_digests(evaluation.info.code_digest)
    changed = [name for name in now if then.get(name, now[name]) != now[name]]  # what was not recorded is not compared
    if not changed or evaluation.on_code_change == "ignore":
        return
    what = " and ".join(f"the methods of {name}" if name else f"the code of {evaluation.name}" for name in changed)
    whose = "" if "" in changed else f", with which {evaluation.name} is configured,"
    message = (
        f"{what}{whose} changed since the stored results were computed (or two functions go by this name). If results "
        f"become others, change `version` (now {evaluation.version!r}) or the name; if not, "
        'on_code_change="ignore" says so.'
    )
    if evaluation.on_code_change == "error":
        raise StoreError(message)
    warnings.warn(message, CodeChangedWarning, stacklevel=6)


def _look_for_older_code(store: Store, evaluation: Evaluation, known: list[SpaceInfo]) -> None:
    """Warn if a plain function has results of older code: its code is in its identity, so they are not used."""
    info = evaluation.info
    if not info.version.startswith("code-"):
        return
    older = [
        i for i in known
        if i.name == info.name and i.config == info.config and i.version.startswith("code-") and store.count(i.uid)
    ]  # fmt: skip
    if older:
        warnings.warn(
            f"the code of {info.name} changed: its {sum(store.count(older[-1].uid).values())} stored results are kept, "
            "but not used. To decide by yourself when results become others, give the learner "
            f'Evaluation({info.name.rpartition(".")[2]}, name="{info.name}", version="1").',
            CodeChangedWarning,
            stacklevel=6,
        )
