"""Moving, merging and removing results: after a change of names or defaults, or when versions are no longer needed.

Rows are written to their new place before they are deleted from the old one. A process that is killed in between leaves
them in both places, never in none, and the next call moves the rest.
"""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from adaptive_calib.store.artifacts import artifact_folder, clean_artifacts, remove_artifacts
from adaptive_calib.store.backend import Backend
from adaptive_calib.store.codec import PointKey, encode
from adaptive_calib.store.compatibility import changed_defaults
from adaptive_calib.store.errors import NotCanonicalError, StoreError
from adaptive_calib.store.identity.canonical import UID_VERSION, PointUids, canonical_text
from adaptive_calib.store.identity.evaluation import Evaluation
from adaptive_calib.store.identity.result_set_info import CONFIG_CLASS, ResultSetInfo
from adaptive_calib.store.result_set import Space, Where, find_result_set, point_of
from adaptive_calib.store.rows import DAMAGED, Row
from adaptive_calib.store.text import printable

__all__ = ["accept_default", "gc", "merge", "migrate", "move", "rename"]


def rename(store: Backend, old: str, new: str) -> int:
    """Give the results of a function, or of a class of configurations or points, their new name.

    Parameters
    ----------
    store : Store
    old, new : str
        Names as in `Evaluation.name`: module and qualified name.

    Returns
    -------
    int
        How many evaluations have the new name.

    Raises
    ------
    KeyError
        If nothing has the old name.
    """
    known = store.read_result_sets()
    of_function = [info for info in known if info.name == old]
    renamed = sum(move(store, info, info.moved(name=new)) for info in of_function)
    of_class = 0
    for info in store.read_result_sets():
        for module, name in _splits(old):
            if info.facts.get(f"class {name}") == canonical_text(module):
                last = name if new.endswith(f".{name}") else new.rpartition(".")[2]
                renamed += _rename_class(store, info, name, new.removesuffix(f".{last}"), last)
                of_class += 1
                break
    if not of_function and not of_class:
        names = sorted({info.name for info in known} | {each for info in known for each in _classes(info)})
        raise KeyError(f"nothing in {store!r} has the name {old!r}; there is: {', '.join(names) or '(nothing)'}.")
    return renamed


def _splits(name: str) -> list[tuple[str, str]]:
    """Return all ways to read a dotted name as a module and a qualified name."""
    parts = name.split(".")
    return [(".".join(parts[:i]), ".".join(parts[i:])) for i in range(len(parts) - 1, 0, -1)]


def _classes(info: ResultSetInfo) -> list[str]:
    return [
        f"{json.loads(text)}.{key.removeprefix('class ')}"
        for key, text in info.facts.items()
        if key.startswith("class ") and key != CONFIG_CLASS
    ]


def _rename_class(store: Backend, info: ResultSetInfo, name: str, module: str, new: str) -> int:
    """Give a class another module and name in everything that a result set holds; return its number of rows."""
    full = {key: _renamed(text, name, new) for key, text in info.full_config.items()}
    facts = {}
    for key, text in info.facts.items():
        kind, _, rest = key.partition(" ")
        if kind in ("class", "member", "default") and (rest == name or rest.startswith(name + ".")):
            key = f"{kind} {new}{rest[len(name) :]}"
        facts[key] = _renamed(text, name, new)
    facts[f"class {new}"] = canonical_text(module)
    if name == new:
        store.put_result_set(replace(info, facts=facts))
        return sum(store.count(info.uid).values())
    if facts.get(CONFIG_CLASS) == canonical_text(name):
        facts[CONFIG_CLASS] = canonical_text(new)
    config = {field: _renamed(text, name, new) for field, text in info.config.items()}
    target = info.moved(config=config, full_config=full, facts=facts)
    return move(store, info, target, change=lambda point: _renamed_point(point, name, new))


def _renamed_point(point: Any, old: str, new: str) -> Any:
    return PointKey(_renamed(point.text, old, new), point.fields) if type(point) is PointKey else point


def _renamed(text: str, old: str, new: str) -> str:
    """Return a canonical text with another name for a class."""
    return json.dumps(_renamed_value(json.loads(text), old, new), separators=(",", ":"))


