"""Detection of the frontend and the display libraries; importing this module sets nothing up."""

from __future__ import annotations

import contextvars
import importlib
import random
import sys
import warnings
from collections.abc import Callable
from typing import Any

__all__ = ["ensure_holoviews", "ensure_plotly", "has", "in_ipynb", "notebook_extension", "say", "should_update"]

INSTALL = 'install it by `pip install "adaptive_calib[notebook]"`'
#: Messages that may wait in the kernel before updates are left out.
_QUEUE = 10


def in_ipynb() -> bool:
    """Whether this runs in a Jupyter kernel: Lab, Notebook, VS Code or any other; False in a terminal IPython.

    Examples
    --------
    >>> from adaptive_calib.notebook import in_ipynb
    >>> in_ipynb()  # not here
    False
    """
    ipython = sys.modules.get("IPython")  # a kernel has imported it
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


def has(module: str) -> bool:
    """Whether a module can be imported."""
    try:
        importlib.import_module(module)
    except ImportError:
        return False
    return True


def say(sentence: str) -> None:
    """Print a line."""
    sys.stdout.write(sentence + "\n")
    sys.stdout.flush()


def ensure_holoviews() -> Any:
    """Return the module holoviews.

    Raises
    ------
    RuntimeError
        It is not installed; says how to.

    Examples
    --------
    >>> from adaptive_calib.notebook import ensure_holoviews
    >>> ensure_holoviews().__name__
    'holoviews'
    """
    try:
        return importlib.import_module("holoviews")
    except ImportError:
        raise RuntimeError(f"holoviews is not installed; plotting is disabled: {INSTALL}.") from None


def ensure_plotly() -> Any:
    """Return the module plotly.

    Raises
    ------
    RuntimeError
        It is not installed; says how to.

    Examples
    --------
    >>> from importlib.util import find_spec
    >>> from adaptive_calib.notebook import ensure_plotly
    >>> if find_spec("plotly"):
    ...     plotly = ensure_plotly()
    """
    try:
        importlib.import_module("plotly.graph_objects")
        return importlib.import_module("plotly")
    except ImportError:
        raise RuntimeError("plotly is not installed; plotting is disabled: `pip install plotly`.") from None


def set_up_holoviews() -> Any:
    """Return holoviews with bokeh loaded into this notebook, if it was not yet.

    The JavaScript goes into the notebook: fetched, it leaves a blank cell where there is no network.
    """
    hv = ensure_holoviews()
    if "bokeh" not in hv.Store.loaded_backends():
        hv.extension("bokeh", logo=False, inline=True)
    return hv


def notebook_extension(*, _inline_js: bool = True) -> None:
    """Load HoloViews' JavaScript into this notebook now.

    Not needed: `live_plot` does it when it is first called, and `live_info` needs nothing. It stays because notebooks
    call it, and to choose the cell that holds the JavaScript.

    Parameters
    ----------
    _inline_js : bool
        Whether the JavaScript goes into the notebook instead of being fetched.

    Raises
    ------
    RuntimeError
        Outside a notebook.

    Warns
    -----
    RuntimeWarning
        HoloViews or ipywidgets is not installed; says what does not work without it.

    Examples
    --------
    >>> from adaptive_calib.notebook import in_ipynb, notebook_extension
    >>> if in_ipynb():
    ...     notebook_extension()
    """
    if not in_ipynb():
        raise RuntimeError('"adaptive_calib.notebook_extension()" may only be run from a Jupyter notebook.')
    if has("holoviews"):
        ensure_holoviews().extension("bokeh", logo=False, inline=_inline_js)
    else:
        warnings.warn(f"holoviews is not installed; plotting is disabled: {INSTALL}.", RuntimeWarning, stacklevel=2)
    if not has("ipywidgets"):
        warnings.warn(
            f"ipywidgets is not installed; live_info is disabled but for a table: {INSTALL}.",
            RuntimeWarning,
            stacklevel=2,
        )


def in_the_cell_of_the_moment(function: Callable[[Any], None]) -> Callable[[Any], None]:
    """Return a callback whose displays belong to the cell that is executed when it is called.

    A kernel keeps the cell to which a display belongs in a context variable. Programs that execute a notebook
    (nbconvert, papermill, Voila) take updates of earlier cells only from the cell that they execute.
    """
    empty = contextvars.Context()
    return lambda task: empty.run(function, task)


def should_update(status: Any = None) -> bool:
    """Whether to send one more update: with more than 10 messages waiting, ever less probably; True if unknown.

    Parameters
    ----------
    status
        Not used; accepted for callers that pass their widget.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from adaptive_calib.notebook import should_update
    >>> should_update(SimpleNamespace(comm=None)) in (True, False)
    True
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    thread = getattr(getattr(shell, "kernel", None), "iopub_thread", None)
    # the kernel has no public word for what waits to be sent; without this one nothing is left out
    waiting = len(getattr(thread, "_events", ()))
    return waiting <= _QUEUE or random.random() < 1.1 ** (_QUEUE - waiting)
