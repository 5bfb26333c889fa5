"""HoloViews, which is imported only where something is drawn."""

from __future__ import annotations

from typing import Any

__all__ = ["holoviews"]


def holoviews() -> Any:
    """Return the module HoloViews; RuntimeError without it."""
    try:
        import holoviews as hv
    except ImportError:
        raise RuntimeError("holoviews is not installed; plotting is disabled.") from None
    return hv
