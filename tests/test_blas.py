"""BLAS has one thread where matrices are small, and as many as before afterwards."""

from __future__ import annotations

import pytest

from adaptive_calib._blas import one_thread


def test_one_thread() -> None:
    """Threads are limited during the call only, whether it returns or raises."""
    threadpoolctl = pytest.importorskip("threadpoolctl")

    def threads() -> list[int]:
        return [pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]

    @one_thread
    def fails() -> None:
        raise ValueError(max(threads()))

    before = threads()
    assert set(one_thread(threads)()) == {1}
    with pytest.raises(ValueError, match=r"^1$"):
        fails()
    assert threads() == before
