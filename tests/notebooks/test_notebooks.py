"""The notebooks as text; that they run is `python -m notebooks`."""

from __future__ import annotations

import ast
from pathlib import Path

import jupytext
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.md"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_text_that_teaches(path: Path):
    """A Python 3 notebook without outputs, that begins with a heading and explains every few cells."""
    notebook = jupytext.read(path)
    assert notebook.metadata["kernelspec"]["name"] == "python3"
    assert notebook.cells[0].source.startswith("# ")
    kinds = [cell.cell_type for cell in notebook.cells]
    assert "code code code code" not in " ".join(kinds), "four cells of code in a row, and no word"
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert not cell.outputs
            compile(cell.source, path.name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_survives_jupyter(path: Path, tmp_path: Path):
    """What jupytext makes of it for Jupyter, and back, is the same cells."""
    notebook = jupytext.read(path)
    jupytext.write(notebook, tmp_path / "opened.ipynb")
    again = jupytext.read(tmp_path / "opened.ipynb")
    assert [cell.source for cell in again.cells] == [cell.source for cell in notebook.cells]