def _renamed_value(value: Any, old: str, new: str) -> Any:
    if isinstance(value, list):
        return [_renamed_value(each, old, new) for each in value]
    if not isinstance(value, dict):
        return value
    changed = {key: _renamed_value(each, old, new) for key, each in value.items()}
    if changed.get("dc") == old:
        changed["dc"] = new
    if "e" in changed and changed["e"][0] == old:
        changed["e"] = [new, *changed["e"][1:]]
    for tag in ("s", "d"):  # these are sorted by their texts
        if list(changed) == [tag]:
            changed[tag] = sorted(changed[tag], key=lambda each: json.dumps(each, separators=(",", ":")))
    return changed


def migrate(store: Backend, evaluation: Callable[..., Any] | None = None) -> int:
    """Move results to the place that belongs to them by now; return how many evaluations moved.

    Parameters
    ----------
    store : Store
    evaluation : Evaluation, optional
        The one whose default changed: its stored results move to the result set in which the old value is given
        explicitly, and are found again by a configuration that has that value. Without it all result sets are moved
        whose uids an older version of this package computed.
    """
    if evaluation is None:
        old = [info for info in store.read_result_sets() if info.uid_version < UID_VERSION]
        return sum(move(store, info, info.moved()) for info in old)
    now = Evaluation.of(evaluation)
    stored = next((info for info in store.read_result_sets() if info.uid == now.uid), None)
    stale = {} if stored is None else changed_defaults(stored, now.info)
    if stored is None or not stale:
        return 0
    nested = [name for name in stale if "." in name or " " in name]
    if nested:
        raise StoreError(
            f"the default of {nested[0]!r} changed inside a nested value, whose results cannot be moved; restore "
            "the default, or change `version`, or accept the new default."
        )
    explicit = {name: then for name, (then, _) in stale.items()}
    return move(store, stored, stored.moved(config={**stored.config, **explicit}), point_key=now.point_key)


def accept_default(store: Backend, evaluation: Callable[..., Any] | str, field: str) -> None:
    """Declare that the changed default of `field` does not matter: old results count for the new default as well.

    Parameters
    ----------
    store : Store
    evaluation : Evaluation or str
        As in `Store.space`.
    field : str
        A field of the configuration, dotted if nested; a field ``Class.field`` of a class inside a container or a
        point; or a member ``Class.MEMBER`` of an Enum.

    Raises
    ------
    KeyError
        If the result set is not there, or has no such field.
    """
    info = find_result_set(store, evaluation).info

    def is_meant(key: str) -> bool:
        kind, _, name = key.partition(" ")
        if kind in ("default", "member") and name:
            return name == field or name.endswith("." + field)
        return key == field or key.startswith(field + ".") or key.endswith("." + field)

    full = {key: text for key, text in info.full_config.items() if not is_meant(key)}
    facts = {key: text for key, text in info.facts.items() if not is_meant(key)}
    if len(full) == len(info.full_config) and len(facts) == len(info.facts):
        names = ", ".join([*info.full_config, *(key.partition(" ")[2] for key in info.facts)])
        raise KeyError(f"{field!r} is no field of {printable(info.slug)}; there is: {names}.")
    store.put_result_set(replace(info, full_config=full, facts=facts))


def merge(store: Backend, other: Backend) -> int:
    """Take over all results of another store; return how many evaluations were read.

    Results that are in both stay as they are here; a result replaces a failure. Damaged rows are left out.
    """
    known = {info.uid for info in store.read_result_sets()}
    for run in other.read_runs():
        store.put_run(run)
    number = 0
    for info in other.read_result_sets():
        if info.uid not in known:
            store.put_result_set(info)
        rows: list[Row] = []
        for row in other.iter(info.uid):
            if row.status != DAMAGED:
                rows.append(row)
                number += 1
            if len(rows) == 256:
                store.put(rows)
                rows = []
        store.put(rows)
    return number


