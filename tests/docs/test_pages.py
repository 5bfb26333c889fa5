"""The Python on the pages runs.

Each page's blocks fenced as ``python`` are run in their order, in a process of their own, in an empty folder. What
needs a cluster or a server is fenced as ``text``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import DOCS, ROOT, module_of, pages

KINDS = ("how-to", "explanation", "maintain", "tutorials", "migration", "gallery")

#: Pages that show pieces of programs, with names that are the reader's.
SKETCHES: tuple[str, ...] = ()


WITH_CODE = [
    page
    for page in pages()
    if page.relative_to(DOCS).parts[0] in KINDS
    and page.relative_to(DOCS).as_posix() not in SKETCHES
    and module_of(page).strip()
] + [DOCS / "index.md", ROOT / "README.md"]


def _page(path: Path) -> Any:
    """Return a page as a parameter; all but those that a newcomer reads first are for the slow tests."""
    name = path.relative_to(ROOT).as_posix()
    first = name in ("README.md", "docs/index.md", "docs/tutorials/first_run.md", "docs/tutorials/first_calibration.md")
    return pytest.param(path, id=name, marks=() if first else pytest.mark.slow)


@pytest.mark.parametrize("page", [_page(path) for path in WITH_CODE])
def test_the_code_on_a_page_runs(page: Path, tmp_path: Path):
    """The code blocks of a page run one after the other, as a reader would type them; warnings are errors."""
    module = tmp_path / f"{page.stem}.py"
    module.write_text(module_of(page), encoding="utf-8")
    command = [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", module.name]
    environment = {**os.environ, "MPLBACKEND": "agg", "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200)
    assert ran.returncode == 0, f"{page}:\n{ran.stdout}\n{ran.stderr}"
    if "\nclass Test" in module.read_text(encoding="utf-8"):
        # the page shows contract tests, which pytest finds in the reader's file as here
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", "."]
        tested = subprocess.run(
            [*command, module.name], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200
        )
        assert tested.returncode == 0, f"{page}:\n{tested.stdout}"
