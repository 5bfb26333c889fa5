"""JupyterLab on loopback and a browser that looks at it.

Needs Debian's ``chromium``, ``playwright`` (which drives it; no browser of its own is fetched) and ``jupyterlab``.
Screenshots are left in ``$ADAPTIVE_CALIB_SCREENSHOTS``, if that is set. On a build server (``CI`` is set) what is
missing is a failure: a test that is skipped there says nothing.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.processes import serving

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: What a page without a network complains of, and nothing of ours: Panel asks for style sheets of its own.
NOT_OURS = re.compile(r"ERR_NAME_NOT_RESOLVED|ERR_INTERNET_DISCONNECTED|Failed to load resource|favicon")


def needed(*modules: str) -> None:
    """Skip a test without what browser tests need, and these modules; on a build server, fail."""
    modules = ("jupytext", "playwright", "jupyterlab", *modules)
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if shutil.which("chromium") is None:
        missing.append("chromium (apt-get install chromium)")
    if missing:
        words = f"the browser tests need {', '.join(missing)}"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)


class Lab:
    """A server with one notebook, and a page on which it is open."""

    def __init__(self, folder: Path, port: int, token: str) -> None:
        self.folder = folder
        self._home = f"http://127.0.0.1:{port}"
        self._token = token
        self.page: Any = None
        self.errors: list[str] = []
        self.browsers: Any = None

    def open(self, page: Any) -> None:
        """Open the notebook, and wait until its kernel is idle."""
        self.page = page
        self._open(page, "doc/tree")
        self._idle()

    def _open(self, page: Any, path: str) -> None:
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda line: self._console(line))
        page.goto(f"{self._home}/{path}/notebook.ipynb?token={self._token}")
        self._ready(page)

    @staticmethod
    def _ready(page: Any) -> None:
        page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)
        page.wait_for_selector(".jp-Toolbar-kernelName:has-text('Python 3')", timeout=60_000)

    def reload(self) -> None:
        """Load the page again; what the notebook shows then is what was saved, and what the kernel sends."""
        self.page.reload()
        self._ready(self.page)

    @contextmanager
    def second(self) -> Iterator[Any]:
        """Open the notebook in another browser, and close it at the end."""
        browser = self.browsers.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1300, "height": 1500})
        page.set_default_timeout(150_000)
        self._open(page, "doc/workspaces/second/tree")
        yield page
        browser.close()

    def run_cell(self, n: int) -> None:
        """Run cell n, from 0."""
        self.page.locator(".jp-Notebook .jp-CodeCell .cm-content").nth(n).click()
        self.page.keyboard.press("Shift+Enter")

    def _console(self, line: Any) -> None:
        if line.type == "error" and not NOT_OURS.search(line.text):
            self.errors.append(line.text)

    def _idle(self) -> None:
        self.page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]", timeout=60_000)

    def run(self, cells: int) -> None:
        """Run the first cells."""
        self.page.locator(".jp-Notebook .jp-CodeCell .cm-content").first.click()
        for _ in range(cells):
            self.page.keyboard.press("Shift+Enter")

    def restart(self) -> None:
        """Restart the kernel."""
        (kernel,) = self._ask("/api/kernels")
        self._ask(f"/api/kernels/{kernel['id']}/restart", "POST")
        self._idle()

    def _ask(self, path: str, method: str = "GET") -> Any:
        request = Request(self._home + path, method=method, headers={"Authorization": f"token {self._token}"})
        with urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def saved(self) -> dict[str, Any]:
        """Save the notebook and return it as it is on the disk."""
        file = self.folder / "notebook.ipynb"
        before = file.stat().st_mtime_ns
        self.page.keyboard.press("Control+s")
        for _ in range(100):
            self.page.wait_for_timeout(100)
            if file.stat().st_mtime_ns != before:
                with suppress(json.JSONDecodeError):  # only a part of it is written yet
                    return dict(json.loads(file.read_text()))
        raise AssertionError("the notebook was not saved")

    def picture(self, name: str) -> None:
        """Keep what the page looks like."""
        folder = os.environ.get("ADAPTIVE_CALIB_SCREENSHOTS")
        if folder:
            self.page.screenshot(path=Path(folder) / f"{name}.png")


@pytest.fixture
def lab(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """Start JupyterLab in an empty home with the notebook that the test names by its mark ``notebook``, and open it."""
    needed()
    import jupytext
    from playwright import sync_api

    (name,) = request.node.get_closest_marker("notebook").args
    jupytext.write(jupytext.read(Path(__file__).with_name(name)), tmp_path / "notebook.ipynb")
    token = secrets.token_hex(16)
    environment = {**os.environ, "HOME": str(tmp_path), "JUPYTER_PLATFORM_DIRS": "0", "IPYTHONDIR": str(tmp_path)}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", "--port=0", "--allow-root"]
    options = [f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={tmp_path}", "--LabApp.news_url="]
    log = tmp_path / "lab.log"
    with (
        log.open("w") as out,
        serving([*command, *options], env=environment, stderr=out, stdout=out, cwd=tmp_path) as server,
    ):
        address = until(lambda: re.search(r"http://127\.0\.0\.1:(\d+)/", log.read_text()), server)
        lab = Lab(tmp_path, int(address[1]), token)
        with sync_api.sync_playwright() as playwright:
            context = playwright.chromium.launch_persistent_context(
                tmp_path / "profile",
                executable_path=shutil.which("chromium"),
                args=FLAGS,
                viewport={"width": 1300, "height": 1500},
            )
            lab.browsers = playwright.chromium
            lab.open(context.pages[0])
            yield lab
            context.close()


def until(answer: Callable[[], Any], server: subprocess.Popen[bytes]) -> Any:
    """Return the first true answer; look again whenever a tenth of a second has passed."""
    for _ in range(600):
        if found := answer():
            return found
        try:
            server.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
        break
    raise AssertionError(f"waited in vain for a process; it ended with {server.returncode}.")
