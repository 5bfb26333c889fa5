"""Copies the notebooks of the repository beside the pages, so that the site can show them.

A copy is written only where it differs, so that what was executed before is found again in the cache.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

__all__ = ["copy_notebooks", "setup"]


def copy_notebooks(source: Path, target: Path) -> list[str]:
    """Make `target` hold the ``.md`` files of `source` and no others; return their names."""
    target.mkdir(exist_ok=True)
    names = sorted(path.name for path in source.glob("*.md"))
    for old in target.glob("*.md"):
        if old.name not in names:
            old.unlink()
    for name in names:
        text, copy = (source / name).read_text(encoding="utf-8"), target / name
        if not copy.exists() or copy.read_text(encoding="utf-8") != text:
            copy.write_text(text, encoding="utf-8")
    return names


def _begin(app: Sphinx) -> None:
    docs = Path(app.srcdir)
    copy_notebooks(docs.parent / "notebooks", docs / "notebooks")


def setup(app: Sphinx) -> dict[str, Any]:
    """Copy before Sphinx looks for pages."""
    app.connect("builder-inited", _begin)
    return {"version": "1", "parallel_read_safe": True}
