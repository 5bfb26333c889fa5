"""Results that belong elsewhere by now: another name, a default that changed, a version that is no longer wanted.

Rows are written to their new place before they are deleted from the old one: whoever is killed in between finds them
twice, never gone, and moves them again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from adaptive_calib.store.base import Store
from adaptive_calib.store.codec import decode
from adaptive_calib.store.compatibility import changed_defaults
from adaptive_calib.store.errors import NotCanonicalError, StoreError
from adaptive_calib.store.identity.canonical import UID_VERSION, PointUids
from adaptive_calib.store.identity.evaluation import Evaluation
from adaptive_calib.store.identity.replicates import Replicate
from adaptive_calib.store.rows import SpaceInfo

__all__ = ["accept_default", "gc", "migrate", "rename"]


def rename(store: Store, old: str, new: str) -> int:
    """Give the results of a function that moved its new name.

    Parameters
    ----------
    store : Store
    old, new : str
        Names as in `Evaluation.name`.

    Returns
    -------
    int
        How many evaluations have moved.

    Raises
    ------
    KeyError
        If nothing goes by the old name.
    """
    found = [info for info in store.read_spaces() if info.name == old]
    if not found:
        names = sorted({info.name for info in store.read_spaces()})
        raise KeyError(f"nothing in {store!r} goes by the name {old!r}; there is: {', '.join(names) or '(nothing)'}.")
    return sum(_move(store, info, info.moved(name=new)) for info in found)


def migrate(store: Store, evaluation: Callable[..., Any] | None = None) -> int:
    """Move results to the place that belongs to them by now; return how many evaluations moved.

    Parameters
    ----------
    store : Store
    evaluation : Evaluation, optional
        The one whose default changed: its stored results move to the space where the old value is given explicitly,
        and are found again by a configuration that has that value. Without it all spaces are looked at whose uids an
        older version of this package computed.
    """
    if evaluation is None:
        old = [info for info in store.read_spaces() if info.uid_version < UID_VERSION]
        return sum(_move(store, info, info.moved()) for info in old)
    now = Evaluation.of(evaluation)
    stored = next((info for info in store.read_spaces() if info.uid == now.uid), None)
    stale = {} if stored is None else changed_defaults(stored, now.info)
    if stored is None or not stale:
        return 0
    nested = [name for name in stale if "." in name]
    if nested:
        raise StoreError(
            f"the default of {nested[0]!r} changed inside a nested dataclass, whose results cannot be moved; restore "
            "the default, or change `version`, or accept the new default."
        )
    explicit = {name: then for name, (then, _) in stale.items()}
    return _move(store, stored, stored.moved(config={**stored.config, **explicit}), now.point_key)


def accept_default(store: Store, evaluation: Callable[..., Any] | str, field: str) -> None:
    """Say that the changed default of `field` does not matter: old results count for the new default as well.

    Raises
    ------
    KeyError
        If the space is not there, or has no such field.
    """
    info = store.space(evaluation).info
    kept = {name: form for name, form in info.full_config.items() if name != field and not name.startswith(field + ".")}
    if len(kept) == len(info.full_config):
        raise KeyError(f"{field!r} is no field of {info.slug}; its fields are {', '.join(info.full_config)}.")
    store.put_space(replace(info, full_config=kept))


def gc(store: Store, keep_versions: int | None = None) -> dict[str, int]:
    """Remove files that no row knows and, on request, results of old versions. Not while a run writes.

    Parameters
    ----------
    store : Store
    keep_versions : int, optional
        How many versions to keep of what has the same name, configuration, seed and context: the last ones made.
        By default all.

    Returns
    -------
    dict
        Numbers removed: ``spaces``, ``evaluations``, ``files``.
    """
    removed = {"spaces": 0, "evaluations": 0, "files": 0}
    if keep_versions is not None:
        if keep_versions < 1:
            raise ValueError(f"`keep_versions` should be at least 1, but is {keep_versions}.")
        groups: dict[Any, list[SpaceInfo]] = defaultdict(list)
        for info in store.read_spaces():
            groups[info.name, tuple(sorted(info.config.items())), info.seed, info.context_key].append(info)
        for group in groups.values():
            for info in group[:-keep_versions]:
                removed["spaces"] += 1
                removed["evaluations"] += sum(store.count(info.uid).values())
                store.drop_space(info.uid)
    removed["files"] = store.clean_files()
    return removed


def _move(
    store: Store, old: SpaceInfo, new: SpaceInfo, point_key: Callable[[Any], Any] | None = None, batch: int = 256
) -> int:
    """Move all rows of a space; rows that are there already win, if they are results."""
    if new.uid == old.uid:
        return 0
    before, after = PointUids(old.uid, point_key), PointUids(new.uid, point_key)
    if all(info.uid != new.uid for info in store.read_spaces()):
        store.put_space(new)
    moved, rows = 0, []
    for row in store.iter(old.uid):
        point = Replicate(row.split, row.replicate) if row.split else decode(row.point)
        try:
            known = before(point) == row.point_uid
        except NotCanonicalError:
            known = False
        if not known:
            raise StoreError(
                f"the point {point!r} of {old.slug} has its uid from a point_key; move such results with "
                "store.migrate(evaluation), which knows it, or compute them again."
            )
        rows.append(row._replace(space=new.uid, point_uid=after(point)))
        if len(rows) == batch:
            store.put(rows)
            moved += len(rows)
            rows = []
    store.put(rows)
    store.drop_space(old.uid)
    return moved + len(rows)
