"""A live run in JupyterLab, seen and clicked by a real browser.

Needs Debian's ``chromium``, ``playwright`` (which drives it; no browser of its own is fetched) and ``jupyterlab``.
Screenshots are left in ``$ADAPTIVE_CALIB_SCREENSHOTS``, if that is set.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

jupytext = pytest.importorskip("jupytext")
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytest.importorskip("jupyterlab", reason="jupyterlab is not installed")
CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (apt-get install chromium)"),
    pytest.mark.timeout(300),
]

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[str]:
    """Start JupyterLab on loopback, in an empty home; yield the address of the notebook."""
    jupytext.write(jupytext.read(Path(__file__).with_name("live.md")), tmp_path / "live.ipynb")
    token = secrets.token_hex(16)
    environment = {**os.environ, "HOME": str(tmp_path), "JUPYTER_PLATFORM_DIRS": "0", "IPYTHONDIR": str(tmp_path)}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", "--port=0", "--allow-root"]
    options = [f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={tmp_path}", "--LabApp.news_url="]
    log = tmp_path / "lab.log"
    with log.open("w") as out:
        server = subprocess.Popen([*command, *options], env=environment, stderr=out, stdout=out, cwd=tmp_path)
    try:
        address = _until(lambda: re.search(r"http://127\.0\.0\.1:(\d+)/", log.read_text()), server)
        yield f"http://127.0.0.1:{address[1]}/doc/tree/live.ipynb?token={token}"
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()


def _until(answer: Callable[[], Any], server: subprocess.Popen[bytes]) -> Any:
    """Return the first true answer; look again whenever a tenth of a second has passed."""
    for _ in range(600):
        if found := answer():
            return found
        try:
            server.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
        break
    raise AssertionError(f"JupyterLab did not start; it ended with {server.returncode}.")


def _picture(page: Any, name: str) -> None:
    folder = os.environ.get("ADAPTIVE_CALIB_SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png")


#: Points in the table of the run, as the page has them.
_POINTS = "() => Math.max(-1, ...[...document.querySelectorAll('.adaptive-calib-run')].map(e => +e.dataset.points))"

#: Points in the longest column that Bokeh draws on the page.
_DRAWN = """() => Math.max(0, ...(window.Bokeh ? Bokeh.documents : []).flatMap(document =>
    [...document._all_models.values()].filter(model => model.type.endsWith('ColumnDataSource'))
        .flatMap(source => Object.values(source.data).map(column => column.length))))"""


def test_watch_and_cancel(lab: str, tmp_path: Path) -> None:
    """The table and the plot of a run grow; cancel ends the run and keeps its points; a failed run shows its traceback."""
    with sync_api.sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path / "profile", executable_path=CHROMIUM, args=FLAGS, viewport={"width": 1300, "height": 1500}
        )
        page = context.pages[0]
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(lab)
        page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)
        page.wait_for_selector("text=Python 3", timeout=60_000)
        page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]", timeout=60_000)
        page.locator(".jp-Notebook .jp-CodeCell .cm-content").first.click()
        for _ in range(3):
            page.keyboard.press("Shift+Enter")
        page.wait_for_selector('.adaptive-calib-run[data-status="running"]', timeout=60_000)
        page.wait_for_selector(".bk-Figure", timeout=30_000)
        shown = page.evaluate(_POINTS)
        _picture(page, "running")
        page.wait_for_function(f"({_POINTS})() > {shown}", timeout=30_000)
        page.wait_for_function(f"({_DRAWN})() > 20", timeout=30_000)
        drawn = page.evaluate(_DRAWN)
        page.wait_for_function(f"({_DRAWN})() > {drawn}", timeout=30_000)
        page.get_by_role("button", name="cancel and keep what is running").first.click()
        page.wait_for_selector('.adaptive-calib-run[data-status="cancelled"]', timeout=30_000)
        kept = page.evaluate(_POINTS)
        assert kept > shown
        page.wait_for_selector('.adaptive-calib-run[data-status="failed"]', timeout=30_000)
        assert "out of cheese" in page.locator('.adaptive-calib-run[data-status="failed"]').inner_text()
        assert page.get_by_role("button", name="cancel").count() == 0
        _picture(page, "cancelled")
        context.close()
        assert errors == []
