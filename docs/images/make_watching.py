"""Make the pictures of a watched run: ``python docs/images/make_watching.py``. Needs chromium, playwright and Pillow.

A run goes on in a process of its own; `adaptive-calib serve` shows it to a browser, `adaptive-calib watch` to a
terminal of 92 columns.
"""

from __future__ import annotations

import html
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image
from playwright import sync_api

HERE = Path(__file__).parent
COMMAND = [sys.executable, "-m", "adaptive_calib._command_line"]
FLAGS = ["--no-sandbox", "--disable-gpu"]
RUN = """
import math, sys, time
from adaptive_calib import BlockingRunner, Learner1D
from adaptive_calib.runner import Loss

def resonance(frequency, width=0.01):
    time.sleep(0.3 + 0.2 * math.sin(40 * frequency))
    if 0.86 < frequency < 0.88:
        raise RuntimeError(f"the solver did not converge at {frequency:.5f}")
    return frequency + width / (width + (frequency - 0.3) ** 2)

if __name__ == "__main__":
    from functools import partial
    width, goal = map(float, sys.argv[1:])
    learner = Learner1D(partial(resonance, width=width), bounds=(-1, 1))
    BlockingRunner(learner, goal=Loss(goal), store="resonance.db", on_error="continue")
"""


def main() -> None:
    """Make all pictures."""
    with tempfile.TemporaryDirectory() as name, sync_api.sync_playwright() as playwright:
        folder = Path(name)
        (folder / "run.py").write_text(RUN)
        subprocess.run([sys.executable, "run.py", "0.03", "0.06"], cwd=folder, check=True)
        run = subprocess.Popen([sys.executable, "run.py", "0.01", "0.003"], cwd=folder)
        serve = subprocess.Popen([*COMMAND, "serve", "resonance.db", "--port", "5099"], cwd=folder)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        time.sleep(40)  # so that there is something to see
        terminal(browser, folder)
        page = browser.new_page(viewport={"width": 1560, "height": 660})
        page.goto("http://127.0.0.1:5099/")
        page.locator("table.runs a").first.click()
        page.wait_for_selector(".bk-Figure >> nth=2")
        page.wait_for_timeout(3000)
        page.screenshot(path=(path := HERE / "serve-run-light.png"))
        small(path)
        # a page whose colours change loads itself again, so this is another one
        page = browser.new_page(viewport={"width": 1560, "height": 660}, color_scheme="dark")
        page.goto("http://127.0.0.1:5099/compare")
        page.wait_for_selector(".bk-Figure >> nth=1")
        page.wait_for_timeout(3000)
        page.screenshot(path=(path := HERE / "serve-compare.png"))
        small(path)
        browser.close()
        for process in (serve, run):
            process.terminate()
            process.wait()


def terminal(browser: sync_api.Browser, folder: Path) -> None:
    """Draw what ``adaptive-calib watch`` shows in a terminal."""
    process, descriptor = pty.fork()
    if process == 0:
        os.chdir(folder)
        os.environ["COLUMNS"] = "92"
        os.execv(sys.executable, [*COMMAND, "watch", "resonance.db", "--once"])
    shown = b""
    try:
        while part := os.read(descriptor, 65536):
            shown += part
    except OSError:  # the end of a terminal
        os.waitpid(process, 0)
    text = html.escape(shown.decode().replace("\r", "").rstrip())
    colours = {"32": "#4ec07f", "34": "#63a8ee", "31": "#f07070", "33": "#e0a84a"}
    text = re.sub("\033\\[(3[1-4])m(.*?)\033\\[0m", lambda m: f'<b style="color:{colours[m[1]]}">{m[2]}</b>', text)
    page = browser.new_page(viewport={"width": 900, "height": 300})
    style = "background:#14181d;color:#e4e8ee;font:15px/1.35 monospace;padding:14px;margin:0;display:inline-block"
    page.set_content(f'<body style="margin:0"><pre style="{style}">$ adaptive-calib watch resonance.db\n{text}</pre>')
    page.locator("pre").screenshot(path=(path := HERE / "watch-terminal.png"))
    small(path)


def small(path: Path) -> None:
    """Write a picture again with 128 colours."""
    Image.open(path).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main()
