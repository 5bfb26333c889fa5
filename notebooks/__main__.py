"""Execute every notebook of this folder: ``python -m notebooks``; the first that fails ends it with its traceback."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import jupytext
from nbclient import NotebookClient

HERE = Path(__file__).parent


def main() -> int:
    """Run them all in a folder that is thrown away."""
    for path in sorted(HERE.glob("*.md")):
        notebook = jupytext.read(path)
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            NotebookClient(
                notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": folder}}
            ).execute()
        print(f"{path.name}: {time.perf_counter() - start:.1f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
