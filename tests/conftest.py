"""What holds for every test."""

from __future__ import annotations

import faulthandler
import os
import signal
from collections.abc import Iterator

import pytest

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background job, as tests in CI may be, ignores Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)

#: Seconds that a test may go on after its time limit, which raises an exception in it once: code may catch that.
GRACE = 60

_errors = os.dup(2)  # what a test prints is captured


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """End the process, with the stacks of its threads, if a test outlives its limit; pytest-xdist starts another."""
    limit = item.get_closest_marker("timeout")
    seconds = float(limit.args[0] if limit else item.config.getini("timeout"))
    faulthandler.dump_traceback_later(seconds + GRACE, exit=True, file=_errors)
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()
