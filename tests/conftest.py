"""What holds for every test."""

from __future__ import annotations

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background job, as tests in CI may be, ignores Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)
