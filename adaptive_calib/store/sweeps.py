"""All result sets of one function: a table of them, and why one was not found."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from adaptive_calib._words import count
from adaptive_calib.store.backend import Backend
from adaptive_calib.store.identity.canonical import plain_text
from adaptive_calib.store.identity.evaluation import Evaluation
from adaptive_calib.store.identity.result_set_info import CONFIG_CLASS, ResultSetInfo
from adaptive_calib.store.result_set import Space
from adaptive_calib.store.text import printable

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["explain", "sweep_table"]


def sweep_table(store: Backend, function: Callable[..., Any] | str) -> pd.DataFrame:
    """Return one table of all results of a function, whatever its configuration and version.

    Parameters
    ----------
    store : Store
    function : Evaluation, function or str
        Or its name.

    Returns
    -------
    DataFrame
        The columns of `Space.to_dataframe`, after a column for each field of the configurations, defaults too, and
        ``version`` and ``root_seed``.

    Raises
    ------
    KeyError
        If there are no results of this name.
    """
    import pandas as pd

    name = function if isinstance(function, str) else Evaluation.of(function).name
    infos = [info for info in store.read_result_sets() if info.name == name]
    if not infos:
        names = sorted({info.name for info in store.read_result_sets()})
        raise KeyError(f"nothing in {store!r} has the name {name!r}; there is: {', '.join(names) or '(nothing)'}.")
    tables = []
    for info in infos:
        table = Space(store, info).to_dataframe()
        fields: dict[str, Any] = {"version": info.version, "root_seed": info.seed}
        fields.update({key: _value(text) for key, text in {**info.full_config, **info.config}.items()})
        for number, (key, value) in enumerate(fields.items()):
            column = key if key not in table.columns else f"config.{key}"
            table.insert(number, column, pd.Series([value] * len(table), index=table.index))
        table.attrs = {}
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def explain(store: Backend, evaluation: Callable[..., Any]) -> str:
    """Return what a store has of an evaluation; if nothing, in what it differs from the nearest result set.

    Parameters
    ----------
    store : Store
    evaluation : Evaluation or function

    Returns
    -------
    str
        A sentence for people.
    """
    now = Evaluation.of(evaluation).info
    known = store.read_result_sets()
    for info in known:
        if info.uid == now.uid:
            counted = ", ".join(f"{number} {status}" for status, number in sorted(store.count(info.uid).items()))
            return f"{now.slug}: {counted or 'no results yet'}."
    if not known:
        return f"{now.slug}: nothing is stored; {store!r} is empty."
    differences, nearest = min(
        ((_differences(info, now), info) for info in known),
        key=lambda pair: (pair[1].name != now.name, len(pair[0]), -pair[1].created),
    )
    parts = "; ".join(f"{name} is {new}, not {old}" for name, (old, new) in differences.items())
    number = count(sum(store.count(nearest.uid).values()), "result")
    return f"{now.slug}: nothing is stored. The nearest is {printable(nearest.slug)} ({number}): {parts}."


def _differences(stored: ResultSetInfo, now: ResultSetInfo) -> dict[str, tuple[str, str]]:
    """Return what differs between two identities: name -> (stored, now), for people."""
    found = {}
    for name in ("name", "version", "seed", "context_key"):
        old, new = getattr(stored, name), getattr(now, name)
        if old != new:
            found[name] = (repr(old), repr(new))
    classes = [json.loads(info.facts.get(CONFIG_CLASS, '"a mapping"')) for info in (stored, now)]
    if classes[0] != classes[1]:
        found["the class of the configuration"] = (classes[0], classes[1])
    for key in sorted(stored.config.keys() | now.config.keys()):
        texts = [
            info.config.get(key) or info.full_config.get(key) for info in (stored, now)
        ]  # fmt: skip
        if texts[0] != texts[1]:
            old, new = ("missing" if text is None else plain_text(text) for text in texts)
            found[f"`{key}`"] = (old, new)
    return found


def _value(text: str) -> Any:
    """Return a canonical text as a number, a text or None where it is one, else as a text for people."""
    form = json.loads(text)
    if form is None or isinstance(form, (bool, str)):
        return form
    if isinstance(form, dict) and list(form) == ["f"]:
        return float.fromhex(form["f"])
    return plain_text(text)
