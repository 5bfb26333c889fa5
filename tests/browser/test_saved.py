"""A saved notebook, converted to HTML and opened without a kernel."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import FLAGS, NOT_OURS, needed

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CELLS = [
    "import time\nfrom concurrent.futures import ThreadPoolExecutor\nfrom adaptive_calib import Learner1D, Runner\n"
    "def cube(x):\n    time.sleep(0.05)\n    return x**3",
    "runner = Runner(Learner1D(cube, (-1, 1)), npoints_goal=60, executor=ThreadPoolExecutor(1))\n"
    "runner.live_info()\nrunner.live_plot()",
    "await runner.task",
]
#: Numbers of points of the plots; the largest.
DRAWN = """() => Math.max(0, ...(window.Bokeh?.documents ?? []).flatMap(document => [...document._all_models.values()]
    .filter(model => model.type.endsWith("ColumnDataSource")).map(source => source.data.x?.length ?? 0)))"""


@pytest.mark.parametrize("scripts", [True, False])
def test_a_converted_notebook(tmp_path: Path, scripts: bool) -> None:
    """It shows the table, and all points as a plot; where scripts do not run, as a picture."""
    needed()
    import nbclient
    import nbformat
    from nbconvert import HTMLExporter
    from playwright import sync_api

    notebook: Any = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    page_file = tmp_path / "notebook.html"
    page_file.write_text(HTMLExporter().from_notebook_node(notebook)[0])
    errors: list[str] = []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_context(java_script_enabled=scripts, offline=True).new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(page_file.as_uri(), wait_until="domcontentloaded")
        page.wait_for_selector('.adaptive-calib-run[data-status="finished"][data-points="60"]')
        if scripts:
            page.wait_for_function(f"() => ({DRAWN})() >= 60")
            page.wait_for_selector(".bk-Figure")
        else:
            assert page.locator("img[id^=adaptive-calib]").is_visible()
        browser.close()
    assert [error for error in errors if not NOT_OURS.search(error)] == []
