"""Processes that tests start."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


@contextmanager
def started(command: list[str], **options: Any) -> Iterator[subprocess.Popen[Any]]:
    """Start a process; at the end of the block wait for it, and kill it first, with its session, if the test failed.

    ``subprocess.Popen`` itself only waits, which after a failed assertion, or at the time limit of a test, is for ever.
    """
    with subprocess.Popen(command, **options) as process:
        try:
            yield process
        except BaseException:
            with suppress(ProcessLookupError):
                if options.get("start_new_session"):
                    os.killpg(process.pid, signal.SIGKILL)
                else:
                    process.kill()
            raise


@contextmanager
def serving(command: list[str], **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Start a server; at the end of the block terminate it, and kill it if it has not ended after 20 s."""
    server = subprocess.Popen(command, **options)
    try:
        yield server
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
