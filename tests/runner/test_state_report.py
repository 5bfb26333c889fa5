"""The state that a run writes to its store."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from adaptive_calib import BlockingRunner, Learner1D
from adaptive_calib.runner import SequentialExecutor, state_report
from adaptive_calib.store import SQLiteStore
from adaptive_calib.view.run import from_state, look, to_state


def _run(path: Path, f: Any = abs, **options: Any) -> tuple[BlockingRunner, list[dict[str, Any]]]:
    """Run 50 points; return the runner and all states that were written."""
    states: list[dict[str, Any]] = []

    class Store(SQLiteStore):
        def put_run(self, run: Any) -> None:
            state = json.loads(run.manifest).get("state")
            if state is not None and (not states or states[-1] != state):
                states.append(state)
            super().put_run(run)

    with Store(path) as store:
        runner = BlockingRunner(
            Learner1D(f, (-1, 1)), npoints_goal=50, store=store, executor=SequentialExecutor(), **options
        )
    return runner, states


def test_at_the_beginning_and_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A short run writes two states; the last one is what a view of the runner shows."""
    monkeypatch.setattr(state_report, "FIRST", 100.0)
    monkeypatch.setattr(state_report, "INTERVAL", 100.0)
    runner, states = _run(tmp_path / "a.db")
    assert [state["npoints"] for state in (states[0], states[-1])] == [0, 50]
    assert len(states) == 2
    last, now = from_state(json.loads(json.dumps(states[-1]))), look(runner)
    for name in ("title", "goal", "npoints", "new", "loaded", "failed", "loss", "workers", "reason", "claim"):
        assert getattr(last, name) == getattr(now, name)


def test_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the run goes on its state is written again, within its share of the time."""
    monkeypatch.setattr(state_report, "INTERVAL", 0.01)

    def slow(x: float) -> float:
        time.sleep(0.02)
        return x

    _, states = _run(tmp_path / "a.db", slow)
    assert len(states) > 2
    assert [state["npoints"] for state in states] == sorted(state["npoints"] for state in states)
    assert states[1]["losses"]


def test_states_stay_small(tmp_path: Path) -> None:
    """Of any number of losses and any traceback a bounded part is kept, the last one included."""
    runner, _ = _run(tmp_path / "a.db")
    view = look(runner)
    losses = tuple((float(k), 1.0 / (k + 1)) for k in range(1000))
    long = type(view)(**{**vars(view), "losses": losses, "failures": (("0.5", "x" * 10**6),)})
    state = to_state(long)
    assert len(json.dumps(state)) < 10_000
    assert state["losses"][-1] == losses[-1]
    assert len(state["losses"]) <= 61
    with pytest.raises(ValueError, match="not the state of a run"):
        from_state({"title": "Learner1D"})