def gc(
    store: Backend,
    keep_versions: int | None = None,
    *,
    older_than: timedelta | float | None = None,
    larger_than: int | None = None,
    where: Where | None = None,
    dry_run: bool = False,
) -> dict[str, int]:
    """Remove files that no row names and, on request, results. Not to be called while a run writes.

    Parameters
    ----------
    store : Store
    keep_versions : int, optional
        How many versions to keep of what has the same name, configuration, seed and context: the last ones made.
        By default all.
    older_than : timedelta or float, optional
        Remove evaluations that began longer ago than this; a number is in seconds.
    larger_than : int, optional
        Remove evaluations whose results have more bytes.
    where : optional
        Remove these evaluations, in all result sets, as `Space.delete` does. Of `older_than`, `larger_than` and
        `where` those that are given have to hold together.
    dry_run : bool
        Remove nothing; return what would be removed, without the ``files``.

    Returns
    -------
    dict
        Numbers removed: ``spaces`` (result sets), ``evaluations``, ``files``; a folder of artifacts is one file.
    """
    removed = {"spaces": 0, "evaluations": 0, "files": 0}
    old = [] if keep_versions is None else _old_versions(store, keep_versions)
    for info in old:
        removed["spaces"] += 1
        removed["evaluations"] += sum(store.count(info.uid).values())
        if not dry_run:
            remove_artifacts(store.place, [row.key for row in store.scan(info.uid)])
            store.drop_result_set(info.uid)
    if not (older_than is None and larger_than is None and where is None):
        age = older_than.total_seconds() if isinstance(older_than, timedelta) else older_than
        before = None if age is None else time.time() - age
        for info in store.read_result_sets():
            rows = [] if info in old else _chosen(store, info, before, larger_than, where or {})
            removed["evaluations"] += len(rows)
            if not dry_run:
                store.delete([row.key for row in rows])
                remove_artifacts(store.place, [row.key for row in rows])
    if not dry_run:
        uids = [info.uid for info in store.read_result_sets()]
        removed["files"] = store.clean_files()
        removed["files"] += clean_artifacts(store.place, (row.key for uid in uids for row in store.scan(uid)), uids)
    return removed


def _old_versions(store: Backend, keep: int) -> list[ResultSetInfo]:
    if keep < 1:
        raise ValueError(f"`keep_versions` should be at least 1, but is {keep}.")
    groups: dict[Any, list[ResultSetInfo]] = defaultdict(list)
    for info in store.read_result_sets():
        groups[info.name, tuple(sorted(info.config.items())), info.seed, info.context_key].append(info)
    return [info for group in groups.values() for info in group[:-keep]]


def _chosen(store: Backend, info: ResultSetInfo, before: float | None, larger: int | None, where: Where) -> list[Row]:
    """Return the rows that are old, large and meant, where that is asked for."""
    try:
        rows = Space(store, info).rows(where)
    except ValueError:  # no point of this result set has such a field
        return []
    return [
        row for row in rows
        if (before is None or row.started < before)
        and (larger is None or len(row.y) + len(row.y_data or b"") > larger)
    ]  # fmt: skip


def move(
    store: Backend,
    old: ResultSetInfo,
    new: ResultSetInfo,
    *,
    point_key: Callable[[Any], Any] | None = None,
    change: Callable[[Any], Any] = lambda point: point,
) -> int:
    """Move all rows of a result set, with their artifacts; return how many.

    Rows that are already in the new place win if they are results.

    Raises
    ------
    StoreError
        If rows are damaged, or the uid of a point cannot be made again.
    """
    if new.uid == old.uid:
        return 0
    before, after = PointUids(old.uid, point_key), PointUids(new.uid, point_key)
    moved: list[Row] = []
    for row in store.iter(old.uid):
        if row.status == DAMAGED:
            raise StoreError(
                f"results of {printable(old.slug)} are damaged; nothing was moved. Delete them first: "
                f'store.space({old.uid!r}).delete({{"status": "damaged"}}).'
            )
        point = point_of(row)
        try:
            found = before(point) == row.point_uid
        except NotCanonicalError:
            found = False
        if not found:
            raise StoreError(
                f"the point {point!r} of {printable(old.slug)} has its uid from a point_key; move such results with "
                "store.migrate(evaluation), which has it, or compute them again."
            )
        changed = change(point)
        text = row.point if changed is point else encode(changed, "the point")[0]
        moved.append(row._replace(space=new.uid, point_uid=after(changed), point=text))
        if store.place is not None:
            source = artifact_folder(store.place, row.key)
            if source.is_dir():
                target = artifact_folder(store.place, moved[-1].key)
                target.parent.mkdir(parents=True, exist_ok=True)
                if not target.exists():
                    os.rename(source, target)
    if all(info.uid != new.uid for info in store.read_result_sets()):
        store.put_result_set(new)
    for start in range(0, len(moved), 256):
        store.put(moved[start : start + 256])
    store.drop_result_set(old.uid)
    return len(moved)
