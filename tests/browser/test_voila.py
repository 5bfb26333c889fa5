"""A live run in Voila, which executes the notebook for each visitor and shows its outputs without the code."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import FLAGS, NOT_OURS, needed, until
from tests.browser.test_saved import DRAWN
from tests.processes import serving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CELL = """
import asyncio
from pathlib import Path
from adaptive_calib import Learner1D, Runner

async def cube(x):
    while not Path("end").exists() and learner.npoints >= 40:
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.01)
    return x**3

learner = Learner1D(cube, (-1, 1))
runner = Runner(learner, npoints_goal=60, ntasks=1)
runner.live_info()
runner.live_plot(update_interval=0.5)
"""


def test_each_page_has_a_run_of_its_own(tmp_path: Path) -> None:
    """Right after loading, after a reload and in a second page the plot is whole, and follows the run to its end."""
    needed("voila")
    import nbformat
    from playwright import sync_api

    notebook: Any = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    nbformat.write(notebook, tmp_path / "notebook.ipynb")
    log = tmp_path / "voila.log"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ["--no-browser", f"--port={port}", "--Voila.port_retries=0", "--Voila.ip=127.0.0.1"]
    command = [sys.executable, "-m", "voila", "notebook.ipynb", *options]
    environment = {**os.environ, "HOME": str(tmp_path), "JUPYTER_PLATFORM_DIRS": "0", "IPYTHONDIR": str(tmp_path)}
    errors: list[str] = []

    def whole(page: Any, status: str, points: int) -> None:
        page.wait_for_selector(f'.adaptive-calib-run[data-status="{status}"][data-points="{points}"]')
        page.wait_for_function(f"() => ({DRAWN})() === {points}")
        assert page.locator(".bk-Figure").count() == 1

    with (
        log.open("w") as out,
        serving(command, env=environment, stderr=out, stdout=out, cwd=tmp_path) as server,
    ):
        until(lambda: "Voilà is running at" in log.read_text(), server)
        with sync_api.sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
            pages = [browser.new_page() for _ in range(2)]
            for page in pages:
                page.set_default_timeout(100_000)
                page.on("pageerror", lambda error: errors.append(str(error)))
                page.goto(f"http://127.0.0.1:{port}/", wait_until="commit")
                whole(page, "running", 40)
            pages[0].reload(wait_until="commit")
            whole(pages[0], "running", 40)
            (tmp_path / "end").touch()
            for page in pages:
                whole(page, "finished", 60)
            browser.close()
    assert [error for error in errors if not NOT_OURS.search(error)] == []
