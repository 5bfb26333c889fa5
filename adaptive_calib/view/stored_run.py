"""A run of a store as a `RunView`: the state that it wrote last, and what became of it since."""

from __future__ import annotations

from dataclasses import replace

from adaptive_calib.store.manifest import is_running, state_of, status_of
from adaptive_calib.store.rows import Run
from adaptive_calib.view.run import RunView, from_state

__all__ = ["stored_view"]

#: Words of a run's status in a store -> those of a view, which have colours.
_STATUS = {"running": "running", "finished": "finished", "exhausted": "finished", "cancelled": "cancelled"}


def stored_view(run: Run) -> RunView | None:
    """Return the last state of a run; None if none was written."""
    try:
        view = from_state(state_of(run))
    except ValueError:
        return None
    gone = "killed: its process is gone" if status_of(run) == "killed" else None
    view = replace(view, status=_STATUS.get(status_of(run), "failed"), reason=run.reason or gone or view.reason)
    if not is_running(run):
        view = replace(view, left=None, left_range=None, stopping=False, running=())
    return view
