"""The news that no release has collected yet, as towncrier would print them, for the changelog of the site.

The file is written before Sphinx reads its sources; ``changelog.md`` includes it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx


def write(app: Sphinx, config: Any) -> None:
    """Write the news to ``docs/_build/unreleased.md``."""
    root = Path(app.confdir).parent
    options = ["--draft", "--version", "Not released yet", "--date", "draft"]
    command = [sys.executable, "-m", "towncrier", "build", *options]
    drafted = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    text = drafted.stdout.replace(" (draft)", "", 1)  # the date
    target = root / "docs" / "_build" / "unreleased.md"
    target.parent.mkdir(exist_ok=True)
    if not target.exists() or target.read_text(encoding="utf-8") != text:
        target.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("config-inited", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
