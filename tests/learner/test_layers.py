"""Learners know no files, tables or plots: one module is the door to the layers above."""

from __future__ import annotations

from pathlib import Path

import adaptive_calib.learner


def test_one_door_upwards() -> None:
    """No module of the learners but `_familiar_methods` imports by a string, where import-linter cannot see it."""
    folder = Path(adaptive_calib.learner.__file__).parent
    found = {
        file.name
        for file in folder.rglob("*.py")
        if any(word in file.read_text(encoding="utf-8") for word in ("importlib", "__import__"))
    }
    assert found == {"_familiar_methods.py"}
